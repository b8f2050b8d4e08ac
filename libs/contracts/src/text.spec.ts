import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fold, isWellFormed, multilineText, nameSortKey, normalizeLines, normalizeText, splitName, text } from './text.ts';

// Any code unit, lone surrogates too; fast-check's own 'binary' takes a second to set up and never makes those.
const codeUnit = fc.nat(0xffff).map((c) => String.fromCharCode(c));
const anyString = fc.oneof(
  fc.string({ unit: codeUnit }),
  fc.string({ unit: fc.constantFrom(..."aÁđĐ ủy\u0301\u0323\u031b\u00a0\u200b\ufeff\t\n\r\0='", '\ud800', '\udc00', '😀') }),
);
const codesOf = (schema: z.ZodType, value: unknown): unknown[] =>
  (schema.safeParse(value).error?.issues ?? []).map((issue) => (issue.code === 'custom' ? issue.params?.['code'] : issue.code));

describe('a line of text', () => {
  const name = text({ max: 10 });

  it('is kept composed, without outer blanks, with single inner blanks', () => {
    expect(name.parse(' \u00a0Lê\u2009\u3000 Hồng '.normalize('NFD'))).toBe('Lê Hồng');
  });

  it('loses marks that nobody sees', () => {
    expect(name.parse('\ufeffLê\u200b \u200dHồ\u2060ng\u00ad')).toBe('Lê Hồng');
    expect(normalizeText('e\u200b\u0302')).toBe('ê');
  });

  it('refuses controls, line breaks, NUL, lone surrogates and overrides of direction', () => {
    for (const bad of ['a\u0007', 'a\tb', 'a\nb', 'a\n', '\ra', 'a\0', '\ud800', 'a\udfffb', 'a\u2028b', '\u202eabc', 'a\u0085', 'a\u007f']) {
      expect(codesOf(name, bad), JSON.stringify(bad)).toEqual(['text-control-character']);
    }
  });

  it('is bounded in code points, counted after normalization', () => {
    expect(name.safeParse('😀'.repeat(10)).success).toBe(true);
    expect(codesOf(name, '😀'.repeat(11))).toEqual(['text-too-long']);
    expect(name.safeParse(`  ${'ế'.repeat(10).normalize('NFD')}  `).success).toBe(true);
    expect(codesOf(text({ max: 9, min: 3 }), '😀😀')).toEqual(['text-too-short']);
  });

  it('is not empty unless allowed to be', () => {
    expect(codesOf(name, ' \u00a0\u200b ')).toEqual(['text-empty']);
    expect(text({ max: 5, min: 0 }).parse('   ')).toBe('');
  });

  it('says what is wrong in both languages without quoting the value', () => {
    const issue = name.safeParse('Nguyễn Văn Nguyên').error?.issues[0];
    expect(issue).toMatchObject({ code: 'custom', params: { code: 'text-too-long', vi: 'Dài quá 10 ký tự.', en: 'Longer than 10 characters.' } });
    expect(JSON.stringify(issue)).not.toContain('Nguy');
  });

  it('shows its bounds in the published schema', () => {
    expect(z.toJSONSchema(text({ max: 200 }))).toMatchObject({ type: 'string', minLength: 1, maxLength: 200 });
  });

  it('does not let a pile of marks stop the process', () => {
    const pile = `a${'\u0301\u0316'.repeat(200_000)}`;
    expect(normalizeText(pile).length).toBeLessThan(40);
    expect(fold(pile)).toBe('a');
  });
});

describe('a text of several lines', () => {
  it('keeps its lines, each normalized, with one kind of line end', () => {
    expect(multilineText({ max: 99 }).parse('\r\n Dòng  một\t \r\nDòng hai\rba\u2028bốn\n\n')).toBe('Dòng một\nDòng hai\nba\nbốn');
  });

  it('refuses every other control', () => {
    for (const bad of ['a\0b', 'a\u0008', '\ud800', 'a\u202eb']) expect(codesOf(multilineText({ max: 99 }), bad)).toEqual(['text-control-character']);
  });
});

