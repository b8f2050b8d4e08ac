import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Apportionment, Method, Share } from './apportionment.ts';
import { apportion } from './apportionment.ts';

const methods: readonly Method[] = ['largest-remainder', 'sainte-lague', 'dhondt', 'equal'];
const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
const shares = (...weights: readonly (string | number)[]): Share[] => weights.map((weight, at) => ({ key: keys[at] ?? '?', weight }));

const divided = (total: number, of: readonly Share[], method: Method): Apportionment => {
  const result = apportion(total, of, method);
  if (!result.accepted) throw new Error(result.code);
  return result;
};
const seats = (total: number, of: readonly Share[], method: Method): Record<string, number> =>
  Object.fromEntries(divided(total, of, method).allotments.map((one) => [one.key, one.seats]));

/** To replay a failure, put the seed and path that it printed here. */
const replay: { readonly seed?: number; readonly path?: string } = {};
const anyMethod = fc.constantFrom(...methods);
const anyTotal = fc.oneof(fc.nat(40), fc.nat(200_000));
const anyWeight = fc.oneof(
  fc.nat(9),
  fc.nat(1_000_000),
  fc.tuple(fc.nat(999), fc.nat(99)).map(([whole, part]) => `${whole}.${String(part).padStart(2, '0')}`),
);
const anyShares = fc
  .array(anyWeight, { minLength: 1, maxLength: 10 })
  .filter((weights) => weights.some((weight) => Number(weight) > 0))
  .map((weights) => shares(...weights));
const hundredths = (share: Share): bigint => {
  const [whole = '0', part = ''] = String(share.weight).split('.');
  return BigInt(whole + part.padEnd(2, '0'));
};

describe('division of a pot by a formula', () => {
  it('gives the textbook result of each method', () => {
    // A worked example that is easy to check by hand: 10 seats over 53, 24 and 23.
    expect(seats(10, shares(53, 24, 23), 'largest-remainder')).toEqual({ a: 5, b: 3, c: 2 });
    expect(seats(10, shares(53, 24, 23), 'dhondt')).toEqual({ a: 6, b: 2, c: 2 });
    expect(seats(7, shares(53, 24, 23), 'sainte-lague')).toEqual({ a: 3, b: 2, c: 2 });
    expect(seats(10, shares(53, 24, 23), 'equal')).toEqual({ a: 4, b: 3, c: 3 });
  });

  it('shows quota, floor, remainder and the place in the line for the seats left', () => {
    expect(divided(10, shares(53, 24, 23), 'largest-remainder').allotments).toEqual([
      { key: 'a', seats: 5, quota: { numerator: '530', denominator: '100' }, floor: 5, remainder: { numerator: '30', denominator: '100' }, rank: 2 },
      { key: 'b', seats: 3, quota: { numerator: '240', denominator: '100' }, floor: 2, remainder: { numerator: '40', denominator: '100' }, rank: 1 },
      { key: 'c', seats: 2, quota: { numerator: '230', denominator: '100' }, floor: 2, remainder: { numerator: '30', denominator: '100' }, rank: 3 },
    ]);
  });

  it('prints a working in both languages from which the result can be checked', () => {
    const { working } = divided(10, shares('5.3', '2.4', '2.3'), 'largest-remainder');
    expect(working).toHaveLength(7);
    expect(working[1]?.en).toContain('multiplied by 10');
    expect(working[4]).toEqual({
      key: 'b',
      vi: '10 × 24 / 100 = 2, dư 40/100; 2 + 1 = 3 suất',
      en: '10 × 24 / 100 = 2, remainder 40/100; 2 + 1 = 3 seats',
    });
    expect(working.at(-1)).toEqual({ key: null, vi: 'Cộng: 10 suất.', en: 'Sum: 10 seats.' });
    const quotients = divided(10, shares(53, 24, 0), 'dhondt').working;
    expect(quotients[2]?.en).toBe('last quotient with a seat 53/7, next quotient 53/8; 7 seats');
    expect(quotients[4]?.en).toBe('last quotient with a seat –, next quotient 0/1; 0 seats');
  });

  it('breaks a tie by the order of the keys, not by the order of typing', () => {
    for (const method of methods) expect(seats(2, shares(1, 1, 1).toReversed(), method)).toEqual({ a: 1, b: 1, c: 0 });
  });

  it('decides by exact arithmetic where floats would round a seat away', () => {
    expect(seats(1, shares('0.3', '0.300000000001'), 'largest-remainder')).toEqual({ a: 0, b: 1 });
    expect(seats(3, shares('900000000000000001', '900000000000000000', '900000000000000000'), 'dhondt')).toEqual({ a: 1, b: 1, c: 1 });
    expect(seats(1, shares('900000000000000000', '900000000000000001'), 'sainte-lague')).toEqual({ a: 0, b: 1 });
  });

  it('by Sainte-Laguë may give a great unit less than its whole quota, as the method says', () => {
    expect(seats(8, shares(50, 6, 6, 6, 6, 6), 'sainte-lague')).toEqual({ a: 4, b: 1, c: 1, d: 1, e: 1, f: 0 });
  });

  it('refuses what cannot be divided and names the field', () => {
    const refused = (total: number, of: readonly Share[]): unknown => apportion(total, of, 'largest-remainder');
    expect(refused(-1, shares(1))).toMatchObject({ accepted: false, code: 'total-invalid', field: 'total' });
    expect(refused(1.5, shares(1))).toMatchObject({ code: 'total-invalid' });
    expect(refused(1, [])).toMatchObject({ code: 'shares-empty', field: 'shares' });
    expect(refused(1, [...shares(1, 2), { key: 'a', weight: 1 }])).toMatchObject({ code: 'share-twice', field: 'shares.2.key' });
    for (const weight of ['-1', '1,5', '1e3', '', ' 1', 0.5, -1, Number.NaN]) {
      expect(refused(1, shares(1, weight))).toMatchObject({ code: 'weight-invalid', field: 'shares.1.weight' });
    }
    for (const method of methods) expect(apportion(3, shares(0, '0.00'), method)).toMatchObject({ code: 'weights-all-zero' });
  });
});

