import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { EnrollmentEvent } from './enrollment.ts';
import { act, approve, decide, intermediate, learner, nominate, seat, takenOf, withdraw, workspace } from './enrollment.fixture.ts';
import { evolveEnrollment } from './enrollment.ts';
import { hasPlace, type Enrollments, type SeatWord } from './records.ts';

/** Quota as enrollment knows it: a pot, a queue in the order of asking, one answer to each request, and what it told of each seat. */
class Quota {
  size: number;
  readonly seats = new Map<string, SeatWord>();
  readonly queue: string[] = [];
  readonly told = new Map<string, SeatWord[]>();
  constructor(size: number) {
    this.size = size;
  }
  readonly held = (): string[] => [...this.seats].filter(([, word]) => word === 'held' || word === 'confirmed').map(([id]) => id);
  say(id: string, word: SeatWord): void {
    this.seats.set(id, word);
    this.told.set(id, [...(this.told.get(id) ?? []), word]);
  }
  promote(): void {
    while (this.held().length < this.size && this.queue.length > 0) this.say(this.queue.shift() as string, 'held');
  }
  hear(id: string, event: EnrollmentEvent['type']): void {
    const now = this.seats.get(id);
    if (event === 'SeatRequested' && now === undefined) {
      if (this.held().length < this.size) this.say(id, 'held');
      else if (this.queue.length >= 3) this.say(id, 'refused');
      else {
        this.queue.push(id);
        this.say(id, 'queued');
      }
    }
    if (event === 'LearnerAdmitted' && now === 'held') this.say(id, 'confirmed');
    if (event === 'EnrollmentWithdrawn' && now !== 'released') {
      if (now === 'queued') this.queue.splice(this.queue.indexOf(id), 1);
      this.say(id, 'released');
      this.promote();
    }
  }
}

const people = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const step = fc.record({
  what: fc.constantFrom('nominate', 'approve', 'withdraw', 'hear', 'hear', 'tell', 'tell', 'tell-again', 'grow'),
  who: fc.nat(people.length - 1),
  which: fc.nat(5),
});

it('keeps places and seats together, whatever comes in between, twice or late', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 6 }), (steps, seats, size) => {
      const state: Enrollments = workspace(
        people.map((id) => learner(id, 'c11')),
        { classes: [{ ...intermediate, size }] },
      );
      const quota = new Quota(seats);
      const outbox = new Map<string, EnrollmentEvent['type'][]>();
      const delivered = new Map<string, number>();
      const latest = new Map<string, string>();
      const doIf = (actor: string, command: Parameters<typeof decide>[2]): void => {
        const decision = decide(state, actor, command);
        if (!decision.accepted) return;
        for (const event of decision.events) {
          evolveEnrollment(state, event);
          outbox.set(event.enrollmentId, [...(outbox.get(event.enrollmentId) ?? []), event.type]);
        }
      };
      const hear = (id: string): boolean => {
        const [event, ...rest] = outbox.get(id) ?? [];
        if (event === undefined) return false;
        outbox.set(id, rest);
        quota.hear(id, event);
        return true;
      };
      const tell = (id: string): boolean => {
        const place = delivered.get(id) ?? 0;
        const word = quota.told.get(id)?.[place];
        if (word === undefined) return false;
        delivered.set(id, place + 1);
        doIf('quota', seat(id, word, place + 1));
        return true;
      };
      const check = (): void => {
        expect(takenOf(state)).toBe([...state.enrollments.values()].filter(hasPlace).length);
        expect(takenOf(state)).toBeLessThanOrEqual(size);
      };

      steps.forEach(({ what, who, which }, at) => {
        const person = people[who] as string;
        const id = latest.get(person) ?? '';
        if (what === 'nominate') {
          doIf('officer.d1', nominate(`${person}${at}`, person));
          if (state.enrollments.has(`${person}${at}`)) latest.set(person, `${person}${at}`);
        } else if (what === 'approve') doIf('approver.d1', approve(id));
        else if (what === 'withdraw') doIf('officer.d1', withdraw(id));
        else if (what === 'hear') hear(id);
        else if (what === 'tell') tell(id);
        else if (what === 'tell-again') {
          const place = which % Math.max(1, delivered.get(id) ?? 0);
          const word = quota.told.get(id)?.[place];
          if (word !== undefined && (delivered.get(id) ?? 0) > 0) doIf('quota', seat(id, word, place + 1));
        } else {
          quota.size += 1;
          quota.promote();
        }
        check();
      });

      const all = (): string[] => [...state.enrollments.keys()];
      while (all().some((id) => hear(id) || tell(id))) check();
      const settled = (id: string): string => `${id} ${state.enrollments.get(id)?.state}`;
      for (const id of quota.held()) expect(settled(id)).toBe(`${id} admitted`);
      for (const { id, state: now } of state.enrollments.values()) {
        if (now === 'admitted') expect(`${id} ${quota.seats.get(id)}`).toBe(`${id} confirmed`);
        if (now === 'queued') expect(quota.queue).toContain(id);
        expect(`${id} ${now}`).not.toBe(`${id} approved`);
      }
    }),
    { numRuns: 300 },
  );
});

it('is no admission twice: each enrollment is admitted or turned down at most once', () => {
  const state = workspace([learner('a', 'c11')]);
  act(state, 'officer.d1', nominate('e', 'a'));
  act(state, 'approver.d1', approve('e'));
  const words: SeatWord[] = ['queued', 'held', 'confirmed', 'released', 'held', 'refused'];
  const told = words.flatMap((word, place) => act(state, 'quota', seat('e', word, place + 1)));
  expect(told.filter(({ type }) => type === 'LearnerAdmitted' || type === 'NominationTurnedDown')).toHaveLength(1);
});

it('takes older news of a seat that come late as nothing', () => {
  const state = workspace([learner('a', 'c11')]);
  act(state, 'officer.d1', nominate('e', 'a'));
  act(state, 'approver.d1', approve('e'));
  expect(act(state, 'quota', seat('e', 'held', 2)).map(({ type }) => type)).toEqual(['SeatNoted', 'LearnerAdmitted']);
  expect(act(state, 'quota', seat('e', 'queued', 1))).toEqual([]);
  expect(act(state, 'quota', seat('e', 'held', 2))).toEqual([]);
  expect(state.enrollments.get('e')).toMatchObject({ seat: 'held', seatSequence: 2, state: 'admitted' });
});

it('does not wait for a seat that the board claimed before anybody approved: quota answers once', () => {
  const state = workspace([learner('a', 'c11')]);
  act(state, 'officer.d1', nominate('e', 'a'));
  expect(act(state, 'quota', seat('e', 'held', 1)).map(({ type }) => type)).toEqual(['SeatNoted']);
  expect(act(state, 'approver.d1', approve('e')).map(({ type }) => type)).toEqual(['NominationApproved', 'SeatRequested', 'LearnerAdmitted']);
  expect(state.enrollments.get('e')).toMatchObject({ seat: 'held', state: 'admitted' });
  expect(takenOf(state)).toBe(1);
});
