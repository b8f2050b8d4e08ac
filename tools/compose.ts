import { readFile, writeFile } from 'node:fs/promises';
import { composed, composedFiles } from './stack/compose.ts';

// npm run compose: writes what docker-compose.yml and .env.example say of the services that stand.
for (const name of composedFiles) {
  const file = new URL(`../${name}`, import.meta.url);
  await writeFile(file, composed(await readFile(file, 'utf8')));
}
