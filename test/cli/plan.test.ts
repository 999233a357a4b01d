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

  it('looks a year ahead, with a chart, and changes nothing', async () => {
    const before = await contents(db)
    const drawn = await lethe(['plan', '--ahead'], { databaseUrl })
    expect(drawn.code, drawn.stderr).toBe(0)
    expect(drawn.stdout).toMatch(/north +library\.readers +/)
    expect(drawn.stdout).toMatch(/north, week by week \(today \d+\)\n.*┤/)
    expect(drawn.stdout).not.toContain(SECRET)
    const rows = (await lethe(['plan', '--ahead', '--json'], { databaseUrl })).rows()
    expect(
      rows.every(({ by_day, by_day_if }) => (by_day as number[]).length === 366 && by_day_if === null),
    ).toBe(true)
    expect(await contents(db)).toBe(before)
  })

  it('shows another delay beside the one in force', async () => {
    const { code, rows, stderr } = await lethe(
      ['plan', '--json', '--controller', 'south', '--what-if', 'library.loans:purge=P900Y'],
      { databaseUrl },
    )
    expect(code, stderr).toBe(0)
    const purge = rows().find(({ table, rule }) => table === 'library.loans' && rule === 'purge')!
    expect(purge).toMatchObject({ due_today: 90, due_today_if: 0, next_365_days_if: 0 })
    const wrong = await lethe(['plan', '--what-if', 'library.loans'], { databaseUrl })
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('[LE106]') })
    const both = await lethe(['plan', '--ahead', '--as-of', '2030-01-01'], { databaseUrl })
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('[LE607]') })
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
