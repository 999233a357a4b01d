-- What an erasure does with each row that was reached. In this order: whose is it (belonging.sql); does a law keep it; what
-- of somebody else's row names the person; and what has to stay because something that stays refers to it.
create or replace function lethe_private.decide(
  rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers, today date
)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
  set jit = off
as $$
declare
  v_keys lethe_private.erasure_references[] := lethe_private.references_of_people();
  v_links lethe.links[] := array(select l from lethe_private.erasure_links(type) as l);
  v_edges lethe_private.reached_edge[] := lethe_private.reach_edges(rows, v_links, v_keys);
  v_mine int[] := lethe_private.belonging(rows, v_edges, v_links, lethe_private.shared_with_others(rows, v_edges, v_links, v_keys, controller));
  v_rows lethe_private.reached_row[];
begin
  perform lethe_private.assert_edges(rows, v_edges);
  v_rows := array(
    select (r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id, r.facts,
      case when m.n is null then 'stay' else 'purge' end, null, null, null,
      case when m.n is null and r.kind = 'mention' then 'somebody else''s'
        when m.n is null and r.kind = 'share' then 'somebody else has it, too'
        when m.n is null then 'hangs on what somebody else has, too'
        when r.kind = 'root' then 'the person''s own row'
        when r.kind = 'share' then 'nobody else has it'
        else 'about this person alone' end)::lethe_private.reached_row
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    left join unnest(v_mine) as m (n) on m.n = r.n
    order by r.n);
  v_rows := lethe_private.decide_retained(v_rows, v_edges, v_links, today);
  v_rows := lethe_private.decide_cut(v_rows, v_edges, v_mine, v_links, (
    select coalesce(jsonb_object_agg(l.id, lethe_private.cutting(l, v_keys)), '{}')
    from unnest(v_links) as l
    where l.kind in ('share', 'mention') and l.table_id in (select r.table_id from unnest(v_rows) as r where r.decision = 'stay')));
  return lethe_private.decide_tombstones(v_rows, v_edges, v_links, v_keys);
end
$$;

comment on function lethe_private.decide(lethe_private.reached_row[], lethe.subject_types, lethe.controllers, date) is
  'The same rows in the same order, each with what becomes of it on a local day. Raises LE421.';

-- As long as the last day is not over, through all of it. A clock that shows no day keeps, and no day is named. What
-- goes with its parent stays with it, too.
create or replace function lethe_private.decide_retained(
  rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], today date
)
  returns lethe_private.reached_row[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
  set enable_nestloop = off
as $$
begin
  return (
    with recursive reached as materialized (
      select r.*
      from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    ), links as materialized (
      select l.id, l.on_erasure is not null as keeps, l.on_erasure ->> 'basis' as basis,
        case when l.on_erasure is not null then lethe_private.parse_delay(l.on_erasure ->> 'retain') end as delay, exists (
          select from lethe.links as x
          where x.table_id = l.table_id and x.to_table_id = l.to_table_id and x.on_purge = 'with parent') as with_parent
      from unnest(decide_retained.links) as l
      where l.kind in ('own', 'share')
    ), mine as materialized (
      select r.n, r.facts from reached as r where r.decision = 'purge' and r.kind <> 'root'
    ), terms as (
      select m.n, l.basis, case when d.day < date '200000-01-01' then (d.day + l.delay)::date end as until
      from unnest(edges) as e
      join links as l on l.id = e.link_id and l.keeps
      join mine as m on m.n = e.child
      join reached as p on p.n = e.parent and p.decision = 'purge'
      cross join lateral (select (m.facts -> 'lethe$since' ->> l.id::text)::date as day) as d
    ), kept as (
      select t.n, t.until, t.basis, true as itself from terms as t where t.until is null or not t.until < today
      union
      select e.child, k.until, k.basis, false
      from kept as k
      join (
        select e.child, e.parent
        from unnest(edges) as e
        join links as l on l.id = e.link_id and l.with_parent
        join mine as m on m.n = e.child
      ) as e on e.parent = k.n
    ), longest as materialized (
      select distinct on (k.n) k.n, k.until, k.basis, bool_or(k.itself) over (partition by k.n) as itself
      from kept as k
      order by k.n, k.until desc nulls first, k.basis
    ), of_values as (
      -- Values that were archived of a row stay with it.
      select distinct on (v.n) v.n, x.until, x.basis, false as itself
      from longest as x
      join reached as r on r.n = x.n
      join reached as v on v.table_id = r.table_id and v.key = r.key and v.mirror_id is not null and v.decision = 'purge'
      where v.n not in (select y.n from longest as y)
      order by v.n, x.until desc nulls first, x.basis
    ), decided as (
      select * from longest union all select * from of_values
    )
    select array_agg(case when d.n is null
        then (r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id, r.facts, r.decision, r.cut, r.until, r.basis, r.because)::lethe_private.reached_row
        else (r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id, r.facts, 'retain', null, d.until, d.basis,
          case when not d.itself then 'stays with the row that a law keeps'
            when d.until is null then 'a law keeps it, and its clock shows no day'
            else 'a law keeps it' end)::lethe_private.reached_row end order by r.n)
    from reached as r
    left join decided as d on d.n = r.n);
end
$$;

comment on function lethe_private.decide_retained(lethe_private.reached_row[], lethe_private.reached_edge[], lethe.links[], date) is
  'Rows that a law keeps on a local day, and what stays with them.';

-- How one link's reference is taken out of a row that stays: {"cut": columns set to null}, {"replace": columns that may not
-- be, each with a method} or {}: where it is a foreign key that cannot be empty, or lies in the person's own row.
create or replace function lethe_private.cutting(link lethe.links, keys lethe_private.erasure_references[])
  returns jsonb
  language sql
  stable
