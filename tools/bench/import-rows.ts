import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startEmbedded } from '@khue/infra/postgres/embedded';
import pg from 'pg';
import { createClient, type Client } from '../seed/client.ts';
import { checkpoint } from './checkpoint.ts';
import { figure, type Bench, type Run } from './figure.ts';
import { startLocalIssuer } from './local-issuer.ts';
import { foundPastCity, turnsFile, type PastCity, type TurnsFile } from './past-city.ts';
import { startProcess } from './processes.ts';
import { assertSettings } from './settings.ts';
import { prepareSqlImport, sqlImport } from './sql-import.ts';
import { watchStrangers } from './strangers.ts';

const turns = 100_000;
const api = '/api/enrollment/v1';

/** An import of past turns at enrollment's door, the service as a process of its own and nobody consuming, beside COPY and SQL. */
export const importRows: Bench = {
  name: 'import-rows',
  title: `${turns} CSV rows from upload to state, events and positions, beside COPY to a staging table and state and log rows inserted by SQL`,
  measure: async ({ folder, rounds, say }) => {
    const past = await foundPastCity(folder, turns, say);
    const server = await startEmbedded({ folder: past.data, databases: [{ name: 'enrollment' }], log: say });
    const issuer = await startLocalIssuer(join(folder, 'issuer'));
    try {
      const { appUrl = '', ownerUrl = '' } = server.databases.enrollment ?? {};
      const settings = await assertSettings(appUrl);
      const owner = new pg.Client({ connectionString: ownerUrl });
      await owner.connect();
      await prepareSqlImport(owner, past);
      const environment = {
        KHUE_BUS: 'embedded',
        KHUE_IDENTITY_KEY: past.identityKey,
        KHUE_OIDC_ISSUER: issuer.url,
        KHUE_ENROLLMENT_PORT: '0',
        KHUE_ENROLLMENT_DATABASE_URL: appUrl,
      };
      const service = await startProcess('apps/enrollment/src/main.ts', environment, join(folder, 'enrollment.log'));
      const client = createClient(service.address, issuer.token, 'board');
      const runs: Run[] = [];
      try {
        for (let round = 1; round <= rounds; round += 1) {
          const run = await measureRound({ owner, client, past, round, adminUrl: server.adminUrl('enrollment') });
          say(`round ${round}: ${run.ours} rows/s by the door, ${run.beside} by SQL`);
          runs.push({ ...run, seen: { ...run.seen, ...settings } });
        }
      } finally {
        await service.stop();
        await owner.end();
      }
      return [figure({ name: 'import-rows', unit: 'rows/s', aim: '>= 0.6' }, runs)];
    } finally {
      issuer.close();
      await server.close();
    }
  },
};

interface Round {
  readonly owner: pg.Client;
  readonly client: Client;
  readonly past: PastCity;
  readonly round: number;
  readonly adminUrl: string;
}

const measureRound = async ({ owner, client, past, round, adminUrl }: Round): Promise<Run> => {
  const file = turnsFile(past, `R${round}`);
  const strangers = watchStrangers();
  await checkpoint(adminUrl);
  const ours = await importByDoor(owner, client, file);
  await checkpoint(adminUrl);
  const besideMs = await sqlImport(owner, file);
  const perSecond = (ms: number): number => Math.round((file.rows * 1_000) / ms);
  return {
    ours: perSecond(ours.planMs + ours.commitMs),
    beside: perSecond(besideMs),
    seen: {
      rows: file.rows,
      'plan rows/s': perSecond(ours.planMs),
      'commit rows/s': perSecond(ours.commitMs),
      events: ours.events,
      strangers: strangers(),
    },
  };
};

interface Imported {
  readonly planMs: number;
  /** From the order to commit until the last event has its position. */
  readonly commitMs: number;
  readonly events: number;
}

/** Uploads, commits, waits for the last position; throws unless every row is a turn, an event and a position, once. */
const importByDoor = async (owner: pg.Client, client: Client, { pieces, rows, classes }: TurnsFile): Promise<Imported> => {
  const first = (await headOf(owner)) + 1;
  const last = first + rows + classes - 1;
  const began = performance.now();
  const plan = await client.upload<{ id: string; planHash: string; accepted: number }>(`${api}/imports?mode=plan`, 'turns.csv', () => pieces);
  if (plan.accepted !== rows) throw new Error(`${plan.accepted} of ${rows} rows were accepted`);
  const planned = performance.now();
  await client.post(`${api}/imports/${plan.id}/commit`, { planHash: plan.planHash });
  while ((await headOf(owner)) < last) {
    if (performance.now() - planned > 300_000) throw new Error(`the import does not end: position ${await headOf(owner)} of ${last}`);
    await pause(10);
  }
  const ended = performance.now();
  const { rows: counted } = await owner.query<{ turns: number; events: number }>(
    `select (select count(*)::int from enrollment.past_turn where import_id = $1 and not revoked) as turns,
       (select count(distinct event_id)::int from messaging.log where position between $2 and $3) as events`,
    [plan.id, first, last],
  );
  const [{ turns: recorded = 0, events = 0 } = {}] = counted;
  if (recorded !== rows || events !== rows + classes) throw new Error(`${recorded} turns and ${events} events of ${rows} rows`);
  return { planMs: planned - began, commitMs: ended - planned, events };
};

const headOf = async (owner: pg.Client): Promise<number> =>
  Number((await owner.query<{ position: string }>(`select position from messaging.head where topic = '*'`)).rows[0]?.position ?? 0);
