-- A hold that has been placed holds. Batches under way are waited for; later ones see it.
create or replace function lethe_private.wait_for_batches()
  returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(lethe_private.holds_lock_id());
  return null;
end
$$;

comment on function lethe_private.wait_for_batches() is 'Trigger: no batch runs while holds change.';

-- Not where its reason is forgotten: that holds nothing and lets nothing go.
create or replace trigger wait_for_batches
  before insert or delete or update of controller_id, ends_on, released_at, kind, subject, table_id, request_id on lethe.holds
  for each statement execute function lethe_private.wait_for_batches();
create or replace trigger wait_for_batches before insert or update or delete on lethe_private.held_keys
  for each statement execute function lethe_private.wait_for_batches();
create or replace trigger wait_for_batches before insert or update or delete on lethe_private.held_conditions
  for each statement execute function lethe_private.wait_for_batches();
