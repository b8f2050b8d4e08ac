import { checkIdentityNumber } from '@khue/contracts/identity-number';
import type { documentRecord, grantRecord } from '@khue/contracts/http/registry';
import type { dismissDuplicate, duplicateRecord, listPeople, personRecord, writtenPerson } from '@khue/contracts/http/registry-people';
import type { readSuccessors, unitRecord } from '@khue/contracts/http/registry-units';
import { parentOn, type Unit, type UnitTable } from '@khue/contracts/units';
import type { z } from 'zod';
import type { DocumentRecord } from './domain/documents.ts';
import { masked, type Duplicate, type ListedPerson, type OpenDuplicate, type Person } from './domain/person.ts';
import type { GrantRecord, SuccessionRecord, UnitRecord } from './domain/records.ts';

/** A unit as callers see it, with its parent on that date. */
export const unitView = (unit: UnitRecord, table: UnitTable, on: string): z.input<typeof unitRecord> => {
  const { id, code, kind, name, from, to, parents, documentNo, sample, version } = unit;
  return { id, code, kind, name, parentId: parentOn(table, id, on) ?? null, from, to, parents: [...parents], documentNo, sample, version };
};

export const successorView = (succession: SuccessionRecord, table: UnitTable): z.input<typeof readSuccessors.answer>['items'][number] => {
  const { toUnitId, on, share, documentNo, sample } = succession;
  const { code, name } = table.units.get(toUnitId) as Unit;
  return { unitId: toUnitId, code, name, sharePercent: share == null ? null : Math.round(share * 100), on, documentNo, sample };
};

export const grantView = ({ revokedBy: _, ...grant }: GrantRecord): z.input<typeof grantRecord> => grant;

export const documentView = (document: DocumentRecord): z.input<typeof documentRecord> => document;

/** A person as lists have it. */
export const listedPerson = (person: ListedPerson): z.input<typeof listPeople.answer>['items'][number] => {
  const { id, unitId, name, birth, sex, identityNumber, mergedInto, version } = person;
  return { id, unitId, name, birth, sex, identityNumber: masked(identityNumber), mergedInto, version };
};

/** With the facts, but not the number: stored answers and the audit have no need of it. */
export const shownPerson = (person: Person): z.input<typeof personRecord> => ({ ...listedPerson(person), facts: person.facts });

/** As answers to writes have it, with what the number disagrees with. */
export const writtenView = (person: Person): z.input<typeof writtenPerson> => {
  const { birth, sex, identityNumber } = person;
  const known = { birth: birth ?? undefined, sex: sex ?? undefined };
  return { ...shownPerson(person), warnings: identityNumber === null ? [] : checkIdentityNumber(identityNumber, known) };
};

/** Everything, for those who may see it; each reading is logged. */
export const openPerson = (person: Person): z.input<typeof personRecord> => ({ ...shownPerson(person), identityNumber: person.identityNumber });

/** For who may know of the person and no more. */
export const closedPerson = (person: Person): z.input<typeof personRecord> => ({ ...listedPerson(person), facts: null });

export const duplicateView = ({ people, ...pair }: OpenDuplicate): z.input<typeof duplicateRecord> => ({ ...pair, people: people.map(listedPerson) });

export const closedDuplicate = ({ id, state }: Duplicate): z.input<typeof dismissDuplicate.answer> => ({ id, state });
