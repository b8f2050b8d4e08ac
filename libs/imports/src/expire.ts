import type { Pool } from 'pg';
import { importKeeps } from './limits.ts';
import { deleteStaged, eachRange } from './store.ts';

/**
 * Takes out staged rows that have outlived their use, for they hold personal data: plans nobody committed and refused uploads after 7 days, cells
 * and values of finished imports after 90. What stays of a finished import is its row and the numbers of the rows it applied, so that
 * it can still be revoked.
 */
export const expireImports = async (pool: Pool): Promise<void> => {
  const { rows: plans } = await pool.query<{ id: string }>(
    `update imports.import set state = 'refused', problem = case when state = 'planned' then $1::json else problem end, finished_at = coalesce(finished_at, clock_timestamp())
     where state in ('planned', 'refused') and expired_at is null and created_at < clock_timestamp() - $2 * interval '1 day' returning id`,
    [JSON.stringify({ code: 'plan-expired', params: { days: importKeeps.plan } }), importKeeps.plan],
  );
  for (const { id } of plans) {
    await deleteStaged(pool, id);
    await markExpired(pool, id);
  }
  const { rows: finished } = await pool.query<{ id: string }>(
    `select id from imports.import where state in ('done', 'revoked') and expired_at is null and finished_at < clock_timestamp() - $1 * interval '1 day'`,
    [importKeeps.cells],
  );
  for (const { id } of finished) {
    await eachRange(pool, id, `delete from imports.staged_row where import_id = $1 and row_no > $2 and row_no <= $3 and verdict <> 'accepted'`);
    await eachRange(
      pool,
      id,
      'update imports.staged_row set cells = null, value = null where import_id = $1 and row_no > $2 and row_no <= $3 and cells is not null',
    );
    await markExpired(pool, id);
  }
};

// Last, so that a kill before it makes the next pass go over the import again.
const markExpired = async (pool: Pool, id: string): Promise<void> => {
  await pool.query('update imports.import set expired_at = clock_timestamp() where id = $1', [id]);
};
