-- Keyed pseudonym in the form of an IBAN that can never be paid to: its check digits are 00, which
-- ISO 13616 never gives out (they run from 02 to 98). The country stays; ZZ, which is none, stands for
-- what does not begin like an IBAN. The digits fall short of unique, since the length stays.
create or replace function lethe.is_pseudonym_iban(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return octet_length(value) between 15 and 34
  and value collate "C" ~ '^[A-Z][A-Z]00[0-9]+$';

comment on function lethe.is_pseudonym_iban(text) is
  'True for two capitals, 00 and digits, 15 to 34 characters in all; null for null.';

create or replace function lethe.pseudonym_iban(value text, inner_pad bytea, outer_pad bytea, length int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_iban(value) then value
  else left(
    case when value collate "C" ~ '^[A-Z][A-Z][0-9][0-9]' then left(value, 2) else 'ZZ' end || '00'
      || translate(encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'), 'abcdef', '012345'),
    least(34, length, greatest(15, char_length(replace(value collate "C", ' ', '')))))
end;

comment on function lethe.pseudonym_iban(text, bytea, bytea, int) is
  'The country of an IBAN, the impossible check digits 00 and digits of the value''s HMAC: as long as the value without its spaces, 15 to 34 characters, within a length limit.';
