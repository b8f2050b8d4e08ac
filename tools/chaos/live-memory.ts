import { signal } from './processes.ts';

/** What a process of node's can't do without at this moment, MB: its JavaScript heap after everything was collected, and what hangs on it outside. */
export interface LiveMemory {
  readonly heap: number;
  readonly external: number;
}

/** The environment of a process that will be asked: the port its inspector opens on at SIGUSR1. Until then it listens to nobody. */
export const inspectable = (port: number, nodeOptions: string | undefined): { readonly NODE_OPTIONS: string } => ({
  NODE_OPTIONS: `${nodeOptions ?? ''} --inspect-port=127.0.0.1:${port}`.trim(),
});

const patienceMs = 30_000;
const megabyte = 1_048_576;
/** Twice, with a turn between: what waits for a finalizer goes with the second one only. */
const collections = 2;

/** Has a process collect all its garbage and tell what is left. RSS would say what it once needed. */
export const liveMemoryOf = async (pid: number, port: number): Promise<LiveMemory> => {
  signal([pid], 'SIGUSR1');
  const session = await openSession(await addressOf(port));
  try {
    for (let n = 0; n < collections; n += 1) {
      await session.ask('HeapProfiler.collectGarbage');
      await session.ask('Runtime.evaluate', { expression: 'new Promise((turn) => setTimeout(turn, 50))', awaitPromise: true });
    }
    const { result } = await session.ask<{ result: { value: string } }>('Runtime.evaluate', {
      expression: 'JSON.stringify([process.memoryUsage(), process.pid])',
    });
    const [usage, answering] = JSON.parse(result.value) as [NodeJS.MemoryUsage, number];
    if (answering !== pid) throw new Error(`process ${answering} answers for ${pid}`);
    // `external` holds the array buffers.
    return { heap: usage.heapUsed / megabyte, external: usage.external / megabyte };
  } finally {
    session.close();
  }
};

/** The inspector opens a moment after the signal. */
const addressOf = async (port: number): Promise<string> => {
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/json/list`, { signal: AbortSignal.timeout(5_000) });
      const [target] = (await response.json()) as { webSocketDebuggerUrl: string }[];
      if (target) return target.webSocketDebuggerUrl;
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await new Promise((turn) => setTimeout(turn, 100));
  }
};

interface Session {
  ask<T>(method: string, params?: object): Promise<T>;
  close(): void;
}

const openSession = async (address: string): Promise<Session> => {
  const socket = new WebSocket(address);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const timer = setTimeout(() => socket.close(), patienceMs);
  const opened = Promise.withResolvers<void>();
  socket.addEventListener('open', () => opened.resolve());
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error } = JSON.parse(String(data)) as { id: number; result: unknown; error?: { message: string } };
    if (error) waiting.get(id)?.reject(new Error(error.message));
    else waiting.get(id)?.resolve(result);
    waiting.delete(id);
  });
  socket.addEventListener('close', () => {
    const gone = new Error(`the inspector at ${new URL(address).host} is gone`);
    opened.reject(gone);
    for (const { reject } of waiting.values()) reject(gone);
  });
  await opened.promise;
  let count = 0;
  return {
    ask: <T>(method: string, params: object = {}) => {
      const asked = Promise.withResolvers<unknown>();
      waiting.set((count += 1), asked);
      socket.send(JSON.stringify({ id: count, method, params }));
      return asked.promise as Promise<T>;
    },
    close: () => {
      clearTimeout(timer);
      socket.close();
    },
  };
};
