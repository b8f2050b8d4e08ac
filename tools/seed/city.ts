import { readFile } from 'node:fs/promises';

/** A line of the report the city published for 2018-2022. */
export interface PublishedLine {
  readonly code: string;
  readonly vi: string;
  readonly en: string;
  readonly classes: number;
  readonly learners: number;
  /** What the source says its number of learners counts. */
  readonly counts: 'people' | 'turns';
}

export interface PublishedReport {
  readonly source: string;
  readonly period: { readonly from: string; readonly to: string };
  readonly lines: readonly PublishedLine[];
  readonly headline: { readonly vi: string; readonly en: string; readonly approximateTurns: number };
}

export interface SampleUnit {
  readonly code: string;
  readonly kind: string;
  readonly name: string;
  readonly parent: string | null;
  readonly from: string;
  /** First day it no longer exists. */
  readonly to: string | null;
  readonly sample: boolean;
  readonly successors: readonly string[];
}

export interface SampleCity {
  readonly report: PublishedReport;
  readonly units: readonly SampleUnit[];
  /** The districts of 2018-2022, by code. */
  readonly districts: readonly string[];
}

/** Start of the period the sample knows units for; the real bodies are older. */
const begin = '2008-08-01';
const districtsEnd = '2025-07-01';
/** 51 wards and 75 communes came on 2025-07-01; which district went into which is not shipped, so these are made up and say so. */
const newUnits = 126;

const readJson = async <T>(name: string): Promise<T> => JSON.parse(await readFile(new URL(name, import.meta.url), 'utf8')) as T;

/** The city's figures and units, from the public data beside this file. */
export const readCity = async (): Promise<SampleCity> => {
  const [report, source] = await Promise.all([
    readJson<PublishedReport>('report-2018-2022.json'),
    readJson<{
      city: { code: string; vi: string };
      school: { code: string; vi: string };
      blocks: { code: string; vi: string }[];
      districts: { kind: string; vi: string }[];
    }>('units-2022.json'),
  ]);
  const standing = { from: begin, to: null, sample: false, successors: [] };
  const districts = source.districts.map((district, index) => ({
    code: `quan-huyen-${String(index + 1).padStart(2, '0')}`,
    kind: district.kind.replaceAll(' ', '-'),
    name: `${district.kind[0]?.toUpperCase()}${district.kind.slice(1)} ${district.vi}`,
    parent: 'districts',
    from: begin,
    to: districtsEnd,
    sample: false,
    successors: successorsOf(index, source.districts.length),
  }));
  return {
    report,
    districts: districts.map((district) => district.code),
    units: [
      { ...standing, code: source.city.code, kind: 'thành-phố', name: source.city.vi, parent: null },
      { ...standing, code: source.school.code, kind: 'trường', name: source.school.vi, parent: source.city.code },
      ...source.blocks.map((block) => ({ ...standing, code: block.code, kind: 'khối', name: block.vi, parent: source.city.code })),
      ...districts,
      ...Array.from({ length: newUnits }, (_, index) => ({
        ...standing,
        code: sampleCode(index),
        kind: 'xã-phường',
        name: `Đơn vị mẫu ${index + 1}`,
        parent: source.city.code,
        from: districtsEnd,
        sample: true,
      })),
    ],
  };
};

const sampleCode = (index: number): string => `mau-${String(index + 1).padStart(3, '0')}`;

const successorsOf = (district: number, districts: number): string[] =>
  Array.from({ length: newUnits }, (_, index) => index)
    .filter((index) => index % districts === district)
    .map(sampleCode);

/** A part of a published count: at a scale below 1 each line keeps at least one. */
export const scaled = (count: number, scale: number): number => Math.max(1, Math.round(count * scale));
