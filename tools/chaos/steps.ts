import type { Random } from './random.ts';

/** What a clerk does next, chosen before anything was sent; which ids it concerns follows from the answers. */
export type Step =
  | { readonly do: 'register' | 'nominate' | 'nominate-again' | 'approve' | 'read' | 'report' | 'claim' | 'change' }
  /** Which of those this clerk has approved, oldest to newest from 0 to 1. */
  | { readonly do: 'withdraw'; readonly which: number }
  | { readonly do: 'divide'; readonly change: number }
  | { readonly do: 'bad-body'; readonly how: 'not-json' | 'wrong-type' | 'nothing' | 'nul' }
  | { readonly do: 'bad-token'; readonly how: 'forged' | 'missing' };

/** A step with what is beside it. */
export interface Planned {
  readonly step: Step;
  /** Before it is done, ms. */
  readonly thinkMs: number;
  /** A few are never sent again, whatever became of them: they were done at most once. */
  readonly insists: boolean;
}

/** Steps of one clerk without end, person after person. The same stream of chance gives the same steps. */
export function* stepsOf(random: Random, thinkMs: number): Generator<Planned, never> {
  for (;;) {
    for (const step of personOf(random)) yield { step, thinkMs: random.int(0, 2 * thinkMs), insists: !random.happens(0.03) };
  }
}

const personOf = (random: Random): Step[] => {
  const steps: Step[] = [];
  const maybe = (share: number, step: () => Step): void => {
    if (random.happens(share)) steps.push(step());
  };
  steps.push({ do: 'register' });
  maybe(0.06, () => ({ do: 'bad-body', how: random.pick(['not-json', 'wrong-type', 'nothing', 'nul']) }));
  maybe(0.25, () => ({ do: 'change' }));
  steps.push({ do: 'nominate' });
  maybe(0.1, () => ({ do: 'nominate-again' }));
  maybe(0.04, () => ({ do: 'bad-token', how: random.pick(['forged', 'missing']) }));
  maybe(0.85, () => ({ do: 'approve' }));
  maybe(0.3, () => ({ do: 'read' }));
  maybe(0.4, () => ({ do: 'withdraw', which: random.next() }));
  maybe(0.15, () => ({ do: 'claim' }));
  maybe(0.05, () => ({ do: 'divide', change: random.pick([-2, -1, 1, 2]) }));
  maybe(0.03, () => ({ do: 'report' }));
  return steps;
};
