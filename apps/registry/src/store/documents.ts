import type { Grounds } from '@khue/contracts/grants';
import { fold } from '@khue/contracts/text';
import type { Order } from '@khue/host/aggregate';
import type { Tx } from '@khue/messaging/command';
import { added } from '@khue/messaging/rows';
import { documentKey, type Documents, type RecordDocument } from '../domain/documents.ts';
import { documentColumns } from './columns.ts';
import { groundsOf, type RegistryDirectory } from './directory.ts';
import { expectClaimed } from './rows.ts';

/** With what the batch is decided by, as its transaction read it. */
export interface StoredDocuments extends Documents {
  readonly grounds: Grounds;
}

/** Documents are only added: nothing is locked, and the natural key (number, issuer) is claimed by the insert itself. */
export const loadDocuments =
  (directory: RegistryDirectory, founder: string) =>
  async (tx: Tx, orders: readonly Order<RecordDocument>[]): Promise<StoredDocuments> => {
    const snapshot = await directory.newest(tx, 'look');
    const taken = await tx.query<{ number: string; issuer: string }>({
      name: 'documents-taken',
      text: 'select number, issuer from registry.documents join unnest($1::text[], $2::text[]) as named (number, issuer) using (number, issuer)',
      values: [orders.map(({ command }) => command.number), orders.map(({ command }) => command.issuer)],
    });
    return {
      grounds: groundsOf(snapshot),
      founder,
      grantsEverIssued: snapshot.grants.length,
      records: new Map(),
      taken: new Set(taken.rows.map(documentKey)),
    };
  };

export const saveDocuments = async (tx: Tx, now: Documents, before: Documents): Promise<void> => {
  // In one order, so that two batches with the same documents wait for each other and don't deadlock.
  const rows = added(now.records, before.records)
    .sort((a, b) => (documentKey(a) < documentKey(b) ? -1 : 1))
    .map((document) => ({ ...document, fold: fold(`${document.number} ${document.issuer} ${document.title ?? ''}`) }));
  if (rows.length === 0) return;
  const { rowCount } = await tx.query({
    name: 'documents-add',
    text: `insert into registry.documents (${documentColumns.names}) select ${documentColumns.names} from ${documentColumns.given}
      on conflict (number, issuer) do nothing`,
    values: documentColumns.values(rows),
  });
  expectClaimed(rows.length, rowCount);
};
