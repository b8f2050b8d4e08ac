import type { Grant } from '@khue/contracts/grants';
import { unitTable, type Succession, type Unit, type UnitTable } from '@khue/contracts/units';

export interface UnitRecord extends Unit {
  readonly documentNo: string | null;
  readonly sample: boolean;
  /** The number of its events; so in every record here, for `sequence` on the bus counts the same. */
  readonly version: number;
}

export interface SuccessionRecord extends Succession {
  readonly documentNo: string | null;
  readonly sample: boolean;
}

export interface GrantRecord extends Grant {
  readonly revokedOn: string | null;
  readonly revokedBy: string | null;
  readonly version: number;
}

/** Whose rows of a split unit stand at which of its successors: per split unit and person. */
export interface Assignment {
  readonly id: string;
  readonly fromUnitId: string;
  readonly personId: string;
  readonly toUnitId: string;
  readonly documentNo: string | null;
  readonly version: number;
}

export interface StructureRecords {
  readonly units: readonly UnitRecord[];
  readonly successions: readonly SuccessionRecord[];
  readonly grants: readonly GrantRecord[];
}

/** The whole structure as one batch sees and changes it. Records are replaced, never changed. */
export interface Structure {
  /** The account of the bootstrap rule, see `mayFound`. */
  readonly founder: string;
  readonly units: Map<string, UnitRecord>;
  readonly codes: Set<string>;
  /** By `successionKey`. */
  readonly successions: Map<string, SuccessionRecord>;
  readonly grants: Map<string, GrantRecord>;
  /** Those that the batch names, by id. */
  readonly assignments: Map<string, Assignment>;
  /** Of the persons that the batch names, those on record. */
  readonly knownPersons: ReadonlySet<string>;
  /** Units and successions as the functions of the contracts take them. */
  table: UnitTable;
}

export const successionKey = ({ fromUnitId, toUnitId }: Pick<Succession, 'fromUnitId' | 'toUnitId'>): string => `${fromUnitId}/${toUnitId}`;

/** The workspace of a batch; `table` where the caller has it already. */
export const initialStructure = (
  founder: string,
  records: StructureRecords,
  named: { readonly assignments: readonly Assignment[]; readonly persons: ReadonlySet<string> } = { assignments: [], persons: new Set() },
  table: UnitTable = unitTable(records.units, records.successions),
): Structure => ({
  founder,
  units: new Map(records.units.map((unit) => [unit.id, unit])),
  codes: new Set(records.units.map((unit) => unit.code)),
  successions: new Map(records.successions.map((succession) => [successionKey(succession), succession])),
  grants: new Map(records.grants.map((grant) => [grant.id, grant])),
  assignments: new Map(named.assignments.map((assignment) => [assignment.id, assignment])),
  knownPersons: named.persons,
  table,
});

/** The grant as it counts: a revocation ends it, whatever its own dates say. */
export const inForce = (grant: GrantRecord): Grant => {
  const { revokedOn, revokedBy: _, version: __, ...issued } = grant;
  if (revokedOn === null) return issued;
  return { ...issued, validTo: issued.validTo !== null && issued.validTo < revokedOn ? issued.validTo : revokedOn };
};

export const grantsOf = (structure: Structure, sub: string): Grant[] =>
  [...structure.grants.values()].filter((grant) => grant.sub === sub).map(inForce);
