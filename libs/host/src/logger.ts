import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

/**
 * JSON lines without personal data: only what the code names is written, and of an error never its message, for messages of the database and
 * of parsers quote values.
 */
export const createLogger = (service: string, destination?: DestinationStream): Logger =>
  pino(
    {
      base: { service },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    ...(destination ? [destination] : [pino.destination({ dest: 2, sync: false })]),
  );

/** What may be said of an error: its kind, its code, the constraint it broke and where it rose. */
export const describeError = (error: unknown): Record<string, unknown> => {
  if (!(error instanceof Error)) return { kind: typeof error };
  const { code, constraint, table, routine } = error as Error & Record<'code' | 'constraint' | 'table' | 'routine', unknown>;
  return {
    kind: error.name,
    ...(code === undefined ? {} : { code }),
    ...(constraint === undefined ? {} : { constraint }),
    ...(table === undefined ? {} : { table }),
    ...(routine === undefined ? {} : { routine }),
    at: frames(error),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
};

const frames = (error: Error): readonly string[] =>
  (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => line.trim());
