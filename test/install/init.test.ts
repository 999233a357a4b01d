import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../src/install/init.ts'
import { refusal } from '../helpers/database.ts'
import { type OwnServer, startOwnServer } from '../helpers/own-server.ts'

const TINY = { '000001-core.sql': 'create table lethe.things (id int primary key);' }
const SCHEMAS = `select nspname::text as name, pg_get_userbyid(nspowner)::text as owner from pg_namespace where nspname ~ '^lethe' order by 1`

let server: OwnServer
let folder: string
beforeAll(async () => {
  server = await startOwnServer()
  folder = await mkdtemp(join(tmpdir(), 'lethe-test-'))
})
afterAll(async () => {
  await server.destroy()
  await rm(folder, { recursive: true })
})

let foldersMade = 0
async function migrations(files: Record<string, string>): Promise<string> {
  const made = await mkdtemp(join(folder, `${foldersMade++}-`))
  for (const [name, text] of Object.entries(files)) await writeFile(join(made, name), text)
  return made
}

// First in the file: no role of Lethe exists in this cluster yet.
it('succeeds in two databases at once, though the roles are made only once', async () => {
  const [first, second] = [
    await server.makeDatabase('at_once_a', { installer: 'ann' }),
    await server.makeDatabase('at_once_b', { installer: 'ann' }),
  ]
  const migrationsFolder = await migrations(TINY)
  await Promise.all([first, second].map((databaseUrl) => init({ databaseUrl, migrationsFolder })))
  for (const database of ['at_once_a', 'at_once_b']) {
    expect(await server.query('select * from lethe.things', database)).toEqual([])
  }
})

describe('by a login that is no superuser', () => {
  it('needs CREATE on the database and CREATEROLE, says so, and then finds them enough', async () => {
    await server.makeDatabase('no_rights')
    await server.query('create role nora login')
    const databaseUrl = server.url('no_rights', 'nora')
    const migrationsFolder = await migrations(TINY)

    const refused = await refusal(init({ databaseUrl, migrationsFolder }))
    expect(refused).toMatchObject({ code: 'LE501' })
    expect(refused.message).toContain('database no_rights: create schemas')
    expect(await server.query(SCHEMAS, 'no_rights')).toEqual([])

    const remedies = refused.hint!.split('\n').filter((line) => line.startsWith('  '))
    for (const remedy of remedies) await server.query(remedy, 'no_rights')
    await init({ databaseUrl, migrationsFolder })
    expect(await server.query(SCHEMAS, 'no_rights')).toEqual([
      { name: 'lethe', owner: 'lethe_owner' },
      { name: 'lethe_archive', owner: 'lethe_owner' },
      { name: 'lethe_jobs', owner: 'lethe_worker' },
      { name: 'lethe_private', owner: 'lethe_owner' },
      { name: 'lethe_stats', owner: 'lethe_owner' },
    ])
  })

  it('leaves the roles it made without any login and without any power of their own', async () => {
    const rows = await server.query(`
      select rolname::text as role from pg_roles
      where rolname ~ '^lethe_' and (rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication)`)
    expect(rows).toEqual([])
  })

  it('lets lethe_owner create in its schemas and nowhere else', async () => {
    const [row] = await server.query(
      `select has_schema_privilege('lethe_owner', 'lethe', 'create') as own,
        has_schema_privilege('lethe_owner', 'public', 'create') as public,
        has_database_privilege('lethe_owner', current_database(), 'create') as database`,
      'at_once_a',
    )
    expect(row).toEqual({ own: true, public: false, database: false })
  })

  it('lets its members add and see jobs, and nobody else', async () => {
    await server.query('create role worker_login login in role lethe_worker; create role stranger login')
    const asLogin = async (login: string): Promise<unknown> => {
      const pg = await import('pg')
      const client = new pg.default.Client(server.url('at_once_a', login))
      await client.connect()
      try {
        await client.query(`select lethe_jobs.add_job('nothing')`)
        return (await client.query('select task_identifier from lethe_jobs.jobs')).rows
      } finally {
        await client.end()
      }
    }
    expect(await asLogin('worker_login')).toEqual([{ task_identifier: 'nothing' }])
    expect(await refusal(asLogin('stranger'))).toMatchObject({ code: '42501' })
  })
})

