import { randomBytes } from 'node:crypto';
import { link, open, readFile, rm, stat } from 'node:fs/promises';
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
    return { path: folder, identityKey: (await readKey(folder, file)) ?? (await makeKey(folder, file)) };
  } catch (error) {
    if (error instanceof StartProblem) throw error;
    throw unusable(folder, systemCode(error), error);
  }
};

const readKey = async (folder: string, file: string): Promise<string | undefined> => {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const known = parsed(text);
  if (typeof known?.layout === 'number' && known.layout > layout) throw otherLayout(folder, known.layout);
  if (typeof known?.layout !== 'number' || typeof known.identityKey !== 'string' || known.identityKey.length < 32)
    throw keyUnusable(file, 'bị hỏng', 'is damaged');
  return known.identityKey;
};

const parsed = (text: string): { readonly layout?: unknown; readonly identityKey?: unknown } | undefined => {
  try {
    return (JSON.parse(text) as object | null) ?? undefined;
  } catch {
    // Its caller says that the file is damaged; the parser's words would quote the key.
    return undefined;
  }
};

const makeKey = async (folder: string, file: string): Promise<string> => {
  // Under a new key the people in the data would not be found again by their numbers, and nothing would tell.
  if (await stat(join(folder, 'postgres', 'PG_VERSION')).catch(() => undefined))
    throw keyUnusable(file, 'không còn, trong khi dữ liệu vẫn còn', 'is gone, while the data are there');
  const identityKey = randomBytes(32).toString('base64url');
  const draft = `${file}.${process.pid}`;
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(JSON.stringify({ layout, identityKey }));
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    // Unlike rename it fails where the file exists: of two first starts both go on with the key of one.
    await link(draft, file);
    return identityKey;
  } catch (error) {
    const others = systemCode(error) === 'EEXIST' ? await readKey(folder, file) : undefined;
    if (others === undefined) throw error;
    return others;
  } finally {
    await rm(draft, { force: true });
  }
};

const keyUnusable = (file: string, vi: string, en: string): StartProblem =>
  new StartProblem('secret-unusable', {
    vi: `Tệp khóa ${file} ${vi}: khôi phục tệp ấy từ bản sao lưu, hoặc chọn thư mục dữ liệu khác bằng --data.`,
    en: `The key file ${file} ${en}: restore it from a backup, or choose another data folder with --data.`,
  });

const otherLayout = (folder: string, found: number): StartProblem =>
  new StartProblem('other-version', {
    vi: `Thư mục dữ liệu ${folder} thuộc phiên bản mới hơn (${found}): hãy dùng đúng phiên bản chương trình, hoặc chọn thư mục khác.`,
    en: `The data folder ${folder} belongs to a newer version (${found}): use that version of the program, or choose another folder.`,
  });

/** The sentence for a failure that the folder's disk is to blame for, else undefined. PostgreSQL says 53100 for a full disk. */
export const whyUnusable = (folder: string, error: unknown): StartProblem | undefined => {
  if (['ENOSPC', 'EDQUOT', '53100'].includes(systemCode(error))) return unusable(folder, 'ENOSPC', error);
  return error instanceof Error && error.cause !== undefined ? whyUnusable(folder, error.cause) : undefined;
};

const unusable = (folder: string, code: string, cause: unknown): StartProblem =>
  code === 'ENOSPC'
    ? new StartProblem(
        'disk-full',
        {
          vi: `Hết chỗ trên đĩa chứa ${folder}: giải phóng chỗ rồi khởi động lại.`,
          en: `The disk that holds ${folder} is full: free some space and start again.`,
        },
        { cause },
      )
    : new StartProblem(
        'folder-unusable',
        {
          vi: `Không dùng được thư mục dữ liệu ${folder} (${code || 'lỗi hệ thống'}): kiểm tra quyền ghi, hoặc chọn thư mục khác bằng --data.`,
          en: `The data folder ${folder} can't be used (${code || 'system error'}): check that it can be written, or choose another with --data.`,
        },
        { cause },
      );
