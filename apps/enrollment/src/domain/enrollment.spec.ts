import { describe, expect, it } from 'vitest';
import {
  act,
  approve,
  as,
  codeOf,
  decide,
  fit,
  intermediate,
  lacksRatings,
  learner,
  noRatings,
  nominate,
  q350,
  seat,
  stateOf,
  takenOf,
  today,
  withdraw,
  workspace,
  young,
} from './enrollment.fixture.ts';
import { decideClass, evolveClass, type Classes, type OpenClass } from './classes.ts';
import { decideProgram, programInForce, type Programs, type PublishProgram } from './programs.ts';
import { openRules } from './records.ts';
import { decideRuleSet, evolveRuleSet, type RuleSets } from './rule-sets.ts';

describe('a nomination', () => {
  it('is judged under the rules in force and keeps their hash', () => {
    const state = workspace([learner('p', 'c11')]);
    const [event] = act(state, 'officer.d1', nominate('e', 'p'));
    expect(event).toMatchObject({
      type: 'LearnerNominated',
      unitId: 'c11',
      grantId: 'grant-officer-d1',
      eligibility: { verdict: 'eligible', ruleSet: { hash: q350.hash } },
    });
  });
  it('names the rule that is not met, and of missing data says that it is missing, not that it is a no', () => {
    const state = workspace([learner('young', 'c11', young), learner('unrated', 'c11', lacksRatings), learner('none', 'c11', noRatings)]);
    const rules = (id: string) =>
      openRules(
        state.enrollments.get(id)?.eligibility ?? { verdict: 'eligible', reason: null, ruleSet: null, results: [], awaitingOfficialText: [] },
      );
    act(state, 'officer.d1', nominate('e1', 'young'));
    act(state, 'officer.d1', nominate('e2', 'unrated'));
    act(state, 'officer.d1', nominate('e3', 'none'));
    expect([...state.enrollments.values()].map(({ eligibility }) => eligibility.verdict)).toEqual(['not-eligible', 'missing-data', 'missing-data']);
    expect([rules('e1'), rules('e2'), rules('e3')]).toEqual([['TC.AGE.KTT'], ['TC.RATING'], ['TC.RATING']]);
  });
  it('for a program without a level asks nothing', () => {
    const state = workspace([learner('p', 'c11', {})]);
    expect(act(state, 'officer.d1', nominate('e', 'p', 'bd'))[0]).toMatchObject({
      eligibility: { verdict: 'eligible', reason: 'no-eligibility-rule' },
    });
  });
  it.each([
    ['an officer of a neighboring unit, to whom the person does not exist', 'officer.c21', nominate('e', 'p'), 'person-not-known-yet'],
    ['the officer of a unit that has ended', 'officer.c9', nominate('e', 'gone'), 'person-not-known-yet'],
    ['an officer, of a person whose split unit leaves to nobody', 'officer.d1', nominate('e', 'split'), 'person-not-known-yet'],
    ['a lecturer, who reads nobody', 'lecturer.d1', nominate('e', 'p'), 'person-not-known-yet'],
    ['the approver, who reads the person', 'approver.d1', nominate('e', 'p'), 'out-of-scope'],
    ['a unit above that the officer has no grant on', 'officer.c12', nominate('e', 'q', 'tc', 'd1'), 'out-of-scope'],
    ['a unit the person does not belong to', 'officer.d1', nominate('e', 'p', 'tc', 'c12'), 'person-of-another-unit'],
    ['a person whose card has not come', 'officer.d1', nominate('e', 'nobody'), 'person-not-known-yet'],
    ['a unit that has not come', 'officer.d1', nominate('e', 'far'), 'unit-not-known-yet'],
    ['a record merged into another', 'officer.d1', nominate('e', 'merged'), 'person-merged'],
    ['a class that is not there', 'officer.d1', nominate('e', 'p', 'none'), 'class-unknown'],
    ['a person of a split unit whom nobody assigned', 'board', nominate('e', 'split'), 'unit-ended'],
  ])('is refused for %s', (_, actor, command, code) => {
    const state = workspace([
      learner('p', 'c11'),
      learner('q', 'c12'),
      learner('gone', 'c8'),
      learner('far', 'unknown'),
      learner('merged', 'c11', fit, 'p'),
      learner('split', 'c9'),
    ]);
    expect(codeOf(decide(state, actor, command))).toBe(code);
  });
  it('of a person whom the caller may not read is refused as of one that is not there', () => {
    const state = workspace([learner('p', 'c11'), learner('split', 'c9')]);
    const absent = decide(state, 'officer.c21', nominate('e', 'nobody'));
    for (const hidden of ['p', 'split']) expect(decide(state, 'officer.c21', nominate('e', hidden))).toEqual(absent);
  });
  it('is sent by the unit above where its officer chooses so, and by the successor where the person’s unit has ended', () => {
    const state = workspace([learner('p', 'c11'), learner('q', 'c8'), learner('r', 'c9')], { assigned: [['c9', 'r', 'c21']] });
    expect(act(state, 'officer.d1', nominate('e1', 'p', 'tc', 'd1'))[0]).toMatchObject({ unitId: 'd1' });
    expect(act(state, 'officer.c12', nominate('e2', 'q'))[0]).toMatchObject({ unitId: 'c12' });
    expect(codeOf(decide(state, 'officer.d1', nominate('e3', 'r')))).toBe('person-not-known-yet');
    expect(act(state, 'officer.c21', nominate('e3', 'r'))[0]).toMatchObject({ unitId: 'c21' });
  });
  it('of the same person for the same class is there once, until it is over', () => {
    const state = workspace([learner('p', 'c11')]);
    act(state, 'officer.d1', nominate('e1', 'p'));
    expect(decide(state, 'officer.d1', nominate('e2', 'p'))).toMatchObject({ code: 'already-nominated', params: { enrollmentId: 'e1' } });
    act(state, 'officer.d1', nominate('e3', 'p', 'bd'));
    act(state, 'officer.d1', withdraw('e1'));
    act(state, 'officer.d1', nominate('e2', 'p'));
  });
});

