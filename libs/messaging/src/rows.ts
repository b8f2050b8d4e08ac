/** The records that a batch replaced or added, found by identity against what was loaded: records are replaced, never changed. */
export const changed = <T>(now: ReadonlyMap<string, T>, before: ReadonlyMap<string, T>): T[] => pick(now, (id, record) => before.get(id) !== record);

/** The records that were not there before. */
export const added = <T>(now: ReadonlyMap<string, T>, before: ReadonlyMap<string, T>): T[] => pick(now, (id) => !before.has(id));

/** The records that were there and are others now. */
export const amended = <T>(now: ReadonlyMap<string, T>, before: ReadonlyMap<string, T>): T[] =>
  pick(now, (id, record) => before.has(id) && before.get(id) !== record);

const pick = <T>(records: ReadonlyMap<string, T>, wanted: (id: string, record: T) => boolean): T[] => {
  const picked: T[] = [];
  for (const [id, record] of records) if (wanted(id, record)) picked.push(record);
  return picked;
};
