import { createHmac } from 'node:crypto';

export type IdentityRef = (identityNumber: string) => string;

/**
 * What stands for an identity number outside the registry: HMAC-SHA256 under the city's key, in base64url. A plain hash would be no secret: there are
 * only so many numbers, and all can be tried.
 */
export const identityRefUnder = (key: string): IdentityRef => (identityNumber) => createHmac('sha256', key).update(identityNumber).digest('base64url');
