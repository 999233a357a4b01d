/**
 * Sweeps one table of a cycle, step by step, each a transaction of its own. A job works for about half a
 * minute and then queues itself again, so that a shutdown need not wait for a large table and tables
 * that share a worker take turns.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { JobHelpers } from 'graphile-worker'
import { detachPartition, pace, sweepStep } from '../src/db/cycle.ts'
import { queueNext, queueSweep, sweepPayload, task } from '../src/jobs.ts'

const SLICE_SECONDS = 30
/** Steps in a row that may meet a lock before the job makes room for another. */
const STUCK_MAX = 5
const STUCK_SECONDS = 10
/** Outside the time window, or while a replica lags. */
const WAIT_SECONDS = 180

export default task(sweepPayload, async ({ cycle, table }, helpers) => {
  const pauseRatio = await pace(helpers)
  const until = Date.now() + SLICE_SECONDS * 1000
  let stuck = 0
  while (!helpers.abortSignal.aborted && Date.now() < until) {
    const step = await sweepStep(helpers, cycle, table, { paced: true })
    switch (step.state) {
      case 'done':
        helpers.logger.info(`cycle ${cycle}, table ${table}: swept, ${step.rowsDone} rows so far`)
        return queueNext(helpers, cycle)
      case 'failed':
        helpers.logger.error(`cycle ${cycle}, table ${table}: failed; the cause is in lethe.cycle_tables`)
        return queueNext(helpers, cycle)
      case 'wait':
        helpers.logger.info(`cycle ${cycle}, table ${table}: waits for its time window or for a replica`)
        return queueSweep(helpers, cycle, table, WAIT_SECONDS)
      case 'detach':
        await helpers.withPgClient((client) => detachPartition(client, cycle, table))
        break
      case 'retry':
      case 'busy':
        if (++stuck > STUCK_MAX)
          return queueSweep(helpers, cycle, table, STUCK_SECONDS * (0.5 + Math.random()))
        await pause(helpers, 0.5 + Math.random())
        break
      default:
        stuck = 0
        await pause(helpers, step.tookSeconds * pauseRatio)
    }
  }
  await queueSweep(helpers, cycle, table)
})

/** Sleeps, unless the worker is about to stop. */
async function pause(helpers: JobHelpers, seconds: number): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal: helpers.abortSignal }).catch(() => undefined)
}
