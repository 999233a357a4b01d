/**
 * How workers know which of them are alive. Graphile Worker frees the jobs of a worker that was killed
 * after four hours; here each worker holds an advisory lock named after itself, PostgreSQL takes it away
 * the moment the connection ends, and whoever finds a job locked by nobody alive frees it.
 *
 * Should a living worker lose this connection, its jobs may be freed and come twice. That is harmless:
 * a step locks its table's row. It takes its lock again within seconds.
 */
import pg from 'pg'
import { named } from './db/client.ts'
import { asWorker } from './db/cycle.ts'
import { JOBS_SCHEMA } from './install/jobs.ts'

const LOOK_MILLISECONDS = 15_000

// A job that handed its key to a successor and was then killed can never run; it is swept up as well.
const FREE = `
with locked as materialized (
  select locked_by from ${JOBS_SCHEMA}._private_jobs where locked_by is not null
  union
  select locked_by from ${JOBS_SCHEMA}._private_job_queues where locked_by is not null
), dead as materialized (
  select locked_by from locked
  where locked_by <> $1 and pg_try_advisory_xact_lock(hashtextextended('lethe ' || locked_by, 0))
), freed as materialized (
  select ${JOBS_SCHEMA}.force_unlock_workers(array_agg(locked_by)) from dead having count(*) > 0
)
select (select count(*)::int from dead) as dead, (select count(*) from freed) as freed`

const SWEEP_UP = `
delete from ${JOBS_SCHEMA}._private_jobs
where locked_at is null and key is null and attempts >= max_attempts`

/** Holds the lock of one worker until it is ended. */
export class Lifeline {
  readonly #databaseUrl: string
  readonly #onFreed: (workers: number) => void
  #client: pg.Client | undefined
  #timer: NodeJS.Timeout | undefined
  #ended = false

  /** @param onFreed - called with the number of dead workers whose jobs were freed. */
  constructor(databaseUrl: string, onFreed: (workers: number) => void = () => undefined) {
    this.#databaseUrl = databaseUrl
    this.#onFreed = onFreed
  }

  /** Takes the lock and frees the jobs of the dead, now and every few seconds. */
  async hold(workerId: string): Promise<void> {
    await this.#look(workerId).catch(() => this.#drop())
    if (!this.#ended) this.#timer = setTimeout(() => void this.hold(workerId), LOOK_MILLISECONDS).unref()
  }

  /** Gives the lock back. */
  async end(): Promise<void> {
    this.#ended = true
    clearTimeout(this.#timer)
    await this.#drop()
  }

  async #look(workerId: string): Promise<void> {
    if (this.#ended) return
    const client = this.#client ?? (await this.#connect(workerId))
    const { rows } = await client.query<{ dead: number }>(FREE, [workerId])
    await client.query(SWEEP_UP)
    const dead = rows[0]!.dead
    if (dead > 0) this.#onFreed(dead)
  }

  async #connect(workerId: string): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: named(this.#databaseUrl),
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    })
    client.on('error', () => undefined)
    await client.connect()
    this.#client = client
    await asWorker(client)
    await client.query(`select pg_advisory_lock(hashtextextended('lethe ' || $1, 0))`, [workerId])
    return client
  }

  async #drop(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => undefined)
  }
}
