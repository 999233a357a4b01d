/**
 * Holds and restrictions in the ledger. They are placed in the database, by whoever may, and written here after:
 * by `lethe work` every few minutes, by `lethe hold`, `run` and `replay`, and before each erasure. What it takes to
 * place one again is sealed, since a reason or a predicate may name a person.
 */
import type { Queryable } from '../db/cycle.ts'
import { type HoldToShip, holdsToShip, lockLedgered, noteShipped, unlockLedgered } from '../db/ledger.ts'
import type { Entry } from './entry.ts'
import { assertOpen, settle } from './gate.ts'
import type { Ledger } from './ledger.ts'

/** No request has this number: the lock of whoever ships. */
const SHIPPING = 0

/**
 * Writes to the ledger what is not there yet.
 *
 * @param db - one session, of a login that runs cycles.
 * @returns how many entries were added.
 * @throws LetheError LE451 (the database is behind), LE452, LE453, LE456.
 */
export async function shipHolds(db: Queryable, ledger: Ledger): Promise<number> {
  await lockLedgered(db, SHIPPING)
  try {
    assertOpen(await settle(db, ledger))
    let shipped = 0
    // The end of a hold follows once its beginning is written.
    for (;;) {
      const holds = await holdsToShip(db, ledger.keys.newest.pads)
      if (holds.length === 0) break
      for (const hold of holds) await noteShipped(db, hold, await ship(ledger, hold))
      shipped += holds.length
    }
    if (shipped > 0) await settle(db, ledger)
    return shipped
  } finally {
    await unlockLedgered(db, SHIPPING).catch(() => undefined)
  }
}

function ship(ledger: Ledger, hold: HoldToShip): Promise<Entry> {
  const { event, controller, request, received_at, of, subject, roots } = hold
  const sealed = ledger.keys.newest.seal(JSON.stringify(hold.content))
  return ledger.append({
    event,
    controller,
    request,
    received_at,
    hold: hold.hold,
    of,
    subject,
    data: { roots, identifiers: [], sealed },
  })
}
