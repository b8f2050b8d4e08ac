import type { EventDefinition } from '@khue/contracts/envelope';
import { grantIssued, unitEstablished } from '@khue/contracts/events/registry';
import type { By, Grant, Role } from '@khue/contracts/grants';
import type { Unit, UnitTable } from '@khue/contracts/units';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import type { Published } from './service.ts';

/** A unit of a table, from 2000 on; its id is its code and name. */
export const unit = (id: string, parentId: string | null, to: string | null = null): Unit => ({
  id,
  code: id,
  kind: 'body',
  name: id,
  from: '2000-01-01',
  to,
  parents: [{ parentId, from: '2000-01-01', to }],
});

export const grant = (role: Role, unitId: string, { sub = role, ...more }: Partial<Grant> = {}): Grant => ({
  id: `grant-${role}-${unitId}`,
  sub,
  role,
  unitId,
  validFrom: '2020-01-01',
  validTo: null,
  documentNo: '1-QĐ/TU',
  ...more,
});

/** Whoever decides under these grants, on the second of March 2026. */
export const by = (units: UnitTable, ...grants: readonly Grant[]): By => ({
  actor: grants[0]?.sub ?? 'nobody',
  grants,
  units,
  today: '2026-03-02',
  now: '2026-03-02T03:00:00.000Z',
});

export interface ToldCity {
  /** The id that a name stands for in this city. */
  id(name: string): string;
  /** What a service is told, with the data that its contract takes. */
  told<D extends EventDefinition>(definition: D, subject: string, data: z.input<D['data']>): Published;
  unit(name: string, parent: string | null): Published;
  grant(sub: string, role: Role, unitName: string, more?: { readonly validFrom?: string; readonly validTo?: string | null }): Published;
}

/** A city as the registry tells of it, by names instead of ids. */
export const toldCity = (): ToldCity => {
  const ids = new Map<string, string>();
  const id = (name: string): string => {
    const known = ids.get(name) ?? uuidv7();
    ids.set(name, known);
    return known;
  };
  const told: ToldCity['told'] = (definition, subject, data) => ({ definition, subject, data: data as never });
  return {
    id,
    told,
    unit: (name, parent) =>
      told(unitEstablished, id(name), {
        unitId: id(name),
        code: name,
        kind: 'quận',
        name,
        parentId: parent && id(parent),
        from: '2008-08-01',
        documentNo: null,
        sample: true,
      }),
    grant: (sub, role, unitName, { validFrom = '2020-01-01', validTo = null } = {}) => {
      const grantId = id(`${sub} ${role} ${unitName}`);
      return told(grantIssued, grantId, { grantId, sub, role, unitId: id(unitName), validFrom, validTo, documentNo: 'QD-1' });
    },
  };
};
