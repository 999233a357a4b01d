-- Keyed pseudonym for bigint columns that hold somebody's number. It lies in the lowest quarter of the
-- type, below -2^62, where no number that was given to anybody lies, and has 62 bits of the HMAC: one
-- chance in a hundred thousand that two of ten million values meet. int has too few bits to be a pseudonym.
create or replace function lethe.is_pseudonym_number(value bigint)
  returns boolean
  language sql
  immutable
  parallel safe
return value < -4611686018427387904;

comment on function lethe.is_pseudonym_number(bigint) is 'True for a number below -2^62; null for null.';

create or replace function lethe.pseudonym_number(value bigint, inner_pad bytea, outer_pad bytea)
  returns bigint
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_number(value) then value
  else (('x' || left(encode(lethe.keyed_hash(value::text, inner_pad, outer_pad), 'hex'), 16))::bit(64)::bigint & 4611686018427387903)
    - 9223372036854775807 - 1
end;

comment on function lethe.pseudonym_number(bigint, bytea, bytea) is
  '62 bits of the value''s HMAC, counted up from the least number there is.';
