import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { makeLibrary, SECRET } from '../tasks/library.ts'

describe('lethe status', () => {
  let db: TestDatabase
  let databaseUrl: string

  beforeAll(async () => {
    db = await createDatabase()
    databaseUrl = (await db.asRole('lethe_owner')).url
  })
  afterAll(() => db.drop())

  // One story, told in order.

  it('says what to begin with on an empty database', async () => {
    const { code, stdout } = await lethe(['status'], { databaseUrl })
    expect(code).toBe(0)
    expect(stdout).toContain('lethe policy apply')
  })

  it('ends with 1 while no cycle has run', async () => {
    await makeLibrary(db)
    const { code, stdout, stderr } = await lethe(['status'], { databaseUrl })
    expect(code).toBe(1)
    expect(stdout).toMatch(/north \(Europe\/Paris\): next day begins at \d{4}-\d\d-\d\d 2[23]:00 UTC, in/)
    expect(stderr).toContain('north: no cycle has run yet')
  })

  it('shows an open cycle with its progress', async () => {
    const [cycle] = await db.query<{ id: number }>(`select lethe.start_cycle('north') as id`)
    await db.query(
      'select lethe.sweep_step($1, t.table_id) from (select * from lethe.ready_tables($1) limit 1) as t',
      [cycle!.id],
    )
    const { code, stdout } = await lethe(['status', '--controller', 'north'], { databaseUrl })
    expect(code).toBe(0)
    expect(stdout).toMatch(/open +0 of 3/)
    expect(stdout).toMatch(/library\.loans +sweeping/)
  })

  it('ends with 0 when every controller’s last cycle is complete', async () => {
    expect((await lethe(['run'], { databaseUrl })).code).toBe(0)
    const { code, stdout } = await lethe(['status'], { databaseUrl })
    expect(code).toBe(0)
    expect(stdout.match(/complete/g)).toHaveLength(2)
    expect(stdout).not.toContain(SECRET)
  })

  it('ends with 1 when a cycle is incomplete, and says which table and why', async () => {
    await db.query(
      'revoke update on library.notes from lethe_sweeper; update library.notes set body = $$again$$',
    )
    expect((await lethe(['run', '--controller', 'south'], { databaseUrl })).code).toBe(1)
    const { code, stdout, stderr } = await lethe(['status'], { databaseUrl })
    expect(code).toBe(1)
    expect(stdout).toContain('library.notes failed: SQLSTATE 42501')
    expect(stderr).toMatch(/south: cycle \d+ is incomplete/)
    expect(stderr).not.toContain('north')

    const json = await lethe(['status', '--json', '--last', '1'], { databaseUrl })
    expect(json.code).toBe(1)
    const [north, south] = json.rows()
    expect(north).toMatchObject({ controller: 'north', finding: null })
    expect(south).toMatchObject({
      cycles: [{ state: 'incomplete', faults: [{ table: 'library.notes', sqlstate: '42501' }] }],
    })
  })

  it('ends with 1 when the last cycle ended more than 26 hours ago', async () => {
    await db.query(`grant update on library.notes to lethe_sweeper`)
    expect((await lethe(['run'], { databaseUrl })).code).toBe(0)
    expect((await lethe(['status'], { databaseUrl })).code).toBe(0)
    await db.query(
      `set session_replication_role = replica;
       update lethe.cycles set started_at = started_at - interval '27 hours', finished_at = finished_at - interval '27 hours';
       set session_replication_role = origin`,
    )
    const { code, stderr } = await lethe(['status'], { databaseUrl })
    expect(code).toBe(1)
    expect(stderr).toContain('the last cycle ended 27 hours ago')
  })

  it('refuses an unknown controller (LE101) and a login without rights (LE502)', async () => {
    const unknown = await lethe(['status', '--controller', 'west'], { databaseUrl })
    expect(unknown.code).toBe(2)
    expect(unknown.stderr).toContain('[LE101]')
    const refused = await lethe(['status'], { databaseUrl: (await db.asRole()).url })
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('[LE502]')
    const auditor = await lethe(['status'], { databaseUrl: (await db.asRole('lethe_auditor')).url })
    expect(auditor.code).toBe(0)
  })
})
