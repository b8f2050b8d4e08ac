import { describe, expect, test } from 'vitest';
import type { Answer, Command } from './command.ts';
import { codes, keyed, potTrial, take, type Take } from './pots.fixture.ts';

const trial = potTrial();
const place = 17;

/** Sixty commands of one batch on sixty pots, one of them bad. */
const sixty = (bad: Command<Take>): Command<Take>[] =>
  Array.from({ length: 60 }, (_, n) => (n === place ? bad : take(`pot-${n + 1}`, 1, keyed(`n-${n}`))));
const answersOf = (commands: readonly Command<Take>[]): Promise<Answer[]> => Promise.all(commands.map((command) => trial.gather.handle(command)));
/** Pots that lost exactly one seat, with one event and one line of audit each. */
const changed = async (): Promise<unknown> =>
  (
    await trial.pool.query(
      `select count(*)::int as pots, bool_and(events = 1 and audited = 1) as once from (
         select (select count(*) from messaging.log where subject = pot.id) as events, (select count(*) from messaging.audit where subject = pot.id) as audited
         from pot where remaining = 9 and version = 1) changed`,
    )
  ).rows[0];

describe('one bad command of sixty leaves the other 59 as they would be without it', () => {
  test.each<[string, Command<Take>, string, { whole: boolean }]>([
    ['that is refused', take('nowhere'), 'pot-unknown', { whole: true }],
    ['that is refused for what it finds', take('pot-99', 11), 'no-seat-left', { whole: true }],
    ['whose natural key somebody has', take('pot-99', 1, {}, { ticket: 'used' }), 'ticket-used', { whole: true }],
    ['that meets a bug', take('pot-99', 1, {}, { note: 'throw' }), 'internal-error', { whole: true }],
    ['with a NUL in its key', take('pot\u0000-99'), 'value-unacceptable', { whole: false }],
    ['with a NUL in its text', take('pot-99', 1, {}, { note: 'a\u0000b' }), 'value-unacceptable', { whole: false }],
    ['with a lone surrogate', take('pot-99', 1, {}, { note: 'a\ud800b' }), 'value-unacceptable', { whole: false }],
    ['with a number out of range', take('pot-99', -3_000_000_000), 'value-unacceptable', { whole: false }],
  ])('%s', async (_, bad, code, { whole }) => {
    await trial.pool.query(`insert into ticket values ('used')`);
    const commands = sixty(bad);
    expect(codes(await answersOf(commands))).toEqual(commands.map((command) => (command === bad ? code : 'ok')));
    expect(await changed()).toEqual({ pots: 59, once: true });
    expect(await trial.written('pot-99')).toEqual({ events: 0, audited: 0 });
    expect(await trial.left('pot-99')).toBe(10);
    // A refusal is decided within the one flush; what the database doesn't take is found by halving.
    if (whole) expect(trial.commits).toBe(1);
    else expect(trial.commits).toBeGreaterThan(1);
  });

  test('with the key of another one of them: it is told to ask again, and gets the answer then', async () => {
    const twin = take('pot-1', 1, keyed('n-0'));
    const commands = sixty(twin);
    const answers = await answersOf(commands);
    expect(codes(answers)).toEqual(commands.map((command) => (command === twin ? 'idempotency-key-in-flight' : 'ok')));
    expect(await changed()).toEqual({ pots: 59, once: true });
    expect(trial.commits).toBe(1);
    expect(await trial.gather.handle(twin)).toEqual(answers[0]);
    expect(await trial.written()).toEqual({ events: 59, audited: 59 });
  });

  test('with the key of another one of them and another body: it is refused', async () => {
    const other = take('pot-99', 1, keyed('n-0', 'another'));
    const commands = sixty(other);
    expect(codes(await answersOf(commands))).toEqual(commands.map((command) => (command === other ? 'idempotency-key-reused' : 'ok')));
    expect(await changed()).toEqual({ pots: 59, once: true });
  });

  test('with the natural key of another one of them: the first has it', async () => {
    const commands = sixty(take('pot-99', 1, {}, { ticket: 'one' }));
    commands[3] = take('pot-4', 1, {}, { ticket: 'one' });
    expect(codes(await answersOf(commands))).toEqual(commands.map((_, n) => (n === place ? 'ticket-used' : 'ok')));
    expect(await changed()).toEqual({ pots: 59, once: true });
  });
});

test('two commands on one record in one batch: the second sees what the first did', async () => {
  const answers = await Promise.all([
    trial.gather.handle(take('pot-2', 6)),
    trial.gather.handle(take('pot-2', 6)),
    trial.gather.handle(take('pot-2', 4)),
    trial.gather.handle(take('pot-2', 1)),
  ]);
  expect(codes(answers)).toEqual(['ok', 'no-seat-left', 'ok', 'no-seat-left']);
  expect(answers.map((answer) => answer.ok && answer.body)).toEqual([{ left: 4 }, false, { left: 0 }, false]);
  expect(trial.commits).toBe(1);
  expect(await trial.left('pot-2')).toBe(0);
  const { rows } = await trial.pool.query(`select before, after from messaging.audit where subject = 'pot-2' order by id`);
  expect(rows).toEqual([
    { before: { left: 10, note: null }, after: { left: 4, note: null } },
    { before: { left: 4, note: null }, after: { left: 0, note: null } },
  ]);
});
