/** What an erasure would do, over shapes met in real schemas: decided as it should be, or refused by name. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, grantMissing, runCycle } from '../helpers/engine.ts'
import { linesOf, openErasure, type Plan, planErasure, refusalsOf } from '../helpers/erasure.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    select lethe.set_controller('north', 'America/St_Johns', '1');
    select lethe.set_controller('south', 'Pacific/Apia', '2');`)
})
afterAll(() => db.drop())

/** Makes tables, manages all of a schema for north, grants what an erasure needs. */
async function make(schema: string, sql: string, more = ''): Promise<void> {
  await db.query(`create schema ${schema}; ${sql}`)
  await db.query(`
    select lethe.manage_table(format('%I.%I', schemaname, tablename), controller => 'north')
    from pg_tables where schemaname = '${schema}' and tablename not like 'unmanaged%'
      and not exists (select from pg_inherits where inhrelid = format('%I.%I', schemaname, tablename)::regclass);
    grant usage on schema ${schema} to lethe_sweeper;
    grant select, update, delete on all tables in schema ${schema} to lethe_sweeper;
    ${more}`)
}
const link = (
  subject: string,
  table: string,
  to: string,
  kind: string,
  columns: string,
  toColumns = 'null',
) =>
  db.query(
    `select lethe.set_link('${table}', '${to}', ${columns}, ${toColumns}, subject => '${subject}', kind => '${kind}')`,
  )
const plan = (subject: string, ...keys: string[]): Promise<Plan> => planErasure(db, subject, keys)

describe('a music shop', () => {
  beforeAll(async () => {
    await make(
      'music',
      `
      create table music.employees (id int primary key, name text, reports_to int references music.employees);
      create table music.customers (id int primary key, name text, email text, support_rep int references music.employees);
      create table music.invoices (id int primary key, customer_id int not null references music.customers, at timestamp not null);
      create table music.lines (id int primary key, invoice_id int not null references music.invoices, track int);
      create index on music.invoices (customer_id);
      create index on music.lines (invoice_id);
      insert into music.employees values (1, 'a', null), (2, 'b', 1), (3, 'c', 1);
      insert into music.customers select i, 'n' || i, 'c' || i || '@example.org', 3 from generate_series(1, 59) as i;
      insert into music.invoices select c * 10 + k, c, now() - k * interval '4 years' from generate_series(1, 59) as c, generate_series(1, 7) as k;
      insert into music.lines select row_number() over (order by i.id, k), i.id, 1 from music.invoices as i, generate_series(1, 6) as k where i.customer_id <> 6 or i.id * 6 + k < 61 * 6 + 39;`,
      `
      select lethe.set_subject_type('customer', 'music.customers', '{email}');
      select lethe.set_column('music.customers', 'email', 'contact');
      select lethe.set_link('music.invoices', 'music.customers', subject => 'customer', kind => 'own');
      select lethe.set_link('music.lines', 'music.invoices', subject => 'customer', kind => 'own', on_purge => 'with parent');
      select lethe.set_subject_type('employee', 'music.employees');`,
    )
  })

  it('loses customer 6 with 7 invoices and 38 lines, and nothing else', async () => {
    const whole = await plan('customer', '6')
    expect(whole.totals).toEqual({ tables: 3, rows: 46, purge: 46 })
    expect(linesOf(whole)).toEqual([
      'music.customers purge: 1',
      'music.invoices purge: 7',
      'music.lines purge: 38',
    ])
    expect(whole).toMatchObject({ refusals: [], near: [], delayed_by: [], format: 1 })
    expect(whole.unclassified).toContain('music.customers.name')
  })

  it('keeps invoices for ten years where a law says so, with their lines, and the customer as a tombstone', async () => {
    await db.query(
      `update lethe.links set on_erasure = '{"retain": "P10Y", "since": "at", "basis": "a law"}' where table_id = (select id from lethe.managed_tables where table_name = 'invoices' and schema_name = 'music')`,
    )
    const kept = await plan('customer', '6')
    expect(linesOf(kept)).toEqual([
      'music.customers anonymize[email]: 1',
      'music.invoices purge: 5',
      'music.invoices retain: 2',
      'music.lines purge: 26',
      'music.lines retain: 12',
    ])
    expect(kept.totals).toMatchObject({ tables: 3, rows: 46 })
    const retained = kept.tables.filter(({ decision }) => decision === 'retain')
    expect(new Set(retained.map(({ basis }) => basis))).toEqual(new Set(['a law']))
    // Each line stays exactly as long as its invoice.
    const days = (table: string): unknown => retained.filter((t) => t.table === table).map((t) => t.until)
    expect(days('music.lines')).toEqual(days('music.invoices'))
    expect(days('music.lines')).toHaveLength(2)
  })

  it('refuses to erase an employee as long as nobody said what those who report to them are', async () => {
    const refused = await plan('employee', '1')
    expect(refusalsOf(refused)).toEqual(['LE423 music.employees(reports_to): 2'])
    expect(refused.refusals[0]!.sentence).toContain('employees_reports_to_fkey')
    await link('employee', 'music.employees', 'music.employees', 'mention', `'{reports_to}'`)
    await link('employee', 'music.customers', 'music.employees', 'mention', `'{support_rep}'`)
    const allowed = await plan('employee', '1')
    expect(refusalsOf(allowed)).toEqual([])
    expect(linesOf(allowed)).toEqual(['music.employees cut[reports_to]: 2', 'music.employees purge: 1'])
    expect(linesOf(await plan('employee', '3'))).toEqual([
      'music.customers cut[support_rep]: 59',
      'music.employees purge: 1',
    ])
  })
})

