import { eventually } from '@khue/testing/eventually';
import { describe, expect, test } from 'vitest';
import { bellTrial, wind, type Chime } from './bells.fixture.ts';
import { dueFigures, listParkedDues, retryParkedDues } from './due.ts';
import { createSignal } from './signal.ts';

const trial = bellTrial();
const day = (n: number, time = '00:00:00.000'): string => `${new Date(Date.UTC(2026, 0, 1 + n)).toISOString().slice(0, 10)}T${time}Z`;
const chime = (tag: string, more: Partial<Chime> = {}): Chime => ({ tag, ...more });
const set = async (
  bell: string,
  at: string | null,
  how: Chime | null = at === null ? null : chime(`${bell} ${at}`),
  kind = 'ring',
): Promise<void> => {
  expect(await trial.gather.handle(wind(bell, kind, at, how))).toMatchObject({ ok: true });
};
/** The pump is over with everything that may fire at the clock's time. */
const quiet = (): Promise<void> =>
  eventually(
    async () => {
      const { rows } = await trial.pool.query('select 1 from messaging.due where parked_at is null and at <= $1', [trial.now]);
      expect(rows).toEqual([]);
    },
    { withinMs: 40_000 },
  );

describe('a due time', () => {
  test('fires once its instant has come, as a command of the service, at that instant and its day in Hanoi', async () => {
    trial.pump();
    await set('a', day(1, '17:30:00.000'), chime('once'));
    await set('b', day(9), chime('later'));
    trial.now = day(2);
    await quiet();
    expect((await trial.happened()).filter(({ what }) => what === 'rung')).toMatchObject([
      { bell: 'a', tag: 'once', now: day(1, '17:30:00.000'), today: '2026-01-03', actor: 'service:sample' },
    ]);
    expect(await trial.dues()).toMatchObject([{ subject: 'b', at: day(9) }]);
    const { rows } = await trial.pool.query(
      `select l.time, l.context->>'actor' as actor, a.actor as audited, a.refused from messaging.log l
       join messaging.audit a on a.command_id::text = l.context->>'causationid'`,
    );
    expect(rows).toEqual([{ time: day(1, '17:30:00.000'), actor: 'service:sample', audited: 'service:sample', refused: null }]);
  });

  test('that is set again moves, and one that is cancelled is gone; of several changes in a transaction the last counts', async () => {
    await set('a', day(1));
    await set('b', day(1));
    await Promise.all([set('a', day(5), chime('moved')), set('b', null), set('c', day(1)), set('c', day(2), chime('last'))]);
    expect(await trial.dues()).toMatchObject([
      { subject: 'c', at: day(2) },
      { subject: 'a', at: day(5) },
    ]);
    trial.pump();
    trial.now = day(5);
    await quiet();
    expect(await trial.rung()).toEqual(['last', 'moved']);
  });

  test('is an instant in UTC: what is none refuses its command and nothing else', async () => {
    const answers = await Promise.all(
      [wind('a', 'ring', '2026-01-05', chime('day')), wind('b', 'ring', day(5), chime('instant'))].map(trial.gather.handle),
    );
    expect(answers).toMatchObject([{ ok: false, code: 'internal-error' }, { ok: true }]);
    expect(await trial.dues()).toMatchObject([{ subject: 'b' }]);
  });

  test('written finer than to the millisecond is found again by what can be read of it, to fire and to be counted', async () => {
    await set('a', '2026-01-01T00:00:00.123456Z', chime('fine'));
    await set('b', '2026-01-01T00:00:00.123456Z', chime('bad', { then: 'thrown' }));
    trial.pump();
    trial.now = day(1);
    await quiet();
    expect(await trial.rung()).toEqual(['fine']);
    expect(await trial.dues()).toMatchObject([{ subject: 'b', attempts: 3, parked: true }]);
  });

  test('that is refused has its answer: the row goes, and the audit keeps the code', async () => {
    await set('a', day(1), chime('no', { then: 'refused' }));
    await set('b', day(1), chime('yes'));
    trial.pump();
    trial.now = day(1);
    await quiet();
    expect(await trial.rung()).toEqual(['yes']);
    expect(await trial.dues()).toEqual([]);
    const { rows } = await trial.pool.query(
      'select subject, command, actor, at, before, after, refused from messaging.audit where refused is not null',
    );
    expect(rows).toEqual([
      { subject: 'a', command: 'Ring', actor: 'service:sample', at: day(1), before: null, after: null, refused: { 'bell-silent': 1 } },
    ]);
  });

  test.each(['thrown', 'unsaved', 'again-at-once'] as const)(
    'whose command is %s is tried again and parked in the end; its neighbors fire once',
    async (then) => {
      await set('b', day(1), chime('bad', { then }));
      for (const bell of ['a', 'c', 'd', 'e']) await set(bell, day(1), chime(bell));
      trial.pump();
      trial.now = day(1);
      await quiet();
      expect((await trial.rung()).toSorted()).toEqual(['a', 'c', 'd', 'e']);
      const reason = { thrown: 'TypeError', unsaved: '23514 happened_size_check', 'again-at-once': 'Error' }[then];
      expect(await trial.dues()).toEqual([{ kind: 'ring', subject: 'b', at: day(1), attempts: 3, parked: true, reason }]);
      expect(await dueFigures(trial.pool, ['ring'], day(3))).toEqual({ oldestSeconds: 0, parked: 1, ofUnknownKind: 0 });
      expect(await listParkedDues(trial.pool, undefined)).toMatchObject([{ kind: 'ring', subject: 'b', attempts: 3, reason }]);
    },
  );

  test('that is parked fires when an operator has it tried again, or when it is set anew', async () => {
    await set('a', day(1), chime('bad', { then: 'thrown' }));
    await set('b', day(1), chime('bad', { then: 'thrown' }));
    trial.pump();
    trial.now = day(1);
    await quiet();
    await trial.pool.query(`update messaging.due set body = '{"tag": "mended"}' where subject = 'a'`);
    expect(await retryParkedDues(trial.pool, 'a')).toBe(1);
    await set('b', day(1), chime('anew'));
    await quiet();
    expect((await trial.rung()).toSorted()).toEqual(['anew', 'mended']);
  });

  test('whose command needs what is on its way waits for it, uncounted, and holds up nobody', async () => {
    await set('a', day(1), chime('early', { then: 'on-its-way' }));
    await set('b', day(1), chime('b'));
    trial.pump();
    trial.now = day(1);
    await eventually(async () => expect(await trial.rung()).toEqual(['b']));
    expect(await trial.dues()).toMatchObject([{ subject: 'a', attempts: 0, parked: false }]);
  });

  test('of a kind that nobody here fires is left alone, and counted', async () => {
    await set('a', day(1), chime('strange'), 'of-tomorrow');
    await set('b', day(1), chime('b'));
    trial.pump();
    trial.now = day(2);
    await eventually(async () => expect(await trial.rung()).toEqual(['b']));
    expect(await trial.dues()).toMatchObject([{ kind: 'of-tomorrow', attempts: 0, parked: false }]);
    expect(await dueFigures(trial.pool, ['ring'], trial.now)).toEqual({ oldestSeconds: 0, parked: 0, ofUnknownKind: 1 });
    expect(await dueFigures(trial.pool, ['of-tomorrow'], trial.now)).toMatchObject({ oldestSeconds: 86_400, ofUnknownKind: 0 });
  });

  test('is not fired by a process that does not hold the lease', async () => {
    let held = false;
    await set('a', day(1));
    trial.now = day(1);
    const asked = createSignal();
    trial.pump({
      lease: {
        held: () => {
          asked.wake();
          return held;
        },
      },
    });
    await asked.wait(10_000);
    await asked.wait(10_000);
    expect(await trial.rung()).toEqual([]);
    held = true;
    await quiet();
    expect(await trial.rung()).toHaveLength(1);
  });
});

