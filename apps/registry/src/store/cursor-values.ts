import { isBusinessDate } from '@khue/contracts/dates';
import type { CursorValue } from '@khue/host/cursor';
import { Refuse } from '@khue/host/refuse';

// A cursor comes from outside: what is no value of its column is refused before the database would be asked to read it. Each throws Refuse.

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const asUuid = (value: CursorValue | undefined): string => asMatching(value, (text) => uuid.test(text));
export const asDay = (value: CursorValue | undefined): string => asMatching(value, isBusinessDate);
export const asInstant = (value: CursorValue | undefined): string => asMatching(value, (text) => !Number.isNaN(Date.parse(text)));
export const asText = (value: CursorValue | undefined): string => asMatching(value, (text) => text.isWellFormed() && !text.includes('\0'));

const asMatching = (value: CursorValue | undefined, fits: (text: string) => boolean): string => {
  if (typeof value !== 'string' || !fits(value)) throw new Refuse('cursor-invalid', { field: 'cursor' });
  return value;
};
