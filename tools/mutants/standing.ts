import type { Mutant } from './mutant.ts';

/** That what stands is served, heard and kept. */
export const ofWhatStands: readonly Mutant[] = [
  {
    name: 'standing: forwarded',
    guard: 'what the gateway documents it forwards',
    file: 'apps/gateway/src/service.ts',
    find: `  const { services } = config;`,
    replace: `  const { reporting: _, ...services } = config.services;`,
    tests: [['apps/gateway/src/service.spec.ts', 'every route that the gateway documents is answered by the service it belongs to']],
  },
  {
    name: 'standing: heard',
    guard: 'a group that nobody says exists is waited for by no check',
    file: 'libs/contracts/src/services.ts',
    find: `hears: { quota: [enrollmentFacts] }`,
    replace: `hears: {}`,
    tests: [['apps/standalone/src/product.spec.ts', 'its groups, and what each hears']],
  },
  {
    name: 'standing: containers',
    guard: 'a service that stands has its container, its address and its database',
    file: 'tools/stack/compose.ts',
    find: `  serviceNames.flatMap((name) => lines(`,
    replace: `  serviceNames.slice(1).flatMap((name) => lines(`,
    tests: [['tools/stack/compose.spec.ts', 'says of the services that stand what npm run compose writes']],
  },
  {
    name: 'standing: facts for ever',
    guard: 'Kafka keeps every fact from the first day',
    file: 'libs/messaging/src/topics.ts',
    find: `'retention.ms': '-1', `,
    replace: ``,
    tests: [
      [
        'libs/messaging/src/topics.spec.ts',
        'facts are kept for ever, cards are compacted, and every topic has the twelve partitions of its first day',
      ],
    ],
  },
];
