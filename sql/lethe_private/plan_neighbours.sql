-- Other people's rows that refer to what an erasure reaches, found along every foreign key and link that leads there:
--
--   through a link, and not reached: they are another controller's                             refused, LE422
--   through a foreign key that no link declares, to rows that would be deleted                 refused, LE423
--   through a link that is declared "ignore": they stay, and their parent with them            told
create or replace function lethe_private.plan_neighbours(rows lethe_private.reached_row[], type lethe.subject_types)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_keys lethe_private.erasure_references[] := lethe_private.references_of_people();
  v_links lethe.links[] := array(select l from lethe_private.erasure_links(type) as l);
  v_asked jsonb := lethe_private.plan_positions(rows);
  v_way record;
  v_positions int[];
  v_found jsonb;
  v_refusals jsonb := '[]';
  v_near jsonb := '[]';
begin
  for v_way in
    select t as managed, w.columns, w.other, lethe_private.host_name(w.other) as name, w.other_columns, w.kind, w.foreign_key, w.on_delete, w.constraint_id,
      (select string_agg(quote_ident(x), ', ') from unnest(w.other_columns) as x) as described
    from (
      select l.to_table_id as table_id, l.to_columns as columns, m.relation as other, l.columns as other_columns, l.kind,
        null as foreign_key, null as on_delete, null::oid as constraint_id
      from unnest(v_links) as l
      join lethe_private.managed_relations as m on m.table_id = l.table_id
      union all
      select f.parent_id, f.parent_columns, f.child, f.child_columns, 'undeclared', f.foreign_key, f.on_delete::text, f.constraint_id
      from unnest(v_keys) as f
      where not exists (
        select from unnest(v_links) as l
        where l.table_id = f.child_id and l.to_table_id = f.parent_id and l.columns @> f.child_columns and l.columns <@ f.child_columns)
    ) as w
    join lethe.managed_tables as t on t.id = w.table_id
    where v_asked ? w.table_id::text
    order by 4, 8
  loop
    v_positions := array(
      select n::int from jsonb_array_elements_text(v_asked -> (v_way.managed).id::text -> case v_way.kind when 'undeclared' then 'gone' else 'theirs' end) as n);
    continue when v_positions = '{}';
    v_found := lethe_private.outside(rows, v_positions, v_way.managed, v_way.columns, v_way.other, v_way.other_columns);
    continue when v_found ->> 'rows' = '0';
    if v_found ->> 'rows' is null then
      v_refusals := v_refusals || lethe_private.refusal('LE425', v_way.name,
        format('lethe_sweeper may not look at %s, which refers to rows of the plan', v_way.name),
        format('grant select on %s to lethe_sweeper', v_way.name), null);
    elsif v_way.kind = 'ignore' then
      v_near := v_near || jsonb_build_object('table', v_way.name, 'rows', v_found -> 'rows', 'why', 'refer to the person, by a link that is ignored');
    elsif v_way.kind = 'undeclared' then
      v_refusals := v_refusals || lethe_private.refusal('LE423', format('%s(%s)', v_way.name, v_way.described),
          lethe_private.undeclared_sentence(v_way.foreign_key, v_way.on_delete, v_way.name, (v_found ->> 'rows')::bigint, v_way.managed),
          'declare what these rows are to the person: own, share, mention or ignore', (v_found ->> 'rows')::bigint)
        || lethe_private.refuse_cascades(rows, v_positions, v_way.managed, v_way.constraint_id);
    else
      v_refusals := v_refusals || lethe_private.refusal('LE422', format('%s(%s)', v_way.name, v_way.described),
        format('%s rows of %s belong to another controller and refer to rows of this person', v_found ->> 'rows', v_way.name),
        'correct the reference or the controller of these rows', (v_found ->> 'rows')::bigint);
    end if;
  end loop;
  return jsonb_build_object('refusals', v_refusals, 'near', v_near);
end
$$;

comment on function lethe_private.plan_neighbours(lethe_private.reached_row[], lethe.subject_types) is
  'Rows that refer to those of a plan and are not in it: {"refusals": those that forbid it, "near": those that stay}.';

