-- Fills a format's template in a single pass, so that nothing filled in is read as a placeholder again.
create or replace function lethe_private.fill_format(template text, value text, type text, parameters jsonb)
  returns text
  language sql
  immutable
begin atomic
  select btrim(string_agg(coalesce(
    case m.part[1] when 'value' then fill_format.value when 'type' then fill_format.type else fill_format.parameters ->> m.part[1] end,
    m.part[2], ''), '' order by m.n))
  from regexp_matches(template, '\{([a-z]\w*)\}|([^{]+|\{)', 'g') with ordinality as m (part, n);
end;

comment on function lethe_private.fill_format(text, text, text, jsonb) is
  'A template of lethe.formats over one value. Parameters are numbers, checked before.';

-- A text is read as text and in collation "C": patterns refuse a collation that is not deterministic, and the answer
-- must not depend on one.
create or replace function lethe_private.format_value(prefix text, name text, type text, kind text)
  returns text
  language sql
  immutable
return concat(prefix, quote_ident(name),
  case when kind = 'text' then concat(case when type <> 'text' then '::text' end, ' collate "C"') end);

comment on function lethe_private.format_value(text, text, text, text) is 'The value of a column, as the templates of its kind want it.';

-- What the host's objects say in their comments, by which they are known again: the format, and the very expressions.
create or replace function lethe_private.format_mark(format text, expressions text)
  returns text
  language sql
  immutable
return format('lethe format %s %s', format, left(md5(expressions), 8));

comment on function lethe_private.format_mark(text, text) is 'The mark of a constraint or trigger that keeps a format.';

create or replace function lethe_private.format_object(name text)
  returns text
  language sql
  immutable
return case when octet_length(name) < 64 then name else 'format_' || md5(name) end;

comment on function lethe_private.format_object(text) is 'The name of a constraint, trigger or function of a format; a digest of it where it would be too long.';

create or replace function lethe_private.format_parameters(declared jsonb, given jsonb)
  returns jsonb
  language sql
  immutable
begin atomic
  select coalesce(jsonb_object_agg(p.key, coalesce(given -> p.key, p.value -> 'default')), '{}') from jsonb_each(declared) as p;
end;

comment on function lethe_private.format_parameters(jsonb, jsonb) is 'All parameters of a format: as given, else by default.';

create or replace view lethe_private.declared_formats as
  select
    d.table_id,
    h.relation,
    h.position,
    d.column_name,
    h.type,
    h.base_type,
    h.type_name,
    h.length,
    d.format,
    d.kind,
    d.on_arrival,
    f.types,
    f.examples,
    p.recogniser,
    p.reduction,
    lethe_private.format_value('', d.column_name, h.type, d.kind) as own_value,
    lethe_private.format_value('c.', d.column_name, h.type, d.kind) as row_value,
    lethe_private.format_value('new.', d.column_name, h.type, d.kind) as new_value,
    lethe_private.format_object(d.column_name || '_is_' || d.format) as constraint_name,
    lethe_private.format_object('zz_' || d.column_name || '_is_' || d.format) as trigger_name,
    lethe_private.format_mark(d.format, p.recogniser) as constraint_mark,
    lethe_private.format_mark(d.format, concat_ws(' ', d.on_arrival, p.recogniser, p.reduction)) as trigger_mark
  from lethe.column_formats as d
  join lethe.managed_tables as m on m.id = d.table_id
  join lethe.formats as f on f.name = d.format and f.kind = d.kind
  join lethe_private.host_columns as h
    on h.relation = lethe_private.host_table(m.schema_name, m.table_name) and h.name = d.column_name
  cross join lateral (
    select
      lethe_private.fill_format(f.recogniser, '{value}', h.base_type, x.parameters) as recogniser,
      lethe_private.fill_format(f.reduction, '{value}', h.base_type, x.parameters) as reduction
    from lethe_private.format_parameters(f.parameters, d.parameters) as x (parameters)
  ) as p;

comment on view lethe_private.declared_formats is
  'The formats that columns are declared to have, their templates filled but for {value}, with the names and marks of the host''s objects that keep them.';

create or replace function lethe_private.format_of_type(format text, type_name text, what text)
  returns lethe.formats
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_format lethe.formats;
begin
  if not exists (select from lethe.formats as f where f.name = format_of_type.format) then
    raise exception using errcode = 'LE113',
      message = pg_catalog.format('format %L does not exist', format_of_type.format),
      hint = 'one of ' || (select string_agg(distinct f.name, ', ') from lethe.formats as f);
  end if;
  select f.* into v_format from lethe.formats as f where f.name = format_of_type.format and format_of_type.type_name = any (f.types);
  if not found then
    raise exception using errcode = 'LE319',
      message = pg_catalog.format('%s cannot hold format %s', what, format_of_type.format),
      hint = 'it fits ' || (select string_agg(array_to_string(f.types, ', '), ', ' order by f.kind) from lethe.formats as f where f.name = format_of_type.format);
  end if;
  return v_format;
end
$$;

comment on function lethe_private.format_of_type(text, text, text) is 'The row of lethe.formats for a type. Raises LE113, LE319.';

