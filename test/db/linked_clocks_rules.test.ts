import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, grantMissing, rowsOf, runCycle } from '../helpers/engine.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(`
    create schema host;
    create schema old;
    create table host.people (id int primary key, seen date, email text, phone text);
    create table host.invoices (id int primary key, person_id int references host.people, payer_id int references host.people,
      issued_on date, amount int, note text);
    create index on host.invoices (person_id);
    create table old.invoices (id int primary key, person_id int references host.people, issued_on date);
    create index on old.invoices (person_id);
    create table host."Odd Orders" (id int primary key, "By" int references host.people, "Placed.On" date);
    create index on host."Odd Orders" ("By");
    create table host.letters (id int primary key, person_id int, sent_on date);
    create index on host.letters (person_id);
    create table host.unindexed (id int primary key, person_id int references host.people, at date);
    create table host.unmanaged (id int primary key, person_id int references host.people, at date);
    create table host.orders (id int primary key, at date);
    create table host.lines (id int primary key, order_id int references host.orders on delete cascade, person_id int references host.people, shipped date);
    create index on host.lines (order_id);
    create index on host.lines (person_id);
    select lethe.set_controller('north', 'Europe/Paris');
    select lethe.manage_table('host.' || t) from unnest(array['people', 'invoices', '"Odd Orders"', 'letters', 'unindexed', 'orders', 'lines']) as t;
    select lethe.set_link('host.lines', columns => '{order_id}', on_purge => 'with parent');`)
})
afterAll(() => db.drop())

const rule = (since: string, column = 'email', after = 'P1Y'): Promise<unknown> =>
  db.query('select lethe.set_rule($1, $2, $3, $4, since => array[$5])', [
    'host.people',
    'purge',
    after,
    column,
    since,
  ])
const sinceOf = async (column = 'email'): Promise<unknown> =>
  (
    await db.query(
      'select t.since from lethe.terms as t join lethe.rules as r on r.id = t.rule_id where r.column_name = $1',
      [column],
    )
  )[0]?.since

describe('a clock over other rows', () => {
  it.each([
    ['max(invoices.issued_on via person_id)', 'max(host.invoices.issued_on via person_id)'],
    ['MAX( host.Invoices.Issued_On VIA payer_id )', null],
    ['max("Odd Orders"."Placed.On")', 'max(host."Odd Orders"."Placed.On")'],
    ['max(lines.shipped)', 'max(host.lines.shipped)'],
  ])('%s is kept as %s', async (since, kept) => {
    if (kept === null) await db.query('create index if not exists payer on host.invoices (payer_id)')
    await rule(since)
    expect(await sinceOf()).toEqual([kept ?? 'max(host.invoices.issued_on via payer_id)'])
    await db.query('select lethe.apply_policy(lethe.export_policy())')
    const [exported] = await db.query<{ same: unknown }>(
      'select count(*)::int as same from lethe.apply_policy(lethe.export_policy())',
    )
    expect(exported).toEqual({ same: 0 })
  })

  it.each([
    ['avg(invoices.issued_on)', 'LE315', 'is not available'],
    ['max(issued_on)', 'LE302', 'names no column of another table'],
    ['max(invoices.issued_on, 3)', 'LE302', 'names no column of another table'],
    ['max(unmanaged.at)', 'LE102', 'table unmanaged of clock max(unmanaged.at) is not managed'],
    ['max(invoices.nothing)', 'LE103', 'table host.invoices has no column nothing'],
    ['max(invoices.amount via person_id)', 'LE302', 'is of type integer, which is no clock'],
    ['max(invoices.issued_on)', 'LE106', 'host.invoices refers in more than one way to host.people'],
    ['max(letters.sent_on)', 'LE106', 'host.letters does not refer to host.people'],
    ['max(unindexed.at)', 'LE310', 'person_id of host.unindexed refers to host.people without an index'],
  ])('%s is refused (%s)', async (since, code, message) => {
    const before = await sinceOf()
    expect(await refusal(rule(since))).toMatchObject({ code, message: expect.stringContaining(message) })
    expect(await sinceOf()).toEqual(before)
  })

  it('names the ways there are where one of several must be chosen', async () => {
    expect((await refusal(rule('max(invoices.issued_on)'))).hint).toMatch(
      /max\(invoices.issued_on via payer_id\)|max\(invoices.issued_on via person_id\)/,
    )
    await db.query(`select lethe.manage_table('old.invoices')`)
    expect(await refusal(rule('max(invoices.issued_on via person_id)'))).toMatchObject({
      code: 'LE102',
      message: 'clock max(invoices.issued_on via person_id) does not say which table invoices is meant',
      hint: 'write max(host.invoices.issued_on) or max(old.invoices.issued_on)',
    })
    await rule('max(old.invoices.issued_on)')
    expect(await sinceOf()).toEqual(['max(old.invoices.issued_on)'])
    await db.query(`select lethe.unmanage_table('old.invoices')`)
    await db.query(`select lethe.drop_rule('host.people', 'purge', 'email')`)
  })

  it('follows a link that was declared by hand', async () => {
    await db.query(
      `select lethe.set_link('host.letters', '"host"."people"', columns => '{person_id}', to_columns => '{id}')`,
    )
    await rule('max(letters.sent_on)')
    expect(await sinceOf()).toEqual(['max(host.letters.sent_on)'])
  })

  it('and a rule that rewrites its events exclude each other (LE316), whichever comes first', async () => {
    await db.query(`alter table host.invoices add paid_on date`)
    await db.query(
      `select lethe.set_rule('host.invoices', 'purge', 'P1Y', 'paid_on', since => '{issued_on}')`,
    )
    expect(await refusal(rule('max(invoices.paid_on via person_id)', 'phone'))).toMatchObject({
      code: 'LE316',
      message:
        'column paid_on of host.invoices cannot be rewritten (purge): rows of host.people count since it',
    })
    await rule('max(invoices.issued_on via person_id)', 'phone')
    await db.query(`alter table host.invoices add due_on date`)
    expect(
      await refusal(
        db.query(`select lethe.set_rule('host.invoices', 'purge', 'P1Y', 'issued_on', since => '{due_on}')`),
      ),
    ).toMatchObject({ code: 'LE316', message: expect.stringContaining('rows of host.people count since it') })
    await db.query(`select lethe.drop_rule('host.people', 'purge', 'phone')`)
  })
})

describe('what Lethe takes away', () => {
  const events = (): Promise<unknown[]> =>
    db.query(`select parent_key, entry, last_day from lethe_private.last_events order by parent_key`)

  it('is remembered where a cascade takes it, and forgotten with the row whose clock it was', async () => {
    await db.query(`
      truncate host.people, host.orders cascade;
      drop table host.unindexed, host.unmanaged, old.invoices;
      select lethe.unmanage_table('host.unindexed');
      insert into host.people (id, email) values (1, 'one'), (2, 'two');
      insert into host.orders values (10, '2010-01-01'), (11, '2024-01-01');
      insert into host.lines values (100, 10, 1, '2020-05-01'), (101, 10, 1, '2019-05-01'), (102, 10, 2, '2022-03-01'), (103, 11, 2, '2021-03-01'), (104, 10, null, '2023-03-01');
      select lethe.set_rule('host.people', 'purge', 'P2Y', 'email', since => array['max(lines.shipped)']);
      select lethe.set_rule('host.orders', 'purge', 'P5Y', since => '{at}')`)
    await grantMissing(db)
    expect(await runCycle(db, 'north', '2024-02-01')).toBe('complete')
    expect(await events()).toEqual([
      { parent_key: '1', entry: 'max(host.lines.shipped)', last_day: '2020-05-01' },
      { parent_key: '2', entry: 'max(host.lines.shipped)', last_day: '2022-03-01' },
    ])
    // Two: the line that is left is older than the one that is gone, and due; the one that is gone is not.
    expect(await db.query('select id, email from host.people order by id')).toEqual([
      { id: 1, email: null },
      { id: 2, email: 'two' },
    ])
    expect(await runCycle(db, 'north', '2024-03-02')).toBe('complete')
    expect(await db.query('select email from host.people where id = 2')).toEqual([{ email: null }])

    await db.query(
      `select lethe.set_rule('host.people', 'purge', 'P4Y', since => array['max(lines.shipped)'])`,
    )
    await grantMissing(db)
    expect(await runCycle(db, 'north', '2024-06-01')).toBe('complete')
    expect(await db.query('select id from host.people')).toEqual([{ id: 2 }])
    expect(await events()).toMatchObject([{ parent_key: '2' }])
  })

  it('is forgotten when the application deletes the row itself, and when no rule asks for it any more', async () => {
    await db.query(
      `delete from host.lines; delete from host.people where id = 2; insert into host.people values (3, null, 'three')`,
    )
    expect(await events()).toHaveLength(1)
    expect(await runCycle(db, 'north', '2024-06-02')).toBe('complete')
    expect(await events()).toEqual([])

    await db.query(`
      insert into host.lines values (200, null, 3, '2023-01-01');
      insert into host.orders values (20, '2011-01-01');
      update host.lines set order_id = 20 where id = 200`)
    expect(await runCycle(db, 'north', '2024-06-03')).toBe('complete')
    expect(await events()).toMatchObject([{ parent_key: '3' }])
    await db.query(
      `select lethe.drop_rule('host.people', 'purge', 'email'); select lethe.drop_rule('host.people', 'purge')`,
    )
    expect(await runCycle(db, 'north', '2024-06-04')).toBe('complete')
    expect(await events()).toEqual([])
  })
})

describe('a search over a large table', () => {
  it('goes over the events once, and asks no row for itself', async () => {
    await db.query(`
      truncate host.people, host.orders cascade;
      insert into host.people select i, null, 'e' || i, null from generate_series(1, 20000) as i;
      insert into host.lines select i, null, 1 + i % 20000, date '2015-01-01' + (i % 3000) from generate_series(1, 100000) as i;
      create index if not exists by_day on host.lines (person_id, shipped);
      select lethe.set_rule('host.people', 'purge', 'P3Y', 'email', since => array['max(lines.shipped)']);
      analyze host.people, host.lines`)
    const [row] = await db.query<{ discover: string }>(`
      select lethe_private.compile(m, c, '2024-01-01') #>> '{columns,discover}' as discover
      from lethe.managed_tables as m, lethe.controllers as c where m.table_name = 'people'`)
    const client = await db.connect()
    // As lethe_private.discover sets them.
    await client.query(`set work_mem = '64MB'; set enable_hashagg = off`)
    const [plan] = await rowsOf<{ 'QUERY PLAN': unknown }>(
      client,
      `explain (analyze, timing off, format json) ${row!.discover}`,
    )
    const scans: { loops: number; under: string[] }[] = []
    const walk = (node: Record<string, unknown>, under: string[]): void => {
      const here = [...under, String(node['Subplan Name'] ?? '')]
      if (node['Relation Name'] === 'lines' && Number(node['Actual Loops']) > 0)
        scans.push({
          loops: Number(node['Actual Loops']),
          under: here.filter((name) => name.startsWith('SubPlan')),
        })
      for (const child of (node.Plans ?? []) as Record<string, unknown>[]) walk(child, here)
    }
    walk((plan!['QUERY PLAN'] as { Plan: Record<string, unknown> }[])[0]!.Plan, [])
    expect(scans.length).toBeGreaterThan(0)
    for (const scan of scans) expect(scan.under).toEqual([])
    expect(scans.reduce((sum, { loops }) => sum + loops, 0)).toBeLessThanOrEqual(3)
  })
})
