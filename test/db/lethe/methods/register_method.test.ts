import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../../../helpers/database.ts'

let db: TestDatabase
let dba: Login
beforeAll(async () => {
  db = await createDatabase()
  dba = await db.asRole('lethe_owner')
})
afterAll(() => db.drop())

interface Registration {
  name?: string
  mask: string
  recogniser: string
  types?: string[]
  output?: string
  keepsUnique?: boolean
  parameters?: unknown
}

async function register(
  login: Login,
  {
    name = 'mine',
    mask,
    recogniser,
    types = ['text'],
    output = 'anonymous',
    keepsUnique = false,
    parameters = {},
  }: Registration,
) {
  await login.query(`select lethe.register_method($1, $2, $3, $4, $5, $6, $7, 'a method of mine')`, [
    name,
    mask,
    recogniser,
    types,
    output,
    keepsUnique,
    JSON.stringify(parameters),
  ])
}

const POSTCODE: Registration = {
  name: 'postcode_area',
  mask: 'left({value}, {keep})',
  recogniser: 'char_length({value}) <= {keep}',
  types: ['text', 'varchar', 'bpchar'],
  parameters: { keep: { type: 'integer', default: 2, minimum: 0, maximum: 5 } },
}

async function stored(name: string) {
  const [row] = await db.query('select * from lethe.methods where name = $1', [name])
  return row
}

it('adds a method that keeps its promises, and records the change', async () => {
  await register(dba, POSTCODE)
  expect(await stored('postcode_area')).toMatchObject({
    keyed: false,
    nulls_out: false,
    keeps_unique: false,
    builtin: false,
    length_min: null,
  })
  const [change] = await db.query(
    `select object, before, after ->> 'name' as name from lethe.policy_changes order by id desc limit 1`,
  )
  expect(change).toEqual({ object: 'methods', before: null, name: 'postcode_area' })
})

it("replaces a method of one's own", async () => {
  await register(dba, POSTCODE)
  await register(dba, {
    ...POSTCODE,
    parameters: { keep: { type: 'integer', default: 3, minimum: 0, maximum: 5 } },
  })
  expect((await stored('postcode_area'))!.parameters.keep.default).toBe(3)
})

it('finds out by itself that a method gives NULL, uses the key, and how much room it needs', async () => {
  await register(dba, { name: 'void', mask: 'nullif({value}, {value})', recogniser: '{value} is null' })
  expect(await stored('void')).toMatchObject({ nulls_out: true, keyed: false })
  const own = `({value} ~ '^h[0-9a-f]+$' and char_length({value}) > 9)`
  await register(dba, {
    name: 'hashed',
    mask: `case when ${own} then {value} else left('h' || encode(lethe.keyed_hash({value}, {key}), 'hex'), least(65, {length})) end`,
    recogniser: own,
    types: ['text', 'varchar'],
    output: 'pseudonymous',
    keepsUnique: true,
  })
  expect(await stored('hashed')).toMatchObject({
    keyed: true,
    nulls_out: false,
    length_min: 10,
    length_min_unique: 65,
  })
  await register(dba, {
    name: 'initial',
    mask: `coalesce(nullif(left({value}, 1), '') || '.', {value})`,
    recogniser: `{value} = '' or char_length({value}) = 2 and right({value}, 1) = '.'`,
    types: ['text'],
  })
  expect(await stored('initial')).toMatchObject({ length_min: 2 })
})

it.each([
  ['N', '0', '{value} = 0'],
  ['D', 'null', '{value} is null'],
  ['*', 'null', '{value} is null'],
])('tries a method of category %s on the types of it', async (category, mask, recogniser) => {
  await register(dba, { name: 'by_category', mask, recogniser, types: [category] })
  expect((await stored('by_category'))!.type_categories).toEqual([category])
})

it('refuses anybody but an operator (LE502), who may', async () => {
  const officer = await db.asRole('lethe_officer')
  expect(await refusal(register(officer, POSTCODE))).toMatchObject({
    code: 'LE502',
    message: expect.stringContaining('may not register methods'),
  })
  await register(db, POSTCODE)
})

