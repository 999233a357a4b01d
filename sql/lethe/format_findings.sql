-- Whether what was declared is kept. Where the database itself guarantees it (a validated constraint) nothing is read; else
-- the values are counted, those of the controllers alone that the caller acts for.
create or replace function lethe_private.format_tables()
  returns setof lethe.managed_tables
  language sql
  stable
  rows 10
begin atomic
  select m.*
  from lethe.managed_tables as m
  where exists (select from lethe.column_formats as d where d.table_id = m.id)
  order by m.schema_name, m.table_name;
end;

comment on function lethe_private.format_tables() is 'The tables for whose columns the policy declares formats.';

create or replace function lethe_private.format_findings_of(managed lethe.managed_tables)
  returns table (table_name text, column_name text, finding text, sentence text, remedy text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_declared lethe_private.declared_formats;
  v_state record;
  v_own text := lethe_private.callers_rows_sql('c', managed);
  v_name text := lethe_private.plain_name(managed);
begin
  if v_own is null then
    return;
  end if;
  return query
    select v_name, d.column_name, 'format_does_not_fit',
      format('column %I of %s cannot hold format %s any more: it was dropped, renamed or given another type', d.column_name, v_name, d.format),
      'declare it anew: lethe.set_format, or the policy file'
    from lethe.column_formats as d
    join lethe.formats as f on f.name = d.format and f.kind = d.kind
    where d.table_id = managed.id
      and not exists (select from lethe_private.declared_formats as x where x.table_id = d.table_id and x.column_name = d.column_name and x.type_name = any (f.types));
  for v_declared in
    select d.* from lethe_private.declared_formats as d
    where d.table_id = managed.id and d.type_name = any (d.types)
    order by d.column_name
  loop
    select * into v_state from lethe_private.format_state(v_declared);
    return query
      select v_name, v_declared.column_name, f.code, f.text,
        coalesce(f.cure, format('select lethe.format_sql(%L, %L)', v_name, v_declared.column_name))
      from (
        select 'format_left_over',
          format('a constraint or trigger of an earlier format is still on column %I of %s', v_declared.column_name, v_name), null
        where v_state.left_over
        union all
        select 'format_without_trigger',
          format('no trigger %ss what arrives in column %I of %s', v_declared.on_arrival, v_declared.column_name, v_name), null
        where not v_state.has_trigger
        union all
        select 'format_without_constraint',
          format('nothing keeps column %I of %s in format %s', v_declared.column_name, v_name, v_declared.format), null
        where not v_state.has_constraint
        union all
        select 'format_not_validated',
          format('the rows that were in %s before the constraint on column %I have not been checked', v_name, v_declared.column_name), null
        where v_state.has_constraint and not v_state.validated
        union all
        select v.code, v.text, v.cure
        from lethe_private.format_violations(managed, v_declared, v_own) as v
        where not v_state.validated
      ) as f (code, text, cure);
  end loop;
end
$$;

comment on function lethe_private.format_findings_of(lethe.managed_tables) is 'What is wrong with the formats of one table.';

create or replace function lethe_private.callers_rows_sql(alias text, managed lethe.managed_tables)
  returns text
  language sql
  stable
begin atomic
  select case
    when lethe_private.is_operator() or lethe_private.is_worker() then 'true'
    else (
      select '(' || string_agg(lethe_private.controller_sql(alias, managed, lethe_private.host_table(managed.schema_name, managed.table_name), c), ' or ') || ')'
      from lethe.controllers as c
      where lethe_private.has_controller(managed, c) and lethe_private.acts_for(c.id))
  end;
end;

comment on function lethe_private.callers_rows_sql(text, lethe.managed_tables) is
  'True for the rows of the controllers that the caller acts for; null where there can be none.';

create or replace function lethe_private.format_violations(managed lethe.managed_tables, declared lethe_private.declared_formats, own_rows text)
  returns table (code text, text text, cure text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_facts jsonb;
  v_where text := format('column %I of %s', declared.column_name, lethe_private.plain_name(managed));
begin
  begin
    v_facts := lethe_private.count_as_sweeper(format(
      'select jsonb_build_object(''rich'', count(*) filter (where not v.held and v.reducible), ''unreadable'', count(*) filter (where not v.held and not v.reducible), '
      '''held'', count(*) filter (where v.held)) from (select (%s) is not null as reducible, %s as held from %s as c where %s and not (%s)) as v',
      coalesce(replace(declared.reduction, '{value}', declared.row_value), 'null'),
      lethe_private.held_sql('c', managed, declared.relation, current_date - 1), lethe_private.host_name(declared.relation), own_rows,
      replace(declared.recogniser, '{value}', declared.row_value)), managed);
  exception when insufficient_privilege then
    return query select 'format_not_readable', format('the values of %s cannot be counted: lethe_sweeper may not read the table', v_where),
      'select remedy from lethe.missing_rights()';
    return;
  end;
  return query
    select 'format_violated', format('%s value(s) of %s are richer than format %s', v_facts ->> 'rich', v_where, declared.format), null
    where v_facts ->> 'rich' <> '0'
    union all
    select 'format_unreadable', format('%s value(s) of %s are not in format %s, nor can they be reduced to it', v_facts ->> 'unreadable', v_where, declared.format),
      'correct or empty them; the script of lethe.format_sql says how they are found'
    where v_facts ->> 'unreadable' <> '0'
    union all
    select 'format_held', format('%s value(s) of %s are not in format %s and are under a hold', v_facts ->> 'held', v_where, declared.format),
      'wait until the hold is released, then reduce them: lethe.format_sql'
    where v_facts ->> 'held' <> '0';
end
$$;

comment on function lethe_private.format_violations(lethe.managed_tables, lethe_private.declared_formats, text) is
  'How many values of a column are not in its format, counted from the data as lethe_sweeper.';

create or replace function lethe.format_findings()
  returns table (table_name text, column_name text, finding text, sentence text, remedy text)
  language sql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set jit = off
begin atomic
  select f.*
  from lethe_private.format_tables() as m
  cross join lateral lethe_private.format_findings_of(m) as f;
end;

comment on function lethe.format_findings() is
  'What is wrong with the minimised formats that the policy declares: no constraint, not validated, no trigger, values that are not in the format. Reads the tables whole whose constraint is not validated.';
