import type { Command, Tx } from './command.ts';
import { jsonArray } from './database.ts';

export interface AuditEntry {
  readonly command: Command;
  readonly subject: string;
  /** JSON of the record, null where there was none (`recorded`). */
  readonly before: string | null;
  readonly after: string | null;
  /** Codes of what it was refused, each as often as it was given. */
  readonly refused?: readonly string[];
}

/** A record as the audit keeps it: JSON, or null. */
export const recorded = (record: unknown): string | null => (record === undefined || record === null ? null : JSON.stringify(record));

/** How often each code was given, as JSON; null where nothing was refused. */
const counted = (codes: readonly string[] = []): string | null => {
  if (codes.length === 0) return null;
  const counts: Record<string, number> = {};
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1;
  return JSON.stringify(counts);
};

/** Writes who did what to which record, under which grant, before and after; by set, in the state's transaction. */
export const writeAudit = async (tx: Tx, entries: readonly AuditEntry[]): Promise<void> => {
  if (entries.length === 0) return;
  await tx.query({
    name: 'audit-write',
    text: `insert into messaging.audit (at, actor, grant_id, command, command_id, correlation_id, subject, reason, before, after, refused)
      select at, actor, grant_id, command, command_id, correlation_id, subject, reason, nullif(before, 'null'), nullif(after, 'null'), nullif(refused, 'null')
      from rows from (unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[]),
        jsonb_array_elements($9::jsonb), jsonb_array_elements($10::jsonb), jsonb_array_elements($11::jsonb))
          as entry (at, actor, grant_id, command, command_id, correlation_id, subject, reason, before, after, refused)`,
    values: [
      entries.map(({ command }) => command.now),
      entries.map(({ command }) => command.actor),
      entries.map(({ command }) => command.grantId ?? null),
      entries.map(({ command }) => (command.body as { type?: string }).type ?? 'unnamed'),
      entries.map(({ command }) => command.id),
      entries.map(({ command }) => command.correlationId),
      entries.map(({ subject }) => subject),
      entries.map(({ command }) => command.reason ?? null),
      jsonArray(entries.map(({ before }) => before)),
      jsonArray(entries.map(({ after }) => after)),
      jsonArray(entries.map(({ refused }) => counted(refused))),
    ],
  });
};