describe('shared rows', () => {
  beforeAll(async () => {
    await make(
      'home',
      `
      create table home.addresses (id int primary key, street text);
      create table home.people (id int primary key, address_id int references home.addresses);
      create table home.stores (id int primary key, address_id int not null references home.addresses);
      create table home.messages (id int primary key, sender int references home.people, receiver int references home.people, body text);
      create table home.replies (id int primary key, message_id int not null references home.messages);
      create table home.letters (id int primary key, sender int not null references home.people, receiver int not null references home.people);
      insert into home.addresses values (1, 'alone'), (2, 'household'), (3, 'over the shop');
      insert into home.people values (1, 1), (2, 2), (3, 2), (4, 3), (5, null), (6, null);
      insert into home.stores values (1, 3);
      insert into home.messages values (1, 1, 2, 'x'), (2, 2, 3, 'x'), (3, 5, null, 'x'), (4, 5, 5, 'x');
      insert into home.replies values (1, 1), (2, 3);
      insert into home.letters values (1, 4, 6);`,
      `
      select lethe.set_subject_type('person', 'home.people');
      select lethe.set_link('home.addresses', 'home.people', '{id}', '{address_id}', subject => 'person', kind => 'share');
      select lethe.set_link('home.messages', 'home.people', '{sender}', subject => 'person', kind => 'share');
      select lethe.set_link('home.messages', 'home.people', '{receiver}', subject => 'person', kind => 'share');
      select lethe.set_link('home.replies', 'home.messages', subject => 'person', kind => 'own');
      select lethe.set_link('home.letters', 'home.people', '{sender}', subject => 'person', kind => 'share');
      select lethe.set_link('home.letters', 'home.people', '{receiver}', subject => 'person', kind => 'share');`,
    )
  })

  it('an address goes with the last who lives there, and stays for a household or a store', async () => {
    expect(linesOf(await plan('person', '1'))).toContain('home.addresses purge: 1')
    for (const keys of [['2'], ['3'], ['4']]) {
      const one = await plan('person', ...keys)
      expect(linesOf(one).filter((line) => line.startsWith('home.addresses'))).toEqual([])
      expect(one.near).toContainEqual({
        table: 'home.addresses',
        rows: 1,
        why: 'somebody else has it, too',
      })
    }
    expect(linesOf(await plan('person', '2', '3'))).toContain('home.addresses purge: 1')
  })

  it('of a message between two, only the part of the one who is forgotten goes; what hangs on it stays', async () => {
    const one = await plan('person', '1')
    expect(linesOf(one)).toEqual([
      'home.addresses purge: 1',
      'home.messages cut[sender]: 1',
      'home.people purge: 1',
    ])
    expect(one.near).toContainEqual({
      table: 'home.replies',
      rows: 1,
      why: 'hangs on what somebody else has, too',
    })
    expect(one.refusals).toEqual([])
  })

  it('a message of one person alone goes, with what hangs on it', async () => {
    expect(linesOf(await plan('person', '5'))).toEqual([
      'home.messages purge: 2',
      'home.people purge: 1',
      'home.replies purge: 1',
    ])
  })

  it('a reference that cannot be empty keeps a tombstone', async () => {
    expect(linesOf(await plan('person', '4'))).toEqual(['home.people anonymize: 1'])
    expect(linesOf(await plan('person', '4', '6'))).toEqual(['home.letters purge: 1', 'home.people purge: 2'])
  })
})

