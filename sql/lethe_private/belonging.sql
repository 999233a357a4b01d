-- Of the rows reached, which belong to these people alone. A row that several share is theirs only when nobody else has
-- it; and what hangs on a shared row is theirs only when that is.

create or replace function lethe_private.fact_tuple(facts jsonb, columns text[], folded boolean, padded boolean)
  returns jsonb
  language sql
  immutable
return (
  select case when bool_and(coalesce(facts -> c, 'null') <> 'null') then
    jsonb_agg(case
      when jsonb_typeof(facts -> c) <> 'string' then facts -> c
      when folded then to_jsonb(lower(facts ->> c))
      when padded then to_jsonb(rtrim(facts ->> c, ' '))
      else facts -> c end order by n) end
  from unnest(columns) with ordinality as x (c, n));

comment on function lethe_private.fact_tuple(jsonb, text[], boolean, boolean) is
  'What a row has in some columns, to be compared with another''s; null where one is null. folded: as citext compares; padded: as char(n) does.';

create or replace function lethe_private.columns_of_type(table_ids int[], type_name text)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = on
as $$
begin
  return (
    select coalesce(jsonb_object_agg(x.table_id, x.columns), '{}')
    from (
      select m.table_id, jsonb_agg(h.name) as columns
      from lethe_private.managed_relations as m
      join lethe_private.host_columns as h on h.relation = m.relation
      where m.table_id = any (table_ids) and h.type_name = columns_of_type.type_name
      group by m.table_id
    ) as x);
end
$$;

comment on function lethe_private.columns_of_type(int[], text) is 'Columns of a type that compares in a way of its own: {table: [column]}.';

