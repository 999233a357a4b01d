import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'child-column',
  object: 'desk.vips.nickname',
  says: /column nickname of desk.vips is not in desk.people, from which it inherits/,
  violation: 'create table desk.vips (nickname text) inherits (desk.people)',
  repair: 'alter table desk.vips drop column nickname',
})

it('is found below two parents, whichever of them is the older, and below a table that was put under another since', async () => {
  await db().query(`
    create table desk.tagged (tag text);
    create table desk.guests (token text) inherits (desk.tagged, desk.people)`)
  const both = ['desk.guests.tag', 'desk.guests.token']
  expect((await findings(db(), 'child-column')).map(({ object }) => object)).toEqual(both)
  await db().query(`
    create table desk.base ();
    alter table desk.people inherit desk.base;
    create view desk.mailing as select email from desk.people;
    create table desk.visits (person_id bigint references desk.people)`)
  expect((await findings(db(), 'child-column')).map(({ object }) => object)).toEqual(both)
  expect((await findings(db(), 'undecided-view')).map(({ object }) => object)).toEqual(['desk.mailing'])
  expect((await findings(db(), 'unmanaged-table')).map(({ object }) => object)).toEqual(['desk.visits'])
})
