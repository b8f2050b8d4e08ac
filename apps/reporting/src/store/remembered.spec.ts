import { expect, it } from 'vitest';
import { emptyColumns } from './columns.ts';
import { remembering } from './remembered.ts';
import type { Counted, Grouping, Selection } from './selection.ts';

const figures = (turns: number): Counted => {
  const total = { key: 'all', classes: 1, turns, people: turns, live: 0, imported: turns };
  return { groups: [], total };
};
const years: Selection = { from: '2018-01-01', to: '2022-12-31' };

const trial = () => {
  let asked = 0;
  const count = remembering(async () => figures((asked += 1)));
  const turns = async (columns = emptyColumns(), selection = years, grouping: Grouping = 'line') =>
    (await count(columns, selection, grouping)).total.turns;
  return { turns, columns: emptyColumns() };
};

it('counts the same question once while nothing changes, and each question apart', async () => {
  const { turns, columns } = trial();
  expect([await turns(columns), await turns(columns)]).toEqual([1, 1]);
  expect(await turns(columns, { ...years, to: '2021-12-31' })).toBe(2);
  expect(await turns(columns, years, 'year')).toBe(3);
});

it('counts again when the columns changed, and over other columns', async () => {
  const { turns, columns } = trial();
  await turns(columns);
  columns.revision += 1;
  expect(await turns(columns)).toBe(2);
  expect(await turns(emptyColumns())).toBe(3);
});

it('counts selections by place each time', async () => {
  const { turns, columns } = trial();
  const byPlace = { ...years, places: { keyOf: () => 'unit' } };
  expect([await turns(columns, byPlace), await turns(columns, byPlace)]).toEqual([1, 2]);
});
