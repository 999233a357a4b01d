/** What is under seal in the entries about holds: moment, table, predicate, reason, last day. It may name a person. */
import { z } from 'zod'
import type { Queryable } from '../db/cycle.ts'
import { recogniseHold } from '../db/ledger.ts'
import type { Entry, LedgerEvent } from './entry.ts'
import type { Ledger } from './ledger.ts'

const HOLD_EVENTS: ReadonlySet<LedgerEvent> = new Set<LedgerEvent>([
  'hold',
  'hold released',
  'restriction',
  'restriction lifted',
])

const content = z.looseObject({ placed_at: z.string() })

/** What was sealed of a hold. */
export type HoldContent = z.infer<typeof content>

/** Notes in the database which of these entries are about holds that it has. */
export async function recogniseHolds(db: Queryable, ledger: Ledger, entries: Entry[]): Promise<void> {
  for (const entry of entries) {
    if (!HOLD_EVENTS.has(entry.event) || !entry.data?.sealed) continue
    const { placed_at } = unsealHold(ledger, entry)
    await recogniseHold(db, { ...entry, hold: entry.hold! }, placed_at)
  }
}

/** @throws LetheError LE455 without the key. */
export function unsealHold(ledger: Ledger, entry: Entry): HoldContent {
  return content.parse(JSON.parse(ledger.keys.of(entry).unseal(entry.data!.sealed!)))
}
