import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@khue/testing/eventually';
import fc from 'fast-check';
import type pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { bellTrial, wind, type Chime, type Rung } from './bells.fixture.ts';

const trial = bellTrial();
const replicas = new Map<string, ChildProcess>();
const folder = mkdtempSync(join(tmpdir(), 'khue-due-'));
const clock = join(folder, 'clock');
afterEach(() => {
  for (const replica of replicas.values()) replica.kill('SIGKILL');
  replicas.clear();
  rmSync(folder, { recursive: true, force: true });
});

const dayMs = 86_400_000;
const later = (at: string, days: number): string => new Date(Date.parse(at) + days * dayMs).toISOString();
const setClock = (at: string): void => {
  trial.now = at;
  // Beside and renamed, or a replica reads half of it.
  writeFileSync(`${clock}.new`, at);
  renameSync(`${clock}.new`, clock);
};

type Step =
  | {
      readonly do: 'wind';
      readonly bell: string;
      readonly kind: 'ring' | 'chime';
      readonly days: number;
      readonly then: Chime['then'] | 'every';
      readonly times: number;
    }
  | { readonly do: 'cancel'; readonly bell: string; readonly kind: 'ring' | 'chime' }
  | { readonly do: 'refused'; readonly days: number }
  | { readonly do: 'tick'; readonly days: number };

const bell = fc.constantFrom(...'abcdefgh');
const kind = fc.constantFrom('ring' as const, 'chime' as const);
/** What happens between one kill and the next. */
const round = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant('wind' as const),
        bell,
        kind,
        days: fc.integer({ min: 1, max: 20 }),
        then: fc.oneof(
          { weight: 6, arbitrary: fc.constant(undefined) },
          { weight: 3, arbitrary: fc.constant('every' as const) },
          { weight: 1, arbitrary: fc.constantFrom('thrown' as const, 'unsaved' as const) },
        ),
        times: fc.integer({ min: 1, max: 6 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), bell, kind }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('refused' as const), days: fc.integer({ min: 1, max: 20 }) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('tick' as const), days: fc.integer({ min: 1, max: 9 }) }) },
  ),
  { minLength: 30, maxLength: 50 },
);
const kills = 4;

/**
 * Goes through all that was written, in its order, with what each bell is wound for: whatever rings must be what it is wound for then, at its instant, and is
 * wound for nothing or its next time afterwards. Answers what is still wound.
 */
const replay = (happened: readonly Rung[], chimes: ReadonlyMap<string, { readonly at: string; readonly chime: Chime }>) => {
  const wound = new Map<string, { readonly tag: string; readonly at: string; readonly times: number }>();
  for (const { bell: id, kind: of, what, tag, now } of happened) {
    const key = `${of} ${id}`;
    if (what === 'cancelled') wound.delete(key);
    else if (what === 'wound') {
      const { at, chime } = chimes.get(tag ?? '') as { at: string; chime: Chime };
      wound.set(key, { tag: chime.tag, at, times: chime.every?.times ?? 0 });
    } else {
      const due = wound.get(key);
      expect({ key, tag, now }).toEqual({ key, tag: due?.tag, now: due?.at });
      const every = chimes.get(tag ?? '')?.chime.every;
      if (due && every && due.times > 0) wound.set(key, { ...due, at: later(due.at, every.days), times: due.times - 1 });
      else wound.delete(key);
    }
  }
  return wound;
};
const inOrder = (happened: readonly Rung[]): void => {
  const keys = happened.filter(({ what }) => what === 'rung').map(({ now, kind: of, bell: id }) => `${now} ${of} ${id}`);
  expect(keys).toEqual(keys.toSorted());
};

