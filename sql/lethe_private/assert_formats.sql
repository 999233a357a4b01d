-- What a rule writes must be in the column's format, or the cycle would fail on the host's constraint at night.

-- Values on which a method is asked what it makes of them: richer ones, what they are reduced to, and what breaks methods.
create or replace function lethe_private.format_trials(declared lethe_private.declared_formats)
  returns text[]
  language sql
  stable
begin atomic
  select array_agg(distinct case when declared.length is null then v else left(v, declared.length) end)
  from unnest(declared.examples || lethe_private.hostile_values((select t.oid from pg_catalog.pg_type as t
         where t.typname = declared.type_name order by (t.typnamespace = 'pg_catalog'::regnamespace) desc limit 1))) as v;
end;

comment on function lethe_private.format_trials(lethe_private.declared_formats) is 'Values of a column''s type, as text, to try methods on.';

create or replace function lethe_private.assert_formats(managed lethe.managed_tables)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_declared lethe_private.declared_formats;
  v_used record;
begin
  -- A column that has been given another type since is a finding (lethe.format_findings), and no reason to refuse a rule.
  for v_declared in
    select d.* from lethe_private.declared_formats as d where d.table_id = managed.id and d.type_name = any (d.types) order by d.position
  loop
    if v_declared.column_name in (
      select unnest(t.since) from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where r.table_id = managed.id
      union
      select x.column_name from lethe_private.clocks_over(managed) as x)
    then
      raise exception using errcode = 'LE319',
        message = format('column %I of %s is the clock of a rule and cannot have format %s, which would move it',
          v_declared.column_name, lethe_private.plain_name(managed), v_declared.format),
        hint = 'count since another column, or leave the format out';
    end if;
    for v_used in
      select distinct m as method, t.parameters
      from lethe.rules as r
      join lethe.terms as t on t.rule_id = r.id
      join lethe.methods as m on m.name = t.method
      where r.table_id = managed.id and r.column_name = v_declared.column_name
    loop
      perform lethe_private.assert_method_keeps_format(managed, v_declared, v_used.method, v_used.parameters);
    end loop;
  end loop;
end
$$;

comment on function lethe_private.assert_formats(lethe.managed_tables) is
  'Raises LE319 (the format of a clock) or LE320 unless what the rules of a table write is in the formats of its columns.';

create or replace function lethe_private.assert_method_keeps_format(
  managed lethe.managed_tables, declared lethe_private.declared_formats, method lethe.methods, parameters jsonb
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_column lethe_private.host_columns;
  v_pad constant bytea := decode(repeat('36', 64), 'hex');
  v_value text := lethe_private.format_value('', 'value', declared.base_type, declared.kind);
  v_keeps boolean;
  v_state text;
begin
  select h.* into v_column from lethe_private.host_columns as h where h.relation = declared.relation and h.position = declared.position;
  v_column.name := 'value';
  begin
    -- As lethe_sweeper, over the base type: nothing of the host's runs with more rights than it gave.
    select r.facts::boolean into v_keeps
    from lethe_private.run_as_sweeper(format(
      'select * from (with given as (select v::%1$s as value from unnest(%2$L::text[]) as v), '
      'all_values as (select value from given union all select (%3$s)::%1$s from given where not (%4$s)), '
      'masked as (select (%5$s)::%1$s as value from all_values as c) '
      'select to_jsonb(coalesce(bool_and(coalesce(%4$s, true)), true)), null::oid, null::tid[] from masked) as x',
      declared.base_type, lethe_private.format_trials(declared),
      replace(coalesce(declared.reduction, 'null'), '{value}', v_value), replace(declared.recogniser, '{value}', v_value),
      lethe_private.method_sql(method.mask, 'c', v_column, method, parameters)), managed, null, v_pad, v_pad) as r;
  exception
    when insufficient_privilege then
      return;  -- a type of the host's that its owner has not granted yet; lethe.missing_rights() says so
    when others then
      get stacked diagnostics v_state = returned_sqlstate;
      if v_state like 'LE%' then
        raise;
      end if;
      v_keeps := false;
  end;
  if not v_keeps then
    raise exception using errcode = 'LE320',
      message = format('method %s would break the format %s of column %I of %s',
        method.name, declared.format, declared.column_name, lethe_private.plain_name(managed)),
      hint = 'use suppress, or a method whose output is in the format, or another format';
  end if;
end
$$;

comment on function lethe_private.assert_method_keeps_format(lethe.managed_tables, lethe_private.declared_formats, lethe.methods, jsonb) is
  'Tries a method on values of the column''s type. Raises LE320 when something it makes is neither null nor in the format.';
