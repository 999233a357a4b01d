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

-- Methods --------------------------------------------------------------------------------------

-- API ------------------------------------------------------------------------------------------

create table lethe_private.api_tokens (
  id             int generated always as identity primary key,
  token_hash     text not null unique,
  name           text,
  role           text not null,
  controller_id  int references lethe.controllers on delete cascade,
  issued_at      timestamptz not null default now(),
  issued_by      name not null default session_user,
  expires_at     timestamptz not null,
  last_used_at   timestamptz,
  revoked_at     timestamptz,

  constraint token_hash_is_a_sha256 check (token_hash ~ '^[0-9a-f]{64}$'),
  constraint role_is_one_of_the_api check (role in ('lethe_officer', 'lethe_auditor', 'lethe_analyst')),
  constraint expires_within_a_year check (expires_at > issued_at and expires_at - issued_at <= interval '366 days 1 hour')
);
create index api_tokens_by_controller on lethe_private.api_tokens (controller_id);

comment on table lethe_private.api_tokens is
  'Bearer tokens of the API: only their SHA-256, so that reading this table opens nothing. controller_id null: all controllers.';
comment on column lethe_private.api_tokens.last_used_at is 'To the minute.';

-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql
