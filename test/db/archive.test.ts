import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, grantMissing, rowsOf, runCycle } from '../helpers/engine.ts'

/** Values that are found nowhere but where they belong. */
const SECRET = 'zelda-the-unmistakable'

let db: TestDatabase
let officer: Login

beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(`
    create extension citext;
    create schema desk;
    create type desk.status as enum ('open', 'paid');
    create domain desk.label as varchar(40) check (length(value) > 0);
    create table desk.customers (id int primary key, owner int not null, phone text, seen date);
    create table desk.bills (
      id bigint generated always as identity primary key, owner int not null, customer_id int not null references desk.customers,
      issued date, status desk.status, net numeric(10, 2), ratio double precision, label desk.label, code char(6), raw json, tags text[],
      states desk.status[], alias citext, took interval, digest bytea, at timestamptz, gross numeric generated always as (net * 1.2) stored);
    create index on desk.bills (customer_id);
    create table desk.items (bill_id bigint not null references desk.bills on delete cascade, n int, what text, primary key (bill_id, n));
    create table desk.parts (id int primary key, bill_id bigint not null, n int not null, label text, foreign key (bill_id, n) references desk.items);
    create index on desk.parts (bill_id, n);
    grant usage on schema desk, public to lethe_owner;`)
  await applyPolicy(db, POLICY)
  await db.query('grant insert on desk.bills, desk.items, desk.parts to lethe_sweeper')
  officer = await db.asRole('lethe_officer')
  await db.query(`insert into lethe.memberships select rolname, c.id from pg_roles, lethe.controllers as c
    where rolname = '${new URL(officer.url).username}' and c.name = 'north'`)
})
afterAll(() => db.drop())

const OWNED = { controller: { column: 'owner' } }
const POLICY = {
  version: 1,
  controllers: {
    north: { time_zone: 'Europe/Paris', reference: '1' },
    south: { time_zone: 'Pacific/Apia', reference: '2' },
  },
  tables: {
    'desk.customers': {
      ...OWNED,
      since: 'seen',
      columns: { phone: { archive: { after: 'P1Y', using: 'suppress' }, purge: { after: 'P4Y' } } },
    },
    'desk.bills': {
      ...OWNED,
      since: 'issued',
      search_path: 'public, pg_temp',
      columns: { raw: { purge: { after: 'P3Y' } } },
      archive: { after: 'P2Y', when: "status = 'paid'" },
      purge: { after: 'P5Y' },
    },
    'desk.items': { controller: { constant: 'north' }, with: 'parent' },
    'desk.parts': { controller: { constant: 'north' }, with: 'parent' },
  },
}

beforeEach(() =>
  db.query(`
  update lethe.cycles set state = 'incomplete', finished_at = now() where state = 'open';
  truncate desk.customers cascade;
  delete from lethe_private.exemptions;
  delete from lethe.holds;
  do $$ declare v_mirror text; begin
    for v_mirror in select name from lethe_private.mirrors loop execute format('truncate lethe_archive.%I', v_mirror); end loop;
  end $$;
  insert into desk.customers select i, 1, '${SECRET}-' || i, '2019-06-01' from generate_series(1, 20) as i;
  insert into desk.bills (owner, customer_id, issued, status, net, ratio, label, code, raw, tags, states, alias, took, digest, at)
  select 1, 1 + i % 20, date '2018-01-01' + i, case i % 5 when 0 then 'open' else 'paid' end::desk.status, i * 1.10, 1 / i::float8,
    '${SECRET} ' || i, 'a' || i, '{"z":  1, "a": "${SECRET}", "a": 2}', array['${SECRET}', null, 'x"y'], array['open', 'paid']::desk.status[],
    'MiXed', interval '1 mon 2 days 03:04:05.678901', '\\x00ff', timestamptz '2018-01-01 00:00:00.123456+05:30' + i * interval '1 hour'
  from generate_series(1, 100) as i;
  insert into desk.items select b.id, n, 'item ' || n from desk.bills as b, generate_series(1, 2) as n;
  insert into desk.parts select row_number() over (), i.bill_id, i.n, 'part' from desk.items as i;`),
)

