/** What comes up on which day, found by asking of days to come whether a row is due: it stays so, once it is. */
import {
  type Controller,
  type Held,
  isDue,
  minimaOf,
  type Row,
  type State,
  type Table,
  type Term,
} from './model.ts'

/** Rows by day, of each rule of each controller: `controller table rule: {day: rows}`; 0 is today or before. */
export type DayCounts = Record<string, Record<number, number>>

const BEYOND = 999

/** How many days from today a rule becomes due on a row, a year at the most. */
function dayOf(
  table: Table,
  terms: Term[] | undefined,
  row: Row,
  controller: Controller,
  minima: Term[],
): number {
  if (!terms) return BEYOND
  const due = (days: number): boolean =>
    isDue(table, terms, row, { ...controller, today: controller.today + days }, minima)
  if (!due(365)) return BEYOND
  let [first, last] = [0, 365]
  while (first < last) {
    const middle = (first + last) >> 1
    if (due(middle)) last = middle
    else first = middle + 1
  }
  return last
}

/** A row that leaves takes its columns along; what is due for purge is archived no more. */
export function comingUp(
  tables: Table[],
  state: State,
  held: Held,
  controllers: Controller[],
  actionOf: (column: string) => string,
): DayCounts {
  const result: DayCounts = {}
  const count = (key: string, day: number): void => {
    result[key] ??= {}
    if (day !== BEYOND) result[key][day] = (result[key][day] ?? 0) + 1
  }
  for (const controller of controllers) {
    for (const table of tables) {
      for (const row of state[table.name]!) {
        if (table.controllerOf(row) !== controller.name || held.has(`${table.name}/${row[table.key]}`))
          continue
        const purge = dayOf(table, table.purge, row, controller, minimaOf(table))
        const archive = dayOf(table, table.archive, row, controller, [])
        const key = `${controller.name} ${table.name} `
        if (table.purge) count(`${key}purge`, purge)
        if (table.archive) count(`${key}archive`, archive < purge ? archive : BEYOND)
        for (const [column, terms] of Object.entries(table.masks ?? {})) {
          const day =
            row[column] === null ? BEYOND : dayOf(table, terms, row, controller, minimaOf(table, column))
          count(`${key}${column}: ${actionOf(column)}`, day < Math.min(purge, archive) ? day : BEYOND)
        }
      }
    }
  }
  return nonEmpty(result)
}

export const nonEmpty = (counts: DayCounts): DayCounts =>
  Object.fromEntries(Object.entries(counts).filter(([, days]) => Object.keys(days).length > 0))
