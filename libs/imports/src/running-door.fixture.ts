import { openPool } from '@khue/messaging/database';
import { eventually } from '@khue/testing/eventually';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { expect } from 'vitest';
import { doorSchema, nobody, peopleDoor, peopleFile, personLine, sliced, type Mood } from './door.fixture.ts';
import { createImportFlow, type ImportFlow, type ImportStatus } from './import-flow.ts';
import { createImportRunner, type ImportRunner, type RunnerOptions } from './import-runner.ts';
import type { Step } from './store.ts';

/** Rows of the file a spec commits: five chunks and a half. */
export const ROWS = 5_500;

export const lines = (count: number, from = 1): string[] => Array.from({ length: count }, (_, n) => personLine(from + n));
export const step = (id: string): Step => ({ id, actor: 'approver.a', context: {} });

/** The door of `door.fixture` on a database of its own, with as many runners as a spec starts. */
export interface RunningDoor {
  readonly database: TestDatabase;
  readonly pool: pg.Pool;
  readonly mood: Mood;
  readonly flow: ImportFlow;
  readonly errors: unknown[];
  started(options?: Partial<RunnerOptions>): ImportRunner;
  planned(file: string): Promise<{ id: string; planHash: string }>;
  /** Planned and asked to be committed; without a runner nothing moves. */
  committing(file?: string): Promise<string>;
  reach(id: string, state: string): Promise<ImportStatus | undefined>;
  counted(): Promise<{ people: number; registered: number; revoked: number }>;
  /** As if a holder had said nothing for 11 seconds. */
  silence(): Promise<void>;
  stopRunners(): Promise<void>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

export const runningDoor = async (): Promise<RunningDoor> => {
  const database = await postgres();
  await doorSchema(database.ownerUrl, `${database.name}_app`);
  const pool = openPool({ url: database.appUrl, name: 'imports spec' });
  const mood: Mood = {};
  const errors: unknown[] = [];
  const runners: ImportRunner[] = [];
  const kinds = [peopleDoor(mood)];
  const flow = createImportFlow({ pool, kinds, people: nobody, wake: () => runners.forEach((runner) => runner.wake()) });
  const stopRunners = async (): Promise<void> => void (await Promise.all(runners.splice(0).map((runner) => runner.stop())));
  const planned: RunningDoor['planned'] = async (file) => {
    const answer = await flow.planUpload({
      id: uuidv7(),
      kind: 'people',
      upload: sliced(file),
      fileName: 'f.csv',
      actor: 'officer.a',
      unitId: null,
      context: {},
    });
    if (!answer.ok) throw new Error(answer.code);
    return answer.plan;
  };
  return {
    database,
    pool,
    mood,
    flow,
    errors,
    planned,
    started: (options) => {
      const runner = createImportRunner({
        pool,
        kinds,
        pace: async () => undefined,
        people: nobody,
        committed: () => undefined,
        onError: (error) => errors.push(error),
        ...options,
      });
      runners.push(runner);
      runner.start();
      return runner;
    },
    committing: async (file = peopleFile(lines(ROWS))) => {
      const { id, planHash } = await planned(file);
      expect((await flow.startCommit({ ...step(id), planHash })).ok).toBe(true);
      return id;
    },
    reach: (id, state) =>
      eventually(
        async () => {
          const status = await flow.importStatus(id);
          expect(status?.state).toBe(state);
          return status;
        },
        { withinMs: 30_000 },
      ),
    counted: async () => {
      const { rows } =
        await pool.query(`select (select count(*)::int from door.person) as people, count(*) filter (where what = 'registered')::int as registered,
        count(*) filter (where what = 'revoked')::int as revoked from door.effect`);
      return rows[0];
    },
    silence: async () => {
      await pool.query(`update imports.import set heartbeat_at = heartbeat_at - interval '11 s'`);
      runners.forEach((runner) => runner.wake());
    },
    stopRunners,
    reset: async () => {
      await pool.query(
        'delete from door.person; delete from door.effect; delete from imports.import; delete from imports.staged_row; delete from imports.row_key',
      );
      for (const key of Object.keys(mood) as (keyof Mood)[]) delete mood[key];
      errors.length = 0;
    },
    close: async () => {
      await stopRunners();
      await pool.end();
      await database.close();
    },
  };
};
