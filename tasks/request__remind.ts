/** The hourly look at deadlines. Each request is a warning once, and an error once: whoever watches the log is told. */
import { noteReminder, requestsToRemind } from '../src/db/requests.ts'
import { startPayload, task } from '../src/jobs.ts'

export default task(startPayload, async (_payload, helpers) => {
  for (const reminder of await requestsToRemind(helpers)) {
    if (!(await noteReminder(helpers, reminder))) continue
    const { request, kind, controller, dueOn, daysLeft, level } = reminder
    const sentence = `request ${request} (${kind}, ${controller}) ${daysLeft < 0 ? `was due on ${dueOn}, ${-daysLeft} days ago` : `is due on ${dueOn}, in ${daysLeft} days`}`
    if (level === 'escalation') helpers.logger.error(sentence)
    else helpers.logger.warn(sentence)
  }
})
