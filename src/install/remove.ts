/**
 * Takes Lethe out of a database, in one transaction. Counterpart of `init.ts`.
 *
 * Danger: `drop schema … cascade` takes along whatever of the host depends on Lethe: see `host_objects.ts`.
 */
import type { Client } from 'pg'
import { openClient } from '../db/client.ts'
import { describeDatabase, toLetheError } from '../db/errors.ts'
import { LetheError } from '../errors.ts'
import { assertNothingProtected, dependents, type HostObjects, openTables } from './host_objects.ts'
import { assertServer, INIT_LOCK } from './init.ts'

const SCHEMAS = ['lethe_jobs', 'lethe', 'lethe_private', 'lethe_archive', 'lethe_stats']
const ROLES = `(select oid, rolname from pg_roles where rolname in ('lethe_owner', 'lethe_officer', 'lethe_agent',
  'lethe_analyst', 'lethe_auditor', 'lethe_subject', 'lethe_anonymous', 'lethe_api', 'lethe_worker', 'lethe_sweeper',
  'lethe_dropper'))`

/** What {@link remove} is told. */
export interface RemoveOptions {
  databaseUrl: string
  /** What becomes of evidence and archive; without an answer `remove` refuses while there is any. */
  archive?: 'keep' | 'drop'
}

/** What {@link remove} did. */
export interface RemoveResult extends HostObjects {
  database: string
  schemas: string[]
  rolesDropped: string[]
  /** Roles that another database of the cluster uses, or that this login may not drop. */
  rolesKept: string[]
  /** Objects of the host that still grant something to a role of Lethe: only their owner can revoke it. */
  grantsLeft: string[]
  /** The statement that revokes them, for a superuser. */
  remedy?: string
}

/**
 * @throws LetheError LE606 when there is evidence or an archive, when something is held or restricted that guards or
 * policies protect, when a cycle runs, or when other objects of the host depend on Lethe.
 */
export async function remove({ databaseUrl, archive }: RemoveOptions): Promise<RemoveResult> {
  let client: Client | undefined
  try {
    client = await openClient(databaseUrl)
    await assertServer(client)
    await client.query('select pg_advisory_lock($1)', [INIT_LOCK])
    await client.query('begin')
    let schemas = await ourSchemas(client)
    let objects: HostObjects = { indexes: [], guards: [], restrictions: [], suppressions: [] }
    if (schemas.length > 0) {
      await assertMayGo(client, archive)
      const { lines, rows } = await held(client)
      const going = archive === 'keep' && lines + rows > 0 ? without(schemas, 'lethe_archive') : schemas
      objects = await dependents(client, going)
      await assertNothingProtected(client, objects)
      await client.query(`set local lock_timeout = '10s'`)
      if (objects.restrictions.length > 0) await openTables(client)
      if (going !== schemas) await keepArchive(client)
      await dropSchemas(client, going)
      schemas = going
    }
    const roles = await dropRoles(client)
    await client.query('commit')
    return { database: describeDatabase(databaseUrl), schemas, ...objects, ...roles }
  } catch (error) {
    throw toLetheError(error, databaseUrl)
  } finally {
    await client?.end()
  }
}

const without = (names: string[], name: string): string[] => names.filter((one) => one !== name)

