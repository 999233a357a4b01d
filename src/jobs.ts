/**
 * Which jobs a cycle or a request needs next. Jobs carry ids of Lethe and nothing else, so that nobody can be found
 * in the queue. Every job can be lost or come twice without harm: what is to be done is read from the
 * cycle or the requests, and each table or request is queued once, by its key, and never worked on twice at once, by its queue.
 */
import type { JobHelpers, Task } from 'graphile-worker'
import { z } from 'zod'
import { readyTables, unfinishedTables } from './db/cycle.ts'
import { toLetheError } from './db/errors.ts'
import { requestWork, type Work } from './db/requests.ts'
import { anchorHeads } from './evidence/anchor.ts'
import { JOBS_SCHEMA } from './install/jobs.ts'

/** Payload of what looks for work (`cycle__start`, `request__look`, `request__remind`); the cron adds its own part. */
export const startPayload = z.strictObject({ _cron: z.looseObject({}).optional() })
/** Payload of `cycle__verify` and `cycle__finish`. */
export const cyclePayload = z.strictObject({ cycle: z.int().positive() })
/** Payload of `cycle__sweep`. */
export const sweepPayload = z.strictObject({ cycle: z.int().positive(), table: z.int().positive() })
/** Payload of `request__plan`, `request__execute` and `request__verify`. */
export const requestPayload = z.strictObject({ request: z.int().positive() })
/** Payload of `recipient__notify`. */
export const notificationPayload = z.strictObject({ notification: z.int().positive() })

declare global {
  namespace GraphileWorker {
    interface Tasks {
      cycle__start: z.infer<typeof startPayload>
      cycle__sweep: z.infer<typeof sweepPayload>
      cycle__verify: z.infer<typeof cyclePayload>
      cycle__finish: z.infer<typeof cyclePayload>
      request__look: z.infer<typeof startPayload>
      request__remind: z.infer<typeof startPayload>
      request__plan: z.infer<typeof requestPayload>
      request__execute: z.infer<typeof requestPayload>
      request__verify: z.infer<typeof requestPayload>
      recipient__notify: z.infer<typeof notificationPayload>
      ledger__ship: z.infer<typeof startPayload>
    }
  }
}

/** The cycle, request or notification is gone, or is past what the job was for: somebody else has been there. */
const DROPPED = new Set(['LE114', 'LE115', 'LE403', 'LE411', 'LE431'])

/** Thrown to have a job come again: a sentence of ours, which is no fault of the program. */
export class TryAgain extends Error {
  override name = 'TryAgain'
}

/**
 * A task: its payload is asserted, and what it throws is told in a sentence of ours. Graphile Worker
 * logs and stores whatever a task throws, and PostgreSQL's own messages can quote rows.
 */
export function task<Payload>(
  payload: z.ZodType<Payload>,
  run: (payload: Payload, helpers: JobHelpers) => Promise<void>,
): Task {
  return async (given, helpers) => {
    try {
      await run(payload.parse(given), helpers)
    } catch (thrown) {
      if (thrown instanceof TryAgain) throw thrown
      const { message, code } = toLetheError(thrown)
      if (DROPPED.has(code)) {
        helpers.logger.warn(`job dropped: ${message}`)
        return
      }
      throw new Error(`${message} [${code}]`)
    }
  }
}

/** Carries new seals to where LETHE_ANCHOR says, if it does. Should that fail, the log says so, and the next time makes up for it. */
export async function anchorSeals(helpers: JobHelpers): Promise<void> {
  const path = process.env.LETHE_ANCHOR
  if (!path) return
  try {
    for (const { controller, number } of await anchorHeads(helpers, path))
      helpers.logger.info(`seal ${number} of ${controller} is anchored`)
  } catch (error) {
    const { message, code } = toLetheError(error)
    helpers.logger.error(`${message} [${code}]`)
  }
}

