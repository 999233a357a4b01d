/**
 * A cycle driven by this process, without jobs: `lethe run`, `lethe up`. The same functions as the
 * worker's tasks and `call lethe.run_cycle()`, over several connections. It heeds no time window, makes
 * no pauses, and refuses to begin where somebody else drives a cycle of the same controller (LE401); a
 * worker may share in. Killed at any moment, it goes on from there when called again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import {
  type CycleTable,
  controllersToRun,
  cycleFaults,
  cycleReport,
  detachPartition,
  type Evidence,
  type Fault,
  finishCycle,
  openWorkerPool,
  readyTables,
  releaseControllers,
  requestsToComplete,
  shareController,
  startCycle,
  sweepStep,
  unfinishedTables,
  verifyCycle,
} from './db/cycle.ts'
import { toLetheError } from './db/errors.ts'
import type { ExecuteOptions } from './ledger/execute.ts'
import { advanceRequest } from './requests.ts'

/** What {@link runCycle} is told. */
export interface RunCycleOptions {
  databaseUrl: string
  /** One controller; default all. */
  controller?: string
  /** Tables swept at the same time; default 2. */
  connections?: number
  onProgress?: (progress: CycleProgress) => void
  /** Stops after the batches at hand. The cycle stays open, to be gone on with. */
  signal?: AbortSignal
  /** How erasures whose day has come are written to the ledger. */
  execute?: ExecuteOptions
}

/** How far one table of a cycle has come. */
export interface CycleProgress {
  controller: string
  cycle: number
  /** 'sweeping' and the table; 'verifying' when everything is read again. */
  phase: 'sweeping' | 'verifying'
  table?: string
  /** Rows changed and rows still listed, of this table. */
  rowsDone: number
  rowsToDo: number
}

/** What became of one controller's cycle. */
export interface CycleResult {
  controller: string
  cycle: number
  /** `open`: stopped by the signal. */
  state: 'complete' | 'incomplete' | 'open'
  evidence: Evidence[]
  /** Empty when complete. */
  faults: Fault[]
}

/**
 * Runs today's cycle of one controller, or of all one after the other.
 *
 * @throws LetheError LE101 (unknown controller), LE401 (already running), LE502, LE603.
 */
export async function runCycle(options: RunCycleOptions): Promise<CycleResult[]> {
  const connections = Math.max(1, options.connections ?? 2)
  // One more than sweep: the session that holds the controller.
  const pool = openWorkerPool(options.databaseUrl, connections + 1, { orOwner: true })
  try {
    const results: CycleResult[] = []
    for (const controller of await controllersToRun(pool, options.controller)) {
      results.push(await runOne(pool, controller, connections, options))
      if (options.signal?.aborted) break
    }
    return results
  } catch (error) {
    throw toLetheError(error, options.databaseUrl)
  } finally {
    await pool.end()
  }
}

async function runOne(
  pool: pg.Pool,
  controller: string,
  connections: number,
  options: RunCycleOptions,
): Promise<CycleResult> {
  const session = await pool.connect()
  let broken: Error | undefined
  try {
    const cycle = await startCycle(session, controller, { alone: true })
    await shareController(session, controller)
    const report = (progress: Omit<CycleProgress, 'controller' | 'cycle'>): void =>
      options.onProgress?.({ controller, cycle, ...progress })
    await completeRequests(session, controller, options)
    do {
      await new Round(pool, cycle, report, options.signal).run(connections)
      if (options.signal?.aborted) break
      report({ phase: 'verifying', rowsDone: 0, rowsToDo: 0 })
    } while ((await verifyCycle(session, cycle)) > 0)
    const state = options.signal?.aborted ? 'open' : await finishCycle(session, cycle)
    await releaseControllers(session)
    return {
      controller,
      cycle,
      state,
      evidence: await cycleReport(session, cycle),
      faults: await cycleFaults(session, cycle),
    }
  } catch (error) {
    // The lock goes with the session.
    broken = error instanceof Error ? error : new Error('unknown')
    throw error
  } finally {
    session.release(broken)
  }
}

/** Erasures whose day has come, each step a transaction. What fails is written down, and makes the cycle incomplete. */
async function completeRequests(
  session: pg.PoolClient,
  controller: string,
  { signal, execute }: RunCycleOptions,
): Promise<void> {
  for (const request of await requestsToComplete(session, controller)) {
    if (signal?.aborted) return
    await advanceRequest(session, request, undefined, execute).catch(() => undefined)
  }
}

type Report = (progress: Omit<CycleProgress, 'controller' | 'cycle'>) => void

/** Sweeps what is ready until nothing is, children before parents, over several connections. */
class Round {
  readonly #inHand = new Map<number, Promise<void>>()
  readonly #pool: pg.Pool
  readonly #cycle: number
  readonly #report: Report
  readonly #signal: AbortSignal | undefined
  #failure: unknown

  constructor(pool: pg.Pool, cycle: number, report: Report, signal: AbortSignal | undefined) {
    this.#pool = pool
    this.#cycle = cycle
    this.#report = report
    this.#signal = signal
  }

  async run(connections: number): Promise<void> {
    try {
      while (!this.#signal?.aborted && this.#failure === undefined) {
        const next = this.#inHand.size < connections ? await this.#next() : undefined
        if (next) {
          this.#inHand.set(next.tableId, this.#sweep(next))
        } else if (this.#inHand.size > 0) {
          await Promise.race(this.#inHand.values())
        } else {
          return
        }
      }
    } finally {
      // Nothing of ours may still be at work when the session's lock is given back.
      await Promise.all(this.#inHand.values())
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /** A ready table; without one, and with nothing in hand, any that somebody left behind. */
  async #next(): Promise<CycleTable | undefined> {
    const ready = (await readyTables(this.#pool, this.#cycle)).find(
      ({ tableId }) => !this.#inHand.has(tableId),
    )
    if (ready || this.#inHand.size > 0) return ready
    return (await unfinishedTables(this.#pool, this.#cycle))[0]
  }

  /** Never rejects: nobody may be waiting for it at that moment. */
  async #sweep({ tableId, tableName }: CycleTable): Promise<void> {
    try {
      while (!this.#signal?.aborted && this.#failure === undefined) {
        const { state, rowsDone, rowsToDo } = await sweepStep(this.#pool, this.#cycle, tableId, {
          paced: false,
        })
        this.#report({ phase: 'sweeping', table: tableName, rowsDone, rowsToDo })
        if (state === 'done' || state === 'failed') return
        if (state === 'detach') await this.#detach(tableId)
        if (state === 'retry' || state === 'busy') await sleep(500 + Math.random() * 1000)
      }
    } catch (error) {
      this.#failure ??= error
    } finally {
      this.#inHand.delete(tableId)
    }
  }

  async #detach(tableId: number): Promise<void> {
    const connection = await this.#pool.connect()
    try {
      await detachPartition(connection, this.#cycle, tableId)
    } finally {
      connection.release()
    }
  }
}
