import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.ts';
import { StartProblem, systemCode } from '../start-problem.ts';
import { run } from './binaries.ts';
import type { Account, Binaries } from './binaries.ts';

const draftPrefix = '.postgres-new-';

/** Makes the folder and sees that it can be written. StartProblem when it is not a folder, read-only, or someone else's. */
export async function openFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    const probe = join(folder, `.probe-${process.pid}-${randomBytes(6).toString('hex')}`);
    await writeFile(probe, '', { flag: 'wx' });
    await rm(probe, { force: true });
  } catch (error) {
    throw folderProblem(folder, error);
  }
}

/** Whether the folder holds data. StartProblem when what is there is not PostgreSQL's, or of another major version. */
export async function hasData(folder: string, binaries: Pick<Binaries, 'major'>): Promise<boolean> {
  const data = join(folder, 'postgres');
  let version: string;
  try {
    version = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw folderProblem(folder, error);
    const inside = await readdir(data).catch((problem: unknown) => {
      if (systemCode(problem) === 'ENOENT') return [];
      throw folderProblem(folder, problem);
    });
    if (inside.length === 0) return false;
    throw new StartProblem('folder-unusable', {
      vi: `${data} có tệp nhưng không phải dữ liệu PostgreSQL: chọn thư mục khác hoặc chuyển các tệp ấy đi.`,
      en: `${data} holds files but they are not PostgreSQL's data: choose another folder or move those files away.`,
    });
  }
  if (version === binaries.major) return true;
  throw new StartProblem('other-version', {
    vi: `Dữ liệu trong ${data} thuộc PostgreSQL ${version}, chương trình này mang theo PostgreSQL ${binaries.major}: nâng cấp dữ liệu bằng pg_upgrade, hoặc chọn thư mục khác.`,
    en: `The data in ${data} belong to PostgreSQL ${version} and this program brings PostgreSQL ${binaries.major}: upgrade them with pg_upgrade, or choose another folder.`,
  });
}

/**
 * Runs initdb beside the final place and renames: whoever is killed meanwhile leaves a draft, never half a data folder. Of two that do this at once
 * the first rename wins and the other's draft is thrown away.
 */
export async function createData(folder: string, binaries: Binaries, account: Account, superuserPassword: string): Promise<void> {
  const draft = join(folder, `${draftPrefix}${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(draft, { mode: 0o700 });
    const passwordFile = join(draft, 'password');
    await writeFile(passwordFile, `${superuserPassword}\n`, { mode: 0o600 });
    if (account.uid !== undefined && account.gid !== undefined) {
      await chown(passwordFile, account.uid, account.gid);
      await chown(draft, account.uid, account.gid);
    }
    const outcome = await run(account, binaries.initdb, [
      ...['--pgdata', join(draft, 'data'), '--username', 'postgres', '--pwfile', passwordFile, '--auth', 'scram-sha-256'],
      ...['--encoding', 'UTF8', '--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8', '--no-instructions'],
    ]);
    if (outcome.code !== 0) {
      if (await hasData(folder, binaries)) return;
      throw initdbProblem(folder, outcome.stderr);
    }
    await rename(join(draft, 'data'), join(folder, 'postgres'));
    await syncFolder(folder);
  } catch (error) {
    if (error instanceof StartProblem) throw error;
    // ENOTEMPTY and EEXIST: the other one was first. ENOENT: the other one has swept the draft away already.
    if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(systemCode(error)) && (await hasData(folder, binaries))) return;
    throw folderProblem(folder, error);
  } finally {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Removes what killed starts left. Only for the one who holds the folder's lock: then nobody else's draft can be of use any more. */
export async function sweepLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(draftPrefix) && !name.startsWith('postgres.secret.') && !name.startsWith('.probe-')) continue;
    // A rival may still be writing into its draft, or remove it itself; the next start sweeps what stays.
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** What a failed system call on the folder means for the operator. */
export function folderProblem(folder: string, error: unknown): StartProblem {
  const code = systemCode(error);
  const texts: Record<string, [string, string]> = {
    ENOTDIR: ['đó không phải là thư mục', 'it is not a folder'],
    EEXIST: ['đó không phải là thư mục', 'it is not a folder'],
    EACCES: ['người dùng này không có quyền', 'this user has no permission'],
    EPERM: ['người dùng này không có quyền', 'this user has no permission'],
    EROFS: ['ổ đĩa chỉ cho đọc', 'the disk is read-only'],
    ENOENT: ['không tạo được thư mục ở đó', 'no folder can be made there'],
  };
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(folder, error);
  const [vi, en] = texts[code] ?? [`hệ điều hành báo ${code || 'lỗi'}`, `the operating system says ${code || 'no'}`];
  return new StartProblem(
    'folder-unusable',
    { vi: `Không dùng được thư mục dữ liệu ${folder}: ${vi}.`, en: `The data folder ${folder} cannot be used: ${en}.` },
    { cause: error },
  );
}

export function diskFull(folder: string, cause?: unknown): StartProblem {
  return new StartProblem(
    'disk-full',
    { vi: `Ổ đĩa của ${folder} đã đầy: giải phóng chỗ rồi khởi động lại.`, en: `The disk of ${folder} is full: free some space and start again.` },
    { cause },
  );
}

function initdbProblem(folder: string, stderr: string): StartProblem {
  if (/No space left|quota exceeded/i.test(stderr)) return diskFull(folder);
  const said = stderr.split('\n').find((line) => /error|fatal/i.test(line)) ?? stderr.trim().split('\n').at(-1) ?? '';
  return new StartProblem('start-failed', {
    vi: `Không tạo được cơ sở dữ liệu trong ${folder}: initdb báo "${said.trim()}".`,
    en: `The database could not be created in ${folder}: initdb says "${said.trim()}".`,
  });
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the data the account's own, as the server demands: a copy made by root, or a restored backup, seldom is. */
export async function adoptData(folder: string, account: Account): Promise<void> {
  const data = join(folder, 'postgres');
  const { uid, mode } = await stat(data);
  if (account.uid !== undefined && uid !== account.uid) {
    const outcome = await run({ throughClosedFolders: false }, 'chown', ['-R', `${account.uid}:${account.gid}`, data]);
    if (outcome.code !== 0) throw folderProblem(folder, Object.assign(new Error(outcome.stderr), { code: 'EPERM' }));
  }
  if ((mode & 0o027) !== 0) await chmod(data, 0o700).catch((error: unknown) => Promise.reject(folderProblem(folder, error)));
}

/** The inode and device of the data, by which a process working in it is known whatever name it was given. */
export async function dataIdentity(folder: string): Promise<{ ino: number; dev: number }> {
  const { ino, dev } = await stat(join(folder, 'postgres'));
  return { ino, dev };
}
