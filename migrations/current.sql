set local search_path = pg_catalog, pg_temp;

-- A key alone decides no more: who has it may have come since.
alter table lethe_private.replay_matches drop column if exists is_nameless;
comment on column lethe.replay_findings.how is
  'identifier: the record has an identifier of the person, under another key, or was forgotten before the backup was made. key: it has the key, and no identifier that says it is the same person. failed: it is the person''s, and could not be erased.';

-- What is looked through for what is left of a person: the schema's own words as well.
alter table lethe.request_findings drop constraint if exists place_is_known;
alter table lethe.request_findings add constraint place_is_known check (
  place in ('table', 'archive', 'jobs', 'evidence', 'materialized view', 'statistics', 'catalogue', 'not looked at', 'restore'));

-- Functions whose parameters or results change --------------------------------------------------

drop function if exists lethe.execute_requests(bigint[]);
drop function if exists lethe_private.try_to_execute(bigint);
drop function if exists lethe_private.look_through(text, text, jsonb);
drop function if exists lethe_private.not_erased(lethe.requests, text, lethe_private.reached_row[]);
drop function if exists lethe_private.fact_tuple(jsonb, text[], boolean);
drop function if exists lethe_private.folded_columns(int[]);
drop function if exists lethe_private.strange_rows(lethe_private.kept_rows[], jsonb, date);

--!include all.sql
