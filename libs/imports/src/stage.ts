import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { ImportPlan } from '@khue/contracts/http/imports';
import { classify, inTransaction } from '@khue/messaging/database';
import type { Pool } from 'pg';
import { copyRows, type RowToStage } from './copy-rows.ts';
import { createFindings } from './findings.ts';
import { giveWay, type People, type Steps } from './give-way.ts';
import { beating } from './heartbeat.ts';
import { layoutOf, type ImportJob, type ImportKind, type Tx, type Verdict } from './import-kind.ts';
import type { CellError } from './layout.ts';
import type { ParsedRow } from './parse-file.ts';
import { parseInWorker } from './parse-in-worker.ts';
import { FileRefused } from './refusals.ts';
import { importChunks } from './limits.ts';
import { claimKeys } from './row-keys.ts';
import { beatUpload, deleteKeys, deleteStaged, insertImport, lockPlanning, refuseImport, savePlan, type NewImport } from './store.ts';
import { printed } from './upload.ts';

export interface Staging {
  readonly kind: ImportKind;
  readonly job: ImportJob;
  readonly people: People;
  readonly fileName: string;
  /** Throws FileRefused where it is cut. */
  readonly source: AsyncIterable<Uint8Array>;
}

/** Deadlocks and lock timeouts of a chunk: tried so often. */
const TRIES = 5;

/**
 * Reads an upload to its end, judges each row and stages the plan, one transaction a chunk. Throws FileRefused and leaves nothing usable where the file can't be
 * read or did not arrive whole; throws what the database or `judge` threw, likewise.
 */
export const stage = async (pool: Pool, { kind, job, people, fileName, source }: Staging): Promise<ImportPlan> => {
  const layout = layoutOf(kind);
  const row: NewImport = { id: job.id, kind: kind.kind, layout, fileName, actor: job.actor, unitId: job.unitId };
  await insertImport(pool, row);
  const upload = printed(source);
  try {
    return await read(pool, kind, job, people, layout, upload.bytes);
  } catch (error) {
    const { code, params } = error instanceof FileRefused ? error : new FileRefused('import-unreadable');
    await refuseImport(pool, job.id, { code, params }, upload.print());
    await deleteStaged(pool, job.id);
    throw error;
  }
};

const read = async (
  pool: Pool,
  kind: ImportKind,
  job: ImportJob,
  people: People,
  layout: string,
  source: AsyncIterable<Uint8Array>,
): Promise<ImportPlan> => {
  const beat = (): Promise<void> => beatUpload(pool, job.id);
  const file = await beating(parseInWorker(source, kind.layoutModule, layout), beat);
  try {
    const counts = { accepted: 0, rejected: 0, unchanged: 0 };
    const findings = createFindings();
    const rowsHash = createHash('sha256');
    const steps = giveWay(people, importChunks.stageRows);
    let width = file.heading.cells.length;
    const chunks = file.chunks[Symbol.asyncIterator]();
    for (;;) {
      const next = await beating(chunks.next(), beat);
      if (next.done) break;
      let text = '';
      const staged = await stageInSteps(pool, kind, job, steps, next.value);
      staged.forEach(({ row, errors }, place) => {
        const parsed = next.value[place] as ParsedRow<unknown>;
        counts[row.verdict] += 1;
        text += `${row.rowNo}\t${row.verdict}\t${row.value ?? ''}\n`;
        if (row.verdict === 'rejected') width = Math.max(width, parsed.width);
        findings.add('error', errors);
        if (parsed.read.ok) findings.add('warning', parsed.read.warnings);
      });
      rowsHash.update(text);
    }
    const fileHash = file.tally.hash;
    const planHash = createHash('sha256')
      .update(`${kind.kind}\n${layout}\n${fileHash}\n${rowsHash.digest('hex')}`)
      .digest('hex');
    const plan = { fileHash, planHash, separator: file.separator, heading: file.heading, width, ...counts, findings: findings.list() };
    if (!(await savePlan(pool, job.id, plan))) throw new FileRefused('upload-incomplete');
    await deleteKeys(pool, job.id);
    return { id: job.id, planHash, rows: counts.accepted + counts.rejected + counts.unchanged, ...counts, findings: plan.findings };
  } finally {
    await beating(file.close(), beat);
  }
};

interface StagedRow {
  readonly row: RowToStage;
  readonly errors: readonly CellError[];
}

/** A chunk of the file in one transaction, or in several small ones while people type. */
const stageInSteps = async (
  pool: Pool,
  kind: ImportKind,
  job: ImportJob,
  steps: Steps,
  parsed: readonly ParsedRow<unknown>[],
): Promise<readonly StagedRow[]> => {
  const staged: (readonly StagedRow[])[] = [];
  for (let from = 0; from < parsed.length;) {
    const some = parsed.slice(from, from + (await steps.next()));
    const began = performance.now();
    staged.push(await again(() => inTransaction(pool, (tx) => stageChunk(tx, kind, job, some))));
    steps.took(performance.now() - began);
    from += some.length;
  }
  return staged.flat();
};

const stageChunk = async (tx: Tx, kind: ImportKind, job: ImportJob, parsed: readonly ParsedRow<unknown>[]): Promise<readonly StagedRow[]> => {
  if (!(await lockPlanning(tx, job.id))) throw new FileRefused('upload-incomplete');
  const readable = parsed.flatMap(({ rowNo, read: row }) => (row.ok ? [{ rowNo, value: row.value }] : []));
  const judged = readable.length > 0 ? await kind.judge(readable, tx, job) : [];
  if (judged.length !== readable.length) throw new Error(`${kind.kind}: ${readable.length} rows to judge, ${judged.length} verdicts`);
  const verdicts = await claimKeys(tx, job.id, readable, judged);
  let place = 0;
  const staged = parsed.map((row): StagedRow => {
    const verdict: Verdict<unknown> = row.read.ok ? (verdicts[place++] as Verdict<unknown>) : { verdict: 'rejected', errors: row.read.errors };
    const { rowNo, cells } = row;
    if (verdict.verdict === 'accepted')
      return { row: { rowNo, verdict: 'accepted', cells, value: JSON.stringify(verdict.value), errors: null }, errors: [] };
    if (verdict.verdict === 'unchanged') return { row: { rowNo, verdict: 'unchanged', cells: null, value: null, errors: null }, errors: [] };
    return { row: { rowNo, verdict: 'rejected', cells, value: null, errors: JSON.stringify(verdict.errors) }, errors: verdict.errors };
  });
  await copyRows(
    tx,
    job.id,
    staged.map(({ row }) => row),
  );
  return staged;
};

/** Nothing of a chunk is left after a deadlock or lock timeout, so the same again is right. */
const again = async <T>(work: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === TRIES || classify(error) !== 'again') throw error;
    }
  }
};
