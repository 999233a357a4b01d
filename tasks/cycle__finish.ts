/**
 * Closes a cycle. One that is incomplete is an error in the log, with each table and its cause; it is
 * no failure of the job, which has nothing to repeat. Two tables that end at the same moment may queue
 * this twice: it is then said twice. Where LETHE_ANCHOR names a file or folder, the seal is carried there;
 * where that fails the log says so, and the next cycle makes up for it.
 */
import type { JobHelpers } from 'graphile-worker'
import { cycleFaults, describeFault, finishCycle } from '../src/db/cycle.ts'
import { toLetheError } from '../src/db/errors.ts'
import { anchorHeads } from '../src/evidence/anchor.ts'
import { cyclePayload, queueNext, queueStart, task } from '../src/jobs.ts'

async function anchor(helpers: JobHelpers, path: string): Promise<void> {
  try {
    for (const { controller, number } of await anchorHeads(helpers, path))
      helpers.logger.info(`seal ${number} of ${controller} is anchored`)
  } catch (error) {
    const { message, code } = toLetheError(error)
    helpers.logger.error(`${message} [${code}]`)
  }
}

export default task(cyclePayload, async ({ cycle }, helpers) => {
  const state = await finishCycle(helpers, cycle)
  if (state === 'open') {
    await queueNext(helpers, cycle, { resume: true })
    return
  }
  if (state === 'complete') {
    helpers.logger.info(`cycle ${cycle} is complete`)
  } else {
    const faults = await cycleFaults(helpers, cycle)
    const causes = faults.map((fault) => `${fault.table} (${describeFault(fault)})`).join('; ')
    helpers.logger.error(`cycle ${cycle} is INCOMPLETE: ${causes}`)
  }
  if (process.env.LETHE_ANCHOR) await anchor(helpers, process.env.LETHE_ANCHOR)
  // The cycle may have been yesterday's: today's follows at once.
  await queueStart(helpers)
})
