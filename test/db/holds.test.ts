/** Legal holds on people, predicates and tables; who may place them; what they keep Lethe itself from. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, fingerprint, rowsOf, runCycle } from '../helpers/engine.ts'

const POLICY = {
  version: 1,
  controllers: {
    north: { time_zone: 'America/St_Johns', reference: '1' },
    south: { time_zone: 'Pacific/Apia', reference: '2' },
  },
  subjects: {
    member: {
      table: 'club.Members',
      identifiers: ['email', 'phone'],
      links: {
        'club.orders': { kind: 'own' },
        'club.lines': { kind: 'own' },
        'club.homes': { kind: 'share' },
        'club.notes': { kind: 'mention' },
      },
    },
  },
  tables: {
    'club.homes': { controller: { column: 'owner' }, purge: { after: 'P1Y', since: 'at' } },
    'club.Members': {
      controller: { column: 'owner' },
      columns: {
        email: { category: 'contact', anonymize: { after: 'P1Y', since: 'at', using: 'pseudonym_email' } },
        phone: {
          category: 'contact',
          archive: { after: 'P1Y', since: 'at', using: 'suppress' },
          purge: { after: 'P18M', since: 'at' },
        },
      },
      purge: { after: 'P2Y', since: 'at' },
    },
    'club.orders': {
      controller: { column: 'owner' },
      columns: { address: { category: 'contact', purge: { after: 'P1Y', since: 'at' } } },
      archive: { after: 'P2Y', since: 'at' },
      purge: { after: 'P3Y', since: 'at' },
    },
    'club.lines': {
      controller: { column: 'owner' },
      with: 'parent',
      columns: { label: { category: 'content', purge: { after: 'P30M', since: 'at' } } },
    },
    'club.notes': {
      controller: { column: 'owner' },
      unlink: 'member_id',
      purge: { after: 'P1Y', since: 'at' },
    },
  },
}

let db: TestDatabase
let officer: Login
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(`
    create schema club;
    create type club.state as enum ('new', 'paid', 'disputed');
    create table club.homes (id int primary key, owner int, at date, street text);
    create table club."Members" (id uuid primary key, owner int, at date, email text, phone text, home_id int references club.homes, state club.state);
    create index on club."Members" (home_id);
    create table club.orders (id int, year int, owner int, at date, member_id uuid references club."Members", address text, state club.state, primary key (id, year));
    create index on club.orders (member_id);
    create table club.lines (id int primary key, owner int, at date, order_id int, order_year int, label text,
      foreign key (order_id, order_year) references club.orders (id, year) on delete cascade);
    create index on club.lines (order_id, order_year);
    create table club.notes (id int primary key, owner int, at date, member_id uuid references club."Members", body text);
    create index on club.notes (member_id)`)
  await applyPolicy(db, POLICY)
  await db.query(
    'grant usage on schema club to lethe_owner, lethe_sweeper; grant insert, update on club.orders, club.lines to lethe_sweeper',
  )
  officer = await db.asRole('lethe_officer')
  await db.query(
    `select lethe.add_member('${(await officer.query<{ me: string }>('select session_user as me'))[0]!.me}', 'north')`,
  )
})
afterAll(() => db.drop())

/** A session whose transaction is rolled back, whatever happens in it; three members, everything long overdue. */
async function inTransaction(work: (client: pg.Client) => Promise<void>, login: Login = db): Promise<void> {
  const client = await login.connect()
  await client.query('begin')
  try {
    await work(client)
  } finally {
    await client.query('rollback')
    await client.end()
  }
}

const ADA = '00000000-0000-0000-0000-00000000000a'
const BOB = '00000000-0000-0000-0000-00000000000b'
const CYD = '00000000-0000-0000-0000-00000000000c'

