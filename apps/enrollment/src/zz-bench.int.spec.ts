import { it } from 'vitest';
import { testService } from '@khue/testing/service';
import { unitEstablished, unitSucceeded, grantIssued, personCard } from '@khue/contracts/events/registry';
import { identityRef } from '@khue/host/identity-ref';
import { readCity } from '../../../tools/seed/city.ts';
import { pastPeople, pastPrograms } from '../../../tools/seed/history.ts';
import { turnsCsv } from '../../../tools/seed/csv.ts';
import { api, expectStatus, idOf, testKey } from './service.fixture.ts';
import { createEnrollment } from './service.ts';

import { readFileSync, readdirSync } from 'node:fs';
const pgCpu = async (service: any): Promise<string> => {
  const pid = (await service.service.pool.query('select pg_backend_pid() as pid')).rows[0].pid;
  const stat = (p: string) => { try { const t = readFileSync(`/proc/${p}/stat`, 'utf8'); const f = t.slice(t.lastIndexOf(')') + 2).split(' '); return { ppid: f[1], cpu: Number(f[11]) + Number(f[12]) }; } catch { return { ppid: '', cpu: 0 }; } };
  const parent = stat(String(pid)).ppid;
  return String(readdirSync('/proc').filter((d) => /^\d+$/.test(d)).map(stat).filter((x) => x.ppid === parent).reduce((a, x) => a + x.cpu, 0) / 100);
};
import pg from 'pg';
const spent = new Map<string, [number, number]>();
const original = pg.Client.prototype.query as any;
(pg.Client.prototype as any).query = function (...args: any[]) {
  const q = args[0]; const text = (q?.name ?? q?.text ?? String(q)).slice(0, 60).replace(/\s+/g, ' ');
  const t = performance.now(); const r = original.apply(this, args);
  if (r?.then) r.then(() => { const e = spent.get(text) ?? [0, 0]; e[0] += performance.now() - t; e[1]++; spent.set(text, e); }, () => undefined);
  return r;
};
const report = (): void => { console.log([...spent].sort((a, b) => b[1][0] - a[1][0]).slice(0, 14).map(([k, [ms, n]]) => `${Math.round(ms)} ms ${n}x ${k}`).join('\n')); spent.clear(); };
const scale = Number(process.env.SCALE ?? '0.05');
it('bench', { timeout: 600_000 }, async () => {
  const service = await testService('enrollment', createEnrollment);
  const city = await readCity();
  const told = (definition: any, subject: string, data: any) => ({ definition, subject, data });
  await service.publish(city.units.map((u) => told(unitEstablished, idOf(u.code), { unitId: idOf(u.code), code: u.code, kind: u.kind, name: u.name, parentId: u.parent && idOf(u.parent), from: u.from, documentNo: null, sample: true })));
  await service.publish(city.units.filter((u) => u.to).map((u) => told(unitSucceeded, idOf(u.code), { unitId: idOf(u.code), successors: u.successors.map((s) => ({ unitId: idOf(s), sharePercent: null })), on: u.to, documentNo: null, sample: true })));
  await service.publish([['board', 'board', 'ha-noi'], ['school', 'school', 'lhp']].map(([sub, role, unit]) => told(grantIssued, idOf('g' + sub), { grantId: idOf('g' + sub), sub, role, unitId: idOf(unit!), validFrom: '2018-01-01', validTo: null, documentNo: '1' })));
  let t = performance.now();
  let n = 0;
  let chunk: any[] = [];
  for (const p of pastPeople(city, scale)) {
    n++;
    chunk.push(told(personCard, idOf(p.identityNumber), { personId: idOf(p.identityNumber), unitId: idOf(p.unit), name: p.name, identityRef: identityRef(testKey, p.identityNumber), facts: { birth: p.birth, sex: p.sex }, mergedInto: null }));
    if (chunk.length === 5000) { await service.publish(chunk); chunk = []; }
  }
  await service.publish(chunk);
  console.log('people', n, Math.round(n / (performance.now() - t) * 1000), '/s');
  for (const { code, name, line, level, form } of pastPrograms(city)) await expectStatus(service.call('board', 'POST', `${api}/programs`, { code, name, line, level, form, hours: 8, validFrom: '2018-01-01', documentNo: '1' }), 201);
  const lines: string[] = [];
  let rows = -1;
  for (const l of turnsCsv(city, scale)) { lines.push(l); rows++; }
  const boundary = 'xx';
  const payload = Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="turns.csv"\r\ncontent-type: text/csv\r\n\r\n${lines.join('')}\r\n--${boundary}--\r\n`);
  spent.clear(); t = performance.now();
  const cpu0 = process.cpuUsage(); const pg0 = await pgCpu(service);
  const plan = await service.service.http.inject({ method: 'POST', url: `${api}/imports?mode=plan`, payload, headers: { authorization: `Bearer ${await service.issuer.token('board')}`, 'idempotency-key': 'x', 'content-type': `multipart/form-data; boundary=${boundary}` } });
  const p = plan.json();
  let s = (performance.now() - t) / 1000; if (plan.statusCode !== 201) console.log(service.logged.filter((l) => l.includes('err')).slice(-2));
  console.log('plan', plan.statusCode, p.rows, p.accepted, p.rejected, JSON.stringify(p.findings ?? plan.body).slice(0, 600), s.toFixed(1), 's', Math.round(rows / s), 'rows/s', 'node cpu', JSON.stringify(process.cpuUsage(cpu0)), 'pg cpu', Number(await pgCpu(service)) - Number(pg0));
  report(); t = performance.now();
  const cpu1 = process.cpuUsage(); const pg1 = await pgCpu(service);
  await expectStatus(service.call('board', 'POST', `${api}/imports/${p.id}/commit`, { planHash: p.planHash }), 202);
  let state: any;
  for (;;) { state = await expectStatus(service.call('board', 'GET', `${api}/imports/${p.id}`), 200); if (state.state !== 'committing') break; await new Promise((r) => setTimeout(r, 100)); }
  s = (performance.now() - t) / 1000;
  console.log('commit', state.state, state.done, s.toFixed(1), 's', Math.round(state.done / s), 'rows/s', 'node cpu', JSON.stringify(process.cpuUsage(cpu1)), 'pg cpu', Number(await pgCpu(service)) - Number(pg1), 'failures', state.failures);
  report();
  await service.settle();
  console.log('stamped after', ((performance.now() - t) / 1000).toFixed(1));
  const q = async (sql: string) => (await service.service.pool.query(sql)).rows;
  console.log(await q(`select count(*) n, count(distinct person_id) p from enrollment.past_turn`), await q(`select count(*) from enrollment.past_class`), await q(`select line, sum(turns) n, count(*) from enrollment.past_class group by 1 order by 1`));
  console.log(await q(`select relname, pg_size_pretty(pg_relation_size(oid)) from pg_class where relname like 'past_%' or relname like 'log%' or relname = 'staged_row'`));
  t = performance.now();
  for (const path of [`/enrollments?limit=50`, `/enrollments?unitId=${idOf('quan-huyen-01')}`, `/classes?limit=50`, `/enrollments?classId=${(await q('select id from enrollment.past_class limit 1'))[0].id}`]) {
    const t0 = performance.now();
    const r = await service.call('board', 'GET', `${api}${path}`);
    console.log(path, r.statusCode, r.json().items?.length, Math.round(performance.now() - t0), 'ms');
  }
  if (process.env.REVOKE) {
    t = performance.now();
    await expectStatus(service.call('board', 'POST', `${api}/imports/${p.id}/revoke`), 202);
    for (;;) { state = await expectStatus(service.call('board', 'GET', `${api}/imports/${p.id}`), 200); if (state.state !== 'revoking') break; await new Promise((r) => setTimeout(r, 100)); }
    s = (performance.now() - t) / 1000;
    console.log('revoke', state.state, s.toFixed(1), 's', Math.round(rows / s), 'rows/s', service.logged.filter((l) => l.includes('error')).slice(0, 3));
  }
  await service.stop();
});