describe('again', () => {
  it('does nothing the second time', async () => {
    const databaseUrl = await server.makeDatabase('twice', { installer: 'ann' })
    const migrationsFolder = await migrations(TINY)
    expect((await init({ databaseUrl, migrationsFolder })).applied).toEqual(['000001-core.sql'])
    expect((await init({ databaseUrl, migrationsFolder })).applied).toEqual([])
  })

  it('does everything once when several come at once', async () => {
    const databaseUrl = await server.makeDatabase('several', { installer: 'ann' })
    const migrationsFolder = await migrations(TINY)
    const results = await Promise.all([1, 2, 3, 4].map(() => init({ databaseUrl, migrationsFolder })))
    expect(results.flatMap((result) => result.applied)).toEqual(['000001-core.sql'])
  })

  it('applies only what is new', async () => {
    const databaseUrl = await server.makeDatabase('upgrade', { installer: 'ann' })
    await init({ databaseUrl, migrationsFolder: await migrations(TINY) })
    const newer = { ...TINY, '000002-more.sql': 'alter table lethe.things add column title text;' }
    expect((await init({ databaseUrl, migrationsFolder: await migrations(newer) })).applied).toEqual([
      '000002-more.sql',
    ])

    // The older version, come back to this database, must not work on it.
    const older = await refusal(init({ databaseUrl, migrationsFolder: await migrations(TINY) }))
    expect(older).toMatchObject({
      code: 'LE505',
      message: 'this database has migration 000002-more.sql, which this Lethe does not know',
    })
  })

  it('refuses a migration that was edited after it was applied', async () => {
    const databaseUrl = await server.makeDatabase('edited', { installer: 'ann' })
    await init({ databaseUrl, migrationsFolder: await migrations(TINY) })
    const edited = await migrations({
      '000001-core.sql': 'create table lethe.things (id bigint primary key);',
    })
    expect(await refusal(init({ databaseUrl, migrationsFolder: edited }))).toMatchObject({
      code: 'LE505',
      message: 'migration 000001-core.sql is not the text that this database was given',
    })
  })

  it('leaves nothing of a migration that fails half-way, and goes on from there', async () => {
    const databaseUrl = await server.makeDatabase('half_way', { installer: 'ann' })
    const broken = { ...TINY, '000002-more.sql': 'create table lethe.more (id int); select 1 / 0;' }
    await refusal(init({ databaseUrl, migrationsFolder: await migrations(broken) }))
    expect(
      await server.query(
        `select to_regclass('lethe.more') as more, to_regclass('lethe.things')::text as things`,
        'half_way',
      ),
    ).toEqual([{ more: null, things: 'lethe.things' }])

    const mended = { ...TINY, '000002-more.sql': 'create table lethe.more (id int);' }
    expect((await init({ databaseUrl, migrationsFolder: await migrations(mended) })).applied).toEqual([
      '000002-more.sql',
    ])
  })

  it('by another installer asks to be let into the roles that the first one made', async () => {
    const databaseUrl = await server.makeDatabase('second_installer', { installer: 'bob' })
    const migrationsFolder = await migrations(TINY)
    const [{ version } = { version: 0 }] = await server.query<{ version: number }>(
      `select current_setting('server_version_num')::int / 10000 as version`,
    )
    // Before 16, CREATEROLE was allowed to join any role.
    if (version >= 16) {
      const refused = await refusal(init({ databaseUrl, migrationsFolder }))
      expect(refused).toMatchObject({ code: 'LE501' })
      for (const remedy of refused.hint!.split('\n').slice(1)) await server.query(remedy)
    }
    expect((await init({ databaseUrl, migrationsFolder })).applied).toEqual(['000001-core.sql'])
  })
})

describe('on a database of somebody else', () => {
  it('touches neither a graphile_migrate nor a graphile_worker of the host', async () => {
    const databaseUrl = await server.makeDatabase('host_tools', { installer: 'ann' })
    await server.query(
      `create schema graphile_migrate;
      create table graphile_migrate.migrations (hash text primary key, filename text);
      insert into graphile_migrate.migrations values ('sha1:host', '000001.sql');
      create schema graphile_worker;
      create table graphile_worker.migrations (id int primary key, breaking boolean);
      insert into graphile_worker.migrations values (3, false);`,
      'host_tools',
    )
    const look = (): Promise<unknown[]> =>
      server.query(
        `select c.oid::regclass::text as name, c.xmin::text as row_version,
          (select string_agg(m::text, ' ') from graphile_migrate.migrations as m) as migrations,
          (select string_agg(m::text, ' ') from graphile_worker.migrations as m) as jobs
        from pg_class as c where relnamespace::regnamespace::text in ('graphile_migrate', 'graphile_worker') order by 1`,
        'host_tools',
      )
    const before = await look()
    await init({ databaseUrl, migrationsFolder: await migrations(TINY) })
    expect(await look()).toEqual(before)
  })

  it('refuses a schema named lethe that is not ours', async () => {
    const databaseUrl = await server.makeDatabase('greek', { installer: 'ann' })
    await server.query('create schema lethe', 'greek')
    expect(await refusal(init({ databaseUrl }))).toMatchObject({
      code: 'LE501',
      message: 'schema lethe exists and belongs to postgres, not to Lethe',
    })
  })

  it('refuses a server that is too old (LE601)', async () => {
    const databaseUrl = await server.makeDatabase('old')
    const refused = await refusal(init({ databaseUrl, versionMin: 99 }))
    expect(refused).toMatchObject({ code: 'LE601' })
    expect(refused.message).toMatch(/^this server is PostgreSQL \d+; Lethe needs 99 to 18$/)
    expect(await server.query(SCHEMAS, 'old')).toEqual([])
  })

  it('refuses a read-only database (LE602), and installs once it is writable', async () => {
    const databaseUrl = await server.makeDatabase('still')
    await server.query('alter database still set default_transaction_read_only = on')
    const migrationsFolder = await migrations(TINY)
    expect(await refusal(init({ databaseUrl, migrationsFolder }))).toMatchObject({
      code: 'LE602',
      message: 'the database is read-only',
    })
    await server.query('alter database still reset default_transaction_read_only')
    await init({ databaseUrl, migrationsFolder })
  })

  it('says in one sentence that the database is down (LE603), without the password', async () => {
    const refused = await refusal(init({ databaseUrl: 'postgres://me:hush@127.0.0.1:9/shop' }))
    expect(refused).toMatchObject({ code: 'LE603', message: 'cannot reach the database at 127.0.0.1:9/shop' })
    expect(JSON.stringify(refused)).not.toContain('hush')
  })
})
