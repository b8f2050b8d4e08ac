import { readFile } from 'node:fs/promises';
import type { Client } from '../seed/client.ts';
import { settled } from '../seed/load.ts';

/** What the clerks work with. */
export interface Founded {
  readonly rootUnitId: string;
  readonly units: readonly string[];
  readonly programs: readonly string[];
  readonly pots: readonly string[];
  readonly schoolUnitId: string;
  /** One open class for each group of clerks; whoever finds it full puts another one in its place. */
  readonly classes: string[];
}

export const documentNo = 'QD-1';
export const potYear = 2026;
const registry = '/api/registry/v1';
const enrollment = '/api/enrollment/v1';
const quota = '/api/quota/v1';
/** Few, so that a queue forms. The rest stays with the root, to be divided while everybody types. */
const seatsOfUnit = 4;
const seatsOfRoot = 100;

export const classOf = (programCode: string, hostUnitId: string) => ({ programCode, hostUnitId, size: 25, from: '2026-12-07', to: '2028-06-30' });

/** A city of some units, each clerk an officer with an approver beside, classes, and pots that are too small for all. Through the doors, as anybody would. */
export const foundCity = async (client: Client, { clerks, say }: { clerks: number; say: (line: string) => void }): Promise<Founded> => {
  const make = async (sub: string, path: string, body: unknown): Promise<string> => (await client.as(sub).post<{ id: string }>(path, body)).id;
  const grant = (sub: string, role: string, unitId: string): Promise<string> =>
    make('board', `${registry}/grants`, { sub, role, unitId, validFrom: '2018-01-01', documentNo });
  const unit = (code: string, kind: string, parentId: string | null): Promise<string> =>
    make('board', `${registry}/units`, { code, kind, name: `Đơn vị ${code}`, parentId, from: '2018-01-01' });

  await make('board', `${registry}/documents`, { number: documentNo, issuer: 'Ban Tổ chức', issuedOn: '2026-01-05', governs: 'grants' });
  const rootUnitId = await unit('ha-noi', 'thành-phố', null);
  await grant('board', 'board', rootUnitId);
  const schoolUnitId = await unit('truong', 'phường', rootUnitId);
  await grant('school', 'school', schoolUnitId);
  await grant('reader', 'reader', rootUnitId);
  const units: string[] = [];
  for (let n = 0; n < Math.min(8, clerks); n += 1) units.push(await unit(`don-vi-${n + 1}`, 'phường', rootUnitId));
  for (let clerk = 0; clerk < clerks; clerk += 1) {
    const unitId = units[clerk % units.length] as string;
    await grant(`officer.${clerk}`, 'officer', unitId);
    await grant(`approver.${clerk}`, 'approver', unitId);
  }
  await settled(client, say);

  const rules: unknown = JSON.parse(await readFile(new URL('../../apps/enrollment/rules/350-qd-tw.json', import.meta.url), 'utf8'));
  await client.post(`${enrollment}/rule-sets`, rules);
  const programs = ['trung-cap-1', 'trung-cap-2', 'trung-cap-3', 'trung-cap-4'];
  const pots: string[] = [];
  for (const code of programs) {
    const program = { name: `Chương trình ${code}`, line: 'intermediate-theory', level: 'intermediate', form: 'non-concentrated', hours: 800 };
    await make('school', `${enrollment}/programs`, { code, ...program, validFrom: '2020-01-01', documentNo });
    const size = seatsOfUnit * units.length + seatsOfRoot;
    const pot = await make('board', `${quota}/pots`, { year: potYear, programCode: code, size, documentNo, rootUnitId });
    const shares = units.map((unitId) => ({ unitId, change: seatsOfUnit }));
    await client.post(`${quota}/pots/${pot}/divisions`, { unitId: rootUnitId, documentNo, division: { by: 'hand', shares } });
    pots.push(pot);
  }
  const classes: string[] = [];
  for (let group = 0; group < Math.max(2, clerks / 4); group += 1) {
    const code = programs[group % programs.length] as string;
    classes.push(await make('school', `${enrollment}/classes`, { ...classOf(code, schoolUnitId), code: `L.${group + 1}` }));
  }
  await settled(client, say);
  return { rootUnitId, units, programs, pots, schoolUnitId, classes };
};
