-- Whose hold it is: the one controller of the table, or the one that was named.
create or replace function lethe_private.hold_controller(managed lethe.managed_tables, controller text)
  returns lethe.controllers
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found lethe.controllers[];
begin
  if hold_controller.controller is not null then
    v_found := array[lethe_private.get_controller(hold_controller.controller)];
  else
    v_found := array(select c from lethe.controllers as c where lethe_private.has_controller(managed, c));
    if cardinality(v_found) <> 1 then
      raise exception using errcode = 'LE407',
        message = format('a hold on %s does not say for which controller', lethe_private.plain_name(managed)),
        hint = 'name the controller: this table has rows of several';
    end if;
  end if;
  perform lethe_private.assert_may_change(v_found[1].id);
  if not lethe_private.has_controller(managed, v_found[1]) then
    raise exception using errcode = 'LE407',
      message = format('table %s has no rows of controller %s', lethe_private.plain_name(managed), v_found[1].name),
      hint = 'lethe.managed_tables says whose rows a table has';
  end if;
  return v_found[1];
end
$$;

comment on function lethe_private.hold_controller(lethe.managed_tables, text) is
  'The controller for whom a hold is placed. Raises LE101, LE407, LE502.';

-- The row of lethe.holds comes first: it waits for the batches under way, so that what is looked for
-- afterwards is still there when it is held.
create or replace function lethe_private.place_hold(
  kind text, reason text, managed lethe.managed_tables, controller lethe.controllers, ends_on date, subject text default null
)
  returns int
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_id int;
begin
  if coalesce(place_hold.reason, '') !~ '\S' then
    raise exception using errcode = 'LE407',
      message = format('no reason is given for a hold on %s', lethe_private.plain_name(managed)),
      hint = 'name the matter (a case number, a letter), not the person: reasons are kept';
  elsif not isfinite(place_hold.ends_on) or place_hold.ends_on < lethe_private.today(controller.time_zone) then
    raise exception using errcode = 'LE407',
      message = format('a hold on %s cannot end on %s', lethe_private.plain_name(managed), place_hold.ends_on),
      hint = 'its last day is today or later, where the controller is; without one it holds until it is released';
  end if;
  perform lethe_private.assert_intact(managed);
  -- A change of the policy that is not committed may be taking away the very link by which the hold would reach its
  -- rows, and cannot see the hold: one waits for the other. Whatever there is to wait for comes before the insert,
  -- from which on no batch runs.
  perform pg_advisory_xact_lock(lethe_private.guards_lock_id());
  perform from lethe.controllers as c where c.id = controller.id for key share;
  perform from lethe.managed_tables as m where m.id = managed.id and m is not distinct from managed for key share;
  if not found then
    raise exception using errcode = 'LE102',
      message = format('what the policy says of %s has just changed', lethe_private.plain_name(managed)),
      hint = 'try again; lethe.managed_tables lists the tables that can be held';
  end if;
  insert into lethe.holds (controller_id, reason, ends_on, kind, subject, table_id, table_name)
  values (controller.id, btrim(place_hold.reason), place_hold.ends_on, place_hold.kind, place_hold.subject, managed.id, lethe_private.plain_name(managed))
  returning id into v_id;
  -- What earlier holds named is not kept longer than they hold.
  delete from lethe_private.held_keys as k where k.hold_id not in (select f from lethe_private.holds_in_force() as f);
  delete from lethe_private.held_conditions as c where c.hold_id not in (select f from lethe_private.holds_in_force() as f);
  return v_id;
end
$$;

comment on function lethe_private.place_hold(text, text, lethe.managed_tables, lethe.controllers, date, text) is
  'Begins a hold that names nothing yet, when no change of the policy is under way any more. Raises LE102, LE407.';

-- To whom a row belongs must have an end, and the policy must still say what was read of it before the hold was waited for.
create or replace function lethe_private.place_person_hold(
  reason text, type lethe.subject_types, managed lethe.managed_tables, controller lethe.controllers, ends_on date
)
  returns int
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold int;
begin
  if exists (select from lethe_private.person_links(type.name) as l where l.circular) then
    raise exception using errcode = 'LE407',
      message = format('the links of subject type %s lead in a circle', type.name),
      hint = 'declare the link that leads back as mention or ignore: to whom a row belongs must have an end';
  end if;
  v_hold := lethe_private.place_hold('person', place_person_hold.reason, managed, controller, place_person_hold.ends_on, type.name);
  if not exists (select from lethe.subject_types as s where s is not distinct from type) then
    raise exception using errcode = 'LE109',
      message = format('what the policy says of subject type %s has just changed', type.name),
      hint = 'try again; lethe.subject_types lists them';
  end if;
  return v_hold;
end
$$;

comment on function lethe_private.place_person_hold(text, lethe.subject_types, lethe.managed_tables, lethe.controllers, date) is
  'Begins a hold on a person, which names nobody yet. Raises LE102, LE109, LE407.';

