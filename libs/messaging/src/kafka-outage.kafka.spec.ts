import type { LocalKafka } from '@khue/infra/kafka/local-broker';
import { openBusTrial, type BusTrial } from '@khue/testing/bus-trial';
import { eventually } from '@khue/testing/eventually';
import { describeOnOwnKafka } from '@khue/testing/kafka';
import { settled } from '@khue/testing/settled';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { kafkaBus } from './kafka-bus.ts';

await describeOnOwnKafka('while Kafka is away', (start) => {
  let kafka: LocalKafka;
  let trial: BusTrial;
  beforeAll(async () => {
    kafka = await start();
  });
  afterAll(() => kafka.close());
  beforeEach(async () => {
    trial = await openBusTrial((services, log) =>
      kafkaBus({
        brokers: kafka.brokers,
        clientId: 'outage',
        log,
        declared: services.map((service) => ({ name: `khue.${service}.facts`, partitions: 12, config: {} })),
      }),
    );
  });
  afterEach(() => trial.close());

  const write = async (rounds: number): Promise<void> => {
    for (let n = 0; n < rounds; n += 1) await trial.happen(`s-${n % 5}`, `s-${n % 7}`);
  };

  test('killed: what is typed is kept, and all of it arrives once when the broker is back', async () => {
    const relay = await trial.startRelay();
    const group = await trial.join('one');
    await write(5);
    await settled(trial.bus);
    const writing = write(60);
    await kafka.kill('SIGKILL');
    await writing;
    await eventually(() => expect(relay.state().failingSince).not.toBeNull());
    expect((await relay.unsent()).rows).toBeGreaterThan(0);
    expect(group.deadSince()).toBeNull();
    await kafka.restart();
    await settled(trial.bus);
    await trial.expectAllOnceInOrder('one');
    expect(relay.state().failingSince).toBeNull();
  });

  test('frozen for longer than every wait: nothing hangs, and all of it arrives once when it wakes', async () => {
    const relay = await trial.startRelay();
    await trial.join('one');
    await write(5);
    await settled(trial.bus);
    await kafka.kill('SIGSTOP');
    await write(20);
    await eventually(() => expect(relay.state().failingSince).not.toBeNull(), { withinMs: 60_000 });
    await kafka.kill('SIGCONT');
    await settled(trial.bus);
    await trial.expectAllOnceInOrder('one');
  });

  test('from the start: a service starts without it, and stops without it', async () => {
    await kafka.kill('SIGKILL');
    await trial.startRelay();
    await trial.join('one');
    await write(5);
    const second = await openBusTrial((services, log) =>
      kafkaBus({
        brokers: kafka.brokers,
        clientId: 'outage',
        log,
        declared: services.map((service) => ({ name: `khue.${service}.facts`, partitions: 12, config: {} })),
      }),
    );
    await second.startRelay();
    await second.join('one');
    await second.happen('a');
    await second.close();
    await kafka.restart();
    await settled(trial.bus);
    await trial.expectAllOnceInOrder('one');
  });
});
