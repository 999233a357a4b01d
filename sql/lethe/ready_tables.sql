-- Tables whose children have been swept: their rows can go only after what refers to them. Where tables
-- refer to each other in a circle and nothing else moves, one of them is let through; a later round
-- takes what it leaves.
create or replace function lethe.ready_tables(cycle_id bigint)
  returns table (table_id int, table_name text)
  language sql
  stable
  security definer  -- reads the links and the catalogue for a worker
  set jit = off
begin atomic
  with waiting as (
    select c.table_id, c.table_name, c.state,
      lethe_private.host_table(m.schema_name, m.table_name) as oid
    from lethe.cycle_tables as c
    join lethe.managed_tables as m on m.id = c.table_id
    where c.cycle_id = ready_tables.cycle_id
      and c.state in ('waiting', 'sweeping')
  ), ready as (
    select w.table_id, w.table_name, not exists (
        select
        from lethe_private.references_to(w.oid) as r
        join waiting as child on child.table_id = r.managed_id
        where child.table_id <> w.table_id) as is_free
    from waiting as w
    where w.state = 'waiting'
  )
  select r.table_id, r.table_name
  from ready as r
  where r.is_free
    or (not exists (select from ready as f where f.is_free)
        and not exists (select from waiting as w where w.state = 'sweeping')
        and r.table_id = (select min(x.table_id) from ready as x))
  order by r.table_id;
end;

comment on function lethe.ready_tables(bigint) is 'The tables of a cycle that can be swept now.';