describe('an approval', () => {
  it('takes a class place, then asks for a seat', () => {
    const state = workspace([learner('p', 'c11')]);
    act(state, 'officer.d1', nominate('e', 'p'));
    expect(act(state, 'approver.d1', approve('e')).map(({ type }) => type)).toEqual(['NominationApproved', 'SeatRequested']);
    expect(state.enrollments.get('e')).toMatchObject({ state: 'approved', approvedBy: 'approver.d1', sequence: 3, version: 3 });
    expect(takenOf(state)).toBe(1);
  });
  it('is never by the person who entered it, whatever grants they hold', () => {
    const state = workspace([learner('p', 'c11')]);
    act(state, 'both', nominate('e', 'p'));
    expect(codeOf(decide(state, 'both', approve('e')))).toBe('same-person');
  });
  it('is refused to those who only read it: an officer, a reader, the school that holds the class', () => {
    const state = workspace([learner('p', 'c11')]);
    act(state, 'officer.d1', nominate('e', 'p'));
    for (const actor of ['officer.d1', 'reader.d1', 'school']) expect(codeOf(decide(state, actor, approve('e')))).toBe('out-of-scope');
  });
  it('is refused to those who may not read it as of one that is not there', () => {
    const state = workspace([learner('p', 'c11')]);
    act(state, 'officer.d1', nominate('e', 'p'));
    const absent = decide(state, 'approver.c21', approve('other'));
    expect(codeOf(absent)).toBe('not-found');
    for (const actor of ['approver.c21', 'lecturer.d1']) expect(decide(state, actor, approve('e'))).toEqual(absent);
    for (const command of [withdraw('e'), { type: 'RecheckNomination', enrollmentId: 'e' } as const])
      expect(decide(state, 'approver.c21', command)).toEqual(absent);
  });
  it('is refused when all places are taken, also within one batch', () => {
    const state = workspace(['p', 'q', 'r'].map((id) => learner(id, 'c11')));
    for (const id of ['p', 'q', 'r']) act(state, 'officer.d1', nominate(`e-${id}`, id));
    act(state, 'board', approve('e-p'));
    act(state, 'board', approve('e-q'));
    expect(decide(state, 'board', approve('e-r'))).toMatchObject({ code: 'class-full', params: { size: 2 } });
  });
  it('waits for missing data until it is there and was checked again', () => {
    const state = workspace([learner('p', 'c11', lacksRatings)]);
    act(state, 'officer.d1', nominate('e', 'p'));
    expect(codeOf(decide(state, 'approver.d1', approve('e')))).toBe('eligibility-missing-data');
    const completed = workspace([learner('p', 'c11')], { enrollments: [...state.enrollments.values()] });
    expect(codeOf(decide(completed, 'approver.d1', approve('e')))).toBe('eligibility-missing-data');
    act(completed, 'officer.d1', { type: 'RecheckNomination', enrollmentId: 'e' });
    act(completed, 'approver.d1', approve('e'));
  });
  it('of somebody not eligible needs a waiver with a document, for a rule that knows one', () => {
    const state = workspace([learner('p', 'c11', young), learner('q', 'c11', { ...fit, party: { status: 'none' } })]);
    act(state, 'officer.d1', nominate('e', 'p'));
    act(state, 'officer.d1', nominate('f', 'q'));
    const waive = (enrollmentId: string, ruleId: string) =>
      ({ type: 'WaiveRule', enrollmentId, waiver: { ruleId, documentNo: '12-QĐ/TU', date: today, by: 'Ban Thường vụ' } }) as const;
    expect(codeOf(decide(state, 'approver.d1', approve('e')))).toBe('not-eligible');
    expect(codeOf(decide(state, 'approver.d1', waive('e', 'TC.AGE.KTT')))).toBe('out-of-scope');
    expect(codeOf(decide(state, 'board', waive('f', 'TC.PARTY')))).toBe('rule-not-waivable');
    act(state, 'officer.d1', nominate('g', 'p', 'bd'));
    expect(codeOf(decide(state, 'board', waive('g', 'TC.AGE.KTT')))).toBe('rule-not-waivable');
    expect(act(state, 'board', waive('e', 'TC.AGE.KTT')).map(({ type }) => type)).toEqual(['RuleWaived', 'EligibilityRechecked']);
    expect(codeOf(decide(state, 'board', waive('e', 'TC.AGE.KTT')))).toBe('waiver-recorded');
    expect(openRules(state.enrollments.get('e')?.eligibility as never)).toEqual(['TC.AGE.KTT']);
    act(state, 'approver.d1', approve('e'));
    expect(codeOf(decide(state, 'approver.d1', approve('f')))).toBe('not-eligible');
  });
  it('once given can’t be given, checked or waived again', () => {
    const state = workspace([learner('p', 'c11')]);
    act(state, 'officer.d1', nominate('e', 'p'));
    act(state, 'board', approve('e'));
    expect(decide(state, 'board', approve('e'))).toMatchObject({ code: 'nomination-decided', params: { state: 'approved' } });
    expect(codeOf(decide(state, 'officer.d1', { type: 'RecheckNomination', enrollmentId: 'e' }))).toBe('nomination-decided');
  });
});

