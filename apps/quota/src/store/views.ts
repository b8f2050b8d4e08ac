import { free, type Account, type Pot, type Seat } from '../domain/records.ts';
import { seatRefusals } from '../domain/refusals.ts';

export const potView = ({ id, year, programCode, size, documentNo, rootUnitId, closesOn, version }: Pot) => ({
  id,
  year,
  programCode,
  size,
  documentNo,
  rootUnitId,
  closesOn,
  version,
});

export const accountView = (account: Account) => {
  const { id, unitId, parentAccountId, allotted, passedOn, held, confirmed, queueLength, version } = account;
  return { id, unitId, parentAccountId, allotted, passedOn, held, confirmed, queued: queueLength, free: free(account), version };
};

export const seatView = ({ enrollmentId, state, reason, because }: Seat, position: number | null) => ({
  enrollmentId,
  state,
  reason,
  explanation: reason === null ? null : (seatRefusals[reason as keyof typeof seatRefusals] ?? otherReasons[reason] ?? null),
  position,
  because,
});

const otherReasons: Readonly<Record<string, { readonly vi: string; readonly en: string }>> = {
  withdrawn: { vi: 'Đơn vị đã rút cử.', en: 'The unit withdrew the learner.' },
};
