-- Parts of JSON documents, by path: "phone,address.street" is the member phone and, within address, the
-- member street; eight paths of four names at the most. Each is written out, rather than taken in a loop,
-- so that the planner can open the expression up.
--
-- A path goes through objects. Where a list, or anything else, stands on its way, what it leads to could
-- be anywhere inside: there the path ends, and all of that goes.
create or replace function lethe.jsonb_cut(value jsonb, path text[])
  returns text[]
  language sql
  immutable
  parallel safe
return case
  when cardinality(path) > 1 and jsonb_typeof(value #> path[1:1]) not in ('object', 'null') then path[1:1]
  when cardinality(path) > 2 and jsonb_typeof(value #> path[1:2]) not in ('object', 'null') then path[1:2]
  when cardinality(path) > 3 and jsonb_typeof(value #> path[1:3]) not in ('object', 'null') then path[1:3]
  else path
end;

comment on function lethe.jsonb_cut(jsonb, text[]) is
  'The path, or as much of it as leads to the first thing on its way that is no object.';

create or replace function lethe.jsonb_lacks(value jsonb, path text[])
  returns boolean
  language sql
  immutable
  parallel safe
return cardinality(path) = 0 or (value #> lethe.jsonb_cut(value, path)) is null;

comment on function lethe.jsonb_lacks(jsonb, text[]) is
  'True when nothing stands at the path, nor anything on its way that is no object; true for an empty path.';

create or replace function lethe.is_jsonb_remove(value jsonb, paths text)
  returns boolean
  language sql
  immutable
  parallel safe
return jsonb_typeof(value) in ('object', 'null')
  and lethe.jsonb_lacks(value, string_to_array(split_part(paths, ',', 1), '.'))
  and lethe.jsonb_lacks(value, string_to_array(split_part(paths, ',', 2), '.'))
  and lethe.jsonb_lacks(value, string_to_array(split_part(paths, ',', 3), '.'))
  and lethe.jsonb_lacks(value, string_to_array(split_part(paths, ',', 4), '.'))
  and lethe.jsonb_lacks(value, string_to_array(split_part(paths, ',', 5), '.'))
  and lethe.jsonb_lacks(value, string_to_array(split_part(paths, ',', 6), '.'))
  and lethe.jsonb_lacks(value, string_to_array(split_part(paths, ',', 7), '.'))
  and lethe.jsonb_lacks(value, string_to_array(split_part(paths, ',', 8), '.'));

comment on function lethe.is_jsonb_remove(jsonb, text) is
  'True for an object with nothing at any of the paths, and for JSON null; null for null.';

create or replace function lethe.jsonb_remove(value jsonb, paths text)
  returns jsonb
  language sql
  immutable
  parallel safe
return case
  when jsonb_typeof(value) = 'null' then value
  when jsonb_typeof(value) <> 'object' then '{}'
  else value
    #- lethe.jsonb_cut(value, string_to_array(split_part(paths, ',', 1), '.'))
    #- lethe.jsonb_cut(value, string_to_array(split_part(paths, ',', 2), '.'))
    #- lethe.jsonb_cut(value, string_to_array(split_part(paths, ',', 3), '.'))
    #- lethe.jsonb_cut(value, string_to_array(split_part(paths, ',', 4), '.'))
    #- lethe.jsonb_cut(value, string_to_array(split_part(paths, ',', 5), '.'))
    #- lethe.jsonb_cut(value, string_to_array(split_part(paths, ',', 6), '.'))
    #- lethe.jsonb_cut(value, string_to_array(split_part(paths, ',', 7), '.'))
    #- lethe.jsonb_cut(value, string_to_array(split_part(paths, ',', 8), '.'))
end;

comment on function lethe.jsonb_remove(jsonb, text) is
  'The document without what stands at the paths; an empty object for a document that is none.';
