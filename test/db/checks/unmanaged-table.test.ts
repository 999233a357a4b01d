import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'unmanaged-table',
  object: 'desk."Letters"',
  says: /table desk."Letters" is not managed, and desk.people leads to it/,
  violation: `
    create table desk."Letters" (id bigint generated always as identity primary key, person_id bigint references desk.people);
    create index on desk."Letters" (person_id)`,
  repair: `
    select lethe.manage_table('desk.Letters', controller => 'north');
    select lethe.set_link('desk.Letters', 'desk.people', subject => 'person', kind => 'own')`,
})

it('follows rows down from people, through partitions, and not up to what they merely name', async () => {
  await db().query(`
    create table desk.countries (id int primary key);
    create table desk.regions (id int primary key, country_id int references desk.countries);
    alter table desk.orders add column country_id int references desk.countries;
    select lethe.set_column('desk.orders', 'country_id', 'not personal');
    create table desk.parcels (id int, day date, order_id bigint references desk.orders, primary key (id, day)) partition by range (day);
    create table desk.parcels_now partition of desk.parcels default;
    create table desk.labels (id int primary key, parcel_id int, day date, foreign key (parcel_id, day) references desk.parcels)`)
  expect((await findings(db(), 'unmanaged-table')).map(({ object, sentence }) => [object, sentence])).toEqual(
    [
      ['desk.labels', 'table desk.labels is not managed, and desk.parcels leads to it'],
      ['desk.parcels', 'table desk.parcels is not managed, and desk.orders leads to it'],
    ],
  )
})

it('follows a reference up where the policy says that it tells something of the person', async () => {
  await db().query(`
    drop table desk.labels, desk.parcels;
    select lethe.set_column('desk.orders', 'country_id', 'quasi-identifier')`)
  expect((await findings(db(), 'unmanaged-table')).map(({ object }) => object)).toEqual([
    'desk.countries',
    'desk.regions',
  ])
})

it('does not follow a link that is declared to be ignored', async () => {
  await db().query(`
    select lethe.set_column('desk.orders', 'country_id', 'not personal');
    create table desk.shelves (id int primary key, owner int not null, keeper_id bigint references desk.people);
    create table desk.books (id int primary key, shelf_id int references desk.shelves);
    select lethe.manage_table('desk.shelves', controller_column => 'owner')`)
  expect((await findings(db(), 'unmanaged-table')).map(({ object }) => object)).toEqual(['desk.books'])
  await db().query(
    `select lethe.set_link('desk.shelves', 'desk.people', subject => 'person', kind => 'ignore')`,
  )
  expect(await findings(db(), 'unmanaged-table')).toEqual([])
})
