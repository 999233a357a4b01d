/**
 * What a cycle must do to a few tables held in memory: a second, deliberately slow and simple reading
 * of the promises, row by row, that the engine's set-based SQL is compared with.
 *
 * - **clock**: a column whose value says when something last happened; null, infinite and sentinel
 *   values say nothing.
 * - **term**: one purpose's delay. It applies where its `when` holds, or, without one, where its clock
 *   is usable. A rule is due when at least one term applies and all that apply have expired.
 * - **reference**: a row that refers to another one keeps it, goes with it, or lets it go.
 */
import { addDelay, type Day, type Delay, instantOf, localDay, parseDay } from './calendar.ts'

/** A row; clocks as the text that was given to PostgreSQL. */
export type Row = Record<string, unknown>

export type ClockType = 'date' | 'timestamp' | 'timestamptz'

export interface Term {
  purpose?: string
  /** Only for this controller, in place of the default of the same purpose. */
  controller?: string
  after: Delay
  since: string[]
  /** True, false or, as in SQL, unknown. */
  when?: (row: Row) => boolean | null
}

export interface Reference {
  columns: string[]
  to: string
  toColumns: string[]
  onPurge: 'keep' | 'with parent' | 'unlink'
}

export interface Table {
  name: string
  key: string
  controllerOf: (row: Row) => string
  clocks?: Record<string, ClockType>
  /** Zone of `timestamp` clocks; default the controller's. */
  zone?: string
  sentinels?: string[]
  purge?: Term[]
  /** Per column. */
  masks?: Record<string, Term[]>
  references?: Reference[]
}

export interface Controller {
  name: string
  zone: string
  today: Day
}

/** Rows per table. */
export type State = Record<string, Row[]>

/** `table/key` of the rows under a hold. */
export type Held = Set<string>

/** In place of a value that a rule has taken. */
export const MASKED = Symbol('masked')

/** The day a clock shows, or what it is when it shows none. */
export function clockDay(
  table: Table,
  column: string,
  value: unknown,
  controller: Controller,
): Day | 'none' | 'never' {
  if (value === null || value === undefined || value === '-infinity') return 'none'
  if (value === 'infinity') return 'never'
  const text = String(value)
  const type = table.clocks?.[column]
  if (type === 'date') return parseDay(text)
  if (type === 'timestamptz') return localDay(Date.parse(text), controller.zone)
  const wall = Date.parse(`${text.replace(' ', 'T')}Z`)
  const zone = table.zone ?? controller.zone
  if (zone === controller.zone) return Math.floor(wall / 86_400_000)
  return localDay(instantOf(wall, zone), controller.zone)
}

/** The latest of several clocks. Sentinels still to come mean never, past ones mean nothing. */
export function latest(table: Table, term: Term, row: Row, controller: Controller): Day | 'none' | 'never' {
  const sentinels = (table.sentinels ?? []).map(parseDay)
  let result: Day | 'none' = 'none'
  for (const column of term.since) {
    let day = clockDay(table, column, row[column], controller)
    if (typeof day === 'number' && sentinels.includes(day)) day = day < controller.today ? 'none' : 'never'
    if (day === 'never') return 'never'
    if (day !== 'none' && (result === 'none' || day > result)) result = day
  }
  return result
}

/** The terms in force for a controller: its own in place of the default of the same purpose. */
export function effectiveTerms(terms: Term[], controller: string): Term[] {
  const own = terms.filter((term) => term.controller === controller)
  const defaults = terms.filter((term) => term.controller === undefined)
  return [...own, ...defaults.filter((term) => !own.some((other) => other.purpose === term.purpose))]
}

function termApplies(table: Table, term: Term, row: Row, controller: Controller): boolean {
  if (term.when) return term.when(row) === true
  return typeof latest(table, term, row, controller) === 'number'
}

/** At least one term applies, and every one that applies ended before today. */
export function isDue(table: Table, terms: Term[], row: Row, controller: Controller): boolean {
  const applying = effectiveTerms(terms, controller.name).filter((term) =>
    termApplies(table, term, row, controller),
  )
  return (
    applying.length > 0 &&
    applying.every((term) => {
      const day = latest(table, term, row, controller)
      return typeof day === 'number' && addDelay(day, term.after) < controller.today
    })
  )
}

