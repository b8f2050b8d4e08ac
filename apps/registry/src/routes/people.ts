import { mayRead, readableUnits } from '@khue/contracts/grants';
import {
  dismissDuplicate,
  erasePerson,
  listDuplicates,
  listPeople,
  mergeDuplicate,
  readPerson,
  registerPerson,
  updatePerson,
} from '@khue/contracts/http/registry-people';
import { fold } from '@khue/contracts/text';
import type { Host } from '@khue/host/host';
import type { IdentityRef } from '@khue/host/identity-ref';
import { Refuse } from '@khue/host/refuse';
import { v7 as uuidv7 } from 'uuid';
import type { Commands } from '../commands.ts';
import { confidants, readers } from '../domain/person.ts';
import * as lists from '../store/people-lists.ts';
import type { Reads } from '../store/reads.ts';
import { closedPerson, duplicateView, listedPerson, openPerson } from '../views.ts';

export const servePeople = ({ serve, directory, pool }: Host, { people, sensitiveRead }: Commands, reads: Reads, identityRef: IdentityRef): void => {
  serve(listPeople, async ({ query, caller, today }) => {
    const { unitId, q, ...paging } = query;
    const readable = readableUnits(caller.grants, directory.units(), today, readers);
    const { items, next } = await lists.listPeople(pool, { readable, unitId, fold: q && fold(q) }, paging);
    return { body: { items: items.map(listedPerson), next } };
  });

  serve(readPerson, async (call) => {
    const { params, caller, today } = call;
    const found = await reads.person(params.id);
    const read = (roles: Parameters<typeof mayRead>[4]) =>
      found && mayRead(caller.grants, directory.units(), found.person.unitId, today, roles, found.assigned);
    // Whom the caller may not read they can't tell from whom there is not.
    if (!found || !read(readers)) throw new Refuse('not-found');
    const { person } = found;
    const grant = read(confidants);
    if (!grant) return { body: closedPerson(person), version: person.version };
    await sensitiveRead(call.command({ type: 'ReadPerson', personId: person.id }, { grantId: grant.id }));
    return { body: openPerson(person), version: person.version };
  });

  serve(registerPerson, (call) => {
    const { identityNumber, name, ...rest } = call.body;
    const numbers = { identityNumber, identityRef: identityNumber && identityRef(identityNumber) };
    return people.handle(call.command({ type: 'RegisterPerson', personId: uuidv7(), name, fold: fold(name), ...numbers, ...rest, importId: null }));
  });

  serve(updatePerson, (call) => {
    const { reason, ...given } = call.body;
    const { name, identityNumber } = given;
    const change = {
      ...present(given),
      ...(name === undefined ? {} : { fold: fold(name) }),
      ...(identityNumber === undefined ? {} : { identityRef: identityNumber && identityRef(identityNumber) }),
    };
    return people.handle(call.command({ type: 'UpdatePerson', personId: call.params.id, change }, because(reason)));
  });

  serve(erasePerson, (call) => people.handle(call.command({ type: 'ErasePerson', personId: call.params.id })));

  serve(listDuplicates, async ({ query, caller, today }) => {
    const { whole } = readableUnits(caller.grants, directory.units(), today, listDuplicates.callers);
    const { items, next } = await lists.listDuplicates(pool, whole, query);
    return { body: { items: items.map(duplicateView), next } };
  });
  serve(mergeDuplicate, (call) =>
    people.handle(
      call.command({ type: 'MergeDuplicate', duplicateId: call.params.id, keptPersonId: call.body.keptPersonId }, because(call.body.reason)),
    ),
  );
  serve(dismissDuplicate, (call) =>
    people.handle(call.command({ type: 'DismissDuplicate', duplicateId: call.params.id }, because(call.body.reason))),
  );
};

const because = (reason: string | undefined): { reason?: string } => (reason === undefined ? {} : { reason });

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };
/** Without the members that are undefined: absent means "as it was". */
const present = <T extends object>(given: T): Present<T> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Present<T>;
