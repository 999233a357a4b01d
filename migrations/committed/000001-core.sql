--! Previous: -
--! Hash: sha1:1599a9ecc41b94bec263d090fe88a91f2a6acc8f
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

--! Included all.sql
-- Everything in sql/ that can be run again, in the order in which one needs the other. The first migration
-- included it whole; later ones include what they change. A test applies it to a migrated database and
-- expects no difference.

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
--! Included lethe_private/keys.sql
-- HMAC (RFC 2104) mixes the key with two constants, byte by byte. PostgreSQL has no exclusive-or over
-- bytea, so this is done once, when a key is made, and both results are kept.
create or replace function lethe_private.hmac_pad(key bytea, mixed_with int)
  returns bytea
  language plpgsql
  immutable
  strict
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_pad bytea := decode(repeat(lpad(to_hex(mixed_with), 2, '0'), 64), 'hex');
begin
  for i in 0 .. length(hmac_pad.key) - 1 loop
    v_pad := set_byte(v_pad, i, get_byte(hmac_pad.key, i) # mixed_with);
  end loop;
  return v_pad;
end
$$;

comment on function lethe_private.hmac_pad(bytea, int) is
  'A key of at most 64 bytes, filled with zeros and mixed with 0x36 (inner) or 0x5c (outer).';

-- gen_random_uuid draws on the server''s strong random source, and needs no extension. Four of them
-- hold 488 random bits; SHA-256 makes 256 evenly spread ones of those.
create or replace function lethe_private.new_key(controller_id int)
  returns void
  language sql
  volatile
begin atomic
  with fresh as materialized (
    select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
      || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) as key
  )
  insert into lethe_private.controller_keys (controller_id, version, inner_pad, outer_pad)
  select
    new_key.controller_id,
    1 + coalesce((select max(k.version) from lethe_private.controller_keys as k
                  where k.controller_id = new_key.controller_id), 0),
    lethe_private.hmac_pad(key, 54),
    lethe_private.hmac_pad(key, 92)
  from fresh;
end;

comment on function lethe_private.new_key(int) is 'Gives a controller its next key version.';
--! EndIncluded lethe_private/keys.sql
--! Included lethe_private/rights.sql
-- Inside a definer function current_user is the owner, so the question is put about session_user: the
-- login that opened the connection, which no SET ROLE changes.
create or replace function lethe_private.is_operator()
  returns boolean
  language sql
  stable
return pg_has_role(session_user, 'lethe_owner', 'member');

comment on function lethe_private.is_operator() is 'True for superusers and members of lethe_owner: they act for every controller.';

-- Definer, because row security asks it on behalf of roles that may not read lethe.memberships.
create or replace function lethe_private.acts_for(controller_id int)
  returns boolean
  language sql
  stable
  security definer
begin atomic
  select lethe_private.is_operator()
    or exists (
      select from lethe.memberships as m
      where m.login = session_user and m.controller_id = acts_for.controller_id);
end;

comment on function lethe_private.acts_for(int) is 'True when the login may act for the controller.';

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
--! Included lethe_private/assert_single_expression.sql
-- Text that is put inside a statement must stay one expression: it may not end the statement, comment the
-- rest away, or close a parenthesis that it did not open. What stands in literals and quoted names is
-- looked past; forms of quoting that make looking past them hard are refused.
create or replace function lethe_private.assert_single_expression(expression text)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rest text;
  v_depth int := 0;
  v_char text;
