import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkIdentityNumber, identityNumber, makeIdentityNumber, parseIdentityNumber } from './identity-number.ts';

// Any code unit, lone surrogates too; fast-check's own 'binary' takes a second to set up and never makes those.
const codeUnit = fc.nat(0xffff).map((c) => String.fromCharCode(c));
const HANOI_MAN_1980 = '001080012345';
const read = (cell: string): string => {
  const parsed = parseIdentityNumber(cell);
  return parsed.ok ? parsed.number : parsed.code;
};
const codes = (...args: Parameters<typeof checkIdentityNumber>): string[] => checkIdentityNumber(...args).map((warning) => warning.code);

describe('an identity number in an imported list', () => {
  it('is twelve digits, kept as text with its zeros', () => {
    expect(parseIdentityNumber(HANOI_MAN_1980)).toEqual({ ok: true, number: HANOI_MAN_1980, warnings: [] });
  });

  it('is cleaned of what is no part of it', () => {
    for (const cell of [
      ' 001080012345 ',
      '001 080 012345',
      '001\u00a0080\u2009012345',
      '\ufeff001080\u200b012345',
      '001080012345\r\n',
      '001080012345\t',
      "'001080012345",
      '’001080012345',
      "' 001080012345",
      '００１０８００１２３４５',
      '001080012345.0',
      '001080012345,00',
      '＇001080012345',
    ])
      expect(read(cell), JSON.stringify(cell)).toBe(HANOI_MAN_1980);
  });

  it('is refused when Excel has dropped the leading zeros: one, or two for Hà Nội', () => {
    for (const cell of ['80080012345', '1080012345', '1080012345.0', "'1080012345"]) expect(read(cell), cell).toBe('identity-number-lost-zero');
  });

  it('is refused when Excel has shortened it', () => {
    for (const cell of ['1.23E+11', '1,23E+11', '1.0800123E+09', '1E+11', '1,08e+9', '8.00800E10'])
      expect(read(cell), cell).toBe('identity-number-scientific');
  });

  it('is refused as an old card when it has nine digits, and told to ask for the new one', () => {
    expect(parseIdentityNumber('012345678')).toMatchObject({
      ok: false,
      code: 'identity-number-old',
      mend: { vi: expect.stringContaining('12 chữ số'), en: expect.stringContaining('12-digit') },
    });
  });

  it('is refused for everything else', () => {
    for (const [cell, code] of [
      ['', 'identity-number-empty'],
      [' \u200b', 'identity-number-empty'],
      ["'", 'identity-number-empty'],
      ['12345678', 'identity-number-length'],
      ['0010800123456', 'identity-number-length'],
      ['00108001234O', 'identity-number-not-digits'],
      ['001-080-012345', 'identity-number-not-digits'],
      ['-01080012345', 'identity-number-not-digits'],
      ['001080012345.5', 'identity-number-not-digits'],
      ['٠٠١٠٨٠٠١٢٣٤٥', 'identity-number-not-digits'],
      ['chưa có', 'identity-number-not-digits'],
      ["''001080012345", 'identity-number-not-digits'],
    ] as const)
      expect(read(cell), cell).toBe(code);
  });

  it('is never quoted in what is said about it', () => {
    for (const cell of ['80080012345', '012345678', '1.0800123E+09', '001080O12345', '0010800123456']) {
      const parsed = parseIdentityNumber(cell);
      expect(parsed).toMatchObject({
        ok: false,
        vi: expect.any(String),
        en: expect.any(String),
        mend: { vi: expect.any(String), en: expect.any(String) },
      });
      expect(JSON.stringify(parsed)).not.toContain(cell);
    }
  });

  it('is all digits or refused, whatever the cell', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: codeUnit }), fc.string({ unit: fc.constantFrom(..."0123456789 .,'E+０"), maxLength: 16 })), (cell) => {
        const parsed = parseIdentityNumber(cell);
        expect(identityNumber.safeParse(cell).data).toBe(parsed.ok ? parsed.number : undefined);
        if (parsed.ok) expect(parsed.number).toMatch(/^[0-9]{12}$/);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the schema of an identity number', () => {
  it('cleans, refuses with the same codes and shows its form', () => {
    expect(identityNumber.parse(' 001 080 012345')).toBe(HANOI_MAN_1980);
    expect(identityNumber.safeParse('1080012345').error?.issues[0]).toMatchObject({ code: 'custom', params: { code: 'identity-number-lost-zero' } });
    expect(identityNumber.safeParse(1080012345).success).toBe(false);
    expect(z.toJSONSchema(identityNumber)).toMatchObject({ type: 'string', pattern: '^[0-9]{12}$' });
  });
});

describe('a number beside what is known of the person', () => {
  it('is accepted with warnings, never refused', () => {
    expect(codes(HANOI_MAN_1980, { birth: '1980-05-19', sex: 'male' })).toEqual([]);
    expect(codes(HANOI_MAN_1980, { birth: '1980', sex: 'female' })).toEqual(['identity-number-sex-differs']);
    expect(codes(HANOI_MAN_1980, { birth: '1981' })).toEqual(['identity-number-birth-year-differs']);
    expect(codes(HANOI_MAN_1980, { birth: '2080' })).toEqual(['identity-number-century-differs']);
    expect(codes('097080012345')).toEqual(['identity-number-province-unknown']);
    expect(codes('000080012345')).toEqual(['identity-number-province-unknown']);
    expect(codes('096080012345')).toEqual([]);
    expect(parseIdentityNumber('999999999999')).toMatchObject({ ok: true, warnings: [{ code: 'identity-number-province-unknown' }] });
  });

  it('takes the year 2000 for the next century', () => {
    expect(codes('001200000001', { birth: '2000', sex: 'male' })).toEqual([]);
    expect(codes('001399000001', { birth: '2099-12-31', sex: 'female' })).toEqual([]);
  });
});

describe('a made-up number', () => {
  it('agrees with the person it was made for', () => {
    const parts = fc.record({
      province: fc.integer({ min: 1, max: 96 }),
      sex: fc.constantFrom('male' as const, 'female' as const),
      birthYear: fc.integer({ min: 1900, max: 2199 }),
      serial: fc.integer({ min: 0, max: 999_999 }),
    });
    fc.assert(
      fc.property(parts, (p) => {
        const number = makeIdentityNumber(p);
        expect(read(number)).toBe(number);
        expect(checkIdentityNumber(number, { birth: String(p.birthYear), sex: p.sex })).toEqual([]);
      }),
    );
    expect(makeIdentityNumber({ province: 1, sex: 'male', birthYear: 1980, serial: 12345 })).toBe(HANOI_MAN_1980);
    expect(makeIdentityNumber({ province: 36, sex: 'female', birthYear: 2001, serial: 7 })).toBe('036301000007');
  });

  it('has parts within their range', () => {
    const whole = { province: 1, sex: 'male', birthYear: 1980, serial: 0 } as const;
    for (const wrong of [
      { province: 0 },
      { province: 1000 },
      { birthYear: 1899 },
      { birthYear: 2200 },
      { serial: 1_000_000 },
      { serial: -1 },
      { serial: 0.5 },
    ]) {
      expect(() => makeIdentityNumber({ ...whole, ...wrong })).toThrow(RangeError);
    }
  });
});