create or replace function lethe_private.plan_positions(rows lethe_private.reached_row[])
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_object_agg(x.table_id, jsonb_build_object('gone', x.gone, 'theirs', x.theirs)), '{}')
  from (
    select r.table_id,
      coalesce(jsonb_agg(r.n) filter (where r.decision = 'purge' and r.mirror_id is null), '[]') as gone,
      coalesce(jsonb_agg(r.n) filter (where r.decision in ('purge', 'retain') or r.decision = 'anonymize' and r.cut is null), '[]') as theirs
    from unnest(plan_positions.rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    group by r.table_id
  ) as x;
end;

comment on function lethe_private.plan_positions(lethe_private.reached_row[]) is
  'By table, the rows that would be deleted and those that are the person''s: {table: {"gone", "theirs": [position]}}.';

create or replace function lethe_private.undeclared_sentence(foreign_key text, on_delete text, child text, rows bigint, parent lethe.managed_tables)
  returns text
  language sql
  stable
return format(case on_delete
    when 'c' then 'foreign key %I would delete %s rows of %s along with those of %s, and they may be somebody else''s'
    when 'n' then 'foreign key %I would empty the reference of %s rows of %s to %s, which may be somebody else''s'
    when 'd' then 'foreign key %I would change the reference of %s rows of %s to %s, which may be somebody else''s'
    else 'foreign key %I keeps rows from being deleted: %s rows of %s refer to %s, and no link says what they are' end,
  foreign_key, rows, child, lethe_private.plain_name(parent));

comment on function lethe_private.undeclared_sentence(text, text, text, bigint, lethe.managed_tables) is
  'What PostgreSQL would do with rows that no link declares.';

-- What would go with rows that go by a cascade that nobody declared, at any distance: table by table, each once, and
-- only where the one before has rows. Row c<depth> of a table is one that would be deleted.
create or replace function lethe_private.refuse_cascades(
  rows lethe_private.reached_row[], positions int[], managed lethe.managed_tables, first_key oid
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_first lethe_private.erasure_references;
  v_known jsonb;
  v_tables oid[];
  v_conditions text[];
  v_depths int[];
  v_way lethe_private.erasure_references;
  v_condition text;
  v_rows bigint;
  v_refusals jsonb := '[]';
  i int := 1;
begin
  select f.* into v_first from lethe_private.erasure_references as f where f.constraint_id = first_key;
  if v_first.on_delete <> 'c' then
    return v_refusals;
  end if;
  v_known := lethe_private.known_at(rows, positions, v_first.parent_columns, v_first.parent_columns);
  v_tables := array[v_first.child];
  v_depths := array[1];
  v_conditions := array[format('exists (select from %s where %s)', lethe_private.known_rows_sql(v_oid, v_first.parent_columns),
    lethe_private.reference_sql('c1', v_first.child_columns, 'p', v_first.parent_columns))];
  while i <= cardinality(v_tables) loop
    for v_way in select f.* from lethe_private.erasure_references as f where f.parent = v_tables[i] order by f.child, f.foreign_key loop
      v_condition := format('exists (select from %s as c%s where %s and %s)', lethe_private.host_name(v_tables[i]), v_depths[i],
        lethe_private.reference_sql('c' || v_depths[i] + 1, v_way.child_columns, 'c' || v_depths[i], v_way.parent_columns), v_conditions[i]);
      v_rows := lethe_private.count_outside(rows, v_known, managed, v_way.child, v_way.child_id, 'c' || v_depths[i] + 1, v_condition);
      continue when v_rows = 0;
      v_refusals := v_refusals || lethe_private.cascade_refusal(v_way, v_rows);
      if v_way.on_delete = 'c' and v_rows is not null and v_way.child <> all (v_tables) then
        v_tables := v_tables || v_way.child;
        v_depths := v_depths || v_depths[i] + 1;
        v_conditions := v_conditions || v_condition;
      end if;
    end loop;
    i := i + 1;
  end loop;
  return v_refusals;
end
$$;

comment on function lethe_private.refuse_cascades(lethe_private.reached_row[], int[], lethe.managed_tables, oid) is
  'What cascades that no link declares would reach beyond the first table.';

create or replace function lethe_private.cascade_refusal(way lethe_private.erasure_references, rows bigint)
  returns jsonb
  language sql
  stable
return case when rows is null
  then lethe_private.refusal('LE425', lethe_private.host_name(way.child),
    format('lethe_sweeper may not look at %s, where a chain of cascades leads', lethe_private.host_name(way.child)),
    format('grant select on %s to lethe_sweeper', lethe_private.host_name(way.child)), null)
  else lethe_private.refusal('LE423', format('%s(%s)', lethe_private.host_name(way.child), (select string_agg(quote_ident(x), ', ') from unnest(way.child_columns) as x)),
    format(case way.on_delete when 'c' then 'at the end of a chain of cascades, foreign key %I would delete %s rows of %s along with those of %s'
      when 'n' then 'at the end of a chain of cascades, foreign key %I would empty the reference of %s rows of %s to %s'
      when 'd' then 'at the end of a chain of cascades, foreign key %I would change the reference of %s rows of %s to %s'
      else 'at the end of a chain of cascades, foreign key %I keeps rows from being deleted: %s rows of %s refer to %s' end,
      way.foreign_key, rows, lethe_private.host_name(way.child), lethe_private.host_name(way.parent)),
    'declare what the rows between are to the person', rows) end;

comment on function lethe_private.cascade_refusal(lethe_private.erasure_references, bigint) is 'What a cascade would do at some distance.';

create or replace function lethe_private.count_outside(
  rows lethe_private.reached_row[], known jsonb, managed lethe.managed_tables, relation oid, table_id int, alias text, condition text
)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys text;
  v_facts jsonb;
begin
  if not lethe_private.is_readable(relation) then
    return null;
  end if;
  select format(' and %s not in (select jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb -> ''keys''))',
      lethe_private.key_sql(alias, count_outside.relation, t.key_columns)) into v_keys
  from lethe.managed_tables as t where t.id = count_outside.table_id;
  select r.facts into v_facts from lethe_private.run_as_sweeper(
    format('select to_jsonb(count(*)), null::oid, null::tid[] from %s as %s where %s%s', lethe_private.host_name(relation), alias, condition, coalesce(v_keys, '')),
    managed, null, convert_to(jsonb_build_object('rows', known, 'keys', (
      select coalesce(jsonb_agg(r.key), '[]') from unnest(rows) as r where r.table_id = count_outside.table_id and r.mirror_id is null))::text, 'UTF8')) as r;
  return v_facts::bigint;
end
$$;

comment on function lethe_private.count_outside(lethe_private.reached_row[], jsonb, lethe.managed_tables, oid, int, text, text) is
  'How many rows of a table satisfy a condition and were not reached; null where lethe_sweeper may not look.';
