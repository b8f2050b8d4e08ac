import { createHash } from 'node:crypto';
import { importLimits } from './limits.ts';
import { FileRefused } from './refusals.ts';

/** Known once the bytes were read to their end. */
export interface FileTally {
  bytes: number;
  /** SHA-256 in hex of the file as sent. */
  hash: string;
}

const startsWith = (bytes: Uint8Array, ...signature: readonly number[]): boolean => signature.every((byte, place) => bytes[place] === byte);

/** Refuses what is no CSV by its first bytes: a workbook named .csv is common. */
const refuseOtherKinds = (first: Uint8Array): void => {
  if (startsWith(first, 0x50, 0x4b, 0x03, 0x04) || startsWith(first, 0x50, 0x4b, 0x05, 0x06)) throw new FileRefused('file-is-workbook');
  if (startsWith(first, 0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1)) throw new FileRefused('file-is-workbook');
  if (startsWith(first, 0x25, 0x50, 0x44, 0x46)) throw new FileRefused('file-is-pdf');
  if (startsWith(first, 0xff, 0xfe) || startsWith(first, 0xfe, 0xff)) throw new FileRefused('file-is-utf16');
  const text = Buffer.from(first.buffer, first.byteOffset, Math.min(first.length, HEAD))
    .toString('latin1')
    .replace(/^\u00ef\u00bb\u00bf/, '');
  if (/^\s*<(?:!|\?xml|html|head|body|meta|table)/i.test(text)) throw new FileRefused('file-is-html');
};

/** Enough to tell the kind of a file. */
const HEAD = 512;
const BOM = [0xef, 0xbb, 0xbf] as const;

/**
 * The bytes of an upload in slices, without the byte order mark, counted and hashed into `tally`. Throws FileRefused on anything but UTF-8 text, on the
 * first slice that shows it.
 */
export async function* textBytes(source: AsyncIterable<Uint8Array>, tally: FileTally): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const checked = (slice: Uint8Array): Uint8Array => {
    if (slice.includes(0)) throw new FileRefused('file-has-nul');
    utf8(() => decoder.decode(slice, { stream: true }));
    return slice;
  };
  let held: Uint8Array | undefined = new Uint8Array(0);
  for await (const bytes of source) {
    hash.update(bytes);
    tally.bytes += bytes.length;
    if (tally.bytes > importLimits.fileBytes) throw new FileRefused('file-too-large', { megabytes: importLimits.fileBytes / 1_048_576 });
    if (held) {
      held = Buffer.concat([held, bytes]);
      if (held.length < HEAD) continue;
    }
    for (const slice of slices(held ? begin(held) : bytes)) yield checked(slice);
    held = undefined;
  }
  if (tally.bytes === 0) throw new FileRefused('file-empty');
  if (held) for (const slice of slices(begin(held))) yield checked(slice);
  // A character cut off by the end of the file.
  utf8(() => decoder.decode());
  tally.hash = hash.digest('hex');
}

const begin = (head: Uint8Array): Uint8Array => {
  refuseOtherKinds(head);
  return startsWith(head, ...BOM) ? head.subarray(BOM.length) : head;
};

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += importLimits.sliceBytes) yield bytes.subarray(at, at + importLimits.sliceBytes);
}

const utf8 = (decode: () => void): void => {
  try {
    decode();
  } catch {
    throw new FileRefused('file-not-utf8');
  }
};
