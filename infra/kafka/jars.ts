import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StartProblem, systemCode } from '../start-problem.ts';

const pom = fileURLToPath(new URL('./pom.xml', import.meta.url));

/** The Kafka version that pom.xml names. */
export async function kafkaVersion(): Promise<string> {
  const version = /<kafka\.version>([\w.]+)<\/kafka\.version>/.exec(await readFile(pom, 'utf8'))?.[1];
  if (!version) throw new Error(`no kafka.version in ${pom}`);
  return version;
}

/** Where the jars are kept between starts unless the caller says otherwise. */
export async function defaultCache(): Promise<string> {
  return join(tmpdir(), `khue-kafka-${await kafkaVersion()}`);
}

/** Whether the jars are there and nobody else could have put them there: the temporary folder is everybody's, and these get executed. */
export async function hasJars(cache: string): Promise<boolean> {
  const found = await stat(cache).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (!found) return false;
  const uid = process.getuid?.();
  if ((uid !== undefined && uid !== 0 && found.uid !== uid && found.uid !== 0) || (uid === 0 && found.uid !== 0) || (found.mode & 0o022) !== 0) {
    throw new StartProblem('folder-unusable', {
      vi: `Thư mục ${cache} chứa chương trình Kafka nhưng người khác có thể ghi vào: xóa nó rồi khởi động lại.`,
      en: `The folder ${cache} holds Kafka's program but someone else could have written it: remove it and start again.`,
    });
  }
  const version = await kafkaVersion();
  return (await readdir(cache)).includes(`kafka_2.13-${version}.jar`);
}

/**
 * Downloads the jars once (44 MB, through Maven's own settings) and moves them into place in one step: a killed download leaves no half cache, and of
 * two at the same time the first one's stays.
 */
export async function fetchJars(cache: string, mvn: string, log: (line: string) => void): Promise<void> {
  if (await hasJars(cache)) return;
  log('downloading Kafka by Maven, once');
  const draft = `${cache}.new-${process.pid}-${randomBytes(6).toString('hex')}`;
  const stillBusy = setInterval(() => log('still downloading Kafka'), 4_000);
  try {
    await mkdir(join(draft, 'jars'), { recursive: true, mode: 0o755 });
    // A copy, because Maven may write beside the file it reads.
    await copyFile(pom, join(draft, 'pom.xml'));
    await copyDependencies(mvn, draft);
    await rename(join(draft, 'jars'), cache);
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(systemCode(error)) && (await hasJars(cache))) return;
    throw error;
  } finally {
    clearInterval(stillBusy);
    await rm(draft, { recursive: true, force: true });
  }
}

function copyDependencies(mvn: string, folder: string): Promise<void> {
  const args = ['-B', '-q', '-f', join(folder, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'jars')}`];
  return new Promise((resolve, reject) => {
    execFile(mvn, args, { cwd: folder, timeout: 600_000 }, (error, stdout) => {
      if (!error) return resolve();
      const said =
        stdout
          .split('\n')
          .find((line) => line.includes('ERROR'))
          ?.trim() ?? error.message;
      reject(
        new StartProblem(
          'start-failed',
          {
            vi: `Maven không tải được Kafka (${said}): kiểm tra mạng hoặc cấu hình kho của Maven.`,
            en: `Maven could not download Kafka (${said}): check the network or Maven's settings.`,
          },
          { cause: error },
        ),
      );
    });
  });
}
