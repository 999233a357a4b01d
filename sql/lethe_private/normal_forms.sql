-- In which form identifiers are compared: by imports, recipients and the residue scan alike.

-- Case is folded as the database folds it, whatever the collation of the column. No-break spaces are spaces.
create or replace function lethe_private.normalise_identifier(value text)
  returns text
  language sql
  immutable
return lower(btrim(regexp_replace(value collate "default", '[\s\u00A0\u2007\u202F\uFEFF]+', ' ', 'g')) collate "default");

comment on function lethe_private.normalise_identifier(text) is 'Trimmed, inner spaces as one, lower case.';

create or replace function lethe_private.phone_digits(value text)
  returns text
  language sql
  immutable
begin atomic
  select case when x.text ~ '^[0-9+(][-0-9+.()/ ]*$' and length(x.digits) between 7 and 17
    then case when x.digits ~ '^00[1-9]' then '+' || substr(x.digits, 3) when x.text ~ '^\(?\+' then '+' || x.digits else x.digits end end
  from (
    select n.text, regexp_replace(replace(n.text, '(0)', ''), '\D', '', 'g') as digits
    from (select lethe_private.normalise_identifier(value) as text) as n
  ) as x;
end;

comment on function lethe_private.phone_digits(text) is
  'The digits of what looks like a telephone number, with + where it says the country; null for anything else.';

-- Numbers are written with their country and without, so their last nine digits are what is compared.
create or replace function lethe_private.identifier_key(value text)
  returns text
  language sql
  immutable
return coalesce('tel:' || right(ltrim(lethe_private.phone_digits(value), '+'), 9), lethe_private.normalise_identifier(value));

comment on function lethe_private.identifier_key(text) is
  'What two spellings of one identifier have in common: the last nine digits of a telephone number, else the normal form.';

-- The same for every spelling. Under a key of its own, so that pg_locks, which everybody reads, names nobody; and
-- under the controller's first one, which stays when another is made.
create or replace function lethe_private.identifier_lock_id(controller_id int, identifier text)
  returns bigint
  language sql
  stable
begin atomic
  select ('x' || encode(substr(lethe.keyed_hash(lethe_private.identifier_key(identifier), d.inner_pad, d.outer_pad), 1, 8), 'hex'))::bit(64)::bigint
  from lethe_private.controller_keys as k
  cross join lateral lethe_private.derived_key(k, 'lethe identifier lock') as d
  where k.controller_id = identifier_lock_id.controller_id
  order by k.version
  limit 1;
end;

comment on function lethe_private.identifier_lock_id(int, text) is
  'The advisory lock of an identifier: taken alone by an erasure, shared by whoever brings it in (lethe.suppression_sql).';
