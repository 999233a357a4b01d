import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDesk, findings } from '../../helpers/check.ts'
import type { TestDatabase } from '../../helpers/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDesk()
})
afterAll(() => db.drop())

const unrehearsed = async (): Promise<string[]> =>
  (await findings(db, 'unrehearsed-rule')).map(({ object, sentence }) => `${object}: ${sentence}`)

it('names tables whose rules were set directly, until a rehearsed draft has changed them', async () => {
  const orders = 'desk.orders: 1 term(s) of desk.orders were put in force without a rehearsal'
  const people = 'desk.people: 1 term(s) of desk.people were put in force without a rehearsal'
  expect(await unrehearsed()).toEqual([orders, people])

  await db.query(
    `grant select, update, delete on desk.people, desk.orders to lethe_sweeper; grant usage on schema desk to lethe_sweeper`,
  )
  const [draft] = await db.query<{ id: number }>(`
    select lethe.draft_policy(jsonb_set(lethe.export_policy(), '{tables,desk.people,purge,after}', '"P4Y"'), 'four years') as id`)
  await db.query('select lethe.rehearse($1)', [draft!.id])
  await db.query('select lethe.activate($1)', [draft!.id])
  expect(await unrehearsed()).toEqual([orders])

  await db.query(`select lethe.set_rule('desk.people', 'purge', 'P5Y', since => '{seen}')`)
  expect(await unrehearsed()).toEqual([orders, people])
})
