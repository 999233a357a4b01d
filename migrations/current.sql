-- Policy that cannot hurt: holds and guards, minima, drafts and rehearsals, time travel, checks, formats.
--
-- For the DBA: this creates and alters objects of Lethe alone (schemas lethe and lethe_private). It reads no
-- table of yours, locks none, and adds nothing to them.

set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
set local statement_timeout = '5min';

-- Holds ----------------------------------------------------------------------------------------



-- Minima ---------------------------------------------------------------------------------------

-- A statutory minimum is a rule that takes nothing away, and only keeps: its terms lengthen those of the other rules.
alter table lethe.rules
  drop constraint action_is_known,
  drop constraint rows_are_archived_or_purged,
  add constraint action_is_known check (action in ('anonymize', 'archive', 'purge', 'minimum')),
  add constraint rows_are_not_anonymized check (column_name is not null or action <> 'anonymize');

comment on table lethe.rules is
  'What happens to a column (or, where column_name is null, to the whole row) of a managed table: anonymize, archive, purge; or minimum, how long a law has it kept whatever the others say. When is said by its terms.';
comment on table lethe.terms is
  'One purpose''s term of a rule. A value is due when the last term that applies to it has expired, and every minimum. A controller''s own term replaces the default of the same purpose; a minimum is replaced by nothing.';
comment on column lethe.terms.purpose is 'What the data serves while the term runs; of a minimum, the law that demands it.';


-- Drafts ---------------------------------------------------------------------------------------



-- Checks ---------------------------------------------------------------------------------------



-- Formats --------------------------------------------------------------------------------------



-- Functions whose parameters have changed ------------------------------------------------------



-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql
