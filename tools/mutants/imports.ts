import type { Mutant } from './mutant.ts';

const src = 'libs/imports/src';
const flow = `${src}/import-flow.int.spec.ts`;
const planning = `${src}/planning-beside-people.int.spec.ts`;
const way = `${src}/give-way.spec.ts`;
const door = `${src}/import-door.int.spec.ts`;
const runner = `${src}/import-runner.int.spec.ts`;

/** Files that become rows. */
export const ofTheImports: readonly Mutant[] = [
  {
    name: 'import: whose it is',
    guard: 'an import does not exist for those who may not import for its unit',
    file: `${src}/import-door.ts`,
    find: `if (!status || !grant) throw new Refuse('not-found');`,
    replace: `if (!status) throw new Refuse('not-found');`,
    tests: [[door, 'and does not exist for those who are not over it']],
  },
  {
    name: 'import: roles of importers',
    guard: 'who reads everything of a unit is not yet one who imports for it',
    file: `${src}/import-door.ts`,
    find: `mayRead(caller.grants, directory.units(), unitId, today, callers)`,
    replace: `mayRead(caller.grants, directory.units(), unitId, today)`,
    tests: [[door, 'and does not exist for those who are not over it']],
  },
  {
    name: 'import: hash of the plan',
    guard: 'exactly the plan that was looked at is committed',
    file: `${src}/store.ts`,
    find: `and state = 'planned' and plan_hash = $4 and layout`,
    replace: `and state = 'planned' and $4::text is not null and layout`,
    tests: [[flow, 'is refused under another hash']],
  },
  {
    name: 'import: layout of the plan',
    guard: 'a plan that an older layout read is not committed',
    file: `${src}/store.ts`,
    find: `plan_hash = $4 and layout = any ($5)`,
    replace: `plan_hash = $4 and $5::text[] is not null`,
    tests: [[flow, 'is refused where the plan was read by an older layout']],
  },
  {
    name: 'import: ids of rows',
    guard: 'ids follow from file and row, so that nothing is made twice',
    file: `${src}/row-id.ts`,
    find: '`${fileHash}:${rowNo}`',
    replace: '`${fileHash}:${rowNo}:${Math.random()}`',
    tests: [[flow, 'with ids that follow from file and row']],
  },
  {
    name: 'import: holder of a chunk',
    guard: 'a holder that was silent does not go on beside the next one',
    file: `${src}/progress.ts`,
    find: `where id = $1 and holder = $2 and state = $3 for update`,
    replace: `where id = $1 and $2::uuid is not null and state = $3 for update`,
    tests: [[runner, 'a silent holder that wakes up again leaves it to the other']],
    hangs: true,
  },
  {
    name: 'import: one runner',
    guard: 'an import that is held is not taken',
    file: `${src}/progress.ts`,
    find: `and (holder is null or holder = $1 or heartbeat_at < clock_timestamp() - $2 * interval '1 ms')`,
    replace: `and $2::int is not null`,
    tests: [[runner, 'leave each other what is not silent']],
  },
  {
    name: 'import: progress',
    guard: 'a commit that was interrupted goes on where it was',
    file: `${src}/progress.ts`,
    find: `set last_row = $2, done`,
    replace: `set last_row = last_row + 0 * $2, done`,
    tests: [[flow, 'asked for twice is done once']],
    hangs: true,
  },
  {
    name: 'import: giving way',
    guard: 'no step of an import begins while a command is under way',
    file: `${src}/give-way.ts`,
    find: `await people.answered(importWaits.givingWay);`,
    replace: ``,
    tests: [[way, 'waits for the commands under way']],
  },
  {
    name: 'import: rest after a step',
    guard: 'an import leaves the machine to people for as long as its step took',
    file: `${src}/give-way.ts`,
    find: `await wait(Math.min(last, importWaits.givingWay));`,
    replace: `await wait(Math.min(0, last, importWaits.givingWay));`,
    tests: [[way, 'leaves the machine to them for as long as its step took']],
  },
  {
    name: 'import: giving way while planning',
    guard: 'a file is planned in small steps while people type',
    file: `${src}/stage.ts`,
    find: `parsed.slice(from, from + (await steps.next()))`,
    replace: `parsed.slice(from, from + Math.max(1_000, await steps.next()))`,
    tests: [[planning, 'planning takes small steps while people type']],
  },
  {
    name: 'import: giving way for ever',
    guard: 'a door that is always busy slows an import down and does not stop it',
    file: 'libs/host/src/people.ts',
    find: `const timer = setTimeout(over, mostMs);`,
    replace: `const timer = setTimeout(() => undefined, mostMs);`,
    tests: [['libs/host/src/people.spec.ts', 'are waited for no longer than was said']],
    hangs: true,
  },
  {
    name: 'import: duplicates of a file',
    guard: 'a row that an earlier row of the file repeats is rejected',
    file: `${src}/row-keys.ts`,
    find: `return first === rows[place]?.rowNo ? verdict :`,
    replace: `return first !== -1 ? verdict :`,
    tests: [[flow, 'finds duplicates across chunks']],
  },
  {
    name: 'import: formulas',
    guard: 'nothing in the file of rejected rows runs as a formula',
    file: `${src}/rejected-rows.ts`,
    find: `disarm(cells[place] ?? '')`,
    replace: `cells[place] ?? ''`,
    tests: [[`${src}/rejected-rows.spec.ts`, 'nothing in the file runs as a formula']],
  },
  {
    name: 'import: row that the database refuses',
    guard: 'one unacceptable row does not hold up the others',
    file: `${src}/import-runner.ts`,
    find: `if (failure === 'data' && rows > 1)`,
    replace: `if (failure === 'bug' && rows > 1)`,
    tests: [[runner, 'rejects the row that the database does not accept, and no other']],
  },
];
