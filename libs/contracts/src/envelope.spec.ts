import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineEvent, knownEvents, readEvent } from './envelope.ts';

const counted = defineEvent({ type: 'sample.counted', version: 1, topic: 'khue.sample.facts', data: z.object({ amount: z.int() }) });
const id = '0199c0de-7000-7000-8000-000000000001';
const message = {
  specversion: '1.0',
  id,
  source: 'khue/ha-noi/sample',
  type: 'sample.counted',
  subject: 'a',
  time: '2026-03-02T03:00:00.000Z',
  datacontenttype: 'application/json',
  dataversion: 1,
  sequence: 1,
  position: 1,
  correlationid: id,
  causationid: id,
  actor: 'officer.a',
  data: { amount: 1 },
};

test('an event is read from the topic of its type', () => {
  expect(readEvent(knownEvents(counted), 'khue.sample.facts', message)).toMatchObject({ outcome: 'read', event: { data: { amount: 1 } } });
});

test('an event is not read from a topic that its type does not belong to, though the same service writes it', () => {
  expect(readEvent(knownEvents(counted), 'khue.sample.people', message)).toEqual({
    outcome: 'unreadable',
    reason: 'sample.counted does not belong on khue.sample.people',
  });
});
