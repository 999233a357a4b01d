-- JSON documents of which only the form is to stay: every string becomes "*", every number 0; keys, true,
-- false, null and the lengths of lists stay. A key that holds a person's data stays too: use jsonb_keep.
create or replace function lethe.is_jsonb_redact(value jsonb)
  returns boolean
  language sql
  immutable
  parallel safe
return not jsonb_path_exists(value, 'strict $.** ? (@.type() == "string" && @ != "*" || @.type() == "number" && @ != 0)');

comment on function lethe.is_jsonb_redact(jsonb) is
  'True when no string of the document is anything but "*" and no number anything but 0; null for null.';

-- On the document's text, which PostgreSQL writes in one way: a key has its colon right behind it, a value
-- never; control characters are escaped, so that chr(1) can be the mark of what is to be replaced. One
-- pass leaves "key":· for keys, "· for strings and · for numbers; then the marks are read in that order.
create or replace function lethe.jsonb_redact(value jsonb)
  returns jsonb
  language sql
  immutable
  parallel safe
return case
  when lethe.is_jsonb_redact(value) then value
  else replace(replace(replace(
    regexp_replace(value::text collate "C", '("(?:[^"\\]|\\.)*":)|(")(?:[^"\\]|\\.)*"|-?[0-9][0-9.]*', '\1\2' || chr(1), 'g'),
    ':' || chr(1), ':'), '"' || chr(1), '"*"'), chr(1), '0')::jsonb
end;

comment on function lethe.jsonb_redact(jsonb) is
  'The document with "*" for every string and 0 for every number.';
