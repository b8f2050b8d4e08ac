import { inScope, mayRead, readableUnits } from '@khue/contracts/grants';
import { claimSeat, dividePotRoute, listPots, openPotRoute, readPot, readSeat } from '@khue/contracts/http/quota';
import { decodeCursor } from '@khue/host/cursor';
import type { Host } from '@khue/host/host';
import { Refuse } from '@khue/host/refuse';
import { v7 as uuidv7, validate as isUuid } from 'uuid';
import type { Handle } from './commands.ts';
import type { ByFormula, ByHand } from './domain/division.ts';
import type { Reads } from './store/reads.ts';
import { accountView, potView, seatView } from './store/views.ts';

export const serveRoutes = (host: Host, reads: Reads, handle: Handle): void => {
  host.serve(openPotRoute, (call) => handle(call.command({ type: 'OpenPot', potId: uuidv7(), accountId: uuidv7(), ...call.body, at: call.now })));

  host.serve(listPots, async ({ query: { cursor, limit, year, programCode } }) => {
    const [after] = cursor === undefined ? [] : decodeCursor(cursor, 1);
    // From outside: what is no id must not reach the database.
    if (after !== undefined && !(typeof after === 'string' && isUuid(after))) throw new Refuse('cursor-invalid', { field: 'cursor' });
    return { body: await reads.listPots({ year, programCode, after, limit }) };
  });

  host.serve(readPot, async ({ params, caller, today }) => {
    const found = await reads.pot(params.id);
    if (!found) throw new Refuse('not-found', { field: 'id' });
    const readable = new Set(readableUnits(caller.grants, host.directory.units(), today).whole);
    const accounts = found.accounts.filter((account) => readable.has(account.unitId));
    return { body: { ...potView(found.pot), accounts: accounts.map(accountView) }, version: found.pot.version };
  });

  host.serve(dividePotRoute, async (call) => {
    const { unitId, documentNo, division } = call.body;
    const accountId = await reads.accountId(call.params.id, unitId);
    if (accountId === undefined) throw new Refuse('account-unknown', { field: 'unitId' });
    // Ids of accounts that the division may have to make; those of units that have one stay.
    const shares = division.shares.map((share) => ({ ...share, accountId: uuidv7() }));
    const answer = await handle(
      call.command({
        type: 'DividePot',
        potId: call.params.id,
        accountId,
        division: { ...division, shares } as ByHand | ByFormula,
        documentNo,
        at: call.now,
      }),
    );
    // The door names the divided account by its unit.
    return !answer.ok && answer.field === 'accountId' ? { ...answer, field: 'unitId' } : answer;
  });

  host.serve(readSeat, async ({ params, caller, today }) => {
    const found = await reads.seat(params.enrollmentId);
    if (!found) throw new Refuse('seat-unknown', { field: 'enrollmentId' });
    const { unitId } = found.seat;
    if (unitId !== null && !mayRead(caller.grants, host.directory.units(), unitId, today)) throw new Refuse('out-of-scope');
    return { body: seatView(found.seat, found.position), version: found.seat.version };
  });

  host.serve(claimSeat, async (call) => {
    const units = host.directory.units();
    if (!units.units.has(call.body.unitId)) throw new Refuse('unit-not-known-yet', { field: 'unitId' });
    if (!inScope(call.caller.grants, units, call.body.unitId, call.today, ['board'])) throw new Refuse('out-of-scope', { field: 'unitId' });
    return handle(call.command({ type: 'AllocateSeat', ...call.body, at: call.now }));
  });
};
