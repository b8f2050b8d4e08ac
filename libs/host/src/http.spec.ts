import { commonProblems } from '@khue/contracts/problems';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { createHttp } from './http.ts';
import { createLogger } from './logger.ts';

const uuid = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** What a client that sends this correlation id is told, and what is logged of it. */
const sent = async (given: string): Promise<{ told: string; logged: string }> => {
  const lines: string[] = [];
  const log = createLogger('quota', { write: (line: string) => void lines.push(line) });
  const http = await createHttp({ catalog: commonProblems, log, logConfig: { requests: 'all', oneIn: 1, slowMs: 1_000 }, metrics: new Registry() });
  const answer = await http.inject({ method: 'GET', url: '/nowhere', headers: { 'x-correlation-id': given } });
  await http.close();
  return { told: String(answer.headers['x-correlation-id']), logged: lines.join('') };
};

describe('a correlation id', () => {
  test.each(['b3c1f6a0-0d6e-7c5e-9f00-001180000101', 'B3C1F6A0-0D6E-4C5E-9F00-ABCDEF012345', 'order-2026-17', 'A1b2C3d4', '12345678-87654321'])(
    'is kept where it is a UUID, or short and without a long number: %s',
    async (given) => {
      const { told, logged } = await sent(given);
      expect(told).toBe(given);
      expect(logged).toContain(given);
    },
  );

  test.each([
    ['an identity number of twelve digits', '001180000101'],
    ['an old one of nine digits', '012345678'],
    ['one with something around it', 'person-001180000101-x'],
    ['one disguised as a UUID that is none', '001180000-101-0000-0000-000000000000'],
    ['a name', 'Nguyen Van A'],
    ['an underscore', 'order_2026'],
    ['too short', 'abc'],
    ['too long', 'a'.repeat(65)],
  ])('is made anew, and what came is not logged, where it is %s', async (_, given) => {
    const { told, logged } = await sent(given);
    expect(told).toMatch(uuid);
    expect(logged).toContain(told);
    expect(logged).not.toContain(given);
  });
});
