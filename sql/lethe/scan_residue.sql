-- Looks for what people were called, everywhere Lethe may look, after they have been erased. Many requests at once cost
-- hardly more than one. Findings replace those of an earlier look; what somebody has decided of one stays decided. When it is
-- done the identifiers are forgotten, unless somebody still has to be told (or keep says so).
create or replace function lethe.scan_residue(requests bigint[] default null, keep boolean default false)
  returns table (request bigint, place text, object text, finding text, rows bigint)
  language plpgsql
  volatile
  security definer  -- reads identifiers, archive and evidence, which nobody else may; shows objects and counts
  set search_path = pg_catalog, pg_temp
  set lock_timeout = '10s'  -- a table that somebody alters is not waited for, but listed
  set jit = off
as $$
declare
  v_requests bigint[];
  v_controller lethe.controllers;
begin
  -- Each is locked, if the login may see it.
  select array_agg(g.id) into v_requests
  from (select distinct u from unnest(coalesce(scan_residue.requests, array(
    select r.id from lethe.requests as r
    where r.state = 'executed' and (lethe_private.acts_for(r.controller_id) or lethe_private.is_one_of(array['lethe_worker']))))) as u order by u) as x (id)
  cross join lateral lethe_private.get_request(x.id) as g;

  for v_controller in select distinct c.* from lethe.requests as r join lethe.controllers as c on c.id = r.controller_id where r.id = any (v_requests) order by c.id loop
    perform lethe_private.look_for(array(
      select distinct i.request_id from lethe_private.request_identifiers as i join lethe.requests as r on r.id = i.request_id
      where r.id = any (v_requests) and r.controller_id = v_controller.id), v_controller);
  end loop;
  -- What had been found before the identifiers were forgotten stands in the certificate of that day.
  delete from lethe.request_findings as f
  where f.request_id = any (v_requests) and f.place <> 'restore' and f.decision is null
    and exists (select from lethe.certificates as c where c.request_id = f.request_id)
    and not exists (select from lethe_private.request_identifiers as i where i.request_id = f.request_id);
  perform lethe_private.note_nothing_kept(v_requests);
  insert into lethe.request_events (request_id, event) select r, 'looked for residue' from unnest(v_requests) as r order by r;
  update lethe.requests as r set verified_at = clock_timestamp() where r.id = any (v_requests);
  if not scan_residue.keep then
    perform lethe_private.suppress(r.id) from lethe.requests as r
    where r.id = any (v_requests) and r.kind = 'erasure' and r.state in ('executed', 'blocked', 'completed') and not exists (select from lethe_private.suppressions as s where s.request_id = r.id);
    perform lethe_private.forget_identifiers(r.id) from lethe.requests as r
    where r.id = any (v_requests) and r.state in ('executed', 'blocked', 'completed') and lethe_private.all_are_told(r);
  end if;
  return query
    select f.request_id, f.place, f.object, f.finding, f.rows from lethe.request_findings as f
    where f.request_id = any (v_requests) order by f.request_id, f.n;
end
$$;

comment on function lethe.scan_residue(bigint[], boolean) is
  'Looks for the former identifiers of people in every text of the database, and lists objects and counts; default: of all requests that are executed. Raises LE114, LE441.';

