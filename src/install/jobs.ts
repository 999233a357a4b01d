/**
 * Graphile Worker's tables, in a schema of their own (`lethe_jobs`) so that a worker of the host in
 * `graphile_worker` is not disturbed. They belong to lethe_worker: Graphile Worker puts row security
 * without a policy on them, so that their owner and its members are the only ones to see a job;
 * lethe_owner may read them.
 */
import { runMigrations } from 'graphile-worker'
import pg from 'pg'
import { named } from '../db/client.ts'

/** Schema of the queue; every worker and every `add_job` names it. */
export const JOBS_SCHEMA = 'lethe_jobs'

// Graphile Worker would make the schema itself, but `create schema if not exists` asks for CREATE on
// the database even when there is nothing to create, and lethe_worker has no such right. With this
// table in place it goes straight to its migrations.
const BOOTSTRAP = `
create schema if not exists ${JOBS_SCHEMA} authorization lethe_worker;
begin;
set local role lethe_worker;
create table if not exists ${JOBS_SCHEMA}.migrations (
  id int primary key,
  ts timestamptz default now() not null,
  breaking boolean not null default false
);
commit;
`

// After an erasure Lethe looks for the person in payloads as well. Row security is in force on these tables, so a
// policy lets lethe_owner read; it may do nothing else with them. DELETE is what it takes to lock a table against a new
// index: without a policy for it no row can be deleted.
const LET_OWNER_READ = `
begin;
set local role lethe_worker;
grant usage on schema ${JOBS_SCHEMA} to lethe_owner;
grant select, delete on all tables in schema ${JOBS_SCHEMA} to lethe_owner;
do $$
declare
  v_table oid;
begin
  for v_table in
    select c.oid from pg_catalog.pg_class as c
    where c.relnamespace = '${JOBS_SCHEMA}'::regnamespace and c.relkind = 'r' and c.relrowsecurity
      and not exists (select from pg_catalog.pg_policy as p where p.polrelid = c.oid and p.polname = 'lethe_residue')
  loop
    execute pg_catalog.format('create policy lethe_residue on %s for select to lethe_owner using (true)', v_table::regclass);
  end loop;
end
$$;
commit;
`

/** Installs the queue or brings it up to the version of the package. Safe to repeat. */
export async function installJobs(client: pg.Client, databaseUrl: string): Promise<void> {
  const { rows } = await client.query('select from pg_namespace where nspname = $1', [JOBS_SCHEMA])
  if (rows.length === 0) await client.query(BOOTSTRAP)

  const pool = new pg.Pool({
    connectionString: named(databaseUrl),
    max: 1,
    onConnect: (connection) => connection.query('set role lethe_worker').then(() => undefined),
  })
  // Graphile Worker insists on handlers for both; a failure reaches us through the query itself.
  pool.on('error', () => undefined)
  pool.on('connect', (connection) => connection.on('error', () => undefined))
  try {
    await runMigrations({ pgPool: pool, schema: JOBS_SCHEMA })
  } finally {
    await pool.end()
  }
  await client.query(LET_OWNER_READ)
}