describe('whatever is set, moved and cancelled meanwhile, refused or thrown, and whichever of two replicas is killed', () => {
  /** To replay a failure, put the seed of its title here. */
  const again: { readonly seed?: number } = {};
  const seed = again.seed ?? randomInt(2 ** 31);

  let started = 0;
  const startReplica = (): void => {
    const name = `replica-${(started += 1)}`;
    const main = fileURLToPath(new URL('./due-replica.fixture.ts', import.meta.url));
    replicas.set(name, spawn(process.execPath, [main, trial.database.appUrl, name, clock], { stdio: 'ignore' }));
  };
  /** Kills the replica that fires, once it does: something is due, and the first of it has happened. */
  const killWhoFires = async (before: number): Promise<void> => {
    const holder = await eventually(
      async () => {
        const { rows } = await trial.pool.query<{ holder: string }>(
          `select holder from messaging.lease where name = 'due' and expires_at > clock_timestamp()`,
        );
        const due = await trial.pool.query('select from messaging.due where parked_at is null and at <= $1', [trial.now]);
        if (due.rowCount !== 0) expect((await trial.rung()).length).toBeGreaterThan(before);
        return [...replicas.keys()].find((name) => name === rows[0]?.holder) ?? expect.fail('nobody fires');
      },
      { withinMs: 40_000 },
    );
    const child = replicas.get(holder);
    replicas.delete(holder);
    const gone = child && once(child, 'exit');
    child?.kill('SIGKILL');
    await gone;
  };

  test(`each thing that is due happens once, in the order of the instants (seed ${seed})`, async () => {
    setClock(trial.now);
    startReplica();
    startReplica();
    const chimes = new Map<string, { at: string; chime: Chime }>();
    const under: Promise<unknown>[] = [];
    let refused = 0;
    let sent = 0;
    const send = (id: string, of: string, at: string | null, chime: Chime | null): void => {
      if (at !== null && chime) chimes.set(chime.tag, { at, chime });
      under.push(trial.gather.handle(wind(id, of, at, chime)).then((answer) => expect(answer).toMatchObject({ ok: true })));
    };
    const take = async (step: Step): Promise<void> => {
      const tag = `${(sent += 1)}`;
      if (step.do === 'wind') {
        const { then, days, times } = step;
        const how: Partial<Chime> = then === 'every' ? { every: { days: 2, times } } : then ? { then } : {};
        send(step.bell, step.kind, later(trial.now, days), { tag, ...how });
      } else if (step.do === 'cancel') send(step.bell, step.kind, null, null);
      else if (step.do === 'refused' && refused < 18) {
        // A bell and a kind of its own each, so that nothing takes its place before.
        refused += 1;
        send(String.fromCodePoint(104 + refused), 'toll', later(trial.now, step.days), { tag, then: 'refused' });
      } else if (step.do === 'tick') {
        // What is set is set for a later day than any that has come: only so the order of all is the order of the instants.
        await Promise.all(under.splice(0));
        setClock(later(trial.now, step.days));
      }
    };
    const rounds = fc.sample(round, { seed, numRuns: kills }) as Step[][];
    for (const [n, plan] of rounds.entries()) {
      for (const step of plan) await take(step);
      await Promise.all(under.splice(0));
      const before = (await trial.rung()).length;
      setClock(later(trial.now, n + 1 < rounds.length ? 5 : 400));
      await killWhoFires(before);
      startReplica();
    }
    await eventually(async () => expect((await trial.dues()).filter(({ parked }) => !parked)).toEqual([]), { withinMs: 40_000 });

    const happened = await trial.happened();
    const left = replay(happened, chimes);
    inOrder(happened);
    const parked = await trial.dues();
    expect(parked.map(({ kind: of, subject, at }) => `${of} ${subject} ${at}`).toSorted()).toEqual(
      [...left]
        .filter(([key]) => !key.startsWith('toll'))
        .map(([key, { at }]) => `${key} ${at}`)
        .toSorted(),
    );
    for (const { tag } of left.values()) expect(chimes.get(tag)?.chime.then).toMatch(/^(thrown|unsaved|refused)$/);
    for (const { attempts } of parked) expect(attempts).toBe(3);
    const { rows } = await trial.pool.query('select subject from messaging.audit where refused is not null');
    expect(rows).toHaveLength(refused);
    expect(new Set(rows.map(({ subject }) => subject)).size).toBe(refused);
    const rung = happened.filter(({ what }) => what === 'rung').length;
    expect((await trial.pool.query('select from messaging.log')).rowCount).toBe(rung);
    expect(rung).toBeGreaterThan(kills);
  }, 180_000);
});

