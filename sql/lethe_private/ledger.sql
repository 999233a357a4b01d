-- The ledger is a folder outside this database: it says who was forgotten, held and restricted, so that a backup
-- put back does not undo it (docs/ledger.md). It is written by src/ledger. The database makes the hashes, so that no
-- key and no identifier leaves it, and remembers which entries it has taken in.

-- In UTF-8 whatever the database's encoding, so that a dump restored elsewhere knows its people. The key comes as its
-- inner and its outer pad, one after the other: 128 bytes.
create or replace function lethe_private.ledger_hash(value text, pads bytea)
  returns text
  language sql
  stable
  parallel safe
return encode(sha256(substr(pads, 65) || sha256(substr(pads, 1, 64) || convert_to(value, 'UTF8'))), 'hex');

comment on function lethe_private.ledger_hash(text, bytea) is 'HMAC-SHA-256 of a text, in hexadecimal.';

create or replace function lethe_private.ledger_root(managed lethe.managed_tables)
  returns text
  language sql
  stable
return format('root %s %s ', to_json(managed.schema_name), to_json(managed.table_name));

comment on function lethe_private.ledger_root(lethe.managed_tables) is 'What stands before the key of a root row where it is hashed.';

create or replace function lethe_private.ledger_identifier(subject text)
  returns text
  language sql
  stable
return format('identifier %s ', to_json(subject));

comment on function lethe_private.ledger_identifier(text) is 'What stands before an identifier where it is hashed.';

create or replace function lethe_private.ledger_roots(table_id int, keys text[], pads bytea)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(distinct lethe_private.ledger_hash(lethe_private.ledger_root(m) || k, pads)), '[]')
  from unnest(keys) as k
  join lethe.managed_tables as m on m.id = ledger_roots.table_id;
end;

comment on function lethe_private.ledger_roots(int, text[], bytea) is 'Root rows as the ledger names them: hashes.';

-- Where an executed erasure must have an entry: an erasure without one comes back with the next backup.
create or replace function lethe_private.assert_ledgered(ledger_number bigint)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if assert_ledgered.ledger_number is null and (select s.required from lethe_private.ledger_state as s) then
    raise exception using errcode = 'LE454',
      message = 'erasures of this database are written to a ledger first, and this one was not',
      hint = 'lethe request execute, or lethe work, with LETHE_LEDGER set';
  end if;
end
$$;

comment on function lethe_private.assert_ledgered(bigint) is 'Raises LE454 where a ledger is required and no entry was given.';

-- In the transaction that the entry is about, or in that of what was done instead.
create or replace function lethe_private.know_entry(number bigint, hash text)
  returns void
  language sql
  volatile
begin atomic
  insert into lethe_private.ledger_known (number, hash)
  select know_entry.number, know_entry.hash
  where know_entry.number > (select s.last_number from lethe_private.ledger_state as s)
  on conflict do nothing;
end;

comment on function lethe_private.know_entry(bigint, text) is 'Remembers that this database has taken in an entry of the ledger.';

create or replace function lethe_private.ledger_lock_id(request bigint)
  returns bigint
  language sql
  immutable
return (x'4c45544c'::bigint << 32) + request % 4294967296;  -- "LETL"

comment on function lethe_private.ledger_lock_id(bigint) is
  'The advisory lock that a session holds from before an intent is written until its completion is.';
