-- Partial masking: the length and a few characters at either end stay, the rest becomes stars. A value
-- too short to hide at least as much as it shows becomes stars altogether.
create or replace function lethe.partial(value text, keep_start int, keep_end int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when char_length(value) < 2 * (keep_start + keep_end) then repeat('*', char_length(value))
  when keep_end = 0 then left(value, keep_start) || repeat('*', char_length(value) - keep_start)  -- decided once a statement
  else left(value, keep_start)
    || repeat('*', char_length(value) - keep_start - keep_end)
    || right(value, keep_end)
end;

comment on function lethe.partial(text, int, int) is
  'Keeps the length and the given number of characters at start and end; stars for the rest, or for all when the value is shorter than twice what would be kept.';

-- Looks at what should be stars rather than building the masked value: at a third of the cost. Which branch
-- it takes for keep_end = 0 is decided once a statement. Compared
-- byte by byte: under a nondeterministic collation a few characters equal nothing at all.
create or replace function lethe.is_partial(value text, keep_start int, keep_end int)
  returns boolean
  language sql
  immutable
  parallel safe
return case
  when keep_end = 0 then ltrim(substr(value, keep_start + 1), '*') = '' collate "C"
    and (char_length(value) >= 2 * keep_start or ltrim(value, '*') = '' collate "C")
  when char_length(value) < 2 * (keep_start + keep_end) then ltrim(value, '*') = '' collate "C"
  else ltrim(substr(value, keep_start + 1, char_length(value) - keep_start - keep_end), '*') = '' collate "C"
end;

comment on function lethe.is_partial(text, int, int) is
  'True when lethe.partial would leave the value as it is; null for null.';
