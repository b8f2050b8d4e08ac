import { fileURLToPath } from 'node:url';
import { unitTable, type Unit, type UnitTable } from '@khue/contracts/units';
import { inTransaction, openPool } from '@khue/messaging/database';
import { migrate } from '@khue/messaging/migrate';
import { copySchema } from '@khue/messaging/schema-copy';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { changeDays, isInSubtree, standsAt } from '../domain.ts';
import { readNews } from './changes.ts';
import { countColumns } from './counting.ts';
import { figuresOf } from './figures.ts';
import { createMirror, type Mirror } from './mirror.ts';
import { collect, write } from './projections.ts';
import { remembering } from './remembered.ts';
import type { Grouping, Selection } from './selection.ts';

/** To replay a failure, put the seed here that it printed. */
const replay: { readonly seed?: number } = {};
const steps = 150;

let database: TestDatabase;
let pool: pg.Pool;
let owner: pg.Client;

beforeAll(async () => {
  database = await postgres();
  const folders = ['libs/messaging/migrations', 'libs/host/migrations', 'apps/reporting/prisma/migrations'];
  const at = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
  await migrate({ ownerUrl: database.ownerUrl, appRole: `${database.name}_app`, folders: folders.map(at) });
  pool = openPool({ url: database.appUrl, name: 'mirror.int.spec' });
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await pool.end();
  await owner.end();
  await database.close();
});
beforeEach(async () => {
  await pool.query('delete from reporting.turn; delete from reporting.class; delete from reporting.merged; delete from directory.assignment');
});

/** Numbers in [0, below), the same for a seed (mulberry32). */
const randomOf = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) % 1_000_003) % below;
  };
};
type Random = ReturnType<typeof randomOf>;
const pick = <T>(random: Random, among: readonly T[]): T => among[random(among.length)] as T;
const names = (random: Random, count: number): string[] =>
  Array.from({ length: count }, () =>
    Array.from({ length: 8 }, () => random(65_536).toString(16).padStart(4, '0'))
      .join('')
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
  );

const [city, ...districts] = names(randomOf(1), 4) as [string, ...string[]];
const communes = names(randomOf(2), 9);
const wards = names(randomOf(3), 5);
const strangers = names(randomOf(4), 1);

/** Districts and communes until some day in the years that are reported, wards from then on; some split among two, one moved between districts. */
const randomUnits = (random: Random): UnitTable => {
  const unit = (id: string, parents: Unit['parents'], from: string, to: string | null): Unit => ({
    id,
    code: id,
    kind: 'x',
    name: id,
    from,
    to,
    parents,
  });
  const end = `202${random(3)}-0${1 + random(9)}-01`;
  const moved = `2019-0${1 + random(9)}-01`;
  return unitTable(
    [
      unit(city, [{ parentId: null, from: '2008-08-01', to: null }], '2008-08-01', null),
      ...districts.map((id) => unit(id, [{ parentId: city, from: '2008-08-01', to: null }], '2008-08-01', end)),
      ...communes.map((id, n) => {
        const above = districts[n % 3] as string;
        const first = { parentId: above, from: '2008-08-01', to: n === 0 ? moved : null };
        return unit(id, n === 0 ? [first, { parentId: districts[1] as string, from: moved, to: null }] : [first], '2008-08-01', end);
      }),
      ...wards.map((id) => unit(id, [{ parentId: city, from: end, to: null }], end, null)),
    ],
    communes.flatMap((id, n) => [
      { fromUnitId: id, toUnitId: wards[n % 5] as string, on: end },
      ...(n % 2 === 0 ? [{ fromUnitId: id, toUnitId: wards[(n + 1) % 5] as string, on: end }] : []),
    ]),
  );
};

const randomSelection = (random: Random, units: UnitTable): [Selection, Grouping] => {
  const from = 2017 + random(6);
  const period = { from: `${from}-01-01`, to: `${from + random(4)}-12-31` };
  const grouping = pick(random, ['line', 'program', 'year', 'place'] as const);
  const root = random(2) === 0 ? undefined : pick(random, [city, ...districts, ...communes, ...wards]);
  if (root === undefined && grouping !== 'place') return [period, grouping];
  const then = random(2) === 0;
  const keyOf = (unitId: string, begun: string | null, assignedTo: string | null): string | undefined => {
    const day = then ? (begun ?? period.from) : '2026-11-24';
    const key = standsAt(units, then ? 'then' : 'today', unitId, day, assignedTo);
    return root === undefined || isInSubtree(units, key, root, day) ? key : undefined;
  };
  return [{ ...period, places: { keyOf, spans: then ? changeDays(units) : undefined } }, grouping];
};

