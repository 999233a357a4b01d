-- Rows whose controller column names no controller belong to nobody's cycle: nothing is ever done to them.
create or replace function lethe.ownerless_rows()
  returns table (table_name text, ownerless_rows bigint)
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables;
  v_oid oid;
  v_owned text;
  v_rows bigint;
begin
  for v_managed in
    select m.* from lethe.managed_tables as m where m.controller_column is not null order by m.schema_name, m.table_name
  loop
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    continue when v_oid is null;
    select string_agg(lethe_private.controller_sql('c', v_managed, v_oid, c), ' or ') into v_owned
    from lethe.controllers as c where c.reference is not null;
    v_rows := lethe_private.count_as_sweeper(format('select to_jsonb(count(*)) from %s as c where (%s) is not true',
      lethe_private.host_name(v_oid), coalesce(v_owned, 'false')), v_managed)::bigint;
    if v_rows > 0 then
      return query select lethe_private.host_name(v_oid), v_rows;
    end if;
  end loop;
end
$$;

comment on function lethe.ownerless_rows() is
  'Rows that no controller''s cycle ever reaches, per table. Reads the tables whole.';
