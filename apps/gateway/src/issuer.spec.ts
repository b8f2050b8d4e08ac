import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calculateJwkThumbprint, createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openIssuer } from './issuer.ts';

let data: string;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'khue-issuer-'));
});
afterAll(() => rm(data, { recursive: true, force: true }));

const options = (folder: string) => ({ data: join(data, folder), issuer: 'https://khue.test/auth', audience: 'khue' });
const check = async (folder: string, algorithm: string) => {
  const { jwks, sign, algorithm: told } = await openIssuer(options(folder));
  const { payload, protectedHeader } = await jwtVerify(await sign('board', 60), createLocalJWKSet({ keys: [...jwks.keys] }), {
    issuer: 'https://khue.test/auth',
    audience: 'khue',
    algorithms: [algorithm],
  });
  return { sub: payload.sub, kid: protectedHeader.kid, told, published: jwks.keys };
};

describe('the built-in issuer', () => {
  test('signs with a key that it keeps, and publishes nothing private of it', async () => {
    const first = await check('new', 'RS256');
    expect(await check('new', 'RS256')).toEqual(first);
    expect(first).toMatchObject({ sub: 'board', told: 'RS256' });
    const kept = JSON.parse(await readFile(join(data, 'new', 'issuer', 'key.json'), 'utf8')) as Record<string, string>;
    expect(Object.keys(kept).sort()).toEqual(['alg', 'd', 'dp', 'dq', 'e', 'kid', 'kty', 'n', 'p', 'q', 'qi', 'use']);
    const { d: _d, dp: _dp, dq: _dq, p: _p, q: _q, qi: _qi, ...open } = kept;
    expect(first.published).toEqual([open]);
  });

  test('goes on with the ES256 key that an older version made', async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(privateKey);
    const kept = { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: 'ES256', use: 'sig' };
    await mkdir(join(data, 'older', 'issuer'), { recursive: true });
    await writeFile(join(data, 'older', 'issuer', 'key.json'), JSON.stringify(kept));
    const { d: _d, ...open } = kept;
    expect(await check('older', 'ES256')).toEqual({ sub: 'board', kid: kept.kid, told: 'ES256', published: [open] });
  });
});
