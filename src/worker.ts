/**
 * The worker: Graphile Worker over schema `lethe_jobs`, with the tasks of `tasks/`. Any number of them
 * may run, on any hosts. It acts as lethe_worker, whatever else its login may do.
 *
 * What it logs are sentences of ours, ids, names of tables and SQLSTATEs. Job payloads hold ids.
 */
import { fileURLToPath } from 'node:url'
import { Logger as JobLogger, type LogLevel, type Runner, run } from 'graphile-worker'
import { openWorkerPool } from './db/cycle.ts'
import { describeDatabase, toLetheError } from './db/errors.ts'
import { LetheError } from './errors.ts'
import { JOBS_SCHEMA } from './install/jobs.ts'
import { queueStart } from './jobs.ts'
import { Lifeline } from './lifeline.ts'

/** Seven minutes past, in UTC: most local days turn on the hour or half past, and few other crons run then. */
const CRONTAB = '7 * * * * cycle__start ?jobKey=cycle__start&jobKeyMode=replace'

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

/** @throws LetheError LE502 (no member of lethe_worker), LE603 (unreachable), LE608 (not installed). */
export async function startWorker({ databaseUrl, concurrency = 2, logger }: WorkerOptions): Promise<Worker> {
  // Tasks, the look for jobs, LISTEN.
  const pool = openWorkerPool(databaseUrl, concurrency + 3)
  const lifeline = new Lifeline(databaseUrl, (workers) =>
    logger.warn(`freed the jobs of ${workers} ${workers === 1 ? 'worker that is' : 'workers that are'} gone`),
  )
  let runner: Runner
  try {
    const { rows } = await pool.query<{ installed: boolean }>(
      `select to_regclass('${JOBS_SCHEMA}.migrations') is not null and to_regprocedure('lethe.controllers_due()') is not null as installed`,
    )
    if (!rows[0]?.installed) throw notInstalled(databaseUrl)
    let alive: Promise<void> | undefined
    runner = await run({
      pgPool: pool,
      schema: JOBS_SCHEMA,
      taskDirectory: fileURLToPath(new URL('../tasks', import.meta.url)),
      crontab: CRONTAB,
      concurrency,
      noHandleSignals: true,
      // A task ends after its step as soon as a shutdown begins.
      gracefulShutdownAbortTimeout: 1,
      logger: jobLogger(logger),
      preset: {
        plugins: [
          {
            name: 'LethesLifeline',
            version: '1.0.0',
            worker: {
              hooks: {
                // Before the first job is taken, so that no job is ever locked by one not known to live.
                startWorker: (_context, { worker }) => (alive ??= lifeline.hold(worker.workerPool.id)),
              },
            },
          },
        ],
      },
    })
    await queueStart(runner)
  } catch (error) {
    await lifeline.end()
    await pool.end()
    throw toLetheError(error, databaseUrl)
  }

  const close = async (): Promise<void> => {
    await lifeline.end()
    await pool.end()
  }
  const ended = runner.promise.then(close, async (error) => {
    await close()
    throw toLetheError(error, databaseUrl)
  })
  ended.catch(() => undefined)
  let stopping: Promise<void> | undefined
  return {
    ended,
    stop: () => (stopping ??= runner.stop().then(() => ended)),
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
