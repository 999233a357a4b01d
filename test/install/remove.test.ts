import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../src/install/init.ts'
import { remove } from '../../src/install/remove.ts'
import { refusal } from '../helpers/database.ts'
import { type OwnServer, startOwnServer } from '../helpers/own-server.ts'

const TINY = `
  create table lethe.evidence (cycle_id bigint, due bigint);
  create table lethe_private.mirrors (name text);
  create function lethe.is_hidden(value text) returns boolean language sql immutable return value = 'hidden';
  grant usage on schema lethe to lethe_auditor;`

// A small host: one table, granted to the sweeper, with an index made for the sweep.
const HOST = `
  create schema shop;
  create table shop.customers (id int primary key, email text);
  insert into shop.customers values (1, 'ada@example.org');
  grant usage on schema shop to lethe_sweeper;
  grant select, update, delete on shop.customers to lethe_sweeper;
  create index customers_not_hidden on shop.customers (id) where not lethe.is_hidden(email);`

const HOST_NOW = `
  select
    (select string_agg(c::text, ' ') from shop.customers as c) as rows,
    (select count(*)::int from information_schema.table_privileges where grantee ~ '^lethe_') as grants_to_lethe,
    (select string_agg(indexrelid::regclass::text, ' ') from pg_index where indrelid = 'shop.customers'::regclass) as indexes,
    (select count(*)::int from pg_namespace where nspname ~ '^lethe') as schemas`

let server: OwnServer
let migrationsFolder: string
beforeAll(async () => {
  server = await startOwnServer()
  migrationsFolder = await mkdtemp(join(tmpdir(), 'lethe-test-'))
  await writeFile(join(migrationsFolder, '000001-core.sql'), TINY)
})
afterAll(async () => {
  await server.destroy()
  await rm(migrationsFolder, { recursive: true })
})

async function attached(name: string): Promise<string> {
  const databaseUrl = await server.makeDatabase(name, { installer: 'ann' })
  await init({ databaseUrl, migrationsFolder })
  await server.query(HOST, name)
  return databaseUrl
}

