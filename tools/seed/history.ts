import { makeIdentityNumber } from '@khue/contracts/identity-number';
import { scaled, type PublishedLine, type SampleCity } from './city.ts';
import { familyNames, givenNames, middleNames } from './names.ts';

export interface PastPerson {
  readonly identityNumber: string;
  readonly name: string;
  readonly birth: string;
  readonly sex: 'male' | 'female';
  readonly unit: string;
}

export interface PastTurn {
  readonly person: PastPerson;
  readonly classCode: string;
  readonly program: string;
  readonly unit: string;
  readonly host: string;
  readonly from: string;
  readonly to: string;
  readonly documentNo: string;
}

/** A framework program of the years 2018-2022; its turns count in the report line of the same code. */
export interface PastProgram {
  readonly code: string;
  readonly name: string;
  readonly line: string;
  readonly days: number;
  readonly level: 'intermediate' | 'advanced' | null;
  readonly form: 'concentrated' | 'non-concentrated' | null;
}

/** What the rows say they rest on; the sample has no document of its own. */
export const sampleDocument = 'MAU-01/2023';

const lengths: Readonly<Record<string, { days: number; level: PastProgram['level'] }>> = {
  'advanced-theory': { days: 720, level: 'advanced' },
  'intermediate-theory': { days: 540, level: 'intermediate' },
};

/** One program a line: what the source reports is all that is known of them. */
export const pastPrograms = (city: SampleCity): PastProgram[] =>
  city.report.lines.map((line) => ({
    code: line.code,
    name: line.vi,
    line: line.code,
    days: lengths[line.code]?.days ?? 3,
    level: lengths[line.code]?.level ?? null,
    form: lengths[line.code] ? 'non-concentrated' : null,
  }));

/** How many people of a unit take courses at scale 1; they take about three each, so that people stay well below turns. */
const poolSizes: Readonly<Record<string, number>> = { 'party-boards': 3_500, 'front-and-organizations': 20_000, 'blocks-zones-school': 30_000 };
const districtPool = 10_000;

interface Pool {
  readonly unit: string;
  readonly size: number;
  readonly firstPerson: number;
}

/** The pools of people, district by district and block by block; a person's number in the city is `firstPerson` + place. */
const pools = (city: SampleCity, scale: number): Pool[] => {
  const largestClass = Math.max(...city.report.lines.map((line) => Math.ceil(scaled(line.learners, scale) / scaled(line.classes, scale))));
  let firstPerson = 0;
  return [...city.districts, ...Object.keys(poolSizes)].map((unit) => {
    const size = Math.max(Math.round((poolSizes[unit] ?? districtPool) * scale), largestClass + 20);
    const pool = { unit, size, firstPerson };
    firstPerson += size;
    return pool;
  });
};

// Splitmix-like mixing of a number: the same person and class come out on every machine and in any order.
const mix = (seed: number): number => {
  let value = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35) >>> 0;
  return (value ^ (value >>> 16)) >>> 0;
};

const personOf = (number: number, unit: string): PastPerson => {
  const luck = mix(number + 1);
  const sex = luck % 100 < 46 ? 'female' : 'male';
  const birthYear = 1960 + (mix(number + 7_000_001) % 36);
  const middle = middleNames[sex][(luck >>> 7) % middleNames[sex].length];
  const name = `${familyNames[(luck >>> 12) % familyNames.length]} ${middle} ${givenNames[sex][(luck >>> 18) % givenNames[sex].length]}`;
  return {
    // 48,271 has no factor in common with a million: no two people of the city share a serial.
    identityNumber: makeIdentityNumber({ province: 1, sex, birthYear, serial: (number * 48_271 + 11) % 1_000_000 }),
    name,
    birth: `${birthYear}-${String(1 + (mix(number + 3) % 12)).padStart(2, '0')}-${String(1 + (mix(number + 5) % 28)).padStart(2, '0')}`,
    sex,
    unit,
  };
};

/** Everybody who takes a course in the five years at this scale. Deterministic. */
export function* pastPeople(city: SampleCity, scale: number): Generator<PastPerson> {
  const used = usedOf(city, scale);
  for (const pool of pools(city, scale)) {
    const size = Math.min(pool.size, used.get(pool.unit) ?? 0);
    for (let place = 0; place < size; place += 1) yield personOf(pool.firstPerson + place, pool.unit);
  }
}

interface PastClass {
  readonly line: PublishedLine;
  readonly code: string;
  readonly learners: number;
  readonly unit: string;
  readonly host: string;
  readonly from: string;
  readonly to: string;
}

const dayOf = (from: string, days: number): string => {
  const date = new Date(`${from}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
};

/** The classes of a line, its learners spread as evenly as whole numbers allow; they add up to the source exactly at scale 1. */
function* classesOf(city: SampleCity, line: PublishedLine, scale: number): Generator<PastClass> {
  const classes = scaled(line.classes, scale);
  const turns = scaled(line.learners, scale);
  const days = lengths[line.code]?.days ?? 3;
  const ownUnit = poolSizes[line.code] === undefined ? undefined : line.code;
  for (let n = 0; n < classes; n += 1) {
    const unit = ownUnit ?? (city.districts[n % city.districts.length] as string);
    // A class that ends after 2022 would be another period's: all begin and are counted by their first day within the five years.
    const from = dayOf('2018-01-08', mix(n * 31 + line.classes) % 1_790);
    yield {
      line,
      code: `${line.code.toUpperCase()}.${from.slice(2, 4)}.${String(n + 1).padStart(4, '0')}`,
      learners: Math.floor(((n + 1) * turns) / classes) - Math.floor((n * turns) / classes),
      unit,
      host: line.code === 'districts' || ownUnit ? unit : 'lhp',
      from,
      to: dayOf(from, days - 1),
    };
  }
}

/** Each class seats the next people of its unit's pool, round and round: nobody twice in one class, several classes over the years. */
function* seated(city: SampleCity, scale: number): Generator<{ readonly past: PastClass; readonly pool: Pool; readonly first: number }> {
  const byUnit = new Map(pools(city, scale).map((pool) => [pool.unit, pool]));
  const next = new Map<string, number>();
  for (const line of city.report.lines) {
    for (const past of classesOf(city, line, scale)) {
      const pool = byUnit.get(past.unit);
      if (!pool) throw new Error(`no people for ${past.unit}`);
      const first = next.get(past.unit) ?? 0;
      next.set(past.unit, first + past.learners);
      yield { past, pool, first };
    }
  }
}

const usedOf = (city: SampleCity, scale: number): ReadonlyMap<string, number> => {
  const used = new Map<string, number>();
  for (const { past, first } of seated(city, scale)) used.set(past.unit, first + past.learners);
  return used;
};

/** Every turn of the five years at this scale, class by class. Deterministic; memory does not grow with the scale. */
export function* pastTurns(city: SampleCity, scale: number): Generator<PastTurn> {
  for (const { past, pool, first } of seated(city, scale)) {
    for (let seat = 0; seat < past.learners; seat += 1) {
      const place = (first + seat) % pool.size;
      yield {
        person: personOf(pool.firstPerson + place, pool.unit),
        classCode: past.code,
        program: past.line.code,
        unit: past.unit,
        host: past.host,
        from: past.from,
        to: past.to,
        documentNo: sampleDocument,
      };
    }
  }
}
