import { inScope, mayRead, readableUnits } from '@khue/contracts/grants';
import { claimSeat, dividePotRoute, listPots, openPotRoute, readPot, readSeat } from '@khue/contracts/http/quota';
import type { Host } from '@khue/host/host';
import { Refuse } from '@khue/host/refuse';
import { v7 as uuidv7 } from 'uuid';
import type { Commands } from './commands.ts';
import type { ByFormula, ByHand } from './domain/division.ts';
import { refuse } from './domain/refusals.ts';
import type { Reads } from './store/reads.ts';
import { accountView, potView, seatView } from './views.ts';

export const serveRoutes = ({ serve, directory }: Host, reads: Reads, { ledger }: Commands): void => {
  serve(openPotRoute, (call) => ledger.handle(call.command({ type: 'OpenPot', potId: uuidv7(), accountId: uuidv7(), ...call.body })));

  serve(listPots, async ({ query }) => {
    const { items, next } = await reads.pots(query);
    return { body: { items: items.map(potView), next } };
  });

  serve(readPot, async ({ params, caller, today }) => {
    const found = await reads.pot(params.id);
    if (!found) throw new Refuse('not-found', { field: 'id' });
    const readable = new Set(readableUnits(caller.grants, directory.units(), today).whole);
    const accounts = found.accounts.filter((account) => readable.has(account.unitId));
    return { body: { ...potView(found.pot), accounts: accounts.map(accountView) }, version: found.pot.version };
  });

  serve(dividePotRoute, async (call) => {
    const { unitId, documentNo, division } = call.body;
    const accountId = await reads.accountId(call.params.id, unitId);
    if (accountId === undefined) throw new Refuse(refuse('account-unknown', { field: 'unitId' }));
    // Ids of accounts that the division may have to make; those of units that have one stay.
    const shares = division.shares.map((share) => ({ ...share, accountId: uuidv7() }));
    const answer = await ledger.handle(
      call.command({ type: 'DividePot', potId: call.params.id, accountId, division: { ...division, shares } as ByHand | ByFormula, documentNo }),
    );
    // The door names the divided account by its unit.
    return !answer.ok && answer.field === 'accountId' ? { ...answer, field: 'unitId' } : answer;
  });

  serve(readSeat, async ({ params, caller, today }) => {
    const found = await reads.seat(params.enrollmentId);
    const unitId = found?.seat.unitId;
    const hidden = unitId != null && !mayRead(caller.grants, directory.units(), unitId, today);
    if (!found || hidden) throw new Refuse(refuse('seat-unknown', { field: 'enrollmentId' }));
    return { body: seatView(found.seat, found.position), version: found.seat.version };
  });

  serve(claimSeat, async (call) => {
    const units = directory.units();
    if (!units.units.has(call.body.unitId)) throw new Refuse('unit-not-known-yet', { field: 'unitId' });
    if (!inScope(call.caller.grants, units, call.body.unitId, call.today, ['board'])) throw new Refuse('out-of-scope', { field: 'unitId' });
    return ledger.handle(call.command({ type: 'AllocateSeat', ...call.body }));
  });
};
