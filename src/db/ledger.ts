/**
 * What the database knows of its ledger, one function of TypeScript for one of `lethe`. Counterparts:
 * sql/lethe/ledger.sql, ship_holds.sql, replay.sql.
 *
 * Danger: `content` of a hold may name a person. It goes from here into a sealed entry and nowhere else.
 */
import { z } from 'zod'
import type { Queryable } from './cycle.ts'

/** Up to where the database knows its ledger. */
export type LedgerState = z.infer<typeof ledgerState>

/** Whom a request is about, in keyed hashes. */
export type LedgerSubject = z.infer<typeof ledgerSubject>

/** A hold or restriction that is not in the ledger yet, or its end. */
export type HoldToShip = z.infer<typeof holdToShip>

/** What became of the request of an intent. */
export type Fate = z.infer<typeof fate>

/** A record of which a person has to decide whether it is of somebody who was forgotten. */
export type ReplayFinding = z.infer<typeof replayFinding>

const count = z.coerce.number()
const ledgerState = z.object({
  ledger: z.string().nullable(),
  lastNumber: count,
  lastHash: z.string().nullable(),
  required: z.boolean(),
  replaying: z.boolean(),
  known: z.record(z.string(), z.string()),
})
const ledgerSubject = z.object({
  kind: z.string(),
  state: z.string(),
  subject: z.string(),
  controller: z.string(),
  received_at: z.string(),
  roots: z.array(z.string()),
  identifiers: z.array(z.string()),
})
const holdToShip = z.object({
  hold: z.number(),
  event: z.enum(['hold', 'hold released', 'restriction', 'restriction lifted']),
  of: z.number().nullable(),
  controller: z.string().nullable(),
  subject: z.string().nullable(),
  request: z.number().nullable(),
  received_at: z.string().nullable(),
  roots: z.array(z.string()),
  content: z.unknown(),
})
const fate = z.enum(['busy', 'done', 'alive', 'unknown'])
const erased = z.union([
  z.object({ erased: z.number(), delayed: z.number(), matched: z.boolean() }),
  z.object({ finding: z.number(), failure: z.looseObject({ sqlstate: z.string() }) }),
])
const replayFinding = z.object({
  id: z.number(),
  number: count,
  forgotten: z.string(),
  controller: z.string(),
  subject: z.string(),
  how: z.enum(['key', 'identifier', 'failed']),
  failure: z.unknown(),
  table: z.string(),
  key: z.string(),
  decision: z.enum(['erase', 'keep']).nullable(),
  decidedBy: z.string().nullable(),
})

async function rowsOf<Row>(
  db: Queryable,
  type: z.ZodType<Row>,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const { rows } = await db.query(text, values)
  return z.array(type).parse(rows)
}

async function single<Value>(
  db: Queryable,
  type: z.ZodType<Value>,
  text: string,
  values: unknown[] = [],
): Promise<Value> {
  const [row] = await rowsOf(db, z.object({ value: type }), text, values)
  return row!.value as Value
}

export async function readLedgerState(db: Queryable): Promise<LedgerState> {
  const [row] = await rowsOf(
    db,
    ledgerState,
    `select ledger, last_number as "lastNumber", last_hash as "lastHash", required, replaying, known from lethe.ledger_state()`,
  )
  return row!
}

/** @param options.restored - the database is older than its ledger, and the gate closes. @throws SQLSTATE LE452. */
export async function adoptLedger(db: Queryable, ledger: string, { restored = false } = {}): Promise<void> {
  await db.query('select lethe.adopt_ledger($1, $2)', [ledger, restored])
}

/** @throws SQLSTATE LE452, LE502. */
export async function requireLedger(db: Queryable, required: boolean): Promise<void> {
  await db.query('select lethe.require_ledger($1)', [required])
}

/** @param pads - of the key: inner, then outer. @throws SQLSTATE LE114. */
export function ledgerSubjectOf(db: Queryable, request: number, pads: Buffer): Promise<LedgerSubject> {
  return single(db, ledgerSubject, 'select lethe.ledger_subject($1, $2) as value', [request, pads])
}

/** For this session, until {@link unlockLedgered}. */
export async function lockLedgered(db: Queryable, request: number): Promise<void> {
  await db.query('select lethe.lock_ledgered($1)', [request])
}

export async function unlockLedgered(db: Queryable, request: number): Promise<void> {
  await db.query('select lethe.unlock_ledgered($1)', [request])
}

export function fateOf(db: Queryable, request: number, receivedAt: string): Promise<Fate> {
  return single(db, fate, 'select lethe.ledger_fate($1, $2) as value', [request, receivedAt])
}

export async function knowEntry(db: Queryable, { number, hash }: EntryName): Promise<void> {
  await db.query('select lethe.know_entry($1, $2)', [number, hash])
}

