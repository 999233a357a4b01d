-- Legal holds. What a hold names is left untouched by everything Lethe does until the hold is released or its
-- last day is over, and then goes on as the policy says, in the next cycle.
--
--   select lethe.hold_person('case 2026/117', 'contact', identifier => 'ada@example.org');
--   select lethe.hold_rows('case 2026/118', 'shop.invoices', 'number between 4000 and 4200', ends_on => '2027-06-30');
--   select lethe.hold_table('tax audit 2026', 'shop.invoices', controller => 'north');
--   select lethe.release_hold(3, 'case closed');

-- A person by its key, or by one of the identifiers of its subject type; all root rows that fit. With them
-- everything that belongs to the person through own and share links, also what comes later.
create or replace function lethe.hold_person(
  reason text,
  subject text,
  key text default null,
  identifier text default null,
  ends_on date default null,
  controller text default null
)
  returns int
  language plpgsql
  volatile
  security definer  -- officers may not write the tables of holds, nor read the archive
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_type lethe.subject_types;
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_hold int;
  v_keys text[];
begin
  select s.* into v_type from lethe.subject_types as s where s.name = hold_person.subject;
  if not found then
    raise exception using errcode = 'LE109',
      message = format('subject type %L does not exist', hold_person.subject),
      hint = 'lethe.subject_types lists them';
  end if;
  select m.* into v_managed from lethe.managed_tables as m where m.id = v_type.table_id;
  v_controller := lethe_private.hold_controller(v_managed, hold_person.controller);
  if num_nonnulls(hold_person.key, hold_person.identifier) <> 1 or hold_person.identifier is not null and v_type.identifiers = '{}' then
    raise exception using errcode = 'LE407',
      message = format('a hold on a %s names neither a key nor an identifier, or both', v_type.name),
      hint = 'give the key of its row, or what stands in one of: ' || coalesce(nullif(array_to_string(v_type.identifiers, ', '), ''), '(none declared)');
  end if;
  v_hold := lethe_private.place_person_hold(hold_person.reason, v_type, v_managed, v_controller, hold_person.ends_on);
  v_keys := lethe_private.find_person(v_type, v_managed, v_controller, hold_person.key, hold_person.identifier);
  if v_keys = '{}' then
    raise exception using errcode = 'LE407',
      message = format('no %s of controller %s is known by this %s', v_type.name, v_controller.name,
        case when hold_person.key is null then 'identifier' else 'key' end),
      hint = 'identifiers are compared whole; a key is written as one text, one of several columns as a JSON array: ["a", 1]';
  end if;
  perform lethe_private.hold_keys(v_hold, v_type, v_controller, v_keys);
  return v_hold;
end
$$;

comment on function lethe.hold_person(text, text, text, text, date, text) is
  'Holds one person: its root rows and, as long as it holds, all that belongs to them. ends_on: the last day. Returns the hold''s id. Raises LE101, LE102, LE109, LE407, LE501, LE502.';

create or replace function lethe.hold_rows(reason text, "table" text, "when" text, ends_on date default null, controller text default null)
  returns int
  language plpgsql
  volatile
  security definer  -- officers may not write the tables of holds
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers := lethe_private.hold_controller(v_managed, hold_rows.controller);
  v_condition text := coalesce(
    lethe_private.read_condition(lethe_private.host_table(v_managed.schema_name, v_managed.table_name), hold_rows."when"), 'true');
  v_hold int;
begin
  perform lethe_private.assert_answerable(v_managed, v_condition);
  v_hold := lethe_private.place_hold('rows', hold_rows.reason, v_managed, v_controller, hold_rows.ends_on);
  insert into lethe_private.held_conditions (hold_id, table_id, "when", condition) values (v_hold, v_managed.id, hold_rows."when", v_condition);
  perform lethe_private.try_hold(v_managed, v_hold);
  perform lethe_private.remember_relations();
  perform lethe_private.write_guards();
  return v_hold;
end
$$;

comment on function lethe.hold_rows(text, text, text, date, text) is
  'Holds the rows of a table that satisfy a predicate, whenever they are looked at. Returns the hold''s id. Raises LE101, LE102, LE303, LE407, LE408, LE501, LE502.';

create or replace function lethe.hold_table(reason text, "table" text, ends_on date default null, controller text default null)
  returns int
  language plpgsql
  volatile
  security definer  -- officers may not write the tables of holds
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers := lethe_private.hold_controller(v_managed, hold_table.controller);
  v_hold int := lethe_private.place_hold('table', hold_table.reason, v_managed, v_controller, hold_table.ends_on);
begin
  insert into lethe_private.held_conditions (hold_id, table_id) values (v_hold, v_managed.id);
  perform lethe_private.try_hold(v_managed, v_hold);
  perform lethe_private.remember_relations();
  perform lethe_private.write_guards();
  return v_hold;
end
$$;

comment on function lethe.hold_table(text, text, date, text) is
  'Holds every row that a table has of a controller. Returns the hold''s id. Raises LE101, LE102, LE407, LE501, LE502.';

-- What it named is forgotten; who placed it, who released it, when and why is kept.
create or replace function lethe.release_hold(id int, reason text)
  returns void
  language plpgsql
  volatile
  security definer  -- officers may not write the tables of holds
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_hold lethe.holds;
begin
  v_hold := lethe_private.lock_hold(release_hold.id);
  if v_hold.id is null or v_hold.released_at is not null
    or not lethe_private.acts_for_hold(v_hold.controller_id)
  then
    raise exception using errcode = 'LE110',
      message = format('hold %s does not exist, has been released, or is of a controller you do not act for', coalesce(release_hold.id::text, '(null)')),
      hint = 'select * from lethe.list_holds()';
  elsif v_hold.request_id is not null then
    raise exception using errcode = 'LE462',
      message = format('hold %s is the restriction of request %s', v_hold.id, v_hold.request_id),
      hint = format('lethe.lift_restriction(%s, reason), once the person has been told (GDPR Art. 18(3))', v_hold.request_id);
  elsif coalesce(release_hold.reason, '') !~ '\S' then
    raise exception using errcode = 'LE407',
      message = format('no reason is given for releasing hold %s', release_hold.id),
      hint = 'say why; the reason is kept';
  end if;
  perform lethe_private.end_hold(v_hold.id, release_hold.reason);
end
$$;

comment on function lethe.release_hold(int, text) is
  'Ends a hold: what is overdue is done in the next cycle. Raises LE110, LE407, LE462.';
