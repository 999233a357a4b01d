-- A table leaves the policy only with an empty archive.
create or replace function lethe_private.drop_empty_mirrors()
  returns trigger
  language plpgsql
  security definer  -- mirrors belong to Lethe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_found boolean;
begin
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = old.id loop
    execute format('select exists (select from lethe_archive.%I)', v_mirror.name) into v_found;
    if v_found then
      raise exception using errcode = 'LE903',
        message = format('table %I.%I has rows in the archive', old.schema_name, old.table_name),
        hint = 'manage it until their term has ended; only its own rules end it';
    end if;
    execute format('drop view lethe_private.%I', 'door_' || v_mirror.name);
    execute format('drop table lethe_archive.%I', v_mirror.name);
    delete from lethe_private.mirrors as m where m.id = v_mirror.id;
  end loop;
  return old;
end
$$;

comment on function lethe_private.drop_empty_mirrors() is
  'Trigger: a managed table takes its empty mirrors along, and stays while one is not empty (LE903).';

create or replace trigger drop_empty_mirrors before delete on lethe.managed_tables
  for each row execute function lethe_private.drop_empty_mirrors();
