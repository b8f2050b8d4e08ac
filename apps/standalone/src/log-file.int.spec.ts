import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLogFile } from './log-file.ts';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'khue-log-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

const lineOf = (no: number): string => `line ${String(no).padStart(4, '0')}\n`;

test('a log that grew long is set aside once, and no line is lost between the two', async () => {
  const log = await openLogFile(join(folder, 'khue.log'), 300);
  for (let no = 0; no < 50; no += 1) {
    log.write(lineOf(no));
    await new Promise(setImmediate);
  }
  await log.close();
  const files = (await readdir(folder)).sort();
  expect(files).toEqual(['khue.log', 'khue.log.1']);
  const lines = (await Promise.all(files.toReversed().map((file) => readFile(join(folder, file), 'utf8')))).join('');
  const all = Array.from({ length: 50 }, (_, no) => lineOf(no)).join('');
  // The oldest of several set aside are gone; what is kept is the end, whole.
  expect(lines.length).toBeGreaterThan(300);
  expect(all.endsWith(lines)).toBe(true);
});

test('a log goes on behind what stands in it, and its size counts', async () => {
  const path = join(folder, 'khue.log');
  for (let time = 0; time < 3; time += 1) {
    const log = await openLogFile(path, 25);
    log.write(lineOf(time));
    await log.close();
  }
  expect(await readFile(`${path}.1`, 'utf8')).toBe([0, 1, 2].map(lineOf).join(''));
});
