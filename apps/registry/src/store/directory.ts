import type { Grant, Grounds } from '@khue/contracts/grants';
import type { UnitTable } from '@khue/contracts/units';
import { createDirectory, snapshotOf, type Directory } from '@khue/host/directory';
import type { Tx } from '@khue/messaging/command';
import type { Pool } from 'pg';
import { inForce, type GrantRecord, type StructureRecords, type SuccessionRecord, type UnitRecord } from '../domain/records.ts';
import { grantColumns, successionColumns, unitColumns } from './columns.ts';

/** All units, successions and grants at one version of the structure, with the table and the grants in force that follow from them. Never changed. */
export interface Snapshot extends StructureRecords {
  readonly version: number;
  readonly table: UnitTable;
  readonly bySub: ReadonlyMap<string, readonly Grant[]>;
}

/** The directory that every service has, over the registry's own tables; and for transactions the newest committed structure. */
export interface RegistryDirectory extends Directory {
  /** What was read last; as new as the last refresh. */
  held(): Snapshot;
  /** The newest committed structure; `lock` holds it still until the transaction ends. Read again only if it has changed since it was read last. */
  newest(tx: Tx, lock: 'lock' | 'look'): Promise<Snapshot>;
}

export const registryDirectory = (pool: Pool): RegistryDirectory => {
  let held = toSnapshot(-1, { units: [], successions: [], grants: [] });
  const read = async (version: number, source: Pool | Tx): Promise<Snapshot> => {
    const snapshot = toSnapshot(version, await readRecords(source));
    if (snapshot.version > held.version) held = snapshot;
    return snapshot;
  };
  return {
    ...createDirectory(async (known) => {
      const { rows } = await pool.query<{ version: number }>('select version from registry.structure');
      const version = rows[0]?.version ?? 0;
      if (version === known) return undefined;
      // Rows read after the version may be newer than it, never older: then they are read once more.
      const { units, successions, grants } = held.version === version ? held : await read(version, pool);
      return snapshotOf(version, units, successions, grants.map(inForce));
    }),
    held: () => held,
    newest: async (tx, lock) => {
      const { rows } = await tx.query<{ version: number }>(
        lock === 'lock'
          ? { name: 'structure-lock', text: 'select version from registry.structure for update' }
          : { name: 'structure-look', text: 'select version from registry.structure' },
      );
      const version = rows[0]?.version ?? 0;
      return held.version === version ? held : read(version, tx);
    },
  };
};

/** What a batch decides by that has read this snapshot in its transaction. */
export const groundsOf = ({ table, bySub }: Snapshot): Grounds => ({ units: table, grantsOf: (sub) => bySub.get(sub) ?? [] });

const toSnapshot = (version: number, records: StructureRecords): Snapshot => {
  const { units, bySub } = snapshotOf(version, records.units, records.successions, records.grants.map(inForce));
  return { ...records, version, table: units, bySub };
};

// The whole structure: some thousand rows, read when it has changed, a few times a day.
const readRecords = async (source: Pool | Tx): Promise<StructureRecords> => {
  const units = await source.query<UnitRecord>(`
    select ${unitColumns.selected}, coalesce(parents, '[]') as parents
    from registry.units left join lateral (
      select json_agg(json_build_object('parentId', parent_id, 'from', valid_from, 'to', valid_to) order by valid_from) as parents
      from registry.unit_parents where unit_id = units.id) links on true
    order by id`);
  const successions = await source.query<SuccessionRecord>(`
    select ${successionColumns.only('fromUnitId', 'toUnitId', 'on', 'documentNo', 'sample').selected}, share_percent / 100.0::float8 as share
    from registry.successions order by on_date, from_unit_id, to_unit_id`);
  const grants = await source.query<GrantRecord>(`select ${grantColumns.selected} from registry.grants order by id`);
  return { units: units.rows, successions: successions.rows, grants: grants.rows };
};