async function fill(client: pg.Client, at = '2015-05-05'): Promise<void> {
  await client.query(`
    insert into club.homes select i, case i when 3 then 2 else 1 end, '${at}', 'street ' || i from generate_series(1, 4) as i;
    insert into club."Members" values
      ('${ADA}', 1, '${at}', 'Ada@example.org', '+1', 1, 'paid'), ('${BOB}', 1, '${at}', 'bob@example.org', '+2', 2, 'new'),
      ('${CYD}', 2, '${at}', 'ada@example.org', '+3', 3, 'paid');
    insert into club.orders values (1, 2015, 1, '${at}', '${ADA}', 'road 1', 'disputed'), (2, 2015, 1, '${at}', '${BOB}', 'road 2', 'paid'), (3, 2015, 2, '${at}', '${CYD}', 'road 3', 'new');
    insert into club.lines select i, case i when 3 then 2 else 1 end, '${at}', i, 2015, 'label ' || i from generate_series(1, 3) as i;
    insert into club.notes values (1, 1, '${at}', '${ADA}', 'a note'), (2, 1, current_date, '${ADA}', 'new')`)
}

async function count(client: pg.Client): Promise<Record<string, number>> {
  const [row] = await rowsOf<Record<string, number>>(
    client,
    `select (select count(*) from club.homes)::int as homes, (select count(*) from club."Members")::int as members, (select count(*) from club.orders)::int as orders,
      (select count(*) from club.lines)::int as lines, (select count(*) from club.notes)::int as notes`,
  )
  return row!
}

const one = async (client: pg.Client, text: string, values?: unknown[]): Promise<unknown> =>
  Object.values((await rowsOf(client, text, values))[0]!)[0]

async function cycles(client: pg.Client, day?: string): Promise<void> {
  for (const name of ['north', 'south']) expect(await runCycle(client, name, day)).toBe('complete')
}

