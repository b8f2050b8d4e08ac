import type { By } from '@khue/contracts/grants';
import type { Order } from '@khue/host/aggregate';
import type { Tx } from '@khue/messaging/command';
import { together } from '@khue/messaging/database';
import { changed, insertRows, upsertRows } from '@khue/messaging/rows';
import { initial, type LedgerCommand } from '../domain/ledger.ts';
import type { Account, Ledger, Pot, Seat } from '../domain/records.ts';
import { pathUp } from '../domain/scope.ts';
import { accountColumns, potColumns, seatColumns, type StoredAccount } from './columns.ts';

/** The ledger of a batch, with what only the store knows of its accounts. */
interface StoredLedger extends Ledger {
  readonly depths: ReadonlyMap<string, number>;
}

/** The batch read accounts that changed before they were locked; the same batch passes when it is tried again. */
const readAgain = (): Error => Object.assign(new Error('an account changed before it was locked'), { code: '40001' });

/**
 * Locks what a batch decides over: accounts by (pot, depth, id), then seats by id. Which accounts these are is read before they are locked,
 * and looked at again afterwards: a division may have made a nearer account or moved a queue meanwhile.
 */
export const load = async (tx: Tx, orders: readonly Order<LedgerCommand>[]): Promise<StoredLedger> => {
  const commands = orders.map(({ command }) => command);
  const seatIds = [...new Set(commands.flatMap((command) => ('enrollmentId' in command ? [command.enrollmentId] : [])))].sort();
  const [pots, known] = await together(tx, () => [
    readPots(tx, commands),
    tx.query<Seat>({
      name: 'seats-read',
      text: `select ${seatColumns.selected} from quota.seat where enrollment_id = any($1::uuid[])`,
      values: [seatIds],
    }),
  ]);
  const wanted = await accountsOf(tx, orders, pots, known.rows);
  const [locked, again, seats] = await together(tx, () => [
    tx.query<StoredAccount>({
      name: 'accounts-lock',
      text: `select ${accountColumns.selected} from quota.account where id = any($1::uuid[]) order by pot_id, depth, id for update`,
      values: [wanted],
    }),
    accountsOf(tx, orders, pots, known.rows),
    tx.query<Seat>({
      name: 'seats-lock',
      text: `select ${seatColumns.selected} from quota.seat where enrollment_id = any($1::uuid[]) order by enrollment_id for update`,
      values: [seatIds],
    }),
  ]);
  if (again.some((id) => !wanted.includes(id))) throw readAgain();
  const held = new Set(locked.rows.map((account) => account.id));
  if (seats.rows.some((seat) => seat.accountId !== null && !held.has(seat.accountId))) throw readAgain();
  const waiting = await readQueues(tx, commands, locked.rows, seats.rows);
  const depths = new Map(locked.rows.map((account) => [account.id, account.depth]));
  const accounts = locked.rows.map(({ depth: _, ...account }) => account);
  return { ...initial({ pots, accounts, seats: seats.rows, waiting }), depths };
};

export const save = async (tx: Tx, now: StoredLedger, before: StoredLedger): Promise<void> => {
  const depthOf = (account: Account): number =>
    now.depths.get(account.id) ?? (account.parentAccountId === null ? 0 : (now.depths.get(account.parentAccountId) ?? 0) + 1);
  const accounts = changed(now.accounts, before.accounts).map((account) => ({ ...account, depth: depthOf(account) }));
  await together(tx, () => [
    insertRows(tx, 'pots-save', 'quota.pot', potColumns, changed(now.pots, before.pots)),
    upsertRows(
      tx,
      'accounts-save',
      'quota.account',
      accountColumns,
      accounts.sort((a, b) => a.depth - b.depth),
      'allotted',
      'passedOn',
      'held',
      'confirmed',
      'queueLength',
      'nextQueueNo',
      'version',
    ),
    saveSeats(tx, changed(now.seats, before.seats)),
  ]);
};

const readPots = async (tx: Tx, commands: readonly LedgerCommand[]): Promise<Pot[]> => {
  const named = commands.flatMap((command) => ('programCode' in command ? [command] : []));
  const ids = commands.flatMap((command) => ('potId' in command ? [command.potId] : []));
  // Two openings of one year and program decide one after the other; claims don't ask for this lock.
  if (commands.some((command) => command.type === 'OpenPot')) await tx.query(`select pg_advisory_xact_lock(hashtextextended('quota.pot', 0))`);
  const { rows } = await tx.query<Pot>({
    name: 'pots-read',
    text: `select ${potColumns.selected} from quota.pot where id = any($1::uuid[]) or (year, program_code) in (select * from unnest($2::int[], $3::text[]))`,
    values: [ids, named.map((command) => command.year), named.map((command) => command.programCode)],
  });
  return rows;
};

