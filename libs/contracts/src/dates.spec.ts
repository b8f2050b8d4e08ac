import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { addDays, ageIn, birth, birthYear, businessDate, compare, instant, isBusinessDate, parseVietnameseDate, todayIn } from './dates.ts';

const takes = (schema: z.ZodType, value: unknown): boolean => schema.safeParse(value).success;
const day = fc.integer({ min: 0, max: 109_571 }).map((n) => addDays('1900-01-01', n));

describe('a business date', () => {
  it('is a day that the calendar has', () => {
    for (const good of ['1900-01-01', '2199-12-31', '2024-02-29', '2000-02-29', '2026-11-22']) expect(takes(businessDate, good), good).toBe(true);
    for (const bad of [
      '2023-02-29',
      '1900-02-29',
      '2100-02-29',
      '2026-04-31',
      '2026-13-01',
      '2026-00-10',
      '2026-01-00',
      '1899-12-31',
      '2200-01-01',
      '2026-1-1',
      '22/11/2026',
      '2026-11-22T00:00:00Z',
      ' 2026-11-22',
      '2026-11-22\n',
      '２０２６-11-22',
      '',
      20261122,
      null,
    ]) {
      expect(takes(businessDate, bad), String(bad)).toBe(false);
    }
  });

  it('agrees with the calendar of the platform for every day of three centuries', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1900, max: 2199 }), fc.integer({ min: 0, max: 13 }), fc.integer({ min: 0, max: 32 }), (y, m, d) => {
        const s = `${y}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}`;
        const at = new Date(Date.UTC(y, m - 1, d));
        expect(isBusinessDate(s)).toBe(at.getUTCMonth() === m - 1 && at.getUTCDate() === d);
      }),
    );
  });

  it('moves by days over months, leap days and clock changes', () => {
    expect(addDays('2024-02-28', 1)).toBe('2024-02-29');
    expect(addDays('2026-01-01', -1)).toBe('2025-12-31');
    expect(addDays('2026-03-08', 1)).toBe('2026-03-09');
    expect(addDays('2025-07-01', 0)).toBe('2025-07-01');
    fc.assert(
      fc.property(day, fc.integer({ min: -400, max: 400 }), (d, n) => {
        fc.pre(d > '1902-01-01' && d < '2198-01-01');
        expect(addDays(addDays(d, n), -n)).toBe(d);
        expect(compare(addDays(d, n), d)).toBe(Math.sign(n));
      }),
    );
  });

  it('does not leave its centuries and does not move by parts of a day', () => {
    for (const [from, n] of [
      ['1900-01-01', -1],
      ['2199-12-31', 1],
      ['2026-11-22', 0.5],
      ['2026-11-22', Number.NaN],
      ['2026-11-22', 1e20],
      ['2026-02-30', 1],
    ] as const) {
      expect(() => addDays(from, n), `${from} ${n}`).toThrow(RangeError);
    }
  });

  it('is shown as a date in the published schema', () => {
    expect(z.toJSONSchema(businessDate)).toMatchObject({ type: 'string', format: 'date' });
    expect(z.toJSONSchema(instant)).toMatchObject({ type: 'string', format: 'date-time' });
  });

  it('is refused with a code and both languages', () => {
    expect(businessDate.safeParse('x').error?.issues[0]).toMatchObject({
      code: 'custom',
      params: { code: 'date-invalid', vi: expect.any(String), en: expect.any(String) },
    });
  });
});

describe('a birth and an age', () => {
  it('may be a year alone', () => {
    for (const good of ['1980', '1980-05-19', '1900', '2199']) expect(takes(birth, good), good).toBe(true);
    for (const bad of ['80', '1899', '2200', '1980-05', '1980-02-30', '198O', '']) expect(takes(birth, bad), bad).toBe(false);
    expect([birthYear('1980'), birthYear('1980-12-31')]).toEqual([1980, 1980]);
  });

  it('counts by calendar year: born in 1984 is 40 in 2024, whatever the day', () => {
    expect([ageIn(2024, '1984'), ageIn(2024, '1984-12-31'), ageIn(2024, '1984-01-01')]).toEqual([40, 40, 40]);
  });
});

describe('today', () => {
  it('is the day in Hà Nội, wherever the process runs', () => {
    expect(todayIn(new Date('2026-11-21T16:59:59.999Z'))).toBe('2026-11-21');
    expect(todayIn(new Date('2026-11-21T17:00:00Z'))).toBe('2026-11-22');
    expect(todayIn(new Date('2025-12-31T17:00:00Z'))).toBe('2026-01-01');
  });

  it('is the day of another zone when asked', () => {
    const at = new Date('2026-11-21T11:00:00Z');
    expect(todayIn(at, 'Pacific/Kiritimati')).toBe('2026-11-22');
    expect(todayIn(at, 'America/Los_Angeles')).toBe('2026-11-21');
    expect(todayIn(at, 'UTC')).toBe('2026-11-21');
  });

  it('fails for no time and for no zone', () => {
    expect(() => todayIn(new Date(Number.NaN))).toThrow(RangeError);
    expect(() => todayIn(new Date(0), 'Asia/Thăng_Long')).toThrow(RangeError);
  });
});

