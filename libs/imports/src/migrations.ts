import { fileURLToPath } from 'node:url';

/** Folder of the migrations that a service with an import door applies beside its own. */
export const importMigrations = fileURLToPath(new URL('../migrations', import.meta.url));
