set local search_path = pg_catalog, pg_temp;

-- Why a hold was placed or released is an officer's free text, and stands in lethe.holds alone from now on.
delete from lethe.policy_changes as c
where c.object = 'holds' and c.before - array['reason', 'release_reason'] = c.after - array['reason', 'release_reason'];
update lethe.policy_changes as c
set before = c.before - array['reason', 'release_reason'], after = c.after - array['reason', 'release_reason']
where c.object = 'holds';

-- Functions whose parameters or results change --------------------------------------------------

drop function lethe_private.own_rows_sql(text, lethe.managed_tables);

--!include all.sql
