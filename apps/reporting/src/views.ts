import type { publishReport, readFiveYears, readPlan, readTurns } from '@khue/contracts/http/reporting';
import type { UnitTable } from '@khue/contracts/units';
import type { BodyOf } from '@khue/host/door';
import type { Published } from './domain.ts';
import type { PlanRow } from './store/figures.ts';
import type { Figure } from './store/selection.ts';

type LineOf = BodyOf<typeof readFiveYears>['lines'][number];
type PotOf = BodyOf<typeof readPlan>['pots'][number];

export const publishedView = ({ id, source, from, to, headlineTurns, lines, version }: Published): BodyOf<typeof publishReport> => ({
  id,
  source,
  from,
  to,
  headlineTurns,
  lines,
  version,
});

export const tallyOf = (figure: Figure | undefined): BodyOf<typeof readTurns>['total'] => ({
  classes: figure?.classes ?? 0,
  turns: figure?.turns ?? 0,
  people: figure?.people ?? 0,
});
export const provenanceOf = (figure: Figure | undefined): LineOf['provenance'] => ({ live: figure?.live ?? 0, imported: figure?.imported ?? 0 });

/** The published lines in their order, then lines that only the records know. */
export const lineCodes = (lines: readonly Figure[], report: Published | undefined): string[] => [
  ...new Set([...(report?.lines.map((line) => line.code) ?? []), ...lines.map((line) => line.key)]),
];

export const lineView = (code: string, lines: readonly Figure[], report: Published | undefined): LineOf => {
  const figure = lines.find((line) => line.key === code);
  const source = report?.lines.find((line) => line.code === code);
  return {
    code,
    name: source?.name ?? { vi: code, en: code },
    ...tallyOf(figure),
    provenance: provenanceOf(figure),
    sourceCounts: source?.counts ?? null,
    published: source ? { classes: source.classes, learners: source.learners } : null,
  };
};

/** A pot with the accounts that the caller may see; what it holds is their sum. */
export const planView = (accounts: readonly PlanRow[], { units }: UnitTable): PotOf => {
  const [{ potId, year, programCode, documentNo, size }] = accounts as [PlanRow];
  const sum = (count: 'held' | 'confirmed' | 'queued'): number => accounts.reduce((all, row) => all + row[count], 0);
  return {
    potId,
    year,
    programCode,
    documentNo,
    size,
    held: sum('held'),
    confirmed: sum('confirmed'),
    queued: sum('queued'),
    units: accounts.map(({ unitId, allotted, passedOn, held, confirmed, queued }) => ({
      unitId,
      code: units.get(unitId)?.code ?? '',
      name: units.get(unitId)?.name ?? '',
      allotted,
      passedOn,
      held,
      confirmed,
      queued,
    })),
  };
};
