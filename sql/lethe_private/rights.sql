-- Inside a definer function current_user is the owner, so the question is put about session_user: the
-- login that opened the connection, which no SET ROLE changes.
create or replace function lethe_private.is_operator()
  returns boolean
  language sql
  stable
return pg_has_role(session_user, 'lethe_owner', 'member');

comment on function lethe_private.is_operator() is 'True for superusers and members of lethe_owner: they act for every controller.';

-- Definer, because row security asks it on behalf of roles that may not read lethe.memberships.
create or replace function lethe_private.acts_for(controller_id int)
  returns boolean
  language sql
  stable
  security definer
begin atomic
  select lethe_private.is_operator()
    or exists (
      select from lethe.memberships as m
      where m.login = session_user and m.controller_id = acts_for.controller_id);
end;

comment on function lethe_private.acts_for(int) is 'True when the login may act for the controller.';

-- The default policy binds every controller, so changing it takes someone who acts for all of them.
create or replace function lethe_private.assert_may_change(controller_id int)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if lethe_private.is_operator() then
    return;
  end if;
  if assert_may_change.controller_id is null then
    raise exception using errcode = 'LE502',
      message = format('role %I may not change the policy of all controllers', session_user),
      hint = format('grant lethe_owner to %I; or name a controller this login is a member of', session_user);
  end if;
  if not lethe_private.acts_for(assert_may_change.controller_id) then
    raise exception using errcode = 'LE502',
      message = format('role %I may not act for this controller', session_user),
      hint = 'an operator can add it: select lethe.add_member(login, controller)';
  end if;
end
$$;

comment on function lethe_private.assert_may_change(int) is
  'Raises LE502 unless the login may change the policy of the controller (null: of all).';
