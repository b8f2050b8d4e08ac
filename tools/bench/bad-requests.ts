import type { AtLeast } from './asking.ts';
import { openCity, type City } from './city.ts';
import { watchCost } from './cost.ts';
import { figure, type Bench, type Run } from './figure.ts';
import { clerksOf, fullCity, noneBad, type Pace } from './nominations.ts';

const kinds = [
  { name: 'bad-requests-token', bad: { tokens: 1, bodies: 0 }, status: 401, counted: 'badTokens' },
  { name: 'bad-requests-body', bad: { tokens: 0, bodies: 1 }, status: 400, counted: 'badBodies' },
] as const;

/** Microseconds of the service's processor time for a bad request, beside those for a good one. */
export const measureBadRequests = async (city: City, pace: Pace, rounds: number, say: (line: string) => void) => {
  await city.start('gateway');
  const enrollment = await city.start('enrollment');
  const team = clerksOf(city);
  const micros = async (bad: { readonly tokens: number; readonly bodies: number }, status: number, counted: keyof AtLeast) => {
    const cost = watchCost({ service: enrollment, postgres: city.postgres });
    const load = await team.nominate({ url: enrollment.address, bad, ...pace, atLeast: { [counted]: 1 } });
    const others = Object.keys(load.statuses).filter((answered) => Number(answered) !== status);
    if (others.length > 0) throw new Error(`all were to be answered ${status}, some were ${others.join(', ')}`);
    return { perSecond: Math.round((load.statuses[status] ?? 0) / load.seconds), ...cost(load) } as Record<string, number | string>;
  };
  await team.nominate({ url: enrollment.address, bad: noneBad, ...pace, atLeast: {} });
  const runs = kinds.map((): Run[] => []);
  for (let round = 1; round <= rounds; round += 1) {
    const good = await micros(noneBad, 201, 'accepted');
    for (const [place, { name, bad, status, counted }] of kinds.entries()) {
      const found = await micros(bad, status, counted);
      runs[place]?.push({
        ours: Number(found.serviceUs),
        beside: Number(good.serviceUs),
        seen: {
          perSecond: found.perSecond ?? 0,
          goodPerSecond: good.perSecond ?? 0,
          postgresUs: found.postgresUs ?? 0,
          goodPostgresUs: good.postgresUs ?? 0,
          strangers: found.strangers ?? 0,
        },
      });
      say(`round ${round}: ${name} ${found.serviceUs} µs, good ${good.serviceUs} µs`);
    }
  }
  return kinds.map(({ name }, place) => figure({ name, unit: 'µs', aim: '< 1' }, runs[place] ?? []));
};

export const badRequests: Bench = {
  name: 'bad-requests',
  title: "the service's processor time for a bad token and for a bad body, beside that for a good nomination",
  measure: async ({ folder, rounds, say }) => {
    const city = await openCity({ folder, say, ...fullCity });
    try {
      return await measureBadRequests(city, { seconds: 5, warmUpSeconds: 1 }, rounds, say);
    } finally {
      await city.close();
    }
  },
};
