create or replace function lethe.set_column(
  "table" text, "column" text, category text default null, purposes text[] default null, legal_basis text default null
)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
begin
  perform lethe_private.assert_may_change(null);
  perform lethe_private.assert_columns(v_managed, array["column"]);
  if set_column.category not in ('direct identifier', 'contact', 'quasi-identifier', 'special category', 'content', 'technical', 'not personal') then
    raise exception using errcode = 'LE106',
      message = format('category %L is unknown', set_column.category),
      hint = 'one of direct identifier, contact, quasi-identifier, special category, content, technical, not personal';
  end if;
  insert into lethe.managed_columns (table_id, column_name, category, purposes, legal_basis)
  values (v_managed.id, "column", set_column.category, coalesce(set_column.purposes, '{}'), set_column.legal_basis)
  on conflict (table_id, column_name) do update
  set category = excluded.category, purposes = excluded.purposes, legal_basis = excluded.legal_basis;
end
$$;

comment on function lethe.set_column(text, text, text, text[], text) is
  'Says what a column holds, for which purposes and on which legal basis. Raises LE102, LE103, LE106, LE502.';

create or replace function lethe_private.assert_columns(managed lethe.managed_tables, columns text[])
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_name text;
begin
  foreach v_name in array coalesce(columns, '{}') loop
    if not exists (select from lethe_private.host_columns as h where h.relation = v_oid and h.name = v_name) then
      raise exception using errcode = 'LE103',
        message = format('table %s has no column %I', lethe_private.host_name(v_oid), v_name),
        hint = 'it has ' || (select string_agg(quote_ident(h.name), ', ' order by h.position) from lethe_private.host_columns as h where h.relation = v_oid);
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_columns(lethe.managed_tables, text[]) is 'Raises LE103 for the first column the table does not have.';
