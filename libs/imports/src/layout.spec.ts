import { describe, expect, it } from 'vitest';
import { rowParser, type Layout } from './layout.ts';
import { importLimits } from './limits.ts';
import { layout, type Person } from './people.fixture.ts';

const places = { fullName: 0, identityNumber: 1, birth: 2, sex: 3, unitCode: 4 };
const parse = rowParser(layout, places, 5);
const codesOf = (cells: readonly string[]): string[] => {
  const read = parse(cells);
  return read.ok ? [] : read.errors.map(({ column, code }) => `${column} ${code}`);
};

describe('a row', () => {
  it('becomes its value, with text normalized', () => {
    expect(parse([' Nguyễn\u00A0 Thị\u200B Ánh '.normalize('NFD'), '001180000001', '9/5/1980', ' NỮ', 'HN - 01'])).toEqual({
      ok: true,
      value: { fullName: 'Nguyễn Thị Ánh', identityNumber: '001180000001', birth: '1980-05-09', sex: 'female', unitCode: 'HN-01' },
      warnings: [],
    });
  });

  it('leaves out what it does not know', () => {
    expect(parse(['An', '001080000001', ' ', '', 'HN-01'])).toMatchObject({
      ok: true,
      value: { fullName: 'An', identityNumber: '001080000001', unitCode: 'HN-01' },
    });
  });

  it('is refused with all its errors at once, each with its column, rule and mend in both languages', () => {
    const read = parse(['', '1.23E+11', '31/2/1980', 'nửa', '*']);
    expect(read.ok).toBe(false);
    if (read.ok) return;
    expect(read.errors.map(({ column, code }) => [column, code])).toEqual([
      ['fullName', 'cell-missing'],
      ['identityNumber', 'identity-number-scientific'],
      ['birth', 'date-impossible'],
      ['sex', 'choice-unknown'],
      ['unitCode', 'code-invalid'],
    ]);
    for (const { vi, en, mend } of read.errors) for (const text of [vi, en, mend.vi, mend.en]) expect(text).not.toBe('');
  });

  it('is refused where an identity number lost its leading zero: never guessed', () => {
    expect(codesOf(['An', '1080000001', '', '', 'HN-01'])).toEqual(['identityNumber identity-number-lost-zero']);
    expect(codesOf(['An', '1,23457E+11', '', '', 'HN-01'])).toEqual(['identityNumber identity-number-scientific']);
  });

  it('is refused where a cell is too long, broken over lines, or has no heading', () => {
    expect(codesOf(['x'.repeat(importLimits.cellLength + 1), '001080000001', '', '', 'HN-01'])).toEqual(['fullName cell-too-long']);
    expect(codesOf(['An\nBình', '001080000001', '', '', 'HN-01'])).toEqual(['fullName text-control-character']);
    expect(codesOf(['An', '001080000001', '', '', 'HN-01', 'thừa'])).toEqual(['* row-has-extra-cells']);
  });

  it('is taken with a warning where an identity number looks odd', () => {
    expect(parse(['An', '999080000001', '', '', 'HN-01'])).toMatchObject({
      ok: true,
      warnings: [{ column: 'identityNumber', code: 'identity-number-province-unknown' }],
    });
  });

  it('is looked at as a whole once its cells were read', () => {
    const reviewed: Layout<Person> = {
      ...layout,
      review: ({ birth }) =>
        birth === '1900'
          ? { errors: [{ column: 'birth', code: 'too-old', vi: 'x', en: 'x', mend: { vi: 'x', en: 'x' } }] }
          : { warnings: [{ column: 'birth', code: 'seen', vi: 'x', en: 'x' }] },
    };
    const look = rowParser(reviewed, places, 5);
    expect(look(['An', '001080000001', '1900', '', 'HN-01'])).toMatchObject({ ok: false, errors: [{ code: 'too-old' }] });
    expect(look(['An', '001080000001', '1980', '', 'HN-01'])).toMatchObject({ ok: true, warnings: [{ code: 'seen' }] });
    expect(look(['', '001080000001', '1900', '', 'HN-01'])).toMatchObject({ ok: false, errors: [{ code: 'cell-missing' }] });
  });
});
