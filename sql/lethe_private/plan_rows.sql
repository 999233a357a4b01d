-- What a request is about, as it is now: what lethe.plan_request writes down, and what is worked out again before it is done.
create or replace function lethe_private.plan_rows(request lethe.requests, lock boolean)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
  v_controller lethe.controllers;
begin
  select t.* into v_type from lethe.subject_types as t where t.name = request.subject;
  if not found then
    raise exception using errcode = 'LE109',
      message = format('subject type %L does not exist', request.subject),
      hint = 'lethe.subject_types lists them';
  end if;
  select c.* into v_controller from lethe.controllers as c where c.id = request.controller_id;
  return lethe_private.decide(
    lethe_private.reach(v_type, v_controller, array(
      select r.key from lethe_private.request_roots as r
      where r.request_id = request.id and r.table_id = v_type.table_id
      order by r.n), lock),
    v_type, v_controller, lethe_private.today(v_controller.time_zone));
end
$$;

comment on function lethe_private.plan_rows(lethe.requests, boolean) is
  'The rows that an erasure reaches, and what becomes of each. lock: they stay as they are until the transaction ends. Raises LE102, LE103, LE109, LE421, LE501.';

-- Who has no key of the controller's cannot tell from a mark whether a row that they guess is in the plan.
create or replace function lethe_private.plan_mark(rows lethe_private.reached_row[], controller lethe.controllers)
  returns text
  language sql
  stable
begin atomic
  select k.version || ':' || encode(lethe.keyed_hash(coalesce((
      select string_agg(x.line, E'\n' order by x.line collate "C")
      from (
        select concat_ws(' ', r.table_id, coalesce(r.mirror_id, 0), length(r.key), r.key, r.decision,
          coalesce(array_to_string(r.cut, ','), '-'), coalesce(to_char(r.until, 'YYYY-MM-DD'), '-')) as line
        from unnest(plan_mark.rows) as r
      ) as x), ''), k.inner_pad, k.outer_pad), 'hex')
  from lethe_private.controller_keys as k
  where k.controller_id = controller.id
  order by k.version desc
  limit 1;
end;

comment on function lethe_private.plan_mark(lethe_private.reached_row[], lethe.controllers) is
  'A keyed hash of which rows a plan reaches and what it does with each.';
