import { z } from 'zod';
import { issueOf, normalizeText } from './text.ts';
import type { CellRefusal, Notice } from './text.ts';

const FIRST_YEAR = 1900;
const LAST_YEAR = 2199;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const MS_PER_DAY = 86_400_000;

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

const isYear = (year: number): boolean => year >= FIRST_YEAR && year <= LAST_YEAR;

const daysIn = (year: number, month: number): number => (month === 2 && isLeap(year) ? 29 : (DAYS[month - 1] ?? 0));

const isDay = (year: number, month: number, day: number): boolean => isYear(year) && day >= 1 && day <= daysIn(year, month);

/** True for a day of the calendar as `YYYY-MM-DD`, years 1900 to 2199. */
export function isBusinessDate(s: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(s) && isDay(Number(s.slice(0, 4)), Number(s.slice(5, 7)), Number(s.slice(8)));
}

/** True for a business date, or for a year alone as `YYYY`. */
export function isBirth(s: string): boolean {
  return s.length === 4 ? /^\d{4}$/.test(s) && isYear(Number(s)) : isBusinessDate(s);
}

const INSTANT = /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/;

/** True for an instant in UTC as `YYYY-MM-DDThh:mm:ss[.fraction]Z`. */
export function isInstant(s: string): boolean {
  const day = INSTANT.exec(s)?.[1];
  return day !== undefined && isBusinessDate(day);
}

const checked = (holds: (s: string) => boolean, notice: Notice, shown: { format?: string; pattern?: string; examples: string[] }): z.ZodString =>
  z
    .string()
    .superRefine((s, ctx) => {
      if (!holds(s)) ctx.addIssue(issueOf(notice));
    })
    .meta(shown);

/** A day as everywhere in the contracts. Code: `date-invalid`. */
export const businessDate = checked(
  isBusinessDate,
  {
    code: 'date-invalid',
    vi: 'Không phải ngày có thật dạng NĂM-THÁNG-NGÀY (1900 đến 2199), ví dụ 2026-11-22.',
    en: 'Not a real date written YYYY-MM-DD (1900 to 2199), such as 2026-11-22.',
  },
  { format: 'date', examples: ['2026-11-22'] },
);

/** A birth: a day, or a year alone where no more is known (domain 9.2). Code: `birth-invalid`. */
export const birth = checked(
  isBirth,
  {
    code: 'birth-invalid',
    vi: 'Không phải ngày sinh dạng NĂM-THÁNG-NGÀY hoặc năm sinh, ví dụ 1980-05-19 hoặc 1980.',
    en: 'Not a birth date written YYYY-MM-DD nor a birth year, such as 1980-05-19 or 1980.',
  },
  { pattern: '^\\d{4}(-\\d{2}-\\d{2})?$', examples: ['1980-05-19'] },
);

/** A moment in UTC. Code: `instant-invalid`. */
export const instant = checked(
  isInstant,
  {
    code: 'instant-invalid',
    vi: 'Không phải thời điểm UTC theo ISO 8601, ví dụ 2026-11-22T03:00:00Z.',
    en: 'Not an instant in UTC by ISO 8601, such as 2026-11-22T03:00:00Z.',
  },
  { format: 'date-time', examples: ['2026-11-22T03:00:00.000Z'] },
);

/** The year of a birth, whether it is a day or a year alone. */
export const birthYear = (birth: string): number => Number(birth.slice(0, 4));

/** Age by calendar year, in years: the year of the intake less the year of birth, whatever the day (domain 3.2). */
export const ageIn = (intakeYear: number, birth: string): number => intakeYear - birthYear(birth);

const dayFormat = (timeZone: string): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });

const HANOI = 'Asia/Ho_Chi_Minh';
// Making a format costs a hundred times as much as using it.
const hanoiDay = dayFormat(HANOI);

/** The business date at an instant, independent of the zone the process runs in. An invalid Date or an unknown zone is a RangeError. */
export function todayIn(instant: Date, timeZone: string = HANOI): string {
  return timeZone === HANOI ? hanoiToday(instant) : dayIn(instant, dayFormat(timeZone));
}

const QUARTER_HOUR_MS = 900_000;

/** Days begin on a quarter of an hour everywhere, and every request asks: remembering the quarter saves 18 µs each. */
const remembering = (day: (instant: Date) => string): ((instant: Date) => string) => {
  let known = { quarter: Number.NaN, day: '' };
  return (instant) => {
    const quarter = Math.floor(instant.getTime() / QUARTER_HOUR_MS);
    if (quarter !== known.quarter) known = { quarter, day: day(instant) };
    return known.day;
  };
};

