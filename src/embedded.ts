/**
 * The PostgreSQL of somebody who brings none: embedded binaries, data in `.lethe/postgres` of the
 * project, loopback only, a random password in a file that only its owner reads.
 *
 * The server is a process of its own: several commands may use it at once, and a kill -9 of Node
 * leaves it running. Whoever comes next finds it; the last to leave stops it.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import {
  type Cluster,
  createCluster,
  embeddedBinDir,
  findRunning,
  freePort,
  type Running,
  startCluster,
  stopCluster,
} from './cluster.ts'
import { named } from './db/client.ts'

/** Place of the data: `.lethe/postgres` of the project, or what LETHE_DATA names. */
export const EMBEDDED_FOLDER =
  process.env.LETHE_DATA || fileURLToPath(new URL('../.lethe/postgres', import.meta.url))

const DATABASE = 'lethe'

// A statement's text and the DETAIL of an error can hold people's data: they stay out of the log.
const SETTINGS = {
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
}

/** The embedded server, up and in use by us. */
export interface Embedded {
  /** Connection string of its superuser, database `lethe`. */
  databaseUrl: string
  port: number
  /** False when it was already running, perhaps since a crash. */
  started: boolean
  /** Leaves it, and stops it unless somebody else is connected. */
  release(): Promise<void>
}

/** True when a server has been made in this folder before. */
export async function embeddedExists(folder = EMBEDDED_FOLDER): Promise<boolean> {
  return stat(join(folder, 'data', 'PG_VERSION')).then(
    () => true,
    () => false,
  )
}

/**
 * Finds the embedded server running, or starts it, making it first if need be.
 *
 * @throws LetheError LE604 when the server's user cannot enter a folder on the way.
 */
export async function useEmbedded({
  folder = EMBEDDED_FOLDER,
  onProgress = () => undefined,
}: {
  folder?: string
  onProgress?: (step: string) => void
} = {}): Promise<Embedded> {
  const cluster: Cluster = { binDir: await embeddedBinDir(), dataDir: join(folder, 'data') }
  if (!(await embeddedExists(folder))) {
    onProgress('making a PostgreSQL 18')
    await make(cluster, folder)
  }
  const password = (await readFile(join(folder, 'password'), 'utf8')).trim()
  const found = await findRunning(cluster.dataDir)
  if (!found) onProgress('starting PostgreSQL')
  const running = found ?? (await start(cluster, folder))
  const address = (database: string): string =>
    `postgres://postgres:${password}@127.0.0.1:${running.port}/${database}`

  await ensureDatabase(address('postgres'))
  const databaseUrl = address(DATABASE)
  // Held open as long as we use the server, so that nobody else takes themselves for the last one.
  const presence = new pg.Client({ connectionString: named(databaseUrl) })
  presence.on('error', () => undefined)
  await presence.connect()
  return {
    databaseUrl,
    port: running.port,
    started: !found,
    async release() {
      const alone = await isAlone(presence).catch(() => false)
      await presence.end().catch(() => undefined)
      if (alone) await stopCluster(cluster)
    },
  }
}

/** Made beside its place and moved there when complete: an interrupted start leaves nothing half done. */
async function make(cluster: Cluster, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const passwordFile = join(folder, 'password')
  const draft = join(folder, 'draft')
  await rm(draft, { recursive: true, force: true })
  await rm(passwordFile, { force: true })
  await writeFile(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  await createCluster({ ...cluster, dataDir: draft }, { passwordFile })
  await rename(draft, cluster.dataDir)
}

async function start(cluster: Cluster, folder: string): Promise<Running> {
  const portFile = join(folder, 'port')
  const remembered = Number(await readFile(portFile, 'utf8').catch(() => '')) || undefined
  const port = await freePort(remembered)
  try {
    const running = await startCluster(cluster, { port, settings: SETTINGS })
    await writeFile(portFile, `${port}\n`)
    return running
  } catch (error) {
    // Another command may have been faster.
    const running = await findRunning(cluster.dataDir)
    if (!running) throw error
    return running
  }
}

/** Waits for a server that is still recovering from a crash. */
async function ensureDatabase(adminUrl: string): Promise<void> {
  const admin = await connectPatiently(adminUrl)
  try {
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [DATABASE])
    if (rowCount === 0) await admin.query(`create database ${DATABASE}`)
  } catch (error) {
    if (!['42P04', '23505'].includes((error as { code?: string }).code ?? '')) throw error
  } finally {
    await admin.end()
  }
}

async function connectPatiently(url: string, attemptsLeft = 100): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: named(url) })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (error) {
    const code = (error as { code?: string }).code ?? ''
    if (attemptsLeft === 0 || !['57P03', 'ECONNREFUSED'].includes(code)) throw error
    await new Promise((wake) => setTimeout(wake, 200))
    return connectPatiently(url, attemptsLeft - 1)
  }
}

/** Looks more than once: connections that we have just closed take a moment to be gone. */
async function isAlone(client: pg.Client, looksLeft = 10): Promise<boolean> {
  const { rows } = await client.query<{ others: string }>(`
    select count(*) as others
    from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()`)
  if (rows[0]?.others === '0') return true
  if (looksLeft === 0) return false
  await new Promise((wake) => setTimeout(wake, 50))
  return isAlone(client, looksLeft - 1)
}
