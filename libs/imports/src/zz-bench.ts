import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { startEmbedded } from '@khue/infra/postgres/embedded';
import { provision } from '@khue/infra/postgres/provision';
import { openPool } from '@khue/messaging/database';
import { v7 } from 'uuid';
import { doorSchema, peopleDoor, peopleHeading, personLine } from './door.fixture.ts';
import { createImportFlow } from './import-flow.ts';
import { createImportRunner } from './import-runner.ts';
const n = Number(process.argv[2]);
const folder = await mkdtemp(`${tmpdir()}/khue-imp-`);
const server = await startEmbedded({ folder, log: () => undefined });
try {
  const urls = (await provision(server.adminUrl('postgres'), ['b'], { b: { owner: 'o', app: 'a' } }))['b']!;
  await doorSchema(urls.ownerUrl, 'b_app');
  const pool = openPool({ url: urls.appUrl, name: 'b' });
  const kinds = [peopleDoor({})];
  const runner = createImportRunner({ pool, kinds, pace: async () => undefined, committed: () => undefined, onError: (e) => console.log(e) });
  const flow = createImportFlow({ pool, kinds, wake: () => runner.wake() });
  runner.start();
  const src = async function* () { yield Buffer.from(`STT,${peopleHeading}\n`); for (let i = 0; i < n;) { let s = ''; for (const to = Math.min(n, i + 500); i < to; i++) s += `${i},${personLine(i)}\n`; yield Buffer.from(s); } };
  for (const round of [1, 2]) {
    let peak = 0; const timer = setInterval(() => { peak = Math.max(peak, process.memoryUsage().rss); }, 200);
    const d = monitorEventLoopDelay({ resolution: 1 }); d.enable();
    let t = performance.now(); let u = performance.eventLoopUtilization();
    const p = await flow.planUpload({ id: v7(), kind: 'people', upload: src(), fileName: 'x', actor: 'a', unitId: null, context: {} });
    if (!p.ok) throw new Error(p.code);
    console.log('plan', round, p.plan.rows, p.plan.accepted, p.plan.unchanged, Math.round(performance.now() - t), 'ms', 'main active', Math.round(performance.eventLoopUtilization(u).active), 'delay p99', d.percentile(99) / 1e6, 'max', d.max / 1e6, 'rss peak', Math.round(peak / 1e6));
    d.reset(); t = performance.now(); u = performance.eventLoopUtilization();
    await flow.startCommit({ id: p.plan.id, planHash: p.plan.planHash, actor: 'a', context: {} });
    for (;;) { const s = await flow.importStatus(p.plan.id); if (s?.state === 'done') break; await new Promise((r) => setTimeout(r, 100)); }
    console.log('commit', Math.round(performance.now() - t), 'ms', 'delay p99', d.percentile(99) / 1e6, 'max', d.max / 1e6, 'rss peak', Math.round(peak / 1e6));
    clearInterval(timer); d.disable();
    const x = await pool.query(`explain select row_no, value from imports.staged_row where import_id = '${p.plan.id}' and verdict = 'accepted' and row_no > 20000 order by row_no limit 1000`);
    console.log(x.rows.map((r) => r['QUERY PLAN']).join('\n'));
  }
  await runner.stop(); await pool.end();
} finally { await server.close(); await rm(folder, { recursive: true, force: true }); }
