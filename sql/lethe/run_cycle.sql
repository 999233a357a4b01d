-- The daily cycle from psql alone:
--
--   call lethe.run_cycle();             -- every controller the login acts for
--   call lethe.run_cycle('north');
--
-- An invoker's procedure without SET, since COMMIT is refused in a definer's procedure, under a SET
-- clause and inside an open transaction. It commits after each batch, so it can be stopped at any time
-- (Ctrl-C) and called again; it goes on where it stopped. It does all its work through definer functions,
-- and so needs lethe_worker and nothing else.
create or replace procedure lethe.run_cycle(controller text default null, pause_ratio numeric default 0)
  language plpgsql
as $$
declare
  v_controller pg_catalog.text;
  v_cycle bigint;
  v_table record;
  v_step lethe.sweep_progress;
  v_rows bigint;
  v_request bigint;
  v_state pg_catalog.text;
  v_incomplete pg_catalog.text[] := '{}';
begin
  if not pg_catalog.pg_has_role(current_user, 'lethe_worker', 'usage') and not pg_catalog.pg_has_role(current_user, 'lethe_owner', 'usage') then
    raise exception using errcode = 'LE502', message = pg_catalog.format('role %I may not run cycles', current_user),
      hint = pg_catalog.format('grant lethe_worker to %I', current_user);
  end if;

  for v_controller in select c.name from lethe.controllers_to_run(run_cycle.controller) as c loop
    v_cycle := lethe.start_cycle(v_controller, alone => true);
    commit;
    for v_request in select r from lethe.requests_to_complete(v_controller) as r loop
      loop
        commit;
        set transaction isolation level read committed;
        v_state := lethe.advance_request(v_request);
        commit;
        exit when v_state <> 'executed';
      end loop;
      raise notice '%  request %: %', v_controller, v_request, v_state;
    end loop;
    loop
      -- Sweep what is ready until nothing is, children before parents; then read everything again.
      loop
        select t.table_id, t.table_name into v_table from lethe.ready_tables(v_cycle) as t limit 1;
        if v_table.table_id is null then
          select t.table_id, t.table_name into v_table from lethe.unfinished_tables(v_cycle) as t limit 1;
        end if;
        exit when v_table.table_id is null;
        loop
          commit;
          set transaction isolation level read committed;
          v_step := lethe.sweep_step(v_cycle, v_table.table_id);
          commit;
          exit when v_step.state in ('done', 'failed');
          if v_step.state in ('retry', 'busy') then
            perform pg_catalog.pg_sleep(1);
          elsif pause_ratio > 0 then
            perform pg_catalog.pg_sleep(pause_ratio * extract(epoch from v_step.took));
          end if;
        end loop;
        raise notice '%  %: % (% rows)', v_controller, v_table.table_name, v_step.state, coalesce(v_step.rows_done, 0);
      end loop;

      v_rows := lethe.verify_cycle(v_cycle);
      commit;
      exit when v_rows = 0;
    end loop;

    commit;
    set transaction isolation level read committed;
    v_state := lethe.finish_cycle(v_cycle);
    perform lethe.release_controller(v_controller);
    commit;
    raise notice '%: cycle % is %', v_controller, v_cycle, v_state;
    if v_state <> 'complete' then
      v_incomplete := v_incomplete || pg_catalog.format('%s of %s', v_cycle, v_controller);
    end if;
  end loop;

  if pg_catalog.cardinality(v_incomplete) > 0 then
    raise exception using errcode = 'LE404',
      message = pg_catalog.format('cycle %s is incomplete', pg_catalog.array_to_string(v_incomplete, ', ')),
      hint = 'select * from lethe.cycle_tables and lethe.evidence of that cycle: they say which table, and why';
  end if;
end
$$;

comment on procedure lethe.run_cycle(text, numeric) is
  'Runs today''s cycle of one controller, or of all the login acts for, to its end. pause_ratio: pause after each batch, as a multiple of its time. Raises LE101, LE401, LE404 (incomplete), LE502.';
