import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { contents, countDue, makeLibrary, SECRET, until } from '../tasks/library.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

describe('lethe run', () => {
  let db: TestDatabase
  let databaseUrl: string

  beforeEach(async () => {
    db = await createDatabase()
    await makeLibrary(db)
    databaseUrl = (await db.asRole('lethe_worker')).url
  })
  afterEach(() => db.drop())

  it('does what is due, says so per table and rule, and finds nothing the second time', async () => {
    const first = await lethe(['run'], { databaseUrl })
    expect(first.code).toBe(0)
    expect(first.stdout).toMatch(/table +rule +due +done +held +kept by child +skipped +unclocked +left/)
    expect(first.stdout).toContain('complete: nothing due is left')
    expect(first.stdout + first.stderr).not.toContain(SECRET)
    expect(await countDue(db)).toBe(0)

    const before = await contents(db)
    const second = await lethe(['run', '--json'], { databaseUrl })
    expect(second.code).toBe(0)
    const rules = second.rows().filter((row) => 'rule' in row)
    expect(rules.length).toBeGreaterThan(5)
    for (const row of rules) expect(row).toMatchObject({ done: 0, leftOver: 0 })
    expect(second.rows().filter(({ state }) => state === 'complete')).toHaveLength(2)
    expect(await contents(db)).toBe(before)
  })

  it('does what it planned', async () => {
    const planned = (await lethe(['plan', '--json'], { databaseUrl }))
      .rows()
      .filter(({ rule }) => rule !== 'rows')
    const done = (await lethe(['run', '--json'], { databaseUrl })).rows().filter((row) => 'rule' in row)
    const figures = (rows: Record<string, unknown>[], figure: string): unknown[] =>
      rows.map((row) => [row.controller, row.table, row.rule, row[figure]]).sort()
    expect(figures(done, 'done')).toEqual(figures(planned, 'due'))
  })

  it('runs one controller alone', async () => {
    const { code, rows } = await lethe(['run', '--controller', 'south', '--json'], { databaseUrl })
    expect(code).toBe(0)
    expect(new Set(rows().map(({ controller }) => controller))).toEqual(new Set(['south']))
    expect(await countDue(db)).toBeGreaterThan(0)
  })

  it('ends with 1 when a table failed, and names it with its SQLSTATE', async () => {
    await db.query('revoke update on library.notes from lethe_sweeper')
    const { code, stderr } = await lethe(['run'], { databaseUrl })
    expect(code).toBe(1)
    expect(stderr).toContain('library.notes failed: SQLSTATE 42501')
    expect(stderr).toContain('incomplete: north, south')
  })

  it('is refused while somebody drives the same controller (LE401), and works once that has ended', async () => {
    const other = await db.connect()
    await other.query(`select lethe.start_cycle('north', alone => true)`)
    const before = await contents(db)
    const refused = await lethe(['run', '--controller', 'north'], { databaseUrl })
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('[LE401]')
    expect(await contents(db)).toBe(before)
    await other.query(`select lethe.release_controller('north')`)
    expect((await lethe(['run'], { databaseUrl })).code).toBe(0)
  })

  it('has no option for a date', async () => {
    const { code, stderr } = await lethe(['run', '--as-of', '2060-01-01'], { databaseUrl })
    expect(code).toBe(2)
    expect(stderr).toContain('[LE607]')
  })

  it('refuses bad numbers, unknown controllers, and logins without rights', async () => {
    const nobody = await db.asRole()
    for (const [args, url, code] of [
      [['run', '--connections', '0'], databaseUrl, 'LE607'],
      [['run', '--controller', 'west'], databaseUrl, 'LE101'],
      [['run'], nobody.url, 'LE502'],
      [['run'], 'postgres://nobody@127.0.0.1:1/none', 'LE603'],
    ] as const) {
      const outcome = await lethe([...args], { databaseUrl: url })
      expect(outcome.code).toBe(2)
      expect(outcome.stderr).toContain(`[${code}]`)
      expect(outcome.stderr).toContain('hint:')
    }
  })

  it('stops at Ctrl-C after the batch at hand, and goes on when called again', async () => {
    await db.query(`
      update lethe.settings set batch_rows = 2;
      create function public.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.05); return null; end $$;
      create trigger dawdle after update on library.readers for each statement execute function public.dawdle()`)
    const child = spawn(process.execPath, [main, 'run'], {
      env: { ...process.env, DATABASE_URL: databaseUrl, NO_COLOR: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    const ended = once(child, 'close')
    await until(() => /library\.readers \d+ of \d+/.test(stderr))
    child.kill('SIGINT')
    expect(await ended).toEqual([1, null])
    expect(stderr).toContain('stopped; lethe run goes on from here')
    const [cycle] = await db.query('select state from lethe.cycles order by id limit 1')
    expect(cycle).toEqual({ state: 'open' })
    await db.query('drop trigger dawdle on library.readers')
    expect((await lethe(['run'], { databaseUrl })).code).toBe(0)
    expect(await db.query('select from lethe.cycles')).toHaveLength(2)
    expect(await countDue(db)).toBe(0)
  })
})
