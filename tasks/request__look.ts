/**
 * The look at requests, every few minutes: what can be done without anybody deciding anything is queued, whatever
 * became of the jobs that there were.
 */
import { queueRequestWork, startPayload, task } from '../src/jobs.ts'

export default task(startPayload, async (_payload, helpers) => queueRequestWork(helpers))
