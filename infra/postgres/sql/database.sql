-- Runs inside the new database, as superuser. What a service's tables allow is granted by its migrations, not here.
DO $$
DECLARE
  db text := current_setting('khue.name');
  owner_role text := db || '_owner';
  app_role text := db || '_app';
  extension_name text;
  other text;
BEGIN
  -- PUBLIC may connect to every database by default: a runtime role would reach its neighbors and the maintenance databases.
  FOREACH other IN ARRAY ARRAY[db, 'postgres', 'template1'] LOOP
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', other);
  END LOOP;
  EXECUTE format('GRANT CONNECT, TEMPORARY, CREATE ON DATABASE %I TO %I', db, owner_role);
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', db, app_role);

  REVOKE ALL ON SCHEMA public FROM PUBLIC;
  EXECUTE format('ALTER SCHEMA public OWNER TO %I', owner_role);
  EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', app_role);

  -- In a schema of their own and owned by the superuser: a service can use them and not change them.
  CREATE SCHEMA IF NOT EXISTS extensions;
  REVOKE ALL ON SCHEMA extensions FROM PUBLIC;
  EXECUTE format('GRANT USAGE ON SCHEMA extensions TO %I, %I', owner_role, app_role);
  FOREACH extension_name IN ARRAY ARRAY['unaccent', 'pg_trgm', 'btree_gist'] LOOP
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = extension_name) THEN
      EXECUTE format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA extensions', extension_name);
    END IF;
  END LOOP;
  EXECUTE format('ALTER DATABASE %I SET search_path = public, extensions', db);
END $$;
