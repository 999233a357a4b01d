-- Archive, aggregated clocks, partitions, sealed evidence, more methods, a first API.
--
-- For the DBA: this creates and alters objects of Lethe alone (schemas lethe, lethe_private, lethe_archive and
-- lethe_stats). It reads no table of yours, locks none, and adds nothing to them.

set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
set local statement_timeout = '5min';

-- Archive --------------------------------------------------------------------------------------

-- Aggregated clocks ----------------------------------------------------------------------------

-- Partitions -----------------------------------------------------------------------------------

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

-- Methods --------------------------------------------------------------------------------------

-- API ------------------------------------------------------------------------------------------

-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql
