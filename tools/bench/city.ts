import { join } from 'node:path';
import { makeIdentityNumber } from '@khue/contracts/identity-number';
import { serviceNames } from '@khue/contracts/services';
import { openIssuer, tokenLifetimes } from '@khue/gateway/issuer';
import { freePort } from '@khue/infra/free-port';
import { startEmbedded, type Embedded } from '@khue/infra/postgres/embedded';
import { openDataFolder } from '@khue/standalone/data-folder';
import { startProduct } from '@khue/standalone/product';
import { localClient } from '@khue/standalone/sample';
import pg from 'pg';
import { readCity } from '../seed/city.ts';
import type { Client } from '../seed/client.ts';
import { loadStructure, runImport, settled } from '../seed/load.ts';
import { sampleDocument } from '../seed/history.ts';
import { familyNames, givenNames, middleNames } from '../seed/names.ts';
import { startProcess, type RunningProcess } from './processes.ts';

/** As many clerks as connections, each with an account, a unit and people of their own. */
export const clerks = 64;

export interface CityOptions {
  readonly folder: string;
  readonly peopleOfUnit: number;
  /** Classes that are open, a prime: so no clerk asks for the same pair twice. */
  readonly classes: number;
  readonly say: (line: string) => void;
}

/** A city with people and open classes, its server running and none of its services. */
export interface City {
  readonly postgres: Embedded;
  /** The gateway's address, which the tokens name as their issuer's. */
  readonly gateway: string;
  readonly persons: readonly (readonly string[])[];
  readonly identityNumbers: readonly (readonly string[])[];
  readonly classes: readonly string[];
  readonly clerkTokens: readonly string[];
  /** How many pairs of person and class each clerk has asked for. */
  readonly asked: { from: readonly number[] };
  readonly boardToken: string;
  readonly rootUnitId: string;
  /** Starts a service as its own process, once; on another database than its own when one is named. */
  start(name: 'enrollment' | 'quota' | 'gateway', database?: string): Promise<RunningProcess>;
  /** Stops the service and makes a copy of its database, with the same rights. */
  clone(name: 'enrollment' | 'quota', database: string): Promise<void>;
  /** Runs SQL as the superuser: to set the stage and to look, never for what is measured. */
  sql<Row extends pg.QueryResultRow>(database: string, text: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** Founds the city through the product's own doors, then leaves only its PostgreSQL running. */
export const openCity = async (options: CityOptions): Promise<City> => {
  const { folder, say } = options;
  const port = await freePort();
  const lost = (reason: string): never => {
    throw new Error(`PostgreSQL ended: ${reason}`);
  };
  const product = await startProduct({ data: folder, port, env: {}, say: () => undefined, onLost: lost });
  const founded = await found(await localClient(product, folder, 'board'), options).finally(() => product.close());

  const { identityKey } = await openDataFolder(folder);
  const postgres = await startEmbedded({ folder, log: say, databases: serviceNames.map((name) => ({ name })) });
  const gateway = `http://127.0.0.1:${port}`;
  const { sign } = await openIssuer({ data: folder, issuer: `${gateway}/auth`, audience: 'khue' });
  const token = (sub: string): Promise<string> => sign(sub, tokenLifetimes.local);
  const running = new Map<string, Promise<RunningProcess>>();
  const ports = { enrollment: await freePort(), quota: await freePort() };

  const start: City['start'] = (name, database = name) => {
    const key = `${name} ${database}`;
    const launch = async (): Promise<RunningProcess> => {
      const environment = name === 'gateway' ? gatewayEnvironment() : await serviceEnvironment(name, database);
      return startProcess(`apps/${name}/src/main.ts`, environment, join(folder, `${name}.log`));
    };
    const started = running.get(key) ?? launch();
    running.set(key, started);
    return started;
  };
  const gatewayEnvironment = () => ({
    KHUE_PORT: String(port),
    KHUE_DATA: folder,
    KHUE_ENROLLMENT_URL: `http://127.0.0.1:${ports.enrollment}`,
    KHUE_QUOTA_URL: `http://127.0.0.1:${ports.quota}`,
  });
  const serviceEnvironment = async (name: 'enrollment' | 'quota', database: string) => {
    const urls = postgres.databases[name];
    const to = (url: string | undefined): string => Object.assign(new URL(url ?? ''), { pathname: `/${database}` }).href;
    return {
      KHUE_BUS: 'embedded',
      KHUE_IDENTITY_KEY: identityKey,
      KHUE_OIDC_ISSUER: `${gateway}/auth`,
      [`KHUE_${name.toUpperCase()}_PORT`]: String(database === name ? ports[name] : await freePort()),
      [`KHUE_${name.toUpperCase()}_DATABASE_URL`]: to(urls?.appUrl),
      [`KHUE_${name.toUpperCase()}_OWNER_DATABASE_URL`]: to(urls?.ownerUrl),
    };
  };
  const sql: City['sql'] = async (database, text, values = []) => {
    const client = new pg.Client({ connectionString: postgres.adminUrl(database) });
    await client.connect();
    try {
      return (await client.query(text, [...values])).rows;
    } finally {
      await client.end();
    }
  };

  const clone: City['clone'] = async (name, database) => {
    await (await running.get(`${name} ${name}`))?.stop();
    running.delete(`${name} ${name}`);
    await sql('postgres', `create database ${database} template ${name} owner ${name}_owner`);
    await sql('postgres', `alter database ${database} set search_path = public, extensions`);
    await sql('postgres', `grant connect on database ${database} to ${name}_app`);
  };

  const cards = await sql<{ personId: string; unitId: string }>(
    'enrollment',
    'select person_id as "personId", unit_id as "unitId" from cards.person order by person_id',
  );
  const ofUnit = Map.groupBy(cards, ({ unitId }) => unitId);
  return {
    ...founded,
    postgres,
    gateway,
    persons: founded.units.map((unitId) => (ofUnit.get(unitId) ?? []).map(({ personId }) => personId)),
    clerkTokens: await Promise.all(Array.from({ length: clerks }, (_, clerk) => token(clerkName(clerk)))),
    asked: { from: founded.units.map(() => 0) },
    boardToken: await token('board'),
    start,
    clone,
    sql,
    close: async () => {
      await Promise.allSettled([...running.values()].map(async (process) => (await process).stop()));
      await postgres.close();
    },
  };
};

const clerkName = (clerk: number): string => `clerk-${clerk + 1}`;
export const unitCode = (clerk: number): string => `mau-${String(clerk + 1).padStart(3, '0')}`;

interface Founded {
  readonly units: readonly string[];
  readonly classes: readonly string[];
  readonly identityNumbers: readonly (readonly string[])[];
  readonly rootUnitId: string;
}

const found = async (client: Client, { peopleOfUnit, classes, say }: CityOptions): Promise<Founded> => {
  const ids = await loadStructure({ city: await readCity(), scale: 1, client, say });
  const id = (code: string): string => ids.get(code) as string;
  for (let clerk = 0; clerk < clerks; clerk += 1) {
    await client.post('/api/registry/v1/grants', {
      sub: clerkName(clerk),
      role: 'officer',
      unitId: id(unitCode(clerk)),
      validFrom: '2025-07-01',
      validTo: null,
      documentNo: sampleDocument,
    });
  }
  const identityNumbers = Array.from({ length: clerks }, (_, clerk) =>
    Array.from({ length: peopleOfUnit }, (_unused, place) =>
      makeIdentityNumber({ province: 96, sex: 'female', birthYear: 1985, serial: clerk * peopleOfUnit + place }),
    ),
  );
  await runImport(client, '/api/registry/v1', 'people.csv', () => peopleCsv(identityNumbers), say);
  await settled(client, say);
  say(`${classes} classes`);
  const opened: string[] = [];
  for (let n = 0; n < classes; n += 1) {
    const { id: classId } = await client.as('school').post<{ id: string }>('/api/enrollment/v1/classes', {
      programCode: 'advanced-theory',
      code: `B.${n + 1}`,
      hostUnitId: id('lhp'),
      size: 60,
      from: '2026-12-07',
      to: '2028-06-30',
    });
    opened.push(classId);
  }
  await settled(client, say);
  return { units: Array.from({ length: clerks }, (_, clerk) => id(unitCode(clerk))), classes: opened, identityNumbers, rootUnitId: id('ha-noi') };
};

/** Namesakes of one birth date are looked for by the import, row by row: a city has few. */
const nameOf = (clerk: number, place: number): string => {
  const pick = (names: readonly string[], n: number): string => names[n % names.length] as string;
  const { female } = givenNames;
  const n = clerk * 331 + place;
  return `${pick(familyNames, n)} ${pick(middleNames.female, Math.floor(n / 20))} ${pick(middleNames.male, Math.floor(n / 240))} ${pick(female, Math.floor(n / 2_880))}`;
};

function* peopleCsv(identityNumbers: readonly (readonly string[])[]): Generator<string> {
  yield '\uFEFFSố định danh,Họ và tên,Ngày sinh,Giới tính,Mã đơn vị,Chức vụ,Trình độ,Đảng viên\r\n';
  for (const [clerk, numbers] of identityNumbers.entries())
    for (const [place, number] of numbers.entries())
      yield `${number},${nameOf(clerk, place)},1/2/1985,Nữ,${unitCode(clerk)},Trưởng phòng,Đại học,Chính thức\r\n`;
}
