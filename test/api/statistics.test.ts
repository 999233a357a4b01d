/**
 * `lethe_stats.new_readers` against an oracle that only knows who subscribed to what from where: whatever an
 * analyst adds up or takes from one another is a group of five or more.
 */
import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { issueToken } from '../helpers/api.ts'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'

const K = 5
const COUNTRIES = ['AA', 'BB', 'CC', 'DD', null] as const
const CONTACTS_PER_COUNTRY = 14

let db: TestDatabase
let client: pg.Client
let token: string

/** Contacts by country, made for this; titles of north. */
let contacts: number[][]
let titles: number[]

beforeAll(async () => {
  db = await createDatabase({ template: 'audience' })
  token = await issueToken(db, 'analyst', 'north')
  client = await db.connect()
  await client.query('delete from audience.subscriptions')
  contacts = []
  for (const [index, country] of COUNTRIES.entries()) {
    const { rows } = await client.query<{ id: number }>(
      `with a as (
         insert into audience.addresses (publisher_id, street, postcode, city, country)
         select 1, 's', 'p', 'c', $2::text where $2::text is not null returning id)
       insert into audience.contacts (publisher_id, address_id, email)
       select 1, (select id from a), format('%s-%s@statistics.example', $1::int, n) from generate_series(1, $3) as n
       returning id`,
      [index, country, CONTACTS_PER_COUNTRY],
    )
    contacts.push(rows.map(({ id }) => id))
  }
  titles = (
    await client.query<{ id: number }>('select id from audience.titles where publisher_id = 1 order by id')
  ).rows.map(({ id }) => id)
})
afterAll(() => db.drop())

interface Shown {
  title: string
  month: string
  country: string
  readers: number
}

/** How many readers of each country began to read a title in a month. */
type Cells = number[]
const MONTHS = ['2024-02', '2024-03']
const cells = fc.array(fc.oneof(fc.nat(7), fc.nat(CONTACTS_PER_COUNTRY)), {
  minLength: COUNTRIES.length,
  maxLength: COUNTRIES.length,
})
const world = fc.tuple(cells, cells)

async function shown(months: Cells[]): Promise<Shown[]> {
  await client.query('begin')
  try {
    let number = 1
    for (const [month, counts] of months.entries())
      for (const [country, n] of counts.entries()) {
        // Each reader twice: people are counted, not subscriptions.
        await client.query(
          `insert into audience.subscriptions (publisher_id, number, contact_id, title_id, starts_on)
           select 1, $1::bigint + 2 * n + twice, (($2::bigint[])[n]), $3, ($4 || '-01')::date + n::int + twice
           from generate_series(1, $5) as n, generate_series(0, 1) as twice`,
          [number, contacts[country], titles[0], MONTHS[month], n],
        )
        number += 2 * (n + 1)
      }
    await client.query(
      `select set_config('role', 'lethe_analyst', true), set_config('lethe.request', encode(sha256($1::bytea), 'hex'), true)`,
      [token],
    )
    return (
      await client.query<Shown>(
        `select title, to_char(month, 'YYYY-MM') as month, country, readers from lethe_stats.new_readers`,
      )
    ).rows
  } finally {
    await client.query('rollback')
  }
}

describe('lethe_stats.new_readers', () => {
  it('shows no group under five, and none that remains when what is shown is taken from a total', async () => {
    await fc.assert(
      fc.asyncProperty(world, async (months) => {
        const rows = await shown(months)
        for (const [index, counts] of months.entries()) {
          const own = rows.filter(({ month }) => month === MONTHS[index])
          for (const { readers } of own) expect(readers).toBeGreaterThanOrEqual(K)
          const named = new Map(own.map(({ country, readers }) => [country, readers]))
          expect(named.size).toBe(own.length)
          const nameless = counts
            .map((count, country) => ({ count, name: COUNTRIES[country] ?? 'unknown' }))
            .filter(({ count, name }) => count > 0 && !named.has(name))
          // What is shown under its own name is exact.
          for (const [country, count] of counts.entries()) {
            const name = COUNTRIES[country] ?? 'unknown'
            if (named.has(name)) expect(named.get(name)).toBe(count)
          }
          // The rest is one group of two countries at least, and of five people at least; or nothing is shown at all.
          const rest = nameless.reduce((sum, { count }) => sum + count, 0)
          if (named.has('other')) {
            expect(named.get('other')).toBe(rest)
            expect(nameless.length).toBeGreaterThanOrEqual(2)
          } else if (rest > 0) {
            expect(own).toEqual([])
            expect(rest).toBeLessThan(K)
          }
          // No more is kept back than must be: with no small country, all are shown.
          if (counts.every((count) => count === 0 || count >= K)) expect(nameless).toEqual([])
        }
      }),
      { numRuns: 60 },
    )
  })

  it('puts the next smallest country with a small one, though it is large enough', async () => {
    const rows = await shown([
      [3, 9, 12, 0, 0],
      [2, 2, 0, 0, 14],
    ])
    expect(rows.map(({ month, country, readers }) => [month, country, readers]).sort()).toEqual([
      ['2024-02', 'CC', 12],
      ['2024-02', 'other', 12],
      ['2024-03', 'other', 18],
    ])
    expect(
      await shown([
        [4, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
      ]),
    ).toEqual([])
  })

  it('is all that an analyst can read', async () => {
    const analyst = await db.asRole('lethe_analyst')
    await db.query(`select lethe.add_member($1, 'north')`, [new URL(analyst.url).username])
    expect(await analyst.query('select from lethe_stats.new_readers')).toEqual([])
    const readable = await analyst.query<{ object: string }>(`
      select c.oid::regclass::text as object from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
      where n.nspname ~ '^(audience|lethe)' and c.relkind in ('r', 'p', 'v', 'm')
        and (has_table_privilege(c.oid, 'select') or has_any_column_privilege(c.oid, 'select'))`)
    expect(readable).toEqual([{ object: 'lethe_stats.new_readers' }])
    expect((await refusal(analyst.query('select from audience_api.contacts'))).code).toBe('42501')
  })
})
