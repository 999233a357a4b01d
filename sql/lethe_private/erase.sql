-- An erasure, once it is decided what becomes of each row: references are cut, rows that stay lose their person, and all
-- rows that go are deleted by ONE statement, so that foreign keys, in circles too, are asked at its end and a cascade
-- finds nothing left. Then it is looked at again (assert_erased.sql). Every live row comes locked.
--
-- What fails undoes the whole transaction. Errors of PostgreSQL quote rows: SQLSTATE, table and constraint are kept.
create or replace function lethe_private.erase(
  rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers, pads lethe_private.controller_keys
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_before jsonb := lethe_private.rows_written();
  v_planned jsonb := '{}';
  v_state text; v_constraint text; v_relation text; v_schema text;
begin
  begin
    v_planned := lethe_private.cut_rows(rows, controller, v_planned);
    v_planned := lethe_private.anonymize_rows(rows, controller, pads, v_planned);
    perform lethe_private.remember_leaving(rows, controller);
    v_planned := lethe_private.delete_rows(rows, controller, v_planned);
    perform lethe_private.erase_archived(rows, controller);
    perform lethe_private.forget_rows(rows, controller);
  exception
    when query_canceled then
      raise exception using errcode = 'query_canceled', message = 'canceled within an erasure, which is undone',
        hint = 'call it again; see statement_timeout if nobody canceled it';
    when others or assert_failure then
      get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name, v_schema = schema_name;
      if v_state like 'LE%' then
        raise;
      end if;
      raise exception using errcode = 'LE433',
        message = format('PostgreSQL refused the erasure (SQLSTATE %s%s%s); nothing was changed', v_state,
          ', table ' || nullif(concat_ws('.', nullif(v_schema, ''), nullif(v_relation, '')), ''), ', constraint ' || nullif(v_constraint, '')),
        constraint = v_constraint, table = v_relation, schema = v_schema,
        column = v_state,  -- what caused it, for lethe.requests.failure
        hint = case left(v_state, 2)
          when '55' then 'somebody else is at work on a row of it: try again'
          when '40' then 'somebody else is at work on a row of it: try again'
          when '23' then 'declare a link for what refers to the row, or give the column a rule with a method that fits'
          when '42' then 'select * from lethe.missing_rights() lists the grants'
          else 'a trigger or a rule of a table in its plan raised it' end;
  end;
  perform lethe_private.assert_no_side_effects(v_before, v_planned);
  perform lethe_private.assert_erased(rows, type, controller);
end
$$;

comment on function lethe_private.erase(lethe_private.reached_row[], lethe.subject_types, lethe.controllers, lethe_private.controller_keys) is
  'Does to every row what was decided of it, and reads it again. Raises LE433 to LE437, LE504.';

create or replace function lethe_private.cut_rows(rows lethe_private.reached_row[], controller lethe.controllers, planned jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_group record;
  v_managed lethe.managed_tables;
  v_oid oid;
  v_facts jsonb;
begin
  for v_group in
    select r.table_id, r.cut, jsonb_agg(r.facts) as given
    from unnest(rows) as r
    where r.mirror_id is null and r.decision not in ('purge', 'anonymize') and cardinality(r.cut) > 0
    group by r.table_id, r.cut
    order by r.table_id, r.cut
  loop
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_group.table_id;
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    select r.facts into v_facts from lethe_private.run_as_sweeper(format(
        'with acted as (update %s as c set %s from %s returning 1) select to_jsonb(count(*)), null::oid, null::tid[] from acted',
        lethe_private.host_name(v_oid), (select string_agg(format('%I = null', x), ', ') from unnest(v_group.cut) as x),
        lethe_private.chosen_sql(v_managed, v_oid, controller, 'convert_from($2, ''UTF8'')::jsonb')),
      v_managed, null, convert_to(v_group.given::text, 'UTF8')) as r;
    perform lethe_private.assert_no_more(v_oid, v_facts::bigint, jsonb_array_length(v_group.given));
    planned := lethe_private.add_writes(planned, v_oid, v_facts::bigint, 0);
  end loop;
  return planned;
end
$$;

comment on function lethe_private.cut_rows(lethe_private.reached_row[], lethe.controllers, jsonb) is
  'Sets to null, in rows of others, what refers to the person.';

-- By address, since a keyed method takes both parameters that could hold keys: the rows are locked, so addresses hold.
create or replace function lethe_private.anonymize_rows(
  rows lethe_private.reached_row[], controller lethe.controllers, pads lethe_private.controller_keys, planned jsonb
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_group record;
  v_managed lethe.managed_tables;
  v_oid oid;
  v_set text;
  v_left text;
  v_place record;
  v_rows bigint;
  v_facts jsonb;
begin
  for v_group in
    select r.table_id, r.cut, jsonb_agg(r.facts) as given
    from unnest(rows) as r
    where r.mirror_id is null and r.decision = 'anonymize'
    group by r.table_id, r.cut
    order by r.table_id, r.cut
  loop
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_group.table_id;
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    select string_agg(format('%I = %s', e.column_name, e.new_value), ', '), string_agg(format('(%s) is not true', e.test), ' or ')
      into v_set, v_left
    from lethe_private.erased_columns(v_managed, controller, v_group.cut) as e;
    continue when v_set is null;
    v_rows := 0;
    for v_place in
      select r.target, r.found_tids as tids from lethe_private.run_as_sweeper(format(
          'select null::jsonb, c.tableoid, array_agg(c.ctid) from %s as c, %s group by c.tableoid',
          lethe_private.host_name(v_oid), lethe_private.chosen_sql(v_managed, v_oid, controller, 'convert_from($2, ''UTF8'')::jsonb')),
        v_managed, null, convert_to(v_group.given::text, 'UTF8')) as r
    loop
      select r.facts into v_facts from lethe_private.run_as_sweeper(lethe_private.place(format(
          'with acted as (update {from} as c set %s where c.ctid = any ($1){here} and (%s) returning 1) select to_jsonb(count(*)), null::oid, null::tid[] from acted',
          v_set, v_left), v_oid, v_place.target),
        v_managed, v_place.tids, pads.inner_pad, pads.outer_pad) as r;
      v_rows := v_rows + cardinality(v_place.tids);
      perform lethe_private.assert_no_more(v_oid, v_rows, jsonb_array_length(v_group.given));
      planned := lethe_private.add_writes(planned, v_oid, v_facts::bigint, 0);
    end loop;
  end loop;
  return planned;
end
$$;

comment on function lethe_private.anonymize_rows(lethe_private.reached_row[], lethe.controllers, lethe_private.controller_keys, jsonb) is
  'Takes the person out of rows that stay.';

-- No key is shared within a table, but tables that inherit from one have keys of their own.
create or replace function lethe_private.assert_no_more(relation oid, rows bigint, planned bigint)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if rows > planned then
    raise exception using errcode = 'LE434', table = lethe_private.host_name(relation),
      message = format('the erasure reached rows outside its plan: %s and a table that inherits from it have rows of one key (%s more); nothing was changed',
        lethe_private.host_name(relation), rows - planned),
      hint = 'give these rows keys of their own, or manage the tables apart';
  end if;
end
$$;

comment on function lethe_private.assert_no_more(oid, bigint, bigint) is 'Raises LE434 where more rows bear the keys of a plan than it has.';

-- {table id: [facts]} of the live rows with a decision. json, which is text: building a large jsonb object takes many
-- times as long.
create or replace function lethe_private.given_rows(rows lethe_private.reached_row[], decision text)
  returns json
  language sql
  stable
begin atomic
  select coalesce(json_object_agg(x.table_id, x.given), '{}')
  from (
    select r.table_id, json_agg(r.facts) as given
    from unnest(rows) as r
    where r.mirror_id is null and r.decision = given_rows.decision
    group by r.table_id
  ) as x;
end;

comment on function lethe_private.given_rows(lethe_private.reached_row[], text) is 'The live rows of which something was decided, as data for a statement.';

create or replace function lethe_private.delete_rows(rows lethe_private.reached_row[], controller lethe.controllers, planned jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_given json := lethe_private.given_rows(rows, 'purge');
  v_tables int[] := array(select t::int from json_object_keys(v_given) as t order by t::int);
  v_statement text;
  v_facts jsonb;
  v_oid oid;
begin
  if v_tables = '{}' then
    return planned;
  end if;
  select format(E'with given as materialized (select convert_from($2, ''UTF8'')::jsonb as rows), %s\nselect %s, null::oid, null::tid[]',
      string_agg(format('t%s as (delete from %s as c using %s returning 1)', m.id, lethe_private.host_name(h.oid),
        lethe_private.chosen_sql(m, h.oid, controller, format('(select g.rows -> %L from given as g)', m.id::text))), E',\n' order by m.id),
      lethe_private.object_sql(array_agg(format('''%s'', (select count(*) from t%s)', m.id, m.id) order by m.id)))
    into v_statement
  from lethe.managed_tables as m
  cross join lateral (select lethe_private.host_table(m.schema_name, m.table_name) as oid) as h
  where m.id = any (v_tables);
  select r.facts into v_facts from lethe_private.run_as_sweeper(v_statement, lethe_private.under_paths_of(v_tables), null,
    convert_to(v_given::text, 'UTF8')) as r;
  for v_statement in select t.key from jsonb_each(v_facts) as t loop
    select lethe_private.host_table(m.schema_name, m.table_name) into v_oid from lethe.managed_tables as m where m.id = v_statement::int;
    perform lethe_private.assert_no_more(v_oid, (v_facts ->> v_statement)::bigint, json_array_length(v_given -> v_statement));
    planned := lethe_private.add_writes(planned, v_oid, 0, (v_facts ->> v_statement)::bigint);
  end loop;
  return planned;
end
$$;

comment on function lethe_private.delete_rows(lethe_private.reached_row[], lethe.controllers, jsonb) is
  'Deletes all live rows that go, of every table, in one statement.';

-- Clocks of rows that stay may be the latest of rows that go (see last_events.sql).
create or replace function lethe_private.remember_leaving(rows lethe_private.reached_row[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_given json := lethe_private.given_rows(rows, 'purge');
  v_managed lethe.managed_tables;
  v_oid oid;
  v_leaving text;
begin
  for v_managed in
    select m.* from lethe.managed_tables as m
    where m.id in (select t::int from json_object_keys(v_given) as t)
      and exists (select from lethe_private.clocks_over(m))
    order by m.id
  loop
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    v_leaving := lethe_private.leaving_sql(v_managed, v_oid, controller);
    perform r.facts from lethe_private.run_as_sweeper(format(
        'with gone as materialized (select 1%s from %s as c, %s)%s select to_jsonb(count(*)), null::oid, null::tid[] from gone',
        lethe_private.leaving_columns_sql('c', v_managed, v_oid, true), lethe_private.host_name(v_oid),
        lethe_private.chosen_sql(v_managed, v_oid, controller, 'convert_from($2, ''UTF8'')::jsonb'), v_leaving),
      v_managed, null, convert_to((v_given -> v_managed.id::text)::text, 'UTF8')) as r;
  end loop;
end
$$;

comment on function lethe_private.remember_leaving(lethe_private.reached_row[], lethe.controllers) is
  'Remembers, for the clocks of rows that stay, the latest day among rows that are about to go.';

-- A row in the archive that has to stay without its person keeps its key, and what it refers to.
create or replace function lethe_private.erase_archived(rows lethe_private.reached_row[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_group record;
  v_mirror lethe_private.mirrors;
  v_lost text[];
begin
  for v_group in
    select r.mirror_id, r.decision, r.cut, n.fact_names, jsonb_agg(r.facts || jsonb_build_object('lethe$key', r.key)) as given
    from unnest(rows) as r
    cross join lateral (select array(select f from jsonb_object_keys(r.facts) as f order by f) as fact_names) as n
    where r.mirror_id is not null and (r.decision in ('purge', 'anonymize') or cardinality(r.cut) > 0)
    group by r.mirror_id, r.decision, r.cut, n.fact_names
    order by r.mirror_id, r.decision, r.cut, n.fact_names
  loop
    select m.* into v_mirror from lethe_private.mirrors as m where m.id = v_group.mirror_id;
    v_lost := lethe_private.lost_archived(v_mirror, controller, v_group.decision, v_group.cut);
    continue when v_group.decision <> 'purge' and v_lost = '{}';
    perform r.facts from lethe_private.run_on_archive(format(
        'with acted as (%s %s returning 1) select to_jsonb(count(*)), null::oid, null::tid[] from acted',
        case when v_group.decision = 'purge' then format('delete from lethe_archive.%I as c using', v_mirror.name)
          else format('update lethe_archive.%I as c set %s from', v_mirror.name, (select string_agg(format('%I = null', x), ', ') from unnest(v_lost) as x)) end,
        lethe_private.chosen_archived_sql(v_mirror, controller, v_group.fact_names, 'convert_from($2, ''UTF8'')::jsonb')),
      null, convert_to(v_group.given::text, 'UTF8')) as r;
  end loop;
end
$$;

comment on function lethe_private.erase_archived(lethe_private.reached_row[], lethe.controllers) is
  'Does to archived rows and values what was decided of them.';

create or replace function lethe_private.lost_archived(mirror lethe_private.mirrors, controller lethe.controllers, decision text, cut text[])
  returns text[]
  language sql
  stable
begin atomic
  select coalesce(array_agg(c.column_name order by c.number), '{}')
  from lethe_private.mirror_columns as c
  join lethe.managed_tables as m on m.id = mirror.table_id
  where c.mirror_id = mirror.id and case when lost_archived.decision = 'anonymize'
    then c.column_name in (select e.column_name from lethe_private.erased_columns(m, controller, lost_archived.cut) as e)
    else c.column_name = any (lost_archived.cut) end;
end;

comment on function lethe_private.lost_archived(lethe_private.mirrors, lethe.controllers, text, text[]) is 'Which columns of an archived row that stays become null.';

-- What Lethe itself remembers of rows that are gone. A hold that is over names nobody any more.
create or replace function lethe_private.forget_rows(rows lethe_private.reached_row[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  delete from lethe_private.last_events as l
  using (select distinct r.table_id, r.key from unnest(rows) as r where r.decision = 'purge') as g
  where l.parent_table_id = g.table_id and l.parent_key = g.key and l.controller_id = controller.id;
  delete from lethe_private.exemptions as e
  using (select distinct r.table_id, r.key from unnest(rows) as r where r.decision = 'purge') as g
  where e.table_id = g.table_id and e.key = g.key;
  -- Asked first, since changing the list waits for the batches of all cycles.
  if exists (
    select from unnest(rows) as r join lethe_private.held_keys as k on k.table_id = r.table_id and k.key = r.key where r.decision = 'purge')
  then
    delete from lethe_private.held_keys as k
    using (select distinct r.table_id, r.key from unnest(rows) as r where r.decision = 'purge') as g
    where k.table_id = g.table_id and k.key = g.key and k.hold_id not in (select f from lethe_private.holds_in_force() as f);
  end if;
end
$$;

comment on function lethe_private.forget_rows(lethe_private.reached_row[], lethe.controllers) is
  'Deletes the keys of rows that are gone from Lethe''s own lists.';
