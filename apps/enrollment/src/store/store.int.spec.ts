import { enrollmentFacts } from '@khue/contracts/events/enrollment';
import { unitTable } from '@khue/contracts/units';
import { bound } from '@khue/host/aggregate';
import type { Directory } from '@khue/host/directory';
import { createLogger } from '@khue/host/logger';
import { applyBatch } from '@khue/messaging/apply';
import type { Answer, Command, Tx } from '@khue/messaging/command';
import { inTransaction } from '@khue/messaging/database';
import { rebuild } from '@khue/messaging/rebuild';
import { grant, unit } from '@khue/testing/city';
import { testService, type TestService } from '@khue/testing/service';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrollmentsBy } from '../commands.ts';
import type { EnrollmentCommand } from '../domain/enrollment.ts';
import type { Enrollment } from '../domain/records.ts';
import { api, card, city, expectStatus, fit, idOf, publishCatalog } from '../service.fixture.ts';
import { createEnrollment } from '../service.ts';
import { applyCards, cardsSchema } from './people.ts';
import { createRuleBook } from './rule-sets.ts';

let service: TestService;
let directory: Pick<Directory, 'units' | 'grantsOf'>;
beforeAll(async () => {
  service = await testService('enrollment', createEnrollment);
  await service.publish(city);
  await service.publish(['an', 'binh', 'chi'].map((person) => card(person, 'c11')));
  await publishCatalog(service);
  const { rows } = await service.service.pool.query<{ id: string }>(`select id from directory.granted where sub = 'approver.d1'`);
  const id = rows[0]?.id ?? '';
  // The directory's own tables are the host's; here one grant over the unit is all that matters.
  const units = unitTable([unit(idOf('c11'), null)]);
  directory = { units: () => units, grantsOf: (sub) => (['approver', 'officer'] as const).map((role) => grant(role, idOf('c11'), { id, sub })) };
});
afterAll(() => service.stop());

const command = (body: EnrollmentCommand): Command<EnrollmentCommand> => {
  const id = uuidv7();
  return {
    id,
    body,
    actor: 'approver.d1',
    now: '2026-11-23T03:00:00.000Z',
    today: '2026-11-23',
    correlationId: id,
    causationId: id,
  };
};
const approve = (enrollmentId: string): Command<EnrollmentCommand> => command({ type: 'ApproveNomination', enrollmentId });

const aggregate = () => bound(enrollmentsBy(createRuleBook(service.service.pool)), directory, [enrollmentFacts]);
const onBug = (error: unknown): never => {
  throw error;
};

/** A class with one place, and two nominations for it. */
const contested = async (): Promise<{ classId: string; ids: string[] }> => {
  const { id: classId } = await expectStatus<{ id: string }>(
    service.call('school', 'POST', `${api}/classes`, {
      programCode: 'CN3',
      hostUnitId: idOf('school'),
      size: 1,
      from: '2026-12-01',
      to: '2026-12-05',
    }),
    201,
  );
  const nominate = async (person: string): Promise<string> =>
    (await expectStatus<{ id: string }>(service.call('officer.d1', 'POST', `${api}/nominations`, { classId, personId: idOf(person) }), 201)).id;
  return { classId, ids: [await nominate('an'), await nominate('binh')] };
};

/** Two transactions decide on the same row, the second while the first has not committed yet. */
const both = async (
  one: Command<EnrollmentCommand>,
  two: Command<EnrollmentCommand>,
  transaction: (tx: Tx) => Tx = (tx) => tx,
): Promise<Answer[]> => {
  let second: Promise<Answer[]> | undefined;
  const first = await inTransaction(service.service.pool, async (tx) => {
    const answers = await applyBatch(transaction(tx), aggregate(), [one], { onBug });
    let loaded: () => void = () => undefined;
    const begun = new Promise<void>((begin) => (loaded = begin));
    second = inTransaction(
      service.service.pool,
      async (other) => {
        const { rows } = await other.query<{ pid: number }>('select pg_backend_pid() as pid');
        const deciding = applyBatch(transaction(other), aggregate(), [two], { onBug });
        await waitsForLock(rows[0]?.pid ?? 0);
        loaded();
        return deciding;
      },
      'set local lock_timeout = 10000',
    );
    await begun;
    return answers;
  });
  return [...first, ...((await second) ?? [])];
};

