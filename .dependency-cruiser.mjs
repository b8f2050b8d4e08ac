import { builtinModules } from 'node:module';

// What a file may know of others. Which project may know which is nx's part (eslint.config.js); both are fed violations by tools/guards.spec.ts.
const packages = (...names) => `(^|/)node_modules/(${names.join('|')})/`;
const tests = '\\.(spec|fixture)\\.ts$';
const service = '^apps/(?!standalone/|gateway/)([^/]+)/src/';
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });
const door = '(routes(\\.ts$|/)|imports(\\.ts$|/)|inbound\\.ts$)';
// Where the reader of the program comes in: mains, tests, scripts, and what is started by its URL.
const entries = ['(^|/)main\\.ts$', '\\.(spec|fixture)\\.ts$', '^tools/[^/]+\\.ts$', '^tools/guards/', '-(worker|setup)\\.ts$'];

const pure = { path: '^apps/[^/]+/src/(domain(\\.ts$|/)|outbound\\.ts$)', pathNot: tests };

const rules = [
  rule('no-circle', 'Files that need each other are one file, or lack a third.', {}, { circular: true }),
  rule('known-target', 'What is imported must exist.', {}, { couldNotResolve: true, dependencyTypesNot: ['type-only'] }),

  {
    ...rule(
      'no-dead-file',
      'What no main, test or script leads to is dead.',
      { path: entries },
      { path: '^(apps|libs|infra|tools)/', pathNot: [...entries, '/generated/'], reachable: false },
    ),
  },

  // Between parts
  rule(
    'no-app-imports-app',
    'Services speak by events and HTTP.',
    { path: '^apps/([^/]+)/', pathNot: '^apps/standalone/' },
    { path: '^apps/', pathNot: '^apps/$1/' },
  ),
  rule(
    'apps-by-their-composition',
    'Of a service, the composed product knows its composition only, and of the gateway how a token is signed.',
    { path: '^apps/standalone/', pathNot: tests },
    { path: '^apps/(?!standalone/)', pathNot: ['^apps/[^/]+/src/service\\.ts$', '^apps/gateway/src/issuer\\.ts$'] },
  ),
  rule('standalone-is-the-top', 'Nothing stands on the composed product.', { pathNot: '^(apps/standalone|tools)/' }, { path: '^apps/standalone/' }),
  rule(
    'tools-from-outside',
    'The product needs no tool, except the sample it starts with.',
    { pathNot: '^tools/' },
    { path: '^tools/', pathNot: '^tools/seed/' },
  ),
  rule('seed-for-the-product', 'The sample is loaded by the composed product alone.', { pathNot: '^(apps/standalone|tools)/' }, { path: '^tools/' }),
  rule('libs-below-apps', 'Libraries and infra know no service.', { path: '^(libs|infra)/' }, { path: '^apps/' }),
  rule(
    'infra-alone',
    'What starts databases and brokers stands on nothing of ours.',
    { path: '^infra/' },
    { path: '^(apps|libs|tools)/', pathNot: '^libs/testing/' },
  ),
  rule(
    'contracts-are-pure',
    'The published language imports zod and nothing else.',
    { path: '^libs/contracts/src/', pathNot: tests },
    { pathNot: ['^libs/contracts/src/', packages('zod')] },
  ),
  rule(
    'decider-is-alone',
    'Decision, accept, refuse: nothing to import.',
    { path: '^libs/decider/src/', pathNot: tests },
    { pathNot: '^libs/decider/src/' },
  ),
  rule(
    'web-by-contracts',
    'The browser knows the contracts only.',
    { path: '^apps/web/' },
    { path: '^(apps|libs|infra|tools)/', pathNot: '^(apps/web|libs/contracts/src)/' },
  ),
  rule('testing-in-tests', '@khue/testing is for tests.', { pathNot: ['^libs/testing/', tests] }, { path: '^libs/testing/' }),
  rule('fixtures-in-tests', 'A fixture is for tests.', { pathNot: ['^libs/testing/', tests] }, { path: tests }),

  // One file for each outside thing
  rule(
    'kafkajs-in-one-file',
    'Its traps are kept in one place.',
    { pathNot: ['^libs/messaging/src/kafka-client\\.ts$', tests] },
    { path: packages('kafkajs') },
  ),
  rule(
    'prisma-in-stores',
    'Only a store knows the database client.',
    { path: '^apps/', pathNot: ['^apps/[^/]+/src/store(\\.ts$|/)', '^apps/[^/]+/src/generated/'] },
    { path: ['^apps/[^/]+/src/generated/', packages('@prisma/[^/]+', 'prisma')] },
  ),
  rule(
    'no-prisma-outside-services',
    'Libraries write SQL.',
    { path: '^(libs|infra|tools)/', pathNot: '^tools/(guards/|generate\\.ts$|schema-agreement)' },
    { path: ['^apps/[^/]+/src/generated/', packages('@prisma/[^/]+', 'prisma')] },
  ),

  // The one shape of a service
  rule(
    'domain-is-pure',
    'A domain stands on the decider and the contracts.',
    { path: '^apps/[^/]+/src/domain(\\.ts$|/)', pathNot: tests },
    { pathNot: ['^apps/[^/]+/src/domain(\\.ts$|/)', '^libs/(decider|contracts)/src/'] },
  ),
  rule(
    'outbound-is-pure',
    'What we tell the world follows from the domain and the contracts.',
    { path: '^apps/[^/]+/src/outbound\\.ts$' },
    { pathNot: ['^apps/[^/]+/src/domain(\\.ts$|/)', '^libs/(decider|contracts)/src/', packages('zod')] },
  ),
  rule('no-way-to-the-outside', 'No way, however long, leads from a domain or outbound to a database, the network, a logger or ids.', pure, {
    reachable: true,
    path: [packages('@prisma/[^/]+', 'fastify', 'kafkajs', 'pino', 'pg', 'uuid'), '/generated/'],
  }),
  rule('no-way-to-node', 'No way leads from a domain or outbound to what Node offers.', pure, {
    reachable: true,
    path: `^(node:)?(${builtinModules.map((name) => name.replaceAll('/', '\\/')).join('|')})$`,
  }),
  rule('main-is-the-end', 'Nothing imports a main.', {}, { path: '^apps/[^/]+/src/main\\.ts$' }),
  rule(
    'main-composes',
    'main.ts starts what service.ts composes.',
    { path: `${service}main\\.ts$` },
    { path: '^apps/', pathNot: '^apps/$1/src/service\\.ts$' },
  ),
  rule(
    'service-is-for-main',
    'Only main.ts and tests use the composition within a service.',
    { path: service, pathNot: ['^apps/[^/]+/src/main\\.ts$', tests] },
    { path: '^apps/$1/src/service\\.ts$' },
  ),
  rule(
    'doors-are-for-service',
    'Only service.ts opens the doors.',
    { path: service, pathNot: ['^apps/[^/]+/src/(service\\.ts$|routes/|imports/)', tests] },
    { path: `^apps/$1/src/${door}` },
  ),
  rule(
    'routes-know-no-events',
    'The HTTP door neither hears events nor words them.',
    { path: `${service}routes(\\.ts$|/)`, pathNot: tests },
    { path: '^apps/$1/src/(inbound|outbound)\\.ts$' },
  ),
  rule(
    'inbound-commands',
    'The event door turns events into commands, or keeps what others announce.',
    { path: `${service}inbound\\.ts$` },
    { path: '^apps/$1/src/', pathNot: '^apps/$1/src/(commands(\\.ts$|/)|domain(\\.ts$|/)|store(\\.ts$|/))' },
  ),
  rule(
    'imports-command',
    'The import door: what a row becomes is decided as for the other doors.',
    { path: `${service}imports(\\.ts$|/)`, pathNot: tests },
    { path: '^apps/$1/src/', pathNot: '^apps/$1/src/(imports/|commands(\\.ts$|/)|domain(\\.ts$|/)|store(\\.ts$|/))' },
  ),
  rule(
    'commands-are-for-doors',
    'A command is given at a door.',
    { path: service, pathNot: [`^apps/[^/]+/src/(service\\.ts$|commands(\\.ts$|/)|${door})`, tests] },
    { path: '^apps/$1/src/commands(\\.ts$|/)' },
  ),
  rule(
    'commands-decide',
    'Commands know the domain, the store, outbound and views.',
    { path: `${service}commands(\\.ts$|/)`, pathNot: tests },
    { path: '^apps/$1/src/', pathNot: '^apps/$1/src/(commands/|domain(\\.ts$|/)|store(\\.ts$|/)|outbound\\.ts$|views(\\.ts$|/))' },
  ),
  rule(
    'views-are-pure',
    'How a record is shown follows from it and the contracts; of the store a view names types.',
    { path: `${service}views(\\.ts$|/)`, pathNot: tests },
    { pathNot: ['^apps/$1/src/(views|domain)(\\.ts$|/)', '^libs/(decider|contracts)/src/', packages('zod')], dependencyTypesNot: ['type-only'] },
  ),
  rule(
    'store-below',
    'The store knows the domain it keeps and no door.',
    { path: `${service}store(\\.ts$|/)`, pathNot: tests },
    { path: '^apps/$1/src/', pathNot: '^apps/$1/src/(store(\\.ts$|/)|domain(\\.ts$|/)|generated/)' },
  ),
  rule(
    'outbound-is-for-commands',
    'Events are worded where they are enqueued.',
    { path: service, pathNot: ['^apps/[^/]+/src/commands(\\.ts$|/)', tests] },
    { path: '^apps/$1/src/outbound\\.ts$' },
  ),
];

/** @type {import('dependency-cruiser').IConfiguration} */
const config = {
  forbidden: rules,
  options: {
    doNotFollow: { path: ['node_modules', '/generated/'] },
    // Types count: a domain that names pg's types is written against pg.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    detectProcessBuiltinModuleCalls: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
    moduleSystems: ['es6', 'cjs'],
    combinedDependencies: true,
  },
};

export { config as default };
