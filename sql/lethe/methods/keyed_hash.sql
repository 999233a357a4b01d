-- HMAC-SHA-256 (RFC 2104) without an extension: the caller hands over the key already mixed with the
-- two constants, 64 bytes each. Doubling the backslashes turns the text into its own bytes by a cast
-- that is immutable; convert_to is only stable and could not serve an index.
create or replace function lethe.keyed_hash(value text, inner_pad bytea, outer_pad bytea)
  returns bytea
  language sql
  immutable
  parallel safe
return sha256(outer_pad || sha256(inner_pad || replace(value collate "C", '\', '\\')::bytea));

comment on function lethe.keyed_hash(text, bytea, bytea) is
  'HMAC-SHA-256 of a text in the database''s encoding. The key comes as its inner and outer pad (key xor 0x3636..., key xor 0x5c5c...), 64 bytes each.';
