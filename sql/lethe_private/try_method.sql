-- Tries a method on one type: in a temporary table, with the same statements that a cycle would run.
-- Errors name the promise that was broken and the SQLSTATE, never a value.

-- The sets of parameters to try: everything at its default, at its least, at its most.
create or replace function lethe_private.parameters_to_try(declared jsonb)
  returns setof jsonb
  language sql
  immutable
begin atomic
  select distinct coalesce(
    (select jsonb_object_agg(p.key, coalesce(p.value -> e.edge, p.value -> 'default', p.value -> 'enum' -> 0,
       case p.value ->> 'type' when 'string' then '"x"' when 'boolean' then 'false' else coalesce(p.value -> 'minimum', '1') end))
     from jsonb_each(declared) as p),
    '{}')
  from unnest(array['default', 'minimum', 'maximum']) as e (edge);
end;

comment on function lethe_private.parameters_to_try(jsonb) is 'Values for the declared parameters of a method: defaults, minima, maxima.';

create or replace function lethe_private.try_method(method lethe.methods, type oid)
  returns lethe.methods
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type text := (select format('%I.%I', n.nspname, t.typname) from pg_type as t join pg_namespace as n on n.oid = t.typnamespace where t.oid = try_method.type);
  v_on text := format('method %s on type %s', method.name, format_type(try_method.type, -1));
  v_column lethe_private.host_columns;
  v_parameters jsonb;
  v_state text;
  v_message text;
begin
  begin
    execute format('create temporary table lethe_trial (n int, value %1$s, masked %1$s, again %1$s) on commit drop', v_type);
    select h.* into v_column from lethe_private.host_columns as h where h.relation = 'pg_temp.lethe_trial'::regclass and h.name = 'value';
    for v_parameters in select p from lethe_private.parameters_to_try(method.parameters) as p loop
      perform lethe_private.try_expressions(method, v_column, v_parameters);
    end loop;
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
    raise exception using errcode = 'LE303',
      message = format('%s cannot be used: %s', v_on, v_message),
      hint = 'mask and recogniser are immutable expressions, functions in them named with their schema; the recogniser is boolean';
  end;

  begin
    execute format('insert into pg_temp.lethe_trial (n, value) select v.n, v.value::%s from unnest($1) with ordinality as v (value, n)', v_type)
      using lethe_private.hostile_values(try_method.type) || null::text;
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
    raise exception using errcode = 'LE304',
      message = format('%s cannot be tried: sample values do not fit (%s)', v_on, v_state),
      hint = 'name another type';
  end;
  for v_parameters in select p from lethe_private.parameters_to_try(method.parameters) as p loop
    method := lethe_private.try_values(method, v_on, v_column, v_parameters);
  end loop;
  drop table pg_temp.lethe_trial;
  return method;
end
$$;

comment on function lethe_private.try_method(lethe.methods, oid) is
  'Tries a method on one type and adds what it learns (null results, lengths). Raises LE303 or LE304.';

