import type { Form, Level } from '@khue/contracts/eligibility-codes';
import type { By } from '@khue/contracts/grants';
import { accept, type Decision } from '@khue/decider/decision';
import { holds, publishers } from './access.ts';
import { refuse } from './refusals.ts';

/** A version of a framework program. Never changed: a correction is the next version. */
export interface Program {
  readonly id: string;
  readonly code: string;
  readonly version: number;
  readonly name: string;
  /** Null where nobody is judged for a level: knowledge updates, retraining. */
  readonly level: Level | null;
  readonly form: Form | null;
  /** The line of the five-year report that its turns count in. */
  readonly line: string;
  readonly hours: number;
  readonly validFrom: string;
  readonly documentNo: string;
  readonly publishedAt: string;
}

export type PublishProgram = Omit<Program, 'id' | 'version' | 'publishedAt'> & { readonly type: 'PublishProgram'; readonly programId: string };
export interface ProgramPublished {
  readonly type: 'ProgramPublished';
  readonly program: Program;
}

/** The workspace of one batch. */
export interface Programs {
  /** The last version given, by code; its counter row is locked. */
  readonly last: Map<string, number>;
  readonly published: Map<string, Program>;
}

export const decideProgram = (command: PublishProgram, by: By, { last }: Programs): Decision<ProgramPublished> => {
  const { type: _, programId, ...content } = command;
  if (!holds(by, publishers)) return refuse('out-of-scope');
  // Eligibility asks for the form; without it the age rule would be judged for a form nobody chose.
  if (content.level !== null && content.form === null) return refuse('form-missing', { field: 'form' });
  const version = (last.get(content.code) ?? 0) + 1;
  return accept({ type: 'ProgramPublished', program: { id: programId, ...content, version, publishedAt: by.now } });
};

export const evolveProgram = (programs: Programs, { program }: ProgramPublished): void => {
  programs.last.set(program.code, program.version);
  programs.published.set(program.id, program);
};

/** Of the versions of one program the one in force on a date: the last to begin by then, and of those that began together the newest. */
export const programInForce = <P extends Pick<Program, 'validFrom' | 'version'>>(versions: Iterable<P>, date: string): P | undefined => {
  let found: P | undefined;
  for (const program of versions) {
    if (program.validFrom > date) continue;
    if (!found || program.validFrom > found.validFrom || (program.validFrom === found.validFrom && program.version > found.version)) found = program;
  }
  return found;
};
