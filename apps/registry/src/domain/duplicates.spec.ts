import { describe, expect, it } from 'vitest';
import { as, board, enter, officer, people, told } from './people.fixture.ts';
import type { RegisterPerson } from './people.ts';
import type { People } from './person.ts';

const number = '001080000001';
/** p1 at c11 and p2 at c12, suspected to be one. */
const pair = (one: Partial<RegisterPerson> = {}, other: Partial<RegisterPerson> = {}): People => {
  const state = people();
  told(state, enter('p1', one), board);
  told(state, enter('p2', { unitId: 'c12', ...other }), board);
  state.duplicates.set('d1', { id: 'd1', personId: 'p2', otherId: 'p1', state: 'open' });
  return state;
};
const merge = (keptPersonId: string) => ({ type: 'MergeDuplicate', duplicateId: 'd1', keptPersonId }) as const;
const dismiss = { type: 'DismissDuplicate', duplicateId: 'd1' } as const;

describe('a suspected pair', () => {
  it('is merged by the board over both: one record counts as the other from then on', () => {
    const state = pair();
    expect(told(state, merge('p1'), board)).toBe('PersonMerged, DuplicateMerged');
    expect(state.persons.get('p2')).toMatchObject({ mergedInto: 'p1', version: 2 });
    expect(state.persons.get('p1')).toMatchObject({ mergedInto: null, version: 1 });
    expect(state.duplicates.get('d1')).toMatchObject({ state: 'merged' });
  });
  it('gives the kept record what it lacked: number, exact birth, sex and facts; what it had stands', () => {
    const state = pair(
      { birth: '1980', facts: { degree: 'university' } },
      { identityNumber: number, sex: 'male', facts: { degree: 'master', sector: 'civil' } },
    );
    expect(told(state, merge('p1'), board)).toBe('PersonMerged, PersonCompleted, DuplicateMerged');
    expect(state.persons.get('p1')).toMatchObject({
      identityNumber: number,
      birth: '1980-05-19',
      sex: 'male',
      facts: { degree: 'university', sector: 'civil' },
      version: 2,
    });
    expect(state.persons.get('p2')).toMatchObject({ identityNumber: null, identityRef: null });
    expect(told(state, enter('p3', { identityNumber: number }))).toBe('person-exists identityNumber p1');
  });
  it('with two different numbers is two people until one number is mended', () => {
    expect(told(pair({ identityNumber: number }, { identityNumber: '001080000002' }), merge('p1'), board)).toBe('identity-numbers-differ');
  });
  it('keeps one of its own', () => {
    expect(told(pair(), merge('p3'), board)).toBe('person-not-of-pair keptPersonId');
  });
  it('is dismissed as two people', () => {
    const state = pair();
    expect(told(state, dismiss, board)).toBe('DuplicateDismissed');
    expect(state.duplicates.get('d1')).toMatchObject({ state: 'dismissed' });
  });
  it('is dealt with once', () => {
    const state = pair();
    told(state, dismiss, board);
    expect(told(state, merge('p1'), board)).toBe('duplicate-closed');
    expect(told(state, { ...dismiss, duplicateId: 'd9' }, board)).toBe('not-found');
  });
  it('is no officer’s to deal with', () => {
    for (const command of [merge('p1'), dismiss])
      expect(told(pair(), command, officer)).toBe(told(pair(), { ...command, duplicateId: 'd9' }, officer));
  });
  it('is the board’s who reads both; dealt with by the board over both', () => {
    const boardOfD1 = as('board.d1');
    expect(told(pair(), dismiss, boardOfD1)).toBe('DuplicateDismissed');
    expect(told(pair({ unitId: 'd2' }), dismiss, boardOfD1)).toBe('not-found');
    // Rows of a split unit whose district passed to theirs: theirs to read.
    const past = { unitId: 'c94', importId: 'i1' };
    expect(told(pair(past, past), dismiss, boardOfD1)).toBe('out-of-scope');
  });
});

it('a merged record is mended no more, and merged into nobody else', () => {
  const state = pair();
  told(state, enter('p3'));
  state.duplicates.set('d2', { id: 'd2', personId: 'p3', otherId: 'p2', state: 'open' });
  told(state, merge('p1'), board);
  expect(told(state, { type: 'UpdatePerson', personId: 'p2', change: { sex: 'male' } }, board)).toBe('person-merged p1');
  expect(told(state, { ...merge('p3'), duplicateId: 'd2' }, board)).toBe('person-merged p1');
});
it('nobody is suspected to be a merged record any more', () => {
  const state = pair();
  told(state, merge('p1'), board);
  expect(told(state, enter('p3'))).toBe('PersonRegistered, DuplicateSuspected p1');
});
