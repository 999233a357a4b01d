/** What becomes of guards, policies and triggers on the host's tables when Lethe is taken out. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { init } from '../../src/install/init.ts'
import { remove } from '../../src/install/remove.ts'
import { refusal } from '../helpers/database.ts'
import { withMigrationsUnderTest } from '../helpers/migrations.ts'
import { type OwnServer, startOwnServer } from '../helpers/own-server.ts'

let server: OwnServer
let databaseUrl: string
beforeAll(async () => {
  server = await startOwnServer()
  databaseUrl = await server.makeDatabase('guarded', { installer: 'ann' })
  await withMigrationsUnderTest((migrationsFolder) => init({ databaseUrl, migrationsFolder }))
  await server.query(
    `create schema shop;
    create table shop.orders (id int, at date, primary key (id, at)) partition by range (at);
    create table shop.y2010 partition of shop.orders for values from ('2010-01-01') to ('2011-01-01');
    grant usage on schema shop to lethe_sweeper;
    grant select, delete on shop.orders to lethe_sweeper;
    select lethe.set_controller('north', 'Europe/Paris'), lethe.manage_table('shop.orders');
    select lethe.hold_table('case', 'shop.orders')`,
    'guarded',
  )
  for (const { statement } of await server.query<{ statement: string }>(
    `select statement from lethe.guard_sql('shop.orders') union all select statement from lethe.guard_ddl_sql()`,
    'guarded',
  ))
    await server.query(statement, 'guarded')
})
afterAll(() => server.destroy())

it('lethe remove refuses while what they guard is under a hold (LE606), and takes them off afterwards', async () => {
  expect(await refusal(remove({ databaseUrl, archive: 'drop' }))).toMatchObject({
    code: 'LE606',
    message: 'guards stand on tables of the host, and 1 legal holds are in force',
  })
  const guards = `select tgname as name from pg_trigger where not tgisinternal and tgrelid::regclass::text ~ '^shop'
    union all select evtname from pg_event_trigger`
  expect(await server.query(guards, 'guarded')).toHaveLength(6)
  await server.query(`select lethe.release_hold(1, 'closed')`, 'guarded')
  const { guards: gone } = await remove({ databaseUrl, archive: 'drop' })
  expect(gone).toEqual(
    expect.arrayContaining(['trigger lethe_guard on table shop.orders', 'event trigger lethe_guard_start']),
  )
  expect(await server.query(guards, 'guarded')).toEqual([])
  await server.query('drop table shop.orders', 'guarded')
})

// All that a dump of the host's schema would show, but owners and grants, and the objects of Lethe's own schemas.
const SHAPE = `
  with host as (select oid from pg_namespace where nspname in ('desk', 'public'))
  select 'column' as kind, a.attrelid::regclass::text || '.' || a.attname as name, format_type(a.atttypid, a.atttypmod) || a.attnotnull as text
  from pg_attribute as a join pg_class as c on c.oid = a.attrelid where c.relnamespace in (select oid from host) and a.attnum > 0
  union all select 'relation', c.oid::regclass::text, concat_ws(' ', c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.reloptions, obj_description(c.oid))
  from pg_class as c where c.relnamespace in (select oid from host)
  union all select 'constraint', n.conname, pg_get_constraintdef(n.oid) from pg_constraint as n where n.connamespace in (select oid from host)
  union all select 'index', i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) from pg_index as i join pg_class as c on c.oid = i.indrelid where c.relnamespace in (select oid from host)
  union all select 'trigger', t.tgname, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled) from pg_trigger as t join pg_class as c on c.oid = t.tgrelid where c.relnamespace in (select oid from host) and not t.tgisinternal
  union all select 'policy', p.polname, concat_ws(' ', p.polrelid::regclass, p.polcmd, p.polpermissive, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) from pg_policy as p
  union all select 'function', p.oid::regprocedure::text, p.prosrc from pg_proc as p where p.pronamespace in (select oid from host)
  union all select 'statistics', s.stxname, s.stxrelid::regclass::text from pg_statistic_ext as s
  union all select 'event trigger', e.evtname, e.evtevent from pg_event_trigger as e
  union all select 'grant to Lethe', c.oid::regclass::text, a::text from pg_class as c cross join aclexplode(c.relacl) as a where c.relnamespace in (select oid from host) and a.grantee::regrole::text ~ '^lethe'
  union all select 'schema', nspname, null from pg_namespace where nspname !~ '^pg_'
  order by 1, 2, 3`

const DESK = `
  create schema desk;
  create table desk.people (id int primary key, owner int not null, email text, at date) partition by hash (id);
  create table desk.evens partition of desk.people for values with (modulus 2, remainder 0);
  create table desk.odds partition of desk.people for values with (modulus 2, remainder 1);
  create table desk.orders (id int primary key, owner int not null, person_id int references desk.people, at date);
  create table desk.secured (id int primary key, owner int not null, person_id int references desk.people, at date);
  create index on desk.orders (person_id);
  create index on desk.secured (person_id);
  alter table desk.secured enable row level security;
  create policy own_rows on desk.secured using (owner > 0);
  create function desk.touch() returns trigger language plpgsql as 'begin return new; end';
  create trigger touch before update on desk.orders for each row execute function desk.touch();
  insert into desk.people values (1, 1, 'ada@example.org', '2024-01-01'), (2, 2, 'bob@example.org', '2024-01-01');
  insert into desk.orders values (1, 1, 1, '2024-01-01');
  insert into desk.secured values (1, 1, 1, '2024-01-01')`
const POLICY = {
  version: 1,
  controllers: {
    north: { time_zone: 'America/St_Johns', reference: '1' },
    south: { time_zone: 'Pacific/Apia', reference: '2' },
  },
  subjects: {
    person: {
      table: 'desk.people',
      identifiers: ['email'],
      links: { 'desk.orders': { kind: 'own' }, 'desk.secured': { kind: 'own' } },
    },
  },
  tables: Object.fromEntries(
    ['desk.people', 'desk.orders', 'desk.secured'].map((name) => [name, { controller: { column: 'owner' } }]),
  ),
}

/** A database with a desk, Lethe, and all that Lethe prints for it to be put on its tables. @returns its shape before that. */
async function protectedDesk(name: string): Promise<unknown> {
  const url = await server.makeDatabase(name, { installer: 'ann' })
  await server.query(DESK, name)
  const before = await server.query(SHAPE, name)
  await withMigrationsUnderTest((migrationsFolder) => init({ databaseUrl: url, migrationsFolder }))
  await server.query(`select lethe.apply_policy('${JSON.stringify(POLICY)}')`, name)
  const statements = await server.query<{ sql: string }>(
    `select lethe.restriction_sql(t) as sql from unnest(array['desk.people', 'desk.orders', 'desk.secured']) as t
     union all select g.statement from unnest(array['desk.people', 'desk.orders']) as t cross join lateral lethe.guard_sql(t) as g
     union all select lethe.suppression_sql('desk.people', 'refuse')`,
    name,
  )
  for (const { sql } of statements) await server.query(sql, name)
  expect(await server.query(SHAPE, name)).not.toEqual(before)
  return before
}

