import { unitTable } from '@khue/contracts/units';
import { by, grant, unit } from '@khue/testing/city';
import { describe, expect, test } from 'vitest';
import { decide, evolve, periodKey, type PublishedReports, type PublishReport } from './domain.ts';

const units = unitTable([unit('city', null), unit('district', 'city')]);
const board = by(units, grant('board', 'city'));
const line = { code: 'districts', name: { vi: 'Các quận', en: 'Districts' }, classes: 2, learners: 2, counts: 'people' } as const;
const publish = (change: Partial<PublishReport> = {}): PublishReport => ({
  type: 'PublishReport',
  id: 'report',
  source: 'Báo cáo mẫu',
  from: '2018-01-01',
  to: '2022-12-31',
  headlineTurns: 10,
  lines: [line],
  ...change,
});
const nothing = (): PublishedReports => ({ byPeriod: new Map() });

describe('a report that the city published', () => {
  test('is recorded once for a period', () => {
    const reports = nothing();
    const first = decide(publish(), board, reports);
    expect(first).toMatchObject({ accepted: true, events: [{ type: 'ReportPublished', report: { id: 'report', version: 1 } }] });
    if (first.accepted) for (const event of first.events) evolve(reports, event);
    expect(reports.byPeriod.get(periodKey(publish()))?.headlineTurns).toBe(10);
    expect(decide(publish({ id: 'again' }), board, reports)).toMatchObject({ code: 'published-report-exists' });
    expect(decide(publish({ id: 'next', from: '2023-01-01', to: '2025-12-31' }), board, reports)).toMatchObject({ accepted: true });
  });

  test('ends after it starts, and has each line once', () => {
    expect(decide(publish({ from: '2023-01-01' }), board, nothing())).toMatchObject({ code: 'period-invalid', field: 'from' });
    expect(decide(publish({ lines: [line, line] }), board, nothing())).toMatchObject({ code: 'line-twice', field: 'lines.1.code' });
  });

  test('is recorded by the board of the whole city, and by no other', () => {
    for (const stranger of [by(units, grant('board', 'district')), by(units, grant('officer', 'city'))])
      expect(decide(publish(), stranger, nothing())).toMatchObject({ code: 'out-of-scope' });
  });
});
