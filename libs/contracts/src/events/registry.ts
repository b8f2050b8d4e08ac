import { z } from 'zod';
import { learnerFacts } from '../learner-facts.ts';
import { defineEvent, type DataOf } from '../envelope.ts';
import { absentWhereUnknown, account, basic, choice, code, count, day, flag, id, publicName } from '../fields.ts';
import { roles } from '../grants.ts';

export const registryFacts = 'khue.registry.facts';
export const registryPeople = 'khue.registry.people';

/** A unit exists from a date on. Subject: the unit. */
export const unitEstablished = defineEvent({
  type: 'registry.unit-established',
  version: 1,
  topic: registryFacts,
  data: z.object({
    unitId: id(),
    code: code(),
    kind: code(),
    name: publicName(),
    parentId: id().nullable(),
    from: day(),
    documentNo: code().nullable(),
    /** Not a real body: made for the sample city. */
    sample: flag(),
  }),
});

/** From a date on, a unit belongs to another parent. Subject: the unit. */
export const unitMoved = defineEvent({
  type: 'registry.unit-moved',
  version: 1,
  topic: registryFacts,
  data: z.object({ unitId: id(), parentId: id().nullable(), on: day(), documentNo: code().nullable() }),
});

/** A unit ends: `on` is the first day it no longer exists. Subject: the unit. */
export const unitDissolved = defineEvent({
  type: 'registry.unit-dissolved',
  version: 1,
  topic: registryFacts,
  data: z.object({ unitId: id(), on: day(), documentNo: code().nullable() }),
});

/** A unit's duties pass to others; several successors are a split, several predecessors a merger. Subject: the unit that hands over. */
export const unitSucceeded = defineEvent({
  type: 'registry.unit-succeeded',
  version: 1,
  topic: registryFacts,
  data: z.object({
    unitId: id(),
    successors: z.array(z.object({ unitId: id(), sharePercent: count().nullable() })),
    on: day(),
    documentNo: code().nullable(),
    sample: flag(),
  }),
});

/** The history of a person in a split unit is assigned to one of its successors. Subject: the assignment. */
export const historyAssigned = defineEvent({
  type: 'registry.history-assigned',
  version: 1,
  topic: registryFacts,
  data: z.object({ assignmentId: id(), fromUnitId: id(), personId: id(), toUnitId: id(), documentNo: code().nullable() }),
});

/** An account may act in a role within a unit's subtree. Subject: the grant. */
export const grantIssued = defineEvent({
  type: 'registry.grant-issued',
  version: 1,
  topic: registryFacts,
  data: z.object({
    grantId: id(),
    sub: account(),
    role: choice(roles),
    unitId: id(),
    validFrom: day(),
    validTo: day().nullable(),
    documentNo: code(),
  }),
});

/** A grant ends at once, whatever its dates say. Subject: the grant. */
export const grantRevoked = defineEvent({
  type: 'registry.grant-revoked',
  version: 1,
  topic: registryFacts,
  data: z.object({ grantId: id(), sub: account(), on: day(), documentNo: code() }),
});

/** What a document can govern. */
export const documentSubjects = ['organization', 'quota', 'program', 'grants', 'eligibility', 'reporting', 'other'] as const;
const subjectsToCome = ['evaluation', 'criteria', 'strategy', 'petition'] as const;

/** A governing document is known. Subject: the document. */
export const documentRecorded = defineEvent({
  type: 'registry.document-recorded',
  version: 1,
  topic: registryFacts,
  data: z.object({ documentId: id(), number: code(), issuer: publicName(), issuedOn: day(), governs: choice(documentSubjects, subjectsToCome) }),
});

/** Two records are one person: `mergedPersonId` counts as `keptPersonId` from now on. Subject: the candidate pair. */
export const duplicateMerged = defineEvent({
  type: 'registry.duplicate-merged',
  version: 1,
  topic: registryFacts,
  data: z.object({ candidateId: id(), keptPersonId: id(), mergedPersonId: id() }),
});

/** The latest record of a person: a card, personal data, kept only as long as the person is (compacted). Subject: the person. */
export const personCard = defineEvent({
  type: 'registry.person-card',
  version: 1,
  topic: registryPeople,
  data: z.object({
    personId: id(),
    unitId: id(),
    name: basic(z.string()),
    /** HMAC of the identity number under the city's key; null where only name and birth are known. */
    identityRef: basic(z.string().nullable()),
    /** A code of a later release is missing data here, never a no. */
    facts: absentWhereUnknown(learnerFacts),
    mergedInto: id().nullable(),
  }),
});

/** The person's record is erased: every holder of the card removes it. The last message of its key. Subject: the person. */
export const personErased = defineEvent({
  type: 'registry.person-erased',
  version: 1,
  topic: registryPeople,
  data: z.object({ personId: id() }),
});

export const directoryEvents = [unitEstablished, unitMoved, unitDissolved, unitSucceeded, historyAssigned, grantIssued, grantRevoked] as const;
export const registryEvents = [...directoryEvents, documentRecorded, duplicateMerged, personCard, personErased] as const;
export type PersonCard = DataOf<typeof personCard>;
