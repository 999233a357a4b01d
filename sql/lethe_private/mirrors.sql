-- The archive's tables. A mirror has the columns of its source in base types of PostgreSQL's own, so that
-- nothing in it depends on anything of the host's, and in front of them:
--
--   lethe$key          the row's key, as text
--   lethe$root         the key of the row it was moved with: its own, or its parent's
--   lethe$root_table   the table of that row
--   lethe$archived_at  one instant for all rows of a record: (root_table, root, archived_at) is its name
--   lethe$controller   whose it is
--   lethe$clocks       local days that other tables' rows gave it (aggregated clocks)
--
-- Nobody is granted anything on it. lethe_sweeper, which moves rows, has a door to each: a view that takes
-- whatever is put in and shows only the record that this very transaction is putting back.

create or replace function lethe_private.make_door(mirror lethe_private.mirrors)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if lethe_private.host_table('lethe_private', 'door_' || mirror.name) is not null then
    execute format('drop view lethe_private.%I', 'door_' || mirror.name);
  end if;
  execute format($sql$
    create view lethe_private.%I with (security_barrier) as
    select m.*
    from lethe_archive.%I as m
    where exists (
      select from lethe_private.restoring as r
      where r.xact = pg_current_xact_id_if_assigned()
        and r.root_table_id = m."lethe$root_table" and r.root = m."lethe$root" and r.archived_at = m."lethe$archived_at")$sql$,
    'door_' || mirror.name, mirror.name);
  execute format('comment on view lethe_private.%I is %L', 'door_' || mirror.name,
    'Takes what is archived; shows the one record that this transaction puts back.');
  perform lethe_private.grant_nothing(format('lethe_private.%I', 'door_' || mirror.name));
  execute format('grant select, insert on lethe_private.%I to lethe_sweeper', 'door_' || mirror.name);
end
$$;

comment on function lethe_private.make_door(lethe_private.mirrors) is 'The view through which lethe_sweeper reaches a mirror.';