describe('a hold on a person', () => {
  it('keeps the root row, what it owns at any distance and what it shares; not what only mentions it, nor anybody else', () =>
    inTransaction(async (client) => {
      await fill(client)
      await client.query(
        `select lethe.hold_person('case 1', 'member', key => '${ADA}', controller => 'north')`,
      )
      const kept = `select (select jsonb_agg(m) from club."Members" as m where id = '${ADA}') as m, (select jsonb_agg(o) from club.orders as o where id = 1) as o,
        (select jsonb_agg(l) from club.lines as l where id = 1) as l, (select jsonb_agg(h) from club.homes as h where id = 1) as h`
      const before = await rowsOf(client, kept)
      await cycles(client)
      expect(await rowsOf(client, kept)).toEqual(before)
      expect(await count(client)).toEqual({ homes: 1, members: 1, orders: 1, lines: 1, notes: 1 })
      // The note that stays still refers to the member who stays.
      expect(await one(client, 'select member_id from club.notes')).toBe(ADA)
    }))

  it('is found by an identifier whatever its case, in every account that has it, but only where the controller is', () =>
    inTransaction(async (client) => {
      await fill(client)
      await client.query(`update club."Members" set email = 'ADA@EXAMPLE.ORG' where id = '${BOB}'`)
      const id = await one(
        client,
        `select lethe.hold_person('case 1', 'member', identifier => ' ada@example.org', controller => 'north')`,
      )
      expect(
        await rowsOf(client, 'select table_name, live, archived from lethe.held_rows($1)', [id]),
      ).toEqual([
        { table_name: 'club.Members', live: 2, archived: 0 },
        { table_name: 'club.homes', live: 2, archived: 0 },
        { table_name: 'club.lines', live: 2, archived: 0 },
        { table_name: 'club.orders', live: 2, archived: 0 },
      ])
      expect(await one(client, 'select rows_named from lethe.list_holds()')).toBe(2)
    }))

  it('reaches rows that arrive later', () =>
    inTransaction(async (client) => {
      await fill(client)
      await client.query(
        `select lethe.hold_person('case 1', 'member', key => '${ADA}', controller => 'north')`,
      )
      await cycles(client)
      await client.query(`insert into club.orders values (9, 2001, 1, '2001-01-01', '${ADA}', 'late', 'new');
        insert into club.lines values (9, 1, '2001-01-01', 9, 2001, 'late')`)
      const printed = await fingerprint(client, 'club.orders', 'club.lines')
      await cycles(client)
      expect(await fingerprint(client, 'club.orders', 'club.lines')).toBe(printed)
    }))

  it('ends after its last day in the calendar of its controller, and what is overdue goes in that cycle', () =>
    inTransaction(async (client) => {
      await fill(client)
      await client.query(
        `select lethe.hold_person('case 1', 'member', key => '${ADA}', controller => 'north', ends_on => lethe_private.today('America/St_Johns'))`,
      )
      const printed = await fingerprint(client, 'club.orders', 'club.lines')
      await client.query(
        `update club.orders set at = current_date where id <> 1; update club.lines set at = current_date where id <> 1`,
      )
      const held = `select state from lethe.list_holds()`
      expect(await one(client, held)).toBe('in force')
      await cycles(client)
      expect(
        await one(client, 'select count(*)::int from club.lines where id = 1 and label is not null'),
      ).toBe(1)
      expect(printed).not.toBe('')
      await client.query(`update lethe.holds set ends_on = ends_on - 1; delete from lethe.cycles where false`)
      expect(await one(client, held)).toBe('lapsed')
      await cycles(client)
      expect(await one(client, 'select count(*)::int from club.lines where id = 1')).toBe(0)
    }))

  it('lets everything go in the first cycle after it has been released, and forgets whom it named', () =>
    inTransaction(async (client) => {
      await fill(client)
      const id = await one(
        client,
        `select lethe.hold_person('case 1', 'member', key => '${ADA}', controller => 'north')`,
      )
      await cycles(client)
      await client.query(`select lethe.release_hold($1, 'closed')`, [id])
      await cycles(client)
      expect(await count(client)).toEqual({ homes: 0, members: 0, orders: 0, lines: 0, notes: 1 })
      expect(await one(client, 'select count(*)::int from lethe_private.held_keys')).toBe(0)
      expect(
        await rowsOf(
          client,
          `select state, released_by is not null as by, release_reason from lethe.list_holds(true)`,
        ),
      ).toEqual([{ state: 'released', by: true, release_reason: 'closed' }])
      // Nothing of the person is left in the record of changes.
      expect(
        await one(
          client,
          `select count(*)::int from lethe.policy_changes as p where p::text ilike '%${ADA}%'`,
        ),
      ).toBe(0)
    }))

  it('says why in one place, which the cycle empties three years after the hold ended', () =>
    inTransaction(async (client) => {
      await fill(client)
      const place = (until: string | null) =>
        one(client, `select lethe.hold_table('Ada said so', 'club.orders', $1::date, 'south')`, [until])
      const released = await place(null)
      const lapsed = await place('2999-01-01')
      const inForce = await place(null)
      await client.query(`select lethe.release_hold($1, 'Ada took it back')`, [released])
      expect(
        await rowsOf(
          client,
          `select before is null as placed, after ->> 'released_at' is null as holds, reason from lethe.policy_changes as p
           where object = 'holds' and coalesce(after, before) ->> 'id' = $1::text order by id`,
          [released],
        ),
      ).toEqual([
        { placed: true, holds: true, reason: null },
        { placed: false, holds: false, reason: null },
      ])
      expect(
        await one(client, `select count(*)::int from lethe.policy_changes as p where p::text ~ 'Ada'`),
      ).toBe(0)

      const reasons = () =>
        rowsOf(client, `select id, reason, release_reason from lethe.list_holds(true) where id >= $1`, [
          released,
        ])
      const whole = [
        { id: released, reason: 'Ada said so', release_reason: 'Ada took it back' },
        { id: lapsed, reason: 'Ada said so', release_reason: null },
        { id: inForce, reason: 'Ada said so', release_reason: null },
      ]
      const age = (days: number) =>
        client.query(
          `update lethe.holds set
             placed_at = now() - interval '4 years',
             released_at = now() - interval '3 years' - make_interval(days => $2) where id = $1`,
          [released, days],
        )
      await age(-2)
      await cycles(client)
      expect(await reasons()).toEqual(whole)
      await age(2)
      await client.query(
        `update lethe.holds set ends_on = current_date - interval '3 years' - interval '2 days' where id = $1`,
        [lapsed],
      )
      const changes = () => one(client, 'select count(*)::int from lethe.policy_changes')
      const before = await changes()
      await client.query('select lethe_private.forget_hold_reasons()')
      expect(await reasons()).toEqual([
        { id: released, reason: 'forgotten', release_reason: null },
        { id: lapsed, reason: 'forgotten', release_reason: null },
        whole[2],
      ])
      expect(await changes()).toBe(before)
    }))

  it('reaches what had been archived before: rows, what came along, and values', () =>
    inTransaction(async (client) => {
      await fill(client, '2024-06-01')
      // Phones and orders with their lines go to the archive; members stay, their purge is not due.
      await client.query(
        `update club."Members" set at = '2024-06-01'; update club.orders set at = '2023-01-01'; update club.lines set at = '2023-01-01'`,
      )
      await cycles(client, '2025-06-15')
      expect(await count(client)).toMatchObject({ members: 3, orders: 0, lines: 0 })
      const id = await one(
        client,
        `select lethe.hold_person('case 1', 'member', key => '${ADA}', controller => 'north')`,
      )
      expect(
        await rowsOf(client, 'select table_name, live, archived from lethe.held_rows($1)', [id]),
      ).toEqual([
        { table_name: 'club.Members', live: 1, archived: 1 },
        { table_name: 'club.homes', live: 1, archived: 0 },
        { table_name: 'club.lines', live: 0, archived: 1 },
        { table_name: 'club.orders', live: 0, archived: 1 },
      ])
      await cycles(client)
      const contents = `select table_name, content, sum(rows)::int as rows from lethe.archive_contents() group by 1, 2 order by 1, 2`
      expect(await rowsOf(client, contents)).toEqual([
        { table_name: 'club."Members"', content: 'values', rows: 1 },
        { table_name: 'club.lines', content: 'rows', rows: 1 },
        { table_name: 'club.orders', content: 'rows', rows: 1 },
      ])
      const key = await one(
        client,
        `select k.key from lethe_private.held_keys as k join lethe.managed_tables as m on m.id = k.table_id where m.table_name = 'orders'`,
      )
      await client.query('savepoint before')
      expect(
        await refusal(
          client.query(`select lethe.open_archive('look', 'club.orders', $1, restore => true)`, [key]),
        ),
      ).toMatchObject({ code: 'LE409' })
      await client.query('rollback to savepoint before')
      expect(
        await rowsOf(client, `select table_name from lethe.open_archive('look', 'club.orders', $1)`, [key]),
      ).toHaveLength(2)

      await client.query(`select lethe.release_hold($1, 'closed')`, [id])
      await client.query('savepoint before')
      expect(
        await rowsOf(
          client,
          `select table_name from lethe.open_archive('look', 'club.orders', $1, restore => true)`,
          [key],
        ),
      ).toHaveLength(2)
      await client.query('rollback to savepoint before')
      await cycles(client)
      expect(await rowsOf(client, contents)).toEqual([])
    }))
})

