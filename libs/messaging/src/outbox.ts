import type { Outgoing } from '@khue/contracts/envelope';
import { v7 as uuidv7 } from 'uuid';
import type { Command, Tx } from './command.ts';

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
  const columns: [string[], string[], number[], string[], number[], string[], string[], string[], string[]] = [[], [], [], [], [], [], [], [], []];
  for (const { event, command } of rows) {
    const context = {
      correlationid: command.correlationId,
      causationid: command.causationId,
      actor: command.actor,
      ...(command.traceparent ? { traceparent: command.traceparent } : {}),
    };
    columns[0].push(event.definition.topic);
    columns[1].push(event.subject);
    columns[2].push(event.sequence);
    columns[3].push(event.definition.type);
    columns[4].push(event.definition.version);
    columns[5].push(uuidv7());
    columns[6].push(command.now);
    columns[7].push(JSON.stringify(context));
    columns[8].push(JSON.stringify(event.definition.data.parse(event.data)));
  }
  await tx.query({
    name: 'outbox-enqueue',
    text: `insert into messaging.log (topic, subject, sequence, type, version, event_id, time, context, data)
      select topic, subject, sequence, type, version, event_id, time, context, data
      from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::int[], $6::uuid[], $7::timestamptz[], $8::json[], $9::json[])
        with ordinality as row (topic, subject, sequence, type, version, event_id, time, context, data, place)
      order by place`,
    values: columns,
  });
};
