-- The holds that keep an erasure from being done: those on a row that it would delete or change. What it leaves as it is
-- they do not concern.
create or replace function lethe_private.plan_delays(rows lethe_private.reached_row[])
  returns int[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_mirror lethe_private.mirrors;
  v_holds int[];
  v_facts jsonb;
  v_all jsonb := '[]';
begin
  for v_managed in
    select t.* from lethe.managed_tables as t
    where t.id in (select r.table_id from unnest(rows) as r where r.decision in ('purge', 'anonymize', 'cut'))
  loop
    v_holds := array(select h from lethe_private.holds_touching(v_managed.id) as h);
    continue when v_holds = '{}';
    v_all := v_all || lethe_private.live_holds(array(
        select r from unnest(rows) as r
        where r.table_id = v_managed.id and r.mirror_id is null and r.decision in ('purge', 'anonymize', 'cut')), v_managed, v_holds)
      || (select coalesce(jsonb_agg(distinct k.hold_id), '[]')
          from lethe_private.held_keys as k
          join unnest(rows) as r on r.table_id = k.table_id and (k.key is null or k.key = r.key)
          where k.table_id = v_managed.id and k.hold_id = any (v_holds) and r.mirror_id is not null and r.decision in ('purge', 'cut'));
    for v_mirror in
      select m.* from lethe_private.mirrors as m
      where m.id in (select r.mirror_id from unnest(rows) as r where r.table_id = v_managed.id and r.decision in ('purge', 'cut'))
        and exists (select from lethe_private.held_conditions as c where c.table_id = v_managed.id and c.hold_id = any (v_holds))
    loop
      select r.facts into v_facts from lethe_private.run_on_archive((
        select format('select coalesce(jsonb_agg(distinct h.id) filter (where h.id is not null), ''[]''), null::oid, null::tid[] from lethe_archive.%I as c '
            'join %s on c."lethe$key" = p."lethe$key" cross join lateral (values %s) as h (id)',
          v_mirror.name, lethe_private.known_rows_sql(lethe_private.host_table('lethe_archive', v_mirror.name), array['lethe$key']),
          string_agg(format('(case when exists (select from (select c.*) as h0 where %s) then %s end)',
            concat_ws(' and ', 'h0."lethe$controller" = ' || h.controller_id, '(' || lethe_private.archived_answer(v_mirror, c.condition) || ')'), h.id), ', '))
        from lethe_private.held_conditions as c
        join lethe.holds as h on h.id = c.hold_id
        where c.table_id = v_managed.id and c.hold_id = any (v_holds)), null,
        (select convert_to(jsonb_build_object('rows', jsonb_agg(jsonb_build_object('lethe$key', r.key)))::text, 'UTF8')
         from unnest(rows) as r where r.mirror_id = v_mirror.id and r.decision in ('purge', 'cut'))) as r;
      v_all := v_all || v_facts;
    end loop;
  end loop;
  return array(select distinct h::int from jsonb_array_elements_text(v_all) as h order by 1);
end
$$;

comment on function lethe_private.plan_delays(lethe_private.reached_row[]) is 'Holds in force on rows that a plan would delete or change.';

create or replace function lethe_private.live_holds(rows lethe_private.reached_row[], managed lethe.managed_tables, holds int[])
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_facts jsonb;
begin
  if rows = '{}' then
    return '[]';
  end if;
  select r.facts into v_facts from lethe_private.run_as_sweeper(
    format('select coalesce(jsonb_agg(distinct h.id) filter (where h.id is not null), ''[]''), null::oid, null::tid[] from %s join %s as c on %s cross join lateral (values %s) as h (id)',
      lethe_private.known_rows_sql(v_oid, managed.key_columns), lethe_private.host_name(v_oid),
      lethe_private.matches_sql(v_oid, managed.key_columns, v_oid, managed.key_columns),
      (select string_agg(format('(case when %s then %s end)', lethe_private.held_by_sql('c', managed, v_oid, array[h]), h), ', ') from unnest(holds) as h)),
    managed, null, lethe_private.known_rows(rows, managed.key_columns)) as r;
  return v_facts;
end
$$;

comment on function lethe_private.live_holds(lethe_private.reached_row[], lethe.managed_tables, int[]) is 'Which of these holds reach live rows of one table.';
