import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDesk, DESK_POLICY, findings } from '../../helpers/check.ts'
import type { TestDatabase } from '../../helpers/database.ts'
import { applyPolicy } from '../../helpers/engine.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDesk()
})
afterAll(() => db.drop())

// Each finding's own test lets a waiver of it run out.
it('is found whether or not what was waived is still there, and goes with the waiver', async () => {
  await db.query(
    `insert into lethe.waivers (code, object, until, reason) values ('undecided-view', 'desk.gone', '2020-02-29', 'a test')`,
  )
  expect(await findings(db)).toEqual([
    {
      code: 'expired-waiver',
      severity: 'error',
      object: 'undecided-view desk.gone',
      sentence: 'the waiver of undecided-view for desk.gone ended on 2020-02-29',
      remedy: expect.stringContaining('decide now'),
    },
  ])
  await db.query(`select lethe.withdraw_waiver('undecided-view', 'desk.gone')`)
  expect(await findings(db)).toEqual([])
})

it('is found where the view or function that it is about has changed since, until somebody waives it anew', async () => {
  const waivers = [
    { finding: 'undecided-view', object: 'desk.born', until: '2999-01-01', reason: 'years only' },
    { finding: 'definer-function', object: 'desk.who()', until: '2999-01-01', reason: 'a number only' },
  ]
  const apply = () => applyPolicy(db, { ...DESK_POLICY, waivers })
  await db.query(`
    create view desk.born as select born from desk.people;
    create function desk.who() returns bigint language sql security definer as 'select count(*) from desk.people'`)
  await apply()
  expect(await findings(db)).toEqual([])
  // Comments, rights, and what it reads from are not the view.
  await db.query(`comment on view desk.born is 'x'; grant select on desk.born to lethe_auditor`)
  await db.query('alter table desk.people add column shoe int')
  expect((await findings(db)).map(({ code }) => code)).toEqual(['unclassified-column'])
  await db.query('alter table desk.people drop column shoe')

  await db.query(`
    create or replace view desk.born as select born, email from desk.people;
    create or replace function desk.who() returns bigint language sql security definer as 'select max(id) from desk.people'`)
  const changed = (await findings(db)).map(({ code, object, sentence }) => [code, object, sentence])
  expect(changed).toEqual([
    ['undecided-view', 'desk.born', expect.stringContaining('desk.people.email')],
    [
      'expired-waiver',
      'definer-function desk.who()',
      'the waiver of definer-function for desk.who() was given for another definition of desk.who()',
    ],
    [
      'expired-waiver',
      'undecided-view desk.born',
      'the waiver of undecided-view for desk.born was given for another definition of desk.born',
    ],
    ['definer-function', 'desk.who()', expect.any(String)],
  ])
  // A file that is applied again does not say that anybody has looked; waiving it once more does, and so does another reason.
  await apply()
  expect(await findings(db)).toHaveLength(4)
  await db.query(`select lethe.waive('undecided-view', 'desk.born', '2999-01-01', 'years only')`)
  waivers[1]!.reason = 'the number of the last one'
  await apply()
  expect(await findings(db)).toEqual([])
})
