-- Page: docs/checks/copying-trigger.md. Where a trigger writes is read from its text: INSERT, UPDATE and MERGE with the
-- name of a table. What it composes at run time is not seen. A rewrite rule's tables are known to the catalogue.
create or replace function lethe_private.trigger_targets(function oid, relation oid)
  returns setof oid
  language sql
  stable
begin atomic
  with names as (
    select parse_ident(regexp_replace(w.m[1], '\s*\.\s*', '.')) as parts
    from pg_catalog.pg_proc as p
    cross join regexp_matches(p.prosrc,
      '(?:insert\s+into|merge\s+into|update|update\s+only)\s+((?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*))?)',
      'gi') as w (m)
    where p.oid = trigger_targets.function
  )
  select coalesce(
    case when cardinality(n.parts) = 2 then lethe_private.host_table(n.parts[1], n.parts[2]) end,
    case when cardinality(n.parts) = 1 then (
      -- Under the function's own search path if it has one; else beside the table, beside the function, or in public.
      select lethe_private.host_table(s.name, n.parts[1])
      from (
        select btrim(btrim(x.name), '"') as name, x.place
        from pg_catalog.pg_proc as p
        cross join unnest(p.proconfig) as c (setting)
        cross join string_to_table(split_part(c.setting, '=', 2), ',') with ordinality as x (name, place)
        where p.oid = trigger_targets.function and c.setting like 'search_path=%'
        union all select b.nspname, 100 from pg_catalog.pg_class as t join pg_catalog.pg_namespace as b on b.oid = t.relnamespace where t.oid = trigger_targets.relation
        union all select b.nspname, 101 from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as b on b.oid = p.pronamespace where p.oid = trigger_targets.function
        union all select 'public', 102
      ) as s
      where lethe_private.host_table(s.name, n.parts[1]) is not null
      order by s.place
      limit 1) end)
  from names as n;
end;

comment on function lethe_private.trigger_targets(oid, oid) is 'The tables that a trigger function writes to, as far as its text tells.';

create or replace function lethe_private.check_copying_trigger(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with writers as (
    select r.relation, format('trigger %I', g.tgname) as writer, x.target
    from unnest(check_copying_trigger.reached) as r
    join pg_catalog.pg_trigger as g on not g.tgisinternal and g.tgenabled <> 'D'
      and (g.tgrelid = r.relation or g.tgparentid = 0 and exists (select from lethe_private.topmost as t where t.relation = g.tgrelid and t.root = r.relation))
    cross join lateral lethe_private.trigger_targets(g.tgfoid, g.tgrelid) as x (target)
    where r.personal and r.managed_id is not null
    union
    select r.relation, format('rule %I', w.rulename), d.refobjid
    from unnest(check_copying_trigger.reached) as r
    join pg_catalog.pg_rewrite as w on w.ev_class = r.relation and w.ev_type <> '1' and w.ev_enabled <> 'D'
    join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_catalog.pg_class'::regclass
    where r.personal and r.managed_id is not null
  ), targets as (
    select distinct w.relation, w.writer, coalesce(t.root, w.target) as target
    from writers as w
    left join lethe_private.topmost as t on t.relation = w.target
    where w.target is not null
  )
  select
    lethe_private.host_name(x.target),
    format('%s on %s writes into %s, which is not managed: what is forgotten in the one stays in the other',
      string_agg(distinct x.writer, ', '), lethe_private.host_name(x.relation), lethe_private.host_name(x.target)),
    'manage it: name it under tables in the policy file, with a rule for what it keeps',
    true
  from targets as x
  join pg_catalog.pg_class as c on c.oid = x.target and c.relkind in ('r', 'p', 'f')
  where x.target not in (select r.relation from unnest(check_copying_trigger.reached) as r)
    and not lethe_private.is_lethes(x.target)
    -- A counter of rows holds nobody: what can hold a copy is a document, a text, or a column of the same name.
    and exists (
      select from lethe_private.host_columns as h
      where h.relation = x.target
        and (h.type_name in ('json', 'jsonb', 'xml', 'hstore', 'text', 'bytea')
          or exists (select from lethe_private.checked_columns(check_copying_trigger.reached) as k
                     where k.relation = x.relation and k.name = h.name and (lethe_private.is_personal(k.category) or k.has_rule or k.decided_by is null))))
  group by x.relation, x.target;
end;

comment on function lethe_private.check_copying_trigger(lethe_private.reached[]) is 'Unmanaged tables into which a trigger or rewrite rule of a managed one writes.';
