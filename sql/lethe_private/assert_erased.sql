-- After an erasure the data itself is asked: what statements reported counts for nothing, since a trigger or a rule may
-- have swallowed a DELETE, taken a value back, or written what was just erased into another table.

-- A table outside the plan that was written to: a cascade, a trigger that keeps a history, a counter.
create or replace function lethe_private.assert_no_side_effects(before jsonb, planned jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_tables text;
begin
  if not current_setting('track_counts')::boolean then
    raise exception using errcode = 'LE434',
      message = 'PostgreSQL does not count rows here, so nobody could tell what else the erasure wrote to; nothing was changed',
      hint = 'track_counts = on, for the server, the database and the role';
  end if;
  select string_agg(format('%s (%s)', lethe_private.host_name(w.relation), concat_ws(', ',
      nullif(w.inserts, 0) || ' inserted', nullif(w.updates, 0) || ' updated', nullif(w.deletes, 0) || ' deleted')), '; '
      order by lethe_private.host_name(w.relation))
    into v_tables
  from lethe_private.unplanned_writes(before, lethe_private.rows_written(), planned) as w;
  if v_tables is not null then
    raise exception using errcode = 'LE434', table = v_tables,
      message = format('the erasure wrote to rows outside its plan: %s; nothing was changed', v_tables),
      hint = 'a cascade or a trigger did: declare a link for that table, so that the plan has its rows, or drop the trigger';
  end if;
end
$$;

comment on function lethe_private.assert_no_side_effects(jsonb, jsonb) is 'Raises LE434, naming the tables, when something was written that was not planned, or that cannot be told.';

create or replace function lethe_private.assert_erased(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_questions text[] := lethe_private.erased_questions(rows, controller) || lethe_private.arrived_questions(rows, type, controller);
  v_facts jsonb;
  v_left text;
  v_arrived text;
begin
  if cardinality(v_questions) > 0 then
    select r.facts into v_facts from lethe_private.run_as_sweeper(
      format(E'select %s, null::oid, null::tid[] from (select convert_from($2, ''UTF8'')::jsonb as rows offset 0) as g', lethe_private.object_sql(v_questions)),
      lethe_private.under_paths_of(array(select distinct r.table_id from unnest(rows) as r)), null,
      convert_to(lethe_private.reread_data(rows)::text, 'UTF8')) as r;
  end if;
  v_facts := coalesce(v_facts, '{}') || lethe_private.archived_left(rows, type, controller);
  select string_agg(f.key || ': ' || f.value, '; ' order by f.key) filter (where f.key not like 'arrived %'),
      string_agg(substr(f.key, 9) || ': ' || f.value, '; ' order by f.key) filter (where f.key like 'arrived %')
    into v_left, v_arrived
  from jsonb_each_text(v_facts) as f
  where f.value::bigint > 0;
  if v_left is not null then
    raise exception using errcode = 'LE435', table = v_left,
      message = format('rows are not as the erasure should have left them (%s); nothing was changed', v_left),
      hint = 'a rule or a trigger of that table swallows or takes back the change: drop it, or have it let lethe_sweeper through';
  elsif v_arrived is not null then
    raise exception using errcode = 'LE436', table = v_arrived,
      message = format('rows of the person came meanwhile (%s); nothing was changed', v_arrived),
      hint = 'try again: they will be in the plan';
  end if;
end
$$;

comment on function lethe_private.assert_erased(lethe_private.reached_row[], lethe.subject_types, lethe.controllers) is
  'Reads every row of an erasure again. Raises LE435 (rows that should be gone, or changed) and LE436 (rows that came meanwhile).';

-- Names of counts, and SQL of each, over "g.rows", which reread_data makes.
create or replace function lethe_private.erased_questions(rows lethe_private.reached_row[], controller lethe.controllers)
  returns text[]
  language sql
  stable
begin atomic
  with decided as (
    select r.table_id, r.decision, r.cut, format('%s %s %s', r.decision, r.table_id, r.cut) as given
    from unnest(rows) as r
    where r.mirror_id is null and (r.decision in ('purge', 'anonymize') or cardinality(r.cut) > 0)
    group by 1, 2, 3
  ), tables as (
    select d.*, m as managed, h.oid, lethe_private.plain_name(m) as name
    from decided as d
    join lethe.managed_tables as m on m.id = d.table_id
    cross join lateral (select lethe_private.host_table(m.schema_name, m.table_name) as oid) as h
  ), questions as (
    select t.*, format('%s, rows left', t.name) as question, 'true' as test from tables as t where t.decision = 'purge'
    union all
    select t.*, format('%s, column %s', t.name, e.column_name), format('(%s) is not true', e.test)
    from tables as t
    cross join lateral lethe_private.erased_columns(t.managed, controller, t.cut) as e
    where t.decision = 'anonymize'
    union all
    select t.*, format('%s, reference %s', t.name, array_to_string(t.cut, ', ')),
      (select string_agg(format('c.%I is not null', x), ' or ') from unnest(t.cut) as x)
    from tables as t where t.decision not in ('purge', 'anonymize')
  )
  select coalesce(array_agg(format('%L, (select count(*) from %s as c, %s and (%s))', q.question, lethe_private.host_name(q.oid),
    lethe_private.chosen_sql(q.managed, q.oid, controller, format('(g.rows -> %L)', q.given)), q.test)), '{}')
  from questions as q;
end;

comment on function lethe_private.erased_questions(lethe_private.reached_row[], lethe.controllers) is
  'How many rows are not as they should be: there though purged, or with a value that should be gone.';

-- Without a foreign key nothing keeps others from putting in rows that refer to what goes. So the links are followed once more,
-- from the same old values, and rows that are not known yet are counted.
create or replace function lethe_private.arrived_questions(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers)
  returns text[]
  language sql
  stable
begin atomic
  select coalesce(array_agg(format(
      '%L, (select count(*) from %s as c where %s and %s not in (select jsonb_array_elements_text(coalesce(g.rows -> %L, ''[]''))) '
      'and exists (select from %s where %s))',
      format('arrived %s (%s)', lethe_private.plain_name(m), array_to_string(l.columns, ', ')),
      lethe_private.host_name(h.oid), lethe_private.controller_sql('c', m, h.oid, controller),
      lethe_private.key_sql('c', h.oid, m.key_columns), format('known %s', m.id),
      lethe_private.given_sql(p.oid, l.to_columns, format('(coalesce(g.rows -> %L, ''[]'') || coalesce(g.rows -> %L, ''[]''))', format('purge %s ', l.to_table_id), format('anonymize %s ', l.to_table_id))),
      lethe_private.matches_sql(h.oid, l.columns, p.oid, l.to_columns))), '{}')
  from lethe_private.erasure_links(type) as l
  join lethe.managed_tables as m on m.id = l.table_id
  join lethe.managed_tables as o on o.id = l.to_table_id
  cross join lateral (select lethe_private.host_table(m.schema_name, m.table_name) as oid) as h
  cross join lateral (select lethe_private.host_table(o.schema_name, o.table_name) as oid) as p
  where l.kind <> 'ignore' and h.oid is not null and lethe_private.has_controller(m, controller)
    and exists (select from unnest(rows) as r where r.table_id = l.to_table_id and r.kind <> 'mention' and r.decision in ('purge', 'anonymize'));
end;

comment on function lethe_private.arrived_questions(lethe_private.reached_row[], lethe.subject_types, lethe.controllers) is
  'How many rows refer to what was erased and were not in the plan, link by link.';

-- json, which is text: building a large jsonb object takes many times as long.
create or replace function lethe_private.reread_data(rows lethe_private.reached_row[])
  returns json
  language sql
  stable
begin atomic
  select coalesce(json_object_agg(x.name, x.given), '{}')
  from (
    select format('%s %s %s', r.decision, r.table_id, r.cut) as name, json_agg(r.facts) as given
    from unnest(rows) as r
    where r.mirror_id is null and (r.decision in ('purge', 'anonymize') or cardinality(r.cut) > 0)
    group by r.decision, r.table_id, r.cut
    union all
    select format('known %s', r.table_id), json_agg(r.key) from unnest(rows) as r group by r.table_id
  ) as x;
end;

comment on function lethe_private.reread_data(lethe_private.reached_row[]) is
  'The keys and old values by which an erasure is read again.';

-- The archive: nothing may be left of rows that are gone, nor of values of rows that lost their person, and nothing may have
-- come there that refers to them.
create or replace function lethe_private.archived_left(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_columns jsonb;
  v_links lethe.links[];
  v_group record;
  v_link lethe.links;
  v_facts jsonb;
  v_all jsonb := '{}';
begin
  if not exists (select from lethe_private.mirrors) then
    return v_all;
  end if;
  for v_group in
    select m as mirror, m.name, lethe_private.plain_name(t) as table_name, n.fact_names,
      jsonb_agg(case when n.fact_names = '{}' then '{}' else r.facts end || jsonb_build_object('lethe$key', r.key)) as given
    from lethe_private.mirrors as m
    join lethe.managed_tables as t on t.id = m.table_id
    join unnest(rows) as r on r.table_id = m.table_id
      and (r.mirror_id = m.id and r.decision = 'purge' or m.kind = 'values' and r.mirror_id is null and r.decision in ('purge', 'anonymize') and r.cut is null)
    -- Values are asked for by the row's key alone, since all of them go.
    cross join lateral (select array(select f from jsonb_object_keys(case when m.kind = 'rows' then r.facts else '{}' end) as f order by f) as fact_names) as n
    group by m.*, m.id, m.name, t.*, n.fact_names
    order by m.id
  loop
    select r.facts into v_facts from lethe_private.run_on_archive(format(
        'select to_jsonb(count(*)), null::oid, null::tid[] from lethe_archive.%I as c, %s', v_group.name,
        lethe_private.chosen_archived_sql(v_group.mirror, controller, v_group.fact_names, 'convert_from($2, ''UTF8'')::jsonb')),
      null, convert_to(v_group.given::text, 'UTF8')) as r;
    v_all := v_all || jsonb_build_object(format('archive of %s, rows left', v_group.table_name),
      v_facts::bigint + coalesce((v_all ->> format('archive of %s, rows left', v_group.table_name))::bigint, 0));
  end loop;

  v_columns := lethe_private.fact_columns(lethe_private.references_of_people());
  v_links := array(select l from lethe_private.erasure_links(type) as l where l.kind <> 'ignore');
  foreach v_link in array v_links loop
    continue when not exists (select from lethe_private.mirrors as m where m.table_id = v_link.table_id and m.kind = 'rows');
    v_all := v_all || (
      select jsonb_build_object(format('arrived archive of %s (%s)', lethe_private.plain_name(t), array_to_string(v_link.columns, ', ')), count(f.key))
      from lethe.managed_tables as t
      left join unnest(lethe_private.reach_step(v_link, array(
          select r from unnest(rows) as r where r.table_id = v_link.to_table_id and r.kind <> 'mention' and r.decision in ('purge', 'anonymize')),
        controller, false, v_columns, v_links)) as f
        on f.mirror_id is not null and not exists (select from unnest(rows) as r where r.table_id = f.table_id and r.key = f.key)
      where t.id = v_link.table_id
      group by t.id);
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.archived_left(lethe_private.reached_row[], lethe.subject_types, lethe.controllers) is
  'What the archive still has of an erasure''s rows, and what came there meanwhile.';
