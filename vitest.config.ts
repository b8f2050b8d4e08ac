import { defineConfig } from 'vitest/config';

const everywhere = ['apps', 'libs', 'infra', 'tools'];
const specs = (...endings: string[]): string[] => everywhere.flatMap((folder) => endings.map((ending) => `${folder}/**/*${ending}`));

/** `rules` are pure and fast; `integration` has a PostgreSQL server; `city` runs whole products, one file at a time. One project after the other. */
const config = defineConfig({
  test: {
    pool: 'forks',
    projects: [
      {
        test: {
          name: 'rules',
          include: specs('.spec.ts'),
          exclude: specs('.int.spec.ts', '.e2e.spec.ts', '.kafka.spec.ts').concat('**/node_modules/**'),
          pool: 'threads',
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          include: specs('.int.spec.ts'),
          exclude: ['**/node_modules/**'],
          globalSetup: ['libs/testing/src/postgres-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'city',
          include: specs('.e2e.spec.ts', '.kafka.spec.ts'),
          exclude: ['**/node_modules/**'],
          globalSetup: ['libs/testing/src/postgres-setup.ts', 'libs/testing/src/kafka-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

export { config as default };