-- ALTER DEFAULT PRIVILEGES of the host may have granted something to somebody as soon as it was made.
create or replace function lethe_private.grant_nothing(relation text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_role text;
begin
  for v_role in
    select distinct case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end
    from pg_class as c
    cross join aclexplode(c.relacl) as a
    where c.oid = relation::regclass and a.grantee <> c.relowner
  loop
    execute format('revoke all on %s from %s', relation, v_role);
  end loop;
end
$$;

comment on function lethe_private.grant_nothing(text) is 'Takes every right on a relation from everybody but its owner.';

create or replace function lethe_private.make_mirror(managed lethe.managed_tables, relation oid, kind text)
  returns lethe_private.mirrors
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_clock text;
begin
  -- Two controllers' cycles may come here at once.
  perform pg_advisory_xact_lock(lethe_private.mirrors_lock_id());
  select m.* into v_mirror from lethe_private.mirrors as m where m.name = lethe_private.mirror_name(managed, relation, make_mirror.kind);
  if found then
    return v_mirror;
  end if;
  insert into lethe_private.mirrors (table_id, kind, name, source)
  values (managed.id, make_mirror.kind, lethe_private.mirror_name(managed, relation, make_mirror.kind), relation)
  returning * into v_mirror;
  insert into lethe_private.mirror_columns (mirror_id, column_name, number, source_type, mirror_type, holds_value)
  select v_mirror.id, s.column_name, s.number, s.source_type, s.mirror_type, s.holds_value
  from lethe_private.mirror_shape(managed, relation, make_mirror.kind) as s;

  execute format('create table lethe_archive.%I ("lethe$key" text not null, "lethe$root" text not null, "lethe$root_table" int not null, '
      '"lethe$archived_at" timestamptz not null default now(), "lethe$controller" int not null, "lethe$clocks" jsonb, %s)',
    v_mirror.name, (
      select string_agg(format('%I %s', c.column_name, c.mirror_type), ', ' order by c.number)
      from lethe_private.mirror_columns as c where c.mirror_id = v_mirror.id));
  execute format('alter table lethe_archive.%I enable row level security', v_mirror.name);
  execute format('comment on table lethe_archive.%I is %L', v_mirror.name,
    format('%s archived from %I.%I. Out of reach: opened only by lethe.open_archive.',
      case kind when 'rows' then 'Rows' else 'Values' end, managed.schema_name, managed.table_name));
  perform lethe_private.grant_nothing(format('lethe_archive.%I', v_mirror.name));
  -- A record is found by its root. Terms end in about the order in which rows came, which is all that a BRIN
  -- index asks for, and it costs next to nothing to keep.
  execute format('create index on lethe_archive.%I ("lethe$root")', v_mirror.name);
  select string_agg(format('%I', c.column_name), ', ') into v_clock
  from lethe_private.mirror_columns as c
  where c.mirror_id = v_mirror.id and c.mirror_type ~ '^(date|timestamp)' and c.column_name in (
    select unnest(t.since) from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where r.table_id = managed.id);
  if v_clock is not null then
    execute format('create index on lethe_archive.%I using brin (%s)', v_mirror.name, v_clock);
  end if;
  perform lethe_private.make_door(v_mirror);
  return v_mirror;
end
$$;

comment on function lethe_private.make_mirror(lethe.managed_tables, oid, text) is 'Begins a mirror in the shape that its source has now.';

-- A column renamed at the source is renamed in all its mirrors. It is known by its number, as long as the
-- table itself is the same one; after a dump has been restored numbers may differ, and names hold.
create or replace function lethe_private.follow_renames(managed lethe.managed_tables, relation oid)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_change record;
  v_changed boolean;
begin
  if not exists (
    select from lethe_private.mirrors as m
    where m.table_id = managed.id and (m.source <> follow_renames.relation or exists (
      select from lethe_private.mirror_columns as c
      left join lethe_private.host_columns as h on h.relation = follow_renames.relation and h.position = c.number
      where c.mirror_id = m.id and (h.name <> c.column_name or h.name is null and exists (
        select from lethe_private.host_columns as x where x.relation = follow_renames.relation and x.name = c.column_name)))))
  then
    return;
  end if;
  perform pg_advisory_xact_lock(lethe_private.mirrors_lock_id());
  update lethe_private.mirror_columns as c
  set number = h.position
  from lethe_private.mirrors as m, lethe_private.host_columns as h
  where m.id = c.mirror_id and m.table_id = managed.id and m.source <> follow_renames.relation
    and h.relation = follow_renames.relation and h.name = c.column_name;
  -- The numbers of columns that are no longer there mean others by now.
  update lethe_private.mirror_columns as c
  set number = -c.number
  from lethe_private.mirrors as m
  where m.id = c.mirror_id and m.table_id = managed.id and m.source <> follow_renames.relation and c.number > 0
    and not exists (select from lethe_private.host_columns as h where h.relation = follow_renames.relation and h.name = c.column_name);
  update lethe_private.mirrors as m set source = follow_renames.relation
  where m.table_id = managed.id and m.source <> follow_renames.relation;

  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    v_changed := false;
    -- By way of names that nobody has, since two columns may have changed theirs with each other. A column
    -- that is gone gives its name up when another one has taken it.
    for v_change in
      select c.column_name as old_name, c.number
      from lethe_private.mirror_columns as c
      left join lethe_private.host_columns as h on h.relation = follow_renames.relation and h.position = c.number
      where c.mirror_id = v_mirror.id
        and (h.name <> c.column_name
          or h.name is null and exists (select from lethe_private.host_columns as x where x.relation = follow_renames.relation and x.name = c.column_name))
      order by c.number
    loop
      v_changed := true;
      execute format('alter table lethe_archive.%I rename column %I to %I', v_mirror.name, v_change.old_name, 'lethe$' || v_change.number);
      update lethe_private.mirror_columns as c set column_name = 'lethe$' || v_change.number
      where c.mirror_id = v_mirror.id and c.column_name = v_change.old_name;
    end loop;
    continue when not v_changed;
    for v_change in
      select c.column_name as old_name, coalesce(h.name, 'gone$' || c.number) as new_name
      from lethe_private.mirror_columns as c
      left join lethe_private.host_columns as h on h.relation = follow_renames.relation and h.position = c.number
      where c.mirror_id = v_mirror.id and c.column_name = 'lethe$' || c.number
    loop
      execute format('alter table lethe_archive.%I rename column %I to %I', v_mirror.name, v_change.old_name, v_change.new_name);
      update lethe_private.mirror_columns as c set column_name = v_change.new_name
      where c.mirror_id = v_mirror.id and c.column_name = v_change.old_name;
    end loop;
    perform lethe_private.make_door(v_mirror);
  end loop;
end
$$;

comment on function lethe_private.follow_renames(lethe.managed_tables, oid) is
  'Gives the columns of a table''s mirrors the names that they have at the source now.';

-- A table's rows go to the archive by themselves, or with those of a parent.
create or replace function lethe_private.archived_family(managed lethe.managed_tables)
  returns setof lethe.managed_tables
  language sql
  stable
begin atomic
  with recursive family as (
    select managed.id
    union
    select r.managed_id
    from family as f
    join lethe.managed_tables as m on m.id = f.id
    cross join lateral lethe_private.references_to(lethe_private.host_table(m.schema_name, m.table_name)) as r
    where r.on_purge = 'with parent'
  )
  select m.* from family as f join lethe.managed_tables as m on m.id = f.id;
end;

comment on function lethe_private.archived_family(lethe.managed_tables) is 'A table and all that is archived along with its rows.';

create or replace function lethe_private.ensure_mirrors(managed lethe.managed_tables)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_member lethe.managed_tables;
  v_member_oid oid;
  v_name text;
  v_mirror lethe_private.mirrors;
begin
  if not exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive')
    and not exists (select from lethe_private.mirrors as m where m.table_id = managed.id)
  then
    return;
  end if;
  perform lethe_private.follow_renames(managed, v_oid);
  if exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive' and r.column_name is not null)
    and not exists (select from lethe_private.mirrors as m where m.name = lethe_private.mirror_name(managed, v_oid, 'values'))
  then
    perform lethe_private.make_mirror(managed, v_oid, 'values');
  end if;
  if not exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive' and r.column_name is null) then
    return;
  end if;
  for v_member in select f.* from lethe_private.archived_family(managed) as f loop
    v_member_oid := lethe_private.host_table(v_member.schema_name, v_member.table_name);
    perform lethe_private.assert_archivable(v_member_oid);
    perform lethe_private.follow_renames(v_member, v_member_oid);
    v_name := lethe_private.mirror_name(v_member, v_member_oid, 'rows');
    select m.* into v_mirror from lethe_private.mirrors as m where m.name = v_name;
    if not found then
      v_mirror := lethe_private.make_mirror(v_member, v_member_oid, 'rows');
      -- Its rules reach what will be there, also in a cycle that is under way.
      delete from lethe_private.compiled as c where c.table_id = v_member.id;
    end if;
    insert into lethe_private.mirror_roots (mirror_id, root_table_id) values (v_mirror.id, managed.id) on conflict do nothing;
  end loop;
end
$$;

comment on function lethe_private.ensure_mirrors(lethe.managed_tables) is
  'Sees to it that whatever a table''s rules archive has a mirror that fits.';
