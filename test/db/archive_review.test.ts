/** What a hostile reading of the archive found, each case in a schema of its own. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, rowsOf, runCycle } from '../helpers/engine.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(`create schema desk; grant usage on schema desk to lethe_owner`)
})
afterAll(() => db.drop())

const CONTROLLERS = {
  north: { time_zone: 'Europe/Paris', reference: '1' },
  south: { time_zone: 'Europe/Paris', reference: '2' },
}

/** Runs `work` in a transaction that is rolled back, with a policy over the tables that `sql` makes. */
async function with_(
  sql: string,
  tables: Record<string, object>,
  work: (client: pg.Client) => Promise<void>,
  overrides: object = {},
): Promise<void> {
  const client = await db.connect()
  await client.query('begin')
  try {
    await client.query(sql)
    await applyPolicy(client, { version: 1, controllers: CONTROLLERS, tables, overrides })
    await client.query('grant insert, update on all tables in schema desk to lethe_sweeper')
    await work(client)
  } finally {
    await client.query('rollback')
    await client.end()
  }
}

const NORTH = { controller: { constant: 'north' } }
const BILLS = `
  create table desk.bills (id int primary key, issued date, note text);
  insert into desk.bills select i, '2015-01-01', 'note ' || i from generate_series(1, 3) as i;`
const rules = { ...NORTH, since: 'issued', archive: { after: 'P1Y' }, purge: { after: 'P5Y' } }

const refused = async (client: pg.Client, sql: string, values?: unknown[]) => {
  await client.query('savepoint before')
  const error = await refusal(client.query(sql, values))
  await client.query('rollback to before')
  return error
}
const apply = (tables: Record<string, object>): [string, unknown[]] => [
  'select lethe.apply_policy($1)',
  [JSON.stringify({ version: 1, controllers: CONTROLLERS, tables })],
]
const mirrorOf = async (client: pg.Client, table: string, kind = 'rows'): Promise<string> =>
  (
    await rowsOf<{ name: string }>(
      client,
      `select m.name from lethe_private.mirrors as m join lethe.managed_tables as t on t.id = m.table_id
       where t.table_name = $1 and m.kind = $2 order by m.id desc limit 1`,
      [table, kind],
    )
  )[0]!.name
const count = async (client: pg.Client, relation: string): Promise<number> =>
  (await rowsOf<{ n: number }>(client, `select count(*)::int as n from ${relation}`))[0]!.n

describe('code of the host', () => {
  it('never runs as the owner of the archive: an enumeration is compared as text there', () =>
    with_(
      `create type desk.status as enum ('open', 'paid');
       create table desk.spy (who text);
       create table desk.bills (id int primary key, issued date, status desk.status);
       insert into desk.bills values (1, '2015-01-01', 'paid'), (2, '2015-01-01', 'open')`,
      {
        'desk.bills': {
          ...NORTH,
          since: 'issued',
          archive: { after: 'P1Y' },
          purge: { after: 'P3Y', when: "status = 'paid'" },
        },
      },
      async (client) => {
        expect(await runCycle(client, 'north', '2017-01-01')).toBe('complete')
        await client.query(`
          create function desk.evil(text) returns desk.status language plpgsql as
            $$ begin insert into desk.spy values (current_user); return 'paid'; end $$;
          create cast (text as desk.status) with function desk.evil(text) as assignment;
          grant insert on desk.spy to public; grant usage on schema desk to public`)
        expect(await runCycle(client, 'north', '2019-01-02')).toBe('complete')
        expect(await rowsOf(client, 'select * from desk.spy')).toEqual([])
        expect(
          await rowsOf(client, `select id from lethe_archive.${await mirrorOf(client, 'bills')}`),
        ).toEqual([{ id: 2 }])
      },
    ))

  it('is refused in a predicate that the archive could not answer (LE303)', () =>
    with_(
      `create type desk.level as enum ('low', 'high');
       create table desk.cases (id int primary key, issued date, level desk.level)`,
      { 'desk.cases': { ...NORTH, since: 'issued', purge: { after: 'P5Y', when: "level > 'low'" } } },
      async (client) => {
        expect(
          await refused(client, `select lethe.set_rule('desk.cases', 'archive', 'P1Y', since => '{issued}')`),
        ).toMatchObject({ code: 'LE303' })
      },
    ))

  it('does not put an archived value into an error message', () =>
    with_(BILLS, { 'desk.bills': rules }, async (client) => {
      await runCycle(client, 'north', '2017-01-01')
      await client.query(
        ...apply({ 'desk.bills': { ...rules, purge: { after: 'P5Y', when: 'note::int > 3' } } }),
      )
      const error = await refused(client, `select * from lethe.plan('2026-01-01', 'north')`)
      expect(error.code).toBe('22P02')
      expect(JSON.stringify(error)).not.toContain('note 1')
    }))
})