const waitsForLock = async (pid: number): Promise<void> => {
  await expect
    .poll(async () => {
      const { rows } = await service.service.pool.query('select 1 from pg_stat_activity where pid = $1 and wait_event_type = $2', [pid, 'Lock']);
      return rows.length;
    })
    .toBe(1);
};

describe('a class place', () => {
  it('is given once, for who decides on it holds its row', async () => {
    const { classId, ids } = await contested();
    const [one = '', two = ''] = ids;
    const answers = await both(approve(one), approve(two));
    expect(answers.map((answer) => (answer.ok ? 'approved' : answer.code))).toEqual(['approved', 'class-full']);
    expect(await expectStatus(service.call('reader', 'GET', `${api}/classes/${classId}`), 200)).toMatchObject({ taken: 1 });
  });
  it('would be given twice without that lock', async () => {
    const [one = '', two = ''] = (await contested()).ids;
    const unlocked = (tx: Tx): Tx =>
      new Proxy(tx, {
        get: (target, name) =>
          name !== 'query'
            ? (Reflect.get(target, name) as unknown)
            : (query: string | { name?: string; text: string }, ...rest: unknown[]) => {
                const strip = (text: string): string => text.replace('for no key update', '');
                const stripped =
                  typeof query === 'string' ? strip(query) : { ...query, name: `${query.name ?? ''} unlocked`, text: strip(query.text) };
                return (target.query as (...args: unknown[]) => unknown)(stripped, ...rest);
              },
      });
    const answers = await both(approve(one), approve(two), unlocked);
    expect(answers.map(({ ok }) => ok)).toEqual([true, true]);
  });
});

describe('an enrollment', () => {
  it('is made once for a class and a person, whoever else nominates at the same moment', async () => {
    const { classId } = await contested();
    const nominate = (): Command<EnrollmentCommand> =>
      command({ type: 'NominateLearner', enrollmentId: uuidv7(), classId, personId: idOf('chi'), unitId: undefined });
    const answers = await both(nominate(), nominate());
    expect(answers.map((answer) => (answer.ok ? 'nominated' : answer.code))).toEqual(['nominated', 'already-nominated']);
  });
  it('is withdrawn for good, also where its seat is told of at the same moment', async () => {
    const [enrollmentId = ''] = (await contested()).ids;
    await expectStatus(service.call('approver.d1', 'POST', `${api}/nominations/${enrollmentId}/approve`), 200);
    const held = command({ type: 'NoteSeat', enrollmentId, seat: 'held', seatSequence: 1, reason: null });
    const answers = await both(command({ type: 'WithdrawEnrollment', enrollmentId }), held);
    expect(answers.map(({ ok }) => ok)).toEqual([true, true]);
    expect(await expectStatus(service.call('board', 'GET', `${api}/enrollments/${enrollmentId}`), 200)).toMatchObject({
      state: 'withdrawn',
      seat: 'held',
    });
  });
  it('has what was found written when that is new, and not with each step', async () => {
    const [enrollmentId = ''] = (await contested()).ids;
    const writes = async (body: EnrollmentCommand): Promise<string[]> => {
      const names: string[] = [];
      const listening = (tx: Tx): Tx =>
        new Proxy(tx, {
          get: (target, name) =>
            name !== 'query'
              ? (Reflect.get(target, name) as unknown)
              : (query: { name?: string }, ...rest: unknown[]) => {
                  names.push(query.name ?? '');
                  return (target.query as (...args: unknown[]) => unknown)(query, ...rest);
                },
        });
      await inTransaction(service.service.pool, (tx) => applyBatch(listening(tx), aggregate(), [command(body)], { onBug }));
      return names.filter((name) => /^(class-taken|enrollment-(insert|update|judgment))$/.test(name));
    };
    expect(await writes({ type: 'RecheckNomination', enrollmentId })).toEqual(['enrollment-update', 'enrollment-judgment']);
    expect(await writes({ type: 'ApproveNomination', enrollmentId })).toEqual(['class-taken', 'enrollment-update']);
    expect(await writes({ type: 'NoteSeat', enrollmentId, seat: 'held', seatSequence: 1, reason: null })).toEqual(['enrollment-update']);
  });
  it('that is not there can not be saved: state and events would part', async () => {
    const [enrollmentId = ''] = (await contested()).ids;
    const saving = inTransaction(service.service.pool, async (tx) => {
      const enrollments = aggregate();
      const batch = await enrollments.load(tx, [approve(enrollmentId)]);
      const row = batch.state.enrollments.get(enrollmentId) as Enrollment;
      const nowhere = { ...row, id: uuidv7() };
      batch.before.enrollments.set(nowhere.id, row);
      batch.state.enrollments.set(nowhere.id, nowhere);
      await enrollments.save(tx, batch);
    });
    await expect(saving).rejects.toThrow('enrollment-update: 0 rows of 1');
  });
});

