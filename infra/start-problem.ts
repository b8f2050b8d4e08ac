export type StartProblemCode =
  | 'in-use'
  | 'folder-unusable'
  | 'disk-full'
  | 'other-version'
  | 'secret-unusable'
  | 'binaries-unusable'
  | 'no-account'
  | 'port-taken'
  | 'not-answering'
  | 'start-failed';

/** Why something of the infrastructure could not start: one sentence for the operator in each language, never a stack. */
export class StartProblem extends Error {
  readonly code: StartProblemCode;
  readonly vi: string;
  readonly en: string;

  constructor(code: StartProblemCode, text: { vi: string; en: string }, options?: ErrorOptions) {
    super(`${text.vi}\n${text.en}`, options);
    this.name = 'StartProblem';
    this.code = code;
    this.vi = text.vi;
    this.en = text.en;
  }
}

/** The code of a Node system error (`EACCES`, `ENOSPC`), or '' when it is something else. */
export function systemCode(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : '';
}
