-- Keyed pseudonym for uuid columns: a version 8 uuid (RFC 9562: "vendor specific"), so that no uuid drawn
-- at random (version 4) or from a clock (1, 6, 7) is ever taken for one. The two middle groups are the
-- mark; 96 bits of the HMAC stand around them.
create or replace function lethe.is_pseudonym_uuid(value uuid)
  returns boolean
  language sql
  immutable
  parallel safe
return substr(value::text, 15, 9) = '8e7e-8e7e' collate "C";

comment on function lethe.is_pseudonym_uuid(uuid) is
  'True for a uuid of the form ********-****-8e7e-8e7e-************; null for null.';

create or replace function lethe.pseudonym_uuid(value uuid, inner_pad bytea, outer_pad bytea)
  returns uuid
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_uuid(value) then value
  else overlay(left(encode(lethe.keyed_hash(value::text, inner_pad, outer_pad), 'hex'), 32) placing '8e7e8e7e' from 13 for 8)::uuid
end;

comment on function lethe.pseudonym_uuid(uuid, bytea, bytea) is
  'A version 8 uuid made of 96 bits of the value''s HMAC and a mark in its two middle groups.';
