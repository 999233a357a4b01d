/**
 * Tells one recipient of a request. One that does not answer is tried again, later each time, fifteen times in
 * all; then it is an error in the log, and somebody tells it by other means.
 */
import { notificationPayload, TryAgain, task } from '../src/jobs.ts'
import { notify } from '../src/webhook.ts'

export default task(notificationPayload, async ({ notification }, helpers) => {
  const told = await notify(helpers, notification)
  if (!told) return
  const { state, status, attempt } = told
  const answered = status === null ? 'no answer' : `HTTP ${status}`
  if (state === 'waiting')
    throw new TryAgain(`notification ${notification}: ${answered}, attempt ${attempt} of 15`)
  if (state === 'dead')
    helpers.logger.error(
      `notification ${notification} is given up after ${attempt} attempts (${answered}): tell the recipient by other means`,
    )
  else helpers.logger.info(`notification ${notification} is ${state}`)
})
