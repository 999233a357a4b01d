/**
 * `lethe status`: the last cycles of every controller, the open one with its progress, tables that
 * failed and why, detached partitions, and when the next local day begins.
 */
import type { Command } from 'commander'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { describeFault } from '../../db/cycle.ts'
import { databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'
import { parseCount } from '../numbers.ts'
import type { Output } from '../output.ts'
import { formatNumber } from '../output.ts'

/** A day of 25 hours, and an hour for the look. */
const STALE_HOURS = 26
const SHOWN_DEFAULT = 3

interface Options {
  controller?: string
  last?: number
}

const controllerRow = z.object({
  controller: z.string(),
  time_zone: z.string(),
  next_day_at: z.string(),
  seconds_to_next_day: z.number(),
  has_tables: z.boolean(),
})
const cycleRow = z.object({
  controller: z.string(),
  cycle: z.number(),
  local_date: z.string(),
  covers_since: z.string(),
  state: z.enum(['open', 'complete', 'incomplete']),
  started_at: z.string(),
  finished_at: z.string().nullable(),
  age_hours: z.number(),
  took_seconds: z.number(),
  tables: z.number(),
  tables_done: z.number(),
  rows_done: z.number(),
  rows_found: z.number(),
})
const faultRow = z.object({
  cycle: z.number(),
  table: z.string(),
  state: z.enum(['failed', 'left over']),
  sqlstate: z.string().nullable(),
  constraint: z.string().nullable(),
  leftOver: z.number().nullable(),
  skippedWhy: z.unknown(),
})
const detachedRow = z.object({ controller: z.string(), tables: z.string() })
const overdueRow = z.object({ controller: z.string(), requests: z.string() })
const openRow = z.object({
  cycle: z.number(),
  table: z.string(),
  state: z.string(),
  rows_done: z.number(),
  rows_found: z.number(),
  attempts: z.number(),
})

type ControllerRow = z.infer<typeof controllerRow>
type CycleRow = z.infer<typeof cycleRow>
type FaultRow = z.infer<typeof faultRow>

export function register(program: Command): void {
  program
    .command('status')
    .description(
      'say how the last cycles went (exit code 1 when one is incomplete, older than 26 hours, a detached partition waits to be dropped, or a request is overdue)',
    )
    .option('--controller <name>', 'one controller; default all')
    .option(
      '--last <n>',
      `cycles shown of each controller (default ${SHOWN_DEFAULT})`,
      parseCount('--last', 1000),
    )
    .action(
      databaseAction<Options>(async ({ options, out, pool }) => {
        const database = await pool()
        const controllers = await readControllers(database, options.controller)
        const cycles = await readCycles(database, options.controller, options.last ?? SHOWN_DEFAULT)
        const ids = cycles.map(({ cycle }) => cycle)
        const faults = await readFaults(database, ids)
        const detached = new Map(
          (await readDetached(database)).map(({ controller, tables }) => [controller, tables]),
        )
        const overdue = new Map(
          (await readOverdue(database)).map(({ controller, requests }) => [controller, requests]),
        )
        const findings = new Map(
          controllers.map((row) => [
            row.controller,
            [findingOf(row, cycles), detachedFinding(detached, row), overdueFinding(overdue, row)]
              .filter(Boolean)
              .join('; ') || undefined,
          ]),
        )
        if (out.json) {
          printJson(out, controllers, cycles, faults, findings)
        } else {
          for (const controller of controllers) {
            printController(
              out,
              controller,
              cycles.filter((row) => row.controller === controller.controller),
              faults,
              findings,
            )
          }
          await printOpen(out, database, cycles)
          if (controllers.length === 0)
            out.line('There is no controller yet. Begin with: lethe policy apply policy.yaml')
        }
        return [...findings.values()].some((finding) => finding !== undefined) ? EXIT_INCOMPLETE : EXIT_OK
      }),
    )
}

async function readControllers(database: DatabasePool, name?: string): Promise<readonly ControllerRow[]> {
  // An unknown name is refused, as everywhere (LE101).
  if (name !== undefined) await database.any(sql.unsafe`select * from lethe.controllers_to_run(${name})`)
  return database.any(sql.type(controllerRow)`
    select c.name as controller, c.time_zone, n.at as next_day_at,
      extract(epoch from n.at - now())::float8 as seconds_to_next_day,
      exists (
        select from lethe.managed_tables as m
        where m.controller_id = c.id or (m.controller_column is not null and c.reference is not null)) as has_tables
    from lethe.controllers as c
    cross join lateral (
      select ((now() at time zone c.time_zone)::date + 1)::timestamp at time zone c.time_zone as at) as n
    where c.name = coalesce(${name ?? null}, c.name)
    order by c.name`)
}

function readCycles(
  database: DatabasePool,
  name: string | undefined,
  last: number,
): Promise<readonly CycleRow[]> {
  return database.any(sql.type(cycleRow)`
    select c.name as controller, y.id as cycle, y.local_date, y.covers_since, y.state, y.started_at, y.finished_at,
      extract(epoch from now() - coalesce(y.finished_at, y.started_at))::float8 / 3600 as age_hours,
      extract(epoch from coalesce(y.finished_at, now()) - y.started_at)::float8 as took_seconds,
      count(t.table_id) as tables,
      count(t.table_id) filter (where t.state not in ('waiting', 'sweeping')) as tables_done,
      coalesce(sum(t.rows_done), 0)::bigint as rows_done,
      coalesce(sum(t.rows_found), 0)::bigint as rows_found
    from lethe.controllers as c
    cross join lateral (
      select * from lethe.cycles as y where y.controller_id = c.id order by y.id desc limit ${last}) as y
    left join lethe.cycle_tables as t on t.cycle_id = y.id
    where c.name = coalesce(${name ?? null}, c.name)
    group by c.name, y.id, y.local_date, y.covers_since, y.state, y.started_at, y.finished_at
    order by c.name, y.id desc`)
}

function readFaults(database: DatabasePool, cycles: number[]): Promise<readonly FaultRow[]> {
  return database.any(sql.type(faultRow)`
    select t.cycle_id as cycle, t.table_name as "table", t.state, t.failure ->> 'sqlstate' as sqlstate,
      t.failure ->> 'constraint' as "constraint",
      (select sum(e.left_over)::bigint from lethe.evidence as e
       where e.cycle_id = t.cycle_id and e.table_id = t.table_id) as "leftOver",
      nullif(t.skipped, '{}') as "skippedWhy"
    from lethe.cycle_tables as t
    where t.cycle_id = any(${sql.array(cycles, 'int8')}) and t.state in ('failed', 'left over')
    order by t.cycle_id desc, t.table_name`)
}

/** Partitions that a controller's cycles have detached and that are still there. */
function readDetached(database: DatabasePool): Promise<readonly z.infer<typeof detachedRow>[]> {
  return database.any(sql.type(detachedRow)`
    select c.name as controller, string_agg(d.table_name, ', ' order by d.table_name) as tables
    from lethe.detached_partitions as d
    join lethe.cycles as y on y.id = d.cycle_id
    join lethe.controllers as c on c.id = y.controller_id
    group by c.name`)
}

function detachedFinding(detached: Map<string, string>, { controller }: ControllerRow): string | undefined {
  const tables = detached.get(controller)
  return tables && `detached partitions still hold personal data, and nobody manages them; drop ${tables}`
}

/** Requests that should have been answered, as far as this login may see them. */
async function readOverdue(database: DatabasePool): Promise<readonly z.infer<typeof overdueRow>[]> {
  const { may } = await database.one(sql.type(z.object({ may: z.boolean() }))`
    select has_function_privilege('lethe.list_requests(boolean)', 'execute') as may`)
  if (!may) return []
  return database.any(sql.type(overdueRow)`
    select controller, string_agg(id::text, ', ' order by id) as requests
    from lethe.list_requests()
    where days_left < 0
    group by controller`)
}

function overdueFinding(overdue: Map<string, string>, { controller }: ControllerRow): string | undefined {
  const requests = overdue.get(controller)
  return requests && `requests are overdue: ${requests}; lethe request list`
}

/** What is wrong with a controller, if anything. */
function findingOf(
  { controller, has_tables }: ControllerRow,
  cycles: readonly CycleRow[],
): string | undefined {
  const last = cycles.find((row) => row.controller === controller)
  if (!last) return has_tables ? 'no cycle has run yet' : undefined
  if (last.state === 'incomplete') return `cycle ${last.cycle} is incomplete`
  if (last.age_hours <= STALE_HOURS || !has_tables) return undefined
  const hours = Math.floor(last.age_hours)
  return last.state === 'open'
    ? `cycle ${last.cycle} has been open for ${hours} hours`
    : `the last cycle ended ${hours} hours ago`
}

function printController(
  out: Output,
  { controller, time_zone, next_day_at, seconds_to_next_day }: ControllerRow,
  cycles: readonly CycleRow[],
  faults: readonly FaultRow[],
  findings: Map<string, string | undefined>,
): void {
  out.line(
    `${controller} (${time_zone}): next day begins at ${next_day_at.slice(0, 16).replace('T', ' ')} UTC, in ${inHours(seconds_to_next_day)}`,
  )
  if (cycles.length > 0) {
    out.table(
      cycles.map((row) => ({
        cycle: String(row.cycle),
        day: row.covers_since < row.local_date ? `${row.covers_since} to ${row.local_date}` : row.local_date,
        state: row.state,
        tables: row.state === 'open' ? `${row.tables_done} of ${row.tables}` : row.tables,
        rows_done: row.rows_done,
        started: `${row.started_at.slice(0, 16).replace('T', ' ')} UTC`,
        took: inHours(row.took_seconds),
      })),
    )
  }
  for (const fault of faults.filter(({ cycle }) => cycles.some((row) => row.cycle === cycle))) {
    out.line(`  cycle ${fault.cycle}: ${fault.table} ${fault.state}: ${describeFault(fault)}`)
  }
  const finding = findings.get(controller)
  if (finding) out.warn(`${controller}: ${finding}`)
  out.line()
}

/** The tables of open cycles, each with how far it is. */
async function printOpen(out: Output, database: DatabasePool, cycles: readonly CycleRow[]): Promise<void> {
  const open = cycles.filter(({ state }) => state === 'open').map(({ cycle }) => cycle)
  if (open.length === 0) return
  const rows = await database.any(sql.type(openRow)`
    select t.cycle_id as cycle, t.table_name as "table", t.state, t.rows_done, t.rows_found, t.attempts
    from lethe.cycle_tables as t
    where t.cycle_id = any(${sql.array(open, 'int8')})
    order by t.cycle_id, t.table_name`)
  out.table(
    rows.map((row) => ({
      cycle: String(row.cycle),
      table: row.table,
      state: row.state,
      progress:
        row.rows_found > 0
          ? `${formatNumber(row.rows_done)} of ${formatNumber(Math.max(row.rows_found, row.rows_done))}`
          : '',
    })),
  )
}

function printJson(
  out: Output,
  controllers: readonly ControllerRow[],
  cycles: readonly CycleRow[],
  faults: readonly FaultRow[],
  findings: Map<string, string | undefined>,
): void {
  for (const { controller, time_zone, next_day_at } of controllers) {
    out.object({
      controller,
      time_zone,
      next_day_at,
      finding: findings.get(controller) ?? null,
      cycles: cycles
        .filter((row) => row.controller === controller)
        .map(({ controller: _, ...row }) => ({
          ...row,
          faults: faults.filter(({ cycle }) => cycle === row.cycle),
        })),
    })
  }
}

/** `7 h 05 min`, `42 s`. */
function inHours(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60
    ? `${minutes} min`
    : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}
