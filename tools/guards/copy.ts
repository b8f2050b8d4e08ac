import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceFiles } from './tree.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Copy {
  readonly root: string;
  write(path: string, text: string): void;
  remove(): void;
}

/** The sources and the settings of the guards in a folder of their own, with the installed packages and @khue/* leading into the copy. */
export const copySources = (): Copy => {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'khue-guards-')));
  const generated = readdirSync(join(root, 'apps'))
    .map((app) => `apps/${app}/src/generated`)
    .filter((folder) => existsSync(join(root, folder)));
  const settings = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
  for (const path of [...settings, ...generated, ...sourceFiles(root)]) {
    cpSync(join(root, path), join(copy, path), { recursive: true, force: true, errorOnExist: false });
  }
  mkdirSync(join(copy, 'node_modules/@khue'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@khue') symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name));
  }
  const ours = ['apps', 'libs'].flatMap((folder) => readdirSync(join(copy, folder)).map((name) => `${folder}/${name}`));
  // The last is what planted.ts writes: a service to name in violations.
  for (const folder of [...ours, 'infra', 'tools', 'apps/planted'])
    symlinkSync(join(copy, folder), join(copy, 'node_modules/@khue', folder.split('/').at(-1) as string));
  return {
    root: copy,
    write: (path, text) => {
      mkdirSync(dirname(join(copy, path)), { recursive: true });
      writeFileSync(join(copy, path), text);
    },
    remove: () => rmSync(copy, { recursive: true, force: true }),
  };
};

/** What a program of node_modules prints when run in `cwd`; its exit code is not asked, for findings make it non-zero. */
export const output = (cwd: string, program: string, ...args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(process.execPath, [join(root, 'node_modules', program), ...args], { cwd, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (stdout === '') reject(new Error(`${program} printed nothing: ${stderr}`, { cause: error }));
      else resolve(stdout);
    });
  });
