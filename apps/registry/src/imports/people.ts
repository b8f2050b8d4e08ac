import { todayIn } from '@khue/contracts/dates';
import { standing, type Unit } from '@khue/contracts/units';
import { fold } from '@khue/contracts/text';
import { applyChunk } from '@khue/imports/apply-chunk';
import type { ImportJob, ImportKind, Outcome, RowToApply, Verdict } from '@khue/imports/import-kind';
import type { CellError } from '@khue/imports/layout';
import { registryFacts, registryPeople } from '@khue/contracts/events/registry';
import { bound } from '@khue/host/aggregate';
import type { Host } from '@khue/host/host';
import type { Answer, Tx } from '@khue/messaging/command';
import { peopleNoun, type PeopleCommand } from '../commands.ts';
import type { RegisterPerson } from '../domain/people.ts';
import { mayWrite, type Person, type PersonFacts } from '../domain/person.ts';
import { refusals } from '../domain/refusals.ts';
import type { IdentityRef } from '@khue/host/identity-ref';
import type { RegistryDirectory, Snapshot } from '../store/directory.ts';
import { findListed } from '../store/people-listed.ts';
import { layout, type PersonRow } from './people-layout.ts';

/** A row with its unit found and its number turned into the reference: what the plan stands for. */
export type PlannedPerson = Pick<Person, 'unitId' | 'name' | 'identityNumber' | 'identityRef' | 'birth' | 'sex' | 'facts'>;

/**
 * The door for lists of people. A row becomes the same command that the officer's form sends, so the same rules decide it; the plan tells beforehand what they
 * would say. Taken back are the people whom the import brought and nobody has touched since.
 */
export const peopleImport = (
  { directory, now }: Pick<Host<RegistryDirectory>, 'directory' | 'now'>,
  identityRef: IdentityRef,
): ImportKind<PersonRow, PlannedPerson> => {
  const aggregate = bound(peopleNoun(directory), directory, [registryFacts, registryPeople]);
  const codes = new WeakMap<Snapshot, ReadonlyMap<string, Unit>>();
  const byCode = (snapshot: Snapshot): ReadonlyMap<string, Unit> => {
    let known = codes.get(snapshot);
    if (!known) codes.set(snapshot, (known = new Map(snapshot.units.map((unit) => [unit.code, unit]))));
    return known;
  };
  const apply = (tx: Tx, job: ImportJob, bodies: readonly PeopleCommand[], what: string): Promise<Answer[]> =>
    applyChunk(tx, job, aggregate, {
      bodies,
      now: now(),
      what,
      counts: (answers) => {
        const refused = answers.filter((answer) => !answer.ok).length;
        return { people: answers.length - refused, refused };
      },
    });

  return {
    kind: 'people',
    layout,
    layoutModule: new URL('./people-layout.ts', import.meta.url),
    judge: async (rows, tx, job) => {
      const snapshot = await directory.newest(tx, 'look');
      const units = byCode(snapshot);
      const today = todayIn(now());
      const writable = scopeOf(snapshot, job, today);
      const planned = rows.map(({ value }) => {
        const unit = units.get(value.unitCode);
        return unit && plan(value, unit.id, identityRef);
      });
      const listed = await findListed(
        tx,
        planned.filter((person) => person !== undefined),
      );
      return rows.map(({ value }, place): Verdict<PlannedPerson> => {
        const person = planned[place];
        if (!person) return rejected(unitUnknown);
        if (!writable(person.unitId)) return rejected(unitOutOfScope);
        const key = person.identityRef ?? JSON.stringify([person.unitId, person.name, person.birth]);
        const known = person.identityRef === null ? listed.namesake(person) : listed.holder(person.identityRef);
        if (!known) return { verdict: 'accepted', value: person, key };
        if (known.unitId !== person.unitId) return rejected(elsewhere(snapshot, known, today));
        return differs(known, person) ? rejected(contentDiffers(value)) : { verdict: 'unchanged', key };
      });
    },
    apply: async (rows, tx, job) => {
      const answers = await apply(
        tx,
        job,
        rows.map((row) => registration(row, job)),
        'ImportPeople',
      );
      return answers.flatMap((answer, place): Outcome[] =>
        answer.ok ? [] : [{ rowNo: rows[place]?.rowNo ?? 0, outcome: 'rejected', errors: [refusedLate(answer)] }],
      );
    },
    revoke: async (rows, tx, job) => {
      await apply(
        tx,
        job,
        rows.map(({ id }) => ({ type: 'TakeBackPerson', personId: id, importId: job.id })),
        'RevokePeopleImport',
      );
    },
  };
};