describe('cards', () => {
  const withCards = (work: (tx: Tx) => Promise<void>): Promise<void> =>
    inTransaction(service.service.pool, work, `set local search_path = ${cardsSchema}`);
  const of = async (person: string): Promise<{ name: string; sequence: number } | undefined> =>
    (
      await service.service.pool.query<{ name: string; sequence: number }>('select name, sequence from cards.person where person_id = $1', [
        idOf(person),
      ])
    ).rows[0];
  const news = (person: string, sequence: number, name: string) => ({
    personId: idOf(person),
    sequence,
    card: { personId: idOf(person), unitId: idOf('c11'), name, identityRef: null, facts: fit, mergedInto: null },
  });
  it('of one batch leave the last of each person, and an older one changes nothing', async () => {
    await withCards((tx) => applyCards(tx, [news('x', 2, 'Hai'), news('x', 3, 'Ba'), news('y', 1, 'Một')]));
    await withCards((tx) => applyCards(tx, [news('x', 1, 'Một')]));
    expect([await of('x'), await of('y')]).toEqual([
      { name: 'Ba', sequence: 3 },
      { name: 'Một', sequence: 1 },
    ]);
  });
  it('are gone with the tombstone, and a person who comes back is there', async () => {
    const tombstone = (sequence: number) => ({ personId: idOf('z'), sequence, card: null });
    await withCards((tx) => applyCards(tx, [news('z', 1, 'Một'), tombstone(2)]));
    expect(await of('z')).toBeUndefined();
    await withCards((tx) => applyCards(tx, [news('z', 3, 'Ba')]));
    expect(await of('z')).toMatchObject({ name: 'Ba' });
    await withCards((tx) => applyCards(tx, [tombstone(4)]));
    expect(await of('z')).toBeUndefined();
  });
});

it('cards made anew from the first event are the same', async () => {
  const rows = async (): Promise<unknown[]> =>
    (await service.service.pool.query('select * from cards.person where person_id = any($1) order by person_id', [['an', 'binh', 'chi'].map(idOf)]))
      .rows;
  const before = await rows();
  const group = service.service.consumers.get('enrollment-people');
  if (!group) throw new Error('nobody keeps the cards');
  await service.service.pool.query('delete from cards.person');
  await rebuild({
    pool: service.service.pool,
    ownerUrl: service.config.ownerDatabaseUrl ?? '',
    group,
    schema: cardsSchema,
    bus: service.bus,
    log: createLogger('enrollment', { write: () => undefined }),
  });
  expect(await rows()).toEqual(before);
  await service.publish([card('an', 'c12')]);
  expect(await rows()).not.toEqual(before);
});

it('a story is found by its index, however many turns the log holds', async () => {
  const plan = await inTransaction(service.service.pool, async (tx) => {
    await tx.query('set local enable_seqscan = off');
    return tx.query<{ 'QUERY PLAN': string }>(
      `explain select * from messaging.log where subject = 'x' and type <> 'enrollment.turn-recorded' order by sequence`,
    );
  });
  expect(plan.rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('log_subject');
});
