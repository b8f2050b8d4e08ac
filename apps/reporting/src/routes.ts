import { mayRead, type Grant } from '@khue/contracts/grants';
import { listPublishedReports, publishReport, readFiveYears, readPlan, readTurns } from '@khue/contracts/http/reporting';
import { isWithin, UNASSIGNED, type UnitTable } from '@khue/contracts/units';
import type { Host } from '@khue/host/host';
import { Refuse } from '@khue/host/refuse';
import { v7 as uuidv7 } from 'uuid';
import type { Commands } from './commands.ts';
import { changeDays, isInSubtree, refuse, rootOf, standsAt, type Structure } from './domain.ts';
import type { Figures } from './store/figures.ts';
import type { PublishedReads } from './store/published.ts';
import type { Selection } from './store/selection.ts';
import { lineCodes, lineView, planView, provenanceOf, publishedView, tallyOf } from './views.ts';

interface Parts {
  readonly figures: Figures;
  readonly published: PublishedReads;
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
    const total = tallyOf(all);
    const whole = query.unit === undefined ? report : undefined;
    return {
      body: {
        lines: lineCodes(lines, whole).map((code) => lineView(code, lines, whole)),
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
        items: groups.map((figure) => ({ key: figure.key, name: name(figure.key), ...tallyOf(figure), provenance: provenanceOf(figure) })),
        total: tallyOf(total),
      },
    };
  });

  host.serve(readPlan, async ({ query, caller, today }) => {
    const table = units();
    const root = reportedUnit(table, query.unit, caller.grants, today);
    const rows = await figures.plan(query.year, query.program);
    const pots = Map.groupBy(
      rows.filter((row) => root === undefined || isWithin(table, row.unitId, root, today) || row.unitId === root),
      (row) => row.potId,
    );
    return { body: { pots: [...pots.values()].map((ofPot) => planView(ofPot, table)) } };
  });

  host.serve(publishReport, (call) => commands.published.handle(call.command({ type: 'PublishReport', id: uuidv7(), ...call.body })));

  host.serve(listPublishedReports, async () => ({ body: { items: (await published.all()).map(publishedView) } }));
};

/** The selection a caller may see. A unit outside the caller's grants, or the whole city without a grant that reaches it, is refused. */
const select = (table: UnitTable, asked: Asked, grants: readonly Grant[], today: string, byUnit: boolean): Selection => {
  if (asked.from > asked.to) throw new Refuse(refuse('period-invalid', { field: 'from' }));
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
  if (!table.units.has(asked)) throw new Refuse('unit-not-known-yet', { field: 'unit' });
  if (!mayRead(grants, table, asked, today)) throw new Refuse('out-of-scope', { field: 'unit' });
  return asked === root ? undefined : asked;
};

const namer = async (by: string, figures: Figures, table: UnitTable, published: PublishedReads): Promise<(key: string) => string> => {
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
