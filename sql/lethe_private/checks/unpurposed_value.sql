-- Page: docs/checks/unpurposed-value.md. Values whose clock is unusable are not meant: evidence counts those as unclocked.
create or replace function lethe_private.check_unpurposed_value(reached lethe_private.reached[])
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
    return next lethe_private.not_looked('what serves no purpose', 'time ran out before it');
    return;
  end if;
  return query
    select format('%s: %s', u.controller, n.name),
      format('%s of %s, controller %s, serve no purpose that the rule "%s" names, so that it never applies to them',
        case when u.column_name is null then u.rows - u.unclocked || ' rows' else u.rows - u.unclocked || ' values' end, n.name, u.controller, u.action),
      'give them a term: one without "when", or for the purpose they serve', true
    from lethe.unpurposed() as u
    cross join lateral (select concat_ws('.', u.table_name, quote_ident(u.column_name)) as name) as n
    where u.rows > u.unclocked;
exception
  when query_canceled then
    perform set_config('lethe.check_ran_out', 'on', true);
    return next lethe_private.not_looked('what serves no purpose', 'time ran out over it');
  when others then
    get stacked diagnostics v_problem = message_text, v_state = returned_sqlstate;
    return next lethe_private.not_looked('what serves no purpose', case when v_state like 'LE%' then v_problem else format('SQLSTATE %s', v_state) end);
end
$$;

comment on function lethe_private.check_unpurposed_value(lethe_private.reached[]) is 'Values to which no purpose of their rule applies, counted per controller.';