const idOf = (table: Table, row: Row): string => `${table.name}/${row[table.key]}`

/** One cycle of one controller. The given state is left as it is. */
export function afterCycle(
  tables: Table[],
  before: State,
  controller: Controller,
  held: Held = new Set(),
): State {
  const state: State = Object.fromEntries(
    tables.map((table) => [table.name, before[table.name]!.map((row) => ({ ...row }))]),
  )
  purgeAll(tables, state, controller, held)
  for (const table of tables) {
    for (const row of state[table.name]!) {
      if (table.controllerOf(row) !== controller.name || held.has(idOf(table, row))) continue
      // All clocks are read before anything is masked.
      const due = Object.entries(table.masks ?? {}).filter(
        ([column, terms]) => row[column] !== null && isDue(table, terms, row, controller),
      )
      for (const [column] of due) row[column] = MASKED
    }
  }
  return state
}

/** Takes rows until nothing more can go: what one table lets go of may free a row of another. */
function purgeAll(tables: Table[], state: State, controller: Controller, held: Held): void {
  for (let moved = true; moved; ) {
    moved = false
    for (const table of tables.filter((candidate) => candidate.purge)) {
      const leaving = leavingRows(tables, table, state, controller, held)
      if (leaving.size === 0) continue
      moved = true
      removeRows(tables, table, leaving, state)
    }
  }
}

/** Due rows to which nothing refers that stays; rows of one table that refer to each other go together. */
function leavingRows(
  tables: Table[],
  table: Table,
  state: State,
  controller: Controller,
  held: Held,
): Set<Row> {
  const leaving = new Set(
    state[table.name]!.filter(
      (row) =>
        table.controllerOf(row) === controller.name &&
        !held.has(idOf(table, row)) &&
        isDue(table, table.purge!, row, controller),
    ),
  )
  for (let changed = true; changed; ) {
    changed = false
    for (const row of leaving) {
      if (referrers(tables, table, row, state).some((referrer) => staysBecauseOf(referrer))) {
        leaving.delete(row)
        changed = true
      }
    }
  }
  return leaving

  function staysBecauseOf({ child, row, reference }: Referrer): boolean {
    // What is another controller's, or under a hold, neither goes nor changes with somebody else's row.
    const untouchable = held.has(idOf(child, row)) || child.controllerOf(row) !== controller.name
    if (reference.onPurge === 'unlink') return untouchable
    if (reference.onPurge === 'keep') return !(child === table && leaving.has(row))
    return untouchable || referrers(tables, child, row, state).some((referrer) => staysBecauseOf(referrer))
  }
}

interface Referrer {
  child: Table
  row: Row
  reference: Reference
}

function referrers(tables: Table[], parent: Table, parentRow: Row, state: State): Referrer[] {
  return tables.flatMap((child) =>
    (child.references ?? [])
      .filter((reference) => reference.to === parent.name)
      .flatMap((reference) =>
        state[child.name]!.filter(
          (row) => (row !== parentRow || reference.onPurge === 'unlink') && refers(row, reference, parentRow),
        ).map((row) => ({ child, row, reference })),
      ),
  )
}

function refers(row: Row, reference: Reference, parentRow: Row): boolean {
  return reference.columns.every(
    (column, i) => row[column] !== null && row[column] === parentRow[reference.toColumns[i]!],
  )
}

function removeRows(tables: Table[], table: Table, leaving: Set<Row>, state: State): void {
  for (const row of leaving) {
    for (const { child, row: childRow, reference } of referrers(tables, table, row, state)) {
      if (reference.onPurge === 'with parent') removeRows(tables, child, new Set([childRow]), state)
      else if (reference.onPurge === 'unlink' && !leaving.has(childRow)) {
        for (const column of reference.columns) childRow[column] = null
      }
    }
  }
  state[table.name] = state[table.name]!.filter((row) => !leaving.has(row))
}
