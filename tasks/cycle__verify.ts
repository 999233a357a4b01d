/** Reads every swept table of a cycle again; what is found due starts another round. */
import { verifyCycle } from '../src/db/cycle.ts'
import { cyclePayload, queueFinish, queueNext, task } from '../src/jobs.ts'

export default task(cyclePayload, async ({ cycle }, helpers) => {
  const tables = await verifyCycle(helpers, cycle)
  if (tables > 0) {
    helpers.logger.info(`cycle ${cycle}: ${tables} tables are swept once more`)
    await queueNext(helpers, cycle)
    return
  }
  await queueFinish(helpers, cycle)
})
