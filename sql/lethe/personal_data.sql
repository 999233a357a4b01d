-- Everything that is kept about a person (GDPR Art. 15), or what the person has provided (Art. 20), as one JSON document,
-- computed from the policy as it is now. For lethe request package, and for psql. portable: what the person provided, and
-- nothing else; unless said, as the kind of the request is.
create or replace function lethe.personal_data(request bigint, portable boolean default null)
  returns jsonb
  language plpgsql
  volatile
  security definer  -- reads host tables as lethe_sweeper, and the archive, which nobody else reads
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'  -- one way to write an instant
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(personal_data.request);
  v_type lethe.subject_types;
  v_controller lethe.controllers;
  v_rows lethe_private.reached_row[];
  v_portable boolean := coalesce(personal_data.portable, v_request.kind = 'portability');
begin
  if v_request.kind not in ('access', 'portability') or v_request.state <> 'approved' then
    raise exception using errcode = 'LE463',
      message = format('request %s is one of %s, and %s', v_request.id, v_request.kind, v_request.state),
      hint = lethe_private.how_to_answer(v_request);
  end if;
  v_type := lethe_private.type_of_request(v_request);
  select c.* into v_controller from lethe.controllers as c where c.id = v_request.controller_id;
  v_rows := lethe_private.reach(v_type, v_controller, lethe_private.keys_of_request(v_request), false);
  insert into lethe.request_events (request_id, event, reason)
  values (v_request.id, 'data read', case when v_portable then 'what the person provided' else 'everything' end);
  return jsonb_build_object(
    'format', 1,
    'kind', case when v_portable then 'portability' else 'access' end,
    'request', v_request.id,
    'subject', v_type.name,
    'controller', jsonb_build_object('name', v_controller.name, 'title', v_controller.title, 'time_zone', v_controller.time_zone),
    'generated_at', to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'tables', lethe_private.personal_tables(v_rows, v_controller, v_portable),
    'recipients', lethe_private.recipients_told(v_controller.id),
    'source', 'not recorded',
    'automated_decisions', 'not recorded',
    'rights', to_jsonb(array['access', 'rectification', 'erasure', 'restriction', 'portability', 'objection', 'complaint']));
end
$$;

comment on function lethe.personal_data(bigint, boolean) is
  'What is kept about the person of an approved request of access or portability, or what the person provided, with purposes, basis, recipients and until when; other people''s data masked. Raises LE114, LE421, LE460, LE463, LE501.';

-- Whoever is told nothing any more has had the data all the same (Art. 15(1)(c)).
create or replace function lethe_private.recipients_told(controller_id int)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object('name', x.name, 'since', to_char(x.since, 'YYYY-MM-DD'), 'until', to_char(x.until, 'YYYY-MM-DD')) order by x.name), '[]')
  from (
    select r.name, min(r.added_at) as since, case when bool_and(r.removed_at is not null) then max(r.removed_at) end as until
    from lethe.recipients as r where r.controller_id = recipients_told.controller_id
    group by r.name
  ) as x;
end;

comment on function lethe_private.recipients_told(int) is
  'The recipients of a controller as a person is told of them: since when; until when, where that is over.';

create or replace function lethe_private.personal_tables(rows lethe_private.reached_row[], controller lethe.controllers, portable boolean)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_masks jsonb := (select coalesce(jsonb_object_agg(m.n, jsonb_build_object('inside', m.inside, 'outside', m.outside)), '{}') from lethe_private.personal_masks(rows) as m);
  v_part record;
  v_table jsonb;
  v_all jsonb := '[]';
begin
  for v_part in
    select m as managed, r.mirror_id, r.kind, array_agg(r.n::int order by lethe_private.facts_at(r.facts, m.key_columns), r.n) as numbers
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    join lethe.managed_tables as m on m.id = r.table_id
    -- What only names the person was not provided by the person.
    where not (portable and r.kind = 'mention')
    group by m.id, r.mirror_id, r.kind
    order by array_position(array['root', 'own', 'share', 'mention'], r.kind), m.schema_name collate "C", m.table_name collate "C", r.mirror_id nulls first
  loop
    v_table := lethe_private.personal_table(v_part.managed, v_part.mirror_id, v_part.kind, controller, rows, v_part.numbers, v_masks, portable);
    v_all := v_all || case when v_table is null then '[]' else jsonb_build_array(v_table) end;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.personal_tables(lethe_private.reached_row[], lethe.controllers, boolean) is
  'The rows reached, table by table, for lethe.personal_data.';

create or replace function lethe_private.personal_table(
  managed lethe.managed_tables, mirror_id int, kind text, controller lethe.controllers, rows lethe_private.reached_row[], numbers int[],
  masks jsonb, portable boolean
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror_kind text := (select m.kind from lethe_private.mirrors as m where m.id = personal_table.mirror_id);
  v_oid oid := coalesce((select lethe_private.host_table('lethe_archive', m.name) from lethe_private.mirrors as m where m.id = personal_table.mirror_id),
    lethe_private.host_table(managed.schema_name, managed.table_name));
  v_names text[]; v_expressions text[]; v_told jsonb; v_dated text[]; v_rows jsonb;
begin
  -- Keys, and what refers to them, put the rows together again, whatever their category.
  select array_agg(c.name order by c.number), array_agg(c.sql order by c.number), jsonb_agg(c.facts order by c.number)
    into v_names, v_expressions, v_told
  from lethe_private.personal_columns(managed, v_oid, controller, personal_table.mirror_id) as c
  where not portable or lethe_private.is_portable(c.category, c.legal_basis)
    or c.name = any (managed.key_columns) or c.name = any (lethe_private.restricting_columns(managed)) and c.name is distinct from managed.controller_column;
  if portable and v_names <@ lethe_private.restricting_columns(managed) then
    return null;
  end if;
  v_dated := array(select h.name from lethe_private.host_columns as h where h.relation = v_oid and h.type_name in ('date', 'timestamp', 'timestamptz'));
  select jsonb_agg(jsonb_build_object('values', lethe_private.masked(r.content, case personal_table.kind
        when 'mention' then array(
          select x from unnest(v_names) as x
          where not (x = any (managed.key_columns || v_dated || y.inside)) or x = any (y.outside))
        else y.outside end),
      'until', jsonb_build_object('row', r.ends -> '', 'columns', (
        select coalesce(jsonb_object_agg(e.key, e.value) filter (where e.key <> '' and e.key = any (v_names) and e.value <> 'null'), '{}') from jsonb_each(r.ends) as e)))
      order by r.n)
    into v_rows
  from lethe_private.personal_rows(managed, personal_table.mirror_id, controller, array(select rows[i] from unnest(numbers) as i), v_names, v_expressions) as r
  cross join lateral (
    select array(select jsonb_array_elements_text(m -> 'inside')) as inside, array(select jsonb_array_elements_text(m -> 'outside')) as outside
    from (select masks -> numbers[r.n]::text as m) as z) as y;
  return jsonb_build_object(
    'table', lethe_private.plain_name(managed),
    'kind', personal_table.kind,
    'place', case v_mirror_kind when 'rows' then 'archive' when 'values' then 'archived values' else 'live' end,
    'key', to_jsonb(managed.key_columns),
    'rules', lethe_private.rules_told(managed, controller, null),
    'columns', v_told,
    'rows', coalesce(v_rows, '[]'));
end
$$;

comment on function lethe_private.personal_table(
  lethe.managed_tables, int, text, lethe.controllers, lethe_private.reached_row[], int[], jsonb, boolean) is
  'One table of lethe.personal_data; null where it has nothing that is portable.';
