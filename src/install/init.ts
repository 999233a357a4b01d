/**
 * Attaches Lethe to a database: roles, schemas, migrations, job queue. Safe to repeat, at once from
 * several places too; upgrades what an older version installed. Counterpart: `remove.ts`.
 *
 * It touches nothing of the host: no object of Lethe refers to one, and schemas that the host may
 * have of its own (`graphile_migrate`, `graphile_worker`) are neither read nor written.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import { openClient } from '../db/client.ts'
import { describeDatabase, toLetheError } from '../db/errors.ts'
import { LetheError } from '../errors.ts'
import { installJobs } from './jobs.ts'
import { applyMigrations, asOwner, readMigrations } from './migrations.ts'
import { foreignSchemas, missingForInit } from './rights.ts'

/** Oldest and newest major version that Lethe is tested on. */
const VERSION_MIN = 15
const VERSION_MAX = 18

/** Advisory lock of `init` and `remove`: "lethe" on a telephone keypad. */
export const INIT_LOCK = 53_843

const projectFolder = fileURLToPath(new URL('../../', import.meta.url))

/** What {@link init} is told. */
export interface InitOptions {
  databaseUrl: string
  /** Folder of committed migrations; default the project's. */
  migrationsFolder?: string
  /** Lowest major version accepted; tests raise it to meet the refusal. */
  versionMin?: number
  /** Called before each thing that is done, with its name. */
  onProgress?: (step: string) => void
}

/** What {@link init} did. */
export interface InitResult {
  database: string
  /** Major version of the server. */
  serverVersion: number
  /** Migrations applied now; empty when there was nothing to do. */
  applied: string[]
}

/**
 * @throws LetheError LE601 (too old), LE602 (read-only), LE603 (unreachable), LE501 (rights missing;
 * `detail` holds the SQL that grants them), LE505 (edited migration or newer Lethe).
 */
export async function init(options: InitOptions): Promise<InitResult> {
  const { databaseUrl, onProgress = () => undefined } = options
  let client: Client | undefined
  try {
    client = await openClient(databaseUrl)
    const serverVersion = await assertServer(client, options.versionMin ?? VERSION_MIN)
    // Session-level, because the work below is many transactions. Closing the connection frees it.
    await client.query('select pg_advisory_lock($1)', [INIT_LOCK])
    await assertMayInstall(client)

    onProgress('roles and schemas')
    await client.query(await projectFile('sql/roles.sql'))
    await client.query(await projectFile('sql/schemas.sql'))

    const migrations = await readMigrations(
      options.migrationsFolder ?? `${projectFolder}migrations/committed`,
    )
    const applied = await applyMigrations(client, migrations, (filename) =>
      onProgress(`migration ${filename}`),
    )
    await restoreSweeper(client)

    onProgress('job queue')
    await installJobs(client, databaseUrl)
    return { database: describeDatabase(databaseUrl), serverVersion, applied }
  } catch (error) {
    throw toLetheError(error, databaseUrl)
  } finally {
    await client?.end()
  }
}

/** Version, then whether it takes writes. @returns the major version. */
export async function assertServer(client: Client, versionMin = VERSION_MIN): Promise<number> {
  const { rows } = await client.query<{ version: number; read_only: boolean; standby: boolean }>(`
    select
      current_setting('server_version_num')::int / 10000 as version,
      current_setting('transaction_read_only') = 'on' as read_only,
      pg_is_in_recovery() as standby`)
  const { version, read_only, standby } = rows[0]!
  if (version < versionMin) {
    throw new LetheError(
      `this server is PostgreSQL ${version}; Lethe needs ${versionMin} to ${VERSION_MAX}`,
      {
        code: 'LE601',
        hint: 'upgrade the server, or attach Lethe to another one',
      },
    )
  }
  if (read_only || standby) {
    throw new LetheError(`the database is read-only${standby ? ': it is a standby' : ''}`, {
      code: 'LE602',
      hint: standby
        ? 'connect to the primary'
        : 'check default_transaction_read_only of the database and the login',
    })
  }
  return version
}

/** @throws LetheError LE501, with the statements that help in its hint, one a line. */
async function assertMayInstall(client: Client): Promise<void> {
  const [foreign] = await foreignSchemas(client)
  if (foreign) {
    throw new LetheError(`schema ${foreign.schema} exists and belongs to ${foreign.owner}, not to Lethe`, {
      code: 'LE501',
      hint: `rename it: alter schema ${foreign.schema} rename to ${foreign.schema}_of_the_host`,
    })
  }
  const missing = await missingForInit(client)
  if (missing.length === 0) return
  const what = missing.map((right) => `${right.object}: ${right.need}`).join('; ')
  throw new LetheError(`this login lacks rights to install Lethe (${what})`, {
    code: 'LE501',
    hint: `as a superuser or an owner:\n${missing.map((right) => `  ${right.remedy};`).join('\n')}`,
  })
}

/**
 * Puts the functions that lethe_sweeper owns back to their text, and that of lethe_dropper. A host's trigger
 * runs as that role and might have altered it; every step checks, and refers to init.
 */
async function restoreSweeper(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select proname as name from pg_proc
    where proname in ('as_sweeper', 'ask_of_row', 'as_dropper') and pronamespace = 'lethe_private'::regnamespace`,
  )
  for (const { name } of rows)
    await asOwner(client, async () => client.query(await projectFile(`sql/lethe_private/${name}.sql`)))
}

function projectFile(path: string): Promise<string> {
  return readFile(`${projectFolder}${path}`, 'utf8')
}
