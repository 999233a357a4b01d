-- Forget-me and the other rights: requests, erasure, residue, certificates, access, restriction, recipients, suppression,
-- and the ledger that is kept outside the database.
--
-- For the DBA: this creates and alters objects of Lethe alone (schemas lethe and lethe_private). It reads no table of
-- yours, locks none, and adds nothing to them.

set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
set local statement_timeout = '5min';

-- Requests -------------------------------------------------------------------------------------

create table lethe.request_states (
  name         text primary key,
  is_open      boolean not null,
  description  text not null
);

comment on table lethe.request_states is 'In which states a request can be. The clock of Art. 12 runs while one is open, unless it is paused.';

create table lethe.request_moves (
  kind         text not null,
  from_state   text not null references lethe.request_states on delete restrict,
  to_state     text not null references lethe.request_states on delete restrict,
  moved_by     text[] not null,
  description  text not null,

  primary key (kind, from_state, to_state),
  constraint kind_is_known check (kind in ('access', 'portability', 'rectification', 'restriction', 'objection', 'erasure')),
  constraint moved_by_a_role check (moved_by <@ array['lethe_officer', 'lethe_agent', 'lethe_worker'] and moved_by <> '{}')
);
create index request_moves_by_from_state on lethe.request_moves (from_state);
create index request_moves_by_to_state on lethe.request_moves (to_state);

comment on table lethe.request_moves is 'From which state a request may go to which, and who may move it: roles, of which one is enough.';

create table lethe.requests (
  id                bigint generated always as identity primary key,
  controller_id     int not null references lethe.controllers on delete restrict,
  kind              text not null,
  subject           text not null,
  state             text not null default 'received' references lethe.request_states on delete restrict,
  received_at       timestamptz not null default now(),
  due_on            date not null,
  opened_by         name not null default session_user,
  roots             int not null default 0,

  paused_at         timestamptz,
  paused_days       int not null default 0,
  extended_at       timestamptz,
  reminded_at       timestamptz,
  escalated_at      timestamptz,

  plan              jsonb,
  planned_at        timestamptz,
  plan_mark         text,
  approved_by       name,
  approved_at       timestamptz,
  executed_at       timestamptz,
  verified_at       timestamptz,
  completes_on      date,
  ended_at          timestamptz,
  failure           jsonb,
  outcome           jsonb,
  delayed_by        int[],

  constraint kind_is_known check (kind in ('access', 'portability', 'rectification', 'restriction', 'objection', 'erasure')),
  constraint plan_has_its_mark_and_time check (num_nulls(plan, plan_mark, planned_at) in (0, 3)),
  constraint approved_by_somebody check ((approved_at is null) = (approved_by is null)),
  constraint paused_days_not_negative check (paused_days >= 0)
);
create index requests_by_controller on lethe.requests (controller_id);
create index requests_by_state on lethe.requests (state);
create index requests_open_by_due on lethe.requests (due_on) where ended_at is null;

comment on table lethe.requests is
  'What a person asked for (GDPR Art. 12, 15 to 21). Nothing here says who the person is: that is kept apart, where no role reads it, for as long as it is needed.';
comment on column lethe.requests.due_on is 'The last day to answer, where the controller is: 30 days from receipt, never later than one calendar month.';
comment on column lethe.requests.roots is 'How many root rows the person has: several accounts may bear one e-mail address.';
comment on column lethe.requests.plan is 'What an erasure would do, table by table: counts, never keys. See lethe.plan_request.';
comment on column lethe.requests.plan_mark is 'Changes when the plan would touch other rows, or do something else with them.';
comment on column lethe.requests.completes_on is 'The day on which the cycle does what a law had postponed.';
comment on column lethe.requests.failure is 'SQLSTATE, table and constraint of what failed last; never a row.';
comment on column lethe.requests.outcome is 'What the last execution of an erasure did, table by table: what its certificate says.';
comment on column lethe.requests.delayed_by is 'The holds that kept it from being executed; it goes on when they are over.';

create table lethe.request_events (
  id          bigint generated always as identity primary key,
  request_id  bigint not null references lethe.requests on delete cascade,
  at          timestamptz not null default clock_timestamp(),
  by          name not null default session_user,
  event       text not null,
  from_state  text,
  to_state    text,
  reason      text
);
create index request_events_by_request on lethe.request_events (request_id);

comment on table lethe.request_events is 'What happened to a request, in order. Reasons are free text and stay outside the hash chain: name the matter, never the person.';

