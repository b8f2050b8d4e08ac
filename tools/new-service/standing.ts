import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatted } from './files.ts';
import { filler, type Words } from './words.ts';

/** What a file says once the service stands: the one list of services, and the two places that the compiler names after it. */
type Change = (text: string) => string;

const at = (text: string, what: RegExp, from = 0): number => {
  const place = text.slice(from).search(what);
  if (place < 0) throw new Error(`${String(what)} is not found: the file has changed, and tools/new-service/standing.ts has not`);
  return from + place;
};

/** Among the imports of a file, which stand in the order of what they import from. */
const imported =
  (line: string): Change =>
  (text) => {
    const source = (of: string): string => /from '(.*)';$/.exec(of)?.[1] ?? '';
    const lines = text.split('\n');
    const after = lines.findIndex((one) => one.startsWith('import ') && source(one) > source(line));
    lines.splice(after < 0 ? lines.findLastIndex((one) => one.startsWith('import ')) + 1 : after, 0, line);
    return lines.join('\n');
  };

/** As the last member of the object that a `const` is. */
const lastOf =
  (constant: string, entry: string): Change =>
  (text) => {
    const end = at(text, /\n\}/, at(text, new RegExp(`^export const ${constant}\\b`, 'm'))) + 1;
    return `${text.slice(0, end)}${entry}\n${text.slice(end)}`;
  };

/** The port that was promised to a service of this name, else the next that nobody has. */
const listed =
  ({ name }: Words): Change =>
  (text) => {
    const promise = new RegExp(`(: |, )(81\\d\\d) ${name}\\b`).exec(text);
    const port = promise?.[2] ?? String(Math.max(...[...text.matchAll(/\b81\d\d\b/g)].map(([taken]) => Number(taken))) + 1);
    const entry = `  ${name}: { port: ${port}, routes: ${name}Routes, events: ${name}Events, hears: { ${name}: [enrollmentFacts] } },`;
    const kept = promise ? text.replace(promise[0], promise[1] === ': ' ? ': ' : '').replace(/(to come: ), /, '$1') : text;
    return lastOf('services', entry)(kept);
  };

const changes = (words: Words): Readonly<Record<string, readonly Change[]>> => {
  const fill = filler(words);
  return {
    'libs/contracts/src/services.ts': [
      listed(words),
      imported(fill(`import { __name__Events } from './events/__name__.ts';`)),
      imported(fill(`import { __name__Routes } from './http/__name__.ts';`)),
    ],
    'apps/standalone/src/product.ts': [
      lastOf('compositions', fill('  __name__: create__Name__,')),
      imported(fill(`import { create__Name__ } from '@khue/__name__/service';`)),
    ],
    'tools/check-invariants/parts.ts': [
      lastOf(
        'parts',
        fill(`  __name__: {
    // What is awaited was not told yet.
    records: ['select class_id as id, version from __name__.__noun_snake__ where version > 0'],
    projections: 'none',
    rules: 'none',
    operations: 'none',
    typing: 'waits',
  },`),
      ),
    ],
    'package-lock.json': [locked(words)],
  };
};

/** As `npm install` would write it, which would have to ask the registry. */
const locked =
  ({ name }: Words): Change =>
  (text) => {
    const lock = JSON.parse(text) as { packages: Record<string, object> };
    lock.packages[`apps/${name}`] = { name: `@khue/${name}`, version: '0.1.0' };
    lock.packages[`node_modules/@khue/${name}`] = { resolved: `apps/${name}`, link: true };
    const packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
    return `${JSON.stringify({ ...lock, packages }, null, 2)}\n`;
  };

/** Lets the service stand: in the list of services, where it is composed, where the city is judged, and for npm. Gives the paths. */
export const letStand = async (root: string, words: Words): Promise<readonly string[]> => {
  const all = Object.entries(changes(words));
  const texts = await Promise.all(
    all.map(async ([path, made]) => made.reduce((text, change) => change(text), await readFile(join(root, path), 'utf8'))),
  );
  for (const [place, [path]] of all.entries()) {
    const text = texts[place] as string;
    await writeFile(join(root, path), path === 'package-lock.json' ? text : await formatted(root, path, text));
  }
  await mkdir(join(root, 'node_modules/@khue'), { recursive: true });
  await symlink(`../../apps/${words.name}`, join(root, 'node_modules/@khue', words.name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return all.map(([path]) => path);
};
