-- What a law kept and is somebody else's on its day stops the erasure of all the rest (LE439), each day anew. Where it is
-- rightly theirs an officer strikes it from what is kept, and with it what hangs on it: it stays as it is, nobody waits
-- for it any more, and the certificate says so. Whoever wants to look first does so in a transaction and rolls back.
--
--   select * from lethe.strike_kept_rows(12, 'the invoice was corrected: it is of the sister company');
create or replace function lethe.strike_kept_rows(request bigint, reason text)
  returns table ("table" text, key text)
  language plpgsql
  volatile
  security definer  -- nobody may read what is kept
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(strike_kept_rows.request);
  v_struck lethe_private.reached_row[];
begin
  if not lethe_private.is_one_of(array['lethe_officer']) then
    raise exception using errcode = 'LE502',
      message = format('you may not say what request %s keeps', v_request.id),
      hint = 'it takes lethe_officer';
  elsif v_request.state <> 'blocked' then
    raise exception using errcode = 'LE431',
      message = format('request %s is %s, and keeps nothing that could be struck', v_request.id, v_request.state),
      hint = 'only what is blocked keeps rows until their day';
  end if;
  perform lethe_private.assert_reason(v_request, strike_kept_rows.reason, 'rid of rows that it keeps, without a reason');
  v_struck := lethe_private.others_kept(v_request);
  if v_struck = '{}' then
    return;
  end if;
  delete from lethe_private.kept_rows as k using unnest(v_struck) as s
  where k.request_id = v_request.id and k.table_id = s.table_id and k.key = s.key;
  insert into lethe.request_findings (request_id, n, place, object, finding, rows, decision, decided_by, decided_at)
  select v_request.id, coalesce((select max(f.n) from lethe.request_findings as f where f.request_id = v_request.id), 0) + row_number() over (order by x.name),
    'table', x.name, 'was kept by law, and is somebody else''s now', x.rows, 'keep', session_user, clock_timestamp()
  from (
    select lethe_private.plain_name(m) as name, count(distinct s.key) as rows
    from unnest(v_struck) as s join lethe.managed_tables as m on m.id = s.table_id group by m.id
  ) as x;
  insert into lethe.request_events (request_id, event, reason) values (v_request.id, 'kept rows struck', btrim(strike_kept_rows.reason));
  update lethe.requests as r set failure = null where r.id = v_request.id and r.failure ->> 'sqlstate' = 'LE439';
  return query
    select distinct lethe_private.plain_name(m), s.key
    from unnest(v_struck) as s join lethe.managed_tables as m on m.id = s.table_id order by 1, 2;
end
$$;

comment on function lethe.strike_kept_rows(bigint, text) is
  'Strikes from what a blocked erasure keeps the rows that are somebody else''s now, and what hangs on them; they stay as they are. Returns them. Raises LE114, LE417, LE421, LE431, LE501, LE502.';

-- Along the links, as an erasure would follow them, from the rows that are somebody else's.
create or replace function lethe_private.others_kept(request lethe.requests)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
  v_controller lethe.controllers;
  v_reached lethe_private.reached_row[];
  v_group record;
  v_found lethe_private.reached_row[];
  v_strange text[];
  v_theirs lethe_private.reached_row[] := '{}';
  v_others lethe_private.reached_row[] := '{}';
  v_state text;
begin
  select s.* into strict v_type from lethe.subject_types as s where s.name = request.subject;
  select c.* into strict v_controller from lethe.controllers as c where c.id = request.controller_id;
  v_reached := lethe_private.reach(v_type, v_controller, array(select r.key from lethe_private.request_roots as r where r.request_id = request.id), false);
  for v_group in select * from lethe_private.look_for_kept(request, v_reached, v_controller) loop
    -- Whatever the day: they will not be the person's on it.
    v_strange := lethe_private.strange_keys(v_group.kept, v_group.there, 'infinity');
    v_found := array(
      select (1, v_group.kept[1].table_id, (f ->> 3)::int, f ->> 0, case when f -> 1 = 'false' then 'mention' else 'own' end, null, f -> 2, null, null, null, null, null)::lethe_private.reached_row
      from jsonb_array_elements(v_group.there) as f);
    v_theirs := v_theirs || array(select r from unnest(v_found) as r where r.kind = 'own' and r.key <> all (v_strange));
    v_others := v_others || array(select r from unnest(v_found) as r where r.kind = 'mention' and r.key = any (v_strange));
  end loop;
  -- A row that was moved from one kept row to another is the person's as long as that is.
  v_theirs := lethe_private.without_rows(v_theirs, lethe_private.kept_below(request, v_others, v_type, v_controller));
  v_theirs := lethe_private.kept_below(request, v_theirs || v_reached, v_type, v_controller);
  return lethe_private.kept_below(request, lethe_private.without_rows(v_others, v_theirs), v_type, v_controller);
exception
  when insufficient_privilege then
    raise exception using errcode = 'LE501',
      message = format('lethe_sweeper may not read all tables that belong to a %s', request.subject),
      hint = 'select * from lethe.missing_rights() lists the grants';
  -- What PostgreSQL says of a value that it cannot read quotes it.
  when data_exception or undefined_function or datatype_mismatch then
    get stacked diagnostics v_state = returned_sqlstate;
    raise exception using errcode = 'LE421',
      message = format('rows that request %s had kept cannot be compared along its links (SQLSTATE %s)', request.id, v_state),
      hint = 'a column that links them to the person has another type now';
end
$$;

comment on function lethe_private.others_kept(lethe.requests) is
  'Rows kept for a request that are somebody else''s now, and kept rows that hang on those. Raises LE421, LE501.';

create or replace function lethe_private.kept_below(request lethe.requests, parents lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_columns jsonb := lethe_private.fact_columns(lethe_private.references_of_people());
  v_links lethe.links[] := array(select l from lethe_private.erasure_links(type) as l where l.kind in ('own', 'share'));
  v_all lethe_private.reached_row[] := parents;
  v_next lethe_private.reached_row[] := parents;
  v_found lethe_private.reached_row[];
  v_link lethe.links;
begin
  while v_next <> '{}' loop
    v_found := '{}';
    foreach v_link in array v_links loop
      continue when not exists (select from unnest(v_next) as r where r.table_id = v_link.to_table_id);
      v_found := v_found || lethe_private.reach_step(v_link, array(select r from unnest(v_next) as r where r.table_id = v_link.to_table_id),
        controller, false, v_columns, v_links);
    end loop;
    v_next := lethe_private.without_rows(array(
      select f from unnest(v_found) as f
      where exists (select from lethe_private.kept_rows as k where k.request_id = request.id and k.table_id = f.table_id and k.key = f.key)), v_all);
    v_all := v_all || v_next;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.kept_below(lethe.requests, lethe_private.reached_row[], lethe.subject_types, lethe.controllers) is
  'Rows, and the rows kept for a request that hang on them.';

create or replace function lethe_private.without_rows(rows lethe_private.reached_row[], others lethe_private.reached_row[])
  returns lethe_private.reached_row[]
  language sql
  immutable
  set enable_nestloop = off
return array(
  select r from unnest(rows) as r
  where not exists (select from unnest(others) as o where o.table_id = r.table_id and o.key = r.key));

comment on function lethe_private.without_rows(lethe_private.reached_row[], lethe_private.reached_row[]) is 'Rows that are not among others.';
