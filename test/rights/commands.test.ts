/** Subcommands of `lethe request` for rights other than erasure, over a database. */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { registerRights } from '../../src/cli/commands/request_rights.ts'
import { createDatabase, type Login, refusal, type TestDatabase } from '../helpers/database.ts'
import { APP, approved, HOST, makeCircle } from '../helpers/rights.ts'

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

/** Runs one subcommand with `--json`. @returns the exit code and the objects it printed. */
async function run(
  login: Login,
  ...args: string[]
): Promise<{ code: number; printed: Record<string, unknown>[] }> {
  const program = new Command('lethe').option('--json').option('--database <url>')
  registerRights(program.command('request'))
  const lines: string[] = []
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0)
  const before = process.exitCode
  try {
    await program.parseAsync(['--json', '--database', login.url, 'request', ...args], { from: 'user' })
    return { code: Number(process.exitCode), printed: lines.map((line) => JSON.parse(line)) }
  } finally {
    write.mockRestore()
    process.exitCode = before
  }
}

describe('lethe request package and download', () => {
  it.each([
    ['access', 'Your personal data', true],
    ['portability', 'The data you provided', false],
  ])('answers a request of %s in files that only the token opens', async (kind, title, all) => {
    const id = await approved(db, kind, '2')
    const made = await run(agent, 'package', String(id))
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
    const { printed } = await run(agent, 'download', token, '--output', target)
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
    expect(await refusal(run(agent, 'package', String(id), '--language', 'xx'))).toMatchObject({
      code: 'LE607',
    })
    await run(agent, 'package', String(id), '--language', 'fr')
    const bad = ['download', Buffer.alloc(32).toString('base64url'), '--output', folder]
    expect(await refusal(run(agent, ...bad))).toMatchObject({ code: 'LE464' })
    expect(await refusal(run(agent, 'package', '999999'))).toMatchObject({ code: 'LE114' })
  })
})

it('lethe request rectify corrects a row, and prints no value', async () => {
  const id = await approved(db, 'rectification', '2')
  const { printed } = await run(agent, 'rectify', String(id), 'c.People', '2', '{"Nick": "Zwei"}')
  expect(printed).toEqual([{ id, table: 'c.People', columns: ['Nick'] }])
  expect(await db.query(`select "Nick" from c."People" where id = 2`)).toEqual([{ Nick: 'Zwei' }])
  expect(await refusal(run(agent, 'rectify', String(id), 'c.People', '2', 'Nick=Zwei'))).toMatchObject({
    code: 'LE607',
  })
})

it('lethe request hide, restricted, told and lift go through a restriction from end to end', async () => {
  const id = await approved(db, 'restriction', '1')
  await db.query('select lethe.execute_request($1)', [id])
  expect((await run(db, 'hide')).code).toBe(1)
  for (const table of ['c.People', 'c.orders', 'c.lines', 'c.messages']) {
    expect((await run(db, 'hide', table)).printed).toEqual([
      { sql: expect.stringContaining('lethe_restriction'), run: false },
    ])
    expect((await run(db, 'hide', table, '--create')).printed).toMatchObject([{ run: true }])
  }
  expect((await run(db, 'hide')).code).toBe(0)
  expect((await run(agent, 'restricted', String(id))).printed).toMatchObject([
    { id, tables: expect.arrayContaining([{ table: 'c.orders', live: 2, archived: 0 }]) },
  ])
  const count = `begin; set local role ${APP}; select count(*) from c."People"`
  expect(await db.query(count)).toEqual([{ count: 8 }])
  expect(await refusal(run(agent, 'lift', String(id), '--reason', 'right'))).toMatchObject({ code: 'LE462' })
  await run(agent, 'told', String(id), '--how', 'a letter')
  await run(agent, 'lift', String(id), '--reason', 'right')
  expect(await db.query(count)).toEqual([{ count: 9 }])
  await run(db, 'hide', 'c.lines', '--drop', '--create')
  expect(
    await db.query(`set role ${HOST}; select count(*) from pg_policy where polrelid = 'c.lines'::regclass`),
  ).toEqual([{ count: 0 }])
})
