import { mayRead, type Grant } from '@khue/contracts/grants';
import { listPublishedReports, publishReport, readFiveYears, readPlan, readTurns } from '@khue/contracts/http/reporting';
import { isWithin, UNASSIGNED, type UnitTable } from '@khue/contracts/units';
import type { Call } from '@khue/host/door';
import type { Host } from '@khue/host/host';
import { Refuse } from '@khue/host/refuse';
import { v7 as uuidv7 } from 'uuid';
import type { Commands } from './commands.ts';
import { changeDays, isInSubtree, standsAt, type Published, type Structure } from './domain.ts';
import type { Figures } from './store/figures.ts';
import type { PublishedStore } from './store/published.ts';
import type { Figure, Selection } from './store/selection.ts';

interface Parts {
  readonly figures: Figures;
  readonly published: PublishedStore;
  readonly commands: Commands;
}

interface Asked {
  readonly from: number;
  readonly to: number;
  readonly structure: Structure;
  readonly unit?: string | undefined;
}

export const serveRoutes = (host: Host, { figures, published, commands }: Parts): void => {
  const units = (): UnitTable => host.directory.units();
  /** The structure that belongs to the turns: those are as they were committed when they are counted, and it must not lag behind. */
  const unitsNow = async (): Promise<UnitTable> => {
    await host.directory.refresh();
    return units();
  };

  host.serve(readFiveYears, async ({ query, caller, today }) => {
    const selection = select(await unitsNow(), query, caller.grants, today, false);
    const [{ groups: lines, total: all }, report] = await Promise.all([
      figures.count(selection, 'line'),
      published.all().then((reports) => reports.find((known) => known.from === selection.from && known.to === selection.to)),
    ]);
    const total = tally(all);
    const whole = query.unit === undefined ? report : undefined;
    return {
      body: {
        lines: lineCodes(lines, whole).map((code) => lineOf(code, lines, whole)),
        total,
        headline: { turns: whole?.headlineTurns ?? null, source: whole?.source ?? null },
        notExplained: whole ? whole.headlineTurns - total.turns : null,
      },
    };
  });

  host.serve(readTurns, async ({ query, caller, today }) => {
    const table = await unitsNow();
    const selection = select(table, query, caller.grants, today, query.by === 'unit');
    const [{ groups, total }, name] = await Promise.all([
      figures.count(selection, query.by === 'unit' ? 'place' : query.by),
      namer(query.by, figures, table, published),
    ]);
    return {
      body: {
        by: query.by,
        structure: query.structure,
        items: groups.map((figure) => ({ key: figure.key, name: name(figure.key), ...tally(figure), provenance: provenance(figure) })),
        total: tally(total),
      },
    };
  });

  host.serve(readPlan, async ({ query, caller, today }) => {
    const table = units();
    const root = reportedUnit(table, query.unit, caller.grants, today);
    const rows = await figures.plan(query.year, query.program);
    const visible = rows.filter((row) => root === undefined || isWithin(table, row.unitId, root, today) || row.unitId === root);
    const pots = [...Map.groupBy(visible, (row) => row.potId).values()].map((ofPot) => {
      const [{ potId, year, programCode, documentNo, size }] = ofPot as [(typeof ofPot)[0]];
      const sum = (pick: (row: (typeof ofPot)[0]) => number): number => ofPot.reduce((all, row) => all + pick(row), 0);
      return {
        potId,
        year,
        programCode,
        documentNo,
        size,
        held: sum((row) => row.held),
        confirmed: sum((row) => row.confirmed),
        queued: sum((row) => row.queued),
        units: ofPot.map(({ unitId, allotted, passedOn, held, confirmed, queued }) => ({
          unitId,
          code: table.units.get(unitId)?.code ?? '',
          name: table.units.get(unitId)?.name ?? '',
          allotted,
          passedOn,
          held,
          confirmed,
          queued,
        })),
      };
    });
    return { body: { pots } };
  });

  host.serve(publishReport, async (call: Call<typeof publishReport>) => {
    const table = units();
    const root = rootOf(table, call.today);
    if (root && !mayRead(call.caller.grants, table, root, call.today, ['board'])) throw new Refuse('out-of-scope');
    return commands.published.handle(call.command({ type: 'PublishReport' as const, id: uuidv7(), ...call.body }));
  });

  host.serve(listPublishedReports, async () => ({ body: { items: await published.all() } }));
};

