import type { Refused } from '@khue/decider/decision';
import { refuse } from './refusals.ts';

/**
 * `largest-remainder`: Hare quota. `sainte-lague`: divisors 1, 3, 5, …. `dhondt`: divisors 1, 2, 3, ….
 * `equal`: largest remainder over equal weights; a weight only says who takes part (above zero) and who does not.
 */
export type Method = 'largest-remainder' | 'sainte-lague' | 'dhondt' | 'equal';

export interface Share {
  readonly key: string;
  /** A decimal such as "12.5" or a whole number, zero or more. Not a float: 0.1 + 0.2 would decide a seat. */
  readonly weight: string | number;
}

/** An exact fraction, in whole numbers of any length as text. Not shortened, so that the fractions of one column share their denominator. */
export interface Ratio {
  readonly numerator: string;
  readonly denominator: string;
}

export interface Allotment {
  readonly key: string;
  readonly seats: number;
  /** total × weight / sum of weights. */
  readonly quota: Ratio;
  readonly floor: number;
  readonly remainder: Ratio;
  /** Place in the line for a seat beyond the floor (by remainder), or for one more seat (by the highest next quotient); null for weight zero. */
  readonly rank: number | null;
}

/** One line of the printable working; the printer sets the name of the unit `key` before it. */
export interface WorkingLine {
  readonly key: string | null;
  readonly vi: string;
  readonly en: string;
}

export interface Apportionment {
  readonly accepted: true;
  /** In the order of the keys, whatever the order of the shares was. */
  readonly allotments: readonly Allotment[];
  readonly working: readonly WorkingLine[];
}

interface Claim {
  readonly key: string;
  readonly weight: bigint;
  readonly quotaFloor: bigint;
  readonly remainder: bigint;
  seats: bigint;
}

const decimal = /^(\d{1,18})(?:\.(\d{1,12}))?$/;

const byHighestQuotient = (method: Method): boolean => method === 'sainte-lague' || method === 'dhondt';

/** Weights times one power of ten, so that all are whole; null where a weight is not a decimal. */
const scale = (shares: readonly Share[]): { readonly weights: readonly (bigint | null)[]; readonly factor: bigint } => {
  const parts = shares.map(({ weight }) => {
    if (typeof weight === 'number' && !Number.isSafeInteger(weight)) return null;
    return decimal.exec(String(weight));
  });
  const places = parts.reduce((most, part) => Math.max(most, part?.[2]?.length ?? 0), 0);
  const weights = parts.map((part) => (part ? BigInt((part[1] ?? '') + (part[2] ?? '').padEnd(places, '0')) : null));
  return { weights, factor: 10n ** BigInt(places) };
};

/** Ties go to the smaller key, compared by code unit: the same on every machine and in every locale. */
const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
const descending = (a: bigint, b: bigint): number => (a > b ? -1 : a < b ? 1 : 0);

const byRemainder = (a: Claim, b: Claim): number => descending(a.remainder, b.remainder) || byKey(a, b);

const giveByRemainder = (total: bigint, claims: readonly Claim[]): void => {
  for (const claim of claims) claim.seats = claim.quotaFloor;
  const left = total - claims.reduce((sum, claim) => sum + claim.seats, 0n);
  // Fewer seats are left than there are remainders above zero, so a weight of zero never comes to its turn.
  for (const claim of claims.toSorted(byRemainder).slice(0, Number(left))) claim.seats += 1n;
};

/** The divisor of a claim's n-th seat, n from 1. */
const divisorOf = (method: Method, n: bigint): bigint => (method === 'sainte-lague' ? 2n * n - 1n : n);

/** Who stands first for the seat number `seatOf(claim)`: weight / divisor, compared without dividing. */
const byQuotient =
  (method: Method, seatOf: (claim: Claim) => bigint) =>
  (a: Claim, b: Claim): number =>
    descending(a.weight * divisorOf(method, seatOf(b)), b.weight * divisorOf(method, seatOf(a))) || byKey(a, b);
