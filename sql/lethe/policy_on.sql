-- The policy of any past day, put together from the record of changes: of each row the last version up to then.

create or replace function lethe_private.rows_at(object text, at timestamptz)
  returns table (id text, facts jsonb, by name, changed_at timestamptz, reason text, draft_id int)
  language sql
  stable
begin atomic
  select x.id, x.after, x.by, x.at, x.reason, x.draft_id
  from (
    select distinct on (coalesce(c.after, c.before) ->> 'id')
      coalesce(c.after, c.before) ->> 'id' as id, c.after, c.by, c.at, c.reason, c.draft_id
    from lethe.policy_changes as c
    where c.object = rows_at.object and c.at <= rows_at.at
    order by coalesce(c.after, c.before) ->> 'id', c.id desc
  ) as x
  where x.after is not null;
end;

comment on function lethe_private.rows_at(text, timestamptz) is
  'The rows of controllers, managed_tables, rules or terms as they stood at an instant, each with its last change.';

create or replace function lethe_private.policy_at(at timestamptz)
  returns table (
    controller text, time_zone text, table_name text, column_name text, action text, purpose text, after interval, since text[],
    "when" text, method text, parameters jsonb, overrides boolean, by name, changed_at timestamptz, reason text, draft_id int
  )
  language sql
  stable
begin atomic
  with terms as (
    select k.facts ->> 'name' as controller, k.facts ->> 'time_zone' as time_zone, k.id as controller_id, m.facts as managed, r.facts as rule, t.*
    from lethe_private.rows_at('terms', at) as t
    join lethe_private.rows_at('rules', at) as r on r.id = t.facts ->> 'rule_id'
    join lethe_private.rows_at('managed_tables', at) as m on m.id = r.facts ->> 'table_id'
    -- A default term is every controller's whose rows the table may hold; its own replaces it for the same purpose, and
    -- counts beside it where it is a minimum.
    join lethe_private.rows_at('controllers', at) as k on k.id = coalesce(t.facts ->> 'controller_id', m.facts ->> 'controller_id', k.id)
      and (m.facts ->> 'controller_id' is not null or k.facts ->> 'reference' is not null or t.facts ->> 'controller_id' is not null)
  )
  select distinct on (x.managed ->> 'schema_name', x.managed ->> 'table_name', x.rule ->> 'column_name', x.rule ->> 'action', x.facts ->> 'purpose', x.controller,
    x.rule ->> 'action' = 'minimum' and x.facts ->> 'controller_id' is null)
    x.controller, x.time_zone,
    lethe_private.plain_name(jsonb_populate_record(null::lethe.managed_tables, x.managed)), x.rule ->> 'column_name', x.rule ->> 'action',
    x.facts ->> 'purpose', (x.facts ->> 'after')::interval, lethe_private.text_list(x.facts -> 'since'), x.facts ->> 'when', x.facts ->> 'method',
    x.facts -> 'parameters', x.facts ->> 'controller_id' is not null, x.by, x.changed_at, x.reason, x.draft_id
  from terms as x
  order by x.managed ->> 'schema_name', x.managed ->> 'table_name', x.rule ->> 'column_name', x.rule ->> 'action', x.facts ->> 'purpose', x.controller,
    x.rule ->> 'action' = 'minimum' and x.facts ->> 'controller_id' is null, x.facts ->> 'controller_id' nulls last;
end;

comment on function lethe_private.policy_at(timestamptz) is 'The terms in force at an instant, for each controller.';

create or replace function lethe.policy_on(day date default null, controller_name text default null)
  returns table (
    controller    text,
    table_name    text,
    column_name   text,
    action        text,
    purpose       text,
    after         text,
    since         text[],
    "when"        text,
    method        text,
    parameters    jsonb,
    overrides     boolean,
    activated_by  name,
    activated_at  timestamptz,
    reason        text,
    draft_id      int
  )
  language plpgsql
  stable
  security definer  -- the record of changes is read by operators alone; here each sees the terms of its controllers
  set search_path = pg_catalog, pg_temp
  set intervalstyle = postgres
  set jit = off
as $$
declare
  v_controller record;
begin
  if policy_on.controller_name is not null and not exists (
    select from lethe.policy_changes as c where c.object = 'controllers' and c.after ->> 'name' = policy_on.controller_name)
  then
    perform lethe_private.get_controller(policy_on.controller_name);
  end if;
  for v_controller in
    select c.id::int as id, c.facts ->> 'name' as name,
      (coalesce(policy_on.day, lethe_private.today(c.facts ->> 'time_zone')) + 1)::timestamp at time zone (c.facts ->> 'time_zone') as ends_at
    from lethe_private.rows_at('controllers', coalesce(policy_on.day + interval '2 days', now())) as c
    where (policy_on.controller_name is null or c.facts ->> 'name' = policy_on.controller_name)
      and (lethe_private.acts_for(c.id::int) or lethe_private.is_worker())
    order by 2
  loop
    return query
      select p.controller, p.table_name, p.column_name, p.action, p.purpose, lethe_private.format_delay(p.after), p.since, p."when", p.method,
        p.parameters, p.overrides, p.by, p.changed_at, p.reason, p.draft_id
      -- Up to the last moment of the controller's day.
      from lethe_private.policy_at(v_controller.ends_at - interval '1 microsecond') as p
      where p.controller = v_controller.name
      order by p.table_name, p.column_name nulls last, p.action, p.purpose nulls first, p.overrides;
  end loop;
end
$$;

comment on function lethe.policy_on(date, text) is
  'The terms in force at the end of a local day (null: today), per controller, with who put each in force, when and why. overrides: the controller''s own, in place of the default or, with a minimum, beside it; purpose is the basis of a minimum. Raises LE101.';
