/** Every method in one rule each, on one table, through policy and cycle: what the templates cannot show by themselves. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../helpers/database.ts'
import { addCycleRunner, applyPolicy, runCycle } from '../../../helpers/engine.ts'
import { TRIALS } from './trials.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
})
afterAll(() => db.drop())

const COLUMNS = TRIALS.filter(({ originals }) => originals.length > 0).map((trial, i) => ({
  name: `c${i}`,
  ...trial,
}))
const ROWS = Math.max(...COLUMNS.map(({ originals }) => originals.length))

/** All values of the table as text: a row a line. */
const contents = () => db.query<Record<string, string>>('select * from host.everything order by id')

it('are set, run, verified, and leave nothing for a second cycle', async () => {
  await db.query(`
    create schema host;
    create table host.everything (id int primary key, at date, ${COLUMNS.map(({ name, type }) => `${name} ${type}`)});
    create index on host.everything (at)`)
  for (let row = 0; row < ROWS; row++) {
    const values = COLUMNS.map(({ originals }) => originals[row % originals.length])
    const places = COLUMNS.map(({ type }, i) => `$${i + 1}::${type}`)
    await db.query(`insert into host.everything values (${row}, '2015-01-01', ${places})`, values)
  }
  const columns = Object.fromEntries(
    COLUMNS.map(({ name, method, parameters }) => [
      name,
      { anonymize: { after: 'P1Y', using: { method, ...parameters } } },
    ]),
  )
  await applyPolicy(db, {
    version: 1,
    controllers: { north: { time_zone: 'Europe/Paris' } },
    tables: { 'host.everything': { since: 'at', columns } },
  })

  const before = await contents()
  expect(await runCycle(db, 'north')).toBe('complete')
  const after = await contents()
  for (const [row, values] of after.entries())
    for (const { name, method, type } of COLUMNS)
      expect(values[name], `${method} on ${type}`).not.toEqual(before[row]![name])

  expect(await runCycle(db, 'north')).toBe('complete')
  expect(await contents()).toEqual(after)
})