-- PostgreSQL itself says whether an expression may stand in an index: no subquery, nothing that is not
-- immutable. The key, a bind parameter in a cycle, cannot be one in an index.
create or replace function lethe_private.try_expressions(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  execute format(E'create index lethe_trial_index on pg_temp.lethe_trial ((1)) where ((\n%s\n)::%s is null) or (\n%s\n)',
    lethe_private.method_sql(replace(method.mask, '{key}', '''''::bytea, ''''::bytea'), 'lethe_trial', column_facts, method, parameters),
    column_facts.type,
    lethe_private.method_sql(replace(method.recogniser, '{key}', '''''::bytea, ''''::bytea'), 'lethe_trial', column_facts, method, parameters));
  drop index pg_temp.lethe_trial_index;
end
$$;

comment on function lethe_private.try_expressions(lethe.methods, lethe_private.host_columns, jsonb) is
  'Raises PostgreSQL''s own error unless mask and recogniser can stand in an index.';

create or replace function lethe_private.try_values(method lethe.methods, title text, column_facts lethe_private.host_columns, parameters jsonb)
  returns lethe.methods
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_recogniser text := lethe_private.method_sql(method.recogniser, 't', column_facts, method, parameters);
  v_mask text := format('(%s)::%s', lethe_private.method_sql(method.mask, 't', column_facts, method, parameters), column_facts.type);
  v_pad bytea := decode(repeat('36', 64), 'hex');
  v_masked lethe_private.host_columns := column_facts;
  v_facts record;
  v_broken text;
  v_state text;
begin
  v_masked.name := 'masked';
  begin
    execute format('update pg_temp.lethe_trial as t set masked = %s', v_mask) using null::tid[], v_pad, v_pad;
    execute format('update pg_temp.lethe_trial as t set again = (%s)::%s',
      lethe_private.method_sql(method.mask, 't', v_masked, method, parameters), column_facts.type) using null::tid[], v_pad, v_pad;
    execute format(
      'select bool_or(t.value is null and not r.raw) as null_refused, bool_or(not r.raw) as any_refused, bool_or(not r.own) as own_refused, '
      'bool_or(t.again::text is distinct from t.masked::text) as drifts, '
      'count(distinct t.masked::text) < count(distinct t.value::text) as collides, '
      'bool_or(t.masked is null and t.value is not null) as nulls_out, '
      'max(length(t.masked::text)) filter (where length(t.masked::text) > length(t.value::text)) as length_max '
      'from pg_temp.lethe_trial as t cross join lateral (select (%s) as raw, (%s) as own) as r',
      v_recogniser, lethe_private.method_sql(method.recogniser, 't', v_masked, method, parameters))
      into v_facts using null::tid[], v_pad, v_pad;
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
    v_broken := format('is not total: it raises SQLSTATE %s on some value', v_state);
  end;

  if v_broken is null then
    v_broken := case
      when v_facts.null_refused then 'does not count NULL as masked'
      when v_facts.own_refused then 'does not recognise its own output'
      when v_facts.drifts then 'is not idempotent: masking its output changes it again'
      when not v_facts.any_refused then 'takes every value for masked'
      when method.keeps_unique and v_facts.collides then 'does not keep values apart, though it says so'
    end;
  end if;
  if v_broken is not null then
    raise exception using errcode = 'LE304',
      message = format('%s %s', title, v_broken),
      hint = 'it was tried on empty, long, extreme and already masked values; lethe_private.hostile_values lists them';
  end if;

  method.nulls_out := method.nulls_out or v_facts.nulls_out;
  if column_facts.type_category = 'S' then
    method.length_min := greatest(method.length_min, lethe_private.shortest_fit(method, column_facts, parameters, v_facts.length_max));
    method.length_min_unique := greatest(method.length_min_unique, method.length_min, v_facts.length_max);
  end if;
  return method;
end
$$;

comment on function lethe_private.try_values(lethe.methods, text, lethe_private.host_columns, jsonb) is
  'Masks the sample values twice and raises LE304 unless the method is total, recognises its own output, is idempotent and keeps what it says.';

-- A method that is told the column's limit is asked for less and less room. One that is not told needs
-- room for whatever it makes longer than it was.
create or replace function lethe_private.shortest_fit(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb, length_max int)
  returns int
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_pad bytea := decode(repeat('36', 64), 'hex');
  v_masked lethe_private.host_columns := column_facts;
  v_fits boolean := false;
begin
  if method.mask not like '%{length}%' then
    return length_max;
  end if;
  v_masked.name := 'masked';
  for v_length in 1 .. coalesce(length_max, 1) loop
    v_masked.length := v_length;
    column_facts.length := v_length;
    begin
      execute format('update pg_temp.lethe_trial as t set masked = %s', lethe_private.method_sql(method.mask, 't', column_facts, method, parameters))
        using null::tid[], v_pad, v_pad;
      execute format('select bool_and(length(t.masked::text) <= %s and coalesce((%s), false)) from pg_temp.lethe_trial as t where t.masked is not null and length(t.value::text) <= %s',
        v_length, lethe_private.method_sql(method.recogniser, 't', v_masked, method, parameters), v_length)
        into v_fits using null::tid[], v_pad, v_pad;
    exception when others then
      v_fits := false;
    end;
    if v_fits then
      return nullif(v_length, 1);
    end if;
  end loop;
  return length_max;
end
$$;

comment on function lethe_private.shortest_fit(lethe.methods, lethe_private.host_columns, jsonb, int) is
  'The shortest length limit under which a method''s output fits and is recognised; null when any does.';
