import { createHash } from 'node:crypto';
import { canonicalJson } from '@khue/contracts/eligibility';
import type { Grant } from '@khue/contracts/grants';
import { listClasses, listPrograms, listRuleSets, openClass, publishProgram, publishRuleSet, readClass } from '@khue/contracts/http/enrollment';
import type { Call } from '@khue/host/door';
import type { Host } from '@khue/host/host';
import { Refuse } from '@khue/host/refuse';
import { v7 as uuidv7 } from 'uuid';
import type { Commands } from '../commands.ts';
import { holds, mayWriteAt, publishers, type Actor, type Directory } from '../domain/access.ts';
import { createCatalog } from '../store/catalog.ts';
import * as classes from '../store/classes.ts';

/** Programs, rule sets and classes: what may be taught, to whom, and where. */
export const serveCatalog = ({ serve, pool, directory }: Host, commands: Commands): void => {
  const catalog = createCatalog(pool);
  const known = (): Directory => ({ units: directory.units(), grantsOf: directory.grantsOf });
  /** For the audit; whether there is one is the domain's to decide. */
  const under = (grant: Grant | undefined): { grantId?: string } => (grant ? { grantId: grant.id } : {});
  const by = ({ caller, today, now }: Pick<Call, 'caller' | 'today' | 'now'>): Actor => ({ actor: caller.sub, today, now });

  serve(listPrograms, async ({ query }) => ({ body: await catalog.programs(query) }));
  serve(publishProgram, async (call) => commands.programs.handle(call.command({ type: 'PublishProgram', programId: uuidv7(), ...call.body }, under(holds(known(), by(call), publishers)))));

  serve(listRuleSets, async ({ query }) => ({ body: await catalog.ruleSets(query) }));
  // Over the canonical form, so that member order and white space of a file don't make another rule set of it.
  serve(publishRuleSet, async (call) => {
    const hash = createHash('sha256').update(canonicalJson(call.body)).digest('hex');
    return commands.ruleSets.handle(call.command({ type: 'PublishRuleSet', hash, ruleSet: call.body }, under(holds(known(), by(call), publishers))));
  });

  serve(listClasses, async ({ query }) => ({ body: await classes.listClasses(pool, query) }));
  serve(readClass, async ({ params }) => {
    const found = await classes.readClass(pool, params.id);
    if (!found) throw new Refuse('not-found');
    return { body: found, version: found.version };
  });
  serve(openClass, async (call) => {
    const { code, ...body } = call.body;
    return commands.classes.handle(call.command({ type: 'OpenClass', classId: uuidv7(), code, ...body }, under(mayWriteAt(known(), by(call), body.hostUnitId, ['school']))));
  });
};
