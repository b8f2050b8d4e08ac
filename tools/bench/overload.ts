import { openCity, type City } from './city.ts';
import { watchCost } from './cost.ts';
import { figure, type Bench, type Run } from './figure.ts';
import { assertHonest, clerksOf, fullCity, somewhatBad, stored, type Pace } from './nominations.ts';

/** How many times what it can take arrives, and over how many connections at most. */
const excess = 3;
/** Of the peak: a load under which nobody waits, before the overload and after it. */
const calm = 0.2;
/** Looks of a second each until answers are as quick as before. */
const longestRecovery = 15;

/** Goodput beside the peak, and how long refusals take beside those who were let in. `connections`: more than the doors let wait, so that some are refused. */
export const measureOverload = async (city: City, pace: Pace & { readonly connections: number }, rounds: number, say: (line: string) => void) => {
  await city.start('gateway');
  const enrollment = await city.start('enrollment');
  const { url, ...team } = { url: enrollment.address, ...clerksOf(city) };
  const { seconds, warmUpSeconds, connections } = pace;
  const atLeast = { accepted: 1, badTokens: 1, badBodies: 1 };
  await team.nominate({ url, seconds: warmUpSeconds, warmUpSeconds, bad: somewhatBad });
  const goodput: Run[] = [];
  const refusals: Run[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const before = await stored(city);
    const peak = await team.nominate({ url, seconds, warmUpSeconds, atLeast, bad: somewhatBad });
    const quiet = await team.nominate({
      url,
      seconds,
      warmUpSeconds: 0,
      atLeast: { accepted: 1 },
      bad: somewhatBad,
      rate: peak.perSecond * calm,
      connections: 256,
    });
    const cost = watchCost({ enrollment, postgres: city.postgres });
    await lookAtLoop(url);
    const flood = await team.nominate({ url, seconds, warmUpSeconds, atLeast, bad: somewhatBad, rate: peak.perSecond * excess, connections });
    const seen = { ...cost(flood), ...(await lookAtLoop(url)), generatorLoopP99: Math.round(flood.loopP99 * 10) / 10 };
    let recovery = 0;
    for (let p99 = Infinity; p99 > 2 * quiet.p99 && recovery < longestRecovery; recovery += 1)
      ({ p99 } = await team.nominate({ url, seconds: 1, warmUpSeconds: 0, bad: somewhatBad, rate: peak.perSecond * calm, connections: 256 }));
    await assertHonest(city, { ...flood, accepted: peak.accepted + quiet.accepted + flood.accepted }, before);
    const { refused, late, p50, p99 } = flood;
    if (refused.withoutRetryAfter > 0) throw new Error(`${refused.withoutRetryAfter} refusals without Retry-After`);
    goodput.push({
      ours: flood.perSecond,
      beside: peak.perSecond,
      seen: { refused: refused.count, p50, p99, peakP99: peak.p99, late, recoveredWithinSeconds: recovery, ...seen },
    });
    refusals.push({ ours: refused.p99, beside: p50, seen: { refusedP50: refused.p50, refusedP99: refused.p99 } });
    say(`round ${round}: peak ${peak.perSecond.toFixed(0)}, at ${excess} times that ${flood.perSecond.toFixed(0)} and ${refused.count} refused`);
  }
  return [
    figure({ name: 'overload-goodput', unit: '1/s', aim: '>= 0.9' }, goodput),
    // Who is refused doesn't wait in the line that he was refused from.
    figure({ name: 'overload-refusals', unit: 'ms', aim: '<= 0.25' }, refusals),
  ];
};

/**
 * How long the service's event loop kept the next in line waiting since the last look, milliseconds. A refusal is decided at once when it is read, and can't be read
 * sooner.
 */
const lookAtLoop = async (url: string): Promise<Record<string, number>> => {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const ms = (name: string): number =>
    Math.round(Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)$`, 'm').exec(metrics)?.[1]) * 10_000) / 10;
  return { serviceLoopP50: ms('p50'), serviceLoopP99: ms('p99'), serviceLoopMax: ms('max') };
};

export const overload: Bench = {
  name: 'overload-goodput',
  title: 'nominations accepted a second while three times the peak arrive, over up to 4,000 connections, beside that peak (64 connections)',
  measure: async ({ folder, rounds, say }) => {
    const city = await openCity({ folder, say, ...fullCity });
    try {
      return await measureOverload(city, { seconds: 6, warmUpSeconds: 2, connections: 4_000 }, rounds, say);
    } finally {
      await city.close();
    }
  },
};