describe('a due row that moves while its command is under way', () => {
  /** Somebody holds the bell, so that the pump, which has read the row, waits for it; meanwhile the row changes as `sql` says. */
  const behind = async (sql: string): Promise<void> => {
    const other = await trial.pool.connect();
    await other.query(`begin; select 1 from bell where id = 'a' for update; ${sql}`);
    trial.pump();
    trial.now = day(1);
    await eventually(async () => {
      const { rows } = await trial.pool.query(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
      expect(rows.length).toBeGreaterThan(0);
    });
    await other.query('commit');
    other.release();
  };

  test('to a later instant is not fired before that', async () => {
    await set('a', day(1), chime('a'));
    await behind(`update messaging.due set at = '${day(3)}'`);
    await quiet();
    expect(await trial.rung()).toEqual([]);
    trial.now = day(3);
    await quiet();
    expect((await trial.happened()).at(-1)).toMatchObject({ tag: 'a', now: day(3) });
  });

  test('away is not fired', async () => {
    await set('a', day(1), chime('a'));
    await set('b', day(1), chime('b'));
    await behind(`delete from messaging.due where subject = 'a'`);
    await quiet();
    expect(await trial.rung()).toEqual(['b']);
  });

  test('to another body fires with that one', async () => {
    await set('a', day(1), chime('old'));
    await behind(`update messaging.due set body = '{"tag": "new"}'`);
    await quiet();
    expect(await trial.rung()).toEqual(['new']);
  });
});

test('a row that somebody holds waits for its turn, and the others go on', async () => {
  await set('a', day(1), chime('a'));
  for (const bell of ['b', 'c', 'd']) await set(bell, day(2), chime(bell));
  const other = await trial.pool.connect();
  await other.query(`begin; select 1 from bell where id = 'a' for update`);
  await other.query('set local idle_in_transaction_session_timeout = 30000');
  trial.pump();
  trial.now = day(2);
  await eventually(async () => expect(await trial.rung()).toEqual(['b', 'c', 'd']));
  await other.query('commit');
  other.release();
  await quiet();
  expect(await trial.rung()).toEqual(['b', 'c', 'd', 'a']);
  expect(await trial.dues()).toEqual([]);
});

describe('a clock that jumps', () => {
  test('400 days in steps fires all in the order of their instants, those that were set on the way too', async () => {
    // Daily, weekly, and by a chain that crosses from bell to bell.
    await set('d', day(1, '06:00:00.000'), chime('daily', { every: { days: 1, times: 398 } }));
    await set('w', day(3, '05:00:00.000'), chime('weekly', { every: { days: 7, times: 55 } }), 'toll');
    for (const [n, bell] of [...'abcefghij'].entries()) await set(bell, day(40 * n + 2, '06:00:00.000'), chime(bell));
    await set(
      'z',
      day(10),
      chime('z', {
        next: [{ kind: 'chime', bell: 'y', days: 0.25, chime: chime('y', { next: [{ kind: 'chime', bell: 'x', days: 300, chime: chime('x') }] }) }],
      }),
    );
    trial.pump();
    for (const at of [1, 12, 13, 200, 201, 400]) {
      trial.now = day(at);
      await quiet();
    }
    const rung = (await trial.happened()).filter(({ what }) => what === 'rung');
    const keys = rung.map(({ now, kind, bell }) => `${now} ${kind} ${bell}`);
    expect(keys).toEqual(keys.toSorted());
    const times = Object.fromEntries([...Map.groupBy(rung, ({ tag }) => tag ?? '')].map(([tag, all]) => [tag, all.length]));
    expect(times).toEqual({ daily: 399, weekly: 56, ...Object.fromEntries([...'abcefghij', 'x', 'y', 'z'].map((tag) => [tag, 1])) });
    expect(await trial.dues()).toEqual([]);
  }, 180_000);

  test('over what a fired command sets for the same day lets that come before what is due later', async () => {
    await set('a', day(1), chime('first', { next: [{ kind: 'toll', bell: 'a', days: 1, chime: chime('between') }] }));
    await set('b', day(3), chime('last'));
    trial.pump();
    trial.now = day(9);
    await quiet();
    expect(await trial.rung()).toEqual(['first', 'between', 'last']);
  });

  test('over what a fired command cancels or moves does not fire that', async () => {
    const { gather } = trial;
    await set('a', day(1), chime('first', { next: [{ kind: 'ring', bell: 'b', days: 30, chime: chime('moved') }] }));
    await set('b', day(2), chime('too early'));
    trial.pump();
    trial.now = day(9);
    await quiet();
    expect(await trial.rung()).toEqual(['first']);
    expect(await trial.dues()).toMatchObject([{ subject: 'b', at: day(31) }]);
    await gather.close();
  });
});
