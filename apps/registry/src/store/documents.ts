import { fold } from '@khue/contracts/text';
import type { Command, Tx } from '@khue/messaging/command';
import { documentKey, type Documents, type RecordDocument } from '../domain/documents.ts';
import type { RegistryDirectory } from './directory.ts';
import { expectClaimed } from './rows.ts';

/** Documents are only added: nothing is locked, and the natural key (number, issuer) is claimed by the insert itself. */
export const loadDocuments = async (
  tx: Tx,
  commands: readonly Command<RecordDocument>[],
  directory: RegistryDirectory,
  founder: string,
): Promise<Documents> => {
  const snapshot = await directory.newest(tx, 'look');
  const taken = await tx.query<{ number: string; issuer: string }>({
    name: 'documents-taken',
    text: 'select number, issuer from registry.documents join unnest($1::text[], $2::text[]) as named (number, issuer) using (number, issuer)',
    values: [commands.map(({ body }) => body.number), commands.map(({ body }) => body.issuer)],
  });
  return {
    founder,
    grantsEverIssued: snapshot.grants.length,
    table: snapshot.table,
    grantsOf: (sub) => snapshot.bySub.get(sub) ?? [],
    records: new Map(),
    taken: new Set(taken.rows.map(documentKey)),
    added: new Set(),
  };
};

export const saveDocuments = async (tx: Tx, { records, added }: Documents): Promise<void> => {
  const rows = [...added].flatMap((id) => records.get(id) ?? []).sort((a, b) => (documentKey(a) < documentKey(b) ? -1 : 1));
  if (rows.length === 0) return;
  expectClaimed(
    rows.length,
    await tx.query({
      name: 'documents-add',
      text: `insert into registry.documents (id, number, issuer, issued_on, governs, title, fold, version)
      select * from unnest($1::uuid[], $2::text[], $3::text[], $4::date[], $5::text[], $6::text[], $7::text[], $8::int[]) on conflict (number, issuer) do nothing`,
      values: [
        rows.map(({ id }) => id),
        rows.map(({ number }) => number),
        rows.map(({ issuer }) => issuer),
        rows.map(({ issuedOn }) => issuedOn),
        rows.map(({ governs }) => governs),
        rows.map(({ title }) => title),
        rows.map(({ number, issuer, title }) => fold(`${number} ${issuer} ${title ?? ''}`)),
        rows.map(({ version }) => version),
      ],
    }),
  );
};
