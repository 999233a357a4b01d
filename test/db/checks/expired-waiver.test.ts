import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDesk, findings } from '../../helpers/check.ts'
import type { TestDatabase } from '../../helpers/database.ts'

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
