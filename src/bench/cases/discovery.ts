/** What being exact about the calendar costs the search itself, where it weighs most. */
import type pg from 'pg'
import { program, startCycle } from '../cycle.ts'
import { fillContacts } from '../data.ts'
import { median, timed } from '../measure.ts'
import type { Case } from '../types.ts'

/** The compiled discovery, and the same text with a plain cut-off in place of the exact due date. */
export const calendar: Case = {
  name: 'calendar',
  title: 'discovery by exact due date | by a plain cut-off',
  includes: 'the discovery statement alone, by the partial index',
  unit: 'ratio',
  target: 1.1,
  run: async ({ server, size, repetitions, progress }) => {
    const template = await server.template('partial', fillContacts(size.contacts, 'partial'))
    return server.onClone(template, async (database) => {
      const { columns } = await program(database, await startCycle(database))
      const plain = withoutExactDay(columns.discover)
      await database.query('begin')
      const seconds: Record<'exact' | 'plain', number[]> = { exact: [], plain: [] }
      for (let round = 0; round <= repetitions * 3; round++) {
        const exactTook = await discovery(database, columns.discover)
        const plainTook = await discovery(database, plain)
        if (round === 0) continue // warms up
        seconds.exact.push(exactTook)
        seconds.plain.push(plainTook)
      }
      await database.query('rollback')
      progress(`exact ${seconds.exact.map((s) => s.toFixed(3))}; plain ${seconds.plain.map((s) => s.toFixed(3))}`)
      return { seconds: median(seconds.exact), baselineSeconds: median(seconds.plain) }
    })
  },
}

function discovery(database: pg.Client, statement: string): Promise<number> {
  return timed(() => database.query(`select count(*) from (${statement}) as d`))
}

/** Leaves the bound, which an index can use, and takes the exact test behind it away. */
function withoutExactDay(statement: string): string {
  const plain = statement.replace(/ and \(c\.last_activity_at < timestamptz '[^']+' or \(c\.last_activity_at at time zone '[^']+'\)::date <= date '[^']+'\)/g, '')
  if (plain === statement) throw new Error('the discovery statement no longer looks as this benchmark expects')
  return plain
}
