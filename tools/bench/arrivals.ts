import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createAsker, createTally, type Answers, type Asked, type Asking, type AtLeast } from './asking.ts';
import type { LoadResult } from './load.ts';

export interface Arrivals {
  readonly url: string;
  readonly asking: Asking;
  readonly seconds: number;
  /** Requests that arrive in a second, whatever becomes of those before them. */
  readonly rate: number;
  /** Most requests under way at once; one that finds no connection free is not sent and counts as `late`. */
  readonly connections: number;
  readonly warmUpSeconds: number;
  readonly atLeast?: AtLeast | undefined;
}

interface Line {
  readonly socket: Socket;
  readonly number: number;
  under: { readonly asked: Asked; readonly at: number } | undefined;
  text: string;
}

/** How often arrivals that have come due are sent, milliseconds. */
const stepMs = 2;

/**
 * An open loop: people don't wait for one another. Each request has a connection of its own while it is under way. Written on sockets, for at several thousand a
 * second a client that makes objects of headers would take the cores it measures.
 */
export const runArrivals = async ({
  url,
  asking,
  seconds,
  rate,
  connections,
  warmUpSeconds,
  atLeast = {},
}: Arrivals): Promise<Answers & Pick<LoadResult, 'from' | 'late' | 'answersInAll'>> => {
  const { hostname, port } = new URL(url);
  const { ask, from } = createAsker(asking);
  let tally = createTally();
  const idle: Line[] = [];
  const lines: Line[] = [];
  let ending = false;
  let counting = false;
  let answersInAll = 0;

  const finish = (line: Line, status: number, retryAfter: boolean): void => {
    const { under } = line;
    line.under = undefined;
    line.text = '';
    answersInAll += 1;
    if (under && counting) tally.count(under.asked.kind, status, performance.now() - under.at, retryAfter);
  };
  const open = (number: number): Line => {
    const line: Line = { socket: connect(Number(port), hostname), number, under: undefined, text: '' };
    line.socket.setNoDelay(true).setEncoding('latin1');
    line.socket.on('data', (chunk: string) => {
      line.text += chunk;
      const answer = parseAnswer(line.text);
      if (!answer) return;
      finish(line, answer.status, answer.retryAfter);
      idle.push(line);
    });
    line.socket.on('error', () => undefined);
    line.socket.on('close', () => {
      if (line.under) finish(line, 0, false);
      const at = idle.indexOf(line);
      if (at >= 0) idle.splice(at, 1);
      if (!ending) lines[number] = open(number);
    });
    line.socket.on('connect', () => idle.push(line));
    return line;
  };
  for (let number = 0; number < connections; number += 1) lines.push(open(number));
  // Connecting is no part of what is measured, and thousands at once overflow the queue of those that wait to be accepted.
  await Promise.all(lines.map(({ socket }) => once(socket, 'connect')));

  const send = (line: Line): void => {
    const asked = ask(line.number);
    line.under = { asked, at: performance.now() };
    const head = Object.entries(asked.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    line.socket.write(
      `POST ${asking.path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n${head.join('')}content-length: ${Buffer.byteLength(asked.body)}\r\n\r\n${asked.body}`,
    );
  };
  const begun = performance.now();
  let sent = 0;
  let late = 0;
  let measuredFrom = 0;
  await new Promise<void>((done) => {
    const timer = setInterval(() => {
      const now = performance.now() - begun;
      if (!counting && now >= warmUpSeconds * 1_000) {
        counting = true;
        measuredFrom = now;
        tally = createTally();
        late = 0;
      }
      for (const due = Math.floor((now / 1_000) * rate); sent < due; sent += 1) {
        const line = idle.shift();
        if (line) send(line);
        else late += 1;
      }
      if (counting && now - measuredFrom >= seconds * 1_000 && tally.has(atLeast)) {
        clearInterval(timer);
        done();
      }
    }, stepMs);
  });
  const answers = tally.end((performance.now() - begun - measuredFrom) / 1_000);
  ending = true;
  for (const { socket } of lines) socket.destroy();
  return { ...answers, from: from(), late, answersInAll };
};

/** Undefined while the answer is not whole. Every answer of the product has a length. */
const parseAnswer = (text: string): { readonly status: number; readonly retryAfter: boolean } | undefined => {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end).toLowerCase();
  const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
  if (text.length < end + 4 + length) return undefined;
  return { status: Number(head.slice(9, 12)), retryAfter: head.includes('\r\nretry-after: ') };
};