begin atomic
  with facts as (
    select
      exists (
        select from unnest(keys) as r
        where r.child_id = link.table_id and r.parent_id = link.to_table_id and r.child_columns <@ link.columns and r.child_columns @> link.columns) as referring,
      exists (
        select from unnest(keys) as r
        where r.child_id = link.to_table_id and r.parent_id = link.table_id and r.child_columns <@ link.to_columns and r.child_columns @> link.to_columns) as referred
  ), columns as (
    select h.name, h.not_null, h.name = any (t.key_columns) as is_key, l.n, exists (
        select from lethe.rules as r join lethe.terms as x on x.rule_id = r.id
        where r.table_id = t.id and r.column_name = h.name and x.method is not null) as has_method, exists (
        select from unnest(keys) as r
        where r.child_id = t.id and h.name = any (r.child_columns) and not (r.child_columns <@ link.columns and r.child_columns @> link.columns)) as is_shared
    from lethe.managed_tables as t
    join lethe_private.managed_relations as m on m.table_id = t.id
    join lethe_private.host_columns as h on h.relation = m.relation and not h.is_generated
    join unnest(link.columns) with ordinality as l (name, n) on l.name = h.name
    where t.id = link.table_id and h.name is distinct from t.controller_column
  )
  select case
    when f.referred and not f.referring then '{}'
    when exists (select from columns as c where not c.not_null and not c.is_key) then jsonb_build_object('cut', (
      select jsonb_agg(c.name order by c.n) from columns as c
      where not c.not_null and not c.is_key
        -- A column that other references need as well is left to them, if the rest suffices.
        and (not c.is_shared or not exists (select from columns as o where not o.not_null and not o.is_key and not o.is_shared))))
    when f.referring then '{}'
    -- A row that several share is named by its key in theirs; a mention names somebody itself.
    when link.kind = 'share' and not exists (select from columns as c where not c.is_key) then '{}'
    else jsonb_build_object('replace', (
      select coalesce(jsonb_agg(c.name order by c.n), '[]') from columns as c
      where not c.is_key and (c.has_method or not exists (select from columns as o where not o.is_key and o.has_method))))
  end
  from facts as f;
end;

comment on function lethe_private.cutting(lethe.links, lethe_private.erasure_references[]) is 'How a reference is taken out of a row that stays.';

