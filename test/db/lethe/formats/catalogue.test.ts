/** Each format of the catalogue on values chosen to break it, against an oracle that knows no SQL. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../helpers/database.ts'
import { type FormatOracle, OTHER_FORMATS, type Parameters, TEXT_FORMATS } from '../../../oracle/formats.ts'
import { anyText, batchOf } from '../methods/masks.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query('create extension if not exists citext')
})
afterAll(() => db.drop())

interface Format {
  name: string
  kind: string
  types: string[]
  reduction: string | null
  parameters: Record<string, { default: number; enum?: number[]; minimum?: number; maximum?: number }>
  examples: string[]
}

/** What a format makes of a value, as text. */
interface Judged {
  value: string | null
  known: boolean | null
  reduced: string | null
  reduced_known: boolean | null
  again: string | null
}

const formats = (): Promise<Format[]> => db.query<Format>('select * from lethe.formats order by name, kind')

/** Everything at its default, at its least, at its most, and each word of a list. */
function parameterSets({ parameters }: Format): Parameters[] {
  const sets: Parameters[] = ['default', 'minimum', 'maximum'].map((edge) =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, spec]) => [
        name,
        (spec as unknown as Record<string, number>)[edge] ?? spec.default,
      ]),
    ),
  )
  for (const [name, spec] of Object.entries(parameters))
    for (const one of spec.enum ?? []) sets.push({ ...sets[0], [name]: one })
  return [...new Map(sets.map((set) => [JSON.stringify(set), set])).values()]
}

/** The host's statements, over an array of values: known, reduced, and both once more. */
async function judge(
  format: Format,
  type: string,
  parameters: Parameters,
  values: (string | null)[],
): Promise<Judged[]> {
  const [filled] = await db.query<{
    known: string
    reduction: string
    value: string
    reduced: string
    base: string
  }>(
    `select lethe_private.fill_format(f.recogniser, '{value}', t.base, $3) as known,
       coalesce(lethe_private.fill_format(f.reduction, '{value}', t.base, $3), 'null') as reduction,
       lethe_private.format_value('', 'value', t.base, f.kind) as value,
       lethe_private.format_value('', 'reduced', t.base, f.kind) as reduced, t.base
     from lethe.formats as f, format_type(to_regtype($4), -1) as t (base)
     where f.name = $1 and f.kind = $2`,
    [format.name, format.kind, JSON.stringify(parameters), type],
  )
  const { known, reduction, value, reduced, base } = filled!
  const over = (template: string, column: string): string => template.replaceAll('{value}', column)
  const step = (column: string): string =>
    `case when ${over(known, column)} then ${column === value ? 'value' : 'reduced'} else (${over(reduction, column)})::${base} end`
  return db.query<Judged>(
    `with given as (select v::${base} as value, n from unnest($1::text[]) with ordinality as x (v, n)),
       once as materialized (select *, ${over(known, value)} as known, ${step(value)} as reduced from given)
     select value::text, known, reduced::text, ${over(known, reduced)} as reduced_known, (${step(reduced)})::text as again
     from once order by n`,
    [values],
  )
}

const digits = fc.integer({ min: 0, max: 9999 })
const two = fc
  .oneof(fc.integer({ min: 0, max: 14 }), fc.integer({ min: 26, max: 33 }))
  .map((n) => String(n).padStart(2, '0'))
const separated = fc
  .tuple(
    fc.constantFrom('', ' ', '\t\n'),
    digits.map((n) => String(n).padStart(4, '0')),
    two,
    two,
    fc.constantFrom('', ' ', 'T12:00:00Z', ' 12:00', 'x', '\n'),
  )
  .map(([before, year, month, day, after]) => `${before}${year}-${month}-${day}${after}`)
