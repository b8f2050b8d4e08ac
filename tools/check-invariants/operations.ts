import type { Request } from './history-file.ts';

/** How the effects of an operation are found again in the service that owns it. */
export interface Operation {
  /** The command's name in the audit. */
  readonly command: string;
  /** What makes two of these commands the same thing, from the request and from the audit's row `a`: the same text. */
  readonly asked: (request: Request) => string;
  readonly audited: string;
  /** The records: ids with versions. */
  readonly records: string;
  /** How much a command more than the first may add: nothing where the service has it done already, or nothing to see where nothing changes. */
  readonly repeated?: 'no-effect';
}

const words = (...parts: readonly unknown[]): string =>
  JSON.stringify(parts.map((part) => (part === undefined || part === null ? '' : String(part).trim().normalize('NFC'))));
const fields = (...names: readonly string[]): Pick<Operation, 'asked' | 'audited'> => ({
  asked: ({ body }) => words(...names.map((name) => body[name])),
  audited: `jsonb_build_array(${names.map((name) => `coalesce(a.after->>'${name}', '')`).join(', ')})`,
});
/** Of `/api/enrollment/v1/nominations/{id}/approve` the id. */
const idIn = ({ path }: Request): string => path.split('/')[5] ?? '';
const ofPath = { asked: (request: Request) => words(idIn(request)), audited: 'jsonb_build_array(a.subject)' };

const enrollments = { records: 'select id, version from enrollment.enrollment' } as const;

/** By operationId. */
export type Operations = Readonly<Record<string, Operation>>;

export const enrollmentOperations: Operations = {
  nominateLearner: { ...enrollments, command: 'NominateLearner', ...fields('classId', 'personId') },
  approveNomination: { ...enrollments, command: 'ApproveNomination', ...ofPath },
  withdrawNomination: { ...enrollments, command: 'WithdrawEnrollment', ...ofPath },
  recheckNomination: { ...enrollments, command: 'RecheckNomination', ...ofPath },
  waiveRule: { ...enrollments, command: 'WaiveRule', ...ofPath },
  openClass: {
    command: 'OpenClass',
    ...fields('programCode', 'hostUnitId', 'size', 'from', 'to'),
    records: 'select id, version from enrollment.class',
  },
  publishProgram: {
    command: 'PublishProgram',
    ...fields('code', 'name'),
    records: 'select id, version from enrollment.program',
  },
};

export const quotaOperations: Operations = {
  claimSeat: {
    command: 'AllocateSeat',
    asked: ({ body }) => words(body.enrollmentId),
    audited: 'jsonb_build_array(a.subject)',
    records: 'select enrollment_id as id, version from quota.seat',
    repeated: 'no-effect',
  },
  openPot: { command: 'OpenPot', ...fields('year', 'programCode'), records: 'select id, version from quota.pot' },
  dividePot: {
    command: 'DividePot',
    asked: (request) => words(idIn(request), request.body.unitId),
    audited: `jsonb_build_array(a.after->>'potId', a.after->>'unitId')`,
    records: 'select id, version from quota.account',
    repeated: 'no-effect',
  },
};

export const registryOperations: Operations = {
  registerPerson: {
    command: 'RegisterPerson',
    ...fields('name', 'birth', 'unitId'),
    records: 'select id, version from registry.people union all select person_id, version from registry.erased_people',
  },
  // By If-Match and without a key, so it is looked for among the records only.
  updatePerson: {
    command: 'UpdatePerson',
    ...ofPath,
    records: 'select id, version from registry.people union all select person_id, version from registry.erased_people',
  },
  registerUnit: { command: 'RegisterUnit', ...fields('code'), records: 'select id, version from registry.units' },
  issueGrant: { command: 'IssueGrant', ...fields('sub', 'role', 'unitId'), records: 'select id, version from registry.grants' },
  recordDocument: {
    command: 'RecordDocument',
    ...fields('number', 'issuer'),
    records: 'select id, version from registry.documents',
  },
};
