-- Two roles for each database. Parameters come as session settings, so that psql (compose) and pg (embedded, tests) run this same text.
DO $$
DECLARE
  db text := current_setting('khue.name');
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY[db || '_owner', db || '_app'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      EXECUTE format('CREATE ROLE %I', role_name);
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L', role_name,
      current_setting(CASE WHEN role_name = db || '_owner' THEN 'khue.owner_password' ELSE 'khue.app_password' END));
  END LOOP;
END $$;
