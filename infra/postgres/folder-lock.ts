import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

// One key for everyone who starts the server of a folder: who holds it owns the running server.
const ownerKey = 7_461_000;

export type LockFailure = { kind: 'taken' } | { kind: 'refused' } | { kind: 'silent' } | { kind: 'gone' };
export type LockAttempt = { kind: 'held'; release(): Promise<void> } | LockFailure;

/**
 * Tries to become the owner of the running server, waiting at most 2 s for another owner. The lock lives as long as its connection, so a killed owner
 * frees it at once. `taken`: another start owns it; `refused`: the password is wrong; `silent`: connects and says nothing; `gone`: no server there, or not yet.
 */
export async function tryLock(adminUrl: string, serverLives: () => boolean): Promise<LockAttempt> {
  const first = await connectAndLock(adminUrl);
  if (first.kind !== 'held') return first;
  let client = first.client;
  let released = false;
  const guard = (): void => {
    client.once('end', () => void regain());
  };
  // When one of its children is killed PostgreSQL restarts all of them and every connection is lost, this one too, though the server lives on.
  const regain = async (): Promise<void> => {
    while (!released && serverLives()) {
      const again = await connectAndLock(adminUrl);
      if (again.kind === 'held') {
        client = again.client;
        if (released) return void client.end();
        return guard();
      }
      if (again.kind === 'taken') return;
      await pause(100);
    }
  };
  guard();
  return {
    kind: 'held',
    release: async () => {
      released = true;
      await client.end().catch(() => undefined);
    },
  };
}

async function connectAndLock(adminUrl: string): Promise<{ kind: 'held'; client: Client } | LockFailure> {
  const client = new Client({
    connectionString: adminUrl,
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
    application_name: 'khue-owner',
    keepAlive: true,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`SET lock_timeout = '2s'`);
    await client.query('SELECT pg_advisory_lock($1)', [ownerKey]);
    return { kind: 'held', client };
  } catch (error) {
    await client.end().catch(() => undefined);
    return meaning(error);
  }
}

function meaning(error: unknown): LockFailure {
  const { code, message } = error as { code?: string; message: string };
  if (code === '55P03' || code === '53300') return { kind: 'taken' };
  if (code === '28P01' || code === '28000') return { kind: 'refused' };
  if (/timeout/i.test(message)) return { kind: 'silent' };
  return { kind: 'gone' };
}
