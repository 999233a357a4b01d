-- Lists of text: every element becomes a star, NULLs too; how many there are stays. Where even that says
-- too much, constant with {} empties the list.
create or replace function lethe.is_redact_elements(value text[])
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" <@ array['*'];

comment on function lethe.is_redact_elements(text[]) is 'True when every element is a star, and for an empty list; null for null.';

create or replace function lethe.redact_elements(value text[])
  returns text[]
  language sql
  immutable
  parallel safe
return case
  when value is null or lethe.is_redact_elements(value) then value
  else array_fill('*'::text, array[cardinality(value)])
end;

comment on function lethe.redact_elements(text[]) is 'A list of as many stars as there are elements.';
