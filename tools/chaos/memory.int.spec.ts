import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '@khue/host/config';
import { freePort } from '@khue/infra/free-port';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { inspectable } from './live-memory.ts';
import { judgeMemory, measureMemory, type Memory } from './memory.ts';

/** A server that makes 60 MB of garbage for each line it reads, and keeps what the line says, in kB. */
const program = `
  const kept = [];
  process.stdin.setEncoding('utf8').on('data', (line) => {
    for (let n = 0; n < 60; n += 1) Array.from({ length: 65_536 }, (_, at) => ({ at, n }));
    for (let left = Number(line); left > 0; left -= 1) kept.push(Array.from({ length: 32 }, (_, at) => 'kept ' + at));
    console.log('done');
  });
  console.log('ready');
`;

describe('the memory of a process', () => {
  let folder: string;
  let child: ChildProcess;
  let inspector: number;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'khue-memory-'));
    inspector = await freePort();
    const env = { ...environment(), ...inspectable(inspector, undefined) };
    child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'ignore'], env });
    await once(child.stdout as NodeJS.EventEmitter, 'data');
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });

  const measure = (): Promise<Memory> =>
    measureMemory({ data: folder, processes: () => new Map([['service', { pid: child.pid as number, inspector }]]) });
  const work = async (kept: number): Promise<void> => {
    const done = once(child.stdout as NodeJS.EventEmitter, 'data');
    child.stdin?.write(String(kept));
    await done;
  };
  const wrongAfter = async (kept: number): Promise<string[]> => {
    await work(0);
    const before = await measure();
    await work(kept);
    return judgeMemory(before, await measure())
      .filter(({ ok }) => !ok)
      .map(({ name }) => name);
  };

  test('may hold garbage, which is no growth', async () => {
    expect(await wrongAfter(0)).toEqual([]);
  });

  test('may not keep what nobody needs, however lazily it collects the rest', async () => {
    expect(await wrongAfter(20_000)).toEqual([expect.stringContaining('keeps more alive')]);
  });

  test('is asked of the process that was meant, or of none', async () => {
    await measure();
    const env = { ...environment(), ...inspectable(await freePort(), undefined) };
    const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1_000)'], { stdio: 'ignore', env });
    try {
      const processes = new Map([['service', { pid: other.pid as number, inspector }]]);
      await expect(measureMemory({ data: folder, processes: () => processes })).rejects.toThrow('answers for');
    } finally {
      other.kill('SIGKILL');
    }
  });
});

describe('memory is judged', () => {
  const memory = (live: number, resident: number, ...server: number[]): Memory => ({ ours: new Map([['quota', { live, resident }]]), server });
  const wrong = (before: Memory, after: Memory): string[] => judgeMemory(before, after).flatMap(({ examples }) => examples);

  test('by what lives, by what the system gave, and by the largest process of PostgreSQL', () => {
    const before = memory(50, 90, 6, 4);
    expect(wrong(before, memory(55, 120, 8, 8))).toEqual([]);
    expect(wrong(before, memory(62, 90, 6))).toEqual(['quota: 62.0 MB, 50.0 before, 57.5 allowed']);
    expect(wrong(before, memory(50, 153, 6))).toEqual(['quota: 153.0 MB, 90.0 before, 152.5 allowed']);
    expect(wrong(before, memory(50, 90, 18))).toEqual(['the largest: 18.0 MB, 6.0 before, 17.0 allowed']);
  });

  test('a process that is gone is no growth that was ruled out', () => {
    expect(wrong(memory(50, 90), { ours: new Map(), server: [] })).toEqual(['quota: not there', 'quota: not there']);
  });
});
