import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { countDue, makeLibrary, SECRET, until } from '../tasks/library.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

describe('lethe work', () => {
  let db: TestDatabase
  let databaseUrl: string
  let log: string

  beforeEach(async () => {
    db = await createDatabase()
    await makeLibrary(db)
    databaseUrl = (await db.asRole('lethe_worker')).url
    log = ''
  })
  afterEach(() => db.drop())

  function start(...args: string[]) {
    const child = spawn(process.execPath, [main, 'work', ...args], {
      env: { ...process.env, DATABASE_URL: databaseUrl, LOG_LEVEL: 'debug', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        log += text
      })
    return child
  }
  const complete = async (): Promise<boolean> =>
    (await db.query(`select from lethe.cycles where state = 'complete'`)).length === 2

  it('runs what is due, stops at SIGTERM with 0, and logs nobody', async () => {
    const child = start('--concurrency', '3')
    await until(complete)
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(await countDue(db)).toBe(0)
    expect(log).toContain('is complete')
    expect(log).not.toContain(SECRET)
    for (const line of log.split('\n').filter(Boolean)) expect(() => JSON.parse(line)).not.toThrow()
  })

  it('killed with -9 in the middle, is gone on with by the next worker within seconds', async () => {
    await db.query('update lethe.settings set batch_rows = 4, pause_ratio = 3')
    for (let round = 0; round < 3; round += 1) {
      const rowsDone = async (): Promise<number> =>
        (await db.query<{ n: number }>('select coalesce(sum(rows_done), 0) as n from lethe.cycle_tables'))[0]!
          .n
      const before = await rowsDone()
      const child = start()
      await until(async () => (await rowsDone()) > before, 10)
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
      if (await complete()) break
    }
    await db.query('update lethe.settings set pause_ratio = 0')
    const child = start()
    await until(complete, 20)
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
    expect(await countDue(db)).toBe(0)
    expect(await db.query('select from lethe.cycles')).toHaveLength(2)
  })

  it('refuses a login without rights (LE502), a database without Lethe (LE608), and bad numbers', async () => {
    const nobody = await db.asRole()
    expect((await lethe(['work'], { databaseUrl: nobody.url })).stderr).toContain('[LE502]')
    const empty = await createDatabase({ template: 'empty' })
    const uninstalled = await lethe(['work'], { databaseUrl: empty.url })
    await empty.drop()
    expect(uninstalled.code).toBe(2)
    expect(uninstalled.stderr).toContain('[LE608]')
    expect((await lethe(['work', '--concurrency', 'many'], { databaseUrl })).stderr).toContain('[LE607]')
  })
})
