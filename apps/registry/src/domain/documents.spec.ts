import { expect, it } from 'vitest';
import { decideDocument, evolveDocument, type Documents, type RecordDocument } from './documents.ts';
import { byIn, city, grant } from './structure.fixture.ts';

const structure = city();
structure.grants.set('school', grant('school', 'school', 'd2'));
const documents = (grantsEverIssued = 3): Documents => ({ founder: 'founder', grantsEverIssued, records: new Map(), taken: new Set() });
const record = (more: Partial<RecordDocument> = {}): RecordDocument => ({
  type: 'RecordDocument',
  documentId: 'doc',
  number: '213-KH/TU',
  issuer: 'Thành ủy Hà Nội',
  issuedOn: '2026-01-05',
  governs: 'quota',
  title: null,
  ...more,
});
const told = (state: Documents, command: RecordDocument, actor = 'board'): string => {
  const decision = decideDocument(command, byIn(structure, actor), state);
  if (!decision.accepted) return decision.code;
  decision.events.forEach((event) => evolveDocument(state, event));
  return 'recorded';
};

it('a document is recorded by board or school, at whatever unit', () => {
  expect(told(documents(), record())).toBe('recorded');
  expect(told(documents(), record(), 'school')).toBe('recorded');
  expect(told(documents(), record(), 'officer.d1')).toBe('out-of-scope');
});
it('by the founder only while no grant was ever issued', () => {
  expect(told(documents(0), record(), 'founder')).toBe('recorded');
  expect(told(documents(1), record(), 'founder')).toBe('out-of-scope');
});
it('a number of an issuer is recorded once; another issuer may have the same', () => {
  const state = documents();
  told(state, record());
  expect(told(state, record({ documentId: 'doc2' }))).toBe('document-exists');
  expect(told(state, record({ documentId: 'doc2', issuer: 'Ban Tổ chức Thành ủy' }))).toBe('recorded');
});
