/**
 * What holds reach, row by row over tables held in memory: live rows and archived ones alike. Counterpart of
 * sql/lethe_private/held_by.sql and reach_archive.sql.
 */
import type { Held, Row, State, Table } from './model.ts'

/** Rows of `table` belong where their `columns` equal `toColumns` of a row of `to` that belongs. */
export interface PersonLink {
  table: string
  columns: string[]
  to: string
  toColumns: string[]
}

export interface Hold {
  controller: string
  /** The root row a hold on a person names. */
  person?: { table: string; key: unknown }
  /** The rows of a table, or those of them that satisfy a predicate. */
  rows?: { table: string; when: (row: Row) => boolean }
}

/** `table/key` of every row that one of the holds reaches in this state. */
export function reachedBy(holds: Hold[], tables: Table[], links: PersonLink[], state: State): Held {
  const held: Held = new Set()
  for (const hold of holds) {
    const mine = (name: string): { id: string; row: Row }[] => {
      const table = tables.find((candidate) => candidate.name === name)!
      return [name, `archive:${name}`, `values:${name}`]
        .flatMap((list) => state[list] ?? [])
        .filter((row) => table.controllerOf(row) === hold.controller)
        .map((row) => ({ id: `${name}/${row[table.key]}`, row }))
    }
    if (hold.rows) for (const { id, row } of mine(hold.rows.table)) if (hold.rows.when(row)) held.add(id)
    if (!hold.person) continue
    const reached = new Set([`${hold.person.table}/${hold.person.key}`])
    for (let before = -1; before !== reached.size; ) {
      before = reached.size
      for (const link of links) {
        const parents = mine(link.to).filter(({ id }) => reached.has(id))
        for (const { id, row } of mine(link.table)) {
          const belongs = parents.some(({ row: parent }) =>
            link.columns.every(
              (column, i) => row[column] !== null && row[column] === parent[link.toColumns[i]!],
            ),
          )
          if (belongs) reached.add(id)
        }
      }
    }
    for (const id of reached) held.add(id)
  }
  return held
}
