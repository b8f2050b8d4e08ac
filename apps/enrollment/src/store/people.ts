import { fold } from '@khue/contracts/text';
import type { PersonCard } from '@khue/contracts/events/registry';
import type { Tx } from '@khue/messaging/command';

export type CardNews =
  | { readonly personId: string; readonly sequence: number; readonly card: PersonCard }
  | { readonly personId: string; readonly sequence: number; readonly card: null };

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
      text: `insert into person as p (person_id, unit_id, name, name_fold, identity_ref, facts, merged_into, sequence)
        select person_id, unit_id, name, name_fold, identity_ref, facts, merged_into, sequence
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::uuid[], $8::bigint[])
          as n (person_id, unit_id, name, name_fold, identity_ref, facts, merged_into, sequence)
        on conflict (person_id) do update set unit_id = excluded.unit_id, name = excluded.name, name_fold = excluded.name_fold, identity_ref = excluded.identity_ref,
          facts = excluded.facts, merged_into = excluded.merged_into, sequence = excluded.sequence where p.sequence < excluded.sequence`,
      values: [
        cards.map(({ personId }) => personId),
        cards.map(({ card }) => card.unitId),
        cards.map(({ card }) => card.name),
        cards.map(({ card }) => fold(card.name)),
        cards.map(({ card }) => card.identityRef),
        cards.map(({ card }) => JSON.stringify(card.facts)),
        cards.map(({ card }) => card.mergedInto),
        cards.map(({ sequence }) => sequence),
      ],
    });
  }
  if (erased.length > 0) {
    await tx.query({ name: 'person-erase', text: 'delete from person where person_id = any($1::uuid[])', values: [erased] });
  }
};
