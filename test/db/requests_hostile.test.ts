/** Requests among people who mean ill: whoever may make a table, a trigger, a cast or an operator; officers of others. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../helpers/database.ts'
import { applyPolicy } from '../helpers/engine.ts'
import { openErasure } from '../helpers/erasure.ts'
import { approvedErasure } from '../helpers/executions.ts'

let db: TestDatabase
let officer: Login
let mallory: Login
const nameOf = async (login: Login) => (await login.query<{ n: string }>('select session_user as n'))[0]!.n

beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    create schema shop; create schema app;
    create type shop.kind as enum ('one', 'two');
    create table shop.customers (id int primary key, owner int not null, email text, kind shop.kind, at date);
    create table shop.badges (id int primary key, owner int not null, kind shop.kind);
    create index on shop.badges (kind);
    insert into shop.customers select i, 1 + i % 2, 'person' || i || '@example.org', 'one', current_date from generate_series(1, 16) as i;
    insert into shop.badges select i, 1 + i % 2, 'two' from generate_series(1, 12) as i`)
  await applyPolicy(db, {
    version: 1,
    controllers: {
      north: { time_zone: 'America/St_Johns', reference: '1' },
      south: { time_zone: 'Pacific/Apia', reference: '2' },
    },
    subjects: {
      customer: {
        table: 'shop.customers',
        identifiers: ['email'],
        links: {
          'shop.badges': { kind: 'mention', to: 'shop.customers', columns: { kind: 'kind' } },
        },
      },
    },
    tables: {
      'shop.customers': { controller: { column: 'owner' }, purge: { after: 'P100Y', since: 'at' } },
      'shop.badges': { controller: { column: 'owner' } },
    },
  })
  officer = await db.asRole('lethe_officer')
  mallory = await db.asRole()
  await db.query(`
    select lethe.add_member('${await nameOf(officer)}', 'north');
    grant usage on schema shop to "${await nameOf(mallory)}";
    grant usage, create on schema app to "${await nameOf(mallory)}"; grant usage on schema app to lethe_sweeper;
    grant insert on shop.customers to "${await nameOf(mallory)}"; grant execute on function lethe_private.judge_arrival() to "${await nameOf(mallory)}";
    grant usage on schema lethe_private to "${await nameOf(mallory)}"; grant update on shop.customers to lethe_sweeper`)
  await mallory.query(`create table app.traces (who text); grant insert on app.traces to public`)
})
afterAll(() => db.drop())

const traces = () => db.query('select who from app.traces')
const executed = async (key: string): Promise<number> => {
  const id = await approvedErasure(db, 'customer', 'north', key)
  await db.query('select lethe.execute_request($1)', [id])
  return id
}
const findings = (id: number) =>
  db.query<{ place: string; object: string; finding: string }>(
    'select place, object, finding from lethe.request_findings where request_id = $1',
    [id],
  )

describe('the residue scan', () => {
  it('reads what others have made without running their casts, and finds what is in it', async () => {
    await mallory.query(`
      create type app.ty as (t text);
      create function app.cast_it(app.ty) returns text language plpgsql as $$ begin insert into app.traces values (current_user); return ''; end $$;
      create cast (app.ty as text) with function app.cast_it(app.ty);
      create table app.bait (it app.ty, note text);
      insert into app.bait values (row('person2@example.org')::app.ty, 'person2@example.org');
      grant select on app.bait to public`)
    // The trap works for whoever steps into it.
    await mallory.query('select it::text from app.bait')
    expect(await traces()).toHaveLength(1)
    await db.query('delete from app.traces')
    const id = await executed('2')
    await db.query('select lethe.verify_request($1)', [id])
    expect(await traces()).toEqual([])
    expect(await findings(id)).toContainEqual({
      place: 'table',
      object: 'app.bait.note',
      finding: 'found',
    })
  })

  it('leaves a table alone whose index calls a function of its owner, and says so', async () => {
    await mallory.query(`
      create function app.index_it(text) returns text immutable language plpgsql as $$ begin insert into app.traces values (current_user); return ''; end $$;
      create table app.indexed (note text); insert into app.indexed values ('person4@example.org')`)
    const id = await executed('4')
    await mallory.query(`grant select on app.indexed to public`)
    await db.query('select from lethe.scan_residue(array[$1::bigint], true)', [id])
    expect(await findings(id)).toContainEqual({
      place: 'table',
      object: 'app.indexed.note',
      finding: 'found',
    })
    await mallory
      .query(`create index on app.indexed (note) where app.index_it('x') = ''`)
      .catch(() => undefined)
    await mallory.query(`
      create or replace function app.index_it(text) returns text immutable language sql as $$ select '' $$;
      create index on app.indexed ((app.index_it(note)))`)
    await db.query('delete from app.traces')
    await db.query('select from lethe.scan_residue(array[$1::bigint], true)', [id])
    expect(await traces()).toEqual([])
    expect(await findings(id)).toContainEqual({
      place: 'not looked at',
      object: 'app.indexed',
      finding: 'reading it would run functions of its owner: manage it first',
    })
    await mallory.query('drop table app.indexed')
  })

  it('reads no table of the jobs into which the worker has put a policy of its own', async () => {
    const worker = await db.asRole('lethe_worker')
    await worker.query(`
      set role lethe_worker;
      create function lethe_jobs.evil(text) returns boolean language plpgsql as $$ begin insert into app.traces values (current_user); return true; end $$;
      create table lethe_jobs.bait (t text); insert into lethe_jobs.bait values ('x'); alter table lethe_jobs.bait enable row level security;
      grant select on lethe_jobs.bait to lethe_owner; create policy p on lethe_jobs.bait to lethe_owner using (lethe_jobs.evil(t))`)
    await db.query('grant usage on schema app to lethe_owner, lethe_worker')
    const id = await executed('6')
    await worker.query('select from lethe.scan_residue(array[$1::bigint], true)', [id])
    expect(await traces()).toEqual([])
    expect((await findings(id)).filter(({ object }) => object === 'lethe_jobs.bait')).toMatchObject([
      { place: 'not looked at' },
    ])
    await db.query('drop table lethe_jobs.bait')
  })

  it('reads no table of the jobs on which somebody is making an index', async () => {
    const worker = await (await db.asRole('lethe_worker')).connect()
    await worker.query(`
      set role lethe_worker;
      create function lethe_jobs.index_it(text) returns text immutable language plpgsql as $$ begin insert into app.traces values (current_user); return ''; end $$;
      create table lethe_jobs.bait (t text); insert into lethe_jobs.bait values ('person14@example.org');
      grant select, delete on lethe_jobs.bait to lethe_owner`)
    const id = await executed('14')
    const looked = async () => {
      await db.query('select from lethe.scan_residue(array[$1::bigint], true)', [id])
      return (await findings(id)).filter(({ object }) => object.startsWith('lethe_jobs.bait'))
    }
    expect(await looked()).toMatchObject([{ place: 'jobs', object: 'lethe_jobs.bait.t' }])
    await worker.query(`begin; create index on lethe_jobs.bait (lower(t))`)
    expect(await looked()).toEqual([
      { place: 'not looked at', object: 'lethe_jobs.bait', finding: 'reading it failed (SQLSTATE 55P03)' },
    ])
    await worker.query(`rollback; drop table lethe_jobs.bait; drop function lethe_jobs.index_it`)
  })

  it('finds the person in what the schema itself says, and names no object that may be called so', async () => {
    await db.query(`
      create table app."person16@example.org" (id int);
      create table app.kept (id int, sort text default 'person16@example.org' check (sort <> 'not person16@example.org'));
      comment on table app.kept is 'ask Person16@example.org';
      create type app.sort as enum ('a', 'person16@example.org');
      create function app.mail() returns text language sql as $$ select 'person16@example.org' $$;
      create view app.of_one as select * from app.kept where sort = 'person16@example.org';
      create table app.parts (mail text) partition by list (mail);
      create table app.part_1 partition of app.parts for values in ('person16@example.org')`)
    const id = await executed('16')
    await db.query('select from lethe.scan_residue(array[$1::bigint], true)', [id])
    const found = (await findings(id))
      .filter(({ place }) => place === 'catalogue')
      .map(({ object }) => object)
    expect(found.sort()).toEqual([
      'bounds of partitions in app',
      'checks of app.kept',
      'comments (table)',
      'defaults of app.kept',
      'function app.mail',
      'labels of app.sort',
      'names of tables in app',
      'view app.of_one',
    ])
  })

  it('of a request that is not executed suppresses and forgets nobody', async () => {
    const id = await openErasure(db, 'customer', ['8'])
    await db.query('select lethe.plan_request($1)', [id])
    await officer.query('select from lethe.scan_residue(array[$1::bigint])', [id])
    expect(await db.query('select from lethe_private.suppressions where request_id = $1', [id])).toEqual([])
    expect(
      await db.query('select from lethe_private.request_identifiers where request_id = $1', [id]),
    ).toHaveLength(1)
    await db.query(`select lethe.withdraw_request($1, 'taken back')`, [id])
  })

  it('prints a name with line breaks on one line of its comments', async () => {
    await db.query(`
      create table app.odd ("x
; alter role mallory superuser; --" text); insert into app.odd values ('person10@example.org'); grant select on app.odd to lethe_sweeper`)
    const id = await executed('10')
    await db.query('select from lethe.scan_residue(array[$1::bigint], true)', [id])
    const [row] = await db.query<{ sql: string }>(
      `select lethe.link_finding_sql(request_id, n) as sql from lethe.request_findings where request_id = $1 and object ~ '^app.odd'`,
      [id],
    )
    const statements = row!.sql.split('\n').filter((line) => !line.startsWith('--'))
    expect(statements.join('\n').replace(/'(?:[^']|'')*'/g, '')).not.toMatch(/alter role/)
    await db.query('drop table app.odd')
  })
})

it('an operator that somebody calls = decides nothing', async () => {
  await mallory.query(`
    create function app.same(shop.kind, shop.kind) returns boolean language plpgsql as $$ begin insert into app.traces values (current_user); return true; end $$;
    create operator app.= (leftarg = shop.kind, rightarg = shop.kind, function = app.same)`)
  const id = await openErasure(db, 'customer', ['12'])
  const [row] = await db.query<{ plan: { totals: { rows: number } } }>(
    'select lethe.plan_request($1) as plan',
    [id],
  )
  expect(row!.plan.totals.rows).toBe(1)
  expect(await traces()).toEqual([])
  await db.query(`select lethe.withdraw_request($1, 'taken back')`, [id])
})

describe('an officer', () => {
  it('cannot name an entry of the ledger (LE502); who writes the ledger can', async () => {
    const id = await approvedErasure(db, 'customer', 'north', '12')
    const said = `select lethe.execute_request(${id}, 999999, 'x')`
    expect(await refusal(officer.query(said))).toMatchObject({ code: 'LE502' })
    expect(await db.query('select from lethe_private.ledger_known where number = 999999')).toEqual([])
    const worker = await db.asRole('lethe_worker')
    const [row] = await worker.query<{ state: string }>(
      `select lethe.execute_request(${id}, 1, repeat('0', 64)) as state`,
    )
    expect(row!.state).toBe('executed')
  })

  it('does not learn of erasures of another controller', async () => {
    const id = await approvedErasure(db, 'customer', 'south', '1')
    const asked = `select r from lethe.requests_to_complete('south') as r`
    expect(await officer.query(asked)).toEqual([])
    expect((await db.query<{ r: number }>(asked)).map(({ r }) => r)).toEqual([id])
  })
})

it('a trigger of the suppression list on another table answers nobody (LE446)', async () => {
  const [managed] = await db.query<{ id: number }>(
    `select id from lethe.managed_tables where table_name = 'customers'`,
  )
  await mallory.query(`
    create table app.guesses (id int, owner int, email text);
    create trigger ask after insert on app.guesses for each row
      execute function lethe_private.judge_arrival('${managed!.id}', 'refuse', 'customer', 'email')`)
  expect(
    await refusal(mallory.query(`insert into app.guesses values (1, 1, 'person2@example.org')`)),
  ).toMatchObject({
    code: 'LE446',
  })
  // On its own table it judges: person2 was forgotten.
  const [row] = await db.query<{ sql: string }>(
    `select lethe.suppression_sql('shop.customers', 'refuse') as sql`,
  )
  await db.query(row!.sql)
  expect(
    await refusal(
      db.query(`insert into shop.customers values (200, 1, 'person2@example.org', 'one', current_date)`),
    ),
  ).toMatchObject({ code: 'LE445' })
})

it('who a correction was about is forgotten when it is done', async () => {
  const [row] = await db.query<{ id: number }>(
    `select lethe.open_request('rectification', 'customer', key => '3', controller => 'south')::int as id`,
  )
  const kept = () =>
    db.query(
      `select 1 from lethe_private.request_roots where request_id = $1 union all select 2 from lethe_private.request_identifiers where request_id = $1`,
      [row!.id],
    )
  expect(await kept()).toHaveLength(2)
  await db.query(`select lethe.approve_request($1)`, [row!.id])
  await db.query(`select lethe.rectify($1, 'shop.customers', '3', '{"email": "new@example.org"}')`, [row!.id])
  await db.query(`select lethe.execute_request($1)`, [row!.id])
  expect(await kept()).toEqual([])
})
