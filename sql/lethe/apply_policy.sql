-- A whole policy at once, or nothing. What the file does not name is taken out of the policy, except
-- controllers and memberships, whose keys and people outlive a file. The DETAIL of an error says where
-- in the file it is: "at " and a JSON pointer (RFC 6901).
create or replace function lethe.apply_policy(policy jsonb, reason text default null)
  returns table (change text, object text, before jsonb, after jsonb)
  language plpgsql
  volatile
  security definer  -- writes the catalogue and the policy as their owner, after asking who calls
  set search_path = pg_catalog, pg_temp
  set jit = off
  set plan_cache_mode = force_generic_plan  -- the same few statements for every table: planning each anew takes longer than running it
as $$
declare
  v_last bigint;
begin
  perform lethe_private.assert_may_change(null);
  select coalesce(max(c.id), 0) into v_last from lethe.policy_changes as c;
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  perform lethe_private.apply_controllers(policy);
  perform lethe_private.apply_tables(coalesce(policy -> 'tables', '{}'));
  perform lethe_private.apply_links(policy);
  perform lethe_private.apply_rules(policy, reason);
  perform lethe_private.apply_views(coalesce(policy -> 'views', '{}'));
  perform lethe_private.apply_waivers(coalesce(policy -> 'waivers', '[]'));
  perform lethe_private.write_guards();

  -- Links are laid anew each time. Those that came back as they were have not changed.
  with same as (
    select array[a.id, b.id] as ids
    from lethe.policy_changes as a
    join lethe.policy_changes as b on b.object = a.object and b.id > v_last and b.before is null and b.after - 'id' = a.before - 'id'
    where a.id > v_last and a.after is null and a.object = 'links'
  )
  delete from lethe.policy_changes as c using same as s where c.id = any (s.ids);

  return query
    select case when c.before is null then 'added' when c.after is null then 'removed' else 'changed' end,
      c.object, c.before, c.after
    from lethe.policy_changes as c
    where c.id > v_last and c.by = session_user
    order by c.id;
end
$$;

comment on function lethe.apply_policy(jsonb, text) is
  'Makes the policy what the document says, in one transaction, and lists what changed. The document is described by docs/policy.schema.json.';
