import { accept, refuseBy } from '@khue/decider/decision';
import type { Aggregate, Tx } from '@khue/messaging/command';
import { describe, expect, test } from 'vitest';
import { applyChunk } from './apply-chunk.ts';

interface Row {
  readonly type: 'Row';
  readonly is: 'good' | 'late' | 'a bug';
}

const refuse = refuseBy<'late'>();

/** Decides and keeps nothing. */
const rows: Aggregate<Row, object, never> = {
  noun: 'row',
  load: async () => ({}),
  decide: ({ body: { is } }) => {
    if (is === 'a bug') throw new TypeError('undefined is not a row');
    return is === 'good' ? accept() : refuse('late', { field: 'unitCode' });
  },
  evolve: () => undefined,
  save: async () => undefined,
  outbound: () => [],
  answer: () => ({ ok: true, body: undefined }),
  subject: () => {
    throw new Error('a chunk keeps counts, so nobody asks for its records');
  },
};
const written: { readonly values: readonly unknown[] }[] = [];
/** Takes whatever is written in the transaction. */
const tx = {
  connection: { stream: { cork: () => undefined, uncork: () => undefined } },
  query: async (statement: { readonly values: readonly unknown[] }) => written.push(statement),
};
const job = { id: 'import-1', kind: 'rows', actor: 'officer.a', unitId: null, context: { correlationId: 'c', grantId: 'g' } };
const apply = (...is: readonly Row['is'][]) =>
  applyChunk(tx as unknown as Tx, job, rows, {
    bodies: is.map((each) => ({ type: 'Row', is: each })),
    now: new Date('2030-02-03T20:00:00.000Z'),
    what: 'ImportRows',
    counts: (answers) => ({ good: answers.filter(({ ok }) => ok).length }),
  });

describe('a chunk of an import', () => {
  test('has an answer for each row and one row of the audit, under the grant and cause of the import, at the time by the service’s clock', async () => {
    written.length = 0;
    expect(await apply('good', 'late', 'good')).toMatchObject([{ ok: true }, { ok: false, code: 'late', field: 'unitCode' }, { ok: true }]);
    expect(written).toHaveLength(1);
    const [at, actor, grant, command, , correlation, subject, , before, after] = written[0]?.values ?? [];
    expect([at, actor, grant, command, correlation, subject]).toEqual([
      ['2030-02-03T20:00:00.000Z'],
      ['officer.a'],
      ['g'],
      ['ImportRows'],
      ['c'],
      ['import-1'],
    ]);
    expect([before, after]).toEqual(['[null]', '[{"good":2}]']);
  });

  test('fails whole for a bug: it is logged and tried again, and no row is rejected for it', async () => {
    await expect(apply('good', 'a bug')).rejects.toThrow('undefined is not a row');
  });
});
