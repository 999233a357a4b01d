-- Encryption without an extension: HMAC-SHA-256 as a pseudorandom function in counter mode, then an HMAC over what came
-- out (encrypt, then authenticate). Each use has a key of its own, derived from the controller's by NIST SP 800-108 in
-- counter mode. Whatever is derived from begins with a zero byte, which no text can contain: so no pseudonym and no hash
-- of somebody's value is ever one of these keys.
--
-- What it protects: a copy of the table, its statistics, the log, a backup of this table alone. What it does not: the
-- whole database, where the keys are (lethe_private.controller_keys). That is why what is sealed is deleted early.
create or replace function lethe_private.hmac(content bytea, inner_pad bytea, outer_pad bytea)
  returns bytea
  language sql
  immutable
return sha256(outer_pad || sha256(inner_pad || content));

comment on function lethe_private.hmac(bytea, bytea, bytea) is 'HMAC-SHA-256 of bytes; the key comes as its two pads.';

create or replace function lethe_private.derived_key(master lethe_private.controller_keys, label text)
  returns lethe_private.controller_keys
  language sql
  immutable
begin atomic
  select master.controller_id, master.version, lethe_private.hmac_pad(k.key, 54), lethe_private.hmac_pad(k.key, 92), master.created_at
  from (select lethe_private.hmac(
      int4send(1) || decode(label, 'escape') || '\x00'::bytea || int4send(master.controller_id) || int4send(256),
      master.inner_pad, master.outer_pad) as key) as k;
end;

comment on function lethe_private.derived_key(lethe_private.controller_keys, text) is
  'The key of one use (a plain word of ASCII), derived from a controller''s key.';

create or replace function lethe_private.newest_key(controller_id int)
  returns lethe_private.controller_keys
  language sql
  stable
begin atomic
  select k from lethe_private.controller_keys as k
  where k.controller_id = newest_key.controller_id
  order by k.version desc
  limit 1;
end;

comment on function lethe_private.newest_key(int) is 'The key that a controller''s new secrets are made with.';

-- PostgreSQL has exclusive-or over bits alone. varbit_send writes the number of bits in front of them.
create or replace function lethe_private.mix(content bytea, nonce bytea, key lethe_private.controller_keys)
  returns bytea
  language sql
  immutable
begin atomic
  select substr(varbit_send(
    ('x' || encode(content, 'hex'))::varbit # ('x' || encode(substr(s.stream, 1, length(content)), 'hex'))::varbit), 5)
  from (
    select string_agg(lethe_private.hmac(nonce || int4send(i), key.inner_pad, key.outer_pad), ''::bytea order by i) as stream
    from generate_series(1, greatest((length(content) + 31) / 32, 1)) as i
  ) as s;
end;

comment on function lethe_private.mix(bytea, bytea, lethe_private.controller_keys) is
  'Content and key stream, exclusive-or: encrypts, and decrypts.';

create or replace function lethe_private.seal_text(value text, controller_id int)
  returns table (sealed bytea, key_version int)
  language sql
  volatile  -- each call draws a nonce of its own
begin atomic
  select x.head || lethe_private.hmac(x.head, x.mac_key_inner, x.mac_key_outer), x.version
  from (
    select n.nonce || lethe_private.mix(convert_to(seal_text.value, 'UTF8'), n.nonce, lethe_private.derived_key(k, 'lethe seal encrypt')) as head,
      (lethe_private.derived_key(k, 'lethe seal authenticate')).inner_pad as mac_key_inner,
      (lethe_private.derived_key(k, 'lethe seal authenticate')).outer_pad as mac_key_outer, k.version
    from lethe_private.newest_key(seal_text.controller_id) as k
    cross join (select uuid_send(gen_random_uuid()) as nonce offset 0) as n
  ) as x;
end;

comment on function lethe_private.seal_text(text, int) is
  'A text, encrypted and authenticated with the controller''s newest key: nonce (16 bytes), ciphertext, HMAC (32 bytes).';

create or replace function lethe_private.open_text(sealed bytea, controller_id int, key_version int)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_key lethe_private.controller_keys;
  v_mac lethe_private.controller_keys;
  v_head bytea := substr(sealed, 1, greatest(length(sealed) - 32, 0));
begin
  select k.* into v_key from lethe_private.controller_keys as k
  where k.controller_id = open_text.controller_id and k.version = open_text.key_version;
  v_mac := lethe_private.derived_key(v_key, 'lethe seal authenticate');
  if length(v_head) < 16 or lethe_private.hmac(v_head, v_mac.inner_pad, v_mac.outer_pad) is distinct from substr(sealed, length(v_head) + 1) then
    raise exception using errcode = 'LE441',
      message = format('something that was sealed for controller %s cannot be opened: it, or the key, has been altered', open_text.controller_id),
      hint = 'find out who altered lethe_private; a request whose identifiers are lost can be opened anew';
  end if;
  return convert_from(lethe_private.mix(substr(v_head, 17), substr(v_head, 1, 16), lethe_private.derived_key(v_key, 'lethe seal encrypt')), 'UTF8');
end
$$;

comment on function lethe_private.open_text(bytea, int, int) is 'The text that was sealed. Raises LE441.';
