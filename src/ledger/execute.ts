/**
 * Executes a request with the ledger: an intent before the transaction, a completion after. Whoever executes
 * requests calls this one, the worker's task and `lethe request execute` alike.
 */
import type { Queryable } from '../db/cycle.ts'
import { type LedgerSubject, ledgerSubjectOf, lockLedgered, unlockLedgered } from '../db/ledger.ts'
import { executeRequest } from '../db/requests.ts'
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
    if (subject.state !== 'approved' && subject.state !== 'delayed') return await executeRequest(db, request)
    return await executeIntended(db, request, subject, ledger)
  } finally {
    await unlockLedgered(db, request).catch(() => undefined)
  }
}

async function executeIntended(
  db: Queryable,
  request: number,
  { subject, controller, received_at, roots, identifiers }: LedgerSubject,
  ledger: Ledger,
): Promise<string> {
  const intent = await ledger.append({
    event: 'erasure intent',
    controller,
    request,
    received_at,
    subject,
    data: { roots, identifiers },
  })
  let state: string
  try {
    state = await executeRequest(db, request, intent.number, intent.hash)
  } catch (error) {
    if (isRolledBack(error)) await endLater(ledger, intent, 'erasure abandoned')
    throw error
  }
  await endLater(ledger, intent, DONE.has(state) ? 'erasure completed' : 'erasure abandoned')
  return state
}

/** A disk that has become full meanwhile undoes nothing: the next look at the ledger ends the intent, or says why not. */
async function endLater(ledger: Ledger, intent: Entry, event: Parameters<typeof end>[2]): Promise<void> {
  await end(ledger, intent, event).catch((error: unknown) => {
    if (!(error instanceof LetheError) || error.code !== 'LE456') throw error
  })
}

/** The server has refused the statement. Where the connection broke, nobody knows: the next look finds out. */
function isRolledBack(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^[0-9A-Z]{5}$/.test(code) && !/^(08|57P0|XX)/.test(code)
}
