-- Policy that cannot hurt: holds and guards, minima, drafts and rehearsals, time travel, checks, formats.
--
-- For the DBA: this creates and alters objects of Lethe alone (schemas lethe and lethe_private). It reads no
-- table of yours, locks none, and adds nothing to them.

set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
set local statement_timeout = '5min';

-- Holds ----------------------------------------------------------------------------------------

alter table lethe.holds
  add column kind text,
  add column subject text,
  add column table_id int references lethe.managed_tables on delete set null,
  add column table_name text,
  add column released_by name,
  add column release_reason text;
alter table lethe.holds disable trigger record_change;
update lethe.holds set kind = 'keys', released_by = case when released_at is not null then author end;
alter table lethe.holds enable trigger record_change;
alter table lethe.holds
  alter column kind set default 'keys',
  alter column kind set not null,
  add constraint kind_is_known check (kind in ('keys', 'person', 'rows', 'table')),
  add constraint subject_goes_with_a_person check ((kind = 'person') = (subject is not null));
create index holds_by_table on lethe.holds (table_id);
-- A hold that is over is never asked about again.
create index holds_not_released on lethe.holds (id) where released_at is null;

comment on column lethe.holds.kind is
  'person: the rows of one person and what belongs to it. rows: what satisfies a predicate. table: every row. keys: rows named one by one, by the engine''s own means.';
comment on column lethe.holds.subject is 'The subject type whose links lead from the person to what belongs to it.';
comment on column lethe.holds.table_name is 'The table as it was called when the hold was placed: of a person, its root table.';
comment on column lethe.holds.reason is 'Why. Name the matter, never the person: reasons are kept.';
comment on column lethe.holds.ends_on is 'The last day on which it holds, where its controller is; null: until it is released.';

create table lethe_private.held_conditions (
  hold_id    int primary key references lethe.holds on delete cascade,
  table_id   int not null references lethe.managed_tables on delete cascade,
  "when"     text,
  condition  text,

  constraint condition_is_read_from_when check (("when" is null) = (condition is null))
);
create index held_conditions_by_table on lethe_private.held_conditions (table_id);

comment on table lethe_private.held_conditions is
  'The predicate of a hold on rows, as it was given and as PostgreSQL reads it; null: every row of the table. Deleted when the hold is released, as it may name a person.';

create table lethe_private.held_links (
  hold_id      int not null references lethe.holds on delete cascade,
  table_id     int not null references lethe.managed_tables on delete cascade,
  columns      text[] not null,
  to_table_id  int not null references lethe.managed_tables on delete cascade,
  to_columns   text[] not null,

  primary key (hold_id, table_id, columns, to_table_id)
);
create index held_links_by_table on lethe_private.held_links (table_id);
create index held_links_by_to_table on lethe_private.held_links (to_table_id);

comment on table lethe_private.held_links is
  'The links by which a hold on a person reached rows when it was placed: a policy must keep them while it is in force.';

create table lethe_private.held_relations (
  table_id  int not null references lethe.managed_tables on delete cascade,
  relation  oid not null,
  name      text not null,

  primary key (table_id, relation)
);

comment on table lethe_private.held_relations is
  'What tables under a hold were made of when somebody looked last: one that has gone since may have taken held rows along.';

create table lethe_private.guard_state (
  only_row     boolean primary key default true,
  valid_until  timestamptz not null,

  constraint one_row check (only_row)
);

comment on table lethe_private.guard_state is
  'Until when the programs of guards are what they would be if they were written now. Without a row they are not: the policy has changed.';

create table lethe_private.guard_programs (
  table_id   int primary key references lethe.managed_tables on delete cascade,
  holds      int[] not null,
  relations  oid[] not null,
  on_delete  text not null,
  on_update  text not null
);

comment on table lethe_private.guard_programs is
  'What guards ask about a row, of tables under a hold: written beforehand, since writing it takes longer than asking it.';

create table lethe_private.guarded_relations (
  xact      xid8 not null default pg_current_xact_id(),
  relation  oid not null,
  table_id  int not null,
  root      oid not null,
  may_go    boolean not null default false,

  primary key (xact, relation)
);

comment on table lethe_private.guarded_relations is
  'While a command of DDL runs: what tables under a hold were made of before it. Emptied before the transaction ends.';

-- Minima ---------------------------------------------------------------------------------------

-- A statutory minimum is a rule that takes nothing away, and only keeps: its terms lengthen those of the other rules.
alter table lethe.rules
  drop constraint action_is_known,
  drop constraint rows_are_archived_or_purged,
  add constraint action_is_known check (action in ('anonymize', 'archive', 'purge', 'minimum')),
  add constraint rows_are_not_anonymized check (column_name is not null or action <> 'anonymize');

comment on table lethe.rules is
  'What happens to a column (or, where column_name is null, to the whole row) of a managed table: anonymize, archive, purge; or minimum, how long a law has it kept whatever the others say. When is said by its terms.';
