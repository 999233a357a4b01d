/** Rows that stay because another row refers to them, at any distance. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../helpers/database.ts'
import { addCycleRunner, applyPolicy, runCycle } from '../../helpers/engine.ts'

const DEPTH = 12
const TABLES = Array.from({ length: DEPTH }, (_, n) => `deep.t${n}`)

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query('create schema deep')
  for (const [n, table] of TABLES.entries()) {
    await db.query(
      `create table ${table} (id int primary key, owner int not null, at date${n > 0 ? `, up int references deep.t${n - 1}` : ''})`,
    )
    if (n > 0) await db.query(`create index on ${table} (up)`)
    // A line of rows each for the two controllers; the last of the first line is not due.
    await db.query(
      `insert into ${table} select i, i, case when i = 1 and ${n === DEPTH - 1} then current_date else date '2015-01-01' end${n > 0 ? ', i' : ''} from generate_series(1, 2) as i`,
    )
  }
  await applyPolicy(db, {
    version: 1,
    controllers: {
      north: { time_zone: 'America/St_Johns', reference: '1' },
      south: { time_zone: 'Pacific/Apia', reference: '2' },
    },
    tables: Object.fromEntries(
      TABLES.map((name) => [name, { controller: { column: 'owner' }, purge: { after: 'P1Y', since: 'at' } }]),
    ),
  })
})
afterAll(() => db.drop())

// Planning took twice as long with each table on the way: some minutes for these.
it('are foreseen by the plan through a long line of tables, and left alone by the cycle', async () => {
  const planned = (controller: string): Promise<unknown> =>
    db.query(
      `select table_name, due, kept_by_child as kept from lethe.plan(null, $1) where rule = 'purge' order by length(table_name), table_name`,
      [controller],
    )
  expect(await planned('north')).toEqual(
    TABLES.map((table_name, n) => ({ table_name, due: n < DEPTH - 1 ? 1 : 0, kept: n < DEPTH - 1 ? 1 : 0 })),
  )
  expect(await planned('south')).toEqual(TABLES.map((table_name) => ({ table_name, due: 1, kept: 0 })))
  await runCycle(db, 'north')
  await runCycle(db, 'south')
  for (const table of TABLES) expect(await db.query(`select id from ${table}`)).toEqual([{ id: 1 }])
})
