/** What being exact about the calendar costs: a day ends at a zone's midnight, and months differ. */
import type pg from 'pg'
import { startCycle, sweep } from '../cycle.ts'
import { fillContacts } from '../data.ts'
import { compare, timed } from '../measure.ts'
import type { Case } from '../types.ts'

/** The same engine on both sides; for the baseline the exact test is cut out of the compiled statements. */
export const calendar: Case = {
  name: 'calendar',
  title: 'sweep by exact due date | by a plain cut-off',
  includes: 'discovery, batches and their evidence, compiled beforehand on both sides',
  unit: 'ratio',
  target: 1.1,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('partial', fillContacts(context.size.contacts, 'partial')),
      sameTable: 'bench.contacts',
      ours: async (database) => {
        const cycle = await startCycle(database)
        return timed(() => sweep(database, cycle))
      },
      baseline: async (database) => {
        const cycle = await startCycle(database)
        await forgetExactDay(database)
        return timed(() => sweep(database, cycle))
      },
    }),
}

/** Leaves the bound, which an index can use, and takes away the exact test behind it. */
async function forgetExactDay(database: pg.Client): Promise<void> {
  const exact = String.raw` and \(c\.last_activity_at < timestamptz '[^']+' or \(c\.last_activity_at at time zone '[^']+'\)::date <= date '[^']+'\)`
  const { rows } = await database.query<{ changed: boolean }>(
    `with before as (
       select c.cycle_id, c.table_id, c.program::text as program from lethe_private.compiled as c
     )
     update lethe_private.compiled as c
     set program = regexp_replace(b.program, $1, '', 'g')::jsonb
     from before as b
     where b.cycle_id = c.cycle_id and b.table_id = c.table_id
     returning c.program::text <> b.program as changed`,
    [exact],
  )
  if (!rows[0]?.changed) throw new Error('the compiled statements no longer look as this benchmark expects')
}
