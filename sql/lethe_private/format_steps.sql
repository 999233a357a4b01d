-- The statements that bring a declared format to the host's table, for its owner to read and run. What they make
-- belongs to the host, lives in its schemas and calls PostgreSQL's own functions alone: it outlives Lethe.
--
-- Danger: names come from the host, and stand in comments, literals and bodies here. A name with a line break would
-- end a comment, one with a $ a body.

create or replace function lethe_private.on_one_line(name text)
  returns text
  language sql
  immutable
return regexp_replace(name, '[[:cntrl:]]+', ' ', 'g');

comment on function lethe_private.on_one_line(text) is 'A name as it may stand in a comment.';

create or replace function lethe_private.dollar_quoted(body text)
  returns text
  language sql
  immutable
begin atomic
  select t.tag || body || t.tag
  from (
    select case n when 0 then '$$' else format('$lethe%s$', n) end as tag, n from generate_series(0, 99) as n
  ) as t
  where strpos(body, rtrim(t.tag, '$')) = 0 or n = 0 and strpos(body, '$') = 0
  order by t.n
  limit 1;
end;

comment on function lethe_private.dollar_quoted(text) is 'A body in dollar quotes that it does not itself contain.';

-- What an arriving value meets. Asked only of values that are not in the format, as the trigger's WHEN says.
create or replace function lethe_private.format_trigger_sql(declared lethe_private.declared_formats)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_table record;
  v_function text;
  v_refuse text;
  v_body text;
  v_sql text;
begin
  select n.nspname, c.relname into v_table from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where c.oid = declared.relation;
  v_function := format('%I.%I', v_table.nspname,
    lethe_private.format_object(concat_ws('_', v_table.relname, declared.column_name, 'is', declared.format)));
  v_refuse := format(E'raise exception using errcode = ''check_violation'',\n    message = %L,\n    hint = %L,\n    schema = tg_table_schema, table = tg_table_name, column = %L, constraint = %L;',
    format('a value for column %I of %s is not in its format, %s', declared.column_name, lethe_private.host_name(declared.relation), declared.format),
    case declared.on_arrival when 'reduce' then 'it could not be read, and so not be reduced' else 'the format is all that this column may hold' end,
    declared.column_name, declared.constraint_name);
  v_body := format(E'\nbegin\n  -- What was there before does not arrive.\n  if tg_op = ''UPDATE'' and new.%1$I is not distinct from old.%1$I then\n    return new;\n  end if;\n', declared.column_name)
    || case declared.on_arrival
      when 'reduce' then format(E'  new.%1$I := %2$s;\n  if new.%1$I is not null then\n    return new;\n  end if;\n',
        declared.column_name, replace(declared.reduction, '{value}', declared.new_value))
      else ''
    end || format(E'  %s\nend\n', v_refuse);
  v_sql := format(E'create or replace function %s()\n  returns trigger\n  language plpgsql\n  set search_path = pg_catalog, pg_temp\nas %s;\n',
    v_function, lethe_private.dollar_quoted(v_body));
  return v_sql || (
    select string_agg(format(
      E'create or replace trigger %1$I\n  before insert or update on %2$s\n  for each row\n  when (not (%3$s))\n  execute function %4$s();\ncomment on trigger %1$I on %2$s is %5$L;\n',
      declared.trigger_name, lethe_private.host_name(r), replace(declared.recogniser, '{value}', declared.new_value), v_function, declared.trigger_mark), '' order by r)
    from lethe_private.trigger_relations(declared.relation) as r);
end
$$;

comment on function lethe_private.format_trigger_sql(lethe_private.declared_formats) is 'The trigger that reduces or rejects what arrives, and its function.';

create or replace function lethe_private.format_constraint_sql(declared lethe_private.declared_formats)
  returns text
  language sql
  stable
return format(E'alter table %1$s\n  add constraint %2$I check (%3$s) not valid;\ncomment on constraint %2$I on %1$s is %4$L;\n',
  lethe_private.host_name(declared.relation),
  declared.constraint_name, replace(declared.recogniser, '{value}', declared.own_value), declared.constraint_mark);

comment on function lethe_private.format_constraint_sql(lethe_private.declared_formats) is 'The constraint that keeps a format, not validated.';

-- Page by page, each batch its own transaction: every row is read once, whatever its key, and a value that came in the
-- meantime lies in a page further on, in the format already. Held rows are left.
create or replace function lethe_private.format_reduce_sql(managed lethe.managed_tables, declared lethe_private.declared_formats)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reduction text := replace(declared.reduction, '{value}', declared.row_value);
  v_update text := format(
    E' as c\n        set %1$I = %2$s\n        where c.ctid >= $1 and c.ctid < $2\n          and not (%3$s)\n          and (%2$s) is not null\n          and %4$s\n      ',
    declared.column_name, v_reduction, replace(declared.recogniser, '{value}', declared.row_value),
    -- A day back, for controllers whose today has not begun.
    lethe_private.not_held_sql('c', managed, declared.relation, current_date - 1));
begin
  return 'do ' || lethe_private.dollar_quoted(format(
    $body$
declare
  v_pages_per_batch constant int := 500;        -- 4 MB
  v_pause_seconds constant double precision := 0.05;
  v_part regclass;
  v_pages bigint;
  v_page bigint;
begin
  for v_part in
    with recursive parts as (
      select %L::regclass::oid as oid
      union
      select i.inhrelid from parts as p join pg_catalog.pg_inherits as i on i.inhparent = p.oid
    )
    select p.oid from parts as p join pg_catalog.pg_class as r on r.oid = p.oid where r.relkind = 'r' order by p.oid
  loop
    v_pages := pg_catalog.pg_relation_size(v_part) / pg_catalog.current_setting('block_size')::int;
    v_page := 0;
    while v_page < v_pages loop
      execute 'update only ' || v_part::text || %s
      using pg_catalog.format('(%%s,0)', v_page)::tid, pg_catalog.format('(%%s,0)', v_page + v_pages_per_batch)::tid;
      commit;
      v_page := v_page + v_pages_per_batch;
      perform pg_catalog.pg_sleep(v_pause_seconds);
    end loop;
  end loop;
end
$body$, lethe_private.host_name(declared.relation), lethe_private.dollar_quoted(v_update))) || E';\n';
end
$$;

comment on function lethe_private.format_reduce_sql(lethe.managed_tables, lethe_private.declared_formats) is
  'Reduces the values that are there already, in batches, the held ones excepted.';

create or replace function lethe_private.format_left_sql(managed lethe.managed_tables, declared lethe_private.declared_formats)
  returns text
  language sql
  stable
return format('select count(*) as n from %s as c where not (%s) and ((%s) is null or %s)',
  lethe_private.host_name(declared.relation), replace(declared.recogniser, '{value}', declared.row_value),
  replace(coalesce(declared.reduction, 'null'), '{value}', declared.row_value),
  lethe_private.held_sql('c', managed, declared.relation, current_date - 1));

comment on function lethe_private.format_left_sql(lethe.managed_tables, lethe_private.declared_formats) is
  'Counts the values that are not in the format and that the reduction does not touch: unreadable ones, held ones.';
