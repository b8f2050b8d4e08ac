import { aggregateOf } from '@khue/host/aggregate';
import type { Host } from '@khue/host/host';
import { decideClass, evolveClass, type LiveClass, type OpenClass } from './domain/classes.ts';
import { decideEnrollment, evolveEnrollment, type EnrollmentCommand } from './domain/enrollment.ts';
import { decidePastTurn, evolvePastTurns, isOwn, type PastTurnCommand, type PastTurns } from './domain/past-turns.ts';
import { decideProgram, evolveProgram, type Program, type PublishProgram } from './domain/programs.ts';
import { openRules, type Enrollment, type Enrollments } from './domain/records.ts';
import { decideRuleSet, evolveRuleSet, type PublishRuleSet } from './domain/rule-sets.ts';
import { tellClass, tellEnrollment, tellPastTurn, tellProgram } from './outbound.ts';
import { loadPrograms, loadRuleSets, savePrograms, saveRuleSets } from './store/catalog.ts';
import { loadClasses, saveClasses } from './store/classes.ts';
import { loadEnrollments, saveEnrollments } from './store/enrollments.ts';
import { loadPastTurns, savePastTurns } from './store/past-turns.ts';
import type { RuleBook } from './store/rule-sets.ts';
import { classView, keptEnrollment } from './views.ts';

const programs = aggregateOf({
  noun: 'program',
  load: loadPrograms,
  decide: decideProgram,
  evolve: evolveProgram,
  save: savePrograms,
  outbound: tellProgram,
  record: ({ programId }: PublishProgram, { published }) => ({ id: programId, record: published.get(programId) }),
  view: {
    PublishProgram: ({ programId }, { published }) => {
      const program = published.get(programId) as Program;
      return { body: program, version: program.version };
    },
  },
});

const ruleSets = aggregateOf({
  noun: 'rule-set',
  load: loadRuleSets,
  decide: decideRuleSet,
  evolve: evolveRuleSet,
  save: saveRuleSets,
  record: ({ hash, ruleSet: { id, version } }: PublishRuleSet, { published }) => ({
    id,
    record: published.has(hash) ? { id, version, hash } : undefined,
  }),
  view: { PublishRuleSet: ({ hash, ruleSet }) => ({ body: { hash, ruleSet }, version: ruleSet.version }) },
});

const classes = aggregateOf({
  noun: 'class',
  load: loadClasses,
  decide: decideClass,
  evolve: evolveClass,
  save: saveClasses,
  outbound: tellClass,
  record: ({ classId }: OpenClass, { opened }) => ({ id: classId, record: opened.get(classId) }),
  view: {
    OpenClass: ({ classId }, state) => {
      const opened = state.opened.get(classId) as LiveClass;
      return { body: classView(opened), version: opened.version };
    },
  },
});

/** What the audit keeps of an enrollment: the rules that were open, not the words of each. */
const audited = (row: Enrollment): unknown => ({
  ...row,
  eligibility: { verdict: row.eligibility.verdict, ruleSet: row.eligibility.ruleSet, openRules: openRules(row.eligibility) },
});

const kept = ({ enrollmentId }: EnrollmentCommand, state: Enrollments) => {
  const row = state.enrollments.get(enrollmentId) as Enrollment;
  return { body: keptEnrollment(row, state), version: row.version, persons: [row.personId] };
};

/** Given by imports alone. Answers whether the row's turn was recorded, or taken back: otherwise it was so already. */
const done = (command: PastTurnCommand, state: PastTurns) => ({ body: { done: isOwn(command, state) } });
export const pastTurns = aggregateOf({
  noun: 'past-turn',
  load: loadPastTurns,
  decide: (command: PastTurnCommand, _, state: PastTurns) => decidePastTurn(command, state),
  evolve: evolvePastTurns,
  save: savePastTurns,
  outbound: tellPastTurn,
  record: ({ turnId }: PastTurnCommand, { turns }: PastTurns) => ({ id: turnId, record: turns.get(turnId) }),
  view: { RecordPastTurn: done, TakeBackPastTurn: done },
});

/** By the rules of this book. What quota tells of a seat answers nobody. */
export const enrollmentsBy = (ruleBook: RuleBook) =>
  aggregateOf({
    noun: 'enrollment',
    load: (tx, orders) => loadEnrollments(tx, orders, ruleBook),
    decide: decideEnrollment,
    evolve: evolveEnrollment,
    save: saveEnrollments,
    outbound: tellEnrollment,
    record: ({ enrollmentId: id }: EnrollmentCommand, { enrollments }) => {
      const row = enrollments.get(id);
      return row ? { id, record: audited(row), version: row.version } : { id, record: undefined };
    },
    view: { NominateLearner: kept, RecheckNomination: kept, WaiveRule: kept, ApproveNomination: kept, WithdrawEnrollment: kept },
  });

export const createCommands = (host: Host, enrollments: ReturnType<typeof enrollmentsBy>) => ({
  programs: host.gather(programs),
  ruleSets: host.gather(ruleSets),
  classes: host.gather(classes),
  enrollments: host.gather(enrollments),
});
export type Commands = ReturnType<typeof createCommands>;
