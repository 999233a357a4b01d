-- Lethe's own methods under the controller's key; see catalogue.sql. They tell values apart without telling
-- them, and whoever has the key can link them: pseudonymous, all of them.
insert into lethe.methods (name, mask, recogniser, type_categories, output, keeps_unique, keyed, nulls_out,
  length_min, length_min_unique, parameters, description, builtin)
values
  -- Unique from 20 digits on: 80 bits, one chance in ten thousand million for ten million values.
  ('pseudonym',
   'lethe.pseudonym({value}, {key}, {length})', 'lethe.is_pseudonym({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', true, true, false, 10, 22, '{}',
   'A word under the controller''s key: the same for the same value, telling nothing about it.', true),

  ('pseudonym_email',
   'lethe.pseudonym_email({value}, {key}, {length})', 'lethe.is_pseudonym_email({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', true, true, false, 27, 39, '{}',
   'An undeliverable e-mail address under the controller''s key, one for each value.', true),

  ('pseudonym_mailbox',
   'lethe.pseudonym_mailbox({value}, {key}, {length})', 'lethe.is_pseudonym_mailbox({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', true, true, false, 27, 39, '{}',
   'An undeliverable e-mail address under the controller''s key that still shows the domain.', true),

  ('pseudonym_uuid',
   'lethe.pseudonym_uuid({value}, {key})', 'lethe.is_pseudonym_uuid({value})',
   '{uuid}', 'pseudonymous', true, true, false, null, null, '{}',
   'A version 8 uuid under the controller''s key, one for each value.', true),

  ('pseudonym_number',
   'lethe.pseudonym_number({value}, {key})', 'lethe.is_pseudonym_number({value})',
   '{int8}', 'pseudonymous', true, true, false, null, null, '{}',
   'A number far below zero under the controller''s key, one for each value.', true),

  ('pseudonym_bytea',
   'lethe.pseudonym_bytea({value}, {key})', 'lethe.is_pseudonym_bytea({value})',
   '{bytea}', 'pseudonymous', true, true, false, null, null, '{}',
   'Thirty-eight bytes under the controller''s key, one for each value.', true),

  ('pseudonym_digits',
   'lethe.pseudonym_digits({value}, {key})', 'lethe.is_pseudonym_digits({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, true, false, null, null, '{}',
   '000 and digits under the controller''s key, as many as before.', true),

  ('pseudonym_iban',
   'lethe.pseudonym_iban({value}, {key}, {length})', 'lethe.is_pseudonym_iban({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, true, false, 15, null, '{}',
   'An IBAN of the same country with impossible check digits, under the controller''s key.', true),

  ('pseudonym_name',
   'lethe.pseudonym_name({value}, {key}, {kind}, {locale})', 'lethe.is_pseudonym_name({value}, {kind}, {locale})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, true, false, 14, null,
   '{"kind": {"type": "string", "enum": ["given_name", "family_name", "city", "company"], "default": "given_name", "description": "what it names"},
     "locale": {"type": "string", "enum": ["fr", "en"], "default": "en", "description": "French or English names"}}',
   'One of 32 names with a star behind it, chosen under the controller''s key.', true)
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