describe('normalization', () => {
  it('is done once: normalizing again changes nothing', () => {
    fc.assert(
      fc.property(anyString, (s) => {
        expect(normalizeText(normalizeText(s))).toBe(normalizeText(s));
        expect(normalizeLines(normalizeLines(s))).toBe(normalizeLines(s));
        expect(fold(fold(s))).toBe(fold(s));
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on how the letters were typed', () => {
    fc.assert(
      fc.property(anyString, (s) => {
        expect(normalizeText(s.normalize('NFD'))).toBe(normalizeText(s.normalize('NFC')));
        expect(fold(s.normalize('NFD'))).toBe(fold(s.normalize('NFC')));
        expect(fold(normalizeText(s))).toBe(fold(s));
      }),
      { numRuns: 500 },
    );
  });

  it('agrees with the plain definition for every character', () => {
    const different = Array.from({ length: 0x10000 }, (_, c) => `a${String.fromCharCode(c)}b`).filter((s) => {
      const invisible = /[\u00AD\u061C\u200B-\u200F\u2060\uFEFF]/.test(s);
      return normalizeText(s) !== (invisible ? 'ab' : s.normalize('NFC').replace(/\p{Zs}/u, ' '));
    });
    expect(different).toEqual([]);
  });

  it('knows what the database cannot store', () => {
    expect(['Đặng', '', '😀', 'a\u0001'].map(isWellFormed)).toEqual([true, true, true, true]);
    expect(['\0', 'a\ud83d', '\ude00b'].map(isWellFormed)).toEqual([false, false, false]);
  });
});

describe('folding', () => {
  it('makes one word of all spellings', () => {
    for (const spelling of ['Thành ủy', 'Thành uỷ', 'THÀNH ỦY', 'thanh uy', '  Thành \u00a0ủy ', 'Thành\nủy', 'Thành ủy'.normalize('NFD')]) {
      expect(fold(spelling)).toBe('thanh uy');
    }
  });

  it('takes every look-alike of đ for d', () => {
    expect(fold('Đỗ Ðức Ɖạt đđ')).toBe('do duc dat dd');
  });

  it('covers all letters of Vietnamese', () => {
    const letters = 'aàảãáạăằẳẵắặâầẩẫấậeèẻẽéẹêềểễếệiìỉĩíịoòỏõóọôồổỗốộơờởỡớợuùủũúụưừửữứựyỳỷỹýỵđ';
    expect(fold(letters)).toBe(fold(letters.toUpperCase().normalize('NFD')));
    expect(fold(letters)).toMatch(/^a{18}e{12}i{6}o{18}u{12}y{6}d$/);
  });

  it('keeps digits and signs, and long texts fold like short ones', () => {
    expect(fold('Lớp K74.B01 / 3735-QĐ/TU')).toBe('lop k74.b01 / 3735-qd/tu');
    expect(fold('Đỗ'.repeat(300_000)) === 'do'.repeat(300_000)).toBe(true);
  });
});

describe('a name', () => {
  it('has the family first and the given name last', () => {
    expect(splitName(' Nguyễn  Thị Minh Khai ')).toEqual({ family: 'Nguyễn', middle: 'Thị Minh', given: 'Khai' });
    expect(splitName('Lê Lợi')).toEqual({ family: 'Lê', middle: '', given: 'Lợi' });
    expect(splitName('Khuê')).toEqual({ family: '', middle: '', given: 'Khuê' });
    expect(splitName('')).toEqual({ family: '', middle: '', given: '' });
  });

  it('is listed by given name, then middle, then family', () => {
    const listed = ['Trần Văn Bình', 'Đỗ Thị Anh', 'Lê Văn An', 'Lê Bá An', 'Đinh Văn An', 'Phạm Ân', 'Vũ Ấn', 'Dương Đạt', 'Ngô Dũng', 'Ngô Dung'];
    expect(listed.toSorted((a, b) => (nameSortKey(a) < nameSortKey(b) ? -1 : 1))).toEqual([
      'Lê Bá An',
      'Đinh Văn An',
      'Lê Văn An',
      'Đỗ Thị Anh',
      'Phạm Ân',
      'Vũ Ấn',
      'Trần Văn Bình',
      'Ngô Dung',
      'Ngô Dũng',
      'Dương Đạt',
    ]);
  });

  it('is listed as the Vietnamese collation lists the three parts', () => {
    const { compare } = new Intl.Collator('vi', { sensitivity: 'accent' });
    const word = fc.string({ unit: fc.constantFrom(...'aàảãáạăằẳẵắặâầẩẫấậbdđeêệgiìoôơợuưừủyz09'), minLength: 1, maxLength: 4 });
    const name = fc.array(word, { minLength: 3, maxLength: 5 });
    fc.assert(
      fc.property(name, name, (a, b) => {
        const [x, y] = [splitName(a.join(' ')), splitName(b.join(' '))];
        const expected = compare(x.given, y.given) || compare(x.middle, y.middle) || compare(x.family, y.family);
        const [p, q] = [nameSortKey(a.join(' ')), nameSortKey(b.join(' '))];
        expect(Math.sign(expected)).toBe(p < q ? -1 : p > q ? 1 : 0);
      }),
      { numRuns: 500 },
    );
  });
});
