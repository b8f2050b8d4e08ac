import { listEnrollments, readEnrollment, readTimeline } from '@khue/contracts/http/enrollment';
import type { Call } from '@khue/host/door';
import type { Host } from '@khue/host/host';
import { Refuse } from '@khue/host/refuse';
import { assertReadable, assertUnitReadable, reachOf } from '../store/reach.ts';
import * as reading from '../store/reading.ts';
import type { RuleBook } from '../store/rule-sets.ts';
import * as timeline from '../store/timeline.ts';
import { shownEnrollment } from '../views.ts';

/** Who is in which class, of today and of the past. */
export const serveEnrollments = ({ serve, pool, directory }: Host, ruleBook: RuleBook): void => {
  const readable = async ({ params, caller, today }: Call<typeof readEnrollment> | Call<typeof readTimeline>): Promise<reading.ShownEnrollment> => {
    const found = await reading.readEnrollment(pool, params.id);
    if (!found) throw new Refuse('not-found');
    assertReadable(caller.grants, directory.units(), today, found);
    return found;
  };

  serve(listEnrollments, async ({ query, caller, today }) => {
    const reach = reachOf(caller.grants, directory.units(), today);
    assertUnitReadable(reach, directory.units(), query.unitId);
    return { body: await reading.listEnrollments(pool, reach, query) };
  });
  serve(readEnrollment, async (call) => {
    const found = await readable(call);
    return { body: shownEnrollment(found, found.eligibility && (await ruleBook.worded(found.eligibility))), version: found.version };
  });
  serve(readTimeline, async (call) => {
    const { id, importId } = await readable(call);
    const recorded = importId === null ? [] : await timeline.readRecording(pool, id, importId);
    return { body: [...recorded, ...(await timeline.readTimeline(pool, id))] };
  });
};