/** A run of random writers; the questions, after each of their steps, to which memory and SQL gave different answers. */
const differences = async (seed: number): Promise<{ different: string[]; inMemory: number }> => {
  const random = randomOf(seed);
  const units = randomUnits(random);
  const [people, classes, turns] = [names(random, 40), names(random, 20), names(random, 300)];
  /** Turns of transactions that are still open; others leave them alone. */
  const reserved = new Set<string>();
  const open: { readonly client: pg.PoolClient; readonly turns: readonly string[] }[] = [];
  const bySql = figuresOf(pool);
  const counted = remembering(countColumns);
  const mirror = createMirror({ pool, log: console as unknown as Parameters<typeof createMirror>[0]['log'] });
  const different: string[] = [];
  let inMemory = 0;

  const someTurns = (of: readonly string[], count: number) => {
    const rows = collect();
    for (let n = 0; n < count; n += 1) {
      const row = { classId: pick(random, classes), personId: pick(random, people), unitId: pick(random, [...communes, ...strangers]) };
      rows.turns.set(pick(random, of), random(5) === 0 ? null : { ...row, imported: random(3) > 0 });
    }
    return rows;
  };
  const free = (): string[] => turns.filter((id) => !reserved.has(id));
  const batch = async (): Promise<void> => {
    const rows = someTurns(free(), 1 + random(30));
    for (let n = random(4); n > 0; n -= 1) {
      const id = pick(random, classes);
      const from = `${2017 + random(8)}-${String(1 + random(12)).padStart(2, '0')}-15`;
      const row = { classId: id, code: id, programCode: `p${random(5)}`, line: `l${random(3)}`, hostUnitId: city, from };
      rows.classes.set(id, random(8) === 0 ? null : row);
    }
    if (random(3) === 0) rows.merged.set(pick(random, people), pick(random, people));
    const failing = new Error('rolled back');
    await inTransaction(
      pool,
      async (tx) => {
        await write(tx, rows);
        if (random(6) === 0) throw failing;
      },
      'set local search_path = reporting',
    ).catch((error: unknown) => {
      if (error !== failing) throw error;
    });
  };
  const begin = async (): Promise<void> => {
    const mine = free().slice(0, 12);
    if (open.length > 2 || mine.length < 12) return;
    mine.forEach((id) => reserved.add(id));
    const client = await pool.connect();
    await client.query('begin; set local search_path = reporting; set local idle_in_transaction_session_timeout = 0');
    await write(client, someTurns(mine, 10));
    open.push({ client, turns: mine });
  };
  const end = async (): Promise<void> => {
    const ending = open.splice(random(open.length), 1)[0];
    if (!ending) return;
    if (random(2) === 0) await write(ending.client, someTurns(ending.turns, 5));
    await ending.client.query(random(4) === 0 ? 'rollback' : 'commit');
    ending.client.release();
    ending.turns.forEach((id) => reserved.delete(id));
  };
  const assign = async (): Promise<void> => {
    await pool.query(
      `insert into directory.assignment (from_unit_id, person_id, to_unit_id) values ($1, $2, $3)
       on conflict (from_unit_id, person_id) do update set to_unit_id = excluded.to_unit_id`,
      [pick(random, communes), pick(random, people), pick(random, wards)],
    );
    await pool.query('update directory.version set number = number + 1');
  };
  /** What a version that knows neither numbers nor transactions writes. */
  const oldVersion = async (): Promise<void> => {
    const some = free().filter(() => random(10) === 0);
    await pool.query('update reporting.turn set unit_id = $2 where id = any($1)', [some.slice(3), pick(random, communes)]);
    await pool.query('delete from reporting.turn where id = any($1)', [some.slice(0, 3)]);
  };
  /** As a rebuild puts new projections in the place of the old: they differ here, so that nobody takes one for the other. */
  const exchange = async (): Promise<void> => {
    while (open.length > 0) await end();
    await owner.query('begin');
    await copySchema(owner, 'reporting', 'reporting_next');
    await owner.query('commit');
    const rows = someTurns(turns, 200);
    const kept = await pool.query(
      'select id as "classId", code, program_code as "programCode", line, host_unit_id as "hostUnitId", from_date as "from" from reporting.class',
    );
    for (const row of kept.rows) rows.classes.set(row.classId, row);
    await inTransaction(pool, (tx) => write(tx, rows), 'set local search_path = reporting_next');
    await owner.query(`begin; alter schema reporting rename to reporting_old; alter schema reporting_next rename to reporting; commit;
      drop schema reporting_old cascade`);
  };

  try {
    mirror.start();
    for (let step = 0; step < steps; step += 1) {
      await (step % 40 === 39 ? exchange() : pick(random, [batch, batch, batch, begin, begin, end, end, assign, oldVersion])());
      const [selection, grouping] = randomSelection(random, units);
      // Where they are being read, they will be there; a service answers by SQL meanwhile.
      if (step % 10 === 0) await expect.poll(() => mirror.read(async () => true), { timeout: 10_000, interval: 5 }).toBe(true);
      const ours = await mirror.read((columns) => counted(columns, selection, grouping));
      if (!ours) continue;
      inMemory += 1;
      const sql = await bySql.count(selection, grouping);
      if (JSON.stringify(ours) !== JSON.stringify(sql))
        different.push(`seed ${seed}, step ${step}: ${JSON.stringify({ selection, grouping, ours, sql })}`);
    }
  } finally {
    while (open.length > 0) await end();
    await mirror.stop();
  }
  return { different, inMemory };
};

