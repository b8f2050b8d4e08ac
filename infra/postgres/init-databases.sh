#!/bin/bash
# Databases and roles of each service, for a PostgreSQL in a container: the image runs this on an empty volume. It repeats without harm, so after a new
# service or a changed password: docker compose exec postgres bash /docker-entrypoint-initdb.d/10-databases.sh
# The SQL is that of provision.ts. Passwords come from KHUE_<SERVICE>_OWNER_PASSWORD and KHUE_<SERVICE>_APP_PASSWORD and never stand on a command line.
set -euo pipefail

sql="${KHUE_SQL:-/khue-sql}"

# $1: database to connect to; the statements come on stdin.
run() {
  {
    echo 'SET client_min_messages = warning;'
    echo '\getenv name KHUE_NAME'
    echo '\getenv owner_password KHUE_OWNER_PASSWORD'
    echo '\getenv app_password KHUE_APP_PASSWORD'
    echo "SELECT set_config('khue.name', :'name', false), set_config('khue.owner_password', :'owner_password', false), set_config('khue.app_password', :'app_password', false) \\g /dev/null"
    cat
  } | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname "$1"
}

for name in ${KHUE_DATABASES:?}; do
  owner_password="KHUE_${name^^}_OWNER_PASSWORD"
  app_password="KHUE_${name^^}_APP_PASSWORD"
  export KHUE_NAME="$name" KHUE_OWNER_PASSWORD="${!owner_password:?}" KHUE_APP_PASSWORD="${!app_password:?}"
  { cat "$sql/roles.sql" "$sql/create-database.sql"; echo '\gexec'; } | run postgres
  run "$name" < "$sql/database.sql"
done
