/**
 * `lethe replay`: does again, in a database restored from a backup, what its ledger says was done since.
 *
 * 1. closes the gate, and looks for the people of all erasures in one pass a kind of person
 * 2. places holds and restrictions that are still in force
 * 3. forgets again whom the backup brought back; what may be somebody else's becomes a finding
 * 4. releases what was released since
 * 5. once a person has decided the findings: carries that out, runs the overdue cycle, verifies the evidence,
 *    looks for the people once more, and opens the gate
 *
 * Each step is a transaction that does nothing when it has been done: killed anywhere and begun again, it ends the same.
 */
import type pg from 'pg'
import { type CycleResult, runCycle } from '../cycle.ts'
import { openClient } from '../db/client.ts'
import type { Queryable } from '../db/cycle.ts'
import { toLetheError } from '../db/errors.ts'
import {
  adoptLedger,
  beginReplay,
  finishReplay,
  knowEntry,
  lockLedgered,
  type ReplayFinding,
  readLedgerState,
  replayDelayed,
  replayErase,
  replayFind,
  replayFindings,
  replayHold,
  replayMatch,
  replayOpen,
  replayRelease,
  replayToErase,
  type Wanted,
} from '../db/ledger.ts'
import type { Entry } from './entry.ts'
import { executeLedgered } from './execute.ts'
import { end, openIntents, settle, standingOf } from './gate.ts'
import { type Ledger, today } from './ledger.ts'
import { unsealHold } from './sealed.ts'

/** What {@link replay} is told. */
export interface ReplayOptions {
  databaseUrl: string
  ledger: Ledger
  /** The backup is older than the ledger: the database has never heard of it. */
  adopt?: boolean
  onProgress?: (step: string, done?: number, total?: number) => void
}

/** What a replay did. */
export interface ReplayResult {
  /**
   * - `open`: the database is as new as its ledger; nothing is left to decide
   * - `undecided`: findings wait for a person
   * - `incomplete`: a cycle was not completed; `unsound`: the evidence is not what was sealed
   */
  state: 'open' | 'undecided' | 'incomplete' | 'unsound'
  /** Entries that this database did not know. */
  entries: number
  /** Records that were forgotten again, and those that a hold delays. */
  erased: number
  delayed: number
  /** Holds and restrictions that were placed again; those that were released again. */
  placed: number
  released: number
  /** Entries whose data is over its term: nobody can be recognised by them. */
  expired: number
  /** Entries to which no record fits, live or archived: of people who came after the backup. */
  nobody: number
  /** Kinds of people, and controllers, of older entries that this database has no more. */
  unlooked: string[]
  findings: ReplayFinding[]
  cycles: CycleResult[]
}

/** No request has this number: the lock of whoever replays. */
const REPLAYING = -1

const HOLDS = new Set(['hold', 'restriction'])
/** No such controller, no such kind of person. */
const GONE = new Set(['LE101', 'LE109'])
const RELEASES = new Set(['hold released', 'restriction lifted'])

/** @throws LetheError LE452 to LE456, LE502, and what erasing and holding raise. */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  let client: pg.Client | undefined
  try {
    client = await connect(options.databaseUrl)
    // One after the other; the lock goes with the session.
    await lockLedgered(client, REPLAYING)
    return await new Replay(client, options).run()
  } catch (error) {
    throw toLetheError(error, options.databaseUrl)
  } finally {
    await client?.end()
  }
}

