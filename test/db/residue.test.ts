/** Where the residue scan looks, what it says of what it could not look at, and what it leaves behind itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, serverVersion, type TestDatabase } from '../helpers/database.ts'
import { applyPolicy } from '../helpers/engine.ts'

const EMAIL = 'Luis@Example.org'

let db: TestDatabase
let officer: Login
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    create schema shop; create schema "Old Mail"; create schema closed;
    create table shop.customers (id int primary key, owner int not null, email text, name text, at date);
    create table shop.orders (id int primary key, owner int not null, customer_id int references shop.customers, address text, at date);
    create index on shop.orders (customer_id);
    create table "Old Mail"."Sent To" (nr int, "To:" text, "Body" jsonb);
    create table shop.parent (id int primary key, note text); create table shop.child (extra text) inherits (shop.parent);
    create table shop.parts (id int, note text) partition by list (id);
    create table shop.part_1 partition of shop.parts for values in (1);
    create table shop.numbers (id int, n bigint, day date);
    create table closed.one (t text); create table shop.secret (t text); create table shop.half (a text, b text);
    create foreign data wrapper nowhere; create server nowhere foreign data wrapper nowhere;
    create foreign table shop.remote (t text) server nowhere;
    create table shop.filtered (t text); alter table shop.filtered enable row level security;
    create materialized view shop.summary as select email from shop.customers;
    create materialized view shop.empty as select email from shop.customers with no data`)
  await applyPolicy(db, {
    version: 1,
    controllers: {
      north: { time_zone: 'America/St_Johns', reference: '1' },
      south: { time_zone: 'Pacific/Apia', reference: '2' },
    },
    subjects: {
      customer: {
        table: 'shop.customers',
        identifiers: ['email', 'name'],
        links: { 'shop.orders': { kind: 'own' } },
      },
    },
    tables: {
      'shop.customers': { controller: { column: 'owner' }, purge: { after: 'P100Y', since: 'at' } },
      'shop.orders': {
        controller: { column: 'owner' },
        archive: { after: 'P1Y', since: 'at' },
        purge: { after: 'P9Y', since: 'at' },
      },
      'shop.parent': { controller: { constant: 'south' } },
    },
  })
  await db.query(`
    grant usage on schema "Old Mail" to lethe_sweeper;
    grant select on "Old Mail"."Sent To", shop.parent, shop.child, shop.parts, shop.numbers, shop.remote, shop.filtered, shop.summary, shop.empty to lethe_sweeper;
    grant select (a) on shop.half to lethe_sweeper`)
  officer = await db.asRole('lethe_officer')
  const [login] = await officer.query<{ name: string }>('select session_user as name')
  await db.query(`select lethe.add_member('${login!.name}', 'north')`)
})
afterAll(() => db.drop())

async function open(
  controller = 'north',
  email = EMAIL,
  name: string | null = null,
  plan: object | null = null,
) {
  const [row] = await db.query<{ id: number }>(
    `insert into lethe.requests (controller_id, kind, subject, due_on, state, plan, plan_mark, planned_at)
     select id, 'erasure', 'customer', current_date, 'executed', $2::jsonb, case when $2 is not null then 'm' end, case when $2 is not null then now() end
     from lethe.controllers where name = $1 returning id`,
    [controller, plan],
  )
  await db.query(
    `insert into lethe_private.request_identifiers
     select r.id, i.n, i.name, s.sealed, s.key_version
     from lethe.requests as r cross join (values (1, 'email', $2), (2, 'name', $3)) as i (n, name, value)
     cross join lateral lethe_private.seal_text(i.value, r.controller_id) as s where r.id = $1 and i.value is not null`,
    [row!.id, email, name],
  )
  return row!.id
}

interface Finding {
  place: string
  object: string
  finding: string
  rows: number | null
}
const scan = (id: number, keep = false, by: Login = officer): Promise<Finding[]> =>
  by.query<Finding>('select place, object, finding, rows from lethe.scan_residue(array[$1::bigint], $2)', [
    id,
    keep,
  ])
const found = async (id: number, place: string): Promise<string[]> =>
  (await scan(id, true)).filter((f) => f.place === place).map((f) => `${f.object}: ${f.finding}`)
const clear = () =>
  db.query(`
    truncate shop.customers, shop.orders, "Old Mail"."Sent To", shop.parent, shop.child, shop.parts, shop.secret, shop.half, shop.filtered;
    refresh materialized view shop.summary`)

describe('where it looks', () => {
  it('finds a person in managed and unmanaged tables, mixed-case names, children and partitions, once', async () => {
    await clear()
    await db.query(`
      insert into shop.customers values (1, 1, 'luis@example.org', null, current_date);
      insert into "Old Mail"."Sent To" values (1, 'x; LUIS@example.org', '{"cc": ["a", "luis@example.org"]}'), (2, null, null);
      insert into shop.parts values (1, 'luis@example.org'), (1, 'luis@example.org')`)
    expect(await found(await open(), 'table')).toEqual([
      '"Old Mail"."Sent To"."Body": found',
      '"Old Mail"."Sent To"."To:": found',
      'shop.customers.email: found',
      'shop.parts.note: found',
    ])
  })

  it("looks at no row of another controller's in managed tables, be it of a child by inheritance", async () => {
    await clear()
    await db.query(`
      insert into shop.customers values (1, 2, 'luis@example.org', null, current_date);
      insert into shop.orders values (1, 2, 1, 'c/o luis@example.org', current_date);
      insert into shop.parent values (1, 'luis@example.org');
      insert into shop.child values (1, 'luis@example.org', 'luis@example.org')`)
    expect(await found(await open('north'), 'table')).toEqual([])
    expect((await scan(await open('south'), true, db)).filter((f) => f.place === 'table')).toEqual([
      { place: 'table', object: 'shop.child.extra', finding: 'found', rows: 1 },
      { place: 'table', object: 'shop.child.note', finding: 'found', rows: 1 },
      { place: 'table', object: 'shop.customers.email', finding: 'found', rows: 1 },
      { place: 'table', object: 'shop.orders.address', finding: 'found', rows: 1 },
      { place: 'table', object: 'shop.parent.note', finding: 'found', rows: 1 },
    ])
  })

  it('says of a materialized view that it takes a REFRESH, after which it is silent', async () => {
    await clear()
    await db.query(`
      insert into shop.customers values (1, 1, 'luis@example.org', null, current_date);
      refresh materialized view shop.summary; delete from shop.customers`)
    const id = await open()
    expect(await found(id, 'materialized view')).toEqual([
      'shop.summary.email: found: REFRESH MATERIALIZED VIEW takes it out once its sources are without',
    ])
    await db.query('refresh materialized view shop.summary')
    expect(await found(id, 'materialized view')).toEqual([])
  })

  it("looks through the controller's archive, rows of another controller apart", async () => {
    await clear()
    await db.query(`
      insert into shop.customers values (1, 1, null, null, current_date), (2, 2, null, null, current_date);
      insert into shop.orders values (1, 1, 1, 'c/o luis@example.org', current_date - 800), (2, 2, 2, 'luis@example.org', current_date - 800)`)
    const id = await open()
    expect(await found(id, 'archive')).toEqual([])
    // Cycles look again at what is executed; here nothing was.
    await db.query(`update lethe.requests set state = 'completed' where state = 'executed'`)
    await db.query(`call lethe.run_cycle('north')`)
    await db.query(`call lethe.run_cycle('south')`)
    await db.query(`update lethe.requests set state = 'executed' where id = ${id}`)
    expect(await db.query('select from shop.orders')).toEqual([])
    expect((await scan(id, true)).filter((f) => f.place === 'archive')).toEqual([
      { place: 'archive', object: 'shop.orders.address', finding: 'found', rows: 1 },
    ])
  })

  it('looks at what Lethe wrote down itself, and at payloads and errors of jobs', async () => {
    await clear()
    const id = await open()
    await db.query(`
      select lethe.hold_table('told by luis@example.org', 'shop.orders', null, 'north');
      select lethe_jobs.add_job('some_task', '{"to": "luis@example.org"}')`)
    expect(await found(id, 'evidence')).toEqual(['lethe.holds.reason: found'])
    expect(await found(id, 'jobs')).toEqual(['lethe_jobs._private_jobs.payload: found: it goes with the job'])
    await db.query(
      `delete from lethe_jobs._private_jobs; update lethe.holds set reason = 'told by the person', released_at = now(), released_by = 'x', release_reason = 'y'`,
    )
    expect(await found(id, 'evidence')).not.toContain('lethe.holds.reason: found')
    expect(await found(id, 'jobs')).toEqual([])
  })

  it("says nothing of what Lethe wrote down for another controller's request", async () => {
    await clear()
    await db.query(`delete from lethe.policy_changes; delete from lethe.request_events`)
    const [north, south] = [await open('north'), await open('south')]
    await db.query(
      `insert into lethe.request_events (request_id, event, reason) values (${south}, 'noted', 'for luis@example.org')`,
    )
    expect(await found(north, 'evidence')).toEqual([])
    expect((await scan(south, true, db)).filter((f) => f.place === 'evidence')).toMatchObject([
      { object: 'lethe.request_events.reason', rows: 1 },
    ])
    await db.query(`delete from lethe.request_events`)
  })

  it('finds what the statistics still hold, renews them where it may, and says so where it may not', async () => {
    await clear()
    await db.query(`
      insert into "Old Mail"."Sent To" select i % 5, case when i < 60 then 'luis@example.org' else 'x' || i end, null from generate_series(1, 100) as i;
      create statistics "Old Mail".both_columns (mcv) on nr, "To:" from "Old Mail"."Sent To";
      analyze "Old Mail"."Sent To"; delete from "Old Mail"."Sent To"`)
    const id = await open()
    expect(await found(id, 'statistics')).toEqual([
      '"Old Mail"."Sent To"."To:": found: ANALYZE takes it out once the table is without',
    ])
    expect(await found(id, 'not looked at')).toContain(
      '"Old Mail".both_columns (extended statistics): PostgreSQL shows them to the owner of the table alone; ANALYZE renews them',
    )
    if (serverVersion() >= 17) {
      await db.query('grant maintain on "Old Mail"."Sent To" to lethe_owner')
    } else {
      await db.query(
        `create role "owner of ${db.name}"; alter table "Old Mail"."Sent To" owner to "owner of ${db.name}"; grant "owner of ${db.name}" to lethe_owner`,
      )
    }
    await db.query(`insert into "Old Mail"."Sent To" values (1, 'somebody else', null)`)
    expect(await found(id, 'statistics')).toEqual([])
    expect(
      await db.query(`select from pg_stats where most_common_vals::text || histogram_bounds::text ~ 'luis@'`),
    ).toEqual([])
    await db.query('drop statistics "Old Mail".both_columns')
    if (serverVersion() < 17)
      await db.query(
        `alter table "Old Mail"."Sent To" owner to postgres; drop owned by "owner of ${db.name}"; drop role "owner of ${db.name}"`,
      )
  })
})

describe('what it could not look at', () => {
  it('names every relation that can hold text and that it may not or cannot read, and none besides', async () => {
    await clear()
    await db.query('select lo_create(0)')
    expect(await found(await open(), 'not looked at')).toEqual([
      'closed.one: lethe_sweeper may not read it',
      'large objects: what is in them is not text that Lethe can read',
      'shop.filtered: reading it failed (SQLSTATE 42501)',
      'shop.half.b: lethe_sweeper may not read it',
      'shop.remote: it is a foreign table: what it shows is stored elsewhere',
      'shop.secret: lethe_sweeper may not read it',
    ])
    await db.query(`select lo_unlink(oid) from pg_largeobject_metadata`)
    await db.query(`
      grant usage on schema closed to lethe_sweeper; grant select on closed.one, shop.secret, shop.half to lethe_sweeper;
      drop foreign table shop.remote; alter table shop.filtered disable row level security`)
    expect(await found(await open(), 'not looked at')).toEqual([])
  })

  it('does not wait for a table that somebody alters', async () => {
    const id = await open()
    const other = await db.connect()
    try {
      await other.query('begin; lock table shop.secret')
      expect((await scan(id, true)).filter((f) => f.object === 'shop.secret')).toMatchObject([
        { finding: 'reading it failed (SQLSTATE 55P03)' },
      ])
    } finally {
      await other.query('rollback')
    }
    expect((await scan(id, true)).filter((f) => f.object === 'shop.secret')).toEqual([])
  })

  it('lists identifiers that are too short, and a person of whom none is known', async () => {
    expect(await found(await open('north', EMAIL, 'Bo'), 'not looked at')).toEqual([
      'customer.name: too short to look for',
    ])
    const [row] = await db.query<{ id: number }>(`
      insert into lethe.requests (controller_id, kind, subject, due_on, state) select id, 'erasure', 'customer', current_date, 'executed'
      from lethe.controllers where name = 'north' returning id`)
    expect(await found(row!.id, 'not looked at')).toEqual([
      'identifiers: none is known of this person, or none any more: there is nothing to look for',
    ])
  })
})

describe('what becomes of findings and identifiers', () => {
  it('words what a plan keeps by law as that', async () => {
    await clear()
    await db.query(`
      insert into shop.customers values (1, 1, null, null, current_date);
      insert into shop.orders values (1, 1, 1, 'c/o luis@example.org', current_date);
      insert into "Old Mail"."Sent To" values (1, 'luis@example.org', null)`)
    const plan = { tables: [{ table: 'shop.orders', place: 'live', decision: 'retain', rows: 1 }] }
    expect(await found(await open('north', EMAIL, null, plan), 'table')).toEqual([
      '"Old Mail"."Sent To"."To:": found',
      'shop.orders.address: kept by law',
    ])
  })

  it('replaces findings at the next look, and leaves what somebody has decided', async () => {
    const id = await open()
    await scan(id, true)
    await db.query(
      `update lethe.request_findings set decision = 'a mail that was sent', decided_by = 'x', decided_at = now() where request_id = ${id} and object like '"Old%'`,
    )
    await db.query('delete from shop.orders')
    await scan(id, true)
    expect(
      await db.query(
        `select object, decision from lethe.request_findings where request_id = ${id} and place = 'table'`,
      ),
    ).toEqual([{ object: '"Old Mail"."Sent To"."To:"', decision: 'a mail that was sent' }])
  })

  it('forgets the identifiers when it is done, but not before recipients can be told, and keeps what it found', async () => {
    const id = await open()
    const kept = async () =>
      (await db.query(`select from lethe_private.request_identifiers where request_id = ${id}`)).length
    const [recipient] = await db.query<{ id: number }>(
      `insert into lethe.recipients (controller_id, name, url) select id, 'mailer', 'https://mailer.example' from lethe.controllers where name = 'north' returning id`,
    )
    await scan(id)
    expect(await kept()).toBe(1)
    await db.query(`
      with n as (insert into lethe.notifications (request_id, recipient_id) values (${id}, ${recipient!.id}) returning id)
      insert into lethe_private.notification_hashes select id, '[]' from n`)
    await scan(id, true)
    expect(await kept()).toBe(1)
    const findings = await scan(id)
    expect(await kept()).toBe(0)
    expect(await scan(id)).toEqual(findings)
    expect(findings.length).toBeGreaterThan(0)
    await db.query(
      `delete from lethe_private.notification_hashes; delete from lethe.notifications; delete from lethe.recipients`,
    )
  })

  it('writes no value anywhere: neither in findings nor in events', async () => {
    const id = await open()
    await scan(id)
    const rows = await db.query(
      `select to_jsonb(f)::text || coalesce((select string_agg(to_jsonb(e)::text, '') from lethe.request_events as e), '') as t from lethe.request_findings as f`,
    )
    expect(rows.length).toBeGreaterThan(0)
    for (const { t } of rows) expect(t).not.toMatch(/luis/i)
  })

  it('prints the link that a finding would make, which runs, and refuses what cannot be one (LE442)', async () => {
    const id = await open()
    await scan(id)
    const [finding] = await db.query<{ n: number }>(
      `select n from lethe.request_findings where request_id = ${id} and object like '%"To:"'`,
    )
    const [link] = await officer.query<{ sql: string }>('select lethe.link_finding_sql($1, $2) as sql', [
      id,
      finding!.n,
    ])
    await db.query(`alter table "Old Mail"."Sent To" add primary key (nr)`)
    await db.query(link!.sql)
    expect(
      await db.query(
        `select l.columns, l.to_columns, l.kind from lethe.links as l join lethe.managed_tables as m on m.id = l.table_id where m.table_name = 'Sent To'`,
      ),
    ).toEqual([{ columns: ['To:'], to_columns: ['email'], kind: 'mention' }])
    expect(await refusal(officer.query('select lethe.link_finding_sql($1, 999)', [id]))).toMatchObject({
      code: 'LE442',
    })
    await db.query(
      `delete from lethe.links where kind = 'mention'; select lethe.unmanage_table('Old Mail.Sent To')`,
    )
  })
})

describe('who may', () => {
  it("is an officer of the controller, or a worker; another controller's is told that there is no such request (LE114)", async () => {
    const id = await open('south')
    expect(await refusal(scan(id))).toMatchObject({ code: 'LE114' })
    const worker = await db.asRole('lethe_worker')
    expect((await scan(id, true, worker)).length).toBeGreaterThan(0)
    const analyst = await db.asRole('lethe_analyst')
    expect(await refusal(scan(id, true, analyst))).toMatchObject({ code: '42501' })
  })

  it('looks for all executed requests that the caller sees when none is named', async () => {
    await db.query(`update lethe.requests set state = 'completed'`)
    const ids = [await open('north'), await open('north', 'other@example.org'), await open('south')]
    const looked = await officer.query<{ request: number }>(
      'select distinct request from lethe.scan_residue() order by 1',
    )
    expect(looked.map((l) => l.request)).toEqual([ids[0]])
    expect(
      await db.query(
        `select id from lethe.requests where verified_at is not null and state = 'executed' order by id`,
      ),
    ).toEqual(ids.slice(0, 2).map((id) => ({ id })))
  })
})
