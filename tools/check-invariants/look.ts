import { finding, shown, type Finding } from './finding.ts';
import type { Snapshot } from './snapshot.ts';

/** One check in one statement: `sql` answers `id` and whether it is `wrong`, a row for each thing looked at. Only figures and the first ids leave the server. */
export const look = async (snapshot: Snapshot, name: string, sql: string, values: readonly unknown[] = []): Promise<Finding> => {
  const { rows } = await snapshot.query<{ seen: number; wrong: number; examples: string[] | null }>(
    `select count(*) as seen, count(*) filter (where wrong) as wrong, (array_agg(id::text) filter (where wrong))[1:${shown}] as examples from (${sql}) looked`,
    [...values],
  );
  const [{ seen, wrong, examples }] = rows as [(typeof rows)[0]];
  return finding(name, seen, examples ?? [], wrong - (examples?.length ?? 0));
};

/** One of two tellings of the same thing: `sql` answers `id` and `told`, both text, an id once. */
export interface Side {
  readonly from: string;
  readonly snapshot: Snapshot;
  readonly sql: string;
  readonly values?: readonly unknown[];
}

/**
 * Both sides tell the same of the same ids. They are first held against each other by number and sum of hashes, where a million rows leave the server as two
 * figures; only where these differ they are read side by side, to name the ids.
 */
export const same = async (name: string, left: Side, right: Side): Promise<Finding> => {
  const [a, b] = [await digest(left), await digest(right)];
  if (a.rows === b.rows && a.sum === b.sum) return finding(name, a.rows, []);
  const wrong: string[] = [];
  let more = 0;
  for await (const id of differences(left, right)) {
    if (wrong.length < shown) wrong.push(id);
    else more += 1;
  }
  return finding(name, Math.max(a.rows, b.rows), wrong, more);
};

const digest = async ({ snapshot, sql, values = [] }: Side): Promise<{ rows: number; sum: string }> => {
  const { rows } = await snapshot.query<{ rows: number; sum: string }>(
    `select count(*) as rows, coalesce(sum(hashtextextended(concat(id, ' ', told), 0)::numeric), 0)::text as sum from (${sql}) side`,
    [...values],
  );
  return rows[0] as { rows: number; sum: string };
};

interface Told {
  readonly id: string;
  readonly told: string;
}

async function* differences(left: Side, right: Side): AsyncGenerator<string> {
  const [a, b] = [sorted(left), sorted(right)];
  let [one, other] = [await a.next(), await b.next()];
  while (!one.done || !other.done) {
    const order = one.done ? 1 : other.done ? -1 : compare(one.value.id, other.value.id);
    if (order < 0) yield `${one.value?.id} in ${left.from} only`;
    else if (order > 0) yield `${other.value?.id} in ${right.from} only`;
    else if (one.value?.told !== other.value?.told) yield `${one.value?.id} differs`;
    if (order <= 0) one = await a.next();
    if (order >= 0) other = await b.next();
  }
}

const sorted = ({ snapshot, sql, values }: Side): AsyncGenerator<Told, undefined> =>
  snapshot.stream<Told>(`select id, told from (${sql}) side order by id collate "C"`, values);

// By bytes, as collation "C" sorts; JavaScript's own order differs beyond the basic plane only, and ids are ASCII.
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
