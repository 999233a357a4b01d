import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { annotation } from '../../src/check/annotations.ts'
import type { Finding } from '../../src/check/findings.ts'
import { identifiers } from '../../src/check/place.ts'
import { POLICY_FILE } from '../../src/demo/demo.ts'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

describe('lethe check', () => {
  let db: TestDatabase
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lethe-check-'))
    db = await createDatabase({ template: 'audience' })
  })
  afterAll(async () => {
    await db.drop()
    await rm(folder, { recursive: true })
  })
  const check = (...args: string[]) => lethe(['check', ...args], { databaseUrl: db.installer.url })

  it('ends with 0 on the demo, whose policy file is in force', async () => {
    const { code, stdout, stderr } = await check('--policy', POLICY_FILE)
    expect(stderr).toBe('')
    expect(stdout).toContain('no column, link, table or view is without a decision: 0 errors')
    expect(code).toBe(0)
  })

  it('ends with 1 and names the column once a migration adds one, and with 0 once it is decided on', async () => {
    await db.installer.query('alter table audience.contacts add column "shoeSize" int')
    const text = await check('--policy', POLICY_FILE, '--no-data')
    expect(text.code).toBe(1)
    expect(text.stdout).toMatch(
      /^error unclassified-column \(1, docs\/checks\/unclassified-column\.md\)\n {2}audience\.contacts\."shoeSize" {2}\S+policy\.yaml:\d+\n/,
    )
    expect(text.stdout).toContain('1 error, 0 warnings')
    expect(text.stdout).toContain('the data was not read')

    const github = await check('--policy', POLICY_FILE, '--no-data', '--format', 'github')
    expect(github.code).toBe(1)
    expect(github.stdout).toMatch(
      /^::error file=\S+policy\.yaml,line=\d+,col=\d+,title=unclassified-column::column "shoeSize" of audience\.contacts has no decision%0Agive/,
    )
    for (const flags of [['--json'], ['--format', 'json']]) {
      const json = await check('--no-data', ...flags)
      expect(json.rows()).toContainEqual(
        expect.objectContaining({
          code: 'unclassified-column',
          severity: 'error',
          object: 'audience.contacts."shoeSize"',
        }),
      )
    }
    await db.installer.query(`select lethe.set_column('audience.contacts', 'shoeSize', 'not personal')`)
    expect((await check('--no-data')).code).toBe(0)
  })

  it('prints names of the host so that they begin no line and say nothing to the terminal', async () => {
    await db.installer.query('alter table audience.contacts add column "\n::error::x\u001b[2J\u009b" int')
    const { stdout } = await check('--no-data')
    expect(stdout).toContain('audience.contacts."\\n::error::x\\x1b[2J\\x9b"')
    expect(stdout).not.toMatch(/^::|[^\P{Cc}\n]/mu)
    await db.installer.query('alter table audience.contacts drop column "\n::error::x\u001b[2J\u009b"')
  })

  it('ends with 2 where something could not be looked at, whatever else there is', async () => {
    await db.installer.query('revoke select on audience.invoices from lethe_sweeper')
    const hidden = await check()
    expect(hidden.code).toBe(2)
    expect(hidden.stdout).toContain('north: audience.invoices could not be looked at')
    expect((await check('--no-data')).code).toBe(0)
    await db.installer.query('grant select on audience.invoices to lethe_sweeper')
    expect((await check()).code).toBe(0)
  })

  it('ends with 2 and a sentence where it cannot begin: no policy, no Lethe, no right, no such format, no such file', async () => {
    const fresh = await createDatabase()
    const empty = await createDatabase({ template: 'empty' })
    try {
      const tries: [string, string[], string][] = [
        [fresh.installer.url, [], 'LE622'],
        [empty.url, [], 'LE608'],
        [(await db.asRole('lethe_auditor')).url, [], 'LE502'],
        [db.installer.url, ['--format', 'xml'], 'LE607'],
        [db.installer.url, ['--policy', join(folder, 'nowhere.yaml')], 'LE605'],
      ]
      for (const [databaseUrl, args, errorCode] of tries) {
        const { code, stdout, stderr } = await lethe(['check', ...args], { databaseUrl })
        expect([code, stdout], stderr).toEqual([2, ''])
        expect(stderr).toContain(`[${errorCode}]`)
      }
    } finally {
      await fresh.drop()
      await empty.drop()
    }
  })

  it('has lethe doctor beside it, which lists the statistics views with what they depend on', async () => {
    const text = await lethe(['doctor'], { databaseUrl: db.installer.url })
    expect(text.stdout).toMatch(/lethe_stats\.new_readers .*table audience\.contacts/)
    expect(text.code).toBe(0)
    const json = await lethe(['doctor', '--json'], { databaseUrl: db.installer.url })
    expect(json.rows()).toEqual([
      {
        view_name: 'lethe_stats.new_readers',
        depends_on: expect.stringContaining('table audience.addresses'),
      },
    ])
  })

  it('points at the waiver in the file that has run out', async () => {
    const file = join(folder, 'waived.yaml')
    const [row] = await db.query<{ policy: object }>('select lethe.export_policy() as policy')
    const waivers = [
      { finding: 'undecided-view', object: 'audience.x', until: '2999-01-01', reason: 'a test' },
      { finding: 'undecided-view', object: 'audience.y', until: '2020-01-01', reason: 'a test' },
    ]
    const text = JSON.stringify({ ...row!.policy, waivers }, null, 2)
    await writeFile(file, text)
    expect((await lethe(['policy', 'apply', file], { databaseUrl: db.installer.url })).code).toBe(0)
    const { rows, code } = await check('--policy', file, '--no-data', '--json')
    expect(code).toBe(1)
    // The brace two lines above, counted from 1.
    const lineOf = (object: string): number => text.split('\n').findIndex((line) => line.includes(object)) - 1
    expect(rows().filter(({ code }) => String(code).endsWith('waiver'))).toEqual([
      expect.objectContaining({ code: 'expired-waiver', line: lineOf('audience.y') }),
      expect.objectContaining({ code: 'unused-waiver', line: lineOf('audience.x') }),
    ])
  })
})

describe('an annotation', () => {
  const finding: Finding = {
    code: 'not-looked-at',
    severity: 'note',
    object: 'a.b',
    sentence: '50 % of "a,b": x\r\ny',
    remedy: 'do: it',
  }

  it('is one line, whatever stands in it', () => {
    expect(annotation({ ...finding, line: 3, column: 5 }, 'po,li:cy 100%.yaml')).toBe(
      '::notice file=po%2Cli%3Acy 100%25.yaml,line=3,col=5,title=not-looked-at::50 %25 of "a,b": x%0D%0Ay%0Ado: it',
    )
  })

  it('names no file where there is no place in one', () => {
    expect(annotation(finding, 'policy.yaml')).toMatch(/^::notice title=not-looked-at::/)
  })
})

it.each([
  ['shop.orders.note', ['shop', 'orders', 'note']],
  ['"Big Firm"."T ""1"""."E-Mail"', ['Big Firm', 'T "1"', 'E-Mail']],
  ['shop.orders(customer_id)', ['shop', 'orders']],
  ['north: shop.orders: rule "purge"', ['shop', 'orders']],
  ['superusers', []],
])('reads the names of what %s is about', (object, names) => {
  expect(identifiers(object)).toEqual(names)
})
