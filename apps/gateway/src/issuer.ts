import { createPublicKey, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT, type CryptoKey, type JWK } from 'jose';

/** Lifetime of tokens, seconds: short for systems that can ask again, a working day for the operator's curl. */
export const tokenLifetimes = { client: 900, local: 8 * 3_600 } as const;

/** Of new keys. Every service checks signatures, and one of RS256 takes it half the time of an ES256 one; what signing takes, the issuer alone pays. */
const algorithm = 'RS256';

export interface Issuer {
  /** How its key signs: a key that an older version made goes on as it began. */
  readonly algorithm: string;
  readonly jwks: { readonly keys: readonly JWK[] };
  sign(sub: string, lifetimeSeconds: number): Promise<string>;
  /** The account of a system that knows its secret, or undefined. */
  authenticate(clientId: string, secret: string): Promise<string | undefined>;
}

export interface IssuerOptions {
  /** The data folder; keys lie in `issuer/`, readable by their owner only. */
  readonly data: string;
  readonly issuer: string;
  readonly audience: string;
  readonly now?: () => Date;
}

interface StoredClient {
  readonly clientId: string;
  readonly sub: string;
  readonly salt: string;
  readonly hash: string;
}

/** The built-in issuer of the embedded mode: one signing key, systems that subscribe, and no passwords of people. */
export const openIssuer = async ({ data, issuer, audience, now = () => new Date() }: IssuerOptions): Promise<Issuer> => {
  const folder = join(data, 'issuer');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const privateJwk = await readOrMake(join(folder, 'key.json'), makeKey);
  const { kid, alg, use } = privateJwk;
  const key = (await importJWK(privateJwk)) as CryptoKey;
  return {
    algorithm: alg,
    // Made from the public half, so that nothing of the private one can be in it.
    jwks: { keys: [{ ...createPublicKey({ key: { ...privateJwk }, format: 'jwk' }).export({ format: 'jwk' }), kid, alg, use }] },
    sign: (sub, lifetimeSeconds) => {
      const issuedAt = Math.floor(now().getTime() / 1_000);
      return new SignJWT({})
        .setProtectedHeader({ alg, kid, typ: 'JWT' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(sub)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + lifetimeSeconds)
        .setJti(randomBytes(12).toString('base64url'))
        .sign(key);
    },
    authenticate: async (clientId, secret) => {
      const client = (await readClients(folder)).find((known) => known.clientId === clientId);
      // A client that does not exist takes as long as one whose secret is wrong.
      const hash = await derive(secret, client?.salt ?? 'no such client');
      return client && timingSafeEqual(Buffer.from(client.hash, 'base64'), hash) ? client.sub : undefined;
    },
  };
};

/** Registers a system under an account and answers its new secret, which is kept nowhere in clear. Replaces an older secret. */
export const registerClient = async (data: string, clientId: string, sub: string): Promise<string> => {
  const folder = join(data, 'issuer');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const secret = randomBytes(24).toString('base64url');
  const salt = randomBytes(16).toString('base64');
  const client: StoredClient = { clientId, sub, salt, hash: (await derive(secret, salt)).toString('base64') };
  const others = (await readClients(folder)).filter((known) => known.clientId !== clientId);
  await writePrivate(join(folder, 'clients.json'), [...others, client]);
  return secret;
};

const scryptAsync = promisify(scrypt) as (secret: string, salt: string, length: number) => Promise<Buffer>;
const derive = (secret: string, salt: string): Promise<Buffer> => scryptAsync(secret, salt, 32);

interface SigningKey extends JWK {
  readonly kid: string;
  readonly alg: string;
  readonly use: string;
}

const makeKey = async (): Promise<SigningKey> => {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: algorithm, use: 'sig' };
};

const readClients = async (folder: string): Promise<StoredClient[]> => (await readJson<StoredClient[]>(join(folder, 'clients.json'))) ?? [];

const readOrMake = async <T>(path: string, make: () => Promise<T>): Promise<T> => {
  const known = await readJson<T>(path);
  if (known) return known;
  const made = await make();
  await writePrivate(path, made);
  return made;
};

const readJson = async <T>(path: string): Promise<T | undefined> => {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

// Beside and renamed: a kill in between leaves the old file whole.
const writePrivate = async (path: string, value: unknown): Promise<void> => {
  const beside = `${path}.${process.pid}`;
  await writeFile(beside, JSON.stringify(value), { mode: 0o600 });
  await chmod(beside, 0o600);
  await rename(beside, path);
};
