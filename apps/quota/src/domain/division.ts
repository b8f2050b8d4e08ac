import { notYours, type By, type Grant } from '@khue/contracts/grants';
import { existsOn } from '@khue/contracts/units';
import type { Decision, Refused } from '@khue/decider/decision';
import { accept } from '@khue/decider/decision';
import type { Method } from './apportionment.ts';
import { apportion, firstTwice } from './apportionment.ts';
import type { AccountAllotted, LedgerEvent } from './events.ts';
import type { Account, Ledger } from './records.ts';
import { accountFor, accountOfUnit, free, potFor, used } from './records.ts';
import { refuse } from './refusals.ts';
import { grantOver, isKnown, pathUp } from './scope.ts';
import type { Allotting } from './turn.ts';
import { turnsAfterDivision } from './turn.ts';

export interface OpenPot {
  readonly type: 'OpenPot';
  readonly potId: string;
  /** Of the root unit's account, which holds the whole size at first. */
  readonly accountId: string;
  readonly year: number;
  readonly programCode: string;
  readonly size: number;
  readonly documentNo: string;
  readonly rootUnitId: string;
  readonly closesOn: string | null;
}

interface Child {
  readonly unitId: string;
  /** The id of the account to make if the unit has none in this pot; otherwise not used. */
  readonly accountId: string;
}

/** Seats to add to what each unit holds, or to take back (below zero). */
export interface ByHand {
  readonly by: 'hand';
  readonly shares: readonly (Child & { readonly change: number })[];
}

/** `total` is what these units hold together afterwards; others keep what they hold. The same division again changes nothing. */
export interface ByFormula {
  readonly by: 'formula';
  readonly method: Method;
  readonly total: number;
  readonly shares: readonly (Child & { readonly weight: string | number })[];
}

export interface DividePot {
  readonly type: 'DividePot';
  readonly potId: string;
  /** The account that is divided. */
  readonly accountId: string;
  readonly division: ByHand | ByFormula;
  readonly documentNo: string;
}

/** Who answers for an account: its unit; after that has ended, the unit of the nearest account above that still exists. */
const answering = (account: Account, by: By, ledger: Ledger): string => {
  const above = account.parentAccountId === null ? undefined : ledger.accounts.get(account.parentAccountId);
  return above && !existsOn(by.units, account.unitId, by.today) ? answering(above, by, ledger) : account.unitId;
};

/** The grant that allows the command; for the audit, too. Undefined: out of scope. */
export const grantFor = (command: OpenPot | DividePot, by: By, ledger: Ledger): Grant | undefined => {
  if (command.type === 'OpenPot') return grantOver(by, command.rootUnitId, ['board']);
  const account = ledger.accounts.get(command.accountId);
  const above = account && grantOver(by, answering(account, by, ledger), ['board', 'approver']);
  if (above || command.division.by !== 'hand') return above;
  // A unit may give back what it holds without asking the unit above, but never take.
  const own = command.division.shares.map((share) => (share.change < 0 ? grantOver(by, share.unitId, ['board', 'approver']) : undefined));
  return own.includes(undefined) ? undefined : own[0];
};

export const openPot = (command: OpenPot, by: By, ledger: Ledger): Decision<LedgerEvent> => {
  const { potId, accountId, year, programCode, size, documentNo, rootUnitId, closesOn } = command;
  const at = by.now;
  if (!isKnown(by, rootUnitId)) return refuse('unit-not-known-yet', { field: 'rootUnitId' });
  if (!grantFor(command, by, ledger)) return refuse('out-of-scope', { field: 'rootUnitId' });
  if (documentNo.trim() === '') return refuse('document-missing', { field: 'documentNo' });
  if (!Number.isSafeInteger(size) || size < 1) return refuse('size-invalid', { field: 'size' });
  if (potFor(ledger, year, programCode)) return refuse('pot-exists', { params: { year, programCode } });
  return accept<LedgerEvent>(
    { type: 'PotOpened', potId, year, programCode, size, documentNo, rootUnitId, closesOn, version: 1, at },
    {
      type: 'AccountAllotted',
      accountId,
      potId,
      unitId: rootUnitId,
      parentAccountId: null,
      change: size,
      allotted: size,
      documentNo,
      version: 1,
      at,
    },
  );
};