describe('circles', () => {
  it('of users and organisations end, and colleagues lose their reference alone', async () => {
    await make(
      'ring',
      `
      create table ring.orgs (id int primary key, owner_id int not null);
      create table ring.users (id int primary key, org_id int references ring.orgs, boss_id int references ring.users);
      alter table ring.orgs add foreign key (owner_id) references ring.users deferrable initially deferred;
      begin; insert into ring.orgs values (1, 1), (2, 2); insert into ring.users values (1, 1, 2), (2, 2, 1), (3, 1, 3); commit;`,
      `
      select lethe.set_subject_type('user', 'ring.users');
      select lethe.set_link('ring.orgs', 'ring.users', subject => 'user', kind => 'own');
      select lethe.set_link('ring.users', 'ring.orgs', subject => 'user', kind => 'mention');
      select lethe.set_link('ring.users', 'ring.users', '{boss_id}', subject => 'user', kind => 'mention');`,
    )
    const whole = await plan('user', '1')
    expect(linesOf(whole)).toEqual([
      'ring.orgs purge: 1',
      'ring.users cut[boss_id]: 1',
      'ring.users cut[org_id]: 1',
      'ring.users purge: 1',
    ])
    expect(whole.refusals).toEqual([])
    expect((await plan('user', '1', '2', '3')).totals).toEqual({ tables: 2, rows: 5, purge: 5 })
  })
})

