/**
 * A PostgreSQL that lives as long as a test or a benchmark: in a temporary folder, on a free port of
 * the loopback interface, gone afterwards. Built on `cluster.ts`.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Cluster,
  createCluster,
  embeddedBinDir,
  findRunning,
  freePort,
  type StopMode,
  startCluster,
  stopCluster,
} from './cluster.ts'

/** Options of {@link startThrowaway}. */
export interface ThrowawayOptions {
  /** Folder with initdb, pg_ctl and postgres; default the embedded PostgreSQL 18. */
  binDir?: string
  /** Keep fsync on: for crash tests, and for figures that mean something. Default off. */
  durable?: boolean
  /** More settings of the server. */
  settings?: Record<string, string>
}

/** A throwaway server. It trusts whoever reaches its loopback port. */
export interface Throwaway {
  port: number
  dataDir: string
  /** Connection string of the superuser `postgres`, or of another login. */
  url(database?: string, login?: string): string
  /** Stops the server; `immediate` is a crash. */
  stop(mode?: StopMode): Promise<void>
  /** kill -9 of the postmaster. Its children notice and leave within moments. */
  kill(): Promise<void>
  /** Starts it again on the same port, waiting out what a crash left behind. */
  start(): Promise<void>
  /** Stops it and removes its folder. */
  destroy(): Promise<void>
}

const CARELESS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

/** @throws LetheError LE604 when the temporary folder cannot be entered by the server's user. */
export async function startThrowaway(options: ThrowawayOptions = {}): Promise<Throwaway> {
  const folder = await mkdtemp(join(tmpdir(), 'lethe-'))
  await chmod(folder, 0o711)
  const cluster: Cluster = {
    binDir: options.binDir ?? (await embeddedBinDir()),
    dataDir: join(folder, 'data'),
  }
  const port = await freePort()
  const settings = {
    max_connections: '100',
    shared_buffers: '128MB',
    log_min_messages: 'warning',
    // An installed version may compile what runs once, on tables of ten rows.
    jit: 'off',
    ...(options.durable ? {} : CARELESS),
    ...options.settings,
  }
  const start = async (): Promise<void> => {
    await startCluster(cluster, { port, settings })
  }
  const destroy = async (): Promise<void> => {
    await stopCluster(cluster, 'immediate').catch(() => undefined)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await createCluster(cluster, { fsync: false })
    await start()
  } catch (error) {
    await destroy()
    throw error
  }
  return {
    port,
    dataDir: cluster.dataDir,
    url: (database = 'postgres', login = 'postgres') => `postgres://${login}@127.0.0.1:${port}/${database}`,
    stop: (mode) => stopCluster(cluster, mode),
    kill: () => killPostmaster(cluster),
    start,
    destroy,
  }
}

async function killPostmaster(cluster: Cluster): Promise<void> {
  const running = await findRunning(cluster.dataDir)
  if (!running) return
  process.kill(running.pid, 'SIGKILL')
  while (await findRunning(cluster.dataDir)) await new Promise((wake) => setTimeout(wake, 10))
}
