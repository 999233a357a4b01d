-- What hides restricted rows of a table and refuses writes to them, for who owns it to read and to run: opt-in, since
-- the engine leaves restricted rows alone without it. Row security for reading alone: a policy for UPDATE and DELETE
-- would hide the row from the trigger, and what could have been refused loudly would be 0 rows.
create or replace function lethe.restriction_sql("table" text)
  returns text
  language plpgsql
  stable
  security definer  -- reads the catalogue of managed tables
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_root oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_part record;
  v_text text;
begin
  v_text := lethe_private.restriction_notes(v_root);
  if not exists (select from pg_roles as r where r.rolname = 'lethe_sweeper' and (r.rolbypassrls or r.rolsuper)) then
    v_text := v_text || E'-- Under row security the engine would see an error, never "0 rows": it has to pass it. This takes a superuser, or who has BYPASSRLS.\n'
      'alter role lethe_sweeper bypassrls;\n\n';
  end if;
  for v_part in
    select c.oid, c.relispartition as is_partition, c.relrowsecurity, lethe_private.host_name(c.oid) as name,
      exists (select from pg_policy as p where p.polrelid = c.oid and p.polname = 'lethe_everybody') as opened,
      exists (select from pg_policy as p where p.polrelid = c.oid and p.polname not in ('lethe_everybody', 'lethe_restriction')) as has_policies
    from lethe_private.relations_of(v_root) as r
    join pg_class as c on c.oid = r.relation and c.relkind in ('r', 'p')
    order by c.oid <> v_root, 4
  loop
    if not v_part.relrowsecurity and v_part.has_policies then
      raise exception using errcode = 'LE467',
        message = format('%s has policies, and row security is not enabled on it', v_part.name),
        hint = 'enabling it would put them in force: do so yourself, or drop them';
    end if;
    v_text := v_text || format(E'drop policy if exists lethe_restriction on %1$s;\ncreate policy lethe_restriction on %1$s as restrictive for select to public\n  using (%2$s);\n'
      'comment on policy lethe_restriction on %1$s is %3$L;\n', v_part.name, lethe_private.restriction_policy(v_managed, v_part.oid),
      lethe_private.restriction_mark(v_managed, v_part.oid));
    if v_part.opened or not v_part.relrowsecurity then
      v_text := v_text || format(E'-- There was no row security: without a policy that permits, nobody would see any row.\n'
        'drop policy if exists lethe_everybody on %1$s;\ncreate policy lethe_everybody on %1$s for all to public using (true) with check (true);\n', v_part.name);
    end if;
    v_text := v_text || format(E'alter table %s enable row level security;\n', v_part.name);
    -- Partitions have the trigger from their parent, those to come as well; inheritance children do not.
    if not v_part.is_partition then
      v_text := v_text || format(E'create or replace trigger lethe_restriction before update or delete on %1$s\n  for each row execute function lethe.refuse_restricted(%2$L);\n'
        'alter table %1$s enable always trigger lethe_restriction;\n', v_part.name, v_managed.id);
    end if;
    -- TRUNCATE of a partition fires its own trigger alone.
    v_text := v_text || format(E'create or replace trigger lethe_restriction_truncate before truncate on %1$s\n  for each statement execute function lethe.refuse_restricted_truncate(%2$L);\n'
      'alter table %1$s enable always trigger lethe_restriction_truncate;\n\n', v_part.name, v_managed.id);
  end loop;
  return v_text;
end
$$;

comment on function lethe.restriction_sql(text) is
  'The statements that hide restricted and blocked rows of a table from ordinary roles and refuse writes to them, with who passes. Raises LE102, LE467.';

-- Who passes, by name, as it is today. In a comment a name may not begin a line: that would be a statement.
create or replace function lethe_private.restriction_notes(root oid)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := lethe_private.host_name(root);
  v_owner oid := (select c.relowner from pg_class as c where c.oid = root);
  v_roles text := (
    select string_agg(quote_ident(r.rolname), ', ' order by r.rolname) from pg_roles as r
    where r.oid <> v_owner and (r.rolsuper or r.rolbypassrls or pg_has_role(r.oid, v_owner, 'usage')));
  -- A view reads as its owner, unless it says security_invoker.
  v_views text := (
    select string_agg(distinct lethe_private.host_name(v.oid), ', ' order by lethe_private.host_name(v.oid))
    from pg_depend as d
    join pg_rewrite as w on w.oid = d.objid
    join pg_class as v on v.oid = w.ev_class and v.relkind in ('v', 'm') and v.oid <> root
    join pg_roles as r on r.oid = v.relowner
    where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
      and d.refobjid in (select x.relation from lethe_private.relations_of(root) as x)
      and (v.relkind = 'm' or not coalesce(v.reloptions @> array['security_invoker=true'] or v.reloptions @> array['security_invoker=on'], false))
      and (r.rolsuper or r.rolbypassrls or pg_has_role(r.oid, v_owner, 'usage')));
