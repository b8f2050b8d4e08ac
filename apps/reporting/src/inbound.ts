import {
  classOpened,
  enrollmentWithdrawn,
  learnerAdmitted,
  pastClassRecorded,
  pastClassRevoked,
  programPublished,
  turnRecorded,
  turnRevoked,
} from '@khue/contracts/events/enrollment';
import { accountAllotted, potOpened, seatConfirmed, seatHeld, seatQueued, seatRefused, seatReleased } from '@khue/contracts/events/quota';
import { duplicateMerged } from '@khue/contracts/events/registry';
import type { DataOf, EventDefinition, Received } from '@khue/contracts/envelope';
import type { Tx } from '@khue/messaging/command';
import * as rows from './store/projections.ts';

type Rows = ReturnType<typeof rows.collect>;
type Project<D extends EventDefinition> = (into: Rows, data: DataOf<D>) => void;

const on = <D extends EventDefinition>(definition: D, project: Project<D>) => ({ definition, project: project as Project<EventDefinition> });

/** Every fact that a figure rests on, and the row it makes or takes. Facts of one subject come in order; those of others may come in any. */
const table = [
  on(programPublished, (into, data) => into.programs.set(`${data.code} ${data.programVersion}`, data)),
  on(classOpened, (into, data) => into.classes.set(data.classId, data)),
  on(pastClassRecorded, (into, data) => into.classes.set(data.classId, data)),
  on(pastClassRevoked, (into, data) => into.classes.set(data.classId, null)),
  on(turnRecorded, (into, data) => into.turns.set(data.turnId, { ...data, imported: true })),
  on(turnRevoked, (into, data) => into.turns.set(data.turnId, null)),
  on(learnerAdmitted, (into, data) => into.turns.set(data.enrollmentId, { ...data, imported: false })),
  on(enrollmentWithdrawn, (into, data) => into.turns.set(data.enrollmentId, null)),
  on(duplicateMerged, (into, data) => into.merged.set(data.mergedPersonId, data.keptPersonId)),
  on(potOpened, (into, data) => into.pots.set(data.potId, data)),
  on(accountAllotted, (into, data) => into.accounts.set(data.accountId, data)),
  on(seatHeld, (into, data) => into.seats.set(data.enrollmentId, { ...data, state: 'held' })),
  on(seatQueued, (into, data) => into.seats.set(data.enrollmentId, { ...data, state: 'queued' })),
  on(seatConfirmed, (into, data) => into.seats.set(data.enrollmentId, { ...data, state: 'confirmed' })),
  on(seatRefused, (into, data) => into.seats.set(data.enrollmentId, null)),
  on(seatReleased, (into, data) => into.seats.set(data.enrollmentId, null)),
];

const byType = new Map(table.map(({ definition, project }) => [definition.type as string, project]));

export const known = table.map(({ definition }) => definition);

/** Folds a batch to the last state of each row and writes it by set. */
export const apply = async (tx: Tx, events: readonly Received[]): Promise<void> => {
  const into = rows.collect();
  for (const event of events) byType.get(event.type)?.(into, event.data as never);
  await rows.write(tx, into);
};
