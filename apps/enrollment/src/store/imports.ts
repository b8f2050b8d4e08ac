import { placeAfter, type Paging } from '@khue/host/cursor';
import type { Pool } from 'pg';

/** Ids of imports on behalf of these units, newest first; `exactly` is the place for the next page. */
export const listImportIds = async (pool: Pool, units: readonly string[], paging: Paging): Promise<{ id: string; exactly: string }[]> => {
  const after = placeAfter(paging, 'instant', 'id');
  const { rows } = await pool.query<{ id: string; exactly: string }>(
    `select id, created_at::text as exactly from imports.import
     where kind = 'past-turns' and unit_id = any($1::uuid[]) ${after ? 'and (created_at, id) < ($3::timestamptz, $4::uuid)' : ''}
     order by created_at desc, id desc limit $2`,
    [units, paging.limit + 1, ...(after ?? [])],
  );
  return rows;
};
