import { z } from 'zod';

/** What a user is told about one value: a stable code and the sentence in both languages. It never quotes the value. */
export interface Notice {
  readonly code: string;
  readonly vi: string;
  readonly en: string;
}

/** The answer to a cell of an imported file that cannot be taken: why, and how to mend it. */
export interface CellRefusal extends Notice {
  readonly ok: false;
  readonly mend: { readonly vi: string; readonly en: string };
}

export interface TextBounds {
  /** In code points, after normalization. */
  readonly max: number;
  /** In code points; 1 unless told, so that an empty text is refused. */
  readonly min?: number;
}

// Marks without width that come along when text is pasted from a browser, Word or a PDF: soft hyphen, zero-width blanks and joiners,
// direction marks, byte order mark. Two names that look alike would differ by them.
const INVISIBLE = /[\u00AD\u061C\u200B-\u200F\u2060\uFEFF]/g;
const BLANKS = /\p{Zs}+/gu;
const WHITE = /[\p{Z}\p{Cc}]+/gu;
const MARKS = /\p{M}+/gu;
// Normalizing sorts the marks behind a letter by insertion: 160,000 alternating marks (a 320 kB cell) took 4 s. Thirty is the limit of the
// Unicode Stream-Safe format (UAX 15, section 13); no language comes near it.
const LONG_MARKS = /(\p{M}{30})\p{M}+/gu;
// Controls; lone surrogates; line and paragraph separators; overrides of the writing direction, which make a text show as another one.
const REFUSED_IN_LINE = /[\p{Cc}\p{Cs}\u2028-\u202E\u2066-\u2069]/u;
const REFUSED_IN_LINES = /[^\P{Cc}\n]|[\p{Cs}\u202A-\u202E\u2066-\u2069]/u;

// With `u` a pair is one code point, so only a half that stands alone is found. Chrome 109 has no String.prototype.isWellFormed.
const LONE_SURROGATE = /\p{Cs}/u;

const SPACE = 0x20;

/** True where every character is printable ASCII or a precomposed Latin letter and blanks are single and inner: already normal. */
function isPlain(s: string): boolean {
  let before = SPACE;
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i);
    if (c === SPACE ? before === SPACE : !((c > SPACE && c < 0x7f) || (c >= 0xc0 && c < 0x300) || (c >= 0x1e00 && c < 0x1f00))) return false;
    before = c;
  }
  return before !== SPACE || s.length === 0;
}

const trimSpaces = (s: string): string => s.slice(s.startsWith(' ') ? 1 : 0, s.length > 1 && s.endsWith(' ') ? -1 : undefined);

const boundMarks = (s: string): string => (s.length > 30 ? s.replace(LONG_MARKS, '$1') : s);

/** NFC, invisible marks removed, runs of blanks (NBSP, thin, ideographic) folded to one space, trimmed. Controls stay, for `text` to refuse. */
export function normalizeText(s: string): string {
  if (isPlain(s)) return s;
  return trimSpaces(boundMarks(s.replace(INVISIBLE, '')).normalize('NFC').replace(BLANKS, ' '));
}

/** As `normalizeText`, line by line: tabs are blanks, every kind of line end is `\n`, empty lines at both ends go. */
export function normalizeLines(s: string): string {
  const lines = s
    .replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n')
    .replaceAll('\t', ' ')
    .split('\n')
    .map(normalizeText);
  return lines.join('\n').replace(/^\n+|\n+$/g, '');
}

/** False for a NUL or a lone surrogate: PostgreSQL takes neither into `text` or `jsonb`, and one such value fails its whole batch. */
export function isWellFormed(s: string): boolean {
  return !LONE_SURROGATE.test(s) && !s.includes('\0');
}

/** The form in which every schema of the contracts reports: `params` carry code, vi, en for the problem document's `errors`. */
export function issueOf(notice: Notice): { code: 'custom'; message: string; params: { code: string; vi: string; en: string } } {
  return { code: 'custom', message: notice.en, params: { code: notice.code, vi: notice.vi, en: notice.en } };
}

function codePoints(s: string): number {
  let n = 0;
  for (let i = 0; i < s.length; i++) if ((s.charCodeAt(i) & 0xfc00) !== 0xdc00) n++;
  return n;
}

function textFault(s: string, { max, min = 1 }: TextBounds, refused: RegExp): Notice | undefined {
  if (refused.test(s)) {
    return {
      code: 'text-control-character',
      vi: 'Có ký tự điều khiển hoặc ký tự hỏng (xuống dòng, tab, mã lỗi). Hãy xóa và gõ lại.',
      en: 'It has a control character or a broken character (line break, tab, damaged code). Delete it and type it again.',
    };
  }
  if (s.length > max && codePoints(s) > max) {
    return { code: 'text-too-long', vi: `Dài quá ${max} ký tự.`, en: `Longer than ${max} characters.` };
  }
  if (s.length < min * 2 && codePoints(s) < min) {
    return s.length === 0
      ? { code: 'text-empty', vi: 'Chưa nhập nội dung.', en: 'It is empty.' }
      : { code: 'text-too-short', vi: `Ngắn hơn ${min} ký tự.`, en: `Shorter than ${min} characters.` };
  }
  return undefined;
}

