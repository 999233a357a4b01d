import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'never-due',
  object: 'north: desk.people: rule "purge"',
  says: /rule "purge" on desk.people can never be due for controller north: no row has a usable clock \(20 rows looked at\)/,
  violation: `update desk.people set seen = case when id % 4 = 1 then null else date 'infinity' end where owner = 1`,
  repair:
    'update desk.people set seen = current_date where id = (select min(id) from desk.people where owner = 1)',
})

it('takes a sentinel for no clock', async () => {
  await db().query(`
    update desk.orders set placed = '9999-12-31';
    select lethe.manage_table('desk.orders', controller_column => 'owner', sentinels => array['9999-12-31'])`)
  expect((await findings(db(), 'never-due')).map(({ object }) => object)).toEqual([
    'north: desk.orders: rule "purge"',
    'south: desk.orders: rule "purge"',
  ])
  await db().query(`update desk.orders set placed = current_date`)
  expect(await findings(db(), 'never-due')).toEqual([])
})

it('names a term whose condition no row fulfils, by its purpose', async () => {
  await db().query(`
    select lethe.set_rule('desk.people', 'anonymize', 'P1Y', 'email', array['seen'], 'suppress', purpose => 'news', "when" => 'born < 0 and born > 10');
    select lethe.set_rule('desk.people', 'anonymize', 'P1Y', 'email', array['seen'], 'suppress', purpose => 'sales')`)
  expect((await findings(db(), 'never-due')).map(({ object }) => object)).toEqual([
    'north: desk.people: rule "email: anonymize", news when',
    'south: desk.people: rule "email: anonymize", news when',
  ])
})

it('says nothing of a table without rows, and nothing at all where the data is not read', async () => {
  expect(await findings(db(), 'never-due', { readData: false })).toEqual([])
  await db().query('truncate desk.people, desk.orders')
  expect(await findings(db(), 'never-due')).toEqual([])
})
