--! Message: core

-- The tables of Lethe's core. Functions, views and policies live in sql/, one object a file, and are
-- included at the end of this file in the order in which they need each other.
--
-- For the DBA: this creates objects in schemas lethe and lethe_private only. It reads no table of
-- yours, locks none, and adds nothing to them.

-- Names are bound now: nothing of the host's may stand in the way.
set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
set local statement_timeout = '5min';

-- Controllers ----------------------------------------------------------------------------------

create table lethe.controllers (
  id         int generated always as identity primary key,
  name       text not null unique,
  title      text,
  time_zone  text not null,
  reference  text unique,

  constraint name_is_a_plain_word check (name ~ '^[a-z][a-z0-9_-]{0,62}$')
);

comment on table lethe.controllers is
  'Who the data belongs to (GDPR Art. 4(7)). Rows, rules and people of one controller are invisible to another.';
comment on column lethe.controllers.time_zone is
  'IANA name. A day of this controller begins at midnight there.';
comment on column lethe.controllers.reference is
  'The value, as text, that a managed table''s controller column holds for this controller.';

create table lethe_private.controller_keys (
  controller_id  int not null references lethe.controllers on delete cascade,
  version        int not null,
  inner_pad      bytea not null,
  outer_pad      bytea not null,
  created_at     timestamptz not null default now(),

  primary key (controller_id, version),
  constraint pads_are_one_sha256_block check (length(inner_pad) = 64 and length(outer_pad) = 64)
);

comment on table lethe_private.controller_keys is
  'HMAC keys (RFC 2104) for pseudonyms and evidence, kept as their two pads so that a statement needs no exclusive-or.';

create table lethe.memberships (
  login          name not null,
  controller_id  int not null references lethe.controllers on delete cascade,

  primary key (login, controller_id)
);
create index memberships_by_controller on lethe.memberships (controller_id);

comment on table lethe.memberships is
  'Which database login may act for which controller. Members of lethe_owner act for all.';

-- Catalogue ------------------------------------------------------------------------------------

-- Names, never reg* columns: pg_upgrade refuses those, and no Lethe object may depend on a host's.
create table lethe.managed_tables (
  id                 int generated always as identity primary key,
  schema_name        text not null,
  table_name         text not null,
  controller_id      int references lethe.controllers on delete restrict,
  controller_column  text,
  time_zone          text,
  search_path        text,
  key_columns        text[] not null,
  sentinels          date[] not null default '{}',

  unique (schema_name, table_name),
  constraint controller_by_column_xor_constant check (num_nonnulls(controller_id, controller_column) = 1),
  constraint key_is_not_empty check (cardinality(key_columns) > 0)
);
create index managed_tables_by_controller on lethe.managed_tables (controller_id);

comment on table lethe.managed_tables is 'Tables of the host told to Lethe. Nothing else is ever read or changed.';
comment on column lethe.managed_tables.time_zone is
  'Zone in which the table''s timestamps without time zone are to be read; null: each controller''s own.';
comment on column lethe.managed_tables.search_path is
  'Search path under which the table''s triggers work; null: none but pg_catalog.';
comment on column lethe.managed_tables.sentinels is
  'Days that stand for "none" in this table''s clocks. Never due, and reported.';

create table lethe.managed_columns (
  table_id     int not null references lethe.managed_tables on delete cascade,
  column_name  text not null,
  category     text,
  purposes     text[] not null default '{}',
  legal_basis  text,

  primary key (table_id, column_name),
  constraint category_is_known check (category in ('direct identifier', 'contact', 'quasi-identifier',
    'special category', 'content', 'technical', 'not personal'))
);

comment on table lethe.managed_columns is 'What a column holds, for which purposes, on which legal basis.';

create table lethe.subject_types (
  id           int generated always as identity primary key,
  name         text not null unique,
  table_id     int not null references lethe.managed_tables on delete cascade,
  identifiers  text[] not null default '{}',

  constraint name_is_a_plain_word check (name ~ '^[a-z][a-z0-9_-]{0,62}$')
);
create index subject_types_by_table on lethe.subject_types (table_id);

comment on table lethe.subject_types is 'A kind of person: its root table and the columns by which one is looked up.';

