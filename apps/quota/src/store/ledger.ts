import type { UnitTable } from '@khue/contracts/units';
import type { Tx } from '@khue/messaging/command';
import { jsonArray, together } from '@khue/messaging/database';
import { pathUp, type Context } from '../domain/context.ts';
import { initial, type LedgerCommand } from '../domain/ledger.ts';
import type { Account, Ledger, Pot, Seat } from '../domain/records.ts';
import { accountColumns, potColumns, seatColumns, type StoredAccount } from './columns.ts';

/** The ledger of a batch, and what it was when it was loaded: the difference is what is saved. */
export interface Workspace {
  readonly ledger: Ledger;
  readonly before: {
    readonly pots: ReadonlyMap<string, Pot>;
    readonly accounts: ReadonlyMap<string, Account>;
    readonly seats: ReadonlyMap<string, Seat>;
  };
  readonly depths: Map<string, number>;
  /** By which the accounts were found. To decide by newer ones would miss an account that they lead to, and refuse for want of it. */
  readonly units: UnitTable;
  /** Rank in the queue of a seat that this batch queued. */
  readonly positions: (seat: Seat) => number | null;
}

/** The batch read accounts that changed before they were locked; the same batch passes when it is tried again. */
const readAgain = (): Error => Object.assign(new Error('an account changed before it was locked'), { code: '40001' });

/**
 * Locks what a batch decides over: accounts by (pot, depth, id), then seats by id. Which accounts these are is read before they are locked,
 * and looked at again afterwards: a division may have made a nearer account or moved a queue meanwhile.
 */
export const load = async (tx: Tx, commands: readonly LedgerCommand[], context: Context): Promise<Workspace> => {
  const seatIds = [...new Set(commands.flatMap((command) => ('enrollmentId' in command ? [command.enrollmentId] : [])))].sort();
  const [pots, known] = await together(tx, () => [
    readPots(tx, commands),
    tx.query<Seat>({
      name: 'seats-read',
      text: `select ${seatColumns} from quota.seat where enrollment_id = any($1::uuid[])`,
      values: [seatIds],
    }),
  ]);
  const wanted = await accountsOf(tx, commands, pots, known.rows, context);
  const [locked, again, seats] = await together(tx, () => [
    tx.query<StoredAccount>({
      name: 'accounts-lock',
      text: `select ${accountColumns} from quota.account where id = any($1::uuid[]) order by pot_id, depth, id for update`,
      values: [wanted],
    }),
    accountsOf(tx, commands, pots, known.rows, context),
    tx.query<Seat>({
      name: 'seats-lock',
      text: `select ${seatColumns} from quota.seat where enrollment_id = any($1::uuid[]) order by enrollment_id for update`,
      values: [seatIds],
    }),
  ]);
  if (again.some((id) => !wanted.includes(id))) throw readAgain();
  const held = new Set(locked.rows.map((account) => account.id));
  if (seats.rows.some((seat) => seat.accountId !== null && !held.has(seat.accountId))) throw readAgain();
  const waiting = await readQueues(tx, commands, locked.rows, seats.rows);
  const depths = new Map(locked.rows.map((account) => [account.id, account.depth]));
  const accounts = locked.rows.map(({ depth: _, ...account }) => account);
  const ledger = initial({ pots, accounts, seats: seats.rows, waiting });
  return {
    ledger,
    before: { pots: new Map(ledger.pots), accounts: new Map(ledger.accounts), seats: new Map(ledger.seats) },
    depths,
    units: context.units,
    positions: (seat) => (seat.state === 'queued' ? (ledger.accounts.get(seat.accountId ?? '')?.queueLength ?? null) : null),
  };
};

export const save = async (tx: Tx, { ledger, before, depths }: Workspace): Promise<void> => {
  const changed = <T>(now: ReadonlyMap<string, T>, then: ReadonlyMap<string, T>): T[] =>
    [...now].filter(([id, record]) => then.get(id) !== record).map(([, record]) => record);
  const depthOf = (account: Account): number =>
    depths.get(account.id) ?? (account.parentAccountId === null ? 0 : (depths.get(account.parentAccountId) ?? 0) + 1);
  const accounts = changed(ledger.accounts, before.accounts).map((account) => ({ ...account, depth: depthOf(account) }));
  await together(tx, () => [
    savePots(tx, changed(ledger.pots, before.pots)),
    saveAccounts(
      tx,
      accounts.sort((a, b) => a.depth - b.depth),
    ),
    saveSeats(tx, changed(ledger.seats, before.seats)),
  ]);
};

const readPots = async (tx: Tx, commands: readonly LedgerCommand[]): Promise<Pot[]> => {
  const named = commands.flatMap((command) => ('programCode' in command ? [command] : []));
  const ids = commands.flatMap((command) => ('potId' in command ? [command.potId] : []));
  // Two openings of one year and program decide one after the other; claims don't ask for this lock.
  if (commands.some((command) => command.type === 'OpenPot')) await tx.query(`select pg_advisory_xact_lock(hashtextextended('quota.pot', 0))`);
  const { rows } = await tx.query<Pot>({
    name: 'pots-read',
    text: `select ${potColumns} from quota.pot where id = any($1::uuid[]) or (year, program_code) in (select * from unnest($2::int[], $3::text[]))`,
    values: [ids, named.map((command) => command.year), named.map((command) => command.programCode)],
  });
  return rows;
};

