import { serviceNames, services, type ServiceName } from '@khue/contracts/services';
import { z } from 'zod';
import { openTestClock, systemClock, UnreadableClock, type Clock } from './clock.ts';

export const gatewayPort = 8080;

export interface LogConfig {
  /** `all` writes a line for each request, `some` errors, slow ones and one in `oneIn`, `off` nothing but failures to run at all. */
  readonly requests: 'all' | 'some' | 'off';
  readonly oneIn: number;
  readonly slowMs: number;
}

export interface CommonConfig {
  readonly city: string;
  /** Address to listen on: loopback unless a container says otherwise. */
  readonly host: string;
  readonly issuer: string;
  readonly audience: string;
  readonly bus: 'embedded' | 'kafka';
  readonly brokers: readonly string[];
  /** Secret of the HMAC that stands for identity numbers outside the registry; also signs nothing else. */
  readonly identityKey: string;
  /** The account that may register the first units, documents and grants while no grant was ever issued. */
  readonly bootstrapSub: string;
  readonly log: LogConfig;
  /** What `now` is: at the doors, for what events lead to, for what is due and for tokens. */
  readonly clock: Clock;
}

export interface ServiceConfig extends CommonConfig {
  readonly service: ServiceName;
  readonly port: number;
  readonly databaseUrl: string;
  /** Role that owns the schemas, for migrations; without it the runtime role must find them done. */
  readonly ownerDatabaseUrl?: string;
}

export interface GatewayConfig extends CommonConfig {
  readonly port: number;
  readonly publicUrl: string;
  /** Set when another OpenID provider signs tokens; the built-in issuer is off then. */
  readonly externalIssuer?: string;
  readonly services: Readonly<Record<ServiceName, string>>;
  /** Folder of the built-in issuer's keys. */
  readonly data: string;
}

/** A variable is missing or wrong; the message names it and how to set it, never its value. */
export class ConfigProblem extends Error {}

const port = z.coerce.number().int().min(0).max(65_535);
const common = z.object({
  KHUE_PORT: port.default(gatewayPort),
  KHUE_HOST: z.string().default('127.0.0.1'),
  KHUE_DATA: z.string().default('./.data'),
  KHUE_CITY: z
    .string()
    .regex(/^[a-z0-9-]+$/)
    .default('ha-noi'),
  KHUE_BUS: z.enum(['embedded', 'kafka']).default('embedded'),
  KHUE_KAFKA_BROKERS: z.string().optional(),
  KHUE_REQUIRE_KAFKA: z.enum(['0', '1']).default('0'),
  KHUE_OIDC_ISSUER: z.url().optional(),
  KHUE_PUBLIC_URL: z.url().optional(),
  KHUE_AUDIENCE: z.string().default('khue'),
  KHUE_IDENTITY_KEY: z.string().min(32).optional(),
  KHUE_BOOTSTRAP_SUB: z.string().default('board'),
  KHUE_LOG_REQUESTS: z.enum(['all', 'some', 'off']).default('some'),
  KHUE_LOG_ONE_IN: z.coerce.number().int().min(1).default(100),
  KHUE_LOG_SLOW_MS: z.coerce.number().int().min(1).default(1_000),
  KHUE_TEST_CLOCK: z.string().min(1).optional(),
});
export type Environment = Readonly<Record<string, string | undefined>>;

/** The process's variables; the one place that reads them. */
export const environment = (): Environment => process.env;

export const readSettings = (env: Environment = environment()): Settings => {
  const parsed = common.safeParse(env);
  if (parsed.success) return parsed.data;
  const names = [...new Set(parsed.error.issues.map((issue) => String(issue.path[0])))];
  throw new ConfigProblem(`Environment: ${names.join(', ')} has a value that can't be used; see README, "Environment".`);
};

const need = (env: Environment, name: string): string => {
  const value = env[name];
  if (!value) throw new ConfigProblem(`Environment: ${name} is missing; set it before starting this service.`);
  return value;
};

const portOf = (env: Environment, name: string, fallback: number): number => {
  const parsed = port.safeParse(env[name] ?? fallback);
  if (parsed.success) return parsed.data;
  throw new ConfigProblem(`Environment: ${name} has a value that can't be used; it takes a number from 0 to 65535.`);
};