const sweep = (day: string): Promise<string> => runCycle(db, 'north', day)

/** The rows of a table as text, all of each. */
const textOf = async (table: string): Promise<string[]> =>
  (await db.query<{ row: string }>(`select t::text as row from ${table} as t order by 1`)).map(
    ({ row }) => row,
  )

const mirrorsOf = async (table: string): Promise<string[]> =>
  (
    await db.query<{ name: string }>(
      `select m.name from lethe_private.mirrors as m join lethe.managed_tables as t on t.id = m.table_id where t.table_name = $1 order by m.id`,
      [table],
    )
  ).map(({ name }) => name)

const archived = async (table: string): Promise<number> => {
  let sum = 0
  for (const name of await mirrorsOf(table))
    sum += (await db.query<{ n: number }>(`select count(*) as n from lethe_archive.${name}`))[0]!.n
  return sum
}

const open = (key: unknown, options = '', login: Login = officer): Promise<Record<string, unknown>[]> =>
  login.query(`select * from lethe.open_archive('a test', 'desk.bills', $1${options})`, [String(key)])

const firstBill = async (): Promise<number> =>
  (
    await db.query<{ id: number }>(
      `select min("lethe$key"::bigint) as id from lethe_archive.${(await mirrorsOf('bills'))[0]}`,
    )
  )[0]!.id

describe('rows that are archived', () => {
  it('leave with all that goes with them, and are in the archive as they were, byte for byte', async () => {
    const before = await textOf('desk.bills')
    const items = await textOf('desk.items')
    const due = await db.query<{ id: number; row: string }>(
      `select id, b::text as row from desk.bills as b where status = 'paid' and issued + interval '2 years' < '2020-03-01'`,
    )
    expect(due.length).toBe(47)
    const plan = await db.query(
      `select rule, due from lethe.plan('2020-03-01', 'north') where table_name like 'desk.%' and due > 0 order by 1`,
    )
    expect(plan).toContainEqual({ rule: 'archive', due: 47 })
    expect(
      plan.filter(({ rule }) => rule === 'archived with parent desk.bills').map(({ due }) => due),
    ).toEqual([94, 94])

    expect(await sweep('2020-03-01')).toBe('complete')
    const [mirror] = await mirrorsOf('bills')
    const back = await db.query<{ row: string }>(`
      select (id, owner, customer_id, issued, status::desk.status, net, ratio, label::desk.label, code, raw, tags, states::desk.status[],
        alias::citext, took, digest, at, gross)::text as row from lethe_archive.${mirror} order by 1`)
    expect(back.map(({ row }) => row).sort()).toEqual(due.map(({ row }) => row).sort())
    const live = await textOf('desk.bills')
    expect([...live, ...due.map(({ row }) => row)].sort()).toEqual(before.sort())
    expect(await archived('items')).toBe(94)
    expect(await archived('parts')).toBe(94)
    expect((await textOf('desk.items')).length).toBe(items.length - 94)
  })

  it('go on obeying the rules: their columns are purged, and their term ends with all that came along', async () => {
    await sweep('2020-03-01')
    await sweep('2021-02-15')
    const [mirror] = await mirrorsOf('bills')
    const [raw] = await db.query<{ left: number; all: number }>(
      `select count(raw) as left, count(*) as all from lethe_archive.${mirror} where issued + interval '3 years' < '2021-02-15'`,
    )
    expect(raw).toEqual({ left: 0, all: 36 })
    expect(await sweep('2023-02-15')).toBe('complete')
    const bills = await archived('bills')
    expect(bills).toBe(80 - 36)
    expect(await archived('items')).toBe(2 * bills)
    expect(await archived('parts')).toBe(2 * bills)
    expect(
      await db.query(`select rule, due, done, left_over from lethe.evidence where table_name = 'desk.bills (archive)' and rule = 'purge'
        and cycle_id = (select max(id) from lethe.cycles)`),
    ).toEqual([{ rule: 'purge', due: 36, done: 36, left_over: 0 }])
  })

  it('stay in the archive while they, or one row that came along, are under a hold', async () => {
    await sweep('2020-03-01')
    const [one, two] = await db.query<{ key: string }>(
      `select "lethe$key" as key from lethe_archive.${(await mirrorsOf('bills'))[0]} order by id limit 2`,
    )
    await db.query(
      `insert into lethe.holds (reason) values ('a case');
       insert into lethe_private.held_keys select max(h.id), (select id from lethe.managed_tables where table_name = 'bills'), '${one!.key}' from lethe.holds as h;
       insert into lethe_private.held_keys select max(h.id), (select id from lethe.managed_tables where table_name = 'items'), '[${two!.key}, 1]' from lethe.holds as h;`,
    )
    expect(await sweep('2023-12-31')).toBe('complete')
    expect(await archived('bills')).toBe(2)
    expect(await archived('parts')).toBe(4)
    await db.query('update lethe.holds set released_at = now()')
    expect(await sweep('2023-12-31')).toBe('complete')
    expect((await archived('bills')) + (await archived('items')) + (await archived('parts'))).toBe(0)
  })
})

