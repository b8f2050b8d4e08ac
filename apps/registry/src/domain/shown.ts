import { parentOn, type UnitTable } from '@khue/contracts/units';
import { masked, type Person } from './person.ts';
import type { GrantRecord, UnitRecord } from './records.ts';

/** A unit as callers see it, with its parent on that date. */
export const shownUnit = (unit: UnitRecord, table: UnitTable, on: string) => {
  const { id, code, kind, name, from, to, parents, documentNo, sample, version } = unit;
  return { id, code, kind, name, parentId: parentOn(table, id, on) ?? null, from, to, parents, documentNo, sample, version };
};

export const shownGrant = ({ revokedBy: _, ...grant }: GrantRecord) => grant;

/** A person as lists and answers to writes have it. */
export const listedPerson = ({
  id,
  unitId,
  name,
  birth,
  sex,
  identityNumber,
  mergedInto,
  version,
}: Omit<Person, 'facts' | 'fold' | 'identityRef' | 'importId'>) => ({
  id,
  unitId,
  name,
  birth,
  sex,
  identityNumber: masked(identityNumber),
  mergedInto,
  version,
});

/** With the facts, but not the number: stored answers and the audit have no need of it. */
export const shownPerson = (person: Person) => ({ ...listedPerson(person), facts: person.facts });

/** Everything, for those who may see it; each reading is logged. */
export const openPerson = (person: Person) => ({ ...shownPerson(person), identityNumber: person.identityNumber });

/** For who may know of the person and no more. */
export const closedPerson = (person: Person) => ({ ...listedPerson(person), facts: null });
