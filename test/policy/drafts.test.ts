/** `lethe policy plan|apply|approve|activate|drafts|withdraw|show`: from a file to a policy in force, with two people. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lethe, type Outcome } from '../helpers/cli.ts'
import { createDatabase, type Login, type TestDatabase } from '../helpers/database.ts'
import type { LoosePolicy } from '../helpers/drafts.ts'
import { fingerprint } from '../helpers/engine.ts'

let db: TestDatabase
let second: Login
let file: string

const SHOP = (after: string, more = ''): string => `version: 1
controllers:
  north: {time_zone: America/St_Johns, reference: "1"}
  south: {time_zone: Pacific/Apia, reference: "2"}
tables:
  shop.people:
    controller: {column: owner}
    since: seen_on
    columns:
      email: {category: contact, anonymize: {after: ${after}, using: pseudonym_email}}
${more}`

beforeAll(async () => {
  db = await createDatabase()
  second = await db.asRole('lethe_owner')
  file = join(await mkdtemp(join(tmpdir(), 'lethe-drafts-')), 'policy.yaml')
  await db.installer.query(`
    create schema shop;
    create table shop.people (id bigint primary key, owner int not null, email text not null, phone text, seen_on date);
    create table shop.log (what text);
    insert into shop.people select i, 1 + i % 2, 'someone' || i || '@x.example', '1', current_date - i * 10 from generate_series(1, 200) as i;
    grant usage on schema shop to lethe_sweeper;
    grant update (phone) on shop.people to lethe_sweeper`)
  await writeFile(file, SHOP('P4Y'))
  await policy('apply', file, '--grant')
})
afterAll(async () => {
  await db?.drop()
  await rm(join(file, '..'), { recursive: true, force: true })
})

const policy = (...args: string[]): Promise<Outcome> =>
  lethe(['policy', ...args], { databaseUrl: db.installer.url })
const everything = (): Promise<string> =>
  fingerprint(db, 'lethe.drafts', 'lethe.policy_changes', 'lethe.terms', 'lethe.rules', 'shop.people')

describe('lethe policy plan', () => {
  it('shows what would change and be due at once, touches nothing, and ends with 1; with 0 when nothing would', async () => {
    await writeFile(file, SHOP('P2Y', '      phone: {purge: {after: P3Y}}\n'))
    const before = await everything()
    const planned = await policy('plan', file)
    expect(planned.code, planned.stderr).toBe(1)
    expect(planned.stdout).toMatch(/^shop\.people\n/)
    expect(planned.stdout).toMatch(/~ email: anonymize +after P4Y → P2Y/)
    expect(planned.stdout).toMatch(/\+ phone: purge +after P3Y, since seen_on/)
    expect(planned.stdout).toMatch(/north +shop\.people +email: anonymize +\d+ +\d+ +0/)
    expect(planned.stdout).toMatch(/\d+ rows become due at once/)
    expect(planned.stdout + planned.stderr).not.toContain('someone')
    expect(await everything()).toBe(before)

    const [json] = (await policy('plan', file, '--json')).rows() as [Record<string, LoosePolicy[]>]
    expect(json.changes!.map(({ change, column }) => [change, column])).toEqual([
      ['changed', 'email'],
      ['added', 'phone'],
      ['added', 'phone'],
    ])
    expect(json.tried!.every(({ rows }) => rows > 0)).toBe(true)
    await writeFile(file, SHOP('P4Y'))
    expect(await policy('plan', file)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing changed'),
    })
  })

  it('says what the rehearsal refuses, in words that name no person', async () => {
    await db.installer.query(
      `alter table shop.people add constraint mail_is_short check (length(email) < 25)`,
    )
    await writeFile(file, SHOP('P2Y'))
    const planned = await policy('plan', file)
    expect(planned.code).toBe(1)
    expect(planned.stdout).toContain(
      'shop.people email: anonymize (north): the database refuses it with 23514 mail_is_short on people',
    )
    expect(planned.stdout + planned.stderr).not.toContain('someone')
    const applied = await policy('apply', file)
    expect(applied).toMatchObject({ code: 1, stderr: expect.stringContaining('Not in force') })
    await db.installer.query(`alter table shop.people drop constraint mail_is_short`)
    expect(await policy('plan', file)).toMatchObject({
      code: 1,
      stdout: expect.not.stringContaining('refuses'),
    })
  })
})

describe('lethe policy apply', () => {
  it('waits for a second person past the threshold, who approves; then it is activated, once', async () => {
    await db.query('update lethe.settings set second_person_above = 5')
    await writeFile(file, SHOP('P1Y'))
    const applied = await policy('apply', file, '--reason', 'a year is enough')
    expect(applied.code).toBe(1)
    const id = /lethe policy approve (\d+)/.exec(applied.stderr)![1]!
    expect((await policy('activate', id)).code).toBe(1)
    expect(await policy('approve', id)).toMatchObject({ code: 2, stderr: expect.stringContaining('LE613') })
    const approved = await lethe(['policy', 'approve', id], { databaseUrl: second.url })
    expect(approved.code, approved.stderr).toBe(0)
    const activated = await policy('activate', id)
    expect(activated.code, activated.stderr).toBe(0)
    expect(activated.stdout).toContain('in force: 1 changed')
    expect(await policy('activate', id)).toMatchObject({ code: 2, stderr: expect.stringContaining('LE615') })
    expect((await policy('drafts')).stdout).toMatch(new RegExp(`${id} +activated .*a year is enough`))
    expect((await policy('show')).stdout).toMatch(
      /south +shop\.people\.email: anonymize +P1Y +seen_on .* a year is enough +\d+/,
    )
    await db.query('update lethe.settings set second_person_above = default')
  })

  it('puts side effects in force only when they are accepted by name', async () => {
    await db.installer.query(`
      create function shop.note() returns trigger language plpgsql security definer as $$ begin insert into shop.log values (tg_op); return null; end $$;
      create trigger note after update on shop.people for each row execute function shop.note()`)
    await writeFile(file, SHOP('P6M'))
    const applied = await policy('apply', file)
    expect(applied.code).toBe(1)
    expect(applied.stdout).toMatch(/shop\.log: \d+ rows inserted outside the plan/)
    const [, id] = /lethe policy activate (\d+) --accept shop\.log/.exec(applied.stderr)!
    await policy('withdraw', id!)
    const accepted = await policy('apply', file, '--accept', 'shop.log')
    expect(accepted.code, accepted.stderr).toBe(0)
    await db.installer.query('drop trigger note on shop.people')
  })

  it('of what is in force already leaves no draft behind', async () => {
    const before = await everything()
    expect(await policy('apply', file)).toMatchObject({ code: 0 })
    expect(await everything()).toBe(before)
  })
})

it('lethe policy show looks at a past day, and refuses what is none (LE607)', async () => {
  expect((await policy('show', '--on', '2001-01-01')).stdout).toContain('No rule was in force on 2001-01-01')
  expect(await policy('show', '--on', 'yesterday')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('LE607'),
  })
  const rows = (await policy('show', '--json', '--controller', 'north')).rows()
  expect(rows).toMatchObject([
    { controller: 'north', table: 'shop.people', column: 'email', after: 'P6M', overrides: false },
  ])
})
