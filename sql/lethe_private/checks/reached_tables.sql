-- Where a check begins: the tables that hold people, as far as the policy and the foreign keys tell. People are in the
-- root tables of subjects and wherever the policy has a personal column, a rule or a link. From there, rows that refer
-- to somebody's row belong to that somebody, and so on down. Up a foreign key it goes only where the policy says that
-- the referring column tells something of a person: an address, not the country it is in. (A referring column that
-- is not classified is a finding of its own.) A link that is declared "ignore" is not followed.
--
-- Partitions and inheritance children stand for what they hang under: the nearest table above them that is managed, else
-- the one at the top. A child of several parents stands for each. A managed table stands for itself, whatever it has been
-- put under since.
create or replace view lethe_private.topmost as
  with recursive managed as (
    select lethe_private.host_table(m.schema_name, m.table_name) as relation from lethe.managed_tables as m
  ), up as (
    select i.inhrelid as relation, i.inhparent as root
    from pg_catalog.pg_inherits as i
    where i.inhrelid not in (select m.relation from managed as m where m.relation is not null)
    union
    select u.relation, i.inhparent
    from up as u
    join pg_catalog.pg_inherits as i on i.inhrelid = u.root
    where u.root not in (select m.relation from managed as m where m.relation is not null)
  )
  select u.relation, u.root
  from up as u
  where not exists (select from pg_catalog.pg_inherits as i where i.inhrelid = u.root)
     or u.root in (select m.relation from managed as m);

comment on view lethe_private.topmost is 'Every partition and inheritance child, and each table that it stands for.';

create or replace view lethe_private.top_references as
  select distinct on (child, child_columns, parent) x.*
  from (
    select
      coalesce(c.root, r.child) as child,
      r.child_columns,
      coalesce(p.root, r.parent) as parent,
      r.parent_columns,
      r.foreign_key
    from lethe_private.host_references as r
    left join lethe_private.topmost as c on c.relation = r.child
    left join lethe_private.topmost as p on p.relation = r.parent
  ) as x
  order by child, child_columns, parent, foreign_key;

comment on view lethe_private.top_references is 'Foreign keys, those of partitions and children as if they were of what these hang under.';

create or replace function lethe_private.is_personal(category text)
  returns boolean
  language sql
  immutable
return coalesce(category in ('direct identifier', 'contact', 'quasi-identifier', 'special category', 'content'), false);

comment on function lethe_private.is_personal(text) is
  'True for the categories of data about a person; technical and not personal are none.';

create or replace function lethe_private.reached_tables()
  returns setof lethe_private.reached
  language sql
  stable
begin atomic
  with recursive managed as materialized (
    select m.id, lethe_private.host_table(m.schema_name, m.table_name) as relation,
      exists (select from lethe.subject_types as s where s.table_id = m.id)
      or exists (select from lethe.managed_columns as c where c.table_id = m.id and lethe_private.is_personal(c.category))
      or exists (select from lethe.rules as r where r.table_id = m.id and r.action in ('anonymize', 'archive', 'purge'))
      or exists (select from lethe.links as l where l.table_id = m.id and l.kind <> 'ignore') as personal
    from lethe.managed_tables as m
  ), edge as materialized (
    select r.child, r.parent,
      (select bool_and(l.kind is not distinct from 'ignore') from lethe_private.links_of(c.id, r.child_columns, p.id) as l) as ignored,
      exists (select from lethe.managed_columns as k
              where k.table_id = c.id and k.column_name = any (r.child_columns) and lethe_private.is_personal(k.category)) as personal
    from lethe_private.top_references as r
    left join managed as c on c.relation = r.child
    left join managed as p on p.relation = r.parent
  ), walk as (
    select m.relation, null::oid as via from managed as m where m.personal and m.relation is not null
    union
    select s.relation, w.relation
    from walk as w
    cross join lateral (
      select e.child as relation from edge as e where e.parent = w.relation and not coalesce(e.ignored, false)
      union all
      select e.parent from edge as e where e.child = w.relation and e.personal
    ) as s
  ), walked as (
    select w.relation, min(w.via) as via from walk as w group by w.relation
  )
  select coalesce(m.relation, w.relation), m.id, w.relation is not null, lethe_private.host_name(w.via)
  from walked as w
  full join (select x.* from managed as x where x.relation is not null) as m on m.relation = w.relation
  where not lethe_private.is_lethes(coalesce(m.relation, w.relation));
end;

comment on function lethe_private.reached_tables() is 'All managed tables that exist, and all others that hold people as far as foreign keys tell.';
