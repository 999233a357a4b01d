-- What refers to a table: the foreign keys of the catalogue, whatever table they are on, and the links
-- that were declared by hand. Unless the policy says otherwise, a referencing row keeps its parent.
create or replace function lethe_private.references_to(parent oid)
  returns table (
    child           oid,
    child_columns   text[],
    parent_columns  text[],
    foreign_key     text,
    cascades        boolean,
    on_purge        text,
    managed_id      int
  )
  language sql
  stable
begin atomic
  -- A foreign key may lead to one partition or child table alone; its rows go with a DELETE of the whole.
  with recursive family as (
    select references_to.parent as oid
    union
    select i.inhrelid from family as f join pg_catalog.pg_inherits as i on i.inhparent = f.oid
  ), own as (
    select r.table_id from lethe_private.managed_relations as r where r.relation = references_to.parent
  ), refs as (
    select r.child, r.child_columns, r.parent_columns, r.foreign_key, r.on_delete = 'c' as cascades
    from lethe_private.host_references as r
    join family as f on f.oid = r.parent
    union all
    select c.relation, l.columns, l.to_columns, null, false
    from own as o
    join lethe.links as l on l.to_table_id = o.table_id
    left join lethe_private.managed_relations as c on c.table_id = l.table_id
    where l.foreign_key is null
  )
  select distinct on (refs.child, refs.child_columns, refs.parent_columns)
    refs.child, refs.child_columns, refs.parent_columns, refs.foreign_key, refs.cascades,
    coalesce(l.on_purge, 'keep'), m.table_id
  from refs
  left join lethe_private.managed_relations as m on m.relation = refs.child
  left join lethe.links as l on l.table_id = m.table_id and l.columns = refs.child_columns
    and l.to_table_id = (select o.table_id from own as o)
  -- Where several subject types declare the same link, the most careful answer holds.
  order by refs.child, refs.child_columns, refs.parent_columns,
    case coalesce(l.on_purge, 'keep') when 'keep' then 1 when 'unlink' then 2 else 3 end;
end;

comment on function lethe_private.references_to(oid) is
  'Every way in which rows of other tables, or of its own, refer to a table, and what the policy says of each.';

-- What PostgreSQL does by itself when a row is deleted (cascade, set null, set default), as far as cascades
-- lead: a mark that changes as soon as a foreign key comes or goes anywhere along the way.
create or replace function lethe_private.cascade_mark(table_oid oid)
  returns text
  language sql
  stable
begin atomic
  with recursive family as (
    select table_oid as oid
    union
    select x.oid
    from family as f
    cross join lateral (
      select i.inhrelid as oid from pg_catalog.pg_inherits as i where i.inhparent = f.oid
      union all
      select k.conrelid from pg_catalog.pg_constraint as k where k.contype = 'f' and k.confrelid = f.oid and k.confdeltype = 'c'
    ) as x
  )
  select md5(coalesce(string_agg(concat_ws(' ', k.oid, k.confdeltype, to_jsonb(k) ->> 'conenforced'), ',' order by k.oid), ''))
  from family as f
  join pg_catalog.pg_constraint as k on k.confrelid = f.oid and k.contype = 'f'
  where k.confdeltype in ('c', 'n', 'd');
end;

comment on function lethe_private.cascade_mark(oid) is
  'A mark of all foreign keys by which PostgreSQL itself would delete or change rows along with rows of a table.';

create or replace function lethe_private.reference_sql(child_alias text, child_columns text[], parent_alias text, parent_columns text[])
  returns text
  language sql
  immutable
begin atomic
  select string_agg(format('%s.%I = %s.%I', child_alias, c, parent_alias, p), ' and ' order by n)
  from unnest(child_columns, parent_columns) with ordinality as x (c, p, n);
end;

comment on function lethe_private.reference_sql(text, text[], text, text[]) is 'True when the child row refers to the parent row.';
