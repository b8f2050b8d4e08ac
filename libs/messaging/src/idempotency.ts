import type { Pool } from 'pg';
import type { Answer, Command, Tx } from './command.ts';
import { jsonArray, together } from './database.ts';

/** How long a given answer can be asked for again. */
export const answerKeptHours = 24;

/** What the key of a command says before anything is decided. `fresh`: this transaction holds the key and is to run the command. */
export type Claim = { readonly state: 'fresh' } | { readonly state: 'answered'; readonly answer: Answer };

const inFlight: Answer = { ok: false, code: 'idempotency-key-in-flight', retryAfterSeconds: 1 };
const reused: Answer = { ok: false, code: 'idempotency-key-reused', field: 'Idempotency-Key' };

/**
 * Claims the keys of a batch in key order. A key whose twin runs in another transaction is answered at once instead of waiting for it: the
 * claim is an advisory lock that ends with the transaction, and the stored row is what outlives it.
 */
export const claimKeys = async (tx: Tx, commands: readonly Command[]): Promise<readonly Claim[]> => {
  const claims = commands.map((): Claim => ({ state: 'fresh' }));
  const keyed = commands
    .map((command, place) => ({ claim: command.idempotency, place }))
    .filter((entry): entry is { claim: NonNullable<typeof entry.claim>; place: number } => entry.claim !== undefined)
    .sort((a, b) => (identity(a.claim) < identity(b.claim) ? -1 : 1) || a.place - b.place);
  if (keyed.length === 0) return claims;
  const columns = [keyed.map(({ claim }) => claim.sub), keyed.map(({ claim }) => claim.route), keyed.map(({ claim }) => claim.key)];
  // Read behind the locks: a twin that has just committed is seen now or was never ahead of us.
  const [locks, stored] = await together(tx, () => [lockKeys(tx, columns), readAnswers(tx, columns)]);
  const answers = new Map(stored.rows.map((row) => [identity(row), row]));
  const firsts = new Map<string, string>();
  keyed.forEach(({ claim, place }, index) => {
    const known = answers.get(identity(claim));
    const twin = firsts.get(identity(claim));
    if (known) claims[place] = { state: 'answered', answer: known.body_hash === claim.bodyHash ? known.answer : reused };
    else if (twin !== undefined) claims[place] = { state: 'answered', answer: twin === claim.bodyHash ? inFlight : reused };
    else if (!locks.rows[index]?.held) claims[place] = { state: 'answered', answer: inFlight };
    else firsts.set(identity(claim), claim.bodyHash);
  });
  return claims;
};

const lockKeys = (tx: Tx, columns: readonly string[][]) =>
  tx.query<{ held: boolean }>({
    name: 'idempotency-lock',
    text: `select pg_try_advisory_xact_lock(hashtextextended(jsonb_build_array(sub, route, key)::text, 0)) as held
      from unnest($1::text[], $2::text[], $3::text[]) with ordinality as claim (sub, route, key, place) order by place`,
    values: [...columns],
  });

const readAnswers = (tx: Tx, columns: readonly string[][]) =>
  tx.query<{ sub: string; route: string; key: string; body_hash: string; answer: Answer }>({
    name: 'idempotency-read',
    // Key by key: joined, a plan made for an empty table goes through all that was kept.
    text: `select kept.* from unnest($1::text[], $2::text[], $3::text[]) as claim (s, r, k) cross join lateral (
        select sub, route, key, body_hash, answer from messaging.idempotency where sub = s and route = r and key = k and expires_at > now() limit 1) kept`,
    values: [...columns],
  });

/** Keeps the answers of fresh commands with the state they belong to. `replayable` says which refusals are kept (business 4xx only). */
export const keepAnswers = async (
  tx: Tx,
  given: readonly { readonly command: Command; readonly answer: Answer }[],
  replayable: (answer: Answer) => boolean,
): Promise<void> => {
  const rows = given.filter(({ command, answer }) => command.idempotency !== undefined && replayable(answer));
  if (rows.length === 0) return;
  await tx.query({
    name: 'idempotency-keep',
    text: `insert into messaging.idempotency (sub, route, key, body_hash, status, answer, persons, expires_at)
      select sub, route, key, body_hash, status, answer, persons::uuid[], now() + make_interval(hours => $8)
      from rows from (unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[]), jsonb_array_elements($7::jsonb))
        as kept (sub, route, key, body_hash, status, persons, answer)
      order by sub, route, key
      on conflict (sub, route, key) do update set body_hash = excluded.body_hash, status = excluded.status, answer = excluded.answer,
        persons = excluded.persons, expires_at = excluded.expires_at where messaging.idempotency.expires_at <= now()`,
    values: [
      rows.map(({ command }) => command.idempotency?.sub),
      rows.map(({ command }) => command.idempotency?.route),
      rows.map(({ command }) => command.idempotency?.key),
      rows.map(({ command }) => command.idempotency?.bodyHash),
      rows.map(({ answer }) => (answer.ok ? 200 : 0)),
      // Arrays of arrays are of one length in PostgreSQL, so each goes as the text of one.
      rows.map(({ answer }) => `{${(answer.ok ? answer.persons : undefined)?.join(',') ?? ''}}`),
      jsonArray(rows.map(({ answer }) => JSON.stringify(answer))),
      answerKeptHours,
    ],
  });
};

/**
 * Binds a key to one body, for a request that is many commands with a key of their own each. False where another body has the key. Committed by itself before the
 * commands run: a request that is sent again goes on where it was left, and nobody runs half of another one under its key.
 */
export const bindKey = async (pool: Pool, { sub, route, key, bodyHash }: NonNullable<Command['idempotency']>): Promise<boolean> => {
  const { rows } = await pool.query<{ body_hash: string }>({
    name: 'idempotency-bind',
    text: `insert into messaging.idempotency as kept (sub, route, key, body_hash, status, answer, expires_at)
      values ($1, $2, $3, $4, 0, 'null', now() + make_interval(hours => $5))
      on conflict (sub, route, key) do update set
        body_hash = case when kept.expires_at <= now() then excluded.body_hash else kept.body_hash end,
        expires_at = case when kept.expires_at <= now() then excluded.expires_at else kept.expires_at end
      returning body_hash`,
    values: [sub, route, key, bodyHash, answerKeptHours],
  });
  return rows[0]?.body_hash === bodyHash;
};

const identity = ({ sub, route, key }: { sub: string; route: string; key: string }): string => JSON.stringify([sub, route, key]);