class Replay {
  readonly #db: Queryable
  readonly #ledger: Ledger
  readonly #options: ReplayOptions
  readonly #unlooked = new Set<string>()
  readonly #result: ReplayResult = {
    state: 'open',
    entries: 0,
    erased: 0,
    delayed: 0,
    placed: 0,
    released: 0,
    expired: 0,
    nobody: 0,
    unlooked: [],
    findings: [],
    cycles: [],
  }

  constructor(db: Queryable, options: ReplayOptions) {
    this.#db = db
    this.#ledger = options.ledger
    this.#options = options
  }

  async run(): Promise<ReplayResult> {
    this.#report('reading the ledger')
    // All of it, from the first entry on: a broken chain ends here, before anything is done.
    const entries = await this.#ledger.since(0)
    await this.#adopt(entries)
    const { state, missing, lost } = await settle(this.#db, this.#ledger)
    const todo = [...missing, ...lost].sort((a, b) => a.number - b.number)
    this.#result.entries = todo.length
    if (todo.length === 0 && !state.replaying) return this.#result
    await beginReplay(this.#db)
    await this.#catchUp(entries, todo)
    await this.#carryOut()
    if (await this.#isUndecided()) return this.#result
    if (!(await this.#isUpToDate())) return this.#result
    await this.#look(await this.#ledger.since(0), [])
    if (await this.#isUndecided()) return this.#result
    await this.#open()
    return this.#result
  }

  async #adopt(entries: Entry[]): Promise<void> {
    const { ledger } = await readLedgerState(this.#db)
    if (ledger !== null || !this.#options.adopt || entries.length === 0) return
    await adoptLedger(this.#db, entries[0]!.previous, { restored: true })
  }

  /** Steps 1 to 4. */
  async #catchUp(entries: Entry[], todo: Entry[]): Promise<void> {
    const gone = todo.filter(isExpired)
    this.#result.expired = gone.length
    for (const entry of gone) await knowEntry(this.#db, entry)
    const left = todo.filter((entry) => !isExpired(entry))
    await this.#look(entries, left)
    const releases = left.filter(({ event }) => RELEASES.has(event))
    const over = new Set(releases.map(({ of }) => of))
    for (const entry of left.filter(({ event }) => HOLDS.has(event))) {
      if (over.has(entry.number)) await knowEntry(this.#db, entry)
      else await this.#hold(entry)
    }
    await this.#erase(left.filter(({ event }) => event === 'erasure intent'))
    for (const entry of releases)
      this.#result.released += await replayRelease(this.#db, entry, entry, unsealHold(this.#ledger, entry))
  }

  /** Looks for the people of all erasures, and of the holds to be placed, and keeps in the database who fits. */
  async #look(entries: Entry[], todo: Entry[]): Promise<void> {
    const again = new Set(todo.map(({ number }) => number))
    const abandoned = new Set(
      entries.filter(({ event }) => event === 'erasure abandoned').map(({ of }) => of),
    )
    const erasures = entries.filter(
      (entry) => entry.event === 'erasure intent' && !isExpired(entry) && !abandoned.has(entry.number),
    )
    const holds = todo.filter(({ event, data }) => HOLDS.has(event) && data!.roots.length > 0)
    const groups = Map.groupBy([...erasures, ...holds], (entry) =>
      JSON.stringify([entry.subject, entry.controller, entry.key_version]),
    )
    for (const group of groups.values()) {
      const { subject, controller } = group[0]!
      this.#report(`looking for ${group.length} × ${subject} of ${controller}`)
      const { pads } = this.#ledger.keys.of(group[0]!)
      try {
        await replayMatch(this.#db, subject!, controller!, pads, group.map(wantedOf))
      } catch (error) {
        // What the database knows already may be about a kind of person that the policy has given up since.
        if (group.some(({ number }) => again.has(number)) || !GONE.has(toLetheError(error).code)) throw error
        this.#unlooked.add(`${subject} of ${controller}`)
      }
    }
    this.#result.unlooked = [...this.#unlooked]
    await replayFind(
      this.#db,
      erasures.map(({ number, at }) => ({ number, at, replays: again.has(number) })),
    )
  }

  async #hold(entry: Entry): Promise<void> {
    const { data: _, ...head } = entry
    const outcome = await replayHold(this.#db, entry, head, unsealHold(this.#ledger, entry))
    if (outcome === 'placed') this.#result.placed += 1
  }

  async #erase(intents: Entry[]): Promise<void> {
    for (const [index, intent] of intents.entries()) {
      this.#report('forgetting again', index, intents.length)
      const outcome = await replayErase(this.#db, intent)
      if ('failure' in outcome) continue
      this.#result.erased += outcome.erased - outcome.delayed
      if (!outcome.matched) this.#result.nobody += 1
      this.#result.delayed += outcome.delayed
    }
  }

  /** What was decided to be erased, or no hold keeps any more, is an erasure like any other, with an entry of its own. */
  async #carryOut(): Promise<void> {
    for (const request of await replayDelayed(this.#db)) {
      await executeLedgered(this.#db, request, { ledger: this.#ledger, gate: false })
      this.#result.delayed = Math.max(0, this.#result.delayed - 1)
      this.#result.erased += 1
    }
    for (const { id } of await replayToErase(this.#db)) {
      const request = await replayOpen(this.#db, id)
      if (request === null) continue
      const state = await executeLedgered(this.#db, request, { ledger: this.#ledger, gate: false })
      if (state === 'delayed') this.#result.delayed += 1
      else this.#result.erased += 1
    }
  }

  async #isUndecided(): Promise<boolean> {
    this.#result.findings = await replayFindings(this.#db)
    const isUndecided = this.#result.findings.some(({ decision }) => decision === null)
    if (isUndecided) this.#result.state = 'undecided'
    return isUndecided
  }

  /** The backup is some days old: what has become due since is done, and the evidence read again. */
  async #isUpToDate(): Promise<boolean> {
    this.#result.cycles = await runCycle({
      databaseUrl: this.#options.databaseUrl,
      // Erasures that the backup had approved, or whose day has come: the gate is closed, and this is how it comes to be opened.
      execute: { ledger: this.#ledger, gate: false },
      onProgress: ({ controller, phase, rowsDone, rowsToDo }) =>
        this.#report(`${controller}, ${phase}`, rowsDone, rowsDone + rowsToDo),
    })
    if (this.#result.cycles.some(({ state }) => state !== 'complete')) this.#result.state = 'incomplete'
    this.#report('verifying the evidence')
    const { rows } = await this.#db.query(
      `select from lethe.verify_evidence() as f where f.severity = 'error'`,
    )
    if (rows.length > 0) this.#result.state = 'unsound'
    return this.#result.state === 'open'
  }

  async #open(): Promise<void> {
    const { entries, state } = await standingOf(this.#db, this.#ledger)
    for (const intent of openIntents(entries))
      await end(
        this.#ledger,
        intent,
        intent.number in state.known ? 'erasure completed' : 'erasure abandoned',
      )
    const last = await this.#ledger.append({ event: 'replayed' })
    await finishReplay(this.#db, last)
  }

  #report(step: string, done?: number, total?: number): void {
    this.#options.onProgress?.(step, done, total)
  }
}

const isExpired = ({ until, data }: Entry): boolean => data === undefined || until < today()

const wantedOf = ({ number, data }: Entry): Wanted => ({
  number,
  roots: data!.roots,
  identifiers: data!.identifiers,
})

/** As whoever calls it: a replay acts for all controllers, and no worker does that. */
async function connect(databaseUrl: string): Promise<pg.Client> {
  const client = await openClient(databaseUrl)
  await client.query(`set default_transaction_isolation = 'read committed'; set statement_timeout = 0`)
  return client
}