const allottings = (division: DividePot['division'], parent: Account, ledger: Ledger): readonly Allotting[] | Refused => {
  const allotting = ({ unitId, accountId }: Child, changeFrom: (holds: number) => number): Allotting => {
    const account = accountOfUnit(ledger, parent.potId, unitId);
    const holds = account?.allotted ?? 0;
    return { unitId, accountId: account?.id ?? accountId, account, change: changeFrom(holds), allotted: holds + changeFrom(holds) };
  };
  if (division.shares.length === 0) return refuse('shares-empty', { field: 'shares' });
  const twice = firstTwice(division.shares.map((share) => share.unitId));
  if (twice >= 0) return refuse('share-twice', { field: `shares.${twice}.unitId` });
  if (division.by === 'hand') {
    const wrong = division.shares.findIndex((share) => !Number.isSafeInteger(share.change));
    if (wrong >= 0) return refuse('change-invalid', { field: `shares.${wrong}.change` });
    return division.shares.map((share) => allotting(share, () => share.change));
  }
  const result = apportion(
    division.total,
    division.shares.map(({ unitId, weight }) => ({ key: unitId, weight })),
    division.method,
  );
  if (!result.accepted) return result;
  const seats = new Map(result.allotments.map((one) => [one.key, one.seats]));
  return division.shares.map((share) => allotting(share, (holds) => (seats.get(share.unitId) ?? 0) - holds));
};

const refusalOf = (one: Allotting, at: number, parent: Account, by: By, ledger: Ledger): Refused | undefined => {
  const field = `shares.${at}.unitId`;
  if (!isKnown(by, one.unitId)) return refuse('unit-not-known-yet', { field });
  if (one.account && one.account.parentAccountId !== parent.id) return refuse('account-elsewhere', { field });
  // Taking back stays possible after a reorganization; only what a unit newly gets is judged by today's structure.
  if (!one.account || one.change > 0) {
    if (!existsOn(by.units, one.unitId, by.today)) return refuse('unit-ended', { field });
    const path = pathUp(by, one.unitId);
    if (!path.includes(parent.unitId)) return refuse('unit-not-below', { field });
    // Past an account between, the unit's people would go on waiting there, and nothing would bring them here.
    if (!one.account && accountFor(ledger, parent.potId, path)?.id !== parent.id) return refuse('account-between', { field });
  }
  const least = one.account ? used(one.account) : 0;
  return one.allotted < least ? refuse('below-used', { field, params: { used: least, asked: one.allotted } }) : undefined;
};

const inDivision = (refused: Refused): Refused => ({ ...refused, field: `division.${refused.field}` });

/**
 * Passes seats on from one account to units below it, or takes them back; nobody passes on more than is free.
 * Refuses with `account-unknown`, `unit-not-known-yet`, `out-of-scope`, `document-missing`, `not-enough-free`, and for one share (fields as
 * `division.shares.3.unitId`) `account-elsewhere`, `account-between`, `unit-ended`, `unit-not-below`, `below-used`, `change-invalid` and what `apportion` refuses.
 */
export const dividePot = (command: DividePot, by: By, ledger: Ledger): Decision<LedgerEvent> => {
  const { potId, documentNo } = command;
  const at = by.now;
  const parent = ledger.accounts.get(command.accountId);
  if (!parent || parent.potId !== potId) return refuse('account-unknown', { field: 'accountId' });
  if (!isKnown(by, parent.unitId)) return refuse('unit-not-known-yet', { field: 'accountId' });
  if (!grantFor(command, by, ledger))
    return refuse(notYours(by, parent.unitId) === 'not-found' ? 'account-unknown' : 'out-of-scope', { field: 'accountId' });
  if (documentNo.trim() === '') return refuse('document-missing', { field: 'documentNo' });
  const changes = allottings(command.division, parent, ledger);
  if ('code' in changes) return inDivision(changes);
  for (const [line, one] of changes.entries()) {
    const refused = refusalOf(one, line, parent, by, ledger);
    if (refused) return inDivision(refused);
  }
  const asked = changes.reduce((sum, one) => sum + one.change, 0);
  if (asked > free(parent)) return refuse('not-enough-free', { field: 'division.shares', params: { free: free(parent), asked } });

  // What is taken back comes first, so that no event on the way leaves the account with less than nothing.
  const allotted = [...changes.filter((one) => one.change < 0), ...changes.filter((one) => one.change > 0 || !one.account)].map(
    (one): AccountAllotted => ({
      type: 'AccountAllotted',
      accountId: one.accountId,
      potId,
      unitId: one.unitId,
      parentAccountId: parent.id,
      change: one.change,
      allotted: one.allotted,
      documentNo,
      version: (one.account?.version ?? 0) + 1,
      at,
    }),
  );
  return accept<LedgerEvent>(...allotted, ...turnsAfterDivision(parent, changes, by, ledger));
};
