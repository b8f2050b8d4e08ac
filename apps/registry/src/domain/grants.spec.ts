import { describe, expect, it } from 'vitest';
import type { IssueGrant, RevokeGrant } from './grants.ts';
import { grantsOf, initialStructure } from './records.ts';
import { city, grant, register, today, told } from './structure.fixture.ts';

const issue = (sub: string, role: IssueGrant['role'], unitId: string, more: Partial<IssueGrant> = {}): IssueGrant => ({
  type: 'IssueGrant',
  grantId: `new-${sub}-${role}-${unitId}`,
  sub,
  role,
  unitId,
  validFrom: '2026-01-01',
  validTo: null,
  documentNo: '7-QĐ/BTC',
  ...more,
});
const revoke = (grantId: string): RevokeGrant => ({ type: 'RevokeGrant', grantId, documentNo: '8-QĐ/BTC' });
const boardOfD1 = 'board.d1';

describe('a grant is issued', () => {
  it('by the board over the unit', () => {
    expect(told(city(), issue('officer.a', 'officer', 'c11'))).toBe('GrantIssued');
    expect(told(city(), issue('officer.a', 'officer', 'c11'), boardOfD1)).toBe('GrantIssued');
    expect(told(city(), issue('officer.a', 'officer', 'd2'), boardOfD1)).toBe('out-of-scope unitId');
    expect(told(city(), issue('officer.a', 'officer', 'c11'), 'officer.d1')).toBe('out-of-scope unitId');
  });
  it('never to oneself', () => {
    expect(told(city(), issue('board', 'approver', 'd1'))).toBe('grant-to-oneself sub');
  });
  it('for a time with an end after its beginning, at a unit that lasts', () => {
    const structure = city();
    expect(told(structure, issue('officer.a', 'officer', 'c11', { validTo: '2026-01-01' }))).toBe('grant-dates validTo');
    told(structure, { type: 'DissolveUnit', unitId: 'c12', on: '2026-03-02', documentNo: '9-QĐ' });
    expect(told(structure, issue('officer.a', 'officer', 'c12'))).toBe('unit-ended unitId');
    expect(told(structure, issue('officer.a', 'officer', 'c99'))).toBe('unit-unknown unitId');
  });
  it('once: the same role at the same unit only after the first is over', () => {
    const structure = city();
    told(structure, issue('officer.a', 'officer', 'c11', { grantId: 'first', validTo: '2027-01-01' }));
    expect(told(structure, issue('officer.a', 'officer', 'c11', { validFrom: '2026-12-31' }))).toBe('grant-exists');
    expect(told(structure, issue('officer.a', 'approver', 'c11'))).toBe('GrantIssued');
    told(structure, revoke('first'));
    expect(told(structure, issue('officer.a', 'officer', 'c11', { validFrom: today }))).toBe('GrantIssued');
  });
  it('at a unit that begins later', () => {
    const structure = city();
    told(structure, register('w1', 'city', { from: '2026-07-01' }));
    expect(told(structure, issue('officer.w', 'officer', 'w1', { validFrom: '2026-07-01' }))).toBe('GrantIssued');
  });
});

describe('the first grant', () => {
  const founding = () => {
    const structure = initialStructure('founder', { units: [], successions: [], grants: [] });
    told(structure, register('city', null), 'founder');
    told(structure, register('d1', 'city'), 'founder');
    return structure;
  };
  it('is that of the board at the root, in force at once and without end; the founder may take it', () => {
    expect(told(founding(), issue('officer.a', 'officer', 'd1'), 'founder')).toBe('first-grant-is-board');
    expect(told(founding(), issue('board', 'board', 'd1'), 'founder')).toBe('first-grant-is-board');
    expect(told(founding(), issue('board', 'board', 'city', { validTo: '2027-01-01' }), 'founder')).toBe('first-grant-is-board');
    expect(told(founding(), issue('board', 'board', 'city', { validFrom: '2027-01-01' }), 'founder')).toBe('first-grant-is-board');
    expect(told(founding(), issue('founder', 'board', 'city'), 'founder')).toBe('GrantIssued');
  });
  it('comes from nobody but the founder, and ends what the founder may', () => {
    const structure = founding();
    expect(told(structure, issue('board', 'board', 'city'), 'board')).toBe('out-of-scope unitId');
    told(structure, issue('board', 'board', 'city'), 'founder');
    expect(told(structure, issue('founder', 'board', 'city'), 'founder')).toBe('out-of-scope unitId');
  });
});

describe('a grant is revoked', () => {
  it('at once: from today on it permits nothing', () => {
    const structure = city();
    expect(told(structure, revoke('officer.d1-officer-d1'))).toBe('GrantRevoked');
    expect(grantsOf(structure, 'officer.d1')).toMatchObject([{ validTo: today }]);
    expect(structure.grants.get('officer.d1-officer-d1')).toMatchObject({ revokedBy: '8-QĐ/BTC', version: 2 });
    expect(told(structure, revoke('officer.d1-officer-d1'))).toBe('grant-over');
  });
  it('by the board over its unit', () => {
    const structure = city();
    for (const one of [grant('board.d1', 'officer', 'd2'), grant('operator', 'operator', 'city'), grant('operator', 'board', 'd1')])
      structure.grants.set(one.id, one);
    expect(told(structure, revoke('board-board-city'), 'operator')).toBe('out-of-scope');
    expect(told(structure, revoke('board.d1-officer-d2'), boardOfD1)).toBe('out-of-scope');
  });
  it('and does not exist for whom it is neither listed nor issued', () => {
    expect(told(city(), revoke('board-board-city'), boardOfD1)).toBe(told(city(), revoke('nothing'), boardOfD1));
    expect(told(city(), revoke('nothing'))).toBe('not-found');
  });
  it('but not the last one of the board at the root', () => {
    const structure = city();
    expect(told(structure, revoke('board-board-city'))).toBe('last-board-grant');
    const second = grant('board2', 'board', 'city');
    structure.grants.set(second.id, second);
    expect(told(structure, revoke('board-board-city'))).toBe('GrantRevoked');
  });
  it('which takes effect for the next command of the same batch', () => {
    const structure = city();
    told(structure, revoke('board.d1-board-d1'));
    expect(told(structure, register('c13', 'd1'), boardOfD1)).toBe('out-of-scope parentId');
  });
});

it('a grant on a unit that has ended permits nothing', () => {
  const structure = city();
  for (const unitId of ['c11', 'c12', 'd1']) told(structure, { type: 'DissolveUnit', unitId, on: '2026-03-02', documentNo: '9-QĐ' });
  expect(
    told(
      structure,
      { type: 'SucceedUnit', unitId: 'c11', on: '2026-03-02', documentNo: '9-QĐ', sample: false, successors: [{ unitId: 'd2', sharePercent: null }] },
      boardOfD1,
    ),
  ).toBe('out-of-scope');
});
