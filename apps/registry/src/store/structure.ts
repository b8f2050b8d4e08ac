import type { Order } from '@khue/host/aggregate';
import type { Tx } from '@khue/messaging/command';
import { together } from '@khue/messaging/database';
import { added, changed, expectRows, insertRows, upsertRows } from '@khue/messaging/rows';
import { initialStructure, type Assignment, type Structure, type UnitRecord } from '../domain/records.ts';
import type { StructureCommand } from '../domain/structure.ts';
import { assignmentColumns, grantColumns, linkColumns, successionColumns, unitColumns } from './columns.ts';
import type { RegistryDirectory } from './directory.ts';

/**
 * Locks the structure as a whole. First of all locks of the registry, and the only one these commands take: who holds it is alone among units, grants
 * and assignments, so unique codes and one parent at a time are decided, and the constraints stand behind.
 */
export const loadStructure =
  (directory: RegistryDirectory, founder: string) =>
  async (tx: Tx, orders: readonly Order<StructureCommand>[]): Promise<Structure> => {
    const snapshot = await directory.newest(tx, 'lock');
    const named = orders.flatMap(({ command }) => (command.type === 'AssignHistory' ? command.items : []));
    if (named.length === 0) return initialStructure(founder, snapshot, undefined, snapshot.table);
    const assignments = await tx.query<Assignment>({
      name: 'assignments-load',
      text: `select ${assignmentColumns.selected} from registry.assignments where id = any($1::uuid[])`,
      values: [named.map(({ assignmentId }) => assignmentId)],
    });
    const persons = await tx.query<{ id: string }>({
      name: 'persons-known',
      text: 'select id from registry.people where id = any($1::uuid[])',
      values: [named.map(({ personId }) => personId)],
    });
    return initialStructure(founder, snapshot, { assignments: assignments.rows, persons: new Set(persons.rows.map(({ id }) => id)) }, snapshot.table);
  };

export const saveStructure = async (tx: Tx, now: Structure, before: Structure): Promise<void> => {
  const units = changed(now.units, before.units);
  const grants = changed(now.grants, before.grants);
  const successions = added(now.successions, before.successions).map(({ share, ...succession }) => ({
    ...succession,
    sharePercent: share == null ? null : Math.round(share * 100),
  }));
  await together(tx, () => [
    saveUnits(tx, units),
    insertRows(tx, 'successions-add', 'registry.successions', successionColumns, successions),
    upsertRows(tx, 'grants-save', 'registry.grants', grantColumns, grants, 'revokedOn', 'revokedBy', 'version'),
    saveAssignments(tx, changed(now.assignments, before.assignments)),
    // Assignments stand in no snapshot: replicas have nothing to read again for them.
    units.length + grants.length > 0 && countChange(tx),
  ]);
};

const countChange = async (tx: Tx): Promise<void> => {
  const { rowCount } = await tx.query({ name: 'structure-changed', text: 'update registry.structure set version = version + 1' });
  expectRows('structure-changed', 1, rowCount);
};

const saveUnits = async (tx: Tx, units: readonly UnitRecord[]): Promise<void> => {
  if (units.length === 0) return;
  const links = linkColumns.values(units.flatMap(({ id, parents }) => parents.map((link) => ({ unitId: id, ...link }))));
  await together(tx, () => [
    upsertRows(tx, 'units-save', 'registry.units', unitColumns, units, 'to', 'version'),
    // Ends first, for the exclusion constraint looks at each row as it comes.
    tx.query({
      name: 'unit-parents-end',
      text: `update registry.unit_parents p set ${linkColumns.only('to').set()} from ${linkColumns.given}
        where p.unit_id = given.unit_id and p.valid_from = given.valid_from and p.valid_to is distinct from given.valid_to`,
      values: links,
    }),
    tx.query({
      name: 'unit-parents-add',
      text: `insert into registry.unit_parents (${linkColumns.names}) select ${linkColumns.names} from ${linkColumns.given}
        on conflict (unit_id, valid_from) do nothing`,
      values: links,
    }),
  ]);
};

const saveAssignments = async (tx: Tx, assignments: readonly Assignment[]): Promise<void> => {
  if (assignments.length === 0) return;
  const { rowCount } = await tx.query({
    name: 'assignments-save',
    text: `insert into registry.assignments (${assignmentColumns.names}) select ${assignmentColumns.names} from ${assignmentColumns.given}
      on conflict (id) do update set ${assignmentColumns.only('toUnitId', 'documentNo', 'version').excluded()}, recorded_at = now()`,
    values: assignmentColumns.values(assignments),
  });
  expectRows('assignments-save', assignments.length, rowCount);
};
