import { join } from 'node:path';
import { serviceNames } from '@khue/contracts/services';
import { openIssuer, tokenLifetimes } from '@khue/gateway/issuer';
import { freePort } from '@khue/infra/free-port';
import { startEmbedded } from '@khue/infra/postgres/embedded';
import { environment } from '@khue/host/config';
import { openDataFolder } from '@khue/standalone/data-folder';
import { localClient } from '@khue/standalone/sample';
import pg from 'pg';
import { settled } from '../seed/load.ts';
import { serviceDatabase } from '../service-database.ts';
import { startStack } from '../stack/start.ts';
import type { StackPlan } from '../stack/plan.ts';
import type { Claims } from './asking.ts';
import { startProcess } from './processes.ts';
import type { ProductProcess } from './product-process.ts';

export type BusName = 'embedded' | 'kafka';

/** A running city with one unit and one pot that never ends. */
export interface ClaimsCity {
  /** Where quota takes claims. */
  readonly quota: string;
  readonly token: string;
  readonly claims: Claims;
  /** By service, of its runtime role. */
  readonly databases: Readonly<Record<'quota' | 'reporting', string>>;
  /** Waits until every event has reached everybody. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the product as it runs on this bus: one process with the embedded one, a process for each service with Kafka. PostgreSQL keeps the times of commits. */
export const openClaimsCity = async (bus: BusName, folder: string, say: (line: string) => void): Promise<ClaimsCity> => {
  const data = join(folder, bus);
  await keepCommitTimes(data);
  const port = await freePort();
  const ports = Object.fromEntries(await Promise.all(serviceNames.map(async (name) => [name, await freePort()]))) as StackPlan['ports'];
  const close = await (bus === 'kafka' ? startOnKafka : startInOne)(data, port, ports, say);
  try {
    const address = `http://127.0.0.1:${port}`;
    const issuer = `${address}/auth`;
    const client = await localClient({ address, issuer }, data, 'board');
    const from = '2018-01-01';
    const documentNo = 'QD-1';
    await client.post('/api/registry/v1/documents', { number: documentNo, issuer: 'Bench', issuedOn: '2026-01-05', governs: 'grants' });
    const { id: unitId } = await client.post<{ id: string }>('/api/registry/v1/units', {
      code: 'ha-noi',
      kind: 'thành-phố',
      name: 'Thành phố Hà Nội',
      parentId: null,
      from,
    });
    await client.post('/api/registry/v1/grants', { sub: 'board', role: 'board', unitId, validFrom: from, validTo: null, documentNo });
    await settled(client, say);
    const pot = { year: 2026, programCode: 'bench' };
    await client.post('/api/quota/v1/pots', { ...pot, size: 1_000_000, documentNo, rootUnitId: unitId });
    await settled(client, say);
    const [quota, reporting] = await Promise.all((['quota', 'reporting'] as const).map((name) => serviceDatabase(name, {}, data)));
    return {
      quota: `http://127.0.0.1:${ports.quota}`,
      token: await (await openIssuer({ data, issuer, audience: 'khue' })).sign('board', tokenLifetimes.local),
      claims: { kind: 'claims', unitId, ...pot },
      databases: { quota: quota?.appUrl ?? '', reporting: reporting?.appUrl ?? '' },
      settled: () => settled(client, say),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

const keepCommitTimes = async (data: string): Promise<void> => {
  await openDataFolder(data);
  const server = await startEmbedded({ folder: data, databases: serviceNames.map((name) => ({ name })), log: () => undefined });
  const admin = new pg.Client({ connectionString: server.adminUrl('postgres') });
  await admin.connect();
  await admin.query('alter system set track_commit_timestamp = on');
  await admin.end();
  await server.close();
};

const startInOne = async (data: string, port: number, ports: StackPlan['ports']): Promise<() => Promise<void>> => {
  const main: ProductProcess = 'tools/bench/product-process.ts';
  const addresses = Object.fromEntries(Object.entries(ports).map(([name, each]) => [`KHUE_${name.toUpperCase()}_PORT`, String(each)]));
  const { stop } = await startProcess(main, { KHUE_PORT: String(port), KHUE_DATA: data, ...addresses }, join(data, 'product.log'));
  return stop;
};

const startOnKafka = async (
  data: string,
  gatewayPort: number,
  ports: StackPlan['ports'],
  say: (line: string) => void,
): Promise<() => Promise<void>> => {
  const stack = await startStack({
    data,
    gatewayPort,
    ports,
    env: environment(),
    say,
    onLost: (name) => say(`${name} ended; see its log in ${data}`),
  });
  return stack.close;
};
