-- The only way into the archive: for an officer, with a reason, recorded. A record is a row that was archived
-- with all that was archived along with it, and the values archived of it.
--
--   select * from lethe.open_archive('tax audit 2026', 'shop.invoices', '4711');
--   select * from lethe.open_archive('archived by mistake', 'shop.invoices', '4711', restore => true, exempt_until => '2027-03-31');
create or replace function lethe.open_archive(
  reason text,
  "table" text,
  key text,
  restore boolean default false,
  exempt_until date default null,
  archived_at timestamptz default null
)
  returns table (table_name text, row_key text, moved_at timestamptz, content jsonb)
  language plpgsql
  volatile
  security definer  -- nobody but the engine reads the archive
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers;
  v_opening lethe.archive_openings;
  v_rows jsonb;
begin
  if coalesce(open_archive.reason, '') !~ '\S' then
    raise exception using errcode = 'LE901',
      message = format('no reason is given for opening the archive of %s', lethe_private.plain_name(v_managed)),
      hint = 'say why; the reason is recorded';
  end if;
  perform lethe_private.follow_renames(f, lethe_private.host_table(f.schema_name, f.table_name)) from lethe_private.archived_family(v_managed) as f;
  v_controller := lethe_private.find_record(v_managed, open_archive.key, open_archive.archived_at, restore);
  v_rows := lethe_private.read_record();

  insert into lethe.archive_openings (controller_id, table_name, key_hash, key_version, reason, restored, exempt_until, rows_opened)
  select v_controller.id, lethe_private.plain_name(v_managed), encode(lethe.keyed_hash(open_archive.key, k.inner_pad, k.outer_pad), 'hex'), k.version,
    open_archive.reason, restore, case when restore then lethe_private.assert_exemption(v_controller, open_archive.exempt_until) end,
    (select jsonb_object_agg(c.name, c.rows) from (
      select r ->> 'table_name' as name, count(*) as rows from jsonb_array_elements(v_rows) as r group by 1) as c)
  from lethe_private.controller_keys as k
  where k.controller_id = v_controller.id
  order by k.version desc
  limit 1
  returning * into v_opening;
  -- A transaction that is rolled back takes its record along; the server's log does not.
  raise log 'lethe: the archive of % was opened by %, key hash %', v_opening.table_name, session_user, v_opening.key_hash;
  if restore then
    perform lethe_private.restore_record(v_opening);
  end if;
  delete from lethe_private.restoring as r where r.xact = pg_current_xact_id();
  return query
    select r ->> 'table_name', r ->> 'key', (r ->> 'archived_at')::timestamptz, r -> 'content'
    from jsonb_array_elements(v_rows) with ordinality as x (r, n)
    order by x.n;
end
$$;

comment on function lethe.open_archive(text, text, text, boolean, date, timestamptz) is
  'Shows one archived record, or puts it back whole and leaves it alone until a day (default: 30 days on). Recorded in lethe.archive_openings. Raises LE102, LE409, LE445, LE501, LE502, LE901, LE902, LE904.';

-- Names the record in lethe_private.restoring, so that all that follows speaks of this one, and locks it.
create or replace function lethe_private.find_record(managed lethe.managed_tables, key text, archived_at timestamptz, only_one boolean)
  returns lethe.controllers
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_records int;
  v_controllers int[];
  v_found int[];
  v_times timestamptz[];
  v_all_times timestamptz[];
