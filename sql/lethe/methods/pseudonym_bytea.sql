-- Keyed pseudonym for binary values (fingerprints, tokens, hashes that others made): the mark lethe: and
-- the HMAC of the bytes, 38 bytes in all.
create or replace function lethe.is_pseudonym_bytea(value bytea)
  returns boolean
  language sql
  immutable
  parallel safe
return octet_length(value) = 38
  and substr(value, 1, 6) = '\x6c657468653a'::bytea;

comment on function lethe.is_pseudonym_bytea(bytea) is 'True for 38 bytes that begin with lethe: in ASCII; null for null.';

create or replace function lethe.pseudonym_bytea(value bytea, inner_pad bytea, outer_pad bytea)
  returns bytea
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_bytea(value) then value
  else '\x6c657468653a'::bytea || sha256(outer_pad || sha256(inner_pad || value))
end;

comment on function lethe.pseudonym_bytea(bytea, bytea, bytea) is 'The six bytes lethe: and the 32 of the value''s HMAC.';
