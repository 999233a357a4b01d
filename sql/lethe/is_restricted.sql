-- What the policy and the trigger of lethe.restriction_sql ask, in everybody's statements: so everybody may. Whoever
-- calls them learns of a key or of a row that he already has whether it is restricted, and nothing else.

-- Asked once a statement: where nothing is restricted no row need be asked.
create or replace function lethe.any_restricted()
  returns boolean
  language sql
  stable
  parallel safe
  security definer  -- reads what is held, which nobody else may
  set search_path = pg_catalog, pg_temp
return exists (select from lethe.holds as h where h.request_id is not null and h.released_at is null)
  or exists (select from lethe.requests as q where q.state in ('executed', 'blocked') and q.kind = 'erasure');

comment on function lethe.any_restricted() is 'Whether anybody''s data are restricted, or kept after an erasure because a law says so.';

-- table: the number of a managed table. The controller by number, or by what stands in the row for it.
create or replace function lethe.is_restricted("table" int, key text, controller int, owner text)
  returns boolean
  language plpgsql
  stable
  parallel safe
  security definer  -- reads what is held, which nobody else may
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- Three probes of an index for nearly every row; whose key it is matters only where there is one.
  if not exists (select from lethe_private.held_keys as k where k.table_id = is_restricted."table" and k.key = is_restricted.key)
    and not exists (select from lethe_private.request_roots as r where r.table_id = is_restricted."table" and r.key = is_restricted.key)
    and not exists (select from lethe_private.kept_rows as k where k.table_id = is_restricted."table" and k.key = is_restricted.key)
  then
    return false;
  end if;
  return exists (
    select
    from lethe_private.restricted_keys as h
    join lethe.controllers as c on c.id = h.controller_id
    where h.table_id = is_restricted."table" and h.key = is_restricted.key
      and (is_restricted.controller is null or c.id = is_restricted.controller)
      -- What is written otherwise than any reference is rather restricted than not.
      and (is_restricted.owner is null or c.reference = is_restricted.owner
        or not exists (select from lethe.controllers as o where o.reference = is_restricted.owner)));
end
$$;

comment on function lethe.is_restricted(int, text, int, text) is 'Whether a row is restricted by name: its table''s number, its key, whose it is.';

create or replace function lethe.is_restricted_row("table" int, facts jsonb)
  returns boolean
  language plpgsql
  stable
  security definer  -- asks as lethe_sweeper, who may read the rows between this one and its person
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_statement text;
  v_managed lethe.managed_tables;
  v_restricted boolean;
  v_state text;
begin
  if not lethe.any_restricted() then
    return false;
  end if;
  select p.statement into v_statement
  from lethe_private.restriction_programs as p
  where p.table_id = is_restricted_row."table" and exists (select from lethe_private.guard_state as s where s.valid_until > now());
  if v_statement is null then
    select m.* into v_managed from lethe.managed_tables as m where m.id = is_restricted_row."table";
    if not found then
      return false;
    end if;
    v_statement := lethe_private.restricted_statement(v_managed, lethe_private.host_table(v_managed.schema_name, v_managed.table_name));
  end if;
  perform lethe_private.assert_asking_intact();
  begin
    v_restricted := lethe_private.ask_of_row(v_statement, row(facts)::lethe_private.asked_row, row(facts)::lethe_private.asked_row);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
  end;
  if v_restricted is null then
    raise exception using errcode = 'LE461',
      message = format('whether a row of %s is restricted cannot be told (SQLSTATE %s)', (
        select lethe_private.plain_name(m) from lethe.managed_tables as m where m.id = is_restricted_row."table"), v_state),
      hint = 'lethe.missing_rights() lists what Lethe may not read; then try again';
  end if;
  return v_restricted;
end
$$;

comment on function lethe.is_restricted_row(int, jsonb) is
  'Whether a row belongs to somebody whose data are restricted: its table''s number, and the row as to_jsonb gives it. Raises LE461 where that cannot be told.';

-- Of a TRUNCATE no row is asked: so all are, which takes as long as reading the table.
create or replace function lethe.refuse_restricted_truncate()
  returns trigger
  language plpgsql
  security definer  -- asks as lethe_sweeper, who may read the rows between these and their people
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_root oid;
  v_restricted boolean;
  v_state text;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = tg_argv[0]::int;
  v_root := lethe_private.guarded_root(tg_relid, v_managed);
  if v_root is null or not lethe.any_restricted() then
    return null;
  end if;
  perform lethe_private.assert_asking_intact();
  begin
    v_restricted := lethe_private.ask_of_row(format('select exists (select from %s as c where c.tableoid = any (%L) and (%s))', lethe_private.host_name(v_root),
      array(select r from lethe_private.relations_of(tg_relid) as r), array_to_string(lethe_private.restricted_parts('c', v_managed, v_root), ' or ')),
      row(1), row(1));
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
  end;
  if v_restricted is distinct from false then
    raise exception using errcode = 'LE461',
      message = format('TRUNCATE of %s is refused: %s', lethe_private.host_name(tg_relid), case
        when v_state is null then 'there are rows of people whose data are restricted' else format('whether there are restricted rows cannot be told (SQLSTATE %s)', v_state) end),
      hint = case when v_state is null then 'select * from lethe.list_holds() shows restrictions; lethe.lift_restriction(request, reason) ends one'
        else 'lethe.missing_rights() lists what Lethe may not read; then try again' end;
  end if;
  return null;
end
$$;

comment on function lethe.refuse_restricted_truncate() is
  'Trigger of a host''s table: refuses a TRUNCATE that would take restricted rows, to everybody. Raises LE461.';

-- Not a definer: who is writing is what it asks first. The engine has its own ways to leave alone what is restricted,
-- and has to remove what was blocked on its day.
create or replace function lethe.refuse_restricted()
  returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if current_user <> 'lethe_sweeper' and lethe.is_restricted_row(tg_argv[0]::int, to_jsonb(old)) then
    raise exception using errcode = 'LE461',
      message = format('%s of a row of %I.%I is refused: the data of this person are restricted',
        case tg_op when 'UPDATE' then 'a change' else 'DELETE' end, tg_table_schema, tg_table_name),
      hint = 'select * from lethe.list_holds() shows restrictions; lethe.lift_restriction(request, reason) ends one';
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  return new;
end
$$;

comment on function lethe.refuse_restricted() is
  'Trigger of a host''s table: refuses UPDATE and DELETE of restricted rows to everybody but the engine. Raises LE461.';
