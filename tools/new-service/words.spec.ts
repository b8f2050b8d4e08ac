import { expect, test } from 'vitest';
import { assertWords, filler } from './words.ts';

const words = { name: 'drill', noun: 'past-entry', vi: 'bản ghi cũ' };

test.each([
  ['a name that no topic could have', { name: 'Re-hearsal' }, /can't name a service/],
  ['a noun that no variable could have', { noun: 'class' }, /can't name records/],
  ['a noun in another case', { noun: 'PastEntry' }, /can't name records/],
  ['words with signs in them', { vi: "hồ sơ'" }, /can't stand in a sentence/],
])('%s is refused', (_what, wrong, why) => {
  expect(() => assertWords({ ...words, ...wrong })).toThrow(why);
  expect(() => assertWords(words)).not.toThrow();
});

test('a noun has its forms', () => {
  const forms = '__noun__ __Noun__ __nouns__ __Nouns__ __noun-kebab__ __nouns-kebab__ __noun_snake___x __noun words__ 0001___name__ __Name__ __Vi__';
  expect(filler(words)(forms)).toBe(
    'pastEntry PastEntry pastEntries PastEntries past-entry past-entries past_entry_x past entry 0001_drill Drill Bản ghi cũ',
  );
  for (const [noun, nouns] of [
    ['stay', 'stays'],
    ['pass', 'passes'],
    ['search', 'searches'],
  ] as const)
    expect(filler({ ...words, noun })('__nouns__')).toBe(nouns);
});

test('a place that no word fills is not left in a program', () => {
  expect(() => filler(words)('const __verb__ = 1;')).toThrow('__verb__');
});
