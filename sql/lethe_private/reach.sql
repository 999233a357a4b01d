-- All rows that belong to people, or name them, live and archived: layer by layer along the links of a subject type, from
-- the root rows downwards. The rows found last lead to the next ones; none is followed twice, so circles end, and only
-- tables that have rows of these people are read. What merely mentions somebody is somebody else's and leads no further.
-- Counterpart for holds: held_by.sql and reach_archive.sql, which must answer for one row at a time.
--
-- keys: of root rows, as key_sql writes them. lock: rows stay as they are until the transaction ends, the roots first, so
-- that no row comes meanwhile that refers to one of them by a foreign key.
create or replace function lethe_private.reach(type lethe.subject_types, controller lethe.controllers, keys text[], lock boolean)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_columns jsonb := lethe_private.fact_columns(lethe_private.references_of_people());
  v_links lethe.links[] := array(select l from lethe_private.erasure_links(type) as l where l.kind <> 'ignore');
  v_all lethe_private.reached_row[];
  v_new lethe_private.reached_row[];
  v_next lethe_private.reached_row[];
  v_found lethe_private.reached_row[];
  v_step record;
  v_state text;
begin
  perform lethe_private.assert_links_stand(array(select l from lethe_private.erasure_links(type) as l), v_columns);
  v_found := lethe_private.reach_roots(type, controller, keys, lock, v_columns, v_links);
  loop
    v_found := v_found || lethe_private.reach_values(v_found, controller, v_columns, v_links);
    v_new := lethe_private.news_of(v_all, v_found);
    exit when v_new = '{}';
    -- A row that had only been a mention leads further as soon as it is more than that.
    v_next := array(
      select r from unnest(v_new) as r
      where r.kind <> 'mention' and not exists (
        select from unnest(v_all) as a
        where a.table_id = r.table_id and a.mirror_id is not distinct from r.mirror_id and a.key = r.key and a.kind <> 'mention'));
    v_all := lethe_private.with_news(v_all, v_new);
    v_found := '{}';
    for v_step in
      select l as link, array(select r from unnest(v_next) as r where r.table_id = l.to_table_id) as parents
      from unnest(v_links) as l
      where l.to_table_id in (select r.table_id from unnest(v_next) as r)
      order by l.id
    loop
      v_found := v_found || lethe_private.reach_step(v_step.link, v_step.parents, controller, lock, v_columns, v_links);
    end loop;
  end loop;
  return coalesce(v_all, '{}');
exception
  when insufficient_privilege then
    raise exception using errcode = 'LE501',
      message = format('lethe_sweeper may not read or lock all tables that belong to a %s', type.name),
      hint = 'select * from lethe.missing_rights() lists the grants';
  -- What PostgreSQL says of a value that it cannot read quotes it.
  when data_exception or undefined_function or datatype_mismatch then
    get stacked diagnostics v_state = returned_sqlstate;
    raise exception using errcode = 'LE421',
      message = format('rows that belong to a %s cannot be compared along its links (SQLSTATE %s)', type.name, v_state),
      hint = 'columns that a link pairs must have types that PostgreSQL compares';
end
$$;

comment on function lethe_private.reach(lethe.subject_types, lethe.controllers, text[], boolean) is
  'The rows that belong to people or name them, live and archived, each once. Raises LE102, LE103, LE421, LE501.';

-- A link that has lost one of several columns would reach too far, one that has lost its table would not reach at all.
create or replace function lethe_private.assert_links_stand(links lethe.links[], columns jsonb)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_link lethe.links;
begin
  select l.* into v_link
  from unnest(links) as l
  where (assert_links_stand.columns -> l.table_id::text ?& l.columns and assert_links_stand.columns -> l.to_table_id::text ?& l.to_columns) is not true
  order by l.id
  limit 1;
  if found then
    raise exception using errcode = 'LE103',
      message = format('the link of %s to %s names a column or a table that is not there any more',
        (select lethe_private.plain_name(m) from lethe.managed_tables as m where m.id = v_link.table_id),
        (select lethe_private.plain_name(m) from lethe.managed_tables as m where m.id = v_link.to_table_id)),
      hint = 'lethe check names what is missing; declare the link anew';
  end if;
end
$$;

comment on function lethe_private.assert_links_stand(lethe.links[], jsonb) is 'Raises LE103 for the first link of which a column or a table is gone.';

create or replace function lethe_private.with_news(reached lethe_private.reached_row[], news lethe_private.reached_row[])
  returns lethe_private.reached_row[]
  language sql
  immutable
  set enable_nestloop = off
return array(
  select r from unnest(reached) as r
  where not exists (
    select from unnest(news) as n
    where n.table_id = r.table_id and n.key = r.key and n.mirror_id is not distinct from r.mirror_id
      and (r.mirror_id is null or n.facts = r.facts))) || news;

comment on function lethe_private.with_news(lethe_private.reached_row[], lethe_private.reached_row[]) is
  'What was reached so far and what is new; of a row that is in both, the new form.';

-- One row of the archive may bear the key of another: what they hold tells them apart.
create or replace function lethe_private.news_of(reached lethe_private.reached_row[], found lethe_private.reached_row[])
  returns lethe_private.reached_row[]
  language sql
  immutable
  set enable_nestloop = off
