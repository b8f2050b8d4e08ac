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
import { toProblem } from '@khue/contracts/problems';
import type { Reply } from '@khue/host/door';
import type { Host } from '@khue/host/host';
import { Refuse } from '@khue/host/refuse';
import type { Answer, Command } from '@khue/messaging/command';
import { bindKey } from '@khue/messaging/idempotency';
import { newId } from '@khue/messaging/new-id';
import type { Commands } from '../commands.ts';
import type { EnrollmentCommand } from '../domain/enrollment.ts';
import { assertReadable, assertUnitReadable, reachOf } from '../store/reach.ts';
import * as reading from '../store/reading.ts';
import type { RuleBook } from '../store/rule-sets.ts';
import { encodedEnrollment, toldEnrollment, type KeptEnrollment } from './told-enrollment.ts';

/** Who is sent, judged, approved and withdrawn. */
export const serveNominations = ({ serve, pool, directory, problems }: Host, { enrollments }: Commands, ruleBook: RuleBook): void => {
  // For fresh and for kept answers alike, so that what is said again is what was said first.
  const answered = async (command: Command<EnrollmentCommand>): Promise<Reply> => {
    const answer = await enrollments.handle(command);
    if (!answer.ok) return answer;
    const kept = answer.body as KeptEnrollment;
    const json = encodedEnrollment(kept, await ruleBook.encoded(kept.eligibility));
    return { json, status: answer.status, ...(answer.version === undefined ? {} : { version: answer.version }) };
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
    const { hostUnitId: _, assigned: __, ...body } = found;
    return { body: { ...body, eligibility: body.eligibility && (await ruleBook.worded(body.eligibility)) }, version: found.version };
  });

  serve(nominateLearner, async (call) => {
    const { classId, personId, unitId } = call.body;
    return answered(call.command<EnrollmentCommand>({ type: 'NominateLearner', enrollmentId: newId(), classId, personId, unitId }));
  });

  serve(nominateLearners, async (call) => {
    const { classId } = call.body;
    const { idempotency } = call.command({ type: 'NominateLearners' });
    if (idempotency && !(await bindKey(pool, idempotency))) throw new Refuse('idempotency-key-reused', { field: 'Idempotency-Key' });
    const persons = [...new Set(call.body.personIds)];
    const nominate = (personId: string): Promise<Answer> => {
      const command = call.command<EnrollmentCommand>({ type: 'NominateLearner', enrollmentId: newId(), classId, personId, unitId: undefined });
      return enrollments.handle(keyFor(command, personId));
    };
    const answers = await Promise.all(persons.map(nominate));
    const item = async (personId: string, answer: Answer) => {
      if (!answer.ok) return { personId, nomination: null, problem: toProblem(problems, answer, call.correlationId) };
      const kept = answer.body as KeptEnrollment;
      return { personId, nomination: toldEnrollment(kept, await ruleBook.worded(kept.eligibility)), problem: null };
    };
    return { body: { items: await Promise.all(persons.map((personId, place) => item(personId, answers[place] as Answer))) } };
  });

  serve(recheckNomination, async (call) =>
    answered(call.command<EnrollmentCommand>({ type: 'RecheckNomination', enrollmentId: call.params.id }, because(call.body))),
  );
  serve(waiveRule, async (call) => answered(call.command<EnrollmentCommand>({ type: 'WaiveRule', enrollmentId: call.params.id, waiver: call.body })));
  serve(approveNomination, async (call) =>
    answered(call.command<EnrollmentCommand>({ type: 'ApproveNomination', enrollmentId: call.params.id }, because(call.body))),
  );
  serve(withdrawNomination, async (call) =>
    answered(call.command<EnrollmentCommand>({ type: 'WithdrawEnrollment', enrollmentId: call.params.id }, because(call.body))),
  );
};

const because = (body: { readonly reason?: string | undefined } | undefined): { reason?: string } =>
  body?.reason === undefined ? {} : { reason: body.reason };

/** Each person of a list has an answer of its own under the list's key, so that a list sent twice sends nobody twice. */
const keyFor = (command: Command<EnrollmentCommand>, personId: string): Command<EnrollmentCommand> =>
  command.idempotency ? { ...command, idempotency: { ...command.idempotency, key: `${command.idempotency.key} ${personId}` } } : command;
