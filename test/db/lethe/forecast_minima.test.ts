/** Time travel where laws have things kept and holds have them left alone: day by day what lethe.plan counts on that day. */
import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../helpers/database.ts'
import { applyPolicy, rowsOf } from '../../helpers/engine.ts'
import {
  columnMinima,
  controllersOn,
  minima,
  PEOPLE_SQL,
  peoplePolicy,
  peopleTable,
  rows,
  SENTINELS,
  TODAY,
  terms,
} from '../../helpers/purposes.ts'
import { holdRows } from '../../helpers/shop.ts'
import { formatDay, localDay, parseDay } from '../../oracle/calendar.ts'
import { comingUp } from '../../oracle/forecast.ts'
import type { Controller, Row } from '../../oracle/model.ts'

fc.configureGlobal({ endOnFailure: true })

let db: TestDatabase
let client: pg.Client
beforeAll(async () => {
  db = await createDatabase()
  await db.query(PEOPLE_SQL)
  client = await db.connect()
})
afterAll(async () => {
  await client.end()
  await db.drop()
})

async function inTransaction(work: () => Promise<void>): Promise<void> {
  await client.query('begin')
  try {
    await work()
  } finally {
    await client.query('rollback')
  }
}

/** True when the policy was taken: a random one may hold a rule that can never be due. */
async function accepts(policy: unknown): Promise<boolean> {
  await client.query('savepoint policy')
  try {
    await applyPolicy(client, policy)
    return true
  } catch (error) {
    if (!['LE316', 'LE317'].includes((error as { code: string }).code)) throw error
    await client.query('rollback to savepoint policy')
    return false
  }
}

/** Rows around a fixed day, as many days later; what stands for no day stays as it is. */
const later = (list: Row[], by: number): Row[] =>
  list.map((one) => {
    const moved = (value: unknown): unknown => {
      if (typeof value !== 'string' || value.endsWith('infinity')) return value
      const day = value.slice(0, 10)
      return SENTINELS.includes(day) ? value : formatDay(parseDay(day) + by) + value.slice(10)
    }
    return { ...one, seen: moved(one.seen), bought: moved(one.bought), logged: moved(one.logged) }
  })

const controllers = (): Controller[] =>
  controllersOn(TODAY).map((one) => ({ ...one, today: localDay(Date.now(), one.zone) }))

interface Line {
  controller: string
  rule: string
  by_day: string[]
  held: string
}

/** Due and not held, and held, as lethe.plan counts them on a day to come. */
async function planned(
  controller: Controller,
  days: number,
): Promise<Map<string, [due: number, held: number]>> {
  const list = await rowsOf<{ rule: string; due: string; held: string }>(
    client,
    `select rule, due - held as due, held from lethe.plan($1, $2) where rule <> 'rows' and table_name = 'host.people'`,
    [formatDay(controller.today + days), controller.name],
  )
  return new Map(list.map(({ rule, due, held }) => [rule, [Number(due), Number(held)]]))
}

const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0)

const always = fc
  .tuple(terms, terms)
  .map(([some, [first]]) => [
    { ...first!, purpose: 'at last', controller: undefined, when: undefined, sql: undefined },
    ...some,
  ])
const scenario = fc
  .record({
    v: terms,
    w: terms,
    // Rows that leave, or none: without them the columns are counted as well on the days that follow.
    leaving: fc.option(fc.record({ archive: fc.option(terms, { nil: undefined }), purge: always }), {
      nil: {},
    }),
    minima,
    vMinima: columnMinima,
    rows: rows(40, 60),
    held: fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 8 }),
    hold: fc.constantFrom(undefined, undefined, 'score = 2', 'true'),
  })
  .map(({ leaving, ...rest }) => ({
    ...rest,
    ...(leaving as { archive?: typeof rest.v; purge?: typeof rest.v }),
  }))

describe('a forecast with minima and holds', () => {
  it('is what lethe.plan counts on each day to come, and what the oracle finds by waiting', async () => {
    let taken = 0
    let keptLonger = 0
    await fc.assert(
      fc.asyncProperty(scenario, async ({ rows: list, held: ids, hold, ...people }) => {
        const table = peopleTable(people)
        const acting = controllers()
        const state = { 'host.people': later(list, acting[0]!.today - parseDay(TODAY)) }
        await inTransaction(async () => {
          if (!(await accepts(peoplePolicy(people)))) return
          taken++
          await client.query(
            'insert into host.people select * from jsonb_populate_recordset(null::host.people, $1)',
            [JSON.stringify(state['host.people'])],
          )
          const held = new Set(ids.map((id) => `host.people/${id}`))
          await holdRows(client, held)
          if (hold === 'true')
            await client.query(`select lethe.hold_table('a test', 'host.people', controller => 'north')`)
          else if (hold)
            await client.query(`select lethe.hold_rows('a test', 'host.people', $1, controller => 'north')`, [
              hold,
            ])
          for (const one of list)
            if (one.owner === 1 && (hold === 'true' || (hold && one.score === 2)))
              held.add(`host.people/${one.id}`)

          const lines = await rowsOf<Line>(client, 'select * from lethe.forecast()')
          const actionOf = (column: string): string => (column === 'v' ? 'purge' : 'anonymize')
          const counts = comingUp([table], state, held, acting, actionOf)
          const bare = { ...table, minima: [], columnMinima: {} }
          if (JSON.stringify(counts) !== JSON.stringify(comingUp([bare], state, held, acting, actionOf)))
            keptLonger++
          for (const controller of acting) {
            const own = lines.filter((line) => line.controller === controller.name)
            for (const { rule, by_day } of own) {
              const days = counts[`${controller.name} host.people ${rule}`] ?? {}
              expect([rule, by_day.map(Number)]).toEqual([rule, by_day.map((_, day) => days[day] ?? 0)])
            }
            // Rows that leave take their columns along, so that only their purge goes on growing.
            const growing = own.filter(({ rule }) => people.purge === undefined || rule === 'purge')
            const changes = growing.flatMap(({ by_day }) =>
              by_day.flatMap((n, day) => (day > 0 && Number(n) > 0 ? [day] : [])),
            )
            // The first, one in the middle and the last of them, with the day before.
            const some = [changes[0], changes[changes.length >> 1], changes.at(-1)].flatMap((day) =>
              day === undefined ? [] : [day - 1, day],
            )
            const days = [...new Set([0, 365, ...some])]
            for (const day of days) {
              const then = await planned(controller, day)
              for (const { rule, by_day, held: heldRows } of growing) {
                const [due, heldThen] = then.get(rule)!
                expect([rule, day, due]).toEqual([rule, day, sum(by_day.slice(0, day + 1).map(Number))])
                if (day === 365) expect([rule, Number(heldRows)]).toEqual([rule, heldThen])
              }
            }
          }
        })
      }),
      { seed: 51, numRuns: 12 },
    )
    expect(taken).toBeGreaterThan(6)
    expect(keptLonger).toBeGreaterThan(3)
  })
})
