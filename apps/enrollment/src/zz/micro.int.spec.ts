import { it } from 'vitest';
import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { postgres } from '@khue/testing/postgres';
import { v5 } from 'uuid';

it('micro', { timeout: 600_000 }, async () => {
  const db = await postgres();
  const client = new pg.Client({ connectionString: db.ownerUrl });
  await client.connect();
  const pid = (await client.query('select pg_backend_pid() pid')).rows[0].pid;
  const cpu = () => { const t = readFileSync(`/proc/${pid}/stat`, 'utf8'); const f = t.slice(t.lastIndexOf(')') + 2).split(' '); return (Number(f[11]) + Number(f[12])) * 10; };
  const N = 100, R = 1000;
  const people = Array.from({ length: 35_000 }, () => randomUUID());
  const units = Array.from({ length: 33 }, () => randomUUID());
  const chunks = Array.from({ length: N }, (_, c) => {
    const rows = Array.from({ length: R }, (_, r) => { const k = Math.floor((c * R + r) / 170); return [v5(`${c}:${r}`, units[0]!), v5('class' + k, units[0]!), people[(c * R + r) % people.length]!, units[k % 33]!, 'MAU-01/2023'] as const; });
    return [0, 1, 2, 3, 4].map((i) => rows.map((r) => r[i]!));
  });
  const variant = async (label: string, indexes: string[], sql: string, cols = 'id uuid not null, class_id uuid not null, person_id uuid not null, unit_id uuid not null, import_id uuid not null, revoked boolean not null, sequence int not null, document_no text not null') => {
    await client.query(`drop table if exists t; create table t (${cols})`);
    for (const i of indexes) await client.query(i);
    await client.query('checkpoint').catch(() => undefined);
    const c0 = cpu(); const t0 = performance.now();
    for (const chunk of chunks) { await client.query('begin'); await client.query(sql, [...chunk, units[1]]); await client.query('commit'); }
    console.log(label.padEnd(60), 'pg cpu µs/row', ((cpu() - c0) * 1000 / (N * R)).toFixed(1), 'wall', ((performance.now() - t0) * 1000 / (N * R)).toFixed(1));
  };
  const from = `from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[]) as n (id, class_id, person_id, unit_id, document_no)`;
  const ins = `insert into t (id, class_id, person_id, unit_id, document_no, import_id, revoked, sequence) select id, class_id, person_id, unit_id, document_no, $6, false, 1 ${from}`;
  const pk = 'alter table t add primary key (id)', cp = 'create unique index on t (class_id, person_id) where not revoked', pc = 'create unique index on t (person_id, class_id) where not revoked';
  const ui = 'create index on t (unit_id, id) where not revoked', ucp = 'create index on t (unit_id, class_id, person_id) where not revoked', p = 'create index on t (person_id)';
  await variant('no index, plain', [], ins);
  await variant('no index, returning', [], ins + ' returning id');
  await variant('pk, plain', [pk], ins);
  await variant('pk, conflict', [pk], ins + ' on conflict do nothing');
  await variant('pk+cp, plain', [pk, cp], ins);
  await variant('pk+cp, conflict returning', [pk, cp], ins + ' on conflict do nothing returning id');
  await variant('pk+pc+ui, conflict returning', [pk, pc, ui], ins + ' on conflict do nothing returning id');
  await variant('pk+cp+ucp, conflict returning', [pk, cp, ucp], ins + ' on conflict do nothing returning id');
  await variant('pk+cp+ucp+p, conflict returning', [pk, cp, ucp, p], ins + ' on conflict do nothing returning id');
  await variant('pk+cp+ucp+p, conflict, no returning', [pk, cp, ucp, p], ins + ' on conflict do nothing');
  await client.end(); await db.close();
});
