/**
 * Closes a cycle. One that is incomplete is an error in the log, with each table and its cause; it is
 * no failure of the job, which has nothing to repeat. Two tables that end at the same moment may queue
 * this twice: it is then said twice. Where LETHE_ANCHOR names a file or folder, the seal is carried there;
 * where that fails the log says so, and the next cycle makes up for it.
 */
import { cycleFaults, describeFault, finishCycle } from '../src/db/cycle.ts'
import { anchorSeals, cyclePayload, queueNext, queueStart, task } from '../src/jobs.ts'

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
  await anchorSeals(helpers)
  // The cycle may have been yesterday's: today's follows at once.
  await queueStart(helpers)
})
