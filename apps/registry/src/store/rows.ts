/**
 * A natural key was free when it was read and is taken now: another transaction has committed in between. Says "serialization failure", by which the
 * flush tries the batch again, sees the other and refuses. Throws.
 */
export const expectClaimed = (wanted: number, got: number | null): void => {
  if (got !== wanted) throw Object.assign(new Error('a natural key was claimed meanwhile'), { code: '40001' });
};
