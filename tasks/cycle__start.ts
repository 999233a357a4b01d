/**
 * The hourly look, in UTC: every controller whose local day has turned gets its cycle, and an open cycle
 * gets the jobs it needs, whatever became of those it had. A day that was missed needs nothing special:
 * what was due then is due now. Erasures whose day has come are queued first.
 */
import { controllersDue, requestsToComplete, startCycle } from '../src/db/cycle.ts'
import { toLetheError } from '../src/db/errors.ts'
import { queueNext, queueRequestWork, startPayload, task } from '../src/jobs.ts'

export default task(startPayload, async (_payload, helpers) => {
  const failures: string[] = []
  for (const { controller, localDate } of await controllersDue(helpers)) {
    // One controller that cannot start does not keep the others waiting.
    try {
      const cycle = await startCycle(helpers, controller)
      helpers.logger.info(`cycle ${cycle} of controller ${controller} is open, local day ${localDate}`)
      for (const request of await requestsToComplete(helpers, controller))
        await queueRequestWork(helpers, request)
      await queueNext(helpers, cycle, { resume: true })
    } catch (error) {
      const { message, code } = toLetheError(error)
      helpers.logger.error(`cycle of controller ${controller} cannot start: ${message} [${code}]`)
      failures.push(controller)
    }
  }
  if (failures.length > 0) throw new Error(`cycles cannot start: ${failures.join(', ')}`)
})
