import { expect, it } from 'vitest'
import { DESK_POLICY, findings, provesItself } from '../../helpers/check.ts'
import { refusal } from '../../helpers/database.ts'
import { applyPolicy } from '../../helpers/engine.ts'

const db = provesItself({
  code: 'undecided-view',
  object: 'desk."Mailing"',
  says: /view desk."Mailing" reads desk.people.email, and it is not decided what it shows/,
  violation: `create view desk."Mailing" as select email from desk.people`,
  repair: `select lethe.set_view('desk.Mailing', 'people')`,
})

const objects = async (): Promise<string[]> =>
  (await findings(db(), 'undecided-view')).map(({ object }) => object)

it('sees through views, whole rows and generated columns, and leaves alone what shows nothing of people', async () => {
  await db().query(`
    create view desk.on_a_view as select upper(email) as email from desk."Mailing";
    create view desk.whole_rows as select to_jsonb(p) as everything from desk.people as p where p.id > 0;
    create view desk.labels as select label from desk.people;
    create view desk.keys as select id, owner from desk.people;
    create view desk.placed as select country, placed from desk.orders`)
  expect(await objects()).toEqual(['desk.labels', 'desk.on_a_view', 'desk.whole_rows'])
  await db().query('drop view desk.labels, desk.on_a_view, desk.whole_rows')
})

it('sees through the functions that a view calls, and leaves alone those that read nothing of people', async () => {
  await db().query(`
    create function desk.standard() returns table (address text) language sql stable begin atomic select email from desk.people; end;
    create function desk.calls_it() returns setof text language sql stable begin atomic select address from desk.standard(); end;
    create function desk.text_body() returns setof text language plpgsql stable as $$ begin return query select email from desk.people; end $$;
    create function desk.whole() returns setof jsonb language sql stable begin atomic select to_jsonb(p) from desk.people as p; end;
    create function desk.keys_of() returns setof bigint language sql stable begin atomic select id from desk.people; end;
    create view desk.a as select * from desk.standard();
    create materialized view desk.b as select * from desk.calls_it();
    create view desk.c as select * from desk.text_body();
    create view desk.d as select * from desk.whole();
    create view desk.e as select * from desk.keys_of()`)
  expect(await objects()).toEqual(['desk.a', 'desk.b', 'desk.c', 'desk.d'])
  await db().query(`
    drop view desk.a, desk.c, desk.d, desk.e;
    drop materialized view desk.b;
    drop function desk.calls_it, desk.standard, desk.text_body, desk.whole, desk.keys_of`)
})

it('takes a materialized view for a copy that somebody must refresh', async () => {
  await db().query('create materialized view desk.copy as select email from desk.people')
  expect((await findings(db(), 'undecided-view')).map(({ sentence }) => sentence)).toEqual([
    'materialized view desk.copy holds a copy of desk.people.email, and it is not decided who refreshes it',
  ])
  expect(await refusal(db().query(`select lethe.set_view('desk.copy', 'people')`))).toMatchObject({
    code: 'LE106',
  })
  await db().query(`select lethe.set_view('desk.copy', 'refreshed copy')`)
  expect(await objects()).toEqual([])
})

it('does not follow figures any further', async () => {
  await db().query(`
    create view desk.by_year as select born, count(*) as people from desk.people group by born;
    create view desk.years as select born from desk.by_year`)
  expect(await objects()).toEqual(['desk.by_year', 'desk.years'])
  await db().query(`select lethe.set_view('desk.by_year', 'figures', array['people'])`)
  expect(await objects()).toEqual([])
})

it('asks again about figures that have changed, also where the file is applied once more', async () => {
  const views = {
    'desk.by_year': { shows: 'figures', counts: ['people'] },
    'desk.copy': { shows: 'refreshed copy' },
    'desk.Mailing': { shows: 'people' },
  }
  await applyPolicy(db(), { ...DESK_POLICY, views })
  expect(await objects()).toEqual([])
  await db().query(`
    create or replace view desk.by_year as select born, count(*) as people, min(email) as somebody from desk.people group by born;
    create or replace view desk."Mailing" as select email, born from desk.people`)
  await applyPolicy(db(), { ...DESK_POLICY, views })
  const [found, ...others] = await findings(db(), 'undecided-view')
  expect([found!.sentence, others]).toEqual([
    'view desk.by_year was decided to show figures, and has another definition now',
    [],
  ])
  await db().query(found!.remedy.replace(/^.*: /, ''))
  expect(await objects()).toEqual([])
})

it('refuses figures that count nobody, and columns that are no numbers', async () => {
  expect(await refusal(db().query(`select lethe.set_view('desk.by_year', 'figures')`))).toMatchObject({
    code: 'LE106',
  })
  expect(
    await refusal(db().query(`select lethe.set_view('desk.by_year', 'figures', array['persons'])`)),
  ).toMatchObject({ code: 'LE103', message: 'view desk.by_year has no column persons of numbers' })
  expect(await refusal(db().query(`select lethe.set_view('desk.people', 'people')`))).toMatchObject({
    code: 'LE106',
  })
  await db().query(`select lethe.unset_view('desk.by_year')`)
  expect(await objects()).toEqual(['desk.by_year', 'desk.years'])
  expect(await refusal(db().query(`select lethe.unset_view('desk.by_year')`))).toMatchObject({
    code: 'LE102',
  })
})
