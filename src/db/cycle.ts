/**
 * The cycle as PostgreSQL offers it, one function of TypeScript for one of `lethe`. Whoever drives a
 * cycle, a task of the worker or `runCycle`, does it with these and nothing else.
 *
 * Glossary: a **cycle** is one run over what one controller has due on one of its local days; its
 * **tables** become *ready* once their children are swept; a **step** is one transaction: a search, or
 * one batch with its evidence; a **round** ends with reading everything again.
 *
 * These go through node-postgres rather than Slonik: Graphile Worker hands its tasks such a connection,
 * and whoever drives a cycle alone must keep one session for its lock.
 */
import pg from 'pg'
import { z } from 'zod'
import { LetheError } from '../errors.ts'
import { named } from './client.ts'

/** A connection, a pool, or the helpers of a job. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>
}

/** A controller whose local day has no finished cycle yet. */
export interface DueController {
  controller: string
  /** `YYYY-MM-DD`, in the controller's zone. */
  localDate: string
}

/** A table of a cycle. */
export interface CycleTable {
  tableId: number
  tableName: string
}

/** What one step did. */
export interface Step {
  /**
   * - `discovered`, `swept`: go on
   * - `retry`: somebody holds a lock; `busy`: somebody else has this table or this controller; pause first
   * - `detach`: a partition is to be detached concurrently: call {@link detachPartition}, then go on
   * - `wait`: outside the time window, or a replica lags
   * - `done`, `failed`: nothing more to do in this round
   */
  state: (typeof STEP_STATES)[number]
  rowsDone: number
  rowsToDo: number
  tookSeconds: number
}

/** A line of a cycle's evidence. `leftOver` is null where the table could not be read. */
export type Evidence = z.infer<typeof evidence>

/** Why a table keeps its cycle from being complete. Causes are SQLSTATEs and constraints, never messages. */
export type Fault = z.infer<typeof fault>

const STEP_STATES = ['discovered', 'swept', 'detach', 'retry', 'wait', 'busy', 'done', 'failed'] as const