describe('a hold on rows', () => {
  it('keeps what satisfies its predicate whenever it is looked at, of its controller alone', () =>
    inTransaction(async (client) => {
      await fill(client)
      await client.query(`update club.orders set state = 'disputed'`)
      await client.query(
        `select lethe.hold_rows('case 2', 'club.orders', 'state = ''disputed''', controller => 'north')`,
      )
      await client.query(`update club.orders set state = 'paid' where id = 2`)
      await cycles(client)
      expect(await rowsOf(client, 'select id, address from club.orders')).toEqual([
        { id: 1, address: 'road 1' },
      ])
      // Parents stay, though nothing holds them.
      expect(await count(client)).toEqual({ homes: 1, members: 1, orders: 1, lines: 1, notes: 1 })
      expect(await one(client, `select state from club.orders`)).toBe('disputed')
    }))

  it('reaches archived rows that satisfy it, and keeps the record they came with', () =>
    inTransaction(async (client) => {
      await fill(client, '2023-01-01')
      await cycles(client, '2025-06-15')
      await client.query(
        `select lethe.hold_rows('case 2', 'club.lines', 'id in (1, 3)', controller => 'north')`,
      )
      await cycles(client)
      expect(
        await rowsOf(
          client,
          `select table_name, sum(rows)::int as rows from lethe.archive_contents() group by 1 order by 1`,
        ),
      ).toEqual([
        { table_name: 'club.lines', rows: 1 },
        { table_name: 'club.orders', rows: 1 },
      ])
    }))

  it('is refused where the archive could not answer its predicate (LE408), and taken where it can', () =>
    inTransaction(async (client) => {
      for (const predicate of [`state = 'paid'`, 'home_id = 4']) {
        await client.query('savepoint before')
        expect(
          await refusal(
            client.query(`select lethe.hold_rows('case 2', 'club.Members', $1, controller => 'north')`, [
              predicate,
            ]),
          ),
        ).toMatchObject({ code: 'LE408' })
        await client.query('rollback to savepoint before')
      }
      await client.query('savepoint before')
      expect(
        await refusal(
          client.query(`select lethe.hold_rows('case 2', 'club.orders', $1, controller => 'north')`, [
            `state > 'new'`,
          ]),
        ),
      ).toMatchObject({ code: 'LE408' })
      await client.query('rollback to savepoint before')
      await client.query(
        `select lethe.hold_rows('case 2', 'club.Members', 'at < ''2024-01-01''', controller => 'north')`,
      )
      await client.query(
        `select lethe.hold_rows('case 2', 'club.orders', 'state = ''new''', controller => 'north')`,
      )
    }))

  it('takes a predicate as a rule does: one immutable expression that names nothing of the host', async () => {
    for (const predicate of ['true) or (true', 'at < now()', `id in (select 1)`, 'club.f(id)', ''])
      expect(
        await refusal(
          db.query(`select lethe.hold_rows('case', 'club.homes', $1, controller => 'north')`, [predicate]),
        ),
      ).toMatchObject({ code: 'LE303' })
    await db.query(`insert into club.homes values (77, 1, current_date, 'private street')`)
    const error = await refusal(
      db.query(`select lethe.hold_rows('case', 'club.homes', 'street::int = 1', controller => 'north')`),
    )
    expect(error.code).toBe('22P02')
    expect(error.message).not.toContain('private')
    await db.query('delete from club.homes')
  })
})

