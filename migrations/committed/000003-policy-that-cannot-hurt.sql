--! Previous: sha1:7d9c15a25c9163f678c2ecfba42bebc70c65acd8
--! Hash: sha1:085ef173ee4a705f965972ea1263639fef957487
--! Message: policy that cannot hurt

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

--! Included lethe_private/host_tables.sql
-- Host tables are found through the system catalogues by name: the engine needs no right on a schema
-- in order to know what is there.
create or replace function lethe_private.host_table(schema_name text, table_name text)
  returns oid
  language sql
  stable
begin atomic
  select c.oid
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = schema_name
    and c.relname = table_name
    and c.relkind in ('r', 'p', 'v', 'm', 'f');
end;

comment on function lethe_private.host_table(text, text) is
  'The oid of a relation by its exact names; null when there is none.';

create or replace function lethe_private.host_name(relation oid)
  returns text
  language sql
  stable
begin atomic
  select format('%I.%I', n.nspname, c.relname)
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where c.oid = relation;
end;

comment on function lethe_private.host_name(oid) is 'The quoted, qualified name of a relation.';

-- host_table of every managed table, as a join: which table a relation is, is asked of one row rather than of
-- all tables in turn.
create or replace view lethe_private.managed_relations as
  select m.id as table_id, c.oid as relation
  from lethe.managed_tables as m
  join pg_catalog.pg_namespace as n on n.nspname = m.schema_name
  join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = m.table_name
  where c.relkind in ('r', 'p', 'v', 'm', 'f');

comment on view lethe_private.managed_relations is 'The oids of managed tables; those that are gone are left out.';

-- Reads what a person wrote for a table: the exact names first (no folding, so that "Sales.Orders" in
-- a policy file finds the table so named), then as SQL would read it.
create or replace function lethe_private.resolve_table("table" text)
  returns oid
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_parts text[];
  v_table oid;
begin
  v_table := lethe_private.host_table(
    split_part(resolve_table."table", '.', 1),
    substr(resolve_table."table", strpos(resolve_table."table", '.') + 1));
  if v_table is not null then
    return v_table;
  end if;

  begin
    v_parts := parse_ident(resolve_table."table");
  exception when others then
    v_parts := null;
  end;

  if cardinality(v_parts) = 2 then
    v_table := lethe_private.host_table(v_parts[1], v_parts[2]);
  end if;
  if v_table is null then
    raise exception using errcode = 'LE102',
      message = format('table %s does not exist', coalesce(resolve_table."table", '(null)')),
      hint = 'write it as schema.table, with double quotes around a name that needs them';
  end if;
  return v_table;
end
$$;

comment on function lethe_private.resolve_table(text) is
  'The oid of a table named by a person. Raises LE102.';

-- Columns with what the compiler must know of their types: domains are looked through to their base.
create or replace view lethe_private.host_columns as
  select
    a.attrelid as relation,
    a.attnum as position,
    a.attname::text as name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    -- Without a length: -1 rather than null, which would make char(n) a char(1).
    pg_catalog.format_type(case when t.typtype = 'd' then t.typbasetype else a.atttypid end, -1) as base_type,
    coalesce(b.typname, t.typname)::text as type_name,
    coalesce(b.typcategory, t.typcategory) as type_category,
    coalesce(bn.nspname, tn.nspname)::text as type_schema,
    tn.nspname::text as declared_type_schema,
    -- The length limit of char(n) and varchar(n), whether on the column or on its domain.
    case when coalesce(b.typname, t.typname) in ('varchar', 'bpchar')
      then nullif(case when a.atttypmod >= 0 then a.atttypmod else t.typtypmod end, -1) - 4
    end as length,
    a.attnotnull or t.typnotnull as not_null,
    a.attgenerated <> '' as is_generated,
    a.attidentity <> '' as is_identity
  from pg_catalog.pg_attribute as a
  join pg_catalog.pg_type as t on t.oid = a.atttypid
  join pg_catalog.pg_namespace as tn on tn.oid = t.typnamespace
  left join pg_catalog.pg_type as b on t.typtype = 'd' and b.oid = t.typbasetype
  left join pg_catalog.pg_namespace as bn on bn.oid = b.typnamespace
  where a.attnum > 0
    and not a.attisdropped;

comment on view lethe_private.host_columns is 'Live columns of every relation, domains resolved to their base type.';

-- References to a table. The clones that a partitioned table''s constraint leaves on its partitions
-- are left out, so that each constraint counts once, under the table it was declared on.
create or replace view lethe_private.host_references as
  select
    k.oid as constraint_id,
    k.conname::text as foreign_key,
    k.conrelid as child,
    k.confrelid as parent,
    -- A foreign key that is not enforced (PostgreSQL 18) does nothing by itself.
    case when coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true) then k.confdeltype else 'a' end as on_delete,
    k.conkey as child_positions,
    (select array_agg(a.attname::text order by p.n)
     from unnest(k.conkey) with ordinality as p (attnum, n)
     join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = p.attnum) as child_columns,
    (select array_agg(a.attname::text order by p.n)
     from unnest(k.confkey) with ordinality as p (attnum, n)
     join pg_catalog.pg_attribute as a on a.attrelid = k.confrelid and a.attnum = p.attnum) as parent_columns
  from pg_catalog.pg_constraint as k
  where k.contype = 'f'
    and k.conparentid = 0;

comment on view lethe_private.host_references is 'Foreign keys, each once.';

create or replace function lethe_private.has_leading_index(relation oid, positions int2[])
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select
    from pg_catalog.pg_index as i
    where i.indrelid = relation
      and i.indisvalid
      -- A lookup by value implies that the column is not null, and nothing else.
      and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) in (
        select format('(%I IS NOT NULL)', a.attname)
        from pg_catalog.pg_attribute as a where a.attrelid = relation and a.attnum = any (positions)))
      -- The leading index columns are the wanted ones, in any order. indkey counts from 0.
      and (select array_agg(k.attnum order by k.attnum)
           from unnest(i.indkey::int2[]) with ordinality as k (attnum, n)
           where k.n <= cardinality(positions))
        = (select array_agg(p order by p) from unnest(positions) as p));
end;

comment on function lethe_private.has_leading_index(oid, int2[]) is
  'True when some complete index begins with these columns, so that a reference can be looked up.';
--! EndIncluded lethe_private/host_tables.sql
--! Included lethe_private/calendar.sql
-- Delays are whole days, weeks, months or years as ISO 8601 writes them: P3Y, P18M, P2W, P30D, P1Y6M.
create or replace function lethe_private.parse_delay(after text)
  returns interval
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
  set intervalstyle = postgres
as $$
declare
  v_delay interval;
begin
  if parse_delay.after ~ '^P(\d{1,6}Y)?(\d{1,6}M)?(\d{1,6}W)?(\d{1,6}D)?$' and parse_delay.after <> 'P' then
    v_delay := parse_delay.after::interval;
  end if;
  if v_delay is null or v_delay < interval '1 day' or v_delay > interval '1000 years' then
    raise exception using errcode = 'LE301',
      message = format('delay %s is not a whole number of days, weeks, months or years', coalesce(quote_literal(parse_delay.after), 'null')),
      hint = 'write it as ISO 8601: P30D, P2W, P18M, P3Y; at least one day, at most 1000 years';
  end if;
  return v_delay;
end
$$;

comment on function lethe_private.parse_delay(text) is
  'An ISO 8601 period of whole days or more as an interval. Raises LE301.';

create or replace function lethe_private.format_delay(after interval)
  returns text
  language sql
  immutable
return 'P'
  || coalesce(nullif(extract(year from after), 0) || 'Y', '')
  || coalesce(nullif(extract(month from after), 0) || 'M', '')
  || coalesce(nullif(extract(day from after), 0) || 'D', '');

comment on function lethe_private.format_delay(interval) is 'The inverse of parse_delay; weeks come back as days.';

-- A row is due when local date(clock) + after < today. Adding a delay never moves a later day before
-- an earlier one (31 January + 1 month is clamped, never carried over), so the days that are due are
-- all days up to a last one. We look for it once and every row is then compared with a constant.
-- Going backwards (today - after) lands within a few days of it: month lengths differ by at most
-- three, and a period in months and days can meet that difference twice.
create or replace function lethe_private.last_due_day(today date, after interval)
  returns date
  language sql
  immutable
begin atomic
  select max(d)
  from (select (last_due_day.today - last_due_day.after)::date + n as d from generate_series(-10, 10) as n) as near
  where (d + last_due_day.after)::date < last_due_day.today;
end;

comment on function lethe_private.last_due_day(date, interval) is
  'The latest local day d for which d + after < today, by PostgreSQL''s calendar.';

-- A month has 28 days or 31, so one month is not always longer than 30 days, nor shorter. True only where it is so
-- from every day on.
create or replace function lethe_private.outlasts(delay interval, other interval)
  returns boolean
  language sql
  immutable
begin atomic
  select case when m.more >= 0 then extract(day from delay) + 28 * m.more >= extract(day from other)
    else extract(day from delay) >= extract(day from other) + 31 * -m.more end
  from (select 12 * (extract(year from delay) - extract(year from other)) + extract(month from delay) - extract(month from other) as more) as m;
end;

comment on function lethe_private.outlasts(interval, interval) is
  'True when a delay never ends before another one that began on the same day.';

create or replace function lethe_private.assert_time_zone(time_zone text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from pg_timezone_names where name = assert_time_zone.time_zone) then
    raise exception using errcode = 'LE105',
      message = format('time zone %s is unknown', coalesce(quote_literal(assert_time_zone.time_zone), 'null')),
      hint = 'use an IANA name such as Europe/Paris; pg_timezone_names lists them';
  end if;
end
$$;

comment on function lethe_private.assert_time_zone(text) is 'Raises LE105 unless PostgreSQL knows the zone by this very name.';

create or replace function lethe_private.today(time_zone text)
  returns date
  language sql
  stable
return (now() at time zone time_zone)::date;

comment on function lethe_private.today(text) is 'The local day in a time zone.';
--! EndIncluded lethe_private/calendar.sql
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
  -- A controller's own term replaces the default of the same rule and purpose. A minimum is replaced by nothing: the
  -- controller's own counts beside it.
  select distinct on (t.rule_id, t.purpose, r.action = 'minimum' and t.controller_id is null) t.*
  from lethe.terms as t
  join lethe.rules as r on r.id = t.rule_id
  where r.table_id = effective_terms.table_id
    -- Not "=", for which the planner would read the defaults of all tables from the index on controller_id.
    and (t.controller_id is null or t.controller_id is not distinct from effective_terms.controller_id)
  order by t.rule_id, t.purpose, r.action = 'minimum' and t.controller_id is null, t.controller_id nulls last;
end;

comment on function lethe_private.effective_terms(int, int) is
  'The terms in force on a managed table for a controller, minima among them.';

create or replace function lethe_private.has_rules(table_id int, controller_id int)
  returns boolean
  language sql
  stable
return exists (
  select from lethe_private.effective_terms(has_rules.table_id, has_rules.controller_id) as t
  join lethe.rules as r on r.id = t.rule_id and r.action <> 'minimum');

comment on function lethe_private.has_rules(int, int) is
  'True when there is anything to be done on a table for a controller; a minimum alone does nothing.';
--! EndIncluded lethe_private/term_sql.sql
--! Included lethe_private/rule_sql.sql
-- Terms of purposes are put together here, and what they say is lengthened by the minima that bind the rule
-- (minimum_sql). Later work adds terms, never another way of putting them together.
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
  v_minimum lethe_private.rule_parts;
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

  for v_term in select * from lethe_private.minima_of(managed.id, rule_sql.rule_id, controller.id) loop
    v_minimum := lethe_private.minimum_sql(alias, managed, table_oid, controller, today, v_term, batch,
      case when v_plain then v_parts[1].usable end);
    v_rule.due := format('%s and %s', v_rule.due, v_minimum.due);
    v_rule.unclocked := format('(%s) or %s', v_rule.unclocked, v_minimum.unclocked);
  end loop;
  return v_rule;
end
$$;

comment on function lethe_private.rule_sql(text, lethe.managed_tables, oid, lethe.controllers, date, int, boolean) is
  'When a row is due under a rule, for one controller and one local day; null when the rule has no term for it.';
--! EndIncluded lethe_private/rule_sql.sql
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

-- A predicate is read over columns of plain types, and runs over those of the table. PostgreSQL looks through a domain
-- wherever it compares, except through one over an enumeration: there the column is cast by name.
create or replace function lethe_private.cast_enum_domains(relation oid, condition text)
  returns text
  language sql
  stable
begin atomic
  select string_agg(case
      when w.token[1] like '''%' or h.name is null or w.before ~ '[.:]\s*$' or w.after ~ '^\s*[.(]' then w.token[1]
      else format('(%s)::%s', w.token[1], h.base_type)
    end, '' order by w.n)
  from (
    select t.token, t.n, lag(t.token[1]) over (order by t.n) as before, lead(t.token[1]) over (order by t.n) as after
    from regexp_matches(cast_enum_domains.condition, '("(?:[^"]|"")*"|''(?:[^'']|'''')*''|[[:alnum:]_$]+|[^"''[:alnum:]_$]+)', 'g') with ordinality as t (token, n)
  ) as w
  left join (
    select c.name, format('%I.%I', c.type_schema, c.type_name) as base_type
    from lethe_private.host_columns as c
    join pg_catalog.pg_namespace as n on n.nspname = c.type_schema
    join pg_catalog.pg_type as y on y.typnamespace = n.oid and y.typname = c.type_name and y.typtype = 'e'
    join pg_catalog.pg_attribute as a on a.attrelid = c.relation and a.attnum = c.position and a.atttypid <> y.oid
    where c.relation = cast_enum_domains.relation
  ) as h on w.token[1] = quote_ident(h.name);
end;

comment on function lethe_private.cast_enum_domains(oid, text) is
  'A predicate as PostgreSQL writes it, with columns of domains over enumerations cast to what those are over.';

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
  v_named text;
  v_check text;
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
    v_named := lethe_private.cast_enum_domains(relation, v_read);
    if v_named <> v_read then
      -- It is what was meant if PostgreSQL reads it as the same.
      execute format(E'create index lethe_condition_check on pg_temp.lethe_condition ((1)) where (\n%s\n)', v_named);
      select pg_get_expr(i.indpred, i.indrelid) into v_check
      from pg_index as i where i.indexrelid = to_regclass('pg_temp.lethe_condition_check');
      if v_check is distinct from v_read then
        raise exception 'a column is of a domain over an enumeration, and its name cannot be told from another word';
      end if;
      v_read := v_named;
    end if;
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
--! Included lethe_private/holds_in_force.sql
-- A hold is in force up to and including its ends_on, in its controller's calendar.
create or replace function lethe_private.controller_day(controller_id int)
  returns date
  language sql
  stable
-- A hold of no controller is one of all, and ends where the day ends last.
return (
  select min(lethe_private.today(c.time_zone)) from lethe.controllers as c
  where controller_day.controller_id is null or c.id = controller_day.controller_id);

comment on function lethe_private.controller_day(int) is 'The local day of a controller; of all of them, the earliest.';

create or replace function lethe_private.holds_in_force(day date default null)
  returns setof int
  language sql
  stable
begin atomic
  select h.id
  from lethe.holds as h
  where h.released_at is null
    and (h.ends_on is null or h.ends_on >= coalesce(holds_in_force.day, lethe_private.controller_day(h.controller_id)));
end;

comment on function lethe_private.holds_in_force(date) is 'Holds that hold on a local day; without one, now, each where its controller is.';

-- The links by which rows belong to a person, from the subject's root table down: own and share. A row that only
-- mentions the person is somebody else's.
create or replace function lethe_private.person_links(subject text)
  returns table (link_id int, table_id int, to_table_id int, depth int, circular boolean)
  language sql
  stable
begin atomic
  with recursive down as (
    select l.id as link_id, l.table_id, l.to_table_id, 1 as depth, l.table_id = s.table_id as circular, array[s.table_id, l.table_id] as path, s.id as type_id
    from lethe.subject_types as s
    join lethe.links as l on l.subject_type_id = s.id and l.to_table_id = s.table_id and l.kind in ('own', 'share')
    where s.name = person_links.subject
    union all
    select l.id, l.table_id, l.to_table_id, d.depth + 1, l.table_id = any (d.path), d.path || l.table_id, d.type_id
    from down as d
    join lethe.links as l on l.subject_type_id = d.type_id and l.to_table_id = d.table_id and l.kind in ('own', 'share')
    where not d.circular
  )
  select d.link_id, d.table_id, d.to_table_id, max(d.depth), bool_or(d.circular)
  from down as d
  group by d.link_id, d.table_id, d.to_table_id
  order by max(d.depth), d.link_id;
end;

comment on function lethe_private.person_links(text) is
  'The own and share links that lead from a subject''s root table downwards, parents first; circular: it leads back to where it came from.';

-- Whatever the hold says of the table: a key of it, a predicate over it, a person to whom its rows belong.
create or replace function lethe_private.holds_touching(table_id int)
  returns setof int
  language sql
  stable
begin atomic
  select f.id
  from lethe_private.holds_in_force() as f (id)
  where exists (select from lethe_private.held_keys as k where k.hold_id = f.id and k.table_id = holds_touching.table_id)
     or exists (select from lethe_private.held_conditions as c where c.hold_id = f.id and c.table_id = holds_touching.table_id)
     or exists (
       select from lethe.holds as h
       cross join lateral lethe_private.person_links(h.subject) as l
       where h.id = f.id and h.kind = 'person' and l.table_id = holds_touching.table_id);
end;

comment on function lethe_private.holds_touching(int) is 'Holds in force that may reach rows of a managed table.';

-- A program says what was held otherwise than by key when it was written; as soon as that changes it is written anew.
create or replace function lethe_private.holds_mark(day date)
  returns text
  language sql
  stable
begin atomic
  select coalesce(string_agg(f.id::text, ',' order by f.id), '')
  from lethe_private.holds_in_force(holds_mark.day) as f (id)
  join lethe.holds as h on h.id = f.id
  where h.kind <> 'keys';
end;

comment on function lethe_private.holds_mark(date) is 'The holds whose predicates stand in the programs of a local day.';

create or replace function lethe_private.acts_for_hold(controller_id int)
  returns boolean
  language sql
  stable
return case when controller_id is null then lethe_private.is_operator() else lethe_private.acts_for(controller_id) end;

comment on function lethe_private.acts_for_hold(int) is 'True when the login may act for the controller of a hold; for a hold of all, an operator.';
--! EndIncluded lethe_private/holds_in_force.sql
--! Included lethe_private/remember_relations.sql
-- What a table is made of: itself, its partitions and children.
create or replace function lethe_private.relations_of(root oid)
  returns table (relation oid)
  language sql
  stable
begin atomic
  with recursive family as (
    select root as oid
    union
    select i.inhrelid from family as f join pg_catalog.pg_inherits as i on i.inhparent = f.oid
  )
  select f.oid from family as f where f.oid is not null;
end;

comment on function lethe_private.relations_of(oid) is 'A table, its partitions and its inheritance children, at any depth.';

-- A partition that is dropped takes its rows along and leaves no trace, so it is remembered while it is there:
-- when a hold is placed, and whenever a cycle ends.
create or replace function lethe_private.remember_relations()
  returns void
  language sql
  volatile
begin atomic
  insert into lethe_private.held_relations (table_id, relation, name)
  select m.id, r.relation, lethe_private.host_name(r.relation)
  from lethe.managed_tables as m
  cross join lateral lethe_private.relations_of(lethe_private.host_table(m.schema_name, m.table_name)) as r
  where exists (select from lethe_private.holds_touching(m.id))
  on conflict (table_id, relation) do update set name = excluded.name
  where held_relations.name <> excluded.name;
  delete from lethe_private.held_relations as x where not exists (select from lethe_private.holds_touching(x.table_id));
end;

comment on function lethe_private.remember_relations() is 'Remembers what tables under a hold are made of, and forgets it where nothing is held.';
--! EndIncluded lethe_private/remember_relations.sql
--! Included lethe_private/held_by.sql
-- What a hold reaches besides the keys it names, as predicates over one row of a live table. They are written
-- into a statement only while such a hold is in force: placing or releasing one has the programs compiled anew,
-- so where nothing is held they cost nothing.
--
-- These ask for the keys of certain holds, which are known to be in force, in the plainest way: a guard has to
-- have the question planned for each row.
--
-- Inside: h, h0, h1 … are aliases of these predicates' own. A condition names columns alone, so it is asked in a
-- scope where nothing else has columns.

create or replace view lethe_private.keys_of_holds as
  select k.hold_id, k.table_id, k.key from lethe_private.held_keys as k;

comment on view lethe_private.keys_of_holds is 'Which hold names which key, and nothing else about it; for lethe_sweeper.';

create or replace function lethe_private.held_condition_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, condition text
)
  returns text
  language sql
  stable
return case
  when concat_ws('', nullif(lethe_private.controller_sql('h0', managed, table_oid, controller), 'true'), condition) = '' then 'true'
  else format('exists (select from (select %s.*) as h0 where %s)', alias, concat_ws(' and ',
    nullif(lethe_private.controller_sql('h0', managed, table_oid, controller), 'true'), '(' || condition || ')'))
end;

comment on function lethe_private.held_condition_sql(text, lethe.managed_tables, oid, lethe.controllers, text) is
  'True when the row is the controller''s (null: anybody''s) and satisfies a condition (null: any does).';

-- A key of the parent, read from the columns of the child that refer to it, where both write it alike. So the
-- parent need not be read, and a child whose parent is deleted in the same statement still shows to whom it belongs.
create or replace function lethe_private.key_through_sql(
  alias text, child_oid oid, columns text[], parent_oid oid, to_columns text[], key_columns text[]
)
  returns text
  language sql
  stable
begin atomic
  select case when cardinality(key_columns) = cardinality(to_columns)
      and count(*) = cardinality(key_columns) and bool_and(c.base_type = p.base_type and c.type_schema = 'pg_catalog')
    then lethe_private.key_sql(alias, child_oid, array_agg(c.name order by k.n)) end
  from unnest(key_columns) with ordinality as k (name, n)
  join unnest(columns, to_columns) as l (child_name, parent_name) on l.parent_name = k.name
  join lethe_private.host_columns as c on c.relation = child_oid and c.name = l.child_name
  join lethe_private.host_columns as p on p.relation = parent_oid and p.name = l.parent_name;
end;

comment on function lethe_private.key_through_sql(text, oid, text[], oid, text[], text[]) is
  'SQL of the key of the row that a row refers to; null where the reference does not name the key as it is written.';

-- path: links, from the row's table upwards. Every row on the way is the controller's.
create or replace function lethe_private.held_path_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, path int[], holds int[]
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_alias text := alias;
  v_oid oid := table_oid;
  v_where text[] := array[nullif(lethe_private.controller_sql(alias, managed, table_oid, controller), 'true')];
  v_from text := '';
  v_link lethe.links;
  v_parent lethe.managed_tables;
  v_parent_oid oid;
  v_key text;
begin
  for n in 1 .. cardinality(path) loop
    select l.* into v_link from lethe.links as l where l.id = path[n];
    select m.* into v_parent from lethe.managed_tables as m where m.id = v_link.to_table_id;
    v_parent_oid := lethe_private.resolve_table(format('%I.%I', v_parent.schema_name, v_parent.table_name));
    v_key := case when n = cardinality(path) then lethe_private.key_through_sql(
      v_alias, v_oid, v_link.columns, v_parent_oid, v_link.to_columns, v_parent.key_columns) end;
    exit when v_key is not null;
    if controller.id is not null and not lethe_private.has_controller(v_parent, controller) then
      return null;
    end if;
    v_from := format('%s%s as h%s, ', v_from, lethe_private.host_name(v_parent_oid), n);
    v_where := v_where || lethe_private.reference_sql(v_alias, v_link.columns, 'h' || n, v_link.to_columns)
      || nullif(lethe_private.controller_sql('h' || n, v_parent, v_parent_oid, controller), 'true');
    v_alias := 'h' || n;
    v_oid := v_parent_oid;
    v_key := lethe_private.key_sql(v_alias, v_oid, v_parent.key_columns);
  end loop;
  return format('exists (select from %slethe_private.keys_of_holds as h where %s)', v_from, array_to_string(
    v_where || format('h.table_id = %s and h.key = %s and h.hold_id = any (%L)', v_parent.id, v_key, holds), ' and '));
end
$$;

comment on function lethe_private.held_path_sql(text, lethe.managed_tables, oid, lethe.controllers, int[], int[]) is
  'True when a row belongs, by way of these links, to a row that one of the holds names. Raises LE102 where a table of the way is gone.';

create or replace function lethe_private.held_paths(table_id int, holds int[])
  returns table (controller_id int, path int[], holds int[])
  language sql
  stable
begin atomic
  with recursive people as (
    select h.id, h.subject, h.controller_id from lethe.holds as h where h.id = any (held_paths.holds) and h.kind = 'person'
  ), up as (
    select s.id as type_id, s.name as subject, array[l.id] as path, l.to_table_id
    from lethe.subject_types as s
    join lethe.links as l on l.subject_type_id = s.id and l.kind in ('own', 'share') and l.table_id = held_paths.table_id
    where s.name in (select p.subject from people as p)
    union all
    select u.type_id, u.subject, u.path || l.id, l.to_table_id
    from up as u
    join lethe.links as l on l.subject_type_id = u.type_id and l.kind in ('own', 'share') and l.table_id = u.to_table_id and l.id <> all (u.path)
  )
  select p.controller_id, u.path, array_agg(p.id order by p.id)
  from up as u
  join people as p on p.subject = u.subject
  where exists (select from lethe_private.held_keys as k where k.hold_id = p.id and k.table_id = u.to_table_id)
  group by p.controller_id, u.path
  order by p.controller_id, u.path;
end;

comment on function lethe_private.held_paths(int, int[]) is
  'By which links, from a table upwards, its rows may belong to what holds on people name.';

create or replace function lethe_private.held_more(alias text, managed lethe.managed_tables, table_oid oid, holds int[])
  returns text[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found record;
  v_controller lethe.controllers;
  v_all text[] := '{}';
begin
  if cardinality(held_more.holds) = 0 then
    return v_all;
  end if;
  for v_found in
    select h.controller_id, c.condition, null::int[] as path, null::int[] as holds
    from lethe_private.held_conditions as c
    join lethe.holds as h on h.id = c.hold_id
    where c.table_id = managed.id and c.hold_id = any (held_more.holds)
    union all
    select p.controller_id, null, p.path, p.holds from lethe_private.held_paths(managed.id, held_more.holds) as p
  loop
    v_controller := null;
    select c.* into v_controller from lethe.controllers as c where c.id = v_found.controller_id;
    continue when v_controller.id is not null and not lethe_private.has_controller(managed, v_controller);
    v_all := v_all || case when v_found.path is null
      then lethe_private.held_condition_sql(alias, managed, table_oid, v_controller, v_found.condition)
      else lethe_private.held_path_sql(alias, managed, table_oid, v_controller, v_found.path, v_found.holds) end;
  end loop;
  return array(select distinct a from unnest(v_all) as a where a is not null order by a);
end
$$;

comment on function lethe_private.held_more(text, lethe.managed_tables, oid, int[]) is
  'Predicates of which each says that one of the holds reaches the row otherwise than by naming its key.';

create or replace function lethe_private.held_by_sql(alias text, managed lethe.managed_tables, table_oid oid, holds int[])
  returns text
  language sql
  stable
return array_to_string(array[format(
    'exists (select from lethe_private.keys_of_holds as h where h.table_id = %s and (h.key is null or h.key = %s) and h.hold_id = any (%L))',
    managed.id, lethe_private.key_sql(alias, table_oid, managed.key_columns), holds)]
  || lethe_private.held_more(alias, managed, table_oid, holds), ' or ');

comment on function lethe_private.held_by_sql(text, lethe.managed_tables, oid, int[]) is 'True when one of the holds reaches the row.';
--! EndIncluded lethe_private/held_by.sql
--! Included lethe_private/held.sql
-- What every statement asks. Named columns only: the sweeper may see that a key is held, not why.
create or replace view lethe_private.held as
  select k.table_id, k.key, h.ends_on, h.id as hold_id
  from lethe_private.held_keys as k
  join lethe.holds as h on h.id = k.hold_id
  where h.released_at is null
  union all
  select e.table_id, e.key, e.until, null
  from lethe_private.exemptions as e;

comment on view lethe_private.held is
  'Keys under a hold that has not been released (a null key is the whole table), or put back from the archive for a time (without a hold).';

-- Two questions rather than one with "or": the first is asked once a statement, the second is answered
-- by hash or by index. day: the row is held up to and including its ends_on. Predicates and people follow, where there are any.
create or replace function lethe_private.held_exists(alias text, managed lethe.managed_tables, table_oid oid, today date)
  returns text[]
  language sql
  stable
return array[
  format('exists (select from lethe_private.held as h where h.table_id = %s and h.key is null and (h.ends_on is null or h.ends_on >= date %L))',
    managed.id, today),
  format('exists (select from lethe_private.held as h where h.table_id = %s and h.key = %s and (h.ends_on is null or h.ends_on >= date %L))',
    managed.id, lethe_private.key_sql(alias, table_oid, managed.key_columns), today)]
  || lethe_private.held_more(alias, managed, table_oid, array(
    select f.id from lethe_private.holds_in_force(today) as f (id) join lethe.holds as h on h.id = f.id where h.kind <> 'keys'));

comment on function lethe_private.held_exists(text, lethe.managed_tables, oid, date) is
  'Predicates: the whole table is held; the row is held by its key; and one for each other way in which it may be.';

create or replace function lethe_private.held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date)
  returns text
  language sql
  stable
-- Where no key of the table is held, which is asked once a statement, no row need be asked.
return (
  select format('(exists (select from lethe_private.held as h where h.table_id = %s) and (%s)%s)',
    managed.id, e.parts[1] || ' or ' || e.parts[2], (select string_agg(' or ' || p, '' order by n) from unnest(e.parts[3:]) with ordinality as x (p, n)))
  from (select lethe_private.held_exists(alias, managed, table_oid, today) as parts) as e);

comment on function lethe_private.held_sql(text, lethe.managed_tables, oid, date) is 'True when the row is under a hold on the given day.';

create or replace function lethe_private.not_held_sql(alias text, managed lethe.managed_tables, table_oid oid, today date)
  returns text
  language sql
  stable
return 'not ' || array_to_string(lethe_private.held_exists(alias, managed, table_oid, today), E'\n    and not ');

comment on function lethe_private.not_held_sql(text, lethe.managed_tables, oid, date) is
  'The opposite of held_sql, in the form that PostgreSQL can turn into an anti-join.';
--! EndIncluded lethe_private/held.sql
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
  insert into lethe_private.guard_programs (table_id, holds, relations, on_delete, on_update)
  select m.id, x.holds, array(select r.relation from lethe_private.relations_of(t.root) as r),
    lethe_private.guard_statement(m, t.root, x.holds, 'DELETE'), lethe_private.guard_statement(m, t.root, x.holds, 'UPDATE')
  from lethe.managed_tables as m
  cross join lateral (select lethe_private.host_table(m.schema_name, m.table_name) as root) as t
  cross join lateral (select array(select h from lethe_private.holds_touching(m.id) as h order by h) as holds) as x
  where x.holds <> '{}' and t.root is not null;
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
  if not exists (
    select from pg_proc as p
    where p.oid = to_regprocedure('lethe_private.ask_of_row(text, record, record)')
      and p.prosecdef and p.provolatile = 'v' and not p.proisstrict
      and p.proowner = (select r.oid from pg_roles as r where r.rolname = 'lethe_sweeper')
      and p.proconfig = array['search_path=pg_catalog, pg_temp', 'row_security=off', 'bytea_output=hex', 'extra_float_digits=1', 'IntervalStyle=postgres', 'DateStyle=ISO, YMD', 'jit=off'])
  then
    raise exception using errcode = 'LE505',
      message = 'function lethe_private.ask_of_row has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
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
    where t.since::text like '%max(%'  -- the whole list first: few have one, and all terms are read for every table
      and starts_with(s.entry, v_start)
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

-- Nothing of one clock, a row's own or the latest of other rows, shows a day later than last_day, or never: asked of all rows
-- of a table at once. Conditions that must all hold.
create or replace function lethe_private.none_later_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  last_day date,
  entry text
)
  returns text[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_clock lethe_private.linked_clock;
  v_child lethe.managed_tables;
  v_column lethe_private.host_columns;
begin
  if not lethe_private.is_linked(entry) then
    select h.* into v_column from lethe_private.host_columns as h where h.relation = table_oid and h.name = entry;
    return array[format('(%s) is not true', lethe_private.later_sql(alias, v_column, managed, controller, today, last_day))];
  end if;
  v_clock := lethe_private.linked_clock(managed, entry);
  select m.* into v_child from lethe.managed_tables as m where m.id = v_clock.child_id;
  select h.* into v_column from lethe_private.host_columns as h
  where h.relation = lethe_private.host_table(v_child.schema_name, v_child.table_name) and h.name = v_clock.column_name;
  return array[
    format('not exists (select %s)', lethe_private.events_sql(alias, v_clock, controller,
      lethe_private.later_sql('e', v_column, v_child, controller, today, last_day))),
    -- A join could be planned as if nothing were remembered yet, and take for ever; so it is looked up by its key,
    -- where there is any at all, which is asked once a statement.
    format('(not exists (select from lethe_private.remembered as m where m.parent_table_id = %s and m.controller_id = %s and m.entry = %L)'
      ' or coalesce((select m.last_day %s), ''-infinity'') <= date %L)', managed.id, controller.id, v_clock.entry,
      lethe_private.remembered_sql(alias, managed, table_oid, v_clock, controller, null), last_day)];
end
$$;

comment on function lethe_private.none_later_sql(text, lethe.managed_tables, oid, lethe.controllers, date, date, text) is
  'Conditions under which one clock shows no day after last_day, and not never.';

create or replace function lethe_private.never_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, entry text
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
  if not lethe_private.is_linked(entry) then
    select h.* into v_column from lethe_private.host_columns as h where h.relation = table_oid and h.name = entry;
    return format('coalesce(%s = date ''infinity'', false)',
      lethe_private.clock_day_sql(alias, v_column, managed.time_zone, controller.time_zone, managed.sentinels, today));
  end if;
  v_clock := lethe_private.linked_clock(managed, entry);
  select m.* into v_child from lethe.managed_tables as m where m.id = v_clock.child_id;
  select h.* into v_column from lethe_private.host_columns as h
  where h.relation = lethe_private.host_table(v_child.schema_name, v_child.table_name) and h.name = v_clock.column_name;
  return format('exists (select %s)', lethe_private.events_sql(alias, v_clock, controller, format('%s = date ''infinity''',
    lethe_private.clock_day_sql('e', v_column, v_child.time_zone, controller.time_zone, v_child.sentinels, today))));
end
$$;

comment on function lethe_private.never_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text) is
  'True when one clock, a row''s own or the latest of other rows, means never.';

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
    v_none_later := v_none_later || lethe_private.none_later_sql(alias, managed, table_oid, controller, today, last_day, v_entry);
    if not lethe_private.is_linked(v_entry) then
      select h.* into v_column from lethe_private.host_columns as h where h.relation = table_oid and h.name = v_entry;
      v_some := v_some || format('coalesce(%s, false)', lethe_private.over_by_sql(alias, v_column, managed, controller, last_day));
      continue;
    end if;
    v_clock := lethe_private.linked_clock(managed, v_entry);
    select m.* into v_child from lethe.managed_tables as m where m.id = v_clock.child_id;
    select h.* into v_column from lethe_private.host_columns as h
    where h.relation = lethe_private.host_table(v_child.schema_name, v_child.table_name) and h.name = v_clock.column_name;
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
--! Included lethe_private/minimum_sql.sql
-- A statutory minimum over one row. It lengthens and does nothing else: it makes no value due, is no purpose that applies,
-- and no controller's own term stands in its place. What its clock says, where it has no "when":
--
--   a day      kept until the delay since then has ended
--   nothing    (null, -infinity, a sentinel of the past) what the law counts from has not been: nothing to wait for
--   never      (infinity, a sentinel to come) it has not ended yet: kept
--
-- With "when" the law says itself where it applies, and a clock that shows no day cannot end it: kept. What is kept for
-- want of a day is counted as unclocked.
create or replace function lethe_private.minima_of(table_id int, rule_id int, controller_id int)
  returns setof lethe.terms
  language sql
  stable
begin atomic
  -- One on the table binds whatever takes data away, and not the move of a row to the archive, where it is kept still.
  -- One on a column binds the rules of that column.
  select t.*
  from lethe.rules as r
  join lethe.rules as m on m.table_id = r.table_id and m.action = 'minimum'
    and (m.column_name is null and (r.column_name is not null or r.action <> 'archive') or m.column_name = r.column_name)
  join lethe_private.effective_terms(minima_of.table_id, minima_of.controller_id) as t on t.rule_id = m.id
  where r.id = minima_of.rule_id and r.action <> 'minimum'
  order by t.after desc, t.purpose, t.id;
end;

comment on function lethe_private.minima_of(int, int, int) is 'The statutory minima that bind a rule for a controller.';

-- due: the minimum lets the row go. unclocked: it keeps the row for want of a day. plain_clock: where all terms of the rule
-- are asked of one and the same clock, that this is usable (term_parts.usable); then an index on it serves both.
create or replace function lethe_private.minimum_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  term lethe.terms,
  batch boolean,
  plain_clock text
)
  returns lethe_private.rule_parts
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_parts lethe_private.term_parts := lethe_private.term_sql(alias, managed, table_oid, controller, today,
    term.after, term.since, term.condition, batch);
  v_last date := lethe_private.last_due_day(minimum_sql.today, term.after);
  v_of_rows boolean := not batch and not lethe_private.is_archive(table_oid)
    and exists (select from unnest(term.since) as s where lethe_private.is_linked(s));
  v_minimum lethe_private.rule_parts;
begin
  if term.condition is not null then
    v_minimum.due := format('(not coalesce(%s, false) or coalesce(%s, false))', v_parts.applies, v_parts.expired);
    v_minimum.unclocked := format('coalesce(%s and (%s), false)', v_parts.applies, v_parts.unusable);
    return v_minimum;
  end if;
  v_minimum.due := case
    when v_parts.usable = plain_clock then v_parts.expired
    when v_of_rows then (
      select string_agg(x.q, E'\n    and ' order by s.n, x.n)
      from unnest(term.since) with ordinality as s (entry, n)
      cross join lateral unnest(lethe_private.none_later_sql(alias, managed, table_oid, controller, today, v_last, s.entry)) with ordinality as x (q, n))
    else format('coalesce(%s <= date %L, true)', lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, term.since), v_last)
  end;
  v_minimum.unclocked := case
    when v_of_rows then (
      select '(' || string_agg(lethe_private.never_sql(alias, managed, table_oid, controller, today, s.entry), ' or ' order by s.n) || ')'
      from unnest(term.since) with ordinality as s (entry, n))
    else format('coalesce(%s = ''infinity'', false)', lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, term.since))
  end;
  return v_minimum;
end
$$;

comment on function lethe_private.minimum_sql(text, lethe.managed_tables, oid, lethe.controllers, date, lethe.terms, boolean, text) is
  'The SQL of one statutory minimum, for one controller and one local day: that it lets a row go; that it keeps it for want of a day.';
--! EndIncluded lethe_private/minimum_sql.sql
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
    where r.table_id = managed.id and r.action <> 'minimum'
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
--! Included lethe_private/references.sql
-- What refers to a table: the foreign keys of the catalogue, whatever table they are on, and the links
-- that were declared by hand. Unless the policy says otherwise, a referencing row keeps its parent.
create or replace function lethe_private.references_to(parent oid)
  returns table (
    child           oid,
    child_columns   text[],
    parent_columns  text[],
    foreign_key     text,
    cascades        boolean,
    on_purge        text,
    managed_id      int
  )
  language sql
  stable
begin atomic
  -- A foreign key may lead to one partition or child table alone; its rows go with a DELETE of the whole.
  with recursive family as (
    select references_to.parent as oid
    union
    select i.inhrelid from family as f join pg_catalog.pg_inherits as i on i.inhparent = f.oid
  ), own as (
    select r.table_id from lethe_private.managed_relations as r where r.relation = references_to.parent
  ), refs as (
    select r.child, r.child_columns, r.parent_columns, r.foreign_key, r.on_delete = 'c' as cascades
    from lethe_private.host_references as r
    join family as f on f.oid = r.parent
    union all
    select c.relation, l.columns, l.to_columns, null, false
    from own as o
    join lethe.links as l on l.to_table_id = o.table_id
    left join lethe_private.managed_relations as c on c.table_id = l.table_id
    where l.foreign_key is null
  )
  select distinct on (refs.child, refs.child_columns, refs.parent_columns)
    refs.child, refs.child_columns, refs.parent_columns, refs.foreign_key, refs.cascades,
    coalesce(l.on_purge, 'keep'), m.table_id
  from refs
  left join lethe_private.managed_relations as m on m.relation = refs.child
  left join lethe.links as l on l.table_id = m.table_id and l.columns = refs.child_columns
    and l.to_table_id = (select o.table_id from own as o)
  -- Where several subject types declare the same link, the most careful answer holds.
  order by refs.child, refs.child_columns, refs.parent_columns,
    case coalesce(l.on_purge, 'keep') when 'keep' then 1 when 'unlink' then 2 else 3 end;
end;

comment on function lethe_private.references_to(oid) is
  'Every way in which rows of other tables, or of its own, refer to a table, and what the policy says of each.';

-- What PostgreSQL does by itself when a row is deleted (cascade, set null, set default), as far as cascades
-- lead: a mark that changes as soon as a foreign key comes or goes anywhere along the way.
create or replace function lethe_private.cascade_mark(table_oid oid)
  returns text
  language sql
  stable
begin atomic
  with recursive family as (
    select table_oid as oid
    union
    select x.oid
    from family as f
    cross join lateral (
      select i.inhrelid as oid from pg_catalog.pg_inherits as i where i.inhparent = f.oid
      union all
      select k.conrelid from pg_catalog.pg_constraint as k where k.contype = 'f' and k.confrelid = f.oid and k.confdeltype = 'c'
    ) as x
  )
  select md5(coalesce(string_agg(concat_ws(' ', k.oid, k.confdeltype, to_jsonb(k) ->> 'conenforced'), ',' order by k.oid), ''))
  from family as f
  join pg_catalog.pg_constraint as k on k.confrelid = f.oid and k.contype = 'f'
  where k.confdeltype in ('c', 'n', 'd');
end;

comment on function lethe_private.cascade_mark(oid) is
  'A mark of all foreign keys by which PostgreSQL itself would delete or change rows along with rows of a table.';

create or replace function lethe_private.reference_sql(child_alias text, child_columns text[], parent_alias text, parent_columns text[])
  returns text
  language sql
  immutable
begin atomic
  select string_agg(format('%s.%I = %s.%I', child_alias, c, parent_alias, p), ' and ' order by n)
  from unnest(child_columns, parent_columns) with ordinality as x (c, p, n);
end;

comment on function lethe_private.reference_sql(text, text[], text, text[]) is 'True when the child row refers to the parent row.';
--! EndIncluded lethe_private/references.sql
--! Included lethe_private/archived_program.sql
-- What is in the archive goes on obeying the rules: its term ends, its columns are purged and anonymized. The
-- mirrors are the engine's own tables: no trigger, no reference, no other writer but lethe.open_archive.
-- So these statements run as Lethe's owner, who alone may read them; lethe_sweeper has no part in it.
--
-- Shape: {"discover": text, "mirrors": {oid: {"look", "purge", "columns", "emptied"}}}; see compile.sql for marks.

-- A hold's predicate over archived rows: asked of what was archived. A mirror that cannot answer it is held whole,
-- which placing a hold refuses (LE408) and a later change of the policy can still bring about.
create or replace function lethe_private.archived_answer(mirror lethe_private.mirrors, condition text)
  returns text
  language sql
  stable
begin atomic
  select case when bool_and(coalesce(c.mirror_type = coalesce(lethe_private.mirror_type(h), c.mirror_type), false)) is not false then
    lethe_private.archived_condition(archived_answer.condition) end
  from lethe.managed_tables as t
  cross join lateral (
    select x.name from lethe_private.host_columns as x where x.relation = lethe_private.host_table(t.schema_name, t.table_name)
    union
    select x.column_name from lethe_private.mirror_columns as x where x.mirror_id = mirror.id
  ) as n
  left join lethe_private.mirror_columns as c on c.mirror_id = mirror.id and c.column_name = n.name
  left join lethe_private.host_columns as h on h.relation = lethe_private.host_table(t.schema_name, t.table_name) and h.name = n.name
  where t.id = mirror.table_id and lethe_private.names_column(archived_answer.condition, n.name);
end;

comment on function lethe_private.archived_answer(lethe_private.mirrors, text) is
  'A predicate as it is asked of a mirror; null when the mirror has no answer.';

create or replace function lethe_private.archived_held_sql(alias text, mirror lethe_private.mirrors, today date, exemptions boolean default true)
  returns text
  language sql
  stable
return (
  select '(' || string_agg(x.part, ' or ') || ')'
  from (
    select format('exists (select from lethe_private.held as h where h.table_id = %1$s) and exists (select from lethe_private.held as h '
      'where h.table_id = %1$s and (h.key is null or h.key = %2$s."lethe$key") and (h.ends_on is null or h.ends_on >= date %3$L)%4$s)',
      mirror.table_id, alias, today, case when exemptions then '' else ' and h.hold_id is not null' end) as part
    union all
    select format('exists (select from (select %s.*) as h0 where %s)', alias, concat_ws(' and ',
      coalesce(format('h0."lethe$controller" = %s', h.controller_id), 'true'),
      '(' || lethe_private.archived_answer(mirror, c.condition) || ')'))
    from lethe_private.held_conditions as c
    join lethe.holds as h on h.id = c.hold_id
    where c.table_id = mirror.table_id and c.hold_id in (select f from lethe_private.holds_in_force(today) as f)
  ) as x);

comment on function lethe_private.archived_held_sql(text, lethe_private.mirrors, date, boolean) is
  'True when an archived row is under a hold (or, with exemptions, was put back and is to be left alone).';

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

create or replace function lethe_private.mirror_actions(
  managed lethe.managed_tables, mirror lethe_private.mirrors, controller lethe.controllers, today date
)
  returns lethe_private.action_parts[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_action lethe_private.action_parts;
  v_actions lethe_private.action_parts[] := '{}';
begin
  for v_action in select * from lethe_private.archived_actions(managed, mirror, controller, today) loop
    -- What came along with a row ends with it, and not by itself.
    if v_action.phase = 'purge' then
      v_action.due := format('(%s) and c."lethe$root_table" = %s', v_action.due, managed.id);
      v_action.test := format('(%s)', v_action.due);
    end if;
    v_actions := v_actions || v_action;
  end loop;
  return v_actions;
end
$$;

comment on function lethe_private.mirror_actions(lethe.managed_tables, lethe_private.mirrors, lethe.controllers, date) is
  'What archived_actions says, where only rows that were archived for themselves end by themselves.';

create or replace function lethe_private.companion_mirrors(managed lethe.managed_tables, mirror lethe_private.mirrors)
  returns text[]
  language sql
  stable
begin atomic
  select array_agg(m.name order by m.name)
  from lethe_private.mirrors as m
  join lethe_private.mirror_roots as r on r.mirror_id = m.id
  where mirror.kind = 'rows' and r.root_table_id = managed.id and m.id <> mirror.id and m.table_id <> managed.id;
end;

comment on function lethe_private.companion_mirrors(lethe.managed_tables, lethe_private.mirrors) is
  'Where the rows are that were archived along with those of a mirror; null when there are none.';

-- A hold on what came along keeps the whole record.
create or replace function lethe_private.companions_free_sql(managed lethe.managed_tables, companions text[], today date)
  returns text
  language sql
  stable
begin atomic
  select string_agg(format(E'\n    and not exists (select from %s and c."lethe$root_table" = %s and %s)', lethe_private.companions_sql(m.name, 'k', 'c'), managed.id,
    lethe_private.archived_held_sql('k', m, today)), '')
  from lethe_private.mirrors as m where m.name = any (companions);
end;

comment on function lethe_private.companions_free_sql(lethe.managed_tables, text[], date) is
  'That nothing which came along with an archived row is held, as one more condition ("and …"); null when nothing came along.';

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
  v_held text := lethe_private.archived_held_sql('c', mirror, today);
  v_actions lethe_private.action_parts[];
  v_purge lethe_private.action_parts;
  v_columns lethe_private.action_parts[];
  v_companions text[];
  v_free text;
begin
  if lethe_private.unanswered(managed, mirror) is not null then
    return jsonb_build_object('failure', 'LE905');
  end if;
  v_actions := lethe_private.mirror_actions(managed, mirror, controller, today);
  if v_actions = '{}' then
    return null;
  end if;
  select a.* into v_purge from unnest(v_actions) as a where a.phase = 'purge';
  select array_agg(a) into v_columns from unnest(v_actions) as a where a.phase = 'columns';

  v_companions := lethe_private.companion_mirrors(managed, mirror);
  v_free := lethe_private.companions_free_sql(managed, v_companions, today);

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
--    "look": text, "unclocked": text, "forget": null | text, "holds": text, "shape": null | {"of", "mark"}}

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
    join lethe.rules as r on r.id = t.rule_id and (r.column_name is not null or r.action = 'minimum')
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
  v_program := v_program || jsonb_build_object('archived', lethe_private.archived_program(managed, controller, today),
    'holds', lethe_private.holds_mark(today));
  return v_program || jsonb_build_object('shape', case
    when coalesce(v_program ->> 'archive', v_program #>> '{columns,shape}', v_program ->> 'archived') is not null then
      lethe_private.shape_of(managed) end);
end
$$;

comment on function lethe_private.compile(lethe.managed_tables, lethe.controllers, date) is
  'The statements of one table, for one controller and one local day; null when no rule applies.';
--! EndIncluded lethe_private/compile.sql
--! Included lethe_private/as_sweeper.sql
-- Owned by lethe_sweeper, as is ask_of_row, which only asks; and the only way in which Lethe touches a host's table.
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
  -- Before PostgreSQL 18 what the caller has pending would run as lethe_sweeper, too. So not after a mere reading by
  -- somebody who has fewer rights. A statement that begins with SELECT writes nothing by itself, since WITH may write at
  -- the top level alone. For what writes, see run_as_sweeper.
  if statement operator(pg_catalog.!~) '^\s*select\M'
    or pg_catalog.current_setting('server_version_num')::pg_catalog.int4 operator(pg_catalog.>=) 180000
    or pg_catalog.pg_has_role(session_user, 'lethe_owner', 'member')
  then
    set constraints all immediate;
  end if;

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
  -- What writes has deferred triggers fired as lethe_sweeper, and before PostgreSQL 18 those that the caller has pending,
  -- too. So nobody with fewer rights may come with a trigger of his own.
  if statement !~ '^\s*select\M' and current_setting('server_version_num')::int < 180000
    and not pg_has_role(session_user, 'lethe_owner', 'member')
    and exists (
      select from pg_trigger as t
      join pg_class as c on c.oid = t.tgrelid
      join pg_proc as p on p.oid = t.tgfoid
      where t.tgdeferrable and not t.tgisinternal
        and (pg_has_role(session_user, c.relowner, 'member') or pg_has_role(session_user, p.proowner, 'member'))
        and pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid) + pg_stat_get_xact_tuples_deleted(c.oid) > 0)
  then
    raise exception using errcode = 'LE504', message = 'a deferred trigger of the caller is pending, and would run as lethe_sweeper',
      hint = 'commit first; what writes to managed tables wants a transaction of its own';
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
--! Included lethe_private/ask_of_row.sql
-- How a guard asks about a row that somebody is changing: as lethe_sweeper, since a host's types and tables may run
-- the host's code. It differs from as_sweeper in that it writes nothing, and does not touch the constraints of a
-- transaction that is not ours. As there, the body trusts nothing of its own definition, its caller checks that, and
-- lethe init restores it.
create or replace function lethe_private.ask_of_row(statement text, old_row record, new_row record)
  returns boolean
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
  set jit = off
as $$
declare
  v_answer pg_catalog.bool;
begin
  if current_user operator(pg_catalog.<>) 'lethe_sweeper'::pg_catalog.name then
    raise exception using errcode = 'LE505', message = 'function lethe_private.ask_of_row has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
  execute statement into v_answer using old_row, new_row;
  return v_answer;
end
$$;

comment on function lethe_private.ask_of_row(text, record, record) is
  'Asks one question about a row as lethe_sweeper, row security off. Raises LE505.';

grant create on schema lethe_private to lethe_sweeper;
revoke all on function lethe_private.ask_of_row(text, record, record) from public;
grant execute on function lethe_private.ask_of_row(text, record, record) to lethe_owner;
alter function lethe_private.ask_of_row(text, record, record) owner to lethe_sweeper;
revoke create on schema lethe_private from lethe_sweeper;
--! EndIncluded lethe_private/ask_of_row.sql
--! Included lethe_private/guard_ddl.sql
-- A DROP or DETACH fires no trigger of a table. Where a superuser has installed these event triggers, what the tables
-- under a hold are made of is written down before a command and compared after it. What was detached can be asked
-- whether a held row is in it; what was dropped cannot, so DROP is refused as long as anything of the table is held,
-- but for partitions that the engine itself has found free.
create or replace function lethe_private.guard_ddl()
  returns event_trigger
  language plpgsql
  security definer  -- reads what is held, which nobody else may
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_lost lethe_private.guarded_relations;
  v_managed lethe.managed_tables;
  v_holds int[];
begin
  if tg_event = 'ddl_command_start' then
    if exists (select from lethe.holds as h where h.released_at is null) then
      -- What a command left that commits on its way (DETACH … CONCURRENTLY).
      delete from lethe_private.guarded_relations as g where pg_xact_status(g.xact) is distinct from 'in progress';
      insert into lethe_private.guarded_relations (relation, table_id, root)
      select r.relation, m.id, lethe_private.host_table(m.schema_name, m.table_name)
      from lethe.managed_tables as m
      cross join lateral lethe_private.relations_of(lethe_private.host_table(m.schema_name, m.table_name)) as r
      where exists (select from lethe_private.holds_touching(m.id))
      on conflict (xact, relation) do nothing;
    end if;
    return;
  end if;
  for v_lost in
    delete from lethe_private.guarded_relations as g where g.xact = pg_current_xact_id_if_assigned() and not g.may_go returning *
  loop
    continue when v_lost.relation in (select r.relation from lethe_private.relations_of(v_lost.root) as r where exists (select from pg_class as c where c.oid = v_lost.root));
    v_holds := array(select h from lethe_private.holds_touching(v_lost.table_id) as h order by h);
    continue when v_holds = '{}';
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_lost.table_id;
    if not exists (select from pg_class as c where c.oid = v_lost.relation) then
      raise exception using errcode = 'LE406',
        message = format('%s is refused: %s has rows under a legal hold, and what is dropped cannot be asked for them', tg_tag, lethe_private.plain_name(v_managed)),
        hint = 'detach the partition, which is refused only if it has held rows, and drop it then; or let the cycle purge it; or have the hold released';
    end if;
    perform lethe_private.assert_free(format('select exists (select from %s as c where %s)', lethe_private.host_name(v_lost.relation),
        lethe_private.held_by_sql('c', v_managed, v_lost.relation, v_holds)), row(1), row(1), v_lost.relation, tg_tag, v_holds);
  end loop;
end
$$;

comment on function lethe_private.guard_ddl() is
  'Event trigger: refuses to DROP what is under a hold, and to DETACH what has held rows. Raises LE406.';

-- For purges by partition: this one has been read whole, and goes in this transaction.
create or replace function lethe_private.may_go(partition oid, managed lethe.managed_tables)
  returns void
  language sql
  volatile
begin atomic
  insert into lethe_private.guarded_relations (relation, table_id, root, may_go)
  select r.relation, managed.id, lethe_private.host_table(managed.schema_name, managed.table_name), true
  from lethe_private.relations_of(partition) as r
  where exists (select from lethe_private.holds_touching(managed.id))
  on conflict (xact, relation) do update set may_go = true;
end;

comment on function lethe_private.may_go(oid, lethe.managed_tables) is 'Tells the guard of DDL that the engine has found nothing held in a partition.';
--! EndIncluded lethe_private/guard_ddl.sql
--! Included lethe_private/managed.sql
create or replace function lethe_private.get_managed("table" text)
  returns lethe.managed_tables
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.resolve_table("table");
  v_schema text;
  v_name text;
  v_managed lethe.managed_tables;
begin
  -- By its names, in the index that keeps them apart, rather than by joining all tables.
  select n.nspname, c.relname into v_schema, v_name
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = v_oid;
  select m.* into v_managed from lethe.managed_tables as m where m.schema_name = v_schema and m.table_name = v_name;
  if not found then
    raise exception using errcode = 'LE102',
      message = format('table %s is not managed', lethe_private.host_name(v_oid)),
      hint = format('select lethe.manage_table(%L)', lethe_private.host_name(v_oid));
  end if;
  return v_managed;
end
$$;

comment on function lethe_private.get_managed(text) is 'A managed table as a person names it. Raises LE102.';

-- The primary key; else the narrowest unique index that identifies every row: complete, immediate, over
-- plain columns that are never null.
create or replace function lethe_private.usable_key(relation oid)
  returns text[]
  language sql
  stable
begin atomic
  select array_agg(a.attname::text order by k.n)
  from (
    select i.*
    from pg_catalog.pg_index as i
    where i.indrelid = relation
      and i.indisunique and i.indisvalid and i.indimmediate
      and i.indpred is null and i.indexprs is null
      and not exists (
        select from unnest(i.indkey::int2[]) with ordinality as k (attnum, n)
        join pg_catalog.pg_attribute as a on a.attrelid = relation and a.attnum = k.attnum
        where k.n <= i.indnkeyatts and not a.attnotnull)
    order by i.indisprimary desc, i.indnkeyatts, i.indexrelid
    limit 1
  ) as i
  cross join unnest(i.indkey::int2[]) with ordinality as k (attnum, n)
  join pg_catalog.pg_attribute as a on a.attrelid = relation and a.attnum = k.attnum
  where k.n <= i.indnkeyatts;
end;

comment on function lethe_private.usable_key(oid) is 'The columns that identify a row; null when nothing does.';

create or replace function lethe_private.assert_manageable(relation oid)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := lethe_private.host_name(relation);
  v_kind "char" := (select c.relkind from pg_class as c where c.oid = relation);
  v_parent oid := (select i.inhparent from pg_inherits as i where i.inhrelid = relation order by i.inhseqno limit 1);
begin
  if v_kind not in ('r', 'p') then
    raise exception using errcode = 'LE201',
      message = format('%s is %s, which cannot be managed', v_name,
      case v_kind when 'v' then 'a view' when 'm' then 'a materialized view' else 'a foreign table' end),
      hint = 'manage the tables it reads from';
  elsif v_name ~ '^(pg_catalog|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)\.' then
    raise exception using errcode = 'LE201',
      message = format('%s belongs to the system or to Lethe itself', v_name),
      hint = 'name a table of your own';
  elsif (select c.relpersistence from pg_class as c where c.oid = relation) = 't' then
    raise exception using errcode = 'LE201',
      message = format('%s is a temporary table', v_name),
      hint = 'name a permanent table';
  elsif v_parent is not null then
    raise exception using errcode = 'LE202',
      message = format('%s is part of %s', v_name, lethe_private.host_name(v_parent)),
      hint = format('manage %s: its rules reach all its partitions and children', lethe_private.host_name(v_parent));
  end if;
end
$$;

comment on function lethe_private.assert_manageable(oid) is 'Raises LE201 or LE202 for what is not a table of its own.';
--! EndIncluded lethe_private/managed.sql
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
  if not exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'archive')
    and not exists (select from lethe_private.mirrors as m where m.table_id = managed.id)
  then
    return;
  end if;
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
--! Included lethe_private/assert_minima.sql
-- What a law has kept must be kept by everything that could take it away: what the rules of a table together would let slip
-- through is refused when the policy is set.
create or replace function lethe_private.assert_minima(managed lethe.managed_tables)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := format('%I.%I', managed.schema_name, managed.table_name);
  v_found record;
begin
  if not exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'minimum') then
    return;
  end if;
  -- Its rows leave by the rules of another table.
  select t.purpose, format('%I.%I', p.schema_name, p.table_name) as parent into v_found
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  join lethe.links as l on l.table_id = r.table_id and l.on_purge = 'with parent'
  join lethe.managed_tables as p on p.id = l.to_table_id
  where r.table_id = managed.id and r.action = 'minimum' and r.column_name is null
  limit 1;
  if found then
    raise exception using errcode = 'LE317',
      message = format('rows of %s go with those of %s, which the minimum %L could not keep', v_name, v_found.parent, v_found.purpose),
      hint = format('put the minimum on %s: what goes with its rows is kept with them', v_found.parent);
  end if;

  -- To whom a row belonged is part of what is kept, and may be what the minimum goes by.
  select t.purpose, format('%I.%I', p.schema_name, p.table_name) as parent, array_to_string(l.columns, ', ') as columns into v_found
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  join lethe.links as l on l.table_id = r.table_id and l.on_purge = 'unlink'
    and (r.column_name is null or r.column_name = any (l.columns) or t.since && l.columns
      or exists (select from unnest(l.columns) as c where lethe_private.names_column(t.condition, c)))
  join lethe.managed_tables as p on p.id = l.to_table_id
  where r.table_id = managed.id and r.action = 'minimum'
  limit 1;
  if found then
    raise exception using errcode = 'LE317',
      message = format('%s of %s is set to null when a row of %s goes, which the minimum %L could not keep', v_found.columns, v_name, v_found.parent, v_found.purpose),
      hint = format('put the minimum on %s too and let the reference keep its rows: leave unlink out', v_found.parent);
  end if;

  -- A rule that the minimum does not bind could take away the day that it counts from, and with it the minimum.
  select t.purpose, w.column_name, w.action, r.column_name as kept into v_found
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  join lethe.rules as w on w.table_id = r.table_id and w.action <> 'minimum' and w.column_name <> r.column_name
    and (w.column_name = any (t.since) or lethe_private.names_column(t.condition, w.column_name))
  where r.table_id = managed.id and r.action = 'minimum'
  limit 1;
  if found then
    raise exception using errcode = 'LE317',
      message = format('minimum %L on column %I of %s counts by column %I, which a rule rewrites (%s)',
        v_found.purpose, v_found.kept, v_name, v_found.column_name, v_found.action),
      hint = 'put the minimum on the table, so that it binds that rule too, or let it count by another column';
  end if;

  -- It does not keep the row, so it is of no use where the row goes before.
  select m.purpose, k.column_name, lethe_private.format_delay(t.after) as after into v_found
  from lethe.rules as k
  join lethe.terms as m on m.rule_id = k.id
  join lethe.rules as r on r.table_id = k.table_id and r.column_name is null and r.action = 'purge'
  join lethe.terms as t on t.rule_id = r.id and t.since = m.since and t.after <> m.after and lethe_private.outlasts(m.after, t.after)
    and t.condition is not distinct from coalesce(m.condition, t.condition)
    and (m.controller_id is null or m.controller_id is not distinct from t.controller_id)
  where k.table_id = managed.id and k.action = 'minimum' and k.column_name is not null
    and 1 = (select count(*) from lethe.terms as x where x.rule_id = r.id and (x.controller_id is null or x.controller_id is not distinct from t.controller_id))
    and not exists (select from lethe.rules as x where x.table_id = k.table_id and x.action = 'minimum' and x.column_name is null)
  limit 1;
  if found then
    raise exception using errcode = 'LE317',
      message = format('minimum %L on column %I of %s is longer than its rows live: they are purged after %s',
        v_found.purpose, v_found.column_name, v_name, v_found.after),
      hint = 'put the minimum on the table, which keeps the row';
  end if;

  select d.purpose, c.name as controller, lethe_private.format_delay(d.after) as after into v_found
  from lethe.rules as r
  join lethe.terms as d on d.rule_id = r.id and d.controller_id is null
  join lethe.terms as o on o.rule_id = r.id and o.purpose = d.purpose and o.since = d.since
    and o.condition is not distinct from d.condition and lethe_private.outlasts(d.after, o.after)
  join lethe.controllers as c on c.id = o.controller_id
  where r.table_id = managed.id and r.action = 'minimum'
  limit 1;
  if found then
    raise exception using errcode = 'LE317',
      message = format('controller %s cannot shorten the minimum %L of %s, which is %s', v_found.controller, v_found.purpose, v_name, v_found.after),
      hint = 'a controller may have a longer one: both count';
  end if;
end
$$;

comment on function lethe_private.assert_minima(lethe.managed_tables) is
  'Raises LE317 when a minimum could not keep what it is to keep, or would shorten another.';

-- A rule that a minimum puts off until another comes first or at once is never due. Only where all count from the same clock
-- under the same condition can they be compared at all.
create or replace function lethe_private.assert_not_outlasted(managed lethe.managed_tables)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found record;
begin
  if not exists (select from lethe.rules as r where r.table_id = managed.id and r.action = 'minimum') then
    return;
  end if;
  select concat_ws(': ', r.column_name, r.action) as earlier, concat_ws(': ', l.column_name, l.action) as later, m.purpose into v_found
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  join lethe.rules as l on l.table_id = r.table_id and l.column_name is not null and l.action <= r.action and l.id <> r.id
    and l.action <> 'minimum' and (r.column_name is null or r.column_name = l.column_name)
  join lethe.rules as k on k.table_id = r.table_id and k.action = 'minimum' and (k.column_name is null or k.column_name = l.column_name)
  join lethe.terms as m on m.rule_id = k.id and m.since = t.since and lethe_private.outlasts(m.after, t.after)
    and (m.condition is null or m.condition = t.condition)
    and (m.controller_id is null or m.controller_id is not distinct from t.controller_id)
  where r.table_id = managed.id and r.action = 'purge'
    and 1 = all (
      select count(*) from lethe.terms as x
      where x.rule_id in (r.id, l.id) and (x.controller_id is null or x.controller_id is not distinct from t.controller_id)
      group by x.rule_id)
    -- Where the later rule is due, the earlier one applies.
    and exists (
      select from lethe.terms as u
      where u.rule_id = l.id and u.since = t.since and u.condition is not distinct from t.condition
        and u.purpose is not distinct from t.purpose and u.controller_id is not distinct from t.controller_id)
  limit 1;
  if found then
    raise exception using errcode = 'LE317',
      message = format('minimum %L puts off rule "%s" on %I.%I until "%s" comes first or at once',
        v_found.purpose, v_found.later, managed.schema_name, managed.table_name, v_found.earlier),
      hint = format('leave rule "%s" out, or give "%s" a longer delay', v_found.later, v_found.earlier);
  end if;
end
$$;

comment on function lethe_private.assert_not_outlasted(lethe.managed_tables) is 'Raises LE317 for a rule that a minimum keeps from ever being due.';
--! EndIncluded lethe_private/assert_minima.sql
--! Included lethe/formats/catalogue.sql
-- The minimised formats. docs/formats.md lists them; a test compares.
--
-- Counterpart: lethe.methods, which anonymizes what is old. A format is for what is collected today, and is put into a
-- CHECK, a domain or a trigger of the host's. So its expressions use PostgreSQL's own functions and nothing of Lethe's:
-- they go on working when Lethe is gone. No backslash stands in them, which means different things to different sessions. In the templates {value} is the column, as text and in collation "C" where
-- the kind is text; {type} its base type; every other word a parameter.
--
-- The reduction is asked only of a value that the recogniser does not know. It reads what can be read in one way, and is
-- null for the rest: 03/04/1980 is two birthdays, and nobody's data is thrown away on a guess.
insert into lethe.formats (name, kind, types, recogniser, reduction, output, length_max, parameters, examples, description)
values
  ('month_day', 'text', '{text,varchar,bpchar,citext}',
   $$ {value} ~ '^--(?!02-3|0[469]-31|11-31)(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$' $$,
   $$ '--' || substring({value} from '^[[:space:]]*[0-9]{4}-((?!02-3|0[469]-31|11-31)(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))(?:[T ].*)?[[:space:]]*$') $$,
   'anonymous', 7, '{}', '{1987-05-06,1996-02-29,1987-05-06T00:00:00Z}',
   'A birthday without its year (ISO 8601, vCard), so that it can be wished and tells no age.'),

  -- The year that lethe.month_day writes, and address books: a leap year, before anybody's birth.
  ('month_day', 'date', '{date}',
   $$ {value} between date '1604-01-01' and date '1604-12-31' or not isfinite({value}) $$,
   $$ make_date(1604, extract(month from {value})::int, extract(day from {value})::int) $$,
   'anonymous', null, '{}', '{1987-05-06,1996-02-29}',
   'A birthday without its year: the year 1604 stands for none, as in many address books. Whatever computes an age must know.'),

  ('month', 'text', '{text,varchar,bpchar,citext}',
   $$ {value} ~ '^[0-9]{4}-(?:0[1-9]|1[0-2])$' $$,
   $$ substring({value} from '^[[:space:]]*([0-9]{4}-(?:0[1-9]|1[0-2]))(?:-[0-9]{2}(?:[T ].*)?)?[[:space:]]*$') $$,
   'anonymous', 7, '{}', '{1987-05-06,1987-05-06 12:30:00}',
   'A month of a year.'),

  ('month', 'date', '{date}',
   $$ extract(day from {value}) = 1 or not isfinite({value}) $$,
   $$ case when {value} >= date '0001-01-01' then {value} - (extract(day from {value})::int - 1) end $$,
   'anonymous', null, '{}', '{1987-05-06}',
   'A month of a year: its first day. Who reads a date must know that the day is not meant.'),

  ('year', 'text', '{text,varchar,bpchar,citext}',
   $$ {value} ~ '^[0-9]{4}$' $$,
   $$ substring({value} from '^[[:space:]]*([0-9]{4})(?:-[0-9]{2}(?:-[0-9]{2}(?:[T ].*)?)?)?[[:space:]]*$') $$,
   'anonymous', 4, '{}', '{1987-05-06,1987-05,1987-05-06T00:00:00Z}',
   'A year: of birth, of arrival.'),

  ('year', 'date', '{date}',
   $$ extract(month from {value}) = 1 and extract(day from {value}) = 1 or not isfinite({value}) $$,
   $$ case when {value} >= date '0001-01-01' then make_date(extract(year from {value})::int, 1, 1) end $$,
   'anonymous', null, '{}', '{1987-05-06}',
   'A year: its first day. Who reads a date must know that month and day are not meant.'),

  -- 19870506 could be a day or a number of something else, so a number is recognised and never reduced.
  ('year', 'integer', '{int2,int4,int8}',
   $$ {value} between 1 and 9999 $$, null,
   'anonymous', null, '{}', '{19870506}',
   'A year as a number.'),

  -- A band is what was true on the day it was collected. From a date of birth it would follow only with the day of today, which
  -- no constraint may ask for; so it is read from an age. The widths divide 90, where the open band begins.
  ('age_band', 'text', '{text,varchar,bpchar,citext}',
   $$ case
    when {value} ~ '^[1-8]?[0-9]-[1-8]?[0-9]$' then
      {value} = (split_part({value}, '-', 1)::int / {width} * {width})::text
        || '-' || (split_part({value}, '-', 1)::int / {width} * {width} + {width} - 1)::text
    else {value} = '90+'
  end $$,
   $$ case
    when substring({value} from '^[[:space:]]*([0-9]{1,3})[[:space:]]*$')::int >= 90 then '90+'
    else (substring({value} from '^[[:space:]]*([0-9]{1,3})[[:space:]]*$')::int / {width} * {width})::text
      || '-' || (substring({value} from '^[[:space:]]*([0-9]{1,3})[[:space:]]*$')::int / {width} * {width} + {width} - 1)::text
  end $$,
   'anonymous', 5, '{"width": {"type": "integer", "enum": [5, 10, 15, 30], "default": 10, "description": "years in a band"}}',
   '{34,7,103}',
   'A band of ages (30-39; 90+), as of the day it was collected: it does not grow older.'),

  ('age_band', 'integer', '{int2,int4,int8}',
   $$ {value} between 0 and 90 and {value} % {width} = 0 $$,
   $$ case when {value} between 0 and 150 then least({value}, 90) / {width} * {width} end $$,
   'anonymous', null, '{"width": {"type": "integer", "enum": [5, 10, 15, 30], "default": 10, "description": "years in a band"}}',
   '{34,7,103}',
   'A band of ages by its first one (30: 30 to 39; 90: and older), as of the day it was collected.'),

  ('postcode_prefix', 'text', '{text,varchar,bpchar,citext}',
   $$ {value} ~ '^[0-9A-Z]{0,{keep}}$' $$,
   $$ left(regexp_replace(upper(substring({value} from '^[[:space:]]*([0-9A-Za-z][0-9A-Za-z -]{0,10})[[:space:]]*$')), '[^0-9A-Z]', '', 'g'), {keep}) $$,
   'anonymous', 0, '{"keep": {"type": "integer", "default": 2, "minimum": 1, "maximum": 4, "description": "characters to keep; fewer than the postal codes have"}}',
   '{75008,SW1A 1AA,1234-567}',
   'The first characters of a postal code: an area, not a street.'),

  ('phone_prefix', 'text', '{text,varchar,bpchar,citext}',
   $$ {value} ~ '^[+]?[0-9]{0,{keep}}$' $$,
   $$ substring(regexp_replace(substring({value} from '^[[:space:]]*([+]?[0-9 ()./-]{1,40})[[:space:]]*$'), '[^+0-9]', '', 'g') from '^[+]?[0-9]{1,{keep}}') $$,
   'anonymous', 1, '{"keep": {"type": "integer", "default": 3, "minimum": 1, "maximum": 5, "description": "digits to keep"}}',
   '{+33 6 12 34 56 78,(0)1 23 45 67 89,0612345678}',
   'The first digits of a telephone number: country, or area.'),

  ('ip_prefix', 'inet', '{inet}',
   $$ masklen({value}) <= case family({value}) when 4 then {v4} else {v6} end and {value} = network({value}) $$,
   $$ network(set_masklen({value}, least(masklen({value}), case family({value}) when 4 then {v4} else {v6} end))) $$,
   'anonymous', null,
   '{"v4": {"type": "integer", "default": 24, "minimum": 8, "maximum": 24, "description": "bits of a version 4 address to keep"},
     "v6": {"type": "integer", "default": 48, "minimum": 16, "maximum": 48, "description": "bits of a version 6 address to keep"}}',
   '{192.0.2.77,2001:db8:1:2:3:4:5:6,::ffff:192.0.2.77,10.1.2.3/8}',
   'The network an address lies in.'),

  ('ip_prefix', 'cidr', '{cidr}',
   $$ masklen({value}) <= case family({value}) when 4 then {v4} else {v6} end $$,
   $$ set_masklen({value}, case family({value}) when 4 then {v4} else {v6} end) $$,
   'anonymous', null,
   '{"v4": {"type": "integer", "default": 24, "minimum": 8, "maximum": 24, "description": "bits of a version 4 address to keep"},
     "v6": {"type": "integer", "default": 48, "minimum": 16, "maximum": 48, "description": "bits of a version 6 address to keep"}}',
   '{192.0.2.77/32,2001:db8:1:2::/64}',
   'The network an address lies in.'),

  -- As lethe.generalize_ip writes it: without a length, so that what reads the column still finds an address. Version 4
  -- inside version 6 (::ffff:192.0.2.1) is read as version 4. A pattern stands before each cast, which would fail otherwise.
  ('ip_prefix', 'text', '{text,varchar,bpchar,citext}',
   $$ case
    when {value} ~ '^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$'
      then {value} = host(network(set_masklen({value}::inet, {v4})))
    when {value} ~* '^::ffff:[0-9.]+$' then false
    when {value} ~* '^(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?!(?:.*:){8})(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?)$'
      then {value} = host(network(set_masklen({value}::inet, {v6})))
    else {value} = ''
  end $$,
   $$ case
    when {value} ~ '^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$'
      then host(network(set_masklen({value}::inet, {v4})))
    when {value} ~* '^::ffff:(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$'
      then host(network(set_masklen(substr({value}, 8)::inet, {v4})))
    when {value} ~* '^(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?!(?:.*:){8})(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?)$'
      then host(network(set_masklen({value}::inet, {v6})))
  end $$,
   'anonymous', 15,
   '{"v4": {"type": "integer", "default": 24, "minimum": 8, "maximum": 24, "description": "bits of a version 4 address to keep"},
     "v6": {"type": "integer", "default": 48, "minimum": 16, "maximum": 48, "description": "bits of a version 6 address to keep"}}',
   '{192.0.2.77,2001:db8:1:2:3:4:5:6,::ffff:192.0.2.77}',
   'The first address of the network an address lies in.'),

  ('coordinates', 'numeric', '{numeric}',
   $$ {value} = trunc({value}, {decimals}) $$,
   $$ trunc({value}, {decimals}) $$,
   'pseudonymous', null,
   '{"decimals": {"type": "integer", "default": 1, "minimum": 0, "maximum": 3, "description": "decimals of a degree to keep: one is eleven kilometres, two are one"}}',
   '{48.8566}',
   'A latitude or longitude on a coarse grid. Even a kilometre may have one inhabitant.'),

  -- By way of numeric, which holds decimals exactly. What is beyond 2^24 is no degree, and has no decimals as a real.
  ('coordinates', 'float', '{float4,float8}',
   $$ case when abs({value}) >= 16777216 then true else {value} = trunc({value}::numeric, {decimals})::{type} end $$,
   $$ trunc({value}::numeric, {decimals})::{type} $$,
   'pseudonymous', null,
   '{"decimals": {"type": "integer", "default": 1, "minimum": 0, "maximum": 3, "description": "decimals of a degree to keep: one is eleven kilometres, two are one"}}',
   '{48.8566}',
   'A latitude or longitude on a coarse grid. Even a kilometre may have one inhabitant.'),

  -- A digest without a key is undone by trying addresses, and a key may not stand in a constraint that everybody reads. So
  -- the application hashes, under a key that the database never sees, and the format is checked and not made.
  ('email_hash', 'text', '{text,varchar,bpchar,citext}',
   $$ {value} ~ '^[0-9a-f]{64}$' $$, null,
   'pseudonymous', 64, '{}', '{ada@example.org}',
   'HMAC-SHA-256 of an e-mail address, in hexadecimal, computed by the application under a key of its own.'),

  ('email_hash', 'bytea', '{bytea}',
   $$ octet_length({value}) = 32 $$, null,
   'pseudonymous', null, '{}', '{ada@example.org}',
   'HMAC-SHA-256 of an e-mail address, computed by the application under a key of its own.')
on conflict (name, kind) do update
set types = excluded.types,
    recogniser = excluded.recogniser,
    reduction = excluded.reduction,
    output = excluded.output,
    length_max = excluded.length_max,
    parameters = excluded.parameters,
    examples = excluded.examples,
    description = excluded.description;
--! EndIncluded lethe/formats/catalogue.sql
--! Included lethe_private/declared_formats.sql
-- Fills a format's template in a single pass, so that nothing filled in is read as a placeholder again.
create or replace function lethe_private.fill_format(template text, value text, type text, parameters jsonb)
  returns text
  language sql
  immutable
begin atomic
  select btrim(string_agg(coalesce(
    case m.part[1] when 'value' then fill_format.value when 'type' then fill_format.type else fill_format.parameters ->> m.part[1] end,
    m.part[2], ''), '' order by m.n))
  from regexp_matches(template, '\{([a-z]\w*)\}|([^{]+|\{)', 'g') with ordinality as m (part, n);
end;

comment on function lethe_private.fill_format(text, text, text, jsonb) is
  'A template of lethe.formats over one value. Parameters are numbers, checked before.';

-- A text is read as text and in collation "C": patterns refuse a collation that is not deterministic, and the answer
-- must not depend on one.
create or replace function lethe_private.format_value(prefix text, name text, type text, kind text)
  returns text
  language sql
  immutable
return concat(prefix, quote_ident(name),
  case when kind = 'text' then concat(case when type <> 'text' then '::text' end, ' collate "C"') end);

comment on function lethe_private.format_value(text, text, text, text) is 'The value of a column, as the templates of its kind want it.';

-- What the host's objects say in their comments, by which they are known again: the format, and the very expressions.
create or replace function lethe_private.format_mark(format text, expressions text)
  returns text
  language sql
  immutable
return format('lethe format %s %s', format, left(md5(expressions), 8));

comment on function lethe_private.format_mark(text, text) is 'The mark of a constraint or trigger that keeps a format.';

create or replace function lethe_private.format_object(name text)
  returns text
  language sql
  immutable
return case when octet_length(name) < 64 then name else 'format_' || md5(name) end;

comment on function lethe_private.format_object(text) is 'The name of a constraint, trigger or function of a format; a digest of it where it would be too long.';

create or replace function lethe_private.format_parameters(declared jsonb, given jsonb)
  returns jsonb
  language sql
  immutable
begin atomic
  select coalesce(jsonb_object_agg(p.key, coalesce(given -> p.key, p.value -> 'default')), '{}') from jsonb_each(declared) as p;
end;

comment on function lethe_private.format_parameters(jsonb, jsonb) is 'All parameters of a format: as given, else by default.';

create or replace view lethe_private.declared_formats as
  select
    d.table_id,
    h.relation,
    h.position,
    d.column_name,
    h.type,
    h.base_type,
    h.type_name,
    h.length,
    d.format,
    d.kind,
    d.on_arrival,
    f.types,
    f.examples,
    p.recogniser,
    p.reduction,
    lethe_private.format_value('', d.column_name, h.type, d.kind) as own_value,
    lethe_private.format_value('c.', d.column_name, h.type, d.kind) as row_value,
    lethe_private.format_value('new.', d.column_name, h.type, d.kind) as new_value,
    lethe_private.format_object(d.column_name || '_is_' || d.format) as constraint_name,
    lethe_private.format_object('zz_' || d.column_name || '_is_' || d.format) as trigger_name,
    lethe_private.format_mark(d.format, p.recogniser) as constraint_mark,
    lethe_private.format_mark(d.format, concat_ws(' ', d.on_arrival, p.recogniser, p.reduction)) as trigger_mark
  from lethe.column_formats as d
  join lethe.managed_tables as m on m.id = d.table_id
  join lethe.formats as f on f.name = d.format and f.kind = d.kind
  join lethe_private.host_columns as h
    on h.relation = lethe_private.host_table(m.schema_name, m.table_name) and h.name = d.column_name
  cross join lateral (
    select
      lethe_private.fill_format(f.recogniser, '{value}', h.base_type, x.parameters) as recogniser,
      lethe_private.fill_format(f.reduction, '{value}', h.base_type, x.parameters) as reduction
    from lethe_private.format_parameters(f.parameters, d.parameters) as x (parameters)
  ) as p;

comment on view lethe_private.declared_formats is
  'The formats that columns are declared to have, their templates filled but for {value}, with the names and marks of the host''s objects that keep them.';

create or replace function lethe_private.format_of_type(format text, type_name text, what text)
  returns lethe.formats
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_format lethe.formats;
begin
  if not exists (select from lethe.formats as f where f.name = format_of_type.format) then
    raise exception using errcode = 'LE113',
      message = pg_catalog.format('format %L does not exist', format_of_type.format),
      hint = 'one of ' || (select string_agg(distinct f.name, ', ') from lethe.formats as f);
  end if;
  select f.* into v_format from lethe.formats as f where f.name = format_of_type.format and format_of_type.type_name = any (f.types);
  if not found then
    raise exception using errcode = 'LE319',
      message = pg_catalog.format('%s cannot hold format %s', what, format_of_type.format),
      hint = 'it fits ' || (select string_agg(array_to_string(f.types, ', '), ', ' order by f.kind) from lethe.formats as f where f.name = format_of_type.format);
  end if;
  return v_format;
end
$$;

comment on function lethe_private.format_of_type(text, text, text) is 'The row of lethe.formats for a type. Raises LE113, LE319.';

create or replace function lethe_private.get_format("table" text, "column" text)
  returns lethe_private.declared_formats
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_declared lethe_private.declared_formats;
begin
  perform lethe_private.assert_columns(v_managed, array["column"]);
  select d.* into v_declared from lethe_private.declared_formats as d where d.table_id = v_managed.id and d.column_name = "column";
  if not found then
    raise exception using errcode = 'LE113',
      message = format('column %I of %s has no format', "column", lethe_private.plain_name(v_managed)),
      hint = format('select lethe.set_format(%L, %L, …)', lethe_private.plain_name(v_managed), "column");
  end if;
  -- The column may have been given another type since.
  perform lethe_private.format_of_type(v_declared.format, v_declared.type_name,
    format('column %I of %s, of type %s,', "column", lethe_private.plain_name(v_managed), v_declared.type));
  return v_declared;
end
$$;

comment on function lethe_private.get_format(text, text) is 'The format that a column is declared to have. Raises LE102, LE103, LE113, LE319.';

-- A trigger on a partitioned table reaches its partitions by itself; one on a table that others inherit from does not.
create or replace function lethe_private.trigger_relations(relation oid)
  returns setof oid
  language sql
  stable
begin atomic
  with recursive tree as (
    select trigger_relations.relation as oid
    union
    select i.inhrelid
    from tree as t
    join pg_catalog.pg_inherits as i on i.inhparent = t.oid
    join pg_catalog.pg_class as c on c.oid = i.inhrelid and not c.relispartition
  )
  select t.oid from tree as t order by t.oid;
end;

comment on function lethe_private.trigger_relations(oid) is 'The tables on which a row trigger must be made to reach all rows of a table.';

-- What an earlier declaration of the same column left on the table, known by its comment. A trigger of the same name is
-- replaced, so it is not among them.
create or replace function lethe_private.format_leftovers(declared lethe_private.declared_formats)
  returns table (n int, statement text)
  language sql
  stable
begin atomic
  with triggers as (
    select g.tgname, g.tgrelid, f.proname, n.nspname
    from lethe_private.trigger_relations(declared.relation) as r (oid)
    join pg_catalog.pg_trigger as g on g.tgrelid = r.oid and not g.tgisinternal
    join pg_catalog.pg_proc as f on f.oid = g.tgfoid
    join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
    where obj_description(g.oid, 'pg_trigger') ~ '^lethe format '
      and (g.tgname <> declared.trigger_name or declared.on_arrival is null)
      and exists (select from lethe.formats as x where g.tgname = lethe_private.format_object('zz_' || declared.column_name || '_is_' || x.name))
  )
  select 1, format('drop trigger %I on %s;', t.tgname, lethe_private.host_name(t.tgrelid)) from triggers as t
  union all
  select distinct 2, format('drop function %I.%I();', t.nspname, t.proname) from triggers as t
  union all
  select 3, format('alter table %s drop constraint %I;', lethe_private.host_name(k.conrelid), k.conname)
  from pg_catalog.pg_constraint as k
  where k.conrelid = declared.relation and k.contype = 'c' and k.conkey = array[declared.position]
    and obj_description(k.oid, 'pg_constraint') ~ '^lethe format '
    and (obj_description(k.oid, 'pg_constraint') <> declared.constraint_mark or not coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true));
end;

comment on function lethe_private.format_leftovers(lethe_private.declared_formats) is
  'Statements that drop what an earlier declaration of a column''s format left on the table, in their order.';

-- The constraint may stand on the table, or on the domain that the column is of. One that is not enforced
-- (PostgreSQL 18) keeps nothing.
create or replace function lethe_private.format_state(declared lethe_private.declared_formats)
  returns table (on_domain boolean, has_constraint boolean, validated boolean, name_taken boolean, has_trigger boolean, left_over boolean)
  language sql
  stable
begin atomic
  with constraints as (
    select k.contypid <> 0 as on_domain, k.conname, k.convalidated,
      -- The same mark on another column's constraint says nothing of this one.
      case when k.contypid <> 0 or k.conkey = array[declared.position] then obj_description(k.oid, 'pg_constraint') end as mark,
      k.contype = 'c' and coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true) as enforced
    from pg_catalog.pg_constraint as k
    where k.conrelid = declared.relation
      or k.contypid = (select a.atttypid from pg_catalog.pg_attribute as a where a.attrelid = declared.relation and a.attnum = declared.position)
  ), triggers as (
    select obj_description(g.oid, 'pg_trigger') as mark, g.tgenabled in ('O', 'A') as enabled
    from lethe_private.trigger_relations(declared.relation) as r (oid)
    left join pg_catalog.pg_trigger as g on g.tgrelid = r.oid and g.tgname = declared.trigger_name
  )
  select
    exists (select from constraints as c where c.enforced and c.mark = declared.constraint_mark and c.on_domain),
    exists (select from constraints as c where c.enforced and c.mark = declared.constraint_mark),
    exists (select from constraints as c where c.enforced and c.mark = declared.constraint_mark and c.convalidated),
    exists (select from constraints as c where not c.on_domain and c.conname = declared.constraint_name and coalesce(c.mark, '') !~ '^lethe format '),
    declared.on_arrival is null or (select coalesce(bool_and(t.enabled and t.mark = declared.trigger_mark), false) from triggers as t),
    exists (select from lethe_private.format_leftovers(declared));
end;

comment on function lethe_private.format_state(lethe_private.declared_formats) is
  'What of a declared format is in place: the constraint, whether all rows were checked, the trigger; and what stands in its way.';
--! EndIncluded lethe_private/declared_formats.sql
--! Included lethe_private/assert_formats.sql
-- What a rule writes must be in the column's format, or the cycle would fail on the host's constraint at night.

-- Values on which a method is asked what it makes of them: richer ones, what they are reduced to, and what breaks methods.
create or replace function lethe_private.format_trials(declared lethe_private.declared_formats)
  returns text[]
  language sql
  stable
begin atomic
  select array_agg(distinct case when declared.length is null then v else left(v, declared.length) end)
  from unnest(declared.examples || lethe_private.hostile_values((select t.oid from pg_catalog.pg_type as t
         where t.typname = declared.type_name order by (t.typnamespace = 'pg_catalog'::regnamespace) desc limit 1))) as v;
end;

comment on function lethe_private.format_trials(lethe_private.declared_formats) is 'Values of a column''s type, as text, to try methods on.';

create or replace function lethe_private.assert_formats(managed lethe.managed_tables)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_declared lethe_private.declared_formats;
  v_used record;
begin
  -- A column that has been given another type since is a finding (lethe.format_findings), and no reason to refuse a rule.
  for v_declared in
    select d.* from lethe_private.declared_formats as d where d.table_id = managed.id and d.type_name = any (d.types) order by d.position
  loop
    if v_declared.column_name in (
      select unnest(t.since) from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where r.table_id = managed.id
      union
      select x.column_name from lethe_private.clocks_over(managed) as x)
    then
      raise exception using errcode = 'LE319',
        message = format('column %I of %s is the clock of a rule and cannot have format %s, which would move it',
          v_declared.column_name, lethe_private.plain_name(managed), v_declared.format),
        hint = 'count since another column, or leave the format out';
    end if;
    for v_used in
      select distinct m as method, t.parameters
      from lethe.rules as r
      join lethe.terms as t on t.rule_id = r.id
      join lethe.methods as m on m.name = t.method
      where r.table_id = managed.id and r.column_name = v_declared.column_name
    loop
      perform lethe_private.assert_method_keeps_format(managed, v_declared, v_used.method, v_used.parameters);
    end loop;
  end loop;
end
$$;

comment on function lethe_private.assert_formats(lethe.managed_tables) is
  'Raises LE319 (the format of a clock) or LE320 unless what the rules of a table write is in the formats of its columns.';

create or replace function lethe_private.assert_method_keeps_format(
  managed lethe.managed_tables, declared lethe_private.declared_formats, method lethe.methods, parameters jsonb
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_column lethe_private.host_columns;
  v_pad constant bytea := decode(repeat('36', 64), 'hex');
  v_value text := lethe_private.format_value('', 'value', declared.base_type, declared.kind);
  v_keeps boolean;
  v_state text;
begin
  select h.* into v_column from lethe_private.host_columns as h where h.relation = declared.relation and h.position = declared.position;
  v_column.name := 'value';
  begin
    -- As lethe_sweeper, over the base type: nothing of the host's runs with more rights than it gave.
    select r.facts::boolean into v_keeps
    from lethe_private.run_as_sweeper(format(
      'select * from (with given as (select v::%1$s as value from unnest(%2$L::text[]) as v), '
      'all_values as (select value from given union all select (%3$s)::%1$s from given where not (%4$s)), '
      'masked as (select (%5$s)::%1$s as value from all_values as c) '
      'select to_jsonb(coalesce(bool_and(coalesce(%4$s, true)), true)), null::oid, null::tid[] from masked) as x',
      declared.base_type, lethe_private.format_trials(declared),
      replace(coalesce(declared.reduction, 'null'), '{value}', v_value), replace(declared.recogniser, '{value}', v_value),
      lethe_private.method_sql(method.mask, 'c', v_column, method, parameters)), managed, null, v_pad, v_pad) as r;
  exception
    when insufficient_privilege then
      return;  -- a type of the host's that its owner has not granted yet; lethe.missing_rights() says so
    when others then
      get stacked diagnostics v_state = returned_sqlstate;
      if v_state like 'LE%' then
        raise;
      end if;
      v_keeps := false;
  end;
  if not v_keeps then
    raise exception using errcode = 'LE320',
      message = format('method %s would break the format %s of column %I of %s',
        method.name, declared.format, declared.column_name, lethe_private.plain_name(managed)),
      hint = 'use suppress, or a method whose output is in the format, or another format';
  end if;
end
$$;

comment on function lethe_private.assert_method_keeps_format(lethe.managed_tables, lethe_private.declared_formats, lethe.methods, jsonb) is
  'Tries a method on values of the column''s type. Raises LE320 when something it makes is neither null nor in the format.';
--! EndIncluded lethe_private/assert_formats.sql
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
  v_purges boolean := exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name is null and r.action <> 'minimum');
  v_updates boolean := exists (select from lethe.rules as r where r.table_id = managed.id and r.column_name is not null and r.action <> 'minimum');
begin
  perform lethe_private.assert_terms_agree(managed, v_oid);
  perform lethe_private.assert_minima(managed);
  perform lethe_private.assert_not_outlasted(managed);
  perform lethe_private.assert_archiving(managed);
  perform lethe_private.assert_events_stand(managed);
  perform lethe_private.assert_formats(managed);
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
  'Raises LE310 to LE314, LE316, LE317, LE319 or LE320 when the rules of a table cannot work together or on it.';

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
  join lethe.rules as r on r.table_id = c.child_id and r.column_name = c.column_name and r.action <> 'minimum'
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
  where r.action not in ('purge', 'minimum') and r.column_name is not null
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
  where r.table_id = managed.id and r.action = 'purge' and (l.column_name is not null or l.action = 'archive') and l.action <> 'minimum'
    and u.after >= t.after
    -- The purge may be put off by a minimum, which the move to the archive is not.
    and (l.column_name is not null or not exists (
      select from lethe.rules as k join lethe.terms as m on m.rule_id = k.id
      where k.table_id = r.table_id and k.action = 'minimum' and k.column_name is null
        and (t.controller_id is null or m.controller_id is null or m.controller_id = t.controller_id)
        and (m.since <> t.since or m.condition <> t.condition or m.condition is not null and t.condition is null or not lethe_private.outlasts(u.after, m.after))))
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
        select from lethe_private.managed_relations as r
        join lethe.managed_tables as m on m.id = r.table_id
        cross join unnest(string_to_array(m.search_path, ',')) as p
        where r.relation = coalesce(path[1], assert_references.relation)
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
  select g.tgname, g.tgrelid, c.name as clock into v_found
  from pg_trigger as g
  join pg_proc as p on p.oid = g.tgfoid
  cross join (
    select unnest(t.since) as name
    from lethe.terms as t join lethe.rules as r on r.id = t.rule_id
    where r.table_id = managed.id
    union
    select x.column_name from lethe_private.clocks_over(managed) as x) as c
  where (g.tgrelid = relation or g.tgrelid in (select t.relation from lethe_private.topmost as t where t.root = assert_clock_stands.relation))
    and not g.tgisinternal
    and g.tgenabled in ('O', 'A')
    and g.tgtype & 19 = 19  -- before, for each row, on update
    and (p.prosrc ~* ('\mnew\s*\.\s*"?' || regexp_replace(replace(c.name, '"', '""'), '([^[:alnum:]_])', '\\\1', 'g') || '"?\s*:?=')
      or strpos(encode(g.tgargs, 'escape'), c.name || '\000') > 0)
    and (coalesce(pg_get_triggerdef(g.oid), '') || p.prosrc) !~ 'lethe_sweeper'
  limit 1;
  if found then
    raise exception using errcode = 'LE312',
      message = format('trigger %I on %s sets clock %I at every update', v_found.tgname, lethe_private.host_name(v_found.tgrelid), v_found.clock),
      hint = 'count since another column; or spare Lethe in the trigger: when (current_user <> ''lethe_sweeper'')';
  end if;
end
$$;

comment on function lethe_private.assert_clock_stands(lethe.managed_tables, oid) is
  'Raises LE312 when a trigger restarts a clock of the table.';
--! EndIncluded lethe_private/assert_rules.sql
--! Included lethe_private/record_change.sql
-- Every row of the policy that changes is recorded whole, before and after. The rows hold names and
-- delays, nobody's data.
create or replace function lethe_private.record_change()
  returns trigger
  language plpgsql
  security definer  -- nobody may write lethe.policy_changes
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rehearsing boolean := exists (select from lethe_private.rehearsing as r where r.xact = pg_current_xact_id());
begin
  if tg_op = 'UPDATE' and to_jsonb(old) = to_jsonb(new) then
    return null;
  end if;
  insert into lethe.policy_changes (by, reason, object, before, after)
  values (session_user, nullif(current_setting('lethe.reason', true), ''), tg_table_name,
    case when tg_op <> 'INSERT' then to_jsonb(old) end, case when tg_op <> 'DELETE' then to_jsonb(new) end);
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
  'Trigger: keeps who changed which part of the policy, when and why, and has open cycles compiled anew.';

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
--! Included lethe_private/keep_held.sql
-- A change of the policy must not let go of what is held: without its table, key, subject type or links a hold
-- would no longer find its rows.
create or replace function lethe_private.keep_held()
  returns trigger
  language plpgsql
  security definer  -- reads what holds name
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold int;
  v_what text;
begin
  case tg_table_name
    when 'managed_tables' then
      select min(h) into v_hold from lethe_private.holds_touching(old.id) as h;
      v_what := format('table %I.%I', old.schema_name, old.table_name);
    when 'subject_types' then
      select min(f.id) into v_hold
      from lethe_private.holds_in_force() as f (id)
      join lethe.holds as h on h.id = f.id and h.subject = old.name;
      v_what := format('subject type %s', old.name);
  end case;
  if v_hold is not null then
    raise exception using errcode = 'LE409',
      message = format('%s is under hold %s and cannot leave the policy, nor change its key or whose it is', v_what, v_hold),
      hint = 'release the hold first, and place it anew afterwards';
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end
$$;

comment on function lethe_private.keep_held() is 'Trigger: raises LE409 for a change of the policy that would let go of what is held.';

create or replace trigger keep_held_deleted before delete on lethe.managed_tables
  for each row execute function lethe_private.keep_held();
create or replace trigger keep_held_changed before update on lethe.managed_tables
  for each row when (old.key_columns is distinct from new.key_columns or old.controller_column is distinct from new.controller_column
    or old.controller_id is distinct from new.controller_id)
  execute function lethe_private.keep_held();
create or replace trigger keep_held_deleted before delete on lethe.subject_types
  for each row execute function lethe_private.keep_held();
create or replace trigger keep_held_changed before update on lethe.subject_types
  for each row when (old.name <> new.name or old.table_id <> new.table_id)
  execute function lethe_private.keep_held();

-- Links are laid anew whenever a policy is applied, so they are looked at when all is done.
create or replace function lethe_private.assert_links_kept()
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_lost lethe_private.held_links;
begin
  select x.* into v_lost
  from lethe_private.held_links as x
  join lethe.holds as h on h.id = x.hold_id
  where x.hold_id in (select f from lethe_private.holds_in_force() as f)
    and not exists (
      select from lethe.links as l
      join lethe.subject_types as s on s.id = l.subject_type_id and s.name = h.subject
      where l.table_id = x.table_id and l.columns = x.columns and l.to_table_id = x.to_table_id and l.to_columns = x.to_columns
        and l.kind in ('own', 'share'))
  limit 1;
  if found then
    raise exception using errcode = 'LE409',
      message = format('hold %s reaches rows of %s by a link that would no longer be there', v_lost.hold_id,
        (select format('%I.%I', m.schema_name, m.table_name) from lethe.managed_tables as m where m.id = v_lost.table_id)),
      hint = 'keep the link as own or share until the hold is released';
  end if;
end
$$;

comment on function lethe_private.assert_links_kept() is 'Raises LE409 where a link has gone by which a hold on a person reaches rows.';
--! EndIncluded lethe_private/keep_held.sql
--! Included lethe/set_controller.sql
create or replace function lethe.set_controller(name text, time_zone text, reference text default null, title text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- makes the controller's key, which nobody may read
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_id int;
begin
  perform lethe_private.assert_may_change(null);
  if set_controller.name !~ '^[a-z][a-z0-9_-]{0,62}$' or set_controller.name is null then
    raise exception using errcode = 'LE101',
      message = format('%s is no name for a controller', coalesce(quote_literal(set_controller.name), 'null')),
      hint = 'use lower-case letters, digits, - and _, beginning with a letter';
  end if;
  perform lethe_private.assert_time_zone(set_controller.time_zone);
  if exists (select from lethe.controllers as c where c.reference = set_controller.reference and c.name <> set_controller.name) then
    raise exception using errcode = 'LE203',
      message = format('reference %L already names another controller', set_controller.reference),
      hint = 'a row belongs to one controller';
  end if;

  -- A policy says again what its controllers are. One that stays as it is is not locked: while a draft is rehearsed,
  -- no cycle could begin and no hold be placed.
  select c.id into v_id from lethe.controllers as c
  where c.name = set_controller.name
    and (c.time_zone, c.reference, c.title) is not distinct from (set_controller.time_zone, set_controller.reference, set_controller.title);
  if v_id is null then
    insert into lethe.controllers as c (name, time_zone, reference, title)
    values (set_controller.name, set_controller.time_zone, set_controller.reference, set_controller.title)
    on conflict on constraint controllers_name_key do update
    set time_zone = excluded.time_zone, reference = excluded.reference, title = excluded.title
    returning c.id into v_id;
  end if;
  if not exists (select from lethe_private.controller_keys as k where k.controller_id = v_id) then
    perform lethe_private.new_key(v_id);
  end if;
end
$$;

comment on function lethe.set_controller(text, text, text, text) is
  'Adds or changes a controller. reference: what a table''s controller column holds for it. Raises LE101, LE105, LE203, LE502.';

create or replace function lethe.add_member(login name, controller text)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write memberships
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers := lethe_private.get_controller(add_member.controller);
begin
  perform lethe_private.assert_may_change(null);
  if not exists (select from pg_roles as r where r.rolname = add_member.login) then
    raise exception using errcode = 'LE108',
      message = format('role %I does not exist', add_member.login),
      hint = 'create it first: create role ... login';
  end if;
  insert into lethe.memberships (login, controller_id) values (add_member.login, v_controller.id) on conflict do nothing;
end
$$;

comment on function lethe.add_member(name, text) is 'Lets a login act for a controller. Raises LE101, LE108, LE502.';

create or replace function lethe.remove_member(login name, controller text)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write memberships
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers := lethe_private.get_controller(remove_member.controller);
begin
  perform lethe_private.assert_may_change(null);
  delete from lethe.memberships as m where m.login = remove_member.login and m.controller_id = v_controller.id;
end
$$;

comment on function lethe.remove_member(name, text) is 'Ends what add_member began. Raises LE101, LE502.';
--! EndIncluded lethe/set_controller.sql
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
  if exists (select from lethe_private.mirrors as r where r.source = v_oid) then
    update lethe.managed_tables as m
    set schema_name = n.nspname, table_name = c.relname
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = v_oid
      and lethe_private.host_table(m.schema_name, m.table_name) is null
      and exists (select from lethe_private.mirrors as r where r.table_id = m.id and r.source = v_oid);
  end if;

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
--! Included lethe/set_link.sql
create or replace function lethe.set_subject_type(name text, "table" text, identifiers text[] default '{}')
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
begin
  perform lethe_private.assert_may_change(null);
  perform lethe_private.assert_columns(v_managed, set_subject_type.identifiers);
  if set_subject_type.name !~ '^[a-z][a-z0-9_-]{0,62}$' or set_subject_type.name is null then
    raise exception using errcode = 'LE109',
      message = format('%s is no name for a subject type', coalesce(quote_literal(set_subject_type.name), 'null')),
      hint = 'use lower-case letters, digits, - and _, beginning with a letter';
  end if;
  insert into lethe.subject_types as s (name, table_id, identifiers)
  values (set_subject_type.name, v_managed.id, coalesce(set_subject_type.identifiers, '{}'))
  on conflict on constraint subject_types_name_key do update
  set table_id = excluded.table_id, identifiers = excluded.identifiers;
end
$$;

comment on function lethe.set_subject_type(text, text, text[]) is
  'Names a kind of person: its root table and the columns by which one is looked up. Raises LE102, LE103, LE109, LE502.';

-- Where a foreign key exists between the two tables it need not be spelt out. on_purge says what happens
-- to the rows of this table when a row they refer to is purged.
create or replace function lethe_private.put_link(
  "table" text,
  "to" text default null,
  columns text[] default null,
  to_columns text[] default null,
  on_purge text default 'keep',
  subject text default null,
  kind text default null,
  on_erasure jsonb default null
)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child lethe.managed_tables := lethe_private.get_managed("table");
  v_child_oid oid := lethe_private.host_table(v_child.schema_name, v_child.table_name);
  v_parent lethe.managed_tables;
  v_parent_oid oid;
  v_type_id int;
  v_link record;
  v_changes boolean := false;
begin
  perform lethe_private.assert_may_change(null);
  if on_purge not in ('keep', 'with parent', 'unlink') or kind not in ('own', 'share', 'mention', 'ignore') then
    raise exception using errcode = 'LE106',
      message = format('link of %s has an unknown kind or on_purge', "table"),
      hint = 'kind is own, share, mention or ignore; on_purge is keep, with parent or unlink';
  end if;
  if subject is not null then
    select s.id into v_type_id from lethe.subject_types as s where s.name = subject;
    if v_type_id is null then
      raise exception using errcode = 'LE109',
        message = format('subject type %L does not exist', subject),
        hint = 'lethe.subject_types lists them';
    end if;
  end if;
  perform lethe_private.assert_columns(v_child, columns);

  if to_columns is not null then
    v_parent := lethe_private.get_managed("to");
    perform lethe_private.assert_columns(v_parent, to_columns);
    if cardinality(columns) is distinct from cardinality(to_columns) then
      raise exception using errcode = 'LE106',
        message = format('link of %s to %s pairs %s columns with %s', "table", "to", coalesce(cardinality(columns), 0), cardinality(to_columns)),
        hint = 'name as many columns on either side';
    end if;
    -- The columns named may be those of a foreign key after all, in either direction: a person's row
    -- may point to the row that several share.
    v_parent_oid := lethe_private.host_table(v_parent.schema_name, v_parent.table_name);
    select min(r.foreign_key) as foreign_key, columns as child_columns, to_columns as parent_columns into v_link
    from lethe_private.host_references as r
    where (r.child, r.parent, r.child_columns, r.parent_columns) in (
      (v_child_oid, v_parent_oid, columns, to_columns), (v_parent_oid, v_child_oid, to_columns, columns));
  else
    select * into v_link from lethe_private.find_reference(v_child, "to", columns);
    v_parent := lethe_private.get_managed(lethe_private.host_name(v_link.parent));
  end if;
  perform lethe_private.assert_on_purge(v_child, v_parent, v_link.child_columns, on_purge);

  if exists (
    select from lethe.links as l
    where l.subject_type_id = v_type_id and l.table_id = v_child.id and l.columns = v_link.child_columns and l.to_table_id = v_parent.id)
  then
    v_changes := true;
  end if;
  insert into lethe.links (subject_type_id, table_id, columns, to_table_id, to_columns, foreign_key, kind, on_purge, on_erasure)
  values (v_type_id, v_child.id, v_link.child_columns, v_parent.id, v_link.parent_columns, v_link.foreign_key, put_link.kind, put_link.on_purge, put_link.on_erasure)
  on conflict on constraint links_table_id_columns_to_table_id_subject_type_id_key do update
  set to_columns = excluded.to_columns, foreign_key = excluded.foreign_key, kind = excluded.kind,
      on_purge = excluded.on_purge, on_erasure = excluded.on_erasure;
  if v_changes then
    perform lethe_private.assert_links_kept();
  end if;
end
$$;

comment on function lethe_private.put_link(text, text, text[], text[], text, text, text, jsonb) is
  'Declares one link, judged by itself.';

create or replace function lethe.set_link(
  "table" text,
  "to" text default null,
  columns text[] default null,
  to_columns text[] default null,
  on_purge text default 'keep',
  subject text default null,
  kind text default null,
  on_erasure jsonb default null
)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.put_link("table", "to", columns, to_columns, on_purge, subject, kind, on_erasure);
  perform lethe_private.assert_minima(lethe_private.get_managed("table"));
end
$$;

comment on function lethe.set_link(text, text, text[], text[], text, text, text, jsonb) is
  'Declares how rows of a table refer to another: through its foreign key, or by the columns named. Raises LE102, LE103, LE106, LE109, LE305, LE317, LE409, LE502.';

create or replace function lethe_private.find_reference(managed lethe.managed_tables, "to" text, columns text[])
  returns lethe_private.host_references
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_to oid := case when "to" is not null then lethe_private.resolve_table("to") end;
  v_found lethe_private.host_references[];
begin
  select array_agg(r) into v_found
  from lethe_private.host_references as r
  where r.child = v_child
    and (v_to is null or r.parent = v_to)
    and (find_reference.columns is null or r.child_columns = find_reference.columns)
    and exists (select from lethe_private.managed_relations as m where m.relation = r.parent);
  if cardinality(v_found) = 1 then
    return v_found[1];
  end if;
  raise exception using errcode = 'LE106',
    message = format('%s has %s foreign key to %s%s', lethe_private.host_name(v_child),
      case when v_found is null then 'no' else 'more than one' end, coalesce(lethe_private.host_name(v_to), 'a managed table'),
      coalesce(' over ' || array_to_string(columns, ', '), '')),
    hint = case when v_found is null then 'declare the link by hand: name the columns on both sides, and manage the other table first'
      else 'name the columns: ' || (select string_agg('[' || array_to_string(f.child_columns, ', ') || ']', ' or ') from unnest(v_found) as f) end;
end
$$;

comment on function lethe_private.find_reference(lethe.managed_tables, text, text[]) is
  'The one foreign key of a managed table that fits. Raises LE106 when none or several do.';

create or replace function lethe_private.assert_on_purge(child lethe.managed_tables, parent lethe.managed_tables, columns text[], on_purge text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if on_purge = 'with parent' and child.id = parent.id then
    raise exception using errcode = 'LE316',
      message = format('table %I.%I cannot go with itself', child.schema_name, child.table_name),
      hint = 'leave the reference as it is (a row stays while one refers to it), or declare it unlink';
  elsif on_purge = 'unlink' and exists (
    select from lethe_private.host_columns as h
    where h.relation = lethe_private.host_table(child.schema_name, child.table_name) and h.name = any (columns) and h.not_null)
  then
    raise exception using errcode = 'LE305',
      message = format('reference %s of %I.%I is NOT NULL and cannot be unlinked', array_to_string(columns, ', '), child.schema_name, child.table_name),
      hint = 'declare it with parent, or leave it: a row stays while one refers to it';
  end if;
end
$$;

comment on function lethe_private.assert_on_purge(lethe.managed_tables, lethe.managed_tables, text[], text) is
  'Raises LE305 (unlinking what is NOT NULL) or LE316 (a table that would go with itself).';
--! EndIncluded lethe/set_link.sql
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
  'Sets one term of a rule: what happens (anonymize, archive, purge) to a column, or to the row (archive, purge), how long (ISO 8601) after which clock, for which purpose. Returns the rule''s id. Raises LE101 to LE106, LE301 to LE316, LE319, LE320, LE502.';

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
--! Included lethe/set_minimum.sql
-- How long a law has a table or a column kept, whatever purposes say: see lethe_private/minimum_sql.sql. Several laws are
-- several minima, told apart by their basis; all count. A controller's own counts beside that of all.
create or replace function lethe_private.put_minimum(
  "table" text,
  after text,
  since text[],
  basis text,
  "column" text,
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
  if coalesce(btrim(basis), '') = '' then
    raise exception using errcode = 'LE317',
      message = format('a minimum on %s names no law', lethe_private.host_name(v_oid)),
      hint = 'basis: the article that demands it; without a law, a longer term of the purpose is meant';
  end if;
  if "column" is not null then
    perform lethe_private.assert_columns(v_managed, array["column"]);
  end if;
  v_term.since := lethe_private.assert_clock(v_managed, since);
  v_term.after := lethe_private.parse_delay(after);
  v_term.condition := case when "when" is not null then lethe_private.read_condition(v_oid, "when") end;
  perform set_config('lethe.reason', coalesce(reason, ''), true);

  insert into lethe.rules as r (table_id, column_name, action)
  values (v_managed.id, "column", 'minimum')
  on conflict on constraint rules_table_id_column_name_action_key do update set action = excluded.action
  returning r.id into v_term.rule_id;
  insert into lethe.terms as t (rule_id, controller_id, purpose, after, since, "when", condition)
  values (v_term.rule_id, v_controller_id, basis, v_term.after, v_term.since, put_minimum."when", v_term.condition)
  on conflict on constraint terms_rule_id_controller_id_purpose_key do update
  set after = excluded.after, since = excluded.since, "when" = excluded."when", condition = excluded.condition
  where (t.after, t.since, t."when") is distinct from (excluded.after, excluded.since, excluded."when");
  return v_term.rule_id;
end
$$;

comment on function lethe_private.put_minimum(text, text, text[], text, text, text, text, text) is
  'Sets one statutory minimum, judged by itself. Whoever calls it judges the rules of the table together (assert_rules).';

create or replace function lethe.set_minimum(
  "table" text,
  after text,
  since text[],
  basis text,
  "column" text default null,
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
  v_rule_id int := lethe_private.put_minimum("table", after, since, basis, "column", "when", controller, reason);
begin
  perform lethe_private.assert_rules(lethe_private.get_managed("table"));
  return v_rule_id;
end
$$;

comment on function lethe.set_minimum(text, text, text[], text, text, text, text, text) is
  'Sets a statutory minimum: how long (ISO 8601) after which clock a law (basis) has a table kept, or one column of it, whatever the rules on it say. It only lengthens. Returns its rule''s id. Raises LE101 to LE103, LE106, LE301 to LE303, LE310, LE315 to LE317, LE502, LE905.';

create or replace function lethe.drop_minimum(
  "table" text, basis text, "column" text default null, controller text default null, reason text default null
)
  returns void
  language sql
  volatile
  security definer  -- the policy is changed through functions only, each change recorded
  set jit = off
begin atomic
  select lethe.drop_rule("table", 'minimum', "column", basis, controller, reason);
end;

comment on function lethe.drop_minimum(text, text, text, text, text) is
  'Takes a statutory minimum back. One of all controllers is an operator''s to take back. Raises LE101, LE102, LE107, LE502.';
--! EndIncluded lethe/set_minimum.sql
--! Included lethe/set_view.sql
-- What a view of people is for. Which columns of figures count people has to be said, since nothing in the catalogue
-- tells a number of people from a number of anything else; lethe.check() measures them.
create or replace function lethe.set_view(view text, shows text, counts text[] default null, reason text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_oid oid := lethe_private.resolve_table(set_view.view);
  v_kind "char" := (select c.relkind from pg_class as c where c.oid = v_oid);
  v_column text;
begin
  perform lethe_private.assert_may_change(null);
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
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  insert into lethe.managed_views as v (schema_name, view_name, shows, counts)
  select n.nspname, c.relname, set_view.shows, coalesce(set_view.counts, '{}')
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = v_oid
  on conflict (schema_name, view_name) do update set shows = excluded.shows, counts = excluded.counts;
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
--! Included lethe/claim_anonymous.sql
create or replace function lethe.claim_anonymous("table" text, "column" text, claimed boolean default true)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
begin
  perform lethe_private.assert_may_change(null);
  perform lethe_private.assert_columns(v_managed, array["column"]);
  insert into lethe.managed_columns as c (table_id, column_name, claim)
  values (v_managed.id, "column", case when claimed then 'anonymous' end)
  on conflict (table_id, column_name) do update set claim = excluded.claim where c.claim is distinct from excluded.claim;
end
$$;

comment on function lethe.claim_anonymous(text, text, boolean) is
  'Promises that what a column''s rules leave behind is anonymous, not merely pseudonymous; lethe.check() holds them to it. Raises LE102, LE103, LE502.';
--! EndIncluded lethe/claim_anonymous.sql
--! Included lethe/waive.sql
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
  insert into lethe.waivers as w (code, object, until, reason)
  values (put_waiver.code, put_waiver.object, put_waiver.until, put_waiver.reason)
  on conflict on constraint waivers_pkey do update
  set until = excluded.until, reason = excluded.reason, by = excluded.by, at = excluded.at
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
end
$$;

comment on function lethe.waive(text, text, date, text) is
  'Leaves a finding of lethe.check(), named by code and object as it is there, unreported up to and including a day. Raises LE112, LE502, LE621.';

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
    perform lethe.set_view(v_name, v_spec ->> 'shows', lethe_private.text_list(v_spec -> 'counts'), current_setting('lethe.reason', true));
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
--! Included lethe/set_format.sql
create or replace function lethe_private.put_format("table" text, "column" text, format text, parameters jsonb, on_arrival text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_format lethe.formats;
begin
  perform lethe_private.assert_may_change(null);
  perform lethe_private.assert_columns(v_managed, array["column"]);
  if put_format.format is null then
    delete from lethe.column_formats as d where d.table_id = v_managed.id and d.column_name = "column";
    return;
  end if;
  v_format := lethe_private.assert_format_fits(v_managed, "column", put_format.format, coalesce(put_format.parameters, '{}'));
  perform lethe_private.assert_arrival(v_managed, "column", v_format, put_format.on_arrival);

  insert into lethe.managed_columns (table_id, column_name)
  values (v_managed.id, "column")
  on conflict (table_id, column_name) do nothing;
  insert into lethe.column_formats as d (table_id, column_name, format, kind, parameters, on_arrival)
  values (v_managed.id, "column", v_format.name, v_format.kind, coalesce(put_format.parameters, '{}'), put_format.on_arrival)
  on conflict (table_id, column_name) do update
  set format = excluded.format, kind = excluded.kind, parameters = excluded.parameters, on_arrival = excluded.on_arrival
  where (d.format, d.kind, d.parameters, d.on_arrival) is distinct from (excluded.format, excluded.kind, excluded.parameters, excluded.on_arrival);
  perform lethe_private.assert_not_reduced_too_late(v_managed, "column");
end
$$;

comment on function lethe_private.put_format(text, text, text, jsonb, text) is
  'Declares the format of a column, judged by itself. Whoever calls it judges it together with the rules (assert_formats).';

create or replace function lethe.set_format(
  "table" text, "column" text, format text default null, parameters jsonb default '{}', on_arrival text default null, reason text default null
)
  returns void
  language plpgsql
  volatile
  security definer  -- only operators may write the catalogue
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  perform lethe_private.put_format("table", "column", set_format.format, set_format.parameters, set_format.on_arrival);
  perform lethe_private.assert_formats(lethe_private.get_managed("table"));
end
$$;

comment on function lethe.set_format(text, text, text, jsonb, text, text) is
  'Declares that a column holds a minimised format (lethe.formats), or, without one, that it holds none any more; and what a trigger does with a richer value that arrives: reject, reduce, or, null, no trigger. Changes nothing on the table: lethe.format_sql prints what its owner runs. Raises LE102, LE103, LE106, LE113, LE306, LE308, LE309, LE316, LE319, LE320, LE502.';

create or replace function lethe_private.assert_format_fits(managed lethe.managed_tables, "column" text, format text, parameters jsonb)
  returns lethe.formats
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_name text := pg_catalog.format('column %I of %s', "column", lethe_private.host_name(v_oid));
  v_column lethe_private.host_columns;
  v_format lethe.formats;
  v_length int;
  v_unique text;
begin
  select h.* into v_column from lethe_private.host_columns as h where h.relation = v_oid and h.name = "column";
  perform lethe_private.assert_column_may_change(managed, v_oid, v_column);
  v_format := lethe_private.format_of_type(assert_format_fits.format, v_column.type_name, v_name || ', of type ' || v_column.type || ',');
  perform lethe_private.assert_given_parameters('format ' || v_format.name, v_format.parameters, assert_format_fits.parameters);

  v_length := v_format.length_max + coalesce((lethe_private.format_parameters(v_format.parameters, parameters) ->> 'keep')::int, 0);
  if v_column.length < v_length then
    raise exception using errcode = 'LE319',
      message = pg_catalog.format('%s holds %s characters, too few for format %s, which takes %s', v_name, v_column.length, v_format.name, v_length),
      hint = 'make the column longer';
  end if;
  select string_agg(u, ', ') into v_unique from lethe_private.unique_indexes(v_oid, v_column.position) as u;
  if v_unique is not null and v_format.reduction is not null then
    raise exception using errcode = 'LE306',
      message = pg_catalog.format('%s is unique (%s) and format %s makes values equal', v_name, v_unique, v_format.name),
      hint = 'drop the index, or use a format that keeps values apart: email_hash';
  end if;
  return v_format;
end
$$;

comment on function lethe_private.assert_format_fits(lethe.managed_tables, text, text, jsonb) is
  'The format for a column''s type. Raises LE106, LE113, LE306, LE308, LE309, LE316 or LE319 when the column cannot have it.';

create or replace function lethe_private.assert_arrival(managed lethe.managed_tables, "column" text, format lethe.formats, on_arrival text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if on_arrival not in ('reject', 'reduce') then
    raise exception using errcode = 'LE106',
      message = pg_catalog.format('on_arrival %L is unknown', on_arrival),
      hint = 'reject, reduce, or nothing: then the constraint refuses';
  elsif on_arrival = 'reduce' and format.reduction is null then
    raise exception using errcode = 'LE319',
      message = pg_catalog.format('column %I of %s cannot be reduced to format %s when a value arrives: the database cannot compute it',
        "column", lethe_private.plain_name(managed), format.name),
      hint = 'compute it in the application, and reject here';
  end if;
end
$$;

comment on function lethe_private.assert_arrival(lethe.managed_tables, text, lethe.formats, text) is
  'Raises LE106 for an unknown word, LE319 where nothing can be reduced on arrival.';

-- A value is made one of the column's domain before any trigger sees it.
create or replace function lethe_private.assert_not_reduced_too_late(managed lethe.managed_tables, "column" text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_declared lethe_private.declared_formats;
begin
  select d.* into v_declared from lethe_private.declared_formats as d where d.table_id = managed.id and d.column_name = "column";
  if v_declared.on_arrival = 'reduce' and (select s.on_domain from lethe_private.format_state(v_declared) as s) then
    raise exception using errcode = 'LE319',
      message = format('the domain of column %I of %s refuses a richer value before a trigger could reduce it',
        "column", lethe_private.plain_name(managed)),
      hint = 'leave on_arrival out, or use a plain type with a constraint';
  end if;
end
$$;

comment on function lethe_private.assert_not_reduced_too_late(lethe.managed_tables, text) is
  'Raises LE319 where a column''s own domain keeps the format, and a trigger is to reduce.';
--! EndIncluded lethe/set_format.sql
--! Included lethe_private/format_steps.sql
-- The statements that bring a declared format to the host's table, for its owner to read and run. What they make
-- belongs to the host, lives in its schemas and calls PostgreSQL's own functions alone: it outlives Lethe.
--
-- Danger: names come from the host, and stand in comments, literals and bodies here. A name with a line break would
-- end a comment, one with a $ a body.

create or replace function lethe_private.on_one_line(name text)
  returns text
  language sql
  immutable
return regexp_replace(name, '[[:cntrl:]]+', ' ', 'g');

comment on function lethe_private.on_one_line(text) is 'A name as it may stand in a comment.';

create or replace function lethe_private.dollar_quoted(body text)
  returns text
  language sql
  immutable
begin atomic
  select t.tag || body || t.tag
  from (
    select case n when 0 then '$$' else format('$lethe%s$', n) end as tag, n from generate_series(0, 99) as n
  ) as t
  where strpos(body, rtrim(t.tag, '$')) = 0 or n = 0 and strpos(body, '$') = 0
  order by t.n
  limit 1;
end;

comment on function lethe_private.dollar_quoted(text) is 'A body in dollar quotes that it does not itself contain.';

-- What an arriving value meets. Asked only of values that are not in the format, as the trigger's WHEN says.
create or replace function lethe_private.format_trigger_sql(declared lethe_private.declared_formats)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_table record;
  v_function text;
  v_refuse text;
  v_body text;
  v_sql text;
begin
  select n.nspname, c.relname into v_table from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where c.oid = declared.relation;
  v_function := format('%I.%I', v_table.nspname,
    lethe_private.format_object(concat_ws('_', v_table.relname, declared.column_name, 'is', declared.format)));
  v_refuse := format(E'raise exception using errcode = ''check_violation'',\n    message = %L,\n    hint = %L,\n    schema = tg_table_schema, table = tg_table_name, column = %L, constraint = %L;',
    format('a value for column %I of %s is not in its format, %s', declared.column_name, lethe_private.host_name(declared.relation), declared.format),
    case declared.on_arrival when 'reduce' then 'it could not be read, and so not be reduced' else 'the format is all that this column may hold' end,
    declared.column_name, declared.constraint_name);
  v_body := format(E'\nbegin\n  -- What was there before does not arrive.\n  if tg_op = ''UPDATE'' and new.%1$I is not distinct from old.%1$I then\n    return new;\n  end if;\n', declared.column_name)
    || case declared.on_arrival
      when 'reduce' then format(E'  new.%1$I := %2$s;\n  if new.%1$I is not null then\n    return new;\n  end if;\n',
        declared.column_name, replace(declared.reduction, '{value}', declared.new_value))
      else ''
    end || format(E'  %s\nend\n', v_refuse);
  v_sql := format(E'create or replace function %s()\n  returns trigger\n  language plpgsql\n  set search_path = pg_catalog, pg_temp\nas %s;\n',
    v_function, lethe_private.dollar_quoted(v_body));
  return v_sql || (
    select string_agg(format(
      E'create or replace trigger %1$I\n  before insert or update on %2$s\n  for each row\n  when (not (%3$s))\n  execute function %4$s();\ncomment on trigger %1$I on %2$s is %5$L;\n',
      declared.trigger_name, lethe_private.host_name(r), replace(declared.recogniser, '{value}', declared.new_value), v_function, declared.trigger_mark), '' order by r)
    from lethe_private.trigger_relations(declared.relation) as r);
end
$$;

comment on function lethe_private.format_trigger_sql(lethe_private.declared_formats) is 'The trigger that reduces or rejects what arrives, and its function.';

create or replace function lethe_private.format_constraint_sql(declared lethe_private.declared_formats)
  returns text
  language sql
  stable
return format(E'alter table %1$s\n  add constraint %2$I check (%3$s) not valid;\ncomment on constraint %2$I on %1$s is %4$L;\n',
  lethe_private.host_name(declared.relation),
  declared.constraint_name, replace(declared.recogniser, '{value}', declared.own_value), declared.constraint_mark);

comment on function lethe_private.format_constraint_sql(lethe_private.declared_formats) is 'The constraint that keeps a format, not validated.';

-- Page by page, each batch its own transaction: every row is read once, whatever its key, and a value that came in the
-- meantime lies in a page further on, in the format already. Held rows are left.
create or replace function lethe_private.format_reduce_sql(managed lethe.managed_tables, declared lethe_private.declared_formats)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reduction text := replace(declared.reduction, '{value}', declared.row_value);
  v_update text := format(
    E' as c\n        set %1$I = %2$s\n        where c.ctid >= $1 and c.ctid < $2\n          and not (%3$s)\n          and (%2$s) is not null\n          and %4$s\n      ',
    declared.column_name, v_reduction, replace(declared.recogniser, '{value}', declared.row_value),
    -- A day back, for controllers whose today has not begun.
    lethe_private.not_held_sql('c', managed, declared.relation, current_date - 1));
begin
  return 'do ' || lethe_private.dollar_quoted(format(
    $body$
declare
  v_pages_per_batch constant int := 500;        -- 4 MB
  v_pause_seconds constant double precision := 0.05;
  v_part regclass;
  v_pages bigint;
  v_page bigint;
begin
  for v_part in
    with recursive parts as (
      select %L::regclass::oid as oid
      union
      select i.inhrelid from parts as p join pg_catalog.pg_inherits as i on i.inhparent = p.oid
    )
    select p.oid from parts as p join pg_catalog.pg_class as r on r.oid = p.oid where r.relkind = 'r' order by p.oid
  loop
    v_pages := pg_catalog.pg_relation_size(v_part) / pg_catalog.current_setting('block_size')::int;
    v_page := 0;
    while v_page < v_pages loop
      execute 'update only ' || v_part::text || %s
      using pg_catalog.format('(%%s,0)', v_page)::tid, pg_catalog.format('(%%s,0)', v_page + v_pages_per_batch)::tid;
      commit;
      v_page := v_page + v_pages_per_batch;
      perform pg_catalog.pg_sleep(v_pause_seconds);
    end loop;
  end loop;
end
$body$, lethe_private.host_name(declared.relation), lethe_private.dollar_quoted(v_update))) || E';\n';
end
$$;

comment on function lethe_private.format_reduce_sql(lethe.managed_tables, lethe_private.declared_formats) is
  'Reduces the values that are there already, in batches, the held ones excepted.';

create or replace function lethe_private.format_left_sql(managed lethe.managed_tables, declared lethe_private.declared_formats)
  returns text
  language sql
  stable
return format('select count(*) as n from %s as c where not (%s) and ((%s) is null or %s)',
  lethe_private.host_name(declared.relation), replace(declared.recogniser, '{value}', declared.row_value),
  replace(coalesce(declared.reduction, 'null'), '{value}', declared.row_value),
  lethe_private.held_sql('c', managed, declared.relation, current_date - 1));

comment on function lethe_private.format_left_sql(lethe.managed_tables, lethe_private.declared_formats) is
  'Counts the values that are not in the format and that the reduction does not touch: unreadable ones, held ones.';
--! EndIncluded lethe_private/format_steps.sql
--! Included lethe/format_sql.sql
-- What is left to do on the host's table until a declared format is kept there, in the order in which it does no harm:
-- first nothing richer comes in, then what is there is reduced, then the constraint. The other way round, every update of
-- a row with an old value would be refused meanwhile, whichever column it were about: a constraint that is not valid yet
-- spares old rows only as long as nobody writes them.
create or replace function lethe.format_steps("table" text, "column" text)
  returns table (step int, title text, notes text, must_be_none text, statement text)
  language plpgsql
  stable
  security definer  -- reads the policy
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_declared lethe_private.declared_formats := lethe_private.get_format("table", "column");
  v_state record;
  v_lock constant text := E'set lock_timeout = ''5s'';\n';
  v_done constant text := 'reset lock_timeout;';
begin
  select * into v_state from lethe_private.format_state(v_declared);
  step := 0;
  if v_state.left_over then
    step := step + 1; title := 'Drop what an earlier declaration left';
    notes := 'Locks the table for a moment (ACCESS EXCLUSIVE). What was kept in the former format is in none until the steps below are done.';
    statement := E'begin;\nset local lock_timeout = ''5s'';\n'
      || (select string_agg(l.statement, E'\n' order by l.n, l.statement) from lethe_private.format_leftovers(v_declared) as l) || E'\ncommit;';
    return next;
  end if;
  if not v_state.has_trigger then
    step := step + 1;
    title := case v_declared.on_arrival when 'reduce' then 'Reduce what arrives' else 'Reject what arrives' end;
    notes := lethe_private.trigger_notes(v_declared);
    statement := E'begin;\nset local lock_timeout = ''5s'';\n' || lethe_private.format_trigger_sql(v_declared) || 'commit;';
    return next;
  end if;
  if not v_state.validated and v_declared.reduction is not null then
    step := step + 1; title := 'Reduce what is there';
    notes := lethe_private.reduce_notes(v_declared);
    statement := lethe_private.format_reduce_sql(v_managed, v_declared);
    return next;
  end if;
  if not v_state.has_constraint then
    step := step + 1; title := 'Add the constraint';
    must_be_none := lethe_private.format_left_sql(v_managed, v_declared);
    notes := lethe_private.constraint_notes(v_declared, v_state.name_taken);
    statement := E'begin;\nset local lock_timeout = ''5s'';\n' || lethe_private.format_constraint_sql(v_declared) || 'commit;';
    return next;
    must_be_none := null;
    if v_declared.on_arrival is null and v_declared.reduction is not null then
      step := step + 1; title := 'Reduce what came in meanwhile';
      notes := 'Nothing kept richer values out until now. The same statement again, which finds few rows, or none.';
      statement := lethe_private.format_reduce_sql(v_managed, v_declared);
      return next;
    end if;
  end if;
  if not v_state.validated then
    step := step + 1; title := 'Check every row';
    notes := concat_ws(E'\n', 'Reads the whole table. Nobody who reads or writes waits (SHARE UPDATE EXCLUSIVE). Where it fails, values are left that',
      'are not in the format; everything above can be run again.',
      format('Afterwards: vacuum (analyze) %s; since until then the old values lie in dead rows, and in the planner''s', lethe_private.on_one_line(lethe_private.host_name(v_declared.relation))),
      'statistics. Write-ahead log, replicas and backups forget them with time.');
    statement := v_lock || format(E'alter table %s validate constraint %I;\n', lethe_private.host_name(v_declared.relation), v_declared.constraint_name) || v_done;
    return next;
  end if;
end
$$;

comment on function lethe.format_steps(text, text) is
  'What is left to do until a column keeps the format it is declared to have, as statements for the table''s owner; must_be_none counts the values that a step would leave without a way out. Changes nothing. Raises LE102, LE103, LE113, LE319.';

create or replace function lethe.format_sql("table" text, "column" text)
  returns text
  language plpgsql
  stable
  security definer  -- reads the policy
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_declared lethe_private.declared_formats := lethe_private.get_format("table", "column");
  v_title text := lethe_private.on_one_line(format('-- Column %I of %s: format %s',
    v_declared.column_name, lethe_private.host_name(v_declared.relation), v_declared.format));
  v_steps text;
begin
  select string_agg(format(E'\n-- %s. %s\n%s\n%s\n', s.step, s.title, regexp_replace(s.notes, '^', '-- ', 'gn'), s.statement), '' order by s.step)
    into v_steps
  from lethe.format_steps("table", "column") as s;
  if v_steps is null then
    return v_title || E'.\n-- Nothing is left to do.\n';
  end if;
  return concat(v_title, E', what is left to do. Printed by Lethe, changed by nobody yet.\n',
    E'-- Run it with psql, statement by statement and outside of a transaction, as the owner of the table; where rows are reduced also as a\n',
    E'-- member of lethe_owner, which knows what is held. After an error print it again: it begins with what is left.\n', v_steps);
end
$$;

comment on function lethe.format_sql(text, text) is
  'The steps of lethe.format_steps as one script to read and run with psql (-At prints it as it is). Raises LE102, LE103, LE113, LE319.';

create or replace function lethe_private.trigger_notes(declared lethe_private.declared_formats)
  returns text
  language sql
  stable
begin atomic
  select concat_ws(E'\n',
    'Locks out writers for a moment (SHARE ROW EXCLUSIVE). The function is yours: nothing in it is of Lethe.',
    case declared.on_arrival
      when 'reduce' then 'A value that cannot be read is refused, with a sentence that does not quote it.'
      else 'A value that is not in the format is refused with a sentence that does not quote it; the constraint''s own error would show the row.'
    end,
    'BEFORE triggers fire in the order of their names. This one begins with zz, so it judges what others before it have made of the value;',
    'these have seen it as it came.'
      || coalesce(' Here: ' || (
        select string_agg(distinct lethe_private.on_one_line(quote_ident(g.tgname)), ', ')
        from pg_catalog.pg_trigger as g
        where g.tgrelid = declared.relation and not g.tgisinternal and g.tgtype & 3 = 3 and g.tgname < declared.trigger_name) || '.', ''),
    'It judges what an INSERT or UPDATE brings, not what was there before, and covers COPY, ON CONFLICT and partitions.',
    'It does not fire where session_replication_role is replica; the constraint holds there too.');
end;

comment on function lethe_private.trigger_notes(lethe_private.declared_formats) is 'What the DBA should know of the trigger.';

create or replace function lethe_private.reduce_notes(declared lethe_private.declared_formats)
  returns text
  language sql
  stable
begin atomic
  select concat_ws(E'\n',
    'Reads the table once, 500 pages a transaction, and locks the rows it changes for as long as one batch lasts. Stop it at any time and run it',
    'again: what is done is read, and not written. It does not write what it cannot read, and what is under a hold.',
    'These triggers of yours will see the updates: ' || (
      select string_agg(distinct lethe_private.on_one_line(quote_ident(g.tgname)), ', ')
      from pg_catalog.pg_trigger as g
      where g.tgrelid = declared.relation and not g.tgisinternal and g.tgtype & 16 = 16 and g.tgname <> declared.trigger_name)
      || '. One that sets updated_at would set it on every row.');
end;

comment on function lethe_private.reduce_notes(lethe_private.declared_formats) is 'What the DBA should know of the reduction.';

create or replace function lethe_private.constraint_notes(declared lethe_private.declared_formats, name_taken boolean)
  returns text
  language sql
  stable
return concat_ws(E'\n',
  'Locks the table for a moment (ACCESS EXCLUSIVE, reads no row), and gives up after five seconds of waiting for it.',
  'From here on an update of a row whose old value is not in the format is refused, whichever column it is about. So look first:',
  lethe_private.on_one_line(format('  select count(*) from %s where not (%s);',
    lethe_private.host_name(declared.relation), replace(declared.recogniser, '{value}', declared.own_value))),
  'Are there any, they could not be read, or are held. Correct them, or empty them:',
  lethe_private.on_one_line(format('  update %s set %I = null where not (%s);',
    lethe_private.host_name(declared.relation), declared.column_name, replace(declared.recogniser, '{value}', declared.own_value))),
  case when name_taken then 'The table has another constraint of this name, which Lethe did not write: rename it first.' end);

comment on function lethe_private.constraint_notes(lethe_private.declared_formats, boolean) is 'What the DBA should know of the constraint.';
--! EndIncluded lethe/format_sql.sql
--! Included lethe/format_domain_sql.sql
-- For new columns: a domain in the host's schema. A domain of PostgreSQL's own functions, so it outlives Lethe.
create or replace function lethe.format_domain_sql(
  format text, schema text, name text, type text default null, parameters jsonb default '{}'
)
  returns text
  language plpgsql
  stable
  security definer  -- reads lethe.formats
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_type text := coalesce(format_domain_sql.type, (
    select f.types[1] from lethe.formats as f where f.name = format_domain_sql.format order by f.kind = 'text' desc, f.kind limit 1));
  v_format lethe.formats;
  v_recogniser text;
begin
  v_format := lethe_private.format_of_type(format_domain_sql.format, coalesce(v_type, 'text'), 'type ' || v_type);
  perform lethe_private.assert_given_parameters('format ' || v_format.name, v_format.parameters, coalesce(parameters, '{}'));
  v_recogniser := lethe_private.fill_format(v_format.recogniser, '{value}', format_type(to_regtype(v_type), -1),
    lethe_private.format_parameters(v_format.parameters, coalesce(parameters, '{}')));
  return format(E'create domain %1$I.%2$I as %3$s\n  constraint %4$I check (%5$s);\ncomment on domain %1$I.%2$I is %6$L;\ncomment on constraint %4$I on domain %1$I.%2$I is %7$L;\n',
    schema, name, quote_ident(v_type), 'value_is_' || v_format.name,
    replace(v_recogniser, '{value}', lethe_private.format_value('', 'value', v_type, v_format.kind)),
    v_format.description, lethe_private.format_mark(v_format.name, v_recogniser));
end
$$;

comment on function lethe.format_domain_sql(text, text, text, text, jsonb) is
  'A create domain for new columns in a minimised format, for the owner of the schema to run. Changes nothing. Raises LE106, LE113, LE319.';
--! EndIncluded lethe/format_domain_sql.sql
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
  perform lethe_private.assert_keys(policy, array['version', 'controller', 'time_zone', 'controllers', 'subjects', 'tables', 'overrides', 'views', 'waivers'], 'the policy');
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
      array['controller', 'time_zone', 'search_path', 'key', 'sentinels', 'since', 'columns', 'minimum', 'purge', 'archive', 'partitions', 'with', 'unlink'], 'table ' || v_name);
    v_id := lethe.manage_table(v_name, v_table #>> '{controller,constant}', v_table #>> '{controller,column}', v_table ->> 'time_zone',
      v_table ->> 'search_path', lethe_private.text_list(v_table -> 'key'), lethe_private.text_list(v_table -> 'sentinels'), v_table ->> 'partitions');
    v_seen := v_seen || v_id;
    for v_column, v_spec in select e.key, e.value from jsonb_each(v_table -> 'columns') as e loop
      v_pointer := lethe_private.pointer('tables', v_name, 'columns', v_column);
      perform lethe_private.assert_keys(v_spec, array['category', 'purposes', 'legal_basis', 'format', 'claim', 'anonymize', 'archive', 'purge', 'minimum'], 'column ' || v_column);
      perform lethe.set_column(v_name, v_column, v_spec ->> 'category', lethe_private.text_list(v_spec -> 'purposes'), v_spec ->> 'legal_basis');
      perform lethe_private.apply_claim(v_name, v_column, v_spec -> 'claim');
      v_pointer := v_pointer || case when v_spec ? 'format' then '/format' else '' end;
      perform lethe_private.apply_format(v_name, v_column, v_spec -> 'format');
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

create or replace function lethe_private.apply_format("table" text, "column" text, spec jsonb)
  returns void
  language sql
  volatile
begin atomic
  select lethe_private.put_format("table", "column",
    case jsonb_typeof(spec) when 'object' then spec ->> 'format' else spec #>> '{}' end,
    case jsonb_typeof(spec) when 'object' then spec - '{format,on_arrival}'::text[] else '{}' end,
    case jsonb_typeof(spec) when 'object' then spec ->> 'on_arrival' end);
end;

comment on function lethe_private.apply_format(text, text, jsonb) is 'The format of a column of a policy document; null: none.';

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
      perform lethe_private.put_link(v_name, columns => case when v_spec ->> 'with' <> 'parent' then lethe_private.text_list(v_spec -> 'with') end, on_purge => 'with parent');
    end if;
    v_pointer := lethe_private.pointer('tables', v_name, 'unlink');
    foreach v_columns in array coalesce(lethe_private.text_list(v_spec -> 'unlink'), '{}') loop
      perform lethe_private.put_link(v_name, columns => array[v_columns], on_purge => 'unlink');
    end loop;
  end loop;

  for v_type, v_subject in select e.key, e.value from jsonb_each(policy -> 'subjects') as e loop
    -- One link, or a list of them: a message belongs to who sent it and mentions who received it.
    for v_name, v_spec, v_pointer in
      select e.key, x.link, lethe_private.pointer('subjects', v_type, 'links', e.key) || case jsonb_typeof(e.value) when 'array' then '/' || x.n - 1 else '' end
      from jsonb_each(v_subject -> 'links') as e
      cross join jsonb_array_elements(case jsonb_typeof(e.value) when 'array' then e.value else jsonb_build_array(e.value) end) with ordinality as x (link, n)
    loop
      perform lethe_private.assert_keys(v_spec, array['kind', 'with', 'to', 'columns', 'on_erasure'], 'link ' || v_name);
      perform lethe_private.apply_subject_link(v_type, v_subject ->> 'table', v_name, v_spec);
    end loop;
  end loop;
  v_pointer := '/subjects';
  perform lethe_private.assert_links_kept();
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
    join lethe_private.managed_relations as m on m.relation = r.parent
    where r.child = v_child)
  then
    select r.parent_columns, r.child_columns, root into v_columns, v_to_columns, v_to
    from lethe_private.host_references as r
    where r.child = v_root and r.parent = v_child
    limit 1;
  end if;
  perform lethe_private.put_link("table", "to" => v_to,
    columns => nullif(v_columns, '{}'),
    to_columns => nullif(v_to_columns, '{}'),
    on_purge => case when spec ->> 'with' = 'parent' then 'with parent' else coalesce((
      select l.on_purge from lethe.links as l
      join lethe_private.managed_relations as m on m.table_id = l.table_id
      where l.subject_type_id is null and m.relation = v_child
        and (v_columns = '{}' or l.columns = v_columns)
        and (v_to is null or lethe_private.resolve_table(v_to) = (
          select p.relation from lethe_private.managed_relations as p where p.table_id = l.to_table_id))
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
  v_term jsonb; v_index bigint; v_using jsonb; v_rule int; v_mark text;
  v_seen text[] := '{}';
  v_pointer text := '';
  v_message text; v_state text; v_hint text;
begin
  for v_term, v_index in
    select e, n - 1 from jsonb_array_elements(case jsonb_typeof(terms) when 'array' then terms else jsonb_build_array(terms) end) with ordinality as x (e, n)
  loop
    v_pointer := case jsonb_typeof(terms) when 'array' then '/' || v_index else '' end;
    if action = 'minimum' then
      perform lethe_private.assert_keys(v_term, array['after', 'since', 'when', 'basis'], 'a minimum');
      v_rule := lethe_private.put_minimum("table", v_term ->> 'after', lethe_private.text_list(coalesce(v_term -> 'since', default_since)),
        v_term ->> 'basis', "column", v_term ->> 'when', controller, reason);
      v_mark := jsonb_build_array(v_rule, controller, v_term ->> 'basis')::text;
      if v_mark = any (v_seen) then
        raise exception using errcode = 'LE317',
          message = format('there are two minima of basis %L', v_term ->> 'basis'),
          hint = 'say in each basis what it is for';
      end if;
      v_seen := v_seen || v_mark;
      continue;
    end if;
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
  v_tables jsonb := coalesce(policy -> 'tables', '{}');
  v_oid oid;
  v_oids oid[];
  v_pointers text[];
  v_seen text[] := '{}';
  v_pointer text := '/tables';
  v_message text; v_state text; v_hint text; v_detail text;
begin
  for v_rule in select * from lethe_private.rules_of(policy) loop
    v_pointer := v_rule.pointer;
    if not v_tables ? v_rule."table" then
      raise exception using errcode = 'LE102',
        message = format('override names table %s, which the policy does not manage', v_rule."table"),
        hint = 'add it under tables';
    end if;
    v_seen := v_seen || lethe_private.apply_terms(v_rule."table", v_rule."column", v_rule.action, v_rule.terms, v_rule.since, v_rule.controller, reason);
  end loop;
  delete from lethe.terms as t
  where jsonb_build_array(t.rule_id, (select c.name from lethe.controllers as c where c.id = t.controller_id), t.purpose)::text <> all (v_seen);
  delete from lethe.rules as r where not exists (select from lethe.terms as t where t.rule_id = r.id);

  select array_agg(lethe_private.resolve_table(k)), array_agg(lethe_private.pointer('tables', k)) into v_oids, v_pointers
  from jsonb_object_keys(v_tables) as k;
  for v_managed in select m.* from lethe.managed_tables as m order by m.id loop
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    v_pointer := coalesce((select x.pointer from unnest(v_oids, v_pointers) as x (relation, pointer) where x.relation = v_oid), '/tables');
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
  where a.key in ('anonymize', 'archive', 'purge', 'minimum')
  union all
  select t.pointer || '/' || a.key, t.controller, t."table", null, a.key, a.value, t.since
  from tables as t
  cross join lateral jsonb_each(t.spec) as a
  where a.key in ('archive', 'purge', 'minimum');
end;

comment on function lethe_private.rules_of(jsonb) is 'Every rule of a policy document, defaults first, with a pointer to it.';
--! EndIncluded lethe_private/apply_parts.sql
--! Included lethe/apply_policy.sql
-- A whole policy at once, or nothing. What the file does not name is taken out of the policy, except
-- controllers and memberships, whose keys and people outlive a file. The DETAIL of an error says where
-- in the file it is: "at " and a JSON pointer (RFC 6901).
create or replace function lethe.apply_policy(policy jsonb, reason text default null)
  returns table (change text, object text, before jsonb, after jsonb)
  language plpgsql
  volatile
  security definer  -- writes the catalogue and the policy as their owner, after asking who calls
  set search_path = pg_catalog, pg_temp
  set jit = off
  set plan_cache_mode = force_generic_plan  -- the same few statements for every table: planning each anew takes longer than running it
as $$
declare
  v_last bigint;
begin
  perform lethe_private.assert_may_change(null);
  select coalesce(max(c.id), 0) into v_last from lethe.policy_changes as c;
  perform set_config('lethe.reason', coalesce(reason, ''), true);
  perform lethe_private.apply_controllers(policy);
  perform lethe_private.apply_tables(coalesce(policy -> 'tables', '{}'));
  perform lethe_private.apply_links(policy);
  perform lethe_private.apply_rules(policy, reason);
  perform lethe_private.apply_views(coalesce(policy -> 'views', '{}'));
  perform lethe_private.apply_waivers(coalesce(policy -> 'waivers', '[]'));
  perform lethe_private.write_guards();

  -- Links are laid anew each time. Those that came back as they were have not changed.
  with same as (
    select array[a.id, b.id] as ids
    from lethe.policy_changes as a
    join lethe.policy_changes as b on b.object = a.object and b.id > v_last and b.before is null and b.after - 'id' = a.before - 'id'
    where a.id > v_last and a.after is null and a.object = 'links'
  )
  delete from lethe.policy_changes as c using same as s where c.id = any (s.ids);

  return query
    select case when c.before is null then 'added' when c.after is null then 'removed' else 'changed' end,
      c.object, c.before, c.after
    from lethe.policy_changes as c
    where c.id > v_last and c.by = session_user
    order by c.id;
end
$$;

comment on function lethe.apply_policy(jsonb, text) is
  'Makes the policy what the document says, in one transaction, and lists what changed. The document is described by docs/policy.schema.json.';
--! EndIncluded lethe/apply_policy.sql
--! Included lethe/export_policy.sql
create or replace function lethe_private.export_terms(rule_id int, controller_id int)
  returns jsonb
  language sql
  stable
begin atomic
  with terms as (
    select t.purpose, jsonb_strip_nulls(jsonb_build_object(
      case r.action when 'minimum' then 'basis' else 'purpose' end, t.purpose,
      'after', lethe_private.format_delay(t.after),
      'since', case cardinality(t.since) when 1 then to_jsonb(t.since[1]) else to_jsonb(t.since) end,
      'when', t."when",
      'using', case when t.parameters = '{}' then to_jsonb(t.method) else jsonb_build_object('method', t.method) || t.parameters end)) as term
    from lethe.terms as t
    join lethe.rules as r on r.id = t.rule_id
    where t.rule_id = export_terms.rule_id
      and t.controller_id is not distinct from export_terms.controller_id
  )
  select case count(*) when 0 then null when 1 then jsonb_agg(term) -> 0 else jsonb_agg(term order by purpose nulls first) end from terms;
end;

comment on function lethe_private.export_terms(int, int) is 'The terms of a rule as a policy document writes them.';

create or replace function lethe_private.export_format(declared lethe.column_formats)
  returns jsonb
  language sql
  immutable
return jsonb_build_object('format', case
  when declared.parameters = '{}' and declared.on_arrival is null then to_jsonb(declared.format)
  else jsonb_strip_nulls(jsonb_build_object('format', declared.format, 'on_arrival', declared.on_arrival)) || declared.parameters
end);

comment on function lethe_private.export_format(lethe.column_formats) is 'A column''s format as a policy document writes it.';

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
          coalesce((select jsonb_strip_nulls(jsonb_build_object('category', c.category, 'purposes', nullif(to_jsonb(c.purposes), '[]'), 'legal_basis', c.legal_basis, 'claim', c.claim))
                    from lethe.managed_columns as c
                    where export_rules.controller_id is null and c.table_id = export_rules.table_id and c.column_name = n.column_name), '{}')
          || coalesce((select lethe_private.export_format(d) from lethe.column_formats as d
                       where export_rules.controller_id is null and d.table_id = export_rules.table_id and d.column_name = n.column_name), '{}')
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
    'minimum', (select lethe_private.export_terms(r.id, export_rules.controller_id) from lethe.rules as r
                where r.table_id = export_rules.table_id and r.column_name is null and r.action = 'minimum'),
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

-- Whether apply_policy finds the same link without being told its columns: see apply_subject_link.
create or replace function lethe_private.goes_without_columns(link lethe.links, root_id int)
  returns boolean
  language sql
  stable
begin atomic
  with refs as (
    select c.table_id as child_id, p.table_id as parent_id
    from lethe_private.managed_relations as c
    join lethe_private.host_references as r on r.child = c.relation
    join lethe_private.managed_relations as p on p.relation = r.parent
    where c.table_id in (link.table_id, root_id)
  ), counts as (
    select
      count(*) filter (where r.child_id = link.table_id and r.parent_id = root_id) as to_root,
      count(*) filter (where r.child_id = link.table_id) as to_any,
      count(*) filter (where r.child_id = root_id and r.parent_id = link.table_id) as from_root
    from refs as r
  )
  select link.foreign_key is not null and case
    when c.to_root > 0 then c.to_root = 1 and link.to_table_id = root_id
    when c.to_any > 0 then c.to_any = 1
    else c.from_root = 1
  end
  from counts as c;
end;

comment on function lethe_private.goes_without_columns(lethe.links, int) is 'True when a policy document need not spell a link out.';

create or replace function lethe_private.export_links(subject_type_id int)
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_object_agg(x.name, case x.n when 1 then x.links -> 0 else x.links end)
  from (
    select lethe_private.plain_name(m) as name, count(*) as n,
      jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'kind', l.kind,
        'with', case when l.on_purge = 'with parent' then 'parent' end,
        'to', case when not p.is_plain then lethe_private.plain_name(t) end,
        'columns', case when not p.is_plain then (select jsonb_object_agg(y.c, y.t) from unnest(l.columns, l.to_columns) as y (c, t)) end,
        'on_erasure', l.on_erasure)) order by l.columns, l.to_table_id) as links
    from lethe.links as l
    join lethe.subject_types as s on s.id = l.subject_type_id
    join lethe.managed_tables as m on m.id = l.table_id
    join lethe.managed_tables as t on t.id = l.to_table_id
    cross join lateral (select lethe_private.goes_without_columns(l, s.table_id) as is_plain) as p
    where l.subject_type_id = export_links.subject_type_id
    group by m.id
  ) as x;
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
      having count(*) > 0), '{}')
    || lethe_private.export_checks();
end
$$;

comment on function lethe.export_policy() is 'The policy in force as a document; applying it changes nothing. Raises LE502.';
--! EndIncluded lethe/export_policy.sql
--! Included lethe_private/policy_lines.sql
-- A policy document as a list of things that can be compared one by one: each controller, subject type, link,
-- table, column, term, view and waiver. The purpose of a minimum is its basis. What later versions add to a document is
-- a part of one of these, or a line by its key.
create or replace function lethe_private.policy_lines(document jsonb)
  returns table (controller text, "table" text, "column" text, action text, purpose text, what text, spec jsonb)
  language sql
  stable
begin atomic
  select c.key, null::text, null::text, null::text, null::text, 'controller', c.value
  from jsonb_each(document -> 'controllers') as c
  union all
  select null, s.value ->> 'table', null, null, null, 'subject ' || s.key, s.value - 'links'
  from jsonb_each(document -> 'subjects') as s
  union all
  select null, l.key, null, null, null, 'link of ' || s.key, l.value
  from jsonb_each(document -> 'subjects') as s
  cross join lateral jsonb_each(s.value -> 'links') as l
  union all
  select null, t.key, null, null, null, 'table', t.value - array['columns', 'archive', 'purge', 'minimum', 'since']
  from jsonb_each(document -> 'tables') as t
  union all
  select null, t.key, c.key, null, null, 'column', c.value - array['anonymize', 'archive', 'purge', 'minimum']
  from jsonb_each(document -> 'tables') as t
  cross join lateral jsonb_each(t.value -> 'columns') as c
  union all
  select r.controller, r."table", r."column", r.action, coalesce(e.value ->> 'purpose', e.value ->> 'basis'), 'term', e.value - array['purpose', 'basis']
  from lethe_private.rules_of(document) as r
  cross join lateral jsonb_array_elements(case jsonb_typeof(r.terms) when 'array' then r.terms else jsonb_build_array(r.terms) end) as e
  union all
  select null, v.key, null, null, null, 'view', v.value
  from jsonb_each(document -> 'views') as v
  union all
  select null, null, null, null, null, format('waiver of %s on %s', w.value ->> 'finding', w.value ->> 'object'), w.value - array['finding', 'object']
  from jsonb_array_elements(document -> 'waivers') as w
  union all
  select null, null, null, null, null, o.key, o.value
  from jsonb_each(document) as o
  where o.key not in ('version', 'controllers', 'subjects', 'tables', 'overrides', 'views', 'waivers');
end;

comment on function lethe_private.policy_lines(jsonb) is
  'An exported policy document line by line: what each line is about, and what it says.';

create or replace function lethe_private.policy_diff(before jsonb, after jsonb)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
      'change', case when b.what is null then 'added' when a.what is null then 'removed' else 'changed' end,
      'what', coalesce(a.what, b.what), 'controller', coalesce(a.controller, b.controller), 'table', coalesce(a."table", b."table"),
      'column', coalesce(a."column", b."column"), 'action', coalesce(a.action, b.action), 'purpose', coalesce(a.purpose, b.purpose)))
    || jsonb_build_object('before', b.spec, 'after', a.spec)
    -- A table, then what is done to its rows, then column by column, each before its terms.
    order by coalesce(a."table", b."table") collate "C" nulls first, (coalesce(a.what, b.what) in ('column', 'term'))::int,
      coalesce(a."column", b."column") collate "C" nulls first, (coalesce(a.what, b.what) = 'term')::int,
      coalesce(a.what, b.what) collate "C", coalesce(a.action, b.action), coalesce(a.controller, b.controller) nulls first,
      coalesce(a.purpose, b.purpose) nulls first), '[]')
  from lethe_private.policy_lines(before) as b
  full join lethe_private.policy_lines(after) as a
    on jsonb_build_array(a.controller, a."table", a."column", a.action, a.purpose, a.what)
     = jsonb_build_array(b.controller, b."table", b."column", b.action, b.purpose, b.what)
  where a.spec is distinct from b.spec;
end;

comment on function lethe_private.policy_diff(jsonb, jsonb) is
  'What two exported policy documents differ in, line by line: see lethe.drafts.changes.';
--! EndIncluded lethe_private/policy_lines.sql
--! Included lethe_private/due_days.sql
-- The same question as in rule_sql.sql, the other way round: not whether a rule is due on a day, but on which day it
-- becomes due for the first time. For looking ahead; what is done is decided by rule_sql alone.
create or replace function lethe_private.term_day_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, term lethe.terms
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_parts lethe_private.term_parts := lethe_private.term_sql(alias, managed, table_oid, controller, today,
    term.after, term.since, term.condition, true);
  v_clock lethe_private.host_columns;
  v_day text;
begin
  -- Days so late that adding a delay would leave the range of a timestamp are as good as never.
  if cardinality(term.since) = 1 and not lethe_private.is_linked(term.since[1]) then
    select h.* into v_clock from lethe_private.host_columns as h where h.relation = table_oid and h.name = term.since[1];
    v_day := format('case when %s and %s.%I < ''200000-01-01'' then (%s + interval %L)::date + 1 end', v_parts.usable, alias, v_clock.name,
      lethe_private.local_day_sql(alias, v_clock, managed.time_zone, controller.time_zone), term.after);
  else
    v_day := format('(select case when x.day < date ''200000-01-01'' then (x.day + interval %L)::date + 1 end from (select %s as day offset 0) as x)',
      term.after, lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, term.since));
  end if;
  return case when term.condition is null then v_day
    else format('case when coalesce(%s, false) then coalesce(%s, ''infinity'') end', v_parts.applies, v_day) end;
end
$$;

comment on function lethe_private.term_day_sql(text, lethe.managed_tables, oid, lethe.controllers, date, lethe.terms) is
  'The first local day on which a term has expired; null where it does not apply, infinity where it applies and never expires.';

-- What puts a rule off: see minimum_sql. What its clock says where it has no "when" and shows no day is the other way
-- round than with a term: nothing lets go at once, and what never ends keeps for ever.
create or replace function lethe_private.minimum_day_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, term lethe.terms
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return case
    when term.condition is not null then lethe_private.term_day_sql(alias, managed, table_oid, controller, today, term)
    else format('(select case when x.day < date ''200000-01-01'' then (x.day + interval %L)::date + 1 when x.day is not null then ''infinity'' end '
      'from (select %s as day offset 0) as x)', term.after, lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, term.since))
  end;
end
$$;

comment on function lethe_private.minimum_day_sql(text, lethe.managed_tables, oid, lethe.controllers, date, lethe.terms) is
  'The first local day on which a statutory minimum lets a row go; null where it keeps nothing, infinity where it never ends.';

create or replace function lethe_private.due_days(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date
)
  returns setof lethe_private.due_day
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
  set intervalstyle = postgres
as $$
declare
  v_action lethe_private.action_parts;
  v_term lethe.terms;
  v_days text[];
  v_day text;
  v_minima text[];
begin
  for v_action in select a.* from lethe_private.actions(alias, managed, table_oid, controller, today, true) as a loop
    v_days := '{}';
    for v_term in
      select t.* from lethe_private.effective_terms(managed.id, controller.id) as t
      where 'r' || t.rule_id = v_action.flag
      order by t.purpose nulls first
    loop
      v_days := v_days || lethe_private.term_day_sql(alias, managed, table_oid, controller, today, v_term);
    end loop;
    -- The last of the terms that apply decides; greatest() leaves out those that do not.
    v_day := case cardinality(v_days) when 1 then v_days[1] else format('greatest(%s)', array_to_string(v_days, ', ')) end;
    -- Minima lengthen what a term has made due, and make nothing due that none has.
    v_minima := array(
      select lethe_private.minimum_day_sql(alias, managed, table_oid, controller, today, m)
      from lethe_private.minima_of(managed.id, substr(v_action.flag, 2)::int, controller.id) as m);
    return next row(v_action.flag, v_action.rule, v_action.phase, v_action.needed,
      case when v_minima = '{}' then v_day
        else format('greatest(coalesce(%s, ''infinity''), %s)', v_day, array_to_string(v_minima, ', ')) end)::lethe_private.due_day;
  end loop;
end
$$;

comment on function lethe_private.due_days(text, lethe.managed_tables, oid, lethe.controllers, date) is
  'The first local day on which each rule of a table is due, as SQL over one row.';
--! EndIncluded lethe_private/due_days.sql
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

create or replace trigger wait_for_batches before insert or update or delete on lethe.holds
  for each statement execute function lethe_private.wait_for_batches();
create or replace trigger wait_for_batches before insert or update or delete on lethe_private.held_keys
  for each statement execute function lethe_private.wait_for_batches();
create or replace trigger wait_for_batches before insert or update or delete on lethe_private.held_conditions
  for each statement execute function lethe_private.wait_for_batches();
--! EndIncluded lethe_private/holds_wait.sql
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
    and not exists (select from pg_trigger as t where t.tgrelid = table_oid and t.tgtype & 1 = 0 and t.tgtype & 28 <> 0)  -- for each statement, of DML
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
      and not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 8 = 8
      and not lethe_private.is_guard(t.tgfoid));
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
  perform lethe_private.may_go(v_oid, managed);
  foreach v_statement in array lethe_private.partition_statements(v_oid, v_parent, v_how) loop
    perform lethe_private.run_as_dropper(v_statement);
  end loop;
  delete from lethe_private.guarded_relations as g where g.xact = pg_current_xact_id();
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
    and lethe_private.has_rules(m.id, controller.id)
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
      and coalesce(v_program ->> 'holds' = lethe_private.holds_mark(cycle.local_date), true)
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
  perform lethe_private.remember_relations();
  perform lethe_private.write_guards();
  perform lethe_private.write_receipt(v_cycle);
  perform lethe_private.seal_controller(v_cycle.controller_id);
  return v_cycle.state;
end
$$;

comment on function lethe.finish_cycle(bigint) is
  'Closes a cycle whose tables are all verified, left over or failed: complete or incomplete, with its receipt, and sealed; open while some are not. Raises LE403, LE405.';
--! EndIncluded lethe/finish_cycle.sql
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
        and lethe_private.has_rules(m.id, v_controller.id)
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
--! Included lethe/forecast.sql
-- Time travel: on which day each row comes up, for every rule of a table in one read of it. Supposes a cycle a day
-- from today on. Nothing is written, and no rule runs.

-- Day numbers count from today: 0 is today or overdue, 366 is beyond the year or never.
create or replace function lethe_private.histogram_sql(source text, owner text, held text, condition text, due lethe_private.due_day[], today date)
  returns text
  language sql
  stable
begin atomic
  with rules as (
    -- Rules that share clock and delay share one day.
    select d.*, dense_rank() over (order by d.day) as k
    from unnest(due) with ordinality as d (flag, rule, phase, needed, day, n)
  ), words as (
    select (select p.k from rules as p where p.phase = 'purge') as purge, (select a.k from rules as a where a.phase = 'archive') as archive
  ), lines as (
    -- A row that leaves takes its column rules with it; what is due for purge, row or value, is archived no more.
    select r.*, concat_ws(' and ', 'r.' || r.flag,
      case when r.phase <> 'purge' and w.purge is not null then format('r.k%s < r.k%s', r.k, w.purge) end,
      (select format('r.k%s < r.k%s', r.k, p.k) from rules as p where r.rule like '%: archive' and p.rule = left(r.rule, -7) || 'purge'),
      case when r.phase = 'columns' and w.archive is not null then format('r.k%s < r.k%s', r.k, w.archive) end) as only_if
    from rules as r cross join words as w
  )
  -- Grouped by days and by what is still needed first: a few groups are then counted rule by rule.
  select format($sql$with rows as (
  select %s,
    %s,
    %s as held, count(*) as n
  from %s as c
  where %s
    and %s
  group by %s
)
select coalesce(jsonb_agg(jsonb_build_array(x.flag, x.held, x.day, x.n)), '[]')
from (
  select v.flag, r.held, v.day, sum(r.n) as n
  from rows as r
  cross join lateral (values %s) as v (flag, day)
  where v.day <= 365
  group by v.flag, r.held, v.day
) as x$sql$,
    (select string_agg(format('greatest(least(coalesce(%s, date ''infinity''), date %L) - date %L, 0) as k%s', x.day, today + 366, today, x.k), E',\n    ' order by x.k)
     from (select distinct r.k, r.day from rules as r) as x),
    (select string_agg(format('(%s) as %s', r.needed, r.flag), ', ' order by r.n) from rules as r),
    held, source, owner, condition,
    (select string_agg(i::text, ', ') from generate_series(1, 1 + (select count(*) + max(r.k) from rules as r)) as i),
    (select string_agg(format('(%L, case when %s then r.k%s end)', l.flag, l.only_if, l.k), ', ' order by l.n) from lines as l));
end;

comment on function lethe_private.histogram_sql(text, text, text, text, lethe_private.due_day[], date) is
  'Counts, for every rule of a table in one read, how many rows come up on each day of the year to come: [[flag, held, day, rows]].';

create or replace function lethe_private.forecast_part(managed lethe.managed_tables, controller lethe.controllers)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_today date := lethe_private.today(controller.time_zone);
  v_due lethe_private.due_day[];
begin
  perform lethe_private.assert_intact(managed);
  v_due := array(select d from lethe_private.due_days('c', managed, v_oid, controller, v_today) as d);
  return jsonb_build_object(
    'rules', (select jsonb_agg(jsonb_build_object('flag', d.flag, 'rule', d.rule) order by d.n)
              from unnest(v_due) with ordinality as d (flag, rule, phase, needed, day, n)),
    'statement', lethe_private.histogram_sql(lethe_private.host_name(v_oid), lethe_private.controller_sql('c', managed, v_oid, controller),
      lethe_private.held_sql('c', managed, v_oid, v_today),
      -- What is due in a year; its bounds are constants, which an index can answer.
      lethe_private.any_due_sql(array(select a from lethe_private.actions('c', managed, v_oid, controller, v_today + 365) as a)), v_due, v_today));
end
$$;

comment on function lethe_private.forecast_part(lethe.managed_tables, lethe.controllers) is
  'The rules of a table, and the statement that counts on which days its rows come up. Raises LE102, LE103.';

-- One what-if: schema.table, its column, the action where there is more than one; then a delay instead of the one in
-- force, or how much more (+) or less (-). It holds for every purpose and controller, until it is rolled back.
create or replace function lethe_private.suppose(what_if text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_parts text[] := regexp_match(what_if, '^(.+?)(?::(anonymize|archive|purge))?=([+-]?)(P\w+)$');
  v_managed lethe.managed_tables;
  v_column text;
  v_rules int[];
  v_delay interval;
begin
  if v_parts is null then
    raise exception using errcode = 'LE106', message = format('%s is no supposition', coalesce(quote_literal(what_if), 'null')),
      hint = 'write schema.table.column=P2Y for another delay, =-P3M for a shorter and =+P3M for a longer one; schema.table:purge=P8Y for rows';
  end if;
  begin
    v_managed := lethe_private.get_managed(v_parts[1]);
  exception when sqlstate 'LE102' then
    v_column := substring(v_parts[1] from '[^.]+$');
    v_managed := lethe_private.get_managed(left(v_parts[1], -length(v_column) - 1));
    v_column := case when v_column ~ '^".*"$' then replace(substr(v_column, 2, length(v_column) - 2), '""', '"') else v_column end;
  end;
  v_rules := array(select r.id from lethe.rules as r where r.table_id = v_managed.id and r.column_name is not distinct from v_column
    and r.action = coalesce(v_parts[2], r.action) and r.action <> 'minimum');
  if cardinality(v_rules) <> 1 then
    raise exception using errcode = 'LE107',
      message = format('%s has %s rules', v_parts[1] || coalesce(':' || v_parts[2], ''), case when v_rules = '{}' then 'no' else 'several' end),
      hint = case when v_rules = '{}' then 'lethe policy show lists the rules there are' else 'name the action too: :anonymize, :archive or :purge' end;
  end if;
  v_delay := lethe_private.parse_delay(v_parts[4]);
  begin
    update lethe.terms as t
    set after = case v_parts[3] when '+' then t.after + v_delay when '-' then t.after - v_delay else v_delay end
    where t.rule_id = v_rules[1];
  exception when check_violation then
    raise exception using errcode = 'LE301', message = format('%s would leave no delay of a day or more', what_if),
      hint = 'take away less, in the unit in which the delay is written';
  end;
end
$$;

comment on function lethe_private.suppose(text) is 'Changes the delay of one rule, to be rolled back. Raises LE102, LE106, LE107, LE301.';

-- The statements are written in a moment in which the suppositions hold; then that is rolled back.
create or replace function lethe_private.forecast_parts_if(what_if text[], managed lethe.managed_tables[], controllers lethe.controllers[])
  returns jsonb[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_parts jsonb[];
  v_done boolean := false;
begin
  begin
    insert into lethe_private.rehearsing default values;
    perform lethe_private.suppose(w) from unnest(what_if) as w;
    v_parts := array(
      select lethe_private.forecast_part(managed[i], controllers[i]) from generate_subscripts(managed, 1) as i order by i);
    v_done := true;
    raise exception using errcode = 'RB000', message = 'undone: it was a supposition';
  exception when sqlstate 'RB000' then
    if not v_done then
      raise;
    end if;
  end;
  return v_parts;
end
$$;

comment on function lethe_private.forecast_parts_if(text[], lethe.managed_tables[], lethe.controllers[]) is
  'forecast_part of each pair, as it would be if some delays were others.';

create or replace function lethe_private.by_day(counts jsonb, flag text)
  returns bigint[]
  language sql
  stable
begin atomic
  select array_agg(coalesce(x.n, 0) order by d.day)
  from generate_series(0, 365) as d (day)
  left join (
    select (c.value ->> 2)::int as day, (c.value ->> 3)::bigint as n
    from jsonb_array_elements(counts) as c where c.value ->> 0 = by_day.flag and not (c.value ->> 1)::boolean
  ) as x on x.day = d.day
  where counts is not null;
end;

comment on function lethe_private.by_day(jsonb, text) is
  'One rule''s rows day by day, today first, held ones left out; null where nothing was counted.';

-- What is shown of a supposition: where the statement is the same, so are the figures, and nothing is read twice.
create or replace function lethe_private.forecast_table(part jsonb, part_if jsonb, managed lethe.managed_tables)
  returns table (rule text, held bigint, days bigint[], days_if bigint[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_counts jsonb := lethe_private.count_as_sweeper(part ->> 'statement', managed);
  v_counts_if jsonb := case
    when part_if ->> 'statement' = part ->> 'statement' then v_counts
    when part_if is not null then lethe_private.count_as_sweeper(part_if ->> 'statement', managed)
  end;
begin
  return query
    select r.value ->> 'rule',
      (select coalesce(sum((c.value ->> 3)::bigint), 0)::bigint from jsonb_array_elements(v_counts) as c
       where c.value ->> 0 = r.value ->> 'flag' and (c.value ->> 1)::boolean),
      lethe_private.by_day(v_counts, r.value ->> 'flag'), lethe_private.by_day(v_counts_if, r.value ->> 'flag')
    from jsonb_array_elements(part -> 'rules') with ordinality as r (value, n)
    order by r.n;
end
$$;

comment on function lethe_private.forecast_table(jsonb, jsonb, lethe.managed_tables) is
  'The forecast of one table, with the suppositions beside it where there are any.';

create or replace function lethe.forecast(controller_name text default null, what_if text[] default null)
  returns table (
    controller        text,
    table_name        text,
    rule              text,
    due_today         bigint,
    next_30_days      bigint,
    next_365_days     bigint,
    held              bigint,
    by_day            bigint[],
    due_today_if      bigint,
    next_30_days_if   bigint,
    next_365_days_if  bigint,
    by_day_if         bigint[]
  )
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables[];
  v_controllers lethe.controllers[];
  v_parts_if jsonb[];
begin
  select array_agg(m order by c.name, m.schema_name, m.table_name), array_agg(c order by c.name, m.schema_name, m.table_name)
    into v_managed, v_controllers
  from lethe.controllers as c
  join lethe.controllers_to_run(forecast.controller_name) as r on r.name = c.name
  join lethe.managed_tables as m on lethe_private.has_controller(m, c)
    and lethe_private.has_rules(m.id, c.id)
  where lethe_private.acts_for(c.id) or lethe_private.is_worker();
  if cardinality(what_if) > 0 then
    v_parts_if := lethe_private.forecast_parts_if(what_if, v_managed, v_controllers);
  end if;
  for i in 1 .. coalesce(cardinality(v_managed), 0) loop
    return query
      select v_controllers[i].name, format('%I.%I', v_managed[i].schema_name, v_managed[i].table_name), f.rule,
        f.days[1], (select sum(n)::bigint from unnest(f.days[2:31]) as n), (select sum(n)::bigint from unnest(f.days[2:]) as n), f.held, f.days,
        f.days_if[1], (select sum(n)::bigint from unnest(f.days_if[2:31]) as n), (select sum(n)::bigint from unnest(f.days_if[2:]) as n), f.days_if
      from lethe_private.forecast_table(lethe_private.forecast_part(v_managed[i], v_controllers[i]), v_parts_if[i], v_managed[i]) as f;
  end loop;
end
$$;

comment on function lethe.forecast(text, text[]) is
  'Rows that come up today and in the year to come, per controller, table and rule, if a cycle runs every day; by_day[1] is today with all that is overdue. Rows that a child will keep are counted, rows under a hold stand apart, what is in the archive is not counted. what_if: other delays, such as audience.contacts.email=-P3M; the columns ending in _if show them. Raises LE101 to LE103, LE106, LE107, LE301.';
--! EndIncluded lethe/forecast.sql
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
    v_program := lethe_private.without_predicates(lethe_private.compile(v_managed, v_controller, lethe_private.today(v_controller.time_zone)));
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
--! Included lethe_private/words.sql
-- The policy in plain English, for officers and auditors.
create or replace function lethe_private.list_in_words(words text[], last_word text)
  returns text
  language sql
  immutable
return case cardinality(words)
  when 1 then words[1]
  else array_to_string(words[:cardinality(words) - 1], ', ') || ' ' || last_word || ' ' || words[cardinality(words)]
end;

comment on function lethe_private.list_in_words(text[], text) is 'a, b and c.';

create or replace function lethe_private.delay_in_words(after interval)
  returns text
  language sql
  immutable
begin atomic
  select lethe_private.list_in_words(array_agg(
    coalesce((array['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'])[p.n], p.n::text)
      || ' ' || p.unit || case when p.n > 1 then 's' else '' end order by p.position), 'and')
  from (values
    (1, extract(year from after)::int, 'year'), (2, extract(month from after)::int, 'month'), (3, extract(day from after)::int, 'day')
  ) as p (position, n, unit)
  where p.n > 0;
end;

comment on function lethe_private.delay_in_words(interval) is 'A delay as one says it: three years, one year and six months, 30 days.';

create or replace function lethe_private.clock_in_words(managed lethe.managed_tables, since text[])
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_entry text;
  v_clock lethe_private.linked_clock;
  v_words text[];
begin
  foreach v_entry in array since loop
    if not lethe_private.is_linked(v_entry) then
      v_words := v_words || v_entry;
      continue;
    end if;
    begin
      v_clock := lethe_private.linked_clock(managed, v_entry);
      v_words := v_words || (
        select format('the latest %s of %s', v_clock.column_name, lethe_private.plain_name(m)) from lethe.managed_tables as m where m.id = v_clock.child_id);
    exception when others then
      v_words := v_words || v_entry;  -- its table or link is gone: it is told as it was written
    end;
  end loop;
  return case cardinality(v_words)
    when 1 then v_words[1]
    when 2 then 'the later of ' || lethe_private.list_in_words(v_words, 'and')
    else 'the latest of ' || lethe_private.list_in_words(v_words, 'and')
  end;
end
$$;

comment on function lethe_private.clock_in_words(lethe.managed_tables, text[]) is 'A clock as one says it: last_seen_at; the later of a and b; the latest issued_on of shop.invoices.';

create or replace function lethe_private.term_in_words(managed lethe.managed_tables, term lethe.terms)
  returns text
  language sql
  stable
return concat_ws(' ', lethe_private.delay_in_words(term.after), 'after', lethe_private.clock_in_words(managed, term.since),
  'where ' || term."when", '(' || term.purpose || ')');

comment on function lethe_private.term_in_words(lethe.managed_tables, lethe.terms) is
  'A term as one says it: three years after last_seen_at where status = ''open'' (marketing).';

create or replace function lethe_private.rule_in_words(managed lethe.managed_tables, rule lethe.rules, method text)
  returns text
  language sql
  immutable
return case
  when rule.column_name is null then 'a row of ' || lethe_private.plain_name(managed)
  else rule.column_name || ' of ' || lethe_private.plain_name(managed)
end || case
  when rule.action = 'anonymize' then format(' is anonymized (%s)', method)
  when rule.action = 'archive' and rule.column_name is null then ' moves to the archive'
  when rule.action = 'archive' then format(' moves to the archive and is anonymized (%s)', method)
  else ' is purged'
end;

comment on function lethe_private.rule_in_words(lethe.managed_tables, lethe.rules, text) is 'What a rule does, as one says it.';
--! EndIncluded lethe_private/words.sql
--! Included lethe/effective_rules.sql
-- What holds for a controller once defaults, its own terms, minima and holds are put together: one line a rule, and a
-- sentence that says it. Which term decides is named only where it can be told beforehand: for all rows, from the policy alone.
create or replace function lethe_private.holds_on(table_id int, controller_id int, today date)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object('hold', h.id, 'ends_on', h.ends_on) order by h.id), '[]')
  from (
    select distinct h.id, h.ends_on
    from lethe.holds as h
    join lethe_private.held_keys as k on k.hold_id = h.id
    where k.table_id = holds_on.table_id and k.key is null
      and h.released_at is null and (h.ends_on is null or h.ends_on >= holds_on.today)
      and (h.controller_id is null or h.controller_id = holds_on.controller_id)
  ) as h;
end;

comment on function lethe_private.holds_on(int, int, date) is 'The holds in force on a whole table: [{"hold", "ends_on"}].';

create or replace function lethe_private.term_facts(term lethe.terms)
  returns jsonb
  language sql
  immutable
return jsonb_build_object('purpose', term.purpose, 'after', lethe_private.format_delay(term.after), 'since', term.since,
  'when', term."when", 'own', term.controller_id is not null);

comment on function lethe_private.term_facts(lethe.terms) is 'A term for lethe.effective_rules: {"purpose", "after", "since", "when", "own"}.';

create or replace function lethe_private.effective_rule(
  managed lethe.managed_tables, rule lethe.rules, controller lethe.controllers,
  out method text, out terms jsonb, out decides text, out replaced jsonb, out minima jsonb, out holds jsonb, out sentence text
)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_terms lethe.terms[] := array(
    select t from lethe_private.effective_terms(managed.id, controller.id) as t where t.rule_id = rule.id order by t.purpose nulls first);
  -- On one clock and without "when" all terms apply or none does, and the one that outlasts the others decides, if one does.
  v_clock text[] := (select case when min(t.since) = max(t.since) and bool_and(t.condition is null) then min(t.since) end from unnest(v_terms) as t);
  v_longest lethe.terms;
  v_term lethe.terms;
  v_lengthens text;
begin
  if v_terms = '{}' then
    return;
  end if;
  select t.* into v_longest from unnest(v_terms) as t
  order by (select bool_and(lethe_private.outlasts(t.after, o.after)) from unnest(v_terms) as o) desc, t.after desc, t.purpose nulls first limit 1;
  if not (select bool_and(lethe_private.outlasts(v_longest.after, o.after)) from unnest(v_terms) as o) then
    v_clock := null;
  end if;
  method := v_longest.method;
  terms := (select jsonb_agg(lethe_private.term_facts(t) order by t.purpose nulls first) from unnest(v_terms) as t);
  decides := case
    when v_clock is not null then coalesce(v_longest.purpose, 'the term without a purpose')
    when cardinality(v_terms) = 1 then coalesce(v_longest.purpose, 'the term without a purpose') || ', where it applies'
    else 'the last to end of those that apply'
  end;
  sentence := lethe_private.rule_in_words(managed, rule, method) || ' ' || case
    when v_clock is not null and cardinality(v_terms) > 1 then
      lethe_private.term_in_words(managed, v_longest) || (
        select ', which outlasts ' || lethe_private.list_in_words(array_agg(coalesce(t.purpose, 'the term without a purpose')
          || ' (' || lethe_private.delay_in_words(t.after) || ')' order by t.after desc, t.purpose nulls first), 'and')
        from unnest(v_terms) as t where t.id <> v_longest.id)
    when cardinality(v_terms) > 1 then (
      select string_agg(lethe_private.term_in_words(managed, t), ', or ' order by t.purpose nulls first) from unnest(v_terms) as t)
      || ', whichever of those that apply ends last'
    else lethe_private.term_in_words(managed, v_longest)
  end;

  replaced := '[]';
  for v_term in
    select d.* from lethe.terms as d
    join unnest(v_terms) as o on o.rule_id = d.rule_id and o.purpose is not distinct from d.purpose and o.controller_id is not null
    where d.controller_id is null
    order by d.purpose nulls first
  loop
    replaced := replaced || lethe_private.term_facts(v_term);
    sentence := sentence || format('; %s''s own term replaces the default%s, %s after %s', controller.name, ' of ' || v_term.purpose,
      lethe_private.delay_in_words(v_term.after), lethe_private.clock_in_words(managed, v_term.since));
  end loop;

  minima := '[]';
  for v_term in select * from lethe_private.minima_of(managed.id, rule.id, controller.id) loop
    v_lengthens := case
      -- A longer one beside it, since the same clock, is always the last of the two.
      when exists (
        select from lethe_private.minima_of(managed.id, rule.id, controller.id) as o
        where o.since = v_term.since and o.condition is null and o.id <> v_term.id and lethe_private.outlasts(o.after, v_term.after)
          and (o.id > v_term.id or not lethe_private.outlasts(v_term.after, o.after))) then 'never'
      when v_term.since is distinct from v_clock or v_term.condition is not null then 'where it ends later'
      when lethe_private.outlasts(v_longest.after, v_term.after) then 'never'
      when lethe_private.outlasts(v_term.after, v_longest.after) then 'always'
      else 'where it ends later'
    end;
    minima := minima || (lethe_private.term_facts(v_term) - 'purpose' || jsonb_build_object('basis', v_term.purpose, 'lengthens', v_lengthens));
    continue when v_lengthens = 'never';
    sentence := sentence || '; never before ' || lethe_private.term_in_words(managed, v_term);
  end loop;

  holds := lethe_private.holds_on(managed.id, controller.id, lethe_private.today(controller.time_zone));
  sentence := sentence || coalesce((
    select '; nothing of it is touched under ' || lethe_private.list_in_words(array_agg(concat_ws(' until ', 'hold ' || (h ->> 'hold'), h ->> 'ends_on') order by n), 'and')
    from jsonb_array_elements(holds) with ordinality as x (h, n)), '') || '.';
end
$$;

comment on function lethe_private.effective_rule(lethe.managed_tables, lethe.rules, lethe.controllers) is
  'One line of lethe.effective_rules.';

create or replace function lethe.effective_rules("table" text default null, controller_name text default null)
  returns table (
    controller   text,
    table_name   text,
    column_name  text,
    action       text,
    method       text,
    terms        jsonb,
    decides      text,
    replaced     jsonb,
    minima       jsonb,
    holds        jsonb,
    sentence     text
  )
  language plpgsql
  stable
  security definer  -- reads holds and the whole policy; shows the controllers that the login acts for
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
  set jit = off
as $$
declare
  v_table_id int := case when "table" is not null then (lethe_private.get_managed("table")).id end;
begin
  return query
    select c.name, lethe_private.plain_name(m), r.column_name, r.action, e.*
    from lethe.controllers as c
    join lethe.controllers_to_run(effective_rules.controller_name) as n on n.name = c.name
    join lethe.managed_tables as m on lethe_private.has_controller(m, c) and m.id = coalesce(v_table_id, m.id)
    join lethe.rules as r on r.table_id = m.id and r.action <> 'minimum'
    cross join lateral lethe_private.effective_rule(m, r, c) as e
    where lethe_private.acts_for(c.id) and e.terms is not null
    order by c.name, lethe_private.plain_name(m), r.column_name nulls last, r.action;
end
$$;

comment on function lethe.effective_rules(text, text) is
  'What holds for each controller: per table, column (null: the row) and action its terms, which decides, the defaults it replaces, the minima that lengthen it (always, where they end later, never), the holds on the whole table, and all of it as a sentence. Raises LE101, LE102.';
--! EndIncluded lethe/effective_rules.sql
--! Included lethe_private/explain_sql.sql
-- What lethe.explain_row asks of single rows. Days, and yes or no, come out of it; never a value.
create or replace function lethe_private.key_value_sql(key_column lethe_private.host_columns, value text)
  returns text
  language sql
  immutable
return case
  when key_column.type_name = 'timestamptz' then format('(%L::timestamp at time zone ''UTC'')', value)
  else format('%L::%s', value, key_column.base_type)
end;

comment on function lethe_private.key_value_sql(lethe_private.host_columns, text) is 'One value of a key, of the type of its column.';

-- The key as a person gives it: the value of its column; of several, a JSON array of their values.
create or replace function lethe_private.row_of_key(managed lethe.managed_tables, table_oid oid, given text, out key text, out condition text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_key text := lethe_private.key_sql('c', table_oid, managed.key_columns);
  v_values text[];
begin
  v_values := case
    when v_key not like 'jsonb%' or cardinality(managed.key_columns) = 1 and left(btrim(given), 1) <> '[' then array[given]
    else array(select e from jsonb_array_elements_text(given::jsonb) with ordinality as x (e, n) order by n)
  end;
  if cardinality(v_values) <> cardinality(managed.key_columns) then
    return;
  end if;
  -- As lethe_sweeper: reading a value of a host's type runs the host's code.
  key := lethe_private.count_as_sweeper((
    select format('select to_jsonb(%s) from (select %s) as c', v_key, string_agg(format('%s as %I', lethe_private.key_value_sql(h, v.value), h.name), ', '))
    from unnest(managed.key_columns, v_values) as v (name, value)
    join lethe_private.host_columns as h on h.relation = table_oid and h.name = v.name), managed) #>> '{}';
  -- By column, so that the key's index serves; then as the engine writes it, so that it is this row and no other.
  select concat_ws(' and ', string_agg(format('c.%I = %s', h.name, lethe_private.key_value_sql(h, v.value)), ' and ')
      filter (where h.type_schema = 'pg_catalog' and h.declared_type_schema = 'pg_catalog'), format('%s = %L', v_key, key))
    into condition
  from unnest(managed.key_columns, v_values) as v (name, value)
  join lethe_private.host_columns as h on h.relation = table_oid and h.name = v.name;
exception
  when data_exception or undefined_function then
    key := null;
    condition := null;
end
$$;

comment on function lethe_private.row_of_key(lethe.managed_tables, oid, text) is
  'A key as the engine writes it (key_sql), and what finds its row, alias c; nulls where it can be none of this table.';

create or replace function lethe_private.explain_terms_sql(
  managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, rule_id int
)
  returns text
  language sql
  stable
begin atomic
  select lethe_private.object_sql(array_agg(format('%L, jsonb_build_array(coalesce(%s, false), %s)', t.id,
    case
      when t.is_minimum and t.condition is null then lethe_private.latest_day_sql('c', managed, table_oid, controller, today, t.since) || ' is not null'
      else (lethe_private.term_sql('c', managed, table_oid, controller, today, t.after, t.since, t.condition, true)).applies
    end,
    lethe_private.latest_day_sql('c', managed, table_oid, controller, today, t.since)) order by t.id))
  from (
    select e.id, e.after, e.since, e.condition, false as is_minimum
    from lethe_private.effective_terms(managed.id, controller.id) as e where e.rule_id = explain_terms_sql.rule_id
    union all
    select m.id, m.after, m.since, m.condition, true from lethe_private.minima_of(managed.id, explain_terms_sql.rule_id, controller.id) as m
  ) as t;
end;

comment on function lethe_private.explain_terms_sql(lethe.managed_tables, oid, lethe.controllers, date, int) is
  'Of each term and minimum of a rule whether it applies to a row, and the day that its clock shows: {id: [applies, day]}.';

create or replace function lethe_private.explain_sql(
  managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, actions lethe_private.action_parts[],
  condition text, held text, kept text, staying text
)
  returns text
  language sql
  stable
begin atomic
  select format('%sselect jsonb_agg(%s) from %s as c where %s', staying,
    lethe_private.object_sql(array[format('''held'', %s', held), format('''kept'', coalesce(%s, false)', kept)]
      || array_agg(format('%L, jsonb_build_object(''due'', coalesce(%s, false), ''done'', not coalesce(%s, false), ''terms'', %s)',
        a.flag, a.due, a.needed, lethe_private.explain_terms_sql(managed, table_oid, controller, today, substr(a.flag, 2)::int)) order by a.n)),
    lethe_private.host_name(table_oid), condition)
  from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n);
end;

comment on function lethe_private.explain_sql(lethe.managed_tables, oid, lethe.controllers, date, lethe_private.action_parts[], text, text, text, text) is
  'Asks rows what lethe.explain_row has to say of them.';

-- The live row, and what is in the archive under its key: {"place", "actions", "row"}.
create or replace function lethe_private.rows_to_explain(managed lethe.managed_tables, controller lethe.controllers, today date, given text)
  returns table (place text, actions lethe_private.action_parts[], facts jsonb)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_row record;
  v_mirror lethe_private.mirrors;
  v_staying text;
begin
  select * into v_row from lethe_private.row_of_key(managed, v_oid, given);
  if v_row.key is null then
    return;
  end if;
  actions := array(select a from lethe_private.actions('c', managed, v_oid, controller, today, true) as a);
  if cardinality(actions) > 0 then
    place := 'live';
    v_staying := case when exists (select from unnest(actions) as a where a.phase <> 'columns') then
      lethe_private.staying_sql(managed, v_oid, controller, today, false, array['purge', 'archive']) end;
    return query select rows_to_explain.place, rows_to_explain.actions, e
    from jsonb_array_elements(nullif(lethe_private.count_as_sweeper(lethe_private.explain_sql(managed, v_oid, controller, today, actions,
      concat_ws(' and ', lethe_private.controller_sql('c', managed, v_oid, controller), v_row.condition),
      lethe_private.held_sql('c', managed, v_oid, today),
      case when v_staying is not null then 'exists (select from staying as x where (x.target, x.tid) = (c.tableoid, c.ctid))'
        else coalesce(lethe_private.kept_sql('c', v_oid, controller, today, true), 'false') end, v_staying), managed), 'null')) as e;
  end if;

  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id order by m.kind, m.id loop
    continue when lethe_private.unanswered(managed, v_mirror) is not null;
    actions := array(select a from lethe_private.archived_actions(managed, v_mirror, controller, today) as a);
    continue when cardinality(actions) = 0;
    place := case v_mirror.kind when 'rows' then 'archive' else 'archived values' end;
    return query select rows_to_explain.place, rows_to_explain.actions, e
    from lethe_private.run_on_archive(format('select (%s), null::oid, null::tid[]', lethe_private.explain_sql(managed,
      lethe_private.host_table('lethe_archive', v_mirror.name), controller, today, actions,
      format('c."lethe$controller" = %s and c."lethe$key" = %L', controller.id, v_row.key),
      lethe_private.archived_held_sql('c', v_mirror, today), format('c."lethe$root_table" <> %s', managed.id), null))) as r
    cross join jsonb_array_elements(nullif(r.facts, 'null')) as e;
  end loop;
end
$$;

comment on function lethe_private.rows_to_explain(lethe.managed_tables, lethe.controllers, date, text) is
  'What is asked of the rows that have a key, live and archived; of an archived one "kept" says that it came along with another row.';

create or replace function lethe_private.raise_missing_right(managed lethe.managed_tables)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (select from lethe.missing_rights() as r where r.need ~ 'row security') then
    raise exception using errcode = 'LE503',
      message = format('row security would hide rows of %I.%I, or of a table that refers to it, from the engine', managed.schema_name, managed.table_name),
      hint = 'alter role lethe_sweeper bypassrls';
  end if;
  raise exception using errcode = 'LE501',
    message = format('lethe_sweeper may not read %I.%I or a table that refers to it', managed.schema_name, managed.table_name),
    hint = 'select remedy from lethe.missing_rights(), or lethe doctor, shows the grants it needs';
end
$$;

comment on function lethe_private.raise_missing_right(lethe.managed_tables) is 'Raises LE501 or LE503 where a table could not be read.';
--! EndIncluded lethe_private/explain_sql.sql
--! Included lethe/explain_row.sql
-- Settles arguments about one row: of each rule which terms apply to it, on which local day each ends, what decides, since or
-- from when it is due, and what keeps it. Days and purposes; no values.
create or replace function lethe_private.explain_rule(facts jsonb, today date, action lethe_private.action_parts, place text,
  out terms jsonb, out decides text, out due_on date, out sentence text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
as $$
declare
  v_term record;
  v_words text[];
  v_applies boolean := false;
  v_end date;
begin
  terms := '[]';
  for v_term in
    select t.purpose, r.action = 'minimum' as is_minimum, f.applies, case
        when f.day is null then null
        when f.day >= lethe_private.clock_ceiling()::date - 400000 then 'infinity'  -- too late to be counted on
        else (f.day + t.after)::date
      end as ends_on
    from jsonb_each(facts #> array[action.flag, 'terms']) as e
    cross join lateral (select (e.value ->> 0)::boolean as applies, (e.value ->> 1)::date as day) as f
    join lethe.terms as t on t.id = e.key::int
    join lethe.rules as r on r.id = t.rule_id
    order by r.action = 'minimum', t.purpose nulls first, t.id
  loop
    terms := terms || jsonb_build_object(case when v_term.is_minimum then 'basis' else 'purpose' end, v_term.purpose,
      'applies', v_term.applies, 'ends_on', case when v_term.ends_on < 'infinity' then v_term.ends_on end);
    v_words := v_words || (coalesce(v_term.purpose, 'the term without a purpose') || case
      when not v_term.applies then ' does not apply'
      when coalesce(v_term.ends_on, 'infinity') = 'infinity' and v_term.is_minimum then ' keeps it: its clock shows no day'
      when coalesce(v_term.ends_on, 'infinity') = 'infinity' then ' applies, and its clock shows no day'
      when v_term.ends_on < today then ' ended on ' || v_term.ends_on
      when v_term.is_minimum then ' keeps it until ' || v_term.ends_on
      else ' runs until ' || v_term.ends_on
    end);
    continue when not v_term.applies;
    v_applies := v_applies or not v_term.is_minimum;
    if v_end is null or coalesce(v_term.ends_on, 'infinity') > v_end then
      v_end := coalesce(v_term.ends_on, 'infinity');
      decides := coalesce(v_term.purpose, 'the term without a purpose');
    end if;
  end loop;
  if not v_applies then
    decides := null;
  elsif v_end < 'infinity' then
    due_on := v_end + 1;
  end if;
  sentence := format('%s: %s; %s.', concat_ws(' ', regexp_replace(action.rule, '^.*: ', ''), action.column_name), array_to_string(v_words, ', '), case
    when (facts #>> array[action.flag, 'done'])::boolean then 'nothing is left to do'
    when not v_applies then 'no purpose applies, so it is left alone'
    when due_on is null then 'never due as it stands'
    when due_on > today then 'due from ' || due_on
    when action.rule like '%archive' and not (facts #>> array[action.flag, 'due'])::boolean then format('due since %s, and for purge as well', due_on)
    else 'due since ' || due_on
  end || case when (facts ->> 'held')::boolean then ', held' else '' end || case
    when action.phase = 'columns' or not (facts ->> 'kept')::boolean then ''
    when place = 'live' then ', kept by a row that refers to it'
    else ', and goes with the row that it was archived along with'
  end);
end
$$;

comment on function lethe_private.explain_rule(jsonb, date, lethe_private.action_parts, text) is 'What lethe.explain_row says of one rule.';

create or replace function lethe.explain_row("table" text, key text, as_of date default null)
  returns table (
    controller  text,
    place       text,
    rule        text,
    terms       jsonb,
    decides     text,
    due_on      date,
    due         boolean,
    done        boolean,
    held        boolean,
    kept        boolean,
    sentence    text
  )
  language plpgsql
  volatile
  security definer  -- asks as lethe_sweeper; the caller sees days and purposes, of controllers it acts for
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers;
  v_today date;
  v_found boolean := false;
begin
  perform lethe_private.assert_intact(v_managed);
  for v_controller in
    select c.* from lethe.controllers as c where lethe_private.has_controller(v_managed, c) and lethe_private.acts_for(c.id) order by c.name
  loop
    v_today := coalesce(as_of, lethe_private.today(v_controller.time_zone));
    begin
      return query
        select v_controller.name, r.place, a.rule, e.terms, e.decides, e.due_on, (r.facts #>> array[a.flag, 'due'])::boolean,
          (r.facts #>> array[a.flag, 'done'])::boolean, (r.facts ->> 'held')::boolean,
          a.phase <> 'columns' and (r.facts ->> 'kept')::boolean, e.sentence
        from lethe_private.rows_to_explain(v_managed, v_controller, v_today, explain_row.key) as r
        cross join unnest(r.actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
        cross join lateral lethe_private.explain_rule(r.facts, v_today,
          row(a.flag, a.rule, a.phase, a.column_name, a.due, a.unclocked, a.needed, a.test, a.new_value)::lethe_private.action_parts, r.place) as e
        order by r.place desc, a.column_name nulls last, a.n;
      v_found := v_found or found;
    exception when insufficient_privilege then
      perform lethe_private.raise_missing_right(v_managed);
    end;
  end loop;
  if not v_found then
    raise exception using errcode = 'LE318',
      message = format('no rule reaches a row of this key in %s, live or archived, that you may ask about', lethe_private.host_name(
        lethe_private.host_table(v_managed.schema_name, v_managed.table_name))),
      hint = case cardinality(v_managed.key_columns) when 1 then format('the key is the value of %I', v_managed.key_columns[1])
        else format('the key is a JSON array of the values of %s', array_to_string(v_managed.key_columns, ', ')) end;
  end if;
end
$$;

comment on function lethe.explain_row(text, text, date) is
  'Of one row (key: the value of its key column, or a JSON array of several) and each rule: the terms and minima, whether each applies and the local day on which it ends, which decides, the first day on which it is due, whether that has come on as_of (default: today), and what keeps it. Days and purposes, no values. Raises LE102, LE103, LE318, LE501, LE503.';
--! EndIncluded lethe/explain_row.sql
--! Included lethe/unpurposed.sql
-- A value to which no purpose applies is left alone for ever: nothing makes it due. It is a finding.
create or replace function lethe_private.unpurposed_sql(managed lethe.managed_tables, table_oid oid, controllers lethe.controllers[])
  returns text
  language sql
  stable
begin atomic
  -- One scan for all rules of all controllers.
  select lethe_private.object_sql(array_agg(format(
    '%1$L, jsonb_build_array(count(*) filter (where %2$s), count(*) filter (where %2$s and (%3$s)))',
    c.id || ' ' || a.flag,
    concat_ws(' and ', nullif(lethe_private.controller_sql('c', managed, table_oid, c), 'true'), nullif(format('(%s)', a.needed), '(true)'),
      (select 'not (' || string_agg(format('coalesce(%s, false)', (lethe_private.term_sql('c', managed, table_oid, c, lethe_private.today(c.time_zone),
         t.after, t.since, t.condition, true)).applies), ' or ' order by t.id) || ')'
       from lethe_private.effective_terms(managed.id, c.id) as t where t.rule_id = substr(a.flag, 2)::int)),
    a.unclocked) order by c.id, a.flag))
  from unnest(controllers) as c
  cross join lateral lethe_private.actions('c', managed, table_oid, c, lethe_private.today(c.time_zone), true) as a;
end;

comment on function lethe_private.unpurposed_sql(lethe.managed_tables, oid, lethe.controllers[]) is
  'Counts per controller and rule to how many values no term applies, and how many of them have no usable clock: {"controller rule": [n, n]}.';

create or replace function lethe.unpurposed("table" text default null, controller_name text default null)
  returns table (controller text, table_name text, column_name text, action text, rows bigint, unclocked bigint)
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_table_id int := case when "table" is not null then (lethe_private.get_managed("table")).id end;
  v_managed lethe.managed_tables;
  v_oid oid;
  v_controllers lethe.controllers[];
  v_counts text;
  v_found jsonb;
begin
  for v_managed in
    select m.* from lethe.managed_tables as m where m.id = coalesce(v_table_id, m.id) order by m.schema_name, m.table_name
  loop
    v_controllers := array(
      select c from lethe.controllers as c
      join lethe.controllers_to_run(unpurposed.controller_name) as n on n.name = c.name
      where lethe_private.has_controller(v_managed, c) and (lethe_private.acts_for(c.id) or lethe_private.is_worker()));
    perform lethe_private.assert_intact(v_managed);
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    v_counts := lethe_private.unpurposed_sql(v_managed, v_oid, v_controllers);
    continue when v_counts is null;
    begin
      v_found := lethe_private.count_as_sweeper(format('select %s from %s as c', v_counts, lethe_private.host_name(v_oid)), v_managed);
    exception when insufficient_privilege then
      perform lethe_private.raise_missing_right(v_managed);
    end;
    return query
      select c.name, lethe_private.plain_name(v_managed), r.column_name, r.action, (e.value ->> 0)::bigint, (e.value ->> 1)::bigint
      from jsonb_each(v_found) as e
      join lethe.controllers as c on c.id = split_part(e.key, ' ', 1)::int
      join lethe.rules as r on r.id = substr(split_part(e.key, ' ', 2), 2)::int
      where e.value ->> 0 <> '0'
      order by c.name, r.column_name nulls last, r.action;
  end loop;
end
$$;

comment on function lethe.unpurposed(text, text) is
  'Values (of a column, or rows where column_name is null) to which no term of a rule applies, so that nothing is ever done to them; unclocked: those among them that lack a usable clock. Reads each table once. Raises LE101 to LE103, LE501, LE503.';
--! EndIncluded lethe/unpurposed.sql
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
  'Puts the named record back and leaves it alone until the opening''s day. Raises LE409, LE501, LE902.';

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
  'Shows one archived record, or puts it back whole and leaves it alone until a day (default: 30 days on). Recorded in lethe.archive_openings. Raises LE102, LE409, LE501, LE502, LE901, LE902, LE904.';

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
--! Included lethe_private/find_person.sql
-- The rows that a person is, by key or by anything that identifies them: those of the live table and those that
-- were archived, by the values archived of them, too. All that fit: two accounts may share one e-mail address.
-- Compared without regard to case; a hold had better reach too far than too short. What is looked for is passed
-- as a parameter (as $2, which is bytea), so that it stands in no statement.
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
  v_wanted bytea := convert_to(coalesce(find_person.key, find_person.identifier), 'UTF8');
  v_mirror lethe_private.mirrors;
  v_where text;
  v_facts jsonb;
  v_keys jsonb;
begin
  v_where := case when find_person.key is not null
    then format('%s = convert_from($2, ''UTF8'')', lethe_private.key_sql('c', v_oid, managed.key_columns))
    else lethe_private.identified_sql(type.identifiers) end;
  select r.facts into v_keys from lethe_private.run_as_sweeper(
    format('select coalesce(jsonb_agg(%s), ''[]''), null::oid, null::tid[] from %s as c where %s and (%s)',
      lethe_private.key_sql('c', v_oid, managed.key_columns), lethe_private.host_name(v_oid),
      lethe_private.controller_sql('c', managed, v_oid, controller), v_where),
    managed, null, v_wanted) as r;
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    v_where := case when find_person.key is not null then 'c."lethe$key" = convert_from($2, ''UTF8'')'
      else lethe_private.identified_sql(array(
        select m.column_name from lethe_private.mirror_columns as m
        where m.mirror_id = v_mirror.id and m.holds_value and m.column_name = any (type.identifiers))) end;
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

create or replace function lethe_private.identified_sql(identifiers text[])
  returns text
  language sql
  immutable
return (
  select string_agg(format('lower(btrim(c.%I::text)) = lower(btrim(convert_from($2, ''UTF8'')))', i), ' or ')
  from unnest(identifiers) as i);

comment on function lethe_private.identified_sql(text[]) is 'True when one of the columns is what is looked for; null where there is none.';
--! EndIncluded lethe_private/find_person.sql
--! Included lethe_private/reach_archive.sql
create or replace function lethe_private.add_held_keys(table_id int, hold_id int, keys jsonb)
  returns void
  language sql
  volatile
begin atomic
  insert into lethe_private.held_keys (hold_id, table_id, key)
  select distinct add_held_keys.hold_id, add_held_keys.table_id, k
  from jsonb_array_elements_text(keys) as k
  where not exists (
    select from lethe_private.held_keys as x
    where x.hold_id = add_held_keys.hold_id and x.table_id = add_held_keys.table_id and x.key = k);
end;

comment on function lethe_private.add_held_keys(int, int, jsonb) is 'Puts keys on the list of a hold.';

-- Live rows are asked each time whether they belong to a person under a hold. The archive cannot ask: Lethe's
-- owner, who alone reads it, may not read the host's tables. But what is in it does not change, and nothing of a
-- person under a hold comes in later. So when the hold is placed, archived rows that belong to the person are put on
-- the list of its keys, link by link from the root downwards; and with them live rows whose parent is in the archive.
create or replace function lethe_private.reach_archive(hold_id int, subject text, controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_step record;
  v_live jsonb;
  v_archived jsonb;
begin
  for v_step in
    select l.columns, l.to_columns, c as child, p as parent,
      exists (select from lethe_private.mirrors as m where m.table_id = c.id) as archives,
      exists (select from lethe_private.mirrors as m where m.table_id = p.id) as parent_archives
    from lethe_private.person_links(subject) as x
    join lethe.links as l on l.id = x.link_id
    join lethe.managed_tables as c on c.id = l.table_id
    join lethe.managed_tables as p on p.id = l.to_table_id
    order by x.depth, l.id
  loop
    continue when not v_step.archives and not v_step.parent_archives;
    v_live := case when v_step.archives then lethe_private.held_values(v_step.parent, hold_id, v_step.to_columns) else '[]' end;
    v_archived := lethe_private.archived_values(v_step.parent, hold_id, v_step.to_columns);
    perform lethe_private.hold_archived(v_step.child, hold_id, controller, v_step.columns, v_live || v_archived);
    if v_archived <> '[]' then
      perform lethe_private.hold_live(v_step.child, hold_id, controller, v_step.columns, v_archived);
    end if;
  end loop;
  -- Values archived of rows that are live, once it is known which these are.
  perform lethe_private.hold_values(m, hold_id)
  from lethe.managed_tables as m
  where m.id in (select x.table_id from lethe_private.person_links(subject) as x)
    and exists (select from lethe_private.mirrors as r where r.table_id = m.id and r.kind = 'values');
end
$$;

comment on function lethe_private.reach_archive(int, text, lethe.controllers) is
  'Puts what is archived of a person on the list of its hold''s keys.';

create or replace function lethe_private.as_array_sql(columns text[])
  returns text
  language sql
  immutable
return (select format('jsonb_build_array(%s)', string_agg(format('c.%I::text', x.name), ', ' order by x.n)) from unnest(columns) with ordinality as x (name, n));

comment on function lethe_private.as_array_sql(text[]) is 'SQL of the texts of some columns of c, as one jsonb array.';

create or replace function lethe_private.held_values(managed lethe.managed_tables, hold_id int, columns text[])
  returns jsonb
  language sql
  volatile
begin atomic
  select r.facts
  from (select lethe_private.host_table(managed.schema_name, managed.table_name) as oid) as t
  cross join lateral lethe_private.run_as_sweeper(
    format('select coalesce(jsonb_agg(distinct %s), ''[]''), null::oid, null::tid[] from %s as c where %s',
      lethe_private.as_array_sql(columns), lethe_private.host_name(t.oid),
      lethe_private.held_by_sql('c', managed, t.oid, array[held_values.hold_id])), managed) as r;
end;

comment on function lethe_private.held_values(lethe.managed_tables, int, text[]) is 'What the live rows that a hold reaches have in some columns.';

create or replace function lethe_private.archived_values(managed lethe.managed_tables, hold_id int, columns text[])
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_facts jsonb;
  v_all jsonb := '[]';
begin
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    continue when not lethe_private.mirror_has(v_mirror.id, columns);
    select r.facts into v_facts from lethe_private.run_on_archive(format(
      'select coalesce(jsonb_agg(distinct %s), ''[]''), null::oid, null::tid[] from lethe_archive.%I as c '
      'where c."lethe$key" in (select k.key from lethe_private.held_keys as k where k.hold_id = %s and k.table_id = %s)',
      lethe_private.as_array_sql(columns), v_mirror.name, hold_id, managed.id)) as r;
    v_all := v_all || v_facts;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.archived_values(lethe.managed_tables, int, text[]) is
  'What the archived rows that a hold names have in some columns.';

create or replace function lethe_private.mirror_has(mirror_id int, columns text[])
  returns boolean
  language sql
  stable
return not exists (
  select from unnest(columns) as x
  where x not in (select c.column_name from lethe_private.mirror_columns as c where c.mirror_id = mirror_has.mirror_id));

comment on function lethe_private.mirror_has(int, text[]) is 'True when a mirror keeps all of these columns.';

create or replace function lethe_private.hold_archived(managed lethe.managed_tables, hold_id int, controller lethe.controllers, columns text[], wanted jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_facts jsonb;
begin
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    continue when not lethe_private.mirror_has(v_mirror.id, columns);
    select r.facts into v_facts from lethe_private.run_on_archive(format(
      'select coalesce(jsonb_agg(distinct c."lethe$key"), ''[]''), null::oid, null::tid[] from lethe_archive.%I as c '
      'where c."lethe$controller" = %s and %s in (select jsonb_array_elements(convert_from($2, ''UTF8'')::jsonb))',
      v_mirror.name, controller.id, lethe_private.as_array_sql(columns)), null, convert_to(wanted::text, 'UTF8')) as r;
    perform lethe_private.add_held_keys(managed.id, hold_id, v_facts);
  end loop;
end
$$;

comment on function lethe_private.hold_archived(lethe.managed_tables, int, lethe.controllers, text[], jsonb) is
  'Names the archived rows that have one of the wanted values.';

create or replace function lethe_private.hold_live(managed lethe.managed_tables, hold_id int, controller lethe.controllers, columns text[], wanted jsonb)
  returns void
  language sql
  volatile
begin atomic
  select lethe_private.add_held_keys(managed.id, hold_live.hold_id, r.facts)
  from (select lethe_private.host_table(managed.schema_name, managed.table_name) as oid) as t
  cross join lateral lethe_private.run_as_sweeper(
    format('select coalesce(jsonb_agg(%s), ''[]''), null::oid, null::tid[] from %s as c where %s and %s in (select jsonb_array_elements(convert_from($2, ''UTF8'')::jsonb))',
      lethe_private.key_sql('c', t.oid, managed.key_columns), lethe_private.host_name(t.oid),
      lethe_private.controller_sql('c', managed, t.oid, controller), lethe_private.as_array_sql(columns)),
    managed, null, convert_to(wanted::text, 'UTF8')) as r;
end;

comment on function lethe_private.hold_live(lethe.managed_tables, int, lethe.controllers, text[], jsonb) is
  'Names the live rows that have one of the wanted values.';

create or replace function lethe_private.hold_values(managed lethe.managed_tables, hold_id int)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_mirror lethe_private.mirrors;
  v_keys jsonb;
  v_facts jsonb;
begin
  select r.facts into v_keys from lethe_private.run_as_sweeper(
    format('select coalesce(jsonb_agg(%s), ''[]''), null::oid, null::tid[] from %s as c where %s',
      lethe_private.key_sql('c', v_oid, managed.key_columns), lethe_private.host_name(v_oid),
      lethe_private.held_by_sql('c', managed, v_oid, array[hold_id])), managed) as r;
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id and m.kind = 'values' loop
    select r.facts into v_facts from lethe_private.run_on_archive(format(
      'select coalesce(jsonb_agg(distinct c."lethe$key"), ''[]''), null::oid, null::tid[] from lethe_archive.%I as c '
      'where c."lethe$key" in (select jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb))', v_mirror.name),
      null, convert_to(v_keys::text, 'UTF8')) as r;
    perform lethe_private.add_held_keys(managed.id, hold_id, v_facts);
  end loop;
end
$$;

comment on function lethe_private.hold_values(lethe.managed_tables, int) is
  'Names the live rows that a hold reaches and of which values are archived.';
--! EndIncluded lethe_private/reach_archive.sql
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
  elsif exists (select from lethe_private.person_links(v_type.name) as l where l.circular) then
    raise exception using errcode = 'LE407',
      message = format('the links of subject type %s lead in a circle', v_type.name),
      hint = 'declare the link that leads back as mention or ignore: to whom a row belongs must have an end';
  end if;
  v_hold := lethe_private.place_hold('person', hold_person.reason, v_managed, v_controller, hold_person.ends_on, v_type.name);
  if not exists (select from lethe.subject_types as s where s is not distinct from v_type) then
    raise exception using errcode = 'LE109',
      message = format('what the policy says of subject type %s has just changed', v_type.name),
      hint = 'try again; lethe.subject_types lists them';
  end if;
  v_keys := lethe_private.find_person(v_type, v_managed, v_controller, hold_person.key, hold_person.identifier);
  if v_keys = '{}' then
    raise exception using errcode = 'LE407',
      message = format('no %s of controller %s is known by this %s', v_type.name, v_controller.name,
        case when hold_person.key is null then 'identifier' else 'key' end),
      hint = 'identifiers are compared whole; a key is written as one text, one of several columns as a JSON array: ["a", 1]';
  end if;
  perform lethe_private.add_held_keys(v_managed.id, v_hold, to_jsonb(v_keys));
  insert into lethe_private.held_links (hold_id, table_id, columns, to_table_id, to_columns)
  select v_hold, l.table_id, l.columns, l.to_table_id, l.to_columns
  from lethe_private.person_links(v_type.name) as x join lethe.links as l on l.id = x.link_id;
  perform lethe_private.reach_archive(v_hold, v_type.name, v_controller);
  perform lethe_private.try_hold(m, v_hold)
  from lethe.managed_tables as m
  where m.id in (select l.table_id from lethe_private.person_links(v_type.name) as l);
  perform lethe_private.remember_relations();
  perform lethe_private.write_guards();
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
  -- Waited for first: a change of the policy that is not committed keeps no batch waiting.
  perform pg_advisory_xact_lock(lethe_private.guards_lock_id());
  perform pg_advisory_xact_lock(lethe_private.holds_lock_id());
  select h.* into v_hold from lethe.holds as h where h.id = release_hold.id for update;
  if v_hold.id is null or v_hold.released_at is not null
    or not lethe_private.acts_for_hold(v_hold.controller_id)
  then
    raise exception using errcode = 'LE110',
      message = format('hold %s does not exist, has been released, or is of a controller you do not act for', coalesce(release_hold.id::text, '(null)')),
      hint = 'select * from lethe.list_holds()';
  elsif coalesce(release_hold.reason, '') !~ '\S' then
    raise exception using errcode = 'LE407',
      message = format('no reason is given for releasing hold %s', release_hold.id),
      hint = 'say why; the reason is kept';
  end if;
  update lethe.holds as h
  set released_at = now(), released_by = session_user, release_reason = btrim(release_hold.reason)
  where h.id = release_hold.id;
  delete from lethe_private.held_keys as k where k.hold_id = release_hold.id;
  delete from lethe_private.held_conditions as c where c.hold_id = release_hold.id;
  delete from lethe_private.held_links as l where l.hold_id = release_hold.id;
  perform lethe_private.write_guards();
end
$$;

comment on function lethe.release_hold(int, text) is
  'Ends a hold: what is overdue is done in the next cycle. Raises LE110, LE407.';
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
    h.kind, h.subject, coalesce(lethe_private.plain_name(m), h.table_name),
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
  'Holds of the controllers you act for: in force, lapsed and, if asked for, released. rows_named: how many rows a hold names by key; of a person, how many root rows. The predicate is shown to officers.';

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
--! Included lethe/guard_sql.sql
-- What puts guards on a table, for who owns it to read and to run: lethe.guard_sql('shop.invoices') and \gexec, or
-- lethe hold guard shop.invoices --create. Lethe runs none of it by itself.
create or replace function lethe.guard_sql("table" text)
  returns table (statement text)
  language sql
  stable
  security definer  -- reads the catalogue of managed tables
  set jit = off
begin atomic
  with managed as (
    select m.id, lethe_private.host_table(m.schema_name, m.table_name) as oid
    from lethe_private.get_managed("table") as m
  ), relations as (
    select m.id, r.relation, c.relispartition as is_partition, lethe_private.host_name(r.relation) as name, r.relation <> m.oid as is_part, c.relowner
    from managed as m
    cross join lateral lethe_private.relations_of(m.oid) as r
    join pg_catalog.pg_class as c on c.oid = r.relation and c.relkind in ('r', 'p')
  )
  select s.statement
  from (
    -- Making a trigger takes the right to name its function.
    select distinct 0 as n, ''::text as name, x.statement
    from relations as r
    cross join lateral (values
      (format('grant usage on schema lethe_private to %I', pg_get_userbyid(r.relowner))),
      (format('grant execute on function lethe_private.guard_row(), lethe_private.guard_truncate() to %I', pg_get_userbyid(r.relowner)))) as x (statement)
    where not pg_has_role(r.relowner, 'lethe_owner', 'usage')
      and not (has_schema_privilege(r.relowner, 'lethe_private', 'usage') and has_function_privilege(r.relowner, 'lethe_private.guard_row()', 'execute')
        and has_function_privilege(r.relowner, 'lethe_private.guard_truncate()', 'execute'))
    union all
    -- Partitions have the row trigger from their parent, those to come as well; inheritance children do not.
    select 1 + n, r.name, x.statement
    from relations as r
    cross join lateral (values
      (1, format('create or replace trigger lethe_guard after update or delete on %s for each row execute function lethe_private.guard_row(%L)', r.name, r.id)),
      (2, format('alter table %s enable always trigger lethe_guard', r.name))) as x (n, statement)
    where not r.is_partition
    union all
    -- TRUNCATE of a partition fires its own trigger alone.
    select 10 + n, r.name, x.statement
    from relations as r
    cross join lateral (values
      (1, format('create or replace trigger lethe_guard_truncate before truncate on %s for each statement execute function lethe_private.guard_truncate(%L)', r.name, r.id)),
      (2, format('alter table %s enable always trigger lethe_guard_truncate', r.name))) as x (n, statement)
  ) as s
  order by case when s.n = 0 then 0 when s.n < 10 then 1 else 2 end, s.name, s.n;
end;

comment on function lethe.guard_sql(text) is
  'The statements that put guards on a table, its partitions and children: from then on PostgreSQL refuses DELETE, TRUNCATE and changes of held rows, to anybody. Raises LE102.';

create or replace function lethe.unguard_sql("table" text)
  returns table (statement text)
  language sql
  stable
  security definer  -- reads the catalogue of managed tables
  set jit = off
begin atomic
  select format('drop trigger %I on %s', t.tgname, lethe_private.host_name(t.tgrelid))
  from lethe_private.get_managed("table") as m
  cross join lateral lethe_private.relations_of(lethe_private.host_table(m.schema_name, m.table_name)) as r
  join pg_catalog.pg_trigger as t on t.tgrelid = r.relation and t.tgparentid = 0 and lethe_private.is_guard(t.tgfoid)
  order by 1;
end;

comment on function lethe.unguard_sql(text) is 'The statements that take the guards off a table. Raises LE102.';

create or replace function lethe.guard_ddl_sql()
  returns table (statement text)
  language sql
  stable
begin atomic
  select s.statement
  from unnest(array['start', 'end']) with ordinality as e (name, n)
  cross join lateral (values
    (1, format('create event trigger lethe_guard_%1$s on ddl_command_%1$s when tag in (''ALTER TABLE'', ''DROP TABLE'', ''DROP SCHEMA'', ''DROP OWNED'') '
        'execute function lethe_private.guard_ddl()', e.name)),
    (2, format('alter event trigger lethe_guard_%s enable always', e.name))) as s (n, statement)
  order by e.n, s.n;
end;

comment on function lethe.guard_ddl_sql() is
  'The statements with which a superuser has PostgreSQL refuse DROP and DETACH of what is under a hold. For the whole database.';
--! EndIncluded lethe/guard_sql.sql
--! Included lethe/guard_findings.sql
-- What of the guards is not as it was meant, on tables that are under a hold. Where a table has no guard at all that is
-- said as well: guards are opt-in, and the engine honours holds without them.
create or replace function lethe.guard_findings()
  returns table (finding text, object text, sentence text, remedy text)
  language sql
  stable
  security definer  -- reads what is held
  set jit = off
begin atomic
  with held as (
    select m.id, lethe_private.plain_name(m) as name, lethe_private.host_table(m.schema_name, m.table_name) as oid
    from lethe.managed_tables as m
    where exists (
      select from lethe_private.holds_touching(m.id) as f
      join lethe.holds as h on h.id = f
      where lethe_private.acts_for_hold(h.controller_id))
  ), parts as (
    select h.id, h.name, h.oid, r.relation,
      exists (select from pg_catalog.pg_trigger as t where t.tgrelid = r.relation and t.tgfoid = 'lethe_private.guard_row()'::regprocedure
        and t.tgenabled = 'A' and t.tgargs = convert_to(h.id::text, 'UTF8') || '\x00'::bytea and t.tgtype & 24 = 24 and t.tgqual is null and cardinality(t.tgattr::int2[]) = 0) as has_row,
      exists (select from pg_catalog.pg_trigger as t where t.tgrelid = r.relation and t.tgfoid = 'lethe_private.guard_truncate()'::regprocedure
        and t.tgenabled = 'A' and t.tgargs = convert_to(h.id::text, 'UTF8') || '\x00'::bytea) as has_truncate,
      exists (select from pg_catalog.pg_trigger as t where t.tgrelid = r.relation and lethe_private.is_guard(t.tgfoid)) as has_any
    from held as h
    cross join lateral lethe_private.relations_of(h.oid) as r
    join pg_catalog.pg_class as c on c.oid = r.relation and c.relkind in ('r', 'p')
  ), tables as (
    select p.id, p.name, bool_or(p.has_any) as has_any, bool_and(p.has_row and p.has_truncate) as has_all from parts as p group by p.id, p.name
  )
  select 'unguarded', t.name, format('%s has rows under a hold and no guard', t.name), format('lethe hold guard %s', t.name)
  from tables as t where not t.has_any
  union all
  select 'guard missing', lethe_private.host_name(p.relation),
    format('%s has rows under a hold, and its guard against %s is missing, disabled or altered', lethe_private.host_name(p.relation),
      concat_ws(' and ', case when not p.has_row then 'DELETE and UPDATE' end, case when not p.has_truncate then 'TRUNCATE' end)),
    format('lethe hold guard %s', p.name)
  from parts as p
  join tables as t on t.id = p.id and t.has_any
  where not (p.has_row and p.has_truncate)
  union all
  select 'table gone', h.name, format('%s is under a hold and no longer there', h.name), 'it was dropped or renamed: find out by whom, and what became of its rows'
  from held as h where h.oid is null
  union all
  select case when c.oid is null then 'partition dropped' else 'partition detached' end, coalesce(lethe_private.host_name(x.relation), x.name),
    format('%s was part of %s, which is under a hold, and was %s by somebody else than Lethe', coalesce(lethe_private.host_name(x.relation), x.name), h.name,
      case when c.oid is null then 'dropped' else 'detached' end),
    case when c.oid is null then 'find out by whom, and restore its held rows from a backup'
      else format('attach %s again, or see to its held rows: no hold reaches it', lethe_private.host_name(x.relation)) end
  from lethe_private.held_relations as x
  join held as h on h.id = x.table_id
  left join pg_catalog.pg_class as c on c.oid = x.relation
  where h.oid is not null
    and x.relation not in (select r.relation from lethe_private.relations_of(h.oid) as r)
    -- Numbers are new after a dump has been restored; names are not.
    and not (c.oid is null and x.name in (select lethe_private.host_name(r.relation) from lethe_private.relations_of(h.oid) as r))
    and not exists (select from lethe.partition_purges as p where p.partition_oid = x.relation and p.how in ('dropped', 'detached', 'detaching'))
  order by 1, 2;
end;

comment on function lethe.guard_findings() is
  'Guards that are missing or disabled on tables under a hold, and partitions of such that somebody has dropped or detached.';
--! EndIncluded lethe/guard_findings.sql
--! Included lethe/format_findings.sql
-- Whether what was declared is kept. Where the database itself guarantees it (a validated constraint) nothing is read; else
-- the values are counted, those of the controllers alone that the caller acts for.
create or replace function lethe.format_findings()
  returns table (table_name text, column_name text, finding text, sentence text, remedy text)
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables;
  v_declared lethe_private.declared_formats;
  v_state record;
  v_own text;
begin
  for v_managed in
    select m.* from lethe.managed_tables as m
    where exists (select from lethe.column_formats as d where d.table_id = m.id)
    order by m.schema_name, m.table_name
  loop
    v_own := lethe_private.own_rows_sql('c', v_managed);
    continue when v_own is null;
    return query
      select lethe_private.plain_name(v_managed), d.column_name, 'format_does_not_fit',
        format('column %I of %s cannot hold format %s any more: it was dropped, renamed or given another type', d.column_name, lethe_private.plain_name(v_managed), d.format),
        'declare it anew: lethe.set_format, or the policy file'
      from lethe.column_formats as d
      join lethe.formats as f on f.name = d.format and f.kind = d.kind
      where d.table_id = v_managed.id
        and not exists (select from lethe_private.declared_formats as x where x.table_id = d.table_id and x.column_name = d.column_name and x.type_name = any (f.types));
    for v_declared in
      select d.* from lethe_private.declared_formats as d
      where d.table_id = v_managed.id and d.type_name = any (d.types)
      order by d.column_name
    loop
      select * into v_state from lethe_private.format_state(v_declared);
      return query
        select lethe_private.plain_name(v_managed), v_declared.column_name, f.code, f.text,
          coalesce(f.cure, format('select lethe.format_sql(%L, %L)', lethe_private.plain_name(v_managed), v_declared.column_name))
        from (
          select 'format_left_over',
            format('a constraint or trigger of an earlier format is still on column %I of %s', v_declared.column_name, lethe_private.plain_name(v_managed)), null
          where v_state.left_over
          union all
          select 'format_without_trigger',
            format('no trigger %ss what arrives in column %I of %s', v_declared.on_arrival, v_declared.column_name, lethe_private.plain_name(v_managed)), null
          where not v_state.has_trigger
          union all
          select 'format_without_constraint',
            format('nothing keeps column %I of %s in format %s', v_declared.column_name, lethe_private.plain_name(v_managed), v_declared.format), null
          where not v_state.has_constraint
          union all
          select 'format_not_validated',
            format('the rows that were in %s before the constraint on column %I have not been checked', lethe_private.plain_name(v_managed), v_declared.column_name), null
          where v_state.has_constraint and not v_state.validated
          union all
          select v.code, v.text, v.cure
          from lethe_private.format_violations(v_managed, v_declared, v_own) as v
          where not v_state.validated
        ) as f (code, text, cure);
    end loop;
  end loop;
end
$$;

comment on function lethe.format_findings() is
  'What is wrong with the minimised formats that the policy declares: no constraint, not validated, no trigger, values that are not in the format. Reads the tables whole whose constraint is not validated.';

create or replace function lethe_private.own_rows_sql(alias text, managed lethe.managed_tables)
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

comment on function lethe_private.own_rows_sql(text, lethe.managed_tables) is
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
--! Included lethe_private/side_effects.sql
-- What a statement did besides what it says: triggers of the host write to other tables. PostgreSQL counts rows
-- written by a transaction table by table. It counts what was written before and what was undone, too, so only the
-- difference of two readings says anything; and it does not count TRUNCATE, which is looked for in the triggers' text.

create or replace function lethe_private.whole_table(relation oid)
  returns oid
  language sql
  stable
begin atomic
  with recursive up as (
    select relation as oid, 0 as depth
    union all
    select (select i.inhparent from pg_catalog.pg_inherits as i where i.inhrelid = u.oid order by i.inhseqno limit 1), u.depth + 1
    from up as u
    where u.oid is not null
  )
  select u.oid from up as u where u.oid is not null order by u.depth desc limit 1;
end;

comment on function lethe_private.whole_table(oid) is 'The table that a partition, or a child of an inheritance, is part of.';

create or replace function lethe_private.rows_written()
  returns jsonb
  language sql
  volatile
begin atomic
  select coalesce(jsonb_object_agg(x.whole, jsonb_build_array(x.inserts, x.updates, x.deletes)), '{}')
  from (
    select lethe_private.whole_table(s.relid) as whole, sum(s.n_tup_ins) as inserts, sum(s.n_tup_upd) as updates, sum(s.n_tup_del) as deletes
    from pg_stat_xact_all_tables as s
    where s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0
      and s.schemaname not in ('pg_catalog', 'information_schema', 'pg_toast', 'lethe', 'lethe_private', 'lethe_archive')
    group by 1
  ) as x;
end;

comment on function lethe_private.rows_written() is
  'Rows that this transaction has inserted, updated and deleted so far, table by table (oid), undone ones included.';

-- planned: {oid: [inserts, updates, deletes]}, as above.
create or replace function lethe_private.unplanned_writes(before jsonb, after jsonb, planned jsonb)
  returns table (relation oid, inserts bigint, updates bigint, deletes bigint)
  language sql
  stable
begin atomic
  select x.relation, x.inserts, x.updates, x.deletes
  from (
    select a.key::oid as relation,
      greatest((a.value ->> 0)::bigint - coalesce((before #>> array[a.key, '0'])::bigint, 0) - coalesce((planned #>> array[a.key, '0'])::bigint, 0), 0) as inserts,
      greatest((a.value ->> 1)::bigint - coalesce((before #>> array[a.key, '1'])::bigint, 0) - coalesce((planned #>> array[a.key, '1'])::bigint, 0), 0) as updates,
      greatest((a.value ->> 2)::bigint - coalesce((before #>> array[a.key, '2'])::bigint, 0) - coalesce((planned #>> array[a.key, '2'])::bigint, 0), 0) as deletes
    from jsonb_each(after) as a
  ) as x
  where x.inserts + x.updates + x.deletes > 0;
end;

comment on function lethe_private.unplanned_writes(jsonb, jsonb, jsonb) is 'The difference of two readings of rows_written, less what was planned.';

-- What a sweep of a table is meant to write: its own rows, and those that go or are unlinked with them.
create or replace function lethe_private.planned_writes(table_oid oid, phase text, facts jsonb)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_object_agg(x.relation, jsonb_build_array(0, x.updates, x.deletes)), '{}')
  from (
    select w.relation, sum(w.updates) as updates, sum(w.deletes) as deletes
    from (
      select lethe_private.whole_table(table_oid) as relation,
        case when phase = 'columns' then (facts ->> 'rows')::bigint else 0 end as updates,
        case when phase <> 'columns' then (facts ->> 'rows')::bigint else 0 end as deletes
      union all
      select lethe_private.whole_table(lethe_private.resolve_table(c."table")),
        case when c.rule like 'unlink%' then c.rows else 0 end, case when c.rule like 'unlink%' then 0 else c.rows end
      from jsonb_to_recordset(facts -> 'children') as c ("table" text, rule text, rows bigint)
    ) as w
    group by w.relation
  ) as x;
end;

comment on function lethe_private.planned_writes(oid, text, jsonb) is 'What one batch of a phase writes by itself, in the form of rows_written.';

-- A rolled-back transaction takes back what was done in it and nothing else. Triggers whose function could do
-- something else, by its language or by its words, are named. Words can be hidden (in another function, or put together at
-- run time): this finds what is there by custom, not by malice. events: 4 insert, 8 delete, 16 update, as in tgtype.
create or replace function lethe_private.reaching_triggers(relation oid, events int, columns text[])
  returns table (object text, why text)
  language sql
  stable
begin atomic
  with fired as (
    select distinct p.oid, p.prosrc, l.lanname, l.lanpltrusted, format('%I.%I()', n.nspname, p.proname) as object
    from pg_catalog.pg_trigger as t
    join pg_catalog.pg_proc as p on p.oid = t.tgfoid
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    join pg_catalog.pg_language as l on l.oid = p.prolang
    where t.tgrelid in (select relation union select i.relid from pg_partition_tree(relation::regclass) as i)
      and not t.tgisinternal
      and t.tgenabled in ('O', 'A')
      and t.tgtype & events <> 0
      -- UPDATE OF: only where one of these columns is written.
      and (cardinality(t.tgattr::int2[]) = 0 or events & t.tgtype & ~16 <> 0 or exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = t.tgrelid and a.attnum = any (t.tgattr::int2[]) and a.attname = any (columns)))
      and n.nspname <> 'pg_catalog'
  )
  select f.object, string_agg(w.why, '; ' order by w.n)
  from fired as f
  cross join lateral (
    select 1, format('written in %s, which can act outside the transaction', f.lanname) where not f.lanpltrusted and f.lanname not in ('internal')
    union all
    select 2, format('says %s, which acts outside the transaction', m.word)
    from (
      select distinct lower(x.found[1]) as word
      from regexp_matches(f.prosrc, '\m(dblink\w*|pg_background\w*|http_\w+|http|net\.http\w*|lo_export|lo_import|pg_notify|notify|cron\.\w+)\M', 'gi') as x (found)
    ) as m
    union all
    select 3, 'says COPY … PROGRAM or COPY … TO a file' where f.prosrc ~* '\mcopy\M[^;]*\m(program|to\s+'')'
    union all
    select 4, 'says TRUNCATE, which no count shows' where f.prosrc ~* '\mtruncate\M'
  ) as w (n, why)
  group by f.object;
end;

comment on function lethe_private.reaching_triggers(oid, int, text[]) is
  'Functions of the triggers that a write to a table fires and that could act outside the transaction, or truncate.';
--! EndIncluded lethe_private/side_effects.sql
--! Included lethe_private/try_rules.sql
-- The rehearsal of one table for one controller: the sweep's own statements on a few real rows, each batch undone at
-- once. Runs where the drafted policy is in force for a moment (propose.sql). What it finds is kept in variables, which
-- outlive what is rolled back.
--
-- Result: {"findings": [{"rule", "problem", "rows", "sqlstate", "constraint", "relation"}], "tried": {flag: rows},
--          "writes": [{"relation", "inserts", "updates", "deletes"}], "rows": rows taken}

-- Rows on which something is to be done, the most overdue first; where nothing is due, those nearest to it.
create or replace function lethe_private.sample_sql(source text, owner text, not_held text, due_days lethe_private.due_day[], rows_max int)
  returns text
  language sql
  stable
begin atomic
  select format($sql$select jsonb_build_object('day', max(d.day), 'rows', count(*)) as facts, d.target, array_agg(d.tid) as tids
from (
  select * from (
    select c.tableoid as target, c.ctid as tid, least(%s) as day
    from %s as c
    where %s
      and %s
      and (%s)
  ) as x
  where x.day < 'infinity'
  order by x.day
  limit %s
) as d
group by d.target$sql$,
    string_agg(case when d.needed = 'true' then d.day else format('case when %s then %s end', d.needed, d.day) end, ', '),
    source, owner, not_held, string_agg(d.needed, ' or '), rows_max)
  from unnest(due_days) as d;
end;

comment on function lethe_private.sample_sql(text, text, text, lethe_private.due_day[], int) is
  'Finds rows to try the rules on: at the most so many, those first that fall due first.';

-- One reading of the rows of a batch ($1): per row its key, which actions are to be done, and when each rule is due.
create or replace function lethe_private.reading_sql(key_columns text[], owner text, actions lethe_private.action_parts[], due_days lethe_private.due_day[])
  returns text
  language sql
  stable
begin atomic
  select format($sql$select jsonb_agg(jsonb_build_array(array[%s], array[%s], array[%s]::text[])) as facts, null::oid as target, null::tid[] as tids
from {from} as c
where c.ctid = any ($1){here} and %s$sql$,
    (select string_agg(format('c.%I::text', k.name), ', ' order by k.n) from unnest(key_columns) with ordinality as k (name, n)),
    (select string_agg(format('coalesce(%s, false)', a.test), ', ' order by a.n)
     from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)),
    (select string_agg((select d.day from unnest(due_days) as d where d.flag = a.flag), ', ' order by a.n)
     from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)),
    owner);
end;

comment on function lethe_private.reading_sql(text[], text, lethe_private.action_parts[], lethe_private.due_day[]) is
  'Reads what is to be done on the rows of a batch, before it is done.';

-- The same rows again, found by their keys ($2: the first reading): where something is still to be done, where a
-- rule is due on another day than before, and which rows are there at all. Counts alone come back.
create or replace function lethe_private.reading_again_sql(
  relation oid, key_columns text[], actions lethe_private.action_parts[], due_days lethe_private.due_day[]
)
  returns text
  language sql
  stable
begin atomic
  select format($sql$select jsonb_build_object('gone', count(*) filter (where c.tableoid is null)) || %s as facts, null::oid as target, null::tid[] as tids
from jsonb_array_elements(convert_from($2, 'UTF8')::jsonb) as p
left join %s as c on %s$sql$,
    (select lethe_private.object_sql(array_agg(format(
        '%L, jsonb_build_object(''to_do'', count(*) filter (where (p.value #>> ''{1,%s}'')::boolean), '
        '''there'', count(*) filter (where (p.value #>> ''{1,%s}'')::boolean and c.tableoid is not null), '
        '''left'', count(*) filter (where (p.value #>> ''{1,%s}'')::boolean and %s), '
        '''moved'', count(*) filter (where (p.value #>> ''{1,%s}'')::boolean and c.tableoid is not null and (p.value #>> ''{2,%s}'') is distinct from (%s)::text))',
        a.flag, a.n - 1, a.n - 1, a.n - 1, a.test, a.n - 1, a.n - 1, (select d.day from unnest(due_days) as d where d.flag = a.flag)) order by a.n))
     from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)),
    lethe_private.host_name(relation),
    -- Types of the host's are compared as text: its operators may not be ours to use.
    (select string_agg(case when h.declared_type_schema = 'pg_catalog' then format('c.%I = (p.value #>> ''{0,%s}'')::%s', h.name, k.n - 1, h.type)
       else format('c.%I::text = p.value #>> ''{0,%s}''', h.name, k.n - 1) end, ' and ' order by k.n)
     from unnest(key_columns) with ordinality as k (name, n)
     join lethe_private.host_columns as h on h.relation = reading_again_sql.relation and h.name = k.name));
end;

comment on function lethe_private.reading_again_sql(oid, text[], lethe_private.action_parts[], lethe_private.due_day[]) is
  'Reads the rows of a batch again after it was done, by their keys, and counts what is not as it should be.';

-- Which of the rows of a batch would leave: the others are kept by a child, and nothing is expected of them.
create or replace function lethe_private.picked_rows(managed lethe.managed_tables, program jsonb, target oid, tids tid[])
  returns tid[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_tids tid[] := tids;
begin
  if program ->> 'pick' is not null then
    perform r.facts from lethe_private.run_as_sweeper(lethe_private.place(program ->> 'lock', v_oid, target), managed, tids) as r;
    select r.found_tids into v_tids from lethe_private.run_as_sweeper(lethe_private.place(program ->> 'pick', v_oid, target), managed, tids) as r;
  end if;
  return coalesce(v_tids, '{}');
end
$$;

comment on function lethe_private.picked_rows(lethe.managed_tables, jsonb, oid, tid[]) is 'The rows of a batch that no other row keeps.';

-- One batch of one phase, done, read again and undone.
create or replace function lethe_private.try_batch(
  managed lethe.managed_tables, controller lethe.controllers, program jsonb, phase text,
  actions lethe_private.action_parts[], due_days lethe_private.due_day[], target oid, tids tid[]
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_pads lethe_private.controller_keys;
  v_batch lethe_private.worklist;
  v_tids tid[] := tids;
  v_reading jsonb;
  v_facts jsonb;
  v_again jsonb;
  v_before jsonb;
  v_writes jsonb;
  v_done boolean := false;
  v_state text; v_constraint text; v_relation text;
begin
  select k.* into strict v_pads from lethe_private.controller_keys as k
  where k.controller_id = controller.id order by k.version desc limit 1;
  begin
    if phase <> 'columns' then
      v_tids := lethe_private.picked_rows(managed, program -> phase, target, tids);
    end if;
    select r.facts into v_reading from lethe_private.run_as_sweeper(lethe_private.place(
      lethe_private.reading_sql(managed.key_columns, lethe_private.controller_sql('c', managed, v_oid, controller), actions, due_days),
      v_oid, target), managed, v_tids) as r;
    if v_reading is not null then
      v_batch.target := target;
      v_batch.tids := v_tids;
      v_before := lethe_private.rows_written();
      v_facts := case phase when 'columns' then lethe_private.sweep_columns(managed, program, v_batch, v_pads)
        else lethe_private.sweep_leaving(managed, program -> phase, v_batch, v_pads) end;
      select jsonb_agg(to_jsonb(w)) into v_writes
      from lethe_private.unplanned_writes(v_before, lethe_private.rows_written(), lethe_private.planned_writes(v_oid, phase, v_facts)) as w;
      select r.facts into v_again from lethe_private.run_as_sweeper(
        lethe_private.reading_again_sql(v_oid, managed.key_columns, actions, due_days), managed, null, convert_to(v_reading::text, 'UTF8')) as r;
    end if;
    v_done := true;
    raise exception using errcode = 'RB000', message = 'undone, as every rehearsal is';
  exception
    -- The context of either would hold what a trigger was just doing, row and all.
    when query_canceled then
      raise exception using errcode = 'query_canceled', message = format('canceled while %I.%I was rehearsed; nothing was kept', managed.schema_name, managed.table_name),
        hint = 'see statement_timeout if nobody canceled it';
    when others or assert_failure then
      if not v_done then
        get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name;
      end if;
  end;
  if v_state is not null then
    return jsonb_build_object('failure', jsonb_strip_nulls(jsonb_build_object('sqlstate', v_state,
      'constraint', nullif(v_constraint, ''), 'relation', nullif(v_relation, ''))));
  end if;
  return jsonb_build_object('again', coalesce(v_again, '{}'), 'writes', coalesce(v_writes, '[]'));
end
$$;

comment on function lethe_private.try_batch(lethe.managed_tables, lethe.controllers, jsonb, text, lethe_private.action_parts[], lethe_private.due_day[], oid, tid[]) is
  'Runs the statements of one phase on a batch, reads it again, and undoes it. Returns {"again", "writes"}, or {"failure": {"sqlstate", "constraint", "relation"}}.';

-- Of several actions done in one statement: which of them is refused when it is done alone.
create or replace function lethe_private.refused_rules(
  managed lethe.managed_tables, controller lethe.controllers, program jsonb, actions lethe_private.action_parts[],
  due_days lethe_private.due_day[], target oid, tids tid[]
)
  returns text[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_own text := concat_ws(' and ', nullif(lethe_private.controller_sql('c', managed, v_oid, controller), 'true'), 'true');
  v_action lethe_private.action_parts;
  v_alone jsonb;
  v_rules text[] := '{}';
begin
  foreach v_action in array actions loop
    v_alone := jsonb_set(program, '{columns}', jsonb_build_object('act', lethe_private.act_on_all_sql(v_own, array[v_action],
      lethe_private.key_sql('c', v_oid, managed.key_columns))));
    if lethe_private.try_batch(managed, controller, v_alone, 'columns', array[v_action], due_days, target, tids) ? 'failure' then
      v_rules := v_rules || v_action.rule;
    end if;
  end loop;
  return v_rules;
end
$$;

comment on function lethe_private.refused_rules(lethe.managed_tables, lethe.controllers, jsonb, lethe_private.action_parts[], lethe_private.due_day[], oid, tid[]) is
  'The rules on columns that the database refuses even by themselves; none when only all together are refused.';

-- What one batch has shown, rule by rule.
create or replace function lethe_private.findings_of(outcome jsonb, phase text, actions lethe_private.action_parts[])
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object('rule', f.rule, 'problem', f.problem, 'rows', f.rows)), '[]')
  from (
    select a.rule, 'not done' as problem, (outcome #>> array['again', a.flag, case when phase = 'columns' then 'left' else 'there' end])::bigint as rows
    from unnest(actions) as a
    union all
    select a.rule, 'clock moved', (outcome #>> array['again', a.flag, 'moved'])::bigint from unnest(actions) as a where phase = 'columns'
    union all
    select a.rule, 'row lost', least((outcome #>> array['again', 'gone'])::bigint, (outcome #>> array['again', a.flag, 'to_do'])::bigint)
    from unnest(actions) as a where phase = 'columns'
  ) as f
  where f.rows > 0;
end;

comment on function lethe_private.findings_of(jsonb, text, lethe_private.action_parts[]) is
  'What a tried batch shows: rows on which nothing happened, whose clock moved, or that are gone though only a column was to change.';

create or replace function lethe_private.try_rules(managed lethe.managed_tables, controller lethe.controllers, rows_max int, deadline timestamptz)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_today date := lethe_private.today(controller.time_zone);
  v_due lethe_private.due_day[] := array(select d from lethe_private.due_days('c', managed, v_oid, controller, v_today) as d);
  v_pending lethe_private.due_day[] := v_due;
  v_sample jsonb;
  v_as_of date;
  v_program jsonb;
  v_actions lethe_private.action_parts[];
  v_batch record;
  v_result jsonb := '{"findings": [], "tried": {}, "writes": [], "rows": 0}';
  v_left int := rows_max;
begin
  perform lethe_private.ensure_mirrors(managed);
  while cardinality(v_pending) > 0 and v_left > 0 loop
    select jsonb_agg(jsonb_build_object('day', r.facts -> 'day', 'rows', r.facts -> 'rows', 'target', r.target, 'tids', r.found_tids::text[]))
      into v_sample
    from lethe_private.run_as_sweeper(lethe_private.sample_sql(lethe_private.host_name(v_oid),
      lethe_private.controller_sql('c', managed, v_oid, controller), lethe_private.not_held_sql('c', managed, v_oid, v_today), v_pending,
      greatest(v_left * 9 / 10, 1)), managed) as r;
    exit when v_sample is null;
    select greatest(v_today, max((s ->> 'day')::date)) into v_as_of from jsonb_array_elements(v_sample) as s;
    v_program := lethe_private.compile(managed, controller, v_as_of);
    v_actions := array(select a from lethe_private.actions('c', managed, v_oid, controller, v_as_of, true) as a
                       where a.flag in (select p.flag from unnest(v_pending) as p));
    v_left := v_left - (select sum((s ->> 'rows')::int) from jsonb_array_elements(v_sample) as s)::int;
    for v_batch in
      select p.phase, b.target, b.tids from unnest(array['purge', 'archive', 'columns']) as p (phase)
      cross join jsonb_to_recordset(v_sample) as b (target oid, tids text[])
      where p.phase in (select a.phase from unnest(v_actions) as a)
    loop
      if clock_timestamp() > deadline then
        raise exception using errcode = 'LE616', message = format('the rehearsal of %I.%I took too long and was given up', managed.schema_name, managed.table_name),
          hint = 'look at its triggers and at the indexes of what refers to it';
      end if;
      v_result := lethe_private.with_outcome(v_result, managed, controller, v_program, v_batch.phase,
        array(select a from unnest(v_actions) as a where a.phase = v_batch.phase), v_due, v_batch.target, v_batch.tids::tid[], v_as_of);
    end loop;
    -- What has not come up yet is looked for by itself, as long as there is anything to find.
    exit when not exists (select from unnest(v_pending) as p where v_result -> 'tried' ? p.flag);
    v_pending := array(select p from unnest(v_pending) as p where not v_result -> 'tried' ? p.flag);
  end loop;
  return v_result || jsonb_build_object('rows', rows_max - v_left);
end
$$;

comment on function lethe_private.try_rules(lethe.managed_tables, lethe.controllers, int, timestamptz) is
  'Rehearses the rules of a table for a controller on at most so many rows. Raises LE616 past the deadline.';

create or replace function lethe_private.with_outcome(
  result jsonb, managed lethe.managed_tables, controller lethe.controllers, program jsonb, phase text,
  actions lethe_private.action_parts[], due_days lethe_private.due_day[], target oid, tids tid[], as_of date
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_outcome jsonb := lethe_private.try_batch(managed, controller, program, phase, actions, due_days, target, tids);
  v_rules text[];
  v_findings jsonb;
begin
  if v_outcome ? 'failure' then
    v_rules := case when phase = 'columns' and cardinality(actions) > 1
      then lethe_private.refused_rules(managed, controller, program, actions, due_days, target, tids) end;
    if coalesce(cardinality(v_rules), 0) = 0 then
      v_rules := array(select a.rule from unnest(actions) as a);
    end if;
    v_findings := (select jsonb_agg(jsonb_build_object('rule', r, 'problem', 'refused') || (v_outcome -> 'failure')) from unnest(v_rules) as r);
    -- Tried, and refused: not to be looked for again.
    return result || jsonb_build_object('findings', (result -> 'findings') || v_findings,
      'tried', (select result -> 'tried' || jsonb_object_agg(a.flag, jsonb_build_object('rule', a.rule, 'rows', 0, 'as_of', as_of)) from unnest(actions) as a));
  end if;
  return result || jsonb_build_object(
    'findings', (result -> 'findings') || lethe_private.findings_of(v_outcome, phase, actions),
    'writes', (result -> 'writes') || (v_outcome -> 'writes'),
    'tried', (result -> 'tried') || coalesce((
      select jsonb_object_agg(a.flag, jsonb_build_object('rule', a.rule, 'as_of', as_of,
        'rows', (v_outcome #>> array['again', a.flag, 'to_do'])::bigint + coalesce((result #>> array['tried', a.flag, 'rows'])::bigint, 0)))
      from unnest(actions) as a
      where (v_outcome #>> array['again', a.flag, 'to_do'])::bigint > 0), '{}'));
end
$$;

comment on function lethe_private.with_outcome(jsonb, lethe.managed_tables, lethe.controllers, jsonb, text, lethe_private.action_parts[], lethe_private.due_day[], oid, tid[], date) is
  'Tries one batch and adds what it shows to the result of try_rules.';
--! EndIncluded lethe_private/try_rules.sql
--! Included lethe_private/blast_radius.sql
-- What a draft makes due at once. Where the drafted policy is in force for a moment, the expressions of its rules are
-- written down (blast_part); the data is counted when that has been rolled back, so that nothing is locked meanwhile.
--
-- A part: {"table_id", "controller_id", "controller", "managed": row, "source", "owner", "held", "kept", "staying", "actions": [action_parts],
--          "children": [{"table", "rule", "statement"}], "archive": [{"table", "name", …, "along": [{"table", "from"}]}]}
--
-- The archive counts too: a shorter purge ends first what has been archived already, and for good. Its mirrors are
-- parts of their own, asked as lethe_owner.

create or replace function lethe_private.blast_mirrors(managed lethe.managed_tables, controller lethe.controllers, today date)
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_agg(jsonb_build_object('table', format('%I.%I (archive)', managed.schema_name, managed.table_name), 'name', m.name,
    'source', format('lethe_archive.%I', m.name), 'owner', format('c."lethe$controller" = %s', controller.id),
    'held', format('(%s%s)', lethe_private.archived_held_sql('c', m, today),
      coalesce(' or not (true' || lethe_private.companions_free_sql(managed, x.companions, today) || ')', '')),
    'kept', null, 'staying', null, 'actions', to_jsonb(x.actions),
    'along', (
      select jsonb_agg(jsonb_build_object('table', format('%I.%I (archive)', t.schema_name, t.table_name),
        'from', lethe_private.companions_sql(k.name, 'k', 'c')) order by k.name)
      from lethe_private.mirrors as k join lethe.managed_tables as t on t.id = k.table_id
      where k.name = any (x.companions))) order by m.name)
  from lethe_private.mirrors as m
  cross join lateral (
    select lethe_private.mirror_actions(managed, m, controller, today) as actions, lethe_private.companion_mirrors(managed, m) as companions) as x
  where m.table_id = managed.id and x.actions <> '{}' and lethe_private.unanswered(managed, m) is null;
end;

comment on function lethe_private.blast_mirrors(lethe.managed_tables, lethe.controllers, date) is
  'The parts of what is archived of a table; null where nothing is, or no rule reaches it.';

create or replace function lethe_private.blast_part(managed lethe.managed_tables, controller lethe.controllers)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_today date := lethe_private.today(controller.time_zone);
  v_actions lethe_private.action_parts[] := array(select a from lethe_private.actions('c', managed, v_oid, controller, v_today) as a);
  v_leaving boolean := exists (select from unnest(v_actions) as a where a.phase <> 'columns');
begin
  return jsonb_build_object('table_id', managed.id, 'controller_id', controller.id, 'controller', controller.name,
    'managed', to_jsonb(managed),
    'source', lethe_private.host_name(v_oid), 'owner', lethe_private.controller_sql('c', managed, v_oid, controller),
    'held', lethe_private.held_sql('c', managed, v_oid, v_today),
    'kept', case when v_leaving then lethe_private.kept_sql('c', v_oid, controller, v_today, true) end,
    'staying', case when v_leaving then lethe_private.staying_sql(managed, v_oid, controller, v_today, false, array['purge', 'archive']) end,
    'actions', to_jsonb(v_actions),
    -- {{at once}} is filled in later: what is due under the draft and was not before.
    'children', (select jsonb_agg(c) from unnest(v_actions) as a
      cross join lateral jsonb_array_elements(lethe_private.children_program(managed, v_oid, controller, v_today, '{{at once}}', a.phase)) as c
      where a.phase <> 'columns'),
    'archive', lethe_private.blast_mirrors(managed, controller, v_today));
end
$$;

comment on function lethe_private.blast_part(lethe.managed_tables, lethe.controllers) is
  'What it takes to count what is due today on one table of one controller, as text.';

create or replace function lethe_private.part_actions(part jsonb)
  returns lethe_private.action_parts[]
  language sql
  stable
return array(
  select jsonb_populate_record(null::lethe_private.action_parts, e.value)
  from jsonb_array_elements(part -> 'actions') with ordinality as e (value, n)
  order by e.n);

comment on function lethe_private.part_actions(jsonb) is 'The actions of a part.';

-- The test of the rule of the same name under the policy before; false where there was none.
create or replace function lethe_private.test_in(part jsonb, rule text)
  returns text
  language sql
  stable
begin atomic
  select coalesce((
    select format('coalesce(%s, false)', a.value ->> 'test')
    from jsonb_array_elements(part -> 'actions') as a where a.value ->> 'rule' = test_in.rule), 'false');
end;

comment on function lethe_private.test_in(jsonb, text) is 'When a rule of a part is to be done on a row.';

-- What keeps a row, before and after. A table that refers to itself is asked as a whole, under the draft; where the
-- answer may have been another one before, a row counts as kept before, so that it shows among those at once.
create or replace function lethe_private.kept_in(part jsonb, other jsonb)
  returns text
  language sql
  immutable
return case
  when part -> 'staying' <> 'null' and other is null then 'exists (select from staying as x where (x.target, x.tid) = (c.tableoid, c.ctid))'
  when part -> 'staying' <> 'null' and part ->> 'staying' = other ->> 'staying' then null
  when part -> 'staying' <> 'null' then 'true'
  when other is not null and part ->> 'kept' is not distinct from other ->> 'kept' then null
  else coalesce(part ->> 'kept', 'false')
end;

comment on function lethe_private.kept_in(jsonb, jsonb) is
  'True when a row is kept by another one; with the draft''s part beside, null where both say the same.';

-- One read of the table for all of its rules: due under the draft, at once (not before), no longer.
create or replace function lethe_private.blast_sql(before jsonb, after jsonb)
  returns text
  language sql
  stable
begin atomic
  with actions as (
    select a.*, lethe_private.test_in(before, a.rule) as was, a.phase = 'columns' as is_column
    from unnest(lethe_private.part_actions(after)) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
  ), words as (
    select coalesce(string_agg(format('d.%s', flag), ' or ') filter (where not is_column), 'false') as leaves,
      coalesce(string_agg(format('d.was_%s', flag), ' or ') filter (where not is_column), 'false') as left_before
    from actions
  ), marks as (
    select a.*,
      case when is_column then format('d.%s and not ((%s) and not d.kept)', flag, w.leaves) else format('d.%s and not d.kept', flag) end as now_due,
      case when is_column then format('d.was_%s and not ((%s) and not d.kept_before)', flag, w.left_before)
           else format('d.was_%s and not d.kept_before', flag) end as was_due
    from actions as a cross join words as w
  )
  select format($sql$%sselect %s
from (
  select %s,
    %s as kept,
    %s as kept_before
  from %s as c
  where %s
    and (%s)
    and not %s
  offset 0
) as d$sql$,
    case when after -> 'staying' <> 'null' then after ->> 'staying' end,
    lethe_private.object_sql(array[format('''rows'', count(*) filter (where %s)', string_agg(format('%s and not (%s)', m.now_due, m.was_due), ' or ' order by m.n))]
      || array_agg(format('%1$L, jsonb_build_object(''due'', count(*) filter (where %2$s), ''at_once'', count(*) filter (where %2$s and not (%3$s)), '
        '''no_longer'', count(*) filter (where %3$s and not (%2$s)))', m.flag, m.now_due, m.was_due) order by m.n)),
    string_agg(format('coalesce(%s, false) as %s, %s as was_%s', m.test, m.flag, m.was, m.flag), E',\n    ' order by m.n),
    -- Asked of rows that would leave, and of no other.
    coalesce('(' || string_agg(m.test, ' or ') filter (where not m.is_column) || format(') and (%s)', lethe_private.kept_in(after, null)), 'false'),
    coalesce('(' || string_agg(nullif(m.was, 'false'), ' or ') filter (where not m.is_column)
      || format(') and (%s)', coalesce(lethe_private.kept_in(before, after), lethe_private.kept_in(after, null))), 'false'),
    after ->> 'source', after ->> 'owner',
    lethe_private.any_due_sql(lethe_private.part_actions(after))
      || coalesce(' or ' || lethe_private.any_due_sql(array(
        select b from unnest(lethe_private.part_actions(before)) as b
        where b.rule in (select x.rule from actions as x) and lethe_private.test_in(after, b.rule) <> lethe_private.test_in(before, b.rule))), ''),
    after ->> 'held')
  from marks as m;
end;

comment on function lethe_private.blast_sql(jsonb, jsonb) is
  'Counts what is due under a draft''s part of a table, how much of it was not due before, and what is due no longer. Held rows count nowhere.';

-- Of one mirror; what came along with its rows goes with them.
create or replace function lethe_private.count_mirror(before jsonb, after jsonb)
  returns table ("table" text, rule text, due bigint, at_once bigint, no_longer bigint)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_look jsonb;
  v_purge text;
begin
  select r.facts into v_look
  from lethe_private.run_on_archive(format('select (%s), null::oid, null::tid[]', lethe_private.blast_sql(before, after))) as r;
  return query
    select after ->> 'table', a.rule, (v_look #>> array[a.flag, 'due'])::bigint, (v_look #>> array[a.flag, 'at_once'])::bigint,
      (v_look #>> array[a.flag, 'no_longer'])::bigint
    from unnest(lethe_private.part_actions(after)) as a
    union all
    select after ->> 'table', 'rows', null, (v_look ->> 'rows')::bigint, null;
  select format('%s and %s and not %s and not %s', after ->> 'owner', a.test, lethe_private.test_in(before, a.rule), after ->> 'held') into v_purge
  from unnest(lethe_private.part_actions(after)) as a
  where a.phase = 'purge' and (v_look #>> array[a.flag, 'at_once'])::bigint > 0;
  return query
    select k.value ->> 'table', 'with parent ' || (after ->> 'table'), null::bigint, r.facts::bigint, null::bigint
    from jsonb_array_elements(nullif(after -> 'along', 'null')) as k
    cross join lateral lethe_private.run_on_archive(format('select to_jsonb(count(*)), null::oid, null::tid[] from %s as c, lateral (select from %s) as x where %s',
      after ->> 'source', k.value ->> 'from', v_purge)) as r
    where v_purge is not null and r.facts <> '0';
end
$$;

comment on function lethe_private.count_mirror(jsonb, jsonb) is 'The blast radius of a draft on what is archived of a table.';

create or replace function lethe_private.count_part(before jsonb, after jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables := jsonb_populate_record(null::lethe.managed_tables, after -> 'managed');
  v_look jsonb;
  v_at_once text;
begin
  v_look := lethe_private.count_as_sweeper(lethe_private.blast_sql(before, after), v_managed);
  -- Other tables' rows go along only with rows that leave at once.
  select string_agg(format('((%s) and not %s)', a.test, lethe_private.test_in(before, a.rule)), ' or ') into v_at_once
  from unnest(lethe_private.part_actions(after)) as a
  where a.phase <> 'columns' and (v_look #>> array[a.flag, 'at_once'])::bigint > 0;
  return (
    select jsonb_agg(jsonb_build_object('controller', after ->> 'controller', 'table', x.name, 'rule', x.rule,
      'due', x.due, 'at_once', x.at_once, 'no_longer', x.no_longer) order by x.n)
    from (
      select format('%I.%I', v_managed.schema_name, v_managed.table_name) as name, a.rule, (v_look #>> array[a.flag, 'due'])::bigint as due,
        (v_look #>> array[a.flag, 'at_once'])::bigint as at_once, (v_look #>> array[a.flag, 'no_longer'])::bigint as no_longer, a.n
      from unnest(lethe_private.part_actions(after)) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
      union all
      select format('%I.%I', v_managed.schema_name, v_managed.table_name), 'rows', null, (v_look ->> 'rows')::bigint, null, 100000
      union all
      select k."table", k.rule || ' ' || format('%I.%I', v_managed.schema_name, v_managed.table_name), null, sum(k.rows)::bigint, null, 100001
      from (
        select c.value ->> 'table' as "table", c.value ->> 'rule' as rule, lethe_private.count_as_sweeper(
          replace(c.value ->> 'statement', '{{at once}}', format('%s and (%s) and not %s', after ->> 'owner', v_at_once, after ->> 'held')), v_managed)::bigint as rows
        from jsonb_array_elements(nullif(after -> 'children', 'null')) as c
        where v_at_once is not null
      ) as k
      group by 1, 2
      having sum(k.rows) > 0
      union all
      select c."table", c.rule, c.due, c.at_once, c.no_longer, 100002
      from jsonb_array_elements(nullif(after -> 'archive', 'null')) as m
      cross join lateral lethe_private.count_mirror(
        (select b from jsonb_array_elements(nullif(before -> 'archive', 'null')) as b where b ->> 'name' = m.value ->> 'name'), m.value) as c
    ) as x);
end
$$;

comment on function lethe_private.count_part(jsonb, jsonb) is 'The blast radius of a draft on one table of one controller and its archive; the lines "rows" count each row once.';
--! EndIncluded lethe_private/blast_radius.sql
--! Included lethe_private/propose.sql
-- A drafted policy is in force for a moment: its changes are listed, its rules tried, what they make due is written
-- down, and all of it is rolled back. What is found survives in variables. Then, with nothing locked any more, the
-- data is counted.

-- Tables whose rules a change of the policy touches, and for which controller (null: for all of them); with the
-- tables that their rows refer to, since a child that leaves lets its parent go.
create or replace function lethe_private.changed_tables(since_change bigint)
  returns table (table_id int, controller_id int, own boolean)
  language sql
  stable
begin atomic
  with recursive changes as (
    select c.object, coalesce(c.after, c.before) as facts from lethe.policy_changes as c where c.id > since_change
  ), touched as (
    select r.table_id, (c.facts ->> 'controller_id')::int as controller_id
    from changes as c
    join lateral (
      select u.table_id from lethe.rules as u where u.id = (c.facts ->> 'rule_id')::int
      union
      select (x.before ->> 'table_id')::int from lethe.policy_changes as x
      where x.id > since_change and x.object = 'rules' and x.after is null and x.before ->> 'id' = c.facts ->> 'rule_id'
    ) as r on true
    where c.object = 'terms'
    union
    select (c.facts ->> 'id')::int, null from changes as c where c.object = 'managed_tables'
    union
    select (c.facts ->> k)::int, null from changes as c cross join unnest(array['table_id', 'to_table_id']) as k where c.object = 'links'
    union
    select m.id, (c.facts ->> 'id')::int from changes as c cross join lethe.managed_tables as m where c.object = 'controllers'
  ), up as (
    select t.table_id, t.controller_id, true as own from touched as t
    union
    select m.id, u.controller_id, false
    from up as u
    cross join lethe.managed_tables as m
    where exists (
      select from lethe_private.references_to(lethe_private.host_table(m.schema_name, m.table_name)) as r where r.managed_id = u.table_id)
  )
  select u.table_id, u.controller_id, bool_or(u.own)
  from up as u
  join lethe.managed_tables as m on m.id = u.table_id
  group by u.table_id, u.controller_id;
end;

comment on function lethe_private.changed_tables(bigint) is
  'Which tables and controllers the changes after a given one concern. own: their rules have changed, not only those of what refers to them.';

-- Columns, constraints, triggers and rules of the managed tables and of what refers to them. Partitions may come and go.
create or replace function lethe_private.catalogue_mark()
  returns text
  language sql
  stable
  set search_path = pg_catalog, pg_temp
begin atomic
  with tables as (
    select lethe_private.host_table(m.schema_name, m.table_name) as oid from lethe.managed_tables as m
    union
    select r.child from lethe.managed_tables as m
    cross join lateral lethe_private.references_to(lethe_private.host_table(m.schema_name, m.table_name)) as r
  )
  select md5(coalesce(string_agg(x.line, E'\n' order by x.line collate "C"), ''))
  from (
    select concat_ws(' ', a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated, a.attidentity) as line
    from tables as t join pg_attribute as a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    union all
    select concat_ws(' ', k.conrelid, k.conname, pg_get_constraintdef(k.oid))
    from tables as t join pg_constraint as k on k.conrelid = t.oid
    union all
    select concat_ws(' ', g.tgrelid, g.tgenabled, pg_get_triggerdef(g.oid), md5(p.prosrc), p.proconfig, p.prosecdef)
    from tables as t join pg_trigger as g on g.tgrelid = t.oid and not g.tgisinternal join pg_proc as p on p.oid = g.tgfoid
    union all
    select concat_ws(' ', i.indrelid, pg_get_indexdef(i.indexrelid))
    from tables as t join pg_index as i on i.indrelid = t.oid and (i.indisunique or i.indisexclusion)
    union all
    select concat_ws(' ', w.ev_class, w.ev_enabled, pg_get_ruledef(w.oid))
    from tables as t join pg_rewrite as w on w.ev_class = t.oid
  ) as x;
end;

comment on function lethe_private.catalogue_mark() is 'A mark of what a rehearsal depends on in the host''s catalogue.';

create or replace function lethe_private.policy_mark()
  returns text
  language sql
  stable
-- With what its methods make of a value: one that is registered anew is another policy.
return md5(lethe.export_policy()::text || (select coalesce(jsonb_agg(to_jsonb(m) order by m.name), '[]') from lethe.methods as m)::text);

comment on function lethe_private.policy_mark() is 'A mark of the policy in force, and of the methods it may name.';

-- Tries the rules of the tables that changed: at the most 1,000 rows of each, shared out among the controllers.
create or replace function lethe_private.try_tables(since_change bigint, deadline timestamptz)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_one jsonb;
  v_done boolean;
  v_left int;
  v_findings jsonb := '[]';
  v_tried jsonb := '[]';
  v_writes jsonb := '[]';
begin
  for v_managed in
    select m.* from lethe.managed_tables as m
    where m.id in (select t.table_id from lethe_private.changed_tables(since_change) as t where t.own)
    order by m.schema_name, m.table_name
  loop
    v_left := 1000;
    for v_controller in
      select c.* from lethe.controllers as c
      where lethe_private.has_controller(v_managed, c) and lethe_private.has_rules(v_managed.id, c.id)
        and exists (select from lethe_private.changed_tables(since_change) as t
                    where t.own and t.table_id = v_managed.id and (t.controller_id is null or t.controller_id = c.id))
      order by c.id
    loop
      continue when v_left = 0;
      -- Undone table by table: an archive that is made for one of them keeps others from theirs no longer than that.
      v_done := false;
      begin
        -- The first may take half of what is left, so that there is something for the others.
        v_one := lethe_private.try_rules(v_managed, v_controller, case when exists (
          select from lethe.controllers as c where c.id > v_controller.id and lethe_private.has_controller(v_managed, c)) then (v_left + 1) / 2 else v_left end, deadline);
        v_done := true;
        raise exception using errcode = 'RB000', message = 'undone, as every rehearsal is';
      exception when sqlstate 'RB000' then
        if not v_done then
          raise;
        end if;
      end;
      v_left := v_left - (v_one ->> 'rows')::int;
      v_findings := v_findings || coalesce((select jsonb_agg(jsonb_build_object('controller', v_controller.name, 'table', format('%I.%I', v_managed.schema_name, v_managed.table_name)) || f)
        from jsonb_array_elements(v_one -> 'findings') as f), '[]');
      v_tried := v_tried || coalesce((select jsonb_agg(jsonb_build_object('controller', v_controller.name, 'table', format('%I.%I', v_managed.schema_name, v_managed.table_name),
          'rule', d.rule, 'rows', coalesce((v_one #>> array['tried', d.flag, 'rows'])::bigint, 0), 'as_of', v_one #> array['tried', d.flag, 'as_of']))
        from lethe_private.due_days('c', v_managed, lethe_private.host_table(v_managed.schema_name, v_managed.table_name), v_controller,
          lethe_private.today(v_controller.time_zone)) as d), '[]');
      v_writes := v_writes || (v_one -> 'writes');
    end loop;
  end loop;
  return jsonb_build_object('findings', v_findings, 'tried', v_tried, 'effects', lethe_private.effects(v_writes, since_change));
end
$$;

comment on function lethe_private.try_tables(bigint, timestamptz) is
  'Rehearses every rule that the changes after a given one concern. Returns {"findings", "tried", "effects"}, see lethe.drafts.';

create or replace function lethe_private.effects(writes jsonb, since_change bigint)
  returns jsonb
  language sql
  stable
begin atomic
  with written as (
    select w.relation, sum(w.inserts)::bigint as inserts, sum(w.updates)::bigint as updates, sum(w.deletes)::bigint as deletes
    from jsonb_to_recordset(writes) as w (relation oid, inserts bigint, updates bigint, deletes bigint)
    group by w.relation
  ), swept as (
    -- What is written by plan: columns of the changed tables, rows of them, and what goes or is unlinked with those.
    select lethe_private.host_table(m.schema_name, m.table_name) as relation,
      case when r.column_name is null then 8 else 16 end as events, r.column_name
    from lethe.managed_tables as m
    join lethe.rules as r on r.table_id = m.id
    where m.id in (select t.table_id from lethe_private.changed_tables(since_change) as t where t.own)
    union
    select f.child, case f.on_purge when 'unlink' then 16 else 8 end, c
    from lethe.managed_tables as m
    cross join lateral lethe_private.references_to(lethe_private.host_table(m.schema_name, m.table_name)) as f
    cross join unnest(case f.on_purge when 'unlink' then f.child_columns else array[null] end) as c
    where f.on_purge <> 'keep' and m.id in (select t.table_id from lethe_private.changed_tables(since_change) as t)
  ), touched as (
    select s.relation, bit_or(s.events) as events, array_agg(s.column_name) as columns from swept as s group by s.relation
    union all
    select w.relation, (w.inserts > 0)::int * 4 + (w.updates > 0)::int * 16 + (w.deletes > 0)::int * 8,
      array(select h.name from lethe_private.host_columns as h where h.relation = w.relation)
    from written as w
  )
  select coalesce(jsonb_agg(x.effect order by x.kind, x.object collate "C"), '[]')
  from (
    select 'table' as kind, lethe_private.host_name(w.relation) as object, jsonb_build_object('object', lethe_private.host_name(w.relation), 'kind', 'table',
      'inserts', w.inserts, 'updates', w.updates, 'deletes', w.deletes) as effect
    from written as w
    union all
    select distinct 'trigger function', g.object, jsonb_build_object('object', g.object, 'kind', 'trigger function', 'why', g.why)
    from touched as t
    cross join lateral lethe_private.reaching_triggers(t.relation, t.events, t.columns) as g
  ) as x;
end;

comment on function lethe_private.effects(jsonb, bigint) is 'Side effects by name: tables written outside the plan, and trigger functions that may act outside the transaction.';

create or replace function lethe_private.propose(document jsonb, reason text, rehearse boolean)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  -- The statements are read in the one form that every session reads alike.
  set datestyle = 'ISO, YMD'
  set jit = off
as $$
declare
  v_before jsonb := lethe.export_policy();
  v_last bigint;
  v_result jsonb;
  v_parts jsonb;
  v_part jsonb;
  v_blast jsonb := '[]';
  v_done boolean := false;
begin
  select coalesce(max(c.id), 0) into v_last from lethe.policy_changes as c;
  begin
    insert into lethe_private.rehearsing default values;
    perform set_config('lock_timeout', (extract(epoch from s.lock_timeout) * 1000)::bigint::text, true) from lethe.settings as s;
    perform lethe.apply_policy(document, reason);
    v_result := jsonb_build_object(
      'changes', lethe_private.policy_diff(v_before, lethe.export_policy()),
      'catalogue_mark', lethe_private.catalogue_mark(),
      -- What the engine reads and writes with; without other rights it does the same in another way.
      'missing_rights', (select coalesce(jsonb_agg(to_jsonb(r)), '[]') from lethe.missing_rights() as r where r.need like 'lethe_sweeper%'));
    select coalesce(jsonb_agg(lethe_private.blast_part(m, c) order by m.schema_name, m.table_name, c.name), '[]') into v_parts
    from lethe.managed_tables as m
    cross join lethe.controllers as c
    where lethe_private.has_controller(m, c)
      and lethe_private.has_rules(m.id, c.id)
      and exists (select from lethe_private.changed_tables(v_last) as t where t.table_id = m.id and (t.controller_id is null or t.controller_id = c.id));
    if rehearse and v_result -> 'missing_rights' = '[]' then
      v_result := v_result || lethe_private.try_tables(v_last, clock_timestamp() + interval '5 minutes');
    end if;
    v_done := true;
    raise exception using errcode = 'RB000', message = 'undone, as every rehearsal is';
  exception when sqlstate 'RB000' then
    if not v_done then
      raise;
    end if;
  end;

  -- Without the rights nothing can be read.
  if v_result -> 'missing_rights' = '[]' then
    for v_part in select p from jsonb_array_elements(v_parts) as p loop
      v_blast := v_blast || coalesce(lethe_private.count_part(lethe_private.part_in_force(v_part), v_part), '[]');
    end loop;
  end if;
  return '{"findings": [], "tried": [], "effects": []}'::jsonb || v_result || jsonb_build_object('blast_radius', v_blast, 'policy_mark', lethe_private.policy_mark(),
    'rows_at_once', (select coalesce(sum((b ->> 'at_once')::bigint), 0) from jsonb_array_elements(v_blast) as b
                     where b ->> 'rule' = 'rows' or b ->> 'rule' ~ '^(with parent|archived with parent|unlink .*) \S'));
end
$$;

comment on function lethe_private.propose(jsonb, text, boolean) is
  'What a policy document would change and make due at once and, if it is to be rehearsed, what its rules do when they are tried. Leaves no trace but in sequences. Raises what lethe.apply_policy raises, LE501, LE503, LE616.';

create or replace function lethe_private.part_in_force(part jsonb)
  returns jsonb
  language sql
  stable
begin atomic
  select lethe_private.blast_part(m, c)
  from lethe.managed_tables as m
  join lethe.controllers as c on c.name = part ->> 'controller'
  where (m.schema_name, m.table_name) = (part #>> '{managed,schema_name}', part #>> '{managed,table_name}')
    and lethe_private.has_controller(m, c)
    and lethe_private.host_table(m.schema_name, m.table_name) is not null;
end;

comment on function lethe_private.part_in_force(jsonb) is 'The same part under the policy in force; null where it has none.';
--! EndIncluded lethe_private/propose.sql
--! Included lethe/drafts.sql
-- Draft, rehearse, activate: a policy is proposed as a whole document, tried on the data, and put in force by
-- somebody who has seen what it does. docs/drafts.md has the states. lethe.apply_policy and lethe.set_rule stay the
-- operator's direct door.

-- Who stands behind what is done: the login or, where a request of the API does it, the login that issued its token.
-- Whoever issued two tokens may hold both, so these are one person.
create or replace function lethe_private.person()
  returns name
  language sql
  stable
  security definer  -- nobody may read the tokens
begin atomic
  select coalesce((
    select t.issued_by from lethe_private.api_tokens as t
    where t.token_hash = current_setting('lethe.request', true) and lethe_private.request_reaches(t.controller_id)), session_user);
end;

comment on function lethe_private.person() is 'The login that acts, or that issued the token of the request under way.';

create or replace function lethe_private.get_draft(draft int)
  returns lethe.drafts
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_draft lethe.drafts;
begin
  perform lethe_private.assert_may_change(null);
  select d.* into v_draft from lethe.drafts as d where d.id = get_draft.draft for update;
  if not found then
    raise exception using errcode = 'LE111',
      message = format('there is no draft %s', coalesce(get_draft.draft::text, '(null)')),
      hint = 'lethe policy drafts, or select * from lethe.drafts, lists them';
  elsif v_draft.ended_at is not null then
    raise exception using errcode = 'LE615',
      message = format('draft %s was %s on %s', v_draft.id, v_draft.state, v_draft.ended_at::date),
      hint = 'make a new draft of it: select lethe.draft_policy(document, ''why'') from lethe.drafts';
  end if;
  return v_draft;
end
$$;

comment on function lethe_private.get_draft(int) is 'A draft that has not ended, locked. Raises LE111, LE502, LE615.';

create or replace function lethe.draft_policy(document jsonb, reason text)
  returns int
  language plpgsql
  volatile
  security definer  -- drafts are written through functions only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_id int;
begin
  perform lethe_private.assert_may_change(null);
  if draft_policy.document is null or jsonb_typeof(draft_policy.document) <> 'object' then
    raise exception using errcode = 'LE605', message = 'a draft is a whole policy document',
      hint = 'begin with lethe.export_policy(); docs/policy.schema.json describes it';
  elsif coalesce(draft_policy.reason, '') !~ '\S' then
    raise exception using errcode = 'LE106', message = 'a draft needs its reason',
      hint = 'say in a sentence why: it is kept with every change';
  end if;
  insert into lethe.drafts (document, reason, author)
  values (draft_policy.document, draft_policy.reason, lethe_private.person())
  returning id into v_id;
  return v_id;
end
$$;

comment on function lethe.draft_policy(jsonb, text) is
  'Proposes a policy: a whole document, as lethe.export_policy writes it, and why. Returns the draft''s number; nothing is in force yet. Raises LE106, LE502, LE605.';

create or replace function lethe.withdraw_draft(draft int)
  returns void
  language plpgsql
  volatile
  security definer  -- drafts are written through functions only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_draft lethe.drafts := lethe_private.get_draft(withdraw_draft.draft);
begin
  update lethe.drafts as d set state = 'withdrawn', ended_at = now(), ended_by = lethe_private.person() where d.id = v_draft.id;
end
$$;

comment on function lethe.withdraw_draft(int) is 'Gives a draft up. It is kept, and can be neither rehearsed nor activated any more. Raises LE111, LE502, LE615.';

create or replace function lethe.rehearse(draft int)
  returns text
  language plpgsql
  volatile
  security definer  -- reads the policy and the controllers' keys; touches tables as lethe_sweeper
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_draft lethe.drafts := lethe_private.get_draft(rehearse.draft);
  v_found jsonb := lethe_private.propose(v_draft.document, v_draft.reason, true);
  v_findings jsonb := v_found -> 'findings';
begin
  if v_found -> 'missing_rights' <> '[]' then
    v_findings := v_findings || (select jsonb_agg(jsonb_build_object('problem', 'right missing', 'relation', r.value ->> 'object', 'remedy', r.value ->> 'remedy'))
      from jsonb_array_elements(v_found -> 'missing_rights') as r);
  end if;
  update lethe.drafts as d
  set state = case when v_findings = '[]' then 'rehearsed' else 'refused' end,
      rehearsed_at = now(), policy_mark = v_found ->> 'policy_mark', catalogue_mark = v_found ->> 'catalogue_mark',
      changes = v_found -> 'changes', findings = v_findings, effects = v_found -> 'effects', tried = v_found -> 'tried',
      missing_rights = v_found -> 'missing_rights', blast_radius = v_found -> 'blast_radius', rows_at_once = (v_found ->> 'rows_at_once')::bigint,
      -- Who approved has approved what was known then.
      approved_by = null, approved_at = null
  where d.id = v_draft.id;
  return case when v_findings = '[]' then 'rehearsed' else 'refused' end;
end
$$;

comment on function lethe.rehearse(int) is
  'Tries a draft on at most 1,000 real rows of each table whose rules it changes, counts what becomes due at once, and undoes all of it. Returns rehearsed or refused; lethe.drafts has what was found. statement_timeout counts from the statement that calls it. Raises what lethe.apply_policy raises, LE111, LE501, LE503, LE615, LE616.';

create or replace function lethe.approve_draft(draft int)
  returns void
  language plpgsql
  volatile
  security definer  -- drafts are written through functions only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_draft lethe.drafts := lethe_private.get_draft(approve_draft.draft);
begin
  if v_draft.state <> 'rehearsed' then
    raise exception using errcode = 'LE612',
      message = format('draft %s is %s: there is nothing to approve yet', v_draft.id, v_draft.state),
      hint = format('select lethe.rehearse(%s)', v_draft.id);
  elsif v_draft.author = lethe_private.person() then
    raise exception using errcode = 'LE613',
      message = format('draft %s was written by %I, who cannot be the second person too', v_draft.id, v_draft.author),
      hint = 'somebody with another login approves it; two tokens issued by one login count as one person';
  end if;
  update lethe.drafts as d set approved_by = lethe_private.person(), approved_at = now() where d.id = v_draft.id;
end
$$;

comment on function lethe.approve_draft(int) is
  'The second person''s yes to a rehearsed draft; another rehearsal takes it back. Raises LE111, LE502, LE612, LE613, LE615.';
--! EndIncluded lethe/drafts.sql
--! Included lethe/activate.sql
-- Puts a rehearsed draft in force, if what was rehearsed is still true, all side effects are accepted by name, and a
-- second person has approved where that is asked for.
create or replace function lethe_private.assert_still_true(draft lethe.drafts, proposal jsonb)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_why text := case
    when proposal ->> 'policy_mark' <> draft.policy_mark then 'another policy is in force'
    when proposal ->> 'catalogue_mark' <> draft.catalogue_mark then 'a table has been altered'
    when proposal -> 'missing_rights' <> '[]' then 'a right has been taken back'
    -- A tenth and a hundred more: a night's worth of rows falling due is no other draft.
    when (proposal ->> 'rows_at_once')::bigint > draft.rows_at_once * 1.1 + 100 then
      format('%s rows would become due at once, and not %s', proposal ->> 'rows_at_once', draft.rows_at_once)
  end;
begin
  if v_why is not null then
    raise exception using errcode = 'LE612',
      message = format('draft %s must be rehearsed again: %s', draft.id, v_why),
      hint = format('select lethe.rehearse(%s)', draft.id);
  end if;
end
$$;

comment on function lethe_private.assert_still_true(lethe.drafts, jsonb) is
  'Raises LE612 when policy, tables or figures are no longer those of the rehearsal.';

create or replace function lethe_private.assert_may_activate(draft lethe.drafts, accept text[], rows_at_once bigint)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_above bigint := (select s.second_person_above from lethe.settings as s);
  v_open text := (select string_agg(e ->> 'object', ', ') from jsonb_array_elements(draft.effects) as e where not (e ->> 'object') = any (accept));
begin
  if v_open is not null then
    raise exception using errcode = 'LE614',
      message = format('draft %s has side effects that nobody has accepted: %s', draft.id, v_open),
      hint = format('if they are meant: select lethe.activate(%s, accept => array[%s])', draft.id,
        (select string_agg(quote_literal(e ->> 'object'), ', ') from jsonb_array_elements(draft.effects) as e));
  elsif rows_at_once > v_above and draft.approved_by is null then
    raise exception using errcode = 'LE613',
      message = format('draft %s makes %s rows due at once, more than the %s that one person may', draft.id, rows_at_once, v_above),
      hint = format('somebody with another login than %I looks at it and approves: select lethe.approve_draft(%s)', draft.author, draft.id);
  end if;
end
$$;

comment on function lethe_private.assert_may_activate(lethe.drafts, text[], bigint) is
  'Raises LE614 (side effects not accepted) or LE613 (a second person is needed).';

create or replace function lethe.activate(draft int, accept text[] default '{}')
  returns table (change text, object text, before jsonb, after jsonb)
  language plpgsql
  volatile
  security definer  -- writes the policy
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_draft lethe.drafts := lethe_private.get_draft(activate.draft);
  v_found jsonb;
  v_last bigint;
begin
  if v_draft.state = 'refused' then
    raise exception using errcode = 'LE611',
      message = format('the rehearsal has refused draft %s: %s', v_draft.id, (
        select string_agg(distinct concat_ws(' ', f ->> 'table', f ->> 'rule', f ->> 'problem', f ->> 'sqlstate', f ->> 'constraint', f ->> 'relation'), '; ')
        from jsonb_array_elements(v_draft.findings) as f)),
      hint = format('repair it, or the table, and select lethe.rehearse(%s)', v_draft.id);
  elsif v_draft.state <> 'rehearsed' then
    raise exception using errcode = 'LE612',
      message = format('draft %s has not been rehearsed', v_draft.id),
      hint = format('select lethe.rehearse(%s)', v_draft.id);
  end if;
  v_found := lethe_private.propose(v_draft.document, v_draft.reason, false);
  -- From here to the end nobody else changes the policy, so that what was counted is what comes into force.
  lock table lethe.policy_changes in share row exclusive mode;
  v_found := v_found || jsonb_build_object('policy_mark', lethe_private.policy_mark());
  perform lethe_private.assert_still_true(v_draft, v_found);
  perform lethe_private.assert_may_activate(v_draft, coalesce(activate.accept, '{}'), (v_found ->> 'rows_at_once')::bigint);

  select coalesce(max(c.id), 0) into v_last from lethe.policy_changes as c;
  return query select a.* from lethe.apply_policy(v_draft.document, v_draft.reason) as a;
  update lethe.policy_changes as c set draft_id = v_draft.id where c.id > v_last;
  update lethe.drafts as d
  set state = 'activated', ended_at = now(), ended_by = lethe_private.person(), accepted = coalesce(activate.accept, '{}'),
      blast_radius = v_found -> 'blast_radius', rows_at_once = (v_found ->> 'rows_at_once')::bigint
  where d.id = v_draft.id;
end
$$;

comment on function lethe.activate(int, text[]) is
  'Puts a rehearsed draft in force and lists what changed. accept: the names of its side effects (lethe.drafts.effects). Raises what lethe.apply_policy raises, LE111, LE502, LE611 to LE615.';
--! EndIncluded lethe/activate.sql
--! Included lethe/policy_on.sql
-- The policy of any past day, put together from the record of changes: of each row the last version up to then.

create or replace function lethe_private.rows_at(object text, at timestamptz)
  returns table (id text, facts jsonb, by name, changed_at timestamptz, reason text, draft_id int)
  language sql
  stable
begin atomic
  select x.id, x.after, x.by, x.at, x.reason, x.draft_id
  from (
    select distinct on (coalesce(c.after, c.before) ->> 'id')
      coalesce(c.after, c.before) ->> 'id' as id, c.after, c.by, c.at, c.reason, c.draft_id
    from lethe.policy_changes as c
    where c.object = rows_at.object and c.at <= rows_at.at
    order by coalesce(c.after, c.before) ->> 'id', c.id desc
  ) as x
  where x.after is not null;
end;

comment on function lethe_private.rows_at(text, timestamptz) is
  'The rows of controllers, managed_tables, rules or terms as they stood at an instant, each with its last change.';

create or replace function lethe_private.policy_at(at timestamptz)
  returns table (
    controller text, time_zone text, table_name text, column_name text, action text, purpose text, after interval, since text[],
    "when" text, method text, parameters jsonb, overrides boolean, by name, changed_at timestamptz, reason text, draft_id int
  )
  language sql
  stable
begin atomic
  with terms as (
    select k.facts ->> 'name' as controller, k.facts ->> 'time_zone' as time_zone, k.id as controller_id, m.facts as managed, r.facts as rule, t.*
    from lethe_private.rows_at('terms', at) as t
    join lethe_private.rows_at('rules', at) as r on r.id = t.facts ->> 'rule_id'
    join lethe_private.rows_at('managed_tables', at) as m on m.id = r.facts ->> 'table_id'
    -- A default term is every controller's whose rows the table may hold; its own replaces it for the same purpose, and
    -- counts beside it where it is a minimum.
    join lethe_private.rows_at('controllers', at) as k on k.id = coalesce(t.facts ->> 'controller_id', m.facts ->> 'controller_id', k.id)
      and (m.facts ->> 'controller_id' is not null or k.facts ->> 'reference' is not null or t.facts ->> 'controller_id' is not null)
  )
  select distinct on (x.managed ->> 'schema_name', x.managed ->> 'table_name', x.rule ->> 'column_name', x.rule ->> 'action', x.facts ->> 'purpose', x.controller,
    x.rule ->> 'action' = 'minimum' and x.facts ->> 'controller_id' is null)
    x.controller, x.time_zone,
    lethe_private.plain_name(jsonb_populate_record(null::lethe.managed_tables, x.managed)), x.rule ->> 'column_name', x.rule ->> 'action',
    x.facts ->> 'purpose', (x.facts ->> 'after')::interval, lethe_private.text_list(x.facts -> 'since'), x.facts ->> 'when', x.facts ->> 'method',
    x.facts -> 'parameters', x.facts ->> 'controller_id' is not null, x.by, x.changed_at, x.reason, x.draft_id
  from terms as x
  order by x.managed ->> 'schema_name', x.managed ->> 'table_name', x.rule ->> 'column_name', x.rule ->> 'action', x.facts ->> 'purpose', x.controller,
    x.rule ->> 'action' = 'minimum' and x.facts ->> 'controller_id' is null, x.facts ->> 'controller_id' nulls last;
end;

comment on function lethe_private.policy_at(timestamptz) is 'The terms in force at an instant, for each controller.';

create or replace function lethe.policy_on(day date default null, controller_name text default null)
  returns table (
    controller    text,
    table_name    text,
    column_name   text,
    action        text,
    purpose       text,
    after         text,
    since         text[],
    "when"        text,
    method        text,
    parameters    jsonb,
    overrides     boolean,
    activated_by  name,
    activated_at  timestamptz,
    reason        text,
    draft_id      int
  )
  language plpgsql
  stable
  security definer  -- the record of changes is read by operators alone; here each sees the terms of its controllers
  set search_path = pg_catalog, pg_temp
  set intervalstyle = postgres
  set jit = off
as $$
declare
  v_controller record;
begin
  if policy_on.controller_name is not null and not exists (
    select from lethe.policy_changes as c where c.object = 'controllers' and c.after ->> 'name' = policy_on.controller_name)
  then
    perform lethe_private.get_controller(policy_on.controller_name);
  end if;
  for v_controller in
    select c.id::int as id, c.facts ->> 'name' as name,
      (coalesce(policy_on.day, lethe_private.today(c.facts ->> 'time_zone')) + 1)::timestamp at time zone (c.facts ->> 'time_zone') as ends_at
    from lethe_private.rows_at('controllers', coalesce(policy_on.day + interval '2 days', now())) as c
    where (policy_on.controller_name is null or c.facts ->> 'name' = policy_on.controller_name)
      and (lethe_private.acts_for(c.id::int) or lethe_private.is_worker())
    order by 2
  loop
    return query
      select p.controller, p.table_name, p.column_name, p.action, p.purpose, lethe_private.format_delay(p.after), p.since, p."when", p.method,
        p.parameters, p.overrides, p.by, p.changed_at, p.reason, p.draft_id
      -- Up to the last moment of the controller's day.
      from lethe_private.policy_at(v_controller.ends_at - interval '1 microsecond') as p
      where p.controller = v_controller.name
      order by p.table_name, p.column_name nulls last, p.action, p.purpose nulls first, p.overrides;
  end loop;
end
$$;

comment on function lethe.policy_on(date, text) is
  'The terms in force at the end of a local day (null: today), per controller, with who put each in force, when and why. overrides: the controller''s own, in place of the default or, with a minimum, beside it; purpose is the basis of a minimum. Raises LE101.';
--! EndIncluded lethe/policy_on.sql
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
    join lethe.rules as r on r.table_id = v_managed.id and r.column_name = a.column_name and r.action <> 'minimum'
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
    join lethe.rules as r on r.id = e.rule_id and r.column_name is null and r.action <> 'minimum'
    where lethe_private.plain_clock_index(v_managed, v_oid, v_controller) is distinct from e.since[1]
      and not lethe_private.is_linked(e.since[1])
    limit 1;
end
$$;

comment on function lethe.suggested_indexes(text) is
  'Indexes that keep a daily cycle cheap, as statements for the table''s owner to review and run.';
--! EndIncluded lethe/suggested_indexes.sql
--! Included lethe_private/checks/links_of.sql
-- What the policy says of one foreign key. A link may have been declared from the other side: a person's row points to
-- the address that several share.
create or replace function lethe_private.links_of(child_id int, child_columns text[], parent_id int)
  returns setof lethe.links
  language sql
  stable
begin atomic
  select l.*
  from lethe.links as l
  where (l.table_id = child_id and l.to_table_id = parent_id and l.columns @> child_columns and l.columns <@ child_columns)
     or (l.table_id = parent_id and l.to_table_id = child_id and l.to_columns @> child_columns and l.to_columns <@ child_columns);
end;

comment on function lethe_private.links_of(int, text[], int) is 'The links that the policy declares over one foreign key, from either side.';

create or replace function lethe_private.is_lethes(relation oid)
  returns boolean
  language sql
  stable
begin atomic
  select n.nspname ~ '^(pg_.*|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)$'
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where c.oid = relation;
end;

comment on function lethe_private.is_lethes(oid) is 'True for relations of PostgreSQL''s own and of Lethe''s.';
--! EndIncluded lethe_private/checks/links_of.sql
--! Included lethe_private/checks/reached_tables.sql
-- Where a check begins: the tables that hold people, as far as the policy and the foreign keys tell. People are in the
-- root tables of subjects and wherever the policy has a personal column, a rule or a link. From there, rows that refer
-- to somebody's row belong to that somebody, and so on down. Up a foreign key it goes only where the policy says that
-- the referring column tells something of a person: an address, not the country it is in. (A referring column that
-- is not classified is a finding of its own.) A link that is declared "ignore" is not followed.
--
-- Partitions and inheritance children stand for what they hang under: the nearest table above them that is managed, else
-- the one at the top. A child of several parents stands for each. A managed table stands for itself, whatever it has been
-- put under since.
create or replace view lethe_private.topmost as
  with recursive managed as (
    select lethe_private.host_table(m.schema_name, m.table_name) as relation from lethe.managed_tables as m
  ), up as (
    select i.inhrelid as relation, i.inhparent as root
    from pg_catalog.pg_inherits as i
    where i.inhrelid not in (select m.relation from managed as m where m.relation is not null)
    union
    select u.relation, i.inhparent
    from up as u
    join pg_catalog.pg_inherits as i on i.inhrelid = u.root
    where u.root not in (select m.relation from managed as m where m.relation is not null)
  )
  select u.relation, u.root
  from up as u
  where not exists (select from pg_catalog.pg_inherits as i where i.inhrelid = u.root)
     or u.root in (select m.relation from managed as m);

comment on view lethe_private.topmost is 'Every partition and inheritance child, and each table that it stands for.';

create or replace view lethe_private.top_references as
  select distinct on (child, child_columns, parent) x.*
  from (
    select
      coalesce(c.root, r.child) as child,
      r.child_columns,
      coalesce(p.root, r.parent) as parent,
      r.parent_columns,
      r.foreign_key
    from lethe_private.host_references as r
    left join lethe_private.topmost as c on c.relation = r.child
    left join lethe_private.topmost as p on p.relation = r.parent
  ) as x
  order by child, child_columns, parent, foreign_key;

comment on view lethe_private.top_references is 'Foreign keys, those of partitions and children as if they were of what these hang under.';

create or replace function lethe_private.is_personal(category text)
  returns boolean
  language sql
  immutable
return coalesce(category in ('direct identifier', 'contact', 'quasi-identifier', 'special category', 'content'), false);

comment on function lethe_private.is_personal(text) is
  'True for the categories of data about a person; technical and not personal are none.';

create or replace function lethe_private.reached_tables()
  returns setof lethe_private.reached
  language sql
  stable
begin atomic
  with recursive managed as materialized (
    select m.id, lethe_private.host_table(m.schema_name, m.table_name) as relation,
      exists (select from lethe.subject_types as s where s.table_id = m.id)
      or exists (select from lethe.managed_columns as c where c.table_id = m.id and lethe_private.is_personal(c.category))
      or exists (select from lethe.rules as r where r.table_id = m.id and r.action in ('anonymize', 'archive', 'purge'))
      or exists (select from lethe.links as l where l.table_id = m.id and l.kind <> 'ignore') as personal
    from lethe.managed_tables as m
  ), edge as materialized (
    select r.child, r.parent,
      (select bool_and(l.kind is not distinct from 'ignore') from lethe_private.links_of(c.id, r.child_columns, p.id) as l) as ignored,
      exists (select from lethe.managed_columns as k
              where k.table_id = c.id and k.column_name = any (r.child_columns) and lethe_private.is_personal(k.category)) as personal
    from lethe_private.top_references as r
    left join managed as c on c.relation = r.child
    left join managed as p on p.relation = r.parent
  ), walk as (
    select m.relation, null::oid as via from managed as m where m.personal and m.relation is not null
    union
    select s.relation, w.relation
    from walk as w
    cross join lateral (
      select e.child as relation from edge as e where e.parent = w.relation and not coalesce(e.ignored, false)
      union all
      select e.parent from edge as e where e.child = w.relation and e.personal
    ) as s
  ), walked as (
    select w.relation, min(w.via) as via from walk as w group by w.relation
  )
  select coalesce(m.relation, w.relation), m.id, w.relation is not null, lethe_private.host_name(w.via)
  from walked as w
  full join (select x.* from managed as x where x.relation is not null) as m on m.relation = w.relation
  where not lethe_private.is_lethes(coalesce(m.relation, w.relation));
end;

comment on function lethe_private.reached_tables() is 'All managed tables that exist, and all others that hold people as far as foreign keys tell.';
--! EndIncluded lethe_private/checks/reached_tables.sql
--! Included lethe_private/checks/checked_columns.sql
-- Every column of the tables a check is about, and what decides on it. No decision of its own is needed by
-- - the column that names the controller,
-- - a generated column: it follows the columns it is computed from,
-- - a key that the database itself makes up (a number or uuid with an identity or a default): it says nothing,
-- - a column that refers to a table where people are: the link is the decision.
-- Anything else wants a category or a rule.
create or replace function lethe_private.checked_columns(reached lethe_private.reached[])
  returns table (relation oid, managed_id int, "position" int2, name text, category text, decided_by text, has_rule boolean, refers_to oid)
  language sql
  stable
begin atomic
  with refers as materialized (
    select f.child, x.name, min(f.parent) filter (where p.personal) as people, min(f.parent) as parent
    from lethe_private.top_references as f
    cross join unnest(f.child_columns) as x (name)
    left join unnest(checked_columns.reached) as p on p.relation = f.parent
    group by f.child, x.name
  ), seen as materialized (
    select r.relation, r.managed_id, h.position, h.name, m.key_columns, m.controller_column, h.is_generated,
      h.type_name in ('int2', 'int4', 'int8', 'uuid') and (h.is_identity or a.atthasdef) as is_made_up
    from unnest(checked_columns.reached) as r
    join lethe.managed_tables as m on m.id = r.managed_id
    join lethe_private.host_columns as h on h.relation = r.relation
    join pg_catalog.pg_attribute as a on a.attrelid = h.relation and a.attnum = h.position
  )
  select s.relation, s.managed_id, s.position, s.name, c.category,
    case
      when c.category is not null then 'category'
      when u.has_rule then 'rule'
      when s.name = s.controller_column then 'controller'
      when s.is_generated then 'its sources'
      when f.people is not null then 'link'
      when s.name = any (s.key_columns) and s.is_made_up then 'key'
    end,
    u.has_rule,
    f.parent
  from seen as s
  left join lethe.managed_columns as c on c.table_id = s.managed_id and c.column_name = s.name
  left join refers as f on f.child = s.relation and f.name = s.name
  cross join lateral (select exists (select from lethe.rules as x where x.table_id = s.managed_id and x.column_name = s.name and x.action in ('anonymize', 'archive', 'purge')) as has_rule) as u;
end;

comment on function lethe_private.checked_columns(lethe_private.reached[]) is
  'The columns of managed tables and what decides on each; decided_by is null where nothing does.';
--! EndIncluded lethe_private/checks/checked_columns.sql
--! Included lethe_private/checks/unmanaged_table.sql
-- Page: docs/checks/unmanaged-table.md.
create or replace function lethe_private.check_unmanaged_table(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    lethe_private.host_name(r.relation),
    format('table %s is not managed, and %s leads to it', lethe_private.host_name(r.relation), r.via),
    format('name it under tables in the policy file, or select lethe.manage_table(%L); then decide on its columns and links',
      lethe_private.host_name(r.relation)),
    true
  from unnest(check_unmanaged_table.reached) as r
  where r.managed_id is null;
end;

comment on function lethe_private.check_unmanaged_table(lethe_private.reached[]) is 'Tables that foreign keys join to people and that the policy does not know.';
--! EndIncluded lethe_private/checks/unmanaged_table.sql
--! Included lethe_private/checks/unclassified_column.sql
-- Page: docs/checks/unclassified-column.md.
create or replace function lethe_private.check_unclassified_column(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    format('%s.%I', lethe_private.host_name(c.relation), c.name),
    format('column %I of %s has no decision%s', c.name, lethe_private.host_name(c.relation),
      coalesce('; it refers to ' || lethe_private.host_name(c.refers_to), '')),
    'give it a category, and a rule if it is about people: under columns in the policy file, or select lethe.set_column(…)',
    true
  from lethe_private.checked_columns(check_unclassified_column.reached) as c
  where c.decided_by is null;
end;

comment on function lethe_private.check_unclassified_column(lethe_private.reached[]) is 'Columns of managed tables without a category, a rule, or anything else that decides on them.';
--! EndIncluded lethe_private/checks/unclassified_column.sql
--! Included lethe_private/checks/kept_for_ever.sql
-- Page: docs/checks/kept-for-ever.md. Archiving ends nothing: the archive keeps the value until something purges it.
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
  )
  select
    format('%s.%I', lethe_private.host_name(x.relation), x.name),
    format('nothing ever ends column %I of %s (%s)%s', x.name, lethe_private.host_name(x.relation), x.category,
      case when count(*) < (select count(*) from lethe.controllers)
        then ' for controller ' || string_agg(x.controller, ', ' order by x.controller) else '' end),
    'anonymize or purge it, or purge its row, after some time; what is only archived stays in the archive',
    true
  from (
    select k.relation, k.name, k.category, c.name as controller
    from lethe_private.checked_columns(check_kept_for_ever.reached) as k
    join lethe.managed_tables as m on m.id = k.managed_id
    join lethe.controllers as c on lethe_private.has_controller(m, c)
    where lethe_private.is_personal(k.category)
      and not exists (select from ends as e where e.table_id = k.managed_id and e.column_name = k.name and e.controller_id = c.id)
      and not exists (select from leaves as v where v.table_id = k.managed_id and v.controller_id = c.id)
  ) as x
  group by x.relation, x.name, x.category;
end;

comment on function lethe_private.check_kept_for_ever(lethe_private.reached[]) is 'Personal columns that no rule of any row or column ever ends, for some controller.';
--! EndIncluded lethe_private/checks/kept_for_ever.sql
--! Included lethe_private/checks/undecided_link.sql
-- Page: docs/checks/undecided-link.md.
create or replace function lethe_private.check_undecided_link(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    format('%s(%s)', lethe_private.host_name(f.child), c.columns),
    format('rows of %s refer to rows of %s by %s, and it is not decided how they belong to them',
      lethe_private.host_name(f.child), lethe_private.host_name(f.parent), c.columns),
    'declare a link of the subject (own, share, mention, ignore), with: parent, or unlink: in the policy file, or select lethe.set_link(…)',
    true
  from lethe_private.top_references as f
  join unnest(check_undecided_link.reached) as child on child.relation = f.child and child.managed_id is not null
  join unnest(check_undecided_link.reached) as parent on parent.relation = f.parent and parent.managed_id is not null
  cross join lateral (select string_agg(quote_ident(x), ', ') as columns from unnest(f.child_columns) as x) as c
  where parent.personal
    and not exists (
      select from lethe_private.links_of(child.managed_id, f.child_columns, parent.managed_id) as l
      where l.kind is not null or l.on_purge <> 'keep');
end;

comment on function lethe_private.check_undecided_link(lethe_private.reached[]) is 'Foreign keys to people''s rows of which the policy does not say how the referring rows belong to them.';
--! EndIncluded lethe_private/checks/undecided_link.sql
--! Included lethe_private/checks/personal_views.sql
-- What views and materialized views read of people, through other views as well. A view that takes a whole row
-- (to_jsonb(c)) depends, in the catalogue, on no column of it; its text gives it away.
create or replace view lethe_private.view_reads as
  select distinct
    w.ev_class as reader,
    coalesce(t.root, d.refobjid) as relation,
    a.attname::text as name
  from pg_catalog.pg_rewrite as w
  join pg_catalog.pg_class as c on c.oid = w.ev_class and c.relkind in ('v', 'm')
  join pg_catalog.pg_depend as d
    on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
   and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> w.ev_class
  left join lethe_private.topmost as t on t.relation = d.refobjid
  left join pg_catalog.pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid and d.refobjsubid > 0
  where not exists (
    select from pg_catalog.pg_depend as e
    where e.classid = 'pg_catalog.pg_class'::regclass and e.objid = c.oid and e.deptype = 'e');

comment on view lethe_private.view_reads is
  'Which columns of which tables and views a view reads; name is null where it reads a table and no column of it. Views of extensions are left out.';

-- A view sees what the functions that it calls read. Of a body in standard SQL the catalogue knows the columns, and the
-- functions that it calls in turn; any other is read as text, where the name of a table stands for all of it.
create or replace view lethe_private.called_by_views as
  with recursive host as (
    select p.oid, p.prosrc, p.prosqlbody is not null as is_standard
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname !~ '^(pg_.*|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)$'
      and not exists (select from pg_catalog.pg_depend as e where e.classid = 'pg_catalog.pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
  ), called as (
    select w.ev_class as reader, d.refobjid as function
    from pg_catalog.pg_rewrite as w
    join pg_catalog.pg_class as c on c.oid = w.ev_class and c.relkind in ('v', 'm')
    join pg_catalog.pg_depend as d
      on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_catalog.pg_proc'::regclass
    where d.refobjid in (select h.oid from host as h)
    union
    select c.reader, d.refobjid
    from called as c
    join pg_catalog.pg_depend as d
      on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = c.function and d.refclassid = 'pg_catalog.pg_proc'::regclass
    where d.refobjid in (select h.oid from host as h)
  )
  select c.reader, h.oid as function, h.prosrc, h.is_standard
  from called as c
  join host as h on h.oid = c.function;

comment on view lethe_private.called_by_views is 'The functions of the host that a view calls, by way of others as well where the catalogue tells.';

create or replace function lethe_private.personal_views(reached lethe_private.reached[])
  returns table (relation oid, kind "char", decided text, columns text)
  language sql
  stable
begin atomic
  with recursive decided as materialized (
    select lethe_private.host_table(v.schema_name, v.view_name) as relation, v.shows from lethe.managed_views as v
  ), read as materialized (
    select v.reader, v.relation, v.name, pg_get_viewdef(v.reader) ~ '\.\*' as whole_rows
    from lethe_private.view_reads as v
  ), called as materialized (
    select c.* from lethe_private.called_by_views as c
  ), personal as materialized (
    select c.relation, c.name
    from lethe_private.checked_columns(personal_views.reached) as c
    where lethe_private.is_personal(c.category) or c.has_rule or c.decided_by is null or c.decided_by = 'its sources'
    union
    select r.relation, h.name
    from unnest(personal_views.reached) as r
    join lethe_private.host_columns as h on h.relation = r.relation
    where r.managed_id is null
  ), direct as (
    select r.reader, format('%s.%I', lethe_private.host_name(r.relation), p.name) as read_column
    from read as r
    join personal as p on p.relation = r.relation and (p.name = r.name or r.whole_rows)
    union
    select c.reader, format('%s.%I', lethe_private.host_name(p.relation), p.name)
    from called as c
    join pg_catalog.pg_depend as d
      on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = c.function and d.refclassid = 'pg_catalog.pg_class'::regclass
    left join lethe_private.topmost as t on t.relation = d.refobjid
    left join pg_catalog.pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid and d.refobjsubid > 0
    join personal as p on p.relation = coalesce(t.root, d.refobjid) and (p.name = a.attname or pg_get_function_sqlbody(c.function) ~ '\.\*')
    where c.is_standard
    union
    select c.reader, format('%s.%I', lethe_private.host_name(p.relation), p.name)
    from called as c
    join (select x.relation, r.relname from (select distinct y.relation from personal as y) as x join pg_catalog.pg_class as r on r.oid = x.relation) as n
      on strpos(lower(c.prosrc), lower(n.relname)) > 0
      and c.prosrc ~* ('(^|[^\w$])' || regexp_replace(n.relname, '([^\w])', '\\\1', 'g') || '($|[^\w$])')
    join personal as p on p.relation = n.relation
    where not c.is_standard
  ), passed as materialized (
    select r.reader, r.relation from read as r
    union
    select c.reader, d.refobjid
    from called as c
    join pg_catalog.pg_depend as d
      on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = c.function and d.refclassid = 'pg_catalog.pg_class'::regclass
    where c.is_standard
  ), found as (
    select d.reader from direct as d
    union
    select r.reader
    from found as f
    join passed as r on r.relation = f.reader
    -- Figures about people are not people.
    where not exists (select from decided as x where x.relation = f.reader and x.shows = 'figures')
  )
  select f.reader, c.relkind, x.shows,
    coalesce(
      (select string_agg(d.read_column, ', ' order by d.read_column) filter (where d.place <= 3) || case when count(*) > 3 then format(' and %s more', count(*) - 3) else '' end
       from (select x.read_column, row_number() over (order by x.read_column) as place
             from (select distinct y.read_column from direct as y where y.reader = f.reader) as x) as d),
      'a view of people')
  from found as f
  join pg_catalog.pg_class as c on c.oid = f.reader
  left join decided as x on x.relation = f.reader
  where not lethe_private.is_lethes(f.reader) or c.relnamespace = 'lethe_stats'::regnamespace;
end;

comment on function lethe_private.personal_views(lethe_private.reached[]) is
  'Views and materialized views that read columns of people, what was decided on them, and what they read.';
--! EndIncluded lethe_private/checks/personal_views.sql
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
  where v.decided is null;
end;

comment on function lethe_private.check_undecided_view(lethe_private.reached[]) is 'Views and materialized views over people''s columns on which nothing was decided.';
--! EndIncluded lethe_private/checks/undecided_view.sql
--! Included lethe_private/checks/child_column.sql
-- Page: docs/checks/child-column.md. Rules of a table reach its inheritance children, but not what these have besides.
create or replace function lethe_private.check_child_column(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    format('%s.%I', lethe_private.host_name(t.relation), h.name),
    format('column %I of %s is not in %s, from which it inherits, so no rule can reach it',
      h.name, lethe_private.host_name(t.relation), lethe_private.host_name(t.root)),
    format('add the column to %s, or keep such rows in a table of its own', lethe_private.host_name(t.root)),
    true
  from lethe_private.topmost as t
  join unnest(check_child_column.reached) as r on r.relation = t.root
  join pg_catalog.pg_class as c on c.oid = t.relation and c.relkind in ('r', 'f')
  join lethe_private.host_columns as h on h.relation = t.relation
  where not exists (
    select
    from lethe_private.topmost as o
    join unnest(check_child_column.reached) as m on m.relation = o.root and m.managed_id is not null
    join lethe_private.host_columns as p on p.relation = o.root and p.name = h.name
    where o.relation = t.relation);
end;

comment on function lethe_private.check_child_column(lethe_private.reached[]) is 'Columns that an inheritance child has and its parent has not.';
--! EndIncluded lethe_private/checks/child_column.sql
--! Included lethe_private/checks/missing_object.sql
-- Page: docs/checks/missing-object.md.
create or replace function lethe_private.check_missing_object(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with managed as (
    select m.*, lethe_private.host_table(m.schema_name, m.table_name) as relation from lethe.managed_tables as m
  ), named as (
    select c.table_id, c.column_name from lethe.managed_columns as c
    union select r.table_id, r.column_name from lethe.rules as r
    union select r.table_id, x from lethe.rules as r join lethe.terms as t on t.rule_id = r.id cross join unnest(t.since) as x
          where not lethe_private.is_linked(x)
    union select l.table_id, x from lethe.links as l cross join unnest(l.columns) as x
    union select l.to_table_id, x from lethe.links as l cross join unnest(l.to_columns) as x
    union select m.id, x from managed as m cross join unnest(m.key_columns || m.controller_column) as x
    union select s.table_id, x from lethe.subject_types as s cross join unnest(s.identifiers) as x
  )
  select format('%I.%I', m.schema_name, m.table_name),
    format('the policy names table %I.%I, which does not exist', m.schema_name, m.table_name),
    'it was dropped or renamed: take it out of the policy, or name it anew', true
  from managed as m
  where m.relation is null
  union all
  select format('%I.%I.%I', m.schema_name, m.table_name, n.column_name),
    format('the policy names column %I of %I.%I, which does not exist', n.column_name, m.schema_name, m.table_name),
    'it was dropped or renamed: take it out of the policy, or name it anew', true
  from named as n
  join managed as m on m.id = n.table_id and m.relation is not null
  where n.column_name is not null
    and not exists (select from lethe_private.host_columns as h where h.relation = m.relation and h.name = n.column_name)
  union all
  select format('%I.%I', v.schema_name, v.view_name),
    format('the policy names view %I.%I, which does not exist', v.schema_name, v.view_name),
    'it was dropped or renamed: take it out of the policy, or name it anew', true
  from lethe.managed_views as v
  where lethe_private.host_table(v.schema_name, v.view_name) is null;
end;

comment on function lethe_private.check_missing_object(lethe_private.reached[]) is 'Tables, columns and views that the policy names and the database no longer has.';
--! EndIncluded lethe_private/checks/missing_object.sql
--! Included lethe_private/checks/copying_trigger.sql
-- Page: docs/checks/copying-trigger.md. Where a trigger writes is read from its text: INSERT, UPDATE and MERGE with the
-- name of a table. What it composes at run time is not seen. A rewrite rule's tables are known to the catalogue.
create or replace function lethe_private.trigger_targets(function oid, relation oid)
  returns setof oid
  language sql
  stable
begin atomic
  with names as (
    select parse_ident(regexp_replace(w.m[1], '\s*\.\s*', '.')) as parts
    from pg_catalog.pg_proc as p
    cross join regexp_matches(p.prosrc,
      '(?:insert\s+into|merge\s+into|update|update\s+only)\s+((?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[[:alpha:]_][\w$]*))?)',
      'gi') as w (m)
    where p.oid = trigger_targets.function
  )
  select coalesce(
    case when cardinality(n.parts) = 2 then lethe_private.host_table(n.parts[1], n.parts[2]) end,
    case when cardinality(n.parts) = 1 then (
      -- Under the function's own search path if it has one; else beside the table, beside the function, or in public.
      select lethe_private.host_table(s.name, n.parts[1])
      from (
        select btrim(btrim(x.name), '"') as name, x.place
        from pg_catalog.pg_proc as p
        cross join unnest(p.proconfig) as c (setting)
        cross join string_to_table(split_part(c.setting, '=', 2), ',') with ordinality as x (name, place)
        where p.oid = trigger_targets.function and c.setting like 'search_path=%'
        union all select b.nspname, 100 from pg_catalog.pg_class as t join pg_catalog.pg_namespace as b on b.oid = t.relnamespace where t.oid = trigger_targets.relation
        union all select b.nspname, 101 from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as b on b.oid = p.pronamespace where p.oid = trigger_targets.function
        union all select 'public', 102
      ) as s
      where lethe_private.host_table(s.name, n.parts[1]) is not null
      order by s.place
      limit 1) end)
  from names as n;
end;

comment on function lethe_private.trigger_targets(oid, oid) is 'The tables that a trigger function writes to, as far as its text tells.';

create or replace function lethe_private.check_copying_trigger(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with writers as (
    select r.relation, format('trigger %I', g.tgname) as writer, x.target
    from unnest(check_copying_trigger.reached) as r
    join pg_catalog.pg_trigger as g on not g.tgisinternal and g.tgenabled <> 'D'
      and (g.tgrelid = r.relation or g.tgparentid = 0 and exists (select from lethe_private.topmost as t where t.relation = g.tgrelid and t.root = r.relation))
    cross join lateral lethe_private.trigger_targets(g.tgfoid, g.tgrelid) as x (target)
    where r.personal and r.managed_id is not null
    union
    select r.relation, format('rule %I', w.rulename), d.refobjid
    from unnest(check_copying_trigger.reached) as r
    join pg_catalog.pg_rewrite as w on w.ev_class = r.relation and w.ev_type <> '1' and w.ev_enabled <> 'D'
    join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_catalog.pg_class'::regclass
    where r.personal and r.managed_id is not null
  ), targets as (
    select distinct w.relation, w.writer, coalesce(t.root, w.target) as target
    from writers as w
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
--! Included lethe_private/checks/look_alike_table.sql
-- Page: docs/checks/look-alike-table.md. A history, a staging table, last year's export: nothing in the catalogue
-- joins it to the table it was copied from but the names of its columns.
create or replace function lethe_private.check_look_alike_table(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with personal as materialized (
    select k.relation, k.name, count(*) over (partition by k.relation) as total
    from lethe_private.checked_columns(check_look_alike_table.reached) as k
    where lethe_private.is_personal(k.category) or k.has_rule
  ), alike as (
    select p.relation, c.oid as copy, count(*) as shared, min(p.total) as total
    from personal as p
    join lethe_private.host_columns as h on h.name = p.name
    join pg_catalog.pg_class as c on c.oid = h.relation
    where p.total >= 3
      and c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't'
      and c.oid not in (select r.relation from unnest(check_look_alike_table.reached) as r)
      and not exists (select from lethe_private.topmost as t where t.relation = c.oid)
      and not lethe_private.is_lethes(c.oid)
    group by p.relation, c.oid
  ), closest as (
    select distinct on (a.copy) a.*
    from alike as a
    where a.shared >= 3 and a.shared >= 0.6 * a.total
    order by a.copy, a.shared desc, a.relation
  )
  select
    lethe_private.host_name(a.copy),
    format('table %s has %s of the %s personal columns of %s, and is not managed', lethe_private.host_name(a.copy), a.shared, a.total, lethe_private.host_name(a.relation)),
    'if it holds copies, manage it or drop it; if it does not, waive this',
    true
  from closest as a;
end;

comment on function lethe_private.check_look_alike_table(lethe_private.reached[]) is 'Unmanaged tables with largely the personal columns of a managed one.';
--! EndIncluded lethe_private/checks/look_alike_table.sql
--! Included lethe_private/checks/partition_foreign_key.sql
-- Page: docs/checks/partition-foreign-key.md. A foreign key declared on each partition, not on the table, is forgotten on
-- the next one: its rows then refer to people whom nothing joins them to.
create or replace function lethe_private.check_partition_foreign_key(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with own as materialized (
    select i.inhparent as parent, t.root, r.child, r.child_columns, r.parent as target, r.parent_columns
    from lethe_private.host_references as r
    join pg_catalog.pg_class as c on c.oid = r.child and c.relispartition
    join pg_catalog.pg_inherits as i on i.inhrelid = r.child
    join lethe_private.topmost as t on t.relation = r.child
    join unnest(check_partition_foreign_key.reached) as x on x.relation = t.root
  ), declared as (
    select distinct o.parent, o.root, o.child_columns, o.target, o.parent_columns from own as o
  ), lacking as (
    select d.*, s.inhrelid as leaf
    from declared as d
    join pg_catalog.pg_inherits as s on s.inhparent = d.parent
    where not exists (select from own as o where o.child = s.inhrelid and o.child_columns = d.child_columns and o.target = d.target)
      -- A foreign key of the whole table reaches every partition.
      and not exists (
        select from lethe_private.host_references as r
        where r.child in (d.parent, d.root) and r.child_columns = d.child_columns and r.parent = d.target)
      -- A partition that is itself partitioned may have it on each of its own.
      and not exists (
        select from own as o where o.parent = s.inhrelid and o.child_columns = d.child_columns and o.target = d.target)
  )
  select
    format('%s(%s)', lethe_private.host_name(l.root), c.columns),
    format('%s of %s: the foreign key (%s) to %s is missing that other partitions have',
      case count(*) when 1 then 'partition' else 'partitions' end || ' ' || string_agg(lethe_private.host_name(l.leaf), ', ' order by lethe_private.host_name(l.leaf)),
      lethe_private.host_name(l.root), c.columns, lethe_private.host_name(l.target)),
    format('alter table %s add foreign key (%s) references %s (%s)', min(lethe_private.host_name(l.leaf)), c.columns,
      lethe_private.host_name(l.target), (select string_agg(quote_ident(x), ', ') from unnest(l.parent_columns) as x)),
    true
  from lacking as l
  cross join lateral (select string_agg(quote_ident(x), ', ') as columns from unnest(l.child_columns) as x) as c
  group by l.root, c.columns, l.target, l.parent_columns;
end;

comment on function lethe_private.check_partition_foreign_key(lethe_private.reached[]) is 'Partitions that lack a foreign key that their siblings declare each for itself.';
--! EndIncluded lethe_private/checks/partition_foreign_key.sql
--! Included lethe_private/checks/unindexed_reference.sql
-- Page: docs/checks/unindexed-reference.md. A rule that deletes is refused at once where this is so (LE310); here it is
-- said of all references to people, before anybody is forgotten, and of an index that was dropped since.
create or replace function lethe_private.check_unindexed_reference(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with refs as (
    select f.child, f.child_columns, f.parent from lethe_private.top_references as f
    union
    select lethe_private.host_table(c.schema_name, c.table_name), l.columns, lethe_private.host_table(p.schema_name, p.table_name)
    from lethe.links as l
    join lethe.managed_tables as c on c.id = l.table_id
    join lethe.managed_tables as p on p.id = l.to_table_id
    where l.foreign_key is null and l.kind is distinct from 'ignore'
  )
  select
    format('%s(%s)', lethe_private.host_name(f.child), x.columns),
    format('%s refers to people in %s by %s, without an index: whoever looks up one person''s rows reads the whole table',
      lethe_private.host_name(f.child), lethe_private.host_name(f.parent), x.columns),
    format('create index concurrently on %s (%s)', lethe_private.host_name(f.child), x.columns),
    true
  from refs as f
  join unnest(check_unindexed_reference.reached) as child on child.relation = f.child
  join unnest(check_unindexed_reference.reached) as parent on parent.relation = f.parent and parent.personal
  cross join lateral (
    select string_agg(quote_ident(n.name), ', ' order by n.place) as columns, array_agg(h.position order by n.place)::int2[] as positions
    from unnest(f.child_columns) with ordinality as n (name, place)
    join lethe_private.host_columns as h on h.relation = f.child and h.name = n.name
  ) as x
  where x.positions is not null and not lethe_private.has_leading_index(f.child, x.positions);
end;

comment on function lethe_private.check_unindexed_reference(lethe_private.reached[]) is 'References to people''s rows that no index helps to look up.';
--! EndIncluded lethe_private/checks/unindexed_reference.sql
--! Included lethe_private/checks/restarted_clock.sql
-- Page: docs/checks/restarted-clock.md. Asked at every check, because a trigger may come after the rule.
create or replace function lethe_private.check_restarted_clock(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_oid oid;
  v_message text;
  v_hint text;
begin
  for v_managed in select m.* from lethe.managed_tables as m order by m.schema_name, m.table_name loop
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    continue when v_oid is null;
    begin
      perform lethe_private.assert_clock_stands(v_managed, v_oid);
    exception when sqlstate 'LE312' then
      get stacked diagnostics v_message = message_text, v_hint = pg_exception_hint;
      return next (lethe_private.host_name(v_oid), v_message, v_hint, true)::lethe_private.finding;
    end;
  end loop;
end
$$;

comment on function lethe_private.check_restarted_clock(lethe_private.reached[]) is 'Triggers that set a clock of the policy anew at every update.';
--! EndIncluded lethe_private/checks/restarted_clock.sql
--! Included lethe_private/checks/pseudonymous_claim.sql
-- Page: docs/checks/pseudonymous-claim.md.
create or replace function lethe_private.check_pseudonymous_claim(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select distinct
    format('%s.%I', lethe_private.host_name(k.relation), k.name),
    format('column %I of %s is claimed to end anonymous, but %s makes pseudonyms: whoever has the key finds the person again',
      k.name, lethe_private.host_name(k.relation), m.name),
    'choose a method whose output is anonymous (lethe.methods), or take the claim back',
    true
  from lethe_private.checked_columns(check_pseudonymous_claim.reached) as k
  join lethe.managed_columns as c on c.table_id = k.managed_id and c.column_name = k.name and c.claim = 'anonymous'
  join lethe.rules as r on r.table_id = k.managed_id and r.column_name = k.name
  join lethe.terms as t on t.rule_id = r.id
  join lethe.methods as m on m.name = t.method and m.output = 'pseudonymous';
end;

comment on function lethe_private.check_pseudonymous_claim(lethe_private.reached[]) is 'Columns claimed to end anonymous whose method only makes pseudonyms.';
--! EndIncluded lethe_private/checks/pseudonymous_claim.sql
--! Included lethe_private/checks/row_security_bypass.sql
-- Page: docs/checks/row-security-bypass.md. lethe_sweeper is let around on purpose: a row it cannot see it cannot forget.
create or replace function lethe_private.check_row_security_bypass(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    quote_ident(g.rolname),
    format('role %I passes by row security (BYPASSRLS) and may read %s', g.rolname,
      string_agg(lethe_private.host_name(c.oid), ', ' order by lethe_private.host_name(c.oid))),
    format('alter role %I nobypassrls, unless it is meant to see every row', g.rolname),
    true
  from unnest(check_row_security_bypass.reached) as r
  join pg_catalog.pg_class as c on c.oid = r.relation and c.relrowsecurity
  join pg_catalog.pg_roles as g on g.rolbypassrls and not g.rolsuper and g.rolname <> 'lethe_sweeper'
    and has_any_column_privilege(g.oid, c.oid, 'select')
  group by g.rolname;
end;

comment on function lethe_private.check_row_security_bypass(lethe_private.reached[]) is 'Roles with BYPASSRLS that may read tables which rely on row security.';
--! EndIncluded lethe_private/checks/row_security_bypass.sql
--! Included lethe_private/checks/definer_view.sql
-- Page: docs/checks/definer-view.md. A view reads with its owner's rights. Where the owner is not bound by a table's row
-- security, nobody is who reads through the view.
create or replace function lethe_private.check_definer_view(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    lethe_private.host_name(v.oid),
    format('view %s reads around the row security of %s: it has the rights of its owner, and others may read it', lethe_private.host_name(v.oid),
      string_agg(distinct lethe_private.host_name(t.oid), ', ')),
    format('alter view %s set (security_invoker = true); or filter in it, and waive this', lethe_private.host_name(v.oid)),
    true
  from unnest(check_definer_view.reached) as r
  join pg_catalog.pg_class as t on t.oid = r.relation and t.relrowsecurity
  join lethe_private.view_reads as d on d.relation = t.oid
  join pg_catalog.pg_class as v on v.oid = d.reader and v.relkind = 'v'
  join pg_catalog.pg_roles as o on o.oid = v.relowner
  where not exists (
      select from pg_options_to_table(v.reloptions) as x
      where x.option_name = 'security_invoker' and lower(x.option_value) in ('true', 'on', 'yes', '1'))
    and (o.rolsuper or o.rolbypassrls or t.relowner = v.relowner and not t.relforcerowsecurity)
    and exists (
      select from aclexplode(v.relacl) as a where a.grantee <> v.relowner and a.privilege_type = 'SELECT'
      union all
      select from pg_catalog.pg_attribute as n cross join aclexplode(n.attacl) as a
      where n.attrelid = v.oid and a.grantee <> v.relowner and a.privilege_type = 'SELECT')
  group by v.oid;
end;

comment on function lethe_private.check_definer_view(lethe_private.reached[]) is 'Views that lead others around the row security of a table.';
--! EndIncluded lethe_private/checks/definer_view.sql
--! Included lethe_private/checks/definer_function.sql
-- Page: docs/checks/definer-function.md. Which tables a function reads is known to the catalogue where its body is
-- standard SQL; else it is read from its text, where the name of a table stands in it.
create or replace function lethe_private.check_definer_function(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with people as materialized (
    select c.oid, c.relname, c.relowner
    from unnest(check_definer_function.reached) as r
    join pg_catalog.pg_class as c on c.oid = r.relation
    where r.personal
  ), definers as materialized (
    select p.oid, p.proowner, p.prosrc, p.proacl, p.prosqlbody is not null as is_standard
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where p.prosecdef and p.prorettype <> 'pg_catalog.trigger'::regtype
      and n.nspname !~ '^(pg_.*|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)$'
      and not exists (select from pg_catalog.pg_depend as e where e.classid = 'pg_catalog.pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
  ), reads as (
    select d.oid, t.oid as relation
    from definers as d
    join people as t on case
      when d.is_standard then exists (
        select from pg_catalog.pg_depend as x
        where x.classid = 'pg_catalog.pg_proc'::regclass and x.objid = d.oid and x.refclassid = 'pg_catalog.pg_class'::regclass and x.refobjid = t.oid)
      else strpos(lower(d.prosrc), lower(t.relname)) > 0
        and d.prosrc ~* ('(^|[^\w$])' || regexp_replace(t.relname, '([^\w])', '\\\1', 'g') || '($|[^\w$])')
    end
    where has_any_column_privilege(d.proowner, t.oid, 'select, insert, update')
  )
  select
    d.oid::regprocedure::text,
    format('function %s has the rights of its owner over %s, and may be called by %s', d.oid::regprocedure,
      string_agg(distinct lethe_private.host_name(r.relation), ', '), string_agg(distinct case when a.grantee = 0 then 'everybody' else pg_get_userbyid(a.grantee)::text end, ', ')),
    'make it security invoker, or revoke execute from whom it is not for; if it is meant, waive this',
    true
  from reads as r
  join definers as d on d.oid = r.oid
  cross join aclexplode(coalesce(d.proacl, acldefault('f', d.proowner))) as a
  where a.grantee <> d.proowner
    and (a.grantee = 0 or not has_table_privilege(a.grantee, r.relation, 'select'))
  group by d.oid;
end;

comment on function lethe_private.check_definer_function(lethe_private.reached[]) is 'Functions with their owner''s rights over people''s tables that somebody without these rights may call.';
--! EndIncluded lethe_private/checks/definer_function.sql
--! Included lethe_private/checks/archive_reader.sql
-- Page: docs/checks/archive-reader.md. Nobody is granted anything on the archive, the keys or the worklists. Who reads
-- them all the same, because PostgreSQL lets them, is listed by archive_limit.sql.
create or replace function lethe_private.check_archive_reader(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with kept as (
    select c.oid, c.relname, c.relkind, n.nspname, c.relrowsecurity, c.relowner, c.relacl
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('lethe_archive', 'lethe_private') and c.relkind in ('r', 'p', 'v', 'm')
  ), granted as (
    select k.*, a.grantee, a.privilege_type, g.is_column
    from kept as k
    cross join lateral (
      select k.relacl as acl, false as is_column
      union all
      select x.attacl, true from pg_catalog.pg_attribute as x where x.attrelid = k.oid and x.attacl is not null
    ) as g
    cross join aclexplode(g.acl) as a
    where a.grantee <> k.relowner
      -- What the engine itself grants: see grants.sql and mirrors.sql.
      and not (k.nspname = 'lethe_private' and a.grantee = (select r.oid from pg_catalog.pg_roles as r where r.rolname = 'lethe_sweeper'))
  )
  select
    format('%I.%I', g.nspname, g.relname),
    format('%s may %s %I.%I, which nobody is to reach', case when g.grantee = 0 then 'everybody' else format('role %I', pg_get_userbyid(g.grantee)) end,
      string_agg(distinct lower(g.privilege_type), ', '), g.nspname, g.relname),
    format('revoke all on %I.%I from %s', g.nspname, g.relname, case when g.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end),
    true
  from granted as g
  group by g.nspname, g.relname, g.grantee
  union all
  select format('%I.%I', k.nspname, k.relname), format('row security of %I.%I is off', k.nspname, k.relname),
    format('alter table %I.%I enable row level security', k.nspname, k.relname), true
  from kept as k
  where k.relkind in ('r', 'p') and not k.relrowsecurity
  union all
  select format('%I.%I', k.nspname, k.relname), format('policy %I lets rows of %I.%I through', p.polname, k.nspname, k.relname),
    format('drop policy %I on %I.%I', p.polname, k.nspname, k.relname), true
  from kept as k
  join pg_catalog.pg_policy as p on p.polrelid = k.oid;
end;

comment on function lethe_private.check_archive_reader(lethe_private.reached[]) is 'Grants, policies and row security that would let somebody read the archive, keys or worklists.';
--! EndIncluded lethe_private/checks/archive_reader.sql
--! Included lethe_private/checks/unforced_row_security.sql
-- Page: docs/checks/unforced-row-security.md.
create or replace function lethe_private.check_unforced_row_security(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    lethe_private.host_name(c.oid),
    format('row security of %s does not bind its owner %I, who sees and changes every row', lethe_private.host_name(c.oid), pg_get_userbyid(c.relowner)),
    format('let the application log in as another role; or alter table %s force row level security, after which the owner''s own dump fails', lethe_private.host_name(c.oid)),
    true
  from unnest(check_unforced_row_security.reached) as r
  join pg_catalog.pg_class as c on c.oid = r.relation and c.relrowsecurity and not c.relforcerowsecurity;
end;

comment on function lethe_private.check_unforced_row_security(lethe_private.reached[]) is 'Tables whose owner row security does not bind.';
--! EndIncluded lethe_private/checks/unforced_row_security.sql
--! Included lethe_private/checks/archive_limit.sql
-- Page: docs/checks/archive-limit.md. What no database can keep from its masters, by name.
create or replace function lethe_private.check_archive_limit(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with limits as (
    select 'superusers' as object, 'superusers can read the archive and the keys' as what, r.rolname
    from pg_catalog.pg_roles as r
    where r.rolsuper and r.rolcanlogin
    union all
    select 'members of lethe_owner', 'members of lethe_owner can read the archive and the keys', r.rolname
    from pg_catalog.pg_roles as r
    where r.rolcanlogin and not r.rolsuper and pg_has_role(r.oid, 'lethe_owner', 'member')
    union all
    -- pg_read_all_data alone meets row security, and sees no row.
    select 'readers of everything', 'roles with BYPASSRLS and pg_read_all_data can read the archive and the keys', r.rolname
    from pg_catalog.pg_roles as r
    where r.rolbypassrls and not r.rolsuper and pg_has_role(r.oid, 'pg_read_all_data', 'usage')
  )
  select l.object, l.what || ': ' || string_agg(quote_ident(l.rolname), ', ' order by l.rolname),
    'keep them few, and their logins personal; lethe.archive_openings does not see them', true
  from limits as l
  group by l.object, l.what;
end;

comment on function lethe_private.check_archive_limit(lethe_private.reached[]) is 'Who can read the archive and the keys by being who they are.';
--! EndIncluded lethe_private/checks/archive_limit.sql
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
  exception
    when query_canceled then
      perform set_config('lethe.check_ran_out', 'on', true);
      problem := 'time ran out over it';
    when lock_not_available then
      problem := 'it was locked';
    -- PostgreSQL's own sentence names an object that there is. A host's function may raise another, of what it read.
    when insufficient_privilege then
      get stacked diagnostics v_message = message_text;
      problem := case when lethe_private.names_an_object(v_message) then v_message else 'a right is missing' end;
    when others then
      get stacked diagnostics v_state = returned_sqlstate;
      problem := format('reading it fails (SQLSTATE %s)', v_state);
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
  'lethe doctor prints the rights that are missing; or leave the data out: lethe check --no-data', false)::lethe_private.finding;

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
--! Included lethe_private/checks/never_due.sql
-- Page: docs/checks/never-due.md. Per controller: one may fill a clock that another leaves empty.
create or replace function lethe_private.check_never_due(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_target record;
  v_controller lethe.controllers;
  v_managed lethe.managed_tables;
  v_oid oid;
  v_names text[];
  v_tests text[];
  v_facts jsonb;
  v_problem text;
begin
  for v_target in
    select c as controller, m as managed, r.relation
    from unnest(reached) as r
    join lethe.managed_tables as m on m.id = r.managed_id
    join lethe.controllers as c on lethe_private.has_controller(m, c)
    where exists (select from lethe_private.effective_terms(m.id, c.id))
    order by c.name, m.schema_name, m.table_name
  loop
    v_controller := v_target.controller;
    v_managed := v_target.managed;
    v_oid := v_target.relation;
    begin
      select array_agg(x.name order by x.name), array_agg(x.test order by x.name) into v_names, v_tests
      from lethe_private.always_tests(v_managed, v_oid, v_controller) as x;
    exception when others then
      get stacked diagnostics v_problem = message_text;
      return next lethe_private.not_looked(v_controller.name || ': ' || lethe_private.host_name(v_oid), v_problem);
      continue;
    end;
    select l.facts, l.problem into v_facts, v_problem from lethe_private.look(format(
      'select to_jsonb(array[count(*), %s]) from %s as c%s where %s',
      (select string_agg(format('count(*) filter (where coalesce(%s, false))', t), ', ' order by n) from unnest(v_tests) with ordinality as x (t, n)),
      lethe_private.host_name(v_oid), lethe_private.sample_sql(v_oid), lethe_private.controller_sql('c', v_managed, v_oid, v_controller)), v_managed) as l;
    if v_problem is not null then
      return next lethe_private.not_looked(v_controller.name || ': ' || lethe_private.host_name(v_oid), v_problem);
      continue;
    end if;
    return query
      select
        format('%s: %s: %s', v_controller.name, lethe_private.host_name(v_oid), x.name),
        format('%s on %s can never be due for controller %s: %s (%s rows looked at)', x.name, lethe_private.host_name(v_oid), v_controller.name,
          case when x.name like '% when' then 'no row fulfils its condition' else 'no row has a usable clock' end, v_facts ->> 0),
        'count since another clock, or correct the condition; if such rows are only to come, waive this', true
      from unnest(v_names) with ordinality as x (name, n)
      where (v_facts ->> 0)::bigint > 0 and v_facts ->> x.n::int = v_facts ->> 0;
  end loop;
end
$$;

comment on function lethe_private.check_never_due(lethe_private.reached[]) is 'Rules whose clock no row has, and terms whose condition no row fulfils, per controller.';

create or replace function lethe_private.always_tests(managed lethe.managed_tables, relation oid, controller lethe.controllers)
  returns table (name text, test text)
  language sql
  stable
begin atomic
  select format('rule "%s"', a.rule), format('(%s)', a.unclocked)
  from lethe_private.actions('c', managed, relation, controller, lethe_private.today(controller.time_zone), true) as a
  where a.unclocked is not null
  union all
  -- Null is not true either.
  select format('rule "%s"%s when', concat_ws(': ', r.column_name, r.action), coalesce(', ' || t.purpose, '')),
    format('(%s) is not true', t.condition)
  from lethe_private.effective_terms(managed.id, controller.id) as t
  join lethe.rules as r on r.id = t.rule_id
  where t.condition is not null and r.action in ('anonymize', 'archive', 'purge');
end;

comment on function lethe_private.always_tests(lethe.managed_tables, oid, lethe.controllers) is
  'Expressions over a row which, where they hold for all rows, mean that a rule or term can never be due.';
--! EndIncluded lethe_private/checks/never_due.sql
--! Included lethe_private/checks/unpurposed_value.sql
-- Page: docs/checks/unpurposed-value.md. Values whose clock is unusable are not meant: evidence counts those as unclocked.
create or replace function lethe_private.check_unpurposed_value(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_problem text;
  v_state text;
begin
  if current_setting('lethe.check_ran_out', true) = 'on' then
    return next lethe_private.not_looked('what serves no purpose', 'time ran out before it');
    return;
  end if;
  return query
    select format('%s: %s', u.controller, n.name),
      format('%s of %s, controller %s, serve no purpose that the rule "%s" names, so that it never applies to them',
        case when u.column_name is null then u.rows - u.unclocked || ' rows' else u.rows - u.unclocked || ' values' end, n.name, u.controller, u.action),
      'give them a term: one without "when", or for the purpose they serve', true
    from lethe.unpurposed() as u
    cross join lateral (select concat_ws('.', u.table_name, quote_ident(u.column_name)) as name) as n
    where u.rows > u.unclocked;
exception
  when query_canceled then
    perform set_config('lethe.check_ran_out', 'on', true);
    return next lethe_private.not_looked('what serves no purpose', 'time ran out over it');
  when others then
    get stacked diagnostics v_problem = message_text, v_state = returned_sqlstate;
    return next lethe_private.not_looked('what serves no purpose', case when v_state like 'LE%' then v_problem else format('SQLSTATE %s', v_state) end);
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
  v_problem text;
  v_state text;
begin
  if current_setting('lethe.check_ran_out', true) = 'on' then
    return next lethe_private.not_looked('minimised formats', 'time ran out before them');
    return;
  end if;
  return query
    select format('%s.%I', f.table_name, f.column_name), f.sentence, f.remedy, f.finding <> 'format_not_readable'
    from lethe.format_findings() as f;
exception
  when query_canceled then
    perform set_config('lethe.check_ran_out', 'on', true);
    return next lethe_private.not_looked('minimised formats', 'time ran out over them');
  when others then
    get stacked diagnostics v_problem = message_text, v_state = returned_sqlstate;
    return next lethe_private.not_looked('minimised formats', case when v_state like 'LE%' then v_problem else format('SQLSTATE %s', v_state) end);
end
$$;

comment on function lethe_private.check_unkept_format(lethe_private.reached[]) is
  'Columns that may hold more than the format which the policy declares for them.';
--! EndIncluded lethe_private/checks/unkept_format.sql
--! Included lethe_private/checks/broken_hold.sql
-- Page: docs/checks/broken-hold.md.
create or replace function lethe_private.check_broken_hold(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select g.object, g.sentence, g.remedy, true
  from lethe.guard_findings() as g
  where g.finding <> 'unguarded';
end;

comment on function lethe_private.check_broken_hold(lethe_private.reached[]) is
  'Guards that are not as they were put up, and held tables or partitions that somebody has dropped or detached.';
--! EndIncluded lethe_private/checks/broken_hold.sql
--! Included lethe_private/checks/unguarded_hold.sql
-- Page: docs/checks/unguarded-hold.md. Guards are opt-in, so that this is a note.
create or replace function lethe_private.check_unguarded_hold(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select g.object, g.sentence, g.remedy, true
  from lethe.guard_findings() as g
  where g.finding = 'unguarded';
end;

comment on function lethe_private.check_unguarded_hold(lethe_private.reached[]) is 'Tables under a hold that only Lethe itself honours.';
--! EndIncluded lethe_private/checks/unguarded_hold.sql
--! Included lethe_private/checks/unrehearsed_rule.sql
-- Page: docs/checks/unrehearsed-rule.md. What counts is the last change of each term.
create or replace function lethe_private.check_unrehearsed_rule(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with last_changes as (
    select distinct on (c.after ->> 'id') (c.after ->> 'id')::int as term_id, c.draft_id
    from lethe.policy_changes as c
    where c.object = 'terms' and c.after is not null
    order by c.after ->> 'id', c.id desc
  )
  select lethe_private.plain_name(m),
    format('%s term(s) of %s were put in force without a rehearsal', count(*), lethe_private.plain_name(m)),
    'lethe policy apply rehearses what it changes; what was set directly is tried by the next cycle first', true
  from lethe.terms as t
  join lethe.rules as r on r.id = t.rule_id
  join lethe.managed_tables as m on m.id = r.table_id
  left join last_changes as l on l.term_id = t.id
  where l.draft_id is null
  group by m.id, m.schema_name, m.table_name;
end;

comment on function lethe_private.check_unrehearsed_rule(lethe_private.reached[]) is 'Rules that were set directly, and not by a draft that had been rehearsed.';
--! EndIncluded lethe_private/checks/unrehearsed_rule.sql
--! Included lethe_private/checks/identifiable_row.sql
-- Page: docs/checks/identifiable-row.md. A row counts as masked when nothing in it is left that a rule on a direct
-- identifier or contact would still change. What then remains of its quasi-identifiers puts it into a group of rows
-- that look the same; in a group smaller than k somebody may be recognised. Figures only.
create or replace function lethe_private.check_identifiable_row(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_k int := (select s.group_size_min from lethe.settings as s);
  v_target record;
  v_controller lethe.controllers;
  v_managed lethe.managed_tables;
  v_oid oid;
  v_masked text;
  v_columns text;
  v_facts jsonb;
  v_problem text;
begin
  for v_target in
    select c as controller, m as managed, q.relation, q.columns
    from (
      select k.managed_id, k.relation, string_agg(format('c.%I::text', k.name), ', ' order by k.position) as columns
      from lethe_private.checked_columns(reached) as k
      where k.category = 'quasi-identifier'
      group by k.managed_id, k.relation
    ) as q
    join lethe.managed_tables as m on m.id = q.managed_id
    join lethe.controllers as c on lethe_private.has_controller(m, c)
    order by c.name, m.schema_name, m.table_name
  loop
    v_controller := v_target.controller;
    v_managed := v_target.managed;
    v_oid := v_target.relation;
    v_columns := v_target.columns;
    begin
      select string_agg(format('not coalesce(%s, false)', a.needed), ' and ') into v_masked
      from lethe_private.actions('c', v_managed, v_oid, v_controller, lethe_private.today(v_controller.time_zone)) as a
      join lethe.managed_columns as k on k.table_id = v_managed.id and k.column_name = a.column_name
      where k.category in ('direct identifier', 'contact');
    exception when others then
      get stacked diagnostics v_problem = message_text;
      return next lethe_private.not_looked(v_controller.name || ': ' || lethe_private.host_name(v_oid), v_problem);
      continue;
    end;
    continue when v_masked is null;
    select l.facts, l.problem into v_facts, v_problem from lethe_private.look(format(
      'select to_jsonb(array[sum(g.n), sum(g.n) filter (where g.n < %1$s), min(g.n)]) from (select count(*) as n from %2$s as c where %3$s and %4$s group by %5$s) as g',
      v_k, lethe_private.host_name(v_oid), lethe_private.controller_sql('c', v_managed, v_oid, v_controller), v_masked, v_columns), v_managed) as l;
    if v_problem is not null then
      return next lethe_private.not_looked(v_controller.name || ': ' || lethe_private.host_name(v_oid), v_problem);
    elsif (v_facts ->> 1)::bigint > 0 then
      return next (format('%s: %s', v_controller.name, lethe_private.host_name(v_oid)),
        format('%s of %s masked rows of %s, controller %s, share what is left of %s with fewer than %s others; the smallest group has %s',
          v_facts ->> 1, v_facts ->> 0, lethe_private.host_name(v_oid), v_controller.name,
          replace(replace(v_columns, 'c.', ''), '::text', ''), v_k - 1, v_facts ->> 2),
        'generalize these columns further, or suppress one of them', true)::lethe_private.finding;
    end if;
  end loop;
end
$$;

comment on function lethe_private.check_identifiable_row(lethe_private.reached[]) is 'Masked rows that their quasi-identifiers leave in a group smaller than k, counted per controller.';
--! EndIncluded lethe_private/checks/identifiable_row.sql
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
        format('grant select on %s, usage on its schema, and execute on the functions it calls, to lethe_sweeper', v_name), false)::lethe_private.finding;
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
    (70, 'expired-waiver', 'error', 'the findings', 'a waiver whose last day has passed'),
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
    select w.*, w.until >= lethe_private.latest_today() as holds from lethe.waivers as w
  )
  select f.code, f.object, f.sentence, f.remedy
  from findings as f
  where not exists (select from waivers as w where w.holds and w.code = f.code and w.object = f.object)
  union all
  select 'expired-waiver', w.code || ' ' || w.object,
    format('the waiver of %s for %s ended on %s', w.code, w.object, w.until),
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
grant select on lethe_private.held, lethe_private.keys_of_holds to lethe_sweeper;
-- What the rows it takes away leave behind for the clocks of others.
grant select, insert, update (last_day), delete on lethe_private.remembered to lethe_sweeper;

-- Whole partitions: lethe_dropper owns one function, and has besides what owners of tables granted.
grant usage on schema lethe_private to lethe_dropper;
--! EndIncluded grants.sql