const partial = fc.oneof(
  fc.tuple(two, two).map(([month, day]) => `--${month}-${day}`),
  fc.tuple(digits, two).map(([year, month]) => `${String(year).padStart(4, '0')}-${month}`),
  fc.integer({ min: 0, max: 12_000 }).map(String),
  fc.integer({ min: 0, max: 120 }).map((age) => ` ${age} `),
  fc
    .tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 99 }))
    .map(([from, to]) => `${from}-${to}`),
  fc.constantFrom(
    '90+',
    '0-9',
    '80-89',
    '05-09',
    '--02-29',
    '--02-30',
    '--04-31',
    '1900-02-29',
    '90-99',
    '٣٤',
    '３４',
  ),
)
const codes = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'0159AZaz -+(/).\n\u{1F600}é\u202E'), maxLength: 14 }),
  fc.constantFrom(
    'SW1A 1AA',
    '75008',
    '1234-567',
    '75 008 Paris 8',
    '+33 6 12 34 56 78',
    '0033612',
    '+',
    '(0)1',
  ),
)
const groups = fc.oneof(
  fc.constantFrom('0', '0000', 'ffff', 'FFFF', '1', 'abcd'),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 1, maxLength: 5 }),
)
const addresses = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.ipV4().map((v4) => `::ffff:${v4}`),
  fc.ipV4().map((v4) => `::FFFF:${v4}`),
  fc.array(groups, { minLength: 1, maxLength: 8 }).map((all) => all.join(':')),
  fc
    .tuple(fc.array(groups, { maxLength: 5 }), fc.array(groups, { maxLength: 3 }))
    .map(([a, b]) => `${a.join(':')}::${b.join(':')}`),
  fc.constantFrom(
    '192.0.2.0',
    '192.0.2.077',
    '256.1.1.1',
    '1.2.3.4\n',
    '::',
    '2001:db8:1::',
    'fe80::1%eth0',
    '1.2.3.4/24',
    '::ffff:1',
  ),
)
const hashes = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'0123456789abcdefA'), minLength: 62, maxLength: 66 }),
  fc.constantFrom('a'.repeat(64), `${'a'.repeat(64)}\n`, 'A'.repeat(64), 'ada@example.org'),
)
const texts = fc.oneof(anyText, separated, partial, codes, addresses, hashes)
const days = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10))

const VALUES: Record<string, fc.Arbitrary<string>> = {
  text: texts,
  date: fc.oneof(
    days,
    days.map((day) => `1604${day.slice(4).replace('-02-29', '-02-28')}`),
    days.map((day) => `${day.slice(0, 4)}-01-01`),
  ),
  integer: fc.oneof(fc.integer({ min: -200, max: 200 }), fc.integer({ min: -32768, max: 32767 })).map(String),
}

const UNORACLED: Record<string, fc.Arbitrary<string>> = {
  inet: fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.tuple(fc.ipV4(), fc.nat(32)).map(([ip, bits]) => `${ip}/${bits}`),
    fc.constantFrom('::ffff:192.0.2.1', '10.1.2.3/8', '::/0'),
  ),
  cidr: fc.oneof(
    fc.ipV4().map((ip) => `${ip}/32`),
    fc.ipV6(),
    fc.constantFrom('10.0.0.0/8', '::/0', '2001:db8::/32'),
  ),
  numeric: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.constantFrom('NaN', 'Infinity', '-48.8566'),
  ),
  float: fc.oneof(
    fc.float({ min: Math.fround(-180), max: 180, noNaN: true }).map(String),
    fc.constantFrom('NaN', '-Infinity', '3e38', '1e-38', '-48.8566'),
  ),
  bytea: fc
    .uint8Array({ minLength: 30, maxLength: 33 })
    .map((bytes) => `\\x${Buffer.from(bytes).toString('hex')}`),
  date: fc.constantFrom(
    'infinity',
    '-infinity',
    '4714-11-24 BC',
    '0044-03-15 BC',
    '5874897-12-31',
    '10000-02-29',
    '1604-02-29',
  ),
}

/** What holds whatever the format is. */
function expectPromises({ reduction }: Format, judged: Judged[]): void {
  for (const { value, known, reduced, reduced_known, again } of judged) {
    if (value === null) expect({ known, reduced }).toEqual({ known: null, reduced: null })
    else if (known) expect({ value, reduced, again }).toEqual({ value, reduced: value, again: value })
    else {
      expect(known, value).toBe(false)
      if (reduction === null) expect(reduced).toBeNull()
      // What is richer never survives as it is; what it became is in the format, and stays.
      expect(reduced, value).not.toBe(value)
      if (reduced !== null)
        expect({ value, reduced_known, again }).toEqual({ value, reduced_known: true, again: reduced })
    }
  }
}

function expectOracle(oracle: FormatOracle, parameters: Parameters, judged: Judged[]): void {
  const expected = judged.map(({ value }) =>
    value === null
      ? { value, known: null, reduced: null }
      : {
          value,
          known: oracle.knows(value, parameters),
          reduced: oracle.knows(value, parameters) ? value : oracle.reduce(value, parameters),
        },
  )
  expect(judged.map(({ value, known, reduced }) => ({ value, known, reduced }))).toEqual(expected)
}

