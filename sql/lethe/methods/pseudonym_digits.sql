-- Keyed pseudonym for numbers kept as text of a fixed length (SIREN, SIRET, NIR, card, telephone): 000 and
-- digits of the HMAC, as long as before. None of those numbers begins with three zeros. Numbers that are
-- padded with zeros do: use another method for them, since they would be taken for masked.
create or replace function lethe.is_pseudonym_digits(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" ~ '^(0?0?|000[0-9]*)$';

comment on function lethe.is_pseudonym_digits(text) is
  'True for digits that begin with 000, and for one or two zeros; null for null.';

create or replace function lethe.pseudonym_digits(value text, inner_pad bytea, outer_pad bytea)
  returns text
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_digits(value) then value
  else left('000' || translate(encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'), 'abcdef', '012345'), char_length(value))
end;

comment on function lethe.pseudonym_digits(text, bytea, bytea) is
  '000 and digits of the value''s HMAC: as many as the value has characters, 67 at the most.';