describe('a record that is put back', () => {
  const PHONES = `
    create table desk.people (id int primary key, phone text, seen date);
    insert into desk.people values (7, 'old phone', '2015-01-01')`
  const people = {
    ...NORTH,
    since: 'seen',
    columns: { phone: { archive: { after: 'P1Y', using: 'suppress' }, purge: { after: 'P9Y' } } },
  }
  const restore = `select lethe.open_archive('a test', 'desk.people', '7', restore => true)`

  it('never replaces what has been written since', () =>
    with_(PHONES, { 'desk.people': people }, async (client) => {
      await runCycle(client, 'north', '2017-01-01')
      await client.query(`update desk.people set phone = 'new phone'`)
      expect(await refused(client, restore)).toMatchObject({ code: 'LE902' })
      expect(await rowsOf(client, 'select phone from desk.people')).toEqual([{ phone: 'new phone' }])
      await client.query('update desk.people set phone = null')
      await client.query(restore)
      expect(await rowsOf(client, 'select phone from desk.people')).toEqual([{ phone: 'old phone' }])
    }))

  it('brings nobody back who asked to be forgotten, until that is lifted (LE445)', () =>
    with_(
      PHONES.replace('old phone', '0612345678'),
      { 'desk.people': { ...people, archive: { after: 'P3Y' }, purge: { after: 'P20Y' } } },
      async (client) => {
        await runCycle(client, 'north', '2017-01-01')
        await client.query(`
          select lethe.set_subject_type('person', 'desk.people', array['phone']);
          insert into lethe_private.suppressions (controller_id, subject, hash, key_version, until, basis)
          select c.id, 'person', lethe_private.suppression_hash(k, '+33 6 12 34 56 78'), k.version, '2999-01-01', 'a test'
          from lethe.controllers as c cross join lateral lethe_private.newest_key(c.id) as k where c.name = 'north'`)
        const list = async (onArrival: string): Promise<void> => {
          const [row] = await rowsOf<{ sql: string }>(
            client,
            `select lethe.suppression_sql('desk.people', $1) as sql`,
            [onArrival],
          )
          await client.query(row!.sql)
        }
        const restored = {
          code: 'LE445',
          hint: expect.stringMatching(/^nothing was put back; .*allow_recapture/),
        }
        await list('refuse')
        // The value of a row that stayed; then, four years on, the whole row.
        const told =
          'the record cannot be put back into desk.people: its column phone has an identifier of somebody who asked to be forgotten'
        expect(await refused(client, restore)).toMatchObject({
          ...restored,
          message: told,
        })
        expect(await runCycle(client, 'north', '2019-01-01')).toBe('complete')
        expect(await rowsOf(client, 'select from desk.people')).toEqual([])
        const error = await refused(client, restore)
        expect(error).toMatchObject(restored)
        expect(JSON.stringify(error)).not.toContain('12345678')
        expect(await rowsOf(client, `select lethe.open_archive('a test', 'desk.people', '7')`)).toHaveLength(
          2,
        )

        await client.query('savepoint listed')
        await client.query(`select lethe.allow_recapture('person', '06 12 34 56 78', 'came back', 'north')`)
        await client.query(restore)
        expect(await rowsOf(client, 'select phone from desk.people')).toEqual([{ phone: '0612345678' }])
        await client.query('rollback to listed')
        // Where arrivals are only flagged it comes back, and is listed.
        await list('flag')
        await client.query(restore)
        expect(await rowsOf(client, 'select phone from desk.people')).toEqual([{ phone: '0612345678' }])
        expect(
          await rowsOf(
            client,
            'select table_name, key from lethe_private.recaptures as r join lethe.managed_tables as m on m.id = r.table_id',
          ),
        ).toEqual([{ table_name: 'people', key: '7' }])
      },
    ))

  it('never gives one person the values of another who had the same key', () =>
    with_(PHONES, { 'desk.people': people }, async (client) => {
      await runCycle(client, 'north', '2017-01-01')
      await client.query(`delete from desk.people; insert into desk.people values (7, null, '2016-12-01')`)
      expect(await refused(client, restore)).toMatchObject({ code: 'LE902' })
    }))

  it('has its composite values as they were, whatever the session’s DateStyle', () =>
    with_(
      `create type desk.span as (d date, at timestamptz);
       create table desk.terms (id int primary key, issued date, span desk.span);
       insert into desk.terms values (1, '2015-01-01', row('2015-03-04', '2015-03-04 12:00+01'))`,
      { 'desk.terms': rules },
      async (client) => {
        const [before] = await rowsOf(client, 'select to_jsonb(span) as span from desk.terms')
        await client.query(`set local datestyle = 'SQL, DMY'`)
        await runCycle(client, 'north', '2017-01-01')
        await client.query(`set local datestyle = 'ISO, MDY'`)
        await client.query(`select lethe.open_archive('a test', 'desk.terms', '1', restore => true)`)
        expect(await rowsOf(client, 'select to_jsonb(span) as span from desk.terms')).toEqual([before])
      },
    ))
})

