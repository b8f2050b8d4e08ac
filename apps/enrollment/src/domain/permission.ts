import type { By } from '@khue/contracts/grants';
import type { Refused } from '@khue/decider/decision';
import { mayReadRow, mayWriteRow } from './access.ts';
import { assignedOf, classOf, type Enrollment, type Enrollments } from './records.ts';
import { refuse } from './refusals.ts';

export interface Permitted {
  readonly row: Enrollment;
  readonly grantId: string;
}

/** The row and the grant that permits a write to it. A row that the caller may not even read is none to them. */
export const permitted = (
  enrollmentId: string,
  by: By,
  state: Enrollments,
  roles: readonly ('officer' | 'approver' | 'board')[],
): Permitted | Refused => {
  const row = state.enrollments.get(enrollmentId);
  if (!row) return refuse('not-found');
  const { unitId, personId } = row;
  if (!by.units.units.has(unitId)) return refuse('unit-not-known-yet');
  const assigned = assignedOf(state, unitId, personId);
  const grant = mayWriteRow(by, unitId, assigned, roles);
  if (grant) return { row, grantId: grant.id };
  return refuse(mayReadRow(by, { unitId, hostUnitId: classOf(state, row).hostUnitId, assigned }) ? 'out-of-scope' : 'not-found');
};
