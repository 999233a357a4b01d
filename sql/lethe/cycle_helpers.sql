-- What drives a cycle asks these. All are definer functions: a worker reads none of Lethe's tables.

create or replace function lethe.controllers_to_run(controller text default null)
  returns table (name text)
  language plpgsql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  if controllers_to_run.controller is not null then
    perform lethe_private.get_controller(controllers_to_run.controller);
  end if;
  return query
    select c.name from lethe.controllers as c
    where c.name = coalesce(controllers_to_run.controller, c.name)
    order by c.name;
end
$$;

comment on function lethe.controllers_to_run(text) is 'One controller, which must exist, or all. Raises LE101.';

create or replace function lethe.controllers_due()
  returns table (controller text, local_date date)
  language sql
  stable
  security definer
  set jit = off
begin atomic
  -- A day that was missed is covered by the next cycle: what was due then is due now.
  select c.name, lethe_private.today(c.time_zone)
  from lethe.controllers as c
  where not exists (
      select from lethe.cycles as y
      where y.controller_id = c.id and y.state <> 'open' and y.local_date >= lethe_private.today(c.time_zone))
    and exists (select from lethe.managed_tables as m where lethe_private.has_controller(m, c))
  order by c.name;
end;

comment on function lethe.controllers_due() is
  'Controllers whose local day has turned and has no finished cycle yet; one with an open cycle is listed, to be gone on with.';

create or replace function lethe.unfinished_tables(cycle_id bigint)
  returns table (table_id int, table_name text, state text)
  language sql
  stable
  security definer
  set jit = off
begin atomic
  select t.table_id, t.table_name, t.state
  from lethe.cycle_tables as t
  where t.cycle_id = unfinished_tables.cycle_id and t.state in ('waiting', 'sweeping')
  order by t.state, t.table_id;
end;

comment on function lethe.unfinished_tables(bigint) is 'The tables of a cycle that are not swept yet.';

create or replace function lethe.verify_cycle(cycle_id bigint)
  returns bigint
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_table lethe.cycle_tables;
begin
  for v_table in
    select t.* from lethe.cycle_tables as t
    where t.cycle_id = verify_cycle.cycle_id and t.state in ('swept', 'failed')
    order by t.table_id
  loop
    perform lethe.verify_table(v_table.cycle_id, v_table.table_id);
  end loop;
  return (select count(*) from lethe.cycle_tables as t where t.cycle_id = verify_cycle.cycle_id and t.state in ('waiting', 'sweeping'));
end
$$;

comment on function lethe.verify_cycle(bigint) is
  'Re-reads every swept table of a cycle. Returns how many are to be swept once more.';

create or replace function lethe.release_controller(controller text)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform pg_advisory_unlock(lethe_private.lock_id((lethe_private.get_controller(controller)).id));
end
$$;

comment on function lethe.release_controller(text) is 'Gives back what start_cycle(..., alone => true) took for this session.';