create or replace function lethe_private.look_for(requests bigint[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted jsonb := lethe_private.wanted(requests);
  v_found jsonb;
begin
  if cardinality(requests) = 0 then
    return;
  end if;
  select jsonb_agg(to_jsonb(f)) into v_found
  from (
    select * from lethe_private.look_at_host(requests, controller, v_wanted)
    union all select * from lethe_private.look_at_archive(requests, controller, v_wanted)
    union all select * from lethe_private.look_at_own(requests, controller, v_wanted)
    union all select * from lethe_private.look_at_statistics(requests, v_wanted)
    union all select * from lethe_private.look_at_catalogue(requests, v_wanted)
    union all
    select distinct i.request_id, 'not looked at', r.subject || '.' || i.column_name, 'too short to look for', null::bigint, null::text[]
    from lethe_private.identifiers_of(requests) as i join lethe.requests as r on r.id = i.request_id where lethe_private.is_too_short(i.identifier)
    union all
    select r, 'not looked at', 'large objects', 'what is in them is not text that Lethe can read', null, null
    from unnest(requests) as r where exists (select from pg_largeobject_metadata)
  ) as f;
  perform lethe_private.write_findings(requests, v_found);
end
$$;

comment on function lethe_private.look_for(bigint[], lethe.controllers) is 'Looks for the people of some requests of one controller and writes down what was found.';

-- Mirrors of one table are one archive, and partitions one table. A table of which the plan keeps rows by law is expected to hold them.
create or replace function lethe_private.write_findings(requests bigint[], findings jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  delete from lethe.request_findings as f where f.request_id = any (requests) and f.place <> 'restore' and f.decision is null;
  insert into lethe.request_findings (request_id, n, place, object, finding, rows, by_columns)
  select x.request, row_number() over (partition by x.request order by x.place = 'not looked at', x.place, x.object)
      + coalesce((select max(o.n) from lethe.request_findings as o where o.request_id = x.request), 0),
    x.place, x.object, x.finding, x.rows, x.by_columns
  from (
    select f.request, f.place, f.object, case when f.finding = 'found' and lethe_private.is_retained(r, f.place, f.object) then 'kept by law' else f.finding end as finding,
      sum(f.rows)::bigint as rows, min(f.by_columns) as by_columns
    from jsonb_to_recordset(coalesce(findings, '[]')) as f (request bigint, place text, object text, finding text, rows bigint, by_columns text[])
    join lethe.requests as r on r.id = f.request
    group by 1, 2, 3, 4
  ) as x
  where not exists (
    select from lethe.request_findings as o
    where o.request_id = x.request and o.place = x.place and o.object = x.object and o.finding = x.finding);
end
$$;

comment on function lethe_private.write_findings(bigint[], jsonb) is 'Puts findings in the place of those of an earlier look.';

create or replace function lethe_private.is_retained(request lethe.requests, place text, object text)
  returns boolean
  language sql
  immutable
return exists (
  select from jsonb_array_elements(case when jsonb_typeof(request.plan -> 'tables') = 'array' then request.plan -> 'tables' else '[]' end) as t
  where t ->> 'decision' = 'retain' and (t ->> 'place' = 'archive') = (is_retained.place = 'archive')
    and (starts_with(object, (t ->> 'table') || '.') or starts_with(replace(object, '"', ''), (t ->> 'table') || '.')));

comment on function lethe_private.is_retained(lethe.requests, text, text) is 'True when the plan of a request keeps rows of the table by law.';

create or replace function lethe_private.note_nothing_kept(requests bigint[])
  returns void
  language sql
  volatile
begin atomic
  insert into lethe.request_findings (request_id, n, place, object, finding)
  select r, 1, 'not looked at', 'identifiers', 'none is known of this person, or none any more: there is nothing to look for'
  from unnest(requests) as r
  where not exists (select from lethe_private.request_identifiers as i where i.request_id = r)
    and not exists (select from lethe.request_findings as f where f.request_id = r);
end;

comment on function lethe_private.note_nothing_kept(bigint[]) is 'Says so of requests whose roots had nothing in their identifier columns.';

-- Recipients recognise the person by hashes that are made of the identifiers.
create or replace function lethe_private.all_are_told(request lethe.requests)
  returns boolean
  language sql
  stable
begin atomic
  select not exists (
    select from lethe.recipients as p
    where p.controller_id = request.controller_id and p.removed_at is null and request.kind = any (p.kinds)
      and not exists (
        select from lethe.notifications as n
        where n.request_id = request.id and n.recipient_id = p.id and (n.state <> 'waiting' or exists (
          select from lethe_private.notification_hashes as h where h.notification_id = n.id))));
end;

comment on function lethe_private.all_are_told(lethe.requests) is 'True when nothing has to be made of the identifiers for a recipient any more.';

-- A column that holds the identifier alone can be linked by it: then the next plan knows its rows. One that holds more
-- (free text, JSON) cannot, since a link compares whole values: that takes a rule.
create or replace function lethe.link_finding_sql(request bigint, n int)
  returns text
  language plpgsql
  volatile
  security definer  -- reads the catalogue of managed tables
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(link_finding_sql.request);
  v_finding lethe.request_findings;
  v_root text;
  v_parts text[];
  v_table text;
  v_type "char";
begin
  select f.* into v_finding from lethe.request_findings as f
  where f.request_id = v_request.id and f.n = link_finding_sql.n and f.place = 'table' and cardinality(f.by_columns) > 0;
  if not found then
    raise exception using errcode = 'LE442',
      message = format('request %s has no finding %s in a table', v_request.id, coalesce(link_finding_sql.n::text, '(null)')),
      hint = 'select * from lethe.request_findings lists them; what is found elsewhere cannot be linked';
  end if;
  v_parts := parse_ident(v_finding.object);
  v_table := format('%I.%I', v_parts[1], v_parts[2]);
  select format('%I.%I', m.schema_name, m.table_name) into v_root
  from lethe.subject_types as s join lethe.managed_tables as m on m.id = s.table_id where s.name = v_request.subject;
  select h.type_category into v_type from lethe_private.host_columns as h
  where h.relation = lethe_private.host_table(v_parts[1], v_parts[2]) and h.name = v_parts[3];
  if v_type is distinct from 'S' then
    return format(E'-- %s is not a plain text: a link compares whole values, and this one holds more. Give the column a rule,\n'
      '-- or take the person out of it by hand.\n', lethe_private.on_one_line(v_finding.object));
  end if;
  return concat(
    format(E'-- Where %s is %s of %s: own (about this person alone), share (about several) or mention (somebody else''s).\n',
      lethe_private.on_one_line(v_finding.object), lethe_private.on_one_line(array_to_string(v_finding.by_columns, ' or ')), lethe_private.on_one_line(v_root)),
    E'-- Whole values are compared; where the column holds more than that, give it a rule instead.\n',
    case when not exists (select from lethe.managed_tables as m where m.schema_name = v_parts[1] and m.table_name = v_parts[2])
      then format(E'select lethe.manage_table(%L, controller => %L);  -- or controller_column =>, where it tells\n', v_table,
        (select c.name from lethe.controllers as c where c.id = v_request.controller_id)) end,
    (select string_agg(format(E'select lethe.set_link(%L, %L, array[%L], array[%L], subject => %L, kind => ''mention'');\n',
      v_table, v_root, v_parts[3], k, v_request.subject), '') from unnest(v_finding.by_columns) as k));
end
$$;

comment on function lethe.link_finding_sql(bigint, int) is
  'The statements that would make a link of a finding, for the DBA to read and run. Changes nothing. Raises LE114, LE442.';
