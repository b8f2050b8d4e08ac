import { parentPort, workerData } from 'node:worker_threads';
import type { Layout } from './layout.ts';
import { mailbox } from './mailbox.ts';
import { parseFile } from './parse-file.ts';
import type { FromWorker, ToWorker } from './parse-in-worker.ts';
import { FileRefused } from './refusals.ts';

// The whole of a worker: one file from its bytes to its chunks. At most one chunk waits here for the main thread to ask for it.
const port = parentPort;
if (!port) throw new Error('parse-worker runs as a worker');
const send = (message: FromWorker): void => port.postMessage(message);

const bytes = mailbox<Uint8Array | 'end'>();
const asked = mailbox<'more'>();
port.on('message', (message: ToWorker) => (message === 'more' ? asked.put(message) : bytes.put(message)));

async function* source(): AsyncGenerator<Uint8Array> {
  for (;;) {
    const next = await bytes.take();
    send({ kind: 'took' });
    if (next === 'end') return;
    yield next;
  }
}

try {
  const { layout } = (await import((workerData as { module: string }).module)) as { layout: Layout<unknown> };
  const file = await parseFile(source(), layout);
  send({ kind: 'head', layout: `${layout.id}@${layout.version}`, heading: file.heading, separator: file.separator });
  for await (const rows of file.chunks) {
    await asked.take();
    send({ kind: 'chunk', rows });
  }
  await asked.take();
  send({ kind: 'end', tally: file.tally });
} catch (error) {
  if (error instanceof FileRefused) send({ kind: 'refused', code: error.code, params: error.params });
  else throw error;
} finally {
  port.close();
}
