-- Static refusals: what the catalogue alone can tell is refused when the policy is set, not at night.
create or replace function lethe_private.assert_clock_type(relation oid, clock lethe_private.host_columns)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if clock.type_name not in ('date', 'timestamp', 'timestamptz') or clock.type_schema <> 'pg_catalog' then
    raise exception using errcode = 'LE302',
      message = format('column %I of %s is of type %s, which is no clock', clock.name, lethe_private.host_name(relation), clock.type),
      hint = 'a clock is a date, a timestamp or a timestamp with time zone';
  end if;
end
$$;

comment on function lethe_private.assert_clock_type(oid, lethe_private.host_columns) is 'Raises LE302 unless the column is a date or time.';

-- Clocks over other rows come back written in full, as the terms keep them.
create or replace function lethe_private.assert_clock(managed lethe.managed_tables, since text[])
  returns text[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_relation oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_name text;
  v_column lethe_private.host_columns;
  v_since text[];
begin
  if coalesce(cardinality(since), 0) = 0 then
    raise exception using errcode = 'LE302',
      message = format('a rule on %s names no clock', lethe_private.host_name(v_relation)),
      hint = 'say since which column the delay counts';
  end if;
  foreach v_name in array since loop
    if lethe_private.is_linked(v_name) then
      v_since := v_since || (lethe_private.linked_clock(managed, v_name)).entry;
      continue;
    end if;
    select h.* into v_column from lethe_private.host_columns as h where h.relation = v_relation and h.name = v_name;
    if not found then
      raise exception using errcode = 'LE103',
        message = format('table %s has no column %I', lethe_private.host_name(v_relation), v_name),
        hint = 'the clock of a rule is a column of its table, or the latest of other rows: max(table.column)';
    end if;
    perform lethe_private.assert_clock_type(v_relation, v_column);
    v_since := v_since || v_name;
  end loop;
  return v_since;
end
$$;

comment on function lethe_private.assert_clock(lethe.managed_tables, text[]) is
  'The clocks as the terms keep them. Raises LE102, LE103, LE106, LE302, LE310 or LE315 unless each is a date or time column of the table, or the latest of other rows.';

create or replace function lethe_private.assert_given_parameters(subject text, declared jsonb, parameters jsonb)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_key text;
  v_spec jsonb;
  v_value jsonb;
begin
  select k into v_key from jsonb_object_keys(parameters) as k where not declared ? k limit 1;
  if v_key is not null then
    raise exception using errcode = 'LE106',
      message = format('%s has no parameter %I', subject, v_key),
      hint = coalesce('it has ' || (select string_agg(k, ', ') from jsonb_object_keys(declared) as k), 'it has none');
  end if;
  for v_key, v_spec in select d.key, d.value from jsonb_each(declared) as d loop
    v_value := coalesce(parameters -> v_key, v_spec -> 'default');
    if v_value is null then
      raise exception using errcode = 'LE106',
        message = format('%s needs parameter %I', subject, v_key),
        hint = coalesce(v_spec ->> 'description', 'give it beside the name');
    end if;
    if v_spec ->> 'type' in ('integer', 'number') and (
        jsonb_typeof(v_value) <> 'number'
        or (v_spec ->> 'type' = 'integer' and v_value::numeric <> trunc(v_value::numeric))
        or v_value::numeric < (v_spec ->> 'minimum')::numeric
        or v_value::numeric > (v_spec ->> 'maximum')::numeric)
      or v_spec ->> 'type' = 'string' and (jsonb_typeof(v_value) <> 'string' or v_value #>> '{}' !~ (v_spec ->> 'pattern'))
      or v_spec ->> 'type' = 'boolean' and jsonb_typeof(v_value) <> 'boolean'
      or v_spec -> 'enum' is not null and not v_spec -> 'enum' @> v_value
    then
      raise exception using errcode = 'LE106',
        message = format('parameter %I of %s cannot be %s', v_key, subject, v_value),
        hint = concat_ws('; ', 'it takes ' || (v_spec ->> 'type'), case when v_spec ? 'pattern' then v_spec ->> 'description' end, 'at least ' || (v_spec ->> 'minimum'),
          'at most ' || (v_spec ->> 'maximum'), 'one of ' || (v_spec ->> 'enum'));
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_given_parameters(text, jsonb, jsonb) is
  'Raises LE106 for a parameter that is unknown, missing or of the wrong kind.';

create or replace function lethe_private.assert_parameters(method lethe.methods, parameters jsonb)
  returns void
  language sql
  immutable
return lethe_private.assert_given_parameters('method ' || method.name, method.parameters, assert_parameters.parameters);

comment on function lethe_private.assert_parameters(lethe.methods, jsonb) is
  'Raises LE106 for a parameter of a method that is unknown, missing or of the wrong kind.';

-- Unique and exclusion indexes that touch the column, in their keys, expressions or predicate.
create or replace function lethe_private.unique_indexes(relation oid, column_position int2)
  returns setof text
  language sql
  stable
begin atomic
  select distinct x.relname::text
  from pg_catalog.pg_index as i
  join pg_catalog.pg_class as x on x.oid = i.indexrelid
  where i.indrelid = relation
    and (i.indisunique or i.indisexclusion)
    and (column_position = any (i.indkey::int2[])
      or exists (select from pg_catalog.pg_depend as d
                 where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
                   and d.refobjid = relation and d.refobjsubid = column_position));
end;

comment on function lethe_private.unique_indexes(oid, int2) is 'Names of the indexes that keep a column''s values apart.';

-- Where nulls are not distinct, there is room for one null only.
create or replace function lethe_private.assert_nulls_fit(relation oid, target lethe_private.host_columns)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_index text;
begin
  select x.relname into v_index
  from pg_index as i
  join pg_class as x on x.oid = i.indexrelid
  where i.indrelid = relation and i.indisunique and i.indnullsnotdistinct and target.position = any (i.indkey::int2[])
  limit 1;
  if found then
    raise exception using errcode = 'LE306',
      message = format('column %I of %s is unique, nulls included (%s), and would become null', target.name, lethe_private.host_name(relation), v_index),
      hint = 'use a pseudonym, which keeps values apart';
  end if;
end
$$;

comment on function lethe_private.assert_nulls_fit(oid, lethe_private.host_columns) is
  'Raises LE306 when a column may hold one null at the most.';

create or replace function lethe_private.assert_method_fits(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := format('column %I of %s', target.name, lethe_private.host_name(relation));
  v_unique text := (select string_agg(u, ', ') from lethe_private.unique_indexes(relation, target.position) as u);
begin
  if not method.type_categories && array['*', target.type_name, target.type_category::text] then
    raise exception using errcode = 'LE304',
      message = format('method %s does not fit %s of type %s', method.name, v_name, target.type),
      hint = 'it fits ' || array_to_string(method.type_categories, ', ');
  end if;
  if method.nulls_out and target.not_null then
    raise exception using errcode = 'LE305',
      message = format('%s is NOT NULL and method %s makes it null', v_name, method.name),
      hint = 'use constant, partial or a pseudonym; or drop the constraint';
  end if;
  if method.nulls_out then
    perform lethe_private.assert_nulls_fit(relation, target);
  end if;
  if v_unique is not null and not method.keeps_unique and not method.nulls_out then
    raise exception using errcode = 'LE306',
      message = format('%s is unique (%s) and method %s makes values equal', v_name, v_unique, method.name),
      hint = 'use a pseudonym, which keeps values apart; or suppress';
  end if;
  if target.length < coalesce(case when v_unique is null then method.length_min else method.length_min_unique end, 0)
    or method.name = 'constant' and target.length < length(coalesce(parameters, '{}') ->> (select k from jsonb_object_keys(method.parameters) as k limit 1))
  then
    raise exception using errcode = 'LE307',
      message = format('%s holds %s characters, too few for method %s', v_name, target.length, method.name),
      hint = 'use suppress, partial or a shorter constant; or make the column longer';
  end if;
end
$$;

comment on function lethe_private.assert_method_fits(oid, lethe_private.host_columns, lethe.methods, jsonb) is
  'Raises LE304 (type), LE305 (NOT NULL), LE306 (unique) or LE307 (length).';

-- A value that the column would store differently (rounded, padded, cut) could not be recognised, and
-- would be due again every night. It is stored once, in thought, before the rule is taken.
create or replace function lethe_private.assert_constant_stands(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_stands boolean;
begin
  if method.mask ~ '\{value\}' or method.nulls_out then
    return;
  end if;
  begin
    -- As lethe_sweeper: a domain of the host's runs the host's code.
    v_stands := lethe_private.count_as_sweeper(format('select to_jsonb(coalesce(%s, false)) from (select (%s)::%s as %I) as c',
      lethe_private.method_sql(method.recogniser, 'c', target, method, parameters),
      lethe_private.method_sql(method.mask, 'c', target, method, parameters), target.type, target.name), null)::boolean;
  exception
    when insufficient_privilege then
      return;  -- a type of the host's; its statements will say so
    when others then
      v_stands := false;
  end;
  if v_stands is distinct from true then
    raise exception using errcode = 'LE304',
      message = format('column %I of %s, of type %s, does not store the given value as it is', target.name, lethe_private.host_name(relation), target.type),
      hint = 'give a value that the column can hold and give back unchanged';
  end if;
end
$$;

comment on function lethe_private.assert_constant_stands(oid, lethe_private.host_columns, lethe.methods, jsonb) is
  'Raises LE304 when a constant would not be recognised once it is stored.';

create or replace function lethe_private.assert_column_may_change(managed lethe.managed_tables, relation oid, target lethe_private.host_columns)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := format('column %I of %s', target.name, lethe_private.host_name(relation));
  v_reference text;
begin
  if target.is_generated or target.is_identity then
    raise exception using errcode = 'LE308',
      message = format('%s is a generated or identity column', v_name),
      hint = case when target.is_generated then 'anonymize the columns it is computed from' else 'purge the row instead' end;
  end if;
  if exists (
    select
    from pg_partitioned_table as p
    where p.partrelid in (select relation union select i.relid from pg_partition_tree(relation::regclass) as i)
      and target.name in (select a.attname from pg_attribute as a where a.attrelid = p.partrelid and a.attnum = any (p.partattrs::int2[])))
  then
    raise exception using errcode = 'LE308',
      message = format('%s is a partition key', v_name),
      hint = 'purge the row, or its partition, instead';
  end if;
  select r.foreign_key into v_reference
  from lethe_private.host_references as r
  where (r.child in (select relation union select i.relid from pg_partition_tree(relation::regclass) as i) and target.name = any (r.child_columns))
     or (r.parent = relation and target.name = any (r.parent_columns))
  limit 1;
  if v_reference is not null then
    raise exception using errcode = 'LE309',
      message = format('%s is part of foreign key %I', v_name, v_reference),
      hint = 'purge the row, or declare the reference "unlink" on the referencing table';
  end if;
  if target.name = managed.controller_column or target.name = any (managed.key_columns) then
    raise exception using errcode = 'LE316',
      message = format('%s is the table''s key or names its controller', v_name),
      hint = 'purge the row instead';
  end if;
end
$$;

comment on function lethe_private.assert_column_may_change(lethe.managed_tables, oid, lethe_private.host_columns) is
  'Raises LE308, LE309 or LE316 for a column that no rule may rewrite.';
