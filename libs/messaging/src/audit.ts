import type { Command, Tx } from './command.ts';

export interface AuditEntry {
  readonly command: Command;
  readonly subject: string;
  /** JSON of the record, null where there was none (`recorded`). */
  readonly before: string | null;
  readonly after: string | null;
}

/** A record as the audit keeps it: JSON, or null. */
export const recorded = (record: unknown): string | null => (record === undefined || record === null ? null : JSON.stringify(record));

/** Writes who did what to which record, under which grant, before and after; by set, in the state's transaction. */
export const writeAudit = async (tx: Tx, entries: readonly AuditEntry[]): Promise<void> => {
  if (entries.length === 0) return;
  await tx.query({
    name: 'audit-write',
    text: `insert into messaging.audit (at, actor, grant_id, command, command_id, correlation_id, subject, reason, before, after)
      select * from unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::jsonb[], $10::jsonb[])`,
    values: [
      entries.map(({ command }) => command.now),
      entries.map(({ command }) => command.actor),
      entries.map(({ command }) => command.grantId ?? null),
      entries.map(({ command }) => (command.body as { type?: string }).type ?? 'unnamed'),
      entries.map(({ command }) => command.id),
      entries.map(({ command }) => command.correlationId),
      entries.map(({ subject }) => subject),
      entries.map(({ command }) => command.reason ?? null),
      entries.map(({ before }) => before),
      entries.map(({ after }) => after),
    ],
  });
};
