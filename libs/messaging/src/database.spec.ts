import { describe, expect, it } from 'vitest';
import { classify } from './database.ts';

describe('an error of the database', () => {
  it('is told by what the server said, also where Prisma wraps it into a code of its own', () => {
    const wrapped = (originalCode: string): Error =>
      Object.assign(new Error('x'), { code: 'P2039', meta: { driverAdapterError: { cause: { originalCode } } } });
    expect(classify(wrapped('57P03'))).toBe('away');
    expect(classify(wrapped('23505'))).toBe('data');
    expect(classify(Object.assign(new Error('x'), { code: 'P2039' }))).toBe('bug');
    expect(classify(Object.assign(new Error('x'), { code: '40P01' }))).toBe('again');
  });

  it.each(['P1001', 'P1002', 'P1008', 'P1017'])('is that it is away when Prisma says %s', (code) => {
    expect(classify(Object.assign(new Error('x'), { code }))).toBe('away');
  });

  it.each(['EPIPE', 'ECONNRESET', 'ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH'])('is that it is away when the network says %s', (code) => {
    expect(classify(Object.assign(new Error('write'), { code }))).toBe('away');
  });
});
