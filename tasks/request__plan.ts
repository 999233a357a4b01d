/** Writes down what an erasure would do. An officer decides what comes next. */
import { planRequest } from '../src/db/requests.ts'
import { requestPayload, task } from '../src/jobs.ts'

export default task(requestPayload, async ({ request }, helpers) => {
  await planRequest(helpers, request)
  helpers.logger.info(`request ${request} is planned and waits for an officer`)
})
