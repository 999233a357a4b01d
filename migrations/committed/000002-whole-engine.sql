--! Previous: sha1:1599a9ecc41b94bec263d090fe88a91f2a6acc8f
--! Hash: sha1:7d9c15a25c9163f678c2ecfba42bebc70c65acd8
--! Message: whole engine

-- Archive, aggregated clocks, partitions, sealed evidence, more methods, a first API.
--
-- For the DBA: this creates and alters objects of Lethe alone (schemas lethe, lethe_private, lethe_archive and
-- lethe_stats). It reads no table of yours, locks none, and adds nothing to them.

set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
set local statement_timeout = '5min';

-- Archive --------------------------------------------------------------------------------------

alter table lethe.rules
  drop constraint action_is_known,
  drop constraint rows_are_purged,
  add constraint action_is_known check (action in ('anonymize', 'archive', 'purge')),
  add constraint rows_are_archived_or_purged check (column_name is not null or action in ('archive', 'purge'));

alter table lethe.cycle_tables
  drop constraint phase_is_known,
  add constraint phase_is_known check (phase in ('purge', 'archive', 'columns', 'archived'));

-- A table with something in its archive cannot be taken out of the policy: who would end its term?
create table lethe_private.mirrors (
  id          int generated always as identity primary key,
  table_id    int not null references lethe.managed_tables on delete restrict,
  kind        text not null,
  name        text not null unique,
  source      oid not null,
  created_at  timestamptz not null default now(),

  constraint kind_is_known check (kind in ('rows', 'values'))
);
create index mirrors_by_table on lethe_private.mirrors (table_id);

comment on table lethe_private.mirrors is
  'The tables of lethe_archive. A mirror is never altered but for the names of its columns; when its source takes another shape, a new one is begun.';
comment on column lethe_private.mirrors.kind is
  'rows: rows moved whole. values: values of single columns, with the key, the clocks and what conditions ask for.';
comment on column lethe_private.mirrors.source is
  'The table''s oid when it was looked at last: while it stays, a column that was renamed is recognised by its number.';

create table lethe_private.mirror_columns (
  mirror_id     int not null references lethe_private.mirrors on delete cascade,
  column_name   text not null,
  number        int2 not null,
  source_type   text not null,
  mirror_type   text not null,
  holds_value   boolean not null,

  primary key (mirror_id, column_name)
);

comment on table lethe_private.mirror_columns is 'The columns of each mirror, by the name they have at the source now.';
comment on column lethe_private.mirror_columns.number is 'The column''s number (attnum) at the source.';
comment on column lethe_private.mirror_columns.mirror_type is
  'The base type, where it is one of PostgreSQL''s own; else text, so that the archive depends on no type of the host.';
comment on column lethe_private.mirror_columns.holds_value is 'False for what a mirror of values keeps only to find and to date them.';

create table lethe_private.mirror_roots (
  mirror_id      int not null references lethe_private.mirrors on delete cascade,
  root_table_id  int not null references lethe.managed_tables on delete cascade,

  primary key (mirror_id, root_table_id)
);
create index mirror_roots_by_root on lethe_private.mirror_roots (root_table_id);

comment on table lethe_private.mirror_roots is 'With the rows of which table rows of a mirror may have been moved.';

create table lethe.archive_openings (
  id             bigint generated always as identity primary key,
  at             timestamptz not null default now(),
  by             name not null default session_user,
  controller_id  int not null references lethe.controllers on delete restrict,
  table_name     text not null,
  key_hash       text not null,
  key_version    int not null,
  reason         text not null,
  restored       boolean not null,
  exempt_until   date,
  rows_opened    jsonb not null,

  constraint reason_is_given check (reason ~ '\S'),
  constraint restored_until_a_day check (restored = (exempt_until is not null))
);
create index archive_openings_by_controller on lethe.archive_openings (controller_id, at);

comment on table lethe.archive_openings is 'Every look into the archive: who, when, why, at which record, and whether it was put back.';
comment on column lethe.archive_openings.key_hash is
  'HMAC-SHA-256, under the controller''s key, of the record''s key. Names nobody.';
comment on column lethe.archive_openings.rows_opened is 'Rows shown or put back, by table.';

create table lethe_private.exemptions (
  opening_id  bigint not null references lethe.archive_openings on delete cascade,
  table_id    int not null references lethe.managed_tables on delete cascade,
  key         text not null,
  until       date not null,

  primary key (table_id, key, until)
);
create index exemptions_by_opening on lethe_private.exemptions (opening_id);

comment on table lethe_private.exemptions is
  'Rows put back from the archive, left alone up to and including a day; else the next cycle would take them back.';

create table lethe_private.restoring (
  xact           xid8 not null default pg_current_xact_id(),
  root_table_id  int not null,
  root           text not null,
  archived_at    timestamptz not null,

  primary key (xact, root_table_id, root, archived_at)
);

comment on table lethe_private.restoring is
  'The record that a transaction is putting back. Emptied before it ends: through a door, the engine reads this record and no other.';

-- Aggregated clocks ----------------------------------------------------------------------------

create table lethe_private.last_events (
  parent_table_id  int not null references lethe.managed_tables on delete cascade,
  parent_key       text not null,
  controller_id    int not null references lethe.controllers on delete cascade,
  entry            text not null,
  last_day         date not null,

  primary key (parent_table_id, parent_key, controller_id, entry),
  constraint last_day_is_a_day check (isfinite(last_day))
);
create index last_events_by_controller on lethe_private.last_events (controller_id);

comment on table lethe_private.last_events is
  'Where a clock is the latest of other rows (max(invoices.issued_on)): the latest day among those that Lethe has taken away. Goes with the row whose clock it is.';
comment on column lethe_private.last_events.parent_key is 'Key of the row whose clock it is, as in held_keys.';
comment on column lethe_private.last_events.entry is 'The clock, as the terms name it in since.';
comment on column lethe_private.last_events.last_day is 'Local day of the controller on which the latest event fell that is no longer there.';

create type lethe_private.linked_clock as (
  entry           text,    -- as the terms name it
  parent_id       int,     -- managed table whose rows have this clock
  child_id        int,     -- managed table whose rows are the events
  column_name     text,    -- when an event was
  child_columns   text[],  -- how an event refers to the row
  parent_columns  text[]
);


-- Partitions -----------------------------------------------------------------------------------

-- In steps: newer minor versions of PostgreSQL refuse a column with a default where a function with a standard body
-- takes the table's row type. The policy stays what it was, so nothing is recorded as a change of it.
alter table lethe.managed_tables add column partitions text;
alter table lethe.managed_tables disable trigger record_change;
update lethe.managed_tables set partitions = 'delete';
alter table lethe.managed_tables enable trigger record_change;
alter table lethe.managed_tables
  alter column partitions set default 'delete',
  alter column partitions set not null,
  add constraint partitions_is_known check (partitions in ('delete', 'drop', 'detach', 'detach concurrently'));

comment on column lethe.managed_tables.partitions is
  'What happens to a partition of which every row is due for purge: its rows are deleted, or it is dropped or detached.';

create table lethe.partition_purges (
  id             bigint generated always as identity primary key,
  cycle_id       bigint not null references lethe.cycles on delete restrict,
  table_id       int not null,
  round          int not null,
  partition      text not null,
  partition_oid  oid not null,
  parent_oid     oid not null,
  how            text not null default 'waiting',
  rows           bigint,
  cause          jsonb,
  attempts       int not null default 0,
  bound          text,
  at             timestamptz not null default now(),

  unique (cycle_id, table_id, round, partition_oid),
  constraint how_is_known check (how in ('waiting', 'detaching', 'detached', 'dropped', 'row by row')),
  constraint rows_once_gone check ((rows is not null) = (how in ('detached', 'dropped'))),
  constraint row_by_row_with_its_cause check ((cause is not null) = (how = 'row by row'))
);

comment on table lethe.partition_purges is
  'Partitions that were to be purged whole in a cycle, and what became of them.';
comment on column lethe.partition_purges.how is
  'dropped or detached; row by row: see cause; waiting: on the list of an open cycle; detaching: by DETACH … CONCURRENTLY, just now.';
comment on column lethe.partition_purges.cause is
  'Why its rows were left to be deleted one by one: {"why"}, or the {"sqlstate"} of what PostgreSQL refused. Never a message: those carry people''s data.';
comment on column lethe.partition_purges.bound is 'While it is being detached: what it takes to attach it again.';

-- Evidence -------------------------------------------------------------------------------------

-- Three new tables, and triggers on lethe.cycles, cycle_tables, evidence and evidence_batches (made in
-- sql/lethe_private/refuse_sealed.sql: each takes a SHARE ROW EXCLUSIVE lock on its table for a moment).
-- Cycles that ended before this migration are sealed with the next one that ends, or by lethe.seal().

create table lethe.receipts (
  cycle_id  bigint primary key references lethe.cycles on delete restrict,
  document  jsonb not null
);

comment on table lethe.receipts is
  'What a cycle found, did and left, and the policy it obeyed, as it stood when the cycle ended. Names nobody. lethe.receipt() adds the seal.';

create table lethe.seals (
  controller_id  int not null references lethe.controllers on delete restrict,
  number         bigint not null,
  format         int not null,
  previous       text not null,
  sealed_at      timestamptz not null,
  rows           bigint not null,
  root           text not null,
  hash           text not null,

  primary key (controller_id, number),
  constraint numbers_begin_at_one check (number >= 1),
  constraint covers_something check (rows > 0),
  constraint previous_is_sha256 check (previous ~ '^[0-9a-f]{64}$'),
  constraint root_is_sha256 check (root ~ '^[0-9a-f]{64}$'),
  constraint hash_is_sha256 check (hash ~ '^[0-9a-f]{64}$')
);

comment on table lethe.seals is
  'The chain over a controller''s evidence: each seal covers a list of rows and the seal before it. Numbered without gaps.';
comment on column lethe.seals.previous is
  'Hash of the seal before. In the first one a random number instead, which tells this chain from every other.';
comment on column lethe.seals.root is 'SHA-256 over the list of rows it covers, as lethe.sealed_rows has it.';
comment on column lethe.seals.hash is 'SHA-256 over all other columns: docs/evidence.md has the text that is hashed.';

create table lethe.sealed_rows (
  controller_id  int not null,
  number         bigint not null,
  position       bigint not null,
  relation       text not null,
  key            text not null,
  format         int not null,
  hash           text not null,

  primary key (controller_id, number, position),
  unique (relation, key),
  foreign key (controller_id, number) references lethe.seals on delete restrict,
  constraint hash_is_sha256 check (hash ~ '^[0-9a-f]{64}$')
);

comment on table lethe.sealed_rows is 'Which rows of evidence each seal covers, in which order, and the hash of each.';
comment on column lethe.sealed_rows.key is 'The row''s primary key, as a JSON array.';
comment on column lethe.sealed_rows.format is 'Which list of columns was hashed: a column that is added later does not break older seals.';

-- API ------------------------------------------------------------------------------------------

create table lethe_private.api_tokens (
  id             int generated always as identity primary key,
  token_hash     text not null unique,
  name           text,
  role           text not null,
  controller_id  int references lethe.controllers on delete cascade,
  issued_at      timestamptz not null default now(),
  issued_by      name not null default session_user,
  expires_at     timestamptz not null,
  last_used_at   timestamptz,
  revoked_at     timestamptz,

  constraint token_hash_is_a_sha256 check (token_hash ~ '^[0-9a-f]{64}$'),
  constraint role_is_one_of_the_api check (role in ('lethe_officer', 'lethe_auditor', 'lethe_analyst')),
  constraint expires_within_a_year check (expires_at > issued_at and expires_at - issued_at <= interval '366 days 1 hour')
);
create index api_tokens_by_controller on lethe_private.api_tokens (controller_id);

comment on table lethe_private.api_tokens is
  'Bearer tokens of the API: only their SHA-256, so that reading this table opens nothing. controller_id null: all controllers.';
comment on column lethe_private.api_tokens.last_used_at is 'To the minute.';

-- Functions, views, policies -------------------------------------------------------------------

-- Functions whose parameters have changed.
drop function lethe.manage_table(text, text, text, text, text, text[], text[]);
drop function lethe_private.assert_clock(oid, text[]);
drop function lethe_private.latest_day_sql(text, oid, text[], text, text, text);
drop function lethe_private.term_sql(text, lethe.managed_tables, oid, text, date, interval, text[], text);
drop function lethe_private.rule_sql(text, lethe.managed_tables, oid, lethe.controllers, date, int);
drop function lethe_private.leaves_sql(text, lethe.managed_tables, oid, lethe.controllers, date, oid[]);
drop function lethe_private.actions(text, lethe.managed_tables, oid, lethe.controllers, date);
drop function lethe_private.before_purge(oid, int, text, oid[]);
drop function lethe_private.purge_program(lethe.managed_tables, oid, lethe.controllers, date, text, text);
drop function lethe_private.children_program(lethe.managed_tables, oid, lethe.controllers, date, text);
drop function lethe_private.staying_sql(lethe.managed_tables, oid, lethe.controllers, date, boolean);
drop function lethe_private.act_sql(text, lethe_private.action_parts[], text, boolean);

--! Included lethe_private/rights.sql
-- A request of the API runs as the role of its token, on a connection whose login may be anybody's, and is bound
-- to the token's controller. What binds it is the setting lethe.request: the token's hash, looked up each time
-- somebody asks. Whoever knows a good one may do what the token may, as its role, and no more; an id, or a hash
-- that is not good any more, gives nothing. While it is set the login's own memberships count for nothing.
--
-- Null: this is no request. Definer, because nobody may read the tokens.
create or replace function lethe_private.request_reaches(controller_id int)
  returns boolean
  language sql
  stable
  security definer
begin atomic
  select case when coalesce(current_setting('lethe.request', true), '') <> '' then
    pg_has_role(session_user, 'lethe_api', 'member') and exists (
      select from lethe_private.api_tokens as t
      where t.token_hash = current_setting('lethe.request', true)
        -- The role that was set: a definer function does not change this one.
        and t.role = current_setting('role')
        and t.revoked_at is null
        and t.expires_at > now()
        and (t.controller_id is null or t.controller_id = request_reaches.controller_id))
  end;
end;

comment on function lethe_private.request_reaches(int) is
  'Whether the request under way may act for the controller (null: for all of them). Null when there is no request.';

-- Inside a definer function current_user is the owner, so the question is put about session_user: the
-- login that opened the connection, which no SET ROLE changes.
create or replace function lethe_private.is_operator()
  returns boolean
  language sql
  stable
return coalesce(lethe_private.request_reaches(null), pg_has_role(session_user, 'lethe_owner', 'member'));

comment on function lethe_private.is_operator() is
  'True for superusers and members of lethe_owner, and for requests with a token for all controllers: they act for every controller.';

create or replace function lethe_private.is_worker()
  returns boolean
  language sql
  stable
return lethe_private.request_reaches(null) is null and pg_has_role(session_user, 'lethe_worker', 'member');

comment on function lethe_private.is_worker() is 'True for logins that run cycles, which are those of every controller.';

-- Definer, because row security asks it on behalf of roles that may not read lethe.memberships.
create or replace function lethe_private.acts_for(controller_id int)
  returns boolean
  language sql
  stable
  security definer
begin atomic
  select coalesce(lethe_private.request_reaches(acts_for.controller_id),
    lethe_private.is_operator()
    or exists (
      select from lethe.memberships as m
      where m.login = session_user and m.controller_id = acts_for.controller_id));
end;

comment on function lethe_private.acts_for(int) is 'True when the login, or the request under way, may act for the controller.';

-- The default policy binds every controller, so changing it takes someone who acts for all of them.
create or replace function lethe_private.assert_may_change(controller_id int)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if lethe_private.is_operator() then
    return;
  end if;
  if assert_may_change.controller_id is null then
    raise exception using errcode = 'LE502',
      message = format('role %I may not change the policy of all controllers', session_user),
      hint = format('grant lethe_owner to %I; or name a controller this login is a member of', session_user);
  end if;
  if not lethe_private.acts_for(assert_may_change.controller_id) then
    raise exception using errcode = 'LE502',
      message = format('role %I may not act for this controller', session_user),
      hint = 'an operator can add it: select lethe.add_member(login, controller)';
  end if;
end
$$;

comment on function lethe_private.assert_may_change(int) is
  'Raises LE502 unless the login may change the policy of the controller (null: of all).';
--! EndIncluded lethe_private/rights.sql
--! Included lethe/methods/partial.sql
-- Partial masking: the length and a few characters at either end stay, the rest becomes stars. A value
-- too short to hide at least as much as it shows becomes stars altogether.
create or replace function lethe.partial(value text, keep_start int, keep_end int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when char_length(value) < 2 * (keep_start + keep_end) then repeat('*', char_length(value))
  when keep_end = 0 then left(value, keep_start) || repeat('*', char_length(value) - keep_start)  -- decided once a statement
  else left(value, keep_start)
    || repeat('*', char_length(value) - keep_start - keep_end)
    || right(value, keep_end)
end;

comment on function lethe.partial(text, int, int) is
  'Keeps the length and the given number of characters at start and end; stars for the rest, or for all when the value is shorter than twice what would be kept.';

-- Looks at what should be stars rather than building the masked value: at a third of the cost. Which branch
-- it takes for keep_end = 0 is decided once a statement. Compared
-- byte by byte: under a nondeterministic collation a few characters equal nothing at all.
create or replace function lethe.is_partial(value text, keep_start int, keep_end int)
  returns boolean
  language sql
  immutable
  parallel safe
return case
  when keep_end = 0 then ltrim(substr(value, keep_start + 1), '*') = '' collate "C"
    and (char_length(value) >= 2 * keep_start or ltrim(value, '*') = '' collate "C")
  when char_length(value) < 2 * (keep_start + keep_end) then ltrim(value, '*') = '' collate "C"
  else ltrim(substr(value, keep_start + 1, char_length(value) - keep_start - keep_end), '*') = '' collate "C"
end;

comment on function lethe.is_partial(text, int, int) is
  'True when lethe.partial would leave the value as it is; null for null.';
--! EndIncluded lethe/methods/partial.sql
--! Included lethe/methods/pseudonym_email.sql
-- Keyed pseudonym that still is an e-mail address, in a domain that can never receive mail (RFC 2606).
-- The exact value is hashed, not its lower case: where a column tells "A@x" from "a@x", so does its
-- pseudonym, and a UNIQUE column stays so.
--
-- The recogniser tests length and domain first, which rules most values out at a tenth of the cost. LIKE
-- under "C" goes by bytes, at half the price of right(); the digits are found by a pattern that ends at
-- the at sign, of which there must be one alone, at a third of the price of one over left(value, -19).
create or replace function lethe.is_pseudonym_email(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return octet_length(value) between 27 and 51
  and value collate "C" like '%@anonymized.invalid'
  and value collate "C" not like '%@%@%'
  and value collate "C" ~ '^[0-9a-f]+@';

comment on function lethe.is_pseudonym_email(text) is
  'True for 8 to 32 hexadecimal digits at anonymized.invalid; null for null.';

create or replace function lethe.pseudonym_email(value text, inner_pad bytea, outer_pad bytea, length int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_email(value) then value
  else left(
    left(encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'), greatest(least(32, length - 19), 0)) || '@anonymized.invalid',
    least(51, length))
end;

comment on function lethe.pseudonym_email(text, bytea, bytea, int) is
  '32 hexadecimal digits of the value''s HMAC at anonymized.invalid, or fewer to fit a length limit (null: none; 27 characters at least). Takes any text, an address or not.';
--! EndIncluded lethe/methods/pseudonym_email.sql
--! Included lethe/methods/generalize_date.sql
-- Generalization of dates: the first day of the month, the quarter, the year, or of a band of years (a birth
-- date becomes the first day of the decade of birth: an age band, whatever today is).
--
-- Three overloads, one a type. What they have in common:
--   * infinite values stand for "none", not for a person's date, and stay;
--   * what lies before year 1 becomes its first day: the calendar has no year 0 to round towards, and
--     rounding down at the very start of PostgreSQL's calendar would leave it;
--   * instants are read in UTC: date_trunc over timestamptz follows the session's zone and is only stable.
create or replace function lethe.generalize_date(value date, "to" text, width int)
  returns date
  language sql
  immutable
  parallel safe
return case
  when isfinite(value) is not true then value
  when "to" = 'month' then greatest(value, date '0001-01-01') - (extract(day from greatest(value, date '0001-01-01'))::int - 1)
  when "to" = 'quarter' then make_date(
    extract(year from greatest(value, date '0001-01-01'))::int, 3 * extract(quarter from greatest(value, date '0001-01-01'))::int - 2, 1)
  when "to" = 'year' then make_date(greatest(1, extract(year from value)::int), 1, 1)
  else make_date(greatest(1, extract(year from value)::int - extract(year from value)::int % greatest(width, 1)), 1, 1)
end;

comment on function lethe.generalize_date(date, text, int) is
  'First day of the month, the quarter, the year or the age_band (of so many years) that the date lies in. Infinite dates stay.';

create or replace function lethe.generalize_date(value timestamp, "to" text, width int)
  returns timestamp
  language sql
  immutable
  parallel safe
return case
  when isfinite(value) is not true then value
  when "to" = 'month' then date_trunc('month', greatest(value, timestamp '0001-01-01'))
  when "to" = 'quarter' then date_trunc('quarter', greatest(value, timestamp '0001-01-01'))
  when "to" = 'year' then date_trunc('year', greatest(value, timestamp '0001-01-01'))
  else make_timestamp(greatest(1, extract(year from value)::int - extract(year from value)::int % greatest(width, 1)), 1, 1, 0, 0, 0)
end;

comment on function lethe.generalize_date(timestamp, text, int) is
  'First instant of the month, the quarter, the year or the age_band (of so many years) that the timestamp lies in. Infinite ones stay.';

create or replace function lethe.generalize_date(value timestamptz, "to" text, width int)
  returns timestamptz
  language sql
  immutable
  parallel safe
return lethe.generalize_date(value at time zone 'UTC', "to", width) at time zone 'UTC';

comment on function lethe.generalize_date(timestamptz, text, int) is
  'First instant, in UTC, of the month, the quarter, the year or the age_band (of so many years) that the instant lies in. Infinite ones stay.';

create or replace function lethe.is_generalize_date(value date, "to" text, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_date(value, "to", width);

comment on function lethe.is_generalize_date(date, text, int) is
  'True when lethe.generalize_date would leave the date as it is; null for null.';

create or replace function lethe.is_generalize_date(value timestamp, "to" text, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_date(value, "to", width);

comment on function lethe.is_generalize_date(timestamp, text, int) is
  'True when lethe.generalize_date would leave the timestamp as it is; null for null.';

create or replace function lethe.is_generalize_date(value timestamptz, "to" text, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_date(value, "to", width);

comment on function lethe.is_generalize_date(timestamptz, text, int) is
  'True when lethe.generalize_date would leave the instant as it is; null for null.';
--! EndIncluded lethe/methods/generalize_date.sql
--! Included lethe/methods/generalize_ip.sql
-- Generalization of IP addresses: the host part goes, the network stays (by default a /24 of version 4
-- and a /48 of version 6). A network that is wider already stays as it is.
create or replace function lethe.generalize_ip(value inet, v4 int, v6 int)
  returns inet
  language sql
  immutable
  parallel safe
return network(set_masklen(value, least(masklen(value), case family(value) when 4 then v4 else v6 end)));

comment on function lethe.generalize_ip(inet, int, int) is
  'The network of the address, of at most v4 or v6 bits.';

create or replace function lethe.generalize_ip(value cidr, v4 int, v6 int)
  returns cidr
  language sql
  immutable
  parallel safe
return set_masklen(value, least(masklen(value), case family(value) when 4 then v4 else v6 end));

comment on function lethe.generalize_ip(cidr, int, int) is
  'The network around the network, of at most v4 or v6 bits.';

-- Text is cast only where a pattern has made sure that it is an address, since a cast that fails would
-- stop the sweep. The network is written without its length, so that what reads the column still finds
-- an address, and 15 characters hold it. Version 4 inside version 6 (::ffff:192.0.2.1) is read as
-- version 4. Whatever else stands there could be anybody's, and becomes 0.0.0.0.
create or replace function lethe.generalize_ip(value text, v4 int, v6 int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when coalesce(value, '') = '' collate "C" then value
  when value collate "C" ~ '^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$'
    then host(network(set_masklen(value::inet, v4)))
  when value collate "C" ~* '^::ffff:((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$'
    then host(network(set_masklen(substr(value, 8)::inet, v4)))
  when value collate "C" ~* '^(([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?!(.*:){8})([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?::([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?)$'
    then host(network(set_masklen(value::inet, v6)))
  else '0.0.0.0'
end;

comment on function lethe.generalize_ip(text, int, int) is
  'The first address of the network of v4 or v6 bits around an address written as text; 0.0.0.0 for text that is none.';

create or replace function lethe.is_generalize_ip(value inet, v4 int, v6 int)
  returns boolean
  language sql
  immutable
  parallel safe
return masklen(value) <= case family(value) when 4 then v4 else v6 end
  and value = network(value);

comment on function lethe.is_generalize_ip(inet, int, int) is
  'True when lethe.generalize_ip would leave the address as it is; null for null.';

create or replace function lethe.is_generalize_ip(value cidr, v4 int, v6 int)
  returns boolean
  language sql
  immutable
  parallel safe
return masklen(value) <= case family(value) when 4 then v4 else v6 end;

comment on function lethe.is_generalize_ip(cidr, int, int) is
  'True when lethe.generalize_ip would leave the network as it is; null for null.';

create or replace function lethe.is_generalize_ip(value text, v4 int, v6 int)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" = lethe.generalize_ip(value, v4, v6);

comment on function lethe.is_generalize_ip(text, int, int) is
  'True when lethe.generalize_ip would leave the text as it is; null for null.';
--! EndIncluded lethe/methods/generalize_ip.sql
--! Included lethe/methods/truncate.sql
-- Truncation: the first characters stay and a full stop ends them (Dupont: D.). Unlike a partial mask it
-- does not tell how long the value was. A value too short to hide at least as much as it shows becomes
-- the full stop alone.
create or replace function lethe.is_truncate(value text, keep int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = '' collate "C"
  or char_length(value) <= keep + 1 and right(value, 1) = '.' collate "C";

comment on function lethe.is_truncate(text, int) is
  'True for empty text, and for at most so many characters before a full stop that ends it; null for null.';

create or replace function lethe.truncate(value text, keep int, length int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when char_length(value) > greatest(keep + 1, 2 * keep - 1) then left(value, least(keep, length - 1)) || '.'  -- nearly all of them
  when lethe.is_truncate(value, keep) then value
  when char_length(value) < 2 * keep then '.'
  else left(value, least(keep, length - 1)) || '.'
end;

comment on function lethe.truncate(text, int, int) is
  'The first characters and a full stop, within a length limit (null: none); the full stop alone when the value is shorter than twice what would be kept.';
--! EndIncluded lethe/methods/truncate.sql
--! Included lethe/methods/partial_email.sql
-- Partial masking of e-mail addresses: a few characters of the mailbox stay, and of the domain the last
-- label, or all of it. Stars are no part of any domain name (RFC 1035), so that with the domain masked
-- nobody can be written to by mistake. What is not one mailbox at one domain becomes stars altogether.
create or replace function lethe.partial_email(value text, keep_start int, keep_domain boolean)
  returns text
  language sql
  immutable
  parallel safe
return case
  when value collate "C" not like '_%@_%' or value collate "C" like '%@%@%' then repeat('*', char_length(value))
  else case
      when strpos(value collate "C", '@') - 1 < 2 * keep_start then repeat('*', strpos(value collate "C", '@') - 1)
      else left(value, keep_start) || repeat('*', strpos(value collate "C", '@') - 1 - keep_start)
    end
    || case
      when keep_domain then substr(value, strpos(value collate "C", '@'))
      when split_part(value collate "C", '.', -1) like '%@%' or split_part(value collate "C", '.', -1) = ''
        then '@' || repeat('*', char_length(value) - strpos(value collate "C", '@'))
      else '@'
        || repeat('*', char_length(value) - strpos(value collate "C", '@') - char_length(split_part(value collate "C", '.', -1)) - 1)
        || '.' || split_part(value collate "C", '.', -1)
    end
end;

comment on function lethe.partial_email(text, int, boolean) is
  'Keeps the length, the first characters of the mailbox and the last label of the domain, or all of it; stars for the rest, and for all of what is no address.';

create or replace function lethe.is_partial_email(value text, keep_start int, keep_domain boolean)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" = lethe.partial_email(value, keep_start, keep_domain);

comment on function lethe.is_partial_email(text, int, boolean) is
  'True when lethe.partial_email would leave the value as it is; null for null.';
--! EndIncluded lethe/methods/partial_email.sql
--! Included lethe/methods/partial_number.sql
-- Partial masking of numbers that people write with separators (telephone, card, account): the separators
-- and a few characters at either end stay, every other character becomes a star, whether a digit or not.
-- A value too short to hide at least as much as it shows keeps nothing but its separators.
create or replace function lethe.partial_number(value text, keep_start int, keep_end int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when char_length(value) < 2 * (keep_start + keep_end) then regexp_replace(value collate "C", '[^ ().+/*-]', '*', 'g')
  else left(value, keep_start)
    || regexp_replace(substr(value, keep_start + 1, char_length(value) - keep_start - keep_end) collate "C", '[^ ().+/*-]', '*', 'g')
    || right(value, keep_end)
end;

comment on function lethe.partial_number(text, int, int) is
  'Keeps spaces, ( ) . + / - and the given number of characters at start and end; stars for the rest, or for all when the value is shorter than twice what would be kept.';

create or replace function lethe.is_partial_number(value text, keep_start int, keep_end int)
  returns boolean
  language sql
  immutable
  parallel safe
return case
  when char_length(value) < 2 * (keep_start + keep_end) then ltrim(value, '* ().+/-') = '' collate "C"
  else ltrim(substr(value, keep_start + 1, char_length(value) - keep_start - keep_end), '* ().+/-') = '' collate "C"
end;

comment on function lethe.is_partial_number(text, int, int) is
  'True when lethe.partial_number would leave the value as it is; null for null.';
--! EndIncluded lethe/methods/partial_number.sql
--! Included lethe/methods/shape.sql
-- The shape of a value: digits become 0, letters X or x, whatever lies outside ASCII becomes x, the rest
-- stays (AB-123-cd: XX-000-xx), so that a check on the format still holds. With a few characters kept at
-- the start it is how postal codes are generalized (75011: 75000, SW1A 1AA: SW0X 0XX): by form, since a
-- row does not tell its country. What is not longer than the part to keep keeps nothing.
create or replace function lethe.is_shape(value text, keep int)
  returns boolean
  language sql
  immutable
  parallel safe
return substr(value, case when char_length(value) > keep then keep + 1 else 1 end) collate "C" !~ '[1-9A-WYZa-wyz]|[^\u0001-\u007F]';

comment on function lethe.is_shape(text, int) is
  'True when after the kept characters there are no digits but 0, no letters but X and x and nothing outside ASCII; null for null.';

create or replace function lethe.shape(value text, keep int)
  returns text
  language sql
  immutable
  parallel safe
return left(value, case when char_length(value) > keep then keep else 0 end)
  || regexp_replace(
    translate(
      substr(value, case when char_length(value) > keep then keep + 1 else 1 end),
      '123456789ABCDEFGHIJKLMNOPQRSTUVWYZabcdefghijklmnopqrstuvwyz',
      '000000000XXXXXXXXXXXXXXXXXXXXXXXXXxxxxxxxxxxxxxxxxxxxxxxxxx') collate "C",
    '[^\u0001-\u007F]', 'x', 'g');

comment on function lethe.shape(text, int) is
  'Keeps so many characters at the start, if there are more; after them digits become 0, letters X or x, other characters outside ASCII x.';
--! EndIncluded lethe/methods/shape.sql
--! Included lethe/methods/pseudonym_mailbox.sql
-- Keyed pseudonym of the mailbox that keeps the domain, as labels of a domain that can never receive mail
-- (RFC 2606): bob@example.com becomes …@example.com.anonymized.invalid. Where the domain does not fit
-- beside 20 digits, or is none, it goes too, as with pseudonym_email. A domain may itself name a person.
create or replace function lethe.is_pseudonym_mailbox(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return octet_length(value) >= 27
  and (value collate "C" like '%.anonymized.invalid' or value collate "C" like '%@anonymized.invalid')
  and value collate "C" not like '%@%@%'
  and strpos(value collate "C", '@') between 9 and 33
  and value collate "C" ~ '^[0-9a-f]+@';

comment on function lethe.is_pseudonym_mailbox(text) is
  'True for 8 to 32 hexadecimal digits at anonymized.invalid or a domain below it; null for null.';

create or replace function lethe.pseudonym_mailbox(value text, inner_pad bytea, outer_pad bytea, length int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_mailbox(value) then value
  when value collate "C" ~ '^[^@]*@[A-Za-z0-9.-]+$'
    and coalesce(length, 2147483647) - 20 - (char_length(value) - strpos(value collate "C", '@')) >= 20
    then left(encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'), least(32, length - 20 - (char_length(value) - strpos(value collate "C", '@'))))
      || substr(value, strpos(value collate "C", '@')) || '.anonymized.invalid'
  else left(
    left(encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'), greatest(least(32, length - 19), 0)) || '@anonymized.invalid',
    least(51, length))
end;

comment on function lethe.pseudonym_mailbox(text, bytea, bytea, int) is
  '20 to 32 hexadecimal digits of the value''s HMAC at the same domain below anonymized.invalid; at anonymized.invalid itself where the value has no domain or the length limit (null: none; 27 characters at least) leaves it no room.';
--! EndIncluded lethe/methods/pseudonym_mailbox.sql
--! Included lethe/methods/pseudonym_number.sql
-- Keyed pseudonym for bigint columns that hold somebody's number. It lies in the lowest quarter of the
-- type, below -2^62, where no number that was given to anybody lies, and has 62 bits of the HMAC: one
-- chance in a hundred thousand that two of ten million values meet. int has too few bits to be a pseudonym.
create or replace function lethe.is_pseudonym_number(value bigint)
  returns boolean
  language sql
  immutable
  parallel safe
return value < -4611686018427387904;

comment on function lethe.is_pseudonym_number(bigint) is 'True for a number below -2^62; null for null.';

create or replace function lethe.pseudonym_number(value bigint, inner_pad bytea, outer_pad bytea)
  returns bigint
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_number(value) then value
  else (('x' || left(encode(lethe.keyed_hash(value::text, inner_pad, outer_pad), 'hex'), 16))::bit(64)::bigint & 4611686018427387903)
    - 9223372036854775807 - 1
end;

comment on function lethe.pseudonym_number(bigint, bytea, bytea) is
  '62 bits of the value''s HMAC, counted up from the least number there is.';
--! EndIncluded lethe/methods/pseudonym_number.sql
--! Included lethe/methods/pseudonym_bytea.sql
-- Keyed pseudonym for binary values (fingerprints, tokens, hashes that others made): the mark lethe: and
-- the HMAC of the bytes, 38 bytes in all.
create or replace function lethe.is_pseudonym_bytea(value bytea)
  returns boolean
  language sql
  immutable
  parallel safe
return octet_length(value) = 38
  and substr(value, 1, 6) = '\x6c657468653a'::bytea;

comment on function lethe.is_pseudonym_bytea(bytea) is 'True for 38 bytes that begin with lethe: in ASCII; null for null.';

create or replace function lethe.pseudonym_bytea(value bytea, inner_pad bytea, outer_pad bytea)
  returns bytea
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_bytea(value) then value
  else '\x6c657468653a'::bytea || sha256(outer_pad || sha256(inner_pad || value))
end;

comment on function lethe.pseudonym_bytea(bytea, bytea, bytea) is 'The six bytes lethe: and the 32 of the value''s HMAC.';
--! EndIncluded lethe/methods/pseudonym_bytea.sql
--! Included lethe/methods/pseudonym_digits.sql
-- Keyed pseudonym for numbers kept as text of a fixed length (SIREN, SIRET, NIR, card, telephone): 000 and
-- digits of the HMAC, as long as before. None of those numbers begins with three zeros. Numbers that are
-- padded with zeros do: use another method for them, since they would be taken for masked.
create or replace function lethe.is_pseudonym_digits(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" ~ '^(0?0?|000[0-9]*)$';

comment on function lethe.is_pseudonym_digits(text) is
  'True for digits that begin with 000, and for one or two zeros; null for null.';

create or replace function lethe.pseudonym_digits(value text, inner_pad bytea, outer_pad bytea)
  returns text
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_digits(value) then value
  else left('000' || translate(encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'), 'abcdef', '012345'), char_length(value))
end;

comment on function lethe.pseudonym_digits(text, bytea, bytea) is
  '000 and digits of the value''s HMAC: as many as the value has characters, 67 at the most.';
--! EndIncluded lethe/methods/pseudonym_digits.sql
--! Included lethe/methods/pseudonym_iban.sql
-- Keyed pseudonym in the form of an IBAN that can never be paid to: its check digits are 00, which
-- ISO 13616 never gives out (they run from 02 to 98). The country stays; ZZ, which is none, stands for
-- what does not begin like an IBAN. The digits fall short of unique, since the length stays.
create or replace function lethe.is_pseudonym_iban(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return octet_length(value) between 15 and 34
  and value collate "C" ~ '^[A-Z][A-Z]00[0-9]+$';

comment on function lethe.is_pseudonym_iban(text) is
  'True for two capitals, 00 and digits, 15 to 34 characters in all; null for null.';

create or replace function lethe.pseudonym_iban(value text, inner_pad bytea, outer_pad bytea, length int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_iban(value) then value
  else left(
    case when value collate "C" ~ '^[A-Z][A-Z][0-9][0-9]' then left(value, 2) else 'ZZ' end || '00'
      || translate(encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'), 'abcdef', '012345'),
    least(34, length, greatest(15, char_length(replace(value collate "C", ' ', '')))))
end;

comment on function lethe.pseudonym_iban(text, bytea, bytea, int) is
  'The country of an IBAN, the impossible check digits 00 and digits of the value''s HMAC: as long as the value without its spaces, 15 to 34 characters, within a length limit.';
--! EndIncluded lethe/methods/pseudonym_iban.sql
--! Included lethe/methods/pseudonym_name.sql
-- Keyed names: the same value gets the same name out of a short list, so that a screen or a test still
-- reads like one. A star ends each of them: names that people bear are no mark, and without it the
-- recogniser would take a real Camille for a masked one. Names are in ASCII, which any encoding has.
create or replace function lethe.pseudonym_names(kind text, locale text)
  returns text[]
  language sql
  immutable
  parallel safe
return case kind || '_' || locale
  when 'given_name_fr' then '{Alix,Ange,Camille,Charlie,Claude,Dominique,Eden,Elie,Florence,France,Gabriel,Gwen,Hyacinthe,Jackie,Jocelyn,Lou,Loan,Louison,Marie,Maxime,Morgan,Nima,Noa,Pascal,Philippe,Romane,Sacha,Sandy,Stephane,Swann,Valentine,Yannick}'::text[]
  when 'given_name_en' then '{Alex,Ashley,Avery,Blake,Cameron,Casey,Dana,Drew,Eden,Elliot,Emery,Finley,Frankie,Hayden,Jamie,Jesse,Jordan,Jules,Kelly,Lee,Logan,Morgan,Parker,Quinn,Reese,Riley,Robin,Rowan,Sidney,Skyler,Taylor,Terry}'::text[]
  when 'family_name_fr' then '{Abricot,Acacia,Bleuet,Bouleau,Bruyere,Cerise,Charme,Citron,Cypres,Epice,Figuier,Fougere,Framboise,Genet,Girofle,Lavande,Lierre,Lilas,Menthe,Merisier,Mimosa,Myrtille,Noisette,Olivier,Orme,Platane,Pommier,Romarin,Sapin,Saule,Tilleul,Verveine}'::text[]
  when 'family_name_en' then '{Alder,Apple,Ash,Aspen,Barley,Beech,Birch,Bramble,Cedar,Cherry,Clover,Elder,Elm,Fern,Hawthorn,Hazel,Heather,Holly,Ivy,Juniper,Laurel,Linden,Maple,Myrtle,Oak,Pine,Poplar,Reed,Rowan,Sage,Thistle,Willow}'::text[]
  when 'city_fr' then '{Beaumont,Belair,Bellerive,Boisclair,Bonneval,Bourgneuf,Champfleury,Chantemerle,Clairval,Coteau,Fontclaire,Fontvieille,Grandval,Hautbois,Hauterive,Longchamp,Montclair,Montfleury,Neuville,Pontneuf,Rivebelle,Rochebelle,Rochefort,Sablons,Sautfleuri,Toursol,Valclair,Valfleury,Vertbois,Vieuxpont,Villeneuve,Villesol}'::text[]
  when 'city_en' then '{Ashford,Bayfield,Briarwood,Brookfield,Clearwater,Cliffside,Coldbrook,Eastfield,Elmwood,Fairview,Foxhill,Glenford,Greenfield,Hillcrest,Kingsbrook,Lakeside,Longmeadow,Maplewood,Millbrook,Newbridge,Northgate,Oakdale,Pinehurst,Ridgeway,Riverton,Rosewood,Southport,Springdale,Stonebridge,Summerfield,Westbrook,Winterfield}'::text[]
  when 'company_fr' then '{Ets Abeille,Ets Alouette,Ets Belette,Ets Bouvreuil,Ets Castor,Ets Cerf,Ets Chamois,Ets Cigale,Ets Cigogne,Ets Colibri,Ets Cygne,Ets Dauphin,Ets Fauvette,Ets Furet,Ets Geai,Ets Grillon,Ets Grive,Ets Hibou,Ets Lievre,Ets Loutre,Ets Lynx,Ets Marmotte,Ets Merle,Ets Mouette,Ets Papillon,Ets Pinson,Ets Renard,Ets Rossignol,Ets Saumon,Ets Tortue,Ets Truite,Ets Vanneau}'::text[]
  else '{Badger Works,Beaver Works,Bison Works,Crane Works,Curlew Works,Deer Works,Dolphin Works,Dove Works,Eagle Works,Falcon Works,Ferret Works,Finch Works,Fox Works,Hare Works,Heron Works,Ibis Works,Jay Works,Kestrel Works,Lark Works,Lynx Works,Magpie Works,Marten Works,Mole Works,Otter Works,Owl Works,Robin Works,Salmon Works,Seal Works,Stork Works,Swift Works,Trout Works,Wren Works}'::text[]
end;

comment on function lethe.pseudonym_names(text, text) is
  'The 32 names that lethe.pseudonym_name picks from: kind given_name, family_name, city or company; locale fr or en.';

create or replace function lethe.is_pseudonym_name(value text, kind text, locale text)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" like '%*'
  and left(value, -1) collate "C" = any (lethe.pseudonym_names(kind, locale));

comment on function lethe.is_pseudonym_name(text, text, text) is
  'True for a name of the list with a star after it; null for null.';

create or replace function lethe.pseudonym_name(value text, inner_pad bytea, outer_pad bytea, kind text, locale text)
  returns text
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_name(value, kind, locale) then value
  else (lethe.pseudonym_names(kind, locale))[1 + get_byte(lethe.keyed_hash(value, inner_pad, outer_pad), 0) % 32] || '*'
end;

comment on function lethe.pseudonym_name(text, bytea, bytea, text, text) is
  'One of 32 invented names, chosen by the value''s HMAC, and a star.';
--! EndIncluded lethe/methods/pseudonym_name.sql
--! Included lethe/methods/generalize_time.sql
-- Generalization of the time of day: when something happened to the hour, the day or the week is often
-- enough, and a second names one event. Infinite values stay; what lies before year 1 becomes its first
-- day, a Monday; instants are read in UTC, as generalize_date does.
create or replace function lethe.generalize_time(value timestamp, "to" text)
  returns timestamp
  language sql
  immutable
  parallel safe
return case
  when isfinite(value) is not true then value
  else date_trunc("to", greatest(value, timestamp '0001-01-01'))
end;

comment on function lethe.generalize_time(timestamp, text) is
  'First instant of the hour, the day or the week (Monday) that the timestamp lies in. Infinite ones stay.';

create or replace function lethe.generalize_time(value timestamptz, "to" text)
  returns timestamptz
  language sql
  immutable
  parallel safe
return lethe.generalize_time(value at time zone 'UTC', "to") at time zone 'UTC';

comment on function lethe.generalize_time(timestamptz, text) is
  'First instant, in UTC, of the hour, the day or the week (Monday) that the instant lies in. Infinite ones stay.';

create or replace function lethe.is_generalize_time(value timestamp, "to" text)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_time(value, "to");

comment on function lethe.is_generalize_time(timestamp, text) is
  'True when lethe.generalize_time would leave the timestamp as it is; null for null.';

create or replace function lethe.is_generalize_time(value timestamptz, "to" text)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_time(value, "to");

comment on function lethe.is_generalize_time(timestamptz, text) is
  'True when lethe.generalize_time would leave the instant as it is; null for null.';
--! EndIncluded lethe/methods/generalize_time.sql
--! Included lethe/methods/generalize_period.sql
-- Generalization of ranges of dates and times (a stay, a contract): both ends go down to the first day of
-- the month, the quarter or the year they lie in, and belong to the range. Ends that are open, or
-- infinite, and empty ranges stay as they are.
create or replace function lethe.generalize_period(value daterange, "to" text)
  returns daterange
  language sql
  immutable
  parallel safe
return case
  when isempty(value) is not false then value
  else daterange(lethe.generalize_date(lower(value), "to", 1), lethe.generalize_date(upper(value), "to", 1), '[]')
end;

comment on function lethe.generalize_period(daterange, text) is
  'The range between the first days of the months, quarters or years that its ends lie in.';

create or replace function lethe.generalize_period(value tsrange, "to" text)
  returns tsrange
  language sql
  immutable
  parallel safe
return case
  when isempty(value) is not false then value
  else tsrange(lethe.generalize_date(lower(value), "to", 1), lethe.generalize_date(upper(value), "to", 1), '[]')
end;

comment on function lethe.generalize_period(tsrange, text) is
  'The range between the first instants of the months, quarters or years that its ends lie in.';

create or replace function lethe.generalize_period(value tstzrange, "to" text)
  returns tstzrange
  language sql
  immutable
  parallel safe
return case
  when isempty(value) is not false then value
  else tstzrange(lethe.generalize_date(lower(value), "to", 1), lethe.generalize_date(upper(value), "to", 1), '[]')
end;

comment on function lethe.generalize_period(tstzrange, text) is
  'The range between the first instants, in UTC, of the months, quarters or years that its ends lie in.';

create or replace function lethe.is_generalize_period(value daterange, "to" text)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_period(value, "to");

comment on function lethe.is_generalize_period(daterange, text) is
  'True when lethe.generalize_period would leave the range as it is; null for null.';

create or replace function lethe.is_generalize_period(value tsrange, "to" text)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_period(value, "to");

comment on function lethe.is_generalize_period(tsrange, text) is
  'True when lethe.generalize_period would leave the range as it is; null for null.';

create or replace function lethe.is_generalize_period(value tstzrange, "to" text)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_period(value, "to");

comment on function lethe.is_generalize_period(tstzrange, text) is
  'True when lethe.generalize_period would leave the range as it is; null for null.';
--! EndIncluded lethe/methods/generalize_period.sql
--! Included lethe/methods/month_day.sql
-- A birthday without the year of birth (--MM-DD in vCard). The year becomes 1604: a leap year, so that
-- 29 February keeps its day, before anybody's birth, and what address books write for "no year".
create or replace function lethe.month_day(value date)
  returns date
  language sql
  immutable
  parallel safe
return case
  when isfinite(value) is not true then value
  else make_date(1604, extract(month from value)::int, extract(day from value)::int)
end;

comment on function lethe.month_day(date) is 'The same month and day in the year 1604. Infinite dates stay.';

create or replace function lethe.is_month_day(value date)
  returns boolean
  language sql
  immutable
  parallel safe
return case
  when isfinite(value) then value between date '1604-01-01' and date '1604-12-31'
  else value = value
end;

comment on function lethe.is_month_day(date) is 'True for a date of 1604 and for infinite ones; null for null.';
--! EndIncluded lethe/methods/month_day.sql
--! Included lethe/methods/generalize_coordinates.sql
-- Generalization of coordinates to a grid: degrees are cut to so many decimals, towards zero (one decimal
-- is eleven kilometres, two are one). Latitude and longitude in two columns need a rule each.
--
-- By way of numeric, which holds the decimals exactly: cutting binary numbers twice would drift. NaN,
-- infinite values and those from 2^24 (real) and 2^53 (double precision) on stay: the latter have no
-- decimals, and numeric could round them up and out of the type.
create or replace function lethe.is_generalize_coordinates(value numeric, decimals int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = trunc(value, decimals);

comment on function lethe.is_generalize_coordinates(numeric, int) is
  'True when the number has no more decimals than that; null for null.';

create or replace function lethe.generalize_coordinates(value numeric, decimals int)
  returns numeric
  language sql
  immutable
  parallel safe
return case
  when lethe.is_generalize_coordinates(value, decimals) then value
  else trunc(value, decimals)
end;

comment on function lethe.generalize_coordinates(numeric, int) is 'The number cut to so many decimals, towards zero.';

create or replace function lethe.is_generalize_coordinates(value real, decimals int)
  returns boolean
  language sql
  immutable
  parallel safe
return case
  when abs(value) >= 16777216 then true
  else value = trunc(value::numeric, decimals)::real
end;

comment on function lethe.is_generalize_coordinates(real, int) is
  'True when the number has no more decimals than that; null for null.';

create or replace function lethe.generalize_coordinates(value real, decimals int)
  returns real
  language sql
  immutable
  parallel safe
return case
  when abs(value) >= 16777216 then value
  else trunc(value::numeric, decimals)::real
end;

comment on function lethe.generalize_coordinates(real, int) is 'The number cut to so many decimals, towards zero.';

create or replace function lethe.is_generalize_coordinates(value double precision, decimals int)
  returns boolean
  language sql
  immutable
  parallel safe
return case
  when abs(value) >= 9007199254740992 then true
  else value = trunc(value::numeric, decimals)::double precision
end;

comment on function lethe.is_generalize_coordinates(double precision, int) is
  'True when the number has no more decimals than that; null for null.';

create or replace function lethe.generalize_coordinates(value double precision, decimals int)
  returns double precision
  language sql
  immutable
  parallel safe
return case
  when abs(value) >= 9007199254740992 then value
  else trunc(value::numeric, decimals)::double precision
end;

comment on function lethe.generalize_coordinates(double precision, int) is 'The number cut to so many decimals, towards zero.';

create or replace function lethe.is_generalize_coordinates(value point, decimals int)
  returns boolean
  language sql
  immutable
  parallel safe
return lethe.is_generalize_coordinates(value[0], decimals) and lethe.is_generalize_coordinates(value[1], decimals);

comment on function lethe.is_generalize_coordinates(point, int) is
  'True when both coordinates have no more decimals than that; null for null.';

create or replace function lethe.generalize_coordinates(value point, decimals int)
  returns point
  language sql
  immutable
  parallel safe
return point(lethe.generalize_coordinates(value[0], decimals), lethe.generalize_coordinates(value[1], decimals));

comment on function lethe.generalize_coordinates(point, int) is 'The point with both coordinates cut to so many decimals, towards zero.';
--! EndIncluded lethe/methods/generalize_coordinates.sql
--! Included lethe/methods/generalize_url.sql
-- Generalization of web addresses to their origin: scheme, host and port. User, password, path, query and
-- fragment, where names, tokens and search words stand, go. What is no address with a host becomes empty.
create or replace function lethe.is_generalize_url(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" ~ '^([A-Za-z][A-Za-z0-9+.-]*://[^/?#@\s\\]+)?$';

comment on function lethe.is_generalize_url(text) is
  'True for a scheme and a host with nothing after it, and for empty text; null for null.';

create or replace function lethe.generalize_url(value text)
  returns text
  language sql
  immutable
  parallel safe
return case
  when value is not null then coalesce(
    substring(value collate "C" from '^[A-Za-z][A-Za-z0-9+.-]*://')
      || substring(value collate "C" from '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?([^/?#@\s\\]+)(?:[/?#\s\\]|$)'),
    '')
end;

comment on function lethe.generalize_url(text) is
  'Scheme, host and port of a web address; empty for text that is none.';
--! EndIncluded lethe/methods/generalize_url.sql
--! Included lethe/methods/generalize_user_agent.sql
-- Generalization of browser identifications to the family: version, device and system together tell
-- people apart, the family does not. Browsers name each other in their strings, hence the order.
create or replace function lethe.is_generalize_user_agent(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" = any ('{"",bot,Chrome,Edge,Firefox,IE,Opera,Safari,Samsung,other}'::text[]);

comment on function lethe.is_generalize_user_agent(text) is
  'True for the name of a family, bot, other and empty text; null for null.';

create or replace function lethe.generalize_user_agent(value text, length int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when value is null or lethe.is_generalize_user_agent(value) then value
  when length < 7 then ''
  when value collate "C" ~* 'bot|crawl|spider|slurp|curl|wget|python|java/' then 'bot'
  when value collate "C" like '%Edg%/%' then 'Edge'
  when value collate "C" like '%OPR/%' or value collate "C" like '%Opera%' then 'Opera'
  when value collate "C" like '%SamsungBrowser/%' then 'Samsung'
  when value collate "C" like '%Firefox/%' or value collate "C" like '%FxiOS/%' then 'Firefox'
  when value collate "C" like '%Chrome/%' or value collate "C" like '%CriOS/%' or value collate "C" like '%Chromium/%' then 'Chrome'
  when value collate "C" like '%Safari/%' then 'Safari'
  when value collate "C" like '%MSIE %' or value collate "C" like '%Trident/%' then 'IE'
  else 'other'
end;

comment on function lethe.generalize_user_agent(text, int) is
  'The family of a browser: Chrome, Edge, Firefox, IE, Opera, Safari or Samsung; bot; other. Empty where fewer than 7 characters fit.';
--! EndIncluded lethe/methods/generalize_user_agent.sql
--! Included lethe/methods/redact_elements.sql
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
--! EndIncluded lethe/methods/redact_elements.sql
--! Included lethe/methods/jsonb_remove.sql
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
--! EndIncluded lethe/methods/jsonb_remove.sql
--! Included lethe/methods/jsonb_keep.sql
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
--! EndIncluded lethe/methods/jsonb_keep.sql
--! Included lethe/methods/jsonb_redact.sql
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
--! EndIncluded lethe/methods/jsonb_redact.sql
--! Included lethe/methods/catalogue.sql
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
--! EndIncluded lethe/methods/catalogue.sql
--! Included lethe/methods/catalogue_pseudonyms.sql
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
--! EndIncluded lethe/methods/catalogue_pseudonyms.sql
--! Included lethe/methods/catalogue_generalizations.sql
-- Lethe's own methods that make a value less exact; see catalogue.sql.
insert into lethe.methods (name, mask, recogniser, type_categories, output, keeps_unique, keyed, nulls_out,
  length_min, length_min_unique, parameters, description, builtin)
values
  ('generalize_date',
   'lethe.generalize_date({value}, {to}, {width})', 'lethe.is_generalize_date({value}, {to}, {width})',
   '{date,timestamp,timestamptz}', 'anonymous', false, false, false, null, null,
   '{"to": {"type": "string", "enum": ["month", "quarter", "year", "age_band"], "default": "year", "description": "what is left of the date"},
     "width": {"type": "integer", "default": 10, "minimum": 1, "maximum": 1000, "description": "years in an age band"}}',
   'The first day of the month, the quarter, the year or the band of years.', true),

  -- An exact day, or even hour, can still single somebody out.
  ('generalize_time',
   'lethe.generalize_time({value}, {to})', 'lethe.is_generalize_time({value}, {to})',
   '{timestamp,timestamptz}', 'pseudonymous', false, false, false, null, null,
   '{"to": {"type": "string", "enum": ["hour", "day", "week"], "default": "day", "description": "what is left of the time"}}',
   'The beginning of the hour, the day or the week.', true),

  ('generalize_period',
   'lethe.generalize_period({value}, {to})', 'lethe.is_generalize_period({value}, {to})',
   '{daterange,tsrange,tstzrange}', 'anonymous', false, false, false, null, null,
   '{"to": {"type": "string", "enum": ["month", "quarter", "year"], "default": "year", "description": "what is left of both ends"}}',
   'A range whose ends are first days of months, quarters or years.', true),

  ('month_day',
   'lethe.month_day({value})', 'lethe.is_month_day({value})',
   '{date}', 'anonymous', false, false, false, null, null, '{}',
   'A birthday without the year of birth: the year becomes 1604.', true),

  ('generalize_number',
   'lethe.generalize_number({value}, {width})', 'lethe.is_generalize_number({value}, {width})',
   '{int2,int4,int8,numeric,float4,float8}', 'anonymous', false, false, false, null, null,
   '{"width": {"type": "integer", "default": 10, "minimum": 1, "maximum": 2147483647, "description": "width of a range"}}',
   'The edge, towards zero, of the range the number lies in.', true),

  -- Six decimals are ten centimetres, and even a kilometre may have one inhabitant.
  ('generalize_coordinates',
   'lethe.generalize_coordinates({value}, {decimals})', 'lethe.is_generalize_coordinates({value}, {decimals})',
   '{numeric,float4,float8,point}', 'pseudonymous', false, false, false, null, null,
   '{"decimals": {"type": "integer", "default": 1, "minimum": 0, "maximum": 6, "description": "decimals of a degree to keep"}}',
   'A coordinate, or both of a point, on a grid of so many decimals.', true),

  ('generalize_postcode',
   'lethe.shape({value}, {keep})', 'lethe.is_shape({value}, {keep})',
   '{text,varchar,bpchar,citext}', 'anonymous', false, false, false, null, null,
   '{"keep": {"type": "integer", "default": 2, "minimum": 0, "maximum": 5, "description": "characters to keep at the start"}}',
   'The first characters of a postal code; 0, X and x in place of the others.', true),

  -- Never less than half of a version 6 address goes, nor less than the last bit of a version 4 one.
  ('generalize_ip',
   'lethe.generalize_ip({value}, {v4}, {v6})', 'lethe.is_generalize_ip({value}, {v4}, {v6})',
   '{inet,cidr,text,varchar,bpchar,citext}', 'anonymous', false, false, false, 15, 15,
   '{"v4": {"type": "integer", "default": 24, "minimum": 0, "maximum": 31, "description": "bits of a version 4 address to keep"},
     "v6": {"type": "integer", "default": 48, "minimum": 0, "maximum": 64, "description": "bits of a version 6 address to keep"}}',
   'The network the address lies in.', true),

  ('generalize_mac',
   'trunc({value})', '{value} = trunc({value})',
   '{macaddr,macaddr8}', 'anonymous', false, false, false, null, null, '{}',
   'The maker of a network interface: the first three bytes of its address, zero for the rest.', true),

  -- A host may name a person.
  ('generalize_url',
   'lethe.generalize_url({value})', 'lethe.is_generalize_url({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, false, false, null, null, '{}',
   'A web address without user, path, query and fragment; empty for what is none.', true),

  ('generalize_user_agent',
   'lethe.generalize_user_agent({value}, {length})', 'lethe.is_generalize_user_agent({value})',
   '{text,varchar,bpchar,citext}', 'anonymous', false, false, false, null, null, '{}',
   'The family of the browser, without version, device and system.', true)
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
--! EndIncluded lethe/methods/catalogue_generalizations.sql
--! Included lethe_private/clock_sql.sql
-- From here to compile.sql: the compiler. Each function returns the text of one SQL expression over one
-- row, under an alias. Cut-offs are computed first and written as constants, so that an index on the
-- clock serves and a partial index can be proved to apply.
--
-- Clocks before this year are taken for "none": converting them between zones can leave the range of
-- a timestamp and fail. The same at the other end, where a clock means "never".

create or replace function lethe_private.clock_floor()
  returns text
  language sql
  immutable
return '4713-01-01 BC';

comment on function lethe_private.clock_floor() is 'Clocks up to here stand for "none".';

create or replace function lethe_private.clock_ceiling()
  returns text
  language sql
  immutable
return '294000-01-01';

comment on function lethe_private.clock_ceiling() is 'Clocks from here on stand for "never".';

create or replace function lethe_private.local_day_sql(
  alias text,
  clock lethe_private.host_columns,
  table_zone text,
  controller_zone text
)
  returns text
  language sql
  immutable
return case
  when clock.type_name = 'date' then format('%s.%I', alias, clock.name)
  when clock.type_name = 'timestamptz' then format('(%s.%I at time zone %L)::date', alias, clock.name, controller_zone)
  when coalesce(table_zone, controller_zone) = controller_zone then format('%s.%I::date', alias, clock.name)
  else format('((%s.%I at time zone %L) at time zone %L)::date', alias, clock.name, table_zone, controller_zone)
end;

comment on function lethe_private.local_day_sql(text, lethe_private.host_columns, text, text) is
  'The controller''s local day of a clock column of type date, timestamp or timestamptz.';

-- Sargable and exact where the type allows it; else a bound a little late for the index and the exact
-- day for the truth. Two days cover any zone''s distance from the bound, three any two zones''. As long
-- before the day nothing is left to ask, which spares all but the newest rows the conversion.
create or replace function lethe_private.up_to_day_sql(
  alias text,
  clock lethe_private.host_columns,
  table_zone text,
  controller_zone text,
  last_day date
)
  returns text
  language sql
  stable
return case
  when clock.type_name = 'date' then
    format('%s.%I <= date %L', alias, clock.name, last_day)
  when clock.type_name = 'timestamptz' then
    format('%1$s.%2$I < timestamptz %3$L and (%1$s.%2$I < timestamptz %4$L or %5$s <= date %6$L)', alias, clock.name,
      to_char((last_day + 2)::timestamp at time zone controller_zone at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '+00',
      to_char((last_day - 2)::timestamp at time zone controller_zone at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '+00',
      lethe_private.local_day_sql(alias, clock, table_zone, controller_zone), last_day)
  when coalesce(table_zone, controller_zone) = controller_zone then
    format('%s.%I < timestamp %L', alias, clock.name, last_day + 1)
  else
    format('%1$s.%2$I < timestamp %3$L and (%1$s.%2$I < timestamp %4$L or %5$s <= date %6$L)', alias, clock.name, last_day + 3, last_day - 3,
      lethe_private.local_day_sql(alias, clock, table_zone, controller_zone), last_day)
end;

comment on function lethe_private.up_to_day_sql(text, lethe_private.host_columns, text, text, date) is
  'True when the clock lies on or before a local day of the controller.';

-- One clock as a day: null where it says nothing (-infinity, a sentinel of the past), infinity where it means "never"
-- (infinity, a sentinel to come, too late to convert), the local day else.
create or replace function lethe_private.clock_day_sql(
  alias text,
  clock lethe_private.host_columns,
  table_zone text,
  controller_zone text,
  sentinels date[],
  today date
)
  returns text
  language sql
  stable
return format('case when %1$s.%2$I <= %3$L then null when %1$s.%2$I >= %4$L%5$s then date ''infinity''%6$s else %7$s end',
  alias, clock.name, lethe_private.clock_floor(), lethe_private.clock_ceiling(),
  (select ' or ' || lethe_private.local_day_sql(alias, clock, table_zone, controller_zone)
     || ' in (' || string_agg(format('date %L', s), ', ') || ')' from unnest(sentinels) as s where s >= today having count(*) > 0),
  (select ' when ' || lethe_private.local_day_sql(alias, clock, table_zone, controller_zone)
     || ' in (' || string_agg(format('date %L', s), ', ') || ') then null' from unnest(sentinels) as s where s < today having count(*) > 0),
  lethe_private.local_day_sql(alias, clock, table_zone, controller_zone));

comment on function lethe_private.clock_day_sql(text, lethe_private.host_columns, text, text, date[], date) is
  'The local day of one clock; null where it says nothing, infinity where it means never.';

-- The latest of several clocks, as a local day: nulls are ignored, and what means "never" is later than all.
create or replace function lethe_private.latest_day_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  since text[]
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_entry text;
  v_column lethe_private.host_columns;
  v_days text[];
begin
  foreach v_entry in array since loop
    if lethe_private.is_linked(v_entry) then
      v_days := v_days || lethe_private.linked_day_sql(alias, managed, table_oid, controller, today, v_entry);
    else
      select h.* into v_column from lethe_private.host_columns as h where h.relation = table_oid and h.name = v_entry;
      v_days := v_days || lethe_private.clock_day_sql(alias, v_column, managed.time_zone, controller.time_zone, managed.sentinels, today);
    end if;
  end loop;
  return 'greatest(' || array_to_string(v_days, ', ') || ')';
end
$$;

comment on function lethe_private.latest_day_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text[]) is
  'The latest local day of several clocks; null when none says anything, infinity when one means never.';
--! EndIncluded lethe_private/clock_sql.sql
--! Included lethe_private/term_sql.sql
-- One term over one row, in three parts (type lethe_private.term_parts). The rule puts them together.
create or replace function lethe_private.term_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  after interval,
  since text[],
  condition text,
  batch boolean
)
  returns lethe_private.term_parts
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_last date := lethe_private.last_due_day(term_sql.today, term_sql.after);
  v_past text := (select string_agg(format('date %L', s), ', ') from unnest(managed.sentinels) as s where s < term_sql.today);
  v_all text := (select string_agg(format('date %L', s), ', ') from unnest(managed.sentinels) as s);
  v_clock lethe_private.host_columns;
  v_day text;
  v_linked boolean := (select bool_or(lethe_private.is_linked(s)) from unnest(term_sql.since) as s);
  v_parts lethe_private.term_parts;
begin
  -- Over live rows, clocks of other rows are asked in a form that suits how many rows there are. An archived row has
  -- their days with it (linked_day_sql), and is asked like one with clocks of its own.
  if v_linked and not lethe_private.is_archive(table_oid) then
    v_parts := lethe_private.linked_term_sql(alias, managed, table_oid, controller, today, v_last, term_sql.since, batch);
  elsif cardinality(term_sql.since) = 1 and not v_linked then
    select h.* into v_clock from lethe_private.host_columns as h
    where h.relation = table_oid and h.name = term_sql.since[1];
    v_day := lethe_private.local_day_sql(alias, v_clock, managed.time_zone, controller.time_zone);
    v_parts.usable := format('%1$s.%2$I > %3$L and %1$s.%2$I < %5$L%4$s',
      alias, v_clock.name, lethe_private.clock_floor(), coalesce(' and ' || v_day || ' not in (' || v_all || ')', ''),
      lethe_private.clock_ceiling());
    v_parts.unusable := format('%1$s.%2$I is null or %1$s.%2$I <= %3$L or %1$s.%2$I >= %5$L%4$s',
      alias, v_clock.name, lethe_private.clock_floor(), coalesce(' or ' || v_day || ' in (' || v_all || ')', ''),
      lethe_private.clock_ceiling());
    -- What rules most rows out comes first.
    v_parts.expired := format('%4$s and %1$s.%2$I > %3$L%5$s',
      alias, v_clock.name, lethe_private.clock_floor(),
      lethe_private.up_to_day_sql(alias, v_clock, managed.time_zone, controller.time_zone, v_last),
      coalesce(' and ' || v_day || ' not in (' || v_past || ')', ''));
  else
    v_day := lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, term_sql.since);
    v_parts.usable := format('%s < ''infinity''', v_day);
    v_parts.unusable := format('not coalesce(%s, false)', v_parts.usable);
    v_parts.expired := format('%s <= date %L', v_day, v_last);
  end if;
  v_parts.applies := coalesce('(' || case when lethe_private.is_archive(table_oid) then lethe_private.archived_condition(term_sql.condition)
    else term_sql.condition end || ')', v_parts.usable);
  if term_sql.condition is not null and v_parts.applies = v_parts.usable then
    raise exception using errcode = 'LE303',
      message = format('a predicate on %I.%I cannot be asked of its archive', managed.schema_name, managed.table_name),
      hint = 'compare an enumeration for equality alone, and other types of yours not at all';
  end if;
  return v_parts;
end
$$;

comment on function lethe_private.term_sql(text, lethe.managed_tables, oid, lethe.controllers, date, interval, text[], text, boolean) is
  'The SQL of one term of a rule, for one controller and one local day.';

create or replace function lethe_private.effective_terms(table_id int, controller_id int)
  returns setof lethe.terms
  language sql
  stable
begin atomic
  -- A controller's own term replaces the default of the same rule and purpose.
  select distinct on (t.rule_id, t.purpose) t.*
  from lethe.terms as t
  join lethe.rules as r on r.id = t.rule_id
  where r.table_id = effective_terms.table_id
    and (t.controller_id is null or t.controller_id = effective_terms.controller_id)
  order by t.rule_id, t.purpose, t.controller_id nulls last;
end;

comment on function lethe_private.effective_terms(int, int) is
  'The terms in force on a managed table for a controller.';
--! EndIncluded lethe_private/term_sql.sql
--! Included lethe_private/rule_sql.sql
-- Later work adds terms (a purpose, a statutory minimum), never another way of putting them together.
create or replace function lethe_private.rule_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  rule_id int,
  batch boolean
)
  returns lethe_private.rule_parts
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_term lethe.terms;
  v_parts lethe_private.term_parts[];
  v_conditional boolean[];
  v_plain boolean;
  v_rule lethe_private.rule_parts;
begin
  for v_term in
    select * from lethe_private.effective_terms(managed.id, controller.id) as t
    where t.rule_id = rule_sql.rule_id
    order by t.purpose nulls first
  loop
    v_parts := array_append(v_parts, lethe_private.term_sql(alias, managed, table_oid, controller, today,
      v_term.after, v_term.since, v_term.condition, batch));
    v_conditional := v_conditional || (v_term.condition is not null);
    -- Terms without "when" on one and the same clock all apply, or none does.
    v_plain := coalesce(v_plain, true) and v_term.condition is null
      and v_parts[cardinality(v_parts)].usable = v_parts[1].usable;
  end loop;
  if v_parts is null then
    return null;
  end if;

  select
    case
      when v_plain then string_agg(p.expired, ' and ')
      when count(*) = 1 then format('%s and %s', min(p.applies), min(p.expired))
      else string_agg(format('(not coalesce(%s, false) or coalesce(%s, false))', p.applies, p.expired), ' and ' order by p.n)
        || ' and (' || string_agg(format('coalesce(%s, false)', p.applies), ' or ' order by p.n) || ')'
    end,
    case
      when not bool_or(v_conditional[p.n]) then string_agg(distinct format('(%s)', p.unusable), ' and ')
      else 'not (' || string_agg(format('coalesce(%s and not (%s), false)', p.applies, p.unusable), ' or ' order by p.n)
        || ') and (' || string_agg(format('coalesce(%s, false)', case when v_conditional[p.n] then p.applies else p.unusable end), ' or ' order by p.n) || ')'
    end
    into v_rule.due, v_rule.unclocked
  from unnest(v_parts) with ordinality as p (applies, usable, unusable, expired, n);
  return v_rule;
end
$$;

comment on function lethe_private.rule_sql(text, lethe.managed_tables, oid, lethe.controllers, date, int, boolean) is
  'When a row is due under a rule, for one controller and one local day; null when the rule has no term for it.';
--! EndIncluded lethe_private/rule_sql.sql
--! Included lethe_private/held.sql
-- What every statement asks. Named columns only: the sweeper may see that a key is held, not why.
create or replace view lethe_private.held as
  select k.table_id, k.key, h.ends_on
  from lethe_private.held_keys as k
  join lethe.holds as h on h.id = k.hold_id
  where h.released_at is null
  union all
  select e.table_id, e.key, e.until
  from lethe_private.exemptions as e;

comment on view lethe_private.held is
  'Keys under a hold that has not been released (a null key is the whole table), or put back from the archive for a time.';

-- Two questions rather than one with "or": the first is asked once a statement, the second is answered
-- by hash or by index. day: the row is held up to and including its ends_on.
create or replace function lethe_private.held_exists(alias text, managed lethe.managed_tables, table_oid oid, today date)
  returns text[]
  language sql
  stable
return array[
  format('exists (select from lethe_private.held as h where h.table_id = %s and h.key is null and (h.ends_on is null or h.ends_on >= date %L))',
    managed.id, today),
  format('exists (select from lethe_private.held as h where h.table_id = %s and h.key = %s and (h.ends_on is null or h.ends_on >= date %L))',
    managed.id, lethe_private.key_sql(alias, table_oid, managed.key_columns), today)];

comment on function lethe_private.held_exists(text, lethe.managed_tables, oid, date) is
  'Two predicates: the whole table is held; the row is held.';

create or replace function lethe_private.held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date)
  returns text
  language sql
  stable
-- Where nothing of the table is held, which is asked once a statement, no row need be asked.
return format('(exists (select from lethe_private.held as h where h.table_id = %s) and (%s))',
  managed.id, array_to_string(lethe_private.held_exists(alias, managed, table_oid, today), ' or '));

comment on function lethe_private.held_sql(text, lethe.managed_tables, oid, date) is 'True when the row is under a hold on the given day.';

create or replace function lethe_private.not_held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date)
  returns text
  language sql
  stable
return 'not ' || array_to_string(lethe_private.held_exists(alias, managed, table_oid, today), E'\n    and not ');

comment on function lethe_private.not_held_sql(text, lethe.managed_tables, oid, date) is
  'The opposite of held_sql, in the form that PostgreSQL can turn into an anti-join.';
--! EndIncluded lethe_private/held.sql
--! Included lethe_private/linked_clock.sql
-- A clock may be the latest event among the rows that refer to a row: max(invoices.issued_on), or
-- max(public.invoices.issued_on). Where several references lead from there to the table, the one meant is named
-- by its columns: max(messages.sent_at via sender_id). Counterpart: linked_sql.sql, which writes it as SQL, and
-- last_events.sql, which keeps the clock when its events go.
create or replace function lethe_private.is_linked(entry text)
  returns boolean
  language sql
  immutable
return entry ~ '^\s*\w+\s*\(.*\)\s*$';

comment on function lethe_private.is_linked(text) is 'True for a clock that is computed from other rows.';

-- Names are taken as they are written, and folded only where nothing is found so.
create or replace function lethe_private.name_list(list text, separator text)
  returns text[]
  language sql
  immutable
begin atomic
  select array_agg(case when r.name[1] like '"%' then replace(substr(r.name[1], 2, length(r.name[1]) - 2), '""', '"') else r.name[1] end order by r.n)
  from regexp_matches(list, '"(?:[^"]|"")+"|[^\s."(),]+', 'g') with ordinality as r (name, n)
  where list ~ replace($re$^\s*(?:"(?:[^"]|"")+"|[^\s."(),]+)(?:\s*{}\s*(?:"(?:[^"]|"")+"|[^\s."(),]+))*\s*$$re$, '{}', '[' || separator || ']');
end;

comment on function lethe_private.name_list(text, text) is 'The names of a list such as public.invoices."Issued on"; null where it is none.';

create or replace function lethe_private.plain_names(names text[], separator text)
  returns text
  language sql
  immutable
begin atomic
  select string_agg(case when x.name ~ '^[^\s."(),]+$' then x.name else '"' || replace(x.name, '"', '""') || '"' end, separator order by x.n)
  from unnest(names) with ordinality as x (name, n);
end;

comment on function lethe_private.plain_names(text[], text) is 'The inverse of name_list.';

create or replace function lethe_private.linked_child(entry text, path text[])
  returns lethe.managed_tables
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_path text[] := path[:cardinality(path) - 1];
  v_found lethe.managed_tables[];
begin
  select array_agg(m order by m.schema_name) into v_found
  from lethe.managed_tables as m
  where m.table_name = v_path[cardinality(v_path)] and (cardinality(v_path) = 1 or m.schema_name = v_path[1]);
  if v_found is null then
    select array_agg(m order by m.schema_name) into v_found
    from lethe.managed_tables as m
    where m.table_name = lower(v_path[cardinality(v_path)]) and (cardinality(v_path) = 1 or m.schema_name = lower(v_path[1]));
  end if;
  if v_found is null then
    raise exception using errcode = 'LE102',
      message = format('table %s of clock %s is not managed', lethe_private.plain_names(v_path, '.'), entry),
      hint = 'manage it first: lethe.manage_table, or add it under tables';
  elsif cardinality(v_found) > 1 then
    raise exception using errcode = 'LE102',
      message = format('clock %s does not say which table %s is meant', entry, v_path[1]),
      hint = 'write ' || (select string_agg(format('max(%s)', lethe_private.plain_names(array[f.schema_name, f.table_name, path[2]], '.')), ' or ')
                          from unnest(v_found) as f);
  end if;
  return v_found[1];
end
$$;

comment on function lethe_private.linked_child(text, text[]) is 'The managed table that a linked clock names. Raises LE102.';

create or replace function lethe_private.linked_clock(managed lethe.managed_tables, entry text)
  returns lethe_private.linked_clock
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_function text := lower((regexp_match(entry, '^\s*(\w+)\s*\('))[1]);
  v_parts text[] := regexp_split_to_array(regexp_replace(entry, '^\s*\w+\s*\(|\)\s*$', '', 'g'), '\s+via\s+', 'i');
  v_path text[] := lethe_private.name_list(v_parts[1], '.');
  v_via text[] := lethe_private.name_list(v_parts[2], ',');
  v_parent oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_child lethe.managed_tables;
  v_oid oid;
  v_column lethe_private.host_columns;
  v_reference record;
  v_links text[];
  v_positions int2[];
  v_clock lethe_private.linked_clock;
begin
  if v_function is distinct from 'max' then
    raise exception using errcode = 'LE315',
      message = format('clock %s is not available: a clock is a column, or the latest of other rows'' columns', quote_literal(entry)),
      hint = 'write it as max(table.column)';
  elsif cardinality(v_parts) > 2 or cardinality(v_parts) = 2 and v_via is null or coalesce(cardinality(v_path), 0) not in (2, 3) then
    raise exception using errcode = 'LE302',
      message = format('clock %s names no column of another table', quote_literal(entry)),
      hint = 'write it as max(table.column) or max(schema.table.column), and "via" the referring columns where there are several references';
  end if;

  v_child := lethe_private.linked_child(entry, v_path);
  v_oid := lethe_private.host_table(v_child.schema_name, v_child.table_name);
  select h.* into v_column from lethe_private.host_columns as h
  where h.relation = v_oid and h.name in (v_path[cardinality(v_path)], lower(v_path[cardinality(v_path)]))
  order by h.name = v_path[cardinality(v_path)] desc
  limit 1;
  if v_oid is null or v_column.name is null then
    raise exception using errcode = case when v_oid is null then 'LE102' else 'LE103' end,
      message = case when v_oid is null then format('table %I.%I does not exist', v_child.schema_name, v_child.table_name)
        else format('table %s has no column %I', lethe_private.host_name(v_oid), v_path[cardinality(v_path)]) end,
      hint = format('clock %s counts since it: it was dropped or renamed, or never there', entry);
  end if;
  perform lethe_private.assert_clock_type(v_oid, v_column);

  for v_reference in select * from lethe_private.references_to(v_parent) loop
    if v_reference.child = v_oid and (v_via is null or v_reference.child_columns @> v_via and v_reference.child_columns <@ v_via) then
      v_links := v_links || format('max(%s via %s)', lethe_private.plain_names(v_path, '.'), lethe_private.plain_names(v_reference.child_columns, ', '));
      v_clock.child_columns := v_reference.child_columns;
      v_clock.parent_columns := v_reference.parent_columns;
    end if;
  end loop;
  if coalesce(cardinality(v_links), 0) <> 1 then
    raise exception using errcode = 'LE106',
      message = format('clock %s: %s %s to %s', entry, lethe_private.host_name(v_oid),
        case when v_links is null then 'does not refer' else 'refers in more than one way' end, lethe_private.host_name(v_parent)),
      hint = case when v_links is null then 'declare the link: a foreign key, or lethe.set_link with the columns on both sides'
        else 'write ' || array_to_string(v_links, ' or ') end;
  end if;

  select array_agg(h.position) into v_positions
  from lethe_private.host_columns as h
  where h.relation = v_oid and h.name = any (v_clock.child_columns);
  if not lethe_private.has_leading_index(v_oid, v_positions) then
    raise exception using errcode = 'LE310',
      message = format('%s of %s refers to %s without an index', array_to_string(v_clock.child_columns, ', '),
        lethe_private.host_name(v_oid), lethe_private.host_name(v_parent)),
      hint = format('create index concurrently on %s (%s, %I)', lethe_private.host_name(v_oid),
        (select string_agg(quote_ident(c), ', ') from unnest(v_clock.child_columns) as c), v_column.name);
  end if;
  v_clock.entry := format('max(%s%s)', lethe_private.plain_names(array[v_child.schema_name, v_child.table_name, v_column.name], '.'),
    case when v_via is not null then ' via ' || lethe_private.plain_names(v_clock.child_columns, ', ') else '' end);
  v_clock.parent_id := managed.id;
  v_clock.child_id := v_child.id;
  v_clock.column_name := v_column.name;
  return v_clock;
end
$$;

comment on function lethe_private.linked_clock(lethe.managed_tables, text) is
  'What a clock over other rows means, its entry written in full. Raises LE102, LE103, LE106, LE302, LE310 or LE315.';

create or replace function lethe_private.linked_clocks(managed lethe.managed_tables, since text[])
  returns setof lethe_private.linked_clock
  language sql
  stable
begin atomic
  select c.*
  from unnest(since) with ordinality as s (entry, n)
  cross join lateral lethe_private.linked_clock(managed, s.entry) as c
  where lethe_private.is_linked(s.entry)
  order by s.n;
end;

comment on function lethe_private.linked_clocks(lethe.managed_tables, text[]) is 'The clocks over other rows among those of a term.';

-- Every clock of any table that is computed from the rows of this one. Terms write them in full, so that only
-- those which name this table are looked at: the broken clock of another table is that one's affair.
create or replace function lethe_private.clocks_over(child lethe.managed_tables)
  returns setof lethe_private.linked_clock
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_start text := format('max(%s.', lethe_private.plain_names(array[child.schema_name, child.table_name], '.'));
  v_found record;
begin
  for v_found in
    select distinct r.table_id, s.entry
    from lethe.terms as t
    join lethe.rules as r on r.id = t.rule_id
    cross join unnest(t.since) as s (entry)
    where starts_with(s.entry, v_start)
    order by r.table_id, s.entry
  loop
    return next lethe_private.linked_clock((select m from lethe.managed_tables as m where m.id = v_found.table_id), v_found.entry);
  end loop;
end
$$;

comment on function lethe_private.clocks_over(lethe.managed_tables) is 'Clocks, of whatever table, that are the latest of this table''s rows.';

create or replace function lethe_private.has_linked_clock(managed lethe.managed_tables)
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select
    from lethe.terms as t
    join lethe.rules as r on r.id = t.rule_id
    cross join unnest(t.since) as s (entry)
    where r.table_id = managed.id and lethe_private.is_linked(s.entry));
end;

comment on function lethe_private.has_linked_clock(lethe.managed_tables) is 'True when some clock of the table is computed from other rows.';
--! EndIncluded lethe_private/linked_clock.sql
--! Included lethe_private/linked_sql.sql
-- Clocks over other rows, as SQL over one row under an alias. In the subqueries: e, an event; m, what is remembered
-- of events that are gone (see last_events.sql).
--
-- An event counts when it refers to the row and is the same controller's: rows of one controller are invisible to
-- another. Its value is read as a clock of its own table: in that table's zone, without that table's sentinels.
create or replace function lethe_private.is_archive(relation oid)
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.oid = relation and n.nspname = 'lethe_archive');
end;

comment on function lethe_private.is_archive(oid) is 'True for a table of archived rows.';

create or replace function lethe_private.own_events_sql(child lethe.managed_tables, controller lethe.controllers)
  returns text
  language sql
  stable
return case when not lethe_private.has_controller(child, controller) then 'false'
  else nullif(lethe_private.controller_sql('e', child, lethe_private.host_table(child.schema_name, child.table_name), controller), 'true') end;

comment on function lethe_private.own_events_sql(lethe.managed_tables, lethe.controllers) is
  'True when an event is the controller''s; null when all are.';

create or replace function lethe_private.events_sql(alias text, clock lethe_private.linked_clock, controller lethe.controllers, condition text)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child lethe.managed_tables := (select m from lethe.managed_tables as m where m.id = clock.child_id);
  v_oid oid := lethe_private.host_table(v_child.schema_name, v_child.table_name);
begin
  return format('from %s as e where %s', lethe_private.host_name(v_oid), concat_ws(' and ',
    lethe_private.reference_sql('e', clock.child_columns, alias, clock.parent_columns),
    lethe_private.own_events_sql(v_child, controller),
    condition));
end
$$;

comment on function lethe_private.events_sql(text, lethe_private.linked_clock, lethe.controllers, text) is
  'FROM and WHERE that find the events of a row, those that meet a condition.';

create or replace function lethe_private.remembered_sql(
  alias text, managed lethe.managed_tables, table_oid oid, clock lethe_private.linked_clock, controller lethe.controllers, condition text
)
  returns text
  language sql
  stable
return format('from lethe_private.remembered as m where %s', concat_ws(' and ',
  format('m.parent_table_id = %s and m.parent_key = %s and m.controller_id = %s and m.entry = %L', managed.id,
    lethe_private.key_sql(alias, table_oid, managed.key_columns), controller.id, clock.entry),
  condition));

comment on function lethe_private.remembered_sql(text, lethe.managed_tables, oid, lethe_private.linked_clock, lethe.controllers, text) is
  'FROM and WHERE that find what is remembered of a row''s events.';

-- Three questions about one clock, a row's own or an event's: is it later than a day (what means "never" is), is it a
-- day up to that one, and, without a day, is it any day at all, or "never" (clock_day_sql).
create or replace function lethe_private.later_sql(alias text, clock lethe_private.host_columns, managed lethe.managed_tables, controller lethe.controllers, today date, last_day date)
  returns text
  language sql
  stable
return format('not (%s)%s', lethe_private.up_to_day_sql(alias, clock, managed.time_zone, controller.time_zone, last_day),
  (select format(' and (%s.%I >= %L or %s not in (%s))', alias, clock.name, lethe_private.clock_ceiling(),
     lethe_private.local_day_sql(alias, clock, managed.time_zone, controller.time_zone), string_agg(format('date %L', s), ', '))
   from unnest(managed.sentinels) as s where s > last_day and s < today having count(*) > 0));

comment on function lethe_private.later_sql(text, lethe_private.host_columns, lethe.managed_tables, lethe.controllers, date, date) is
  'True when a clock shows a day after last_day, or never.';

create or replace function lethe_private.over_by_sql(alias text, clock lethe_private.host_columns, managed lethe.managed_tables, controller lethe.controllers, last_day date)
  returns text
  language sql
  stable
return format('%s and %s.%I > %L%s', lethe_private.up_to_day_sql(alias, clock, managed.time_zone, controller.time_zone, last_day),
  alias, clock.name, lethe_private.clock_floor(),
  (select format(' and %s not in (%s)', lethe_private.local_day_sql(alias, clock, managed.time_zone, controller.time_zone), string_agg(format('date %L', s), ', '))
   from unnest(managed.sentinels) as s where s <= last_day having count(*) > 0));

comment on function lethe_private.over_by_sql(text, lethe_private.host_columns, lethe.managed_tables, lethe.controllers, date) is
  'True when a clock shows a day, and none after last_day.';

-- The latest day of a row's events as one value: for what looks at single rows, and to be kept with a row that is
-- archived, as lethe$clocks ->> entry. An archived row has it from there.
create or replace function lethe_private.linked_day_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  entry text
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_clock lethe_private.linked_clock;
  v_child lethe.managed_tables;
  v_column lethe_private.host_columns;
begin
  if lethe_private.is_archive(table_oid) then
    return format('(%s."lethe$clocks" ->> %L)::date', alias, entry);
  end if;
  v_clock := lethe_private.linked_clock(managed, entry);
  select m.* into v_child from lethe.managed_tables as m where m.id = v_clock.child_id;
  select h.* into v_column from lethe_private.host_columns as h
  where h.relation = lethe_private.host_table(v_child.schema_name, v_child.table_name) and h.name = v_clock.column_name;
  return format('greatest((select max(%s) %s), (select max(m.last_day) %s))',
    lethe_private.clock_day_sql('e', v_column, v_child.time_zone, controller.time_zone, v_child.sentinels, today),
    lethe_private.events_sql(alias, v_clock, controller, null),
    lethe_private.remembered_sql(alias, managed, table_oid, v_clock, controller, null));
end
$$;

comment on function lethe_private.linked_day_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text) is
  'The controller''s local day of the latest event of a row, remembered ones included: null when there is none, infinity when one means never.';

-- What no event can make due: none shows a day, or one means "never". day: the day of an event.
create or replace function lethe_private.no_event_sql(
  alias text, managed lethe.managed_tables, table_oid oid, clock lethe_private.linked_clock, controller lethe.controllers, day text
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child lethe.managed_tables := (select m from lethe.managed_tables as m where m.id = clock.child_id);
begin
  return format($sql$not exists (select from (select %s from %s as e%s group by %s having max(%s) < date 'infinity') as x where %s)
    and (not exists (select %s) or exists (select %s))$sql$,
    (select string_agg(format('e.%I as k%s', x.name, x.n), ', ' order by x.n) from unnest(clock.child_columns) with ordinality as x (name, n)),
    lethe_private.host_name(lethe_private.host_table(v_child.schema_name, v_child.table_name)),
    ' where ' || lethe_private.own_events_sql(v_child, controller),
    (select string_agg(format('e.%I', x.name), ', ' order by x.n) from unnest(clock.child_columns) with ordinality as x (name, n)),
    day,
    (select string_agg(format('x.k%s = %s.%I', x.n, alias, x.name), ' and ' order by x.n) from unnest(clock.parent_columns) with ordinality as x (name, n)),
    lethe_private.remembered_sql(alias, managed, table_oid, clock, controller, null),
    lethe_private.events_sql(alias, clock, controller, format('%s = date ''infinity''', day)));
end
$$;

comment on function lethe_private.no_event_sql(text, lethe.managed_tables, oid, lethe_private.linked_clock, lethe.controllers, text) is
  'True when neither an event nor what is remembered gives a row a day, or when an event means never.';

-- Expired, asked of all rows at once: the rows whose latest event lies up to a day come out of one pass over the events.
-- Of those whose events are all gone, what is remembered tells; it must not be later in any case.
create or replace function lethe_private.expired_events_sql(
  alias text, managed lethe.managed_tables, table_oid oid, clock lethe_private.linked_clock, controller lethe.controllers, day text, later text, last_day date
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child lethe.managed_tables := (select m from lethe.managed_tables as m where m.id = clock.child_id);
begin
  return format($sql$exists (select from (
      select %1$s from %2$s as e%3$s group by %4$s having max(%5$s) <= date %6$L
      union all
      select %7$s from %8$s as p where exists (select %9$s) and not exists (select %10$s)
    ) as x where %11$s)$sql$,
    (select string_agg(format('e.%I as k%s', x.name, x.n), ', ' order by x.n) from unnest(clock.child_columns) with ordinality as x (name, n)),
    lethe_private.host_name(lethe_private.host_table(v_child.schema_name, v_child.table_name)),
    ' where ' || lethe_private.own_events_sql(v_child, controller),
    (select string_agg(format('e.%I', x.name), ', ' order by x.n) from unnest(clock.child_columns) with ordinality as x (name, n)),
    day, last_day,
    (select string_agg(format('p.%I', x.name), ', ' order by x.n) from unnest(clock.parent_columns) with ordinality as x (name, n)),
    lethe_private.host_name(table_oid),
    lethe_private.remembered_sql('p', managed, table_oid, clock, controller, null),
    lethe_private.events_sql('p', clock, controller, later),
    (select string_agg(format('x.k%s = %s.%I', x.n, alias, x.name), ' and ' order by x.n) from unnest(clock.parent_columns) with ordinality as x (name, n)));
end
$$;

comment on function lethe_private.expired_events_sql(text, lethe.managed_tables, oid, lethe_private.linked_clock, lethe.controllers, text, text, date) is
  'True when the latest live event of a row lies up to a day, or when none is later and one is remembered.';

-- A term with clocks over other rows, in two forms that mean the same. For the rows of one batch, or a single one:
-- the latest day as one value, by index. For all rows of a table: nothing later than the last due day, and something up
-- to then, so that the planner joins and asks no row for itself.
create or replace function lethe_private.linked_term_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  last_day date,
  since text[],
  batch boolean
)
  returns lethe_private.term_parts
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_entry text;
  v_clock lethe_private.linked_clock;
  v_child lethe.managed_tables;
  v_column lethe_private.host_columns;
  v_none_later text[];
  v_some text[];
  v_day text := lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, since);
  v_parts lethe_private.term_parts;
begin
  v_parts.usable := format('%s < ''infinity''', v_day);
  v_parts.unusable := format('not coalesce(%s, false)', v_parts.usable);
  v_parts.expired := format('%s <= date %L', v_day, last_day);
  if batch then
    return v_parts;
  end if;

  foreach v_entry in array since loop
    if not lethe_private.is_linked(v_entry) then
      select h.* into v_column from lethe_private.host_columns as h where h.relation = table_oid and h.name = v_entry;
      v_none_later := v_none_later || format('(%s) is not true', lethe_private.later_sql(alias, v_column, managed, controller, today, last_day));
      v_some := v_some || format('coalesce(%s, false)', lethe_private.over_by_sql(alias, v_column, managed, controller, last_day));
      continue;
    end if;
    v_clock := lethe_private.linked_clock(managed, v_entry);
    select m.* into v_child from lethe.managed_tables as m where m.id = v_clock.child_id;
    select h.* into v_column from lethe_private.host_columns as h
    where h.relation = lethe_private.host_table(v_child.schema_name, v_child.table_name) and h.name = v_clock.column_name;
    v_none_later := v_none_later
      || format('not exists (select %s)', lethe_private.events_sql(alias, v_clock, controller,
        lethe_private.later_sql('e', v_column, v_child, controller, today, last_day)))
      -- A join could be planned as if nothing were remembered yet, and take for ever; so it is looked up by its key,
      -- where there is any at all, which is asked once a statement.
      || format('(not exists (select from lethe_private.remembered as m where m.parent_table_id = %s and m.controller_id = %s and m.entry = %L)'
        ' or coalesce((select m.last_day %s), ''-infinity'') <= date %L)', managed.id, controller.id, v_clock.entry,
        lethe_private.remembered_sql(alias, managed, table_oid, v_clock, controller, null), last_day);
    v_some := v_some
      || format('exists (select %s)', lethe_private.events_sql(alias, v_clock, controller,
        lethe_private.over_by_sql('e', v_column, v_child, controller, last_day)))
      || format('exists (select %s)', lethe_private.remembered_sql(alias, managed, table_oid, v_clock, controller, format('m.last_day <= date %L', last_day)));
  end loop;
  if cardinality(since) = 1 then
    v_day := lethe_private.clock_day_sql('e', v_column, v_child.time_zone, controller.time_zone, v_child.sentinels, today);
    v_parts.expired := format(E'%s\n    and %s', v_none_later[2], lethe_private.expired_events_sql(alias, managed, table_oid, v_clock, controller,
      v_day, lethe_private.later_sql('e', v_column, v_child, controller, today, last_day), last_day));
    v_parts.unusable := lethe_private.no_event_sql(alias, managed, table_oid, v_clock, controller, v_day);
  else
    v_parts.expired := format(E'%s\n    and (%s)', array_to_string(v_none_later, E'\n    and '), array_to_string(v_some, E'\n      or '));
  end if;
  return v_parts;
end
$$;

comment on function lethe_private.linked_term_sql(text, lethe.managed_tables, oid, lethe.controllers, date, date, text[], boolean) is
  'The SQL of a term with clocks over other rows: usable, unusable and expired.';
--! EndIncluded lethe_private/linked_sql.sql
--! Included lethe_private/hostile_values.sql
-- Values that break methods, by type, as text: the empty, the shortest, the longest, the largest, the
-- infinite, what needs quoting, and what already looks masked.
create or replace function lethe_private.hostile_values(type oid)
  returns text[]
  language sql
  stable
  set search_path = pg_catalog, pg_temp
begin atomic
  select case
    when t.typname = 'char' then array['', 'a', '*', '''', '\x5c']
    when t.typname = 'name' then array['', 'a', 'B', '''"', 'bob@example.com', '0612345678']
    when t.typcategory = 'S' then array['', ' ', 'a', 'B', chr(233), 'ab', 'Ab c', '*', '***', '''', '''''', '"', '\', '\\x41', E'\n', E'a\nb\n', '%_', '{}',
      'p-', 'p-0123456789abcdef', '0123456789abcdef@anonymized.invalid', 'bob@example.com', 'BOB@EXAMPLE.COM', '@', 'a@', '@@a b@c@d',
      '0', '-1', '0612345678', '+33 6 12', '1.2.3.4', '::1', 'null', '[email] [number]', repeat('x', 300), repeat('1', 5000)]
    when t.typname = 'int2' then array['0', '1', '-1', '7', '32767', '-32768']
    when t.typname = 'int4' then array['0', '1', '-1', '7', '2147483647', '-2147483648']
    when t.typname = 'int8' then array['0', '1', '-1', '7', '9223372036854775807', '-9223372036854775808']
    when t.typname = 'numeric' then array['0', '1', '-1', '0.5', '-1234.56', '1e300', '-1e-300', 'NaN', 'Infinity', '-Infinity']
    when t.typname = 'float4' then array['0', '-0', '1', '-1', '0.1', '-1234.56', '3e38', '1e-38', 'NaN', 'Infinity', '-Infinity']
    when t.typname = 'float8' then array['0', '-0', '1', '-1', '0.1', '-1234.56', '1e308', '1e-300', 'NaN', 'Infinity', '-Infinity']
    when t.typcategory = 'N' then array['0', '1', '7', '32767']
    when t.typname = 'date' then array['2000-01-01', '1987-05-06', '2024-02-29', '0001-01-01', '4714-11-24 BC', '5874897-12-31', 'infinity', '-infinity']
    when t.typname in ('timestamp', 'timestamptz') then array['2000-01-01 00:00:00', '1987-05-06 23:59:59.999999', '2024-02-29 12:00:00',
      '0001-01-01 00:00:00', '4714-11-25 00:00:00 BC', '294276-12-30 23:59:59', 'infinity', '-infinity']
    when t.typcategory = 'D' then array['00:00:00', '12:34:56.789', '23:59:59.999999', '24:00:00']
    when t.typcategory = 'T' then array['0', '1 microsecond', '1 day', '-100 years', '1 year 2 mons -3 days 04:05:06']
    when t.typcategory = 'B' then array['true', 'false']
    when t.typname = 'cidr' then array['0.0.0.0/0', '10.0.0.0/8', '192.0.2.1/32', '::/0', '2001:db8::/32', '2001:db8::1/128']
    when t.typcategory = 'I' then array['0.0.0.0/0', '10.1.2.3/8', '192.0.2.1', '255.255.255.255', '::/0', '::1', '::ffff:192.0.2.1', '2001:db8:1:2::1/64']
    when t.typname = 'uuid' then array['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '8c1f0f0e-5a3b-4c1d-9e2f-0123456789ab', '0123456789ab-8e7e8e7e-cdef01234567']
    when t.typname in ('json', 'jsonb') then array['{}', '[]', 'null', '"x"', '1', '{"a": 1}', '{"a": {"b": [null, "it''s"]}}']
    when t.typname = 'bytea' then array['\x', '\x00', '\xff5c27']
    when t.typname = 'xml' then array['<a/>', '<a b="c">d</a>']
    when t.typname in ('macaddr', 'macaddr8') then array['08:00:2b:01:02:03', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff']
    when t.typname = 'tsvector' then array['', 'a', '''it'':1A,2 b:3']
    when t.typname = 'point' then array['(0,0)', '(48.8566,2.3522)', '(-1e300,NaN)', '(Infinity,-Infinity)']
    when t.typname in ('daterange', 'tsrange', 'tstzrange') then array['empty', '(,)', '[1987-05-06,1987-06-07)', '(,2024-02-29]', '["0044-03-15 BC",infinity)']
    when t.typname in ('int4range', 'int8range', 'numrange') then array['empty', '(,)', '[-7,1)', '[1,32767)', '(,5]']
    when t.typcategory = 'A' then array['{}', '{1}', '{1,NULL,2}']
    when t.typtype = 'e' then (select array_agg(e.enumlabel::text) from pg_catalog.pg_enum as e where e.enumtypid = t.oid)
  end
  from pg_catalog.pg_type as t
  where t.oid = hostile_values.type;
end;

comment on function lethe_private.hostile_values(oid) is 'Sample values of a type on which methods tend to fail; null for a type that has none.';

-- A category stands for the types of it that columns usually have.
create or replace function lethe_private.types_to_try(method text, types text[])
  returns setof oid
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_usual constant jsonb := '{"A": ["_text"], "B": ["bool"], "D": ["date", "timestamp", "timestamptz", "time"], "I": ["inet", "cidr"],
    "N": ["int2", "int4", "int8", "numeric", "float4", "float8"], "S": ["text", "varchar", "bpchar"], "T": ["interval"], "U": ["uuid", "jsonb", "bytea"]}';
  v_name text;
  v_type oid;
begin
  for v_name in
    select distinct n.name
    from unnest(types) as w (word)
    cross join lateral (
      select jsonb_array_elements_text(u.value) from jsonb_each(v_usual) as u where w.word in (u.key, '*')
      union all
      select w.word where w.word <> '*' and not v_usual ? w.word
    ) as n (name)
  loop
    select t.oid into v_type
    from pg_type as t
    where t.typname = v_name and t.typtype in ('b', 'e', 'r', 'm')
    order by (t.typnamespace = 'pg_catalog'::regnamespace) desc
    limit 1;
    if v_type is null or lethe_private.hostile_values(v_type) is null then
      raise exception using errcode = 'LE304',
        message = format('method %s names type %L, on which it cannot be tried', method, v_name),
        hint = 'name base types as pg_type does (text, varchar, int4, date), a category by its letter, or *';
    end if;
    return next v_type;
  end loop;
end
$$;

comment on function lethe_private.types_to_try(text, text[]) is
  'The types on which a method that is being registered must prove itself. Raises LE304 for a type that is unknown or has no sample values.';
--! EndIncluded lethe_private/hostile_values.sql
--! Included lethe_private/actions.sql
-- All that a controller's rules do to one managed table, as expressions over one row. What is due for purge
-- is not archived any more. batch: to be asked of a few rows and not of all; it makes a difference where a clock is
-- computed from other rows.
create or replace function lethe_private.actions(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  batch boolean default false
)
  returns setof lethe_private.action_parts
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule record;
  v_parts lethe_private.rule_parts;
  v_action lethe_private.action_parts;
  v_column lethe_private.host_columns;
  v_method lethe.methods;
  v_purge text;
begin
  for v_rule in
    select r.id, r.column_name, r.action, h.position, h.name is not null as is_there,
      (select p.id from lethe.rules as p
       where p.table_id = r.table_id and p.column_name is not distinct from r.column_name and p.action = 'purge') as purge_id
    from lethe.rules as r
    left join lethe_private.host_columns as h on h.relation = table_oid and h.name = r.column_name
    where r.table_id = managed.id
    order by r.column_name is not null, r.column_name is null and r.action <> 'purge', h.position, r.action
  loop
    -- In the archive a row may lack a column that its source has by now.
    continue when v_rule.column_name is not null and not v_rule.is_there;
    v_parts := lethe_private.rule_sql(alias, managed, table_oid, controller, today, v_rule.id, batch);
    continue when v_parts.due is null;
    v_action := row('r' || v_rule.id, concat_ws(': ', v_rule.column_name, v_rule.action),
      case when v_rule.column_name is null then v_rule.action else 'columns' end,
      v_rule.column_name, v_parts.due, v_parts.unclocked, 'true', null, 'null');
    if v_rule.action = 'archive' and v_rule.purge_id is not null then
      v_purge := (lethe_private.rule_sql(alias, managed, table_oid, controller, today, v_rule.purge_id, batch)).due;
      v_action.due := concat_ws(' and not ', format('(%s)', v_parts.due), case when v_purge is not null then format('coalesce(%s, false)', v_purge) end);
    end if;

    if v_rule.column_name is not null then
      select h.* into v_column from lethe_private.host_columns as h
      where h.relation = table_oid and h.name = v_rule.column_name;
      v_action.needed := format('%s.%I is not null', alias, v_column.name);
    end if;

    if v_rule.column_name is not null and v_rule.action <> 'purge' then
      select m.* into v_method
      from lethe_private.effective_terms(managed.id, controller.id) as t
      join lethe.methods as m on m.name = t.method
      where t.rule_id = v_rule.id
      limit 1;
      select
        format('not (%s)', lethe_private.method_sql(v_method.recogniser, alias, v_column, v_method, t.parameters)),
        format('(%s)::%s', lethe_private.method_sql(v_method.mask, alias, v_column, v_method, t.parameters), v_column.type)
        into v_action.needed, v_action.new_value
      from lethe_private.effective_terms(managed.id, controller.id) as t
      where t.rule_id = v_rule.id
      limit 1;
    end if;
    v_action.test := case when v_action.needed = 'true' then format('(%s)', v_action.due)
      else format('(%s and %s)', v_action.due, v_action.needed) end;
    return next v_action;
  end loop;
end
$$;

comment on function lethe_private.actions(text, lethe.managed_tables, oid, lethe.controllers, date, boolean) is
  'The actions in force on a managed table for one controller and one local day, those on the row first.';
--! EndIncluded lethe_private/actions.sql
--! Included lethe_private/condition.sql
-- A predicate given by a person is put inside a DELETE. PostgreSQL itself says what it means: it is
-- built into a partial index over an empty temporary table of the same columns, which refuses
-- subqueries, aggregates, anything not boolean and anything not immutable, and read back with every
-- name qualified. What runs later is what was read back, never what was typed.
create or replace function lethe_private.names_of_host(condition text)
  returns text
  language sql
  immutable
begin atomic
  select btrim(d.name[1], '"')
  from regexp_matches(regexp_replace(condition, '''([^'']|'''')*''', ' ', 'g'), '("(?:[^"]|"")*"|[[:alnum:]_]+)\s*\.\s*["[:alpha:]_]', 'g') as d (name)
  where lower(btrim(d.name[1], '"')) not in ('pg_catalog', 'lethe')
  limit 1;
end;

comment on function lethe_private.names_of_host(text) is
  'The first schema other than PostgreSQL''s own and Lethe''s that an expression names; null when there is none.';

-- In the archive it is Lethe's owner who asks, so nothing of the host's may have a part in it: an enumeration is text
-- there, and is compared as such, which for equality is the same. Its order is not, nor is anybody else's equality.
create or replace function lethe_private.archived_condition(condition text)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type text;
  v_read text := condition;
begin
  if lethe_private.names_of_host(condition) is null then
    return condition;
  end if;
  for v_type in
    select distinct t.m[1]
    from regexp_matches(condition, '::((?:"(?:[^"]|"")+"|\w+)\.(?:"(?:[^"]|"")+"|\w+))', 'g') as t (m)
    where exists (
      select from pg_type as y join pg_namespace as n on n.oid = y.typnamespace
      where y.typtype = 'e' and format('%I.%I', n.nspname, y.typname) = t.m[1])
  loop
    v_read := replace(v_read, '::' || v_type, '::text');
  end loop;
  if lethe_private.names_of_host(v_read) is not null
    or replace(regexp_replace(v_read, '''([^'']|'''')*''', ' ', 'g'), '<>', ' ') ~ '[<>]'
    or exists (select from regexp_matches(condition, '''((?:[^'']|'''')*)''', 'g') as l (m) where l.m[1] ~ '::')
  then
    return null;
  end if;
  return v_read;
end
$$;

comment on function lethe_private.archived_condition(text) is
  'A predicate as it reads over archived rows; null when it cannot be asked of them.';

create or replace function lethe_private.names_column(condition text, name text)
  returns boolean
  language sql
  immutable
return coalesce(case when quote_ident(name) = name then condition ~ format('\m%s\M', name) else strpos(condition, quote_ident(name)) > 0 end, false);

comment on function lethe_private.names_column(text, text) is 'True when an expression may name a column; a word in its literals counts too.';

create or replace function lethe_private.read_condition(relation oid, condition text)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set standard_conforming_strings = on
  -- What is read back runs in other sessions, and a policy must mean the same whoever applies it.
  set datestyle = 'ISO, YMD'
  set intervalstyle = 'postgres'
  set timezone = 'UTC'
  set extra_float_digits = 1
as $$
declare
  v_read text;
  v_message text;
  v_schema text;
begin
  perform lethe_private.assert_single_expression(condition);
  -- Reading it already runs code: functions of constants are folded, literals go through the checks of
  -- domains. Here that would be with the rights of Lethe's owner, so nothing of the host's or of the
  -- session's is let in, but columns of plain types.
  v_schema := lower(lethe_private.names_of_host(condition));
  if v_schema is not null then
    raise exception using errcode = 'LE303',
      message = format('predicate on %s names something of %I', lethe_private.host_name(relation), v_schema),
      hint = 'name columns alone, without a table or a cast to a type of yours; functions are PostgreSQL''s own or Lethe''s';
  elsif exists (select from pg_type as t where t.typnamespace = pg_my_temp_schema()) then
    raise exception using errcode = 'LE303',
      message = 'this session has temporary tables or types, which a predicate could name',
      hint = 'change the policy in a fresh session';
  end if;
  begin
    execute format('create temporary table lethe_condition (%s)',
      (select string_agg(format('%I %s', h.name, h.base_type), ', ' order by h.position)
       from lethe_private.host_columns as h
       join pg_namespace as n on n.nspname = h.type_schema
       join pg_type as t on t.typname = h.type_name and t.typnamespace = n.oid
       left join pg_type as e on e.oid = t.typelem
       where h.relation = read_condition.relation
         and (h.type_schema = 'pg_catalog'
           or t.typtype in ('b', 'e') and coalesce(e.typtype, 'b') in ('b', 'e') and has_schema_privilege(current_user, h.type_schema, 'usage'))));
    execute format(E'create index lethe_condition_index on pg_temp.lethe_condition ((1)) where (\n%s\n)', condition);
    select pg_get_expr(i.indpred, i.indrelid) into v_read
    from pg_index as i where i.indexrelid = to_regclass('pg_temp.lethe_condition_index');
    execute 'drop table pg_temp.lethe_condition';
  exception when others then
    get stacked diagnostics v_message = message_text;
    raise exception using errcode = 'LE303',
      message = format('predicate on %s cannot be used: %s', lethe_private.host_name(relation), v_message),
      hint = case when exists (
          select from lethe_private.host_columns as h
          where h.relation = read_condition.relation and h.type_schema <> 'pg_catalog'
            and not has_schema_privilege(current_user, h.type_schema, 'usage'))
        then (select string_agg(distinct format('grant usage on schema %I to lethe_owner', h.type_schema), '; ')
              from lethe_private.host_columns as h
              where h.relation = read_condition.relation and h.type_schema <> 'pg_catalog'
                and not has_schema_privilege(current_user, h.type_schema, 'usage'))
        else 'write one immutable, boolean expression over the columns of this table; no subqueries, no now()' end;
  end;
  -- A backslash would mean something else to a session with standard_conforming_strings off.
  return (
    select string_agg(case when r.token[1] like '''%\%' escape '' then 'E' || replace(r.token[1], '\', '\\') else r.token[1] end, '' order by r.n)
    from regexp_matches(v_read, '"(?:[^"]|"")*"|''(?:[^'']|'''')*''|[^"'']+', 'g') with ordinality as r (token, n));
end
$$;

comment on function lethe_private.read_condition(oid, text) is
  'A predicate over one table as PostgreSQL reads it, every name qualified. Raises LE303.';
--! EndIncluded lethe_private/condition.sql
--! Included lethe_private/mirrors.sql
-- The archive's tables. A mirror has the columns of its source in base types of PostgreSQL's own, so that
-- nothing in it depends on anything of the host's, and in front of them:
--
--   lethe$key          the row's key, as text
--   lethe$root         the key of the row it was moved with: its own, or its parent's
--   lethe$root_table   the table of that row
--   lethe$archived_at  one instant for all rows of a record: (root_table, root, archived_at) is its name
--   lethe$controller   whose it is
--   lethe$clocks       local days that other tables' rows gave it (aggregated clocks)
--
-- Nobody is granted anything on it. lethe_sweeper, which moves rows, has a door to each: a view that takes
-- whatever is put in and shows only the record that this very transaction is putting back.

create or replace function lethe_private.make_door(mirror lethe_private.mirrors)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if lethe_private.host_table('lethe_private', 'door_' || mirror.name) is not null then
    execute format('drop view lethe_private.%I', 'door_' || mirror.name);
  end if;
  execute format($sql$
    create view lethe_private.%I with (security_barrier) as
    select m.*
    from lethe_archive.%I as m
    where exists (
      select from lethe_private.restoring as r
      where r.xact = pg_current_xact_id_if_assigned()
        and r.root_table_id = m."lethe$root_table" and r.root = m."lethe$root" and r.archived_at = m."lethe$archived_at")$sql$,
    'door_' || mirror.name, mirror.name);
  execute format('comment on view lethe_private.%I is %L', 'door_' || mirror.name,
    'Takes what is archived; shows the one record that this transaction puts back.');
  perform lethe_private.grant_nothing(format('lethe_private.%I', 'door_' || mirror.name));
  execute format('grant select, insert on lethe_private.%I to lethe_sweeper', 'door_' || mirror.name);
end
$$;

comment on function lethe_private.make_door(lethe_private.mirrors) is 'The view through which lethe_sweeper reaches a mirror.';

-- ALTER DEFAULT PRIVILEGES of the host may have granted something to somebody as soon as it was made.
create or replace function lethe_private.grant_nothing(relation text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_role text;
begin
  for v_role in
    select distinct case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end
    from pg_class as c
    cross join aclexplode(c.relacl) as a
    where c.oid = relation::regclass and a.grantee <> c.relowner
  loop
    execute format('revoke all on %s from %s', relation, v_role);
  end loop;
end
$$;

comment on function lethe_private.grant_nothing(text) is 'Takes every right on a relation from everybody but its owner.';

create or replace function lethe_private.make_mirror(managed lethe.managed_tables, relation oid, kind text)
  returns lethe_private.mirrors
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_clock text;
begin
  -- Two controllers' cycles may come here at once.
  perform pg_advisory_xact_lock(lethe_private.mirrors_lock_id());
  select m.* into v_mirror from lethe_private.mirrors as m where m.name = lethe_private.mirror_name(managed, relation, make_mirror.kind);
  if found then
    return v_mirror;
  end if;
  insert into lethe_private.mirrors (table_id, kind, name, source)
  values (managed.id, make_mirror.kind, lethe_private.mirror_name(managed, relation, make_mirror.kind), relation)
  returning * into v_mirror;
  insert into lethe_private.mirror_columns (mirror_id, column_name, number, source_type, mirror_type, holds_value)
  select v_mirror.id, s.column_name, s.number, s.source_type, s.mirror_type, s.holds_value
  from lethe_private.mirror_shape(managed, relation, make_mirror.kind) as s;

  execute format('create table lethe_archive.%I ("lethe$key" text not null, "lethe$root" text not null, "lethe$root_table" int not null, '
      '"lethe$archived_at" timestamptz not null default now(), "lethe$controller" int not null, "lethe$clocks" jsonb, %s)',
    v_mirror.name, (
      select string_agg(format('%I %s', c.column_name, c.mirror_type), ', ' order by c.number)
      from lethe_private.mirror_columns as c where c.mirror_id = v_mirror.id));
  execute format('alter table lethe_archive.%I enable row level security', v_mirror.name);
  execute format('comment on table lethe_archive.%I is %L', v_mirror.name,
    format('%s archived from %I.%I. Out of reach: opened only by lethe.open_archive.',
      case kind when 'rows' then 'Rows' else 'Values' end, managed.schema_name, managed.table_name));
  perform lethe_private.grant_nothing(format('lethe_archive.%I', v_mirror.name));
  -- A record is found by its root. Terms end in about the order in which rows came, which is all that a BRIN
  -- index asks for, and it costs next to nothing to keep.
  execute format('create index on lethe_archive.%I ("lethe$root")', v_mirror.name);
  select string_agg(format('%I', c.column_name), ', ') into v_clock
  from lethe_private.mirror_columns as c
  where c.mirror_id = v_mirror.id and c.mirror_type ~ '^(date|timestamp)' and c.column_name in (
    select unnest(t.since) from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where r.table_id = managed.id);
  if v_clock is not null then
    execute format('create index on lethe_archive.%I using brin (%s)', v_mirror.name, v_clock);
  end if;
  perform lethe_private.make_door(v_mirror);
  return v_mirror;
end
$$;

comment on function lethe_private.make_mirror(lethe.managed_tables, oid, text) is 'Begins a mirror in the shape that its source has now.';

-- A column renamed at the source is renamed in all its mirrors. It is known by its number, as long as the
-- table itself is the same one; after a dump has been restored numbers may differ, and names hold.
create or replace function lethe_private.follow_renames(managed lethe.managed_tables, relation oid)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_change record;
  v_changed boolean;
begin
  if not exists (
    select from lethe_private.mirrors as m
    where m.table_id = managed.id and (m.source <> follow_renames.relation or exists (
      select from lethe_private.mirror_columns as c
      left join lethe_private.host_columns as h on h.relation = follow_renames.relation and h.position = c.number
      where c.mirror_id = m.id and (h.name <> c.column_name or h.name is null and exists (
        select from lethe_private.host_columns as x where x.relation = follow_renames.relation and x.name = c.column_name)))))
  then
    return;
  end if;
  perform pg_advisory_xact_lock(lethe_private.mirrors_lock_id());
  update lethe_private.mirror_columns as c
  set number = h.position
  from lethe_private.mirrors as m, lethe_private.host_columns as h
  where m.id = c.mirror_id and m.table_id = managed.id and m.source <> follow_renames.relation
    and h.relation = follow_renames.relation and h.name = c.column_name;
  -- The numbers of columns that are no longer there mean others by now.
  update lethe_private.mirror_columns as c
  set number = -c.number
  from lethe_private.mirrors as m
  where m.id = c.mirror_id and m.table_id = managed.id and m.source <> follow_renames.relation and c.number > 0
    and not exists (select from lethe_private.host_columns as h where h.relation = follow_renames.relation and h.name = c.column_name);
  update lethe_private.mirrors as m set source = follow_renames.relation
  where m.table_id = managed.id and m.source <> follow_renames.relation;

  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    v_changed := false;
    -- By way of names that nobody has, since two columns may have changed theirs with each other. A column
    -- that is gone gives its name up when another one has taken it.
    for v_change in
      select c.column_name as old_name, c.number
      from lethe_private.mirror_columns as c
      left join lethe_private.host_columns as h on h.relation = follow_renames.relation and h.position = c.number
      where c.mirror_id = v_mirror.id
        and (h.name <> c.column_name
          or h.name is null and exists (select from lethe_private.host_columns as x where x.relation = follow_renames.relation and x.name = c.column_name))
      order by c.number
    loop
      v_changed := true;
      execute format('alter table lethe_archive.%I rename column %I to %I', v_mirror.name, v_change.old_name, 'lethe$' || v_change.number);
      update lethe_private.mirror_columns as c set column_name = 'lethe$' || v_change.number
      where c.mirror_id = v_mirror.id and c.column_name = v_change.old_name;
    end loop;
    continue when not v_changed;
    for v_change in
      select c.column_name as old_name, coalesce(h.name, 'gone$' || c.number) as new_name
      from lethe_private.mirror_columns as c
      left join lethe_private.host_columns as h on h.relation = follow_renames.relation and h.position = c.number
      where c.mirror_id = v_mirror.id and c.column_name = 'lethe$' || c.number
    loop
      execute format('alter table lethe_archive.%I rename column %I to %I', v_mirror.name, v_change.old_name, v_change.new_name);
      update lethe_private.mirror_columns as c set column_name = v_change.new_name
      where c.mirror_id = v_mirror.id and c.column_name = v_change.old_name;
    end loop;
    perform lethe_private.make_door(v_mirror);
  end loop;
end
$$;

comment on function lethe_private.follow_renames(lethe.managed_tables, oid) is
  'Gives the columns of a table''s mirrors the names that they have at the source now.';

-- A table's rows go to the archive by themselves, or with those of a parent.
create or replace function lethe_private.archived_family(managed lethe.managed_tables)
  returns setof lethe.managed_tables
  language sql
  stable
begin atomic
  with recursive family as (
    select managed.id
    union
    select r.managed_id
    from family as f
    join lethe.managed_tables as m on m.id = f.id
    cross join lateral lethe_private.references_to(lethe_private.host_table(m.schema_name, m.table_name)) as r
    where r.on_purge = 'with parent'
  )
  select m.* from family as f join lethe.managed_tables as m on m.id = f.id;
end;

comment on function lethe_private.archived_family(lethe.managed_tables) is 'A table and all that is archived along with its rows.';

create or replace function lethe_private.ensure_mirrors(managed lethe.managed_tables)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_member lethe.managed_tables;
  v_member_oid oid;
  v_name text;
  v_mirror lethe_private.mirrors;
begin
  if not exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive')
    and not exists (select from lethe_private.mirrors as m where m.table_id = managed.id)
  then
    return;
  end if;
  perform lethe_private.follow_renames(managed, v_oid);
  if exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive' and r.column_name is not null)
    and not exists (select from lethe_private.mirrors as m where m.name = lethe_private.mirror_name(managed, v_oid, 'values'))
  then
    perform lethe_private.make_mirror(managed, v_oid, 'values');
  end if;
  if not exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive' and r.column_name is null) then
    return;
  end if;
  for v_member in select f.* from lethe_private.archived_family(managed) as f loop
    v_member_oid := lethe_private.host_table(v_member.schema_name, v_member.table_name);
    perform lethe_private.assert_archivable(v_member_oid);
    perform lethe_private.follow_renames(v_member, v_member_oid);
    v_name := lethe_private.mirror_name(v_member, v_member_oid, 'rows');
    select m.* into v_mirror from lethe_private.mirrors as m where m.name = v_name;
    if not found then
      v_mirror := lethe_private.make_mirror(v_member, v_member_oid, 'rows');
      -- Its rules reach what will be there, also in a cycle that is under way.
      delete from lethe_private.compiled as c where c.table_id = v_member.id;
    end if;
    insert into lethe_private.mirror_roots (mirror_id, root_table_id) values (v_mirror.id, managed.id) on conflict do nothing;
  end loop;
end
$$;

comment on function lethe_private.ensure_mirrors(lethe.managed_tables) is
  'Sees to it that whatever a table''s rules archive has a mirror that fits.';
--! EndIncluded lethe_private/mirrors.sql
--! Included lethe_private/mirror_shape.sql
create or replace function lethe_private.mirror_type(source lethe_private.host_columns)
  returns text
  language sql
  immutable
return case
  when source.type_schema = 'pg_catalog' and source.type_name !~ '^_?reg' then source.base_type
  else 'text'
end;

comment on function lethe_private.mirror_type(lethe_private.host_columns) is
  'The type a column has in the archive: its base type where that is PostgreSQL''s own, else text.';

-- A mirror of values keeps as little as can be: the key, what dates the values, what conditions ask for.
create or replace function lethe_private.mirror_shape(managed lethe.managed_tables, relation oid, kind text)
  returns setof lethe_private.mirror_columns
  language sql
  stable
begin atomic
  with valued as (
    select r.column_name as name from lethe.rules as r
    where r.table_id = managed.id and r.action = 'archive' and r.column_name is not null
  ), asked as (
    select unnest(managed.key_columns) as name
    union select unnest(t.since) from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where r.table_id = managed.id
  ), conditions as (
    select string_agg(t.condition, ' ') as text from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where r.table_id = managed.id
  )
  select null::int, h.name, h.position, h.type, lethe_private.mirror_type(h),
    mirror_shape.kind = 'rows' or h.name in (select v.name from valued as v)
  from lethe_private.host_columns as h
  cross join conditions as c
  where h.relation = mirror_shape.relation
    and (mirror_shape.kind = 'rows'
      or h.name in (select v.name from valued as v union select a.name from asked as a)
      or lethe_private.names_column(c.text, h.name))
  order by h.position;
end;

comment on function lethe_private.mirror_shape(lethe.managed_tables, oid, text) is
  'The columns that a mirror of a table has to have as the table and its policy are now.';

create or replace function lethe_private.shape_text(shape lethe_private.mirror_columns[])
  returns text
  language sql
  immutable
begin atomic
  select string_agg(format('%I %s %s', s.column_name, s.mirror_type, s.holds_value), ', ' order by s.column_name) from unnest(shape) as s;
end;

comment on function lethe_private.shape_text(lethe_private.mirror_columns[]) is 'Names and types of a mirror''s columns as one text.';

-- The mirror that fits, or the name that the next one will have: lethe.preview shows it before it is there.
create or replace function lethe_private.mirror_name(managed lethe.managed_tables, relation oid, kind text)
  returns text
  language sql
  stable
begin atomic
  select coalesce((
      select m.name
      from lethe_private.mirrors as m
      where m.table_id = managed.id and m.kind = mirror_name.kind
        and lethe_private.shape_text(array(select c from lethe_private.mirror_columns as c where c.mirror_id = m.id))
          = lethe_private.shape_text(array(select s from lethe_private.mirror_shape(managed, relation, mirror_name.kind) as s))
      order by m.id desc
      limit 1),
    (select format('%s%s_%s', p.prefix, case mirror_name.kind when 'values' then '_values' else '' end,
        1 + coalesce((select max(m.id) from lethe_private.mirrors as m), 0))
     from (select left(regexp_replace(lower(managed.schema_name || '_' || managed.table_name), '[^a-z0-9_]', '_', 'g'), 40) as prefix) as p));
end;

comment on function lethe_private.mirror_name(lethe.managed_tables, oid, text) is
  'The table of lethe_archive that rows (or values) of a table go to as it is now.';

-- What a program was written for: a column that comes, goes or changes its type must not be missed by a
-- statement that names the others.
create or replace function lethe_private.shape_mark(relations jsonb)
  returns text
  language sql
  stable
begin atomic
  select md5(string_agg(format('%s %s %s %s %s', a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod), ',' order by a.attrelid, a.attnum)
    || (select count(*) from pg_catalog.pg_inherits as i where i.inhparent in (select x.oid::oid from jsonb_array_elements_text(relations) as x (oid))))
  from jsonb_array_elements_text(relations) as r (oid)
  join pg_catalog.pg_attribute as a on a.attrelid = r.oid::oid and a.attnum > 0 and not a.attisdropped;
end;

comment on function lethe_private.shape_mark(jsonb) is 'A mark of all columns of the given tables (oids).';

create or replace function lethe_private.shape_of(managed lethe.managed_tables)
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_build_object('of', f.relations, 'mark', lethe_private.shape_mark(f.relations))
  from (
    select jsonb_agg(lethe_private.host_table(m.schema_name, m.table_name)::bigint) as relations
    from lethe_private.archived_family(managed) as m
  ) as f;
end;

comment on function lethe_private.shape_of(lethe.managed_tables) is
  'The columns of a table and of what is archived along with its rows, for a program to remember: {"of": oids, "mark"}.';
--! EndIncluded lethe_private/mirror_shape.sql
--! Included lethe_private/drop_empty_mirrors.sql
-- A table leaves the policy only with an empty archive.
create or replace function lethe_private.drop_empty_mirrors()
  returns trigger
  language plpgsql
  security definer  -- mirrors belong to Lethe
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_found boolean;
begin
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = old.id loop
    execute format('select exists (select from lethe_archive.%I)', v_mirror.name) into v_found;
    if v_found then
      raise exception using errcode = 'LE903',
        message = format('table %I.%I has rows in the archive', old.schema_name, old.table_name),
        hint = 'manage it until their term has ended; only its own rules end it';
    end if;
    execute format('drop view lethe_private.%I', 'door_' || v_mirror.name);
    execute format('drop table lethe_archive.%I', v_mirror.name);
    delete from lethe_private.mirrors as m where m.id = v_mirror.id;
  end loop;
  return old;
end
$$;

comment on function lethe_private.drop_empty_mirrors() is
  'Trigger: a managed table takes its empty mirrors along, and stays while one is not empty (LE903).';

create or replace trigger drop_empty_mirrors before delete on lethe.managed_tables
  for each row execute function lethe_private.drop_empty_mirrors();
--! EndIncluded lethe_private/drop_empty_mirrors.sql
--! Included lethe_private/archive_sql.sql
create or replace function lethe_private.archived_value(expression text, mirror_type text, source_type text)
  returns text
  language sql
  immutable
return case when mirror_type = 'text' and source_type <> 'text' then expression || '::text' else expression end;

comment on function lethe_private.archived_value(text, text, text) is 'A value in the form in which the archive keeps it.';

-- What a statement that moves rows adds to itself: from "gone" (returning the row, "lethe$key" and
-- "lethe$root") into the mirror that fits.
create or replace function lethe_private.archive_sql(managed lethe.managed_tables, relation oid, root_id int, controller_id int)
  returns text
  language sql
  stable
begin atomic
  select format(E'insert into lethe_private.%I ("lethe$key", "lethe$root", "lethe$clocks", "lethe$root_table", "lethe$controller", %s)\n'
      '  select g."lethe$key", g."lethe$root", g."lethe$clocks", %s, %s, %s\n  from gone as g',
    'door_' || lethe_private.mirror_name(managed, relation, 'rows'),
    string_agg(format('%I', s.column_name), ', ' order by s.number),
    root_id, controller_id,
    string_agg(lethe_private.archived_value(format('g.%I', s.column_name), s.mirror_type, s.source_type), ', ' order by s.number))
  from lethe_private.mirror_shape(managed, relation, 'rows') as s;
end;

comment on function lethe_private.archive_sql(lethe.managed_tables, oid, int, int) is
  'The INSERT that puts rows of "gone" into the archive.';

-- The local days of a row's clocks over other rows, which will not be there to be asked.
create or replace function lethe_private.linked_clocks_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date
)
  returns text
  language sql
  stable
begin atomic
  select coalesce(format('jsonb_build_object(%s)', string_agg(format('%L, %s', e.entry,
    lethe_private.linked_day_sql(alias, managed, table_oid, controller, today, e.entry)), ', ' order by e.entry)), 'null::jsonb')
  from (
    select distinct s.entry
    from lethe.rules as r
    join lethe.terms as t on t.rule_id = r.id
    cross join unnest(t.since) as s (entry)
    where r.table_id = managed.id and lethe_private.is_linked(s.entry)
  ) as e
  having count(*) > 0
  union all
  select 'null::jsonb'
  limit 1;
end;

comment on function lethe_private.linked_clocks_sql(text, lethe.managed_tables, oid, lethe.controllers, date) is
  'A row''s clocks over other rows as {entry: local day}.';

create or replace function lethe_private.archived_row_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, root_key text
)
  returns text
  language sql
  stable
return format('%1$s.*, %2$s as "lethe$key", %3$s as "lethe$root", %4$s as "lethe$clocks"', alias,
  lethe_private.key_sql(alias, table_oid, managed.key_columns), root_key,
  lethe_private.linked_clocks_sql(alias, managed, table_oid, controller, today));

comment on function lethe_private.archived_row_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text) is
  'What a statement that archives rows has to return of each, for archive_sql.';

create or replace function lethe_private.archives(action lethe_private.action_parts)
  returns boolean
  language sql
  immutable
return action.phase = 'columns' and action.rule like '%: archive';

comment on function lethe_private.archives(lethe_private.action_parts) is
  'True when the value that an action replaces goes to the archive.';

-- From "acted", which has each changed row as it was ("original"), its key and one flag an action.
create or replace function lethe_private.archive_values_sql(
  managed lethe.managed_tables, relation oid, controller_id int, actions lethe_private.action_parts[]
)
  returns text
  language sql
  stable
begin atomic
  with kept as (
    select a.column_name, string_agg('g.' || a.flag, ' or ') as flags
    from unnest(actions) as a
    where lethe_private.archives(a)
    group by a.column_name
  )
  select format(E'insert into lethe_private.%I ("lethe$key", "lethe$root", "lethe$clocks", "lethe$root_table", "lethe$controller", %s)\n'
      '  select g.key, g.key, g.clocks, %s, %s, %s\n  from acted as g\n  where %s',
    'door_' || lethe_private.mirror_name(managed, relation, 'values'),
    string_agg(format('%I', s.column_name), ', ' order by s.number),
    managed.id, controller_id,
    string_agg(
      case
        when s.holds_value and k.flags is null then 'null'
        when s.holds_value then format('case when %s then %s end', k.flags,
          lethe_private.archived_value(format('(g.original).%I', s.column_name), s.mirror_type, s.source_type))
        else lethe_private.archived_value(format('(g.original).%I', s.column_name), s.mirror_type, s.source_type)
      end, ', ' order by s.number),
    (select string_agg(x.flags, ' or ') from kept as x))
  from lethe_private.mirror_shape(managed, relation, 'values') as s
  left join kept as k on k.column_name = s.column_name;
end;

comment on function lethe_private.archive_values_sql(lethe.managed_tables, oid, int, lethe_private.action_parts[]) is
  'The INSERT that puts the originals of changed columns into the archive.';
--! EndIncluded lethe_private/archive_sql.sql
--! Included lethe_private/kept_sql.sql
-- A row leaves only if nothing that stays refers to it. Over one row of a table, true when something
-- does:
--   keep         a referencing row exists (looking ahead: one that is not itself leaving);
--   with parent  a referencing row exists that is held or another controller's, or is itself kept by one
--                of its own children;
--   unlink       a referencing row exists that is held or another controller's, since unlinking would
--                change it.
-- References of a table to itself are for leaving_sql: they need the whole set of leaving rows.
create or replace function lethe_private.kept_sql(
  alias text,
  table_oid oid,
  controller lethe.controllers,
  today date,
  look_ahead boolean,
  path oid[] default '{}'
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reference record;
  v_child text := 'k' || cardinality(path) + 1;
  v_managed lethe.managed_tables;
  v_stays text;
  v_kept text;
  v_sql text;
begin
  for v_reference in
    select * from lethe_private.references_to(table_oid) as r where r.child <> table_oid
    order by lethe_private.host_name(r.child), r.child_columns
  loop
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_reference.managed_id;
    v_stays := case
      when v_reference.child = any (path || table_oid) then 'true'
      when v_reference.on_purge = 'keep' and not look_ahead then 'true'
      when v_reference.on_purge = 'keep' then
        'not coalesce(' || lethe_private.leaves_sql(v_child, v_managed, v_reference.child, controller, today, path || table_oid) || ', false)'
      else lethe_private.untouchable_sql(v_child, v_managed, v_reference.child, controller, today)
    end;
    v_sql := concat_ws(' or ', v_sql, format('exists (select from %s as %s where %s%s)',
      lethe_private.host_name(v_reference.child), v_child,
      lethe_private.reference_sql(v_child, v_reference.child_columns, alias, v_reference.parent_columns),
      case when v_stays in ('true', 'not coalesce(false, false)') then '' else ' and (' || v_stays || ')' end));
    -- Asked apart from the holds, which are as good as never there.
    v_kept := case when v_reference.on_purge = 'with parent' and v_stays <> 'true' then
      lethe_private.kept_sql(v_child, v_reference.child, controller, today, look_ahead, path || table_oid) end;
    if v_kept is not null then
      v_sql := v_sql || format(' or exists (select from %s as %s where %s and (%s))',
        lethe_private.host_name(v_reference.child), v_child,
        lethe_private.reference_sql(v_child, v_reference.child_columns, alias, v_reference.parent_columns), v_kept);
    end if;
  end loop;
  return v_sql;
end
$$;

comment on function lethe_private.kept_sql(text, oid, lethe.controllers, date, boolean, oid[]) is
  'True when a row that stays refers to the row; null when nothing can refer to it.';

create or replace function lethe_private.untouchable_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date)
  returns text
  language sql
  stable
return case
  when not lethe_private.has_controller(managed, controller) then 'true'
  else concat_ws(' or ',
    nullif(lethe_private.controller_sql(alias, managed, table_oid, controller) || ' is not true', 'true is not true'),
    lethe_private.held_sql(alias, managed, table_oid, today))
end;

comment on function lethe_private.untouchable_sql(text, lethe.managed_tables, oid, lethe.controllers, date) is
  'True when a row may neither go nor change with another one: it is held, or is not the controller''s.';

create or replace function lethe_private.due_to_leave_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, phases text[], batch boolean
)
  returns text
  language sql
  stable
begin atomic
  select string_agg(format('(%s)', a.due), ' or ' order by a.phase desc)
  from lethe_private.actions(alias, managed, table_oid, controller, today, batch) as a
  where a.phase = any (phases);
end;

comment on function lethe_private.due_to_leave_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text[], boolean) is
  'True when the row itself is due for purge or for the archive, whichever of the two is asked about; null when no rule says so.';

create or replace function lethe_private.leaves_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  path oid[]
)
  returns text
  language sql
  stable
begin atomic
  select coalesce((
    select format('%s and (%s) and not %s%s',
      lethe_private.controller_sql(alias, managed, table_oid, controller),
      l.due,
      lethe_private.held_sql(alias, managed, table_oid, today),
      coalesce(' and not (' || lethe_private.kept_sql(alias, table_oid, controller, today, true, path) || ')', ''))
    from lethe_private.due_to_leave_sql(alias, managed, table_oid, controller, today, array['purge', 'archive'], true) as l (due)
    where managed.id is not null and l.due is not null), 'false');
end;

comment on function lethe_private.leaves_sql(text, lethe.managed_tables, oid, lethe.controllers, date, oid[]) is
  'True when the row will itself leave in this cycle.';
--! EndIncluded lethe_private/kept_sql.sql
--! Included lethe_private/last_events.sql
-- A clock that is the latest of other rows must survive them: when Lethe takes rows away that somebody's clock is
-- computed from, the same statement remembers the latest day among them, and the clock is the later of what is left
-- and what is remembered. It is forgotten in the statement that takes the row away whose clock it is.
--
-- For a statement that removes rows of a managed table in a CTE named "gone": leaving_columns_sql goes behind its
-- RETURNING list, leaving_sql behind the CTE. Both are empty where no clock is concerned.

-- What the sweeper may touch. Named columns of one table, so it is written through.
create or replace view lethe_private.remembered as
  select l.parent_table_id, l.parent_key, l.controller_id, l.entry, l.last_day
  from lethe_private.last_events as l;

comment on view lethe_private.remembered is 'The latest day of events that are gone, as statements read and write it.';

create or replace function lethe_private.leaving_columns_sql(alias text, managed lethe.managed_tables, table_oid oid, with_key boolean)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_clock lethe_private.linked_clock;
  v_names text[] := '{}';
  v_sql text := '';
begin
  for v_clock in select * from lethe_private.clocks_over(managed) loop
    v_names := v_names || v_clock.column_name || v_clock.child_columns;
  end loop;
  if v_names <> '{}' then
    select string_agg(format(', %s.%I as "lethe$%s"', alias, h.name, h.position), '' order by h.position) into v_sql
    from lethe_private.host_columns as h
    where h.relation = table_oid and h.name = any (v_names);
  end if;
  if with_key and lethe_private.has_linked_clock(managed) then
    v_sql := v_sql || format(', %s as "lethe$key"', lethe_private.key_sql(alias, table_oid, managed.key_columns));
  end if;
  return v_sql;
end
$$;

comment on function lethe_private.leaving_columns_sql(text, lethe.managed_tables, oid, boolean) is
  'What a statement that removes rows has to return for leaving_sql (its key as well, unless it does anyway), with a comma in front; empty where no clock is concerned.';

-- with_parent, by_columns: rows that go with this parent, along these columns, need not be remembered for it.
create or replace function lethe_private.leaving_sql(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  with_parent oid default null,
  by_columns text[] default null
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_clock lethe_private.linked_clock;
  v_parent lethe.managed_tables;
  v_oid oid;
  v_column lethe_private.host_columns;
  v_day text;
  v_n int := 0;
  v_sql text := '';
begin
  for v_clock in select * from lethe_private.clocks_over(managed) loop
    select m.* into v_parent from lethe.managed_tables as m where m.id = v_clock.parent_id;
    v_oid := lethe_private.host_table(v_parent.schema_name, v_parent.table_name);
    continue when v_oid = with_parent and v_clock.child_columns = by_columns;
    select h.* into v_column from lethe_private.host_columns as h where h.relation = table_oid and h.name = v_clock.column_name;
    v_column.name := 'lethe$' || v_column.position;
    -- No sentinel is an event, be it past or to come.
    v_day := lethe_private.clock_day_sql('g', v_column, managed.time_zone, controller.time_zone, managed.sentinels, '-infinity');
    v_n := v_n + 1;
    v_sql := v_sql || format($sql$, remembered_%1$s as (
  insert into lethe_private.remembered as r (parent_table_id, parent_key, controller_id, entry, last_day)
  select %2$s, x.key, %3$s, %4$L, max(x.day)
  from (select %5$s as key, %6$s as day from gone as g join %7$s as p on %8$s) as x
  where x.day < 'infinity'
  group by x.key
  order by x.key
  on conflict (parent_table_id, parent_key, controller_id, entry) do update
  set last_day = greatest(r.last_day, excluded.last_day)
)$sql$, v_n, v_parent.id, controller.id, v_clock.entry,
      lethe_private.key_sql('p', v_oid, v_parent.key_columns), v_day, lethe_private.host_name(v_oid),
      (select string_agg(format('p.%I = g."lethe$%s"', x.p, h.position), ' and ' order by x.n)
       from unnest(v_clock.parent_columns, v_clock.child_columns) with ordinality as x (p, c, n)
       join lethe_private.host_columns as h on h.relation = table_oid and h.name = x.c));
  end loop;
  if lethe_private.has_linked_clock(managed) then
    v_sql := v_sql || format(E', forgotten as (\n  delete from lethe_private.remembered as r using gone as g where r.parent_table_id = %s and r.parent_key = g."lethe$key"\n)', managed.id);
  end if;
  return v_sql;
end
$$;

comment on function lethe_private.leaving_sql(lethe.managed_tables, oid, lethe.controllers, oid, text[]) is
  'CTEs, each with a comma in front, that remember the events which leave in a CTE "gone" and forget those of rows that leave in it; empty where no clock is concerned.';

-- Rows that an application deleted itself, and entries that no rule names any more.
create or replace function lethe_private.forget_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers)
  returns text
  language sql
  stable
return format($sql$with gone as (
  delete from lethe_private.remembered as r
  where r.parent_table_id = %s and r.controller_id = %s
    and not exists (select from %s as p where %s = r.parent_key)
  returning 1
)
select jsonb_build_object('rows', count(*)) as facts, null::oid as target, null::tid[] as tids
from gone$sql$, managed.id, controller.id, lethe_private.host_name(table_oid), lethe_private.key_sql('p', table_oid, managed.key_columns));

comment on function lethe_private.forget_sql(lethe.managed_tables, oid, lethe.controllers) is
  'Forgets the events of rows that are no longer there.';

create or replace function lethe_private.forget_unused(controller lethe.controllers)
  returns void
  language sql
  volatile
begin atomic
  delete from lethe_private.last_events as l
  where l.controller_id = controller.id
    and not exists (
      select from lethe.terms as t join lethe.rules as r on r.id = t.rule_id
      where r.table_id = l.parent_table_id and l.entry = any (t.since));
end;

comment on function lethe_private.forget_unused(lethe.controllers) is 'Forgets what no rule asks for any more.';
--! EndIncluded lethe_private/last_events.sql
--! Included lethe_private/leaving_sql.sql
-- A table that refers to itself: a row that stays keeps the row it refers to, and so on upwards. The set
-- is found by following the references from what stays. Written for one batch ($1: tid[]), or, to look
-- ahead, for all due rows of the table.
create or replace function lethe_private.staying_sql(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  batch boolean,
  phases text[]
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_due text;
  v_due_child text;
  v_held text := lethe_private.held_sql('c', managed, table_oid, today);
  v_stays text;
  v_untouchable text := lethe_private.untouchable_sql('s', managed, table_oid, controller, today);
  v_refs text;
  v_fks text;
begin
  v_due := format('%s and (%s)', lethe_private.controller_sql('c', managed, table_oid, controller),
    lethe_private.due_to_leave_sql('c', managed, table_oid, controller, today, phases, batch));
  v_due_child := format('%s and (%s) and not %s', lethe_private.controller_sql('s', managed, table_oid, controller),
    lethe_private.due_to_leave_sql('s', managed, table_oid, controller, today, phases, true),
    lethe_private.held_sql('s', managed, table_oid, today));

  select
    string_agg(format(
      'exists (select from %s as s where %s and (s.tableoid, s.ctid) <> (c.tableoid, c.ctid) and not coalesce(%s%s, false))',
      lethe_private.host_name(table_oid), lethe_private.reference_sql('s', r.child_columns, 'c', r.parent_columns),
      case when batch then 's.tableoid = c.tableoid and s.ctid = any ($1) and ' else '' end, v_due_child), ' or '),
    string_agg(format('jsonb_build_array(%s, %s)', r.n, (select string_agg(format('c.%I', x), ', ') from unnest(r.parent_columns) as x)), ', '),
    string_agg(format('jsonb_build_array(%s, %s)', r.n, (select string_agg(format('c.%I', x), ', ') from unnest(r.child_columns) as x)), ', ')
    into v_stays, v_refs, v_fks
  from (
    select *, row_number() over () as n from lethe_private.references_to(table_oid) as r
    where r.child = table_oid and r.on_purge <> 'unlink'
  ) as r;
  -- A reference that would be set to null, in a row that must not change.
  select concat_ws(' or ', v_stays, string_agg(format('exists (select from %s as s where %s and (%s))',
      lethe_private.host_name(table_oid), lethe_private.reference_sql('s', r.child_columns, 'c', r.parent_columns), v_untouchable), ' or '))
    into v_stays
  from lethe_private.references_to(table_oid) as r
  where r.child = table_oid and r.on_purge = 'unlink';
  if v_stays = '' then
    return null;
  end if;

  return format(
    'with recursive due as materialized ('
      'select c.tableoid as target, c.ctid as tid, %1$s or %2$s as stays, array[%3$s] as refs, array[%4$s] as fks '
      'from %5$s as c where %6$s%7$s), '
    'staying as ('
      'select d.target, d.tid, f.fk from due as d cross join unnest(d.fks) as f (fk) where d.stays '
      'union '
      'select d.target, d.tid, f.fk from staying as s '
      'join (select d.target, d.tid, d.fks, unnest(d.refs) as ref from due as d) as d on d.ref = s.fk '
      'cross join unnest(d.fks) as f (fk)) ',
    v_held,
    concat_ws(' or ', lethe_private.kept_sql('c', table_oid, controller, today, not batch), v_stays),
    coalesce(v_refs, 'null::jsonb'), coalesce(v_fks, 'null::jsonb'),
    case when batch then '{from}' else lethe_private.host_name(table_oid) end,
    case when batch then 'c.ctid = any ($1){here} and ' else '' end,
    v_due);
end
$$;

comment on function lethe_private.staying_sql(lethe.managed_tables, oid, lethe.controllers, date, boolean, text[]) is
  'The WITH clause that finds the rows due in the given phases which stay because of references within their own table; null when it has none.';

-- Rows that go with their parents and that others refer to are locked like the parents, from the top down:
-- a grandchild that appears meanwhile would otherwise be swept away by a cascade nobody declared.
create or replace function lethe_private.lock_children(table_oid oid, depth int default 0, joins text default '', path oid[] default '{}')
  returns setof text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reference record;
  v_child text := 'k' || depth + 1;
  v_joins text;
begin
  for v_reference in
    select * from lethe_private.references_to(table_oid) as r
    where r.on_purge = 'with parent' and r.child <> all (path)
      and exists (select from lethe_private.references_to(r.child))
    order by lethe_private.host_name(r.child), r.child_columns
  loop
    v_joins := format('%s join %s as %s on %s', joins, lethe_private.host_name(v_reference.child), v_child,
      lethe_private.reference_sql(v_child, v_reference.child_columns, case depth when 0 then 'c' else 'k' || depth end, v_reference.parent_columns));
    return next format($sql$select jsonb_build_object('rows', count(*)) as facts, null::oid as target, null::tid[] as tids
from (select from {from} as c%s where c.ctid = any ($1){here} for update of %s) as c$sql$, v_joins, v_child);
    return query select * from lethe_private.lock_children(v_reference.child, depth + 1, v_joins, path || table_oid);
  end loop;
end
$$;

comment on function lethe_private.lock_children(oid, int, text, oid[]) is
  'Statements that lock what would go with a batch of rows ($1: tid[]) and is referred to itself.';

-- What goes before the parents do, deepest first: rows declared "with parent" whose foreign key does
-- not cascade by itself, and references declared "unlink". Cascades are left to PostgreSQL, which is
-- faster at them; they are counted from its own statistics. With a root, whose rows are archived, no row is
-- left to a cascade: each is moved by name, with the key of the root it belongs to.
create or replace function lethe_private.before_leaving(
  table_oid oid,
  controller lethe.controllers,
  today date,
  root lethe.managed_tables default null,
  depth int default 0,
  joins text default '',
  path oid[] default '{}'
)
  returns table (table_name text, rule text, statement text, count_statement text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reference record;
  v_parent text := case depth when 0 then 'c' else 'k' || depth end;
  v_child text := 'k' || depth + 1;
  v_managed lethe.managed_tables;
  v_name text;
  v_on text;
  v_count text;
  v_columns text;
  v_memory text;
begin
  for v_reference in
    select * from lethe_private.references_to(table_oid) as r
    where r.on_purge <> 'keep' and r.child <> all (path)
    order by lethe_private.host_name(r.child), r.child_columns
  loop
    v_name := lethe_private.host_name(v_reference.child);
    v_on := lethe_private.reference_sql(v_child, v_reference.child_columns, v_parent, v_reference.parent_columns);
    v_count := format('select to_jsonb(count(*)) from {from} as c%s join %s as %s on %s where {leaves}', joins, v_name, v_child, v_on);
    if v_reference.on_purge = 'unlink' then
      return query select v_name, 'unlink ' || array_to_string(v_reference.child_columns, ', '), format(
        'with changed as (update %s as %s set %s from {from} as c%s where c.ctid = any ($1){here} and %s returning 1) select jsonb_build_object(''rows'', count(*)) as facts, null::oid as target, null::tid[] as tids from changed',
        v_name, v_child, (select string_agg(format('%I = null', x), ', ') from unnest(v_reference.child_columns) as x), joins,
        -- A leaving row that refers to another one is left as it is: changing it would move it.
        v_on || case when v_reference.child = table_oid
          then format(' and not (%1$s.ctid = any ($1) and %1$s.tableoid = c.tableoid)', v_child) else '' end), v_count;
      continue;
    end if;
    return query select * from lethe_private.before_leaving(
      v_reference.child, controller, today, root, depth + 1, format('%s join %s as %s on %s', joins, v_name, v_child, v_on), path || table_oid);
    -- A clock that counts since these rows outlives them: what a cascade takes is remembered before it does. Where the
    -- parent is purged as well nobody will ask; where it is archived, its clock is kept with it a moment later.
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_reference.managed_id;
    v_columns := lethe_private.leaving_columns_sql(v_child, v_managed, v_reference.child, root.id is null);
    v_memory := lethe_private.leaving_sql(v_managed, v_reference.child, controller,
      case when root.id is null then table_oid end, v_reference.child_columns);
    if root.id is not null then
      return query select v_name, 'archived with parent'::text, format(
        E'with gone as (\n  delete from %1$s as %2$s using {from} as c%3$s\n  where c.ctid = any ($1){here} and %4$s\n'
        '  returning %5$s%6$s\n), kept as (\n  %7$s\n)%8$s\n'
        'select jsonb_build_object(''rows'', count(*)) as facts, null::oid as target, null::tid[] as tids from gone',
        v_name, v_child, joins, v_on,
        lethe_private.archived_row_sql(v_child, v_managed, v_reference.child, controller, today,
          lethe_private.key_sql('c', lethe_private.host_table(root.schema_name, root.table_name), root.key_columns)),
        v_columns, lethe_private.archive_sql(v_managed, v_reference.child, root.id, controller.id), v_memory), v_count;
      continue;
    end if;
    return query select v_name, 'with parent'::text, case
      when not v_reference.cascades then format(
        'with gone as (delete from %s as %s using {from} as c%s where c.ctid = any ($1){here} and %s returning 1%s)%s select jsonb_build_object(''rows'', count(*)) as facts, null::oid as target, null::tid[] as tids from gone',
        v_name, v_child, joins, v_on, v_columns, v_memory)
      when v_memory <> '' then format(
        E'-- the rows themselves go by the foreign key with ON DELETE CASCADE\nwith gone as (select 1%s from {from} as c%s join %s as %s on %s where c.ctid = any ($1){here})%s select jsonb_build_object(''rows'', 0) as facts, null::oid as target, null::tid[] as tids',
        v_columns, joins, v_name, v_child, v_on, v_memory)
      end, v_count;
  end loop;
end
$$;

comment on function lethe_private.before_leaving(oid, lethe.controllers, date, lethe.managed_tables, int, text, oid[]) is
  'Statements over a batch of leaving rows ($1: tid[]), and what counts them beforehand; a null statement, or one that only remembers, marks a table that PostgreSQL''s own cascade empties.';
--! EndIncluded lethe_private/leaving_sql.sql
--! Included lethe_private/leaving_program.sql
-- How many rows of other tables would go, or be unlinked, with the rows that leave: for the plan.
create or replace function lethe_private.children_program(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  condition text,
  phase text
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_staying text := lethe_private.staying_sql(managed, table_oid, controller, today, false, array[phase]);
  v_root lethe.managed_tables := case when phase = 'archive' then managed end;
  v_kept text := lethe_private.kept_sql('c', table_oid, controller, today, true);
  v_leaves text := case
    when v_staying is not null then
      '(c.tableoid, c.ctid) in (select d.target, d.tid from due as d where (d.target, d.tid) not in (select x.target, x.tid from staying as x))'
    else condition || coalesce(E'\n    and not (' || v_kept || ')', '')
  end;
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('table', b.table_name, 'rule', b.rule, 'statement',
      coalesce(v_staying, '') || lethe_private.fill(b.count_statement, jsonb_build_object('from', lethe_private.host_name(table_oid), 'leaves', v_leaves)))), '[]')
    from lethe_private.before_leaving(table_oid, controller, today, v_root) as b);
end
$$;

comment on function lethe_private.children_program(lethe.managed_tables, oid, lethe.controllers, date, text, text) is
  'The statements that count what would follow the leaving rows: [{"table", "rule", "statement"}].';

-- A row goes, or moves into the archive, in one statement; $1: tid[]. Clocks that were computed from it remember it.
create or replace function lethe_private.delete_sql(
  managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, key text, action lethe_private.action_parts, condition text
)
  returns text
  language sql
  stable
return format($sql$with gone as (
  delete from {from} as c
  where c.ctid = any ($1){here}%s
  returning %s%s
)%s%s
select jsonb_build_object('rows', count(*), 'root', %s, '%s', count(*)) as facts,
  null::oid as target, null::tid[] as tids
from gone as a$sql$,
  coalesce(E'\n    and ' || condition, ''),
  case action.phase when 'archive' then lethe_private.archived_row_sql('c', managed, table_oid, controller, today, key) else key || ' as key' end,
  lethe_private.leaving_columns_sql('c', managed, table_oid, action.phase <> 'archive'),
  case action.phase when 'archive' then format(E', kept as (\n  %s\n)', lethe_private.archive_sql(managed, table_oid, managed.id, controller.id)) else '' end,
  lethe_private.leaving_sql(managed, table_oid, controller),
  lethe_private.root_sql(case action.phase when 'archive' then 'a."lethe$key"' else 'a.key' end),
  action.flag);

comment on function lethe_private.delete_sql(lethe.managed_tables, oid, lethe.controllers, date, text, lethe_private.action_parts, text) is
  'The statement that deletes a batch of rows, and archives them where that is the action.';

create or replace function lethe_private.lock_sql()
  returns text
  language sql
  immutable
return $sql$select jsonb_build_object('rows', count(*)) as facts, null::oid as target, null::tid[] as tids
from (select from {from} as c where c.ctid = any ($1){here} for update) as c$sql$;

comment on function lethe_private.lock_sql() is 'Locks the rows of a batch, so that no row which refers to them can appear.';

-- Purging or archiving rows that others refer to takes several statements in one transaction. The parents are
-- locked first and looked at again in a second statement: a new child takes a share lock on its
-- parent, so after our lock none can appear, and the second statement sees all that were committed
-- before it. (In one statement a child committed meanwhile would be missed.)
create or replace function lethe_private.leaving_program(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  condition text,
  key text,
  action lethe_private.action_parts
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_staying text := lethe_private.staying_sql(managed, table_oid, controller, today, true, array[action.phase]);
  v_kept text := lethe_private.kept_sql('c', table_oid, controller, today, false);
  v_referenced boolean := exists (select from lethe_private.references_to(table_oid));
  -- Rows that refer to each other in a circle can only go in one statement. Those that fell into several
  -- batches are gathered into one when nothing else is left.
  v_together text := case when v_staying is not null then lethe_private.staying_sql(managed, table_oid, controller, today, false, array[action.phase])
    || $sql$select jsonb_build_object('rows', count(*)) as facts, d.target, array_agg(d.tid order by d.tid) as tids
from due as d
where not exists (select from staying as x where (x.target, x.tid) = (d.target, d.tid))
group by d.target$sql$ end;
  v_root lethe.managed_tables := case when action.phase = 'archive' then managed end;
  v_delete text := lethe_private.delete_sql(managed, table_oid, controller, today, key, action, case when not v_referenced then condition end);
  v_marks jsonb := jsonb_build_object('flag', action.flag, 'cascades', lethe_private.cascade_mark(table_oid))
    || case when action.phase = 'archive' then jsonb_build_object('shape', lethe_private.shape_of(managed)) else '{}' end;
begin
  if not v_referenced then
    return v_marks || jsonb_build_object('delete', v_delete);
  end if;
  return v_marks || jsonb_build_object(
    'lock', lethe_private.lock_sql(),
    'pick', case
      when v_staying is not null then
        v_staying || 'select null::jsonb as facts, null::oid as target, array_agg(d.tid) as tids from due as d where d.tid not in (select x.tid from staying as x)'
      else format($sql$select null::jsonb as facts, null::oid as target, array_agg(c.ctid) as tids
from {from} as c
where c.ctid = any ($1){here}
    and %s%s$sql$,
        condition, coalesce(E'\n    and not (' || v_kept || ')', ''))
    end,
    'together', v_together,
    'lock_children', (select coalesce(jsonb_agg(l), '[]') from lethe_private.lock_children(table_oid) as l),
    'before', (select coalesce(jsonb_agg(to_jsonb(b) - 'count_statement'), '[]') from lethe_private.before_leaving(table_oid, controller, today, v_root) as b),
    'children', lethe_private.children_program(managed, table_oid, controller, today, condition, action.phase),
    'delete', v_delete);
end
$$;

comment on function lethe_private.leaving_program(lethe.managed_tables, oid, lethe.controllers, date, text, text, lethe_private.action_parts) is
  'The statements that purge or archive a batch of rows: "delete" alone where nothing refers to the table, else lock, pick, before, delete.';
--! EndIncluded lethe_private/leaving_program.sql
--! Included lethe_private/partitions_program.sql
create or replace function lethe_private.seed_sql(pad text)
  returns text
  language sql
  immutable
return format('(''x'' || encode(substr(sha256(%s), 1, 8), ''hex''))::bit(64)::bigint', pad);

comment on function lethe_private.seed_sql(text) is 'SQL of a seed of 64 bits, drawn from one pad of a controller''s key.';

-- The keyed root of a whole partition. As for a batch where a key must be written as text. Where all its columns have
-- values of one length: each key is hashed with two seeds drawn from the controller's key, the hashes of all keys are put
-- together by exclusive-or, and what comes out is hashed under the key with their number. So no text is made, nothing is
-- sorted, and several processes can share the reading.
create or replace function lethe_private.partition_root_sql(alias text, table_oid oid, key_columns text[])
  returns text
  language sql
  stable
begin atomic
  with hashed as (
    select k.n, case
        when h.type_name in ('int2', 'int4', 'int8', 'oid') then format('hashint8extended(%s.%I::bigint, {seed})', alias, h.name)
        when h.type_name in ('date', 'timestamp') then format('timestamp_hash_extended(%s.%I::timestamp, {seed})', alias, h.name)
        when h.type_name = 'timestamptz' then format('timestamp_hash_extended(%s.%I at time zone ''UTC'', {seed})', alias, h.name)
        when h.type_name = 'uuid' then format('uuid_hash_extended(%s.%I, {seed})', alias, h.name)
      end as hash
    from unnest(key_columns) with ordinality as k (name, n)
    join lethe_private.host_columns as h on h.relation = table_oid and h.name = k.name
  ), nested as (
    -- Each column's hash is the seed of the next.
    select replace(replace(coalesce(min(x.hash) filter (where x.n = 4), '{seed}'), '{seed}', coalesce(min(x.hash) filter (where x.n = 3), '{seed}')),
      '{seed}', replace(coalesce(min(x.hash) filter (where x.n = 2), '{seed}'), '{seed}', min(x.hash) filter (where x.n = 1))) as hash
    from hashed as x
    having count(*) <= 4 and count(x.hash) = count(*)
  )
  select coalesce((
      select format('encode(lethe.keyed_hash(concat_ws('','', count(*), bit_xor(%s), bit_xor(%s)), $2, $3), ''hex'')',
        replace(n.hash, '{seed}', lethe_private.seed_sql('$2')), replace(n.hash, '{seed}', lethe_private.seed_sql('$3')))
      from nested as n),
    lethe_private.root_sql(lethe_private.key_sql(alias, table_oid, key_columns)));
end;

comment on function lethe_private.partition_root_sql(text, oid, text[]) is
  'SQL of the keyed root over the keys of a partition, in whatever order they are read.';

-- What is asked of a partition before it goes whole. In the texts {from} is the partition:
--   ready   it has rows, the first of them all leave, and it is over: a row of today would not go there.
--           The first rows only: a partition of which one row leaves seldom has its first thousand due.
--   read    counts its rows and those that stay; the keyed root
create or replace function lethe_private.partitions_program(
  managed lethe.managed_tables,
  table_oid oid,
  owner text,
  purge lethe_private.action_parts[],
  held text
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_stays text := format('(%s) is not true or %s', concat_ws(' and ', nullif(owner, 'true'), lethe_private.any_due_sql(purge)), held);
begin
  -- A clock that is computed from these rows has to remember them, one by one.
  if managed.partitions = 'delete' or exists (select from lethe_private.clocks_over(managed)) then
    return '{}';
  end if;
  return jsonb_build_object('partitions', jsonb_build_object(
    'how', managed.partitions,
    'flag', purge[1].flag,
    'ready', format($sql$select to_jsonb(exists (select from {from} as c)
  and not exists (select from (select c.* from {from} as c limit 1000) as c
    where %s)), null::oid, null::tid[]$sql$, v_stays),
    'read', format($sql$select jsonb_build_object('rows', count(*), 'stay', count(*) filter (where %s),
    'root', %s), null::oid, null::tid[]
from {from} as c$sql$, v_stays, lethe_private.partition_root_sql('c', table_oid, managed.key_columns))));
end
$$;

comment on function lethe_private.partitions_program(lethe.managed_tables, oid, text, lethe_private.action_parts[], text) is
  'The statements that decide whether a partition can be purged whole: {"partitions": {"how", "flag", "ready", "read"}}; empty where rows are to be deleted.';
--! EndIncluded lethe_private/partitions_program.sql
--! Included lethe_private/archived_program.sql
-- What is in the archive goes on obeying the rules: its term ends, its columns are purged and anonymized. The
-- mirrors are the engine's own tables: no trigger, no reference, no other writer but lethe.open_archive.
-- So these statements run as Lethe's owner, who alone may read them; lethe_sweeper has no part in it.
--
-- Shape: {"discover": text, "mirrors": {oid: {"look", "purge", "columns", "emptied"}}}; see compile.sql for marks.

create or replace function lethe_private.archived_held_sql(alias text, table_id int, today date)
  returns text
  language sql
  stable
return format('exists (select from lethe_private.held as h where h.table_id = %1$s) and exists (select from lethe_private.held as h '
  'where h.table_id = %1$s and (h.key is null or h.key = %2$s."lethe$key") and (h.ends_on is null or h.ends_on >= date %3$L))',
  table_id, alias, today);

comment on function lethe_private.archived_held_sql(text, int, date) is 'True when an archived row is under a hold.';

-- Rows that came along with a table's rows, in any mirror: found by the name of the record they belong to.
create or replace function lethe_private.companions_sql(mirror_name text, alias text, of_alias text)
  returns text
  language sql
  immutable
return format('lethe_archive.%1$I as %2$s where %2$s."lethe$root_table" = %3$s."lethe$root_table" and %2$s."lethe$root" = %3$s."lethe$root" '
  'and %2$s."lethe$archived_at" = %3$s."lethe$archived_at"', mirror_name, alias, of_alias);

comment on function lethe_private.companions_sql(text, text, text) is 'The rows of a mirror that belong to the same record as another row.';

-- A column that is archived stays as it is once it is there, until it is purged; and a mirror of values holds
-- other columns only to date those. Their flags are not those of the live table's rules.
create or replace function lethe_private.archived_actions(
  managed lethe.managed_tables, mirror lethe_private.mirrors, controller lethe.controllers, today date
)
  returns setof lethe_private.action_parts
  language sql
  stable
begin atomic
  select 'a' || substr(a.flag, 2), a.rule, a.phase, a.column_name, a.due, a.unclocked, a.needed, a.test, a.new_value
  from lethe_private.actions('c', managed, lethe_private.host_table('lethe_archive', mirror.name), controller, today) as a
  where a.phase = 'purge'
     or a.phase = 'columns' and not lethe_private.archives(a) and exists (
       select from lethe_private.mirror_columns as m
       where m.mirror_id = mirror.id and m.column_name = a.column_name and m.holds_value);
end;

comment on function lethe_private.archived_actions(lethe.managed_tables, lethe_private.mirrors, lethe.controllers, date) is
  'The actions in force on one mirror of a managed table, for one controller and one local day.';

-- A mirror is never altered, so a rule that counts by a column which was not there, or of another type, when its rows
-- were archived has no answer in it. Nor has a clock over other rows whose days were not taken along.
create or replace function lethe_private.unanswered(managed lethe.managed_tables, mirror lethe_private.mirrors)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found boolean;
  v_name text;
begin
  execute format('select exists (select from lethe_archive.%I)', mirror.name) into v_found;
  if not v_found then
    return null;
  end if;
  for v_name in
    select distinct n.name
    from lethe.rules as r
    join lethe.terms as t on t.rule_id = r.id
    cross join lateral (
      select s from unnest(t.since) as s
      union
      select h.name from lethe_private.host_columns as h
      where h.relation = lethe_private.host_table(managed.schema_name, managed.table_name) and lethe_private.names_column(t.condition, h.name)
    ) as n (name)
    where r.table_id = managed.id and r.action <> 'archive'
      and (r.column_name is null or exists (
        select from lethe_private.mirror_columns as c
        where c.mirror_id = mirror.id and c.column_name = r.column_name and c.holds_value))
      and not exists (
        select from lethe_private.mirror_columns as c
        join lethe_private.host_columns as h on h.relation = lethe_private.host_table(managed.schema_name, managed.table_name) and h.name = c.column_name
        where c.mirror_id = mirror.id and c.column_name = n.name and c.mirror_type = lethe_private.mirror_type(h))
  loop
    if not lethe_private.is_linked(v_name) then
      return v_name;
    end if;
    execute format('select exists (select from lethe_archive.%I as m where m."lethe$root_table" = $1 and not coalesce(m."lethe$clocks", ''{}'') ? $2)', mirror.name)
      into v_found using managed.id, v_name;
    if v_found then
      return v_name;
    end if;
  end loop;
  return null;
end
$$;

comment on function lethe_private.unanswered(lethe.managed_tables, lethe_private.mirrors) is
  'A column or clock that a rule counts by and that rows of a mirror have no answer to; null when there is none.';

create or replace function lethe_private.mirror_program(
  managed lethe.managed_tables, mirror lethe_private.mirrors, controller lethe.controllers, today date
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_own text := format('c."lethe$controller" = %s', controller.id);
  -- What came along with a row ends with it, and not by itself.
  v_root text := format(' and c."lethe$root_table" = %s', managed.id);
  v_held text := lethe_private.archived_held_sql('c', managed.id, today);
  v_actions lethe_private.action_parts[];
  v_purge lethe_private.action_parts;
  v_columns lethe_private.action_parts[];
  v_companions text[];
  v_free text;
begin
  if lethe_private.unanswered(managed, mirror) is not null then
    return jsonb_build_object('failure', 'LE905');
  end if;
  for v_purge in select * from lethe_private.archived_actions(managed, mirror, controller, today) loop
    if v_purge.phase = 'purge' then
      v_purge.due := format('(%s)%s', v_purge.due, v_root);
      v_purge.test := format('(%s)', v_purge.due);
    end if;
    v_actions := v_actions || v_purge;
  end loop;
  if v_actions is null then
    return null;
  end if;
  v_purge := null;
  select a.* into v_purge from unnest(v_actions) as a where a.phase = 'purge';
  select array_agg(a) into v_columns from unnest(v_actions) as a where a.phase = 'columns';

  -- A hold on what came along keeps the whole record.
  select array_agg(m.name order by m.name) into v_companions
  from lethe_private.mirrors as m
  join lethe_private.mirror_roots as r on r.mirror_id = m.id
  where mirror.kind = 'rows' and r.root_table_id = managed.id and m.id <> mirror.id and m.table_id <> managed.id;
  select string_agg(format(E'\n    and not exists (select from %s and c."lethe$root_table" = %s and %s)', lethe_private.companions_sql(m.name, 'k', 'c'), managed.id,
      lethe_private.archived_held_sql('k', m.table_id, today)), '') into v_free
  from lethe_private.mirrors as m where m.name = any (v_companions);

  return jsonb_build_object(
    'discover', lethe_private.discover_sql(format('lethe_archive.%I', mirror.name),
      format(E'%s\n    and %s\n    and not (%s)', v_own, lethe_private.any_due_sql(v_actions), v_held), v_actions, null, false,
      (select s.batch_rows from lethe.settings as s)),
    'look', lethe_private.look_sql(format('lethe_archive.%I', mirror.name), format(E'%s\n    and %s', v_own, lethe_private.any_due_sql(v_actions)),
      v_actions, format('(%s)%s', v_held, coalesce(' or not (' || substr(v_free, 10) || ')', '')), null, null),
    'purge', case when v_purge.flag is not null then lethe_private.mirror_purge_sql(mirror.name, v_purge,
      format(E'%s\n    and (%s)\n    and not (%s)%s', v_own, v_purge.due, v_held, v_free), v_companions, managed.id) end,
    'columns', case when v_columns is not null then replace(lethe_private.act_sql(
      format(E'%s\n    and %s\n    and not (%s)', v_own, lethe_private.any_due_sql(v_columns), v_held),
      v_columns, 'c."lethe$key"', false, null, null), '{here}', '') end,
    'emptied', case when mirror.kind = 'values' and v_columns is not null then lethe_private.mirror_emptied_sql(mirror, v_columns,
      format(E'%s\n    and not (%s)', v_own, v_held)) end);
end
$$;

comment on function lethe_private.mirror_program(lethe.managed_tables, lethe_private.mirrors, lethe.controllers, date) is
  'The statements over one mirror; null when no rule reaches it.';

create or replace function lethe_private.mirror_purge_sql(mirror_name text, purge lethe_private.action_parts, condition text, companions text[], root_table_id int)
  returns text
  language sql
  stable
return format($sql$with gone as (
  delete from {from} as c
  where c.ctid = any ($1)
    and %s
  returning c."lethe$key" as key, c."lethe$root", c."lethe$root_table", c."lethe$archived_at"
)%s
select jsonb_build_object('rows', count(*), 'root', %s, '%s', count(*), 'children', jsonb_build_array(%s)) as facts,
  null::oid as target, null::tid[] as tids
from gone as a$sql$,
  condition,
  coalesce((select string_agg(format(E', along_%s as (\n  delete from lethe_archive.%I as k using gone as g\n'
      '  where k."lethe$root_table" = g."lethe$root_table" and k."lethe$root" = g."lethe$root" and k."lethe$archived_at" = g."lethe$archived_at"\n    and g."lethe$root_table" = %s\n  returning 1\n)', n, x, root_table_id), '')
    from unnest(companions) with ordinality as u (x, n)), ''),
  lethe_private.root_sql('a.key'), purge.flag,
  (select string_agg(format('jsonb_build_object(''table'', %L, ''rule'', ''with parent'', ''rows'', (select count(*) from along_%s))',
      format('%I.%I (archive)', t.schema_name, t.table_name), u.n), ', ')
   from unnest(companions) with ordinality as u (x, n)
   join lethe_private.mirrors as m on m.name = u.x
   join lethe.managed_tables as t on t.id = m.table_id));

comment on function lethe_private.mirror_purge_sql(text, lethe_private.action_parts, text, text[], int) is
  'Purges a batch of archived rows with all that was archived along with them.';

create or replace function lethe_private.mirror_emptied_sql(mirror lethe_private.mirrors, columns lethe_private.action_parts[], condition text)
  returns text
  language sql
  stable
begin atomic
  select format($sql$with gone as (
  delete from {from} as c
  where c.ctid = any ($1)
    and %s
    and %s
  returning c."lethe$key" as key, %s
)
select %s as facts,
  null::oid as target, null::tid[] as tids
from gone as a$sql$,
    condition,
    (select string_agg(format('(c.%I is null%s)', m.column_name, coalesce(' or coalesce(' || p.due || ', false)', '')), E'\n    and ')
     from lethe_private.mirror_columns as m
     left join unnest(columns) as p (flag, rule, phase, column_name, due, unclocked, needed, test, new_value) on p.column_name = m.column_name
     where m.mirror_id = mirror.id and m.holds_value),
    string_agg(format('c.%I is not null as %s', a.column_name, a.flag), ', '),
    lethe_private.object_sql(array['''rows'', count(*)', '''root'', ' || lethe_private.root_sql('a.key')]
      || array_agg(format('%L, count(*) filter (where a.%s)', a.flag, a.flag))))
  from unnest(columns) as a;
end;

comment on function lethe_private.mirror_emptied_sql(lethe_private.mirrors, lethe_private.action_parts[], text) is
  'Deletes archived values of which none would be left, with the key that dated them.';

create or replace function lethe_private.archived_program(managed lethe.managed_tables, controller lethe.controllers, today date)
  returns jsonb
  language sql
  stable
begin atomic
  with programs as (
    select lethe_private.host_table('lethe_archive', m.name)::text as target, m.name, lethe_private.mirror_program(managed, m, controller, today) as program
    from lethe_private.mirrors as m
    where m.table_id = managed.id
  )
  select case when count(*) > 0 then jsonb_build_object(
    'discover', string_agg(format('select * from (%s) as %I', p.program ->> 'discover', p.name), E'\nunion all\n' order by p.name)
      filter (where p.program ? 'discover'),
    'mirrors', jsonb_object_agg(p.target, (p.program - 'discover') || jsonb_build_object('name', p.name))) end
  from programs as p
  where p.program is not null;
end;

comment on function lethe_private.archived_program(lethe.managed_tables, lethe.controllers, date) is
  'The statements over a table''s archive; null when there is none, or no rule that reaches it.';

-- Rules that reach the archive, for the evidence: on lines of their own.
create or replace function lethe_private.archived_rules(managed lethe.managed_tables, controller lethe.controllers, today date)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(distinct jsonb_build_object('flag', a.flag, 'rule', a.rule, 'phase', 'archived',
    'table_name', format('%I.%I (archive)', managed.schema_name, managed.table_name))), '[]')
  from lethe_private.mirrors as m
  cross join lateral lethe_private.archived_actions(managed, m, controller, today) as a
  where m.table_id = managed.id;
end;

comment on function lethe_private.archived_rules(lethe.managed_tables, lethe.controllers, date) is
  'The rules of a table that reach its archive, as a program lists them.';
--! EndIncluded lethe_private/archived_program.sql
--! Included lethe_private/sweep_archived.sql
-- As Lethe's owner. Nothing of the host's runs here; names are qualified all the same.
create or replace function lethe_private.run_on_archive(statement text, tids tid[] default null, inner_pad bytea default null, outer_pad bytea default null)
  returns table (facts jsonb, target oid, found_tids tid[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set row_security = off
  set bytea_output = hex
  set extra_float_digits = 1
  set intervalstyle = postgres
  set datestyle = 'ISO, YMD'
  set jit = off
as $$
declare
  v_state text;
begin
  return query execute statement using tids, inner_pad, outer_pad;
exception
  -- The message of a cast that fails on some row quotes the row.
  when others then
    get stacked diagnostics v_state = returned_sqlstate;
    raise exception using errcode = v_state,
      message = format('a statement over the archive fails on some row (SQLSTATE %s)', v_state),
      hint = 'a predicate must be able to read every value of its columns, those in the archive too';
end
$$;

comment on function lethe_private.run_on_archive(text, tid[], bytea, bytea) is 'Runs one statement over the archive.';

create or replace function lethe_private.sweep_archived(program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror jsonb := program #> array['archived', 'mirrors', batch.target::text];
  v_from jsonb := jsonb_build_object('from', format('lethe_archive.%I', v_mirror ->> 'name'), 'here', '');
  v_step text;
  v_facts jsonb;
  v_all jsonb := '{"rows": 0}';
begin
  foreach v_step in array array['purge', 'emptied', 'columns'] loop
    continue when v_mirror ->> v_step is null;
    select r.facts into v_facts
    from lethe_private.run_on_archive(lethe_private.fill(v_mirror ->> v_step, v_from), batch.tids, pads.inner_pad, pads.outer_pad) as r;
    continue when v_facts -> 'rows' = '0';
    v_all := v_all || v_facts || jsonb_build_object(
      'rows', (v_all ->> 'rows')::bigint + (v_facts ->> 'rows')::bigint,
      'root', concat_ws(' ', v_all ->> 'root', v_facts ->> 'root'));
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.sweep_archived(jsonb, lethe_private.worklist, lethe_private.controller_keys) is
  'Sweeps one batch of archived rows. Returns {"rows", "root", "rN": rows per rule}.';

create or replace function lethe_private.look_archived(program jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror jsonb;
  v_facts jsonb;
  v_all jsonb := '{}';
begin
  for v_mirror in select m.value from jsonb_each(nullif(program #> '{archived,mirrors}', 'null')) as m loop
    if v_mirror ? 'failure' then
      raise exception using errcode = v_mirror ->> 'failure',
        message = format('what is in archive table %s cannot be asked for what its rules count by', v_mirror ->> 'name'),
        hint = 'let the rules count by what was there when it was archived';
    end if;
    select r.facts into v_facts
    from lethe_private.run_on_archive(format('select (%s), null::oid, null::tid[]', v_mirror ->> 'look')) as r;
    select coalesce(jsonb_object_agg(f.key, jsonb_build_object(
        'due', (f.value ->> 'due')::bigint + coalesce((v_all #>> array[f.key, 'due'])::bigint, 0),
        'held', (f.value ->> 'held')::bigint + coalesce((v_all #>> array[f.key, 'held'])::bigint, 0),
        'kept', 0)), '{}')
        || jsonb_build_object('rows', (v_facts ->> 'rows')::bigint + coalesce((v_all ->> 'rows')::bigint, 0))
      into v_facts
    from jsonb_each(v_facts - 'rows') as f;
    v_all := v_all || v_facts;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.look_archived(jsonb) is 'Counts what is due and held in a table''s archive, from the data as it stands.';
--! EndIncluded lethe_private/sweep_archived.sql
--! Included lethe_private/compile.sql
-- Everything a cycle runs on one table for one controller and one local day, as text. lethe.preview
-- shows it; sweep_step runs it. In the texts:
--   $1              tid[], the addresses of a batch
--   $2, $3          the controller's HMAC pads; never literals, so that no log or statistics view shows a key
--   {from}, {here}  where the batch lives: the table, or one partition of it
--
-- Shape of the result:
--   {"rules": [{"flag", "rule", "phase", "table_name"}], "unlocked",
--    "purge", "archive": null | {"discover", "flag", "lock", "pick", "before": [{"table", "rule", "statement"}], "delete"},
--    "columns": null | {"discover", "lock", "act", "act_on_all": null | {"own_rows", "actions", "key"}},
--    "archived": null | {"discover", "mirrors": {oid: {"look", "purge", "emptied", "columns"}}}, see archived_program.sql
--    "look": text, "unclocked": text, "forget": null | text, "shape": null | {"of", "mark"}}

-- Actions that fall due together are tested together, so that the clock stands in front, where an index
-- can use it, and "not yet masked" reads as in the partial index.
create or replace function lethe_private.any_due_sql(actions lethe_private.action_parts[])
  returns text
  language sql
  stable
begin atomic
  select '(' || string_agg(format('(%s)%s', g.due, case when g.needed = 'true' then '' else format(E'\n      and (%s)', g.needed) end), E'\n    or ' order by g.n) || ')'
  from (
    select a.due, string_agg(a.needed, ' or ' order by a.n) as needed, min(a.n) as n
    from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
    group by a.due
  ) as g;
end;

comment on function lethe_private.any_due_sql(lethe_private.action_parts[]) is 'True when at least one of the actions is to be done on a row.';

-- An action's test where it is known that at least one of the actions is to be done: where all fall due
-- together, what is left to ask is whether each is still needed.
create or replace function lethe_private.tests_sql(actions lethe_private.action_parts[])
  returns text
  language sql
  stable
begin atomic
  select string_agg(format('%s as %s',
    case when (select count(distinct x.due) from unnest(actions) as x) = 1 then format('(%s)', a.needed) else a.test end, a.flag),
    E',\n    ' order by a.n)
  from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n);
end;

comment on function lethe_private.tests_sql(lethe_private.action_parts[]) is
  'The select list of which actions are to be done on a row that any_due_sql has found.';

-- A function takes a hundred arguments at the most, and a table may have more rules than that allows.
create or replace function lethe_private.object_sql(pairs text[])
  returns text
  language sql
  immutable
begin atomic
  select string_agg('jsonb_build_object(' || g.pairs || ')', ' || ' order by g.part)
  from (
    select (x.n - 1) / 50 as part, string_agg(x.pair, E',\n  ' order by x.n) as pairs
    from unnest(object_sql.pairs) with ordinality as x (pair, n)
    group by 1
  ) as g;
end;

comment on function lethe_private.object_sql(text[]) is 'SQL that builds one jsonb object of any number of "key, value" pairs.';

create or replace function lethe_private.discover_sql(
  source text,
  condition text,
  actions lethe_private.action_parts[],
  in_order_of text,
  has_leaves boolean,
  batch_rows int
)
  returns text
  language sql
  stable
begin atomic
  -- Rows on which the same rules are to be done are put together where there are enough of them: their
  -- batches need no test of each rule on each row.
  select format($sql$with f as materialized (
  select c.tableoid as target, c.ctid as tid,%s
    %s
  from %s as c
  where %s
), flagged as (
  select f.*, %s as flags from f
), common as (
  select x.flags from flagged as x group by x.flags having count(*) >= %s
)
select %s as facts, d.target, array_agg(d.tid) as tids
from (
  select x.*, m.flags as common, row_number() over (partition by %sm.flags order by %sx.tid) as n
  from flagged as x
  left join common as m on m.flags = x.flags
) as d
group by d.target, d.common, (d.n - 1) / %s
order by d.target, d.common, (d.n - 1) / %s$sql$,
    case when in_order_of is null then '' else format(' c.%I as clock,', in_order_of) end,
    lethe_private.tests_sql(actions),
    source, condition,
    string_agg(format('case when f.%s then ''1'' else ''0'' end', a.flag), ' || ' order by a.n),
    greatest(batch_rows / 5, 1),
    lethe_private.object_sql(array['''rows'', count(*)', '''flags'', d.common']
      || array_agg(format('%L, count(*) filter (where d.%s)', a.flag, a.flag) order by a.n)),
    case when has_leaves then 'x.target, ' else '' end,
    case when in_order_of is null then '' else 'x.clock, ' end,
    batch_rows, batch_rows)
  from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n);
end;

comment on function lethe_private.discover_sql(text, text, lethe_private.action_parts[], text, boolean, int) is
  'Finds all due rows once and groups their addresses into batches.';

-- Asked when a batch has met other people's locks more than once: what can be had now.
create or replace function lethe_private.unlocked_sql()
  returns text
  language sql
  immutable
return $sql$select null::jsonb as facts, null::oid as target, array_agg(c.tid) as tids
from (select c.ctid as tid from {from} as c where c.ctid = any ($1){here} for update skip locked) as c$sql$;

comment on function lethe_private.unlocked_sql() is 'Locks the rows of a batch that nobody else has locked, and returns them.';

-- Lengths in front of the keys, so that no two lists of keys read the same.
create or replace function lethe_private.root_sql(key text)
  returns text
  language sql
  immutable
return format(
  'encode(lethe.keyed_hash(coalesce(string_agg(length(%1$s) || '':'' || %1$s, '','' order by %1$s collate "C"), ''''), $2, $3), ''hex'')', key);

comment on function lethe_private.root_sql(text) is 'The keyed root over the ordered keys of a batch.';

create or replace function lethe_private.compile(managed lethe.managed_tables, controller lethe.controllers, today date)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  -- A program is read by other sessions than the one that wrote it, so its days are written in the one
  -- form that every DateStyle reads alike.
  set datestyle = 'ISO, YMD'
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_source text := lethe_private.host_name(v_oid);
  v_owner text := lethe_private.controller_sql('c', managed, v_oid, controller);
  v_held text := lethe_private.held_sql('c', managed, v_oid, today);
  v_key text := lethe_private.key_sql('c', v_oid, managed.key_columns);
  v_rows int := (select batch_rows from lethe.settings);
  v_leaves boolean := exists (select from pg_inherits where inhparent = v_oid);
  v_actions lethe_private.action_parts[] := array(select a from lethe_private.actions('c', managed, v_oid, controller, today) as a);
  v_columns lethe_private.action_parts[] := array(select a from unnest(v_actions) as a where a.phase = 'columns');
  v_batch lethe_private.action_parts[] := case when not lethe_private.has_linked_clock(managed) then v_actions
    else array(select a from lethe_private.actions('c', managed, v_oid, controller, today, true) as a) end;
  v_order text := lethe_private.plain_clock_index(managed, v_oid, controller);
  v_leaving lethe_private.action_parts;
  -- A clock over other rows changes without the row: it is locked first, and looked at in a second statement.
  v_linked boolean := exists (
    select from lethe_private.effective_terms(managed.id, controller.id) as t
    join lethe.rules as r on r.id = t.rule_id and r.column_name is not null
    cross join unnest(t.since) as s
    where lethe_private.is_linked(s));
  v_condition text;
  v_archive text;
  v_program jsonb;
begin
  if cardinality(v_actions) = 0 then
    return null;
  end if;
  v_program := jsonb_build_object(
    'unlocked', lethe_private.unlocked_sql(),
    'rules', (select jsonb_agg(jsonb_build_object('flag', a.flag, 'rule', a.rule, 'phase', a.phase)) from unnest(v_actions) as a)
      || lethe_private.archived_rules(managed, controller, today),
    'look', lethe_private.look_sql(v_source, concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(v_actions)),
      v_actions, v_held, lethe_private.kept_sql('c', v_oid, controller, today, true),
      case when exists (select from unnest(v_actions) as a where a.phase <> 'columns') then
        lethe_private.staying_sql(managed, v_oid, controller, today, false, array['purge', 'archive']) end),
    'unclocked', lethe_private.unclocked_sql(v_source, v_owner, v_actions),
    'forget', case when lethe_private.has_linked_clock(managed) then lethe_private.forget_sql(managed, v_oid, controller) end);

  foreach v_leaving in array array(select a from unnest(v_actions) as a where a.phase <> 'columns') loop
    v_condition := concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(array[v_leaving]),
      lethe_private.not_held_sql('c', managed, v_oid, today));
    v_program := v_program || jsonb_build_object(v_leaving.phase,
      lethe_private.leaving_program(managed, v_oid, controller, today,
        concat_ws(E'\n    and ', nullif(v_owner, 'true'),
          lethe_private.any_due_sql(array(select b from unnest(v_batch) as b where b.flag = v_leaving.flag)),
          lethe_private.not_held_sql('c', managed, v_oid, today)), v_key, v_leaving)
      || jsonb_build_object('discover', lethe_private.discover_sql(v_source, v_condition, array[v_leaving], null, v_leaves, v_rows))
      || case v_leaving.phase when 'purge' then lethe_private.partitions_program(managed, v_oid, v_owner, array[v_leaving], v_held) else '{}' end);
  end loop;
  if cardinality(v_columns) > 0 then
    v_condition := concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(v_columns),
      lethe_private.not_held_sql('c', managed, v_oid, today));
    v_archive := case when exists (select from unnest(v_columns) as a where lethe_private.archives(a)) then
      lethe_private.archive_values_sql(managed, v_oid, controller.id, v_columns) end;
    v_program := v_program || jsonb_build_object('columns', jsonb_build_object(
      'shape', case when v_archive is not null then lethe_private.shape_of(managed) end,
      'discover', lethe_private.discover_sql(v_source, v_condition, v_columns, v_order, v_leaves, v_rows),
      'lock', case when v_linked then lethe_private.lock_sql() end,
      'act', lethe_private.act_sql(
        concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(array(select a from unnest(v_batch) as a where a.phase = 'columns')),
          lethe_private.not_held_sql('c', managed, v_oid, today)),
        array(select a from unnest(v_batch) as a where a.phase = 'columns'), v_key, lethe_private.is_watched(v_oid),
        v_archive, lethe_private.linked_clocks_sql('c', managed, v_oid, controller, today)),
      'act_on_all', case when v_archive is null and not v_linked and not lethe_private.is_watched(v_oid) then jsonb_build_object(
        'own_rows', concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.not_held_sql('c', managed, v_oid, today)),
        'actions', to_jsonb(v_columns), 'key', v_key) end));
  end if;
  v_program := v_program || jsonb_build_object('archived', lethe_private.archived_program(managed, controller, today));
  return v_program || jsonb_build_object('shape', case
    when coalesce(v_program ->> 'archive', v_program #>> '{columns,shape}', v_program ->> 'archived') is not null then
      lethe_private.shape_of(managed) end);
end
$$;

comment on function lethe_private.compile(lethe.managed_tables, lethe.controllers, date) is
  'The statements of one table, for one controller and one local day; null when no rule applies.';
--! EndIncluded lethe_private/compile.sql
--! Included lethe_private/act_sql.sql
-- The row is looked at and changed in one statement, and only if it is still the version that was
-- looked at (same address, same xmin): a row that anybody changes meanwhile is left for the next pass.
-- watched: a trigger of the host may have taken the new value back, so only what complies is counted.
-- archive: where the originals go (archive_values_sql), if any of the actions archives, with what dates them (clocks).
create or replace function lethe_private.act_sql(condition text, actions lethe_private.action_parts[], key text, watched boolean, archive text, clocks text)
  returns text
  language sql
  stable
begin atomic
  with columns as (
    -- Where a column is due for purge and for anonymization, it is purged.
    select a.column_name, min(a.n) as n,
      string_agg(format('when p.%s then %s', a.flag, a.new_value), ' ' order by a.new_value = 'null' desc, a.n) as choices
    from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
    group by a.column_name
  )
  select format($sql$with picked as materialized (
  select c.ctid as tid, c.xmin as version,%s
    %s
  from {from} as c
  where c.ctid = any ($1){here}
    and %s
), acted as (
  update {from} as c
  set %s
  from picked as p
  where c.ctid = p.tid{here} and c.xmin = p.version
  returning %s as key, %s
)%s
select %s as facts,
  null::oid as target, null::tid[] as tids
from acted as a%s$sql$,
    case when archive is null then '' else format(' c as original, %s as clocks,', clocks) end,
    lethe_private.tests_sql(actions),
    condition,
    (select string_agg(format('%I = case %s else c.%I end', x.column_name, x.choices, x.column_name), E',\n    ' order by x.n) from columns as x),
    key,
    (select string_agg(case when watched then format('p.%1$s and (%2$s) is not true as %1$s', a.flag, a.needed)
      else format('p.%s', a.flag) end, ', ') from unnest(actions) as a) || case when archive is null then '' else ', p.original, p.clocks' end,
    case when archive is null then '' else format(E', kept as (\n  %s\n)', archive) end,
    (select lethe_private.object_sql(array['''rows'', count(*)', '''root'', ' || lethe_private.root_sql('a.key')]
      || array_agg(format('%L, count(*) filter (where a.%s)', a.flag, a.flag))) from unnest(actions) as a),
    case when watched then (select ' where ' || string_agg('a.' || a.flag, ' or ') from unnest(actions) as a) else '' end);
end;

comment on function lethe_private.act_sql(text, lethe_private.action_parts[], text, boolean, text, text) is
  'Applies every action due on the rows of a batch in one statement, and counts them.';

-- The same where all the given actions are to be done on every row of the batch: the statement one would
-- write by hand. Whatever somebody writes makes a new version, at another address, so what discovery found
-- still holds; only what may change without the row (a hold) and what would be wrong to do (a row not due)
-- is asked again. Masking twice changes nothing; a constant, which would fill a null, is asked about.
create or replace function lethe_private.act_on_all_sql(own_rows text, actions lethe_private.action_parts[], key text)
  returns text
  language sql
  stable
begin atomic
  select format($sql$with acted as (
  update {from} as c
  set %s
  where c.ctid = any ($1){here}
    and %s
  returning %s as key
)
select %s as facts,
  null::oid as target, null::tid[] as tids
from acted as a$sql$,
    (select string_agg(format('%I = %s', x.column_name, x.new_value), E',\n    ' order by x.n)
     from (select distinct on (a.column_name) a.column_name, a.new_value, a.n
           from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
           order by a.column_name, a.new_value = 'null' desc, a.n) as x),
    concat_ws(E'\n    and ', own_rows,
      (select string_agg(format('(%s)', t.test), E'\n    and ' order by t.n)
       from (select x.test, min(x.n) as n
             from (select a.due as test, a.n from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
                   union all
                   select a.needed, 1000 + a.n from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
                   where a.new_value <> 'null' and strpos(a.new_value, format('c.%I', a.column_name)) = 0) as x
             group by x.test) as t)),
    key,
    (select lethe_private.object_sql(array['''rows'', count(*)', '''root'', ' || lethe_private.root_sql('a.key')]
      || array_agg(format('%L, count(*)', a.flag))) from unnest(actions) as a));
end;

comment on function lethe_private.act_on_all_sql(text, lethe_private.action_parts[], text) is
  'Applies all of the given actions to the rows of a batch on which all of them are to be done.';

create or replace function lethe_private.is_watched(relation oid)
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select
    from pg_catalog.pg_trigger as t
    where t.tgrelid in (select relation
                        union select i.relid from pg_partition_tree(relation::regclass) as i
                        union select i.inhrelid from pg_catalog.pg_inherits as i where i.inhparent = relation)
      and not t.tgisinternal
      and t.tgenabled <> 'D'
      and t.tgtype & 19 = 19);  -- before, for each row, on update
end;

comment on function lethe_private.is_watched(oid) is 'True when a trigger may change what an UPDATE of the table writes.';
--! EndIncluded lethe_private/act_sql.sql
--! Included lethe_private/look_sql.sql
-- One read of the data: per action how many rows are due, how many of them are held or kept by a child.
create or replace function lethe_private.look_sql(
  source text,
  condition text,
  actions lethe_private.action_parts[],
  held text,
  kept text,
  staying text
)
  returns text
  language sql
  stable
begin atomic
  -- "offset 0": each row is asked once whether it is held, and not once for every count.
  select format($sql$%sselect %s
from (
  select %s,
    %s as held,
    %s as kept
  from %s as c
  where %s
  offset 0
) as d$sql$,
    coalesce(staying, ''),
    lethe_private.object_sql(array[format('''rows'', count(*) filter (where not d.held and (%s))',
      string_agg(case when a.phase = 'columns' then format('d.%s', a.flag) else format('d.%s and not d.kept', a.flag) end, ' or ' order by a.n))]
    || array_agg(format(
      '%1$L, jsonb_build_object(''due'', count(*) filter (where d.%2$s%4$s), ''held'', count(*) filter (where d.%2$s and d.held), '
      '''kept'', %3$s)', a.flag, a.flag,
      case when a.phase = 'columns' then '0' else format('count(*) filter (where d.%s and d.kept and not d.held)', a.flag) end,
      case when a.phase = 'columns' and p.leaves is not null then format(' and not ((%s) and not d.kept and not d.held)', p.leaves) else '' end)
      order by a.n)),
    string_agg(format('%s as %s', a.test, a.flag), E',\n    ' order by a.n),
    held,
    case
      when min(p.leaves) is null then 'false'
      when staying is not null then format('exists (select from staying as x where (x.target, x.tid) = (c.tableoid, c.ctid))')
      when kept is null then 'false'
      else format('(%s) and (%s)', string_agg(format('(%s)', a.due), ' or ') filter (where a.phase <> 'columns'), kept)
    end,
    source, condition)
  from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
  -- A row that leaves takes its column rules with it.
  cross join (
    select string_agg('d.' || x.flag, ' or ') as leaves from unnest(actions) as x where x.phase <> 'columns'
  ) as p;
end;

comment on function lethe_private.look_sql(text, text, lethe_private.action_parts[], text, text, text) is
  'Counts what is due, held and kept, from the data as it stands.';

create or replace function lethe_private.unclocked_sql(source text, owner text, actions lethe_private.action_parts[])
  returns text
  language sql
  stable
begin atomic
  -- Together with "not yet masked", so that the partial index answers this too.
  select format(E'select %s\nfrom %s as c\nwhere %s\n  and (%s)',
    (select lethe_private.object_sql(array_agg(format('%L, count(*) filter (where %s and (%s))', a.flag, a.needed, a.unclocked) order by a.n))
     from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)),
    source, owner,
    string_agg(format('((%s)%s)', g.unclocked, case when g.needed = 'true' then '' else format(E'\n    and (%s)', g.needed) end), ' or ' order by g.n))
  from (
    select a.unclocked, string_agg(a.needed, ' or ' order by a.n) as needed, min(a.n) as n
    from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
    group by a.unclocked
  ) as g;
end;

comment on function lethe_private.unclocked_sql(text, text, lethe_private.action_parts[]) is
  'Counts rows that no term can make due as they stand.';
--! EndIncluded lethe_private/look_sql.sql
--! Included lethe_private/as_sweeper.sql
-- The only function that lethe_sweeper owns, and the only way in which Lethe touches a host's table.
--
-- A trigger of the host runs with the rights of whoever changes the row. Here that is lethe_sweeper,
-- which may do nothing but what was granted to it on managed tables. Because it owns this function, a
-- hostile trigger could alter it (it cannot replace it: that takes CREATE on the schema). So the body
-- trusts nothing of its own definition: names are qualified down to the operators, and it refuses to
-- go on unless it really runs as lethe_sweeper. Its caller checks the definition too.
--
-- lethe init runs this file every time, and so restores what was altered or dropped.
--
-- Deferred constraints and triggers are made to fire here, as lethe_sweeper: at COMMIT they would run
-- as somebody else, and as a different role on PostgreSQL 15 than on 18.
create or replace function lethe_private.as_sweeper(
  statement text,
  tids tid[],
  inner_pad bytea,
  outer_pad bytea,
  host_search_path text
)
  returns table (facts jsonb, target oid, found_tids tid[])
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  set row_security = off
  -- A row's key is the same text in every session, else a hold would not find its row. These are defaults.
  set bytea_output = hex
  set extra_float_digits = 1
  set intervalstyle = postgres
  set datestyle = 'ISO, YMD'
  set jit = off  -- short statements over many partitions: compiling took 24 times as long as running
as $$
declare
  v_settings pg_catalog.text[];
begin
  if current_user operator(pg_catalog.<>) 'lethe_sweeper'::pg_catalog.name then
    raise exception using errcode = 'LE505', message = 'function lethe_private.as_sweeper has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
  perform pg_catalog.set_config('search_path', host_search_path, true);
  v_settings := array[
    pg_catalog.current_setting('search_path'), pg_catalog.current_setting('row_security'),
    pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('default_transaction_read_only'),
    pg_catalog.current_setting('default_transaction_isolation'), pg_catalog.current_setting('standard_conforming_strings'),
    pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('lock_timeout')];

  return query execute statement using tids, inner_pad, outer_pad;
  set constraints all immediate;

  -- A setting that a trigger changed would outlive this function: it would be met by code with more rights,
  -- or end the cycle for every table.
  if v_settings operator(pg_catalog.<>) array[
    pg_catalog.current_setting('search_path'), 'off',
    pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('default_transaction_read_only'),
    pg_catalog.current_setting('default_transaction_isolation'), pg_catalog.current_setting('standard_conforming_strings'),
    pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('lock_timeout')]
    or pg_catalog.current_setting('row_security') operator(pg_catalog.<>) 'off'
  then
    raise exception using errcode = 'LE504', message = 'a trigger changed search_path, row_security or another setting of the session',
      hint = 'give the trigger''s function a "set" clause for what it needs';
  end if;
end
$$;

comment on function lethe_private.as_sweeper(text, tid[], bytea, bytea, text) is
  'Runs one statement as lethe_sweeper, row security off, under the search path declared for the table. Raises LE504, LE505.';

-- Handing it over takes CREATE on the schema for as long as that lasts.
grant create on schema lethe_private to lethe_sweeper;
revoke all on function lethe_private.as_sweeper(text, tid[], bytea, bytea, text) from public;
grant execute on function lethe_private.as_sweeper(text, tid[], bytea, bytea, text) to lethe_owner;
alter function lethe_private.as_sweeper(text, tid[], bytea, bytea, text) owner to lethe_sweeper;
revoke create on schema lethe_private from lethe_sweeper;
--! EndIncluded lethe_private/as_sweeper.sql
--! Included lethe_private/run_as_sweeper.sql
-- What the engine calls. Two shapes of statement: one that returns facts (jsonb) alone, and one that
-- returns facts, target and addresses, batch by batch.
create or replace function lethe_private.run_as_sweeper(
  statement text,
  managed lethe.managed_tables,
  tids tid[] default null,
  inner_pad bytea default null,
  outer_pad bytea default null
)
  returns table (facts jsonb, target oid, found_tids tid[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from pg_proc as p
    where p.oid = to_regprocedure('lethe_private.as_sweeper(text, tid[], bytea, bytea, text)')
      and p.prosecdef and p.provolatile = 'v' and not p.proisstrict
      and p.proowner = (select r.oid from pg_roles as r where r.rolname = 'lethe_sweeper')
      and p.proconfig = array['search_path=pg_catalog, pg_temp', 'row_security=off', 'bytea_output=hex', 'extra_float_digits=1', 'IntervalStyle=postgres', 'DateStyle=ISO, YMD', 'jit=off']
      and not exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where a.grantee not in (select r.oid from pg_roles as r where r.rolname in ('lethe_sweeper', 'lethe_owner')))
  ) then
    raise exception using errcode = 'LE505',
      message = 'function lethe_private.as_sweeper has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
  -- The addresses of a batch lie close together, but the planner takes each for a random read and, on a
  -- table that is not very large, would rather read all of it again and again.
  if run_as_sweeper.tids is not null then
    perform set_config('random_page_cost', '0.1', true);
  end if;
  return query select * from lethe_private.as_sweeper(
    statement, tids, inner_pad, outer_pad, coalesce(managed.search_path, 'pg_catalog, pg_temp'));

  -- A search path that a trigger set for the whole session, be it to the very value it had, is still in
  -- force here: from now on the host's schema would be searched on our behalf.
  if pg_catalog.current_setting('search_path') operator(pg_catalog.<>) 'pg_catalog, pg_temp' then
    raise exception using errcode = 'LE504', message = 'a trigger changed search_path or row_security of the session',
      hint = 'give the trigger''s function a "set search_path" clause';
  end if;
end
$$;

comment on function lethe_private.run_as_sweeper(text, lethe.managed_tables, tid[], bytea, bytea) is
  'Runs one statement over a managed table as lethe_sweeper. Raises LE504, LE505.';

create or replace function lethe_private.count_as_sweeper(statement text, managed lethe.managed_tables)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_facts jsonb;
  v_state text;
begin
  -- The planner cannot know how few rows a partial index still holds. Starting helpers for those takes
  -- longer than counting them; for a table that must be read whole they pay all the same.
  perform set_config('parallel_setup_cost', '10000', true);
  select r.facts into v_facts
  from lethe_private.run_as_sweeper(
    format('select (%s), null::oid, null::tid[]', count_as_sweeper.statement), count_as_sweeper.managed) as r;
  return v_facts;
exception
  when insufficient_privilege then
    raise;
  -- The message of a cast or a division that fails on some row quotes the row, whosever it is.
  when others then
    get stacked diagnostics v_state = returned_sqlstate;
    if v_state like 'LE%' then
      raise;
    end if;
    raise exception using errcode = v_state,
      message = format('a statement over %I.%I fails on some row (SQLSTATE %s)', managed.schema_name, managed.table_name, v_state),
      hint = 'a predicate must be able to read every value of its columns';
end
$$;

comment on function lethe_private.count_as_sweeper(text, lethe.managed_tables) is
  'The one jsonb value of a statement run as lethe_sweeper.';
--! EndIncluded lethe_private/run_as_sweeper.sql
--! Included lethe_private/as_dropper.sql
-- The only function that lethe_dropper owns, and the only way in which Lethe drops or detaches a partition.
--
-- That takes the rights of the table's owner. lethe_sweeper must not have them: triggers of one host would run
-- with the rights of another's owner. Nor lethe_owner: an event trigger, or a function in a partition key, runs
-- with the rights of whoever alters the table, and would read keys and evidence. So a role of its own has
-- them, which changes no row, reads nothing of Lethe's, and gets an owner's role only where a DBA grants it.
--
-- As with as_sweeper, the body trusts nothing of its own definition, its caller checks that, and lethe init
-- restores it.
create or replace function lethe_private.as_dropper(statement text)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  set row_security = off
as $$
declare
  v_settings pg_catalog.text[];
begin
  if current_user operator(pg_catalog.<>) 'lethe_dropper'::pg_catalog.name then
    raise exception using errcode = 'LE505', message = 'function lethe_private.as_dropper has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
  v_settings := array[
    pg_catalog.current_setting('search_path'), pg_catalog.current_setting('row_security'),
    pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('default_transaction_read_only'),
    pg_catalog.current_setting('default_transaction_isolation'), pg_catalog.current_setting('standard_conforming_strings'),
    pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('lock_timeout')];
  execute statement;
  if v_settings operator(pg_catalog.<>) array[
    pg_catalog.current_setting('search_path'), pg_catalog.current_setting('row_security'),
    pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('default_transaction_read_only'),
    pg_catalog.current_setting('default_transaction_isolation'), pg_catalog.current_setting('standard_conforming_strings'),
    pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('lock_timeout')]
  then
    raise exception using errcode = 'LE504', message = 'an event trigger changed search_path, row_security or another setting of the session',
      hint = 'give the trigger''s function a "set" clause for what it needs';
  end if;
end
$$;

comment on function lethe_private.as_dropper(text) is
  'Runs one statement as lethe_dropper: a lock on a partition, DETACH, ATTACH or DROP. Raises LE504, LE505.';

grant create on schema lethe_private to lethe_dropper;
revoke all on function lethe_private.as_dropper(text) from public;
grant execute on function lethe_private.as_dropper(text) to lethe_owner;
alter function lethe_private.as_dropper(text) owner to lethe_dropper;
revoke create on schema lethe_private from lethe_dropper;
--! EndIncluded lethe_private/as_dropper.sql
--! Included lethe_private/run_as_dropper.sql
-- What the engine calls.
create or replace function lethe_private.run_as_dropper(statement text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from pg_proc as p
    where p.oid = to_regprocedure('lethe_private.as_dropper(text)')
      and p.prosecdef and p.provolatile = 'v' and not p.proisstrict
      and p.proowner = (select r.oid from pg_roles as r where r.rolname = 'lethe_dropper')
      and p.proconfig = array['search_path=pg_catalog, pg_temp', 'row_security=off']
      and not exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where a.grantee not in (select r.oid from pg_roles as r where r.rolname in ('lethe_dropper', 'lethe_owner')))
  ) then
    raise exception using errcode = 'LE505',
      message = 'function lethe_private.as_dropper has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
  perform lethe_private.as_dropper(statement);
  if pg_catalog.current_setting('search_path') operator(pg_catalog.<>) 'pg_catalog, pg_temp' then
    raise exception using errcode = 'LE504', message = 'an event trigger changed search_path of the session',
      hint = 'give the trigger''s function a "set search_path" clause';
  end if;
end
$$;

comment on function lethe_private.run_as_dropper(text) is 'Runs one statement as lethe_dropper, the definition checked first. Raises LE504, LE505.';
--! EndIncluded lethe_private/run_as_dropper.sql
--! Included lethe_private/assert_intact.sql
-- What the policy names may have been dropped or renamed since.
create or replace function lethe_private.assert_intact(managed lethe.managed_tables)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_missing text;
begin
  if v_oid is null then
    raise exception using errcode = 'LE102',
      message = format('table %I.%I does not exist', managed.schema_name, managed.table_name),
      hint = 'it was dropped or renamed: take it out of the policy, or name it anew';
  end if;
  select string_agg(distinct quote_ident(n.name), ', ') into v_missing
  from (
    select unnest(managed.key_columns) as name
    union all select managed.controller_column
    union all select r.column_name from lethe.rules as r where r.table_id = managed.id
    union all select unnest(t.since) from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where r.table_id = managed.id
  ) as n
  where n.name is not null
    and not lethe_private.is_linked(n.name)
    and not exists (select from lethe_private.host_columns as h where h.relation = v_oid and h.name = n.name);
  if v_missing is not null then
    raise exception using errcode = 'LE103',
      message = format('table %s has no column %s', lethe_private.host_name(v_oid), v_missing),
      hint = 'it was dropped or renamed: take it out of the policy, or name it anew';
  end if;
  if not lethe_private.has_linked_clock(managed) then
    return;
  end if;
  perform c.entry
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  cross join lateral lethe_private.linked_clocks(managed, t.since) as c
  where r.table_id = managed.id;
end
$$;

comment on function lethe_private.assert_intact(lethe.managed_tables) is
  'Raises LE102 or LE103 when the table, or a column the policy needs, is no longer there; LE106 or LE310 when a link or index a clock needs is not.';
--! EndIncluded lethe_private/assert_intact.sql
--! Included lethe_private/assert_term.sql
-- Static refusals: what the catalogue alone can tell is refused when the policy is set, not at night.
create or replace function lethe_private.assert_clock_type(relation oid, clock lethe_private.host_columns)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if clock.type_name not in ('date', 'timestamp', 'timestamptz') or clock.type_schema <> 'pg_catalog' then
    raise exception using errcode = 'LE302',
      message = format('column %I of %s is of type %s, which is no clock', clock.name, lethe_private.host_name(relation), clock.type),
      hint = 'a clock is a date, a timestamp or a timestamp with time zone';
  end if;
end
$$;

comment on function lethe_private.assert_clock_type(oid, lethe_private.host_columns) is 'Raises LE302 unless the column is a date or time.';

-- Clocks over other rows come back written in full, as the terms keep them.
create or replace function lethe_private.assert_clock(managed lethe.managed_tables, since text[])
  returns text[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_relation oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_name text;
  v_column lethe_private.host_columns;
  v_since text[];
begin
  if coalesce(cardinality(since), 0) = 0 then
    raise exception using errcode = 'LE302',
      message = format('a rule on %s names no clock', lethe_private.host_name(v_relation)),
      hint = 'say since which column the delay counts';
  end if;
  foreach v_name in array since loop
    if lethe_private.is_linked(v_name) then
      v_since := v_since || (lethe_private.linked_clock(managed, v_name)).entry;
      continue;
    end if;
    select h.* into v_column from lethe_private.host_columns as h where h.relation = v_relation and h.name = v_name;
    if not found then
      raise exception using errcode = 'LE103',
        message = format('table %s has no column %I', lethe_private.host_name(v_relation), v_name),
        hint = 'the clock of a rule is a column of its table, or the latest of other rows: max(table.column)';
    end if;
    perform lethe_private.assert_clock_type(v_relation, v_column);
    v_since := v_since || v_name;
  end loop;
  return v_since;
end
$$;

comment on function lethe_private.assert_clock(lethe.managed_tables, text[]) is
  'The clocks as the terms keep them. Raises LE102, LE103, LE106, LE302, LE310 or LE315 unless each is a date or time column of the table, or the latest of other rows.';

create or replace function lethe_private.assert_parameters(method lethe.methods, parameters jsonb)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_key text;
  v_spec jsonb;
  v_value jsonb;
begin
  select k into v_key from jsonb_object_keys(parameters) as k where not method.parameters ? k limit 1;
  if v_key is not null then
    raise exception using errcode = 'LE106',
      message = format('method %s has no parameter %I', method.name, v_key),
      hint = coalesce('it has ' || (select string_agg(k, ', ') from jsonb_object_keys(method.parameters) as k), 'it has none');
  end if;
  for v_key, v_spec in select d.key, d.value from jsonb_each(method.parameters) as d loop
    v_value := coalesce(parameters -> v_key, v_spec -> 'default');
    if v_value is null then
      raise exception using errcode = 'LE106',
        message = format('method %s needs parameter %I', method.name, v_key),
        hint = coalesce(v_spec ->> 'description', 'give it under using');
    end if;
    if v_spec ->> 'type' in ('integer', 'number') and (
        jsonb_typeof(v_value) <> 'number'
        or (v_spec ->> 'type' = 'integer' and v_value::numeric <> trunc(v_value::numeric))
        or v_value::numeric < (v_spec ->> 'minimum')::numeric
        or v_value::numeric > (v_spec ->> 'maximum')::numeric)
      or v_spec ->> 'type' = 'string' and (jsonb_typeof(v_value) <> 'string' or v_value #>> '{}' !~ (v_spec ->> 'pattern'))
      or v_spec ->> 'type' = 'boolean' and jsonb_typeof(v_value) <> 'boolean'
      or v_spec -> 'enum' is not null and not v_spec -> 'enum' @> v_value
    then
      raise exception using errcode = 'LE106',
        message = format('parameter %I of method %s cannot be %s', v_key, method.name, v_value),
        hint = concat_ws('; ', 'it takes ' || (v_spec ->> 'type'), case when v_spec ? 'pattern' then v_spec ->> 'description' end, 'at least ' || (v_spec ->> 'minimum'),
          'at most ' || (v_spec ->> 'maximum'), 'one of ' || (v_spec ->> 'enum'));
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_parameters(lethe.methods, jsonb) is
  'Raises LE106 for a parameter that is unknown, missing or of the wrong kind.';

-- Unique and exclusion indexes that touch the column, in their keys, expressions or predicate.
create or replace function lethe_private.unique_indexes(relation oid, column_position int2)
  returns setof text
  language sql
  stable
begin atomic
  select distinct x.relname::text
  from pg_catalog.pg_index as i
  join pg_catalog.pg_class as x on x.oid = i.indexrelid
  where i.indrelid = relation
    and (i.indisunique or i.indisexclusion)
    and (column_position = any (i.indkey::int2[])
      or exists (select from pg_catalog.pg_depend as d
                 where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
                   and d.refobjid = relation and d.refobjsubid = column_position));
end;

comment on function lethe_private.unique_indexes(oid, int2) is 'Names of the indexes that keep a column''s values apart.';

-- Where nulls are not distinct, there is room for one null only.
create or replace function lethe_private.assert_nulls_fit(relation oid, target lethe_private.host_columns)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_index text;
begin
  select x.relname into v_index
  from pg_index as i
  join pg_class as x on x.oid = i.indexrelid
  where i.indrelid = relation and i.indisunique and i.indnullsnotdistinct and target.position = any (i.indkey::int2[])
  limit 1;
  if found then
    raise exception using errcode = 'LE306',
      message = format('column %I of %s is unique, nulls included (%s), and would become null', target.name, lethe_private.host_name(relation), v_index),
      hint = 'use a pseudonym, which keeps values apart';
  end if;
end
$$;

comment on function lethe_private.assert_nulls_fit(oid, lethe_private.host_columns) is
  'Raises LE306 when a column may hold one null at the most.';

create or replace function lethe_private.assert_method_fits(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := format('column %I of %s', target.name, lethe_private.host_name(relation));
  v_unique text := (select string_agg(u, ', ') from lethe_private.unique_indexes(relation, target.position) as u);
begin
  if not method.type_categories && array['*', target.type_name, target.type_category::text] then
    raise exception using errcode = 'LE304',
      message = format('method %s does not fit %s of type %s', method.name, v_name, target.type),
      hint = 'it fits ' || array_to_string(method.type_categories, ', ');
  end if;
  if method.nulls_out and target.not_null then
    raise exception using errcode = 'LE305',
      message = format('%s is NOT NULL and method %s makes it null', v_name, method.name),
      hint = 'use constant, partial or a pseudonym; or drop the constraint';
  end if;
  if method.nulls_out then
    perform lethe_private.assert_nulls_fit(relation, target);
  end if;
  if v_unique is not null and not method.keeps_unique and not method.nulls_out then
    raise exception using errcode = 'LE306',
      message = format('%s is unique (%s) and method %s makes values equal', v_name, v_unique, method.name),
      hint = 'use a pseudonym, which keeps values apart; or suppress';
  end if;
  if target.length < coalesce(case when v_unique is null then method.length_min else method.length_min_unique end, 0)
    or method.name = 'constant' and target.length < length(coalesce(parameters, '{}') ->> (select k from jsonb_object_keys(method.parameters) as k limit 1))
  then
    raise exception using errcode = 'LE307',
      message = format('%s holds %s characters, too few for method %s', v_name, target.length, method.name),
      hint = 'use suppress, partial or a shorter constant; or make the column longer';
  end if;
end
$$;

comment on function lethe_private.assert_method_fits(oid, lethe_private.host_columns, lethe.methods, jsonb) is
  'Raises LE304 (type), LE305 (NOT NULL), LE306 (unique) or LE307 (length).';

-- A value that the column would store differently (rounded, padded, cut) could not be recognised, and
-- would be due again every night. It is stored once, in thought, before the rule is taken.
create or replace function lethe_private.assert_constant_stands(relation oid, target lethe_private.host_columns, method lethe.methods, parameters jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_stands boolean;
begin
  if method.mask ~ '\{value\}' or method.nulls_out then
    return;
  end if;
  begin
    -- As lethe_sweeper: a domain of the host's runs the host's code.
    v_stands := lethe_private.count_as_sweeper(format('select to_jsonb(coalesce(%s, false)) from (select (%s)::%s as %I) as c',
      lethe_private.method_sql(method.recogniser, 'c', target, method, parameters),
      lethe_private.method_sql(method.mask, 'c', target, method, parameters), target.type, target.name), null)::boolean;
  exception
    when insufficient_privilege then
      return;  -- a type of the host's; its statements will say so
    when others then
      v_stands := false;
  end;
  if v_stands is distinct from true then
    raise exception using errcode = 'LE304',
      message = format('column %I of %s, of type %s, does not store the given value as it is', target.name, lethe_private.host_name(relation), target.type),
      hint = 'give a value that the column can hold and give back unchanged';
  end if;
end
$$;

comment on function lethe_private.assert_constant_stands(oid, lethe_private.host_columns, lethe.methods, jsonb) is
  'Raises LE304 when a constant would not be recognised once it is stored.';

create or replace function lethe_private.assert_column_may_change(managed lethe.managed_tables, relation oid, target lethe_private.host_columns)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := format('column %I of %s', target.name, lethe_private.host_name(relation));
  v_reference text;
begin
  if target.is_generated or target.is_identity then
    raise exception using errcode = 'LE308',
      message = format('%s is a generated or identity column', v_name),
      hint = 'anonymize the columns it is computed from';
  end if;
  if exists (
    select
    from pg_partitioned_table as p
    where p.partrelid in (select relation union select i.relid from pg_partition_tree(relation::regclass) as i)
      and target.name in (select a.attname from pg_attribute as a where a.attrelid = p.partrelid and a.attnum = any (p.partattrs::int2[])))
  then
    raise exception using errcode = 'LE308',
      message = format('%s is a partition key', v_name),
      hint = 'purge the row, or its partition, instead';
  end if;
  select r.foreign_key into v_reference
  from lethe_private.host_references as r
  where (r.child in (select relation union select i.relid from pg_partition_tree(relation::regclass) as i) and target.name = any (r.child_columns))
     or (r.parent = relation and target.name = any (r.parent_columns))
  limit 1;
  if v_reference is not null then
    raise exception using errcode = 'LE309',
      message = format('%s is part of foreign key %I', v_name, v_reference),
      hint = 'purge the row, or declare the reference "unlink" on the referencing table';
  end if;
  if target.name = managed.controller_column or target.name = any (managed.key_columns) then
    raise exception using errcode = 'LE316',
      message = format('%s is the table''s key or names its controller', v_name),
      hint = 'purge the row instead';
  end if;
end
$$;

comment on function lethe_private.assert_column_may_change(lethe.managed_tables, oid, lethe_private.host_columns) is
  'Raises LE308, LE309 or LE316 for a column that no rule may rewrite.';
--! EndIncluded lethe_private/assert_term.sql
--! Included lethe_private/assert_archiving.sql
-- What is archived must come to its end, and nobody but the engine's own statements may be needed to find it then.
create or replace function lethe_private.assert_archiving(managed lethe.managed_tables)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := format('%I.%I', managed.schema_name, managed.table_name);
  v_member lethe.managed_tables;
  v_mirror lethe_private.mirrors;
  v_conflict record;
  v_found text;
begin
  -- Archiving a value already puts an anonymized one in its place; what is in the archive is purged there.
  select r.column_name into v_conflict
  from lethe.rules as r
  join lethe.rules as l on l.table_id = r.table_id and l.column_name = r.column_name and l.action = 'anonymize'
  where r.table_id = managed.id and r.action = 'archive'
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('column %I of %s is to be archived and anonymized', v_conflict.column_name, v_name),
      hint = 'archive alone does both: the original goes to the archive, and "using" says what is left in its place';
  end if;
  select r.column_name into v_conflict
  from lethe.rules as r
  join lethe.rules as l on l.table_id = r.table_id
  join lethe.terms as t on t.rule_id = l.id and (r.column_name = any (t.since) or l.id <> r.id and lethe_private.names_column(t.condition, r.column_name))
  where r.table_id = managed.id and r.action = 'archive'
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('column %I of %s is to be archived, and another rule counts by it', v_conflict.column_name, v_name),
      hint = 'in the archive nobody could ask for it any more: count by another column, or archive the whole row';
  end if;


  -- Its rows leave with their parent, who would not take what is in their own archive along.
  if exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive')
    and exists (select from lethe.links as l where l.table_id = managed.id and l.on_purge = 'with parent')
  then
    raise exception using errcode = 'LE316',
      message = format('rows of %s go with their parent and cannot be archived by a rule of their own', v_name),
      hint = 'archive the parent: what goes with it is archived along';
  end if;

  select r.column_name, c.name as controller into v_conflict
  from lethe.rules as r
  cross join lethe.controllers as c
  where r.table_id = managed.id and r.action = 'archive'
    and exists (select from lethe_private.effective_terms(managed.id, c.id) as t where t.rule_id = r.id)
    and not exists (
      select from lethe_private.effective_terms(managed.id, c.id) as t
      join lethe.rules as p on p.id = t.rule_id
      where p.action = 'purge' and (p.column_name is null or p.column_name = r.column_name))
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('%s of %s would be archived for ever for controller %s',
        coalesce('column ' || quote_ident(v_conflict.column_name), 'rows'), v_name, v_conflict.controller),
      hint = 'add a purge, by which they end';
  end if;

  for v_member in
    select f.* from lethe_private.archived_family(managed) as f
    where exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive')
    union
    select managed.* where exists (select from lethe_private.mirrors as m where m.table_id = managed.id)
  loop
    select lethe_private.names_of_host(t.condition) into v_found
    from lethe.terms as t join lethe.rules as r on r.id = t.rule_id
    where r.table_id = v_member.id and t.condition is not null and lethe_private.archived_condition(t.condition) is null
    limit 1;
    if found then
      raise exception using errcode = 'LE303',
        message = format('a predicate on %I.%I names something of %s and cannot be asked of its archive', v_member.schema_name, v_member.table_name, v_found),
        hint = 'compare an enumeration for equality alone, and other types of yours not at all';
    end if;
  end loop;

  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    v_found := lethe_private.unanswered(managed, v_mirror);
    if v_found is not null then
      raise exception using errcode = 'LE905',
        message = format('what is in the archive of %s cannot be asked for %s, which its rules count by', v_name, v_found),
        hint = 'it was not there, or of another type, when the rows were archived: let the rules count by what was, or add a rule beside';
    elsif lethe_private.never_ends(managed, v_mirror) then
      raise exception using errcode = 'LE903',
        message = format('table %s has %s in the archive that no rule would end', v_name, v_mirror.kind),
        hint = 'keep the purge until their term has ended';
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_archiving(lethe.managed_tables) is
  'Raises LE303, LE316, LE903 or LE905 when something would stay in the archive for ever, or could not be found there.';

create or replace function lethe_private.never_ends(managed lethe.managed_tables, mirror lethe_private.mirrors)
  returns boolean
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_column text;
  v_found boolean;
begin
  if exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name is null and r.action = 'purge') then
    return false;
  elsif mirror.kind = 'rows' then
    execute format('select exists (select from lethe_archive.%I as m where m."lethe$root_table" = $1)', mirror.name) into v_found using managed.id;
    return v_found;
  end if;
  for v_column in
    select c.column_name from lethe_private.mirror_columns as c
    where c.mirror_id = mirror.id and c.holds_value
      and not exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name = c.column_name and r.action = 'purge')
  loop
    execute format('select exists (select from lethe_archive.%I as m where m.%I is not null)', mirror.name, v_column) into v_found;
    if v_found then
      return true;
    end if;
  end loop;
  return false;
end
$$;

comment on function lethe_private.never_ends(lethe.managed_tables, lethe_private.mirrors) is
  'True when a mirror has something that no purge of its table reaches.';
--! EndIncluded lethe_private/assert_archiving.sql
--! Included lethe_private/assert_rules.sql
-- What only shows when all rules of a table are seen together, and what its triggers, rules and
-- references would do to a sweep.
create or replace function lethe_private.assert_rules(managed lethe.managed_tables)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_purges boolean := exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name is null);
  v_updates boolean := exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name is not null);
begin
  perform lethe_private.assert_terms_agree(managed, v_oid);
  perform lethe_private.assert_archiving(managed);
  perform lethe_private.assert_events_stand(managed);
  if v_purges then
    perform lethe_private.assert_no_rewrite_rule(v_oid, '4', 'DELETE');
    perform lethe_private.assert_references(v_oid);
  end if;
  if v_updates then
    perform lethe_private.assert_no_rewrite_rule(v_oid, '2', 'UPDATE');
    perform lethe_private.assert_clock_stands(managed, v_oid);
  end if;
end
$$;

comment on function lethe_private.assert_rules(lethe.managed_tables) is
  'Raises LE310 to LE314 or LE316 when the rules of a table cannot work together or on it.';

-- A rule that rewrites the column which other rows' clocks are computed from would move those clocks, or end them.
create or replace function lethe_private.assert_events_stand(managed lethe.managed_tables)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found record;
begin
  select r.column_name, r.action, c.entry, lethe_private.plain_name(p) as parent, lethe_private.plain_name(m) as child into v_found
  from (
    select x.* from lethe_private.clocks_over(managed) as x
    union
    select x.* from lethe.rules as u join lethe.terms as t on t.rule_id = u.id
    cross join lateral lethe_private.linked_clocks(managed, t.since) as x
    where u.table_id = managed.id
  ) as c
  join lethe.rules as r on r.table_id = c.child_id and r.column_name = c.column_name
  join lethe.managed_tables as m on m.id = c.child_id
  join lethe.managed_tables as p on p.id = c.parent_id
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('column %I of %s cannot be rewritten (%s): rows of %s count since it', v_found.column_name, v_found.child, v_found.action, v_found.parent),
      hint = format('take back the rule on it, or the clock %s', v_found.entry);
  end if;
end
$$;

comment on function lethe_private.assert_events_stand(lethe.managed_tables) is
  'Raises LE316 when a column rule would change what another table''s clock is computed from.';

create or replace function lethe_private.assert_terms_agree(managed lethe.managed_tables, relation oid)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_conflict record;
begin
  select r.column_name, c.name as controller into v_conflict
  from lethe.controllers as c
  cross join lateral lethe_private.effective_terms(managed.id, c.id) as t
  join lethe.rules as r on r.id = t.rule_id
  where r.action <> 'purge' and r.column_name is not null
  group by c.name, r.column_name
  having count(distinct (t.method, t.parameters)) > 1
  limit 1;
  if found then
    raise exception using errcode = 'LE314',
      message = format('the terms of column %I of %s name different methods for controller %s',
      v_conflict.column_name, lethe_private.host_name(relation), v_conflict.controller),
      hint = 'one value can be masked in one way only';
  end if;

  -- Only where both delays count from the same clock for the same purpose can they be compared at all.
  select concat_ws(': ', r.column_name, r.action) as earlier, concat_ws(': ', l.column_name, l.action) as later into v_conflict
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  join lethe.rules as l on l.table_id = r.table_id and l.action <= r.action and l.id <> r.id
    and (r.column_name is null or r.column_name = l.column_name)
  join lethe.terms as u on u.rule_id = l.id and u.since = t.since
    and u.condition is not distinct from t.condition
    and u.purpose is not distinct from t.purpose and u.controller_id is not distinct from t.controller_id
  where r.table_id = managed.id and r.action = 'purge' and (l.column_name is not null or l.action = 'archive') and u.after >= t.after
    and 1 = (select count(*) from lethe.terms as x where x.rule_id = r.id and x.controller_id is not distinct from t.controller_id)
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('rule "%s" on %s can never be due: "%s" comes first or at once',
      v_conflict.later, lethe_private.host_name(relation), v_conflict.earlier),
      hint = 'give it a shorter delay, or leave it out';
  end if;
end
$$;

comment on function lethe_private.assert_terms_agree(lethe.managed_tables, oid) is
  'Raises LE314 (one column, two methods) or LE316 (a rule that another always precedes).';

create or replace function lethe_private.assert_no_rewrite_rule(relation oid, event "char", event_name text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule text;
begin
  select w.rulename into v_rule from pg_rewrite as w
  where w.ev_class in (select relation union select i.relid from pg_partition_tree(relation::regclass) as i)
    and w.ev_type = event and w.ev_enabled <> 'D'
  limit 1;
  if found then
    raise exception using errcode = 'LE311',
      message = format('rule %I rewrites %s on table %s', v_rule, event_name, lethe_private.host_name(relation)),
      hint = 'drop or disable it: what Lethe asks for must be what happens';
  end if;
end
$$;

comment on function lethe_private.assert_no_rewrite_rule(oid, "char", text) is 'Raises LE311 when a rewrite rule stands in the way.';

-- Every table whose rows can keep, follow or lose a purged row, down the links that follow.
create or replace function lethe_private.assert_references(relation oid, path oid[] default '{}')
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reference record;
  v_positions int2[];
  v_schema text;
  v_leaf text;
begin
  for v_reference in
    select * from lethe_private.references_to(relation) as r where r.child <> all (path)
  loop
    select array_agg(h.position order by x.n)::int2[] into v_positions
    from unnest(v_reference.child_columns) with ordinality as x (name, n)
    join lethe_private.host_columns as h on h.relation = v_reference.child and h.name = x.name;
    if not lethe_private.has_leading_index(v_reference.child, v_positions) then
      raise exception using errcode = 'LE310',
        message = format('%s of %s refers to %s without an index',
          array_to_string(v_reference.child_columns, ', '), lethe_private.host_name(v_reference.child), lethe_private.host_name(relation)),
        hint = format('create index concurrently on %s (%s)', lethe_private.host_name(v_reference.child),
          (select string_agg(quote_ident(c), ', ') from unnest(v_reference.child_columns) as c));
    end if;

    -- A type with an equality of its own (citext) is compared by it only where it is found; by the plain one
    -- a referring row could be overlooked, and a cascade nobody declared would take it.
    select n.nspname into v_schema
    from pg_constraint as k
    cross join unnest(k.conpfeqop) as e (operator)
    join pg_operator as o on o.oid = e.operator
    join pg_namespace as n on n.oid = o.oprnamespace
    where k.contype = 'f' and k.conrelid = v_reference.child and k.conname = v_reference.foreign_key
      and n.nspname <> 'pg_catalog'
      and not exists (
        select from lethe.managed_tables as m
        cross join unnest(string_to_array(m.search_path, ',')) as p
        where lethe_private.host_table(m.schema_name, m.table_name) = coalesce(path[1], relation)
          and btrim(btrim(p), '"') = n.nspname)
    limit 1;
    if v_schema is not null then
      raise exception using errcode = 'LE315',
        message = format('reference %s of %s compares by an operator of schema %I, which the search path of %s does not name',
          array_to_string(v_reference.child_columns, ', '), lethe_private.host_name(v_reference.child), v_schema,
          lethe_private.host_name(coalesce(path[1], relation))),
        hint = format('declare the table''s search path: search_path: "%s, pg_temp"', quote_ident(v_schema));
    end if;

    -- A partition whose siblings declare this foreign key, each for itself, and which does not.
    select lethe_private.host_name(s.inhrelid) into v_leaf
    from pg_inherits as i
    join pg_inherits as s on s.inhparent = i.inhparent
    where i.inhrelid = v_reference.child
      and (select c.relispartition from pg_class as c where c.oid = s.inhrelid)
      and not exists (
        select from pg_constraint as k
        where k.conrelid in (s.inhrelid, s.inhparent) and k.contype = 'f' and k.confrelid = relation)
    limit 1;
    if v_leaf is not null then
      raise exception using errcode = 'LE313',
        message = format('partition %s lacks the foreign key to %s that its siblings have', v_leaf, lethe_private.host_name(relation)),
        hint = format('alter table %s add foreign key (%s) references %s (%s)', v_leaf,
          (select string_agg(quote_ident(c), ', ') from unnest(v_reference.child_columns) as c), lethe_private.host_name(relation),
          (select string_agg(quote_ident(c), ', ') from unnest(v_reference.parent_columns) as c));
    end if;
    if v_reference.on_purge = 'with parent' then
      perform lethe_private.assert_no_rewrite_rule(v_reference.child, '4', 'DELETE');
      perform lethe_private.assert_references(v_reference.child, path || relation);
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_references(oid, oid[]) is
  'Raises LE310 (a reference without an index) or LE313 (a partition without its siblings'' foreign key).';

-- A trigger that sets the clock on every update would make each masked row young again. Whether one
-- does is read from its text; a trigger that names lethe_sweeper has been made to spare it.
create or replace function lethe_private.assert_clock_stands(managed lethe.managed_tables, relation oid)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found record;
begin
  select g.tgname, c.name as clock into v_found
  from pg_trigger as g
  join pg_proc as p on p.oid = g.tgfoid
  cross join (
    select unnest(t.since) as name
    from lethe.terms as t join lethe.rules as r on r.id = t.rule_id
    where r.table_id = managed.id
    union
    select x.column_name from lethe_private.clocks_over(managed) as x) as c
  where g.tgrelid = relation
    and not g.tgisinternal
    and g.tgenabled in ('O', 'A')
    and g.tgtype & 19 = 19  -- before, for each row, on update
    and (p.prosrc ~* ('\mnew\s*\.\s*"?' || c.name || '"?\s*:?=')
      or strpos(encode(g.tgargs, 'escape'), c.name || '\000') > 0)
    and (coalesce(pg_get_triggerdef(g.oid), '') || p.prosrc) !~ 'lethe_sweeper'
  limit 1;
  if found then
    raise exception using errcode = 'LE312',
      message = format('trigger %I on %s sets clock %I at every update', v_found.tgname, lethe_private.host_name(relation), v_found.clock),
      hint = 'count since another column; or spare Lethe in the trigger: when (current_user <> ''lethe_sweeper'')';
  end if;
end
$$;

comment on function lethe_private.assert_clock_stands(lethe.managed_tables, oid) is
  'Raises LE312 when a trigger restarts a clock of the table.';
--! EndIncluded lethe_private/assert_rules.sql
--! Included lethe/manage_table.sql
create or replace function lethe.manage_table(
  "table" text,
  controller text default null,
  controller_column text default null,
  time_zone text default null,
  search_path text default null,
  key text[] default null,
  sentinels text[] default null,
  partitions text default null
)
  returns int
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_oid oid := lethe_private.resolve_table("table");
  v_controller_id int;
  v_key text[];
  v_missing text;
  v_id int;
begin
  perform lethe_private.assert_may_change(null);
  perform lethe_private.assert_manageable(v_oid);
  v_controller_id := lethe_private.table_controller(v_oid, manage_table.controller, manage_table.controller_column);
  v_key := coalesce(manage_table.key, lethe_private.usable_key(v_oid));
  if v_key is null or manage_table.key is not null and not lethe_private.identifies_rows(v_oid, manage_table.key) then
    raise exception using errcode = 'LE201',
      message = format('table %s has no usable key%s', lethe_private.host_name(v_oid), coalesce(' in ' || array_to_string(manage_table.key, ', '), '')),
      hint = 'add a primary key, or a complete unique index over columns that are NOT NULL';
  end if;
  if manage_table.time_zone is not null then
    perform lethe_private.assert_time_zone(manage_table.time_zone);
  end if;
  select string_agg(p.name, ', ') into v_missing
  from (select btrim(btrim(s), '"') as name from unnest(string_to_array(manage_table.search_path, ',')) as s) as p
  where p.name <> '$user' and p.name <> 'pg_temp' and not exists (select from pg_namespace as n where n.nspname = p.name);
  if v_missing is not null then
    raise exception using errcode = 'LE106',
      message = format('search path of %s names schema %s, which does not exist', lethe_private.host_name(v_oid), v_missing),
      hint = 'name existing schemas, separated by commas';
  end if;

  perform lethe_private.assert_partitions(v_oid, manage_table.partitions);
  -- A table that was renamed takes its archive along.
  update lethe.managed_tables as m
  set schema_name = n.nspname, table_name = c.relname
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = v_oid
    and lethe_private.host_table(m.schema_name, m.table_name) is null
    and exists (select from lethe_private.mirrors as r where r.table_id = m.id and r.source = v_oid);

  insert into lethe.managed_tables as m
    (schema_name, table_name, controller_id, controller_column, time_zone, search_path, key_columns, sentinels, partitions)
  select n.nspname, c.relname, v_controller_id, manage_table.controller_column, manage_table.time_zone,
    manage_table.search_path, v_key, lethe_private.read_days(manage_table.sentinels), coalesce(manage_table.partitions, 'delete')
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = v_oid
  on conflict (schema_name, table_name) do update
  set controller_id = excluded.controller_id, controller_column = excluded.controller_column, time_zone = excluded.time_zone,
      search_path = excluded.search_path, key_columns = excluded.key_columns, sentinels = excluded.sentinels,
      partitions = excluded.partitions
  returning m.id into v_id;
  return v_id;
end
$$;

comment on function lethe.manage_table(text, text, text, text, text, text[], text[], text) is
  'Tells Lethe of a table: whose rows it holds (one controller, or a column that says), in which zone its timestamps are, and so on. Returns its id. Raises LE101 to LE106, LE201 to LE204, LE502.';

create or replace function lethe_private.assert_partitions(relation oid, partitions text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if partitions not in ('delete', 'drop', 'detach', 'detach concurrently') then
    raise exception using errcode = 'LE106',
      message = format('partitions of %s: %L is not known', lethe_private.host_name(relation), partitions),
      hint = 'it may be delete, drop, detach or detach concurrently';
  elsif partitions <> 'delete' and (select c.relkind from pg_class as c where c.oid = relation) <> 'p' then
    raise exception using errcode = 'LE204',
      message = format('table %s is not partitioned, so it has no partition to %s', lethe_private.host_name(relation), partitions),
      hint = 'leave partitions out: its rows are deleted';
  end if;
end
$$;

comment on function lethe_private.assert_partitions(oid, text) is
  'Raises LE106 (an unknown word) or LE204 (a table without partitions).';

create or replace function lethe_private.table_controller(relation oid, controller text, controller_column text)
  returns int
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type text;
  v_reference text;
  v_collation text;
begin
  if num_nonnulls(controller, controller_column) = 0 and (select count(*) from lethe.controllers) = 1 then
    return (select c.id from lethe.controllers as c);
  elsif num_nonnulls(controller, controller_column) <> 1 then
    raise exception using errcode = 'LE203',
      message = format('table %s names %s', lethe_private.host_name(relation),
        case when controller is null then 'no controller' else 'both a controller and a controller column' end),
      hint = 'say whose rows it holds: one controller, or the column that tells';
  elsif controller is not null then
    return (lethe_private.get_controller(controller)).id;
  end if;

  select h.base_type, ' collate ' || quote_ident(n.nspname) || '.' || quote_ident(k.collname) into v_type, v_collation
  from lethe_private.host_columns as h
  join pg_attribute as a on a.attrelid = h.relation and a.attnum = h.position
  left join pg_collation as k on k.oid = a.attcollation
  left join pg_namespace as n on n.oid = k.collnamespace
  where h.relation = table_controller.relation and h.name = controller_column;
  if not found then
    raise exception using errcode = 'LE103',
      message = format('table %s has no column %I', lethe_private.host_name(relation), controller_column),
      hint = 'the controller column holds each controller''s reference';
  end if;
  for v_reference in select c.reference from lethe.controllers as c where c.reference is not null loop
    begin
      -- As lethe_sweeper: a domain of the host's runs the host's code.
      perform lethe_private.run_as_sweeper(format('select to_jsonb((%L::%s) is null), null::oid, null::tid[]', v_reference, v_type), null);
    exception when others then
      raise exception using errcode = 'LE203',
        message = format('column %I of %s is of type %s, which cannot hold controller reference %L',
        controller_column, lethe_private.host_name(relation), v_type, v_reference),
        hint = 'set the controllers'' references to values of that column';
    end;
  end loop;
  -- '1' and '01' are two references and one number.
  if (select r.facts::boolean from lethe_private.run_as_sweeper((
    select format('select to_jsonb(count(distinct x.v%s) < count(*)), null::oid, null::tid[] from (values %s) as x (v)',
      v_collation, string_agg(format('(%L::%s)', c.reference, v_type), ', '))
    from lethe.controllers as c
    where c.reference is not null
    having count(*) > 0), null) as r)
  then
    raise exception using errcode = 'LE203',
      message = format('column %I of %s, of type %s, cannot tell the references of two controllers apart',
        controller_column, lethe_private.host_name(relation), v_type),
      hint = 'a row belongs to one controller: give references that the column holds as different values';
  end if;
  return null;
end
$$;

comment on function lethe_private.table_controller(oid, text, text) is
  'The id of the one controller of a table; null where a column tells. Raises LE101, LE103, LE203.';

create or replace function lethe_private.identifies_rows(relation oid, columns text[])
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select
    from pg_catalog.pg_index as i
    where i.indrelid = relation and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null
      and (select array_agg(a.attname::text order by a.attname)
           from unnest(i.indkey::int2[]) with ordinality as k (attnum, n)
           join pg_catalog.pg_attribute as a on a.attrelid = relation and a.attnum = k.attnum and a.attnotnull
           where k.n <= i.indnkeyatts)
        = (select array_agg(c order by c) from unnest(columns) as c));
end;

comment on function lethe_private.identifies_rows(oid, text[]) is 'True when a unique index over exactly these columns, all NOT NULL, identifies every row.';

create or replace function lethe_private.read_days(days text[])
  returns date[]
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
as $$
begin
  return coalesce(days::date[], '{}');
exception when others then
  raise exception using errcode = 'LE302',
    message = 'a sentinel is not a day',
    hint = 'write it as 9999-12-31';
end
$$;

comment on function lethe_private.read_days(text[]) is 'Days written as ISO 8601. Raises LE302.';

create or replace function lethe.unmanage_table("table" text)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.assert_may_change(null);
  delete from lethe.managed_tables as m
  where format('%s.%s', m.schema_name, m.table_name) = unmanage_table."table"
     or format('%I.%I', m.schema_name, m.table_name) = unmanage_table."table";
  if not found then
    raise exception using errcode = 'LE102',
      message = format('table %s is not managed', coalesce("table", '(null)')),
      hint = 'lethe.managed_tables lists those that are';
  end if;
end
$$;

comment on function lethe.unmanage_table(text) is
  'Forgets a table with its rules, links and subject types; the table itself is not touched. Raises LE102, LE502.';
--! EndIncluded lethe/manage_table.sql
--! Included lethe/set_rule.sql
-- One term of a rule; the rule comes into being with its first term. A controller's own term (controller
-- given) replaces the default of the same purpose for that controller.
create or replace function lethe_private.put_rule(
  "table" text,
  action text,
  after text,
  "column" text,
  since text[],
  method text,
  parameters jsonb,
  purpose text,
  "when" text,
  controller text,
  reason text
)
  returns int
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_oid oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_controller_id int := case when controller is not null then (lethe_private.get_controller(controller)).id end;
  v_term lethe.terms;
begin
  perform lethe_private.assert_may_change(v_controller_id);
  perform lethe_private.assert_action(v_managed, v_oid, action, "column", method, parameters);
  v_term.since := lethe_private.assert_clock(v_managed, since);
  if action <> 'purge' and "column" = any (since) then
    raise exception using errcode = 'LE316',
      message = format('column %I of %s is its own clock', "column", lethe_private.host_name(v_oid)),
      hint = 'count since another column';
  end if;
  v_term.after := lethe_private.parse_delay(after);
  v_term.condition := case when "when" is not null then lethe_private.read_condition(v_oid, "when") end;
  perform set_config('lethe.reason', coalesce(reason, ''), true);

  insert into lethe.rules as r (table_id, column_name, action)
  values (v_managed.id, "column", put_rule.action)
  on conflict on constraint rules_table_id_column_name_action_key do update set action = excluded.action
  returning r.id into v_term.rule_id;
  insert into lethe.terms as t (rule_id, controller_id, purpose, after, since, "when", condition, method, parameters)
  values (v_term.rule_id, v_controller_id, put_rule.purpose, v_term.after, v_term.since, put_rule."when", v_term.condition,
    put_rule.method, coalesce(put_rule.parameters, '{}'))
  on conflict on constraint terms_rule_id_controller_id_purpose_key do update
  set after = excluded.after, since = excluded.since, "when" = excluded."when", condition = excluded.condition,
      method = excluded.method, parameters = excluded.parameters
  where (t.after, t.since, t."when", t.method, t.parameters)
    is distinct from (excluded.after, excluded.since, excluded."when", excluded.method, excluded.parameters);
  return v_term.rule_id;
end
$$;

comment on function lethe_private.put_rule(text, text, text, text, text[], text, jsonb, text, text, text, text) is
  'Sets one term of a rule, judged by itself. Whoever calls it judges the rules of the table together (assert_rules).';

create or replace function lethe.set_rule(
  "table" text,
  action text,
  after text,
  "column" text default null,
  since text[] default null,
  method text default null,
  parameters jsonb default '{}',
  purpose text default null,
  "when" text default null,
  controller text default null,
  reason text default null
)
  returns int
  language plpgsql
  volatile
  security definer  -- the policy is changed through functions only, each change recorded
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_rule_id int := lethe_private.put_rule("table", action, after, "column", since, method, parameters, purpose, "when", controller, reason);
begin
  perform lethe_private.assert_rules(lethe_private.get_managed("table"));
  return v_rule_id;
end
$$;

comment on function lethe.set_rule(text, text, text, text, text[], text, jsonb, text, text, text, text) is
  'Sets one term of a rule: what happens (anonymize, archive, purge) to a column, or to the row (archive, purge), how long (ISO 8601) after which clock, for which purpose. Returns the rule''s id. Raises LE101 to LE106, LE301 to LE316, LE502.';

create or replace function lethe_private.assert_action(
  managed lethe.managed_tables, relation oid, action text, "column" text, method text, parameters jsonb
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_column lethe_private.host_columns;
  v_method lethe.methods;
begin
  if action is null or action not in ('anonymize', 'archive', 'purge') or "column" is null and action = 'anonymize' then
    raise exception using errcode = 'LE106',
      message = format('action %s is unknown for a %s', coalesce(quote_literal(action), 'null'), case when "column" is null then 'row' else 'column' end),
      hint = 'a column is anonymized, archived or purged; a row is archived or purged';
  elsif "column" is not null and action <> 'purge' and method is null then
    raise exception using errcode = 'LE104',
      message = format('the rule on %s.%I names no method', lethe_private.host_name(relation), "column"),
      hint = 'lethe.methods lists them';
  elsif (action = 'purge' or "column" is null) and method is not null then
    raise exception using errcode = 'LE106',
      message = format('a rule that %ss %s takes no method', action, lethe_private.host_name(relation)),
      hint = 'leave the method out, or anonymize a column';
  end if;
  if action = 'archive' then
    perform lethe_private.assert_archivable(relation);
  end if;
  if "column" is null then
    return;
  end if;

  perform lethe_private.assert_columns(managed, array["column"]);
  select h.* into v_column from lethe_private.host_columns as h where h.relation = assert_action.relation and h.name = "column";
  perform lethe_private.assert_column_may_change(managed, relation, v_column);
  if action = 'purge' then
    if v_column.not_null then
      raise exception using errcode = 'LE305',
        message = format('column %I of %s is NOT NULL and cannot be purged', "column", lethe_private.host_name(relation)),
        hint = 'anonymize it with constant, partial or a pseudonym; or drop the constraint';
    end if;
    perform lethe_private.assert_nulls_fit(relation, v_column);
    return;
  end if;
  select m.* into v_method from lethe.methods as m where m.name = assert_action.method;
  if not found then
    raise exception using errcode = 'LE104',
      message = format('method %L does not exist', method),
      hint = 'one of ' || (select string_agg(m.name, ', ' order by m.name) from lethe.methods as m);
  end if;
  perform lethe_private.assert_parameters(v_method, coalesce(parameters, '{}'));
  perform lethe_private.assert_method_fits(relation, v_column, v_method, parameters);
  perform lethe_private.assert_constant_stands(relation, v_column, v_method, coalesce(parameters, '{}'));
end
$$;

comment on function lethe_private.assert_action(lethe.managed_tables, oid, text, text, text, jsonb) is
  'Raises LE103 to LE106, LE304 to LE309, LE315 or LE316 when the action cannot be done to the column or row.';

create or replace function lethe_private.assert_archivable(relation oid)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  -- Through the parent, a row of an inheritance child would lose the columns of its own, and its way back.
  select lethe_private.host_name(i.inhrelid) into v_name
  from pg_inherits as i
  join pg_class as c on c.oid = i.inhrelid and not c.relispartition
  where i.inhparent = assert_archivable.relation
  limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('rows of %s cannot be archived: %s inherits from it', lethe_private.host_name(relation), v_name),
      hint = 'purge them instead';
  end if;
  select h.name into v_name from lethe_private.host_columns as h
  where h.relation = assert_archivable.relation and starts_with(h.name, 'lethe$') limit 1;
  if found then
    raise exception using errcode = 'LE316',
      message = format('column %I of %s has a name that the archive keeps for itself', v_name, lethe_private.host_name(relation)),
      hint = 'rename the column';
  end if;
end
$$;

comment on function lethe_private.assert_archivable(oid) is 'Raises LE316 for a table with a column named like those of the archive, or with inheritance children.';

create or replace function lethe.drop_rule(
  "table" text, action text, "column" text default null, purpose text default null, controller text default null, reason text default null
)
  returns void
  language plpgsql
  volatile
  security definer  -- the policy is changed through functions only, each change recorded
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller_id int := case when controller is not null then (lethe_private.get_controller(controller)).id end;
begin
  perform lethe_private.assert_may_change(v_controller_id);
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  delete from lethe.terms as t
  using lethe.rules as r
  where r.id = t.rule_id
    and r.table_id = v_managed.id
    and r.action = drop_rule.action
    and r.column_name is not distinct from "column"
    and t.purpose is not distinct from drop_rule.purpose
    and t.controller_id is not distinct from v_controller_id;
  if not found then
    raise exception using errcode = 'LE107',
      message = format('table %s has no such rule', "table"),
      hint = 'lethe.terms lists them; name action, column, purpose and controller as there';
  end if;
  delete from lethe.rules as r where not exists (select from lethe.terms as t where t.rule_id = r.id);
end
$$;

comment on function lethe.drop_rule(text, text, text, text, text, text) is
  'Takes one term of a rule back; the rule goes with its last term. Raises LE101, LE102, LE107, LE502.';
--! EndIncluded lethe/set_rule.sql
--! Included lethe_private/apply_parts.sql
-- The parts of lethe.apply_policy. Each keeps a JSON pointer to where it is in the document and, when
-- something is refused, raises it again with that pointer as DETAIL.

create or replace function lethe_private.pointer(variadic steps text[])
  returns text
  language sql
  immutable
begin atomic
  select string_agg('/' || replace(replace(s, '~', '~0'), '/', '~1'), '' order by n) from unnest(steps) with ordinality as x (s, n);
end;

comment on function lethe_private.pointer(text[]) is 'A JSON pointer (RFC 6901).';

create or replace function lethe_private.assert_keys(document jsonb, allowed text[], what text)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_key text;
begin
  if document is null or jsonb_typeof(document) = 'null' then
    return;
  elsif jsonb_typeof(document) <> 'object' then
    raise exception using errcode = 'LE605',
      message = format('%s is a %s, not a mapping', what, jsonb_typeof(document)),
      hint = 'see docs/policy.schema.json';
  end if;
  select k into v_key from jsonb_object_keys(document) as k where k <> all (allowed) limit 1;
  if found then
    raise exception using errcode = 'LE106',
      message = format('%s has no key %s', what, v_key),
      hint = 'it may have ' || array_to_string(allowed, ', ');
  end if;
end
$$;

comment on function lethe_private.assert_keys(jsonb, text[], text) is 'Raises LE605 (no mapping) or LE106 (unknown key).';

create or replace function lethe_private.text_list(value jsonb)
  returns text[]
  language sql
  immutable
return case
  when jsonb_typeof(value) = 'array' then (select array_agg(e order by n) from jsonb_array_elements_text(value) with ordinality as x (e, n))
  when value <> 'null' then array[value #>> '{}']
end;

comment on function lethe_private.text_list(jsonb) is 'One word or a list of words, as a list; null when there is none.';

create or replace function lethe_private.apply_controllers(policy jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_controllers jsonb := coalesce(policy -> 'controllers', '{}');
  v_name text;
  v_controller jsonb;
  v_pointer text := '';
  v_message text; v_state text; v_hint text;
begin
  perform lethe_private.assert_keys(policy, array['version', 'controller', 'time_zone', 'controllers', 'subjects', 'tables', 'overrides'], 'the policy');
  if policy -> 'version' is distinct from '1' then
    v_pointer := '/version';
    raise exception using errcode = 'LE605',
      message = format('policy version %s is unknown', coalesce(policy ->> 'version', 'null')),
      hint = 'this Lethe reads version: 1';
  end if;
  if policy -> 'controller' is not null then
    v_controllers := v_controllers || jsonb_build_object(policy ->> 'controller', jsonb_build_object('time_zone', policy -> 'time_zone'));
  end if;
  for v_name, v_controller in select e.key, e.value from jsonb_each(v_controllers) as e loop
    v_pointer := case when policy ->> 'controller' = v_name then '/time_zone' else lethe_private.pointer('controllers', v_name) end;
    perform lethe_private.assert_keys(v_controller, array['title', 'time_zone', 'reference'], 'controller ' || v_name);
    perform lethe.set_controller(v_name, v_controller ->> 'time_zone', v_controller ->> 'reference', v_controller ->> 'title');
  end loop;
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = 'at ' || v_pointer;
end
$$;

comment on function lethe_private.apply_controllers(jsonb) is 'The controllers of a policy document.';

create or replace function lethe_private.apply_tables(tables jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text; v_table jsonb; v_column text; v_spec jsonb; v_id int;
  v_seen int[] := '{}';
  v_pointer text := '/tables';
  v_message text; v_state text; v_hint text;
begin
  perform lethe_private.assert_keys(tables, array(select jsonb_object_keys(tables)), 'tables');
  for v_name, v_table in select e.key, e.value from jsonb_each(tables) as e loop
    v_pointer := lethe_private.pointer('tables', v_name);
    perform lethe_private.assert_keys(v_table,
      array['controller', 'time_zone', 'search_path', 'key', 'sentinels', 'since', 'columns', 'purge', 'archive', 'partitions', 'with', 'unlink'], 'table ' || v_name);
    v_id := lethe.manage_table(v_name, v_table #>> '{controller,constant}', v_table #>> '{controller,column}', v_table ->> 'time_zone',
      v_table ->> 'search_path', lethe_private.text_list(v_table -> 'key'), lethe_private.text_list(v_table -> 'sentinels'), v_table ->> 'partitions');
    v_seen := v_seen || v_id;
    for v_column, v_spec in select e.key, e.value from jsonb_each(v_table -> 'columns') as e loop
      v_pointer := lethe_private.pointer('tables', v_name, 'columns', v_column);
      perform lethe_private.assert_keys(v_spec, array['category', 'purposes', 'legal_basis', 'anonymize', 'archive', 'purge'], 'column ' || v_column);
      perform lethe.set_column(v_name, v_column, v_spec ->> 'category', lethe_private.text_list(v_spec -> 'purposes'), v_spec ->> 'legal_basis');
    end loop;
    delete from lethe.managed_columns as c where c.table_id = v_id and not coalesce(v_table -> 'columns', '{}') ? c.column_name;
  end loop;
  delete from lethe.managed_tables as m where m.id <> all (v_seen);
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = 'at ' || v_pointer;
end
$$;

comment on function lethe_private.apply_tables(jsonb) is 'The managed tables and columns of a policy document.';

create or replace function lethe_private.apply_links(policy jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type text; v_subject jsonb; v_name text; v_spec jsonb; v_columns text;
  v_pointer text := '';
  v_message text; v_state text; v_hint text;
begin
  for v_type, v_subject in select e.key, e.value from jsonb_each(policy -> 'subjects') as e loop
    v_pointer := lethe_private.pointer('subjects', v_type);
    perform lethe_private.assert_keys(v_subject, array['table', 'identifiers', 'links'], 'subject type ' || v_type);
    perform lethe.set_subject_type(v_type, v_subject ->> 'table', lethe_private.text_list(v_subject -> 'identifiers'));
  end loop;
  delete from lethe.subject_types as s where not coalesce(policy -> 'subjects', '{}') ? s.name;
  delete from lethe.links;

  for v_name, v_spec in select e.key, e.value from jsonb_each(policy -> 'tables') as e loop
    v_pointer := lethe_private.pointer('tables', v_name, 'with');
    if v_spec -> 'with' is not null then
      perform lethe.set_link(v_name, columns => case when v_spec ->> 'with' <> 'parent' then lethe_private.text_list(v_spec -> 'with') end, on_purge => 'with parent');
    end if;
    v_pointer := lethe_private.pointer('tables', v_name, 'unlink');
    foreach v_columns in array coalesce(lethe_private.text_list(v_spec -> 'unlink'), '{}') loop
      perform lethe.set_link(v_name, columns => array[v_columns], on_purge => 'unlink');
    end loop;
  end loop;

  for v_type, v_subject in select e.key, e.value from jsonb_each(policy -> 'subjects') as e loop
    for v_name, v_spec in select e.key, e.value from jsonb_each(v_subject -> 'links') as e loop
      v_pointer := lethe_private.pointer('subjects', v_type, 'links', v_name);
      perform lethe_private.assert_keys(v_spec, array['kind', 'with', 'to', 'columns', 'on_erasure'], 'link ' || v_name);
      perform lethe_private.apply_subject_link(v_type, v_subject ->> 'table', v_name, v_spec);
    end loop;
  end loop;
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = 'at ' || v_pointer;
end
$$;

comment on function lethe_private.apply_links(jsonb) is 'The subject types and links of a policy document.';

-- A link leads to the subject's root table, or along the one foreign key that the table has to another
-- managed table, or back along the root's own foreign key, or where "to" and "columns" say.
create or replace function lethe_private.apply_subject_link(subject text, root text, "table" text, spec jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child oid := lethe_private.resolve_table("table");
  v_root oid := lethe_private.resolve_table(root);
  v_columns text[] := array(select jsonb_object_keys(spec -> 'columns'));
  v_to_columns text[] := array(select spec -> 'columns' ->> c from unnest(v_columns) as c);
  v_to text := coalesce(spec ->> 'to', case when spec -> 'columns' is not null
    or exists (select from lethe_private.host_references as r where r.child = v_child and r.parent = v_root) then root end);
begin
  if v_to is null and not exists (
    select from lethe_private.host_references as r
    join lethe.managed_tables as m on lethe_private.host_table(m.schema_name, m.table_name) = r.parent
    where r.child = v_child)
  then
    select r.parent_columns, r.child_columns, root into v_columns, v_to_columns, v_to
    from lethe_private.host_references as r
    where r.child = v_root and r.parent = v_child
    limit 1;
  end if;
  perform lethe.set_link("table", "to" => v_to,
    columns => nullif(v_columns, '{}'),
    to_columns => nullif(v_to_columns, '{}'),
    on_purge => case when spec ->> 'with' = 'parent' then 'with parent' else coalesce((
      select l.on_purge from lethe.links as l
      join lethe.managed_tables as m on m.id = l.table_id
      where l.subject_type_id is null and lethe_private.host_table(m.schema_name, m.table_name) = v_child
        and (v_columns = '{}' or l.columns = v_columns)
        and (v_to is null or lethe_private.resolve_table(v_to) = (
          select lethe_private.host_table(p.schema_name, p.table_name) from lethe.managed_tables as p where p.id = l.to_table_id))
      limit 1), 'keep') end,
    subject => subject, kind => spec ->> 'kind', on_erasure => spec -> 'on_erasure');
end
$$;

comment on function lethe_private.apply_subject_link(text, text, text, jsonb) is 'One link of one subject type of a policy document.';

create or replace function lethe_private.apply_terms("table" text, "column" text, action text, terms jsonb, default_since jsonb, controller text, reason text)
  returns text[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_term jsonb; v_index bigint; v_using jsonb; v_rule int;
  v_seen text[] := '{}';
  v_pointer text := '';
  v_message text; v_state text; v_hint text;
begin
  for v_term, v_index in
    select e, n - 1 from jsonb_array_elements(case jsonb_typeof(terms) when 'array' then terms else jsonb_build_array(terms) end) with ordinality as x (e, n)
  loop
    v_pointer := case jsonb_typeof(terms) when 'array' then '/' || v_index else '' end;
    perform lethe_private.assert_keys(v_term, array['purpose', 'after', 'since', 'when', 'using'], 'a term');
    v_using := v_term -> 'using';
    v_rule := lethe_private.put_rule("table", action, v_term ->> 'after', "column",
      since => lethe_private.text_list(coalesce(v_term -> 'since', default_since)),
      method => case jsonb_typeof(v_using) when 'object' then v_using ->> 'method' else v_using #>> '{}' end,
      parameters => case jsonb_typeof(v_using) when 'object' then v_using - 'method' else '{}' end,
      purpose => v_term ->> 'purpose', "when" => v_term ->> 'when', controller => controller, reason => reason);
    v_seen := v_seen || jsonb_build_array(v_rule, controller, v_term ->> 'purpose')::text;
  end loop;
  return v_seen;
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = v_pointer;
end
$$;

comment on function lethe_private.apply_terms(text, text, text, jsonb, jsonb, text, text) is
  'The terms of one rule of a policy document. Returns a mark for each; the DETAIL of an error is a pointer relative to the rule.';

create or replace function lethe_private.apply_rules(policy jsonb, reason text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule record;
  v_managed lethe.managed_tables;
  v_seen text[] := '{}';
  v_pointer text := '/tables';
  v_message text; v_state text; v_hint text; v_detail text;
begin
  for v_rule in select * from lethe_private.rules_of(policy) loop
    v_pointer := v_rule.pointer;
    if not coalesce(policy -> 'tables', '{}') ? v_rule."table" then
      raise exception using errcode = 'LE102',
        message = format('override names table %s, which the policy does not manage', v_rule."table"),
        hint = 'add it under tables';
    end if;
    v_seen := v_seen || lethe_private.apply_terms(v_rule."table", v_rule."column", v_rule.action, v_rule.terms, v_rule.since, v_rule.controller, reason);
  end loop;
  delete from lethe.terms as t
  where jsonb_build_array(t.rule_id, (select c.name from lethe.controllers as c where c.id = t.controller_id), t.purpose)::text <> all (v_seen);
  delete from lethe.rules as r where not exists (select from lethe.terms as t where t.rule_id = r.id);

  for v_managed in select m.* from lethe.managed_tables as m order by m.id loop
    v_pointer := coalesce((
      select lethe_private.pointer('tables', k) from jsonb_object_keys(policy -> 'tables') as k
      where lethe_private.resolve_table(k) = lethe_private.host_table(v_managed.schema_name, v_managed.table_name)), '/tables');
    perform lethe_private.assert_rules(v_managed);
  end loop;
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint, v_detail = pg_exception_detail;
  raise exception using errcode = v_state, message = v_message, hint = v_hint,
    detail = 'at ' || v_pointer || case when v_detail ~ '^/\d+$' then v_detail else '' end;
end
$$;

comment on function lethe_private.apply_rules(jsonb, text) is 'The rules of a policy document; terms it does not name are taken out.';

create or replace function lethe_private.rules_of(policy jsonb)
  returns table (pointer text, controller text, "table" text, "column" text, action text, terms jsonb, since jsonb)
  language sql
  stable
begin atomic
  with tables as (
    select lethe_private.pointer('tables', t.key) as pointer, null::text as controller, t.key as "table", t.value as spec, t.value -> 'since' as since
    from jsonb_each(policy -> 'tables') as t
    union all
    select lethe_private.pointer('overrides', o.key, t.key), o.key, t.key, t.value, coalesce(t.value -> 'since', policy -> 'tables' -> t.key -> 'since')
    from jsonb_each(policy -> 'overrides') as o
    cross join lateral jsonb_each(o.value) as t
  )
  select t.pointer || '/columns' || lethe_private.pointer(c.key, a.key), t.controller, t."table", c.key, a.key, a.value, t.since
  from tables as t
  cross join lateral jsonb_each(t.spec -> 'columns') as c
  cross join lateral jsonb_each(c.value) as a
  where a.key in ('anonymize', 'archive', 'purge')
  union all
  select t.pointer || '/' || a.key, t.controller, t."table", null, a.key, a.value, t.since
  from tables as t
  cross join lateral jsonb_each(t.spec) as a
  where a.key in ('archive', 'purge');
end;

comment on function lethe_private.rules_of(jsonb) is 'Every rule of a policy document, defaults first, with a pointer to it.';
--! EndIncluded lethe_private/apply_parts.sql
--! Included lethe/export_policy.sql
create or replace function lethe_private.export_terms(rule_id int, controller_id int)
  returns jsonb
  language sql
  stable
begin atomic
  with terms as (
    select t.purpose, jsonb_strip_nulls(jsonb_build_object(
      'purpose', t.purpose,
      'after', lethe_private.format_delay(t.after),
      'since', case cardinality(t.since) when 1 then to_jsonb(t.since[1]) else to_jsonb(t.since) end,
      'when', t."when",
      'using', case when t.parameters = '{}' then to_jsonb(t.method) else jsonb_build_object('method', t.method) || t.parameters end)) as term
    from lethe.terms as t
    where t.rule_id = export_terms.rule_id
      and t.controller_id is not distinct from export_terms.controller_id
  )
  select case count(*) when 0 then null when 1 then jsonb_agg(term) -> 0 else jsonb_agg(term order by purpose nulls first) end from terms;
end;

comment on function lethe_private.export_terms(int, int) is 'The terms of a rule as a policy document writes them.';

create or replace function lethe_private.export_rules(table_id int, controller_id int)
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_strip_nulls(jsonb_build_object(
    'columns', (
      select jsonb_object_agg(x.column_name, x.spec)
      from (
        select n.column_name,
          coalesce((select jsonb_strip_nulls(jsonb_build_object('category', c.category, 'purposes', nullif(to_jsonb(c.purposes), '[]'), 'legal_basis', c.legal_basis))
                    from lethe.managed_columns as c
                    where export_rules.controller_id is null and c.table_id = export_rules.table_id and c.column_name = n.column_name), '{}')
          || coalesce((select jsonb_object_agg(r.action, lethe_private.export_terms(r.id, export_rules.controller_id))
                       from lethe.rules as r
                       where r.table_id = export_rules.table_id and r.column_name = n.column_name
                         and lethe_private.export_terms(r.id, export_rules.controller_id) is not null), '{}') as spec
        from (
          select c.column_name from lethe.managed_columns as c where c.table_id = export_rules.table_id and export_rules.controller_id is null
          union
          select r.column_name from lethe.rules as r
          where r.table_id = export_rules.table_id and r.column_name is not null
            and lethe_private.export_terms(r.id, export_rules.controller_id) is not null
        ) as n
      ) as x),
    'archive', (select lethe_private.export_terms(r.id, export_rules.controller_id) from lethe.rules as r
                where r.table_id = export_rules.table_id and r.column_name is null and r.action = 'archive'),
    'purge', (select lethe_private.export_terms(r.id, export_rules.controller_id) from lethe.rules as r
              where r.table_id = export_rules.table_id and r.column_name is null and r.action = 'purge')));
end;

comment on function lethe_private.export_rules(int, int) is 'The rules of a table, of all controllers or of one, as a policy document writes them.';

create or replace function lethe_private.plain_name(managed lethe.managed_tables)
  returns text
  language sql
  immutable
return case
  -- The first dot parts schema and table, so a schema whose own name has one is quoted.
  when strpos(managed.schema_name, '.') > 0 then format('%I.%I', managed.schema_name, managed.table_name)
  else managed.schema_name || '.' || managed.table_name
end;

comment on function lethe_private.plain_name(lethe.managed_tables) is 'schema.table without quotes, as a policy document names it.';

create or replace function lethe_private.export_links(subject_type_id int)
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_object_agg(lethe_private.plain_name(m), jsonb_strip_nulls(jsonb_build_object(
    'kind', l.kind,
    'with', case when l.on_purge = 'with parent' then 'parent' end,
    'to', case when l.foreign_key is null then lethe_private.plain_name(p) end,
    'columns', case when l.foreign_key is null then (select jsonb_object_agg(x.c, x.t) from unnest(l.columns, l.to_columns) as x (c, t)) end,
    'on_erasure', l.on_erasure)))
  from lethe.links as l
  join lethe.managed_tables as m on m.id = l.table_id
  join lethe.managed_tables as p on p.id = l.to_table_id
  where l.subject_type_id = export_links.subject_type_id;
end;

comment on function lethe_private.export_links(int) is 'The links of a subject type as a policy document writes them.';

create or replace function lethe.export_policy()
  returns jsonb
  language plpgsql
  stable
  security definer  -- reads the whole policy, after asking who calls
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.assert_may_change(null);
  return jsonb_build_object(
    'version', 1,
    'controllers', coalesce((
      select jsonb_object_agg(c.name, jsonb_strip_nulls(jsonb_build_object('title', c.title, 'time_zone', c.time_zone, 'reference', c.reference)))
      from lethe.controllers as c), '{}'),
    'subjects', coalesce((
      select jsonb_object_agg(s.name, jsonb_strip_nulls(jsonb_build_object('table', lethe_private.plain_name(m),
        'identifiers', nullif(to_jsonb(s.identifiers), '[]'), 'links', lethe_private.export_links(s.id))))
      from lethe.subject_types as s join lethe.managed_tables as m on m.id = s.table_id), '{}'),
    'tables', coalesce((
      select jsonb_object_agg(lethe_private.plain_name(m), lethe_private.export_rules(m.id, null) || jsonb_strip_nulls(jsonb_build_object(
        'controller', case when m.controller_column is null then jsonb_build_object('constant', c.name) else jsonb_build_object('column', m.controller_column) end,
        'time_zone', m.time_zone, 'search_path', m.search_path, 'key', m.key_columns,
        'sentinels', nullif(to_jsonb(m.sentinels), '[]'), 'partitions', nullif(m.partitions, 'delete'),
        'with', (select jsonb_agg(x.name order by x.n) from (
                   select unnest(l.columns) as name, generate_subscripts(l.columns, 1) as n from lethe.links as l
                   where l.table_id = m.id and l.subject_type_id is null and l.on_purge = 'with parent') as x),
        'unlink', (select jsonb_agg(l.columns[1] order by l.columns[1]) from lethe.links as l
                   where l.table_id = m.id and l.subject_type_id is null and l.on_purge = 'unlink'))))
      from lethe.managed_tables as m left join lethe.controllers as c on c.id = m.controller_id), '{}'))
    || coalesce((
      select jsonb_build_object('overrides', jsonb_object_agg(o.name, o.tables))
      from (
        select c.name, jsonb_object_agg(lethe_private.plain_name(m), lethe_private.export_rules(m.id, c.id)) as tables
        from lethe.controllers as c
        cross join lethe.managed_tables as m
        where exists (select from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where t.controller_id = c.id and r.table_id = m.id)
        group by c.name
      ) as o
      having count(*) > 0), '{}');
end
$$;

comment on function lethe.export_policy() is 'The policy in force as a document; applying it changes nothing. Raises LE502.';
--! EndIncluded lethe/export_policy.sql
--! Included lethe_private/cycle_state.sql
-- Locks. One number a controller: batches of a cycle share it, whoever drives a cycle alone from a
-- session holds it exclusively. A worker killed with -9 leaves no lock behind: they end with the
-- transaction or the connection.
create or replace function lethe_private.lock_id(controller_id int)
  returns bigint
  language sql
  immutable
return (x'4c455448'::bigint << 32) + controller_id;  -- "LETH"

comment on function lethe_private.lock_id(int) is 'The advisory lock of a controller''s cycle.';

create or replace function lethe_private.table_lock_id(table_id int)
  returns bigint
  language sql
  immutable
return (x'4c455454'::bigint << 32) + table_id;  -- "LETT"

comment on function lethe_private.table_lock_id(int) is 'The advisory lock that keeps one table from being swept twice at once, by cycles of two controllers too.';

create or replace function lethe_private.holds_lock_id()
  returns bigint
  language sql
  immutable
return x'4c455444'::bigint << 32;  -- "LETD"

comment on function lethe_private.holds_lock_id() is
  'The advisory lock that batches share and that whoever changes holds takes alone: when a hold has been committed, no batch is under way that did not see it.';

create or replace function lethe_private.mirrors_lock_id()
  returns bigint
  language sql
  immutable
return x'4c45544d'::bigint << 32;  -- "LETM"

comment on function lethe_private.mirrors_lock_id() is 'The advisory lock of whoever looks after the archive''s tables.';

create or replace function lethe_private.get_cycle(cycle_id bigint)
  returns lethe.cycles
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_cycle lethe.cycles;
begin
  select c.* into v_cycle from lethe.cycles as c where c.id = get_cycle.cycle_id;
  if not found then
    raise exception using errcode = 'LE403',
      message = format('cycle %s does not exist', coalesce(get_cycle.cycle_id::text, '(null)')),
      hint = 'lethe.cycles lists them';
  end if;
  return v_cycle;
end
$$;

comment on function lethe_private.get_cycle(bigint) is 'A cycle by its id. Raises LE403.';

-- What people decided about when sweeping may happen. By hand (run_cycle) none of this is asked.
create or replace function lethe_private.may_sweep_now(controller lethe.controllers)
  returns boolean
  language sql
  stable
begin atomic
  select
    case
      when s.window_starts_at <= s.window_ends_at then n.local >= s.window_starts_at and n.local < s.window_ends_at
      else n.local >= s.window_starts_at or n.local < s.window_ends_at
    end
    and not exists (select from pg_stat_replication as r where r.replay_lag > s.replica_lag_max)
  from lethe.settings as s
  cross join (select (now() at time zone controller.time_zone)::time as local) as n;
end;

comment on function lethe_private.may_sweep_now(lethe.controllers) is
  'True within the time window, in the controller''s zone, and while no replica lags too far.';

create or replace function lethe_private.deleted_in_transaction(relation oid)
  returns bigint
  language sql
  volatile
begin atomic
  select coalesce(sum(pg_stat_get_xact_tuples_deleted(t.relid)), 0)::bigint
  from (select relation as relid union select p.relid from pg_partition_tree(relation::regclass) as p) as t;
end;

comment on function lethe_private.deleted_in_transaction(oid) is
  'Rows deleted from a table so far by this transaction, cascades included, as PostgreSQL''s own statistics count them.';
--! EndIncluded lethe_private/cycle_state.sql
--! Included lethe_private/evidence_rows.sql
-- What counts as evidence, in one place. To have another table sealed: a line in evidence_formats, a branch
-- in evidence_rows, a trigger in refuse_sealed.sql. To have a new column of one sealed: another line with
-- the next format and all columns. A line that was ever released is never changed, and a column it names
-- is never dropped or renamed: old seals are recomputed by it.
create or replace view lethe_private.evidence_formats as
select f.relation_order, f.relation, f.format, f.columns
from (values
  (1, 'lethe.cycles', 1, array[
    'id', 'controller_id', 'local_date', 'covers_since', 'state', 'started_at', 'finished_at']),
  (2, 'lethe.cycle_tables', 1, array[
    'cycle_id', 'table_id', 'table_name', 'state', 'phase', 'round', 'pass', 'found_in_pass', 'done_before_pass',
    'done_before_round', 'rows_done', 'rows_found', 'batches', 'attempts', 'found', 'skipped', 'failure']),
  (3, 'lethe.evidence', 1, array[
    'cycle_id', 'table_name', 'rule', 'table_id', 'due', 'done', 'held', 'kept_by_child', 'skipped', 'skipped_why',
    'unclocked', 'left_over']),
  (4, 'lethe.evidence_batches', 1, array[
    'id', 'cycle_id', 'table_id', 'phase', 'at', 'rows_done', 'counts', 'root', 'key_version']),
  (5, 'lethe.receipts', 1, array['cycle_id', 'document']),
  -- Without its reason, which is free text and may name somebody.
  (6, 'lethe.archive_openings', 1, array[
    'id', 'at', 'by', 'controller_id', 'table_name', 'key_hash', 'key_version', 'restored', 'exempt_until', 'rows_opened'])
) as f (relation_order, relation, format, columns);

comment on view lethe_private.evidence_formats is
  'Which columns of which tables are sealed. The highest format of a table is the one for new seals.';

-- cycle_id is null for what belongs to no cycle: such a row can be sealed by itself as soon as it is final.
-- controller_id is null for rows whose cycle is gone, which foreign keys prevent and verification reports.
create or replace view lethe_private.evidence_rows as
select c.controller_id, c.id as cycle_id, 'lethe.cycles' as relation, jsonb_build_array(c.id)::text as key,
  c.state <> 'open' as final, to_jsonb(c) as content
from lethe.cycles as c
union all
select c.controller_id, t.cycle_id, 'lethe.cycle_tables', jsonb_build_array(t.cycle_id, t.table_id)::text,
  c.state <> 'open', to_jsonb(t)
from lethe.cycle_tables as t
left join lethe.cycles as c on c.id = t.cycle_id
union all
select c.controller_id, e.cycle_id, 'lethe.evidence', jsonb_build_array(e.cycle_id, e.table_name, e.rule)::text,
  c.state <> 'open', to_jsonb(e)
from lethe.evidence as e
left join lethe.cycles as c on c.id = e.cycle_id
union all
select c.controller_id, b.cycle_id, 'lethe.evidence_batches', jsonb_build_array(b.id)::text,
  c.state <> 'open', to_jsonb(b)
from lethe.evidence_batches as b
left join lethe.cycles as c on c.id = b.cycle_id
union all
select c.controller_id, r.cycle_id, 'lethe.receipts', jsonb_build_array(r.cycle_id)::text,
  c.state <> 'open', to_jsonb(r)
from lethe.receipts as r
left join lethe.cycles as c on c.id = r.cycle_id
union all
select o.controller_id, null, 'lethe.archive_openings', jsonb_build_array(o.id)::text, true, to_jsonb(o)
from lethe.archive_openings as o;

comment on view lethe_private.evidence_rows is
  'Every row of evidence: whose it is, its key, whether it can no longer change, and what it says. Times are in the session''s zone: only functions that pin it may hash them.';
--! EndIncluded lethe_private/evidence_rows.sql
--! Included lethe_private/seal_hashes.sql
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
--! EndIncluded lethe_private/seal_hashes.sql
--! Included lethe_private/refuse_sealed.sql
-- Sealed evidence is not to change. These triggers say so loudly to whoever tries; who may disable them is
-- found out by lethe.verify_evidence instead.
--
-- Without arguments: every change is refused. With a relation and a column: where the row of that relation
-- whose key is the column's value has been sealed.
create or replace function lethe_private.refuse_sealed()
  returns trigger
  language plpgsql
  security definer  -- lethe.sealed_rows has row security, and whoever tries may read none of it
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_relation text := format('%s.%s', tg_table_schema, tg_table_name);
  v_sealed boolean := true;
begin
  if tg_op = 'TRUNCATE' then
    v_sealed := exists (select from lethe.sealed_rows);
  elsif tg_nargs > 0 then
    v_sealed := exists (
      select from lethe.sealed_rows as s
      where s.relation = tg_argv[0] and s.key = jsonb_build_array(to_jsonb(old) -> tg_argv[1])::text);
  end if;
  if v_sealed then
    raise exception using errcode = 'LE801',
      message = format('%s of %s is refused: it is sealed evidence', lower(tg_op), v_relation),
      hint = 'evidence is kept as it is; lethe.verify_evidence() checks that it was. What is wrong in it is answered by the next cycle';
  end if;
  return case tg_op when 'UPDATE' then new when 'DELETE' then old end;
end
$$;

comment on function lethe_private.refuse_sealed() is 'Trigger: refuses to change, delete or truncate sealed evidence. Raises LE801.';

-- What is sealed has ended: the two tables that a running cycle writes to all the time are asked for that first.
create or replace trigger refuse_sealed before update or delete on lethe.cycles for each row when (old.state <> 'open') execute function lethe_private.refuse_sealed('lethe.cycles', 'id');
create or replace trigger refuse_sealed before update or delete on lethe.cycle_tables for each row when (old.state not in ('waiting', 'sweeping', 'swept')) execute function lethe_private.refuse_sealed('lethe.cycles', 'cycle_id');
create or replace trigger refuse_sealed before update or delete on lethe.evidence for each row execute function lethe_private.refuse_sealed('lethe.cycles', 'cycle_id');
create or replace trigger refuse_sealed before update or delete on lethe.evidence_batches for each row execute function lethe_private.refuse_sealed('lethe.cycles', 'cycle_id');
create or replace trigger refuse_sealed before update or delete on lethe.receipts for each row execute function lethe_private.refuse_sealed();
create or replace trigger refuse_sealed before update or delete on lethe.archive_openings for each row execute function lethe_private.refuse_sealed('lethe.archive_openings', 'id');
create or replace trigger refuse_sealed before update or delete on lethe.seals for each row execute function lethe_private.refuse_sealed();
create or replace trigger refuse_sealed before update or delete on lethe.sealed_rows for each row execute function lethe_private.refuse_sealed();

create or replace trigger refuse_truncate before truncate on lethe.cycles for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.cycle_tables for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.evidence for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.evidence_batches for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.receipts for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.archive_openings for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.seals for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.sealed_rows for each statement execute function lethe_private.refuse_sealed();
--! EndIncluded lethe_private/refuse_sealed.sql
--! Included lethe_private/write_receipt.sql
-- The receipt of a cycle, written down as the cycle ends: figures and names of tables, nobody's data. What
-- the policy said is kept as its hash and as terms; a condition is only said to be there, since its text
-- could name somebody.
create or replace function lethe_private.write_receipt(cycle lethe.cycles)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set datestyle = 'ISO, YMD'
  set intervalstyle = 'iso_8601'
as $$
begin
  insert into lethe.receipts (cycle_id, document)
  select cycle.id, jsonb_build_object(
    'format', 1,
    'controller', jsonb_build_object('name', c.name, 'title', c.title, 'time_zone', c.time_zone),
    'cycle', to_jsonb(cycle) - 'controller_id',
    'tables', coalesce((
      select jsonb_agg(jsonb_build_object('table', t.table_name, 'state', t.state, 'batches', t.batches,
        'rows_done', t.rows_done, 'failure', t.failure) order by t.table_name, t.table_id)
      from lethe.cycle_tables as t where t.cycle_id = cycle.id), '[]'),
    'rules', coalesce((
      select jsonb_agg(to_jsonb(e) - 'cycle_id' - 'table_id' order by e.table_name, e.rule)
      from lethe.evidence as e where e.cycle_id = cycle.id), '[]'),
    'policy', jsonb_build_object(
      'sha256', lethe_private.sha256_hex(lethe_private.policy_in_force(cycle.controller_id)::text),
      'terms', lethe_private.terms_in_force(cycle.controller_id)),
    'key_version', (select max(k.version) from lethe_private.controller_keys as k where k.controller_id = cycle.controller_id))
  from lethe.controllers as c
  where c.id = cycle.controller_id;
end
$$;

comment on function lethe_private.write_receipt(lethe.cycles) is 'Writes the receipt of a cycle that has just ended.';

create or replace function lethe_private.policy_in_force(controller_id int)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set datestyle = 'ISO, YMD'
  set intervalstyle = 'iso_8601'
as $$
begin
  return (
    select jsonb_build_object(
      'time_zone', c.time_zone,
      'reference', c.reference,
      'tables', coalesce((
        select jsonb_object_agg(lethe_private.plain_name(m), to_jsonb(m) - 'id' - 'controller_id' || jsonb_build_object(
          'terms', (
            select jsonb_agg(
              jsonb_build_object('column', r.column_name, 'action', r.action) || (to_jsonb(t) - 'id' - 'rule_id' - 'controller_id')
              order by r.column_name, r.action, t.purpose)
            from lethe_private.effective_terms(m.id, c.id) as t
            join lethe.rules as r on r.id = t.rule_id)))
        from lethe.managed_tables as m
        where lethe_private.has_controller(m, c)), '{}'))
    from lethe.controllers as c
    where c.id = policy_in_force.controller_id);
end
$$;

comment on function lethe_private.policy_in_force(int) is
  'What a controller''s cycles obey: its tables and their effective terms. The same policy gives the same text.';

create or replace function lethe_private.terms_in_force(controller_id int)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object(
    'table', lethe_private.plain_name(m),
    'column', r.column_name,
    'action', r.action,
    'method', t.method,
    'purpose', t.purpose,
    'after', lethe_private.format_delay(t.after),
    'since', t.since,
    'conditional', t."when" is not null)
    order by lethe_private.plain_name(m), r.column_name nulls last, r.action, t.purpose nulls first), '[]')
  from lethe.controllers as c
  join lethe.managed_tables as m on lethe_private.has_controller(m, c)
  cross join lateral lethe_private.effective_terms(m.id, c.id) as t
  join lethe.rules as r on r.id = t.rule_id
  where c.id = terms_in_force.controller_id;
end;

comment on function lethe_private.terms_in_force(int) is 'The effective terms of a controller, as a receipt lists them.';
--! EndIncluded lethe_private/write_receipt.sql
--! Included lethe/seal.sql
-- Seals what a controller's evidence has gained since the last seal. lethe.finish_cycle does it, once a
-- cycle and in its transaction: batches never wait for a chain. By hand it is needed for cycles that ended
-- before there were seals.
create or replace function lethe.seal(controller_name text default null)
  returns table (controller text, number bigint, rows bigint)
  language plpgsql
  volatile
  security definer  -- nobody may write lethe.seals
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
#variable_conflict use_column
declare
  v_controller lethe.controllers;
  v_number bigint;
begin
  if seal.controller_name is not null then
    perform lethe_private.get_controller(seal.controller_name);
  end if;
  for v_controller in
    select c.* from lethe.controllers as c where c.name = coalesce(seal.controller_name, c.name) order by c.name
  loop
    v_number := lethe_private.seal_controller(v_controller.id);
    return query
      select v_controller.name, s.number, s.rows
      from lethe.seals as s
      where s.controller_id = v_controller.id and s.number = v_number;
  end loop;
end
$$;

comment on function lethe.seal(text) is
  'Seals the evidence of finished cycles that no seal covers yet, of one controller or all; returns the new seals. Cycles are sealed as they end: this is for those that ended before there were seals. Raises LE101, LE405.';

-- Only rows that can no longer change are sealed: those of finished cycles, whole cycles at a time. So
-- nothing arrives late under a seal, whatever order transactions commit in, and a number that a
-- rolled-back transaction used up is missed by nobody: a seal lists its rows one by one.
create or replace function lethe_private.seal_controller(controller_id int)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set datestyle = 'ISO, YMD'
  set intervalstyle = 'iso_8601'
  set extra_float_digits = 1
  set bytea_output = 'hex'
as $$
declare
  v_head lethe.seals;
  v_seal lethe.seals;
  v_cycles bigint[];
begin
  -- After waiting for another seal, what that one covered must be seen.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'LE405',
      message = format('evidence cannot be sealed at isolation level %s', current_setting('transaction_isolation')),
      hint = 'begin the transaction with: set transaction isolation level read committed';
  end if;
  -- One at a time: a chain has one head.
  perform from lethe.controllers as c where c.id = seal_controller.controller_id for no key update;
  select s.* into v_head from lethe.seals as s
  where s.controller_id = seal_controller.controller_id order by s.number desc limit 1;

  v_seal.controller_id := seal_controller.controller_id;
  v_seal.number := coalesce(v_head.number, 0) + 1;
  v_seal.format := 1;
  v_seal.previous := coalesce(v_head.hash, encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'));
  v_seal.sealed_at := clock_timestamp();
  v_cycles := array(
    select c.id from lethe.cycles as c
    where c.controller_id = seal_controller.controller_id and c.state <> 'open'
      and not exists (
        select from lethe.sealed_rows as s where s.relation = 'lethe.cycles' and s.key = jsonb_build_array(c.id)::text));

  with fresh as (
    select r.* from lethe_private.evidence_rows as r
    where r.controller_id = seal_controller.controller_id and r.final and r.cycle_id = any (v_cycles)
    union all
    select r.* from lethe_private.evidence_rows as r
    where r.controller_id = seal_controller.controller_id and r.final and r.cycle_id is null
      and not exists (select from lethe.sealed_rows as s where s.relation = r.relation and s.key = r.key)
  ), covered as materialized (
    select row_number() over (order by r.cycle_id, f.relation_order, length(r.key), r.key collate "C") as position,
      r.relation, r.key, f.format, lethe_private.content_hash(r.content, f.columns) as hash
    from fresh as r
    join lethe_private.evidence_formats as f
      on f.relation = r.relation
      and f.format = (select max(n.format) from lethe_private.evidence_formats as n where n.relation = r.relation)
  ), listed as (
    insert into lethe.sealed_rows (controller_id, number, position, relation, key, format, hash)
    select v_seal.controller_id, v_seal.number, c.position, c.relation, c.key, c.format, c.hash
    from covered as c
  ), total as (
    select count(*) as rows, lethe_private.sha256_hex(
      string_agg(lethe_private.sealed_line(c.position, c.relation, c.key, c.format, c.hash), '' order by c.position)) as root
    from covered as c
    having count(*) > 0
  )
  insert into lethe.seals (controller_id, number, format, previous, sealed_at, rows, root, hash)
  select v_seal.controller_id, v_seal.number, v_seal.format, v_seal.previous, v_seal.sealed_at, t.rows, t.root,
    lethe_private.seal_hash(row(v_seal.controller_id, v_seal.number, v_seal.format, v_seal.previous, v_seal.sealed_at, t.rows, t.root, null)::lethe.seals)
  from total as t
  returning number into v_seal.number;
  return case when found then v_seal.number end;
end
$$;

comment on function lethe_private.seal_controller(int) is
  'Adds a seal over what is final and not sealed yet. Returns its number; null where there was nothing to seal. Raises LE405.';
--! EndIncluded lethe/seal.sql
--! Included lethe/receipt.sql
-- The receipt of a cycle and the seal that covers it. Invoker: row security decides who sees which.
create or replace function lethe.receipt(cycle_id bigint)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_receipt jsonb;
begin
  select r.document || jsonb_build_object('seal', jsonb_build_object(
      'chain', f.previous, 'number', s.number, 'hash', s.hash,
      'sealed_at', to_char(s.sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'receipt_sha256', l.hash))
  into v_receipt
  from lethe.receipts as r
  join lethe.sealed_rows as l on l.relation = 'lethe.receipts' and l.key = jsonb_build_array(r.cycle_id)::text
  join lethe.seals as s on s.controller_id = l.controller_id and s.number = l.number
  join lethe.seals as f on f.controller_id = l.controller_id and f.number = 1
  where r.cycle_id = receipt.cycle_id;
  if v_receipt is null then
    raise exception using errcode = 'LE802',
      message = format('there is no receipt of cycle %s', coalesce(receipt.cycle_id::text, '(null)')),
      hint = 'select cycle_id from lethe.receipts lists those you may see: cycles that ended before Lethe wrote receipts have none, and an open one has none yet';
  end if;
  return v_receipt;
end
$$;

comment on function lethe.receipt(bigint) is
  'What a cycle found due, did, held, kept, skipped and left, the policy it obeyed, and its seal. Raises LE802.';
--! EndIncluded lethe/receipt.sql
--! Included lethe/evidence_heads.sql
-- The head of a chain commits to all of it. Written down where nobody who may write to this database can
-- change it, it proves that no seal was taken off the end and that the chain was not made anew.
--
--   psql -XAtc 'select line from lethe.evidence_heads()' >> /mnt/worm/lethe.jsonl
create or replace function lethe.evidence_heads()
  returns table (controller text, chain text, number bigint, hash text, sealed_at timestamptz, line text)
  language sql
  stable
  security definer  -- a worker reads none of Lethe's tables; others see the controllers they act for
  set jit = off
begin atomic
  select c.name, f.previous, s.number, s.hash, s.sealed_at,
    json_build_object('controller', c.name, 'number', s.number, 'hash', s.hash, 'chain', f.previous,
      'sealed_at', lethe_private.utc_text(s.sealed_at), 'database', current_database())::text
  from lethe.controllers as c
  cross join lateral (
    select n.* from lethe.seals as n where n.controller_id = c.id order by n.number desc limit 1) as s
  join lethe.seals as f on f.controller_id = c.id and f.number = 1
  where lethe_private.acts_for(c.id) or pg_has_role(session_user, 'lethe_worker', 'member')
  order by c.name;
end;

comment on function lethe.evidence_heads() is
  'The last seal of each controller''s chain. line: what to keep outside the database, and to hand to lethe.verify_evidence().';

-- One line a head; a line that cannot be read has no controller.
create or replace function lethe_private.read_anchor(anchor text)
  returns table (line int, controller text, chain text, number bigint, hash text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_line record;
  v_head jsonb;
begin
  for v_line in
    select l.text, l.n from regexp_split_to_table(anchor, '[\r\n]+') with ordinality as l (text, n) where l.text ~ '\S'
  loop
    begin
      v_head := v_line.text::jsonb;
      line := v_line.n;
      controller := v_head ->> 'controller';
      chain := v_head ->> 'chain';
      number := (v_head ->> 'number')::bigint;
      hash := v_head ->> 'hash';
      if controller is null or chain is null or number is null or hash is null then
        controller := null;
      end if;
    exception when data_exception then
      line := v_line.n;
      controller := null;
    end;
    return next;
  end loop;
end
$$;

comment on function lethe_private.read_anchor(text) is 'The heads in an anchor, one JSON object a line.';

create or replace function lethe_private.anchor_findings(controller lethe.controllers, anchor text)
  returns table (severity text, object text, finding text)
  language sql
  stable
begin atomic
  with head as (
    select max(s.number) as number, max(s.previous) filter (where s.number = 1) as chain
    from lethe.seals as s
    where s.controller_id = controller.id
  ), heads as materialized (
    select a.line, a.chain, a.number, a.hash, s.hash as sealed_hash, h.number as last, h.chain as our_chain,
      a.hash is not distinct from s.hash and a.chain is not distinct from h.chain as kept
    from lethe_private.read_anchor(anchor) as a
    cross join head as h
    left join lethe.seals as s on s.controller_id = controller.id and s.number = a.number
    where a.controller = controller.name
  )
  select 'error', format('anchor, line %s', a.line),
    case
      when a.chain is distinct from a.our_chain then format('seal %s was anchored in another chain than this: the chain was begun anew, or the anchor is of another database', a.number)
      when a.number > coalesce(a.last, 0) then format('seal %s was anchored, and the chain ends at %s: its tail was cut, or an older backup was restored', a.number, coalesce(a.last, 0))
      else format('seal %s was anchored with another hash than it has: the chain was rewritten', a.number)
    end
  from heads as a
  where not a.kept
  union all
  select 'warning', 'anchor', case
      when anchor is null then format('the tail is not anchored: without an anchor, seals cut off after %s, or a chain made anew, would not show', h.number)
      when a.number is null then format('the tail is not anchored: the anchor has no seal of this controller up to %s', h.number)
      else format('the tail is not anchored: the anchor ends at seal %s, the chain at %s', a.number, h.number)
    end
  from head as h
  cross join (select max(a.number) filter (where a.kept) as number from heads as a) as a
  where coalesce(h.number, 0) > coalesce(a.number, 0);
end;

comment on function lethe_private.anchor_findings(lethe.controllers, text) is
  'Where a chain is not what was anchored of it, and how far it is anchored.';
--! EndIncluded lethe/evidence_heads.sql
--! Included lethe/verify_evidence.sql
-- Recomputes every hash from the rows themselves, and compares the chain with what was written down outside.
--
--   select * from lethe.verify_evidence();
--   \set anchor `cat /mnt/worm/lethe.jsonl`
--   select * from lethe.verify_evidence(anchor => :'anchor');
--
-- Stable, so that all of it sees one snapshot: cycles may end meanwhile.
create or replace function lethe.verify_evidence(controller_name text default null, anchor text default null)
  returns table (controller text, severity text, object text, finding text)
  language plpgsql
  stable
  security definer  -- reads the evidence whole, after asking whom the login acts for
  set search_path = pg_catalog, pg_temp
  set jit = off
  set timezone = 'UTC'
  set datestyle = 'ISO, YMD'
  set intervalstyle = 'iso_8601'
  set extra_float_digits = 1
  set bytea_output = 'hex'
as $$
#variable_conflict use_column
declare
  v_controllers lethe.controllers[];
  v_controller lethe.controllers;
  v_whole constant boolean := verify_evidence.controller_name is null and lethe_private.is_operator();
begin
  if verify_evidence.controller_name is not null then
    perform lethe_private.get_controller(verify_evidence.controller_name);
  end if;
  v_controllers := array(
    select c from lethe.controllers as c
    where c.name = coalesce(verify_evidence.controller_name, c.name) and lethe_private.acts_for(c.id)
    order by c.name);
  if cardinality(v_controllers) = 0 and not v_whole then
    raise exception using errcode = 'LE502',
      message = format('role %I may not act for %s', session_user, coalesce('controller ' || verify_evidence.controller_name, 'any controller')),
      hint = 'an operator can add it: select lethe.add_member(login, controller)';
  end if;

  foreach v_controller in array v_controllers loop
    return query
      with findings as materialized (
        select f.severity, f.object, f.finding from lethe_private.seal_findings(v_controller.id) as f
        union all
        select f.severity, f.object, f.finding from lethe_private.row_findings(v_controller.id) as f
        union all
        select f.severity, f.object, f.finding from lethe_private.anchor_findings(v_controller, verify_evidence.anchor) as f
      )
      select v_controller.name, f.severity, f.object, f.finding from findings as f
      union all
      select v_controller.name, c.severity, 'chain', c.finding
      from lethe_private.describe_chain(v_controller.id) as c
      where not exists (select from findings as f where f.severity = 'error');
  end loop;
  if v_whole then
    return query
      select null::text, 'error', r.relation || ' ' || r.key, 'belongs to no cycle: the cycle was taken out, or the row was put in by hand'
      from lethe_private.evidence_rows as r
      where r.controller_id is null;
    return query
      select null::text, 'error', format('anchor, line %s', a.line),
        coalesce('controller ' || a.controller || ' was anchored and is not in this database: another database, or the controller was taken out', 'cannot be read: it was damaged, or is no anchor of Lethe')
      from lethe_private.read_anchor(verify_evidence.anchor) as a
      where a.controller is null or not exists (select from unnest(v_controllers) as c where c.name = a.controller);
  end if;
end
$$;

comment on function lethe.verify_evidence(text, text) is
  'Checks the evidence of one controller, or of all the login acts for, row by row against its seals, and the seals against an anchor (lines of lethe.evidence_heads() kept outside). error: something was changed; warning: not sealed, or not anchored, yet; info: what was found sound. Raises LE101, LE502.';

create or replace function lethe_private.describe_chain(controller_id int)
  returns table (severity text, finding text)
  language sql
  stable
begin atomic
  select
    case count(*) when 0 then 'warning' else 'info' end,
    case count(*)
      when 0 then 'nothing is sealed yet'
      else format('sound: %s over %s rows, up to %s', case count(*) when 1 then '1 seal' else count(*) || ' seals' end,
        sum(s.rows), (array_agg(s.hash order by s.number desc))[1])
    end
  from lethe.seals as s
  where s.controller_id = describe_chain.controller_id;
end;

comment on function lethe_private.describe_chain(int) is 'How long a chain is and where it ends.';

-- The chain itself: numbers without gaps, each seal after the one before, each hash and each list as said.
create or replace function lethe_private.seal_findings(controller_id int)
  returns table (severity text, object text, finding text)
  language sql
  stable
begin atomic
  with seals as (
    select s as seal, s.number, s.previous, s.hash, s.rows, s.root,
      coalesce(lag(s.number) over w, 0) as number_before, lag(s.hash) over w as hash_before
    from lethe.seals as s
    where s.controller_id = seal_findings.controller_id
    window w as (order by s.number)
  ), lists as (
    select l.number, count(*) as rows, lethe_private.sha256_hex(
      string_agg(lethe_private.sealed_line(l.position, l.relation, l.key, l.format, l.hash), '' order by l.position)) as root
    from lethe.sealed_rows as l
    where l.controller_id = seal_findings.controller_id
    group by l.number
  )
  select 'error', 'seal ' || coalesce(s.number, l.number), x.finding
  from seals as s
  full join lists as l on l.number = s.number
  cross join lateral (values
    (s.number is null, format('is missing, and %s rows say that it covers them', l.rows)),
    (s.number > s.number_before + 1, format('comes after seal %s: what was between them is missing', s.number_before)),
    (s.hash <> lethe_private.seal_hash(s.seal), 'was altered: its hash is not that of what it says'),
    (s.number_before > 0 and s.previous <> s.hash_before, format('does not follow seal %s: one of the two was altered, removed or put in', s.number_before)),
    (s.number is not null and (s.rows is distinct from l.rows or s.root is distinct from l.root), 'covers other rows than its list says: lines of lethe.sealed_rows were altered, removed, put in or moved')
  ) as x (found, finding)
  where x.found
  order by coalesce(s.number, l.number);
end;

comment on function lethe_private.seal_findings(int) is 'What is wrong with the seals of a controller and their lists.';

-- The rows: each one that was sealed is there and says the same; none is in a sealed cycle that was not sealed.
create or replace function lethe_private.row_findings(controller_id int)
  returns table (severity text, object text, finding text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with listed as (
      select l.* from lethe.sealed_rows as l where l.controller_id = row_findings.controller_id
    ), present as (
      select r.*, row_number() over (partition by r.relation, r.key) as copy
      from lethe_private.evidence_rows as r where r.controller_id = row_findings.controller_id
    ), compared as materialized (
      select coalesce(l.relation, r.relation) as relation, coalesce(l.key, r.key) as key, l.number, r.final, r.copy,
        r.key is not null as present,
        lethe_private.content_hash(r.content, f.columns) is not distinct from l.hash as same,
        -- A receipt is written and sealed in one transaction.
        l.key is null and (r.relation = 'lethe.receipts' or exists (
          select from lethe.sealed_rows as c
          where c.relation = 'lethe.cycles' and c.key = jsonb_build_array(r.cycle_id)::text)) as too_late
      from listed as l
      full join present as r on r.relation = l.relation and r.key = l.key
      left join lethe_private.evidence_formats as f on f.relation = l.relation and f.format = l.format
    )
    select 'error', c.relation || ' ' || c.key,
      case
        when not c.present then format('was removed: seal %s covers it', c.number)
        when c.copy > 1 then 'is there more than once'
        when c.too_late and c.relation = 'lethe.receipts' then 'is in no seal: its seal was taken away, or it was put in'
        when c.too_late then 'was put in: its cycle is sealed without it'
        else format('was altered after seal %s', c.number)
      end
    from compared as c
    where not c.present or c.copy > 1 or c.too_late or (c.number is not null and not c.same)
    union all
    select 'warning', 'evidence', case when c.final then
        format('not sealed yet: %s rows; the next cycle that ends seals them, or lethe.seal() does', count(*))
      else format('not sealed yet: %s rows of the open cycle, which is sealed when it ends', count(*)) end
    from compared as c
    where c.number is null and not c.too_late
    group by c.final;
end
$$;

comment on function lethe_private.row_findings(int) is 'Rows of evidence that were altered, removed or put in, and how many are not sealed yet.';
--! EndIncluded lethe/verify_evidence.sql
--! Included lethe_private/discover.sql
-- Fills the worklist of one table''s phase and says how many rows it holds.
create or replace function lethe_private.discover(cycle_table lethe.cycle_tables, managed lethe.managed_tables, statement text)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found jsonb;
  v_rows bigint;
begin
  -- Addresses of many rows are sorted and put together here, once a table and not once a batch.
  perform set_config('work_mem', '64MB', true);
  -- The events of millions of rows are grouped in the order of an index in half the time that hashing them takes,
  -- which with so much memory the planner would choose.
  if lethe_private.has_linked_clock(managed) then
    perform set_config('enable_hashagg', 'off', true);
  end if;
  with found as (
    select r.facts, r.target, r.found_tids
    from lethe_private.run_as_sweeper(statement, managed) as r
    where cycle_table.phase <> 'archived'
    union all
    select r.facts, r.target, r.found_tids
    from lethe_private.run_on_archive(statement) as r
    where cycle_table.phase = 'archived'
  ), listed as (
    insert into lethe_private.worklist (cycle_id, table_id, target, tids, flags)
    select cycle_table.cycle_id, cycle_table.table_id, f.target, f.found_tids, f.facts ->> 'flags'
    from found as f
    returning 1
  )
  select coalesce(jsonb_object_agg(t.key, t.total), '{}'), coalesce(max(t.total) filter (where t.key = 'rows'), 0)
    into v_found, v_rows
  from (
    select e.key, sum(e.value::bigint)::bigint as total
    from found as f cross join jsonb_each_text(f.facts - 'flags') as e
    group by e.key
  ) as t;

  update lethe.cycle_tables as c
  set state = 'sweeping',
      pass = c.pass + 1,
      found_in_pass = v_rows,
      done_before_pass = c.rows_done,
      rows_found = case when c.round = 1 and c.pass = 0 then c.rows_found + v_rows else c.rows_found end,
      found = case when c.round = 1 and c.pass = 0 then c.found || (v_found - 'rows') else c.found end
  where c.cycle_id = cycle_table.cycle_id and c.table_id = cycle_table.table_id;
  return v_rows;
end
$$;

comment on function lethe_private.discover(lethe.cycle_tables, lethe.managed_tables, text) is
  'One search for all due rows of a table''s phase.';
--! EndIncluded lethe_private/discover.sql
--! Included lethe_private/sweep_batch.sql
-- Puts words of ours into a statement: {from}, {here}, {leaves}. Not where they stand between quotes: there
-- they are a host's own, in a name or in the text of a predicate.
create or replace function lethe_private.fill(statement text, words jsonb)
  returns text
  language sql
  immutable
begin atomic
  select string_agg(coalesce(words ->> m.part[1], m.part[2], '{' || m.part[1] || '}'), '' order by m.n)
  from regexp_matches(statement, '\{(from|here|leaves)\}|("(?:[^"]|"")*"|''(?:[^'']|'''')*''|[^"''{]+|\{)', 'g')
    with ordinality as m (part, n);
end;

comment on function lethe_private.fill(text, jsonb) is 'A statement with the given words in place of its marks.';

-- Where a batch lives: {from} and {here} of its statements. A partition is addressed itself where the
-- sweeper may and where nothing on its parent would notice the difference; else through its parent.
create or replace function lethe_private.place(statement text, table_oid oid, target oid)
  returns text
  language sql
  stable
return lethe_private.fill(statement, case
  when not exists (select from pg_inherits as i where i.inhparent = table_oid) then
    jsonb_build_object('from', lethe_private.host_name(table_oid), 'here', '')
  when target <> table_oid
    and has_table_privilege('lethe_sweeper', target, 'select')
    and has_table_privilege('lethe_sweeper', target, 'update')
    and has_table_privilege('lethe_sweeper', target, 'delete')
    and not exists (select from pg_trigger as t where t.tgrelid = table_oid and t.tgtype & 1 = 0)
  then
    jsonb_build_object('from', 'only ' || lethe_private.host_name(target), 'here', '')
  else
    jsonb_build_object('from', lethe_private.host_name(table_oid), 'here', format(' and c.tableoid = %s', target))
end);

comment on function lethe_private.place(text, oid, oid) is 'A statement of a program, directed at the table or at one partition of it.';

-- What was archived is what the program names. The batch's own locks keep columns from coming and going, so
-- one that did so since the program was written shows now at the latest: all is undone, and compiled anew.
create or replace function lethe_private.assert_shape(shape jsonb)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if shape ->> 'mark' is distinct from lethe_private.shape_mark(shape -> 'of') then
    raise exception using errcode = 'serialization_failure', message = 'a column of the table has come, gone or changed';
  end if;
end
$$;

comment on function lethe_private.assert_shape(jsonb) is
  'Raises 40001 when an archiving program was written for other columns than there are.';

create or replace function lethe_private.sweep_columns(
  managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_act jsonb := nullif(program #> '{columns,act_on_all}', 'null');
  v_statement text := program #>> '{columns,act}';
  v_facts jsonb;
begin
  if v_act is not null and batch.flags is not null then
    v_statement := lethe_private.act_on_all_sql(v_act ->> 'own_rows', array(
        select jsonb_populate_record(null::lethe_private.action_parts, e.value)
        from jsonb_array_elements(v_act -> 'actions') with ordinality as e (value, n)
        where substr(batch.flags, e.n::int, 1) = '1'
        order by e.n), v_act ->> 'key');
  end if;
  if program #>> '{columns,lock}' is not null then
    perform r.facts from lethe_private.run_as_sweeper(
      lethe_private.place(program #>> '{columns,lock}', v_oid, batch.target), managed, batch.tids) as r;
  end if;
  select r.facts into v_facts
  from lethe_private.run_as_sweeper(lethe_private.place(v_statement, v_oid, batch.target),
    managed, batch.tids, pads.inner_pad, pads.outer_pad) as r;
  perform lethe_private.assert_shape(nullif(program -> 'columns' -> 'shape', 'null'));
  return v_facts;
end
$$;

comment on function lethe_private.sweep_columns(lethe.managed_tables, jsonb, lethe_private.worklist, lethe_private.controller_keys) is
  'Applies the column rules to one batch. Returns {"rows", "root", "rN": rows per rule}.';

-- program: the part of the phase, purge or archive.
create or replace function lethe_private.sweep_leaving(
  managed lethe.managed_tables, program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_tids tid[] := batch.tids;
  v_before jsonb;
  v_children jsonb := '[]';
  v_deleted_before jsonb;
  v_facts jsonb;
begin
  if program -> 'pick' is not null then
    perform r.facts from lethe_private.run_as_sweeper(
      lethe_private.place(program ->> 'lock', v_oid, batch.target), managed, v_tids) as r;
    for v_before in select l from jsonb_array_elements(program -> 'lock_children') as l loop
      perform r.facts from lethe_private.run_as_sweeper(
        lethe_private.place(v_before #>> '{}', v_oid, batch.target), managed, v_tids) as r;
    end loop;
    select r.found_tids into v_tids from lethe_private.run_as_sweeper(
      lethe_private.place(program ->> 'pick', v_oid, batch.target), managed, v_tids) as r;
    if v_tids is null then
      return jsonb_build_object('rows', 0);
    end if;
  end if;

  -- Cascaded rows are nobody''s RETURNING; the difference in the transaction''s statistics counts them.
  select jsonb_object_agg(x.name, lethe_private.deleted_in_transaction(lethe_private.resolve_table(x.name))) into v_deleted_before
  from (select distinct b ->> 'table_name' as name from jsonb_array_elements(program -> 'before') as b
        where b ->> 'rule' like '%with parent') as x;

  for v_before in
    select b from jsonb_array_elements(program -> 'before') as b where b ->> 'statement' is not null
  loop
    select r.facts into v_facts from lethe_private.run_as_sweeper(
      lethe_private.place(v_before ->> 'statement', v_oid, batch.target), managed, v_tids) as r;
    if v_before ->> 'rule' not like '%with parent' then
      v_children := v_children || jsonb_build_object('table', v_before -> 'table_name', 'rule', v_before -> 'rule', 'rows', v_facts -> 'rows');
    end if;
  end loop;

  select r.facts into v_facts from lethe_private.run_as_sweeper(
    lethe_private.place(program ->> 'delete', v_oid, batch.target), managed, v_tids, pads.inner_pad, pads.outer_pad) as r;

  -- The DELETE locks its table against new foreign keys, so one that came since the program was written
  -- shows now at the latest. What it took along was not asked about: all is undone, and compiled anew.
  if lethe_private.cascade_mark(v_oid) is distinct from program ->> 'cascades' then
    raise exception using errcode = 'serialization_failure', message = 'a foreign key to the table has come or gone';
  end if;
  perform lethe_private.assert_shape(program -> 'shape');

  select v_children || coalesce(jsonb_agg(jsonb_build_object('table', d.key,
      'rule', case when program -> 'shape' is null then 'with parent' else 'archived with parent' end,
      'rows', lethe_private.deleted_in_transaction(lethe_private.resolve_table(d.key)) - d.value::bigint)), '[]')
    into v_children
  from jsonb_each_text(v_deleted_before) as d;
  return v_facts || jsonb_build_object('children', v_children);
end
$$;

comment on function lethe_private.sweep_leaving(lethe.managed_tables, jsonb, lethe_private.worklist, lethe_private.controller_keys) is
  'Purges or archives one batch of rows. Returns {"rows", "root", "rN": rows, "children": [{"table", "rule", "rows"}]}.';
--! EndIncluded lethe_private/sweep_batch.sql
--! Included lethe_private/partitions.sql
-- Partitions that may go whole, whatever is in them: ordinary tables and branches of such, below range or list
-- partitioning. Not the default partition, nor a branch that has one: what fits nowhere else goes there. Not one
-- of hash partitions, to which rows go for ever, nor of a range over several columns that does not begin with a time: which
-- rows it takes at which time differs from row to row. Branches come before what is in them.
create or replace function lethe_private.whole_partitions(root oid)
  returns table (partition oid, parent oid)
  language sql
  stable
begin atomic
  with recursive tree as (
    select i.inhrelid as oid, i.inhparent as parent, 1 as level
    from pg_catalog.pg_inherits as i
    join pg_catalog.pg_partitioned_table as p on p.partrelid = i.inhparent
    where i.inhparent = root and p.partstrat <> 'h' and i.inhrelid <> p.partdefid and not i.inhdetachpending
      and (p.partnatts = 1 or exists (
        select from lethe_private.host_columns as h
        where h.relation = p.partrelid and h.position = p.partattrs[0] and h.type_name in ('date', 'timestamp', 'timestamptz')))
    union all
    select i.inhrelid, i.inhparent, t.level + 1
    from tree as t
    join pg_catalog.pg_inherits as i on i.inhparent = t.oid
    join pg_catalog.pg_partitioned_table as p on p.partrelid = i.inhparent
    where p.partstrat <> 'h' and i.inhrelid <> p.partdefid and not i.inhdetachpending
      and (p.partnatts = 1 or exists (
        select from lethe_private.host_columns as h
        where h.relation = p.partrelid and h.position = p.partattrs[0] and h.type_name in ('date', 'timestamp', 'timestamptz')))
  )
  select t.oid, t.parent
  from tree as t
  where not exists (
    select from pg_catalog.pg_partition_tree(t.oid::regclass) as x
    join pg_catalog.pg_class as c on c.oid = x.relid
    left join pg_catalog.pg_partitioned_table as p on p.partrelid = x.relid
    where c.relkind not in ('r', 'p') or p.partdefid <> 0)
  order by t.level, lethe_private.host_name(t.oid);
end;

comment on function lethe_private.whole_partitions(oid) is 'Partitions of a table, at any depth, that could be dropped without harm to where rows go; branches first.';

-- A partition to which rows of today would go is not over, be all of its rows due: without it an INSERT would
-- fail. Asked by PostgreSQL's own constraint of the partition, of one of its rows with all its times set to now.
-- (Its key columns are NOT NULL and stand in the table's key, or the table would not be managed.) So a partition that is not bounded in time is never over.
create or replace function lethe_private.still_fits_sql(partition oid)
  returns text
  language sql
  stable
begin atomic
  select format('select to_jsonb(exists (select from (select %s from %s as c limit 1) as c where %s)), null::oid, null::tid[]',
    string_agg(case when h.type_name in ('date', 'timestamp', 'timestamptz') then format('now()::%s as %I', h.base_type, h.name)
      else format('c.%I', h.name) end, ', ' order by h.position),
    lethe_private.host_name(partition),
    case when bool_or(c.relispartition) then coalesce(pg_get_partition_constraintdef(partition), 'true') else 'false' end)
  from lethe_private.host_columns as h
  join pg_catalog.pg_class as c on c.oid = h.relation
  where h.relation = partition;
end;

comment on function lethe_private.still_fits_sql(oid) is 'Whether a row of today could still go to a partition.';

-- A DROP fires no trigger on DELETE. Where the host has one, its effect would be missing: it may keep a sum.
create or replace function lethe_private.has_delete_trigger(partition oid)
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select from pg_catalog.pg_trigger as t
    where t.tgrelid in (select a.relid from pg_partition_ancestors(partition::regclass) as a
                        union select x.relid from pg_partition_tree(partition::regclass) as x)
      and not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 8 = 8);
end;

comment on function lethe_private.has_delete_trigger(oid) is 'True when a trigger of the host fires where a row of the partition is deleted.';

create or replace function lethe_private.may_drop(partition oid)
  returns boolean
  language sql
  stable
begin atomic
  select bool_and(pg_has_role('lethe_dropper', c.relowner, 'usage') and has_schema_privilege('lethe_dropper', c.relnamespace, 'usage'))
  from pg_catalog.pg_class as c
  where c.oid in (select a.relid from pg_partition_ancestors(partition::regclass) as a
                  union select x.relid from pg_partition_tree(partition::regclass) as x);
end;

comment on function lethe_private.may_drop(oid) is 'True when lethe_dropper has the rights of the owner of the partition, of what is in it and of what it is in.';

-- What makes a partition leave. One that a foreign key leads to cannot be dropped; detached, which has
-- PostgreSQL look whether any row refers to it, it can.
create or replace function lethe_private.partition_statements(partition oid, parent oid, how text)
  returns text[]
  language sql
  stable
return case
  when how <> 'drop' or exists (
    select from pg_constraint as k
    where k.contype = 'f' and k.confrelid in (select x.relid from pg_partition_tree(partition::regclass) as x))
  then array[format('alter table %s detach partition %s%s', lethe_private.host_name(parent), lethe_private.host_name(partition),
    case how when 'detach concurrently' then ' concurrently' else '' end)]
  else '{}'::text[]
end || case how when 'drop' then array[format('drop table %s', lethe_private.host_name(partition))] else '{}'::text[] end;

comment on function lethe_private.partition_statements(oid, oid, text) is 'The statements that drop or detach a partition.';

-- Of each reference to the table: whether some row refers to a row of the partition.
create or replace function lethe_private.partition_references(partition oid, root oid)
  returns setof text
  language sql
  stable
begin atomic
  select format('select to_jsonb(exists (select from %s as c join %s as k on %s)), null::oid, null::tid[]',
    lethe_private.host_name(partition), lethe_private.host_name(r.child),
    lethe_private.reference_sql('k', r.child_columns, 'c', r.parent_columns))
  from lethe_private.references_to(root) as r;
end;

comment on function lethe_private.partition_references(oid, oid) is
  'Statements that ask, reference by reference, whether a row refers to a partition.';

create or replace function lethe_private.ask_of_partition(statement text, partition oid, managed lethe.managed_tables)
  returns boolean
  language sql
  volatile
begin atomic
  select r.facts::boolean
  from lethe_private.run_as_sweeper(
    lethe_private.fill(statement, jsonb_build_object('from', lethe_private.host_name(partition))), managed) as r;
end;

comment on function lethe_private.ask_of_partition(text, oid, lethe.managed_tables) is 'A yes or no about a partition, asked as lethe_sweeper.';

create or replace function lethe_private.is_ready(partition oid, managed lethe.managed_tables, spec jsonb)
  returns boolean
  language sql
  volatile
return lethe_private.ask_of_partition(spec ->> 'ready', partition, managed)
  and not lethe_private.ask_of_partition(lethe_private.still_fits_sql(partition), partition, managed);

comment on function lethe_private.is_ready(oid, lethe.managed_tables, jsonb) is 'True when a partition is over and, at the first look, all due.';

-- The first look. It locks nothing, and where the sweeper may not read a partition it stays: lethe.missing_rights names the grant.
create or replace function lethe_private.ready_partitions(managed lethe.managed_tables, spec jsonb)
  returns table (partition oid, parent oid)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_root oid := lethe_private.host_table(managed.schema_name, managed.table_name);
begin
  for partition, parent in select w.partition, w.parent from lethe_private.whole_partitions(v_root) as w loop
    if has_table_privilege('lethe_sweeper', partition, 'select') and lethe_private.is_ready(partition, managed, spec) then
      return next;
    end if;
  end loop;
end
$$;

comment on function lethe_private.ready_partitions(lethe.managed_tables, jsonb) is 'Partitions that, at the first look, can be purged whole.';

-- For lethe.preview: what would be run, in full, so that a DBA can do it where Lethe may not.
create or replace function lethe_private.preview_partitions(managed lethe.managed_tables, program jsonb)
  returns table (step text, statement text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_spec jsonb := program #> '{purge,partitions}';
  v_ready record;
  v_name text;
begin
  if v_spec is null then
    return;
  end if;
  return query values ('partitions: first look', v_spec ->> 'ready'), ('partitions: look again, under the lock', v_spec ->> 'read');
  for v_ready in select r.partition, r.parent from lethe_private.ready_partitions(managed, v_spec) as r loop
    v_name := lethe_private.host_name(v_ready.partition);
    return query select format('partitions: %s %s%s', v_spec ->> 'how', v_name,
        case when lethe_private.has_delete_trigger(v_ready.partition) then ' (row by row: a trigger on DELETE)'
             when not lethe_private.may_drop(v_ready.partition) then ' (row by row: lethe.missing_rights has the grant)' else '' end),
      array_to_string(array[format('lock table %s in exclusive mode', v_name)]
        || case v_spec ->> 'how' when 'detach concurrently' then '{}' else array[format('lock table only %s in access exclusive mode', lethe_private.host_name(v_ready.parent))] end
        || lethe_private.partition_statements(v_ready.partition, v_ready.parent, v_spec ->> 'how'), E';\n');
  end loop;
end
$$;

comment on function lethe_private.preview_partitions(lethe.managed_tables, jsonb) is
  'The looks at partitions, and for each that is ready the statements that purge it whole.';
--! EndIncluded lethe_private/partitions.sql
--! Included lethe_private/purge_partition.sql
-- Purges partitions whole, one a step, before rows are looked for. Returns null when there is none (left): the
-- rows that are due in what remains are then deleted as ever.
create or replace function lethe_private.purge_partition(cycle_table lethe.cycle_tables, managed lethe.managed_tables, program jsonb)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_spec jsonb := program #> '{purge,partitions}';
  v_next lethe.partition_purges;
  v_pads lethe_private.controller_keys;
  v_facts jsonb;
  v_cause jsonb;
  v_state text;
  v_constraint text;
  v_relation text;
begin
  if v_spec is null then
    delete from lethe.partition_purges as p
    where p.cycle_id = cycle_table.cycle_id and p.table_id = cycle_table.table_id and p.how = 'waiting';
    return null;
  elsif not exists (
    select from lethe.partition_purges as p
    where p.cycle_id = cycle_table.cycle_id and p.table_id = cycle_table.table_id and p.round = cycle_table.round)
  then
    v_state := lethe_private.list_partitions(cycle_table, managed, v_spec);
    if v_state is not null then
      return v_state;
    end if;
  end if;
  select p.* into v_next from lethe.partition_purges as p
  where p.table_id = cycle_table.table_id
    and (p.how = 'waiting' and p.cycle_id = cycle_table.cycle_id or p.how = 'detaching')  -- also what an earlier cycle left so
  order by p.how, p.attempts, p.id
  limit 1;
  if not found then
    return null;
  end if;

  begin
    select k.* into strict v_pads
    from lethe_private.controller_keys as k
    join lethe.cycles as c on c.controller_id = k.controller_id
    where c.id = cycle_table.cycle_id
    order by k.version desc limit 1;
    v_facts := lethe_private.take_partition(v_next, managed, v_spec, v_pads);
  exception
    when query_canceled then
      raise exception using errcode = 'query_canceled', message = 'canceled at a partition, which is as it was',
        hint = 'call it again to go on; see statement_timeout if nobody canceled it';
    when others or assert_failure then
      get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name;
      v_cause := jsonb_strip_nulls(jsonb_build_object('sqlstate', v_state,
        'constraint', nullif(v_constraint, ''), 'table', nullif(v_relation, '')));
  end;

  if (left(v_state, 2) = '40' or v_state in ('55P03', '55006'))
    and v_next.attempts + 1 < (select s.attempts_max from lethe.settings as s)
  then
    update lethe.partition_purges as p set attempts = p.attempts + 1 where p.id = v_next.id;
    return 'retry';
  elsif v_state is not null and v_next.how = 'detaching'
    and not exists (select from pg_inherits as i where i.inhrelid = v_next.partition_oid and not i.inhdetachpending)
  then
    -- Detached and not read: it may hold a row that must not be lost. It stays on the list, and is tried again.
    return lethe_private.table_failed(cycle_table, v_cause);
  elsif v_facts ->> 'how' = 'detaching' then
    update lethe.partition_purges as p set how = 'detaching', bound = v_facts ->> 'bound', attempts = p.attempts + 1 where p.id = v_next.id;
    return 'detach';
  elsif v_facts ->> 'root' is null then
    update lethe.partition_purges as p set how = 'row by row', cause = coalesce(v_cause, v_facts) where p.id = v_next.id;
    return 'swept';
  end if;

  insert into lethe.evidence_batches (cycle_id, table_id, phase, rows_done, counts, root, key_version)
  values (cycle_table.cycle_id, cycle_table.table_id, cycle_table.phase, (v_facts ->> 'rows')::bigint,
    jsonb_build_object(v_spec ->> 'flag', v_facts -> 'rows', 'partition', v_next.partition, 'how', v_facts -> 'how'),
    v_facts ->> 'root', v_pads.version);
  update lethe.partition_purges as p set how = v_facts ->> 'how', rows = (v_facts ->> 'rows')::bigint, at = now() where p.id = v_next.id;
  update lethe.cycle_tables as t
  set state = 'sweeping', batches = t.batches + 1, rows_done = t.rows_done + p.rows,
      rows_found = case t.round when 1 then t.rows_found + p.rows else t.rows_found end,
      found = case t.round when 1 then t.found || jsonb_build_object('partitions', coalesce((t.found ->> 'partitions')::bigint, 0) + p.rows) else t.found end
  from (select (v_facts ->> 'rows')::bigint as rows) as p
  where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
  return 'swept';
end
$$;

comment on function lethe_private.purge_partition(lethe.cycle_tables, lethe.managed_tables, jsonb) is
  'One partition of a table, with its evidence. Returns discovered, swept, retry, detach (the driver is to run lethe.detach_statement), or null: none is left.';

create or replace function lethe_private.list_partitions(cycle_table lethe.cycle_tables, managed lethe.managed_tables, spec jsonb)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  insert into lethe.partition_purges (cycle_id, table_id, round, partition, partition_oid, parent_oid)
  select cycle_table.cycle_id, cycle_table.table_id, cycle_table.round, lethe_private.host_name(r.partition), r.partition, r.parent
  from lethe_private.ready_partitions(managed, spec) as r;
  return case when found then 'discovered' end;
exception
  -- The search for rows meets the same, and reports it.
  when query_canceled then raise exception using errcode = 'query_canceled', message = 'canceled at the first look at partitions';
  when others then return null;
end
$$;

comment on function lethe_private.list_partitions(lethe.cycle_tables, lethe.managed_tables, jsonb) is
  'The first look: puts partitions that may go whole on the list. Returns discovered, or null: there is none.';

-- Looks again under a lock and, if every row leaves, drops or detaches the partition.
--
-- The lock is in two parts. First the partition, in EXCLUSIVE mode: its rows can be read and not written, no row
-- can come to refer to them, and nobody else waits. Only when all has been read and counted the parent, in
-- ACCESS EXCLUSIVE mode, as PostgreSQL needs it: for as long as DDL takes. Who holds the parent may by then
-- be waiting for the partition, so that wait ends before anybody's deadlock_timeout, which would make an
-- application's transaction the victim.
create or replace function lethe_private.take_partition(
  next lethe.partition_purges, managed lethe.managed_tables, spec jsonb, pads lethe_private.controller_keys
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := next.partition_oid;
  v_root oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_name text := lethe_private.host_name(v_oid);
  v_parent oid := (select w.parent from lethe_private.whole_partitions(v_root) as w where w.partition = next.partition_oid);
  v_how text := case spec ->> 'how' when 'detach concurrently' then 'detach' else spec ->> 'how' end;
  v_facts jsonb;
  v_statement text;
begin
  if next.how = 'detaching' then
    v_facts := lethe_private.take_detached(next, managed, spec, pads);
    if v_facts is not null then
      return v_facts;
    end if;
  end if;
  if v_parent is null then
    return jsonb_build_object('why', 'gone');
  elsif lethe_private.has_delete_trigger(v_oid) then
    return jsonb_build_object('why', 'a trigger on DELETE');
  elsif not lethe_private.may_drop(v_oid) then
    return jsonb_build_object('sqlstate', '42501');
  elsif spec ->> 'how' = 'detach concurrently' and next.how = 'waiting' and lethe_private.driver_detaches() then
    v_facts := lethe_private.look_again(v_oid, v_root, managed, spec, pads);
    return case when v_facts ? 'root' then jsonb_build_object('how', 'detaching',
      'bound', (select pg_get_expr(c.relpartbound, c.oid) from pg_class as c where c.oid = v_oid)) else v_facts end;
  end if;

  perform lethe_private.run_as_dropper(format('lock table %s in exclusive mode', v_name));
  if lethe_private.host_name(v_oid) is distinct from v_name or not exists (
    select from pg_inherits as i where i.inhrelid = v_oid and i.inhparent = v_parent)
  then
    return jsonb_build_object('why', 'gone');
  end if;
  v_facts := lethe_private.look_again(v_oid, v_root, managed, spec, pads);
  if not v_facts ? 'root' then
    return v_facts;
  end if;
  perform set_config('lock_timeout', least(
    extract(epoch from s.lock_timeout) * 1000, extract(epoch from current_setting('deadlock_timeout')::interval) * 500)::bigint::text, true)
  from lethe.settings as s;
  perform lethe_private.run_as_dropper(format('lock table only %s in access exclusive mode', lethe_private.host_name(v_parent)));
  foreach v_statement in array lethe_private.partition_statements(v_oid, v_parent, v_how) loop
    perform lethe_private.run_as_dropper(v_statement);
  end loop;
  return v_facts || jsonb_build_object('how', case v_how when 'drop' then 'dropped' else 'detached' end);
end
$$;

comment on function lethe_private.take_partition(lethe.partition_purges, lethe.managed_tables, jsonb, lethe_private.controller_keys) is
  'Drops or detaches one partition if all of it leaves: {"rows", "root", "how"}; else why it stays: {"why"} or {"sqlstate"}.';

-- Nothing may write to the partition meanwhile, unless it is to be asked once more.
create or replace function lethe_private.look_again(
  partition oid, root oid, managed lethe.managed_tables, spec jsonb, pads lethe_private.controller_keys
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_facts jsonb;
  v_statement text;
begin
  if lethe_private.has_delete_trigger(partition) then
    return jsonb_build_object('why', 'a trigger on DELETE');
  elsif not lethe_private.is_ready(partition, managed, spec) then
    return jsonb_build_object('why', 'rows that stay');
  end if;
  for v_statement in select r from lethe_private.partition_references(partition, root) as r loop
    if lethe_private.ask_of_partition(v_statement, partition, managed) then
      return jsonb_build_object('why', 'rows that others refer to');
    end if;
  end loop;
  perform set_config('work_mem', '64MB', true);
  select r.facts into v_facts
  from lethe_private.run_as_sweeper(lethe_private.fill(spec ->> 'read', jsonb_build_object('from', lethe_private.host_name(partition))),
    managed, null, pads.inner_pad, pads.outer_pad) as r;
  if v_facts ->> 'stay' <> '0' or v_facts ->> 'rows' = '0' then
    return jsonb_build_object('why', 'rows that stay');
  end if;
  return v_facts - 'stay';
end
$$;

comment on function lethe_private.look_again(oid, oid, lethe.managed_tables, jsonb, lethe_private.controller_keys) is
  'Reads a partition whole: {"rows", "root"} when every row leaves and nothing refers to any; else {"why"}.';

-- DETACH … CONCURRENTLY runs in no function, only at the top level of a session. So the step says "detach", the
-- driver runs the statement, and the next step comes here. Until PostgreSQL has detached it, rows may have been
-- written: it is read again, and put back unless every row leaves. Null: it is still attached; go on as with "detach".
create or replace function lethe_private.take_detached(
  next lethe.partition_purges, managed lethe.managed_tables, spec jsonb, pads lethe_private.controller_keys
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := lethe_private.host_name(next.partition_oid);
  v_parent text := lethe_private.host_name(next.parent_oid);
  v_facts jsonb;
begin
  if v_name is null then
    return jsonb_build_object('why', 'gone');
  end if;
  if (select i.inhdetachpending from pg_inherits as i where i.inhrelid = next.partition_oid) then
    perform lethe_private.run_as_dropper(format('alter table %s detach partition %s finalize', v_parent, v_name));
  elsif exists (select from pg_inherits as i where i.inhrelid = next.partition_oid) then
    return null;
  end if;
  perform lethe_private.run_as_dropper(format('lock table %s in exclusive mode', v_name));
  v_facts := lethe_private.look_again(next.partition_oid, lethe_private.host_table(managed.schema_name, managed.table_name), managed, spec, pads);
  if v_facts ? 'root' then
    return v_facts || '{"how": "detached"}';
  end if;
  perform lethe_private.run_as_dropper(format('alter table %s attach partition %s %s', v_parent, v_name, next.bound));
  return v_facts;
end
$$;

comment on function lethe_private.take_detached(lethe.partition_purges, lethe.managed_tables, jsonb, lethe_private.controller_keys) is
  'Reads a partition that the driver has detached concurrently, and attaches it again unless every row of it leaves.';

-- Whoever drives a cycle says so in its session, if its login may become lethe_dropper; psql does not.
create or replace function lethe_private.driver_detaches()
  returns boolean
  language sql
  stable
return coalesce(current_setting('lethe.driver_detaches', true), '') = 'on'
  and pg_has_role(session_user, 'lethe_dropper', case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end);

comment on function lethe_private.driver_detaches() is 'True when the session''s driver will run a DETACH … CONCURRENTLY that a step asks for.';

create or replace function lethe.detach_statement(cycle_id bigint, table_id int)
  returns text
  language sql
  stable
  security definer  -- a worker reads none of Lethe's tables
  set jit = off
begin atomic
  select format('alter table %s detach partition %s concurrently', lethe_private.host_name(i.inhparent), lethe_private.host_name(i.inhrelid))
  from lethe.partition_purges as p
  join pg_catalog.pg_inherits as i on i.inhrelid = p.partition_oid and not i.inhdetachpending
  where p.cycle_id = detach_statement.cycle_id and p.table_id = detach_statement.table_id and p.how = 'detaching'
  order by p.id
  limit 1;
end;

comment on function lethe.detach_statement(bigint, int) is
  'After a step that said "detach": the statement that its driver is to run as lethe_dropper, outside any transaction; null when there is none.';
--! EndIncluded lethe_private/purge_partition.sql
--! Included lethe/detached_partitions.sql
-- A detached partition still holds people's data and is no longer managed: no rule, hold or erasure reaches it.
-- It stands here until its table is gone from the database, or is attached again. By oid, so that a new name
-- does not hide it, and by name, as oids do not outlive a dump.
create or replace view lethe.detached_partitions
  with (security_invoker = true, security_barrier = true)
as
  select distinct on (c.oid)
    format('%I.%I', n.nspname, c.relname) as table_name,
    format('%I.%I', m.schema_name, m.table_name) as detached_from,
    p.rows,
    p.at as detached_at,
    p.cycle_id
  from lethe.partition_purges as p
  join pg_catalog.pg_class as c on c.relkind in ('r', 'p') and not c.relispartition
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  left join lethe.managed_tables as m on m.id = p.table_id
  where p.how in ('detached', 'detaching')
    and (c.oid = p.partition_oid or format('%I.%I', n.nspname, c.relname) = p.partition)
  order by c.oid, p.id desc;

comment on view lethe.detached_partitions is
  'Tables that Lethe has detached and that still exist: they hold personal data whose time is over, and nobody manages them. Drop them.';
comment on column lethe.detached_partitions.rows is 'Rows it had when it was detached; null: being detached.';
--! EndIncluded lethe/detached_partitions.sql
--! Included lethe/sweep_step.sql
-- One step of one table: a search, or one batch with its evidence. Called again and again, each call a
-- transaction of its own, by lethe.run_cycle and by the worker's tasks alike.
create or replace function lethe.sweep_step(cycle_id bigint, table_id int, paced boolean default false)
  returns lethe.sweep_progress
  language plpgsql
  volatile
  security definer  -- reads the controller's key and writes evidence, which its callers may not
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_started timestamptz := clock_timestamp();
  v_cycle lethe.cycles := lethe_private.get_cycle(cycle_id);
  v_controller lethe.controllers;
  v_table lethe.cycle_tables;
  v_program jsonb;
  v_batch lethe_private.worklist;
  v_state text;
begin
  -- Each statement of a batch must see what was committed before it: a hold, a child, a changed row.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'LE405',
      message = format('a batch cannot run at isolation level %s', current_setting('transaction_isolation')),
      hint = 'begin the transaction with: set transaction isolation level read committed';
  end if;
  select c.* into v_controller from lethe.controllers as c where c.id = v_cycle.controller_id;
  if not pg_try_advisory_xact_lock_shared(lethe_private.lock_id(v_controller.id)) then
    return lethe_private.progress('busy', null, v_started);
  end if;
  select t.* into v_table from lethe.cycle_tables as t
  where t.cycle_id = sweep_step.cycle_id and t.table_id = sweep_step.table_id
  for update skip locked;
  if v_table.cycle_id is null then
    return lethe_private.progress(lethe_private.absent_table(v_cycle, sweep_step.table_id), null, v_started);
  elsif v_table.state = 'failed' then
    return lethe_private.progress('failed', v_table, v_started);
  elsif v_cycle.state <> 'open' or v_table.state not in ('waiting', 'sweeping') then
    return lethe_private.progress('done', v_table, v_started);
  elsif paced and not lethe_private.may_sweep_now(v_controller) then
    return lethe_private.progress('wait', v_table, v_started);
  end if;

  if not pg_try_advisory_xact_lock(lethe_private.table_lock_id(sweep_step.table_id)) then
    return lethe_private.progress('busy', v_table, v_started);
  end if;

  -- Tried and not waited for: whoever changes holds may take long to commit.
  if not pg_try_advisory_xact_lock_shared(lethe_private.holds_lock_id()) then
    return lethe_private.progress('busy', v_table, v_started);
  end if;
  perform set_config('lock_timeout', (extract(epoch from s.lock_timeout) * 1000)::bigint::text, true) from lethe.settings as s;
  v_program := lethe_private.program_of(v_cycle, v_table);
  if v_program is null then
    return lethe_private.progress('failed', v_table, v_started);
  end if;
  select t.* into v_table from lethe.cycle_tables as t
  where t.cycle_id = sweep_step.cycle_id and t.table_id = sweep_step.table_id;
  select w.* into v_batch from lethe_private.worklist as w
  where w.cycle_id = sweep_step.cycle_id and w.table_id = sweep_step.table_id
  order by w.attempts, w.batch
  limit 1;
  v_state := case when v_batch.batch is not null then lethe_private.take_batch(v_table, v_controller, v_program, v_batch)
    else lethe_private.search_again(v_table, v_program) end;

  select t.* into v_table from lethe.cycle_tables as t
  where t.cycle_id = sweep_step.cycle_id and t.table_id = sweep_step.table_id;
  return lethe_private.progress(v_state, v_table, v_started);
end
$$;

comment on function lethe.sweep_step(bigint, int, boolean) is
  'One batch of one table of a cycle. paced: not outside the time window, nor while replicas lag. After detach, run lethe.detach_statement. Call until the state is done or failed; after retry, wait or busy, pause first. Raises LE403, LE405.';

create or replace function lethe_private.absent_table(cycle lethe.cycles, table_id int)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from lethe.cycle_tables as t where t.cycle_id = cycle.id and t.table_id = absent_table.table_id) then
    raise exception using errcode = 'LE403',
      message = format('cycle %s has no table %s', cycle.id, coalesce(absent_table.table_id::text, '(null)')),
      hint = 'lethe.cycle_tables lists them';
  end if;
  return 'busy';
end
$$;

comment on function lethe_private.absent_table(lethe.cycles, int) is
  'Why a table''s row could not be locked: somebody sweeps it ("busy"), or it is not part of the cycle (LE403).';

create or replace function lethe_private.progress(state text, cycle_table lethe.cycle_tables, started timestamptz)
  returns lethe.sweep_progress
  language sql
  volatile
begin atomic
  select row(
    state,
    cycle_table.rows_done,
    coalesce((select sum(w.rows) from lethe_private.worklist as w
              where w.cycle_id = cycle_table.cycle_id and w.table_id = cycle_table.table_id), 0)::bigint,
    clock_timestamp() - started)::lethe.sweep_progress;
end;

comment on function lethe_private.progress(text, lethe.cycle_tables, timestamptz) is 'What a step reports.';
--! EndIncluded lethe/sweep_step.sql
--! Included lethe_private/take_batch.sql
create or replace function lethe_private.add_skipped(skipped jsonb, phase text, cause text, rows bigint)
  returns jsonb
  language sql
  immutable
return case when rows = 0 then skipped else jsonb_set(
  jsonb_set(skipped, array[phase], coalesce(skipped -> phase, '{}')),
  array[phase, cause], to_jsonb(coalesce((skipped #>> array[phase, cause])::bigint, 0) + rows)) end;

comment on function lethe_private.add_skipped(jsonb, text, text, bigint) is 'Counts rows set aside under their cause.';

-- The batch and its evidence are committed together or not at all. An error undoes the batch alone and
-- is kept as SQLSTATE, constraint and table: its message and detail carry people's data.
create or replace function lethe_private.take_batch(
  cycle_table lethe.cycle_tables, controller lethe.controllers, program jsonb, batch lethe_private.worklist
)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_pads lethe_private.controller_keys;
  v_facts jsonb;
  v_cause jsonb;
  v_state text;
  v_constraint text;
  v_relation text;
  v_locked int := 0;
  v_last_attempt boolean := false;
begin
  begin
    select m.* into strict v_managed from lethe.managed_tables as m where m.id = cycle_table.table_id;
    select k.* into strict v_pads from lethe_private.controller_keys as k
    where k.controller_id = controller.id order by k.version desc limit 1;

    if batch.attempts > 1 and cycle_table.phase <> 'archived' then
      v_locked := cardinality(batch.tids);
      select coalesce(r.found_tids, '{}') into batch.tids
      from lethe_private.run_as_sweeper(lethe_private.place(program ->> 'unlocked',
        lethe_private.host_table(v_managed.schema_name, v_managed.table_name), batch.target), v_managed, batch.tids) as r;
      v_locked := v_locked - cardinality(batch.tids);
      -- The batch's own rows are free; what is locked is a row that would go or change with one of them.
      -- The batch is taken apart to find it, and nobody is waited for.
      v_last_attempt := batch.attempts + 1 >= (select s.attempts_max from lethe.settings as s);
      if v_last_attempt then
        perform set_config('lock_timeout', '50ms', true);
      end if;
    end if;
    v_facts := case cycle_table.phase
      when 'columns' then lethe_private.sweep_columns(v_managed, program, batch, v_pads)
      when 'archived' then lethe_private.sweep_archived(program, batch, v_pads)
      else lethe_private.sweep_leaving(v_managed, program -> cycle_table.phase, batch, v_pads)
    end;
  exception
    -- "others" leaves these two out. Where somebody cancels, the context of the error would hold what a
    -- trigger was just doing, row and all; an ASSERT in a trigger is one more way to refuse a row.
    when query_canceled then
      raise exception using errcode = 'query_canceled', message = 'canceled within a batch, which is undone',
        hint = 'call it again to go on; see statement_timeout if nobody canceled it';
    when others or assert_failure then
      get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name;
      v_cause := jsonb_strip_nulls(jsonb_build_object('sqlstate', v_state,
        'constraint', nullif(v_constraint, ''), 'table', nullif(v_relation, '')));
  end;
  if v_cause is not null and v_last_attempt and v_state = '55P03' then
    update lethe.cycle_tables as t
    set skipped = lethe_private.add_skipped(t.skipped, t.phase, '55P03', v_locked)
    where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
    return lethe_private.halve_batch(cycle_table, batch, v_cause);
  elsif v_cause is not null then
    return lethe_private.batch_failed(cycle_table, batch, v_cause);
  end if;

  if (v_facts ->> 'rows')::bigint > 0 then
    insert into lethe.evidence_batches (cycle_id, table_id, phase, rows_done, counts, root, key_version)
    values (cycle_table.cycle_id, cycle_table.table_id, cycle_table.phase, (v_facts ->> 'rows')::bigint,
      v_facts - 'rows' - 'root', v_facts ->> 'root', v_pads.version);
  end if;
  delete from lethe_private.worklist as w
  where w.cycle_id = batch.cycle_id and w.table_id = batch.table_id and w.batch = take_batch.batch.batch;
  update lethe.cycle_tables as t
  set rows_done = t.rows_done + (v_facts ->> 'rows')::bigint, batches = t.batches + 1,
      skipped = lethe_private.add_skipped(t.skipped, t.phase, '55P03', v_locked)
  where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
  return 'swept';
end
$$;

comment on function lethe_private.take_batch(lethe.cycle_tables, lethe.controllers, jsonb, lethe_private.worklist) is
  'Sweeps one batch of the worklist. Returns swept, retry or failed.';

-- Three kinds of failure. Somebody holds a lock: later, from the third time on without the locked
-- rows, and at last without those whose children are locked. The database refuses some row (a constraint, a
-- trigger): the batch is halved until that row stands alone, and the others go on. Anything else: the
-- table cannot be swept as it is.
create or replace function lethe_private.batch_failed(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings lethe.settings;
  v_class text := left(cause ->> 'sqlstate', 2);
begin
  select s.* into v_settings from lethe.settings as s;
  if v_class = '40' or cause ->> 'sqlstate' in ('55P03', '55006') then
    if batch.attempts + 1 >= v_settings.attempts_max then
      return lethe_private.table_failed(cycle_table, cause);
    end if;
    update lethe_private.worklist as w set attempts = w.attempts + 1
    where w.cycle_id = batch.cycle_id and w.table_id = batch.table_id and w.batch = batch_failed.batch.batch;
    return 'retry';
  end if;

  if v_class not in ('21', '22', '23', '27', '44', 'P0') and v_class <> '09' then
    return lethe_private.table_failed(cycle_table, cause);
  end if;
  return lethe_private.halve_batch(cycle_table, batch, cause);
end
$$;

comment on function lethe_private.batch_failed(lethe.cycle_tables, lethe_private.worklist, jsonb) is
  'What to do after an error: try again later (retry), halve the batch (swept), or give the table up (failed).';

create or replace function lethe_private.halve_batch(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_size int := cardinality(batch.tids);
  v_name text := concat_ws(' ', cause ->> 'sqlstate', cause ->> 'constraint');
begin
  if (select s.skipped_rows_max from lethe.settings as s) <= (
    select sum(n.value::bigint) from jsonb_each(cycle_table.skipped) as p cross join jsonb_each_text(p.value) as n)
  then
    return lethe_private.table_failed(cycle_table, cause);
  end if;

  delete from lethe_private.worklist as w
  where w.cycle_id = batch.cycle_id and w.table_id = batch.table_id and w.batch = halve_batch.batch.batch;
  if v_size = 1 then
    update lethe.cycle_tables as t
    set skipped = lethe_private.add_skipped(t.skipped, t.phase, v_name, 1)
    where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
    return 'swept';
  end if;
  insert into lethe_private.worklist (cycle_id, table_id, target, tids, flags, attempts)
  values (batch.cycle_id, batch.table_id, batch.target, batch.tids[:v_size / 2], batch.flags, batch.attempts),
         (batch.cycle_id, batch.table_id, batch.target, batch.tids[v_size / 2 + 1:], batch.flags, batch.attempts);
  return 'swept';
end
$$;

comment on function lethe_private.halve_batch(lethe.cycle_tables, lethe_private.worklist, jsonb) is
  'Takes a batch apart to find the row that cannot be changed, which is skipped once it stands alone; too many of them fail the table.';

create or replace function lethe_private.table_failed(cycle_table lethe.cycle_tables, cause jsonb)
  returns text
  language sql
  volatile
begin atomic
  delete from lethe_private.worklist as w
  where w.cycle_id = cycle_table.cycle_id and w.table_id = cycle_table.table_id;
  update lethe.cycle_tables as t
  set state = 'failed', failure = cause
  where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id
  returning 'failed'::text;
end;

comment on function lethe_private.table_failed(lethe.cycle_tables, jsonb) is
  'Gives a table up for this cycle, with the cause. The next cycle finds its rows again.';

create or replace function lethe_private.next_phase(phase text, program jsonb)
  returns text
  language sql
  immutable
begin atomic
  with phases as (
    select p, n from unnest(array['purge', 'archive', 'columns', 'archived']) with ordinality as x (p, n)
  )
  select p.p
  from phases as p
  where p.n > (select x.n from phases as x where x.p = next_phase.phase) and jsonb_typeof(program -> p.p) = 'object'
  order by p.n
  limit 1;
end;

comment on function lethe_private.next_phase(text, jsonb) is
  'What a table is swept for next: rows to purge, rows to archive, columns, what is in its archive; null after the last.';

-- The worklist is empty. Search, or, where the last pass changed nothing more, go on to the next phase.
create or replace function lethe_private.search_again(cycle_table lethe.cycle_tables, program jsonb)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_statement text := program #>> array[cycle_table.phase, 'discover'];
  v_together boolean;
  v_found bigint := 0;
  v_state text;
begin
  select m.* into strict v_managed from lethe.managed_tables as m where m.id = cycle_table.table_id;

  if cycle_table.phase = 'purge' and cycle_table.pass = 0 then
    v_state := lethe_private.purge_partition(cycle_table, v_managed, program);
    if v_state is not null then
      return v_state;
    end if;
  end if;

  -- The last pass changed nothing: what is left is kept, or goes all at once or not at all. Tried once.
  v_together := cycle_table.pass > 0 and cycle_table.rows_done = cycle_table.done_before_pass and cycle_table.found_in_pass > 0;
  if v_together then
    v_statement := program #>> array[cycle_table.phase, 'together'];
  end if;
  -- A pass that changed each row it had found leaves nothing to a second one. What was written meanwhile
  -- is found by verification, which reads all of it again in any case.
  if v_statement is not null and (cycle_table.pass = 0 or v_together
    or (cycle_table.rows_done > cycle_table.done_before_pass
      and (cycle_table.found_in_pass = 0 or cycle_table.rows_done - cycle_table.done_before_pass < cycle_table.found_in_pass)))
  then
    begin
      v_found := lethe_private.discover(cycle_table, v_managed, v_statement);
    exception when others then
      get stacked diagnostics v_state = returned_sqlstate;
    end;
    if left(v_state, 2) = '40' or v_state = '55P03' then
      update lethe.cycle_tables as t set attempts = t.attempts + 1
      where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
      if cycle_table.attempts + 1 < (select s.attempts_max from lethe.settings as s) then
        return 'retry';
      end if;
    end if;
    if v_state is not null then
      return lethe_private.table_failed(cycle_table, jsonb_build_object('sqlstate', v_state));
    elsif v_found > 0 and v_together then
      update lethe.cycle_tables as t set found_in_pass = 0
      where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
      return 'discovered';
    elsif v_found > 0 and (v_found < cycle_table.found_in_pass or cycle_table.pass < (select s.rounds_max from lethe.settings as s)) then
      return 'discovered';
    end if;
    -- As many rows are due as before although they were changed: something undoes what we do. Verification
    -- will say what is left.
    delete from lethe_private.worklist as w
    where w.cycle_id = cycle_table.cycle_id and w.table_id = cycle_table.table_id;
  end if;

  update lethe.cycle_tables as t
  set phase = coalesce(lethe_private.next_phase(t.phase, program), t.phase),
      state = case when lethe_private.next_phase(t.phase, program) is null then 'swept' else 'sweeping' end,
      pass = 0,
      done_before_pass = t.rows_done
  where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
  return case when lethe_private.next_phase(cycle_table.phase, program) is null then 'done' else 'discovered' end;
end
$$;

comment on function lethe_private.search_again(lethe.cycle_tables, jsonb) is
  'Discovers due rows once more, or ends the phase. Returns discovered, retry, failed or done.';
--! EndIncluded lethe_private/take_batch.sql
--! Included lethe/start_cycle.sql
-- Opens the cycle of a controller's day, or goes on with the one that is open: after a crash the same
-- call continues where the last committed batch ended.
create or replace function lethe.start_cycle(
  controller text,
  local_date date default null,
  alone boolean default false
)
  returns bigint
  language plpgsql
  volatile
  security definer  -- a worker may run cycles but may not read keys or write evidence by itself
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers := lethe_private.get_controller(controller);
  v_today date := lethe_private.today(v_controller.time_zone);
  v_cycle lethe.cycles;
begin
  if local_date > v_today then
    raise exception using errcode = 'LE402',
      message = format('day %s has not begun for controller %s', local_date, controller),
      hint = 'a cycle acts on what is due today; lethe plan --as-of shows what will be';
  end if;
  -- A session that was interrupted still holds it. Taken twice it would have to be given back twice.
  if alone
    and not exists (
      select from pg_locks as l
      where l.pid = pg_backend_pid() and l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and l.objsubid = 1
        and (l.classid::bigint << 32) + l.objid::bigint = lethe_private.lock_id(v_controller.id))
    and not pg_try_advisory_lock(lethe_private.lock_id(v_controller.id))
  then
    raise exception using errcode = 'LE401',
      message = format('a cycle of controller %s is already running', controller),
      hint = 'wait until it has finished; lethe status shows how far it is. A session that was interrupted holds on until it is closed or calls it again';
  end if;

  select c.* into v_cycle from lethe.cycles as c
  where c.controller_id = v_controller.id and c.state = 'open';
  if found then
    return v_cycle.id;
  end if;

  insert into lethe.cycles (controller_id, local_date, covers_since)
  select v_controller.id, coalesce(start_cycle.local_date, v_today),
    least(coalesce(start_cycle.local_date, v_today),
      coalesce((select max(c.local_date) + 1 from lethe.cycles as c
                where c.controller_id = v_controller.id and c.state = 'complete'), coalesce(start_cycle.local_date, v_today)))
  on conflict do nothing
  returning * into v_cycle;
  if v_cycle.id is null then  -- somebody opened it at this very moment
    select c.* into strict v_cycle from lethe.cycles as c
    where c.controller_id = v_controller.id and c.state = 'open';
    return v_cycle.id;
  end if;

  perform lethe_private.compile_cycle(v_cycle, v_controller);
  return v_cycle.id;
end
$$;

comment on function lethe.start_cycle(text, date, boolean) is
  'Opens or resumes the cycle of a controller''s local day (default: today). alone: for this session only. Raises LE101, LE401, LE402.';

create or replace function lethe_private.get_controller(name text)
  returns lethe.controllers
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_controller lethe.controllers;
begin
  select c.* into v_controller from lethe.controllers as c where c.name = get_controller.name;
  if not found then
    raise exception using errcode = 'LE101',
      message = format('controller %s does not exist', coalesce(quote_literal(get_controller.name), '(null)')),
      hint = 'lethe.controllers lists them; lethe.set_controller adds one';
  end if;
  return v_controller;
end
$$;

comment on function lethe_private.get_controller(text) is 'A controller by its name. Raises LE101.';

-- One table that cannot be compiled (dropped, renamed) fails by itself and does not stop the others.
create or replace function lethe_private.compile_cycle(cycle lethe.cycles, controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_table lethe.cycle_tables;
begin
  perform lethe_private.forget_unused(controller);
  insert into lethe.cycle_tables (cycle_id, table_id, table_name)
  select cycle.id, m.id, format('%I.%I', m.schema_name, m.table_name)
  from lethe.managed_tables as m
  where lethe_private.has_controller(m, controller)
    and exists (select from lethe_private.effective_terms(m.id, controller.id))
  order by m.id;
  for v_table in select t.* from lethe.cycle_tables as t where t.cycle_id = cycle.id order by t.table_id loop
    perform lethe_private.program_of(cycle, v_table);
  end loop;
end
$$;

comment on function lethe_private.compile_cycle(lethe.cycles, lethe.controllers) is
  'Lists and compiles the managed tables of a new cycle.';

-- The program of a table, compiled where there is none: at the beginning, and again when the policy, a
-- foreign key or, where rows are archived, a column has changed meanwhile, in which case its search begins anew. Until the transaction ends nobody can change
-- the policy under it. Null: the table has failed.
create or replace function lethe_private.program_of(cycle lethe.cycles, cycle_table lethe.cycle_tables)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_program jsonb;
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_cascades text;
  v_state text;
begin
  select c.program into v_program from lethe_private.compiled as c
  where c.cycle_id = cycle.id and c.table_id = cycle_table.table_id
  for share;
  if found then
    select m.* into v_managed from lethe.managed_tables as m where m.id = cycle_table.table_id;
    v_cascades := coalesce(v_program #>> '{purge,cascades}', v_program #>> '{archive,cascades}');
    if (v_cascades is null or v_cascades = lethe_private.cascade_mark(lethe_private.host_table(v_managed.schema_name, v_managed.table_name)))
      and (v_program ->> 'shape' is null or v_program #>> '{shape,mark}' = lethe_private.shape_mark(v_program #> '{shape,of}'))
    then
      return v_program;
    end if;
    delete from lethe_private.compiled as c where c.cycle_id = cycle.id and c.table_id = cycle_table.table_id;
  end if;

  begin
    select m.* into v_managed from lethe.managed_tables as m where m.id = cycle_table.table_id;
    select c.* into v_controller from lethe.controllers as c where c.id = cycle.controller_id;
    perform lethe_private.assert_intact(v_managed);
    perform lethe_private.ensure_mirrors(v_managed);
    -- Rules that were all taken out meanwhile leave an empty program.
    v_program := coalesce(lethe_private.compile(v_managed, v_controller, cycle.local_date), '{"rules": []}');
    insert into lethe_private.compiled (cycle_id, table_id, program) values (cycle.id, cycle_table.table_id, v_program);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
  end;
  if v_state is not null then
    perform lethe_private.table_failed(cycle_table, jsonb_build_object('sqlstate', v_state));
    return null;
  end if;

  delete from lethe_private.worklist as w where w.cycle_id = cycle.id and w.table_id = cycle_table.table_id;
  update lethe.cycle_tables as t set phase = 'purge', pass = 0, done_before_pass = t.rows_done
  where t.cycle_id = cycle.id and t.table_id = cycle_table.table_id;
  return v_program;
end
$$;

comment on function lethe_private.program_of(lethe.cycles, lethe.cycle_tables) is
  'The compiled statements of one table of a cycle; null when it could not be compiled, which fails the table.';
--! EndIncluded lethe/start_cycle.sql
--! Included lethe/verify_table.sql
-- Reads the data again. What a statement said it did counts for nothing here: a trigger or a rewrite rule
-- may have swallowed it, an application may have written since.
create or replace function lethe.verify_table(cycle_id bigint, table_id int)
  returns boolean
  language plpgsql
  volatile
  security definer  -- writes evidence for a worker
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_cycle lethe.cycles := lethe_private.get_cycle(cycle_id);
  v_table lethe.cycle_tables;
  v_managed lethe.managed_tables;
  v_program jsonb;
  v_look jsonb;
  v_unclocked jsonb;
  v_left bigint;
begin
  select t.* into v_table from lethe.cycle_tables as t
  where t.cycle_id = verify_table.cycle_id and t.table_id = verify_table.table_id for update;
  -- The cycle cannot end, and be sealed, before this has committed.
  select c.* into v_cycle from lethe.cycles as c where c.id = verify_table.cycle_id for share;
  if not found then
    perform lethe_private.absent_table(v_cycle, verify_table.table_id);
  elsif v_cycle.state <> 'open' or v_table.state in ('waiting', 'sweeping', 'verified') then
    return v_table.state = 'verified';
  end if;

  select m.* into v_managed from lethe.managed_tables as m where m.id = v_table.table_id;
  if v_table.state = 'failed' and v_managed.id is null then
    return false;
  end if;
  v_program := lethe_private.program_of(v_cycle, v_table);
  if v_program is null then
    return false;
  elsif v_program -> 'rules' = '[]' then
    update lethe.cycle_tables as t set state = 'verified'
    where t.cycle_id = verify_table.cycle_id and t.table_id = verify_table.table_id and t.state <> 'failed';
    return v_table.state <> 'failed';
  end if;
  begin
    v_look := lethe_private.count_as_sweeper(v_program ->> 'look', v_managed) || lethe_private.look_archived(v_program);
    v_unclocked := lethe_private.count_as_sweeper(v_program ->> 'unclocked', v_managed);
    if v_program ->> 'forget' is not null then
      perform r.facts from lethe_private.run_as_sweeper(v_program ->> 'forget', v_managed) as r;
    end if;
  exception when others then
    v_look := null;
    v_unclocked := null;
    perform lethe_private.table_failed(v_table, jsonb_build_object('sqlstate', sqlstate));
  end;

  perform lethe_private.write_evidence(v_table, v_program, v_look, v_unclocked);
  select sum(e.left_over) into v_left from lethe.evidence as e
  where e.cycle_id = verify_table.cycle_id and e.table_id = verify_table.table_id;

  if v_look is null or v_table.state = 'failed' then
    return false;
  elsif v_left > 0 and v_table.round < (select s.rounds_max from lethe.settings as s)
    and (v_table.round = 1 or v_table.rows_done > v_table.done_before_round)
  then
    -- Written meanwhile, or kept by a child that has left since: once more from the beginning.
    update lethe.cycle_tables as t
    set state = 'waiting', phase = 'purge', pass = 0, round = t.round + 1,
        done_before_round = t.rows_done, done_before_pass = t.rows_done, skipped = '{}'
    where t.cycle_id = verify_table.cycle_id and t.table_id = verify_table.table_id;
    return false;
  end if;
  update lethe.cycle_tables as t
  set state = case when v_left > 0 then 'left over' else 'verified' end
  where t.cycle_id = verify_table.cycle_id and t.table_id = verify_table.table_id;
  return v_left = 0;
end
$$;

comment on function lethe.verify_table(bigint, int) is
  'Re-reads one swept table and writes its evidence. True: nothing due is left. False: it waits to be swept again, is left over, or failed. Raises LE403.';

create or replace function lethe_private.write_evidence(cycle_table lethe.cycle_tables, program jsonb, look jsonb, unclocked jsonb)
  returns void
  language sql
  volatile
begin atomic
  insert into lethe.evidence as e
    (cycle_id, table_name, rule, table_id, due, done, held, kept_by_child, skipped, skipped_why, unclocked, left_over)
  select
    cycle_table.cycle_id, coalesce(r.table_name, cycle_table.table_name), r.rule, cycle_table.table_id,
    greatest(coalesce((cycle_table.found ->> r.flag)::bigint, 0)
      + case r.phase when 'purge' then coalesce((cycle_table.found ->> 'partitions')::bigint, 0) else 0 end, l.left_over) + coalesce((look #>> array[r.flag, 'held'])::bigint, 0),
    coalesce((select sum((b.counts ->> r.flag)::bigint) from lethe.evidence_batches as b
              where b.cycle_id = cycle_table.cycle_id and b.table_id = cycle_table.table_id and b.phase = r.phase), 0),
    coalesce((look #>> array[r.flag, 'held'])::bigint, 0),
    coalesce((look #>> array[r.flag, 'kept'])::bigint, 0),
    least(s.skipped, l.left_over),
    case when least(s.skipped, l.left_over) > 0 then cycle_table.skipped -> r.phase end,
    coalesce((unclocked ->> r.flag)::bigint, 0),
    l.left_over
  from jsonb_to_recordset(program -> 'rules') as r (flag text, rule text, phase text, table_name text)
  cross join lateral (
    select coalesce(sum(n.value::bigint), 0)::bigint as skipped
    from jsonb_each_text(cycle_table.skipped -> r.phase) as n) as s
  cross join lateral (
    select (look #>> array[r.flag, 'due'])::bigint - (look #>> array[r.flag, 'held'])::bigint
      - (look #>> array[r.flag, 'kept'])::bigint as left_over) as l
  on conflict (cycle_id, table_name, rule) do update
  set due = excluded.due, done = excluded.done, held = excluded.held, kept_by_child = excluded.kept_by_child,
      skipped = excluded.skipped, skipped_why = excluded.skipped_why, unclocked = excluded.unclocked, left_over = excluded.left_over;

  -- Rows of other tables that went, or were unlinked, with this table's rows.
  insert into lethe.evidence as e (cycle_id, table_name, rule, table_id, due, done, left_over)
  select cycle_table.cycle_id, c."table", c.rule || ' ' || cycle_table.table_name,
    cycle_table.table_id, sum(c.rows), sum(c.rows), 0
  from lethe.evidence_batches as b
  cross join jsonb_to_recordset(b.counts -> 'children') as c ("table" text, rule text, rows bigint)
  where b.cycle_id = cycle_table.cycle_id and b.table_id = cycle_table.table_id
  group by c."table", c.rule
  having sum(c.rows) > 0
  on conflict (cycle_id, table_name, rule) do update set due = excluded.due, done = excluded.done;
end;

comment on function lethe_private.write_evidence(lethe.cycle_tables, jsonb, jsonb, jsonb) is
  'Puts what was found, done and re-read into lethe.evidence, rule by rule.';
--! EndIncluded lethe/verify_table.sql
--! Included lethe/finish_cycle.sql
create or replace function lethe.finish_cycle(cycle_id bigint)
  returns text
  language plpgsql
  volatile
  security definer  -- closes the cycle for a worker
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_cycle lethe.cycles := lethe_private.get_cycle(cycle_id);
  v_open int;
begin
  -- Waits for verifications under way, which would write evidence after the seal.
  select c.* into v_cycle from lethe.cycles as c where c.id = finish_cycle.cycle_id for no key update;
  if v_cycle.state <> 'open' then
    return v_cycle.state;
  end if;
  select count(*) into v_open from lethe.cycle_tables as t
  where t.cycle_id = finish_cycle.cycle_id and t.state in ('waiting', 'sweeping', 'swept');
  if v_open > 0 then
    return 'open';
  end if;

  update lethe.cycles as c
  set state = case when exists (
        select from lethe.cycle_tables as t
        where t.cycle_id = finish_cycle.cycle_id and t.state <> 'verified') then 'incomplete' else 'complete' end,
      finished_at = clock_timestamp()
  where c.id = finish_cycle.cycle_id
  returning * into v_cycle;
  delete from lethe.partition_purges as p where p.cycle_id = finish_cycle.cycle_id and p.how = 'waiting';
  delete from lethe_private.worklist as w where w.cycle_id = finish_cycle.cycle_id;
  delete from lethe_private.exemptions as e where e.until < v_cycle.local_date - 7;
  delete from lethe_private.compiled as p where p.cycle_id = finish_cycle.cycle_id;
  perform lethe_private.write_receipt(v_cycle);
  perform lethe_private.seal_controller(v_cycle.controller_id);
  return v_cycle.state;
end
$$;

comment on function lethe.finish_cycle(bigint) is
  'Closes a cycle whose tables are all verified, left over or failed: complete or incomplete, with its receipt, and sealed; open while some are not. Raises LE403, LE405.';
--! EndIncluded lethe/finish_cycle.sql
--! Included lethe/run_cycle.sql
-- The daily cycle from psql alone:
--
--   call lethe.run_cycle();             -- every controller the login acts for
--   call lethe.run_cycle('north');
--
-- An invoker's procedure without SET, since COMMIT is refused in a definer's procedure, under a SET
-- clause and inside an open transaction. It commits after each batch, so it can be stopped at any time
-- (Ctrl-C) and called again; it goes on where it stopped. It does all its work through definer functions,
-- and so needs lethe_worker and nothing else.
create or replace procedure lethe.run_cycle(controller text default null, pause_ratio numeric default 0)
  language plpgsql
as $$
declare
  v_controller pg_catalog.text;
  v_cycle bigint;
  v_table record;
  v_step lethe.sweep_progress;
  v_rows bigint;
  v_state pg_catalog.text;
  v_incomplete pg_catalog.text[] := '{}';
begin
  if not pg_catalog.pg_has_role(current_user, 'lethe_worker', 'usage') and not pg_catalog.pg_has_role(current_user, 'lethe_owner', 'usage') then
    raise exception using errcode = 'LE502', message = pg_catalog.format('role %I may not run cycles', current_user),
      hint = pg_catalog.format('grant lethe_worker to %I', current_user);
  end if;

  for v_controller in select c.name from lethe.controllers_to_run(run_cycle.controller) as c loop
    v_cycle := lethe.start_cycle(v_controller, alone => true);
    commit;
    loop
      -- Sweep what is ready until nothing is, children before parents; then read everything again.
      loop
        select t.table_id, t.table_name into v_table from lethe.ready_tables(v_cycle) as t limit 1;
        if v_table.table_id is null then
          select t.table_id, t.table_name into v_table from lethe.unfinished_tables(v_cycle) as t limit 1;
        end if;
        exit when v_table.table_id is null;
        loop
          commit;
          set transaction isolation level read committed;
          v_step := lethe.sweep_step(v_cycle, v_table.table_id);
          commit;
          exit when v_step.state in ('done', 'failed');
          if v_step.state in ('retry', 'busy') then
            perform pg_catalog.pg_sleep(1);
          elsif pause_ratio > 0 then
            perform pg_catalog.pg_sleep(pause_ratio * extract(epoch from v_step.took));
          end if;
        end loop;
        raise notice '%  %: % (% rows)', v_controller, v_table.table_name, v_step.state, coalesce(v_step.rows_done, 0);
      end loop;

      v_rows := lethe.verify_cycle(v_cycle);
      commit;
      exit when v_rows = 0;
    end loop;

    commit;
    set transaction isolation level read committed;
    v_state := lethe.finish_cycle(v_cycle);
    perform lethe.release_controller(v_controller);
    commit;
    raise notice '%: cycle % is %', v_controller, v_cycle, v_state;
    if v_state <> 'complete' then
      v_incomplete := v_incomplete || pg_catalog.format('%s of %s', v_cycle, v_controller);
    end if;
  end loop;

  if pg_catalog.cardinality(v_incomplete) > 0 then
    raise exception using errcode = 'LE404',
      message = pg_catalog.format('cycle %s is incomplete', pg_catalog.array_to_string(v_incomplete, ', ')),
      hint = 'select * from lethe.cycle_tables and lethe.evidence of that cycle: they say which table, and why';
  end if;
end
$$;

comment on procedure lethe.run_cycle(text, numeric) is
  'Runs today''s cycle of one controller, or of all the login acts for, to its end. pause_ratio: pause after each batch, as a multiple of its time. Raises LE101, LE401, LE404 (incomplete), LE502.';
--! EndIncluded lethe/run_cycle.sql
--! Included lethe/plan.sql
-- What a cycle would do on a day, counted from the data, touching nothing. Any day, also one to come.
create or replace function lethe.plan(as_of date default null, controller_name text default null)
  returns table (
    controller     text,
    table_name     text,
    rule           text,
    due            bigint,
    held           bigint,
    kept_by_child  bigint,
    unclocked      bigint
  )
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers;
  v_managed lethe.managed_tables;
begin
  for v_controller in
    select c.* from lethe.controllers as c
    join lethe.controllers_to_run(plan.controller_name) as r on r.name = c.name
    where lethe_private.acts_for(c.id) or lethe_private.is_worker()
    order by c.name
  loop
    for v_managed in
      select m.* from lethe.managed_tables as m
      where lethe_private.has_controller(m, v_controller)
        and exists (select from lethe_private.effective_terms(m.id, v_controller.id))
      order by m.schema_name, m.table_name
    loop
      return query select v_controller.name, p.*
      from lethe_private.plan_table(v_managed, v_controller, coalesce(as_of, lethe_private.today(v_controller.time_zone))) as p;
    end loop;
  end loop;
end
$$;

comment on function lethe.plan(date, text) is
  'Rows due, held, kept by a child and unclocked, per controller, table and rule; "rows" counts the rows that would change; rows of other tables that would go or be unlinked with them stand on lines of their own. as_of: a local day, default today. Raises LE101 to LE103, LE501, LE503.';

create or replace function lethe_private.plan_table(managed lethe.managed_tables, controller lethe.controllers, today date)
  returns table (table_name text, rule text, due bigint, held bigint, kept_by_child bigint, unclocked bigint)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_program jsonb;
  v_look jsonb;
  v_archived jsonb;
  v_unclocked jsonb;
  v_children jsonb;
  v_name text := format('%I.%I', managed.schema_name, managed.table_name);
begin
  perform lethe_private.assert_intact(managed);
  v_program := lethe_private.compile(managed, controller, today);
  begin
    v_look := lethe_private.count_as_sweeper(v_program ->> 'look', managed);
    v_archived := lethe_private.look_archived(v_program);
    v_unclocked := lethe_private.count_as_sweeper(v_program ->> 'unclocked', managed);
    select jsonb_agg(c || jsonb_build_object('rows', lethe_private.count_as_sweeper(c ->> 'statement', managed))) into v_children
    from (select jsonb_array_elements(v_program #> array[p, 'children']) from unnest(array['purge', 'archive']) as p) as x (c);
  exception when insufficient_privilege then
    if exists (select from lethe.missing_rights() as r where r.need ~ 'row security') then
      raise exception using errcode = 'LE503',
        message = format('row security would hide rows of %I.%I, or of a table that refers to it, from the engine', managed.schema_name, managed.table_name),
        hint = 'alter role lethe_sweeper bypassrls';
    end if;
    raise exception using errcode = 'LE501',
      message = format('lethe_sweeper may not read %I.%I or a table that refers to it', managed.schema_name, managed.table_name),
      hint = 'select remedy from lethe.missing_rights(), or lethe doctor, shows the grants it needs';
  end;
  return query
    select v_name, r.rule, (v_look #>> array[r.flag, 'due'])::bigint, (v_look #>> array[r.flag, 'held'])::bigint,
      (v_look #>> array[r.flag, 'kept'])::bigint, (v_unclocked ->> r.flag)::bigint
    from jsonb_to_recordset(v_program -> 'rules') as r (flag text, rule text, phase text)
    where r.phase <> 'archived'
    union all
    select v_name, 'rows', (v_look ->> 'rows')::bigint, null, null, null
    union all
    select r.table_name, r.rule, (v_archived #>> array[r.flag, 'due'])::bigint, (v_archived #>> array[r.flag, 'held'])::bigint, 0, null
    from jsonb_to_recordset(v_program -> 'rules') as r (flag text, rule text, phase text, table_name text)
    where r.phase = 'archived'
    union all
    select v_name || ' (archive)', 'rows', (v_archived ->> 'rows')::bigint, null, null, null
    where v_archived ->> 'rows' is not null
    union all
    select c."table", c.rule || ' ' || v_name, sum(c.rows)::bigint, null, null, null
    from jsonb_to_recordset(v_children) as c ("table" text, rule text, rows bigint)
    group by c."table", c.rule
    having sum(c.rows) > 0;
end
$$;

comment on function lethe_private.plan_table(lethe.managed_tables, lethe.controllers, date) is 'The plan of one table. Raises LE102, LE103, LE501, LE503.';
--! EndIncluded lethe/plan.sql
--! Included lethe/preview.sql
create or replace function lethe.preview("table" text, controller_name text default null)
  returns table (controller text, step text, statement text)
  language plpgsql
  volatile  -- asks which partitions would go
  security definer  -- reads the policy; shows statements, which hold no key
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers;
  v_program jsonb;
begin
  perform lethe_private.assert_intact(v_managed);
  for v_controller in
    select c.* from lethe.controllers as c
    join lethe.controllers_to_run(preview.controller_name) as r on r.name = c.name
    where lethe_private.has_controller(v_managed, c)
      and (lethe_private.acts_for(c.id) or lethe_private.is_worker())
    order by c.name
  loop
    v_program := lethe_private.compile(v_managed, v_controller, lethe_private.today(v_controller.time_zone));
    return query
      select v_controller.name, p.step, p.statement from lethe_private.preview_partitions(v_managed, v_program) as p;
    return query
      select v_controller.name, s.step, lethe_private.place(s.statement,
        lethe_private.host_table(v_managed.schema_name, v_managed.table_name), lethe_private.host_table(v_managed.schema_name, v_managed.table_name))
      from (
        select p.n + s.n::numeric as n, format('%s: %s', p.phase, s.step) as step, s.statement
        from (values (0, 'purge'), (150, 'archive')) as p (n, phase)
        cross join lateral (
          select n, k, v_program #>> array[p.phase, k] from unnest(array['discover', 'lock', 'pick']) with ordinality as x (k, n)
          union all
          select 10 + n, concat_ws(' ', b ->> 'rule', b ->> 'table_name'), coalesce(b ->> 'statement', '-- by the foreign key''s own ON DELETE CASCADE')
          from jsonb_array_elements(v_program #> array[p.phase, 'before']) with ordinality as x (b, n)
          union all
          select 100, 'delete', v_program #>> array[p.phase, 'delete']
        ) as s (n, step, statement)
        union all
        select 300 + n, 'columns: ' || k, v_program #>> array['columns', k] from unnest(array['discover', 'lock', 'act']) with ordinality as x (k, n)
        union all
        select 350, 'columns: act where all rules are due', lethe_private.act_on_all_sql(v_program #>> '{columns,act_on_all,own_rows}',
          array(select jsonb_populate_record(null::lethe_private.action_parts, e)
                from jsonb_array_elements(v_program #> '{columns,act_on_all,actions}') as e), v_program #>> '{columns,act_on_all,key}')
        where jsonb_typeof(v_program #> '{columns,act_on_all}') = 'object'
        union all
        select 400 + 10 * row_number() over (order by m.value ->> 'name') + s.n, format('archived: %s of %s', s.step, m.value ->> 'name'),
          lethe_private.fill(m.value ->> s.step, jsonb_build_object('from', format('lethe_archive.%I', m.value ->> 'name'), 'here', ''))
        from jsonb_each(nullif(v_program #> '{archived,mirrors}', 'null')) as m
        cross join (values (1, 'purge'), (2, 'emptied'), (3, 'columns'), (4, 'look')) as s (n, step)
        union all
        select 900, 'verify', v_program ->> 'look'
        union all
        select 901, 'verify: unclocked', v_program ->> 'unclocked'
      ) as s
      where s.statement is not null
      order by s.n;
  end loop;
end
$$;

comment on function lethe.preview(text, text) is
  'The exact statements a cycle would run on a table today. $1: addresses of a batch; $2, $3: the controller''s key. Raises LE101 to LE103.';
--! EndIncluded lethe/preview.sql
--! Included lethe_private/restore_record.sql
-- Puts the record that this transaction has named back to where it came from: whole, or not at all. The rows go
-- in as lethe_sweeper, through the doors of the archive, under the table's triggers and constraints; then they are
-- read again, since a trigger may have changed or swallowed them.
create or replace function lethe_private.restore_record(opening lethe.archive_openings)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror record;
  v_managed lethe.managed_tables;
  v_wanted bigint;
  v_facts jsonb;
  v_state text; v_constraint text; v_table text;
begin
  for v_mirror in select * from lethe_private.mirrors_of_record() loop
    select t.* into v_managed from lethe.managed_tables as t where t.id = v_mirror.table_id;
    execute format('select count(*) from lethe_private.%I', 'door_' || v_mirror.name) into v_wanted;
    continue when v_wanted = 0;
    perform lethe_private.assert_intact(v_managed);
    perform lethe_private.assert_columns_there(v_managed, v_mirror.id, v_mirror.name);
    begin
      select r.facts into v_facts from lethe_private.run_as_sweeper(lethe_private.put_back_sql(v_managed, v_mirror.id, v_mirror.name, v_mirror.kind), v_managed) as r;
      select r.facts into v_facts from lethe_private.run_as_sweeper(lethe_private.compare_sql(v_managed, v_mirror.id, v_mirror.name), v_managed) as r;
    exception
      when insufficient_privilege then
        raise exception using errcode = 'LE501',
          message = format('lethe_sweeper may not put rows back into %s', v_mirror.table_name),
          hint = format('grant insert, update on %I.%I to lethe_sweeper, for as long as it takes', v_managed.schema_name, v_managed.table_name);
      when query_canceled then
        raise exception using errcode = 'query_canceled', message = 'canceled while a record was put back; nothing was',
          hint = 'open it again';
      when others or assert_failure then
        get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_table = table_name;
        raise exception using errcode = 'LE902',
          message = format('the record cannot be put back into %s: %s', v_mirror.table_name,
            concat_ws(' ', v_state, nullif(v_constraint, ''), 'on ' || nullif(v_table, ''))),
          hint = 'nothing was put back; see to what the constraint asks for (a row it refers to, a value that is taken), or read the record instead';
    end;
    if (v_facts ->> 'rows')::bigint <> v_wanted then
      raise exception using errcode = 'LE902',
        message = format('%s of %s rows of the record would not come back to %s as they were', v_wanted - (v_facts ->> 'rows')::bigint, v_wanted, v_mirror.table_name),
        hint = 'nothing was put back; a trigger changes or swallows them, a column has taken another type, or the row has changed since its values were archived';
    end if;
    execute format($sql$insert into lethe_private.exemptions (opening_id, table_id, key, until)
      select distinct $1, $2, m."lethe$key", $3 from lethe_private.%I as m on conflict do nothing$sql$, 'door_' || v_mirror.name)
      using opening.id, v_mirror.table_id, opening.exempt_until;
    -- The events that dated the row have gone; its clock comes back with it.
    execute format($sql$insert into lethe_private.last_events as l (parent_table_id, parent_key, controller_id, entry, last_day)
      select $1, m."lethe$key", m."lethe$controller", e.key, max(e.value::date)
      from lethe_private.%I as m cross join jsonb_each_text(m."lethe$clocks") as e
      where e.value <> 'infinity'
      group by m."lethe$key", m."lethe$controller", e.key
      on conflict (parent_table_id, parent_key, controller_id, entry) do update set last_day = greatest(l.last_day, excluded.last_day)$sql$,
      'door_' || v_mirror.name) using v_mirror.table_id;
  end loop;

  for v_mirror in select * from lethe_private.mirrors_of_record() loop
    execute format('delete from lethe_archive.%I as m using lethe_private.restoring as r where r.xact = pg_current_xact_id() and '
      'm."lethe$root_table" = r.root_table_id and m."lethe$root" = r.root and m."lethe$archived_at" = r.archived_at', v_mirror.name);
  end loop;
end
$$;

comment on function lethe_private.restore_record(lethe.archive_openings) is
  'Puts the named record back and leaves it alone until the opening''s day. Raises LE501, LE902.';

-- What is archived in a column that is no longer there could not come back.
create or replace function lethe_private.assert_columns_there(managed lethe.managed_tables, mirror_id int, mirror_name text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_column text;
  v_lost boolean;
begin
  for v_column in
    select c.column_name from lethe_private.mirror_columns as c
    where c.mirror_id = assert_columns_there.mirror_id
      and not exists (
        select from lethe_private.host_columns as h
        where h.relation = lethe_private.host_table(managed.schema_name, managed.table_name) and h.name = c.column_name)
  loop
    execute format('select exists (select from lethe_private.%I as m where m.%I is not null)', 'door_' || mirror_name, v_column) into v_lost;
    if v_lost then
      raise exception using errcode = 'LE902',
        message = format('the record has a value of column %I, which %I.%I no longer has', v_column, managed.schema_name, managed.table_name),
        hint = 'nothing was put back; add the column again, or read the record instead';
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_columns_there(lethe.managed_tables, int, text) is
  'Raises LE902 when the record has values that its table can no longer hold.';

-- The columns of a mirror that its table has: cast to the type the table has now, without its length, so that
-- what does not fit is refused by the assignment and not cut.
create or replace function lethe_private.restorable(managed lethe.managed_tables, mirror_id int)
  returns table (name text, expression text, is_generated boolean, holds_value boolean, is_key boolean, number int2)
  language sql
  stable
begin atomic
  select h.name, case when c.mirror_type = h.base_type then format('d.%I', h.name) else format('d.%I::%s', h.name, h.base_type) end,
    h.is_generated, c.holds_value, h.name = any (managed.key_columns), h.position
  from lethe_private.mirror_columns as c
  join lethe_private.host_columns as h on h.relation = lethe_private.host_table(managed.schema_name, managed.table_name) and h.name = c.column_name
  where c.mirror_id = restorable.mirror_id;
end;

comment on function lethe_private.restorable(lethe.managed_tables, int) is 'What can go back from a mirror to its table, column by column.';

create or replace function lethe_private.is_masked_sql(managed lethe.managed_tables, column_name text)
  returns text
  language sql
  stable
begin atomic
  select concat_ws(' or ', format('c.%I is null', is_masked_sql.column_name), (
    select lethe_private.method_sql(m.recogniser, 'c', h, m, t.parameters)
    from lethe.rules as r
    join lethe.terms as t on t.rule_id = r.id
    join lethe.methods as m on m.name = t.method
    join lethe_private.host_columns as h
      on h.relation = lethe_private.host_table(managed.schema_name, managed.table_name) and h.name = r.column_name
    where r.table_id = managed.id and r.column_name = is_masked_sql.column_name and r.action = 'archive'
    limit 1));
end;

comment on function lethe_private.is_masked_sql(lethe.managed_tables, text) is
  'True when a live value is what archiving left in its place.';

create or replace function lethe_private.put_back_sql(managed lethe.managed_tables, mirror_id int, mirror_name text, kind text)
  returns text
  language sql
  stable
begin atomic
  select case kind
    when 'rows' then format(
      'with put as (insert into %1$I.%2$I (%3$s) overriding system value select %4$s from lethe_private.%5$I as d returning 1) '
      'select jsonb_build_object(''rows'', count(*)), null::oid, null::tid[] from put',
      managed.schema_name, managed.table_name,
      string_agg(format('%I', r.name), ', ' order by r.number) filter (where not r.is_generated),
      string_agg(r.expression, ', ' order by r.number) filter (where not r.is_generated),
      'door_' || mirror_name)
    -- Only into a row that is still the one they were taken from, and where nothing newer stands.
    else format(
      'with put as (update %1$I.%2$I as c set %3$s from lethe_private.%4$I as d where %5$s%6$s returning 1) '
      'select jsonb_build_object(''rows'', count(*)), null::oid, null::tid[] from put',
      managed.schema_name, managed.table_name,
      string_agg(format('%1$I = case when %2$s then coalesce(%3$s, c.%1$I) else c.%1$I end', r.name,
        lethe_private.is_masked_sql(managed, r.name), r.expression), ', ') filter (where r.holds_value),
      'door_' || mirror_name,
      string_agg(format('c.%I = %s', r.name, r.expression), ' and ') filter (where r.is_key),
      coalesce(string_agg(format(' and c.%I::text is not distinct from (%s)::text', r.name, r.expression), '')
        filter (where not r.holds_value and not r.is_key), ''))
  end
  from lethe_private.restorable(managed, put_back_sql.mirror_id) as r;
end;

comment on function lethe_private.put_back_sql(lethe.managed_tables, int, text, text) is
  'The statement that puts a record''s rows, or its archived values, back.';

-- Counts the rows of the record that are in their table as they are in the archive. As text: json and others
-- have no equality.
create or replace function lethe_private.compare_sql(managed lethe.managed_tables, mirror_id int, mirror_name text)
  returns text
  language sql
  stable
begin atomic
  select format('select jsonb_build_object(''rows'', count(*)), null::oid, null::tid[] from lethe_private.%I as d where exists (select from %I.%I as c where %s%s)',
    'door_' || mirror_name, managed.schema_name, managed.table_name,
    string_agg(format('c.%I = %s', r.name, r.expression), ' and ') filter (where r.is_key),
    coalesce(string_agg(format(case when m.kind = 'values' then ' and (d.%2$I is null or c.%2$I::text = (%1$s)::text)'
      else ' and c.%2$I::text is not distinct from (%1$s)::text' end, r.expression, r.name), '')
      filter (where not r.is_key and not r.is_generated and r.holds_value), ''))
  from lethe_private.restorable(managed, compare_sql.mirror_id) as r
  cross join (select x.kind from lethe_private.mirrors as x where x.id = compare_sql.mirror_id) as m
  group by m.kind;
end;

comment on function lethe_private.compare_sql(lethe.managed_tables, int, text) is
  'Counts how many rows of the record have come back as they were.';
--! EndIncluded lethe_private/restore_record.sql
--! Included lethe/open_archive.sql
-- The only way into the archive: for an officer, with a reason, recorded. A record is a row that was archived
-- with all that was archived along with it, and the values archived of it.
--
--   select * from lethe.open_archive('tax audit 2026', 'shop.invoices', '4711');
--   select * from lethe.open_archive('archived by mistake', 'shop.invoices', '4711', restore => true, exempt_until => '2027-03-31');
create or replace function lethe.open_archive(
  reason text,
  "table" text,
  key text,
  restore boolean default false,
  exempt_until date default null,
  archived_at timestamptz default null
)
  returns table (table_name text, row_key text, moved_at timestamptz, content jsonb)
  language plpgsql
  volatile
  security definer  -- nobody but the engine reads the archive
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers;
  v_opening lethe.archive_openings;
  v_rows jsonb;
begin
  if coalesce(open_archive.reason, '') !~ '\S' then
    raise exception using errcode = 'LE901',
      message = format('no reason is given for opening the archive of %s', lethe_private.plain_name(v_managed)),
      hint = 'say why; the reason is recorded';
  end if;
  perform lethe_private.follow_renames(f, lethe_private.host_table(f.schema_name, f.table_name)) from lethe_private.archived_family(v_managed) as f;
  v_controller := lethe_private.find_record(v_managed, open_archive.key, open_archive.archived_at, restore);
  v_rows := lethe_private.read_record();

  insert into lethe.archive_openings (controller_id, table_name, key_hash, key_version, reason, restored, exempt_until, rows_opened)
  select v_controller.id, lethe_private.plain_name(v_managed), encode(lethe.keyed_hash(open_archive.key, k.inner_pad, k.outer_pad), 'hex'), k.version,
    open_archive.reason, restore, case when restore then lethe_private.assert_exemption(v_controller, open_archive.exempt_until) end,
    (select jsonb_object_agg(c.name, c.rows) from (
      select r ->> 'table_name' as name, count(*) as rows from jsonb_array_elements(v_rows) as r group by 1) as c)
  from lethe_private.controller_keys as k
  where k.controller_id = v_controller.id
  order by k.version desc
  limit 1
  returning * into v_opening;
  -- A transaction that is rolled back takes its record along; the server's log does not.
  raise log 'lethe: the archive of % was opened by %, key hash %', v_opening.table_name, session_user, v_opening.key_hash;
  if restore then
    perform lethe_private.restore_record(v_opening);
  end if;
  delete from lethe_private.restoring as r where r.xact = pg_current_xact_id();
  return query
    select r ->> 'table_name', r ->> 'key', (r ->> 'archived_at')::timestamptz, r -> 'content'
    from jsonb_array_elements(v_rows) with ordinality as x (r, n)
    order by x.n;
end
$$;

comment on function lethe.open_archive(text, text, text, boolean, date, timestamptz) is
  'Shows one archived record, or puts it back whole and leaves it alone until a day (default: 30 days on). Recorded in lethe.archive_openings. Raises LE102, LE501, LE502, LE901, LE902, LE904.';

-- Names the record in lethe_private.restoring, so that all that follows speaks of this one, and locks it.
create or replace function lethe_private.find_record(managed lethe.managed_tables, key text, archived_at timestamptz, only_one boolean)
  returns lethe.controllers
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_records int;
  v_controllers int[];
  v_found int[];
  v_times timestamptz[];
  v_all_times timestamptz[];
begin
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id order by m.kind, m.id loop
    execute format($sql$
      with found as (
        select m."lethe$archived_at" as at, m."lethe$controller" as controller_id
        from lethe_archive.%I as m
        where m."lethe$root_table" = $1 and m."lethe$root" = $2 and ($3 is null or m."lethe$archived_at" = $3)
        %s
      ), named as (
        insert into lethe_private.restoring (root_table_id, root, archived_at)
        select distinct $1, $2, f.at from found as f where lethe_private.acts_for(f.controller_id)
        on conflict do nothing
      )
      select array_agg(distinct f.controller_id), array_agg(distinct f.at) filter (where lethe_private.acts_for(f.controller_id)) from found as f$sql$,
      v_mirror.name, case when only_one then 'for update' else '' end)
      into v_found, v_times using managed.id, key, archived_at;
    v_controllers := v_controllers || v_found;
    v_all_times := v_all_times || v_times;
  end loop;
  select count(distinct t) into v_records from unnest(v_all_times) as t;
  if v_controllers is null then
    raise exception using errcode = 'LE901',
      message = format('no record of %s with this key is in the archive', lethe_private.plain_name(managed)),
      hint = 'the key is written as one text; a key of several columns as a JSON array: ["a", 1]';
  elsif only_one and v_records > 1 then
    raise exception using errcode = 'LE901',
      message = format('%s records or values of %s with this key are in the archive, of different times', v_records, lethe_private.plain_name(managed)),
      hint = 'open it without restoring, and name the one: archived_at => …';
  end if;
  if v_records = 0 then
    perform lethe_private.assert_may_change(v_controllers[1]);
  end if;
  return (select c from lethe.controllers as c where c.id = any (v_controllers) and lethe_private.acts_for(c.id) order by c.id limit 1);
end
$$;

comment on function lethe_private.find_record(lethe.managed_tables, text, timestamptz, boolean) is
  'Finds and locks what is archived under a key; returns whose it is. Raises LE502 (another controller''s), LE901.';

create or replace function lethe_private.read_record()
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror record;
  v_rows jsonb;
  v_all jsonb := '[]';
begin
  for v_mirror in select * from lethe_private.mirrors_of_record() loop
    execute format($sql$
      select jsonb_agg(jsonb_build_object('table_name', %L, 'key', m."lethe$key", 'archived_at', m."lethe$archived_at",
        'content', to_jsonb(m) - array['lethe$key', 'lethe$root', 'lethe$root_table', 'lethe$archived_at', 'lethe$controller', 'lethe$clocks'])
        order by m."lethe$archived_at", m."lethe$key")
      from lethe_private.%I as m$sql$, v_mirror.table_name || case v_mirror.kind when 'values' then ' (values)' else '' end, 'door_' || v_mirror.name)
      into v_rows;
    v_all := v_all || coalesce(v_rows, '[]');
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.read_record() is 'All rows of the record that this transaction has named.';

-- Parents before their children, single values last.
create or replace function lethe_private.mirrors_of_record()
  returns table (id int, name text, kind text, table_id int, table_name text)
  language sql
  stable
begin atomic
  with recursive family as (
    select r.root_table_id as id, 0 as depth
    from lethe_private.restoring as r
    where r.xact = pg_current_xact_id()
    union
    select l.table_id, f.depth + 1
    from family as f
    join lethe.links as l on l.to_table_id = f.id and l.on_purge = 'with parent'
    where f.depth < 50
  )
  select m.id, m.name, m.kind, t.id, lethe_private.plain_name(t)
  from lethe_private.mirrors as m
  join lethe.managed_tables as t on t.id = m.table_id
  where m.id in (select x.mirror_id from lethe_private.mirror_roots as x
                 join lethe_private.restoring as r on r.root_table_id = x.root_table_id and r.xact = pg_current_xact_id())
     or m.kind = 'values' and m.table_id in (select r.root_table_id from lethe_private.restoring as r where r.xact = pg_current_xact_id())
  order by m.kind, coalesce((select max(f.depth) from family as f where f.id = m.table_id), 100), m.id;
end;

comment on function lethe_private.mirrors_of_record() is 'The mirrors that may hold rows of the record that this transaction has named.';

create or replace function lethe_private.assert_exemption(controller lethe.controllers, until date)
  returns date
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_today date := lethe_private.today(controller.time_zone);
begin
  if until < v_today or until > v_today + 366 then
    raise exception using errcode = 'LE904',
      message = format('a record put back cannot be left alone until %s', until),
      hint = 'name a day within a year from today; from the day after it, the rules reach the record again';
  end if;
  return coalesce(until, v_today + 30);
end
$$;

comment on function lethe_private.assert_exemption(lethe.controllers, date) is
  'Until when a record that is put back is left alone; 30 days where nothing is said. Raises LE904.';
--! EndIncluded lethe/open_archive.sql
--! Included lethe/archive_contents.sql
create or replace function lethe.archive_contents()
  returns table (controller text, table_name text, content text, rows bigint, first_moved_at timestamptz, last_moved_at timestamptz)
  language plpgsql
  volatile
  security definer  -- counts what nobody may read
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_mirror record;
begin
  for v_mirror in
    select m.name, m.kind, t.schema_name, t.table_name
    from lethe_private.mirrors as m
    join lethe.managed_tables as t on t.id = m.table_id
    order by t.schema_name, t.table_name, m.kind, m.id
  loop
    return query execute format($sql$
      select c.name, %L::text, %L::text, count(*), min(m."lethe$archived_at"), max(m."lethe$archived_at")
      from lethe_archive.%I as m
      join lethe.controllers as c on c.id = m."lethe$controller"
      where lethe_private.acts_for(c.id)
      group by c.name$sql$,
      format('%I.%I', v_mirror.schema_name, v_mirror.table_name), v_mirror.kind, v_mirror.name);
  end loop;
end
$$;

comment on function lethe.archive_contents() is
  'How many rows and values of each table are in the archive, for the controllers the login acts for. Counts alone.';
--! EndIncluded lethe/archive_contents.sql
--! Included lethe_private/missing_for_partitions.sql
-- To drop or detach a partition takes its owner's rights, its parent's and its subpartitions'; to look at it, the
-- right to read it by itself. A superuser's role is never asked for: whoever has it can do anything.
create or replace function lethe_private.missing_for_partitions()
  returns table (object text, need text, remedy text)
  language sql
  stable
begin atomic
  with tree as (
    select lethe_private.host_table(m.schema_name, m.table_name) as root, x.relid::oid as oid
    from lethe.managed_tables as m
    cross join lateral pg_partition_tree(lethe_private.host_table(m.schema_name, m.table_name)::regclass) as x
    where m.partitions <> 'delete'
      and exists (select from lethe.rules as r where r.table_id = m.id and r.column_name is null and r.action = 'purge')
  ), related as (
    select t.root, c.oid, c.relowner, c.relnamespace, o.rolname, o.rolsuper
    from tree as t
    join pg_class as c on c.oid = t.oid and c.relkind in ('r', 'p')
    join pg_roles as o on o.oid = c.relowner
  )
  select distinct lethe_private.host_name(r.root), format('lethe_dropper: the rights of owner %I', r.rolname),
    case when r.rolsuper then '-- ' || replace(format('%I is a superuser, whose rights Lethe must not have: give %s and its partitions another owner',
        r.rolname, lethe_private.host_name(r.root)), E'\n', ' ')
      else format('grant %I to lethe_dropper%s', r.rolname,
        case when current_setting('server_version_num')::int >= 160000 then ' with inherit true, set false' else '' end) end
  from related as r
  where not pg_has_role('lethe_dropper', r.relowner, 'usage')
  union all
  select distinct format('schema %I', n.nspname), 'lethe_dropper: usage', format('grant usage on schema %I to lethe_dropper', n.nspname)
  from related as r
  join pg_namespace as n on n.oid = r.relnamespace
  where not has_schema_privilege('lethe_dropper', n.oid, 'usage')
    and not has_schema_privilege(r.relowner, n.oid, 'usage')
  union all
  select lethe_private.host_name(r.oid), 'lethe_sweeper: select', format('grant select on %s to lethe_sweeper', lethe_private.host_name(r.oid))
  from related as r
  where r.oid <> r.root and r.oid in (select w.partition from lethe_private.whole_partitions(r.root) as w)
    and not has_table_privilege('lethe_sweeper', r.oid, 'select');
end;

comment on function lethe_private.missing_for_partitions() is
  'Rights that it takes to purge whole partitions, where the policy says so, and that are missing.';
--! EndIncluded lethe_private/missing_for_partitions.sql
--! Included lethe/missing_rights.sql
-- What the engine needs on the host's tables and does not have. Lethe grants nothing to itself: who owns
-- the tables runs the remedies, from psql with \gexec, or by lethe policy apply --grant.
create or replace function lethe.missing_rights()
  returns table (object text, need text, remedy text)
  language sql
  stable
  security definer
  set jit = off
begin atomic
  with managed as (
    select m.id, lethe_private.host_table(m.schema_name, m.table_name) as oid, m.controller_column, m.key_columns
    from lethe.managed_tables as m
  ), child as (
    -- What refers to a table whose rows are purged is looked up, whether managed or not.
    select r.child as oid, r.on_purge,
      -- What is archived with its parent is deleted by name, and not left to a cascade.
      r.cascades and not exists (
        select from lethe.rules as u
        join lethe.managed_tables as x on x.id = u.table_id
        cross join lateral lethe_private.archived_family(x) as f
        where u.column_name is null and u.action = 'archive' and f.id = r.managed_id) as cascades,
      r.child_columns
    from managed as m
    cross join lateral lethe_private.references_to(m.oid) as r
    where exists (select from lethe.rules as u where u.table_id = m.id and u.column_name is null)
       or exists (select from lethe.links as l where l.table_id = m.id and l.on_purge = 'with parent')
  ), needed as (
    select m.oid, 'select' as privilege, null::text as column_name from managed as m
    union select c.oid, 'select', null from child as c
    union select c.oid, 'delete', null from child as c where c.on_purge = 'with parent' and not c.cascades
    -- FOR UPDATE takes the right to update one column; a table that nothing refers to is not locked.
    union select c.oid, 'update', c.child_columns[1] from child as c where c.on_purge = 'with parent' and exists (select from lethe_private.references_to(c.oid))
    union select c.oid, 'update', x from child as c cross join unnest(c.child_columns) as x where c.on_purge = 'unlink'
    union select m.oid, 'update', r.column_name from managed as m join lethe.rules as r on r.table_id = m.id and r.column_name is not null
    union
    select m.oid, 'delete', null
    from managed as m join lethe.rules as r on r.table_id = m.id and r.column_name is null
    union
    select m.oid, 'update', m.key_columns[1]
    from managed as m join lethe.rules as r on r.table_id = m.id and r.column_name is null
    where exists (select from lethe_private.references_to(m.oid))
      and not exists (select from lethe.rules as u where u.table_id = m.id and u.column_name is not null)
  ), missing as (
    select n.*, n.oid is not null and (
      case when n.column_name is null then has_table_privilege('lethe_sweeper', n.oid, n.privilege)
      else exists (select from lethe_private.host_columns as h
                   where h.relation = n.oid and h.name = n.column_name and has_column_privilege('lethe_sweeper', n.oid, h.position, 'update')) end) as granted
    from needed as n
  )
  select format('schema %I', s.nspname), 'lethe_sweeper: usage', format('grant usage on schema %I to lethe_sweeper', s.nspname)
  from (select distinct n.nspname, n.oid
        from needed as d join pg_class as c on c.oid = d.oid join pg_namespace as n on n.oid = c.relnamespace
        union
        -- A statement names the types of what it writes and compares; those may live elsewhere.
        select n.nspname, n.oid
        from managed as m
        join lethe_private.host_columns as h on h.relation = m.oid
        join pg_namespace as n on n.nspname in (h.declared_type_schema, h.type_schema)
        where n.nspname <> 'pg_catalog'
          and (h.name = m.controller_column
            or exists (select from lethe.rules as r where r.table_id = m.id and r.column_name = h.name and r.action = 'anonymize')
            or exists (select from lethe.rules as r join lethe.terms as t on t.rule_id = r.id
                       where r.table_id = m.id and strpos(t.condition, quote_ident(n.nspname) || '.') > 0))) as s
  where not has_schema_privilege('lethe_sweeper', s.oid, 'usage')
  union all
  select lethe_private.host_name(m.oid), 'lethe_sweeper: ' || string_agg(distinct m.privilege, ', '),
    format('grant %s on %s to lethe_sweeper',
      string_agg(distinct case when m.column_name is null then m.privilege
        else format('update (%s)', (select string_agg(quote_ident(x.column_name), ', ') from missing as x
                                    where x.oid = m.oid and x.column_name is not null and not x.granted)) end, ', '),
      lethe_private.host_name(m.oid))
  from missing as m
  where m.oid is not null and not m.granted
  group by m.oid
  union all
  select distinct lethe_private.host_name(c.oid), 'lethe_sweeper: not filtered by row security',
    'alter role lethe_sweeper bypassrls'
  from needed as n
  join pg_class as c on c.oid = n.oid
  where c.relrowsecurity
    and not (select r.rolbypassrls or r.rolsuper from pg_roles as r where r.rolname = 'lethe_sweeper')
  union all
  select p.object, p.need, p.remedy from lethe_private.missing_for_partitions() as p
  union all
  select 'pg_stat_replication', 'lethe_owner: see the lag of replicas', 'grant pg_read_all_stats to lethe_owner'
  from lethe.settings as s
  where s.replica_lag_max is not null and not pg_has_role('lethe_owner', 'pg_read_all_stats', 'usage')
  union all
  select 'database', 'lethe_owner: temporary tables, to read predicates', format('grant temporary on database %I to lethe_owner', current_database())
  where not has_database_privilege('lethe_owner', current_database(), 'temporary');
end;

comment on function lethe.missing_rights() is
  'Rights that the policy needs on the host''s objects and that are missing, each with the statement that grants it.';
--! EndIncluded lethe/missing_rights.sql
--! Included lethe/suggested_indexes.sql
-- The index that makes a daily cycle cost what is due and not what is stored: the clock of the rows that
-- are not masked yet. One a table, for its rules on columns; a row purge wants a plain index on its clock.
create or replace function lethe.suggested_indexes("table" text)
  returns table (statement text)
  language plpgsql
  stable
  security definer  -- reads the policy
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_oid oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_controller lethe.controllers;
  v_alias text := 'lethe_index';
begin
  select c.* into v_controller from lethe.controllers as c where lethe_private.has_controller(v_managed, c) order by c.id limit 1;
  return query
    select format('create index concurrently %I on %s (%s) where %s', left(v_managed.table_name, 50) || '_lethe_due',
      lethe_private.host_name(v_oid), min(t.columns), string_agg(distinct replace(a.needed, v_alias || '.', ''), ' or '))
    from lethe_private.actions(v_alias, v_managed, v_oid, v_controller, current_date) as a
    join lethe.rules as r on r.table_id = v_managed.id and r.column_name = a.column_name
    cross join lateral (
      -- A clock over other rows is looked up by what they refer to.
      select coalesce((select quote_ident(s) from unnest(e.since) as s where not lethe_private.is_linked(s) limit 1),
        (select (select string_agg(quote_ident(x), ', ') from unnest(c.parent_columns) as x)
         from lethe_private.linked_clocks(v_managed, e.since) as c limit 1)) as columns
      from lethe_private.effective_terms(v_managed.id, v_controller.id) as e where e.rule_id = r.id limit 1) as t
    where a.phase = 'columns'
    having count(*) > 0;
  return query
    select distinct format('create index concurrently on %s (%s, %I)', lethe_private.host_name(x.oid),
      (select string_agg(quote_ident(c), ', ') from unnest(x.child_columns) as c), x.column_name)
    from (
      select c.*, lethe_private.host_table(m.schema_name, m.table_name) as oid
      from lethe_private.effective_terms(v_managed.id, v_controller.id) as e
      cross join lateral lethe_private.linked_clocks(v_managed, e.since) as c
      join lethe.managed_tables as m on m.id = c.child_id
    ) as x
    where not lethe_private.has_leading_index(x.oid, array(
      select h.position from lethe_private.host_columns as h
      where h.relation = x.oid and h.name = any (x.child_columns || x.column_name)));
  return query
    select format('create index concurrently on %s (%I)', lethe_private.host_name(v_oid), e.since[1])
    from lethe_private.effective_terms(v_managed.id, v_controller.id) as e
    join lethe.rules as r on r.id = e.rule_id and r.column_name is null
    where lethe_private.plain_clock_index(v_managed, v_oid, v_controller) is distinct from e.since[1]
      and not lethe_private.is_linked(e.since[1])
    limit 1;
end
$$;

comment on function lethe.suggested_indexes(text) is
  'Indexes that keep a daily cycle cheap, as statements for the table''s owner to review and run.';
--! EndIncluded lethe/suggested_indexes.sql
--! Included lethe/api_tokens.sql
-- Tokens of the API. A token is printed once, when it is issued; what stays is its SHA-256.

create or replace view lethe.api_tokens with (security_barrier) as
select t.id, t.name, t.role, t.controller_id, t.issued_at, t.issued_by, t.expires_at, t.last_used_at, t.revoked_at
from lethe_private.api_tokens as t
where case when t.controller_id is null then lethe_private.is_operator() else lethe_private.acts_for(t.controller_id) end;

comment on view lethe.api_tokens is
  E'@primaryKey id\n@foreignKey (controller_id) references lethe.controllers (id)\nWho may use the API, as which role, for which controller and until when. Not the tokens themselves.';
comment on column lethe.api_tokens.controller_id is 'Null: all controllers.';
comment on column lethe.api_tokens.last_used_at is 'To the minute; null: never used.';

create or replace function lethe.issue_token(
    role text, controller text default null, expires_after text default 'P90D', name text default null)
  returns text
  language plpgsql
  volatile
  security definer  -- nobody may write tokens
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller_id int;
  v_expires_at timestamptz := now() + lethe_private.parse_delay(expires_after);
  v_token text;
  v_id int;
begin
  if issue_token.controller is not null then
    v_controller_id := (lethe_private.get_controller(issue_token.controller)).id;
  end if;
  perform lethe_private.assert_may_change(v_controller_id);
  if issue_token.role is null or issue_token.role not in ('officer', 'auditor', 'analyst') then
    raise exception using errcode = 'LE106',
      message = format('%s is no role of the API', coalesce(quote_literal(issue_token.role), 'null')),
      hint = 'officer, auditor or analyst';
  end if;
  if v_expires_at > now() + interval '1 year' then
    raise exception using errcode = 'LE701',
      message = format('a token cannot live for %s', expires_after),
      hint = 'a year at the most: P30D, P6M, P1Y; issue the next one before it expires';
  end if;
  -- gen_random_uuid draws on the server's strong random source; four of them hold 488 random bits.
  v_token := 'lethe_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex');
  insert into lethe_private.api_tokens (token_hash, name, role, controller_id, expires_at)
  values (encode(sha256(convert_to(v_token, 'UTF8')), 'hex'), issue_token.name, 'lethe_' || issue_token.role, v_controller_id, v_expires_at)
  returning api_tokens.id into v_id;
  insert into lethe.policy_changes (reason, object, after)
  values ('token issued', 'api_tokens', lethe_private.token_facts(v_id));
  return v_token;
end
$$;

comment on function lethe.issue_token(text, text, text, text) is
  'A new token of the API: "lethe_" and 64 hexadecimal digits, shown this once. controller null: all of them, for operators. Raises LE101, LE106, LE301, LE502, LE701.';

create or replace function lethe.revoke_token(id int)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write tokens
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_token lethe_private.api_tokens;
  v_before jsonb;
begin
  select t.* into v_token from lethe_private.api_tokens as t where t.id = revoke_token.id for update;
  -- One of another controller is as unknown as one that never was.
  if v_token.id is null or not (case when v_token.controller_id is null then lethe_private.is_operator()
                                     else lethe_private.acts_for(v_token.controller_id) end) then
    raise exception using errcode = 'LE702',
      message = format('there is no token %s', coalesce(revoke_token.id::text, 'null')),
      hint = 'lethe token list, or select * from lethe.api_tokens, shows those there are';
  end if;
  if v_token.revoked_at is not null then
    return;
  end if;
  v_before := lethe_private.token_facts(v_token.id);
  update lethe_private.api_tokens as t set revoked_at = now() where t.id = v_token.id;
  insert into lethe.policy_changes (reason, object, before, after)
  values ('token revoked', 'api_tokens', v_before, lethe_private.token_facts(v_token.id));
end
$$;

comment on function lethe.revoke_token(int) is 'Ends a token at once. Doing it again changes nothing. Raises LE702.';

create or replace function lethe_private.token_facts(id int)
  returns jsonb
  language sql
  stable
begin atomic
  select to_jsonb(t) - array['token_hash', 'last_used_at']
  from lethe_private.api_tokens as t
  where t.id = token_facts.id;
end;

comment on function lethe_private.token_facts(int) is 'A token as the record of changes keeps it: without its hash.';

-- What `lethe serve` asks, as lethe_api, before anything else. It answers with nothing whatever the reason.
create or replace function lethe.authenticate(token_hash text)
  returns table (token_id int, role text)
  language plpgsql
  volatile
  security definer  -- nobody may read tokens
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  -- To the minute, and stepping aside for whoever notes the same: a request waits for no other.
  update lethe_private.api_tokens as t
  set last_used_at = now()
  where t.id = (
    select u.id from lethe_private.api_tokens as u
    where u.token_hash = authenticate.token_hash and u.revoked_at is null and u.expires_at > now()
      and (u.last_used_at is null or u.last_used_at < now() - interval '1 minute')
    for update skip locked);
  return query
    select t.id, t.role from lethe_private.api_tokens as t
    where t.token_hash = authenticate.token_hash and t.revoked_at is null and t.expires_at > now();
end
$$;

comment on function lethe.authenticate(text) is
  'The token with this SHA-256 (hexadecimal), if it is good, and the role it acts as. No row for any other.';
--! EndIncluded lethe/api_tokens.sql
--! Included lethe/controller_references.sql
-- For views and policies of the host's own: which of its rows the caller may see. An array, so that a statement
-- asks once and may use an index: where publisher_id::text = any ((select lethe.controller_references())::text[]).
create or replace function lethe.controller_references()
  returns text[]
  language sql
  stable
  security definer  -- asked on behalf of roles that may not read lethe.controllers
begin atomic
  select coalesce(array_agg(c.reference order by c.id), '{}')
  from lethe.controllers as c
  where c.reference is not null and lethe_private.acts_for(c.id);
end;

comment on function lethe.controller_references() is
  'References of the controllers that the login, or the request under way, acts for.';
--! EndIncluded lethe/controller_references.sql
--! Included lethe/applied_migrations.sql
-- By name, when it is asked: `lethe init` keeps this ledger and makes it before any migration; Graphile Migrate
-- keeps another.
create or replace function lethe.applied_migrations()
  returns setof text
  language plpgsql
  stable
  security definer  -- the ledger is in lethe_private
  set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regclass('lethe_private.migrations') is not null then
    return query execute 'select m.filename from lethe_private.migrations as m order by m.filename';
  end if;
end
$$;

comment on function lethe.applied_migrations() is 'Which of Lethe''s migrations this database has: whether `lethe serve` is ready.';
--! EndIncluded lethe/applied_migrations.sql
--! Included grants.sql
-- Who may what. Rights on functions, tables and schemas are taken away first, so that this file is the
-- whole truth; the matrix it makes is test/golden/privileges.txt.

revoke all on schema lethe, lethe_private from public;
revoke all on all routines in schema lethe, lethe_private from public;
revoke all on all tables in schema lethe, lethe_private from public;

-- Somebody without rights is to read a sentence, and not "permission denied for schema lethe".
grant usage on schema lethe to public;
grant execute on procedure lethe.run_cycle(text, numeric) to public;

-- Methods stand in indexes on host tables, where whoever writes to the table evaluates them. They read
-- nothing and know no key.
do $$
declare
  v_method regprocedure;
begin
  for v_method in
    select p.oid::regprocedure
    from pg_proc as p
    where p.pronamespace = 'lethe'::regnamespace
      and p.provolatile = 'i'
  loop
    execute format('grant execute on function %s to public', v_method);
  end loop;
end
$$;

-- Row security -----------------------------------------------------------------------------------

-- Policy and evidence are read by officers and auditors, each for the controllers it acts for. What
-- belongs to no controller (defaults, methods, settings) is read by all of them.
alter table lethe.controllers enable row level security;
alter table lethe.memberships enable row level security;
alter table lethe.managed_tables enable row level security;
alter table lethe.managed_columns enable row level security;
alter table lethe.subject_types enable row level security;
alter table lethe.links enable row level security;
alter table lethe.methods enable row level security;
alter table lethe.rules enable row level security;
alter table lethe.terms enable row level security;
alter table lethe.settings enable row level security;
alter table lethe.holds enable row level security;
alter table lethe.cycles enable row level security;
alter table lethe.cycle_tables enable row level security;
alter table lethe.evidence enable row level security;
alter table lethe.evidence_batches enable row level security;
alter table lethe.receipts enable row level security;
alter table lethe.seals enable row level security;
alter table lethe.sealed_rows enable row level security;
alter table lethe.partition_purges enable row level security;
alter table lethe.policy_changes enable row level security;
alter table lethe_private.controller_keys enable row level security;
alter table lethe_private.held_keys enable row level security;
alter table lethe_private.compiled enable row level security;
alter table lethe_private.worklist enable row level security;
alter table lethe_private.mirrors enable row level security;
alter table lethe_private.mirror_columns enable row level security;
alter table lethe_private.mirror_roots enable row level security;
alter table lethe_private.exemptions enable row level security;
alter table lethe_private.restoring enable row level security;
alter table lethe.archive_openings enable row level security;
alter table lethe_private.last_events enable row level security;
alter table lethe_private.api_tokens enable row level security;

drop policy if exists select_own_controller on lethe.controllers;
create policy select_own_controller on lethe.controllers for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(id));
drop policy if exists select_own_controller on lethe.memberships;
create policy select_own_controller on lethe.memberships for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.managed_tables;
create policy select_own_controller on lethe.managed_tables for select to lethe_officer, lethe_auditor
  using (controller_id is null or lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.managed_columns;
create policy select_own_controller on lethe.managed_columns for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.managed_tables as m where m.id = table_id));
drop policy if exists select_own_controller on lethe.subject_types;
create policy select_own_controller on lethe.subject_types for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.managed_tables as m where m.id = table_id));
drop policy if exists select_own_controller on lethe.links;
create policy select_own_controller on lethe.links for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.managed_tables as m where m.id = table_id)
    and exists (select from lethe.managed_tables as m where m.id = to_table_id));
drop policy if exists select_own_controller on lethe.methods;
create policy select_own_controller on lethe.methods for select to lethe_officer, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.rules;
create policy select_own_controller on lethe.rules for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.managed_tables as m where m.id = table_id));
drop policy if exists select_own_controller on lethe.terms;
create policy select_own_controller on lethe.terms for select to lethe_officer, lethe_auditor
  using (case when controller_id is null then exists (select from lethe.rules as r where r.id = rule_id)
              else lethe_private.acts_for(controller_id) end);
drop policy if exists select_own_controller on lethe.settings;
create policy select_own_controller on lethe.settings for select to lethe_officer, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.holds;
create policy select_own_controller on lethe.holds for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.cycles;
create policy select_own_controller on lethe.cycles for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.cycle_tables;
create policy select_own_controller on lethe.cycle_tables for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.cycles as c where c.id = cycle_id));
drop policy if exists select_own_controller on lethe.evidence;
create policy select_own_controller on lethe.evidence for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.cycles as c where c.id = cycle_id));
drop policy if exists select_own_controller on lethe.evidence_batches;
create policy select_own_controller on lethe.evidence_batches for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.cycles as c where c.id = cycle_id));
drop policy if exists select_own_controller on lethe.receipts;
create policy select_own_controller on lethe.receipts for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.cycles as c where c.id = cycle_id));
drop policy if exists select_own_controller on lethe.seals;
create policy select_own_controller on lethe.seals for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.sealed_rows;
create policy select_own_controller on lethe.sealed_rows for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.archive_openings;
create policy select_own_controller on lethe.archive_openings for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.partition_purges;
create policy select_own_controller on lethe.partition_purges for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.cycles as c where c.id = cycle_id));
drop policy if exists select_own_controller on lethe.policy_changes;
create policy select_own_controller on lethe.policy_changes for select to lethe_officer, lethe_auditor
  using (lethe_private.is_operator());

-- Reading ----------------------------------------------------------------------------------------

grant select on
  lethe.controllers,
  lethe.memberships,
  lethe.managed_tables,
  lethe.managed_columns,
  lethe.subject_types,
  lethe.links,
  lethe.methods,
  lethe.rules,
  lethe.terms,
  lethe.settings,
  lethe.holds,
  lethe.cycles,
  lethe.cycle_tables,
  lethe.evidence,
  lethe.evidence_batches,
  lethe.receipts,
  lethe.seals,
  lethe.sealed_rows,
  lethe.partition_purges,
  lethe.detached_partitions,
  lethe.policy_changes,
  lethe.archive_openings
to lethe_officer, lethe_auditor;
grant select on lethe.api_tokens to lethe_officer, lethe_auditor;
grant execute on function
  lethe_private.request_reaches(int),
  lethe_private.acts_for(int),
  lethe_private.is_operator(),
  lethe.controller_references()
to lethe_officer, lethe_auditor, lethe_analyst;
grant execute on function
  lethe.plan(date, text),
  lethe.preview(text, text),
  lethe.already_masked(text, text),
  lethe.ownerless_rows(),
  lethe.suggested_indexes(text),
  lethe.archive_contents(),
  lethe.missing_rights()
to lethe_officer, lethe_auditor, lethe_worker;

-- Evidence is checked by whom it is for; who runs cycles carries the heads outside.
grant execute on function
  lethe.receipt(bigint),
  lethe.verify_evidence(text, text)
to lethe_officer, lethe_auditor;
grant execute on function lethe.evidence_heads() to lethe_officer, lethe_auditor, lethe_worker;

-- Changing ---------------------------------------------------------------------------------------

-- Each asks by itself whether the login may act for the controller, or for all.
grant execute on function
  lethe.set_controller(text, text, text, text),
  lethe.add_member(name, text),
  lethe.remove_member(name, text),
  lethe.manage_table(text, text, text, text, text, text[], text[], text),
  lethe.unmanage_table(text),
  lethe.set_column(text, text, text, text[], text),
  lethe.set_subject_type(text, text, text[]),
  lethe.set_link(text, text, text[], text[], text, text, text, jsonb),
  lethe.set_rule(text, text, text, text, text[], text, jsonb, text, text, text, text),
  lethe.drop_rule(text, text, text, text, text, text),
  lethe.register_method(text, text, text, text[], text, boolean, jsonb, text),
  lethe.apply_policy(jsonb, text),
  lethe.export_policy(),
  lethe.open_archive(text, text, text, boolean, date, timestamptz),
  lethe.issue_token(text, text, text, text),
  lethe.revoke_token(int)
to lethe_officer;

-- Running ----------------------------------------------------------------------------------------

grant execute on function
  lethe.controllers_to_run(text),
  lethe.controllers_due(),
  lethe.start_cycle(text, date, boolean),
  lethe.ready_tables(bigint),
  lethe.unfinished_tables(bigint),
  lethe.sweep_step(bigint, int, boolean),
  lethe.detach_statement(bigint, int),
  lethe.verify_table(bigint, int),
  lethe.verify_cycle(bigint),
  lethe.finish_cycle(bigint),
  lethe.seal(text),
  lethe.release_controller(text),
  lethe.share_controller(text),
  lethe.pace(),
  lethe.cycle_report(bigint),
  lethe.cycle_faults(bigint)
to lethe_worker;

-- Serving ----------------------------------------------------------------------------------------

-- The API's login may ask whose a token is, and becomes that role for a request (see roles.sql).
grant execute on function lethe.authenticate(text), lethe.applied_migrations() to lethe_api;

-- Statistics show figures, never a person. Who makes a view of them grants it to lethe_analyst.
revoke all on schema lethe_stats from public;
grant usage on schema lethe_stats to lethe_analyst;

-- Sweeping ---------------------------------------------------------------------------------------

-- The sweeper may run one function, ask which keys are held, and do on managed tables what their owners
-- granted. It owns that function (see as_sweeper.sql) and may not replace it: that would take CREATE.
grant usage on schema lethe_private to lethe_sweeper;
grant select on lethe_private.held to lethe_sweeper;
-- What the rows it takes away leave behind for the clocks of others.
grant select, insert, update (last_day), delete on lethe_private.remembered to lethe_sweeper;

-- Whole partitions: lethe_dropper owns one function, and has besides what owners of tables granted.
grant usage on schema lethe_private to lethe_dropper;
--! EndIncluded grants.sql
