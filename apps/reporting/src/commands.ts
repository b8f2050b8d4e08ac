import type { Host } from '@khue/host/host';
import type { Aggregate } from '@khue/messaging/command';
import { decidePublication, type PublishReport, type ReportPublished } from './domain.ts';
import { periodKey, type PublishedState, type PublishedStore } from './store/published.ts';

/** Published reports: recorded once, never edited, told to nobody. */
const publishedReports = ({ load, save }: PublishedStore): Aggregate<PublishReport, PublishedState, ReportPublished> => ({
  noun: 'published-report',
  load,
  save,
  decide: ({ body }, state) => decidePublication(body, (from, to) => state.byPeriod.has(periodKey({ from, to }))),
  evolve: (state, { report }) => {
    state.byPeriod.set(periodKey(report), report);
    state.added.push(report);
  },
  outbound: () => [],
  answer: ({ body }, state) => {
    const report = state.byPeriod.get(periodKey(body));
    return { ok: true, status: 201, body: report, version: report?.version ?? 1 };
  },
  subject: ({ body }, state) => ({ id: body.id, record: state.added.find((report) => report.id === body.id) }),
});

export const createCommands = (host: Host, store: PublishedStore) => ({ published: host.gather(publishedReports(store)) });

export type Commands = ReturnType<typeof createCommands>;
