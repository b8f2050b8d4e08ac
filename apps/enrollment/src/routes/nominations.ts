import {
  approveNomination,
  listNominations,
  nominateLearner,
  nominateLearners,
  readNomination,
  recheckNomination,
  waiveRule,
  withdrawNomination,
} from '@khue/contracts/http/enrollment';
import { toProblem } from '@khue/contracts/problem-document';
import type { Reply } from '@khue/host/door';
import type { Host } from '@khue/host/host';
import { Refuse } from '@khue/host/refuse';
import type { Command } from '@khue/messaging/command';
import { bindKey } from '@khue/messaging/idempotency';
import { newId } from '@khue/messaging/new-id';
import type { Commands } from '../commands.ts';
import type { NoteSeat } from '../domain/approval.ts';
import type { EnrollmentCommand } from '../domain/enrollment.ts';
import { assertReadable, assertUnitReadable, reachOf } from '../store/reach.ts';
import * as reading from '../store/reading.ts';
import type { RuleBook } from '../store/rule-sets.ts';
import { shownEnrollment } from '../views.ts';
import { encodedEnrollment, toldEnrollment } from './told-enrollment.ts';

/** A command that answers somebody. */
type Step = Exclude<EnrollmentCommand, NoteSeat>;

/** Who is sent, judged, approved and withdrawn. */
export const serveNominations = ({ serve, pool, directory, problems }: Host, { enrollments }: Commands, ruleBook: RuleBook): void => {
  // For fresh and for kept answers alike, so that what is said again is what was said first.
  const answered = async (command: Command<Step>): Promise<Reply<typeof nominateLearner>> => {
    const answer = await enrollments.handle(command);
    if (!answer.ok) return answer;
    const { body, version } = answer;
    const json = encodedEnrollment(body, await ruleBook.encoded(body.eligibility));
    return { json, ...(version === undefined ? {} : { version }) };
  };

  serve(listNominations, async ({ query, caller, today }) => {
    const reach = reachOf(caller.grants, directory.units(), today);
    assertUnitReadable(reach, directory.units(), query.unitId);
    return { body: await reading.listNominations(pool, reach, query) };
  });
  serve(readNomination, async ({ params, caller, today }) => {
    const found = await reading.readNomination(pool, params.id);
    if (!found) throw new Refuse('not-found');
    assertReadable(caller.grants, directory.units(), today, found);
    return { body: shownEnrollment(found, found.eligibility && (await ruleBook.worded(found.eligibility))), version: found.version };
  });

  serve(nominateLearner, async (call) => {
    const { classId, personId, unitId } = call.body;
    return answered(call.command({ type: 'NominateLearner', enrollmentId: newId(), classId, personId, unitId }));
  });

  serve(nominateLearners, async (call) => {
    const { classId } = call.body;
    const { idempotency } = call.command({ type: 'NominateLearners' });
    if (idempotency && !(await bindKey(pool, idempotency))) throw new Refuse('idempotency-key-reused', { field: 'Idempotency-Key' });
    const persons = [...new Set(call.body.personIds)];
    const nominate = async (personId: string) => {
      const command = call.command({ type: 'NominateLearner', enrollmentId: newId(), classId, personId, unitId: undefined });
      const answer = await enrollments.handle(keyFor(command, personId));
      if (!answer.ok) return { personId, nomination: null, problem: toProblem(problems, answer, call.correlationId) };
      return { personId, nomination: toldEnrollment(answer.body, await ruleBook.worded(answer.body.eligibility)), problem: null };
    };
    return { body: { items: await Promise.all(persons.map(nominate)) } };
  });

  serve(recheckNomination, async (call) => answered(call.command({ type: 'RecheckNomination', enrollmentId: call.params.id }, because(call.body))));
  serve(waiveRule, async (call) => answered(call.command({ type: 'WaiveRule', enrollmentId: call.params.id, waiver: call.body })));
  serve(approveNomination, async (call) => answered(call.command({ type: 'ApproveNomination', enrollmentId: call.params.id }, because(call.body))));
  serve(withdrawNomination, async (call) => answered(call.command({ type: 'WithdrawEnrollment', enrollmentId: call.params.id }, because(call.body))));
};

const because = (body: { readonly reason?: string | undefined } | undefined): { reason?: string } =>
  body?.reason === undefined ? {} : { reason: body.reason };

/** Each person of a list has an answer of its own under the list's key, so that a list sent twice sends nobody twice. */
const keyFor = <Body>(command: Command<Body>, personId: string): Command<Body> =>
  command.idempotency ? { ...command, idempotency: { ...command.idempotency, key: `${command.idempotency.key} ${personId}` } } : command;
