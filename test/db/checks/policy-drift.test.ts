import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { differences } from '../../../src/check/drift.ts'
import { createDesk, DESK_POLICY } from '../../helpers/check.ts'
import { lethe } from '../../helpers/cli.ts'
import type { TestDatabase } from '../../helpers/database.ts'

let db: TestDatabase
let file: string
beforeAll(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'lethe-drift-')), 'policy.yaml')
  db = await createDesk()
})
afterAll(async () => {
  await db.drop()
  await rm(file, { force: true })
})

async function check(policy: unknown): Promise<Record<string, unknown>[]> {
  await writeFile(file, typeof policy === 'string' ? policy : JSON.stringify(policy))
  const outcome = await lethe(['check', '--policy', file, '--no-data', '--json'], { databaseUrl: db.url })
  expect(outcome.stderr).toBe('')
  return outcome.rows().filter(({ severity }) => severity !== 'note')
}

/** The policy as somebody else would write it. */
const OTHERWISE = {
  ...DESK_POLICY,
  tables: {
    ...DESK_POLICY.tables,
    'desk.orders': { ...DESK_POLICY.tables['desk.orders'], since: ['placed'], purge: [{ after: 'P36M' }] },
  },
}

it('is silent where the file says the same in other words', async () => {
  const said = JSON.stringify(OTHERWISE).replace('P36M', 'P3Y')
  expect(await check(JSON.parse(said))).toEqual([])
})

it('says what differs, and changes nothing', async () => {
  const before = await db.query(
    'select lethe.export_policy() as policy, (select count(*) from lethe.policy_changes) as changes',
  )
  const changed = {
    ...DESK_POLICY,
    tables: {
      ...DESK_POLICY.tables,
      'desk.people': {
        ...DESK_POLICY.tables['desk.people'],
        purge: { after: 'P4Y' },
        time_zone: 'Asia/Tokyo',
      },
    },
  }
  expect((await check(changed)).map(({ code, severity, sentence }) => [code, severity, sentence])).toEqual([
    ['policy-drift', 'error', '/tables/desk.people/purge/after is P3Y in force, and P4Y in the file'],
    ['policy-drift', 'error', '/tables/desk.people/time_zone is in the file (Asia/Tokyo), and not in force'],
  ])
  expect(
    await db.query(
      'select lethe.export_policy() as policy, (select count(*) from lethe.policy_changes) as changes',
    ),
  ).toEqual(before)
})

it('is silent again once the file is in force', async () => {
  await check(DESK_POLICY)
  expect(await lethe(['policy', 'apply', file], { databaseUrl: db.url })).toMatchObject({ code: 0 })
  expect(await check(DESK_POLICY)).toEqual([])
})

it('names a file that cannot be in force, with the line, beside what else there is', async () => {
  await db.query('alter table desk.orders add column extra text')
  const lines = JSON.stringify(DESK_POLICY, null, 2).replace('"note"', '"nope"')
  const found = await check(lines)
  const line = 1 + lines.split('\n').findIndex((text) => text.includes('"nope"'))
  expect(found.map(({ code, line }) => [code, line])).toEqual([
    ['policy-drift', line],
    ['unclassified-column', expect.any(Number)],
  ])
  expect(found[0]!.sentence).toContain('table desk.orders has no column nope')
})

it('cannot be waived', async () => {
  await expect(
    db.query(`select lethe.waive('policy-drift', '/tables', current_date + 1, 'a test')`),
  ).rejects.toMatchObject({
    code: 'LE621',
  })
})

it('compares documents by what they say and not by the order in which they say it', () => {
  expect(differences({ a: { b: 1, c: [{ x: 1, y: 2 }] } }, { a: { c: [{ y: 2, x: 1 }], b: 1 } })).toEqual([])
  expect(differences({ 'a/b': 1 }, { 'a/b': 2 })).toEqual([{ pointer: '/a~1b', inForce: 1, inFile: 2 }])
  expect(differences({ a: [1, 2] }, { a: [2, 1] })).toHaveLength(1)
})
