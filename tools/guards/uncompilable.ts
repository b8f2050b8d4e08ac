import { planted, type Planted } from './planted.ts';

const seat = `const seat = { enrollmentId: '', state: 'held', reason: null, explanation: null, position: null } as const;`;
const door = (route: string): readonly string[] => [
  `import { ${route} } from '@khue/contracts/http/quota';`,
  "import type { Host } from '@khue/host/host';",
];

/** For the compiler: what the grammar of a service says no to. The rule is what the compiler must name. Each in a file of its own, for they are compiled together. */
export const uncompilable: readonly Planted[] = [
  planted(
    `'"seat-unknwon"' is not assignable`,
    'apps/quota/src/domain/planted-refusal.ts',
    "import { refuse } from './refusals.ts';",
    "export const no = refuse('seat-unknwon');",
  ),
  planted(
    `'"not-fuond"' is not assignable`,
    'apps/quota/src/routes/planted-refusal.ts',
    "import { Refuse } from '@khue/host/refuse';",
    "export const no = new Refuse('not-fuond');",
  ),
  planted(
    `'"seat-unknown"' is not assignable`,
    'apps/quota/src/routes/planted-own-refusal.ts',
    "import { Refuse } from '@khue/host/refuse';",
    "export const no = new Refuse('seat-unknown');",
  ),
  planted(
    "Property 'because' is missing",
    'apps/quota/src/routes/planted-member.ts',
    ...door('readSeat'),
    seat,
    'export const run = ({ serve }: Host): void => serve(readSeat, async () => ({ body: seat }));',
  ),
  planted(
    "The types of 'body.state' are incompatible",
    'apps/quota/src/routes/planted-choice.ts',
    ...door('readSeat'),
    seat,
    "export const run = ({ serve }: Host): void => serve(readSeat, async () => ({ body: { ...seat, because: [], state: 'hold' } }));",
  ),
  planted(
    "Types of property 'status' are incompatible",
    'apps/quota/src/routes/planted-status.ts',
    ...door('readSeat'),
    seat,
    'export const run = ({ serve }: Host): void => serve(readSeat, async () => ({ status: 201, body: { ...seat, because: [] } }));',
  ),
  planted(
    "'Answer<undefined>' is not assignable to type 'Reply<",
    'apps/quota/src/routes/planted-answer.ts',
    ...door('claimSeat'),
    "import type { Commands } from '../commands.ts';",
    'export const run = ({ serve }: Host, { ledger }: Commands): void =>',
    "  serve(claimSeat, ({ command, body: { enrollmentId } }) => ledger.handle(command({ type: 'ConfirmSeat', enrollmentId })));",
  ),
  planted(
    "Property 'enrolmentId' does not exist",
    'apps/quota/src/planted-heard.ts',
    "import { learnerAdmitted } from '@khue/contracts/events/enrollment';",
    "import { on } from '@khue/host/hear';",
    "export const heard = on(learnerAdmitted, ({ enrolmentId }) => ({ type: 'ConfirmSeat', enrollmentId: enrolmentId }));",
  ),
  planted(
    "Property 'queueNo' is missing",
    'apps/quota/src/planted-told.ts',
    "import { tell } from '@khue/contracts/envelope';",
    "import { seatQueued } from '@khue/contracts/events/quota';",
    "const placed = { enrollmentId: '', unitId: '', year: 2026, programCode: '', potId: '', accountId: '' };",
    "export const told = tell(seatQueued, '', 1, placed);",
  ),
  planted(
    "Property 'version' is missing",
    'apps/quota/src/store/planted-column.ts',
    "import { columns } from '@khue/messaging/rows';",
    "export const seats = columns<{ readonly id: string; readonly version: number }>({ id: 'uuid' });",
  ),
  planted(
    `'"kuota"' is not assignable`,
    'apps/quota/src/planted-name.ts',
    "import { service } from '@khue/host/service';",
    "export const create = service('kuota', { produces: [], problems: {}, home: import.meta.url }, () => undefined);",
  ),
];
