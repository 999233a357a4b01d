import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'undecided-link',
  object: 'desk.orders("handledBy")',
  says: /rows of desk.orders refer to rows of desk.people by "handledBy"/,
  violation: `
    alter table desk.orders add column "handledBy" bigint references desk.people;
    create index on desk.orders ("handledBy")`,
  repair: `select lethe.set_link('desk.orders', 'desk.people', array['handledBy'], subject => 'person', kind => 'mention')`,
})

it('is content with "unlink" or "with parent" alone, and with a link from the other side', async () => {
  await db().query(`
    create table desk.homes (id bigint generated always as identity primary key, owner int not null);
    select lethe.manage_table('desk.homes', controller_column => 'owner');
    alter table desk.people add column home_id bigint references desk.homes, add column brought_by bigint references desk.people;
    select lethe.set_column('desk.people', 'home_id', 'contact')`)
  const objects = async (): Promise<string[]> =>
    (await findings(db(), 'undecided-link')).map(({ object }) => object)
  expect(await objects()).toEqual(['desk.people(brought_by)', 'desk.people(home_id)'])
  await db().query(
    `select lethe.set_link('desk.people', 'desk.people', array['brought_by'], on_purge => 'unlink')`,
  )
  expect(await objects()).toEqual(['desk.people(home_id)'])
  await db().query(
    `select lethe.set_link('desk.homes', 'desk.people', array['id'], array['home_id'], subject => 'person', kind => 'share')`,
  )
  expect(await objects()).toEqual([])
})
