/** Time travel: what comes up on which day, against an oracle that asks of each day whether a row is due. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../../helpers/database.ts'
import { applyPolicy, fingerprint, rowsOf, type Session } from '../../helpers/engine.ts'
import { holdRows, loadShop, SHOP, SHOP_POLICY, SHOP_SQL, shopRows, someHeld } from '../../helpers/shop.ts'
import { type Delay, localDay } from '../../oracle/calendar.ts'
import { comingUp, type DayCounts, nonEmpty } from '../../oracle/forecast.ts'
import type { Controller, Held, State, Table } from '../../oracle/model.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(SHOP_SQL)
  await applyPolicy(db, SHOP_POLICY)
})
afterAll(() => db.drop())

interface Line {
  controller: string
  table_name: string
  rule: string
  due_today: number
  next_30_days: number
  next_365_days: number
  held: number
  by_day: string[]
  by_day_if: string[] | null
}

const forecast = (session: Session, whatIf: string[] | null = null): Promise<Line[]> =>
  rowsOf<Line>(session, 'select * from lethe.forecast(what_if => $1)', [whatIf])

const controllers = (): Controller[] =>
  [
    { name: 'north', zone: 'America/St_Johns' },
    { name: 'south', zone: 'Pacific/Apia' },
  ].map((one) => ({ ...one, today: localDay(Date.now(), one.zone) }))

const expected = (state: State, held: Held, whatIf?: (table: Table) => Table): DayCounts =>
  comingUp(
    SHOP.map((table) => whatIf?.(table) ?? table),
    state,
    held,
    controllers(),
    (column) => (column === 'email' ? 'anonymize' : column === 'phone' ? 'archive' : 'purge'),
  )

const found = (lines: Line[], key: 'by_day' | 'by_day_if'): DayCounts =>
  nonEmpty(
    Object.fromEntries(
      lines.map((line) => [
        `${line.controller} ${line.table_name} ${line.rule}`,
        Object.fromEntries(line[key]!.map((n, day) => [day, Number(n)]).filter(([, n]) => n! > 0)),
      ]),
    ),
  )

describe('a forecast', () => {
  it('is what one who waits a year would see, for every rule, controller and kind of clock', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 20, max: 120 }), async (seed, customers) => {
        const client = await db.connect()
        await client.query('begin')
        const today = new Date().toISOString().slice(0, 10)
        const state = shopRows(seed, customers, today)
        const held = someHeld(seed + 1, state, 8)
        await loadShop(client, state)
        await holdRows(client, held)
        const lines = await forecast(client)
        expect(found(lines, 'by_day')).toEqual(expected(state, held))
        for (const { by_day, due_today, next_30_days, next_365_days } of lines) {
          const days = by_day.map(Number)
          const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0)
          expect(days.length).toBe(366)
          expect([due_today, next_30_days, next_365_days]).toEqual([
            days[0],
            sum(days.slice(1, 31)),
            sum(days.slice(1)),
          ])
        }
        await client.query('rollback')
        await client.end()
      }),
      { numRuns: 6 },
    )
  })

  it('with another delay is what that delay would give, and leaves everything as it was', async () => {
    const state = shopRows(11, 200, new Date().toISOString().slice(0, 10))
    await loadShop(db, state)
    const tables = ['lethe.terms', 'lethe.rules', 'lethe.policy_changes', ...SHOP.map(({ name }) => name)]
    const before = await fingerprint(db, ...tables)
    const shorter =
      (months: number) =>
      (table: Table): Table =>
        table.name !== 'shop.orders'
          ? table
          : {
              ...table,
              archive: table.archive!.map((term) => ({
                ...term,
                after: { ...term.after, months: term.after.months - months },
              })),
              masks: {
                address: table.masks!.address!.map((term) => ({
                  ...term,
                  after: { months: 9, days: 0 } satisfies Delay,
                })),
              },
            }
    const lines = await forecast(db, ['shop.orders:archive=-P3M', 'shop.orders.address=P9M'])
    expect(found(lines, 'by_day')).toEqual(expected(state, new Set()))
    expect(found(lines, 'by_day_if')).toEqual(expected(state, new Set(), shorter(3)))
    expect(await fingerprint(db, ...tables)).toBe(before)
  })

  it('without a what-if writes nothing at all: it can be asked of a replica', async () => {
    const client = await db.connect()
    await client.query('begin read only')
    expect((await forecast(client)).length).toBeGreaterThan(10)
    await client.query('rollback')
    await client.end()
  })

  it.each([
    ['shop.orders.address', 'LE106'],
    ['shop.orders.address=3 months', 'LE106'],
    ['shop.orders.address=P3X', 'LE301'],
    ['shop.orders.address=-P9Y', 'LE301'],
    ['shop.orders=P3Y', 'LE107'],
    ['shop.orders:anonymize=P3Y', 'LE107'],
    ['shop.orders.nothing=P3Y', 'LE107'],
    ['shop.nothing=P3Y', 'LE102'],
  ])('refuses %s (%s)', async (whatIf, code) => {
    expect(await refusal(forecast(db, [whatIf]))).toMatchObject({ code })
    expect((await forecast(db, ['shop.orders:purge=+P3Y'])).length).toBeGreaterThan(10)
  })

  it('shows an officer its own controller alone, and nothing to one who acts for none', async () => {
    const officer = await db.asRole('lethe_officer')
    expect(await forecast(officer)).toEqual([])
    await db.query(`select lethe.add_member($1, 'south')`, [new URL(officer.url).username])
    expect(new Set((await forecast(officer)).map(({ controller }) => controller))).toEqual(new Set(['south']))
    expect(await refusal(officer.query(`select * from lethe.forecast('east')`))).toMatchObject({
      code: 'LE101',
    })
  })

  it('reads a table once for all of its rules', async () => {
    const client = await db.connect()
    await client.query('begin')
    const scans = `select seq_scan + coalesce(idx_scan, 0) as n from pg_stat_xact_all_tables where relid = 'shop.tickets'::regclass`
    const [before] = await rowsOf<{ n: number }>(client, scans)
    await client.query(`select from lethe.forecast('north')`)
    const [after] = await rowsOf<{ n: number }>(client, scans)
    expect(after!.n - before!.n).toBe(1)
    await client.query('rollback')
    await client.end()
  })
})
