import { makeIdentityNumber } from '@khue/contracts/identity-number';
import type { Client } from './client.ts';
import { sampleDocument } from './history.ts';
import { settled, unitIds } from './load.ts';

/** The year whose places and classes the sample has open. */
export const liveYear = 2026;

/** Sample units that get a share of the year's places, with the weight of their staff. */
const shares = [
  ['mau-001', 7],
  ['mau-002', 5],
  ['mau-003', 4],
  ['mau-004', 3],
  ['mau-005', 3],
] as const;

const learners = [
  { account: 'officer.a', unit: 'mau-001', name: 'Nguyễn Văn Mẫu', sex: 'male', birthYear: 1982 },
  { account: 'officer.a', unit: 'mau-001', name: 'Trần Thị Mẫu', sex: 'female', birthYear: 1985 },
  { account: 'officer.a', unit: 'mau-001', name: 'Lê Văn Mẫu', sex: 'male', birthYear: 1999 },
  { account: 'officer.b', unit: 'mau-002', name: 'Phạm Thị Mẫu', sex: 'female', birthYear: 1980 },
  { account: 'officer.b', unit: 'mau-002', name: 'Hoàng Văn Mẫu', sex: 'male', birthYear: 1979 },
] as const;

const facts = {
  party: { status: 'full', since: '2015-05-19' },
  degree: 'university',
  post: { code: 'division-head', level: 'commune' },
  ratings: [
    { year: 2024, rating: 'good' },
    { year: 2025, rating: 'excellent' },
  ],
  sector: 'civil',
} as const;

/** This year's part of the sample: an open class and a divided pot for both levels of theory, and people who can be nominated. */
export const loadLive = async ({ client, say }: { readonly client: Client; readonly say: (line: string) => void }): Promise<void> => {
  say(`classes and places of ${liveYear}…`);
  const units = await unitIds(client);
  const id = (code: string): string => units.get(code) as string;
  for (const [programCode, size, seats] of [
    ['advanced-theory', 60, 40],
    ['intermediate-theory', 80, 60],
  ] as const) {
    const classes = await client.get<{ items: readonly unknown[] }>(`/api/enrollment/v1/classes?programCode=${programCode}&year=${liveYear}`);
    if (classes.items.length === 0) {
      await client
        .as('school')
        .post('/api/enrollment/v1/classes', { programCode, hostUnitId: id('lhp'), size, from: `${liveYear}-12-07`, to: `${liveYear + 2}-06-30` });
    }
    await client.ensure(
      '/api/quota/v1/pots',
      { year: liveYear, programCode, size: seats, documentNo: sampleDocument, rootUnitId: id('ha-noi') },
      'pot-exists',
    );
    const { items: pots } = await client.get<{ items: readonly { id: string }[] }>(`/api/quota/v1/pots?year=${liveYear}&programCode=${programCode}`);
    await client.post(`/api/quota/v1/pots/${pots[0]?.id}/divisions`, {
      unitId: id('ha-noi'),
      documentNo: sampleDocument,
      division: {
        by: 'formula',
        method: 'largest-remainder',
        total: seats - 10,
        shares: shares.map(([code, weight]) => ({ unitId: id(code), weight })),
      },
    });
  }
  for (const [place, { account, unit, name, sex, birthYear }] of learners.entries()) {
    // Serials of the history stay below; province 96 keeps these numbers apart from them.
    const identityNumber = makeIdentityNumber({ province: 96, sex, birthYear, serial: place + 1 });
    await client
      .as(account)
      .ensure(
        '/api/registry/v1/people',
        { name, identityNumber, birth: String(birthYear), sex, unitId: id(unit), facts },
        'person-exists',
        'person-exists-elsewhere',
      );
  }
  await settled(client, say);
};
