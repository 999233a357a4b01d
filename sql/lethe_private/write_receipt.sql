-- The receipt of a cycle, written down as the cycle ends: figures and names of tables, nobody's data. What
-- the policy said is kept as its hash and as terms; a condition is only said to be there, since its text
-- could name somebody.
create or replace function lethe_private.write_receipt(cycle lethe.cycles)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set datestyle = 'ISO, YMD'
  set intervalstyle = 'iso_8601'
as $$
begin
  insert into lethe.receipts (cycle_id, document)
  select cycle.id, jsonb_build_object(
    'format', 1,
    'controller', jsonb_build_object('name', c.name, 'title', c.title, 'time_zone', c.time_zone),
    'cycle', to_jsonb(cycle) - 'controller_id',
    'tables', coalesce((
      select jsonb_agg(jsonb_build_object('table', t.table_name, 'state', t.state, 'batches', t.batches,
        'rows_done', t.rows_done, 'failure', t.failure) order by t.table_name, t.table_id)
      from lethe.cycle_tables as t where t.cycle_id = cycle.id), '[]'),
    'requests', coalesce((
      select jsonb_agg(jsonb_build_object('request', f.request, 'state', 'failed', 'failure', f.failure) order by f.request)
      from lethe_private.failed_requests(cycle.controller_id) as f), '[]'),
    'rules', coalesce((
      select jsonb_agg(to_jsonb(e) - 'cycle_id' - 'table_id' order by e.table_name, e.rule)
      from lethe.evidence as e where e.cycle_id = cycle.id), '[]'),
    'policy', jsonb_build_object(
      'sha256', lethe_private.sha256_hex(lethe_private.policy_in_force(cycle.controller_id)::text),
      'terms', lethe_private.terms_in_force(cycle.controller_id)),
    'key_version', (select max(k.version) from lethe_private.controller_keys as k where k.controller_id = cycle.controller_id))
  from lethe.controllers as c
  where c.id = cycle.controller_id;
end
$$;

comment on function lethe_private.write_receipt(lethe.cycles) is 'Writes the receipt of a cycle that has just ended.';

create or replace function lethe_private.policy_in_force(controller_id int)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set datestyle = 'ISO, YMD'
  set intervalstyle = 'iso_8601'
as $$
begin
  return (
    select jsonb_build_object(
      'time_zone', c.time_zone,
      'reference', c.reference,
      'tables', coalesce((
        select jsonb_object_agg(lethe_private.plain_name(m), to_jsonb(m) - 'id' - 'controller_id' || jsonb_build_object(
          'terms', (
            select jsonb_agg(
              jsonb_build_object('column', r.column_name, 'action', r.action) || (to_jsonb(t) - 'id' - 'rule_id' - 'controller_id')
              order by r.column_name, r.action, t.purpose)
            from lethe_private.effective_terms(m.id, c.id) as t
            join lethe.rules as r on r.id = t.rule_id)))
        from lethe.managed_tables as m
        where lethe_private.has_controller(m, c)), '{}'))
    from lethe.controllers as c
    where c.id = policy_in_force.controller_id);
end
$$;

comment on function lethe_private.policy_in_force(int) is
  'What a controller''s cycles obey: its tables and their effective terms. The same policy gives the same text.';

create or replace function lethe_private.terms_in_force(controller_id int)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object(
    'table', lethe_private.plain_name(m),
    'column', r.column_name,
    'action', r.action,
    'method', t.method,
    'purpose', t.purpose,
    'after', lethe_private.format_delay(t.after),
    'since', t.since,
    'conditional', t."when" is not null)
    order by lethe_private.plain_name(m), r.column_name nulls last, r.action, t.purpose nulls first), '[]')
  from lethe.controllers as c
  join lethe.managed_tables as m on lethe_private.has_controller(m, c)
  cross join lateral lethe_private.effective_terms(m.id, c.id) as t
  join lethe.rules as r on r.id = t.rule_id
  where c.id = terms_in_force.controller_id;
end;

comment on function lethe_private.terms_in_force(int) is 'The effective terms of a controller, as a receipt lists them.';
