import { hash } from 'node:crypto';
import type { RowToJudge, Tx, Verdict } from './import-kind.ts';
import { rowColumn, type CellError } from './layout.ts';

const duplicateOf = (rowNo: number): CellError => ({
  column: rowColumn,
  code: 'row-duplicate',
  vi: `Trùng với dòng ${rowNo} của tệp.`,
  en: `The same as row ${rowNo} of the file.`,
  mend: { vi: 'Giữ lại một dòng.', en: 'Keep one of the rows.' },
});

// 128 bits of SHA-256: the natural key itself may be an identity number, and half a million keys of any length stay small.
const digest = (key: string): string => hash('sha256', key, 'hex').slice(0, 32);

/** The verdicts, with each row rejected whose natural key an earlier row of the file has. */
export const claimKeys = async (
  tx: Tx,
  importId: string,
  rows: readonly RowToJudge<unknown>[],
  verdicts: readonly Verdict<unknown>[],
): Promise<readonly Verdict<unknown>[]> => {
  const firstHere = new Map<string, number>();
  const keys = verdicts.map((verdict, place) => {
    if (verdict.verdict === 'rejected' || verdict.key === undefined) return undefined;
    const key = digest(verdict.key);
    if (!firstHere.has(key)) firstHere.set(key, rows[place]?.rowNo ?? 0);
    return key;
  });
  if (firstHere.size === 0) return verdicts;
  const { rows: claimed } = await tx.query<{ key: string }>({
    name: 'imports-claim-keys',
    text: `insert into imports.row_key (import_id, key, row_no) select $1, key, row_no from unnest($2::uuid[], $3::int[]) as given (key, row_no)
      on conflict do nothing returning replace(key::text, '-', '') as key`,
    values: [importId, [...firstHere.keys()], [...firstHere.values()]],
  });
  const taken = claimed.length < firstHere.size ? await takenBefore(tx, importId, firstHere, claimed) : [];
  const earlier = new Map(taken.map((row) => [row.key, row.row_no]));
  return verdicts.map((verdict, place) => {
    const key = keys[place];
    if (key === undefined) return verdict;
    const first = earlier.get(key) ?? firstHere.get(key) ?? 0;
    return first === rows[place]?.rowNo ? verdict : { verdict: 'rejected', errors: [duplicateOf(first)] };
  });
};

/** The keys that an earlier chunk of the file has claimed, with their rows: few, so they are asked for apart from the claim. */
const takenBefore = async (
  tx: Tx,
  importId: string,
  wanted: ReadonlyMap<string, number>,
  claimed: readonly { readonly key: string }[],
): Promise<readonly { readonly key: string; readonly row_no: number }[]> => {
  const ours = new Set(claimed.map(({ key }) => key));
  const { rows } = await tx.query<{ key: string; row_no: number }>({
    name: 'imports-claimed-keys',
    text: `select replace(key::text, '-', '') as key, row_no from imports.row_key where import_id = $1 and key = any ($2::uuid[])`,
    values: [importId, [...wanted.keys()].filter((key) => !ours.has(key))],
  });
  return rows;
};