-- Who refers to whom among the rows reached. Foreign keys hold between live rows.
create or replace function lethe_private.reach_edges(
  rows lethe_private.reached_row[], links lethe.links[], keys lethe_private.erasure_references[]
)
  returns lethe_private.reached_edge[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
declare
  v_tables int[] := array(select distinct r.table_id from unnest(rows) as r);
  v_folded jsonb := lethe_private.columns_of_type(v_tables, 'citext');
  v_padded jsonb := lethe_private.columns_of_type(v_tables, 'bpchar');
begin
  return (
    with reached as materialized (
      select r.n, r.table_id, r.mirror_id, r.facts
      from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    ), present as materialized (
      select distinct r.table_id from reached as r
    ), ways as materialized (
      select l.id as link_id, null::oid as foreign_key, l.table_id as child_id, l.columns, l.to_table_id as parent_id, l.to_columns as parent_columns
      from unnest(links) as l
      where l.kind <> 'ignore'
      union all
      select null, e.constraint_id, e.child_id, e.child_columns, e.parent_id, e.parent_columns
      from unnest(keys) as e
    ), present_ways as materialized (
      select w.*, row_number() over () as way,
        v_folded -> w.child_id::text ?| w.columns or v_folded -> w.parent_id::text ?| w.parent_columns as folded,
        v_padded -> w.child_id::text ?| w.columns or v_padded -> w.parent_id::text ?| w.parent_columns as padded
      from ways as w
      where w.child_id in (select p.table_id from present as p) and w.parent_id in (select p.table_id from present as p)
    ), used as materialized (
      select w.*, cardinality(w.columns) = 1 and (w.folded or w.padded) is not true as is_plain from present_ways as w
    ), children as materialized (
      select u.way, r.n, case when u.is_plain then nullif(r.facts -> u.columns[1], 'null') else lethe_private.fact_tuple(r.facts, u.columns, u.folded, u.padded) end as value
      from used as u
      join reached as r on r.table_id = u.child_id and (u.foreign_key is null or r.mirror_id is null)
    ), parents as materialized (
      select u.way, r.n, case when u.is_plain then nullif(r.facts -> u.parent_columns[1], 'null') else lethe_private.fact_tuple(r.facts, u.parent_columns, u.folded, u.padded) end as value
      from used as u
      join reached as r on r.table_id = u.parent_id and (u.foreign_key is null or r.mirror_id is null)
    )
    select coalesce(array_agg((c.n, p.n, u.link_id, u.foreign_key)::lethe_private.reached_edge), '{}')
    from children as c
    join parents as p on p.way = c.way and p.value = c.value
    join used as u on u.way = c.way);
end
$$;

comment on function lethe_private.reach_edges(lethe_private.reached_row[], lethe.links[], lethe_private.erasure_references[]) is
  'By which links and foreign keys the rows reached refer to one another.';

-- PostgreSQL has found each row by a link; here values are compared as they are written. Where two are equal that are written in
-- two ways (a day and a moment, a collation that knows no case), nobody could say any more whose the row is, and it would stay.
create or replace function lethe_private.assert_edges(rows lethe_private.reached_row[], edges lethe_private.reached_edge[])
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
declare
  v_link lethe.links;
begin
  select l.* into v_link
  from (
    select r.link_id
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    where r.link_id is not null and not exists (select from unnest(edges) as e where e.child = r.n and e.link_id = r.link_id)
  ) as x
  join lethe.links as l on l.id = x.link_id
  order by l.id
  limit 1;
  if found then
    raise exception using errcode = 'LE421',
      message = format('rows of %s (%s) refer to the person by values that are equal and written in another way',
        (select lethe_private.plain_name(m) from lethe.managed_tables as m where m.id = v_link.table_id), array_to_string(v_link.columns, ', ')),
      hint = 'the columns that a link pairs must be of one type, and of a collation that tells apart what is written in two ways';
  end if;
end
$$;

comment on function lethe_private.assert_edges(lethe_private.reached_row[], lethe_private.reached_edge[]) is
  'Raises LE421 for a row of which it cannot be said to which other one the link leads by which it was found.';

-- A shared row is somebody else's, too, when one of its links leads to a row that was not reached, or when a row that was
-- not reached refers to it by a foreign key.
create or replace function lethe_private.shared_with_others(
  rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], keys lethe_private.erasure_references[], controller lethe.controllers
)
  returns int[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_links lethe.links[] := array(select l from unnest(links) as l where l.kind in ('own', 'share'));
  v_shared jsonb := (
    -- By table: {table: [position]}
    select jsonb_object_agg(x.table_id, x.positions)
    from (
      select r.table_id, jsonb_agg(r.n) as positions
      from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
      where r.n in (select e.child from unnest(edges) as e join unnest(v_links) as l on l.id = e.link_id where l.kind = 'share')
      group by r.table_id
    ) as x);
  v_way record;
  v_positions int[];
  v_found jsonb := '[]';
begin
  if v_shared is null then
    return '{}';
  end if;
  for v_way in
    select t as managed, x.*, o as other_managed
    from (
      select l.table_id, l.columns, m.relation as other, l.to_columns as other_columns, true as is_link
      from unnest(v_links) as l
      join lethe_private.managed_relations as m on m.table_id = l.to_table_id
      union
      select f.parent_id, f.parent_columns, f.child, f.child_columns, false
      from unnest(keys) as f
      where not exists (
        select from unnest(v_links) as l
        where l.table_id = f.parent_id and l.columns = f.parent_columns and l.to_table_id = f.child_id and l.to_columns = f.child_columns)
    ) as x (table_id, columns, other, other_columns, is_link)
    join lethe.managed_tables as t on t.id = x.table_id
    left join lethe_private.managed_relations as r on r.relation = x.other
    left join lethe.managed_tables as o on o.id = r.table_id
    where v_shared ? x.table_id::text
  loop
    v_positions := array(select n::int from jsonb_array_elements_text(v_shared -> (v_way.managed).id::text) as n);
    v_found := v_found || (lethe_private.outside(rows, v_positions, v_way.managed, v_way.columns, v_way.other, v_way.other_columns) -> 'of');
    if v_way.is_link then
      v_found := v_found || lethe_private.outside_archived(rows, v_positions, v_way.columns, v_way.other_managed, v_way.other_columns, controller);
    end if;
  end loop;
  return array(select distinct n::int from jsonb_array_elements_text(v_found) as n);
end
$$;

comment on function lethe_private.shared_with_others(lethe_private.reached_row[], lethe_private.reached_edge[], lethe.links[], lethe_private.erasure_references[], lethe.controllers) is
  'Positions of the shared rows that somebody has who is not erased.';

-- From the roots downwards, past no row that is shared. What turns out not to be theirs may share other rows in its turn,
-- so it is asked again until nothing changes; fewer rows each time.
create or replace function lethe_private.belonging(
  rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], shared int[]
)
  returns int[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
declare
  v_links jsonb := (select jsonb_object_agg(l.id, l.kind) from unnest(links) as l where l.kind in ('own', 'share'));
  v_edges lethe_private.reached_edge[] := array(select e from unnest(edges) as e where v_links ? e.link_id::text);
  v_shared int[] := shared;
  v_mine int[];
  v_more int[];
begin
  loop
    with recursive reached as materialized (
      select r.n::int as n, r.kind, r.table_id, r.mirror_id, r.key
      from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    ), usable as materialized (
      select e.child, e.parent from unnest(v_edges) as e
      where v_links ->> e.link_id::text = 'own' or e.child not in (select s from unnest(v_shared) as s)
    ), mine as (
      select r.n from reached as r where r.kind = 'root'
      union
      select u.child from mine as m join usable as u on u.parent = m.n
    ), base as (
      -- A value that was archived of a row is whose the row is.
      select m.n from mine as m
      union
      select v.n
      from mine as m
      join reached as r on r.n = m.n
      join reached as v on v.table_id = r.table_id and v.key = r.key
      where v.mirror_id is not null
    )
    select coalesce(array_agg(b.n), '{}') into v_mine from base as b;
    v_more := array(
      select distinct e.child from unnest(v_edges) as e
      where v_links ->> e.link_id::text = 'share'
        and e.child not in (select s from unnest(v_shared) as s)
        and e.parent not in (select m from unnest(v_mine) as m));
    exit when v_more = '{}';
    v_shared := v_shared || v_more;
  end loop;
  return v_mine;
end
$$;

comment on function lethe_private.belonging(lethe_private.reached_row[], lethe_private.reached_edge[], lethe.links[], int[]) is
  'Positions of the rows that are these people''s and nobody else''s.';
