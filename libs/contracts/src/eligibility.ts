import { z } from 'zod';
import { businessDate } from './dates.ts';
import {
  DEGREES,
  FORMS,
  GRADES,
  LEVELS,
  PARTY_STATUSES,
  POSTS,
  POST_LEVELS,
  RATINGS,
  REQUIRED_LEVELS,
  SECTORS,
  SEXES,
  type Form,
} from './eligibility-codes.ts';
import { documentNo } from './learner-facts.ts';
import { issueOf, text } from './text.ts';

/* What a condition may ask for. The closed list keeps a published rule from naming a fact that nobody records. */
const SCALES = {
  degree: DEGREES,
  'party.status': PARTY_STATUSES,
  postRequires: REQUIRED_LEVELS,
  'ratings.year-1': RATINGS,
  'ratings.year-2': RATINGS,
} as const satisfies Record<string, readonly string[]>;
const CODES = {
  ...SCALES,
  'post.code': Object.keys(POSTS) as readonly string[],
  'post.level': POST_LEVELS,
  'grade.code': GRADES,
  sector: SECTORS,
  sex: SEXES,
} as const satisfies Record<string, readonly string[]>;
export type ScaleField = keyof typeof SCALES;
export type CodeField = keyof typeof CODES;
const FLAG_FIELDS = ['ethnicMinority', 'planned.confirmed', 'grade.inPool', 'lecturer.politicalTheory', 'lecturer.willTeachIntermediate'] as const;
export type FlagField = (typeof FLAG_FIELDS)[number];
const keys = <K extends string>(table: Record<K, unknown>) => Object.keys(table) as [K, ...K[]];
const FACT_FIELDS = [...keys(CODES), ...FLAG_FIELDS, 'lecturer.fullYears', 'grade.since', 'birth'] as const;
export type FactField = (typeof FACT_FIELDS)[number];

/** Position on the ordered scale of a field, from 0; -1 for a value that is not on it. */
export const rankOf = (field: ScaleField, value: string): number => (SCALES[field] as readonly string[]).indexOf(value);

/** A condition over the facts of a learner; `text-missing` stands for the part of a rule whose official text was not read. */
export type Condition =
  | { kind: 'and' | 'or'; of: Condition[] }
  | { kind: 'at-least'; field: ScaleField; value: string }
  | { kind: 'in'; field: CodeField; values: string[] }
  | { kind: 'is'; field: FlagField; value: boolean }
  | { kind: 'compare'; field: 'lecturer.fullYears'; op: '>=' | '<=' | '='; value: number }
  | { kind: 'full-years'; field: 'grade.since'; atLeast: number }
  | { kind: 'age-at-least'; form: Form; female: number; male: number }
  | { kind: 'text-missing' };

type Path = readonly (string | number)[];
type Fault = keyof typeof FAULTS;
const FAULTS = {
  'value-unknown-to-field': { vi: 'Trường này không có mã đó.', en: 'The field has no such code.' },
  'validity-empty': { vi: 'Ngày hết hiệu lực phải sau ngày có hiệu lực.', en: 'The end of validity must be after its start.' },
  'rule-id-repeated': { vi: 'Mã quy tắc bị lặp.', en: 'The rule id is used twice.' },
  'source-unknown': { vi: 'Nguồn không có trong danh mục nguồn.', en: 'The source is not among the sources of the set.' },
  'source-missing': { vi: 'Quy tắc đã xác nhận phải nêu nơi đã đọc.', en: 'A confirmed rule must say where it was read.' },
  'confidence-contradicted': {
    vi: 'Phần chưa đọc (text-missing, unsure) phải đi với confirmed-in-part, và chỉ với mức đó.',
    en: 'What was not read (text-missing, unsure) goes with confirmed-in-part, and only with it.',
  },
  'document-not-named': { vi: 'Lời văn phải nêu số văn bản.', en: 'The text must name its document.' },
  'text-missing-not-said': { vi: 'Lời văn phải ghi "thiếu văn bản gốc".', en: 'The text must say "official text missing".' },
} as const;
const report = (context: z.RefinementCtx, path: Path, code: Fault): void =>
  context.addIssue({ ...issueOf({ code, ...FAULTS[code] }), path: [...path] });
