-- Scrubbing of free text: what looks like an e-mail address and every run of digits (telephone, account,
-- house and card numbers; separators inside a run go with it) is replaced by a word. Names stay, which
-- is why its output counts as pseudonymous. Digits of other scripts count as digits.
create or replace function lethe.is_scrub(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" !~ '[0-9@\uFF20\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19]';

comment on function lethe.is_scrub(text) is
  'True for text without a digit and without an at sign; null for null.';

-- The words are longer than what they stand for may be: cut to the column's limit, and even a word cut
-- in two holds neither digit nor at sign.
create or replace function lethe.scrub(value text, length int default null)
  returns text
  language sql
  immutable
  parallel safe
return left(
  regexp_replace(
    regexp_replace(value collate "C", '\S*[@\uFF20]\S*', '[email]', 'g'),
    '[0-9\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19]([0-9\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19 ().+/-]*[0-9\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19])?',
    '[number]', 'g'),
  coalesce(length, 2147483647));

comment on function lethe.scrub(text, int) is
  'Replaces each word with an at sign by [email] and each run of digits by [number], cut to a length limit (null: none).';