describe('an instant', () => {
  it('is in UTC and exists', () => {
    for (const good of ['2026-11-22T03:00:00Z', '2026-11-22T23:59:59.123456Z']) expect(takes(instant, good), good).toBe(true);
    for (const bad of [
      '2026-11-22T03:00:00+07:00',
      '2026-11-22T24:00:00Z',
      '2026-02-30T00:00:00Z',
      '2026-11-22T03:60:00Z',
      '2026-11-22',
      '2026-11-22 03:00:00Z',
      '2026-11-22T03:00:00',
    ]) {
      expect(takes(instant, bad), bad).toBe(false);
    }
  });
});

describe('a date in an imported list', () => {
  const read = (cell: string): string => {
    const parsed = parseVietnameseDate(cell);
    return parsed.ok ? parsed.value : parsed.code;
  };

  it('is read with the day before the month', () => {
    expect(['19/5/1980', '19/05/1980', '19-05-1980', '19.5.1980', '1980-05-19', '1980-5-9'].map(read)).toEqual([
      '1980-05-19',
      '1980-05-19',
      '1980-05-19',
      '1980-05-19',
      '1980-05-19',
      '1980-05-09',
    ]);
    expect(read('1/2/1980')).toBe('1980-02-01');
    expect(read('1980')).toBe('1980');
  });

  it("may have blanks around it and Excel's text marker before it", () => {
    for (const cell of [' 19/5/1980 ', '19 / 5 / 1980', '\u00a019/\u200b05/1980', "'19/5/1980", '19/5/1980\r', '19/5/1980\t'])
      expect(read(cell), JSON.stringify(cell)).toBe('1980-05-19');
    expect(read("' 1980")).toBe('1980');
  });

  it('is never guessed', () => {
    for (const [cell, code] of [
      ['1/2/80', 'date-two-digit-year'],
      ['01-02-80', 'date-two-digit-year'],
      ['1.2.80', 'date-two-digit-year'],
      ['44197', 'date-excel-serial'],
      ['29360', 'date-excel-serial'],
      ['44197.5', 'date-excel-serial'],
      ['44197,0', 'date-excel-serial'],
      ['109000', 'date-excel-serial'],
      ['5/1980', 'date-day-missing'],
      ['05-1980', 'date-day-missing'],
      ['12/31/1980', 'date-impossible'],
      ['30/2/1980', 'date-impossible'],
      ['29/2/2023', 'date-impossible'],
      ['00/00/1980', 'date-impossible'],
      ['1980-02-30', 'date-impossible'],
      ['1/1/1899', 'date-year-out-of-range'],
      ['1/1/2200', 'date-year-out-of-range'],
      ['0000', 'date-year-out-of-range'],
      ['3000', 'date-year-out-of-range'],
      ['', 'date-empty'],
      [' \u00a0', 'date-empty'],
      ["'", 'date-empty'],
      ['19/5-1980', 'date-unreadable'],
      ['19051980', 'date-unreadable'],
      ['190580', 'date-unreadable'],
      ['19 5 1980', 'date-unreadable'],
      ['19 80', 'date-unreadable'],
      ['80', 'date-unreadable'],
      ['khoảng 1980', 'date-unreadable'],
      ['########', 'date-unreadable'],
      ['1980/5/19', 'date-unreadable'],
      ['-1/2/1980', 'date-unreadable'],
    ] as const)
      expect(read(cell), cell).toBe(code);
  });

  it('says in both languages why and how to mend it, without quoting it', () => {
    const parsed = parseVietnameseDate('44197');
    expect(parsed).toMatchObject({
      ok: false,
      vi: expect.stringContaining('Excel'),
      en: expect.stringContaining('Excel'),
      mend: { vi: expect.any(String), en: expect.any(String) },
    });
    expect(JSON.stringify(parsed)).not.toContain('44197');
  });

  it('reads back every day however it was written, and nothing that is no birth', () => {
    fc.assert(
      fc.property(day, fc.constantFrom('/', '-', '.'), fc.boolean(), (d, sign, bare) => {
        const [y, m, n] = d.split('-') as [string, string, string];
        const written = [n, m]
          .map((part) => (bare ? String(Number(part)) : part))
          .concat(y)
          .join(sign);
        expect([read(written), read(d)]).toEqual([d, d]);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789/-. '"), maxLength: 12 }), (cell) => {
        const parsed = parseVietnameseDate(cell);
        expect(!parsed.ok || takes(birth, parsed.value)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