const RUNS = { numRuns: 6 }

describe('each format', () => {
  it('over text knows and reduces what the oracle does, null and hostile text included, on every text type', async () => {
    const rows = (await formats()).filter(({ kind }) => kind === 'text')
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(TEXT_FORMATS).sort())
    for (const format of rows)
      for (const parameters of parameterSets(format))
        for (const type of format.types)
          await fc.assert(
            fc.asyncProperty(batchOf(texts), async (values) => {
              const judged = await judge(format, type, parameters, [...values, ...format.examples])
              expectPromises(format, judged)
              expectOracle(TEXT_FORMATS[format.name]!, parameters, judged)
            }),
            RUNS,
          )
  }, 120_000)

  it('over days and whole numbers does what the oracle does', async () => {
    const rows = (await formats()).filter(({ name, kind }) => `${name} ${kind}` in OTHER_FORMATS)
    expect(rows).toHaveLength(Object.keys(OTHER_FORMATS).length)
    for (const format of rows)
      for (const parameters of parameterSets(format))
        for (const type of format.types)
          await fc.assert(
            fc.asyncProperty(batchOf(VALUES[format.kind]!), async (values) => {
              const judged = await judge(format, type, parameters, values)
              expectPromises(format, judged)
              expectOracle(OTHER_FORMATS[`${format.name} ${format.kind}`]!, parameters, judged)
            }),
            RUNS,
          )
  }, 120_000)

  it('over every other type is total, idempotent, and recognises what it makes', async () => {
    for (const format of (await formats()).filter(({ kind }) => kind in UNORACLED))
      for (const parameters of parameterSets(format))
        for (const type of format.types)
          await fc.assert(
            fc.asyncProperty(batchOf(UNORACLED[format.kind]!), async (values) => {
              expectPromises(format, await judge(format, type, parameters, values))
            }),
            RUNS,
          )
  }, 120_000)

  it('reads its examples as richer values, and reduces them where it reduces at all', async () => {
    for (const format of await formats())
      for (const type of format.types.filter((name) => name !== 'int2')) {
        const judged = await judge(format, type, parameterSets(format)[0]!, format.examples)
        for (const { value, known, reduced } of judged) {
          expect({ format: format.name, value, known }).toMatchObject({ known: false })
          expect(reduced === null, `${format.name}: ${value}`).toBe(format.reduction === null)
        }
      }
  })

  it('takes as many characters as it says, at the most', async () => {
    for (const format of (await formats()).filter(({ kind }) => kind === 'text')) {
      const [row] = await db.query<{ length_max: number }>(
        `select length_max from lethe.formats where name = $1 and kind = 'text'`,
        [format.name],
      )
      for (const parameters of parameterSets(format)) {
        const most = row!.length_max + (parameters.keep ?? 0)
        // Version 6 networks are longer than the column of version 4 addresses that 15 characters are.
        const values = [...format.examples, ...Array.from({ length: 120 }, (_, age) => String(age))]
        const judged = await judge(format, 'text', parameters, values)
        expect(Math.max(...judged.map(({ reduced }) => reduced?.length ?? 0))).toBeLessThanOrEqual(most)
      }
    }
  })

  it('calls nothing but immutable functions of PostgreSQL', async () => {
    for (const format of await formats())
      for (const parameters of parameterSets(format)) {
        const [{ known, reduction } = { known: '', reduction: '' }] = await db.query<{
          known: string
          reduction: string
        }>(
          `select lethe_private.fill_format(f.recogniser, 'value', f.types[1], $3) as known,
             coalesce(lethe_private.fill_format(f.reduction, 'value', f.types[1], $3), 'null') as reduction
           from lethe.formats as f where f.name = $1 and f.kind = $2`,
          [format.name, format.kind, JSON.stringify(parameters)],
        )
        expect(`${known} ${reduction}`).not.toMatch(/lethe|\\|\{[a-z]/)
        // PostgreSQL itself refuses anything else in an index.
        await db.query(`create table public.immutable (value ${format.types[0]})`)
        await db.query(
          `create index on public.immutable ((1)) where (${known}) and (${reduction}) is not null`,
        )
        await db.query('drop table public.immutable')
      }
  })
})
