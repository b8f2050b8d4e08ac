import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openIssuer } from '@khue/gateway/issuer';
import { freePort } from '@khue/infra/free-port';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCity, type PublishedReport } from './city.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const minutes = 60_000;

let data: string;
let port: number;
let product: ChildProcess | undefined;
let published: PublishedReport;

const run = (main: string, ...options: string[]): ChildProcess =>
  spawn(process.execPath, [join(root, main), ...options], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });

/** Resolves when the child prints a line that fits; rejects with its last words when it ends before. */
const prints = (child: ChildProcess, pattern: RegExp): Promise<string> =>
  new Promise((found, failed) => {
    let said = '';
    const onText = (text: Buffer): void => {
      said += text.toString();
      const line = said.split('\n').find((one) => pattern.test(one));
      if (line !== undefined) found(line);
    };
    child.stdout?.on('data', onText);
    child.stderr?.on('data', onText);
    child.once('exit', (code) => failed(new Error(`ended with ${code} before ${pattern}: ${said.slice(-500)}`)));
  });
const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((end) => (child.exitCode === null && child.signalCode === null ? child.once('exit', (code) => end(code)) : end(child.exitCode)));

const start = async (): Promise<void> => {
  product = run('apps/standalone/src/main.ts', '--port', String(port), '--data', data, '--no-sample');
  await prints(product, /^ready http/);
};
const seed = (): ChildProcess => run('tools/seed.ts', '--scale', '1', '--load', `http://127.0.0.1:${port}`, '--data', data);

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'khue-five-years-'));
  port = await freePort();
  published = (await readCity()).report;
  await start();
});
afterAll(async () => {
  product?.kill('SIGTERM');
  if (product) await ended(product);
  await rm(data, { recursive: true, force: true });
}, 60_000);

test('the city’s five years load, are killed in the middle, and report as the source does, line by line', { timeout: 60 * minutes }, async () => {
  const cut = seed();
  await prints(cut, /^turns\.csv: [3-9]\d{5} of /);
  // Everything at once: the load, the product, and the PostgreSQL that would outlive it.
  const postmaster = Number((await readFile(join(data, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  cut.kill('SIGKILL');
  product?.kill('SIGKILL');
  process.kill(postmaster, 'SIGKILL');
  await Promise.all([ended(cut), product && ended(product)]);

  await start();
  const again = seed();
  await prints(again, /^loaded in /);

  const { sign } = await openIssuer({ data, issuer: `http://127.0.0.1:${port}/auth`, audience: 'khue' });
  const response = await fetch(`http://127.0.0.1:${port}/api/reporting/v1/five-years?from=2018&to=2022`, {
    headers: { authorization: `Bearer ${await sign('reader', 600)}` },
  });
  const report = (await response.json()) as {
    lines: { code: string; classes: number; turns: number; people: number }[];
    total: { classes: number; turns: number; people: number };
    notExplained: number;
  };
  expect(report.lines.map(({ code, classes, turns }) => [code, classes, turns])).toEqual(
    published.lines.map(({ code, classes, learners }) => [code, classes, learners]),
  );
  expect([report.total.classes, report.total.turns]).toEqual([6_449, 1_077_386]);
  expect(report.total.people).toBe(353_500);
  expect(report.notExplained).toBe(822_614);
});
