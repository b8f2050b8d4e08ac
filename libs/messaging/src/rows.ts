/** The records that a batch replaced or added, found by identity against what was loaded: records are replaced, never changed. */
export const changed = <T>(now: ReadonlyMap<string, T>, before: ReadonlyMap<string, T>): T[] =>
  [...now].flatMap(([id, record]) => (before.get(id) === record ? [] : [record]));

/** The records that were not there before. */
export const added = <T>(now: ReadonlyMap<string, T>, before: ReadonlyMap<string, T>): T[] =>
  [...now].flatMap(([id, record]) => (before.has(id) ? [] : [record]));

/** The records that were there and are others now. */
export const amended = <T>(now: ReadonlyMap<string, T>, before: ReadonlyMap<string, T>): T[] =>
  [...now].flatMap(([id, record]) => (before.has(id) && before.get(id) !== record ? [record] : []));
