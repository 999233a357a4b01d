/**
 * The tables of `audience` with their rows, as lines for `copy`. Parents come before children only for
 * the reader's sake: the seed puts foreign keys back after the last row.
 */
import { copyLine } from './copy.ts'
import { eventTables } from './event_rows.ts'
import { PUBLISHERS, TITLES } from './names.ts'
import { orderTables } from './order_rows.ts'
import { personTables } from './person_rows.ts'
import type { Readers } from './readers.ts'
import type { TableRows } from './rows.ts'

/** Every table of the demo, in the order in which it is filled. */
export function demoTables(people: Readers): TableRows[] {
  return [
    { table: 'publishers', columns: ['id', 'name', 'country', 'time_zone'], lines: PUBLISHERS.map(copyLine) },
    {
      table: 'titles',
      columns: ['id', 'publisher_id', 'name', 'language', 'yearly_price'],
      lines: TITLES.map(copyLine),
    },
    ...personTables(people),
    ...orderTables(people),
    ...eventTables(people),
  ]
}
