/**
 * The worker: Graphile Worker over schema `lethe_jobs`, with the tasks of `tasks/`. Any number of them
 * may run, on any hosts. It acts as lethe_worker, whatever else its login may do.
 *
 * What it logs are sentences of ours, ids, names of tables and SQLSTATEs. Job payloads hold ids.
 */
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Logger as JobLogger, type LogLevel, type Runner, run, type WorkerEvents } from 'graphile-worker'
import type pg from 'pg'
import { openWorkerPool } from './db/cycle.ts'
import { describeDatabase, toLetheError } from './db/errors.ts'
import { LetheError } from './errors.ts'
import { JOBS_SCHEMA } from './install/jobs.ts'
import { queueLook, queueStart } from './jobs.ts'
import { passGate } from './ledger/session.ts'
import { Lifeline } from './lifeline.ts'

/** Seven minutes past, in UTC: most local days turn on the hour or half past, and few other crons run then. */
const CRONTAB = `
7 * * * * cycle__start ?jobKey=cycle__start&jobKeyMode=replace
*/5 * * * * request__look ?jobKey=request__look&jobKeyMode=replace
17 * * * * request__remind ?jobKey=request__remind&jobKeyMode=replace
*/5 * * * * ledger__ship ?jobKey=ledger__ship&jobKeyMode=replace`

/** Graphile Worker's exit code when somebody installed a newer version of its tables meanwhile. */
const NEWER_SCHEMA = 57

const CLOSE_MILLISECONDS = 3_000

/** Where messages go; pino fits. */
export interface WorkerLogger {
  error(message: string): void
  warn(message: string): void
  info(message: string): void
  debug(message: string): void
}

/** What {@link startWorker} is told. */
export interface WorkerOptions {
  databaseUrl: string
  /** Jobs, thus tables, at the same time; default 2. */
  concurrency?: number
  logger: WorkerLogger
}

/** A running worker. */
export interface Worker {
  /** Settles when the worker has ended, by `stop` or by itself; rejects when it broke down. */
  ended: Promise<void>
  /** Ends the steps at hand, leaves the rest queued, and closes the connections. Safe to repeat. */
  stop(): Promise<void>
}

/**
 * Starts a worker. When the server goes away later, it waits and begins again; jobs and cycles are in
 * the database and lose nothing.
 *
 * @throws LetheError LE502 (no member of lethe_worker), LE603 (unreachable), LE608 (not installed).
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const stop = new AbortController()
  const first = await begin(options)
  const ended = supervise(first, options, stop.signal)
  ended.catch(() => undefined)
  return {
    ended,
    stop: () => {
      stop.abort()
      return ended
    },
  }
}

/** One run of Graphile Worker with its connections. */
interface Begun {
  runner: Runner
  /** Settles once everything is closed; never rejects. */
  outcome: Promise<void>
}

async function supervise(first: Begun, options: WorkerOptions, stop: AbortSignal): Promise<void> {
  let begun: Begun | undefined = first
  let waitSeconds = 1
  while (begun) {
    const { runner, outcome }: Begun = begun
    const halt = (): void => void runner.stop().catch(() => undefined)
    stop.addEventListener('abort', halt, { once: true })
    if (stop.aborted) halt()
    const startedAt = Date.now()
    await outcome
    stop.removeEventListener('abort', halt)
    if (stop.aborted || process.exitCode === NEWER_SCHEMA) return
    if (Date.now() - startedAt > 60_000) waitSeconds = 1
    begun = undefined
    while (!begun && !stop.aborted) {
      options.logger.error(`the worker broke down; it begins again in ${waitSeconds} s`)
      await sleep(waitSeconds * 1000, undefined, { signal: stop }).catch(() => undefined)
      waitSeconds = Math.min(waitSeconds * 2, 30)
      if (!stop.aborted) begun = await begin(options).catch(() => undefined)
    }
  }
}

