import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

interface Line {
  table: string
  due: number
  done: number
  keptByChild: number
  held: number
  leftOver: number
}

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase({ template: 'empty' })
})
afterAll(() => db.drop())

describe('lethe up --once', () => {
  it('takes an empty database to a finished demo, as a login that is no superuser', async () => {
    const { code, stdout, stderr, rows } = await lethe(['up', '--once', '--json', '--contacts', '300'], {
      databaseUrl: db.installer.url,
    })
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 })
    const cycles = rows().filter((row) => 'state' in row)
    expect(cycles.map(({ controller, state }) => [controller, state])).toEqual([
      ['north', 'complete'],
      ['south', 'complete'],
      ['north', 'complete'],
      ['south', 'complete'],
    ])
    const lines = rows().filter((row) => 'rule' in row) as unknown as (Line & { cycle: number })[]
    expect(lines.filter((line) => line.leftOver !== 0)).toEqual([])
    const [firstOfSecond] = cycles.slice(2).map(({ cycle }) => cycle as number)
    const done = (from: (cycle: number) => boolean): number =>
      lines.filter((line) => from(line.cycle)).reduce((sum, line) => sum + line.done, 0)
    expect(done((cycle) => cycle < firstOfSecond!)).toBeGreaterThan(0)
    expect(done((cycle) => cycle >= firstOfSecond!)).toBe(0)
  })

  it('finds the demo there the next time, and prints it for people', async () => {
    const { code, stdout } = await lethe(['up', '--once'], { databaseUrl: db.installer.url })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^table +due +done +held +kept by child +skipped +unclocked +left$/m)
    expect(stdout).toContain('✓ both cycles are complete, and the second changed nothing')
  })
})

describe('lethe up', () => {
  it('goes on as a worker until it is told to stop, and then exits 0', async () => {
    const stop = new AbortController()
    const running = lethe(['up'], { databaseUrl: db.installer.url, signal: stop.signal })
    await Promise.race([waitForWorker(), running])
    stop.abort()
    const { code, stdout } = await running
    expect(stdout).toContain('Stopped.')
    expect(code).toBe(0)
  })

  it('is undone by remove, which leaves every row of the host and no right of Lethe', async () => {
    const count = 'select count(*)::int as contacts from audience.contacts'
    const before = await db.query(count)
    const refused = await lethe(['remove'], { databaseUrl: db.installer.url })
    expect(refused.stderr).toMatch(
      /^error: this database holds the evidence of past cycles .* \[LE606\]\nhint: lethe remove --archive keep .* --archive drop/,
    )
    expect(refused.code).toBe(2)
    const { code, stderr } = await lethe(['remove', '--archive', 'drop'], { databaseUrl: db.installer.url })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(await db.query(count)).toEqual(before)
    expect(
      await db.query(
        `select from information_schema.role_table_grants where grantee ~ '^lethe_(sweeper|owner)'`,
      ),
    ).toEqual([])
  })

  it('never mixes the demo with tables of somebody else', async () => {
    const host = await createDatabase({ template: 'empty' })
    try {
      await host.query('create schema shop; create table shop.customers (id int primary key)')
      const { code, stderr } = await lethe(['up', '--once'], { databaseUrl: host.installer.url })
      expect(stderr).toContain('this database has tables but no policy yet')
      expect(code).toBe(0)
      expect(await host.query(`select from pg_namespace where nspname = 'audience'`)).toEqual([])
    } finally {
      await host.drop()
    }
  })
})

async function waitForWorker(): Promise<void> {
  for (;;) {
    const [row] = await db.query<{ waiting: boolean }>(
      `select exists (select from pg_stat_activity where datname = current_database() and query ~* '^listen') as waiting`,
    )
    if (row!.waiting) return
    await new Promise((wake) => setTimeout(wake, 100))
  }
}
