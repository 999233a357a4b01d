-- Page: docs/checks/unpurposed-value.md. Values whose clock is unusable are not meant: evidence counts those as unclocked.
create or replace function lethe_private.check_unpurposed_value(reached lethe_private.reached[])
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
  for v_managed in
    select m.* from lethe.managed_tables as m
    where exists (select from lethe.rules as r where r.table_id = m.id and r.action <> 'minimum')
    order by m.schema_name, m.table_name
  loop
    v_name := 'purposes of ' || lethe_private.plain_name(v_managed);
    if current_setting('lethe.check_ran_out', true) = 'on' then
      return next lethe_private.not_looked(v_name, 'time ran out before them');
      continue;
    end if;
    begin
      return query
        select format('%s: %s', u.controller, n.name),
          format('%s of %s, controller %s, serve no purpose that the rule "%s" names, so that it never applies to them',
            case when u.column_name is null then u.rows - u.unclocked || ' rows' else u.rows - u.unclocked || ' values' end, n.name, u.controller, u.action),
          'give them a term: one without "when", or for the purpose they serve', true
        from lethe.unpurposed(lethe_private.plain_name(v_managed)) as u
        cross join lateral (select concat_ws('.', u.table_name, quote_ident(u.column_name)) as name) as n
        where u.rows > u.unclocked;
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

comment on function lethe_private.check_unpurposed_value(lethe_private.reached[]) is 'Values to which no purpose of their rule applies, counted per controller.';
