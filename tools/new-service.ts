import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { isServiceName } from '@khue/contracts/services';
import { ConfigProblem } from '@khue/host/config';
import { writeFiles } from './new-service/files.ts';
import { letStand } from './new-service/standing.ts';
import { assertWords, type Words } from './new-service/words.ts';

// npm run new-service -- NAME [--noun thing] [--vi 'hồ sơ']: a service that passes its own test and stands in the product.
const usage = `Usage: npm run new-service -- NAME [--noun thing] [--vi 'hồ sơ']   (npm run new-service -- evaluation --noun assessment --vi 'phiếu đánh giá')`;
const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

const readWords = (): Words => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { noun: { type: 'string' }, vi: { type: 'string' } } });
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new ConfigProblem(usage);
  const words = { name, noun: values.noun ?? 'entry', vi: values.vi ?? 'hồ sơ' };
  assertWords(words);
  if (isServiceName(name) || existsSync(join(root, 'apps', name))) throw new ConfigProblem(`apps/${name} is there already: choose another name.`);
  return words;
};

const left = ({ name, noun }: Words): string => `
apps/${name} stands: its ${noun} is awaited for each class that enrollment opens, and recorded under a document. What is left to do:

  1. What the ${noun} really is: its members in domain.ts, with prisma/schema.prisma and the migration (until it is applied anywhere), views.ts,
     and libs/contracts/src/{events,http}/${name}.ts with the fixture; then npm run generate and npm run contracts.
  2. Its words: Vietnamese and English of the refusals (domain.ts) and routes (http/${name}.ts), docs/glossary.md, and README.md.
  3. What must hold of its rows, and what a client may have asked for: tools/check-invariants/parts.ts.
  4. A mutant for each of its checks and locks: tools/mutants/.

  npm run check && npx vitest run --project integration apps/${name}
`;

try {
  const words = readWords();
  const written = await writeFiles(root, words);
  const changed = await letStand(root, words);
  // Each reads what was written before it: the schema for the database client, the list of services for the containers and the events.
  for (const tool of ['generate', 'compose', 'contracts-snapshot']) await run(process.execPath, [join(root, `tools/${tool}.ts`)], { cwd: root });
  for (const path of written) process.stdout.write(`new      ${path}\n`);
  for (const path of [...changed, 'docker-compose.yml', '.env.example']) process.stdout.write(`changed  ${path}\n`);
  process.stdout.write(left(words));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = error instanceof ConfigProblem ? 2 : 1;
}
