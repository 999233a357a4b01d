-- What is restricted (GDPR Art. 18), or kept after an erasure only because a law says so: nobody is to use it.
-- To the engine a restriction is a hold. Here is what ordinary statements ask, row by row, where the owner of a table
-- has opted in with lethe.restriction_sql. The question is that of holds: the row is named, or belongs by own and share
-- links to one that is.
create or replace view lethe_private.restricted_keys as
  select h.controller_id, k.table_id, k.key
  from lethe_private.held_keys as k
  join lethe.holds as h on h.id = k.hold_id
  where h.request_id is not null and h.released_at is null
  union all
  select q.controller_id, r.table_id, r.key
  from lethe_private.request_roots as r
  join lethe.requests as q on q.id = r.request_id
  where q.kind = 'erasure' and q.state in ('executed', 'blocked')
  union all
  -- Whose root may be gone.
  select q.controller_id, k.table_id, k.key
  from lethe_private.kept_rows as k
  join lethe.requests as q on q.id = k.request_id
  where k.retained and q.kind = 'erasure' and q.state in ('executed', 'blocked');

comment on view lethe_private.restricted_keys is 'Keys of rows that are restricted, or blocked; rows that belong to them are, too.';

-- Of one link or more: a row may be named itself on the way, where its own parent is in the archive.
create or replace function lethe_private.restricting_paths(table_id int)
  returns table (path int[])
  language sql
  stable
begin atomic
  with recursive up as (
    select array[l.id] as path, l.to_table_id, l.subject_type_id
    from lethe.links as l
    where l.table_id = restricting_paths.table_id and l.kind in ('own', 'share')
    union all
    select u.path || l.id, l.to_table_id, l.subject_type_id
    from up as u
    join lethe.links as l on l.table_id = u.to_table_id and l.subject_type_id = u.subject_type_id
      and l.kind in ('own', 'share') and l.id <> all (u.path)
  )
  select u.path from up as u;
end;

comment on function lethe_private.restricting_paths(int) is 'The links, from a table upwards, by which its rows may belong to a person.';

-- lethe.is_restricted of the key that stands at the end of a path. Where the row's own columns say that key, nothing
-- else is read; else the rows on the way are.
create or replace function lethe_private.restricted_path_sql(alias text, managed lethe.managed_tables, table_oid oid, path int[])
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_alias text := alias;
  v_oid oid := table_oid;
  v_from text[] := '{}';
  v_where text[] := '{}';
  v_link lethe.links;
  v_parent lethe.managed_tables := managed;
  v_key text := lethe_private.key_sql(alias, table_oid, managed.key_columns);
  v_owner text := coalesce(managed.controller_id::text, 'null') || ', '
    || coalesce((select format('%s.%I::text', alias, managed.controller_column) where managed.controller_column is not null), 'null');
begin
  for n in 1 .. cardinality(path) loop
    select l.* into v_link from lethe.links as l where l.id = path[n];
    select m.* into v_parent from lethe.managed_tables as m where m.id = v_link.to_table_id;
    v_key := case when n = cardinality(path) then lethe_private.key_through_sql(v_alias, v_oid, v_link.columns,
      lethe_private.host_table(v_parent.schema_name, v_parent.table_name), v_link.to_columns, v_parent.key_columns) end;
    exit when v_key is not null;
    v_where := v_where || lethe_private.reference_sql(v_alias, v_link.columns, 'r' || n, v_link.to_columns);
    v_oid := lethe_private.host_table(v_parent.schema_name, v_parent.table_name);
    v_from := v_from || format('%s as r%s', lethe_private.host_name(v_oid), n);
    v_alias := 'r' || n;
    v_key := lethe_private.key_sql(v_alias, v_oid, v_parent.key_columns);
  end loop;
  v_key := format('lethe.is_restricted(%s, %s, %s)', v_parent.id, v_key, v_owner);
  return case when v_from = '{}' then v_key
    else format('exists (select from %s where %s)', array_to_string(v_from, ', '), array_to_string(v_where || v_key, ' and ')) end;
end
$$;

comment on function lethe_private.restricted_path_sql(text, lethe.managed_tables, oid, int[]) is
  'True when the row at the end of a path (no link: the row itself) is restricted by name. Null where a table of the way is gone.';

create or replace function lethe_private.restricted_parts(alias text, managed lethe.managed_tables, table_oid oid)
  returns text[]
  language sql
  stable
begin atomic
  select array_agg(distinct x.part order by x.part)
  from (
    select lethe_private.restricted_path_sql(alias, managed, table_oid, p.path) as part
    from (select '{}'::int[] as path union all select q.path from lethe_private.restricting_paths(managed.id) as q) as p
  ) as x
  where x.part is not null;
end;

comment on function lethe_private.restricted_parts(text, lethe.managed_tables, oid) is
  'Predicates of which each says that a row is restricted; those that read other rows begin with exists.';

create or replace function lethe_private.restricting_columns(managed lethe.managed_tables)
  returns text[]
  language sql
  stable
return managed.key_columns || managed.controller_column || array(
  select c from lethe.links as l cross join unnest(l.columns) as c where l.table_id = managed.id and l.kind in ('own', 'share'));

comment on function lethe_private.restricting_columns(lethe.managed_tables) is
  'The columns of a row that say whether it is restricted: its key, whose it is, and to whom it belongs.';

-- The row comes as jsonb, so that nobody can pass a type of their own; and only the columns that are asked for are read.
create or replace function lethe_private.restricted_statement(managed lethe.managed_tables, table_oid oid)
  returns text
  language sql
  stable
begin atomic
  select format('select exists (select from pg_catalog.jsonb_to_record(($1).facts) as c (%s) where %s)',
    string_agg(format('%I %s', h.name, h.type), ', ' order by h.position),
    array_to_string(lethe_private.restricted_parts('c', managed, table_oid), ' or '))
  from lethe_private.host_columns as h
  where h.relation = table_oid and h.name = any (lethe_private.restricting_columns(managed));
end;

comment on function lethe_private.restricted_statement(lethe.managed_tables, oid) is 'Asks whether a row, as jsonb in $1, is restricted.';
