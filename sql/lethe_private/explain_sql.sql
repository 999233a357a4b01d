-- What lethe.explain_row asks of single rows. Days, and yes or no, come out of it; never a value.
create or replace function lethe_private.key_value_sql(key_column lethe_private.host_columns, value text)
  returns text
  language sql
  immutable
return case
  when key_column.type_name = 'timestamptz' then format('(%L::timestamp at time zone ''UTC'')', value)
  else format('%L::%s', value, key_column.base_type)
end;

comment on function lethe_private.key_value_sql(lethe_private.host_columns, text) is 'One value of a key, of the type of its column.';

-- The key as a person gives it: the value of its column; of several, a JSON array of their values.
create or replace function lethe_private.row_of_key(managed lethe.managed_tables, table_oid oid, given text, out key text, out condition text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_key text := lethe_private.key_sql('c', table_oid, managed.key_columns);
  v_values text[];
begin
  v_values := case
    when v_key not like 'jsonb%' or cardinality(managed.key_columns) = 1 and left(btrim(given), 1) <> '[' then array[given]
    else array(select e from jsonb_array_elements_text(given::jsonb) with ordinality as x (e, n) order by n)
  end;
  if cardinality(v_values) <> cardinality(managed.key_columns) then
    return;
  end if;
  -- As lethe_sweeper: reading a value of a host's type runs the host's code.
  key := lethe_private.count_as_sweeper((
    select format('select to_jsonb(%s) from (select %s) as c', v_key, string_agg(format('%s as %I', lethe_private.key_value_sql(h, v.value), h.name), ', '))
    from unnest(managed.key_columns, v_values) as v (name, value)
    join lethe_private.host_columns as h on h.relation = table_oid and h.name = v.name), managed) #>> '{}';
  -- By column, so that the key's index serves; then as the engine writes it, so that it is this row and no other.
  select concat_ws(' and ', string_agg(format('c.%I = %s', h.name, lethe_private.key_value_sql(h, v.value)), ' and ')
      filter (where h.type_schema = 'pg_catalog' and h.declared_type_schema = 'pg_catalog'), format('%s = %L', v_key, key))
    into condition
  from unnest(managed.key_columns, v_values) as v (name, value)
  join lethe_private.host_columns as h on h.relation = table_oid and h.name = v.name;
exception
  when data_exception or undefined_function then
    key := null;
    condition := null;
end
$$;

comment on function lethe_private.row_of_key(lethe.managed_tables, oid, text) is
  'A key as the engine writes it (key_sql), and what finds its row, alias c; nulls where it can be none of this table.';

create or replace function lethe_private.explain_terms_sql(
  managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, rule_id int
)
  returns text
  language sql
  stable
begin atomic
  select lethe_private.object_sql(array_agg(format('%L, jsonb_build_array(coalesce(%s, false), %s)', t.id,
    case
      when t.is_minimum and t.condition is null then lethe_private.latest_day_sql('c', managed, table_oid, controller, today, t.since) || ' is not null'
      else (lethe_private.term_sql('c', managed, table_oid, controller, today, t.after, t.since, t.condition, true)).applies
    end,
    lethe_private.latest_day_sql('c', managed, table_oid, controller, today, t.since)) order by t.id))
  from (
    select e.id, e.after, e.since, e.condition, false as is_minimum
    from lethe_private.effective_terms(managed.id, controller.id) as e where e.rule_id = explain_terms_sql.rule_id
    union all
    select m.id, m.after, m.since, m.condition, true from lethe_private.minima_of(managed.id, explain_terms_sql.rule_id, controller.id) as m
  ) as t;
end;

comment on function lethe_private.explain_terms_sql(lethe.managed_tables, oid, lethe.controllers, date, int) is
  'Of each term and minimum of a rule whether it applies to a row, and the day that its clock shows: {id: [applies, day]}.';

create or replace function lethe_private.explain_sql(
  managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, actions lethe_private.action_parts[],
  condition text, held text, kept text, staying text
)
  returns text
  language sql
  stable
begin atomic
  select format('%sselect jsonb_agg(%s) from %s as c where %s', staying,
    lethe_private.object_sql(array[format('''held'', %s', held), format('''kept'', coalesce(%s, false)', kept)]
      || array_agg(format('%L, jsonb_build_object(''due'', coalesce(%s, false), ''done'', not coalesce(%s, false), ''terms'', %s)',
        a.flag, a.due, a.needed, lethe_private.explain_terms_sql(managed, table_oid, controller, today, substr(a.flag, 2)::int)) order by a.n)),
    lethe_private.host_name(table_oid), condition)
  from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n);
end;

comment on function lethe_private.explain_sql(lethe.managed_tables, oid, lethe.controllers, date, lethe_private.action_parts[], text, text, text, text) is
  'Asks rows what lethe.explain_row has to say of them.';

-- The live row, and what is in the archive under its key: {"place", "actions", "row"}.
create or replace function lethe_private.rows_to_explain(managed lethe.managed_tables, controller lethe.controllers, today date, given text)
  returns table (place text, actions lethe_private.action_parts[], facts jsonb)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_row record;
  v_mirror lethe_private.mirrors;
  v_staying text;
begin
  select * into v_row from lethe_private.row_of_key(managed, v_oid, given);
  if v_row.key is null then
    return;
  end if;
  actions := array(select a from lethe_private.actions('c', managed, v_oid, controller, today, true) as a);
  if cardinality(actions) > 0 then
    place := 'live';
    v_staying := case when exists (select from unnest(actions) as a where a.phase <> 'columns') then
      lethe_private.staying_sql(managed, v_oid, controller, today, false, array['purge', 'archive']) end;
    return query select rows_to_explain.place, rows_to_explain.actions, e
    from jsonb_array_elements(nullif(lethe_private.count_as_sweeper(lethe_private.explain_sql(managed, v_oid, controller, today, actions,
      concat_ws(' and ', lethe_private.controller_sql('c', managed, v_oid, controller), v_row.condition),
      lethe_private.held_sql('c', managed, v_oid, today),
      case when v_staying is not null then 'exists (select from staying as x where (x.target, x.tid) = (c.tableoid, c.ctid))'
        else coalesce(lethe_private.kept_sql('c', v_oid, controller, today, true), 'false') end, v_staying), managed), 'null')) as e;
  end if;

  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id order by m.kind, m.id loop
    continue when lethe_private.unanswered(managed, v_mirror) is not null;
    actions := array(select a from lethe_private.archived_actions(managed, v_mirror, controller, today) as a);
    continue when cardinality(actions) = 0;
    place := case v_mirror.kind when 'rows' then 'archive' else 'archived values' end;
    return query select rows_to_explain.place, rows_to_explain.actions, e
    from lethe_private.run_on_archive(format('select (%s), null::oid, null::tid[]', lethe_private.explain_sql(managed,
      lethe_private.host_table('lethe_archive', v_mirror.name), controller, today, actions,
      format('c."lethe$controller" = %s and c."lethe$key" = %L', controller.id, v_row.key),
      lethe_private.archived_held_sql('c', v_mirror, today), format('c."lethe$root_table" <> %s', managed.id), null))) as r
    cross join jsonb_array_elements(nullif(r.facts, 'null')) as e;
  end loop;
end
$$;

comment on function lethe_private.rows_to_explain(lethe.managed_tables, lethe.controllers, date, text) is
  'What is asked of the rows that have a key, live and archived; of an archived one "kept" says that it came along with another row.';

create or replace function lethe_private.raise_missing_right(managed lethe.managed_tables)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (select from lethe.missing_rights() as r where r.need ~ 'row security') then
    raise exception using errcode = 'LE503',
      message = format('row security would hide rows of %I.%I, or of a table that refers to it, from the engine', managed.schema_name, managed.table_name),
      hint = 'alter role lethe_sweeper bypassrls';
  end if;
  raise exception using errcode = 'LE501',
    message = format('lethe_sweeper may not read %I.%I or a table that refers to it', managed.schema_name, managed.table_name),
    hint = 'select remedy from lethe.missing_rights(), or lethe doctor, shows the grants it needs';
end
$$;

comment on function lethe_private.raise_missing_right(lethe.managed_tables) is 'Raises LE501 or LE503 where a table could not be read.';
