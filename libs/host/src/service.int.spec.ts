import { defineEvent, type Topic } from '@khue/contracts/envelope';
import { accept } from '@khue/decider/decision';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { bareHome } from '@khue/testing/home';
import { testService } from '@khue/testing/service';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { aggregateOf } from './aggregate.ts';
import { on } from './hear.ts';
import type { Host } from './host.ts';
import { service } from './service.ts';

const quotaTold = defineEvent({ type: 'quota.told', version: 1, topic: 'khue.quota.facts', data: z.object({}) });

const noun = (outbound?: () => []) =>
  aggregateOf({
    noun: 'note',
    load: async () => ({}),
    decide: (_: { readonly type: 'Note' }) => accept<never>(),
    evolve: () => undefined,
    save: async () => undefined,
    record: () => ({ id: 'one', record: undefined }),
    view: {},
    ...(outbound ? { outbound } : {}),
  });

const make = (produces: readonly Topic[], compose: (host: Host) => void = () => undefined) =>
  service('quota', { produces, problems: {}, home: bareHome() }, compose);
const opened: { stop(): Promise<void> }[] = [];
const open = async (...given: Parameters<typeof make>): Promise<unknown> => opened.push(await testService('quota', make(...given)));
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop();
});

describe('a service knows its name: before it starts it refuses', () => {
  test('a topic of another service, naming both', async () => {
    await expect(open(['khue.enrollment.facts'])).rejects.toThrow("quota can't produce khue.enrollment.facts: that is a topic of enrollment");
  });

  test('events to tell and no topic to tell them on', async () => {
    await expect(open([], (host) => void host.gather(noun(() => [])))).rejects.toThrow('quota tells of its note and produces no topic');
    await expect(
      open([], (host) =>
        host.hear(
          noun(() => []),
          [on(quotaTold, () => ({ type: 'Note' }))],
        ),
      ),
    ).rejects.toThrow('produces no topic');
  });

  test('two groups of one name, whose watermarks would be one', async () => {
    const twice = (host: Host): void => [1, 2].forEach(() => host.hear(noun(), [on(quotaTold, () => ({ type: 'Note' }))]));
    await expect(open([], twice)).rejects.toThrow('quota hears as quota twice');
  });

  test('the configuration of another service', async () => {
    await expect(testService('registry', make([]))).rejects.toThrow('quota was given the configuration of registry');
  });

  test('nothing that is in order', async () => {
    await open(['khue.quota.facts'], (host) => {
      host.gather(noun(() => []));
      host.hear(noun(), [on(quotaTold, () => ({ type: 'Note' }))]);
      host.hear(noun(), [on(quotaTold, () => ({ type: 'Note' }))], { as: 'quota' });
    });
  });
});

test('a topic has one owner on the embedded bus: another service’s log would take its place', async () => {
  const bus = embeddedBus({ log: { info: () => undefined, warn: () => undefined, error: () => undefined } });
  const producer = (name: string) =>
    ({ service: name, topics: ['khue.enrollment.facts'], log: {} }) as unknown as Parameters<typeof bus.connectProducer>[0];
  await bus.connectProducer(producer('enrollment'));
  await bus.connectProducer(producer('enrollment'));
  await expect(bus.connectProducer(producer('quota'))).rejects.toThrow("quota can't produce khue.enrollment.facts: enrollment does");
});