create table lethe.links (
  id               int generated always as identity primary key,
  subject_type_id  int references lethe.subject_types on delete cascade,
  table_id         int not null references lethe.managed_tables on delete cascade,
  columns          text[] not null,
  to_table_id      int not null references lethe.managed_tables on delete cascade,
  to_columns       text[] not null,
  foreign_key      text,
  kind             text,
  on_purge         text not null default 'keep',
  on_erasure       jsonb,

  unique nulls not distinct (table_id, columns, to_table_id, subject_type_id),
  constraint columns_pair_up check (cardinality(columns) > 0 and cardinality(columns) = cardinality(to_columns)),
  constraint kind_is_known check (kind in ('own', 'share', 'mention', 'ignore')),
  constraint kind_goes_with_a_subject check ((kind is null) = (subject_type_id is null)),
  constraint on_purge_is_known check (on_purge in ('keep', 'with parent', 'unlink'))
);
create index links_by_subject_type on lethe.links (subject_type_id);
create index links_by_to_table on lethe.links (to_table_id);

comment on table lethe.links is
  'How rows of one managed table refer to another, to whom they belong, and what happens to them when that row is purged.';
comment on column lethe.links.foreign_key is 'Name of the constraint behind the link; null: declared by hand.';
comment on column lethe.links.on_purge is
  'keep: the referenced row stays while this one exists. with parent: this row goes with it. unlink: the reference is set to null.';

-- Rules ----------------------------------------------------------------------------------------

create table lethe.methods (
  name               text primary key,
  mask               text not null,
  recogniser         text not null,
  type_categories    text[] not null,
  output             text not null,
  keeps_unique       boolean not null,
  keyed              boolean not null,
  nulls_out          boolean not null,
  length_min         int,
  length_min_unique  int,
  parameters         jsonb not null default '{}',
  description        text not null,
  builtin            boolean not null default false,

  constraint output_is_anonymous_or_pseudonymous check (output in ('anonymous', 'pseudonymous'))
);

comment on table lethe.methods is
  'How values are anonymized (ISO/IEC 20889): SQL templates of the mask and of the predicate that recognises its output.';

create table lethe.rules (
  id           int generated always as identity primary key,
  table_id     int not null references lethe.managed_tables on delete cascade,
  column_name  text,
  action       text not null,

  unique nulls not distinct (table_id, column_name, action),
  constraint action_is_known check (action in ('anonymize', 'purge')),
  constraint rows_are_purged check (column_name is not null or action = 'purge')
);

comment on table lethe.rules is
  'What happens to a column (or, where column_name is null, to the whole row) of a managed table. When is said by its terms.';

create table lethe.terms (
  id             int generated always as identity primary key,
  rule_id        int not null references lethe.rules on delete cascade,
  controller_id  int references lethe.controllers on delete cascade,
  purpose        text,
  after          interval not null,
  since          text[] not null,
  "when"         text,
  condition      text,
  method         text references lethe.methods on delete restrict,
  parameters     jsonb not null default '{}',

  unique nulls not distinct (rule_id, controller_id, purpose),
  constraint after_is_whole_days_or_more check (
    after >= interval '1 day' and after = date_trunc('day', after)
    and extract(year from after) >= 0 and extract(month from after) >= 0 and extract(day from after) >= 0),
  constraint since_is_not_empty check (cardinality(since) > 0),
  constraint condition_comes_from_when check (("when" is null) = (condition is null))
);
create index terms_by_controller on lethe.terms (controller_id);
create index terms_by_method on lethe.terms (method);

comment on table lethe.terms is
  'One purpose''s term of a rule. A value is due when the last term that applies to it has expired. A controller''s own term replaces the default of the same purpose.';
comment on column lethe.terms.since is 'The clock: one column, or several of which the latest counts (nulls ignored).';
comment on column lethe.terms."when" is 'The predicate as it was given; the term applies where it holds. Null: applies where the clock is usable.';
comment on column lethe.terms.condition is 'The same predicate as PostgreSQL reads it, names qualified: this is what runs.';

create table lethe.policy_changes (
  id          bigint generated always as identity primary key,
  at          timestamptz not null default now(),
  by          name not null default session_user,
  reason      text,
  object      text not null,
  before      jsonb,
  after       jsonb,

  constraint something_changed check (before is distinct from after)
);

comment on table lethe.policy_changes is 'Every change of the policy: who, when, why, from what to what.';

