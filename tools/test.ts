import { fileURLToPath } from 'node:url';
import { readSettings } from '@khue/host/config';
import { run } from './test/run.ts';

// npm test: everything, in one run. Arguments are parts of paths of test files, for a run of some.
const code = await run({
  root: fileURLToPath(new URL('..', import.meta.url)),
  filters: process.argv.slice(2),
  mustRun: readSettings().KHUE_REQUIRE_KAFKA === '1',
  say: (line) => console.log(line),
});
// At once, whatever a test left open: the last line stays the last.
process.exit(code);
