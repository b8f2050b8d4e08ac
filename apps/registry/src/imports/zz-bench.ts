import { fileURLToPath } from 'node:url';
import { makeIdentityNumber } from '@khue/contracts/identity-number';
import { importMigrations } from '@khue/imports/migrations';
import { inTransaction, openPool } from '@khue/messaging/database';
import { migrate } from '@khue/messaging/migrate';
import { startEmbedded } from '@khue/infra/postgres/embedded';
import { provision } from '@khue/infra/postgres/provision';
import { mkdtempSync } from 'node:fs';
import { v7 as uuidv7 } from 'uuid';
import { identityRefUnder } from '../identity-ref.ts';
import { registryDirectory } from '../store/directory.ts';
import { peopleImport } from './people.ts';

const server = await startEmbedded({ folder: mkdtempSync('/tmp/zzbench-'), log: () => undefined });
{
  const urls = (await provision(server.adminUrl('postgres'), ['bench'], { bench: { owner: 'aaaaaaaaa', app: 'bbbbbbbbb' } })).bench!;
  const db = { ...urls, name: 'bench', close: () => server.close() };
  const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  await migrate({ ownerUrl: db.ownerUrl, appRole: `${db.name}_app`, folders: [folder('../../../../libs/messaging/migrations'), importMigrations, folder('../../prisma/migrations')] });
  const pool = openPool({ url: db.appUrl, name: 'bench', max: 1 });
  const { readFileSync } = await import('node:fs');
  const cpuOf = (pid: number) => { const f = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' '); return (Number(f[11]) + Number(f[12])) * 10; };
  const pid = (await pool.query('select pg_backend_pid() as p')).rows[0].p as number;
  const times = new Map<string, number>();
  const orig = (await import('pg')).default.Client.prototype.query;
  void orig;
  const root = uuidv7();
  const units = Array.from({ length: 1000 }, () => uuidv7());
  await pool.query(`insert into registry.units values ($1, 'root', 'city', 'x', '2000-01-01', null, null, false, 1)`, [root]);
  await pool.query(`insert into registry.unit_parents values ($1, null, '2000-01-01', null)`, [root]);
  for (const [i, u] of units.entries()) {
    await pool.query(`insert into registry.units values ($1, $2, 'city', 'x', '2000-01-01', null, null, false, 1)`, [u, `u${i}`]);
    await pool.query(`insert into registry.unit_parents values ($1, $2, '2000-01-01', null)`, [u, root]);
  }
  await pool.query(`insert into registry.grants (id, sub, role, unit_id, valid_from, document_no, version) values ($1, 'board', 'board', $2, '2000-01-01', 'x', 1)`, [uuidv7(), root]);
  await pool.query('update registry.structure set version = 1');
  const own = new (await import('pg')).default.Client({ connectionString: db.ownerUrl });
  await own.connect();
  for (const index of (process.env.DROP ?? '').split(',').filter(Boolean)) await own.query(`drop index registry.${index}`);
  await own.end();
  void times;
  const directory = registryDirectory(pool);
  const ref = identityRefUnder('k'.repeat(40));
  const kind = peopleImport(directory, ref);
  const families = ['Nguyễn', 'Trần', 'Lê', 'Phạm', 'Hoàng', 'Vũ', 'Đặng', 'Bùi', 'Đỗ', 'Hồ'];
  const middles = ['Văn', 'Thị', 'Hữu', 'Đức', 'Minh', 'Ngọc', 'Thanh', 'Quang'];
  const givens = ['An', 'Bình', 'Cường', 'Dũng', 'Giang', 'Hà', 'Hùng', 'Lan', 'Linh', 'Mai', 'Nam', 'Oanh', 'Phúc', 'Quân', 'Sơn', 'Thảo', 'Tuấn', 'Uyên', 'Vân', 'Xuân', 'Yến'];
  const pick = <T>(list: T[], n: number): T => list[n % list.length] as T;
  const N = Number(process.env.N ?? 60), CH = 1000;
  let serial = 0;
  const job = { id: uuidv7(), kind: 'people', actor: 'board', unitId: root, context: {} };
  const values = Array.from({ length: N * CH }, () => {
    serial += 1;
    const r = (serial * 2654435761) >>> 0;
    const n = makeIdentityNumber({ province: 1, sex: r % 2 ? 'male' : 'female', birthYear: 1960 + (r % 40), serial: serial });
    const name = `${pick(families, r >>> 3)} ${pick(middles, r >>> 7)} ${pick(middles, r >>> 11)} ${pick(givens, r >>> 15)}`;
    return { unitId: pick(units, r >>> 5), name, identityNumber: n, identityRef: ref(n), birth: `${1960 + (r % 40)}-0${1 + (r % 9)}-1${r % 10}`, sex: (r % 2 ? 'male' : 'female') as 'male', facts: { degree: 'university' as const } };
  });
  for (let i = 0; i < N; i += 20) {
    const t = performance.now();
    const cpu = process.cpuUsage(); const pgcpu = cpuOf(pid);
    for (let j = i; j < i + 20; j++) {
      await inTransaction(pool, (tx) => kind.apply(values.slice(j * CH, (j + 1) * CH).map((value, k) => ({ id: uuidv7(), rowNo: k, value })), tx, job));
    }
    const ms = performance.now() - t;
    const u = process.cpuUsage(cpu);
    console.log(`${i * CH}: ${Math.round(20 * CH / ms * 1000)} rows/s, node cpu ${Math.round((u.user + u.system) / 1000)} of ${Math.round(ms)} ms, pg cpu ${cpuOf(pid) - pgcpu}`);
  }
  const t = performance.now();
  await inTransaction(pool, (tx) => kind.judge(values.slice(0, 2000).map((v, k) => ({ rowNo: k, value: { ...v, unitCode: 'u1' } })), tx, job));
  console.log('judge 2000', Math.round(performance.now() - t));
  for (const q of ["select id from registry.people where fold like '%hung%' order by given collate \"vi-x-icu\", middle collate \"vi-x-icu\", family collate \"vi-x-icu\", id limit 51", "select id from registry.people where fold like '%zzz%' order by given collate \"vi-x-icu\", middle collate \"vi-x-icu\", family collate \"vi-x-icu\", id limit 51"]) {
    const t = performance.now();
    await pool.query(q);
    console.log('search', Math.round(performance.now() - t));
  }
  const { listPeople } = await import('../store/people-lists.ts');
  { const own2 = new (await import('pg')).default.Client({ connectionString: db.ownerUrl }); await own2.connect(); await own2.query('analyze registry.people'); await own2.end(); }
  for (const f of [{}, { fold: 'hung' }, { fold: 'van hung' }, { fold: 'zzz' }, { unitId: units[3] }]) {
    const readable = { whole: [root, ...units], assignedOf: [] };
    const t = performance.now();
    const one = await listPeople(pool, { readable, ...f }, { limit: 50 });
    const t2 = performance.now();
    const two = one.next ? await listPeople(pool, { readable, ...f }, { limit: 50, cursor: one.next }) : undefined;
    const t3 = performance.now();
    console.log(JSON.stringify(f), one.items.length, Math.round(t2 - t), two?.items.length, Math.round(t3 - t2), one.items.at(-1)?.name, two?.items[0]?.name);
  }
  const r = await pool.query(`explain analyze select p.id from registry.people p where p.merged_into is null and p.unit_id = any($1::uuid[]) and (p.given collate "vi-x-icu", p.middle collate "vi-x-icu", p.family collate "vi-x-icu", p.id) > ('Lan', 'Thị', 'Lê', '00000000-0000-0000-0000-000000000000'::uuid) order by p.given collate "vi-x-icu", p.middle collate "vi-x-icu", p.family collate "vi-x-icu", p.id limit 51`, [units]);
  console.log(r.rows.map((x: any) => x['QUERY PLAN']).join('\n').replace(/\{[^}]*\}/g, '{}'));
  await pool.end();
  await db.close();
}
