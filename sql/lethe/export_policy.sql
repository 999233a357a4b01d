create or replace function lethe_private.export_terms(rule_id int, controller_id int)
  returns jsonb
  language sql
  stable
begin atomic
  with terms as (
    select t.purpose, jsonb_strip_nulls(jsonb_build_object(
      case r.action when 'minimum' then 'basis' else 'purpose' end, t.purpose,
      'after', lethe_private.format_delay(t.after),
      'since', case cardinality(t.since) when 1 then to_jsonb(t.since[1]) else to_jsonb(t.since) end,
      'when', t."when",
      'using', case when t.parameters = '{}' then to_jsonb(t.method) else jsonb_build_object('method', t.method) || t.parameters end)) as term
    from lethe.terms as t
    join lethe.rules as r on r.id = t.rule_id
    where t.rule_id = export_terms.rule_id
      and t.controller_id is not distinct from export_terms.controller_id
  )
  select case count(*) when 0 then null when 1 then jsonb_agg(term) -> 0 else jsonb_agg(term order by purpose nulls first) end from terms;
end;

comment on function lethe_private.export_terms(int, int) is 'The terms of a rule as a policy document writes them.';

create or replace function lethe_private.export_format(declared lethe.column_formats)
  returns jsonb
  language sql
  immutable
return jsonb_build_object('format', case
  when declared.parameters = '{}' and declared.on_arrival is null then to_jsonb(declared.format)
  else jsonb_strip_nulls(jsonb_build_object('format', declared.format, 'on_arrival', declared.on_arrival)) || declared.parameters
end);

comment on function lethe_private.export_format(lethe.column_formats) is 'A column''s format as a policy document writes it.';

create or replace function lethe_private.export_rules(table_id int, controller_id int)
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_strip_nulls(jsonb_build_object(
    'columns', (
      select jsonb_object_agg(x.column_name, x.spec)
      from (
        select n.column_name,
          coalesce((select jsonb_strip_nulls(jsonb_build_object('category', c.category, 'purposes', nullif(to_jsonb(c.purposes), '[]'), 'legal_basis', c.legal_basis, 'claim', c.claim))
                    from lethe.managed_columns as c
                    where export_rules.controller_id is null and c.table_id = export_rules.table_id and c.column_name = n.column_name), '{}')
          || coalesce((select lethe_private.export_format(d) from lethe.column_formats as d
                       where export_rules.controller_id is null and d.table_id = export_rules.table_id and d.column_name = n.column_name), '{}')
          || coalesce((select jsonb_object_agg(r.action, lethe_private.export_terms(r.id, export_rules.controller_id))
                       from lethe.rules as r
                       where r.table_id = export_rules.table_id and r.column_name = n.column_name
                         and lethe_private.export_terms(r.id, export_rules.controller_id) is not null), '{}') as spec
        from (
          select c.column_name from lethe.managed_columns as c where c.table_id = export_rules.table_id and export_rules.controller_id is null
          union
          select r.column_name from lethe.rules as r
          where r.table_id = export_rules.table_id and r.column_name is not null
            and lethe_private.export_terms(r.id, export_rules.controller_id) is not null
        ) as n
      ) as x),
    'minimum', (select lethe_private.export_terms(r.id, export_rules.controller_id) from lethe.rules as r
                where r.table_id = export_rules.table_id and r.column_name is null and r.action = 'minimum'),
    'archive', (select lethe_private.export_terms(r.id, export_rules.controller_id) from lethe.rules as r
                where r.table_id = export_rules.table_id and r.column_name is null and r.action = 'archive'),
    'purge', (select lethe_private.export_terms(r.id, export_rules.controller_id) from lethe.rules as r
              where r.table_id = export_rules.table_id and r.column_name is null and r.action = 'purge')));
end;

comment on function lethe_private.export_rules(int, int) is 'The rules of a table, of all controllers or of one, as a policy document writes them.';

create or replace function lethe_private.plain_name(managed lethe.managed_tables)
  returns text
  language sql
  immutable
return case
  -- The first dot parts schema and table, so a schema whose own name has one is quoted.
  when strpos(managed.schema_name, '.') > 0 then format('%I.%I', managed.schema_name, managed.table_name)
  else managed.schema_name || '.' || managed.table_name
end;

comment on function lethe_private.plain_name(lethe.managed_tables) is 'schema.table without quotes, as a policy document names it.';

-- Whether apply_policy finds the same link without being told its columns: see apply_subject_link.
create or replace function lethe_private.goes_without_columns(link lethe.links, root_id int)
  returns boolean
  language sql
  stable
