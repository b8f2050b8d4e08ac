import { serviceNames, type ServiceName } from '@khue/contracts/services';
import type { Snapshots } from './calm.ts';
import type { Finding } from './finding.ts';
import { same, type Side } from './look.ts';
import { directories } from './pairs.ts';
import { parts } from './parts.ts';

/** Every projection against its owner's tables: what a group made of the facts is what the facts were told of. */
export const checkProjections = async (snapshots: Snapshots): Promise<Finding[]> => {
  const findings: Finding[] = [];
  const own = serviceNames.map((name) => parts[name].projections).filter((pairs) => pairs !== 'none');
  for (const { what, owner, owned, holder, held } of [...directories, ...own.flat()]) {
    const side = (service: ServiceName, sql: string): Side => ({ from: service, snapshot: snapshots[service], sql });
    findings.push(await same(`${holder}: its ${what} are those of ${owner}`, side(owner, owned), side(holder, held)));
  }
  return findings;
};
