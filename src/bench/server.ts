/**
 * The server that is measured: an embedded one of its own, or one that is given. It needs a superuser,
 * for templates are copied, checkpoints forced and caches warmed.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import pg from 'pg'
import { init } from '../install/init.ts'
import { startThrowaway } from '../throwaway.ts'

/** Durable, as in production. Autovacuum would come and go between the runs that are compared. */
export const SETTINGS = {
  max_wal_size: '8GB',
  checkpoint_timeout: '1h',
  fsync: 'on',
  synchronous_commit: 'on',
  jit: 'off',
  autovacuum: 'off',
}

const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: unknown) {
    const { INT8, NUMERIC } = pg.types.builtins
    if (oid === INT8 || oid === NUMERIC) return (text: string) => Number(text)
    return pg.types.getTypeParser(oid, format as 'text')
  },
}

/** Fills a template. It works on an empty database with Lethe installed. */
export type Fill = (database: pg.Client) => Promise<void>

/** A server with templates and their clones. */
export interface BenchServer {
  /** `PostgreSQL 18.0, shared_buffers 1GB, …` */
  describe(): Promise<string>
  /** Makes a template, once; later calls find it. */
  template(name: string, fill: Fill): Promise<string>
  /** A connection to a template, or to a clone. */
  connect(database: string): Promise<pg.Client>
  /** Runs `work` on a clone of a template: checkpointed, warm unless it is to be cold, and gone afterwards. */
  onClone<Value>(
    template: string,
    work: (database: pg.Client) => Promise<Value>,
    options?: { cold?: boolean },
  ): Promise<Value>
  /** Drops what it made, and stops the server if it started it. */
  close(): Promise<void>
}

/** Where to measure. */
export interface ServerOptions {
  /** A superuser's connection string; default a throwaway embedded server. */
  databaseUrl?: string
  /** Binaries of an installed version, for the throwaway server. */
  binDir?: string
  /** Migrations other than the committed ones. */
  migrationsFolder?: string
  /** Of the throwaway server: enough for everything that is measured, or it would be the cache. */
  sharedBuffers: string
}

/** @throws LetheError when Lethe cannot be installed there. */
export async function openServer(options: ServerOptions): Promise<BenchServer> {
  const throwaway = options.databaseUrl
    ? undefined
    : await startThrowaway({
        binDir: options.binDir,
        durable: true,
        settings: { ...SETTINGS, shared_buffers: options.sharedBuffers },
      })
  const adminUrl = options.databaseUrl ?? throwaway!.url()
  const prefix = `lethe_bench_${randomBytes(3).toString('hex')}_`
  const templates = new Map<string, string>()
  let admin = await connect(adminUrl)

  const make = async (name: string, from?: string): Promise<string> => {
    const strategy = from ? ` template ${from} strategy file_copy` : ''
    await admin.query(`create database ${prefix}${name}${strategy}`)
    return prefix + name
  }
  const open = (database: string): Promise<pg.Client> => connect(inDatabase(adminUrl, database))
  const drop = (database: string): Promise<unknown> =>
    admin.query(`drop database if exists ${database} with (force)`)
  const startCold = async (): Promise<void> => {
    if (!throwaway)
      throw new Error('only a server of the benchmark’s own is started cold: leave out --database')
    await admin.end()
    await throwaway.stop()
    await leaveCache(throwaway.dataDir)
    await throwaway.start()
    admin = await connect(adminUrl)
  }

  return {
    connect: open,
    async describe() {
      const { rows } = await admin.query<{ name: string; setting: string }>(
        `select name, current_setting(name) as setting from pg_settings where name = any ($1) order by name`,
        [['server_version', 'shared_buffers', ...Object.keys(SETTINGS)]],
      )
      return rows.map(({ name, setting }) => `${name} ${setting}`).join(', ')
    },
    async template(name, fill) {
      const known = templates.get(name)
      if (known) return known
      const database = await make(name)
      await init({ databaseUrl: inDatabase(adminUrl, database), migrationsFolder: options.migrationsFolder })
      const client = await open(database)
      await fill(client)
      await client.query('vacuum (analyze)')
      await client.end()
      templates.set(name, database)
      return database
    },
    async onClone(template, work, { cold = false } = {}) {
      const clone = await make(`clone_${randomBytes(3).toString('hex')}`, template)
      if (cold) await startCold()
      const client = await open(clone)
      try {
        if (!cold) await warm(client)
        await client.query('checkpoint')
        return await work(client)
      } finally {
        await client.end()
        await drop(clone)
      }
    },
    async close() {
      if (!throwaway) for (const database of templates.values()) await drop(database)
      await admin.end()
      await throwaway?.destroy()
    },
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, types })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

function inDatabase(url: string, database: string): string {
  const result = new URL(url)
  result.pathname = `/${database}`
  return result.href
}

/** Everything of schema `bench` into the cache: what is measured is work, not the disk. */
export async function warm(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query(`select from pg_available_extensions where name = 'pg_prewarm'`)
  if (rowCount === 0) return
  await client.query('create extension if not exists pg_prewarm')
  await client.query(`
    select pg_prewarm(c.oid::regclass)
    from pg_class as c
    where c.relnamespace = 'bench'::regnamespace and c.relkind in ('r', 'i')`)
}

/** Has Linux drop a folder's files from its cache, which takes no rights beyond those to write them. */
async function leaveCache(folder: string): Promise<void> {
  const dd = 'for file; do dd of="$file" oflag=nocache conv=notrunc,fdatasync count=0 status=none; done'
  await promisify(execFile)('find', [folder, '-type', 'f', '-exec', 'sh', '-ec', dd, 'sh', '{}', '+'])
}
