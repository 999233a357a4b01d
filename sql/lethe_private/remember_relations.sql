-- What a table is made of: itself, its partitions and children.
create or replace function lethe_private.relations_of(root oid)
  returns table (relation oid)
  language sql
  stable
begin atomic
  with recursive family as (
    select root as oid
    union
    select i.inhrelid from family as f join pg_catalog.pg_inherits as i on i.inhparent = f.oid
  )
  select f.oid from family as f where f.oid is not null;
end;

comment on function lethe_private.relations_of(oid) is 'A table, its partitions and its inheritance children, at any depth.';

-- A partition that is dropped takes its rows along and leaves no trace, so it is remembered while it is there:
-- when a hold is placed, and whenever a cycle ends.
create or replace function lethe_private.remember_relations()
  returns void
  language sql
  volatile
begin atomic
  insert into lethe_private.held_relations (table_id, relation, name)
  select m.id, r.relation, lethe_private.host_name(r.relation)
  from lethe.managed_tables as m
  cross join lateral lethe_private.relations_of(lethe_private.host_table(m.schema_name, m.table_name)) as r
  where exists (select from lethe_private.holds_touching(m.id))
  on conflict (table_id, relation) do update set name = excluded.name
  where held_relations.name <> excluded.name;
  delete from lethe_private.held_relations as x where not exists (select from lethe_private.holds_touching(x.table_id));
end;

comment on function lethe_private.remember_relations() is 'Remembers what tables under a hold are made of, and forgets it where nothing is held.';