describe('a table that is made anew', () => {
  it('keeps its archive apart from columns that have the numbers of lost ones', () =>
    with_(
      `create table desk.bills (id int primary key, b text, c text, issued date);
       insert into desk.bills values (1, 'b', 'c', '2015-01-01')`,
      { 'desk.bills': rules },
      async (client) => {
        await runCycle(client, 'north', '2017-01-01')
        await client.query(`
          alter table desk.bills drop column b;
          drop table desk.bills;
          create table desk.bills (id int primary key, c text, issued date);
          insert into desk.bills values (2, 'c', '2015-01-01');
          grant select, update, delete on desk.bills to lethe_sweeper`)
        expect(await runCycle(client, 'north', '2017-01-01')).toBe('complete')
        const rows = await rowsOf<{ content: unknown }>(
          client,
          `select content from lethe.open_archive('a test', 'desk.bills', '1')`,
        )
        expect(rows).toEqual([{ content: { id: 1, b: 'b', c: 'c', issued: '2015-01-01' } }])
      },
    ))
})

describe('a policy', () => {
  it('cannot leave archived rows without an end: no purge, or one for another controller alone (LE316)', () =>
    with_(BILLS, { 'desk.bills': rules }, async (client) => {
      const { purge: _, ...endless } = rules
      expect(await refused(client, ...apply({ 'desk.bills': endless }))).toMatchObject({
        code: 'LE316',
        message: 'rows of desk.bills would be archived for ever for controller north',
      })
    }))

  it('cannot take the purge from what is in the archive (LE903), nor count by what is not in it (LE905)', () =>
    with_(BILLS, { 'desk.bills': rules }, async (client) => {
      await runCycle(client, 'north', '2017-01-01')
      expect(await refused(client, ...apply({ 'desk.bills': NORTH }))).toMatchObject({ code: 'LE903' })
      await client.query('alter table desk.bills add kind text')
      const byKind = { ...rules, purge: { after: 'P5Y', when: "kind = 'x'" } }
      expect(await refused(client, ...apply({ 'desk.bills': byKind }))).toMatchObject({
        code: 'LE905',
        message: 'what is in the archive of desk.bills cannot be asked for kind, which its rules count by',
      })
    }))

  it('that a later ALTER TABLE makes unanswerable fails by name, and the live rules go on', () =>
    with_(BILLS, { 'desk.bills': rules }, async (client) => {
      await runCycle(client, 'north', '2017-01-01')
      await client.query(`
        alter table desk.bills alter issued type timestamp;
        insert into desk.bills values (9, '2015-01-01', 'late')`)
      expect(await runCycle(client, 'north', '2017-01-01')).toBe('incomplete')
      expect(
        await rowsOf(
          client,
          `select failure ->> 'sqlstate' as state from lethe.cycle_tables where cycle_id = (select max(id) from lethe.cycles)`,
        ),
      ).toEqual([{ state: 'LE905' }])
      expect(await count(client, 'desk.bills')).toBe(0)
    }))

  it('ends what came along with its record, and says so in the evidence', () =>
    with_(
      `${BILLS}
       create table desk.items (id int primary key, bill_id int references desk.bills, made date);
       create index on desk.items (bill_id);
       insert into desk.items select i, 1 + i % 3, '2015-01-01' from generate_series(1, 6) as i`,
      {
        'desk.bills': rules,
        'desk.items': { ...NORTH, with: 'parent', since: 'made', purge: { after: 'P3Y' } },
      },
      async (client) => {
        await runCycle(client, 'north', '2017-01-01')
        expect(await runCycle(client, 'north', '2019-01-01')).toBe('complete')
        const items = `lethe_archive.${await mirrorOf(client, 'items')}`
        expect(await count(client, items)).toBe(6)
        expect(await runCycle(client, 'north', '2020-02-01')).toBe('complete')
        expect(await count(client, items)).toBe(0)
        expect(
          await rowsOf(
            client,
            `select done::int from lethe.evidence where table_name = 'desk.items (archive)' and rule ~ 'with parent'
             and cycle_id = (select max(id) from lethe.cycles)`,
          ),
        ).toEqual([{ done: 6 }])
      },
    ))
})

describe('an officer', () => {
  it('who leaves a transaction open after reading stops no cycle', async () => {
    await db.query(BILLS)
    await applyPolicy(db, { version: 1, controllers: CONTROLLERS, tables: { 'desk.bills': rules } })
    await runCycle(db, 'north', '2017-01-01')
    const idle = await db.connect()
    await idle.query('begin')
    expect(await rowsOf(idle, `select from lethe.open_archive('a test', 'desk.bills', '1')`)).toHaveLength(1)
    const client = await db.connect()
    await client.query(`set lock_timeout = '5s'`)
    expect(await runCycle(client, 'north', '2017-06-01')).toBe('complete')
    await idle.query('rollback')
  })
})
