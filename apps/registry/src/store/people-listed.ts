import { fold } from '@khue/contracts/text';
import type { Tx } from '@khue/messaging/command';
import type { Person } from '../domain/person.ts';
import { personColumns } from './columns.ts';

type Sought = Pick<Person, 'unitId' | 'name' | 'identityRef' | 'birth'>;

/** Who of a list is on record already. */
export interface Listed {
  holder(identityRef: string): Person | undefined;
  /** Of the same unit, name and birth; for who comes without a number. */
  namesake(sought: Sought): Person | undefined;
}

/** Two reads for a whole chunk: by number, and by unit, name and birth where there is none. Locks nothing, for a plan decides nothing. */
export const findListed = async (tx: Tx, sought: readonly Sought[]): Promise<Listed> => {
  const references = sought.flatMap(({ identityRef }) => identityRef ?? []);
  const holders =
    references.length === 0
      ? []
      : (
          await tx.query<Person>({
            name: 'listed-holders',
            text: `select ${personColumns.selected} from registry.people where identity_ref = any($1::text[]) and merged_into is null`,
            values: [references],
          })
        ).rows;
  const unnumbered = sought.filter(({ identityRef, birth }) => identityRef === null && birth !== null);
  const namesakes =
    unnumbered.length === 0
      ? []
      : (
          await tx.query<Person>({
            name: 'listed-namesakes',
            text: `select ${personColumns.selected} from registry.people
      where (fold, birth_year) in (select * from unnest($1::text[], $2::smallint[])) and unit_id = any($3::uuid[]) and merged_into is null`,
            values: [
              unnumbered.map(({ name }) => fold(name)),
              unnumbered.map(({ birth }) => birth?.slice(0, 4)),
              unnumbered.map(({ unitId }) => unitId),
            ],
          })
        ).rows;
  const byNumber = new Map(holders.map((person) => [person.identityRef, person]));
  const byName = new Map(namesakes.map((person) => [placeOf(person), person]));
  return { holder: (identityRef) => byNumber.get(identityRef), namesake: (person) => byName.get(placeOf(person)) };
};

const placeOf = ({ unitId, name, birth }: Omit<Sought, 'identityRef'>): string => JSON.stringify([unitId, name, birth]);
