import { columns } from '@khue/messaging/rows';
import type { Account, Pot, Seat } from '../domain/records.ts';

/** An account as it is stored. Rows are locked by (pot, depth, id). */
export type StoredAccount = Account & { readonly depth: number };

export const potColumns = columns<Pot>({
  id: 'uuid',
  year: 'int',
  programCode: 'text',
  size: 'int',
  documentNo: 'text',
  rootUnitId: 'uuid',
  closesOn: 'date',
  version: 'int',
});
export const accountColumns = columns<StoredAccount>({
  id: 'uuid',
  potId: 'uuid',
  unitId: 'uuid',
  parentAccountId: 'uuid',
  depth: 'int',
  allotted: 'int',
  passedOn: 'int',
  held: 'int',
  confirmed: 'int',
  queueLength: 'int',
  nextQueueNo: 'int',
  version: 'int',
});
export const seatColumns = columns<Seat>({
  enrollmentId: 'uuid',
  state: 'text',
  unitId: 'uuid',
  year: 'int',
  programCode: 'text',
  potId: 'uuid',
  accountId: 'uuid',
  reason: 'text',
  queueNo: 'int',
  version: 'int',
  because: 'jsonb',
});
