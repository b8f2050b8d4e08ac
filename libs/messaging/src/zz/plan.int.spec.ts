import { fillLog, messagingDatabase } from '@khue/testing/messaging';
import { test } from 'vitest';
import { openPool } from '../database.ts';
import { relayUrl } from '../relay.ts';
import { stampStatement } from '../stamp.ts';
test('plan', async () => {
  const database = await messagingDatabase();
  const pool = openPool({ url: relayUrl(database.url), name: 'plan', max: 1 });
  await pool.query(`set plan_cache_mode = force_generic_plan; prepare kept as ${stampStatement}`);
  const show = async (x: string) => console.log((await pool.query(`${x} execute kept(0,1000)`)).rows.map((r) => r['QUERY PLAN']).join('\n'));
  await show('explain');
  await fillLog(database, 'alpha', 20000);
  await pool.query('begin');
  await show('explain (analyze, buffers)');
  await pool.query('rollback');
  await pool.end();
  await database.close();
});
