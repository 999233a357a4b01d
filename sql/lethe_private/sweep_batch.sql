-- Puts words of ours into a statement: {from}, {here}, {leaves}. Not where they stand between quotes: there
-- they are a host's own, in a name or in the text of a predicate.
create or replace function lethe_private.fill(statement text, words jsonb)
  returns text
  language sql
  immutable
begin atomic
  select string_agg(coalesce(words ->> m.part[1], m.part[2], '{' || m.part[1] || '}'), '' order by m.n)
  from regexp_matches(statement, '\{(from|here|leaves)\}|("(?:[^"]|"")*"|''(?:[^'']|'''')*''|[^"''{]+|\{)', 'g')
    with ordinality as m (part, n);
end;

comment on function lethe_private.fill(text, jsonb) is 'A statement with the given words in place of its marks.';

-- Where a batch lives: {from} and {here} of its statements. A partition is addressed itself where the
-- sweeper may and where nothing on its parent would notice the difference; else through its parent.
create or replace function lethe_private.place(statement text, table_oid oid, target oid)
  returns text
  language sql
  stable
return lethe_private.fill(statement, case
  when not exists (select from pg_inherits as i where i.inhparent = table_oid) then
    jsonb_build_object('from', lethe_private.host_name(table_oid), 'here', '')
  when target <> table_oid
    and has_table_privilege('lethe_sweeper', target, 'select')
    and has_table_privilege('lethe_sweeper', target, 'update')
    and has_table_privilege('lethe_sweeper', target, 'delete')
    and not exists (select from pg_trigger as t where t.tgrelid = table_oid and t.tgtype & 1 = 0 and t.tgtype & 28 <> 0)  -- for each statement, of DML
  then
    jsonb_build_object('from', 'only ' || lethe_private.host_name(target), 'here', '')
  else
    jsonb_build_object('from', lethe_private.host_name(table_oid), 'here', format(' and c.tableoid = %s', target))
end);

comment on function lethe_private.place(text, oid, oid) is 'A statement of a program, directed at the table or at one partition of it.';

-- What was archived is what the program names. The batch's own locks keep columns from coming and going, so
-- one that did so since the program was written shows now at the latest: all is undone, and compiled anew.
create or replace function lethe_private.assert_shape(shape jsonb)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if shape ->> 'mark' is distinct from lethe_private.shape_mark(shape -> 'of') then
    raise exception using errcode = 'serialization_failure', message = 'a column of the table has come, gone or changed';
  end if;
end
$$;

comment on function lethe_private.assert_shape(jsonb) is
  'Raises 40001 when an archiving program was written for other columns than there are.';

create or replace function lethe_private.sweep_columns(
  managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_act jsonb := nullif(program #> '{columns,act_on_all}', 'null');
  v_statement text := program #>> '{columns,act}';
  v_facts jsonb;
begin
  if v_act is not null and batch.flags is not null then
    v_statement := lethe_private.act_on_all_sql(v_act ->> 'own_rows', array(
        select jsonb_populate_record(null::lethe_private.action_parts, e.value)
        from jsonb_array_elements(v_act -> 'actions') with ordinality as e (value, n)
        where substr(batch.flags, e.n::int, 1) = '1'
        order by e.n), v_act ->> 'key');
  end if;
  if program #>> '{columns,lock}' is not null then
    perform r.facts from lethe_private.run_as_sweeper(
      lethe_private.place(program #>> '{columns,lock}', v_oid, batch.target), managed, batch.tids) as r;
  end if;
  select r.facts into v_facts
  from lethe_private.run_as_sweeper(lethe_private.place(v_statement, v_oid, batch.target),
    managed, batch.tids, pads.inner_pad, pads.outer_pad) as r;
  perform lethe_private.assert_shape(nullif(program -> 'columns' -> 'shape', 'null'));
  return v_facts;
end
$$;

comment on function lethe_private.sweep_columns(lethe.managed_tables, jsonb, lethe_private.worklist, lethe_private.controller_keys) is
  'Applies the column rules to one batch. Returns {"rows", "root", "rN": rows per rule}.';

-- program: the part of the phase, purge or archive.
create or replace function lethe_private.sweep_leaving(
  managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_tids tid[] := batch.tids;
  v_before jsonb;
  v_children jsonb := '[]';
  v_deleted_before jsonb;
  v_facts jsonb;
begin
  if program -> 'pick' is not null then
    perform r.facts from lethe_private.run_as_sweeper(
      lethe_private.place(program ->> 'lock', v_oid, batch.target), managed, v_tids) as r;
    for v_before in select l from jsonb_array_elements(program -> 'lock_children') as l loop
      perform r.facts from lethe_private.run_as_sweeper(
        lethe_private.place(v_before #>> '{}', v_oid, batch.target), managed, v_tids) as r;
    end loop;
    select r.found_tids into v_tids from lethe_private.run_as_sweeper(
      lethe_private.place(program ->> 'pick', v_oid, batch.target), managed, v_tids) as r;
    if v_tids is null then
      return jsonb_build_object('rows', 0);
    end if;
  end if;

  -- Cascaded rows are nobody''s RETURNING; the difference in the transaction''s statistics counts them.
  select jsonb_object_agg(x.name, lethe_private.deleted_in_transaction(lethe_private.resolve_table(x.name))) into v_deleted_before
  from (select distinct b ->> 'table_name' as name from jsonb_array_elements(program -> 'before') as b
        where b ->> 'rule' like '%with parent') as x;

  for v_before in
    select b from jsonb_array_elements(program -> 'before') as b where b ->> 'statement' is not null
  loop
    select r.facts into v_facts from lethe_private.run_as_sweeper(
      lethe_private.place(v_before ->> 'statement', v_oid, batch.target), managed, v_tids) as r;
    if v_before ->> 'rule' not like '%with parent' then
      v_children := v_children || jsonb_build_object('table', v_before -> 'table_name', 'rule', v_before -> 'rule', 'rows', v_facts -> 'rows');
    end if;
  end loop;

  select r.facts into v_facts from lethe_private.run_as_sweeper(
    lethe_private.place(program ->> 'delete', v_oid, batch.target), managed, v_tids, pads.inner_pad, pads.outer_pad) as r;

  -- The DELETE locks its table against new foreign keys, so one that came since the program was written
  -- shows now at the latest. What it took along was not asked about: all is undone, and compiled anew.
  if lethe_private.cascade_mark(v_oid) is distinct from program ->> 'cascades' then
    raise exception using errcode = 'serialization_failure', message = 'a foreign key to the table has come or gone';
  end if;
  perform lethe_private.assert_shape(program -> 'shape');

  select v_children || coalesce(jsonb_agg(jsonb_build_object('table', d.key,
      'rule', case when program -> 'shape' is null then 'with parent' else 'archived with parent' end,
      'rows', lethe_private.deleted_in_transaction(lethe_private.resolve_table(d.key)) - d.value::bigint)), '[]')
    into v_children
  from jsonb_each_text(v_deleted_before) as d;
  return v_facts || jsonb_build_object('children', v_children);
end
$$;

comment on function lethe_private.sweep_leaving(lethe.managed_tables, jsonb, lethe_private.worklist, lethe_private.controller_keys) is
  'Purges or archives one batch of rows. Returns {"rows", "root", "rN": rows, "children": [{"table", "rule", "rows"}]}.';
