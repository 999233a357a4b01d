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



-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql
