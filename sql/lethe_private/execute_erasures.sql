-- Erasures of one controller and one kind of person, each approved, all in this transaction: read what is theirs anew and
-- lock it, see that the plan is still the one that was approved, act, read again, and write down what was done. Many are
-- done as one, set by set. Where there are several and one of them needs an answer of its own (a changed plan, a hold), the
-- result is null and nothing was done: they are to be taken one by one.
create or replace function lethe_private.execute_erasures(requests lethe.requests[])
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_first lethe.requests := requests[1];
  v_type lethe.subject_types;
  v_controller lethe.controllers;
  v_pads lethe_private.controller_keys;
  v_owners bigint[];
  v_keys text[];
  v_reached lethe_private.reached_row[];
  v_rows lethe_private.reached_row[];
  v_answer text;
begin
  select s.* into strict v_type from lethe.subject_types as s where s.name = v_first.subject;
  select c.* into strict v_controller from lethe.controllers as c where c.id = v_first.controller_id;
  select k.* into strict v_pads from lethe_private.controller_keys as k where k.controller_id = v_controller.id order by k.version desc limit 1;
  perform set_config('lock_timeout', (extract(epoch from s.lock_timeout) * 1000)::bigint::text, true) from lethe.settings as s;
  perform lethe_private.lock_people(array(select r.id from unnest(requests) as r), v_controller);
  select array_agg(r.request_id order by r.request_id, r.n), array_agg(r.key order by r.request_id, r.n) into v_owners, v_keys
  from lethe_private.request_roots as r
  where r.request_id in (select x.id from unnest(requests) as x);

  v_reached := lethe_private.reach(v_type, v_controller, coalesce(v_keys, '{}'), true);
  v_rows := lethe_private.decide(v_reached, v_type, v_controller, lethe_private.today(v_controller.time_zone));
  if v_first.state = 'blocked' then
    v_rows := v_rows || lethe_private.unreached_rows(v_first, v_rows, v_controller);
  end if;
  v_answer := lethe_private.reason_not_to_erase(requests, v_owners, v_reached, v_rows, v_type, v_controller);
  if v_answer is not null then
    return case when cardinality(requests) = 1 then lethe_private.not_erased(v_first, v_answer, v_rows, v_controller) end;
  end if;

  perform lethe_private.erase(v_rows, v_type, v_controller, v_pads);
  perform lethe_private.write_outcomes(requests, v_owners, v_rows, v_controller, v_pads);
  perform lethe_private.suppress(r.id) from unnest(requests) as r;
  return 'executed';
end
$$;

comment on function lethe_private.execute_erasures(lethe.requests[]) is
  'Executes erasures as one: executed; of a single one also planned, delayed or blocked. Null: they differ, and nothing was done. Raises LE421, LE432 to LE437, LE439, LE501.';