describe('a hold on a table', () => {
  it('keeps every row that it has of one controller', () =>
    inTransaction(async (client) => {
      await fill(client)
      const printed = await one(
        client,
        `select jsonb_agg(m order by id) from club."Members" as m where owner = 1`,
      )
      await client.query(`select lethe.hold_table('audit', 'club.Members', controller => 'north')`)
      await cycles(client)
      expect(
        await one(client, `select jsonb_agg(m order by id) from club."Members" as m where owner = 1`),
      ).toEqual(printed)
      expect(await one(client, `select count(*)::int from club."Members" where owner = 2`)).toBe(0)
    }))
})

describe('placing and releasing', () => {
  const hold = `select lethe.hold_rows('case', 'club.homes', 'id = 1', controller => `

  it('is for officers of that controller, for whom nobody else’s hold exists', async () => {
    expect(await refusal(officer.query(`${hold}'south')`))).toMatchObject({ code: 'LE502' })
    const [placed] = await officer.query<{ id: number }>(
      `select lethe.hold_rows('case', 'club.homes', 'street = ''x''', controller => 'north') as id`,
    )
    const [foreign] = await db.query<{ id: number }>(`${hold}'south') as id`)
    expect(
      await officer.query('select id, author = session_user as mine, "when" from lethe.list_holds()'),
    ).toEqual([{ id: placed!.id, mine: true, when: "street = 'x'" }])
    expect(
      await refusal(officer.query('select lethe.release_hold($1, $2)', [foreign!.id, 'x'])),
    ).toMatchObject({ code: 'LE110' })
    expect(await refusal(officer.query('select lethe.held_rows($1)', [foreign!.id]))).toMatchObject({
      code: 'LE110',
    })
    // An auditor sees that there is a hold, and not the predicate.
    const auditor = await db.asRole('lethe_auditor')
    await db.query(
      `select lethe.add_member('${(await auditor.query<{ me: string }>('select session_user as me'))[0]!.me}', 'north')`,
    )
    expect(await auditor.query('select id, "when" from lethe.list_holds()')).toEqual([
      { id: placed!.id, when: null },
    ])
    const preview = `select string_agg(statement, ';') as all from lethe.preview('club.homes', 'north')`
    expect((await officer.query<{ all: string }>(preview))[0]!.all).toContain(`(street = 'x'::text)`)
    // Nor does an officer see that of another controller, whose rows are in the same table.
    const [theirs] = await db.query<{ id: number }>(
      `select lethe.hold_rows('case', 'club.homes', $$street = 'theirs'$$, controller => 'south') as id`,
    )
    const { all } = (
      await officer.query<{ all: string }>(
        `select string_agg(statement, ';') as all from lethe.preview('club.homes')`,
      )
    )[0]!
    expect(all).toContain(`(/* the predicate of hold ${theirs!.id} */)`)
    expect(all).not.toContain(`'theirs'`)
    await db.query('select lethe.release_hold($1, $2)', [theirs!.id, 'done'])
    const [seen] = await auditor.query<{ all: string }>(preview)
    expect(seen!.all).toContain(`(/* the predicate of hold ${placed!.id} */)`)
    expect(seen!.all).not.toContain(`'x'`)
    expect(
      await refusal(auditor.query('select lethe.release_hold($1, $2)', [placed!.id, 'x'])),
    ).toMatchObject({ code: '42501' })
    await officer.query('select lethe.release_hold($1, $2)', [placed!.id, 'done'])
    await db.query('select lethe.release_hold($1, $2)', [foreign!.id, 'done'])
    expect(await officer.query('select from lethe.list_holds()')).toEqual([])
    expect(
      await refusal(officer.query('select lethe.release_hold($1, $2)', [placed!.id, 'again'])),
    ).toMatchObject({ code: 'LE110' })
  })

  it('takes a reason, a day that is not over, a controller, and somebody who is there (LE407)', async () => {
    const person = (values: string): string =>
      `select lethe.hold_person(reason => 'case', subject => 'member', ${values})`
    for (const refused of [
      `select lethe.hold_table(' ', 'club.homes', controller => 'north')`,
      `select lethe.hold_table('case', 'club.homes', controller => 'north', ends_on => lethe_private.today('America/St_Johns') - 1)`,
      `select lethe.hold_table('case', 'club.homes', controller => 'north', ends_on => 'infinity')`,
      `select lethe.hold_table('case', 'club.homes')`,
      person(`controller => 'north'`),
      person(`key => 'a', identifier => 'b', controller => 'north'`),
      person(`key => '${ADA}', controller => 'north'`),
    ])
      expect({ refused, ...(await refusal(db.query(refused))) }).toMatchObject({ code: 'LE407' })
    expect(
      await refusal(db.query(`select lethe.hold_table('case', 'club.homes', controller => 'east')`)),
    ).toMatchObject({ code: 'LE101' })
    expect(await refusal(db.query(`select lethe.hold_person('case', 'nobody', key => '1')`))).toMatchObject({
      code: 'LE109',
    })
    expect(await db.query('select from lethe.holds where released_at is null')).toEqual([])
  })

  it('a key that is somebody else’s, of another controller, is not there', () =>
    inTransaction(async (client) => {
      await fill(client)
      const asked = `select lethe.hold_person('case', 'member', key => '${CYD}', controller => `
      await client.query('savepoint before')
      expect(await refusal(client.query(`${asked}'north')`))).toMatchObject({ code: 'LE407' })
      await client.query('rollback to savepoint before')
      await client.query(`${asked}'south')`)
    }))

  it('takes effect in a cycle that is under way, without rules being set anew', () =>
    inTransaction(async (client) => {
      await fill(client)
      const [cycle] = await rowsOf<{ id: string }>(client, `select lethe.start_cycle('north') as id`)
      const [homes] = await rowsOf<{ id: number }>(
        client,
        `select id from lethe.managed_tables where table_name = 'homes'`,
      )
      await client.query(
        `delete from club.notes; delete from club.lines; delete from club.orders; delete from club."Members"`,
      )
      await client.query(`select lethe.sweep_step($1, $2)`, [cycle!.id, homes!.id])
      await client.query(`select lethe.hold_rows('case', 'club.homes', 'id = 2', controller => 'north')`)
      for (let n = 0; n < 10; n++)
        await client.query(`select lethe.sweep_step($1, $2)`, [cycle!.id, homes!.id])
      expect(await rowsOf(client, 'select id from club.homes where owner = 1')).toEqual([{ id: 2 }])
    }))

  it('a policy that would let go of what is held is refused (LE409), and taken when the hold is released', () =>
    inTransaction(async (client) => {
      await fill(client)
      const id = await one(
        client,
        `select lethe.hold_person('case', 'member', key => '${ADA}', controller => 'north')`,
      )
      const without = structuredClone(POLICY) as unknown as {
        subjects: { member: { links: Record<string, unknown> } }
      }
      delete without.subjects.member.links['club.lines']
      const changes: [string, unknown[]][] = [
        [`select lethe.unmanage_table('club.lines')`, []],
        [`update lethe.managed_tables set key_columns = '{id}' where table_name = 'orders'`, []],
        [`select lethe.apply_policy($1)`, [JSON.stringify({ ...POLICY, subjects: {} })]],
        [`select lethe.apply_policy($1)`, [JSON.stringify(without)]],
      ]
      for (const [change, values] of changes) {
        await client.query('savepoint before')
        const failed = await refusal(
          client.query(change, values).then(() => client.query('set constraints all immediate')),
        )
        expect({ change, code: failed.code }).toEqual({ change, code: 'LE409' })
        await client.query('rollback to savepoint before')
      }
      await client.query(`select lethe.apply_policy($1)`, [JSON.stringify(POLICY)])
      await client.query('set constraints all immediate')
      await client.query(`select lethe.release_hold($1, 'closed')`, [id])
      for (const [change, values] of changes) {
        await client.query('savepoint before')
        await client.query(change, values)
        await client.query('set constraints all immediate')
        await client.query('rollback to savepoint before')
      }
    }))

  it('costs a table of which nothing is held not one word of its statements', () =>
    inTransaction(async (client) => {
      const preview = `select string_agg(statement, ';' order by step, statement) from lethe.preview('club.orders', 'north')`
      const before = await one(client, preview)
      await client.query(`select lethe.hold_rows('case', 'club.homes', 'id = 1', controller => 'north')`)
      await client.query(`select lethe.hold_table('case', 'club.orders', controller => 'south')`)
      expect(await one(client, preview)).not.toBe(null)
      await client.query(`select lethe.release_hold(id, 'x') from lethe.list_holds()`)
      expect(await one(client, preview)).toBe(before)
      await client.query(`select lethe.hold_rows('case', 'club.homes', 'id = 1', controller => 'north')`)
      expect(await one(client, preview)).toBe(before)
    }))
})
