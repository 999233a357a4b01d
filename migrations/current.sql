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

alter table lethe.managed_tables
  add column partitions text not null default 'delete';
alter table lethe.managed_tables
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

--!include all.sql
