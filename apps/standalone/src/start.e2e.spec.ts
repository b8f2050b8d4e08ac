import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sampleAccounts } from '@khue/tools/seed/load';
import { makeIdentityNumber } from '@khue/contracts/identity-number';
import { environment } from '@khue/host/config';
import { eventually } from '@khue/testing/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cutPower, endAll, killAll, processesOn, root, serversOf, startCli, type Cli } from './cli.fixture.ts';

const execute = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const fiveYears = '/api/reporting/v1/five-years?from=2018&to=2022';
const ready = /^ready http:/;
const noSample = ['--no-sample'];

let base: string;
let city: string;
/** What the first start of all reports; every later one must report the same. */
let reported: string;
const mounted: string[] = [];

const shell = (line: string): Promise<string> => {
  const { PATH = '', HOME = '' } = environment();
  return execute('bash', ['-c', line], { cwd: root, env: { PATH: `${join(root, 'node_modules', '.bin')}:${PATH}`, HOME } }).then(({ stdout }) =>
    stdout.trim(),
  );
};
const tokenOf = async (cli: Cli, account: string): Promise<string> =>
  (
    await execute(process.execPath, [join(root, 'tools', 'token.ts'), account, '--port', String(cli.port), '--data', cli.data], {
      env: { PATH: environment()['PATH'] ?? '' },
    })
  ).stdout.trim();
const reportOf = async (cli: Cli): Promise<string> => {
  const answer = await fetch(`${cli.address}${fiveYears}`, { headers: { authorization: `Bearer ${await tokenOf(cli, 'reader')}` } });
  const body = await answer.text();
  expect(answer.status, body).toBe(200);
  return body;
};
const started = async (data: string, more: Partial<Parameters<typeof startCli>[0]> = {}): Promise<Cli> => {
  const cli = await startCli({ data, ...more });
  await cli.line(ready);
  return cli;
};
const isFree = async (port: number): Promise<boolean> => {
  const probe = createServer();
  const outcome = Promise.race([once(probe, 'listening').then(() => true), once(probe, 'error').then(() => false)]);
  probe.listen(port, '127.0.0.1');
  const free = await outcome;
  probe.close();
  return free;
};
/** Nothing of it is left: no process that works on its folder, and its port is free. */
const expectGone = async (cli: Cli): Promise<void> => {
  await eventually(async () => expect([...(await serversOf(cli.data)), ...(await processesOn(cli.data))]).toEqual([]), { withinMs: 5_000 });
  expect(await isFree(cli.port)).toBe(true);
};
/** One sentence in each language, for somebody who can mend it: no stack, no code of ours, and nothing served. */
const expectSentence = async (cli: Cli, en: RegExp): Promise<void> => {
  const { code } = await cli.exited;
  const said = cli.errors().trim().split('\n');
  expect(cli.errors()).toMatch(en);
  expect(code).toBeGreaterThan(0);
  expect(said, cli.errors()).toHaveLength(2);
  for (const line of said) expect(line).toMatch(/^\p{Lu}.{20,}\.$/u);
  expect(cli.errors()).not.toMatch(/\n\s+at |Error:|undefined|\[object/);
  expect(cli.lines.some(({ text }) => ready.test(text))).toBe(false);
};

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'khue khởi động '));
  city = join(base, `Thành phố "mẫu" của dân's`, 'dữ liệu');
});
afterAll(async () => {
  await endAll([city]);
  for (const mount of mounted) await execute('umount', ['-l', mount]);
  await rm(base, { recursive: true, force: true });
}, 40_000);

