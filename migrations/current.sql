-- Policy that cannot hurt: holds and guards, minima, drafts and rehearsals, time travel, checks, formats.
--
-- For the DBA: this creates and alters objects of Lethe alone (schemas lethe and lethe_private). It reads no
-- table of yours, locks none, and adds nothing to them.

set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
set local statement_timeout = '5min';

-- Holds ----------------------------------------------------------------------------------------



-- Minima ---------------------------------------------------------------------------------------



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



-- Formats --------------------------------------------------------------------------------------



-- Functions whose parameters have changed ------------------------------------------------------



-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql
