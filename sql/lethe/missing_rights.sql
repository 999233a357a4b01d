-- What the engine needs on the host's tables and does not have. Lethe grants nothing to itself: who owns
-- the tables runs the remedies, from psql with \gexec, or by lethe policy apply --grant.
create or replace function lethe.missing_rights()
  returns table (object text, need text, remedy text)
  language sql
  stable
  security definer
  set jit = off
begin atomic
  with managed as (
    select m.id, lethe_private.host_table(m.schema_name, m.table_name) as oid, m.controller_column, m.key_columns
    from lethe.managed_tables as m
  ), child as (
    -- What refers to a table whose rows are purged is looked up, whether managed or not.
    select r.child as oid, r.on_purge,
      -- What is archived with its parent is deleted by name, and not left to a cascade.
      r.cascades and not exists (
        select from lethe.rules as u
        join lethe.managed_tables as x on x.id = u.table_id
        cross join lateral lethe_private.archived_family(x) as f
        where u.column_name is null and u.action = 'archive' and f.id = r.managed_id) as cascades,
      r.child_columns
    from managed as m
    cross join lateral lethe_private.references_to(m.oid) as r
    where exists (select from lethe.rules as u where u.table_id = m.id and u.column_name is null and u.action <> 'minimum')
       or exists (select from lethe.links as l where l.table_id = m.id and l.on_purge = 'with parent')
  ), personal as (
    -- What an erasure reaches: rows that belong to a person may go, or stay without the person.
    select m.id, m.oid, m.key_columns from managed as m
    where m.id in (select s.table_id from lethe.subject_types as s
                   union select l.table_id from lethe.links as l where l.kind in ('own', 'share') or l.on_purge = 'with parent')
  ), needed as (
    select m.oid, 'select' as privilege, null::text as column_name from managed as m
    union select c.oid, 'select', null from child as c
    union select c.oid, 'delete', null from child as c where c.on_purge = 'with parent' and not c.cascades
    -- FOR UPDATE takes the right to update one column; a table that nothing refers to is not locked.
    union select c.oid, 'update', c.child_columns[1] from child as c where c.on_purge = 'with parent' and exists (select from lethe_private.references_to(c.oid))
    union select c.oid, 'update', x from child as c cross join unnest(c.child_columns) as x where c.on_purge = 'unlink'
    union select m.oid, 'update', r.column_name from managed as m join lethe.rules as r on r.table_id = m.id and r.column_name is not null and r.action <> 'minimum'
    union
    select m.oid, 'delete', null
    from managed as m join lethe.rules as r on r.table_id = m.id and r.column_name is null and r.action <> 'minimum'
    union
    select m.oid, 'update', m.key_columns[1]
    from managed as m join lethe.rules as r on r.table_id = m.id and r.column_name is null and r.action <> 'minimum'
    where exists (select from lethe_private.references_to(m.oid))
      and not exists (select from lethe.rules as u where u.table_id = m.id and u.column_name is not null and u.action <> 'minimum')
    union select p.oid, 'delete', null from personal as p
    union select p.oid, 'update', p.key_columns[1] from personal as p
    union
    select p.oid, 'update', c.column_name
    from personal as p
    join lethe.managed_columns as c on c.table_id = p.id
      and c.category in ('direct identifier', 'contact', 'quasi-identifier', 'special category', 'content')
    join lethe_private.host_columns as h on h.relation = p.oid and h.name = c.column_name and not h.is_generated
    union
    select m.oid, 'update', x
    from managed as m join lethe.links as l on l.table_id = m.id and l.kind in ('share', 'mention') cross join unnest(l.columns) as x
  ), missing as (
    select n.*, n.oid is not null and (
      case when n.column_name is null then has_table_privilege('lethe_sweeper', n.oid, n.privilege)
      else exists (select from lethe_private.host_columns as h
                   where h.relation = n.oid and h.name = n.column_name and has_column_privilege('lethe_sweeper', n.oid, h.position, 'update')) end) as granted
    from needed as n
  )
  select format('schema %I', s.nspname), 'lethe_sweeper: usage', format('grant usage on schema %I to lethe_sweeper', s.nspname)
  from (select distinct n.nspname, n.oid
        from needed as d join pg_class as c on c.oid = d.oid join pg_namespace as n on n.oid = c.relnamespace
        union
        -- A statement names the types of what it writes and compares; those may live elsewhere.
        select n.nspname, n.oid
        from managed as m
        join lethe_private.host_columns as h on h.relation = m.oid
        join pg_namespace as n on n.nspname in (h.declared_type_schema, h.type_schema)
        where n.nspname <> 'pg_catalog'
          and (h.name = m.controller_column
            or exists (select from lethe.rules as r where r.table_id = m.id and r.column_name = h.name and r.action = 'anonymize')
            or exists (select from lethe.rules as r join lethe.terms as t on t.rule_id = r.id
                       where r.table_id = m.id and strpos(t.condition, quote_ident(n.nspname) || '.') > 0))) as s
  where not has_schema_privilege('lethe_sweeper', s.oid, 'usage')
  union all
  select lethe_private.host_name(m.oid), 'lethe_sweeper: ' || string_agg(distinct m.privilege, ', '),
    format('grant %s on %s to lethe_sweeper',
      string_agg(distinct case when m.column_name is null then m.privilege
        else format('update (%s)', (select string_agg(quote_ident(x.column_name), ', ') from missing as x
                                    where x.oid = m.oid and x.column_name is not null and not x.granted)) end, ', '),
      lethe_private.host_name(m.oid))
  from missing as m
  where m.oid is not null and not m.granted
  group by m.oid
  union all
  select distinct lethe_private.host_name(c.oid), 'lethe_sweeper: not filtered by row security',
    'alter role lethe_sweeper bypassrls'
  from needed as n
  join pg_class as c on c.oid = n.oid
  where c.relrowsecurity
    and not (select r.rolbypassrls or r.rolsuper from pg_roles as r where r.rolname = 'lethe_sweeper')
  union all
  select p.object, p.need, p.remedy from lethe_private.missing_for_partitions() as p
  union all
  select 'pg_stat_replication', 'lethe_owner: see the lag of replicas', 'grant pg_read_all_stats to lethe_owner'
  from lethe.settings as s
  where s.replica_lag_max is not null and not pg_has_role('lethe_owner', 'pg_read_all_stats', 'usage')
  union all
  select 'database', 'lethe_owner: temporary tables, to read predicates', format('grant temporary on database %I to lethe_owner', current_database())
  where not has_database_privilege('lethe_owner', current_database(), 'temporary');
end;

comment on function lethe.missing_rights() is
  'Rights that the policy needs on the host''s objects and that are missing, each with the statement that grants it.';