it('lethe remove leaves the tables as they were before init, whatever was put on them, and names it', async () => {
  const before = await protectedDesk('whole')
  expect(await remove({ databaseUrl: server.url('whole'), archive: 'drop' })).toMatchObject({
    guards: expect.arrayContaining(['trigger lethe_guard on table desk.orders']),
    restrictions: expect.arrayContaining([
      'policy lethe_restriction on table desk.secured',
      'trigger lethe_restriction on table desk.people',
    ]),
    suppressions: expect.arrayContaining(['trigger lethe_suppression_person on table desk.people']),
  })
  expect(await server.query(SHAPE, 'whole')).toEqual(before)
  await server.query(
    `insert into desk.people values (3, 1, 'new@example.org', null); delete from desk.orders`,
    'whole',
  )
})

it('lethe remove refuses while policies hide somebody, and where only the owner can open a table again (LE606)', async () => {
  const before = await protectedDesk('hidden')
  const asAnn = { databaseUrl: server.url('hidden', 'ann'), archive: 'drop' as const }
  await server.query(
    `with r as (
       insert into lethe.requests (controller_id, kind, subject, due_on, state)
       select id, 'restriction', 'person', current_date, 'executed' from lethe.controllers where name = 'north' returning id, controller_id
     ), h as (
       insert into lethe.holds (controller_id, reason, kind, request_id) select controller_id, 'a test', 'keys', id from r returning id
     )
     insert into lethe_private.held_keys (hold_id, table_id, key) select h.id, m.id, '1' from h cross join lethe.managed_tables as m where m.table_name = 'people'`,
    'hidden',
  )
  // It is a hold as well: guards are named first.
  expect((await refusal(remove(asAnn))).message).toMatch(/^guards stand/)
  await server.query(
    `do $$
     declare v_statement text;
     begin
       for v_statement in select g.statement from unnest(array['desk.people', 'desk.orders']) as t cross join lateral lethe.unguard_sql(t) as g loop
         execute v_statement;
       end loop;
     end $$`,
    'hidden',
  )
  expect(await refusal(remove(asAnn))).toMatchObject({
    code: 'LE606',
    message: 'policies on tables of the host hide the rows of people whose data are restricted',
  })
  await server.query(`update lethe.holds set released_at = now()`, 'hidden')
  const refused = await refusal(remove(asAnn))
  expect(refused).toMatchObject({
    code: 'LE606',
    message:
      'row security was enabled for restrictions on desk.evens, desk.odds, desk.orders, desk.people, and only its owner can disable it',
    hint: expect.stringMatching(
      /^as the owner, or a superuser: drop policy lethe_everybody on desk.evens; alter table desk.evens disable row level security; /,
    ),
  })
  expect(await server.query(`select from pg_namespace where nspname = 'lethe'`, 'hidden')).toHaveLength(1)
  // To the letter, as the owner; then the rest is Lethe's own.
  await server.query(refused.hint!.replace(/^.*?: /, ''), 'hidden')
  await remove(asAnn)
  expect(await server.query(SHAPE, 'hidden')).toEqual(before)
})

it('lethe remove leaves row security enabled where the host has had policies of its own since', async () => {
  await protectedDesk('kept')
  await server.query(`create policy since on desk.orders as restrictive using (id < 100)`, 'kept')
  const [printed] = await server.query<{ sql: string }>(
    `select lethe.unrestriction_sql('desk.orders') as sql`,
    'kept',
  )
  expect(printed!.sql).toContain('drop policy lethe_everybody on desk.orders;')
  expect(printed!.sql).not.toContain('disable row level security')
  await remove({ databaseUrl: server.url('kept'), archive: 'drop' })
  expect(
    await server.query(
      `select relname, relrowsecurity from pg_class where relname in ('orders', 'people') and relnamespace = 'desk'::regnamespace order by 1`,
      'kept',
    ),
  ).toEqual([
    { relname: 'orders', relrowsecurity: true },
    { relname: 'people', relrowsecurity: false },
  ])
})
