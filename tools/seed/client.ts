import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

/** A door refused; the message is the problem's own words. */
export class Refused extends Error {
  readonly code: string;
  readonly status: number;
  constructor(
    path: string,
    status: number,
    problem: { code?: string; detail?: { vi?: string; en?: string }; errors?: { field: string; en: string }[] },
  ) {
    const fields = problem.errors?.map((error) => `${error.field}: ${error.en}`).join(' ') ?? '';
    super(`${path} answered ${status} ${problem.code ?? ''}: ${problem.detail?.en ?? ''} ${fields}`.trim());
    this.code = problem.code ?? 'unknown';
    this.status = status;
  }
}

export interface Client {
  get<T>(path: string): Promise<T>;
  /** The key is made of account, path and body, so that a repeated start repeats and does not double. */
  post<T>(path: string, body: unknown): Promise<T>;
  /** Posts, and takes a refusal with one of these codes for done before. */
  ensure(path: string, body: unknown, ...done: readonly string[]): Promise<void>;
  upload<T>(path: string, fileName: string, rows: () => Iterable<string>): Promise<T>;
  as(sub: string): Client;
}

const patience = 120_000;

/** A client of the product's HTTP doors. Waits where a door says Retry-After; throws Refused otherwise. */
export const createClient = (base: string, token: (sub: string) => Promise<string>, sub: string): Client => {
  const send = async <T>(path: string, init: () => RequestInit): Promise<T> => {
    const until = Date.now() + patience;
    for (;;) {
      const request = init();
      const response = await fetch(`${base}${path}`, { ...request, headers: { ...request.headers, authorization: `Bearer ${await token(sub)}` } });
      if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
      const problem = await response.json().catch(() => ({}));
      const wait = Number(response.headers.get('retry-after') ?? Number.NaN);
      if (Number.isNaN(wait) || Date.now() > until) throw new Refused(path, response.status, problem as never);
      await pause(Math.max(200, wait * 1_000));
    }
  };
  const post = <T>(path: string, body: unknown): Promise<T> => {
    const payload = JSON.stringify(body);
    const key = createHash('sha256').update(`${sub} ${path} ${payload}`).digest('base64url');
    return send(path, () => ({ method: 'POST', headers: { 'content-type': 'application/json', 'idempotency-key': key }, body: payload }));
  };
  return {
    get: (path) => send(path, () => ({ method: 'GET' })),
    post,
    ensure: async (path, body, ...done) => {
      await post(path, body).catch((error: unknown) => {
        if (!(error instanceof Refused && done.includes(error.code))) throw error;
      });
    },
    upload: (path, fileName, rows) =>
      send(path, () => {
        const boundary = `khue-${randomUUID()}`;
        return {
          method: 'POST',
          headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'idempotency-key': randomUUID() },
          body: multipart(boundary, fileName, rows()) as never,
          duplex: 'half',
        } as RequestInit;
      }),
    as: (other) => createClient(base, token, other),
  };
};

const chunkBytes = 65_536;

/** A multipart body with one file, made while it is sent: memory does not grow with the file. */
async function* multipart(boundary: string, fileName: string, lines: Iterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${fileName}"\r\ncontent-type: text/csv\r\n\r\n`;
  for (const line of lines) {
    text += line;
    if (text.length < chunkBytes) continue;
    yield encoder.encode(text);
    text = '';
  }
  yield encoder.encode(`${text}\r\n--${boundary}--\r\n`);
}
