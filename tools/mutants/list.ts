import { ofTheConsumer } from './consumer.ts';
import { ofTheDoors } from './doors.ts';
import { ofWhatIsDue } from './due.ts';
import { ofTheFlush } from './flush.ts';
import { ofGrammar } from './grammar.ts';
import { ofTheImports } from './imports.ts';
import { ofTheLog } from './log.ts';
import type { Mutant } from './mutant.ts';
import { ofQuota } from './quota.ts';
import { ofReleases } from './releases.ts';
import { ofTheServices } from './services.ts';
import { ofWhatStands } from './standing.ts';

export const mutants: readonly Mutant[] = [
  ...ofTheFlush,
  ...ofTheLog,
  ...ofTheConsumer,
  ...ofGrammar,
  ...ofQuota,
  ...ofTheServices,
  ...ofReleases,
  ...ofTheDoors,
  ...ofTheImports,
  ...ofWhatStands,
  ...ofWhatIsDue,
];
