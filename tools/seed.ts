import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { openIssuer, tokenLifetimes } from '@khue/gateway/issuer';
import { readSettings } from '@khue/host/config';
import { readCity } from './seed/city.ts';
import { createClient } from './seed/client.ts';
import { peopleCsv, turnsCsv } from './seed/csv.ts';
import { loadCity } from './seed/load.ts';

// npm run seed -- --scale 0.01 --out DIR [--load http://127.0.0.1:8080] [--data ./.data]
const { values } = parseArgs({ options: { scale: { type: 'string' }, out: { type: 'string' }, load: { type: 'string' }, data: { type: 'string' } } });
const settings = readSettings();
const scale = Number(values.scale ?? '0.01');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

if (!(scale > 0 && scale <= 1) || (!values.out && !values.load)) {
  process.stderr.write('Usage: npm run seed -- --scale 0.01 --out DIR [--load http://127.0.0.1:8080] [--data ./.data]   (0 < scale <= 1)\n');
  process.exit(2);
}
const city = await readCity();
if (values.out) {
  await mkdir(values.out, { recursive: true });
  for (const [name, rows] of [
    ['people.csv', peopleCsv],
    ['turns.csv', turnsCsv],
  ] as const) {
    await pipeline(Readable.from(rows(city, scale)), createWriteStream(join(values.out, name)));
    say(join(values.out, name));
  }
}
if (values.load) {
  const issuer = await openIssuer({ data: values.data ?? settings.KHUE_DATA, issuer: `${values.load}/auth`, audience: settings.KHUE_AUDIENCE });
  const tokens = new Map<string, Promise<string>>();
  const token = (sub: string): Promise<string> => {
    const known = tokens.get(sub) ?? issuer.sign(sub, tokenLifetimes.local);
    tokens.set(sub, known);
    return known;
  };
  const started = Date.now();
  await loadCity({ city, scale, client: createClient(values.load, token, 'board'), say });
  say(`loaded in ${Math.round((Date.now() - started) / 1_000)} s`);
}
