--! Previous: sha1:085ef173ee4a705f965972ea1263639fef957487
--! Hash: sha1:4ee4bb687fc07d15b542f4864a7aba6b26ab11ec
--! Message: forget-me and the other rights

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
create index kept_rows_by_table_and_key on lethe_private.kept_rows (table_id, key);

comment on table lethe_private.kept_rows is
  'Rows that an erasure kept: until their day, or without what told whose they are. Deleted when nothing is left to do.';
comment on column lethe_private.kept_rows.facts is 'The key, and what linked the row to the person, column by column.';

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
  constraint place_is_known check (place in ('table', 'archive', 'jobs', 'evidence', 'materialized view', 'statistics', 'catalogue', 'not looked at', 'restore')),
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

  primary key (number, table_id, key)
);
create index replay_matches_by_controller on lethe_private.replay_matches (controller_id);
create index replay_matches_by_table on lethe_private.replay_matches (table_id, key);

comment on table lethe_private.replay_matches is 'Which root rows fit an entry of the ledger, as a replay found them; emptied when it has ended.';

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
  'identifier: the record has an identifier of the person, under another key, or was forgotten before the backup was made. key: it has the key, and no identifier that says it is the same person. failed: it is the person''s, and could not be erased.';
comment on column lethe.replay_findings.failure is 'SQLSTATE, table and constraint; never a row.';
comment on column lethe.replay_findings.request_id is 'The request by which it was erased.';

create table lethe_private.replay_finding_keys (
  finding_id  int primary key references lethe.replay_findings on delete cascade,
  table_id    int not null references lethe.managed_tables on delete cascade,
  key         text not null,

  unique (table_id, key)
);

comment on table lethe_private.replay_finding_keys is 'Which row a finding of a replay is about; forgotten when the replay has ended.';

-- Holds, waivers and views ----------------------------------------------------------------------

-- Why a hold was placed or released is an officer's free text, and stands in lethe.holds alone from now on.
delete from lethe.policy_changes as c
where c.object = 'holds' and c.before - array['reason', 'release_reason'] = c.after - array['reason', 'release_reason'];
update lethe.policy_changes as c
set before = c.before - array['reason', 'release_reason'], after = c.after - array['reason', 'release_reason']
where c.object = 'holds';

-- What a view was when something was decided on it. What is decided already is decided on the view as it is.
alter table lethe.waivers add column definition text;
comment on column lethe.waivers.definition is
  'Of which definition of the view or function the finding was waived (a hash): it is found again once that changes. Null: the finding is of something else.';
alter table lethe.managed_views add column definition text;
comment on column lethe.managed_views.definition is
  'Of which definition of the view it was decided (a hash). Figures are asked about again once that changes. Null: the view was not there.';
alter table lethe.waivers disable trigger record_change;
alter table lethe.managed_views disable trigger record_change;
with views as (
  select n.nspname, c.relname, md5(pg_get_viewdef(c.oid)) as definition
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
), waived as (
  update lethe.waivers as w set definition = v.definition from views as v where w.object = format('%I.%I', v.nspname, v.relname)
)
update lethe.managed_views as m set definition = v.definition from views as v where (m.schema_name, m.view_name) = (v.nspname, v.relname);
alter table lethe.waivers enable trigger record_change;
alter table lethe.managed_views enable trigger record_change;

-- Functions whose parameters or results change --------------------------------------------------

drop function lethe_private.identified_sql(text[]);
drop function lethe_private.own_rows_sql(text, lethe.managed_tables);
--! Included lethe_private/guard_programs.sql
-- The columns that a held row keeps: what a rule rewrites, what holds people's data, the key, whose row it is, by
-- what it belongs to a person, and what a predicate in force asks for. Not the clocks: a person under a hold goes on
-- signing in, and what is held waits for no clock.
create or replace function lethe_private.guarded_columns(managed lethe.managed_tables, table_oid oid, holds int[])
  returns text[]
  language sql
  stable
begin atomic
  select array_agg(h.name order by h.position)
  from lethe_private.host_columns as h
  where h.relation = table_oid and (
    h.name = any (managed.key_columns)
    or h.name = managed.controller_column
    or h.name in (select r.column_name from lethe.rules as r where r.table_id = managed.id)
    or h.name in (
      select c.column_name from lethe.managed_columns as c
      where c.table_id = managed.id and coalesce(c.category, '') not in ('technical', 'not personal'))
    or exists (
      select from lethe.links as l
      where l.kind in ('own', 'share') and (l.table_id = managed.id and h.name = any (l.columns) or l.to_table_id = managed.id and h.name = any (l.to_columns)))
    or exists (
      select from lethe_private.held_conditions as c
      where c.table_id = managed.id and c.hold_id = any (guarded_columns.holds) and lethe_private.names_column(c.condition, h.name)));
end;

comment on function lethe_private.guarded_columns(lethe.managed_tables, oid, int[]) is 'The columns that guards keep as they are in a held row.';

-- A trigger is given a row without its virtual columns (PostgreSQL 18): they are null there, and a predicate or a
-- controller that is read from one would hold nothing. So they are computed from the others, as reading the table does.
create or replace function lethe_private.guarded_row_sql(parameter text, root oid)
  returns text
  language sql
  stable
begin atomic
  select case when bool_or(a.attgenerated = 'v')
    then format('select %s from (select (%s).*) as r',
      string_agg(case when a.attgenerated = 'v' then format('(%s) as %I', pg_get_expr(d.adbin, d.adrelid), a.attname) else format('r.%I', a.attname) end,
        ', ' order by a.attnum), parameter)
    else format('select (%s).*', parameter) end
  from pg_catalog.pg_attribute as a
  left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = root and a.attnum > 0 and not a.attisdropped;
end;

comment on function lethe_private.guarded_row_sql(text, oid) is 'Selects the row that a trigger was given, with its virtual columns computed.';

create or replace function lethe_private.guard_statement(managed lethe.managed_tables, root oid, holds int[], operation text)
  returns text
  language sql
  stable
begin atomic
  select format('select %s(select %s from (%s) as c)', case operation when 'UPDATE' then (
      select format('(select o from (select %1$s from (%2$s) as c) as o) operator(pg_catalog.*<>) (select n from (select %1$s from (%3$s) as c) as n) and ',
        string_agg(format('c.%I', x), ', '), lethe_private.guarded_row_sql('$1', root), lethe_private.guarded_row_sql('$2', root))
      from unnest(lethe_private.guarded_columns(managed, root, guard_statement.holds)) as x) else '' end,
    lethe_private.held_by_sql('c', managed, root, guard_statement.holds), lethe_private.guarded_row_sql('$1', root));
end;

comment on function lethe_private.guard_statement(lethe.managed_tables, oid, int[], text) is
  'Asks whether DELETE of a row ($1), or UPDATE to another ($2), is against a hold.';

create or replace function lethe_private.guards_lock_id()
  returns bigint
  language sql
  immutable
return x'4c455447'::bigint << 32;  -- "LETG"

comment on function lethe_private.guards_lock_id() is
  'The advisory lock that whoever changes the policy shares, and that is taken alone to write the programs of guards.';

-- While somebody else's change of the policy is not committed, it could not be taken into account: nothing is written
-- then, and guards find out row by row what they would have read here, until the next cycle ends.
create or replace function lethe_private.write_guards()
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- A draft that is rehearsed is rolled back, and would keep everybody from changing the policy until then.
  if exists (select from lethe_private.rehearsing as r where r.xact = pg_current_xact_id_if_assigned()) then
    return;
  end if;
  if not pg_try_advisory_xact_lock(lethe_private.guards_lock_id()) or current_setting('transaction_isolation') <> 'read committed' then
    return;
  end if;
  delete from lethe_private.guard_state;
  delete from lethe_private.guard_programs;
  delete from lethe_private.restriction_programs;
  insert into lethe_private.guard_programs (table_id, holds, relations, on_delete, on_update)
  select m.id, x.holds, array(select r.relation from lethe_private.relations_of(t.root) as r),
    lethe_private.guard_statement(m, t.root, x.holds, 'DELETE'), lethe_private.guard_statement(m, t.root, x.holds, 'UPDATE')
  from lethe.managed_tables as m
  cross join lateral (select lethe_private.host_table(m.schema_name, m.table_name) as root) as t
  cross join lateral (select array(select h from lethe_private.holds_touching(m.id) as h order by h) as holds) as x
  where x.holds <> '{}' and t.root is not null;
  if lethe.any_restricted() then
    insert into lethe_private.restriction_programs (table_id, statement)
    select m.id, lethe_private.restricted_statement(m, t.root)
    from lethe.managed_tables as m
    cross join lateral (select lethe_private.host_table(m.schema_name, m.table_name) as root) as t
    where t.root is not null;
  end if;
  -- Until the first of the holds is over; one of all controllers, where its last day ends last.
  insert into lethe_private.guard_state (valid_until)
  select coalesce(min(e.ends_at), 'infinity')
  from lethe_private.holds_in_force() as f (id)
  join lethe.holds as h on h.id = f.id and isfinite(h.ends_on)
  cross join lateral (
    select max((h.ends_on + 1)::timestamp at time zone c.time_zone) as ends_at
    from lethe.controllers as c where h.controller_id is null or c.id = h.controller_id) as e;
exception
  -- A parent that was dropped, say. Guards then refuse what they cannot tell.
  when others then
    delete from lethe_private.guard_state;
end
$$;

comment on function lethe_private.write_guards() is 'Writes beforehand what guards ask.';
--! EndIncluded lethe_private/guard_programs.sql
--! Included lethe_private/guard.sql
-- Guards: triggers on a host's table that refuse, to anybody, what a hold forbids. They are opt-in and made by who owns
-- the table (lethe.guard_sql). ENABLE ALWAYS, so that session_replication_role does not pass them by; AFTER each row, so
-- that they see what is really written, and so that cascades and partitions lead to them. Where no hold is in force they
-- ask one question of an empty index.
--
-- Who may disable triggers passes them: the owner of the table, superusers.
create or replace function lethe_private.is_guard(function_id oid)
  returns boolean
  language sql
  stable
return coalesce(function_id = any (array[
  to_regprocedure('lethe_private.guard_row()')::oid, to_regprocedure('lethe_private.guard_truncate()')::oid,
  to_regprocedure('lethe_private.guard_ddl()')::oid]), false);

comment on function lethe_private.is_guard(oid) is 'True for the functions of guards.';

-- The table that a guarded relation is, or is part of, whatever it is called by now. Null: it is no part of it.
create or replace function lethe_private.guarded_root(relation oid, managed lethe.managed_tables)
  returns oid
  language sql
  stable
begin atomic
  with recursive up as (
    select relation as oid
    union
    select i.inhparent from up as u join pg_catalog.pg_inherits as i on i.inhrelid = u.oid
  ), named as (
    select lethe_private.host_table(managed.schema_name, managed.table_name) as oid
  )
  select case
    when n.oid is null then (select u.oid from up as u where not exists (select from pg_catalog.pg_inherits as i where i.inhrelid = u.oid) limit 1)
    when n.oid in (select u.oid from up as u) then n.oid
  end
  from named as n;
end;

comment on function lethe_private.guarded_root(oid, lethe.managed_tables) is
  'The managed table to which a relation with a guard belongs; null when it no longer does.';

create or replace function lethe_private.assert_asking_intact()
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from pg_proc as p
    where p.oid = to_regprocedure('lethe_private.ask_of_row(text, record, record)')
      and p.prosecdef and p.provolatile = 'v' and not p.proisstrict
      and p.proowner = to_regrole('lethe_sweeper')::oid
      and p.proconfig = array['search_path=pg_catalog, pg_temp', 'row_security=off', 'bytea_output=hex', 'extra_float_digits=1', 'IntervalStyle=postgres', 'DateStyle=ISO, YMD', 'jit=off'])
  then
    raise exception using errcode = 'LE505',
      message = 'function lethe_private.ask_of_row has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
end
$$;

comment on function lethe_private.assert_asking_intact() is 'Raises LE505 when ask_of_row is not what lethe init made it.';

-- Refuses where it cannot tell, too: an error of the question would quote the row.
create or replace function lethe_private.assert_free(
  statement text, old_row record, new_row record, relation oid, what text, holds int[]
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_held boolean;
  v_state text;
begin
  perform lethe_private.assert_asking_intact();
  begin
    v_held := lethe_private.ask_of_row(statement, old_row, new_row);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
  end;
  if v_held is distinct from false then
    raise exception using errcode = 'LE406',
      message = format('%s of %s is refused: %s', what, lethe_private.host_name(relation), case
        when v_state is null then 'a row is under a legal hold' else format('whether it is under a legal hold cannot be told (SQLSTATE %s)', v_state) end),
      hint = case when v_state is null
        then format('an officer can release the hold, or say what it is: select * from lethe.list_holds(), among %s', array_to_string(holds, ', '))
        else 'lethe.missing_rights() lists what Lethe may not read; then try again' end;
  end if;
end
$$;

comment on function lethe_private.assert_free(text, record, record, oid, text, int[]) is 'Raises LE406 unless the answer is that no hold stands against it.';

-- Its argument is the id of the managed table.
create or replace function lethe_private.guard_row()
  returns trigger
  language plpgsql
  security definer  -- reads what is held, which nobody else may
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_holds int[];
  v_root oid;
  v_relations oid[];
  v_statement text;
begin
  if not exists (select from lethe.holds as h where h.released_at is null) then
    return null;
  end if;
  select g.holds, g.relations, case tg_op when 'UPDATE' then g.on_update else g.on_delete end
    into v_holds, v_relations, v_statement
  from lethe_private.guard_state as s
  left join lethe_private.guard_programs as g on g.table_id = tg_argv[0]::int
  where s.valid_until > now();
  if found and v_holds is null then
    return null;
  elsif v_holds is null or tg_relid <> all (v_relations) then
    v_holds := array(select h from lethe_private.holds_touching(tg_argv[0]::int) as h order by h);
    select m.* into v_managed from lethe.managed_tables as m where m.id = tg_argv[0]::int;
    v_root := lethe_private.guarded_root(tg_relid, v_managed);
    if v_holds = '{}' or v_root is null then
      return null;
    end if;
    v_statement := lethe_private.guard_statement(v_managed, v_root, v_holds, tg_op);
  end if;
  perform lethe_private.assert_free(v_statement, old, case when tg_op = 'UPDATE' then new else old end, tg_relid,
    case tg_op when 'UPDATE' then 'a change' else 'DELETE' end, v_holds);
  return null;
end
$$;

comment on function lethe_private.guard_row() is 'Trigger of a host''s table: refuses DELETE of held rows and changes of their guarded columns. Raises LE406.';

create or replace function lethe_private.guard_truncate()
  returns trigger
  language plpgsql
  security definer  -- reads what is held, which nobody else may
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_holds int[];
  v_root oid;
begin
  v_holds := array(select h from lethe_private.holds_touching(tg_argv[0]::int) as h order by h);
  if v_holds = '{}' then
    return null;
  end if;
  select m.* into v_managed from lethe.managed_tables as m where m.id = tg_argv[0]::int;
  v_root := lethe_private.guarded_root(tg_relid, v_managed);
  if v_root is null then
    return null;
  end if;
  perform lethe_private.assert_free(format('select exists (select from %s as c where c.tableoid = any (%L) and (%s))', lethe_private.host_name(v_root),
      case (select c.relkind from pg_class as c where c.oid = tg_relid) when 'p'
        then array(select r from lethe_private.relations_of(tg_relid) as r) else array[tg_relid] end,
      lethe_private.held_by_sql('c', v_managed, v_root, v_holds)),
    row(1), row(1), tg_relid, 'TRUNCATE', v_holds);
  return null;
end
$$;

comment on function lethe_private.guard_truncate() is 'Trigger of a host''s table: refuses a TRUNCATE that would take held rows. Raises LE406.';
--! EndIncluded lethe_private/guard.sql
--! Included lethe_private/kept_sql.sql
-- A row leaves only if nothing that stays refers to it. Over one row of a table, true when something
-- does:
--   keep         a referencing row exists (looking ahead: one that is not itself leaving);
--   with parent  a referencing row exists that is held or another controller's, or is itself kept by one
--                of its own children;
--   unlink       a referencing row exists that is held or another controller's, since unlinking would
--                change it.
-- References of a table to itself are for leaving_sql: they need the whole set of leaving rows.
--
-- The planner plans each EXISTS in two ways, to choose at run time, and what is nested in it anew in each: twice as long
-- with every table on the way, minutes for ten. OFFSET 0 leaves it one way. Where it is nested that is the one wanted:
-- the index of the reference, row by row.
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
  v_one_way text := case when path = '{}' then '' else ' offset 0' end;
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
    v_sql := concat_ws(' or ', v_sql, format('exists (select from %s as %s where %s%s%s)',
      lethe_private.host_name(v_reference.child), v_child,
      lethe_private.reference_sql(v_child, v_reference.child_columns, alias, v_reference.parent_columns),
      case when v_stays in ('true', 'not coalesce(false, false)') then '' else ' and (' || v_stays || ')' end, v_one_way));
    -- Asked apart from the holds, which are as good as never there.
    v_kept := case when v_reference.on_purge = 'with parent' and v_stays <> 'true' then
      lethe_private.kept_sql(v_child, v_reference.child, controller, today, look_ahead, path || table_oid) end;
    if v_kept is not null then
      v_sql := v_sql || format(' or exists (select from %s as %s where %s and (%s)%s)',
        lethe_private.host_name(v_reference.child), v_child,
        lethe_private.reference_sql(v_child, v_reference.child_columns, alias, v_reference.parent_columns), v_kept, v_one_way);
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
      and t.tgtype & 19 = 19  -- before, for each row, on update
      and t.tgfoid is distinct from to_regprocedure('lethe.refuse_restricted()')::oid);
end;

comment on function lethe_private.is_watched(oid) is 'True when a trigger may change what an UPDATE of the table writes.';
--! EndIncluded lethe_private/act_sql.sql
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

create or replace function lethe_private.assert_given_parameters(subject text, declared jsonb, parameters jsonb)
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
  select k into v_key from jsonb_object_keys(parameters) as k where not declared ? k limit 1;
  if v_key is not null then
    raise exception using errcode = 'LE106',
      message = format('%s has no parameter %I', subject, v_key),
      hint = coalesce('it has ' || (select string_agg(k, ', ') from jsonb_object_keys(declared) as k), 'it has none');
  end if;
  for v_key, v_spec in select d.key, d.value from jsonb_each(declared) as d loop
    v_value := coalesce(parameters -> v_key, v_spec -> 'default');
    if v_value is null then
      raise exception using errcode = 'LE106',
        message = format('%s needs parameter %I', subject, v_key),
        hint = coalesce(v_spec ->> 'description', 'give it beside the name');
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
        message = format('parameter %I of %s cannot be %s', v_key, subject, v_value),
        hint = concat_ws('; ', 'it takes ' || (v_spec ->> 'type'), case when v_spec ? 'pattern' then v_spec ->> 'description' end, 'at least ' || (v_spec ->> 'minimum'),
          'at most ' || (v_spec ->> 'maximum'), 'one of ' || (v_spec ->> 'enum'));
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_given_parameters(text, jsonb, jsonb) is
  'Raises LE106 for a parameter that is unknown, missing or of the wrong kind.';

create or replace function lethe_private.assert_parameters(method lethe.methods, parameters jsonb)
  returns void
  language sql
  immutable
return lethe_private.assert_given_parameters('method ' || method.name, method.parameters, assert_parameters.parameters);

comment on function lethe_private.assert_parameters(lethe.methods, jsonb) is
  'Raises LE106 for a parameter of a method that is unknown, missing or of the wrong kind.';

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
      hint = case when target.is_generated then 'anonymize the columns it is computed from' else 'purge the row instead' end;
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
--! Included lethe_private/record_change.sql
-- Every row of the policy that changes is recorded whole, before and after. The rows hold names and
-- delays, nobody's data. Why a hold was placed or released is what an officer wrote, of people it may be: that stands in
-- lethe.holds alone, which forgets it in its time.
create or replace function lethe_private.record_change()
  returns trigger
  language plpgsql
  security definer  -- nobody may write lethe.policy_changes
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rehearsing boolean := exists (select from lethe_private.rehearsing as r where r.xact = pg_current_xact_id());
  v_untold text[] := case when tg_table_name = 'holds' then array['reason', 'release_reason'] else '{}' end;
  v_before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - v_untold end;
  v_after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - v_untold end;
begin
  if v_before = v_after then
    return null;
  end if;
  insert into lethe.policy_changes (by, reason, object, before, after)
  values (session_user, case when tg_table_name <> 'holds' then nullif(current_setting('lethe.reason', true), '') end, tg_table_name,
    v_before, v_after);
  -- What is tried and rolled back is no policy: guards, batches under way and whoever places a hold are let be.
  if v_rehearsing then
    return null;
  end if;
  -- What guards ask may be another question now.
  perform pg_advisory_xact_lock_shared(lethe_private.guards_lock_id());
  delete from lethe_private.guard_state;
  -- An open cycle goes on under the policy as it is now. This waits for batches under way.
  if tg_table_name not in ('memberships', 'managed_columns', 'column_formats', 'subject_types', 'holds', 'waivers', 'managed_views') then
    delete from lethe_private.compiled;
  end if;
  return null;
end
$$;

comment on function lethe_private.record_change() is
  'Trigger: keeps who changed which part of the policy, when and why (of a hold: not why), and has open cycles compiled anew.';

create or replace trigger record_change after insert or update or delete on lethe.controllers for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.memberships for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.managed_tables for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.managed_columns for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.column_formats for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.subject_types for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.links for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.rules for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.terms for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.settings for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.holds for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.managed_views for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.waivers for each row execute function lethe_private.record_change();
--! EndIncluded lethe_private/record_change.sql
--! Included lethe/set_view.sql
-- What a view of people is for. Which columns of figures count people has to be said, since nothing in the catalogue
-- tells a number of people from a number of anything else; lethe.check() measures them.
create or replace function lethe_private.put_view(view text, shows text, counts text[], looked_again boolean)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.resolve_table(put_view.view);
  v_kind "char" := (select c.relkind from pg_class as c where c.oid = v_oid);
  v_column text;
begin
  if v_kind not in ('v', 'm') then
    raise exception using errcode = 'LE106',
      message = format('%s is a table, not a view', lethe_private.host_name(v_oid)),
      hint = format('select lethe.manage_table(%L)', lethe_private.host_name(v_oid));
  elsif shows is null or shows not in ('people', 'figures', 'refreshed copy') or v_kind = 'm' and shows = 'people' or v_kind = 'v' and shows = 'refreshed copy' then
    raise exception using errcode = 'LE106',
      message = format('view %s cannot show %s', lethe_private.host_name(v_oid), coalesce(quote_literal(shows), 'null')),
      hint = case v_kind when 'm' then 'a materialized view is a refreshed copy, or figures' else 'a view shows people, or figures' end;
  elsif (shows = 'figures') <> (coalesce(cardinality(counts), 0) > 0) then
    raise exception using errcode = 'LE106',
      message = format('view %s names %s', lethe_private.host_name(v_oid),
        case shows when 'figures' then 'no column that counts people' else 'columns that count people, and shows no figures' end),
      hint = 'figures come with counts: the columns that say how many people a row is about';
  end if;
  foreach v_column in array coalesce(counts, '{}') loop
    if not exists (select from lethe_private.host_columns as h where h.relation = v_oid and h.name = v_column and h.type_category = 'N') then
      raise exception using errcode = 'LE103',
        message = format('view %s has no column %I of numbers', lethe_private.host_name(v_oid), v_column),
        hint = 'it has ' || (select string_agg(quote_ident(h.name), ', ' order by h.position) from lethe_private.host_columns as h where h.relation = v_oid);
    end if;
  end loop;
  insert into lethe.managed_views as v (schema_name, view_name, shows, counts, definition)
  select n.nspname, c.relname, put_view.shows, coalesce(put_view.counts, '{}'), md5(pg_get_viewdef(c.oid))
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = v_oid
  on conflict (schema_name, view_name) do update
  set shows = excluded.shows, counts = excluded.counts, definition = excluded.definition
  where put_view.looked_again or (v.shows, v.counts) is distinct from (excluded.shows, excluded.counts);
end
$$;

comment on function lethe_private.put_view(text, text, text[], boolean) is
  'Writes down what a view shows; as it is now, unless that stands there already and nobody has looked again. Raises LE102, LE103, LE106.';

create or replace function lethe.set_view(view text, shows text, counts text[] default null, reason text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.assert_may_change(null);
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  perform lethe_private.put_view(view, shows, counts, true);
end
$$;

comment on function lethe.set_view(text, text, text[], text) is
  'Says what a view or materialized view of people''s data shows: people, figures (with the columns that count people), or, where it is materialized, a copy that is refreshed daily. Raises LE102, LE103, LE106, LE502.';

create or replace function lethe.unset_view(view text, reason text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.assert_may_change(null);
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  delete from lethe.managed_views as v
  where unset_view.view in (format('%s.%s', v.schema_name, v.view_name), format('%I.%I', v.schema_name, v.view_name));
  if not found then
    raise exception using errcode = 'LE102',
      message = format('nothing was decided on view %s', coalesce(unset_view.view, '(null)')),
      hint = 'lethe.managed_views lists what was';
  end if;
end
$$;

comment on function lethe.unset_view(text, text) is 'Takes back what was decided on a view. Raises LE102, LE502.';
--! EndIncluded lethe/set_view.sql
--! Included lethe/waive.sql
-- What a view or function does is what was looked at when a finding of it was waived.
create or replace function lethe_private.waived_definition(object text)
  returns text
  language sql
  stable
begin atomic
  select md5(pg_get_viewdef(c.oid))
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('v', 'm') and format('%I.%I', n.nspname, c.relname) = waived_definition.object
  union all
  select md5(pg_get_functiondef(p.oid))
  from pg_catalog.pg_proc as p
  where p.prosecdef and p.oid::regprocedure::text = waived_definition.object
  limit 1;
end;

comment on function lethe_private.waived_definition(text) is
  'A hash of the definition of the view or function that a finding names; null where it names something else. Needs a pinned search path.';

-- A finding that somebody takes on until a day. Not for good: what is decided for good is a decision, and has its place
-- in the policy.
create or replace function lethe_private.put_waiver(code text, object text, until date, reason text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reads text := (select c.reads from lethe.checks as c where c.code = put_waiver.code);
begin
  if v_reads is null then
    raise exception using errcode = 'LE112',
      message = format('there is no finding %s', coalesce(quote_literal(code), 'null')),
      hint = 'lethe.checks lists them';
  elsif v_reads in ('the findings', 'the policy file') then
    raise exception using errcode = 'LE621',
      message = format('finding %s cannot be waived', code),
      hint = 'it tells of the check itself: do what it says';
  elsif coalesce(object, '') = '' then
    raise exception using errcode = 'LE621', message = format('a waiver of %s names no object', code), hint = 'name it as the finding does';
  elsif until is null or not isfinite(until) then
    raise exception using errcode = 'LE621',
      message = format('the waiver of %s for %s names no last day', code, object),
      hint = 'write it as 2027-01-31; what is decided for good belongs in the policy';
  elsif coalesce(reason, '') !~ '\S' then
    raise exception using errcode = 'LE621', message = format('the waiver of %s for %s gives no reason', code, object), hint = 'say why, for whoever reads it when it ends';
  end if;
  insert into lethe.waivers as w (code, object, until, reason, definition)
  values (put_waiver.code, put_waiver.object, put_waiver.until, put_waiver.reason, lethe_private.waived_definition(put_waiver.object))
  on conflict on constraint waivers_pkey do update
  set until = excluded.until, reason = excluded.reason, definition = excluded.definition, by = excluded.by, at = excluded.at
  where (w.until, w.reason) is distinct from (excluded.until, excluded.reason);
end
$$;

comment on function lethe_private.put_waiver(text, text, date, text) is 'Writes a waiver down; its day may have passed already. Raises LE112, LE621.';

create or replace function lethe.waive(code text, object text, until date, reason text)
  returns void
  language plpgsql
  volatile
  security definer  -- the policy is changed through functions only, each change recorded
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.assert_may_change(null);
  if until < lethe_private.latest_today() then
    raise exception using errcode = 'LE621',
      message = format('the waiver of %s for %s would have ended on %s', code, object, until),
      hint = 'name a day to come';
  end if;
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  perform lethe_private.put_waiver(code, object, until, reason);
  -- Who waives it once more has looked again, even where day and reason are the same; a file that is applied again has not.
  update lethe.waivers as w
  set definition = lethe_private.waived_definition(w.object)
  where w.code = waive.code and w.object = waive.object and w.definition is distinct from lethe_private.waived_definition(w.object);
end
$$;

comment on function lethe.waive(text, text, date, text) is
  'Leaves a finding of lethe.check(), named by code and object as it is there, unreported up to and including a day, or until the view or function that it is about changes. Raises LE112, LE502, LE621.';

create or replace function lethe.withdraw_waiver(code text, object text, reason text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- the policy is changed through functions only, each change recorded
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.assert_may_change(null);
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  delete from lethe.waivers as w where w.code = withdraw_waiver.code and w.object = withdraw_waiver.object;
  if not found then
    raise exception using errcode = 'LE112',
      message = format('there is no waiver of %s for %s', coalesce(code, '(null)'), coalesce(object, '(null)')),
      hint = 'lethe.waivers lists them';
  end if;
end
$$;

comment on function lethe.withdraw_waiver(text, text, text) is 'Ends a waiver. Raises LE112, LE502.';

-- The day of whichever controller is furthest ahead: a waiver is over as soon as its day has passed for one of them.
create or replace function lethe_private.latest_today()
  returns date
  language sql
  stable
begin atomic
  select coalesce(max(lethe_private.today(c.time_zone)), current_date) from lethe.controllers as c;
end;

comment on function lethe_private.latest_today() is 'The local day of the controller for whom it is latest.';
--! EndIncluded lethe/waive.sql
--! Included lethe_private/apply_checks.sql
-- The parts of lethe.apply_policy that lethe.check() is about: see apply_parts.sql for how errors are told.

create or replace function lethe_private.apply_claim("table" text, "column" text, claim jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(claim, 'null') not in ('null', '"anonymous"') then
    raise exception using errcode = 'LE106',
      message = format('column %s claims %s', "column", claim),
      hint = 'a column may claim anonymous, or nothing';
  end if;
  perform lethe.claim_anonymous("table", "column", coalesce(claim = '"anonymous"', false));
end
$$;

comment on function lethe_private.apply_claim(text, text, jsonb) is 'The claim of one column of a policy document. Raises LE106.';

create or replace function lethe_private.apply_views(views jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text; v_spec jsonb;
  v_seen oid[] := '{}';
  v_pointer text := '/views';
  v_message text; v_state text; v_hint text;
begin
  perform lethe_private.assert_keys(views, array(select jsonb_object_keys(views)), 'views');
  for v_name, v_spec in select e.key, e.value from jsonb_each(views) as e loop
    v_pointer := lethe_private.pointer('views', v_name);
    perform lethe_private.assert_keys(v_spec, array['shows', 'counts'], 'view ' || v_name);
    perform lethe_private.put_view(v_name, v_spec ->> 'shows', lethe_private.text_list(v_spec -> 'counts'), false);
    v_seen := v_seen || lethe_private.resolve_table(v_name);
  end loop;
  delete from lethe.managed_views as v
  where coalesce(lethe_private.host_table(v.schema_name, v.view_name) <> all (v_seen), true);
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = 'at ' || v_pointer;
end
$$;

comment on function lethe_private.apply_views(jsonb) is 'The decided views of a policy document.';

create or replace function lethe_private.apply_waivers(waivers jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_waiver jsonb; v_index bigint;
  v_pointer text := '/waivers';
  v_message text; v_state text; v_hint text;
begin
  if jsonb_typeof(waivers) <> 'array' then
    raise exception using errcode = 'LE605',
      message = format('waivers are a %s, not a list', jsonb_typeof(waivers)),
      hint = 'see docs/policy.schema.json';
  end if;
  for v_waiver, v_index in select e, n - 1 from jsonb_array_elements(waivers) with ordinality as x (e, n) loop
    v_pointer := lethe_private.pointer('waivers', v_index::text);
    perform lethe_private.assert_keys(v_waiver, array['finding', 'object', 'until', 'reason'], 'a waiver');
    perform lethe_private.put_waiver(v_waiver ->> 'finding', v_waiver ->> 'object',
      (lethe_private.read_days(array[v_waiver ->> 'until']))[1], v_waiver ->> 'reason');
  end loop;
  delete from lethe.waivers as w
  where not exists (
    select from jsonb_array_elements(waivers) as e where (e ->> 'finding', e ->> 'object') = (w.code, w.object));
exception when others then
  get stacked diagnostics v_message = message_text, v_state = returned_sqlstate, v_hint = pg_exception_hint;
  raise exception using errcode = v_state, message = v_message, hint = v_hint, detail = 'at ' || v_pointer;
end
$$;

comment on function lethe_private.apply_waivers(jsonb) is 'The waivers of a policy document. One whose day has passed is taken as it is, and reported by lethe.check().';

create or replace function lethe_private.export_checks()
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_strip_nulls(jsonb_build_object(
    'views', (
      select jsonb_object_agg(
        case when strpos(v.schema_name, '.') > 0 then format('%I.%I', v.schema_name, v.view_name) else v.schema_name || '.' || v.view_name end,
        jsonb_strip_nulls(jsonb_build_object('shows', v.shows, 'counts', nullif(to_jsonb(v.counts), '[]'))))
      from lethe.managed_views as v),
    'waivers', (
      select jsonb_agg(jsonb_build_object('finding', w.code, 'object', w.object, 'until', w.until, 'reason', w.reason) order by w.code, w.object)
      from lethe.waivers as w)));
end;

comment on function lethe_private.export_checks() is 'The decided views and the waivers as a policy document writes them.';
--! EndIncluded lethe_private/apply_checks.sql
--! Included lethe_private/holds_wait.sql
-- A hold that has been placed holds. Batches under way are waited for; later ones see it.
create or replace function lethe_private.wait_for_batches()
  returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(lethe_private.holds_lock_id());
  return null;
end
$$;

comment on function lethe_private.wait_for_batches() is 'Trigger: no batch runs while holds change.';

-- Not where its reason is forgotten: that holds nothing and lets nothing go.
create or replace trigger wait_for_batches
  before insert or delete or update of controller_id, ends_on, released_at, kind, subject, table_id, request_id on lethe.holds
  for each statement execute function lethe_private.wait_for_batches();
create or replace trigger wait_for_batches before insert or update or delete on lethe_private.held_keys
  for each statement execute function lethe_private.wait_for_batches();
create or replace trigger wait_for_batches before insert or update or delete on lethe_private.held_conditions
  for each statement execute function lethe_private.wait_for_batches();
--! EndIncluded lethe_private/holds_wait.sql
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
    'id', 'at', 'by', 'controller_id', 'table_name', 'key_hash', 'key_version', 'restored', 'exempt_until', 'rows_opened']),
  (7, 'lethe.certificates', 1, array['request_id', 'number', 'controller_id', 'issued_at', 'document'])
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
from lethe.archive_openings as o
union all
select c.controller_id, null, 'lethe.certificates', jsonb_build_array(c.request_id, c.number)::text, true, to_jsonb(c)
from lethe.certificates as c;

comment on view lethe_private.evidence_rows is
  'Every row of evidence: whose it is, its key, whether it can no longer change, and what it says. Times are in the session''s zone: only functions that pin it may hash them.';
--! EndIncluded lethe_private/evidence_rows.sql
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
create or replace trigger refuse_sealed before update or delete on lethe.certificates for each row execute function lethe_private.refuse_sealed();
create or replace trigger refuse_sealed before update or delete on lethe.seals for each row execute function lethe_private.refuse_sealed();
create or replace trigger refuse_sealed before update or delete on lethe.sealed_rows for each row execute function lethe_private.refuse_sealed();

create or replace trigger refuse_truncate before truncate on lethe.cycles for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.cycle_tables for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.evidence for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.evidence_batches for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.receipts for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.archive_openings for each statement execute function lethe_private.refuse_sealed();
create or replace trigger refuse_truncate before truncate on lethe.certificates for each statement execute function lethe_private.refuse_sealed();
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
    'requests', coalesce((
      select jsonb_agg(jsonb_build_object('request', f.request, 'state', 'failed', 'failure', f.failure) order by f.request)
      from lethe_private.failed_requests(cycle.controller_id) as f), '[]'),
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
      and not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 8 = 8
      and not lethe_private.is_guard(t.tgfoid)
      and t.tgfoid is distinct from to_regprocedure('lethe.refuse_restricted()')::oid);
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
--! Included lethe/finish_cycle.sql
-- An erasure that was to be carried out and could not be: as loud as a table that could not be swept.
create or replace function lethe_private.failed_requests(controller_id int)
  returns table (request bigint, failure jsonb)
  language sql
  stable
begin atomic
  select r.id, r.failure
  from lethe.requests as r
  where r.controller_id = failed_requests.controller_id and r.kind = 'erasure' and r.failure is not null
    and r.state in ('approved', 'delayed', 'executed', 'blocked')
  order by r.id;
end;

comment on function lethe_private.failed_requests(int) is 'Erasures of a controller that failed when they were last tried.';

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
        where t.cycle_id = finish_cycle.cycle_id and t.state <> 'verified')
        or exists (select from lethe_private.failed_requests(c.controller_id)) then 'incomplete' else 'complete' end,
      finished_at = clock_timestamp()
  where c.id = finish_cycle.cycle_id
  returning * into v_cycle;
  delete from lethe.partition_purges as p where p.cycle_id = finish_cycle.cycle_id and p.how = 'waiting';
  delete from lethe_private.worklist as w where w.cycle_id = finish_cycle.cycle_id;
  delete from lethe_private.exemptions as e where e.until < v_cycle.local_date - 7;
  delete from lethe_private.compiled as p where p.cycle_id = finish_cycle.cycle_id;
  perform lethe_private.purge_packages();
  perform lethe_private.purge_suppressions();
  perform lethe_private.remember_relations();
  perform lethe_private.write_guards();
  perform lethe_private.forget_hold_reasons();
  perform lethe_private.write_receipt(v_cycle);
  perform lethe_private.seal_controller(v_cycle.controller_id);
  return v_cycle.state;
end
$$;

comment on function lethe.finish_cycle(bigint) is
  'Closes a cycle whose tables are all verified, left over or failed: complete, or incomplete (also where an erasure could not be carried out), with its receipt, and sealed; open while some are not. Raises LE403, LE405.';
--! EndIncluded lethe/finish_cycle.sql
--! Included lethe/cycle_report.sql
-- What a worker needs to know beside the steps themselves: how fast it may go, what a cycle did, and
-- which tables it could not bring to their end. Figures, names of tables and SQLSTATEs; never a row.

create or replace function lethe.pace()
  returns numeric
  language sql
  stable
  security definer  -- a worker reads none of Lethe's tables
  set jit = off
begin atomic
  select s.pause_ratio from lethe.settings as s;
end;

comment on function lethe.pace() is 'How long to pause after a batch, as a multiple of the time it took.';

-- Whoever drives a cycle over several connections cannot keep start_cycle's exclusive lock: the other
-- connections would meet it. A shared one still refuses everybody who wants the controller alone, and
-- lets batches through.
create or replace function lethe.share_controller(controller text)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers := lethe_private.get_controller(controller);
begin
  perform pg_advisory_lock_shared(lethe_private.lock_id(v_controller.id));
  perform pg_advisory_unlock(lethe_private.lock_id(v_controller.id));
end
$$;

comment on function lethe.share_controller(text) is
  'Turns what start_cycle(..., alone => true) took for this session into a shared lock, until the session ends or unlocks all. Raises LE101.';

create or replace function lethe.cycle_report(cycle_id bigint)
  returns table (
    table_name     text,
    rule           text,
    due            bigint,
    done           bigint,
    held           bigint,
    kept_by_child  bigint,
    skipped        bigint,
    skipped_why    jsonb,
    unclocked      bigint,
    left_over      bigint
  )
  language sql
  stable
  security definer
  set jit = off
begin atomic
  select e.table_name, e.rule, e.due, e.done, e.held, e.kept_by_child, e.skipped, e.skipped_why, e.unclocked, e.left_over
  from lethe.evidence as e
  where e.cycle_id = cycle_report.cycle_id
  order by e.table_name, e.rule;
end;

comment on function lethe.cycle_report(bigint) is 'The evidence of a cycle, for whoever runs it.';

create or replace function lethe.cycle_faults(cycle_id bigint)
  returns table (
    table_name   text,
    state        text,
    sqlstate     text,
    "constraint" text,
    left_over    bigint,
    skipped_why  jsonb
  )
  language sql
  stable
  security definer
  set jit = off
begin atomic
  select t.table_name, t.state, t.failure ->> 'sqlstate', t.failure ->> 'constraint',
    (select sum(e.left_over)::bigint from lethe.evidence as e
     where e.cycle_id = t.cycle_id and e.table_id = t.table_id),
    nullif(t.skipped, '{}')
  from lethe.cycle_tables as t
  where t.cycle_id = cycle_faults.cycle_id and t.state in ('failed', 'left over')
  union all
  select 'request ' || (f.value ->> 'request'), f.value ->> 'state', f.value #>> '{failure,sqlstate}', f.value #>> '{failure,constraint}', null, null
  from lethe.receipts as r
  cross join jsonb_array_elements(r.document -> 'requests') as f
  where r.cycle_id = cycle_faults.cycle_id
  order by 1;
end;

comment on function lethe.cycle_faults(bigint) is
  'The tables, and the requests, that keep a cycle from being complete, and why: SQLSTATE and constraint, or how many rows are left.';
--! EndIncluded lethe/cycle_report.sql
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
  v_request bigint;
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
    for v_request in select r from lethe.requests_to_complete(v_controller) as r loop
      loop
        commit;
        set transaction isolation level read committed;
        v_state := lethe.advance_request(v_request);
        commit;
        exit when v_state <> 'executed';
      end loop;
      raise notice '%  request %: %', v_controller, v_request, v_state;
    end loop;
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
  v_state text; v_constraint text; v_table text; v_column text;
begin
  perform lethe_private.assert_not_held(opening);
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
        get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_table = table_name, v_column = column_name;
        -- The list has the last word, also over an officer: who is let back in is let in there, with a reason. A trigger of
        -- the host can raise the same code: only what is a column is named.
        if v_state = 'LE445' then
          raise exception using errcode = 'LE445',
            message = format('the record cannot be put back into %s: %s has an identifier of somebody who asked to be forgotten', v_mirror.table_name,
              coalesce((select format('its column %I', h.name) from lethe_private.host_columns as h
                where h.relation = lethe_private.host_table(v_managed.schema_name, v_managed.table_name) and h.name = v_column), 'it')),
            hint = 'nothing was put back; read the record instead, or, if the person came back by choice, lift it first: select lethe.allow_recapture(…)';
        end if;
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
  'Puts the named record back and leaves it alone until the opening''s day. Raises LE409, LE445, LE501, LE902.';

-- What is held is left as it is, where it is; it can be read.
create or replace function lethe_private.assert_not_held(opening lethe.archive_openings)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_held boolean;
begin
  -- Waits for a hold that is being placed; one that comes later finds the record where it then is.
  perform pg_advisory_xact_lock_shared(lethe_private.holds_lock_id());
  for v_mirror in select m.* from lethe_private.mirrors as m where m.id in (select r.id from lethe_private.mirrors_of_record() as r) loop
    execute format('select exists (select from lethe_private.%I as c where %s)', 'door_' || v_mirror.name,
      lethe_private.archived_held_sql('c', v_mirror, lethe_private.controller_day(opening.controller_id), false)) into v_held;
    if v_held then
      raise exception using errcode = 'LE409',
        message = format('the record of %s is under a hold', opening.table_name),
        hint = 'nothing was put back; open it without restoring, or release the hold first: select * from lethe.list_holds()';
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_not_held(lethe.archive_openings) is 'Raises LE409 when part of the record to be put back is under a hold.';

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
  'Shows one archived record, or puts it back whole and leaves it alone until a day (default: 30 days on). Recorded in lethe.archive_openings. Raises LE102, LE409, LE445, LE501, LE502, LE901, LE902, LE904.';

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
        'content', to_jsonb(m.*) - array['lethe$key', 'lethe$root', 'lethe$root_table', 'lethe$archived_at', 'lethe$controller', 'lethe$clocks'])
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
--! Included lethe_private/place_hold.sql
-- Whose hold it is: the one controller of the table, or the one that was named.
create or replace function lethe_private.hold_controller(managed lethe.managed_tables, controller text)
  returns lethe.controllers
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found lethe.controllers[];
begin
  if hold_controller.controller is not null then
    v_found := array[lethe_private.get_controller(hold_controller.controller)];
  else
    v_found := array(select c from lethe.controllers as c where lethe_private.has_controller(managed, c));
    if cardinality(v_found) <> 1 then
      raise exception using errcode = 'LE407',
        message = format('a hold on %s does not say for which controller', lethe_private.plain_name(managed)),
        hint = 'name the controller: this table has rows of several';
    end if;
  end if;
  perform lethe_private.assert_may_change(v_found[1].id);
  if not lethe_private.has_controller(managed, v_found[1]) then
    raise exception using errcode = 'LE407',
      message = format('table %s has no rows of controller %s', lethe_private.plain_name(managed), v_found[1].name),
      hint = 'lethe.managed_tables says whose rows a table has';
  end if;
  return v_found[1];
end
$$;

comment on function lethe_private.hold_controller(lethe.managed_tables, text) is
  'The controller for whom a hold is placed. Raises LE101, LE407, LE502.';

-- The row of lethe.holds comes first: it waits for the batches under way, so that what is looked for
-- afterwards is still there when it is held.
create or replace function lethe_private.place_hold(
  kind text, reason text, managed lethe.managed_tables, controller lethe.controllers, ends_on date, subject text default null
)
  returns int
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_id int;
begin
  if coalesce(place_hold.reason, '') !~ '\S' then
    raise exception using errcode = 'LE407',
      message = format('no reason is given for a hold on %s', lethe_private.plain_name(managed)),
      hint = 'name the matter (a case number, a letter), not the person: reasons are kept';
  elsif not isfinite(place_hold.ends_on) or place_hold.ends_on < lethe_private.today(controller.time_zone) then
    raise exception using errcode = 'LE407',
      message = format('a hold on %s cannot end on %s', lethe_private.plain_name(managed), place_hold.ends_on),
      hint = 'its last day is today or later, where the controller is; without one it holds until it is released';
  end if;
  perform lethe_private.assert_intact(managed);
  -- A change of the policy that is not committed may be taking away the very link by which the hold would reach its
  -- rows, and cannot see the hold: one waits for the other. Whatever there is to wait for comes before the insert,
  -- from which on no batch runs.
  perform pg_advisory_xact_lock(lethe_private.guards_lock_id());
  perform from lethe.controllers as c where c.id = controller.id for key share;
  perform from lethe.managed_tables as m where m.id = managed.id and m is not distinct from managed for key share;
  if not found then
    raise exception using errcode = 'LE102',
      message = format('what the policy says of %s has just changed', lethe_private.plain_name(managed)),
      hint = 'try again; lethe.managed_tables lists the tables that can be held';
  end if;
  insert into lethe.holds (controller_id, reason, ends_on, kind, subject, table_id, table_name)
  values (controller.id, btrim(place_hold.reason), place_hold.ends_on, place_hold.kind, place_hold.subject, managed.id, lethe_private.plain_name(managed))
  returning id into v_id;
  -- What earlier holds named is not kept longer than they hold.
  delete from lethe_private.held_keys as k where k.hold_id not in (select f from lethe_private.holds_in_force() as f);
  delete from lethe_private.held_conditions as c where c.hold_id not in (select f from lethe_private.holds_in_force() as f);
  return v_id;
end
$$;

comment on function lethe_private.place_hold(text, text, lethe.managed_tables, lethe.controllers, date, text) is
  'Begins a hold that names nothing yet, when no change of the policy is under way any more. Raises LE102, LE407.';

-- To whom a row belongs must have an end, and the policy must still say what was read of it before the hold was waited for.
create or replace function lethe_private.place_person_hold(
  reason text, type lethe.subject_types, managed lethe.managed_tables, controller lethe.controllers, ends_on date
)
  returns int
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold int;
begin
  if exists (select from lethe_private.person_links(type.name) as l where l.circular) then
    raise exception using errcode = 'LE407',
      message = format('the links of subject type %s lead in a circle', type.name),
      hint = 'declare the link that leads back as mention or ignore: to whom a row belongs must have an end';
  end if;
  v_hold := lethe_private.place_hold('person', place_person_hold.reason, managed, controller, place_person_hold.ends_on, type.name);
  if not exists (select from lethe.subject_types as s where s is not distinct from type) then
    raise exception using errcode = 'LE109',
      message = format('what the policy says of subject type %s has just changed', type.name),
      hint = 'try again; lethe.subject_types lists them';
  end if;
  return v_hold;
end
$$;

comment on function lethe_private.place_person_hold(text, lethe.subject_types, lethe.managed_tables, lethe.controllers, date) is
  'Begins a hold on a person, which names nobody yet. Raises LE102, LE109, LE407.';

create or replace function lethe_private.hold_keys(hold_id int, type lethe.subject_types, controller lethe.controllers, keys text[])
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform lethe_private.add_held_keys(type.table_id, hold_keys.hold_id, to_jsonb(keys));
  insert into lethe_private.held_links (hold_id, table_id, columns, to_table_id, to_columns)
  select hold_keys.hold_id, l.table_id, l.columns, l.to_table_id, l.to_columns
  from lethe_private.person_links(type.name) as x join lethe.links as l on l.id = x.link_id;
  perform lethe_private.reach_archive(hold_keys.hold_id, type.name, controller);
  perform lethe_private.try_hold(m, hold_keys.hold_id)
  from lethe.managed_tables as m
  where m.id in (select l.table_id from lethe_private.person_links(type.name) as l);
  perform lethe_private.remember_relations();
  perform lethe_private.write_guards();
end
$$;

comment on function lethe_private.hold_keys(int, lethe.subject_types, lethe.controllers, text[]) is
  'Has a hold name root rows of a person, and all that is archived of them. Raises LE501.';

-- Waited for first: a change of the policy that is not committed keeps no batch waiting.
create or replace function lethe_private.lock_hold(id int)
  returns lethe.holds
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold lethe.holds;
begin
  perform pg_advisory_xact_lock(lethe_private.guards_lock_id());
  perform pg_advisory_xact_lock(lethe_private.holds_lock_id());
  select h.* into v_hold from lethe.holds as h where h.id = lock_hold.id for update;
  return v_hold;
end
$$;

comment on function lethe_private.lock_hold(int) is 'A hold, when nobody else changes one and no batch runs; all null where there is none.';

create or replace function lethe_private.end_hold(id int, reason text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  update lethe.holds as h
  set released_at = now(), released_by = session_user, release_reason = btrim(end_hold.reason)
  where h.id = end_hold.id;
  delete from lethe_private.held_keys as k where k.hold_id = end_hold.id;
  delete from lethe_private.held_conditions as c where c.hold_id = end_hold.id;
  delete from lethe_private.held_links as l where l.hold_id = end_hold.id;
  perform lethe_private.write_guards();
end
$$;

comment on function lethe_private.end_hold(int, text) is 'Ends a hold that lock_hold has locked, and forgets what it named.';

-- Three years after it ended nobody can be asked about it any more. One that is just being released can wait for a day.
create or replace function lethe_private.forget_hold_reasons()
  returns void
  language sql
  volatile
begin atomic
  with over as (
    select h.id
    from lethe.holds as h
    where h.reason <> 'forgotten'
      and (h.released_at < now() - interval '3 years' or h.ends_on < lethe_private.controller_day(h.controller_id) - interval '3 years')
    for update skip locked
  )
  update lethe.holds as h
  set reason = 'forgotten', release_reason = null
  from over as o
  where o.id = h.id;
end;

comment on function lethe_private.forget_hold_reasons() is
  'Forgets why holds were placed and released that ended more than three years ago; who did it and when is kept.';

-- A predicate that fails on some row would fail every batch; a table that cannot be read would, too.
create or replace function lethe_private.try_hold(managed lethe.managed_tables, hold_id int)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
begin
  return lethe_private.count_as_sweeper(format('select to_jsonb(count(*)) from %s as c where %s',
    lethe_private.host_name(v_oid), lethe_private.held_by_sql('c', managed, v_oid, array[try_hold.hold_id])), managed)::bigint;
exception when insufficient_privilege then
  raise exception using errcode = 'LE501',
    message = format('lethe_sweeper may not read what a hold on %s asks for', lethe_private.plain_name(managed)),
    hint = 'select * from lethe.missing_rights() lists the grants; a predicate over types of yours needs usage on their schema, too';
end
$$;

comment on function lethe_private.try_hold(lethe.managed_tables, int) is
  'How many live rows of a table a hold reaches. Raises LE501, or the error that the predicate meets.';

-- What is archived of the table, or will be, must be able to say whether it is held.
create or replace function lethe_private.assert_answerable(managed lethe.managed_tables, condition text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_mirror lethe_private.mirrors;
  v_filled boolean;
  v_name text;
begin
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    execute format('select exists (select from lethe_archive.%I)', v_mirror.name) into v_filled;
    if v_filled and lethe_private.archived_answer(v_mirror, condition) is null then
      v_name := v_mirror.kind;
    end if;
  end loop;
  -- What the policy will archive.
  if exists (
    select from lethe.managed_tables as t
    join lethe.rules as r on r.table_id = t.id and r.action = 'archive' and r.column_name is null
    cross join lateral lethe_private.archived_family(t) as f
    where f.id = managed.id) and lethe_private.archived_condition(condition) is null
  then
    v_name := 'rows';
  elsif exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive' and r.column_name is not null)
    and (lethe_private.archived_condition(condition) is null or exists (
      select from lethe_private.host_columns as h
      where h.relation = v_oid and lethe_private.names_column(condition, h.name)
        and h.name not in (select s.column_name from lethe_private.mirror_shape(managed, v_oid, 'values') as s)))
  then
    v_name := 'values';
  end if;
  if v_name is not null then
    raise exception using errcode = 'LE408',
      message = format('what is archived of %s (%s) cannot say whether the predicate holds it', lethe_private.plain_name(managed), v_name),
      hint = case v_name when 'values' then 'archived values keep the key, the clocks and what the rules ask for: name only those, or hold the person or the table'
        else 'compare an enumeration for equality alone, other types of yours not at all, and columns that were there then; or hold the person or the table' end;
  end if;
end
$$;

comment on function lethe_private.assert_answerable(lethe.managed_tables, text) is
  'Raises LE408 where the archive of a table cannot answer a predicate.';
--! EndIncluded lethe_private/place_hold.sql
--! Included lethe_private/seal_text.sql
-- Encryption without an extension: HMAC-SHA-256 as a pseudorandom function in counter mode, then an HMAC over what came
-- out (encrypt, then authenticate). Each use has a key of its own, derived from the controller's by NIST SP 800-108 in
-- counter mode. Whatever is derived from begins with a zero byte, which no text can contain: so no pseudonym and no hash
-- of somebody's value is ever one of these keys.
--
-- What it protects: a copy of the table, its statistics, the log, a backup of this table alone. What it does not: the
-- whole database, where the keys are (lethe_private.controller_keys). That is why what is sealed is deleted early.
create or replace function lethe_private.hmac(content bytea, inner_pad bytea, outer_pad bytea)
  returns bytea
  language sql
  immutable
return sha256(outer_pad || sha256(inner_pad || content));

comment on function lethe_private.hmac(bytea, bytea, bytea) is 'HMAC-SHA-256 of bytes; the key comes as its two pads.';

create or replace function lethe_private.derived_key(master lethe_private.controller_keys, label text)
  returns lethe_private.controller_keys
  language sql
  immutable
begin atomic
  select master.controller_id, master.version, lethe_private.hmac_pad(k.key, 54), lethe_private.hmac_pad(k.key, 92), master.created_at
  from (select lethe_private.hmac(
      int4send(1) || decode(label, 'escape') || '\x00'::bytea || int4send(master.controller_id) || int4send(256),
      master.inner_pad, master.outer_pad) as key) as k;
end;

comment on function lethe_private.derived_key(lethe_private.controller_keys, text) is
  'The key of one use (a plain word of ASCII), derived from a controller''s key.';

create or replace function lethe_private.newest_key(controller_id int)
  returns lethe_private.controller_keys
  language sql
  stable
begin atomic
  select k from lethe_private.controller_keys as k
  where k.controller_id = newest_key.controller_id
  order by k.version desc
  limit 1;
end;

comment on function lethe_private.newest_key(int) is 'The key that a controller''s new secrets are made with.';

-- PostgreSQL has exclusive-or over bits alone. varbit_send writes the number of bits in front of them.
create or replace function lethe_private.mix(content bytea, nonce bytea, key lethe_private.controller_keys)
  returns bytea
  language sql
  immutable
begin atomic
  select substr(varbit_send(
    ('x' || encode(content, 'hex'))::varbit # ('x' || encode(substr(s.stream, 1, length(content)), 'hex'))::varbit), 5)
  from (
    select string_agg(lethe_private.hmac(nonce || int4send(i), key.inner_pad, key.outer_pad), ''::bytea order by i) as stream
    from generate_series(1, greatest((length(content) + 31) / 32, 1)) as i
  ) as s;
end;

comment on function lethe_private.mix(bytea, bytea, lethe_private.controller_keys) is
  'Content and key stream, exclusive-or: encrypts, and decrypts.';

create or replace function lethe_private.seal_text(value text, controller_id int)
  returns table (sealed bytea, key_version int)
  language sql
  volatile  -- each call draws a nonce of its own
begin atomic
  select x.head || lethe_private.hmac(x.head, x.mac_key_inner, x.mac_key_outer), x.version
  from (
    select n.nonce || lethe_private.mix(convert_to(seal_text.value, 'UTF8'), n.nonce, lethe_private.derived_key(k, 'lethe seal encrypt')) as head,
      (lethe_private.derived_key(k, 'lethe seal authenticate')).inner_pad as mac_key_inner,
      (lethe_private.derived_key(k, 'lethe seal authenticate')).outer_pad as mac_key_outer, k.version
    from lethe_private.newest_key(seal_text.controller_id) as k
    cross join (select uuid_send(gen_random_uuid()) as nonce offset 0) as n
  ) as x;
end;

comment on function lethe_private.seal_text(text, int) is
  'A text, encrypted and authenticated with the controller''s newest key: nonce (16 bytes), ciphertext, HMAC (32 bytes).';

create or replace function lethe_private.open_text(sealed bytea, controller_id int, key_version int)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_key lethe_private.controller_keys;
  v_mac lethe_private.controller_keys;
  v_head bytea := substr(sealed, 1, greatest(length(sealed) - 32, 0));
begin
  select k.* into v_key from lethe_private.controller_keys as k
  where k.controller_id = open_text.controller_id and k.version = open_text.key_version;
  v_mac := lethe_private.derived_key(v_key, 'lethe seal authenticate');
  if length(v_head) < 16 or lethe_private.hmac(v_head, v_mac.inner_pad, v_mac.outer_pad) is distinct from substr(sealed, length(v_head) + 1) then
    raise exception using errcode = 'LE441',
      message = format('something that was sealed for controller %s cannot be opened: it, or the key, has been altered', open_text.controller_id),
      hint = 'find out who altered lethe_private; a request whose identifiers are lost can be opened anew';
  end if;
  return convert_from(lethe_private.mix(substr(v_head, 17), substr(v_head, 1, 16), lethe_private.derived_key(v_key, 'lethe seal encrypt')), 'UTF8');
end
$$;

comment on function lethe_private.open_text(bytea, int, int) is 'The text that was sealed. Raises LE441.';
--! EndIncluded lethe_private/seal_text.sql
--! Included lethe_private/normal_forms.sql
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
--! EndIncluded lethe_private/normal_forms.sql
--! Included lethe_private/find_person.sql
-- The rows that a person is, by key or by anything that identifies them: those of the live table and those that
-- were archived, by the values archived of them, too. All that fit: two accounts may share one e-mail address.
-- Compared without regard to case, and telephone numbers by their digits: a letter writes a number as it likes. A hold had
-- better reach too far than too short. What is looked for is passed as a parameter (as $2, which is bytea: a key, or a JSON
-- array of an identifier and its other forms), so that it stands in no statement.
create or replace function lethe_private.find_person(
  type lethe.subject_types, managed lethe.managed_tables, controller lethe.controllers, key text, identifier text
)
  returns text[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_forms text[] := lethe_private.identifier_forms(find_person.identifier);
  v_wanted bytea := convert_to(coalesce(find_person.key, to_jsonb(v_forms)::text), 'UTF8');
  v_mirror lethe_private.mirrors;
  v_where text;
  v_facts jsonb;
  v_keys jsonb;
begin
  v_where := case when find_person.key is not null
    then format('%s = convert_from($2, ''UTF8'')', lethe_private.key_sql('c', v_oid, managed.key_columns))
    else lethe_private.identified_sql(type.identifiers, v_forms) end;
  select r.facts into v_keys from lethe_private.run_as_sweeper(
    format('select coalesce(jsonb_agg(%s), ''[]''), null::oid, null::tid[] from %s as c where %s and (%s)',
      lethe_private.key_sql('c', v_oid, managed.key_columns), lethe_private.host_name(v_oid),
      lethe_private.controller_sql('c', managed, v_oid, controller), v_where),
    managed, null, v_wanted) as r;
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    v_where := case when find_person.key is not null then 'c."lethe$key" = convert_from($2, ''UTF8'')'
      else lethe_private.identified_sql(array(
        select m.column_name from lethe_private.mirror_columns as m
        where m.mirror_id = v_mirror.id and m.holds_value and m.column_name = any (type.identifiers)), v_forms) end;
    continue when v_where is null;
    select r.facts into v_facts from lethe_private.run_on_archive(
      format('select coalesce(jsonb_agg(distinct c."lethe$key"), ''[]''), null::oid, null::tid[] from lethe_archive.%I as c where c."lethe$controller" = %s and (%s)',
        v_mirror.name, controller.id, v_where), null, v_wanted) as r;
    v_keys := v_keys || v_facts;
  end loop;
  return array(select distinct k from jsonb_array_elements_text(v_keys) as k order by k);
exception when insufficient_privilege then
  raise exception using errcode = 'LE501',
    message = format('lethe_sweeper may not read %s', lethe_private.plain_name(managed)),
    hint = 'select * from lethe.missing_rights() lists the grants';
end
$$;

comment on function lethe_private.find_person(lethe.subject_types, lethe.managed_tables, lethe.controllers, text, text) is
  'The keys, live and archived, of the root rows that a key or an identifier names. Raises LE501.';

-- The identifier itself, and, where it looks like a telephone number, its digits: with + or 00 before those of a country.
create or replace function lethe_private.identifier_forms(identifier text)
  returns text[]
  language sql
  immutable
return array[identifier] || (
  select case when d like '+%' then array[d, '00' || substr(d, 2)] when d is not null then array[d] end
  from lethe_private.phone_digits(identifier) as d);

comment on function lethe_private.identifier_forms(text) is 'The ways in which an identifier is looked for: it, and of a telephone number its digits.';

create or replace function lethe_private.identified_sql(identifiers text[], forms text[])
  returns text
  language sql
  stable
return (
  select string_agg(format('lower(btrim(c.%1$I::text)) = lower(btrim(convert_from($2, ''UTF8'')::jsonb ->> 0))', i)
    || case when cardinality(forms) = 1 then '' else format(
      ' or translate(replace(c.%1$I::text, ''(0)'', ''''), E'' \t().-/%2$s'', '''') = any (array(select jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb - 0)))',
      i, case when getdatabaseencoding() = 'UTF8' then '\u00A0\u2007\u202F' end) end, ' or ')
  from unnest(identifiers) as i);

comment on function lethe_private.identified_sql(text[], text[]) is
  'True when one of the columns is what is looked for, in one of its forms; null where there is no column.';
--! EndIncluded lethe_private/find_person.sql
--! Included lethe/hold.sql
-- Legal holds. What a hold names is left untouched by everything Lethe does until the hold is released or its
-- last day is over, and then goes on as the policy says, in the next cycle.
--
--   select lethe.hold_person('case 2026/117', 'contact', identifier => 'ada@example.org');
--   select lethe.hold_rows('case 2026/118', 'shop.invoices', 'number between 4000 and 4200', ends_on => '2027-06-30');
--   select lethe.hold_table('tax audit 2026', 'shop.invoices', controller => 'north');
--   select lethe.release_hold(3, 'case closed');

-- A person by its key, or by one of the identifiers of its subject type; all root rows that fit. With them
-- everything that belongs to the person through own and share links, also what comes later.
create or replace function lethe.hold_person(
  reason text,
  subject text,
  key text default null,
  identifier text default null,
  ends_on date default null,
  controller text default null
)
  returns int
  language plpgsql
  volatile
  security definer  -- officers may not write the tables of holds, nor read the archive
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_type lethe.subject_types;
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_hold int;
  v_keys text[];
begin
  select s.* into v_type from lethe.subject_types as s where s.name = hold_person.subject;
  if not found then
    raise exception using errcode = 'LE109',
      message = format('subject type %L does not exist', hold_person.subject),
      hint = 'lethe.subject_types lists them';
  end if;
  select m.* into v_managed from lethe.managed_tables as m where m.id = v_type.table_id;
  v_controller := lethe_private.hold_controller(v_managed, hold_person.controller);
  if num_nonnulls(hold_person.key, hold_person.identifier) <> 1 or hold_person.identifier is not null and v_type.identifiers = '{}' then
    raise exception using errcode = 'LE407',
      message = format('a hold on a %s names neither a key nor an identifier, or both', v_type.name),
      hint = 'give the key of its row, or what stands in one of: ' || coalesce(nullif(array_to_string(v_type.identifiers, ', '), ''), '(none declared)');
  end if;
  v_hold := lethe_private.place_person_hold(hold_person.reason, v_type, v_managed, v_controller, hold_person.ends_on);
  v_keys := lethe_private.find_person(v_type, v_managed, v_controller, hold_person.key, hold_person.identifier);
  if v_keys = '{}' then
    raise exception using errcode = 'LE407',
      message = format('no %s of controller %s is known by this %s', v_type.name, v_controller.name,
        case when hold_person.key is null then 'identifier' else 'key' end),
      hint = 'identifiers are compared whole; a key is written as one text, one of several columns as a JSON array: ["a", 1]';
  end if;
  perform lethe_private.hold_keys(v_hold, v_type, v_controller, v_keys);
  return v_hold;
end
$$;

comment on function lethe.hold_person(text, text, text, text, date, text) is
  'Holds one person: its root rows and, as long as it holds, all that belongs to them. ends_on: the last day. Returns the hold''s id. Raises LE101, LE102, LE109, LE407, LE501, LE502.';

create or replace function lethe.hold_rows(reason text, "table" text, "when" text, ends_on date default null, controller text default null)
  returns int
  language plpgsql
  volatile
  security definer  -- officers may not write the tables of holds
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers := lethe_private.hold_controller(v_managed, hold_rows.controller);
  v_condition text := coalesce(
    lethe_private.read_condition(lethe_private.host_table(v_managed.schema_name, v_managed.table_name), hold_rows."when"), 'true');
  v_hold int;
begin
  perform lethe_private.assert_answerable(v_managed, v_condition);
  v_hold := lethe_private.place_hold('rows', hold_rows.reason, v_managed, v_controller, hold_rows.ends_on);
  insert into lethe_private.held_conditions (hold_id, table_id, "when", condition) values (v_hold, v_managed.id, hold_rows."when", v_condition);
  perform lethe_private.try_hold(v_managed, v_hold);
  perform lethe_private.remember_relations();
  perform lethe_private.write_guards();
  return v_hold;
end
$$;

comment on function lethe.hold_rows(text, text, text, date, text) is
  'Holds the rows of a table that satisfy a predicate, whenever they are looked at. Returns the hold''s id. Raises LE101, LE102, LE303, LE407, LE408, LE501, LE502.';

create or replace function lethe.hold_table(reason text, "table" text, ends_on date default null, controller text default null)
  returns int
  language plpgsql
  volatile
  security definer  -- officers may not write the tables of holds
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers := lethe_private.hold_controller(v_managed, hold_table.controller);
  v_hold int := lethe_private.place_hold('table', hold_table.reason, v_managed, v_controller, hold_table.ends_on);
begin
  insert into lethe_private.held_conditions (hold_id, table_id) values (v_hold, v_managed.id);
  perform lethe_private.try_hold(v_managed, v_hold);
  perform lethe_private.remember_relations();
  perform lethe_private.write_guards();
  return v_hold;
end
$$;

comment on function lethe.hold_table(text, text, date, text) is
  'Holds every row that a table has of a controller. Returns the hold''s id. Raises LE101, LE102, LE407, LE501, LE502.';

-- What it named is forgotten; who placed it, who released it, when and why is kept.
create or replace function lethe.release_hold(id int, reason text)
  returns void
  language plpgsql
  volatile
  security definer  -- officers may not write the tables of holds
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_hold lethe.holds;
begin
  v_hold := lethe_private.lock_hold(release_hold.id);
  if v_hold.id is null or v_hold.released_at is not null
    or not lethe_private.acts_for_hold(v_hold.controller_id)
  then
    raise exception using errcode = 'LE110',
      message = format('hold %s does not exist, has been released, or is of a controller you do not act for', coalesce(release_hold.id::text, '(null)')),
      hint = 'select * from lethe.list_holds()';
  elsif v_hold.request_id is not null then
    raise exception using errcode = 'LE462',
      message = format('hold %s is the restriction of request %s', v_hold.id, v_hold.request_id),
      hint = format('lethe.lift_restriction(%s, reason), once the person has been told (GDPR Art. 18(3))', v_hold.request_id);
  elsif coalesce(release_hold.reason, '') !~ '\S' then
    raise exception using errcode = 'LE407',
      message = format('no reason is given for releasing hold %s', release_hold.id),
      hint = 'say why; the reason is kept';
  end if;
  perform lethe_private.end_hold(v_hold.id, release_hold.reason);
end
$$;

comment on function lethe.release_hold(int, text) is
  'Ends a hold: what is overdue is done in the next cycle. Raises LE110, LE407, LE462.';
--! EndIncluded lethe/hold.sql
--! Included lethe/list_holds.sql
create or replace function lethe_private.may_read_predicates()
  returns boolean
  language sql
  stable
return lethe_private.is_operator() or case
  when lethe_private.request_reaches(null) is not null then current_setting('role') = 'lethe_officer'
  else pg_has_role(session_user, 'lethe_officer', 'member') end;

comment on function lethe_private.may_read_predicates() is 'True for officers and operators.';

-- The program of a table has the predicates of holds in it, those of all controllers whose rows are in the table. Each
-- is shown to the officers of its own.
create or replace function lethe_private.without_predicates(program jsonb)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold record;
  v_program text := program::text;
begin
  for v_hold in
    select c.hold_id, x.condition
    from lethe_private.held_conditions as c
    join lethe.holds as h on h.id = c.hold_id
    cross join lateral (values (c.condition), (lethe_private.archived_condition(c.condition))) as x (condition)
    where x.condition is not null
      and not (lethe_private.may_read_predicates() and lethe_private.acts_for_hold(h.controller_id))
  loop
    v_program := replace(v_program, format('(%s)', substr(to_jsonb(v_hold.condition)::text, 2, length(to_jsonb(v_hold.condition)::text) - 2)),
      format('(/* the predicate of hold %s */)', v_hold.hold_id));
  end loop;
  return v_program::jsonb;
end
$$;

comment on function lethe_private.without_predicates(jsonb) is 'A program as it is shown to somebody who may not read what holds ask for.';

-- Keys are never shown: one may be an e-mail address. Nor are predicates, but to the officers of the controller, who
-- may have written one that names a person.
create or replace function lethe.list_holds(released boolean default false)
  returns table (
    id              int,
    controller      text,
    state           text,
    kind            text,
    subject         text,
    table_name      text,
    "when"          text,
    rows_named      bigint,
    reason          text,
    author          name,
    placed_at       timestamptz,
    ends_on         date,
    released_at     timestamptz,
    released_by     name,
    release_reason  text
  )
  language sql
  stable
  security definer  -- what a hold names is nobody's to read
  set jit = off
begin atomic
  select h.id, c.name,
    case when h.released_at is not null then 'released' when h.id in (select f from lethe_private.holds_in_force() as f) then 'in force' else 'lapsed' end,
    case when h.request_id is not null then 'restriction' else h.kind end, h.subject, coalesce(lethe_private.plain_name(m), h.table_name),
    case when lethe_private.may_read_predicates() then p."when" end,
    (select nullif(count(*), 0) from lethe_private.held_keys as k where k.hold_id = h.id and (h.kind <> 'person' or k.table_id = h.table_id) and k.key is not null),
    h.reason, h.author, h.placed_at, h.ends_on, h.released_at, h.released_by, h.release_reason
  from lethe.holds as h
  left join lethe.controllers as c on c.id = h.controller_id
  left join lethe.managed_tables as m on m.id = h.table_id
  left join lethe_private.held_conditions as p on p.hold_id = h.id
  where lethe_private.acts_for_hold(h.controller_id)
    and (list_holds.released or h.released_at is null)
  order by h.id;
end;

comment on function lethe.list_holds(boolean) is
  'Holds of the controllers you act for: in force, lapsed and, if asked for, released. rows_named: how many rows a hold names by key; of a person, how many root rows. A restriction (GDPR Art. 18) is of kind restriction. The predicate is shown to officers.';

-- Now, and not when the hold was placed: rows come and go.
create or replace function lethe.held_rows(hold_id int)
  returns table (table_name text, live bigint, archived bigint)
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper, and in the archive, which nobody else reads
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_hold lethe.holds;
  v_managed lethe.managed_tables;
begin
  select h.* into v_hold from lethe.holds as h where h.id = held_rows.hold_id;
  if v_hold.id is null or v_hold.released_at is not null
    or not lethe_private.acts_for_hold(v_hold.controller_id)
  then
    raise exception using errcode = 'LE110',
      message = format('hold %s does not exist, has been released, or is of a controller you do not act for', coalesce(held_rows.hold_id::text, '(null)')),
      hint = 'select * from lethe.list_holds()';
  end if;
  for v_managed in
    select m.* from lethe.managed_tables as m
    where m.id in (
      select k.table_id from lethe_private.held_keys as k where k.hold_id = v_hold.id
      union all select c.table_id from lethe_private.held_conditions as c where c.hold_id = v_hold.id
      union all select l.table_id from lethe_private.person_links(v_hold.subject) as l)
    order by m.schema_name collate "C", m.table_name collate "C"
  loop
    table_name := lethe_private.plain_name(v_managed);
    perform lethe_private.assert_intact(v_managed);
    live := lethe_private.try_hold(v_managed, v_hold.id);
    archived := lethe_private.count_held_archived(v_managed, v_hold.id);
    return next;
  end loop;
end
$$;

comment on function lethe.held_rows(int) is
  'How many rows a hold reaches now, table by table, live and archived. Raises LE110, LE501.';

create or replace function lethe_private.count_held_archived(managed lethe.managed_tables, hold_id int)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_controller int := (select h.controller_id from lethe.holds as h where h.id = count_held_archived.hold_id);
  v_where text;
  v_facts jsonb;
  v_all bigint := 0;
begin
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    select string_agg(x.part, ' or ') into v_where
    from (
      select format('exists (select from lethe_private.held_keys as k where k.hold_id = %s and k.table_id = %s and (k.key is null or k.key = c."lethe$key"))',
        count_held_archived.hold_id, managed.id) as part
      union all
      select format('exists (select from (select c.*) as h0 where %s)',
        concat_ws(' and ', 'h0."lethe$controller" = ' || v_controller, '(' || lethe_private.archived_answer(v_mirror, p.condition) || ')'))
      from lethe_private.held_conditions as p where p.hold_id = count_held_archived.hold_id and p.table_id = managed.id
    ) as x;
    select r.facts into v_facts from lethe_private.run_on_archive(
      format('select to_jsonb(count(*)), null::oid, null::tid[] from lethe_archive.%I as c where %s', v_mirror.name, v_where)) as r;
    v_all := v_all + v_facts::bigint;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.count_held_archived(lethe.managed_tables, int) is
  'How many archived rows and values of a table a hold reaches.';
--! EndIncluded lethe/list_holds.sql
--! Included lethe/format_findings.sql
-- Whether what was declared is kept. Where the database itself guarantees it (a validated constraint) nothing is read; else
-- the values are counted, those of the controllers alone that the caller acts for.
create or replace function lethe_private.format_tables()
  returns setof lethe.managed_tables
  language sql
  stable
  rows 10
begin atomic
  select m.*
  from lethe.managed_tables as m
  where exists (select from lethe.column_formats as d where d.table_id = m.id)
  order by m.schema_name, m.table_name;
end;

comment on function lethe_private.format_tables() is 'The tables for whose columns the policy declares formats.';

create or replace function lethe_private.format_findings_of(managed lethe.managed_tables)
  returns table (table_name text, column_name text, finding text, sentence text, remedy text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_declared lethe_private.declared_formats;
  v_state record;
  v_own text := lethe_private.callers_rows_sql('c', managed);
  v_name text := lethe_private.plain_name(managed);
begin
  if v_own is null then
    return;
  end if;
  return query
    select v_name, d.column_name, 'format_does_not_fit',
      format('column %I of %s cannot hold format %s any more: it was dropped, renamed or given another type', d.column_name, v_name, d.format),
      'declare it anew: lethe.set_format, or the policy file'
    from lethe.column_formats as d
    join lethe.formats as f on f.name = d.format and f.kind = d.kind
    where d.table_id = managed.id
      and not exists (select from lethe_private.declared_formats as x where x.table_id = d.table_id and x.column_name = d.column_name and x.type_name = any (f.types));
  for v_declared in
    select d.* from lethe_private.declared_formats as d
    where d.table_id = managed.id and d.type_name = any (d.types)
    order by d.column_name
  loop
    select * into v_state from lethe_private.format_state(v_declared);
    return query
      select v_name, v_declared.column_name, f.code, f.text,
        coalesce(f.cure, format('select lethe.format_sql(%L, %L)', v_name, v_declared.column_name))
      from (
        select 'format_left_over',
          format('a constraint or trigger of an earlier format is still on column %I of %s', v_declared.column_name, v_name), null
        where v_state.left_over
        union all
        select 'format_without_trigger',
          format('no trigger %ss what arrives in column %I of %s', v_declared.on_arrival, v_declared.column_name, v_name), null
        where not v_state.has_trigger
        union all
        select 'format_without_constraint',
          format('nothing keeps column %I of %s in format %s', v_declared.column_name, v_name, v_declared.format), null
        where not v_state.has_constraint
        union all
        select 'format_not_validated',
          format('the rows that were in %s before the constraint on column %I have not been checked', v_name, v_declared.column_name), null
        where v_state.has_constraint and not v_state.validated
        union all
        select v.code, v.text, v.cure
        from lethe_private.format_violations(managed, v_declared, v_own) as v
        where not v_state.validated
      ) as f (code, text, cure);
  end loop;
end
$$;

comment on function lethe_private.format_findings_of(lethe.managed_tables) is 'What is wrong with the formats of one table.';

create or replace function lethe_private.callers_rows_sql(alias text, managed lethe.managed_tables)
  returns text
  language sql
  stable
begin atomic
  select case
    when lethe_private.is_operator() or lethe_private.is_worker() then 'true'
    else (
      select '(' || string_agg(lethe_private.controller_sql(alias, managed, lethe_private.host_table(managed.schema_name, managed.table_name), c), ' or ') || ')'
      from lethe.controllers as c
      where lethe_private.has_controller(managed, c) and lethe_private.acts_for(c.id))
  end;
end;

comment on function lethe_private.callers_rows_sql(text, lethe.managed_tables) is
  'True for the rows of the controllers that the caller acts for; null where there can be none.';

create or replace function lethe_private.format_violations(managed lethe.managed_tables, declared lethe_private.declared_formats, own_rows text)
  returns table (code text, text text, cure text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_facts jsonb;
  v_where text := format('column %I of %s', declared.column_name, lethe_private.plain_name(managed));
begin
  begin
    v_facts := lethe_private.count_as_sweeper(format(
      'select jsonb_build_object(''rich'', count(*) filter (where not v.held and v.reducible), ''unreadable'', count(*) filter (where not v.held and not v.reducible), '
      '''held'', count(*) filter (where v.held)) from (select (%s) is not null as reducible, %s as held from %s as c where %s and not (%s)) as v',
      coalesce(replace(declared.reduction, '{value}', declared.row_value), 'null'),
      lethe_private.held_sql('c', managed, declared.relation, current_date - 1), lethe_private.host_name(declared.relation), own_rows,
      replace(declared.recogniser, '{value}', declared.row_value)), managed);
  exception when insufficient_privilege then
    return query select 'format_not_readable', format('the values of %s cannot be counted: lethe_sweeper may not read the table', v_where),
      'select remedy from lethe.missing_rights()';
    return;
  end;
  return query
    select 'format_violated', format('%s value(s) of %s are richer than format %s', v_facts ->> 'rich', v_where, declared.format), null
    where v_facts ->> 'rich' <> '0'
    union all
    select 'format_unreadable', format('%s value(s) of %s are not in format %s, nor can they be reduced to it', v_facts ->> 'unreadable', v_where, declared.format),
      'correct or empty them; the script of lethe.format_sql says how they are found'
    where v_facts ->> 'unreadable' <> '0'
    union all
    select 'format_held', format('%s value(s) of %s are not in format %s and are under a hold', v_facts ->> 'held', v_where, declared.format),
      'wait until the hold is released, then reduce them: lethe.format_sql'
    where v_facts ->> 'held' <> '0';
end
$$;

comment on function lethe_private.format_violations(lethe.managed_tables, lethe_private.declared_formats, text) is
  'How many values of a column are not in its format, counted from the data as lethe_sweeper.';

create or replace function lethe.format_findings()
  returns table (table_name text, column_name text, finding text, sentence text, remedy text)
  language sql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set jit = off
begin atomic
  select f.*
  from lethe_private.format_tables() as m
  cross join lateral lethe_private.format_findings_of(m) as f;
end;

comment on function lethe.format_findings() is
  'What is wrong with the minimised formats that the policy declares: no constraint, not validated, no trigger, values that are not in the format. Reads the tables whole whose constraint is not validated.';
--! EndIncluded lethe/format_findings.sql
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
    where exists (select from lethe.rules as u where u.table_id = m.id and u.column_name is null and u.action <> 'minimum')
       or exists (select from lethe.links as l where l.table_id = m.id and l.on_purge = 'with parent')
  ), personal as (
    -- What an erasure reaches: rows that belong to a person may go, or stay without the person.
    select m.id, m.oid, m.key_columns from managed as m
    where m.id in (select s.table_id from lethe.subject_types as s
                   union select l.table_id from lethe.links as l where l.kind in ('own', 'share') or l.on_purge = 'with parent')
  ), needed as (
    select m.oid, 'select' as privilege, null::text as column_name from managed as m
    union select c.oid, 'select', null from child as c
    union select c.oid, 'delete', null from child as c where c.on_purge = 'with parent' and not c.cascades
    -- FOR UPDATE takes the right to update one column; a table that nothing refers to is not locked.
    union select c.oid, 'update', c.child_columns[1] from child as c where c.on_purge = 'with parent' and exists (select from lethe_private.references_to(c.oid))
    union select c.oid, 'update', x from child as c cross join unnest(c.child_columns) as x where c.on_purge = 'unlink'
    union select m.oid, 'update', r.column_name from managed as m join lethe.rules as r on r.table_id = m.id and r.column_name is not null and r.action <> 'minimum'
    union
    select m.oid, 'delete', null
    from managed as m join lethe.rules as r on r.table_id = m.id and r.column_name is null and r.action <> 'minimum'
    union
    select m.oid, 'update', m.key_columns[1]
    from managed as m join lethe.rules as r on r.table_id = m.id and r.column_name is null and r.action <> 'minimum'
    where exists (select from lethe_private.references_to(m.oid))
      and not exists (select from lethe.rules as u where u.table_id = m.id and u.column_name is not null and u.action <> 'minimum')
    union select p.oid, 'delete', null from personal as p
    union select p.oid, 'update', p.key_columns[1] from personal as p
    union
    select p.oid, 'update', c.column_name
    from personal as p
    join lethe.managed_columns as c on c.table_id = p.id
      and c.category in ('direct identifier', 'contact', 'quasi-identifier', 'special category', 'content')
    join lethe_private.host_columns as h on h.relation = p.oid and h.name = c.column_name and not h.is_generated
    union
    select m.oid, 'update', x
    from managed as m join lethe.links as l on l.table_id = m.id and l.kind in ('share', 'mention') cross join unnest(l.columns) as x
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
--! Included lethe_private/checks/kept_for_ever.sql
-- Page: docs/checks/kept-for-ever.md. Archiving ends nothing: the archive keeps the value until something purges it.

-- By the very refusals that a rule on it would meet.
create or replace function lethe_private.may_be_rewritten(managed lethe.managed_tables, relation oid, column_name text)
  returns boolean
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform lethe_private.assert_column_may_change(managed, may_be_rewritten.relation, h)
  from lethe_private.host_columns as h where h.relation = may_be_rewritten.relation and h.name = may_be_rewritten.column_name;
  return true;
exception when sqlstate 'LE308' or sqlstate 'LE309' or sqlstate 'LE316' then
  return false;
end
$$;

comment on function lethe_private.may_be_rewritten(lethe.managed_tables, oid, text) is 'True when a rule may anonymize or purge a column.';

create or replace function lethe_private.sources_of(relation oid, column_name text)
  returns setof text
  language sql
  stable
begin atomic
  select s.attname::text
  from pg_catalog.pg_attribute as g
  join pg_catalog.pg_attrdef as e on e.adrelid = g.attrelid and e.adnum = g.attnum
  join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = e.oid
    and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = g.attrelid
  join pg_catalog.pg_attribute as s on s.attrelid = g.attrelid and s.attnum = d.refobjsubid and s.attnum <> g.attnum
  where g.attrelid = sources_of.relation and g.attname = sources_of.column_name and g.attgenerated <> '';
end;

comment on function lethe_private.sources_of(oid, text) is 'The columns from which a generated column is computed; of any other, none.';

create or replace function lethe_private.check_kept_for_ever(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with recursive ends as (
    select r.table_id, r.column_name, c.id as controller_id
    from lethe.rules as r
    join lethe.controllers as c on exists (
      select from lethe.terms as t where t.rule_id = r.id and coalesce(t.controller_id, c.id) = c.id)
    where r.action = 'purge' or r.action = 'anonymize'
  ), leaves as (
    select e.table_id, e.controller_id from ends as e where e.column_name is null
    union
    -- It goes with the row it refers to.
    select l.table_id, v.controller_id
    from leaves as v
    join lethe.links as l on l.to_table_id = v.table_id and l.on_purge = 'with parent'
  ), endless as materialized (
    select k.relation, k.managed_id, k.name, k.category, lethe_private.is_personal(k.category) as personal, c.id as controller_id, c.name as controller
    from lethe_private.checked_columns(check_kept_for_ever.reached) as k
    join lethe.managed_tables as m on m.id = k.managed_id
    join lethe.controllers as c on lethe_private.has_controller(m, c)
    where not exists (select from ends as e where e.table_id = k.managed_id and e.column_name = k.name and e.controller_id = c.id)
      and not exists (select from leaves as v where v.table_id = k.managed_id and v.controller_id = c.id)
  ), found as (
    select x.relation, x.managed_id, x.name, x.category, x.controller,
      -- What a generated column waits for: the personal ones of its sources, or one of them where none is.
      (select coalesce(array_agg(o.name order by o.name) filter (where o.personal), array_agg(o.name order by o.name))
       from lethe_private.sources_of(x.relation, x.name) as s
       join endless as o on o.relation = x.relation and o.name = s and o.controller_id = x.controller_id) as waits_for,
      exists (select from lethe_private.sources_of(x.relation, x.name) as s
              where not exists (select from endless as o where o.relation = x.relation and o.name = s and o.controller_id = x.controller_id)) as source_ends,
      exists (select from lethe_private.sources_of(x.relation, x.name) as s
              join endless as o on o.relation = x.relation and o.name = s and o.controller_id = x.controller_id and o.personal) as source_stays
    from endless as x
    where x.personal
  ), told as (
    select f.relation, f.managed_id, f.name, f.category, f.waits_for, array_agg(f.controller order by f.controller) as controllers
    from found as f
    where f.source_stays or not f.source_ends
    group by f.relation, f.managed_id, f.name, f.category, f.waits_for
  )
  select
    format('%s.%I', lethe_private.host_name(t.relation), t.name),
    format('nothing ever ends column %I of %s (%s)%s', t.name, lethe_private.host_name(t.relation), t.category,
      case when cardinality(t.controllers) < (select count(*) from lethe.controllers) then ' for controller ' || array_to_string(t.controllers, ', ') else '' end),
    case
      when t.waits_for is not null and not exists (
        select from unnest(t.waits_for) as w (name) where not lethe_private.may_be_rewritten(m, t.relation, w.name))
      then format('anonymize or purge, after some time, what it is generated from: %s; or purge its row',
        (select string_agg(quote_ident(w.name), ', ') from unnest(t.waits_for) as w (name)))
      when lethe_private.may_be_rewritten(m, t.relation, t.name)
      then 'anonymize or purge it, or purge its row, after some time; what is only archived stays in the archive'
      else 'purge its row after some time: no rule may rewrite this column'
    end,
    true
  from told as t
  join lethe.managed_tables as m on m.id = t.managed_id;
end;

comment on function lethe_private.check_kept_for_ever(lethe_private.reached[]) is 'Personal columns that no rule of any row or column ever ends, for some controller.';
--! EndIncluded lethe_private/checks/kept_for_ever.sql
--! Included lethe_private/checks/undecided_view.sql
-- Page: docs/checks/undecided-view.md. A view shows rows as they are; a materialized view is a copy, in which nothing
-- is forgotten until somebody refreshes it.
create or replace function lethe_private.check_undecided_view(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    lethe_private.host_name(v.relation),
    format(case v.kind when 'm' then 'materialized view %s holds a copy of %s, and it is not decided who refreshes it'
                       else 'view %s reads %s, and it is not decided what it shows' end,
      lethe_private.host_name(v.relation), v.columns),
    format(case v.kind when 'm' then 'name it under views in the policy file (shows: refreshed copy, or figures), or select lethe.set_view(%L, …)'
                       else 'name it under views in the policy file (shows: people, or figures), or select lethe.set_view(%L, …)' end,
      lethe_private.host_name(v.relation)),
    true
  from lethe_private.personal_views(check_undecided_view.reached) as v
  where v.decided is null
  union all
  -- People or a copy of them it stays, whatever else it shows. Figures may come to show people.
  select n.name, format('view %s was decided to show figures, and has another definition now', n.name),
    format('see what it shows now, and decide again: select lethe.set_view(%L, ''figures'', %L)', n.name, v.counts), true
  from lethe.managed_views as v
  cross join lateral (select format('%I.%I', v.schema_name, v.view_name) as name) as n
  where v.shows = 'figures' and v.definition is distinct from coalesce(lethe_private.waived_definition(n.name), v.definition);
end;

comment on function lethe_private.check_undecided_view(lethe_private.reached[]) is 'Views and materialized views over people''s columns on which nothing was decided, or which have changed since they were taken for figures.';
--! EndIncluded lethe_private/checks/undecided_view.sql
--! Included lethe_private/checks/copying_trigger.sql
-- Page: docs/checks/copying-trigger.md. Where a trigger writes is read from the text of its function and of those that it
-- calls: INSERT, UPDATE and MERGE with the name of a table. What is composed at run time is not seen, but for a table that
-- the trigger is handed by name. A rewrite rule's tables are known to the catalogue.

-- Where a name without a schema may be found: on the function's own search path if it has one; else beside the table,
-- beside the function, or in public.
create or replace function lethe_private.likely_schemas(function oid, relation oid)
  returns table (name text, place bigint)
  language sql
  stable
begin atomic
  select btrim(btrim(x.name), '"'), x.place
  from pg_catalog.pg_proc as p
  cross join unnest(p.proconfig) as c (setting)
  cross join string_to_table(split_part(c.setting, '=', 2), ',') with ordinality as x (name, place)
  where p.oid = likely_schemas.function and c.setting like 'search_path=%'
  union all select n.nspname, 100 from pg_catalog.pg_class as t join pg_catalog.pg_namespace as n on n.oid = t.relnamespace where t.oid = likely_schemas.relation
  union all select n.nspname, 101 from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace where p.oid = likely_schemas.function
  union all select 'public', 102;
end;

comment on function lethe_private.likely_schemas(oid, oid) is 'Schemas in which a trigger function may find what it names, the likeliest first.';

-- The parts of names that a text has in a place, which a regular expression with {name} tells.
create or replace function lethe_private.names_in(source text, place text)
  returns setof text[]
  language sql
  immutable
begin atomic
  select distinct parse_ident(regexp_replace(w.m[1], '\s*\.\s*', '.'))
  from regexp_matches(source, replace(place, '{name}',
    '((?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*))?)'), 'gi') as w (m);
end;

comment on function lethe_private.names_in(text, text) is 'Names, with or without a schema, that stand in a text where a regular expression says.';

create or replace function lethe_private.function_text(function oid)
  returns text
  language sql
  stable
return (select coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) from pg_catalog.pg_proc as p where p.oid = function_text.function);

comment on function lethe_private.function_text(oid) is 'The body of a function, written as text.';

-- A name before a parenthesis is a call, of whichever function of that name there is; it may be none, or a list of columns.
create or replace function lethe_private.called_functions(function oid, relation oid)
  returns setof oid
  language sql
  stable
begin atomic
  with recursive called as (
    select called_functions.function as oid
    union
    select f.oid
    from called as c
    cross join lateral lethe_private.names_in(lethe_private.function_text(c.oid), '{name}\s*\(') as w (parts)
    join pg_catalog.pg_proc as f on f.proname = w.parts[cardinality(w.parts)]
    join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
    where n.nspname !~ '^(pg_.*|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)$'
      and case when cardinality(w.parts) = 2 then n.nspname = w.parts[1]
        else n.nspname in (select s.name from lethe_private.likely_schemas(c.oid, called_functions.relation) as s) end
  )
  select c.oid from called as c;
end;

comment on function lethe_private.called_functions(oid, oid) is
  'A function that a trigger of a table runs, and all that it calls, directly or through others, as far as texts tell.';

-- Not inlined: the plan of who calls it would be many times as large, and take longer than what it does.
create or replace function lethe_private.written_tables(function oid, relation oid, arguments bytea)
  returns setof oid
  language sql
  stable
  set search_path = pg_catalog, pg_temp
begin atomic
  with run as materialized (
    select f.oid, lethe_private.function_text(f.oid) as source, l.lanname not in ('sql', 'plpgsql') or p.prosrc ~* '\mexecute\M' as composes
    from lethe_private.called_functions(written_tables.function, written_tables.relation) as f (oid)
    join pg_catalog.pg_proc as p on p.oid = f.oid
    join pg_catalog.pg_language as l on l.oid = p.prolang
  ), names as (
    select r.oid, n.parts
    from run as r
    cross join lateral lethe_private.names_in(r.source, '\m(?:insert\s+into|merge\s+into|update|update\s+only)\s+{name}') as n (parts)
    union
    select r.oid, n.parts
    from run as r
    cross join lateral string_to_table(encode(written_tables.arguments, 'escape'), '\000') as x (argument)
    cross join lateral lethe_private.names_in(x.argument, '^{name}$') as n (parts)
    where r.composes
  )
  select case cardinality(n.parts)
    when 2 then lethe_private.host_table(n.parts[1], n.parts[2])
    when 1 then (
      select lethe_private.host_table(s.name, n.parts[1])
      from lethe_private.likely_schemas(n.oid, written_tables.relation) as s
      where lethe_private.host_table(s.name, n.parts[1]) is not null
      order by s.place
      limit 1)
    end
  from names as n;
end;

comment on function lethe_private.written_tables(oid, oid, bytea) is
  'The tables that a function which a trigger of a table runs, with these arguments, writes to, as far as texts tell.';

create or replace function lethe_private.check_copying_trigger(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with recursive people as (
    select r.relation from unnest(check_copying_trigger.reached) as r where r.personal and r.managed_id is not null
  ), rules as (
    select p.relation, format('rule %I', w.rulename) as writer, d.refclassid, d.refobjid
    from people as p
    join pg_catalog.pg_rewrite as w on w.ev_class = p.relation and w.ev_type <> '1' and w.ev_enabled <> 'D'
    join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
  ), runs as (
    select p.relation, format('trigger %I', g.tgname) as writer, g.tgrelid as on_relation, g.tgfoid as function, g.tgargs as arguments
    from people as p
    join pg_catalog.pg_trigger as g on not g.tgisinternal and g.tgenabled <> 'D'
      and (g.tgrelid = p.relation or g.tgparentid = 0 and exists (select from lethe_private.topmost as t where t.relation = g.tgrelid and t.root = p.relation))
    union all
    select r.relation, r.writer, r.relation, r.refobjid, '' from rules as r where r.refclassid = 'pg_catalog.pg_proc'::regclass
  ), writers as (
    select r.relation, r.writer, x.target
    from runs as r
    cross join lateral lethe_private.written_tables(r.function, r.on_relation, r.arguments) as x (target)
    union
    select r.relation, r.writer, r.refobjid from rules as r where r.refclassid = 'pg_catalog.pg_class'::regclass
  ), written as (
    select w.relation, w.writer, w.target from writers as w
    union
    -- Through a view: into what it reads, or where its own triggers write.
    select w.relation, w.writer, x.target
    from written as w
    cross join lateral (
      select v.relation as target from lethe_private.view_reads as v where v.reader = w.target
      union
      select y.target
      from pg_catalog.pg_trigger as g
      cross join lateral lethe_private.written_tables(g.tgfoid, g.tgrelid, g.tgargs) as y (target)
      where g.tgrelid = w.target and g.tgtype & 64 = 64 and g.tgenabled <> 'D'
    ) as x
    where x.target is not null
  ), targets as (
    select distinct w.relation, w.writer, coalesce(t.root, w.target) as target
    from written as w
    left join lethe_private.topmost as t on t.relation = w.target
    where w.target is not null
  )
  select
    lethe_private.host_name(x.target),
    format('%s on %s writes into %s, which is not managed: what is forgotten in the one stays in the other',
      string_agg(distinct x.writer, ', '), lethe_private.host_name(x.relation), lethe_private.host_name(x.target)),
    'manage it: name it under tables in the policy file, with a rule for what it keeps',
    true
  from targets as x
  join pg_catalog.pg_class as c on c.oid = x.target and c.relkind in ('r', 'p', 'f')
  where x.target not in (select r.relation from unnest(check_copying_trigger.reached) as r)
    and not lethe_private.is_lethes(x.target)
    -- A counter of rows holds nobody: what can hold a copy is a document, a text, or a column of the same name.
    and exists (
      select from lethe_private.host_columns as h
      where h.relation = x.target
        and (h.type_name in ('json', 'jsonb', 'xml', 'hstore', 'text', 'bytea')
          or exists (select from lethe_private.checked_columns(check_copying_trigger.reached) as k
                     where k.relation = x.relation and k.name = h.name and (lethe_private.is_personal(k.category) or k.has_rule or k.decided_by is null))))
  group by x.relation, x.target;
end;

comment on function lethe_private.check_copying_trigger(lethe_private.reached[]) is 'Unmanaged tables into which a trigger or rewrite rule of a managed one writes.';
--! EndIncluded lethe_private/checks/copying_trigger.sql
--! Included lethe_private/checks/look.sql
create or replace function lethe_private.names_an_object(message text)
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select
    from regexp_matches(message, '^permission denied for (?:table|view|materialized view|schema|function|sequence) (\S.*)$') as m (name)
    where exists (select from pg_catalog.pg_class as c where c.relname = m.name[1])
       or exists (select from pg_catalog.pg_namespace as n where n.nspname = m.name[1])
       or exists (select from pg_catalog.pg_proc as p where p.proname = m.name[1]));
end;

comment on function lethe_private.names_an_object(text) is 'True for the sentence that PostgreSQL says where a right is missing, about an object that exists.';

-- Why something could not be looked at. A message of PostgreSQL may quote a row, and a function of the host may raise
-- any, with any code: only PostgreSQL's own sentence on rights is repeated, where it names an object that there is.
create or replace function lethe_private.look_problem(state text, message text)
  returns text
  language sql
  stable
return case
  when state = '57014' then 'time ran out over it'
  when state = '55P03' then 'it was locked'
  when state = '42501' and lethe_private.names_an_object(message) then message
  when state in ('42501', 'LE501') then 'a right is missing'
  else format('reading it fails (SQLSTATE %s)', state)
end;

comment on function lethe_private.look_problem(text, text) is 'An error met while looking, as a finding says it.';

-- Reads the host's data for a check, as lethe_sweeper. What cannot be read is said, never passed over. Where the
-- caller's statement_timeout runs out, what is left is not begun: the timer of a statement rings once.
create or replace function lethe_private.look(statement text, managed lethe.managed_tables, out facts jsonb, out problem text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text;
  v_message text;
begin
  if current_setting('lethe.check_ran_out', true) = 'on' then
    problem := 'time ran out before it';
    return;
  end if;
  begin
    select r.facts into look.facts
    from lethe_private.run_as_sweeper(format('select (%s), null::oid, null::tid[]', statement), managed) as r;
  exception when query_canceled or others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
    problem := lethe_private.look_problem(v_state, v_message);
    if v_state = '57014' then
      perform set_config('lethe.check_ran_out', 'on', true);
    end if;
  end;
end
$$;

comment on function lethe_private.look(text, lethe.managed_tables) is
  'The one jsonb value of a statement run as lethe_sweeper; or, in problem, why there is none.';

create or replace function lethe_private.not_looked(object text, problem text)
  returns lethe_private.finding
  language sql
  immutable
return (object, format('%s could not be looked at: %s', object, problem),
  case
    when problem = 'it was locked' then 'somebody holds a lock on the table (pg_locks): check again once it is gone, or wait longer (lock_timeout in lethe.settings)'
    when problem like 'time ran out %' then 'give it more time (statement_timeout), or leave the data out: lethe check --no-data'
    else 'lethe doctor prints the rights that are missing; or leave the data out: lethe check --no-data'
  end, false)::lethe_private.finding;

comment on function lethe_private.not_looked(text, text) is 'The finding that something could not be looked at.';

-- Whether something is always so shows in a part of a large table as well. Of 100,000 rows or fewer all are read.
create or replace function lethe_private.sample_sql(relation oid)
  returns text
  language sql
  stable
begin atomic
  select case when sum(greatest(c.reltuples, 0)) > 100000
    then format(' tablesample system (%s) repeatable (0)', round((100 * 100000 / sum(c.reltuples))::numeric, 4)) else '' end
  from pg_catalog.pg_class as c
  where c.oid = sample_sql.relation or c.oid in (select t.relation from lethe_private.topmost as t where t.root = sample_sql.relation);
end;

comment on function lethe_private.sample_sql(oid) is 'The clause that reads some 100,000 rows of a table, spread over it.';
--! EndIncluded lethe_private/checks/look.sql
--! Included lethe_private/checks/unpurposed_value.sql
-- Page: docs/checks/unpurposed-value.md. Values whose clock is unusable are not meant: evidence counts those as unclocked.
create or replace function lethe_private.check_unpurposed_value(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_name text;
  v_problem text;
  v_state text;
begin
  for v_managed in
    select m.* from lethe.managed_tables as m
    where exists (select from lethe.rules as r where r.table_id = m.id and r.action <> 'minimum')
    order by m.schema_name, m.table_name
  loop
    v_name := 'purposes of ' || lethe_private.plain_name(v_managed);
    if current_setting('lethe.check_ran_out', true) = 'on' then
      return next lethe_private.not_looked(v_name, 'time ran out before them');
      continue;
    end if;
    begin
      return query
        select format('%s: %s', u.controller, n.name),
          format('%s of %s, controller %s, serve no purpose that the rule "%s" names, so that it never applies to them',
            case when u.column_name is null then u.rows - u.unclocked || ' rows' else u.rows - u.unclocked || ' values' end, n.name, u.controller, u.action),
          'give them a term: one without "when", or for the purpose they serve', true
        from lethe.unpurposed(lethe_private.plain_name(v_managed)) as u
        cross join lateral (select concat_ws('.', u.table_name, quote_ident(u.column_name)) as name) as n
        where u.rows > u.unclocked;
    exception when query_canceled or others then
      get stacked diagnostics v_problem = message_text, v_state = returned_sqlstate;
      return next lethe_private.not_looked(v_name, lethe_private.look_problem(v_state, v_problem));
      if v_state = '57014' then
        perform set_config('lethe.check_ran_out', 'on', true);
      end if;
    end;
  end loop;
end
$$;

comment on function lethe_private.check_unpurposed_value(lethe_private.reached[]) is 'Values to which no purpose of their rule applies, counted per controller.';
--! EndIncluded lethe_private/checks/unpurposed_value.sql
--! Included lethe_private/checks/unkept_format.sql
-- Page: docs/checks/unkept-format.md. Reads a table whole only where no validated constraint vouches for it.
create or replace function lethe_private.check_unkept_format(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_name text;
  v_problem text;
  v_state text;
begin
  for v_managed in select m.* from lethe_private.format_tables() as m loop
    v_name := 'formats of ' || lethe_private.plain_name(v_managed);
    if current_setting('lethe.check_ran_out', true) = 'on' then
      return next lethe_private.not_looked(v_name, 'time ran out before them');
      continue;
    end if;
    begin
      return query
        select format('%s.%I', f.table_name, f.column_name), f.sentence, f.remedy, f.finding <> 'format_not_readable'
        from lethe_private.format_findings_of(v_managed) as f;
    exception when query_canceled or others then
      get stacked diagnostics v_problem = message_text, v_state = returned_sqlstate;
      return next lethe_private.not_looked(v_name, lethe_private.look_problem(v_state, v_problem));
      if v_state = '57014' then
        perform set_config('lethe.check_ran_out', 'on', true);
      end if;
    end;
  end loop;
end
$$;

comment on function lethe_private.check_unkept_format(lethe_private.reached[]) is
  'Columns that may hold more than the format which the policy declares for them.';
--! EndIncluded lethe_private/checks/unkept_format.sql
--! Included lethe_private/checks/small_group.sql
-- Page: docs/checks/small-group.md. A count of nought tells of nobody; one below k may.
create or replace function lethe_private.check_small_group(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_k int := (select s.group_size_min from lethe.settings as s);
  v_view lethe.managed_views;
  v_name text;
  v_facts jsonb;
  v_problem text;
begin
  for v_view in
    select v.* from lethe.managed_views as v
    where v.shows = 'figures' and lethe_private.host_table(v.schema_name, v.view_name) is not null
    order by v.schema_name, v.view_name
  loop
    v_name := format('%I.%I', v_view.schema_name, v_view.view_name);
    select l.facts, l.problem into v_facts, v_problem from lethe_private.look(format(
      'select to_jsonb(array[count(*), min(x.n)]) from %s as v cross join unnest(array[%s]) as x (n) where x.n > 0 and x.n < %s', v_name,
      (select string_agg(format('v.%I::numeric', c), ', ') from unnest(v_view.counts) as c), v_k), null) as l;
    if v_problem is not null then
      return next (v_name, format('view %s could not be looked at: %s', v_name, v_problem),
        case when v_problem = 'a right is missing' or v_problem like 'permission denied %'
          then format('grant select on %s, usage on its schema, and execute on the functions it calls, to lethe_sweeper', v_name)
          else (lethe_private.not_looked(v_name, v_problem)).remedy end, false)::lethe_private.finding;
    elsif (v_facts ->> 0)::bigint > 0 then
      return next (v_name, format('view %s shows %s figures about fewer than %s people; the smallest is about %s', v_name, v_facts ->> 0, v_k, v_facts ->> 1),
        format('leave groups below %s out, and enough others that none can be computed from the rest', v_k), true)::lethe_private.finding;
    end if;
  end loop;
end
$$;

comment on function lethe_private.check_small_group(lethe_private.reached[]) is 'Views of figures that count, in some row, fewer people than k.';
--! EndIncluded lethe_private/checks/small_group.sql
--! Included lethe/check.sql
-- The coverage gate. A rule of the check is a line here, a function lethe_private.check_<code> in
-- sql/lethe_private/checks/<code>.sql, a page docs/checks/<code>.md and a test of the same name.
create or replace view lethe.checks as
  select c.code, c.severity, c.reads, c.about
  from (values
    (10, 'unmanaged-table', 'error', 'the catalogue', 'a table that foreign keys join to people, and that the policy does not know'),
    (11, 'unclassified-column', 'error', 'the catalogue', 'a column of a managed table on which nothing was decided'),
    (12, 'kept-for-ever', 'error', 'the catalogue', 'a personal column that no rule ever ends'),
    (13, 'undecided-link', 'error', 'the catalogue', 'a foreign key to people''s rows of which it is not said how the referring rows belong to them'),
    (14, 'undecided-view', 'error', 'the catalogue', 'a view or materialized view over people''s columns on which nothing was decided'),
    (15, 'child-column', 'error', 'the catalogue', 'a column of an inheritance child that no rule can reach'),
    (16, 'missing-object', 'error', 'the catalogue', 'a table, column or view that the policy names and that is gone'),
    (20, 'copying-trigger', 'error', 'the catalogue', 'a trigger or rule that copies people''s rows into a table that is not managed'),
    (21, 'look-alike-table', 'warning', 'the catalogue', 'a table with largely the personal columns of a managed one'),
    (30, 'partition-foreign-key', 'error', 'the catalogue', 'a partition without the foreign key that its siblings have'),
    (31, 'unindexed-reference', 'warning', 'the catalogue', 'a reference to people''s rows without an index'),
    (32, 'restarted-clock', 'error', 'the catalogue', 'a trigger that sets a clock anew at every update'),
    (33, 'pseudonymous-claim', 'error', 'the catalogue', 'a column claimed to end anonymous whose method makes pseudonyms'),
    (34, 'broken-hold', 'error', 'the catalogue', 'a guard that is not as it was put up, or a held table or partition that is gone'),
    (35, 'unguarded-hold', 'note', 'the catalogue', 'a hold that binds Lethe and nobody else'),
    (36, 'unrehearsed-rule', 'note', 'the catalogue', 'a rule that was put in force without a rehearsal'),
    (40, 'row-security-bypass', 'warning', 'the catalogue', 'a role that passes by the row security of people''s tables'),
    (41, 'definer-view', 'warning', 'the catalogue', 'a view that leads others around row security'),
    (42, 'definer-function', 'warning', 'the catalogue', 'a function that lends its owner''s rights over people''s tables'),
    (43, 'archive-reader', 'error', 'the catalogue', 'a grant or policy that opens the archive or the keys'),
    (44, 'unforced-row-security', 'note', 'the catalogue', 'row security that does not bind the owner of the table'),
    (45, 'archive-limit', 'note', 'the catalogue', 'who can read the archive and the keys by being who they are'),
    (50, 'never-due', 'warning', 'the data', 'a rule whose clock no row has, or a condition that no row fulfils'),
    (51, 'unpurposed-value', 'warning', 'the data', 'values to which no purpose of their rule applies'),
    (52, 'identifiable-row', 'warning', 'the data', 'masked rows that what is left of them singles out'),
    (53, 'small-group', 'error', 'the data', 'a view of figures about fewer people than k'),
    (54, 'unkept-format', 'error', 'the data', 'a column that may hold more than its declared format'),
    (60, 'policy-drift', 'error', 'the policy file', 'the policy in force is not what the file says'),
    (70, 'expired-waiver', 'error', 'the findings', 'a waiver whose last day has passed, or whose view has changed'),
    (71, 'unused-waiver', 'warning', 'the findings', 'a waiver that matches no finding'),
    (72, 'not-looked-at', 'error', 'the findings', 'something that could not be looked at')
  ) as c (place, code, severity, reads, about)
  order by c.place;

comment on view lethe.checks is 'The findings that lethe.check() can report. Each has a page in docs/checks.';
comment on column lethe.checks.severity is 'error: lethe check ends with exit code 1. warning: to be looked at. note: a limit that is named.';
comment on column lethe.checks.reads is 'What it is found in.';

create or replace function lethe.check(read_data boolean default true)
  returns table (code text, severity text, object text, sentence text, remedy text)
  language plpgsql
  volatile
  security definer  -- reads the whole policy and the catalogue, and counts as lethe_sweeper; the caller sees names and figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_reached lethe_private.reached[];
  v_check lethe.checks;
  v_found jsonb := '[]';
  v_looked text[] := '{}';
begin
  -- Who acts for all: a view may show a caller the figures of some controllers only, and would look clean.
  perform lethe_private.assert_may_change(null);
  if not exists (select from lethe.managed_tables) then
    raise exception using errcode = 'LE622',
      message = 'there is nothing to check: the policy names no table',
      hint = 'begin with lethe policy apply policy.yaml';
  end if;
  perform set_config('lethe.check_ran_out', 'off', true);
  perform set_config('lock_timeout', (extract(epoch from s.lock_timeout) * 1000)::int::text, true) from lethe.settings as s;
  v_reached := array(select r from lethe_private.reached_tables() as r);

  for v_check in select c.* from lethe.checks as c where c.reads = 'the catalogue' or c.reads = 'the data' and read_data loop
    v_found := v_found || lethe_private.run_check(v_check, v_reached);
    v_looked := v_looked || v_check.code;
  end loop;
  return query select f.code, c.severity, f.object, f.sentence, f.remedy
    from lethe_private.without_waived(v_found, v_looked) as f
    join lethe.checks as c on c.code = f.code
    order by array_position(array['error', 'warning', 'note'], c.severity), array_position(array(select x.code from lethe.checks as x), f.code), f.object, f.sentence;
end
$$;

comment on function lethe.check(boolean) is
  'What about people''s data is not decided, does not hold, or could not be looked at: tables, columns, links, views, rights, and, unless read_data is false, the data. An empty answer means that no column escapes. Raises LE502, LE622.';

create or replace function lethe_private.run_check(checked lethe.checks, reached lethe_private.reached[])
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found jsonb;
begin
  execute format(
    'select coalesce(jsonb_agg(jsonb_build_object(''code'', case when f.looked then %L else ''not-looked-at'' end,
       ''object'', f.object, ''sentence'', f.sentence, ''remedy'', f.remedy, ''by'', %L)), ''[]'') from lethe_private.%I($1) as f',
    checked.code, checked.code, 'check_' || replace(checked.code, '-', '_'))
  into v_found using reached;
  return v_found;
end
$$;

comment on function lethe_private.run_check(lethe.checks, lethe_private.reached[]) is 'The findings of one rule of the check.';

-- A waiver is judged only where its finding was looked for, and could be.
create or replace function lethe_private.without_waived(found jsonb, looked text[])
  returns table (code text, object text, sentence text, remedy text)
  language sql
  stable
begin atomic
  with findings as (
    select distinct f ->> 'code' as code, f ->> 'object' as object, f ->> 'sentence' as sentence, f ->> 'remedy' as remedy, f ->> 'by' as by
    from jsonb_array_elements(found) as f
  ), waivers as (
    select w.*, w.until < lethe_private.latest_today() as is_over,
      w.until >= lethe_private.latest_today() and w.definition is not distinct from coalesce(lethe_private.waived_definition(w.object), w.definition) as holds
    from lethe.waivers as w
  )
  select f.code, f.object, f.sentence, f.remedy
  from findings as f
  where not exists (select from waivers as w where w.holds and w.code = f.code and w.object = f.object)
  union all
  select 'expired-waiver', w.code || ' ' || w.object,
    case when w.is_over then format('the waiver of %s for %s ended on %s', w.code, w.object, w.until)
      else format('the waiver of %1$s for %2$s was given for another definition of %2$s', w.code, w.object) end,
    'decide now; or waive it anew, with a reason: select lethe.waive(…)'
  from waivers as w
  where not w.holds
  union all
  select 'unused-waiver', w.code || ' ' || w.object,
    format('the waiver of %s for %s matches no finding', w.code, w.object),
    format('take it out of the policy file, or select lethe.withdraw_waiver(%L, %L)', w.code, w.object)
  from waivers as w
  where w.holds
    and w.code = any (looked)
    and not exists (select from findings as f where f.code = w.code and f.object = w.object)
    and not exists (select from findings as f where f.code = 'not-looked-at' and f.by = w.code);
end;

comment on function lethe_private.without_waived(jsonb, text[]) is 'Findings that no waiver covers, and what is to be said of the waivers themselves.';
--! EndIncluded lethe/check.sql
--! Included lethe_private/request_states.sql
-- The states of a request and who may move one: docs/requests.md draws them. Data, so that a DBA can read it with
-- SELECT; written again by every migration, so that it is what this file says.
insert into lethe.request_states as s (name, is_open, description) values
  ('received', true, 'Opened, and nothing done yet.'),
  ('paused', true, 'It is doubted who is asking (Art. 12(6)): the clock stands still until that is proved.'),
  ('planned', true, 'What would be done is written down, and waits for an officer.'),
  ('approved', true, 'An officer has agreed; the worker does it.'),
  ('delayed', true, 'A hold keeps it: goes on by itself when that is released.'),
  ('executed', true, 'Done in the database; what is left is to look again and to hear from recipients.'),
  ('blocked', false, 'Answered. What a law has kept is hidden until its day, and then goes by itself.'),
  ('completed', false, 'Answered, and nothing is left to do.'),
  ('refused', false, 'Refused, with its ground (Art. 12(4), 17(3)).'),
  ('withdrawn', false, 'Taken back by the person.')
on conflict (name) do update
set is_open = excluded.is_open, description = excluded.description
where (s.is_open, s.description) is distinct from (excluded.is_open, excluded.description);

with said (kinds, from_states, to_state, moved_by, description) as (values
  (array['access', 'portability', 'rectification', 'restriction', 'objection', 'erasure'], array['received', 'planned'], 'paused', array['lethe_officer', 'lethe_agent'], 'Who is asking is doubted.'),
  (array['access', 'portability', 'rectification', 'restriction', 'objection', 'erasure'], array['paused'], 'received', array['lethe_officer', 'lethe_agent'], 'Who is asking is proved; what was planned is planned anew.'),
  (array['access', 'portability', 'rectification', 'restriction', 'objection', 'erasure'], array['received', 'paused', 'planned', 'approved', 'delayed'], 'refused', array['lethe_officer'], 'Refused, with its ground.'),
  (array['access', 'portability', 'rectification', 'restriction', 'objection', 'erasure'], array['received', 'paused', 'planned', 'approved', 'delayed'], 'withdrawn', array['lethe_officer', 'lethe_agent'], 'The person does not want it any more.'),
  (array['erasure'], array['received', 'planned', 'approved', 'delayed'], 'planned', array['lethe_officer', 'lethe_agent', 'lethe_worker'], 'What would be done is written down, or has changed since it was.'),
  (array['erasure'], array['planned'], 'approved', array['lethe_officer'], 'An officer agrees to the plan.'),
  (array['erasure'], array['approved'], 'delayed', array['lethe_officer', 'lethe_worker'], 'A hold keeps something of the plan.'),
  (array['erasure'], array['approved', 'delayed', 'blocked'], 'executed', array['lethe_officer', 'lethe_worker'], 'Erased, as planned.'),
  (array['erasure'], array['executed'], 'blocked', array['lethe_officer', 'lethe_worker'], 'Looked again; a law keeps something until its day.'),
  (array['erasure'], array['executed'], 'completed', array['lethe_officer', 'lethe_worker'], 'Looked again; nothing is left to do.'),
  (array['access', 'portability', 'rectification', 'restriction', 'objection'], array['received'], 'approved', array['lethe_officer', 'lethe_agent'], 'Who is asking is known, and what is asked for is to be done.'),
  (array['access', 'portability', 'rectification', 'restriction', 'objection'], array['approved'], 'completed', array['lethe_officer', 'lethe_agent', 'lethe_worker'], 'Done.')
), moves as (
  select k as kind, f as from_state, s.to_state, s.moved_by, s.description
  from said as s cross join unnest(s.kinds) as k cross join unnest(s.from_states) as f
), gone as (
  delete from lethe.request_moves as m
  where not exists (select from moves as x where (x.kind, x.from_state, x.to_state) = (m.kind, m.from_state, m.to_state))
)
insert into lethe.request_moves as m (kind, from_state, to_state, moved_by, description)
select x.* from moves as x
on conflict (kind, from_state, to_state) do update
set moved_by = excluded.moved_by, description = excluded.description
where (m.moved_by, m.description) is distinct from (excluded.moved_by, excluded.description);
--! EndIncluded lethe_private/request_states.sql
--! Included lethe_private/move_request.sql
-- One request, locked until the transaction ends, if the login may see it: what is done with it is done once.
create or replace function lethe_private.get_request(id bigint)
  returns lethe.requests
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests;
begin
  select r.* into v_request from lethe.requests as r where r.id = get_request.id for no key update;
  if not found or not (lethe_private.acts_for(v_request.controller_id) or lethe_private.is_one_of(array['lethe_worker'])) then
    raise exception using errcode = 'LE114',
      message = format('request %s does not exist, or is of a controller you do not act for', get_request.id),
      hint = 'lethe request list';
  end if;
  return v_request;
end
$$;

comment on function lethe_private.get_request(bigint) is 'A request, locked. Raises LE114.';

-- The role that was set, in the API and elsewhere; else the login. A definer's function changes neither.
create or replace function lethe_private.is_one_of(roles text[])
  returns boolean
  language sql
  stable
return lethe_private.is_operator() or exists (
  select from unnest(roles) as r
  where pg_has_role(coalesce(nullif(current_setting('role'), 'none'), session_user)::name, r::name, 'usage'));

comment on function lethe_private.is_one_of(text[]) is 'True when the caller has one of the roles, or is an operator.';

create or replace function lethe_private.move_request(request lethe.requests, to_state text, reason text default null)
  returns lethe.requests
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests;
  v_move lethe.request_moves;
begin
  select m.* into v_move from lethe.request_moves as m
  where m.kind = request.kind and m.from_state = request.state and m.to_state = move_request.to_state;
  if not found then
    raise exception using errcode = 'LE411',
      message = format('request %s is %s and cannot become %s', request.id, request.state, move_request.to_state),
      hint = coalesce('from here it can become ' || (
        select string_agg(m.to_state, ', ' order by m.to_state) from lethe.request_moves as m
        where m.kind = request.kind and m.from_state = request.state), 'nothing follows this state');
  elsif not lethe_private.is_one_of(v_move.moved_by) then
    raise exception using errcode = 'LE502',
      message = format('you may not move request %s from %s to %s', request.id, request.state, move_request.to_state),
      hint = format('it takes %s: see lethe.request_moves', array_to_string(v_move.moved_by, ' or '));
  end if;
  update lethe.requests as r
  set state = move_request.to_state,
      -- What was agreed to was another plan.
      approved_by = case when move_request.to_state not in ('received', 'planned') then r.approved_by end,
      approved_at = case when move_request.to_state not in ('received', 'planned') then r.approved_at end,
      verified_at = case when move_request.to_state <> 'executed' then r.verified_at end,
      -- What failed has been done since.
      failure = case when move_request.to_state not in ('blocked', 'completed') then r.failure end,
      ended_at = case when exists (select from lethe.request_states as s where s.name = move_request.to_state and not s.is_open)
        then coalesce(r.ended_at, clock_timestamp()) end
  where r.id = request.id
  returning r.* into v_request;
  insert into lethe.request_events (request_id, event, from_state, to_state, reason)
  values (request.id, 'moved', request.state, move_request.to_state, move_request.reason);
  if move_request.to_state = 'executed' or request.kind <> 'erasure' and move_request.to_state = 'completed' then
    perform lethe_private.notify_recipients(request.id);
  end if;
  -- Who it was is known as long as something is left to do, and no longer.
  if request.kind <> 'erasure' and move_request.to_state = 'completed' then
    perform lethe_private.forget_identifiers(request.id);
    delete from lethe_private.request_roots as r where r.request_id = request.id;
  end if;
  return v_request;
end
$$;

comment on function lethe_private.move_request(lethe.requests, text, text) is
  'Moves a request, if its kind, its state and the caller allow it, writes that down, and has recipients told once it is done. Raises LE411, LE502.';
--! EndIncluded lethe_private/move_request.sql
--! Included lethe_private/identifiers.sql
-- Rows by their keys, found by the key's own index. k.key is the text that key_sql writes.
create or replace function lethe_private.keyed_rows_sql(alias text, managed lethe.managed_tables, table_oid oid)
  returns text
  language sql
  stable
begin atomic
  select format('%s = k.key and %s', lethe_private.key_sql(alias, table_oid, managed.key_columns), string_agg(
    format(case when h.type_name = 'timestamptz' then '%s.%I = %s::timestamp at time zone ''UTC''' else '%s.%I = %s::%s' end, alias, h.name,
      case when cardinality(managed.key_columns) = 1 and h.type_category in ('N', 'S', 'U') then 'k.key'
      else format('(k.key::jsonb ->> %s)', x.n - 1) end, h.base_type), ' and ' order by x.n))
  from unnest(managed.key_columns) with ordinality as x (name, n)
  join lethe_private.host_columns as h on h.relation = table_oid and h.name = x.name;
end;

comment on function lethe_private.keyed_rows_sql(text, lethe.managed_tables, oid) is 'True for the row whose key is k.key.';

-- Null where the column's method recognises its own output: a pseudonym identifies nobody.
create or replace function lethe_private.unmasked_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, column_name text)
  returns text
  language sql
  stable
begin atomic
  select format('case when %s then null else c.%I::text end',
    coalesce(string_agg('coalesce(' || lethe_private.method_sql(m.recogniser, 'c', h, m, t.parameters) || ', false)', ' or '), 'false'), h.name)
  from lethe_private.host_columns as h
  left join lethe.rules as r on r.table_id = managed.id and r.column_name = h.name and r.action in ('anonymize', 'archive')
  left join lateral (
    select distinct on (e.method) e.method, e.parameters from lethe_private.effective_terms(managed.id, controller.id) as e where e.rule_id = r.id order by e.method
  ) as t on true
  left join lethe.methods as m on m.name = t.method
  where h.relation = unmasked_sql.relation and h.name = unmasked_sql.column_name
  group by h.name;
end;

comment on function lethe_private.unmasked_sql(lethe.managed_tables, oid, lethe.controllers, text) is
  'SQL of a column''s value as text; null where it is masked.';

create or replace function lethe_private.identifiers_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, columns text[], "from" text)
  returns text
  language sql
  stable
begin atomic
  select format('select coalesce((select jsonb_agg(distinct jsonb_build_array(v.name, v.value)) from %s '
      'cross join lateral (values %s) as v (name, value) where v.value ~ ''\S''), ''[]''), null::oid, null::tid[]',
    "from", string_agg(format('(%L, %s)', x.name, lethe_private.unmasked_sql(managed, identifiers_sql.relation, controller, x.name)), ', '))
  from unnest(columns) as x (name)
  join lethe_private.host_columns as h on h.relation = identifiers_sql.relation and h.name = x.name
  having count(*) > 0;
end;

comment on function lethe_private.identifiers_sql(lethe.managed_tables, oid, lethe.controllers, text[], text) is
  'Collects [column, value] of the rows of a FROM clause; null where there is none of the columns.';

-- What the roots have now, live and archived, as [column, value].
create or replace function lethe_private.read_identifiers(request lethe.requests)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_oid oid;
  v_mirror lethe_private.mirrors;
  v_keys bytea;
  v_facts jsonb;
  v_all jsonb := '[]';
  v_statement text;
begin
  select s.* into v_type from lethe.subject_types as s where s.name = request.subject;
  select m.* into v_managed from lethe.managed_tables as m where m.id = v_type.table_id;
  select c.* into v_controller from lethe.controllers as c where c.id = request.controller_id;
  select convert_to(jsonb_agg(r.key)::text, 'UTF8') into v_keys from lethe_private.request_roots as r
  where r.request_id = request.id and r.table_id = v_managed.id;
  v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  if v_keys is null or v_oid is null then
    return v_all;
  end if;
  v_statement := lethe_private.identifiers_sql(v_managed, v_oid, v_controller, v_type.identifiers, format(
    '(select * from jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb) limit (select null::bigint)) as k (key) join %s as c on %s and %s', lethe_private.host_name(v_oid),
    lethe_private.keyed_rows_sql('c', v_managed, v_oid), lethe_private.controller_sql('c', v_managed, v_oid, v_controller)));
  if v_statement is not null then
    select r.facts into v_all from lethe_private.run_as_sweeper(v_statement, v_managed, null, v_keys) as r;
  end if;
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = v_managed.id loop
    v_oid := lethe_private.host_table('lethe_archive', v_mirror.name);
    v_statement := lethe_private.identifiers_sql(v_managed, v_oid, v_controller, v_type.identifiers, format(
      '(select * from jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb) limit (select null::bigint)) as k (key) join lethe_archive.%I as c on c."lethe$key" = k.key and c."lethe$controller" = %s',
      v_mirror.name, v_controller.id));
    continue when v_statement is null;
    select r.facts into v_facts from lethe_private.run_on_archive(v_statement, null, v_keys) as r;
    v_all := v_all || v_facts;
  end loop;
  return v_all;
exception when insufficient_privilege then
  raise exception using errcode = 'LE501',
    message = format('lethe_sweeper may not read %s', lethe_private.plain_name(v_managed)),
    hint = 'select * from lethe.missing_rights() lists the grants';
end
$$;

comment on function lethe_private.read_identifiers(lethe.requests) is
  'What the roots of a request have in the identifier columns of their subject type. Raises LE501.';

-- It adds and never loses: between opening and execution the person may have changed the address.
create or replace function lethe_private.keep_identifiers(request bigint)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests;
begin
  select r.* into v_request from lethe.requests as r where r.id = keep_identifiers.request for no key update;
  insert into lethe_private.request_identifiers (request_id, n, column_name, sealed, key_version)
  select v_request.id, x.n + coalesce((select max(i.n) from lethe_private.request_identifiers as i where i.request_id = v_request.id), 0),
    x.column_name, s.sealed, s.key_version
  from (
    select f.fact ->> 0 as column_name, f.fact ->> 1 as value, row_number() over (order by f.fact) as n
    from (select distinct fact from jsonb_array_elements(lethe_private.read_identifiers(v_request)) as a (fact)) as f
    where (f.fact ->> 0, f.fact ->> 1) not in (
      select i.column_name, i.identifier from lethe_private.identifiers_of(array[v_request.id]) as i)
  ) as x
  cross join lateral lethe_private.seal_text(x.value, v_request.controller_id) as s;
end
$$;

comment on function lethe_private.keep_identifiers(bigint) is
  'Seals what the roots of a request have in their identifier columns now, besides what has been kept already. Raises LE441, LE501.';

create or replace function lethe_private.identifiers_of(request_ids bigint[])
  returns table (request_id bigint, n int, column_name text, identifier text)
  language sql
  stable
begin atomic
  select i.request_id, i.n, i.column_name, lethe_private.open_text(i.sealed, r.controller_id, i.key_version)
  from lethe_private.request_identifiers as i
  join lethe.requests as r on r.id = i.request_id
  where i.request_id = any (identifiers_of.request_ids)
  order by i.request_id, i.n;
end;

comment on function lethe_private.identifiers_of(bigint[]) is 'The identifiers that are kept of requests, numbered within each, as they were read. Raises LE441.';

create or replace function lethe_private.forget_identifiers(request bigint)
  returns void
  language sql
  volatile
begin atomic
  delete from lethe_private.request_identifiers as i where i.request_id = forget_identifiers.request;
end;

comment on function lethe_private.forget_identifiers(bigint) is 'Deletes the identifiers kept of a request.';
--! EndIncluded lethe_private/identifiers.sql
--! Included lethe_private/residue_forms.sql
-- In which forms an identifier is looked for, and how a text is read while it is. What reads the host's texts runs as
-- lethe_sweeper, once for every value of every row: the plain functions of PostgreSQL do the most of it (residue_sql.sql),
-- and these what they cannot.

-- A text in which something may be written in another way: percent-encoded, as an escape of JSON, as an entity of HTML.
-- What it stands for is put behind it, and the text itself stays, since a backslash may be just that.
create or replace function lethe_private.readable(value text)
  returns text
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- No-break spaces, as telephone numbers have them: U+00A0, U+2007, U+202F.
  v_no_break constant text := '\\+302\\+240|\\+342\\+200\\+2[05]7|%c2%a0|%e2%80%(?:87|af)|\\+u(?:00a0|2007|202f)|&#(?:160|8199|8239|x0*a0|x2007|x202f);';
begin
  return value || E'\n|\n' || (
    select lower(string_agg(case
      when m.part[1] is not null then case when m.part[1] ~ '^[01]|^7f' then ' ' else chr(('x' || lpad(m.part[1], 8, '0'))::bit(32)::int) end
      when m.part[2] is not null then case when m.part[2]::int not between 32 and 126 then ' ' else chr(m.part[2]::int) end
      when m.part[3] is not null then coalesce(('{"&commat;": "@", "&plus;": "+", "&period;": ".", "&lowbar;": "_", "&apos;": "''"}'::jsonb) ->> m.part[3], ' ')
      else m.part[4] end, '' order by m.n))
    from regexp_matches(replace(value, '%25', '%'),
      '(?:%|\\+u00|&#x0*(?=[0-7][0-9a-f];))([0-7][0-9a-f]);?|&#0*([0-9]{1,2}|1[01][0-9]|12[0-7]);|(\\+[nrtbfv]|&[a-z]+;|' || v_no_break || ')|([^%\\&]+|.)', 'g') with ordinality as m (part, n));
end
$$;

comment on function lethe_private.readable(text) is
  'A lower-case text, and behind it what its escapes (%40, \u0040, &#64;, \n) stand for.';

-- All groups of digits that stand side by side as those of a telephone number do, from any of them on. Each number of
-- 9 to 14 digits is told by its last nine.
create or replace function lethe_private.phone_keys(value text)
  returns setof text
  language sql
  immutable
begin atomic
  select distinct right(v.digits, 9)
  from regexp_matches(phone_keys.value, '\d(?:[- ().+/\u00A0\u2007\u202F\u2011\u2013]{0,3}\d){6,}', 'g') as m (run)
  cross join lateral (
    select u.g, lead(u.g, 1) over w as g1, lead(u.g, 2) over w as g2, lead(u.g, 3) over w as g3, lead(u.g, 4) over w as g4,
      lead(u.g, 5) over w as g5, lead(u.g, 6) over w as g6, lead(u.g, 7) over w as g7
    from regexp_split_to_table(m.run[1], '\D+') with ordinality as u (g, n)
    window w as (order by u.n)
  ) as x
  cross join lateral (values (x.g), (x.g || x.g1), (x.g || x.g1 || x.g2), (x.g || x.g1 || x.g2 || x.g3),
    (x.g || x.g1 || x.g2 || x.g3 || x.g4), (x.g || x.g1 || x.g2 || x.g3 || x.g4 || x.g5),
    (x.g || x.g1 || x.g2 || x.g3 || x.g4 || x.g5 || x.g6), (x.g || x.g1 || x.g2 || x.g3 || x.g4 || x.g5 || x.g6 || x.g7)) as v (digits)
  where length(v.digits) between 7 and 15;
end;

comment on function lethe_private.phone_keys(text) is 'What may be telephone numbers in a text: their last nine digits, or all of 7 or 8.';

-- What is not ASCII may have been written as the bytes of a URL, of JSON, of HTML or of bytea: of either case, since
-- the case of what is written so cannot be folded.
create or replace function lethe_private.written_forms(identifier text)
  returns setof text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_form text := lethe_private.normalise_identifier(identifier);
  v_forms text[] := array[v_form];
begin
  if v_form ~ '[^\u0001-\u007f]' and getdatabaseencoding() = 'UTF8' then
    foreach v_form in array array[v_form, normalize(v_form, nfc), normalize(v_form, nfd)] loop
      v_forms := v_forms || array[v_form, upper(v_form), initcap(v_form)];
    end loop;
    foreach v_form in array v_forms loop
      v_forms := v_forms || array(
        select string_agg(case when c.letter !~ '[^\u0001-\u007f]' then c.letter else case e.n
            when 1 then regexp_replace(encode(convert_to(c.letter, 'UTF8'), 'hex'), '(..)', '%\1', 'g')
            when 2 then encode(convert_to(c.letter, 'UTF8'), 'escape')
            when 3 then '&#' || ascii(c.letter) || ';'
            when 4 then case when ascii(c.letter) < 65536 then '\u' || lpad(to_hex(ascii(c.letter)), 4, '0')
              else '\u' || to_hex(55296 + ((ascii(c.letter) - 65536) >> 10)) || '\u' || to_hex(56320 + ((ascii(c.letter) - 65536) & 1023)) end
          end end, '' order by c.at)
        from regexp_split_to_table(v_form, '') with ordinality as c (letter, at)
        cross join generate_series(1, 4) as e (n)
        group by e.n);
    end loop;
  end if;
  return query select distinct lower(f) from unnest(v_forms) as f;
end
$$;

comment on function lethe_private.written_forms(text) is 'The ways in which an identifier may be written, in lower case.';

-- Where it ends is where no letter or digit follows. joann@example.org and mary.ann@example.org are not ann@example.org, nor
-- is ann@example.org.uk; but ann@example.org.pdf is a file about her.
create or replace function lethe_private.form_pattern(form text)
  returns text
  language sql
  immutable
return '(?<![[:alnum:]])' || case when form like '%@%' then '(?<![[:alnum:]][._+-])' else '' end
  || replace(replace(regexp_replace(form, '([][\\^$.|?*+(){}])', '\\\1', 'g'), '\\', '\\+'), ' ', '[\s+]+')
  || '(?![[:alnum:]])' || case when form like '%@%' then '(?!\.[a-z]{2}(?![[:alnum:]]))' else '' end;

comment on function lethe_private.form_pattern(text) is 'A regular expression for one written form of an identifier, standing by itself.';

-- The words by which a text can be found that may hold a form; of an address those before the @, since many share what is
-- behind it.
create or replace function lethe_private.key_words(form text)
  returns setof text
  language sql
  immutable
begin atomic
  select distinct w.word
  from regexp_split_to_table(case when split_part(form, '@', 1) ~ '[[:alnum:]]' then split_part(form, '@', 1) else form end, '[^[:alnum:]]+') as w (word)
  where w.word <> '';
end;

comment on function lethe_private.key_words(text) is 'The words of a form by which texts may be found.';

-- What stands in every text that holds the form, as it is: quicker asked than a pattern.
create or replace function lethe_private.longest_piece(form text)
  returns text
  language sql
  immutable
begin atomic
  select p.piece from regexp_split_to_table(form, '[ \\]+') with ordinality as p (piece, n) order by length(p.piece) desc, p.n limit 1;
end;

comment on function lethe_private.longest_piece(text) is 'The longest part of a form that is always written in one way.';

create or replace function lethe_private.phone_within(identifier text)
  returns text
  language sql
  immutable
return ltrim(coalesce(lethe_private.phone_digits(identifier), lethe_private.phone_digits(
  (regexp_match(lethe_private.normalise_identifier(identifier), '[+(]{0,2}\d(?:[- ().+/]{0,3}\d){8,}'))[1])), '+');

comment on function lethe_private.phone_within(text) is 'The digits of a telephone number that an identifier is, or has in it; else null.';

create or replace function lethe_private.is_too_short(identifier text)
  returns boolean
  language sql
  immutable
return length(lethe_private.normalise_identifier(identifier)) < 4 and identifier not like '%@%' or identifier !~ '[[:alnum:]]';

comment on function lethe_private.is_too_short(text) is 'True for what would be found everywhere.';

-- {"words": {word: [{"r": request, "k": column, "s": piece, "v": pattern}]}, "phones": {digits: [{"r", "k"}]}, "at": all are addresses}
--
-- Each form is found by the one of its words that the fewest others have: a thousand people called Martin are found by
-- their first names.
create or replace function lethe_private.wanted(requests bigint[])
  returns jsonb
  language sql
  stable
begin atomic
  with identifiers as materialized (
    select i.request_id, i.column_name, i.identifier, lethe_private.phone_within(i.identifier) as phone
    from lethe_private.identifiers_of(requests) as i
    where not lethe_private.is_too_short(i.identifier)
  ), forms as materialized (
    select f.form, jsonb_agg(distinct jsonb_build_object('r', i.request_id, 'k', i.column_name)) as whose
    from identifiers as i
    cross join lateral lethe_private.written_forms(i.identifier) as f (form)
    where lethe_private.phone_digits(i.identifier) is null
    group by f.form
  ), words as materialized (
    select f.form, w.word, count(*) over (partition by w.word) as others
    from forms as f cross join lateral lethe_private.key_words(f.form) as w (word)
  ), chosen as (
    select distinct on (w.form) w.form, w.word from words as w order by w.form, w.others, length(w.word) desc, w.word
  ), found as (
    select c.word, jsonb_agg(x || jsonb_build_object('s', lethe_private.longest_piece(c.form), 'v', lethe_private.form_pattern(c.form))) as forms
    from chosen as c
    join forms as f on f.form = c.form
    cross join lateral jsonb_array_elements(f.whose) as x
    group by c.word
  ), phones as (
    select right(i.phone, 9) as digits, jsonb_agg(distinct jsonb_build_object('r', i.request_id, 'k', i.column_name)) as whose
    from identifiers as i
    where i.phone is not null
    group by 1
  )
  select jsonb_build_object(
    'words', (select jsonb_object_agg(f.word, f.forms) from found as f),
    'at', (select bool_and(f.form like '%@%') from forms as f),
    'phones', (select jsonb_object_agg(p.digits, p.whose) from phones as p));
end;

comment on function lethe_private.wanted(bigint[]) is 'What is looked for on behalf of some requests.';
--! EndIncluded lethe_private/residue_forms.sql
--! Included lethe_private/residue_sql.sql
-- The statement that looks through one relation, for any number of people at once: what it costs follows how much text
-- there is, and hardly how many they are. Each text is taken apart into words once, and a word asked for in a map; only
-- where one is in it a text is looked at for the identifier itself. What is looked for comes as $2.
--
-- Each row: [request, object, number of the text, rows, [[identifier columns]]].
create or replace function lethe_private.residue_sql("from" text, texts text[], "where" text, object text, wanted jsonb)
  returns text
  language sql
  immutable
begin atomic
  select format($sql$select coalesce(jsonb_agg(jsonb_build_array(x.request, x.object, x.n, x.rows, x.columns)), '[]'), null::oid, null::tid[]
from (
  select m.request, %1$s as object, m.n, count(*) as rows, jsonb_agg(distinct m.columns) as columns
  from %2$s
  cross join lateral (select %3$s offset 0) as t
  cross join lateral (select array[%4$s] as texts offset 0) as d
  cross join lateral (
    select f.request, f.n, array_agg(distinct f.identifier_column order by f.identifier_column) as columns
    from (%5$s) as f
    group by f.request, f.n
  ) as m
  where %6$s
  group by 1, 2, 3
) as x$sql$,
    object, "from",
    (select string_agg(format('lower((%s) collate "default") as t%s', e, n), ', ' order by n) from unnest(texts) with ordinality as x (e, n)),
    (select string_agg(format('case when t.t%1$s ~ ''[%%\\&]'' then lethe_private.readable(t.t%1$s) else t.t%1$s end', n), ', ' order by n)
     from generate_series(1, cardinality(texts)) as n),
    concat_ws(E'\n      union all ',
      case when jsonb_typeof(wanted -> 'words') = 'object' then format($sql$select (e ->> 'r')::bigint as request, v.n, e ->> 'k' as identifier_column
      from (
        select distinct w.word from regexp_split_to_table(array_to_string(d.texts, chr(10)), '[^[:alnum:]]+') as w (word)
        where %s(select convert_from($2, 'UTF8')::jsonb -> 'words') ? w.word
        offset 0
      ) as w
      cross join lateral jsonb_array_elements((select convert_from($2, 'UTF8')::jsonb -> 'words') -> w.word) as e
      cross join lateral unnest(d.texts) with ordinality as v (value, n)
      where strpos(v.value, e ->> 's') > 0 and v.value ~ (e ->> 'v')$sql$,
        case when (wanted ->> 'at')::boolean then 'strpos(array_to_string(d.texts, chr(10)), ''@'') > 0 and ' else '' end) end,
      case when jsonb_typeof(wanted -> 'phones') = 'object' then $sql$select (e ->> 'r')::bigint as request, v.n, e ->> 'k' as identifier_column
      from unnest(d.texts) with ordinality as v (value, n)
      cross join lateral lethe_private.phone_keys(v.value) as p (digits)
      cross join lateral jsonb_array_elements((select convert_from($2, 'UTF8')::jsonb -> 'phones') -> p.digits) as e
      -- Most numbers are nobody's, so the digits alone come first.
      where v.value ~ '\d([^[:alnum:]]{0,3}\d){6}' and exists (
        select from regexp_matches(v.value, '\d(?:[^[:alnum:]]{0,3}\d){6,}', 'g') as m (run)
        cross join lateral regexp_replace(m.run[1], '\D', '', 'g') as r (digits)
        cross join generate_series(1, length(r.digits) - 6) as i
        where (select convert_from($2, 'UTF8')::jsonb -> 'phones') ?| array[substr(r.digits, i, 9), substr(r.digits, i, 8), substr(r.digits, i, 7)])$sql$ end),
    coalesce("where", 'true'));
end;

comment on function lethe_private.residue_sql(text, text[], text, text, jsonb) is
  'Counts the rows of a relation (alias c) whose texts hold what is wanted, per request and text.';
--! EndIncluded lethe_private/residue_sql.sql
--! Included lethe_private/residue_places.sql
-- Whether a value of a type can hold text: through domains, arrays, ranges and composites. Of types that are not
-- PostgreSQL's own, texts and what is written as one (hstore, citext, ltree); not shapes and vectors.
create or replace function lethe_private.holds_text(type oid)
  returns boolean
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type pg_type;
begin
  select t.* into v_type from pg_type as t where t.oid = holds_text.type;
  return case
    when v_type.typtype = 'd' then lethe_private.holds_text(v_type.typbasetype)
    when v_type.typtype = 'c' then exists (
      select from pg_attribute as a
      where a.attrelid = v_type.typrelid and a.attnum > 0 and not a.attisdropped and lethe_private.holds_text(a.atttypid))
    when v_type.typtype in ('r', 'm') then exists (
      select from pg_range as r where v_type.oid in (r.rngtypid, r.rngmultitypid) and lethe_private.holds_text(r.rngsubtype))
    when v_type.typtype <> 'b' then false
    when v_type.typcategory = 'A' then lethe_private.holds_text(v_type.typelem)
    when v_type.typnamespace = 'pg_catalog'::regnamespace then
      v_type.typcategory = 'S' or v_type.typname in ('json', 'jsonb', 'xml', 'bytea', 'tsvector', 'jsonpath')
    else v_type.typcategory in ('S', 'U') and v_type.typname not in
      ('geometry', 'geography', 'box2d', 'box3d', 'raster', 'vector', 'halfvec', 'sparsevec')
  end;
end
$$;

comment on function lethe_private.holds_text(oid) is 'True when a value of the type can hold text.';

-- Bytes are written out: what is ASCII in them stays readable.
create or replace function lethe_private.text_columns(relation oid)
  returns table ("position" int2, name text, expression text)
  language sql
  stable
begin atomic
  with recursive columns as (
    select a.attnum, a.attname::text as name, a.atttypid as type
    from pg_attribute as a
    where a.attrelid = text_columns.relation and a.attnum > 0 and not a.attisdropped and lethe_private.holds_text(a.atttypid)
  ), based as (
    select c.attnum, c.name, c.type from columns as c
    union all
    select b.attnum, b.name, t.typbasetype from based as b join pg_type as t on t.oid = b.type where t.typtype = 'd'
  )
  select b.attnum, b.name, format(case
      when t.oid = 'bytea'::regtype then 'encode(c.%I, ''escape'')'
      when t.oid = 'bytea[]'::regtype then '(select string_agg(encode(b, ''escape''), '' '') from unnest(c.%I) as b)'
      when t.typnamespace = 'pg_catalog'::regnamespace or exists (
        select from pg_cast as k where k.castsource = t.oid and k.casttarget = 'text'::regtype and k.castmethod = 'b') then 'c.%I::text'
      -- A cast that somebody made would run his function; the output of a type is PostgreSQL's own, or a superuser's.
      else 'format(''%%s'', c.%I)' end, b.name)
  from based as b
  join pg_type as t on t.oid = b.type
  where t.typtype <> 'd'
  order by b.attnum;
end;

comment on function lethe_private.text_columns(oid) is 'The columns of a relation that can hold text, and SQL (of alias c) that reads each as text.';

-- What there is to look through besides Lethe's own: the parts of a table that has foreign ones, else the whole of it. Children of
-- a table by inheritance are tables of their own, since they have columns of their own.
create or replace function lethe_private.residue_relations()
  returns table (relation oid, name text, kind "char", named text, managed_id int, "from" text)
  language sql
  stable
begin atomic
  with recursive kept as (
    select c.oid, n.nspname, c.relname, c.relkind, c.relispartition
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm', 'f') and c.relpersistence <> 't' and (c.relkind <> 'm' or c.relispopulated)
      and n.nspname not in ('pg_catalog', 'information_schema', 'lethe', 'lethe_private', 'lethe_archive', 'lethe_jobs')
      and n.nspname !~ '^pg_(toast|temp)'
  ), mixed as (
    select k.oid from kept as k
    where k.relkind = 'p' and exists (
      select from pg_partition_tree(k.oid) as t join pg_class as c on c.oid = t.relid where c.relkind = 'f')
  ), parts as (
    select k.oid, k.relkind, k.oid as root from kept as k where not k.relispartition and k.oid not in (select m.oid from mixed as m)
    union all
    select t.relid, c.relkind, m.oid
    from mixed as m
    join kept as r on r.oid = m.oid and not r.relispartition
    cross join lateral pg_partition_tree(m.oid) as t
    join pg_class as c on c.oid = t.relid
    where t.isleaf
  ), up as (
    select p.oid as part, p.oid from parts as p
    union
    select u.part, i.inhparent from up as u join pg_inherits as i on i.inhrelid = u.oid
  )
  select p.oid, lethe_private.host_name(p.oid), p.relkind, lethe_private.host_name(p.root),
    (select m.table_id from up as u join lethe_private.managed_relations as m on m.relation = u.oid where u.part = p.oid limit 1),
    format(case when p.relkind = 'r' then 'only %s as c' else '%s as c' end, lethe_private.host_name(p.oid))
  from parts as p
  order by 2;
end;

comment on function lethe_private.residue_relations() is
  'Every relation of the host that stores rows: each once, under the name of the table it is part of, and the managed table that is.';

-- Whoever reads a table runs what its owner has put into its indexes and partition keys, since PostgreSQL works out their
-- constant parts when it plans. So a table that is not managed is read only where nothing of that is anybody's but a
-- superuser's. Built-in functions and operators have no entry in pg_depend.
create or replace function lethe_private.reads_plainly(relation oid)
  returns boolean
  language sql
  stable
begin atomic
  with recursive family as (
    select reads_plainly.relation as oid
    union
    select i.inhrelid from family as f join pg_inherits as i on i.inhparent = f.oid
  ), parts as (
    select f.oid from family as f
    union all
    select i.indexrelid from family as f join pg_index as i on i.indrelid = f.oid
  )
  select not exists (
      select from parts as p
      join pg_depend as d on d.classid = 'pg_class'::regclass and d.objid = p.oid
      left join pg_proc as f on d.refclassid = 'pg_proc'::regclass and f.oid = d.refobjid
      left join pg_operator as o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
      join pg_roles as r on r.oid = coalesce(f.proowner, o.oprowner) and not r.rolsuper);
end;

comment on function lethe_private.reads_plainly(oid) is
  'False for a table whose reading could run a function of somebody who is no superuser: by an index or a partition key.';
--! EndIncluded lethe_private/residue_places.sql
--! Included lethe_private/residue_look.sql
-- Looking through the database on behalf of requests of one controller. Each function lists what it found, and what it
-- could not look at. A statement that fails loses its table and nothing else.

-- One statement, run as lethe_sweeper (host), as Lethe's owner (evidence, own, jobs), or on the archive; null when it failed, with the SQLSTATE.
create or replace function lethe_private.look_through(who text, statement text, wanted jsonb, relation oid default null, out facts jsonb, out failure text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted bytea := convert_to(wanted::text, 'UTF8');
begin
  case who
    when 'host' then select r.facts into facts from lethe_private.run_as_sweeper(statement, null, null, v_wanted) as r;
    when 'archive' then select r.facts into facts from lethe_private.run_on_archive(statement, null, v_wanted) as r;
    when 'jobs' then facts := lethe_private.look_at_jobs(relation, statement, v_wanted);
    else execute statement into facts using null::tid[], v_wanted;
  end case;
exception when others then
  get stacked diagnostics failure = returned_sqlstate;
end
$$;

comment on function lethe_private.look_through(text, text, jsonb, oid) is 'What a statement of residue_sql found, or the SQLSTATE with which it failed.';

-- The tables of the jobs are lethe_worker's, and this reads them with more rights than that: nothing of its making may run
-- here. From the lock on no policy, no column and no index changes, and jobs come and go; it is given back at once, since
-- the transaction may still be long.
create or replace function lethe_private.look_at_jobs(relation oid, statement text, wanted bytea)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_facts jsonb;
begin
  begin
    execute format('lock table only %s in share update exclusive mode', lethe_private.host_name(look_at_jobs.relation));
    if not lethe_private.reads_plainly(look_at_jobs.relation) or exists (
      select from pg_policy as p
      where p.polrelid = look_at_jobs.relation and (p.polname <> 'lethe_residue' or pg_get_expr(p.polqual, p.polrelid) <> 'true'))
    then
      raise insufficient_privilege;
    end if;
    execute statement into v_facts using null::tid[], wanted;
    raise exception using errcode = 'RB000';
  exception when sqlstate 'RB000' then
    null;
  end;
  return v_facts;
end
$$;

comment on function lethe_private.look_at_jobs(oid, text, bytea) is
  'What a statement finds in a table of the jobs. Raises 42501 where reading it would run what others put there, 55P03 where it is being worked on.';

-- [request, object, number of the text, rows, [[columns]]] as rows.
create or replace function lethe_private.found_rows(facts jsonb, names text[])
  returns table (request bigint, object text, rows bigint, by_columns text[])
  language sql
  immutable
begin atomic
  select (f ->> 0)::bigint, coalesce(f ->> 1, names[(f ->> 2)::int]), (f ->> 3)::bigint,
    array(select distinct k from jsonb_array_elements(f -> 4) as s cross join lateral jsonb_array_elements_text(s) as k order by k)
  from jsonb_array_elements(facts) as f;
end;

comment on function lethe_private.found_rows(jsonb, text[]) is 'What a statement of residue_sql found; names: of the texts it read.';

create or replace function lethe_private.look_at_host(requests bigint[], controller lethe.controllers, wanted jsonb)
  returns table (request bigint, place text, object text, finding text, rows bigint, by_columns text[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_relation record;
  v_columns record;
  v_managed lethe.managed_tables;
  v_look record;
  v_why text;
  v_place text;
begin
  for v_relation in select * from lethe_private.residue_relations() loop
    select array_agg(t.expression order by t.position) filter (where t.may) as expressions,
      array_agg(v_relation.named || '.' || quote_ident(t.name) order by t.position) filter (where t.may) as names,
      array_agg(v_relation.named || '.' || quote_ident(t.name) order by t.position) filter (where not t.may) as unread, count(*) as total
      into v_columns
    from (select x.*, has_column_privilege('lethe_sweeper', v_relation.relation, x.position, 'select') as may
          from lethe_private.text_columns(v_relation.relation) as x) as t;
    continue when v_columns.total = 0;
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_relation.managed_id;
    continue when v_managed.id is not null and not lethe_private.has_controller(v_managed, controller);
    v_place := case v_relation.kind when 'm' then 'materialized view' else 'table' end;
    v_why := case
      when v_relation.kind = 'f' then 'it is a foreign table: what it shows is stored elsewhere'
      when not has_schema_privilege('lethe_sweeper', (select c.relnamespace from pg_class as c where c.oid = v_relation.relation), 'usage')
        or v_columns.expressions is null then 'lethe_sweeper may not read it'
      when v_managed.controller_column is not null and not has_column_privilege('lethe_sweeper', v_relation.relation, v_managed.controller_column, 'select')
        then 'lethe_sweeper may not read whose rows they are'
      when v_managed.id is null and not lethe_private.reads_plainly(v_relation.relation) then 'reading it would run functions of its owner: manage it first' end;
    if v_why is null then
      select * into v_look from lethe_private.look_through('host', lethe_private.residue_sql(v_relation."from", v_columns.expressions,
        case when v_managed.id is not null then lethe_private.controller_sql('c', v_managed, v_relation.relation, controller) end, 'null::text', wanted), wanted);
      return query
        select f.request, v_place, f.object, case v_place when 'table' then 'found' else 'found: REFRESH MATERIALIZED VIEW takes it out once its sources are without' end,
          f.rows, f.by_columns
        from lethe_private.found_rows(v_look.facts, v_columns.names) as f;
      v_why := 'reading it failed (SQLSTATE ' || v_look.failure || ')';
      return query
        select r, 'not looked at', u, 'lethe_sweeper may not read it', null::bigint, null::text[]
        from unnest(requests) as r cross join unnest(v_columns.unread) as u;
    end if;
    return query select r, 'not looked at', v_relation.name, v_why, null::bigint, null::text[] from unnest(requests) as r where v_why is not null;
  end loop;
end
$$;

comment on function lethe_private.look_at_host(bigint[], lethe.controllers, jsonb) is
  'Looks through every table and materialized view that lethe_sweeper may read. Of a managed table only through the rows of the controller.';

create or replace function lethe_private.look_at_archive(requests bigint[], controller lethe.controllers, wanted jsonb)
  returns table (request bigint, place text, object text, finding text, rows bigint, by_columns text[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror record;
  v_columns record;
  v_look record;
begin
  for v_mirror in
    select m.name, x.relation, t.schema_name, t.table_name
    from lethe_private.mirrors as m
    join lethe.managed_tables as t on t.id = m.table_id
    cross join lateral (select lethe_private.host_table('lethe_archive', m.name) as relation) as x
    order by m.id
  loop
    -- One name for all mirrors of a table: which of them it is says nothing to anybody.
    select array_agg(t.expression order by t.position) as expressions,
      array_agg(format('%I.%I.%I', v_mirror.schema_name, v_mirror.table_name, t.name) order by t.position) as names into v_columns
    from lethe_private.text_columns(v_mirror.relation) as t;
    select * into v_look from lethe_private.look_through('archive', lethe_private.residue_sql(format('lethe_archive.%I as c', v_mirror.name),
      v_columns.expressions, format('c."lethe$controller" = %s', controller.id), 'null::text', wanted), wanted);
    return query select f.request, 'archive', f.object, 'found', f.rows, f.by_columns from lethe_private.found_rows(v_look.facts, v_columns.names) as f;
    return query
      select r, 'not looked at', format('archive of %I.%I', v_mirror.schema_name, v_mirror.table_name),
        'reading it failed (SQLSTATE ' || v_look.failure || ')', null::bigint, null::text[]
      from unnest(requests) as r where v_look.failure is not null;
  end loop;
end
$$;

comment on function lethe_private.look_at_archive(bigint[], lethe.controllers, jsonb) is 'Looks through what is archived of a controller.';

-- Whose a row of Lethe's own is: by its controller, or by what it belongs to. What belongs to no controller is everybody's.
create or replace function lethe_private.own_rows_sql(relation oid, controller lethe.controllers)
  returns text
  language sql
  stable
begin atomic
  select string_agg(format(case a.attname
      when 'controller_id' then '(c.controller_id is null or c.controller_id = %1$s)'
      when 'request_id' then 'c.request_id in (select r.id from lethe.requests as r where r.controller_id = %1$s)'
      when 'notification_id' then 'c.notification_id in (select n.id from lethe.notifications as n join lethe.requests as r on r.id = n.request_id where r.controller_id = %1$s)'
      when 'cycle_id' then 'c.cycle_id in (select y.id from lethe.cycles as y where y.controller_id = %1$s)'
      when 'hold_id' then 'c.hold_id in (select h.id from lethe.holds as h where h.controller_id is null or h.controller_id = %1$s)'
    end, controller.id), ' and ')
  from pg_attribute as a
  where a.attrelid = own_rows_sql.relation and not a.attisdropped
    and (a.attname = 'controller_id' or a.attname in ('request_id', 'notification_id', 'cycle_id', 'hold_id') and not exists (
      select from pg_attribute as o where o.attrelid = a.attrelid and o.attname = 'controller_id' and not o.attisdropped));
end;

comment on function lethe_private.own_rows_sql(oid, lethe.controllers) is
  'True for the rows of a table of Lethe''s own (alias c) that are the controller''s, or nobody''s; null: all are nobody''s.';

-- What Lethe itself has written down, and the payloads of its jobs. Not what it keeps of the person in order to do the
-- request (roots and identifiers), which goes with it.
create or replace function lethe_private.look_at_own(requests bigint[], controller lethe.controllers, wanted jsonb)
  returns table (request bigint, place text, object text, finding text, rows bigint, by_columns text[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set row_security = on  -- the jobs are lethe_worker's: a policy lets their readers in
as $$
declare
  v_table record;
  v_columns record;
  v_statement text;
  v_look record;
begin
  for v_table in
    select c.oid, c.relname, format('%I.%I', n.nspname, c.relname) as name, case n.nspname when 'lethe_jobs' then 'jobs' else 'evidence' end as place,
      has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as may
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('lethe', 'lethe_private', 'lethe_jobs') and c.relkind = 'r'
      and (n.nspname, c.relname) not in (('lethe_private', 'request_identifiers'), ('lethe_private', 'request_roots'), ('lethe', 'formats'))
    order by 2
  loop
    select array_agg(t.expression order by t.position) as expressions,
      array_agg(v_table.name || '.' || quote_ident(t.name) order by t.position) as names into v_columns
    from lethe_private.text_columns(v_table.oid) as t;
    continue when v_columns.expressions is null;
    if v_table.may then
      v_statement := lethe_private.residue_sql(v_table.name || ' as c', v_columns.expressions,
        case v_table.place when 'evidence' then lethe_private.own_rows_sql(v_table.oid, controller) end, 'null::text', wanted);
      select * into v_look from lethe_private.look_through(v_table.place, v_statement, wanted, v_table.oid);
      return query
        select f.request, v_table.place, f.object, case v_table.place when 'jobs' then 'found: it goes with the job' else 'found' end, f.rows, f.by_columns
        from lethe_private.found_rows(v_look.facts, v_columns.names) as f;
      continue when v_look.failure is null;
      v_table.may := v_look.failure <> '42501';
      return query select r, 'not looked at', v_table.name, 'reading it failed (SQLSTATE ' || v_look.failure || ')', null::bigint, null::text[] from unnest(requests) as r where v_table.may;
    end if;
    if not v_table.may then
      return query select r, 'not looked at', v_table.name, 'Lethe may not read it, or would run what others put there: lethe init restores it', null::bigint, null::text[] from unnest(requests) as r;
    end if;
  end loop;
end
$$;

comment on function lethe_private.look_at_own(bigint[], lethe.controllers, jsonb) is 'Looks through evidence, events, reasons, and payloads of jobs.';
--! EndIncluded lethe_private/residue_look.sql
--! Included lethe_private/residue_statistics.sql
-- The planner's statistics keep values of rows that are gone, until the next ANALYZE. Where they hold something, ANALYZE is
-- run if Lethe may: on what is its own always, on a table of the host where its owner granted that (MAINTAIN, from
-- PostgreSQL 17 on). Then they are read again. What still stands there is for the owner of the table.
--
-- pg_stats shows everybody what they may read: so the host's are asked for as lethe_sweeper.
create or replace function lethe_private.statistics_sql(wanted jsonb, own boolean)
  returns text
  language sql
  immutable
return lethe_private.residue_sql('pg_catalog.pg_stats as c',
  array['c.most_common_vals::text', 'c.histogram_bounds::text', 'c.most_common_elems::text'],
  case when own then 'c.schemaname in (''lethe'', ''lethe_private'', ''lethe_archive'', ''lethe_jobs'') and (c.schemaname, c.tablename) not in ((''lethe_private'', ''request_roots''))'
  else 'c.schemaname not in (''pg_catalog'', ''information_schema'', ''lethe'', ''lethe_private'', ''lethe_archive'', ''lethe_jobs'')' end,
  'format(''%I.%I'', c.schemaname, c.tablename) || ''.'' || quote_ident(c.attname)', wanted);

comment on function lethe_private.statistics_sql(jsonb, boolean) is 'Looks through pg_stats: of the host, or of Lethe''s own tables.';

create or replace function lethe_private.extended_statistics_sql(wanted jsonb)
  returns text
  language sql
  immutable
return lethe_private.residue_sql('pg_catalog.pg_stats_ext as c', array['c.most_common_vals::text'], null,
  'format(''%I.%I (extended statistics)'', c.statistics_schemaname, c.statistics_name)', wanted);

comment on function lethe_private.extended_statistics_sql(jsonb) is 'Looks through those extended statistics that the caller may see.';

create or replace function lethe_private.may_analyze(relation oid)
  returns boolean
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('server_version_num')::int >= 170000 and has_table_privilege(relation, 'maintain') then
    return true;
  end if;
  return (select pg_has_role(c.relowner, 'usage') from pg_class as c where c.oid = relation);
end
$$;

comment on function lethe_private.may_analyze(oid) is 'True when ANALYZE of the relation would be done, and not skipped with a warning.';

create or replace function lethe_private.look_at_statistics(requests bigint[], wanted jsonb)
  returns table (request bigint, place text, object text, finding text, rows bigint, by_columns text[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_side record;
  v_look record;
  v_table oid;
  v_analyzed int;
begin
  for v_side in
    select 'host' as who, lethe_private.statistics_sql(wanted, false) as statement
    union all select 'own', lethe_private.statistics_sql(wanted, true)
    union all select 'host', lethe_private.extended_statistics_sql(wanted)
    union all select 'own', lethe_private.extended_statistics_sql(wanted)
  loop
    select * into v_look from lethe_private.look_through(v_side.who, v_side.statement, wanted);
    v_analyzed := 0;
    for v_table in
      select distinct coalesce(e.stxrelid, s.oid)
      from lethe_private.found_rows(v_look.facts, null) as f
      cross join lateral (select parse_ident(f.object, false) as parts) as p
      left join pg_statistic_ext as e on e.stxname = p.parts[2] and e.stxnamespace = to_regnamespace(quote_ident(p.parts[1])) and f.object like '%(extended statistics)'
      left join lateral (select lethe_private.host_table(p.parts[1], p.parts[2]) as oid) as s on f.object not like '%(extended statistics)'
    loop
      continue when not coalesce(lethe_private.may_analyze(v_table), false);
      begin
        execute format('analyze %s', lethe_private.host_name(v_table));
        v_analyzed := v_analyzed + 1;
      exception when others then null;  -- it stays a finding
      end;
    end loop;
    if v_analyzed > 0 then
      select * into v_look from lethe_private.look_through(v_side.who, v_side.statement, wanted);
    end if;
    return query
      select f.request, 'statistics', f.object, 'found: ANALYZE takes it out once the table is without', null::bigint, array_agg(distinct k order by k)
      from lethe_private.found_rows(v_look.facts, null) as f cross join unnest(f.by_columns) as k
      group by f.request, f.object;
    return query
      select r, 'not looked at', 'planner statistics', 'reading them failed (SQLSTATE ' || v_look.failure || ')', null::bigint, null::text[]
      from unnest(requests) as r where v_look.failure is not null;
  end loop;
  return query
    select r, 'not looked at', format('%I.%I (extended statistics)', n.nspname, e.stxname), 'PostgreSQL shows them to the owner of the table alone; ANALYZE renews them',
      null::bigint, null::text[]
    from unnest(requests) as r
    cross join pg_statistic_ext as e
    join pg_class as c on c.oid = e.stxrelid
    join pg_namespace as n on n.oid = e.stxnamespace
    where 'm' = any (e.stxkind) and not pg_has_role(c.relowner, 'usage') and not pg_has_role('lethe_sweeper', c.relowner, 'usage')
      and exists (select from pg_attribute as a where a.attrelid = e.stxrelid and a.attnum = any (e.stxkeys::int2[]) and lethe_private.holds_text(a.atttypid));
end
$$;

comment on function lethe_private.look_at_statistics(bigint[], jsonb) is
  'Looks through the planner''s statistics, and runs ANALYZE where they hold something and Lethe may.';
--! EndIncluded lethe_private/residue_statistics.sql
--! Included lethe_private/residue_catalogue.sql
-- What the schema of the host itself says of a person: comments, labels of enums, literals in functions, views, defaults,
-- checks, policies, indexes and triggers, bounds of partitions, and names. Deparsing runs nothing of what it shows. An object that may
-- itself be called like the person is not named.
create or replace function lethe_private.catalogue_sql(wanted jsonb)
  returns text
  language sql
  immutable
return lethe_private.residue_sql($from$(
    with host as (
      select n.oid, n.nspname from pg_catalog.pg_namespace as n
      where n.nspname !~ '^(pg_.*|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)$'
    ), tables as (
      select c.oid, c.relkind, c.relname, c.relpartbound, h.nspname, pg_catalog.format('%I.%I', h.nspname, c.relname) as name
      from pg_catalog.pg_class as c join host as h on h.oid = c.relnamespace
    )
    select pg_catalog.format('comments (%s)', case when d.objsubid > 0 then 'column' else lower(o.type) end) as object, d.description as text
    from pg_catalog.pg_description as d cross join lateral pg_catalog.pg_identify_object(d.classoid, d.objoid, 0) as o
    where d.objoid >= 16384 and o.schema is distinct from 'lethe' and o.schema is distinct from 'lethe_private'
    union all
    select pg_catalog.format('comments (%s)', lower(o.type)), d.description
    from pg_catalog.pg_shdescription as d cross join lateral pg_catalog.pg_identify_object(d.classoid, d.objoid, 0) as o
    where d.objoid >= 16384
    union all
    select pg_catalog.format('labels of %I.%I', h.nspname, t.typname), e.enumlabel
    from pg_catalog.pg_enum as e join pg_catalog.pg_type as t on t.oid = e.enumtypid join host as h on h.oid = t.typnamespace
    union all
    select pg_catalog.format('function %I.%I', h.nspname, p.proname), concat_ws(' ', p.prosrc, pg_catalog.pg_get_function_sqlbody(p.oid))
    from pg_catalog.pg_proc as p join host as h on h.oid = p.pronamespace
    union all
    select 'view ' || t.name, pg_catalog.pg_get_viewdef(t.oid) from tables as t where t.relkind in ('v', 'm')
    union all
    select 'defaults of ' || t.name, pg_catalog.pg_get_expr(d.adbin, d.adrelid) from pg_catalog.pg_attrdef as d join tables as t on t.oid = d.adrelid
    union all
    select 'checks of ' || t.name, pg_catalog.pg_get_constraintdef(k.oid) from pg_catalog.pg_constraint as k join tables as t on t.oid = k.conrelid where k.contype = 'c'
    union all
    select 'policies of ' || t.name, concat_ws(' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
    from pg_catalog.pg_policy as p join tables as t on t.oid = p.polrelid
    union all
    select 'indexes of ' || t.name, pg_catalog.pg_get_indexdef(i.indexrelid)
    from pg_catalog.pg_index as i join tables as t on t.oid = i.indrelid where num_nonnulls(i.indpred, i.indexprs) > 0
    union all
    select 'triggers of ' || t.name, pg_catalog.pg_get_triggerdef(g.oid)
    from pg_catalog.pg_trigger as g join tables as t on t.oid = g.tgrelid where not g.tgisinternal
    union all
    select pg_catalog.format('bounds of partitions in %I', t.nspname), pg_catalog.pg_get_expr(t.relpartbound, t.oid) from tables as t where t.relpartbound is not null
    union all
    select pg_catalog.format('names of tables in %I', t.nspname), t.relname from tables as t
    union all
    select pg_catalog.format('names of columns in %I', t.nspname), a.attname
    from pg_catalog.pg_attribute as a join tables as t on t.oid = a.attrelid where a.attnum > 0 and not a.attisdropped
    union all
    select 'names of schemas', h.nspname from host as h
  ) as c$from$, array['c.text'], null, 'c.object', wanted);

comment on function lethe_private.catalogue_sql(jsonb) is 'Looks through what the host''s schema says in words.';

create or replace function lethe_private.look_at_catalogue(requests bigint[], wanted jsonb)
  returns table (request bigint, place text, object text, finding text, rows bigint, by_columns text[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_look record;
begin
  select * into v_look from lethe_private.look_through('host', lethe_private.catalogue_sql(wanted), wanted);
  return query
    select f.request, 'catalogue', f.object, 'found: who owns it changes it', f.rows, f.by_columns
    from lethe_private.found_rows(v_look.facts, null) as f;
  return query
    select r, 'not looked at', 'the catalogue', 'reading it failed (SQLSTATE ' || v_look.failure || ')', null::bigint, null::text[]
    from unnest(requests) as r where v_look.failure is not null;
end
$$;

comment on function lethe_private.look_at_catalogue(bigint[], jsonb) is
  'Looks through comments, labels, definitions and names of the host''s schema.';
--! EndIncluded lethe_private/residue_catalogue.sql
--! Included lethe/scan_residue.sql
-- Looks for what people were called, everywhere Lethe may look, after they have been erased. Many requests at once cost
-- hardly more than one. Findings replace those of an earlier look; what somebody has decided of one stays decided. When it is
-- done the identifiers are forgotten, unless somebody still has to be told (or keep says so).
create or replace function lethe.scan_residue(requests bigint[] default null, keep boolean default false)
  returns table (request bigint, place text, object text, finding text, rows bigint)
  language plpgsql
  volatile
  security definer  -- reads identifiers, archive and evidence, which nobody else may; shows objects and counts
  set search_path = pg_catalog, pg_temp
  set lock_timeout = '10s'  -- a table that somebody alters is not waited for, but listed
  set jit = off
as $$
declare
  v_requests bigint[];
  v_controller lethe.controllers;
begin
  -- Each is locked, if the login may see it.
  select array_agg(g.id) into v_requests
  from (select distinct u from unnest(coalesce(scan_residue.requests, array(
    select r.id from lethe.requests as r
    where r.state = 'executed' and (lethe_private.acts_for(r.controller_id) or lethe_private.is_one_of(array['lethe_worker']))))) as u order by u) as x (id)
  cross join lateral lethe_private.get_request(x.id) as g;

  for v_controller in select distinct c.* from lethe.requests as r join lethe.controllers as c on c.id = r.controller_id where r.id = any (v_requests) order by c.id loop
    perform lethe_private.look_for(array(
      select distinct i.request_id from lethe_private.request_identifiers as i join lethe.requests as r on r.id = i.request_id
      where r.id = any (v_requests) and r.controller_id = v_controller.id), v_controller);
  end loop;
  -- What had been found before the identifiers were forgotten stands in the certificate of that day.
  delete from lethe.request_findings as f
  where f.request_id = any (v_requests) and f.place <> 'restore' and f.decision is null
    and exists (select from lethe.certificates as c where c.request_id = f.request_id)
    and not exists (select from lethe_private.request_identifiers as i where i.request_id = f.request_id);
  perform lethe_private.note_nothing_kept(v_requests);
  insert into lethe.request_events (request_id, event) select r, 'looked for residue' from unnest(v_requests) as r order by r;
  update lethe.requests as r set verified_at = clock_timestamp() where r.id = any (v_requests);
  if not scan_residue.keep then
    perform lethe_private.suppress(r.id) from lethe.requests as r
    where r.id = any (v_requests) and r.kind = 'erasure' and r.state in ('executed', 'blocked', 'completed') and not exists (select from lethe_private.suppressions as s where s.request_id = r.id);
    perform lethe_private.forget_identifiers(r.id) from lethe.requests as r
    where r.id = any (v_requests) and r.state in ('executed', 'blocked', 'completed') and lethe_private.all_are_told(r);
  end if;
  return query
    select f.request_id, f.place, f.object, f.finding, f.rows from lethe.request_findings as f
    where f.request_id = any (v_requests) order by f.request_id, f.n;
end
$$;

comment on function lethe.scan_residue(bigint[], boolean) is
  'Looks for the former identifiers of people in every text of the database, and lists objects and counts; default: of all requests that are executed. Raises LE114, LE441.';

create or replace function lethe_private.look_for(requests bigint[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted jsonb := lethe_private.wanted(requests);
  v_found jsonb;
begin
  if cardinality(requests) = 0 then
    return;
  end if;
  select jsonb_agg(to_jsonb(f)) into v_found
  from (
    select * from lethe_private.look_at_host(requests, controller, v_wanted)
    union all select * from lethe_private.look_at_archive(requests, controller, v_wanted)
    union all select * from lethe_private.look_at_own(requests, controller, v_wanted)
    union all select * from lethe_private.look_at_statistics(requests, v_wanted)
    union all select * from lethe_private.look_at_catalogue(requests, v_wanted)
    union all
    select distinct i.request_id, 'not looked at', r.subject || '.' || i.column_name, 'too short to look for', null::bigint, null::text[]
    from lethe_private.identifiers_of(requests) as i join lethe.requests as r on r.id = i.request_id where lethe_private.is_too_short(i.identifier)
    union all
    select r, 'not looked at', 'large objects', 'what is in them is not text that Lethe can read', null, null
    from unnest(requests) as r where exists (select from pg_largeobject_metadata)
  ) as f;
  perform lethe_private.write_findings(requests, v_found);
end
$$;

comment on function lethe_private.look_for(bigint[], lethe.controllers) is 'Looks for the people of some requests of one controller and writes down what was found.';

-- Mirrors of one table are one archive, and partitions one table. A table of which the plan keeps rows by law is expected to hold them.
create or replace function lethe_private.write_findings(requests bigint[], findings jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  delete from lethe.request_findings as f where f.request_id = any (requests) and f.place <> 'restore' and f.decision is null;
  insert into lethe.request_findings (request_id, n, place, object, finding, rows, by_columns)
  select x.request, row_number() over (partition by x.request order by x.place = 'not looked at', x.place, x.object)
      + coalesce((select max(o.n) from lethe.request_findings as o where o.request_id = x.request), 0),
    x.place, x.object, x.finding, x.rows, x.by_columns
  from (
    select f.request, f.place, f.object, case when f.finding = 'found' and lethe_private.is_retained(r, f.place, f.object) then 'kept by law' else f.finding end as finding,
      sum(f.rows)::bigint as rows, min(f.by_columns) as by_columns
    from jsonb_to_recordset(coalesce(findings, '[]')) as f (request bigint, place text, object text, finding text, rows bigint, by_columns text[])
    join lethe.requests as r on r.id = f.request
    group by 1, 2, 3, 4
  ) as x
  where not exists (
    select from lethe.request_findings as o
    where o.request_id = x.request and o.place = x.place and o.object = x.object and o.finding = x.finding);
end
$$;

comment on function lethe_private.write_findings(bigint[], jsonb) is 'Puts findings in the place of those of an earlier look.';

create or replace function lethe_private.is_retained(request lethe.requests, place text, object text)
  returns boolean
  language sql
  immutable
return exists (
  select from jsonb_array_elements(case when jsonb_typeof(request.plan -> 'tables') = 'array' then request.plan -> 'tables' else '[]' end) as t
  where t ->> 'decision' = 'retain' and (t ->> 'place' = 'archive') = (is_retained.place = 'archive')
    and (starts_with(object, (t ->> 'table') || '.') or starts_with(replace(object, '"', ''), (t ->> 'table') || '.')));

comment on function lethe_private.is_retained(lethe.requests, text, text) is 'True when the plan of a request keeps rows of the table by law.';

create or replace function lethe_private.note_nothing_kept(requests bigint[])
  returns void
  language sql
  volatile
begin atomic
  insert into lethe.request_findings (request_id, n, place, object, finding)
  select r, 1, 'not looked at', 'identifiers', 'none is known of this person, or none any more: there is nothing to look for'
  from unnest(requests) as r
  where not exists (select from lethe_private.request_identifiers as i where i.request_id = r)
    and not exists (select from lethe.request_findings as f where f.request_id = r);
end;

comment on function lethe_private.note_nothing_kept(bigint[]) is 'Says so of requests whose roots had nothing in their identifier columns.';

-- Recipients recognise the person by hashes that are made of the identifiers.
create or replace function lethe_private.all_are_told(request lethe.requests)
  returns boolean
  language sql
  stable
begin atomic
  select not exists (
    select from lethe.recipients as p
    where p.controller_id = request.controller_id and p.removed_at is null and request.kind = any (p.kinds)
      and not exists (
        select from lethe.notifications as n
        where n.request_id = request.id and n.recipient_id = p.id and (n.state <> 'waiting' or exists (
          select from lethe_private.notification_hashes as h where h.notification_id = n.id))));
end;

comment on function lethe_private.all_are_told(lethe.requests) is 'True when nothing has to be made of the identifiers for a recipient any more.';

-- A column that holds the identifier alone can be linked by it: then the next plan knows its rows. One that holds more
-- (free text, JSON) cannot, since a link compares whole values: that takes a rule.
create or replace function lethe.link_finding_sql(request bigint, n int)
  returns text
  language plpgsql
  volatile
  security definer  -- reads the catalogue of managed tables
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(link_finding_sql.request);
  v_finding lethe.request_findings;
  v_root text;
  v_parts text[];
  v_table text;
  v_type "char";
begin
  select f.* into v_finding from lethe.request_findings as f
  where f.request_id = v_request.id and f.n = link_finding_sql.n and f.place = 'table' and cardinality(f.by_columns) > 0;
  if not found then
    raise exception using errcode = 'LE442',
      message = format('request %s has no finding %s in a table', v_request.id, coalesce(link_finding_sql.n::text, '(null)')),
      hint = 'select * from lethe.request_findings lists them; what is found elsewhere cannot be linked';
  end if;
  v_parts := parse_ident(v_finding.object);
  v_table := format('%I.%I', v_parts[1], v_parts[2]);
  select format('%I.%I', m.schema_name, m.table_name) into v_root
  from lethe.subject_types as s join lethe.managed_tables as m on m.id = s.table_id where s.name = v_request.subject;
  select h.type_category into v_type from lethe_private.host_columns as h
  where h.relation = lethe_private.host_table(v_parts[1], v_parts[2]) and h.name = v_parts[3];
  if v_type is distinct from 'S' then
    return format(E'-- %s is not a plain text: a link compares whole values, and this one holds more. Give the column a rule,\n'
      '-- or take the person out of it by hand.\n', lethe_private.on_one_line(v_finding.object));
  end if;
  return concat(
    format(E'-- Where %s is %s of %s: own (about this person alone), share (about several) or mention (somebody else''s).\n',
      lethe_private.on_one_line(v_finding.object), lethe_private.on_one_line(array_to_string(v_finding.by_columns, ' or ')), lethe_private.on_one_line(v_root)),
    E'-- Whole values are compared; where the column holds more than that, give it a rule instead.\n',
    case when not exists (select from lethe.managed_tables as m where m.schema_name = v_parts[1] and m.table_name = v_parts[2])
      then format(E'select lethe.manage_table(%L, controller => %L);  -- or controller_column =>, where it tells\n', v_table,
        (select c.name from lethe.controllers as c where c.id = v_request.controller_id)) end,
    (select string_agg(format(E'select lethe.set_link(%L, %L, array[%L], array[%L], subject => %L, kind => ''mention'');\n',
      v_table, v_root, v_parts[3], k, v_request.subject), '') from unnest(v_finding.by_columns) as k));
end
$$;

comment on function lethe.link_finding_sql(bigint, int) is
  'The statements that would make a link of a finding, for the DBA to read and run. Changes nothing. Raises LE114, LE442.';
--! EndIncluded lethe/scan_residue.sql
--! Included lethe_private/suppressions.sql
-- Who was forgotten is not to come back by the next import. What is kept for that are keyed hashes of identifiers, under a
-- key of their own: pseudonymous personal data, with a basis and a last day, where no role reads them.
create or replace function lethe_private.suppression_hash(key lethe_private.controller_keys, identifier text)
  returns bytea
  language sql
  immutable
begin atomic
  select lethe.keyed_hash(lethe_private.identifier_key(identifier), d.inner_pad, d.outer_pad)
  from lethe_private.derived_key(key, 'lethe suppression') as d;
end;

comment on function lethe_private.suppression_hash(lethe_private.controller_keys, text) is 'What an identifier is recognised by.';

-- Called when an erasure has been executed; again by the residue scan, before it forgets the identifiers.
create or replace function lethe_private.suppress(request bigint, until date default null, basis text default null)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests;
  v_controller lethe.controllers;
  v_key lethe_private.controller_keys;
begin
  select r.* into v_request from lethe.requests as r where r.id = suppress.request;
  select c.* into v_controller from lethe.controllers as c where c.id = v_request.controller_id;
  v_key := lethe_private.newest_key(v_request.controller_id);
  insert into lethe_private.suppressions as s (controller_id, subject, hash, key_version, request_id, until, basis)
  select distinct v_request.controller_id, v_request.subject, lethe_private.suppression_hash(v_key, i.identifier), v_key.version, v_request.id,
    coalesce(suppress.until, (lethe_private.today(v_controller.time_zone) + interval '3 years')::date),
    coalesce(suppress.basis, 'GDPR Art. 17 and 21: to respect the erasure')
  from lethe_private.identifiers_of(array[v_request.id]) as i
  where not lethe_private.is_too_short(i.identifier)
  on conflict (controller_id, subject, hash) do update
  set until = greatest(s.until, excluded.until), basis = excluded.basis, request_id = excluded.request_id;
end
$$;

comment on function lethe_private.suppress(bigint, date, text) is
  'Puts the identifiers of a request on the suppression list, as keyed hashes; by default for three years. Raises LE441.';

create or replace function lethe_private.purge_suppressions()
  returns void
  language sql
  volatile
begin atomic
  delete from lethe_private.suppressions as s
  using lethe.controllers as c
  where c.id = s.controller_id and s.until < lethe_private.today(c.time_zone);
  delete from lethe_private.recaptures as r
  using lethe.controllers as c
  where c.id = r.controller_id and r.until < lethe_private.today(c.time_zone);
end;

comment on function lethe_private.purge_suppressions() is 'Takes off the suppression list what has had its last day.';

-- Each version of the key is asked, found or not, and each in one look into an index.
create or replace function lethe_private.suppression_of(controller_id int, subject text, identifier text)
  returns lethe_private.suppressions
  language sql
  stable
begin atomic
  select s
  from lethe.controllers as c
  join lethe_private.controller_keys as k on k.controller_id = c.id
  join lethe_private.suppressions as s
    on s.controller_id = c.id and s.subject = suppression_of.subject
    and s.hash = lethe_private.suppression_hash(k, suppression_of.identifier) and s.until >= lethe_private.today(c.time_zone)
  where c.id = suppression_of.controller_id
  order by s.until desc
  limit 1;
end;

comment on function lethe_private.suppression_of(int, text, text) is 'By which entry of the list an identifier is suppressed today; null: by none.';

-- Values of a row as texts, by the output functions of their types, which are no code of the host's: a cast to text, or to
-- json, may be, and would run with the rights of Lethe's owner.
create or replace function lethe_private.texts_sql(columns text[])
  returns text
  language sql
  immutable
begin atomic
  select format('select array[%s]::text[]', string_agg(format('case when ($1).%1$I is not null then format(''%%s'', ($1).%1$I) end', c), ', ' order by n))
  from unnest(columns) with ordinality as x (c, n);
end;

comment on function lethe_private.texts_sql(text[]) is 'Reads columns of a row ($1) as texts.';

create or replace function lethe_private.note_recapture(entry lethe_private.suppressions, managed lethe.managed_tables, column_name text, key text)
  returns void
  language sql
  volatile
begin atomic
  insert into lethe_private.recaptures (controller_id, request_id, table_id, column_name, key, until)
  values (entry.controller_id, entry.request_id, managed.id, note_recapture.column_name, note_recapture.key, entry.until);
end;

comment on function lethe_private.note_recapture(lethe_private.suppressions, lethe.managed_tables, text, text) is
  'Writes down a row that brought somebody back, by its key.';

-- Trigger of a host's root table (lethe.suppression_sql), after each row, so that it sees what is really written. Arguments: the
-- managed table's id, refuse or flag, the subject type, then the identifier columns. It says yes or no and nothing else.
--
-- It shares the locks of the identifiers, which an erasure takes alone: so an import either comes before the erasure, or
-- waits for it and is judged by its list. What did not change is not asked about again.
create or replace function lethe_private.judge_arrival()
  returns trigger
  language plpgsql
  security definer  -- reads the suppression list and keys, which nobody else may
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_controller_id int;
  v_reference text[];
  v_values text[];
  v_before text[];
  v_entry lethe_private.suppressions;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = tg_argv[0]::int;
  -- Whoever may make a trigger could ask about people of others by naming their table.
  if lethe_private.whole_table(tg_relid) is distinct from lethe_private.host_table(v_managed.schema_name, v_managed.table_name) then
    raise exception using errcode = 'LE446',
      message = format('trigger %I of %s is about another table', tg_name, tg_relid::regclass),
      hint = 'drop it; lethe.suppression_sql prints the one for this table';
  end if;
  v_controller_id := v_managed.controller_id;
  if v_managed.controller_column is not null then
    execute lethe_private.texts_sql(array[v_managed.controller_column]) into v_reference using new;
    select c.id into v_controller_id from lethe.controllers as c where c.reference = v_reference[1] or c.reference = rtrim(v_reference[1]);
  end if;
  if v_controller_id is null then
    return null;
  end if;
  execute lethe_private.texts_sql(tg_argv[3:]) into v_values using new;
  if tg_op = 'UPDATE' then
    execute lethe_private.texts_sql(tg_argv[3:]) into v_before using old;
    v_values := array(select case when n is distinct from o then n end from unnest(v_values, v_before) with ordinality as x (n, o, i) order by i);
  end if;
  -- In one order, so that two imports do not wait for each other.
  perform pg_advisory_xact_lock_shared(l.id)
  from (select distinct lethe_private.identifier_lock_id(v_controller_id, v) as id from unnest(v_values) as v where v ~ '\S' order by 1) as l;
  for i in 1 .. cardinality(v_values) loop
    continue when coalesce(v_values[i], '') !~ '\S';
    v_entry := lethe_private.suppression_of(v_controller_id, tg_argv[2], v_values[i]);
    continue when v_entry.id is null;
    if tg_argv[1] = 'refuse' then
      raise exception using errcode = 'LE445',
        message = format('column %I of %s has an identifier of somebody who asked to be forgotten', tg_argv[2 + i], lethe_private.plain_name(v_managed)),
        hint = 'leave the row out; if the person came back by choice, lethe.allow_recapture lifts it',
        schema = tg_table_schema, table = tg_table_name, column = tg_argv[2 + i];
    end if;
    raise warning using errcode = 'LE445',
      message = format('column %I of %s has an identifier of somebody who asked to be forgotten', tg_argv[2 + i], lethe_private.plain_name(v_managed)),
      hint = 'select * from lethe.list_recaptures()';
    execute lethe_private.texts_sql(v_managed.key_columns) into v_before using new;
    perform lethe_private.note_recapture(v_entry, v_managed, tg_argv[2 + i],
      case when cardinality(v_before) = 1 then v_before[1] else to_jsonb(v_before)::text end);
  end loop;
  return null;
end
$$;

comment on function lethe_private.judge_arrival() is
  'Trigger of a host''s table: refuses rows that bring back somebody who was forgotten, or flags them. Raises LE445.';
--! EndIncluded lethe_private/suppressions.sql
--! Included lethe/suppressions.sql
-- The suppression list as applications, officers and DBAs meet it. Nobody reads it: one may ask about one identifier.
create or replace function lethe.is_suppressed(subject text, identifier text, controller text default null)
  returns boolean
  language plpgsql
  stable
  security definer  -- reads the suppression list and keys, which nobody else may
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers := lethe_private.sole_controller(controller);
begin
  -- An application to which the function was granted asks for all; who acts for some controllers, for those.
  if lethe_private.is_one_of(array['lethe_officer', 'lethe_agent']) and not lethe_private.acts_for(v_controller.id) then
    raise exception using errcode = 'LE502',
      message = format('you do not act for controller %s', v_controller.name),
      hint = 'an operator can add it: select lethe.add_member(login, controller)';
  end if;
  return (lethe_private.suppression_of(v_controller.id, subject, identifier)).id is not null;
end
$$;

comment on function lethe.is_suppressed(text, text, text) is
  'True when somebody with this identifier asked the controller to be forgotten, and is not to be taken up again. Raises LE101, LE502.';

create or replace function lethe_private.sole_controller(name text)
  returns lethe.controllers
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_controller lethe.controllers;
begin
  if name is not null then
    return lethe_private.get_controller(name);
  end if;
  select c.* into strict v_controller from lethe.controllers as c;
  return v_controller;
exception when no_data_found or too_many_rows then
  raise exception using errcode = 'LE101', message = 'no controller is named, and there is not just one',
    hint = 'lethe.controllers lists them';
end
$$;

comment on function lethe_private.sole_controller(text) is 'A controller by its name, or the only one. Raises LE101.';

-- Prints, for who owns the table. on_arrival: refuse (LE445) or flag (a warning, and an entry in lethe.list_recaptures()).
create or replace function lethe.suppression_sql("table" text, on_arrival text default 'refuse')
  returns text
  language plpgsql
  stable
  security definer  -- reads the catalogue of managed tables
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_type lethe.subject_types;
  v_relation record;
  v_sql text := '';
begin
  if on_arrival is null or on_arrival not in ('refuse', 'flag') then
    raise exception using errcode = 'LE446', message = format('%L is not what can be done with whoever arrives', on_arrival), hint = 'refuse or flag';
  end if;
  for v_type in select s.* from lethe.subject_types as s where s.table_id = v_managed.id and s.identifiers <> '{}' order by s.name loop
    for v_relation in
      select r.relation, lethe_private.host_name(r.relation) as name, pg_get_userbyid(c.relowner) as owner
      from lethe_private.relations_of(lethe_private.host_table(v_managed.schema_name, v_managed.table_name)) as r
      join pg_class as c on c.oid = r.relation and c.relkind in ('r', 'p') and not c.relispartition
    loop
      v_sql := v_sql || case when pg_has_role(v_relation.owner, 'lethe_owner', 'usage') then '' else format(
          E'grant usage on schema lethe_private to %1$I;\ngrant execute on function lethe_private.judge_arrival() to %1$I;\n', v_relation.owner) end
        || format(E'create or replace trigger %I after insert or update of %s on %s\n  for each row execute function lethe_private.judge_arrival(%s);\n',
          'lethe_suppression_' || v_type.name, (select string_agg(quote_ident(i), ', ') from unnest(v_type.identifiers) as i), v_relation.name,
          concat_ws(', ', quote_literal(v_managed.id), quote_literal(on_arrival), quote_literal(v_type.name),
            (select string_agg(quote_literal(i), ', ') from unnest(v_type.identifiers) as i)));
    end loop;
  end loop;
  if v_sql = '' then
    raise exception using errcode = 'LE446',
      message = format('%s is the root of no subject type with identifiers', lethe_private.plain_name(v_managed)),
      hint = 'lethe.set_subject_type names the columns by which a person is looked up';
  end if;
  return E'-- Opt-in: people who asked to be forgotten do not come back by an import. Locks out writers for a moment (SHARE ROW\n'
    '-- EXCLUSIVE). From then on each row that is inserted, or gets another identifier, is compared with the suppression list.\n'
    '-- To take it off: drop trigger … on ….\n' || v_sql;
end
$$;

comment on function lethe.suppression_sql(text, text) is
  'The statements that put the suppression list in front of a root table: refuse or flag whoever asked to be forgotten. Changes nothing. Raises LE102, LE446.';

create or replace function lethe.list_recaptures()
  returns table (id bigint, controller text, table_name text, column_name text, key text, request bigint, at timestamptz)
  language sql
  stable
  security definer  -- the keys are shown to the officers of the controller alone
begin atomic
  select r.id, c.name, lethe_private.plain_name(m), r.column_name, r.key, r.request_id, r.at
  from lethe_private.recaptures as r
  join lethe.controllers as c on c.id = r.controller_id
  join lethe.managed_tables as m on m.id = r.table_id
  where lethe_private.acts_for(r.controller_id)
  order by r.id;
end;

comment on function lethe.list_recaptures() is 'Rows that brought back somebody who asked to be forgotten, where the table flags them.';

-- One of the identifiers is enough: the person is let in with all of them.
create or replace function lethe.allow_recapture(subject text, identifier text, reason text, controller text default null)
  returns int
  language plpgsql
  volatile
  security definer  -- changes the suppression list, which nobody else may
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers := lethe_private.sole_controller(controller);
  v_entry lethe_private.suppressions;
  v_lifted int;
begin
  if not lethe_private.acts_for(v_controller.id) then
    raise exception using errcode = 'LE502',
      message = format('you do not act for controller %s', v_controller.name),
      hint = 'an operator can add it: select lethe.add_member(login, controller)';
  elsif coalesce(reason, '') !~ '\S' then
    raise exception using errcode = 'LE443', message = 'no reason is given for letting somebody come back', hint = 'say why; the reason is kept';
  end if;
  v_entry := lethe_private.suppression_of(v_controller.id, subject, identifier);
  if v_entry.id is null then
    raise exception using errcode = 'LE444',
      message = format('nobody with this identifier is suppressed as %s of controller %s', coalesce(subject, '(null)'), v_controller.name),
      hint = 'nothing keeps the person from being taken up';
  end if;
  delete from lethe_private.suppressions as s
  where s.id = v_entry.id or s.request_id = v_entry.request_id;
  get diagnostics v_lifted = row_count;
  delete from lethe_private.recaptures as r where r.request_id = v_entry.request_id;
  insert into lethe.request_events (request_id, event, reason)
  select v_entry.request_id, 'recapture allowed', btrim(allow_recapture.reason) where v_entry.request_id is not null;
  return v_lifted;
end
$$;

comment on function lethe.allow_recapture(text, text, text, text) is
  'Takes somebody off the suppression list who came back by choice, with a reason, which is kept with the request. Returns how many entries that were. Raises LE101, LE443, LE444, LE502.';
--! EndIncluded lethe/suppressions.sql
--! Included lethe/open_request.sql
-- What a person asks for is written down here first, whoever is told: an officer, an agent, an application.
--
--   select lethe.open_request('erasure', 'contact', identifier => 'ada@example.org', controller => 'north');
--   select lethe.open_request('access', 'contact', key => '4711', received_on => '2026-11-02');
--
-- The answer is due 30 days from receipt and never later than one calendar month (GDPR Art. 12(3); 31 January: 28 or
-- 29 February), counted in days of the controller.
create or replace function lethe_private.answer_due(received_on date)
  returns date
  language sql
  immutable
return least(received_on + 30, (received_on + interval '1 month')::date);

comment on function lethe_private.answer_due(date) is 'The last day to answer a request that was received on a day.';

create or replace function lethe_private.requests_lock_id(controller_id int)
  returns bigint
  language sql
  immutable
return (x'4c455451'::bigint << 32) + controller_id;  -- "LETQ"

comment on function lethe_private.requests_lock_id(int) is
  'The advisory lock under which requests of a controller are opened, one after the other: none is opened twice.';

create or replace function lethe.open_request(
  kind text,
  subject text,
  key text default null,
  identifier text default null,
  controller text default null,
  received_at timestamptz default now(),
  received_on date default null,
  identified_by text default null
)
  returns bigint
  language plpgsql
  volatile
  security definer  -- nobody may write requests, nor read who a person is
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_type lethe.subject_types := lethe_private.requested_type(open_request.kind, open_request.subject, open_request.identified_by);
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_received_at timestamptz;
  v_keys text[];
  v_id bigint;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = v_type.table_id;
  v_controller := lethe_private.request_controller(v_type, v_managed, open_request.controller);
  v_received_at := coalesce(open_request.received_on::timestamp at time zone v_controller.time_zone, open_request.received_at, now());
  if num_nonnulls(open_request.key, open_request.identifier) <> 1 or open_request.identifier is not null and v_type.identifiers = '{}' then
    raise exception using errcode = 'LE412',
      message = format('a request of a %s names neither a key nor an identifier, or both', v_type.name),
      hint = 'give the key of its row, or what stands in one of: ' || coalesce(nullif(array_to_string(v_type.identifiers, ', '), ''), '(none declared)');
  elsif not isfinite(v_received_at) or v_received_at > clock_timestamp() then
    raise exception using errcode = 'LE413',
      message = 'a request cannot have been received in the future, nor never',
      hint = 'received_at is a moment that has passed; received_on a day, where the controller is';
  end if;
  perform pg_advisory_xact_lock(lethe_private.requests_lock_id(v_controller.id));
  v_keys := lethe_private.find_person(v_type, v_managed, v_controller, open_request.key, open_request.identifier);
  if v_keys = '{}' then
    raise exception using errcode = 'LE412',
      message = format('no %s of controller %s is known by this %s', v_type.name, v_controller.name,
        case when open_request.key is null then 'identifier' else 'key' end),
      hint = 'identifiers are compared whole; a key is written as one text, one of several columns as a JSON array: ["a", 1]';
  end if;
  perform lethe_private.assert_not_open(open_request.kind, v_managed, v_controller, v_keys);

  insert into lethe.requests (controller_id, kind, subject, received_at, due_on, roots)
  values (v_controller.id, open_request.kind, v_type.name, v_received_at,
    lethe_private.answer_due((v_received_at at time zone v_controller.time_zone)::date), cardinality(v_keys))
  returning id into v_id;
  insert into lethe_private.request_roots (request_id, n, table_id, key)
  select v_id, k.n, v_managed.id, k.key from unnest(v_keys) with ordinality as k (key, n);
  insert into lethe.request_events (request_id, event, to_state) values (v_id, 'opened', 'received');
  -- Later the row may have another address, or none.
  if open_request.kind not in ('access', 'portability') then
    perform lethe_private.keep_identifiers(v_id);
  end if;
  return v_id;
end
$$;

comment on function lethe.open_request(text, text, text, text, text, timestamptz, date, text) is
  'Opens a request of a person, who is named by the key of its row or by an identifier (identified_by: in this column alone); all root rows that fit. received_on: the day where the controller is, instead of received_at. Returns its id. Raises LE101, LE106, LE109, LE412, LE413, LE414, LE441, LE501, LE502.';

create or replace function lethe_private.requested_type(kind text, subject text, identified_by text)
  returns lethe.subject_types
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
begin
  if not lethe_private.is_one_of(array['lethe_officer', 'lethe_agent']) then
    raise exception using errcode = 'LE502',
      message = 'you may not open requests',
      hint = 'it takes lethe_officer or lethe_agent';
  elsif not exists (select from lethe.request_moves as m where m.kind = requested_type.kind) then
    raise exception using errcode = 'LE106',
      message = format('%s is no kind of request', coalesce(quote_literal(requested_type.kind), 'null')),
      hint = (select string_agg(distinct m.kind, ', ') from lethe.request_moves as m);
  end if;
  select s.* into v_type from lethe.subject_types as s where s.name = requested_type.subject;
  if not found then
    raise exception using errcode = 'LE109',
      message = format('subject type %s does not exist', coalesce(quote_literal(requested_type.subject), 'null')),
      hint = 'lethe.subject_types lists them';
  elsif requested_type.identified_by is not null and requested_type.identified_by <> all (v_type.identifiers) then
    raise exception using errcode = 'LE412',
      message = format('a %s is not known by %s', v_type.name, requested_type.identified_by),
      hint = 'by the key of its row, or by: ' || coalesce(nullif(array_to_string(v_type.identifiers, ', '), ''), '(none declared)');
  elsif requested_type.identified_by is not null then
    v_type.identifiers := array[requested_type.identified_by];
  end if;
  return v_type;
end
$$;

comment on function lethe_private.requested_type(text, text, text) is
  'The subject type of a request, its identifiers narrowed to the one that was named. Raises LE106, LE109, LE412, LE502.';

create or replace function lethe_private.request_controller(type lethe.subject_types, managed lethe.managed_tables, controller text)
  returns lethe.controllers
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found lethe.controllers[] := case
    when request_controller.controller is not null then array[lethe_private.get_controller(request_controller.controller)]
    else array(select c from lethe.controllers as c where lethe_private.has_controller(managed, c)) end;
begin
  if cardinality(v_found) <> 1 then
    raise exception using errcode = 'LE412',
      message = format('a request of a %s does not say of which controller', type.name),
      hint = format('name the controller: %s has rows of several', lethe_private.plain_name(managed));
  end if;
  perform lethe_private.assert_may_change(v_found[1].id);
  if not lethe_private.has_controller(managed, v_found[1]) then
    raise exception using errcode = 'LE412',
      message = format('controller %s has no %s', v_found[1].name, type.name),
      hint = format('lethe.managed_tables says whose rows %s has', lethe_private.plain_name(managed));
  end if;
  return v_found[1];
end
$$;

comment on function lethe_private.request_controller(lethe.subject_types, lethe.managed_tables, text) is
  'The controller of whom something is asked. Raises LE101, LE412, LE502.';

-- One that is about fewer rows does not stand in the way: what it leaves out would never be answered.
create or replace function lethe_private.assert_not_open(kind text, managed lethe.managed_tables, controller lethe.controllers, keys text[])
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_open bigint;
begin
  select min(r.id) into v_open
  from lethe.requests as r join lethe.request_states as s on s.name = r.state
  where r.controller_id = controller.id and r.kind = assert_not_open.kind and s.is_open
    and not exists (
      select from unnest(keys) as k
      where not exists (
        select from lethe_private.request_roots as o where o.request_id = r.id and o.table_id = managed.id and o.key = k));
  if v_open is not null then
    raise exception using errcode = 'LE414',
      message = format('request %s of this person, for %s, is open already', v_open, assert_not_open.kind),
      hint = format('go on with it (lethe request show %s), or withdraw it first', v_open);
  end if;
end
$$;

comment on function lethe_private.assert_not_open(text, lethe.managed_tables, lethe.controllers, text[]) is
  'Raises LE414 where an open request of the same kind is about these root rows.';
--! EndIncluded lethe/open_request.sql
--! Included lethe/move_requests.sql
-- What officers and agents do with a request. Which state follows which, and who may say so, is in lethe.request_moves.
-- Reasons are kept and read by auditors: they name the matter, never the person.
--
--   select lethe.approve_request(7);                        -- a plan that was looked at: approve_request(7, plan_mark)
--   select lethe.pause_request(7, 'a copy of the card was asked for');
--   select lethe.refuse_request(8, 'Art. 17(3)(e): claim 2026/31');

-- An erasure is approved as it was planned. Whoever gives the mark of the plan they looked at cannot approve another.
create or replace function lethe.approve_request(request bigint, plan_mark text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write requests
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
begin
  if v_request.kind = 'erasure' and v_request.state in ('received', 'planned') then
    perform lethe_private.assert_plan_approvable(v_request, approve_request.plan_mark);
  end if;
  perform lethe_private.move_request(v_request, 'approved');
  update lethe.requests as r
  set approved_by = session_user, approved_at = clock_timestamp()
  where r.id = v_request.id;
end
$$;

comment on function lethe.approve_request(bigint, text) is
  'Agrees to a request; to an erasure as it was planned. plan_mark: lethe.requests.plan_mark as it was seen. Raises LE114, LE411, LE415, LE502.';

create or replace function lethe_private.assert_plan_approvable(request lethe.requests, plan_mark text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if request.plan is null then
    raise exception using errcode = 'LE415',
      message = format('request %s has no plan that could be approved', request.id),
      hint = format('lethe request plan %1$s, or select lethe.plan_request(%1$s)', request.id);
  elsif jsonb_array_length(coalesce(nullif(request.plan -> 'refusals', 'null'), '[]')) > 0 then
    raise exception using errcode = 'LE415',
      message = format('the plan of request %s has %s refusals and cannot be approved', request.id, jsonb_array_length(request.plan -> 'refusals')),
      hint = format('lethe request show %s names each and its remedy; then plan it again', request.id);
  elsif assert_plan_approvable.plan_mark <> request.plan_mark then
    raise exception using errcode = 'LE415',
      message = format('the plan of request %s is another than the one that was seen', request.id),
      hint = format('lethe request show %s: look at it again', request.id);
  end if;
end
$$;

comment on function lethe_private.assert_plan_approvable(lethe.requests, text) is
  'Raises LE415 where an erasure has no plan, one with refusals, or another than the one that was seen.';

create or replace function lethe.refuse_request(request bigint, ground text)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write requests, nor who a person is
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
begin
  perform lethe_private.assert_reason(v_request, refuse_request.ground, 'refused without a ground');
  perform lethe_private.move_request(v_request, 'refused', btrim(refuse_request.ground));
  perform lethe_private.forget_asker(v_request.id);
end
$$;

comment on function lethe.refuse_request(bigint, text) is
  'Refuses a request, with its ground (GDPR Art. 12(4)), and forgets who asked. Raises LE114, LE411, LE417, LE502.';

create or replace function lethe.withdraw_request(request bigint, reason text)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write requests, nor who a person is
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
begin
  perform lethe_private.assert_reason(v_request, withdraw_request.reason, 'withdrawn without a reason');
  perform lethe_private.move_request(v_request, 'withdrawn', btrim(withdraw_request.reason));
  perform lethe_private.forget_asker(v_request.id);
end
$$;

comment on function lethe.withdraw_request(bigint, text) is
  'Ends a request that the person has taken back, and forgets who asked. Raises LE114, LE411, LE417, LE502.';

-- The clock stands still while it is doubted who is asking (Art. 12(6)).
create or replace function lethe.pause_request(request bigint, reason text)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write requests
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
begin
  perform lethe_private.assert_reason(v_request, pause_request.reason, 'paused without a reason');
  perform lethe_private.move_request(v_request, 'paused', btrim(pause_request.reason));
  update lethe.requests as r set paused_at = clock_timestamp() where r.id = v_request.id;
end
$$;

comment on function lethe.pause_request(bigint, text) is
  'Stops the clock of a request while it is doubted who is asking. Raises LE114, LE411, LE417, LE502.';

-- What was planned is planned anew: the rows have gone on changing.
create or replace function lethe.resume_request(request bigint)
  returns date
  language plpgsql
  volatile
  security definer  -- nobody may write requests
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
  v_days int := lethe_private.days_paused(v_request);
  v_due date;
begin
  perform lethe_private.move_request(v_request, 'received');
  update lethe.requests as r
  set paused_at = null, paused_days = r.paused_days + v_days, due_on = r.due_on + v_days,
      plan = null, plan_mark = null, planned_at = null,
      reminded_at = case when v_days = 0 then r.reminded_at end,
      escalated_at = case when v_days = 0 then r.escalated_at end
  where r.id = v_request.id
  returning r.due_on into v_due;
  return v_due;
end
$$;

comment on function lethe.resume_request(bigint) is
  'Goes on with a request that was paused; it is due as many days later. Returns the new last day. Raises LE114, LE411, LE502.';

create or replace function lethe_private.days_paused(request lethe.requests)
  returns int
  language sql
  stable
begin atomic
  select coalesce(greatest(0, lethe_private.today(c.time_zone) - (request.paused_at at time zone c.time_zone)::date), 0)
  from lethe.controllers as c where c.id = request.controller_id;
end;

comment on function lethe_private.days_paused(lethe.requests) is
  'For how many local days a request has been paused, this time; 0 when it is not.';

-- Art. 12(3): two further months where that is necessary, once, and the person is told of it within the first.
create or replace function lethe.extend_request(request bigint, reason text)
  returns date
  language plpgsql
  volatile
  security definer  -- nobody may write requests
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
  v_zone text := (select c.time_zone from lethe.controllers as c where c.id = v_request.controller_id);
  v_due date := least(
    (v_request.due_on + interval '2 months')::date,
    ((v_request.received_at at time zone v_zone)::date + interval '3 months')::date + v_request.paused_days);
begin
  if not lethe_private.is_one_of(array['lethe_officer']) then
    raise exception using errcode = 'LE502',
      message = format('you may not extend request %s', v_request.id),
      hint = 'it takes lethe_officer';
  end if;
  perform lethe_private.assert_reason(v_request, extend_request.reason, 'extended without a reason');
  if v_request.state not in ('received', 'paused', 'planned', 'approved', 'delayed') then
    raise exception using errcode = 'LE416',
      message = format('request %s is %s: there is no answer to be put off', v_request.id, v_request.state),
      hint = 'an answer that is still to be given can be put off, once';
  elsif v_request.extended_at is not null then
    raise exception using errcode = 'LE416',
      message = format('request %s has been extended already', v_request.id),
      hint = 'two months are given once (GDPR Art. 12(3))';
  elsif lethe_private.today(v_zone) > v_request.due_on + lethe_private.days_paused(v_request) then
    raise exception using errcode = 'LE416',
      message = format('request %s was due on %s and cannot be extended any more', v_request.id, v_request.due_on),
      hint = 'the person is told of an extension before the first month is over (GDPR Art. 12(3)); answer at once';
  end if;
  update lethe.requests as r
  set extended_at = clock_timestamp(), due_on = v_due, reminded_at = null, escalated_at = null
  where r.id = v_request.id;
  insert into lethe.request_events (request_id, event, reason) values (v_request.id, 'extended', btrim(extend_request.reason));
  return v_due;
end
$$;

comment on function lethe.extend_request(bigint, text) is
  'Gives two months more, once, before the first month is over; never beyond three months from receipt, pauses aside. Returns the new last day. Raises LE114, LE416, LE417, LE502.';

create or replace function lethe_private.assert_reason(request lethe.requests, reason text, refused text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(assert_reason.reason, '') !~ '\S' then
    raise exception using errcode = 'LE417',
      message = format('request %s cannot be %s', request.id, assert_reason.refused),
      hint = 'say why, and name the matter, not the person: it is kept';
  end if;
end
$$;

comment on function lethe_private.assert_reason(lethe.requests, text, text) is 'Raises LE417 where no reason is given.';

-- A request that is refused or withdrawn needs nothing of the person any more.
create or replace function lethe_private.forget_asker(request_id bigint)
  returns void
  language sql
  volatile
begin atomic
  delete from lethe_private.request_roots as r where r.request_id = forget_asker.request_id;
  delete from lethe_private.request_identifiers as i where i.request_id = forget_asker.request_id;
  delete from lethe_private.packages as p where p.request_id = forget_asker.request_id;
end;

comment on function lethe_private.forget_asker(bigint) is 'Deletes all that says who a request is about.';
--! EndIncluded lethe/move_requests.sql
--! Included lethe/list_requests.sql
-- While it is paused it loses none.
create or replace function lethe_private.days_left(request lethe.requests)
  returns int
  language sql
  stable
begin atomic
  select request.due_on + lethe_private.days_paused(request) - lethe_private.today(c.time_zone)
  from lethe.controllers as c, lethe.request_states as s
  where c.id = request.controller_id and s.name = request.state and s.is_open;
end;

comment on function lethe_private.days_left(lethe.requests) is
  'Days of the controller until a request is due: 0 on its last day, below zero when overdue, null when it is answered.';

create or replace function lethe.list_requests("all" boolean default false)
  returns table (
    id            bigint,
    controller    text,
    kind          text,
    subject       text,
    roots         int,
    state         text,
    received_on   date,
    due_on        date,
    days_left     int,
    extended      boolean,
    opened_by     name,
    completes_on  date,
    recipients    text,
    failure       jsonb
  )
  language sql
  stable
  security definer  -- agents do not read lethe.controllers
  set jit = off
begin atomic
  select r.id, c.name, r.kind, r.subject, r.roots, r.state,
    (r.received_at at time zone c.time_zone)::date, r.due_on, lethe_private.days_left(r),
    r.extended_at is not null, r.opened_by, r.completes_on,
    (select string_agg(format('%s %s', n.number, n.state), ', ' order by n.state)
     from (select x.state, count(*) as number from lethe.notifications as x where x.request_id = r.id group by x.state) as n),
    r.failure
  from lethe.requests as r
  join lethe.controllers as c on c.id = r.controller_id
  join lethe.request_states as s on s.name = r.state
  where lethe_private.acts_for(r.controller_id) and (list_requests."all" or s.is_open)
  order by s.is_open desc, lethe_private.days_left(r), r.id;
end;

comment on function lethe.list_requests(boolean) is
  'Requests of the controllers you act for that are open, the most urgent first; with all, those that have ended, too. days_left: below zero when overdue, null when answered.';

-- Everything that may be shown of a request, in one document. Who the person is, is not in it.
create or replace function lethe.request_report(request bigint)
  returns jsonb
  language plpgsql
  stable
  security definer  -- agents do not read lethe.controllers
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests;
  v_controller lethe.controllers;
begin
  select r.* into v_request from lethe.requests as r where r.id = request_report.request;
  if not found or not lethe_private.acts_for(v_request.controller_id) then
    raise exception using errcode = 'LE114',
      message = format('request %s does not exist, or is of a controller you do not act for', coalesce(request_report.request::text, '(null)')),
      hint = 'lethe request list';
  end if;
  select c.* into v_controller from lethe.controllers as c where c.id = v_request.controller_id;
  return to_jsonb(v_request) - array['controller_id', 'plan'] || jsonb_build_object(
    'controller', v_controller.name,
    'received_on', (v_request.received_at at time zone v_controller.time_zone)::date,
    'days_left', lethe_private.days_left(v_request),
    'plan', v_request.plan,
    'events', (
      select coalesce(jsonb_agg(jsonb_build_object('at', e.at, 'by', e.by, 'event', e.event, 'from', e.from_state, 'to', e.to_state, 'reason', e.reason) order by e.id), '[]')
      from lethe.request_events as e where e.request_id = v_request.id),
    'findings', (
      select coalesce(jsonb_agg(to_jsonb(f) - 'request_id' order by f.n), '[]')
      from lethe.request_findings as f where f.request_id = v_request.id),
    'notifications', (
      select coalesce(jsonb_agg(to_jsonb(n) - array['request_id', 'recipient_id'] || jsonb_build_object('recipient', p.name) order by n.id), '[]')
      from lethe.notifications as n join lethe.recipients as p on p.id = n.recipient_id where n.request_id = v_request.id),
    'certificates', (
      select coalesce(jsonb_agg(jsonb_build_object('number', x.number, 'issued_at', x.issued_at, 'document', x.document) order by x.number), '[]')
      from lethe.certificates as x where x.request_id = v_request.id));
end
$$;

comment on function lethe.request_report(bigint) is
  'A request with its events, plan, findings, notifications and certificates; never who the person is. Raises LE114.';
--! EndIncluded lethe/list_requests.sql
--! Included lethe/request_work.sql
-- What is to be done next, and by nobody in particular: a worker asks now and then, so that a job that was lost costs
-- some minutes and nothing else. Ids alone.
create or replace function lethe.request_work(controller text default null)
  returns table (request bigint, step text, notification bigint)
  language plpgsql
  stable
  security definer  -- a worker reads none of Lethe's tables
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_all boolean := lethe_private.is_one_of(array['lethe_worker']);
  v_agent boolean := not lethe_private.is_one_of(array['lethe_officer', 'lethe_worker']);
begin
  if request_work.controller is not null then
    perform lethe_private.get_controller(request_work.controller);
  end if;
  return query
    select r.id, lethe_private.next_step(r), null::bigint
    from lethe.requests as r join lethe.controllers as c on c.id = r.controller_id
    where c.name = coalesce(request_work.controller, c.name)
      and (v_all or lethe_private.acts_for(c.id))
      and r.state in ('received', 'approved', 'delayed', 'executed', 'blocked')
      and lethe_private.next_step(r) is not null
      and not (v_agent and r.kind = 'erasure' and r.state <> 'received')
    union all
    select n.request_id, 'notify', n.id
    from lethe.notifications as n
    join lethe.requests as r on r.id = n.request_id
    join lethe.controllers as c on c.id = r.controller_id
    where n.state = 'waiting' and not v_agent and c.name = coalesce(request_work.controller, c.name)
      and (v_all or lethe_private.acts_for(c.id))
    order by 1, 3 nulls first;
end
$$;

comment on function lethe.request_work(text) is
  'What is to be done now, and may be done by you, with the requests of the controllers you act for, of all for a worker: plan, execute or verify a request, or notify a recipient of it. Raises LE101.';

-- A person decides between planned and approved, and about every state that is not named here; and what is answered by a
-- person (access, portability, rectification) is ended by that person.
create or replace function lethe_private.next_step(request lethe.requests)
  returns text
  language sql
  stable
begin atomic
  select case
    when request.state = 'received' and request.kind = 'erasure' then 'plan'
    when request.state = 'approved' and request.kind in ('erasure', 'restriction', 'objection') then 'execute'
    when request.state = 'executed' then 'verify'
    when request.state = 'blocked' and request.completes_on <= lethe_private.today(c.time_zone) then 'execute'
    when request.state = 'delayed' and not exists (select from lethe_private.holds_in_force() as f where f = any (request.delayed_by)) then 'execute'
  end
  from lethe.controllers as c where c.id = request.controller_id;
end;

comment on function lethe_private.next_step(lethe.requests) is
  'plan, execute or verify, where that is to be done without anybody deciding anything; else null.';

-- Ten days before the last one a reminder, three days before it, and when it has passed, an escalation; each once.
create or replace function lethe.requests_to_remind()
  returns table (request bigint, kind text, controller text, due_on date, days_left int, level text)
  language sql
  stable
  security definer  -- a worker reads none of Lethe's tables
  set jit = off
begin atomic
  select r.id, r.kind, c.name, r.due_on, lethe_private.days_left(r),
    case when lethe_private.days_left(r) <= 3 then 'escalation' else 'reminder' end
  from lethe.requests as r
  join lethe.controllers as c on c.id = r.controller_id
  join lethe.request_states as s on s.name = r.state
  where s.is_open and r.state <> 'paused' and r.escalated_at is null
    and lethe_private.days_left(r) <= case when r.reminded_at is null then 10 else 3 end
  order by lethe_private.days_left(r), r.id;
end;

comment on function lethe.requests_to_remind() is
  'Open requests of which somebody should be reminded: a reminder from ten days before the last day on, an escalation from three.';

create or replace function lethe.note_reminder(request bigint, level text)
  returns boolean
  language plpgsql
  volatile
  security definer  -- nobody may write requests
  set search_path = pg_catalog, pg_temp
as $$
begin
  update lethe.requests as r
  set reminded_at = coalesce(r.reminded_at, clock_timestamp()),
      escalated_at = case note_reminder.level when 'escalation' then clock_timestamp() end
  where r.id = note_reminder.request and r.escalated_at is null and (note_reminder.level = 'escalation' or r.reminded_at is null);
  return found;
end
$$;

comment on function lethe.note_reminder(bigint, text) is
  'Notes that somebody is reminded now; false when that was done already.';
--! EndIncluded lethe/request_work.sql
--! Included lethe/verify_request.sql
-- Looks again: whatever is found of the person afterwards stands in the certificate, which the seal covers.
create or replace function lethe.verify_request(request bigint)
  returns text
  language plpgsql
  volatile
  security definer  -- nobody may write findings, certificates or seals
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
begin
  -- Somebody else has been here: nothing is left to do.
  if v_request.state <> 'executed' then
    return v_request.state;
  end if;
  perform from lethe.scan_residue(array[v_request.id]);
  perform lethe.certify_request(v_request.id);
  perform lethe_private.seal_controller(v_request.controller_id);
  return (select r.state from lethe.requests as r where r.id = v_request.id);
end
$$;

comment on function lethe.verify_request(bigint) is
  'Scans for what is left of a person that was erased, writes the certificate, and seals it. Returns the state: blocked or completed. Raises LE114, LE405.';
--! EndIncluded lethe/verify_request.sql
--! Included lethe/recipients.sql
-- To whom personal data was passed on, and who is told when it is corrected, restricted, objected to or erased (GDPR
-- Art. 19). docs/recipients.md is the contract with them.
--
--   select lethe.add_recipient('newsletter', 'https://mail.example.org/lethe', controller => 'north');   -- the secret, once
--   select * from lethe.list_recipients();
--   select lethe.remove_recipient('newsletter', controller => 'north');
create or replace function lethe.add_recipient(
  name text,
  url text,
  kinds text[] default array['rectification', 'restriction', 'erasure'],
  controller text default null,
  secret text default null
)
  returns text
  language plpgsql
  volatile
  security definer  -- nobody may write recipients, nor read what they are signed with
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_controller lethe.controllers := lethe_private.recipient_controller(add_recipient.controller);
  v_secret text := coalesce(add_recipient.secret, lethe_private.new_secret());
  v_id int;
begin
  perform lethe_private.assert_recipient(add_recipient.name, add_recipient.url, add_recipient.kinds, v_secret);
  begin
    insert into lethe.recipients (controller_id, name, url, kinds)
    values (v_controller.id, add_recipient.name, add_recipient.url, add_recipient.kinds)
    returning id into v_id;
  exception when unique_violation then
    raise exception using errcode = 'LE418',
      message = format('controller %s has a recipient %I already', v_controller.name, add_recipient.name),
      hint = 'remove it first, or give this one another name';
  end;
  insert into lethe_private.recipient_secrets (recipient_id, secret) values (v_id, convert_to(v_secret, 'UTF8'));
  return v_secret;
end
$$;

comment on function lethe.add_recipient(text, text, text[], text, text) is
  'Registers a system that is told of requests of a controller, by signed webhooks. Returns the secret, which nothing shows again. Raises LE101, LE418, LE502.';

create or replace function lethe_private.recipient_controller(controller text)
  returns lethe.controllers
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found lethe.controllers[] := case
    when recipient_controller.controller is not null then array[lethe_private.get_controller(recipient_controller.controller)]
    else array(select c from lethe.controllers as c) end;
begin
  if not lethe_private.is_one_of(array['lethe_officer']) then
    raise exception using errcode = 'LE502',
      message = 'you may not change recipients',
      hint = 'it takes lethe_officer';
  elsif cardinality(v_found) <> 1 then
    raise exception using errcode = 'LE418',
      message = 'it is not said to which controller the recipient belongs',
      hint = 'name the controller: there are several';
  end if;
  perform lethe_private.assert_may_change(v_found[1].id);
  return v_found[1];
end
$$;

comment on function lethe_private.recipient_controller(text) is 'The controller of a recipient, for an officer. Raises LE101, LE418, LE502.';

-- 256 bits of the server's strong random source.
create or replace function lethe_private.new_secret()
  returns text
  language sql
  volatile
return 'whsec_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64');

comment on function lethe_private.new_secret() is 'A new secret for webhooks.';

-- A URL stands in tables and logs of proxies, so it holds no password; and what is sent is not to be read on the way.
create or replace function lethe_private.assert_recipient(name text, url text, kinds text[], secret text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(assert_recipient.name, '') !~ '^[a-z0-9][a-z0-9._-]{0,62}$' then
    raise exception using errcode = 'LE418',
      message = format('%s is no name for a recipient', coalesce(quote_literal(assert_recipient.name), 'null')),
      hint = 'use lower-case letters, digits, -, _ and the dot';
  elsif coalesce(assert_recipient.url, '') !~* '^(https://[^/?#@[:space:]\\]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)([/?][^#[:space:]]*)?$' then
    raise exception using errcode = 'LE418',
      message = format('the address of recipient %I cannot be used', assert_recipient.name),
      hint = 'https://host/path without user, password or #; http for this very machine alone';
  elsif kinds is null or kinds = '{}' or not kinds <@ array['rectification', 'restriction', 'objection', 'erasure'] then
    raise exception using errcode = 'LE418',
      message = format('of what recipient %I is told makes no sense', assert_recipient.name),
      hint = 'some of: rectification, restriction, objection, erasure';
  elsif octet_length(convert_to(secret, 'UTF8')) not between 24 and 64 then
    raise exception using errcode = 'LE418',
      message = format('the secret of recipient %I is too short or too long', assert_recipient.name),
      hint = '24 to 64 bytes; without one, Lethe makes one';
  end if;
end
$$;

comment on function lethe_private.assert_recipient(text, text, text[], text) is 'Raises LE418 for what cannot be a recipient.';

-- Nothing more is sent to it. What it was told stays in the requests.
create or replace function lethe.remove_recipient(name text, controller text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write recipients
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_controller lethe.controllers := lethe_private.recipient_controller(remove_recipient.controller);
  v_id int;
begin
  update lethe.recipients as p set removed_at = clock_timestamp()
  where p.controller_id = v_controller.id and p.name = remove_recipient.name and p.removed_at is null
  returning p.id into v_id;
  if v_id is null then
    raise exception using errcode = 'LE115',
      message = format('controller %s has no recipient %I', v_controller.name, coalesce(remove_recipient.name, '')),
      hint = 'lethe recipient list, or select * from lethe.list_recipients()';
  end if;
  delete from lethe_private.recipient_secrets as s where s.recipient_id = v_id;
  delete from lethe_private.notification_hashes as h
  where h.notification_id in (select n.id from lethe.notifications as n where n.recipient_id = v_id);
  update lethe.notifications as n set state = 'dead' where n.recipient_id = v_id and n.state = 'waiting';
end
$$;

comment on function lethe.remove_recipient(text, text) is
  'Tells a recipient nothing any more; what it has not heard yet is given up. Raises LE101, LE115, LE418, LE502.';

create or replace function lethe.list_recipients()
  returns table (controller text, name text, url text, kinds text[], added_at timestamptz, waiting bigint, received bigint, completed bigint, dead bigint)
  language sql
  stable
  security definer  -- agents do not read lethe.controllers
begin atomic
  select c.name, p.name, p.url, p.kinds, p.added_at,
    count(n.id) filter (where n.state = 'waiting'), count(n.id) filter (where n.state = 'received'),
    count(n.id) filter (where n.state = 'completed'), count(n.id) filter (where n.state = 'dead')
  from lethe.recipients as p
  join lethe.controllers as c on c.id = p.controller_id
  left join lethe.notifications as n on n.recipient_id = p.id
  where p.removed_at is null and lethe_private.acts_for(p.controller_id)
  group by c.name, p.id
  order by c.name, p.name;
end;

comment on function lethe.list_recipients() is 'The recipients of the controllers you act for, and how many notifications each has, by state.';
--! EndIncluded lethe/recipients.sql
--! Included lethe_private/notify_recipients.sql
-- What a recipient is told. It recognises the person by the hash of an identifier, with its own secret as the key: neither
-- the table, nor a job, nor what passes on the way says who it is, and no recipient can compare with another.

-- The form in which an identifier is hashed. Numbers are told from other texts by their look, not by their column, so
-- that a recipient can do the same without knowing ours.
create or replace function lethe_private.recipient_form(identifier text)
  returns text
  language sql
  immutable
return (
  select case
    -- Latin letters for themselves: in a Turkish database I becomes another letter than anywhere else.
    when x.trimmed !~ '^[0-9+ ().\/-]+$' or length(regexp_replace(x.trimmed, '\D', '', 'g')) < 7
      then lower(translate(x.trimmed, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'))
    else regexp_replace(regexp_replace(x.trimmed, '[^0-9+]', '', 'g'), '^00', '+') end
  from btrim(identifier, E' \t\n\r') as x (trimmed));

comment on function lethe_private.recipient_form(text) is
  'An identifier as it is hashed for recipients: trimmed and in lower case; what looks like a telephone number as its digits, with + before an international one (00 is +).';

create or replace function lethe_private.hmac_text(value text, secret bytea)
  returns bytea
  language sql
  immutable
return sha256(lethe_private.hmac_pad(secret, 92) || sha256(lethe_private.hmac_pad(secret, 54) || convert_to(value, 'UTF8')));

comment on function lethe_private.hmac_text(text, bytea) is 'HMAC-SHA-256 of a text in UTF-8; the key has 64 bytes at the most.';

-- Called when a request is done in the database, in the same transaction: while the identifiers are still known. Again
-- is no harm.
create or replace function lethe_private.notify_recipients(request bigint)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests;
  v_identifiers jsonb;
  v_recipient record;
  v_notification bigint;
begin
  select r.* into v_request from lethe.requests as r where r.id = notify_recipients.request;
  if not exists (
    select from lethe.recipients as p
    where p.controller_id = v_request.controller_id and p.removed_at is null and v_request.kind = any (p.kinds)) then
    return;
  end if;
  v_identifiers := (
    select coalesce(jsonb_agg(distinct jsonb_build_object('column', i.column_name, 'identifier', lethe_private.recipient_form(i.identifier))), '[]')
    from lethe_private.identifiers_of(array[v_request.id]) as i);
  for v_recipient in
    select p.id, s.secret
    from lethe.recipients as p join lethe_private.recipient_secrets as s on s.recipient_id = p.id
    where p.controller_id = v_request.controller_id and p.removed_at is null and v_request.kind = any (p.kinds)
    order by p.id
  loop
    -- Whom nothing identifies, no recipient could recognise: somebody tells it by other means.
    insert into lethe.notifications (request_id, recipient_id, state)
    values (v_request.id, v_recipient.id, case when v_identifiers = '[]' then 'dead' else 'waiting' end)
    on conflict (request_id, recipient_id) do nothing
    returning id into v_notification;
    continue when v_notification is null or v_identifiers = '[]';
    insert into lethe_private.notification_hashes (notification_id, identifiers)
    select v_notification, jsonb_agg(jsonb_build_object(
      'column', i ->> 'column', 'hmac_sha256', encode(lethe_private.hmac_text(i ->> 'identifier', v_recipient.secret), 'hex')))
    from jsonb_array_elements(v_identifiers) as i;
  end loop;
end
$$;

comment on function lethe_private.notify_recipients(bigint) is
  'Makes the notifications of a request, one for each recipient of its controller and kind, with the identifiers hashed for it; dead at once where there is none.';
--! EndIncluded lethe_private/notify_recipients.sql
--! Included lethe/notifications.sql
-- Sending, in three steps, each a transaction: take (the attempt is counted before anything is sent), send, note. Killed
-- between the last two, a worker sends once more, with the same key: at least once on the way, once for whoever heeds the key.

-- What is sent, signed here, so that the secret never leaves the database. No row: there is nothing to send any more.
create or replace function lethe.take_notification(notification bigint)
  returns table (url text, event_key uuid, body text, signature text, attempt int)
  language plpgsql
  volatile
  security definer  -- nobody may read the secrets
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_notification lethe.notifications;
  v_recipient lethe.recipients;
  v_secret bytea;
  v_second text := extract(epoch from clock_timestamp())::bigint::text;
begin
  v_notification := lethe_private.get_notification(take_notification.notification);
  if v_notification.state <> 'waiting' then
    return;
  elsif v_notification.attempts >= 15 then
    perform lethe_private.answer(v_notification, 'dead', v_notification.status);
    return;
  end if;
  update lethe.notifications as n set attempts = n.attempts + 1, sent_at = clock_timestamp()
  where n.id = v_notification.id
  returning n.attempts into attempt;
  select p.* into strict v_recipient from lethe.recipients as p where p.id = v_notification.recipient_id;
  select s.secret into strict v_secret from lethe_private.recipient_secrets as s where s.recipient_id = v_recipient.id;
  url := v_recipient.url;
  event_key := v_notification.event_key;
  body := lethe_private.notification_body(v_notification)::text;
  signature := format('t=%s,v1=%s', v_second, encode(lethe_private.hmac_text(v_second || '.' || body, v_secret), 'hex'));
  return next;
end
$$;

comment on function lethe.take_notification(bigint) is
  'What a recipient is to be sent now, with its signature, and counts the attempt; no row when it has answered or was given up. Raises LE115, LE502.';

create or replace function lethe_private.notification_body(notification lethe.notifications)
  returns json
  language sql
  stable
begin atomic
  select json_build_object(
    'event', r.kind,
    'event_key', notification.event_key,
    'request', r.id,
    'controller', c.name,
    'subject', r.subject,
    'identifiers', h.identifiers,
    'answer_by', greatest(r.due_on, lethe_private.today(c.time_zone)))
  from lethe.requests as r
  join lethe.controllers as c on c.id = r.controller_id
  join lethe_private.notification_hashes as h on h.notification_id = notification.id
  where r.id = notification.request_id;
end;

comment on function lethe_private.notification_body(lethe.notifications) is 'What a recipient is told: docs/recipients.md.';

create or replace function lethe_private.get_notification(id bigint)
  returns lethe.notifications
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_notification lethe.notifications;
begin
  if not lethe_private.is_one_of(array['lethe_worker', 'lethe_officer']) then
    raise exception using errcode = 'LE502',
      message = 'you may not notify recipients',
      hint = 'it takes lethe_worker or lethe_officer';
  end if;
  select n.* into v_notification
  from lethe.notifications as n join lethe.requests as r on r.id = n.request_id
  where n.id = get_notification.id
    and (lethe_private.acts_for(r.controller_id) or lethe_private.is_one_of(array['lethe_worker']))
  for no key update of n;
  if not found then
    raise exception using errcode = 'LE115',
      message = format('notification %s does not exist, or is of a controller you do not act for', coalesce(get_notification.id::text, '(null)')),
      hint = 'lethe request show lists those of a request';
  end if;
  return v_notification;
end
$$;

comment on function lethe_private.get_notification(bigint) is 'A notification, locked. Raises LE115, LE502.';

create or replace function lethe.note_notification(notification bigint, status int, completed boolean default false)
  returns text
  language plpgsql
  volatile
  security definer  -- nobody may write notifications
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_notification lethe.notifications := lethe_private.get_notification(notification);
begin
  if v_notification.state <> 'waiting' then
    return v_notification.state;
  end if;
  return lethe_private.answer(v_notification, case
    when note_notification.status between 200 and 299 then case when note_notification.completed then 'completed' else 'received' end
    when v_notification.attempts >= 15 then 'dead'
    else 'waiting' end, note_notification.status);
end
$$;

comment on function lethe.note_notification(bigint, int, boolean) is
  'What a recipient answered: its HTTP status, null when none came. Returns the state: received, completed, waiting for another attempt, or dead after the fifteenth. Raises LE115, LE502.';

create or replace function lethe_private.answer(notification lethe.notifications, state text, status int)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  update lethe.notifications as n
  set state = answer.state, status = answer.status,
      received_at = case when answer.state in ('received', 'completed') then coalesce(n.received_at, clock_timestamp()) end,
      completed_at = case when answer.state = 'completed' then coalesce(n.completed_at, clock_timestamp()) end
  where n.id = notification.id;
  if answer.state <> 'waiting' then
    delete from lethe_private.notification_hashes as h where h.notification_id = notification.id;
  end if;
  return answer.state;
end
$$;

comment on function lethe_private.answer(lethe.notifications, text, int) is
  'Writes down what became of a notification; forgets the hashes once nothing is sent any more.';

-- A recipient that has to ask its own systems first says later that it is done; one that could not be reached is told
-- by other means, and answers by them.
create or replace function lethe.answer_notification(event_key uuid, state text)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write notifications
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_notification lethe.notifications;
begin
  if not lethe_private.is_one_of(array['lethe_officer', 'lethe_agent']) then
    raise exception using errcode = 'LE502',
      message = 'you may not answer for a recipient',
      hint = 'it takes lethe_officer or lethe_agent';
  end if;
  select n.* into v_notification
  from lethe.notifications as n join lethe.requests as r on r.id = n.request_id
  where n.event_key = answer_notification.event_key and lethe_private.acts_for(r.controller_id)
  for no key update of n;
  if not found then
    raise exception using errcode = 'LE115',
      message = 'no notification has this key, or it is of a controller you do not act for',
      hint = 'lethe request show lists those of a request';
  elsif answer_notification.state is null or answer_notification.state not in ('received', 'completed')
    or v_notification.state = 'completed' and answer_notification.state <> 'completed' then
    raise exception using errcode = 'LE419',
      message = format('notification %s is %s and cannot become %s', v_notification.id, v_notification.state, coalesce(answer_notification.state, '(null)')),
      hint = 'a recipient has received it, or has completed what it asks for';
  end if;
  perform lethe_private.answer(v_notification, answer_notification.state, v_notification.status);
end
$$;

comment on function lethe.answer_notification(uuid, text) is
  'Writes down that a recipient has received a notification, or has completed what it asks for. Raises LE115, LE419, LE502.';
--! EndIncluded lethe/notifications.sql
--! Included lethe_private/reach_maps.sql
-- What the policy and the catalogue say of the ways from row to row, for erasure and access (reach.sql, decide.sql).
-- Foreign keys of a partition or an inheritance child count as those of the table that it hangs under.

create or replace view lethe_private.erasure_references as
  with managed as materialized (
    select m.table_id, m.relation from lethe_private.managed_relations as m
  ), tops as materialized (
    select t.relation, t.root from lethe_private.topmost as t
  )
  select
    r.constraint_id,
    r.foreign_key,
    coalesce(c.root, r.child) as child,
    r.child_columns,
    coalesce(p.root, r.parent) as parent,
    r.parent_columns,
    r.on_delete,
    cm.table_id as child_id,
    pm.table_id as parent_id
  from lethe_private.host_references as r
  left join tops as c on c.relation = r.child
  left join tops as p on p.relation = r.parent
  left join managed as cm on cm.relation = coalesce(c.root, r.child)
  left join managed as pm on pm.relation = coalesce(p.root, r.parent);

comment on view lethe_private.erasure_references is
  'Foreign keys with the managed tables on either side, those of partitions and children as if they were of what these hang under.';

-- A policy that says "with parent" or "unlink" of a reference, and nothing of it for this kind of person, has said
-- enough: a line leaves with its invoice, and whoever was brought by somebody forgets who it was.
create or replace function lethe_private.erasure_links(type lethe.subject_types)
  returns setof lethe.links
  language sql
  stable
begin atomic
  select l.* from lethe.links as l where l.subject_type_id = type.id
  union all
  select l.id, l.subject_type_id, l.table_id, l.columns, l.to_table_id, l.to_columns, l.foreign_key,
    case l.on_purge when 'with parent' then 'own' else 'mention' end, l.on_purge, l.on_erasure
  from lethe.links as l
  where l.subject_type_id is null and l.on_purge <> 'keep'
    and not exists (
      select from lethe.links as x
      where x.subject_type_id = type.id and x.table_id = l.table_id and x.to_table_id = l.to_table_id
        and x.columns @> l.columns and x.columns <@ l.columns);
end;

comment on function lethe_private.erasure_links(lethe.subject_types) is
  'The links by which rows belong to a kind of person, each with its kind.';

-- Read once for a whole plan, and handed on from there: what is asked of the catalogue table by table would cost the square
-- of the tables. In plpgsql, which plans this but once a session. Here and wherever rows in memory are joined, PostgreSQL
-- guesses how many there are, and a nested loop would cost the square of what it did not expect.
create or replace function lethe_private.references_of_people()
  returns lethe_private.erasure_references[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
begin
  return array(
    select f from lethe_private.erasure_references as f
    where f.child_id is not null or f.parent_id is not null
    order by f.child, f.foreign_key);
end
$$;

comment on function lethe_private.references_of_people() is 'The foreign keys from or to managed tables.';

create or replace function lethe_private.fact_columns(keys lethe_private.erasure_references[])
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
begin
  return (
    with named as (
      select m.id as table_id, k.name from lethe.managed_tables as m cross join unnest(m.key_columns) as k (name)
      union select l.table_id, c.name from lethe.links as l cross join unnest(l.columns) as c (name)
      union select l.to_table_id, c.name from lethe.links as l cross join unnest(l.to_columns) as c (name)
      union select r.child_id, c.name from unnest(keys) as r cross join unnest(r.child_columns) as c (name)
      union select r.parent_id, c.name from unnest(keys) as r cross join unnest(r.parent_columns) as c (name)
    )
    select coalesce(jsonb_object_agg(x.table_id, x.columns), '{}')
    from (
      select n.table_id, jsonb_agg(h.name order by h.position) as columns
      from named as n
      join lethe_private.managed_relations as m on m.table_id = n.table_id
      join lethe_private.host_columns as h on h.relation = m.relation and h.name = n.name
      group by n.table_id
    ) as x);
end
$$;

comment on function lethe_private.fact_columns(lethe_private.erasure_references[]) is
  'The columns of each managed table by which its rows are known or refer to one another, either way: {table: [column]}.';

create or replace function lethe_private.kind_rank(kind text)
  returns int
  language sql
  immutable
return array_position(array['mention', 'share', 'own', 'root'], kind);

comment on function lethe_private.kind_rank(text) is 'The higher, the more a row is the person''s.';
--! EndIncluded lethe_private/reach_maps.sql
--! Included lethe_private/reach_sql.sql
-- The statements of reach.sql and outside.sql. Rows already known come as parameter $2: {"rows": [{"lethe$n": n,
-- column: value}], "keys": [key]}; they are read back in the types of their table, so that an index of the other one
-- serves. Inside: p is a row that is known, c one that is looked for.

-- Types are named rather than taken from the table (jsonb_populate_recordset): a domain that is NOT NULL refuses to be left out.
-- PostgreSQL takes the function for a hundred rows, for which it would rather read a table of some size whole. A limit that
-- it cannot foresee, and that is none, it takes for a tenth of that, and looks each row up by index where there is one.
create or replace function lethe_private.known_rows_sql(relation oid, columns text[])
  returns text
  language sql
  stable
begin atomic
  select format('(select * from jsonb_to_recordset(convert_from($2, ''UTF8'')::jsonb -> ''rows'') as x("lethe$n" int%s) limit (select null::bigint)) as p',
    string_agg(format(', %I %s', h.name, h.base_type), '' order by h.position))
  from lethe_private.host_columns as h
  where h.relation = known_rows_sql.relation and h.name = any (known_rows_sql.columns);
end;

comment on function lethe_private.known_rows_sql(oid, text[]) is 'A FROM item: the rows of $2 as p, in the types of a relation''s columns.';

create or replace function lethe_private.equality_of(relation oid, "column" text, other_relation oid, other_column text)
  returns text
  language sql
  stable
begin atomic
  select coalesce((
      select format('operator(%I.=)', n.nspname)
      -- That of its operator class, which takes a superuser to make; anybody can make an operator called =.
      from pg_catalog.pg_opclass as k
      join pg_catalog.pg_am as m on m.oid = k.opcmethod
      join pg_catalog.pg_amop as a on a.amopfamily = k.opcfamily and a.amoplefttype = k.opcintype and a.amoprighttype = k.opcintype
        and (m.amname, a.amopstrategy) in (('btree', 3), ('hash', 1))
      join pg_catalog.pg_operator as o on o.oid = a.amopopr and o.oprname = '='
      join pg_catalog.pg_type as t on t.oid = k.opcintype
      join pg_catalog.pg_namespace as tn on tn.oid = t.typnamespace
      join pg_catalog.pg_namespace as n on n.oid = o.oprnamespace
      where k.opcdefault and c.type_schema <> 'pg_catalog'
        and (t.typname, tn.nspname) = (c.type_name, c.type_schema) and (t.typname, tn.nspname) = (p.type_name, p.type_schema)
      limit 1), 'operator(pg_catalog.=)')
  from lethe_private.host_columns as c, lethe_private.host_columns as p
  where c.relation = equality_of.relation and c.name = equality_of."column"
    and p.relation = other_relation and p.name = other_column;
end;

comment on function lethe_private.equality_of(oid, text, oid, text) is 'The operator by which two columns of one type are compared.';

-- A type that is not PostgreSQL's own (those have OIDs below 16384) brings its own equality; unless named with its schema,
-- citext would be compared as text.
create or replace function lethe_private.equals_sql(relation oid, "column" text, other_relation oid, other_column text)
  returns text
  language sql
  stable
begin atomic
  select format('c.%I %s p.%I', c.attname, case
      when c.atttypid < 16384 or p.atttypid < 16384 then 'operator(pg_catalog.=)'
      else lethe_private.equality_of(equals_sql.relation, c.attname, other_relation, p.attname) end, p.attname)
  from pg_catalog.pg_attribute as c, pg_catalog.pg_attribute as p
  where c.attrelid = equals_sql.relation and c.attname = equals_sql."column" and c.attnum > 0
    and p.attrelid = other_relation and p.attname = other_column and p.attnum > 0;
end;

comment on function lethe_private.equals_sql(oid, text, oid, text) is 'True when a column of c is what a column of p is.';

create or replace function lethe_private.matches_sql(relation oid, columns text[], other_relation oid, other_columns text[])
  returns text
  language sql
  stable
begin atomic
  select string_agg(lethe_private.equals_sql(matches_sql.relation, x.a, other_relation, x.b), ' and ' order by x.n)
  from unnest(columns, other_columns) with ordinality as x (a, b, n);
end;

comment on function lethe_private.matches_sql(oid, text[], oid, text[]) is 'True when c refers to p, or p to c, by these columns.';

-- since: the clocks of what a law keeps, each as a local day of the controller's.
create or replace function lethe_private.facts_sql(
  managed lethe.managed_tables, relation oid, controller lethe.controllers, columns jsonb, links lethe.links[]
)
  returns text
  language sql
  stable
begin atomic
  select format('(select to_jsonb(f.*) from (select %s) as f)', concat_ws(', ',
    (select string_agg(format('c.%I', h.name), ', ' order by h.position)
     from lethe_private.host_columns as h
     where h.relation = facts_sql.relation and h.name in (select x from jsonb_array_elements_text(columns) as x)),
    (select format('jsonb_build_object(%s) as "lethe$since"', string_agg(format('%L, %s', l.id,
       lethe_private.clock_day_sql('c', h, managed.time_zone, controller.time_zone, managed.sentinels, lethe_private.today(controller.time_zone))), ', '))
     from unnest(links) as l
     join lethe_private.host_columns as h on h.relation = facts_sql.relation and h.name = l.on_erasure ->> 'since'
     where l.table_id = managed.id and h.type_name in ('date', 'timestamp', 'timestamptz')
     having count(*) > 0)));
end;

comment on function lethe_private.facts_sql(lethe.managed_tables, oid, lethe.controllers, jsonb, lethe.links[]) is
  'What a plan has to know of a row c, as jsonb.';

-- The shape of all of them: of each row found its key, the person it was found for, whether it is the controller's, its facts.
create or replace function lethe_private.found_sql(source text, known text, matches text, key text, ours text, facts text, lock boolean)
  returns text
  language sql
  immutable
return format($sql$select coalesce(jsonb_agg(jsonb_build_array(x.key, x.n, x.facts)) filter (where x.ours), '[]'), null::oid, null::tid[]
from (
  select %s as key, p."lethe$n" as n, coalesce(%s, false) as ours, %s as facts
  from %s
  join %s as c on %s%s
) as x$sql$, key, ours, facts, known, source, matches, case when lock then E'\n  for update of c' else '' end);

comment on function lethe_private.found_sql(text, text, text, text, text, text, boolean) is 'Rows c that match rows p.';

create or replace function lethe_private.ours_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers)
  returns text
  language sql
  stable
return case when lethe_private.has_controller(managed, controller)
  then lethe_private.controller_sql('c', managed, relation, controller) else 'false' end;

comment on function lethe_private.ours_sql(lethe.managed_tables, oid, lethe.controllers) is
  'True when row c is the controller''s, also where all of a table is another one''s.';

create or replace function lethe_private.archive_matches_sql(mirror oid, columns text[], relation oid)
  returns text
  language sql
  stable
begin atomic
  -- What the archive keeps as text may have been compared without regard to case.
  select string_agg(format(case when h.type_name = 'citext' then 'lower(c.%1$I) = lower(p.%1$I)' else 'c.%1$I = p.%1$I' end, x.name), ' and ' order by x.n)
  from unnest(columns) with ordinality as x (name, n)
  left join lethe_private.host_columns as h on h.relation = archive_matches_sql.relation and h.name = x.name;
end;

comment on function lethe_private.archive_matches_sql(oid, text[], oid) is
  'True when archived row c has what p has, p being written in the names and types of the mirror.';
--! EndIncluded lethe_private/reach_sql.sql
--! Included lethe_private/reach_roots.sql
-- Rows that are known by their keys: where reach.sql begins, and values that were archived of rows reached.

-- The columns of a key, as JSON of which PostgreSQL makes them again: the reverse of key_sql. In two statements, since a
-- key of text or uuid is no JSON, and PostgreSQL may work out a branch of a CASE that is not taken.
create or replace function lethe_private.key_facts(relation oid, key_columns text[], key text)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if cardinality(key_columns) = 1 and exists (
    select from lethe_private.host_columns as h
    where h.relation = key_facts.relation and h.name = key_columns[1] and h.type_category in ('N', 'S', 'U'))
  then
    return jsonb_build_object(key_columns[1], key_facts.key);
  end if;
  return (
    select jsonb_object_agg(h.name, case when h.type_name = 'timestamptz'
      then to_jsonb((key_facts.key::jsonb ->> (k.n - 1)::int) || 'Z') else key_facts.key::jsonb -> (k.n - 1)::int end)
    from unnest(key_columns) with ordinality as k (name, n)
    join lethe_private.host_columns as h on h.relation = key_facts.relation and h.name = k.name);
end
$$;

comment on function lethe_private.key_facts(oid, text[], text) is 'The values of a key''s columns, from the one text that key_sql writes.';

create or replace function lethe_private.reach_roots(
  type lethe.subject_types, controller lethe.controllers, keys text[], lock boolean, columns jsonb, links lethe.links[]
)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_oid oid;
  v_known jsonb;
  v_facts jsonb;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = type.table_id;
  v_oid := lethe_private.resolve_table(format('%I.%I', v_managed.schema_name, v_managed.table_name));
  -- One may be named twice; it is found for the first.
  select jsonb_agg(lethe_private.key_facts(v_oid, v_managed.key_columns, k.key) || jsonb_build_object('lethe$n', k.n)) into v_known
  from (select x.key, min(x.n) as n from unnest(keys) with ordinality as x (key, n) group by x.key) as k;
  if v_known is null then
    return '{}';
  end if;
  select r.facts into v_facts from lethe_private.run_as_sweeper(lethe_private.found_sql(
      lethe_private.host_name(v_oid),
      lethe_private.known_rows_sql(v_oid, v_managed.key_columns),
      lethe_private.matches_sql(v_oid, v_managed.key_columns, v_oid, v_managed.key_columns),
      lethe_private.key_sql('c', v_oid, v_managed.key_columns),
      lethe_private.ours_sql(v_managed, v_oid, controller),
      lethe_private.facts_sql(v_managed, v_oid, controller, columns -> v_managed.id::text, links), lock),
    v_managed, null, convert_to(jsonb_build_object('rows', v_known)::text, 'UTF8')) as r;
  return lethe_private.as_reached(v_facts, v_managed.id, null, 'root', null)
    || lethe_private.reach_archived(v_managed, array['rows', 'values'], array(
      select (k.n, v_managed.id, null, k.key, 'root', null, null, null, null, null, null, null)::lethe_private.reached_row
      from unnest(keys) with ordinality as k (key, n)), controller, columns, links);
end
$$;

comment on function lethe_private.reach_roots(lethe.subject_types, lethe.controllers, text[], boolean, jsonb, lethe.links[]) is
  'The root rows with these keys, live and archived. Raises LE102 where the table is gone.';

create or replace function lethe_private.reach_archived(
  managed lethe.managed_tables, mirror_kinds text[], rows lethe_private.reached_row[], controller lethe.controllers, columns jsonb, links lethe.links[]
)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_oid oid;
  v_known bytea := convert_to(jsonb_build_object('rows', (
    select coalesce(jsonb_agg(jsonb_build_object('lethe$n', r.n, 'lethe$key', r.key)), '[]')
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)))::text, 'UTF8');
  v_facts jsonb;
  v_all lethe_private.reached_row[] := '{}';
begin
  for v_mirror in
    select m.* from lethe_private.mirrors as m where m.table_id = managed.id and m.kind = any (mirror_kinds)
  loop
    v_oid := lethe_private.host_table('lethe_archive', v_mirror.name);
    select r.facts into v_facts from lethe_private.run_on_archive(lethe_private.found_sql(
        format('lethe_archive.%I', v_mirror.name),
        lethe_private.known_rows_sql(v_oid, array['lethe$key']),
        -- A value's root is its own row, and roots are indexed.
        'c."lethe$key" = p."lethe$key"' || case v_mirror.kind when 'values' then ' and c."lethe$root" = p."lethe$key"' else '' end,
        'c."lethe$key"', format('c."lethe$controller" = %s', controller.id),
        lethe_private.facts_sql(managed, v_oid, controller, columns -> managed.id::text, links), false),
      null, v_known) as r;
    v_all := v_all || array(
      select (r.subject, managed.id, v_mirror.id, f ->> 0, r.kind, null, f -> 2, null, null, null, null, null)::lethe_private.reached_row
      from jsonb_array_elements(v_facts) as f
      join unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n) on r.n = (f ->> 1)::int);
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.reach_archived(lethe.managed_tables, text[], lethe_private.reached_row[], lethe.controllers, jsonb, lethe.links[]) is
  'What the archive has under the keys of these rows, in mirrors of rows or of values.';

create or replace function lethe_private.reach_values(reached lethe_private.reached_row[], controller lethe.controllers, columns jsonb, links lethe.links[])
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_all lethe_private.reached_row[] := '{}';
begin
  for v_managed in
    select t.* from lethe.managed_tables as t
    where t.id in (select r.table_id from unnest(reached) as r)
      and exists (select from lethe_private.mirrors as m where m.table_id = t.id and m.kind = 'values')
  loop
    v_all := v_all || lethe_private.reach_archived(v_managed, array['values'],
      array(select r from unnest(reached) as r where r.table_id = v_managed.id), controller, columns, links);
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.reach_values(lethe_private.reached_row[], lethe.controllers, jsonb, lethe.links[]) is
  'The values that were archived of rows just found.';
--! EndIncluded lethe_private/reach_roots.sql
--! Included lethe_private/reach.sql
-- All rows that belong to people, or name them, live and archived: layer by layer along the links of a subject type, from
-- the root rows downwards. The rows found last lead to the next ones; none is followed twice, so circles end, and only
-- tables that have rows of these people are read. What merely mentions somebody is somebody else's and leads no further.
-- Counterpart for holds: held_by.sql and reach_archive.sql, which must answer for one row at a time.
--
-- keys: of root rows, as key_sql writes them. lock: rows stay as they are until the transaction ends, the roots first, so
-- that no row comes meanwhile that refers to one of them by a foreign key.
create or replace function lethe_private.reach(type lethe.subject_types, controller lethe.controllers, keys text[], lock boolean)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_columns jsonb := lethe_private.fact_columns(lethe_private.references_of_people());
  v_links lethe.links[] := array(select l from lethe_private.erasure_links(type) as l where l.kind <> 'ignore');
  v_all lethe_private.reached_row[];
  v_new lethe_private.reached_row[];
  v_next lethe_private.reached_row[];
  v_found lethe_private.reached_row[];
  v_step record;
  v_state text;
begin
  perform lethe_private.assert_links_stand(array(select l from lethe_private.erasure_links(type) as l), v_columns);
  v_found := lethe_private.reach_roots(type, controller, keys, lock, v_columns, v_links);
  loop
    v_found := v_found || lethe_private.reach_values(v_found, controller, v_columns, v_links);
    v_new := lethe_private.news_of(v_all, v_found);
    exit when v_new = '{}';
    -- A row that had only been a mention leads further as soon as it is more than that.
    v_next := array(
      select r from unnest(v_new) as r
      where r.kind <> 'mention' and not exists (
        select from unnest(v_all) as a
        where a.table_id = r.table_id and a.mirror_id is not distinct from r.mirror_id and a.key = r.key and a.kind <> 'mention'));
    v_all := lethe_private.with_news(v_all, v_new);
    v_found := '{}';
    for v_step in
      select l as link, array(select r from unnest(v_next) as r where r.table_id = l.to_table_id) as parents
      from unnest(v_links) as l
      where l.to_table_id in (select r.table_id from unnest(v_next) as r)
      order by l.id
    loop
      v_found := v_found || lethe_private.reach_step(v_step.link, v_step.parents, controller, lock, v_columns, v_links);
    end loop;
  end loop;
  return coalesce(v_all, '{}');
exception
  when insufficient_privilege then
    raise exception using errcode = 'LE501',
      message = format('lethe_sweeper may not read or lock all tables that belong to a %s', type.name),
      hint = 'select * from lethe.missing_rights() lists the grants';
  -- What PostgreSQL says of a value that it cannot read quotes it.
  when data_exception or undefined_function or datatype_mismatch then
    get stacked diagnostics v_state = returned_sqlstate;
    raise exception using errcode = 'LE421',
      message = format('rows that belong to a %s cannot be compared along its links (SQLSTATE %s)', type.name, v_state),
      hint = 'columns that a link pairs must have types that PostgreSQL compares';
end
$$;

comment on function lethe_private.reach(lethe.subject_types, lethe.controllers, text[], boolean) is
  'The rows that belong to people or name them, live and archived, each once. Raises LE102, LE103, LE421, LE501.';

-- A link that has lost one of several columns would reach too far, one that has lost its table would not reach at all.
create or replace function lethe_private.assert_links_stand(links lethe.links[], columns jsonb)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_link lethe.links;
begin
  select l.* into v_link
  from unnest(links) as l
  where (assert_links_stand.columns -> l.table_id::text ?& l.columns and assert_links_stand.columns -> l.to_table_id::text ?& l.to_columns) is not true
  order by l.id
  limit 1;
  if found then
    raise exception using errcode = 'LE103',
      message = format('the link of %s to %s names a column or a table that is not there any more',
        (select lethe_private.plain_name(m) from lethe.managed_tables as m where m.id = v_link.table_id),
        (select lethe_private.plain_name(m) from lethe.managed_tables as m where m.id = v_link.to_table_id)),
      hint = 'lethe check names what is missing; declare the link anew';
  end if;
end
$$;

comment on function lethe_private.assert_links_stand(lethe.links[], jsonb) is 'Raises LE103 for the first link of which a column or a table is gone.';

create or replace function lethe_private.with_news(reached lethe_private.reached_row[], news lethe_private.reached_row[])
  returns lethe_private.reached_row[]
  language sql
  immutable
  set enable_nestloop = off
return array(
  select r from unnest(reached) as r
  where not exists (
    select from unnest(news) as n
    where n.table_id = r.table_id and n.key = r.key and n.mirror_id is not distinct from r.mirror_id
      and (r.mirror_id is null or n.facts = r.facts))) || news;

comment on function lethe_private.with_news(lethe_private.reached_row[], lethe_private.reached_row[]) is
  'What was reached so far and what is new; of a row that is in both, the new form.';

-- One row of the archive may bear the key of another: what they hold tells them apart.
create or replace function lethe_private.news_of(reached lethe_private.reached_row[], found lethe_private.reached_row[])
  returns lethe_private.reached_row[]
  language sql
  immutable
  set enable_nestloop = off
return array(
  select x.r
  from (
    select distinct on (r.table_id, r.mirror_id, r.key, case when r.mirror_id is not null then r.facts end) r as r
    from unnest(found) as r
    order by r.table_id, r.mirror_id, r.key, case when r.mirror_id is not null then r.facts end,
      lethe_private.kind_rank(r.kind) desc, r.subject, r.link_id nulls last
  ) as x
  where not exists (
    select from unnest(reached) as a
    where a.table_id = (x.r).table_id and a.key = (x.r).key and a.mirror_id is not distinct from (x.r).mirror_id
      and (a.mirror_id is null or a.facts = (x.r).facts)
      and lethe_private.kind_rank(a.kind) >= lethe_private.kind_rank((x.r).kind)));

comment on function lethe_private.news_of(lethe_private.reached_row[], lethe_private.reached_row[]) is
  'Of rows found, each once: those that are new, or more the person''s than was known.';

create or replace function lethe_private.as_reached(found jsonb, table_id int, mirror_id int, kind text, link_id int)
  returns lethe_private.reached_row[]
  language sql
  immutable
return array(
  select (f ->> 1, as_reached.table_id, as_reached.mirror_id, f ->> 0, as_reached.kind, as_reached.link_id, f -> 2, null, null, null, null, null)::lethe_private.reached_row
  from jsonb_array_elements(found) as f);

comment on function lethe_private.as_reached(jsonb, int, int, text, int) is 'What found_sql returns, as rows.';

create or replace function lethe_private.known_rows(parents lethe_private.reached_row[], columns text[])
  returns bytea
  language sql
  stable
return convert_to(jsonb_build_object('rows', (
  select coalesce(jsonb_agg(jsonb_build_object('lethe$n', r.subject) || (select jsonb_object_agg(c, r.facts -> c) from unnest(columns) as c)), '[]')
  from unnest(parents) as r
  where r.facts ?& columns))::text, 'UTF8');

comment on function lethe_private.known_rows(lethe_private.reached_row[], text[]) is 'What the statements of reach_sql.sql take as $2.';

create or replace function lethe_private.reach_step(
  link lethe.links, parents lethe_private.reached_row[], controller lethe.controllers, lock boolean, columns jsonb, links lethe.links[]
)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child lethe.managed_tables;
  v_parent lethe.managed_tables;
  v_child_oid oid;
  v_parent_oid oid;
  v_mirror lethe_private.mirrors;
  v_mirror_oid oid;
  v_facts jsonb;
  v_all lethe_private.reached_row[];
begin
  select m.* into v_child from lethe.managed_tables as m where m.id = link.table_id;
  select m.* into v_parent from lethe.managed_tables as m where m.id = link.to_table_id;
  v_child_oid := lethe_private.resolve_table(format('%I.%I', v_child.schema_name, v_child.table_name));
  v_parent_oid := lethe_private.resolve_table(format('%I.%I', v_parent.schema_name, v_parent.table_name));
  select r.facts into v_facts from lethe_private.run_as_sweeper(lethe_private.found_sql(
      lethe_private.host_name(v_child_oid),
      lethe_private.known_rows_sql(v_parent_oid, link.to_columns),
      lethe_private.matches_sql(v_child_oid, link.columns, v_parent_oid, link.to_columns),
      lethe_private.key_sql('c', v_child_oid, v_child.key_columns),
      lethe_private.ours_sql(v_child, v_child_oid, controller),
      lethe_private.facts_sql(v_child, v_child_oid, controller, columns -> v_child.id::text, links), lock),
    v_child, null, lethe_private.known_rows(parents, link.to_columns)) as r;
  v_all := lethe_private.as_reached(v_facts, v_child.id, null, link.kind, link.id);
  for v_mirror in
    select m.* from lethe_private.mirrors as m
    where m.table_id = v_child.id and lethe_private.mirror_has(m.id, link.columns)
  loop
    v_mirror_oid := lethe_private.host_table('lethe_archive', v_mirror.name);
    select r.facts into v_facts from lethe_private.run_on_archive(lethe_private.found_sql(
        format('lethe_archive.%I', v_mirror.name),
        lethe_private.known_rows_sql(v_mirror_oid, link.columns),
        lethe_private.archive_matches_sql(v_mirror_oid, link.columns, v_child_oid),
        'c."lethe$key"', format('c."lethe$controller" = %s', controller.id),
        lethe_private.facts_sql(v_child, v_mirror_oid, controller, columns -> v_child.id::text, links), false),
      null, lethe_private.known_rows(lethe_private.renamed(parents, link.to_columns, link.columns), link.columns)) as r;
    v_all := v_all || lethe_private.as_reached(v_facts, v_child.id, v_mirror.id, link.kind, link.id);
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.reach_step(lethe.links, lethe_private.reached_row[], lethe.controllers, boolean, jsonb, lethe.links[]) is
  'The rows, live and archived, that one link leads to. Raises LE102 where a table is gone.';

-- The mirror's types are what a value is compared in, so it comes under the names that it has there.
create or replace function lethe_private.renamed(parents lethe_private.reached_row[], to_columns text[], columns text[])
  returns lethe_private.reached_row[]
  language sql
  immutable
return array(
  select (r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id,
    (select jsonb_object_agg(c, r.facts -> t) from unnest(renamed.columns, renamed.to_columns) as x (c, t)),
    null, null, null, null, null)::lethe_private.reached_row
  from unnest(parents) as r
  where r.facts ?& to_columns);

comment on function lethe_private.renamed(lethe_private.reached_row[], text[], text[]) is 'Rows with some of their facts, under other names.';
--! EndIncluded lethe_private/reach.sql
--! Included lethe_private/outside.sql
-- Of some of the rows, by position, what they have in some columns, under the names given.
create or replace function lethe_private.known_at(rows lethe_private.reached_row[], positions int[], columns text[], names text[])
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('lethe$n', r.n)
      || (select jsonb_object_agg(x.name, r.facts -> x.c) from unnest(columns, names) as x (c, name))), '[]')
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    join unnest(positions) as p (n) on p.n = r.n
    where r.facts ?& columns);
end
$$;

comment on function lethe_private.known_at(lethe_private.reached_row[], int[], text[], text[]) is
  'Rows reached as the statements of reach_sql.sql take them, each with its position.';

-- Rows that refer to what was reached, or are referred to by it, and were not reached themselves: somebody else's.
-- Answers {"rows": how many, "of": [positions of the rows reached that have one]}. What lethe_sweeper may not read it
-- cannot count: then "rows" is null, and all of the rows asked about are taken to have one.
create or replace function lethe_private.outside(
  rows lethe_private.reached_row[],
  positions int[],
  managed lethe.managed_tables,
  columns text[],
  other oid,
  other_columns text[]
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_other lethe.managed_tables;
  v_known jsonb;
  v_keys jsonb := '[]';
  v_facts jsonb;
begin
  if not lethe_private.is_readable(other) then
    return jsonb_build_object('rows', null, 'of', to_jsonb(positions));
  end if;
  v_known := lethe_private.known_at(rows, positions, columns, columns);
  if v_known = '[]' then
    return '{"rows": 0, "of": []}';
  end if;
  select m.* into v_other from lethe.managed_tables as m join lethe_private.managed_relations as r on r.table_id = m.id where r.relation = other;
  if found then
    select coalesce(jsonb_agg(r.key), '[]') into v_keys from unnest(rows) as r where r.table_id = v_other.id and r.mirror_id is null;
  end if;
  select r.facts into v_facts from lethe_private.run_as_sweeper(format(
      $sql$select jsonb_build_object('rows', count(*), 'of', coalesce(jsonb_agg(distinct p."lethe$n"), '[]')), null::oid, null::tid[]
from %s
join %s as c on %s%s$sql$,
      lethe_private.known_rows_sql(v_oid, columns), lethe_private.host_name(other),
      lethe_private.matches_sql(other, other_columns, v_oid, columns),
      case when v_keys <> '[]' then format(E'\nwhere %s not in (select jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb -> ''keys''))',
        lethe_private.key_sql('c', other, v_other.key_columns)) else '' end),
    managed, null, convert_to(jsonb_build_object('rows', v_known, 'keys', v_keys)::text, 'UTF8')) as r;
  return v_facts;
-- What PostgreSQL says of a value that it cannot read quotes it: one that was archived before its column became another type.
exception when data_exception then
  raise exception using errcode = 'LE421',
    message = format('rows of %s cannot be compared with those of %s', lethe_private.host_name(other), lethe_private.plain_name(managed)),
    hint = 'columns that refer to one another must have types that PostgreSQL compares';
end
$$;

comment on function lethe_private.outside(lethe_private.reached_row[], int[], lethe.managed_tables, text[], oid, text[]) is
  'Rows of another table that were not reached, and that match some that were. Raises LE421.';

create or replace function lethe_private.is_readable(relation oid)
  returns boolean
  language sql
  stable
begin atomic
  select has_schema_privilege('lethe_sweeper', c.relnamespace, 'usage') and has_table_privilege('lethe_sweeper', c.oid, 'select')
    and (not c.relrowsecurity or (select r.rolbypassrls or r.rolsuper from pg_roles as r where r.rolname = 'lethe_sweeper'))
  from pg_catalog.pg_class as c
  where c.oid = is_readable.relation;
end;

comment on function lethe_private.is_readable(oid) is 'True when lethe_sweeper may read all of a table.';

-- The same of the archive.
create or replace function lethe_private.outside_archived(
  rows lethe_private.reached_row[], positions int[], columns text[], other lethe.managed_tables, other_columns text[], controller lethe.controllers
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_mirror_oid oid;
  v_known jsonb;
  v_facts jsonb;
  v_all jsonb := '[]';
begin
  v_known := lethe_private.known_at(rows, positions, columns, other_columns);
  if v_known = '[]' then
    return v_all;
  end if;
  for v_mirror in
    select m.* from lethe_private.mirrors as m
    where m.table_id = other.id and m.kind = 'rows' and lethe_private.mirror_has(m.id, other_columns)
  loop
    v_mirror_oid := lethe_private.host_table('lethe_archive', v_mirror.name);
    select r.facts into v_facts from lethe_private.run_on_archive(format(
        $sql$select coalesce(jsonb_agg(distinct p."lethe$n"), '[]'), null::oid, null::tid[]
from %s
join lethe_archive.%I as c on %s and c."lethe$controller" = %s
where c."lethe$key" not in (select jsonb_array_elements_text(convert_from($2, 'UTF8')::jsonb -> 'keys'))$sql$,
        lethe_private.known_rows_sql(v_mirror_oid, other_columns), v_mirror.name,
        lethe_private.archive_matches_sql(v_mirror_oid, other_columns, lethe_private.host_table(other.schema_name, other.table_name)), controller.id),
      null, convert_to(jsonb_build_object('rows', v_known, 'keys', (
        select coalesce(jsonb_agg(r.key), '[]') from unnest(rows) as r where r.table_id = other.id and r.mirror_id = v_mirror.id))::text, 'UTF8')) as r;
    v_all := v_all || v_facts;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.outside_archived(lethe_private.reached_row[], int[], text[], lethe.managed_tables, text[], lethe.controllers) is
  'Positions of rows reached that match archived rows that were not.';
--! EndIncluded lethe_private/outside.sql
--! Included lethe_private/belonging.sql
-- Of the rows reached, which belong to these people alone. A row that several share is theirs only when nobody else has
-- it; and what hangs on a shared row is theirs only when that is.

create or replace function lethe_private.fact_tuple(facts jsonb, columns text[], folded boolean, padded boolean)
  returns jsonb
  language sql
  immutable
return (
  select case when bool_and(coalesce(facts -> c, 'null') <> 'null') then
    jsonb_agg(case
      when jsonb_typeof(facts -> c) <> 'string' then facts -> c
      when folded then to_jsonb(lower(facts ->> c))
      when padded then to_jsonb(rtrim(facts ->> c, ' '))
      else facts -> c end order by n) end
  from unnest(columns) with ordinality as x (c, n));

comment on function lethe_private.fact_tuple(jsonb, text[], boolean, boolean) is
  'What a row has in some columns, to be compared with another''s; null where one is null. folded: as citext compares; padded: as char(n) does.';

create or replace function lethe_private.columns_of_type(table_ids int[], type_name text)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = on
as $$
begin
  return (
    select coalesce(jsonb_object_agg(x.table_id, x.columns), '{}')
    from (
      select m.table_id, jsonb_agg(h.name) as columns
      from lethe_private.managed_relations as m
      join lethe_private.host_columns as h on h.relation = m.relation
      where m.table_id = any (table_ids) and h.type_name = columns_of_type.type_name
      group by m.table_id
    ) as x);
end
$$;

comment on function lethe_private.columns_of_type(int[], text) is 'Columns of a type that compares in a way of its own: {table: [column]}.';

-- Who refers to whom among the rows reached. Foreign keys hold between live rows.
create or replace function lethe_private.reach_edges(
  rows lethe_private.reached_row[], links lethe.links[], keys lethe_private.erasure_references[]
)
  returns lethe_private.reached_edge[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
declare
  v_tables int[] := array(select distinct r.table_id from unnest(rows) as r);
  v_folded jsonb := lethe_private.columns_of_type(v_tables, 'citext');
  v_padded jsonb := lethe_private.columns_of_type(v_tables, 'bpchar');
begin
  return (
    with reached as materialized (
      select r.n, r.table_id, r.mirror_id, r.facts
      from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    ), present as materialized (
      select distinct r.table_id from reached as r
    ), ways as materialized (
      select l.id as link_id, null::oid as foreign_key, l.table_id as child_id, l.columns, l.to_table_id as parent_id, l.to_columns as parent_columns
      from unnest(links) as l
      where l.kind <> 'ignore'
      union all
      select null, e.constraint_id, e.child_id, e.child_columns, e.parent_id, e.parent_columns
      from unnest(keys) as e
    ), present_ways as materialized (
      select w.*, row_number() over () as way,
        v_folded -> w.child_id::text ?| w.columns or v_folded -> w.parent_id::text ?| w.parent_columns as folded,
        v_padded -> w.child_id::text ?| w.columns or v_padded -> w.parent_id::text ?| w.parent_columns as padded
      from ways as w
      where w.child_id in (select p.table_id from present as p) and w.parent_id in (select p.table_id from present as p)
    ), used as materialized (
      select w.*, cardinality(w.columns) = 1 and (w.folded or w.padded) is not true as is_plain from present_ways as w
    ), children as materialized (
      select u.way, r.n, case when u.is_plain then nullif(r.facts -> u.columns[1], 'null') else lethe_private.fact_tuple(r.facts, u.columns, u.folded, u.padded) end as value
      from used as u
      join reached as r on r.table_id = u.child_id and (u.foreign_key is null or r.mirror_id is null)
    ), parents as materialized (
      select u.way, r.n, case when u.is_plain then nullif(r.facts -> u.parent_columns[1], 'null') else lethe_private.fact_tuple(r.facts, u.parent_columns, u.folded, u.padded) end as value
      from used as u
      join reached as r on r.table_id = u.parent_id and (u.foreign_key is null or r.mirror_id is null)
    )
    select coalesce(array_agg((c.n, p.n, u.link_id, u.foreign_key)::lethe_private.reached_edge), '{}')
    from children as c
    join parents as p on p.way = c.way and p.value = c.value
    join used as u on u.way = c.way);
end
$$;

comment on function lethe_private.reach_edges(lethe_private.reached_row[], lethe.links[], lethe_private.erasure_references[]) is
  'By which links and foreign keys the rows reached refer to one another.';

-- PostgreSQL has found each row by a link; here values are compared as they are written. Where two are equal that are written in
-- two ways (a day and a moment, a collation that knows no case), nobody could say any more whose the row is, and it would stay.
create or replace function lethe_private.assert_edges(rows lethe_private.reached_row[], edges lethe_private.reached_edge[])
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
declare
  v_link lethe.links;
begin
  select l.* into v_link
  from (
    select r.link_id
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    where r.link_id is not null and not exists (select from unnest(edges) as e where e.child = r.n and e.link_id = r.link_id)
  ) as x
  join lethe.links as l on l.id = x.link_id
  order by l.id
  limit 1;
  if found then
    raise exception using errcode = 'LE421',
      message = format('rows of %s (%s) refer to the person by values that are equal and written in another way',
        (select lethe_private.plain_name(m) from lethe.managed_tables as m where m.id = v_link.table_id), array_to_string(v_link.columns, ', ')),
      hint = 'the columns that a link pairs must be of one type, and of a collation that tells apart what is written in two ways';
  end if;
end
$$;

comment on function lethe_private.assert_edges(lethe_private.reached_row[], lethe_private.reached_edge[]) is
  'Raises LE421 for a row of which it cannot be said to which other one the link leads by which it was found.';

-- A shared row is somebody else's, too, when one of its links leads to a row that was not reached, or when a row that was
-- not reached refers to it by a foreign key.
create or replace function lethe_private.shared_with_others(
  rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], keys lethe_private.erasure_references[], controller lethe.controllers
)
  returns int[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_links lethe.links[] := array(select l from unnest(links) as l where l.kind in ('own', 'share'));
  v_shared jsonb := (
    -- By table: {table: [position]}
    select jsonb_object_agg(x.table_id, x.positions)
    from (
      select r.table_id, jsonb_agg(r.n) as positions
      from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
      where r.n in (select e.child from unnest(edges) as e join unnest(v_links) as l on l.id = e.link_id where l.kind = 'share')
      group by r.table_id
    ) as x);
  v_way record;
  v_positions int[];
  v_found jsonb := '[]';
begin
  if v_shared is null then
    return '{}';
  end if;
  for v_way in
    select t as managed, x.*, o as other_managed
    from (
      select l.table_id, l.columns, m.relation as other, l.to_columns as other_columns, true as is_link
      from unnest(v_links) as l
      join lethe_private.managed_relations as m on m.table_id = l.to_table_id
      union
      select f.parent_id, f.parent_columns, f.child, f.child_columns, false
      from unnest(keys) as f
      where not exists (
        select from unnest(v_links) as l
        where l.table_id = f.parent_id and l.columns = f.parent_columns and l.to_table_id = f.child_id and l.to_columns = f.child_columns)
    ) as x (table_id, columns, other, other_columns, is_link)
    join lethe.managed_tables as t on t.id = x.table_id
    left join lethe_private.managed_relations as r on r.relation = x.other
    left join lethe.managed_tables as o on o.id = r.table_id
    where v_shared ? x.table_id::text
  loop
    v_positions := array(select n::int from jsonb_array_elements_text(v_shared -> (v_way.managed).id::text) as n);
    v_found := v_found || (lethe_private.outside(rows, v_positions, v_way.managed, v_way.columns, v_way.other, v_way.other_columns) -> 'of');
    if v_way.is_link then
      v_found := v_found || lethe_private.outside_archived(rows, v_positions, v_way.columns, v_way.other_managed, v_way.other_columns, controller);
    end if;
  end loop;
  return array(select distinct n::int from jsonb_array_elements_text(v_found) as n);
end
$$;

comment on function lethe_private.shared_with_others(lethe_private.reached_row[], lethe_private.reached_edge[], lethe.links[], lethe_private.erasure_references[], lethe.controllers) is
  'Positions of the shared rows that somebody has who is not erased.';

-- From the roots downwards, past no row that is shared. What turns out not to be theirs may share other rows in its turn,
-- so it is asked again until nothing changes; fewer rows each time.
create or replace function lethe_private.belonging(
  rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], shared int[]
)
  returns int[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
declare
  v_links jsonb := (select jsonb_object_agg(l.id, l.kind) from unnest(links) as l where l.kind in ('own', 'share'));
  v_edges lethe_private.reached_edge[] := array(select e from unnest(edges) as e where v_links ? e.link_id::text);
  v_shared int[] := shared;
  v_mine int[];
  v_more int[];
begin
  loop
    with recursive reached as materialized (
      select r.n::int as n, r.kind, r.table_id, r.mirror_id, r.key
      from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    ), usable as materialized (
      select e.child, e.parent from unnest(v_edges) as e
      where v_links ->> e.link_id::text = 'own' or e.child not in (select s from unnest(v_shared) as s)
    ), mine as (
      select r.n from reached as r where r.kind = 'root'
      union
      select u.child from mine as m join usable as u on u.parent = m.n
    ), base as (
      -- A value that was archived of a row is whose the row is.
      select m.n from mine as m
      union
      select v.n
      from mine as m
      join reached as r on r.n = m.n
      join reached as v on v.table_id = r.table_id and v.key = r.key
      where v.mirror_id is not null
    )
    select coalesce(array_agg(b.n), '{}') into v_mine from base as b;
    v_more := array(
      select distinct e.child from unnest(v_edges) as e
      where v_links ->> e.link_id::text = 'share'
        and e.child not in (select s from unnest(v_shared) as s)
        and e.parent not in (select m from unnest(v_mine) as m));
    exit when v_more = '{}';
    v_shared := v_shared || v_more;
  end loop;
  return v_mine;
end
$$;

comment on function lethe_private.belonging(lethe_private.reached_row[], lethe_private.reached_edge[], lethe.links[], int[]) is
  'Positions of the rows that are these people''s and nobody else''s.';
--! EndIncluded lethe_private/belonging.sql
--! Included lethe_private/decide.sql
-- What an erasure does with each row that was reached. In this order: whose is it (belonging.sql); does a law keep it; what
-- of somebody else's row names the person; and what has to stay because something that stays refers to it.
create or replace function lethe_private.decide(
  rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers, today date
)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
  set jit = off
as $$
declare
  v_keys lethe_private.erasure_references[] := lethe_private.references_of_people();
  v_links lethe.links[] := array(select l from lethe_private.erasure_links(type) as l);
  v_edges lethe_private.reached_edge[] := lethe_private.reach_edges(rows, v_links, v_keys);
  v_mine int[] := lethe_private.belonging(rows, v_edges, v_links, lethe_private.shared_with_others(rows, v_edges, v_links, v_keys, controller));
  v_rows lethe_private.reached_row[];
begin
  perform lethe_private.assert_edges(rows, v_edges);
  v_rows := array(
    select (r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id, r.facts,
      case when m.n is null then 'stay' else 'purge' end, null, null, null,
      case when m.n is null and r.kind = 'mention' then 'somebody else''s'
        when m.n is null and r.kind = 'share' then 'somebody else has it, too'
        when m.n is null then 'hangs on what somebody else has, too'
        when r.kind = 'root' then 'the person''s own row'
        when r.kind = 'share' then 'nobody else has it'
        else 'about this person alone' end)::lethe_private.reached_row
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    left join unnest(v_mine) as m (n) on m.n = r.n
    order by r.n);
  v_rows := lethe_private.decide_retained(v_rows, v_edges, v_links, today);
  v_rows := lethe_private.decide_cut(v_rows, v_edges, v_mine, v_links, (
    select coalesce(jsonb_object_agg(l.id, lethe_private.cutting(l, v_keys)), '{}')
    from unnest(v_links) as l
    where l.kind in ('share', 'mention') and l.table_id in (select r.table_id from unnest(v_rows) as r where r.decision = 'stay')));
  return lethe_private.decide_tombstones(v_rows, v_edges, v_links, v_keys);
end
$$;

comment on function lethe_private.decide(lethe_private.reached_row[], lethe.subject_types, lethe.controllers, date) is
  'The same rows in the same order, each with what becomes of it on a local day. Raises LE421.';

-- As long as the last day is not over, through all of it. A clock that shows no day keeps, and no day is named. What
-- goes with its parent stays with it, too.
create or replace function lethe_private.decide_retained(
  rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], today date
)
  returns lethe_private.reached_row[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
  set enable_nestloop = off
as $$
begin
  return (
    with recursive reached as materialized (
      select r.*
      from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    ), links as materialized (
      select l.id, l.on_erasure is not null as keeps, l.on_erasure ->> 'basis' as basis,
        case when l.on_erasure is not null then lethe_private.parse_delay(l.on_erasure ->> 'retain') end as delay, exists (
          select from lethe.links as x
          where x.table_id = l.table_id and x.to_table_id = l.to_table_id and x.on_purge = 'with parent') as with_parent
      from unnest(decide_retained.links) as l
      where l.kind in ('own', 'share')
    ), mine as materialized (
      select r.n, r.facts from reached as r where r.decision = 'purge' and r.kind <> 'root'
    ), terms as (
      select m.n, l.basis, case when d.day < date '200000-01-01' then (d.day + l.delay)::date end as until
      from unnest(edges) as e
      join links as l on l.id = e.link_id and l.keeps
      join mine as m on m.n = e.child
      join reached as p on p.n = e.parent and p.decision = 'purge'
      cross join lateral (select (m.facts -> 'lethe$since' ->> l.id::text)::date as day) as d
    ), kept as (
      select t.n, t.until, t.basis, true as itself from terms as t where t.until is null or not t.until < today
      union
      select e.child, k.until, k.basis, false
      from kept as k
      join (
        select e.child, e.parent
        from unnest(edges) as e
        join links as l on l.id = e.link_id and l.with_parent
        join mine as m on m.n = e.child
      ) as e on e.parent = k.n
    ), longest as materialized (
      select distinct on (k.n) k.n, k.until, k.basis, bool_or(k.itself) over (partition by k.n) as itself
      from kept as k
      order by k.n, k.until desc nulls first, k.basis
    ), of_values as (
      -- Values that were archived of a row stay with it.
      select distinct on (v.n) v.n, x.until, x.basis, false as itself
      from longest as x
      join reached as r on r.n = x.n
      join reached as v on v.table_id = r.table_id and v.key = r.key and v.mirror_id is not null and v.decision = 'purge'
      where v.n not in (select y.n from longest as y)
      order by v.n, x.until desc nulls first, x.basis
    ), decided as (
      select * from longest union all select * from of_values
    )
    select array_agg(case when d.n is null
        then (r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id, r.facts, r.decision, r.cut, r.until, r.basis, r.because)::lethe_private.reached_row
        else (r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id, r.facts, 'retain', null, d.until, d.basis,
          case when not d.itself then 'stays with the row that a law keeps'
            when d.until is null then 'a law keeps it, and its clock shows no day'
            else 'a law keeps it' end)::lethe_private.reached_row end order by r.n)
    from reached as r
    left join decided as d on d.n = r.n);
end
$$;

comment on function lethe_private.decide_retained(lethe_private.reached_row[], lethe_private.reached_edge[], lethe.links[], date) is
  'Rows that a law keeps on a local day, and what stays with them.';

-- How one link's reference is taken out of a row that stays: {"cut": columns set to null}, {"replace": columns that may not
-- be, each with a method} or {}: where it is a foreign key that cannot be empty, or lies in the person's own row.
create or replace function lethe_private.cutting(link lethe.links, keys lethe_private.erasure_references[])
  returns jsonb
  language sql
  stable
begin atomic
  with facts as (
    select
      exists (
        select from unnest(keys) as r
        where r.child_id = link.table_id and r.parent_id = link.to_table_id and r.child_columns <@ link.columns and r.child_columns @> link.columns) as referring,
      exists (
        select from unnest(keys) as r
        where r.child_id = link.to_table_id and r.parent_id = link.table_id and r.child_columns <@ link.to_columns and r.child_columns @> link.to_columns) as referred
  ), columns as (
    select h.name, h.not_null, h.name = any (t.key_columns) as is_key, l.n, exists (
        select from lethe.rules as r join lethe.terms as x on x.rule_id = r.id
        where r.table_id = t.id and r.column_name = h.name and x.method is not null) as has_method, exists (
        select from unnest(keys) as r
        where r.child_id = t.id and h.name = any (r.child_columns) and not (r.child_columns <@ link.columns and r.child_columns @> link.columns)) as is_shared
    from lethe.managed_tables as t
    join lethe_private.managed_relations as m on m.table_id = t.id
    join lethe_private.host_columns as h on h.relation = m.relation and not h.is_generated
    join unnest(link.columns) with ordinality as l (name, n) on l.name = h.name
    where t.id = link.table_id and h.name is distinct from t.controller_column
  )
  select case
    when f.referred and not f.referring then '{}'
    when exists (select from columns as c where not c.not_null and not c.is_key) then jsonb_build_object('cut', (
      select jsonb_agg(c.name order by c.n) from columns as c
      where not c.not_null and not c.is_key
        -- A column that other references need as well is left to them, if the rest suffices.
        and (not c.is_shared or not exists (select from columns as o where not o.not_null and not o.is_key and not o.is_shared))))
    when f.referring then '{}'
    -- A row that several share is named by its key in theirs; a mention names somebody itself.
    when link.kind = 'share' and not exists (select from columns as c where not c.is_key) then '{}'
    else jsonb_build_object('replace', (
      select coalesce(jsonb_agg(c.name order by c.n), '[]') from columns as c
      where not c.is_key and (c.has_method or not exists (select from columns as o where not o.is_key and o.has_method))))
  end
  from facts as f;
end;

comment on function lethe_private.cutting(lethe.links, lethe_private.erasure_references[]) is 'How a reference is taken out of a row that stays.';

create or replace function lethe_private.decide_cut(
  rows lethe_private.reached_row[], edges lethe_private.reached_edge[], mine int[], links lethe.links[], how jsonb
)
  returns lethe_private.reached_row[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
begin
  return (
    with reached as materialized (
      select r.*
      from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    ), links as materialized (
      select l.id, l.columns, l.table_id, decide_cut.how -> l.id::text as how
      from unnest(decide_cut.links) as l
      where decide_cut.how ? l.id::text
    ), cuts as materialized (
      select r.n, x.name, r.mirror_id is null and l.how ? 'replace' as is_replaced
      from unnest(edges) as e
      join links as l on l.id = e.link_id
      join unnest(mine) as m on m = e.parent
      join reached as r on r.n = e.child and r.decision = 'stay'
      cross join lateral (
        select c.name from jsonb_array_elements_text(coalesce(l.how -> 'cut', l.how -> 'replace')) as c (name) where r.mirror_id is null
        union all
        -- In the archive no column is NOT NULL.
        select c.name
        from unnest(l.columns) as c (name)
        where r.mirror_id is not null and l.how <> '{}' and r.facts ? c.name
          and c.name not in (select k from lethe.managed_tables as t cross join unnest(t.key_columns) as k where t.id = r.table_id)
      ) as x
    ), decided as (
      select c.n, array_agg(distinct c.name) as cut, bool_or(c.is_replaced) as is_replaced from cuts as c group by c.n
    )
    select array_agg((r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id, r.facts,
      case when d.n is null then r.decision when d.is_replaced then 'anonymize' else 'cut' end, d.cut, r.until, r.basis,
      case when d.n is null then r.because when d.is_replaced then 'somebody else''s; what names the person cannot be empty'
        else 'somebody else''s; only the reference to the person goes' end)::lethe_private.reached_row order by r.n)
    from reached as r
    left join decided as d on d.n = r.n);
end
$$;

comment on function lethe_private.decide_cut(lethe_private.reached_row[], lethe_private.reached_edge[], int[], lethe.links[], jsonb) is
  'What of somebody else''s rows names the person.';

-- ignored: rows to which somebody else's refer by a link that is declared "ignore".
create or replace function lethe_private.tombstones(
  rows lethe_private.reached_row[], edges lethe_private.reached_edge[], keys lethe_private.erasure_references[], ignored int[]
)
  returns int[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
begin
  return (
    with recursive reached as materialized (
      select r.n::int as n, r.decision, r.cut
      from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
      where r.mirror_id is null
    ), holding as materialized (
      select e.child, e.parent
      from unnest(edges) as e
      join unnest(keys) as f on f.constraint_id = e.foreign_key
      join reached as c on c.n = e.child
      join reached as p on p.n = e.parent and p.decision = 'purge'
      -- A reference that is cut holds no more.
      where c.cut is null or not c.cut && f.child_columns
    ), stays as (
      select r.n, false as is_tomb from reached as r where r.decision <> 'purge'
      union
      select n, true from unnest(ignored) as n
      union
      select h.parent, true from stays as s join holding as h on h.child = s.n
    )
    select array_agg(distinct s.n) from stays as s where s.is_tomb);
end
$$;

comment on function lethe_private.tombstones(lethe_private.reached_row[], lethe_private.reached_edge[], lethe_private.erasure_references[], int[]) is
  'Positions of rows that would go, and to which something refers that stays.';

-- A live row to which something that stays refers by a foreign key cannot go: it is kept as a tombstone, and so is what it
-- refers to in its turn. A link that is declared "ignore" stays whatever becomes of the person.
create or replace function lethe_private.decide_tombstones(
  rows lethe_private.reached_row[], edges lethe_private.reached_edge[], links lethe.links[], keys lethe_private.erasure_references[]
)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_way record;
  v_ignored jsonb := '[]';
  v_tombs int[];
begin
  for v_way in
    select distinct f.parent_id, f.parent_columns, f.child, f.child_columns
    from unnest(links) as l
    join unnest(keys) as f on f.child_id = l.table_id and f.parent_id = l.to_table_id
      and f.child_columns <@ l.columns and f.child_columns @> l.columns
    where l.kind = 'ignore'
  loop
    v_ignored := v_ignored || (
      select lethe_private.outside(rows, x.positions, t, v_way.parent_columns, v_way.child, v_way.child_columns) -> 'of'
      from lethe.managed_tables as t
      cross join lateral (
        select coalesce(array_agg(r.n::int), '{}') as positions
        from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
        where r.table_id = t.id and r.mirror_id is null and r.decision = 'purge') as x
      where t.id = v_way.parent_id);
  end loop;
  v_tombs := lethe_private.tombstones(rows, edges, keys, array(select n::int from jsonb_array_elements_text(v_ignored) as n));
  return array(
    select case when t.n is null
      then (r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id, r.facts, r.decision, r.cut, r.until, r.basis, r.because)::lethe_private.reached_row
      else (r.subject, r.table_id, r.mirror_id, r.key, r.kind, r.link_id, r.facts, 'anonymize', null, null, null,
        'rows that stay refer to it')::lethe_private.reached_row end
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    left join unnest(v_tombs) as t (n) on t.n = r.n
    order by r.n);
end
$$;

comment on function lethe_private.decide_tombstones(lethe_private.reached_row[], lethe_private.reached_edge[], lethe.links[], lethe_private.erasure_references[]) is
  'Rows that must stay, without what was personal in them, since rows that stay refer to them.';
--! EndIncluded lethe_private/decide.sql
--! Included lethe_private/plan_rows.sql
-- What a request is about, as it is now: what lethe.plan_request writes down, and what is worked out again before it is done.
create or replace function lethe_private.plan_rows(request lethe.requests, lock boolean)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
  v_controller lethe.controllers;
begin
  select t.* into v_type from lethe.subject_types as t where t.name = request.subject;
  if not found then
    raise exception using errcode = 'LE109',
      message = format('subject type %L does not exist', request.subject),
      hint = 'lethe.subject_types lists them';
  end if;
  select c.* into v_controller from lethe.controllers as c where c.id = request.controller_id;
  return lethe_private.decide(
    lethe_private.reach(v_type, v_controller, array(
      select r.key from lethe_private.request_roots as r
      where r.request_id = request.id and r.table_id = v_type.table_id
      order by r.n), lock),
    v_type, v_controller, lethe_private.today(v_controller.time_zone));
end
$$;

comment on function lethe_private.plan_rows(lethe.requests, boolean) is
  'The rows that an erasure reaches, and what becomes of each. lock: they stay as they are until the transaction ends. Raises LE102, LE103, LE109, LE421, LE501.';

-- Who has no key of the controller's cannot tell from a mark whether a row that they guess is in the plan.
create or replace function lethe_private.plan_mark(rows lethe_private.reached_row[], controller lethe.controllers)
  returns text
  language sql
  stable
begin atomic
  select k.version || ':' || encode(lethe.keyed_hash(coalesce((
      select string_agg(x.line, E'\n' order by x.line collate "C")
      from (
        select concat_ws(' ', r.table_id, coalesce(r.mirror_id, 0), length(r.key), r.key, r.decision,
          coalesce(array_to_string(r.cut, ','), '-'), coalesce(to_char(r.until, 'YYYY-MM-DD'), '-')) as line
        from unnest(plan_mark.rows) as r
      ) as x), ''), k.inner_pad, k.outer_pad), 'hex')
  from lethe_private.controller_keys as k
  where k.controller_id = controller.id
  order by k.version desc
  limit 1;
end;

comment on function lethe_private.plan_mark(lethe_private.reached_row[], lethe.controllers) is
  'A keyed hash of which rows a plan reaches and what it does with each.';
--! EndIncluded lethe_private/plan_rows.sql
--! Included lethe_private/refuse_plan.sql
-- Why a plan cannot be carried out as it is, all reasons at once, each by name: {"code", "object", "sentence", "hint",
-- "rows"}. Not one of them quotes a row. Here: what does not take a look at other people's rows; for that see plan_neighbours.sql.

create or replace function lethe_private.refusal(code text, object text, sentence text, hint text, rows bigint)
  returns jsonb
  language sql
  immutable
return jsonb_build_object('code', code, 'object', object, 'sentence', sentence, 'hint', hint, 'rows', rows);

comment on function lethe_private.refusal(text, text, text, text, bigint) is 'One reason why a plan cannot be carried out.';

-- What the execution would say, said before anybody approves: a column for which no stand-in is known, one at a time.
create or replace function lethe_private.refuse_tombs(managed lethe.managed_tables, controller lethe.controllers, rows bigint)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_sentence text;
  v_hint text;
begin
  perform from lethe_private.erased_columns(managed, controller);
  return null;
exception when sqlstate 'LE437' then
  get stacked diagnostics v_sentence = message_text, v_hint = pg_exception_hint;
  return lethe_private.refusal('LE437', lethe_private.plain_name(managed), v_sentence, v_hint, rows);
end
$$;

comment on function lethe_private.refuse_tombs(lethe.managed_tables, lethe.controllers, bigint) is
  'Why rows of a table cannot stay without their person; null where they can.';

create or replace function lethe_private.refuse_plan(rows lethe_private.reached_row[], controller lethe.controllers)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys lethe_private.erasure_references[] := lethe_private.references_of_people();
begin
  return (
    with tables as materialized (
      select r.table_id, t as managed, m.relation, lethe_private.host_name(m.relation) as name,
        count(*) as rows,
        count(*) filter (where r.decision = 'purge') as purged,
        count(*) filter (where r.decision in ('cut', 'anonymize')) as changed,
        bool_or(r.decision = 'anonymize' and r.cut is null) as has_tombs,
        count(*) filter (where r.decision = 'anonymize' and r.cut is null) as tombs
      from unnest(refuse_plan.rows) as r
      join lethe.managed_tables as t on t.id = r.table_id
      join lethe_private.managed_relations as m on m.table_id = r.table_id
      where r.mirror_id is null
      group by r.table_id, t, m.relation
    ), cut as materialized (
      select t.relation, t.name, t.managed, c.name as column_name, r.decision, h.not_null, h.position, count(*) as rows
      from unnest(refuse_plan.rows) as r
      cross join unnest(r.cut) as c (name)
      join tables as t on t.table_id = r.table_id
      join lethe_private.host_columns as h on h.relation = t.relation and h.name = c.name
      where r.mirror_id is null
      group by t.relation, t.name, t.managed, c.name, r.decision, h.not_null, h.position
    ), named_by as materialized (
      select r.link_id, count(*) as rows
      from unnest(refuse_plan.rows) as r
      where r.mirror_id is null and r.decision = 'stay' and r.kind in ('share', 'mention')
      group by r.link_id
    ), in_keys as materialized (
      -- A reference by value that is part of the key: nothing else could stand there.
      select lethe_private.host_name(m.relation) as name, l.columns, n.rows, lethe_private.cutting(l, v_keys) as how
      from named_by as n
      join lethe.links as l on l.id = n.link_id
      join lethe_private.managed_relations as m on m.table_id = l.table_id
    ), written as (
      select c.relation, c.column_name, c.position from cut as c
      union
      select t.relation, h.name, h.position
      from tables as t
      join lethe.managed_columns as m on m.table_id = t.table_id and lethe_private.is_personal(m.category)
      join lethe_private.host_columns as h on h.relation = t.relation and h.name = m.column_name
      where t.has_tombs and not h.is_generated and h.name <> all ((t.managed).key_columns)
    ), rights as (
      select t.name, t.rows, concat_ws(', ',
          case when t.purged > 0 and not has_table_privilege('lethe_sweeper', t.relation, 'delete') then 'delete' end,
          case when not has_any_column_privilege('lethe_sweeper', t.relation, 'update') then format('update (%s)', coalesce(
            (select string_agg(quote_ident(w.column_name), ', ' order by w.position) from written as w where w.relation = t.relation), quote_ident((t.managed).key_columns[1])))
          else (select format('update (%s)', string_agg(quote_ident(w.column_name), ', ' order by w.position)) from written as w
                where w.relation = t.relation and not has_column_privilege('lethe_sweeper', t.relation, w.position, 'update') having count(*) > 0) end) as missing
      from tables as t
    ), found as (
      select 1 as n, c.name || c.column_name as o, lethe_private.refusal('LE424', format('%s.%I', c.name, c.column_name),
        format('column %I of %s names the person, is NOT NULL and has no method by which it could be replaced', c.column_name, c.name),
        format('give it a rule with a method: select lethe.set_rule(%L, ''anonymize'', …, %L, method => …)', c.name, c.column_name), c.rows) as refusal
      from cut as c
      where c.decision = 'anonymize' and c.not_null and not exists (
        select from lethe.rules as u join lethe.terms as x on x.rule_id = u.id
        where u.table_id = (c.managed).id and u.column_name = c.column_name and x.method is not null
          and (x.controller_id is null or x.controller_id = controller.id))
      union all
      select 1, k.name, lethe_private.refusal('LE424', k.name,
        format('%s of %s names the person and is part of the key', (select string_agg(quote_ident(x), ', ') from unnest(k.columns) as x), k.name),
        'declare the rows own, if they are about this person alone', k.rows)
      from in_keys as k where k.how = '{"replace": []}'
      union all
      select 1, t.name, x.refusal
      from tables as t cross join lateral lethe_private.refuse_tombs(t.managed, controller, t.tombs) as x (refusal)
      where t.has_tombs and x.refusal is not null
      union all
      select 2, x.name, lethe_private.refusal('LE425', x.name, format('lethe_sweeper may not do to %s what the plan says', x.name),
        format('grant %s on %s to lethe_sweeper', x.missing, x.name), x.rows)
      from rights as x where x.missing <> ''
      union all
      select 3, t.name || w.rulename, lethe_private.refusal('LE426', t.name,
        format('rewrite rule %I of %s would stand between a %s and its rows', w.rulename, t.name, case w.ev_type when '4' then 'DELETE' else 'UPDATE' end),
        format('alter table %s disable rule %I, or drop it', t.name, w.rulename), case w.ev_type when '4' then t.purged else t.changed end)
      from tables as t
      join pg_catalog.pg_rewrite as w on w.ev_class = t.relation and w.ev_enabled in ('O', 'A')
      where w.ev_type = '4' and t.purged > 0 or w.ev_type = '2' and t.changed > 0
    )
    select coalesce(jsonb_agg(f.refusal order by f.n, f.o collate "C"), '[]') from found as f);
end
$$;

comment on function lethe_private.refuse_plan(lethe_private.reached_row[], lethe.controllers) is
  'Why decided rows cannot be treated as decided: no method, no right, a rewrite rule in between.';
--! EndIncluded lethe_private/refuse_plan.sql
--! Included lethe_private/plan_neighbours.sql
-- Other people's rows that refer to what an erasure reaches, found along every foreign key and link that leads there:
--
--   through a link, and not reached: they are another controller's                             refused, LE422
--   through a foreign key that no link declares, to rows that would be deleted                 refused, LE423
--   through a link that is declared "ignore": they stay, and their parent with them            told
create or replace function lethe_private.plan_neighbours(rows lethe_private.reached_row[], type lethe.subject_types)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_keys lethe_private.erasure_references[] := lethe_private.references_of_people();
  v_links lethe.links[] := array(select l from lethe_private.erasure_links(type) as l);
  v_asked jsonb := lethe_private.plan_positions(rows);
  v_way record;
  v_positions int[];
  v_found jsonb;
  v_refusals jsonb := '[]';
  v_near jsonb := '[]';
begin
  for v_way in
    select t as managed, w.columns, w.other, lethe_private.host_name(w.other) as name, w.other_columns, w.kind, w.foreign_key, w.on_delete, w.constraint_id,
      (select string_agg(quote_ident(x), ', ') from unnest(w.other_columns) as x) as described
    from (
      select l.to_table_id as table_id, l.to_columns as columns, m.relation as other, l.columns as other_columns, l.kind,
        null as foreign_key, null as on_delete, null::oid as constraint_id
      from unnest(v_links) as l
      join lethe_private.managed_relations as m on m.table_id = l.table_id
      union all
      select f.parent_id, f.parent_columns, f.child, f.child_columns, 'undeclared', f.foreign_key, f.on_delete::text, f.constraint_id
      from unnest(v_keys) as f
      where not exists (
        select from unnest(v_links) as l
        where l.table_id = f.child_id and l.to_table_id = f.parent_id and l.columns @> f.child_columns and l.columns <@ f.child_columns)
    ) as w
    join lethe.managed_tables as t on t.id = w.table_id
    where v_asked ? w.table_id::text
    order by 4, 8
  loop
    v_positions := array(
      select n::int from jsonb_array_elements_text(v_asked -> (v_way.managed).id::text -> case v_way.kind when 'undeclared' then 'gone' else 'theirs' end) as n);
    continue when v_positions = '{}';
    v_found := lethe_private.outside(rows, v_positions, v_way.managed, v_way.columns, v_way.other, v_way.other_columns);
    continue when v_found ->> 'rows' = '0';
    if v_found ->> 'rows' is null then
      v_refusals := v_refusals || lethe_private.refusal('LE425', v_way.name,
        format('lethe_sweeper may not look at %s, which refers to rows of the plan', v_way.name),
        format('grant select on %s to lethe_sweeper', v_way.name), null);
    elsif v_way.kind = 'ignore' then
      v_near := v_near || jsonb_build_object('table', v_way.name, 'rows', v_found -> 'rows', 'why', 'refer to the person, by a link that is ignored');
    elsif v_way.kind = 'undeclared' then
      v_refusals := v_refusals || lethe_private.refusal('LE423', format('%s(%s)', v_way.name, v_way.described),
          lethe_private.undeclared_sentence(v_way.foreign_key, v_way.on_delete, v_way.name, (v_found ->> 'rows')::bigint, v_way.managed),
          'declare what these rows are to the person: own, share, mention or ignore', (v_found ->> 'rows')::bigint)
        || lethe_private.refuse_cascades(rows, v_positions, v_way.managed, v_way.constraint_id);
    else
      v_refusals := v_refusals || lethe_private.refusal('LE422', format('%s(%s)', v_way.name, v_way.described),
        format('%s rows of %s belong to another controller and refer to rows of this person', v_found ->> 'rows', v_way.name),
        'correct the reference or the controller of these rows', (v_found ->> 'rows')::bigint);
    end if;
  end loop;
  return jsonb_build_object('refusals', v_refusals, 'near', v_near);
end
$$;

comment on function lethe_private.plan_neighbours(lethe_private.reached_row[], lethe.subject_types) is
  'Rows that refer to those of a plan and are not in it: {"refusals": those that forbid it, "near": those that stay}.';

create or replace function lethe_private.plan_positions(rows lethe_private.reached_row[])
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_object_agg(x.table_id, jsonb_build_object('gone', x.gone, 'theirs', x.theirs)), '{}')
  from (
    select r.table_id,
      coalesce(jsonb_agg(r.n) filter (where r.decision = 'purge' and r.mirror_id is null), '[]') as gone,
      coalesce(jsonb_agg(r.n) filter (where r.decision in ('purge', 'retain') or r.decision = 'anonymize' and r.cut is null), '[]') as theirs
    from unnest(plan_positions.rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    group by r.table_id
  ) as x;
end;

comment on function lethe_private.plan_positions(lethe_private.reached_row[]) is
  'By table, the rows that would be deleted and those that are the person''s: {table: {"gone", "theirs": [position]}}.';

create or replace function lethe_private.undeclared_sentence(foreign_key text, on_delete text, child text, rows bigint, parent lethe.managed_tables)
  returns text
  language sql
  stable
return format(case on_delete
    when 'c' then 'foreign key %I would delete %s rows of %s along with those of %s, and they may be somebody else''s'
    when 'n' then 'foreign key %I would empty the reference of %s rows of %s to %s, which may be somebody else''s'
    when 'd' then 'foreign key %I would change the reference of %s rows of %s to %s, which may be somebody else''s'
    else 'foreign key %I keeps rows from being deleted: %s rows of %s refer to %s, and no link says what they are' end,
  foreign_key, rows, child, lethe_private.plain_name(parent));

comment on function lethe_private.undeclared_sentence(text, text, text, bigint, lethe.managed_tables) is
  'What PostgreSQL would do with rows that no link declares.';

-- What would go with rows that go by a cascade that nobody declared, at any distance: table by table, each once, and
-- only where the one before has rows. Row c<depth> of a table is one that would be deleted.
create or replace function lethe_private.refuse_cascades(
  rows lethe_private.reached_row[], positions int[], managed lethe.managed_tables, first_key oid
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_first lethe_private.erasure_references;
  v_known jsonb;
  v_tables oid[];
  v_conditions text[];
  v_depths int[];
  v_way lethe_private.erasure_references;
  v_condition text;
  v_rows bigint;
  v_refusals jsonb := '[]';
  i int := 1;
begin
  select f.* into v_first from lethe_private.erasure_references as f where f.constraint_id = first_key;
  if v_first.on_delete <> 'c' then
    return v_refusals;
  end if;
  v_known := lethe_private.known_at(rows, positions, v_first.parent_columns, v_first.parent_columns);
  v_tables := array[v_first.child];
  v_depths := array[1];
  v_conditions := array[format('exists (select from %s where %s)', lethe_private.known_rows_sql(v_oid, v_first.parent_columns),
    lethe_private.reference_sql('c1', v_first.child_columns, 'p', v_first.parent_columns))];
  while i <= cardinality(v_tables) loop
    for v_way in select f.* from lethe_private.erasure_references as f where f.parent = v_tables[i] order by f.child, f.foreign_key loop
      v_condition := format('exists (select from %s as c%s where %s and %s)', lethe_private.host_name(v_tables[i]), v_depths[i],
        lethe_private.reference_sql('c' || v_depths[i] + 1, v_way.child_columns, 'c' || v_depths[i], v_way.parent_columns), v_conditions[i]);
      v_rows := lethe_private.count_outside(rows, v_known, managed, v_way.child, v_way.child_id, 'c' || v_depths[i] + 1, v_condition);
      continue when v_rows = 0;
      v_refusals := v_refusals || lethe_private.cascade_refusal(v_way, v_rows);
      if v_way.on_delete = 'c' and v_rows is not null and v_way.child <> all (v_tables) then
        v_tables := v_tables || v_way.child;
        v_depths := v_depths || v_depths[i] + 1;
        v_conditions := v_conditions || v_condition;
      end if;
    end loop;
    i := i + 1;
  end loop;
  return v_refusals;
end
$$;

comment on function lethe_private.refuse_cascades(lethe_private.reached_row[], int[], lethe.managed_tables, oid) is
  'What cascades that no link declares would reach beyond the first table.';

create or replace function lethe_private.cascade_refusal(way lethe_private.erasure_references, rows bigint)
  returns jsonb
  language sql
  stable
return case when rows is null
  then lethe_private.refusal('LE425', lethe_private.host_name(way.child),
    format('lethe_sweeper may not look at %s, where a chain of cascades leads', lethe_private.host_name(way.child)),
    format('grant select on %s to lethe_sweeper', lethe_private.host_name(way.child)), null)
  else lethe_private.refusal('LE423', format('%s(%s)', lethe_private.host_name(way.child), (select string_agg(quote_ident(x), ', ') from unnest(way.child_columns) as x)),
    format(case way.on_delete when 'c' then 'at the end of a chain of cascades, foreign key %I would delete %s rows of %s along with those of %s'
      when 'n' then 'at the end of a chain of cascades, foreign key %I would empty the reference of %s rows of %s to %s'
      when 'd' then 'at the end of a chain of cascades, foreign key %I would change the reference of %s rows of %s to %s'
      else 'at the end of a chain of cascades, foreign key %I keeps rows from being deleted: %s rows of %s refer to %s' end,
      way.foreign_key, rows, lethe_private.host_name(way.child), lethe_private.host_name(way.parent)),
    'declare what the rows between are to the person', rows) end;

comment on function lethe_private.cascade_refusal(lethe_private.erasure_references, bigint) is 'What a cascade would do at some distance.';

create or replace function lethe_private.count_outside(
  rows lethe_private.reached_row[], known jsonb, managed lethe.managed_tables, relation oid, table_id int, alias text, condition text
)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys text;
  v_facts jsonb;
begin
  if not lethe_private.is_readable(relation) then
    return null;
  end if;
  select format(' and %s not in (select jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb -> ''keys''))',
      lethe_private.key_sql(alias, count_outside.relation, t.key_columns)) into v_keys
  from lethe.managed_tables as t where t.id = count_outside.table_id;
  select r.facts into v_facts from lethe_private.run_as_sweeper(
    format('select to_jsonb(count(*)), null::oid, null::tid[] from %s as %s where %s%s', lethe_private.host_name(relation), alias, condition, coalesce(v_keys, '')),
    managed, null, convert_to(jsonb_build_object('rows', known, 'keys', (
      select coalesce(jsonb_agg(r.key), '[]') from unnest(rows) as r where r.table_id = count_outside.table_id and r.mirror_id is null))::text, 'UTF8')) as r;
  return v_facts::bigint;
end
$$;

comment on function lethe_private.count_outside(lethe_private.reached_row[], jsonb, lethe.managed_tables, oid, int, text, text) is
  'How many rows of a table satisfy a condition and were not reached; null where lethe_sweeper may not look.';
--! EndIncluded lethe_private/plan_neighbours.sql
--! Included lethe_private/plan_delays.sql
-- The holds that keep an erasure from being done: those on a row that it would delete or change. What it leaves as it is
-- they do not concern.
create or replace function lethe_private.plan_delays(rows lethe_private.reached_row[])
  returns int[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_mirror lethe_private.mirrors;
  v_holds int[];
  v_facts jsonb;
  v_all jsonb := '[]';
begin
  for v_managed in
    select t.* from lethe.managed_tables as t
    where t.id in (select r.table_id from unnest(rows) as r where r.decision in ('purge', 'anonymize', 'cut'))
  loop
    v_holds := array(select h from lethe_private.holds_touching(v_managed.id) as h);
    continue when v_holds = '{}';
    v_all := v_all || lethe_private.live_holds(array(
        select r from unnest(rows) as r
        where r.table_id = v_managed.id and r.mirror_id is null and r.decision in ('purge', 'anonymize', 'cut')), v_managed, v_holds)
      || (select coalesce(jsonb_agg(distinct k.hold_id), '[]')
          from lethe_private.held_keys as k
          join unnest(rows) as r on r.table_id = k.table_id and (k.key is null or k.key = r.key)
          where k.table_id = v_managed.id and k.hold_id = any (v_holds) and r.mirror_id is not null and r.decision in ('purge', 'cut'));
    for v_mirror in
      select m.* from lethe_private.mirrors as m
      where m.id in (select r.mirror_id from unnest(rows) as r where r.table_id = v_managed.id and r.decision in ('purge', 'cut'))
        and exists (select from lethe_private.held_conditions as c where c.table_id = v_managed.id and c.hold_id = any (v_holds))
    loop
      select r.facts into v_facts from lethe_private.run_on_archive((
        select format('select coalesce(jsonb_agg(distinct h.id) filter (where h.id is not null), ''[]''), null::oid, null::tid[] from lethe_archive.%I as c '
            'join %s on c."lethe$key" = p."lethe$key" cross join lateral (values %s) as h (id)',
          v_mirror.name, lethe_private.known_rows_sql(lethe_private.host_table('lethe_archive', v_mirror.name), array['lethe$key']),
          string_agg(format('(case when exists (select from (select c.*) as h0 where %s) then %s end)',
            concat_ws(' and ', 'h0."lethe$controller" = ' || h.controller_id, '(' || lethe_private.archived_answer(v_mirror, c.condition) || ')'), h.id), ', '))
        from lethe_private.held_conditions as c
        join lethe.holds as h on h.id = c.hold_id
        where c.table_id = v_managed.id and c.hold_id = any (v_holds)), null,
        (select convert_to(jsonb_build_object('rows', jsonb_agg(jsonb_build_object('lethe$key', r.key)))::text, 'UTF8')
         from unnest(rows) as r where r.mirror_id = v_mirror.id and r.decision in ('purge', 'cut'))) as r;
      v_all := v_all || v_facts;
    end loop;
  end loop;
  return array(select distinct h::int from jsonb_array_elements_text(v_all) as h order by 1);
end
$$;

comment on function lethe_private.plan_delays(lethe_private.reached_row[]) is 'Holds in force on rows that a plan would delete or change.';

create or replace function lethe_private.live_holds(rows lethe_private.reached_row[], managed lethe.managed_tables, holds int[])
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_facts jsonb;
begin
  if rows = '{}' then
    return '[]';
  end if;
  select r.facts into v_facts from lethe_private.run_as_sweeper(
    format('select coalesce(jsonb_agg(distinct h.id) filter (where h.id is not null), ''[]''), null::oid, null::tid[] from %s join %s as c on %s cross join lateral (values %s) as h (id)',
      lethe_private.known_rows_sql(v_oid, managed.key_columns), lethe_private.host_name(v_oid),
      lethe_private.matches_sql(v_oid, managed.key_columns, v_oid, managed.key_columns),
      (select string_agg(format('(case when %s then %s end)', lethe_private.held_by_sql('c', managed, v_oid, array[h]), h), ', ') from unnest(holds) as h)),
    managed, null, lethe_private.known_rows(rows, managed.key_columns)) as r;
  return v_facts;
end
$$;

comment on function lethe_private.live_holds(lethe_private.reached_row[], lethe.managed_tables, int[]) is 'Which of these holds reach live rows of one table.';
--! EndIncluded lethe_private/plan_delays.sql
--! Included lethe/plan_request.sql
-- What an erasure would do, written down for an officer to read and agree to. Nothing is changed. Before it is done it is
-- worked out again, and asked again if it has changed.
create or replace function lethe.plan_request(request bigint)
  returns jsonb
  language plpgsql
  volatile
  security definer  -- reads the person's keys, and the archive, which nobody else may
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
  v_controller lethe.controllers;
  v_rows lethe_private.reached_row[];
begin
  if v_request.kind <> 'erasure' then
    raise exception using errcode = 'LE427',
      message = format('request %s is one of %s, and has no plan', v_request.id, v_request.kind),
      hint = 'only an erasure is planned; the others are approved at once';
  end if;
  v_request := lethe_private.move_request(v_request, 'planned');
  perform lethe_private.keep_identifiers(v_request.id);
  select c.* into v_controller from lethe.controllers as c where c.id = v_request.controller_id;
  v_rows := lethe_private.plan_rows(v_request, false);
  update lethe.requests as r
  set plan = lethe_private.plan_document(v_rows, v_request, v_controller),
      plan_mark = lethe_private.plan_mark(v_rows, v_controller),
      planned_at = clock_timestamp()
  where r.id = v_request.id
  returning r.* into v_request;
  return v_request.plan;
end
$$;

comment on function lethe.plan_request(bigint) is
  'Plans an erasure and returns what it would do, table by table. Raises LE102, LE103, LE109, LE114, LE411, LE421, LE427, LE501, LE502.';

-- Counts and names of tables and columns: no key, no value.
create or replace function lethe_private.plan_document(rows lethe_private.reached_row[], request lethe.requests, controller lethe.controllers)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
  v_neighbours jsonb;
begin
  select t.* into v_type from lethe.subject_types as t where t.name = request.subject;
  v_neighbours := lethe_private.plan_neighbours(rows, v_type);
  return jsonb_build_object(
    'format', 1,
    'day', to_char(lethe_private.today(controller.time_zone), 'YYYY-MM-DD'),
    'tables', lethe_private.plan_tables(rows),
    'near', lethe_private.plan_near(rows) || (v_neighbours -> 'near'),
    'refusals', (v_neighbours -> 'refusals') || lethe_private.refuse_plan(rows, controller),
    'delayed_by', to_jsonb(lethe_private.plan_delays(rows)),
    'totals', lethe_private.plan_totals(rows),
    'unclassified', lethe_private.plan_unclassified(rows));
end
$$;

comment on function lethe_private.plan_document(lethe_private.reached_row[], lethe.requests, lethe.controllers) is
  'A plan as an officer reads it.';

create or replace function lethe_private.plan_tables(rows lethe_private.reached_row[])
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object(
      'table', x.name, 'place', x.place, 'kind', x.kind, 'decision', x.decision, 'rows', x.rows, 'basis', x.basis,
      'until', to_char(x.until, 'YYYY-MM-DD'), 'columns', x.columns, 'because', x.because)
    order by x.name collate "C", x.place desc, x.decision, x.kind, x.until, x.columns, x.because), '[]')
  from (
    select lethe_private.plain_name(t) as name, case when r.mirror_id is null then 'live' else 'archive' end as place,
      r.kind, r.decision, r.basis, r.until, r.because, count(*) as rows,
      coalesce(to_jsonb(r.cut), case when r.decision = 'anonymize' then (
        select coalesce(jsonb_agg(m.column_name order by m.column_name collate "C"), '[]')
        from lethe.managed_columns as m
        where m.table_id = t.id and lethe_private.is_personal(m.category) and m.column_name <> all (t.key_columns)) end, '[]') as columns
    from unnest(plan_tables.rows) as r
    join lethe.managed_tables as t on t.id = r.table_id
    where r.decision <> 'stay'
    group by t.*, t.id, t.key_columns, 2, r.kind, r.decision, r.basis, r.until, r.because, r.cut
  ) as x;
end;

comment on function lethe_private.plan_tables(lethe_private.reached_row[]) is 'What a plan does, table by table.';

create or replace function lethe_private.plan_near(rows lethe_private.reached_row[])
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object('table', x.name, 'rows', x.rows, 'why', x.because) order by x.name collate "C", x.because), '[]')
  from (
    select lethe_private.plain_name(t) as name, r.because, count(*) as rows
    from unnest(plan_near.rows) as r
    join lethe.managed_tables as t on t.id = r.table_id
    where r.decision = 'stay' or r.decision = 'cut' or r.cut is not null
    group by t.*, r.because
  ) as x;
end;

comment on function lethe_private.plan_near(lethe_private.reached_row[]) is 'Other people''s rows that a plan comes near.';

create or replace function lethe_private.plan_totals(rows lethe_private.reached_row[])
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_build_object(
      'tables', count(distinct r.table_id) filter (where r.decision <> 'stay'),
      'rows', count(*) filter (where r.decision <> 'stay'))
    || (select coalesce(jsonb_object_agg(d.decision, d.rows), '{}')
        from (select x.decision, count(*) as rows from unnest(plan_totals.rows) as x group by x.decision) as d)
  from unnest(plan_totals.rows) as r;
end;

comment on function lethe_private.plan_totals(lethe_private.reached_row[]) is
  'How many rows in how many tables a plan acts on or keeps, and how many of each decision.';

create or replace function lethe_private.plan_unclassified(rows lethe_private.reached_row[])
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys lethe_private.erasure_references[] := lethe_private.references_of_people();
begin
  return (
    select coalesce(jsonb_agg(format('%s.%I', lethe_private.plain_name(t), h.name) order by lethe_private.plain_name(t) collate "C", h.position), '[]')
    from lethe.managed_tables as t
    join lethe_private.managed_relations as m on m.table_id = t.id
    join lethe_private.host_columns as h on h.relation = m.relation
    where t.id in (select r.table_id from unnest(plan_unclassified.rows) as r where r.decision <> 'stay')
      and h.name <> all (t.key_columns) and h.name is distinct from t.controller_column and not h.is_generated
      and (t.id, h.name) not in (select f.child_id, c from unnest(v_keys) as f cross join unnest(f.child_columns) as c where f.child_id is not null)
      and not exists (select from lethe.managed_columns as c where c.table_id = t.id and c.column_name = h.name and c.category is not null)
      and not exists (select from lethe.rules as u where u.table_id = t.id and u.column_name = h.name));
end
$$;

comment on function lethe_private.plan_unclassified(lethe_private.reached_row[]) is
  'Columns of a plan''s tables of which the policy does not say what they hold.';
--! EndIncluded lethe/plan_request.sql
--! Included lethe_private/erased_columns.sql
-- What a row loses when it stays while its person is forgotten: every column with a category that can tell of a person, and
-- every column with a rule. Not the key, nor what foreign keys on either side rest on; generated columns follow by themselves.
--
-- How: by the method that the column's own rule uses; else it becomes null; else, where null is not allowed, a
-- stand-in of the column's type. test says of the result that it is one (alias c); a keyed method takes the key as $2, $3.
create or replace function lethe_private.erased_columns(managed lethe.managed_tables, controller lethe.controllers, only_these text[] default null)
  returns table (column_name text, new_value text, test text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_column lethe_private.host_columns;
  v_term lethe.terms;
  v_method lethe.methods;
begin
  for v_column in
    select h.*
    from lethe_private.host_columns as h
    left join lethe.managed_columns as m on m.table_id = managed.id and m.column_name = h.name
    where h.relation = v_oid and (only_these is null or h.name = any (only_these)) and not h.is_generated and not h.is_identity
      and h.name <> all (managed.key_columns) and h.name is distinct from managed.controller_column
      and (m.category in ('direct identifier', 'contact', 'quasi-identifier', 'special category', 'content')
        or exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name = h.name and r.action <> 'minimum'))
      and not exists (
        select from lethe_private.host_references as f
        where f.child = v_oid and h.name = any (f.child_columns) or f.parent = v_oid and h.name = any (f.parent_columns))
    order by h.position
  loop
    select t.* into v_term
    from lethe_private.effective_terms(managed.id, controller.id) as t
    join lethe.rules as r on r.id = t.rule_id and r.column_name = v_column.name and r.action in ('anonymize', 'archive')
    order by r.action, t.id
    limit 1;
    select m.* into v_method from lethe.methods as m where m.name = v_term.method;
    column_name := v_column.name;
    if v_method.name is not null then
      new_value := format('(%s)::%s', lethe_private.method_sql(v_method.mask, 'c', v_column, v_method, v_term.parameters), v_column.type);
      test := format('coalesce(%s, c.%I is null)', lethe_private.method_sql(v_method.recogniser, 'c', v_column, v_method, v_term.parameters), v_column.name);
    elsif not v_column.not_null then
      new_value := 'null';
      test := format('c.%I is null', v_column.name);
    else
      select s.new_value, s.test into new_value, test from lethe_private.stand_in(v_column) as s;
      if new_value is null then
        raise exception using errcode = 'LE437',
          message = format('column %I of %s may not be null, and nothing is known that could stand in its place', v_column.name, lethe_private.plain_name(managed)),
          hint = format('give it a rule with a method that fits: select lethe.set_rule(%L, ''anonymize'', …, %L, method => …)', lethe_private.plain_name(managed), v_column.name);
      end if;
    end if;
    return next;
  end loop;
end
$$;

comment on function lethe_private.erased_columns(lethe.managed_tables, lethe.controllers, text[]) is
  'What becomes of the columns (all of them, or of these alone) of a row that stays without its person. Raises LE437.';

-- Unique columns need a value of their own for each row, which only a keyed pseudonym gives.
create or replace function lethe_private.stand_in(column_facts lethe_private.host_columns, out new_value text, out test text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := format('c.%I', column_facts.name);
  v_text text := case when column_facts.type_name = 'text' then v_name else v_name || '::text' end;
  v_length text := coalesce(column_facts.length::text, 'null::int');
  v_unique boolean := exists (
    select from pg_index as i where i.indrelid = column_facts.relation and i.indisunique and column_facts.position = any (i.indkey::int2[]));
  v_constant text;
begin
  if column_facts.type_category = 'S' and column_facts.type_name in ('text', 'varchar', 'bpchar', 'citext') then
    if not v_unique and coalesce(column_facts.length, 27) < 27 then
      v_constant := quote_literal('-');
    else
      -- What looks like an e-mail address goes on looking like one: a CHECK may ask for that.
      new_value := format('case when %1$s like ''%%_@_%%'' and coalesce(%2$s, 99) >= 39 then lethe.pseudonym_email(%1$s, $2, $3, %2$s) else lethe.pseudonym(%1$s, $2, $3, %2$s) end',
        v_text, v_length);
      test := format('(lethe.is_pseudonym_email(%1$s) or lethe.is_pseudonym(%1$s))', v_text);
      if v_unique and column_facts.length < 22 then
        new_value := null;
      end if;
    end if;
  elsif column_facts.type_name = 'uuid' then
    new_value := format('lethe.pseudonym_uuid(%s, $2, $3)', v_name);
    test := format('lethe.is_pseudonym_uuid(%s)', v_name);
  elsif column_facts.type_name = 'int8' and v_unique then
    new_value := format('lethe.pseudonym_number(%s, $2, $3)', v_name);
    test := format('lethe.is_pseudonym_number(%s)', v_name);
  elsif not v_unique then
    v_constant := case
      when column_facts.type_name in ('int2', 'int4', 'int8', 'numeric', 'float4', 'float8') then '0'
      when column_facts.type_name = 'bool' then 'false'
      when column_facts.type_name = 'date' then quote_literal('0001-01-01')
      when column_facts.type_name in ('timestamp', 'timestamptz') then quote_literal('0001-01-01 00:00:00Z')
      when column_facts.type_name = 'jsonb' then quote_literal('{}')
      when column_facts.type_name = 'bytea' then quote_literal('')
      when column_facts.type_name in ('inet', 'cidr') then quote_literal('0.0.0.0')
      when column_facts.type_category = 'A' then quote_literal('{}')
    end;
  end if;
  if v_constant is not null then
    new_value := format('%s::%s', v_constant, column_facts.base_type);
    test := format('%s = %s', v_name, new_value);
  end if;
  if new_value is not null then
    new_value := format('(%s)::%s', new_value, column_facts.type);
  end if;
end
$$;

comment on function lethe_private.stand_in(lethe_private.host_columns) is
  'SQL of what a value that may not be null is replaced by when no rule says; null where nothing fits.';
--! EndIncluded lethe_private/erased_columns.sql
--! Included lethe_private/erase_sql.sql
-- How the statements of an erasure find their rows: by key, column by column and typed, so that the key's index
-- serves. The keys come as data (as $2, or a part of it), never as text of a statement, which a log could keep.

-- from: SQL of a jsonb array of objects, read back in the types of a relation's columns. For the limit see known_rows_sql.
create or replace function lethe_private.given_sql(relation oid, columns text[], "from" text)
  returns text
  language sql
  stable
begin atomic
  select format('(select * from jsonb_to_recordset(%s) as x (%s) limit (select null::bigint)) as p', "from", string_agg(format('%I %s', h.name, h.base_type), ', ' order by h.position))
  from lethe_private.host_columns as h
  where h.relation = given_sql.relation and h.name = any (given_sql.columns);
end;

comment on function lethe_private.given_sql(oid, text[], text) is 'A FROM item: given rows as p.';

-- The rows of a table that were given, as "c".
create or replace function lethe_private.chosen_sql(managed lethe.managed_tables, relation oid, controller lethe.controllers, "from" text)
  returns text
  language sql
  stable
return format('%s where %s and %s',
  lethe_private.given_sql(relation, managed.key_columns, "from"),
  lethe_private.matches_sql(relation, managed.key_columns, relation, managed.key_columns),
  lethe_private.controller_sql('c', managed, relation, controller));

comment on function lethe_private.chosen_sql(lethe.managed_tables, oid, lethe.controllers, text) is
  'FROM and WHERE behind a table c: its rows of the given keys, the controller''s alone.';

-- Archived rows are known by all that was read of them, since one may bear the key of another.
create or replace function lethe_private.chosen_archived_sql(mirror lethe_private.mirrors, controller lethe.controllers, fact_names text[], "from" text)
  returns text
  language sql
  stable
begin atomic
  select format('(select * from jsonb_to_recordset(%s) as x ("lethe$key" text%s) limit (select null::bigint)) as p where c."lethe$controller" = %s and c."lethe$key" = p."lethe$key"%s',
    "from",
    string_agg(format(', %I %s', m.column_name, m.mirror_type), '' order by m.number),
    controller.id,
    string_agg(format(' and c.%1$I is not distinct from p.%1$I', m.column_name), '' order by m.number))
  from lethe_private.mirror_columns as m
  where m.mirror_id = mirror.id and m.column_name = any (fact_names);
end;

comment on function lethe_private.chosen_archived_sql(lethe_private.mirrors, lethe.controllers, text[], text) is
  'FROM and WHERE behind a table c of the archive: its rows as they were reached.';

-- One statement may touch several tables, and each may have declared a search path for its triggers.
create or replace function lethe_private.under_paths_of(table_ids int[])
  returns lethe.managed_tables
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = any (table_ids) order by m.id limit 1;
  select string_agg(p.search_path, ', ' order by p.first_id) into v_managed.search_path
  from (
    select m.search_path, min(m.id) as first_id from lethe.managed_tables as m
    where m.id = any (table_ids) and m.search_path is not null group by m.search_path
  ) as p;
  return v_managed;
end
$$;

comment on function lethe_private.under_paths_of(int[]) is
  'One of the tables, with the search paths declared for any of them, one behind the other.';

-- {oid: [inserts, updates, deletes]}, as lethe_private.rows_written has it.
create or replace function lethe_private.add_writes(planned jsonb, relation oid, updates bigint, deletes bigint)
  returns jsonb
  language sql
  stable
return (
  select planned || jsonb_build_object(w.oid, jsonb_build_array(0,
    coalesce((planned #>> array[w.oid::text, '1'])::bigint, 0) + updates,
    coalesce((planned #>> array[w.oid::text, '2'])::bigint, 0) + deletes))
  from (select lethe_private.whole_table(relation) as oid) as w);

comment on function lethe_private.add_writes(jsonb, oid, bigint, bigint) is 'Adds what a statement was meant to write to what is planned.';
--! EndIncluded lethe_private/erase_sql.sql
--! Included lethe_private/erase.sql
-- An erasure, once it is decided what becomes of each row: references are cut, rows that stay lose their person, and all
-- rows that go are deleted by ONE statement, so that foreign keys, in circles too, are asked at its end and a cascade
-- finds nothing left. Then it is looked at again (assert_erased.sql). Every live row comes locked.
--
-- What fails undoes the whole transaction. Errors of PostgreSQL quote rows: SQLSTATE, table and constraint are kept.
create or replace function lethe_private.erase(
  rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers, pads lethe_private.controller_keys
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_before jsonb := lethe_private.rows_written();
  v_planned jsonb := '{}';
  v_state text; v_constraint text; v_relation text; v_schema text;
begin
  begin
    v_planned := lethe_private.cut_rows(rows, controller, v_planned);
    v_planned := lethe_private.anonymize_rows(rows, controller, pads, v_planned);
    perform lethe_private.remember_leaving(rows, controller);
    v_planned := lethe_private.delete_rows(rows, controller, v_planned);
    perform lethe_private.erase_archived(rows, controller);
    perform lethe_private.forget_rows(rows, controller);
  exception
    when query_canceled then
      raise exception using errcode = 'query_canceled', message = 'canceled within an erasure, which is undone',
        hint = 'call it again; see statement_timeout if nobody canceled it';
    when others or assert_failure then
      get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name, v_schema = schema_name;
      if v_state like 'LE%' then
        raise;
      end if;
      raise exception using errcode = 'LE433',
        message = format('PostgreSQL refused the erasure (SQLSTATE %s%s%s); nothing was changed', v_state,
          ', table ' || nullif(concat_ws('.', nullif(v_schema, ''), nullif(v_relation, '')), ''), ', constraint ' || nullif(v_constraint, '')),
        constraint = v_constraint, table = v_relation, schema = v_schema,
        column = v_state,  -- what caused it, for lethe.requests.failure
        hint = case left(v_state, 2)
          when '55' then 'somebody else is at work on a row of it: try again'
          when '40' then 'somebody else is at work on a row of it: try again'
          when '23' then 'declare a link for what refers to the row, or give the column a rule with a method that fits'
          when '42' then 'select * from lethe.missing_rights() lists the grants'
          else 'a trigger or a rule of a table in its plan raised it' end;
  end;
  perform lethe_private.assert_no_side_effects(v_before, v_planned);
  perform lethe_private.assert_erased(rows, type, controller);
end
$$;

comment on function lethe_private.erase(lethe_private.reached_row[], lethe.subject_types, lethe.controllers, lethe_private.controller_keys) is
  'Does to every row what was decided of it, and reads it again. Raises LE433 to LE437, LE504.';

create or replace function lethe_private.cut_rows(rows lethe_private.reached_row[], controller lethe.controllers, planned jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_group record;
  v_managed lethe.managed_tables;
  v_oid oid;
  v_facts jsonb;
begin
  for v_group in
    select r.table_id, r.cut, jsonb_agg(r.facts) as given
    from unnest(rows) as r
    where r.mirror_id is null and r.decision not in ('purge', 'anonymize') and cardinality(r.cut) > 0
    group by r.table_id, r.cut
    order by r.table_id, r.cut
  loop
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_group.table_id;
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    select r.facts into v_facts from lethe_private.run_as_sweeper(format(
        'with acted as (update %s as c set %s from %s returning 1) select to_jsonb(count(*)), null::oid, null::tid[] from acted',
        lethe_private.host_name(v_oid), (select string_agg(format('%I = null', x), ', ') from unnest(v_group.cut) as x),
        lethe_private.chosen_sql(v_managed, v_oid, controller, 'convert_from($2, ''UTF8'')::jsonb')),
      v_managed, null, convert_to(v_group.given::text, 'UTF8')) as r;
    perform lethe_private.assert_no_more(v_oid, v_facts::bigint, jsonb_array_length(v_group.given));
    planned := lethe_private.add_writes(planned, v_oid, v_facts::bigint, 0);
  end loop;
  return planned;
end
$$;

comment on function lethe_private.cut_rows(lethe_private.reached_row[], lethe.controllers, jsonb) is
  'Sets to null, in rows of others, what refers to the person.';

-- By address, since a keyed method takes both parameters that could hold keys: the rows are locked, so addresses hold.
create or replace function lethe_private.anonymize_rows(
  rows lethe_private.reached_row[], controller lethe.controllers, pads lethe_private.controller_keys, planned jsonb
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_group record;
  v_managed lethe.managed_tables;
  v_oid oid;
  v_set text;
  v_left text;
  v_place record;
  v_rows bigint;
  v_facts jsonb;
begin
  for v_group in
    select r.table_id, r.cut, jsonb_agg(r.facts) as given
    from unnest(rows) as r
    where r.mirror_id is null and r.decision = 'anonymize'
    group by r.table_id, r.cut
    order by r.table_id, r.cut
  loop
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_group.table_id;
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    select string_agg(format('%I = %s', e.column_name, e.new_value), ', '), string_agg(format('(%s) is not true', e.test), ' or ')
      into v_set, v_left
    from lethe_private.erased_columns(v_managed, controller, v_group.cut) as e;
    continue when v_set is null;
    v_rows := 0;
    for v_place in
      select r.target, r.found_tids as tids from lethe_private.run_as_sweeper(format(
          'select null::jsonb, c.tableoid, array_agg(c.ctid) from %s as c, %s group by c.tableoid',
          lethe_private.host_name(v_oid), lethe_private.chosen_sql(v_managed, v_oid, controller, 'convert_from($2, ''UTF8'')::jsonb')),
        v_managed, null, convert_to(v_group.given::text, 'UTF8')) as r
    loop
      select r.facts into v_facts from lethe_private.run_as_sweeper(lethe_private.place(format(
          'with acted as (update {from} as c set %s where c.ctid = any ($1){here} and (%s) returning 1) select to_jsonb(count(*)), null::oid, null::tid[] from acted',
          v_set, v_left), v_oid, v_place.target),
        v_managed, v_place.tids, pads.inner_pad, pads.outer_pad) as r;
      v_rows := v_rows + cardinality(v_place.tids);
      perform lethe_private.assert_no_more(v_oid, v_rows, jsonb_array_length(v_group.given));
      planned := lethe_private.add_writes(planned, v_oid, v_facts::bigint, 0);
    end loop;
  end loop;
  return planned;
end
$$;

comment on function lethe_private.anonymize_rows(lethe_private.reached_row[], lethe.controllers, lethe_private.controller_keys, jsonb) is
  'Takes the person out of rows that stay.';

-- No key is shared within a table, but tables that inherit from one have keys of their own.
create or replace function lethe_private.assert_no_more(relation oid, rows bigint, planned bigint)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if rows > planned then
    raise exception using errcode = 'LE434', table = lethe_private.host_name(relation),
      message = format('the erasure reached rows outside its plan: %s and a table that inherits from it have rows of one key (%s more); nothing was changed',
        lethe_private.host_name(relation), rows - planned),
      hint = 'give these rows keys of their own, or manage the tables apart';
  end if;
end
$$;

comment on function lethe_private.assert_no_more(oid, bigint, bigint) is 'Raises LE434 where more rows bear the keys of a plan than it has.';

-- {table id: [facts]} of the live rows with a decision. json, which is text: building a large jsonb object takes many
-- times as long.
create or replace function lethe_private.given_rows(rows lethe_private.reached_row[], decision text)
  returns json
  language sql
  stable
begin atomic
  select coalesce(json_object_agg(x.table_id, x.given), '{}')
  from (
    select r.table_id, json_agg(r.facts) as given
    from unnest(rows) as r
    where r.mirror_id is null and r.decision = given_rows.decision
    group by r.table_id
  ) as x;
end;

comment on function lethe_private.given_rows(lethe_private.reached_row[], text) is 'The live rows of which something was decided, as data for a statement.';

create or replace function lethe_private.delete_rows(rows lethe_private.reached_row[], controller lethe.controllers, planned jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_given json := lethe_private.given_rows(rows, 'purge');
  v_tables int[] := array(select t::int from json_object_keys(v_given) as t order by t::int);
  v_statement text;
  v_facts jsonb;
  v_oid oid;
begin
  if v_tables = '{}' then
    return planned;
  end if;
  select format(E'with given as materialized (select convert_from($2, ''UTF8'')::jsonb as rows), %s\nselect %s, null::oid, null::tid[]',
      string_agg(format('t%s as (delete from %s as c using %s returning 1)', m.id, lethe_private.host_name(h.oid),
        lethe_private.chosen_sql(m, h.oid, controller, format('(select g.rows -> %L from given as g)', m.id::text))), E',\n' order by m.id),
      lethe_private.object_sql(array_agg(format('''%s'', (select count(*) from t%s)', m.id, m.id) order by m.id)))
    into v_statement
  from lethe.managed_tables as m
  cross join lateral (select lethe_private.host_table(m.schema_name, m.table_name) as oid) as h
  where m.id = any (v_tables);
  select r.facts into v_facts from lethe_private.run_as_sweeper(v_statement, lethe_private.under_paths_of(v_tables), null,
    convert_to(v_given::text, 'UTF8')) as r;
  for v_statement in select t.key from jsonb_each(v_facts) as t loop
    select lethe_private.host_table(m.schema_name, m.table_name) into v_oid from lethe.managed_tables as m where m.id = v_statement::int;
    perform lethe_private.assert_no_more(v_oid, (v_facts ->> v_statement)::bigint, json_array_length(v_given -> v_statement));
    planned := lethe_private.add_writes(planned, v_oid, 0, (v_facts ->> v_statement)::bigint);
  end loop;
  return planned;
end
$$;

comment on function lethe_private.delete_rows(lethe_private.reached_row[], lethe.controllers, jsonb) is
  'Deletes all live rows that go, of every table, in one statement.';

-- Clocks of rows that stay may be the latest of rows that go (see last_events.sql).
create or replace function lethe_private.remember_leaving(rows lethe_private.reached_row[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_given json := lethe_private.given_rows(rows, 'purge');
  v_managed lethe.managed_tables;
  v_oid oid;
  v_leaving text;
begin
  for v_managed in
    select m.* from lethe.managed_tables as m
    where m.id in (select t::int from json_object_keys(v_given) as t)
      and exists (select from lethe_private.clocks_over(m))
    order by m.id
  loop
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    v_leaving := lethe_private.leaving_sql(v_managed, v_oid, controller);
    perform r.facts from lethe_private.run_as_sweeper(format(
        'with gone as materialized (select 1%s from %s as c, %s)%s select to_jsonb(count(*)), null::oid, null::tid[] from gone',
        lethe_private.leaving_columns_sql('c', v_managed, v_oid, true), lethe_private.host_name(v_oid),
        lethe_private.chosen_sql(v_managed, v_oid, controller, 'convert_from($2, ''UTF8'')::jsonb'), v_leaving),
      v_managed, null, convert_to((v_given -> v_managed.id::text)::text, 'UTF8')) as r;
  end loop;
end
$$;

comment on function lethe_private.remember_leaving(lethe_private.reached_row[], lethe.controllers) is
  'Remembers, for the clocks of rows that stay, the latest day among rows that are about to go.';

-- A row in the archive that has to stay without its person keeps its key, and what it refers to.
create or replace function lethe_private.erase_archived(rows lethe_private.reached_row[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_group record;
  v_mirror lethe_private.mirrors;
  v_lost text[];
begin
  for v_group in
    select r.mirror_id, r.decision, r.cut, n.fact_names, jsonb_agg(r.facts || jsonb_build_object('lethe$key', r.key)) as given
    from unnest(rows) as r
    cross join lateral (select array(select f from jsonb_object_keys(r.facts) as f order by f) as fact_names) as n
    where r.mirror_id is not null and (r.decision in ('purge', 'anonymize') or cardinality(r.cut) > 0)
    group by r.mirror_id, r.decision, r.cut, n.fact_names
    order by r.mirror_id, r.decision, r.cut, n.fact_names
  loop
    select m.* into v_mirror from lethe_private.mirrors as m where m.id = v_group.mirror_id;
    v_lost := lethe_private.lost_archived(v_mirror, controller, v_group.decision, v_group.cut);
    continue when v_group.decision <> 'purge' and v_lost = '{}';
    perform r.facts from lethe_private.run_on_archive(format(
        'with acted as (%s %s returning 1) select to_jsonb(count(*)), null::oid, null::tid[] from acted',
        case when v_group.decision = 'purge' then format('delete from lethe_archive.%I as c using', v_mirror.name)
          else format('update lethe_archive.%I as c set %s from', v_mirror.name, (select string_agg(format('%I = null', x), ', ') from unnest(v_lost) as x)) end,
        lethe_private.chosen_archived_sql(v_mirror, controller, v_group.fact_names, 'convert_from($2, ''UTF8'')::jsonb')),
      null, convert_to(v_group.given::text, 'UTF8')) as r;
  end loop;
end
$$;

comment on function lethe_private.erase_archived(lethe_private.reached_row[], lethe.controllers) is
  'Does to archived rows and values what was decided of them.';

create or replace function lethe_private.lost_archived(mirror lethe_private.mirrors, controller lethe.controllers, decision text, cut text[])
  returns text[]
  language sql
  stable
begin atomic
  select coalesce(array_agg(c.column_name order by c.number), '{}')
  from lethe_private.mirror_columns as c
  join lethe.managed_tables as m on m.id = mirror.table_id
  where c.mirror_id = mirror.id and case when lost_archived.decision = 'anonymize'
    then c.column_name in (select e.column_name from lethe_private.erased_columns(m, controller, lost_archived.cut) as e)
    else c.column_name = any (lost_archived.cut) end;
end;

comment on function lethe_private.lost_archived(lethe_private.mirrors, lethe.controllers, text, text[]) is 'Which columns of an archived row that stays become null.';

-- What Lethe itself remembers of rows that are gone. A hold that is over names nobody any more.
create or replace function lethe_private.forget_rows(rows lethe_private.reached_row[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  delete from lethe_private.last_events as l
  using (select distinct r.table_id, r.key from unnest(rows) as r where r.decision = 'purge') as g
  where l.parent_table_id = g.table_id and l.parent_key = g.key and l.controller_id = controller.id;
  delete from lethe_private.exemptions as e
  using (select distinct r.table_id, r.key from unnest(rows) as r where r.decision = 'purge') as g
  where e.table_id = g.table_id and e.key = g.key;
  -- Asked first, since changing the list waits for the batches of all cycles.
  if exists (
    select from unnest(rows) as r join lethe_private.held_keys as k on k.table_id = r.table_id and k.key = r.key where r.decision = 'purge')
  then
    delete from lethe_private.held_keys as k
    using (select distinct r.table_id, r.key from unnest(rows) as r where r.decision = 'purge') as g
    where k.table_id = g.table_id and k.key = g.key and k.hold_id not in (select f from lethe_private.holds_in_force() as f);
  end if;
end
$$;

comment on function lethe_private.forget_rows(lethe_private.reached_row[], lethe.controllers) is
  'Deletes the keys of rows that are gone from Lethe''s own lists.';
--! EndIncluded lethe_private/erase.sql
--! Included lethe_private/assert_erased.sql
-- After an erasure the data itself is asked: what statements reported counts for nothing, since a trigger or a rule may
-- have swallowed a DELETE, taken a value back, or written what was just erased into another table.

-- A table outside the plan that was written to: a cascade, a trigger that keeps a history, a counter.
create or replace function lethe_private.assert_no_side_effects(before jsonb, planned jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_tables text;
begin
  if not current_setting('track_counts')::boolean then
    raise exception using errcode = 'LE434',
      message = 'PostgreSQL does not count rows here, so nobody could tell what else the erasure wrote to; nothing was changed',
      hint = 'track_counts = on, for the server, the database and the role';
  end if;
  select string_agg(format('%s (%s)', lethe_private.host_name(w.relation), concat_ws(', ',
      nullif(w.inserts, 0) || ' inserted', nullif(w.updates, 0) || ' updated', nullif(w.deletes, 0) || ' deleted')), '; '
      order by lethe_private.host_name(w.relation))
    into v_tables
  from lethe_private.unplanned_writes(before, lethe_private.rows_written(), planned) as w;
  if v_tables is not null then
    raise exception using errcode = 'LE434', table = v_tables,
      message = format('the erasure wrote to rows outside its plan: %s; nothing was changed', v_tables),
      hint = 'a cascade or a trigger did: declare a link for that table, so that the plan has its rows, or drop the trigger';
  end if;
end
$$;

comment on function lethe_private.assert_no_side_effects(jsonb, jsonb) is 'Raises LE434, naming the tables, when something was written that was not planned, or that cannot be told.';

create or replace function lethe_private.assert_erased(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_questions text[] := lethe_private.erased_questions(rows, controller) || lethe_private.arrived_questions(rows, type, controller);
  v_facts jsonb;
  v_left text;
  v_arrived text;
begin
  if cardinality(v_questions) > 0 then
    select r.facts into v_facts from lethe_private.run_as_sweeper(
      format(E'select %s, null::oid, null::tid[] from (select convert_from($2, ''UTF8'')::jsonb as rows offset 0) as g', lethe_private.object_sql(v_questions)),
      lethe_private.under_paths_of(array(select distinct r.table_id from unnest(rows) as r)), null,
      convert_to(lethe_private.reread_data(rows)::text, 'UTF8')) as r;
  end if;
  v_facts := coalesce(v_facts, '{}') || lethe_private.archived_left(rows, type, controller);
  select string_agg(f.key || ': ' || f.value, '; ' order by f.key) filter (where f.key not like 'arrived %'),
      string_agg(substr(f.key, 9) || ': ' || f.value, '; ' order by f.key) filter (where f.key like 'arrived %')
    into v_left, v_arrived
  from jsonb_each_text(v_facts) as f
  where f.value::bigint > 0;
  if v_left is not null then
    raise exception using errcode = 'LE435', table = v_left,
      message = format('rows are not as the erasure should have left them (%s); nothing was changed', v_left),
      hint = 'a rule or a trigger of that table swallows or takes back the change: drop it, or have it let lethe_sweeper through';
  elsif v_arrived is not null then
    raise exception using errcode = 'LE436', table = v_arrived,
      message = format('rows of the person came meanwhile (%s); nothing was changed', v_arrived),
      hint = 'try again: they will be in the plan';
  end if;
end
$$;

comment on function lethe_private.assert_erased(lethe_private.reached_row[], lethe.subject_types, lethe.controllers) is
  'Reads every row of an erasure again. Raises LE435 (rows that should be gone, or changed) and LE436 (rows that came meanwhile).';

-- Names of counts, and SQL of each, over "g.rows", which reread_data makes.
create or replace function lethe_private.erased_questions(rows lethe_private.reached_row[], controller lethe.controllers)
  returns text[]
  language sql
  stable
begin atomic
  with decided as (
    select r.table_id, r.decision, r.cut, format('%s %s %s', r.decision, r.table_id, r.cut) as given
    from unnest(rows) as r
    where r.mirror_id is null and (r.decision in ('purge', 'anonymize') or cardinality(r.cut) > 0)
    group by 1, 2, 3
  ), tables as (
    select d.*, m as managed, h.oid, lethe_private.plain_name(m) as name
    from decided as d
    join lethe.managed_tables as m on m.id = d.table_id
    cross join lateral (select lethe_private.host_table(m.schema_name, m.table_name) as oid) as h
  ), questions as (
    select t.*, format('%s, rows left', t.name) as question, 'true' as test from tables as t where t.decision = 'purge'
    union all
    select t.*, format('%s, column %s', t.name, e.column_name), format('(%s) is not true', e.test)
    from tables as t
    cross join lateral lethe_private.erased_columns(t.managed, controller, t.cut) as e
    where t.decision = 'anonymize'
    union all
    select t.*, format('%s, reference %s', t.name, array_to_string(t.cut, ', ')),
      (select string_agg(format('c.%I is not null', x), ' or ') from unnest(t.cut) as x)
    from tables as t where t.decision not in ('purge', 'anonymize')
  )
  select coalesce(array_agg(format('%L, (select count(*) from %s as c, %s and (%s))', q.question, lethe_private.host_name(q.oid),
    lethe_private.chosen_sql(q.managed, q.oid, controller, format('(g.rows -> %L)', q.given)), q.test)), '{}')
  from questions as q;
end;

comment on function lethe_private.erased_questions(lethe_private.reached_row[], lethe.controllers) is
  'How many rows are not as they should be: there though purged, or with a value that should be gone.';

-- Without a foreign key nothing keeps others from putting in rows that refer to what goes. So the links are followed once more,
-- from the same old values, and rows that are not known yet are counted.
create or replace function lethe_private.arrived_questions(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers)
  returns text[]
  language sql
  stable
begin atomic
  select coalesce(array_agg(format(
      '%L, (select count(*) from %s as c where %s and %s not in (select jsonb_array_elements_text(coalesce(g.rows -> %L, ''[]''))) '
      'and exists (select from %s where %s))',
      format('arrived %s (%s)', lethe_private.plain_name(m), array_to_string(l.columns, ', ')),
      lethe_private.host_name(h.oid), lethe_private.controller_sql('c', m, h.oid, controller),
      lethe_private.key_sql('c', h.oid, m.key_columns), format('known %s', m.id),
      lethe_private.given_sql(p.oid, l.to_columns, format('(coalesce(g.rows -> %L, ''[]'') || coalesce(g.rows -> %L, ''[]''))', format('purge %s ', l.to_table_id), format('anonymize %s ', l.to_table_id))),
      lethe_private.matches_sql(h.oid, l.columns, p.oid, l.to_columns))), '{}')
  from lethe_private.erasure_links(type) as l
  join lethe.managed_tables as m on m.id = l.table_id
  join lethe.managed_tables as o on o.id = l.to_table_id
  cross join lateral (select lethe_private.host_table(m.schema_name, m.table_name) as oid) as h
  cross join lateral (select lethe_private.host_table(o.schema_name, o.table_name) as oid) as p
  where l.kind <> 'ignore' and h.oid is not null and lethe_private.has_controller(m, controller)
    and exists (select from unnest(rows) as r where r.table_id = l.to_table_id and r.kind <> 'mention' and r.decision in ('purge', 'anonymize'));
end;

comment on function lethe_private.arrived_questions(lethe_private.reached_row[], lethe.subject_types, lethe.controllers) is
  'How many rows refer to what was erased and were not in the plan, link by link.';

-- json, which is text: building a large jsonb object takes many times as long.
create or replace function lethe_private.reread_data(rows lethe_private.reached_row[])
  returns json
  language sql
  stable
begin atomic
  select coalesce(json_object_agg(x.name, x.given), '{}')
  from (
    select format('%s %s %s', r.decision, r.table_id, r.cut) as name, json_agg(r.facts) as given
    from unnest(rows) as r
    where r.mirror_id is null and (r.decision in ('purge', 'anonymize') or cardinality(r.cut) > 0)
    group by r.decision, r.table_id, r.cut
    union all
    select format('known %s', r.table_id), json_agg(r.key) from unnest(rows) as r group by r.table_id
  ) as x;
end;

comment on function lethe_private.reread_data(lethe_private.reached_row[]) is
  'The keys and old values by which an erasure is read again.';

-- The archive: nothing may be left of rows that are gone, nor of values of rows that lost their person, and nothing may have
-- come there that refers to them.
create or replace function lethe_private.archived_left(rows lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_columns jsonb;
  v_links lethe.links[];
  v_group record;
  v_link lethe.links;
  v_facts jsonb;
  v_all jsonb := '{}';
begin
  if not exists (select from lethe_private.mirrors) then
    return v_all;
  end if;
  for v_group in
    select m as mirror, m.name, lethe_private.plain_name(t) as table_name, n.fact_names,
      jsonb_agg(case when n.fact_names = '{}' then '{}' else r.facts end || jsonb_build_object('lethe$key', r.key)) as given
    from lethe_private.mirrors as m
    join lethe.managed_tables as t on t.id = m.table_id
    join unnest(rows) as r on r.table_id = m.table_id
      and (r.mirror_id = m.id and r.decision = 'purge' or m.kind = 'values' and r.mirror_id is null and r.decision in ('purge', 'anonymize') and r.cut is null)
    -- Values are asked for by the row's key alone, since all of them go.
    cross join lateral (select array(select f from jsonb_object_keys(case when m.kind = 'rows' then r.facts else '{}' end) as f order by f) as fact_names) as n
    group by m.*, m.id, m.name, t.*, n.fact_names
    order by m.id
  loop
    select r.facts into v_facts from lethe_private.run_on_archive(format(
        'select to_jsonb(count(*)), null::oid, null::tid[] from lethe_archive.%I as c, %s', v_group.name,
        lethe_private.chosen_archived_sql(v_group.mirror, controller, v_group.fact_names, 'convert_from($2, ''UTF8'')::jsonb')),
      null, convert_to(v_group.given::text, 'UTF8')) as r;
    v_all := v_all || jsonb_build_object(format('archive of %s, rows left', v_group.table_name),
      v_facts::bigint + coalesce((v_all ->> format('archive of %s, rows left', v_group.table_name))::bigint, 0));
  end loop;

  v_columns := lethe_private.fact_columns(lethe_private.references_of_people());
  v_links := array(select l from lethe_private.erasure_links(type) as l where l.kind <> 'ignore');
  foreach v_link in array v_links loop
    continue when not exists (select from lethe_private.mirrors as m where m.table_id = v_link.table_id and m.kind = 'rows');
    v_all := v_all || (
      select jsonb_build_object(format('arrived archive of %s (%s)', lethe_private.plain_name(t), array_to_string(v_link.columns, ', ')), count(f.key))
      from lethe.managed_tables as t
      left join unnest(lethe_private.reach_step(v_link, array(
          select r from unnest(rows) as r where r.table_id = v_link.to_table_id and r.kind <> 'mention' and r.decision in ('purge', 'anonymize')),
        controller, false, v_columns, v_links)) as f
        on f.mirror_id is not null and not exists (select from unnest(rows) as r where r.table_id = f.table_id and r.key = f.key)
      where t.id = v_link.table_id
      group by t.id);
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.archived_left(lethe_private.reached_row[], lethe.subject_types, lethe.controllers) is
  'What the archive still has of an erasure''s rows, and what came there meanwhile.';
--! EndIncluded lethe_private/assert_erased.sql
--! Included lethe_private/erasure_outcome.sql
-- What an erasure did, as its certificate will say it; and what it leaves to be done on a later day.
create or replace function lethe_private.write_outcomes(
  requests lethe.requests[], owners bigint[], rows lethe_private.reached_row[], controller lethe.controllers, pads lethe_private.controller_keys
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  delete from lethe_private.kept_rows as k where k.request_id in (select r.id from unnest(requests) as r);
  insert into lethe_private.kept_rows (request_id, table_id, key, facts, until, basis, retained)
  select distinct on (owners[r.subject], r.table_id, r.key) owners[r.subject], r.table_id, r.key,
    (select jsonb_object_agg(c, r.facts -> c) from unnest(m.key_columns || case
       when r.decision = 'retain' then m.link_columns
       -- What a tombstone has lost is not to be remembered here.
       when r.cut is null then array(select c from unnest(m.link_columns) as c where c <> all (m.lost)) end) as c
     where r.facts ? c or c = any (m.key_columns)),
    r.until, r.basis, r.decision = 'retain'
  from unnest(rows) as r
  join (
    select t.id, t.key_columns, lethe_private.link_columns(t, s) as link_columns,
      case when t.id in (select x.table_id from unnest(rows) as x where x.decision = 'anonymize' and x.cut is null)
        then array(select e.column_name from lethe_private.erased_columns(t, controller, null) as e) end as lost
    from lethe.managed_tables as t
    cross join lethe.subject_types as s
    where t.id in (select x.table_id from unnest(rows) as x where x.decision in ('retain', 'anonymize')) and s.name = requests[1].subject
    offset 0
  ) as m on m.id = r.table_id
  where r.decision = 'retain' or r.decision = 'anonymize' and r.kind <> 'mention'
  order by owners[r.subject], r.table_id, r.key, r.mirror_id nulls first;

  update lethe.requests as r
  set outcome = coalesce(o.outcome, lethe_private.outcome_of('{}', controller, pads)), executed_at = clock_timestamp(), verified_at = null,
      completes_on = o.completes_on, failure = null, delayed_by = null
  from unnest(requests) as q
  left join (
    select owners[x.subject] as id, lethe_private.outcome_of(array_agg(x), controller, pads) as outcome,
      min(x.until) filter (where x.decision = 'retain') + 1 as completes_on
    from unnest(rows) as x
    group by 1
  ) as o on o.id = q.id
  where r.id = q.id;
  perform lethe_private.move_request(r, 'executed') from unnest(requests) as r;
end
$$;

comment on function lethe_private.write_outcomes(lethe.requests[], bigint[], lethe_private.reached_row[], lethe.controllers, lethe_private.controller_keys) is
  'Writes down what was done for each request, what is kept for it, and until when.';

create or replace function lethe_private.link_columns(managed lethe.managed_tables, type lethe.subject_types)
  returns text[]
  language sql
  stable
return array(
  select distinct c
  from lethe_private.erasure_links(type) as l cross join unnest(l.columns) as c
  where l.table_id = managed.id and l.kind in ('own', 'share') and c <> all (managed.key_columns));

comment on function lethe_private.link_columns(lethe.managed_tables, lethe.subject_types) is
  'The columns, besides the key, by which a table''s rows are a person''s.';

-- Figures and names of tables. root: a keyed hash over what was done to which row, by which alone one who has the key can
-- tell whether a row was among them.
create or replace function lethe_private.outcome_of(rows lethe_private.reached_row[], controller lethe.controllers, pads lethe_private.controller_keys)
  returns jsonb
  language sql
  stable
begin atomic
  with named as (
    select lethe_private.plain_name(m) as name, case when r.mirror_id is null then 'live' else 'archive' end as place,
      r.decision, r.cut, r.until, r.basis, r.key, m.id, r.mirror_id,
      case when r.decision = 'anonymize' then (select array_agg(e.column_name) from lethe_private.erased_columns(m, controller, r.cut) as e) else r.cut end as columns
    from (select distinct x.table_id, x.mirror_id, x.decision, x.cut, x.until, x.basis, x.key from unnest(rows) as x) as r
    join lethe.managed_tables as m on m.id = r.table_id
  ), counted as (
    select n.name, n.place, case when n.decision in ('cut', 'stay') then 'cut' else n.decision end as decision, n.columns, n.until, n.basis, count(*) as rows
    from named as n
    where n.decision <> 'stay' or cardinality(n.columns) > 0
    group by 1, 2, 3, 4, 5, 6
  )
  select jsonb_build_object(
    'erased', coalesce(jsonb_agg(jsonb_build_object('table', c.name, 'place', c.place, 'rows', c.rows) order by c.name, c.place) filter (where c.decision = 'purge'), '[]'),
    'anonymized', coalesce(jsonb_agg(jsonb_build_object('table', c.name, 'place', c.place, 'rows', c.rows, 'columns', coalesce(to_jsonb(c.columns), '[]')) order by c.name, c.place) filter (where c.decision = 'anonymize'), '[]'),
    'cut', coalesce(jsonb_agg(jsonb_build_object('table', c.name, 'place', c.place, 'rows', c.rows, 'columns', to_jsonb(c.columns)) order by c.name, c.place) filter (where c.decision = 'cut'), '[]'),
    'retained', coalesce(jsonb_agg(jsonb_build_object('table', c.name, 'place', c.place, 'rows', c.rows, 'basis', c.basis, 'until', c.until) order by c.name, c.place, c.until) filter (where c.decision = 'retain'), '[]'),
    'root', (
      select encode(lethe.keyed_hash(coalesce(string_agg(x.line, '' order by x.line collate "C"), ''), pads.inner_pad, pads.outer_pad), 'hex')
      from (select jsonb_build_array(n.name, n.place, n.decision, n.key)::text as line from named as n where n.decision in ('purge', 'anonymize', 'cut')) as x),
    'key_version', pads.version)
  from counted as c;
end;

comment on function lethe_private.outcome_of(lethe_private.reached_row[], lethe.controllers, lethe_private.controller_keys) is
  'What was done, table by table, in figures: {"erased", "anonymized", "cut", "retained", "root", "key_version"}.';

-- When the day of what was kept has come, not all of it may be reached from the root any more: what it referred to by may be
-- gone, or was put into the archive since. It is found by its key then, wherever it is. A key alone does not say that a row is
-- still the person's: it may have been given to somebody else meanwhile, or be another row's. So what links it to people has to
-- be as it was when the row was kept, or empty.
create or replace function lethe_private.unreached_rows(request lethe.requests, rows lethe_private.reached_row[], controller lethe.controllers)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_today date := lethe_private.today(controller.time_zone);
  v_group record;
  v_strange int;
  v_moved text[] := '{}';
  v_moved_parents text[] := '{}';
  v_all lethe_private.reached_row[] := '{}';
begin
  for v_group in select * from lethe_private.look_for_kept(request, rows, controller) loop
    v_all := v_all || lethe_private.as_kept(v_group.kept, v_group.there, v_today);
    v_strange := cardinality(lethe_private.strange_keys(v_group.kept, v_group.there, v_today));
    if v_strange > 0 and v_group.retained then
      v_moved := v_moved || format('%s: %s', v_group.name, v_strange);
    elsif v_strange > 0 then
      v_moved_parents := v_moved_parents || format('%s: %s', v_group.name, v_strange);
    end if;
  end loop;
  -- What hangs on a row that is somebody else's now is theirs, too.
  if v_moved <> '{}' or v_moved_parents <> '{}' and exists (select from unnest(v_all) as r where r.decision = 'purge') then
    raise exception using errcode = 'LE439', table = array_to_string(v_moved || v_moved_parents, ', '),
      message = format('rows that request %s had kept belong to somebody else now (%s), and nobody has approved that they go',
        request.id, array_to_string(v_moved || v_moved_parents, ', ')),
      hint = format('see whose they are: put right what they refer to, or set it to null where they are to go, or leave them to whom they belong: lethe.strike_kept_rows(%s, reason)', request.id);
  end if;
  return v_all;
end
$$;

comment on function lethe_private.unreached_rows(lethe.requests, lethe_private.reached_row[], lethe.controllers) is
  'Rows that were kept for a request and that no link leads to any more, decided by their day. Raises LE421, LE439.';

create or replace function lethe_private.look_for_kept(request lethe.requests, rows lethe_private.reached_row[], controller lethe.controllers)
  returns table (name text, retained boolean, kept lethe_private.kept_rows[], there jsonb)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_columns jsonb;
  v_group record;
  v_managed lethe.managed_tables;
  v_state text;
begin
  for v_group in
    select k.table_id, k.retained, n.names, array_agg(k) as kept, jsonb_agg(k.facts || jsonb_build_object('lethe$key', k.key)) as given
    from lethe_private.kept_rows as k
    cross join lateral (select array(select f from jsonb_object_keys(k.facts) as f order by f) as names) as n
    where k.request_id = request.id
      and not exists (select from unnest(rows) as r where r.table_id = k.table_id and r.key = k.key)
    group by k.table_id, k.retained, n.names
    order by k.table_id, k.retained, n.names
  loop
    v_columns := coalesce(v_columns, lethe_private.fact_columns(lethe_private.references_of_people()));
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_group.table_id;
    name := lethe_private.plain_name(v_managed);
    retained := v_group.retained;
    kept := v_group.kept;
    there := lethe_private.find_kept(v_managed, array(select n from unnest(v_group.names) as n where n <> all (v_managed.key_columns)),
      v_group.given, controller, v_columns -> v_managed.id::text);
    return next;
  end loop;
exception
  -- What PostgreSQL says of a value that it cannot read quotes it.
  when data_exception or undefined_function or datatype_mismatch then
    get stacked diagnostics v_state = returned_sqlstate;
    raise exception using errcode = 'LE421',
      message = format('rows that request %s had kept cannot be compared with what they were (SQLSTATE %s)', request.id, v_state),
      hint = 'a column that links them to the person has another type now';
end
$$;

comment on function lethe_private.look_for_kept(lethe.requests, lethe_private.reached_row[], lethe.controllers) is
  'What became of the kept rows of a request that are not among those reached. Raises LE421.';

-- A mirror of values has no links: whose they are it cannot tell.
create or replace function lethe_private.find_kept(
  managed lethe.managed_tables, names text[], given jsonb, controller lethe.controllers, columns jsonb
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_mirror lethe_private.mirrors;
  v_mirror_oid oid;
  v_names text[];
  v_found jsonb;
  v_all jsonb;
begin
  select r.facts into v_all from lethe_private.run_as_sweeper(format(
      'select coalesce(jsonb_agg(jsonb_build_array(x.key, x.as_kept, x.facts, null)), ''[]''), null::oid, null::tid[] from ('
      'select %s as key, %s as as_kept, %s as facts from %s as c, %s where %s and %s for update of c) as x',
      lethe_private.key_sql('c', v_oid, managed.key_columns),
      (select coalesce(string_agg(coalesce(format('(c.%I is null or coalesce(%s, false))', n, lethe_private.equals_sql(v_oid, n, v_oid, n)), 'false'), ' and '), 'true')
       from unnest(names) as n),
      lethe_private.facts_sql(managed, v_oid, controller, columns, '{}'), lethe_private.host_name(v_oid),
      lethe_private.given_sql(v_oid, managed.key_columns || names, 'convert_from($2, ''UTF8'')::jsonb'),
      lethe_private.matches_sql(v_oid, managed.key_columns, v_oid, managed.key_columns),
      lethe_private.controller_sql('c', managed, v_oid, controller)),
    managed, null, convert_to(given::text, 'UTF8')) as r;
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id order by m.id loop
    v_mirror_oid := lethe_private.host_table('lethe_archive', v_mirror.name);
    v_names := array(select n from unnest(names) as n where lethe_private.mirror_has(v_mirror.id, array[n]));
    select r.facts into v_found from lethe_private.run_on_archive(format(
        'select coalesce(jsonb_agg(jsonb_build_array(c."lethe$key", %s, %s, %s)), ''[]''), null::oid, null::tid[] '
        'from lethe_archive.%I as c, %s where c."lethe$controller" = %s and c."lethe$key" = p."lethe$key"',
        case when names <> '{}' and v_names = '{}' then 'null' else (
          select coalesce(string_agg(format('(c.%I is null or coalesce(%s, false))', n, lethe_private.archive_matches_sql(v_mirror_oid, array[n], v_oid)), ' and '), 'true')
          from unnest(v_names) as n) end,
        lethe_private.facts_sql(managed, v_mirror_oid, controller, columns, '{}'), v_mirror.id, v_mirror.name,
        lethe_private.given_sql(v_mirror_oid, array['lethe$key'] || v_names, 'convert_from($2, ''UTF8'')::jsonb'), controller.id),
      null, convert_to(given::text, 'UTF8')) as r;
    v_all := v_all || v_found;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.find_kept(lethe.managed_tables, text[], jsonb, lethe.controllers, jsonb) is
  'What has the keys of rows that were kept: [[key, whether what links it to people is as given, or null, facts, mirror]].';

create or replace function lethe_private.as_kept(kept lethe_private.kept_rows[], found jsonb, today date)
  returns lethe_private.reached_row[]
  language sql
  immutable
  set enable_nestloop = off
return array(
  select (1, k.table_id, f ->> 3, k.key, 'own', null, case when f -> 1 = 'false' then k.facts else f -> 2 end,
    case when k.until < as_kept.today then 'purge' else 'retain' end, null, k.until, k.basis, 'kept for its term')::lethe_private.reached_row
  from unnest(kept) as k
  join jsonb_array_elements(found) as f on f ->> 0 = k.key
  where k.retained and (f -> 1 <> 'false' or (k.until < as_kept.today) is not true));

comment on function lethe_private.as_kept(lethe_private.kept_rows[], jsonb, date) is 'Kept rows that are still there, as rows of a plan.';

-- Where the archive has the person's row and somebody else's bears the key today, that one is simply left alone.
create or replace function lethe_private.strange_keys(kept lethe_private.kept_rows[], found jsonb, today date)
  returns text[]
  language sql
  immutable
  set enable_nestloop = off
return array(
  select k.key
  from unnest(kept) as k
  join (
    select f ->> 0 as key, bool_or(f -> 1 = 'false') as others, bool_or(f -> 1 = 'true') as theirs, bool_or(f -> 1 = 'null') as untold
    from jsonb_array_elements(found) as f
    group by f ->> 0
  ) as x on x.key = k.key
  where x.others and (not x.theirs or x.untold) and (k.until < strange_keys.today or not k.retained));

comment on function lethe_private.strange_keys(lethe_private.kept_rows[], jsonb, date) is
  'Rows whose day has come and that are not the person''s any more, as far as one can tell.';
--! EndIncluded lethe_private/erasure_outcome.sql
--! Included lethe_private/execute_erasures.sql
-- Erasures of one controller and one kind of person, each approved, all in this transaction: read what is theirs anew and
-- lock it, see that the plan is still the one that was approved, act, read again, and write down what was done. Many are
-- done as one, set by set. Where there are several and one of them needs an answer of its own (a changed plan, a hold), the
-- result is null and nothing was done: they are to be taken one by one.
create or replace function lethe_private.execute_erasures(requests lethe.requests[])
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_first lethe.requests := requests[1];
  v_type lethe.subject_types;
  v_controller lethe.controllers;
  v_pads lethe_private.controller_keys;
  v_owners bigint[];
  v_keys text[];
  v_reached lethe_private.reached_row[];
  v_rows lethe_private.reached_row[];
  v_answer text;
begin
  select s.* into strict v_type from lethe.subject_types as s where s.name = v_first.subject;
  select c.* into strict v_controller from lethe.controllers as c where c.id = v_first.controller_id;
  select k.* into strict v_pads from lethe_private.controller_keys as k where k.controller_id = v_controller.id order by k.version desc limit 1;
  perform set_config('lock_timeout', (extract(epoch from s.lock_timeout) * 1000)::bigint::text, true) from lethe.settings as s;
  perform lethe_private.lock_people(array(select r.id from unnest(requests) as r), v_controller);
  select array_agg(r.request_id order by r.request_id, r.n), array_agg(r.key order by r.request_id, r.n) into v_owners, v_keys
  from lethe_private.request_roots as r
  where r.request_id in (select x.id from unnest(requests) as x);

  v_reached := lethe_private.reach(v_type, v_controller, coalesce(v_keys, '{}'), true);
  v_rows := lethe_private.decide(v_reached, v_type, v_controller, lethe_private.today(v_controller.time_zone));
  if v_first.state = 'blocked' then
    v_rows := v_rows || lethe_private.unreached_rows(v_first, v_rows, v_controller);
  end if;
  v_answer := lethe_private.reason_not_to_erase(requests, v_owners, v_reached, v_rows, v_type, v_controller);
  if v_answer is not null then
    return case when cardinality(requests) = 1 then lethe_private.not_erased(v_first, v_answer, v_rows, v_controller) end;
  end if;

  perform lethe_private.erase(v_rows, v_type, v_controller, v_pads);
  perform lethe_private.write_outcomes(requests, v_owners, v_rows, v_controller, v_pads);
  perform lethe_private.suppress(r.id) from unnest(requests) as r;
  return 'executed';
end
$$;

comment on function lethe_private.execute_erasures(lethe.requests[]) is
  'Executes erasures as one: executed; of a single one also planned, delayed or blocked. Null: they differ, and nothing was done. Raises LE421, LE432 to LE437, LE439, LE501.';

-- Whoever imports people and asks the suppression list takes the same locks, one an identifier, and so waits until it is
-- known whether they are forgotten. Holds wait as well, as they do for the batches of a cycle.
create or replace function lethe_private.lock_people(requests bigint[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock_shared(lethe_private.holds_lock_id());
  perform lethe_private.keep_identifiers(r) from unnest(requests) as r;
  perform pg_advisory_xact_lock(x.id)
  from (
    select distinct lethe_private.identifier_lock_id(controller.id, i.identifier) as id
    from lethe_private.identifiers_of(requests) as i
    order by 1
  ) as x;
end
$$;

comment on function lethe_private.lock_people(bigint[], lethe.controllers) is 'Keeps imports of these people, and holds, waiting until the transaction ends.';

-- plan: the plan is another one than was approved, or cannot be carried out. hold: something of it is held.
create or replace function lethe_private.reason_not_to_erase(
  requests lethe.requests[], owners bigint[], reached lethe_private.reached_row[], rows lethe_private.reached_row[],
  type lethe.subject_types, controller lethe.controllers
)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if cardinality(lethe_private.plan_delays(rows)) > 0 then
    return 'hold';
  elsif lethe_private.refuse_plan(rows, controller) <> '[]' or lethe_private.plan_neighbours(rows, type) -> 'refusals' <> '[]' then
    return 'plan';
  elsif requests[1].state = 'blocked' then
    perform lethe_private.assert_kept(requests[1], rows);
    return null;
  elsif not lethe_private.as_approved(requests, owners, rows, controller) and (cardinality(requests) > 1 or not lethe_private.as_approved(requests, owners,
    lethe_private.decide(reached, type, controller, (requests[1].plan ->> 'day')::date), controller))
  then
    return 'plan';
  end if;
  return null;
end
$$;

comment on function lethe_private.reason_not_to_erase(lethe.requests[], bigint[], lethe_private.reached_row[], lethe_private.reached_row[], lethe.subject_types, lethe.controllers) is
  'plan or hold; null when what was approved can be done. That only time has passed since changes no plan.';

-- Nobody is asked again when the day of what was kept has come, so nothing else may go then.
create or replace function lethe_private.assert_kept(request lethe.requests, rows lethe_private.reached_row[])
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_tables text;
begin
  select string_agg(format('%s: %s', x.name, x.rows), ', ' order by x.name) into v_tables
  from (
    select lethe_private.plain_name(m) as name, count(*) as rows
    from unnest(rows) as r join lethe.managed_tables as m on m.id = r.table_id
    where r.decision in ('purge', 'anonymize') and not exists (
      select from lethe_private.kept_rows as k where k.request_id = request.id and k.table_id = r.table_id and k.key = r.key)
    group by m.id
  ) as x;
  if v_tables is not null then
    raise exception using errcode = 'LE439', table = v_tables,
      message = format('rows came since request %s was executed (%s), and nobody has approved that they go', request.id, v_tables),
      hint = 'open a new request for the person, or detach the rows from theirs; what was kept goes with the next cycle then';
  end if;
end
$$;

comment on function lethe_private.assert_kept(lethe.requests, lethe_private.reached_row[]) is 'Raises LE439 when a completion would touch rows that the erasure had not kept.';

create or replace function lethe_private.as_approved(requests lethe.requests[], owners bigint[], rows lethe_private.reached_row[], controller lethe.controllers)
  returns boolean
  language sql
  stable
begin atomic
  select coalesce(bool_and(r.plan_mark = coalesce(m.mark, lethe_private.plan_mark('{}', controller))), false)
  from unnest(requests) as r
  left join (
    select owners[x.subject] as id, lethe_private.plan_mark(array_agg(x), controller) as mark
    from unnest(rows) as x
    group by 1
  ) as m on m.id = r.id;
end;

comment on function lethe_private.as_approved(lethe.requests[], bigint[], lethe_private.reached_row[], lethe.controllers) is
  'True when rows and decisions are those that were approved.';

create or replace function lethe_private.not_erased(request lethe.requests, reason text, rows lethe_private.reached_row[], controller lethe.controllers)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_objects text;
begin
  if reason = 'hold' then
    update lethe.requests as r set delayed_by = lethe_private.plan_delays(rows), failure = null where r.id = request.id;
    if request.state = 'approved' then
      perform lethe_private.move_request(request, 'delayed', 'a hold keeps something of the plan');
    end if;
    return case request.state when 'approved' then 'delayed' else request.state end;
  elsif request.state = 'blocked' then
    select string_agg(distinct f ->> 'object', ', ') into v_objects
    from lethe.subject_types as t
    cross join jsonb_array_elements(lethe_private.refuse_plan(rows, controller) || (lethe_private.plan_neighbours(rows, t) -> 'refusals')) as f
    where t.name = request.subject;
    raise exception using errcode = 'LE432', table = v_objects,
      message = format('what request %s has left for today cannot be erased: other rows would go with it (%s)', request.id, v_objects),
      hint = 'declare a link for them, or see to whom they belong; select lethe.plan_request(…) of a new request for the same person says more';
  end if;
  perform lethe.plan_request(request.id);
  return 'planned';
end
$$;

comment on function lethe_private.not_erased(lethe.requests, text, lethe_private.reached_row[], lethe.controllers) is
  'What becomes of a request that cannot be executed now: planned anew, or delayed. Raises LE432.';
--! EndIncluded lethe_private/execute_erasures.sql
--! Included lethe_private/ledger.sql
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
--! EndIncluded lethe_private/ledger.sql
--! Included lethe/execute_request.sql
-- Does what a request asks for. An erasure: all of a person's rows in one transaction, which ends as the approved plan says or
-- not at all.
--
--   select lethe.execute_request(12);
--
-- ledger_number, ledger_hash: the entry of the ledger outside the database that announced this (see docs/ledger.md).
create or replace function lethe.execute_request(request bigint, ledger_number bigint default null, ledger_hash text default null)
  returns text
  language plpgsql
  volatile
  security definer  -- reads whose rows they are, and the controller's key, which its callers may not
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests;
  v_state text;
begin
  perform lethe_private.assert_read_committed();
  v_request := lethe_private.get_request(execute_request.request);
  perform lethe_private.assert_executable(v_request);
  perform lethe_private.assert_may_name_entry(v_request.id, ledger_number, ledger_hash);
  if v_request.kind <> 'erasure' then
    execute format('select lethe_private.%I($1)', 'execute_' || v_request.kind) using v_request;
    perform lethe_private.move_request(r, 'completed') from lethe.requests as r where r.id = v_request.id and r.state = 'approved';
    v_state := 'completed';
  else
    -- What is left for today was announced with all the rest.
    if v_request.state <> 'blocked' then
      perform lethe_private.assert_ledgered(ledger_number);
    end if;
    v_state := lethe_private.execute_erasures(array[v_request]);
    if v_state = 'executed' then
      perform lethe_private.note_ledgered(v_request.id, ledger_number, ledger_hash);
    end if;
  end if;
  return v_state;
end
$$;

comment on function lethe.execute_request(bigint, bigint, text) is
  'Executes an approved request. Returns executed (erasure), completed (others), planned (the plan has changed: it is to be approved again), delayed (a hold) or blocked (nothing can be done yet). Raises LE114, LE405, LE421, LE431 to LE437, LE439, LE454, LE501, LE502.';

create or replace function lethe_private.assert_read_committed()
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'LE405',
      message = format('a request cannot be executed at isolation level %s', current_setting('transaction_isolation')),
      hint = 'begin the transaction with: set transaction isolation level read committed';
  end if;
end
$$;

comment on function lethe_private.assert_read_committed() is 'Raises LE405: what is read again must be what was committed meanwhile.';

create or replace function lethe_private.assert_may_name_entry(request bigint, ledger_number bigint, ledger_hash text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if num_nonnulls(ledger_number, ledger_hash) > 0 and not lethe_private.is_one_of(array['lethe_worker']) then
    raise exception using errcode = 'LE502',
      message = format('you may not name the entry of the ledger for request %s', assert_may_name_entry.request),
      hint = 'who writes the ledger does: lethe work, or lethe request execute as a member of lethe_worker';
  end if;
end
$$;

comment on function lethe_private.assert_may_name_entry(bigint, bigint, text) is 'Raises LE502 where an entry is named by who does not write the ledger.';

create or replace function lethe_private.note_ledgered(request bigint, ledger_number bigint, ledger_hash text)
  returns void
  language sql
  volatile
begin atomic
  select lethe_private.know_entry(note_ledgered.ledger_number, note_ledgered.ledger_hash) where note_ledgered.ledger_number is not null;
  update lethe.requests as r set outcome = r.outcome || jsonb_build_object('ledger', note_ledgered.ledger_number)
  where r.id = note_ledgered.request and note_ledgered.ledger_number is not null;
end;

comment on function lethe_private.note_ledgered(bigint, bigint, text) is 'Remembers which entry of the ledger announced an erasure, if one did.';

create or replace function lethe_private.assert_executable(request lethe.requests)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not lethe_private.is_one_of(array['lethe_officer', 'lethe_worker'] || case when request.kind <> 'erasure' then 'lethe_agent' end) then
    raise exception using errcode = 'LE502', message = format('you may not execute request %s', request.id),
      hint = 'it takes lethe_officer or lethe_worker: see lethe.request_moves';
  elsif request.state not in ('approved', 'delayed', 'blocked') then
    raise exception using errcode = 'LE431',
      message = format('request %s is %s and cannot be executed', request.id, request.state),
      hint = case request.state
        when 'received' then format(case request.kind when 'erasure' then 'plan it, and have the plan approved: lethe request plan %s' else 'approve it first: lethe request approve %s' end, request.id)
        when 'planned' then format('an officer approves it first: lethe request approve %s --plan MARK', request.id)
        else 'only what is approved, delayed by a hold, or blocked is executed' end;
  end if;
end
$$;

comment on function lethe_private.assert_executable(lethe.requests) is 'Raises LE431, LE502.';

-- Many erasures in one transaction and, where they are of one kind and nothing is out of the ordinary, by one set of
-- statements. One that fails leaves the others alone: its cause is in lethe.requests.failure.
--
-- ledger_numbers, ledger_hashes: of each request the entry that announced it, in the same order; null where there is none.
create or replace function lethe.execute_requests(requests bigint[], ledger_numbers bigint[] default null, ledger_hashes text[] default null)
  returns table (request bigint, state text)
  language plpgsql
  volatile
  security definer  -- as lethe.execute_request
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
#variable_conflict use_column
declare
  v_group record;
  v_state text;
begin
  perform lethe_private.assert_read_committed();
  for v_group in
    select array_agg(l.r order by (l.r).id) as requests, array_agg((l.r).id order by (l.r).id) as ids,
      array_agg(l.number order by (l.r).id) as numbers, array_agg(l.hash order by (l.r).id) as hashes,
      bool_and((l.r).kind = 'erasure' and (l.r).state = 'approved') as alike
    from (
      select lethe_private.get_request(x.id) as r, x.number, x.hash
      from (
        select distinct on (u.id) u.*
        from unnest(execute_requests.requests, execute_requests.ledger_numbers, execute_requests.ledger_hashes) as u (id, number, hash)
        order by u.id
      ) as x
    ) as l
    group by (l.r).controller_id, (l.r).subject, (l.r).kind, (l.r).state = 'approved'
    order by min((l.r).id)
  loop
    v_state := null;
    if v_group.alike and cardinality(v_group.ids) > 1 then
      begin
        perform lethe_private.assert_executable(r) from unnest(v_group.requests) as r;
        perform lethe_private.assert_may_name_entry(u.id, u.number, u.hash), lethe_private.assert_ledgered(u.number)
        from unnest(v_group.ids, v_group.numbers, v_group.hashes) as u (id, number, hash);
        v_state := lethe_private.execute_erasures(v_group.requests);
        if v_state = 'executed' then
          perform lethe_private.note_ledgered(u.id, u.number, u.hash) from unnest(v_group.ids, v_group.numbers, v_group.hashes) as u (id, number, hash);
        end if;
      exception when others then
        v_state := null;
      end;
    end if;
    if v_state is not null then
      return query select i, v_state from unnest(v_group.ids) as i;
    else
      return query
        select u.id, lethe_private.try_to_execute(u.id, u.number, u.hash)
        from unnest(v_group.ids, v_group.numbers, v_group.hashes) as u (id, number, hash);
    end if;
  end loop;
end
$$;

comment on function lethe.execute_requests(bigint[], bigint[], text[]) is
  'Executes many requests in one transaction; failed: its cause is in lethe.requests.failure, and it is as it was. Raises LE114, LE405.';

create or replace function lethe_private.try_to_execute(request bigint, ledger_number bigint default null, ledger_hash text default null)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text; v_constraint text; v_relation text; v_cause text;
begin
  return lethe.execute_request(try_to_execute.request, try_to_execute.ledger_number, try_to_execute.ledger_hash);
exception when others then
  get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name, v_cause = column_name;
  perform lethe_private.fail_request(try_to_execute.request, v_state, v_relation, v_constraint, v_cause);
  return 'failed';
end
$$;

comment on function lethe_private.try_to_execute(bigint, bigint, text) is 'Executes a request, or writes down why that failed.';

create or replace function lethe_private.fail_request(request bigint, sqlstate text, "table" text, constraint_name text, cause text)
  returns void
  language sql
  volatile
begin atomic
  with failed as (
    update lethe.requests as r
    set failure = jsonb_strip_nulls(jsonb_build_object('sqlstate', fail_request.sqlstate,
      'cause', nullif(fail_request.cause, ''), 'table', nullif(fail_request."table", ''), 'constraint', nullif(fail_request.constraint_name, '')))
    where r.id = fail_request.request
    returning r.id, r.failure
  )
  insert into lethe.request_events (request_id, event, reason)
  select f.id, 'failed', concat_ws(', ', f.failure ->> 'sqlstate', f.failure ->> 'cause', f.failure ->> 'table', f.failure ->> 'constraint') from failed as f;
end;

comment on function lethe_private.fail_request(bigint, text, text, text, text) is 'Writes down what failed: SQLSTATE, the SQLSTATE that caused it, table and constraint.';

-- For a caller whose transaction was undone by the failure.
create or replace function lethe.record_failure(request bigint, sqlstate text, "table" text default null, constraint_name text default null, cause text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write lethe.requests
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.get_request(record_failure.request);
  perform lethe_private.fail_request(record_failure.request, record_failure.sqlstate, record_failure."table", record_failure.constraint_name, record_failure.cause);
end
$$;

comment on function lethe.record_failure(bigint, text, text, text, text) is
  'Writes down why a request could not be executed: SQLSTATE, table and constraint, never a message. cause: of LE433, the SQLSTATE that PostgreSQL gave, which the error has as its column. Raises LE114.';
--! EndIncluded lethe/execute_request.sql
--! Included lethe/certify_request.sql
-- The certificate of an erasure: what was erased and how, what a law keeps and until when, what was found afterwards, and
-- what only time removes. Names of tables and figures, nobody's data. The second one of a request is about what the first
-- had said was kept.
create or replace function lethe.certify_request(request bigint)
  returns int
  language plpgsql
  volatile
  security definer  -- nobody may write lethe.certificates
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(certify_request.request);
  v_number int;
  v_left boolean;
begin
  select max(c.number) into v_number from lethe.certificates as c where c.request_id = v_request.id;
  if v_request.state in ('blocked', 'completed') and v_number is not null then
    return v_number;
  elsif v_request.kind <> 'erasure' or v_request.state <> 'executed' then
    raise exception using errcode = 'LE438',
      message = format('request %s is %s: there is no erasure to certify', v_request.id, v_request.state),
      hint = 'select lethe.execute_request(…) first';
  elsif v_request.verified_at is null then
    raise exception using errcode = 'LE438',
      message = format('nobody has looked for what is left after request %s', v_request.id),
      hint = 'select lethe.verify_request(…): it looks, and certifies what was found';
  end if;
  v_number := coalesce(v_number, 0) + 1;
  insert into lethe.certificates (request_id, number, controller_id, document)
  values (v_request.id, v_number, v_request.controller_id, lethe_private.certificate_of(v_request, v_number));

  v_left := exists (select from lethe_private.kept_rows as k where k.request_id = v_request.id and k.retained);
  perform lethe_private.move_request(v_request, case when v_left then 'blocked' else 'completed' end);
  if not v_left then
    perform lethe_private.forget_identifiers(v_request.id);
    delete from lethe_private.kept_rows as k where k.request_id = v_request.id;
    delete from lethe_private.request_roots as r where r.request_id = v_request.id;
  end if;
  return v_number;
end
$$;

comment on function lethe.certify_request(bigint) is
  'Writes the certificate of an executed erasure, and moves it to blocked, or to completed, when the keys of the person are forgotten. Returns the certificate''s number. Raises LE114, LE438.';

-- What no statement removes. Names of tables only where it is so.
create or replace function lethe_private.what_remains(request lethe.requests)
  returns jsonb
  language sql
  stable
begin atomic
  with touched as (
    select distinct t.value ->> 'table' as name, t.value ->> 'place' as place
    from unnest(array['erased', 'anonymized', 'cut']) as k cross join jsonb_array_elements(request.outcome -> k) as t
  ), relations as (
    select t.name, s.relid, greatest(s.last_vacuum, s.last_autovacuum) as vacuumed, greatest(s.last_analyze, s.last_autoanalyze) as analyzed
    from touched as t
    join lethe.managed_tables as m on lethe_private.plain_name(m) = t.name
    cross join lateral (
      select lethe_private.host_table(m.schema_name, m.table_name) as oid where t.place = 'live'
      union all
      select lethe_private.host_table('lethe_archive', r.name) from lethe_private.mirrors as r where r.table_id = m.id and t.place = 'archive'
    ) as h
    cross join lateral (select h.oid as oid union select i.relid from pg_catalog.pg_partition_tree(h.oid::regclass) as i) as p
    join pg_catalog.pg_stat_all_tables as s on s.relid = p.oid
  )
  select to_jsonb(array_remove(array[
    (select 'dead row versions until VACUUM of ' || string_agg(distinct r.name, ', ') from relations as r where r.vacuumed is null or r.vacuumed < request.executed_at),
    (select 'planner statistics until ANALYZE of ' || string_agg(distinct r.name, ', ') from relations as r
     where (r.analyzed is null or r.analyzed < request.executed_at)
       and (select c.reltuples from pg_catalog.pg_class as c where c.oid = r.relid) >= 0),
    case when exists (select from touched) then 'write-ahead log until it is recycled, here, on replicas and in its archive' end,
    case when exists (select from touched) then 'backups until they expire' end], null));
end;

comment on function lethe_private.what_remains(lethe.requests) is 'What only time and maintenance remove of what was erased.';

create or replace function lethe_private.certificate_of(request lethe.requests, number int)
  returns jsonb
  language sql
  volatile
begin atomic
  select jsonb_build_object(
    'format', 1,
    'request', request.id,
    'number', certificate_of.number,
    'kind', request.kind,
    'controller', jsonb_build_object('name', c.name, 'title', c.title, 'time_zone', c.time_zone),
    'received_on', (request.received_at at time zone c.time_zone)::date,
    'approved_at', lethe_private.utc_text(request.approved_at),
    'executed_at', lethe_private.utc_text(request.executed_at),
    'findings', coalesce((
      select jsonb_agg(jsonb_build_object('place', f.place, 'object', f.object, 'finding', f.finding, 'rows', f.rows, 'decision', f.decision) order by f.n)
      from lethe.request_findings as f where f.request_id = request.id), '[]'),
    'recipients', coalesce((
      select jsonb_agg(jsonb_build_object('name', r.name, 'state', n.state) order by r.name, r.id)
      from lethe.notifications as n join lethe.recipients as r on r.id = n.recipient_id where n.request_id = request.id), '[]'),
    'remains', lethe_private.what_remains(request),
    'ledger', null) || request.outcome
  from lethe.controllers as c
  where c.id = request.controller_id;
end;

comment on function lethe_private.certificate_of(lethe.requests, int) is 'The document of a certificate.';

-- Sealed when it is first asked for, unless a cycle has done so.
create or replace function lethe.certificate(request bigint, number int default null)
  returns jsonb
  language plpgsql
  volatile
  security definer  -- seals, and reads the seals, after asking whom the login acts for
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(certificate.request);
  v_key text;
  v_certificate jsonb;
begin
  select jsonb_build_array(c.request_id, c.number)::text into v_key
  from lethe.certificates as c
  where c.request_id = v_request.id and c.number = coalesce(certificate.number, c.number)
  order by c.number desc limit 1;
  if v_key is null then
    raise exception using errcode = 'LE438',
      message = format('request %s has no such certificate', v_request.id),
      hint = case when v_request.kind <> 'erasure' then 'only erasures have one'
        else format('an erasure has one when it was done and looked at again: lethe request show %s', v_request.id) end;
  elsif not exists (select from lethe.sealed_rows as s where s.relation = 'lethe.certificates' and s.key = v_key) then
    perform lethe_private.seal_controller(v_request.controller_id);
  end if;
  select c.document || jsonb_build_object('issued_at', lethe_private.utc_text(c.issued_at), 'seal', jsonb_build_object(
      'chain', f.previous, 'number', s.number, 'hash', s.hash, 'sealed_at', lethe_private.utc_text(s.sealed_at), 'certificate_sha256', l.hash))
  into v_certificate
  from lethe.sealed_rows as l
  join lethe.seals as s on s.controller_id = l.controller_id and s.number = l.number
  join lethe.seals as f on f.controller_id = l.controller_id and f.number = 1
  join lethe.certificates as c on jsonb_build_array(c.request_id, c.number)::text = l.key
  where l.relation = 'lethe.certificates' and l.key = v_key and c.request_id = v_request.id;
  return v_certificate;
end
$$;

comment on function lethe.certificate(bigint, int) is
  'A certificate of a request, by default the last, and the seal that covers it. Raises LE114, LE405, LE438.';
--! EndIncluded lethe/certify_request.sql
--! Included lethe/strike_kept_rows.sql
-- What a law kept and is somebody else's on its day stops the erasure of all the rest (LE439), each day anew. Where it is
-- rightly theirs an officer strikes it from what is kept, and with it what hangs on it: it stays as it is, nobody waits
-- for it any more, and the certificate says so. Whoever wants to look first does so in a transaction and rolls back.
--
--   select * from lethe.strike_kept_rows(12, 'the invoice was corrected: it is of the sister company');
create or replace function lethe.strike_kept_rows(request bigint, reason text)
  returns table ("table" text, key text)
  language plpgsql
  volatile
  security definer  -- nobody may read what is kept
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(strike_kept_rows.request);
  v_struck lethe_private.reached_row[];
begin
  if not lethe_private.is_one_of(array['lethe_officer']) then
    raise exception using errcode = 'LE502',
      message = format('you may not say what request %s keeps', v_request.id),
      hint = 'it takes lethe_officer';
  elsif v_request.state <> 'blocked' then
    raise exception using errcode = 'LE431',
      message = format('request %s is %s, and keeps nothing that could be struck', v_request.id, v_request.state),
      hint = 'only what is blocked keeps rows until their day';
  end if;
  perform lethe_private.assert_reason(v_request, strike_kept_rows.reason, 'rid of rows that it keeps, without a reason');
  v_struck := lethe_private.others_kept(v_request);
  if v_struck = '{}' then
    return;
  end if;
  delete from lethe_private.kept_rows as k using unnest(v_struck) as s
  where k.request_id = v_request.id and k.table_id = s.table_id and k.key = s.key;
  insert into lethe.request_findings (request_id, n, place, object, finding, rows, decision, decided_by, decided_at)
  select v_request.id, coalesce((select max(f.n) from lethe.request_findings as f where f.request_id = v_request.id), 0) + row_number() over (order by x.name),
    'table', x.name, 'was kept by law, and is somebody else''s now', x.rows, 'keep', session_user, clock_timestamp()
  from (
    select lethe_private.plain_name(m) as name, count(distinct s.key) as rows
    from unnest(v_struck) as s join lethe.managed_tables as m on m.id = s.table_id group by m.id
  ) as x;
  insert into lethe.request_events (request_id, event, reason) values (v_request.id, 'kept rows struck', btrim(strike_kept_rows.reason));
  update lethe.requests as r set failure = null where r.id = v_request.id and r.failure ->> 'sqlstate' = 'LE439';
  return query
    select distinct lethe_private.plain_name(m), s.key
    from unnest(v_struck) as s join lethe.managed_tables as m on m.id = s.table_id order by 1, 2;
end
$$;

comment on function lethe.strike_kept_rows(bigint, text) is
  'Strikes from what a blocked erasure keeps the rows that are somebody else''s now, and what hangs on them; they stay as they are. Returns them. Raises LE114, LE417, LE421, LE431, LE501, LE502.';

-- Along the links, as an erasure would follow them, from the rows that are somebody else's.
create or replace function lethe_private.others_kept(request lethe.requests)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
  v_controller lethe.controllers;
  v_reached lethe_private.reached_row[];
  v_group record;
  v_found lethe_private.reached_row[];
  v_strange text[];
  v_theirs lethe_private.reached_row[] := '{}';
  v_others lethe_private.reached_row[] := '{}';
  v_state text;
begin
  select s.* into strict v_type from lethe.subject_types as s where s.name = request.subject;
  select c.* into strict v_controller from lethe.controllers as c where c.id = request.controller_id;
  v_reached := lethe_private.reach(v_type, v_controller, array(select r.key from lethe_private.request_roots as r where r.request_id = request.id), false);
  for v_group in select * from lethe_private.look_for_kept(request, v_reached, v_controller) loop
    -- Whatever the day: they will not be the person's on it.
    v_strange := lethe_private.strange_keys(v_group.kept, v_group.there, 'infinity');
    v_found := array(
      select (1, v_group.kept[1].table_id, (f ->> 3)::int, f ->> 0, case when f -> 1 = 'false' then 'mention' else 'own' end, null, f -> 2, null, null, null, null, null)::lethe_private.reached_row
      from jsonb_array_elements(v_group.there) as f);
    v_theirs := v_theirs || array(select r from unnest(v_found) as r where r.kind = 'own' and r.key <> all (v_strange));
    v_others := v_others || array(select r from unnest(v_found) as r where r.kind = 'mention' and r.key = any (v_strange));
  end loop;
  -- A row that was moved from one kept row to another is the person's as long as that is.
  v_theirs := lethe_private.without_rows(v_theirs, lethe_private.kept_below(request, v_others, v_type, v_controller));
  v_theirs := lethe_private.kept_below(request, v_theirs || v_reached, v_type, v_controller);
  return lethe_private.kept_below(request, lethe_private.without_rows(v_others, v_theirs), v_type, v_controller);
exception
  when insufficient_privilege then
    raise exception using errcode = 'LE501',
      message = format('lethe_sweeper may not read all tables that belong to a %s', request.subject),
      hint = 'select * from lethe.missing_rights() lists the grants';
  -- What PostgreSQL says of a value that it cannot read quotes it.
  when data_exception or undefined_function or datatype_mismatch then
    get stacked diagnostics v_state = returned_sqlstate;
    raise exception using errcode = 'LE421',
      message = format('rows that request %s had kept cannot be compared along its links (SQLSTATE %s)', request.id, v_state),
      hint = 'a column that links them to the person has another type now';
end
$$;

comment on function lethe_private.others_kept(lethe.requests) is
  'Rows kept for a request that are somebody else''s now, and kept rows that hang on those. Raises LE421, LE501.';

create or replace function lethe_private.kept_below(request lethe.requests, parents lethe_private.reached_row[], type lethe.subject_types, controller lethe.controllers)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_columns jsonb := lethe_private.fact_columns(lethe_private.references_of_people());
  v_links lethe.links[] := array(select l from lethe_private.erasure_links(type) as l where l.kind in ('own', 'share'));
  v_all lethe_private.reached_row[] := parents;
  v_next lethe_private.reached_row[] := parents;
  v_found lethe_private.reached_row[];
  v_link lethe.links;
begin
  while v_next <> '{}' loop
    v_found := '{}';
    foreach v_link in array v_links loop
      continue when not exists (select from unnest(v_next) as r where r.table_id = v_link.to_table_id);
      v_found := v_found || lethe_private.reach_step(v_link, array(select r from unnest(v_next) as r where r.table_id = v_link.to_table_id),
        controller, false, v_columns, v_links);
    end loop;
    v_next := lethe_private.without_rows(array(
      select f from unnest(v_found) as f
      where exists (select from lethe_private.kept_rows as k where k.request_id = request.id and k.table_id = f.table_id and k.key = f.key)), v_all);
    v_all := v_all || v_next;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.kept_below(lethe.requests, lethe_private.reached_row[], lethe.subject_types, lethe.controllers) is
  'Rows, and the rows kept for a request that hang on them.';

create or replace function lethe_private.without_rows(rows lethe_private.reached_row[], others lethe_private.reached_row[])
  returns lethe_private.reached_row[]
  language sql
  immutable
  set enable_nestloop = off
return array(
  select r from unnest(rows) as r
  where not exists (select from unnest(others) as o where o.table_id = r.table_id and o.key = r.key));

comment on function lethe_private.without_rows(lethe_private.reached_row[], lethe_private.reached_row[]) is 'Rows that are not among others.';
--! EndIncluded lethe/strike_kept_rows.sql
--! Included lethe/advance_request.sql
-- Erasures go on by themselves: approved and not executed yet, delayed by a hold that is over, blocked until a day that has
-- come, executed and not looked at again. Every driver of a cycle takes them, one a transaction, before it sweeps.
create or replace function lethe.requests_to_complete(controller text default null)
  returns setof bigint
  language plpgsql
  stable
  security definer  -- a worker reads none of Lethe's tables
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  if requests_to_complete.controller is not null then
    perform lethe_private.get_controller(requests_to_complete.controller);
  end if;
  return query
    select r.id
    from lethe.requests as r
    join lethe.controllers as c on c.id = r.controller_id
    where r.kind = 'erasure' and c.name = coalesce(requests_to_complete.controller, c.name)
      and (lethe_private.acts_for(c.id) or lethe_private.is_one_of(array['lethe_worker']))
      and (r.state in ('approved', 'executed')
        or r.state = 'blocked' and r.completes_on <= lethe_private.today(c.time_zone)
        or r.state = 'delayed' and not exists (select from lethe_private.holds_in_force() as f where f = any (r.delayed_by)))
    order by r.id;
end
$$;

comment on function lethe.requests_to_complete(text) is
  'Erasures for which something is to be done today, of one controller or all. Raises LE101.';

-- One step in one transaction: executes, or looks again and certifies. Returns the new state; failed: nothing was done, and
-- the cause is in lethe.requests.failure.
create or replace function lethe.advance_request(request bigint)
  returns text
  language plpgsql
  volatile
  security definer  -- as lethe.execute_request
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests;
  v_state text; v_constraint text; v_relation text;
begin
  perform lethe_private.assert_read_committed();
  v_request := lethe_private.get_request(advance_request.request);
  if v_request.state <> 'executed' then
    return case when v_request.state in ('approved', 'delayed', 'blocked') then lethe_private.try_to_execute(v_request.id) else v_request.state end;
  end if;
  begin
    return lethe.verify_request(v_request.id);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name;
    perform lethe_private.fail_request(v_request.id, v_state, v_relation, v_constraint, null);
    return 'failed';
  end;
end
$$;

comment on function lethe.advance_request(bigint) is
  'The next step of an erasure that waits for nobody; call it until the state is no longer executed. Raises LE114, LE405.';
--! EndIncluded lethe/advance_request.sql
--! Included lethe/ledger.sql
-- What src/ledger asks of the database around an erasure: an intent is written before, a completion after.

create or replace function lethe.ledger_state()
  returns table (ledger text, last_number bigint, last_hash text, required boolean, replaying boolean, known jsonb)
  language sql
  stable
  security definer  -- nobody may read the state of the ledger
begin atomic
  select s.ledger, s.last_number, s.last_hash, s.required, s.replaying,
    coalesce((select jsonb_object_agg(k.number, k.hash) from lethe_private.ledger_known as k where k.number > s.last_number), '{}')
  from lethe_private.ledger_state as s;
end;

comment on function lethe.ledger_state() is
  'Which ledger this database belongs to, up to which entry it knows everything, and which it knows beyond that.';

create or replace function lethe.adopt_ledger(ledger text, restored boolean default false)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write the state of the ledger
  set search_path = pg_catalog, pg_temp
as $$
begin
  update lethe_private.ledger_state as s
  set ledger = adopt_ledger.ledger, replaying = adopt_ledger.restored
  where s.ledger is null;
  if not found and adopt_ledger.ledger is distinct from (select s.ledger from lethe_private.ledger_state as s) then
    raise exception using errcode = 'LE452',
      message = 'this database has another ledger',
      hint = 'LETHE_LEDGER names the folder that was made for this database; select * from lethe.ledger_state()';
  end if;
end
$$;

comment on function lethe.adopt_ledger(text, boolean) is
  'Says, once, which ledger is this database''s. restored: the ledger is older than that, and is to be replayed. Raises LE452.';

-- An officer who requires a ledger cannot be got round by a worker that knows of none.
create or replace function lethe.require_ledger(required boolean default true)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write the state of the ledger
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform lethe_private.assert_may_change(null);
  update lethe_private.ledger_state as s set required = require_ledger.required where s.ledger is not null;
  if not found and require_ledger.required then
    raise exception using errcode = 'LE452',
      message = 'this database has no ledger yet that could be required',
      hint = 'lethe ledger status, with LETHE_LEDGER and LETHE_LEDGER_KEYS set, begins one';
  end if;
end
$$;

comment on function lethe.require_ledger(boolean) is
  'Has erasures refused that are not in the ledger (LE454), or allows them again. Raises LE452, LE502.';

-- Hashes alone leave the database.
create or replace function lethe.ledger_subject(request bigint, pads bytea)
  returns jsonb
  language plpgsql
  volatile
  security definer  -- nobody may read who a person is
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
begin
  return jsonb_build_object(
    'kind', v_request.kind,
    'state', v_request.state,
    'subject', v_request.subject,
    'controller', (select c.name from lethe.controllers as c where c.id = v_request.controller_id),
    'received_at', lethe_private.utc_text(v_request.received_at),
    'roots', (
      select coalesce(jsonb_agg(distinct h), '[]') from (
        select jsonb_array_elements(lethe_private.ledger_roots(r.table_id, array_agg(r.key), pads)) as h
        from lethe_private.request_roots as r where r.request_id = v_request.id group by r.table_id) as x),
    'identifiers', (
      select coalesce(jsonb_agg(distinct lethe_private.ledger_hash(
        lethe_private.ledger_identifier(v_request.subject) || lethe_private.identifier_key(i.identifier), pads)), '[]')
      from lethe_private.identifiers_of(array[v_request.id]) as i));
end
$$;

comment on function lethe.ledger_subject(bigint, bytea) is
  'Whom a request is about, as the ledger names people: keyed hashes. pads: the key''s inner and outer pad. Raises LE114.';

create or replace function lethe.lock_ledgered(request bigint)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody else may know the lock
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_lock(lethe_private.ledger_lock_id(request));
end
$$;

comment on function lethe.lock_ledgered(bigint) is 'Says, for this session, that an entry about this request is being written.';

create or replace function lethe.unlock_ledgered(request bigint)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody else may know the lock
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_unlock(lethe_private.ledger_lock_id(request));
end
$$;

comment on function lethe.unlock_ledgered(bigint) is 'Says that the entry is written.';

-- A request is known by its number and the moment it was received: after a restore numbers are given again.
create or replace function lethe.ledger_fate(request bigint, received_at text)
  returns text
  language plpgsql
  volatile
  security definer  -- workers may not read requests
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text;
begin
  if not pg_try_advisory_xact_lock(lethe_private.ledger_lock_id(request)) then
    return 'busy';
  end if;
  select r.state into v_state from lethe.requests as r
  where r.id = ledger_fate.request and lethe_private.utc_text(r.received_at) = ledger_fate.received_at;
  return case when v_state is null then 'unknown' when v_state in ('executed', 'blocked', 'completed') then 'done' else 'alive' end;
end
$$;

comment on function lethe.ledger_fate(bigint, text) is
  'What became of the request of an intent: busy (somebody is at it), done, alive (it waits, or was given up), unknown (not in this database).';

create or replace function lethe.know_entry(number bigint, hash text)
  returns void
  language sql
  volatile
  security definer  -- nobody may write the state of the ledger
begin atomic
  select lethe_private.know_entry(know_entry.number, know_entry.hash);
end;

comment on function lethe.know_entry(bigint, text) is 'Remembers that this database has taken in an entry of the ledger.';

create or replace function lethe.settle_ledger(number bigint, hash text)
  returns void
  language sql
  volatile
  security definer  -- nobody may write the state of the ledger
begin atomic
  update lethe_private.ledger_state as s
  set last_number = settle_ledger.number, last_hash = settle_ledger.hash
  where s.last_number < settle_ledger.number;
  delete from lethe_private.ledger_known as k
  where k.number <= (select s.last_number from lethe_private.ledger_state as s);
end;

comment on function lethe.settle_ledger(bigint, text) is 'Says that everything up to an entry of the ledger is known here.';
--! EndIncluded lethe/ledger.sql
--! Included lethe/ship_holds.sql
-- Holds and restrictions are written to the ledger after they were committed: by lethe work every few minutes, by the
-- commands that place them, and before each erasure.

-- A hold that was released before it was ever written stays unwritten: a backup in which it is in force is on the safe side.
create or replace function lethe.holds_to_ship(pads bytea)
  returns setof jsonb
  language sql
  volatile
  security definer  -- nobody may read what a hold names
begin atomic
  select jsonb_build_object(
    'hold', h.id,
    'event', e.event,
    'of', p.number,
    'controller', c.name,
    'subject', h.subject,
    'request', h.request_id,
    'received_at', lethe_private.utc_text(r.received_at),
    'roots', case when p.number is null and h.kind = 'person' then lethe_private.ledger_roots(h.table_id, array(
      select k.key from lethe_private.held_keys as k where k.hold_id = h.id and k.table_id = h.table_id), pads) else '[]' end,
    'content', case when p.number is null then jsonb_build_object(
        'placed_at', lethe_private.utc_text(h.placed_at),
        'kind', h.kind, 'table', h.table_name, 'when', w."when", 'reason', h.reason, 'ends_on', h.ends_on,
        'keys', (
          select jsonb_agg(jsonb_build_array(lethe_private.plain_name(m), k.key)) from lethe_private.held_keys as k
          join lethe.managed_tables as m on m.id = k.table_id where k.hold_id = h.id and h.kind = 'keys'))
      else jsonb_build_object('placed_at', lethe_private.utc_text(h.placed_at), 'reason', h.release_reason) end)
  from lethe.holds as h
  cross join lateral (
    values (false, case when h.request_id is null then 'hold' else 'restriction' end),
      (true, case when h.request_id is null then 'hold released' else 'restriction lifted' end)
  ) as e (ends, event)
  left join lethe.controllers as c on c.id = h.controller_id
  left join lethe.requests as r on r.id = h.request_id
  left join lethe_private.held_conditions as w on w.hold_id = h.id
  left join lethe_private.ledger_holds as p on e.ends and p.hold_id = h.id and p.event in ('hold', 'restriction')
  where e.ends = (h.released_at is not null)
    and (not e.ends or p.number is not null)
    and not exists (select from lethe_private.ledger_holds as s where s.hold_id = h.id and s.event = e.event)
  order by h.id;
end;

comment on function lethe.holds_to_ship(bytea) is
  'Holds placed or released that are not in the ledger yet. The content may name a person: it is sealed, and never logged.';

create or replace function lethe.note_shipped(hold_id int, event text, number bigint, hash text)
  returns void
  language sql
  volatile
  security definer  -- nobody may write the state of the ledger
begin atomic
  insert into lethe_private.ledger_holds (hold_id, event, number)
  values (note_shipped.hold_id, note_shipped.event, note_shipped.number) on conflict do nothing;
  select lethe_private.know_entry(note_shipped.number, note_shipped.hash);
end;

comment on function lethe.note_shipped(int, text, bigint, text) is 'Remembers which entry of the ledger says what became of a hold.';

-- Written to the ledger, and then the writer was gone before it was noted here.
create or replace function lethe.recognise_hold(hold_id int, event text, placed_at text, number bigint, hash text)
  returns boolean
  language plpgsql
  volatile
  security definer  -- nobody may write the state of the ledger
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from lethe.holds as h
    where h.id = recognise_hold.hold_id and lethe_private.utc_text(h.placed_at) = recognise_hold.placed_at
      and (recognise_hold.event in ('hold', 'restriction') or h.released_at is not null)) then
    return false;
  end if;
  perform lethe.note_shipped(recognise_hold.hold_id, recognise_hold.event, recognise_hold.number, recognise_hold.hash);
  return true;
end
$$;

comment on function lethe.recognise_hold(int, text, text, bigint, text) is
  'Notes which entry of the ledger is about a hold, if it is this database''s: that number, placed at that moment.';
--! EndIncluded lethe/ship_holds.sql
--! Included lethe_private/replay_match.sql
-- Who of an entry is in this database: the root rows whose key, or one of whose identifiers, has the hash that the
-- entry has. Every root row is hashed once for all entries; hashes are compared where the rows are, so that nothing
-- of a row leaves for it. The key of the ledger is passed as $3, what is wanted as $2.
create or replace function lethe_private.replay_match_sql("from" text, key text, root text, identifier text, identifiers text[], "where" text)
  returns text
  language sql
  immutable
return format($sql$
  select coalesce(jsonb_agg(jsonb_build_object('key', f.key, 'root', f.root, 'identifiers', to_jsonb(f.identifiers))), '[]'), null::oid, null::tid[]
  from (
    select x.key, x.root, x.identifiers
    from (
      select %1$s as key, lethe_private.ledger_hash(%2$L || %1$s, $3) as root, array_remove(array[%3$s]::text[], null) as identifiers
      from %4$s as c
      where %5$s
      offset 0
    ) as x
    cross join lateral unnest(x.identifiers || x.root) as h (hash)
    join (select jsonb_array_elements_text(convert_from($2, 'UTF8')::jsonb) as hash) as w on w.hash = h.hash
    group by x.key, x.root, x.identifiers
  ) as f$sql$,
  key, root,
  -- Only what begins as a telephone number does is asked whether it is one: that takes longer than the hash.
  (select string_agg(format($sql$
      lethe_private.ledger_hash(%1$L || nullif(case when %2$s ~ '^[\s\u00A0\u2007\u202F\uFEFF]*[0-9+(]'
        then lethe_private.identifier_key(%2$s) else lethe_private.normalise_identifier(%2$s) end, ''), $3)$sql$, identifier, i), ', ')
   from unnest(identifiers) as i),
  "from", "where");

comment on function lethe_private.replay_match_sql(text, text, text, text, text[], text) is
  'Statement that finds rows by the hashes of their key and identifiers.';

create or replace function lethe_private.replay_match(type lethe.subject_types, controller lethe.controllers, pads bytea, wanted jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_oid oid;
  v_root text;
  v_identifier text := lethe_private.ledger_identifier(type.name);
  v_hashes bytea;
  v_mirror lethe_private.mirrors;
  v_facts jsonb;
  v_all jsonb;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = type.table_id;
  v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_root := lethe_private.ledger_root(v_managed);
  select convert_to(coalesce(jsonb_agg(distinct h), '[]')::text, 'UTF8') into v_hashes
  from jsonb_array_elements(wanted) as w cross join lateral jsonb_array_elements((w -> 'roots') || (w -> 'identifiers')) as h;
  select r.facts into v_all from lethe_private.run_as_sweeper(lethe_private.replay_match_sql(
    lethe_private.host_name(v_oid), lethe_private.key_sql('c', v_oid, v_managed.key_columns), v_root, v_identifier,
    array(select lethe_private.unmasked_sql(v_managed, v_oid, controller, i) from unnest(type.identifiers) as i),
    lethe_private.controller_sql('c', v_managed, v_oid, controller)), v_managed, null, v_hashes, pads) as r;
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = v_managed.id loop
    select r.facts into v_facts from lethe_private.run_on_archive(lethe_private.replay_match_sql(
      format('lethe_archive.%I', v_mirror.name), 'c."lethe$key"', v_root, v_identifier, array(
        select format('c.%I::text', m.column_name) from lethe_private.mirror_columns as m
        where m.mirror_id = v_mirror.id and m.holds_value and m.column_name = any (type.identifiers)),
      format('c."lethe$controller" = %s', controller.id)), null, v_hashes, pads) as r;
    v_all := v_all || v_facts;
  end loop;
  return v_all;
exception when insufficient_privilege then
  raise exception using errcode = 'LE501',
    message = format('lethe_sweeper may not read %s', lethe_private.plain_name(v_managed)),
    hint = 'select * from lethe.missing_rights() lists the grants';
end
$$;

comment on function lethe_private.replay_match(lethe.subject_types, lethe.controllers, bytea, jsonb) is
  'The root rows, live and archived, that fit what is wanted: key, and hashes of key and identifiers. Raises LE501.';
--! EndIncluded lethe_private/replay_match.sql
--! Included lethe_private/replay_request.sql
-- What a replay does again it does as a request, so that it is planned, done in one transaction and certified like any
-- other; the officer who approved it did so before the backup was put back. One that is open already is gone on with.
create or replace function lethe_private.replay_request(
  kind text, type lethe.subject_types, controller lethe.controllers, key text, received_at timestamptz, number bigint
)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request bigint;
  v_state text;
begin
  select r.id, r.state into v_request, v_state
  from lethe.requests as r
  join lethe.request_states as s on s.name = r.state and s.is_open
  where r.kind = replay_request.kind and r.controller_id = controller.id and r.subject = type.name
    and exists (
      select from lethe_private.request_roots as o
      where o.request_id = r.id and o.table_id = type.table_id and o.key = replay_request.key)
    -- Not one that would take further rows with it, which no entry names.
    and not exists (
      select from lethe_private.request_roots as o
      where o.request_id = r.id
        and not exists (
          select from lethe_private.replay_matches as m
          where m.number = replay_request.number and m.table_id = o.table_id and m.key = o.key
            and m.by_key and (m.by_identifier or replay_request.kind <> 'erasure'))
        and not exists (
          select from lethe_private.replay_finding_keys as k join lethe.replay_findings as f on f.id = k.finding_id
          where k.table_id = o.table_id and k.key = o.key and f.decision = 'erase'))
  order by r.id
  limit 1
  for no key update of r;
  if v_request is null then
    v_request := lethe.open_request(replay_request.kind, type.name, key => replay_request.key, controller => controller.name, received_at => replay_request.received_at);
    v_state := 'received';
  elsif v_state = 'paused' then
    perform lethe.resume_request(v_request);
    v_state := 'received';
  end if;
  if replay_request.kind = 'erasure' then
    perform lethe.plan_request(v_request);
    perform lethe.approve_request(v_request);
  elsif v_state = 'received' then
    perform lethe.approve_request(v_request);
  end if;
  insert into lethe.request_events (request_id, event, reason)
  values (v_request, 'replayed', format('replay of ledger entry %s', replay_request.number));
  return v_request;
end
$$;

comment on function lethe_private.replay_request(text, lethe.subject_types, lethe.controllers, text, timestamptz, bigint) is
  'An approved request about one root row, for an entry of the ledger. Raises what opening, planning and approving raise.';

-- Rows of which somebody has decided already, or that a law keeps after an erasure that is known here.
create or replace function lethe_private.replay_explained_by(table_id int, key text)
  returns bigint
  language sql
  stable
begin atomic
  select r.id
  from lethe_private.request_roots as o
  join lethe.requests as r on r.id = o.request_id
  where o.table_id = replay_explained_by.table_id and o.key = replay_explained_by.key
    and r.kind = 'erasure' and r.state in ('delayed', 'executed', 'blocked', 'completed')
  order by r.id desc
  limit 1;
end;

comment on function lethe_private.replay_explained_by(int, text) is
  'The erasure that has reached a root row already: what is there of it a law or a hold keeps. Null: none has.';

create or replace function lethe_private.replay_is_explained(table_id int, key text)
  returns boolean
  language sql
  stable
return lethe_private.replay_explained_by(replay_is_explained.table_id, replay_is_explained.key) is not null;

comment on function lethe_private.replay_is_explained(int, text) is 'True of a root row that an erasure has reached already.';

create or replace function lethe_private.replay_type(subject text)
  returns lethe.subject_types
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
begin
  select s.* into v_type from lethe.subject_types as s where s.name = replay_type.subject;
  if not found then
    raise exception using errcode = 'LE109',
      message = format('subject type %L, of which the ledger speaks, does not exist', replay_type.subject),
      hint = 'the backup has an older policy: lethe policy apply the one that was in force, then lethe replay again';
  end if;
  return v_type;
end
$$;

comment on function lethe_private.replay_type(text) is 'The subject type that an entry names. Raises LE109.';
--! EndIncluded lethe_private/replay_request.sql
--! Included lethe/replay_findings.sql
create or replace function lethe_private.replay_undecided()
  returns setof int
  language sql
  stable
begin atomic
  select f.id from lethe.replay_findings as f
  where f.decision is null and exists (select from lethe_private.replay_finding_keys as k where k.finding_id = f.id);
end;

comment on function lethe_private.replay_undecided() is 'Findings of the replay under way that nobody has decided.';

-- With the row they are about: nobody could decide without looking at it.
create or replace function lethe.list_replay_findings()
  returns table (
    id int, number bigint, entry_at timestamptz, controller text, subject text, how text, failure jsonb,
    table_name text, key text, decision text, decided_by name, state text
  )
  language sql
  stable
  security definer  -- nobody may read the keys
begin atomic
  select f.id, f.number, f.entry_at, c.name, f.subject, f.how, f.failure, lethe_private.plain_name(m), k.key, f.decision, f.decided_by, r.state
  from lethe.replay_findings as f
  join lethe_private.replay_finding_keys as k on k.finding_id = f.id
  join lethe.managed_tables as m on m.id = k.table_id
  join lethe.controllers as c on c.id = f.controller_id
  left join lethe.requests as r on r.id = f.request_id
  where lethe_private.acts_for(f.controller_id)
  order by f.id;
end;

comment on function lethe.list_replay_findings() is
  'What a replay has found and a person decides, of the controllers you act for, with the key of each row. Emptied when the replay has ended; lethe.replay_findings keeps what was decided.';

create or replace function lethe.decide_replay_finding(id int, decision text)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write findings
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_finding lethe.replay_findings;
begin
  select f.* into v_finding from lethe.replay_findings as f
  where f.id = decide_replay_finding.id and exists (select from lethe_private.replay_finding_keys as k where k.finding_id = f.id)
  for update;
  if v_finding.id is null or not lethe_private.acts_for(v_finding.controller_id) or v_finding.request_id is not null then
    raise exception using errcode = 'LE457',
      message = format('finding %s of a replay does not exist, has been carried out, or is of a controller you do not act for', coalesce(decide_replay_finding.id::text, '(null)')),
      hint = 'lethe replay --list, or select * from lethe.list_replay_findings()';
  elsif decide_replay_finding.decision is null or decide_replay_finding.decision not in ('erase', 'keep') then
    raise exception using errcode = 'LE457',
      message = format('finding %s of a replay can be decided in two ways only', v_finding.id),
      hint = 'erase: it is of the person who was forgotten; keep: it is somebody else''s, or the person has come back';
  end if;
  update lethe.replay_findings as f
  set decision = decide_replay_finding.decision, decided_by = session_user, decided_at = clock_timestamp()
  where f.id = v_finding.id;
end
$$;

comment on function lethe.decide_replay_finding(int, text) is
  'Decides a finding of a replay: erase or keep; the next lethe replay carries it out. Raises LE457.';

create or replace function lethe.replay_to_erase()
  returns table (id int, request_id bigint)
  language sql
  stable
  security definer  -- nobody may read the keys
begin atomic
  select f.id, f.request_id
  from lethe.replay_findings as f
  join lethe_private.replay_finding_keys as k on k.finding_id = f.id
  left join lethe.requests as r on r.id = f.request_id
  where f.decision = 'erase' and f.how <> 'failed' and coalesce(r.state not in ('delayed', 'executed', 'blocked', 'completed'), true)
  order by f.id;
end;

comment on function lethe.replay_to_erase() is 'Findings that were decided to be erased, and are not yet.';

-- Somebody has decided; from here on it is an erasure like any other, with an entry of its own. Null: another one has reached
-- the row meanwhile.
create or replace function lethe.replay_open(finding int)
  returns bigint
  language plpgsql
  volatile
  security definer  -- nobody may read the keys
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_finding lethe.replay_findings;
  v_row lethe_private.replay_finding_keys;
  v_controller lethe.controllers;
  v_reached bigint;
begin
  perform lethe_private.assert_may_change(null);
  select f.* into v_finding from lethe.replay_findings as f where f.id = replay_open.finding for update;
  if v_finding.request_id is null then
    select k.* into strict v_row from lethe_private.replay_finding_keys as k where k.finding_id = v_finding.id;
    v_reached := lethe_private.replay_explained_by(v_row.table_id, v_row.key);
    select c.* into v_controller from lethe.controllers as c where c.id = v_finding.controller_id;
    v_finding.request_id := coalesce(v_reached, lethe_private.replay_request(
      'erasure', lethe_private.replay_type(v_finding.subject), v_controller, v_row.key, v_finding.entry_at, v_finding.number));
    update lethe.replay_findings as f set request_id = v_finding.request_id where f.id = v_finding.id;
  end if;
  return case when v_reached is null then v_finding.request_id end;
end
$$;

comment on function lethe.replay_open(int) is
  'Opens and approves the request by which a finding is erased. Returns its id; null where another request has reached the row. Raises LE502, and what opening a request raises.';

-- A hold kept them when their turn came, and has been released since.
create or replace function lethe.replay_delayed()
  returns setof bigint
  language sql
  stable
  security definer  -- nobody may read what holds keep
begin atomic
  select r.id
  from lethe.requests as r
  where r.kind = 'erasure' and r.state = 'delayed' and lethe_private.next_step(r) = 'execute'
    and exists (select from lethe.request_events as e where e.request_id = r.id and e.event = 'replayed')
  order by r.id;
end;

comment on function lethe.replay_delayed() is 'Requests of replays that were delayed by a hold, and can be executed by now.';
--! EndIncluded lethe/replay_findings.sql
--! Included lethe/replay.sql
-- After a backup was put back, what the ledger knows and this database does not is done again. src/ledger/replay.ts
-- reads the ledger and calls these, each a transaction, in this order; killed anywhere and begun again it ends the same.

create or replace function lethe.begin_replay()
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write the state of the ledger
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform lethe_private.assert_may_change(null);
  update lethe_private.ledger_state as s set replaying = true where not s.replaying;
end
$$;

comment on function lethe.begin_replay() is 'Closes the gate until finish_replay opens it. Raises LE502.';

create or replace function lethe.replay_match(subject text, controller text, pads bytea, wanted jsonb)
  returns int
  language plpgsql
  volatile
  security definer  -- reads the archive, and host tables as lethe_sweeper
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_type lethe.subject_types := lethe_private.replay_type(subject);
  v_controller lethe.controllers := lethe_private.get_controller(controller);
  v_rows jsonb;
  v_count int;
begin
  perform lethe_private.assert_may_change(null);
  v_rows := lethe_private.replay_match(v_type, v_controller, pads, wanted);
  delete from lethe_private.replay_matches as m
  where m.number in (select (w ->> 'number')::bigint from jsonb_array_elements(wanted) as w);
  with hashes as materialized (
    select (w ->> 'number')::bigint as number, false as is_root, h
    from jsonb_array_elements(wanted) as w cross join lateral jsonb_array_elements_text(w -> 'identifiers') as h
    union all
    select (w ->> 'number')::bigint, true, h
    from jsonb_array_elements(wanted) as w cross join lateral jsonb_array_elements_text(w -> 'roots') as h
  ), found as (
    select r ->> 'key' as key, true as is_root, r ->> 'root' as h from jsonb_array_elements(v_rows) as r
    union all
    select r ->> 'key', false, h from jsonb_array_elements(v_rows) as r cross join lateral jsonb_array_elements_text(r -> 'identifiers') as h
  ), matches as (
    select w.number, f.key, bool_or(w.is_root) as by_key, bool_or(not w.is_root) as by_identifier
    from hashes as w join found as f using (h, is_root)
    group by w.number, f.key
  )
  insert into lethe_private.replay_matches (number, subject, controller_id, table_id, key, by_key, by_identifier)
  select m.number, v_type.name, v_controller.id, v_type.table_id, m.key, m.by_key, m.by_identifier
  from matches as m;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function lethe.replay_match(text, text, bytea, jsonb) is
  'Looks for the people of some entries, [{number, roots, identifiers}], all in one pass, and keeps what fits. Returns how many rows fit. Raises LE101, LE109, LE501, LE502.';

-- What a person has to decide: the record was there before the backup was made although it had been forgotten, or
-- it has come since; or the key has been given to somebody else. Sequences have gone back with the database, so a key alone,
-- where no identifier is known that would say whose it is, may be that of somebody who has come since.
create or replace function lethe.replay_find(entries jsonb)
  returns int
  language plpgsql
  volatile
  security definer  -- nobody may read what fits
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  perform lethe_private.assert_may_change(null);
  with entries as materialized (
    select (e ->> 'number')::bigint as number, (e ->> 'at')::timestamptz as at, (e ->> 'replays')::boolean as replays
    from jsonb_array_elements(replay_find.entries) as e
  ), fits as materialized (
    select m.*, e.at, e.replays, e.replays and m.by_key and m.by_identifier as is_erased
    from lethe_private.replay_matches as m join entries as e on e.number = m.number
  ), found as (
    select distinct on (f.table_id, f.key) f.*, nextval(pg_get_serial_sequence('lethe.replay_findings', 'id')) as id
    from fits as f
    where (f.by_identifier or f.replays)
      and not exists (select from fits as x where x.table_id = f.table_id and x.key = f.key and x.is_erased)
      and not lethe_private.replay_is_explained(f.table_id, f.key)
      and not exists (select from lethe_private.replay_finding_keys as k where k.table_id = f.table_id and k.key = f.key)
    order by f.table_id, f.key, f.by_identifier desc, f.number desc
  ), findings as (
    insert into lethe.replay_findings (id, number, entry_at, controller_id, subject, how)
    overriding system value
    select f.id, f.number, f.at, f.controller_id, f.subject, case when f.by_identifier then 'identifier' else 'key' end
    from found as f
    returning id
  )
  insert into lethe_private.replay_finding_keys (finding_id, table_id, key)
  select f.id, f.table_id, f.key from found as f join findings as x on x.id = f.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function lethe.replay_find(jsonb) is
  'Turns what fits some entries, [{number, at, replays}], and is not to be erased again without asking, into findings. Returns how many are new. Raises LE502.';

-- One entry, one transaction: the old record is forgotten again, and that the entry is known here is written with it.
create or replace function lethe.replay_erase(number bigint, hash text, at timestamptz)
  returns jsonb
  language plpgsql
  volatile
  security definer  -- nobody may read what fits
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_match lethe_private.replay_matches;
  v_controller lethe.controllers;
  v_states text[] := '{}';
  v_state text;
  v_table text;
  v_constraint text;
begin
  perform lethe_private.assert_may_change(null);
  for v_match in
    select m.* from lethe_private.replay_matches as m
    where m.number = replay_erase.number and m.by_key and m.by_identifier
      and not lethe_private.replay_is_explained(m.table_id, m.key)
      and not exists (
        select from lethe_private.replay_finding_keys as k join lethe.replay_findings as f on f.id = k.finding_id
        where k.table_id = m.table_id and k.key = m.key and f.decision = 'keep')
    order by m.key
  loop
    -- An erasure of the same entry may have reached it by now.
    continue when lethe_private.replay_is_explained(v_match.table_id, v_match.key);
    select c.* into v_controller from lethe.controllers as c where c.id = v_match.controller_id;
    v_states := v_states || lethe.execute_request(
      lethe_private.replay_request('erasure', lethe_private.replay_type(v_match.subject), v_controller, v_match.key, replay_erase.at, replay_erase.number),
      replay_erase.number, replay_erase.hash);
  end loop;
  perform lethe_private.know_entry(replay_erase.number, replay_erase.hash);
  delete from lethe.replay_findings as f where f.number = replay_erase.number and f.how = 'failed' and f.decision is distinct from 'keep';
  return jsonb_build_object('erased', cardinality(v_states), 'delayed', cardinality(array_positions(v_states, 'delayed')),
    'matched', exists (select from lethe_private.replay_matches as m where m.number = replay_erase.number));
exception when others then
  get stacked diagnostics v_state = returned_sqlstate, v_table = table_name, v_constraint = constraint_name;
  if v_state = 'LE502' or v_match.number is null then
    raise;
  end if;
  return lethe_private.replay_failed(v_match, replay_erase.at, jsonb_strip_nulls(jsonb_build_object(
    'sqlstate', v_state, 'table', nullif(v_table, ''), 'constraint', nullif(v_constraint, ''))));
end
$$;

comment on function lethe.replay_erase(bigint, text, timestamptz) is
  'Forgets again whom an entry is about. Returns how many records, how many of them a hold delays, and whether any record fits at all; or the failure, which becomes a finding. Raises LE502.';

create or replace function lethe_private.replay_failed(match lethe_private.replay_matches, at timestamptz, failure jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_id int;
begin
  select k.finding_id into v_id from lethe_private.replay_finding_keys as k where k.table_id = match.table_id and k.key = match.key;
  if v_id is null then
    insert into lethe.replay_findings (number, entry_at, controller_id, subject, how, failure)
    values (match.number, replay_failed.at, match.controller_id, match.subject, 'failed', replay_failed.failure)
    returning id into v_id;
    insert into lethe_private.replay_finding_keys (finding_id, table_id, key) values (v_id, match.table_id, match.key);
  else
    update lethe.replay_findings as f
    set number = match.number, how = 'failed', failure = replay_failed.failure, decision = null, decided_by = null, decided_at = null
    where f.id = v_id;
  end if;
  return jsonb_build_object('finding', v_id, 'failure', replay_failed.failure);
end
$$;

comment on function lethe_private.replay_failed(lethe_private.replay_matches, timestamptz, jsonb) is
  'Makes a finding of a record that could not be erased.';

create or replace function lethe.finish_replay(number bigint, hash text)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write the state of the ledger
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform lethe_private.assert_may_change(null);
  if exists (select from lethe_private.replay_undecided()) or exists (select from lethe.replay_to_erase()) then
    raise exception using errcode = 'LE451',
      message = 'the replay has findings that wait for a decision, or decisions that wait to be carried out',
      hint = 'lethe replay --list, lethe replay --decide ID=erase|keep, then lethe replay again';
  end if;
  perform lethe.settle_ledger(finish_replay.number, finish_replay.hash);
  update lethe_private.ledger_state as s set replaying = false;
  delete from lethe_private.replay_matches;
  delete from lethe_private.replay_finding_keys;
end
$$;

comment on function lethe.finish_replay(bigint, text) is
  'Opens the gate: everything up to an entry is known here, and nothing is left to decide. Raises LE451, LE502.';
--! EndIncluded lethe/replay.sql
--! Included lethe/replay_holds.sql
-- Holds and restrictions, as an entry of the ledger says them. What the database had placed before the backup was
-- made, and shipped after, is there already: it is known by its number and moment.
create or replace function lethe.replay_hold(number bigint, hash text, entry jsonb, content jsonb)
  returns text
  language plpgsql
  volatile
  security definer  -- nobody may read what fits
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_hold int;
  v_outcome text := 'there already';
  v_holds int[];
begin
  perform lethe_private.assert_may_change(null);
  v_hold := lethe_private.same_hold((entry ->> 'hold')::int, content ->> 'placed_at');
  if v_hold is not null then
    v_holds := array[v_hold];
  elsif (content ->> 'ends_on')::date < lethe_private.controller_day((select c.id from lethe.controllers as c where c.name = entry ->> 'controller')) then
    v_outcome := 'over';
  else
    v_holds := lethe_private.place_again(replay_hold.number, entry, content);
    v_outcome := case when v_holds = '{}' then 'nobody' else 'placed' end;
  end if;
  insert into lethe_private.ledger_holds (hold_id, event, number)
  select h, entry ->> 'event', replay_hold.number from unnest(v_holds) as h
  on conflict do nothing;
  perform lethe_private.know_entry(replay_hold.number, replay_hold.hash);
  return v_outcome;
end
$$;

comment on function lethe.replay_hold(bigint, text, jsonb, jsonb) is
  'Places a hold or a restriction again: placed, there already, over (its last day has passed), nobody (not in this database). Raises what placing one raises.';

create or replace function lethe_private.same_hold(id int, placed_at text)
  returns int
  language sql
  stable
return (select h.id from lethe.holds as h where h.id = same_hold.id and lethe_private.utc_text(h.placed_at) = same_hold.placed_at);

comment on function lethe_private.same_hold(int, text) is 'The hold of that number, if it was placed at that moment.';

create or replace function lethe_private.place_again(number bigint, entry jsonb, content jsonb)
  returns int[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_controller lethe.controllers;
  v_type lethe.subject_types;
  v_key text;
  v_request bigint;
  v_holds int[] := '{}';
  v_reason text := content ->> 'reason';
  v_ends_on date := content ->> 'ends_on';
begin
  if content ->> 'kind' = 'rows' then
    return array[lethe.hold_rows(v_reason, content ->> 'table', content ->> 'when', v_ends_on, entry ->> 'controller')];
  elsif content ->> 'kind' = 'table' then
    return array[lethe.hold_table(v_reason, content ->> 'table', v_ends_on, entry ->> 'controller')];
  elsif content ->> 'kind' = 'keys' then
    return array[lethe_private.hold_keys_again(entry, content)];
  end if;
  v_controller := lethe_private.get_controller(entry ->> 'controller');
  v_type := lethe_private.replay_type(entry ->> 'subject');
  -- Rather too far than too short: what one identifier alone fits is held as well.
  for v_key in select m.key from lethe_private.replay_matches as m where m.number = place_again.number order by m.key loop
    if entry ->> 'event' = 'restriction' then
      v_request := lethe_private.replay_request('restriction', v_type, v_controller, v_key, (entry ->> 'received_at')::timestamptz, place_again.number);
      perform lethe.execute_request(v_request);
      v_holds := v_holds || array(select h.id from lethe.holds as h where h.request_id = v_request);
    else
      v_holds := v_holds || lethe.hold_person(v_reason, v_type.name, key => v_key, ends_on => v_ends_on, controller => v_controller.name);
    end if;
  end loop;
  return v_holds;
end
$$;

comment on function lethe_private.place_again(bigint, jsonb, jsonb) is 'The holds that an entry asks for, placed.';

create or replace function lethe_private.hold_keys_again(entry jsonb, content jsonb)
  returns int
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold int;
begin
  insert into lethe.holds (controller_id, reason, ends_on)
  select (select c.id from lethe.controllers as c where c.name = entry ->> 'controller'), content ->> 'reason', (content ->> 'ends_on')::date
  returning id into v_hold;
  insert into lethe_private.held_keys (hold_id, table_id, key)
  select v_hold, (lethe_private.get_managed(k ->> 0)).id, k ->> 1
  from jsonb_array_elements(coalesce(nullif(content -> 'keys', 'null'), '[]')) as k;
  perform lethe_private.write_guards();
  return v_hold;
end
$$;

comment on function lethe_private.hold_keys_again(jsonb, jsonb) is 'A hold on rows by key, as an entry has it.';

-- Who is restricted is told before that ends; that was done.
create or replace function lethe.replay_release(number bigint, hash text, entry jsonb, content jsonb)
  returns int
  language plpgsql
  volatile
  security definer  -- nobody may read the state of the ledger
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_hold lethe.holds;
  v_count int := 0;
begin
  perform lethe_private.assert_may_change(null);
  for v_hold in
    select h.* from lethe.holds as h
    where h.id in (
      select s.hold_id from lethe_private.ledger_holds as s where s.number = (entry ->> 'of')::bigint
      union select lethe_private.same_hold((entry ->> 'hold')::int, content ->> 'placed_at'))
    order by h.id
  loop
    if v_hold.released_at is null and v_hold.request_id is not null then
      perform lethe.note_told(v_hold.request_id, format('before the backup was put back: ledger entry %s', replay_release.number));
      perform lethe.lift_restriction(v_hold.request_id, coalesce(content ->> 'reason', 'lifted before'));
      v_count := v_count + 1;
    elsif v_hold.released_at is null then
      perform lethe.release_hold(v_hold.id, coalesce(content ->> 'reason', 'released before'));
      v_count := v_count + 1;
    end if;
    insert into lethe_private.ledger_holds (hold_id, event, number)
    values (v_hold.id, entry ->> 'event', replay_release.number) on conflict do nothing;
  end loop;
  perform lethe_private.know_entry(replay_release.number, replay_release.hash);
  return v_count;
end
$$;

comment on function lethe.replay_release(bigint, text, jsonb, jsonb) is
  'Releases again what an entry says was released. Returns how many holds. Raises what releasing one raises.';
--! EndIncluded lethe/replay_holds.sql
--! Included lethe_private/restricted.sql
-- What is restricted (GDPR Art. 18), or kept after an erasure only because a law says so: nobody is to use it.
-- To the engine a restriction is a hold. Here is what ordinary statements ask, row by row, where the owner of a table
-- has opted in with lethe.restriction_sql. The question is that of holds: the row is named, or belongs by own and share
-- links to one that is.
create or replace view lethe_private.restricted_keys as
  select h.controller_id, k.table_id, k.key
  from lethe_private.held_keys as k
  join lethe.holds as h on h.id = k.hold_id
  where h.request_id is not null and h.released_at is null
  union all
  select q.controller_id, r.table_id, r.key
  from lethe_private.request_roots as r
  join lethe.requests as q on q.id = r.request_id
  where q.kind = 'erasure' and q.state in ('executed', 'blocked')
  union all
  -- Whose root may be gone.
  select q.controller_id, k.table_id, k.key
  from lethe_private.kept_rows as k
  join lethe.requests as q on q.id = k.request_id
  where k.retained and q.kind = 'erasure' and q.state in ('executed', 'blocked');

comment on view lethe_private.restricted_keys is 'Keys of rows that are restricted, or blocked; rows that belong to them are, too.';

-- Of one link or more: a row may be named itself on the way, where its own parent is in the archive.
create or replace function lethe_private.restricting_paths(table_id int)
  returns table (path int[])
  language sql
  stable
begin atomic
  with recursive up as (
    select array[l.id] as path, l.to_table_id, l.subject_type_id
    from lethe.links as l
    where l.table_id = restricting_paths.table_id and l.kind in ('own', 'share')
    union all
    select u.path || l.id, l.to_table_id, l.subject_type_id
    from up as u
    join lethe.links as l on l.table_id = u.to_table_id and l.subject_type_id = u.subject_type_id
      and l.kind in ('own', 'share') and l.id <> all (u.path)
  )
  select u.path from up as u;
end;

comment on function lethe_private.restricting_paths(int) is 'The links, from a table upwards, by which its rows may belong to a person.';

-- lethe.is_restricted of the key that stands at the end of a path. Where the row's own columns say that key, nothing
-- else is read; else the rows on the way are.
create or replace function lethe_private.restricted_path_sql(alias text, managed lethe.managed_tables, table_oid oid, path int[])
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_alias text := alias;
  v_oid oid := table_oid;
  v_from text[] := '{}';
  v_where text[] := '{}';
  v_link lethe.links;
  v_parent lethe.managed_tables := managed;
  v_key text := lethe_private.key_sql(alias, table_oid, managed.key_columns);
  v_owner text := coalesce(managed.controller_id::text, 'null') || ', '
    || coalesce((select format('%s.%I::text', alias, managed.controller_column) where managed.controller_column is not null), 'null');
begin
  for n in 1 .. cardinality(path) loop
    select l.* into v_link from lethe.links as l where l.id = path[n];
    select m.* into v_parent from lethe.managed_tables as m where m.id = v_link.to_table_id;
    v_key := case when n = cardinality(path) then lethe_private.key_through_sql(v_alias, v_oid, v_link.columns,
      lethe_private.host_table(v_parent.schema_name, v_parent.table_name), v_link.to_columns, v_parent.key_columns) end;
    exit when v_key is not null;
    v_where := v_where || lethe_private.reference_sql(v_alias, v_link.columns, 'r' || n, v_link.to_columns);
    v_oid := lethe_private.host_table(v_parent.schema_name, v_parent.table_name);
    v_from := v_from || format('%s as r%s', lethe_private.host_name(v_oid), n);
    v_alias := 'r' || n;
    v_key := lethe_private.key_sql(v_alias, v_oid, v_parent.key_columns);
  end loop;
  v_key := format('lethe.is_restricted(%s, %s, %s)', v_parent.id, v_key, v_owner);
  return case when v_from = '{}' then v_key
    else format('exists (select from %s where %s)', array_to_string(v_from, ', '), array_to_string(v_where || v_key, ' and ')) end;
end
$$;

comment on function lethe_private.restricted_path_sql(text, lethe.managed_tables, oid, int[]) is
  'True when the row at the end of a path (no link: the row itself) is restricted by name. Null where a table of the way is gone.';

create or replace function lethe_private.restricted_parts(alias text, managed lethe.managed_tables, table_oid oid)
  returns text[]
  language sql
  stable
begin atomic
  select array_agg(distinct x.part order by x.part)
  from (
    select lethe_private.restricted_path_sql(alias, managed, table_oid, p.path) as part
    from (select '{}'::int[] as path union all select q.path from lethe_private.restricting_paths(managed.id) as q) as p
  ) as x
  where x.part is not null;
end;

comment on function lethe_private.restricted_parts(text, lethe.managed_tables, oid) is
  'Predicates of which each says that a row is restricted; those that read other rows begin with exists.';

create or replace function lethe_private.restricting_columns(managed lethe.managed_tables)
  returns text[]
  language sql
  stable
return managed.key_columns || managed.controller_column || array(
  select c from lethe.links as l cross join unnest(l.columns) as c where l.table_id = managed.id and l.kind in ('own', 'share'));

comment on function lethe_private.restricting_columns(lethe.managed_tables) is
  'The columns of a row that say whether it is restricted: its key, whose it is, and to whom it belongs.';

-- The row comes as jsonb, so that nobody can pass a type of their own; and only the columns that are asked for are read.
create or replace function lethe_private.restricted_statement(managed lethe.managed_tables, table_oid oid)
  returns text
  language sql
  stable
begin atomic
  select format('select exists (select from pg_catalog.jsonb_to_record(($1).facts) as c (%s) where %s)',
    string_agg(format('%I %s', h.name, h.type), ', ' order by h.position),
    array_to_string(lethe_private.restricted_parts('c', managed, table_oid), ' or '))
  from lethe_private.host_columns as h
  where h.relation = table_oid and h.name = any (lethe_private.restricting_columns(managed));
end;

comment on function lethe_private.restricted_statement(lethe.managed_tables, oid) is 'Asks whether a row, as jsonb in $1, is restricted.';
--! EndIncluded lethe_private/restricted.sql
--! Included lethe/is_restricted.sql
-- What the policy and the trigger of lethe.restriction_sql ask, in everybody's statements: so everybody may. Whoever
-- calls them learns of a key or of a row that he already has whether it is restricted, and nothing else.

-- Asked once a statement: where nothing is restricted no row need be asked.
create or replace function lethe.any_restricted()
  returns boolean
  language sql
  stable
  parallel safe
  security definer  -- reads what is held, which nobody else may
  set search_path = pg_catalog, pg_temp
return exists (select from lethe.holds as h where h.request_id is not null and h.released_at is null)
  or exists (select from lethe.requests as q where q.state in ('executed', 'blocked') and q.kind = 'erasure');

comment on function lethe.any_restricted() is 'Whether anybody''s data are restricted, or kept after an erasure because a law says so.';

-- table: the number of a managed table. The controller by number, or by what stands in the row for it.
create or replace function lethe.is_restricted("table" int, key text, controller int, owner text)
  returns boolean
  language plpgsql
  stable
  parallel safe
  security definer  -- reads what is held, which nobody else may
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- Three probes of an index for nearly every row; whose key it is matters only where there is one.
  if not exists (select from lethe_private.held_keys as k where k.table_id = is_restricted."table" and k.key = is_restricted.key)
    and not exists (select from lethe_private.request_roots as r where r.table_id = is_restricted."table" and r.key = is_restricted.key)
    and not exists (select from lethe_private.kept_rows as k where k.table_id = is_restricted."table" and k.key = is_restricted.key)
  then
    return false;
  end if;
  return exists (
    select
    from lethe_private.restricted_keys as h
    join lethe.controllers as c on c.id = h.controller_id
    where h.table_id = is_restricted."table" and h.key = is_restricted.key
      and (is_restricted.controller is null or c.id = is_restricted.controller)
      -- What is written otherwise than any reference is rather restricted than not.
      and (is_restricted.owner is null or c.reference = is_restricted.owner
        or not exists (select from lethe.controllers as o where o.reference = is_restricted.owner)));
end
$$;

comment on function lethe.is_restricted(int, text, int, text) is 'Whether a row is restricted by name: its table''s number, its key, whose it is.';

create or replace function lethe.is_restricted_row("table" int, facts jsonb)
  returns boolean
  language plpgsql
  stable
  security definer  -- asks as lethe_sweeper, who may read the rows between this one and its person
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_statement text;
  v_managed lethe.managed_tables;
  v_restricted boolean;
  v_state text;
begin
  if not lethe.any_restricted() then
    return false;
  end if;
  select p.statement into v_statement
  from lethe_private.restriction_programs as p
  where p.table_id = is_restricted_row."table" and exists (select from lethe_private.guard_state as s where s.valid_until > now());
  if v_statement is null then
    select m.* into v_managed from lethe.managed_tables as m where m.id = is_restricted_row."table";
    if not found then
      return false;
    end if;
    v_statement := lethe_private.restricted_statement(v_managed, lethe_private.host_table(v_managed.schema_name, v_managed.table_name));
  end if;
  perform lethe_private.assert_asking_intact();
  begin
    v_restricted := lethe_private.ask_of_row(v_statement, row(facts)::lethe_private.asked_row, row(facts)::lethe_private.asked_row);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
  end;
  if v_restricted is null then
    raise exception using errcode = 'LE461',
      message = format('whether a row of %s is restricted cannot be told (SQLSTATE %s)', (
        select lethe_private.plain_name(m) from lethe.managed_tables as m where m.id = is_restricted_row."table"), v_state),
      hint = 'lethe.missing_rights() lists what Lethe may not read; then try again';
  end if;
  return v_restricted;
end
$$;

comment on function lethe.is_restricted_row(int, jsonb) is
  'Whether a row belongs to somebody whose data are restricted: its table''s number, and the row as to_jsonb gives it. Raises LE461 where that cannot be told.';

-- Of a TRUNCATE no row is asked: so all are, which takes as long as reading the table.
create or replace function lethe.refuse_restricted_truncate()
  returns trigger
  language plpgsql
  security definer  -- asks as lethe_sweeper, who may read the rows between these and their people
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_root oid;
  v_restricted boolean;
  v_state text;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = tg_argv[0]::int;
  v_root := lethe_private.guarded_root(tg_relid, v_managed);
  if v_root is null or not lethe.any_restricted() then
    return null;
  end if;
  perform lethe_private.assert_asking_intact();
  begin
    v_restricted := lethe_private.ask_of_row(format('select exists (select from %s as c where c.tableoid = any (%L) and (%s))', lethe_private.host_name(v_root),
      array(select r from lethe_private.relations_of(tg_relid) as r), array_to_string(lethe_private.restricted_parts('c', v_managed, v_root), ' or ')),
      row(1), row(1));
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
  end;
  if v_restricted is distinct from false then
    raise exception using errcode = 'LE461',
      message = format('TRUNCATE of %s is refused: %s', lethe_private.host_name(tg_relid), case
        when v_state is null then 'there are rows of people whose data are restricted' else format('whether there are restricted rows cannot be told (SQLSTATE %s)', v_state) end),
      hint = case when v_state is null then 'select * from lethe.list_holds() shows restrictions; lethe.lift_restriction(request, reason) ends one'
        else 'lethe.missing_rights() lists what Lethe may not read; then try again' end;
  end if;
  return null;
end
$$;

comment on function lethe.refuse_restricted_truncate() is
  'Trigger of a host''s table: refuses a TRUNCATE that would take restricted rows, to everybody. Raises LE461.';

-- Not a definer: who is writing is what it asks first. The engine has its own ways to leave alone what is restricted,
-- and has to remove what was blocked on its day.
create or replace function lethe.refuse_restricted()
  returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if current_user <> 'lethe_sweeper' and lethe.is_restricted_row(tg_argv[0]::int, to_jsonb(old)) then
    raise exception using errcode = 'LE461',
      message = format('%s of a row of %I.%I is refused: the data of this person are restricted',
        case tg_op when 'UPDATE' then 'a change' else 'DELETE' end, tg_table_schema, tg_table_name),
      hint = 'select * from lethe.list_holds() shows restrictions; lethe.lift_restriction(request, reason) ends one';
  end if;
  if tg_op = 'DELETE' then
    return old;
  end if;
  return new;
end
$$;

comment on function lethe.refuse_restricted() is
  'Trigger of a host''s table: refuses UPDATE and DELETE of restricted rows to everybody but the engine. Raises LE461.';
--! EndIncluded lethe/is_restricted.sql
--! Included lethe/restriction_sql.sql
-- What hides restricted rows of a table and refuses writes to them, for who owns it to read and to run: opt-in, since
-- the engine leaves restricted rows alone without it. Row security for reading alone: a policy for UPDATE and DELETE
-- would hide the row from the trigger, and what could have been refused loudly would be 0 rows.
create or replace function lethe.restriction_sql("table" text)
  returns text
  language plpgsql
  stable
  security definer  -- reads the catalogue of managed tables
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_root oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_part record;
  v_text text;
begin
  v_text := lethe_private.restriction_notes(v_root);
  if not exists (select from pg_roles as r where r.rolname = 'lethe_sweeper' and (r.rolbypassrls or r.rolsuper)) then
    v_text := v_text || E'-- Under row security the engine would see an error, never "0 rows": it has to pass it. This takes a superuser, or who has BYPASSRLS.\n'
      'alter role lethe_sweeper bypassrls;\n\n';
  end if;
  for v_part in
    select c.oid, c.relispartition as is_partition, c.relrowsecurity, lethe_private.host_name(c.oid) as name,
      exists (select from pg_policy as p where p.polrelid = c.oid and p.polname = 'lethe_everybody') as opened,
      exists (select from pg_policy as p where p.polrelid = c.oid and p.polname not in ('lethe_everybody', 'lethe_restriction')) as has_policies
    from lethe_private.relations_of(v_root) as r
    join pg_class as c on c.oid = r.relation and c.relkind in ('r', 'p')
    order by c.oid <> v_root, 4
  loop
    if not v_part.relrowsecurity and v_part.has_policies then
      raise exception using errcode = 'LE467',
        message = format('%s has policies, and row security is not enabled on it', v_part.name),
        hint = 'enabling it would put them in force: do so yourself, or drop them';
    end if;
    v_text := v_text || format(E'drop policy if exists lethe_restriction on %1$s;\ncreate policy lethe_restriction on %1$s as restrictive for select to public\n  using (%2$s);\n'
      'comment on policy lethe_restriction on %1$s is %3$L;\n', v_part.name, lethe_private.restriction_policy(v_managed, v_part.oid),
      lethe_private.restriction_mark(v_managed, v_part.oid));
    if v_part.opened or not v_part.relrowsecurity then
      v_text := v_text || format(E'-- There was no row security: without a policy that permits, nobody would see any row.\n'
        'drop policy if exists lethe_everybody on %1$s;\ncreate policy lethe_everybody on %1$s for all to public using (true) with check (true);\n', v_part.name);
    end if;
    v_text := v_text || format(E'alter table %s enable row level security;\n', v_part.name);
    -- Partitions have the trigger from their parent, those to come as well; inheritance children do not.
    if not v_part.is_partition then
      v_text := v_text || format(E'create or replace trigger lethe_restriction before update or delete on %1$s\n  for each row execute function lethe.refuse_restricted(%2$L);\n'
        'alter table %1$s enable always trigger lethe_restriction;\n', v_part.name, v_managed.id);
    end if;
    -- TRUNCATE of a partition fires its own trigger alone.
    v_text := v_text || format(E'create or replace trigger lethe_restriction_truncate before truncate on %1$s\n  for each statement execute function lethe.refuse_restricted_truncate(%2$L);\n'
      'alter table %1$s enable always trigger lethe_restriction_truncate;\n\n', v_part.name, v_managed.id);
  end loop;
  return v_text;
end
$$;

comment on function lethe.restriction_sql(text) is
  'The statements that hide restricted and blocked rows of a table from ordinary roles and refuse writes to them, with who passes. Raises LE102, LE467.';

-- Who passes, by name, as it is today. In a comment a name may not begin a line: that would be a statement.
create or replace function lethe_private.restriction_notes(root oid)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := lethe_private.host_name(root);
  v_owner oid := (select c.relowner from pg_class as c where c.oid = root);
  v_roles text := (
    select string_agg(quote_ident(r.rolname), ', ' order by r.rolname) from pg_roles as r
    where r.oid <> v_owner and (r.rolsuper or r.rolbypassrls or pg_has_role(r.oid, v_owner, 'usage')));
  -- A view reads as its owner, unless it says security_invoker.
  v_views text := (
    select string_agg(distinct lethe_private.host_name(v.oid), ', ' order by lethe_private.host_name(v.oid))
    from pg_depend as d
    join pg_rewrite as w on w.oid = d.objid
    join pg_class as v on v.oid = w.ev_class and v.relkind in ('v', 'm') and v.oid <> root
    join pg_roles as r on r.oid = v.relowner
    where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
      and d.refobjid in (select x.relation from lethe_private.relations_of(root) as x)
      and (v.relkind = 'm' or not coalesce(v.reloptions @> array['security_invoker=true'] or v.reloptions @> array['security_invoker=on'], false))
      and (r.rolsuper or r.rolbypassrls or pg_has_role(r.oid, v_owner, 'usage')));
begin
  return format(E'-- Restriction (GDPR Art. 18) of %1$s: for its owner to read, and to run in one transaction.\n'
    '--\n'
    '-- Rows of people whose data are restricted, or kept after an erasure only because a law says so, are hidden from\n'
    '-- reading, and UPDATE, DELETE and TRUNCATE of them are refused (LE461). To whom a row is hidden, an UPDATE that has\n'
    '-- to read it finds 0 rows. INSERT is not refused.\n'
    '--\n'
    '-- Who passes the policy, and reads them: the owner %2$s%3$s%4$s.\n'
    '-- Not FORCE ROW LEVEL SECURITY: the owner''s pg_dump would fail. A dump by a role that does not pass fails, too,\n'
    '-- rather than be incomplete.\n'
    '-- Who passes the triggers: lethe_sweeper, which honours restrictions by itself; and who may disable a trigger: the\n'
    '-- owner of the table and superusers.\n'
    '-- While the policy stands, the type of the columns it names cannot be altered: lethe.unrestriction_sql takes it off.\n\n',
    lethe_private.on_one_line(v_name), lethe_private.on_one_line(quote_ident(pg_get_userbyid(v_owner))),
    coalesce(', ' || lethe_private.on_one_line(v_roles), ''), coalesce(E';\n-- and whoever reads the views ' || lethe_private.on_one_line(v_views), ''));
end
$$;

comment on function lethe_private.restriction_notes(oid) is 'The comment that heads lethe.restriction_sql: who passes.';

-- Asked first, once a statement, whether anything is restricted at all. What has to read other rows is left to a
-- function, which may; and so is all of it where the text of a key depends on the settings of the session.
create or replace function lethe_private.restriction_policy(managed lethe.managed_tables, relation oid)
  returns text
  language sql
  stable
begin atomic
  select format(E'(select not lethe.any_restricted())\n    or not (%s)', string_agg(distinct case when p like 'exists%' or exists (
      select from lethe_private.host_columns as h
      where h.relation = restriction_policy.relation and h.name = any (lethe_private.restricting_columns(managed))
        and (h.type_name in ('bytea', 'float4', 'float8', 'interval') or h.type_schema <> 'pg_catalog' and h.type_category not in ('S', 'E')))
    then format('lethe.is_restricted_row(%s, to_jsonb(%I.*))', managed.id, c.relname) else p end, E'\n      or '))
  from pg_catalog.pg_class as c
  cross join lateral unnest(lethe_private.restricted_parts(format('%I', c.relname), managed, relation)) as p
  where c.oid = restriction_policy.relation
  group by c.relname;
end;

comment on function lethe_private.restriction_policy(lethe.managed_tables, oid) is 'The expression of the policy of lethe.restriction_sql.';

create or replace function lethe_private.restriction_mark(managed lethe.managed_tables, relation oid)
  returns text
  language sql
  stable
return 'Hides what is restricted; written by lethe.restriction_sql for links ' || left(md5(lethe_private.restriction_policy(managed, relation)), 12) || '.';

comment on function lethe_private.restriction_mark(lethe.managed_tables, oid) is
  'The comment of the policy, by which lethe.restriction_findings sees that it is what would be written today.';

create or replace function lethe.unrestriction_sql("table" text)
  returns text
  language plpgsql
  stable
  security definer  -- reads the catalogue of managed tables
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
begin
  return (
    select string_agg(x.statement, E'\n' order by lethe_private.host_name(r.relation), x.n, x.statement)
    from lethe_private.relations_of(lethe_private.host_table(v_managed.schema_name, v_managed.table_name)) as r
    cross join lateral (
      select 1, format('drop trigger %I on %s;', t.tgname, lethe_private.host_name(r.relation))
      from pg_trigger as t where t.tgrelid = r.relation and t.tgname in ('lethe_restriction', 'lethe_restriction_truncate') and t.tgparentid = 0
      union all
      select 2, format('drop policy lethe_restriction on %s;', lethe_private.host_name(r.relation))
      where exists (select from pg_policy as p where p.polrelid = r.relation and p.polname = 'lethe_restriction')
      union all
      -- As it was: lethe_everybody stands where there was no row security before. Policies that the host has made since
      -- stay in force.
      select 3, format(E'drop policy lethe_everybody on %s;', lethe_private.host_name(r.relation))
        || case when exists (select from pg_policy as o where o.polrelid = r.relation and o.polname not in ('lethe_everybody', 'lethe_restriction')) then ''
          else format(E'\nalter table %s disable row level security;', lethe_private.host_name(r.relation)) end
      where exists (select from pg_policy as p where p.polrelid = r.relation and p.polname = 'lethe_everybody')
    ) as x (n, statement));
end
$$;

comment on function lethe.unrestriction_sql(text) is
  'The statements that take off what lethe.restriction_sql put on a table; null where there is nothing. Raises LE102.';
--! EndIncluded lethe/restriction_sql.sql
--! Included lethe/restriction_findings.sql
-- What of lethe.restriction_sql is not as it would be written today: a link was added, a partition came, a trigger is
-- disabled. And, while something is restricted, which tables have none of it: that is opt-in, and the engine honours
-- restrictions without.
create or replace function lethe.restriction_findings()
  returns table (finding text, object text, sentence text, remedy text)
  language sql
  stable
  security definer  -- reads what is held
  set jit = off
begin atomic
  with reached as (
    select m as managed, m.id, lethe_private.plain_name(m) as name, lethe_private.host_table(m.schema_name, m.table_name) as oid,
      exists (select from (select distinct r.table_id from lethe_private.restricted_keys as r) as k where k.table_id = m.id
        or exists (select from lethe_private.restricting_paths(m.id) as p join lethe.links as l on l.id = any (p.path) and l.to_table_id = k.table_id)) as restricted
    from lethe.managed_tables as m
  ), parts as (
    select r.*, x.relation, lethe_private.host_name(x.relation) as part, c.relrowsecurity,
      obj_description(p.oid, 'pg_policy') = lethe_private.restriction_mark(r.managed, x.relation) as is_current,
      p.oid is not null as has_policy,
      exists (select from pg_catalog.pg_trigger as t where t.tgrelid = x.relation and t.tgfoid = 'lethe.refuse_restricted()'::regprocedure
        and t.tgenabled = 'A' and t.tgtype & 26 = 26 and t.tgqual is null and cardinality(t.tgattr::int2[]) = 0) as has_trigger,
      exists (select from pg_catalog.pg_trigger as t where t.tgrelid = x.relation and t.tgfoid = 'lethe.refuse_restricted_truncate()'::regprocedure
        and t.tgenabled = 'A' and t.tgtype & 34 = 34) as has_truncate_trigger
    from reached as r
    cross join lateral lethe_private.relations_of(r.oid) as x
    join pg_catalog.pg_class as c on c.oid = x.relation and c.relkind in ('r', 'p')
    left join pg_catalog.pg_policy as p on p.polrelid = x.relation and p.polname = 'lethe_restriction' and not p.polpermissive
  ), tables as (
    select p.id, p.name, p.restricted, bool_or(p.has_policy or p.has_trigger or p.has_truncate_trigger) as opted
    from parts as p group by p.id, p.name, p.restricted
  )
  select 'not hidden', t.name, format('%s has restricted rows, which everybody who may read the table reads', t.name),
    format('select lethe.restriction_sql(%L)', t.name)
  from tables as t where t.restricted and not t.opted
  union all
  select 'restriction outdated', p.part, format('%s on %s is missing, disabled, or not what the policy asks for today',
      concat_ws(' and ', case when not coalesce(p.is_current and p.relrowsecurity, false) then 'the policy lethe_restriction' end,
        case when not p.has_trigger then 'the trigger lethe_restriction' end,
        case when not p.has_truncate_trigger then 'the trigger lethe_restriction_truncate' end), p.part),
    format('select lethe.restriction_sql(%L)', p.name)
  from parts as p
  join tables as t on t.id = p.id and t.opted
  where not coalesce(p.is_current and p.relrowsecurity and p.has_trigger and p.has_truncate_trigger, false)
  order by 1, 2;
end;

comment on function lethe.restriction_findings() is
  'Tables with restricted rows that nothing hides, and policies and triggers of lethe.restriction_sql that are missing or outdated.';
--! EndIncluded lethe/restriction_findings.sql
--! Included lethe/lift_restriction.sql
-- The end of a restriction (GDPR Art. 18(3)): the person is told before, and that is written down.
--
--   select lethe.note_told(7, 'letter of 3 March');
--   select lethe.lift_restriction(7, 'the data were checked and are right');
create or replace function lethe.note_told(request bigint, how text)
  returns void
  language plpgsql
  volatile
  security definer  -- agents may not write events
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(note_told.request);
begin
  if coalesce(note_told.how, '') !~ '\S' then
    raise exception using errcode = 'LE462',
      message = format('it is not said how the person of request %s was told', v_request.id),
      hint = 'say how (a letter, a call), not who: it is kept';
  end if;
  insert into lethe.request_events (request_id, event, reason) values (v_request.id, 'told', btrim(note_told.how));
end
$$;

comment on function lethe.note_told(bigint, text) is 'Writes down that the person was told, and how. Raises LE114, LE462.';

create or replace function lethe.lift_restriction(request bigint, reason text)
  returns void
  language plpgsql
  volatile
  security definer  -- officers and agents may not write the tables of holds
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(lift_restriction.request);
  v_hold lethe.holds := lethe_private.restriction_of(v_request);
begin
  if coalesce(lift_restriction.reason, '') !~ '\S' then
    raise exception using errcode = 'LE462',
      message = format('no reason is given for lifting the restriction of request %s', v_request.id),
      hint = 'say why; the reason is kept';
  elsif not exists (
    select from lethe.request_events as e where e.request_id = v_request.id and e.event = 'told' and e.at >= v_hold.placed_at)
  then
    raise exception using errcode = 'LE462',
      message = format('the person of request %s has not been told that the restriction ends', v_request.id),
      hint = format('tell them first (GDPR Art. 18(3)), and then: lethe request told %1$s --how TEXT, or select lethe.note_told(%1$s, how)', v_request.id);
  end if;
  perform lethe_private.lock_hold(v_hold.id);
  perform lethe_private.end_hold(v_hold.id, lift_restriction.reason);
  insert into lethe.request_events (request_id, event, reason) values (v_request.id, 'restriction lifted', btrim(lift_restriction.reason));
end
$$;

comment on function lethe.lift_restriction(bigint, text) is
  'Ends the restriction of a request: what is overdue is done in the next cycle. The person has to have been told. Raises LE114, LE462.';

create or replace function lethe_private.restriction_of(request lethe.requests)
  returns lethe.holds
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold lethe.holds;
begin
  select h.* into v_hold from lethe.holds as h where h.request_id = request.id and h.released_at is null order by h.id limit 1;
  if not found then
    raise exception using errcode = 'LE462',
      message = format('request %s has no restriction in force', request.id),
      hint = 'select * from lethe.list_holds() shows those there are';
  end if;
  return v_hold;
end
$$;

comment on function lethe_private.restriction_of(lethe.requests) is 'The restriction of a request that is in force. Raises LE462.';

create or replace function lethe.restricted_rows(request bigint)
  returns table (table_name text, live bigint, archived bigint)
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper, and in the archive, which nobody else reads
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold lethe.holds := lethe_private.restriction_of(lethe_private.get_request(restricted_rows.request));
begin
  return query select r.table_name, r.live, r.archived from lethe.held_rows(v_hold.id) as r;
end
$$;

comment on function lethe.restricted_rows(bigint) is
  'How many rows the restriction of a request reaches now, table by table, live and archived. Raises LE114, LE462, LE501.';
--! EndIncluded lethe/lift_restriction.sql
--! Included lethe_private/execute_restriction.sql
-- A restriction (GDPR Art. 18) is a hold on the person: so cycles, archive, partitions and guards leave it alone as
-- they leave any hold. It has no last day; it is lifted.
create or replace function lethe_private.execute_restriction(request lethe.requests)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types := lethe_private.type_of_request(request);
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_hold int;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = v_type.table_id;
  select c.* into v_controller from lethe.controllers as c where c.id = request.controller_id;
  v_hold := lethe_private.place_person_hold(format('restriction, request %s', request.id), v_type, v_managed, v_controller, null);
  update lethe.holds as h set request_id = request.id where h.id = v_hold;
  perform lethe_private.hold_keys(v_hold, v_type, v_controller, lethe_private.keys_of_request(request));
end
$$;

comment on function lethe_private.execute_restriction(lethe.requests) is
  'Restricts the data of the person of a request. Raises LE102, LE109, LE407, LE460, LE501.';

create or replace function lethe_private.type_of_request(request lethe.requests)
  returns lethe.subject_types
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
begin
  select s.* into v_type from lethe.subject_types as s where s.name = request.subject;
  if not found then
    raise exception using errcode = 'LE109',
      message = format('subject type %L, which request %s is about, does not exist any more', request.subject, request.id),
      hint = 'lethe.subject_types lists them';
  end if;
  return v_type;
end
$$;

comment on function lethe_private.type_of_request(lethe.requests) is 'The subject type of a request. Raises LE109.';

create or replace function lethe_private.keys_of_request(request lethe.requests)
  returns text[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys text[] := array(select r.key from lethe_private.request_roots as r where r.request_id = request.id order by r.n);
begin
  if v_keys = '{}' then
    raise exception using errcode = 'LE460',
      message = format('request %s names nobody any more', request.id),
      hint = 'who a request is about is forgotten when it has ended: open a new one';
  end if;
  return v_keys;
end
$$;

comment on function lethe_private.keys_of_request(lethe.requests) is 'The keys of the root rows of a request. Raises LE460.';
--! EndIncluded lethe_private/execute_restriction.sql
--! Included lethe_private/personal_columns.sql
-- What a person is told of each column (GDPR Art. 15(1)): for which purposes, on which basis, until when. What the
-- policy does not say is said to be not recorded, rather than left out.
create or replace function lethe_private.rules_told(managed lethe.managed_tables, controller lethe.controllers, column_name text)
  returns jsonb
  language sql
  stable
begin atomic
  with rules as (
    select r.id, e.sentence
    from lethe.rules as r
    cross join lateral lethe_private.effective_rule(managed, r, controller) as e
    where r.table_id = managed.id and r.column_name is not distinct from rules_told.column_name and r.action <> 'minimum' and e.sentence is not null
  ), related as (
    -- What else decides how long a row stays.
    select 1 as n, format('a row of %s leaves together with its row of %s.', lethe_private.plain_name(managed), lethe_private.plain_name(p)) as sentence
    from lethe.managed_tables as p
    where p.id in (select l.to_table_id from lethe.links as l where l.table_id = managed.id and l.on_purge = 'with parent')
    union all
    select 2, format('a row of %s stays as long as a row of %s refers to it.', lethe_private.plain_name(managed), lethe_private.list_in_words(array_agg(distinct k.name), 'or'))
    from (
      select coalesce(lethe_private.plain_name(m), lethe_private.host_name(f.child)) as name
      from lethe_private.references_to(lethe_private.host_table(managed.schema_name, managed.table_name)) as f
      left join lethe.managed_tables as m on m.id = f.managed_id
      where f.on_purge = 'keep' and f.foreign_key is not null and exists (select from rules)
    ) as k
    having count(*) > 0
  )
  select coalesce(jsonb_agg(x.sentence order by x.n, x.id, x.sentence), '[]')
  from (
    select 0 as n, r.id, r.sentence from rules as r
    union all
    select r.n, 0, r.sentence from related as r where rules_told.column_name is null
  ) as x;
end;

comment on function lethe_private.rules_told(lethe.managed_tables, lethe.controllers, text) is
  'How long a column (null: a row) is kept, as sentences.';

create or replace function lethe_private.personal_columns(managed lethe.managed_tables, relation oid, controller lethe.controllers, mirror_id int)
  returns table (name text, number int, category text, legal_basis text, sql text, facts jsonb)
  language sql
  stable
begin atomic
  select h.name, h.position::int, c.category, c.legal_basis,
    -- JSON that every reader reads alike: no digit is lost, and bytes are base64.
    case
      when h.type_name = 'bytea' then format('encode(c.%I, ''base64'')', h.name)
      when h.type_name = 'numeric' then format('c.%I::text', h.name)
      when h.type_name = 'int8' then format('case when abs(c.%1$I::numeric) < 9007199254740992 then to_jsonb(c.%1$I) else to_jsonb(c.%1$I::text) end', h.name)
      else format('c.%I', h.name)
    end,
    jsonb_build_object(
      'name', h.name,
      'category', coalesce(c.category, 'not recorded'),
      'purposes', to_jsonb(array(
        select distinct p from (
          select unnest(c.purposes) as p
          union all
          select t.purpose from lethe.rules as r
          join lethe_private.effective_terms(managed.id, controller.id) as t on t.rule_id = r.id
          where r.table_id = managed.id and r.column_name = h.name and r.action <> 'minimum') as x
        where p is not null order by p)),
      'legal_basis', coalesce(c.legal_basis, 'not recorded'),
      'source', 'not recorded',
      'rules', lethe_private.rules_told(managed, controller, h.name))
  from lethe_private.host_columns as h
  left join lethe.managed_columns as c on c.table_id = managed.id and c.column_name = h.name
  where h.relation = personal_columns.relation and h.name !~ '^lethe\$'
    and (personal_columns.mirror_id is null or h.name = any (managed.key_columns) or exists (
      select from lethe_private.mirror_columns as m
      where m.mirror_id = personal_columns.mirror_id and m.column_name = h.name and m.holds_value))
  order by h.position;
end;

comment on function lethe_private.personal_columns(lethe.managed_tables, oid, lethe.controllers, int) is
  'The columns of a table, or of a mirror of it, with how each is written as JSON and what a person is told of it.';

-- Provided by the person, and on consent or for a contract (Art. 20(1)); where no basis is recorded, rather given than not.
create or replace function lethe_private.is_portable(category text, legal_basis text)
  returns boolean
  language sql
  immutable
return coalesce(category, '') in ('direct identifier', 'contact', 'quasi-identifier', 'special category', 'content')
  and (legal_basis is null or legal_basis ~* '(consent|contract|6\(1\)\([ab]\)|9\(2\)\(a\))');

comment on function lethe_private.is_portable(text, text) is 'True for a column that belongs to the right to portability.';
--! EndIncluded lethe_private/personal_columns.sql
--! Included lethe_private/personal_masks.sql
-- Other people's data in rows that are also, or rather, theirs. A row that several share shows this person's part; one
-- that only mentions the person shows that it does, and when. A reference to a person is shown where it leads to one of
-- the rows reached, and nowhere else, whatever the row.
create or replace function lethe_private.facts_at(facts jsonb, columns text[])
  returns jsonb
  language sql
  immutable
return case when not facts ?& columns then null else (
  select case when bool_or(facts -> x.c = 'null') then null else jsonb_agg(facts -> x.c order by x.n) end
  from unnest(columns) with ordinality as x (c, n)) end;

comment on function lethe_private.facts_at(jsonb, text[]) is 'What some columns of a row hold, as an array; null when one of them is null or not known.';

create or replace function lethe_private.references_to_people()
  returns table (table_id int, columns text[], to_table_id int, to_columns text[])
  language sql
  stable
begin atomic
  select l.table_id, l.columns, l.to_table_id, l.to_columns
  from lethe.links as l
  where l.kind in ('own', 'share', 'mention')
  union
  select c.table_id, r.child_columns, p.table_id, r.parent_columns
  from lethe_private.host_references as r
  join lethe_private.managed_relations as c on c.relation = r.child
  join lethe_private.managed_relations as p on p.relation = r.parent
  where p.table_id in (select s.table_id from lethe.subject_types as s);
end;

comment on function lethe_private.references_to_people() is
  'The columns by which a row says whose it is or whom it is about: declared links, and foreign keys to tables of people.';

-- inside, outside: columns of references that lead to rows of this person, and to others.
create or replace function lethe_private.personal_masks(rows lethe_private.reached_row[])
  returns table (n int, inside text[], outside text[])
  language sql
  stable
begin atomic
  with reached as materialized (
    select r.n::int as n, r.table_id, r.facts
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
  ), refs as materialized (
    select x.* from lethe_private.references_to_people() as x where x.table_id in (select r.table_id from reached as r)
  ), targets as materialized (
    select distinct x.to_table_id, x.to_columns, lethe_private.facts_at(r.facts, x.to_columns) as found
    from refs as x join reached as r on r.table_id = x.to_table_id
  ), pointed as (
    select r.n, x.columns, t.found is not null as is_inside
    from refs as x
    join reached as r on r.table_id = x.table_id
    left join targets as t on t.to_table_id = x.to_table_id and t.to_columns = x.to_columns and t.found = lethe_private.facts_at(r.facts, x.columns)
    where lethe_private.facts_at(r.facts, x.columns) is not null
  )
  select p.n, coalesce(array_agg(distinct c) filter (where p.is_inside), '{}'), coalesce(array_agg(distinct c) filter (where not p.is_inside), '{}')
  from pointed as p cross join unnest(p.columns) as c
  group by p.n;
end;

comment on function lethe_private.personal_masks(lethe_private.reached_row[]) is
  'Of each row reached, by its number, the columns of references that lead to this person and of those that lead to others.';

create or replace function lethe_private.masked(facts jsonb, columns text[])
  returns jsonb
  language sql
  immutable
return (
  select jsonb_object_agg(e.key, case when e.key = any (columns) and e.value <> 'null' then '"***"' else e.value end)
  from jsonb_each(facts) as e);

comment on function lethe_private.masked(jsonb, text[]) is 'The row with *** where some columns hold something.';
--! EndIncluded lethe_private/personal_masks.sql
--! Included lethe_private/personal_rows.sql
-- The rows that were reached, whole: of one table and place, in one statement. Live ones as lethe_sweeper, archived ones
-- as the owner of the archive. Each with the days on which its rules end it, where the row itself says so.
create or replace function lethe_private.personal_rows(
  managed lethe.managed_tables, mirror_id int, controller lethe.controllers, rows lethe_private.reached_row[], columns text[], expressions text[]
)
  returns table (n int, content jsonb, ends jsonb)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror text := (select m.name from lethe_private.mirrors as m where m.id = personal_rows.mirror_id);
  v_oid oid := case when v_mirror is null then lethe_private.host_table(managed.schema_name, managed.table_name)
    else lethe_private.host_table('lethe_archive', v_mirror) end;
  v_keys text[] := case when v_mirror is null then managed.key_columns else array['lethe$key'] end;
  v_known bytea;
  v_statement text;
  v_facts jsonb;
  v_state text;
begin
  v_known := convert_to(jsonb_build_object('rows', (
    select coalesce(jsonb_agg(case when v_mirror is null
        then (select jsonb_object_agg(k, r.facts -> k) from unnest(managed.key_columns) as k)
        else jsonb_build_object('lethe$key', r.key) end || jsonb_build_object('lethe$n', r.n)), '[]')
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)))::text, 'UTF8');
  v_statement := format(
    'select coalesce(jsonb_agg(jsonb_build_array(p."lethe$n", (select to_jsonb(f.*) from (select %s) as f), %s, %s)), ''[]''), null::oid, null::tid[] from %s join %s as c on %s%s',
    (select string_agg(format('%s as %I', x.e, x.c), ', ' order by x.n) from unnest(columns, expressions) with ordinality as x (c, e, n)),
    case when v_mirror is null then lethe_private.row_ends_sql(managed, v_oid, controller) else '''{}''::jsonb' end,
    case when v_mirror is null then 'null::jsonb' else 'to_jsonb(c.*)' end,
    lethe_private.known_rows_sql(v_oid, v_keys), lethe_private.host_name(v_oid), lethe_private.matches_sql(v_oid, v_keys, v_oid, v_keys),
    case when v_mirror is null then '' else format(' where c."lethe$controller" = %s', controller.id) end);
  if v_mirror is null then
    select r.facts into v_facts from lethe_private.run_as_sweeper(v_statement, managed, null, v_known) as r;
  else
    select r.facts into v_facts from lethe_private.run_on_archive(v_statement, null, v_known) as r;
  end if;
  -- A row of the archive may bear the key of another person's: what it holds tells them apart.
  return query
    select (f ->> 0)::int, f -> 1, f -> 2
    from jsonb_array_elements(v_facts) as f
    where v_mirror is null or (f -> 3) @> ((rows[(f ->> 0)::int]).facts - 'lethe$since')
    order by 1;
exception
  when insufficient_privilege then
    raise exception using errcode = 'LE501',
      message = format('lethe_sweeper may not read every column of %s', lethe_private.plain_name(managed)),
      hint = format('grant select on %I.%I to lethe_sweeper', managed.schema_name, managed.table_name);
  when query_canceled then
    raise exception using errcode = 'query_canceled', message = 'canceled while rows of a person were read', hint = 'try again';
  -- The message of a cast of the host's own quotes what it was given.
  when others then
    get stacked diagnostics v_state = returned_sqlstate;
    if v_state like 'LE%' then
      raise;
    end if;
    raise exception using errcode = v_state,
      message = format('rows of %s cannot be written as JSON (SQLSTATE %s)', lethe_private.plain_name(managed), v_state),
      hint = 'a type of yours has a cast to json that fails on one of them';
end
$$;

comment on function lethe_private.personal_rows(lethe.managed_tables, int, lethe.controllers, lethe_private.reached_row[], text[], text[]) is
  'Rows by their number in the given ones, as JSON, with the days on which rules end them: {column, or "" for the row: day}. Raises LE501.';

-- What ends a value is its anonymization or purge, whichever comes first; what is archived is still kept.
create or replace function lethe_private.row_ends_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers)
  returns text
  language sql
  stable
begin atomic
  select coalesce(lethe_private.object_sql(array_agg(format('%L, to_jsonb(nullif(least(%s), ''infinity''))', x.column_name, x.days))), '''{}''::jsonb')
  from (
    select coalesce(r.column_name, '') as column_name, string_agg(format('(%s)', d.day), ', ') as days
    from lethe_private.due_days('c', managed, table_oid, controller, lethe_private.today(controller.time_zone)) as d
    join lethe.rules as r on r.id = substr(d.flag, 2)::int and r.action in ('anonymize', 'purge')
    group by r.column_name
  ) as x;
end;

comment on function lethe_private.row_ends_sql(lethe.managed_tables, oid, lethe.controllers) is
  'SQL of the days on which the rules of a table end values of row c, and the row.';
--! EndIncluded lethe_private/personal_rows.sql
--! Included lethe/personal_data.sql
-- Everything that is kept about a person (GDPR Art. 15), or what the person has provided (Art. 20), as one JSON document,
-- computed from the policy as it is now. For lethe request package, and for psql. portable: what the person provided, and
-- nothing else; unless said, as the kind of the request is.
create or replace function lethe.personal_data(request bigint, portable boolean default null)
  returns jsonb
  language plpgsql
  volatile
  security definer  -- reads host tables as lethe_sweeper, and the archive, which nobody else reads
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'  -- one way to write an instant
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(personal_data.request);
  v_type lethe.subject_types;
  v_controller lethe.controllers;
  v_rows lethe_private.reached_row[];
  v_portable boolean := coalesce(personal_data.portable, v_request.kind = 'portability');
begin
  if v_request.kind not in ('access', 'portability') or v_request.state <> 'approved' then
    raise exception using errcode = 'LE463',
      message = format('request %s is one of %s, and %s', v_request.id, v_request.kind, v_request.state),
      hint = lethe_private.how_to_answer(v_request);
  end if;
  v_type := lethe_private.type_of_request(v_request);
  select c.* into v_controller from lethe.controllers as c where c.id = v_request.controller_id;
  v_rows := lethe_private.reach(v_type, v_controller, lethe_private.keys_of_request(v_request), false);
  insert into lethe.request_events (request_id, event, reason)
  values (v_request.id, 'data read', case when v_portable then 'what the person provided' else 'everything' end);
  return jsonb_build_object(
    'format', 1,
    'kind', case when v_portable then 'portability' else 'access' end,
    'request', v_request.id,
    'subject', v_type.name,
    'controller', jsonb_build_object('name', v_controller.name, 'title', v_controller.title, 'time_zone', v_controller.time_zone),
    'generated_at', to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'tables', lethe_private.personal_tables(v_rows, v_controller, v_portable),
    'recipients', lethe_private.recipients_told(v_controller.id),
    'source', 'not recorded',
    'automated_decisions', 'not recorded',
    'rights', to_jsonb(array['access', 'rectification', 'erasure', 'restriction', 'portability', 'objection', 'complaint']));
end
$$;

comment on function lethe.personal_data(bigint, boolean) is
  'What is kept about the person of an approved request of access or portability, or what the person provided, with purposes, basis, recipients and until when; other people''s data masked. Raises LE114, LE421, LE460, LE463, LE501.';

-- Whoever is told nothing any more has had the data all the same (Art. 15(1)(c)).
create or replace function lethe_private.recipients_told(controller_id int)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object('name', x.name, 'since', to_char(x.since, 'YYYY-MM-DD'), 'until', to_char(x.until, 'YYYY-MM-DD')) order by x.name), '[]')
  from (
    select r.name, min(r.added_at) as since, case when bool_and(r.removed_at is not null) then max(r.removed_at) end as until
    from lethe.recipients as r where r.controller_id = recipients_told.controller_id
    group by r.name
  ) as x;
end;

comment on function lethe_private.recipients_told(int) is
  'The recipients of a controller as a person is told of them: since when; until when, where that is over.';

create or replace function lethe_private.personal_tables(rows lethe_private.reached_row[], controller lethe.controllers, portable boolean)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_masks jsonb := (select coalesce(jsonb_object_agg(m.n, jsonb_build_object('inside', m.inside, 'outside', m.outside)), '{}') from lethe_private.personal_masks(rows) as m);
  v_part record;
  v_table jsonb;
  v_all jsonb := '[]';
begin
  for v_part in
    select m as managed, r.mirror_id, r.kind, array_agg(r.n::int order by lethe_private.facts_at(r.facts, m.key_columns), r.n) as numbers
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    join lethe.managed_tables as m on m.id = r.table_id
    -- What only names the person was not provided by the person.
    where not (portable and r.kind = 'mention')
    group by m.id, r.mirror_id, r.kind
    order by array_position(array['root', 'own', 'share', 'mention'], r.kind), m.schema_name collate "C", m.table_name collate "C", r.mirror_id nulls first
  loop
    v_table := lethe_private.personal_table(v_part.managed, v_part.mirror_id, v_part.kind, controller, rows, v_part.numbers, v_masks, portable);
    v_all := v_all || case when v_table is null then '[]' else jsonb_build_array(v_table) end;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.personal_tables(lethe_private.reached_row[], lethe.controllers, boolean) is
  'The rows reached, table by table, for lethe.personal_data.';

create or replace function lethe_private.personal_table(
  managed lethe.managed_tables, mirror_id int, kind text, controller lethe.controllers, rows lethe_private.reached_row[], numbers int[],
  masks jsonb, portable boolean
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror_kind text := (select m.kind from lethe_private.mirrors as m where m.id = personal_table.mirror_id);
  v_oid oid := coalesce((select lethe_private.host_table('lethe_archive', m.name) from lethe_private.mirrors as m where m.id = personal_table.mirror_id),
    lethe_private.host_table(managed.schema_name, managed.table_name));
  v_names text[]; v_expressions text[]; v_told jsonb; v_dated text[]; v_rows jsonb;
begin
  -- Keys, and what refers to them, put the rows together again, whatever their category.
  select array_agg(c.name order by c.number), array_agg(c.sql order by c.number), jsonb_agg(c.facts order by c.number)
    into v_names, v_expressions, v_told
  from lethe_private.personal_columns(managed, v_oid, controller, personal_table.mirror_id) as c
  where not portable or lethe_private.is_portable(c.category, c.legal_basis)
    or c.name = any (managed.key_columns) or c.name = any (lethe_private.restricting_columns(managed)) and c.name is distinct from managed.controller_column;
  if portable and v_names <@ lethe_private.restricting_columns(managed) then
    return null;
  end if;
  v_dated := array(select h.name from lethe_private.host_columns as h where h.relation = v_oid and h.type_name in ('date', 'timestamp', 'timestamptz'));
  select jsonb_agg(jsonb_build_object('values', lethe_private.masked(r.content, case personal_table.kind
        when 'mention' then array(
          select x from unnest(v_names) as x
          where not (x = any (managed.key_columns || v_dated || y.inside)) or x = any (y.outside))
        else y.outside end),
      'until', jsonb_build_object('row', r.ends -> '', 'columns', (
        select coalesce(jsonb_object_agg(e.key, e.value) filter (where e.key <> '' and e.key = any (v_names) and e.value <> 'null'), '{}') from jsonb_each(r.ends) as e)))
      order by r.n)
    into v_rows
  from lethe_private.personal_rows(managed, personal_table.mirror_id, controller, array(select rows[i] from unnest(numbers) as i), v_names, v_expressions) as r
  cross join lateral (
    select array(select jsonb_array_elements_text(m -> 'inside')) as inside, array(select jsonb_array_elements_text(m -> 'outside')) as outside
    from (select masks -> numbers[r.n]::text as m) as z) as y;
  return jsonb_build_object(
    'table', lethe_private.plain_name(managed),
    'kind', personal_table.kind,
    'place', case v_mirror_kind when 'rows' then 'archive' when 'values' then 'archived values' else 'live' end,
    'key', to_jsonb(managed.key_columns),
    'rules', lethe_private.rules_told(managed, controller, null),
    'columns', v_told,
    'rows', coalesce(v_rows, '[]'));
end
$$;

comment on function lethe_private.personal_table(
  lethe.managed_tables, int, text, lethe.controllers, lethe_private.reached_row[], int[], jsonb, boolean) is
  'One table of lethe.personal_data; null where it has nothing that is portable.';
--! EndIncluded lethe/personal_data.sql
--! Included lethe/packages.sql
-- The answer to a request of access or portability, kept until it is fetched: encrypted by whoever made it, with a key
-- that only the link has. The database knows a hash of the link's token, and cannot read what it keeps.
create or replace function lethe.store_package(request bigint, token_hash bytea, content bytea, media_type text, expires_at timestamptz)
  returns bigint
  language plpgsql
  volatile
  security definer  -- nobody but the engine writes packages
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(store_package.request);
  v_id bigint;
begin
  if v_request.kind not in ('access', 'portability') or v_request.state <> 'approved' then
    raise exception using errcode = 'LE463',
      message = format('request %s is one of %s, and %s', v_request.id, v_request.kind, v_request.state),
      hint = lethe_private.how_to_answer(v_request);
  elsif octet_length(store_package.token_hash) is distinct from 32 or not isfinite(store_package.expires_at)
    or store_package.expires_at <= now() or store_package.expires_at > now() + interval '90 days'
  then
    raise exception using errcode = 'LE463',
      message = format('the package of request %s cannot be kept like this', v_request.id),
      hint = 'give the SHA-256 of its token, and an end within 90 days';
  end if;
  insert into lethe_private.packages (request_id, token_hash, content, media_type, expires_at)
  values (v_request.id, store_package.token_hash, store_package.content, store_package.media_type, store_package.expires_at)
  returning id into v_id;
  insert into lethe.request_events (request_id, event, reason)
  values (v_request.id, 'package made', format('until %s', to_char(store_package.expires_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')));
  return v_id;
end
$$;

comment on function lethe.store_package(bigint, bytea, bytea, text, timestamptz) is
  'Keeps an encrypted package for at most 90 days. Raises LE114, LE463.';

-- For whoever has the link: who knows the token need be nobody else.
create or replace function lethe.fetch_package(token_hash bytea)
  returns table (request bigint, content bytea, media_type text, expires_at timestamptz)
  language plpgsql
  volatile
  security definer  -- nobody but the engine reads packages
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_package lethe_private.packages;
begin
  select p.* into v_package from lethe_private.packages as p
  where p.token_hash = fetch_package.token_hash and p.expires_at > now();
  if not found then
    raise exception using errcode = 'LE464',
      message = 'there is no package for this link, or it has expired',
      hint = 'ask for a new link';
  end if;
  insert into lethe.request_events (request_id, event) values (v_package.request_id, 'package fetched');
  return query select v_package.request_id, v_package.content, v_package.media_type, v_package.expires_at;
end
$$;

comment on function lethe.fetch_package(bytea) is 'The package of a token, by its SHA-256. Raises LE464.';

create or replace function lethe_private.how_to_answer(request lethe.requests)
  returns text
  language sql
  immutable
return case
  when request.kind not in ('access', 'portability') then 'what is kept about a person is the answer to a request of access or portability: open one'
  when request.state = 'received' then format('approve it when it is known who is asking: lethe request approve %s', request.id)
  when request.state = 'paused' then format('who is asking is doubted; once that is proved: lethe request resume %s', request.id)
  else 'it has ended: open a new one' end;

comment on function lethe_private.how_to_answer(lethe.requests) is 'The hint of LE463 where a request is not one that can be answered.';

create or replace function lethe_private.purge_packages()
  returns void
  language sql
  volatile
begin atomic
  delete from lethe_private.packages as p where p.expires_at <= now();
end;

comment on function lethe_private.purge_packages() is 'Deletes packages whose link has expired.';

create or replace function lethe_private.execute_access(request lethe.requests)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from lethe.request_events as e where e.request_id = request.id and e.event in ('package made', 'told')) then
    raise exception using errcode = 'LE463',
      message = format('request %s has not been answered', request.id),
      hint = format('lethe request package %1$s; or, where it was answered in another way, lethe request told %1$s --how TEXT (lethe.note_told)', request.id);
  end if;
end
$$;

comment on function lethe_private.execute_access(lethe.requests) is 'Ends a request of access that was answered. Raises LE463.';

create or replace function lethe_private.execute_portability(request lethe.requests)
  returns void
  language sql
  stable
begin atomic
  select lethe_private.execute_access(request);
end;

comment on function lethe_private.execute_portability(lethe.requests) is 'Ends a request of portability that was answered. Raises LE463.';
--! EndIncluded lethe/packages.sql
--! Included lethe/rectify.sql
-- Rectification (GDPR Art. 16): one row of the person of a request is corrected, by the rights of lethe_sweeper and under
-- the table's own triggers and constraints; or nothing is. What is written down is that it happened, not what it was.
--
--   select lethe.rectify(7, 'shop.customers', '42', '{"family_name": "Lovelace"}');
create or replace function lethe.rectify(request bigint, "table" text, key text, changes jsonb)
  returns void
  language plpgsql
  volatile
  security definer  -- runs as lethe_sweeper, and writes events
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(rectify.request);
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers;
  v_row lethe_private.reached_row;
begin
  if v_request.kind <> 'rectification' or v_request.state <> 'approved' then
    raise exception using errcode = 'LE465',
      message = format('request %s is one of %s, and %s', v_request.id, v_request.kind, v_request.state),
      hint = case when v_request.kind = 'rectification' and v_request.state = 'received' then format('approve it when it is known who is asking: lethe request approve %s', v_request.id)
        else 'data are corrected by an approved request of rectification' end;
  end if;
  select c.* into v_controller from lethe.controllers as c where c.id = v_request.controller_id;
  perform lethe_private.assert_intact(v_managed);
  perform lethe_private.assert_correctable(v_managed, rectify.changes);
  -- Waits for a hold that is being placed; one that comes later finds the row as it then is.
  perform pg_advisory_xact_lock_shared(lethe_private.holds_lock_id());
  v_row := lethe_private.row_to_rectify(v_request, v_managed, v_controller, rectify.key, rectify.changes);
  perform lethe_private.rectify_row(v_managed, v_row, rectify.changes);
  insert into lethe.request_events (request_id, event, reason)
  values (v_request.id, 'rectified', format('%s: %s', lethe_private.plain_name(v_managed), (
    select string_agg(k, ', ' order by k collate "C") from jsonb_object_keys(rectify.changes) as k)));
end
$$;

comment on function lethe.rectify(bigint, text, text, jsonb) is
  'Corrects columns of one row of the person of an approved request: {"column": value}. Raises LE102, LE103, LE114, LE460, LE465, LE466, LE501.';

-- Not what says which row it is, whose, and to whom it belongs: that would be another row.
create or replace function lethe_private.assert_correctable(managed lethe.managed_tables, changes jsonb)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_name text;
  v_column lethe_private.host_columns;
begin
  if jsonb_typeof(changes) is distinct from 'object' or changes = '{}' then
    raise exception using errcode = 'LE465',
      message = format('no column of %s is said to be corrected', lethe_private.plain_name(managed)),
      hint = 'give a JSON object: {"column": value}';
  end if;
  for v_name in select jsonb_object_keys(changes) loop
    select h.* into v_column from lethe_private.host_columns as h where h.relation = v_oid and h.name = v_name;
    if not found then
      raise exception using errcode = 'LE103',
        message = format('%s has no column %I', lethe_private.plain_name(managed), v_name),
        hint = 'it has: ' || (select string_agg(h.name, ', ' order by h.position) from lethe_private.host_columns as h where h.relation = v_oid);
    elsif v_column.is_generated or v_column.is_identity or v_name = any (managed.key_columns) or v_name = managed.controller_column
      or exists (select from lethe.links as l where l.table_id = managed.id and v_name = any (l.columns) or l.to_table_id = managed.id and v_name = any (l.to_columns))
      or exists (select from lethe_private.host_references as r where r.child = v_oid and v_name = any (r.child_columns) or r.parent = v_oid and v_name = any (r.parent_columns))
    then
      raise exception using errcode = 'LE465',
        message = format('column %I of %s cannot be corrected: it is a key, a reference, generated, or says whose the row is', v_name, lethe_private.plain_name(managed)),
        hint = 'change it in your application, where what depends on it is known';
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_correctable(lethe.managed_tables, jsonb) is
  'Raises LE103 or LE465 for columns that a rectification cannot change.';

create or replace function lethe_private.row_to_rectify(
  request lethe.requests, managed lethe.managed_tables, controller lethe.controllers, key text, changes jsonb
)
  returns lethe_private.reached_row
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_key text := (lethe_private.row_of_key(managed, v_oid, row_to_rectify.key)).key;
  v_rows lethe_private.reached_row[] := array(
    select r from unnest(lethe_private.reach(lethe_private.type_of_request(request), controller, lethe_private.keys_of_request(request), true)) as r
    where r.table_id = managed.id and r.key = v_key and r.kind in ('root', 'own', 'share'));
  v_row lethe_private.reached_row;
  v_held boolean;
begin
  select (r).* into v_row from unnest(v_rows) as r where r.mirror_id is null limit 1;
  if v_row.key is null or exists (
    select from unnest(v_rows) as r
    join lethe_private.mirror_columns as c on c.mirror_id = r.mirror_id and c.holds_value and c.column_name in (select jsonb_object_keys(changes)))
  then
    raise exception using errcode = 'LE465',
      message = case when v_rows = '{}' then format('no row of %s with this key belongs to the person of request %s', lethe_private.plain_name(managed), request.id)
        else format('what is to be corrected in %s is in the archive', lethe_private.plain_name(managed)) end,
      hint = case when v_rows = '{}' then 'rows that only mention a person are somebody else''s; lethe.personal_data, in a request of access, shows keys'
        else 'put the record back first: lethe.open_archive(reason, table, key, restore => true)' end;
  end if;
  -- A restriction is no obstacle: it is there because the data are doubted.
  v_held := lethe_private.count_as_sweeper(format('select to_jsonb(coalesce(bool_or(%s), false)) from %s as c where %s',
    lethe_private.held_by_sql('c', managed, v_oid, array(
      select f.id from lethe_private.holds_in_force() as f (id) join lethe.holds as h on h.id = f.id and h.request_id is null)),
    lethe_private.host_name(v_oid), (lethe_private.row_of_key(managed, v_oid, row_to_rectify.key)).condition), managed)::boolean;
  if v_held then
    raise exception using errcode = 'LE465',
      message = format('the row of %s is under a legal hold', lethe_private.plain_name(managed)),
      hint = 'what is held stays as it is; an officer can release the hold: select * from lethe.list_holds()';
  end if;
  return v_row;
end
$$;

comment on function lethe_private.row_to_rectify(lethe.requests, lethe.managed_tables, lethe.controllers, text, jsonb) is
  'The live row, locked, if it is the person''s and may be corrected. Raises LE465.';

-- $2: {"rows": [its key], "changes": [what it is to have]}, read in the types of the table.
create or replace function lethe_private.rectify_row(managed lethe.managed_tables, "row" lethe_private.reached_row, changes jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_names text[] := array(select k from jsonb_object_keys(changes) as k order by k);
  v_from text := format('%s, jsonb_to_record(convert_from($2, ''UTF8'')::jsonb -> ''changes'') as n (%s)',
    lethe_private.known_rows_sql(v_oid, managed.key_columns),
    (select string_agg(format('%I %s', h.name, h.type), ', ') from lethe_private.host_columns as h where h.relation = v_oid and h.name = any (v_names)));
  v_where text := lethe_private.matches_sql(v_oid, managed.key_columns, v_oid, managed.key_columns);
  v_values bytea := convert_to(jsonb_build_object('changes', changes, 'rows', jsonb_build_array(
    (select jsonb_object_agg(k, "row".facts -> k) from unnest(managed.key_columns) as k)))::text, 'UTF8');
  v_before jsonb := lethe_private.rows_written();
  v_facts jsonb;
  v_side_effects text;
  v_state text; v_constraint text; v_table text;
begin
  begin
    perform lethe_private.run_as_sweeper(format(
      'with changed as (update %s as c set %s from %s where %s returning 1) select to_jsonb(count(*)), null::oid, null::tid[] from changed',
      lethe_private.host_name(v_oid), (select string_agg(format('%1$I = n.%1$I', x), ', ') from unnest(v_names) as x), v_from, v_where),
      managed, null, v_values);
    -- Read again: a trigger may have changed or swallowed it.
    select r.facts into v_facts from lethe_private.run_as_sweeper(format(
      'select to_jsonb(count(*)), null::oid, null::tid[] from %s as c, %s where %s and %s',
      lethe_private.host_name(v_oid), v_from, v_where,
      (select string_agg(format('c.%1$I::text is not distinct from n.%1$I::text', x), ' and ') from unnest(v_names) as x)), managed, null, v_values) as r;
  exception
    when insufficient_privilege then
      raise exception using errcode = 'LE501',
        message = format('lethe_sweeper may not correct %s', lethe_private.plain_name(managed)),
        hint = format('grant update (%s) on %s to lethe_sweeper, for as long as it takes',
          (select string_agg(quote_ident(x), ', ') from unnest(v_names) as x), lethe_private.host_name(v_oid));
    when query_canceled then
      raise exception using errcode = 'query_canceled', message = 'canceled while a row was corrected; it was not', hint = 'try again';
    when others or assert_failure then
      get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_table = table_name;
      raise exception using errcode = 'LE466',
        message = format('%s does not take the correction: %s', lethe_private.plain_name(managed),
          concat_ws(' ', v_state, nullif(v_constraint, ''), 'on ' || nullif(v_table, ''))),
        hint = 'nothing was changed; give values of the columns'' types that their constraints and triggers allow';
  end;
  select string_agg(distinct lethe_private.host_name(u.relation), ', ') into v_side_effects
  from lethe_private.unplanned_writes(v_before, lethe_private.rows_written(),
    jsonb_build_object(lethe_private.whole_table(v_oid)::text, jsonb_build_array(0, 1, 0))) as u;
  if v_facts is distinct from '1' or v_side_effects is not null then
    raise exception using errcode = 'LE466',
      message = case when v_side_effects is not null
        then format('the correction of %s would also write to %s', lethe_private.plain_name(managed), v_side_effects)
        else format('the row of %s did not keep the correction', lethe_private.plain_name(managed)) end,
      hint = 'nothing was changed; a trigger does it: correct this one in your application, and see to what the trigger wrote';
  end if;
end
$$;

comment on function lethe_private.rectify_row(lethe.managed_tables, lethe_private.reached_row, jsonb) is
  'Changes one row and reads it again; nothing else may have been written. Raises LE466, LE501.';

create or replace function lethe_private.execute_rectification(request lethe.requests)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from lethe.request_events as e where e.request_id = request.id and e.event = 'rectified') then
    raise exception using errcode = 'LE465',
      message = format('nothing has been corrected for request %s', request.id),
      hint = format('lethe request rectify %1$s TABLE KEY, or select lethe.rectify(%1$s, table, key, ''{"column": value}'')', request.id);
  end if;
end
$$;

comment on function lethe_private.execute_rectification(lethe.requests) is 'Ends a rectification when something was corrected. Raises LE465.';
--! EndIncluded lethe/rectify.sql
--! Included lethe_private/execute_objection.sql
-- An objection (GDPR Art. 21) ends the purposes that rest on legitimate interest: what is kept on that basis alone, in rows
-- that are the person's own, is due now, and is anonymized as its rule says. What a law or a hold keeps stays, and that is
-- written down with its day. A column that has another basis as well is kept for that one.
create or replace function lethe_private.execute_objection(request lethe.requests)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types := lethe_private.type_of_request(request);
  v_controller lethe.controllers;
  v_pads lethe_private.controller_keys;
  v_rows lethe_private.reached_row[];
  v_decided lethe_private.reached_row[];
  v_before jsonb;
begin
  select c.* into v_controller from lethe.controllers as c where c.id = request.controller_id;
  select k.* into strict v_pads from lethe_private.controller_keys as k where k.controller_id = v_controller.id order by k.version desc limit 1;
  perform pg_advisory_xact_lock_shared(lethe_private.holds_lock_id());
  v_rows := array(
    select r from unnest(lethe_private.reach(v_type, v_controller, lethe_private.keys_of_request(request), true)) as r where r.kind in ('root', 'own'));
  v_decided := lethe_private.decide_objection(v_rows, v_controller);
  v_before := lethe_private.rows_written();
  perform lethe_private.assert_no_side_effects(v_before, lethe_private.anonymize_rows(
    array(select r from unnest(v_decided) as r where r.decision = 'anonymize' and r.mirror_id is null), v_controller, v_pads, '{}'));
  perform lethe_private.assert_anonymized(v_decided, v_controller);
  perform lethe_private.empty_archived(v_decided, v_controller);
  -- The objection is remembered in order to be respected, without the identifiers themselves.
  perform lethe_private.suppress(request.id, null, 'GDPR Art. 21: to respect the objection');
  insert into lethe.request_events (request_id, event, reason)
  values (request.id, 'purposes ended', lethe_private.objection_in_words(v_decided));
end
$$;

comment on function lethe_private.execute_objection(lethe.requests) is
  'Ends what is kept of a person on legitimate interest alone. Raises LE109, LE421, LE434, LE437, LE460, LE468, LE501.';

create or replace function lethe_private.rests_on_interest(legal_basis text)
  returns boolean
  language sql
  immutable
return (select bool_and(b ~* 'legitimate interest|6\(1\)\(f\)') from regexp_split_to_table(legal_basis, '\s*[,;+]\s*|\s+and\s+') as b where b <> '');

comment on function lethe_private.rests_on_interest(text) is 'True when a legal basis is legitimate interest and nothing besides.';

-- Of each row and day the columns that end (anonymize), or are kept until then (retain, stay: until further notice).
create or replace function lethe_private.decide_objection(rows lethe_private.reached_row[], controller lethe.controllers)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_part record;
  v_columns text[];
  v_given lethe_private.reached_row[];
  v_kept jsonb;
  v_all lethe_private.reached_row[] := '{}';
begin
  for v_part in
    select m as managed, r.mirror_id, array_agg(r.n order by r.n) as numbers
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    join lethe.managed_tables as m on m.id = r.table_id
    group by m.id, r.mirror_id
    order by m.id, r.mirror_id
  loop
    v_columns := array(
      select e.column_name from lethe_private.erased_columns(v_part.managed, controller, array(
        select c.column_name from lethe.managed_columns as c
        where c.table_id = (v_part.managed).id and lethe_private.rests_on_interest(c.legal_basis))) as e
      where v_part.mirror_id is null or exists (
        select from lethe_private.mirror_columns as m where m.mirror_id = v_part.mirror_id and m.column_name = e.column_name and m.holds_value));
    continue when v_columns = '{}';
    v_given := array(select rows[i] from unnest(v_part.numbers) as i);
    v_kept := lethe_private.kept_from_objection(v_part.managed, v_part.mirror_id, controller, v_given, v_columns);
    v_all := v_all || array(
      select (g.subject, g.table_id, g.mirror_id, g.key, g.kind, g.link_id, g.facts,
        case when k.until is null then 'anonymize' when k.until = 'infinity' then 'stay' else 'retain' end,
        k.columns, nullif(k.until, 'infinity'), null, null)::lethe_private.reached_row
      from unnest(v_given) with ordinality as g (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
      cross join lateral (
        select (v_kept -> (g.n - 1)::int ->> c)::date as until, array_agg(c order by c) as columns from unnest(v_columns) as c group by 1) as k);
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.decide_objection(lethe_private.reached_row[], lethe.controllers) is
  'What becomes of the columns that rest on legitimate interest: until is the day to which a minimum keeps them. Raises LE437.';

-- One object a row: {column: day}, the day on which a statutory minimum lets it go, infinity under a hold or where none is
-- known, null where nothing keeps it.
create or replace function lethe_private.kept_from_objection(
  managed lethe.managed_tables, mirror_id int, controller lethe.controllers, rows lethe_private.reached_row[], columns text[]
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_today date := lethe_private.today(controller.time_zone);
  v_keys text[] := managed.key_columns;
  v_days text;
  v_statement text;
  v_known bytea;
  v_facts jsonb;
begin
  if mirror_id is not null then
    select m.* into v_mirror from lethe_private.mirrors as m where m.id = kept_from_objection.mirror_id;
    v_oid := lethe_private.host_table('lethe_archive', v_mirror.name);
    v_keys := array['lethe$key'];
  end if;
  v_days := (
    select lethe_private.object_sql(array_agg(format('%L, (select to_jsonb(x.day) from (select greatest(case when %s then date ''infinity'' end%s) as day) as x where x.day > date %L)',
      c, case when v_mirror.id is null then lethe_private.held_sql('c', managed, v_oid, v_today) else lethe_private.archived_held_sql('c', v_mirror, v_today, false) end,
      coalesce((
        select string_agg(', ' || lethe_private.minimum_day_sql('c', managed, v_oid, controller, v_today, t), '')
        from lethe.rules as r
        join lethe_private.effective_terms(managed.id, controller.id) as t on t.rule_id = r.id
        where r.table_id = managed.id and r.action = 'minimum' and (r.column_name is null or r.column_name = c)), ''), v_today)))
    from unnest(columns) as c);
  v_known := convert_to(jsonb_build_object('rows', (
    select jsonb_agg(case when v_mirror.id is null then (select jsonb_object_agg(k, r.facts -> k) from unnest(managed.key_columns) as k)
      else jsonb_build_object('lethe$key', r.key) end || jsonb_build_object('lethe$n', r.n))
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)))::text, 'UTF8');
  v_statement := format('select jsonb_agg(x.kept order by x.n), null::oid, null::tid[] from (select distinct on (p."lethe$n") p."lethe$n" as n, %s as kept from %s join %s as c on %s order by p."lethe$n") as x',
    v_days, lethe_private.known_rows_sql(v_oid, v_keys), lethe_private.host_name(v_oid), lethe_private.matches_sql(v_oid, v_keys, v_oid, v_keys));
  if v_mirror.id is null then
    select r.facts into v_facts from lethe_private.run_as_sweeper(v_statement, managed, null, v_known) as r;
  else
    select r.facts into v_facts from lethe_private.run_on_archive(v_statement, null, v_known) as r;
  end if;
  return v_facts;
end
$$;

comment on function lethe_private.kept_from_objection(lethe.managed_tables, int, lethe.controllers, lethe_private.reached_row[], text[]) is
  'Until when minima and holds keep columns of rows, in the order of the rows.';

-- Read again: a trigger may have taken the new value back.
create or replace function lethe_private.assert_anonymized(rows lethe_private.reached_row[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rows lethe_private.reached_row[] := array(select r from unnest(rows) as r where r.decision = 'anonymize' and r.mirror_id is null);
  v_questions text[] := lethe_private.erased_questions(v_rows, controller);
  v_facts jsonb;
  v_left text;
begin
  if v_questions = '{}' then
    return;
  end if;
  select r.facts into v_facts from lethe_private.run_as_sweeper(
    format(E'select %s, null::oid, null::tid[] from (select convert_from($2, ''UTF8'')::jsonb as rows offset 0) as g', lethe_private.object_sql(v_questions)),
    lethe_private.under_paths_of(array(select distinct r.table_id from unnest(v_rows) as r)), null,
    convert_to(lethe_private.reread_data(v_rows)::text, 'UTF8')) as r;
  select string_agg(f.key, '; ' order by f.key) into v_left from jsonb_each_text(v_facts) as f where f.value::bigint > 0;
  if v_left is not null then
    raise exception using errcode = 'LE468',
      message = format('what rests on legitimate interest has not gone: %s; nothing was changed', v_left),
      hint = 'a trigger of that table takes the change back: drop it, or have it let lethe_sweeper through';
  end if;
end
$$;

comment on function lethe_private.assert_anonymized(lethe_private.reached_row[], lethe.controllers) is 'Raises LE468.';

create or replace function lethe_private.empty_archived(rows lethe_private.reached_row[], controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_part record;
  v_mirror lethe_private.mirrors;
begin
  for v_part in
    select r.mirror_id, r.cut, jsonb_agg(r.facts || jsonb_build_object('lethe$key', r.key)) as given,
      array(select jsonb_object_keys((array_agg(r.facts))[1])) as fact_names
    from unnest(rows) as r
    where r.mirror_id is not null and r.decision = 'anonymize'
    group by r.mirror_id, r.cut
  loop
    select m.* into v_mirror from lethe_private.mirrors as m where m.id = v_part.mirror_id;
    perform lethe_private.run_on_archive(format('with acted as (update lethe_archive.%I as c set %s from %s returning 1) select to_jsonb(count(*)), null::oid, null::tid[] from acted',
      v_mirror.name, (select string_agg(format('%I = null', x), ', ') from unnest(v_part.cut) as x),
      lethe_private.chosen_archived_sql(v_mirror, controller, v_part.fact_names, 'convert_from($2, ''UTF8'')::jsonb')),
      null, convert_to(v_part.given::text, 'UTF8'));
  end loop;
end
$$;

comment on function lethe_private.empty_archived(lethe_private.reached_row[], lethe.controllers) is 'Empties columns of archived rows.';

create or replace function lethe_private.objection_in_words(rows lethe_private.reached_row[])
  returns text
  language sql
  stable
begin atomic
  select coalesce(string_agg(format('%s%s: %s %s', x.name, case when x.archived then ' (archive)' else '' end, x.columns, case x.decision
      when 'anonymize' then 'ended' when 'stay' then 'kept by a hold or a law, until no known day' else format('kept by law until %s', to_char(x.until, 'YYYY-MM-DD')) end)
      || format(' (%s)', x.rows), '; ' order by x.name collate "C", x.archived, x.decision, x.until, x.columns collate "C"), 'nothing rests on legitimate interest')
  from (
    select lethe_private.plain_name(m) as name, r.mirror_id is not null as archived, array_to_string(r.cut, ', ') as columns, r.decision, r.until, count(*) as rows
    from unnest(rows) as r join lethe.managed_tables as m on m.id = r.table_id
    group by 1, 2, 3, 4, 5
  ) as x;
end;

comment on function lethe_private.objection_in_words(lethe_private.reached_row[]) is 'What an objection ended, and what is kept: tables, columns, days and counts.';
--! EndIncluded lethe_private/execute_objection.sql
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
alter table lethe.formats enable row level security;
alter table lethe.column_formats enable row level security;
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
alter table lethe.waivers enable row level security;
alter table lethe.managed_views enable row level security;
alter table lethe.drafts enable row level security;
alter table lethe_private.controller_keys enable row level security;
alter table lethe_private.held_keys enable row level security;
alter table lethe_private.held_conditions enable row level security;
alter table lethe_private.held_links enable row level security;
alter table lethe_private.held_relations enable row level security;
alter table lethe_private.guard_state enable row level security;
alter table lethe_private.guard_programs enable row level security;
alter table lethe_private.guarded_relations enable row level security;
alter table lethe_private.compiled enable row level security;
alter table lethe_private.worklist enable row level security;
alter table lethe_private.mirrors enable row level security;
alter table lethe_private.mirror_columns enable row level security;
alter table lethe_private.mirror_roots enable row level security;
alter table lethe_private.exemptions enable row level security;
alter table lethe_private.restoring enable row level security;
alter table lethe_private.rehearsing enable row level security;
alter table lethe.archive_openings enable row level security;
alter table lethe_private.last_events enable row level security;
alter table lethe_private.api_tokens enable row level security;
alter table lethe.request_states enable row level security;
alter table lethe.request_moves enable row level security;
alter table lethe.requests enable row level security;
alter table lethe.request_events enable row level security;
alter table lethe.request_findings enable row level security;
alter table lethe.certificates enable row level security;
alter table lethe.recipients enable row level security;
alter table lethe.notifications enable row level security;
alter table lethe_private.request_roots enable row level security;
alter table lethe_private.kept_rows enable row level security;
alter table lethe_private.request_identifiers enable row level security;
alter table lethe_private.suppressions enable row level security;
alter table lethe_private.recaptures enable row level security;
alter table lethe_private.packages enable row level security;
alter table lethe_private.recipient_secrets enable row level security;
alter table lethe_private.notification_hashes enable row level security;
alter table lethe_private.restriction_programs enable row level security;
alter table lethe_private.ledger_state enable row level security;
alter table lethe_private.ledger_known enable row level security;
alter table lethe_private.ledger_holds enable row level security;
alter table lethe_private.replay_matches enable row level security;
alter table lethe_private.replay_finding_keys enable row level security;
alter table lethe.replay_findings enable row level security;

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
drop policy if exists select_own_controller on lethe.formats;
create policy select_own_controller on lethe.formats for select to lethe_officer, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.column_formats;
create policy select_own_controller on lethe.column_formats for select to lethe_officer, lethe_auditor
  using (exists (select from lethe.managed_tables as m where m.id = table_id));
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
-- A waiver may name a controller, and a view is everybody's.
drop policy if exists select_own_controller on lethe.waivers;
create policy select_own_controller on lethe.waivers for select to lethe_officer, lethe_auditor
  using (lethe_private.is_operator());
drop policy if exists select_own_controller on lethe.managed_views;
create policy select_own_controller on lethe.managed_views for select to lethe_officer, lethe_auditor
  using (lethe_private.is_operator());

drop policy if exists select_own_controller on lethe.drafts;
create policy select_own_controller on lethe.drafts for select to lethe_officer, lethe_auditor
  using (lethe_private.is_operator());

-- Requests are read by agents, too.
drop policy if exists select_own_controller on lethe.request_states;
create policy select_own_controller on lethe.request_states for select to lethe_officer, lethe_agent, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.request_moves;
create policy select_own_controller on lethe.request_moves for select to lethe_officer, lethe_agent, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.requests;
create policy select_own_controller on lethe.requests for select to lethe_officer, lethe_agent, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.request_events;
create policy select_own_controller on lethe.request_events for select to lethe_officer, lethe_agent, lethe_auditor
  using (exists (select from lethe.requests as r where r.id = request_id));
drop policy if exists select_own_controller on lethe.request_findings;
create policy select_own_controller on lethe.request_findings for select to lethe_officer, lethe_agent, lethe_auditor
  using (exists (select from lethe.requests as r where r.id = request_id));
drop policy if exists select_own_controller on lethe.certificates;
create policy select_own_controller on lethe.certificates for select to lethe_officer, lethe_agent, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.recipients;
create policy select_own_controller on lethe.recipients for select to lethe_officer, lethe_agent, lethe_auditor
  using (lethe_private.acts_for(controller_id));
drop policy if exists select_own_controller on lethe.notifications;
create policy select_own_controller on lethe.notifications for select to lethe_officer, lethe_agent, lethe_auditor
  using (exists (select from lethe.requests as r where r.id = request_id));

drop policy if exists select_own_controller on lethe.replay_findings;
create policy select_own_controller on lethe.replay_findings for select to lethe_officer, lethe_auditor
  using (lethe_private.acts_for(controller_id));

-- Reading ----------------------------------------------------------------------------------------

grant select on
  lethe.controllers,
  lethe.memberships,
  lethe.managed_tables,
  lethe.managed_columns,
  lethe.subject_types,
  lethe.links,
  lethe.methods,
  lethe.formats,
  lethe.column_formats,
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
  lethe.drafts,
  lethe.archive_openings,
  lethe.waivers,
  lethe.managed_views,
  lethe.checks
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
  lethe.forecast(text, text[]),
  lethe.policy_on(date, text),
  lethe.preview(text, text),
  lethe.already_masked(text, text),
  lethe.ownerless_rows(),
  lethe.unpurposed(text, text),
  lethe.format_steps(text, text),
  lethe.format_sql(text, text),
  lethe.format_domain_sql(text, text, text, text, jsonb),
  lethe.format_findings(),
  lethe.suggested_indexes(text),
  lethe.archive_contents(),
  lethe.missing_rights()
to lethe_officer, lethe_auditor, lethe_worker;
grant execute on function lethe.check(boolean) to lethe_officer, lethe_auditor;

-- Evidence is checked by whom it is for; who runs cycles carries the heads outside.
grant execute on function
  lethe.effective_rules(text, text),
  lethe.receipt(bigint),
  lethe.verify_evidence(text, text)
to lethe_officer, lethe_auditor;
grant execute on function lethe.evidence_heads() to lethe_officer, lethe_auditor, lethe_worker;

-- Requests.
grant select on
  lethe.request_states,
  lethe.request_moves,
  lethe.requests,
  lethe.request_events,
  lethe.request_findings,
  lethe.certificates,
  lethe.recipients,
  lethe.notifications
to lethe_officer, lethe_agent, lethe_auditor;
grant execute on function lethe_private.acts_for(int) to lethe_agent;
grant execute on function
  lethe.list_requests(boolean),
  lethe.request_report(bigint),
  lethe.list_recipients()
to lethe_officer, lethe_agent, lethe_auditor;
grant execute on function
  lethe.open_request(text, text, text, text, text, timestamptz, date, text),
  lethe.approve_request(bigint, text),
  lethe.withdraw_request(bigint, text),
  lethe.pause_request(bigint, text),
  lethe.resume_request(bigint),
  lethe.answer_notification(uuid, text)
to lethe_officer, lethe_agent;
grant execute on function
  lethe.refuse_request(bigint, text),
  lethe.strike_kept_rows(bigint, text),
  lethe.extend_request(bigint, text),
  lethe.add_recipient(text, text, text[], text, text),
  lethe.remove_recipient(text, text)
to lethe_officer;
grant execute on function lethe.request_work(text) to lethe_officer, lethe_agent, lethe_worker;
grant execute on function
  lethe.verify_request(bigint),
  lethe.take_notification(bigint),
  lethe.note_notification(bigint, int, boolean)
to lethe_officer, lethe_worker;
grant execute on function
  lethe.requests_to_remind(),
  lethe.note_reminder(bigint, text)
to lethe_worker;
grant execute on function lethe.plan_request(bigint) to lethe_officer, lethe_agent, lethe_worker;
grant execute on function
  lethe.execute_requests(bigint[], bigint[], text[]),
  lethe.record_failure(bigint, text, text, text, text),
  lethe.certify_request(bigint),
  lethe.requests_to_complete(text),
  lethe.advance_request(bigint)
to lethe_officer, lethe_worker;
-- Agents what is no erasure: an answer, a correction.
grant execute on function lethe.execute_request(bigint, bigint, text) to lethe_officer, lethe_agent, lethe_worker;
grant execute on function lethe.certificate(bigint, int) to lethe_officer, lethe_agent, lethe_auditor;
grant execute on function lethe.scan_residue(bigint[], boolean) to lethe_officer, lethe_worker;
grant execute on function lethe.link_finding_sql(bigint, int) to lethe_officer, lethe_agent;
grant execute on function lethe.is_suppressed(text, text, text) to lethe_officer, lethe_agent, lethe_worker;
grant execute on function lethe.suppression_sql(text, text) to lethe_officer, lethe_auditor;
grant execute on function lethe.list_recaptures(), lethe.allow_recapture(text, text, text, text) to lethe_officer;
-- What reads texts as lethe_sweeper; these know nothing.
grant execute on function lethe_private.readable(text), lethe_private.phone_keys(text) to lethe_sweeper;
grant select on lethe.replay_findings to lethe_officer, lethe_auditor;
grant execute on function lethe.ledger_state() to lethe_worker, lethe_officer, lethe_auditor, lethe_api;
grant execute on function
  lethe.adopt_ledger(text, boolean),
  lethe.ledger_subject(bigint, bytea),
  lethe.lock_ledgered(bigint),
  lethe.unlock_ledgered(bigint),
  lethe.ledger_fate(bigint, text),
  lethe.know_entry(bigint, text),
  lethe.settle_ledger(bigint, text),
  lethe.holds_to_ship(bytea),
  lethe.note_shipped(int, text, bigint, text),
  lethe.recognise_hold(int, text, text, bigint, text)
to lethe_worker;
grant execute on function
  lethe.decide_replay_finding(int, text),
  lethe.list_replay_findings()
to lethe_officer;
grant execute on function
  lethe.note_told(bigint, text),
  lethe.lift_restriction(bigint, text),
  lethe.rectify(bigint, text, text, jsonb)
to lethe_officer, lethe_agent;
grant execute on function
  lethe.personal_data(bigint, boolean),
  lethe.store_package(bigint, bytea, bytea, text, timestamptz),
  lethe.fetch_package(bytea)
to lethe_officer, lethe_agent, lethe_worker;
grant execute on function lethe.restricted_rows(bigint) to lethe_officer, lethe_agent, lethe_auditor;
grant execute on function
  lethe.restriction_sql(text),
  lethe.unrestriction_sql(text),
  lethe.restriction_findings()
to lethe_officer, lethe_auditor, lethe_worker;
-- What stands in policies and triggers of host tables, whoever reads or writes them.
grant execute on function
  lethe.any_restricted(),
  lethe.is_restricted(int, text, int, text),
  lethe.is_restricted_row(int, jsonb),
  lethe.refuse_restricted(),
  lethe.refuse_restricted_truncate()
to public;

-- Holds.
grant execute on function
  lethe.list_holds(boolean),
  lethe.held_rows(int),
  lethe.guard_sql(text),
  lethe.unguard_sql(text),
  lethe.guard_ddl_sql(),
  lethe.guard_findings()
to lethe_officer, lethe_auditor, lethe_worker;

-- Changing ---------------------------------------------------------------------------------------

-- Each asks by itself whether the login may act for the controller, or for all.
grant execute on function
  lethe.set_controller(text, text, text, text),
  lethe.add_member(name, text),
  lethe.remove_member(name, text),
  lethe.manage_table(text, text, text, text, text, text[], text[], text),
  lethe.unmanage_table(text),
  lethe.set_column(text, text, text, text[], text),
  lethe.set_format(text, text, text, jsonb, text, text),
  lethe.set_subject_type(text, text, text[]),
  lethe.set_link(text, text, text[], text[], text, text, text, jsonb),
  lethe.set_rule(text, text, text, text, text[], text, jsonb, text, text, text, text),
  lethe.drop_rule(text, text, text, text, text, text),
  lethe.set_minimum(text, text, text[], text, text, text, text, text),
  lethe.drop_minimum(text, text, text, text, text),
  lethe.register_method(text, text, text, text[], text, boolean, jsonb, text),
  lethe.set_view(text, text, text[], text),
  lethe.unset_view(text, text),
  lethe.claim_anonymous(text, text, boolean),
  lethe.waive(text, text, date, text),
  lethe.withdraw_waiver(text, text, text),
  lethe.apply_policy(jsonb, text),
  lethe.draft_policy(jsonb, text),
  lethe.withdraw_draft(int),
  lethe.rehearse(int),
  lethe.approve_draft(int),
  lethe.activate(int, text[]),
  lethe.export_policy(),
  lethe.open_archive(text, text, text, boolean, date, timestamptz),
  lethe.explain_row(text, text, date),
  lethe.hold_person(text, text, text, text, date, text),
  lethe.hold_rows(text, text, text, date, text),
  lethe.hold_table(text, text, date, text),
  lethe.release_hold(int, text),
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
-- To measure them against k. Who makes a view grants it to lethe_sweeper as well.
grant usage on schema lethe_stats to lethe_sweeper;

-- Sweeping ---------------------------------------------------------------------------------------

-- The sweeper may run its functions, ask which keys are held, and do on managed tables what their owners
-- granted. It owns them (see as_sweeper.sql and ask_of_row.sql) and may not replace them: that would take CREATE.
grant usage on schema lethe_private to lethe_sweeper;
-- How a replay recognises people: hashed where their rows are.
grant execute on function
  lethe_private.ledger_hash(text, bytea),
  lethe_private.identifier_key(text),
  lethe_private.phone_digits(text),
  lethe_private.normalise_identifier(text)
to lethe_sweeper;
grant select on lethe_private.held, lethe_private.keys_of_holds to lethe_sweeper;
-- What the rows it takes away leave behind for the clocks of others.
grant select, insert, update (last_day), delete on lethe_private.remembered to lethe_sweeper;

-- Whole partitions: lethe_dropper owns one function, and has besides what owners of tables granted.
grant usage on schema lethe_private to lethe_dropper;
--! EndIncluded grants.sql
