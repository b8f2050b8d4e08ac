-- CREATE DATABASE runs in no transaction and no DO block: this answers the statement to run, or no row when there is nothing to do.
-- template0 with the builtin C.UTF-8 locale: sorting is the same on every machine and survives an upgrade of its libc or ICU.
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8'' LOCALE_PROVIDER builtin BUILTIN_LOCALE ''C.UTF-8'' LOCALE ''C''',
              current_setting('khue.name'), current_setting('khue.name') || '_owner') AS statement
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = current_setting('khue.name'))