comment on table lethe.terms is
  'One purpose''s term of a rule. A value is due when the last term that applies to it has expired, and every minimum. A controller''s own term replaces the default of the same purpose; a minimum is replaced by nothing.';
comment on column lethe.terms.purpose is 'What the data serves while the term runs; of a minimum, the law that demands it.';


-- Drafts ---------------------------------------------------------------------------------------

create table lethe.drafts (
  id              int generated always as identity primary key,
  document        jsonb not null,
  reason          text not null,
  state           text not null default 'drafted',
  author          name not null default session_user,
  drafted_at      timestamptz not null default now(),
  rehearsed_at    timestamptz,
  policy_mark     text,
  catalogue_mark  text,
  changes         jsonb,
  findings        jsonb,
  effects         jsonb,
  tried           jsonb,
  missing_rights  jsonb,
  blast_radius    jsonb,
  rows_at_once    bigint,
  approved_by     name,
  approved_at     timestamptz,
  accepted        text[] not null default '{}',
  ended_by        name,
  ended_at        timestamptz,

  constraint reason_is_given check (reason ~ '\S'),
  constraint state_is_known check (state in ('drafted', 'rehearsed', 'refused', 'activated', 'withdrawn')),
  constraint rehearsal_has_its_marks check ((rehearsed_at is null) = (num_nulls(policy_mark, catalogue_mark, changes, findings, effects, blast_radius, rows_at_once) > 0)),
  constraint rehearsed_before_activated check (state not in ('rehearsed', 'refused', 'activated') or rehearsed_at is not null),
  constraint approved_by_somebody_else check (approved_by <> author),
  constraint approved_at_a_time check ((approved_by is null) = (approved_at is null)),
  constraint ended_by_somebody check ((ended_at is not null) = (state in ('activated', 'withdrawn')) and (ended_by is null) = (ended_at is null))
);

comment on table lethe.drafts is
  'Policies that are proposed: whole documents, tried on the data before they are put in force. docs/drafts.md has their states.';
comment on column lethe.drafts.author is 'The login that drafted it; where a token of the API did, the login that issued the token.';
comment on column lethe.drafts.policy_mark is 'A mark of the policy that was in force at the rehearsal: with another one in force it must be rehearsed again.';
comment on column lethe.drafts.catalogue_mark is 'The same of the columns, constraints and triggers of the tables it names.';
comment on column lethe.drafts.changes is 'What it changes of the policy in force: [{"change": added | changed | removed, "controller", "table", "column", "action", "purpose", "what", "before", "after"}].';
comment on column lethe.drafts.findings is
  'What the rehearsal refuses: [{"controller", "table", "rule", "problem", "sqlstate", "constraint", "relation", "rows"}]. Never a message of the host: those carry people''s data.';
comment on column lethe.drafts.effects is
  'What the rehearsal touched outside the plan, and trigger functions that could act outside the transaction: [{"object", "kind", "inserts", "updates", "deletes", "why"}]. Each must be accepted by name.';
comment on column lethe.drafts.tried is 'On how many rows each rule was tried: [{"controller", "table", "rule", "rows", "as_of"}].';
comment on column lethe.drafts.missing_rights is 'Grants without which it can be neither rehearsed nor put in force.';
comment on column lethe.drafts.blast_radius is
  'What is due at once: [{"controller", "table", "rule", "due", "at_once", "no_longer"}]; at_once are rows that the policy in force leaves alone.';
comment on column lethe.drafts.rows_at_once is 'Rows that become due at once, over all tables and controllers.';
comment on column lethe.drafts.accepted is 'Side effects that were accepted at activation.';

alter table lethe.policy_changes
  add column draft_id int references lethe.drafts on delete restrict;
create index policy_changes_by_draft on lethe.policy_changes (draft_id);
comment on column lethe.policy_changes.draft_id is 'The draft that was activated; null: changed directly.';

-- Which table, column and action a term belongs to was not recorded until now.
insert into lethe.policy_changes (at, by, reason, object, after)
select coalesce(f.at, now()), coalesce(f.by, session_user), f.reason, 'rules', to_jsonb(r)
from lethe.rules as r
left join lateral (
  select c.at, c.by, c.reason from lethe.policy_changes as c
  where c.object = 'terms' and (c.after ->> 'rule_id')::int = r.id
  order by c.id limit 1
) as f on true
order by r.id;

alter table lethe.settings add column second_person_above bigint;
alter table lethe.settings disable trigger record_change;
update lethe.settings set second_person_above = 10000;
alter table lethe.settings enable trigger record_change;
alter table lethe.settings
  alter column second_person_above set default 10000,
  add constraint second_person_above_not_negative check (second_person_above >= 0);
comment on column lethe.settings.second_person_above is
  'A draft by which more rows than this become due at once is approved by a second person; null: never.';

create table lethe_private.rehearsing (
  xact  xid8 primary key default pg_current_xact_id()
);

comment on table lethe_private.rehearsing is
  'The transaction in which a drafted policy holds for a moment. Rolled back with it: nobody else ever sees a row here, and open cycles go on under the policy in force.';

