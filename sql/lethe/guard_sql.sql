-- What puts guards on a table, for who owns it to read and to run: lethe.guard_sql('shop.invoices') and \gexec, or
-- lethe hold guard shop.invoices --create. Lethe runs none of it by itself.
create or replace function lethe.guard_sql("table" text)
  returns table (statement text)
  language sql
  stable
  security definer  -- reads the catalogue of managed tables
  set jit = off
begin atomic
  with managed as (
    select m.id, lethe_private.host_table(m.schema_name, m.table_name) as oid
    from lethe_private.get_managed("table") as m
  ), relations as (
    select m.id, r.relation, c.relispartition as is_partition, lethe_private.host_name(r.relation) as name, r.relation <> m.oid as is_part, c.relowner
    from managed as m
    cross join lateral lethe_private.relations_of(m.oid) as r
    join pg_catalog.pg_class as c on c.oid = r.relation and c.relkind in ('r', 'p')
  )
  select s.statement
  from (
    -- Making a trigger takes the right to name its function.
    select distinct 0 as n, ''::text as name, x.statement
    from relations as r
    cross join lateral (values
      (format('grant usage on schema lethe_private to %I', pg_get_userbyid(r.relowner))),
      (format('grant execute on function lethe_private.guard_row(), lethe_private.guard_truncate() to %I', pg_get_userbyid(r.relowner)))) as x (statement)
    where not pg_has_role(r.relowner, 'lethe_owner', 'usage')
      and not (has_schema_privilege(r.relowner, 'lethe_private', 'usage') and has_function_privilege(r.relowner, 'lethe_private.guard_row()', 'execute')
        and has_function_privilege(r.relowner, 'lethe_private.guard_truncate()', 'execute'))
    union all
    -- Partitions have the row trigger from their parent, those to come as well; inheritance children do not.
    select 1 + n, r.name, x.statement
    from relations as r
    cross join lateral (values
      (1, format('create or replace trigger lethe_guard after update or delete on %s for each row execute function lethe_private.guard_row(%L)', r.name, r.id)),
      (2, format('alter table %s enable always trigger lethe_guard', r.name))) as x (n, statement)
    where not r.is_partition
    union all
    -- TRUNCATE of a partition fires its own trigger alone.
    select 10 + n, r.name, x.statement
    from relations as r
    cross join lateral (values
      (1, format('create or replace trigger lethe_guard_truncate before truncate on %s for each statement execute function lethe_private.guard_truncate(%L)', r.name, r.id)),
      (2, format('alter table %s enable always trigger lethe_guard_truncate', r.name))) as x (n, statement)
  ) as s
  order by case when s.n = 0 then 0 when s.n < 10 then 1 else 2 end, s.name, s.n;
end;

comment on function lethe.guard_sql(text) is
  'The statements that put guards on a table, its partitions and children: from then on PostgreSQL refuses DELETE, TRUNCATE and changes of held rows, to anybody. Raises LE102.';

create or replace function lethe.unguard_sql("table" text)
  returns table (statement text)
  language sql
  stable
  security definer  -- reads the catalogue of managed tables
  set jit = off
begin atomic
  select format('drop trigger %I on %s', t.tgname, lethe_private.host_name(t.tgrelid))
  from lethe_private.get_managed("table") as m
  cross join lateral lethe_private.relations_of(lethe_private.host_table(m.schema_name, m.table_name)) as r
  join pg_catalog.pg_trigger as t on t.tgrelid = r.relation and t.tgparentid = 0 and lethe_private.is_guard(t.tgfoid)
  order by 1;
end;

comment on function lethe.unguard_sql(text) is 'The statements that take the guards off a table. Raises LE102.';

create or replace function lethe.guard_ddl_sql()
  returns table (statement text)
  language sql
  stable
begin atomic
  select s.statement
  from unnest(array['start', 'end']) with ordinality as e (name, n)
  cross join lateral (values
    (1, format('create event trigger lethe_guard_%1$s on ddl_command_%1$s when tag in (''ALTER TABLE'', ''DROP TABLE'', ''DROP SCHEMA'', ''DROP OWNED'') '
        'execute function lethe_private.guard_ddl()', e.name)),
    (2, format('alter event trigger lethe_guard_%s enable always', e.name))) as s (n, statement)
  order by e.n, s.n;
end;

comment on function lethe.guard_ddl_sql() is
  'The statements with which a superuser has PostgreSQL refuse DROP and DETACH of what is under a hold. For the whole database.';
