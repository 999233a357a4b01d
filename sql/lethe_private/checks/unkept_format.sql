-- Page: docs/checks/unkept-format.md. Reads a table whole only where no validated constraint vouches for it.
create or replace function lethe_private.check_unkept_format(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_problem text;
  v_state text;
begin
  if current_setting('lethe.check_ran_out', true) = 'on' then
    return next lethe_private.not_looked('minimised formats', 'time ran out before them');
    return;
  end if;
  return query
    select format('%s.%I', f.table_name, f.column_name), f.sentence, f.remedy, f.finding <> 'format_not_readable'
    from lethe.format_findings() as f;
exception
  when query_canceled then
    perform set_config('lethe.check_ran_out', 'on', true);
    return next lethe_private.not_looked('minimised formats', 'time ran out over them');
  when others then
    get stacked diagnostics v_problem = message_text, v_state = returned_sqlstate;
    return next lethe_private.not_looked('minimised formats', case when v_state like 'LE%' then v_problem else format('SQLSTATE %s', v_state) end);
end
$$;

comment on function lethe_private.check_unkept_format(lethe_private.reached[]) is
  'Columns that may hold more than the format which the policy declares for them.';