-- The due days of one rule on one row, and what is done then (lethe_private.due_days).
create type lethe_private.due_day as (
  flag    text,  -- as in action_parts
  rule    text,
  phase   text,
  needed  text,  -- the data does not comply yet
  day     text   -- the first local day on which the rule is due; null or infinity: never
);

-- Checks ---------------------------------------------------------------------------------------

create table lethe.waivers (
  code    text not null,
  object  text not null,
  until   date not null,
  reason  text not null,
  by      name not null default session_user,
  at      timestamptz not null default now(),

  primary key (code, object),
  constraint until_is_a_day check (isfinite(until)),
  constraint reason_is_given check (reason ~ '\S')
);

comment on table lethe.waivers is 'Findings of lethe.check() that somebody has taken on, until a day.';
comment on column lethe.waivers.object is 'As the finding names it.';
comment on column lethe.waivers.until is 'The last day on which the finding is not reported.';

create table lethe.managed_views (
  schema_name  text not null,
  view_name    text not null,
  shows        text not null,
  counts       text[] not null default '{}',

  primary key (schema_name, view_name),
  constraint shows_is_known check (shows in ('people', 'figures', 'refreshed copy')),
  constraint figures_count_somebody check ((shows = 'figures') = (cardinality(counts) > 0))
);

comment on table lethe.managed_views is 'What was decided on views and materialized views that read people''s data.';
comment on column lethe.managed_views.shows is
  'people: rows of people, as they are now. figures: groups of people, counted. refreshed copy: a materialized view that somebody refreshes at least once a day.';
comment on column lethe.managed_views.counts is 'The columns of figures that say how many people a row counts.';

alter table lethe.managed_columns
  add column claim text,
  add constraint claim_is_known check (claim = 'anonymous');
comment on column lethe.managed_columns.claim is
  'anonymous: it was promised that what remains of the value can be traced to nobody. lethe.check() holds the rules to it.';

alter table lethe.settings
  add column group_size_min int not null default 5,
  add constraint group_size_min_at_least_two check (group_size_min >= 2);
comment on column lethe.settings.group_size_min is
  'k: a group of fewer people than this may be recognised. lethe.check() measures statistics and what is left of masked rows against it.';

-- What lethe.check() hands to each of its rules: the tables it is about.
create type lethe_private.reached as (
  relation    oid,
  managed_id  int,
  personal    boolean,
  via         text
);
comment on type lethe_private.reached is
  'A managed table, or one that has to be: managed_id is null there, and via names the table that led to it. personal: rows of it belong to people.';

create type lethe_private.finding as (
  object    text,
  sentence  text,
  remedy    text,
  looked    boolean
);
comment on type lethe_private.finding is
  'What a rule of lethe.check() found. looked is false where it could not look, and the sentence says why.';



-- Formats --------------------------------------------------------------------------------------

create table lethe.formats (
  name         text not null,
  kind         text not null,
  types        text[] not null,
  recogniser   text not null,
  reduction    text,
  output       text not null,
  length_max   int,
  parameters   jsonb not null default '{}',
  examples     text[] not null,
  description  text not null,

  primary key (name, kind),
  constraint output_is_anonymous_or_pseudonymous check (output in ('anonymous', 'pseudonymous'))
);

comment on table lethe.formats is
  'Formats that hold less than a value could tell: SQL templates of the predicate that recognises a value in the format, and of what a richer value is reduced to. One row for each kind of type.';
comment on column lethe.formats.kind is 'The kind of types that this row is for.';
comment on column lethe.formats.recogniser is 'True for a value in the format, null for null.';
comment on column lethe.formats.reduction is
  'What a value that is not in the format becomes; null for one that cannot be read. None: the format cannot be computed from a richer value.';
comment on column lethe.formats.output is 'Whether a value in the format, taken by itself, is anonymous or only pseudonymous.';
comment on column lethe.formats.length_max is 'Characters of the longest value, besides those that parameter keep counts.';
comment on column lethe.formats.examples is 'Richer values, as text, of which the first shows what the format is for.';

create table lethe.column_formats (
  table_id     int not null,
  column_name  text not null,
  format       text not null,
  kind         text not null,
  parameters   jsonb not null default '{}',
  on_arrival   text,

  primary key (table_id, column_name),
  foreign key (table_id, column_name) references lethe.managed_columns on delete cascade,
  foreign key (format, kind) references lethe.formats on delete restrict,
  constraint on_arrival_is_known check (on_arrival in ('reject', 'reduce'))
);
create index column_formats_by_format on lethe.column_formats (format, kind);

comment on table lethe.column_formats is 'The minimised format that a column is declared to have.';
comment on column lethe.column_formats.on_arrival is
  'What the column''s trigger does with a richer value: reject, reduce. Null: no trigger, the constraint refuses it.';


-- Functions whose parameters have changed ------------------------------------------------------

drop function lethe_private.archived_held_sql(text, int, date);



-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql
