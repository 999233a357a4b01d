import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../helpers/database.ts'
import { anyText, BATCHES, batchOf, HOSTILE_TEXT, padsOf } from './masks.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

async function hashes(values: readonly (string | null)[], key: Buffer): Promise<(string | null)[]> {
  const { inner, outer } = padsOf(key)
  const rows = await db.query<{ hash: string | null }>(
    `select encode(lethe.keyed_hash(v, $2, $3), 'hex') as hash from unnest($1::text[]) with ordinality as u (v, n) order by n`,
    [values, inner, outer],
  )
  return rows.map((row) => row.hash)
}

function hmac(value: string | null, key: Buffer): string | null {
  return value === null ? null : createHmac('sha256', key).update(value, 'utf8').digest('hex')
}

it('is HMAC-SHA-256 as Node computes it, for any text and key', async () => {
  const anyKey = fc.uint8Array({ minLength: 1, maxLength: 64 }).map((bytes) => Buffer.from(bytes))
  await fc.assert(
    fc.asyncProperty(batchOf(anyText), anyKey, async (values, key) => {
      expect(await hashes(values, key)).toEqual(values.map((value) => hmac(value, key)))
    }),
    BATCHES,
  )
})

it('agrees with Node on every hostile value', async () => {
  const key = randomBytes(32)
  expect(await hashes(HOSTILE_TEXT, key)).toEqual(HOSTILE_TEXT.map((value) => hmac(value, key)))
})

it('agrees with Node under the pads that Lethe makes of a key', async () => {
  const key = randomBytes(32)
  const [row] = await db.query<{ hash: string }>(
    `select encode(lethe.keyed_hash('a\\b', lethe_private.hmac_pad($1, 54), lethe_private.hmac_pad($1, 92)), 'hex') as hash`,
    [key],
  )
  expect(row!.hash).toBe(hmac('a\\b', key))
})

it("does not depend on the session's settings", async () => {
  const key = randomBytes(32)
  const { inner, outer } = padsOf(key)
  const client = await db.connect()
  await client.query(
    'set standard_conforming_strings = off; set bytea_output = escape; set backslash_quote = on',
  )
  const { rows } = await client.query(`select encode(lethe.keyed_hash($1, $2, $3), 'hex') as hash`, [
    "\\x41\\'",
    inner,
    outer,
  ])
  expect(rows[0].hash).toBe(hmac("\\x41\\'", key))
})
