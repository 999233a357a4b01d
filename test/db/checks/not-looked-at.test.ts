import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDesk, type Found, findings } from '../../helpers/check.ts'
import { refusal, type TestDatabase } from '../../helpers/database.ts'
import { rowsOf } from '../../helpers/engine.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDesk()
})
afterAll(() => db.drop())

const told = async (): Promise<[string, string][]> =>
  (await findings(db, 'not-looked-at')).map(({ object, sentence }) => [object, sentence])

it('says which table a missing right hides, is silent once it is granted, and cannot be waived', async () => {
  await db.query('revoke select on desk.orders from lethe_sweeper')
  expect(await told()).toEqual([
    ['north: desk.orders', 'north: desk.orders could not be looked at: permission denied for table orders'],
    ['purposes of desk.orders', 'purposes of desk.orders could not be looked at: a right is missing'],
    ['south: desk.orders', 'south: desk.orders could not be looked at: permission denied for table orders'],
  ])
  expect(
    await refusal(
      db.query(`select lethe.waive('not-looked-at', 'north: desk.orders', current_date + 1, 'a test')`),
    ),
  ).toMatchObject({ code: 'LE621' })
  await db.query('grant select on desk.orders to lethe_sweeper')
  expect(await told()).toEqual([])
})

it('says which view of figures cannot be measured', async () => {
  await db.query(`
    create view desk.by_year as select born, count(*) as people from desk.people group by born;
    select lethe.set_view('desk.by_year', 'figures', array['people'])`)
  expect(await told()).toEqual([
    ['desk.by_year', 'view desk.by_year could not be looked at: permission denied for view by_year'],
  ])
  await db.query('grant select on desk.by_year to lethe_sweeper')
  expect(await told()).toEqual([])
})

it('waits for a lock no longer than Lethe ever does', async () => {
  const other = await db.connect()
  await db.query(`update lethe.settings set lock_timeout = '50 milliseconds'`)
  await other.query('begin')
  await other.query('lock table desk.orders')
  expect(await told()).toEqual([
    ['north: desk.orders', 'north: desk.orders could not be looked at: it was locked'],
    ['purposes of desk.orders', 'purposes of desk.orders could not be looked at: it was locked'],
    ['south: desk.orders', 'south: desk.orders could not be looked at: it was locked'],
  ])
  for (const { remedy } of await findings(db, 'not-looked-at'))
    expect(remedy).toMatch(/^somebody holds a lock/)
  await other.query('rollback')
  expect(await told()).toEqual([])
})

it('stops reading where the statement_timeout of the caller runs out, and says what it left', async () => {
  await db.query(`
    create view desk.slow as select id % 3 as people from desk.people where pg_sleep(3600) is not null;
    select lethe.set_view('desk.slow', 'figures', array['people']);
    grant select on desk.slow to lethe_sweeper`)
  const session = await db.connect()
  await session.query(`set statement_timeout = '5s'`)
  const left = async (): Promise<Pick<Found, 'sentence' | 'remedy'>[]> =>
    (await rowsOf<Found>(session, 'select * from lethe.check()')).filter(
      ({ code }) => code === 'not-looked-at',
    )
  const slow = {
    sentence: 'view desk.slow could not be looked at: time ran out over it',
    remedy: expect.stringContaining('statement_timeout'),
  }
  expect(await left()).toEqual([expect.objectContaining(slow)])
  // A format that is declared is looked at after it, and named.
  await db.query(`select lethe.set_format('desk.orders', 'country', 'postcode_prefix')`)
  expect(await left()).toEqual([
    expect.objectContaining(slow),
    expect.objectContaining({
      sentence: 'formats of desk.orders could not be looked at: time ran out before them',
    }),
  ])
  await db.query(`select lethe.set_format('desk.orders', 'country', null)`)
})

it('never says what was in a row over which it failed', async () => {
  await db.query(`
    drop view desk.slow;
    create view desk.broken as select ('secret of ' || email)::int as people from desk.people;
    select lethe.set_view('desk.broken', 'figures', array['people']);
    grant select on desk.broken to lethe_sweeper`)
  expect(await told()).toEqual([
    ['desk.broken', 'view desk.broken could not be looked at: reading it fails (SQLSTATE 22P02)'],
  ])
})

it('does not repeat what a function of the host says about rights', async () => {
  await db.query(`
    drop view desk.broken;
    create function desk.tell(email text) returns int language plpgsql as $$
    begin raise insufficient_privilege using message = 'permission denied for table ' || email; end $$;
    create view desk.telltale as select desk.tell(email) as people from desk.people;
    select lethe.set_view('desk.telltale', 'figures', array['people']);
    grant select on desk.telltale to lethe_sweeper`)
  expect(await told()).toEqual([
    ['desk.telltale', 'view desk.telltale could not be looked at: a right is missing'],
  ])
})
