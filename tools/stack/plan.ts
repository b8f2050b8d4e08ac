import { serviceNames, services, type ServiceName } from '@khue/contracts/services';
import type { Environment } from '@khue/host/config';

/** A process of the stack: what is started, and what its environment names beside the common part. */
export interface Process {
  readonly name: ServiceName | 'gateway';
  readonly main: string;
  readonly port: number;
  readonly env: Environment;
}

export interface StackPlan {
  readonly gatewayPort: number;
  readonly ports: Readonly<Record<ServiceName, number>>;
  readonly data: string;
  readonly brokers: readonly string[];
  readonly identityKey: string;
  readonly databases: Readonly<Record<string, { readonly ownerUrl: string; readonly appUrl: string }>>;
}

/** The documented ports. */
export const standardPorts = Object.fromEntries(serviceNames.map((name) => [name, services[name].port])) as StackPlan['ports'];

/** Every process with its environment; docker-compose.yml describes the same with containers, and a test holds the two against each other. */
export const planStack = ({ gatewayPort, ports, data, brokers, identityKey, databases }: StackPlan): readonly Process[] => {
  const publicUrl = `http://127.0.0.1:${gatewayPort}`;
  const processes = serviceNames.map((name): Process => {
    const key = name.toUpperCase();
    return {
      name,
      main: `apps/${name}/src/main.ts`,
      port: ports[name],
      env: {
        KHUE_BUS: 'kafka',
        KHUE_KAFKA_BROKERS: brokers.join(','),
        KHUE_IDENTITY_KEY: identityKey,
        KHUE_OIDC_ISSUER: `${publicUrl}/auth`,
        [`KHUE_${key}_PORT`]: String(ports[name]),
        [`KHUE_${key}_DATABASE_URL`]: databases[name]?.appUrl,
        [`KHUE_${key}_OWNER_DATABASE_URL`]: databases[name]?.ownerUrl,
      },
    };
  });
  const addresses = Object.fromEntries(serviceNames.map((name) => [`KHUE_${name.toUpperCase()}_URL`, `http://127.0.0.1:${ports[name]}`]));
  return [
    ...processes,
    {
      name: 'gateway',
      main: 'apps/gateway/src/main.ts',
      port: gatewayPort,
      env: { KHUE_PORT: String(gatewayPort), KHUE_PUBLIC_URL: publicUrl, KHUE_DATA: data, ...addresses },
    },
  ];
};
