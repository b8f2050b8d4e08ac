import type { QueryResult } from 'pg';

/** A statement that wrote another number of rows than the workspace holds would part state and events. Throws; the batch is rolled back. */
export const expectRows = (expected: number, { rowCount }: QueryResult): void => {
  if (rowCount !== expected) throw new Error(`${rowCount} rows were written instead of ${expected}`);
};

/**
 * A natural key was free when it was read and is taken now: another transaction has committed in between. Says "serialization failure", by which the
 * flush tries the batch again, sees the other and refuses. Throws.
 */
export const expectClaimed = (expected: number, { rowCount }: QueryResult): void => {
  if (rowCount !== expected) throw Object.assign(new Error('a natural key was claimed meanwhile'), { code: '40001' });
};