/** The pool with other words for a named statement: a guard taken out. */
const tampered = (pool: pg.Pool, name: string, text: (was: string) => string): pg.Pool =>
  new Proxy(pool, {
    get: (target, member) => {
      const own: unknown = Reflect.get(target, member);
      if (member !== 'connect') return typeof own === 'function' ? own.bind(target) : own;
      return async () => {
        const client = await target.connect();
        return new Proxy(client, {
          get: (of, what) => {
            const value: unknown = Reflect.get(of, what);
            if (typeof value !== 'function') return value;
            if (what !== 'query') return value.bind(of);
            return (given: { name?: string; text: string }, ...rest: unknown[]) => {
              if (given.name !== name) return Reflect.apply(value, of, [given, ...rest]);
              return Reflect.apply(value, of, [{ ...given, name: `${name}-out`, text: text(given.text) }, ...rest]);
            };
          },
        });
      };
    },
  });
const withoutLock = (pool: pg.Pool): pg.Pool => tampered(pool, 'due-lock', (was) => was.replace('for update', ''));
const withoutDeletion = (pool: pg.Pool): pg.Pool => tampered(pool, 'due-delete', () => 'select from unnest($1::text[], $2::text[])');

describe('a row that has fired', () => {
  /** Five bells are due; the pump is given the time to go through them again and again. */
  const rungOf = async (pool: pg.Pool): Promise<readonly (string | null)[]> => {
    for (const id of 'abcde') await trial.gather.handle(wind(id, 'ring', later(trial.now, 1), { tag: id }));
    let passes = 0;
    const pump = trial.pump({ pool, giveWay: async () => void (passes += 1) });
    trial.now = later(trial.now, 1);
    await eventually(() => expect(passes).toBeGreaterThan(5));
    await pump.stop();
    return trial.rung();
  };

  test('is gone with the commit of its command, and does not fire again', async () => {
    expect(await rungOf(trial.pool)).toEqual([...'abcde']);
  });

  test('control: fires again and again where it is not deleted', async () => {
    expect((await rungOf(withoutDeletion(trial.pool))).length).toBeGreaterThan(5);
  });
});

describe('a row whose command is under way', () => {
  /** The pump has locked what it locks and waits to write; then somebody moves the row, who knows nothing of the bell. Answers whether the move has been lost. */
  const lost = async (pool: pg.Pool): Promise<boolean> => {
    trial.rowLock = false;
    await trial.gather.handle(wind('a', 'ring', later(trial.now, 1), { tag: 'a' }));
    const [stranger, mover] = [await trial.pool.connect(), await trial.pool.connect()];
    await mover.query('set lock_timeout = 20000');
    await stranger.query('begin; lock table happened in exclusive mode');
    const pump = trial.pump({ pool });
    trial.now = later(trial.now, 1);
    const waiting = (many: number) =>
      eventually(async () => {
        const { rows } = await trial.pool.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query not like '%lock table%'`,
        );
        expect(rows.length).toBeGreaterThanOrEqual(many);
      });
    await waiting(1);
    let moved: number | null = null;
    const moving = mover.query(`update messaging.due set at = '${later(trial.now, 9)}' where subject = 'a'`).then(({ rowCount }) => {
      moved = rowCount;
    });
    // It waits for the pump as the pump waits for the stranger, or has moved the row already.
    await Promise.race([moving, waiting(2)]);
    await stranger.query('commit');
    await moving;
    await eventually(async () => expect((await trial.rung()).length + (await trial.dues()).length).toBe(1));
    await pump.stop();
    await mover.query('reset lock_timeout');
    stranger.release();
    mover.release();
    return moved === 1 && (await trial.dues()).length === 0;
  };

  test('is not moved before that is over, so that no move is lost', async () => {
    expect(await lost(trial.pool)).toBe(false);
  });

  test('control: loses the move where it is not locked', async () => {
    expect(await lost(withoutLock(trial.pool))).toBe(true);
  });
});

test('two replicas that both believe to be alone fire each row once', async () => {
  trial.rowLock = false;
  const tags = Array.from({ length: 40 }, (_, n) => `${n}`);
  await trial.pool.query(
    `insert into messaging.due (kind, subject, at, body) select (array['ring', 'chime'])[1 + n / 20], chr(97 + n % 20), '2026-01-01', jsonb_build_object('tag', n::text)
     from generate_series(0, 39) n`,
  );
  const pumps = [trial.pump({ batch: 3 }), trial.pump({ batch: 5 })];
  await eventually(async () => expect(await trial.dues()).toEqual([]));
  await Promise.all(pumps.map((pump) => pump.stop()));
  expect((await trial.rung()).toSorted()).toEqual(tags.toSorted());
});