export async function settleLedger(db: Queryable, { number, hash }: EntryName): Promise<void> {
  await db.query('select lethe.settle_ledger($1, $2)', [number, hash])
}

export async function holdsToShip(db: Queryable, pads: Buffer): Promise<HoldToShip[]> {
  const rows = await rowsOf(db, z.object({ value: holdToShip }), 'select lethe.holds_to_ship($1) as value', [
    pads,
  ])
  return rows.map(({ value }) => value)
}

export async function noteShipped(
  db: Queryable,
  { hold, event }: HoldToShip,
  { number, hash }: EntryName,
): Promise<void> {
  await db.query('select lethe.note_shipped($1, $2, $3, $4)', [hold, event, number, hash])
}

/** @returns whether the hold of an entry is this database's, and noted by now. */
export function recogniseHold(
  db: Queryable,
  entry: EntryName & { hold: number; event: string },
  placedAt: string,
): Promise<boolean> {
  return single(db, z.boolean(), 'select lethe.recognise_hold($1, $2, $3, $4, $5) as value', [
    entry.hold,
    entry.event,
    placedAt,
    entry.number,
    entry.hash,
  ])
}

/** An entry as the database names it. */
export interface EntryName {
  number: number
  hash: string
}

/** What is looked for of an entry. */
export interface Wanted {
  number: number
  roots: string[]
  identifiers: string[]
}

export async function beginReplay(db: Queryable): Promise<void> {
  await db.query('select lethe.begin_replay()')
}

/** @returns how many rows fit. @throws SQLSTATE LE101, LE109, LE501, LE502. */
export function replayMatch(
  db: Queryable,
  subject: string,
  controller: string,
  pads: Buffer,
  wanted: Wanted[],
): Promise<number> {
  return single(db, count, 'select lethe.replay_match($1, $2, $3, $4) as value', [
    subject,
    controller,
    pads,
    JSON.stringify(wanted),
  ])
}

/** @returns how many findings are new. */
export function replayFind(
  db: Queryable,
  entries: { number: number; at: string; replays: boolean }[],
): Promise<number> {
  return single(db, count, 'select lethe.replay_find($1) as value', [JSON.stringify(entries)])
}

/** @returns how many records were erased, and how many a hold delays; or the finding that it failed. */
export function replayErase(
  db: Queryable,
  { number, hash, at }: EntryName & { at: string },
): Promise<z.infer<typeof erased>> {
  return single(db, erased, 'select lethe.replay_erase($1, $2, $3) as value', [number, hash, at])
}

export function replayHold(
  db: Queryable,
  { number, hash }: EntryName,
  entry: object,
  content: unknown,
): Promise<string> {
  return single(db, z.string(), 'select lethe.replay_hold($1, $2, $3, $4) as value', [
    number,
    hash,
    JSON.stringify(entry),
    JSON.stringify(content),
  ])
}

/** @returns how many holds were released. */
export function replayRelease(
  db: Queryable,
  { number, hash }: EntryName,
  entry: object,
  content: unknown,
): Promise<number> {
  return single(db, count, 'select lethe.replay_release($1, $2, $3, $4) as value', [
    number,
    hash,
    JSON.stringify(entry),
    JSON.stringify(content),
  ])
}

/** Findings that are to be erased: with the request, once it has been opened. */
export function replayToErase(db: Queryable): Promise<{ id: number }[]> {
  return rowsOf(db, z.object({ id: z.number() }), 'select id from lethe.replay_to_erase()')
}

/** @returns requests that a hold delayed, and that can be executed now. */
export async function replayDelayed(db: Queryable): Promise<number[]> {
  const rows = await rowsOf(db, z.object({ id: count }), 'select d as id from lethe.replay_delayed() as d')
  return rows.map(({ id }) => id)
}

/** @returns the request by which a finding is erased; null: another one has reached the row. */
export function replayOpen(db: Queryable, finding: number): Promise<number | null> {
  return single(db, z.union([z.null(), count]), 'select lethe.replay_open($1) as value', [finding])
}

export function replayFindings(db: Queryable): Promise<ReplayFinding[]> {
  return rowsOf(
    db,
    replayFinding,
    `select id, number, to_char(entry_at, 'YYYY-MM-DD') as forgotten, controller, subject, how, failure,
       table_name as "table", key, decision, decided_by::text as "decidedBy"
     from lethe.list_replay_findings()`,
  )
}

/** @throws SQLSTATE LE457. */
export async function decideFinding(db: Queryable, id: number, decision: string): Promise<void> {
  await db.query('select lethe.decide_replay_finding($1, $2)', [id, decision])
}

/** Opens the gate. @throws SQLSTATE LE451 while something is undecided. */
export async function finishReplay(db: Queryable, { number, hash }: EntryName): Promise<void> {
  await db.query('select lethe.finish_replay($1, $2)', [number, hash])
}
