import type { Route } from '@khue/contracts/http/route';

/** Whether a group's projections were complete once, see watchCatchUp. */
type IsCaughtUp = () => Promise<boolean>;

export interface Filling {
  add(group: string, isCaughtUp: IsCaughtUp): void;
  /** Whether what a route answers by was complete once. */
  isCaughtUp(route: Route): Promise<boolean>;
}

/** Which routes wait for which projections: every request is judged by its account's grants (`directory`), and reads answer by all that the service projects. */
export const watchFilling = (directory: string): Filling => {
  const groups = new Map<string, IsCaughtUp>();
  return {
    add: (group, isCaughtUp) => {
      groups.set(group, isCaughtUp);
      // What stands in the log now is what it has to catch up with; who asks looks again.
      void isCaughtUp().catch(() => undefined);
    },
    isCaughtUp: async ({ method }) => {
      for (const [group, isCaughtUp] of groups) if ((method === 'GET' || group === directory) && !(await isCaughtUp())) return false;
      return true;
    },
  };
};
