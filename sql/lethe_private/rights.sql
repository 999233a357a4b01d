-- A request of the API runs as the role of its token, on a connection whose login may be anybody's, and is bound
-- to the token's controller. What binds it is the setting lethe.request: the token's hash, looked up each time
-- somebody asks. Whoever knows a good one may do what the token may, as its role, and no more; an id, or a hash
-- that is not good any more, gives nothing. While it is set the login's own memberships count for nothing.
--
-- Null: this is no request. Definer, because nobody may read the tokens.
create or replace function lethe_private.request_reaches(controller_id int)
  returns boolean
  language sql
  stable
  security definer
begin atomic
  select case when coalesce(current_setting('lethe.request', true), '') <> '' then
    pg_has_role(session_user, 'lethe_api', 'member') and exists (
      select from lethe_private.api_tokens as t
      where t.token_hash = current_setting('lethe.request', true)
        -- The role that was set: a definer function does not change this one.
        and t.role = current_setting('role')
        and t.revoked_at is null
        and t.expires_at > now()
        and (t.controller_id is null or t.controller_id = request_reaches.controller_id))
  end;
end;

comment on function lethe_private.request_reaches(int) is
  'Whether the request under way may act for the controller (null: for all of them). Null when there is no request.';

-- Inside a definer function current_user is the owner, so the question is put about session_user: the
-- login that opened the connection, which no SET ROLE changes.
create or replace function lethe_private.is_operator()
  returns boolean
  language sql
  stable
return coalesce(lethe_private.request_reaches(null), pg_has_role(session_user, 'lethe_owner', 'member'));

comment on function lethe_private.is_operator() is
  'True for superusers and members of lethe_owner, and for requests with a token for all controllers: they act for every controller.';

create or replace function lethe_private.is_worker()
  returns boolean
  language sql
  stable
return lethe_private.request_reaches(null) is null and pg_has_role(session_user, 'lethe_worker', 'member');

comment on function lethe_private.is_worker() is 'True for logins that run cycles, which are those of every controller.';

-- Definer, because row security asks it on behalf of roles that may not read lethe.memberships.
create or replace function lethe_private.acts_for(controller_id int)
  returns boolean
  language sql
  stable
  security definer
begin atomic
  select coalesce(lethe_private.request_reaches(acts_for.controller_id),
    lethe_private.is_operator()
    or exists (
      select from lethe.memberships as m
      where m.login = session_user and m.controller_id = acts_for.controller_id));
end;

comment on function lethe_private.acts_for(int) is 'True when the login, or the request under way, may act for the controller.';

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