async function ourSchemas(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select nspname as name from pg_namespace
    where nspname = any ($1) and pg_get_userbyid(nspowner) in ('lethe_owner', 'lethe_worker')
    order by array_position($1, nspname::text)`,
    [SCHEMAS],
  )
  return rows.map((row) => row.name)
}

/** Lines of evidence and rows of the archive; nothing where Lethe was not installed whole. */
async function held(client: Client): Promise<{ lines: number; rows: number }> {
  const { rows } = await client.query<{ whole: boolean }>(
    `select to_regclass('lethe.evidence') is not null and to_regclass('lethe_private.mirrors') is not null as whole`,
  )
  if (!rows[0]!.whole) return { lines: 0, rows: 0 }
  await client.query('set local role lethe_owner')
  const { rows: counted } = await client.query<{ lines: number; rows: number }>(`
    select
      (select count(*) from lethe.evidence)::int as lines,
      coalesce((select sum((xpath('/row/n/text()',
        query_to_xml(format('select count(*) as n from lethe_archive.%I', m.name), false, true, '')))[1]::text::bigint)
        from lethe_private.mirrors as m), 0)::float8 as rows`)
  await client.query('reset role')
  return counted[0]!
}

async function assertMayGo(client: Client, archive: RemoveOptions['archive']): Promise<void> {
  const { lines, rows } = await held(client)
  if (archive !== undefined || lines + rows === 0) return
  throw new LetheError(
    `this database holds the evidence of past cycles (${lines} lines) and an archive (${rows} rows)`,
    {
      code: 'LE606',
      hint: 'lethe remove --archive keep leaves both in schema lethe_archive, to whoever runs it; --archive drop destroys them',
    },
  )
}

/** The archive stays as it is, with a copy of the evidence beside it, and belongs to whoever removes Lethe. */
async function keepArchive(client: Client): Promise<void> {
  await client.query(`
    do $$
    declare
      v_table record;
    begin
      set local role lethe_owner;
      for v_table in
        select c.relname from pg_class as c
        where c.relnamespace = 'lethe'::regnamespace and c.relkind = 'r'
          and c.relname in ('controllers', 'cycles', 'cycle_tables', 'evidence', 'evidence_batches', 'seals', 'archive_openings', 'certificates', 'policy_changes')
      loop
        execute format('create table lethe_archive.%I as table lethe.%I', v_table.relname, v_table.relname);
      end loop;
      reset role;
      for v_table in select c.relname from pg_class as c where c.relnamespace = 'lethe_archive'::regnamespace and c.relkind = 'r' loop
        execute format('alter table lethe_archive.%I owner to current_user', v_table.relname);
      end loop;
      alter schema lethe_archive owner to current_user;
    end
    $$`)
}

async function dropSchemas(client: Client, schemas: string[]): Promise<void> {
  try {
    await client.query(`drop schema ${schemas.join(', ')} cascade`)
  } catch (error) {
    if ((error as { code?: string }).code !== '55P03') throw error
    throw new LetheError('somebody is working with Lethe in this database just now', {
      code: 'LE606',
      hint: 'stop its workers, let the cycle end, and try again',
      cause: error,
    })
  }
}

/** Takes the grants on host tables back, then drops the roles unless another database has a use for them. */
async function dropRoles(
  client: Client,
): Promise<Omit<RemoveResult, 'database' | 'schemas' | keyof HostObjects>> {
  const { rows: owned } = await client.query<{ object: string }>(`
    select pg_describe_object(d.classid, d.objid, d.objsubid) as object
    from pg_shdepend as d join ${ROLES} as r on r.oid = d.refobjid
    where d.deptype = 'o' and d.dbid = (select oid from pg_database where datname = current_database())`)
  if (owned.length > 0) {
    throw new LetheError(
      `a role of Lethe owns objects of the host: ${owned.map((row) => row.object).join(', ')}`,
      {
        code: 'LE606',
        hint: 'give them to somebody else first: alter … owner to …',
      },
    )
  }
  const { rows: granted } = await client.query<{ role: string; usable: boolean }>(`
    select distinct r.rolname as role, pg_has_role(r.oid, 'usage') as usable
    from pg_shdepend as d join ${ROLES} as r on r.oid = d.refobjid
    where d.dbid in (0, (select oid from pg_database where datname = current_database()))`)
  for (const { role, usable } of granted) {
    if (!usable) await client.query(`grant ${role} to current_user`)
    await client.query(`drop owned by ${role}`)
  }
  const { rows: roles } = await client.query<{ role: string; elsewhere: boolean }>(`
    select r.rolname as role,
      exists (select from pg_shdepend as d join ${ROLES} as o on o.oid = d.refobjid) as elsewhere
    from ${ROLES} as r order by 1`)
  const rolesDropped: string[] = []
  for (const { role, elsewhere } of roles)
    if (!elsewhere && (await tryDrop(client, role))) rolesDropped.push(role)
  const rolesKept = roles.map(({ role }) => role).filter((role) => !rolesDropped.includes(role))
  return { rolesDropped, rolesKept, ...(await grantsLeft(client)) }
}

async function grantsLeft(client: Client): Promise<Pick<RemoveResult, 'grantsLeft' | 'remedy'>> {
  const { rows } = await client.query<{ object: string; role: string }>(`
    select pg_describe_object(d.classid, d.objid, d.objsubid) as object, r.rolname as role
    from pg_shdepend as d join ${ROLES} as r on r.oid = d.refobjid
    where d.deptype = 'a' and d.dbid = (select oid from pg_database where datname = current_database())
    order by 1, 2`)
  if (rows.length === 0) return { grantsLeft: [] }
  const roles = [...new Set(rows.map((row) => row.role))]
  return {
    grantsLeft: [...new Set(rows.map((row) => row.object))],
    remedy: `drop owned by ${roles.join(', ')}`,
  }
}

async function tryDrop(client: Client, role: string): Promise<boolean> {
  await client.query('savepoint before_role')
  try {
    await client.query(`drop role ${role}`)
    return true
  } catch {
    await client.query('rollback to savepoint before_role')
    return false
  }
}
