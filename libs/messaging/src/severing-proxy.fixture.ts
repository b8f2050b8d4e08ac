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
  /** From now on connections are taken and nothing passes, in either direction, as with a server that is frozen; `thaw` lets what has waited pass. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

// A message of its own: what the relay sends in one trip ends with a COMMIT too.
const commit = 'Q\0\0\0\u000bcommit\0';

/** Stands before a PostgreSQL server and loses connections at COMMIT, or says nothing any more, on demand. */
export const severingProxy = async (target: string): Promise<SeveringProxy> => {
  const server = new URL(target);
  const sockets = new Set<Socket>();
  let armed: 'before-server' | 'after-server' | undefined;
  let severed = 0;
  let closing = false;
  let down = false;
  let frozen = false;
  const proxy = createServer((client) => {
    if (down) return void client.destroy();
    const upstream = connect(Number(server.port), server.hostname);
    let cut = false;
    if (frozen) [client, upstream].forEach((socket) => socket.pause());
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
      if (armed && chunk.includes(commit)) {
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
    sever: (where) => {
      armed = where;
    },
    severForGood: (where) => {
      armed = where;
      closing = true;
    },
    severed: () => severed,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    freeze: () => {
      frozen = true;
      sockets.forEach((socket) => socket.pause());
    },
    thaw: () => {
      frozen = false;
      sockets.forEach((socket) => socket.resume());
    },
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((closed) => proxy.close(closed));
    },
  };
};