return array(
  select x.r
  from (
    select distinct on (r.table_id, r.mirror_id, r.key, case when r.mirror_id is not null then r.facts end) r as r
    from unnest(found) as r
    order by r.table_id, r.mirror_id, r.key, case when r.mirror_id is not null then r.facts end,
      lethe_private.kind_rank(r.kind) desc, r.subject, r.link_id nulls last
  ) as x
  where not exists (
    select from unnest(reached) as a
    where a.table_id = (x.r).table_id and a.key = (x.r).key and a.mirror_id is not distinct from (x.r).mirror_id
      and (a.mirror_id is null or a.facts = (x.r).facts)
      and lethe_private.kind_rank(a.kind) >= lethe_private.kind_rank((x.r).kind)));

comment on function lethe_private.news_of(lethe_private.reached_row[], lethe_private.reached_row[]) is
  'Of rows found, each once: those that are new, or more the person''s than was known.';

create or replace function lethe_private.as_reached(found jsonb, table_id int, mirror_id int, kind text, link_id int)
  returns lethe_private.reached_row[]
  language sql
  immutable
return array(
  select (f ->> 1, as_reached.table_id, as_reached.mirror_id, f ->> 0, as_reached.kind, as_reached.link_id, f -> 2, null, null, null, null, null)::lethe_private.reached_row
  from jsonb_array_elements(found) as f);

comment on function lethe_private.as_reached(jsonb, int, int, text, int) is 'What found_sql returns, as rows.';

create or replace function lethe_private.known_rows(parents lethe_private.reached_row[], columns text[])
  returns bytea
  language sql
  stable
return convert_to(jsonb_build_object('rows', (
  select coalesce(jsonb_agg(jsonb_build_object('lethe$n', r.subject) || (select jsonb_object_agg(c, r.facts -> c) from unnest(columns) as c)), '[]')
  from unnest(parents) as r
  where r.facts ?& columns))::text, 'UTF8');

comment on function lethe_private.known_rows(lethe_private.reached_row[], text[]) is 'What the statements of reach_sql.sql take as $2.';

create or replace function lethe_private.reach_step(
  link lethe.links, parents lethe_private.reached_row[], controller lethe.controllers, lock boolean, columns jsonb, links lethe.links[]
)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child lethe.managed_tables;
  v_parent lethe.managed_tables;
  v_child_oid oid;
  v_parent_oid oid;
  v_mirror lethe_private.mirrors;
  v_mirror_oid oid;
  v_facts jsonb;
  v_all lethe_private.reached_row[];
begin
  select m.* into v_child from lethe.managed_tables as m where m.id = link.table_id;
  select m.* into v_parent from lethe.managed_tables as m where m.id = link.to_table_id;
  v_child_oid := lethe_private.resolve_table(format('%I.%I', v_child.schema_name, v_child.table_name));
  v_parent_oid := lethe_private.resolve_table(format('%I.%I', v_parent.schema_name, v_parent.table_name));
  select r.facts into v_facts from lethe_private.run_as_sweeper(lethe_private.found_sql(
      lethe_private.host_name(v_child_oid),
      lethe_private.known_rows_sql(v_parent_oid, link.to_columns),
      lethe_private.matches_sql(v_child_oid, link.columns, v_parent_oid, link.to_columns),
      lethe_private.key_sql('c', v_child_oid, v_child.key_columns),
      lethe_private.ours_sql(v_child, v_child_oid, controller),
      lethe_private.facts_sql(v_child, v_child_oid, controller, columns -> v_child.id::text, links), lock),
    v_child, null, lethe_private.known_rows(parents, link.to_columns)) as r;
  v_all := lethe_private.as_reached(v_facts, v_child.id, null, link.kind, link.id);
  for v_mirror in
    select m.* from lethe_private.mirrors as m
    where m.table_id = v_child.id and lethe_private.mirror_has(m.id, link.columns)
  loop
    v_mirror_oid := lethe_private.host_table('lethe_archive', v_mirror.name);
    select r.facts into v_facts from lethe_private.run_on_archive(lethe_private.found_sql(
        format('lethe_archive.%I', v_mirror.name),
        lethe_private.known_rows_sql(v_mirror_oid, link.columns),
        lethe_private.archive_matches_sql(v_mirror_oid, link.columns, v_child_oid),
        'c."lethe$key"', format('c."lethe$controller" = %s', controller.id),
        lethe_private.facts_sql(v_child, v_mirror_oid, controller, columns -> v_child.id::text, links), false),
      null, lethe_private.known_rows(lethe_private.renamed(parents, link.to_columns, link.columns), link.columns)) as r;
    v_all := v_all || lethe_private.as_reached(v_facts, v_child.id, v_mirror.id, link.kind, link.id);
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.reach_step(lethe.links, lethe_private.reached_row[], lethe.controllers, boolean, jsonb, lethe.links[]) is
  'The rows, live and archived, that one link leads to. Raises LE102 where a table is gone.';

-- The mirror's types are what a value is compared in, so it comes under the names that it has there.
create or replace function lethe_private.renamed(parents lethe_private.reached_row[], to_columns text[], columns text[])
  returns lethe_private.reached_row[]
  language sql
  immutable
return array(
  select (r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id,
    (select jsonb_object_agg(c, r.facts -> t) from unnest(renamed.columns, renamed.to_columns) as x (c, t)),
    null, null, null, null, null)::lethe_private.reached_row
  from unnest(parents) as r
  where r.facts ?& to_columns);

comment on function lethe_private.renamed(lethe_private.reached_row[], text[], text[]) is 'Rows with some of their facts, under other names.';
