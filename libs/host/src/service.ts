import type { ServiceName } from '@khue/contracts/services';
import type { Directory } from './directory.ts';
import type { Deps, Host, HostOptions, RunningService } from './host.ts';
import { openHost } from './open-host.ts';

/** A service by its name: what it produces and refuses, and how it is composed. Rejects, before anything runs, what another service owns. */
export const service =
  <D extends Directory = Directory>(
    name: ServiceName,
    options: HostOptions<D>,
    compose: (host: Host<D>) => void | Promise<void>,
  ): ((deps: Deps) => Promise<RunningService>) =>
  async (deps) => {
    const host = await openHost(name, deps, options);
    await compose(host);
    return host.service;
  };
