import type { By } from '@khue/contracts/grants';
import { unitTable, type ParentLink } from '@khue/contracts/units';
import { accept, type Decision } from '@khue/decider/decision';
import { grantOver, mayFound } from './access.ts';
import { successionKey, type Structure, type UnitRecord } from './records.ts';
import { refuse } from './refusals.ts';

export interface RegisterUnit {
  readonly type: 'RegisterUnit';
  readonly unitId: string;
  readonly code: string;
  readonly kind: string;
  readonly name: string;
  readonly parentId: string | null;
  readonly from: string;
  readonly documentNo: string | null;
  readonly sample: boolean;
}
export interface MoveUnit {
  readonly type: 'MoveUnit';
  readonly unitId: string;
  readonly parentId: string;
  readonly on: string;
  readonly documentNo: string;
}
export interface DissolveUnit {
  readonly type: 'DissolveUnit';
  readonly unitId: string;
  readonly on: string;
  readonly documentNo: string;
}
export interface SucceedUnit {
  readonly type: 'SucceedUnit';
  readonly unitId: string;
  readonly successors: readonly { readonly unitId: string; readonly sharePercent: number | null }[];
  readonly on: string;
  readonly documentNo: string;
  readonly sample: boolean;
}
export type UnitCommand = RegisterUnit | MoveUnit | DissolveUnit | SucceedUnit;

type Fact<C extends { type: string }, Type extends string> = Omit<C, 'type'> & { readonly type: Type };
export type UnitEstablished = Fact<RegisterUnit, 'UnitEstablished'>;
export type UnitMoved = Fact<MoveUnit, 'UnitMoved'>;
export type UnitDissolved = Fact<DissolveUnit, 'UnitDissolved'>;
/** The unit's duties pass to others; it ends on that day unless it has ended on it already. */
export type UnitSucceeded = Fact<SucceedUnit, 'UnitSucceeded'>;
export type UnitEvent = UnitEstablished | UnitMoved | UnitDissolved | UnitSucceeded;

export const decideUnit = (command: UnitCommand, by: By, structure: Structure): Decision<UnitEvent> => {
  switch (command.type) {
    case 'RegisterUnit':
      return register(command, by, structure);
    case 'MoveUnit':
      return move(command, by, structure);
    case 'DissolveUnit':
      return dissolve(command, by, structure);
    case 'SucceedUnit':
      return succeed(command, by, structure);
  }
};

const mayShape = (structure: Structure, by: By, unitId: string): boolean =>
  mayFound(by.actor, structure.founder, structure.grants.size) || grantOver(by, unitId, ['board']) !== undefined;

const register = (command: RegisterUnit, by: By, structure: Structure): Decision<UnitEvent> => {
  if (command.parentId === null) {
    if ([...structure.units.values()].some((unit) => unit.parents.some((link) => link.parentId === null)))
      return refuse('root-exists', { field: 'parentId' });
    if (!mayFound(by.actor, structure.founder, structure.grants.size)) return refuse('out-of-scope', { field: 'parentId' });
  } else {
    const parent = structure.units.get(command.parentId);
    if (!parent) return refuse('unit-unknown', { field: 'parentId' });
    if (!mayShape(structure, by, command.parentId)) return refuse('out-of-scope', { field: 'parentId' });
    if (!covers(parent, { from: command.from, to: null })) return refuse('parent-not-there', { field: 'parentId' });
  }
  if (structure.codes.has(command.code)) return refuse('unit-code-taken', { field: 'code' });
  return accept({ ...command, type: 'UnitEstablished' });
};

const move = (command: MoveUnit, by: By, structure: Structure): Decision<UnitEvent> => {
  const unit = structure.units.get(command.unitId);
  if (!unit) return refuse('not-found');
  if (!mayShape(structure, by, unit.id)) return refuse('out-of-scope');
  const parent = structure.units.get(command.parentId);
  if (!parent) return refuse('unit-unknown', { field: 'parentId' });
  if (!mayShape(structure, by, parent.id)) return refuse('out-of-scope', { field: 'parentId' });
  const late = changeableOn(unit, command.on);
  if (late) return late;
  if (unit.parents.at(-1)?.parentId === parent.id) return accept();
  const span = { from: command.on, to: unit.to };
  if (!covers(parent, span)) return refuse('parent-not-there', { field: 'parentId' });
  if (liesBelow(structure, parent.id, unit.id, span)) return refuse('unit-below-itself', { field: 'parentId' });
  return accept({ ...command, type: 'UnitMoved' });
};

const dissolve = (command: DissolveUnit, by: By, structure: Structure): Decision<UnitEvent> => {
  const unit = structure.units.get(command.unitId);
  if (!unit) return refuse('not-found');
  if (!mayShape(structure, by, unit.id)) return refuse('out-of-scope');
  return mayEnd(structure, unit, command.on) ?? accept({ ...command, type: 'UnitDissolved' });
};

