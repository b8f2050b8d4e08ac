import { listDocuments, recordDocument } from '@khue/contracts/http/registry';
import { fold } from '@khue/contracts/text';
import type { Host } from '@khue/host/host';
import { v7 as uuidv7 } from 'uuid';
import type { Commands } from '../commands.ts';
import type { Reads } from '../store/reads.ts';

export const serveDocuments = (host: Host, commands: Commands, reads: Reads): void => {
  host.serve(listDocuments, async ({ query }) => {
    const { q, ...paging } = query;
    return { body: await reads.documents({ fold: q && fold(q) }, paging) };
  });
  host.serve(recordDocument, (call) => commands.documents(call.command({ type: 'RecordDocument', documentId: uuidv7(), ...call.body })));
};
