/** The suppression list: who was forgotten does not come back by an import, unless by choice. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../helpers/database.ts'
import { applyPolicy } from '../helpers/engine.ts'

let db: TestDatabase
let officer: Login
let importer: Login
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    create schema "Shop";
    create type "Shop".code as enum ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j');
    create table "Shop"."Customers" (
      "Code" "Shop".code, nr int, owner int not null, "E-Mail" text, phone varchar(40), at date, primary key ("Code", nr)) partition by list ("Code");
    create table "Shop".some partition of "Shop"."Customers" for values in ('a', 'b', 'c');
    create table "Shop".others partition of "Shop"."Customers" default;
    create table "Shop".notes (id int primary key, owner int)`)
  await applyPolicy(db, {
    version: 1,
    controllers: {
      north: { time_zone: 'America/St_Johns', reference: '1' },
      south: { time_zone: 'Pacific/Apia', reference: '2' },
    },
    subjects: { customer: { table: 'Shop.Customers', identifiers: ['E-Mail', 'phone'] } },
    tables: {
      'Shop.Customers': { controller: { column: 'owner' }, purge: { after: 'P100Y', since: 'at' } },
      'Shop.notes': { controller: { column: 'owner' } },
    },
  })
  officer = await db.asRole('lethe_officer')
  importer = await db.asRole()
  const name = async (login: Login) => (await login.query<{ n: string }>('select session_user as n'))[0]!.n
  await db.query(`
    select lethe.add_member('${await name(officer)}', 'north');
    grant usage on schema "Shop" to "${await name(importer)}"; grant insert, update, select on all tables in schema "Shop" to "${await name(importer)}"`)
})
afterAll(() => db.drop())

async function erased(controller: string, identifiers: [column: string, value: string][]): Promise<number> {
  const [row] = await db.query<{ id: number }>(
    `insert into lethe.requests (controller_id, kind, subject, due_on, state)
     select id, 'erasure', 'customer', current_date, 'executed' from lethe.controllers where name = $1 returning id`,
    [controller],
  )
  await db.query(
    `insert into lethe_private.request_identifiers
     select r.id, i.n, i.what ->> 0, s.sealed, s.key_version
     from lethe.requests as r cross join jsonb_array_elements($2::jsonb) with ordinality as i (what, n)
     cross join lateral lethe_private.seal_text(i.what ->> 1, r.controller_id) as s where r.id = $1`,
    [row!.id, JSON.stringify(identifiers)],
  )
  return row!.id
}

const suppress = (id: number, until: string | null = null) =>
  db.query('select lethe_private.suppress($1, $2)', [id, until])
const asked = async (identifier: string, controller = 'north', by: Login = db): Promise<boolean> =>
  (
    await by.query<{ s: boolean }>('select lethe.is_suppressed($1, $2, $3) as s', [
      'customer',
      identifier,
      controller,
    ])
  )[0]!.s
const printed = async (onArrival: string): Promise<void> => {
  const [row] = await officer.query<{ sql: string }>('select lethe.suppression_sql($1, $2) as sql', [
    'Shop.Customers',
    onArrival,
  ])
  await db.query(row!.sql)
}
let nr = 0
const arrive = (
  email: string | null,
  phone: string | null = null,
  { owner = 1, by = importer as Pick<Login, 'query'> | pg.Client, code = 'a' } = {},
) =>
  (by as Login).query(`insert into "Shop"."Customers" values ($1, $2, $3, $4, $5, current_date)`, [
    code,
    nr++,
    owner,
    email,
    phone,
  ])

describe('the list', () => {
  it('recognises every spelling of an identifier, for its controller and subject type alone, and shows nobody', async () => {
    await suppress(
      await erased('north', [
        ['E-Mail', 'Luis@Example.org'],
        ['phone', '+33 6 12 34 56 78'],
        ['E-Mail', 'x'],
      ]),
    )
    for (const spelling of [
      'luis@example.org',
      ' LUIS@EXAMPLE.ORG ',
      '06.12.34.56.78',
      '0033612345678',
      '(06) 12 34 56 78',
    ])
      expect(await asked(spelling)).toBe(true)
    for (const other of ['luis@example.com', '0612345679', 'x', '', ' '])
      expect(await asked(other)).toBe(false)
    expect(await asked('luis@example.org', 'south')).toBe(false)
    expect(await db.query(`select lethe.is_suppressed('other', 'luis@example.org', 'north') as s`)).toEqual([
      { s: false },
    ])
    expect(await db.query(`select lethe.is_suppressed('customer', null, 'north') as s`)).toEqual([
      { s: false },
    ])
    const [{ list }] = (await db.query<{ list: string }>(
      `select jsonb_agg(s)::text as list from lethe_private.suppressions as s`,
    )) as [{ list: string }]
    expect(list).not.toMatch(/luis|612345678/i)
    expect(list).toMatch(/Art\. 17/)
  })

  it('goes on recognising when the controller has another key', async () => {
    await db.query('select lethe_private.new_key(id) from lethe.controllers')
    expect(await asked('luis@example.org')).toBe(true)
    expect(await asked('luis@example.com')).toBe(false)
  })

  it("may be asked by officers of the controller and by applications that were granted it; another controller's is refused (LE502)", async () => {
    expect(await asked('luis@example.org', 'north', officer)).toBe(true)
    expect(await refusal(asked('luis@example.org', 'south', officer))).toMatchObject({ code: 'LE502' })
    expect(await refusal(asked('luis@example.org', 'north', importer))).toMatchObject({ code: '42501' })
    const [row] = await importer.query<{ n: string }>('select session_user as n')
    await db.query(`grant execute on function lethe.is_suppressed(text, text, text) to "${row!.n}"`)
    expect(await asked('luis@example.org', 'north', importer)).toBe(true)
    await db.query(`revoke execute on function lethe.is_suppressed(text, text, text) from "${row!.n}"`)
    expect(await refusal(db.query(`select lethe.is_suppressed('customer', 'a')`))).toMatchObject({
      code: 'LE101',
    })
  })

  it('keeps an entry through its last day where the controller is, and the cycle takes it off after that', async () => {
    const today = async (controller: string) =>
      (
        await db.query<{ d: string }>(
          `select lethe_private.today(time_zone)::text as d from lethe.controllers where name = $1`,
          [controller],
        )
      )[0]!.d
    for (const controller of ['north', 'south']) {
      const last = await today(controller)
      await suppress(await erased(controller, [['E-Mail', `last@${controller}.example`]]), last)
      await db.query('select lethe_private.purge_suppressions()')
      expect(await asked(`last@${controller}.example`, controller)).toBe(true)
    }
    await db.query(`update lethe_private.suppressions set until = until - 1 where until < current_date + 100`)
    for (const controller of ['north', 'south'])
      expect(await asked(`last@${controller}.example`, controller)).toBe(false)
    const count = async () =>
      (await db.query(`select from lethe_private.suppressions where until < current_date + 100`)).length
    expect(await count()).toBe(2)
    await db.query(`update lethe.requests set state = 'completed' where state = 'executed'`)
    await db.query(`call lethe.run_cycle('north')`)
    expect(await count()).toBe(0)
    expect(await asked('luis@example.org')).toBe(true)
  })

  it('is filled by the residue scan at the latest, before it forgets the identifiers', async () => {
    const id = await erased('north', [['E-Mail', 'scanned@example.org']])
    await db.query('select from lethe.scan_residue(array[$1::bigint])', [id])
    expect(await db.query(`select from lethe_private.request_identifiers where request_id = ${id}`)).toEqual(
      [],
    )
    expect(await asked('scanned@example.org')).toBe(true)
  })
})

describe('in front of a table', () => {
  it('changes nothing by itself, and refuses what it cannot print for (LE446)', async () => {
    await arrive('luis@example.org')
    const print = (table: string, how: string) =>
      officer.query('select lethe.suppression_sql($1, $2)', [table, how])
    expect(await refusal(print('Shop.notes', 'refuse'))).toMatchObject({
      code: 'LE446',
      message: 'Shop.notes is the root of no subject type with identifiers',
    })
    expect(await refusal(print('Shop.Customers', 'shrug'))).toMatchObject({ code: 'LE446' })
    await print('Shop.Customers', 'refuse')
    await arrive('luis@example.org', '0612345678')
    await db.query('delete from "Shop"."Customers"')
  })

  it('refuses whoever was forgotten, in every partition, by INSERT and UPDATE, without a word of who it is (LE445)', async () => {
    await printed('refuse')
    for (const code of ['a', 'd']) {
      const said = await refusal(arrive('LUIS@example.org', null, { code }))
      expect(said).toMatchObject({ code: 'LE445', column: 'E-Mail' })
      expect(JSON.stringify(said)).not.toMatch(/luis/i)
    }
    expect(await refusal(arrive('other@example.org', '06 12 34 56 78'))).toMatchObject({
      code: 'LE445',
      column: 'phone',
    })
    await arrive('other@example.org', '06 12 34 56 79')
    expect(
      await refusal(importer.query(`update "Shop"."Customers" set "E-Mail" = 'luis@example.org'`)),
    ).toMatchObject({ code: 'LE445' })
    expect(await db.query(`select "E-Mail" from "Shop"."Customers"`)).toEqual([
      { 'E-Mail': 'other@example.org' },
    ])
  })

  it("lets in another controller's, the null, the empty, and what was there before", async () => {
    await arrive('luis@example.org', null, { owner: 2 })
    await arrive(null, '')
    await db.query(`alter table "Shop"."Customers" disable trigger lethe_suppression_customer`)
    await arrive('luis@example.org')
    await db.query(`alter table "Shop"."Customers" enable trigger lethe_suppression_customer`)
    await importer.query(`update "Shop"."Customers" set at = current_date - 1, "E-Mail" = "E-Mail"`)
    await db.query('delete from "Shop"."Customers"')
  })

  it('makes an import wait for an erasure of the same identifier under way, and judges it afterwards', async () => {
    const erasure = await db.connect()
    const id = await erased('north', [['E-Mail', 'racing@example.org']])
    await erasure.query('begin')
    await erasure.query(
      `select pg_advisory_xact_lock(lethe_private.identifier_lock_id(controller_id, 'RACING@example.org')) from lethe.requests where id = ${id}`,
    )
    await arrive('somebody@example.org')
    const waiting = refusal(arrive('racing@example.org'))
    while ((await db.query(`select from pg_locks where locktype = 'advisory' and not granted`)).length === 0)
      await new Promise((wake) => setTimeout(wake, 20))
    await erasure.query('select lethe_private.suppress($1)', [id])
    await erasure.query('commit')
    expect(await waiting).toMatchObject({ code: 'LE445' })
    await db.query('delete from "Shop"."Customers"')
  })

  it('flags instead where that was chosen, lists rows to officers of the controller alone, and lets back in by choice', async () => {
    await printed('flag')
    const client = await importer.connect()
    const warnings: string[] = []
    client.on('notice', (notice) => warnings.push(`${notice.code} ${notice.message}`))
    nr = 100
    await arrive('Luis@example.org', '0612345678', { by: client })
    await arrive('new@example.org', null, { by: client })
    expect(warnings).toEqual([
      'LE445 column "E-Mail" of Shop.Customers has an identifier of somebody who asked to be forgotten',
      'LE445 column phone of Shop.Customers has an identifier of somebody who asked to be forgotten',
    ])
    const listed = () =>
      officer.query('select controller, table_name, column_name, key from lethe.list_recaptures()')
    expect(await listed()).toEqual([
      { controller: 'north', table_name: 'Shop.Customers', column_name: 'E-Mail', key: '["a", "100"]' },
      { controller: 'north', table_name: 'Shop.Customers', column_name: 'phone', key: '["a", "100"]' },
    ])
    expect(await refusal(importer.query('select * from lethe.list_recaptures()'))).toMatchObject({
      code: '42501',
    })
    const allow = (identifier: string, reason: string, controller = 'north') =>
      officer.query('select lethe.allow_recapture($1, $2, $3, $4) as n', [
        'customer',
        identifier,
        reason,
        controller,
      ])
    expect(await refusal(allow('luis@example.org', ' '))).toMatchObject({ code: 'LE443' })
    expect(await refusal(allow('luis@example.org', 'came back', 'south'))).toMatchObject({ code: 'LE502' })
    expect(await refusal(allow('nobody@example.org', 'came back'))).toMatchObject({
      code: 'LE444',
      message: expect.not.stringContaining('nobody@'),
    })
    expect(await allow('06.12.34.56.78', 'signed up again')).toEqual([{ n: 2 }])
    expect(await listed()).toEqual([])
    expect(await asked('luis@example.org')).toBe(false)
    expect(
      await db.query(`select event, reason from lethe.request_events where event = 'recapture allowed'`),
    ).toEqual([{ event: 'recapture allowed', reason: 'signed up again' }])
    await printed('refuse')
    await arrive('luis@example.org', '0612345678')
  })

  it("runs no cast of the host's with more rights than the importer's", async () => {
    await db.query(`
      create table "Shop".ran (who name); grant insert on "Shop".ran to public;
      create function "Shop".to_text("Shop".code) returns text language plpgsql as $$ begin insert into "Shop".ran values (current_user); return 'x'; end $$;
      create function "Shop".to_json("Shop".code) returns json language plpgsql as $$ begin insert into "Shop".ran values (current_user); return '1'; end $$;
      create cast ("Shop".code as text) with function "Shop".to_text("Shop".code) as implicit;
      create cast ("Shop".code as json) with function "Shop".to_json("Shop".code)`)
    await printed('flag')
    await suppress(await erased('north', [['E-Mail', 'again@example.org']]))
    await arrive('again@example.org')
    expect((await db.query('select from lethe_private.recaptures')).length).toBe(1)
    expect(await db.query('select * from "Shop".ran')).toEqual([])
    await db.query(`insert into "Shop".ran select '' where to_json('a'::"Shop".code)::text = 'x'`)
    expect((await db.query('select from "Shop".ran')).length).toBe(1)
  })
})
