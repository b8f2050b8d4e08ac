import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** A window over the whole folder: its databases begin as copies of one template, and only what differs is kept. */
const windowLog = 27;

/** Bytes, as small as they get. */
export const compress = (bytes: Buffer): Buffer =>
  zstdCompressSync(bytes, {
    params: {
      [constants.ZSTD_c_compressionLevel]: 19,
      [constants.ZSTD_c_windowLog]: windowLog,
      [constants.ZSTD_c_enableLongDistanceMatching]: 1,
    },
  });

export const decompress = (bytes: Buffer): Buffer => zstdDecompressSync(bytes, { params: { [constants.ZSTD_d_windowLogMax]: windowLog } });

/** A folder with all that is in it, compressed. */
export const pack = async (folder: string): Promise<Buffer> => {
  const tar = spawn('tar', ['--sort=name', '--numeric-owner', '-C', folder, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [bytes] = await Promise.all([buffer(tar.stdout), ended(tar)]);
  return compress(bytes);
};

/** Puts a packed folder into an empty one. Whoever unpacks owns it; the product hands PostgreSQL's part to the account it runs under. */
export const unpack = async (packed: Buffer, folder: string): Promise<void> => {
  const tar = spawn('tar', ['--no-same-owner', '--same-permissions', '-C', folder, '-xf', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const end = ended(tar);
  tar.stdin.end(decompress(packed));
  await end;
};

const ended = async (tar: ReturnType<typeof spawn>): Promise<void> => {
  const [code] = (await once(tar, 'close')) as [number | null];
  if (code !== 0) throw new Error(`tar ended with ${code}`);
};

/** PostgreSQL's pages of its log. */
const pageBytes = 8_192;
/** ControlFileData of PostgreSQL 18: state, place of the last checkpoint, its timeline. */
const control = { state: 16, checkpoint: 32, timeline: 48, shutDown: 1 } as const;

/**
 * Takes out of a data folder that was stopped cleanly what a start doesn't read: the logs of the programs, and of PostgreSQL's log all but the pages with the
 * last checkpoint. Throws where the stop wasn't clean.
 */
export const trim = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) if (name.endsWith('.log') || name === 'kafka') await rm(join(folder, name), { recursive: true });
  const postgres = join(folder, 'postgres');
  const bytes = await readFile(join(postgres, 'global', 'pg_control'));
  if (bytes.readUInt32LE(control.state) !== control.shutDown) throw new Error(`${postgres} was not shut down cleanly`);
  const checkpoint = bytes.readBigUInt64LE(control.checkpoint);
  const wal = join(postgres, 'pg_wal');
  const segments = (await readdir(wal)).filter((name) => /^[0-9A-F]{24}$/.test(name));
  const { size } = await stat(join(wal, segments[0] ?? ''));
  const segment = checkpoint / BigInt(size);
  const perLog = 0x1_0000_0000n / BigInt(size);
  const last = [BigInt(bytes.readUInt32LE(control.timeline)), segment / perLog, segment % perLog]
    .map((part) => part.toString(16).toUpperCase().padStart(8, '0'))
    .join('');
  if (!segments.includes(last)) throw new Error(`${wal} lacks ${last}, which holds the last checkpoint`);
  for (const name of segments) if (name !== last) await rm(join(wal, name));
  const at = Math.floor(Number(checkpoint % BigInt(size)) / pageBytes) * pageBytes;
  const file = await open(join(wal, last), 'r+');
  try {
    const wipe = async (from: number, to: number): Promise<void> => {
      if (to > from) await file.write(Buffer.alloc(to - from), 0, to - from, from);
    };
    // The first page says whose log it is.
    await wipe(pageBytes, at);
    await wipe(Math.min(at + 2 * pageBytes, size), size);
  } finally {
    await file.close();
  }
};
