import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { parsePolicy } from '../../src/policy/read.ts'
import { toYaml } from '../../src/policy/write.ts'

const demo = await readFile(new URL('../../sql/audience/policy.yaml', import.meta.url), 'utf8')
const { policy } = parsePolicy(demo, 'policy.yaml')

/** The same value with the keys of every mapping turned round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  )
}

it('writes a policy that reads back the same', () => {
  expect(parsePolicy(toYaml(policy), 'again.yaml').policy).toEqual(policy)
})

it('writes the same text whatever the order of the keys', () => {
  expect(toYaml(reversed(policy))).toBe(toYaml(policy))
})

it('writes the keys in the order of the format and terms on one line', () => {
  const yaml = toYaml(policy)
  expect(yaml.match(/^\w+(?=:)/gm)).toEqual([
    'version',
    'controllers',
    'subjects',
    'tables',
    'overrides',
    'views',
  ])
  expect(yaml).toContain(
    '          - {purpose: billing, after: P5Y, since: last_purchase_on, using: pseudonym_email}\n',
  )
  expect(yaml).toContain('  lethe_stats.new_readers: {shows: figures, counts: readers}\n')
  expect(Math.max(...yaml.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110)
})

it('quotes what would be read as something else', () => {
  const odd = {
    version: 1,
    controllers: {
      a: { time_zone: 'UTC', reference: '1' },
      b: { time_zone: 'UTC', reference: 'no' },
      c: { time_zone: 'UTC', reference: ' x: #' },
    },
    tables: {
      'S."T: x"': {
        columns: { yes: { anonymize: { after: 'P1D', using: { method: 'constant', value: 'null' } } } },
      },
    },
  }
  expect(parsePolicy(toYaml(odd), 'odd.yaml').policy).toEqual(odd)
})