begin
  -- One pass over both kinds of quotes: which of them is open decides what the other one means.
  v_rest := regexp_replace(coalesce(expression, ''), '''([^'']|'''')*''|"([^"]|"")*"', '''''', 'g');
  if v_rest ~ '(^|[^[:alnum:]_])([eE]|[uU]&)''''' or v_rest ~ '\$' then
    raise exception using errcode = 'LE303',
      message = 'an expression uses an escape string (E, U&) or dollar quoting',
      hint = 'write plain literals';
  end if;
  v_rest := replace(v_rest, '''''', ' x ');
  if v_rest ~ '[;''"]|--|/\*' or btrim(v_rest, E' \t\r\n') = '' then
    raise exception using errcode = 'LE303',
      message = 'an expression is empty, or holds a comment, a semicolon or an open quote',
      hint = 'write one expression and nothing else';
  end if;
  foreach v_char in array regexp_split_to_array(regexp_replace(v_rest, '[^][()]', '', 'g'), '') loop
    v_depth := v_depth + case when v_char in ('(', '[') then 1 when v_char in (')', ']') then -1 else 0 end;
    exit when v_depth < 0;
  end loop;
  if v_depth <> 0 then
    raise exception using errcode = 'LE303',
      message = 'an expression does not balance its parentheses',
      hint = 'close what it opens, and nothing else';
  end if;
end
$$;

comment on function lethe_private.assert_single_expression(text) is 'Raises LE303 unless the text can only be one expression.';
--! EndIncluded lethe_private/assert_single_expression.sql
--! Included lethe/methods/keyed_hash.sql
-- HMAC-SHA-256 (RFC 2104) without an extension: the caller hands over the key already mixed with the
-- two constants, 64 bytes each. Doubling the backslashes turns the text into its own bytes by a cast
-- that is immutable; convert_to is only stable and could not serve an index.
create or replace function lethe.keyed_hash(value text, inner_pad bytea, outer_pad bytea)
  returns bytea
  language sql
  immutable
  parallel safe
return sha256(outer_pad || sha256(inner_pad || replace(value collate "C", '\', '\\')::bytea));

comment on function lethe.keyed_hash(text, bytea, bytea) is
  'HMAC-SHA-256 of a text in the database''s encoding. The key comes as its inner and outer pad (key xor 0x3636..., key xor 0x5c5c...), 64 bytes each.';
--! EndIncluded lethe/methods/keyed_hash.sql
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
  else left(value, keep_start)
    || repeat('*', char_length(value) - keep_start - keep_end)
    || right(value, keep_end)
end;

comment on function lethe.partial(text, int, int) is
  'Keeps the length and the given number of characters at start and end; stars for the rest, or for all when the value is shorter than twice what would be kept.';

-- Looks at what should be stars rather than building the masked value: at a third of the cost. Compared
-- byte by byte: under a nondeterministic collation a few characters equal nothing at all.
create or replace function lethe.is_partial(value text, keep_start int, keep_end int)
  returns boolean
  language sql
  immutable
  parallel safe
return case
  when char_length(value) < 2 * (keep_start + keep_end) then ltrim(value, '*') = '' collate "C"
  else ltrim(substr(value, keep_start + 1, char_length(value) - keep_start - keep_end), '*') = '' collate "C"
end;

comment on function lethe.is_partial(text, int, int) is
  'True when lethe.partial would leave the value as it is; null for null.';
--! EndIncluded lethe/methods/partial.sql
--! Included lethe/methods/pseudonym.sql
-- Keyed pseudonym: the same value under the same key always gives the same word, and nobody without the
-- key can find or confirm the value. Every character is text that any varchar or char column takes.
--
-- Regular expressions here are read under collation "C": they cost less, mean the same on every server,
-- and work on columns whose collation is nondeterministic, where PostgreSQL refuses them otherwise. The
-- number of digits is tested apart: a pattern that counts to 32 took seven times as long.
create or replace function lethe.is_pseudonym(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return octet_length(value) between 10 and 34
  and value collate "C" ~ '^p-[0-9a-f]+$';

comment on function lethe.is_pseudonym(text) is
  'True for p- and 8 to 32 hexadecimal digits; null for null.';

-- What is a pseudonym already stays, so that doing it again changes nothing.
create or replace function lethe.pseudonym(value text, inner_pad bytea, outer_pad bytea, length int)
  returns text
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym(value) then value
  else left('p-' || encode(lethe.keyed_hash(value, inner_pad, outer_pad), 'hex'), least(34, length))
end;

comment on function lethe.pseudonym(text, bytea, bytea, int) is
  'p- and 32 hexadecimal digits of the value''s HMAC, or fewer to fit a length limit (null: none; 10 characters at least).';
--! EndIncluded lethe/methods/pseudonym.sql
--! Included lethe/methods/pseudonym_email.sql
-- Keyed pseudonym that still is an e-mail address, in a domain that can never receive mail (RFC 2606).
-- The exact value is hashed, not its lower case: where a column tells "A@x" from "a@x", so does its
-- pseudonym, and a UNIQUE column stays so.
--
-- The recogniser tests length and domain first: that rules most values out at a tenth of the cost.
create or replace function lethe.is_pseudonym_email(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return octet_length(value) between 27 and 51
  and right(value, 19) = '@anonymized.invalid' collate "C"
  and left(value, -19) collate "C" ~ '^[0-9a-f]+$';

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
--! Included lethe/methods/pseudonym_uuid.sql
-- Keyed pseudonym for uuid columns: a version 8 uuid (RFC 9562: "vendor specific"), so that no uuid drawn
-- at random (version 4) or from a clock (1, 6, 7) is ever taken for one. The two middle groups are the
-- mark; 96 bits of the HMAC stand around them.
create or replace function lethe.is_pseudonym_uuid(value uuid)
  returns boolean
  language sql
  immutable
  parallel safe
return substr(value::text, 15, 9) = '8e7e-8e7e' collate "C";

comment on function lethe.is_pseudonym_uuid(uuid) is
  'True for a uuid of the form ********-****-8e7e-8e7e-************; null for null.';

create or replace function lethe.pseudonym_uuid(value uuid, inner_pad bytea, outer_pad bytea)
  returns uuid
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_uuid(value) then value
  else overlay(left(encode(lethe.keyed_hash(value::text, inner_pad, outer_pad), 'hex'), 32) placing '8e7e8e7e' from 13 for 8)::uuid
end;

comment on function lethe.pseudonym_uuid(uuid, bytea, bytea) is
  'A version 8 uuid made of 96 bits of the value''s HMAC and a mark in its two middle groups.';
--! EndIncluded lethe/methods/pseudonym_uuid.sql
--! Included lethe/methods/generalize_date.sql
-- Generalization of dates: the first day of the month, of the year, or of a band of years (a birth date
-- becomes the first day of the decade of birth: an age band, whatever today is).
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
  when "to" = 'year' then make_date(greatest(1, extract(year from value)::int), 1, 1)
  else make_date(greatest(1, extract(year from value)::int - extract(year from value)::int % greatest(width, 1)), 1, 1)
end;

comment on function lethe.generalize_date(date, text, int) is
  'First day of the month, the year or the age_band (of so many years) that the date lies in. Infinite dates stay.';

create or replace function lethe.generalize_date(value timestamp, "to" text, width int)
  returns timestamp
  language sql
  immutable
  parallel safe
return case
  when isfinite(value) is not true then value
  when "to" = 'month' then date_trunc('month', greatest(value, timestamp '0001-01-01'))
  when "to" = 'year' then date_trunc('year', greatest(value, timestamp '0001-01-01'))
  else make_timestamp(greatest(1, extract(year from value)::int - extract(year from value)::int % greatest(width, 1)), 1, 1, 0, 0, 0)
end;

comment on function lethe.generalize_date(timestamp, text, int) is
  'First instant of the month, the year or the age_band (of so many years) that the timestamp lies in. Infinite ones stay.';

create or replace function lethe.generalize_date(value timestamptz, "to" text, width int)
  returns timestamptz
  language sql
  immutable
  parallel safe
return lethe.generalize_date(value at time zone 'UTC', "to", width) at time zone 'UTC';

comment on function lethe.generalize_date(timestamptz, text, int) is
  'First instant, in UTC, of the month, the year or the age_band (of so many years) that the instant lies in. Infinite ones stay.';

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
--! Included lethe/methods/generalize_number.sql
-- Generalization of numbers: a value becomes the edge, towards zero, of its range of the given width
-- (1234 by 100: 1200; -1234: -1200). Towards zero, because rounding away from it could overflow the type.
--
-- One overload a type, so that the result fits the column without a cast that could fail. Infinite
-- values and NaN (which is greater than any other) stand for "none" and stay.
create or replace function lethe.generalize_number(value smallint, width int)
  returns smallint
  language sql
  immutable
  parallel safe
return (value - value % greatest(width, 1))::smallint;

comment on function lethe.generalize_number(smallint, int) is 'The multiple of the width at or next to the value, towards zero.';

create or replace function lethe.generalize_number(value int, width int)
  returns int
  language sql
  immutable
  parallel safe
return value - value % greatest(width, 1);

comment on function lethe.generalize_number(int, int) is 'The multiple of the width at or next to the value, towards zero.';

create or replace function lethe.generalize_number(value bigint, width int)
  returns bigint
  language sql
  immutable
  parallel safe
return value - value % greatest(width, 1);

comment on function lethe.generalize_number(bigint, int) is 'The multiple of the width at or next to the value, towards zero.';

create or replace function lethe.generalize_number(value numeric, width int)
  returns numeric
  language sql
  immutable
  parallel safe
return case
  when value > '-Infinity' and value < 'Infinity' then value - value % greatest(width, 1)
  else value
end;

comment on function lethe.generalize_number(numeric, int) is
  'The multiple of the width at or next to the value, towards zero. NaN and infinite values stay.';

-- Binary numbers hold every whole number only up to 2^24 (real) and 2^53 (double precision). Beyond,
-- multiples of the width are not exact, and doing it twice would drift: such values are top-coded to the
-- last multiple that is. What is nearer to zero than the width is zero without a division, which could
-- underflow.
create or replace function lethe.generalize_number(value real, width int)
  returns real
  language sql
  immutable
  parallel safe
return case
  when abs(value) < greatest(width, 1) then 0
  when value > '-Infinity' and value < 'Infinity'
    then (trunc(greatest(-16777216, least(16777216, value::double precision)) / greatest(width, 1)) * greatest(width, 1) + 0)::real
  else value
end;

comment on function lethe.generalize_number(real, int) is
  'The multiple of the width at or next to the value, towards zero, within 2^24 of zero. NaN and infinite values stay.';

create or replace function lethe.generalize_number(value double precision, width int)
  returns double precision
  language sql
  immutable
  parallel safe
return case
  when abs(value) < greatest(width, 1) then 0
  when value > '-Infinity' and value < 'Infinity'
    then trunc(greatest(-9007199254740992, least(9007199254740992, value)) / greatest(width, 1)) * greatest(width, 1) + 0
  else value
end;

comment on function lethe.generalize_number(double precision, int) is
  'The multiple of the width at or next to the value, towards zero, within 2^53 of zero. NaN and infinite values stay.';

create or replace function lethe.is_generalize_number(value smallint, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_number(value, width);

comment on function lethe.is_generalize_number(smallint, int) is
  'True when lethe.generalize_number would leave the value as it is; null for null.';

create or replace function lethe.is_generalize_number(value int, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_number(value, width);

comment on function lethe.is_generalize_number(int, int) is
  'True when lethe.generalize_number would leave the value as it is; null for null.';

create or replace function lethe.is_generalize_number(value bigint, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_number(value, width);

comment on function lethe.is_generalize_number(bigint, int) is
  'True when lethe.generalize_number would leave the value as it is; null for null.';

create or replace function lethe.is_generalize_number(value numeric, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_number(value, width);

comment on function lethe.is_generalize_number(numeric, int) is
  'True when lethe.generalize_number would leave the value as it is; null for null.';

create or replace function lethe.is_generalize_number(value real, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_number(value, width);

comment on function lethe.is_generalize_number(real, int) is
  'True when lethe.generalize_number would leave the value as it is; null for null.';

create or replace function lethe.is_generalize_number(value double precision, width int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_number(value, width);

comment on function lethe.is_generalize_number(double precision, int) is
  'True when lethe.generalize_number would leave the value as it is; null for null.';
--! EndIncluded lethe/methods/generalize_number.sql
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
return value = lethe.generalize_ip(value, v4, v6);

comment on function lethe.is_generalize_ip(inet, int, int) is
  'True when lethe.generalize_ip would leave the address as it is; null for null.';

create or replace function lethe.is_generalize_ip(value cidr, v4 int, v6 int)
  returns boolean
  language sql
  immutable
  parallel safe
return value = lethe.generalize_ip(value, v4, v6);

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
--! Included lethe/methods/scrub.sql
-- Scrubbing of free text: what looks like an e-mail address and every run of digits (telephone, account,
-- house and card numbers; separators inside a run go with it) is replaced by a word. Names stay, which
-- is why its output counts as pseudonymous. Digits of other scripts count as digits.
create or replace function lethe.is_scrub(value text)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" !~ '[0-9@\uFF20\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19]';

comment on function lethe.is_scrub(text) is
  'True for text without a digit and without an at sign; null for null.';

-- The words are longer than what they stand for may be: cut to the column's limit, and even a word cut
-- in two holds neither digit nor at sign.
create or replace function lethe.scrub(value text, length int default null)
  returns text
  language sql
  immutable
  parallel safe
return left(
  regexp_replace(
    regexp_replace(value collate "C", '\S*[@\uFF20]\S*', '[email]', 'g'),
    '[0-9\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19]([0-9\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19 ().+/-]*[0-9\u0660-\u0669\u06F0-\u06F9\u0966-\u096F\uFF10-\uFF19])?',
    '[number]', 'g'),
  coalesce(length, 2147483647));

comment on function lethe.scrub(text, int) is
  'Replaces each word with an at sign by [email] and each run of digits by [number], cut to a length limit (null: none).';
--! EndIncluded lethe/methods/scrub.sql
--! Included lethe/methods/catalogue.sql
-- Lethe's own ten methods. In the templates {value} is the column, {type} its base type, {length} its
-- length limit or null, {key} the controller's two HMAC pads, and every other word a parameter.
--
-- type_categories names base types as pg_type does, or whole categories by their letter.
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
   '{A,B,D,E,I,N,S,T,uuid,jsonb,bytea}', 'anonymous', false, false, false, null, null,
   '{"value": {"type": "string", "description": "the value to put, written as text whatever the column''s type"}}',
   'One and the same value for everybody.', true),

  ('partial',
   'lethe.partial({value}, {keep_start}, {keep_end})', 'lethe.is_partial({value}, {keep_start}, {keep_end})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, false, false, null, null,
   '{"keep_start": {"type": "integer", "default": 1, "minimum": 0, "maximum": 1000, "description": "characters to keep at the start"},
     "keep_end": {"type": "integer", "default": 0, "minimum": 0, "maximum": 1000, "description": "characters to keep at the end"}}',
   'Length and a few characters stay, the rest becomes stars; too short values become stars altogether.', true),

  -- Unique from 20 digits on: 80 bits, one chance in ten thousand million for ten million values.
  ('pseudonym',
   'lethe.pseudonym({value}, {key}, {length})', 'lethe.is_pseudonym({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', true, true, false, 10, 22, '{}',
   'A word under the controller''s key: the same for the same value, telling nothing about it.', true),

  ('pseudonym_email',
   'lethe.pseudonym_email({value}, {key}, {length})', 'lethe.is_pseudonym_email({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', true, true, false, 27, 39, '{}',
   'An undeliverable e-mail address under the controller''s key, one for each value.', true),

  ('pseudonym_uuid',
   'lethe.pseudonym_uuid({value}, {key})', 'lethe.is_pseudonym_uuid({value})',
   '{uuid}', 'pseudonymous', true, true, false, null, null, '{}',
   'A version 8 uuid under the controller''s key, one for each value.', true),

  ('generalize_date',
   'lethe.generalize_date({value}, {to}, {width})', 'lethe.is_generalize_date({value}, {to}, {width})',
   '{date,timestamp,timestamptz}', 'anonymous', false, false, false, null, null,
   '{"to": {"type": "string", "enum": ["month", "year", "age_band"], "default": "year", "description": "what is left of the date"},
     "width": {"type": "integer", "default": 10, "minimum": 1, "maximum": 1000, "description": "years in an age band"}}',
   'The first day of the month, the year or the band of years.', true),

  ('generalize_number',
   'lethe.generalize_number({value}, {width})', 'lethe.is_generalize_number({value}, {width})',
   '{int2,int4,int8,numeric,float4,float8}', 'anonymous', false, false, false, null, null,
   '{"width": {"type": "integer", "default": 10, "minimum": 1, "maximum": 2147483647, "description": "width of a range"}}',
   'The edge, towards zero, of the range the number lies in.', true),

  -- Never less than half of a version 6 address goes, nor less than the last bit of a version 4 one.
  ('generalize_ip',
   'lethe.generalize_ip({value}, {v4}, {v6})', 'lethe.is_generalize_ip({value}, {v4}, {v6})',
   '{inet,cidr,text,varchar,bpchar,citext}', 'anonymous', false, false, false, 15, 15,
   '{"v4": {"type": "integer", "default": 24, "minimum": 0, "maximum": 31, "description": "bits of a version 4 address to keep"},
     "v6": {"type": "integer", "default": 48, "minimum": 0, "maximum": 64, "description": "bits of a version 6 address to keep"}}',
   'The network the address lies in.', true),

  ('scrub',
   'lethe.scrub({value}, {length})', 'lethe.is_scrub({value})',
   '{text,varchar,bpchar,citext}', 'pseudonymous', false, false, false, null, null, '{}',
   'Free text without e-mail addresses and without numbers.', true)
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

-- The latest of several clocks, as a local day. Nulls, -infinity and past sentinels are ignored; a
-- clock too late to convert counts as infinity, that is: never due.
create or replace function lethe_private.latest_day_sql(
  alias text,
  table_oid oid,
  since text[],
  table_zone text,
  controller_zone text,
  past_sentinels text
)
  returns text
  language sql
  stable
begin atomic
  select 'greatest(' || string_agg(
    format('case when %1$s.%2$I >= %6$L then date ''infinity'' when %1$s.%2$I > %3$L%4$s then %5$s end',
      alias, h.name, lethe_private.clock_floor(),
      coalesce(' and ' || lethe_private.local_day_sql(alias, h, table_zone, controller_zone)
        || ' not in (' || past_sentinels || ')', ''),
      lethe_private.local_day_sql(alias, h, table_zone, controller_zone), lethe_private.clock_ceiling()),
    ', ' order by s.n) || ')'
  from unnest(since) with ordinality as s (name, n)
  join lethe_private.host_columns as h on h.relation = table_oid and h.name = s.name;
end;

comment on function lethe_private.latest_day_sql(text, oid, text[], text, text, text) is
  'The latest local day of several clocks; null when none is usable.';
--! EndIncluded lethe_private/clock_sql.sql
--! Included lethe_private/term_sql.sql
-- One term over one row, in three parts (type lethe_private.term_parts). The rule puts them together.
create or replace function lethe_private.term_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller_zone text,
  today date,
  after interval,
  since text[],
  condition text
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
  v_parts lethe_private.term_parts;
begin
  if cardinality(term_sql.since) = 1 then
    select h.* into v_clock from lethe_private.host_columns as h
    where h.relation = table_oid and h.name = term_sql.since[1];
    v_day := lethe_private.local_day_sql(alias, v_clock, managed.time_zone, controller_zone);
    v_parts.usable := format('%1$s.%2$I > %3$L and %1$s.%2$I < %5$L%4$s',
      alias, v_clock.name, lethe_private.clock_floor(), coalesce(' and ' || v_day || ' not in (' || v_all || ')', ''),
      lethe_private.clock_ceiling());
    v_parts.unusable := format('%1$s.%2$I is null or %1$s.%2$I <= %3$L or %1$s.%2$I >= %5$L%4$s',
      alias, v_clock.name, lethe_private.clock_floor(), coalesce(' or ' || v_day || ' in (' || v_all || ')', ''),
      lethe_private.clock_ceiling());
    -- What rules most rows out comes first.
    v_parts.expired := format('%4$s and %1$s.%2$I > %3$L%5$s',
      alias, v_clock.name, lethe_private.clock_floor(),
      lethe_private.up_to_day_sql(alias, v_clock, managed.time_zone, controller_zone, v_last),
      coalesce(' and ' || v_day || ' not in (' || v_past || ')', ''));
  else
    v_day := lethe_private.latest_day_sql(alias, table_oid, term_sql.since, managed.time_zone, controller_zone, v_past);
    v_parts.usable := format('%s < ''infinity''%s', v_day, coalesce(' and ' || v_day || ' not in (' || v_all || ')', ''));
    v_parts.unusable := format('not coalesce(%s, false)', v_parts.usable);
    v_parts.expired := format('%s <= date %L', v_day, v_last);
  end if;
  v_parts.applies := coalesce('(' || term_sql.condition || ')', v_parts.usable);
  return v_parts;
end
$$;

comment on function lethe_private.term_sql(text, lethe.managed_tables, oid, text, date, interval, text[], text) is
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
  rule_id int
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
    v_parts := array_append(v_parts, lethe_private.term_sql(alias, managed, table_oid, controller.time_zone, today,
      v_term.after, v_term.since, v_term.condition));
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

comment on function lethe_private.rule_sql(text, lethe.managed_tables, oid, lethe.controllers, date, int) is
  'When a row is due under a rule, for one controller and one local day; null when the rule has no term for it.';
--! EndIncluded lethe_private/rule_sql.sql
--! Included lethe_private/key_sql.sql
-- A row's key as one text, the same whatever the session's settings: jsonb writes dates in one way
-- only, and instants are put into UTC first.
create or replace function lethe_private.key_sql(alias text, table_oid oid, key_columns text[])
  returns text
  language sql
  stable
begin atomic
  select case
    when cardinality(key_columns) = 1 and min(h.type_category::text) in ('N', 'S', 'U') then
      format('%s.%I::text', alias, key_columns[1])
    else
      'jsonb_build_array(' || string_agg(
        format(case when h.type_name = 'timestamptz' then '%s.%I at time zone ''UTC''' else '%s.%I' end, alias, h.name),
        ', ' order by k.n) || ')::text'
  end
  from unnest(key_columns) with ordinality as k (name, n)
  join lethe_private.host_columns as h on h.relation = table_oid and h.name = k.name;
