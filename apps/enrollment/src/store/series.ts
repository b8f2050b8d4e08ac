import type { Tx } from '@khue/messaging/command';

export type SeriesKind = 'program' | 'rule-set' | 'class' | 'class-code';
export interface SeriesKey {
  readonly kind: SeriesKind;
  readonly key: string;
}

const columns = (keys: Iterable<SeriesKey>): [string[], string[]] => {
  const distinct = [...new Map([...keys].map((it) => [`${it.kind} ${it.key}`, it])).values()];
  return [distinct.map(({ kind }) => kind), distinct.map(({ key }) => key)];
};

/** Locks the counter rows named, made at 0 where new, in one order for all. The last numbers given, by key, of a batch of one kind. */
export const lockSeries = async (tx: Tx, keys: Iterable<SeriesKey>): Promise<Map<string, number>> => {
  const wanted = columns(keys);
  if (wanted[0].length === 0) return new Map();
  await tx.query({
    name: 'series-claim',
    text: `insert into enrollment.series (kind, key, last) select kind, key, 0 from unnest($1::text[], $2::text[]) as wanted (kind, key)
      order by kind, key on conflict do nothing`,
    values: wanted,
  });
  const { rows } = await tx.query<{ key: string; last: number }>({
    name: 'series-lock',
    text: `select key, last from enrollment.series where (kind, key) in (select * from unnest($1::text[], $2::text[])) order by kind, key for update`,
    values: wanted,
  });
  return new Map(rows.map(({ key, last }) => [key, last]));
};

/** Writes the last numbers given of locked counters. */
export const saveSeries = async (tx: Tx, kind: SeriesKind, last: ReadonlyMap<string, number>): Promise<void> => {
  if (last.size === 0) return;
  await tx.query({
    name: 'series-save',
    text: `update enrollment.series s set last = n.last from unnest($2::text[], $3::int[]) as n (key, last) where s.kind = $1 and s.key = n.key and s.last <> n.last`,
    values: [kind, [...last.keys()], [...last.values()]],
  });
};
