/**
 * What a cycle must do to a few tables held in memory: a second, deliberately slow and simple reading
 * of the promises, row by row, that the engine's set-based SQL is compared with.
 *
 * - **clock**: a column whose value says when something last happened; null, infinite and sentinel
 *   values say nothing.
 * - **term**: one purpose's delay. It applies where its `when` holds, or, without one, where its clock
 *   is usable. A rule is due when at least one term applies and all that apply have expired.
 * - **minimum**: how long a law has a value kept. It only lengthens: what is due waits for every minimum that applies.
 *   It applies where its `when` holds; without one, unless its clock says nothing. One that applies and whose clock
 *   shows no day never ends.
 * - **reference**: a row that refers to another one keeps it, goes with it, or lets it go.
 * - **archive**: a row that is due for the archive, and not for purge, is moved there with what goes with it;
 *   there it goes on obeying the rules, and leaves with all that came along.
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
  archive?: Term[]
  /** Per column. */
  masks?: Record<string, Term[]>
  /** What a law has kept of the whole row and all its columns; not in the way of the archive of rows. */
  minima?: Term[]
  /** What a law has kept of single columns. */
  columnMinima?: Record<string, Term[]>
  /** Columns whose original goes to the archive when it is masked. */
  archived?: string[]
  references?: Reference[]
}

export interface Controller {
  name: string
  zone: string
  today: Day
}

/** Rows per table; what was archived of it under `archive:name` (with `$root`) and `values:name`. */
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

/** A controller's own and the default one both count. */
export const minimaFor = (minima: Term[], controller: string): Term[] =>
  minima.filter((term) => term.controller === undefined || term.controller === controller)

/** Every minimum that applies has ended before today. */
export function areMinimaOver(table: Table, minima: Term[], row: Row, controller: Controller): boolean {
  return minimaFor(minima, controller.name).every((term) => {
    const day = latest(table, term, row, controller)
    if (term.when ? term.when(row) !== true : day === 'none') return true
    return typeof day === 'number' && addDelay(day, term.after) < controller.today
  })
}

/** The minima that bind a rule: of a column, or (none given) the purge of the row. */
export function minimaOf(table: Table, column?: string): Term[] {
  return [...(table.minima ?? []), ...((column !== undefined && table.columnMinima?.[column]) || [])]
}

/** At least one term applies, and every one that applies ended before today, and so did the minima. */
export function isDue(
  table: Table,
  terms: Term[],
  row: Row,
  controller: Controller,
  minima: Term[] = [],
): boolean {
  if (!areMinimaOver(table, minima, row, controller)) return false
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
    tables.flatMap(({ name }) =>
      [name, `archive:${name}`, `values:${name}`].map((list) => [
        list,
        (before[list] ?? []).map((row) => ({ ...row })),
      ]),
    ),
  )
  const free = (table: Table, row: Row): boolean =>
    table.controllerOf(row) === controller.name && !held.has(idOf(table, row))
  leaveAll(tables, state, controller, held)
  for (const table of tables) {
    for (const row of state[table.name]!.filter((candidate) => free(table, candidate))) {
      const due = dueColumns(table, row, controller)
      if (due.some((column) => table.archived?.includes(column)))
        state[`values:${table.name}`]!.push({ ...row })
      for (const column of due) row[column] = MASKED
    }
  }
  for (const table of tables) {
    const gone = (row: Row): boolean =>
      table.purge !== undefined &&
      free(table, row) &&
      isDue(table, table.purge, row, controller, minimaOf(table))
    for (const row of state[`archive:${table.name}`]!.filter(gone))
      removeRecord(tables, table, row, state, held)
    state[`values:${table.name}`] = state[`values:${table.name}`]!.filter((row) => !gone(row))
  }
  for (const table of tables) {
    for (const row of state[`archive:${table.name}`]!.filter((candidate) => free(table, candidate)))
      for (const column of dueColumns(table, row, controller))
        if (!table.archived?.includes(column)) row[column] = MASKED
  }
  return state
}

/** All clocks are read before anything is masked. */
function dueColumns(table: Table, row: Row, controller: Controller): string[] {
  return Object.entries(table.masks ?? {})
    .filter(
      ([column, terms]) =>
        row[column] !== null &&
        row[column] !== MASKED &&
        isDue(table, terms, row, controller, minimaOf(table, column)),
    )
    .map(([column]) => column)
}

/** An archived row, with what came along if it is the one that was moved by itself; unless that is held. */
function removeRecord(tables: Table[], table: Table, row: Row, state: State, held: Held): void {
  const alone = row.$root !== idOf(table, row)
  const belongs = (other: Table, candidate: Row): boolean =>
    other === table ? candidate === row : !alone && candidate.$root === row.$root
  const anyHeld = tables.some((other) =>
    state[`archive:${other.name}`]!.some(
      (candidate) => belongs(other, candidate) && held.has(idOf(other, candidate)),
    ),
  )
  if (anyHeld) return
  for (const other of tables)
    state[`archive:${other.name}`] = state[`archive:${other.name}`]!.filter(
      (candidate) => !belongs(other, candidate),
    )
}

/** Takes rows until nothing more can go: what one table lets go of may free a row of another. */
function leaveAll(tables: Table[], state: State, controller: Controller, held: Held): void {
  for (let moved = true; moved; ) {
    moved = false
    for (const table of tables) {
      for (const action of ['purge', 'archive'] as const) {
        const leaving = leavingRows(tables, table, action, state, controller, held)
        if (leaving.size === 0) continue
        moved = true
        for (const row of leaving)
          removeRow(tables, table, row, leaving, state, action === 'archive' ? idOf(table, row) : undefined)
        state[table.name] = state[table.name]!.filter((row) => !leaving.has(row))
      }
    }
  }
}

/** Due rows to which nothing refers that stays; rows of one table that refer to each other go together. */
function leavingRows(
  tables: Table[],
  table: Table,
  action: 'purge' | 'archive',
  state: State,
  controller: Controller,
  held: Held,
): Set<Row> {
  const due = (kind: 'purge' | 'archive', row: Row): boolean =>
    table[kind] !== undefined &&
    isDue(table, table[kind], row, controller, kind === 'purge' ? minimaOf(table) : [])
  const leaving = new Set(
    state[table.name]!.filter(
      (row) =>
        table.controllerOf(row) === controller.name &&
        !held.has(idOf(table, row)) &&
        due(action, row) &&
        (action === 'purge' || !due('purge', row)),
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

/** root: the row that is being archived, if that is what happens. */
function removeRow(
  tables: Table[],
  table: Table,
  row: Row,
  leaving: Set<Row>,
  state: State,
  root: string | undefined,
): void {
  if (root !== undefined) state[`archive:${table.name}`]!.push({ ...row, $root: root })
  for (const { child, row: childRow, reference } of referrers(tables, table, row, state)) {
    if (reference.onPurge === 'with parent') {
      removeRow(tables, child, childRow, new Set([childRow]), state, root)
      state[child.name] = state[child.name]!.filter((other) => other !== childRow)
    } else if (reference.onPurge === 'unlink' && !leaving.has(childRow)) {
      for (const column of reference.columns) childRow[column] = null
    }
  }
}
