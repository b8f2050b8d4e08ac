import type { Account } from '../domain/records.ts';

export const potColumns = `id, year, program_code as "programCode", size, document_no as "documentNo", root_unit_id as "rootUnitId", closes_on as "closesOn", version`;
export const accountColumns = `id, pot_id as "potId", unit_id as "unitId", parent_account_id as "parentAccountId", depth, allotted, passed_on as "passedOn", held, confirmed,
  queue_length as "queueLength", next_queue_no as "nextQueueNo", version`;
export const seatColumns = `enrollment_id as "enrollmentId", state, unit_id as "unitId", year, program_code as "programCode", pot_id as "potId", account_id as "accountId", reason,
  queue_no as "queueNo", version, because`;

/** An account as it is stored. Rows are locked by (pot, depth, id). */
export type StoredAccount = Account & { readonly depth: number };
