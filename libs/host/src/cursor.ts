import { isBusinessDate } from '@khue/contracts/dates';
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

export interface Paging {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** A cursor comes from outside: what is no value of its column is refused before the database would be asked to read it. */
const fits = {
  text: (value) => typeof value === 'string' && !value.includes('\0') && value.isWellFormed(),
  number: (value) => Number.isSafeInteger(value),
  day: (value) => typeof value === 'string' && isBusinessDate(value),
  instant: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  id: (value) => typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
} as const satisfies Record<string, (value: CursorValue) => boolean>;

type Kind = keyof typeof fits;
type ValueOf<K> = K extends 'number' ? number : string;

/** The place after which a page begins, of values of these kinds; undefined for the first page. Throws Refuse for a cursor that no page of ours ended with. */
export const placeAfter = <const Kinds extends readonly Kind[]>(
  { cursor }: Pick<Paging, 'cursor'>,
  ...kinds: Kinds
): { readonly [At in keyof Kinds]: ValueOf<Kinds[At]> } | undefined => {
  if (cursor === undefined) return undefined;
  const values = decodeCursor(cursor, kinds.length);
  if (!values.every((value, at) => fits[kinds[at] as Kind](value))) throw new Refuse('cursor-invalid', { field: 'cursor' });
  return values as never;
};

/** Cuts `limit + 1` rows read into a page and the cursor of the next one. */
export const toPage = <T>(rows: readonly T[], limit: number, place: (row: T) => readonly CursorValue[]): { items: T[]; next: string | null } => {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? encodeCursor(place(last)) : null };
};
