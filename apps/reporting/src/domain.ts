import { mayRead, type By } from '@khue/contracts/grants';
import type { CommonProblem, ProblemCatalog } from '@khue/contracts/problems';
import { existsOn, isWithin, pathOf, standing, UNASSIGNED, type UnitTable } from '@khue/contracts/units';
import { accept, refuseBy, type Decision } from '@khue/decider/decision';

export interface PublishedLine {
  readonly code: string;
  readonly name: { readonly vi: string; readonly en: string };
  readonly classes: number;
  readonly learners: number;
  readonly counts: 'people' | 'turns';
}

/** A report as the city published it: its own words and numbers, never ours. */
export interface Published {
  readonly id: string;
  readonly source: string;
  readonly from: string;
  readonly to: string;
  readonly headlineTurns: number;
  readonly lines: readonly PublishedLine[];
  readonly version: number;
}

export interface PublishReport extends Omit<Published, 'version'> {
  readonly type: 'PublishReport';
}
export interface ReportPublished {
  readonly type: 'ReportPublished';
  readonly report: Published;
}

export const refusals = {
  'period-invalid': {
    status: 400,
    vi: 'Kỳ báo cáo chưa đúng: ngày (năm) đầu phải không sau ngày (năm) cuối.',
    en: 'The period is not valid: its start must not be after its end.',
  },
  'published-report-exists': {
    status: 409,
    vi: 'Kỳ này đã có báo cáo công bố. Báo cáo đã ghi không sửa được.',
    en: 'This period already has a published report. A recorded report is not edited.',
  },
  'line-twice': { status: 422, vi: 'Một dòng xuất hiện hai lần. Mỗi mã dòng chỉ ghi một lần.', en: 'A line occurs twice. Give each line code once.' },
} as const satisfies ProblemCatalog;

export const refuse = refuseBy<keyof typeof refusals | CommonProblem>();

/** The workspace of a batch: the reports on record, by their period. */
export interface PublishedReports {
  readonly byPeriod: Map<string, Published>;
}

export const periodKey = ({ from, to }: { readonly from: string; readonly to: string }): string => `${from}/${to}`;

/** A period is published once, for the whole city; its lines have different codes. */
export const decide = (command: PublishReport, { grants, units, today }: By, { byPeriod }: PublishedReports): Decision<ReportPublished> => {
  const root = rootOf(units, today);
  if (root && !mayRead(grants, units, root, today, ['board'])) return refuse('out-of-scope');
  if (command.from > command.to) return refuse('period-invalid', { field: 'from' });
  const codes = command.lines.map((line) => line.code);
  const twice = codes.findIndex((code, place) => codes.indexOf(code) !== place);
  if (twice >= 0) return refuse('line-twice', { field: `lines.${twice}.code` });
  if (byPeriod.has(periodKey(command))) return refuse('published-report-exists', { field: 'from' });
  const { type: _, ...report } = command;
  return accept({ type: 'ReportPublished', report: { ...report, version: 1 } });
};

export const evolve = ({ byPeriod }: PublishedReports, { report }: ReportPublished): void => void byPeriod.set(periodKey(report), report);

/** The unit above all others on that day; undefined while nobody told of any. */
export const rootOf = (units: UnitTable, day: string): string | undefined =>
  [...units.units.values()].find((unit) => unit.to === null && unit.from <= day && unit.parents.every((link) => link.parentId === null))?.id;

export type Structure = 'then' | 'today';

/** Where rows of a unit stand: in the structure of the day their class began, or of today (by assignment where the unit was split). */
export const standsAt = (units: UnitTable, structure: Structure, unitId: string, day: string, assignedTo: string | null): string => {
  if (structure === 'then') return unitId;
  const { at, settled } = standing(units, unitId, day, assignedTo);
  return settled ? at : `${UNASSIGNED}:${at}`;
};

/** Whether rows that stand at `key` on `day` belong to the subtree of `root`. Unassigned rows belong where the split unit last stood. */
export const isInSubtree = (units: UnitTable, key: string, root: string, day: string): boolean => {
  if (!key.startsWith(`${UNASSIGNED}:`)) return isWithin(units, key, root, day);
  const unit = units.units.get(key.slice(UNASSIGNED.length + 1));
  return (
    unit !== undefined && pathOf(units, unit.id, unit.from).some((above) => above === root && (existsOn(units, above, day) || above === unit.id))
  );
};

/** The days on which anything of the structure changes, in their order: between two of them every day gives the same. */
export const changeDays = ({ units }: UnitTable): string[] =>
  [...new Set([...units.values()].flatMap((unit) => [unit, ...unit.parents]).flatMap(({ from, to }) => (to === null ? [from] : [from, to])))].sort();
