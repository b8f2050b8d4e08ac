import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { breaks, publishedSchemas, type Json } from '@khue/contracts/published-schema';
import { allEvents } from '@khue/contracts/services';

// Writes the JSON Schema of every version of every event. What was committed is what others build against: a schema that would break them is not
// written, and one whose event is gone is not removed; both want a new version instead.
const folder = fileURLToPath(new URL('../libs/contracts/schemas/', import.meta.url));
const fixtures = fileURLToPath(new URL('../libs/contracts/fixtures/', import.meta.url));

await mkdir(folder, { recursive: true });
const committed = new Map<string, Json>();
for (const file of await readdir(folder)) committed.set(file.replace(/\.json$/, ''), JSON.parse(await readFile(folder + file, 'utf8')) as Json);
const written = new Set((await readdir(fixtures)).map((file) => file.replace(/\.json$/, '')));

const problems: string[] = [];
let changed = 0;
for (const { name, schema } of allEvents.flatMap(publishedSchemas)) {
  const was = committed.get(name);
  committed.delete(name);
  if (!written.has(name)) problems.push(`${name} has no fixture: write libs/contracts/fixtures/${name}.json, a message as it will be published`);
  const broken = was === undefined ? [] : breaks(was, schema);
  problems.push(...broken.map((line) => `${name} ${line}`));
  if (broken.length > 0 || JSON.stringify(was) === JSON.stringify(schema)) continue;
  await writeFile(`${folder}${name}.json`, `${JSON.stringify(schema, null, 2)}\n`);
  changed += 1;
}
problems.push(...[...committed.keys()].map((name) => `${name} was published and is no longer an event of ours`));

for (const problem of problems) console.error(problem);
console.log(
  `${changed} schemas written${problems.length > 0 ? `, ${problems.length} problems: a published version only gains members with a default; anything else is a new version` : ''}`,
);
if (problems.length > 0) process.exitCode = 1;
