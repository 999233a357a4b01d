/**
 * The gate: whether a database is as new as its ledger. One that was restored from a backup is not; until
 * `lethe replay` has done again what it lacks, worker and API stay closed.
 *
 * Entries are taken in one by one, since transactions do not commit in the order in which their intents were
 * written. `last_number` of the database is the entry up to which nothing is open any more.
 */
import type { Queryable } from '../db/cycle.ts'
import {
  adoptLedger,
  type Fate,
  fateOf,
  knowEntry,
  type LedgerState,
  readLedgerState,
  settleLedger,
} from '../db/ledger.ts'
import { LetheError } from '../errors.ts'
import { type Entry, TO_BE_KNOWN } from './entry.ts'
import type { Ledger } from './ledger.ts'
import { recogniseHolds } from './sealed.ts'

/** How a database stands to its ledger. */
export interface Standing {
  state: LedgerState
  /** The entries after the last one that is settled. */
  entries: Entry[]
  /** What the ledger says happened, and this database does not know. */
  missing: Entry[]
  /** Intents without an end, and not known here: in flight, cut short, or lost by a restore. */
  unended: Entry[]
  /** Those of them whose request is not in this database. Only {@link settle} can tell. */
  lost: Entry[]
}

/** @throws LetheError LE452 (another ledger), LE453, LE456. */
export async function standingOf(db: Queryable, ledger: Ledger): Promise<Standing> {
  const state = await readLedgerState(db)
  const id = await ledger.id()
  if (state.ledger === null || state.ledger !== id) throw foreign(ledger, state, id)
  // Read after the state: what was written meanwhile may then be missing here, and never known here and not there.
  const entries = await ledger.since(state.lastNumber, state.lastHash ?? undefined)
  assertKnown(state, entries, ledger)
  const open = new Set(openIntents(entries))
  const unknown = entries.filter(({ number, event }) => TO_BE_KNOWN.has(event) && !(number in state.known))
  const abandoned = new Set(entries.filter(({ event }) => event === 'erasure abandoned').map(({ of }) => of))
  return {
    state,
    entries,
    missing: unknown.filter((entry) => !open.has(entry) && !abandoned.has(entry.number)),
    unended: unknown.filter((entry) => open.has(entry)),
    lost: [],
  }
}

/**
 * Ends what can be ended: completes intents that were committed, abandons those whose request still waits, and
 * moves the mark. A ledger without entries becomes this database's.
 *
 * @param db - of a login that runs cycles.
 * @returns how it stands afterwards: the gate is open when nothing is missing.
 * @throws LetheError LE452, LE453, LE456.
 */
export async function settle(db: Queryable, ledger: Ledger): Promise<Standing> {
  await begin(db, ledger)
  let standing = await standingOf(db, ledger)
  await recogniseHolds(db, ledger, standing.missing)
  const fates = new Map<number, Fate>()
  for (const { number, request, received_at } of standing.unended)
    fates.set(number, await fateOf(db, request!, received_at!))
  // Whoever was busy a moment ago may have ended meanwhile, and is then no longer among the unended.
  standing = await standingOf(db, ledger)
  const lost = standing.unended.filter(({ number }) => fates.get(number) === 'unknown')
  if (standing.state.replaying || lost.length > 0) return { ...standing, lost }
  for (const intent of standing.unended) {
    const fate = fates.get(intent.number)
    if (fate === 'alive') await end(ledger, intent, 'erasure abandoned')
    if (fate === 'done') await knowEntry(db, intent)
  }
  await complete(db, ledger)
  standing = await standingOf(db, ledger)
  if (standing.missing.length === 0) await moveMark(db, standing)
  return standing
}

/** @throws LetheError LE451 when the database is behind, or a replay has not ended. */
export function assertOpen({ state, missing, lost }: Standing): void {
  if (!state.replaying && missing.length + lost.length === 0) return
  const count = missing.length + lost.length
  throw new LetheError(
    state.replaying
      ? 'a replay of the ledger has begun and not ended'
      : `the ledger has ${count} ${count === 1 ? 'entry' : 'entries'} that this database does not know: it is older than its ledger`,
    { code: 'LE451', hint: 'lethe replay does again what a restored backup has undone' },
  )
}

/** Appends the end of an intent. */
export function end(
  ledger: Ledger,
  { number, controller, request, received_at, subject }: Entry,
  event: 'erasure completed' | 'erasure abandoned',
): Promise<Entry> {
  return ledger.append({ event, of: number, controller, request, received_at, subject })
}

async function begin(db: Queryable, ledger: Ledger): Promise<void> {
  if ((await readLedgerState(db)).ledger !== null) return
  // Several may begin one at the same moment: the first entry names it, whoever wrote that.
  if ((await ledger.last()) === undefined) await ledger.append({ event: 'opened' })
  if ((await ledger.since(0)).some(({ event }) => event !== 'opened')) {
    const state = await readLedgerState(db)
    if (state.ledger === null) throw foreign(ledger, state, await ledger.id())
    return
  }
  await adoptLedger(db, (await ledger.id())!)
}

/** Committed, and then the writer was gone: nothing is lost but the completion. */
async function complete(db: Queryable, ledger: Ledger): Promise<void> {
  const { state, entries } = await standingOf(db, ledger)
  for (const intent of openIntents(entries)) {
    if (!(intent.number in state.known)) continue
    if ((await fateOf(db, intent.request!, intent.received_at!)) === 'busy') continue
    // Asked again: it may have been completed before it was no longer busy.
    const { entries: now } = await standingOf(db, ledger)
    if (openIntents(now).some(({ number }) => number === intent.number))
      await end(ledger, intent, 'erasure completed')
  }
}

/** Never past an intent without an end. */
async function moveMark(db: Queryable, { entries }: Standing): Promise<void> {
  const firstOpen = Math.min(...openIntents(entries).map(({ number }) => number))
  const last = entries.findLast(({ number }) => number < firstOpen)
  if (last) await settleLedger(db, last)
}

/** Intents of which nothing says how they ended. */
export function openIntents(entries: Entry[]): Entry[] {
  const ended = new Set(entries.map(({ of }) => of))
  return entries.filter(({ number, event }) => event === 'erasure intent' && !ended.has(number))
}

function assertKnown(state: LedgerState, entries: Entry[], { folder }: Ledger): void {
  for (const [number, hash] of Object.entries(state.known)) {
    if (entries.some((entry) => entry.number === Number(number) && entry.hash === hash)) continue
    throw new LetheError(
      `the ledger ${folder} is broken: entry ${number}, which the database knows, is not there or is another one`,
      { code: 'LE453', hint: 'put the folder back from a copy of it, and find out who changed it' },
    )
  }
}

function foreign({ folder }: Ledger, state: LedgerState, id: string | undefined): LetheError {
  if (state.ledger === null) {
    return new LetheError(`the ledger ${folder} has entries, and this database has never had a ledger`, {
      code: 'LE452',
      hint: 'name a new folder; if this database was restored from a backup older than its ledger: lethe replay --adopt',
    })
  }
  return new LetheError(
    id === undefined
      ? `the ledger ${folder} has no entry, and this database knows some`
      : `the ledger ${folder} is of another database`,
    { code: 'LE452', hint: 'LETHE_LEDGER names the folder that was made for this database' },
  )
}
