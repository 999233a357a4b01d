-- Page: docs/checks/unkept-format.md. Reads a table whole only where no validated constraint vouches for it.
create or replace function lethe_private.check_unkept_format(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_name text;
  v_problem text;
  v_state text;
begin
  for v_managed in select m.* from lethe_private.format_tables() as m loop
    v_name := 'formats of ' || lethe_private.plain_name(v_managed);
    if current_setting('lethe.check_ran_out', true) = 'on' then
      return next lethe_private.not_looked(v_name, 'time ran out before them');
      continue;
    end if;
    begin
      return query
        select format('%s.%I', f.table_name, f.column_name), f.sentence, f.remedy, f.finding <> 'format_not_readable'
        from lethe_private.format_findings_of(v_managed) as f;
    exception when query_canceled or others then
      get stacked diagnostics v_problem = message_text, v_state = returned_sqlstate;
      return next lethe_private.not_looked(v_name, lethe_private.look_problem(v_state, v_problem));
      if v_state = '57014' then
        perform set_config('lethe.check_ran_out', 'on', true);
      end if;
    end;
  end loop;
end
$$;

comment on function lethe_private.check_unkept_format(lethe_private.reached[]) is
  'Columns that may hold more than the format which the policy declares for them.';
