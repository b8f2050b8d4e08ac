import { Readable } from 'node:stream';
import { inScope, mayRead, type Grant } from '@khue/contracts/grants';
import type { ImportPlan, ImportRoutes } from '@khue/contracts/http/imports';
import { existsOn } from '@khue/contracts/units';
import { placeAfter, toPage } from '@khue/host/cursor';
import type { Call } from '@khue/host/door';
import type { Host } from '@khue/host/host';
import { backlogBelow } from '@khue/host/pace';
import { Refuse } from '@khue/host/refuse';
import { v5 as uuidv5 } from 'uuid';
import { createImportFlow, type ImportFlow, type ImportStatus } from './import-flow.ts';
import type { ImportKind } from './import-kind.ts';
import { createImportRunner } from './import-runner.ts';
import { importMigrations } from './migrations.ts';
import { importRefusals, refuse } from './refusals.ts';

export interface ImportDoor {
  /** Their callers are who may import: on behalf of the units they are over. */
  readonly routes: ImportRoutes;
  /** What comes in. A second kind needs a member of the plan's query that tells which, and does not compile before. */
  readonly kinds: readonly [ImportKind];
  /** UUID, drawn once a service and never changed: an upload sent again under its key is the same import, by an id that follows from this. */
  readonly uploads: string;
}

/**
 * Opens the import door of a service: its routes, the work behind them from start to stop, its tables and the words of its refusals. Who may call is who may go on with
 * an import: it stands at the unit on whose behalf it was sent, wherever that stands today, and does not exist for those who are not over it.
 */
export const openImports = (host: Host, { routes, kinds, uploads }: ImportDoor): void => {
  const { pool, people, log } = host;
  host.include({ migrations: importMigrations, problems: importRefusals });
  const runner = createImportRunner({
    pool,
    kinds,
    pace: backlogBelow(host),
    people,
    committed: host.wakeRelay,
    onError: (error, importId) => log.error({ err: error, importId }, 'a chunk of an import failed'),
  });
  const flow = createImportFlow({ pool, kinds, people, wake: runner.wake });
  serveImports(host, flow, { routes, kinds, uploads });
  host.onStart(async () => runner.start());
  host.onStop(() => runner.stop());
};

type Asking = Pick<Call<ImportRoutes['readImport']>, 'params' | 'caller' | 'today' | 'correlationId'>;

const serveImports = ({ directory, serve }: Host, flow: ImportFlow, { routes, kinds: [{ kind }], uploads }: ImportDoor): void => {
  const { callers } = routes.planImport;
  const grantOver = ({ caller, today }: Pick<Asking, 'caller' | 'today'>, unitId: string): Grant | undefined =>
    mayRead(caller.grants, directory.units(), unitId, today, callers);
  /** The import, and the grant under which the caller sees it and may go on with it. Throws Refuse where there is none. */
  const found = async (call: Asking): Promise<{ status: ImportStatus; grant: Grant }> => {
    const status = await flow.importStatus(call.params.id);
    const grant = status?.unitId ? grantOver(call, status.unitId) : undefined;
    if (!status || !grant) throw new Refuse('not-found');
    return { status, grant };
  };
  const step = async (call: Asking): Promise<{ id: string; actor: string; context: Record<string, string> }> => {
    const { status, grant } = await found(call);
    return { id: status.id, actor: call.caller.sub, context: { correlationId: call.correlationId, grantId: grant.id } };
  };
  /** On whose behalf: the unit that is named, else that of the caller's first grant. Units are for everybody to read, so one that is another's is out of scope. */
  const behalfOf = (call: Pick<Call<ImportRoutes['planImport']>, 'query' | 'caller' | 'today'>): { unitId: string; grant: Grant } => {
    const units = directory.units();
    const own = call.caller.grants.find(({ role, unitId }) => callers.includes(role) && existsOn(units, unitId, call.today));
    const unitId = call.query.unitId ?? own?.unitId;
    if (unitId !== undefined && !units.units.has(unitId)) throw new Refuse('unit-not-known-yet', { field: 'unitId' });
    // A unit that has ended takes up nothing new; what was sent on its behalf before goes on.
    const grant = unitId === undefined ? undefined : inScope(call.caller.grants, units, unitId, call.today, callers);
    if (unitId === undefined || !grant) throw new Refuse('out-of-scope', { field: 'unitId' });
    return { unitId, grant };
  };

  serve(routes.planImport, async (call) => {
    const { caller, correlationId } = call;
    const { unitId, grant } = behalfOf(call);
    const { idempotency } = call.command({ type: 'PlanImport' });
    const id = uuidv5(JSON.stringify([caller.sub, idempotency?.key]), uploads);
    const planned = await flow.importStatus(id);
    if (planned?.state === 'planning') throw new Refuse('idempotency-key-in-flight', { retryAfterSeconds: 5 });
    const { name, stream } = await call.file();
    if (planned) {
      if (!(await flow.isUploadOf(id, stream))) throw new Refuse('idempotency-key-reused', { field: 'Idempotency-Key' });
      return { body: planOf(planned) };
    }
    const context = { correlationId, grantId: grant.id };
    const answer = await flow.planUpload({ id, kind, upload: stream, fileName: name, actor: caller.sub, unitId, context });
    return answer.ok ? { body: answer.plan } : answer;
  });
  serve(routes.commitImport, async (call) => {
    const answer = await flow.startCommit({ ...(await step(call)), planHash: call.body.planHash });
    return answer.ok ? { body: answer.status } : answer;
  });
  serve(routes.revokeImport, async (call) => {
    const answer = await flow.startRevoke(await step(call));
    return answer.ok ? { body: answer.status } : answer;
  });
  serve(routes.listImports, async (call) => {
    const { query } = call;
    const [createdAt, id] = placeAfter(query, 'instant', 'id') ?? [];
    const before = createdAt === undefined || id === undefined ? undefined : { createdAt, id };
    const units = [...directory.units().units.keys()].filter((unitId) => grantOver(call, unitId));
    const page = toPage(await flow.listImports({ units, before, limit: query.limit + 1 }), query.limit, ({ exactly, status }) => [
      exactly,
      status.id,
    ]);
    return { body: { items: page.items.map(({ status }) => status), next: page.next } };
  });
  serve(routes.readImport, async (call) => ({ body: (await found(call)).status }));
  serve(routes.readRejected, async (call) => {
    const { id, fileName } = (await found(call)).status;
    const answer = await flow.rejected(id);
    if (!answer.ok) return answer;
    return { stream: Readable.from(answer.csv), type: 'text/csv; charset=utf-8', fileName: `loi-${fileName.replace(/\.[^.]*$/, '')}.csv` };
  });
};

const planOf = ({ id, state, planHash, rows, accepted, rejected, unchanged, findings, problem }: ImportStatus): ImportPlan => {
  if (problem) throw new Refuse(refuse(problem.code, { params: problem.params }));
  if (planHash === null) throw new Refuse(refuse('import-not-planned', { params: { state } }));
  return { id, planHash, rows, accepted, rejected, unchanged, findings };
};
