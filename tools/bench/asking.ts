import { randomUUID } from 'node:crypto';

/** What is asked for, again and again, and by whom. */
export interface Asking {
  readonly path: string;
  /** A token of each account; a connection keeps to one. */
  readonly tokens: readonly string[];
  /** Parts of the requests, 0 to 1: a token whose signature is wrong, a body whose class is no id. */
  readonly bad: { readonly tokens: number; readonly bodies: number };
  readonly of: Nominations | Claims;
}

export interface Nominations {
  readonly kind: 'nominations';
  /** The people of each account's unit. */
  readonly persons: readonly (readonly string[])[];
  readonly classes: readonly string[];
  /** How many pairs each account has asked for before. */
  readonly from: readonly number[];
}

export interface Claims {
  readonly kind: 'claims';
  readonly unitId: string;
  readonly year: number;
  readonly programCode: string;
}

export type Kind = 'good' | 'bad-token' | 'bad-body';

export interface Asked {
  readonly kind: Kind;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Makes requests, each with a key and a subject of its own. `from` afterwards is where the next load of nominations begins. */
export const createAsker = ({ tokens, bad, of }: Asking): { ask: (connection: number) => Asked; from: () => readonly number[] } => {
  const from = of.kind === 'nominations' ? [...of.from] : [];
  let asked = 0;
  // Counted, not drawn: of any hundred requests the same part is bad. Half a turn apart, so that the two never fall on one request.
  const due = (part: number, turn: number): boolean => Math.floor((asked + 1) * part + turn) > Math.floor(asked * part + turn);
  const nomination = (account: number, { persons, classes }: Nominations): unknown => {
    const people = persons[account] as readonly string[];
    const n = from[account] ?? 0;
    from[account] = n + 1;
    // Another person each time and, when all have been there, each in the next class: no pair twice while the number of classes is a prime.
    const round = Math.floor(n / people.length);
    return { personId: people[n % people.length], classId: classes[(n + round + account) % classes.length] };
  };
  return {
    from: () => from,
    ask: (connection) => {
      const account = connection % tokens.length;
      const token = tokens[account] as string;
      const kind: Kind = due(bad.tokens, 0) ? 'bad-token' : due(bad.bodies, 0.5) ? 'bad-body' : 'good';
      asked += 1;
      const headers = {
        authorization: `Bearer ${kind === 'bad-token' ? forged(token) : token}`,
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
      };
      if (kind !== 'good') return { kind, headers, body: JSON.stringify(broken[of.kind]) };
      const body =
        of.kind === 'nominations'
          ? nomination(account, of)
          : { enrollmentId: randomUUID(), unitId: of.unitId, year: of.year, programCode: of.programCode };
      return { kind, headers, body: JSON.stringify(body) };
    },
  };
};

/** The right length and members; one of them is no id. */
const broken = {
  nominations: { personId: '0198f3a4-0000-7000-8000-000000000001', classId: 'no class at all, and no id either...' },
  claims: { enrollmentId: 'no enrollment at all, and no id either', unitId: '0198f3a4-0000-7000-8000-000000000001', year: 2026, programCode: 'x' },
} as const;

/** Signed by nobody, and another one each time: a token remembered as bad would cost nothing. */
const forged = (token: string): string => `${token.slice(0, -24)}${randomUUID().replaceAll('-', '').slice(0, 24)}`;

export interface Answers {
  readonly seconds: number;
  /** Answers by status; 0 stands for none. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Good requests answered 2xx, and how many of them a second. */
  readonly accepted: number;
  readonly perSecond: number;
  /** Of the accepted, milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly refused: { readonly count: number; readonly p50: number; readonly p99: number; readonly withoutRetryAfter: number };
  readonly badTokens: number;
  readonly badBodies: number;
  /** Good ones that were neither accepted nor refused with 503, bad tokens not answered 401, bad bodies not answered 400. */
  readonly surprises: readonly string[];
}

const place = (sorted: Float64Array, part: number): number =>
  sorted.length === 0 ? 0 : Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) * 100) / 100;

/** What a load goes on for, however slow the machine: so that a short one has something to show. */
export type AtLeast = Partial<Record<'accepted' | 'refused' | 'badTokens' | 'badBodies', number>>;

/** Counts answers and holds each against what was asked. */
export const createTally = (): {
  has: (atLeast: AtLeast) => boolean;
  count: (asked: Kind, status: number, ms: number, retryAfter: boolean) => void;
  end: (seconds: number) => Answers;
} => {
  const statuses: Record<string, number> = {};
  const accepted: number[] = [];
  const refused: number[] = [];
  const surprises = new Set<string>();
  const bad = { 'bad-token': 0, 'bad-body': 0 };
  let withoutRetryAfter = 0;
  return {
    has: ({ accepted: good = 0, refused: turnedAway = 0, badTokens = 0, badBodies = 0 }) =>
      accepted.length >= good && refused.length >= turnedAway && bad['bad-token'] >= badTokens && bad['bad-body'] >= badBodies,
    count: (asked, status, ms, retryAfter) => {
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 503) {
        refused.push(ms);
        if (!retryAfter) withoutRetryAfter += 1;
      } else if (asked !== 'good') {
        bad[asked] += 1;
        if (status !== (asked === 'bad-token' ? 401 : 400)) surprises.add(`${asked} answered ${status}`);
      } else if (status >= 200 && status < 300) accepted.push(ms);
      else surprises.add(`good answered ${status}`);
    },
    end: (seconds) => {
      const times = Float64Array.from(accepted).sort();
      const refusals = Float64Array.from(refused).sort();
      return {
        seconds,
        statuses,
        accepted: times.length,
        perSecond: times.length / seconds,
        p50: place(times, 0.5),
        p99: place(times, 0.99),
        refused: { count: refusals.length, p50: place(refusals, 0.5), p99: place(refusals, 0.99), withoutRetryAfter },
        badTokens: bad['bad-token'],
        badBodies: bad['bad-body'],
        surprises: [...surprises],
      };
    },
  };
};
