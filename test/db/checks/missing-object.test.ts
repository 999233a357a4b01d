import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'missing-object',
  object: 'desk.orders.note',
  says: /the policy names column note of desk.orders, which does not exist/,
  violation: 'alter table desk.orders drop column note',
  repair: 'alter table desk.orders add column note text',
})

it('names a table and a view that went, and does not stumble over them', async () => {
  await db().query(`
    create view desk.mailing as select email from desk.people;
    select lethe.set_view('desk.mailing', 'people');
    drop view desk.mailing;
    drop table desk.orders`)
  expect((await findings(db(), 'missing-object')).map(({ object }) => object)).toEqual([
    'desk.mailing',
    'desk.orders',
  ])
})
