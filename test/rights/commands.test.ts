/** Subcommands of `lethe request` for rights other than erasure, over a database. */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../helpers/database.ts'
import { approved, makeCircle, runRights } from '../helpers/rights.ts'

let db: TestDatabase
let agent: Login
let folder: string
beforeAll(async () => {
  db = await createDatabase()
  await makeCircle(db)
  await db.query('grant update on all tables in schema c to lethe_sweeper')
  agent = await db.asRole('lethe_agent')
  await db.query(`select lethe.add_member($1, 'north')`, [new URL(agent.url).username])
  folder = await mkdtemp(join(tmpdir(), 'lethe-rights-'))
})
afterAll(async () => {
  await db.drop()
  await rm(folder, { recursive: true })
})

describe('lethe request package and download', () => {
  it.each([
    ['access', 'Your personal data', true],
    ['portability', 'The data you provided', false],
  ])('answers a request of %s in files that only the token opens', async (kind, title, all) => {
    const id = await approved(db, kind, '2')
    const made = await runRights(agent, 'package', String(id))
    expect(made.code).toBe(0)
    const { token, rows } = made.printed[0] as { token: string; rows: number }
    expect(rows).toBeGreaterThan(3)
    const [kept] = await db.query<{ content: Buffer; days: number }>(
      `select content, extract(epoch from expires_at - made_at) / 86400 as days from lethe_private.packages where request_id = $1`,
      [id],
    )
    expect(kept!.content.includes('p2@example.org')).toBe(false)
    expect(kept!.days).toBeGreaterThan(13.9)

    const target = join(folder, kind)
    const { printed } = await runRights(agent, 'download', token, '--output', target)
    const names = await readdir(target)
    expect(names.sort()).toEqual([...(printed[0]!.files as string[])].sort())
    expect(names.includes('c.lines-own.csv')).toBe(all)
    expect((await stat(join(target, 'data.json'))).mode & 0o077).toBe(0)
    expect(await readFile(join(target, 'data.html'), 'utf8')).toContain(title)
    expect(await readFile(join(target, 'c.People-root.csv'), 'utf8')).toMatch(/p2@example\.org/)
    expect(await readFile(join(target, 'data.json'), 'utf8')).not.toMatch(/p[13-9]@example/)
    expect(await db.query('select lethe.execute_request($1) as state', [id])).toEqual([
      { state: 'completed' },
    ])
  })

  it('refuses a language that it has no words in, a bad token and a request that is none', async () => {
    const id = await approved(db, 'access', '2')
    expect(await refusal(runRights(agent, 'package', String(id), '--language', 'xx'))).toMatchObject({
      code: 'LE607',
    })
    await runRights(agent, 'package', String(id), '--language', 'fr')
    const bad = ['download', Buffer.alloc(32).toString('hex'), '--output', folder]
    expect(await refusal(runRights(agent, ...bad))).toMatchObject({ code: 'LE464' })
    expect(await refusal(runRights(agent, 'package', '999999'))).toMatchObject({ code: 'LE114' })
  })
})

it('lethe request rectify corrects a row, and prints no value', async () => {
  const id = await approved(db, 'rectification', '2')
  const { printed } = await runRights(agent, 'rectify', String(id), 'c.People', '2', '{"Nick": "Zwei"}')
  expect(printed).toEqual([{ id, table: 'c.People', columns: ['Nick'] }])
  expect(await db.query(`select "Nick" from c."People" where id = 2`)).toEqual([{ Nick: 'Zwei' }])
  expect(await refusal(runRights(agent, 'rectify', String(id), 'c.People', '2', 'Nick=Zwei'))).toMatchObject({
    code: 'LE607',
  })
})
