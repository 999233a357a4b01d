-- The shape of a value: digits become 0, letters X or x, whatever lies outside ASCII becomes x, the rest
-- stays (AB-123-cd: XX-000-xx), so that a check on the format still holds. With a few characters kept at
-- the start it is how postal codes are generalized (75011: 75000, SW1A 1AA: SW0X 0XX): by form, since a
-- row does not tell its country. What is not longer than the part to keep keeps nothing.
create or replace function lethe.is_shape(value text, keep int)
  returns boolean
  language sql
  immutable
  parallel safe
return substr(value, case when char_length(value) > keep then keep + 1 else 1 end) collate "C" !~ '[1-9A-WYZa-wyz]|[^\u0001-\u007F]';

comment on function lethe.is_shape(text, int) is
  'True when after the kept characters there are no digits but 0, no letters but X and x and nothing outside ASCII; null for null.';

create or replace function lethe.shape(value text, keep int)
  returns text
  language sql
  immutable
  parallel safe
return left(value, case when char_length(value) > keep then keep else 0 end)
  || regexp_replace(
    translate(
      substr(value, case when char_length(value) > keep then keep + 1 else 1 end),
      '123456789ABCDEFGHIJKLMNOPQRSTUVWYZabcdefghijklmnopqrstuvwyz',
      '000000000XXXXXXXXXXXXXXXXXXXXXXXXXxxxxxxxxxxxxxxxxxxxxxxxxx') collate "C",
    '[^\u0001-\u007F]', 'x', 'g');

comment on function lethe.shape(text, int) is
  'Keeps so many characters at the start, if there are more; after them digits become 0, letters X or x, other characters outside ASCII x.';
