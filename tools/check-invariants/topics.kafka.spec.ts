import { serviceNames } from '@khue/contracts/services';
import type { LocalKafka } from '@khue/infra/kafka/local-broker';
import { startEmbedded, type Embedded } from '@khue/infra/postgres/embedded';
import type { Bus } from '@khue/messaging/bus';
import { kafkaBus } from '@khue/messaging/kafka-bus';
import { kafkaClient } from '@khue/messaging/kafka-client';
import { readTopics, type TopicMessage } from '@khue/messaging/kafka-log';
import { foundCity, type FoundedCity } from '@khue/standalone/founded.fixture';
import { describeOnKafka, ownKafka } from '@khue/testing/kafka';
import { settled } from '@khue/testing/settled';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkInvariants, type City, type Finding } from './check.ts';
import { live } from './lived-city.fixture.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

// A broker of its own: what is planted in a topic can't be taken out again.
describeOnKafka('on Kafka', () => {
  let kafka: LocalKafka;
  let city: FoundedCity;
  let alone: Embedded;
  let messages: readonly TopicMessage[];
  const said: string[] = [];

  const check = async (patienceMs = 0): Promise<readonly Finding[]> =>
    checkInvariants(
      {
        databases: Object.fromEntries(serviceNames.map((service) => [service, alone.databases[service]?.appUrl])) as City['databases'],
        brokers: kafka.brokers,
      },
      { patienceMs, say: (line) => void said.push(line) },
    );
  const startAlone = (): Promise<Embedded> =>
    startEmbedded({ folder: city.data, log: () => undefined, databases: serviceNames.map((name) => ({ name })) });
  const read = async (): Promise<readonly TopicMessage[]> => {
    const found: TopicMessage[] = [];
    await readTopics(
      { brokers: kafka.brokers, clientId: 'spec', log },
      ['khue.registry.facts', 'khue.registry.people', 'khue.enrollment.facts', 'khue.quota.facts'],
      (message) => found.push(message),
    );
    return found;
  };
  const plant = async ({ topic, partition, key, value, position, previous }: TopicMessage): Promise<void> => {
    const producer = kafkaClient({ brokers: kafka.brokers, clientId: 'spec', log }).producer();
    await producer.connect();
    const headers = position === undefined ? {} : { headers: { position: String(position), previous: String(previous) } };
    await producer.send({ topic, messages: [{ key, value, partition, ...headers }] });
    await producer.disconnect();
  };
  const asAdmin = async (database: string, sql: string): Promise<void> => {
    const admin = new pg.Client({ connectionString: alone.adminUrl(database) });
    await admin.connect();
    try {
      await admin.query(sql);
    } finally {
      await admin.end();
    }
  };
  const restore = async (service: string): Promise<void> => {
    await asAdmin('postgres', `drop database ${service} with (force)`);
    await asAdmin('postgres', `create database ${service} template ${service}_lived`);
  };
  const lastOf = (topic: string): TopicMessage => messages.filter((message) => message.topic === topic).at(-1) ?? expect.fail(`nothing in ${topic}`);
  const examplesOf = (findings: readonly Finding[], name: string): readonly string[] =>
    findings.find((one) => one.name === name && !one.ok)?.examples ?? [];
  const chain = (topic: string): string => `${topic}: each partition's chain is whole, and what was sent twice is the same to the byte`;
  const whole = (topic: string): string => `${topic}: holds every event of the log once in effect, and nothing else`;

  beforeAll(async () => {
    kafka = await ownKafka();
    let bus: Bus | undefined;
    city = await foundCity({}, (busLog) => (bus = kafkaBus({ brokers: [...kafka.brokers], clientId: 'khue', log: busLog })));
    await live(city);
    // Nobody is there to read what is left once the product is closed.
    await settled(bus ?? []);
  });
  afterAll(async () => {
    await alone?.close();
    await city?.close();
    await kafka?.close();
  }, 60_000);

  test('a city that lived is whole, databases and topics', async () => {
    await city.product.close();
    alone = await startAlone();
    for (const service of serviceNames) await asAdmin('postgres', `create database ${service}_lived template ${service}`);
    const findings = await check(10_000);
    expect(findings.filter(({ ok }) => !ok)).toEqual([]);
    const ofTopics = findings.filter(({ name }) => name.startsWith('khue.'));
    expect(ofTopics.length).toBe(8);
    expect(ofTopics.filter(({ seen }) => seen === 0)).toEqual([]);
    messages = await read();
  });

  test('a group that stands before the end of its partition is behind', async () => {
    const { partition, position } = lastOf('khue.quota.facts');
    await asAdmin(
      'reporting',
      `update messaging.watermark set position = position - 1 where group_name = 'reporting' and topic = 'khue.quota.facts' and partition = ${partition}`,
    );
    try {
      expect(examplesOf(await check(), 'bus: every group has applied every event, and nothing is unsent')).toEqual([
        `reporting: khue.quota.facts/${partition} at position ${(position ?? 0) - 1} of ${position}`,
      ]);
    } finally {
      await restore('reporting');
    }
  });

  test('what the relay has not sent is seen, though nobody is behind what was', async () => {
    await asAdmin('quota', `update messaging.sent set position = position - 1 where partition = -1`);
    try {
      expect(examplesOf(await check(), 'bus: every group has applied every event, and nothing is unsent')[0]).toMatch(
        /^khue\.quota\.facts: sent up to position \d+ of \d+$/,
      );
    } finally {
      await restore('quota');
    }
  });

  test('a message that is not as its log has it, and one that its log does not have', async () => {
    const { key, position } = lastOf('khue.quota.facts');
    const { key: person, position: carded } = lastOf('khue.registry.people');
    const facts = lastOf('khue.enrollment.facts');
    await asAdmin('quota', `update messaging.log set data = '{}' where position = ${position}`);
    await asAdmin('registry', `update messaging.log set data = '{}' where position = ${carded}`);
    await asAdmin('enrollment', `delete from messaging.log where position = ${facts.position}`);
    try {
      const findings = await check();
      expect(examplesOf(findings, whole('khue.quota.facts'))).toEqual([`${key} position ${position}: not as in the log`]);
      expect(examplesOf(findings, whole('khue.registry.people'))).toEqual([`${person} position ${carded}: not as in the log`]);
      expect(examplesOf(findings, whole('khue.enrollment.facts'))).toEqual([
        `khue.enrollment.facts/${facts.partition} position ${facts.position}: not in the log`,
      ]);
    } finally {
      for (const service of ['quota', 'registry', 'enrollment']) await restore(service);
    }
  });

  test('an event that never reached its topic; of cards only the last counts', async () => {
    const add = (
      topic: string,
    ): string => `insert into messaging.log (position, previous, topic, subject, sequence, type, version, event_id, time, context, data)
      select position + 1, position, topic, 'lost', 1, type, version, gen_random_uuid(), time, context, data from messaging.log
      where topic = '${topic}' order by position desc limit 1`;
    await asAdmin('quota', add('khue.quota.facts'));
    await asAdmin('registry', add('khue.registry.people'));
    try {
      const findings = await check();
      expect(examplesOf(findings, whole('khue.quota.facts'))[0]).toMatch(/^lost position \d+: not in the topic$/);
      expect(examplesOf(findings, whole('khue.registry.people'))[0]).toMatch(/^lost position \d+: not in the topic$/);
    } finally {
      for (const service of ['quota', 'registry']) await restore(service);
    }
  });

  // From here on in the topics themselves, where it stays.

  test('what a relay sent twice is counted and is no fault', async () => {
    const ofQuota = messages.filter(({ topic, partition }) => topic === 'khue.quota.facts' && partition === lastOf('khue.quota.facts').partition);
    for (const message of ofQuota) await plant(message);
    said.length = 0;
    expect((await check()).filter(({ ok }) => !ok)).toEqual([]);
    expect(said).toEqual([expect.stringMatching(`^khue\\.quota\\.facts: ${ofQuota.length} of \\d+ messages were sent twice$`)]);
  });

  test('a message that came twice and not the same', async () => {
    const message = lastOf('khue.quota.facts');
    await plant({ ...message, value: `${message.value} ` });
    const findings = (await check()).filter(({ ok }) => !ok);
    expect(findings).toMatchObject([
      {
        name: chain('khue.quota.facts'),
        examples: [`khue.quota.facts/${message.partition} position ${message.position}: sent twice and not the same`],
      },
    ]);
  });

  test('a message that no relay of ours sent', async () => {
    const message = lastOf('khue.registry.facts');
    await plant({ ...message, position: undefined });
    expect(examplesOf(await check(), chain('khue.registry.facts'))).toEqual([
      `khue.registry.facts/${message.partition} position undefined: not from a relay of ours`,
    ]);
  });

  test('a message behind a hole, and one that names another before it', async () => {
    const message = lastOf('khue.enrollment.facts');
    const position = (message.position ?? 0) + 9;
    await plant({ ...message, position, previous: position - 1 });
    expect(examplesOf(await check(), whole('khue.enrollment.facts'))).toEqual([
      `khue.enrollment.facts/${message.partition} position ${position}: behind a hole that was never filled`,
    ]);
    await plant({ ...message, position: position + 1, previous: 0 });
    expect(examplesOf(await check(), chain('khue.enrollment.facts'))).toEqual([
      `khue.enrollment.facts/${message.partition} position ${position + 1}: names 0 before it, and ${message.position} was`,
    ]);
  });
});
