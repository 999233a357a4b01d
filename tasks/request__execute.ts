/** Does what was approved, in one transaction, and queues what follows. */
import { queueRequestWork, requestPayload, task } from '../src/jobs.ts'
import { executeRequest } from '../src/requests.ts'

export default task(requestPayload, async ({ request }, helpers) => {
  // One session: the ledger's lock is its own.
  const state = await helpers.withPgClient((session) => executeRequest(session, request))
  if (state === 'planned')
    helpers.logger.warn(`request ${request} is to be approved again: its plan has changed`)
  else helpers.logger.info(`request ${request} is ${state}`)
  await queueRequestWork(helpers, request)
})
