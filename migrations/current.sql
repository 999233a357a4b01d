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

-- Functions whose parameters or results change --------------------------------------------------

drop function lethe_private.own_rows_sql(text, lethe.managed_tables);

--!include all.sql
