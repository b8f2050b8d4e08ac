import { Readable } from 'node:stream';
import { mayRead } from '@khue/contracts/grants';
import { peopleImport as contract } from '@khue/contracts/http/registry-people';
import { placeAfter, toPage } from '@khue/host/cursor';
import type { Call, Reply } from '@khue/host/door';
import type { Host } from '@khue/host/host';
import { Refuse } from '@khue/host/refuse';
import type { ImportFlow, ImportStatus } from '@khue/imports/import-flow';
import { v5 as uuidv5 } from 'uuid';
import { mayWrite, writers } from '../domain/person.ts';
import { listImportIds } from '../store/imports.ts';

// Drawn once: an upload sent again under its key is the same import.
const UPLOAD = '5c0a0c0e-6f1c-4f0b-9d3e-2f6a7be01c55';

export const serveImports = (host: Host, flow: ImportFlow): void => {
  const { directory, pool, serve } = host;

  const found = async ({ params, caller, today }: Pick<Call<typeof contract.readImport>, 'params' | 'caller' | 'today'>): Promise<ImportStatus> => {
    const status = await flow.importStatus(params.id);
    if (!status?.unitId || !mayRead(caller.grants, directory.units(), status.unitId, today, writers)) throw new Refuse('not-found');
    return status;
  };
  /** The import, and under which grant the caller goes on with it. Throws Refuse where there is none. */
  const within = async (
    call: Pick<Call<typeof contract.readImport>, 'params' | 'caller' | 'today' | 'correlationId'>,
  ): Promise<{ id: string; actor: string; context: Record<string, string> }> => {
    const { id, unitId } = await found(call);
    const grant = unitId && mayWrite({ grants: call.caller.grants, units: directory.units(), today: call.today }, unitId);
    if (!grant) throw new Refuse('out-of-scope');
    return { id, actor: call.caller.sub, context: { correlationId: call.correlationId, grantId: grant.id } };
  };

  serve(contract.planImport, async (call) => {
    const { caller, query, today, correlationId } = call;
    const unitId = query.unitId ?? caller.grants.find(({ role }) => (writers as readonly string[]).includes(role))?.unitId;
    const grant = unitId === undefined ? undefined : mayWrite({ grants: caller.grants, units: directory.units(), today }, unitId);
    if (unitId === undefined || !grant) throw new Refuse('out-of-scope', { field: 'unitId' });
    const { idempotency } = call.command({ type: 'PlanImport' });
    const id = uuidv5(JSON.stringify([caller.sub, idempotency?.key]), UPLOAD);
    const planned = await flow.importStatus(id);
    if (planned?.state === 'planning') throw new Refuse('idempotency-key-in-flight', { retryAfterSeconds: 5 });
    const { name, stream } = await call.file();
    if (planned) {
      if (!(await flow.isUploadOf(id, stream))) throw new Refuse('idempotency-key-reused', { field: 'Idempotency-Key' });
      return planOf(planned);
    }
    const answer = await flow.planUpload({
      id,
      kind: 'people',
      upload: stream,
      fileName: name,
      actor: caller.sub,
      unitId,
      context: { correlationId, grantId: grant.id },
    });
    return answer.ok ? { body: answer.plan } : answer;
  });
  serve(contract.commitImport, async (call) => {
    const answer = await flow.startCommit({ ...(await within(call)), planHash: call.body.planHash });
    return answer.ok ? { body: answer.status } : answer;
  });
  serve(contract.revokeImport, async (call) => {
    const answer = await flow.startRevoke(await within(call));
    return answer.ok ? { body: answer.status } : answer;
  });
  serve(contract.listImports, async ({ query, caller, today }) => {
    const after = placeAfter(query, 'instant', 'id');
    const before = after && { createdAt: after[0], id: after[1] };
    const units = [...directory.units().units.keys()].filter((unitId) => mayRead(caller.grants, directory.units(), unitId, today, writers));
    const rows = await listImportIds(pool, { units, before, limit: query.limit + 1 });
    const { items, next } = toPage(rows, query.limit, ({ exactly, id }) => [exactly, id]);
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

const planOf = ({ id, planHash, rows, accepted, rejected, unchanged, findings, problem }: ImportStatus): Reply<typeof contract.planImport> => {
  if (problem) return { ok: false, ...problem };
  // What was planned without a problem has its hash.
  return { body: { id, planHash: planHash as string, rows, accepted, rejected, unchanged, findings } };
};
