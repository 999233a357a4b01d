import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'unclassified-column',
  object: 'desk.people."Shoe size"',
  says: /column "Shoe size" of desk.people has no decision/,
  violation: `alter table desk.people add column "Shoe size" int, add column gone int; alter table desk.people drop column gone`,
  repair: `select lethe.set_column('desk.people', 'Shoe size', 'not personal')`,
})

it('takes a rule for a decision, and says what an undecided column refers to', async () => {
  await db().query(`
    create table desk.sizes (id int primary key);
    alter table desk.people add column size_id int references desk.sizes, add column phone text`)
  expect((await findings(db(), 'unclassified-column')).map(({ sentence }) => sentence)).toEqual([
    'column phone of desk.people has no decision',
    'column size_id of desk.people has no decision; it refers to desk.sizes',
  ])
  await db().query(`
    select lethe.set_rule('desk.people', 'purge', 'P1Y', 'phone', array['seen']);
    select lethe.set_column('desk.people', 'size_id', 'not personal')`)
  expect(await findings(db(), 'unclassified-column')).toEqual([])
  expect(await findings(db(), 'unmanaged-table')).toEqual([])
})

it('asks of a key only what the database did not make up itself', async () => {
  await db().query(`
    create table desk.cards (email text primary key, owner int not null, token uuid not null default gen_random_uuid());
    select lethe.manage_table('desk.cards', controller_column => 'owner');
    create table desk.passes (id uuid primary key default gen_random_uuid(), owner int not null);
    select lethe.manage_table('desk.passes', controller_column => 'owner')`)
  expect((await findings(db(), 'unclassified-column')).map(({ object }) => object)).toEqual([
    'desk.cards.email',
    'desk.cards.token',
  ])
})

it('names a column of a partitioned table once, whatever the number of its partitions', async () => {
  await db().query(`
    create table desk.visits (id bigint generated always as identity, day date, owner int not null, page text, primary key (id, day)) partition by range (day);
    create table desk.visits_a partition of desk.visits for values from ('2020-01-01') to ('2021-01-01');
    create table desk.visits_b partition of desk.visits default;
    select lethe.manage_table('desk.visits', controller_column => 'owner')`)
  const objects = (await findings(db(), 'unclassified-column')).map(({ object }) => object)
  expect(objects.filter((object) => object.includes('visits'))).toEqual([
    'desk.visits.day',
    'desk.visits.page',
  ])
})
