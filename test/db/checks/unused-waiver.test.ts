import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDesk, findings } from '../../helpers/check.ts'
import type { TestDatabase } from '../../helpers/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDesk()
})
afterAll(() => db.drop())

it('is found while the waiver matches nothing, and gone once it does or is withdrawn', async () => {
  await db.query(`select lethe.waive('undecided-view', 'desk.mailing', current_date + 30, 'a test')`)
  expect(await findings(db)).toEqual([
    {
      code: 'unused-waiver',
      severity: 'warning',
      object: 'undecided-view desk.mailing',
      sentence: 'the waiver of undecided-view for desk.mailing matches no finding',
      remedy: `take it out of the policy file, or select lethe.withdraw_waiver('undecided-view', 'desk.mailing')`,
    },
  ])
  await db.query('create view desk.mailing as select email from desk.people')
  // It was given before there was anything to look at.
  expect((await findings(db)).map(({ code }) => code)).toEqual(['undecided-view', 'expired-waiver'])
  await db.query(`select lethe.waive('undecided-view', 'desk.mailing', current_date + 30, 'a test')`)
  expect(await findings(db)).toEqual([])
  await db.query('drop view desk.mailing')
  await db.query(`select lethe.withdraw_waiver('undecided-view', 'desk.mailing')`)
  expect(await findings(db)).toEqual([])
})

it('is not said of a finding that was not looked for, or could not be', async () => {
  await db.query(
    `select lethe.waive('never-due', 'north: desk.people: rule "purge"', current_date + 30, 'a test')`,
  )
  expect((await findings(db)).map(({ code }) => code)).toEqual(['unused-waiver'])
  expect(await findings(db, undefined, { readData: false })).toEqual([])
  await db.query('revoke select on desk.orders from lethe_sweeper')
  expect(new Set((await findings(db)).map(({ code }) => code))).toEqual(new Set(['not-looked-at']))
})