describe('quota’s answers', () => {
  const asked = () => {
    const state = workspace([learner('p', 'c11')]);
    act(state, 'officer.d1', nominate('e', 'p'));
    act(state, 'board', approve('e'));
    return state;
  };
  const types = (events: readonly { type: string }[]) => events.map(({ type }) => type);
  it('admit when a seat is held, also after a time in the queue', () => {
    const state = asked();
    expect(types(act(state, 'quota', seat('e', 'queued', 1)))).toEqual(['SeatNoted', 'EnrollmentQueued']);
    expect(types(act(state, 'quota', seat('e', 'held', 2)))).toEqual(['SeatNoted', 'LearnerAdmitted']);
    expect(types(act(state, 'quota', seat('e', 'confirmed', 3)))).toEqual(['SeatNoted']);
    expect(state.enrollments.get('e')).toMatchObject({ state: 'admitted', seat: 'confirmed', sequence: 4 });
  });
  it('turn down and give the place back when there is no seat to wait for', () => {
    const state = asked();
    expect(act(state, 'quota', seat('e', 'refused', 1))[1]).toMatchObject({ type: 'NominationTurnedDown', reason: 'no-pot' });
    expect([stateOf(state, 'e'), takenOf(state)]).toEqual(['turned-down', 0]);
  });
  it('turn down who waits when quota lets the seat go by itself', () => {
    const state = asked();
    act(state, 'quota', seat('e', 'queued', 1));
    expect(act(state, 'quota', seat('e', 'released', 2))[1]).toMatchObject({ type: 'NominationTurnedDown', reason: 'released' });
    expect(takenOf(state)).toBe(0);
  });
  it('change nothing when they come again or late', () => {
    const state = asked();
    act(state, 'quota', seat('e', 'held', 2));
    expect(act(state, 'quota', seat('e', 'held', 2))).toEqual([]);
    expect(act(state, 'quota', seat('e', 'queued', 1))).toEqual([]);
    expect(stateOf(state, 'e')).toBe('admitted');
  });
  it('admit nobody who was withdrawn meanwhile', () => {
    const state = asked();
    expect(act(state, 'officer.d1', withdraw('e'))[0]).toMatchObject({ wasAdmitted: false });
    expect(types(act(state, 'quota', seat('e', 'held', 1)))).toEqual(['SeatNoted']);
    expect([stateOf(state, 'e'), takenOf(state)]).toEqual(['withdrawn', 0]);
    expect(codeOf(decide(state, 'officer.d1', withdraw('e')))).toBe('enrollment-over');
  });
  it('about an enrollment that is kept elsewhere change nothing here', () => {
    expect(decide(asked(), 'quota', seat('other', 'held', 1))).toEqual({ accepted: true, events: [] });
  });
});

