import { ConfigProblem, environment } from '@khue/host/config';
import { askReport } from './check-invariants/ask-report.ts';
import { checkInvariants } from './check-invariants/check.ts';
import { findCity, readOptions } from './check-invariants/options.ts';

// npm run check-invariants -- [--data ./.data | --stack] [--history FILE] [--json], beside the running product: whether the city's data is whole.
// Exit code 0: whole. 1: broken. 2: couldn't look.
const say = (line: string): void => void process.stderr.write(`${line}\n`);

try {
  const env = environment();
  const options = readOptions(process.argv.slice(2), env);
  const { history, json } = options;
  const city = await findCity(options, env);
  const report = await askReport(options.data, env, say);
  const findings = await checkInvariants({ ...city, ...(report ? { report } : {}) }, { say, ...(history === undefined ? {} : { history }) });
  const broken = findings.filter(({ ok }) => !ok);
  if (json) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
  else {
    for (const { name, ok, seen, examples } of findings)
      process.stdout.write(`${ok ? 'whole ' : 'BROKEN'}  ${String(seen).padStart(9)}  ${name}${ok ? '' : `: ${examples.join('; ')}`}\n`);
    process.stdout.write(
      broken.length === 0 ? `the city is whole: ${findings.length} checks\n` : `${broken.length} of ${findings.length} checks are broken\n`,
    );
  }
  process.exitCode = broken.length === 0 ? 0 : 1;
} catch (error) {
  say(error instanceof ConfigProblem ? error.message : `could not look: ${(error as Error).message}`);
  process.exitCode = 2;
}