describe('figures counted in memory', () => {
  test('are those of SQL after whatever was written: in open transactions, by an old version, by a rebuild', async () => {
    const { different, inMemory } = await differences(replay.seed ?? Math.floor(Math.random() * 2 ** 31));
    expect(different).toEqual([]);
    expect(inMemory).toBeGreaterThan(steps / 2);
  });

  test('go wrong when a reader asks only for what is newer than what it saw', async () => {
    const query = pg.Client.prototype.query;
    pg.Client.prototype.query = function newer(this: pg.Client, config: any, ...rest: any[]): any {
      return (query as any).call(this, typeof config === 'string' ? config.replaceAll(/ or written_in in \([\d,]+\)/g, '') : config, ...rest);
    } as typeof query;
    try {
      expect((await differences(2026)).different).not.toEqual([]);
    } finally {
      pg.Client.prototype.query = query;
    }
  });
});

describe('a reader', () => {
  const turn = async (): Promise<void> =>
    void (await pool.query(
      'insert into reporting.turn (id, class_id, person_id, unit_id, imported) select i, i, i, i, true from (select gen_random_uuid() as i) i',
    ));
  const held = (mirror: Mirror): Promise<number | undefined> => mirror.read(async ({ classOf }) => classOf.filter((klass) => klass > 0).length);

  test('begins anew where the database was set back or is another one', async () => {
    const { seen } = (await readNews(pool, undefined)) ?? {};
    if (!seen) throw new Error('nothing read');
    expect(await readNews(pool, seen)).toBeDefined();
    expect(await readNews(pool, { ...seen, before: seen.before + 1_000_000 })).toBeUndefined();
    expect(await readNews(pool, { ...seen, table: `another ${seen.table}` })).toBeUndefined();
  });

  test('takes no row of a restored dump for news, though its transaction is still to come here', async () => {
    await turn();
    await owner.query(
      'alter table reporting.turn disable trigger turn_stamp; update reporting.turn set written_in = 1000000000; alter table reporting.turn enable trigger turn_stamp',
    );
    const { seen } = (await readNews(pool, undefined)) ?? {};
    expect((await readNews(pool, seen))?.turns).toHaveLength(0);
    await turn();
    expect((await readNews(pool, seen))?.turns).toHaveLength(57);
  });

  test('sees what was committed before it asked, though the answer to who asked before is still on its way', async () => {
    let arrives: Promise<void> | undefined;
    const slow = {
      query: async (text: string) => {
        const result = await pool.query(text);
        await arrives;
        return result;
      },
    } as unknown as pg.Pool;
    const mirror = createMirror({ pool: slow, log: console as unknown as Parameters<typeof createMirror>[0]['log'] });
    mirror.start();
    try {
      await expect.poll(() => held(mirror), { timeout: 10_000 }).toBe(0);
      const { promise, resolve } = Promise.withResolvers<void>();
      arrives = promise;
      const before = held(mirror);
      await turn();
      const after = [held(mirror), held(mirror)];
      resolve();
      expect(await Promise.all(after)).toEqual([1, 1]);
      expect(await before).toBeDefined();
    } finally {
      await mirror.stop();
    }
  });
});
