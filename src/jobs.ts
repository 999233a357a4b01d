/**
 * Which jobs a cycle needs next. Jobs carry ids of Lethe and nothing else, so that nobody can be found
 * in the queue. Every job can be lost or come twice without harm: what is to be done is read from the
 * cycle, and each table is queued once, by its key, and never worked on twice at once, by its queue.
 */
import type { JobHelpers, Task } from 'graphile-worker'
import { z } from 'zod'
import { readyTables, unfinishedTables } from './db/cycle.ts'
import { toLetheError } from './db/errors.ts'
import { JOBS_SCHEMA } from './install/jobs.ts'

/** Payload of `cycle__start`; the cron adds its own part. */
export const startPayload = z.strictObject({ _cron: z.looseObject({}).optional() })
/** Payload of `cycle__verify` and `cycle__finish`. */
export const cyclePayload = z.strictObject({ cycle: z.int().positive() })
/** Payload of `cycle__sweep`. */
export const sweepPayload = z.strictObject({ cycle: z.int().positive(), table: z.int().positive() })

declare global {
  namespace GraphileWorker {
    interface Tasks {
      cycle__start: z.infer<typeof startPayload>
      cycle__sweep: z.infer<typeof sweepPayload>
      cycle__verify: z.infer<typeof cyclePayload>
      cycle__finish: z.infer<typeof cyclePayload>
    }
  }
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
      const { message, code } = toLetheError(thrown)
      if (code === 'LE403') {
        helpers.logger.warn(`job dropped: ${message}`)
        return
      }
      throw new Error(`${message} [${code}]`)
    }
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