const knows = (field: CodeField, value: string): boolean => (CODES[field] as readonly string[]).includes(value);

const age = z.int().min(14).max(80);
const leaves = [
  z.strictObject({ kind: z.literal('at-least'), field: z.enum(keys(SCALES)), value: z.string() }).superRefine(({ field, value }, context) => {
    if (!knows(field, value)) report(context, ['value'], 'value-unknown-to-field');
  }),
  z
    .strictObject({ kind: z.literal('in'), field: z.enum(keys(CODES)), values: z.array(z.string()).min(1).max(60) })
    .superRefine(({ field, values }, context) =>
      values.forEach((value, index) => {
        if (!knows(field, value)) report(context, ['values', index], 'value-unknown-to-field');
      }),
    ),
  z.strictObject({ kind: z.literal('is'), field: z.enum(FLAG_FIELDS), value: z.boolean() }),
  z.strictObject({
    kind: z.literal('compare'),
    field: z.literal('lecturer.fullYears'),
    op: z.enum(['>=', '<=', '=']),
    value: z.int().min(0).max(60),
  }),
  z.strictObject({ kind: z.literal('full-years'), field: z.literal('grade.since'), atLeast: z.int().min(1).max(60) }),
  z.strictObject({ kind: z.literal('age-at-least'), form: z.enum(FORMS), female: age, male: age }),
  z.strictObject({ kind: z.literal('text-missing') }),
] as const;
const joined = (inner: z.ZodType<Condition, Condition>) =>
  z.discriminatedUnion('kind', [...leaves, z.strictObject({ kind: z.enum(['and', 'or']), of: z.array(inner).min(1).max(20) })]);
/* Three levels of and/or, unrolled: a recursive schema would let a publisher exhaust the stack, and OpenAPI renders this one in full. */
export const condition: z.ZodType<Condition, Condition> = joined(joined(joined(z.discriminatedUnion('kind', leaves))));

/** What every text about an unread rule must carry, so that no screen can show it as the rule. */
export const OFFICIAL_TEXT_MISSING = { vi: 'thiếu văn bản gốc', en: 'official text missing' } as const;

const confidence = z.enum(['confirmed', 'confirmed-in-part', 'unsure']);
const ruleId = z
  .string()
  .regex(/^[A-Z]{2}(\.[A-Z]+)+$/)
  .max(60);
const wording = z.strictObject({ vi: text({ max: 500 }), en: text({ max: 500 }) });
/** `paragraph` is null until somebody has read the official text; `readIn` names pages of the rule set's `sources`. */
const source = z.strictObject({ document: text({ max: 80 }), paragraph: text({ max: 120 }).nullable(), readIn: z.array(z.string()).max(10) });
const head = { id: ruleId, source, text: wording };
const alternative = z.strictObject({ ...head, confidence, condition });
const mustHead = { ...head, level: z.enum(LEVELS), confidence: z.enum(['confirmed', 'confirmed-in-part']) };
/** Who may decide an exception; null: the texts that were read know none. */
const waiver = z.strictObject({ by: wording }).nullable();
const rule = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('must'), ...mustHead, condition, waiver }),
  z.strictObject({ kind: z.literal('must-one-of'), ...mustHead, alternatives: z.array(alternative).min(1).max(20), waiver }),
  /* Has no condition to fail. `not-read`: the text exists and was not read. `not-seen`: what was read of the text has no such rule. */
  z.strictObject({
    kind: z.literal('unread'),
    ...head,
    level: z.enum(LEVELS),
    confidence: z.literal('unsure'),
    reading: z.enum(['not-read', 'not-seen']),
  }),
]);
export type Rule = z.infer<typeof rule>;
export type Alternative = z.infer<typeof alternative>;

const holdsGap = (it: Condition): boolean => it.kind === 'text-missing' || ((it.kind === 'and' || it.kind === 'or') && it.of.some(holdsGap));
const bound = z.strictObject({ date: businessDate, confidence });

