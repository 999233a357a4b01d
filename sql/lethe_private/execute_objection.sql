-- An objection (GDPR Art. 21) ends the purposes that rest on legitimate interest: what is kept on that basis alone, in rows
-- that are the person's own, is due now, and is anonymized as its rule says. What a law or a hold keeps stays, and that is
-- written down with its day. A column that has another basis as well is kept for that one.
create or replace function lethe_private.execute_objection(request lethe.requests)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types := lethe_private.type_of_request(request);
  v_controller lethe.controllers;
  v_pads lethe_private.controller_keys;
  v_rows lethe_private.reached_row[];
  v_decided lethe_private.reached_row[];
  v_before jsonb;
begin
  select c.* into v_controller from lethe.controllers as c where c.id = request.controller_id;
  select k.* into strict v_pads from lethe_private.controller_keys as k where k.controller_id = v_controller.id order by k.version desc limit 1;
  perform pg_advisory_xact_lock_shared(lethe_private.holds_lock_id());
  v_rows := array(
    select r from unnest(lethe_private.reach(v_type, v_controller, lethe_private.keys_of_request(request), true)) as r where r.kind in ('root', 'own'));
  v_decided := lethe_private.decide_objection(v_rows, v_controller);
  v_before := lethe_private.rows_written();
  perform lethe_private.assert_no_side_effects(v_before, lethe_private.anonymize_rows(
    array(select r from unnest(v_decided) as r where r.decision = 'anonymize' and r.mirror_id is null), v_controller, v_pads, '{}'));
  perform lethe_private.assert_anonymized(v_decided, v_controller);
  perform lethe_private.empty_archived(v_decided, v_controller);
  -- The objection is remembered in order to be respected, without the identifiers themselves.
  perform lethe_private.suppress(request.id, null, 'GDPR Art. 21: to respect the objection');
  insert into lethe.request_events (request_id, event, reason)
  values (request.id, 'purposes ended', lethe_private.objection_in_words(v_decided));
end
$$;

comment on function lethe_private.execute_objection(lethe.requests) is
  'Ends what is kept of a person on legitimate interest alone. Raises LE109, LE421, LE434, LE437, LE460, LE468, LE501.';

create or replace function lethe_private.rests_on_interest(legal_basis text)
  returns boolean
  language sql
  immutable
return (select bool_and(b ~* 'legitimate interest|6\(1\)\(f\)') from regexp_split_to_table(legal_basis, '\s*[,;+]\s*|\s+and\s+') as b where b <> '');

comment on function lethe_private.rests_on_interest(text) is 'True when a legal basis is legitimate interest and nothing besides.';

-- Of each row and day the columns that end (anonymize), or are kept until then (retain, stay: until further notice).
create or replace function lethe_private.decide_objection(rows lethe_private.reached_row[], controller lethe.controllers)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_part record;
  v_columns text[];
  v_given lethe_private.reached_row[];
  v_kept jsonb;
  v_all lethe_private.reached_row[] := '{}';
