/** What holds for all methods alike: their rows in lethe.methods, and how PostgreSQL runs them. */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Login, type TestDatabase } from '../../../helpers/database.ts'
import {
  BATCHES,
  batchOf,
  brokenPromise,
  HOSTILE_TEXT,
  type Method,
  maskAll,
  padsOf,
  padsSql,
} from './masks.ts'
import { TRIALS, type Trial } from './trials.ts'

interface Row {
  name: string
  mask: string
  recogniser: string
  type_categories: string[]
  output: string
  keeps_unique: boolean
  keyed: boolean
  nulls_out: boolean
  length_min: number | null
  length_min_unique: number | null
  parameters: Record<
    string,
    { type: string; default?: unknown; enum?: unknown[]; minimum?: number; maximum?: number }
  >
}

/** Types as pg_type names them, as people do. */
const TYPE_NAMES: [string, string][] = [
  ['int2', 'smallint'],
  ['int4', 'int'],
  ['int8', 'bigint'],
  ['float4', 'real'],
  ['float8', 'double precision'],
  ['bpchar', 'char'],
  ['_text', 'text[]'],
  ['_varchar', 'varchar[]'],
]

/** Text limits that a method must live with: its own least, and common ones. */
const LIMITS = [1, 2, 3, 5, 8, 14, 15, 20, 27, 34, 39, 60]
const MANY = 100_000
const KEEP_UNIQUE = [
  'pseudonym',
  'pseudonym_bytea',
  'pseudonym_email',
  'pseudonym_mailbox',
  'pseudonym_number',
  'pseudonym_uuid',
]

let db: TestDatabase
let writer: Login
let methods: Map<string, Row>
beforeAll(async () => {
  db = await createDatabase()
  writer = await db.asRole()
  methods = new Map(
    (await db.query<Row>('select * from lethe.methods where builtin')).map((row) => [row.name, row]),
  )
  await db.query(`
    create schema host;
    grant usage on schema host to public;
    create collation public.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`)
})
afterAll(() => db.drop())

/** {value} is the column's; a parameter of that name is written {constant}. */
const wordOf = (parameter: string) => (parameter === 'value' ? 'constant' : parameter)

