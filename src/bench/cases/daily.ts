/** The day after: nearly everything that is due has been masked long ago. */
import type pg from 'pg'
import { runCycle, startCycle, sweep } from '../cycle.ts'
import { applyPolicy, contactRules, contactsTable, createSuggestedIndex, fillContacts } from '../data.ts'
import { median, timed } from '../measure.ts'
import type { Fill } from '../server.ts'
import type { Case, Context, Measured } from '../types.ts'

const LIST_TABLES = 9

/** A template whose due rows have been masked by a first cycle. */
function fillMasked(contacts: number): Fill {
  return async (database) => {
    await fillContacts(contacts, 'partial')(database)
    await database.query('analyze')
    await runCycle(database)
  }
}

/** The same with nine tables more, each a fiftieth as large. */
function fillMany(contacts: number): Fill {
  return async (database) => {
    const names = Array.from({ length: LIST_TABLES }, (_, n) => `bench.list_${n + 1}`)
    await database.query('create schema bench')
    await database.query(contactsTable('bench.contacts', contacts))
    for (const name of names) await database.query(contactsTable(name, contacts / 50))
    const tables = ['bench.contacts', ...names]
    await applyPolicy(database, Object.fromEntries(tables.map((table) => [table, contactRules()])))
    for (const table of tables) await createSuggestedIndex(database, table)
    await database.query('analyze')
    await runCycle(database)
  }
}

/** One cycle on a table five times larger, with as many newly due rows. */
export const dailyCycle: Case = {
  name: 'daily-cycle',
  title: 'daily cycle, 1 k newly due, table 5× larger | the smaller table',
  includes: 'lethe.run_cycle, start to finish, verification too',
  unit: 'ratio',
  target: 1.5,
  run: async (context) => {
    const { server, size } = context
    const small = await server.template('masked', fillMasked(size.contacts))
    const large = await server.template('masked_large', fillMasked(size.contacts * 5))
    return inTurns(context, large, small)
  },
}

/** The same on one ten times larger. */
export const dailyCycleTenfold: Case = {
  ...dailyCycle,
  name: 'daily-cycle-10x',
  title: 'daily cycle, 1 k newly due, table 10× larger | the smaller table',
  run: async (context) => {
    const { server, size } = context
    const small = await server.template('masked', fillMasked(size.contacts))
    const large = await server.template('masked_tenfold', fillMasked(size.contacts * 10))
    return inTurns(context, large, small)
  },
}

/** No restoring needed: each cycle changes a thousandth of the table. */
async function inTurns(
  { server, size, repetitions, progress }: Context,
  large: string,
  small: string,
): Promise<Measured> {
  return server.onClone(large, (largeDatabase) =>
    server.onClone(small, async (smallDatabase) => {
      const seconds: Record<'large' | 'small', number[]> = { large: [], small: [] }
      for (let round = 0; round <= repetitions * 2; round++) {
        const largeTook = await oneDay(largeDatabase, size.daily, round)
        const smallTook = await oneDay(smallDatabase, size.daily, round)
        if (round === 0) continue // warms up
        seconds.large.push(largeTook)
        seconds.small.push(smallTook)
      }
      progress(
        `larger ${seconds.large.map((s) => s.toFixed(3))}; smaller ${seconds.small.map((s) => s.toFixed(3))}`,
      )
      return { seconds: median(seconds.large), baselineSeconds: median(seconds.small) }
    }),
  )
}

/** Lets rows scattered over the table fall due, then runs the cycle. */
async function oneDay(database: pg.Client, rows: number, round: number): Promise<number> {
  await database.query(
    `update bench.contacts set last_activity_at = now() - interval '3 years 3 days'
     where id in (select n * ((select max(id) from bench.contacts) / $1) + $2 * 10 + 1 from generate_series(0, $1::bigint - 1) as n)`,
    [rows, round],
  )
  await database.query('checkpoint')
  return timed(() => runCycle(database))
}

/** Milliseconds a table of a cycle that finds nothing. */
export const nothingDue: Case = {
  name: 'nothing-due',
  title: 'a cycle with nothing due, ms a table',
  includes: `lethe.run_cycle over ${LIST_TABLES + 1} tables, start to finish, divided by ${LIST_TABLES + 1}`,
  unit: 'ms',
  target: 10,
  run: async ({ server, size, repetitions, progress }) => {
    const template = await server.template('many', fillMany(size.contacts))
    return server.onClone(template, async (database) => {
      await runCycle(database)
      const seconds: number[] = []
      for (let round = 0; round < repetitions * 3; round++)
        seconds.push(await timed(() => runCycle(database)))
      progress(seconds.map((s) => s.toFixed(3)).join(', '))
      return { seconds: median(seconds) / (LIST_TABLES + 1) }
    })
  },
}

/** Re-reading a swept table where the partial index answers. */
export const verifyIndexed: Case = {
  name: 'verify-index',
  title: 'verification by partial index, ms',
  includes: 'lethe.verify_table: due and not masked, held, without a clock; writing the evidence',
  unit: 'ms',
  target: 5,
  run: async ({ server, size, repetitions }) => {
    const template = await server.template('masked', fillMasked(size.contacts))
    return server.onClone(template, async (database) => {
      const seconds: number[] = []
      for (let round = 0; round < repetitions * 3; round++) {
        const cycle = await startCycle(database)
        await sweep(database, cycle)
        seconds.push(await timed(() => database.query('select lethe.verify_cycle($1)', [cycle])))
        await database.query('select lethe.finish_cycle($1)', [cycle])
      }
      return { seconds: median(seconds) }
    })
  },
}

/** Re-reading a table without any index on its clock. */
export const verifyFull: Case = {
  name: 'verify-full',
  title: 'verification by reading the whole table | a bare parallel count(*)',
  includes: 'the compiled statement that counts what is due, held and kept',
  unit: 'ratio',
  target: 1.2,
  run: async ({ server, size, repetitions, progress }) => {
    const template = await server.template('masked', fillMasked(size.contacts))
    return server.onClone(template, async (database) => {
      await database.query('drop index bench.contacts_lethe_due')
      const cycle = await startCycle(database)
      await sweep(database, cycle)
      const managed = '(select m from lethe.managed_tables as m)'
      const look = `select lethe_private.count_as_sweeper((select program ->> 'look' from lethe_private.compiled), ${managed})`
      const seconds: Record<'look' | 'count', number[]> = { look: [], count: [] }
      for (let round = 0; round <= repetitions * 3; round++) {
        const looked = await timed(() => database.query(look))
        const counted = await timed(() => database.query('select count(*) from bench.contacts'))
        if (round === 0) continue // warms up
        seconds.look.push(looked)
        seconds.count.push(counted)
      }
      progress(
        `look ${seconds.look.map((s) => s.toFixed(3))}; count ${seconds.count.map((s) => s.toFixed(3))}`,
      )
      return { seconds: median(seconds.look), baselineSeconds: median(seconds.count) }
    })
  },
}
