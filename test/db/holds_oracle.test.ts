/** Holds of every kind, placed, released and lapsed between cycles over the shop, against the oracle. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, rowsOf, runCycle } from '../helpers/engine.ts'
import {
  disagreement,
  expectedShop,
  loadShop,
  randomNumbers,
  readShop,
  SHOP,
  SHOP_POLICY,
  SHOP_SQL,
  shopControllers,
  shopRows,
} from '../helpers/shop.ts'
import { addDelay, formatDay, parseDay } from '../oracle/calendar.ts'
import { type Hold, type PersonLink, reachedBy } from '../oracle/holds.ts'
import { afterCycle, type Row, type State } from '../oracle/model.ts'

const LINKS: PersonLink[] = [
  { table: 'shop.orders', columns: ['customer_id'], to: 'shop.customers', toColumns: ['id'] },
  { table: 'shop.lines', columns: ['order_id'], to: 'shop.orders', toColumns: ['id'] },
  { table: 'shop.gifts', columns: ['order_id', 'n'], to: 'shop.lines', toColumns: ['order_id', 'n'] },
  { table: 'shop.tickets', columns: ['customer_id'], to: 'shop.customers', toColumns: ['id'] },
]

const POLICY = {
  ...SHOP_POLICY,
  subjects: {
    customer: {
      table: 'shop.customers',
      identifiers: ['email'],
      links: Object.fromEntries(
        LINKS.map(({ table }) => [table, { kind: table === 'shop.tickets' ? 'share' : 'own' }]),
      ),
    },
  },
}

/** Predicates, and what they mean. */
const PREDICATES: { table: string; text: string; when: (row: Row) => boolean }[] = [
  { table: 'shop.customers', text: `status = 'a'`, when: (row) => row.status === 'a' },
  { table: 'shop.customers', text: 'id % 7 = 1', when: (row) => Number(row.id) % 7 === 1 },
  {
    table: 'shop.orders',
    text: 'id % 3 = 0 and customer_id > 5',
    when: (row) => Number(row.id) % 3 === 0 && Number(row.customer_id) > 5,
  },
  { table: 'shop.lines', text: 'n % 4 = 1', when: (row) => Number(row.n) % 4 === 1 },
  { table: 'shop.parcels', text: 'id % 2 = 0', when: (row) => Number(row.id) % 2 === 0 },
  { table: 'shop.gifts', text: 'n in (2, 4, 6)', when: (row) => [2, 4, 6].includes(Number(row.n)) },
  { table: 'shop.tickets', text: 'customer_id is null', when: (row) => row.customer_id === null },
  {
    table: 'shop.members',
    text: 'team_id % 2 = 0',
    when: (row) => row.team_id !== null && Number(row.team_id) % 2 === 0,
  },
  ...SHOP.map(({ name }) => ({ table: name, text: '', when: () => true })),
]

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(SHOP_SQL)
  await applyPolicy(db, POLICY)
})
afterAll(() => db.drop())

const scenario = fc.record({
  seed: fc.integer(),
  customers: fc.integer({ min: 20, max: 120 }),
  batchRows: fc.constantFrom(3, 40, 5000),
  today: fc.constantFrom('2019-12-31', '2020-02-29', '2021-03-01'),
})

it('whatever is held, on whichever day, stays as it is, live and archived, and all the rest goes as the oracle says', async () => {
  const reached = { live: 0, archived: 0, released: 0 }
  await fc.assert(
    fc.asyncProperty(scenario, async ({ seed, customers, batchRows, today }) => {
      const below = randomNumbers(seed + 7)
      const before = shopRows(seed, customers, today)
      const client = await db.connect()
      await client.query('begin')
      try {
        await loadShop(client, before)
        await client.query(`update lethe.settings set batch_rows = ${batchRows}`)
        let state: State = before
        const holds = new Map<number, Hold>()
        for (const months of [0, 14, 30, 54]) {
          const day = formatDay(addDelay(parseDay(today), { months, days: 0 }))
          for (const id of [...holds.keys()].filter(() => below(100) < 40)) {
            // Released, or over since yesterday.
            if (below(2) === 0) await client.query(`select lethe.release_hold($1, 'over')`, [id])
            else await client.query(`update lethe.holds set ends_on = date '${day}' - 1 where id = $1`, [id])
            holds.delete(id)
            reached.released++
          }
          for (let n = below(4); n > 0; n--) {
            const hold = makeHold(below, state)
            const [{ id }] = (await rowsOf<{ id: number }>(client, hold.call)) as [{ id: number }]
            holds.set(id, hold.hold)
            if (below(3) === 0)
              await client.query(`update lethe.holds set ends_on = 'infinity' where id = $1`, [id])
          }
          for (const controller of shopControllers(day)) {
            const held = reachedBy([...holds.values()], SHOP, LINKS, state)
            expect(await runCycle(client, controller.name, day)).toBe('complete')
            state = afterCycle(SHOP, state, controller, held)
            expect(disagreement(await expectedShop(client, before, state), await readShop(client))).toEqual(
              {},
            )
            for (const { name, key } of SHOP) {
              reached.live += state[name]!.filter((row) => held.has(`${name}/${row[key]}`)).length
              reached.archived += state[`archive:${name}`]!.filter((row) =>
                held.has(`${name}/${row[key]}`),
              ).length
            }
          }
        }
      } finally {
        await client.query('rollback')
        await client.end()
      }
    }),
    { seed: 41, numRuns: 5, endOnFailure: true },
  )
  expect(reached.live).toBeGreaterThan(100)
  expect(reached.archived).toBeGreaterThan(20)
  expect(reached.released).toBeGreaterThan(5)
}, 240_000)

function makeHold(below: (n: number) => number, state: State): { hold: Hold; call: string } {
  const controller = below(2) === 0 ? 'north' : 'south'
  const owner = controller === 'north' ? 1 : 2
  const people = state['shop.customers']!.filter((row) => row.owner === owner)
  if (people.length > 0 && below(2) === 0) {
    const { id: key } = people[below(people.length)]!
    return {
      hold: { controller, person: { table: 'shop.customers', key } },
      call: `select lethe.hold_person('a test', 'customer', key => '${key}', controller => '${controller}') as id`,
    }
  }
  const { table, text, when } = PREDICATES[below(PREDICATES.length)]!
  return {
    hold: { controller, rows: { table, when } },
    call:
      text === ''
        ? `select lethe.hold_table('a test', '${table}', controller => '${controller}') as id`
        : `select lethe.hold_rows('a test', '${table}', '${text.replaceAll("'", "''")}', controller => '${controller}') as id`,
  }
}