create or replace function lethe_private.get_format("table" text, "column" text)
  returns lethe_private.declared_formats
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_declared lethe_private.declared_formats;
begin
  perform lethe_private.assert_columns(v_managed, array["column"]);
  select d.* into v_declared from lethe_private.declared_formats as d where d.table_id = v_managed.id and d.column_name = "column";
  if not found then
    raise exception using errcode = 'LE113',
      message = format('column %I of %s has no format', "column", lethe_private.plain_name(v_managed)),
      hint = format('select lethe.set_format(%L, %L, …)', lethe_private.plain_name(v_managed), "column");
  end if;
  -- The column may have been given another type since.
  perform lethe_private.format_of_type(v_declared.format, v_declared.type_name,
    format('column %I of %s, of type %s,', "column", lethe_private.plain_name(v_managed), v_declared.type));
  return v_declared;
end
$$;

comment on function lethe_private.get_format(text, text) is 'The format that a column is declared to have. Raises LE102, LE103, LE113, LE319.';

-- A trigger on a partitioned table reaches its partitions by itself; one on a table that others inherit from does not.
create or replace function lethe_private.trigger_relations(relation oid)
  returns setof oid
  language sql
  stable
begin atomic
  with recursive tree as (
    select trigger_relations.relation as oid
    union
    select i.inhrelid
    from tree as t
    join pg_catalog.pg_inherits as i on i.inhparent = t.oid
    join pg_catalog.pg_class as c on c.oid = i.inhrelid and not c.relispartition
  )
  select t.oid from tree as t order by t.oid;
end;

comment on function lethe_private.trigger_relations(oid) is 'The tables on which a row trigger must be made to reach all rows of a table.';

-- What an earlier declaration of the same column left on the table, known by its comment. A trigger of the same name is
-- replaced, so it is not among them.
create or replace function lethe_private.format_leftovers(declared lethe_private.declared_formats)
  returns table (n int, statement text)
  language sql
  stable
begin atomic
  with triggers as (
    select g.tgname, g.tgrelid, f.proname, n.nspname
    from lethe_private.trigger_relations(declared.relation) as r (oid)
    join pg_catalog.pg_trigger as g on g.tgrelid = r.oid and not g.tgisinternal
    join pg_catalog.pg_proc as f on f.oid = g.tgfoid
    join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
    where obj_description(g.oid, 'pg_trigger') ~ '^lethe format '
      and (g.tgname <> declared.trigger_name or declared.on_arrival is null)
      and exists (select from lethe.formats as x where g.tgname = lethe_private.format_object('zz_' || declared.column_name || '_is_' || x.name))
  )
  select 1, format('drop trigger %I on %s;', t.tgname, lethe_private.host_name(t.tgrelid)) from triggers as t
  union all
  select distinct 2, format('drop function %I.%I();', t.nspname, t.proname) from triggers as t
  union all
  select 3, format('alter table %s drop constraint %I;', lethe_private.host_name(k.conrelid), k.conname)
  from pg_catalog.pg_constraint as k
  where k.conrelid = declared.relation and k.contype = 'c' and k.conkey = array[declared.position]
    and obj_description(k.oid, 'pg_constraint') ~ '^lethe format '
    and (obj_description(k.oid, 'pg_constraint') <> declared.constraint_mark or not coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true));
end;

comment on function lethe_private.format_leftovers(lethe_private.declared_formats) is
  'Statements that drop what an earlier declaration of a column''s format left on the table, in their order.';

-- The constraint may stand on the table, or on the domain that the column is of. One that is not enforced
-- (PostgreSQL 18) keeps nothing.
create or replace function lethe_private.format_state(declared lethe_private.declared_formats)
  returns table (on_domain boolean, has_constraint boolean, validated boolean, name_taken boolean, has_trigger boolean, left_over boolean)
  language sql
  stable
begin atomic
  with constraints as (
    select k.contypid <> 0 as on_domain, k.conname, k.convalidated,
      -- The same mark on another column's constraint says nothing of this one.
      case when k.contypid <> 0 or k.conkey = array[declared.position] then obj_description(k.oid, 'pg_constraint') end as mark,
      k.contype = 'c' and coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true) as enforced
    from pg_catalog.pg_constraint as k
    where k.conrelid = declared.relation
      or k.contypid = (select a.atttypid from pg_catalog.pg_attribute as a where a.attrelid = declared.relation and a.attnum = declared.position)
  ), triggers as (
    select obj_description(g.oid, 'pg_trigger') as mark, g.tgenabled in ('O', 'A') as enabled
    from lethe_private.trigger_relations(declared.relation) as r (oid)
    left join pg_catalog.pg_trigger as g on g.tgrelid = r.oid and g.tgname = declared.trigger_name
  )
  select
    exists (select from constraints as c where c.enforced and c.mark = declared.constraint_mark and c.on_domain),
    exists (select from constraints as c where c.enforced and c.mark = declared.constraint_mark),
    exists (select from constraints as c where c.enforced and c.mark = declared.constraint_mark and c.convalidated),
    exists (select from constraints as c where not c.on_domain and c.conname = declared.constraint_name and coalesce(c.mark, '') !~ '^lethe format '),
    declared.on_arrival is null or (select coalesce(bool_and(t.enabled and t.mark = declared.trigger_mark), false) from triggers as t),
    exists (select from lethe_private.format_leftovers(declared));
end;

comment on function lethe_private.format_state(lethe_private.declared_formats) is
  'What of a declared format is in place: the constraint, whether all rows were checked, the trigger; and what stands in its way.';
