create or replace function lethe_private.put_format("table" text, "column" text, format text, parameters jsonb, on_arrival text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_format lethe.formats;
begin
  perform lethe_private.assert_may_change(null);
  perform lethe_private.assert_columns(v_managed, array["column"]);
  if put_format.format is null then
    delete from lethe.column_formats as d where d.table_id = v_managed.id and d.column_name = "column";
    return;
  end if;
  v_format := lethe_private.assert_format_fits(v_managed, "column", put_format.format, coalesce(put_format.parameters, '{}'));
  perform lethe_private.assert_arrival(v_managed, "column", v_format, put_format.on_arrival);

  insert into lethe.managed_columns (table_id, column_name)
  values (v_managed.id, "column")
  on conflict (table_id, column_name) do nothing;
  insert into lethe.column_formats as d (table_id, column_name, format, kind, parameters, on_arrival)
  values (v_managed.id, "column", v_format.name, v_format.kind, coalesce(put_format.parameters, '{}'), put_format.on_arrival)
  on conflict (table_id, column_name) do update
  set format = excluded.format, kind = excluded.kind, parameters = excluded.parameters, on_arrival = excluded.on_arrival
  where (d.format, d.kind, d.parameters, d.on_arrival) is distinct from (excluded.format, excluded.kind, excluded.parameters, excluded.on_arrival);
  perform lethe_private.assert_not_reduced_too_late(v_managed, "column");
end
$$;

comment on function lethe_private.put_format(text, text, text, jsonb, text) is
  'Declares the format of a column, judged by itself. Whoever calls it judges it together with the rules (assert_formats).';

create or replace function lethe.set_format(
  "table" text, "column" text, format text default null, parameters jsonb default '{}', on_arrival text default null, reason text default null
)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  perform lethe_private.put_format("table", "column", set_format.format, set_format.parameters, set_format.on_arrival);
  perform lethe_private.assert_formats(lethe_private.get_managed("table"));
end
$$;

comment on function lethe.set_format(text, text, text, jsonb, text, text) is
  'Declares that a column holds a minimised format (lethe.formats), or, without one, that it holds none any more; and what a trigger does with a richer value that arrives: reject, reduce, or, null, no trigger. Changes nothing on the table: lethe.format_sql prints what its owner runs. Raises LE102, LE103, LE106, LE113, LE306, LE308, LE309, LE316, LE319, LE320, LE502.';

create or replace function lethe_private.assert_format_fits(managed lethe.managed_tables, "column" text, format text, parameters jsonb)
  returns lethe.formats
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_name text := pg_catalog.format('column %I of %s', "column", lethe_private.host_name(v_oid));
  v_column lethe_private.host_columns;
  v_format lethe.formats;
  v_length int;
  v_unique text;
begin
  select h.* into v_column from lethe_private.host_columns as h where h.relation = v_oid and h.name = "column";
  perform lethe_private.assert_column_may_change(managed, v_oid, v_column);
  v_format := lethe_private.format_of_type(assert_format_fits.format, v_column.type_name, v_name || ', of type ' || v_column.type || ',');
  perform lethe_private.assert_given_parameters('format ' || v_format.name, v_format.parameters, assert_format_fits.parameters);

  v_length := v_format.length_max + coalesce((lethe_private.format_parameters(v_format.parameters, parameters) ->> 'keep')::int, 0);
  if v_column.length < v_length then
    raise exception using errcode = 'LE319',
      message = pg_catalog.format('%s holds %s characters, too few for format %s, which takes %s', v_name, v_column.length, v_format.name, v_length),
      hint = 'make the column longer';
  end if;
  select string_agg(u, ', ') into v_unique from lethe_private.unique_indexes(v_oid, v_column.position) as u;
  if v_unique is not null and v_format.reduction is not null then
    raise exception using errcode = 'LE306',
      message = pg_catalog.format('%s is unique (%s) and format %s makes values equal', v_name, v_unique, v_format.name),
      hint = 'drop the index, or use a format that keeps values apart: email_hash';
  end if;
  return v_format;
end
$$;

comment on function lethe_private.assert_format_fits(lethe.managed_tables, text, text, jsonb) is
  'The format for a column''s type. Raises LE106, LE113, LE306, LE308, LE309, LE316 or LE319 when the column cannot have it.';

create or replace function lethe_private.assert_arrival(managed lethe.managed_tables, "column" text, format lethe.formats, on_arrival text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if on_arrival not in ('reject', 'reduce') then
    raise exception using errcode = 'LE106',
      message = pg_catalog.format('on_arrival %L is unknown', on_arrival),
      hint = 'reject, reduce, or nothing: then the constraint refuses';
  elsif on_arrival = 'reduce' and format.reduction is null then
    raise exception using errcode = 'LE319',
      message = pg_catalog.format('column %I of %s cannot be reduced to format %s when a value arrives: the database cannot compute it',
        "column", lethe_private.plain_name(managed), format.name),
      hint = 'compute it in the application, and reject here';
  end if;
end
$$;

comment on function lethe_private.assert_arrival(lethe.managed_tables, text, lethe.formats, text) is
  'Raises LE106 for an unknown word, LE319 where nothing can be reduced on arrival.';

-- A value is made one of the column's domain before any trigger sees it.
create or replace function lethe_private.assert_not_reduced_too_late(managed lethe.managed_tables, "column" text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_declared lethe_private.declared_formats;
begin
  select d.* into v_declared from lethe_private.declared_formats as d where d.table_id = managed.id and d.column_name = "column";
  if v_declared.on_arrival = 'reduce' and (select s.on_domain from lethe_private.format_state(v_declared) as s) then
    raise exception using errcode = 'LE319',
      message = format('the domain of column %I of %s refuses a richer value before a trigger could reduce it',
        "column", lethe_private.plain_name(managed)),
      hint = 'leave on_arrival out, or use a plain type with a constraint';
  end if;
end
$$;

comment on function lethe_private.assert_not_reduced_too_late(lethe.managed_tables, text) is
  'Raises LE319 where a column''s own domain keeps the format, and a trigger is to reduce.';
