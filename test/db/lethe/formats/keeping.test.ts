/** The printed script is run on tables with data, and outlives Lethe. */
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { remove } from '../../../../src/install/remove.ts'
import { createDatabase, refusal, serverVersion, type TestDatabase } from '../../../helpers/database.ts'
import { addCycleRunner, grantMissing, rowsOf, runCycle } from '../../../helpers/engine.ts'
import { TEXT_FORMATS } from '../../../oracle/formats.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    create schema "Mixed.Case";
    create function public.touch() returns trigger language plpgsql as $$ begin new.touched := coalesce(new.touched, 0) + 1; return new; end $$`)
})
afterAll(() => db.drop())

const TABLE = '"Mixed.Case"."Our ""People"""'
const COLUMN = 'Birth"Day $$ $lethe1$'
const QUOTED = '"Birth""Day $$ $lethe1$"'

/** Every form that a value can have: fine, richer, null, unreadable. */
const GIVEN = ['--02-29', '1980-03-12', null, '1996-02-29T00:00', ' 2001-12-31 ', '--12-31']
const UNREADABLE = ['12/03/1980', '1980-02-30', '', 'né le 12 mars \u{1F382}']
const afterwards = (value: string | null): string | null =>
  value === null || TEXT_FORMATS.month_day!.knows(value, {})
    ? value
    : TEXT_FORMATS.month_day!.reduce(value, {})

/** A table with mixed-case names, of two controllers. Partitioned, inherited from, or plain. */
async function makeTable(kind: 'plain' | 'partitioned' | 'inherited', rows = 600): Promise<void> {
  await db.query(`
    drop schema "Mixed.Case" cascade; create schema "Mixed.Case";
    create table ${TABLE} (id int, owner int not null, region int not null default 0, ${QUOTED} text, touched int, other text, primary key (id, region))
      ${kind === 'partitioned' ? 'partition by list (region)' : ''}`)
  if (kind === 'partitioned')
    await db.query(`
      create table "Mixed.Case"."North" partition of ${TABLE} for values in (0, 1);
      create table "Mixed.Case".rest partition of ${TABLE} default partition by list (region);
      create table "Mixed.Case".rest_2 partition of "Mixed.Case".rest for values in (2);
      create table "Mixed.Case".rest_x partition of "Mixed.Case".rest default`)
  if (kind === 'inherited')
    await db.query(
      `create table "Mixed.Case"."Heirs" (extra text, primary key (id, region)) inherits (${TABLE})`,
    )
  await db.query(
    `insert into ${TABLE} (id, owner, region, ${QUOTED})
     select n, 1 + n % 2, n % 4, ($1::text[])[1 + n % cardinality($1::text[])] from generate_series(1, ${rows}) as n`,
    [GIVEN],
  )
  if (kind === 'inherited')
    await db.query(
      `insert into "Mixed.Case"."Heirs" (id, owner, region, ${QUOTED}) values (10001, 2, 0, '1970-01-01'), (10002, 1, 0, null)`,
    )
  await db.query(`
    select lethe.set_controller('north', 'Europe/Paris', '1');
    select lethe.set_controller('south', 'Pacific/Apia', '2');
    select lethe.manage_table('${TABLE}', controller_column => 'owner', key => '{id,region}')`)
  await grantMissing(db)
}

const declare = (arrival: string | null) =>
  db.query('select lethe.set_format($1, $2, $3, on_arrival => $4)', [TABLE, COLUMN, 'month_day', arrival])
const steps = () =>
  db.query<{ title: string; statement: string; must_be_none: string | null }>(
    'select * from lethe.format_steps($1, $2)',
    [TABLE, COLUMN],
  )
const titles = async () => (await steps()).map(({ title }) => title)
const values = async () =>
  new Map(
    (await db.query<{ id: number; value: string | null }>(`select id, ${QUOTED} as value from ${TABLE}`)).map(
      ({ id, value }) => [id, value],
    ),
  )
const findings = async () =>
  (await db.query<{ finding: string }>('select finding from lethe.format_findings()')).map(
    ({ finding }) => finding,
  )

/** Runs the script as psql would: statement by statement, outside of a transaction. */
async function runSteps(client: { query(text: string): Promise<unknown> } = db): Promise<string[]> {
  const done: string[] = []
  for (const { title, statement } of await steps()) {
    await client.query(
      statement.replace(
        'v_pause_seconds constant double precision := 0.05',
        'v_pause_seconds constant double precision := 0',
      ),
    )
    done.push(title)
  }
  return done
}

const insert = (id: number, value: string | null) =>
  db.query(`insert into ${TABLE} (id, owner, ${QUOTED}) values ($1, 1, $2) returning ${QUOTED} as value`, [
    id,
    value,
  ])

beforeEach(async () => {
  await db.query(
    'delete from lethe.managed_tables; delete from lethe_private.held_keys; delete from lethe.holds',
  )
})

describe.each(['plain', 'partitioned', 'inherited'] as const)(
  'on a %s table with mixed-case names, the script',
  (kind) => {
    it('reduces what is there and nothing else, adds and validates the constraint, and then has nothing left to print', async () => {
      await makeTable(kind)
      await declare('reduce')
      const before = await values()
      expect(await findings()).toEqual([
        'format_without_trigger',
        'format_without_constraint',
        'format_violated',
      ])
      expect(await runSteps()).toEqual([
        'Reduce what arrives',
        'Reduce what is there',
        'Add the constraint',
        'Check every row',
      ])
      const now = await values()
      expect(now).toEqual(new Map([...before].map(([id, value]) => [id, afterwards(value)])))
      expect(await titles()).toEqual([])
      expect(await findings()).toEqual([])
      const [printed] = await db.query<{ script: string }>('select lethe.format_sql($1, $2) as script', [
        TABLE,
        COLUMN,
      ])
      expect(printed!.script).toContain('Nothing is left to do')
    })

    it('writes the rows it changes once and no other, also when it is run again', async () => {
      await makeTable(kind)
      await db.query(
        `create trigger touch before update on ${TABLE} for each row execute function public.touch()`,
      )
      await declare(null)
      const before = await values()
      const [reduction] = await steps()
      expect(reduction!.title).toBe('Reduce what is there')
      await db.query(reduction!.statement)
      const touched = `select id from ${TABLE} where touched is not null order by id`
      const changed = [...before]
        .filter(([id, value]) => value !== afterwards(value) && id <= 10_000)
        .map(([id]) => id)
      expect((await db.query<{ id: number }>(touched)).map(({ id }) => id)).toEqual(
        changed.sort((a, b) => a - b),
      )
      await db.query(reduction!.statement)
      expect(await db.query(`select from ${TABLE} where touched > 1`)).toEqual([])
    })

    it('has a trigger that reduces what arrives by INSERT, UPDATE, COPY and ON CONFLICT, and refuses what it cannot read', async () => {
      await makeTable(kind, 10)
      await declare('reduce')
      await runSteps()
      expect(await insert(20_001, '1999-12-31')).toEqual([{ value: '--12-31' }])
      expect(await insert(20_002, null)).toEqual([{ value: null }])
      expect(
        await db.query(`
        insert into ${TABLE} (id, owner, ${QUOTED}) values (20001, 1, '1980-07-14')
        on conflict (id, region) do update set ${QUOTED} = excluded.${QUOTED} returning ${QUOTED} as value`),
      ).toEqual([{ value: '--07-14' }])
      await db.query(
        `copy ${TABLE} (id, owner, ${QUOTED}) from program $copy$printf '20003\\t1\\t1981-01-02\\n'$copy$`,
      )
      await db.query(`update ${TABLE} set ${QUOTED} = '2004-02-29' where id = 20002`)
      const now = await values()
      expect([now.get(20_002), now.get(20_003)]).toEqual(['--02-29', '--01-02'])
      if (kind === 'inherited') {
        await db.query(
          `insert into "Mixed.Case"."Heirs" (id, owner, ${QUOTED}) values (20004, 1, '1990-10-10')`,
        )
        expect((await values()).get(20_004)).toBe('--10-10')
      }
      for (const value of UNREADABLE) {
        const refused = await refusal(insert(20_010, value))
        expect(refused).toMatchObject({ code: '23514' })
        // Neither sentence nor detail quote what was given, as PostgreSQL's own error does.
        expect(value === '' || !JSON.stringify({ ...refused }).includes(value)).toBe(true)
        expect(refused.detail).toBeUndefined()
      }
    })

    it('goes on from where it was stopped', async () => {
      await makeTable(kind)
      await declare('reject')
      const all = await titles()
      expect(all).toEqual([
        'Reject what arrives',
        'Reduce what is there',
        'Add the constraint',
        'Check every row',
      ])
      await db.query((await steps())[0]!.statement)
      expect(await titles()).toEqual(all.slice(1))
      await db.query((await steps())[0]!.statement)
      await db.query((await steps()).find(({ title }) => title === 'Add the constraint')!.statement)
      expect(await titles()).toEqual(['Reduce what is there', 'Check every row'])
      expect(await findings()).toEqual(['format_not_validated'])
      await runSteps()
      expect(await titles()).toEqual([])
      expect(await refusal(insert(20_001, '1999-12-31'))).toMatchObject({
        code: '23514',
        constraint: 'Birth"Day $$ $lethe1$_is_month_day',
      })
      expect(await insert(20_001, '--12-31')).toEqual([{ value: '--12-31' }])
    })
  },
)

describe('the script', () => {
  it('leaves what it cannot read, stops at the check, and ends once that is corrected', async () => {
    await makeTable('plain', 60)
    await declare(null)
    for (const [i, value] of UNREADABLE.entries()) await insert(30_000 + i, value)
    const reduced = await steps()
    expect(reduced.map(({ title }) => title)).toEqual([
      'Reduce what is there',
      'Add the constraint',
      'Reduce what came in meanwhile',
      'Check every row',
    ])
    expect(await db.query(reduced[1]!.must_be_none!)).toEqual([{ n: UNREADABLE.length }])
    expect(await refusal(runSteps())).toMatchObject({ code: '23514' })
    const now = await values()
    expect(UNREADABLE.map((_, i) => now.get(30_000 + i))).toEqual(UNREADABLE)
    expect(await findings()).toEqual(['format_not_validated', 'format_unreadable'])
    const [printed] = await db.query<{ script: string }>('select lethe.format_sql($1, $2) as script', [
      TABLE,
      COLUMN,
    ])
    expect(printed!.script).toContain('are not in the format')
    await db.query(`update ${TABLE} set ${QUOTED} = null where id >= 30000`)
    await runSteps()
    expect(await findings()).toEqual([])
  })

  it('names the statements by which what is left is counted and emptied', async () => {
    await makeTable('plain', 6)
    await declare(null)
    await insert(30_000, UNREADABLE[0]!)
    const [printed] = await db.query<{ script: string }>('select lethe.format_sql($1, $2) as script', [
      TABLE,
      COLUMN,
    ])
    const [count, empty] = printed!.script
      .match(/^-- {3}(select|update) .*;$/gm)!
      .map((line) => line.slice(3))
    expect(await db.query(count!)).toEqual([{ count: 4 }])
    await db.query(empty!)
    expect(await db.query(count!)).toEqual([{ count: 0 }])
  })

  it('does not touch rows under a hold, whoever holds them, and the constraint waits for them', async () => {
    await makeTable('partitioned', 40)
    await declare('reduce')
    await db.query(`
      insert into lethe.holds (reason) values ('a lawsuit');
      insert into lethe_private.held_keys (hold_id, table_id, key)
      select (select max(id) from lethe.holds), m.id, jsonb_build_array(1, 1)::text from lethe.managed_tables as m`)
    const before = await values()
    expect(afterwards(before.get(1)!)).not.toBe(before.get(1))
    await db.query((await steps())[0]!.statement)
    await db.query((await steps())[0]!.statement)
    expect((await values()).get(1)).toBe(before.get(1))
    // An update of another column does not reduce it either.
    await db.query(`update ${TABLE} set other = 'x' where id = 1`)
    expect((await values()).get(1)).toBe(before.get(1))
    expect(await findings()).toEqual(['format_without_constraint', 'format_held'])
    const constraint = (await steps()).find(({ title }) => title === 'Add the constraint')!
    expect(await db.query(constraint.must_be_none!)).toEqual([{ n: 1 }])
    await db.query('update lethe.holds set released_at = now()')
    expect(
      await db.query((await steps()).find(({ title }) => title === 'Add the constraint')!.must_be_none!),
    ).toEqual([{ n: 0 }])
    await runSteps()
    expect((await values()).get(1)).toBe(afterwards(before.get(1)!))
  })

  it('loses no write of anybody who goes on writing meanwhile, and lets nothing richer in', async () => {
    await makeTable('partitioned', 3_000)
    await declare('reduce')
    const writer = await db.connect()
    await writer.query(`set lock_timeout = '30s'`)
    let stop = false
    const written = new Map<number, string>()
    const writing = (async () => {
      for (let i = 0; !stop || i < 50; i++) {
        const id = 1 + ((i * 37) % 3_000)
        await writer.query(`update ${TABLE} set other = $2, ${QUOTED} = $3 where id = $1`, [
          id,
          `w${i}`,
          i % 2 ? '1985-05-05' : '--06-06',
        ])
        written.set(id, i % 2 ? '--05-05' : '--06-06')
        if (i % 5 === 0)
          await writer.query(
            `insert into ${TABLE} (id, owner, region, ${QUOTED}) values ($1, 1, $2, '1990-10-10')`,
            [50_000 + i, i % 6],
          )
      }
    })()
    const before = await values()
    // The trigger first: from then on nothing richer can come in.
    const runner = await db.connect()
    for (const { statement } of await steps()) await runner.query(statement)
    stop = true
    await writing
    const now = await values()
    for (const [id, value] of written) expect({ id, value: now.get(id) }).toEqual({ id, value })
    for (const [id, value] of before)
      if (!written.has(id) && id <= 3_000)
        expect({ id, value: now.get(id) }).toEqual({ id, value: afterwards(value) })
    expect(
      [...now.values()].filter((value) => value !== null && !TEXT_FORMATS.month_day!.knows(value, {})),
    ).toEqual([])
    expect(await titles()).toEqual([])
  })

  it('can be run by the table’s owner who is a member of lethe_owner and no superuser', async () => {
    await makeTable('plain', 30)
    const owner = await db.asRole('lethe_owner')
    const name = new URL(owner.url).username
    await db.query(
      `grant create, usage on schema "Mixed.Case" to ${name}; alter table ${TABLE} owner to ${name}`,
    )
    await declare('reduce')
    expect(await runSteps(owner)).toHaveLength(4)
    expect(await titles()).toEqual([])
    await db.query(`reassign owned by ${name} to current_user; drop owned by ${name}`)
  })

  it('replaces a constraint of other parameters, and leaves one that is not Lethe’s', async () => {
    await db.query(`
      drop table if exists public.shops; create table public.shops (id int primary key, zip text, "ZIP" text);
      insert into public.shops values (1, '75008', '75008');
      select lethe.set_controller('north', 'Europe/Paris', '1');
      select lethe.manage_table('public.shops', 'north')`)
    await grantMissing(db)
    const set = (keep: number) =>
      db.query(
        `select lethe.set_format('public.shops', 'zip', 'postcode_prefix', jsonb_build_object('keep', $1::int))`,
        [keep],
      )
    const run = async () => {
      for (const { statement } of await db.query<{ statement: string }>(
        `select statement from lethe.format_steps('public.shops', 'zip')`,
      ))
        await db.query(statement)
    }
    const left = () => db.query(`select * from lethe.format_steps('public.shops', 'zip')`)
    await set(4)
    await run()
    expect(await left()).toEqual([])
    await set(2)
    expect(await findings()).toEqual(['format_left_over', 'format_without_constraint', 'format_violated'])
    await run()
    expect(await left()).toEqual([])
    expect(await db.query('select zip, "ZIP" from public.shops')).toEqual([{ zip: '75', ZIP: '75008' }])
    expect(
      await db.query(
        `select count(*) as n from pg_constraint where conrelid = 'public.shops'::regclass and contype = 'c'`,
      ),
    ).toEqual([{ n: 1 }])

    // The mark of one column's constraint says nothing of another's.
    await db.query(`select lethe.set_format('public.shops', 'ZIP', 'postcode_prefix', '{"keep": 2}')`)
    expect(await findings()).toEqual(['format_without_constraint', 'format_violated'])
    await db.query(`alter table public.shops add constraint "ZIP_is_postcode_prefix" check (true)`)
    const [step] = await db.query<{ notes: string; statement: string }>(
      `select notes, statement from lethe.format_steps('public.shops', 'ZIP') where title = 'Add the constraint'`,
    )
    expect(step!.notes).toContain('another constraint of this name')
    expect(await refusal(db.query(step!.statement))).toMatchObject({ code: '42710' })
  })

  it('drops the trigger that is not declared any more, and makes anew the one that changed', async () => {
    await makeTable('plain', 6)
    await declare('reduce')
    await runSteps()
    await declare('reject')
    expect(await titles()).toEqual(['Reject what arrives'])
    await runSteps()
    expect(await refusal(insert(40_000, '1990-01-01'))).toMatchObject({ code: '23514' })
    await declare(null)
    expect(await findings()).toEqual(['format_left_over'])
    expect(await titles()).toEqual(['Drop what an earlier declaration left'])
    await runSteps()
    expect(await db.query(`select from pg_trigger where tgrelid = '${TABLE}'::regclass`)).toEqual([])
    expect(await db.query(`select from pg_proc where pronamespace = '"Mixed.Case"'::regnamespace`)).toEqual(
      [],
    )
  })

  it.each(['plain', 'inherited'] as const)(
    'takes a %s table from one format to another, of which neither holds the values of the other',
    async (kind) => {
      await makeTable(kind, 0)
      await declare('reduce')
      await runSteps()
      await insert(1, '1980-03-12')
      await db.query('select lethe.set_format($1, $2, $3, on_arrival => $4)', [
        TABLE,
        COLUMN,
        'month',
        'reduce',
      ])
      expect(await titles()).toEqual([
        'Drop what an earlier declaration left',
        'Reduce what arrives',
        'Reduce what is there',
        'Add the constraint',
        'Check every row',
      ])
      await db.query('select lethe.set_format($1, $2, $3)', [TABLE, COLUMN, 'month_day'])
      expect(await titles()).toEqual(['Drop what an earlier declaration left'])
      await db.query('select lethe.set_format($1, $2, $3, on_arrival => $4)', [
        TABLE,
        COLUMN,
        'month',
        'reduce',
      ])
      await db.query(`update ${TABLE} set ${QUOTED} = null`)
      await runSteps()
      expect(await findings()).toEqual([])
      expect(await insert(2, '1980-03-12')).toEqual([{ value: '1980-03' }])
      expect(await refusal(insert(3, '--03-12'))).toMatchObject({ code: '23514' })
    },
  )

  it('has room for names as long as PostgreSQL lets them be, two of them alike but for their end', async () => {
    const long = (end: string) => `${'\u{1F382}'.repeat(15)}é${end}`
    await db.query(`
      create schema if not exists "Mixed.Case";
      create table "Mixed.Case"."${long('t')}" (id int primary key, "${long('a')}" text, "${long('b')}" text);
      insert into "Mixed.Case"."${long('t')}" values (1, '1980-03-12', '1980-04-13');
      select lethe.set_controller('north', 'Europe/Paris', '1');
      select lethe.manage_table('"Mixed.Case"."${long('t')}"', 'north')`)
    await grantMissing(db)
    for (const column of [long('a'), long('b')]) {
      await db.query(`select lethe.set_format($1, $2, 'month_day', on_arrival => 'reduce')`, [
        `"Mixed.Case"."${long('t')}"`,
        column,
      ])
      for (const { statement } of await db.query<{ statement: string }>(
        'select statement from lethe.format_steps($1, $2)',
        [`"Mixed.Case"."${long('t')}"`, column],
      ))
        await db.query(statement)
    }
    expect(await findings()).toEqual([])
    expect(
      await db.query(`
        insert into "Mixed.Case"."${long('t')}" values (2, '1999-01-02', '1999-03-04');
        select "${long('a')}" as a, "${long('b')}" as b from "Mixed.Case"."${long('t')}" order by id`),
    ).toEqual([
      { a: '--03-12', b: '--04-13' },
      { a: '--01-02', b: '--03-04' },
    ])
  })

  it('keeps names with line breaks out of its comments', async () => {
    await db.query(`
      create table public."evil\n; drop table lethe.terms; --" (id int primary key, "b\n; select 1/0; --" text);
      select lethe.set_controller('north', 'Europe/Paris', '1');
      select lethe.manage_table('public."evil\n; drop table lethe.terms; --"', 'north');
      select lethe.set_format('public."evil\n; drop table lethe.terms; --"', E'b\n; select 1/0; --', 'month_day', on_arrival => 'reduce')`)
    const [printed] = await db.query<{ script: string }>(
      `select lethe.format_sql('public."evil\n; drop table lethe.terms; --"', E'b\n; select 1/0; --') as script`,
    )
    const comments = printed!.script.split('\n').filter((line) => line.startsWith('-- '))
    expect(comments.join('\n')).toContain('b ; select 1/0; --')
    for (const { statement } of await db.query<{ statement: string }>(
      `select statement from lethe.format_steps('public."evil\n; drop table lethe.terms; --"', E'b\n; select 1/0; --')`,
    ))
      await db.query(statement)
    expect(await db.query(`select to_regclass('lethe.terms') is not null as there`)).toEqual([
      { there: true },
    ])
  })
})

describe('a cycle', () => {
  it('masks values in their format under the constraint and the trigger, for two controllers', async () => {
    await addCycleRunner(db)
    await db.query(`
      create schema log;
      create table log.visits (id int primary key, owner int not null, ip text, birthday text, seen date);
      insert into log.visits select n, 1 + n % 2, '192.0.2.' || n, '1980-03-1' || n, date '2020-01-01' + case when n > 4 then 3000 else 0 end
      from generate_series(1, 8) as n;
      select lethe.set_controller('north', 'America/St_Johns', '1');
      select lethe.set_controller('south', 'Pacific/Apia', '2');
      select lethe.manage_table('log.visits', controller_column => 'owner');
      select lethe.set_format('log.visits', 'ip', 'ip_prefix', on_arrival => 'reduce');
      select lethe.set_format('log.visits', 'birthday', 'month_day', on_arrival => 'reject');
      select lethe.set_rule('log.visits', 'anonymize', 'P1Y', 'ip', '{seen}', 'generalize_ip', '{"v4": 8}');
      select lethe.set_rule('log.visits', 'anonymize', 'P1Y', 'birthday', '{seen}', 'constant', '{"value": "--01-01"}')`)
    await grantMissing(db)
    for (const column of ['ip', 'birthday'])
      for (const { statement } of await db.query<{ statement: string }>(
        `select statement from lethe.format_steps('log.visits', $1)`,
        [column],
      ))
        await db.query(statement)
    expect(await runCycle(db, 'north', '2022-06-01')).toBe('complete')
    expect(await runCycle(db, 'south', '2022-06-01')).toBe('complete')
    expect(await db.query('select id, ip, birthday from log.visits order by id')).toEqual(
      Array.from({ length: 8 }, (_, i) =>
        i < 4
          ? { id: i + 1, ip: '192.0.0.0', birthday: '--01-01' }
          : { id: i + 1, ip: '192.0.2.0', birthday: `--03-1${i + 1}` },
      ),
    )
    expect(await findings()).toEqual([])
  })
})

describe('after lethe remove', () => {
  it('constraint, domain and trigger go on working, and nothing of the host depended on Lethe', async () => {
    const own = await createDatabase()
    await own.query(`
      create schema shop;
      create table shop.people (id int primary key, birthday text, zip varchar(10), ip inet, age text);
      insert into shop.people values (1, '1980-03-12', '75008', '192.0.2.77', '34');
      select lethe.set_controller('north', 'Europe/Paris', '1');
      select lethe.manage_table('shop.people', 'north')`)
    for (const [column, format] of [
      ['birthday', 'month_day'],
      ['zip', 'postcode_prefix'],
      ['ip', 'ip_prefix'],
      ['age', 'age_band'],
    ]) {
      await own.query(`select lethe.set_format('shop.people', $1, $2, on_arrival => 'reduce')`, [
        column,
        format,
      ])
      for (const { statement } of await own.query<{ statement: string }>(
        `select statement from lethe.format_steps('shop.people', $1)`,
        [column],
      ))
        await own.query(statement)
    }
    const [domain] = await own.query<{ sql: string }>(
      `select lethe.format_domain_sql('email_hash', 'shop', 'digest') as sql`,
    )
    await own.query(domain!.sql)
    await own.query('alter table shop.people add column mail shop.digest')

    expect(await remove({ databaseUrl: own.url, archive: 'drop' })).toMatchObject({
      schemas: expect.arrayContaining(['lethe']),
    })
    expect(await own.query(`select from pg_namespace where nspname ~ '^lethe'`)).toEqual([])
    const client: pg.Client = await own.connect()
    const put = (id: number, rest: string) =>
      client.query(
        `insert into shop.people values (${id}, ${rest}) returning birthday, zip, ip::text as ip, age`,
      )
    expect(await rowsOf(client, 'select birthday, zip, ip::text as ip, age from shop.people')).toEqual([
      { birthday: '--03-12', zip: '75', ip: '192.0.2.0/24', age: '30-39' },
    ])
    expect((await put(2, `'2001-01-01', 'SW1A 1AA', '2001:db8:1:2::3', '91'`)).rows).toEqual([
      { birthday: '--01-01', zip: 'SW', ip: '2001:db8:1::/48', age: '90+' },
    ])
    expect(await refusal(put(3, `'somebody', null, null, null`))).toMatchObject({ code: '23514' })
    expect(await refusal(client.query(`update shop.people set mail = 'ada@example.org'`))).toMatchObject({
      code: '23514',
    })
    await client.query(`alter table shop.people disable trigger user`)
    expect(await refusal(put(3, `'1980-03-12', null, null, null`))).toMatchObject({
      code: '23514',
      constraint: 'birthday_is_month_day',
    })
    await own.drop()
  })
})

it.runIf(serverVersion() >= 18)(
  'a constraint that is not enforced (PostgreSQL 18) keeps nothing, though it bears the mark',
  async () => {
    await db.query(`
      drop table if exists public.loose; create table public.loose (id int primary key, zip text);
      select lethe.set_controller('north', 'Europe/Paris', '1');
      select lethe.manage_table('public.loose', 'north');
      select lethe.set_format('public.loose', 'zip', 'postcode_prefix')`)
    await grantMissing(db)
    for (const { statement } of await db.query<{ statement: string }>(
      `select statement from lethe.format_steps('public.loose', 'zip')`,
    ))
      await db.query(statement)
    expect(await findings()).toEqual([])
    const again = (enforced: string) =>
      db.query(`
        do $$
        declare
          v_mark text := (select obj_description(oid, 'pg_constraint') from pg_constraint where conrelid = 'public.loose'::regclass and contype = 'c');
        begin
          alter table public.loose drop constraint zip_is_postcode_prefix;
          alter table public.loose add constraint zip_is_postcode_prefix check (zip collate "C" ~ '^[0-9A-Z]{0,2}$') ${enforced};
          execute format('comment on constraint zip_is_postcode_prefix on public.loose is %L', v_mark);
        end $$`)
    await again('not enforced')
    expect(await findings()).toEqual(['format_left_over', 'format_without_constraint'])
    await again('')
    expect(await findings()).toEqual([])
  },
)
