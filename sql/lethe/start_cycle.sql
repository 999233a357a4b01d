-- Opens the cycle of a controller's day, or goes on with the one that is open: after a crash the same
-- call continues where the last committed batch ended.
create or replace function lethe.start_cycle(
  controller text,
  local_date date default null,
  alone boolean default false
)
  returns bigint
  language plpgsql
  volatile
  security definer  -- a worker may run cycles but may not read keys or write evidence by itself
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers := lethe_private.get_controller(controller);
  v_today date := lethe_private.today(v_controller.time_zone);
  v_cycle lethe.cycles;
begin
  if local_date > v_today then
    raise exception using errcode = 'LE402',
      message = format('day %s has not begun for controller %s', local_date, controller),
      hint = 'a cycle acts on what is due today; lethe plan --as-of shows what will be';
  end if;
  -- A session that was interrupted still holds it. Taken twice it would have to be given back twice.
  if alone
    and not exists (
      select from pg_locks as l
      where l.pid = pg_backend_pid() and l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and l.objsubid = 1
        and (l.classid::bigint << 32) + l.objid::bigint = lethe_private.lock_id(v_controller.id))
    and not pg_try_advisory_lock(lethe_private.lock_id(v_controller.id))
  then
    raise exception using errcode = 'LE401',
      message = format('a cycle of controller %s is already running', controller),
      hint = 'wait until it has finished; lethe status shows how far it is. A session that was interrupted holds on until it is closed or calls it again';
  end if;

  select c.* into v_cycle from lethe.cycles as c
  where c.controller_id = v_controller.id and c.state = 'open';
  if found then
    return v_cycle.id;
  end if;

  insert into lethe.cycles (controller_id, local_date, covers_since)
  select v_controller.id, coalesce(start_cycle.local_date, v_today),
    least(coalesce(start_cycle.local_date, v_today),
      coalesce((select max(c.local_date) + 1 from lethe.cycles as c
                where c.controller_id = v_controller.id and c.state = 'complete'), coalesce(start_cycle.local_date, v_today)))
  on conflict do nothing
  returning * into v_cycle;
  if v_cycle.id is null then  -- somebody opened it at this very moment
    select c.* into strict v_cycle from lethe.cycles as c
    where c.controller_id = v_controller.id and c.state = 'open';
    return v_cycle.id;
  end if;

  perform lethe_private.compile_cycle(v_cycle, v_controller);
  return v_cycle.id;
end
$$;

comment on function lethe.start_cycle(text, date, boolean) is
  'Opens or resumes the cycle of a controller''s local day (default: today). alone: for this session only. Raises LE101, LE401, LE402.';

create or replace function lethe_private.get_controller(name text)
  returns lethe.controllers
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_controller lethe.controllers;
begin
  select c.* into v_controller from lethe.controllers as c where c.name = get_controller.name;
  if not found then
    raise exception using errcode = 'LE101',
      message = format('controller %s does not exist', coalesce(quote_literal(get_controller.name), '(null)')),
      hint = 'lethe.controllers lists them; lethe.set_controller adds one';
  end if;
  return v_controller;
end
$$;

comment on function lethe_private.get_controller(text) is 'A controller by its name. Raises LE101.';

-- One table that cannot be compiled (dropped, renamed) fails by itself and does not stop the others.
create or replace function lethe_private.compile_cycle(cycle lethe.cycles, controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_table lethe.cycle_tables;
begin
  perform lethe_private.forget_unused(controller);
  insert into lethe.cycle_tables (cycle_id, table_id, table_name)
  select cycle.id, m.id, format('%I.%I', m.schema_name, m.table_name)
  from lethe.managed_tables as m
  where lethe_private.has_controller(m, controller)
    and lethe_private.has_rules(m.id, controller.id)
  order by m.id;
  for v_table in select t.* from lethe.cycle_tables as t where t.cycle_id = cycle.id order by t.table_id loop
    perform lethe_private.program_of(cycle, v_table);
  end loop;
end
$$;

comment on function lethe_private.compile_cycle(lethe.cycles, lethe.controllers) is
  'Lists and compiles the managed tables of a new cycle.';

-- The program of a table, compiled where there is none: at the beginning, and again when the policy, a
-- foreign key or, where rows are archived, a column has changed meanwhile, in which case its search begins anew. Until the transaction ends nobody can change
-- the policy under it. Null: the table has failed.
create or replace function lethe_private.program_of(cycle lethe.cycles, cycle_table lethe.cycle_tables)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_program jsonb;
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_cascades text;
  v_state text;
begin
  select c.program into v_program from lethe_private.compiled as c
  where c.cycle_id = cycle.id and c.table_id = cycle_table.table_id
  for share;
  if found then
    select m.* into v_managed from lethe.managed_tables as m where m.id = cycle_table.table_id;
    v_cascades := coalesce(v_program #>> '{purge,cascades}', v_program #>> '{archive,cascades}');
    if (v_cascades is null or v_cascades = lethe_private.cascade_mark(lethe_private.host_table(v_managed.schema_name, v_managed.table_name)))
      and coalesce(v_program ->> 'holds' = lethe_private.holds_mark(cycle.local_date), true)
      and (v_program ->> 'shape' is null or v_program #>> '{shape,mark}' = lethe_private.shape_mark(v_program #> '{shape,of}'))
    then
      return v_program;
    end if;
    delete from lethe_private.compiled as c where c.cycle_id = cycle.id and c.table_id = cycle_table.table_id;
  end if;

  begin
    select m.* into v_managed from lethe.managed_tables as m where m.id = cycle_table.table_id;
    select c.* into v_controller from lethe.controllers as c where c.id = cycle.controller_id;
    perform lethe_private.assert_intact(v_managed);
    perform lethe_private.ensure_mirrors(v_managed);
    -- Rules that were all taken out meanwhile leave an empty program.
    v_program := coalesce(lethe_private.compile(v_managed, v_controller, cycle.local_date), '{"rules": []}');
    insert into lethe_private.compiled (cycle_id, table_id, program) values (cycle.id, cycle_table.table_id, v_program);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
  end;
  if v_state is not null then
    perform lethe_private.table_failed(cycle_table, jsonb_build_object('sqlstate', v_state));
    return null;
  end if;

  delete from lethe_private.worklist as w where w.cycle_id = cycle.id and w.table_id = cycle_table.table_id;
  update lethe.cycle_tables as t set phase = 'purge', pass = 0, done_before_pass = t.rows_done
  where t.cycle_id = cycle.id and t.table_id = cycle_table.table_id;
  return v_program;
end
$$;

comment on function lethe_private.program_of(lethe.cycles, lethe.cycle_tables) is
  'The compiled statements of one table of a cycle; null when it could not be compiled, which fails the table.';