begin
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id order by m.kind, m.id loop
    execute format($sql$
      with found as (
        select m."lethe$archived_at" as at, m."lethe$controller" as controller_id
        from lethe_archive.%I as m
        where m."lethe$root_table" = $1 and m."lethe$root" = $2 and ($3 is null or m."lethe$archived_at" = $3)
        %s
      ), named as (
        insert into lethe_private.restoring (root_table_id, root, archived_at)
        select distinct $1, $2, f.at from found as f where lethe_private.acts_for(f.controller_id)
        on conflict do nothing
      )
      select array_agg(distinct f.controller_id), array_agg(distinct f.at) filter (where lethe_private.acts_for(f.controller_id)) from found as f$sql$,
      v_mirror.name, case when only_one then 'for update' else '' end)
      into v_found, v_times using managed.id, key, archived_at;
    v_controllers := v_controllers || v_found;
    v_all_times := v_all_times || v_times;
  end loop;
  select count(distinct t) into v_records from unnest(v_all_times) as t;
  if v_controllers is null then
    raise exception using errcode = 'LE901',
      message = format('no record of %s with this key is in the archive', lethe_private.plain_name(managed)),
      hint = 'the key is written as one text; a key of several columns as a JSON array: ["a", 1]';
  elsif only_one and v_records > 1 then
    raise exception using errcode = 'LE901',
      message = format('%s records or values of %s with this key are in the archive, of different times', v_records, lethe_private.plain_name(managed)),
      hint = 'open it without restoring, and name the one: archived_at => …';
  end if;
  if v_records = 0 then
    perform lethe_private.assert_may_change(v_controllers[1]);
  end if;
  return (select c from lethe.controllers as c where c.id = any (v_controllers) and lethe_private.acts_for(c.id) order by c.id limit 1);
end
$$;

comment on function lethe_private.find_record(lethe.managed_tables, text, timestamptz, boolean) is
  'Finds and locks what is archived under a key; returns whose it is. Raises LE502 (another controller''s), LE901.';

create or replace function lethe_private.read_record()
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror record;
  v_rows jsonb;
  v_all jsonb := '[]';
begin
  for v_mirror in select * from lethe_private.mirrors_of_record() loop
    execute format($sql$
      select jsonb_agg(jsonb_build_object('table_name', %L, 'key', m."lethe$key", 'archived_at', m."lethe$archived_at",
        'content', to_jsonb(m.*) - array['lethe$key', 'lethe$root', 'lethe$root_table', 'lethe$archived_at', 'lethe$controller', 'lethe$clocks'])
        order by m."lethe$archived_at", m."lethe$key")
      from lethe_private.%I as m$sql$, v_mirror.table_name || case v_mirror.kind when 'values' then ' (values)' else '' end, 'door_' || v_mirror.name)
      into v_rows;
    v_all := v_all || coalesce(v_rows, '[]');
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.read_record() is 'All rows of the record that this transaction has named.';

-- Parents before their children, single values last.
create or replace function lethe_private.mirrors_of_record()
  returns table (id int, name text, kind text, table_id int, table_name text)
  language sql
  stable
begin atomic
  with recursive family as (
    select r.root_table_id as id, 0 as depth
    from lethe_private.restoring as r
    where r.xact = pg_current_xact_id()
    union
    select l.table_id, f.depth + 1
    from family as f
    join lethe.links as l on l.to_table_id = f.id and l.on_purge = 'with parent'
    where f.depth < 50
  )
  select m.id, m.name, m.kind, t.id, lethe_private.plain_name(t)
  from lethe_private.mirrors as m
  join lethe.managed_tables as t on t.id = m.table_id
  where m.id in (select x.mirror_id from lethe_private.mirror_roots as x
                 join lethe_private.restoring as r on r.root_table_id = x.root_table_id and r.xact = pg_current_xact_id())
     or m.kind = 'values' and m.table_id in (select r.root_table_id from lethe_private.restoring as r where r.xact = pg_current_xact_id())
  order by m.kind, coalesce((select max(f.depth) from family as f where f.id = m.table_id), 100), m.id;
end;

comment on function lethe_private.mirrors_of_record() is 'The mirrors that may hold rows of the record that this transaction has named.';

create or replace function lethe_private.assert_exemption(controller lethe.controllers, until date)
  returns date
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_today date := lethe_private.today(controller.time_zone);
begin
  if until < v_today or until > v_today + 366 then
    raise exception using errcode = 'LE904',
      message = format('a record put back cannot be left alone until %s', until),
      hint = 'name a day within a year from today; from the day after it, the rules reach the record again';
  end if;
  return coalesce(until, v_today + 30);
end
$$;

comment on function lethe_private.assert_exemption(lethe.controllers, date) is
  'Until when a record that is put back is left alone; 30 days where nothing is said. Raises LE904.';
