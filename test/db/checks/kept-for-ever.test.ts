import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'
import { refusal } from '../../helpers/database.ts'

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

const remedies = async (): Promise<[string, string][]> =>
  (await findings(db(), 'kept-for-ever')).map(({ object, remedy }) => [object, remedy])

it('names a remedy that works, of a generated column and of one that no rule may rewrite', async () => {
  await db().query(`
    create table desk.cards (
      id bigint generated always as identity primary key, owner int not null, code text unique, name text not null, alias text, town text,
      label text generated always as (name || coalesce(' ' || alias, '')) stored, of_code text references desk.cards (code), seen date);
    create index on desk.cards (of_code);
    select lethe.manage_table('desk.cards', controller_column => 'owner')`)
  const categories = {
    name: 'direct identifier',
    alias: 'quasi-identifier',
    town: 'not personal',
    label: 'direct identifier',
    code: 'direct identifier',
    of_code: 'not personal',
    seen: 'not personal',
  }
  for (const [column, category] of Object.entries(categories))
    await db().query(`select lethe.set_column('desk.cards', $1, $2)`, [column, category])
  const plain =
    'anonymize or purge it, or purge its row, after some time; what is only archived stays in the archive'
  expect(await remedies()).toEqual([
    ['desk.cards.alias', plain],
    ['desk.cards.code', 'purge its row after some time: no rule may rewrite this column'],
    [
      'desk.cards.label',
      'anonymize or purge, after some time, what it is generated from: alias, name; or purge its row',
    ],
    ['desk.cards.name', plain],
  ])
  for (const column of ['label', 'code'])
    expect(
      (
        await refusal(
          db().query(
            `select lethe.set_rule('desk.cards', 'anonymize', 'P1Y', $1, array['seen'], method => 'pseudonym')`,
            [column],
          ),
        )
      ).code,
    ).toMatch(/^LE30[89]$/)

  // To the letter: one of the sources, then the other, for one controller, then for both.
  await db().query(`select lethe.set_rule('desk.cards', 'purge', 'P1Y', 'alias', array['seen'])`)
  expect((await remedies()).slice(1)).toEqual([
    [
      'desk.cards.label',
      'anonymize or purge, after some time, what it is generated from: name; or purge its row',
    ],
    ['desk.cards.name', plain],
  ])
  const rule = `select lethe.set_rule('desk.cards', 'anonymize', 'P1Y', 'name', array['seen'], method => 'pseudonym'`
  await db().query(`${rule}, controller => 'south')`)
  expect((await findings(db(), 'kept-for-ever')).map(({ sentence }) => sentence)).toEqual([
    expect.stringContaining('code'),
    'nothing ever ends column label of desk.cards (direct identifier) for controller north',
    'nothing ever ends column name of desk.cards (direct identifier) for controller north',
  ])
  await db().query(`${rule})`)
  expect((await remedies()).map(([object]) => object)).toEqual(['desk.cards.code'])
  await db().query(`select lethe.set_rule('desk.cards', 'purge', 'P3Y', since => array['seen'])`)
  expect(await remedies()).toEqual([])
})