describe('values that are archived', () => {
  it('leave a mask in their place, and end by their own purge, with the key that dated them', async () => {
    expect(await sweep('2020-07-01')).toBe('complete')
    expect(await db.query('select count(phone) as left from desk.customers')).toEqual([{ left: 0 }])
    const [mirror] = await mirrorsOf('customers')
    expect(await db.query(`select phone, seen from lethe_archive.${mirror} where id = 3`)).toEqual([
      { phone: `${SECRET}-3`, seen: '2019-06-01' },
    ])
    // What a mirror of values does not need is not in it.
    expect(
      await db.query(
        `select column_name from lethe_private.mirror_columns as c join lethe_private.mirrors as m on m.id = c.mirror_id where m.name = $1 order by 1`,
        [mirror],
      ),
    ).toEqual(['id', 'phone', 'seen'].map((name) => ({ column_name: name })))
    expect(await sweep('2023-06-02')).toBe('complete')
    expect(await archived('customers')).toBe(0)
  })

  it('come back to the row they were taken from', async () => {
    await sweep('2020-07-01')
    await officer.query(`select from lethe.open_archive('a test', 'desk.customers', '7', restore => true)`)
    expect(await db.query('select phone from desk.customers where id = 7')).toEqual([
      { phone: `${SECRET}-7` },
    ])
    expect(await archived('customers')).toBe(19)
    expect(await sweep('2021-01-01')).toBe('complete')
    expect(await db.query('select phone from desk.customers where id = 7')).toEqual([
      { phone: `${SECRET}-7` },
    ])
  })
})

