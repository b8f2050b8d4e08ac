import type { Mutant } from './mutant.ts';

/** One release beside another: what a later one tells, and what was never complete. */
export const ofReleases: readonly Mutant[] = [
  {
    name: 'directory: a role nobody knows',
    guard: 'a grant in a role of a later release gives no right',
    file: 'libs/host/src/directory.ts',
    find: `if (data.role === 'other') return;`,
    replace: ``,
    tests: [['apps/quota/src/service.int.spec.ts', 'a grant in a role of a later release gives no right']],
  },
  {
    name: 'contracts: codes of a later release',
    guard: 'a code that is not known is borne with',
    file: 'libs/contracts/src/fields.ts',
    find: `(known.includes(value) ? value : 'other')`,
    replace: `value`,
    tests: [['libs/contracts/src/open-enums.spec.ts', 'is as strict as declared, wherever the list stands']],
  },
  {
    name: 'outbox: the producer’s side',
    guard: 'nobody tells a code that readers only bear with',
    file: 'libs/messaging/src/outbox.ts',
    find: `event.definition.told.parse(event.data)`,
    replace: `event.definition.data.parse(event.data)`,
    tests: [['libs/messaging/src/outbox.spec.ts', 'what readers alone bear with is not told']],
  },
  {
    name: 'door: caught up',
    guard: 'a projection that was never complete gives no answer instead of a default',
    file: 'libs/host/src/door.ts',
    find: `if (caughtUp !== true && !(await caughtUp)) throw new Refuse('not-caught-up', { retryAfterSeconds: 1 });`,
    replace: ``,
    tests: [['apps/reporting/src/service.int.spec.ts', 'it gives no figures instead of wrong ones']],
  },
];