describe('the first start', () => {
  let cli: Cli;
  beforeAll(async () => {
    cli = await started(city);
    reported = await reportOf(cli);
  }, 180_000);

  test('ends with the line that it is ready, and was never silent for long before', () => {
    expect(cli.lines.at(-1)?.text).toBe(`ready ${cli.address}`);
    const times = [cli.startedAt, ...cli.lines.map(({ at }) => at)];
    const silences = times.slice(1).map((at, place) => at - (times[place] ?? 0));
    // Five seconds are promised; a machine that does other things meanwhile is given as much again.
    expect(Math.max(...silences)).toBeLessThan(10_000);
    expect(cli.errors()).toBe('');
  });

  test('prints the report as a table: people and turns apart, the headline, what is not explained', () => {
    const report = JSON.parse(reported);
    const said = cli.lines.map(({ text }) => text);
    const figures = (start: string): number[] =>
      (said.find((line) => line.startsWith(start)) ?? expect.fail(`no line ${start}`))
        .slice(start.length)
        .split(/\s{2,}/)
        .filter((cell) => /^[\d.]+$/.test(cell))
        .map((cell) => Number(cell.replaceAll('.', '')));
    expect(said.find((line) => line.includes('turns') && line.includes('people') && line.includes('classes'))).toBeDefined();
    expect(report.lines.length).toBe(8);
    for (const line of report.lines) expect(figures(line.name.vi.slice(0, 57))).toEqual([line.classes, line.turns, line.people]);
    expect(figures('Cộng các dòng / sum of the lines')).toEqual([report.total.classes, report.total.turns, report.total.people]);
    expect(figures('Con số công bố / headline')).toEqual([report.headline.turns]);
    expect(figures('Chưa giải thích được / not explained')).toEqual([report.notExplained]);
    expect(report.notExplained).toBe(report.headline.turns - report.total.turns);
    for (const { sub, role } of sampleAccounts)
      expect(
        said.some((line) => new RegExp(`^\\s+${sub}\\s+${role}\\s`).test(line)),
        sub,
      ).toBe(true);
  });

  test('prints three curl lines that work as they are pasted', async () => {
    const pasted = cli.lines.map(({ text }) => text.trim()).filter((line) => line.startsWith('TOKEN=') || line.startsWith('curl '));
    expect(pasted.filter((line) => line.startsWith('curl ')).length).toBe(3);
    const answers = (await shell(pasted.map((line) => (line.startsWith('curl') ? `${line}; echo` : line)).join('\n')))
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers[0].total).toEqual(JSON.parse(reported).total);
    expect(answers.slice(1).map(({ items }) => items.length > 0)).toEqual([true, true]);
  }, 60_000);

  test('keeps its secrets to its owner, and gives the operator tokens that work', async () => {
    for (const name of ['khue.json', 'postgres.secret', 'subscriber.secret', join('issuer', 'key.json')])
      expect([name, (await stat(join(city, name))).mode & 0o077]).toEqual([name, 0]);
    const me = await (
      await fetch(`${cli.address}/api/registry/v1/me`, { headers: { authorization: `Bearer ${await tokenOf(cli, 'officer.a')}` } })
    ).json();
    expect(me).toMatchObject({ sub: 'officer.a', grants: [{ role: 'officer' }] });
    const secret = await readFile(join(city, 'subscriber.secret'), 'utf8');
    const token = (await (
      await fetch(`${cli.address}/auth/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`subscriber:${secret}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      })
    ).json()) as { access_token: string };
    expect((await fetch(`${cli.address}/api/registry/v1/units?limit=1`, { headers: { authorization: `Bearer ${token.access_token}` } })).status).toBe(
      200,
    );
  });

  test('refuses a second start on its folder, on its port, and on the port of one of its services, and goes on', async () => {
    await expectSentence(await startCli({ data: city }), /is in use by another start/);
    await expectSentence(
      await startCli({ data: join(base, 'khác'), port: cli.port, args: noSample }),
      new RegExp(`Port ${cli.port} is taken by another program`),
    );
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const other = await startCli({ data: join(base, 'khác'), args: noSample, env: { KHUE_QUOTA_PORT: String(port) } });
    await expectSentence(other, new RegExp(`Port ${port} is taken by another program.*KHUE_QUOTA_PORT`));
    await expectGone(other);
    taken.close();
    expect(await reportOf(cli)).toBe(reported);
  }, 60_000);

  test('ends on Ctrl-C with success and leaves nothing running', async () => {
    expect(await cli.end('SIGINT')).toEqual({ code: 0, signal: null });
    expect(cli.errors()).toBe('');
    await expectGone(cli);
  }, 40_000);
});

