-- What is hashed, as text that anybody can write down again: docs/evidence.md has it for auditors.

create or replace function lethe_private.sha256_hex(content text)
  returns text
  language sql
  stable
  strict
return encode(sha256(convert_to(content, 'UTF8')), 'hex');

comment on function lethe_private.sha256_hex(text) is 'SHA-256 of a text''s UTF-8 bytes, in hexadecimal.';

-- jsonb prints one value in one way only: keys in a fixed order, numbers as they were given.
create or replace function lethe_private.content_hash(content jsonb, columns text[])
  returns text
  language sql
  stable
return lethe_private.sha256_hex((select jsonb_object_agg(c, content -> c) from unnest(columns) as c)::text);

comment on function lethe_private.content_hash(jsonb, text[]) is
  'The hash of a row of evidence over the named columns. Call it with TimeZone, DateStyle, IntervalStyle, extra_float_digits and bytea_output pinned.';

create or replace function lethe_private.utc_text(at timestamptz)
  returns text
  language sql
  stable
  strict
return to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

comment on function lethe_private.utc_text(timestamptz) is 'A moment as ISO 8601 in UTC, to the microsecond, whatever the session''s settings.';

create or replace function lethe_private.sealed_line("position" bigint, relation text, key text, format int, hash text)
  returns text
  language sql
  immutable
return "position" || ' ' || relation || ' ' || key || ' ' || format || ' ' || hash || chr(10);

comment on function lethe_private.sealed_line(bigint, text, text, int, text) is 'One line of the list that a seal''s root is the hash of.';

create or replace function lethe_private.seal_hash(seal lethe.seals)
  returns text
  language sql
  stable
return lethe_private.sha256_hex(
  'lethe seal ' || seal.format || chr(10)
  || 'controller ' || seal.controller_id || chr(10)
  || 'number ' || seal.number || chr(10)
  || 'previous ' || seal.previous || chr(10)
  || 'sealed_at ' || lethe_private.utc_text(seal.sealed_at) || chr(10)
  || 'rows ' || seal.rows || chr(10)
  || 'root ' || seal.root || chr(10));

comment on function lethe_private.seal_hash(lethe.seals) is 'What the hash of a seal has to be, from its other columns.';
