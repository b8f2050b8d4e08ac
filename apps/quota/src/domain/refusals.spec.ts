import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { refusals } from './refusals.ts';

const inCommonCatalog = ['out-of-scope', 'unit-not-known-yet'];
const source = ['apportionment', 'division', 'seat'].map((name) => readFileSync(new URL(`${name}.ts`, import.meta.url), 'utf8')).join('\n');

describe('the texts of refusals', () => {
  it('are there for every refusal, and for nothing else', () => {
    const given = new Set([...source.matchAll(/refuse\('([a-z-]+)'/g)].map(([, code]) => code));
    expect([...given].sort()).toEqual([...Object.keys(refusals), ...inCommonCatalog].sort());
  });

  it('mention in both languages what the refusal carries', () => {
    const marks = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g))].sort();
    for (const [code, { vi, en }] of Object.entries(refusals)) {
      expect(marks(vi), code).toEqual(marks(en));
      const params = new RegExp(`refuse\\('${code}'.*params: \\{([^}]*)\\}`).exec(source)?.[1] ?? '';
      expect(marks(vi), code).toEqual(
        params
          .split(',')
          .map((one) => `{${one.split(':')[0]?.trim()}}`)
          .filter((mark) => mark !== '{}')
          .sort(),
      );
    }
  });
});
