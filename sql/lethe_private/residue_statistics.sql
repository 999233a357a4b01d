-- The planner's statistics keep values of rows that are gone, until the next ANALYZE. Where they hold something, ANALYZE is
-- run if Lethe may: on what is its own always, on a table of the host where its owner granted that (MAINTAIN, from
-- PostgreSQL 17 on). Then they are read again. What still stands there is for the owner of the table.
--
-- pg_stats shows everybody what they may read: so the host's are asked for as lethe_sweeper.
create or replace function lethe_private.statistics_sql(wanted jsonb, own boolean)
  returns text
  language sql
  immutable
return lethe_private.residue_sql('pg_catalog.pg_stats as c',
  array['c.most_common_vals::text', 'c.histogram_bounds::text', 'c.most_common_elems::text'],
  case when own then 'c.schemaname in (''lethe'', ''lethe_private'', ''lethe_archive'', ''lethe_jobs'') and (c.schemaname, c.tablename) not in ((''lethe_private'', ''request_roots''))'
  else 'c.schemaname not in (''pg_catalog'', ''information_schema'', ''lethe'', ''lethe_private'', ''lethe_archive'', ''lethe_jobs'')' end,
  'format(''%I.%I'', c.schemaname, c.tablename) || ''.'' || quote_ident(c.attname)', wanted);

comment on function lethe_private.statistics_sql(jsonb, boolean) is 'Looks through pg_stats: of the host, or of Lethe''s own tables.';

create or replace function lethe_private.extended_statistics_sql(wanted jsonb)
  returns text
  language sql
  immutable
return lethe_private.residue_sql('pg_catalog.pg_stats_ext as c', array['c.most_common_vals::text'], null,
  'format(''%I.%I (extended statistics)'', c.statistics_schemaname, c.statistics_name)', wanted);

comment on function lethe_private.extended_statistics_sql(jsonb) is 'Looks through those extended statistics that the caller may see.';

create or replace function lethe_private.may_analyze(relation oid)
  returns boolean
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('server_version_num')::int >= 170000 and has_table_privilege(relation, 'maintain') then
    return true;
  end if;
  return (select pg_has_role(c.relowner, 'usage') from pg_class as c where c.oid = relation);
end
$$;

comment on function lethe_private.may_analyze(oid) is 'True when ANALYZE of the relation would be done, and not skipped with a warning.';

create or replace function lethe_private.look_at_statistics(requests bigint[], wanted jsonb)
  returns table (request bigint, place text, object text, finding text, rows bigint, by_columns text[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_side record;
  v_look record;
  v_table oid;
  v_analyzed int;
begin
  for v_side in
    select 'host' as who, lethe_private.statistics_sql(wanted, false) as statement
    union all select 'own', lethe_private.statistics_sql(wanted, true)
    union all select 'host', lethe_private.extended_statistics_sql(wanted)
    union all select 'own', lethe_private.extended_statistics_sql(wanted)
  loop
    select * into v_look from lethe_private.look_through(v_side.who, v_side.statement, wanted);
    v_analyzed := 0;
    for v_table in
      select distinct coalesce(e.stxrelid, s.oid)
      from lethe_private.found_rows(v_look.facts, null) as f
      cross join lateral (select parse_ident(f.object, false) as parts) as p
      left join pg_statistic_ext as e on e.stxname = p.parts[2] and e.stxnamespace = to_regnamespace(quote_ident(p.parts[1])) and f.object like '%(extended statistics)'
      left join lateral (select lethe_private.host_table(p.parts[1], p.parts[2]) as oid) as s on f.object not like '%(extended statistics)'
    loop
      continue when not coalesce(lethe_private.may_analyze(v_table), false);
      begin
        execute format('analyze %s', lethe_private.host_name(v_table));
        v_analyzed := v_analyzed + 1;
      exception when others then null;  -- it stays a finding
      end;
    end loop;
    if v_analyzed > 0 then
      select * into v_look from lethe_private.look_through(v_side.who, v_side.statement, wanted);
    end if;
    return query
      select f.request, 'statistics', f.object, 'found: ANALYZE takes it out once the table is without', null::bigint, array_agg(distinct k order by k)
      from lethe_private.found_rows(v_look.facts, null) as f cross join unnest(f.by_columns) as k
      group by f.request, f.object;
    return query
      select r, 'not looked at', 'planner statistics', 'reading them failed (SQLSTATE ' || v_look.failure || ')', null::bigint, null::text[]
      from unnest(requests) as r where v_look.failure is not null;
  end loop;
  return query
    select r, 'not looked at', format('%I.%I (extended statistics)', n.nspname, e.stxname), 'PostgreSQL shows them to the owner of the table alone; ANALYZE renews them',
      null::bigint, null::text[]
    from unnest(requests) as r
    cross join pg_statistic_ext as e
    join pg_class as c on c.oid = e.stxrelid
    join pg_namespace as n on n.oid = e.stxnamespace
    where 'm' = any (e.stxkind) and not pg_has_role(c.relowner, 'usage') and not pg_has_role('lethe_sweeper', c.relowner, 'usage')
      and exists (select from pg_attribute as a where a.attrelid = e.stxrelid and a.attnum = any (e.stxkeys::int2[]) and lethe_private.holds_text(a.atttypid));
end
$$;

comment on function lethe_private.look_at_statistics(bigint[], jsonb) is
  'Looks through the planner''s statistics, and runs ANALYZE where they hold something and Lethe may.';
