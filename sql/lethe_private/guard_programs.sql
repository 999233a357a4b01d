-- The columns that a held row keeps: what a rule rewrites, what holds people's data, the key, whose row it is, by
-- what it belongs to a person, and what a predicate in force asks for. Not the clocks: a person under a hold goes on
-- signing in, and what is held waits for no clock.
create or replace function lethe_private.guarded_columns(managed lethe.managed_tables, table_oid oid, holds int[])
  returns text[]
  language sql
  stable
begin atomic
  select array_agg(h.name order by h.position)
  from lethe_private.host_columns as h
  where h.relation = table_oid and (
    h.name = any (managed.key_columns)
    or h.name = managed.controller_column
    or h.name in (select r.column_name from lethe.rules as r where r.table_id = managed.id)
    or h.name in (
      select c.column_name from lethe.managed_columns as c
      where c.table_id = managed.id and coalesce(c.category, '') not in ('technical', 'not personal'))
    or exists (
      select from lethe.links as l
      where l.kind in ('own', 'share') and (l.table_id = managed.id and h.name = any (l.columns) or l.to_table_id = managed.id and h.name = any (l.to_columns)))
    or exists (
      select from lethe_private.held_conditions as c
      where c.table_id = managed.id and c.hold_id = any (guarded_columns.holds) and lethe_private.names_column(c.condition, h.name)));
end;

comment on function lethe_private.guarded_columns(lethe.managed_tables, oid, int[]) is 'The columns that guards keep as they are in a held row.';

-- A trigger is given a row without its virtual columns (PostgreSQL 18): they are null there, and a predicate or a
-- controller that is read from one would hold nothing. So they are computed from the others, as reading the table does.
create or replace function lethe_private.guarded_row_sql(parameter text, root oid)
  returns text
  language sql
  stable
begin atomic
  select case when bool_or(a.attgenerated = 'v')
    then format('select %s from (select (%s).*) as r',
      string_agg(case when a.attgenerated = 'v' then format('(%s) as %I', pg_get_expr(d.adbin, d.adrelid), a.attname) else format('r.%I', a.attname) end,
        ', ' order by a.attnum), parameter)
    else format('select (%s).*', parameter) end
  from pg_catalog.pg_attribute as a
  left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = root and a.attnum > 0 and not a.attisdropped;
end;

comment on function lethe_private.guarded_row_sql(text, oid) is 'Selects the row that a trigger was given, with its virtual columns computed.';

create or replace function lethe_private.guard_statement(managed lethe.managed_tables, root oid, holds int[], operation text)
  returns text
  language sql
  stable
begin atomic
  select format('select %s(select %s from (%s) as c)', case operation when 'UPDATE' then (
      select format('(select o from (select %1$s from (%2$s) as c) as o) operator(pg_catalog.*<>) (select n from (select %1$s from (%3$s) as c) as n) and ',
        string_agg(format('c.%I', x), ', '), lethe_private.guarded_row_sql('$1', root), lethe_private.guarded_row_sql('$2', root))
      from unnest(lethe_private.guarded_columns(managed, root, guard_statement.holds)) as x) else '' end,
    lethe_private.held_by_sql('c', managed, root, guard_statement.holds), lethe_private.guarded_row_sql('$1', root));
end;

comment on function lethe_private.guard_statement(lethe.managed_tables, oid, int[], text) is
  'Asks whether DELETE of a row ($1), or UPDATE to another ($2), is against a hold.';

create or replace function lethe_private.guards_lock_id()
  returns bigint
  language sql
  immutable
return x'4c455447'::bigint << 32;  -- "LETG"

comment on function lethe_private.guards_lock_id() is
  'The advisory lock that whoever changes the policy shares, and that is taken alone to write the programs of guards.';

-- While somebody else's change of the policy is not committed, it could not be taken into account: nothing is written
-- then, and guards find out row by row what they would have read here, until the next cycle ends.
create or replace function lethe_private.write_guards()
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- A draft that is rehearsed is rolled back, and would keep everybody from changing the policy until then.
  if exists (select from lethe_private.rehearsing as r where r.xact = pg_current_xact_id_if_assigned()) then
    return;
  end if;
  if not pg_try_advisory_xact_lock(lethe_private.guards_lock_id()) or current_setting('transaction_isolation') <> 'read committed' then
    return;
  end if;
  delete from lethe_private.guard_state;
  delete from lethe_private.guard_programs;
  delete from lethe_private.restriction_programs;
  insert into lethe_private.guard_programs (table_id, holds, relations, on_delete, on_update)
  select m.id, x.holds, array(select r.relation from lethe_private.relations_of(t.root) as r),
    lethe_private.guard_statement(m, t.root, x.holds, 'DELETE'), lethe_private.guard_statement(m, t.root, x.holds, 'UPDATE')
  from lethe.managed_tables as m
  cross join lateral (select lethe_private.host_table(m.schema_name, m.table_name) as root) as t
  cross join lateral (select array(select h from lethe_private.holds_touching(m.id) as h order by h) as holds) as x
  where x.holds <> '{}' and t.root is not null;
  if lethe.any_restricted() then
    insert into lethe_private.restriction_programs (table_id, statement)
    select m.id, lethe_private.restricted_statement(m, t.root)
    from lethe.managed_tables as m
    cross join lateral (select lethe_private.host_table(m.schema_name, m.table_name) as root) as t
    where t.root is not null;
  end if;
  -- Until the first of the holds is over; one of all controllers, where its last day ends last.
  insert into lethe_private.guard_state (valid_until)
  select coalesce(min(e.ends_at), 'infinity')
  from lethe_private.holds_in_force() as f (id)
  join lethe.holds as h on h.id = f.id and isfinite(h.ends_on)
  cross join lateral (
    select max((h.ends_on + 1)::timestamp at time zone c.time_zone) as ends_at
    from lethe.controllers as c where h.controller_id is null or c.id = h.controller_id) as e;
exception
  -- A parent that was dropped, say. Guards then refuse what they cannot tell.
  when others then
    delete from lethe_private.guard_state;
end
$$;

comment on function lethe_private.write_guards() is 'Writes beforehand what guards ask.';
