-- Archive, aggregated clocks, partitions, sealed evidence, more methods, a first API.
--
-- For the DBA: this creates and alters objects of Lethe alone (schemas lethe, lethe_private, lethe_archive and
-- lethe_stats). It reads no table of yours, locks none, and adds nothing to them.

set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
set local statement_timeout = '5min';

-- Archive --------------------------------------------------------------------------------------

-- Aggregated clocks ----------------------------------------------------------------------------

-- Partitions -----------------------------------------------------------------------------------

-- Evidence -------------------------------------------------------------------------------------

-- Methods --------------------------------------------------------------------------------------

-- API ------------------------------------------------------------------------------------------

-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql
