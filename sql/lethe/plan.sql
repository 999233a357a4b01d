-- What a cycle would do on a day, counted from the data, touching nothing. Any day, also one to come.
create or replace function lethe.plan(as_of date default null, controller_name text default null)
  returns table (
    controller     text,
    table_name     text,
    rule           text,
    due            bigint,
    held           bigint,
    kept_by_child  bigint,
    unclocked      bigint
  )
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers;
  v_managed lethe.managed_tables;
begin
  for v_controller in
    select c.* from lethe.controllers as c
    join lethe.controllers_to_run(plan.controller_name) as r on r.name = c.name
    where lethe_private.acts_for(c.id) or lethe_private.is_worker()
    order by c.name
  loop
    for v_managed in
      select m.* from lethe.managed_tables as m
      where lethe_private.has_controller(m, v_controller)
        and lethe_private.has_rules(m.id, v_controller.id)
      order by m.schema_name, m.table_name
    loop
      return query select v_controller.name, p.*
      from lethe_private.plan_table(v_managed, v_controller, coalesce(as_of, lethe_private.today(v_controller.time_zone))) as p;
    end loop;
  end loop;
end
$$;

comment on function lethe.plan(date, text) is
  'Rows due, held, kept by a child and unclocked, per controller, table and rule; "rows" counts the rows that would change; rows of other tables that would go or be unlinked with them stand on lines of their own. as_of: a local day, default today. Raises LE101 to LE103, LE501, LE503.';

create or replace function lethe_private.plan_table(managed lethe.managed_tables, controller lethe.controllers, today date)
  returns table (table_name text, rule text, due bigint, held bigint, kept_by_child bigint, unclocked bigint)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_program jsonb;
  v_look jsonb;
  v_archived jsonb;
  v_unclocked jsonb;
  v_children jsonb;
  v_name text := format('%I.%I', managed.schema_name, managed.table_name);
begin
  perform lethe_private.assert_intact(managed);
  v_program := lethe_private.compile(managed, controller, today);
  begin
    v_look := lethe_private.count_as_sweeper(v_program ->> 'look', managed);
    v_archived := lethe_private.look_archived(v_program);
    v_unclocked := lethe_private.count_as_sweeper(v_program ->> 'unclocked', managed);
    select jsonb_agg(c || jsonb_build_object('rows', lethe_private.count_as_sweeper(c ->> 'statement', managed))) into v_children
    from (select jsonb_array_elements(v_program #> array[p, 'children']) from unnest(array['purge', 'archive']) as p) as x (c);
  exception when insufficient_privilege then
    if exists (select from lethe.missing_rights() as r where r.need ~ 'row security') then
      raise exception using errcode = 'LE503',
        message = format('row security would hide rows of %I.%I, or of a table that refers to it, from the engine', managed.schema_name, managed.table_name),
        hint = 'alter role lethe_sweeper bypassrls';
    end if;
    raise exception using errcode = 'LE501',
      message = format('lethe_sweeper may not read %I.%I or a table that refers to it', managed.schema_name, managed.table_name),
      hint = 'select remedy from lethe.missing_rights(), or lethe doctor, shows the grants it needs';
  end;
  return query
    select v_name, r.rule, (v_look #>> array[r.flag, 'due'])::bigint, (v_look #>> array[r.flag, 'held'])::bigint,
      (v_look #>> array[r.flag, 'kept'])::bigint, (v_unclocked ->> r.flag)::bigint
    from jsonb_to_recordset(v_program -> 'rules') as r (flag text, rule text, phase text)
    where r.phase <> 'archived'
    union all
    select v_name, 'rows', (v_look ->> 'rows')::bigint, null, null, null
    union all
    select r.table_name, r.rule, (v_archived #>> array[r.flag, 'due'])::bigint, (v_archived #>> array[r.flag, 'held'])::bigint, 0, null
    from jsonb_to_recordset(v_program -> 'rules') as r (flag text, rule text, phase text, table_name text)
    where r.phase = 'archived'
    union all
    select v_name || ' (archive)', 'rows', (v_archived ->> 'rows')::bigint, null, null, null
    where v_archived ->> 'rows' is not null
    union all
    select c."table", c.rule || ' ' || v_name, sum(c.rows)::bigint, null, null, null
    from jsonb_to_recordset(v_children) as c ("table" text, rule text, rows bigint)
    group by c."table", c.rule
    having sum(c.rows) > 0;
end
$$;

comment on function lethe_private.plan_table(lethe.managed_tables, lethe.controllers, date) is 'The plan of one table. Raises LE102, LE103, LE501, LE503.';
