import { directoryHolders, type ServiceName } from '@khue/contracts/services';

/** What a service projects, and what the owner's tables say of the same. Each SQL answers `id` and `told`, both text. */
export interface Pair {
  readonly what: string;
  readonly owner: ServiceName;
  readonly owned: string;
  readonly holder: ServiceName;
  readonly held: string;
}

export const cards: Pair = {
  what: "people's cards",
  owner: 'registry',
  owned: `select id::text, jsonb_build_array(unit_id, name, fold, identity_ref, merged_into, version, jsonb_strip_nulls(facts || jsonb_build_object('birth', birth, 'sex', sex)))::text as told
    from registry.people`,
  holder: 'enrollment',
  held: `select person_id::text as id, jsonb_build_array(unit_id, name, name_fold, identity_ref, merged_into, sequence, jsonb_strip_nulls(facts))::text as told from cards.person`,
};

/** Units and grants, as everybody but the registry keeps them. */
export const directories = directoryHolders.flatMap((holder): Pair[] => [
  {
    what: 'units',
    owner: 'registry',
    owned: 'select id::text, jsonb_build_array(code, kind, name, valid_from, valid_to, sample)::text as told from registry.units',
    holder,
    held: 'select id::text, jsonb_build_array(code, kind, name, valid_from, valid_to, sample)::text as told from directory.unit',
  },
  {
    what: 'parents of units',
    owner: 'registry',
    owned: `select unit_id || ' ' || valid_from as id, coalesce(parent_id::text, 'root') as told from registry.unit_parents`,
    holder,
    held: `select unit_id || ' ' || valid_from as id, coalesce(parent_id::text, 'root') as told from directory.unit_parent`,
  },
  {
    what: 'successions of units',
    owner: 'registry',
    owned: `select from_unit_id || ' ' || to_unit_id as id, jsonb_build_array(on_date, share_percent)::text as told from registry.successions`,
    holder,
    held: `select from_unit_id || ' ' || to_unit_id as id, jsonb_build_array(on_date, share)::text as told from directory.succession`,
  },
  {
    what: 'assigned histories',
    owner: 'registry',
    owned: `select from_unit_id || ' ' || person_id as id, to_unit_id::text as told from registry.assignments`,
    holder,
    held: `select from_unit_id || ' ' || person_id as id, to_unit_id::text as told from directory.assignment`,
  },
  {
    what: 'grants',
    owner: 'registry',
    // A revoked one ends on that day, whatever its dates say.
    owned: `select id::text, jsonb_build_array(sub, role, unit_id, valid_from, least(valid_to, revoked_on), document_no)::text as told from registry.grants`,
    holder,
    held: 'select id::text, jsonb_build_array(sub, role, unit_id, valid_from, valid_to, document_no)::text as told from directory.granted',
  },
]);

/** Everybody merged, with the record that stands for them. Of erased people only the fact of the merger is left. */
export const mergedPeople = `with recursive merger as (
    select id, merged_into as kept from registry.people where merged_into is not null
    union select (data->>'mergedPersonId')::uuid, (data->>'keptPersonId')::uuid from messaging.log
      where type = 'registry.duplicate-merged' and not exists (select from registry.people where id = (data->>'mergedPersonId')::uuid)
  ), chain as (
    select id, kept from merger union select c.id, m.kept from chain c join merger m on m.id = c.kept
  ) select id::text, kept::text as told from chain where kept not in (select id from merger)`;

const classes = `select id, code, program_code, line, host_unit_id, valid_from from enrollment.class
  union all select id, code, program_code, line, host_unit_id, valid_from from enrollment.past_class where not revoked`;
const turns = `select id, class_id, person_id, unit_id, false as imported from enrollment.enrollment where state = 'admitted'
  union all select id, class_id, person_id, unit_id, true from enrollment.past_turn where not revoked`;

/** The rows that figures rest on, as enrollment owns them. */
export const owned = { classes, turns };

export const reported: readonly Pair[] = [
  {
    what: 'programs',
    owner: 'enrollment',
    owned: `select code || ' ' || version as id, jsonb_build_array(name, line)::text as told from enrollment.program`,
    holder: 'reporting',
    held: `select code || ' ' || version as id, jsonb_build_array(name, line)::text as told from reporting.program`,
  },
  {
    what: 'classes',
    owner: 'enrollment',
    owned: `select id::text, jsonb_build_array(code, program_code, line, host_unit_id, valid_from)::text as told from (${classes}) c`,
    holder: 'reporting',
    held: 'select id::text, jsonb_build_array(code, program_code, line, host_unit_id, from_date)::text as told from reporting.class',
  },
  {
    what: 'turns',
    owner: 'enrollment',
    owned: `select id::text, concat_ws(' ', class_id, person_id, unit_id, imported) as told from (${turns}) t`,
    holder: 'reporting',
    held: `select id::text, concat_ws(' ', class_id, person_id, unit_id, imported) as told from reporting.turn`,
  },
  {
    what: 'merged people',
    owner: 'registry',
    owned: mergedPeople,
    holder: 'reporting',
    held: 'select person_id::text as id, kept_id::text as told from reporting.merged',
  },
  {
    what: 'pots',
    owner: 'quota',
    owned: 'select id::text, jsonb_build_array(year, program_code, size, document_no, root_unit_id)::text as told from quota.pot',
    holder: 'reporting',
    held: 'select id::text, jsonb_build_array(year, program_code, size, document_no, root_unit_id)::text as told from reporting.pot',
  },
  {
    what: 'accounts',
    owner: 'quota',
    owned: 'select id::text, jsonb_build_array(pot_id, parent_account_id, unit_id, allotted)::text as told from quota.account',
    holder: 'reporting',
    held: 'select id::text, jsonb_build_array(pot_id, parent_id, unit_id, allotted)::text as told from reporting.account',
  },
  {
    what: 'seats',
    owner: 'quota',
    owned: `select enrollment_id::text as id, concat_ws(' ', pot_id, account_id, state) as told from quota.seat where state in ('held', 'queued', 'confirmed')`,
    holder: 'reporting',
    held: `select enrollment_id::text as id, concat_ws(' ', pot_id, account_id, state) as told from reporting.seat`,
  },
];