describe('opening the archive', () => {
  it('shows one record whole, with a reason that is recorded and a key that is not', async () => {
    await sweep('2020-03-01')
    const key = await firstBill()
    const rows = await open(key)
    expect(rows.map(({ table_name }) => table_name)).toEqual([
      'desk.bills',
      'desk.items',
      'desk.items',
      'desk.parts',
      'desk.parts',
    ])
    expect(rows[0]!.content).toMatchObject({ id: key, alias: 'MiXed' })
    const [opening] = await officer.query('select * from lethe.archive_openings order by id desc limit 1')
    expect(opening).toMatchObject({
      reason: 'a test',
      restored: false,
      rows_opened: { 'desk.bills': 1, 'desk.items': 2, 'desk.parts': 2 },
    })
    expect(opening!.key_hash).toMatch(/^[0-9a-f]{64}$/)
    expect(await archived('bills')).toBe(47)
    expect(await db.query('select count(*) as n from lethe_private.restoring')).toEqual([{ n: 0 }])
  })

  it('is refused without a reason, without such a record, and to one who acts for another controller', async () => {
    await sweep('2020-03-01')
    const key = String(await firstBill())
    expect(
      await refusal(officer.query(`select lethe.open_archive(' ', 'desk.bills', $1)`, [key])),
    ).toMatchObject({
      code: 'LE901',
      message: 'no reason is given for opening the archive of desk.bills',
    })
    const unknown = await refusal(open('999999'))
    expect(unknown).toMatchObject({
      code: 'LE901',
      message: 'no record of desk.bills with this key is in the archive',
    })
    const stranger = await db.asRole('lethe_officer')
    expect(await refusal(open(key, '', stranger))).toMatchObject({ code: 'LE502' })
    const auditor = await db.asRole('lethe_auditor')
    expect(await refusal(open(key, '', auditor))).toMatchObject({ code: '42501' })
    expect((await open(key)).length).toBe(5)
  })

  it('puts a record back whole, identity and generated columns too, and leaves it alone until its day', async () => {
    const before = await textOf('desk.bills')
    const parts = await textOf('desk.parts')
    await sweep('2020-03-01')
    const keys = await db.query<{ key: string }>(
      `select "lethe$key" as key from lethe_archive.${(await mirrorsOf('bills'))[0]}`,
    )
    for (const { key } of keys) await open(key, ', restore => true')
    expect(await textOf('desk.bills')).toEqual(before)
    expect(await textOf('desk.parts')).toEqual(parts)
    expect((await archived('bills')) + (await archived('items')) + (await archived('parts'))).toBe(0)

    expect(await sweep('2020-03-01')).toBe('complete')
    expect(await archived('bills')).toBe(0)
    await db.query(`update lethe_private.exemptions set until = '2020-02-29'`)
    expect(await sweep('2020-03-01')).toBe('complete')
    expect(await archived('bills')).toBe(47)
  })

  it.each([
    [
      'its parent is gone',
      `set session_replication_role = replica; delete from desk.customers; set session_replication_role = origin`,
      'bills_customer_id_fkey',
    ],
    [
      'a trigger swallows the row',
      `create function desk.nothing() returns trigger language plpgsql as 'begin return null; end'; create trigger nothing before insert on desk.items for each row execute function desk.nothing()`,
      'would not come back',
    ],
    [
      'a trigger changes it',
      `create function desk.other() returns trigger language plpgsql as $$begin new.what := 'x'; return new; end$$; create trigger other before insert on desk.items for each row execute function desk.other()`,
      'would not come back',
    ],
    [
      'its key is taken',
      `insert into desk.items overriding system value select "lethe$root"::bigint, 1, 'mine' from lethe_archive.desk_bills_KEY limit 0; insert into desk.bills (id, owner, customer_id) overriding system value select id, 1, 1 from lethe_archive.BILLS`,
      'bills_pkey',
    ],
    ['a column with a value is gone', `alter table desk.bills drop column took`, 'column took'],
    ['its day to be left alone is not one', '', 'LE904'],
  ])('puts nothing back when %s', async (why, obstacle, message) => {
    await sweep('2020-03-01')
    const key = await firstBill()
    const [bills] = await mirrorsOf('bills')
    const client = await db.connect()
    await client.query('begin')
    for (const statement of obstacle
      .replace(/insert into desk.items[^;]*KEY limit 0; /, '')
      .replace('BILLS', bills!)
      .split(/; (?=create trigger|delete|set)/))
      if (statement) await client.query(statement)
    await client.query('savepoint there')
    const error = await refusal(
      client.query(
        `select lethe.open_archive('a test', 'desk.bills', $1, restore => true${why.startsWith('its day') ? `, exempt_until => '1999-01-01'` : ''})`,
        [String(key)],
      ),
    )
    await client.query('rollback to there')
    expect(error.code).toMatch(/^LE90[24]$/)
    expect(`${error.code} ${error.message}`).toContain(message)
    expect(JSON.stringify([error.message, error.hint, error.detail])).not.toContain(SECRET)
    expect(
      (await rowsOf<{ n: number }>(client, `select count(*) as n from lethe_archive.${bills}`))[0],
    ).toEqual({ n: 47 })
    await client.query('rollback')
  })
})

