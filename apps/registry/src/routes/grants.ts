import { issueGrant, listGrants, readMe, revokeGrant } from '@khue/contracts/http/registry';
import type { Host } from '@khue/host/host';
import { v7 as uuidv7 } from 'uuid';
import type { Commands } from '../commands.ts';
import { unitsOfGrants } from '../domain/access.ts';
import type { Reads } from '../store/reads.ts';
import { grantView } from '../views.ts';

export const serveGrants = ({ serve, directory }: Host, { structure }: Commands, reads: Reads): void => {
  serve(listGrants, async ({ query, caller, today }) => {
    const { sub, ...paging } = query;
    const units = unitsOfGrants({ grants: caller.grants, units: directory.units(), today });
    const { items, next } = await reads.grants({ sub, units }, paging);
    return { body: { items: items.map(grantView), next } };
  });
  serve(readMe, async ({ caller }) => ({ body: { sub: caller.sub, grants: caller.grants } }));
  serve(issueGrant, (call) => structure.handle(call.command({ type: 'IssueGrant', grantId: uuidv7(), ...call.body })));
  serve(revokeGrant, (call) => {
    const { documentNo, reason } = call.body;
    return structure.handle(call.command({ type: 'RevokeGrant', grantId: call.params.id, documentNo }, reason === undefined ? {} : { reason }));
  });
};
