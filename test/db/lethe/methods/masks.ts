/**
 * What the tests of methods share: values chosen to break them, keys, and one query that masks many
 * values twice and asks the recogniser about all three stages.
 */
import fc from 'fast-check'
import type { Login } from '../../../helpers/database.ts'

/** Text that tends to break masks. */
export const HOSTILE_TEXT: readonly string[] = [
  '',
  ' ',
  '\t',
  '\n',
  'a',
  'é',
  '\u{1F600}',
  'e\u0301',
  '\u0301',
  '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}',
  '\uFEFF',
  '\u00A0',
  '*',
  '**',
  '*****',
  "'",
  "''",
  '"',
  '\\',
  '\\\\',
  '\\x41',
  '\\n',
  '\\101',
  "\\'",
  '%',
  '_',
  '{value}',
  '$1',
  '--',
  '/*',
  ';',
  'a\nb',
  'a\r\nb\n',
  '\na',
  'p-',
  'p-0',
  'p-01234567',
  'p-0123456789abcdef0123456789abcdef',
  'p-01234567\n',
  'p-ABCDEF01',
  '@',
  '@@',
  'a@',
  '@b',
  'a@b',
  'bob@example.com',
  'BOB@example.com',
  'bob@@example..com',
  '"b o b"@example.com',
  'bob＠example.com',
  '01234567@anonymized.invalid',
  '01234567@anonymized.invalid\n',
  'x\n01234567@anonymized.invalid',
  '@anonymized.invalid',
  '0',
  '0612345678',
  '+33 (0)6 12-34.56/78',
  '٠٦١٢',
  '１２３',
  '1e5',
  'NaN',
  'null',
  '[email]',
  '[number]',
  '[email] [number]',
  '1.2.3.4',
  '1.2.3.4\n',
  '01.2.3.4',
  '1.2.3',
  '1.2.3.4.5',
  '256.1.1.1',
  '1.2.3.4/24',
  '0.0.0.0',
  '::',
  '::1',
  ':::',
  '1::2::3',
  '::ffff:1.2.3.4',
  '::FFFF:1.2.3.4',
  '::1.2.3.4',
  'fe80::1%eth0',
  '1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:7::',
  '1:2:3:4:5:6:7:8:9',
  '12345::',
  '2001:DB8::1',
  'x'.repeat(10_000),
  '9'.repeat(10_000),
  'a@'.repeat(5_000),
  '*'.repeat(10_000),
  ':'.repeat(10_000),
  'é'.repeat(5_000),
]

const storable = (text: string): string => text.replaceAll('\0', '')

/** Any text that PostgreSQL can store, and often a hostile one. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXT),
  fc.string({ unit: 'binary' }).map(storable),
  fc.string({ unit: 'grapheme' }).map(storable),
  fc
    .array(fc.constantFrom(...HOSTILE_TEXT.filter((text) => text.length < 40)), { maxLength: 4 })
    .map((parts) => parts.join('')),
  fc.emailAddress(),
)

/** A batch of values, nulls among them: one query tests them all. */
export function batchOf<T>(value: fc.Arbitrary<T>): fc.Arbitrary<(T | null)[]> {
  return fc.array(fc.option(value, { freq: 20 }), { minLength: 1, maxLength: 400, size: 'max' })
}

/** Runs of a property whose every run is a batch. */
export const BATCHES = { numRuns: 15 }

/** An HMAC key as the two pads that Lethe keeps. */
export interface Pads {
  key: Buffer
  inner: Buffer
  outer: Buffer
}

/** The pads of a key of at most 64 bytes. */
export function padsOf(key: Buffer): Pads {
  const block = Buffer.concat([key, Buffer.alloc(64 - key.length)])
  return {
    key,
    inner: Buffer.from(block.map((byte) => byte ^ 0x36)),
    outer: Buffer.from(block.map((byte) => byte ^ 0x5c)),
  }
}

/** A key as two literals, to stand where a template says {key}. */
export function padsSql({ inner, outer }: Pads): string {
  return `'\\x${inner.toString('hex')}'::bytea, '\\x${outer.toString('hex')}'::bytea`
}

/** A mask and its recogniser as SQL over `{value}`, and the type they are for. */
export interface Method {
  type: string
  mask: string
  recogniser: string
}

/** What became of one value, everything as text. */
export interface Masked {
  value: string | null
  masked: string | null
  again: string | null
  /** The recogniser about the value as it came. */
  raw: boolean | null
  /** The recogniser about the mask's output. */
  own: boolean | null
}

/** Masks each value, and masks the result again. */
export async function maskAll(
  db: Login,
  { type, mask, recogniser }: Method,
  values: readonly (string | null)[],
): Promise<Masked[]> {
  const of = (template: string, value: string) => template.replaceAll('{value}', value)
  return await db.query<Masked>(
    `select one.v::text as value, two.v::text as masked, (${of(mask, 'two.v')})::text as again,
       ${of(recogniser, 'one.v')} as raw, ${of(recogniser, 'two.v')} as own
     from unnest($1::text[]) with ordinality as given (v, n)
     cross join lateral (select given.v::${type} as v offset 0) as one
     cross join lateral (select ${of(mask, 'one.v')} as v offset 0) as two
     order by given.n`,
    [values],
  )
}

/** What every method promises about every value. @returns the sentence that is not kept, with its row. */
export function brokenPromise(rows: readonly Masked[]): { promise: string; row: Masked } | undefined {
  for (const row of rows) {
    if (row.value === null && row.masked !== null) return { promise: 'NULL stays NULL', row }
    if (row.value === null && row.raw === false) return { promise: 'NULL counts as masked', row }
    if (row.own === false || (row.own === null) !== (row.masked === null))
      return { promise: 'it recognises its own output', row }
    if (row.again !== row.masked) return { promise: 'masking twice is masking once', row }
    if (row.raw === true && row.masked !== row.value)
      return { promise: 'what looks masked is left alone', row }
    if (row.raw === false && row.masked === row.value)
      return { promise: 'the value itself never comes out', row }
  }
  return undefined
}