/** The selection a caller may see. A unit outside the caller's grants, or the whole city without a grant that reaches it, is refused. */
const select = (table: UnitTable, asked: Asked, grants: readonly Grant[], today: string, byUnit: boolean): Selection => {
  if (asked.from > asked.to) throw new Refuse('period-invalid', { field: 'from' });
  const period = { from: `${asked.from}-01-01`, to: `${asked.to}-12-31` };
  const root = reportedUnit(table, asked.unit, grants, today);
  if (root === undefined && !byUnit) return period;
  const then = asked.structure === 'then';
  return {
    ...period,
    places: {
      spans: then ? changeDays(table) : undefined,
      keyOf: (unitId, begun, assignedTo) => {
        const day = then ? (begun ?? period.from) : today;
        const key = standsAt(table, asked.structure, unitId, day, assignedTo);
        return root === undefined || isInSubtree(table, key, root, day) ? key : undefined;
      },
    },
  };
};

/** Undefined: the whole city, every row, also of units that nobody knows any more. */
const reportedUnit = (table: UnitTable, unit: string | undefined, grants: readonly Grant[], today: string): string | undefined => {
  const root = rootOf(table, today);
  const asked = unit ?? root;
  if (asked === undefined) return undefined;
  if (!table.units.has(asked)) throw new Refuse('unit-not-known-yet', { field: 'unit', retryAfterSeconds: 1 });
  if (!mayRead(grants, table, asked, today)) throw new Refuse('out-of-scope', { field: 'unit' });
  return asked === root ? undefined : asked;
};

const rootOf = (table: UnitTable, today: string): string | undefined =>
  [...table.units.values()].find((unit) => unit.to === null && unit.from <= today && unit.parents.every((link) => link.parentId === null))?.id;

const tally = (figure: Figure | undefined) => ({ classes: figure?.classes ?? 0, turns: figure?.turns ?? 0, people: figure?.people ?? 0 });
const provenance = (figure: Figure | undefined) => ({ live: figure?.live ?? 0, imported: figure?.imported ?? 0 });

/** The published lines in their order, then lines that only the records know. */
const lineCodes = (lines: readonly Figure[], report: Published | undefined): string[] => [
  ...new Set([...(report?.lines.map((line) => line.code) ?? []), ...lines.map((line) => line.key)]),
];

const lineOf = (code: string, lines: readonly Figure[], report: Published | undefined) => {
  const figure = lines.find((line) => line.key === code);
  const source = report?.lines.find((line) => line.code === code);
  return {
    code,
    name: source?.name ?? { vi: code, en: code },
    ...tally(figure),
    provenance: provenance(figure),
    sourceCounts: source?.counts ?? null,
    published: source ? { classes: source.classes, learners: source.learners } : null,
  };
};

const namer = async (by: string, figures: Figures, table: UnitTable, published: PublishedStore): Promise<(key: string) => string> => {
  if (by === 'program') {
    const names = await figures.programNames();
    return (key) => names.get(key) ?? key;
  }
  if (by === 'line') {
    const names = new Map((await published.all()).flatMap((report) => report.lines.map((line) => [line.code, line.name.vi])));
    return (key) => names.get(key) ?? key;
  }
  if (by !== 'unit') return (key) => key;
  return (key) => {
    const unassigned = key.startsWith(`${UNASSIGNED}:`);
    const unit = table.units.get(unassigned ? key.slice(UNASSIGNED.length + 1) : key);
    return `${unit?.name ?? key}${unassigned ? ' (chưa gán đơn vị kế thừa)' : ''}`;
  };
};