end;

comment on function lethe_private.key_sql(text, oid, text[]) is
  'SQL that renders a row''s key as text, independent of DateStyle and TimeZone.';
--! EndIncluded lethe_private/key_sql.sql
--! Included lethe_private/held.sql
-- What every statement asks. Named columns only: the sweeper may see that a key is held, not why.
create or replace view lethe_private.held as
  select k.table_id, k.key, h.ends_on
  from lethe_private.held_keys as k
  join lethe.holds as h on h.id = k.hold_id
  where h.released_at is null;

comment on view lethe_private.held is 'Keys under a hold that has not been released; a null key is the whole table.';

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
--! Included lethe_private/controller_sql.sql
create or replace function lethe_private.controller_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers)
  returns text
  language sql
  stable
begin atomic
  select case
    when managed.controller_column is null then 'true'
    -- The type without its length: a cast to varchar(2) would cut one controller's reference to another's.
    else (select format('%s.%I = %L::%s', alias, h.name, controller.reference, h.base_type)
          from lethe_private.host_columns as h
          where h.relation = table_oid and h.name = managed.controller_column)
  end;
end;

comment on function lethe_private.controller_sql(text, lethe.managed_tables, oid, lethe.controllers) is
  'True when the row belongs to the controller.';

create or replace function lethe_private.has_controller(managed lethe.managed_tables, controller lethe.controllers)
  returns boolean
  language sql
  immutable
return case
  when managed.controller_column is null then managed.controller_id = controller.id
  else controller.reference is not null
end;

comment on function lethe_private.has_controller(lethe.managed_tables, lethe.controllers) is
  'True when the table can hold rows of the controller.';
--! EndIncluded lethe_private/controller_sql.sql
--! Included lethe_private/method_sql.sql
-- Fills a method's template for one column, in a single pass, so that nothing filled in is ever read
-- as a placeholder again. Parameters become literals; the key stays a bind parameter, so that it is in
-- no statement text.
create or replace function lethe_private.method_sql(
  template text,
  alias text,
  column_facts lethe_private.host_columns,
  method lethe.methods,
  parameters jsonb
)
  returns text
  language sql
  stable
