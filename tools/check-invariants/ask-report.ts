import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { openIssuer, tokenLifetimes } from '@khue/gateway/issuer';
import { gatewayPort, readSettings, type Environment } from '@khue/host/config';
import type { ReadReport } from './report.ts';

/** Accounts that may read the whole city's report: the sample's reader, and the board of any city. */
const readers = ['reader', 'board'];
const patienceMs = 10_000;

/**
 * The way to reporting's own route, over the gateway, with a token that the data folder's key signs as `npm run token` does. Undefined where nobody answers there or the
 * token isn't taken: that is said, and the figures are then those of the tables.
 */
export const askReport = async (data: string, env: Environment, say: (line: string) => void): Promise<ReadReport | undefined> => {
  const settings = readSettings(env);
  const address = settings.KHUE_PUBLIC_URL ?? `http://127.0.0.1:${settings.KHUE_PORT ?? gatewayPort}`;
  const keyed = await access(join(data, 'issuer', 'key.json')).then(
    () => true,
    () => false,
  );
  if (keyed) {
    const { sign } = await openIssuer({ data, issuer: settings.KHUE_OIDC_ISSUER ?? `${address}/auth`, audience: settings.KHUE_AUDIENCE });
    for (const reader of readers) {
      const read = async (from: number, to: number): Promise<Response> =>
        fetch(`${address}/api/reporting/v1/five-years?from=${from}&to=${to}`, {
          headers: { authorization: `Bearer ${await sign(reader, tokenLifetimes.local)}` },
          signal: AbortSignal.timeout(patienceMs),
        });
      const tried = await read(2018, 2022).catch(() => undefined);
      if (tried?.ok) return async (from, to) => (await (await read(from, to)).json()) as Awaited<ReturnType<ReadReport>>;
    }
  }
  say(`reporting was not asked at ${address} (set KHUE_PORT to the gateway's port): its tables are looked at alone`);
  return undefined;
};