describe('the archive', () => {
  it('is refused to every role of Lethe, to read and to write, and to PUBLIC', async () => {
    await sweep('2020-07-01')
    const tables = (
      await db.query<{ name: string }>(
        `select oid::regclass::text as name from pg_class where relnamespace = 'lethe_archive'::regnamespace and relkind = 'r'`,
      )
    ).map(({ name }) => name)
    expect(tables.length).toBeGreaterThanOrEqual(4)
    const roles = [
      'lethe_officer',
      'lethe_agent',
      'lethe_analyst',
      'lethe_auditor',
      'lethe_subject',
      'lethe_anonymous',
      'lethe_worker',
      'lethe_sweeper',
    ]
    for (const login of [...(await Promise.all(roles.map((role) => db.asRole(role)))), await db.asRole()])
      for (const table of tables)
        for (const attempt of [
          `select * from ${table}`,
          `delete from ${table}`,
          `insert into ${table} select`,
          `update ${table} set "lethe$key" = 'x'`,
        ])
          expect((await refusal(login.query(attempt))).code).toBe('42501')
    expect(
      await db.query(
        `select from pg_class where relnamespace = 'lethe_archive'::regnamespace and relkind = 'r' and not relrowsecurity`,
      ),
    ).toEqual([])
    expect(
      await db.query(
        `select from pg_policy as p join pg_class as c on c.oid = p.polrelid where c.relnamespace = 'lethe_archive'::regnamespace`,
      ),
    ).toEqual([])
  })

  it('shows the sweeper nothing through its doors', async () => {
    await sweep('2020-07-01')
    const sweeper = await db.asRole('lethe_sweeper')
    for (const { name } of await db.query<{ name: string }>('select name from lethe_private.mirrors'))
      expect(await sweeper.query(`select * from lethe_private.door_${name}`)).toEqual([])
  })

  it('is in no full dump by an ordinary role, though that role may read all data', async () => {
    await sweep('2020-07-01')
    const ordinary = await db.asRole('pg_read_all_data')
    const name = new URL(ordinary.url).username
    await db.query(
      `alter table desk.bills owner to ${name}; grant all on all tables in schema desk to ${name}`,
    )
    try {
      // As pg_dump reads: everything, with row_security off, and as it does with --enable-row-security.
      const strict = await readAll(ordinary, 'off')
      expect(strict.refused).toContain(`lethe_archive.${(await mirrorsOf('bills'))[0]}`)
      const lenient = await readAll(ordinary, 'on')
      expect(lenient.refused).toEqual([])
      expect(lenient.text).toContain(`"${SECRET} 5"`)
      const kept = await db.query<{ label: string }>(
        `select label from lethe_archive.${(await mirrorsOf('bills'))[0]}`,
      )
      expect(kept.length).toBeGreaterThan(40)
      for (const { label } of kept) expect(`${strict.text}${lenient.text}`).not.toContain(`"${label}"`)
      const dumped = dump(ordinary.url, '--enable-row-security')
      for (const { label } of kept) expect(dumped).not.toContain(`${label}\t`)
    } finally {
      await db.query(`reassign owned by ${name} to postgres; drop owned by ${name}`)
      await grantMissing(db)
    }
  })

  it('keeps its table in the policy until it is empty (LE903)', async () => {
    await sweep('2020-03-01')
    expect(await refusal(db.query(`select lethe.unmanage_table('desk.bills')`))).toMatchObject({
      code: 'LE903',
      message: 'table desk.bills has rows in the archive',
    })
    const without = { ...POLICY, tables: { 'desk.customers': POLICY.tables['desk.customers'] } }
    expect(await refusal(db.query('select lethe.apply_policy($1)', [JSON.stringify(without)]))).toMatchObject(
      { code: 'LE903' },
    )
  })

  it('says what it holds, in counts, to those who act for the controller', async () => {
    await sweep('2020-03-01')
    expect(
      await officer.query('select controller, table_name, content, rows from lethe.archive_contents()'),
    ).toContainEqual({ controller: 'north', table_name: 'desk.bills', content: 'rows', rows: 47 })
    const stranger = await db.asRole('lethe_officer')
    expect(await stranger.query('select * from lethe.archive_contents()')).toEqual([])
  })
})

