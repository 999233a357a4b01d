-- The answer to a request of access or portability, kept until it is fetched: encrypted by whoever made it, with a key
-- that only the link has. The database knows a hash of the link's token, and cannot read what it keeps.
create or replace function lethe.store_package(request bigint, token_hash bytea, content bytea, media_type text, expires_at timestamptz)
  returns bigint
  language plpgsql
  volatile
  security definer  -- nobody but the engine writes packages
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(store_package.request);
  v_id bigint;
begin
  if v_request.kind not in ('access', 'portability') or v_request.state <> 'approved' then
    raise exception using errcode = 'LE463',
      message = format('request %s is one of %s, and %s', v_request.id, v_request.kind, v_request.state),
      hint = lethe_private.how_to_answer(v_request);
  elsif octet_length(store_package.token_hash) is distinct from 32 or not isfinite(store_package.expires_at)
    or store_package.expires_at <= now() or store_package.expires_at > now() + interval '90 days'
  then
    raise exception using errcode = 'LE463',
      message = format('the package of request %s cannot be kept like this', v_request.id),
      hint = 'give the SHA-256 of its token, and an end within 90 days';
  end if;
  insert into lethe_private.packages (request_id, token_hash, content, media_type, expires_at)
  values (v_request.id, store_package.token_hash, store_package.content, store_package.media_type, store_package.expires_at)
  returning id into v_id;
  insert into lethe.request_events (request_id, event, reason)
  values (v_request.id, 'package made', format('until %s', to_char(store_package.expires_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')));
  return v_id;
end
$$;

comment on function lethe.store_package(bigint, bytea, bytea, text, timestamptz) is
  'Keeps an encrypted package for at most 90 days. Raises LE114, LE463.';

-- For whoever has the link: who knows the token need be nobody else.
create or replace function lethe.fetch_package(token_hash bytea)
  returns table (request bigint, content bytea, media_type text, expires_at timestamptz)
  language plpgsql
  volatile
  security definer  -- nobody but the engine reads packages
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_package lethe_private.packages;
begin
  select p.* into v_package from lethe_private.packages as p
  where p.token_hash = fetch_package.token_hash and p.expires_at > now();
  if not found then
    raise exception using errcode = 'LE464',
      message = 'there is no package for this link, or it has expired',
      hint = 'ask for a new link';
  end if;
  insert into lethe.request_events (request_id, event) values (v_package.request_id, 'package fetched');
  return query select v_package.request_id, v_package.content, v_package.media_type, v_package.expires_at;
end
$$;

comment on function lethe.fetch_package(bytea) is 'The package of a token, by its SHA-256. Raises LE464.';

create or replace function lethe_private.how_to_answer(request lethe.requests)
  returns text
  language sql
  immutable
return case
  when request.kind not in ('access', 'portability') then 'what is kept about a person is the answer to a request of access or portability: open one'
  when request.state = 'received' then format('approve it when it is known who is asking: lethe request approve %s', request.id)
  when request.state = 'paused' then format('who is asking is doubted; once that is proved: lethe request resume %s', request.id)
  else 'it has ended: open a new one' end;

comment on function lethe_private.how_to_answer(lethe.requests) is 'The hint of LE463 where a request is not one that can be answered.';

create or replace function lethe_private.purge_packages()
  returns void
  language sql
  volatile
begin atomic
  delete from lethe_private.packages as p where p.expires_at <= now();
end;

comment on function lethe_private.purge_packages() is 'Deletes packages whose link has expired.';

create or replace function lethe_private.execute_access(request lethe.requests)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from lethe.request_events as e where e.request_id = request.id and e.event in ('package made', 'told')) then
    raise exception using errcode = 'LE463',
      message = format('request %s has not been answered', request.id),
      hint = format('lethe request package %1$s; or, where it was answered in another way, lethe request told %1$s --how TEXT (lethe.note_told)', request.id);
  end if;
end
$$;

comment on function lethe_private.execute_access(lethe.requests) is 'Ends a request of access that was answered. Raises LE463.';

create or replace function lethe_private.execute_portability(request lethe.requests)
  returns void
  language sql
  stable
begin atomic
  select lethe_private.execute_access(request);
end;

comment on function lethe_private.execute_portability(lethe.requests) is 'Ends a request of portability that was answered. Raises LE463.';
