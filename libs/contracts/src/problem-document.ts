import { commonProblems, type Problem, type ProblemCatalog, type Refusal } from './problems.ts';

const statusTitles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** What the catalog says to a refusal, its params filled in. A code that no catalog knows is an internal error. */
export const wordsOf = (
  catalog: ProblemCatalog,
  { code, params }: Refusal,
): { readonly code: string; readonly status: number; readonly vi: string; readonly en: string } => {
  const known = catalog[code];
  const { status, vi, en } = known ?? commonProblems['internal-error'];
  const fill = (template: string): string => template.replace(/\{(\w+)\}/g, (whole, name: string) => String(params?.[name] ?? whole));
  return { code: known ? code : 'internal-error', status, vi: fill(vi), en: fill(en) };
};

/** The problem document of a refusal. A code that no catalog knows is an internal error: its cause stays in the log. */
export const toProblem = (catalog: ProblemCatalog, refusal: Refusal, correlationId: string, errors: Problem['errors'] = []): Problem => {
  const { code, status, ...detail } = wordsOf(catalog, refusal);
  return {
    type: `urn:khue:problem:${code}`,
    title: statusTitles[status] ?? 'Error',
    status,
    code,
    detail,
    errors: errors.length > 0 ? errors : refusal.field ? [{ field: refusal.field, code, ...detail }] : [],
    correlationId,
  };
};
