import { serviceNames, services, type ServiceName } from '@khue/contracts/services';
import { z } from 'zod';

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
});
export type Environment = Readonly<Record<string, string | undefined>>;

/** The process's variables; the one place that reads them. */
export const environment = (): Environment => process.env;

export const readSettings = (env: Environment = environment()): z.infer<typeof common> => {
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
  };
};

const publicUrlOf = (settings: z.infer<typeof common>): string => settings.KHUE_PUBLIC_URL ?? `http://127.0.0.1:${settings.KHUE_PORT}`;

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
