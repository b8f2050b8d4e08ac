import type { Received } from '@khue/contracts/envelope';
import type { DataOf } from '@khue/contracts/envelope';
import {
  directoryEvents,
  grantIssued,
  grantRevoked,
  historyAssigned,
  unitDissolved,
  unitEstablished,
  unitMoved,
  unitSucceeded,
} from '@khue/contracts/events/registry';
import type { Grant, Role } from '@khue/contracts/grants';
import { unitTable, type Succession, type Unit, type UnitTable } from '@khue/contracts/units';
import type { Tx } from '@khue/messaging/command';
import type { Pool } from 'pg';

/** Units and grants as this service knows them, in memory for decisions. */
export interface Directory {
  units(): UnitTable;
  grants(): readonly Grant[];
  grantsOf(sub: string): readonly Grant[];
  /** Reads the tables again if they changed; called after each commit of ours and once a second for those of other replicas. */
  refresh(): Promise<void>;
}

export interface ProjectedDirectory extends Directory {
  readonly known: typeof directoryEvents;
  apply(tx: Tx, events: readonly Received[]): Promise<void>;
}

interface Snapshot {
  readonly version: number;
  readonly units: UnitTable;
  readonly grants: readonly Grant[];
  readonly bySub: ReadonlyMap<string, readonly Grant[]>;
}

/** A snapshot of a directory from its records. */
export const snapshotOf = (version: number, units: readonly Unit[], successions: readonly Succession[], grants: readonly Grant[]): Snapshot => ({
  version,
  units: unitTable(units, successions),
  grants,
  bySub: Map.groupBy(grants, (grant) => grant.sub),
});

/** A directory over any source of snapshots; `read` gets the version held and answers undefined when nothing changed. */
export const createDirectory = (read: (held: number) => Promise<Snapshot | undefined>): Directory => {
  let snapshot = snapshotOf(-1, [], [], []);
  let reading: Promise<void> | undefined;
  let again = false;
  const readOnce = async (): Promise<void> => {
    do {
      again = false;
      snapshot = (await read(snapshot.version)) ?? snapshot;
    } while (again);
  };
  return {
    units: () => snapshot.units,
    grants: () => snapshot.grants,
    grantsOf: (sub) => snapshot.bySub.get(sub) ?? [],
    refresh: () => {
      // A commit may land after the read under way began: read once more.
      if (reading) again = true;
      reading ??= readOnce().finally(() => {
        reading = undefined;
      });
      return reading;
    },
  };
};

/** Where the projection's unqualified names are looked up. */
export const directorySchema = 'directory';

/**
 * The directory of a service that is not the registry: projected from the registry's facts into the schema `directory`. Its statements name tables without a schema, so
 * that a rebuild can fill a second set.
 */
export const projectedDirectory = (pool: Pool): ProjectedDirectory => ({
  ...createDirectory((held) => readTables(pool, held)),
  known: directoryEvents,
  apply: async (tx, events) => {
    for (const event of events) await applyOne(tx, event);
    await tx.query('update version set number = number + 1');
  },
});

// One statement an event: the city has some thousand units and grants, and they change a few times a day.
const applyOne = async (tx: Tx, event: Received): Promise<void> => {
  switch (event.type) {
    case unitEstablished.type: {
      const data = event.data as DataOf<typeof unitEstablished>;
      await tx.query('insert into unit (id, code, kind, name, valid_from, valid_to, sample) values ($1, $2, $3, $4, $5, null, $6)', [
        data.unitId,
        data.code,
        data.kind,
        data.name,
        data.from,
        data.sample,
      ]);
      await tx.query('insert into unit_parent (unit_id, parent_id, valid_from) values ($1, $2, $3)', [data.unitId, data.parentId, data.from]);
      return;
    }
    case unitMoved.type: {
      const data = event.data as DataOf<typeof unitMoved>;
      await tx.query(
        `insert into unit_parent (unit_id, parent_id, valid_from) values ($1, $2, $3)
         on conflict (unit_id, valid_from) do update set parent_id = excluded.parent_id`,
        [data.unitId, data.parentId, data.on],
      );
      return;
    }
    case unitDissolved.type: {
      const data = event.data as DataOf<typeof unitDissolved>;
      await tx.query('update unit set valid_to = $2 where id = $1', [data.unitId, data.on]);
      return;
    }
    case unitSucceeded.type: {
      const data = event.data as DataOf<typeof unitSucceeded>;
      await tx.query('update unit set valid_to = $2 where id = $1', [data.unitId, data.on]);
      await tx.query(
        `insert into succession (from_unit_id, to_unit_id, on_date, share) select $1, s.to_unit_id, $2, s.share
         from unnest($3::uuid[], $4::int[]) as s (to_unit_id, share) on conflict do nothing`,
        [data.unitId, data.on, data.successors.map((successor) => successor.unitId), data.successors.map((successor) => successor.sharePercent)],
      );
      return;
    }
    case historyAssigned.type: {
      const data = event.data as DataOf<typeof historyAssigned>;
      await tx.query(
        `insert into assignment (from_unit_id, person_id, to_unit_id) values ($1, $2, $3)
         on conflict (from_unit_id, person_id) do update set to_unit_id = excluded.to_unit_id`,
        [data.fromUnitId, data.personId, data.toUnitId],
      );
      return;
    }
    case grantIssued.type: {
      const data = event.data as DataOf<typeof grantIssued>;
      // A role of a later release gives no right here: a grant in any role reads within its unit. The release that knows it makes its directory anew.
      if (data.role === 'other') return;
      await tx.query('insert into granted (id, sub, role, unit_id, valid_from, valid_to, document_no) values ($1, $2, $3, $4, $5, $6, $7)', [
        data.grantId,
        data.sub,
        data.role,
        data.unitId,
        data.validFrom,
        data.validTo,
        data.documentNo,
      ]);
      return;
    }
    case grantRevoked.type: {
      const data = event.data as DataOf<typeof grantRevoked>;
      await tx.query('update granted set valid_to = least(coalesce(valid_to, $2::date), $2::date) where id = $1', [data.grantId, data.on]);
      return;
    }
    default:
      throw new Error(`the directory does not know ${event.type}`);
  }
};

const readTables = async (pool: Pool, held: number): Promise<Snapshot | undefined> => {
  const { rows } = await pool.query<{ number: number }>('select number from directory.version');
  const version = rows[0]?.number ?? 0;
  if (version === held) return undefined;
  const [units, successions, grants] = await Promise.all([
    pool.query<Unit>(`select id, code, kind, name, valid_from as "from", valid_to as "to", sample,
        (select json_agg(json_build_object('parentId', p.parent_id, 'from', p.valid_from, 'to', p.until) order by p.valid_from)
         from (select parent_id, valid_from, lead(valid_from) over (order by valid_from) as until from directory.unit_parent where unit_id = unit.id) p) as parents
      from directory.unit`),
    pool.query<Succession>('select from_unit_id as "fromUnitId", to_unit_id as "toUnitId", on_date as "on", share from directory.succession'),
    pool.query<Omit<Grant, 'role'> & { role: Role }>(
      'select id, sub, role, unit_id as "unitId", valid_from as "validFrom", valid_to as "validTo", document_no as "documentNo" from directory.granted',
    ),
  ]);
  return snapshotOf(version, units.rows, successions.rows, grants.rows);
};
