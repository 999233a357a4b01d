-- Keyed pseudonym of the mailbox that keeps the domain, as labels of a domain that can never receive mail
-- (RFC 2606): bob@example.com becomes …@example.com.anonymized.invalid. Where the domain does not fit
-- beside 20 digits, or is none, it goes too, as with pseudonym_email. A domain may itself name a person.
create or replace function lethe.is_pseudonym_mailbox(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return octet_length(value) >= 27
  and (value collate "C" like '%.anonymized.invalid' or value collate "C" like '%@anonymized.invalid')
  and value collate "C" not like '%@%@%'
  and strpos(value collate "C", '@') between 9 and 33
  and value collate "C" ~ '^[0-9a-f]+@';

comment on function lethe.is_pseudonym_mailbox(text) is
  'True for 8 to 32 hexadecimal digits at anonymized.invalid or a domain below it; null for null.';

create or replace function lethe.pseudonym_mailbox(value text, inner_pad bytea, outer_pad bytea, length int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_mailbox(value) then value
  when value collate "C" ~ '^[^@]*@[A-Za-z0-9.-]+$'
    and coalesce(length, 2147483647) - 20 - (char_length(value) - strpos(value collate "C", '@')) >= 20
    then left(encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'), least(32, length - 20 - (char_length(value) - strpos(value collate "C", '@'))))
      || substr(value, strpos(value collate "C", '@')) || '.anonymized.invalid'
  else left(
    left(encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'), greatest(least(32, length - 19), 0)) || '@anonymized.invalid',
    least(51, length))
end;

comment on function lethe.pseudonym_mailbox(text, bytea, bytea, int) is
  '20 to 32 hexadecimal digits of the value''s HMAC at the same domain below anonymized.invalid; at anonymized.invalid itself where the value has no domain or the length limit (null: none; 27 characters at least) leaves it no room.';
