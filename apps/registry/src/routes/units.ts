import {
  assignHistory,
  dissolveUnit,
  listUnits,
  moveUnit,
  readSuccessors,
  readUnit,
  registerUnit,
  succeedUnit,
} from '@khue/contracts/http/registry-units';
import { fold } from '@khue/contracts/text';
import { existsOn, parentOn } from '@khue/contracts/units';
import { placeAfter, toPage } from '@khue/host/cursor';
import type { Host } from '@khue/host/host';
import { Refuse } from '@khue/host/refuse';
import { v5 as uuidv5, v7 as uuidv7 } from 'uuid';
import type { Commands } from '../commands.ts';
import type { UnitRecord } from '../domain/records.ts';
import type { RegistryDirectory } from '../store/directory.ts';
import { successorView, unitView } from '../views.ts';

export const serveUnits = ({ serve, directory }: Host<RegistryDirectory>, { structure }: Commands): void => {
  // Some thousand units, held in memory for decisions anyway: the list is a walk over them.
  serve(listUnits, async ({ query, today }) => {
    const { on = today, q, parentId, limit } = query;
    const { units, table } = directory.held();
    const wanted = q === undefined ? undefined : fold(q);
    const after = placeAfter(query, 'text');
    const matches = (unit: UnitRecord): boolean =>
      existsOn(table, unit.id, on) &&
      (!after || unit.code > after[0]) &&
      (parentId === undefined || parentOn(table, unit.id, on) === parentId) &&
      (wanted === undefined || fold(unit.name).includes(wanted) || fold(unit.code).includes(wanted));
    const found = units.filter(matches).sort((a, b) => (a.code < b.code ? -1 : 1));
    return {
      body: toPage(
        found.slice(0, limit + 1).map((unit) => unitView(unit, table, on)),
        limit,
        ({ code }) => [code],
      ),
    };
  });

  const unitOf = (id: string): UnitRecord => {
    const unit = directory.held().units.find((each) => each.id === id);
    if (!unit) throw new Refuse('not-found');
    return unit;
  };
  serve(readUnit, async ({ params, today }) => {
    const unit = unitOf(params.id);
    return { body: unitView(unit, directory.held().table, today), version: unit.version };
  });
  serve(readSuccessors, async ({ params }) => {
    const { id } = unitOf(params.id);
    const { successions, table } = directory.held();
    const items = successions.filter(({ fromUnitId }) => fromUnitId === id).map((succession) => successorView(succession, table));
    return { body: { items } };
  });

  serve(registerUnit, (call) => structure.handle(call.command({ type: 'RegisterUnit', unitId: uuidv7(), ...call.body })));
  serve(moveUnit, (call) => structure.handle(call.command({ type: 'MoveUnit', unitId: call.params.id, ...call.body })));
  serve(dissolveUnit, (call) => structure.handle(call.command({ type: 'DissolveUnit', unitId: call.params.id, ...call.body })));
  serve(succeedUnit, (call) => structure.handle(call.command({ type: 'SucceedUnit', unitId: call.params.id, ...call.body })));
  serve(assignHistory, (call) => {
    const fromUnitId = call.params.id;
    const items = call.body.items.map((item) => ({ assignmentId: assignmentId(fromUnitId, item.personId), ...item }));
    return structure.handle(call.command({ type: 'AssignHistory', fromUnitId, items, documentNo: call.body.documentNo }));
  });
};

/** One record a split unit and person: a second assignment of the same person meets the first. */
const assignmentId = (fromUnitId: string, personId: string): string => uuidv5(personId, fromUnitId);
