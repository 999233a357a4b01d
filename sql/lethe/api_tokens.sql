-- Tokens of the API. A token is printed once, when it is issued; what stays is its SHA-256.

create or replace view lethe.api_tokens with (security_barrier) as
select t.id, t.name, t.role, t.controller_id, t.issued_at, t.issued_by, t.expires_at, t.last_used_at, t.revoked_at
from lethe_private.api_tokens as t
where case when t.controller_id is null then lethe_private.is_operator() else lethe_private.acts_for(t.controller_id) end;

comment on view lethe.api_tokens is
  E'@primaryKey id\n@foreignKey (controller_id) references lethe.controllers (id)\nWho may use the API, as which role, for which controller and until when. Not the tokens themselves.';
comment on column lethe.api_tokens.controller_id is 'Null: all controllers.';
comment on column lethe.api_tokens.last_used_at is 'To the minute; null: never used.';

create or replace function lethe.issue_token(
    role text, controller text default null, expires_after text default 'P90D', name text default null)
  returns text
  language plpgsql
  volatile
  security definer  -- nobody may write tokens
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller_id int;
  v_expires_at timestamptz := now() + lethe_private.parse_delay(expires_after);
  v_token text;
  v_id int;
begin
  if issue_token.controller is not null then
    v_controller_id := (lethe_private.get_controller(issue_token.controller)).id;
  end if;
  perform lethe_private.assert_may_change(v_controller_id);
  if issue_token.role is null or issue_token.role not in ('officer', 'auditor', 'analyst') then
    raise exception using errcode = 'LE106',
      message = format('%s is no role of the API', coalesce(quote_literal(issue_token.role), 'null')),
      hint = 'officer, auditor or analyst';
  end if;
  if v_expires_at > now() + interval '1 year' then
    raise exception using errcode = 'LE701',
      message = format('a token cannot live for %s', expires_after),
      hint = 'a year at the most: P30D, P6M, P1Y; issue the next one before it expires';
  end if;
  -- gen_random_uuid draws on the server's strong random source; four of them hold 488 random bits.
  v_token := 'lethe_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex');
  insert into lethe_private.api_tokens (token_hash, name, role, controller_id, expires_at)
  values (encode(sha256(convert_to(v_token, 'UTF8')), 'hex'), issue_token.name, 'lethe_' || issue_token.role, v_controller_id, v_expires_at)
  returning api_tokens.id into v_id;
  insert into lethe.policy_changes (reason, object, after)
  values ('token issued', 'api_tokens', lethe_private.token_facts(v_id));
  return v_token;
end
$$;

comment on function lethe.issue_token(text, text, text, text) is
  'A new token of the API: "lethe_" and 64 hexadecimal digits, shown this once. controller null: all of them, for operators. Raises LE101, LE106, LE301, LE502, LE701.';

create or replace function lethe.revoke_token(id int)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write tokens
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_token lethe_private.api_tokens;
  v_before jsonb;
begin
  select t.* into v_token from lethe_private.api_tokens as t where t.id = revoke_token.id for update;
  -- One of another controller is as unknown as one that never was.
  if v_token.id is null or not (case when v_token.controller_id is null then lethe_private.is_operator()
                                     else lethe_private.acts_for(v_token.controller_id) end) then
    raise exception using errcode = 'LE702',
      message = format('there is no token %s', coalesce(revoke_token.id::text, 'null')),
      hint = 'lethe token list, or select * from lethe.api_tokens, shows those there are';
  end if;
  if v_token.revoked_at is not null then
    return;
  end if;
  v_before := lethe_private.token_facts(v_token.id);
  update lethe_private.api_tokens as t set revoked_at = now() where t.id = v_token.id;
  insert into lethe.policy_changes (reason, object, before, after)
  values ('token revoked', 'api_tokens', v_before, lethe_private.token_facts(v_token.id));
end
$$;

comment on function lethe.revoke_token(int) is 'Ends a token at once. Doing it again changes nothing. Raises LE702.';

create or replace function lethe_private.token_facts(id int)
  returns jsonb
  language sql
  stable
begin atomic
  select to_jsonb(t) - array['token_hash', 'last_used_at']
  from lethe_private.api_tokens as t
  where t.id = token_facts.id;
end;

comment on function lethe_private.token_facts(int) is 'A token as the record of changes keeps it: without its hash.';

-- What `lethe serve` asks, as lethe_api, before anything else. It answers with nothing whatever the reason.
create or replace function lethe.authenticate(token_hash text)
  returns table (token_id int, role text)
  language plpgsql
  volatile
  security definer  -- nobody may read tokens
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  -- To the minute, and stepping aside for whoever notes the same: a request waits for no other.
  update lethe_private.api_tokens as t
  set last_used_at = now()
  where t.id = (
    select u.id from lethe_private.api_tokens as u
    where u.token_hash = authenticate.token_hash and u.revoked_at is null and u.expires_at > now()
      and (u.last_used_at is null or u.last_used_at < now() - interval '1 minute')
    for update skip locked);
  return query
    select t.id, t.role from lethe_private.api_tokens as t
    where t.token_hash = authenticate.token_hash and t.revoked_at is null and t.expires_at > now();
end
$$;

comment on function lethe.authenticate(text) is
  'The token with this SHA-256 (hexadecimal), if it is good, and the role it acts as. No row for any other.';
