import { fileURLToPath } from 'node:url';
import { acceptEach, type Decision, type EntryRefusal } from '@khue/decider/decision';
import { defineEvent } from '@khue/contracts/envelope';
import { toEntryProblems } from '@khue/contracts/entry-problems';
import type { ProblemCatalog } from '@khue/contracts/problems';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { z } from 'zod';
import type { Aggregate, Command, Tx } from './command.ts';
import { openPool } from './database.ts';
import { createGather, type Gather } from './gather.ts';
import { migrate } from './migrate.ts';

export interface Cell {
  readonly row: string;
  readonly value: number;
}
export interface Enter {
  readonly type: 'Enter';
  readonly grid: string;
  readonly cells: readonly Cell[];
}
interface Entered {
  readonly grid: string;
  readonly cells: readonly Cell[];
}
interface Grid {
  readonly values: Map<string, number>;
  version: number;
  touched: boolean;
}

export const gridProblems = {
  'grid-unknown': { status: 404, vi: 'Không có bảng này.', en: 'There is no such grid.' },
  'row-unknown': { status: 422, vi: 'Không có dòng này.', en: 'There is no such row.' },
  'value-too-high': { status: 422, vi: 'Cao nhất là {most}.', en: 'The highest is {most}.' },
  'row-twice': { status: 422, vi: 'Dòng này có hai lần.', en: 'The row is there twice.' },
} as const satisfies ProblemCatalog;

export const highest = 10;
/** Rows of every grid. */
export const gridRows = Array.from({ length: 200 }, (_, n) => `r${n}`);

const entered = defineEvent({ type: 'sample.entered', version: 1, topic: 'khue.sample.facts', data: z.object({ cells: z.number() }) });

/** What is wrong with the cells of a command, by their places. */
export const wrongCells = (cells: readonly Cell[]): EntryRefusal[] => {
  const seen = new Set<string>();
  return cells.flatMap(({ row, value }, entry): EntryRefusal[] => {
    if (!gridRows.includes(row)) return [{ entry, code: 'row-unknown', field: `cells.${entry}.row` }];
    if (seen.has(row)) return [{ entry, code: 'row-twice', field: `cells.${entry}.row` }];
    seen.add(row);
    return value > highest ? [{ entry, code: 'value-too-high', field: `cells.${entry}.value`, params: { most: highest } }] : [];
  });
};

/** Marks in rows: the smallest aggregate with a command of many entries. */
const gridsWith = (trial: { readonly oneForAll: boolean }): Aggregate<Enter, Map<string, Grid>, Entered> => ({
  noun: 'grid',
  load: async (tx: Tx, commands) => {
    const ids = [...new Set(commands.map(({ body }) => body.grid))].sort();
    const { rows } = await tx.query<{ id: string; version: number; values: Record<string, number> }>(
      'select id, version, values from grid where id = any($1) order by id for update',
      [ids],
    );
    return new Map(rows.map(({ id, version, values }) => [id, { version, values: new Map(Object.entries(values)), touched: false }]));
  },
  decide: ({ body: { grid, cells } }, state): Decision<Entered> => {
    if (!state.has(grid)) return { accepted: false, code: 'grid-unknown' };
    const refusals = wrongCells(cells);
    const right = cells.filter((_, place) => !refusals.some(({ entry }) => entry === place));
    return acceptEach(right.length > 0 && !(trial.oneForAll && refusals.length > 0) ? [{ grid, cells: right }] : [], refusals);
  },
  evolve: (state, event) => {
    const grid = state.get(event.grid);
    if (!grid) return;
    for (const { row, value } of event.cells) grid.values.set(row, value);
    Object.assign(grid, { version: grid.version + 1, touched: true });
  },
  save: async (tx, state) => {
    const changed = [...state].filter(([, { touched }]) => touched);
    if (changed.length === 0) return;
    await tx.query(
      'update grid set version = n.version, values = n.values from unnest($1::text[], $2::int[], $3::jsonb[]) n (id, version, values) where grid.id = n.id',
      [
        changed.map(([id]) => id),
        changed.map(([, { version }]) => version),
        changed.map(([, { values }]) => JSON.stringify(Object.fromEntries(values))),
      ],
    );
  },
  outbound: ({ grid, cells }, state) => [
    { definition: entered, subject: grid, sequence: state.get(grid)?.version ?? 0, data: { cells: cells.length } },
  ],
  answer: ({ body: { cells } }, _, refusals) => ({
    ok: true,
    body: { entered: cells.length - refusals.length, problems: toEntryProblems(gridProblems, refusals) },
  }),
  subject: ({ body: { grid: id } }, state) => {
    const grid = state.get(id);
    return { id, ...(grid ? { version: grid.version } : {}), record: grid && Object.fromEntries(grid.values) };
  },
});

export const enter = (grid: string, cells: readonly Cell[], more: Partial<Command<Enter>> = {}): Command<Enter> => {
  const id = uuidv7();
  return {
    id,
    body: { type: 'Enter', grid, cells },
    actor: 'officer.a',
    now: new Date().toISOString(),
    today: '2026-11-23',
    correlationId: id,
    causationId: id,
    ...more,
  };
};

/** Grids g1 to g9, empty before each test, for one spec file. */
export interface GridTrial {
  database: TestDatabase;
  pool: pg.Pool;
  gather: Gather<Enter>;
  /** Has a bad cell cost all the others of its command: what a control looks for. */
  oneForAll: boolean;
  values(grid: string): Promise<Readonly<Record<string, number>>>;
  version(grid: string): Promise<number>;
  audited(): Promise<readonly { subject: string; before: unknown; after: unknown; refused: unknown }[]>;
}

export const gridTrial = (): GridTrial => {
  const trial = {} as GridTrial;
  let owner: pg.Client;
  const row = async (grid: string) =>
    (await trial.pool.query<{ version: number; values: Record<string, number> }>('select version, values from grid where id = $1', [grid])).rows[0];
  Object.assign(trial, {
    values: async (grid) => (await row(grid))?.values ?? {},
    version: async (grid) => (await row(grid))?.version ?? -1,
    audited: async () => (await trial.pool.query('select subject, before, after, refused from messaging.audit order by id')).rows,
  } satisfies Partial<GridTrial>);
  beforeAll(async () => {
    trial.database = await postgres();
    const app = `${trial.database.name}_app`;
    await migrate({ ownerUrl: trial.database.ownerUrl, appRole: app, folders: [fileURLToPath(new URL('../migrations', import.meta.url))] });
    owner = new pg.Client({ connectionString: trial.database.ownerUrl });
    await owner.connect();
    await owner.query(`create table grid (id text primary key, version int not null, values jsonb not null); grant select, update on grid to ${app}`);
    trial.pool = openPool({ url: trial.database.appUrl, name: 'grids' });
  });
  afterAll(async () => {
    await owner.end();
    await trial.pool.end();
    await trial.database.close();
  });
  beforeEach(async () => {
    await owner.query(
      `truncate grid, messaging.log, messaging.audit, messaging.idempotency; insert into grid select 'g' || n, 0, '{}' from generate_series(1, 9) n`,
    );
    trial.oneForAll = false;
    trial.gather = createGather({
      pool: trial.pool,
      aggregate: gridsWith(trial),
      replayable: (answer) => answer.ok,
      committed: () => undefined,
      onError: () => undefined,
    });
  });
  return trial;
};
