create or replace function lethe.manage_table(
  "table" text,
  controller text default null,
  controller_column text default null,
  time_zone text default null,
  search_path text default null,
  key text[] default null,
  sentinels text[] default null,
  partitions text default null
)
  returns int
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_oid oid := lethe_private.resolve_table("table");
  v_controller_id int;
  v_key text[];
  v_missing text;
  v_id int;
begin
  perform lethe_private.assert_may_change(null);
  perform lethe_private.assert_manageable(v_oid);
  v_controller_id := lethe_private.table_controller(v_oid, manage_table.controller, manage_table.controller_column);
  v_key := coalesce(manage_table.key, lethe_private.usable_key(v_oid));
  if v_key is null or manage_table.key is not null and not lethe_private.identifies_rows(v_oid, manage_table.key) then
    raise exception using errcode = 'LE201',
      message = format('table %s has no usable key%s', lethe_private.host_name(v_oid), coalesce(' in ' || array_to_string(manage_table.key, ', '), '')),
      hint = 'add a primary key, or a complete unique index over columns that are NOT NULL';
  end if;
  if manage_table.time_zone is not null then
    perform lethe_private.assert_time_zone(manage_table.time_zone);
  end if;
  select string_agg(p.name, ', ') into v_missing
  from (select btrim(btrim(s), '"') as name from unnest(string_to_array(manage_table.search_path, ',')) as s) as p
  where p.name <> '$user' and p.name <> 'pg_temp' and not exists (select from pg_namespace as n where n.nspname = p.name);
  if v_missing is not null then
    raise exception using errcode = 'LE106',
      message = format('search path of %s names schema %s, which does not exist', lethe_private.host_name(v_oid), v_missing),
      hint = 'name existing schemas, separated by commas';
  end if;

  perform lethe_private.assert_partitions(v_oid, manage_table.partitions);
  -- A table that was renamed takes its archive along.
  if exists (select from lethe_private.mirrors as r where r.source = v_oid) then
    update lethe.managed_tables as m
    set schema_name = n.nspname, table_name = c.relname
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = v_oid
      and lethe_private.host_table(m.schema_name, m.table_name) is null
      and exists (select from lethe_private.mirrors as r where r.table_id = m.id and r.source = v_oid);
  end if;

  insert into lethe.managed_tables as m
    (schema_name, table_name, controller_id, controller_column, time_zone, search_path, key_columns, sentinels, partitions)
  select n.nspname, c.relname, v_controller_id, manage_table.controller_column, manage_table.time_zone,
    manage_table.search_path, v_key, lethe_private.read_days(manage_table.sentinels), coalesce(manage_table.partitions, 'delete')
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = v_oid
  on conflict (schema_name, table_name) do update
  set controller_id = excluded.controller_id, controller_column = excluded.controller_column, time_zone = excluded.time_zone,
      search_path = excluded.search_path, key_columns = excluded.key_columns, sentinels = excluded.sentinels,
      partitions = excluded.partitions
  returning m.id into v_id;
  return v_id;
end
$$;

comment on function lethe.manage_table(text, text, text, text, text, text[], text[], text) is
  'Tells Lethe of a table: whose rows it holds (one controller, or a column that says), in which zone its timestamps are, and so on. Returns its id. Raises LE101 to LE106, LE201 to LE204, LE502.';

