-- What a view or function does is what was looked at when a finding of it was waived.
create or replace function lethe_private.waived_definition(object text)
  returns text
  language sql
  stable
begin atomic
  select md5(pg_get_viewdef(c.oid))
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('v', 'm') and format('%I.%I', n.nspname, c.relname) = waived_definition.object
  union all
  select md5(pg_get_functiondef(p.oid))
  from pg_catalog.pg_proc as p
  where p.prosecdef and p.oid::regprocedure::text = waived_definition.object
  limit 1;
end;

comment on function lethe_private.waived_definition(text) is
  'A hash of the definition of the view or function that a finding names; null where it names something else. Needs a pinned search path.';

-- A finding that somebody takes on until a day. Not for good: what is decided for good is a decision, and has its place
-- in the policy.
create or replace function lethe_private.put_waiver(code text, object text, until date, reason text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reads text := (select c.reads from lethe.checks as c where c.code = put_waiver.code);
begin
  if v_reads is null then
    raise exception using errcode = 'LE112',
      message = format('there is no finding %s', coalesce(quote_literal(code), 'null')),
      hint = 'lethe.checks lists them';
  elsif v_reads in ('the findings', 'the policy file') then
    raise exception using errcode = 'LE621',
      message = format('finding %s cannot be waived', code),
      hint = 'it tells of the check itself: do what it says';
  elsif coalesce(object, '') = '' then
    raise exception using errcode = 'LE621', message = format('a waiver of %s names no object', code), hint = 'name it as the finding does';
  elsif until is null or not isfinite(until) then
    raise exception using errcode = 'LE621',
      message = format('the waiver of %s for %s names no last day', code, object),
      hint = 'write it as 2027-01-31; what is decided for good belongs in the policy';
  elsif coalesce(reason, '') !~ '\S' then
    raise exception using errcode = 'LE621', message = format('the waiver of %s for %s gives no reason', code, object), hint = 'say why, for whoever reads it when it ends';
  end if;
  insert into lethe.waivers as w (code, object, until, reason, definition)
  values (put_waiver.code, put_waiver.object, put_waiver.until, put_waiver.reason, lethe_private.waived_definition(put_waiver.object))
  on conflict on constraint waivers_pkey do update
  set until = excluded.until, reason = excluded.reason, definition = excluded.definition, by = excluded.by, at = excluded.at
  where (w.until, w.reason) is distinct from (excluded.until, excluded.reason);
end
$$;

comment on function lethe_private.put_waiver(text, text, date, text) is 'Writes a waiver down; its day may have passed already. Raises LE112, LE621.';

create or replace function lethe.waive(code text, object text, until date, reason text)
  returns void
  language plpgsql
  volatile
  security definer  -- the policy is changed through functions only, each change recorded
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.assert_may_change(null);
  if until < lethe_private.latest_today() then
    raise exception using errcode = 'LE621',
      message = format('the waiver of %s for %s would have ended on %s', code, object, until),
      hint = 'name a day to come';
  end if;
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  perform lethe_private.put_waiver(code, object, until, reason);
  -- Who waives it once more has looked again, even where day and reason are the same; a file that is applied again has not.
  update lethe.waivers as w
  set definition = lethe_private.waived_definition(w.object)
  where w.code = waive.code and w.object = waive.object and w.definition is distinct from lethe_private.waived_definition(w.object);
end
$$;

comment on function lethe.waive(text, text, date, text) is
  'Leaves a finding of lethe.check(), named by code and object as it is there, unreported up to and including a day, or until the view or function that it is about changes. Raises LE112, LE502, LE621.';

create or replace function lethe.withdraw_waiver(code text, object text, reason text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- the policy is changed through functions only, each change recorded
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.assert_may_change(null);
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  delete from lethe.waivers as w where w.code = withdraw_waiver.code and w.object = withdraw_waiver.object;
  if not found then
    raise exception using errcode = 'LE112',
      message = format('there is no waiver of %s for %s', coalesce(code, '(null)'), coalesce(object, '(null)')),
      hint = 'lethe.waivers lists them';
  end if;
end
$$;

comment on function lethe.withdraw_waiver(text, text, text) is 'Ends a waiver. Raises LE112, LE502.';

-- The day of whichever controller is furthest ahead: a waiver is over as soon as its day has passed for one of them.
create or replace function lethe_private.latest_today()
  returns date
  language sql
  stable
begin atomic
  select coalesce(max(lethe_private.today(c.time_zone)), current_date) from lethe.controllers as c;
end;

comment on function lethe_private.latest_today() is 'The local day of the controller for whom it is latest.';