/** The accounts that the batch has to lock, as they stand now: ids, sorted. */
const accountsOf = async (
  tx: Tx,
  commands: readonly LedgerCommand[],
  pots: readonly Pot[],
  seats: readonly Seat[],
  context: Context,
): Promise<string[]> => {
  const potOf = new Map(pots.map((pot) => [`${pot.year}/${pot.programCode}`, pot.id]));
  const paths = { pot: [] as string[], unit: [] as string[], nearest: [] as number[], place: [] as number[] };
  const addPath = (potId: string | undefined, unitId: string, nearestOnly: boolean): void => {
    if (potId === undefined) return;
    const claim = paths.nearest.length === 0 ? 0 : (paths.nearest.at(-1) as number) + 1;
    for (const [place, above] of pathUp(context, unitId).entries()) {
      paths.pot.push(potId);
      paths.unit.push(above);
      paths.nearest.push(claim);
      // Of a claim the first place that has an account counts; of a division every place does.
      paths.place.push(nearestOnly ? place + 1 : 0);
    }
  };
  const direct: string[] = seats.flatMap((seat) => (seat.accountId === null ? [] : [seat.accountId]));
  for (const command of commands) {
    if (command.type === 'AllocateSeat') addPath(potOf.get(`${command.year}/${command.programCode}`), command.unitId, true);
    if (command.type !== 'DividePot') continue;
    direct.push(command.accountId);
    for (const { unitId } of command.division.shares) addPath(command.potId, unitId, false);
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
      commands.flatMap((command) => (command.type === 'DividePot' ? [command.accountId] : [])),
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
        select ${seatColumns} from quota.seat where account_id = a.id and state = 'queued' order by queue_no limit $2) s order by "accountId", "queueNo"`,
    values: [queued.map((account) => account.id), limit],
  });
  return rows;
};

const savePots = async (tx: Tx, pots: readonly Pot[]): Promise<void> => {
  if (pots.length === 0) return;
  const { rowCount } = await tx.query({
    name: 'pots-save',
    text: `insert into quota.pot (id, year, program_code, size, document_no, root_unit_id, closes_on, version)
      select * from unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[], $6::uuid[], $7::date[], $8::int[])`,
    values: [
      pots.map((pot) => pot.id),
      pots.map((pot) => pot.year),
      pots.map((pot) => pot.programCode),
      pots.map((pot) => pot.size),
      pots.map((pot) => pot.documentNo),
      pots.map((pot) => pot.rootUnitId),
      pots.map((pot) => pot.closesOn),
      pots.map((pot) => pot.version),
    ],
  });
  expectRows(rowCount, pots.length);
};

const saveAccounts = async (tx: Tx, accounts: readonly StoredAccount[]): Promise<void> => {
  if (accounts.length === 0) return;
  const { rowCount } = await tx.query({
    name: 'accounts-save',
    text: `insert into quota.account (id, pot_id, unit_id, parent_account_id, depth, allotted, passed_on, held, confirmed, queue_length, next_queue_no, version)
      select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[], $10::int[], $11::int[], $12::int[])
      on conflict (id) do update set allotted = excluded.allotted, passed_on = excluded.passed_on, held = excluded.held, confirmed = excluded.confirmed,
        queue_length = excluded.queue_length, next_queue_no = excluded.next_queue_no, version = excluded.version`,
    values: [
      accounts.map((row) => row.id),
      accounts.map((row) => row.potId),
      accounts.map((row) => row.unitId),
      accounts.map((row) => row.parentAccountId),
      accounts.map((row) => row.depth),
      accounts.map((row) => row.allotted),
      accounts.map((row) => row.passedOn),
      accounts.map((row) => row.held),
      accounts.map((row) => row.confirmed),
      accounts.map((row) => row.queueLength),
      accounts.map((row) => row.nextQueueNo),
      accounts.map((row) => row.version),
    ],
  });
  expectRows(rowCount, accounts.length);
};

const saveSeats = async (tx: Tx, seats: readonly Seat[]): Promise<void> => {
  if (seats.length === 0) return;
  const { rowCount } = await tx.query({
    name: 'seats-save',
    text: `insert into quota.seat (enrollment_id, state, unit_id, year, program_code, pot_id, account_id, reason, queue_no, version, because)
      select * from rows from (unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::uuid[], $7::uuid[], $8::text[], $9::int[], $10::int[]), jsonb_array_elements($11::jsonb)) as given
      on conflict (enrollment_id) do update set state = excluded.state, unit_id = excluded.unit_id, year = excluded.year, program_code = excluded.program_code,
        pot_id = excluded.pot_id, account_id = excluded.account_id, reason = excluded.reason, queue_no = excluded.queue_no, version = excluded.version,
        because = excluded.because where seat.version < excluded.version`,
    values: [
      seats.map((row) => row.enrollmentId),
      seats.map((row) => row.state),
      seats.map((row) => row.unitId),
      seats.map((row) => row.year),
      seats.map((row) => row.programCode),
      seats.map((row) => row.potId),
      seats.map((row) => row.accountId),
      seats.map((row) => row.reason),
      seats.map((row) => row.queueNo),
      seats.map((row) => row.version),
      jsonArray(seats.map((row) => JSON.stringify(row.because))),
    ],
  });
  // A twin that asked for the same new seat got it first: the batch is tried again and finds it.
  if (rowCount !== seats.length) throw readAgain();
};

const expectRows = (got: number | null, expected: number): void => {
  if (got !== expected) throw new Error(`${got} rows were written, ${expected} expected`);
};