create table lethe.settings (
  only_row             boolean primary key default true,
  batch_rows           int not null default 5000,
  lock_timeout         interval not null default '2 seconds',
  attempts_max         int not null default 5,
  rounds_max           int not null default 5,
  skipped_rows_max     int not null default 1000,
  pause_ratio          numeric not null default 1,
  window_starts_at     time not null default '00:00',
  window_ends_at       time not null default '24:00',
  replica_lag_max      interval,

  constraint one_row check (only_row),
  constraint batch_rows_positive check (batch_rows between 1 and 100000),
  constraint lock_timeout_positive check (lock_timeout > interval '0'),
  constraint attempts_max_positive check (attempts_max > 0),
  constraint rounds_max_positive check (rounds_max > 0),
  constraint skipped_rows_max_not_negative check (skipped_rows_max >= 0),
  constraint pause_ratio_not_negative check (pause_ratio >= 0),
  constraint replica_lag_max_positive check (replica_lag_max > interval '0')
);
insert into lethe.settings default values;

comment on table lethe.settings is 'How cycles share the machine. One row.';
comment on column lethe.settings.pause_ratio is 'The worker pauses after each batch for as long as it took, times this.';
comment on column lethe.settings.window_starts_at is
  'Local time of the controller from which the worker may sweep; a window that ends before it starts spans midnight.';
comment on column lethe.settings.replica_lag_max is 'Sweeping waits while any replica replays later than this; null: never.';

-- Holds ----------------------------------------------------------------------------------------

create table lethe.holds (
  id             int generated always as identity primary key,
  controller_id  int references lethe.controllers on delete cascade,
  reason         text not null,
  author         name not null default session_user,
  placed_at      timestamptz not null default now(),
  ends_on        date,
  released_at    timestamptz
);
create index holds_by_controller on lethe.holds (controller_id);

comment on table lethe.holds is 'Legal holds: what they name is left untouched until released or until the day after ends_on.';

create table lethe_private.held_keys (
  hold_id   int not null references lethe.holds on delete cascade,
  table_id  int not null references lethe.managed_tables on delete cascade,
  key       text
);
create index held_keys_by_key on lethe_private.held_keys (table_id, key);
create index held_keys_by_hold on lethe_private.held_keys (hold_id);

comment on table lethe_private.held_keys is 'The rows that a hold names, by key; a null key is the whole table.';

-- Cycles ---------------------------------------------------------------------------------------

create table lethe.cycles (
  id             bigint generated always as identity primary key,
  controller_id  int not null references lethe.controllers on delete restrict,
  local_date     date not null,
  covers_since   date not null,
  state          text not null default 'open',
  started_at     timestamptz not null default now(),
  finished_at    timestamptz,

  constraint state_is_known check (state in ('open', 'complete', 'incomplete')),
  constraint finished_unless_open check ((finished_at is null) = (state = 'open')),
  constraint covers_up_to_its_day check (covers_since <= local_date)
);
create unique index cycles_one_open on lethe.cycles (controller_id) where state = 'open';
create index cycles_by_controller on lethe.cycles (controller_id, local_date);

comment on table lethe.cycles is 'One run over all that one controller has due on one of its local days.';
comment on column lethe.cycles.covers_since is
  'First local day that no earlier cycle covered: earlier than local_date when days were missed.';

create table lethe.cycle_tables (
  cycle_id     bigint not null references lethe.cycles on delete cascade,
  table_id     int not null,
  table_name   text not null,
  state        text not null default 'waiting',
  phase        text not null default 'purge',
  round        int not null default 1,
  pass         int not null default 0,
  found_in_pass      bigint not null default 0,
  done_before_pass   bigint not null default 0,
  done_before_round  bigint not null default 0,
  rows_done    bigint not null default 0,
  rows_found   bigint not null default 0,
  batches      int not null default 0,
  attempts     int not null default 0,
  found        jsonb not null default '{}',
  skipped      jsonb not null default '{}',
  failure      jsonb,

  primary key (cycle_id, table_id),
  constraint state_is_known check (state in ('waiting', 'sweeping', 'swept', 'verified', 'left over', 'failed')),
  constraint phase_is_known check (phase in ('purge', 'columns')),
  constraint failed_with_its_cause check ((state = 'failed') = (failure is not null))
);

comment on table lethe.cycle_tables is 'How far a cycle has come with each managed table.';
comment on column lethe.cycle_tables.found is 'Rows per rule that the first discovery found.';
comment on column lethe.cycle_tables.skipped is
  'Rows set aside one by one because the database refused them: phase, then SQLSTATE and constraint, then how many.';
