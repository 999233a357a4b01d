-- What of lethe.restriction_sql is not as it would be written today: a link was added, a partition came, a trigger is
-- disabled. And, while something is restricted, which tables have none of it: that is opt-in, and the engine honours
-- restrictions without.
create or replace function lethe.restriction_findings()
  returns table (finding text, object text, sentence text, remedy text)
  language sql
  stable
  security definer  -- reads what is held
  set jit = off
begin atomic
  with reached as (
    select m as managed, m.id, lethe_private.plain_name(m) as name, lethe_private.host_table(m.schema_name, m.table_name) as oid,
      exists (select from (select distinct r.table_id from lethe_private.restricted_keys as r) as k where k.table_id = m.id
        or exists (select from lethe_private.restricting_paths(m.id) as p join lethe.links as l on l.id = any (p.path) and l.to_table_id = k.table_id)) as restricted
    from lethe.managed_tables as m
  ), parts as (
    select r.*, x.relation, lethe_private.host_name(x.relation) as part, c.relrowsecurity,
      obj_description(p.oid, 'pg_policy') = lethe_private.restriction_mark(r.managed, x.relation) as is_current,
      p.oid is not null as has_policy,
      exists (select from pg_catalog.pg_trigger as t where t.tgrelid = x.relation and t.tgfoid = 'lethe.refuse_restricted()'::regprocedure
        and t.tgenabled = 'A' and t.tgtype & 26 = 26 and t.tgqual is null and cardinality(t.tgattr::int2[]) = 0) as has_trigger,
      exists (select from pg_catalog.pg_trigger as t where t.tgrelid = x.relation and t.tgfoid = 'lethe.refuse_restricted_truncate()'::regprocedure
        and t.tgenabled = 'A' and t.tgtype & 34 = 34) as has_truncate_trigger
    from reached as r
    cross join lateral lethe_private.relations_of(r.oid) as x
    join pg_catalog.pg_class as c on c.oid = x.relation and c.relkind in ('r', 'p')
    left join pg_catalog.pg_policy as p on p.polrelid = x.relation and p.polname = 'lethe_restriction' and not p.polpermissive
  ), tables as (
    select p.id, p.name, p.restricted, bool_or(p.has_policy or p.has_trigger or p.has_truncate_trigger) as opted
    from parts as p group by p.id, p.name, p.restricted
  )
  select 'not hidden', t.name, format('%s has restricted rows, which everybody who may read the table reads', t.name),
    format('select lethe.restriction_sql(%L)', t.name)
  from tables as t where t.restricted and not t.opted
  union all
  select 'restriction outdated', p.part, format('%s on %s is missing, disabled, or not what the policy asks for today',
      concat_ws(' and ', case when not coalesce(p.is_current and p.relrowsecurity, false) then 'the policy lethe_restriction' end,
        case when not p.has_trigger then 'the trigger lethe_restriction' end,
        case when not p.has_truncate_trigger then 'the trigger lethe_restriction_truncate' end), p.part),
    format('select lethe.restriction_sql(%L)', p.name)
  from parts as p
  join tables as t on t.id = p.id and t.opted
  where not coalesce(p.is_current and p.relrowsecurity and p.has_trigger and p.has_truncate_trigger, false)
  order by 1, 2;
end;

comment on function lethe.restriction_findings() is
  'Tables with restricted rows that nothing hides, and policies and triggers of lethe.restriction_sql that are missing or outdated.';
