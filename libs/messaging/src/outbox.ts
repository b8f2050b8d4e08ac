import type { Outgoing } from '@khue/contracts/envelope';
import type { Command, Tx } from './command.ts';
import { jsonArray } from './database.ts';
import { newId } from './new-id.ts';

/** An event with the command it follows from. */
export interface Enqueued {
  readonly event: Outgoing;
  readonly command: Command;
}

/**
 * Writes events to the log, in the given order, in the transaction of the state they follow from and in a later statement than the
 * state's (a CTE with both may draw ids in another order than the commits). Data is checked against its contract first: throws on a bug of ours.
 */
export const enqueue = async (tx: Tx, rows: readonly Enqueued[]): Promise<void> => {
  if (rows.length === 0) return;
  const columns: [string[], string[], number[], string[], number[], string[], string[]] = [[], [], [], [], [], [], []];
  const contexts: string[] = [];
  const documents: string[] = [];
  const known = new Map<string, string>();
  for (const { event, command } of rows) {
    // The rows of an import's chunk are one command's, and tell a thousand events.
    let context = known.get(command.id);
    if (context === undefined) known.set(command.id, (context = contextOf(command)));
    columns[0].push(event.definition.topic);
    columns[1].push(event.subject);
    columns[2].push(event.sequence);
    columns[3].push(event.definition.type);
    columns[4].push(event.definition.version);
    columns[5].push(newId());
    columns[6].push(command.now);
    contexts.push(context);
    documents.push(JSON.stringify(event.definition.told.parse(event.data)));
  }
  await tx.query({
    name: 'outbox-enqueue',
    text: `insert into messaging.log (topic, subject, sequence, type, version, event_id, time, context, data)
      select topic, subject, sequence, type, version, event_id, time, context, data
      from rows from (unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::int[], $6::uuid[], $7::timestamptz[]),
          json_array_elements($8::json), json_array_elements($9::json)) with ordinality as row (topic, subject, sequence, type, version, event_id, time, context, data, place)
      order by place`,
    values: [...columns, jsonArray(contexts), jsonArray(documents)],
  });
};

const contextOf = ({ correlationId, causationId, actor, traceparent }: Command): string =>
  JSON.stringify({ correlationid: correlationId, causationid: causationId, actor, ...(traceparent ? { traceparent } : {}) });
