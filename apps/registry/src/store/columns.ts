import type { ParentLink } from '@khue/contracts/units';
import { columns } from '@khue/messaging/rows';
import type { DocumentRecord } from '../domain/documents.ts';
import type { Duplicate, Pair, Person } from '../domain/person.ts';
import type { Assignment, GrantRecord, SuccessionRecord, UnitRecord } from '../domain/records.ts';

const validity = { from: ['valid_from', 'date'], to: ['valid_to', 'date'] } as const;

export const unitColumns = columns<Omit<UnitRecord, 'parents'>>({
  id: 'uuid',
  code: 'text',
  kind: 'text',
  name: 'text',
  ...validity,
  documentNo: 'text',
  sample: 'bool',
  version: 'int',
});
export const linkColumns = columns<ParentLink & { readonly unitId: string }>({ unitId: 'uuid', parentId: 'uuid', ...validity });
export const successionColumns = columns<Omit<SuccessionRecord, 'share'> & { readonly sharePercent: number | null }>({
  fromUnitId: 'uuid',
  toUnitId: 'uuid',
  on: ['on_date', 'date'],
  sharePercent: 'int',
  documentNo: 'text',
  sample: 'bool',
});
export const grantColumns = columns<GrantRecord>({
  id: 'uuid',
  sub: 'text',
  role: 'text',
  unitId: 'uuid',
  validFrom: 'date',
  validTo: 'date',
  documentNo: 'text',
  revokedOn: 'date',
  revokedBy: 'text',
  version: 'int',
});
export const assignmentColumns = columns<Assignment>({
  id: 'uuid',
  fromUnitId: 'uuid',
  personId: 'uuid',
  toUnitId: 'uuid',
  documentNo: 'text',
  version: 'int',
});

export const documentColumns = columns<DocumentRecord & { readonly fold: string }>({
  id: 'uuid',
  number: 'text',
  issuer: 'text',
  issuedOn: 'date',
  governs: 'text',
  title: 'text',
  fold: 'text',
  version: 'int',
});

const ofPerson = {
  id: 'uuid',
  unitId: 'uuid',
  name: 'text',
  fold: 'text',
  identityNumber: 'text',
  identityRef: 'text',
  birth: 'text',
  sex: 'text',
  facts: 'jsonb',
  mergedInto: 'uuid',
  importId: 'uuid',
  version: 'int',
} as const;
export const personColumns = columns<Person>(ofPerson);
/** A person with what the list is ordered and namesakes are found by. */
export interface StoredPerson extends Person {
  readonly given: string;
  readonly middle: string;
  readonly family: string;
  readonly birthYear: number | null;
}
export const storedColumns = columns<StoredPerson>({ ...ofPerson, given: 'text', middle: 'text', family: 'text', birthYear: 'smallint' });
export const erasedColumns = columns<{ readonly personId: string; readonly version: number }>({ personId: 'uuid', version: 'int' });
export const pairColumns = columns<Pair>({ personId: 'uuid', otherId: 'uuid' });
export const duplicateColumns = columns<Duplicate>({ id: 'uuid', personId: 'uuid', otherId: 'uuid', state: 'text' });
