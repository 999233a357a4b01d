create or replace function lethe.preview("table" text, controller_name text default null)
  returns table (controller text, step text, statement text)
  language plpgsql
  stable
  security definer  -- reads the policy; shows statements, which hold no key
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers;
  v_program jsonb;
begin
  perform lethe_private.assert_intact(v_managed);
  for v_controller in
    select c.* from lethe.controllers as c
    join lethe.controllers_to_run(preview.controller_name) as r on r.name = c.name
    where lethe_private.has_controller(v_managed, c)
      and (lethe_private.acts_for(c.id) or lethe_private.is_worker())
    order by c.name
  loop
    v_program := lethe_private.compile(v_managed, v_controller, lethe_private.today(v_controller.time_zone));
    return query
      select v_controller.name, s.step, lethe_private.place(s.statement,
        lethe_private.host_table(v_managed.schema_name, v_managed.table_name), lethe_private.host_table(v_managed.schema_name, v_managed.table_name))
      from (
        select n::numeric as n, 'purge: ' || k as step, v_program #>> array['purge', k] as statement
        from unnest(array['discover', 'lock', 'pick']) with ordinality as x (k, n)
        union all
        select 10 + n, 'purge: ' || concat_ws(' ', b ->> 'rule', b ->> 'table_name'),
          coalesce(b ->> 'statement', '-- by the foreign key''s own ON DELETE CASCADE')
        from jsonb_array_elements(v_program #> '{purge,before}') with ordinality as x (b, n)
        union all
        select 100, 'purge: delete', v_program #>> '{purge,delete}'
        union all
        select 200 + n, 'columns: ' || k, v_program #>> array['columns', k] from unnest(array['discover', 'act']) with ordinality as x (k, n)
        union all
        select 250, 'columns: act where all rules are due', lethe_private.act_on_all_sql(v_program #>> '{columns,act_on_all,own_rows}',
          array(select jsonb_populate_record(null::lethe_private.action_parts, e)
                from jsonb_array_elements(v_program #> '{columns,act_on_all,actions}') as e), v_program #>> '{columns,act_on_all,key}')
        where jsonb_typeof(v_program #> '{columns,act_on_all}') = 'object'
        union all
        select 300, 'verify', v_program ->> 'look'
        union all
        select 301, 'verify: unclocked', v_program ->> 'unclocked'
      ) as s
      where s.statement is not null
      order by s.n;
  end loop;
end
$$;

comment on function lethe.preview(text, text) is
  'The exact statements a cycle would run on a table today. $1: addresses of a batch; $2, $3: the controller''s key. Raises LE101 to LE103.';
