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
    (select jsonb_object_agg(c, r.facts -> c) from unnest(m.key_columns) as c), r.until, r.basis, r.decision = 'retain'
  from unnest(rows) as r
  join lethe.managed_tables as m on m.id = r.table_id
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
-- gone, or was put into the archive since. It is found by its key then, wherever it is.
create or replace function lethe_private.unreached_rows(request lethe.requests, rows lethe_private.reached_row[], controller lethe.controllers)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_today date := lethe_private.today(controller.time_zone);
  v_group record;
  v_managed lethe.managed_tables;
  v_oid oid;
  v_mirror lethe_private.mirrors;
  v_keys jsonb;
  v_all lethe_private.reached_row[] := '{}';
begin
  for v_group in
    select k.table_id, array_agg(k) as kept, jsonb_agg(k.facts) as given, jsonb_agg(k.key) as keys
    from lethe_private.kept_rows as k
    where k.request_id = request.id and k.retained
      and not exists (select from unnest(rows) as r where r.table_id = k.table_id and r.key = k.key)
    group by k.table_id
  loop
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_group.table_id;
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    select r.facts into v_keys from lethe_private.run_as_sweeper(format(
        'select coalesce(jsonb_agg(x.key), ''[]''), null::oid, null::tid[] from (select %s as key from %s as c, %s for update of c) as x',
        lethe_private.key_sql('c', v_oid, v_managed.key_columns), lethe_private.host_name(v_oid),
        lethe_private.chosen_sql(v_managed, v_oid, controller, 'convert_from($2, ''UTF8'')::jsonb')),
      v_managed, null, convert_to(v_group.given::text, 'UTF8')) as r;
    v_all := v_all || lethe_private.as_kept(v_group.kept, v_keys, null, v_today);
    for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = v_managed.id loop
      select r.facts into v_keys from lethe_private.run_on_archive(format(
          'select coalesce(jsonb_agg(distinct c."lethe$key"), ''[]''), null::oid, null::tid[] from lethe_archive.%I as c '
          'where c."lethe$controller" = %s and c."lethe$key" in (select jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb))',
          v_mirror.name, controller.id), null, convert_to(v_group.keys::text, 'UTF8')) as r;
      v_all := v_all || lethe_private.as_kept(v_group.kept, v_keys, v_mirror.id, v_today);
    end loop;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.unreached_rows(lethe.requests, lethe_private.reached_row[], lethe.controllers) is
  'Rows that were kept for a request and that no link leads to any more, decided by their day.';

create or replace function lethe_private.as_kept(kept lethe_private.kept_rows[], keys jsonb, mirror_id int, today date)
  returns lethe_private.reached_row[]
  language sql
  immutable
return array(
  select (1, k.table_id, as_kept.mirror_id, k.key, 'own', null, case when as_kept.mirror_id is null then k.facts else '{}' end,
    case when k.until < as_kept.today then 'purge' else 'retain' end, null, k.until, k.basis, 'kept for its term')::lethe_private.reached_row
  from unnest(kept) as k
  where keys ? k.key);

comment on function lethe_private.as_kept(lethe_private.kept_rows[], jsonb, int, date) is 'Kept rows that are still there, as rows of a plan.';
