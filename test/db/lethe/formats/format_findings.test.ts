/** Each finding: violation, repair, silence. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../../../helpers/database.ts'
import { grantMissing } from '../../../helpers/engine.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    create schema shop;
    select lethe.set_controller('north', 'America/St_Johns', '1');
    select lethe.set_controller('south', 'Pacific/Apia', '2')`)
})
afterAll(() => db.drop())

interface Finding {
  table_name: string
  column_name: string
  finding: string
  sentence: string
  remedy: string
}

const findings = (login: Login = db) => login.query<Finding>('select * from lethe.format_findings()')
const words = async (login: Login = db) => (await findings(login)).map(({ finding }) => finding)

async function keep(): Promise<void> {
  const steps = await db.query<{ statement: string }>(
    `select statement from lethe.format_steps('shop.people', 'zip')`,
  )
  for (const { statement } of steps) await db.query(statement)
}

beforeEach(async () => {
  await db.query(`
    delete from lethe.managed_tables;
    drop schema shop cascade; create schema shop;
    create table shop.people (id int primary key, owner int, zip text, other text);
    insert into shop.people values (1, 1, '75008'), (2, 1, 'a long text that is no postal code'), (3, 2, '1234'), (4, 2, '5678'), (5, 2, null), (6, 1, '69');
    select lethe.manage_table('shop.people', controller_column => 'owner');
    select lethe.set_format('shop.people', 'zip', 'postcode_prefix', on_arrival => 'reduce')`)
  await grantMissing(db)
})

it('says what is missing, how many values are not in the format, and what to do, without a value', async () => {
  const found = await findings()
  expect(found).toEqual(
    [
      {
        finding: 'format_without_trigger',
        sentence: 'no trigger reduces what arrives in column zip of shop.people',
      },
      {
        finding: 'format_without_constraint',
        sentence: 'nothing keeps column zip of shop.people in format postcode_prefix',
      },
      {
        finding: 'format_violated',
        sentence: '3 value(s) of column zip of shop.people are richer than format postcode_prefix',
      },
      {
        finding: 'format_unreadable',
        sentence:
          '1 value(s) of column zip of shop.people are not in format postcode_prefix, nor can they be reduced to it',
        remedy: expect.stringContaining('lethe.format_sql'),
      },
    ].map((row) => ({
      remedy: `select lethe.format_sql('shop.people', 'zip')`,
      ...row,
      table_name: 'shop.people',
      column_name: 'zip',
    })),
  )
  await db.query(`update shop.people set zip = null where id = 2`)
  await keep()
  expect(await findings()).toEqual([])
})

it('is silent where no format is declared', async () => {
  await db.query(`select lethe.set_format('shop.people', 'zip')`)
  expect(await findings()).toEqual([])
})

it('counts for somebody who acts for one controller that controller’s rows alone', async () => {
  const officer = await db.asRole('lethe_officer')
  const name = new URL(officer.url).username
  expect(await findings(officer)).toEqual([])
  await db.query(`select lethe.add_member('${name}', 'south')`)
  const south = await findings(officer)
  expect(south.map(({ finding }) => finding)).toEqual([
    'format_without_trigger',
    'format_without_constraint',
    'format_violated',
  ])
  expect(south.at(-1)!.sentence).toMatch(/^2 value/)
  await db.query(`select lethe.add_member('${name}', 'north')`)
  expect((await findings(officer)).map(({ sentence }) => sentence[0])).toEqual(['n', 'n', '3', '1'])
})

it('names a trigger that has been disabled, until it is enabled', async () => {
  await db.query(`update shop.people set zip = null where id = 2`)
  await keep()
  await db.query('alter table shop.people disable trigger zz_zip_is_postcode_prefix')
  expect(await words()).toEqual(['format_without_trigger'])
  await db.query('alter table shop.people enable trigger zz_zip_is_postcode_prefix')
  expect(await words()).toEqual([])
})

it('names a constraint that was dropped, or is another one of the same name', async () => {
  await db.query(`update shop.people set zip = null where id = 2`)
  await keep()
  await db.query(`
    alter table shop.people drop constraint zip_is_postcode_prefix;
    alter table shop.people add constraint zip_is_postcode_prefix check (length(zip) < 100)`)
  expect(await words()).toEqual(['format_without_constraint'])
  await db.query('alter table shop.people drop constraint zip_is_postcode_prefix')
  await keep()
  expect(await words()).toEqual([])
})

it('names a column that has been dropped or given another type, which stops neither rules nor other findings', async () => {
  await db.query(`
    select lethe.set_format('shop.people', 'other', 'year');
    alter table shop.people alter zip type int using null`)
  expect(await words()).toEqual(['format_does_not_fit', 'format_without_constraint'])
  expect(await refusal(db.query(`select lethe.format_sql('shop.people', 'zip')`))).toMatchObject({
    code: 'LE319',
  })
  await db.query('alter table shop.people drop zip')
  expect(await words()).toEqual(['format_does_not_fit', 'format_without_constraint'])
  expect(await refusal(db.query(`select lethe.format_sql('shop.people', 'zip')`))).toMatchObject({
    code: 'LE103',
  })
  await db.query(`alter table shop.people add zip text`)
  expect(await words()).toEqual([
    'format_without_constraint',
    'format_without_trigger',
    'format_without_constraint',
  ])
})

it('says so where it may not read the table, and reads nothing once the constraint is validated', async () => {
  await db.query(
    `update shop.people set zip = null where id = 2; revoke select on shop.people from lethe_sweeper`,
  )
  expect(await words()).toEqual([
    'format_without_trigger',
    'format_without_constraint',
    'format_not_readable',
  ])
  await keep()
  expect(await words()).toEqual([])
})

it('may be asked by officers, auditors and workers, and by nobody else', async () => {
  for (const role of ['lethe_officer', 'lethe_auditor', 'lethe_worker']) await findings(await db.asRole(role))
  expect(await refusal(findings(await db.asRole('lethe_analyst')))).toMatchObject({ code: '42501' })
})