begin
  return format(E'-- Restriction (GDPR Art. 18) of %1$s: for its owner to read, and to run in one transaction.\n'
    '--\n'
    '-- Rows of people whose data are restricted, or kept after an erasure only because a law says so, are hidden from\n'
    '-- reading, and UPDATE, DELETE and TRUNCATE of them are refused (LE461). To whom a row is hidden, an UPDATE that has\n'
    '-- to read it finds 0 rows. INSERT is not refused.\n'
    '--\n'
    '-- Who passes the policy, and reads them: the owner %2$s%3$s%4$s.\n'
    '-- Not FORCE ROW LEVEL SECURITY: the owner''s pg_dump would fail. A dump by a role that does not pass fails, too,\n'
    '-- rather than be incomplete.\n'
    '-- Who passes the triggers: lethe_sweeper, which honours restrictions by itself; and who may disable a trigger: the\n'
    '-- owner of the table and superusers.\n'
    '-- While the policy stands, the type of the columns it names cannot be altered: lethe.unrestriction_sql takes it off.\n\n',
    lethe_private.on_one_line(v_name), lethe_private.on_one_line(quote_ident(pg_get_userbyid(v_owner))),
    coalesce(', ' || lethe_private.on_one_line(v_roles), ''), coalesce(E';\n-- and whoever reads the views ' || lethe_private.on_one_line(v_views), ''));
end
$$;

comment on function lethe_private.restriction_notes(oid) is 'The comment that heads lethe.restriction_sql: who passes.';

-- Asked first, once a statement, whether anything is restricted at all. What has to read other rows is left to a
-- function, which may; and so is all of it where the text of a key depends on the settings of the session.
create or replace function lethe_private.restriction_policy(managed lethe.managed_tables, relation oid)
  returns text
  language sql
  stable
begin atomic
  select format(E'(select not lethe.any_restricted())\n    or not (%s)', string_agg(distinct case when p like 'exists%' or exists (
      select from lethe_private.host_columns as h
      where h.relation = restriction_policy.relation and h.name = any (lethe_private.restricting_columns(managed))
        and (h.type_name in ('bytea', 'float4', 'float8', 'interval') or h.type_schema <> 'pg_catalog' and h.type_category not in ('S', 'E')))
    then format('lethe.is_restricted_row(%s, to_jsonb(%I.*))', managed.id, c.relname) else p end, E'\n      or '))
  from pg_catalog.pg_class as c
  cross join lateral unnest(lethe_private.restricted_parts(format('%I', c.relname), managed, relation)) as p
  where c.oid = restriction_policy.relation
  group by c.relname;
end;

comment on function lethe_private.restriction_policy(lethe.managed_tables, oid) is 'The expression of the policy of lethe.restriction_sql.';

create or replace function lethe_private.restriction_mark(managed lethe.managed_tables, relation oid)
  returns text
  language sql
  stable
return 'Hides what is restricted; written by lethe.restriction_sql for links ' || left(md5(lethe_private.restriction_policy(managed, relation)), 12) || '.';

comment on function lethe_private.restriction_mark(lethe.managed_tables, oid) is
  'The comment of the policy, by which lethe.restriction_findings sees that it is what would be written today.';

create or replace function lethe.unrestriction_sql("table" text)
  returns text
  language plpgsql
  stable
  security definer  -- reads the catalogue of managed tables
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
begin
  return (
    select string_agg(x.statement, E'\n' order by lethe_private.host_name(r.relation), x.n, x.statement)
    from lethe_private.relations_of(lethe_private.host_table(v_managed.schema_name, v_managed.table_name)) as r
    cross join lateral (
      select 1, format('drop trigger %I on %s;', t.tgname, lethe_private.host_name(r.relation))
      from pg_trigger as t where t.tgrelid = r.relation and t.tgname in ('lethe_restriction', 'lethe_restriction_truncate') and t.tgparentid = 0
      union all
      select 2, format('drop policy lethe_restriction on %s;', lethe_private.host_name(r.relation))
      where exists (select from pg_policy as p where p.polrelid = r.relation and p.polname = 'lethe_restriction')
      union all
      -- As it was: lethe_everybody stands where there was no row security before. Policies that the host has made since
      -- stay in force.
      select 3, format(E'drop policy lethe_everybody on %s;', lethe_private.host_name(r.relation))
        || case when exists (select from pg_policy as o where o.polrelid = r.relation and o.polname not in ('lethe_everybody', 'lethe_restriction')) then ''
          else format(E'\nalter table %s disable row level security;', lethe_private.host_name(r.relation)) end
      where exists (select from pg_policy as p where p.polrelid = r.relation and p.polname = 'lethe_everybody')
    ) as x (n, statement));
end
$$;

comment on function lethe.unrestriction_sql(text) is
  'The statements that take off what lethe.restriction_sql put on a table; null where there is nothing. Raises LE102.';
