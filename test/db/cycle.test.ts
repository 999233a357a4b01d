import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, fingerprint, rowsOf, runCycle } from '../helpers/engine.ts'
import {
  differing,
  disagreement,
  expectedShop,
  holdRows,
  loadShop,
  readShop,
  SHOP,
  SHOP_POLICY,
  SHOP_SQL,
  shopControllers,
  shopRows,
  someHeld,
} from '../helpers/shop.ts'
import { addDelay, formatDay, parseDay } from '../oracle/calendar.ts'
import { afterCycle, type State } from '../oracle/model.ts'

let db: TestDatabase
/** A session whose transaction is rolled back, whatever happens in it. */
async function inTransaction(work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = await db.connect()
  await client.query('begin')
  try {
    await work(client)
  } finally {
    await client.query('rollback')
    await client.end()
  }
}

beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(SHOP_SQL)
  await applyPolicy(db, SHOP_POLICY)
})
afterAll(() => db.drop())

const TABLES = SHOP.map((table) => table.name)

describe('a cycle over tables that refer to each other in every way', () => {
  const scenario = fc.record({
    seed: fc.integer(),
    customers: fc.integer({ min: 20, max: 200 }),
    batchRows: fc.constantFrom(1, 7, 40, 5000),
    heldPercent: fc.constantFrom(0, 0, 5, 30),
    today: fc.constantFrom('2020-02-29', '2021-03-01', '2024-12-31', '2025-05-15'),
  })

  it('ends as the oracle says; the plan said so; the evidence says so; a second cycle writes not one byte', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ seed, customers, batchRows, heldPercent, today }) => {
        const before = shopRows(seed, customers, today)
        const held = someHeld(seed + 1, before, heldPercent)
        await inTransaction(async (client) => {
          await loadShop(client, before)
          await holdRows(client, held)
          await client.query(`update lethe.settings set batch_rows = ${batchRows}`)
          let state: State = before
          for (const controller of shopControllers(today)) {
            const seenBefore = await readShop(client)
            const planned = await rowsOf<{ table_name: string; due: number }>(
              client,
              `select table_name, due from lethe.plan($1, $2) where rule = 'rows'`,
              [today, controller.name],
            )
            const outcome = await runCycle(client, controller.name, today)
            state = afterCycle(SHOP, state, controller, held)
            const found = await readShop(client)
            expect(disagreement(await expectedShop(client, before, state), found)).toEqual({})
            expect(outcome).toBe('complete')
            await assertFigures(client, planned, differing(seenBefore, found))

            const printed = await fingerprint(client, ...TABLES)
            expect(await runCycle(client, controller.name, today)).toBe('complete')
            expect(await fingerprint(client, ...TABLES)).toBe(printed)
            expect(
              await rowsOf(
                client,
                'select from lethe.evidence_batches where cycle_id = (select max(id) from lethe.cycles)',
              ),
            ).toEqual([])
          }

          // A good year later what is in the archive has come to its end as well.
          const later = formatDay(addDelay(parseDay(today), { months: 18, days: 0 }))
          for (const controller of shopControllers(later)) {
            expect(await runCycle(client, controller.name, later)).toBe('complete')
            state = afterCycle(SHOP, state, controller, held)
            const found = await readShop(client)
            expect(disagreement(await expectedShop(client, before, state), found)).toEqual({})
          }
        })
      }),
      { seed: 30, numRuns: 14, endOnFailure: true },
    )
  }, 240_000)

  /** Of the cycle that has just run: plan = done = rows that differ, and nothing is left over. */
  async function assertFigures(
    client: Parameters<typeof rowsOf>[0],
    planned: { table_name: string; due: number }[],
    changed: string[],
  ): Promise<void> {
    const batches = await rowsOf<{ rows: number; children: number; table_name: string; phase: string }>(
      client,
      `
      select t.table_name, b.phase, sum(b.rows_done) as rows,
        coalesce(sum((select sum((c ->> 'rows')::bigint) from jsonb_array_elements(b.counts -> 'children') as c)), 0) as children
      from lethe.evidence_batches as b join lethe.cycle_tables as t using (cycle_id, table_id)
      where b.cycle_id = (select max(id) from lethe.cycles) and b.phase <> 'archived' group by 1, 2`,
    )
    const sum = (list: number[]): number => list.reduce((total, n) => total + n, 0)
    // A row that is unlinked or taken by its parent may have a rule of its own as well, so it can count twice.
    const touched = sum(batches.map((batch) => batch.rows + batch.children))
    expect(touched).toBeGreaterThanOrEqual(changed.filter((key) => !key.includes(':')).length)
    for (const { table_name: name, due } of planned) {
      const done = sum(batches.filter((batch) => batch.table_name === name).map((batch) => batch.rows))
      if (name === 'shop.customers' || name === 'shop.orders' || name === 'shop.gifts') {
        expect({ name, done }).toEqual({ name, done: due })
        expect({ name, changed: changed.filter((key) => key.startsWith(`${name}/`)).length }).toEqual({
          name,
          changed: due,
        })
      }
    }
    const evidence = await rowsOf<{ left: number; wrong: number }>(
      client,
      `
      select sum(left_over) as left, count(*) filter (where due < done or skipped > 0) as wrong
      from lethe.evidence where cycle_id = (select max(id) from lethe.cycles)`,
    )
    expect(Number(evidence[0]!.left)).toBe(0)
  }

  it('leaves everything under a hold until it is released, and then goes on', () =>
    inTransaction(async (client) => {
      const today = '2025-06-15'
      const before = shopRows(77, 150, today)
      const all = someHeld(1, before, 100)
      await loadShop(client, before)
      await holdRows(client, all)
      const printed = await fingerprint(client, ...TABLES)
      for (const { name } of shopControllers(today))
        expect(await runCycle(client, name, today)).toBe('complete')
      expect(await fingerprint(client, ...TABLES)).toBe(printed)
      const [figures] = await rowsOf(
        client,
        'select sum(done) as done, sum(due) > 100 as due, sum(due) = sum(held) as held from lethe.evidence',
      )
      expect(figures).toEqual({ done: 0, due: true, held: true })

      // Held up to and including its last day, in the controller's calendar; a released hold counts no more.
      await client.query(`update lethe.holds set ends_on = '${today}'`)
      expect(await runCycle(client, 'north', today)).toBe('complete')
      expect(await fingerprint(client, ...TABLES)).toBe(printed)
      await client.query(`update lethe.holds set ends_on = null, released_at = now()`)
      let state: State = before
      for (const controller of shopControllers(today)) {
        expect(await runCycle(client, controller.name, today)).toBe('complete')
        state = afterCycle(SHOP, state, controller)
      }
      expect(disagreement(await expectedShop(client, before, state), await readShop(client))).toEqual({})
    }))

  it('leaves every row of a table that is held as a whole', () =>
    inTransaction(async (client) => {
      const today = '2025-06-15'
      await loadShop(client, shopRows(78, 100, today))
      await client.query(`
      insert into lethe.holds (reason) values ('all customers');
      insert into lethe_private.held_keys select max(h.id), (select id from lethe.managed_tables where table_name = 'customers'), null from lethe.holds as h`)
      const printed = await fingerprint(client, 'shop.customers')
      for (const { name } of shopControllers(today))
        expect(await runCycle(client, name, today)).toBe('complete')
      expect(await fingerprint(client, 'shop.customers')).toBe(printed)
    }))

  it('takes two rows that refer to each other, though they lie in different batches', () =>
    inTransaction(async (client) => {
      await client.query(`update lethe.settings set batch_rows = 10`)
      await client.query(`
      insert into shop.customers (id, owner, email, last_at) select i, 1, i || '@x', '2001-01-01' from generate_series(1, 100) as i;
      update shop.customers set referrer_id = 101 - id`)
      expect(await runCycle(client, 'north', '2025-06-15')).toBe('complete')
      expect(await rowsOf(client, 'select count(*) from shop.customers')).toEqual([{ count: 0 }])
    }))

  it('takes a chain of two hundred rows from its end, whatever order they lie in', () =>
    inTransaction(async (client) => {
      await client.query(`update lethe.settings set batch_rows = 10`)
      await client.query(`
      insert into shop.customers (id, owner, email, last_at, referrer_id)
      select i, 1, i || '@x', case i when 150 then now() else '2001-01-01' end, nullif(i - 1, 0) from generate_series(1, 200) as i`)
      expect(await runCycle(client, 'north', '2025-06-15')).toBe('complete')
      expect(await rowsOf(client, 'select min(id), max(id), count(*) from shop.customers')).toEqual([
        { min: 1, max: 150, count: 150 },
      ])
    }))
})