create or replace function lethe_private.assert_partitions(relation oid, partitions text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if partitions not in ('delete', 'drop', 'detach', 'detach concurrently') then
    raise exception using errcode = 'LE106',
      message = format('partitions of %s: %L is not known', lethe_private.host_name(relation), partitions),
      hint = 'it may be delete, drop, detach or detach concurrently';
  elsif partitions <> 'delete' and (select c.relkind from pg_class as c where c.oid = relation) <> 'p' then
    raise exception using errcode = 'LE204',
      message = format('table %s is not partitioned, so it has no partition to %s', lethe_private.host_name(relation), partitions),
      hint = 'leave partitions out: its rows are deleted';
  end if;
end
$$;

comment on function lethe_private.assert_partitions(oid, text) is
  'Raises LE106 (an unknown word) or LE204 (a table without partitions).';

create or replace function lethe_private.table_controller(relation oid, controller text, controller_column text)
  returns int
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type text;
  v_reference text;
  v_collation text;
begin
  if num_nonnulls(controller, controller_column) = 0 and (select count(*) from lethe.controllers) = 1 then
    return (select c.id from lethe.controllers as c);
  elsif num_nonnulls(controller, controller_column) <> 1 then
    raise exception using errcode = 'LE203',
      message = format('table %s names %s', lethe_private.host_name(relation),
        case when controller is null then 'no controller' else 'both a controller and a controller column' end),
      hint = 'say whose rows it holds: one controller, or the column that tells';
  elsif controller is not null then
    return (lethe_private.get_controller(controller)).id;
  end if;

  select h.base_type, ' collate ' || quote_ident(n.nspname) || '.' || quote_ident(k.collname) into v_type, v_collation
  from lethe_private.host_columns as h
  join pg_attribute as a on a.attrelid = h.relation and a.attnum = h.position
  left join pg_collation as k on k.oid = a.attcollation
  left join pg_namespace as n on n.oid = k.collnamespace
  where h.relation = table_controller.relation and h.name = controller_column;
  if not found then
    raise exception using errcode = 'LE103',
      message = format('table %s has no column %I', lethe_private.host_name(relation), controller_column),
      hint = 'the controller column holds each controller''s reference';
  end if;
  for v_reference in select c.reference from lethe.controllers as c where c.reference is not null loop
    begin
      -- As lethe_sweeper: a domain of the host's runs the host's code.
      perform lethe_private.run_as_sweeper(format('select to_jsonb((%L::%s) is null), null::oid, null::tid[]', v_reference, v_type), null);
    exception when others then
      raise exception using errcode = 'LE203',
        message = format('column %I of %s is of type %s, which cannot hold controller reference %L',
        controller_column, lethe_private.host_name(relation), v_type, v_reference),
        hint = 'set the controllers'' references to values of that column';
    end;
  end loop;
  -- '1' and '01' are two references and one number.
  if (select r.facts::boolean from lethe_private.run_as_sweeper((
    select format('select to_jsonb(count(distinct x.v%s) < count(*)), null::oid, null::tid[] from (values %s) as x (v)',
      v_collation, string_agg(format('(%L::%s)', c.reference, v_type), ', '))
    from lethe.controllers as c
    where c.reference is not null
    having count(*) > 0), null) as r)
  then
    raise exception using errcode = 'LE203',
      message = format('column %I of %s, of type %s, cannot tell the references of two controllers apart',
        controller_column, lethe_private.host_name(relation), v_type),
      hint = 'a row belongs to one controller: give references that the column holds as different values';
  end if;
  return null;
end
$$;

comment on function lethe_private.table_controller(oid, text, text) is
  'The id of the one controller of a table; null where a column tells. Raises LE101, LE103, LE203.';

create or replace function lethe_private.identifies_rows(relation oid, columns text[])
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select
    from pg_catalog.pg_index as i
    where i.indrelid = relation and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null
      and (select array_agg(a.attname::text order by a.attname)
           from unnest(i.indkey::int2[]) with ordinality as k (attnum, n)
           join pg_catalog.pg_attribute as a on a.attrelid = relation and a.attnum = k.attnum and a.attnotnull
           where k.n <= i.indnkeyatts)
        = (select array_agg(c order by c) from unnest(columns) as c));
end;

comment on function lethe_private.identifies_rows(oid, text[]) is 'True when a unique index over exactly these columns, all NOT NULL, identifies every row.';

create or replace function lethe_private.read_days(days text[])
  returns date[]
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
as $$
begin
  return coalesce(days::date[], '{}');
exception when others then
  raise exception using errcode = 'LE302',
    message = 'a sentinel is not a day',
    hint = 'write it as 9999-12-31';
end
$$;

comment on function lethe_private.read_days(text[]) is 'Days written as ISO 8601. Raises LE302.';

create or replace function lethe.unmanage_table("table" text)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.assert_may_change(null);
  delete from lethe.managed_tables as m
  where format('%s.%s', m.schema_name, m.table_name) = unmanage_table."table"
     or format('%I.%I', m.schema_name, m.table_name) = unmanage_table."table";
  if not found then
    raise exception using errcode = 'LE102',
      message = format('table %s is not managed', coalesce("table", '(null)')),
      hint = 'lethe.managed_tables lists those that are';
  end if;
end
$$;

comment on function lethe.unmanage_table(text) is
  'Forgets a table with its rules, links and subject types; the table itself is not touched. Raises LE102, LE502.';
