create or replace function lethe_private.mirror_type(source lethe_private.host_columns)
  returns text
  language sql
  immutable
return case
  when source.type_schema = 'pg_catalog' and source.type_name !~ '^_?reg' then source.base_type
  else 'text'
end;

comment on function lethe_private.mirror_type(lethe_private.host_columns) is
  'The type a column has in the archive: its base type where that is PostgreSQL''s own, else text.';

-- A mirror of values keeps as little as can be: the key, what dates the values, what conditions ask for.
create or replace function lethe_private.mirror_shape(managed lethe.managed_tables, relation oid, kind text)
  returns setof lethe_private.mirror_columns
  language sql
  stable
begin atomic
  with valued as (
    select r.column_name as name from lethe.rules as r
    where r.table_id = managed.id and r.action = 'archive' and r.column_name is not null
  ), asked as (
    select unnest(managed.key_columns) as name
    union select unnest(t.since) from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where r.table_id = managed.id
  ), conditions as (
    select string_agg(t.condition, ' ') as text from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where r.table_id = managed.id
  )
  select null::int, h.name, h.position, h.type, lethe_private.mirror_type(h),
    mirror_shape.kind = 'rows' or h.name in (select v.name from valued as v)
  from lethe_private.host_columns as h
  cross join conditions as c
  where h.relation = mirror_shape.relation
    and (mirror_shape.kind = 'rows'
      or h.name in (select v.name from valued as v union select a.name from asked as a)
      or lethe_private.names_column(c.text, h.name))
  order by h.position;
end;

comment on function lethe_private.mirror_shape(lethe.managed_tables, oid, text) is
  'The columns that a mirror of a table has to have as the table and its policy are now.';

create or replace function lethe_private.shape_text(shape lethe_private.mirror_columns[])
  returns text
  language sql
  immutable
begin atomic
  select string_agg(format('%I %s %s', s.column_name, s.mirror_type, s.holds_value), ', ' order by s.column_name) from unnest(shape) as s;
end;

comment on function lethe_private.shape_text(lethe_private.mirror_columns[]) is 'Names and types of a mirror''s columns as one text.';

-- The mirror that fits, or the name that the next one will have: lethe.preview shows it before it is there.
create or replace function lethe_private.mirror_name(managed lethe.managed_tables, relation oid, kind text)
  returns text
  language sql
  stable
begin atomic
  select coalesce((
      select m.name
      from lethe_private.mirrors as m
      where m.table_id = managed.id and m.kind = mirror_name.kind
        and lethe_private.shape_text(array(select c from lethe_private.mirror_columns as c where c.mirror_id = m.id))
          = lethe_private.shape_text(array(select s from lethe_private.mirror_shape(managed, relation, mirror_name.kind) as s))
      order by m.id desc
      limit 1),
    (select format('%s%s_%s', p.prefix, case mirror_name.kind when 'values' then '_values' else '' end,
        1 + coalesce((select max(m.id) from lethe_private.mirrors as m), 0))
     from (select left(regexp_replace(lower(managed.schema_name || '_' || managed.table_name), '[^a-z0-9_]', '_', 'g'), 40) as prefix) as p));
end;

comment on function lethe_private.mirror_name(lethe.managed_tables, oid, text) is
  'The table of lethe_archive that rows (or values) of a table go to as it is now.';

-- What a program was written for: a column that comes, goes or changes its type must not be missed by a
-- statement that names the others.
create or replace function lethe_private.shape_mark(relations jsonb)
  returns text
  language sql
  stable
begin atomic
  select md5(string_agg(format('%s %s %s %s %s', a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod), ',' order by a.attrelid, a.attnum)
    || (select count(*) from pg_catalog.pg_inherits as i where i.inhparent in (select x.oid::oid from jsonb_array_elements_text(relations) as x (oid))))
  from jsonb_array_elements_text(relations) as r (oid)
  join pg_catalog.pg_attribute as a on a.attrelid = r.oid::oid and a.attnum > 0 and not a.attisdropped;
end;

comment on function lethe_private.shape_mark(jsonb) is 'A mark of all columns of the given tables (oids).';

create or replace function lethe_private.shape_of(managed lethe.managed_tables)
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_build_object('of', f.relations, 'mark', lethe_private.shape_mark(f.relations))
  from (
    select jsonb_agg(lethe_private.host_table(m.schema_name, m.table_name)::bigint) as relations
    from lethe_private.archived_family(managed) as m
  ) as f;
end;

comment on function lethe_private.shape_of(lethe.managed_tables) is
  'The columns of a table and of what is archived along with its rows, for a program to remember: {"of": oids, "mark"}.';