create or replace function lethe_private.decide_cut(
  rows lethe_private.reached_row[], edges lethe_private.reached_edge[], mine int[], links lethe.links[], how jsonb
)
  returns lethe_private.reached_row[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
begin
  return (
    with reached as materialized (
      select r.*
      from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    ), links as materialized (
      select l.id, l.columns, l.table_id, decide_cut.how -> l.id::text as how
      from unnest(decide_cut.links) as l
      where decide_cut.how ? l.id::text
    ), cuts as materialized (
      select r.n, x.name, r.mirror_id is null and l.how ? 'replace' as is_replaced
      from unnest(edges) as e
      join links as l on l.id = e.link_id
      join unnest(mine) as m on m = e.parent
      join reached as r on r.n = e.child and r.decision = 'stay'
      cross join lateral (
        select c.name from jsonb_array_elements_text(coalesce(l.how -> 'cut', l.how -> 'replace')) as c (name) where r.mirror_id is null
        union all
        -- In the archive no column is NOT NULL.
        select c.name
        from unnest(l.columns) as c (name)
        where r.mirror_id is not null and l.how <> '{}' and r.facts ? c.name
          and c.name not in (select k from lethe.managed_tables as t cross join unnest(t.key_columns) as k where t.id = r.table_id)
      ) as x
    ), decided as (
      select c.n, array_agg(distinct c.name) as cut, bool_or(c.is_replaced) as is_replaced from cuts as c group by c.n
    )
    select array_agg((r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id, r.facts,
      case when d.n is null then r.decision when d.is_replaced then 'anonymize' else 'cut' end, d.cut, r.until, r.basis,
      case when d.n is null then r.because when d.is_replaced then 'somebody else''s; what names the person cannot be empty'
        else 'somebody else''s; only the reference to the person goes' end)::lethe_private.reached_row order by r.n)
    from reached as r
    left join decided as d on d.n = r.n);
end
$$;

comment on function lethe_private.decide_cut(lethe_private.reached_row[], lethe_private.reached_edge[], int[], lethe.links[], jsonb) is
  'What of somebody else''s rows names the person.';

-- ignored: rows to which somebody else's refer by a link that is declared "ignore".
create or replace function lethe_private.tombstones(
  rows lethe_private.reached_row[], edges lethe_private.reached_edge[], keys lethe_private.erasure_references[], ignored int[]
)
  returns int[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
begin
  return (
    with recursive reached as materialized (
      select r.n::int as n, r.decision, r.cut
      from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
      where r.mirror_id is null
    ), holding as materialized (
      select e.child, e.parent
      from unnest(edges) as e
      join unnest(keys) as f on f.constraint_id = e.foreign_key
      join reached as c on c.n = e.child
      join reached as p on p.n = e.parent and p.decision = 'purge'
      -- A reference that is cut holds no more.
      where c.cut is null or not c.cut && f.child_columns
    ), stays as (
      select r.n, false as is_tomb from reached as r where r.decision <> 'purge'
      union
      select n, true from unnest(ignored) as n
      union
      select h.parent, true from stays as s join holding as h on h.child = s.n
    )
    select array_agg(distinct s.n) from stays as s where s.is_tomb);
end
$$;

comment on function lethe_private.tombstones(lethe_private.reached_row[], lethe_private.reached_edge[], lethe_private.erasure_references[], int[]) is
  'Positions of rows that would go, and to which something refers that stays.';

-- A live row to which something that stays refers by a foreign key cannot go: it is kept as a tombstone, and so is what it
-- refers to in its turn. A link that is declared "ignore" stays whatever becomes of the person.
create or replace function lethe_private.decide_tombstones(
  rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], keys lethe_private.erasure_references[]
)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_way record;
  v_ignored jsonb := '[]';
  v_tombs int[];
begin
  for v_way in
    select distinct f.parent_id, f.parent_columns, f.child, f.child_columns
    from unnest(links) as l
    join unnest(keys) as f on f.child_id = l.table_id and f.parent_id = l.to_table_id
      and f.child_columns <@ l.columns and f.child_columns @> l.columns
    where l.kind = 'ignore'
  loop
    v_ignored := v_ignored || (
      select lethe_private.outside(rows, x.positions, t, v_way.parent_columns, v_way.child, v_way.child_columns) -> 'of'
      from lethe.managed_tables as t
      cross join lateral (
        select coalesce(array_agg(r.n::int), '{}') as positions
        from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
        where r.table_id = t.id and r.mirror_id is null and r.decision = 'purge') as x
      where t.id = v_way.parent_id);
  end loop;
  v_tombs := lethe_private.tombstones(rows, edges, keys, array(select n::int from jsonb_array_elements_text(v_ignored) as n));
  return array(
    select case when t.n is null
      then (r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id, r.facts, r.decision, r.cut, r.until, r.basis, r.because)::lethe_private.reached_row
      else (r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id, r.facts, 'anonymize', null, null, null,
        'rows that stay refer to it')::lethe_private.reached_row end
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    left join unnest(v_tombs) as t (n) on t.n = r.n
    order by r.n);
end
$$;

comment on function lethe_private.decide_tombstones(lethe_private.reached_row[], lethe_private.reached_edge[], lethe.links[], lethe_private.erasure_references[]) is
  'Rows that must stay, without what was personal in them, since rows that stay refer to them.';
