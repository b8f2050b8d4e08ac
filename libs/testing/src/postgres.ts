import { randomBytes } from 'node:crypto';
import { provision, type DatabaseUrls } from '@khue/infra/postgres/provision';
import pg from 'pg';
import { inject } from 'vitest';

export interface TestDatabase extends DatabaseUrls {
  readonly name: string;
  close(): Promise<void>;
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser's URL of the run's PostgreSQL server. */
    postgresAdminUrl: string;
    /** Brokers of the run's Kafka, or why there is none. */
    kafka: { readonly brokers: string } | { readonly missing: string };
  }
}

/** A fresh, empty database with its owner and runtime role on the run's own server, as a service has it in production. */
export const postgres = async (): Promise<TestDatabase> => {
  const adminUrl = inject('postgresAdminUrl');
  const name = `t_${randomBytes(6).toString('hex')}`;
  const urls = (await provision(adminUrl, [name], { [name]: { owner: randomBytes(9).toString('hex'), app: randomBytes(9).toString('hex') } }))[name];
  if (!urls) throw new Error('the database was not provisioned');
  return {
    name,
    ...urls,
    close: async () => {
      const admin = new pg.Client({ connectionString: adminUrl });
      await admin.connect();
      await admin.query(`drop database if exists ${name} with (force)`);
      await admin.query(`drop role if exists ${name}_owner`);
      await admin.query(`drop role if exists ${name}_app`);
      await admin.end();
    },
  };
};
