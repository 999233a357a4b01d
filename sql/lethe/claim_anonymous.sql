create or replace function lethe.claim_anonymous("table" text, "column" text, claimed boolean default true)
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
  insert into lethe.managed_columns as c (table_id, column_name, claim)
  values (v_managed.id, "column", case when claimed then 'anonymous' end)
  on conflict (table_id, column_name) do update set claim = excluded.claim where c.claim is distinct from excluded.claim;
end
$$;

comment on function lethe.claim_anonymous(text, text, boolean) is
  'Promises that what a column''s rules leave behind is anonymous, not merely pseudonymous; lethe.check() holds them to it. Raises LE102, LE103, LE502.';
