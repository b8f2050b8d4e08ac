import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { importLimits, importWaits } from './limits.ts';
import { FileRefused } from './refusals.ts';

/** The file part of a multipart request, or any bytes. `truncated` is how the multipart parser says that its own limit cut the file. */
export type Upload = AsyncIterable<Uint8Array> & { readonly truncated?: boolean };

/** The bytes of an upload. Throws FileRefused `upload-incomplete` where the client is cut off or sends nothing for 30 s, or takes longer than two hours: half a file is no file. */
export async function* uploadBytes(upload: Upload): AsyncGenerator<Uint8Array> {
  const bytes = upload[Symbol.asyncIterator]();
  const latest = performance.now() + importWaits.upload;
  let ended = false;
  try {
    for (;;) {
      const next = await soon(bytes.next());
      if (next.done) {
        ended = true;
        break;
      }
      if (performance.now() > latest) throw new FileRefused('upload-incomplete');
      yield next.value;
    }
  } finally {
    // Not awaited: a stream that hangs may never answer.
    if (!ended) bytes.return?.().catch(() => undefined);
  }
  if (upload.truncated) throw new FileRefused('file-too-large', { megabytes: importLimits.fileBytes / 1_048_576 });
}

const soon = async <T>(next: Promise<T>): Promise<T> => {
  const idle = new AbortController();
  try {
    return await Promise.race([
      next,
      wait(importWaits.uploadIdle, undefined, { signal: idle.signal, ref: false }).then(() => Promise.reject(new Error('idle'))),
    ]);
  } catch {
    throw new FileRefused('upload-incomplete');
  } finally {
    idle.abort();
  }
};

/** Bytes on their way, and the print of those that have passed: their number and SHA-256. */
export interface Printed {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly print: () => string;
}

export const printed = (source: AsyncIterable<Uint8Array>): Printed => {
  const hash = createHash('sha256');
  let length = 0;
  const pass = async function* (): AsyncGenerator<Uint8Array> {
    for await (const bytes of source) {
      hash.update(bytes);
      length += bytes.length;
      yield bytes;
    }
  };
  return { bytes: pass(), print: () => `${length}:${hash.copy().digest('hex')}` };
};

/** Whether a file is the one that was printed, as far as that was read: to its end, or to where it was refused. */
export const isPrintOf = async (print: string, source: AsyncIterable<Uint8Array>): Promise<boolean> => {
  const [length = '', digest = ''] = print.includes(':') ? print.split(':') : ['Infinity', print];
  const hash = createHash('sha256');
  let left = Number(length);
  for await (const bytes of source) {
    hash.update(bytes.subarray(0, left));
    left -= Math.min(left, bytes.length);
    if (left === 0) break;
  }
  return hash.digest('hex') === digest;
};
