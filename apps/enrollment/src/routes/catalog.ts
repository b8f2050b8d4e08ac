import { createHash } from 'node:crypto';
import { canonicalJson } from '@khue/contracts/canonical-json';
import {
  listClasses,
  listPrograms,
  listRuleSets,
  openClass,
  publishProgram,
  publishRuleSet,
  readClass,
} from '@khue/contracts/http/enrollment-catalog';
import type { Host } from '@khue/host/host';
import { Refuse } from '@khue/host/refuse';
import { v7 as uuidv7 } from 'uuid';
import type { Commands } from '../commands.ts';
import { createCatalog } from '../store/catalog.ts';
import * as classes from '../store/classes.ts';

/** Programs, rule sets and classes: what may be taught, to whom, and where. */
export const serveCatalog = ({ serve, pool }: Host, commands: Commands): void => {
  const catalog = createCatalog(pool);

  serve(listPrograms, async ({ query }) => ({ body: await catalog.programs(query) }));
  serve(publishProgram, async (call) => commands.programs.handle(call.command({ type: 'PublishProgram', programId: uuidv7(), ...call.body })));

  serve(listRuleSets, async ({ query }) => ({ body: await catalog.ruleSets(query) }));
  // Over the canonical form, so that member order and white space of a file don't make another rule set of it.
  serve(publishRuleSet, async (call) => {
    const hash = createHash('sha256').update(canonicalJson(call.body)).digest('hex');
    return commands.ruleSets.handle(call.command({ type: 'PublishRuleSet', hash, ruleSet: call.body }));
  });

  serve(listClasses, async ({ query }) => ({ body: await classes.listClasses(pool, query) }));
  serve(readClass, async ({ params }) => {
    const found = await classes.readClass(pool, params.id);
    if (!found) throw new Refuse('not-found');
    return { body: found, version: found.version };
  });
  serve(openClass, async (call) => {
    const { code, ...body } = call.body;
    return commands.classes.handle(call.command({ type: 'OpenClass', classId: uuidv7(), code, ...body }));
  });
};