-- Who the person is: the keys of its root rows, deleted when nothing is left to do.
create table lethe_private.request_roots (
  request_id  bigint not null references lethe.requests on delete cascade,
  n           int not null,
  table_id    int not null references lethe.managed_tables on delete cascade,
  key         text not null,

  primary key (request_id, n)
);
create index request_roots_by_table_and_key on lethe_private.request_roots (table_id, key);

comment on table lethe_private.request_roots is 'The root rows that a request is about, by key. Deleted when the request has ended.';

-- Erasure ---------------------------------------------------------------------------------------

create type lethe_private.reached_row as (
  subject    int,     -- which of the roots given (1 to n) it was reached from first
  table_id   int,
  mirror_id  int,     -- null: a live row; else the mirror of the archive that it is in
  key        text,    -- as lethe_private.key_sql writes it
  kind       text,    -- root, own, share, mention: the strongest of the ways in which it was reached
  link_id    int,     -- the link by which it was reached; null of a root, and of an archived value found by its row's key
  facts      jsonb,   -- what keys, links and foreign keys need of its columns, and "lethe$since": {link: day}
  decision   text,    -- purge, anonymize, cut, retain, stay; null before lethe_private.decide
  cut        text[],  -- references to be set to null; of anonymize: these columns alone, null for the row's personal columns
  until      date,    -- of retain: the last day; null: no day is known
  basis      text,
  because    text
);

comment on type lethe_private.reached_row is 'A row that belongs to a person, or names one, and what an erasure does with it. See lethe_private.reach and lethe_private.decide.';

create type lethe_private.reached_edge as (
  child        int,   -- positions among the rows reached
  parent       int,
  link_id      int,   -- either a link
  foreign_key  oid    -- or a foreign key
);

comment on type lethe_private.reached_edge is 'One row that was reached refers to another.';

-- What an erasure leaves for a later day, or leaves without a name: the rows that its completion may touch, and no others.
create table lethe_private.kept_rows (
  request_id  bigint not null references lethe.requests on delete cascade,
  table_id    int not null references lethe.managed_tables on delete cascade,
  key         text not null,
  facts       jsonb not null,
  until       date,
  basis       text,
  retained    boolean not null,

  primary key (request_id, table_id, key)
);
create index kept_rows_by_table on lethe_private.kept_rows (table_id);

comment on table lethe_private.kept_rows is
  'Rows that an erasure kept: until their day, or without what told whose they are. Deleted when nothing is left to do.';
comment on column lethe_private.kept_rows.facts is 'The key, column by column.';

-- Identifiers -----------------------------------------------------------------------------------

create table lethe_private.request_identifiers (
  request_id   bigint not null references lethe.requests on delete cascade,
  n            int not null,
  column_name  text not null,
  sealed       bytea not null,
  key_version  int not null,

  primary key (request_id, n, column_name)
);

comment on table lethe_private.request_identifiers is
  'What the person''s root rows had in the columns by which one looks a person up, encrypted; deleted when the residue scan is done.';

create table lethe.request_findings (
  request_id  bigint not null references lethe.requests on delete cascade,
  n           int not null,
  place       text not null,
  object      text not null,
  finding     text not null,
  rows        bigint,
  by_columns  text[],
  decision    text,
  decided_by  name,
  decided_at  timestamptz,

  primary key (request_id, n),
  constraint place_is_known check (place in ('table', 'archive', 'jobs', 'evidence', 'materialized view', 'statistics', 'not looked at', 'restore')),
  constraint decided_by_somebody check (num_nulls(decision, decided_by, decided_at) in (0, 3))
);

comment on table lethe.request_findings is 'Where something of the person was found afterwards, or could not be looked for; objects and counts, never values.';
comment on column lethe.request_findings.by_columns is 'Of which columns of the person''s root row the values were found there.';

create table lethe_private.suppressions (
  id             bigint generated always as identity primary key,
  controller_id  int not null references lethe.controllers on delete cascade,
  subject        text not null,
  hash           bytea not null,
  key_version    int not null,
  request_id     bigint references lethe.requests on delete set null,
  added_at       timestamptz not null default now(),
  until          date not null,
  basis          text not null,

  unique (controller_id, subject, hash)
);
create index suppressions_by_request on lethe_private.suppressions (request_id);

comment on table lethe_private.suppressions is
  'Keyed hashes of the identifiers of people who were forgotten, so that an import can be told not to bring them back. Pseudonymous personal data: with a basis and a last day.';

