-- Every row of the policy that changes is recorded whole, before and after. The rows hold names and
-- delays, nobody's data. Why a hold was placed or released is what an officer wrote, of people it may be: that stands in
-- lethe.holds alone, which forgets it in its time.
create or replace function lethe_private.record_change()
  returns trigger
  language plpgsql
  security definer  -- nobody may write lethe.policy_changes
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rehearsing boolean := exists (select from lethe_private.rehearsing as r where r.xact = pg_current_xact_id());
  v_untold text[] := case when tg_table_name = 'holds' then array['reason', 'release_reason'] else '{}' end;
  v_before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - v_untold end;
  v_after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - v_untold end;
begin
  if v_before = v_after then
    return null;
  end if;
  insert into lethe.policy_changes (by, reason, object, before, after)
  values (session_user, case when tg_table_name <> 'holds' then nullif(current_setting('lethe.reason', true), '') end, tg_table_name,
    v_before, v_after);
  -- What is tried and rolled back is no policy: guards, batches under way and whoever places a hold are let be.
  if v_rehearsing then
    return null;
  end if;
  -- What guards ask may be another question now.
  perform pg_advisory_xact_lock_shared(lethe_private.guards_lock_id());
  delete from lethe_private.guard_state;
  -- An open cycle goes on under the policy as it is now. This waits for batches under way.
  if tg_table_name not in ('memberships', 'managed_columns', 'column_formats', 'subject_types', 'holds', 'waivers', 'managed_views') then
    delete from lethe_private.compiled;
  end if;
  return null;
end
$$;

comment on function lethe_private.record_change() is
  'Trigger: keeps who changed which part of the policy, when and why (of a hold: not why), and has open cycles compiled anew.';

create or replace trigger record_change after insert or update or delete on lethe.controllers for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.memberships for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.managed_tables for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.managed_columns for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.column_formats for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.subject_types for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.links for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.rules for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.terms for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.settings for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.holds for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.managed_views for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.waivers for each row execute function lethe_private.record_change();
