import { connect } from 'node:net';

// Request: length, api key 18 (ApiVersions), api version 0, correlation id, client id (none). Every broker answers version 0, without sign-in.
const correlation = 0x6b687565;
const request = Buffer.alloc(14);
request.writeInt32BE(10, 0);
request.writeInt16BE(18, 4);
request.writeInt16BE(0, 6);
request.writeInt32BE(correlation, 8);
request.writeInt16BE(-1, 12);

/** Whether a Kafka broker answers there within `ms`. An open port is not enough: it opens before the broker serves. */
export function answersKafka(host: string, port: number, ms = 1_000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let received = Buffer.alloc(0);
    const end = (answer: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    // For the whole exchange: a frozen broker accepts and says nothing.
    const timer = setTimeout(() => end(false), ms);
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.once('connect', () => socket.write(request));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      // Answer: length, the same correlation id, error code.
      if (received.length >= 10) end(received.readInt32BE(4) === correlation && received.readInt16BE(8) === 0);
    });
  });
}