comment on column lethe.cycle_tables.failure is
  'SQLSTATE, constraint and table of the error that stopped it. Never its message or detail: those carry people''s data.';

create table lethe_private.compiled (
  cycle_id  bigint not null,
  table_id  int not null,
  program   jsonb not null,

  primary key (cycle_id, table_id),
  foreign key (cycle_id, table_id) references lethe.cycle_tables on delete cascade
);

comment on table lethe_private.compiled is 'The statements a cycle runs on a table, as lethe.preview shows them.';

create table lethe_private.worklist (
  cycle_id  bigint not null,
  table_id  int not null,
  batch     bigint generated always as identity,
  target    oid not null,
  tids      tid[] not null,
  rows      int not null generated always as (cardinality(tids)) stored,
  flags     text,
  attempts  int not null default 0,

  primary key (cycle_id, table_id, batch),
  foreign key (cycle_id, table_id) references lethe.cycle_tables on delete cascade
);

comment on column lethe_private.worklist.flags is
  'Where the same rules are to be done on all rows of the batch: which, one digit a rule. Null: it differs from row to row.';
comment on table lethe_private.worklist is
  'Due rows by physical address, one row a batch. An address may go stale: every statement checks the row again.';

create table lethe.evidence (
  cycle_id       bigint not null references lethe.cycles on delete restrict,
  table_name     text not null,
  rule           text not null,
  table_id       int not null,
  due            bigint not null default 0,
  done           bigint not null default 0,
  held           bigint not null default 0,
  kept_by_child  bigint not null default 0,
  skipped        bigint not null default 0,
  skipped_why    jsonb,
  unclocked      bigint not null default 0,
  left_over      bigint,

  primary key (cycle_id, table_name, rule),
  constraint skipped_with_its_causes check ((skipped = 0) = (skipped_why is null))
);

comment on table lethe.evidence is 'What a cycle did, in figures, per table and rule.';
comment on column lethe.evidence.due is 'Rows found due when the cycle looked first, held ones included.';
comment on column lethe.evidence.kept_by_child is 'Due rows that stay because a row that is not leaving references them.';
comment on column lethe.evidence.unclocked is 'Rows that no term can ever make due as they stand: clock null, infinite or a sentinel.';
comment on column lethe.evidence.left_over is 'Rows still due when the data was read again after the last batch. Zero, or the cycle is incomplete; null: the table could not be read.';

create table lethe.evidence_batches (
  id           bigint generated always as identity primary key,
  cycle_id     bigint not null references lethe.cycles on delete restrict,
  table_id     int not null,
  phase        text not null,
  at           timestamptz not null default now(),
  rows_done    bigint not null,
  counts       jsonb not null,
  root         text not null,
  key_version  int not null
);
create index evidence_batches_by_cycle on lethe.evidence_batches (cycle_id, table_id);

comment on table lethe.evidence_batches is 'One record a batch, committed with the batch itself.';
comment on column lethe.evidence_batches.root is
  'HMAC-SHA-256, under the controller''s key, over the ordered keys of the rows the batch changed. Names nobody.';

-- Types the compiler hands from function to function -------------------------------------------

create type lethe_private.term_parts as (
  applies  text,  -- its "when" holds; without one: its clock is usable
  usable   text,  -- its clock is a day on which something happened
  unusable text,  -- the opposite, written so that an index on the clock can answer it
  expired  text   -- that day + after lies before today
);

create type lethe_private.rule_parts as (
  due        text,  -- at least one term applies, and all that apply have expired
  unclocked  text   -- as it stands, no term that applies has a usable clock
);

create type lethe_private.action_parts as (
  flag       text,  -- r1, r2 ...: its name within one program
  rule       text,  -- as people read it: "purge", "email: anonymize"
  phase      text,  -- purge or columns
  column_name text,
  due        text,  -- see rule_parts
  unclocked  text,
  needed     text,  -- the data does not comply yet
  test       text,  -- due and needed
  new_value  text   -- what the column becomes
);

create type lethe.sweep_progress as (
  state       text,
  rows_done   bigint,
  rows_to_do  bigint,
  took        interval
);

comment on type lethe.sweep_progress is
  'What one step did: its state (discovered, swept, retry, wait, busy, done, failed), rows changed, rows still on the worklist, time taken.';

-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql
