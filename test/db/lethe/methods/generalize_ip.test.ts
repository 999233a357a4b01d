import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../helpers/database.ts'
import { anyText, BATCHES, batchOf, brokenPromise, HOSTILE_TEXT, type Method, maskAll } from './masks.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

const generalize = (type: string, v4 = 24, v6 = 48): Method => ({
  type,
  mask: `lethe.generalize_ip({value}, ${v4}, ${v6})`,
  recogniser: `lethe.is_generalize_ip({value}, ${v4}, ${v6})`,
})
const anyV4 = fc.integer({ min: 0, max: 31 })
const anyV6 = fc.integer({ min: 0, max: 64 })
const v4Address = fc.ipV4()
const v6Address = fc
  .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(7), fc.nat(4))
  .map(([bytes, from, zeros]) => {
    const groups = Array.from({ length: 8 }, (_, i) =>
      (i >= from && i < from + zeros ? 0 : bytes[2 * i]! * 256 + bytes[2 * i + 1]!).toString(16),
    )
    return groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::')
  })

/** True when the address lies in the network, by Node's own reckoning. */
function holds(network: string, bits: number, address: string): boolean {
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(network, bits, family)
  return list.check(address, family)
}

describe.each(['inet', 'cidr'])('of %s', (type) => {
  it('keeps its promises for any address', async () => {
    const mask = type === 'inet' ? '' : '/32'
    const anyAddress = fc.oneof(
      v4Address.map((ip) => ip + mask),
      v6Address,
      fc.constantFrom('0.0.0.0/0', '10.0.0.0/8', '::/0', '2001:db8::/32', '::ffff:1.2.3.4'),
    )
    await fc.assert(
      fc.asyncProperty(batchOf(anyAddress), anyV4, anyV6, async (values, v4, v6) => {
        expect(brokenPromise(await maskAll(db, generalize(type, v4, v6), values))).toBeUndefined()
      }),
      BATCHES,
    )
  })
})

it('is the network that holds the address', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(v4Address, v6Address), { minLength: 1, maxLength: 200, size: 'max' }),
      anyV4,
      anyV6,
      async (values, v4, v6) => {
        for (const [i, { masked }] of (await maskAll(db, generalize('inet', v4, v6), values)).entries()) {
          const [network, bits] = masked!.split('/')
          expect(Number(bits)).toBe(isIP(values[i]!) === 4 ? v4 : v6)
          expect(holds(network!, Number(bits), values[i]!)).toBe(true)
        }
      },
    ),
    BATCHES,
  )
})

describe('of text', () => {
  it('keeps its promises for any text', async () => {
    await fc.assert(
      fc.asyncProperty(
        batchOf(fc.oneof(anyText, v4Address, v6Address)),
        anyV4,
        anyV6,
        async (values, v4, v6) => {
          expect(brokenPromise(await maskAll(db, generalize('text', v4, v6), values))).toBeUndefined()
        },
      ),
      BATCHES,
    )
  })

  it('is the first address of the network that holds the address', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(v4Address, v6Address), { minLength: 1, maxLength: 200, size: 'max' }),
        anyV4,
        anyV6,
        async (values, v4, v6) => {
          for (const [i, { masked }] of (await maskAll(db, generalize('text', v4, v6), values)).entries()) {
            expect(isIP(masked!), `${values[i]} ${masked}`).toBe(isIP(values[i]!))
            expect(holds(masked!, isIP(masked!) === 4 ? v4 : v6, values[i]!)).toBe(true)
          }
        },
      ),
      BATCHES,
    )
  })

  it('is 0.0.0.0 for everything that is no address', async () => {
    const addresses = new Set([
      '1.2.3.4',
      '0.0.0.0',
      '::',
      '::1',
      '::ffff:1.2.3.4',
      '::FFFF:1.2.3.4',
      '1:2:3:4:5:6:7:8',
      '2001:DB8::1',
      '',
    ])
    const rest = HOSTILE_TEXT.filter((text) => !addresses.has(text))
    for (const row of await maskAll(db, generalize('text'), rest))
      expect(row.masked, JSON.stringify(row.value)).toBe('0.0.0.0')
  })

  it('fits varchar(15), whatever fitted before', async () => {
    await db.query('create table fits (v varchar(15))')
    await db.query('insert into fits select v::varchar(15) from unnest($1::text[]) as u (v)', [
      [...HOSTILE_TEXT, '::ffff:ffff', '255.255.255.255', '1::', 'a:b:c:d:e::'],
    ])
    await db.query('update fits set v = lethe.generalize_ip(v::text, 31, 64)')
    const [row] = await db.query('select bool_and(lethe.is_generalize_ip(v::text, 31, 64)) as all from fits')
    expect(row!.all).toBe(true)
  })
})

it.each([
  ['inet', '192.0.2.77', '192.0.2.0/24'],
  ['inet', '10.1.2.3/8', '10.0.0.0/8'],
  ['inet', '2001:db8:1:2::1', '2001:db8:1::/48'],
  ['cidr', '192.0.2.128/25', '192.0.2.0/24'],
  ['text', '192.0.2.77', '192.0.2.0'],
  ['text', '2001:DB8:1:2::1', '2001:db8:1::'],
  ['text', '::ffff:192.0.2.77', '192.0.2.0'],
  ['text', '192.0.2.77, 10.0.0.1', '0.0.0.0'],
])('makes %s %s %s', async (type, value, expected) => {
  const [row] = await maskAll(db, generalize(type), [value])
  expect(row!.masked).toBe(expected)
})
