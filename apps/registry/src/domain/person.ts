import { birthYear } from '@khue/contracts/dates';
import type { LearnerFacts } from '@khue/contracts/learner-facts';
import { inScope, type Grant, type Role } from '@khue/contracts/grants';
import { standing, type UnitTable } from '@khue/contracts/units';
import { grantOver } from './access.ts';

export type Sex = 'male' | 'female';
export type PersonFacts = Omit<LearnerFacts, 'birth' | 'sex'>;

export interface Person {
  readonly id: string;
  readonly unitId: string;
  readonly name: string;
  /** The name without diacritics, for search and duplicates. */
  readonly fold: string;
  /** Leaves the registry only as `identityRef`. */
  readonly identityNumber: string | null;
  readonly identityRef: string | null;
  /** A day, or a year alone. */
  readonly birth: string | null;
  readonly sex: Sex | null;
  readonly facts: PersonFacts;
  readonly mergedInto: string | null;
  /** The import that brought the person; null for one who was typed in. */
  readonly importId: string | null;
  /** The number of its cards on the bus. */
  readonly version: number;
}

/** What of a person matters to tell whether somebody else is the same. */
export type Likeness = Pick<Person, 'id' | 'fold' | 'birth' | 'identityRef'>;

export interface Duplicate {
  readonly id: string;
  readonly personId: string;
  readonly otherId: string;
  readonly state: 'open' | 'merged' | 'dismissed';
}

/** The workspace of one batch: who its commands name, who holds the numbers they name, and who bears the same name. Records are replaced, never changed. */
export interface People {
  readonly table: UnitTable;
  readonly grantsOf: (sub: string) => readonly Grant[];
  readonly persons: Map<string, Person>;
  /** By identity number's reference: who holds it, of those not merged into another. */
  readonly holders: Map<string, string>;
  /** By `likenessKey`. */
  readonly namesakes: Map<string, Likeness[]>;
  /** Person to the unit at which their rows of a split unit stand. */
  readonly assigned: ReadonlyMap<string, string>;
  readonly duplicates: Map<string, Duplicate>;
  /** Persons erased before, and the version they had reached: a card of the same id goes on counting there. */
  readonly erased: Map<string, number>;
  readonly changed: {
    readonly added: Set<string>;
    readonly amended: Set<string>;
    readonly erased: Set<string>;
    readonly duplicates: Set<string>;
    readonly suspected: { readonly personId: string; readonly otherId: string }[];
  };
}

export const initialPeople = (loaded: Omit<People, 'changed'>): People => ({
  ...loaded,
  changed: { added: new Set(), amended: new Set(), erased: new Set(), duplicates: new Set(), suspected: [] },
});

/** Two records may be one person only where this agrees; undefined where too little is known to suspect anybody. */
export const likenessKey = ({ fold, birth }: Pick<Person, 'fold' | 'birth'>): string | undefined =>
  birth === null ? undefined : `${birthYear(birth)} ${fold}`;

/** Without diacritics the same name, births that agree as far as both are known, and no two identity numbers to tell them apart. */
export const mayBeOne = (a: Likeness, b: Likeness): boolean =>
  a.id !== b.id &&
  a.fold === b.fold &&
  a.birth !== null &&
  b.birth !== null &&
  (a.birth === b.birth || (a.birth.length !== b.birth.length && birthYear(a.birth) === birthYear(b.birth))) &&
  (a.identityRef === null || b.identityRef === null);

export const writers = ['officer', 'board'] as const satisfies readonly Role[];
/** Who sees the whole record: the number in clear and the sensitive facts. */
export const confidants = ['officer', 'board'] as const satisfies readonly Role[];

/**
 * The grant that permits writing rows of that unit today. They are judged where they stand today: rows of an ended unit at its successor, and what
 * stands nowhere (ended without successors, or split and not assigned) by the board alone.
 */
export const mayWrite = (
  grants: readonly Grant[],
  table: UnitTable,
  unitId: string,
  today: string,
  assigned?: string,
  roles: readonly Role[] = writers,
): Grant | undefined => {
  const { at, settled } = standing(table, unitId, today, assigned);
  if (settled) return inScope(grants, table, at, today, roles);
  return grantOver(
    grants,
    table,
    at,
    today,
    roles.filter((role) => role === 'board'),
  );
};

/** The number as it may be shown where a person is only to be told from others. */
export const masked = (identityNumber: string | null): string | null => identityNumber && `*********${identityNumber.slice(-3)}`;