describe('refused by name', () => {
  beforeAll(async () => {
    await make(
      'office',
      `
      create table office.users (id int primary key, email text unique);
      create table office.orgs (id int primary key, owner_id int references office.users on delete cascade);
      create table office.unmanaged_docs (id int primary key, org_id int references office.orgs on delete cascade, author text);
      create table office.unmanaged_marks (id int primary key, doc_id int references office.unmanaged_docs on delete set null);
      insert into office.users select i, 'u' || i || '@example.org' from generate_series(1, 9) as i;
      insert into office.orgs values (1, 1), (2, 2);
      insert into office.unmanaged_docs select i, 1, 'somebody' from generate_series(1, 5) as i;
      insert into office.unmanaged_marks values (1, 1), (2, 2), (3, null);`,
      `select lethe.set_subject_type('clerk', 'office.users', '{email}');`,
    )
  })

  it('a cascade into rows that may be somebody else’s, at any distance', async () => {
    const refused = await plan('clerk', '1')
    expect(refusalsOf(refused)).toEqual([
      'LE423 office.orgs(owner_id): 1',
      'LE423 office.unmanaged_docs(org_id): 5',
      'LE423 office.unmanaged_marks(doc_id): 2',
    ])
    expect(refused.refusals.map(({ sentence }) => sentence)).toEqual([
      "foreign key orgs_owner_id_fkey would delete 1 rows of office.orgs along with those of office.users, and they may be somebody else's",
      expect.stringMatching(/would delete 5 rows of office.unmanaged_docs/),
      expect.stringMatching(/would empty the reference of 2 rows of office.unmanaged_marks/),
    ])
    // A declaration is all it takes; what is next in the chain is then asked about in its turn.
    await link('clerk', 'office.orgs', 'office.users', 'mention', `'{owner_id}'`)
    const allowed = await plan('clerk', '1')
    expect(refusalsOf(allowed)).toEqual([])
    expect(linesOf(allowed)).toEqual(['office.orgs cut[owner_id]: 1', 'office.users purge: 1'])
    await link('clerk', 'office.orgs', 'office.users', 'own', `'{owner_id}'`)
    expect(refusalsOf(await plan('clerk', '1'))).toEqual([
      'LE423 office.unmanaged_docs(org_id): 5',
      'LE423 office.unmanaged_marks(doc_id): 2',
    ])
    await link('clerk', 'office.orgs', 'office.users', 'ignore', `'{owner_id}'`)
    const ignored = await plan('clerk', '1')
    expect(linesOf(ignored)).toEqual(['office.users anonymize: 1'])
    expect(ignored.near).toEqual([
      { table: 'office.orgs', rows: 1, why: 'refer to the person, by a link that is ignored' },
    ])
  })

  it('a table that lethe_sweeper may not look at', async () => {
    await db.query('revoke select on office.unmanaged_docs from lethe_sweeper')
    await link('clerk', 'office.orgs', 'office.users', 'own', `'{owner_id}'`)
    const refused = await plan('clerk', '1')
    expect(refused.refusals[0]).toMatchObject({
      code: 'LE425',
      object: 'office.unmanaged_docs',
      hint: 'grant select on office.unmanaged_docs to lethe_sweeper',
    })
    await db.query(refused.refusals[0]!.hint)
    expect(refusalsOf(await plan('clerk', '1'))).not.toContainEqual(expect.stringContaining('LE425'))
    expect(refusalsOf(await plan('clerk', '2'))).toEqual([])
  })

  it('a right to delete or to change', async () => {
    await db.query('revoke delete, update on office.users, office.orgs from lethe_sweeper')
    const refused = await plan('clerk', '2')
    expect(refusalsOf(refused)).toEqual(['LE425 office.orgs: 1', 'LE425 office.users: 1'])
    for (const { hint } of refused.refusals) await db.query(hint)
    expect(refusalsOf(await plan('clerk', '2'))).toEqual([])
    await db.query('revoke select on office.users from lethe_sweeper')
    expect(await refusal(plan('clerk', '2'))).toMatchObject({ code: 'LE501' })
    await db.query('grant select on office.users to lethe_sweeper')
    expect(linesOf(await plan('clerk', '2'))).toHaveLength(2)
  })

  it('a rewrite rule that would swallow the DELETE', async () => {
    await db.query('create rule keep_all as on delete to office.users do instead nothing')
    const refused = await plan('clerk', '3')
    expect(refusalsOf(refused)).toEqual(['LE426 office.users: 1'])
    expect(refused.refusals[0]!.sentence).toContain('keep_all')
    await db.query('drop rule keep_all on office.users')
    expect(refusalsOf(await plan('clerk', '3'))).toEqual([])
  })

  it('a bare identifier that can be neither emptied nor replaced, until its column has a method', async () => {
    await make(
      'copy',
      `
      create table copy.log (id int primary key, email text not null, at date);
      create table copy.history (id int primary key, email text, old_name text);
      create table copy.optouts (email text primary key);
      insert into copy.log values (1, 'u4@example.org', now()), (2, 'u5@example.org', now());
      insert into copy.history values (1, 'u4@example.org', 'x'), (2, null, 'x');
      insert into copy.optouts values ('u4@example.org');`,
    )
    await link('clerk', 'copy.log', 'office.users', 'mention', `'{email}'`, `'{email}'`)
    await link('clerk', 'copy.history', 'office.users', 'mention', `'{email}'`, `'{email}'`)
    await link('clerk', 'copy.optouts', 'office.users', 'mention', `'{email}'`, `'{email}'`)
    const refused = await plan('clerk', '4')
    expect(refusalsOf(refused)).toEqual(['LE424 copy.log.email: 1', 'LE424 copy.optouts: 1'])
    await db.query(
      `select lethe.set_rule('copy.log', 'anonymize', 'P1Y', 'email', since => '{at}', method => 'pseudonym_email')`,
    )
    await link('clerk', 'copy.optouts', 'office.users', 'own', `'{email}'`, `'{email}'`)
    const allowed = await plan('clerk', '4')
    expect(refusalsOf(allowed)).toEqual([])
    expect(linesOf(allowed)).toEqual([
      'copy.history cut[email]: 1',
      'copy.log anonymize[email]: 1',
      'copy.optouts purge: 1',
      'office.users purge: 1',
    ])
    expect(JSON.stringify(allowed)).not.toContain('u4@')
  })
})

