import { placeAfter, toPage, type Paging } from '@khue/host/cursor';
import { PrismaPg } from '@prisma/adapter-pg';
import type { Pool } from 'pg';
import type { DocumentRecord } from '../domain/documents.ts';
import type { Person } from '../domain/person.ts';
import type { GrantRecord } from '../domain/records.ts';
import { PrismaClient, type Document, type Grant, type Person as PersonRow } from '../generated/client.ts';

export interface Page<T> {
  readonly items: T[];
  readonly next: string | null;
}

/** Ordinary reads outside a transaction. Prisma's dates end here: what goes on are business dates. */
export interface Reads {
  person(id: string): Promise<{ readonly person: Person; readonly assigned: string | undefined } | undefined>;
  /** Of one account or all, at these units, in the order of issue. */
  grants(filter: { readonly sub?: string | undefined; readonly units: readonly string[] }, paging: Paging): Promise<Page<GrantRecord>>;
  /** Newest first; `fold` is a part of number, issuer or title without diacritics. */
  documents(filter: { readonly fold?: string | undefined }, paging: Paging): Promise<Page<DocumentRecord>>;
}

export const createReads = (pool: Pool): Reads => {
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  return {
    person: async (id) => {
      const row = await prisma.person.findUnique({ where: { id } });
      if (!row) return undefined;
      const assignment = await prisma.assignment.findUnique({ where: { personId_fromUnitId: { personId: id, fromUnitId: row.unitId } } });
      return { person: toPerson(row), assigned: assignment?.toUnitId };
    },
    grants: async ({ sub, units }, paging) => {
      const after = placeAfter(paging, 'id');
      const rows = await prisma.grant.findMany({
        where: { unitId: { in: [...units] }, ...(sub === undefined ? {} : { sub }), ...(after ? { id: { gt: after[0] } } : {}) },
        orderBy: { id: 'asc' },
        take: paging.limit + 1,
      });
      return toPage(rows.map(toGrant), paging.limit, ({ id }) => [id]);
    },
    documents: async ({ fold }, paging) => {
      const after = placeAfter(paging, 'day', 'id');
      const issuedOn = new Date(after?.[0] ?? 0);
      const rows = await prisma.document.findMany({
        where: {
          ...(fold === undefined ? {} : { fold: { contains: fold } }),
          ...(after ? { OR: [{ issuedOn: { lt: issuedOn } }, { issuedOn, id: { gt: after[1] } }] } : {}),
        },
        orderBy: [{ issuedOn: 'desc' }, { id: 'asc' }],
        take: paging.limit + 1,
      });
      return toPage(rows.map(toDocument), paging.limit, (document) => [document.issuedOn, document.id]);
    },
  };
};

const day = (date: Date): string => date.toISOString().slice(0, 10);
const dayOrNull = (date: Date | null): string | null => date && day(date);

const toPerson = ({ id, unitId, name, fold, identityNumber, identityRef, birth, sex, facts, mergedInto, importId, version }: PersonRow): Person => ({
  id,
  unitId,
  name,
  fold,
  identityNumber,
  identityRef,
  birth,
  sex: sex as Person['sex'],
  facts: facts as Person['facts'],
  mergedInto,
  importId,
  version,
});

const toGrant = ({ id, sub, role, unitId, validFrom, validTo, documentNo, revokedOn, revokedBy, version }: Grant): GrantRecord => ({
  id,
  sub,
  role: role as GrantRecord['role'],
  unitId,
  validFrom: day(validFrom),
  validTo: dayOrNull(validTo),
  documentNo,
  revokedOn: dayOrNull(revokedOn),
  revokedBy,
  version,
});

const toDocument = ({ id, number, issuer, issuedOn, governs, title, version }: Document): DocumentRecord => ({
  id,
  number,
  issuer,
  issuedOn: day(issuedOn),
  governs: governs as DocumentRecord['governs'],
  title,
  version,
});
