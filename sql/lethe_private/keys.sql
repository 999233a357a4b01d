-- HMAC (RFC 2104) mixes the key with two constants, byte by byte. PostgreSQL has no exclusive-or over
-- bytea, so this is done once, when a key is made, and both results are kept.
create or replace function lethe_private.hmac_pad(key bytea, mixed_with int)
  returns bytea
  language plpgsql
  immutable
  strict
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_pad bytea := decode(repeat(lpad(to_hex(mixed_with), 2, '0'), 64), 'hex');
begin
  for i in 0 .. length(hmac_pad.key) - 1 loop
    v_pad := set_byte(v_pad, i, get_byte(hmac_pad.key, i) # mixed_with);
  end loop;
  return v_pad;
end
$$;

comment on function lethe_private.hmac_pad(bytea, int) is
  'A key of at most 64 bytes, filled with zeros and mixed with 0x36 (inner) or 0x5c (outer).';

-- gen_random_uuid draws on the server''s strong random source, and needs no extension. Four of them
-- hold 488 random bits; SHA-256 makes 256 evenly spread ones of those.
create or replace function lethe_private.new_key(controller_id int)
  returns void
  language sql
  volatile
begin atomic
  with fresh as materialized (
    select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
      || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) as key
  )
  insert into lethe_private.controller_keys (controller_id, version, inner_pad, outer_pad)
  select
    new_key.controller_id,
    1 + coalesce((select max(k.version) from lethe_private.controller_keys as k
                  where k.controller_id = new_key.controller_id), 0),
    lethe_private.hmac_pad(key, 54),
    lethe_private.hmac_pad(key, 92)
  from fresh;
end;

comment on function lethe_private.new_key(int) is 'Gives a controller its next key version.';