create table lethe_private.recaptures (
  id             bigint generated always as identity primary key,
  controller_id  int not null references lethe.controllers on delete cascade,
  request_id     bigint references lethe.requests on delete set null,
  table_id       int not null references lethe.managed_tables on delete cascade,
  column_name    text not null,
  key            text not null,
  until          date not null,
  at             timestamptz not null default clock_timestamp()
);
create index recaptures_by_controller on lethe_private.recaptures (controller_id);
create index recaptures_by_request on lethe_private.recaptures (request_id);
create index recaptures_by_table on lethe_private.recaptures (table_id);

comment on table lethe_private.recaptures is
  'Rows that brought back somebody who asked to be forgotten, by key, where the table flags them: for a person to decide. Until the suppression ends.';

-- Certificates ----------------------------------------------------------------------------------

create table lethe.certificates (
  request_id     bigint not null references lethe.requests on delete restrict,
  number         int not null,
  controller_id  int not null references lethe.controllers on delete restrict,
  issued_at      timestamptz not null default clock_timestamp(),
  document       jsonb not null,

  primary key (request_id, number)
);
create index certificates_by_controller on lethe.certificates (controller_id);

comment on table lethe.certificates is
  'What became of a person''s data: erased, retained (basis, until), found, and what only time removes. Figures and names of tables, no personal data. Sealed as evidence.';

-- Access ----------------------------------------------------------------------------------------

create table lethe_private.packages (
  id          bigint generated always as identity primary key,
  request_id  bigint not null references lethe.requests on delete cascade,
  token_hash  bytea not null unique,
  content     bytea not null,
  media_type  text not null,
  made_at     timestamptz not null default now(),
  expires_at  timestamptz not null
);
create index packages_by_request on lethe_private.packages (request_id);
create index packages_by_expiry on lethe_private.packages (expires_at);

comment on table lethe_private.packages is 'Answers to access and portability, encrypted with a key that only the link has. Purged when the link has expired.';

-- Restriction -----------------------------------------------------------------------------------

alter table lethe.holds
  add column request_id bigint references lethe.requests on delete restrict;
create index holds_by_request on lethe.holds (request_id);
comment on column lethe.holds.request_id is 'The request of which this is the restriction (GDPR Art. 18); null: a legal hold.';

create table lethe_private.restriction_programs (
  table_id   int primary key references lethe.managed_tables on delete cascade,
  statement  text not null
);

comment on table lethe_private.restriction_programs is
  'What is asked about a row while something is restricted: written beforehand, with the programs of guards and good for as long.';

-- A row on its way to lethe_sweeper, to be asked about.
create type lethe_private.asked_row as (facts jsonb);

-- Recipients ------------------------------------------------------------------------------------

create table lethe.recipients (
  id             int generated always as identity primary key,
  controller_id  int not null references lethe.controllers on delete restrict,
  name           text not null,
  url            text not null,
  kinds          text[] not null default array['rectification', 'restriction', 'erasure'],
  added_at       timestamptz not null default now(),
  removed_at     timestamptz,

  constraint kinds_are_known check (kinds <@ array['rectification', 'restriction', 'objection', 'erasure'] and kinds <> '{}')
);
create index recipients_by_controller on lethe.recipients (controller_id);
create unique index recipients_once on lethe.recipients (controller_id, name) where removed_at is null;

comment on table lethe.recipients is 'To whom personal data was passed on, and who is told when it is corrected, restricted or erased (GDPR Art. 19).';

create table lethe_private.recipient_secrets (
  recipient_id  int primary key references lethe.recipients on delete cascade,
  secret        bytea not null
);

comment on table lethe_private.recipient_secrets is 'What a recipient''s webhooks are signed with.';

create table lethe.notifications (
  id            bigint generated always as identity primary key,
  request_id    bigint not null references lethe.requests on delete restrict,
  recipient_id  int not null references lethe.recipients on delete restrict,
  state         text not null default 'waiting',
  attempts      int not null default 0,
  status        int,
  created_at    timestamptz not null default now(),
  sent_at       timestamptz,
  received_at   timestamptz,
  completed_at  timestamptz,
  event_key     uuid not null default gen_random_uuid() unique,

  unique (request_id, recipient_id),
  constraint state_is_known check (state in ('waiting', 'received', 'completed', 'dead'))
);
create index notifications_by_recipient on lethe.notifications (recipient_id);

comment on table lethe.notifications is 'What a recipient was told of a request, and what it answered.';
comment on column lethe.notifications.event_key is 'The idempotency key: the same in every attempt.';
comment on column lethe.notifications.status is 'HTTP status of the last answer; null: none came.';

create table lethe_private.notification_hashes (
  notification_id  bigint primary key references lethe.notifications on delete cascade,
  identifiers      jsonb not null
);