const dayIn = (instant: Date, format: Intl.DateTimeFormat): string => {
  const parts = format.formatToParts(instant);
  const part = (type: string): string => parts.find((p) => p.type === type)?.value ?? '';
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`;
};

const hanoiToday = remembering((instant) => dayIn(instant, hanoiDay));

/** -1, 0 or 1. Business dates order as texts; this is for `toSorted` and for saying so. */
export const compare = (a: string, b: string): -1 | 0 | 1 => (a < b ? -1 : a > b ? 1 : 0);

/** The business date so many days later (earlier if negative). No business date, or none any more: RangeError. */
export function addDays(date: string, days: number): string {
  const moved = isBusinessDate(date) ? new Date(Date.parse(`${date}T00:00:00Z`) + days * MS_PER_DAY) : undefined;
  const result = moved && !Number.isNaN(moved.getTime()) ? moved.toISOString().slice(0, 10) : '';
  if (!Number.isInteger(days) || !isBusinessDate(result)) throw new RangeError('a business date plus whole days has to stay within 1900 to 2199');
  return result;
}

export type ParsedDate = { readonly ok: true; readonly value: string } | CellRefusal;

const MEND = {
  vi: 'Ghi ngày/tháng/năm với năm đủ bốn chữ số, ví dụ 19/5/1980; nếu chỉ biết năm thì ghi 1980.',
  en: 'Write day/month/year with a year of four digits, such as 19/5/1980; if only the year is known, write 1980.',
};

const refused = (code: string, vi: string, en: string, mend: CellRefusal['mend'] = MEND): CellRefusal => ({ ok: false, code, vi, en, mend });

function dayOf(year: string, month: string, day: string): ParsedDate {
  if (isDay(Number(year), Number(month), Number(day))) {
    return { ok: true, value: `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}` };
  }
  if (!isYear(Number(year))) return yearOutOfRange();
  return refused(
    'date-impossible',
    'Ngày này không có trong lịch (ngày đứng trước, tháng đứng sau).',
    'There is no such day in the calendar (the day comes first, then the month).',
  );
}

const yearOutOfRange = (): CellRefusal =>
  refused('date-year-out-of-range', 'Năm phải từ 1900 đến 2199.', 'The year has to be between 1900 and 2199.');

const DAY_MONTH_YEAR = /^(\d{1,2})([/.-])(\d{1,2})\2(\d{4})$/;
const YEAR_MONTH_DAY = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
// Days since 1900 up to the end of 2199, perhaps with a fraction for the time of day.
const SERIAL = /^(?:[1-9]\d{4}|10\d{4})(?:[.,]\d+)?$/;

function parseClean(cell: string): ParsedDate {
  const dmy = DAY_MONTH_YEAR.exec(cell);
  if (dmy) return dayOf(dmy[4] as string, dmy[3] as string, dmy[1] as string);
  const ymd = YEAR_MONTH_DAY.exec(cell);
  if (ymd) return dayOf(ymd[1] as string, ymd[2] as string, ymd[3] as string);
  if (/^\d{4}$/.test(cell)) return isYear(Number(cell)) ? { ok: true, value: cell } : yearOutOfRange();
  if (cell === '') return refused('date-empty', 'Ô ngày để trống.', 'The date is empty.');
  if (/^\d{1,2}([/.-])\d{1,2}\1\d{2}$/.test(cell)) {
    return refused('date-two-digit-year', 'Năm chỉ có hai chữ số nên không rõ thế kỷ.', 'The year has only two digits, so the century is unknown.');
  }
  if (/^\d{1,2}[/.-]\d{4}$/.test(cell)) {
    return refused('date-day-missing', 'Chỉ có tháng và năm, thiếu ngày.', 'It has a month and a year but no day.');
  }
  if (SERIAL.test(cell)) {
    return refused('date-excel-serial', 'Đây là số thứ tự ngày của Excel, không phải ngày.', 'This is a serial number of Excel, not a date.', {
      vi: 'Trong Excel, chọn cột này, định dạng Ngày kiểu 14/03/2012 (hoặc Văn bản rồi gõ lại), lưu và nhập lại.',
      en: 'In Excel, format the column as a Date such as 14/03/2012 (or as Text and type it again), save and import again.',
    });
  }
  return refused('date-unreadable', 'Không đọc được ngày.', 'The date cannot be read.');
}

// What a cell may carry around a date that is otherwise plain: Excel's text marker, blanks at the ends and about the separators.
const clean = (cell: string): string =>
  normalizeText(cell.replace(/[\t\r\n]+/g, ' '))
    .replace(/^['’]/, '')
    .replace(/ ?([/.-]) ?/g, '$1')
    .trim();

/**
 * A date as people write it in Vietnamese lists (domain 9.2): d/m/yyyy, d-m-yyyy, d.m.yyyy, yyyy-mm-dd or a year alone; the value is a birth as
 * above. The day always comes before the month. What would have to be guessed is refused: `date-two-digit-year`, `date-excel-serial`,
 * `date-day-missing`, `date-impossible`, `date-year-out-of-range`, `date-empty`, `date-unreadable`.
 */
export function parseVietnameseDate(cell: string): ParsedDate {
  const read = parseClean(cell);
  return read.ok ? read : parseClean(clean(cell));
}
