import { foundCity } from './founded.fixture.ts';
const city = await foundCity();
const form = () => { const f = new FormData(); f.set('file', new Blob(['x;y\n'.repeat(8_000_000)]), 'a.csv'); return f; };
const wrong = () => { const f = new FormData(); f.set('other', new Blob(['x;y\n'.repeat(8_000_000)]), 'a.csv'); return f; };
for (const [base, where] of [[city.product.address, 'gateway'], [city.product.addresses.registry, 'service']]) for (const [k, sub, headers, f] of [['scope','officer.b',{},form],['role','reader',{},form],['key','officer.a',{'idempotency-key':''},form],['token','',{authorization:'Bearer a.b.c'},form],['bad layout','officer.a',{},form], ['wrong part','officer.a',{},wrong], ['nul', 'officer.a', {}, () => { const f = new FormData(); f.set('file', new Blob(['\0x;y\n'.repeat(5_000_000)]), 'a.csv'); return f; }]] as any) for (let i = 0; i < 2; i++) {
  const t = performance.now();
  const r = await fetch(`${base}/api/registry/v1/imports?unitId=${city.id('a')}`, { method: 'POST', headers: { authorization: `Bearer ${await city.token(sub || 'x')}`, 'idempotency-key': 'k' + Math.random(), ...headers }, body: f() , signal: AbortSignal.timeout(100000)}).then(async (r) => r.status + ' ' + (await r.text()).slice(0, 100), (e) => String(e.cause ?? e));
  console.log(where, k, Math.round(performance.now() - t), r);
}
await city.close();