comment on table lethe_private.notification_hashes is
  'By what a recipient recognises the person: identifiers hashed with its own secret. Deleted when it has answered.';

-- Ledger ----------------------------------------------------------------------------------------

create table lethe_private.ledger_state (
  only_row     boolean primary key default true,
  ledger       text,
  last_number  bigint not null default 0,
  last_hash    text,
  required     boolean not null default false,
  replaying    boolean not null default false,

  constraint one_row check (only_row),
  constraint last_entry_is_of_a_ledger check (ledger is not null or last_number = 0),
  constraint required_of_a_ledger check (ledger is not null or not required)
);
insert into lethe_private.ledger_state default values;

comment on table lethe_private.ledger_state is
  'Up to which entry of the ledger outside this database everything is known here; whether erasures are refused without an entry; whether a replay has begun and not ended.';

-- A transaction that an entry is about writes its number here, so that a restored database knows less than its ledger.
-- One by one, since transactions do not commit in the order in which their entries were written.
create table lethe_private.ledger_known (
  number  bigint primary key,
  hash    text not null
);

comment on table lethe_private.ledger_known is 'Entries beyond ledger_state.last_number that this database has taken in.';

create table lethe_private.ledger_holds (
  hold_id  int not null references lethe.holds on delete cascade,
  event    text not null,
  number   bigint not null,

  primary key (hold_id, event),
  constraint event_is_known check (event in ('hold', 'hold released', 'restriction', 'restriction lifted'))
);
create index ledger_holds_by_number on lethe_private.ledger_holds (number);

comment on table lethe_private.ledger_holds is 'Which entry of the ledger says that a hold was placed, and which that it was released.';

-- Replay ----------------------------------------------------------------------------------------

create table lethe_private.replay_matches (
  number         bigint not null,
  subject        text not null,
  controller_id  int not null references lethe.controllers on delete cascade,
  table_id       int not null references lethe.managed_tables on delete cascade,
  key            text not null,
  by_key         boolean not null,
  by_identifier  boolean not null,
  is_nameless    boolean not null,

  primary key (number, table_id, key)
);
create index replay_matches_by_controller on lethe_private.replay_matches (controller_id);
create index replay_matches_by_table on lethe_private.replay_matches (table_id, key);

comment on table lethe_private.replay_matches is 'Which root rows fit an entry of the ledger, as a replay found them; emptied when it has ended.';
comment on column lethe_private.replay_matches.is_nameless is 'Neither the row nor the entry says both by what to recognise the person: the key decides alone.';

create table lethe.replay_findings (
  id             int generated always as identity primary key,
  number         bigint not null,
  entry_at       timestamptz not null,
  controller_id  int not null references lethe.controllers on delete cascade,
  subject        text not null,
  how            text not null,
  found_at       timestamptz not null default now(),
  failure        jsonb,
  decision       text,
  decided_by     name,
  decided_at     timestamptz,
  request_id     bigint references lethe.requests on delete set null,

  constraint how_is_known check (how in ('key', 'identifier', 'failed')),
  constraint failure_of_what_failed check ((how = 'failed') = (failure is not null)),
  constraint decision_is_known check (decision in ('erase', 'keep')),
  constraint decided_by_somebody check (num_nulls(decision, decided_by, decided_at) in (0, 3))
);
create index replay_findings_by_controller on lethe.replay_findings (controller_id);
create index replay_findings_by_request on lethe.replay_findings (request_id);

comment on table lethe.replay_findings is
  'Records that may be of somebody who was forgotten before a backup was put back, and may be of somebody who has lawfully come back: a person decides.';
comment on column lethe.replay_findings.number is 'The entry of the ledger.';
comment on column lethe.replay_findings.entry_at is 'When the person was forgotten.';
comment on column lethe.replay_findings.how is
  'identifier: the record has an identifier of the person, under another key, or was forgotten before the backup was made. key: it has the key, and other identifiers. failed: it is the person''s, and could not be erased.';
comment on column lethe.replay_findings.failure is 'SQLSTATE, table and constraint; never a row.';
comment on column lethe.replay_findings.request_id is 'The request by which it was erased.';

create table lethe_private.replay_finding_keys (
  finding_id  int primary key references lethe.replay_findings on delete cascade,
  table_id    int not null references lethe.managed_tables on delete cascade,
  key         text not null,

  unique (table_id, key)
);

comment on table lethe_private.replay_finding_keys is 'Which row a finding of a replay is about; forgotten when the replay has ended.';

-- Functions whose parameters or results change --------------------------------------------------
-- (each piece drops its own here)

--!include all.sql
