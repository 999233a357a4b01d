/** Subcommands of `lethe request` for rights other than erasure, over a database. */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PersonalData } from '../../src/rights/document.ts'
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

  it('loses no digit of numbers in arrays and in JSON of the host’s own', async () => {
    await db.query(`
      alter table c."People" add column more jsonb, add column sums numeric[], add column counts int8[];
      update c."People" set sums = '{0.5,1.10,12345678901234567890.12}', counts = '{7,9007199254740993}',
        more = '{"card": 12345678901234567890, "rates": [0.5, 1.10]}' where id = 4`)
    const { printed } = await runRights(agent, 'package', String(await approved(db, 'access', '4')))
    const target = join(folder, 'digits')
    await runRights(agent, 'download', printed[0]!.token as string, '--output', target)
    const data = PersonalData.parse(JSON.parse(await readFile(join(target, 'data.json'), 'utf8')))
    expect(data.tables[0]!.rows[0]!.values).toMatchObject({
      sums: [0.5, '1.10', '12345678901234567890.12'],
      counts: [7, '9007199254740993'],
      more: { card: '12345678901234567890', rates: [0.5, '1.10'] },
    })
    expect(await readFile(join(target, 'c.People-root.csv'), 'utf8')).toContain('12345678901234567890.12')
  })

  it('mixes no package with the files of another', async () => {
    const target = join(folder, 'mixed')
    const tokens: string[] = []
    for (const key of ['1', '3'])
      tokens.push(
        (await runRights(agent, 'package', String(await approved(db, 'access', key)))).printed[0]!
          .token as string,
      )
    await runRights(agent, 'download', tokens[0]!, '--output', target)
    const before = await readFile(join(target, 'data.json'), 'utf8')
    expect(await refusal(runRights(agent, 'download', tokens[1]!, '--output', target))).toMatchObject({
      code: 'LE607',
      message: `the folder ${target} is not empty`,
    })
    expect(await readFile(join(target, 'data.json'), 'utf8')).toBe(before)
    await runRights(agent, 'download', tokens[1]!, '--output', join(folder, 'another'))
  })

  it('refuses a language that it has no words in, a bad token and a request that is none', async () => {
    const id = await approved(db, 'access', '2')
    expect(await refusal(runRights(agent, 'package', String(id), '--language', 'xx'))).toMatchObject({
      code: 'LE607',
    })
    expect(await refusal(runRights(agent, 'package', String(id), '--language', 'toString'))).toMatchObject({
      code: 'LE607',
    })
    await runRights(agent, 'package', String(id), '--language', 'fr')
    const bad = ['download', Buffer.alloc(32).toString('hex'), '--output', join(folder, 'bad')]
    expect(await refusal(runRights(agent, ...bad))).toMatchObject({ code: 'LE464' })
    expect(await refusal(runRights(agent, 'package', '999999'))).toMatchObject({ code: 'LE114' })
  })
})

it('lethe request rectify corrects a row, and prints no value', async () => {
  const id = await approved(db, 'rectification', '2')
  const { printed } = await runRights(agent, 'rectify', String(id), 'c.People', '2', '{"Nick": "Zwei"}')
  expect(printed).toEqual([{ id, table: 'c.People', columns: ['Nick'] }])
  expect(await db.query(`select "Nick" from c."People" where id = 2`)).toEqual([{ Nick: 'Zwei' }])
  await runRights(agent, 'rectify', String(id), 'c.People', '2', '{"worth": 98765432109876543210.9876}')
  expect(await db.query(`select worth::text from c."People" where id = 2`)).toEqual([
    { worth: '98765432109876543210.9876' },
  ])
  for (const changes of ['Nick=Zwei', '["Nick"]', 'null'])
    expect(await refusal(runRights(agent, 'rectify', String(id), 'c.People', '2', changes))).toMatchObject({
      code: 'LE607',
    })
})
