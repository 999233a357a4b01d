-- How the statements of an erasure find their rows: by key, column by column and typed, so that the key's index
-- serves. The keys come as data (as $2, or a part of it), never as text of a statement, which a log could keep.

-- from: SQL of a jsonb array of objects, read back in the types of a relation's columns. For the limit see known_rows_sql.
create or replace function lethe_private.given_sql(relation oid, columns text[], "from" text)
  returns text
  language sql
  stable
begin atomic
  select format('(select * from jsonb_to_recordset(%s) as x (%s) limit (select null::bigint)) as p', "from", string_agg(format('%I %s', h.name, h.base_type), ', ' order by h.position))
  from lethe_private.host_columns as h
  where h.relation = given_sql.relation and h.name = any (given_sql.columns);
end;

comment on function lethe_private.given_sql(oid, text[], text) is 'A FROM item: given rows as p.';

-- The rows of a table that were given, as "c".
create or replace function lethe_private.chosen_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, "from" text)
  returns text
  language sql
  stable
return format('%s where %s and %s',
  lethe_private.given_sql(relation, managed.key_columns, "from"),
  lethe_private.matches_sql(relation, managed.key_columns, relation, managed.key_columns),
  lethe_private.controller_sql('c', managed, relation, controller));

comment on function lethe_private.chosen_sql(lethe.managed_tables, oid, lethe.controllers, text) is
  'FROM and WHERE behind a table c: its rows of the given keys, the controller''s alone.';

-- Archived rows are known by all that was read of them, since one may bear the key of another.
create or replace function lethe_private.chosen_archived_sql(mirror lethe_private.mirrors, controller lethe.controllers, fact_names text[], "from" text)
  returns text
  language sql
  stable
begin atomic
  select format('(select * from jsonb_to_recordset(%s) as x ("lethe$key" text%s) limit (select null::bigint)) as p where c."lethe$controller" = %s and c."lethe$key" = p."lethe$key"%s',
    "from",
    string_agg(format(', %I %s', m.column_name, m.mirror_type), '' order by m.number),
    controller.id,
    string_agg(format(' and c.%1$I is not distinct from p.%1$I', m.column_name), '' order by m.number))
  from lethe_private.mirror_columns as m
  where m.mirror_id = mirror.id and m.column_name = any (fact_names);
end;

comment on function lethe_private.chosen_archived_sql(lethe_private.mirrors, lethe.controllers, text[], text) is
  'FROM and WHERE behind a table c of the archive: its rows as they were reached.';

-- One statement may touch several tables, and each may have declared a search path for its triggers.
create or replace function lethe_private.under_paths_of(table_ids int[])
  returns lethe.managed_tables
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = any (table_ids) order by m.id limit 1;
  select string_agg(p.search_path, ', ' order by p.first_id) into v_managed.search_path
  from (
    select m.search_path, min(m.id) as first_id from lethe.managed_tables as m
    where m.id = any (table_ids) and m.search_path is not null group by m.search_path
  ) as p;
  return v_managed;
end
$$;

comment on function lethe_private.under_paths_of(int[]) is
  'One of the tables, with the search paths declared for any of them, one behind the other.';

-- {oid: [inserts, updates, deletes]}, as lethe_private.rows_written has it.
create or replace function lethe_private.add_writes(planned jsonb, relation oid, updates bigint, deletes bigint)
  returns jsonb
  language sql
  stable
return (
  select planned || jsonb_build_object(w.oid, jsonb_build_array(0,
    coalesce((planned #>> array[w.oid::text, '1'])::bigint, 0) + updates,
    coalesce((planned #>> array[w.oid::text, '2'])::bigint, 0) + deletes))
  from (select lethe_private.whole_table(relation) as oid) as w);

comment on function lethe_private.add_writes(jsonb, oid, bigint, bigint) is 'Adds what a statement was meant to write to what is planned.';
