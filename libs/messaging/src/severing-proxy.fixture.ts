import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface SeveringProxy {
  readonly url: string;
  /** The next COMMIT that passes is the last of its connection: it reaches the server or not, and its answer never comes back. */
  sever(commit: 'before-server' | 'after-server'): void;
  /** As `sever`, and nobody gets through afterwards. */
  severForGood(commit: 'before-server' | 'after-server'): void;
  severed(): number;
  /** Breaks all connections now. */
  cut(): void;
  close(): Promise<void>;
}

/** Stands before a PostgreSQL server and loses connections at COMMIT on demand. */
export const severingProxy = async (target: string): Promise<SeveringProxy> => {
  const server = new URL(target);
  const sockets = new Set<Socket>();
  let armed: 'before-server' | 'after-server' | undefined;
  let severed = 0;
  let closing = false;
  let down = false;
  const proxy = createServer((client) => {
    if (down) return void client.destroy();
    const upstream = connect(Number(server.port), server.hostname);
    let cut = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
    }
    client.on('data', (chunk) => {
      if (armed && chunk.includes('commit\0')) {
        cut = true;
        severed += 1;
        const where = armed;
        armed = undefined;
        down = closing;
        if (where === 'before-server') return void client.destroy();
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => (cut ? client.destroy() : client.write(chunk)));
  });
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((proxy.address() as AddressInfo).port);
  return {
    url: url.href,
    sever: (commit) => {
      armed = commit;
    },
    severForGood: (commit) => {
      armed = commit;
      closing = true;
    },
    severed: () => severed,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((closed) => proxy.close(closed));
    },
  };
};
