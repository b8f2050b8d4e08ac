import { defineEvent } from '@khue/contracts/envelope';
import { choice } from '@khue/contracts/fields';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Command, Tx } from './command.ts';
import { enqueue } from './outbox.ts';

const moved = defineEvent({
  type: 'sample.moved',
  version: 1,
  topic: 'khue.sample.facts',
  data: z.object({ to: choice(['held', 'queued'], ['lent']) }),
});
const command: Command = {
  id: 'c',
  body: {},
  actor: 'officer.a',
  now: '2026-03-02T03:00:00.000Z',
  today: '2026-03-02',
  correlationId: 'c',
  causationId: 'c',
};

const written = async (to: string): Promise<unknown[]> => {
  const statements: unknown[] = [];
  const tx = { query: async (statement: unknown) => void statements.push(statement) } as unknown as Tx;
  await enqueue(tx, [{ event: { definition: moved, subject: 's', sequence: 1, data: { to } as never }, command }]);
  return statements;
};

test('a code is told of its own list', async () => {
  expect(await written('held')).toHaveLength(1);
});

test.each(['other', 'lent', 'lost'])('what readers alone bear with is not told: %s', async (to) => {
  await expect(written(to)).rejects.toThrow('Invalid option');
});
