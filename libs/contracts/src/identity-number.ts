import { z } from 'zod';
import { birthYear } from './dates.ts';
import { issueOf } from './text.ts';
import type { CellRefusal, Notice } from './text.ts';

/** Also the sex that the number's fourth digit tells. */
export type Sex = 'male' | 'female';

export type ParsedIdentityNumber = { readonly ok: true; readonly number: string; readonly warnings: readonly Notice[] } | CellRefusal;

// Birth registration: 63 provinces of before 2025 have their codes within 001 to 096 (domain 9.2). The list itself was not read.
const LAST_PROVINCE = 96;

const RETYPE = {
  vi: 'Định dạng cột là Văn bản (Text) rồi gõ lại đủ 12 chữ số theo thẻ căn cước.',
  en: 'Format the column as Text and type all 12 digits again from the identity card.',
};
const ASK = {
  vi: 'Hỏi số định danh 12 chữ số trên thẻ căn cước và ghi số đó.',
  en: 'Ask for the 12-digit number on the identity card and write that one.',
};

const refused = (code: string, vi: string, en: string, mend: CellRefusal['mend'] = RETYPE): CellRefusal => ({ ok: false, code, vi, en, mend });

function refusal(s: string): CellRefusal {
  if (s === '') return refused('identity-number-empty', 'Ô số định danh để trống.', 'The identity number is empty.', ASK);
  if (/^\d(?:[.,]\d+)?e\+?\d+$/i.test(s)) {
    return refused(
      'identity-number-scientific',
      'Excel đã rút gọn số thành dạng E+11, các chữ số cuối không còn.',
      'Excel has shortened the number to the form E+11; its last digits are gone.',
    );
  }
  if (!/^\d+$/.test(s)) {
    return refused('identity-number-not-digits', 'Có ký tự không phải chữ số.', 'It has characters that are no digits.');
  }
  // Every number begins with 0, those of the provinces 001 to 009 (Hà Nội is 001) with 00, so Excel drops one zero or two.
  if (s.length === 11 || s.length === 10) {
    return refused(
      'identity-number-lost-zero',
      `Chỉ có ${s.length} chữ số: Excel có thể đã bỏ số 0 ở đầu.`,
      `It has only ${s.length} digits: Excel has probably dropped the leading zeros.`,
    );
  }
  if (s.length === 9) {
    return refused(
      'identity-number-old',
      'Đây có vẻ là số chứng minh nhân dân cũ (9 chữ số).',
      'This looks like the number of an old identity card (9 digits).',
      ASK,
    );
  }
  return refused('identity-number-length', `Có ${s.length} chữ số, cần 12.`, `It has ${s.length} digits; 12 are needed.`, ASK);
}

// Excel's text marker, blanks of every kind and digits of full width are no part of the number; `.0` is left by tools that took it for a number.
const clean = (cell: string): string =>
  cell
    .replace(/[\uFF01-\uFF5E]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0))
    .replace(/[\s\p{Z}\p{Cf}]+/gu, '')
    .replace(/^['’]/, '')
    .replace(/^(\d+)[.,]0+$/, '$1');

const TWELVE = /^\d{12}$/;

/**
 * The 12-digit number of a cell, as text. Nothing is guessed: `identity-number-lost-zero` (10 or 11 digits), `identity-number-scientific`,
 * `identity-number-old` (9 digits), `identity-number-length`, `identity-number-not-digits`, `identity-number-empty`.
 */
export function parseIdentityNumber(cell: string): ParsedIdentityNumber {
  const number = TWELVE.test(cell) ? cell : clean(cell);
  return TWELVE.test(number) ? { ok: true, number, warnings: checkIdentityNumber(number) } : refusal(number);
}

/** The number itself as a schema: what it lets through is cleaned. Codes as `parseIdentityNumber`. */
export const identityNumber: z.ZodString = z
  .string()
  .overwrite((s) => (TWELVE.test(s) ? s : clean(s)))
  .superRefine((s, ctx) => {
    if (!TWELVE.test(s)) ctx.addIssue(issueOf(refusal(s)));
  })
  .meta({ pattern: '^[0-9]{12}$' });

export interface KnownOfPerson {
  /** A business date or a year alone. */
  readonly birth?: string | undefined;
  readonly sex?: Sex | undefined;
}

/**
 * Where a 12-digit number disagrees with itself or with what is known of the person (domain 9.2: digits 1-3 province of birth registration, 4
 * century and sex, 5-6 year of birth). Warnings only: people do live with such numbers.
 */
export function checkIdentityNumber(number: string, known: KnownOfPerson = {}): Notice[] {
  const warnings: Notice[] = [];
  const province = Number(number.slice(0, 3));
  const century = Number(number[3]);
  if (province < 1 || province > LAST_PROVINCE) {
    warnings.push({
      code: 'identity-number-province-unknown',
      vi: 'Ba số đầu không phải mã tỉnh (001 đến 096).',
      en: 'The first three digits are no province code (001 to 096).',
    });
  }
  if (known.sex !== undefined && known.sex !== (century % 2 === 0 ? 'male' : 'female')) {
    warnings.push({ code: 'identity-number-sex-differs', vi: 'Số thứ tư không khớp giới tính.', en: 'The fourth digit does not fit the sex.' });
  }
  if (known.birth !== undefined) {
    const year = birthYear(known.birth);
    if (Math.floor(year / 100) !== 19 + Math.floor(century / 2)) {
      warnings.push({
        code: 'identity-number-century-differs',
        vi: 'Số thứ tư không khớp thế kỷ của năm sinh.',
        en: 'The fourth digit does not fit the century of birth.',
      });
    }
    if (year % 100 !== Number(number.slice(4, 6))) {
      warnings.push({
        code: 'identity-number-birth-year-differs',
        vi: 'Số thứ năm và thứ sáu không khớp năm sinh.',
        en: 'The fifth and sixth digits do not fit the year of birth.',
      });
    }
  }
  return warnings;
}

export interface IdentityNumberParts {
  /** 1 to 999; those given out are 1 to 96, Hà Nội is 1. */
  readonly province: number;
  readonly sex: Sex;
  readonly birthYear: number;
  /** 0 to 999999. */
  readonly serial: number;
}

const digits = (n: number, length: number, from: number, to: number): string => {
  if (!Number.isInteger(n) || n < from || n > to) throw new RangeError(`not a whole number from ${from} to ${to}`);
  return String(n).padStart(length, '0');
};

/** A number of that form, for seeds and tests. A part out of range (years: 1900 to 2199) is a RangeError. */
export function makeIdentityNumber({ province, sex, birthYear, serial }: IdentityNumberParts): string {
  const year = digits(birthYear, 4, 1900, 2199);
  const century = (Number(year.slice(0, 2)) - 19) * 2 + (sex === 'female' ? 1 : 0);
  return `${digits(province, 3, 1, 999)}${century}${year.slice(2)}${digits(serial, 6, 0, 999_999)}`;
}
