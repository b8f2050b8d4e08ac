import { globSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { filler, type Words } from './words.ts';

const template = fileURLToPath(new URL('template', import.meta.url));

/** Where the files of a template lie in the repository: a service's own folder, and what it publishes. */
const placeOf = (path: string, { name, noun }: Words): string =>
  ({
    'contracts/events.ts': `libs/contracts/src/events/${name}.ts`,
    'contracts/http.ts': `libs/contracts/src/http/${name}.ts`,
    'contracts/fixture.json': `libs/contracts/fixtures/${name}.${noun}-recorded.v1.json`,
  })[path] ?? path.replace(/^app\//, `apps/${name}/`);

/** The text as the formatter of the house has it: where lines break depends on how long the words are. */
export const formatted = async (root: string, path: string, text: string): Promise<string> => {
  if (!/\.(ts|json)$/.test(path)) return text;
  return format(text, { ...(await resolveConfig(join(root, 'package.json'))), filepath: path });
};

/** Writes a service of these words under `root`; gives the paths. */
export const writeFiles = async (root: string, words: Words): Promise<readonly string[]> => {
  const fill = filler(words);
  const found = globSync('**/*.template', { cwd: template }).sort();
  return Promise.all(
    found.map(async (file) => {
      const path = placeOf(fill(file.replaceAll('\\', '/').replace(/\.template$/, '')), words);
      const text = await formatted(root, path, fill(await readFile(join(template, file), 'utf8')));
      await mkdir(dirname(join(root, path)), { recursive: true });
      // Never over a file that somebody wrote.
      await writeFile(join(root, path), text, { flag: 'wx' });
      return path;
    }),
  );
};
