import type { Pool } from 'pg';

/** Ids of people's imports on behalf of these units, newest first; `exactly` is the place for the next page. */
export const listImportIds = async (
  pool: Pool,
  {
    units,
    before,
    limit,
  }: { readonly units: readonly string[]; readonly before?: { readonly createdAt: string; readonly id: string } | undefined; readonly limit: number },
): Promise<{ id: string; exactly: string }[]> => {
  const { rows } = await pool.query<{ id: string; exactly: string }>(
    `select id, created_at::text as exactly from imports.import
     where kind = 'people' and unit_id = any($1::uuid[]) ${before ? 'and (created_at, id) < ($3::timestamptz, $4::uuid)' : ''}
     order by created_at desc, id desc limit $2`,
    [units, limit, ...(before ? [before.createdAt, before.id] : [])],
  );
  return rows;
};
