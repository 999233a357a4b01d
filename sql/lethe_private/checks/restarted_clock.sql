-- Page: docs/checks/restarted-clock.md. Asked at every check, because a trigger may come after the rule.
create or replace function lethe_private.check_restarted_clock(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_oid oid;
  v_message text;
  v_hint text;
begin
  for v_managed in select m.* from lethe.managed_tables as m order by m.schema_name, m.table_name loop
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    continue when v_oid is null;
    begin
      perform lethe_private.assert_clock_stands(v_managed, v_oid);
    exception when sqlstate 'LE312' then
      get stacked diagnostics v_message = message_text, v_hint = pg_exception_hint;
      return next (lethe_private.host_name(v_oid), v_message, v_hint, true)::lethe_private.finding;
    end;
  end loop;
end
$$;

comment on function lethe_private.check_restarted_clock(lethe_private.reached[]) is 'Triggers that set a clock of the policy anew at every update.';
