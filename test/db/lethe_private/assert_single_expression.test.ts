import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../../helpers/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

const check = (expression: string | null) =>
  db.query('select lethe_private.assert_single_expression($1)', [expression])

it.each([
  "status = 'closed'",
  "grade = 'E'",
  "price = '$5'",
  `a = 'it''s; -- (' and "odd ""name;" = 1`,
  'x[1] > (2 + 3)',
  "note like '%;%'",
  "a ~ '^\\d+$'",
  'true',
])('lets %s pass', async (expression) => {
  await check(expression)
})

it.each([
  '',
  ' \n',
  null,
  'a; b',
  'a -- b',
  'a /* b */',
  'a)(',
  '(a',
  'a]',
  "a = 'open",
  'a = "open',
  "a = E'x'",
  "a = e'x'",
  "a = U&'x'",
  'U&"x" = 1',
  'a = $$x$$',
  'a = $1',
  "a = 'x''",
  'true) or (true',
  "'a' ; 'b'",
])('refuses %s (LE303)', async (expression) => {
  expect(await refusal(check(expression))).toMatchObject({ code: 'LE303' })
})

it('lets every literal and every quoted name pass, whatever they hold', async () => {
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom("'", '"', ';', '-', '/', '*', '(', ')', '$', 'E', 'a', ' ') }),
    fc.string({ unit: 'grapheme' }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 200, size: 'max' }), async (texts) => {
      const safe = texts.map((t) => t.replaceAll('\0', ''))
      const expressions = safe.map(
        (t) => `a = '${t.replaceAll("'", "''")}' and "${t.replaceAll('"', '""')}x" = 1`,
      )
      await db.query('select lethe_private.assert_single_expression(e) from unnest($1::text[]) as u (e)', [
        expressions,
      ])
    }),
    { numRuns: 20 },
  )
})