const nextSeat = (claim: Claim): bigint => claim.seats + 1n;

const giveByQuotient = (method: Method, total: bigint, weightSum: bigint, claims: readonly Claim[]): void => {
  // Every quotient of at least one whole quota wins at first; seat by seat from zero would be total × units comparisons.
  // From there at most one seat a unit is missing or too many, and giving and taking follow one order of quotients.
  for (const claim of claims) {
    const twice = 2n * claim.weight * total;
    claim.seats = method === 'sainte-lague' ? (twice + weightSum) / (2n * weightSum) : claim.quotaFloor;
  }
  const next = byQuotient(method, nextSeat);
  const last = byQuotient(method, (claim) => claim.seats);
  let left = total - claims.reduce((sum, claim) => sum + claim.seats, 0n);
  for (; left > 0n; left -= 1n) claims.reduce((best, claim) => (next(claim, best) < 0 ? claim : best)).seats += 1n;
  for (; left < 0n; left += 1n) {
    claims.filter((claim) => claim.seats > 0n).reduce((worst, claim) => (last(claim, worst) > 0 ? claim : worst)).seats -= 1n;
  }
};

const ruleLine: Readonly<Record<Method, Omit<WorkingLine, 'key'>>> = {
  'largest-remainder': {
    vi: 'Phương pháp số dư lớn nhất: mỗi đơn vị nhận phần nguyên của định mức; các suất còn lại chia theo số dư từ lớn đến nhỏ; bằng nhau thì theo thứ tự mã đơn vị.',
    en: 'Largest remainder: each unit takes the whole part of its quota; the seats left go by remainder, largest first; ties by the order of unit codes.',
  },
  'sainte-lague': {
    vi: 'Phương pháp Sainte-Laguë: trọng số chia lần lượt cho 1, 3, 5, …; suất thuộc về các thương lớn nhất; bằng nhau thì theo thứ tự mã đơn vị.',
    en: 'Sainte-Laguë: weights are divided by 1, 3, 5, …; the seats go to the largest quotients; ties by the order of unit codes.',
  },
  dhondt: {
    vi: 'Phương pháp D’Hondt: trọng số chia lần lượt cho 1, 2, 3, …; suất thuộc về các thương lớn nhất; bằng nhau thì theo thứ tự mã đơn vị.',
    en: 'D’Hondt: weights are divided by 1, 2, 3, …; the seats go to the largest quotients; ties by the order of unit codes.',
  },
  equal: {
    vi: 'Chia đều: các đơn vị có trọng số lớn hơn 0 nhận số suất bằng nhau; các suất còn lại theo thứ tự mã đơn vị.',
    en: 'Equal: units with a weight above 0 take the same number of seats; the seats left go by the order of unit codes.',
  },
};

const remainderLine = (claim: Claim, total: bigint, weightSum: bigint): WorkingLine => {
  const beyond = claim.seats - claim.quotaFloor;
  const sums = `${total} × ${claim.weight} / ${weightSum}`;
  return {
    key: claim.key,
    vi: `${sums} = ${claim.quotaFloor}, dư ${claim.remainder}/${weightSum}; ${claim.quotaFloor} + ${beyond} = ${claim.seats} suất`,
    en: `${sums} = ${claim.quotaFloor}, remainder ${claim.remainder}/${weightSum}; ${claim.quotaFloor} + ${beyond} = ${claim.seats} seats`,
  };
};

/** With the last quotient that won and the next that did not, a reader can check the whole result: no `next` may pass any `last`. */
const quotientLine = (claim: Claim, method: Method): WorkingLine => {
  const last = claim.seats > 0n ? `${claim.weight}/${divisorOf(method, claim.seats)}` : '–';
  const next = `${claim.weight}/${divisorOf(method, nextSeat(claim))}`;
  return {
    key: claim.key,
    vi: `thương cuối được suất ${last}, thương kế tiếp ${next}; ${claim.seats} suất`,
    en: `last quotient with a seat ${last}, next quotient ${next}; ${claim.seats} seats`,
  };
};