begin atomic
  with refs as (
    select c.table_id as child_id, p.table_id as parent_id
    from lethe_private.managed_relations as c
    join lethe_private.host_references as r on r.child = c.relation
    join lethe_private.managed_relations as p on p.relation = r.parent
    where c.table_id in (link.table_id, root_id)
  ), counts as (
    select
      count(*) filter (where r.child_id = link.table_id and r.parent_id = root_id) as to_root,
      count(*) filter (where r.child_id = link.table_id) as to_any,
      count(*) filter (where r.child_id = root_id and r.parent_id = link.table_id) as from_root
    from refs as r
  )
  select link.foreign_key is not null and case
    when c.to_root > 0 then c.to_root = 1 and link.to_table_id = root_id
    when c.to_any > 0 then c.to_any = 1
    else c.from_root = 1
  end
  from counts as c;
end;

comment on function lethe_private.goes_without_columns(lethe.links, int) is 'True when a policy document need not spell a link out.';

create or replace function lethe_private.export_links(subject_type_id int)
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_object_agg(x.name, case x.n when 1 then x.links -> 0 else x.links end)
  from (
    select lethe_private.plain_name(m) as name, count(*) as n,
      jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'kind', l.kind,
        'with', case when l.on_purge = 'with parent' then 'parent' end,
        'to', case when not p.is_plain then lethe_private.plain_name(t) end,
        'columns', case when not p.is_plain then (select jsonb_object_agg(y.c, y.t) from unnest(l.columns, l.to_columns) as y (c, t)) end,
        'on_erasure', l.on_erasure)) order by l.columns, l.to_table_id) as links
    from lethe.links as l
    join lethe.subject_types as s on s.id = l.subject_type_id
    join lethe.managed_tables as m on m.id = l.table_id
    join lethe.managed_tables as t on t.id = l.to_table_id
    cross join lateral (select lethe_private.goes_without_columns(l, s.table_id) as is_plain) as p
    where l.subject_type_id = export_links.subject_type_id
    group by m.id
  ) as x;
end;

comment on function lethe_private.export_links(int) is 'The links of a subject type as a policy document writes them.';

create or replace function lethe.export_policy()
  returns jsonb
  language plpgsql
  stable
  security definer  -- reads the whole policy, after asking who calls
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.assert_may_change(null);
  return jsonb_build_object(
    'version', 1,
    'controllers', coalesce((
      select jsonb_object_agg(c.name, jsonb_strip_nulls(jsonb_build_object('title', c.title, 'time_zone', c.time_zone, 'reference', c.reference)))
      from lethe.controllers as c), '{}'),
    'subjects', coalesce((
      select jsonb_object_agg(s.name, jsonb_strip_nulls(jsonb_build_object('table', lethe_private.plain_name(m),
        'identifiers', nullif(to_jsonb(s.identifiers), '[]'), 'links', lethe_private.export_links(s.id))))
      from lethe.subject_types as s join lethe.managed_tables as m on m.id = s.table_id), '{}'),
    'tables', coalesce((
      select jsonb_object_agg(lethe_private.plain_name(m), lethe_private.export_rules(m.id, null) || jsonb_strip_nulls(jsonb_build_object(
        'controller', case when m.controller_column is null then jsonb_build_object('constant', c.name) else jsonb_build_object('column', m.controller_column) end,
        'time_zone', m.time_zone, 'search_path', m.search_path, 'key', m.key_columns,
        'sentinels', nullif(to_jsonb(m.sentinels), '[]'), 'partitions', nullif(m.partitions, 'delete'),
        'with', (select jsonb_agg(x.name order by x.n) from (
                   select unnest(l.columns) as name, generate_subscripts(l.columns, 1) as n from lethe.links as l
                   where l.table_id = m.id and l.subject_type_id is null and l.on_purge = 'with parent') as x),
        'unlink', (select jsonb_agg(l.columns[1] order by l.columns[1]) from lethe.links as l
                   where l.table_id = m.id and l.subject_type_id is null and l.on_purge = 'unlink'))))
      from lethe.managed_tables as m left join lethe.controllers as c on c.id = m.controller_id), '{}'))
    || coalesce((
      select jsonb_build_object('overrides', jsonb_object_agg(o.name, o.tables))
      from (
        select c.name, jsonb_object_agg(lethe_private.plain_name(m), lethe_private.export_rules(m.id, c.id)) as tables
        from lethe.controllers as c
        cross join lethe.managed_tables as m
        where exists (select from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where t.controller_id = c.id and r.table_id = m.id)
        group by c.name
      ) as o
      having count(*) > 0), '{}')
    || lethe_private.export_checks();
end
$$;

comment on function lethe.export_policy() is 'The policy in force as a document; applying it changes nothing. Raises LE502.';
