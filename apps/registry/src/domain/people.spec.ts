import { describe, expect, it } from 'vitest';
import { as, board, enter, neighbor, officer, people, told } from './people.fixture.ts';
import type { UpdatePerson } from './people.ts';

const update = (personId: string, change: UpdatePerson['change']): UpdatePerson => ({ type: 'UpdatePerson', personId, change });
const number = '001080000001';

describe('a person is registered', () => {
  it('at a unit within the scope of the officer or the board', () => {
    const state = people();
    expect(told(state, enter('p1'))).toBe('PersonRegistered');
    expect(state.persons.get('p1')).toMatchObject({ unitId: 'c11', version: 1, mergedInto: null });
    expect(told(people(), enter('p1'), board)).toBe('PersonRegistered');
    expect(told(people(), enter('p1'), neighbor)).toBe('out-of-scope unitId');
    expect(told(people(), enter('p1'), as('reader.c11'))).toBe('out-of-scope unitId');
    expect(told(people(), enter('p1', { unitId: 'nowhere' }))).toBe('unit-unknown unitId');
  });
  it('not at a unit that has ended, unless a list of the past brings the person', () => {
    expect(told(people(), enter('p1', { unitId: 'c91' }), board)).toBe('unit-ended unitId');
    expect(told(people(), enter('p1', { unitId: 'c91', importId: 'i1' }), board)).toBe('PersonRegistered');
    expect(told(people(), enter('p1', { unitId: 'c91', importId: 'i1' }), officer)).toBe('out-of-scope unitId');
    expect(told(people(), enter('p1', { unitId: 'c92', importId: 'i1' }), officer)).toBe('PersonRegistered');
  });
  it('once under one id: a row sent again changes nothing', () => {
    const state = people();
    told(state, enter('p1'));
    expect(told(state, enter('p1', { name: 'Khác' }))).toBe('nothing');
  });
  it('who was erased before counts the cards on', () => {
    const state = people();
    state.erased.set('p1', 4);
    told(state, enter('p1'));
    expect(state.persons.get('p1')?.version).toBe(5);
  });
});

describe('an identity number is one person', () => {
  it('who is named to whoever may read the record', () => {
    const state = people();
    told(state, enter('p1', { identityNumber: number }));
    expect(told(state, enter('p2', { identityNumber: number }))).toBe('person-exists identityNumber p1');
    expect(told(state, enter('p2', { identityNumber: number, unitId: 'c12' }), board)).toBe('person-exists identityNumber p1');
  });
  it('of whom others hear only at which unit to ask, never who it is', () => {
    const state = people();
    told(state, enter('p1', { identityNumber: number }));
    expect(told(state, enter('p2', { identityNumber: number, unitId: 'c12', name: 'Trần Thị Lan' }), neighbor)).toBe(
      'person-exists-elsewhere identityNumber c11',
    );
    expect(told(state, enter('p2', { identityNumber: number, unitId: 'c12' }), as('lecturer.c11'))).toBe(
      'person-exists-elsewhere identityNumber c11',
    );
  });
  it('standing today at the successor of the unit on record', () => {
    const state = people();
    told(state, enter('p1', { identityNumber: number, unitId: 'c92', importId: 'i1' }));
    expect(told(state, enter('p2', { identityNumber: number, unitId: 'c12' }), neighbor)).toBe('person-exists-elsewhere identityNumber c11');
  });
  it('also when a record is mended to it, and free again once given up', () => {
    const state = people();
    told(state, enter('p1', { identityNumber: number }));
    told(state, enter('p2', { name: 'Trần Thị Lan' }));
    expect(told(state, update('p2', { identityNumber: number, identityRef: `ref:${number}` }))).toBe('person-exists identityNumber p1');
    told(state, update('p1', { identityNumber: null, identityRef: null }));
    expect(told(state, update('p2', { identityNumber: number, identityRef: `ref:${number}` }))).toBe('PersonAmended');
  });
});

describe('a namesake born on the same day', () => {
  it('is put before the board, and the person is registered all the same', () => {
    const state = people();
    told(state, enter('p1'));
    expect(told(state, enter('p2', { name: 'NGUYEN VAN HUNG', unitId: 'c12' }), neighbor)).toBe('PersonRegistered, DuplicateSuspected p1');
  });
  it('is found whichever way the name is written: tone marks, case, composed or not', () => {
    for (const [one, other] of [
      ['Lê Thị Thuỷ', 'Lê Thị Thủy'],
      ['ĐỖ VĂN UỶ', 'Đỗ Văn Ủy'.normalize('NFD')],
      ['Ðào Anh', 'đào ánh'],
    ] as const) {
      const state = people();
      told(state, enter('p1', { name: one }));
      expect(told(state, enter('p2', { name: other }))).toBe('PersonRegistered, DuplicateSuspected p1');
    }
  });
  it('is nobody else where both have a number', () => {
    const state = people();
    told(state, enter('p1', { identityNumber: number }));
    expect(told(state, enter('p2', { identityNumber: '001080000002' }))).toBe('PersonRegistered');
    expect(told(state, enter('p3'))).toBe('PersonRegistered, DuplicateSuspected p1, DuplicateSuspected p2');
  });
  it('may be the one of whom only the year is known, not one born on another day', () => {
    const state = people();
    told(state, enter('p1'));
    expect(told(state, enter('p2', { birth: '1980' }))).toBe('PersonRegistered, DuplicateSuspected p1');
    expect(told(state, enter('p3', { birth: '1980-05-20' }))).toBe('PersonRegistered, DuplicateSuspected p2');
    expect(told(state, enter('p4', { birth: null }))).toBe('PersonRegistered');
  });
  it('is looked for again when name or birth is mended, and not when something else is', () => {
    const state = people();
    told(state, enter('p1'));
    told(state, enter('p2', { name: 'Trần Thị Lan' }));
    expect(told(state, update('p2', { name: 'Nguyễn Văn Hùng', fold: 'nguyen van hung' }))).toBe('PersonAmended, DuplicateSuspected p1');
    expect(told(state, update('p2', { sex: 'male' }))).toBe('PersonAmended');
  });
});

