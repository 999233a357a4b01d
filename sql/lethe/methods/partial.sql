-- Partial masking: the length and a few characters at either end stay, the rest becomes stars. A value
-- too short to hide at least as much as it shows becomes stars altogether.
create or replace function lethe.partial(value text, keep_start int, keep_end int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when char_length(value) < 2 * (keep_start + keep_end) then repeat('*', char_length(value))
  else left(value, keep_start)
    || repeat('*', char_length(value) - keep_start - keep_end)
    || right(value, keep_end)
end;

comment on function lethe.partial(text, int, int) is
  'Keeps the length and the given number of characters at start and end; stars for the rest, or for all when the value is shorter than twice what would be kept.';

-- Compared byte by byte: under a case-insensitive collation "Ann" would equal "aNN".
create or replace function lethe.is_partial(value text, keep_start int, keep_end int)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" = lethe.partial(value, keep_start, keep_end);

comment on function lethe.is_partial(text, int, int) is
  'True when lethe.partial would leave the value as it is; null for null.';
