import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Answer } from './command.ts';
import { enter, gridRows, gridTrial, highest, wrongCells, type Cell } from './grids.fixture.ts';

const trial = gridTrial();
const key = (name: string) => ({ idempotency: { sub: 'officer.a', route: 'POST /enter', key: name, bodyHash: 'hash' } });
const cell = (row: string, value = 7): Cell => ({ row, value });
const bodyOf = (answer: Answer) => (answer.ok ? (answer.body as { entered: number; problems: { entry: number; code: string }[] }) : undefined);
const events = async () => (await trial.pool.query('select subject, sequence, data from messaging.log order by id')).rows;

describe('one command with many entries', () => {
  test('a bad one costs nobody else’s: two hundred marks are one event and one line of audit, and the bad one is told why', async () => {
    const cells = gridRows.map((row, n) => cell(row, n === 17 ? highest + 1 : 7));
    const answer = await trial.gather.handle(enter('g1', cells));
    expect(answer).toMatchObject({ ok: true });
    expect(bodyOf(answer)).toEqual({
      entered: 199,
      problems: [{ entry: 17, field: 'cells.17.value', code: 'value-too-high', vi: 'Cao nhất là 10.', en: 'The highest is 10.' }],
    });
    const values = await trial.values('g1');
    expect(values).toEqual(Object.fromEntries(gridRows.filter((row) => row !== 'r17').map((row) => [row, 7])));
    expect(await events()).toEqual([{ subject: 'g1', sequence: 1, data: { cells: 199 } }]);
    expect(await trial.audited()).toEqual([{ subject: 'g1', before: {}, after: values, refused: { 'value-too-high': 1 } }]);
  });

  test('the audit counts the refused under each code', async () => {
    await trial.gather.handle(enter('g1', [cell('r1'), cell('r1'), cell('nowhere'), cell('r2', 11), cell('r3', 12)]));
    expect((await trial.audited()).map(({ refused }) => refused)).toEqual([{ 'row-twice': 1, 'row-unknown': 1, 'value-too-high': 2 }]);
    await trial.gather.handle(enter('g1', [cell('r1')]));
    expect((await trial.audited()).at(-1)?.refused).toBe(null);
  });

  test('all of them bad change nothing, count no version, and the same key gets the same answer', async () => {
    const bad = enter('g2', [cell('nowhere'), cell('r1', 99)], key('all-bad'));
    const answer = await trial.gather.handle(bad);
    expect(bodyOf(answer)).toMatchObject({
      entered: 0,
      problems: [
        { entry: 0, code: 'row-unknown' },
        { entry: 1, code: 'value-too-high' },
      ],
    });
    expect(await trial.gather.handle(bad)).toEqual(answer);
    expect([await trial.values('g2'), await trial.version('g2'), await events(), await trial.audited()]).toEqual([{}, 0, [], []]);
    // Whoever saw the version before it still sees that one.
    expect(await trial.gather.handle(enter('g2', [cell('r1')], { ifMatch: 0 }))).toMatchObject({ ok: true });
  });

  test('some of them bad, the same key gets the same answer and writes once', async () => {
    const some = enter('g3', [cell('r1'), cell('nowhere')], key('some-bad'));
    const answer = await trial.gather.handle(some);
    expect(await trial.gather.handle(some)).toEqual(answer);
    expect([await trial.version('g3'), (await trial.audited()).length]).toEqual([1, 1]);
  });
});

describe('random grids', () => {
  /** To replay a failure, put the seed of its title here. */
  const replay: { readonly seed?: number } = {};
  const seed = replay.seed ?? randomInt(2 ** 31);
  const cells = fc.array(
    fc.record({
      row: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...gridRows.slice(0, 30)) }, { weight: 1, arbitrary: fc.constant('nowhere') }),
      value: fc.integer({ min: 0, max: 12 }),
    }),
    { minLength: 1, maxLength: 40 },
  );
  const batch = fc.array(fc.record({ grid: fc.constantFrom('g1', 'g2', 'g3'), cells }), { minLength: 1, maxLength: 12 });

  const holds = async (): Promise<void> => {
    const expected = new Map<string, { version: number; values: Record<string, number> }>(
      ['g1', 'g2', 'g3'].map((grid) => [grid, { version: 0, values: {} }]),
    );
    let audited = 0;
    for (const commands of fc.sample(batch, { seed, numRuns: 40 })) {
      const answers = await Promise.all(commands.map(({ grid, cells: some }) => trial.gather.handle(enter(grid, some))));
      commands.forEach(({ grid, cells: some }, place) => {
        const problems = bodyOf(answers[place] as Answer)?.problems ?? [];
        const bad = new Map(wrongCells(some).map(({ entry, code }) => [entry, code]));
        expect(new Map(problems.map(({ entry, code }) => [entry, code]))).toEqual(bad);
        const good = some.filter((_, entry) => !bad.has(entry));
        const known = expected.get(grid);
        if (!known || good.length === 0) return;
        audited += 1;
        known.version += 1;
        for (const { row, value } of good) known.values[row] = value;
      });
      for (const [grid, { version, values }] of expected) expect([await trial.values(grid), await trial.version(grid)]).toEqual([values, version]);
    }
    expect(await trial.audited()).toHaveLength(audited);
  };

  test(`each entry is entered or told why, whatever the others are (seed ${seed})`, holds);

  test(`control: not where a bad entry costs the others (seed ${seed})`, async () => {
    trial.oneForAll = true;
    await expect(holds()).rejects.toThrow(/to deeply equal/);
  });
});
