create or replace function lethe.preview("table" text, controller_name text default null)
  returns table (controller text, step text, statement text)
  language plpgsql
  volatile  -- asks which partitions would go
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
    v_program := lethe_private.without_predicates(lethe_private.compile(v_managed, v_controller, lethe_private.today(v_controller.time_zone)));
    return query
      select v_controller.name, p.step, p.statement from lethe_private.preview_partitions(v_managed, v_program) as p;
    return query
      select v_controller.name, s.step, lethe_private.place(s.statement,
        lethe_private.host_table(v_managed.schema_name, v_managed.table_name), lethe_private.host_table(v_managed.schema_name, v_managed.table_name))
      from (
        select p.n + s.n::numeric as n, format('%s: %s', p.phase, s.step) as step, s.statement
        from (values (0, 'purge'), (150, 'archive')) as p (n, phase)
        cross join lateral (
          select n, k, v_program #>> array[p.phase, k] from unnest(array['discover', 'lock', 'pick']) with ordinality as x (k, n)
          union all
          select 10 + n, concat_ws(' ', b ->> 'rule', b ->> 'table_name'), coalesce(b ->> 'statement', '-- by the foreign key''s own ON DELETE CASCADE')
          from jsonb_array_elements(v_program #> array[p.phase, 'before']) with ordinality as x (b, n)
          union all
          select 100, 'delete', v_program #>> array[p.phase, 'delete']
        ) as s (n, step, statement)
        union all
        select 300 + n, 'columns: ' || k, v_program #>> array['columns', k] from unnest(array['discover', 'lock', 'act']) with ordinality as x (k, n)
        union all
        select 350, 'columns: act where all rules are due', lethe_private.act_on_all_sql(v_program #>> '{columns,act_on_all,own_rows}',
          array(select jsonb_populate_record(null::lethe_private.action_parts, e)
                from jsonb_array_elements(v_program #> '{columns,act_on_all,actions}') as e), v_program #>> '{columns,act_on_all,key}')
        where jsonb_typeof(v_program #> '{columns,act_on_all}') = 'object'
        union all
        select 400 + 10 * row_number() over (order by m.value ->> 'name') + s.n, format('archived: %s of %s', s.step, m.value ->> 'name'),
          lethe_private.fill(m.value ->> s.step, jsonb_build_object('from', format('lethe_archive.%I', m.value ->> 'name'), 'here', ''))
        from jsonb_each(nullif(v_program #> '{archived,mirrors}', 'null')) as m
        cross join (values (1, 'purge'), (2, 'emptied'), (3, 'columns'), (4, 'look')) as s (n, step)
        union all
        select 900, 'verify', v_program ->> 'look'
        union all
        select 901, 'verify: unclocked', v_program ->> 'unclocked'
      ) as s
      where s.statement is not null
      order by s.n;
  end loop;
end
$$;

comment on function lethe.preview(text, text) is
  'The exact statements a cycle would run on a table today. $1: addresses of a batch; $2, $3: the controller''s key. Raises LE101 to LE103.';
