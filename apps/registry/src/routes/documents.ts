import { listDocuments, recordDocument } from '@khue/contracts/http/registry';
import { fold } from '@khue/contracts/text';
import type { Host } from '@khue/host/host';
import { v7 as uuidv7 } from 'uuid';
import type { Commands } from '../commands.ts';
import type { Reads } from '../store/reads.ts';
import { documentView } from '../views.ts';

export const serveDocuments = ({ serve }: Host, { documents }: Commands, reads: Reads): void => {
  serve(listDocuments, async ({ query }) => {
    const { q, ...paging } = query;
    const { items, next } = await reads.documents({ fold: q && fold(q) }, paging);
    return { body: { items: items.map(documentView), next } };
  });
  serve(recordDocument, (call) => documents.handle(call.command({ type: 'RecordDocument', documentId: uuidv7(), ...call.body })));
};
