-- The parts of lethe.apply_policy that lethe.check() is about: see apply_parts.sql for how errors are told.

create or replace function lethe_private.apply_claim("table" text, "column" text, claim jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(claim, 'null') not in ('null', '"anonymous"') then
    raise exception using errcode = 'LE106',
      message = format('column %s claims %s', "column", claim),
      hint = 'a column may claim anonymous, or nothing';
  end if;
  perform lethe.claim_anonymous("table", "column", coalesce(claim = '"anonymous"', false));
end
$$;

comment on function lethe_private.apply_claim(text, text, jsonb) is 'The claim of one column of a policy document. Raises LE106.';

create or replace function lethe_private.apply_views(views jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text; v_spec jsonb;
  v_seen oid[] := '{}';
  v_pointer text := '/views';
  v_message text; v_state text; v_hint text;
begin
  perform lethe_private.assert_keys(views, array(select jsonb_object_keys(views)), 'views');
  for v_name, v_spec in select e.key, e.value from jsonb_each(views) as e loop
    v_pointer := lethe_private.pointer('views', v_name);
    perform lethe_private.assert_keys(v_spec, array['shows', 'counts'], 'view ' || v_name);
    perform lethe_private.put_view(v_name, v_spec ->> 'shows', lethe_private.text_list(v_spec -> 'counts'), false);
    v_seen := v_seen || lethe_private.resolve_table(v_name);
  end loop;
  delete from lethe.managed_views as v
  where coalesce(lethe_private.host_table(v.schema_name, v.view_name) <> all (v_seen), true);
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = 'at ' || v_pointer;
end
$$;

comment on function lethe_private.apply_views(jsonb) is 'The decided views of a policy document.';

create or replace function lethe_private.apply_waivers(waivers jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_waiver jsonb; v_index bigint;
  v_pointer text := '/waivers';
  v_message text; v_state text; v_hint text;
begin
  if jsonb_typeof(waivers) <> 'array' then
    raise exception using errcode = 'LE605',
      message = format('waivers are a %s, not a list', jsonb_typeof(waivers)),
      hint = 'see docs/policy.schema.json';
  end if;
  for v_waiver, v_index in select e, n - 1 from jsonb_array_elements(waivers) with ordinality as x (e, n) loop
    v_pointer := lethe_private.pointer('waivers', v_index::text);
    perform lethe_private.assert_keys(v_waiver, array['finding', 'object', 'until', 'reason'], 'a waiver');
    perform lethe_private.put_waiver(v_waiver ->> 'finding', v_waiver ->> 'object',
      (lethe_private.read_days(array[v_waiver ->> 'until']))[1], v_waiver ->> 'reason');
  end loop;
  delete from lethe.waivers as w
  where not exists (
    select from jsonb_array_elements(waivers) as e where (e ->> 'finding', e ->> 'object') = (w.code, w.object));
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = 'at ' || v_pointer;
end
$$;

comment on function lethe_private.apply_waivers(jsonb) is 'The waivers of a policy document. One whose day has passed is taken as it is, and reported by lethe.check().';

create or replace function lethe_private.export_checks()
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_strip_nulls(jsonb_build_object(
    'views', (
      select jsonb_object_agg(
        case when strpos(v.schema_name, '.') > 0 then format('%I.%I', v.schema_name, v.view_name) else v.schema_name || '.' || v.view_name end,
        jsonb_strip_nulls(jsonb_build_object('shows', v.shows, 'counts', nullif(to_jsonb(v.counts), '[]'))))
      from lethe.managed_views as v),
    'waivers', (
      select jsonb_agg(jsonb_build_object('finding', w.code, 'object', w.object, 'until', w.until, 'reason', w.reason) order by w.code, w.object)
      from lethe.waivers as w)));
end;

comment on function lethe_private.export_checks() is 'The decided views and the waivers as a policy document writes them.';
