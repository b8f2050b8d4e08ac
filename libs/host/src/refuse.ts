import type { Problem, Refusal } from '@khue/contracts/problems';

/** Thrown at a door to answer with a problem document of the service's catalog; commands answer with refusals instead. */
export class Refuse extends Error implements Refusal {
  readonly code: string;
  readonly field?: string;
  readonly params?: Readonly<Record<string, string | number>>;
  readonly errors: Problem['errors'];
  readonly retryAfterSeconds?: number;

  constructor(code: string, details: Omit<Refusal, 'code'> & { errors?: Problem['errors']; retryAfterSeconds?: number } = {}) {
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
