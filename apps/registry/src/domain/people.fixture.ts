import { fold } from '@khue/contracts/text';
import type { Decision } from '@khue/decider/decision';
import { decideDuplicate, evolveDuplicate, type DuplicateCommand, type DuplicateEvent } from './duplicates.ts';
import { decidePerson, evolvePerson, type PersonCommand, type PersonEvent, type RegisterPerson } from './people.ts';
import { initialPeople, type People } from './person.ts';
import { inForce, type Actor } from './records.ts';
import { city, grant, register, today, told as build } from './structure.fixture.ts';

export const officer: Actor = { actor: 'officer.c11', today };
export const neighbor: Actor = { actor: 'officer.c12', today };
export const board: Actor = { actor: 'board', today };

/** The city of the structure's fixture; c91 ended without successors, c92 was taken over by c11, c93 split into c11 and c12; an officer at c11 and at c12. */
export const people = (assigned: Readonly<Record<string, string>> = {}): People => {
  const structure = city();
  for (const [unitId, ...heirs] of [['c91'], ['c92', 'c11'], ['c93', 'c11', 'c12']] as const) {
    build(structure, register(unitId, 'd1'));
    const end = { unitId, on: '2025-07-01', documentNo: '1-NQ' };
    build(
      structure,
      heirs.length === 0
        ? { type: 'DissolveUnit', ...end }
        : { type: 'SucceedUnit', ...end, sample: true, successors: heirs.map((heir) => ({ unitId: heir, sharePercent: null })) },
    );
  }
  const grants = [
    ...structure.grants.values(),
    grant('officer.c11', 'officer', 'c11'),
    grant('officer.c12', 'officer', 'c12'),
    grant('reader.c11', 'reader', 'c11'),
  ].map(inForce);
  return initialPeople({
    table: structure.table,
    grantsOf: (sub) => grants.filter((each) => each.sub === sub),
    persons: new Map(),
    holders: new Map(),
    namesakes: new Map(),
    duplicates: new Map(),
    erased: new Map(),
    assigned: new Map(Object.entries(assigned)),
  });
};

/** Registers `personId`, by default at c11; the reference of a number is `ref:` and the number. */
export const enter = (
  personId: string,
  { identityNumber = null, name = 'Nguyễn Văn Hùng', ...more }: Partial<RegisterPerson> = {},
): RegisterPerson => ({
  type: 'RegisterPerson',
  personId,
  unitId: 'c11',
  name,
  fold: fold(name),
  identityNumber,
  identityRef: identityNumber && `ref:${identityNumber}`,
  birth: '1980-05-19',
  sex: null,
  facts: {},
  importId: null,
  ...more,
});

/** What came of a command: the refusal's code with its field and params, or the events; an accepted one is applied. */
export const told = (state: People, command: PersonCommand | DuplicateCommand, by: Actor = officer): string => {
  const decision: Decision<PersonEvent | DuplicateEvent> =
    'duplicateId' in command ? decideDuplicate(command, by, state) : decidePerson(command, by, state);
  if (!decision.accepted) return [decision.code, decision.field, ...Object.values(decision.params ?? {})].filter(Boolean).join(' ');
  for (const event of decision.events) {
    if (event.type === 'DuplicateMerged' || event.type === 'DuplicateDismissed' || event.type === 'PersonMerged' || event.type === 'PersonCompleted')
      evolveDuplicate(state, event);
    else evolvePerson(state, event);
  }
  return (
    decision.events.map((event) => (event.type === 'DuplicateSuspected' ? `${event.type} ${event.otherId}` : event.type)).join(', ') || 'nothing'
  );
};
