/** Looks again for what is left of a person, writes the certificate and seals it. */
import { anchorSeals, requestPayload, task } from '../src/jobs.ts'
import { verifyRequest } from '../src/requests.ts'

export default task(requestPayload, async ({ request }, helpers) => {
  helpers.logger.info(`request ${request} is ${await verifyRequest(helpers, request)}`)
  await anchorSeals(helpers)
})