describe('partitions', () => {
  it('are found whether or not each has the foreign key', async () => {
    await make(
      'parts',
      `
      create table parts.users (id int primary key);
      create table parts.events (id int, user_id int, at date not null, primary key (id, at)) partition by range (at);
      create table parts.y2024 partition of parts.events for values from ('2024-01-01') to ('2025-01-01');
      create table parts.y2025 partition of parts.events for values from ('2025-01-01') to ('2026-01-01');
      alter table parts.y2024 add foreign key (user_id) references parts.users on delete cascade;
      insert into parts.users values (1), (2);
      insert into parts.events values (1, 1, '2024-05-01'), (2, 1, '2025-05-01'), (3, 2, '2025-05-01');`,
      `select lethe.set_subject_type('guest', 'parts.users');`,
    )
    expect(refusalsOf(await plan('guest', '1'))).toEqual(['LE423 parts.events(user_id): 2'])
    await link('guest', 'parts.events', 'parts.users', 'own', `'{user_id}'`, `'{id}'`)
    const allowed = await plan('guest', '1')
    expect(linesOf(allowed)).toEqual(['parts.events purge: 2', 'parts.users purge: 1'])
    expect(allowed.refusals).toEqual([])
  })
})

describe('keys of every shape', () => {
  beforeAll(async () => {
    await make(
      'odd',
      `
      create extension if not exists citext schema odd;
      create domain odd.code as text not null check (value <> '');
      create type odd.sort as enum ('a', 'b');
      create table odd."People" (realm text, "User Id" uuid, login odd.citext unique, must odd.code, mood odd.sort, primary key (realm, "User Id"));
      create table odd."Sales" ("Order No" text primary key, "Realm" text, "user" uuid, foreign key ("Realm", "user") references odd."People");
      create table odd.days (at timestamptz, n int, "order" text references odd."Sales", must odd.code, primary key (at, n));
      create table odd.comments (id bigint primary key, record_type text, record_id uuid, type_name text);
      create table odd.posts (id int primary key, login odd.citext not null references odd."People" (login));
      insert into odd."People" values
        ('x', '00000000-0000-0000-0000-000000000001', 'Ada', 'm', 'a'), ('y', '00000000-0000-0000-0000-000000000001', 'Eve', 'm', 'b'),
        ('x', '00000000-0000-0000-0000-000000000002', 'Bob', 'm', 'b');
      insert into odd."Sales" values ('O"1', 'x', '00000000-0000-0000-0000-000000000001'), ('O2', 'x', '00000000-0000-0000-0000-000000000002'), ('O3', 'x', null);
      insert into odd.days values ('2024-03-31 01:30:00+00', 1, 'O"1', 'm'), ('2024-03-31 01:30:00+00', 2, 'O2', 'm');
      insert into odd.posts values (1, 'ADA'), (2, 'bob');
      alter table odd."People" add type_name text generated always as ('Person') stored;
      insert into odd.comments values (1, 'Person', '00000000-0000-0000-0000-000000000001'), (2, 'Order', '00000000-0000-0000-0000-000000000001');`,
      `
      select lethe.set_subject_type('member', 'odd."People"');
      select lethe.set_link('odd."Sales"', 'odd."People"', subject => 'member', kind => 'own');
      select lethe.set_link('odd.days', 'odd."Sales"', subject => 'member', kind => 'own');
      select lethe.set_link('odd.posts', 'odd."People"', subject => 'member', kind => 'mention');
      select lethe.set_link('odd.comments', 'odd."People"', '{record_type,record_id}', '{type_name,"User Id"}', subject => 'member', kind => 'own');`,
    )
  })

  it('are followed: composite, uuid, text, timestamptz, quoted names, citext, domains that are NOT NULL, two columns that name a kind and an id', async () => {
    const key = JSON.stringify(['x', '00000000-0000-0000-0000-000000000001'])
    const whole = await plan('member', key.replace(',', ', '))
    expect(whole.refusals).toEqual([])
    expect(linesOf(whole)).toEqual([
      'odd.People anonymize: 1',
      'odd.Sales purge: 1',
      'odd.comments purge: 1',
      'odd.days purge: 1',
    ])
    expect(whole.near).toEqual([{ table: 'odd.posts', rows: 1, why: "somebody else's" }])
  })

  it('a key that no row has plans nothing', async () => {
    const none = await plan('member', '["z", "00000000-0000-0000-0000-000000000001"]')
    expect(none.totals).toEqual({ tables: 0, rows: 0 })
  })
})

