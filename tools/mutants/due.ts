import type { Mutant } from './mutant.ts';

const src = 'libs/messaging/src';
const due = `${src}/due.int.spec.ts`;
const property = `${src}/due-property.int.spec.ts`;
const answers = `${src}/many-answers.int.spec.ts`;
const host = 'libs/host/src';
const clock = `${host}/clock.spec.ts`;

/** What happens by itself, the clock it happens by, and many answers in one command. */
export const ofWhatIsDue: readonly Mutant[] = [
  {
    name: 'due: its deletion',
    guard: 'what has fired does not fire again',
    file: `${src}/due-batch.ts`,
    find: `const [gone] = await together(tx, () => [
          deleteDues(tx, fired),`,
    replace: `const [gone] = await together(tx, () => [
          fired.length,`,
    tests: [[property, 'is gone with the commit of its command, and does not fire again']],
  },
  {
    name: 'due: its lock',
    guard: 'a row that is moved while its command is under way is not lost',
    file: `${src}/due.ts`,
    find: `order by kind, subject for update`,
    replace: `order by kind, subject`,
    tests: [[property, 'is not moved before that is over, so that no move is lost']],
  },
  {
    name: 'due: as it was read',
    guard: 'what has moved to a later instant does not fire before it',
    file: `${src}/due.ts`,
    find: `was?.at === row.at && `,
    replace: `was !== undefined && `,
    tests: [[due, 'to a later instant is not fired before that']],
  },
  {
    name: 'due: changed within the batch',
    guard: 'what a command of the batch has moved does not happen at its old instant',
    file: `${src}/due-batch.ts`,
    find: `!standing.has(key) || changed.has(key) || overtaken(row)`,
    replace: `!standing.has(key) || overtaken(row)`,
    tests: [[due, 'over what a fired command cancels or moves does not fire that']],
  },
  {
    name: 'due: overtaken',
    guard: 'what is set for an earlier instant than the rest of the batch comes before it',
    file: `${src}/due-batch.ts`,
    find: `!standing.has(key) || changed.has(key) || overtaken(row)`,
    replace: `!standing.has(key) || changed.has(key)`,
    tests: [[due, 'over what a fired command sets for the same day lets that come before what is due later']],
  },
  {
    name: 'due: again at once',
    guard: 'what sets itself for an instant that has passed does not fire for ever',
    file: `${src}/due-batch.ts`,
    find: `instantOf(change.at) <= instantOf(current.at)`,
    replace: `instantOf(change.at) < 0`,
    tests: [[due, 'whose command is %s is tried again and parked in the end']],
  },
  {
    name: 'due: parked',
    guard: 'what fails again and again waits for an operator',
    file: `${src}/due.ts`,
    find: `case when attempts + 1 >= $5 then`,
    replace: `case when attempts + 1 >= $5 + 1000 then`,
    tests: [[due, 'whose command is %s is tried again and parked in the end']],
  },
  {
    name: 'due: refusals in the audit',
    guard: 'what was refused when it fell due leaves its code',
    file: `${src}/due-batch.ts`,
    find: `before: null, after: null, refused: [code]`,
    replace: `before: null, after: null, refused: []`,
    tests: [[due, 'that is refused has its answer']],
  },
  {
    name: 'due: what is on its way',
    guard: 'a command that needs what is on its way is not answered by a refusal',
    file: `${src}/due-batch.ts`,
    find: `const awaiting = refused.filter(({ code }) => isOnItsWay(code))`,
    replace: `const awaiting = refused.filter(({ code }) => isOnItsWay(code) && code === '')`,
    tests: [[due, 'whose command needs what is on its way waits for it']],
  },
  {
    name: 'due: the lease',
    guard: 'one process of a service fires at a time, so that what is due happens in order',
    file: `${src}/due-pump.ts`,
    find: `if (stopping.signal.aborted || !lease.held()) return false;`,
    replace: `if (stopping.signal.aborted) return false;`,
    tests: [[due, 'is not fired by a process that does not hold the lease']],
  },
  {
    name: 'due: small batches',
    guard: 'ten thousand things due at once do not keep a clerk waiting',
    file: `${src}/due-pump.ts`,
    find: `export const dueBatch = 64;`,
    replace: `export const dueBatch = 64 * 1_000;`,
    tests: [[`${host}/due.int.spec.ts`, 'ten thousand things due at once leave a clerk his turn']],
  },
  {
    name: 'due: people first',
    guard: 'no batch of what is due begins while somebody waits for an answer',
    file: `${host}/people.ts`,
    find: `    await answered(givingWayMs);`,
    replace: ``,
    tests: [[`${host}/people.spec.ts`, 'waits for the commands under way, and not for ever']],
  },
  {
    name: 'due: a rest between batches',
    guard: 'after each batch of what is due the machine is people’s for as long',
    file: `${host}/people.ts`,
    find: `await pause(Math.min(tookMs, givingWayMs));`,
    replace: `await pause(Math.min(0, givingWayMs));`,
    tests: [[`${host}/people.spec.ts`, 'rests for as long as its last step took']],
  },
  {
    name: 'due: an instant in UTC',
    guard: 'a day is not taken for its midnight elsewhere',
    file: `${src}/due.ts`,
    find: `set.find(({ at }) => !isInstant(at))`,
    replace: `set.find(({ at }) => !isInstant(at) && at === '')`,
    tests: [[due, 'is an instant in UTC']],
  },
  {
    name: 'due: to the millisecond',
    guard: 'a row is found again by the instant it was read at',
    file: `${src}/due.ts`,
    find: `date_trunc('milliseconds', at)`,
    replace: `date_trunc('microseconds', at)`,
    tests: [[due, 'written finer than to the millisecond is found again']],
  },
  {
    name: 'test clock: off loopback',
    guard: 'nobody else reaches a process whose time somebody sets',
    file: `${host}/config.ts`,
    find: `if (!isLoopback(settings.KHUE_HOST) || !isLoopback(new URL(publicUrlOf(settings)).hostname))`,
    replace: `if (!isLoopback(new URL(publicUrlOf(settings)).hostname))`,
    tests: [[clock, 'is refused %s']],
  },
  {
    name: 'test clock: issuer elsewhere',
    guard: 'tokens are not held against another clock than their issuer’s',
    file: `${host}/config.ts`,
    find: `if (issuer !== undefined && !isLoopback(new URL(issuer).hostname))`,
    replace: `if (issuer === '')`,
    tests: [[clock, 'is refused %s']],
  },
  {
    name: 'test clock: issuer of the gateway',
    guard: 'a gateway with another issuer than its own has no test clock',
    file: `${host}/config.ts`,
    find: `if (settings.KHUE_TEST_CLOCK && settings.KHUE_OIDC_ISSUER)`,
    replace: `if (settings.KHUE_TEST_CLOCK === '')`,
    tests: [[clock, 'is refused at the gateway with any other issuer than its own']],
  },
  {
    name: 'many answers: told',
    guard: 'whoever sent a bad entry is told which and why',
    file: `${src}/apply.ts`,
    find: `return aggregate.answer(command, state, refusals);`,
    replace: `return aggregate.answer(command, state, refusals.slice(refusals.length));`,
    tests: [[answers, 'each entry is entered or told why, whatever the others are']],
  },
  {
    name: 'many answers: counted',
    guard: 'the audit says how many entries were refused, and why',
    file: `${src}/apply.ts`,
    find: `refused: refusals.map(({ code }) => code)`,
    replace: `refused: refusals.slice(1).map(({ code }) => code)`,
    tests: [[answers, 'the audit counts the refused under each code']],
  },
];
