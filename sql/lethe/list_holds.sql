create or replace function lethe_private.may_read_predicates()
  returns boolean
  language sql
  stable
return lethe_private.is_operator() or case
  when lethe_private.request_reaches(null) is not null then current_setting('role') = 'lethe_officer'
  else pg_has_role(session_user, 'lethe_officer', 'member') end;

comment on function lethe_private.may_read_predicates() is 'True for officers and operators.';

-- The program of a table has the predicates of holds in it, those of all controllers whose rows are in the table. Each
-- is shown to the officers of its own.
create or replace function lethe_private.without_predicates(program jsonb)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold record;
  v_program text := program::text;
begin
  for v_hold in
    select c.hold_id, x.condition
    from lethe_private.held_conditions as c
    join lethe.holds as h on h.id = c.hold_id
    cross join lateral (values (c.condition), (lethe_private.archived_condition(c.condition))) as x (condition)
    where x.condition is not null
      and not (lethe_private.may_read_predicates() and lethe_private.acts_for_hold(h.controller_id))
  loop
    v_program := replace(v_program, format('(%s)', substr(to_jsonb(v_hold.condition)::text, 2, length(to_jsonb(v_hold.condition)::text) - 2)),
      format('(/* the predicate of hold %s */)', v_hold.hold_id));
  end loop;
  return v_program::jsonb;
end
$$;

comment on function lethe_private.without_predicates(jsonb) is 'A program as it is shown to somebody who may not read what holds ask for.';

-- Keys are never shown: one may be an e-mail address. Nor are predicates, but to the officers of the controller, who
-- may have written one that names a person.
create or replace function lethe.list_holds(released boolean default false)
  returns table (
    id              int,
    controller      text,
    state           text,
    kind            text,
    subject         text,
    table_name      text,
    "when"          text,
    rows_named      bigint,
    reason          text,
    author          name,
    placed_at       timestamptz,
    ends_on         date,
    released_at     timestamptz,
    released_by     name,
    release_reason  text
  )
  language sql
  stable
  security definer  -- what a hold names is nobody's to read
  set jit = off
begin atomic
  select h.id, c.name,
    case when h.released_at is not null then 'released' when h.id in (select f from lethe_private.holds_in_force() as f) then 'in force' else 'lapsed' end,
    case when h.request_id is not null then 'restriction' else h.kind end, h.subject, coalesce(lethe_private.plain_name(m), h.table_name),
    case when lethe_private.may_read_predicates() then p."when" end,
    (select nullif(count(*), 0) from lethe_private.held_keys as k where k.hold_id = h.id and (h.kind <> 'person' or k.table_id = h.table_id) and k.key is not null),
    h.reason, h.author, h.placed_at, h.ends_on, h.released_at, h.released_by, h.release_reason
  from lethe.holds as h
  left join lethe.controllers as c on c.id = h.controller_id
  left join lethe.managed_tables as m on m.id = h.table_id
  left join lethe_private.held_conditions as p on p.hold_id = h.id
  where lethe_private.acts_for_hold(h.controller_id)
    and (list_holds.released or h.released_at is null)
  order by h.id;
end;

comment on function lethe.list_holds(boolean) is
  'Holds of the controllers you act for: in force, lapsed and, if asked for, released. rows_named: how many rows a hold names by key; of a person, how many root rows. A restriction (GDPR Art. 18) is of kind restriction. The predicate is shown to officers.';

-- Now, and not when the hold was placed: rows come and go.
create or replace function lethe.held_rows(hold_id int)
  returns table (table_name text, live bigint, archived bigint)
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper, and in the archive, which nobody else reads
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_hold lethe.holds;
  v_managed lethe.managed_tables;
begin
  select h.* into v_hold from lethe.holds as h where h.id = held_rows.hold_id;
  if v_hold.id is null or v_hold.released_at is not null
    or not lethe_private.acts_for_hold(v_hold.controller_id)
  then
    raise exception using errcode = 'LE110',
      message = format('hold %s does not exist, has been released, or is of a controller you do not act for', coalesce(held_rows.hold_id::text, '(null)')),
      hint = 'select * from lethe.list_holds()';
  end if;
  for v_managed in
    select m.* from lethe.managed_tables as m
    where m.id in (
      select k.table_id from lethe_private.held_keys as k where k.hold_id = v_hold.id
      union all select c.table_id from lethe_private.held_conditions as c where c.hold_id = v_hold.id
      union all select l.table_id from lethe_private.person_links(v_hold.subject) as l)
    order by m.schema_name collate "C", m.table_name collate "C"
  loop
    table_name := lethe_private.plain_name(v_managed);
    perform lethe_private.assert_intact(v_managed);
    live := lethe_private.try_hold(v_managed, v_hold.id);
    archived := lethe_private.count_held_archived(v_managed, v_hold.id);
    return next;
  end loop;
end
$$;

comment on function lethe.held_rows(int) is
  'How many rows a hold reaches now, table by table, live and archived. Raises LE110, LE501.';

create or replace function lethe_private.count_held_archived(managed lethe.managed_tables, hold_id int)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_controller int := (select h.controller_id from lethe.holds as h where h.id = count_held_archived.hold_id);
  v_where text;
  v_facts jsonb;
  v_all bigint := 0;
begin
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    select string_agg(x.part, ' or ') into v_where
    from (
      select format('exists (select from lethe_private.held_keys as k where k.hold_id = %s and k.table_id = %s and (k.key is null or k.key = c."lethe$key"))',
        count_held_archived.hold_id, managed.id) as part
      union all
      select format('exists (select from (select c.*) as h0 where %s)',
        concat_ws(' and ', 'h0."lethe$controller" = ' || v_controller, '(' || lethe_private.archived_answer(v_mirror, p.condition) || ')'))
      from lethe_private.held_conditions as p where p.hold_id = count_held_archived.hold_id and p.table_id = managed.id
    ) as x;
    select r.facts into v_facts from lethe_private.run_on_archive(
      format('select to_jsonb(count(*)), null::oid, null::tid[] from lethe_archive.%I as c where %s', v_mirror.name, v_where)) as r;
    v_all := v_all + v_facts::bigint;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.count_held_archived(lethe.managed_tables, int) is
  'How many archived rows and values of a table a hold reaches.';
