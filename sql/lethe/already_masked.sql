-- A method knows its output by its form, so a value that an application wrote in that form counts as
-- masked. How many there are before their time is worth a look before a rule is trusted.
create or replace function lethe.already_masked("table" text, controller_name text default null)
  returns table (controller text, rule text, looks_masked bigint)
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_oid oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_controller lethe.controllers;
  v_action lethe_private.action_parts;
begin
  perform lethe_private.assert_intact(v_managed);
  for v_controller in
    select c.* from lethe.controllers as c
    join lethe.controllers_to_run(controller_name) as r on r.name = c.name
    where lethe_private.has_controller(v_managed, c) and lethe_private.acts_for(c.id)
    order by c.name
  loop
    for v_action in
      select a.* from lethe_private.actions('c', v_managed, v_oid, v_controller, lethe_private.today(v_controller.time_zone)) as a
      where a.phase = 'columns'
    loop
      return query select v_controller.name, v_action.rule, lethe_private.count_as_sweeper(
        format('select to_jsonb(count(*)) from %s as c where %s and c.%I is not null and not (%s) and not coalesce(%s, false)',
          lethe_private.host_name(v_oid), lethe_private.controller_sql('c', v_managed, v_oid, v_controller),
          v_action.column_name, v_action.needed, v_action.due), v_managed)::bigint;
    end loop;
  end loop;
end
$$;

comment on function lethe.already_masked(text, text) is
  'Values that a rule''s method takes for its own output although the rule is not due on them, per controller and rule. Reads the whole table. Raises LE101 to LE103.';
