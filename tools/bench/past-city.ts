import { join } from 'node:path';
import { serviceNames } from '@khue/contracts/services';
import { startProduct } from '@khue/standalone/product';
import { localClient } from '@khue/standalone/sample';
import { freePort } from '@khue/infra/free-port';
import { readCity, type SampleCity } from '../seed/city.ts';
import { peopleCsv, turnsCsv } from '../seed/csv.ts';
import { loadStructure, runImport, settled } from '../seed/load.ts';

export interface PastCity {
  readonly data: string;
  readonly city: SampleCity;
  readonly scale: number;
  /** The key under which enrollment knows people's numbers. */
  readonly identityKey: string;
  readonly units: ReadonlyMap<string, string>;
}

const identityKey = 'a key for figures that nobody else uses';

/** A data folder whose city knows its units and the people of `turns` turns, through the doors, and no turn yet. Nothing runs on it afterwards. */
export const foundPastCity = async (folder: string, turns: number, say: (line: string) => void): Promise<PastCity> => {
  const city = await readCity();
  const scale = turns / city.report.lines.reduce((sum, { learners }) => sum + learners, 0);
  const data = join(folder, 'city');
  const ports = await Promise.all(serviceNames.map(async (name) => [`KHUE_${name.toUpperCase()}_PORT`, String(await freePort())]));
  const env = { ...Object.fromEntries(ports), KHUE_IDENTITY_KEY: identityKey };
  const product = await startProduct({ data, port: await freePort(), env, say: () => undefined, onLost: () => undefined });
  try {
    const client = await localClient(product, data, 'board');
    const units = await loadStructure({ city, scale, client, say });
    await runImport(client, '/api/registry/v1', 'people.csv', () => peopleCsv(city, scale), say);
    await settled(client, say);
    return { data, city, scale, identityKey, units };
  } finally {
    await product.close();
  }
};

export interface TurnsFile {
  /** As it is sent and copied, in pieces. */
  readonly pieces: readonly string[];
  readonly rows: number;
  readonly classes: number;
}

/** The turns as a file, with classes of their own for each `mark`: sent again they are new. */
export const turnsFile = ({ city, scale }: PastCity, mark: string): TurnsFile => {
  const [heading = '', ...lines] = turnsCsv(city, scale);
  const classes = new Set<string>();
  const marked = lines.map((line) => {
    // number, name, class: no cell before the fourth is quoted
    const [number, name, code, ...rest] = line.split(',');
    classes.add(code ?? '');
    return [number, name, `${code}.${mark}`, ...rest].join(',');
  });
  const pieces = [heading, ...Array.from({ length: Math.ceil(marked.length / 1_000) }, (_, n) => marked.slice(n * 1_000, (n + 1) * 1_000).join(''))];
  return { pieces, rows: marked.length, classes: classes.size };
};
