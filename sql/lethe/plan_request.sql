-- What an erasure would do, written down for an officer to read and agree to. Nothing is changed. Before it is done it is
-- worked out again, and asked again if it has changed.
create or replace function lethe.plan_request(request bigint)
  returns jsonb
  language plpgsql
  volatile
  security definer  -- reads the person's keys, and the archive, which nobody else may
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
  v_controller lethe.controllers;
  v_rows lethe_private.reached_row[];
begin
  if v_request.kind <> 'erasure' then
    raise exception using errcode = 'LE427',
      message = format('request %s is one of %s, and has no plan', v_request.id, v_request.kind),
      hint = 'only an erasure is planned; the others are approved at once';
  end if;
  v_request := lethe_private.move_request(v_request, 'planned');
  perform lethe_private.keep_identifiers(v_request.id);
  select c.* into v_controller from lethe.controllers as c where c.id = v_request.controller_id;
  v_rows := lethe_private.plan_rows(v_request, false);
  update lethe.requests as r
  set plan = lethe_private.plan_document(v_rows, v_request, v_controller),
      plan_mark = lethe_private.plan_mark(v_rows, v_controller),
      planned_at = clock_timestamp()
  where r.id = v_request.id
  returning r.* into v_request;
  return v_request.plan;
end
$$;

comment on function lethe.plan_request(bigint) is
  'Plans an erasure and returns what it would do, table by table. Raises LE102, LE103, LE109, LE114, LE411, LE421, LE427, LE501, LE502.';

-- Counts and names of tables and columns: no key, no value.
create or replace function lethe_private.plan_document(rows lethe_private.reached_row[], request lethe.requests, controller lethe.controllers)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
  v_neighbours jsonb;
begin
  select t.* into v_type from lethe.subject_types as t where t.name = request.subject;
  v_neighbours := lethe_private.plan_neighbours(rows, v_type);
  return jsonb_build_object(
    'format', 1,
    'day', to_char(lethe_private.today(controller.time_zone), 'YYYY-MM-DD'),
    'tables', lethe_private.plan_tables(rows),
    'near', lethe_private.plan_near(rows) || (v_neighbours -> 'near'),
    'refusals', (v_neighbours -> 'refusals') || lethe_private.refuse_plan(rows, controller),
    'delayed_by', to_jsonb(lethe_private.plan_delays(rows)),
    'totals', lethe_private.plan_totals(rows),
    'unclassified', lethe_private.plan_unclassified(rows));
end
$$;

comment on function lethe_private.plan_document(lethe_private.reached_row[], lethe.requests, lethe.controllers) is
  'A plan as an officer reads it.';

create or replace function lethe_private.plan_tables(rows lethe_private.reached_row[])
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object(
      'table', x.name, 'place', x.place, 'kind', x.kind, 'decision', x.decision, 'rows', x.rows, 'basis', x.basis,
      'until', to_char(x.until, 'YYYY-MM-DD'), 'columns', x.columns, 'because', x.because)
    order by x.name collate "C", x.place desc, x.decision, x.kind, x.until, x.columns, x.because), '[]')
  from (
    select lethe_private.plain_name(t) as name, case when r.mirror_id is null then 'live' else 'archive' end as place,
      r.kind, r.decision, r.basis, r.until, r.because, count(*) as rows,
      coalesce(to_jsonb(r.cut), case when r.decision = 'anonymize' then (
        select coalesce(jsonb_agg(m.column_name order by m.column_name collate "C"), '[]')
        from lethe.managed_columns as m
        where m.table_id = t.id and lethe_private.is_personal(m.category) and m.column_name <> all (t.key_columns)) end, '[]') as columns
    from unnest(plan_tables.rows) as r
    join lethe.managed_tables as t on t.id = r.table_id
    where r.decision <> 'stay'
    group by t.*, t.id, t.key_columns, 2, r.kind, r.decision, r.basis, r.until, r.because, r.cut
  ) as x;
end;

comment on function lethe_private.plan_tables(lethe_private.reached_row[]) is 'What a plan does, table by table.';

create or replace function lethe_private.plan_near(rows lethe_private.reached_row[])
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object('table', x.name, 'rows', x.rows, 'why', x.because) order by x.name collate "C", x.because), '[]')
  from (
    select lethe_private.plain_name(t) as name, r.because, count(*) as rows
    from unnest(plan_near.rows) as r
    join lethe.managed_tables as t on t.id = r.table_id
    where r.decision = 'stay' or r.decision = 'cut' or r.cut is not null
    group by t.*, r.because
  ) as x;
end;

comment on function lethe_private.plan_near(lethe_private.reached_row[]) is 'Other people''s rows that a plan comes near.';

create or replace function lethe_private.plan_totals(rows lethe_private.reached_row[])
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_build_object(
      'tables', count(distinct r.table_id) filter (where r.decision <> 'stay'),
      'rows', count(*) filter (where r.decision <> 'stay'))
    || (select coalesce(jsonb_object_agg(d.decision, d.rows), '{}')
        from (select x.decision, count(*) as rows from unnest(plan_totals.rows) as x group by x.decision) as d)
  from unnest(plan_totals.rows) as r;
end;

comment on function lethe_private.plan_totals(lethe_private.reached_row[]) is
  'How many rows in how many tables a plan acts on or keeps, and how many of each decision.';

create or replace function lethe_private.plan_unclassified(rows lethe_private.reached_row[])
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys lethe_private.erasure_references[] := lethe_private.references_of_people();
begin
  return (
    select coalesce(jsonb_agg(format('%s.%I', lethe_private.plain_name(t), h.name) order by lethe_private.plain_name(t) collate "C", h.position), '[]')
    from lethe.managed_tables as t
    join lethe_private.managed_relations as m on m.table_id = t.id
    join lethe_private.host_columns as h on h.relation = m.relation
    where t.id in (select r.table_id from unnest(plan_unclassified.rows) as r where r.decision <> 'stay')
      and h.name <> all (t.key_columns) and h.name is distinct from t.controller_column and not h.is_generated
      and (t.id, h.name) not in (select f.child_id, c from unnest(v_keys) as f cross join unnest(f.child_columns) as c where f.child_id is not null)
      and not exists (select from lethe.managed_columns as c where c.table_id = t.id and c.column_name = h.name and c.category is not null)
      and not exists (select from lethe.rules as u where u.table_id = t.id and u.column_name = h.name));
end
$$;

comment on function lethe_private.plan_unclassified(lethe_private.reached_row[]) is
  'Columns of a plan''s tables of which the policy does not say what they hold.';
