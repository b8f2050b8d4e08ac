import { birthYear } from '@khue/contracts/dates';
import type { LearnerFacts } from '@khue/contracts/learner-facts';
import { inScope, type Grant, type Role } from '@khue/contracts/grants';
import type { readPerson } from '@khue/contracts/http/registry-people';
import { standing } from '@khue/contracts/units';
import { grantOver, type Scope } from './access.ts';

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

/** What lists show of a person. */
export type ListedPerson = Pick<Person, 'id' | 'unitId' | 'name' | 'birth' | 'sex' | 'identityNumber' | 'mergedInto' | 'version'>;

/** What of a person matters to tell whether somebody else is the same. */
export type Likeness = Pick<Person, 'id' | 'fold' | 'birth' | 'identityRef'>;

export interface Duplicate {
  readonly id: string;
  readonly personId: string;
  readonly otherId: string;
  readonly state: 'open' | 'merged' | 'dismissed';
}

/** A pair that waits for the board, with both records. */
export interface OpenDuplicate {
  readonly id: string;
  readonly state: 'open';
  readonly people: readonly ListedPerson[];
  readonly foundAt: string;
}

/** The workspace of one batch: who its commands name, who holds the numbers they name, and who bears the same name. Records are replaced, never changed. */
export interface People {
  readonly persons: Map<string, Person>;
  /** By identity number's reference: who holds it, of those not merged into another. */
  readonly holders: Map<string, string>;
  /** By `likenessKey`. */
  readonly namesakes: Map<string, readonly Likeness[]>;
  /** Person to the unit at which their rows of a split unit stand. */
  readonly assigned: ReadonlyMap<string, string>;
  readonly duplicates: Map<string, Duplicate>;
  /** Persons erased before, and the version they had reached: a card of the same id goes on counting there. */
  readonly erased: Map<string, number>;
  /** Pairs that the batch found, by `pairKey`; on record some of them may be already. */
  readonly suspected: Map<string, Pair>;
}

export interface Pair {
  readonly personId: string;
  readonly otherId: string;
}

export const pairKey = ({ personId, otherId }: Pair): string => `${personId}/${otherId}`;

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

/** Who reads people; the compiler holds it to be whom the route lets in. */
export const readers: (typeof readPerson)['callers'] = ['officer', 'approver', 'board', 'school', 'reader'];
export const writers = ['officer', 'board'] as const satisfies readonly Role[];
/** Who sees the whole record: the number in clear and the sensitive facts. */
export const confidants = ['officer', 'board'] as const satisfies readonly Role[];

/**
 * The grant that permits writing rows of that unit today. They are judged where they stand today: rows of an ended unit at its successor, and what
 * stands nowhere (ended without successors, or split and not assigned) by the board alone.
 */
export const mayWrite = (scope: Scope, unitId: string, assigned?: string, roles: readonly Role[] = writers): Grant | undefined => {
  const { grants, units, today } = scope;
  const { at, settled } = standing(units, unitId, today, assigned);
  if (settled) return inScope(grants, units, at, today, roles);
  return grantOver(
    scope,
    at,
    roles.filter((role) => role === 'board'),
  );
};

/** The number as it may be shown where a person is only to be told from others. */
export const masked = (identityNumber: string | null): string | null => identityNumber && `*********${identityNumber.slice(-3)}`;
