import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parsePolicy } from '../../src/policy/read.ts'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

let db: TestDatabase
let folder: string

/** Writes a policy file and applies it. */
async function apply(text: string, ...options: string[]) {
  const file = join(folder, 'p.yaml')
  await writeFile(file, text)
  return lethe(['policy', 'apply', file, ...options], { databaseUrl: db.installer.url })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lethe-policy-'))
  db = await createDatabase()
  await db.installer.query(`
    create schema shop;
    create table shop.people (
      id bigint primary key,
      email text not null,
      phone text,
      seen_on date
    )`)
})

afterAll(async () => {
  await db?.drop()
  await rm(folder, { recursive: true, force: true })
})

const SHOP = `version: 1
controller: default
time_zone: Europe/Paris
tables:
  shop.people:
    since: seen_on
    columns:
      email: {category: contact, anonymize: {after: P3Y, using: pseudonym_email}}
      phone: {category: contact, purge: {after: P2W}}
`

describe('lethe policy apply', () => {
  it('lists the rights that are missing, and puts the file in force once they are given', async () => {
    const first = await apply(SHOP, '--reason', 'first policy')
    expect(first.code, first.stderr).toBe(1)
    expect(first.stdout).toContain('+ phone: purge')
    expect(first.stdout).toContain('grant usage on schema shop to lethe_sweeper;')
    expect(first.stderr).toContain('Not in force')
    expect(await db.query('select from lethe.managed_tables')).toEqual([])

    const granted = await apply(SHOP, '--grant', '--reason', 'first policy')
    expect(granted.code, granted.stderr).toBe(0)
    expect(granted.stdout).toMatch(/in force: \d+ added/)
    expect(granted.stdout).toContain('Granted:')
    expect(
      await db.query(`select distinct reason, draft_id is not null as drafted from lethe.policy_changes`),
    ).toEqual([{ reason: 'first policy', drafted: true }])
    const again = await apply(SHOP, '--json')
    expect(again.code).toBe(0)
    expect(again.rows()).toEqual([{ file: expect.any(String), changes: [], granted: [], missing: [] }])
  })

  it.each([
    ['a table', 'shop.people:', 'shop.persons:', '5:3', 'LE102'],
    ['a column', '      phone:', '      fax:', '9:7', 'LE103'],
    ['a method', 'pseudonym_email', 'pseudonim', '8:34', 'LE104'],
    ['a time zone', 'Europe/Paris', 'Europe/Pariss', '3:1', 'LE105'],
    ['a parameter', 'using: pseudonym_email', 'using: {method: partial, keep: 3}', '8:34', 'LE106'],
    ['a clock', 'since: seen_on', 'since: seen', '8:34', 'LE103'],
    ['a predicate', 'P2W}', 'P2W, when: "nonsense >"}', '9:34', 'LE303'],
    ['a method of the wrong type', 'using: pseudonym_email', 'using: pseudonym_uuid', '8:34', 'LE304'],
    ['null on NOT NULL', 'using: pseudonym_email', 'using: suppress', '8:34', 'LE305'],
    [
      'an override of an unknown controller',
      'tables:',
      'overrides: {west: {shop.people: {purge: {after: P1Y}}}}\ntables:',
      '4:34',
      'LE101',
    ],
  ])('refuses %s with file, line and column, and changes nothing', async (_, from, to, place, code) => {
    const before = await db.query('select lethe.export_policy()')
    const outcome = await apply(SHOP.replace(from, to))
    expect(outcome.stderr).toContain(`p.yaml:${place}: `)
    expect(outcome.stderr).toContain(`[${code}]`)
    expect(outcome).toMatchObject({ code: 2, stdout: '' })
    expect(await db.query('select lethe.export_policy()')).toEqual(before)
  })

  it('needs no database to find a mistake in the file, and says which file it cannot read', async () => {
    const file = join(folder, 'bad.yaml')
    await writeFile(file, 'version: 1\ntabels: {}\n')
    const nowhere = { databaseUrl: 'postgres://nobody@127.0.0.1:9/none' }
    const misspelt = await lethe(['policy', 'apply', file], nowhere)
    expect(misspelt.code).toBe(2)
    expect(misspelt.stderr).toContain('bad.yaml:2:1: unknown key "tabels"; did you mean tables?')
    const missing = await lethe(['policy', 'apply', join(folder, 'none.yaml')], nowhere)
    expect(missing).toMatchObject({ code: 2 })
    expect(missing.stderr).toContain('none.yaml: ENOENT')
  })

  it('grants what a predicate over a host’s own type needs, but only when told to', async () => {
    // A schema of its own: usage that the sweeper has been given before would do.
    await db.installer.query(`
      create schema depot;
      create type depot.state as enum ('open', 'closed');
      create table depot.people (id bigint primary key, phone text, state depot.state, seen_on date)`)
    const text = `${SHOP}  depot.people:
    columns: {phone: {purge: {after: P2W, since: seen_on, when: "state = 'closed'"}}}
`
    const refused = await apply(text)
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.stderr).toContain('p.yaml:11:')
    expect(refused.stderr).toContain('grant usage on schema depot to lethe_owner')
    const granted = await apply(text, '--grant', '--json')
    expect(granted.code, granted.stderr).toBe(0)
    expect(granted.rows()[0]).toMatchObject({ missing: [] })
    expect((granted.rows()[0] as { granted: string[] }).granted[0]).toBe(
      'grant usage on schema depot to lethe_owner',
    )
  })

  it('tells somebody without rights so in a sentence', async () => {
    const stranger = await db.asRole()
    const file = join(folder, 'shop.yaml')
    await writeFile(file, SHOP)
    const outcome = await lethe(['policy', 'apply', file], { databaseUrl: stranger.url })
    expect(outcome).toMatchObject({ code: 2 })
    expect(outcome.stderr).toMatch(/^error: .+ \[LE502\]\n/)
    expect(outcome.stderr).not.toMatch(/\n\s+at /)
  })
})

describe('lethe policy export', () => {
  it('writes a file that changes nothing when it is applied', async () => {
    const file = join(folder, 'exported.yaml')
    const exported = await lethe(['policy', 'export', '--output', file], { databaseUrl: db.installer.url })
    expect(exported).toMatchObject({ code: 0, stderr: '' })
    const applied = await lethe(['policy', 'apply', file, '--json'], { databaseUrl: db.installer.url })
    expect(applied.rows()).toMatchObject([{ changes: [] }])
  })

  it('prints YAML that reads back as what --json prints', async () => {
    const yaml = await lethe(['policy', 'export'], { databaseUrl: db.installer.url })
    const json = await lethe(['policy', 'export', '--json'], { databaseUrl: db.installer.url })
    expect(parsePolicy(yaml.stdout, 'stdout').policy).toEqual(json.rows()[0])
  })

  it('says that a folder does not exist', async () => {
    const outcome = await lethe(['policy', 'export', '--output', join(folder, 'no/p.yaml')], {
      databaseUrl: db.installer.url,
    })
    expect(outcome).toMatchObject({ code: 2 })
    expect(outcome.stderr).toContain('no/p.yaml: ENOENT')
  })
})
