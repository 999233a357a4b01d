-- Truncation: the first characters stay and a full stop ends them (Dupont: D.). Unlike a partial mask it
-- does not tell how long the value was. A value too short to hide at least as much as it shows becomes
-- the full stop alone.
create or replace function lethe.is_truncate(value text, keep int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = '' collate "C"
  or char_length(value) <= keep + 1 and right(value, 1) = '.' collate "C";

comment on function lethe.is_truncate(text, int) is
  'True for empty text, and for at most so many characters before a full stop that ends it; null for null.';

create or replace function lethe.truncate(value text, keep int, length int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when char_length(value) > greatest(keep + 1, 2 * keep - 1) then left(value, least(keep, length - 1)) || '.'  -- nearly all of them
  when lethe.is_truncate(value, keep) then value
  when char_length(value) < 2 * keep then '.'
  else left(value, least(keep, length - 1)) || '.'
end;

comment on function lethe.truncate(text, int, int) is
  'The first characters and a full stop, within a length limit (null: none); the full stop alone when the value is shorter than twice what would be kept.';
