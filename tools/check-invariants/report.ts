import { setTimeout as pause } from 'node:timers/promises';
import type { Snapshots } from './calm.ts';
import { finding, type Finding } from './finding.ts';
import { mergedPeople, owned } from './pairs.ts';

/** Classes, turns and people of a line. */
interface Figure {
  readonly classes: number;
  readonly turns: number;
  readonly people: number;
}

/** The answer of the reporting service's own route for years from and to. */
export type ReadReport = (
  from: number,
  to: number,
) => Promise<{ readonly lines: readonly (Figure & { readonly code: string })[]; readonly total: Figure }>;

type Figures = ReadonlyMap<string, string>;

/** Of one service its rows of classes (`c`), turns (`t`) and mergers (`m`), as the statement below joins them. */
const rows: Readonly<Record<'enrollment' | 'reporting', string>> = {
  enrollment: `(select id, line, valid_from as day from (${owned.classes}) c) c left join (${owned.turns}) t on t.class_id = c.id
    left join unnest($3::uuid[], $4::uuid[]) as m (id, kept) on m.id = t.person_id`,
  reporting: `(select id, line, from_date as day from reporting.class) c left join reporting.turn t on t.class_id = c.id
    left join (select person_id as id, kept_id as kept from reporting.merged where $3::uuid[] is not null and $4::uuid[] is not null) m on m.id = t.person_id`,
};

const everyMs = 250;
const total = 'in all';

/**
 * The five-year report by line and in all, counted over the owners' tables, over what reporting projected, and as reporting's own route answers where it can be asked:
 * for the published years, and for all that any class began in.
 */
export const checkReport = async (
  { registry, enrollment, reporting }: Snapshots,
  readReport: ReadReport | undefined,
  patienceMs: number,
): Promise<Finding[]> => {
  const merged = (await registry.query<{ id: string; told: string }>(mergedPeople)).rows;
  const count = async (of: 'enrollment' | 'reporting', from: number, to: number): Promise<Figures> => {
    const answer = await { enrollment, reporting }[of].query<Figure & { code: string | null }>(
      `select c.line as code, count(distinct c.id) as classes, count(t.id) as turns, count(distinct coalesce(m.kept, t.person_id)) as people
       from ${rows[of]} where c.day between make_date($1, 1, 1) and make_date($2, 12, 31) group by grouping sets ((c.line), ())`,
      [from, to, merged.map(({ id }) => id), merged.map(({ told }) => told)],
    );
    return new Map(answer.rows.map((figure) => [figure.code ?? total, textOf(figure)]));
  };
  const years = await enrollment.query<{ from: number | null; to: number | null }>(
    `select extract(year from min(valid_from))::int as from, extract(year from max(valid_from))::int as to from (${owned.classes}) c`,
  );
  const findings: Finding[] = [];
  for (const [name, from, to] of [
    ['of 2018-2022', 2018, 2022],
    ['of all years', years.rows[0]?.from ?? 2018, years.rows[0]?.to ?? 2022],
  ] as const) {
    const counted = await count('enrollment', from, to);
    findings.push(
      compared(
        `report ${name}: reporting's rows give the classes, turns and people of each line that the owners' rows give`,
        counted,
        await count('reporting', from, to),
      ),
    );
    if (readReport)
      findings.push(await answered(`report ${name}: reporting answers what the owners' rows give`, counted, () => readReport(from, to), patienceMs));
  }
  return findings;
};

/** What the service keeps in memory may be behind its tables for a moment. */
const answered = async (name: string, counted: Figures, read: () => ReturnType<ReadReport>, patienceMs: number): Promise<Finding> => {
  const end = performance.now() + patienceMs;
  for (;;) {
    const report = await read();
    // A line that was published and of which nothing is on record is shown with zeros.
    const lines = report.lines.filter((line) => counted.has(line.code) || line.turns + line.classes > 0);
    const found = compared(
      name,
      counted,
      new Map([...lines.map((line): [string, string] => [line.code, textOf(line)]), [total, textOf(report.total)]]),
    );
    if (found.ok || performance.now() >= end) return found;
    await pause(everyMs);
  }
};

const compared = (name: string, counted: Figures, shown: Figures): Finding => {
  const codes = new Set([...counted.keys(), ...shown.keys()]);
  const wrong = [...codes].filter((code) => counted.get(code) !== shown.get(code));
  return finding(
    name,
    codes.size,
    wrong.map((code) => `${code}: ${shown.get(code) ?? 'nothing'} instead of ${counted.get(code) ?? 'nothing'}`),
  );
};

/** Classes, turns, people. */
const textOf = ({ classes, turns, people }: Figure): string => `${classes}/${turns}/${people}`;
