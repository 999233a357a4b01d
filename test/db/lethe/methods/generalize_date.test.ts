import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../helpers/database.ts'
import { BATCHES, batchOf, brokenPromise, type Method, maskAll } from './masks.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

type Target = 'month' | 'year' | 'age_band'

const generalize = (type: string, to: Target, width: number): Method => ({
  type,
  mask: `lethe.generalize_date({value}, '${to}', ${width})`,
  recogniser: `lethe.is_generalize_date({value}, '${to}', ${width})`,
})

const anyTarget = fc.constantFrom<Target>('month', 'year', 'age_band')
const anyWidth = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constantFrom(1000, 2_147_483_647))
const EXTREMES: Record<string, string[]> = {
  date: [
    'infinity',
    '-infinity',
    '5874897-12-31',
    '4714-11-24 BC',
    '0001-12-31 BC',
    '0001-01-01',
    '0009-05-06',
    '2024-02-29',
  ],
  timestamp: [
    'infinity',
    '-infinity',
    '294276-12-31 23:59:59.999999',
    '4714-11-24 00:00:00 BC',
    '0001-01-01 00:00:00',
    '2024-02-29 23:59:59.999999',
  ],
  timestamptz: [
    'infinity',
    '-infinity',
    '294276-12-31 23:59:59.999999+00',
    '4714-11-24 00:00:00+00 BC',
    '0001-01-01 00:00:00+00',
    '1999-12-31 23:30:00-05',
  ],
}
const instant = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
})

/** First day, in UTC, of what the instant lies in, as YYYY-MM-DD. */
function oracle(value: Date, to: Target, width: number): string {
  const year = value.getUTCFullYear()
  const first = to === 'age_band' ? Math.max(1, Math.floor(year / width) * width) : year
  const month = to === 'month' ? value.getUTCMonth() + 1 : 1
  return `${String(first).padStart(4, '0')}-${String(month).padStart(2, '0')}-01`
}

describe.each(['date', 'timestamp', 'timestamptz'])('of a %s', (type) => {
  it('keeps its promises for any value, the extreme and the infinite included', async () => {
    const anyValue = fc.oneof(
      instant.map((date) => date.toISOString()),
      fc.constantFrom(...EXTREMES[type]!),
    )
    await fc.assert(
      fc.asyncProperty(batchOf(anyValue), anyTarget, anyWidth, async (values, to, width) => {
        const rows = await maskAll(db, generalize(type, to, width), values)
        expect(brokenPromise(rows)).toBeUndefined()
      }),
      BATCHES,
    )
  })

  it('is the first day of the month, the year or the band', async () => {
    const client = await db.connect()
    await client.query(`set time zone 'UTC'`)
    await fc.assert(
      fc.asyncProperty(
        fc.array(instant, { minLength: 1, maxLength: 400, size: 'max' }),
        anyTarget,
        fc.integer({ min: 1, max: 1000 }),
        async (dates, to, width) => {
          const { rows } = await client.query<{ day: string }>(
            `select to_char(lethe.generalize_date(v::${type}, $2, $3), 'YYYY-MM-DD') as day from unnest($1::text[]) with ordinality as u (v, n) order by n`,
            [dates.map((date) => date.toISOString()), to, width],
          )
          expect(rows.map((row) => row.day)).toEqual(dates.map((date) => oracle(date, to, width)))
        },
      ),
      BATCHES,
    )
  })

  it('leaves infinite values as they are', async () => {
    for (const to of ['month', 'year', 'age_band'] as const) {
      const rows = await maskAll(db, generalize(type, to, 10), ['infinity', '-infinity'])
      expect(rows.map((row) => row.masked)).toEqual(['infinity', '-infinity'])
    }
  })
})

it("does not depend on the session's time zone", async () => {
  const client = await db.connect()
  const results = []
  for (const zone of ['UTC', 'Pacific/Kiritimati', 'America/St_Johns']) {
    await client.query(`set time zone '${zone}'`)
    const { rows } = await client.query<{ at: string; own: boolean }>(`
      select extract(epoch from lethe.generalize_date(v, 'month', 1))::text as at, lethe.is_generalize_date(lethe.generalize_date(v, 'month', 1), 'month', 1) as own
      from unnest('{2023-12-31 23:30:00+00,2024-01-01 00:30:00+00,2024-03-31 01:30:00+00}'::timestamptz[]) as v`)
    results.push(rows)
  }
  expect(results[1]).toEqual(results[0])
  expect(results[2]).toEqual(results[0])
})
