// Spreadsheets run a cell as a formula when its text begins with = + - @, or with a tab, carriage return or line feed before it; East Asian
// editions take the full-width (and small) forms too (OWASP, CSV Injection; ASVS 5.0, 1.2.10 adds NUL). Some skip blanks, so blanks, controls
// and invisible marks before the sign do not save the cell. The remedy is an apostrophe before it. Quoting of separators and quotes (RFC 4180)
// is the writer's part and as necessary: a cell that can open a new cell undoes this one.
const FORMULA = String.raw`(?:[\p{Z}\p{Cc}\p{Cf}]*[=+\-@＝＋－＠﹦﹢﹣﹫]|[\t\r\n\0])`;
const HARMFUL = new RegExp(`^'*${FORMULA}`, 'u');
const DISARMED = new RegExp(`^'+${FORMULA}`, 'u');

/** True for the digits and Latin letters that nearly every cell begins with: nothing to look for. */
function beginsPlainly(cell: string): boolean {
  const c = cell.charCodeAt(0);
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || (c >= 0xc0 && c < 0x250) || (c >= 0x1e00 && c < 0x1f00);
}

/**
 * The cell for an exported CSV, harmless in a spreadsheet: one apostrophe more where it would run as a formula, or where it is apostrophes
 * before such a text, so that `rearm` can tell its own from the user's. Every other cell stays as it is.
 */
export const disarm = (cell: string): string => (!beginsPlainly(cell) && HARMFUL.test(cell) ? `'${cell}` : cell);

/** The value of a cell written by `disarm`: `rearm(disarm(x)) === x` for every text. A cell nobody disarmed stays as it is. */
export const rearm = (cell: string): string => (cell.startsWith("'") && DISARMED.test(cell) ? cell.slice(1) : cell);
