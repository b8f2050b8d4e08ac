import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureBadRequests } from './bad-requests.ts';
import { openCity, type City } from './city.ts';
import { measureClaims } from './claims.ts';
import type { Figure } from './figure.ts';
import { measureGrowth } from './growth-nominations.ts';
import { measureImportBesideClerks } from './import-beside-clerks.ts';
import { assertHonest, clerksOf, measureNominations, stored } from './nominations.ts';
import { measureOverload } from './overload.ts';
import { drawTable, reached } from './table.ts';

// Short: that the benches measure what they say, not how fast anything is.
const pace = { seconds: 1, warmUpSeconds: 0.2, atLeast: { accepted: 100, badTokens: 1, badBodies: 1 } } as const;
const say = (): void => undefined;

let folder: string;
let city: City;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'khue-bench-spec-'));
  city = await openCity({ folder, peopleOfUnit: 20, classes: 101, say });
});
afterAll(async () => {
  await city?.close();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const expectShape = (figures: readonly Figure[], ...names: string[]): void => {
  expect(figures.map(({ name }) => name)).toEqual(names);
  for (const figure of figures) {
    expect(figure.runs).toHaveLength(1);
    expect(
      [figure.ours, figure.beside, figure.ratio].every((value) => value > 0 && Number.isFinite(value)),
      JSON.stringify(figure),
    ).toBe(true);
    expect(typeof reached(figure)).toBe('boolean');
  }
  expect(
    drawTable(figures)
      .split('\n')
      .filter((line) => names.some((name) => line.startsWith(`${name} `))),
  ).toHaveLength(2 * names.length);
};

test('nominations are measured with bad tokens and bodies among them, and each acknowledged one is in state, log and audit', async () => {
  const figures = await measureNominations(city, pace, 1, say);
  expectShape(figures, 'nominations-at-service', 'nominations-through-gateway');
  for (const { runs } of figures) {
    expect(Number(runs[0]?.seen.badTokens)).toBeGreaterThan(0);
    expect(Number(runs[0]?.seen.badBodies)).toBeGreaterThan(0);
  }
});

test('claims on one pot are measured with nothing oversold, some held and some queued', async () => {
  const figures = await measureClaims(city, { ...pace, potSize: 20 }, 1, say);
  expectShape(figures, 'claims-on-one-pot');
  const { oversold, held, queued } = figures[0]?.runs[0]?.seen ?? {};
  expect([oversold, held]).toEqual([0, 20]);
  expect(Number(queued)).toBeGreaterThan(0);
});

test('bad tokens and bad bodies are measured beside good requests', async () => {
  expectShape(await measureBadRequests(city, pace, 1, say), 'bad-requests-token', 'bad-requests-body');
});

test('beyond what may wait a request is refused at once with 503 and Retry-After, and all that were accepted are in state', async () => {
  const enrollment = await city.start('enrollment');
  const before = await stored(city);
  const flood = await clerksOf(city).nominate({
    url: enrollment.address,
    ...pace,
    seconds: 2,
    bad: { tokens: 0.01, bodies: 0.01 },
    rate: 20_000,
    connections: 3_000,
  });
  expect(flood.refused.count).toBeGreaterThan(0);
  expect(flood.refused.withoutRetryAfter).toBe(0);
  expect(flood.accepted).toBeGreaterThan(0);
  await assertHonest(city, flood, before);
});

test('overload is measured beside the peak', async () => {
  expectShape(await measureOverload(city, { ...pace, connections: 3_500 }, 1, say), 'overload-goodput', 'overload-refusals');
});

test('clerks are measured while an import commits, beside themselves without it', async () => {
  expectShape(await measureImportBesideClerks(city, { seconds: 1.3, warmUpSeconds: 0.2, turnsOfEach: 80 }, 1, say), 'import-beside-clerks');
});

test('many stored nominations are measured beside few', async () => {
  const { state: few } = await stored(city);
  const many = few + 2_000;
  const figures = await measureGrowth(city, { ...pace, few, many }, 1, say);
  expectShape(figures, 'growth-nominations');
  expect(Number(figures[0]?.runs[0]?.seen.rows)).toBeGreaterThanOrEqual(many);
});
