import { parseArgs } from 'node:util';
import { ConfigProblem, readSettings, type Environment } from '@khue/host/config';

export interface StartOptions {
  readonly port: number;
  readonly data: string;
  readonly sample: boolean;
  /** Part of the city's five years to load at the first start, 0 < scale <= 1. */
  readonly sampleScale: number;
}

/** `npm start -- [--port 8080] [--data ./.data] [--no-sample] [--sample-scale 0.01]`. Throws ConfigProblem: one sentence. */
export const readOptions = (argv: readonly string[], env: Environment): StartOptions => {
  const settings = readSettings(env);
  let values: { port?: string; data?: string; 'no-sample'?: boolean; 'sample-scale'?: string };
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: { port: { type: 'string' }, data: { type: 'string' }, 'no-sample': { type: 'boolean' }, 'sample-scale': { type: 'string' } },
    }));
  } catch (error) {
    throw new ConfigProblem(`${(error as Error).message} Usage: npm start -- [--port 8080] [--data ./.data] [--no-sample] [--sample-scale 0.01]`);
  }
  const port = values.port === undefined ? settings.KHUE_PORT : Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new ConfigProblem('--port takes a number from 1 to 65535.');
  const sampleScale = Number(values['sample-scale'] ?? '0.01');
  if (!(sampleScale > 0 && sampleScale <= 1)) throw new ConfigProblem('--sample-scale takes a number above 0 and at most 1.');
  return { port, data: values.data ?? settings.KHUE_DATA, sample: !values['no-sample'], sampleScale };
};