function bounded(bounds: TextBounds, normalize: (s: string) => string, refused: RegExp): z.ZodString {
  return z
    .string()
    .overwrite(normalize)
    .superRefine((s, ctx) => {
      const fault = textFault(s, bounds, refused);
      if (fault) ctx.addIssue(issueOf(fault));
    })
    .meta({ minLength: bounds.min ?? 1, maxLength: bounds.max });
}

/** One line of text; what it lets through is normalized. Codes: `text-control-character`, `text-too-long`, `text-empty`, `text-too-short`. */
export const text = (bounds: TextBounds): z.ZodString => bounded(bounds, normalizeText, REFUSED_IN_LINE);

/** Text of several lines; line ends become `\n`. Same codes as `text`. */
export const multilineText = (bounds: TextBounds): z.ZodString => bounded(bounds, normalizeLines, REFUSED_IN_LINES);

// The two look-alikes of đ: old fonts and converters wrote Ð (eth) or Ɖ (African d) for it.
const unmark = (s: string): string => s.normalize('NFD').replace(MARKS, '').toLowerCase().replace(/[đðɖ]/g, 'd');

const foldSlowly = (s: string): string => trimSpaces(unmark(s.replace(INVISIBLE, '').replace(MARKS, '')).replace(WHITE, ' '));

// Folded code of each character that Vietnamese is written with; 0 sends the whole text the slow way. On names 53 ns against 535 by `unmark`.
const FOLDED = Uint16Array.from({ length: 0x1f00 }, (_, c) => {
  const letter = c < 0x7f ? c >= SPACE : (c >= 0xc0 && c < 0x250) || c >= 0x1e00;
  const folded = letter ? unmark(String.fromCharCode(c)) : '';
  return folded.length === 1 ? folded.charCodeAt(0) : 0;
});

/**
 * Lower case without marks, đ as d, blanks and line breaks as one space: the form in which names are searched, duplicates found and headings
 * of imported files recognized ("Thành uỷ" = "THÀNH ỦY").
 */
export function fold(s: string): string {
  const n = s.length;
  if (n > 512) return foldSlowly(s); // The arguments of one call are limited.
  const codes = new Array<number>(n);
  let before = SPACE;
  for (let i = 0; i < n; i++) {
    const c = FOLDED[s.charCodeAt(i)] ?? 0;
    if (c === 0 || (c === SPACE && before === SPACE)) return foldSlowly(s);
    codes[i] = c;
    before = c;
  }
  if (before === SPACE) return n === 0 ? s : foldSlowly(s);
  return String.fromCharCode.apply(null, codes);
}

export interface NameParts {
  readonly family: string;
  readonly middle: string;
  readonly given: string;
}

/** A Vietnamese name in its parts: the first word is the family's, the last the given name. A single word is a given name. */
export function splitName(full: string): NameParts {
  const name = normalizeText(full);
  const first = name.indexOf(' ');
  if (first < 0) return { family: '', middle: '', given: name };
  const last = name.lastIndexOf(' ');
  return { family: name.slice(0, first), middle: name.slice(first + 1, last), given: name.slice(last + 1) };
}

// Vietnamese letters and tones in dictionary order, as ICU's "vi" has them (huyền, hỏi, ngã, sắc, nặng).
const ALPHABET = '0123456789aăâbcdđeêfghijklmnoôơpqrstuưvwxyz';
const TONES = '\u0300\u0309\u0303\u0301\u0323';

function sortKeyOf(part: string): string {
  let letters = '';
  let tones = '';
  for (const c of part.toLowerCase()) {
    const decomposed = c.normalize('NFD');
    const tone = /[\u0300\u0309\u0303\u0301\u0323]/.exec(decomposed)?.[0] ?? '';
    const letter = decomposed.replace(tone, '').normalize('NFC');
    const place = ALPHABET.indexOf(letter);
    letters += place >= 0 ? String.fromCharCode(0x30 + place) : letter === ' ' ? '!' : letter < '0' ? `"${letter}` : `~${letter}`;
    tones += tone === '' ? '0' : String(TONES.indexOf(tone) + 1);
  }
  return `${letters} ${tones.replace(/0+$/, '')}`;
}

/**
 * A key whose order by code unit (`<`, or COLLATE "C") is the order of Vietnamese lists: given name, middle, family; letters first, then tones.
 * For lists sorted in memory; in SQL the order is COLLATE "vi-x-icu" on the three columns, which agrees for Vietnamese names.
 */
export function nameSortKey(full: string): string {
  const { given, middle, family } = splitName(full);
  return [given, middle, family].map(sortKeyOf).join(' ');
}
