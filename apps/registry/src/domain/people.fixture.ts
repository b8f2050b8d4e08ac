import type { By } from '@khue/contracts/grants';
import { fold } from '@khue/contracts/text';
import type { Decision } from '@khue/decider/decision';
import { decideDuplicate, evolveDuplicate, type DuplicateCommand, type DuplicateEvent } from './duplicates.ts';
import { decidePerson, evolvePerson, type PersonCommand, type PersonEvent, type RegisterPerson } from './people.ts';
import type { People } from './person.ts';
import { byIn, city, grant, register, told as build } from './structure.fixture.ts';

/** The city of the structure's fixture; c91 ended without successors, c92 was taken over by c11, c93 split into c11 and c12, and so did c94, whose district d9 was taken over by d1. */
const structure = city();
build(structure, register('d9', 'city'));
for (const [unitId, ...heirs] of [['c91'], ['c92', 'c11'], ['c93', 'c11', 'c12'], ['c94', 'c11', 'c12'], ['d9', 'd1']] as const) {
  if (unitId !== 'd9') build(structure, register(unitId, unitId === 'c94' ? 'd9' : 'd1'));
  const end = { unitId, on: '2025-07-01', documentNo: '1-NQ' };
  build(
    structure,
    heirs.length === 0
      ? { type: 'DissolveUnit', ...end }
      : { type: 'SucceedUnit', ...end, sample: true, successors: heirs.map((heir) => ({ unitId: heir, sharePercent: null })) },
  );
}
for (const one of [
  grant('officer.c11', 'officer', 'c11'),
  grant('officer.c12', 'officer', 'c12'),
  grant('reader.c11', 'reader', 'c11'),
  grant('lecturer.c11', 'lecturer', 'c11'),
  grant('lecturer.c11', 'officer', 'c12'),
])
  structure.grants.set(one.id, one);

export const as = (actor: string): By => byIn(structure, actor);
export const officer = as('officer.c11');
export const neighbor = as('officer.c12');
export const board = as('board');

export const people = (assigned: Readonly<Record<string, string>> = {}): People => ({
  persons: new Map(),
  holders: new Map(),
  namesakes: new Map(),
  duplicates: new Map(),
  erased: new Map(),
  assigned: new Map(Object.entries(assigned)),
  suspected: new Map(),
});

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
export const told = (state: People, command: PersonCommand | DuplicateCommand, by: By = officer): string => {
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