begin atomic
  with words as (
    select
      -- {value} is the column's; a parameter of that name is written {constant}.
      case d.key when 'value' then 'constant' else d.key end as word,
      case jsonb_typeof(coalesce(method_sql.parameters -> d.key, d.value -> 'default'))
        when 'number' then coalesce(method_sql.parameters -> d.key, d.value -> 'default') #>> '{}'
        when 'boolean' then coalesce(method_sql.parameters -> d.key, d.value -> 'default') #>> '{}'
        else quote_nullable(coalesce(method_sql.parameters -> d.key, d.value -> 'default') #>> '{}')
      end as sql
    from jsonb_each(method.parameters) as d
    union all
    values
      ('value', format(case when column_facts.type_category = 'S' and column_facts.type_name <> 'text'
        then '%s.%I::text' else '%s.%I' end, alias, column_facts.name)),
      ('type', column_facts.base_type),
      ('length', coalesce(column_facts.length::text, 'null::int')),
      ('key', '$2, $3')
  )
  select string_agg(coalesce(w.sql, m.part[2]), '' order by m.n)
  from regexp_matches(template, '\{(\w+)\}|([^{]+|\{)', 'g') with ordinality as m (part, n)
  left join words as w on w.word = m.part[1];
end;

comment on function lethe_private.method_sql(text, text, lethe_private.host_columns, lethe.methods, jsonb) is
  'The mask or the recogniser of a method over one column of a row.';
--! EndIncluded lethe_private/method_sql.sql
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
--! Included lethe_private/assert_template.sql
-- A template is an expression with holes. It may not leave the place it is put in, and its holes may not
-- stand inside quotes, where a column's name or a parameter would end the quotes.
create or replace function lethe_private.assert_template(method text, part text, template text, parameters jsonb)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_unquoted text := regexp_replace(coalesce(template, ''), '''([^'']|'''')*''|"([^"]|"")*"', ' ', 'g');
  v_word text;
begin
  perform lethe_private.assert_single_expression(template);
  -- Under standard_conforming_strings = off a backslash would take the quote after it into the literal.
  if template like E'%\\\\''%' then
    raise exception using errcode = 'LE303',
      message = format('the %s of method %s has a backslash before a quote', part, method),
      hint = 'write chr(92)';
  end if;
  -- A negative number after a minus sign would read as a comment.
  if v_unquoted ~ '-\{' then
    raise exception using errcode = 'LE303',
      message = format('the %s of method %s has a minus sign right before a placeholder', part, method),
      hint = 'put a space between them';
  end if;
  select p.word[1] into v_word
  from regexp_matches(template, '\{(\w+)\}', 'g') as p (word)
  where p.word[1] <> all (array['value', 'type', 'length', 'key'])
    and not parameters ? p.word[1]
  limit 1;
  if v_word is not null then
    raise exception using errcode = 'LE106',
      message = format('the %s of method %s has an unknown placeholder {%s}', part, method, v_word),
      hint = 'it may hold {value}, {type}, {length}, {key} and the parameters it declares';
  end if;
  if regexp_count(v_unquoted, '\{\w+\}') <> regexp_count(template, '\{\w+\}') then
    raise exception using errcode = 'LE106',
      message = format('the %s of method %s has a placeholder inside quotes', part, method),
      hint = 'placeholders bring their own quotes';
  end if;
end
$$;

comment on function lethe_private.assert_template(text, text, text, jsonb) is
  'Raises LE303 unless the template is one expression, LE106 unless its placeholders are known and outside of quotes.';

create or replace function lethe_private.assert_declared_parameters(method text, parameters jsonb)
  returns void
  language plpgsql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
  v_spec jsonb;
begin
  if jsonb_typeof(parameters) is distinct from 'object' then
    raise exception using errcode = 'LE106',
      message = format('the parameters of method %s are not an object', method),
      hint = '{"width": {"type": "integer", "default": 10, "minimum": 1}}';
  end if;
  for v_name, v_spec in select p.key, p.value from jsonb_each(parameters) as p loop
    if v_name !~ '^[a-z_][a-z0-9_]*$' or v_name = any (array['value', 'type', 'length', 'key', 'method']) then
      raise exception using errcode = 'LE106',
        message = format('method %s cannot have a parameter named %I', method, v_name),
        hint = 'lowercase words; value, type, length, key and method are taken';
    end if;
    if jsonb_typeof(v_spec) <> 'object' or coalesce(v_spec ->> 'type', '') not in ('integer', 'number', 'string', 'boolean') then
      raise exception using errcode = 'LE106',
        message = format('parameter %s of method %s does not say its type', v_name, method),
        hint = '{"type": "integer"}, or number, string, boolean';
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_declared_parameters(text, jsonb) is
  'Raises LE106 unless each parameter of a method has a usable name and a known type.';

-- A template is tried, and folded to constants, with the rights of lethe_owner. What it calls must therefore
-- belong to somebody who has these rights anyway.
create or replace function lethe_private.assert_trusted_names(method text, part text, template text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_unquoted text := regexp_replace(template, '''([^'']|'''')*''', ' ', 'g');
  v_name text;
begin
  if v_unquoted ~* '\moperator\s*\(' then
    raise exception using errcode = 'LE303',
      message = format('the %s of method %s names an operator by its schema', part, method),
      hint = 'use the operators of pg_catalog, or a function';
  end if;
  select format('%I.%I', n.nspname, o.name) into v_name
  from regexp_matches(v_unquoted, '([[:alpha:]_][[:alnum:]_$]*|"[^"]+")\s*\.\s*([[:alpha:]_][[:alnum:]_$]*|"[^"]+")', 'g') as m (word)
  cross join lateral (select case when w ~ '^"' then btrim(w, '"') else lower(w) end as schema, case when x ~ '^"' then btrim(x, '"') else lower(x) end as name
                      from (values (m.word[1], m.word[2])) as y (w, x)) as q
  join pg_namespace as n on n.nspname = q.schema and n.nspname not in ('pg_catalog', 'lethe')
  cross join lateral (
    select p.proname as name, p.proowner as owner from pg_proc as p where p.pronamespace = n.oid and p.proname = q.name
    union all
    select t.typname, t.typowner from pg_type as t where t.typnamespace = n.oid and t.typname = q.name
  ) as o
  where not pg_has_role(o.owner, 'lethe_owner', 'member')
  limit 1;
  if v_name is not null then
    raise exception using errcode = 'LE502',
      message = format('the %s of method %s calls %s, whose owner could act as lethe_owner through it', part, method, v_name),
      hint = format('alter function %s(...) owner to lethe_owner', v_name);
  end if;
end
$$;

comment on function lethe_private.assert_trusted_names(text, text, text) is
  'Raises LE502 when a template names a function or type of somebody who may not act as lethe_owner.';
--! EndIncluded lethe_private/assert_template.sql
--! Included lethe_private/try_method.sql
-- Tries a method on one type: in a temporary table, with the same statements that a cycle would run.
-- Errors name the promise that was broken and the SQLSTATE, never a value.

-- The sets of parameters to try: everything at its default, at its least, at its most.
create or replace function lethe_private.parameters_to_try(declared jsonb)
  returns setof jsonb
  language sql
  immutable
begin atomic
  select distinct coalesce(
    (select jsonb_object_agg(p.key, coalesce(p.value -> e.edge, p.value -> 'default', p.value -> 'enum' -> 0,
       case p.value ->> 'type' when 'string' then '"x"' when 'boolean' then 'false' else coalesce(p.value -> 'minimum', '1') end))
     from jsonb_each(declared) as p),
    '{}')
  from unnest(array['default', 'minimum', 'maximum']) as e (edge);
end;

comment on function lethe_private.parameters_to_try(jsonb) is 'Values for the declared parameters of a method: defaults, minima, maxima.';

create or replace function lethe_private.try_method(method lethe.methods, type oid)
  returns lethe.methods
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type text := (select format('%I.%I', n.nspname, t.typname) from pg_type as t join pg_namespace as n on n.oid = t.typnamespace where t.oid = try_method.type);
  v_on text := format('method %s on type %s', method.name, format_type(try_method.type, -1));
  v_column lethe_private.host_columns;
  v_parameters jsonb;
  v_state text;
  v_message text;
begin
  begin
    execute format('create temporary table lethe_trial (n int, value %1$s, masked %1$s, again %1$s) on commit drop', v_type);
    select h.* into v_column from lethe_private.host_columns as h where h.relation = 'pg_temp.lethe_trial'::regclass and h.name = 'value';
    for v_parameters in select p from lethe_private.parameters_to_try(method.parameters) as p loop
      perform lethe_private.try_expressions(method, v_column, v_parameters);
    end loop;
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
    raise exception using errcode = 'LE303',
      message = format('%s cannot be used: %s', v_on, v_message),
      hint = 'mask and recogniser are immutable expressions, functions in them named with their schema; the recogniser is boolean';
  end;

  begin
    execute format('insert into pg_temp.lethe_trial (n, value) select v.n, v.value::%s from unnest($1) with ordinality as v (value, n)', v_type)
      using lethe_private.hostile_values(try_method.type) || null::text;
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
    raise exception using errcode = 'LE304',
      message = format('%s cannot be tried: sample values do not fit (%s)', v_on, v_state),
      hint = 'name another type';
  end;
  for v_parameters in select p from lethe_private.parameters_to_try(method.parameters) as p loop
    method := lethe_private.try_values(method, v_on, v_column, v_parameters);
  end loop;
  drop table pg_temp.lethe_trial;
  return method;
end
$$;

comment on function lethe_private.try_method(lethe.methods, oid) is
  'Tries a method on one type and adds what it learns (null results, lengths). Raises LE303 or LE304.';

-- PostgreSQL itself says whether an expression may stand in an index: no subquery, nothing that is not
-- immutable. The key, a bind parameter in a cycle, cannot be one in an index.
create or replace function lethe_private.try_expressions(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  execute format(E'create index lethe_trial_index on pg_temp.lethe_trial ((1)) where ((\n%s\n)::%s is null) or (\n%s\n)',
    lethe_private.method_sql(replace(method.mask, '{key}', '''''::bytea, ''''::bytea'), 'lethe_trial', column_facts, method, parameters),
    column_facts.type,
    lethe_private.method_sql(replace(method.recogniser, '{key}', '''''::bytea, ''''::bytea'), 'lethe_trial', column_facts, method, parameters));
  drop index pg_temp.lethe_trial_index;
end
$$;

comment on function lethe_private.try_expressions(lethe.methods, lethe_private.host_columns, jsonb) is
  'Raises PostgreSQL''s own error unless mask and recogniser can stand in an index.';

create or replace function lethe_private.try_values(method lethe.methods, title text, column_facts lethe_private.host_columns, parameters jsonb)
  returns lethe.methods
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_recogniser text := lethe_private.method_sql(method.recogniser, 't', column_facts, method, parameters);
  v_mask text := format('(%s)::%s', lethe_private.method_sql(method.mask, 't', column_facts, method, parameters), column_facts.type);
  v_pad bytea := decode(repeat('36', 64), 'hex');
  v_masked lethe_private.host_columns := column_facts;
  v_facts record;
  v_broken text;
  v_state text;
begin
  v_masked.name := 'masked';
  begin
    execute format('update pg_temp.lethe_trial as t set masked = %s', v_mask) using null::tid[], v_pad, v_pad;
    execute format('update pg_temp.lethe_trial as t set again = (%s)::%s',
      lethe_private.method_sql(method.mask, 't', v_masked, method, parameters), column_facts.type) using null::tid[], v_pad, v_pad;
    execute format(
      'select bool_or(t.value is null and not r.raw) as null_refused, bool_or(not r.raw) as any_refused, bool_or(not r.own) as own_refused, '
      'bool_or(t.again::text is distinct from t.masked::text) as drifts, '
      'count(distinct t.masked::text) < count(distinct t.value::text) as collides, '
      'bool_or(t.masked is null and t.value is not null) as nulls_out, '
      'max(length(t.masked::text)) filter (where length(t.masked::text) > length(t.value::text)) as length_max '
      'from pg_temp.lethe_trial as t cross join lateral (select (%s) as raw, (%s) as own) as r',
      v_recogniser, lethe_private.method_sql(method.recogniser, 't', v_masked, method, parameters))
      into v_facts using null::tid[], v_pad, v_pad;
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate;
    v_broken := format('is not total: it raises SQLSTATE %s on some value', v_state);
  end;

  if v_broken is null then
    v_broken := case
      when v_facts.null_refused then 'does not count NULL as masked'
      when v_facts.own_refused then 'does not recognise its own output'
      when v_facts.drifts then 'is not idempotent: masking its output changes it again'
      when not v_facts.any_refused then 'takes every value for masked'
      when method.keeps_unique and v_facts.collides then 'does not keep values apart, though it says so'
    end;
  end if;
  if v_broken is not null then
    raise exception using errcode = 'LE304',
      message = format('%s %s', title, v_broken),
      hint = 'it was tried on empty, long, extreme and already masked values; lethe_private.hostile_values lists them';
  end if;

  method.nulls_out := method.nulls_out or v_facts.nulls_out;
  if column_facts.type_category = 'S' then
    method.length_min := greatest(method.length_min, lethe_private.shortest_fit(method, column_facts, parameters, v_facts.length_max));
    method.length_min_unique := greatest(method.length_min_unique, method.length_min, v_facts.length_max);
  end if;
  return method;
end
$$;

comment on function lethe_private.try_values(lethe.methods, text, lethe_private.host_columns, jsonb) is
  'Masks the sample values twice and raises LE304 unless the method is total, recognises its own output, is idempotent and keeps what it says.';

-- A method that is told the column's limit is asked for less and less room. One that is not told needs
-- room for whatever it makes longer than it was.
create or replace function lethe_private.shortest_fit(method lethe.methods, column_facts lethe_private.host_columns, parameters jsonb, length_max int)
  returns int
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_pad bytea := decode(repeat('36', 64), 'hex');
  v_masked lethe_private.host_columns := column_facts;
  v_fits boolean := false;
begin
  if method.mask not like '%{length}%' then
    return length_max;
  end if;
  v_masked.name := 'masked';
  for v_length in 1 .. coalesce(length_max, 1) loop
    v_masked.length := v_length;
    column_facts.length := v_length;
    begin
      execute format('update pg_temp.lethe_trial as t set masked = %s', lethe_private.method_sql(method.mask, 't', column_facts, method, parameters))
        using null::tid[], v_pad, v_pad;
      execute format('select bool_and(length(t.masked::text) <= %s and coalesce((%s), false)) from pg_temp.lethe_trial as t where t.masked is not null and length(t.value::text) <= %s',
        v_length, lethe_private.method_sql(method.recogniser, 't', v_masked, method, parameters), v_length)
        into v_fits using null::tid[], v_pad, v_pad;
    exception when others then
      v_fits := false;
    end;
    if v_fits then
      return nullif(v_length, 1);
    end if;
  end loop;
  return length_max;
end
$$;

comment on function lethe_private.shortest_fit(lethe.methods, lethe_private.host_columns, jsonb, int) is
  'The shortest length limit under which a method''s output fits and is recognised; null when any does.';
--! EndIncluded lethe_private/try_method.sql
--! Included lethe/methods/register_method.sql
-- Methods of a DBA's own. What is registered here runs every night inside UPDATE statements and stands in
-- indexes, so it is tried first on values chosen to break it (see try_method.sql). The trial shows that
-- a promise is broken; it cannot show that none ever will be.
create or replace function lethe.register_method(
  name text,
  mask text,
  recogniser text,
  types text[],
  output text,
  keeps_unique boolean default false,
  parameters jsonb default '{}',
  description text default ''
)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write lethe.methods; the expressions are tried as its owner
  set search_path = pg_catalog, pg_temp
  set standard_conforming_strings = on
  set jit = off
as $$
declare
  v_before lethe.methods;
  v_method lethe.methods;
  v_type oid;
begin
  if not lethe_private.is_operator() then
    raise exception using errcode = 'LE502',
      message = format('role %I may not register methods', session_user),
      hint = format('grant lethe_owner to %I', session_user);
  end if;
  if name is null or name !~ '^[a-z][a-z0-9_]{0,62}$' then
    raise exception using errcode = 'LE106',
      message = format('%L cannot be the name of a method', name),
      hint = 'a lowercase letter, then lowercase letters, digits and underscores';
  end if;
  select m.* into v_before from lethe.methods as m where m.name = register_method.name;
  if v_before.builtin then
    raise exception using errcode = 'LE106',
      message = format('method %s is one of Lethe''s own and cannot be replaced', name),
      hint = 'choose another name';
  end if;
  if output is null or output not in ('anonymous', 'pseudonymous') then
    raise exception using errcode = 'LE106',
      message = format('the output of method %s cannot be %L', name, output),
      hint = 'anonymous or pseudonymous';
  end if;
  perform lethe_private.assert_declared_parameters(name, parameters);
  perform lethe_private.assert_template(name, 'mask', mask, parameters);
  perform lethe_private.assert_template(name, 'recogniser', recogniser, parameters);
  perform lethe_private.assert_trusted_names(name, 'mask', mask);
  perform lethe_private.assert_trusted_names(name, 'recogniser', recogniser);

  v_method := row(name, mask, recogniser, types, output, coalesce(keeps_unique, false), concat(mask, recogniser) like '%{key}%',
    false, null, null, parameters, coalesce(description, ''), false);
  if coalesce(cardinality(types), 0) = 0 then
    raise exception using errcode = 'LE304',
      message = format('method %s names no type', name),
      hint = 'name base types as pg_type does: text, varchar, int4, date';
  end if;
  for v_type in select t from lethe_private.types_to_try(name, types) as t loop
    v_method := lethe_private.try_method(v_method, v_type);
  end loop;

  insert into lethe.methods values (v_method.*)
  on conflict on constraint methods_pkey do update
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
      description = excluded.description;

  insert into lethe.policy_changes (reason, object, before, after)
  select nullif(current_setting('lethe.reason', true), ''), 'methods', case when v_before.name is not null then to_jsonb(v_before) end, to_jsonb(v_method)
  where v_before is distinct from v_method;
end
$$;

comment on function lethe.register_method(text, text, text, text[], text, boolean, jsonb, text) is
  'Adds or replaces a method of your own: two SQL expressions with {value}, {type}, {length}, {key} and {parameter} in them. Names in them are schema-qualified. Raises LE106, LE303, LE304, LE502.';
--! EndIncluded lethe/methods/register_method.sql
--! Included lethe_private/actions.sql
-- All that a controller's rules do to one managed table, as expressions over one row.
create or replace function lethe_private.actions(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date
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
begin
  for v_rule in
    select r.id, r.column_name, r.action, row_number() over (order by (r.column_name is not null), h.position, r.action) as n
    from lethe.rules as r
    left join lethe_private.host_columns as h on h.relation = table_oid and h.name = r.column_name
    where r.table_id = managed.id
    order by n
  loop
    v_parts := lethe_private.rule_sql(alias, managed, table_oid, controller, today, v_rule.id);
    continue when v_parts.due is null;
    v_action := row('r' || v_rule.n, concat_ws(': ', v_rule.column_name, v_rule.action),
      case when v_rule.column_name is null then 'purge' else 'columns' end,
      v_rule.column_name, v_parts.due, v_parts.unclocked, 'true', null, 'null');

    if v_rule.column_name is not null then
      select h.* into v_column from lethe_private.host_columns as h
      where h.relation = table_oid and h.name = v_rule.column_name;
      v_action.needed := format('%s.%I is not null', alias, v_column.name);
    end if;

    if v_rule.action = 'anonymize' then
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

comment on function lethe_private.actions(text, lethe.managed_tables, oid, lethe.controllers, date) is
  'The actions in force on a managed table for one controller and one local day, row purge first.';
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
  ), refs as (
    select r.child, r.child_columns, r.parent_columns, r.foreign_key, r.on_delete = 'c' as cascades
    from lethe_private.host_references as r
    join family as f on f.oid = r.parent
    union all
    select lethe_private.host_table(c.schema_name, c.table_name), l.columns, l.to_columns, null, false
    from lethe.links as l
    join lethe.managed_tables as c on c.id = l.table_id
    join lethe.managed_tables as p on p.id = l.to_table_id
    where l.foreign_key is null
      and lethe_private.host_table(p.schema_name, p.table_name) = references_to.parent
  )
  select distinct on (refs.child, refs.child_columns, refs.parent_columns)
    refs.child, refs.child_columns, refs.parent_columns, refs.foreign_key, refs.cascades,
    coalesce(l.on_purge, 'keep'), m.id
  from refs
  left join lethe.managed_tables as m
    on lethe_private.host_table(m.schema_name, m.table_name) = refs.child
  left join lethe.links as l on l.table_id = m.id and l.columns = refs.child_columns
    and (select lethe_private.host_table(t.schema_name, t.table_name) from lethe.managed_tables as t where t.id = l.to_table_id) = references_to.parent
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
      a.due,
      lethe_private.held_sql(alias, managed, table_oid, today),
      coalesce(' and not (' || lethe_private.kept_sql(alias, table_oid, controller, today, true, path) || ')', ''))
    from lethe_private.actions(alias, managed, table_oid, controller, today) as a
    where managed.id is not null and a.phase = 'purge'), 'false');