-- Whoever imports people and asks the suppression list takes the same locks, one an identifier, and so waits until it is
-- known whether they are forgotten. Holds wait as well, as they do for the batches of a cycle.
create or replace function lethe_private.lock_people(requests bigint[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock_shared(lethe_private.holds_lock_id());
  perform lethe_private.keep_identifiers(r) from unnest(requests) as r;
  perform pg_advisory_xact_lock(x.id)
  from (
    select distinct lethe_private.identifier_lock_id(controller.id, i.identifier) as id
    from lethe_private.identifiers_of(requests) as i
    order by 1
  ) as x;
end
$$;

comment on function lethe_private.lock_people(bigint[], lethe.controllers) is 'Keeps imports of these people, and holds, waiting until the transaction ends.';

-- plan: the plan is another one than was approved, or cannot be carried out. hold: something of it is held.
create or replace function lethe_private.reason_not_to_erase(
  requests lethe.requests[], owners bigint[], reached lethe_private.reached_row[], rows lethe_private.reached_row[],
  type lethe.subject_types, controller lethe.controllers
)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if cardinality(lethe_private.plan_delays(rows)) > 0 then
    return 'hold';
  elsif lethe_private.refuse_plan(rows, controller) <> '[]' or lethe_private.plan_neighbours(rows, type) -> 'refusals' <> '[]' then
    return 'plan';
  elsif requests[1].state = 'blocked' then
    perform lethe_private.assert_kept(requests[1], rows);
    return null;
  elsif not lethe_private.as_approved(requests, owners, rows, controller) and (cardinality(requests) > 1 or not lethe_private.as_approved(requests, owners,
    lethe_private.decide(reached, type, controller, (requests[1].plan ->> 'day')::date), controller))
  then
    return 'plan';
  end if;
  return null;
end
$$;

comment on function lethe_private.reason_not_to_erase(lethe.requests[], bigint[], lethe_private.reached_row[], lethe_private.reached_row[], lethe.subject_types, lethe.controllers) is
  'plan or hold; null when what was approved can be done. That only time has passed since changes no plan.';

-- Nobody is asked again when the day of what was kept has come, so nothing else may go then.
create or replace function lethe_private.assert_kept(request lethe.requests, rows lethe_private.reached_row[])
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_tables text;
begin
  select string_agg(format('%s: %s', x.name, x.rows), ', ' order by x.name) into v_tables
  from (
    select lethe_private.plain_name(m) as name, count(*) as rows
    from unnest(rows) as r join lethe.managed_tables as m on m.id = r.table_id
    where r.decision in ('purge', 'anonymize') and not exists (
      select from lethe_private.kept_rows as k where k.request_id = request.id and k.table_id = r.table_id and k.key = r.key)
    group by m.id
  ) as x;
  if v_tables is not null then
    raise exception using errcode = 'LE439', table = v_tables,
      message = format('rows came since request %s was executed (%s), and nobody has approved that they go', request.id, v_tables),
      hint = 'open a new request for the person, or detach the rows from theirs; what was kept goes with the next cycle then';
  end if;
end
$$;

comment on function lethe_private.assert_kept(lethe.requests, lethe_private.reached_row[]) is 'Raises LE439 when a completion would touch rows that the erasure had not kept.';

create or replace function lethe_private.as_approved(requests lethe.requests[], owners bigint[], rows lethe_private.reached_row[], controller lethe.controllers)
  returns boolean
  language sql
  stable
begin atomic
  select coalesce(bool_and(r.plan_mark = coalesce(m.mark, lethe_private.plan_mark('{}', controller))), false)
  from unnest(requests) as r
  left join (
    select owners[x.subject] as id, lethe_private.plan_mark(array_agg(x), controller) as mark
    from unnest(rows) as x
    group by 1
  ) as m on m.id = r.id;
end;

comment on function lethe_private.as_approved(lethe.requests[], bigint[], lethe_private.reached_row[], lethe.controllers) is
  'True when rows and decisions are those that were approved.';

create or replace function lethe_private.not_erased(request lethe.requests, reason text, rows lethe_private.reached_row[], controller lethe.controllers)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_objects text;
begin
  if reason = 'hold' then
    update lethe.requests as r set delayed_by = lethe_private.plan_delays(rows), failure = null where r.id = request.id;
    if request.state = 'approved' then
      perform lethe_private.move_request(request, 'delayed', 'a hold keeps something of the plan');
    end if;
    return case request.state when 'approved' then 'delayed' else request.state end;
  elsif request.state = 'blocked' then
    select string_agg(distinct f ->> 'object', ', ') into v_objects
    from lethe.subject_types as t
    cross join jsonb_array_elements(lethe_private.refuse_plan(rows, controller) || (lethe_private.plan_neighbours(rows, t) -> 'refusals')) as f
    where t.name = request.subject;
    raise exception using errcode = 'LE432', table = v_objects,
      message = format('what request %s has left for today cannot be erased: other rows would go with it (%s)', request.id, v_objects),
      hint = 'declare a link for them, or see to whom they belong; select lethe.plan_request(…) of a new request for the same person says more';
  end if;
  perform lethe.plan_request(request.id);
  return 'planned';
end
$$;

comment on function lethe_private.not_erased(lethe.requests, text, lethe_private.reached_row[], lethe.controllers) is
  'What becomes of a request that cannot be executed now: planned anew, or delayed. Raises LE432.';