describe('a record is mended', () => {
  it('where it differs: what is absent stays, null takes a fact away', () => {
    const state = people();
    told(state, enter('p1', { facts: { degree: 'master', sector: 'civil' } }));
    expect(told(state, update('p1', { facts: { degree: null, party: { status: 'full' } } }))).toBe('PersonAmended');
    expect(state.persons.get('p1')).toMatchObject({ facts: { sector: 'civil', party: { status: 'full' } }, version: 2 });
    expect(state.persons.get('p1')?.facts).not.toHaveProperty('degree');
    expect(told(state, update('p1', { facts: { party: { status: 'full' } }, birth: '1980-05-19' }))).toBe('nothing');
  });
  it('by those over its unit; moved only between units of their scope', () => {
    const state = people();
    told(state, enter('p1'));
    expect(told(state, update('p1', { sex: 'male' }), as('reader.c11'))).toBe('out-of-scope');
    // Whom they may not read is nobody to them; a lecturer reads no people.
    for (const by of [neighbor, as('lecturer.c11')]) expect(told(state, update('p1', { sex: 'male' }), by)).toBe(told(state, update('p9', {}), by));
    expect(told(state, update('p1', { unitId: 'c12' }))).toBe('out-of-scope unitId');
    expect(told(state, update('p1', { unitId: 'c91' }), board)).toBe('unit-ended unitId');
    expect(told(state, update('p1', { unitId: 'c12' }), board)).toBe('PersonAmended');
    expect(told(state, update('p9', { sex: 'male' }))).toBe('not-found');
  });
  it('of an ended unit by the successor; of a split one by the assigned successor, unassigned by the board', () => {
    const state = people({ p2: 'c12' });
    for (const [personId, unitId] of [
      ['p1', 'c92'],
      ['p2', 'c93'],
      ['p3', 'c93'],
      ['p4', 'c91'],
    ] as const)
      told(state, enter(personId, { unitId, importId: 'i1', birth: null }), board);
    expect(told(state, update('p1', { sex: 'male' }), officer)).toBe('PersonAmended');
    expect(told(state, update('p2', { sex: 'male' }), officer)).toBe('not-found');
    expect(told(state, update('p2', { sex: 'male' }), neighbor)).toBe('PersonAmended');
    for (const personId of ['p3', 'p4']) {
      expect(told(state, update(personId, { sex: 'male' }), officer)).toBe('not-found');
      expect(told(state, update(personId, { sex: 'male' }), board)).toBe('PersonAmended');
    }
  });
});

describe('a record is erased', () => {
  it('by the board, with those merged into it', () => {
    const state = people();
    told(state, enter('p1'));
    told(state, enter('p2'));
    state.persons.set('p2', { ...state.persons.get('p2')!, mergedInto: 'p1' });
    expect(told(state, { type: 'ErasePerson', personId: 'p1' })).toBe('out-of-scope');
    expect(told(state, { type: 'ErasePerson', personId: 'p1' }, neighbor)).toBe('not-found');
    expect(told(state, { type: 'ErasePerson', personId: 'p2' }, board)).toBe('person-merged p1');
    expect(told(state, { type: 'ErasePerson', personId: 'p1' }, board)).toBe('PersonErased, PersonErased');
    expect([state.persons.size, state.erased.get('p1')]).toEqual([0, 2]);
  });
  it('and its number is free', () => {
    const state = people();
    told(state, enter('p1', { identityNumber: number }));
    told(state, { type: 'ErasePerson', personId: 'p1' }, board);
    expect(told(state, enter('p2', { identityNumber: number }))).toBe('PersonRegistered');
  });
});

describe('a revoked import takes back', () => {
  const takeBack = (personId: string) => ({ type: 'TakeBackPerson', personId, importId: 'i1' }) as const;
  it('whom it brought, if nobody has touched the record since', () => {
    const state = people();
    told(state, enter('p1', { importId: 'i1' }));
    told(state, enter('p2', { importId: 'i1', birth: '1981' }));
    told(state, update('p2', { sex: 'male' }));
    expect(told(state, takeBack('p1'))).toBe('PersonErased');
    expect(told(state, takeBack('p2'))).toBe('nothing');
    expect(told(state, takeBack('p1'))).toBe('nothing');
  });
  it('not who came another way, nor one into whom another was merged', () => {
    const state = people();
    told(state, enter('p1', { importId: 'i2' }));
    told(state, enter('p2', { importId: 'i1', birth: '1981' }));
    told(state, enter('p3', { birth: '1982' }));
    state.persons.set('p3', { ...state.persons.get('p3')!, mergedInto: 'p2' });
    expect(told(state, takeBack('p1'))).toBe('nothing');
    expect(told(state, takeBack('p2'))).toBe('nothing');
  });
  it('who came back with the same file after an earlier revocation', () => {
    const state = people();
    told(state, enter('p1', { importId: 'i1' }));
    told(state, takeBack('p1'));
    told(state, enter('p1', { importId: 'i1' }));
    expect(state.persons.get('p1')?.version).toBe(3);
    expect(told(state, takeBack('p1'))).toBe('PersonErased');
  });
});
