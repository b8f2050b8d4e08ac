import type { Route } from '@khue/contracts/http/route';

/** Whether a group's projections were complete once, see watchCatchUp. */
type IsCaughtUp = () => Promise<boolean>;

export interface Filling {
  add(group: string, isCaughtUp: IsCaughtUp): void;
  /** Whether what a route answers by was complete once; at once when it was. */
  isCaughtUp(route: Route): boolean | Promise<boolean>;
}

/** Which routes wait for which projections: every request is judged by its account's grants (`directory`), and reads answer by all that the service projects. */
export const watchFilling = (directory: string): Filling => {
  /** Those that were not complete when somebody last looked. */
  const filling = new Map<string, IsCaughtUp>();
  const look = async (group: string, isCaughtUp: IsCaughtUp): Promise<boolean> => {
    const complete = await isCaughtUp();
    if (complete) filling.delete(group);
    return complete;
  };
  return {
    add: (group, isCaughtUp) => {
      filling.set(group, isCaughtUp);
      // What stands in the log now is what it has to catch up with; who asks looks again.
      void look(group, isCaughtUp).catch(() => undefined);
    },
    isCaughtUp: ({ method }) => {
      const waited = [...filling].filter(([group]) => method === 'GET' || group === directory);
      if (waited.length === 0) return true;
      return Promise.all(waited.map(([group, isCaughtUp]) => look(group, isCaughtUp))).then((all) => all.every(Boolean));
    },
  };
};
