import { makeIdentityNumber } from '@khue/contracts/identity-number';
import { v7 as uuidv7 } from 'uuid';
import { classOf, documentNo, potYear, type Founded } from './founding.ts';
import type { Planned, Step } from './steps.ts';
import type { Outcome, Request, Typist } from './typist.ts';

export interface ClerkOptions {
  readonly clerk: number;
  readonly seed: number;
  readonly founded: Founded;
  readonly typist: Typist;
  readonly token: (sub: string) => Promise<string>;
}

interface Person {
  readonly id: string;
  readonly birthYear: number;
  /** Undefined when a change was left unanswered. */
  version: number | undefined;
  nominatedIn?: string;
}

/** Facts under which the rules have nothing against a learner. */
const facts = {
  party: { status: 'full', since: '2015-05-19' },
  degree: 'university',
  post: { code: 'division-head', level: 'commune' },
  sector: 'civil',
  ratings: [
    { year: 2024, rating: 'good' },
    { year: 2025, rating: 'good' },
  ],
};
const registry = '/api/registry/v1';
const enrollment = '/api/enrollment/v1';
const quota = '/api/quota/v1';

/** Somebody at a desk: does one step after the other, with the ids that the answers brought. */
export const createClerk = ({ clerk, seed, founded, typist, token }: ClerkOptions): ((planned: Planned) => Promise<void>) => {
  const unitId = founded.units[clerk % founded.units.length] as string;
  const group = clerk % founded.classes.length;
  const program = group % founded.programs.length;
  const programCode = founded.programs[program] as string;
  const officer = `officer.${clerk}`;
  const approver = `approver.${clerk}`;
  const people: Person[] = [];
  const nominated: { readonly id: string; readonly person: Person }[] = [];
  const approved: string[] = [];
  let registered = 0;
  let keys = 0;

  const keyOf = (): string => `chaos-${seed}-${clerk}-${(keys += 1)}`;
  const bearer = async (sub: string): Promise<string> => `Bearer ${await token(sub)}`;
  const type = async (sub: string, request: Omit<Request, 'authorization'>): Promise<Outcome> =>
    typist.type({ authorization: await bearer(sub), ...request });
  const post = (sub: string, operation: string, path: string, body: unknown, insists: boolean): Promise<Outcome> =>
    type(sub, { operation, method: 'POST', path, body, key: keyOf(), insists });
  const get = (sub: string, operation: string, path: string): Promise<Outcome> => type(sub, { operation, method: 'GET', path });

  const register = async (insists: boolean): Promise<void> => {
    registered += 1;
    const sex = registered % 2 === 0 ? 'female' : 'male';
    const birthYear = 1975 + (registered % 15);
    const identityNumber = makeIdentityNumber({ province: 96, sex, birthYear, serial: clerk * 10_000 + registered });
    // Nobody has a namesake: what was done to whom can be counted by name.
    const name = `Nguyễn ${lettersOf(clerk)} ${lettersOf(registered)}`;
    const body = { name, identityNumber, birth: String(birthYear), sex, unitId, facts };
    const { id, version } = recordOf(await post(officer, 'registerPerson', `${registry}/people`, body, insists));
    if (id !== undefined) people.push({ id, birthYear, version });
  };

  const change = async (): Promise<void> => {
    const person = people.at(-1);
    if (!person) return;
    const path = `${registry}/people/${person.id}`;
    const version = person.version ?? recordOf(await get(officer, 'readPerson', path)).version;
    if (version === undefined) return;
    const body = { birth: `${person.birthYear}-${String((version % 9) + 1).padStart(2, '0')}-11` };
    // By If-Match and without a key: when no answer comes, the record itself is asked.
    person.version = recordOf(await type(officer, { operation: 'updatePerson', method: 'PATCH', path, body, ifMatch: version })).version;
  };

  const nominate = async (person: Person, classId: string, insists: boolean): Promise<void> => {
    const { id } = recordOf(await post(officer, 'nominateLearner', `${enrollment}/nominations`, { classId, personId: person.id }, insists));
    if (id === undefined) return;
    person.nominatedIn = classId;
    nominated.push({ id, person });
  };

  const approve = async (insists: boolean): Promise<void> => {
    const id = nominated.shift()?.id;
    if (id === undefined) return;
    const { status, code } = await post(approver, 'approveNomination', `${enrollment}/nominations/${id}/approve`, undefined, insists);
    if (status === 200) approved.push(id);
    if (code !== 'class-full') return;
    const opened = recordOf(await post('school', 'openClass', `${enrollment}/classes`, classOf(programCode, founded.schoolUnitId), true));
    if (opened.id !== undefined) founded.classes[group] = opened.id;
  };

  const bad = async (step: Extract<Step, { do: 'bad-body' | 'bad-token' }>): Promise<void> => {
    const operation = 'nominateLearner';
    const base = { operation, method: 'POST', path: `${enrollment}/nominations`, key: keyOf(), isBad: true } as const;
    const body = { classId: founded.classes[group], personId: people.at(-1)?.id ?? uuidv7() };
    const good = await bearer(officer);
    if (step.do === 'bad-token') {
      await typist.type({ ...base, body, authorization: step.how === 'missing' ? undefined : `${good.slice(0, -9)}forgedbyme` });
      return;
    }
    const raws = {
      'not-json': '{"classId":',
      'wrong-type': '{"classId":7,"personId":[]}',
      nothing: '{}',
      nul: '{"classId":"\\u0000","personId":"\\ud800"}',
    };
    await typist.type({ ...base, raw: raws[step.how], authorization: good });
  };

  return async ({ step, insists }) => {
    const classId = founded.classes[group] as string;
    switch (step.do) {
      case 'register':
        return register(insists);
      case 'change':
        return change();
      case 'nominate': {
        const person = people.shift();
        if (!person) return;
        await nominate(person, classId, insists);
        if (person.nominatedIn === undefined) people.push(person);
        return;
      }
      case 'nominate-again': {
        const { person } = nominated.at(-1) ?? {};
        if (!person?.nominatedIn) return;
        await post(officer, 'nominateLearner', `${enrollment}/nominations`, { classId: person.nominatedIn, personId: person.id }, insists);
        return;
      }
      case 'approve':
        return approve(insists);
      case 'withdraw': {
        const [id] = approved.splice(Math.floor(step.which * approved.length), 1);
        if (id !== undefined) await post(officer, 'withdrawNomination', `${enrollment}/nominations/${id}/withdraw`, undefined, insists);
        return;
      }
      case 'claim':
        await post('board', 'claimSeat', `${quota}/seats`, { enrollmentId: uuidv7(), unitId, year: potYear, programCode }, insists);
        return;
      case 'divide': {
        const division = { by: 'hand', shares: [{ unitId, change: step.change }] };
        const body = { unitId: founded.rootUnitId, documentNo, division };
        await post('board', 'dividePot', `${quota}/pots/${founded.pots[program]}/divisions`, body, insists);
        return;
      }
      case 'read':
        if (approved.length > 0) await get(officer, 'readEnrollment', `${enrollment}/enrollments/${approved.at(-1)}`);
        return;
      case 'report':
        await get('reader', 'readFiveYears', '/api/reporting/v1/five-years?from=2026&to=2026');
        return;
      case 'bad-body':
      case 'bad-token':
        return bad(step);
    }
  };
};

const recordOf = ({ status, body }: Outcome): { readonly id?: string; readonly version?: number } =>
  status !== null && status < 400 ? ((body ?? {}) as { id?: string; version?: number }) : {};

/** A name that says the number: 0 is Ba, 1 Be. */
const lettersOf = (n: number): string => {
  const syllables: string[] = [];
  for (let rest = n; syllables.length === 0 || rest > 0; rest = Math.floor(rest / 100)) {
    syllables.push(`${'bcdghklmnt'[Math.floor((rest % 100) / 10)]}${['a', 'e', 'i', 'o', 'u', 'an', 'en', 'in', 'on', 'un'][rest % 10]}`);
  }
  const word = syllables.join('');
  return `${word[0]?.toUpperCase()}${word.slice(1)}`;
};
