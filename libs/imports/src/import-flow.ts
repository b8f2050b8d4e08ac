import type { ImportPlan, ImportRecord } from '@khue/contracts/http/imports';
import { normalizeText } from '@khue/contracts/text';
import type { Pool } from 'pg';
import type { People } from './give-way.ts';
import { layoutOf, type ImportKind } from './import-kind.ts';
import { importLimits, uploadsAtOnce } from './limits.ts';
import { FileRefused, type ImportRefusalCode, type ImportRefused, type RefusalParams } from './refusals.ts';
import { rejectedCsv } from './rejected-rows.ts';
import { stage } from './stage.ts';
import { beginCommit, beginRevoke, findImport, listImports, type ImportRow, type Listing, type Step } from './store.ts';
import { isPrintOf, uploadBytes, type Upload } from './upload.ts';

export interface UploadRequest {
  /** UUIDv7 made at the door. */
  readonly id: string;
  readonly kind: string;
  readonly upload: Upload;
  readonly fileName: string;
  /** `sub` of the token. */
  readonly actor: string;
  /** The unit on whose behalf, for the scope of those who may look at it and commit it. */
  readonly unitId: string | null;
  /** Handed to `judge`. */
  readonly context: Readonly<Record<string, string>>;
}

/** An import as its routes answer it. */
export interface ImportStatus extends ImportRecord {
  problem: { code: ImportRefusalCode; params: Record<string, string | number> } | null;
}

export interface ImportFlow {
  /** Reads the upload to its end and plans it; changes nothing else. Throws what the database throws. */
  planUpload(request: UploadRequest): Promise<{ readonly ok: true; readonly plan: ImportPlan } | ImportRefused>;
  /** Lets the runner commit exactly the plan with this hash. Repeated, it answers how far it is. */
  startCommit(step: Step & { readonly planHash: string }): Promise<{ readonly ok: true; readonly status: ImportStatus } | ImportRefused>;
  /** Lets the runner undo what the import has applied so far. Repeated, it answers how far it is. */
  startRevoke(step: Step): Promise<{ readonly ok: true; readonly status: ImportStatus } | ImportRefused>;
  importStatus(id: string): Promise<ImportStatus | undefined>;
  /** Of this door's kinds, newest first; `exactly` is the place of each, for the next page. */
  listImports(listing: Listing): Promise<readonly { readonly status: ImportStatus; readonly exactly: string }[]>;
  /** Whether this is the file of that import, read as far as it was read then; one that does not arrive whole is not. */
  isUploadOf(id: string, upload: Upload): Promise<boolean>;
  /** The rejected rows as a file, in UTF-8. */
  rejected(id: string): Promise<{ readonly ok: true; readonly csv: AsyncIterable<string> } | ImportRefused>;
}

export interface FlowOptions {
  readonly pool: Pool;
  readonly kinds: readonly ImportKind[];
  /** Those whom planning gives way to. */
  readonly people: People;
  /** The runner's `wake`. */
  readonly wake: () => void;
}

/** What the import routes of a service call. Who may is the routes' to decide, by `unitId` and `actor`. */
export const createImportFlow = ({ pool, kinds, people, wake }: FlowOptions): ImportFlow => {
  const byName = new Map(kinds.map((kind) => [kind.kind, kind]));
  let uploads = 0;

  const planUpload: ImportFlow['planUpload'] = async ({ id, kind: name, upload, fileName, actor, unitId, context }) => {
    const kind = byName.get(name);
    if (!kind) throw new Error(`no import door is named ${name}`);
    if (uploads >= uploadsAtOnce) return { ...refused('uploads-busy'), retryAfterSeconds: 60 };
    uploads += 1;
    try {
      const job = { id, kind: name, actor, unitId, context };
      return { ok: true, plan: await stage(pool, { kind, job, people, fileName: boundedName(fileName), source: uploadBytes(upload) }) };
    } catch (error) {
      if (error instanceof FileRefused) return refused(error.code, error.params);
      throw error;
    } finally {
      uploads -= 1;
    }
  };

  type Stepped = Awaited<ReturnType<ImportFlow['startCommit']>>;
  const settle = async (id: string, began: boolean, otherwise: (row: ImportRow) => Stepped): Promise<Stepped> => {
    if (began) wake();
    const row = await findImport(pool, id);
    if (!row) return refused('not-found');
    return began ? { ok: true, status: statusOf(row) } : otherwise(row);
  };

  return {
    planUpload,
    startCommit: async ({ planHash, ...step }) =>
      settle(step.id, await beginCommit(pool, step, planHash, kinds.map(layoutOf)), (row) => {
        const { state } = row;
        if (row.problem?.code === 'plan-expired') return refused('plan-expired', row.problem.params);
        if (row.plan_hash !== null && row.plan_hash !== planHash) return refused('plan-hash-mismatch');
        const now = byName.get(row.kind);
        if (state === 'planned' && now) return refused('plan-outdated', { was: row.layout, now: layoutOf(now) });
        return state === 'committing' || state === 'done' ? { ok: true, status: statusOf(row) } : refused('import-not-planned', { state });
      }),
    startRevoke: async (step) =>
      settle(step.id, await beginRevoke(pool, step), (row) => {
        const { state } = row;
        return state === 'revoking' || state === 'revoked' ? { ok: true, status: statusOf(row) } : refused('import-not-committed', { state });
      }),
    importStatus: async (id) => {
      const row = await findImport(pool, id);
      return row && byName.has(row.kind) ? statusOf(row) : undefined;
    },
    listImports: async (listing) => {
      const rows = await listImports(pool, [...byName.keys()], listing);
      return rows.map((row) => ({ status: statusOf(row), exactly: row.exactly }));
    },
    isUploadOf: async (id, upload) => {
      const print = (await findImport(pool, id))?.file_hash;
      // A process was killed over it, or it is from a time when no print was kept: nothing to hold it against.
      if (typeof print !== 'string') return true;
      try {
        return await isPrintOf(print, uploadBytes(upload));
      } catch (error) {
        if (error instanceof FileRefused) return false;
        throw error;
      }
    },
    rejected: async (id) => {
      const row = await findImport(pool, id);
      if (!row) return refused('not-found');
      if (row.expired_at !== null) return refused('rejected-rows-expired');
      if (row.state === 'planning' || row.state === 'refused') return refused('import-not-read', { state: row.state });
      return { ok: true, csv: rejectedCsv(pool, row) };
    },
  };
};

const refused = (code: ImportRefused['code'], params: RefusalParams = {}): ImportRefused => ({ ok: false, code, params });

const boundedName = (name: string): string =>
  [...normalizeText(name.replace(/[\p{Cc}\p{Cs}]/gu, ' '))].slice(0, importLimits.fileNameLength).join('');

const statusOf = (row: ImportRow): ImportStatus => ({
  id: row.id,
  kind: row.kind,
  state: row.state,
  fileName: row.file_name,
  planHash: row.plan_hash,
  rows: row.row_count,
  accepted: row.accepted_count,
  rejected: row.rejected_count,
  unchanged: row.unchanged_count,
  findings: row.findings,
  done: row.done,
  total: row.total,
  failures: row.failures,
  actor: row.actor,
  committedBy: row.committed_by,
  revokedBy: row.revoked_by,
  unitId: row.unit_id,
  problem: row.problem,
  createdAt: row.created_at,
  plannedAt: row.planned_at,
  finishedAt: row.finished_at,
});