/** Fills a template as the compiler does; `{value}` stays where the column is left out. */
function fill(template: string, { parameters }: Row, trial: Options, key: string, column = 'v'): string {
  const { type } = trial
  const words = new Map<string, string>([
    ['value', /^(varchar|char)\b[^[]*$/.test(type) ? `${column}::text` : column],
    ['type', type],
    ['length', /\((\d+)\)$/.exec(type)?.[1] ?? 'null::int'],
    ['key', key],
  ])
  for (const [name, { default: value = 'x' }] of Object.entries(parameters)) {
    const given = trial.parameters?.[name] ?? value
    words.set(wordOf(name), typeof given === 'string' ? `'${given}'` : String(given))
  }
  return template.replace(/\{(\w+)\}/g, (_, word: string) => words.get(word)!)
}

type Options = Pick<Trial, 'type' | 'parameters'>

const titleOf = ({ method, type, parameters }: Trial) =>
  `${method} over ${type}${parameters ? ` with ${JSON.stringify(parameters)}` : ''}`
const TITLED = TRIALS.map((trial): [string, Trial] => [titleOf(trial), trial])
const PADS = padsOf(randomBytes(32))

/** Mask and recogniser as the other tests of methods want them: over `{value}`. */
function methodOf(trial: Trial): Method {
  const row = methods.get(trial.method)!
  const of = (template: string) => fill(template, row, trial, padsSql(PADS), '{value}')
  return { type: trial.type, mask: of(row.mask), recogniser: of(row.recogniser) }
}

/** Cut to a limit as people's values are, without the blanks that char(n) drops. */
const cut = (text: string, limit: number) => [...text].slice(0, limit).join('').replace(/ +$/, '')

describe('lethe.methods', () => {
  it('has no method without a trial, on each of the types it names', () => {
    const named = new Map(TYPE_NAMES)
    for (const { name, type_categories } of methods.values()) {
      const tried = TRIALS.filter((trial) => trial.method === name).map(({ type }) =>
        type.replace(/\([\d,]+\)/, ''),
      )
      expect(tried, name).not.toEqual([])
      if (['suppress', 'constant'].includes(name)) continue
      for (const category of type_categories) {
        if (category === 'citext') continue // an extension's, which reads as text
        expect(tried, name).toContain(named.get(category) ?? category)
      }
    }
    expect(new Set(TRIALS.map(({ method }) => method))).toEqual(new Set(methods.keys()))
  })

  it('says of each what its templates need', () => {
    for (const method of methods.values()) {
      const words = new Set(
        [...`${method.mask} ${method.recogniser}`.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!),
      )
      expect(words.has('key'), method.name).toBe(method.keyed)
      for (const reserved of ['value', 'type', 'length', 'key']) words.delete(reserved)
      expect([...words].sort()).toEqual(Object.keys(method.parameters).map(wordOf).sort())
    }
  })

  it('counts as anonymous what nobody can trace back, and never what a key or a name can', () => {
    const anonymous = [...methods.values()].filter((m) => m.output === 'anonymous')
    expect(anonymous.map((m) => m.name).sort()).toEqual([
      'constant',
      'generalize_date',
      'generalize_ip',
      'generalize_mac',
      'generalize_number',
      'generalize_period',
      'generalize_postcode',
      'generalize_user_agent',
      'month_day',
      'redact_elements',
      'suppress',
    ])
    for (const { keyed, keeps_unique, output, name } of methods.values())
      if (keyed || keeps_unique) expect(output, name).toBe('pseudonymous')
  })

  it('declares defaults that its own limits allow', () => {
    for (const { parameters } of methods.values()) {
      for (const spec of Object.values(parameters)) {
        if (spec.default === undefined) continue
        if (spec.enum) expect(spec.enum).toContain(spec.default)
        if (spec.minimum !== undefined) expect(spec.default).toBeGreaterThanOrEqual(spec.minimum)
        if (spec.maximum !== undefined) expect(spec.default).toBeLessThanOrEqual(spec.maximum)
      }
    }
  })
})

describe.each(TITLED)('%s', (_title, trial) => {
  const filled = (part: 'mask' | 'recogniser', key = padsSql(PADS)) =>
    fill(methods.get(trial.method)![part], methods.get(trial.method)!, trial, key)

  if (trial.method !== 'suppress') {
    it('keeps its promises for any value', async () => {
      await fc.assert(
        fc.asyncProperty(batchOf(fitting(trial)), async (batch) => {
          // A constant takes the place of NULL too, if it is asked to; a cycle does not ask.
          const values = trial.method === 'constant' ? batch.filter((value) => value !== null) : batch
          expect(brokenPromise(await maskAll(db, methodOf(trial), values))).toBeUndefined()
        }),
        BATCHES,
      )
    })

    it('takes no original for masked, and leaves none as it was', async () => {
      for (const row of await maskAll(db, methodOf(trial), trial.originals)) {
        expect(row, row.value!).toMatchObject({ raw: false, own: true })
        expect(row.masked).not.toBe(row.value)
      }
    })
  }

  it('is opened up by the planner, in the select list and in the condition', async () => {
    await db.query(
      `drop table if exists public.probe; create table public.probe (clock date, v ${trial.type})`,
    )
    const plan = await db.query<{ 'QUERY PLAN': string }>(
      `explain (verbose, costs off) select ${filled('mask', '$1::bytea, $2::bytea')}
       from public.probe where not (${filled('recogniser', '$1::bytea, $2::bytea')}) and ($1::bytea is not null or $2::bytea is not null)`,
      [PADS.inner, PADS.outer],
    )
    const text = plan.map((row) => row['QUERY PLAN']).join('\n')
    expect(text).toContain('public.probe')
    expect(text).not.toMatch(/lethe\.|is_|generalize|pseudonym|partial\(|scrub|keyed/)
  })

  it('serves a partial index, which whoever writes to the table can keep', async () => {
    await db.query(`
      drop table if exists host.probe;
      create table host.probe (clock date, v ${trial.type});
      create index probe_due on host.probe (clock) where not (${filled('recogniser')});
      grant select, insert, update on host.probe to public`)
    await writer.query(`insert into host.probe values ('2000-01-01', null)`)
    await writer.query(`update host.probe set v = ${filled('mask')}`)
    const plan = await writer.query<{ 'QUERY PLAN': string }>(
      `set enable_seqscan = off; set enable_bitmapscan = off; explain (costs off) select from host.probe where clock < '2001-01-01' and not (${filled('recogniser')})`,
    )
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/Index (Only )?Scan using probe_due/)
  })
})

/** No longer than its column, which never holds more than its limit. */
function fitting({ type, values }: Trial): fc.Arbitrary<string> {
  const limit = /^(?:var)?char\((\d+)\)$/.exec(type)?.[1]
  return limit ? values.map((value) => cut(value, Number(limit))) : values
}

const OF_TEXT = TRIALS.filter(({ type }) => type === 'text' || type === 'text[]').map(
  (trial): [string, Trial] => [titleOf(trial), trial],
)

describe.each(OF_TEXT.filter(([, { type, method }]) => type === 'text' && method !== 'suppress'))(
  '%s',
  (_title, trial) => {
    it.each(['varchar', 'char'])(
      'stores what it makes in any %s it says it fits, and knows it again',
      async (type) => {
        const row = methods.get(trial.method)!
        const samples = [
          ...HOSTILE_TEXT,
          ...trial.originals,
          ...fc.sample(trial.values, { numRuns: 50, seed: 7 }),
        ]
        for (const limit of LIMITS.filter(
          (n) => n >= (row.length_min ?? (trial.method === 'constant' ? 4 : 1)),
        )) {
          const options = { ...trial, type: `${type}(${limit})` }
          await db.query(`drop table if exists public.fits; create table public.fits (v ${options.type})`)
          await db.query('insert into public.fits select v from unnest($1::text[]) as u (v)', [
            samples.map((text) => cut(text, limit)),
          ])
          await db.query(`update public.fits set v = ${fill(row.mask, row, options, padsSql(PADS))}`)
          const [stored] = await db.query(
            `select bool_and(${fill(row.recogniser, row, options, padsSql(PADS))}) as all from public.fits`,
          )
          expect(stored!.all, options.type).toBe(true)
        }
      },
    )
  },
)

describe.each(OF_TEXT)('%s', (_title, trial) => {
  it.each(['any_case', '"C"', '"en-x-icu"', '"und-x-icu"'])('works under collation %s', async (collation) => {
    const method = methods.get(trial.method)!
    const samples = trial.type === 'text' ? HOSTILE_TEXT : ['{}', '{a,B}', '{*,NULL}']
    await db.query(`
      drop table if exists public.loose;
      create table public.loose (v ${trial.type.replace('text', `text`)} collate ${collation === 'any_case' ? 'public.any_case' : collation})`)
    await db.query(`insert into public.loose select v::${trial.type} from unnest($1::text[]) as u (v)`, [
      samples,
    ])
    await db.query(`update public.loose set v = ${fill(method.mask, method, trial, padsSql(PADS))}`)
    const [row] = await db.query(
      `select bool_and(${fill(method.recogniser, method, trial, padsSql(PADS))}) as all from public.loose`,
    )
    expect(row!.all).toBe(true)
  })
})

describe('of those that keep values apart', () => {
  const SOURCES: Record<string, string> = {
    bigint: 'n',
    uuid: 'gen_random_uuid()',
    bytea: `decode(lpad(to_hex(n), 8, '0'), 'hex')`,
  }
  it('are these', () => {
    const names = [...methods.values()].filter((m) => m.keeps_unique).map((m) => m.name)
    expect(names.sort()).toEqual(KEEP_UNIQUE)
  })

  const unique = TRIALS.filter(({ method, type }) => KEEP_UNIQUE.includes(method) && !type.startsWith('char'))
  it.each(unique.map((trial): [string, Trial] => [titleOf(trial), trial]))(
    '%s gives each of 100,000 values its own',
    async (_title, trial) => {
      const row = methods.get(trial.method)!
      const source = SOURCES[trial.type] ?? `'person' || n || '@mail-' || n % 97 || '.example'`
      const shortest = row.length_min_unique ? `varchar(${row.length_min_unique})` : trial.type
      const [found] = await db.query<{ n: number }>(
        `select count(distinct ${fill(row.mask, row, { ...trial, type: shortest }, padsSql(PADS))}) as n
         from (select ${source} as v from generate_series(1, ${MANY}::bigint) as n) as x`,
      )
      expect(found!.n).toBe(MANY)
    },
  )
})

it('a recogniser tells a raw value from a mask that differs in case alone', async () => {
  const [row] = await db.query(`
    select lethe.is_generalize_ip('2001:DB8::' collate public.any_case, 24, 48) as ip`)
  expect(row).toEqual({ ip: false })
})

describe('constant', () => {
  it.each([
    ['text', "it's \\ {value}", 'abc'],
    ['varchar(10)', '', 'abc'],
    ['char(10)', 'gone', 'abc'],
    ['int', '-1', '5'],
    ['numeric(6,2)', '0', '5'],
    ['date', '1900-01-01', '2000-01-01'],
    ['boolean', 'false', 'true'],
    ['jsonb', '{}', '{"a": 1}'],
    ['uuid', '00000000-0000-0000-0000-000000000000', '8c1f0f0e-5a3b-4c1d-9e2f-0123456789ab'],
    ['bytea', '\\x', '\\x41'],
    ['text[]', '{}', '{a}'],
    ['interval', '0', '1 day'],
    ['inet', '0.0.0.0', '1.2.3.4'],
    ['daterange', 'empty', '[2000-01-01,2000-02-01)'],
    ['bit(3)', '000', '101'],
    ['tsvector', '', 'a:1 b:2'],
    ['macaddr', '00:00:00:00:00:00', '08:00:2b:01:02:03'],
  ])('replaces a %s and recognises %j', async (type, constant, raw) => {
    const method = {
      ...methods.get('constant')!,
      parameters: { value: { type: 'string', default: constant.replaceAll("'", "''") } },
    }
    await db.query(
      `drop table if exists public.probe; create table public.probe (v ${type}); insert into public.probe values ('${raw.replaceAll("'", "''")}')`,
    )
    const recogniser = fill(method.recogniser, method, { type }, '')
    expect((await db.query(`select ${recogniser} as masked from public.probe`))[0]!.masked).toBe(false)
    await db.query(`update public.probe set v = (${fill(method.mask, method, { type }, '')})::${type}`)
    expect((await db.query(`select ${recogniser} as masked from public.probe`))[0]!.masked).toBe(true)
  })
})
