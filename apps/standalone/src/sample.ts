import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openIssuer, registerClient, tokenLifetimes } from '@khue/gateway/issuer';
import { readCity } from '@khue/tools/seed/city';
import { createClient, type Client } from '@khue/tools/seed/client';
import { loadLive } from '@khue/tools/seed/live';
import { loadCity } from '@khue/tools/seed/load';
import type { Product } from './product.ts';

export interface SampleOptions {
  readonly data: string;
  readonly sampleScale: number;
}

/** What the first start loaded; written last, so a load that was cut is taken up again. */
export interface SampleMark {
  readonly scale: number;
}

export const readSampleMark = async (data: string): Promise<SampleMark | undefined> => {
  try {
    return JSON.parse(await readFile(join(data, 'sample.json'), 'utf8')) as SampleMark;
  } catch {
    return undefined;
  }
};

/** Where a client finds the city, and by which clock it signs: the system's unless the city has another one. */
export type CityAddress = Pick<Product, 'address' | 'issuer'> & Partial<Pick<Product, 'now'>>;

/** A client that signs its own tokens with the data folder's key, as the operator of this machine may. */
export const localClient = async ({ address, issuer, now }: CityAddress, data: string, sub: string): Promise<Client> => {
  const { sign } = await openIssuer({ data, issuer, audience: 'khue', ...(now ? { now } : {}) });
  const tokens = new Map<string, Promise<string>>();
  const token = (account: string): Promise<string> => {
    const known = tokens.get(account) ?? sign(account, tokenLifetimes.local);
    tokens.set(account, known);
    return known;
  };
  return createClient(address, token, sub);
};

/** Loads the sample city once, through the doors; what a cut first load left is completed, not doubled. */
export const ensureSample = async (product: CityAddress, { data, sampleScale }: SampleOptions, say: (line: string) => void): Promise<void> => {
  if (await readSampleMark(data)) return;
  const client = await localClient(product, data, 'board');
  const city = await readCity();
  say(`sample city: ${sampleScale * 100} % of the years 2018-2022, through the product's own doors`);
  await loadCity({ city, scale: sampleScale, client, say });
  await loadLive({ client, say });
  await writeFile(join(data, 'subscriber.secret'), await registerClient(data, 'subscriber', 'subscriber'), { mode: 0o600 });
  const file = join(data, 'sample.json');
  await writeFile(`${file}.new`, JSON.stringify({ scale: sampleScale } satisfies SampleMark));
  await rename(`${file}.new`, file);
};