async function begin({ databaseUrl, concurrency = 2, logger }: WorkerOptions): Promise<Begun> {
  // Tasks, the look for jobs, LISTEN.
  const pool = openWorkerPool(databaseUrl, concurrency + 3)
  const lifeline = new Lifeline(databaseUrl, (workers) =>
    logger.warn(`freed the jobs of ${workers} ${workers === 1 ? 'worker that is' : 'workers that are'} gone`),
  )
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    // A connection to a server that went away may never say goodbye.
    closing ??= Promise.race([Promise.all([lifeline.end(), pool.end()]), sleep(CLOSE_MILLISECONDS)]).then(
      () => undefined,
    )
    return closing
  }
  // Graphile Worker shuts down once it cannot mark a job, and at times waits for that job for ever.
  const events: WorkerEvents = new EventEmitter()
  const broken = new Promise<void>((resolve) => {
    const soon = (): void => void setTimeout(resolve, CLOSE_MILLISECONDS)
    events.once('pool:fatalError', soon).once('worker:fatalError', soon)
  })
  let runner: Runner | undefined
  try {
    await assertInstalled(pool, databaseUrl)
    await assertGateOpen(pool)
    runner = await run({
      pgPool: pool,
      schema: JOBS_SCHEMA,
      taskDirectory: fileURLToPath(new URL('../tasks', import.meta.url)),
      crontab: CRONTAB,
      concurrency,
      events,
      noHandleSignals: true,
      // A task ends after its step as soon as a shutdown begins.
      gracefulShutdownAbortTimeout: 1,
      logger: jobLogger(logger),
      preset: {
        // In batches of one: else a job that cannot be marked as done, because the server went away,
        // is an unhandled rejection and ends the process.
        worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 },
        plugins: [lifelinePlugin(lifeline)],
      },
    })
    // What broke it down has been logged by then.
    const outcome = Promise.race([runner.promise.catch(() => undefined), broken]).then(close)
    await queueStart(runner)
    await queueLook(runner)
    return { runner, outcome }
  } catch (error) {
    await runner?.stop().catch(() => undefined)
    await close()
    throw toLetheError(error, databaseUrl)
  }
}

/** The lock is taken before the first job is, so that no job is ever held by one not known to live. */
function lifelinePlugin(lifeline: Lifeline): GraphileConfig.Plugin {
  let held: Promise<void> | undefined
  return {
    name: 'LethesLifeline',
    version: '1.0.0',
    worker: {
      hooks: {
        startWorker: (_context, { worker }) => {
          held ??= lifeline.hold(worker.workerPool.id)
          return held
        },
      },
    },
  }
}

async function assertInstalled(pool: pg.Pool, databaseUrl: string): Promise<void> {
  const { rows } = await pool.query<{ installed: boolean }>(
    `select to_regclass('${JOBS_SCHEMA}.migrations') is not null and to_regprocedure('lethe.controllers_due()') is not null as installed`,
  )
  if (!rows[0]?.installed) throw notInstalled(databaseUrl)
}

/** Each time it begins: the server may have come back from a backup. */
async function assertGateOpen(pool: pg.Pool): Promise<void> {
  const session = await pool.connect()
  try {
    await passGate(session)
  } finally {
    // Its locks go with it.
    session.release(true)
  }
}

function notInstalled(databaseUrl: string): LetheError {
  return new LetheError(`Lethe is not installed in ${describeDatabase(databaseUrl)}`, {
    code: 'LE608',
    hint: 'run lethe init',
  })
}

/** Passes messages on and leaves the rest: what hangs on a message may be an error with a row in it. */
function jobLogger(logger: WorkerLogger): JobLogger {
  const write: Record<LogLevel, (message: string) => void> = {
    error: (message) => logger.error(message),
    warning: (message) => logger.warn(message),
    // "Completed task 5": of interest to whoever debugs.
    info: (message) => (message.startsWith('Completed task') ? logger.debug(message) : logger.info(message)),
    debug: (message) => logger.debug(message),
  } as Record<LogLevel, (message: string) => void>
  return new JobLogger(() => (level, message) => write[level](withoutStack(message)))
}

/** Graphile Worker appends the stack; it helps nobody who reads the log of a service. */
function withoutStack(message: string): string {
  return message.replace(/:\n\s+(Error|at ).*$/s, '')
}
