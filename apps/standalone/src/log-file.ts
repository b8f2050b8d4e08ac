import { writeSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';

/** Characters that may wait for a disk that doesn't take them; what comes beyond is dropped. */
const longestQueue = 1_048_576;
/** Bytes after which the file is set aside as `<path>.1`, in the place of the one before: logs take twice this at most. */
export const longestLog = 64 * 1_048_576;

export interface LogFile {
  write(line: string): void;
  close(): Promise<void>;
}

/**
 * A file that lines are added to without waiting for it. Where the disk is full lines are lost and the work goes on: the stream that pino brings ends the process
 * for it, and then tries for ever to write its last lines, so that neither the work nor the end comes. Throws Node's system error when it can't be opened.
 */
export const openLogFile = async (path: string, longest = longestLog): Promise<LogFile> => {
  const openFile = () => open(path, 'a', 0o600);
  let handle = await openFile();
  let { size } = await handle.stat();
  let queue: string[] = [];
  let queued = 0;
  let pumping: Promise<void> | undefined;
  let torn = false;
  const setAside = async (): Promise<void> => {
    await rename(path, `${path}.1`);
    const next = await openFile();
    await handle.close();
    handle = next;
    size = 0;
  };
  const pump = async (): Promise<void> => {
    while (queue.length > 0) {
      const text = `${torn ? '\n' : ''}${queue.join('')}`;
      queue = [];
      queued = 0;
      try {
        await handle.appendFile(text);
        torn = false;
        size += Buffer.byteLength(text);
        if (size > longest) await setAside();
      } catch {
        // Nobody is left to tell; a part of a line may stand in the file now.
        torn = true;
      }
    }
    pumping = undefined;
  };
  /** Once, whatever comes of it. */
  const last = (): void => {
    try {
      writeSync(handle.fd, queue.join(''));
    } catch {
      queue = [];
    }
  };
  process.once('exit', last);
  return {
    write: (line) => {
      if (queued + line.length > longestQueue) return;
      queue.push(line);
      queued += line.length;
      pumping ??= pump();
    },
    close: async () => {
      await pumping;
      process.off('exit', last);
      await handle.close();
    },
  };
};
