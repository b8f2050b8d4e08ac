import { hash } from 'node:crypto';
import { createRemoteJWKSet, errors, jwtVerify, type JWTVerifyGetKey } from 'jose';

/** Verified tokens are remembered until they expire, but not longer than this: a verification costs as much as a whole write. */
const rememberedMs = 60_000;
const rememberedTokens = 10_000;
const discoveryWaitMs = 5_000;
const longestToken = 8_192;

export interface IdentityOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly now?: () => number;
}

/** `missing` and `invalid` are the caller's (401); `away`: the issuer's keys can't be had now (503). */
export type Verified = { readonly ok: true; readonly sub: string } | { readonly ok: false; readonly reason: 'missing' | 'invalid' | 'away' };

export interface Identity {
  /** At once where the token was verified before. Never rejects. */
  verify(authorization: string | undefined): Verified | Promise<Verified>;
}

/**
 * Checks bearer tokens of one OpenID provider, found by its discovery document: RS256 or ES256 only, issuer and audience pinned, `exp` and
 * `sub` required. The token proves who calls and nothing else; what they may do are grants.
 */
export const createIdentity = ({ issuer, audience, now = Date.now }: IdentityOptions): Identity => {
  const remembered = new Map<string, { sub: string; until: number }>();
  let keys: Promise<JWTVerifyGetKey> | undefined;

  const keySet = (): Promise<JWTVerifyGetKey> => {
    keys ??= discover(issuer).catch((error: unknown) => {
      keys = undefined;
      throw error;
    });
    return keys;
  };

  const verifyAnew = async (token: string, fingerprint: string): Promise<Verified> => {
    try {
      const { payload } = await jwtVerify(token, await keySet(), {
        issuer,
        audience,
        algorithms: ['RS256', 'ES256'],
        requiredClaims: ['sub', 'exp'],
        currentDate: new Date(now()),
      });
      if (typeof payload.sub !== 'string' || payload.sub.length === 0 || payload.sub.length > 200) return invalid;
      if (remembered.size >= rememberedTokens) remembered.delete(remembered.keys().next().value as string);
      remembered.set(fingerprint, { sub: payload.sub, until: Math.min((payload.exp ?? 0) * 1_000, now() + rememberedMs) });
      return { ok: true, sub: payload.sub };
    } catch (error) {
      return isAway(error) ? { ok: false, reason: 'away' } : invalid;
    }
  };

  return {
    verify: (authorization) => {
      if (!authorization) return { ok: false, reason: 'missing' };
      const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization)?.[1];
      if (!token || token.length > longestToken) return invalid;
      const fingerprint = hash('sha256', token, 'base64');
      const known = remembered.get(fingerprint);
      return known && known.until > now() ? { ok: true, sub: known.sub } : verifyAnew(token, fingerprint);
    },
  };
};

const invalid: Verified = { ok: false, reason: 'invalid' };

const discover = async (issuer: string): Promise<JWTVerifyGetKey> => {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`, { signal: AbortSignal.timeout(discoveryWaitMs) });
  if (!response.ok) throw new IssuerAway(`discovery answered ${response.status}`);
  const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown };
  if (document.issuer !== issuer || typeof document.jwks_uri !== 'string') throw new IssuerAway('discovery document does not fit the issuer');
  return createRemoteJWKSet(new URL(document.jwks_uri), { timeoutDuration: discoveryWaitMs, cooldownDuration: 10_000, cacheMaxAge: 600_000 });
};

class IssuerAway extends Error {}

const isAway = (error: unknown): boolean =>
  error instanceof IssuerAway ||
  error instanceof errors.JWKSTimeout ||
  (error instanceof TypeError && /fetch/i.test(error.message)) ||
  (error as Error).name === 'TimeoutError';