it("refuses to replace one of Lethe's own (LE106)", async () => {
  expect(await refusal(register(dba, { ...POSTCODE, name: 'partial' }))).toMatchObject({
    code: 'LE106',
    message: expect.stringContaining('own'),
  })
})

describe('refuses what is more, or less, than one expression (LE303)', () => {
  it.each([
    ['1) or (1 = 1'],
    ['1; drop table lethe.methods'],
    ['1 -- {value}'],
    ['1 /* {value} */'],
    [`E'\\''`],
    [`'\\'`],
    ['$$x$$'],
    [`'open`],
    [''],
    ['{value} -{n}'],
    ['(select {value})'],
    ['clock_timestamp()::text'],
    ['no_such_function({value})'],
    ['{value}::no_such_type'],
  ])('%s', async (mask) => {
    const registration = { mask, recogniser: `{value} = ''`, parameters: { n: { type: 'integer' } } }
    expect(await refusal(register(dba, registration))).toMatchObject({ code: 'LE303' })
    expect(await refusal(register(dba, { ...registration, mask: `''`, recogniser: mask }))).toMatchObject({
      code: 'LE303',
    })
  })
})

describe('refuses unknown words (LE106)', () => {
  it.each<[string, Partial<Registration>]>([
    ['a placeholder that nothing fills', { mask: '{valeu}' }],
    ['a placeholder inside quotes', { mask: `'{value}'` }],
    ['a placeholder inside a quoted name', { mask: `"{value}"` }],
    ['a name that is no plain word', { name: 'Bad Name' }],
    ['an output that is neither anonymous nor pseudonymous', { output: 'secret' }],
    ['a parameter that hides the column', { parameters: { value: { type: 'string' } } }],
    ['a parameter without a type', { parameters: { keep: {} } }],
    ['parameters that are no object', { parameters: [] }],
  ])('%s', async (_, change) => {
    expect(await refusal(register(dba, { mask: `''`, recogniser: `{value} = ''`, ...change }))).toMatchObject(
      { code: 'LE106' },
    )
  })
})

describe('refuses a method that breaks a promise on some value (LE304), and shows no value', () => {
  it.each<[string, Registration]>([
    ['is not total', { mask: '100 / {value}', recogniser: '{value} = 0', types: ['int4'] }],
    ['is not total', { mask: '{value} - 1', recogniser: '{value} < 0', types: ['int2'] }],
    ['does not recognise its own output', { mask: `'x'`, recogniser: `{value} = 'y'` }],
    ['is not idempotent', { mask: `'x' || {value}`, recogniser: `{value} like 'x%'` }],
    [
      'does not count NULL as masked',
      { mask: `coalesce({value}, 'x')`, recogniser: `coalesce({value} = 'x', false)` },
    ],
    ['takes every value for masked', { mask: '{value}', recogniser: 'true' }],
    ['does not keep values apart', { mask: `'x'`, recogniser: `{value} = 'x'`, keepsUnique: true }],
    ['cannot be tried', { mask: '{value}', recogniser: 'true', types: ['no_such_type'] }],
    ['names no type', { mask: '{value}', recogniser: 'true', types: [] }],
  ])('%s', async (promise, registration) => {
    const error = await refusal(register(dba, registration))
    expect(error.code).toBe('LE304')
    expect(error.message).toContain(promise === 'does not count NULL as masked' ? 'method mine' : promise)
    expect(await stored('mine')).toBeUndefined()
  })
})

it('leaves no temporary table behind, and can be called twice in a transaction', async () => {
  const client = await dba.connect()
  await client.query('begin')
  for (let i = 0; i < 2; i++)
    await client.query(
      `select lethe.register_method('twice', '''x''', '{value} = ''x''', '{text,varchar}', 'anonymous')`,
    )
  const { rows } = await client.query(`select relname from pg_class where relpersistence = 't'`)
  await client.query('rollback')
  expect(rows).toEqual([])
})