describe('two controllers', () => {
  beforeAll(async () => {
    await db.query(`
      create schema two;
      create table two.people (id int primary key, owner int not null);
      create table two.bills (id int primary key, owner int not null, person int references two.people, at timestamptz);
      insert into two.people values (1, 1), (2, 2), (3, 1);
      insert into two.bills values (1, 1, 1, '2020-06-15 23:30:00+00'), (2, 2, 2, '2020-06-15 23:30:00+00'), (3, 2, 3, now());
      select lethe.manage_table(t, controller_column => 'owner') from unnest(array['two.people', 'two.bills']) as t;
      select lethe.set_subject_type('payer', 'two.people');
      select lethe.set_link('two.bills', 'two.people', subject => 'payer', kind => 'own',
        on_erasure => '{"retain": "P100Y", "since": "at", "basis": "a law"}');
      grant usage on schema two to lethe_sweeper;
      grant select, update, delete on all tables in schema two to lethe_sweeper;`)
  })

  it('count days each in its own zone', async () => {
    const until = async (key: string, controller: string): Promise<unknown> =>
      (await planErasure(db, 'payer', [key], controller)).tables
        .filter(({ decision }) => decision === 'retain')
        .map((t) => t.until)
    expect(await until('1', 'north')).toEqual(['2120-06-15'])
    expect(await until('2', 'south')).toEqual(['2120-06-16'])
  })

  it('never plan each other’s rows', async () => {
    expect((await planErasure(db, 'payer', ['2'], 'north')).totals.rows).toBe(0)
    const refused = await planErasure(db, 'payer', ['3'], 'north')
    expect(refusalsOf(refused)).toEqual(['LE422 two.bills(person): 1'])
    await db.query('update two.bills set owner = 1 where id = 3')
    expect(refusalsOf(await planErasure(db, 'payer', ['3'], 'north'))).toEqual([])
  })
})

describe('a hold', () => {
  it('on a row that would go delays the plan, on one that stays it does not', async () => {
    const hold = async (key: string): Promise<number> =>
      (
        await db.query<{ id: number }>(
          `select lethe.hold_rows('a case', 'home.people', 'id = ${key}', controller => 'north') as id`,
        )
      )[0]!.id
    const held = await hold('1')
    const other = await hold('2')
    expect((await plan('person', '1')).delayed_by).toEqual([held])
    expect((await plan('person', '1', '2')).delayed_by).toEqual([held, other])
    expect((await plan('person', '5')).delayed_by).toEqual([])
    await db.query(`select lethe.release_hold(${held}, 'over')`)
    expect((await plan('person', '1')).delayed_by).toEqual([])
    await db.query(`select lethe.release_hold(${other}, 'over')`)
  })
})

describe('lethe.plan_request', () => {
  it('is for who acts for the controller, as officer, agent or worker, and for erasures alone', async () => {
    const id = await openErasure(db, 'person', ['1'])
    const stranger = await db.asRole('lethe_agent')
    expect(await refusal(stranger.query('select lethe.plan_request($1)', [id]))).toMatchObject({
      code: 'LE114',
    })
    await db.query(
      `insert into lethe.memberships select $1, id from lethe.controllers where name = 'south'`,
      [new URL(stranger.url).username],
    )
    expect(await refusal(stranger.query('select lethe.plan_request($1)', [id]))).toMatchObject({
      code: 'LE114',
    })
    await db.query(
      `insert into lethe.memberships select $1, id from lethe.controllers where name = 'north'`,
      [new URL(stranger.url).username],
    )
    await stranger.query('select lethe.plan_request($1)', [id])
    const auditor = await db.asRole('lethe_auditor')
    expect(await refusal(auditor.query('select lethe.plan_request($1)', [id]))).toMatchObject({
      code: '42501',
    })
    const worker = await db.asRole('lethe_worker')
    await worker.query('select lethe.plan_request($1)', [id])
    await db.query(`update lethe.requests set kind = 'access' where id = $1`, [id])
    expect(await refusal(worker.query('select lethe.plan_request($1)', [id]))).toMatchObject({
      code: 'LE427',
    })
  })

  it('marks a plan: the same rows have the same mark, other rows or another decision another one', async () => {
    const id = await openErasure(db, 'person', ['1'])
    const mark = async (): Promise<string> => {
      await db.query('select lethe.plan_request($1)', [id])
      return (
        await db.query<{ plan_mark: string }>('select plan_mark from lethe.requests where id = $1', [id])
      )[0]!.plan_mark
    }
    const first = await mark()
    expect(first).toMatch(/^\d+:[0-9a-f]{64}$/)
    await db.query(`update home.addresses set street = 'elsewhere' where id = 1`)
    expect(await mark()).toBe(first)
    await db.query(`insert into home.messages values (50, 1, null, 'more')`)
    const second = await mark()
    expect(second).not.toBe(first)
    await db.query(`update home.messages set receiver = 5 where id = 50`)
    expect(await mark()).not.toBe(second)
    await db.query('delete from home.messages where id = 50')
    expect(await mark()).toBe(first)
  })
})

