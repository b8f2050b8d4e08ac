import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { disarm, rearm } from './csv-cell.ts';

// Any code unit, lone surrogates too; fast-check's own 'binary' takes a second to set up and never makes those.
const codeUnit = fc.nat(0xffff).map((c) => String.fromCharCode(c));
const anyCell = fc.oneof(
  fc.string({ unit: codeUnit }),
  fc.string({ unit: fc.constantFrom(...'\'"=+-@＝－ \t\r\n\0\u00a0\u200b\ufeffa1ế,;', '\ud800'), maxLength: 8 }),
);

describe('an exported cell', () => {
  it('cannot run as a formula', () => {
    for (const cell of [
      '=1+1',
      '+84912345678',
      '-5',
      '@SUM(A1)',
      '\t=1',
      '\ta',
      '\ra',
      '\na',
      '\0a',
      '\r\n=1',
      ' =1',
      '\u00a0=1',
      '\u3000+1',
      '\u200b=1',
      '\ufeff@A',
      '  \t-1',
      '＝1',
      '＋1',
      '－1',
      '＠A',
      ' ＝1',
      '﹦1',
      "=cmd|' /C calc'!A0",
    ])
      expect(disarm(cell), JSON.stringify(cell)).toBe(`'${cell}`);
  });

  it('stays as it is where nothing can run', () => {
    for (const cell of ['', 'Nguyễn Văn An', 'Đỗ Ân', '001080012345', '19/5/1980', '1-2', 'a=b', "H'Hen Niê", "'Y Bih", "''", ' x', '(=1)', '"=1"']) {
      expect(disarm(cell), cell).toBe(cell);
      expect(rearm(cell), cell).toBe(cell);
    }
  });

  it('comes back as the equal value, also when it began with apostrophes itself', () => {
    for (const cell of ["'=1", "''=1", "'\t", "' =1", "'", "'Y Bih"]) expect(rearm(disarm(cell)), cell).toBe(cell);
    expect(disarm("'=1")).toBe("''=1");
    fc.assert(
      fc.property(anyCell, (cell) => {
        expect(rearm(disarm(cell))).toBe(cell);
      }),
      { numRuns: 2000 },
    );
  });

  it('never begins with a sign of a formula, whatever was put in', () => {
    fc.assert(
      fc.property(anyCell, (cell) => {
        const out = disarm(cell);
        expect(out.replace(/^[\s\p{Z}\p{Cc}\p{Cf}]+/u, '')).not.toMatch(/^[=+\-@＝＋－＠]/);
        expect(out).not.toMatch(/^[\t\r\n\0]/);
      }),
      { numRuns: 2000 },
    );
  });

  it('is taken as typed where a file brings it without the apostrophe', () => {
    expect(rearm('=1+1')).toBe('=1+1');
    expect(rearm("'=1+1")).toBe('=1+1');
  });
});
