import { setTimeout as pause } from 'node:timers/promises';
import type { City } from './city.ts';
import type { Fault } from './plan.ts';

/** Of the answers on a way that is cut. */
const lostShare = 0.05;

/** Does what the fault says, and undoes it after its time; what died stays dead. */
export const strike = async (city: City, { kind, target, seconds }: Fault): Promise<void> => {
  const lasts = (): Promise<void> => pause(seconds * 1_000);
  switch (kind) {
    case 'kill':
    case 'away':
      await city.signal(target, 'SIGKILL');
      return lasts();
    case 'crash':
      return city.crash();
    case 'freeze':
      await city.signal(target, 'SIGSTOP');
      await lasts();
      return city.signal(target, 'SIGCONT');
    case 'cut': {
      const way = city.ways.get(target);
      if (!way) throw new Error(`there is no way ${target}`);
      way.lose(lostShare);
      await lasts();
      return way.lose(0);
    }
    case 'full':
      await city.disk?.fill();
      await lasts();
      return city.disk?.free();
  }
};

/** What may end by itself under a fault; anything else that does is a failure. */
export const mayEnd = ({ kind, target }: Fault, place: City['place']): readonly string[] => {
  const server = ['PostgreSQL', ...(place === 'embedded' ? ['product'] : [])];
  if (kind === 'full') return server;
  if (kind !== 'kill' && kind !== 'away') return [];
  return target === 'PostgreSQL' ? server : [target];
};