/** The accounts that the batch has to lock, as they stand now: ids, sorted. */
const accountsOf = async (tx: Tx, orders: readonly Order<LedgerCommand>[], pots: readonly Pot[], seats: readonly Seat[]): Promise<string[]> => {
  const potOf = new Map(pots.map((pot) => [`${pot.year}/${pot.programCode}`, pot.id]));
  const paths = { pot: [] as string[], unit: [] as string[], nearest: [] as number[], place: [] as number[] };
  const addPath = (by: By, potId: string | undefined, unitId: string, nearestOnly: boolean): void => {
    if (potId === undefined) return;
    const claim = paths.nearest.length === 0 ? 0 : (paths.nearest.at(-1) as number) + 1;
    for (const [place, above] of pathUp(by, unitId).entries()) {
      paths.pot.push(potId);
      paths.unit.push(above);
      paths.nearest.push(claim);
      // Of a claim the first place that has an account counts; of a division every place does.
      paths.place.push(nearestOnly ? place + 1 : 0);
    }
  };
  const direct: string[] = seats.flatMap((seat) => (seat.accountId === null ? [] : [seat.accountId]));
  for (const { command, by } of orders) {
    if (command.type === 'AllocateSeat') addPath(by, potOf.get(`${command.year}/${command.programCode}`), command.unitId, true);
    if (command.type !== 'DividePot') continue;
    direct.push(command.accountId);
    for (const { unitId } of command.division.shares) addPath(by, command.potId, unitId, false);
  }
  const { rows } = await tx.query<{ id: string }>({
    name: 'accounts-wanted',
    text: `with recursive path as (
        select a.id, p.claim, p.place, min(p.place) over (partition by p.claim) as first
        from unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[]) as p (pot_id, unit_id, claim, place) join quota.account a using (pot_id, unit_id)
      ), divided as (
        select a.id, a.parent_account_id from quota.account a where a.id = any($5::uuid[])
        union select a.id, a.parent_account_id from divided d join quota.account a on a.id = d.parent_account_id where d.id = any($6::uuid[]) or d.id <> all($5::uuid[])
      )
      select id from path where place = 0 or place = first union select id from divided union select unnest($5::uuid[]) order by 1`,
    values: [
      paths.pot,
      paths.unit,
      paths.nearest,
      paths.place,
      direct,
      orders.flatMap(({ command }) => (command.type === 'DividePot' ? [command.accountId] : [])),
    ],
  });
  return rows.map((row) => row.id);
};

/** Heads of queues: whole for accounts that a division touches, else as many as the batch may release. */
const readQueues = async (
  tx: Tx,
  commands: readonly LedgerCommand[],
  accounts: readonly StoredAccount[],
  seats: readonly Seat[],
): Promise<Seat[]> => {
  const releases = commands.filter((command) => command.type === 'ReleaseSeat').length;
  const divides = commands.some((command) => command.type === 'DividePot');
  const queued = accounts.filter((account) => account.queueLength > 0);
  if (queued.length === 0 || (releases === 0 && !divides)) return [];
  const limit = divides
    ? Math.max(...queued.map((account) => account.queueLength))
    : releases + seats.filter((seat) => seat.state === 'queued').length;
  const { rows } = await tx.query<Seat>({
    name: 'queues-lock',
    text: `select s.* from unnest($1::uuid[]) as a (id) cross join lateral (
        select ${seatColumns.selected} from quota.seat where account_id = a.id and state = 'queued' order by queue_no limit $2) s order by "accountId", "queueNo"`,
    values: [queued.map((account) => account.id), limit],
  });
  return rows;
};

const saveSeats = async (tx: Tx, seats: readonly Seat[]): Promise<void> => {
  if (seats.length === 0) return;
  const { rowCount } = await tx.query({
    name: 'seats-save',
    text: `insert into quota.seat (${seatColumns.names}) select ${seatColumns.names} from ${seatColumns.given}
      on conflict (enrollment_id) do update set ${seatColumns.excluded('enrollmentId')} where seat.version < excluded.version`,
    values: seatColumns.values(seats),
  });
  // A twin that asked for the same new seat got it first: the batch is tried again and finds it.
  if (rowCount !== seats.length) throw readAgain();
};
