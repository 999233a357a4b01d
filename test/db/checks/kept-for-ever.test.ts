import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'kept-for-ever',
  object: 'desk.orders.note',
  says: /nothing ever ends column note of desk.orders \(content\)$/,
  violation: `select lethe.drop_rule('desk.orders', 'purge')`,
  repair: `select lethe.set_rule('desk.orders', 'purge', 'P1Y', 'note', array['placed'])`,
})

it('names the controller for which nothing ends it', async () => {
  await db().query(`
    select lethe.drop_rule('desk.orders', 'purge', 'note');
    select lethe.set_rule('desk.orders', 'purge', 'P1Y', 'note', array['placed'], controller => 'south')`)
  expect((await findings(db(), 'kept-for-ever')).map(({ sentence }) => sentence)).toEqual([
    'nothing ever ends column note of desk.orders (content) for controller north',
  ])
})

it('takes it for an end that the row goes with its parent', async () => {
  await db().query(`select lethe.set_link('desk.orders', 'desk.people', on_purge => 'with parent')`)
  expect(await findings(db(), 'kept-for-ever')).toEqual([])
})
