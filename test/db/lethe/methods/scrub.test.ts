import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../helpers/database.ts'
import { anyText, BATCHES, batchOf, brokenPromise, HOSTILE_TEXT, type Method, maskAll } from './masks.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

const scrub = (length: number | null = null): Method => ({
  type: 'text',
  mask: `lethe.scrub({value}, ${length})`,
  recogniser: 'lethe.is_scrub({value})',
})

it('leaves no digit and no at sign of any text, within any length limit', async () => {
  const anyLength = fc.option(fc.integer({ min: 1, max: 60 }))
  await fc.assert(
    fc.asyncProperty(batchOf(anyText), anyLength, async (values, length) => {
      // A column never holds more than its limit.
      const fitting = values.map((value) =>
        value === null || length === null ? value : [...value].slice(0, length).join(''),
      )
      const rows = await maskAll(db, scrub(length), fitting)
      expect(brokenPromise(rows)).toBeUndefined()
      for (const { masked } of rows) {
        if (masked === null) continue
        expect(masked).not.toMatch(/[0-9@＠٠-٩۰-۹０-９]/)
        if (length) expect([...masked].length).toBeLessThanOrEqual(length)
      }
    }),
    BATCHES,
  )
})

it('finds addresses and numbers wherever they stand', async () => {
  const parts = fc.array(
    fc.oneof(fc.emailAddress(), fc.nat().map(String), fc.constantFrom('call', 'or', '\n', ':', 'née')),
    { maxLength: 8 },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(parts, { minLength: 1, maxLength: 100, size: 'max' }), async (texts) => {
      const rows = await maskAll(
        db,
        scrub(),
        texts.map((words) => words.join(' ')),
      )
      rows.forEach((row, i) => {
        for (const word of texts[i]!) if (/[@0-9]/.test(word)) expect(row.masked).not.toContain(word)
      })
    }),
    BATCHES,
  )
})

it.each(['varchar', 'char'])('fits every %s', async (type) => {
  for (const length of [1, 2, 5, 30]) {
    await db.query(`drop table if exists fits; create table fits (v ${type}(${length}))`)
    await db.query(`insert into fits select v::${type}(${length}) from unnest($1::text[]) as u (v)`, [
      HOSTILE_TEXT,
    ])
    await db.query(`update fits set v = lethe.scrub(v::text, ${length})`)
    const [row] = await db.query('select bool_and(lethe.is_scrub(v::text)) as all from fits')
    expect(row!.all).toBe(true)
  }
})

it.each([
  ['call +33 6 12 34 56 78 or bob@example.com.', 'call +[number] or [email]'],
  ['a1b22c', 'a[number]b[number]c'],
  ['nothing here', 'nothing here'],
  ['x@\ny@', '[email]\n[email]'],
  ['٠٦ bob＠x', '[number] [email]'],
])('makes %j %j', async (value, expected) => {
  const [row] = await maskAll(db, scrub(), [value])
  expect(row!.masked).toBe(expected)
})

it('takes time in proportion to the text', async () => {
  const million = [
    'a'.repeat(1_000_000),
    'a@'.repeat(500_000),
    '1 -'.repeat(333_333),
    `1${'-'.repeat(999_999)}`,
    `${'a '.repeat(500_000)}@`,
  ]
  const started = Date.now()
  await db.query('select length(lethe.scrub(v, null)) from unnest($1::text[]) as u (v)', [million])
  expect(Date.now() - started).toBeLessThan(10_000)
})
