import { serviceNames } from '@khue/contracts/services';
import type { Snapshots } from './calm.ts';
import { finding, type Finding } from './finding.ts';
import type { Poisoned } from './history-file.ts';

/** Nothing waits for an operator but what was poisoned on purpose, and what came behind it. */
export const checkParked = async (snapshots: Snapshots, poisoned: readonly Poisoned[]): Promise<Finding> => {
  const expected = new Set(poisoned.map(({ group, subject }) => `${group} ${subject}`));
  let seen = 0;
  const wrong: string[] = [];
  for (const service of serviceNames) {
    const { rows } = await snapshots[service].query<{ group: string; subject: string; events: number }>(
      'select group_name as group, subject, count(*) as events from messaging.parked group by 1, 2 order by 1, 2',
    );
    for (const { group, subject, events } of rows) {
      seen += events;
      if (!expected.has(`${group} ${subject}`)) wrong.push(`${group} ${subject}`);
    }
  }
  return finding('bus: nothing is parked but what was poisoned', seen, wrong);
};