describe('a withdrawal', () => {
  it('is for the successor’s officer after a reorganization, and not for the old unit’s', () => {
    const state = workspace([learner('p', 'c12')]);
    act(state, 'officer.c12', nominate('e', 'p'));
    const row = state.enrollments.get('e');
    if (!row) throw new Error('not nominated');
    const then = workspace([], { enrollments: [{ ...row, unitId: 'c9' }], assigned: [['c9', 'p', 'c21']] });
    expect(codeOf(decide(then, 'officer.c9', withdraw('e')))).toBe('not-found');
    expect(codeOf(decide(then, 'officer.d1', withdraw('e')))).toBe('not-found');
    expect(codeOf(decide(then, 'officer.c21', withdraw('e')))).toBe('accepted');
    const unassigned = workspace([], { enrollments: [{ ...row, unitId: 'c9' }] });
    expect(codeOf(decide(unassigned, 'officer.c21', withdraw('e')))).toBe('not-found');
    expect(codeOf(decide(unassigned, 'board', withdraw('e')))).toBe('accepted');
  });
});

describe('a program', () => {
  const publish = (change: Partial<PublishProgram> = {}): PublishProgram => ({
    type: 'PublishProgram',
    programId: 'p',
    code: 'TCLLCT',
    name: 'Trung cấp lý luận chính trị',
    level: 'intermediate',
    form: 'non-concentrated',
    line: 'intermediate-theory',
    hours: 1056,
    validFrom: '2026-01-01',
    documentNo: '57-QĐ/TW',
    ...change,
  });
  const state = (): Programs => ({ last: new Map([['TCLLCT', 2]]), published: new Map() });
  it('gets the next version of its code', () => {
    expect(decideProgram(publish(), as('school'), state())).toMatchObject({ events: [{ program: { version: 3 } }] });
    expect(decideProgram(publish({ code: 'NEW' }), as('board'), state())).toMatchObject({ events: [{ program: { version: 1 } }] });
  });
  it('with a level needs a form, and is published by school or board', () => {
    expect(codeOf(decideProgram(publish({ form: null }), as('school'), state()))).toBe('form-missing');
    expect(codeOf(decideProgram(publish({ form: null, level: null }), as('school'), state()))).toBe('accepted');
    expect(codeOf(decideProgram(publish(), as('officer.d1'), state()))).toBe('out-of-scope');
  });
  it('is in force in the version that began last, a correction of the same day before what it corrects', () => {
    const versions = [
      { version: 1, validFrom: '2022-01-01' },
      { version: 2, validFrom: '2025-01-01' },
      { version: 3, validFrom: '2025-01-01' },
      { version: 4, validFrom: '2018-01-01' },
    ];
    expect(['2017-12-31', '2018-01-01', '2024-12-31', '2025-01-01'].map((date) => programInForce(versions, date)?.version)).toEqual([
      undefined,
      4,
      1,
      3,
    ]);
  });
});

