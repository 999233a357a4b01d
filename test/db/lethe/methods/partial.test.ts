import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../helpers/database.ts'
import { anyText, BATCHES, batchOf, brokenPromise, type Method, maskAll } from './masks.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

const partial = (start: number, end: number): Method => ({
  type: 'text',
  mask: `lethe.partial({value}, ${start}, ${end})`,
  recogniser: `lethe.is_partial({value}, ${start}, ${end})`,
})

/** The same, in another language: characters are code points. */
function oracle(value: string | null, start: number, end: number): string | null {
  if (value === null) return null
  const characters = [...value]
  const keepNothing = characters.length < 2 * (start + end)
  return characters
    .map((c, i) => (!keepNothing && (i < start || i >= characters.length - end) ? c : '*'))
    .join('')
}

it('keeps length, start and end of any text, and nothing of a short one', async () => {
  await fc.assert(
    fc.asyncProperty(batchOf(anyText), fc.nat(4), fc.nat(4), async (values, start, end) => {
      const rows = await maskAll(db, partial(start, end), values)
      expect(brokenPromise(rows)).toBeUndefined()
      expect(rows.map((row) => row.masked)).toEqual(values.map((value) => oracle(value, start, end)))
    }),
    BATCHES,
  )
})

it.each([
  ['Dupont', 1, 0, 'D*****'],
  ['D', 1, 0, '*'],
  ['', 1, 0, ''],
  ['Du', 1, 1, '**'],
  ['Dupo', 1, 1, 'D**o'],
  ['0612345678', 0, 2, '********78'],
  ['\u{1F600}\u{1F601}', 1, 0, '\u{1F600}*'],
])('makes %j with %i and %i kept %j', async (value, start, end, expected) => {
  const [row] = await maskAll(db, partial(start, end), [value])
  expect(row!.masked).toBe(expected)
})