const scaledLine = (factor: bigint): WorkingLine => ({
  key: null,
  vi: `Trọng số có phần thập phân nên được nhân với ${factor} để tính bằng số nguyên.`,
  en: `Weights have decimals, so they are multiplied by ${factor} and counted in whole numbers.`,
});

const workingOf = (method: Method, factor: bigint, total: bigint, weightSum: bigint, claims: readonly Claim[]): readonly WorkingLine[] => {
  const seats = claims.reduce((sum, claim) => sum + claim.seats, 0n);
  return [
    { key: null, ...ruleLine[method] },
    ...(factor > 1n && method !== 'equal' ? [scaledLine(factor)] : []),
    { key: null, vi: `Tổng ${total} suất; tổng trọng số ${weightSum}.`, en: `${total} seats in all; weights sum to ${weightSum}.` },
    ...claims.map((claim) => (byHighestQuotient(method) ? quotientLine(claim, method) : remainderLine(claim, total, weightSum))),
    { key: null, vi: `Cộng: ${seats} suất.`, en: `Sum: ${seats} seats.` },
  ];
};

/** Where a key stands that stood before; -1 if none does. */
export const firstTwice = (keys: readonly string[]): number => {
  const seen = new Set<string>();
  return keys.findIndex((key) => seen.size === seen.add(key).size);
};

/**
 * Divides `total` seats by weights, exactly and without floats; the seats always add up to `total`.
 * Refuses with `total-invalid`, `shares-empty`, `share-twice`, `weight-invalid`, `weights-all-zero`; fields as `shares.3.weight`.
 */
export const apportion = (total: number, shares: readonly Share[], method: Method): Apportionment | Refused => {
  if (!Number.isSafeInteger(total) || total < 0) return refuse('total-invalid', { field: 'total' });
  if (shares.length === 0) return refuse('shares-empty', { field: 'shares' });
  const twice = firstTwice(shares.map((share) => share.key));
  if (twice >= 0) return refuse('share-twice', { field: `shares.${twice}.key` });
  const scaled = scale(shares);
  const wrong = scaled.weights.indexOf(null);
  if (wrong >= 0) return refuse('weight-invalid', { field: `shares.${wrong}.weight` });
  const weights = scaled.weights.map((weight) => (method === 'equal' && weight ? 1n : (weight ?? 0n)));
  const weightSum = weights.reduce((sum, weight) => sum + weight, 0n);
  if (weightSum === 0n) return refuse('weights-all-zero', { field: 'shares' });

  const all = BigInt(total);
  const claims = shares
    .map(({ key }, at): Claim => {
      const weight = weights[at] ?? 0n;
      return { key, weight, quotaFloor: (all * weight) / weightSum, remainder: (all * weight) % weightSum, seats: 0n };
    })
    .sort(byKey);
  if (byHighestQuotient(method)) giveByQuotient(method, all, weightSum, claims);
  else giveByRemainder(all, claims);

  const line = claims.filter((claim) => claim.weight > 0n).sort(byHighestQuotient(method) ? byQuotient(method, nextSeat) : byRemainder);
  const ranks = new Map(line.map((claim, at) => [claim.key, at + 1]));
  return {
    accepted: true,
    allotments: claims.map((claim) => ({
      key: claim.key,
      seats: Number(claim.seats),
      quota: { numerator: String(all * claim.weight), denominator: String(weightSum) },
      floor: Number(claim.quotaFloor),
      remainder: { numerator: String(claim.remainder), denominator: String(weightSum) },
      rank: ranks.get(claim.key) ?? null,
    })),
    working: workingOf(method, scaled.factor, all, weightSum, claims),
  };
};
