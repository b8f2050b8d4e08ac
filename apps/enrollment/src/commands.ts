import type { Gather } from '@khue/messaging/gather';
import type { Host } from '@khue/host/host';
import { applyBatch } from '@khue/messaging/apply';
import type { Aggregate, Command, Tx } from '@khue/messaging/command';
import type { Actor, Directory } from './domain/access.ts';
import { decideClass, evolveClass, type Classes, type ClassOpened, type OpenClass } from './domain/classes.ts';
import { decideEnrollment, evolveEnrollment, type EnrollmentCommand, type EnrollmentEvent } from './domain/enrollment.ts';
import { decidePastTurn, evolvePastTurns, isOwn, type PastTurnCommand, type PastTurnEvent, type PastTurns } from './domain/past-turns.ts';
import { decideProgram, evolveProgram, type ProgramPublished, type Programs, type PublishProgram } from './domain/programs.ts';
import { openRules, type Enrollment, type Enrollments } from './domain/records.ts';
import { decideRuleSet, evolveRuleSet, type PublishRuleSet, type RuleSetPublished, type RuleSets } from './domain/rule-sets.ts';
import { keptEnrollment, tellClass, tellEnrollment, tellPastTurn, tellProgram } from './outbound.ts';
import { loadPrograms, loadRuleSets, savePrograms, saveRuleSets } from './store/catalog.ts';
import { loadClasses, saveClasses } from './store/classes.ts';
import { loadEnrollments, saveEnrollments } from './store/enrollments.ts';
import { loadPastTurns, savePastTurns } from './store/past-turns.ts';
import type { RuleBook } from './store/rule-sets.ts';
import { keepSeatEvents, type SeatEvent } from './store/timeline.ts';

const bodies = <Body>(commands: readonly Command<Body>[]): Body[] => commands.map(({ body }) => body);
const by = ({ actor, now, today }: Command): Actor => ({ actor, now, today });
/** The record a command made; a decision that made none is a bug. */
const need = <T>(record: T | undefined, what: string): T => {
  if (record === undefined) throw new Error(`${what} is not there after the decision`);
  return record;
};

const programs = (directory: () => Directory): Aggregate<PublishProgram, Programs, ProgramPublished> => ({
  noun: 'program',
  load: (tx, commands) =>
    loadPrograms(
      tx,
      bodies(commands).map(({ code }) => code),
      directory(),
    ),
  decide: (command, state) => decideProgram(command.body, by(command), state),
  evolve: evolveProgram,
  save: savePrograms,
  outbound: tellProgram,
  answer: ({ body }, state) => {
    const program = need(state.added.get(body.programId), 'program');
    return { ok: true, status: 201, body: program, version: program.version };
  },
  subject: ({ body }, state) => ({ id: body.programId, record: state.added.get(body.programId) }),
});

const ruleSets = (directory: () => Directory): Aggregate<PublishRuleSet, RuleSets, RuleSetPublished> => ({
  noun: 'rule-set',
  load: (tx, commands) =>
    loadRuleSets(
      tx,
      bodies(commands).map(({ ruleSet }) => ruleSet.id),
      directory(),
    ),
  decide: (command, state) => decideRuleSet(command.body, by(command), state),
  evolve: evolveRuleSet,
  save: saveRuleSets,
  outbound: () => [],
  answer: ({ body: { hash, ruleSet } }) => ({ ok: true, status: 201, body: { hash, ruleSet }, version: ruleSet.version }),
  subject: ({ body: { hash, ruleSet } }, state) => ({
    id: ruleSet.id,
    record: state.added.has(hash) ? { id: ruleSet.id, version: ruleSet.version, hash } : undefined,
  }),
});

const classes = (directory: () => Directory): Aggregate<OpenClass, Classes, ClassOpened> => ({
  noun: 'class',
  load: (tx, commands) => loadClasses(tx, bodies(commands), directory()),
  decide: (command, state) => decideClass(command.body, by(command), state),
  evolve: evolveClass,
  save: saveClasses,
  outbound: tellClass,
  answer: ({ body }, state) => {
    const { programId: _, ...opened } = need(state.added.get(body.classId), 'class');
    return { ok: true, status: 201, body: { ...opened, provenance: 'live', state: 'open', importId: null }, version: opened.version };
  },
  subject: ({ body }, state) => ({ id: body.classId, record: state.added.get(body.classId) }),
});

