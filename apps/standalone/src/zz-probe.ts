import { foundCity } from './founded.fixture.ts';
const city = await foundCity();
const kinds: any = { large: JSON.stringify({ name: 'x'.repeat(1_100_000) }), larger: JSON.stringify({ name: 'x'.repeat(11_000_000) }), deep: `${'['.repeat(100_000)}${']'.repeat(100_000)}`, deepo: `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`, broken: '{"name": "Ng' };
for (const [base, where] of [[city.product.address, 'gateway'], [city.product.addresses.registry, 'service']]) for (const [k, body] of Object.entries<any>(kinds)) for (let i = 0; i < 3; i++) {
  const t = performance.now();
  const r = await fetch(`${base}/api/registry/v1/people`, { method: 'POST', headers: { authorization: `Bearer ${await city.token('officer.a')}`, 'content-type': 'application/json', 'idempotency-key': 'k' + Math.random() }, body }).then(async (r) => r.status + ' ' + (await r.text()).slice(0, 100), (e) => String(e.cause));
  console.log(where, k, Math.round(performance.now() - t), r);
}
await city.close();
