import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase({ template: 'empty' })
})
afterAll(() => db.drop())

// In this order: one database from its first meeting with Lethe to the last.
describe('a database', () => {
  it('is found ready by doctor before Lethe is installed', async () => {
    const { code, stderr } = await lethe(['doctor'], { databaseUrl: db.installer.url })
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: '! Lethe is not installed here yet; nothing hinders lethe init\n',
    })
  })

  it('is told by doctor what a login without rights would need (exit code 1)', async () => {
    const login = await db.asRole()
    const { code, stdout } = await lethe(['doctor'], { databaseUrl: login.url })
    expect(code).toBe(1)
    const name = new URL(login.url).username
    expect(stdout).toContain(`grant create on database ${db.name} to ${name};`)

    const json = await lethe(['doctor', '--json'], { databaseUrl: login.url })
    expect(json.code).toBe(1)
    expect(json.rows()).toContainEqual({
      object: `database ${db.name}`,
      need: 'create schemas',
      remedy: `grant create on database ${db.name} to ${name}`,
    })
  })

  it('refuses init by that login with the SQL that helps (exit code 2), and nothing is half done', async () => {
    const login = await db.asRole()
    const { code, stdout, stderr } = await lethe(['init'], { databaseUrl: login.url })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(
      /^error: this login lacks rights to install Lethe .* \[LE501\]\nhint: as a superuser or an owner:\n {2}grant create /,
    )
    expect(await db.query(`select from pg_namespace where nspname ~ '^lethe'`)).toEqual([])
  })

  it('takes Lethe in by init, a second time too', async () => {
    const first = await lethe(['init'], { databaseUrl: db.installer.url })
    expect(first.code, first.stderr).toBe(0)
    // Nothing but the progress that is shown when it takes longer than a second.
    expect(first.stderr.replaceAll(/^installing Lethe: .*\n/gm, '')).toBe('')
    expect(first.stdout).toContain('✓ Lethe is installed in ')
    const second = await lethe(['init', '--json'], { databaseUrl: db.installer.url })
    expect(second.code).toBe(0)
    expect(second.rows()).toEqual([
      { database: expect.stringContaining(db.name), serverVersion: expect.any(Number), applied: [] },
    ])
  })

  it('lets go of Lethe by remove, a second time too', async () => {
    const first = await lethe(['remove'], { databaseUrl: db.installer.url })
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toContain('dropped schemas lethe_jobs, lethe, lethe_private')
    expect(await db.query(`select from pg_namespace where nspname ~ '^lethe'`)).toEqual([])
    const second = await lethe(['remove'], { databaseUrl: db.installer.url })
    expect(second.stdout).toContain('nothing to do')
    expect(second.code).toBe(0)
  })
})

describe('on a read-only database', () => {
  it.each(['init', 'remove', 'doctor'])('%s says so and exits 2', async (command) => {
    await db.query(`alter database ${db.name} set default_transaction_read_only = on`)
    const { code, stderr } = await lethe([command], { databaseUrl: db.installer.url })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: the database is read-only \[LE602\]\nhint: [^\n]+\n$/)
  })
})
