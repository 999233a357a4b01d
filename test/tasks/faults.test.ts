import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCycle } from '../../src/cycle.ts'
import { startWorker, type Worker } from '../../src/worker.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { countDue, grantMissing, makeLibrary, memoryLog, SECRET, until } from './library.ts'

describe('a table that cannot be swept', () => {
  let db: TestDatabase
  let url: string
  let worker: Worker | undefined
  const log = memoryLog()

  beforeEach(async () => {
    db = await createDatabase()
    await makeLibrary(db)
    url = (await db.asRole('lethe_worker')).url
    log.lines.length = 0
  })
  afterEach(async () => {
    await worker?.stop()
    worker = undefined
    await db.drop()
  })

  async function workToTheEnd(): Promise<void> {
    worker = await startWorker({ databaseUrl: url, logger: log.logger })
    await until(
      async () => (await db.query(`select from lethe.cycles where state <> 'open'`)).length === 2,
      45,
    )
  }
  const tables = (): Promise<object[]> =>
    db.query(`
      select c.name as controller, t.table_name, t.state, t.failure ->> 'sqlstate' as sqlstate
      from lethe.cycle_tables as t
      join lethe.cycles as y on y.id = t.cycle_id
      join lethe.controllers as c on c.id = y.controller_id
      where t.state <> 'verified' order by 1, 2`)

  it('for want of a right does not stop the others, and is named with its SQLSTATE', async () => {
    await db.query('revoke update on library.notes from lethe_sweeper')
    await workToTheEnd()
    expect(await tables()).toEqual([
      { controller: 'north', table_name: 'library.notes', state: 'failed', sqlstate: '42501' },
      { controller: 'south', table_name: 'library.notes', state: 'failed', sqlstate: '42501' },
    ])
    await until(() => new Set(log.lines.filter((line) => line.includes('INCOMPLETE'))).size === 2)
    expect(log.lines.join('\n')).toContain('library.notes (SQLSTATE 42501)')
    await db.query(`update library.notes set body = null`)
    expect(await countDue(db)).toBe(0)

    await grantMissing(db)
    const results = await runCycle({ databaseUrl: url })
    expect(results.map(({ state }) => state)).toEqual(['complete', 'complete'])
  })

  it('for one row that refuses its mask loses that row alone', async () => {
    await db.query(
      'alter table library.readers add constraint keeps_its_phone check (phone is not null or id <> 3)',
    )
    const results = await runCycle({ databaseUrl: url })
    expect(results.map(({ controller, state }) => [controller, state])).toEqual([
      ['north', 'complete'],
      ['south', 'incomplete'],
    ])
    const line = results[1]!.evidence.find(
      ({ rule }) => rule === 'phone: suppress' || rule.startsWith('phone'),
    )
    expect(line).toMatchObject({ table: 'library.readers', leftOver: 1, skipped: 1 })
    expect(JSON.stringify(results)).toContain('keeps_its_phone')
    expect(JSON.stringify(results)).not.toContain(SECRET)
    expect(results[1]!.faults).toMatchObject([{ table: 'library.readers', state: 'left over' }])
    expect(await countDue(db)).toBe(1)
  })

  it('because somebody holds a lock is tried again, and done once it is given back', async () => {
    await db.query(`update lethe.settings set lock_timeout = '100 milliseconds', attempts_max = 100`)
    const other = await db.connect()
    await other.query('begin; lock table library.notes in share mode')
    worker = await startWorker({ databaseUrl: url, logger: log.logger })
    await until(
      async () => (await db.query(`select from lethe_private.worklist where attempts > 1`)).length > 0,
    )
    await other.query('commit')
    await until(
      async () => (await db.query(`select from lethe.cycles where state = 'complete'`)).length === 2,
      45,
    )
    expect(await countDue(db)).toBe(0)
  })

  it('because somebody never gives a lock back fails after so many attempts (55P03)', async () => {
    await db.query(`update lethe.settings set lock_timeout = '50 milliseconds', attempts_max = 2`)
    const other = await db.connect()
    await other.query('begin; lock table library.notes in share mode')
    const results = await runCycle({ databaseUrl: url, controller: 'north' })
    expect(results[0]!.faults).toMatchObject([{ table: 'library.notes', state: 'failed', sqlstate: '55P03' }])
    await other.query('rollback')
    expect((await runCycle({ databaseUrl: url }))[0]).toMatchObject({
      controller: 'north',
      state: 'complete',
    })
  })
})
