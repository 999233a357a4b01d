-- The statements of reach.sql and outside.sql. Rows already known come as parameter $2: {"rows": [{"lethe$n": n,
-- column: value}], "keys": [key]}; they are read back in the types of their table, so that an index of the other one
-- serves. Inside: p is a row that is known, c one that is looked for.

-- Types are named rather than taken from the table (jsonb_populate_recordset): a domain that is NOT NULL refuses to be left out.
-- PostgreSQL takes the function for a hundred rows, for which it would rather read a table of some size whole. A limit that
-- it cannot foresee, and that is none, it takes for a tenth of that, and looks each row up by index where there is one.
create or replace function lethe_private.known_rows_sql(relation oid, columns text[])
  returns text
  language sql
  stable
begin atomic
  select format('(select * from jsonb_to_recordset(convert_from($2, ''UTF8'')::jsonb -> ''rows'') as x("lethe$n" int%s) limit (select null::bigint)) as p',
    string_agg(format(', %I %s', h.name, h.base_type), '' order by h.position))
  from lethe_private.host_columns as h
  where h.relation = known_rows_sql.relation and h.name = any (known_rows_sql.columns);
end;

comment on function lethe_private.known_rows_sql(oid, text[]) is 'A FROM item: the rows of $2 as p, in the types of a relation''s columns.';

create or replace function lethe_private.equality_of(relation oid, "column" text, other_relation oid, other_column text)
  returns text
  language sql
  stable
begin atomic
  select coalesce((
      select format('operator(%I.=)', n.nspname)
      -- That of its operator class, which takes a superuser to make; anybody can make an operator called =.
      from pg_catalog.pg_opclass as k
      join pg_catalog.pg_am as m on m.oid = k.opcmethod
      join pg_catalog.pg_amop as a on a.amopfamily = k.opcfamily and a.amoplefttype = k.opcintype and a.amoprighttype = k.opcintype
        and (m.amname, a.amopstrategy) in (('btree', 3), ('hash', 1))
      join pg_catalog.pg_operator as o on o.oid = a.amopopr and o.oprname = '='
      join pg_catalog.pg_type as t on t.oid = k.opcintype
      join pg_catalog.pg_namespace as tn on tn.oid = t.typnamespace
      join pg_catalog.pg_namespace as n on n.oid = o.oprnamespace
      where k.opcdefault and c.type_schema <> 'pg_catalog'
        and (t.typname, tn.nspname) = (c.type_name, c.type_schema) and (t.typname, tn.nspname) = (p.type_name, p.type_schema)
      limit 1), 'operator(pg_catalog.=)')
  from lethe_private.host_columns as c, lethe_private.host_columns as p
  where c.relation = equality_of.relation and c.name = equality_of."column"
    and p.relation = other_relation and p.name = other_column;
end;

comment on function lethe_private.equality_of(oid, text, oid, text) is 'The operator by which two columns of one type are compared.';

-- A type that is not PostgreSQL's own (those have OIDs below 16384) brings its own equality; unless named with its schema,
-- citext would be compared as text.
create or replace function lethe_private.equals_sql(relation oid, "column" text, other_relation oid, other_column text)
  returns text
  language sql
  stable
begin atomic
  select format('c.%I %s p.%I', c.attname, case
      when c.atttypid < 16384 or p.atttypid < 16384 then 'operator(pg_catalog.=)'
      else lethe_private.equality_of(equals_sql.relation, c.attname, other_relation, p.attname) end, p.attname)
  from pg_catalog.pg_attribute as c, pg_catalog.pg_attribute as p
  where c.attrelid = equals_sql.relation and c.attname = equals_sql."column" and c.attnum > 0
    and p.attrelid = other_relation and p.attname = other_column and p.attnum > 0;
end;

comment on function lethe_private.equals_sql(oid, text, oid, text) is 'True when a column of c is what a column of p is.';

create or replace function lethe_private.matches_sql(relation oid, columns text[], other_relation oid, other_columns text[])
  returns text
  language sql
  stable
begin atomic
  select string_agg(lethe_private.equals_sql(matches_sql.relation, x.a, other_relation, x.b), ' and ' order by x.n)
  from unnest(columns, other_columns) with ordinality as x (a, b, n);
end;

comment on function lethe_private.matches_sql(oid, text[], oid, text[]) is 'True when c refers to p, or p to c, by these columns.';

-- since: the clocks of what a law keeps, each as a local day of the controller's.
create or replace function lethe_private.facts_sql(
  managed lethe.managed_tables, relation oid, controller lethe.controllers, columns jsonb, links lethe.links[]
)
  returns text
  language sql
  stable
begin atomic
  select format('(select to_jsonb(f.*) from (select %s) as f)', concat_ws(', ',
    (select string_agg(format('c.%I', h.name), ', ' order by h.position)
     from lethe_private.host_columns as h
     where h.relation = facts_sql.relation and h.name in (select x from jsonb_array_elements_text(columns) as x)),
    (select format('jsonb_build_object(%s) as "lethe$since"', string_agg(format('%L, %s', l.id,
       lethe_private.clock_day_sql('c', h, managed.time_zone, controller.time_zone, managed.sentinels, lethe_private.today(controller.time_zone))), ', '))
     from unnest(links) as l
     join lethe_private.host_columns as h on h.relation = facts_sql.relation and h.name = l.on_erasure ->> 'since'
     where l.table_id = managed.id and h.type_name in ('date', 'timestamp', 'timestamptz')
     having count(*) > 0)));
end;

comment on function lethe_private.facts_sql(lethe.managed_tables, oid, lethe.controllers, jsonb, lethe.links[]) is
  'What a plan has to know of a row c, as jsonb.';

-- The shape of all of them: of each row found its key, the person it was found for, whether it is the controller's, its facts.
create or replace function lethe_private.found_sql(source text, known text, matches text, key text, ours text, facts text, lock boolean)
  returns text
  language sql
  immutable
return format($sql$select coalesce(jsonb_agg(jsonb_build_array(x.key, x.n, x.facts)) filter (where x.ours), '[]'), null::oid, null::tid[]
from (
  select %s as key, p."lethe$n" as n, coalesce(%s, false) as ours, %s as facts
  from %s
  join %s as c on %s%s
) as x$sql$, key, ours, facts, known, source, matches, case when lock then E'\n  for update of c' else '' end);

comment on function lethe_private.found_sql(text, text, text, text, text, text, boolean) is 'Rows c that match rows p.';

create or replace function lethe_private.ours_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers)
  returns text
  language sql
  stable
return case when lethe_private.has_controller(managed, controller)
  then lethe_private.controller_sql('c', managed, relation, controller) else 'false' end;

comment on function lethe_private.ours_sql(lethe.managed_tables, oid, lethe.controllers) is
  'True when row c is the controller''s, also where all of a table is another one''s.';

create or replace function lethe_private.archive_matches_sql(mirror oid, columns text[], relation oid)
  returns text
  language sql
  stable
begin atomic
  -- What the archive keeps as text may have been compared without regard to case.
  select string_agg(format(case when h.type_name = 'citext' then 'lower(c.%1$I) = lower(p.%1$I)' else 'c.%1$I = p.%1$I' end, x.name), ' and ' order by x.n)
  from unnest(columns) with ordinality as x (name, n)
  left join lethe_private.host_columns as h on h.relation = archive_matches_sql.relation and h.name = x.name;
end;

comment on function lethe_private.archive_matches_sql(oid, text[], oid) is
  'True when archived row c has what p has, p being written in the names and types of the mirror.';
