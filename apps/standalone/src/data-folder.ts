import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeFolder } from '@khue/infra/make-folder';
import { StartProblem, systemCode } from '@khue/infra/start-problem';

/** Layout of the data folder; a program refuses a folder of a newer layout than it knows. */
const layout = 1;

export interface DataFolder {
  readonly path: string;
  /** Key of the HMAC that stands for identity numbers; made once, lost with the folder. */
  readonly identityKey: string;
}

/** Opens the folder that holds everything which survives a restart. Throws StartProblem: one sentence. */
export const openDataFolder = async (path: string): Promise<DataFolder> => {
  const folder = resolve(path);
  try {
    await makeFolder(folder);
    const file = join(folder, 'khue.json');
    const known = await readFile(file, 'utf8').then((text) => JSON.parse(text) as { layout: number; identityKey: string }, (error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (known && known.layout > layout) throw otherLayout(folder, known.layout);
    if (known) return { path: folder, identityKey: known.identityKey };
    const identityKey = randomBytes(32).toString('base64url');
    const beside = `${file}.${process.pid}`;
    await writeFile(beside, JSON.stringify({ layout, identityKey }), { mode: 0o600 });
    await rename(beside, file);
    return { path: folder, identityKey };
  } catch (error) {
    if (error instanceof StartProblem) throw error;
    throw unusable(folder, systemCode(error), error);
  }
};

const otherLayout = (folder: string, found: number): StartProblem =>
  new StartProblem('other-version', {
    vi: `Thư mục dữ liệu ${folder} thuộc phiên bản mới hơn (${found}): hãy dùng đúng phiên bản chương trình, hoặc chọn thư mục khác.`,
    en: `The data folder ${folder} belongs to a newer version (${found}): use that version of the program, or choose another folder.`,
  });

const unusable = (folder: string, code: string, cause: unknown): StartProblem =>
  code === 'ENOSPC'
    ? new StartProblem('disk-full', { vi: `Hết chỗ trên đĩa chứa ${folder}: giải phóng chỗ rồi khởi động lại.`, en: `The disk that holds ${folder} is full: free some space and start again.` }, { cause })
    : new StartProblem('folder-unusable', {
        vi: `Không dùng được thư mục dữ liệu ${folder} (${code || 'tệp khue.json hỏng'}): kiểm tra quyền ghi, hoặc chọn thư mục khác bằng --data.`,
        en: `The data folder ${folder} can't be used (${code || 'khue.json is damaged'}): check that it can be written, or choose another with --data.`,
      }, { cause });