begin
  for v_part in
    select m as managed, r.mirror_id, array_agg(r.n order by r.n) as numbers
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    join lethe.managed_tables as m on m.id = r.table_id
    group by m.id, r.mirror_id
    order by m.id, r.mirror_id
  loop
    v_columns := array(
      select e.column_name from lethe_private.erased_columns(v_part.managed, controller, array(
        select c.column_name from lethe.managed_columns as c
        where c.table_id = (v_part.managed).id and lethe_private.rests_on_interest(c.legal_basis))) as e
      where v_part.mirror_id is null or exists (
        select from lethe_private.mirror_columns as m where m.mirror_id = v_part.mirror_id and m.column_name = e.column_name and m.holds_value));
    continue when v_columns = '{}';
    v_given := array(select rows[i] from unnest(v_part.numbers) as i);
    v_kept := lethe_private.kept_from_objection(v_part.managed, v_part.mirror_id, controller, v_given, v_columns);
    v_all := v_all || array(
      select (g.subject, g.table_id, g.mirror_id, g.key, g.kind, g.link_id, g.facts,
        case when k.until is null then 'anonymize' when k.until = 'infinity' then 'stay' else 'retain' end,
        k.columns, nullif(k.until, 'infinity'), null, null)::lethe_private.reached_row
      from unnest(v_given) with ordinality as g (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
      cross join lateral (
        select (v_kept -> (g.n - 1)::int ->> c)::date as until, array_agg(c order by c) as columns from unnest(v_columns) as c group by 1) as k);
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.decide_objection(lethe_private.reached_row[], lethe.controllers) is
  'What becomes of the columns that rest on legitimate interest: until is the day to which a minimum keeps them. Raises LE437.';

-- One object a row: {column: day}, the day on which a statutory minimum lets it go, infinity under a hold or where none is
-- known, null where nothing keeps it.
create or replace function lethe_private.kept_from_objection(
  managed lethe.managed_tables, mirror_id int, controller lethe.controllers, rows lethe_private.reached_row[], columns text[]
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_today date := lethe_private.today(controller.time_zone);
  v_keys text[] := managed.key_columns;
  v_days text;
  v_statement text;
  v_known bytea;
  v_facts jsonb;
begin
  if mirror_id is not null then
    select m.* into v_mirror from lethe_private.mirrors as m where m.id = kept_from_objection.mirror_id;
    v_oid := lethe_private.host_table('lethe_archive', v_mirror.name);
    v_keys := array['lethe$key'];
  end if;
  v_days := (
    select lethe_private.object_sql(array_agg(format('%L, (select to_jsonb(x.day) from (select greatest(case when %s then date ''infinity'' end%s) as day) as x where x.day > date %L)',
      c, case when v_mirror.id is null then lethe_private.held_sql('c', managed, v_oid, v_today) else lethe_private.archived_held_sql('c', v_mirror, v_today, false) end,
      coalesce((
        select string_agg(', ' || lethe_private.minimum_day_sql('c', managed, v_oid, controller, v_today, t), '')
        from lethe.rules as r
        join lethe_private.effective_terms(managed.id, controller.id) as t on t.rule_id = r.id
        where r.table_id = managed.id and r.action = 'minimum' and (r.column_name is null or r.column_name = c)), ''), v_today)))
    from unnest(columns) as c);
  v_known := convert_to(jsonb_build_object('rows', (
    select jsonb_agg(case when v_mirror.id is null then (select jsonb_object_agg(k, r.facts -> k) from unnest(managed.key_columns) as k)
      else jsonb_build_object('lethe$key', r.key) end || jsonb_build_object('lethe$n', r.n))
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)))::text, 'UTF8');
  v_statement := format('select jsonb_agg(x.kept order by x.n), null::oid, null::tid[] from (select distinct on (p."lethe$n") p."lethe$n" as n, %s as kept from %s join %s as c on %s order by p."lethe$n") as x',
    v_days, lethe_private.known_rows_sql(v_oid, v_keys), lethe_private.host_name(v_oid), lethe_private.matches_sql(v_oid, v_keys, v_oid, v_keys));
  if v_mirror.id is null then
    select r.facts into v_facts from lethe_private.run_as_sweeper(v_statement, managed, null, v_known) as r;
  else
    select r.facts into v_facts from lethe_private.run_on_archive(v_statement, null, v_known) as r;
  end if;
  return v_facts;
end
$$;

comment on function lethe_private.kept_from_objection(lethe.managed_tables, int, lethe.controllers, lethe_private.reached_row[], text[]) is
  'Until when minima and holds keep columns of rows, in the order of the rows.';

-- Read again: a trigger may have taken the new value back.
create or replace function lethe_private.assert_anonymized(rows lethe_private.reached_row[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rows lethe_private.reached_row[] := array(select r from unnest(rows) as r where r.decision = 'anonymize' and r.mirror_id is null);
  v_questions text[] := lethe_private.erased_questions(v_rows, controller);
  v_facts jsonb;
  v_left text;
begin
  if v_questions = '{}' then
    return;
  end if;
  select r.facts into v_facts from lethe_private.run_as_sweeper(
    format(E'select %s, null::oid, null::tid[] from (select convert_from($2, ''UTF8'')::jsonb as rows offset 0) as g', lethe_private.object_sql(v_questions)),
    lethe_private.under_paths_of(array(select distinct r.table_id from unnest(v_rows) as r)), null,
    convert_to(lethe_private.reread_data(v_rows)::text, 'UTF8')) as r;
  select string_agg(f.key, '; ' order by f.key) into v_left from jsonb_each_text(v_facts) as f where f.value::bigint > 0;
  if v_left is not null then
    raise exception using errcode = 'LE468',
      message = format('what rests on legitimate interest has not gone: %s; nothing was changed', v_left),
      hint = 'a trigger of that table takes the change back: drop it, or have it let lethe_sweeper through';
  end if;
end
$$;

comment on function lethe_private.assert_anonymized(lethe_private.reached_row[], lethe.controllers) is 'Raises LE468.';

create or replace function lethe_private.empty_archived(rows lethe_private.reached_row[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_part record;
  v_mirror lethe_private.mirrors;
begin
  for v_part in
    select r.mirror_id, r.cut, jsonb_agg(r.facts || jsonb_build_object('lethe$key', r.key)) as given,
      array(select jsonb_object_keys((array_agg(r.facts))[1])) as fact_names
    from unnest(rows) as r
    where r.mirror_id is not null and r.decision = 'anonymize'
    group by r.mirror_id, r.cut
  loop
    select m.* into v_mirror from lethe_private.mirrors as m where m.id = v_part.mirror_id;
    perform lethe_private.run_on_archive(format('with acted as (update lethe_archive.%I as c set %s from %s returning 1) select to_jsonb(count(*)), null::oid, null::tid[] from acted',
      v_mirror.name, (select string_agg(format('%I = null', x), ', ') from unnest(v_part.cut) as x),
      lethe_private.chosen_archived_sql(v_mirror, controller, v_part.fact_names, 'convert_from($2, ''UTF8'')::jsonb')),
      null, convert_to(v_part.given::text, 'UTF8'));
  end loop;
end
$$;

comment on function lethe_private.empty_archived(lethe_private.reached_row[], lethe.controllers) is 'Empties columns of archived rows.';

create or replace function lethe_private.objection_in_words(rows lethe_private.reached_row[])
  returns text
  language sql
  stable
begin atomic
  select coalesce(string_agg(format('%s%s: %s %s', x.name, case when x.archived then ' (archive)' else '' end, x.columns, case x.decision
      when 'anonymize' then 'ended' when 'stay' then 'kept by a hold or a law, until no known day' else format('kept by law until %s', to_char(x.until, 'YYYY-MM-DD')) end)
      || format(' (%s)', x.rows), '; ' order by x.name collate "C", x.archived, x.decision, x.until, x.columns collate "C"), 'nothing rests on legitimate interest')
  from (
    select lethe_private.plain_name(m) as name, r.mirror_id is not null as archived, array_to_string(r.cut, ', ') as columns, r.decision, r.until, count(*) as rows
    from unnest(rows) as r join lethe.managed_tables as m on m.id = r.table_id
    group by 1, 2, 3, 4, 5
  ) as x;
end;

comment on function lethe_private.objection_in_words(lethe_private.reached_row[]) is 'What an objection ended, and what is kept: tables, columns, days and counts.';
