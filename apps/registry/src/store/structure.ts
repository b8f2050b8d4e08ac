import type { Command, Tx } from '@khue/messaging/command';
import { initialStructure, type Assignment, type Structure } from '../domain/records.ts';
import type { StructureCommand } from '../domain/structure.ts';
import type { RegistryDirectory } from './directory.ts';
import { expectRows } from './rows.ts';

/**
 * Locks the structure as a whole. First of all locks of the registry, and the only one these commands take: who holds it is alone among units, grants
 * and assignments, so unique codes and one parent at a time are decided, and the constraints stand behind.
 */
export const loadStructure = async (
  tx: Tx,
  commands: readonly Command<StructureCommand>[],
  directory: RegistryDirectory,
  founder: string,
): Promise<Structure> => {
  const snapshot = await directory.newest(tx, 'lock');
  const named = commands.flatMap(({ body }) => (body.type === 'AssignHistory' ? body.items : []));
  if (named.length === 0) return initialStructure(founder, snapshot, undefined, snapshot.table);
  const assignments = await tx.query<Assignment>({
    name: 'assignments-load',
    text: `select id, from_unit_id as "fromUnitId", person_id as "personId", to_unit_id as "toUnitId", document_no as "documentNo", version
      from registry.assignments where id = any($1::uuid[])`,
    values: [named.map(({ assignmentId }) => assignmentId)],
  });
  const persons = await tx.query<{ id: string }>({
    name: 'persons-known',
    text: 'select id from registry.people where id = any($1::uuid[])',
    values: [named.map(({ personId }) => personId)],
  });
  return initialStructure(founder, snapshot, { assignments: assignments.rows, persons: new Set(persons.rows.map(({ id }) => id)) }, snapshot.table);
};

export const saveStructure = async (tx: Tx, structure: Structure): Promise<void> => {
  const { changed } = structure;
  await saveUnits(tx, structure);
  await saveGrants(tx, structure);
  await saveAssignments(tx, structure);
  // Assignments stand in no snapshot: replicas have nothing to read again for them.
  if (changed.units.size + changed.grants.size > 0)
    expectRows(1, await tx.query({ name: 'structure-changed', text: 'update registry.structure set version = version + 1' }));
};

const saveUnits = async (tx: Tx, { units, changed }: Structure): Promise<void> => {
  const rows = [...changed.units].flatMap((id) => units.get(id) ?? []);
  if (rows.length === 0) return;
  expectRows(
    rows.length,
    await tx.query({
      name: 'units-save',
      text: `insert into registry.units (id, code, kind, name, valid_from, valid_to, document_no, sample, version)
      select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::date[], $6::date[], $7::text[], $8::bool[], $9::int[])
      on conflict (id) do update set valid_to = excluded.valid_to, version = excluded.version`,
      values: [
        rows.map(({ id }) => id),
        rows.map(({ code }) => code),
        rows.map(({ kind }) => kind),
        rows.map(({ name }) => name),
        rows.map(({ from }) => from),
        rows.map(({ to }) => to),
        rows.map(({ documentNo }) => documentNo),
        rows.map(({ sample }) => sample),
        rows.map(({ version }) => version),
      ],
    }),
  );
  const links = rows.flatMap(({ id, parents }) => parents.map((link) => ({ unitId: id, ...link })));
  const linkColumns = [
    links.map(({ unitId }) => unitId),
    links.map(({ parentId }) => parentId),
    links.map(({ from }) => from),
    links.map(({ to }) => to),
  ];
  // Ends first, for the exclusion constraint looks at each row as it comes.
  await tx.query({
    name: 'unit-parents-end',
    text: `update registry.unit_parents p set valid_to = link.valid_to
      from unnest($1::uuid[], $2::uuid[], $3::date[], $4::date[]) as link (unit_id, parent_id, valid_from, valid_to)
      where p.unit_id = link.unit_id and p.valid_from = link.valid_from and p.valid_to is distinct from link.valid_to`,
    values: linkColumns,
  });
  await tx.query({
    name: 'unit-parents-add',
    text: `insert into registry.unit_parents (unit_id, parent_id, valid_from, valid_to)
      select * from unnest($1::uuid[], $2::uuid[], $3::date[], $4::date[]) on conflict (unit_id, valid_from) do nothing`,
    values: linkColumns,
  });
  if (changed.successions.length === 0) return;
  expectRows(
    changed.successions.length,
    await tx.query({
      name: 'successions-add',
      text: `insert into registry.successions (from_unit_id, to_unit_id, on_date, share_percent, document_no, sample)
      select * from unnest($1::uuid[], $2::uuid[], $3::date[], $4::int[], $5::text[], $6::bool[])`,
      values: [
        changed.successions.map(({ fromUnitId }) => fromUnitId),
        changed.successions.map(({ toUnitId }) => toUnitId),
        changed.successions.map(({ on }) => on),
        changed.successions.map(({ share }) => (share == null ? null : Math.round(share * 100))),
        changed.successions.map(({ documentNo }) => documentNo),
        changed.successions.map(({ sample }) => sample),
      ],
    }),
  );
};

const saveGrants = async (tx: Tx, { grants, changed }: Structure): Promise<void> => {
  const rows = [...changed.grants].flatMap((id) => grants.get(id) ?? []);
  if (rows.length === 0) return;
  expectRows(
    rows.length,
    await tx.query({
      name: 'grants-save',
      text: `insert into registry.grants (id, sub, role, unit_id, valid_from, valid_to, document_no, revoked_on, revoked_by, version)
      select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::date[], $6::date[], $7::text[], $8::date[], $9::text[], $10::int[])
      on conflict (id) do update set revoked_on = excluded.revoked_on, revoked_by = excluded.revoked_by, version = excluded.version`,
      values: [
        rows.map(({ id }) => id),
        rows.map(({ sub }) => sub),
        rows.map(({ role }) => role),
        rows.map(({ unitId }) => unitId),
        rows.map(({ validFrom }) => validFrom),
        rows.map(({ validTo }) => validTo),
        rows.map(({ documentNo }) => documentNo),
        rows.map(({ revokedOn }) => revokedOn),
        rows.map(({ revokedBy }) => revokedBy),
        rows.map(({ version }) => version),
      ],
    }),
  );
};

const saveAssignments = async (tx: Tx, { assignments, changed }: Structure): Promise<void> => {
  const rows = [...changed.assignments].flatMap((id) => assignments.get(id) ?? []);
  if (rows.length === 0) return;
  expectRows(
    rows.length,
    await tx.query({
      name: 'assignments-save',
      text: `insert into registry.assignments (id, from_unit_id, person_id, to_unit_id, document_no, version)
      select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::int[])
      on conflict (id) do update set to_unit_id = excluded.to_unit_id, document_no = excluded.document_no, version = excluded.version, recorded_at = now()`,
      values: [
        rows.map(({ id }) => id),
        rows.map(({ fromUnitId }) => fromUnitId),
        rows.map(({ personId }) => personId),
        rows.map(({ toUnitId }) => toUnitId),
        rows.map(({ documentNo }) => documentNo),
        rows.map(({ version }) => version),
      ],
    }),
  );
};
