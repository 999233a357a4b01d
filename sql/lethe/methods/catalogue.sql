-- Lethe's own methods: those that leave a part of the value, or nothing. catalogue_pseudonyms.sql and
-- catalogue_generalizations.sql hold the others; docs/methods has a page for each, made from these rows.
--
-- In the templates {value} is the column, {type} its base type, {length} its length limit or null, {key}
-- the controller's two HMAC pads, and every other word a parameter. type_categories names base types as
-- pg_type does, or whole categories by their letter.
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
   '{A,B,D,E,I,N,R,S,T,V,uuid,jsonb,bytea,tsvector,macaddr,macaddr8}', 'anonymous', false, false, false, null, null,
   '{"value": {"type": "string", "description": "the value to put, written as text whatever the column''s type"}}',
   'One and the same value for everybody.', true),

  ('partial',
   'lethe.partial({value}, {keep_start}, {keep_end})', 'lethe.is_partial({value}, {keep_start}, {keep_end})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, false, false, null, null,
   '{"keep_start": {"type": "integer", "default": 1, "minimum": 0, "maximum": 1000, "description": "characters to keep at the start"},
     "keep_end": {"type": "integer", "default": 0, "minimum": 0, "maximum": 1000, "description": "characters to keep at the end"}}',
   'Length and a few characters stay, the rest becomes stars; too short values become stars altogether.', true),

  ('partial_email',
   'lethe.partial_email({value}, {keep_start}, {keep_domain})', 'lethe.is_partial_email({value}, {keep_start}, {keep_domain})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, false, false, null, null,
   '{"keep_start": {"type": "integer", "default": 1, "minimum": 0, "maximum": 1000, "description": "characters to keep at the start of the mailbox"},
     "keep_domain": {"type": "boolean", "default": false, "description": "keep the domain whole, so that mail could be sent to it"}}',
   'An e-mail address of which a few characters and the last label of the domain, or the domain, stay.', true),

  ('partial_number',
   'lethe.partial_number({value}, {keep_start}, {keep_end})', 'lethe.is_partial_number({value}, {keep_start}, {keep_end})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, false, false, null, null,
   '{"keep_start": {"type": "integer", "default": 2, "minimum": 0, "maximum": 1000, "description": "characters to keep at the start"},
     "keep_end": {"type": "integer", "default": 0, "minimum": 0, "maximum": 1000, "description": "characters to keep at the end"}}',
   'A telephone, card or account number of which separators and a few characters stay.', true),

  ('truncate',
   'lethe.truncate({value}, {keep}, {length})', 'lethe.is_truncate({value}, {keep})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, false, false, null, null,
   '{"keep": {"type": "integer", "default": 1, "minimum": 0, "maximum": 1000, "description": "characters to keep"}}',
   'The first characters and a full stop, whatever the length was: an initial.', true),

  ('shape',
   'lethe.shape({value}, 0)', 'lethe.is_shape({value}, 0)',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, false, false, null, null, '{}',
   'The format alone: 0 for digits, X and x for letters, punctuation as it was.', true),

  ('scrub',
   'lethe.scrub({value}, {length})', 'lethe.is_scrub({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, false, false, null, null, '{}',
   'Free text without e-mail addresses and without numbers.', true),

  ('redact_elements',
   'lethe.redact_elements({value})', 'lethe.is_redact_elements({value})',
   '{_text,_varchar}', 'anonymous', false, false, false, null, null, '{}',
   'A list of as many stars as there were elements.', true),

  ('jsonb_remove',
   'lethe.jsonb_remove({value}, {paths})', 'lethe.is_jsonb_remove({value}, {paths})',
   '{jsonb}', 'pseudonymous', false, false, false, null, null,
   '{"paths": {"type": "string", "pattern": "^[^.,\\s]+(\\.[^.,\\s]+){0,3}(,[^.,\\s]+(\\.[^.,\\s]+){0,3}){0,7}$", "description": "at most eight paths of four names, such as phone,address.street"}}',
   'A document without the parts that stand at the given paths; the rest stays as it is.', true),

  ('jsonb_keep',
   'lethe.jsonb_keep({value}, {keys})', 'lethe.is_jsonb_keep({value}, {keys})',
   '{jsonb}', 'pseudonymous', false, false, false, null, null,
   '{"keys": {"type": "string", "pattern": "^[^,\\s]+(,[^,\\s]+){0,7}$", "description": "at most eight members that stay, such as plan,language"}}',
   'A document of which only the named members stay.', true),

  ('jsonb_redact',
   'lethe.jsonb_redact({value})', 'lethe.is_jsonb_redact({value})',
   '{jsonb}', 'pseudonymous', false, false, false, null, null, '{}',
   'A document of the same form, with "*" for every string and 0 for every number.', true)
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