/** Queues a table of a cycle, once; a job that is there already takes the new time. */
export async function queueSweep(
  helpers: JobHelpers,
  cycle: number,
  table: number,
  afterSeconds = 0,
): Promise<void> {
  await helpers.addJob(
    'cycle__sweep',
    { cycle, table },
    {
      jobKey: `cycle__sweep:${cycle}:${table}`,
      // A queue is worked through one job at a time, whatever the number of workers.
      queueName: `table:${table}`,
      runAt: new Date(Date.now() + afterSeconds * 1000),
    },
  )
}

/** Queues the start: the look at which controllers have something to do. */
export async function queueStart(helpers: Pick<JobHelpers, 'addJob'>): Promise<void> {
  await helpers.addJob('cycle__start', {}, { jobKey: 'cycle__start' })
}

/** Queues the look at which requests have something to do, and of which somebody should be reminded. */
export async function queueLook(helpers: Pick<JobHelpers, 'addJob'>): Promise<void> {
  await helpers.addJob('request__look', {}, { jobKey: 'request__look' })
  await helpers.addJob('request__remind', {}, { jobKey: 'request__remind' })
}

/**
 * Queues what requests need next: of all of them, or of one. A job that is there already, and may be waiting
 * for its next attempt, is left as it is.
 */
export async function queueRequestWork(helpers: JobHelpers, request?: number): Promise<void> {
  const work = (await requestWork(helpers, request)).map((next) => ({ next, key: keyOf(next) }))
  const { rows } = await helpers.query<{ key: string }>(
    `select key from ${JOBS_SCHEMA}.jobs where key = any($1) and attempts < max_attempts`,
    [work.map(({ key }) => key)],
  )
  const queued = new Set(rows.map(({ key }) => key))
  for (const { next, key } of work.filter(({ key }) => !queued.has(key))) {
    if (next.step === 'notify') {
      const { notification } = next
      await helpers.addJob('recipient__notify', { notification }, { jobKey: key, maxAttempts: ATTEMPTS_MAX })
    } else {
      const { request, step } = next
      await helpers.addJob(`request__${step}`, { request }, { jobKey: key, queueName: `request:${request}` })
    }
  }
}

/** How often a recipient is tried; lethe.take_notification counts, too, since a job may be lost. */
const ATTEMPTS_MAX = 15

const keyOf = ({ step, request, notification }: Work): string =>
  step === 'notify' ? `recipient__notify:${notification}` : `request__${step}:${request}`

/** Queues the end of a cycle. */
export async function queueFinish(helpers: JobHelpers, cycle: number): Promise<void> {
  await helpers.addJob('cycle__finish', { cycle }, { jobKey: `cycle__finish:${cycle}` })
}

/**
 * Queues what an open cycle needs: sweeps of the tables that have become ready, or, where every table is
 * swept, the verification.
 *
 * @param options.resume - tables that somebody has begun as well: after a crash nobody goes on with them.
 */
export async function queueNext(helpers: JobHelpers, cycle: number, { resume = false } = {}): Promise<void> {
  const ready = await readyTables(helpers, cycle)
  const unfinished = await unfinishedTables(helpers, cycle)
  const begun = resume ? unfinished.filter(({ state }) => state === 'sweeping') : []
  for (const { tableId } of [...ready, ...begun]) await queueSweep(helpers, cycle, tableId)
  // Whoever verifies or finishes at this moment will queue what follows by itself.
  if (unfinished.length === 0 && !(resume && (await isEnding(helpers, cycle)))) {
    await helpers.addJob('cycle__verify', { cycle }, { jobKey: `cycle__verify:${cycle}` })
  }
}

async function isEnding(helpers: JobHelpers, cycle: number): Promise<boolean> {
  const { rows } = await helpers.query(
    `select from ${JOBS_SCHEMA}.jobs where key = any($1) and id <> $2 and attempts < max_attempts`,
    [[`cycle__verify:${cycle}`, `cycle__finish:${cycle}`], helpers.job.id],
  )
  return rows.length > 0
}
