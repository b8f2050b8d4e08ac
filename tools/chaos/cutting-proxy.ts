import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface CuttingProxy {
  readonly port: number;
  /** From now on this share of the answers never arrives: the other side has sent them, and the connection breaks. 0 lets all pass. */
  lose(share: number): void;
  lost(): number;
  close(): Promise<void>;
}

export interface ProxyOptions {
  readonly port: number;
  readonly to: { readonly host: string; readonly port: number };
  readonly chance: () => number;
  /** Whether this piece of what a caller sends asks for an answer that may be lost; every piece does unless told. */
  readonly asks?: (sent: Buffer) => boolean;
}

/** Stands on the way to a server and loses answers on demand. */
export const cuttingProxy = async ({ port, to, chance, asks = () => true }: ProxyOptions): Promise<CuttingProxy> => {
  const sockets = new Set<Socket>();
  let share = 0;
  let lost = 0;
  const server = createServer({ noDelay: true }, (caller) => {
    const callee = connect({ ...to, noDelay: true });
    // One chance for each answer, however many pieces it comes in.
    let isAsked = false;
    for (const socket of [caller, callee]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(socket);
          caller.destroy();
          callee.destroy();
        });
    }
    caller.on('data', (sent) => {
      isAsked ||= asks(sent);
      pass(sent, caller, callee);
    });
    callee.on('data', (answer) => {
      if (isAsked && share > 0 && chance() < share) {
        lost += 1;
        caller.destroy();
        return;
      }
      isAsked = false;
      pass(answer, callee, caller);
    });
  });
  await new Promise<void>((listening, failed) => server.once('error', failed).listen(port, '127.0.0.1', listening));
  return {
    port: (server.address() as AddressInfo).port,
    lose: (wanted) => {
      share = wanted;
    },
    lost: () => lost,
    close: async () => {
      const closed = new Promise((done) => server.close(done));
      sockets.forEach((socket) => socket.destroy());
      await closed;
    },
  };
};

const pass = (piece: Buffer, from: Socket, to: Socket): void => {
  if (to.write(piece)) return;
  from.pause();
  to.once('drain', () => from.resume());
};