describe('a link', () => {
  it('that has lost one of its columns plans nothing, since it would reach too far', async () => {
    await make(
      'lost',
      `
      create table lost.people (kind text, id int, primary key (kind, id));
      create table lost.notes (id int primary key, kind text, person int);
      insert into lost.people values ('a', 1), ('b', 1);
      insert into lost.notes values (1, 'a', 1), (2, 'b', 1);`,
      `select lethe.set_subject_type('loser', 'lost.people');
       select lethe.set_link('lost.notes', 'lost.people', '{kind,person}', '{kind,id}', subject => 'loser', kind => 'own');`,
    )
    const one = ['lost.notes purge: 1', 'lost.people purge: 1']
    expect(linesOf(await plan('loser', '["a", 1]'))).toEqual(one)
    await db.query('alter table lost.notes rename kind to sort')
    expect(await refusal(plan('loser', '["a", 1]'))).toMatchObject({
      code: 'LE103',
      message: expect.stringContaining('lost.notes'),
    })
    await db.query('alter table lost.notes rename sort to kind')
    expect(linesOf(await plan('loser', '["a", 1]'))).toEqual(one)
  })
})

describe('the archive', () => {
  let shop: TestDatabase
  const lines = async (key: string): Promise<string[]> => linesOf(await planErasure(shop, 'buyer', [key]))

  beforeAll(async () => {
    shop = await createDatabase()
    await addCycleRunner(shop)
    await shop.query(`
      select lethe.set_controller('north', 'America/St_Johns', '1');
      select lethe.set_controller('south', 'Pacific/Apia', '2');
      create schema old;
      create type old.state as enum ('new', 'paid');
      create table old.buyers (id int primary key, owner int not null, at date, phone text, state old.state);
      create table old.orders (id int primary key, owner int not null, at date, buyer_id int references old.buyers, number text unique);
      create table old.lines (id int primary key, owner int not null, order_id int not null references old.orders);
      create table old.reviews (id int primary key, owner int not null, number text);
      create index on old.orders (buyer_id);
      create index on old.lines (order_id);
      create index on old.reviews (number);
      insert into old.buyers values
        (1, 1, '2024-01-01', '+1 1', 'new'), (2, 1, '2015-01-01', '+1 2', 'paid'), (3, 1, '2024-01-01', '+1 3', 'new'), (4, 2, '2024-01-01', '+2 4', 'new');
      insert into old.orders values (1, 1, '2015-01-01', 1, 'N1'), (2, 1, '2015-01-01', 2, 'N2'), (3, 1, current_date, 1, 'N3'), (4, 1, '2015-01-01', 3, 'N4'), (5, 2, '2015-01-01', 4, 'N5');
      insert into old.lines select i, case i when 5 then 2 else 1 end, i from generate_series(1, 5) as i;
      insert into old.reviews values (1, 1, 'N1'), (2, 1, 'N2'), (3, 1, 'N3'), (4, 1, 'none');
      select lethe.manage_table(t, controller_column => 'owner') from unnest(array['old.buyers', 'old.orders', 'old.lines', 'old.reviews']) as t;
      select lethe.set_subject_type('buyer', 'old.buyers');
      select lethe.set_link('old.orders', 'old.buyers', subject => 'buyer', kind => 'own');
      select lethe.set_link('old.lines', 'old.orders', on_purge => 'with parent');
      select lethe.set_link('old.reviews', 'old.orders', '{number}', '{number}', subject => 'buyer', kind => 'mention');
      select lethe.set_rule('old.orders', 'purge', 'P30Y', since => '{at}');
      select lethe.set_rule('old.orders', 'archive', 'P2Y', since => '{at}');
      select lethe.set_rule('old.buyers', 'purge', 'P30Y', since => '{at}');
      select lethe.set_rule('old.buyers', 'archive', 'P5Y', since => '{at}');
      select lethe.set_rule('old.buyers', 'purge', 'P20Y', 'phone', since => '{at}');
      select lethe.set_rule('old.buyers', 'archive', 'P1Y', 'phone', since => '{at}', method => 'suppress');`)
    await grantMissing(shop)
    await shop.query('grant select, update, delete on all tables in schema old to lethe_sweeper')
    // What refers to an order keeps it from being moved, so the reviews come afterwards.
    await shop.query('create table old.later as table old.reviews; delete from old.reviews')
    for (const controller of ['north', 'north', 'south']) await runCycle(shop, controller)
    await shop.query('insert into old.reviews table old.later; drop table old.later')
    const [left] = await shop.query(
      'select (select count(*) from old.orders)::int as orders, (select count(*) from old.buyers)::int as buyers',
    )
    expect(left).toEqual({ orders: 1, buyers: 3 })
  })
  afterAll(() => shop.drop())

  it('is reached from live rows, and live rows from what is in it; archived values with their row', async () => {
    expect(await lines('1')).toEqual([
      'old.buyers (archive) purge: 1',
      'old.buyers purge: 1',
      'old.lines (archive) purge: 1',
      'old.lines purge: 1',
      'old.orders (archive) purge: 1',
      'old.orders purge: 1',
      'old.reviews cut[number]: 2',
    ])
  })

  it('is reached where the person is nowhere else, and keeps what a law keeps', async () => {
    expect(await lines('2')).toEqual([
      'old.buyers (archive) purge: 1',
      'old.lines (archive) purge: 1',
      'old.orders (archive) purge: 1',
      'old.reviews cut[number]: 1',
    ])
    await shop.query(
      `update lethe.links set on_erasure = '{"retain": "P90Y", "since": "at", "basis": "a law"}' where kind = 'own'`,
    )
    const kept = await planErasure(shop, 'buyer', ['2'])
    expect(linesOf(kept)).toEqual([
      'old.buyers (archive) purge: 1',
      'old.lines (archive) retain: 1',
      'old.orders (archive) retain: 1',
      'old.reviews cut[number]: 1',
    ])
    expect(kept.tables.find(({ decision }) => decision === 'retain')!.until).toBe('2105-01-01')
    await shop.query('update lethe.links set on_erasure = null')
  })

  it('of another controller is none of this one’s', async () => {
    expect((await planErasure(shop, 'buyer', ['4'], 'north')).totals.rows).toBe(0)
    expect((await planErasure(shop, 'buyer', ['4'], 'south')).totals.rows).toBe(4)
  })

  it('delays a plan by a hold on what is in it alone', async () => {
    const delays = async (key: string): Promise<number[]> =>
      (await planErasure(shop, 'buyer', [key])).delayed_by
    const hold = async (call: string): Promise<number> =>
      (await shop.query<{ id: number }>(`select ${call} as id`))[0]!.id
    const rows = await hold(
      `lethe.hold_rows('a case', 'old.orders', $$number = 'N4'$$, controller => 'north')`,
    )
    expect(await delays('3')).toEqual([rows])
    expect(await delays('1')).toEqual([])
    await shop.query(`select lethe.release_hold(${rows}, 'over')`)
    const person = await hold(`lethe.hold_person('a case', 'buyer', key => '3', controller => 'north')`)
    expect(await delays('3')).toEqual([person])
    await shop.query(`select lethe.release_hold(${person}, 'over')`)
    expect(await delays('3')).toEqual([])
  })
})

it('looks rows up by the index of the linked column', async () => {
  await make(
    'many',
    `
    create table many.people (id int primary key);
    create table many.things (id int primary key, person int references many.people, email text);
    create index on many.things (person);
    insert into many.people select generate_series(1, 20000);
    insert into many.things select i, (i + 2) / 3, 'x' from generate_series(1, 60000) as i;
    analyze many.people, many.things;`,
    `select lethe.set_subject_type('owner', 'many.people');
     select lethe.set_link('many.things', 'many.people', subject => 'owner', kind => 'own');`,
  )
  const client = await db.connect()
  await client.query('begin')
  expect((await planErasure(client, 'owner', ['77'])).totals).toEqual({ tables: 2, rows: 4, purge: 4 })
  const { rows } = await client.query(
    `select seq_scan::int, idx_scan > 0 as by_index from pg_stat_xact_user_tables where relid = 'many.things'::regclass`,
  )
  expect(rows).toEqual([{ seq_scan: 0, by_index: true }])
  await client.query('rollback')
})
