-- What a hold reaches besides the keys it names, as predicates over one row of a live table. They are written
-- into a statement only while such a hold is in force: placing or releasing one has the programs compiled anew,
-- so where nothing is held they cost nothing.
--
-- These ask for the keys of certain holds, which are known to be in force, in the plainest way: a guard has to
-- have the question planned for each row.
--
-- Inside: h, h0, h1 … are aliases of these predicates' own. A condition names columns alone, so it is asked in a
-- scope where nothing else has columns.

create or replace view lethe_private.keys_of_holds as
  select k.hold_id, k.table_id, k.key from lethe_private.held_keys as k;

comment on view lethe_private.keys_of_holds is 'Which hold names which key, and nothing else about it; for lethe_sweeper.';

create or replace function lethe_private.held_condition_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, condition text
)
  returns text
  language sql
  stable
return case
  when concat_ws('', nullif(lethe_private.controller_sql('h0', managed, table_oid, controller), 'true'), condition) = '' then 'true'
  else format('exists (select from (select %s.*) as h0 where %s)', alias, concat_ws(' and ',
    nullif(lethe_private.controller_sql('h0', managed, table_oid, controller), 'true'), '(' || condition || ')'))
end;

comment on function lethe_private.held_condition_sql(text, lethe.managed_tables, oid, lethe.controllers, text) is
  'True when the row is the controller''s (null: anybody''s) and satisfies a condition (null: any does).';

-- A key of the parent, read from the columns of the child that refer to it, where both write it alike. So the
-- parent need not be read, and a child whose parent is deleted in the same statement still shows to whom it belongs.
create or replace function lethe_private.key_through_sql(
  alias text, child_oid oid, columns text[], parent_oid oid, to_columns text[], key_columns text[]
)
  returns text
  language sql
  stable
begin atomic
  select case when cardinality(key_columns) = cardinality(to_columns)
      and count(*) = cardinality(key_columns) and bool_and(c.base_type = p.base_type and c.type_schema = 'pg_catalog')
    then lethe_private.key_sql(alias, child_oid, array_agg(c.name order by k.n)) end
  from unnest(key_columns) with ordinality as k (name, n)
  join unnest(columns, to_columns) as l (child_name, parent_name) on l.parent_name = k.name
  join lethe_private.host_columns as c on c.relation = child_oid and c.name = l.child_name
  join lethe_private.host_columns as p on p.relation = parent_oid and p.name = l.parent_name;
end;

comment on function lethe_private.key_through_sql(text, oid, text[], oid, text[], text[]) is
  'SQL of the key of the row that a row refers to; null where the reference does not name the key as it is written.';

-- path: links, from the row's table upwards. Every row on the way is the controller's.
create or replace function lethe_private.held_path_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, path int[], holds int[]
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_alias text := alias;
  v_oid oid := table_oid;
  v_where text[] := array[nullif(lethe_private.controller_sql(alias, managed, table_oid, controller), 'true')];
  v_from text := '';
  v_link lethe.links;
  v_parent lethe.managed_tables;
  v_parent_oid oid;
  v_key text;
begin
  for n in 1 .. cardinality(path) loop
    select l.* into v_link from lethe.links as l where l.id = path[n];
    select m.* into v_parent from lethe.managed_tables as m where m.id = v_link.to_table_id;
    v_parent_oid := lethe_private.resolve_table(format('%I.%I', v_parent.schema_name, v_parent.table_name));
    v_key := case when n = cardinality(path) then lethe_private.key_through_sql(
      v_alias, v_oid, v_link.columns, v_parent_oid, v_link.to_columns, v_parent.key_columns) end;
    exit when v_key is not null;
    if controller.id is not null and not lethe_private.has_controller(v_parent, controller) then
      return null;
    end if;
    v_from := format('%s%s as h%s, ', v_from, lethe_private.host_name(v_parent_oid), n);
    v_where := v_where || lethe_private.reference_sql(v_alias, v_link.columns, 'h' || n, v_link.to_columns)
      || nullif(lethe_private.controller_sql('h' || n, v_parent, v_parent_oid, controller), 'true');
    v_alias := 'h' || n;
    v_oid := v_parent_oid;
    v_key := lethe_private.key_sql(v_alias, v_oid, v_parent.key_columns);
  end loop;
  return format('exists (select from %slethe_private.keys_of_holds as h where %s)', v_from, array_to_string(
    v_where || format('h.table_id = %s and h.key = %s and h.hold_id = any (%L)', v_parent.id, v_key, holds), ' and '));
