/**
 * One entry of the ledger, and how it is chained.
 *
 * Glossary: the **ledger** is a folder outside the database, a file an entry, that says who was forgotten, held
 * and restricted, so that a backup put back does not undo it. An **intent** is written before an erasure commits,
 * a **completion** after. `data` is what points to a person, as keyed hashes and under seal; the chain is made
 * over its digest, so that it can be blanked when its term is over and the chain still holds.
 *
 * Danger: keyed hashes are pseudonymous personal data. Nothing of `data` is ever logged.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'

export const EVENTS = [
  'opened',
  'erasure intent',
  'erasure completed',
  'erasure abandoned',
  'restriction',
  'restriction lifted',
  'hold',
  'hold released',
  'replayed',
] as const

export type LedgerEvent = (typeof EVENTS)[number]

/** What a database must have taken in to be as new as its ledger. */
export const TO_BE_KNOWN: ReadonlySet<LedgerEvent> = new Set<LedgerEvent>([
  'erasure intent',
  'restriction',
  'restriction lifted',
  'hold',
  'hold released',
])

const hex = z.string().regex(/^[0-9a-f]{64}$/)

const data = z.strictObject({
  /** HMACs of table and key of the root rows. */
  roots: z.array(hex),
  /** HMACs of what stood in the columns by which one looks the person up. */
  identifiers: z.array(hex),
  /** What it takes to place a hold again, encrypted. */
  sealed: z.string().optional(),
})

export type EntryData = z.infer<typeof data>

/** In the order in which they are hashed. */
const head = z.strictObject({
  number: z.int().positive(),
  /** ISO 8601, UTC. */
  at: z.iso.datetime(),
  event: z.enum(EVENTS),
  controller: z.string().nullable(),
  request: z.int().nullable(),
  /** When the request was received: with its number, which request it is. */
  received_at: z.string().nullable(),
  hold: z.int().nullable(),
  /** The entry that this one completes, abandons, lifts or releases. */
  of: z.int().nullable(),
  subject: z.string().nullable(),
  key_version: z.int().positive(),
  /** Tells whether a key of that version is the one that was used. */
  key_check: z.string(),
  /** The last day on which the data is kept, and why it is. */
  until: z.iso.date(),
  basis: z.string(),
  /** SHA-256 of the data. */
  digest: hex,
  /** Hash of the entry before; of the first one, a random number that names the ledger. */
  previous: hex,
})

export const entrySchema = z.strictObject({ ...head.shape, hash: hex, data: data.optional() })

export type Entry = z.infer<typeof entrySchema>

/** What is known of an entry before it has its place in the chain. */
export type Draft = Partial<
  Pick<Entry, 'controller' | 'request' | 'received_at' | 'hold' | 'of' | 'subject'>
> & { event: LedgerEvent; data?: EntryData }

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** The JSON array of roots, identifiers and seal, hashed. */
export const digestOf = ({ roots, identifiers, sealed }: EntryData): string =>
  sha256(JSON.stringify([roots, identifiers, sealed ?? null]))

/** The JSON array of the head's values, hashed. */
export const hashOf = (entry: Omit<Entry, 'hash' | 'data'>): string =>
  sha256(JSON.stringify(Object.keys(head.shape).map((name) => entry[name as keyof typeof entry])))

/** @param day - today, `YYYY-MM-DD`: data may be missing once its term is over. @returns what is wrong with it; undefined when nothing is. */
export function faultOf(
  entry: Entry,
  number: number,
  previous: string | undefined,
  day: string,
): string | undefined {
  if (entry.number !== number) return `calls itself entry ${entry.number}`
  if (previous !== undefined && entry.previous !== previous) return 'does not follow on the entry before it'
  if (hashOf(entry) !== entry.hash) return 'was altered'
  if (entry.data === undefined) return entry.until < day ? undefined : 'was blanked before its term was over'
  return digestOf(entry.data) === entry.digest ? undefined : 'has other data than was written'
}
