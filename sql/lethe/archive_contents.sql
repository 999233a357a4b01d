create or replace function lethe.archive_contents()
  returns table (controller text, table_name text, content text, rows bigint, first_moved_at timestamptz, last_moved_at timestamptz)
  language plpgsql
  volatile
  security definer  -- counts what nobody may read
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_mirror record;
begin
  for v_mirror in
    select m.name, m.kind, t.schema_name, t.table_name
    from lethe_private.mirrors as m
    join lethe.managed_tables as t on t.id = m.table_id
    order by t.schema_name, t.table_name, m.kind, m.id
  loop
    return query execute format($sql$
      select c.name, %L::text, %L::text, count(*), min(m."lethe$archived_at"), max(m."lethe$archived_at")
      from lethe_archive.%I as m
      join lethe.controllers as c on c.id = m."lethe$controller"
      where lethe_private.acts_for(c.id)
      group by c.name$sql$,
      format('%I.%I', v_mirror.schema_name, v_mirror.table_name), v_mirror.kind, v_mirror.name);
  end loop;
end
$$;

comment on function lethe.archive_contents() is
  'How many rows and values of each table are in the archive, for the controllers the login acts for. Counts alone.';