describe('a rule set', () => {
  it('is published once under a version; the same content again is no news, other content is refused', () => {
    const state: RuleSets = { last: new Map(), published: new Map() };
    const first = decideRuleSet({ type: 'PublishRuleSet', ...q350 }, as('board'), state);
    if (!first.accepted || !first.events[0]) throw new Error('refused');
    evolveRuleSet(state, first.events[0]);
    expect(decideRuleSet({ type: 'PublishRuleSet', ...q350 }, as('board'), state)).toEqual({ accepted: true, events: [] });
    expect(decideRuleSet({ type: 'PublishRuleSet', ...q350, hash: '00' }, as('board'), state)).toMatchObject({
      code: 'rule-set-version-old',
      params: { last: 1 },
    });
    expect(codeOf(decideRuleSet({ type: 'PublishRuleSet', ruleSet: { ...q350.ruleSet, version: 2 }, hash: '00' }, as('board'), state))).toBe(
      'accepted',
    );
    expect(codeOf(decideRuleSet({ type: 'PublishRuleSet', ...q350 }, as('officer.d1'), state))).toBe('out-of-scope');
  });
});

describe('a class', () => {
  const open = (change: Partial<OpenClass> = {}): OpenClass => ({
    type: 'OpenClass',
    classId: 'c',
    programCode: 'TCLLCT',
    hostUnitId: 'school',
    size: 60,
    from: '2026-04-01',
    to: '2027-03-31',
    code: undefined,
    organizers: [],
    ...change,
  });
  const { programId: id, level, form, line } = intermediate;
  const program = {
    id,
    code: 'TCLLCT',
    version: 1,
    name: 'TC',
    level,
    form,
    line,
    hours: 1056,
    validFrom: '2026-01-01',
    documentNo: '57-QĐ/TW',
    publishedAt: '2026-01-01T00:00:00Z',
  };
  const state = (): Classes => ({
    programs: new Map([['TCLLCT', [program]]]),
    lastNo: new Map([
      ['school TC 2026', 8],
      ['school TC 2027', 0],
    ]),
    codes: new Set(['school L1']),
    opened: new Map(),
  });
  it('is numbered without gaps by host, level and year', () => {
    const classes = state();
    const codes = [open(), open({ classId: 'd' }), open({ classId: 'e', from: '2027-01-01', to: '2027-06-30' }), open({ classId: 'f' })].map(
      (command) => {
        const decision = decideClass(command, as('school'), classes);
        if (!decision.accepted || !decision.events[0]) throw new Error('refused');
        evolveClass(classes, decision.events[0]);
        return decision.events[0].opened.code;
      },
    );
    expect(codes).toEqual(['K26.TC.B09', 'K26.TC.B10', 'K27.TC.B01', 'K26.TC.B11']);
  });
  it.each<[string, string, Partial<OpenClass>, string]>([
    ['by who has no grant on the host', 'officer.d1', {}, 'out-of-scope'],
    ['by the board, which does not teach', 'board', {}, 'out-of-scope'],
    ['at a host that is not known yet', 'school', { hostUnitId: 'new' }, 'unit-not-known-yet'],
    ['with an organizer that is not known yet', 'school', { organizers: ['d1', 'new'] }, 'unit-not-known-yet'],
    ['that ends before it begins', 'school', { to: '2026-03-31' }, 'class-dates'],
    ['before its program is in force', 'school', { from: '2025-12-31' }, 'program-not-in-force'],
    ['of a program nobody published', 'school', { programCode: 'X' }, 'program-unknown'],
    ['under a code that is taken', 'school', { code: 'L1' }, 'class-code-taken'],
    ['under a code that looks numbered', 'school', { code: 'k26.tc.b99' }, 'class-code-reserved'],
    ['before the host exists', 'school', { from: '1999-01-01' }, 'unit-not-there'],
  ])('is refused %s', (_, actor, change, code) => {
    expect(codeOf(decideClass(open(change), as(actor), state()))).toBe(code);
  });
});