const count = z.coerce.number()
const countOrNull = z.union([z.null(), count])
const dueController = z.object({ controller: z.string(), localDate: z.string() })
const cycleTable = z.object({ tableId: z.number(), tableName: z.string() })
const step = z.object({ state: z.enum(STEP_STATES), rowsDone: count, rowsToDo: count, tookSeconds: count })
const evidence = z.object({
  table: z.string(),
  rule: z.string(),
  due: count,
  done: count,
  held: count,
  keptByChild: count,
  skipped: count,
  skippedWhy: z.unknown(),
  unclocked: count,
  leftOver: countOrNull,
})
const fault = z.object({
  table: z.string(),
  state: z.enum(['failed', 'left over']),
  sqlstate: z.string().nullable(),
  constraint: z.string().nullable(),
  leftOver: countOrNull,
  skippedWhy: z.unknown(),
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

/** The named controller, or all. @throws SQLSTATE LE101. */
export async function controllersToRun(db: Queryable, controller?: string): Promise<string[]> {
  const rows = await rowsOf(
    db,
    z.object({ name: z.string() }),
    'select name from lethe.controllers_to_run($1)',
    [controller ?? null],
  )
  return rows.map(({ name }) => name)
}

/** Controllers that have a cycle to begin or to go on with. */
export function controllersDue(db: Queryable): Promise<DueController[]> {
  return rowsOf(
    db,
    dueController,
    'select controller, local_date::text as "localDate" from lethe.controllers_due()',
  )
}

/**
 * Opens today's cycle of a controller, or resumes the open one.
 *
 * @param options.alone - refuse when somebody else drives a cycle of this controller (LE401), and keep it
 * for this session.
 * @returns the cycle's id.
 */
export function startCycle(db: Queryable, controller: string, { alone = false } = {}): Promise<number> {
  return single(db, count, 'select lethe.start_cycle($1, alone => $2) as value', [controller, alone])
}

/** Lets further connections of ours sweep, and still nobody drive the controller alone. */
export async function shareController(db: Queryable, controller: string): Promise<void> {
  await db.query('select lethe.share_controller($1)', [controller])
}

/** Gives back whatever the session holds. */
export async function releaseControllers(db: Queryable): Promise<void> {
  await db.query('select pg_advisory_unlock_all()')
}

/** Erasures for which something is to be done today. */
export async function requestsToComplete(db: Queryable, controller: string): Promise<number[]> {
  const rows = await rowsOf(
    db,
    z.object({ request: count }),
    'select r as request from lethe.requests_to_complete($1) as r',
    [controller],
  )
  return rows.map(({ request }) => request)
}

/** Tables that can be swept now and that nobody has begun. */
export function readyTables(db: Queryable, cycle: number): Promise<CycleTable[]> {
  return rowsOf(
    db,
    cycleTable,
    'select table_id as "tableId", table_name as "tableName" from lethe.ready_tables($1)',
    [cycle],
  )
}

/** Tables that are not swept yet, with their state: `waiting` or `sweeping`. */
export function unfinishedTables(db: Queryable, cycle: number): Promise<(CycleTable & { state: string })[]> {
  return rowsOf(
    db,
    cycleTable.extend({ state: z.string() }),
    'select table_id as "tableId", table_name as "tableName", state from lethe.unfinished_tables($1)',
    [cycle],
  )
}

/** One transaction of one table. @param options.paced - heed the time window and the replicas. */
export async function sweepStep(
  db: Queryable,
  cycle: number,
  tableId: number,
  { paced }: { paced: boolean },
): Promise<Step> {
  const [row] = await rowsOf(
    db,
    step,
    `select state, coalesce(rows_done, 0) as "rowsDone", coalesce(rows_to_do, 0) as "rowsToDo",
       extract(epoch from took)::float8 as "tookSeconds"
     from lethe.sweep_step($1, $2, paced => $3)`,
    [cycle, tableId, paced],
  )
  return row!
}

/**
 * Runs the DETACH … CONCURRENTLY that a step has asked for, which PostgreSQL allows at the top level alone. A
 * failure is no error: the next step sees what has become of the partition.
 *
 * @param connection - one connection, outside any transaction, of a login that may become lethe_dropper.
 */
export async function detachPartition(connection: Queryable, cycle: number, tableId: number): Promise<void> {
  const statement = await single(
    connection,
    z.string().nullable(),
    'select lethe.detach_statement($1, $2) as value',
    [cycle, tableId],
  )
  if (statement === null) return
  try {
    await connection.query('set role lethe_dropper')
    await connection.query(`set lock_timeout = '2s'`)
    await connection.query(statement)
  } catch {
    // Its message could quote what it met; lethe.partition_purges keeps what matters.
  } finally {
    await connection.query('reset lock_timeout')
    await connection.query('set role lethe_worker')
  }
}

/** Reads everything again. @returns how many tables are to be swept once more. */
export function verifyCycle(db: Queryable, cycle: number): Promise<number> {
  return single(db, count, 'select lethe.verify_cycle($1) as value', [cycle])
}

/** Closes a cycle; `open` while some table is not at its end. */
export function finishCycle(db: Queryable, cycle: number): Promise<'open' | 'complete' | 'incomplete'> {
  return single(db, z.enum(['open', 'complete', 'incomplete']), 'select lethe.finish_cycle($1) as value', [
    cycle,
  ])
}

/** How long to pause after a batch, as a multiple of the time it took. */
export function pace(db: Queryable): Promise<number> {
  return single(db, count, 'select lethe.pace() as value')
}

/** What a cycle did, per table and rule. */
export function cycleReport(db: Queryable, cycle: number): Promise<Evidence[]> {
  return rowsOf(
    db,
    evidence,
    `select table_name as "table", rule, due, done, held, kept_by_child as "keptByChild", skipped,
       skipped_why as "skippedWhy", unclocked, left_over as "leftOver"
     from lethe.cycle_report($1)`,
    [cycle],
  )
}

/** Which tables keep a cycle from being complete. */
export function cycleFaults(db: Queryable, cycle: number): Promise<Fault[]> {
  return rowsOf(
    db,
    fault,
    `select table_name as "table", state, sqlstate, "constraint", left_over as "leftOver", skipped_why as "skippedWhy"
     from lethe.cycle_faults($1)`,
    [cycle],
  )
}

/** `23514 phone_is_plausible` or `12 rows left`: the cause as people read it. */
export function describeFault({ sqlstate, constraint, leftOver }: Fault): string {
  if (sqlstate) return `SQLSTATE ${sqlstate}${constraint ? `, constraint ${constraint}` : ''}`
  return `${leftOver ?? 'unknown'} rows left`
}

/**
 * A pool whose connections act as lethe_worker, whatever else the login may do: a cycle needs no more.
 * It never ends the process when a connection breaks; the next query reports it. Notices are dropped:
 * a host's trigger may put people's data into them.
 *
 * @param options.orOwner - a member of lethe_owner will do as well, as for `call lethe.run_cycle()`. It
 * cannot reach the queue.
 */
export function openWorkerPool(
  databaseUrl: string,
  connectionsMax: number,
  { orOwner = false } = {},
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: named(databaseUrl),
    max: connectionsMax,
    connectionTimeoutMillis: 10_000,
    onConnect: (connection) => asWorker(connection, { orOwner }),
  })
  pool.on('error', () => undefined)
  pool.on('connect', (connection) => connection.on('error', () => undefined))
  return pool
}

/** Becomes lethe_worker. @throws LetheError LE502 when the login is no member, LE608 without Lethe. */
export async function asWorker(connection: pg.ClientBase, { orOwner = false } = {}): Promise<void> {
  try {
    // A login may bring settings along under which a batch is refused (LE405) or a long search cut short.
    await connection.query(
      `set role lethe_worker; set default_transaction_isolation = 'read committed'; set statement_timeout = 0; set lethe.driver_detaches = 'on'`,
    )
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === '22023') {
      throw new LetheError('Lethe is not installed here', {
        code: 'LE608',
        hint: 'run lethe init',
        cause: error,
      })
    }
    if (code !== '42501') throw error
    const [login] = await rowsOf(
      connection,
      z.object({ name: z.string(), isOwner: z.boolean() }),
      `select quote_ident(session_user) as name, pg_has_role(session_user, 'lethe_owner', 'usage') as "isOwner"`,
    )
    if (orOwner && login!.isOwner) return
    throw new LetheError(`login ${login!.name} may not run cycles`, {
      code: 'LE502',
      hint: `grant lethe_worker to ${login!.name}`,
      cause: error,
    })
  }
}
