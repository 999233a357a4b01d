-- By name, when it is asked: `lethe init` keeps this ledger and makes it before any migration; Graphile Migrate
-- keeps another.
create or replace function lethe.applied_migrations()
  returns setof text
  language plpgsql
  stable
  security definer  -- the ledger is in lethe_private
  set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regclass('lethe_private.migrations') is not null then
    return query execute 'select m.filename from lethe_private.migrations as m order by m.filename';
  end if;
end
$$;

comment on function lethe.applied_migrations() is 'Which of Lethe''s migrations this database has: whether `lethe serve` is ready.';
