/** What holds for all methods alike: their rows in lethe.methods, and how PostgreSQL runs them. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../helpers/database.ts'
import { HOSTILE_TEXT, padsOf, padsSql } from './masks.ts'

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
  parameters: Record<
    string,
    { type: string; default?: unknown; enum?: unknown[]; minimum?: number; maximum?: number }
  >
}

const METHODS = [
  'constant',
  'generalize_date',
  'generalize_ip',
  'generalize_number',
  'partial',
  'pseudonym',
  'pseudonym_email',
  'pseudonym_uuid',
  'scrub',
  'suppress',
]

/** Method, and a column type for each of its overloads. */
const OVERLOADS: [string, string][] = [
  ['suppress', 'date'],
  ['constant', 'varchar(60)'],
  ['partial', 'text'],
  ['partial', 'char(60)'],
  ['pseudonym', 'varchar(60)'],
  ['pseudonym', 'char(60)'],
  ['pseudonym_email', 'text'],
  ['pseudonym_email', 'char(60)'],
  ['pseudonym_uuid', 'uuid'],
  ['generalize_date', 'date'],
  ['generalize_date', 'timestamp'],
  ['generalize_date', 'timestamptz'],
  ['generalize_number', 'smallint'],
  ['generalize_number', 'int'],
  ['generalize_number', 'bigint'],
  ['generalize_number', 'numeric(12,2)'],
  ['generalize_number', 'real'],
  ['generalize_number', 'double precision'],
  ['generalize_ip', 'inet'],
  ['generalize_ip', 'cidr'],
  ['generalize_ip', 'varchar(60)'],
  ['scrub', 'text'],
  ['scrub', 'char(60)'],
]
const TEXT_METHODS = ['partial', 'pseudonym', 'pseudonym_email', 'generalize_ip', 'scrub']

let db: TestDatabase
let methods: Map<string, Row>
beforeAll(async () => {
  db = await createDatabase()
  methods = new Map(
    (await db.query<Row>('select * from lethe.methods where builtin')).map((row) => [row.name, row]),
  )
  await db.query('create schema host')
})
afterAll(() => db.drop())

/** {value} is the column's; a parameter of that name is written {constant}. */
const wordOf = (parameter: string) => (parameter === 'value' ? 'constant' : parameter)

/** Fills a template as the compiler does. */
function fill(template: string, { parameters }: Row, type: string, key: string): string {
  const column = /^(varchar|char)/.test(type) ? 'v::text' : 'v'
  const words = new Map<string, string>([
    ['value', column],
    ['type', type],
    ['length', /\((\d+)\)/.exec(type)?.[1] ?? 'null::int'],
    ['key', key],
  ])
  for (const [name, { default: value = 'x' }] of Object.entries(parameters))
    words.set(wordOf(name), typeof value === 'number' ? String(value) : `'${value}'`)
  return template.replace(/\{(\w+)\}/g, (_, word: string) => words.get(word)!)
}

describe('lethe.methods', () => {
  it('holds the ten methods', () => {
    expect([...methods.keys()].sort()).toEqual(METHODS)
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
    expect(
      [...methods.values()]
        .filter((m) => m.output === 'pseudonymous')
        .map((m) => m.name)
        .sort(),
    ).toEqual(['partial', 'pseudonym', 'pseudonym_email', 'pseudonym_uuid', 'scrub'])
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

describe.each(OVERLOADS)('%s over %s', (name, type) => {
  const pads = padsOf(randomBytes(32))

  it('is opened up by the planner, in the select list and in the condition', async () => {
    const method = methods.get(name)!
    await db.query(`drop table if exists public.probe; create table public.probe (clock date, v ${type})`)
    const plan = await db.query<{ 'QUERY PLAN': string }>(
      `explain (verbose, costs off) select ${fill(method.mask, method, type, '$1::bytea, $2::bytea')}
       from public.probe where not (${fill(method.recogniser, method, type, '$1::bytea, $2::bytea')}) and ($1::bytea is not null or $2::bytea is not null)`,
      [pads.inner, pads.outer],
    )
    const text = plan.map((row) => row['QUERY PLAN']).join('\n')
    expect(text).toContain('public.probe')
    expect(text).not.toMatch(/lethe|is_|generalize|pseudonym|partial\(|scrub|keyed/)
  })

  it('serves a partial index, which whoever writes to the table can keep', async () => {
    const method = methods.get(name)!
    const writer = await db.asRole()
    const [login] = await writer.query<{ name: string }>('select current_user as name')
    await db.query(`
      drop table if exists host.probe;
      create table host.probe (clock date, v ${type});
      create index probe_due on host.probe (clock) where not (${fill(method.recogniser, method, type, padsSql(pads))});
      grant usage on schema host to ${login!.name};
      grant select, insert, update on host.probe to ${login!.name}`)
    await writer.query(`insert into host.probe values ('2000-01-01', null)`)
    await writer.query(`update host.probe set v = ${fill(method.mask, method, type, padsSql(pads))}`)
    const client = await writer.connect()
    await client.query('set enable_seqscan = off; set enable_bitmapscan = off')
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `explain (costs off) select from host.probe where clock < '2001-01-01' and not (${fill(method.recogniser, method, type, padsSql(pads))})`,
    )
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/Index (Only )?Scan using probe_due/)
  })
})

it.each(TEXT_METHODS)(
  '%s works on a column whose collation is not deterministic, and tells case apart',
  async (name) => {
    const method = methods.get(name)!
    const key = padsSql(padsOf(randomBytes(32)))
    await db.query(`
    create collation if not exists public.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    drop table if exists public.loose;
    create table public.loose (v text collate public.any_case)`)
    await db.query('insert into public.loose select v from unnest($1::text[]) as u (v)', [HOSTILE_TEXT])
    await db.query(`update public.loose set v = ${fill(method.mask, method, 'text', key)}`)
    const [row] = await db.query(
      `select bool_and(${fill(method.recogniser, method, 'text', key)}) as all from public.loose`,
    )
    expect(row!.all).toBe(true)
  },
)

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
  ])('replaces a %s and recognises %j', async (type, constant, raw) => {
    const method = {
      ...methods.get('constant')!,
      parameters: { value: { type: 'string', default: constant.replaceAll("'", "''") } },
    }
    await db.query(
      `drop table if exists public.probe; create table public.probe (v ${type}); insert into public.probe values ('${raw.replaceAll("'", "''")}')`,
    )
    const recogniser = fill(method.recogniser, method, type, '')
    expect((await db.query(`select ${recogniser} as masked from public.probe`))[0]!.masked).toBe(false)
    await db.query(`update public.probe set v = (${fill(method.mask, method, type, '')})::${type}`)
    expect((await db.query(`select ${recogniser} as masked from public.probe`))[0]!.masked).toBe(true)
  })
})
