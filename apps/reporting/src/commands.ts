import { aggregateOf } from '@khue/host/aggregate';
import type { Host } from '@khue/host/host';
import { decide, evolve, periodKey, type Published, type PublishedReports, type PublishReport } from './domain.ts';
import { load, save } from './store/published.ts';
import { publishedView } from './views.ts';

/** Published reports: recorded once, never edited, told to nobody. */
const publishedReports = aggregateOf({
  noun: 'published-report',
  load,
  decide,
  evolve,
  save,
  record: (command: PublishReport, { byPeriod }: PublishedReports) => ({
    id: command.id,
    record: [byPeriod.get(periodKey(command))].find((report) => report?.id === command.id),
  }),
  view: {
    PublishReport: (command, { byPeriod }) => {
      const report = byPeriod.get(periodKey(command)) as Published;
      return { body: publishedView(report), version: report.version };
    },
  },
});

export const createCommands = (host: Host) => ({ published: host.gather(publishedReports) });
export type Commands = ReturnType<typeof createCommands>;
