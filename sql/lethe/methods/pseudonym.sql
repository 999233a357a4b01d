-- Keyed pseudonym: the same value under the same key always gives the same word, and nobody without the
-- key can find or confirm the value. Every character is text that any varchar or char column takes.
--
-- Regular expressions here are read under collation "C": they cost less, mean the same on every server,
-- and work on columns whose collation is nondeterministic, where PostgreSQL refuses them otherwise. The
-- number of digits is tested apart: a pattern that counts to 32 took seven times as long.
create or replace function lethe.is_pseudonym(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return octet_length(value) between 10 and 34
  and value collate "C" ~ '^p-[0-9a-f]+$';

comment on function lethe.is_pseudonym(text) is
  'True for p- and 8 to 32 hexadecimal digits; null for null.';

-- What is a pseudonym already stays, so that doing it again changes nothing.
create or replace function lethe.pseudonym(value text, inner_pad bytea, outer_pad bytea, length int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym(value) then value
  else left('p-' || encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'), least(34, length))
end;

comment on function lethe.pseudonym(text, bytea, bytea, int) is
  'p- and 32 hexadecimal digits of the value''s HMAC, or fewer to fit a length limit (null: none; 10 characters at least).';