describe('lethe remove', () => {
  it('leaves the host’s data, takes back what was granted, and keeps roles that another database uses', async () => {
    await attached('neighbour')
    await attached('leaving')
    const result = await remove({ databaseUrl: server.url('leaving') })
    expect(result).toMatchObject({
      schemas: ['lethe_jobs', 'lethe', 'lethe_private', 'lethe_archive', 'lethe_stats'],
      indexes: ['shop.customers_not_hidden'],
      rolesDropped: [],
      grantsLeft: [],
    })
    expect(result.rolesKept).toContain('lethe_sweeper')
    expect(await server.query(HOST_NOW, 'leaving')).toEqual([
      { rows: '(1,ada@example.org)', grants_to_lethe: 0, indexes: 'shop.customers_pkey', schemas: 0 },
    ])
    expect(
      await server.query(
        `select has_table_privilege('lethe_sweeper', 'shop.customers', 'delete') as may`,
        'neighbour',
      ),
    ).toEqual([{ may: true }])
  })

  it('drops the roles with the last database that used them, and can be repeated', async () => {
    const databaseUrl = server.url('neighbour')
    const result = await remove({ databaseUrl })
    expect(result.rolesKept).toEqual([])
    expect(result.rolesDropped).toContain('lethe_owner')
    expect(await server.query(`select rolname from pg_roles where rolname ~ '^lethe_'`)).toEqual([])
    expect(await remove({ databaseUrl })).toMatchObject({ schemas: [], rolesDropped: [] })
  })

  it('lets Lethe be installed again afterwards', async () => {
    const databaseUrl = server.url('leaving', 'ann')
    expect((await init({ databaseUrl, migrationsFolder })).applied).toEqual(['000001-core.sql'])
    await remove({ databaseUrl })
  })

  it('names what only the owner of a table can revoke, and keeps the roles until then', async () => {
    const databaseUrl = await attached('granted')
    const result = await remove({ databaseUrl })
    expect(result).toMatchObject({
      schemas: ['lethe_jobs', 'lethe', 'lethe_private', 'lethe_archive', 'lethe_stats'],
      rolesDropped: [],
      grantsLeft: ['schema shop', 'table shop.customers'],
      remedy: 'drop owned by lethe_sweeper',
    })
    await server.query(result.remedy!, 'granted')
    expect(await remove({ databaseUrl })).toMatchObject({ schemas: [], rolesKept: [], grantsLeft: [] })
  })

  const PROVEN = `
    insert into lethe.evidence values (1, 7), (1, 0);
    insert into lethe_private.mirrors values ('shop_customers_1');
    set role lethe_owner;
    create table lethe_archive.shop_customers_1 (id int, email text);
    insert into lethe_archive.shop_customers_1 values (7, 'bob@example.org');`

  it('refuses while there is evidence or an archive (LE606), unless told to drop both', async () => {
    const databaseUrl = await attached('proven')
    await server.query(PROVEN, 'proven')
    expect(await refusal(remove({ databaseUrl }))).toMatchObject({
      code: 'LE606',
      message: 'this database holds the evidence of past cycles (2 lines) and an archive (1 rows)',
      hint: expect.stringContaining('--archive drop destroys them'),
    })
    expect(await server.query('select count(*)::int as lines from lethe.evidence', 'proven')).toEqual([
      { lines: 2 },
    ])
    await remove({ databaseUrl, archive: 'drop' })
    expect(await server.query(HOST_NOW, 'proven')).toMatchObject([{ schemas: 0 }])
  })

  it('or told to keep both, which are then out of reach of anybody but who removed Lethe', async () => {
    const databaseUrl = await attached('keeper')
    await server.query(PROVEN, 'keeper')
    const { schemas } = await remove({ databaseUrl, archive: 'keep' })
    expect(schemas).toEqual(['lethe_jobs', 'lethe', 'lethe_private', 'lethe_stats'])
    expect(
      await server.query(
        `select c.relname::text as name, pg_get_userbyid(c.relowner)::text as owner, c.relacl from pg_class as c
         where c.relnamespace = 'lethe_archive'::regnamespace and c.relkind = 'r' order by 1`,
        'keeper',
      ),
    ).toEqual(['evidence', 'shop_customers_1'].map((name) => ({ name, owner: 'ann', relacl: null })))
    expect(await server.query('select email from lethe_archive.shop_customers_1', 'keeper')).toEqual([
      { email: 'bob@example.org' },
    ])
    expect(await server.query('select sum(due)::int as due from lethe_archive.evidence', 'keeper')).toEqual([
      { due: 7 },
    ])
    await server.query('drop schema lethe_archive cascade', 'keeper')
  })

  it('never takes a view of the host along (LE606)', async () => {
    const databaseUrl = await attached('viewed')
    await server.query('create view shop.proof as select sum(due) as due from lethe.evidence', 'viewed')
    const refused = await refusal(remove({ databaseUrl, archive: 'drop' }))
    expect(refused).toMatchObject({ code: 'LE606' })
    expect(refused.message).toContain('shop.proof')
    await server.query('drop view shop.proof', 'viewed')
    await remove({ databaseUrl, archive: 'drop' })
  })

  it('never takes a table that a role of Lethe was made to own (LE606)', async () => {
    const databaseUrl = await attached('given')
    await server.query('create table shop.gift (id int); alter table shop.gift owner to lethe_owner', 'given')
    expect(await refusal(remove({ databaseUrl }))).toMatchObject({
      code: 'LE606',
      message: 'a role of Lethe owns objects of the host: table shop.gift',
    })
    await server.query('alter table shop.gift owner to postgres', 'given')
    await remove({ databaseUrl })
  })

  it('touches neither a graphile_migrate nor a graphile_worker of the host', async () => {
    const databaseUrl = await attached('tools')
    await server.query('create schema graphile_migrate; create schema graphile_worker', 'tools')
    await remove({ databaseUrl })
    expect(
      await server.query(
        `select nspname::text as name from pg_namespace where nspname ~ '^graphile' order by 1`,
        'tools',
      ),
    ).toEqual([{ name: 'graphile_migrate' }, { name: 'graphile_worker' }])
  })
})
