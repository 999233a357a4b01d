/** The three keyed methods: pseudonym, pseudonym_email, pseudonym_uuid. */
import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../helpers/database.ts'
import {
  anyText,
  BATCHES,
  batchOf,
  brokenPromise,
  HOSTILE_TEXT,
  type Method,
  maskAll,
  padsOf,
  padsSql,
} from './masks.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

const ONE = padsOf(randomBytes(32))
const OTHER = padsOf(randomBytes(32))

const pseudonym = (pads = ONE, length: number | null = null): Method => ({
  type: 'text',
  mask: `lethe.pseudonym({value}, ${padsSql(pads)}, ${length})`,
  recogniser: 'lethe.is_pseudonym({value})',
})
const email = (pads = ONE, length: number | null = null): Method => ({
  type: 'text',
  mask: `lethe.pseudonym_email({value}, ${padsSql(pads)}, ${length})`,
  recogniser: 'lethe.is_pseudonym_email({value})',
})
const uuid = (pads = ONE): Method => ({
  type: 'uuid',
  mask: `lethe.pseudonym_uuid({value}, ${padsSql(pads)})`,
  recogniser: 'lethe.is_pseudonym_uuid({value})',
})

describe.each([
  ['pseudonym', pseudonym, /^p-[0-9a-f]{32}$/, 10, 22],
  ['pseudonym_email', email, /^[0-9a-f]{32}@anonymized\.invalid$/, 27, 39],
] as const)('%s', (_name, method, shape, length_min, length_min_unique) => {
  it('keeps its promises for any text and any length limit it accepts', async () => {
    const anyLength = fc.option(fc.integer({ min: length_min, max: 80 }))
    await fc.assert(
      fc.asyncProperty(batchOf(anyText), anyLength, async (values, length) => {
        const rows = await maskAll(db, method(ONE, length), values)
        expect(brokenPromise(rows)).toBeUndefined()
        for (const { raw, masked } of rows) {
          if (raw === false && length) expect(masked!.length).toBeLessThanOrEqual(length)
          if (raw === false && !length) expect(masked).toMatch(shape)
        }
      }),
      BATCHES,
    )
  })

  it("is the HMAC of the exact value under the controller's key", async () => {
    for (const { value, masked } of await maskAll(db, method(), [
      'Bob@example.com',
      'bob@example.com',
      '\\é\u{1F600}',
    ])) {
      expect(masked).toContain(
        createHmac('sha256', ONE.key).update(value!, 'utf8').digest('hex').slice(0, 32),
      )
    }
  })

  it('gives the same for the same value, and another under another key', async () => {
    const values = HOSTILE_TEXT.slice(0, 30)
    const first = await maskAll(db, method(ONE), values)
    expect(await maskAll(db, method(ONE), values)).toEqual(first)
    const other = await maskAll(db, method(OTHER), values)
    expect(other.filter((row, i) => row.masked === first[i]!.masked)).toEqual([])
  })

  it.each([null, length_min_unique])(
    'gives 100,000 values 100,000 pseudonyms when the length limit is %s',
    async (length) => {
      const mask = method(ONE, length).mask.replace('{value}', `'Reader ' || i || '@example.com'`)
      const [row] = await db.query<{ n: number }>(
        `select count(distinct ${mask}) as n from generate_series(1, 100000) as i`,
      )
      expect(row!.n).toBe(100_000)
    },
  )

  it.each(['varchar', 'char'])('fits the shortest %s it accepts', async (type) => {
    const { mask, recogniser } = method(ONE, length_min)
    await db.query(`drop table if exists fits; create table fits (v ${type}(${length_min}))`)
    await db.query(`insert into fits select v::${type}(${length_min}) from unnest($1::text[]) as u (v)`, [
      HOSTILE_TEXT,
    ])
    await db.query(`update fits set v = ${mask.replace('{value}', 'v::text')}`)
    const [row] = await db.query(
      `select bool_and(${recogniser.replace('{value}', 'v::text')}) as all from fits`,
    )
    expect(row!.all).toBe(true)
  })
})

it('takes nothing but the exact shape for a pseudonym', async () => {
  const near = [
    'p-0123456',
    'P-01234567',
    'p-0123456g',
    'p-01234567\n',
    '\np-01234567',
    'p-01234567 ',
    `p-${'0'.repeat(33)}`,
    'xp-01234567',
    'p-0123456F',
  ]
  for (const row of await maskAll(db, pseudonym(), near))
    expect(row.raw, JSON.stringify(row.value)).toBe(false)
  const addresses = [
    '0123456@anonymized.invalid',
    `${'0'.repeat(33)}@anonymized.invalid`,
    '0123456g@anonymized.invalid',
    '01234567@anonymizedXinvalid',
    '01234567@anonymized.invalid\n',
    '\n01234567@anonymized.invalid',
    '01234567@anonymized.invalid.com',
    '01234567@ANONYMIZED.invalid',
    'é1234567@anonymized.invalid',
  ]
  for (const row of await maskAll(db, email(), addresses))
    expect(row.raw, JSON.stringify(row.value)).toBe(false)
})

describe('pseudonym_uuid', () => {
  it('keeps its promises for any uuid', async () => {
    const anyUuid = fc.oneof(
      fc.uuid(),
      fc.constantFrom(
        '00000000-0000-0000-0000-000000000000',
        'ffffffff-ffff-ffff-ffff-ffffffffffff',
        '01234567-89ab-8e7e-8e7e-0123456789ab',
        '01234567-89ab-8e7e-8e7f-0123456789ab',
      ),
    )
    await fc.assert(
      fc.asyncProperty(batchOf(anyUuid), async (values) => {
        expect(brokenPromise(await maskAll(db, uuid(), values))).toBeUndefined()
      }),
      BATCHES,
    )
  })

  it('is a version 8 uuid around 96 bits of the HMAC', async () => {
    const value = '8c1f0f0e-5a3b-4c1d-9e2f-0123456789ab'
    const [row] = await maskAll(db, uuid(), [value])
    const hash = createHmac('sha256', ONE.key).update(value).digest('hex')
    expect(row!.masked).toBe(`${hash.slice(0, 8)}-${hash.slice(8, 12)}-8e7e-8e7e-${hash.slice(20, 32)}`)
  })

  it('differs between keys, and gives 100,000 values 100,000 pseudonyms', async () => {
    const mask = (pads: typeof ONE) => uuid(pads).mask.replaceAll('{value}', 'u')
    const [row] = await db.query<{ n: number; same: number }>(`
      select count(distinct ${mask(ONE)}) as n, count(*) filter (where ${mask(ONE)} = ${mask(OTHER)}) as same
      from (select gen_random_uuid() as u from generate_series(1, 100000)) as x`)
    expect(row).toEqual({ n: 100_000, same: 0 })
  })

  it('takes no uuid of another version for one of its own', async () => {
    const [row] = await db.query<{ n: number }>(`
      select count(*) as n from (select gen_random_uuid() as u from generate_series(1, 100000)) as x where lethe.is_pseudonym_uuid(u)`)
    expect(row!.n).toBe(0)
  })
})
