/** Looking at a policy before it is put in force, and ahead, against one count per rule, written by hand. */
import type pg from 'pg'
import { contactRules, fillContacts } from '../data.ts'
import { median, timed } from '../measure.ts'
import type { Case, Context, Measured } from '../types.ts'

/** What each rule of `bench.contacts` still has to do, as one would ask it by hand. */
const TO_DO = [
  `email not like '%@anonymized.invalid'`,
  `phone is not null`,
  `first_name !~ '^.\\*+$'`,
  `last_name not like 'p-%'`,
  `birth_date <> date_trunc('year', birth_date)`,
  `ip <> network(set_masklen(ip, 24))`,
]

const LOCAL_TODAY = `(now() at time zone 'Europe/Paris')::date`

/** Both sides change nothing, so they take turns on one clone. */
async function inTurns(
  { server, size, repetitions, progress }: Context,
  ours: (database: pg.Client) => Promise<unknown>,
  baseline: (database: pg.Client) => Promise<unknown>,
): Promise<Measured> {
  const template = await server.template('plain', fillContacts(size.contacts, 'plain'))
  return server.onClone(template, async (database) => {
    await database.query('analyze')
    const seconds: Record<'ours' | 'baseline', number[]> = { ours: [], baseline: [] }
    for (let round = 0; round <= repetitions * 3; round++) {
      const oursTook = await timed(() => ours(database))
      const baselineTook = await timed(() => baseline(database))
      if (round === 0) continue // warms up
      seconds.ours.push(oursTook)
      seconds.baseline.push(baselineTook)
    }
    progress(
      `ours ${seconds.ours.map((s) => s.toFixed(3))}; by hand ${seconds.baseline.map((s) => s.toFixed(3))}`,
    )
    return { seconds: median(seconds.ours), baselineSeconds: median(seconds.baseline) }
  })
}

const shorter = JSON.stringify({
  version: 1,
  controllers: { main: { time_zone: 'Europe/Paris' } },
  tables: { 'bench.contacts': contactRules({ names: 'P30M', rest: 'P30M' }) },
})

/** Six delays half a year shorter: what is due at once, of that what was not before, and what no longer is. */
export const blastRadius: Case = {
  name: 'blast-radius',
  title: 'blast radius of six shorter delays | one count per rule, by hand',
  includes:
    'applying the draft, writing the statements down, rolling back, one read of the table for all rules',
  unit: 'ratio',
  target: 1.5,
  run: (context) =>
    inTurns(
      context,
      (database) => database.query('select lethe_private.propose($1, null, false)', [shorter]),
      async (database) => {
        for (const toDo of TO_DO) {
          const late = (delay: string): string =>
            `last_activity_at < (${LOCAL_TODAY} - interval '${delay}')::timestamp at time zone 'Europe/Paris'`
          await database.query(`
            select count(*) as due, count(*) filter (where not (${late('3 years')})) as at_once
            from bench.contacts where ${late('30 months')} and ${toDo}`)
        }
      },
    ),
}

/** On which day of the year to come the rows of six rules come up. */
export const timeTravel: Case = {
  name: 'time-travel',
  title: 'a year ahead, day by day, six rules | one count per rule and day, by hand',
  includes: 'writing the statement, one read of the table for all rules, one figure a day',
  unit: 'ratio',
  target: 1.5,
  run: (context) =>
    inTurns(
      context,
      (database) => database.query('select * from lethe.forecast()'),
      async (database) => {
        for (const toDo of TO_DO)
          await database.query(`
            select greatest(((last_activity_at at time zone 'Europe/Paris')::date + interval '3 years')::date + 1, ${LOCAL_TODAY}) as day, count(*)
            from bench.contacts
            where last_activity_at < (${LOCAL_TODAY} + 365 - interval '3 years')::timestamp at time zone 'Europe/Paris' and ${toDo}
            group by 1`)
      },
    ),
}
