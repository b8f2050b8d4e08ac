import { createHmac } from 'node:crypto';

export type IdentityRef = (identityNumber: string) => string;

/**
 * What stands for a 12-digit identity number outside the registry: HMAC-SHA256 in base64url under the city's key (KHUE_IDENTITY_KEY). The same number
 * gives the same reference in every service, and without the key nobody finds the number by trying them all.
 */
export const identityRef = (key: string, number: string): string => createHmac('sha256', key).update(number).digest('base64url');
