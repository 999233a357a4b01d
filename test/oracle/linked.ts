/**
 * Clocks over other rows, read a second time: slowly, row by row, over all events that there ever were. What Lethe
 * itself has taken away still counts, unless it never showed a day.
 */
import { addDelay, type Day, type Delay } from './calendar.ts'
import { type Controller, clockDay, type Row, type Table } from './model.ts'

/** `max(column)` over a table whose rows refer to the row by one column. */
export interface EventClock {
  table: Table
  column: string
  refersBy: string
  refersTo: string
}

/** A clock of a term: a column of the row itself, or of the rows that refer to it. */
export type Clock = string | EventClock

export interface LinkedTerm {
  purpose?: string
  after: Delay
  since: Clock[]
  when?: (row: Row) => boolean | null
}

/** An event, and whether it is still there. */
export interface Event {
  row: Row
  gone: boolean
}

export type Events = Map<string, Event[]>

function dayOf(
  table: Table,
  column: string,
  row: Row,
  controller: Controller,
  sentinels: Day[],
): Day | 'none' | 'never' {
  const day = clockDay(table, column, row[column], controller)
  if (typeof day === 'number' && sentinels.includes(day)) return day < controller.today ? 'none' : 'never'
  return day
}

/** The latest day of all clocks of a term. */
export function latestOf(
  table: Table,
  term: LinkedTerm,
  row: Row,
  events: Events,
  controller: Controller,
  sentinels: (table: Table) => Day[],
): Day | 'none' | 'never' {
  const days = term.since.flatMap((clock) => {
    if (typeof clock === 'string') return [dayOf(table, clock, row, controller, sentinels(table))]
    return events
      .get(clock.table.name)!
      .filter(
        ({ row: event }) => event[clock.refersBy] !== null && event[clock.refersBy] === row[clock.refersTo],
      )
      .filter(({ row: event }) => clock.table.controllerOf(event) === controller.name)
      .map((event) => {
        const day = dayOf(clock.table, clock.column, event.row, controller, sentinels(clock.table))
        return event.gone && day === 'never' ? 'none' : day
      })
  })
  if (days.includes('never')) return 'never'
  const numbers = days.filter((day) => typeof day === 'number')
  return numbers.length > 0 ? Math.max(...numbers) : 'none'
}

/** Due: at least one term applies, and all that apply ended before today. */
export function isDueBy(
  terms: LinkedTerm[],
  row: Row,
  latest: (term: LinkedTerm) => Day | 'none' | 'never',
  today: Day,
): boolean {
  const applying = terms.filter((term) =>
    term.when ? term.when(row) === true : typeof latest(term) === 'number',
  )
  return (
    applying.length > 0 &&
    applying.every((term) => {
      const day = latest(term)
      return typeof day === 'number' && addDelay(day, term.after) < today
    })
  )
}

/** Every minimum that applies ended before today: one without `when` does not apply where its clocks say nothing. */
export function areOverBy(
  minima: LinkedTerm[],
  row: Row,
  latest: (term: LinkedTerm) => Day | 'none' | 'never',
  today: Day,
): boolean {
  return minima.every((term) => {
    const day = latest(term)
    if (term.when ? term.when(row) !== true : day === 'none') return true
    return typeof day === 'number' && addDelay(day, term.after) < today
  })
}

/** A minimum that applies and shows no day. */
export function isEndlessBy(
  minima: LinkedTerm[],
  row: Row,
  latest: (term: LinkedTerm) => Day | 'none' | 'never',
): boolean {
  return minima.some((term) =>
    term.when ? term.when(row) === true && typeof latest(term) !== 'number' : latest(term) === 'never',
  )
}

/** No term that applies, or could apply, shows a day. */
export function isUnclockedBy(
  terms: LinkedTerm[],
  row: Row,
  latest: (term: LinkedTerm) => Day | 'none' | 'never',
): boolean {
  const usable = (term: LinkedTerm): boolean => typeof latest(term) === 'number'
  const applying = terms.filter((term) => (term.when ? term.when(row) === true : usable(term)))
  if (applying.some(usable)) return false
  return terms.some((term) => (term.when ? term.when(row) === true : !usable(term)))
}
