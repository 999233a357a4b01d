-- Policy that cannot hurt: holds and guards, minima, drafts and rehearsals, time travel, checks, formats.
--
-- For the DBA: this creates and alters objects of Lethe alone (schemas lethe and lethe_private). It reads no
-- table of yours, locks none, and adds nothing to them.

set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
set local statement_timeout = '5min';

-- Holds ----------------------------------------------------------------------------------------



-- Minima ---------------------------------------------------------------------------------------



-- Drafts ---------------------------------------------------------------------------------------



-- Checks ---------------------------------------------------------------------------------------



-- Formats --------------------------------------------------------------------------------------



-- Functions whose parameters have changed ------------------------------------------------------



-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql
