import type { accountRecord, dividePotRoute, potRecord, seatRecord } from '@khue/contracts/http/quota';
import type { z } from 'zod';
import { apportion } from './domain/apportionment.ts';
import type { DividePot } from './domain/division.ts';
import { accountOfUnit, free, type Account, type Ledger, type Pot, type Seat } from './domain/records.ts';
import { reasonsInWords } from './domain/refusals.ts';

export const potView = ({ id, year, programCode, size, documentNo, rootUnitId, closesOn, version }: Pot): z.input<typeof potRecord> => ({
  id,
  year,
  programCode,
  size,
  documentNo,
  rootUnitId,
  closesOn,
  version,
});

export const accountView = (account: Account): z.input<typeof accountRecord> => {
  const { id, unitId, parentAccountId, allotted, passedOn, held, confirmed, queueLength, version } = account;
  return { id, unitId, parentAccountId, allotted, passedOn, held, confirmed, queued: queueLength, free: free(account), version };
};

/** `position`: the rank in the queue of a seat that is queued. */
export const seatView = ({ enrollmentId, state, reason, because }: Seat, position: number | null): z.input<typeof seatRecord> => ({
  enrollmentId,
  state,
  reason,
  explanation: reason === null ? null : (reasonsInWords[reason] ?? null),
  position,
  because: [...because],
});

/** A division as whoever divided sees it: what the account and those named hold now, and how it was worked out. */
export const divisionView = ({ potId, accountId, division }: DividePot, ledger: Ledger): z.input<typeof dividePotRoute.answer> => ({
  potId,
  account: accountView(ledger.accounts.get(accountId) as Account),
  accounts: division.shares.flatMap(({ unitId }) => accountOfUnit(ledger, potId, unitId) ?? []).map(accountView),
  working: workingOf(division),
});

const workingOf = (division: DividePot['division']): unknown => {
  if (division.by === 'hand') return null;
  const result = apportion(
    division.total,
    division.shares.map(({ unitId, weight }) => ({ key: unitId, weight })),
    division.method,
  );
  return result.accepted ? result.working : null;
};
