import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EffectsNews, EffectsSettings } from './effects-process.ts';
import { countdown, type Appliers } from './event-path.ts';

/** Applies in a process of its own, from Kafka. Resolves when the group has its partitions; throws when the process ends before. */
export const applyInChild = async (settings: EffectsSettings): Promise<Appliers> => {
  const child = fork(fileURLToPath(new URL('./effects-process.ts', import.meta.url)), { execArgv: [] });
  const ended = once(child, 'exit');
  const { applied, until } = countdown();
  child.send(settings);
  await Promise.race([
    once(child, 'message'),
    ended.then(([code]) => {
      throw new Error(`the process that applies ended with ${code}`);
    }),
  ]);
  child.on('message', (news) => applied(news as EffectsNews));
  return {
    until,
    stop: async () => {
      child.disconnect();
      await ended;
    },
  };
};
