import type { Form, Level } from '@khue/contracts/eligibility-codes';
import type { By } from '@khue/contracts/grants';
import { existsOn } from '@khue/contracts/units';
import { accept, type Decision } from '@khue/decider/decision';
import { mayWriteAt } from './access.ts';
import { programInForce, type Program } from './programs.ts';
import { refuse } from './refusals.ts';

/** What of its program's version a class keeps: later versions don't change it. */
export interface LiveClass {
  readonly id: string;
  readonly code: string;
  readonly programId: string;
  readonly programCode: string;
  readonly programVersion: number;
  readonly line: string;
  readonly level: Level | null;
  readonly form: Form | null;
  readonly hostUnitId: string;
  readonly organizers: readonly string[];
  readonly size: number;
  /** Places of approved nominations that were not given back. */
  readonly taken: number;
  readonly from: string;
  readonly to: string;
  readonly version: number;
}

export interface OpenClass {
  readonly type: 'OpenClass';
  readonly classId: string;
  readonly programCode: string;
  readonly hostUnitId: string;
  readonly size: number;
  readonly from: string;
  readonly to: string;
  /** Undefined: the next number of its series. */
  readonly code: string | undefined;
  readonly organizers: readonly string[];
}
export interface ClassOpened {
  readonly type: 'ClassOpened';
  readonly opened: LiveClass;
  /** The series that gave the code, and the number given; null for a code of the caller's. */
  readonly numbered: { readonly series: string; readonly no: number } | null;
}

/** The workspace of one batch. */
export interface Classes {
  readonly programs: ReadonlyMap<string, readonly Program[]>;
  /** The last number given, by series; the counter rows are locked. */
  readonly lastNo: Map<string, number>;
  /** Codes in use at the hosts named, see `codeKey`. */
  readonly codes: Set<string>;
  readonly opened: Map<string, LiveClass>;
}

const kinds = { elementary: 'SC', intermediate: 'TC', advanced: 'CC' } as const satisfies Record<Level, string>;
const kindOf = (level: Level | null): string => (level === null ? 'BD' : kinds[level]);
const numberedCode = /^K\d{2,4}\.(SC|TC|CC|BD)\.B\d+$/i;

export const codeKey = (hostUnitId: string, code: string): string => `${hostUnitId} ${code}`;
/** A code is unique at its host, as the schools number their classes: by level and year of the intake. */
export const seriesOf = (hostUnitId: string, level: Level | null, from: string): string => `${hostUnitId} ${kindOf(level)} ${from.slice(0, 4)}`;
/** The series that a class to be opened may draw from, for its counter row to be locked. */
export const seriesNamed = ({ hostUnitId, from, code }: OpenClass, versions: readonly Program[]): string | undefined => {
  const program = programInForce(versions, from);
  return code === undefined && program ? seriesOf(hostUnitId, program.level, from) : undefined;
};

export const decideClass = (command: OpenClass, by: By, classes: Classes): Decision<ClassOpened> => {
  const { classId, programCode, hostUnitId, size, from, to, code, organizers } = command;
  const { units } = by;
  if (!units.units.has(hostUnitId)) return refuse('unit-not-known-yet', { field: 'hostUnitId' });
  if (!mayWriteAt(by, hostUnitId, ['school'])) return refuse('out-of-scope', { field: 'hostUnitId' });
  const unknown = organizers.findIndex((unitId) => !units.units.has(unitId));
  if (unknown >= 0) return refuse('unit-not-known-yet', { field: `organizers.${unknown}` });
  if (to < from) return refuse('class-dates', { field: 'to' });
  if (!existsOn(units, hostUnitId, from)) return refuse('unit-not-there', { field: 'hostUnitId', params: { from } });
  const versions = classes.programs.get(programCode);
  if (!versions) return refuse('program-unknown', { field: 'programCode' });
  const program = programInForce(versions, from);
  if (!program) return refuse('program-not-in-force', { field: 'from', params: { programCode, from } });
  if (code !== undefined && numberedCode.test(code)) return refuse('class-code-reserved', { field: 'code' });
  if (code !== undefined && classes.codes.has(codeKey(hostUnitId, code))) return refuse('class-code-taken', { field: 'code', params: { code } });
  const numbered = code === undefined ? next(classes, seriesOf(hostUnitId, program.level, from)) : null;
  const opened: LiveClass = {
    id: classId,
    code: code ?? codeOf(program.level, from, numbered?.no ?? 0),
    programId: program.id,
    programCode,
    programVersion: program.version,
    line: program.line,
    level: program.level,
    form: program.form,
    hostUnitId,
    organizers,
    size,
    taken: 0,
    from,
    to,
    version: 1,
  };
  return accept({ type: 'ClassOpened', opened, numbered });
};

const next = (classes: Classes, series: string): { series: string; no: number } => {
  const last = classes.lastNo.get(series);
  // A number from a row that isn't locked would be given twice.
  if (last === undefined) throw new Error(`the series ${series} is not loaded`);
  return { series, no: last + 1 };
};

const codeOf = (level: Level | null, from: string, no: number): string => `K${from.slice(2, 4)}.${kindOf(level)}.B${String(no).padStart(2, '0')}`;

export const evolveClass = (classes: Classes, { opened, numbered }: ClassOpened): void => {
  if (numbered) classes.lastNo.set(numbered.series, numbered.no);
  classes.codes.add(codeKey(opened.hostUnitId, opened.code));
  classes.opened.set(opened.id, opened);
};