describe('a clock over other rows', () => {
  beforeAll(async () => {
    await db.query(`
      create schema guild;
      create table guild.members (id int primary key, name text);
      create table guild.visits (id int primary key, member_id int not null references guild.members, on_day date);
      create index on guild.visits (member_id)`)
    await applyPolicy(db, {
      ...POLICY,
      tables: {
        ...POLICY.tables,
        'guild.members': {
          controller: { constant: 'north' },
          since: 'max(visits.on_day)',
          columns: { name: { archive: { after: 'P1Y', using: 'suppress' }, purge: { after: 'P4Y' } } },
          archive: { after: 'P2Y' },
          purge: { after: 'P5Y' },
        },
        'guild.visits': {
          controller: { constant: 'north' },
          with: 'parent',
          since: 'on_day',
          columns: { on_day: {} },
        },
      },
    })
    await db.query('grant insert on guild.members, guild.visits to lethe_sweeper')
  })

  it('goes along into the archive, ends the term there, and comes back with the row', async () => {
    await db.query(`
      insert into guild.members select i, 'm' || i from generate_series(1, 3) as i;
      insert into guild.visits values (1, 1, '2018-01-01'), (2, 1, '2018-06-01'), (3, 2, '2018-03-01'), (4, 2, 'infinity')`)
    expect(await sweep('2020-07-01')).toBe('complete')
    expect(await db.query('select id from guild.members order by id')).toEqual([{ id: 2 }, { id: 3 }])
    const [rows] = (await db.query<{ name: string }>(
      `select m.name from lethe_private.mirrors as m join lethe.managed_tables as t on t.id = m.table_id where t.table_name = 'members' and m.kind = 'rows'`,
    ))!
    expect(await db.query(`select "lethe$clocks" as clocks from lethe_archive.${rows!.name}`)).toEqual([
      { clocks: { 'max(guild.visits.on_day)': '2018-06-01' } },
    ])
    expect(await db.query('select * from lethe_private.last_events')).toEqual([])

    await officer.query(`select lethe.open_archive('a test', 'guild.members', '1', restore => true)`)
    await db.query(`delete from lethe_private.exemptions; delete from guild.visits where member_id = 1`)
    expect(await sweep('2020-07-01')).toBe('complete')
    expect(await db.query(`select "lethe$clocks" as clocks from lethe_archive.${rows!.name}`)).toEqual([
      { clocks: { 'max(guild.visits.on_day)': '2018-06-01' } },
    ])
    // Five years after the last visit, the row goes; the value that was archived alone went a year before.
    expect(await sweep('2023-06-01')).toBe('complete')
    expect(await archived('members')).toBe(1)
    expect(await sweep('2023-06-02')).toBe('complete')
    expect(await archived('members')).toBe(0)
  })
})

/** All rows of all tables that a role sees, and the tables that are refused to it. */
async function readAll(
  login: Login,
  rowSecurity: 'on' | 'off',
): Promise<{ text: string; refused: string[] }> {
  const client = await login.connect()
  await client.query(`set row_security = ${rowSecurity}`)
  const tables = await rowsOf<{ name: string }>(
    client,
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
     where c.relkind in ('r', 'm') and n.nspname !~ '^(pg_|information_schema)'`,
  )
  const refused: string[] = []
  let text = ''
  for (const { name } of tables) {
    const read = await rowsOf<{ text: string }>(client, `select t::text as text from ${name} as t`).catch(
      () => undefined,
    )
    if (read) text += read.map((row) => row.text).join('\n')
    else refused.push(name)
  }
  return { text, refused }
}

/** What pg_dump writes, where the server under test comes with one. */
function dump(url: string, ...options: string[]): string {
  const program = `${process.env.LETHE_TEST_PG_BIN}/pg_dump`
  if (!existsSync(program)) return ''
  return execFileSync(program, [...options, url], { encoding: 'utf8', maxBuffer: 1 << 28 })
}
