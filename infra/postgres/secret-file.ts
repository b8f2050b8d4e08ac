import { randomBytes } from 'node:crypto';
import { chown, link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StartProblem, systemCode } from '../start-problem.ts';
import type { DatabaseSecret } from './provision.ts';

export type Secret = { superuser: string; databases: Record<string, DatabaseSecret> };

/**
 * Reads the passwords of a data folder, making the file (mode 600) when it is not there. Of two that make it at once both get the same, because the
 * password goes into initdb and only one initdb is kept.
 */
export async function openSecret(folder: string, hasData: boolean): Promise<Secret> {
  const path = secretPath(folder);
  const existing = await read(path);
  if (existing) return existing;
  if (hasData) {
    throw new StartProblem('secret-unusable', {
      vi: `Có dữ liệu trong ${join(folder, 'postgres')} nhưng thiếu tệp mật khẩu ${path}: khôi phục tệp ấy từ bản sao lưu, hoặc chuyển dữ liệu đi nơi khác.`,
      en: `There is data in ${join(folder, 'postgres')} but its password file ${path} is missing: restore it from a backup, or move the data away.`,
    });
  }
  const fresh: Secret = { superuser: password(), databases: {} };
  const draft = await writeDraft(path, fresh);
  try {
    // link, unlike rename, fails when the name exists: the first one stays.
    await link(draft, path);
    return fresh;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return (await read(path)) ?? fresh;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Adds passwords for databases that have none yet. Only for the one who holds the folder's lock. */
export async function addDatabases(folder: string, secret: Secret, names: readonly string[]): Promise<Secret> {
  const missing = names.filter((name) => !secret.databases[name]);
  if (missing.length === 0) return secret;
  const added = Object.fromEntries(missing.map((name) => [name, { owner: password(), app: password() }]));
  const next: Secret = { ...secret, databases: { ...secret.databases, ...added } };
  const path = secretPath(folder);
  const { uid, gid } = await stat(path);
  const draft = await writeDraft(path, next);
  // Root works in the folder of another user now and then; that user must still be able to read it afterwards.
  if (process.getuid?.() === 0) await chown(draft, uid, gid);
  await rename(draft, path);
  return next;
}

function secretPath(folder: string): string {
  return join(folder, 'postgres.secret');
}

async function read(path: string): Promise<Secret | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unusable(path, error);
  }
  try {
    const value = JSON.parse(text) as Partial<Secret>;
    if (typeof value.superuser !== 'string' || typeof value.databases !== 'object') throw new Error('fields are missing');
    return { superuser: value.superuser, databases: value.databases };
  } catch (error) {
    // The parser's message quotes the text, which is the password.
    throw unusable(path, error instanceof SyntaxError ? undefined : error);
  }
}

function unusable(path: string, cause: unknown): StartProblem {
  return new StartProblem(
    'secret-unusable',
    {
      vi: `Không đọc được tệp mật khẩu ${path}: kiểm tra quyền đọc, hoặc khôi phục tệp từ bản sao lưu.`,
      en: `The password file ${path} cannot be read: check who may read it, or restore it from a backup.`,
    },
    { cause },
  );
}

async function writeDraft(path: string, secret: Secret): Promise<string> {
  const draft = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(secret, null, 2)}\n`);
    // A power cut after the rename must not leave an empty file: the data would be locked away.
    await file.sync();
  } finally {
    await file.close();
  }
  return draft;
}

function password(): string {
  return randomBytes(24).toString('base64url');
}
