import { createServer, type Server } from 'node:http';
import { exportJWK, generateKeyPair, importJWK, SignJWT, type CryptoKey, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIdentity, type Verified } from './identity.ts';

const now = Date.parse('2026-03-02T03:00:00.000Z');
const audience = 'khue';
let issuer: string;
let server: Server;
const keys = new Map<string, CryptoKey>();

beforeAll(async () => {
  const published: JWK[] = [];
  // The RSA key names no algorithm of its own, as many providers publish theirs: what it may sign is for us to say.
  for (const [kid, algorithm] of [['ec', 'ES256'] as const, ['rsa', 'RS256'] as const]) {
    const pair = await generateKeyPair(algorithm, { extractable: true });
    published.push({ ...(await exportJWK(pair.publicKey)), kid });
    keys.set(algorithm, pair.privateKey);
    if (algorithm !== 'RS256') continue;
    keys.set('PS256', (await importJWK(await exportJWK(pair.privateKey), 'PS256')) as CryptoKey);
  }
  server = createServer((request, response) => {
    response.end(JSON.stringify(request.url?.endsWith('openid-configuration') ? { issuer, jwks_uri: `${issuer}/jwks` } : { keys: published }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  issuer = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(() => new Promise((closed) => server.close(closed)));

interface Claims {
  readonly iss?: string;
  readonly aud?: string;
  /** Seconds from now. */
  readonly lasts?: number | 'for ever';
  readonly algorithm?: 'ES256' | 'RS256' | 'PS256';
}
const token = ({ iss = issuer, aud = audience, lasts = 3_600, algorithm = 'ES256' }: Claims = {}): Promise<string> => {
  const claims = lasts === 'for ever' ? {} : { exp: now / 1_000 + lasts };
  return new SignJWT({ iss, aud, sub: 'officer.a', ...claims })
    .setProtectedHeader({ alg: algorithm, kid: algorithm === 'ES256' ? 'ec' : 'rsa' })
    .sign(keys.get(algorithm) as CryptoKey);
};
const identity = (clock = () => now) => createIdentity({ issuer, audience, now: clock });
const verify = async (claims: Claims): Promise<Verified> => identity().verify(`Bearer ${await token(claims)}`);
const invalid: Verified = { ok: false, reason: 'invalid' };

describe('a token', () => {
  test.each(['ES256', 'RS256'] as const)('of our issuer for us, signed by %s, is taken', async (algorithm) => {
    expect(await verify({ algorithm })).toEqual({ ok: true, sub: 'officer.a' });
  });
  test('for another audience is none', async () => {
    expect(await verify({ aud: 'somebody-else' })).toEqual(invalid);
  });
  test('of another issuer is none, though our issuer’s key signed it', async () => {
    expect(await verify({ iss: 'http://127.0.0.1:1' })).toEqual(invalid);
  });
  test('signed by another algorithm is none, though the key is our issuer’s', async () => {
    expect(await verify({ algorithm: 'PS256' })).toEqual(invalid);
  });
  test('that is over is none', async () => {
    expect(await verify({ lasts: -1 })).toEqual(invalid);
  });
  test('without an end is none', async () => {
    expect(await verify({ lasts: 'for ever' })).toEqual(invalid);
  });
  test('is remembered until it is over, and not a moment longer', async () => {
    let clock = now;
    const one = identity(() => clock);
    const bearer = `Bearer ${await token({ lasts: 10 })}`;
    expect(await one.verify(bearer)).toMatchObject({ ok: true });
    clock = now + 9_000;
    expect(await one.verify(bearer)).toMatchObject({ ok: true });
    clock = now + 10_000;
    expect(await one.verify(bearer)).toEqual(invalid);
  });
});