describe('division by formula, whatever the numbers', () => {
  const over = (check: (total: number, of: Share[], method: Method) => void) => (): void =>
    fc.assert(fc.property(anyTotal, anyShares, anyMethod, check), replay);

  it(
    'hands out exactly the total, and nothing to a weight of zero',
    over((total, of, method) => {
      const { allotments } = divided(total, of, method);
      expect(allotments.reduce((sum, one) => sum + one.seats, 0)).toBe(total);
      for (const share of of)
        if (Number(share.weight) === 0) expect(allotments.find((one) => one.key === share.key)).toMatchObject({ seats: 0, rank: null });
    }),
  );

  it(
    'does not depend on the order of typing',
    over((total, of, method) => {
      expect(divided(total, of.toReversed(), method)).toEqual(divided(total, of, method));
    }),
  );

  it(
    'never gives less to the greater weight, and at most one seat more to the same',
    over((total, of, method) => {
      const given = seats(total, of, method);
      for (const one of of) {
        for (const other of of) {
          if (hundredths(one) > hundredths(other))
            expect(given[one.key] ?? -1).toBeGreaterThanOrEqual((given[other.key] ?? -1) - (method === 'equal' ? 1 : 0));
          if (hundredths(one) === hundredths(other) && one.key < other.key)
            expect([0, 1]).toContain((given[one.key] ?? -9) - (given[other.key] ?? -9));
        }
      }
    }),
  );

  it(
    'by largest remainder each unit gets its quota rounded down or up',
    over((total, of) => {
      for (const one of divided(total, of, 'largest-remainder').allotments) {
        const [numerator, denominator] = [BigInt(one.quota.numerator), BigInt(one.quota.denominator)];
        expect(BigInt(one.seats)).toBeGreaterThanOrEqual(numerator / denominator);
        expect(BigInt(one.seats)).toBeLessThanOrEqual((numerator + denominator - 1n) / denominator);
      }
    }),
  );

  it(
    'by highest quotients one seat more in the pot takes no seat from anybody',
    over((total, of) => {
      for (const method of ['sainte-lague', 'dhondt'] as const) {
        const [before, after] = [seats(total, of, method), seats(total + 1, of, method)];
        for (const { key } of of) expect(after[key] ?? -1).toBeGreaterThanOrEqual(before[key] ?? 0);
      }
    }),
  );

  it('by highest quotients equals giving seat by seat from nothing', () => {
    fc.assert(
      fc.property(fc.nat(60), anyShares, fc.constantFrom('sainte-lague' as const, 'dhondt' as const), (total, of, method) => {
        const divisor = (n: number): bigint => BigInt(method === 'dhondt' ? n : 2 * n - 1);
        const given = new Map(of.map((share) => [share.key, 0]));
        for (let seat = 0; seat < total; seat += 1) {
          const best = of.reduce((one, other) => {
            const [ofOne, ofOther] = [
              hundredths(one) * divisor((given.get(other.key) ?? 0) + 1),
              hundredths(other) * divisor((given.get(one.key) ?? 0) + 1),
            ];
            return ofOther > ofOne || (ofOther === ofOne && other.key < one.key) ? other : one;
          });
          given.set(best.key, (given.get(best.key) ?? 0) + 1);
        }
        expect(seats(total, of, method)).toEqual(Object.fromEntries(given));
      }),
      replay,
    );
  });
});
