-- The schemas that Lethe's migrations fill, run before them by whoever installs. They belong to
-- lethe_owner, who therefore needs no right on the database itself.
create schema if not exists lethe authorization lethe_owner;
create schema if not exists lethe_private authorization lethe_owner;
create schema if not exists lethe_archive authorization lethe_owner;
create schema if not exists lethe_stats authorization lethe_owner;
