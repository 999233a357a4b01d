/**
 * What is done with a request without anybody deciding anything: the worker's tasks and `lethe request
 * execute` do it here. Each step is one transaction of the database, and says what is to be done next; killed
 * between any two, it goes on from there.
 */
import type { Queryable } from './db/cycle.ts'
import { toLetheError } from './db/errors.ts'
import * as database from './db/requests.ts'
import { type ExecuteOptions, executeLedgered, executeManyLedgered } from './ledger/execute.ts'
import { notify } from './webhook.ts'

/** The request is in a state from which this step is none. */
const PASSED = new Set(['LE411', 'LE431'])

/** How far it is. */
export type OnStep = (step: 'planning' | 'executing' | 'looking again' | 'telling recipients') => void

/**
 * The one place from which a request is executed, by tasks and by the command line; written to the ledger first,
 * where there is one.
 *
 * @param db - one session.
 * @returns the new state.
 */
export function executeRequest(
  db: Queryable,
  request: number,
  options: ExecuteOptions = {},
): Promise<string> {
  return recordingFailure(db, request, () => executeLedgered(db, request, options))
}

/**
 * Many at once: one transaction, and one look again at those that were erased.
 *
 * @returns the state of each after its execution; `failed`: it is as it was, and why is written down.
 */
export async function executeRequests(
  db: Queryable,
  requests: number[],
  onStep: OnStep = () => undefined,
): Promise<Map<number, string>> {
  onStep('executing')
  const states = await executeManyLedgered(db, requests)
  const erased = requests.filter((request) => states.get(request) === 'executed')
  if (erased.length === 0) return states
  onStep('looking again')
  await database.verifyRequests(db, erased)
  return states
}

/** Looks again, and certifies. @returns the new state. */
export function verifyRequest(db: Queryable, request: number): Promise<string> {
  return recordingFailure(db, request, () => database.verifyRequest(db, request))
}

/** What failed was undone whole; why it did is written down for whoever looks: SQLSTATE, table and constraint. */
async function recordingFailure<Result>(
  db: Queryable,
  request: number,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    await database.recordFailure(db, request, error).catch(() => undefined)
    throw error
  }
}

/**
 * Goes on with a request until somebody has to decide, a law or a hold keeps it, or nothing is left to do.
 * Recipients are told once each; one that does not answer is left to the worker.
 */
export async function advanceRequest(
  db: Queryable,
  request: number,
  onStep: OnStep = () => undefined,
  options: ExecuteOptions = {},
): Promise<void> {
  const tried = new Set<string>()
  for (;;) {
    const next = (await database.requestWork(db, request)).find((work) => !tried.has(nameOf(work)))
    if (!next) return
    tried.add(nameOf(next))
    try {
      await take(db, next, onStep, options)
    } catch (error) {
      // A worker was quicker: what is left is read again.
      if (!PASSED.has(toLetheError(error).code)) throw error
    }
  }
}

async function take(
  db: Queryable,
  next: database.Work,
  onStep: OnStep,
  options: ExecuteOptions,
): Promise<void> {
  switch (next.step) {
    case 'plan':
      onStep('planning')
      return database.planRequest(db, next.request)
    case 'execute':
      onStep('executing')
      await executeRequest(db, next.request, options)
      return
    case 'verify':
      onStep('looking again')
      await verifyRequest(db, next.request)
      return
    case 'notify':
      onStep('telling recipients')
      await notify(db, next.notification)
  }
}

const nameOf = ({ step, notification }: database.Work): string => `${step} ${notification ?? ''}`
