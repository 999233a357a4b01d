-- Lethe's own ten methods. In the templates {value} is the column, {type} its base type, {length} its
-- length limit or null, {key} the controller's two HMAC pads, and every other word a parameter.
--
-- type_categories names base types as pg_type does, or whole categories by their letter.
insert into lethe.methods (name, mask, recogniser, type_categories, output, keeps_unique, keyed, nulls_out,
  length_min, length_min_unique, parameters, description, builtin)
values
  ('suppress',
   'null', '{value} is null',
   '{*}', 'anonymous', false, false, true, null, null, '{}',
   'Nothing is left: the value becomes null.', true),

  -- In a template {value} is the column, so the parameter called value is written {constant}. Types
  -- without an equality operator (json, xml, point) are left out: the constant could not be recognised.
  ('constant',
   '{constant}', '{value} = {constant}',
   '{A,B,D,E,I,N,S,T,uuid,jsonb,bytea}', 'anonymous', false, false, false, null, null,
   '{"value": {"type": "string", "description": "the value to put, written as text whatever the column''s type"}}',
   'One and the same value for everybody.', true),

  ('partial',
   'lethe.partial({value}, {keep_start}, {keep_end})', 'lethe.is_partial({value}, {keep_start}, {keep_end})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, false, false, null, null,
   '{"keep_start": {"type": "integer", "default": 1, "minimum": 0, "maximum": 1000, "description": "characters to keep at the start"},
     "keep_end": {"type": "integer", "default": 0, "minimum": 0, "maximum": 1000, "description": "characters to keep at the end"}}',
   'Length and a few characters stay, the rest becomes stars; too short values become stars altogether.', true),

  -- Unique from 20 digits on: 80 bits, one chance in ten thousand million for ten million values.
  ('pseudonym',
   'lethe.pseudonym({value}, {key}, {length})', 'lethe.is_pseudonym({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', true, true, false, 10, 22, '{}',
   'A word under the controller''s key: the same for the same value, telling nothing about it.', true),

  ('pseudonym_email',
   'lethe.pseudonym_email({value}, {key}, {length})', 'lethe.is_pseudonym_email({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', true, true, false, 27, 39, '{}',
   'An undeliverable e-mail address under the controller''s key, one for each value.', true),

  ('pseudonym_uuid',
   'lethe.pseudonym_uuid({value}, {key})', 'lethe.is_pseudonym_uuid({value})',
   '{uuid}', 'pseudonymous', true, true, false, null, null, '{}',
   'A version 8 uuid under the controller''s key, one for each value.', true),

  ('generalize_date',
   'lethe.generalize_date({value}, {to}, {width})', 'lethe.is_generalize_date({value}, {to}, {width})',
   '{date,timestamp,timestamptz}', 'anonymous', false, false, false, null, null,
   '{"to": {"type": "string", "enum": ["month", "year", "age_band"], "default": "year", "description": "what is left of the date"},
     "width": {"type": "integer", "default": 10, "minimum": 1, "maximum": 1000, "description": "years in an age band"}}',
   'The first day of the month, the year or the band of years.', true),

  ('generalize_number',
   'lethe.generalize_number({value}, {width})', 'lethe.is_generalize_number({value}, {width})',
   '{int2,int4,int8,numeric,float4,float8}', 'anonymous', false, false, false, null, null,
   '{"width": {"type": "integer", "default": 10, "minimum": 1, "maximum": 2147483647, "description": "width of a range"}}',
   'The edge, towards zero, of the range the number lies in.', true),

  -- Never less than half of a version 6 address goes, nor less than the last bit of a version 4 one.
  ('generalize_ip',
   'lethe.generalize_ip({value}, {v4}, {v6})', 'lethe.is_generalize_ip({value}, {v4}, {v6})',
   '{inet,cidr,text,varchar,bpchar,citext}', 'anonymous', false, false, false, 15, 15,
   '{"v4": {"type": "integer", "default": 24, "minimum": 0, "maximum": 31, "description": "bits of a version 4 address to keep"},
     "v6": {"type": "integer", "default": 48, "minimum": 0, "maximum": 64, "description": "bits of a version 6 address to keep"}}',
   'The network the address lies in.', true),

  ('scrub',
   'lethe.scrub({value}, {length})', 'lethe.is_scrub({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, false, false, null, null, '{}',
   'Free text without e-mail addresses and without numbers.', true)
on conflict (name) do update
set mask = excluded.mask,
    recogniser = excluded.recogniser,
    type_categories = excluded.type_categories,
    output = excluded.output,
    keeps_unique = excluded.keeps_unique,
    keyed = excluded.keyed,
    nulls_out = excluded.nulls_out,
    length_min = excluded.length_min,
    length_min_unique = excluded.length_min_unique,
    parameters = excluded.parameters,
    description = excluded.description,
    builtin = excluded.builtin;