create or replace function lethe_private.hold_keys(hold_id int, type lethe.subject_types, controller lethe.controllers, keys text[])
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform lethe_private.add_held_keys(type.table_id, hold_keys.hold_id, to_jsonb(keys));
  insert into lethe_private.held_links (hold_id, table_id, columns, to_table_id, to_columns)
  select hold_keys.hold_id, l.table_id, l.columns, l.to_table_id, l.to_columns
  from lethe_private.person_links(type.name) as x join lethe.links as l on l.id = x.link_id;
  perform lethe_private.reach_archive(hold_keys.hold_id, type.name, controller);
  perform lethe_private.try_hold(m, hold_keys.hold_id)
  from lethe.managed_tables as m
  where m.id in (select l.table_id from lethe_private.person_links(type.name) as l);
  perform lethe_private.remember_relations();
  perform lethe_private.write_guards();
end
$$;

comment on function lethe_private.hold_keys(int, lethe.subject_types, lethe.controllers, text[]) is
  'Has a hold name root rows of a person, and all that is archived of them. Raises LE501.';

-- Waited for first: a change of the policy that is not committed keeps no batch waiting.
create or replace function lethe_private.lock_hold(id int)
  returns lethe.holds
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold lethe.holds;
begin
  perform pg_advisory_xact_lock(lethe_private.guards_lock_id());
  perform pg_advisory_xact_lock(lethe_private.holds_lock_id());
  select h.* into v_hold from lethe.holds as h where h.id = lock_hold.id for update;
  return v_hold;
end
$$;

comment on function lethe_private.lock_hold(int) is 'A hold, when nobody else changes one and no batch runs; all null where there is none.';

create or replace function lethe_private.end_hold(id int, reason text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  update lethe.holds as h
  set released_at = now(), released_by = session_user, release_reason = btrim(end_hold.reason)
  where h.id = end_hold.id;
  delete from lethe_private.held_keys as k where k.hold_id = end_hold.id;
  delete from lethe_private.held_conditions as c where c.hold_id = end_hold.id;
  delete from lethe_private.held_links as l where l.hold_id = end_hold.id;
  perform lethe_private.write_guards();
end
$$;

comment on function lethe_private.end_hold(int, text) is 'Ends a hold that lock_hold has locked, and forgets what it named.';

-- Three years after it ended nobody can be asked about it any more. One that is just being released can wait for a day.
create or replace function lethe_private.forget_hold_reasons()
  returns void
  language sql
  volatile
begin atomic
  with over as (
    select h.id
    from lethe.holds as h
    where h.reason <> 'forgotten'
      and (h.released_at < now() - interval '3 years' or h.ends_on < lethe_private.controller_day(h.controller_id) - interval '3 years')
    for update skip locked
  )
  update lethe.holds as h
  set reason = 'forgotten', release_reason = null
  from over as o
  where o.id = h.id;
end;

comment on function lethe_private.forget_hold_reasons() is
  'Forgets why holds were placed and released that ended more than three years ago; who did it and when is kept.';

-- A predicate that fails on some row would fail every batch; a table that cannot be read would, too.
create or replace function lethe_private.try_hold(managed lethe.managed_tables, hold_id int)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
begin
  return lethe_private.count_as_sweeper(format('select to_jsonb(count(*)) from %s as c where %s',
    lethe_private.host_name(v_oid), lethe_private.held_by_sql('c', managed, v_oid, array[try_hold.hold_id])), managed)::bigint;
exception when insufficient_privilege then
  raise exception using errcode = 'LE501',
    message = format('lethe_sweeper may not read what a hold on %s asks for', lethe_private.plain_name(managed)),
    hint = 'select * from lethe.missing_rights() lists the grants; a predicate over types of yours needs usage on their schema, too';
end
$$;

comment on function lethe_private.try_hold(lethe.managed_tables, int) is
  'How many live rows of a table a hold reaches. Raises LE501, or the error that the predicate meets.';

-- What is archived of the table, or will be, must be able to say whether it is held.
create or replace function lethe_private.assert_answerable(managed lethe.managed_tables, condition text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_mirror lethe_private.mirrors;
  v_filled boolean;
  v_name text;
begin
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    execute format('select exists (select from lethe_archive.%I)', v_mirror.name) into v_filled;
    if v_filled and lethe_private.archived_answer(v_mirror, condition) is null then
      v_name := v_mirror.kind;
    end if;
  end loop;
  -- What the policy will archive.
  if exists (
    select from lethe.managed_tables as t
    join lethe.rules as r on r.table_id = t.id and r.action = 'archive' and r.column_name is null
    cross join lateral lethe_private.archived_family(t) as f
    where f.id = managed.id) and lethe_private.archived_condition(condition) is null
  then
    v_name := 'rows';
  elsif exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive' and r.column_name is not null)
    and (lethe_private.archived_condition(condition) is null or exists (
      select from lethe_private.host_columns as h
      where h.relation = v_oid and lethe_private.names_column(condition, h.name)
        and h.name not in (select s.column_name from lethe_private.mirror_shape(managed, v_oid, 'values') as s)))
  then
    v_name := 'values';
  end if;
  if v_name is not null then
    raise exception using errcode = 'LE408',
      message = format('what is archived of %s (%s) cannot say whether the predicate holds it', lethe_private.plain_name(managed), v_name),
      hint = case v_name when 'values' then 'archived values keep the key, the clocks and what the rules ask for: name only those, or hold the person or the table'
        else 'compare an enumeration for equality alone, other types of yours not at all, and columns that were there then; or hold the person or the table' end;
  end if;
end
$$;

comment on function lethe_private.assert_answerable(lethe.managed_tables, text) is
  'Raises LE408 where the archive of a table cannot answer a predicate.';
