-- JSON documents by allow-list: of the members of an object only those named stay, so that one which is
-- added next year goes too. Eight at the most, written out as in jsonb_remove.
create or replace function lethe.is_jsonb_keep(value jsonb, keys text)
  returns boolean
  language sql
  immutable
  parallel safe
return case
  when jsonb_typeof(value) <> 'object' then false
  else value - string_to_array(keys, ',') = '{}'
end;

comment on function lethe.is_jsonb_keep(jsonb, text) is 'True for an object without other members than these; null for null.';

-- By jsonb_set, which is immutable, as jsonb_build_object is not.
create or replace function lethe.jsonb_member(value jsonb, key text)
  returns jsonb
  language sql
  immutable
  parallel safe
return case
  when key = '' then '{}'
  else coalesce(jsonb_set('{}', array[key], value -> key), '{}')
end;

comment on function lethe.jsonb_member(jsonb, text) is 'An object with one member of another one; empty when there is none.';

create or replace function lethe.jsonb_keep(value jsonb, keys text)
  returns jsonb
  language sql
  immutable
  parallel safe
return case
  when value is null then null
  when jsonb_typeof(value) <> 'object' then '{}'
  else lethe.jsonb_member(value, split_part(keys, ',', 1))
    || lethe.jsonb_member(value, split_part(keys, ',', 2))
    || lethe.jsonb_member(value, split_part(keys, ',', 3))
    || lethe.jsonb_member(value, split_part(keys, ',', 4))
    || lethe.jsonb_member(value, split_part(keys, ',', 5))
    || lethe.jsonb_member(value, split_part(keys, ',', 6))
    || lethe.jsonb_member(value, split_part(keys, ',', 7))
    || lethe.jsonb_member(value, split_part(keys, ',', 8))
end;

comment on function lethe.jsonb_keep(jsonb, text) is
  'The object with the named members alone; an empty object for a document that is none.';
