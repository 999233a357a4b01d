/** A database whose evidence was made before there were seals. */
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { init } from '../../src/install/init.ts'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, runCycle } from '../helpers/engine.ts'
import { withMigrationsUnderTest } from '../helpers/migrations.ts'
import { makeLibrary } from '../tasks/library.ts'

let db: TestDatabase
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lethe-test-'))
  await copyFile('migrations/committed/000001-core.sql', join(folder, '000001-core.sql'))
  db = await createDatabase({ template: 'empty' })
  await init({ databaseUrl: db.installer.url, migrationsFolder: folder })
  await asItWas('lethe_private/as_sweeper.sql')
})

/** `init` has put this function as it is now over what the first version made of it. */
async function asItWas(file: string): Promise<void> {
  const first = await readFile('migrations/committed/000001-core.sql', 'utf8')
  const [, text] = first.split(new RegExp(`^--! (?:End)?Included ${file}$`, 'm'))
  await db.query(`set role lethe_owner; set search_path = pg_catalog, pg_temp; ${text}; reset role`)
}

afterAll(async () => {
  await db.drop()
  await rm(folder, { recursive: true })
})

test('cycles that ended under the first version are sealed with the next that ends', async () => {
  await makeLibrary(db)
  await addCycleRunner(db)
  await runCycle(db, 'north')
  await runCycle(db, 'south')
  await db.query(`update library.notes set body = 'again'`)
  await runCycle(db, 'north')
  await withMigrationsUnderTest((migrationsFolder) =>
    init({ databaseUrl: db.installer.url, migrationsFolder }),
  )

  const before = await db.query<{ controller: string; severity: string; finding: string }>(
    'select * from lethe.verify_evidence()',
  )
  expect(before.map(({ severity }) => severity)).not.toContain('error')
  expect(before.filter(({ finding }) => /^not sealed yet: \d+ rows/.test(finding))).toHaveLength(2)

  await db.query(`update library.notes set body = 'and again'`)
  expect(await runCycle(db, 'north')).toBe('complete')
  const [north] = await db.query(
    `select count(distinct cycle_id) as cycles from lethe.evidence
     where exists (select from lethe.sealed_rows as s where s.relation = 'lethe.cycles' and s.key = format('[%s]', cycle_id))`,
  )
  expect(north!.cycles).toBe(3)
  expect(await db.query('select controller, number from lethe.seal()')).toEqual([
    { controller: 'south', number: 1 },
  ])
  const after = await db.query<{ severity: string; finding: string }>('select * from lethe.verify_evidence()')
  expect(after.map(({ severity }) => severity).sort()).toEqual(['info', 'info', 'warning', 'warning'])

  const [first] = await db.query<{ id: number }>('select min(id) as id from lethe.cycles')
  expect(await refusal(db.query('select lethe.receipt($1)', [first!.id]))).toMatchObject({ code: 'LE802' })
})
