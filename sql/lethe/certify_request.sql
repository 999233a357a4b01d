-- The certificate of an erasure: what was erased and how, what a law keeps and until when, what was found afterwards, and
-- what only time removes. Names of tables and figures, nobody's data. The second one of a request is about what the first
-- had said was kept.
create or replace function lethe.certify_request(request bigint)
  returns int
  language plpgsql
  volatile
  security definer  -- nobody may write lethe.certificates
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(certify_request.request);
  v_number int;
  v_left boolean;
begin
  select max(c.number) into v_number from lethe.certificates as c where c.request_id = v_request.id;
  if v_request.state in ('blocked', 'completed') and v_number is not null then
    return v_number;
  elsif v_request.kind <> 'erasure' or v_request.state <> 'executed' then
    raise exception using errcode = 'LE438',
      message = format('request %s is %s: there is no erasure to certify', v_request.id, v_request.state),
      hint = 'select lethe.execute_request(…) first';
  elsif v_request.verified_at is null then
    raise exception using errcode = 'LE438',
      message = format('nobody has looked for what is left after request %s', v_request.id),
      hint = 'select lethe.verify_request(…): it looks, and certifies what was found';
  end if;
  v_number := coalesce(v_number, 0) + 1;
  insert into lethe.certificates (request_id, number, controller_id, document)
  values (v_request.id, v_number, v_request.controller_id, lethe_private.certificate_of(v_request, v_number));

  v_left := exists (select from lethe_private.kept_rows as k where k.request_id = v_request.id and k.retained);
  perform lethe_private.move_request(v_request, case when v_left then 'blocked' else 'completed' end);
  if not v_left then
    perform lethe_private.forget_identifiers(v_request.id);
    delete from lethe_private.kept_rows as k where k.request_id = v_request.id;
    delete from lethe_private.request_roots as r where r.request_id = v_request.id;
  end if;
  return v_number;
end
$$;

comment on function lethe.certify_request(bigint) is
  'Writes the certificate of an executed erasure, and moves it to blocked, or to completed, when the keys of the person are forgotten. Returns the certificate''s number. Raises LE114, LE438.';

-- What no statement removes. Names of tables only where it is so.
create or replace function lethe_private.what_remains(request lethe.requests)
  returns jsonb
  language sql
  stable
begin atomic
  with touched as (
    select distinct t.value ->> 'table' as name, t.value ->> 'place' as place
    from unnest(array['erased', 'anonymized', 'cut']) as k cross join jsonb_array_elements(request.outcome -> k) as t
  ), relations as (
    select t.name, s.relid, greatest(s.last_vacuum, s.last_autovacuum) as vacuumed, greatest(s.last_analyze, s.last_autoanalyze) as analyzed
    from touched as t
    join lethe.managed_tables as m on lethe_private.plain_name(m) = t.name
    cross join lateral (
      select lethe_private.host_table(m.schema_name, m.table_name) as oid where t.place = 'live'
      union all
      select lethe_private.host_table('lethe_archive', r.name) from lethe_private.mirrors as r where r.table_id = m.id and t.place = 'archive'
    ) as h
    cross join lateral (select h.oid as oid union select i.relid from pg_catalog.pg_partition_tree(h.oid::regclass) as i) as p
    join pg_catalog.pg_stat_all_tables as s on s.relid = p.oid
  )
  select to_jsonb(array_remove(array[
    (select 'dead row versions until VACUUM of ' || string_agg(distinct r.name, ', ') from relations as r where r.vacuumed is null or r.vacuumed < request.executed_at),
    (select 'planner statistics until ANALYZE of ' || string_agg(distinct r.name, ', ') from relations as r
     where (r.analyzed is null or r.analyzed < request.executed_at)
       and (select c.reltuples from pg_catalog.pg_class as c where c.oid = r.relid) >= 0),
    case when exists (select from touched) then 'write-ahead log until it is recycled, here, on replicas and in its archive' end,
    case when exists (select from touched) then 'backups until they expire' end], null));
end;

comment on function lethe_private.what_remains(lethe.requests) is 'What only time and maintenance remove of what was erased.';

create or replace function lethe_private.certificate_of(request lethe.requests, number int)
  returns jsonb
  language sql
  volatile
begin atomic
  select jsonb_build_object(
    'format', 1,
    'request', request.id,
    'number', certificate_of.number,
    'kind', request.kind,
    'controller', jsonb_build_object('name', c.name, 'title', c.title, 'time_zone', c.time_zone),
    'received_on', (request.received_at at time zone c.time_zone)::date,
    'approved_at', lethe_private.utc_text(request.approved_at),
    'executed_at', lethe_private.utc_text(request.executed_at),
    'findings', coalesce((
      select jsonb_agg(jsonb_build_object('place', f.place, 'object', f.object, 'finding', f.finding, 'rows', f.rows, 'decision', f.decision) order by f.n)
      from lethe.request_findings as f where f.request_id = request.id), '[]'),
    'recipients', coalesce((
      select jsonb_agg(jsonb_build_object('name', r.name, 'state', n.state) order by r.name, r.id)
      from lethe.notifications as n join lethe.recipients as r on r.id = n.recipient_id where n.request_id = request.id), '[]'),
    'remains', lethe_private.what_remains(request),
    'ledger', null) || request.outcome
  from lethe.controllers as c
  where c.id = request.controller_id;
end;

comment on function lethe_private.certificate_of(lethe.requests, int) is 'The document of a certificate.';

-- Sealed when it is first asked for, unless a cycle has done so.
create or replace function lethe.certificate(request bigint, number int default null)
  returns jsonb
  language plpgsql
  volatile
  security definer  -- seals, and reads the seals, after asking whom the login acts for
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(certificate.request);
  v_key text;
  v_certificate jsonb;
begin
  select jsonb_build_array(c.request_id, c.number)::text into v_key
  from lethe.certificates as c
  where c.request_id = v_request.id and c.number = coalesce(certificate.number, c.number)
  order by c.number desc limit 1;
  if v_key is null then
    raise exception using errcode = 'LE438',
      message = format('request %s has no such certificate', v_request.id),
      hint = case when v_request.kind <> 'erasure' then 'only erasures have one'
        else format('an erasure has one when it was done and looked at again: lethe request show %s', v_request.id) end;
  elsif not exists (select from lethe.sealed_rows as s where s.relation = 'lethe.certificates' and s.key = v_key) then
    perform lethe_private.seal_controller(v_request.controller_id);
  end if;
  select c.document || jsonb_build_object('issued_at', lethe_private.utc_text(c.issued_at), 'seal', jsonb_build_object(
      'chain', f.previous, 'number', s.number, 'hash', s.hash, 'sealed_at', lethe_private.utc_text(s.sealed_at), 'certificate_sha256', l.hash))
  into v_certificate
  from lethe.sealed_rows as l
  join lethe.seals as s on s.controller_id = l.controller_id and s.number = l.number
  join lethe.seals as f on f.controller_id = l.controller_id and f.number = 1
  join lethe.certificates as c on jsonb_build_array(c.request_id, c.number)::text = l.key
  where l.relation = 'lethe.certificates' and l.key = v_key and c.request_id = v_request.id;
  return v_certificate;
end
$$;

comment on function lethe.certificate(bigint, int) is
  'A certificate of a request, by default the last, and the seal that covers it. Raises LE114, LE405, LE438.';
