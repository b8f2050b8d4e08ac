import { Readable } from 'node:stream';
import { inScope, mayRead, type Grant } from '@khue/contracts/grants';
import { importersOfTurns, turnImport as contract } from '@khue/contracts/http/enrollment';
import { existsOn } from '@khue/contracts/units';
import { toPage } from '@khue/host/cursor';
import type { Call } from '@khue/host/door';
import type { Host } from '@khue/host/host';
import { Refuse } from '@khue/host/refuse';
import type { ImportFlow, ImportStatus } from '@khue/imports/import-flow';
import { v5 as uuidv5 } from 'uuid';
import { listImportIds } from '../store/imports.ts';

// Drawn once: an upload sent again under its key is the same import.
const UPLOAD = 'b1f0f2f4-2b60-4d4e-8b8e-0a2f5b3a7d19';

type OfImport = Pick<Call<typeof contract.readImport>, 'params' | 'caller' | 'today' | 'now' | 'correlationId'>;

/** Class lists of past years: planned, committed, looked at, taken back. An import stands at the unit on whose behalf it was sent. */
export const serveImports = ({ directory, pool, serve }: Host, flow: ImportFlow): void => {
  const grantAt = (unitId: string, { caller, today }: Pick<OfImport, 'caller' | 'today'>): Grant | undefined =>
    inScope(caller.grants, directory.units(), unitId, today, importersOfTurns);
  const found = async ({ params, caller, today }: OfImport): Promise<ImportStatus & { readonly unitId: string }> => {
    const status = await flow.importStatus(params.id);
    if (!status?.unitId) throw new Refuse('not-found');
    if (!mayRead(caller.grants, directory.units(), status.unitId, today, importersOfTurns)) throw new Refuse('out-of-scope');
    return { ...status, unitId: status.unitId };
  };
  /** The import, and under which grant the caller goes on with it. */
  const step = async (call: OfImport): Promise<{ id: string; actor: string; context: Record<string, string> }> => {
    const { id, unitId } = await found(call);
    const grant = grantAt(unitId, call);
    if (!grant) throw new Refuse('out-of-scope');
    return { id, actor: call.caller.sub, context: { correlationId: call.correlationId, grantId: grant.id } };
  };

  serve(contract.planImport, async (call) => {
    const { caller, query, today, correlationId } = call;
    const units = directory.units();
    const own = caller.grants.find(({ role, unitId }) => (importersOfTurns as readonly string[]).includes(role) && existsOn(units, unitId, today));
    const unitId = query.unitId ?? own?.unitId;
    if (unitId !== undefined && !units.units.has(unitId)) throw new Refuse('unit-not-known-yet', { field: 'unitId' });
    const grant = unitId === undefined ? undefined : grantAt(unitId, call);
    if (unitId === undefined || !grant) throw new Refuse('out-of-scope', { field: 'unitId' });
    const { idempotency } = call.command({ type: 'PlanImport' });
    const id = uuidv5(JSON.stringify([caller.sub, idempotency?.key]), UPLOAD);
    const planned = await flow.importStatus(id);
    if (planned?.state === 'planning') throw new Refuse('idempotency-key-in-flight', { retryAfterSeconds: 5 });
    const { name, stream } = await call.file();
    if (planned) {
      if (!(await flow.isUploadOf(id, stream))) throw new Refuse('idempotency-key-reused', { field: 'Idempotency-Key' });
      return { body: planOf(planned) };
    }
    const answer = await flow.planUpload({
      id,
      kind: 'past-turns',
      upload: stream,
      fileName: name,
      actor: caller.sub,
      unitId,
      context: { correlationId, grantId: grant.id },
    });
    return answer.ok ? { body: answer.plan } : answer;
  });
  serve(contract.commitImport, async (call) => {
    const answer = await flow.startCommit({ ...(await step(call)), planHash: call.body.planHash });
    return answer.ok ? { body: answer.status } : answer;
  });
  serve(contract.revokeImport, async (call) => {
    const answer = await flow.startRevoke(await step(call));
    return answer.ok ? { body: answer.status } : answer;
  });
  serve(contract.listImports, async ({ query, caller, today }) => {
    const units = [...directory.units().units.keys()].filter((unitId) => mayRead(caller.grants, directory.units(), unitId, today, importersOfTurns));
    const { items, next } = toPage(await listImportIds(pool, units, query), query.limit, ({ exactly, id }) => [exactly, id]);
    const statuses = await Promise.all(items.map(({ id }) => flow.importStatus(id)));
    return { body: { items: statuses.filter((status) => status !== undefined), next } };
  });
  serve(contract.readImport, async (call) => ({ body: await found(call) }));
  serve(contract.readRejected, async (call) => {
    const { id, fileName } = await found(call);
    const answer = await flow.rejected(id);
    if (!answer.ok) return answer;
    return { stream: Readable.from(answer.csv), type: 'text/csv; charset=utf-8', fileName: `loi-${fileName.replace(/\.[^.]*$/, '')}.csv` };
  });
};

const planOf = ({ id, planHash, rows, accepted, rejected, unchanged, findings, problem }: ImportStatus) => {
  if (problem) throw new Refuse({ accepted: false, ...problem });
  // A plan that was not refused has its hash.
  return { id, planHash: planHash as string, rows, accepted, rejected, unchanged, findings };
};
