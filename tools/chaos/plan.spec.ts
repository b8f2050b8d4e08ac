import { describe, expect, test } from 'vitest';
import { nameOf, planFaults, targetsOf, wholeMinutes, type Place } from './plan.ts';
import { randomOf } from './random.ts';
import { stepsOf, type Planned } from './steps.ts';

const places: readonly Place[] = ['stack', 'embedded'];
const stepsUnder = (seed: number): Planned[] => stepsOf(randomOf(seed).fork('clerk 3'), 400).take(500).toArray();

describe.each(places)('a plan of faults for the %s', (place) => {
  test('is the same for the same seed, whatever else was drawn, and another for another seed', () => {
    const random = randomOf(7);
    const first = planFaults(place, 30, random.fork('faults'));
    random.next();
    expect(planFaults(place, 30, random.fork('faults'))).toEqual(first);
    expect(planFaults(place, 30, randomOf(8).fork('faults'))).not.toEqual(first);
  });

  test('holds every fault of the place when the minutes allow, and one of each kind before a second of any', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const planned = planFaults(place, wholeMinutes(place), randomOf(seed));
      const wanted = Object.entries(targetsOf[place]).flatMap(([kind, targets]) =>
        (targets as readonly string[]).map((target) => `${kind} ${target}`),
      );
      expect(planned.map(({ kind, target }) => `${kind} ${target}`)).toEqual(expect.arrayContaining(wanted));
      const kinds = Object.values(targetsOf[place]).filter((targets) => targets.length > 0).length;
      expect(new Set(planned.slice(0, kinds).map(({ kind }) => kind)).size).toBe(kinds);
    }
  });

  test('holds one fault at least, and no more than fit', () => {
    expect(planFaults(place, 0.01, randomOf(1))).toHaveLength(1);
    expect(planFaults(place, 3, randomOf(1)).reduce((sum, { seconds }) => sum + seconds, 0)).toBeLessThanOrEqual(180);
  });

  test('freezes for longer than any wait of the product', () => {
    const frozen = planFaults(place, 30, randomOf(1)).filter(({ kind }) => kind === 'freeze');
    expect(frozen.every(({ seconds }) => seconds > 30)).toBe(true);
    expect(nameOf({ kind: 'freeze', target: 'quota', seconds: 35 })).toBe('quota frozen for 35 s');
  });
});

describe('the steps of a clerk', () => {
  test('are the same for the same seed', () => {
    expect(stepsUnder(7)).toEqual(stepsUnder(7));
    expect(stepsUnder(8)).not.toEqual(stepsUnder(7));
  });

  test('hold everything that the product is asked for, bad requests and keys that are never sent again among it', () => {
    const steps = stepsUnder(7);
    const kinds = [
      'register',
      'change',
      'nominate',
      'nominate-again',
      'approve',
      'withdraw',
      'claim',
      'divide',
      'read',
      'report',
      'bad-body',
      'bad-token',
    ];
    expect([...new Set(steps.map(({ step }) => step.do))].sort()).toEqual(kinds.sort());
    expect(steps.filter(({ insists }) => !insists).length).toBeGreaterThan(0);
  });
});
