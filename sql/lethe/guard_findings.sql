-- What of the guards is not as it was meant, on tables that are under a hold. Where a table has no guard at all that is
-- said as well: guards are opt-in, and the engine honours holds without them.
create or replace function lethe.guard_findings()
  returns table (finding text, object text, sentence text, remedy text)
  language sql
  stable
  security definer  -- reads what is held
  set jit = off
begin atomic
  with held as (
    select m.id, lethe_private.plain_name(m) as name, lethe_private.host_table(m.schema_name, m.table_name) as oid
    from lethe.managed_tables as m
    where exists (
      select from lethe_private.holds_touching(m.id) as f
      join lethe.holds as h on h.id = f
      where lethe_private.acts_for_hold(h.controller_id))
  ), parts as (
    select h.id, h.name, h.oid, r.relation,
      exists (select from pg_catalog.pg_trigger as t where t.tgrelid = r.relation and t.tgfoid = 'lethe_private.guard_row()'::regprocedure
        and t.tgenabled = 'A' and t.tgargs = convert_to(h.id::text, 'UTF8') || '\x00'::bytea and t.tgtype & 24 = 24 and t.tgqual is null and cardinality(t.tgattr::int2[]) = 0) as has_row,
      exists (select from pg_catalog.pg_trigger as t where t.tgrelid = r.relation and t.tgfoid = 'lethe_private.guard_truncate()'::regprocedure
        and t.tgenabled = 'A' and t.tgargs = convert_to(h.id::text, 'UTF8') || '\x00'::bytea) as has_truncate,
      exists (select from pg_catalog.pg_trigger as t where t.tgrelid = r.relation and lethe_private.is_guard(t.tgfoid)) as has_any
    from held as h
    cross join lateral lethe_private.relations_of(h.oid) as r
    join pg_catalog.pg_class as c on c.oid = r.relation and c.relkind in ('r', 'p')
  ), tables as (
    select p.id, p.name, bool_or(p.has_any) as has_any, bool_and(p.has_row and p.has_truncate) as has_all from parts as p group by p.id, p.name
  )
  select 'unguarded', t.name, format('%s has rows under a hold and no guard', t.name), format('lethe hold guard %s', t.name)
  from tables as t where not t.has_any
  union all
  select 'guard missing', lethe_private.host_name(p.relation),
    format('%s has rows under a hold, and its guard against %s is missing, disabled or altered', lethe_private.host_name(p.relation),
      concat_ws(' and ', case when not p.has_row then 'DELETE and UPDATE' end, case when not p.has_truncate then 'TRUNCATE' end)),
    format('lethe hold guard %s', p.name)
  from parts as p
  join tables as t on t.id = p.id and t.has_any
  where not (p.has_row and p.has_truncate)
  union all
  select 'table gone', h.name, format('%s is under a hold and no longer there', h.name), 'it was dropped or renamed: find out by whom, and what became of its rows'
  from held as h where h.oid is null
  union all
  select case when c.oid is null then 'partition dropped' else 'partition detached' end, coalesce(lethe_private.host_name(x.relation), x.name),
    format('%s was part of %s, which is under a hold, and was %s by somebody else than Lethe', coalesce(lethe_private.host_name(x.relation), x.name), h.name,
      case when c.oid is null then 'dropped' else 'detached' end),
    case when c.oid is null then 'find out by whom, and restore its held rows from a backup'
      else format('attach %s again, or see to its held rows: no hold reaches it', lethe_private.host_name(x.relation)) end
  from lethe_private.held_relations as x
  join held as h on h.id = x.table_id
  left join pg_catalog.pg_class as c on c.oid = x.relation
  where h.oid is not null
    and x.relation not in (select r.relation from lethe_private.relations_of(h.oid) as r)
    -- Numbers are new after a dump has been restored; names are not.
    and not (c.oid is null and x.name in (select lethe_private.host_name(r.relation) from lethe_private.relations_of(h.oid) as r))
    and not exists (select from lethe.partition_purges as p where p.partition_oid = x.relation and p.how in ('dropped', 'detached', 'detaching'))
  order by 1, 2;
end;

comment on function lethe.guard_findings() is
  'Guards that are missing or disabled on tables under a hold, and partitions of such that somebody has dropped or detached.';
