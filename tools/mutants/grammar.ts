import type { Mutant } from './mutant.ts';

const host = 'libs/host/src';
const messaging = 'libs/messaging/src';

/** What a service is refused at its start, and what becomes of events that it refuses. */
export const ofGrammar: readonly Mutant[] = [
  {
    name: 'host: topics of its own',
    guard: 'a service produces on topics of its own',
    file: `${host}/open-host.ts`,
    find: `if (topic.split('.')[1] !== service) throw`,
    replace: `if (topic === '') throw`,
    tests: [[`${host}/service.int.spec.ts`, 'a topic of another service, naming both']],
  },
  {
    name: 'host: a topic to tell on',
    guard: 'who tells has a topic',
    file: `${host}/open-host.ts`,
    find: `if (noun.outbound && !produces) throw`,
    replace: `if (noun.noun === '') throw`,
    tests: [[`${host}/service.int.spec.ts`, 'events to tell and no topic to tell them on']],
  },
  {
    name: 'host: groups of one name',
    guard: 'two groups don’t share a watermark',
    file: `${host}/open-host.ts`,
    find: `if (consumers.has(group)) throw`,
    replace: `if (group === '') throw`,
    tests: [[`${host}/service.int.spec.ts`, 'two groups of one name, whose watermarks would be one']],
  },
  {
    name: 'host: its own configuration',
    guard: 'a service runs under its own configuration',
    file: `${host}/open-host.ts`,
    find: `if (config.service !== service) throw`,
    replace: `if (config.service === undefined) throw`,
    tests: [[`${host}/service.int.spec.ts`, 'the configuration of another service']],
  },
  {
    name: 'embedded bus: one owner of a topic',
    guard: 'the log of a topic is its producer’s',
    file: `${messaging}/embedded-bus.ts`,
    find: `if (owner) throw`,
    replace: `if (owner === null) throw`,
    tests: [[`${host}/service.int.spec.ts`, 'a topic has one owner on the embedded bus']],
  },
  {
    name: 'hear: what is on its way comes first',
    guard: 'nothing is parked for want of what is on its way',
    file: `${host}/hear.ts`,
    find: `if (waiting) throw new NotYet(waiting.code);`,
    replace: ``,
    tests: [
      [`${host}/hear.int.spec.ts`, 'waits for what is on its way, whatever else was refused for want of it'],
      ['apps/quota/src/service.int.spec.ts', 'of a unit that is not known yet waits for the unit'],
    ],
  },
  {
    name: 'hear: a bug is logged',
    guard: 'what decide threw at an event is in the log',
    file: `${host}/hear.ts`,
    find: `          log.error(
            {`,
    replace: `          log.debug(
            {`,
    tests: [[`${host}/hear.int.spec.ts`, 'that meets a bug leaves the kind and the place in the log']],
  },
  {
    name: 'consumer: refused is not tried again',
    guard: 'a refused event is parked at once, under its code',
    file: `${messaging}/consumer.ts`,
    find: `if (refused.length > 0) return climb(`,
    replace: `if (refused.length < 0) return climb(`,
    tests: [[`${messaging}/consumer-ladder.int.spec.ts`, 'events that the domain refuses are parked at once, each under its code']],
  },
  {
    name: 'consumer: of a subject the first',
    guard: 'what comes behind a refused event of its subject parks behind it',
    file: `${messaging}/consumer.ts`,
    find: `verdicts.has(delivery) || subjects.has(subjectKey(delivery))`,
    replace: `verdicts.has(delivery)`,
    tests: [[`${messaging}/consumer-ladder.int.spec.ts`, 'events that the domain refuses are parked at once, each under its code']],
  },
  {
    name: 'http: a refusal without words',
    guard: 'a refusal that no catalog words is named in the log',
    file: `${host}/door.ts`,
    find: `if (!Object.hasOwn(catalog, refusal.code)) reply`,
    replace: `if (refusal.code === '') reply`,
    tests: [[`${host}/http.spec.ts`, 'a refusal whose code has no words is an internal error to the caller']],
  },
];