describe('a later start', () => {
  const loading = (cli: Cli): boolean => cli.lines.some(({ text }) => /sample city|people\.csv|turns\.csv|creating the database/.test(text));
  let cli: Cli;

  test('finds the same city and loads nothing again', async () => {
    cli = await started(city);
    expect([await reportOf(cli), loading(cli)]).toEqual([reported, false]);
  }, 60_000);

  test('the same after kill -9 of everything', async () => {
    await cutPower(cli);
    await expectGone(cli);
    cli = await started(city);
    expect([await reportOf(cli), loading(cli)]).toEqual([reported, false]);
  }, 60_000);

  test('the same after kill -9 of the program alone, whose PostgreSQL runs on', async () => {
    await cli.end('SIGKILL');
    const [orphan = 0] = await serversOf(city);
    expect(orphan).toBeGreaterThan(0);
    cli = await started(city);
    expect(await serversOf(city)).not.toContain(orphan);
    expect([await reportOf(cli), loading(cli)]).toEqual([reported, false]);
  }, 60_000);

  test('the same after kill -9 of PostgreSQL alone, which the program says before it ends', async () => {
    killAll((await serversOf(city)).slice(0, 1));
    expect((await cli.exited).code).toBe(1);
    expect(cli.errors().trim().split('\n')).toEqual([expect.stringMatching(/^PostgreSQL ended .*nothing that was acknowledged is lost/)]);
    cli = await started(city);
    expect([await reportOf(cli), loading(cli)]).toEqual([reported, false]);
  }, 60_000);

  test('and ends on SIGTERM as on Ctrl-C, which after it once more is too late to hurt', async () => {
    expect(await cli.end('SIGTERM')).toEqual({ code: 0, signal: null });
    await expectGone(cli);
  }, 40_000);
});

describe('a first start that is interrupted', () => {
  test('by Ctrl-C ends with success, says nothing of errors and leaves nothing running, whatever it was doing', async () => {
    const data = join(base, 'dở dang');
    for (const moment of [/PostgreSQL…/, /creating the database/, /registry…/, /units, grants/]) {
      const cli = await startCli({ data });
      await cli.line(moment);
      expect([moment, await cli.end('SIGINT'), cli.errors()]).toEqual([moment, { code: 0, signal: null }, '']);
      await expectGone(cli);
      if (moment.test('creating the database')) await rm(data, { recursive: true, force: true });
    }
  }, 120_000);

  test('by kill -9 at any moment is completed by the next ones to the same totals', async () => {
    const data = join(base, 'cắt ngang');
    for (const moment of [
      /creating the database/,
      /enrollment…/,
      /units, grants/,
      /people\.csv: planning/,
      /people\.csv: \d+ rows/,
      /turns\.csv: planning/,
      /classes and places/,
    ]) {
      const cli = await startCli({ data });
      await cli.line(moment);
      await cutPower(cli);
    }
    const cli = await started(data);
    expect(await reportOf(cli)).toBe(reported);
    const token = await tokenOf(cli, 'board');
    const pots = (await (await fetch(`${cli.address}/api/quota/v1/pots?year=2026`, { headers: { authorization: `Bearer ${token}` } })).json()) as {
      items: { size: number }[];
    };
    expect(pots.items.map(({ size }) => size).sort()).toEqual([40, 60]);
    await cutPower(cli);
  }, 200_000);
});

describe('two first starts at once', () => {
  test('on one folder: one goes on, the other says so, and the key of the folder is that of the one', async () => {
    const data = join(base, 'hai lần');
    const both = await Promise.all([startCli({ data, args: noSample }), startCli({ data, args: noSample })]);
    const isReady = await Promise.all(
      both.map((each) =>
        each.line(ready).then(
          () => true,
          () => false,
        ),
      ),
    );
    expect(isReady.filter(Boolean).length).toBe(1);
    let cli = both[isReady.indexOf(true)] as Cli;
    await expectSentence(both[isReady.indexOf(false)] as Cli, /is in use by another start/);

    const send = async (path: string, body: object): Promise<any> => {
      const headers = { authorization: `Bearer ${await tokenOf(cli, 'board')}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() };
      return (await fetch(`${cli.address}/api/registry/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).json();
    };
    const { id: unitId } = await send('units', { code: 'ha-noi', kind: 'thành-phố', name: 'Thành phố Hà Nội', parentId: null, from: '2008-08-01' });
    await send('grants', { sub: 'board', role: 'board', unitId, validFrom: '2018-01-01', documentNo: 'QD-1' });
    const person = { name: 'Nguyễn Văn Mẫu', identityNumber: makeIdentityNumber({ province: 1, sex: 'male', birthYear: 1980, serial: 1 }), unitId };
    expect((await send('people', person)).id).toBeDefined();
    await cli.end('SIGINT');
    cli = await started(data, { args: noSample });
    // Under another key the same number would be somebody else's.
    expect((await send('people', person)).code).toBe('person-exists');
    await cutPower(cli);
  }, 120_000);
});