const commonOf = (env: Environment): CommonConfig => {
  const settings = readSettings(env);
  return {
    city: settings.KHUE_CITY,
    host: settings.KHUE_HOST,
    issuer: settings.KHUE_OIDC_ISSUER ?? `${publicUrlOf(settings)}/auth`,
    audience: settings.KHUE_AUDIENCE,
    bus: settings.KHUE_BUS,
    brokers: settings.KHUE_KAFKA_BROKERS?.split(',').map((broker) => broker.trim()) ?? [],
    identityKey: need(env, 'KHUE_IDENTITY_KEY'),
    bootstrapSub: settings.KHUE_BOOTSTRAP_SUB,
    log: { requests: settings.KHUE_LOG_REQUESTS, oneIn: settings.KHUE_LOG_ONE_IN, slowMs: settings.KHUE_LOG_SLOW_MS },
    clock: clockOf(settings),
  };
};

type Settings = z.infer<typeof common>;

/** The clock that a process goes by. Another one than the system's is for tests: whoever sets it could make a deadline pass or a token last. */
export const clockOf = (settings: Settings): Clock => {
  const { KHUE_TEST_CLOCK: file, KHUE_OIDC_ISSUER: issuer } = settings;
  if (file === undefined) return systemClock;
  if (!isLoopback(settings.KHUE_HOST) || !isLoopback(new URL(publicUrlOf(settings)).hostname))
    throw new ConfigProblem(
      'Environment: KHUE_TEST_CLOCK is for tests on this machine; unset it, or let KHUE_HOST and KHUE_PUBLIC_URL be 127.0.0.1.',
    );
  if (issuer !== undefined && !isLoopback(new URL(issuer).hostname)) throw new ConfigProblem(outerIssuer);
  try {
    return openTestClock(file);
  } catch (error) {
    if (!(error instanceof UnreadableClock)) throw error;
    throw new ConfigProblem('Environment: KHUE_TEST_CLOCK names a file with one instant in UTC, such as 2026-11-22T03:00:00Z; that one has none.');
  }
};

const outerIssuer =
  'Environment: KHUE_TEST_CLOCK does not go with KHUE_OIDC_ISSUER: tokens of another issuer follow its own clock; unset one of them.';

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/.test(host);

const publicUrlOf = (settings: Settings): string => settings.KHUE_PUBLIC_URL ?? `http://127.0.0.1:${settings.KHUE_PORT}`;

/** The configuration of one service's process. Throws ConfigProblem. */
export const serviceConfig = (service: ServiceName, env: Environment = environment()): ServiceConfig => {
  const name = service.toUpperCase();
  const owner = env[`KHUE_${name}_OWNER_DATABASE_URL`];
  return {
    ...commonOf(env),
    service,
    port: portOf(env, `KHUE_${name}_PORT`, services[service].port),
    databaseUrl: need(env, `KHUE_${name}_DATABASE_URL`),
    ...(owner ? { ownerDatabaseUrl: owner } : {}),
  };
};

/** The configuration of the gateway's process. Throws ConfigProblem. */
export const gatewayConfig = (env: Environment = environment()): GatewayConfig => {
  const settings = readSettings(env);
  // Behind the gateway's address the services take its own issuer for an outer one; here it takes the place of the built-in one.
  if (settings.KHUE_TEST_CLOCK && settings.KHUE_OIDC_ISSUER) throw new ConfigProblem(outerIssuer);
  const addresses = Object.fromEntries(
    serviceNames.map((service) => {
      const name = service.toUpperCase();
      return [service, env[`KHUE_${name}_URL`] ?? `http://127.0.0.1:${env[`KHUE_${name}_PORT`] ?? services[service].port}`];
    }),
  ) as Record<ServiceName, string>;
  return {
    ...commonOf({ KHUE_IDENTITY_KEY: 'the gateway never needs the identity key', ...env }),
    port: settings.KHUE_PORT,
    publicUrl: publicUrlOf(settings),
    ...(settings.KHUE_OIDC_ISSUER ? { externalIssuer: settings.KHUE_OIDC_ISSUER } : {}),
    services: addresses,
    data: settings.KHUE_DATA,
  };
};
