import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A disk of its own for a folder. */
export interface SmallDisk {
  /** From now on it takes nothing more. */
  fill(): Promise<void>;
  free(): Promise<void>;
  unmount(): Promise<void>;
}

/** A limit and not a size: memory goes for what is written only. */
const roomy = '6g';
const tries = 20;

/** Mounts a tmpfs on the folder. Rejects where that is not allowed. */
export const mountSmallDisk = async (folder: string): Promise<SmallDisk> => {
  const resize = (size: string): Promise<unknown> => execute('mount', ['-o', `remount,size=${size}`, folder]);
  await execute('mount', ['-t', 'tmpfs', '-o', `size=${roomy}`, 'tmpfs', folder]);
  return {
    // The disk becomes as small as what lies on it: full like any other, and no memory goes for the filling.
    fill: async () => {
      for (let left = tries; ; left -= 1) {
        const { blocks, bfree, bsize } = await statfs(folder);
        try {
          await resize(String((blocks - bfree) * bsize));
          return;
        } catch (error) {
          // Something was written since it was measured.
          if (left === 0) throw error;
        }
      }
    },
    free: async () => void (await resize(roomy)),
    unmount: async () => void (await execute('umount', [folder])),
  };
};
