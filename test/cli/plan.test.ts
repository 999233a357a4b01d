import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { contents, makeLibrary, SECRET } from '../tasks/library.ts'

describe('lethe plan', () => {
  let db: TestDatabase
  let databaseUrl: string

  beforeAll(async () => {
    db = await createDatabase()
    await makeLibrary(db)
    databaseUrl = (await db.asRole('lethe_worker')).url
  })
  afterAll(() => db.drop())

  it('counts what is due, and changes nothing', async () => {
    const before = await contents(db)
    const { code, rows, stderr } = await lethe(['plan', '--json'], { databaseUrl })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const [due] = await db.query<{ due: number }>(`
      select count(*) as due from library.readers where publisher = 1 and seen_at < now() - interval '3 years 2 days'`)
    expect(rows()).toContainEqual(
      expect.objectContaining({ controller: 'north', table: 'library.readers', rule: 'rows', ...due }),
    )
    expect(await contents(db)).toBe(before)
  })

  it('looks at a day to come', async () => {
    const far = await lethe(['plan', '--json', '--as-of', '2060-01-01', '--controller', 'south'], {
      databaseUrl,
    })
    expect(far.code).toBe(0)
    expect(far.rows().every(({ controller }) => controller === 'south')).toBe(true)
    const purge = far.rows().find(({ table, rule }) => table === 'library.loans' && rule === 'purge')
    expect(purge).toMatchObject({ due: 90 })
  })

  it('prints a table that names nobody', async () => {
    const { stdout } = await lethe(['plan'], { databaseUrl })
    expect(stdout).toMatch(/controller +table +rule +due/)
    expect(stdout).toContain('rows would change')
    expect(stdout).not.toContain(SECRET)
  })

  it('refuses an unknown controller (LE101) and what is no day (LE607), with exit code 2', async () => {
    const unknown = await lethe(['plan', '--controller', 'west'], { databaseUrl })
    expect(unknown).toMatchObject({ code: 2, stdout: '' })
    expect(unknown.stderr).toContain('[LE101]')
    for (const day of ['2026-02-30', 'tomorrow', '23/11/2026']) {
      const { code, stderr } = await lethe(['plan', '--as-of', day], { databaseUrl })
      expect(code).toBe(2)
      expect(stderr).toContain('[LE607]')
    }
  })

  it('refuses a login without rights in a sentence (LE502)', async () => {
    const nobody = await db.asRole()
    const { code, stderr } = await lethe(['plan'], { databaseUrl: nobody.url })
    expect(code).toBe(2)
    expect(stderr).toContain('[LE502]')
    expect(stderr).not.toContain('    at ')
  })
})
