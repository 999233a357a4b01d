-- What an erasure did, as its certificate will say it; and what it leaves to be done on a later day.
create or replace function lethe_private.write_outcomes(
  requests lethe.requests[], owners bigint[], rows lethe_private.reached_row[], controller lethe.controllers, pads lethe_private.controller_keys
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  delete from lethe_private.kept_rows as k where k.request_id in (select r.id from unnest(requests) as r);
  insert into lethe_private.kept_rows (request_id, table_id, key, facts, until, basis, retained)
  select distinct on (owners[r.subject], r.table_id, r.key) owners[r.subject], r.table_id, r.key,
    (select jsonb_object_agg(c, r.facts -> c) from unnest(m.key_columns || case
       when r.decision = 'retain' then m.link_columns
       -- What a tombstone has lost is not to be remembered here.
       when r.cut is null then array(select c from unnest(m.link_columns) as c where c <> all (m.lost)) end) as c
     where r.facts ? c or c = any (m.key_columns)),
    r.until, r.basis, r.decision = 'retain'
  from unnest(rows) as r
  join (
    select t.id, t.key_columns, lethe_private.link_columns(t, s) as link_columns,
      case when t.id in (select x.table_id from unnest(rows) as x where x.decision = 'anonymize' and x.cut is null)
        then array(select e.column_name from lethe_private.erased_columns(t, controller, null) as e) end as lost
    from lethe.managed_tables as t
    cross join lethe.subject_types as s
    where t.id in (select x.table_id from unnest(rows) as x where x.decision in ('retain', 'anonymize')) and s.name = requests[1].subject
    offset 0
  ) as m on m.id = r.table_id
  where r.decision = 'retain' or r.decision = 'anonymize' and r.kind <> 'mention'
  order by owners[r.subject], r.table_id, r.key, r.mirror_id nulls first;

  update lethe.requests as r
  set outcome = coalesce(o.outcome, lethe_private.outcome_of('{}', controller, pads)), executed_at = clock_timestamp(), verified_at = null,
      completes_on = o.completes_on, failure = null, delayed_by = null
  from unnest(requests) as q
  left join (
    select owners[x.subject] as id, lethe_private.outcome_of(array_agg(x), controller, pads) as outcome,
      min(x.until) filter (where x.decision = 'retain') + 1 as completes_on
    from unnest(rows) as x
    group by 1
  ) as o on o.id = q.id
  where r.id = q.id;
  perform lethe_private.move_request(r, 'executed') from unnest(requests) as r;
end
$$;

comment on function lethe_private.write_outcomes(lethe.requests[], bigint[], lethe_private.reached_row[], lethe.controllers, lethe_private.controller_keys) is
  'Writes down what was done for each request, what is kept for it, and until when.';

create or replace function lethe_private.link_columns(managed lethe.managed_tables, type lethe.subject_types)
  returns text[]
  language sql
  stable
return array(
  select distinct c
  from lethe_private.erasure_links(type) as l cross join unnest(l.columns) as c
  where l.table_id = managed.id and l.kind in ('own', 'share') and c <> all (managed.key_columns));

comment on function lethe_private.link_columns(lethe.managed_tables, lethe.subject_types) is
  'The columns, besides the key, by which a table''s rows are a person''s.';

-- Figures and names of tables. root: a keyed hash over what was done to which row, by which alone one who has the key can
-- tell whether a row was among them.
create or replace function lethe_private.outcome_of(rows lethe_private.reached_row[], controller lethe.controllers, pads lethe_private.controller_keys)
  returns jsonb
  language sql
  stable
begin atomic
  with named as (
    select lethe_private.plain_name(m) as name, case when r.mirror_id is null then 'live' else 'archive' end as place,
      r.decision, r.cut, r.until, r.basis, r.key, m.id, r.mirror_id,
      case when r.decision = 'anonymize' then (select array_agg(e.column_name) from lethe_private.erased_columns(m, controller, r.cut) as e) else r.cut end as columns
    from (select distinct x.table_id, x.mirror_id, x.decision, x.cut, x.until, x.basis, x.key from unnest(rows) as x) as r
    join lethe.managed_tables as m on m.id = r.table_id
  ), counted as (
    select n.name, n.place, case when n.decision in ('cut', 'stay') then 'cut' else n.decision end as decision, n.columns, n.until, n.basis, count(*) as rows
    from named as n
    where n.decision <> 'stay' or cardinality(n.columns) > 0
    group by 1, 2, 3, 4, 5, 6
  )
  select jsonb_build_object(
    'erased', coalesce(jsonb_agg(jsonb_build_object('table', c.name, 'place', c.place, 'rows', c.rows) order by c.name, c.place) filter (where c.decision = 'purge'), '[]'),
    'anonymized', coalesce(jsonb_agg(jsonb_build_object('table', c.name, 'place', c.place, 'rows', c.rows, 'columns', coalesce(to_jsonb(c.columns), '[]')) order by c.name, c.place) filter (where c.decision = 'anonymize'), '[]'),
    'cut', coalesce(jsonb_agg(jsonb_build_object('table', c.name, 'place', c.place, 'rows', c.rows, 'columns', to_jsonb(c.columns)) order by c.name, c.place) filter (where c.decision = 'cut'), '[]'),
    'retained', coalesce(jsonb_agg(jsonb_build_object('table', c.name, 'place', c.place, 'rows', c.rows, 'basis', c.basis, 'until', c.until) order by c.name, c.place, c.until) filter (where c.decision = 'retain'), '[]'),
    'root', (
      select encode(lethe.keyed_hash(coalesce(string_agg(x.line, '' order by x.line collate "C"), ''), pads.inner_pad, pads.outer_pad), 'hex')
      from (select jsonb_build_array(n.name, n.place, n.decision, n.key)::text as line from named as n where n.decision in ('purge', 'anonymize', 'cut')) as x),
    'key_version', pads.version)
  from counted as c;
end;

comment on function lethe_private.outcome_of(lethe_private.reached_row[], lethe.controllers, lethe_private.controller_keys) is
  'What was done, table by table, in figures: {"erased", "anonymized", "cut", "retained", "root", "key_version"}.';

-- When the day of what was kept has come, not all of it may be reached from the root any more: what it referred to by may be
-- gone, or was put into the archive since. It is found by its key then, wherever it is. A key alone does not say that a row is
-- still the person's: it may have been given to somebody else meanwhile, or be another row's. So what links it to people has to
-- be as it was when the row was kept, or empty.
create or replace function lethe_private.unreached_rows(request lethe.requests, rows lethe_private.reached_row[], controller lethe.controllers)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_today date := lethe_private.today(controller.time_zone);
  v_group record;
  v_strange int;
  v_moved text[] := '{}';
  v_moved_parents text[] := '{}';
  v_all lethe_private.reached_row[] := '{}';
begin
  for v_group in select * from lethe_private.look_for_kept(request, rows, controller) loop
    v_all := v_all || lethe_private.as_kept(v_group.kept, v_group.there, v_today);
    v_strange := cardinality(lethe_private.strange_keys(v_group.kept, v_group.there, v_today));
    if v_strange > 0 and v_group.retained then
      v_moved := v_moved || format('%s: %s', v_group.name, v_strange);
    elsif v_strange > 0 then
      v_moved_parents := v_moved_parents || format('%s: %s', v_group.name, v_strange);
    end if;
  end loop;
  -- What hangs on a row that is somebody else's now is theirs, too.
  if v_moved <> '{}' or v_moved_parents <> '{}' and exists (select from unnest(v_all) as r where r.decision = 'purge') then
    raise exception using errcode = 'LE439', table = array_to_string(v_moved || v_moved_parents, ', '),
      message = format('rows that request %s had kept belong to somebody else now (%s), and nobody has approved that they go',
        request.id, array_to_string(v_moved || v_moved_parents, ', ')),
      hint = format('see whose they are: put right what they refer to, or set it to null where they are to go, or leave them to whom they belong: lethe.strike_kept_rows(%s, reason)', request.id);
  end if;
  return v_all;
end
$$;

comment on function lethe_private.unreached_rows(lethe.requests, lethe_private.reached_row[], lethe.controllers) is
  'Rows that were kept for a request and that no link leads to any more, decided by their day. Raises LE421, LE439.';

create or replace function lethe_private.look_for_kept(request lethe.requests, rows lethe_private.reached_row[], controller lethe.controllers)
  returns table (name text, retained boolean, kept lethe_private.kept_rows[], there jsonb)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_columns jsonb;
  v_group record;
  v_managed lethe.managed_tables;
  v_state text;
begin
  for v_group in
    select k.table_id, k.retained, n.names, array_agg(k) as kept, jsonb_agg(k.facts || jsonb_build_object('lethe$key', k.key)) as given
    from lethe_private.kept_rows as k
    cross join lateral (select array(select f from jsonb_object_keys(k.facts) as f order by f) as names) as n
    where k.request_id = request.id
      and not exists (select from unnest(rows) as r where r.table_id = k.table_id and r.key = k.key)
    group by k.table_id, k.retained, n.names
    order by k.table_id, k.retained, n.names
  loop
    v_columns := coalesce(v_columns, lethe_private.fact_columns(lethe_private.references_of_people()));
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_group.table_id;
    name := lethe_private.plain_name(v_managed);
    retained := v_group.retained;
    kept := v_group.kept;
    there := lethe_private.find_kept(v_managed, array(select n from unnest(v_group.names) as n where n <> all (v_managed.key_columns)),
      v_group.given, controller, v_columns -> v_managed.id::text);
    return next;
  end loop;
exception
  -- What PostgreSQL says of a value that it cannot read quotes it.
  when data_exception or undefined_function or datatype_mismatch then
    get stacked diagnostics v_state = returned_sqlstate;
    raise exception using errcode = 'LE421',
      message = format('rows that request %s had kept cannot be compared with what they were (SQLSTATE %s)', request.id, v_state),
      hint = 'a column that links them to the person has another type now';
end
$$;

comment on function lethe_private.look_for_kept(lethe.requests, lethe_private.reached_row[], lethe.controllers) is
  'What became of the kept rows of a request that are not among those reached. Raises LE421.';

-- A mirror of values has no links: whose they are it cannot tell.
create or replace function lethe_private.find_kept(
  managed lethe.managed_tables, names text[], given jsonb, controller lethe.controllers, columns jsonb
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_mirror lethe_private.mirrors;
  v_mirror_oid oid;
  v_names text[];
  v_found jsonb;
  v_all jsonb;
begin
  select r.facts into v_all from lethe_private.run_as_sweeper(format(
      'select coalesce(jsonb_agg(jsonb_build_array(x.key, x.as_kept, x.facts, null)), ''[]''), null::oid, null::tid[] from ('
      'select %s as key, %s as as_kept, %s as facts from %s as c, %s where %s and %s for update of c) as x',
      lethe_private.key_sql('c', v_oid, managed.key_columns),
      (select coalesce(string_agg(coalesce(format('(c.%I is null or coalesce(%s, false))', n, lethe_private.equals_sql(v_oid, n, v_oid, n)), 'false'), ' and '), 'true')
       from unnest(names) as n),
      lethe_private.facts_sql(managed, v_oid, controller, columns, '{}'), lethe_private.host_name(v_oid),
      lethe_private.given_sql(v_oid, managed.key_columns || names, 'convert_from($2, ''UTF8'')::jsonb'),
      lethe_private.matches_sql(v_oid, managed.key_columns, v_oid, managed.key_columns),
      lethe_private.controller_sql('c', managed, v_oid, controller)),
    managed, null, convert_to(given::text, 'UTF8')) as r;
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id order by m.id loop
    v_mirror_oid := lethe_private.host_table('lethe_archive', v_mirror.name);
    v_names := array(select n from unnest(names) as n where lethe_private.mirror_has(v_mirror.id, array[n]));
    select r.facts into v_found from lethe_private.run_on_archive(format(
        'select coalesce(jsonb_agg(jsonb_build_array(c."lethe$key", %s, %s, %s)), ''[]''), null::oid, null::tid[] '
        'from lethe_archive.%I as c, %s where c."lethe$controller" = %s and c."lethe$key" = p."lethe$key"',
        case when names <> '{}' and v_names = '{}' then 'null' else (
          select coalesce(string_agg(format('(c.%I is null or coalesce(%s, false))', n, lethe_private.archive_matches_sql(v_mirror_oid, array[n], v_oid)), ' and '), 'true')
          from unnest(v_names) as n) end,
        lethe_private.facts_sql(managed, v_mirror_oid, controller, columns, '{}'), v_mirror.id, v_mirror.name,
        lethe_private.given_sql(v_mirror_oid, array['lethe$key'] || v_names, 'convert_from($2, ''UTF8'')::jsonb'), controller.id),
      null, convert_to(given::text, 'UTF8')) as r;
    v_all := v_all || v_found;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.find_kept(lethe.managed_tables, text[], jsonb, lethe.controllers, jsonb) is
  'What has the keys of rows that were kept: [[key, whether what links it to people is as given, or null, facts, mirror]].';

create or replace function lethe_private.as_kept(kept lethe_private.kept_rows[], found jsonb, today date)
  returns lethe_private.reached_row[]
  language sql
  immutable
  set enable_nestloop = off
return array(
  select (1, k.table_id, f ->> 3, k.key, 'own', null, case when f -> 1 = 'false' then k.facts else f -> 2 end,
    case when k.until < as_kept.today then 'purge' else 'retain' end, null, k.until, k.basis, 'kept for its term')::lethe_private.reached_row
  from unnest(kept) as k
  join jsonb_array_elements(found) as f on f ->> 0 = k.key
  where k.retained and (f -> 1 <> 'false' or (k.until < as_kept.today) is not true));

comment on function lethe_private.as_kept(lethe_private.kept_rows[], jsonb, date) is 'Kept rows that are still there, as rows of a plan.';

-- Where the archive has the person's row and somebody else's bears the key today, that one is simply left alone.
create or replace function lethe_private.strange_keys(kept lethe_private.kept_rows[], found jsonb, today date)
  returns text[]
  language sql
  immutable
  set enable_nestloop = off
return array(
  select k.key
  from unnest(kept) as k
  join (
    select f ->> 0 as key, bool_or(f -> 1 = 'false') as others, bool_or(f -> 1 = 'true') as theirs, bool_or(f -> 1 = 'null') as untold
    from jsonb_array_elements(found) as f
    group by f ->> 0
  ) as x on x.key = k.key
  where x.others and (not x.theirs or x.untold) and (k.until < strange_keys.today or not k.retained));

comment on function lethe_private.strange_keys(lethe_private.kept_rows[], jsonb, date) is
  'Rows whose day has come and that are not the person''s any more, as far as one can tell.';
