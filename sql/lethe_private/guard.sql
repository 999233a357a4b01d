-- Guards: triggers on a host's table that refuse, to anybody, what a hold forbids. They are opt-in and made by who owns
-- the table (lethe.guard_sql). ENABLE ALWAYS, so that session_replication_role does not pass them by; AFTER each row, so
-- that they see what is really written, and so that cascades and partitions lead to them. Where no hold is in force they
-- ask one question of an empty index.
--
-- Who may disable triggers passes them: the owner of the table, superusers.
create or replace function lethe_private.is_guard(function_id oid)
  returns boolean
  language sql
  stable
return coalesce(function_id = any (array[
  to_regprocedure('lethe_private.guard_row()')::oid, to_regprocedure('lethe_private.guard_truncate()')::oid,
  to_regprocedure('lethe_private.guard_ddl()')::oid]), false);

comment on function lethe_private.is_guard(oid) is 'True for the functions of guards.';

-- The table that a guarded relation is, or is part of, whatever it is called by now. Null: it is no part of it.
create or replace function lethe_private.guarded_root(relation oid, managed lethe.managed_tables)
  returns oid
  language sql
  stable
begin atomic
  with recursive up as (
    select relation as oid
    union
    select i.inhparent from up as u join pg_catalog.pg_inherits as i on i.inhrelid = u.oid
  ), named as (
    select lethe_private.host_table(managed.schema_name, managed.table_name) as oid
  )
  select case
    when n.oid is null then (select u.oid from up as u where not exists (select from pg_catalog.pg_inherits as i where i.inhrelid = u.oid) limit 1)
    when n.oid in (select u.oid from up as u) then n.oid
  end
  from named as n;
end;

comment on function lethe_private.guarded_root(oid, lethe.managed_tables) is
  'The managed table to which a relation with a guard belongs; null when it no longer does.';

create or replace function lethe_private.assert_asking_intact()
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from pg_proc as p
    where p.oid = to_regprocedure('lethe_private.ask_of_row(text, record, record)')
      and p.prosecdef and p.provolatile = 'v' and not p.proisstrict
      and p.proowner = to_regrole('lethe_sweeper')::oid
      and p.proconfig = array['search_path=pg_catalog, pg_temp', 'row_security=off', 'bytea_output=hex', 'extra_float_digits=1', 'IntervalStyle=postgres', 'DateStyle=ISO, YMD', 'jit=off'])
  then
    raise exception using errcode = 'LE505',
      message = 'function lethe_private.ask_of_row has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
end
$$;

comment on function lethe_private.assert_asking_intact() is 'Raises LE505 when ask_of_row is not what lethe init made it.';

-- Refuses where it cannot tell, too: an error of the question would quote the row.
create or replace function lethe_private.assert_free(
  statement text, old_row record, new_row record, relation oid, what text, holds int[]
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_held boolean;
  v_state text;
begin
  perform lethe_private.assert_asking_intact();
  begin
    v_held := lethe_private.ask_of_row(statement, old_row, new_row);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
  end;
  if v_held is distinct from false then
    raise exception using errcode = 'LE406',
      message = format('%s of %s is refused: %s', what, lethe_private.host_name(relation), case
        when v_state is null then 'a row is under a legal hold' else format('whether it is under a legal hold cannot be told (SQLSTATE %s)', v_state) end),
      hint = case when v_state is null
        then format('an officer can release the hold, or say what it is: select * from lethe.list_holds(), among %s', array_to_string(holds, ', '))
        else 'lethe.missing_rights() lists what Lethe may not read; then try again' end;
  end if;
end
$$;

comment on function lethe_private.assert_free(text, record, record, oid, text, int[]) is 'Raises LE406 unless the answer is that no hold stands against it.';

-- Its argument is the id of the managed table.
create or replace function lethe_private.guard_row()
  returns trigger
  language plpgsql
  security definer  -- reads what is held, which nobody else may
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_holds int[];
  v_root oid;
  v_relations oid[];
  v_statement text;
begin
  if not exists (select from lethe.holds as h where h.released_at is null) then
    return null;
  end if;
  select g.holds, g.relations, case tg_op when 'UPDATE' then g.on_update else g.on_delete end
    into v_holds, v_relations, v_statement
  from lethe_private.guard_state as s
  left join lethe_private.guard_programs as g on g.table_id = tg_argv[0]::int
  where s.valid_until > now();
  if found and v_holds is null then
    return null;
  elsif v_holds is null or tg_relid <> all (v_relations) then
    v_holds := array(select h from lethe_private.holds_touching(tg_argv[0]::int) as h order by h);
    select m.* into v_managed from lethe.managed_tables as m where m.id = tg_argv[0]::int;
    v_root := lethe_private.guarded_root(tg_relid, v_managed);
    if v_holds = '{}' or v_root is null then
      return null;
    end if;
    v_statement := lethe_private.guard_statement(v_managed, v_root, v_holds, tg_op);
  end if;
  perform lethe_private.assert_free(v_statement, old, case when tg_op = 'UPDATE' then new else old end, tg_relid,
    case tg_op when 'UPDATE' then 'a change' else 'DELETE' end, v_holds);
  return null;
end
$$;

comment on function lethe_private.guard_row() is 'Trigger of a host''s table: refuses DELETE of held rows and changes of their guarded columns. Raises LE406.';

create or replace function lethe_private.guard_truncate()
  returns trigger
  language plpgsql
  security definer  -- reads what is held, which nobody else may
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_holds int[];
  v_root oid;
begin
  v_holds := array(select h from lethe_private.holds_touching(tg_argv[0]::int) as h order by h);
  if v_holds = '{}' then
    return null;
  end if;
  select m.* into v_managed from lethe.managed_tables as m where m.id = tg_argv[0]::int;
  v_root := lethe_private.guarded_root(tg_relid, v_managed);
  if v_root is null then
    return null;
  end if;
  perform lethe_private.assert_free(format('select exists (select from %s as c where c.tableoid = any (%L) and (%s))', lethe_private.host_name(v_root),
      case (select c.relkind from pg_class as c where c.oid = tg_relid) when 'p'
        then array(select r from lethe_private.relations_of(tg_relid) as r) else array[tg_relid] end,
      lethe_private.held_by_sql('c', v_managed, v_root, v_holds)),
    row(1), row(1), tg_relid, 'TRUNCATE', v_holds);
  return null;
end
$$;

comment on function lethe_private.guard_truncate() is 'Trigger of a host''s table: refuses a TRUNCATE that would take held rows. Raises LE406.';