/** A rule set as it is published: valid `[validFrom, validTo)`. Only what was read can refuse anybody; the label and the data must agree on that. */
export const ruleSet = z
  .strictObject({
    language: z.literal(1),
    id: z
      .string()
      .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
      .max(60),
    version: z.int().min(1),
    document: text({ max: 80 }),
    title: wording,
    validFrom: bound,
    validTo: bound.nullable(),
    sources: z.record(z.string(), z.url()),
    rules: z.array(rule).min(1).max(200),
  })
  .superRefine((set, context) => {
    if (set.validTo && set.validTo.date <= set.validFrom.date) report(context, ['validTo', 'date'], 'validity-empty');
    const seen = new Set<string>();
    const look = (entry: Alternative | Rule, path: Path, hasGap: boolean | null): void => {
      const { id, confidence, source, text: shown } = entry;
      if (seen.has(id)) report(context, [...path, 'id'], 'rule-id-repeated');
      seen.add(id);
      source.readIn.forEach((key, at) => {
        if (!Object.hasOwn(set.sources, key)) report(context, [...path, 'source', 'readIn', at], 'source-unknown');
      });
      if (confidence !== 'unsure' && source.readIn.length === 0) report(context, [...path, 'source', 'readIn'], 'source-missing');
      if (hasGap !== null && hasGap !== (confidence === 'confirmed-in-part')) report(context, [...path, 'confidence'], 'confidence-contradicted');
      for (const language of ['vi', 'en'] as const) {
        if (!shown[language].includes(source.document)) report(context, [...path, 'text', language], 'document-not-named');
        const isSaid = shown[language].toLowerCase().includes(OFFICIAL_TEXT_MISSING[language]);
        if (confidence !== 'confirmed' && !isSaid) report(context, [...path, 'text', language], 'text-missing-not-said');
      }
    };
    set.rules.forEach((it, index) => {
      if (it.kind === 'must') return look(it, ['rules', index], holdsGap(it.condition));
      if (it.kind === 'unread') return look(it, ['rules', index], null);
      look(
        it,
        ['rules', index],
        it.alternatives.some((row) => row.confidence !== 'confirmed'),
      );
      it.alternatives.forEach((row, at) =>
        look(row, ['rules', index, 'alternatives', at], row.confidence === 'unsure' ? null : holdsGap(row.condition)),
      );
    });
  });

/** A rule set with the SHA-256, in hex, of its canonical JSON, computed at the door that published it. */
export const publishedRuleSet = z.strictObject({ hash: z.string().regex(/^[0-9a-f]{64}$/), ruleSet });
export type RuleSet = z.infer<typeof ruleSet>;
export type PublishedRuleSet = z.infer<typeof publishedRuleSet>;

/** An exception for one rule, recorded with the document by which the competent level decided it. */
export const waiverRecord = z.strictObject({ ruleId, documentNo, date: businessDate, by: text({ max: 200 }) });
export type Waiver = z.infer<typeof waiverRecord>;

export const OUTCOMES = ['met', 'not-met', 'missing-data', 'official-text-missing'] as const;
export type Outcome = (typeof OUTCOMES)[number];

const ruleResult = z.strictObject({
  ruleId,
  /** The must-one-of rule whose row this is; null for a rule that counts by itself. */
  partOf: ruleId.nullable(),
  outcome: z.enum(OUTCOMES),
  source,
  confidence,
  /** What the rule asks, as published: the same words for everybody. */
  vi: z.string(),
  en: z.string(),
  missing: z.array(z.enum(FACT_FIELDS)),
  /** Set where a recorded exception carries a rule that was not met or lacks data; the outcome stays as judged. */
  waivedBy: z.strictObject({ documentNo, date: businessDate }).optional(),
});
export type RuleResult = z.infer<typeof ruleResult>;

export const eligibilityAnswer = z.strictObject({
  verdict: z.enum(['eligible', 'not-eligible', 'missing-data', 'official-text-missing']),
  /** Why there are no results: the program has no level to be judged for, or nobody has published rules for that level and date. */
  reason: z.enum(['no-eligibility-rule', 'no-rule-set-in-force']).nullable(),
  ruleSet: z.strictObject({ id: z.string(), version: z.int(), hash: z.string() }).nullable(),
  results: z.array(ruleResult),
  /** Rules of this level that no answer can rest on yet; to be shown beside every verdict, `eligible` too. */
  awaitingOfficialText: z.array(ruleId),
});
export type EligibilityAnswer = z.infer<typeof eligibilityAnswer>;