const succeed = (command: SucceedUnit, by: By, structure: Structure): Decision<UnitEvent> => {
  const unit = structure.units.get(command.unitId);
  if (!unit) return refuse('not-found');
  if (!mayShape(structure, by, unit.id)) return refuse('out-of-scope');
  if (structure.table.successionsFrom.has(unit.id)) return refuse('successors-recorded');
  const named = new Set([unit.id]);
  for (const [place, { unitId }] of command.successors.entries()) {
    const field = `successors.${place}.unitId`;
    const successor = structure.units.get(unitId);
    if (!successor) return refuse('unit-unknown', { field });
    if (named.has(unitId)) return refuse('successor-twice', { field });
    if (!mayShape(structure, by, unitId)) return refuse('out-of-scope', { field });
    if (!holdsOn(successor, command.on)) return refuse('successor-not-there', { field });
    named.add(unitId);
  }
  if (command.successors.reduce((sum, { sharePercent }) => sum + (sharePercent ?? 0), 0) > 100)
    return refuse('shares-over-100', { field: 'successors' });
  // Who continues a unit is often published after its end: the end on record stands, and the successors are added to it.
  const ended = unit.to === command.on;
  return (ended ? undefined : mayEnd(structure, unit, command.on)) ?? accept({ ...command, type: 'UnitSucceeded' });
};

const mayEnd = (structure: Structure, unit: UnitRecord, on: string): Decision<never> | undefined => {
  if (unit.parents.some((link) => link.parentId === null)) return refuse('root-stays');
  const late = changeableOn(unit, on);
  if (late) return late;
  const children = [...structure.units.values()].filter((child) =>
    child.parents.some((link) => link.parentId === unit.id && reachesPast(link, on) && reachesPast(child, on)),
  );
  if (children.length > 0) return refuse('unit-has-children', { params: { count: children.length } });
  const inherits = structure.table.successionsTo.get(unit.id)?.find((succession) => succession.on >= on);
  return inherits && refuse('unit-succeeds-later', { field: 'on', params: { on: inherits.on } });
};

/** The history of a unit is written forward: each change after the one before it, none after its end. */
const changeableOn = (unit: UnitRecord, on: string): Decision<never> | undefined => {
  if (unit.to !== null) return refuse('unit-ended', { field: 'on' });
  const since = unit.parents.at(-1)?.from ?? unit.from;
  return on <= since ? refuse('date-before-last-change', { field: 'on', params: { since } }) : undefined;
};

type Span = Pick<ParentLink, 'from' | 'to'>;
const holdsOn = (span: Span, day: string): boolean => span.from <= day && reachesPast(span, day);
const reachesPast = (span: Span, day: string): boolean => span.to === null || span.to > day;
const covers = (outer: Span, inner: Span): boolean => outer.from <= inner.from && (outer.to === null || (inner.to !== null && inner.to <= outer.to));
const overlap = (a: Span, b: Span): Span | undefined => {
  const from = a.from > b.from ? a.from : b.from;
  const to = a.to === null ? b.to : b.to === null || a.to < b.to ? a.to : b.to;
  return to === null || from < to ? { from, to } : undefined;
};

/** Whether `unitId` is, at any time of the span, `aboveId` or somewhere below it: moves that are planned for later count too. */
const liesBelow = (structure: Structure, unitId: string, aboveId: string, span: Span): boolean =>
  unitId === aboveId ||
  (structure.units.get(unitId)?.parents ?? []).some((link) => {
    const common = overlap(link, span);
    return common !== undefined && link.parentId !== null && liesBelow(structure, link.parentId, aboveId, common);
  });

export const evolveUnit = (structure: Structure, event: UnitEvent): void => {
  if (event.type === 'UnitEstablished') {
    const { type: _, unitId, parentId, ...established } = event;
    structure.codes.add(event.code);
    putUnit(structure, { id: unitId, ...established, parents: [{ parentId, from: event.from, to: null }], to: null, version: 1 });
    return;
  }
  const unit = structure.units.get(event.unitId);
  if (!unit) return;
  const version = unit.version + 1;
  const until = unit.parents.map((link, place) => (place === unit.parents.length - 1 ? { ...link, to: event.on } : link));
  if (event.type === 'UnitMoved') {
    putUnit(structure, { ...unit, parents: [...until, { parentId: event.parentId, from: event.on, to: null }], version });
    return;
  }
  if (event.type === 'UnitSucceeded') {
    for (const { unitId, sharePercent } of event.successors) {
      const share = sharePercent === null ? null : sharePercent / 100;
      const succession = { fromUnitId: unit.id, toUnitId: unitId, on: event.on, share, documentNo: event.documentNo, sample: event.sample };
      structure.successions.set(successionKey(succession), succession);
    }
  }
  putUnit(structure, { ...unit, to: event.on, parents: until, version });
};

const putUnit = (structure: Structure, unit: UnitRecord): void => {
  structure.units.set(unit.id, unit);
  structure.table = unitTable(structure.units.values(), structure.successions.values());
};
