import { readableUnits } from '@khue/contracts/grants';
import { issueGrant, listGrants, readMe, revokeGrant } from '@khue/contracts/http/registry';
import type { Host } from '@khue/host/host';
import { v7 as uuidv7 } from 'uuid';
import type { Commands } from '../commands.ts';
import { shownGrant } from '../domain/shown.ts';
import type { Reads } from '../store/reads.ts';

export const serveGrants = (host: Host, commands: Commands, reads: Reads): void => {
  host.serve(listGrants, async ({ query, caller, today }) => {
    const { sub, ...paging } = query;
    const { whole, assignedOf } = readableUnits(caller.grants, host.directory.units(), today, listGrants.callers);
    const { items, next } = await reads.grants({ sub, units: [...whole, ...assignedOf.map(({ unitId }) => unitId)] }, paging);
    return { body: { items: items.map(shownGrant), next } };
  });
  host.serve(readMe, async ({ caller }) => ({ body: { sub: caller.sub, grants: caller.grants } }));
  host.serve(issueGrant, (call) => commands.structure(call.command({ type: 'IssueGrant', grantId: uuidv7(), ...call.body })));
  host.serve(revokeGrant, (call) => {
    const { documentNo, reason } = call.body;
    return commands.structure(call.command({ type: 'RevokeGrant', grantId: call.params.id, documentNo }, reason === undefined ? {} : { reason }));
  });
};
