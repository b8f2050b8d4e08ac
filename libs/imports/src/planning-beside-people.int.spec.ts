import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nobody, peopleDoor, peopleFile, personLine, sliced } from './door.fixture.ts';
import type { People } from './give-way.ts';
import { createImportFlow } from './import-flow.ts';
import { lines, runningDoor, type RunningDoor } from './running-door.fixture.ts';

let door: RunningDoor;
beforeAll(async () => {
  door = await runningDoor();
});
afterAll(() => door.close());

const planned = async (people: People) => {
  const judged: number[] = [];
  const kinds = [peopleDoor({ judging: (rows) => void judged.push(rows) })];
  const flow = createImportFlow({ pool: door.pool, kinds, people, wake: () => undefined });
  // The last line repeats the first: a duplicate is found across steps too.
  const upload = sliced(peopleFile([...lines(1_050), personLine(1, { name: 'Kẻ Trùng' })]));
  const request = { id: uuidv7(), kind: 'people', upload, fileName: 'f.csv', actor: 'officer.a', unitId: null, context: {} };
  const answer = await flow.planUpload(request);
  if (!answer.ok) throw new Error(answer.code);
  const { id: _id, ...plan } = answer.plan;
  return { judged, plan };
};

test('planning takes small steps while people type, and the plan is the same', async () => {
  const alone = await planned(nobody);
  expect(alone.judged).toEqual([1_000, 51]);
  const beside = await planned({ typing: () => true, answered: async () => undefined });
  expect(beside.judged).toEqual([...Array.from({ length: 10 }, () => 100), 51]);
  expect(beside.plan).toEqual(alone.plan);
  expect(beside.plan).toMatchObject({ accepted: 1_050, rejected: 1 });
});
