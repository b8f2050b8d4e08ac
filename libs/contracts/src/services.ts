import type { EventDefinition, Topic } from './envelope.ts';
import { enrollmentEvents, enrollmentFacts } from './events/enrollment.ts';
import { quotaEvents, quotaFacts } from './events/quota.ts';
import { registryEvents, registryFacts, registryPeople } from './events/registry.ts';
import { enrollmentRoutes } from './http/enrollment.ts';
import { quotaRoutes } from './http/quota.ts';
import { registryRoutes } from './http/registry.ts';
import { reportingRoutes } from './http/reporting.ts';
import type { Route } from './http/route.ts';

/** What others know of a service: where it is asked, what it tells, whom it hears. */
export interface ServiceDescription {
  /** Where it listens unless it is told otherwise. */
  readonly port: number;
  readonly routes: readonly Route[];
  /** What it tells; it writes the topics of these. */
  readonly events: readonly EventDefinition[];
  /** Its consumer groups with what each hears, beside the group of the directory, which the host gives to everyone but the registry. */
  readonly hears: Readonly<Record<string, readonly Topic[]>>;
}

/**
 * The services that stand, in the order they start: who is asked comes before who asks. The one place that says so; the gateway, the composed product, the stack, the
 * containers, Kafka's topics and the tools follow from it. The key of a service in KHUE_<SERVICE>_… is its name in capitals.
 * Ports promised to services that are still to come: 8103 evaluation, 8105 criteria, 8106 notification.
 */
export const services = {
  registry: { port: 8101, routes: registryRoutes, events: registryEvents, hears: {} },
  enrollment: {
    port: 8102,
    routes: enrollmentRoutes,
    events: enrollmentEvents,
    hears: { 'enrollment-people': [registryPeople], 'enrollment-quota': [quotaFacts] },
  },
  quota: { port: 8104, routes: quotaRoutes, events: quotaEvents, hears: { quota: [enrollmentFacts] } },
  reporting: { port: 8107, routes: reportingRoutes, events: [], hears: { reporting: [enrollmentFacts, quotaFacts, registryFacts] } },
} as const satisfies Readonly<Record<string, ServiceDescription>>;

/** A service that stands. */
export type ServiceName = keyof typeof services;
export const serviceNames = Object.keys(services) as readonly ServiceName[];

/** Whether a service of that name stands. */
export const isServiceName = (name: string | undefined): name is ServiceName => name !== undefined && Object.hasOwn(services, name);

/** Every route of the product. */
export const allRoutes: readonly Route[] = serviceNames.flatMap((name): readonly Route[] => services[name].routes);

/** Every event of the published language. */
export const allEvents: readonly EventDefinition[] = serviceNames.flatMap((name): readonly EventDefinition[] => services[name].events);

/** The topics that a service writes; none when it tells nothing. */
export const topicsOf = (name: ServiceName): readonly Topic[] => {
  const events: readonly EventDefinition[] = services[name].events;
  return [...new Set(events.map(({ topic }) => topic))];
};

/** Those who keep a projection of the registry's units and grants. */
export const directoryHolders: readonly ServiceName[] = serviceNames.filter((name) => name !== 'registry');

/** All consumer groups of a service with the topics they hear. */
export const groupsOf = (name: ServiceName): Readonly<Record<string, readonly Topic[]>> => ({
  ...(directoryHolders.includes(name) ? { [`${name}-directory`]: [registryFacts] } : {}),
  ...services[name].hears,
});