end;

comment on function lethe_private.leaves_sql(text, lethe.managed_tables, oid, lethe.controllers, date, oid[]) is
  'True when the row will itself be purged in this cycle.';
--! EndIncluded lethe_private/kept_sql.sql
--! Included lethe_private/purge_sql.sql
-- A table that refers to itself: a row that stays keeps the row it refers to, and so on upwards. The set
-- is found by following the references from what stays. Written for one batch ($1: tid[]), or, to look
-- ahead, for all due rows of the table.
create or replace function lethe_private.staying_sql(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  batch boolean
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
  select format('%s and %s', lethe_private.controller_sql('c', managed, table_oid, controller), a.due) into v_due
  from lethe_private.actions('c', managed, table_oid, controller, today) as a where a.phase = 'purge';
  select format('%s and (%s) and not %s', lethe_private.controller_sql('s', managed, table_oid, controller), a.due,
      lethe_private.held_sql('s', managed, table_oid, today)) into v_due_child
  from lethe_private.actions('s', managed, table_oid, controller, today) as a where a.phase = 'purge';

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

comment on function lethe_private.staying_sql(lethe.managed_tables, oid, lethe.controllers, date, boolean) is
  'The WITH clause that finds the due rows which stay because of references within their own table; null when it has none.';

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
-- faster at them; they are counted from its own statistics.
create or replace function lethe_private.before_purge(table_oid oid, depth int default 0, joins text default '', path oid[] default '{}')
  returns table (table_name text, rule text, statement text, count_statement text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reference record;
  v_parent text := case depth when 0 then 'c' else 'k' || depth end;
  v_child text := 'k' || depth + 1;
  v_name text;
  v_on text;
  v_count text;
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
    return query select * from lethe_private.before_purge(
      v_reference.child, depth + 1, format('%s join %s as %s on %s', joins, v_name, v_child, v_on), path || table_oid);
    return query select v_name, 'with parent'::text, case when not v_reference.cascades then format(
      'with gone as (delete from %s as %s using {from} as c%s where c.ctid = any ($1){here} and %s returning 1) select jsonb_build_object(''rows'', count(*)) as facts, null::oid as target, null::tid[] as tids from gone',
      v_name, v_child, joins, v_on) end, v_count;
  end loop;
end
$$;

comment on function lethe_private.before_purge(oid, int, text, oid[]) is
  'Statements over a batch of leaving rows ($1: tid[]), and what counts them beforehand; a null statement marks a table that PostgreSQL''s own cascade empties.';
--! EndIncluded lethe_private/purge_sql.sql
--! Included lethe_private/purge_program.sql
-- How many rows of other tables would go, or be unlinked, with the rows that leave: for the plan.
create or replace function lethe_private.children_program(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  condition text
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_staying text := lethe_private.staying_sql(managed, table_oid, controller, today, false);
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
    from lethe_private.before_purge(table_oid) as b);
end
$$;

comment on function lethe_private.children_program(lethe.managed_tables, oid, lethe.controllers, date, text) is
  'The statements that count what would follow the leaving rows: [{"table", "rule", "statement"}].';

-- A purge with rows that refer to it takes several statements in one transaction. The parents are
-- locked first and looked at again in a second statement: a new child takes a share lock on its
-- parent, so after our lock none can appear, and the second statement sees all that were committed
-- before it. (In one statement a child committed meanwhile would be missed.)
create or replace function lethe_private.purge_program(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  condition text,
  key text
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_staying text := lethe_private.staying_sql(managed, table_oid, controller, today, true);
  v_kept text := lethe_private.kept_sql('c', table_oid, controller, today, false);
  v_referenced boolean := exists (select from lethe_private.references_to(table_oid));
  -- Rows that refer to each other in a circle can only go in one statement. Those that fell into several
  -- batches are gathered into one when nothing else is left.
  v_together text := case when v_staying is not null then lethe_private.staying_sql(managed, table_oid, controller, today, false)
    || $sql$select jsonb_build_object('rows', count(*)) as facts, d.target, array_agg(d.tid order by d.tid) as tids
from due as d
where not exists (select from staying as x where (x.target, x.tid) = (d.target, d.tid))
group by d.target$sql$ end;
  v_delete text := $sql$with gone as (
  delete from {from} as c
  where c.ctid = any ($1){here}%s
  returning %s as key
)
select jsonb_build_object('rows', count(*), 'root', %s, 'r1', count(*)) as facts,
  null::oid as target, null::tid[] as tids
from gone as a$sql$;
begin
  if not v_referenced then
    return jsonb_build_object('cascades', lethe_private.cascade_mark(table_oid), 'delete', format(v_delete, E'\n    and ' || condition, key, lethe_private.root_sql('a.key')));
  end if;
  return jsonb_build_object(
    'cascades', lethe_private.cascade_mark(table_oid),
    'lock', $sql$select jsonb_build_object('rows', count(*)) as facts, null::oid as target, null::tid[] as tids
from (select from {from} as c where c.ctid = any ($1){here} for update) as c$sql$,
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
    'before', (select coalesce(jsonb_agg(to_jsonb(b) - 'count_statement'), '[]') from lethe_private.before_purge(table_oid) as b),
    'children', lethe_private.children_program(managed, table_oid, controller, today, condition),
    'delete', format(v_delete, '', key, lethe_private.root_sql('a.key')));
end
$$;

comment on function lethe_private.purge_program(lethe.managed_tables, oid, lethe.controllers, date, text, text) is
  'The statements that purge a batch of rows: "delete" alone where nothing refers to the table, else lock, pick, before, delete.';
--! EndIncluded lethe_private/purge_program.sql
--! Included lethe_private/plain_clock_index.sql
-- Where a plain index on the clock stays, batches in clock order are cheaper (each touches neighbouring
-- index pages); everywhere else batches in heap order are. A purge writes to no index, so it is always
-- in heap order.
create or replace function lethe_private.plain_clock_index(managed lethe.managed_tables, table_oid oid, controller lethe.controllers)
  returns text
  language sql
  stable
begin atomic
  select t.since[1]
  from lethe_private.effective_terms(managed.id, controller.id) as t
  join lethe_private.host_columns as h on h.relation = table_oid and h.name = t.since[1]
  join pg_catalog.pg_index as i on i.indrelid = table_oid and i.indpred is null and i.indkey[0] = h.position
  join pg_catalog.pg_class as x on x.oid = i.indexrelid
  join pg_catalog.pg_am as m on m.oid = x.relam and m.amname = 'btree'
  where cardinality(t.since) = 1
  group by t.since[1]
  order by count(*) desc, t.since[1]
  limit 1;
end;

comment on function lethe_private.plain_clock_index(lethe.managed_tables, oid, lethe.controllers) is
  'The clock of this table that has an index over all rows; null when there is none.';
--! EndIncluded lethe_private/plain_clock_index.sql
--! Included lethe_private/compile.sql
-- Everything a cycle runs on one table for one controller and one local day, as text. lethe.preview
-- shows it; sweep_step runs it. In the texts:
--   $1              tid[], the addresses of a batch
--   $2, $3          the controller's HMAC pads; never literals, so that no log or statistics view shows a key
--   {from}, {here}  where the batch lives: the table, or one partition of it
--
-- Shape of the result:
--   {"rules": [{"flag", "rule", "phase"}], "unlocked",
--    "purge": null | {"discover", "lock", "pick", "before": [{"table", "rule", "statement"}], "delete"},
--    "columns": null | {"discover", "act", "act_on_all": null | {"own_rows", "actions", "key"}},
--    "look": text, "unclocked": text}

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

-- The row is looked at and changed in one statement, and only if it is still the version that was
-- looked at (same address, same xmin): a row that anybody changes meanwhile is left for the next pass.
-- watched: a trigger of the host may have taken the new value back, so only what complies is counted.
create or replace function lethe_private.act_sql(condition text, actions lethe_private.action_parts[], key text, watched boolean)
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
  select c.ctid as tid, c.xmin as version,
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
)
select %s as facts,
  null::oid as target, null::tid[] as tids
from acted as a%s$sql$,
    lethe_private.tests_sql(actions),
    condition,
    (select string_agg(format('%I = case %s else c.%I end', x.column_name, x.choices, x.column_name), E',\n    ' order by x.n) from columns as x),
    key,
    (select string_agg(case when watched then format('p.%1$s and (%2$s) is not true as %1$s', a.flag, a.needed)
      else format('p.%s', a.flag) end, ', ') from unnest(actions) as a),
    (select lethe_private.object_sql(array['''rows'', count(*)', '''root'', ' || lethe_private.root_sql('a.key')]
      || array_agg(format('%L, count(*) filter (where a.%s)', a.flag, a.flag))) from unnest(actions) as a),
    case when watched then (select ' where ' || string_agg('a.' || a.flag, ' or ') from unnest(actions) as a) else '' end);
end;

comment on function lethe_private.act_sql(text, lethe_private.action_parts[], text, boolean) is
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
      string_agg(case a.phase when 'purge' then format('d.%s and not d.kept', a.flag) else format('d.%s', a.flag) end, ' or ' order by a.n))]
    || array_agg(format(
      '%1$L, jsonb_build_object(''due'', count(*) filter (where d.%2$s%4$s), ''held'', count(*) filter (where d.%2$s and d.held), '
      '''kept'', %3$s)', a.flag, a.flag,
      case a.phase when 'purge' then format('count(*) filter (where d.%s and d.kept and not d.held)', a.flag) else '0' end,
      case when a.phase = 'columns' and p.flag is not null then format(' and not (d.%s and not d.kept and not d.held)', p.flag) else '' end)
      order by a.n)),
    string_agg(format('%s as %s', a.test, a.flag), E',\n    ' order by a.n),
    held,
    case
      when min(a.phase) filter (where a.phase = 'purge') is null then 'false'
      when staying is not null then format('exists (select from staying as x where (x.target, x.tid) = (c.tableoid, c.ctid))')
      when kept is null then 'false'
      else format('(%s) and (%s)', min(a.due) filter (where a.phase = 'purge'), kept)
    end,
    source, condition)
  from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
  -- A row that leaves takes its column rules with it.
  left join unnest(actions) as p (flag, rule, phase, column_name, due, unclocked, needed, test, new_value) on p.phase = 'purge';
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
  v_purge lethe_private.action_parts[] := array(select a from unnest(v_actions) as a where a.phase = 'purge');
  v_columns lethe_private.action_parts[] := array(select a from unnest(v_actions) as a where a.phase = 'columns');
  v_order text := lethe_private.plain_clock_index(managed, v_oid, controller);
  v_condition text;
  v_program jsonb;
begin
  if cardinality(v_actions) = 0 then
    return null;
  end if;
  v_program := jsonb_build_object(
    'unlocked', lethe_private.unlocked_sql(),
    'rules', (select jsonb_agg(jsonb_build_object('flag', a.flag, 'rule', a.rule, 'phase', a.phase)) from unnest(v_actions) as a),
    'look', lethe_private.look_sql(v_source, concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(v_actions)),
      v_actions, v_held, lethe_private.kept_sql('c', v_oid, controller, today, true),
      case when cardinality(v_purge) > 0 then lethe_private.staying_sql(managed, v_oid, controller, today, false) end),
    'unclocked', lethe_private.unclocked_sql(v_source, v_owner, v_actions));

  if cardinality(v_purge) > 0 then
    v_condition := concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(v_purge),
      lethe_private.not_held_sql('c', managed, v_oid, today));
    v_program := v_program || jsonb_build_object('purge',
      lethe_private.purge_program(managed, v_oid, controller, today, v_condition, v_key)
      || jsonb_build_object('discover', lethe_private.discover_sql(v_source, v_condition, v_purge, null, v_leaves, v_rows)));
  end if;
  if cardinality(v_columns) > 0 then
    v_condition := concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.any_due_sql(v_columns),
      lethe_private.not_held_sql('c', managed, v_oid, today));
    v_program := v_program || jsonb_build_object('columns', jsonb_build_object(
      'discover', lethe_private.discover_sql(v_source, v_condition, v_columns, v_order, v_leaves, v_rows),
      'act', lethe_private.act_sql(v_condition, v_columns, v_key, lethe_private.is_watched(v_oid)),
      'act_on_all', case when not lethe_private.is_watched(v_oid) then jsonb_build_object(
        'own_rows', concat_ws(E'\n    and ', nullif(v_owner, 'true'), lethe_private.not_held_sql('c', managed, v_oid, today)),
        'actions', to_jsonb(v_columns), 'key', v_key) end));
  end if;
  return v_program;
end
$$;

comment on function lethe_private.compile(lethe.managed_tables, lethe.controllers, date) is
  'The statements of one table, for one controller and one local day; null when no rule applies.';
--! EndIncluded lethe_private/compile.sql
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
      and p.proconfig = array['search_path=pg_catalog, pg_temp', 'row_security=off', 'bytea_output=hex', 'extra_float_digits=1', 'IntervalStyle=postgres', 'jit=off']
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
--! Included lethe_private/managed.sql
create or replace function lethe_private.get_managed("table" text)
  returns lethe.managed_tables
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.resolve_table("table");
  v_managed lethe.managed_tables;
begin
  select m.* into v_managed from lethe.managed_tables as m
  where lethe_private.host_table(m.schema_name, m.table_name) = v_oid;
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
--! Included lethe_private/condition.sql
-- A predicate given by a person is put inside a DELETE. PostgreSQL itself says what it means: it is
-- built into a partial index over an empty temporary table of the same columns, which refuses
-- subqueries, aggregates, anything not boolean and anything not immutable, and read back with every
-- name qualified. What runs later is what was read back, never what was typed.
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
  select lower(btrim(d.name[1], '"')) into v_schema
  from regexp_matches(regexp_replace(condition, '''([^'']|'''')*''', ' ', 'g'), '("(?:[^"]|"")*"|[[:alnum:]_]+)\s*\.\s*["[:alpha:]_]', 'g') as d (name)
  where lower(btrim(d.name[1], '"')) not in ('pg_catalog', 'lethe')
  limit 1;
  if found then
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
    and not exists (select from lethe_private.host_columns as h where h.relation = v_oid and h.name = n.name);
  if v_missing is not null then
    raise exception using errcode = 'LE103',
      message = format('table %s has no column %s', lethe_private.host_name(v_oid), v_missing),
      hint = 'it was dropped or renamed: take it out of the policy, or name it anew';
  end if;
end
$$;

comment on function lethe_private.assert_intact(lethe.managed_tables) is
  'Raises LE102 or LE103 when the table, or a column the policy needs, is no longer there.';
--! EndIncluded lethe_private/assert_intact.sql
--! Included lethe_private/assert_term.sql
-- Static refusals: what the catalogue alone can tell is refused when the policy is set, not at night.
create or replace function lethe_private.assert_clock(relation oid, since text[])
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
  v_column lethe_private.host_columns;
begin
  if coalesce(cardinality(since), 0) = 0 then
    raise exception using errcode = 'LE302',
      message = format('a rule on %s names no clock', lethe_private.host_name(relation)),
      hint = 'say since which column the delay counts';
  end if;
  foreach v_name in array since loop
    if v_name ~ '^\s*\w+\s*\(.*\)\s*$' then
      raise exception using errcode = 'LE315',
        message = format('clock %s aggregates over other rows, which this version cannot do', quote_literal(v_name)),
        hint = 'keep the date in a column of the table itself';
    end if;
    select h.* into v_column from lethe_private.host_columns as h where h.relation = assert_clock.relation and h.name = v_name;
    if not found then
      raise exception using errcode = 'LE103',
        message = format('table %s has no column %I', lethe_private.host_name(relation), v_name),
        hint = 'the clock of a rule is a column of its table';
    elsif v_column.type_name not in ('date', 'timestamp', 'timestamptz') or v_column.type_schema <> 'pg_catalog' then
      raise exception using errcode = 'LE302',
        message = format('column %I of %s is of type %s, which is no clock', v_name, lethe_private.host_name(relation), v_column.type),
        hint = 'a clock is a date, a timestamp or a timestamp with time zone';
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_clock(oid, text[]) is 'Raises LE103, LE302, LE315 unless every name is a date or time column of the table.';

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
      or v_spec ->> 'type' = 'string' and jsonb_typeof(v_value) <> 'string'
      or v_spec -> 'enum' is not null and not v_spec -> 'enum' @> v_value
    then
      raise exception using errcode = 'LE106',
        message = format('parameter %I of method %s cannot be %s', v_key, method.name, v_value),
        hint = concat_ws('; ', 'it takes ' || (v_spec ->> 'type'), 'at least ' || (v_spec ->> 'minimum'),
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
  where r.action = 'anonymize'
  group by c.name, r.id, r.column_name
  having count(distinct (t.method, t.parameters)) > 1
  limit 1;
  if found then
    raise exception using errcode = 'LE314',
      message = format('the terms of column %I of %s name different methods for controller %s',
      v_conflict.column_name, lethe_private.host_name(relation), v_conflict.controller),
      hint = 'one value can be masked in one way only';
  end if;

  -- Only where both delays count from the same clock for the same purpose can they be compared at all.
  select coalesce(r.column_name || ': ', '') || r.action as earlier, l.column_name || ': ' || l.action as later into v_conflict
  from lethe.rules as r
  join lethe.terms as t on t.rule_id = r.id
  join lethe.rules as l on l.table_id = r.table_id and l.action <= r.action and l.id <> r.id
    and (r.column_name is null or r.column_name = l.column_name)
  join lethe.terms as u on u.rule_id = l.id and u.since = t.since
    and u.condition is not distinct from t.condition
    and u.purpose is not distinct from t.purpose and u.controller_id is not distinct from t.controller_id
  where r.table_id = managed.id and r.action = 'purge' and l.column_name is not null and u.after >= t.after
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
    select distinct unnest(t.since) as name
    from lethe.terms as t join lethe.rules as r on r.id = t.rule_id
    where r.table_id = managed.id) as c
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
--! Included lethe_private/record_change.sql
-- Every row of the policy that changes is recorded whole, before and after. The rows hold names and
-- delays, nobody's data.
create or replace function lethe_private.record_change()
  returns trigger
  language plpgsql
  security definer  -- nobody may write lethe.policy_changes
  set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and to_jsonb(old) = to_jsonb(new) then
    return null;
  end if;
  insert into lethe.policy_changes (by, reason, object, before, after)
  values (session_user, nullif(current_setting('lethe.reason', true), ''), tg_table_name,
    case when tg_op <> 'INSERT' then to_jsonb(old) end, case when tg_op <> 'DELETE' then to_jsonb(new) end);
  -- An open cycle goes on under the policy as it is now. This waits for batches under way.
  if tg_table_name not in ('memberships', 'managed_columns', 'subject_types', 'holds') then
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
create or replace trigger record_change after insert or update or delete on lethe.subject_types for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.links for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.terms for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.settings for each row execute function lethe_private.record_change();
create or replace trigger record_change after insert or update or delete on lethe.holds for each row execute function lethe_private.record_change();
--! EndIncluded lethe_private/record_change.sql
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

  insert into lethe.controllers as c (name, time_zone, reference, title)
  values (set_controller.name, set_controller.time_zone, set_controller.reference, set_controller.title)
  on conflict on constraint controllers_name_key do update
  set time_zone = excluded.time_zone, reference = excluded.reference, title = excluded.title
  returning c.id into v_id;
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
  sentinels text[] default null
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

  insert into lethe.managed_tables as m
    (schema_name, table_name, controller_id, controller_column, time_zone, search_path, key_columns, sentinels)
  select n.nspname, c.relname, v_controller_id, manage_table.controller_column, manage_table.time_zone,
    manage_table.search_path, v_key, lethe_private.read_days(manage_table.sentinels)
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = v_oid
  on conflict (schema_name, table_name) do update
  set controller_id = excluded.controller_id, controller_column = excluded.controller_column, time_zone = excluded.time_zone,
      search_path = excluded.search_path, key_columns = excluded.key_columns, sentinels = excluded.sentinels
  returning m.id into v_id;
  return v_id;
end
$$;

comment on function lethe.manage_table(text, text, text, text, text, text[], text[]) is
  'Tells Lethe of a table: whose rows it holds (one controller, or a column that says), in which zone its timestamps are, and so on. Returns its id. Raises LE101 to LE106, LE201 to LE203, LE502.';

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
--! Included lethe/set_column.sql
create or replace function lethe.set_column(
  "table" text, "column" text, category text default null, purposes text[] default null, legal_basis text default null
)
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
  if set_column.category not in ('direct identifier', 'contact', 'quasi-identifier', 'special category', 'content', 'technical', 'not personal') then
    raise exception using errcode = 'LE106',
      message = format('category %L is unknown', set_column.category),
      hint = 'one of direct identifier, contact, quasi-identifier, special category, content, technical, not personal';
  end if;
  insert into lethe.managed_columns (table_id, column_name, category, purposes, legal_basis)
  values (v_managed.id, "column", set_column.category, coalesce(set_column.purposes, '{}'), set_column.legal_basis)
  on conflict (table_id, column_name) do update
  set category = excluded.category, purposes = excluded.purposes, legal_basis = excluded.legal_basis;
end
$$;

comment on function lethe.set_column(text, text, text, text[], text) is
  'Says what a column holds, for which purposes and on which legal basis. Raises LE102, LE103, LE106, LE502.';

create or replace function lethe_private.assert_columns(managed lethe.managed_tables, columns text[])
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_name text;
begin
  foreach v_name in array coalesce(columns, '{}') loop
    if not exists (select from lethe_private.host_columns as h where h.relation = v_oid and h.name = v_name) then
      raise exception using errcode = 'LE103',
        message = format('table %s has no column %I', lethe_private.host_name(v_oid), v_name),
        hint = 'it has ' || (select string_agg(quote_ident(h.name), ', ' order by h.position) from lethe_private.host_columns as h where h.relation = v_oid);
    end if;
  end loop;
end
$$;

comment on function lethe_private.assert_columns(lethe.managed_tables, text[]) is 'Raises LE103 for the first column the table does not have.';
--! EndIncluded lethe/set_column.sql
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
declare
  v_child lethe.managed_tables := lethe_private.get_managed("table");
  v_parent lethe.managed_tables;
  v_type_id int;
  v_link record;
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
    select min(r.foreign_key) as foreign_key, columns as child_columns, to_columns as parent_columns into v_link
    from lethe_private.host_references as r
    where (r.child, r.parent, r.child_columns, r.parent_columns) in (
      (lethe_private.host_table(v_child.schema_name, v_child.table_name), lethe_private.host_table(v_parent.schema_name, v_parent.table_name), columns, to_columns),
      (lethe_private.host_table(v_parent.schema_name, v_parent.table_name), lethe_private.host_table(v_child.schema_name, v_child.table_name), to_columns, columns));
  else
    select * into v_link from lethe_private.find_reference(v_child, "to", columns);
    v_parent := lethe_private.get_managed(lethe_private.host_name(v_link.parent));
  end if;
  perform lethe_private.assert_on_purge(v_child, v_parent, v_link.child_columns, on_purge);

  insert into lethe.links (subject_type_id, table_id, columns, to_table_id, to_columns, foreign_key, kind, on_purge, on_erasure)
  values (v_type_id, v_child.id, v_link.child_columns, v_parent.id, v_link.parent_columns, v_link.foreign_key, set_link.kind, set_link.on_purge, set_link.on_erasure)
  on conflict on constraint links_table_id_columns_to_table_id_subject_type_id_key do update
  set to_columns = excluded.to_columns, foreign_key = excluded.foreign_key, kind = excluded.kind,
      on_purge = excluded.on_purge, on_erasure = excluded.on_erasure;
end
$$;

comment on function lethe.set_link(text, text, text[], text[], text, text, text, jsonb) is
  'Declares how rows of a table refer to another: through its foreign key, or by the columns named. Raises LE102, LE103, LE106, LE109, LE305, LE502.';

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
    and exists (select from lethe.managed_tables as m where lethe_private.host_table(m.schema_name, m.table_name) = r.parent);
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
  perform lethe_private.assert_clock(v_oid, since);
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
  values (v_term.rule_id, v_controller_id, put_rule.purpose, v_term.after, put_rule.since, put_rule."when", v_term.condition,
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
  'Sets one term of a rule: what happens (anonymize, purge) to a column, or to the row, how long (ISO 8601) after which clock, for which purpose. Returns the rule''s id. Raises LE101 to LE106, LE301 to LE316, LE502.';

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
  if action = 'archive' then
    raise exception using errcode = 'LE315',
      message = 'action archive is not available in this version',
      hint = 'anonymize or purge';
  elsif action is null or action not in ('anonymize', 'purge') or "column" is null and action <> 'purge' then
    raise exception using errcode = 'LE106',
      message = format('action %s is unknown for a %s', coalesce(quote_literal(action), 'null'), case when "column" is null then 'row' else 'column' end),
      hint = 'a column is anonymized or purged; a row is purged';
  elsif action = 'anonymize' and method is null then
    raise exception using errcode = 'LE104',
      message = format('the rule on %s.%I names no method', lethe_private.host_name(relation), "column"),
      hint = 'lethe.methods lists them';
  elsif action = 'purge' and method is not null then
    raise exception using errcode = 'LE106',
      message = format('a purge of %s takes no method', lethe_private.host_name(relation)),
      hint = 'leave the method out, or anonymize';
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
      array['controller', 'time_zone', 'search_path', 'key', 'sentinels', 'since', 'columns', 'purge', 'archive', 'with', 'unlink'], 'table ' || v_name);
    v_id := lethe.manage_table(v_name, v_table #>> '{controller,constant}', v_table #>> '{controller,column}', v_table ->> 'time_zone',
      v_table ->> 'search_path', lethe_private.text_list(v_table -> 'key'), lethe_private.text_list(v_table -> 'sentinels'));
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
        'sentinels', nullif(to_jsonb(m.sentinels), '[]'),
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
--! EndIncluded lethe_private/holds_wait.sql
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
  with found as (
    select r.facts, r.target, r.found_tids
    from lethe_private.run_as_sweeper(statement, managed) as r
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
  select r.facts into v_facts
  from lethe_private.run_as_sweeper(lethe_private.place(v_statement, v_oid, batch.target),
    managed, batch.tids, pads.inner_pad, pads.outer_pad) as r;
  return v_facts;
end
$$;

comment on function lethe_private.sweep_columns(lethe.managed_tables, jsonb, lethe_private.worklist, lethe_private.controller_keys) is
  'Applies the column rules to one batch. Returns {"rows", "root", "rN": rows per rule}.';

create or replace function lethe_private.sweep_purge(
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
  if program #> '{purge,pick}' is not null then
    perform r.facts from lethe_private.run_as_sweeper(
      lethe_private.place(program #>> '{purge,lock}', v_oid, batch.target), managed, v_tids) as r;
    for v_before in select l from jsonb_array_elements(program #> '{purge,lock_children}') as l loop
      perform r.facts from lethe_private.run_as_sweeper(
        lethe_private.place(v_before #>> '{}', v_oid, batch.target), managed, v_tids) as r;
    end loop;
    select r.found_tids into v_tids from lethe_private.run_as_sweeper(
      lethe_private.place(program #>> '{purge,pick}', v_oid, batch.target), managed, v_tids) as r;
    if v_tids is null then
      return jsonb_build_object('rows', 0);
    end if;
  end if;

  -- Cascaded rows are nobody''s RETURNING; the difference in the transaction''s statistics counts them.
  select jsonb_object_agg(x.name, lethe_private.deleted_in_transaction(lethe_private.resolve_table(x.name))) into v_deleted_before
  from (select distinct b ->> 'table_name' as name from jsonb_array_elements(program #> '{purge,before}') as b
        where b ->> 'rule' = 'with parent') as x;

  for v_before in
    select b from jsonb_array_elements(program #> '{purge,before}') as b where b ->> 'statement' is not null
  loop
    select r.facts into v_facts from lethe_private.run_as_sweeper(
      lethe_private.place(v_before ->> 'statement', v_oid, batch.target), managed, v_tids) as r;
    if v_before ->> 'rule' <> 'with parent' then
      v_children := v_children || jsonb_build_object('table', v_before -> 'table_name', 'rule', v_before -> 'rule', 'rows', v_facts -> 'rows');
    end if;
  end loop;

  select r.facts into v_facts from lethe_private.run_as_sweeper(
    lethe_private.place(program #>> '{purge,delete}', v_oid, batch.target), managed, v_tids, pads.inner_pad, pads.outer_pad) as r;

  -- The DELETE locks its table against new foreign keys, so one that came since the program was written
  -- shows now at the latest. What it took along was not asked about: all is undone, and compiled anew.
  if lethe_private.cascade_mark(v_oid) is distinct from program #>> '{purge,cascades}' then
    raise exception using errcode = 'serialization_failure', message = 'a foreign key to the table has come or gone';
  end if;

  select v_children || coalesce(jsonb_agg(jsonb_build_object('table', d.key, 'rule', 'with parent',
      'rows', lethe_private.deleted_in_transaction(lethe_private.resolve_table(d.key)) - d.value::bigint)), '[]')
    into v_children
  from jsonb_each_text(v_deleted_before) as d;
  return v_facts || jsonb_build_object('children', v_children);
end
$$;

comment on function lethe_private.sweep_purge(lethe.managed_tables, jsonb, lethe_private.worklist, lethe_private.controller_keys) is
  'Purges one batch of rows. Returns {"rows", "root", "r1", "children": [{"table", "rule", "rows"}]}.';
--! EndIncluded lethe_private/sweep_batch.sql
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
  'One batch of one table of a cycle. paced: not outside the time window, nor while replicas lag. Call until the state is done or failed; after retry, wait or busy, pause first. Raises LE403, LE405.';

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

    if batch.attempts > 1 then
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
    if cycle_table.phase = 'purge' then
      v_facts := lethe_private.sweep_purge(v_managed, program, batch, v_pads);
    else
      v_facts := lethe_private.sweep_columns(v_managed, program, batch, v_pads);
    end if;
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
  set phase = case t.phase when 'purge' then 'columns' else t.phase end,
      state = case t.phase when 'purge' then 'sweeping' else 'swept' end,
      pass = 0,
      done_before_pass = t.rows_done
  where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
  return case cycle_table.phase when 'purge' then 'discovered' else 'done' end;
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

-- The program of a table, compiled where there is none: at the beginning, and again when the policy or a
-- foreign key has changed meanwhile, in which case its search begins anew. Until the transaction ends nobody can change
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
  v_state text;
begin
  select c.program into v_program from lethe_private.compiled as c
  where c.cycle_id = cycle.id and c.table_id = cycle_table.table_id
  for share;
  if found then
    if v_program -> 'purge' is null or v_program #>> '{purge,cascades}' = (
      select lethe_private.cascade_mark(lethe_private.host_table(m.schema_name, m.table_name))
      from lethe.managed_tables as m where m.id = cycle_table.table_id)
    then
      return v_program;
    end if;
    delete from lethe_private.compiled as c where c.cycle_id = cycle.id and c.table_id = cycle_table.table_id;
  end if;

  begin
    select m.* into v_managed from lethe.managed_tables as m where m.id = cycle_table.table_id;
    select c.* into v_controller from lethe.controllers as c where c.id = cycle.controller_id;
    perform lethe_private.assert_intact(v_managed);
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
--! Included lethe/ready_tables.sql
-- Tables whose children have been swept: their rows can go only after what refers to them. Where tables
-- refer to each other in a circle and nothing else moves, one of them is let through; a later round
-- takes what it leaves.
create or replace function lethe.ready_tables(cycle_id bigint)
  returns table (table_id int, table_name text)
  language sql
  stable
  security definer  -- reads the links and the catalogue for a worker
  set jit = off
begin atomic
  with waiting as (
    select c.table_id, c.table_name, c.state,
      lethe_private.host_table(m.schema_name, m.table_name) as oid
    from lethe.cycle_tables as c
    join lethe.managed_tables as m on m.id = c.table_id
    where c.cycle_id = ready_tables.cycle_id
      and c.state in ('waiting', 'sweeping')
  ), ready as (
    select w.table_id, w.table_name, not exists (
        select
        from lethe_private.references_to(w.oid) as r
        join waiting as child on child.table_id = r.managed_id
        where child.table_id <> w.table_id) as is_free
    from waiting as w
    where w.state = 'waiting'
  )
  select r.table_id, r.table_name
  from ready as r
  where r.is_free
    or (not exists (select from ready as f where f.is_free)
        and not exists (select from waiting as w where w.state = 'sweeping')
        and r.table_id = (select min(x.table_id) from ready as x))
  order by r.table_id;
end;

comment on function lethe.ready_tables(bigint) is 'The tables of a cycle that can be swept now.';
--! EndIncluded lethe/ready_tables.sql
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
    v_look := lethe_private.count_as_sweeper(v_program ->> 'look', v_managed);
    v_unclocked := lethe_private.count_as_sweeper(v_program ->> 'unclocked', v_managed);
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
    cycle_table.cycle_id, cycle_table.table_name, r.rule, cycle_table.table_id,
    greatest(coalesce((cycle_table.found ->> r.flag)::bigint, 0), l.left_over) + coalesce((look #>> array[r.flag, 'held'])::bigint, 0),
    coalesce((select sum((b.counts ->> r.flag)::bigint) from lethe.evidence_batches as b
              where b.cycle_id = cycle_table.cycle_id and b.table_id = cycle_table.table_id and b.phase = r.phase), 0),
    coalesce((look #>> array[r.flag, 'held'])::bigint, 0),
    coalesce((look #>> array[r.flag, 'kept'])::bigint, 0),
    least(s.skipped, l.left_over),
    case when least(s.skipped, l.left_over) > 0 then cycle_table.skipped -> r.phase end,
    coalesce((unclocked ->> r.flag)::bigint, 0),
    l.left_over
  from jsonb_to_recordset(program -> 'rules') as r (flag text, rule text, phase text)
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
  delete from lethe_private.worklist as w where w.cycle_id = finish_cycle.cycle_id;
  delete from lethe_private.compiled as p where p.cycle_id = finish_cycle.cycle_id;
  return v_cycle.state;
end
$$;

comment on function lethe.finish_cycle(bigint) is
  'Closes a cycle whose tables are all verified, left over or failed: complete or incomplete; open while some are not. Raises LE403.';
--! EndIncluded lethe/finish_cycle.sql
--! Included lethe/cycle_helpers.sql
-- What drives a cycle asks these. All are definer functions: a worker reads none of Lethe's tables.

create or replace function lethe.controllers_to_run(controller text default null)
  returns table (name text)
  language plpgsql
  stable
  security definer
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  if controllers_to_run.controller is not null then
    perform lethe_private.get_controller(controllers_to_run.controller);
  end if;
  return query
    select c.name from lethe.controllers as c
    where c.name = coalesce(controllers_to_run.controller, c.name)
    order by c.name;
end
$$;

comment on function lethe.controllers_to_run(text) is 'One controller, which must exist, or all. Raises LE101.';

create or replace function lethe.controllers_due()
  returns table (controller text, local_date date)
  language sql
  stable
  security definer
  set jit = off
begin atomic
  -- A day that was missed is covered by the next cycle: what was due then is due now.
  select c.name, lethe_private.today(c.time_zone)
  from lethe.controllers as c
  where not exists (
      select from lethe.cycles as y
      where y.controller_id = c.id and y.state <> 'open' and y.local_date >= lethe_private.today(c.time_zone))
    and exists (select from lethe.managed_tables as m where lethe_private.has_controller(m, c))
  order by c.name;
end;

comment on function lethe.controllers_due() is
  'Controllers whose local day has turned and has no finished cycle yet; one with an open cycle is listed, to be gone on with.';

create or replace function lethe.unfinished_tables(cycle_id bigint)
  returns table (table_id int, table_name text, state text)
  language sql
  stable
  security definer
  set jit = off
begin atomic
  select t.table_id, t.table_name, t.state
  from lethe.cycle_tables as t
  where t.cycle_id = unfinished_tables.cycle_id and t.state in ('waiting', 'sweeping')
  order by t.state, t.table_id;
end;

comment on function lethe.unfinished_tables(bigint) is 'The tables of a cycle that are not swept yet.';

create or replace function lethe.verify_cycle(cycle_id bigint)
  returns bigint
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_table lethe.cycle_tables;
begin
  for v_table in
    select t.* from lethe.cycle_tables as t
    where t.cycle_id = verify_cycle.cycle_id and t.state in ('swept', 'failed')
    order by t.table_id
  loop
    perform lethe.verify_table(v_table.cycle_id, v_table.table_id);
  end loop;
  return (select count(*) from lethe.cycle_tables as t where t.cycle_id = verify_cycle.cycle_id and t.state in ('waiting', 'sweeping'));
end
$$;

comment on function lethe.verify_cycle(bigint) is
  'Re-reads every swept table of a cycle. Returns how many are to be swept once more.';

create or replace function lethe.release_controller(controller text)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform pg_advisory_unlock(lethe_private.lock_id((lethe_private.get_controller(controller)).id));
end
$$;

comment on function lethe.release_controller(text) is 'Gives back what start_cycle(..., alone => true) took for this session.';
--! EndIncluded lethe/cycle_helpers.sql
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
  order by t.table_name;
end;

comment on function lethe.cycle_faults(bigint) is
  'The tables that keep a cycle from being complete, and why: SQLSTATE and constraint, or how many rows are left.';
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
    where lethe_private.acts_for(c.id) or pg_has_role(session_user, 'lethe_worker', 'member')
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
  v_unclocked jsonb;
  v_children jsonb;
  v_name text := format('%I.%I', managed.schema_name, managed.table_name);
begin
  perform lethe_private.assert_intact(managed);
  v_program := lethe_private.compile(managed, controller, today);
  begin
    v_look := lethe_private.count_as_sweeper(v_program ->> 'look', managed);
    v_unclocked := lethe_private.count_as_sweeper(v_program ->> 'unclocked', managed);
    select jsonb_agg(c || jsonb_build_object('rows', lethe_private.count_as_sweeper(c ->> 'statement', managed))) into v_children
    from jsonb_array_elements(v_program #> '{purge,children}') as c;
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
    from jsonb_to_recordset(v_program -> 'rules') as r (flag text, rule text)
    union all
    select v_name, 'rows', (v_look ->> 'rows')::bigint, null, null, null
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
  stable
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
      and (lethe_private.acts_for(c.id) or pg_has_role(session_user, 'lethe_worker', 'member'))
    order by c.name
  loop
    v_program := lethe_private.compile(v_managed, v_controller, lethe_private.today(v_controller.time_zone));
    return query
      select v_controller.name, s.step, lethe_private.place(s.statement,
        lethe_private.host_table(v_managed.schema_name, v_managed.table_name), lethe_private.host_table(v_managed.schema_name, v_managed.table_name))
      from (
        select n::numeric as n, 'purge: ' || k as step, v_program #>> array['purge', k] as statement
        from unnest(array['discover', 'lock', 'pick']) with ordinality as x (k, n)
        union all
        select 10 + n, 'purge: ' || concat_ws(' ', b ->> 'rule', b ->> 'table_name'),
          coalesce(b ->> 'statement', '-- by the foreign key''s own ON DELETE CASCADE')
        from jsonb_array_elements(v_program #> '{purge,before}') with ordinality as x (b, n)
        union all
        select 100, 'purge: delete', v_program #>> '{purge,delete}'
        union all
        select 200 + n, 'columns: ' || k, v_program #>> array['columns', k] from unnest(array['discover', 'act']) with ordinality as x (k, n)
        union all
        select 250, 'columns: act where all rules are due', lethe_private.act_on_all_sql(v_program #>> '{columns,act_on_all,own_rows}',
          array(select jsonb_populate_record(null::lethe_private.action_parts, e)
                from jsonb_array_elements(v_program #> '{columns,act_on_all,actions}') as e), v_program #>> '{columns,act_on_all,key}')
        where jsonb_typeof(v_program #> '{columns,act_on_all}') = 'object'
        union all
        select 300, 'verify', v_program ->> 'look'
        union all
        select 301, 'verify: unclocked', v_program ->> 'unclocked'
      ) as s
      where s.statement is not null
      order by s.n;
  end loop;
end
$$;

comment on function lethe.preview(text, text) is
  'The exact statements a cycle would run on a table today. $1: addresses of a batch; $2, $3: the controller''s key. Raises LE101 to LE103.';
--! EndIncluded lethe/preview.sql
--! Included lethe/already_masked.sql
-- A method knows its output by its form, so a value that an application wrote in that form counts as
-- masked. How many there are before their time is worth a look before a rule is trusted.
create or replace function lethe.already_masked("table" text, controller_name text default null)
  returns table (controller text, rule text, looks_masked bigint)
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_oid oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_controller lethe.controllers;
  v_action lethe_private.action_parts;
begin
  perform lethe_private.assert_intact(v_managed);
  for v_controller in
    select c.* from lethe.controllers as c
    join lethe.controllers_to_run(controller_name) as r on r.name = c.name
    where lethe_private.has_controller(v_managed, c) and lethe_private.acts_for(c.id)
    order by c.name
  loop
    for v_action in
      select a.* from lethe_private.actions('c', v_managed, v_oid, v_controller, lethe_private.today(v_controller.time_zone)) as a
      where a.phase = 'columns'
    loop
      return query select v_controller.name, v_action.rule, lethe_private.count_as_sweeper(
        format('select to_jsonb(count(*)) from %s as c where %s and c.%I is not null and not (%s) and not coalesce(%s, false)',
          lethe_private.host_name(v_oid), lethe_private.controller_sql('c', v_managed, v_oid, v_controller),
          v_action.column_name, v_action.needed, v_action.due), v_managed)::bigint;
    end loop;
  end loop;
end
$$;

comment on function lethe.already_masked(text, text) is
  'Values that a rule''s method takes for its own output although the rule is not due on them, per controller and rule. Reads the whole table. Raises LE101 to LE103.';
--! EndIncluded lethe/already_masked.sql
--! Included lethe/ownerless_rows.sql
-- Rows whose controller column names no controller belong to nobody's cycle: nothing is ever done to them.
create or replace function lethe.ownerless_rows()
  returns table (table_name text, ownerless_rows bigint)
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables;
  v_oid oid;
  v_owned text;
  v_rows bigint;
begin
  for v_managed in
    select m.* from lethe.managed_tables as m where m.controller_column is not null order by m.schema_name, m.table_name
  loop
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    continue when v_oid is null;
    select string_agg(lethe_private.controller_sql('c', v_managed, v_oid, c), ' or ') into v_owned
    from lethe.controllers as c where c.reference is not null;
    v_rows := lethe_private.count_as_sweeper(format('select to_jsonb(count(*)) from %s as c where (%s) is not true',
      lethe_private.host_name(v_oid), coalesce(v_owned, 'false')), v_managed)::bigint;
    if v_rows > 0 then
      return query select lethe_private.host_name(v_oid), v_rows;
    end if;
  end loop;
end
$$;

comment on function lethe.ownerless_rows() is
  'Rows that no controller''s cycle ever reaches, per table. Reads the tables whole.';
--! EndIncluded lethe/ownerless_rows.sql
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
    select r.child as oid, r.on_purge, r.cascades, r.child_columns
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
    select format('create index concurrently %I on %s (%I) where %s', left(v_managed.table_name, 50) || '_lethe_due',
      lethe_private.host_name(v_oid), min(t.clock), string_agg(distinct replace(a.needed, v_alias || '.', ''), ' or '))
    from lethe_private.actions(v_alias, v_managed, v_oid, v_controller, current_date) as a
    join lethe.rules as r on r.table_id = v_managed.id and r.column_name = a.column_name
    cross join lateral (
      select e.since[1] as clock from lethe_private.effective_terms(v_managed.id, v_controller.id) as e where e.rule_id = r.id limit 1) as t
    where a.phase = 'columns'
    having count(*) > 0
    union all
    select format('create index concurrently on %s (%I)', lethe_private.host_name(v_oid), e.since[1])
    from lethe_private.effective_terms(v_managed.id, v_controller.id) as e
    join lethe.rules as r on r.id = e.rule_id and r.column_name is null
    where lethe_private.plain_clock_index(v_managed, v_oid, v_controller) is distinct from e.since[1]
    limit 2;
end
$$;

comment on function lethe.suggested_indexes(text) is
  'Indexes that keep a daily cycle cheap, as statements for the table''s owner to review and run.';
--! EndIncluded lethe/suggested_indexes.sql
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
alter table lethe.policy_changes enable row level security;
alter table lethe_private.controller_keys enable row level security;
alter table lethe_private.held_keys enable row level security;
alter table lethe_private.compiled enable row level security;
alter table lethe_private.worklist enable row level security;

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
  using (true);
drop policy if exists select_own_controller on lethe.subject_types;
create policy select_own_controller on lethe.subject_types for select to lethe_officer, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.links;
create policy select_own_controller on lethe.links for select to lethe_officer, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.methods;
create policy select_own_controller on lethe.methods for select to lethe_officer, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.rules;
create policy select_own_controller on lethe.rules for select to lethe_officer, lethe_auditor
  using (true);
drop policy if exists select_own_controller on lethe.terms;
create policy select_own_controller on lethe.terms for select to lethe_officer, lethe_auditor
  using (controller_id is null or lethe_private.acts_for(controller_id));
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
  lethe.policy_changes
to lethe_officer, lethe_auditor;
grant execute on function lethe_private.acts_for(int), lethe_private.is_operator() to lethe_officer, lethe_auditor;
grant execute on function
  lethe.plan(date, text),
  lethe.preview(text, text),
  lethe.already_masked(text, text),
  lethe.ownerless_rows(),
  lethe.suggested_indexes(text),
  lethe.missing_rights()
to lethe_officer, lethe_auditor, lethe_worker;

-- Changing ---------------------------------------------------------------------------------------

-- Each asks by itself whether the login may act for the controller, or for all.
grant execute on function
  lethe.set_controller(text, text, text, text),
  lethe.add_member(name, text),
  lethe.remove_member(name, text),
  lethe.manage_table(text, text, text, text, text, text[], text[]),
  lethe.unmanage_table(text),
  lethe.set_column(text, text, text, text[], text),
  lethe.set_subject_type(text, text, text[]),
  lethe.set_link(text, text, text[], text[], text, text, text, jsonb),
  lethe.set_rule(text, text, text, text, text[], text, jsonb, text, text, text, text),
  lethe.drop_rule(text, text, text, text, text, text),
  lethe.register_method(text, text, text, text[], text, boolean, jsonb, text),
  lethe.apply_policy(jsonb, text),
  lethe.export_policy()
to lethe_officer;

-- Running ----------------------------------------------------------------------------------------

grant execute on function
  lethe.controllers_to_run(text),
  lethe.controllers_due(),
  lethe.start_cycle(text, date, boolean),
  lethe.ready_tables(bigint),
  lethe.unfinished_tables(bigint),
  lethe.sweep_step(bigint, int, boolean),
  lethe.verify_table(bigint, int),
  lethe.verify_cycle(bigint),
  lethe.finish_cycle(bigint),
  lethe.release_controller(text),
  lethe.share_controller(text),
  lethe.pace(),
  lethe.cycle_report(bigint),
  lethe.cycle_faults(bigint)
to lethe_worker;

-- Sweeping ---------------------------------------------------------------------------------------

-- The sweeper may run one function, ask which keys are held, and do on managed tables what their owners
-- granted. It owns that function (see as_sweeper.sql) and may not replace it: that would take CREATE.
grant usage on schema lethe_private to lethe_sweeper;
grant select on lethe_private.held to lethe_sweeper;
--! EndIncluded grants.sql
--! EndIncluded all.sql
