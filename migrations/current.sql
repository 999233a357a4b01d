set local search_path = pg_catalog, pg_temp;

-- Why a hold was placed or released is an officer's free text, and stands in lethe.holds alone from now on.
delete from lethe.policy_changes as c
where c.object = 'holds' and c.before - array['reason', 'release_reason'] = c.after - array['reason', 'release_reason'];
update lethe.policy_changes as c
set before = c.before - array['reason', 'release_reason'], after = c.after - array['reason', 'release_reason']
where c.object = 'holds';

-- What a view was when something was decided on it. What is decided already is decided on the view as it is.
alter table lethe.waivers add column definition text;
comment on column lethe.waivers.definition is
  'Of which definition of the view or function the finding was waived (a hash): it is found again once that changes. Null: the finding is of something else.';
alter table lethe.managed_views add column definition text;
comment on column lethe.managed_views.definition is
  'Of which definition of the view it was decided (a hash). Figures are asked about again once that changes. Null: the view was not there.';
alter table lethe.waivers disable trigger record_change;
alter table lethe.managed_views disable trigger record_change;
with views as (
  select n.nspname, c.relname, md5(pg_get_viewdef(c.oid)) as definition
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
), waived as (
  update lethe.waivers as w set definition = v.definition from views as v where w.object = format('%I.%I', v.nspname, v.relname)
)
update lethe.managed_views as m set definition = v.definition from views as v where (m.schema_name, m.view_name) = (v.nspname, v.relname);
alter table lethe.waivers enable trigger record_change;
alter table lethe.managed_views enable trigger record_change;

-- A key alone decides no more: who has it may have come since.
alter table lethe_private.replay_matches drop column if exists is_nameless;
comment on column lethe.replay_findings.how is
  'identifier: the record has an identifier of the person, under another key, or was forgotten before the backup was made. key: it has the key, and no identifier that says it is the same person. failed: it is the person''s, and could not be erased.';

-- What is looked through for what is left of a person: the schema's own words as well.
alter table lethe.request_findings drop constraint if exists place_is_known;
alter table lethe.request_findings add constraint place_is_known check (
  place in ('table', 'archive', 'jobs', 'evidence', 'materialized view', 'statistics', 'catalogue', 'not looked at', 'restore'));

-- Functions whose parameters or results change --------------------------------------------------
drop function lethe_private.identified_sql(text[]);

drop function lethe_private.own_rows_sql(text, lethe.managed_tables);
drop function if exists lethe.execute_requests(bigint[]);
drop function if exists lethe_private.try_to_execute(bigint);
drop function if exists lethe_private.look_through(text, text, jsonb);
drop function if exists lethe_private.not_erased(lethe.requests, text, lethe_private.reached_row[]);
drop function if exists lethe_private.fact_tuple(jsonb, text[], boolean);
drop function if exists lethe_private.folded_columns(int[]);
drop function if exists lethe_private.strange_rows(lethe_private.kept_rows[], jsonb, date);
drop function lethe_private.identified_sql(text[]);

--!include all.sql
