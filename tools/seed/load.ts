import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { scaled, type SampleCity } from './city.ts';
import type { Client } from './client.ts';
import { peopleCsv, turnsCsv } from './csv.ts';
import { pastPrograms, sampleDocument } from './history.ts';

/** The sample accounts, with what each is granted where. */
export const sampleAccounts = [
  { sub: 'board', role: 'board', unit: 'ha-noi' },
  { sub: 'officer.a', role: 'officer', unit: 'mau-001' },
  { sub: 'officer.b', role: 'officer', unit: 'mau-002' },
  { sub: 'approver.a', role: 'approver', unit: 'mau-001' },
  { sub: 'school', role: 'school', unit: 'lhp' },
  { sub: 'lecturer', role: 'lecturer', unit: 'lhp' },
  { sub: 'reader', role: 'reader', unit: 'ha-noi' },
  { sub: 'subscriber', role: 'subscriber', unit: 'ha-noi' },
  { sub: 'operator', role: 'operator', unit: 'ha-noi' },
] as const;

export interface LoadOptions {
  readonly city: SampleCity;
  readonly scale: number;
  readonly client: Client;
  readonly say: (line: string) => void;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

const registry = '/api/registry/v1';
const enrollment = '/api/enrollment/v1';
const grantsFrom = '2018-01-01';
const splitDocument = 'MAU-02/2025';

/** Loads the sample city through the product's doors; cut anywhere and begun again, it ends the same. */
export const loadCity = async (options: LoadOptions): Promise<void> => {
  await loadStructure(options);
  await loadHistory(options);
  await recordPublished(options);
};

/** Units, documents, grants, programs and rule sets. */
export const loadStructure = async ({ city, client, say }: LoadOptions): Promise<ReadonlyMap<string, string>> => {
  say('units, grants, programs…');
  await document(client, sampleDocument, '2023-04-12', 'reporting');
  await document(client, splitDocument, '2025-06-16', 'organization');
  let known = await unitIds(client);
  let founded = known.size > 0;
  for (const unit of city.units) {
    if (!known.has(unit.code)) {
      const parentId = unit.parent === null ? null : (known.get(unit.parent) as string);
      const { id } = await client.post<{ id: string }>(`${registry}/units`, {
        code: unit.code,
        kind: unit.kind,
        name: unit.name,
        parentId,
        from: unit.from,
        documentNo: null,
        sample: unit.sample,
      });
      known = new Map([...known, [unit.code, id]]);
    }
    // The founder may register units only until the first grant, and the first grant needs the root.
    if (!founded) await grant(client, sampleAccounts[0], known);
    founded = true;
  }
  for (const unit of city.units.filter(({ to }) => to !== null)) {
    const successors = unit.successors.map((code) => ({ unitId: known.get(code), sharePercent: null }));
    await client.ensure(
      `${registry}/units/${known.get(unit.code)}/succeed`,
      { successors, on: unit.to, documentNo: splitDocument, sample: true },
      'successors-recorded',
      'unit-ended',
    );
  }
  for (const account of sampleAccounts.slice(1)) await grant(client, account, known);
  // Enrollment must have heard of the grants; after a cut start they may be a moment old.
  await settled(client, say);
  for (const program of pastPrograms(city)) await ensureProgram(client, program);
  for (const name of ['57-qd-tw', '350-qd-tw']) {
    const rules: unknown = JSON.parse(await readFile(new URL(`../../apps/enrollment/rules/${name}.json`, import.meta.url), 'utf8'));
    await client.ensure(`${enrollment}/rule-sets`, rules, 'rule-set-version-old');
  }
  return known;
};

const document = (client: Client, number: string, issuedOn: string, governs: string): Promise<void> =>
  client.ensure(
    `${registry}/documents`,
    { number, issuer: 'Tài liệu mẫu', issuedOn, governs, title: 'Văn bản mẫu, không có thật' },
    'document-exists',
  );

export const unitIds = async (client: Client): Promise<ReadonlyMap<string, string>> => {
  const ids = new Map<string, string>();
  for (const on of ['2025-06-30', '2025-07-01']) {
    let next: string | null = '';
    while (next !== null) {
      const page: Page<{ id: string; code: string }> = await client.get(
        `${registry}/units?limit=200&on=${on}${next ? `&cursor=${encodeURIComponent(next)}` : ''}`,
      );
      for (const unit of page.items) ids.set(unit.code, unit.id);
      next = page.next;
    }
  }
  return ids;
};

const grant = (client: Client, { sub, role, unit }: (typeof sampleAccounts)[number], units: ReadonlyMap<string, string>): Promise<void> => {
  const validFrom = unit.startsWith('mau-') ? '2025-07-01' : grantsFrom;
  return client.ensure(
    `${registry}/grants`,
    { sub, role, unitId: units.get(unit), validFrom, validTo: null, documentNo: sampleDocument },
    'grant-exists',
    'grant-to-oneself',
  );
};

const ensureProgram = async (client: Client, program: ReturnType<typeof pastPrograms>[number]): Promise<void> => {
  const { items } = await client.get<Page<{ code: string }>>(`${enrollment}/programs?limit=200`);
  if (items.some(({ code }) => code === program.code)) return;
  const { code, name, line, level, form } = program;
  await client.post(`${enrollment}/programs`, {
    code,
    name,
    line,
    level,
    form,
    hours: program.days * 8,
    validFrom: '2018-01-01',
    documentNo: sampleDocument,
  });
};

interface Planned {
  readonly id: string;
  readonly planHash: string;
  readonly rows: number;
  readonly accepted: number;
  readonly rejected: number;
}
interface Progress {
  readonly state: string;
  readonly done: number;
  readonly total: number;
}

/** People first, then their turns, each through its import door. */
export const loadHistory = async ({ city, scale, client, say }: LoadOptions): Promise<void> => {
  await runImport(client, registry, 'people.csv', () => peopleCsv(city, scale), say);
  await settled(client, say);
  await runImport(client, enrollment, 'turns.csv', () => turnsCsv(city, scale), say);
  await settled(client, say);
};

/** Plans, commits and waits. What an earlier, cut run has left committing is waited for first. */
export const runImport = async (
  client: Client,
  api: string,
  fileName: string,
  rows: () => Iterable<string>,
  say: (line: string) => void,
): Promise<Planned> => {
  const { items } = await client.get<Page<{ id: string; state: string }>>(`${api}/imports?limit=200`);
  for (const unfinished of items.filter(({ state }) => state === 'committing'))
    await finished(client, `${api}/imports/${unfinished.id}`, fileName, say);
  say(`${fileName}: planning…`);
  const ticking = setInterval(() => say(`${fileName}: planning…`), 4_000);
  const planned = await client.upload<Planned>(`${api}/imports?mode=plan`, fileName, rows).finally(() => clearInterval(ticking));
  if (planned.rejected > 0)
    throw new Error(`${fileName}: ${planned.rejected} of ${planned.rows} rows were rejected; see ${api}/imports/${planned.id}/rejected`);
  if (planned.accepted > 0) {
    await client.post(`${api}/imports/${planned.id}/commit`, { planHash: planned.planHash });
    await finished(client, `${api}/imports/${planned.id}`, fileName, say);
  }
  return planned;
};

const finished = async (client: Client, path: string, fileName: string, say: (line: string) => void): Promise<void> => {
  let said = Date.now();
  for (;;) {
    const { state, done, total } = await client.get<Progress>(path);
    if (state === 'done') return say(`${fileName}: ${done} rows`);
    if (state !== 'committing' && state !== 'planned') throw new Error(`${fileName}: the import is ${state}`);
    if (Date.now() - said > 2_000) {
      said = Date.now();
      say(`${fileName}: ${done} of ${total}`);
    }
    await pause(250);
  }
};

interface Health {
  readonly services: Readonly<Record<string, { readonly status: string; readonly unsent: number | null; readonly lag: number | null }>>;
}

/** Waits until every event has reached everybody: nothing unsent, nothing unread, and so in two looks after each other. */
export const settled = async (client: Client, say: (line: string) => void): Promise<void> => {
  let calm = 0;
  let said = Date.now();
  while (calm < 2) {
    const { services } = await client.get<Health>('/health/ready');
    const waiting = Object.values(services).reduce((sum, { unsent, lag }) => sum + (unsent ?? 1) + (lag ?? 1), 0);
    calm = waiting === 0 ? calm + 1 : 0;
    if (waiting > 0 && Date.now() - said > 2_000) {
      said = Date.now();
      say(`events under way: ${waiting}`);
    }
    if (calm < 2) await pause(150);
  }
};

/** The published report, each number at the scale of the sample. */
const recordPublished = ({ city: { report }, scale, client }: LoadOptions): Promise<void> =>
  client.ensure(
    '/api/reporting/v1/published-reports',
    {
      source: scale === 1 ? report.source : `${report.source} (scale ${scale})`,
      from: report.period.from,
      to: report.period.to,
      headlineTurns: scaled(report.headline.approximateTurns, scale),
      lines: report.lines.map(({ code, vi, en, classes, learners, counts }) => ({
        code,
        name: { vi, en },
        classes: scaled(classes, scale),
        learners: scaled(learners, scale),
        counts,
      })),
    },
    'published-report-exists',
  );