/** Whether the importer may write at a unit, asked once a unit and not once a row. */
const scopeOf = ({ table, bySub }: Snapshot, { actor }: ImportJob, today: string): ((unitId: string) => boolean) => {
  const asked = new Map<string, boolean>();
  return (unitId) => {
    let answer = asked.get(unitId);
    if (answer === undefined) asked.set(unitId, (answer = mayWrite({ grants: bySub.get(actor) ?? [], units: table, today }, unitId) !== undefined));
    return answer;
  };
};

const plan = ({ name, identityNumber, birth, sex, post, degree, party }: PersonRow, unitId: string, identityRef: IdentityRef): PlannedPerson => {
  const facts: PersonFacts = {
    ...(post ? { post: { code: post } } : {}),
    ...(degree === undefined ? {} : { degree }),
    ...(party === undefined ? {} : { party: { status: party } }),
  };
  const numbers =
    identityNumber === undefined ? { identityNumber: null, identityRef: null } : { identityNumber, identityRef: identityRef(identityNumber) };
  return { unitId, name, ...numbers, birth: birth ?? null, sex: sex ?? null, facts };
};

const registration = ({ id, value }: RowToApply<PlannedPerson>, job: ImportJob): RegisterPerson => ({
  type: 'RegisterPerson',
  personId: id,
  ...value,
  fold: fold(value.name),
  importId: job.id,
});

/** What the file has and the record has otherwise; what the file leaves out is no difference. */
const differs = (known: Person, { name, birth, sex, facts }: PlannedPerson): boolean =>
  known.name !== name ||
  (birth !== null && known.birth !== birth) ||
  (sex !== null && known.sex !== sex) ||
  (facts.degree !== undefined && known.facts.degree !== facts.degree) ||
  (facts.post !== undefined && known.facts.post?.code !== facts.post?.code) ||
  (facts.party !== undefined && known.facts.party?.status !== facts.party?.status);

const rejected = (error: CellError): Verdict<never> => ({ verdict: 'rejected', errors: [error] });

const unitUnknown: CellError = {
  column: 'unitCode',
  code: 'unit-code-unknown',
  vi: 'Không có đơn vị nào mang mã này.',
  en: 'No unit has this code.',
  mend: {
    vi: 'Ghi mã đúng như danh mục đơn vị; đơn vị chưa có thì khai báo trước.',
    en: 'Write the code as the list of units has it; register the unit first if it is missing.',
  },
};
const unitOutOfScope: CellError = {
  column: 'unitCode',
  code: 'out-of-scope',
  vi: 'Đơn vị nằm ngoài phạm vi được giao của người nhập.',
  en: 'The unit is outside the grant of whoever imports.',
  mend: { vi: 'Bỏ dòng này, hoặc nhờ đơn vị có quyền nhập.', en: 'Leave the row out, or let those over the unit import it.' },
};
const contentDiffers = ({ identityNumber }: PersonRow): CellError => ({
  column: identityNumber === undefined ? 'name' : 'identityNumber',
  code: 'person-differs',
  vi: 'Người này đã có hồ sơ tại đơn vị, với nội dung khác.',
  en: 'The unit has a record of this person already, with other content.',
  mend: {
    vi: 'Sửa trực tiếp trên hồ sơ, hoặc sửa dòng cho khớp rồi nhập lại.',
    en: 'Mend the record itself, or make the row agree and import it again.',
  },
});
const elsewhere = ({ table }: Snapshot, known: Person, today: string): CellError => {
  const { at } = standing(table, known.unitId, today);
  const code = table.units.get(at)?.code ?? '';
  return {
    column: 'identityNumber',
    code: 'person-exists-elsewhere',
    vi: `Số định danh này đã có hồ sơ ở đơn vị ${code}.`,
    en: `The identity number is on record at unit ${code}.`,
    mend: {
      vi: 'Kiểm tra lại số; nếu đúng, đề nghị ban tổ chức chuyển hồ sơ.',
      en: 'Check the number; if it is right, ask the organization board to move the record.',
    },
  };
};

/** The world has moved on since the plan: the rule that refuses now, in the words of the form. */
const refusedLate = ({ code, field, params }: Extract<Answer, { ok: false }>): CellError => {
  const text = (refusals as Readonly<Record<string, { vi: string; en: string }>>)[code] ?? {
    vi: 'Không ghi được dòng này nữa.',
    en: 'The row can not be taken any more.',
  };
  const fill = (template: string): string => template.replace(/\{(\w+)\}/g, (whole, name: string) => String(params?.[name] ?? whole));
  return {
    column: field === 'unitId' ? 'unitCode' : (field ?? '*'),
    code,
    vi: fill(text.vi),
    en: fill(text.en),
    mend: {
      vi: 'Dữ liệu đã thay đổi sau khi lập kế hoạch. Hãy nhập lại tệp các dòng bị từ chối.',
      en: 'Things have changed since the plan. Import the file of rejected rows again.',
    },
  };
};
