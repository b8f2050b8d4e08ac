import { serviceNames, services, type ServiceName } from '@khue/contracts/services';

/** What stands in the files of the containers for one service. */
interface Lines {
  readonly key: string;
  readonly name: ServiceName;
  readonly port: number;
}

const forEach = (lines: (of: Lines) => readonly string[]): string[] =>
  serviceNames.flatMap((name) => lines({ key: `KHUE_${name.toUpperCase()}`, name, port: services[name].port }));

/** Of docker-compose.yml and .env.example by name the sections that follow from the services that stand; the rest is written by hand. */
const sections: Readonly<Record<string, () => readonly string[]>> = {
  addresses: () => forEach(({ key, name, port }) => [`${key}_URL: http://${name}:${port}`]),
  health: () => forEach(({ name }) => [`${name}: { condition: service_healthy }`]),
  services: () =>
    forEach(({ key, name, port }) => [
      `${name}:`,
      `  <<: *service`,
      `  environment:`,
      `    <<: *environment`,
      `    SERVICE: ${name}`,
      `    HEALTH_PORT: '${port}'`,
      `    ${key}_PORT: '${port}'`,
      `    ${key}_DATABASE_URL: postgresql://${name}_app:\${${key}_APP_PASSWORD:?}@postgres:5432/${name}`,
      `    ${key}_OWNER_DATABASE_URL: postgresql://${name}_owner:\${${key}_OWNER_PASSWORD:?}@postgres:5432/${name}`,
      `  ports: ['127.0.0.1:${port}:${port}']`,
      `  depends_on: *needs`,
      ``,
    ]).slice(0, -1),
  databases: () => [
    `KHUE_DATABASES: ${serviceNames.join(' ')}`,
    ...forEach(({ key }) => [`${key}_OWNER_PASSWORD: \${${key}_OWNER_PASSWORD:?}`, `${key}_APP_PASSWORD: \${${key}_APP_PASSWORD:?}`]),
  ],
  passwords: () => forEach(({ key }) => [`${key}_OWNER_PASSWORD=`, `${key}_APP_PASSWORD=`]),
};

/** The files that have sections. */
export const composedFiles = ['docker-compose.yml', '.env.example'] as const;

/** The text of such a file with its sections, from `# <name>: npm run compose` to `# end`, as the services that stand make them. Throws for a name it doesn't know. */
export const composed = (text: string): string =>
  text.replaceAll(/^( *)# (\w+): npm run compose\n[^]*?^\1# end$/gm, (_, indent: string, name: string) => {
    const lines = sections[name]?.();
    if (!lines) throw new Error(`there is no section "${name}"`);
    return [`# ${name}: npm run compose`, ...lines, '# end'].map((line) => (line === '' ? '' : `${indent}${line}`)).join('\n');
  });