describe('a start that can not be', () => {
  const refuses = async (data: string, en: RegExp, more: Partial<Parameters<typeof startCli>[0]> = {}): Promise<void> =>
    expectSentence(await startCli({ data, args: noSample, ...more }), en);
  const folder = async (name: string): Promise<string> => {
    const path = join(base, name);
    await mkdir(path);
    return path;
  };

  test('on a folder of a newer version, or whose key file is damaged, says so and changes nothing', async () => {
    const data = await folder('phiên bản mới');
    const newer = JSON.stringify({ layout: 99, identityKey: 'of a later version' });
    await writeFile(join(data, 'khue.json'), newer);
    await refuses(data, /belongs to a newer version \(99\)/);
    expect(await readFile(join(data, 'khue.json'), 'utf8')).toBe(newer);
    for (const damaged of ['', '{"layout":1', '{"layout":1}', 'null']) {
      await writeFile(join(data, 'khue.json'), damaged);
      await refuses(data, /khue\.json is damaged/);
    }
  }, 60_000);

  test('on data whose key file is lost says so: under a new key nobody would be found again', async () => {
    const key = join(city, 'khue.json');
    const kept = await readFile(key, 'utf8');
    await rm(key);
    await refuses(city, /khue\.json is gone/);
    await writeFile(key, kept, { mode: 0o600 });
  }, 60_000);

  test('on a file, below a file, in a place where no folder can be made, says so', async () => {
    const file = join(base, 'tệp');
    await writeFile(file, 'của ai đó');
    await refuses(file, /can't be used|cannot be used/);
    await refuses(join(file, 'dưới'), /can't be used|cannot be used/);
    await refuses('/proc/khue/data', /can't be used|cannot be used/);
    expect(await readFile(file, 'utf8')).toBe('của ai đó');
  }, 60_000);

  test('on a read-only folder says so', async () => {
    const data = await folder('chỉ đọc');
    if (isRoot) await mount(data, '1m', 'ro');
    else await chmod(data, 0o555);
    await refuses(data, /can't be used|cannot be used|read-only/);
  }, 60_000);

  test('with options or variables that mean nothing says which', async () => {
    for (const [args, env, said] of [
      [['--port', 'abc'], {}, /--port takes a number/],
      [['--colour'], {}, /--colour.*Usage/s],
      [['--sample-scale', '7'], {}, /--sample-scale takes/],
      [noSample, { KHUE_LOG_REQUESTS: 'loud' }, /KHUE_LOG_REQUESTS/],
      [noSample, { KHUE_QUOTA_PORT: 'x' }, /KHUE_QUOTA_PORT/],
    ] as const) {
      const cli = await startCli({ data: join(base, 'không đến'), args, env });
      expect([(await cli.exited).code, cli.errors().trim().split('\n').length], cli.errors()).toEqual([2, 1]);
      expect(cli.errors()).toMatch(said);
    }
  }, 60_000);
});

/** A disk of its own, of that size. */
const mount = async (folder: string, size: string, ...options: string[]): Promise<void> => {
  await execute('mount', ['-t', 'tmpfs', '-o', [`size=${size}`, ...options].join(','), 'tmpfs', folder]);
  mounted.push(folder);
};

describe('a full disk', () => {
  const disk = (): string => join(base, 'đĩa nhỏ');
  const filler = (): string => join(disk(), 'lấp đầy');
  const post = async (cli: Cli, token: string, number: string): Promise<{ status: number; body: any }> => {
    const answer = await fetch(`${cli.address}/api/registry/v1/documents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': number },
      body: JSON.stringify({ number, issuer: 'Ban Tổ chức', issuedOn: '2026-01-05', governs: 'grants', title: 'x'.repeat(500) }),
    });
    return { status: answer.status, body: await answer.json() };
  };
  const numbersOf = async (cli: Cli): Promise<string[]> => {
    const answer = await fetch(`${cli.address}/api/registry/v1/documents?limit=200`, {
      headers: { authorization: `Bearer ${await tokenOf(cli, 'board')}` },
    });
    return ((await answer.json()) as { items: { number: string }[] }).items.map(({ number }) => number).sort();
  };

  if (!isRoot) {
    test('not run here: only root can mount a disk small enough to be filled', () => expect(isRoot).toBe(false));
    return;
  }

  test('at the first start is one sentence, and with more space the next start works', async () => {
    await mkdir(disk());
    for (const size of ['1m', '24m', '60m']) {
      if (mounted.includes(disk())) await execute('mount', ['-o', `remount,size=${size}`, disk()]);
      else await mount(disk(), size);
      const cli = await startCli({ data: join(disk(), 'dữ liệu'), args: noSample });
      await expectSentence(cli, /is full: free some space and start again/);
      await expectGone(cli);
    }
    await execute('mount', ['-o', 'remount,size=600m', disk()]);
    const cli = await started(join(disk(), 'dữ liệu'), { args: noSample });
    expect((await post(cli, await tokenOf(cli, 'board'), 'QD-1')).status).toBe(201);
    await cli.end('SIGINT');
  }, 120_000);

  /** Fills the disk and writes until that is refused three times; the numbers that were acknowledged before. */
  const writeUntilFull = async (cli: Cli, name: string): Promise<string[]> => {
    const token = await tokenOf(cli, 'board');
    await shell(`dd if=/dev/zero of='${filler()}' bs=64k 2>/dev/null; true`);
    const acknowledged: string[] = [];
    const refused: unknown[] = [];
    for (let place = 0; place < 2_000 && refused.length < 3; place += 1) {
      const { status, body } = await post(cli, token, `${name}.${place}`);
      if (status === 201) acknowledged.push(`${name}.${place}`);
      else refused.push([status, body.code, body.detail.en]);
    }
    expect(refused).toEqual(Array.from({ length: 3 }, () => [503, 'disk-full', expect.stringContaining('Nothing was written')]));
    return acknowledged;
  };

  test('while it runs refuses writes for that reason, goes on when there is space again, and loses nothing it acknowledged', async () => {
    const data = join(disk(), 'dữ liệu');
    let cli = await started(data, { args: noSample, env: { KHUE_LOG_REQUESTS: 'all' } });
    const acknowledged = await writeUntilFull(cli, 'QD-2');
    // Reading goes on meanwhile, and the log did not stop the process.
    expect(await numbersOf(cli)).toEqual(['QD-1', ...acknowledged].sort());
    await rm(filler());
    expect((await post(cli, await tokenOf(cli, 'board'), 'QD-3')).status).toBe(201);

    acknowledged.push('QD-1', 'QD-3', ...(await writeUntilFull(cli, 'QD-4')));
    await cutPower(cli);
    cli = await startCli({ data, args: noSample });
    const outcome = await Promise.race([cli.line(ready).catch(() => 'ended'), cli.exited.then(() => 'ended')]);
    if (outcome === 'ended') await expectSentence(cli, /full: free some space and start again/);
    else await cutPower(cli);

    await rm(filler());
    cli = await started(data, { args: noSample });
    expect(await numbersOf(cli)).toEqual(acknowledged.sort());
    expect(await cli.end('SIGINT')).toEqual({ code: 0, signal: null });
  }, 180_000);
});

describe('an ordinary user', () => {
  if (!isRoot) {
    test('is who runs this whole file', () => expect(isRoot).toBe(false));
    return;
  }

  test('starts and stops it like root, on a folder of its own, and keeps root’s folder out of reach', async () => {
    const home = await mkdtemp(join(tmpdir(), 'khue người thường '));
    await chown(home, 65_534, 65_534);
    const through = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];
    const data = join(home, 'dữ liệu');
    const cli = await started(data, { through, args: ['--sample-scale', '0.0001'] });
    expect((await stat(join(data, 'postgres'))).uid).toBe(65_534);
    expect(JSON.parse(await reportOf(cli)).lines.length).toBe(8);
    expect(await cli.end('SIGINT')).toEqual({ code: 0, signal: null });
    await expectGone(cli);
    await expectSentence(await startCli({ data: city, through, args: noSample }), /can't be used|cannot be used/);
    await rm(home, { recursive: true, force: true });
  }, 120_000);
});
