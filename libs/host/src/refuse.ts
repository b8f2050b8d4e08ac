import type { CommonProblem, Problem, Refusal } from '@khue/contracts/problems';
import type { Refused } from '@khue/decider/decision';

/**
 * Thrown at a door to answer with a problem document; commands answer with refusals instead. `why`: a common problem, or what the service's own `refuse` made, so that a
 * code without words does not compile.
 */
export class Refuse extends Error implements Refusal {
  readonly code: string;
  readonly field?: string;
  readonly params?: Readonly<Record<string, string | number>>;
  readonly errors: Problem['errors'];
  readonly retryAfterSeconds?: number;

  constructor(why: CommonProblem | Refused, more: Omit<Refusal, 'code'> & { errors?: Problem['errors']; retryAfterSeconds?: number } = {}) {
    const { code, ...details } = typeof why === 'string' ? { code: why, ...more } : { ...why, ...more };
    // Where a refusal was made is nobody's question, and under a flood of refusals the search for it held up those behind.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(code);
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'Refuse';
    this.code = code;
    if (details.field !== undefined) this.field = details.field;
    if (details.params !== undefined) this.params = details.params;
    this.errors = details.errors ?? [];
    if (details.retryAfterSeconds !== undefined) this.retryAfterSeconds = details.retryAfterSeconds;
  }
}
