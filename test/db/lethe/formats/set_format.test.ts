/** Declaring a format: what is refused, what is kept, and the policy file. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../../../helpers/database.ts'
import { applyPolicy, grantMissing } from '../../../helpers/engine.ts'

let db: TestDatabase
let dba: Login
beforeAll(async () => {
  db = await createDatabase()
  dba = await db.asRole('lethe_owner')
  await db.query(`
    create schema shop;
    create schema "Sales.Old";
    create domain shop.word as varchar(20) check (value <> 'forbidden');
    create type shop.mood as enum ('good', 'bad');
    create table shop.people (
      id int primary key, owner int not null, birthday text, born date, ip text, zip varchar(10), short varchar(3), tel shop.word,
      mail text unique, age int, mood shop.mood, tags text[], seen date, boss int references shop.people,
      upper_zip text generated always as (upper(zip)) stored);
    create index on shop.people (boss);
    create table "Sales.Old"."Readers" ("Id" int primary key, "Birth ""Day" text, seen date);
    create table shop.visits (id int, day date, ip inet, primary key (id, day)) partition by range (day);
    create table shop.visits_old partition of shop.visits default`)
  await db.query(`
    select lethe.set_controller('north', 'Europe/Paris', '1');
    select lethe.set_controller('south', 'Pacific/Apia', '2')`)
})
afterAll(() => db.drop())
beforeEach(async () => {
  await db.query(`
    delete from lethe.managed_tables;
    select lethe.manage_table('shop.people', controller_column => 'owner');
    select lethe.manage_table('"Sales.Old"."Readers"', 'south');
    select lethe.manage_table('shop.visits', 'north')`)
  await grantMissing(db)
})

const set = (
  column: string,
  format: string | null,
  rest: { parameters?: unknown; arrival?: string; table?: string } = {},
) =>
  dba.query('select lethe.set_format($1, $2, $3, $4, $5)', [
    rest.table ?? 'shop.people',
    column,
    format,
    JSON.stringify(rest.parameters ?? {}),
    rest.arrival ?? null,
  ])
const declared = () =>
  db.query(`
    select m.table_name as "table", column_name as "column", format, kind, d.parameters, on_arrival
    from lethe.column_formats as d join lethe.managed_tables as m on m.id = d.table_id order by m.table_name collate "C", 2`)
const rule = (column: string, method: string, parameters: unknown = {}) =>
  dba.query(`select lethe.set_rule('shop.people', 'anonymize', 'P3Y', $1, '{seen}', $2, $3)`, [
    column,
    method,
    JSON.stringify(parameters),
  ])

describe('lethe.set_format', () => {
  it('declares a format, changes it, takes it back, and records each change with its reason', async () => {
    await set('birthday', 'month_day')
    await set('Birth "Day', 'month_day', { table: '"Sales.Old"."Readers"', arrival: 'reduce' })
    await set('zip', 'postcode_prefix', { parameters: { keep: 3 } })
    const plain = { kind: 'text', parameters: {}, on_arrival: null }
    expect(await declared()).toEqual([
      { ...plain, table: 'Readers', column: 'Birth "Day', format: 'month_day', on_arrival: 'reduce' },
      { ...plain, table: 'people', column: 'birthday', format: 'month_day' },
      { ...plain, table: 'people', column: 'zip', format: 'postcode_prefix', parameters: { keep: 3 } },
    ])
    await set('birthday', 'month', { arrival: 'reject' })
    await dba.query(`select lethe.set_format('shop.people', 'birthday', reason => 'not collected any more')`)
    const changes = await db.query<{ before: string | null; after: string | null; reason: string | null }>(`
      select before ->> 'format' as before, after ->> 'format' as after, reason from lethe.policy_changes
      where object = 'column_formats' and coalesce(before, after) ->> 'column_name' = 'birthday' order by id desc limit 3`)
    expect(changes).toEqual([
      { before: 'month', after: null, reason: 'not collected any more' },
      { before: 'month_day', after: 'month', reason: null },
      { before: null, after: 'month_day', reason: null },
    ])
  })

  it.each([
    ['an unknown format', 'birthday', 'birthdate', {}, 'LE113', /format 'birthdate' does not exist/],
    [
      'a format of another type',
      'mood',
      'month_day',
      {},
      'LE319',
      /mood of shop\.people, of type shop\.mood,? cannot hold/,
    ],
    ['a format of another type', 'seen', 'ip_prefix', {}, 'LE319', /type date/],
    ['an array', 'tags', 'year', {}, 'LE319', /type text\[\]/],
    [
      'a column that is too short',
      'short',
      'year',
      {},
      'LE319',
      /3 characters, too few for format year, which takes 4/,
    ],
    ['a prefix longer than the column', 'short', 'phone_prefix', {}, 'LE319', /which takes 4/],
    [
      'an unknown parameter',
      'zip',
      'postcode_prefix',
      { parameters: { keeps: 2 } },
      'LE106',
      /format postcode_prefix has no parameter keeps/,
    ],
    [
      'a parameter out of bounds',
      'zip',
      'postcode_prefix',
      { parameters: { keep: 9 } },
      'LE106',
      /keep of format postcode_prefix cannot be 9/,
    ],
    [
      'a parameter that is no number',
      'age',
      'age_band',
      { parameters: { width: '10 or true' } },
      'LE106',
      /width/,
    ],
    ['an unknown word', 'zip', 'postcode_prefix', { arrival: 'truncate' }, 'LE106', /on_arrival 'truncate'/],
    [
      'a reduction the database cannot make',
      'ip',
      'email_hash',
      { arrival: 'reduce' },
      'LE319',
      /cannot compute it/,
    ],
    ['a unique column', 'mail', 'phone_prefix', {}, 'LE306', /people_mail_key/],
    ['a foreign key', 'boss', 'age_band', {}, 'LE309', /people_boss_fkey/],
    ['a generated column', 'upper_zip', 'postcode_prefix', {}, 'LE308', /generated/],
    ['the key', 'id', 'age_band', {}, 'LE309', /foreign key/],
    ['the controller column', 'owner', 'age_band', {}, 'LE316', /names its controller/],
    ['a partition key', 'day', 'year', { table: 'shop.visits' }, 'LE308', /partition key/],
    ['a column that is not there', 'fax', 'phone_prefix', {}, 'LE103', /has no column fax/],
    ['a table that is not managed', 'x', 'year', { table: 'pg_catalog.pg_class' }, 'LE102', /not managed/],
  ])('refuses %s', async (_, column, format, rest, code, message) => {
    const refused = await refusal(set(column, format, rest as object))
    expect(refused).toMatchObject({ code })
    expect(refused.message).toMatch(message)
    expect(await declared()).toEqual([])
  })

  it('takes what fits after the repair: longer, of a unique kind, rejected instead of reduced', async () => {
    await db.query('alter table shop.people alter short type varchar(4)')
    await set('short', 'year')
    await set('mail', 'email_hash', { arrival: 'reject' })
    await set('tel', 'phone_prefix')
    await set('age', 'age_band', { parameters: { width: 30 } })
    expect((await declared()).map(({ column }) => column)).toEqual(['age', 'mail', 'short', 'tel'])
    await db.query('alter table shop.people alter short type varchar(3)')
  })

  it('refuses an officer who does not act for all controllers', async () => {
    const officer = await db.asRole('lethe_officer')
    await db.query(`select lethe.add_member('${new URL(officer.url).username}', 'north')`)
    const declare = `select lethe.set_format('shop.people', 'birthday', 'month_day')`
    expect(await refusal(officer.query(declare))).toMatchObject({ code: 'LE502' })
    await dba.query(declare)
  })
})

describe('a rule on a column with a format', () => {
  it.each([
    ['birthday', 'month_day', 'constant', { value: '-' }],
    ['birthday', 'month_day', 'constant', { value: '--02-30' }],
    ['birthday', 'month_day', 'partial', {}],
    ['zip', 'postcode_prefix', 'generalize_postcode', {}],
    ['zip', 'postcode_prefix', 'truncate', {}],
    ['ip', 'ip_prefix', 'generalize_ip', { v4: 31 }],
    ['ip', 'ip_prefix', 'pseudonym', {}],
    ['born', 'year', 'generalize_date', { to: 'month' }],
    ['age', 'age_band', 'generalize_number', { width: 7 }],
    ['tel', 'phone_prefix', 'pseudonym_digits', {}],
  ])(
    '%s in format %s refuses %s %o (LE320), whichever is set first',
    async (column, format, method, parameters) => {
      await set(column, format)
      const refused = await refusal(rule(column, method, parameters))
      expect(refused).toMatchObject({ code: 'LE320' })
      expect(refused.message).toContain(
        `method ${method} would break the format ${format} of column ${column}`,
      )
      await set(column, null)
      await rule(column, method, parameters)
      expect(await refusal(set(column, format))).toMatchObject({ code: 'LE320' })
    },
  )

  it.each([
    ['birthday', 'month_day', 'suppress', {}],
    ['birthday', 'month_day', 'constant', { value: '--01-01' }],
    ['born', 'month_day', 'month_day', {}],
    ['born', 'year', 'generalize_date', { to: 'year' }],
    ['born', 'month', 'generalize_date', { to: 'quarter' }],
    ['ip', 'ip_prefix', 'generalize_ip', {}],
    ['ip', 'ip_prefix', 'generalize_ip', { v4: 8, v6: 32 }],
    ['zip', 'postcode_prefix', 'constant', { value: '' }],
    ['age', 'age_band', 'constant', { value: '30' }],
  ])('%s in format %s takes %s %o', async (column, format, method, parameters) => {
    await set(column, format)
    await rule(column, method, parameters)
    expect(await declared()).toHaveLength(1)
  })

  it('may purge the value or archive it with a method that keeps the format', async () => {
    await set('birthday', 'month_day')
    await dba.query(`select lethe.set_rule('shop.people', 'purge', 'P3Y', 'birthday', '{seen}')`)
    await dba.query(`select lethe.drop_rule('shop.people', 'purge', 'birthday')`)
    await dba.query(`select lethe.set_rule('shop.people', 'purge', 'P10Y', since => '{seen}')`)
    const archive = (method: string, value: string) =>
      dba.query(`select lethe.set_rule('shop.people', 'archive', 'P3Y', 'birthday', '{seen}', $1, $2)`, [
        method,
        JSON.stringify({ value }),
      ])
    expect(await refusal(archive('constant', 'gone'))).toMatchObject({ code: 'LE320' })
    await archive('constant', '--12-31')
  })

  it('cannot count since it, nor can the clock of a rule be given a format (LE319)', async () => {
    await rule('birthday', 'suppress')
    const refused = await refusal(set('seen', 'year'))
    expect(refused).toMatchObject({ code: 'LE319' })
    expect(refused.message).toContain('is the clock of a rule')
    await dba.query(`select lethe.drop_rule('shop.people', 'anonymize', 'birthday')`)
    await set('seen', 'year')
    expect(await refusal(rule('birthday', 'suppress'))).toMatchObject({ code: 'LE319' })
  })

  it('refuses a method of the DBA’s own that leaves the format, and takes one that keeps it', async () => {
    const register = (name: string, mask: string) =>
      dba.query(`select lethe.register_method($1, $2, 'char_length({value}) <= 1', '{text}', 'anonymous')`, [
        name,
        mask,
      ])
    await register('first_letter', 'left({value}, 1)')
    await register('first_digit', `coalesce(left(substring({value} from '[0-9]'), 1), '')`)
    await set('ip', 'postcode_prefix')
    expect(await refusal(rule('ip', 'first_letter'))).toMatchObject({ code: 'LE320' })
    await rule('ip', 'first_digit')
  })
})

interface Exported {
  tables: Record<string, { columns: Record<string, unknown> }>
  overrides: Record<string, Record<string, { columns: unknown }>>
}

describe('the policy file', () => {
  const POLICY = (birthday: unknown) => ({
    version: 1,
    controllers: {
      north: { time_zone: 'Europe/Paris', reference: '1' },
      south: { time_zone: 'Pacific/Apia', reference: '2' },
    },
    tables: {
      'shop.people': {
        controller: { column: 'owner' },
        columns: {
          birthday,
          zip: { format: { format: 'postcode_prefix', keep: 3, on_arrival: 'reduce' } },
          age: { format: { format: 'age_band', width: 10 } },
          born: { category: 'quasi-identifier', format: 'year' },
        },
      },
    },
    overrides: {
      south: {
        'shop.people': {
          columns: { birthday: { anonymize: { after: 'P1Y', since: 'seen', using: 'suppress' } } },
        },
      },
    },
  })
  const SPEC = {
    category: 'quasi-identifier',
    format: 'month_day',
    anonymize: { after: 'P3Y', since: 'seen', using: 'suppress' },
  }
  const exported = async () =>
    (await db.query<{ policy: Exported }>('select lethe.export_policy() as policy'))[0]!.policy

  it('sets formats, and applying what is exported changes nothing', async () => {
    await applyPolicy(dba, POLICY(SPEC))
    const policy = await exported()
    expect(policy.tables['shop.people']!.columns).toEqual(POLICY(SPEC).tables['shop.people'].columns)
    expect(policy.overrides.south!['shop.people']!.columns).toEqual(
      POLICY(SPEC).overrides.south['shop.people'].columns,
    )
    expect(await dba.query('select * from lethe.apply_policy($1)', [JSON.stringify(policy)])).toEqual([])
    expect(await exported()).toEqual(policy)
  })

  it('takes out the format that it does not name any more', async () => {
    await applyPolicy(dba, POLICY(SPEC))
    await applyPolicy(dba, POLICY({ category: 'quasi-identifier' }))
    expect((await declared()).map(({ column }) => column)).toEqual(['age', 'born', 'zip'])
  })

  it('may change the format and the method of a column at once', async () => {
    await applyPolicy(dba, POLICY(SPEC))
    await applyPolicy(
      dba,
      POLICY({ ...SPEC, anonymize: { ...SPEC.anonymize, using: { method: 'constant', value: '--01-01' } } }),
    )
    const year = {
      ...SPEC,
      format: 'year',
      anonymize: { ...SPEC.anonymize, using: { method: 'constant', value: '1900' } },
    }
    await applyPolicy(dba, POLICY(year))
    expect((await exported()).tables['shop.people']!.columns.birthday).toEqual(year)
  })

  it.each([
    [{ ...SPEC, format: 'birthdate' }, 'LE113', 'at /tables/shop.people/columns/birthday/format'],
    [
      { ...SPEC, format: { format: 'month_day', keep: 2 } },
      'LE106',
      'at /tables/shop.people/columns/birthday/format',
    ],
    [{ ...SPEC, anonymize: { ...SPEC.anonymize, using: 'partial' } }, 'LE320', 'at /tables/shop.people'],
  ])('is refused whole, with the place, for %o', async (birthday, code, detail) => {
    expect(await refusal(applyPolicy(dba, POLICY(birthday)))).toMatchObject({ code, detail })
    expect(await declared()).toEqual([])
  })
})

describe('lethe.format_domain_sql', () => {
  const script = async (...values: unknown[]) =>
    (
      await dba.query<{ sql: string }>(
        `select lethe.format_domain_sql(${values.map((_, i) => `$${i + 1}`).join(', ')}) as sql`,
        values,
      )
    )[0]!.sql

  it.each([
    ['month_day', 'text', '--02-29', '1996-02-29'],
    ['year', 'int4', '1987', '19870506'],
    ['ip_prefix', 'inet', '192.0.2.0/24', '192.0.2.77'],
    ['year', 'date', '1987-01-01', '1987-05-06'],
  ])('makes a domain for %s of %s that takes %s and refuses %s', async (format, type, inside, outside) => {
    const name = `My "${format}" ${type}`
    await db.query(await script(format, 'Sales.Old', name, type))
    const cast = (value: string) =>
      db.query(`select $1::"Sales.Old"."${name.replaceAll('"', '""')}"`, [value])
    await cast(inside)
    expect(await refusal(cast(outside))).toMatchObject({ code: '23514' })
  })

  it('is enough for a column that is declared to have the format, but not where its trigger should reduce', async () => {
    await db.query(await script('month_day', 'shop', 'month_day'))
    await db.query('alter table shop.people add column name_day shop.month_day')
    await set('name_day', 'month_day')
    expect(await db.query(`select * from lethe.format_steps('shop.people', 'name_day')`)).toEqual([])
    const refused = await refusal(set('name_day', 'month_day', { arrival: 'reduce' }))
    expect(refused).toMatchObject({ code: 'LE319' })
    expect(refused.message).toContain('before a trigger could reduce it')
    await set('name_day', 'month_day', { arrival: 'reject' })
    await db.query('alter table shop.people drop column name_day')
  })

  it('refuses a format that is not there, or not for the type', async () => {
    expect(await refusal(script('nothing', 'shop', 'x'))).toMatchObject({ code: 'LE113' })
    expect(await refusal(script('month_day', 'shop', 'x', 'int4'))).toMatchObject({ code: 'LE319' })
    expect(await refusal(script('age_band', 'shop', 'x', 'int4', '{"width": 7}'))).toMatchObject({
      code: 'LE106',
    })
  })
})
