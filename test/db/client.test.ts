import { type DatabasePool, sql } from 'slonik'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { openPool } from '../../src/db/client.ts'
import { toLetheError } from '../../src/db/errors.ts'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'

let db: TestDatabase
let pool: DatabasePool
beforeAll(async () => {
  db = await createDatabase({ template: 'empty' })
  pool = await openPool(db.url)
})
afterAll(async () => {
  await pool.end()
  await db.drop()
})

describe('the pool', () => {
  it('calls itself lethe', async () => {
    expect(await pool.oneFirst(sql.unsafe`select current_setting('application_name') as name`)).toBe('lethe')
  })

  it('gives numbers, days and instants in forms that print', async () => {
    const row = await pool.one(sql.unsafe`
      select 9007199254740991::int8 as big, count(*) as count, sum(7::int8) as sum, array[1::int8] as list,
        date '2024-02-29' as day, timestamp '2024-02-29 12:00' as local, 'infinity'::timestamptz as never,
        timestamptz '2024-02-29 12:00:00.5+01' as instant, interval '1 minute 1.5 seconds' as took`)
    expect(row).toEqual({
      big: 9007199254740991,
      count: 1,
      sum: 7,
      list: [1],
      day: '2024-02-29',
      local: '2024-02-29 12:00:00',
      never: 'infinity',
      instant: '2024-02-29T11:00:00.500Z',
      took: 61.5,
    })
  })

  it('refuses an integer that would lose a digit', async () => {
    await refusal(pool.one(sql.unsafe`select 9007199254740993::int8 as big`))
  })

  it('refuses a row that is not of its type', async () => {
    const ours = z.strictObject({ n: z.number() })
    expect(await pool.one(sql.type(ours)`select 1 as n`)).toEqual({ n: 1 })
    const thrown = await refusal(pool.one(sql.type(ours)`select 'ada@example.org' as n`))
    expect(toLetheError(thrown)).toMatchObject({ code: 'LE505', message: expect.not.stringContaining('ada') })
  })

  it('asks once: a statement that fails is not repeated behind our back', async () => {
    await db.query('create sequence asked')
    await refusal(pool.query(sql.unsafe`select nextval('asked'), 1 / 0`))
    expect(await db.query('select last_value as asked from asked')).toEqual([{ asked: 1 }])
  })
})
