import { isBusinessDate } from '@khue/contracts/dates';
import { decodeCursor, type CursorValue } from '@khue/host/cursor';
import { Refuse } from '@khue/host/refuse';

export interface Paging {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

const checks = {
  text: (value) => typeof value === 'string' && !value.includes('\0') && value.isWellFormed(),
  number: (value) => Number.isSafeInteger(value),
  day: (value) => typeof value === 'string' && isBusinessDate(value),
  instant: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  id: (value) => typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
} as const satisfies Record<string, (value: CursorValue) => boolean>;

/** The place after which a page begins; undefined for the first page. Refuses a cursor that no page of ours ended with. */
export const placeAfter = ({ cursor }: Paging, ...kinds: readonly (keyof typeof checks)[]): readonly CursorValue[] | undefined => {
  if (cursor === undefined) return undefined;
  const values = decodeCursor(cursor, kinds.length);
  if (values.every((value, at) => checks[kinds[at] as keyof typeof checks](value))) return values;
  throw new Refuse('cursor-invalid', { field: 'cursor' });
};
