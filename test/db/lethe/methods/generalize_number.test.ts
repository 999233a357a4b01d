import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../helpers/database.ts'
import { BATCHES, batchOf, brokenPromise, type Method, maskAll } from './masks.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

const generalize = (type: string, width: number): Method => ({
  type,
  mask: `lethe.generalize_number({value}, ${width})`,
  recogniser: `lethe.is_generalize_number({value}, ${width})`,
})
const anyWidth = fc.oneof(
  fc.integer({ min: 1, max: 1000 }),
  fc.constantFrom(65_536, 16_777_217, 2_147_483_647),
)

const whole = (bits: bigint) => {
  const max = 2n ** (bits - 1n) - 1n
  return fc
    .oneof(
      fc.bigInt({ min: -max - 1n, max }),
      fc.bigInt({ min: -2000n, max: 2000n }),
      fc.constantFrom(max, -max - 1n, 0n),
    )
    .map(String)
}
const double = fc.oneof(
  fc.double(),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.constantFrom(-0, 9007199254740991, -9007199254740994, 5e-324, 1.7e308),
)
const float = fc.oneof(
  fc.float(),
  fc.float({ min: -1e6, max: 1e6, noNaN: true }),
  fc.constantFrom(-0, 16777215, -16777217, 1.401298464324817e-45),
)
const VALUES: Record<string, fc.Arbitrary<string>> = {
  smallint: whole(16n),
  int: whole(32n),
  bigint: whole(64n),
  numeric: fc.oneof(
    whole(200n),
    double.map(String),
    fc.constantFrom('1e1000', '-1e-1000', '12345678901234567890.12345678901234567890', '-0.5'),
  ),
  real: float.map((n) => String(Math.fround(n))),
  'double precision': double.map(String),
}

describe.each(Object.keys(VALUES))('of %s', (type) => {
  it('keeps its promises for any value, the extreme and the infinite included', async () => {
    await fc.assert(
      fc.asyncProperty(batchOf(VALUES[type]!), anyWidth, async (values, width) => {
        const rows = await maskAll(db, generalize(type, width), values)
        expect(brokenPromise(rows)).toBeUndefined()
      }),
      BATCHES,
    )
  })
})

it('is the multiple of the width next to the value, towards zero', async () => {
  for (const [type, bits] of [
    ['smallint', 16n],
    ['int', 32n],
    ['bigint', 64n],
    ['numeric', 100n],
  ] as const) {
    await fc.assert(
      fc.asyncProperty(
        fc.array(whole(bits), { minLength: 1, maxLength: 300, size: 'max' }),
        fc.integer({ min: 1, max: 2_147_483_647 }),
        async (values, width) => {
          const rows = await maskAll(db, generalize(type, width), values)
          expect(rows.map((row) => row.masked)).toEqual(
            values.map((value) => String(BigInt(value) - (BigInt(value) % BigInt(width)))),
          )
        },
      ),
      BATCHES,
    )
  }
})

it('is the same for binary numbers as long as they are exact', async () => {
  const exact = fc.double({ min: -1e7, max: 1e7, noNaN: true })
  await fc.assert(
    fc.asyncProperty(
      fc.array(exact, { minLength: 1, maxLength: 300, size: 'max' }),
      fc.integer({ min: 1, max: 100_000 }),
      async (values, width) => {
        const rows = await maskAll(db, generalize('double precision', width), values.map(String))
        rows.forEach((row, i) => {
          expect(Number(row.masked) % width).toBeCloseTo(0, 10)
          expect(Math.abs(values[i]! - Number(row.masked))).toBeLessThan(width + 1e-6)
        })
      },
    ),
    BATCHES,
  )
})

it.each([
  ['int', '1234', 100, '1200'],
  ['int', '-1234', 100, '-1200'],
  ['smallint', '-32768', 7, '-32767'],
  ['numeric', '-1234.56', 100, '-1200.00'],
  ['numeric', 'NaN', 100, 'NaN'],
  ['numeric', 'Infinity', 100, 'Infinity'],
  ['real', '-0', 100, '0'],
  ['real', '1e30', 10, '1.677721e+07'],
  ['double precision', '-3', 10, '0'],
  ['double precision', '-Infinity', 10, '-Infinity'],
])('makes %s %s by %i %s', async (type, value, width, expected) => {
  const [row] = await maskAll(db, generalize(type, width), [value])
  expect(row!.masked).toBe(expected)
})
