/**
 * Executes requests with the ledger: an intent of each before the transaction, a completion after. Whoever executes
 * requests comes through here, the worker's task and `lethe request execute` alike.
 */
import type { Queryable } from '../db/cycle.ts'
import { type LedgerSubject, ledgerSubjectOf, lockLedgered, unlockLedgered } from '../db/ledger.ts'
import { executeRequest, executeRequests } from '../db/requests.ts'
import { LetheError } from '../errors.ts'
import type { Entry } from './entry.ts'
import { assertOpen, end, settle } from './gate.ts'
import { shipHolds } from './holds.ts'
import { type Ledger, ledgerOfEnvironment } from './ledger.ts'

/** In these the erasure has happened. */
const DONE = new Set(['executed', 'blocked', 'completed'])

/** What {@link executeLedgered} may be told. */
export interface ExecuteOptions {
  /** Default: the one of the environment, if there is one. */
  ledger?: Ledger
  /** False in a replay: the gate is closed, and this is how it comes to be opened. */
  gate?: boolean
}

/**
 * @param db - one session, of a login that runs cycles; outside any transaction.
 * @returns the request's state afterwards.
 * @throws LetheError LE451 to LE456, and what executing raises. Nothing was erased then.
 */
export async function executeLedgered(
  db: Queryable,
  request: number,
  { ledger: given, gate = true }: ExecuteOptions = {},
): Promise<string> {
  const ledger = given ?? (await ledgerOfEnvironment())
  if (!ledger) return executeRequest(db, request)
  const { kind } = await ledgerSubjectOf(db, request, ledger.keys.newest.pads)
  if (kind !== 'erasure') {
    const state = await executeRequest(db, request)
    if (kind === 'restriction' && gate) await shipHolds(db, ledger)
    return state
  }
  if (gate) await shipHolds(db, ledger)
  await lockLedgered(db, request)
  try {
    if (gate) assertOpen(await settle(db, ledger))
    const subject = await ledgerSubjectOf(db, request, ledger.keys.newest.pads)
    // Whatever else it is: the database says so, and the ledger has nothing to remember.
    if (!isAnnounced(subject)) return await executeRequest(db, request)
    return await executeIntended(db, request, subject, ledger)
  } finally {
    await unlockLedgered(db, request).catch(() => undefined)
  }
}

/**
 * Many in one transaction: all intents are on disk before it, and each is ended after.
 *
 * @param db - as of {@link executeLedgered}.
 * @returns the state of each afterwards; `failed`: it is as it was, and the database has written down why.
 * @throws LetheError LE451 to LE456. Nothing was erased then.
 */
export async function executeManyLedgered(
  db: Queryable,
  requests: number[],
  given?: Ledger,
): Promise<Map<number, string>> {
  const ids = [...new Set(requests)].sort((a, b) => a - b)
  const ledger = given ?? (await ledgerOfEnvironment())
  if (!ledger) return executeRequests(db, ids)
  await shipHolds(db, ledger)
  // In the order of their numbers, so that two of these wait for one another and not both.
  for (const id of ids) await lockLedgered(db, id)
  try {
    assertOpen(await settle(db, ledger))
    const states = await executeAllIntended(db, ids, ledger)
    // Restrictions may have been among them.
    await shipHolds(db, ledger)
    return states
  } finally {
    for (const id of ids) await unlockLedgered(db, id).catch(() => undefined)
  }
}

async function executeAllIntended(
  db: Queryable,
  ids: number[],
  ledger: Ledger,
): Promise<Map<number, string>> {
  const intents = new Map<number, Entry>()
  for (const id of ids) {
    const subject = await ledgerSubjectOf(db, id, ledger.keys.newest.pads)
    if (subject.kind === 'erasure' && isAnnounced(subject))
      intents.set(id, await announce(ledger, id, subject))
  }
  let states: Map<number, string>
  try {
    states = await executeRequests(db, ids, intents)
  } catch (error) {
    if (isRolledBack(error))
      for (const intent of intents.values()) await endLater(ledger, intent, 'erasure abandoned')
    throw error
  }
  for (const [id, intent] of intents) await endLater(ledger, intent, endOf(states.get(id)))
  return states
}

async function executeIntended(
  db: Queryable,
  request: number,
  subject: LedgerSubject,
  ledger: Ledger,
): Promise<string> {
  const intent = await announce(ledger, request, subject)
  let state: string
  try {
    state = await executeRequest(db, request, intent.number, intent.hash)
  } catch (error) {
    if (isRolledBack(error)) await endLater(ledger, intent, 'erasure abandoned')
    throw error
  }
  await endLater(ledger, intent, endOf(state))
  return state
}

/** What a law had kept was announced with all the rest. */
const isAnnounced = ({ state }: LedgerSubject): boolean => state === 'approved' || state === 'delayed'

const announce = (
  ledger: Ledger,
  request: number,
  { subject, controller, received_at, roots, identifiers }: LedgerSubject,
): Promise<Entry> =>
  ledger.append({
    event: 'erasure intent',
    controller,
    request,
    received_at,
    subject,
    data: { roots, identifiers },
  })

const endOf = (state: string | undefined): 'erasure completed' | 'erasure abandoned' =>
  state !== undefined && DONE.has(state) ? 'erasure completed' : 'erasure abandoned'

/** A disk that has become full meanwhile undoes nothing: the next look at the ledger ends the intent, or says why not. */
async function endLater(ledger: Ledger, intent: Entry, event: Parameters<typeof end>[2]): Promise<void> {
  await end(ledger, intent, event).catch((error: unknown) => {
    if (!(error instanceof LetheError) || error.code !== 'LE456') throw error
  })
}

/**
 * The server has refused the statement. Where the connection broke, nobody knows: the next look finds out. EPIPE
 * looks like a SQLSTATE and is none: only the server gives a severity.
 */
export function isRolledBack(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error && 'severity' in error)) return false
  return /^[0-9A-Z]{5}$/.test(String(error.code)) && !/^(08|57P0|XX)/.test(String(error.code))
}