/** What the audit keeps of an enrollment: the rules that were open, not the words of each. */
const audited = (row: Enrollment | undefined): unknown =>
  row && { ...row, eligibility: { verdict: row.eligibility.verdict, ruleSet: row.eligibility.ruleSet, openRules: openRules(row.eligibility) } };

/** Answers with what was found: the door puts the words in (`routes/told-enrollment.ts`). */
export const enrollmentAggregate = (directory: () => Directory, ruleBook: RuleBook): Aggregate<EnrollmentCommand, Enrollments, EnrollmentEvent> => ({
  noun: 'enrollment',
  load: (tx, commands) => loadEnrollments(tx, bodies(commands), directory(), ruleBook),
  decide: (command, state) => decideEnrollment(command.body, by(command), state),
  evolve: evolveEnrollment,
  save: saveEnrollments,
  outbound: tellEnrollment,
  answer: ({ body }, state) => {
    if (body.type === 'NoteSeat') return { ok: true, status: 200, body: null };
    const row = need(state.enrollments.get(body.enrollmentId), 'enrollment');
    const status = body.type === 'NominateLearner' || body.type === 'WaiveRule' ? 201 : 200;
    return { ok: true, status, body: keptEnrollment(row, state), version: row.version, persons: [row.personId] };
  },
  subject: ({ body }, state) => {
    const row = state.enrollments.get(body.enrollmentId);
    return { id: body.enrollmentId, record: audited(row), ...(row ? { version: row.version } : {}) };
  },
});

interface PastTurnBatch {
  readonly state: PastTurns;
  /** As it was loaded. */
  readonly before: PastTurns;
}

/** Given by imports alone. Answers whether the row's turn was recorded, or taken back: otherwise it was so already. */
export const pastTurns: Aggregate<PastTurnCommand, PastTurnBatch, PastTurnEvent> = {
  noun: 'past-turn',
  load: async (tx, commands) => {
    const state = await loadPastTurns(tx, bodies(commands));
    return { state, before: { ...state, classes: new Map(state.classes), turns: new Map(state.turns) } };
  },
  decide: ({ body }, { state }) => decidePastTurn(body, state),
  evolve: ({ state }, event) => evolvePastTurns(state, event),
  save: (tx, { state, before }) => savePastTurns(tx, state, before),
  outbound: (event, { state }) => tellPastTurn(event, state),
  answer: ({ body }, { state }) => ({ ok: true, status: 200, body: { done: isOwn(body, state) } }),
  subject: ({ body: { turnId } }, { state }) => ({ id: turnId, record: state.turns.get(turnId) }),
};

export interface Commands {
  readonly programs: Gather<PublishProgram>;
  readonly ruleSets: Gather<PublishRuleSet>;
  readonly classes: Gather<OpenClass>;
  readonly enrollments: Gather<EnrollmentCommand>;
  /** In the consumer's transaction. What quota says is never refused: a refusal here is a bug, and its event is parked. */
  noteSeats(tx: Tx, told: readonly { readonly command: Command<EnrollmentCommand>; readonly event: SeatEvent }[]): Promise<void>;
}

export const createCommands = (host: Host, ruleBook: RuleBook): Commands => {
  const directory = (): Directory => ({ units: host.directory.units(), grantsOf: host.directory.grantsOf });
  const ofEnrollments = enrollmentAggregate(directory, ruleBook);
  return {
    programs: host.gather(programs(directory)),
    ruleSets: host.gather(ruleSets(directory)),
    classes: host.gather(classes(directory)),
    enrollments: host.gather(ofEnrollments),
    noteSeats: async (tx, told) => {
      const answers = await applyBatch(
        tx,
        ofEnrollments,
        told.map(({ command }) => command),
      );
      const refused = answers.find((answer) => !answer.ok);
      if (refused && !refused.ok) throw new Error(`a seat's news was refused: ${refused.code}`);
      await keepSeatEvents(
        tx,
        told.map(({ event }) => event),
      );
    },
  };
};
