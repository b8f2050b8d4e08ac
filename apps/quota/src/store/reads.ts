import { PrismaPg } from '@prisma/adapter-pg';
import { placeAfter, toPage, type Paging } from '@khue/host/cursor';
import type { Pool } from 'pg';
import type { Account, Pot, Seat } from '../domain/records.ts';
import { PrismaClient } from '../generated/client.ts';
import { accountColumns, potColumns, seatColumns, type StoredAccount } from './columns.ts';

interface PotsOf extends Paging {
  readonly year?: number | undefined;
  readonly programCode?: string | undefined;
}

/** What the routes read, outside of any transaction. */
export const createReads = (pool: Pool) => {
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool as never) });
  return {
    pots: async ({ year, programCode, ...paging }: PotsOf): Promise<{ items: Pot[]; next: string | null }> => {
      const after = placeAfter(paging, 'id');
      const rows = await prisma.pot.findMany({
        where: {
          ...(year === undefined ? {} : { year }),
          ...(programCode === undefined ? {} : { programCode }),
          ...(after ? { id: { gt: after[0] } } : {}),
        },
        orderBy: { id: 'asc' },
        take: paging.limit + 1,
      });
      return toPage(
        rows.map((row) => ({ ...row, closesOn: row.closesOn?.toISOString().slice(0, 10) ?? null })),
        paging.limit,
        (pot) => [pot.id],
      );
    },
    pot: async (id: string): Promise<{ pot: Pot; accounts: Account[] } | undefined> => {
      const { rows } = await pool.query<Pot>(`select ${potColumns.selected} from quota.pot where id = $1`, [id]);
      if (!rows[0]) return undefined;
      const accounts = await pool.query<StoredAccount>(`select ${accountColumns.selected} from quota.account where pot_id = $1 order by depth, id`, [
        id,
      ]);
      return { pot: rows[0], accounts: accounts.rows };
    },
    accountId: async (potId: string, unitId: string): Promise<string | undefined> =>
      (await prisma.account.findUnique({ where: { potId_unitId: { potId, unitId } }, select: { id: true } }))?.id,
    seat: async (enrollmentId: string): Promise<{ seat: Seat; position: number | null } | undefined> => {
      const { rows } = await pool.query<Seat & { position: number | null }>(
        `select ${seatColumns.selected}, case when state = 'queued' then (select count(*)::int from quota.seat earlier where earlier.account_id = seat.account_id
           and earlier.state = 'queued' and earlier.queue_no <= seat.queue_no) end as position from quota.seat where enrollment_id = $1`,
        [enrollmentId],
      );
      const [row] = rows;
      return row && { seat: row, position: row.position };
    },
  };
};

export type Reads = ReturnType<typeof createReads>;
