-- Page: docs/checks/unpurposed-value.md. Counted by lethe.unpurposed() where this database has it; called by name, since
-- the function stands in sql/ after this one.
create or replace function lethe_private.check_unpurposed_value(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regprocedure('lethe.unpurposed()') is null then
    return;
  end if;
  return query execute $query$
    select format('%s: %s', u ->> 'controller', concat_ws('.', u ->> 'table_name', quote_ident(u ->> 'column_name'))),
      format('%s values of %s, controller %s, serve no purpose that the policy names: no rule ever applies to them',
        u ->> 'rows', concat_ws('.', u ->> 'table_name', quote_ident(u ->> 'column_name')), u ->> 'controller'),
      'give them a term: one without "when", or for the purpose they serve', true
    from (select to_jsonb(x) as u from lethe.unpurposed() as x) as y
    where (u ->> 'rows')::bigint > 0$query$;
end
$$;

comment on function lethe_private.check_unpurposed_value(lethe_private.reached[]) is 'Values to which no purpose of their rule applies, counted per controller.';