end
$$;

comment on function lethe_private.held_path_sql(text, lethe.managed_tables, oid, lethe.controllers, int[], int[]) is
  'True when a row belongs, by way of these links, to a row that one of the holds names. Raises LE102 where a table of the way is gone.';

create or replace function lethe_private.held_paths(table_id int, holds int[])
  returns table (controller_id int, path int[], holds int[])
  language sql
  stable
begin atomic
  with recursive people as (
    select h.id, h.subject, h.controller_id from lethe.holds as h where h.id = any (held_paths.holds) and h.kind = 'person'
  ), up as (
    select s.id as type_id, s.name as subject, array[l.id] as path, l.to_table_id
    from lethe.subject_types as s
    join lethe.links as l on l.subject_type_id = s.id and l.kind in ('own', 'share') and l.table_id = held_paths.table_id
    where s.name in (select p.subject from people as p)
    union all
    select u.type_id, u.subject, u.path || l.id, l.to_table_id
    from up as u
    join lethe.links as l on l.subject_type_id = u.type_id and l.kind in ('own', 'share') and l.table_id = u.to_table_id and l.id <> all (u.path)
  )
  select p.controller_id, u.path, array_agg(p.id order by p.id)
  from up as u
  join people as p on p.subject = u.subject
  where exists (select from lethe_private.held_keys as k where k.hold_id = p.id and k.table_id = u.to_table_id)
  group by p.controller_id, u.path
  order by p.controller_id, u.path;
end;

comment on function lethe_private.held_paths(int, int[]) is
  'By which links, from a table upwards, its rows may belong to what holds on people name.';

create or replace function lethe_private.held_more(alias text, managed lethe.managed_tables, table_oid oid, holds int[])
  returns text[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found record;
  v_controller lethe.controllers;
  v_all text[] := '{}';
begin
  if cardinality(held_more.holds) = 0 then
    return v_all;
  end if;
  for v_found in
    select h.controller_id, c.condition, null::int[] as path, null::int[] as holds
    from lethe_private.held_conditions as c
    join lethe.holds as h on h.id = c.hold_id
    where c.table_id = managed.id and c.hold_id = any (held_more.holds)
    union all
    select p.controller_id, null, p.path, p.holds from lethe_private.held_paths(managed.id, held_more.holds) as p
  loop
    v_controller := null;
    select c.* into v_controller from lethe.controllers as c where c.id = v_found.controller_id;
    continue when v_controller.id is not null and not lethe_private.has_controller(managed, v_controller);
    v_all := v_all || case when v_found.path is null
      then lethe_private.held_condition_sql(alias, managed, table_oid, v_controller, v_found.condition)
      else lethe_private.held_path_sql(alias, managed, table_oid, v_controller, v_found.path, v_found.holds) end;
  end loop;
  return array(select distinct a from unnest(v_all) as a where a is not null order by a);
end
$$;

comment on function lethe_private.held_more(text, lethe.managed_tables, oid, int[]) is
  'Predicates of which each says that one of the holds reaches the row otherwise than by naming its key.';

create or replace function lethe_private.held_by_sql(alias text, managed lethe.managed_tables, table_oid oid, holds int[])
  returns text
  language sql
  stable
return array_to_string(array[format(
    'exists (select from lethe_private.keys_of_holds as h where h.table_id = %s and (h.key is null or h.key = %s) and h.hold_id = any (%L))',
    managed.id, lethe_private.key_sql(alias, table_oid, managed.key_columns), holds)]
  || lethe_private.held_more(alias, managed, table_oid, holds), ' or ');

comment on function lethe_private.held_by_sql(text, lethe.managed_tables, oid, int[]) is 'True when one of the holds reaches the row.';
