import { fold } from '@khue/contracts/text';
import type { PersonCard } from '@khue/contracts/events/registry';
import type { Tx } from '@khue/messaging/command';
import { columns } from '@khue/messaging/rows';

export type CardNews =
  | { readonly personId: string; readonly sequence: number; readonly card: PersonCard }
  | { readonly personId: string; readonly sequence: number; readonly card: null };

const cardColumns = columns<PersonCard & { readonly nameFold: string; readonly sequence: number }>({
  personId: 'uuid',
  unitId: 'uuid',
  name: 'text',
  nameFold: 'text',
  identityRef: 'text',
  facts: 'jsonb',
  mergedInto: 'uuid',
  sequence: 'bigint',
});

/** Where the cards are. What writes them names no schema, so that they can be made anew beside those that serve. */
export const cardsSchema = 'cards';

/**
 * Applies cards and tombstones by set, the last of each person counting: hundreds of thousands come at a first import. An older card than the one held
 * changes nothing.
 */
export const applyCards = async (tx: Tx, news: readonly CardNews[]): Promise<void> => {
  const last = [...new Map(news.toSorted((a, b) => a.sequence - b.sequence).map((it) => [it.personId, it])).values()];
  const cards = last.filter((it) => it.card !== null).toSorted((a, b) => (a.personId < b.personId ? -1 : 1));
  const erased = last.filter((it) => it.card === null).map(({ personId }) => personId);
  if (cards.length > 0) {
    await tx.query({
      name: 'person-cards',
      text: `insert into person as p (${cardColumns.names}) select ${cardColumns.names} from ${cardColumns.given}
        on conflict (person_id) do update set ${cardColumns.excluded('personId')} where p.sequence < excluded.sequence`,
      values: cardColumns.values(cards.map(({ card, sequence }) => ({ ...card, nameFold: fold(card.name), sequence }))),
    });
  }
  if (erased.length > 0) {
    await tx.query({ name: 'person-erase', text: 'delete from person where person_id = any($1::uuid[])', values: [erased] });
  }
};
