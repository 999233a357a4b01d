-- Page: docs/checks/copying-trigger.md. Where a trigger writes is read from the text of its function and of those that it
-- calls: INSERT, UPDATE and MERGE with the name of a table. What is composed at run time is not seen, but for a table that
-- the trigger is handed by name. A rewrite rule's tables are known to the catalogue.

-- Where a name without a schema may be found: on the function's own search path if it has one; else beside the table,
-- beside the function, or in public.
create or replace function lethe_private.likely_schemas(function oid, relation oid)
  returns table (name text, place bigint)
  language sql
  stable
begin atomic
  select btrim(btrim(x.name), '"'), x.place
  from pg_catalog.pg_proc as p
  cross join unnest(p.proconfig) as c (setting)
  cross join string_to_table(split_part(c.setting, '=', 2), ',') with ordinality as x (name, place)
  where p.oid = likely_schemas.function and c.setting like 'search_path=%'
  union all select n.nspname, 100 from pg_catalog.pg_class as t join pg_catalog.pg_namespace as n on n.oid = t.relnamespace where t.oid = likely_schemas.relation
  union all select n.nspname, 101 from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace where p.oid = likely_schemas.function
  union all select 'public', 102;
end;

comment on function lethe_private.likely_schemas(oid, oid) is 'Schemas in which a trigger function may find what it names, the likeliest first.';

-- The parts of names that a text has in a place, which a regular expression with {name} tells.
create or replace function lethe_private.names_in(source text, place text)
  returns setof text[]
  language sql
  immutable
begin atomic
  select distinct parse_ident(regexp_replace(w.m[1], '\s*\.\s*', '.'))
  from regexp_matches(source, replace(place, '{name}',
    '((?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*))?)'), 'gi') as w (m);
end;

comment on function lethe_private.names_in(text, text) is 'Names, with or without a schema, that stand in a text where a regular expression says.';

create or replace function lethe_private.function_text(function oid)
  returns text
  language sql
  stable
return (select coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) from pg_catalog.pg_proc as p where p.oid = function_text.function);

comment on function lethe_private.function_text(oid) is 'The body of a function, written as text.';

-- A name before a parenthesis is a call, of whichever function of that name there is; it may be none, or a list of columns.
create or replace function lethe_private.called_functions(function oid, relation oid)
  returns setof oid
  language sql
  stable
begin atomic
  with recursive called as (
    select called_functions.function as oid
    union
    select f.oid
    from called as c
    cross join lateral lethe_private.names_in(lethe_private.function_text(c.oid), '{name}\s*\(') as w (parts)
    join pg_catalog.pg_proc as f on f.proname = w.parts[cardinality(w.parts)]
    join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
    where n.nspname !~ '^(pg_.*|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)$'
      and case when cardinality(w.parts) = 2 then n.nspname = w.parts[1]
        else n.nspname in (select s.name from lethe_private.likely_schemas(c.oid, called_functions.relation) as s) end
  )
  select c.oid from called as c;
end;

comment on function lethe_private.called_functions(oid, oid) is
  'A function that a trigger of a table runs, and all that it calls, directly or through others, as far as texts tell.';

-- Not inlined: the plan of who calls it would be many times as large, and take longer than what it does.
create or replace function lethe_private.written_tables(function oid, relation oid, arguments bytea)
  returns setof oid
  language sql
  stable
  set search_path = pg_catalog, pg_temp
begin atomic
  with run as materialized (
    select f.oid, lethe_private.function_text(f.oid) as source, l.lanname not in ('sql', 'plpgsql') or p.prosrc ~* '\mexecute\M' as composes
    from lethe_private.called_functions(written_tables.function, written_tables.relation) as f (oid)
    join pg_catalog.pg_proc as p on p.oid = f.oid
    join pg_catalog.pg_language as l on l.oid = p.prolang
  ), names as (
    select r.oid, n.parts
    from run as r
    cross join lateral lethe_private.names_in(r.source, '\m(?:insert\s+into|merge\s+into|update|update\s+only)\s+{name}') as n (parts)
    union
    select r.oid, n.parts
    from run as r
    cross join lateral string_to_table(encode(written_tables.arguments, 'escape'), '\000') as x (argument)
    cross join lateral lethe_private.names_in(x.argument, '^{name}$') as n (parts)
    where r.composes
  )
  select case cardinality(n.parts)
    when 2 then lethe_private.host_table(n.parts[1], n.parts[2])
    when 1 then (
      select lethe_private.host_table(s.name, n.parts[1])
      from lethe_private.likely_schemas(n.oid, written_tables.relation) as s
      where lethe_private.host_table(s.name, n.parts[1]) is not null
      order by s.place
      limit 1)
    end
  from names as n;
end;

comment on function lethe_private.written_tables(oid, oid, bytea) is
  'The tables that a function which a trigger of a table runs, with these arguments, writes to, as far as texts tell.';

create or replace function lethe_private.check_copying_trigger(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with recursive people as (
    select r.relation from unnest(check_copying_trigger.reached) as r where r.personal and r.managed_id is not null
  ), rules as (
    select p.relation, format('rule %I', w.rulename) as writer, d.refclassid, d.refobjid
    from people as p
    join pg_catalog.pg_rewrite as w on w.ev_class = p.relation and w.ev_type <> '1' and w.ev_enabled <> 'D'
    join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
  ), runs as (
    select p.relation, format('trigger %I', g.tgname) as writer, g.tgrelid as on_relation, g.tgfoid as function, g.tgargs as arguments
    from people as p
    join pg_catalog.pg_trigger as g on not g.tgisinternal and g.tgenabled <> 'D'
      and (g.tgrelid = p.relation or g.tgparentid = 0 and exists (select from lethe_private.topmost as t where t.relation = g.tgrelid and t.root = p.relation))
    union all
    select r.relation, r.writer, r.relation, r.refobjid, '' from rules as r where r.refclassid = 'pg_catalog.pg_proc'::regclass
  ), writers as (
    select r.relation, r.writer, x.target
    from runs as r
    cross join lateral lethe_private.written_tables(r.function, r.on_relation, r.arguments) as x (target)
    union
    select r.relation, r.writer, r.refobjid from rules as r where r.refclassid = 'pg_catalog.pg_class'::regclass
  ), written as (
    select w.relation, w.writer, w.target from writers as w
    union
    -- Through a view: into what it reads, or where its own triggers write.
    select w.relation, w.writer, x.target
    from written as w
    cross join lateral (
      select v.relation as target from lethe_private.view_reads as v where v.reader = w.target
      union
      select y.target
      from pg_catalog.pg_trigger as g
      cross join lateral lethe_private.written_tables(g.tgfoid, g.tgrelid, g.tgargs) as y (target)
      where g.tgrelid = w.target and g.tgtype & 64 = 64 and g.tgenabled <> 'D'
    ) as x
    where x.target is not null
  ), targets as (
    select distinct w.relation, w.writer, coalesce(t.root, w.target) as target
    from written as w
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
