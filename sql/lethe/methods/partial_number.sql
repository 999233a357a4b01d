-- Partial masking of numbers that people write with separators (telephone, card, account): the separators
-- and a few characters at either end stay, every other character becomes a star, whether a digit or not.
-- A value too short to hide at least as much as it shows keeps nothing but its separators.
create or replace function lethe.partial_number(value text, keep_start int, keep_end int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when char_length(value) < 2 * (keep_start + keep_end) then regexp_replace(value collate "C", '[^ ().+/*-]', '*', 'g')
  else left(value, keep_start)
    || regexp_replace(substr(value, keep_start + 1, char_length(value) - keep_start - keep_end) collate "C", '[^ ().+/*-]', '*', 'g')
    || right(value, keep_end)
end;

comment on function lethe.partial_number(text, int, int) is
  'Keeps spaces, ( ) . + / - and the given number of characters at start and end; stars for the rest, or for all when the value is shorter than twice what would be kept.';

create or replace function lethe.is_partial_number(value text, keep_start int, keep_end int)
  returns boolean
  language sql
  immutable
  parallel safe
return case
  when char_length(value) < 2 * (keep_start + keep_end) then ltrim(value, '* ().+/-') = '' collate "C"
  else ltrim(substr(value, keep_start + 1, char_length(value) - keep_start - keep_end), '* ().+/-') = '' collate "C"
end;

comment on function lethe.is_partial_number(text, int, int) is
  'True when lethe.partial_number would leave the value as it is; null for null.';
