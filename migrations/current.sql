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



-- Functions whose parameters have changed ------------------------------------------------------



-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql
