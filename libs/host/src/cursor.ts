import { Refuse } from './refuse.ts';

export type CursorValue = string | number | null;

/** The place after which a page begins: the sort key of the last row, opaque to callers. */
export const encodeCursor = (values: readonly CursorValue[]): string => Buffer.from(JSON.stringify(values)).toString('base64url');

/** Throws Refuse `cursor-invalid` for anything that encodeCursor did not make with `length` values. */
export const decodeCursor = (cursor: string, length: number): CursorValue[] => {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (
      Array.isArray(values) &&
      values.length === length &&
      values.every((value) => value === null || typeof value === 'string' || typeof value === 'number')
    ) {
      return values as CursorValue[];
    }
  } catch {
    throw new Refuse('cursor-invalid', { field: 'cursor' });
  }
  throw new Refuse('cursor-invalid', { field: 'cursor' });
};

/** Cuts `limit + 1` rows read into a page and the cursor of the next one. */
export const toPage = <T>(rows: readonly T[], limit: number, place: (row: T) => readonly CursorValue[]): { items: T[]; next: string | null } => {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? encodeCursor(place(last)) : null };
};
