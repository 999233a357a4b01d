/** What each role can ask for, as golden files. `LETHE_UPDATE_GOLDEN=1` writes them anew. */
import { readFile, writeFile } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { printRole } from '../../src/api/sdl.ts'
import { API_ROLES } from '../../src/api/tokens.ts'
import { readableLog } from '../helpers/api.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

let db: TestDatabase
let pool: pg.Pool
beforeAll(async () => {
  db = await createDatabase({ template: 'audience' })
  pool = new pg.Pool({ connectionString: (await db.asRole('lethe_api')).url, max: 2 })
  pool.on('error', () => undefined)
})
afterAll(async () => {
  await pool.end()
  await db.drop()
})

const { logger } = readableLog()

describe.each(API_ROLES)('the schema of %s', (role) => {
  const golden = new URL(`../golden/schema.${role}.graphql`, import.meta.url)

  it('is the golden file', async () => {
    const found = await printRole({ role, pool, logger })
    if (process.env.LETHE_UPDATE_GOLDEN) await writeFile(golden, found)
    expect(found).toBe(await readFile(golden, 'utf8'))
  })

  it('has no way to write, and nothing of the private schemas', async () => {
    const text = await readFile(golden, 'utf8')
    expect(text).toContain('type Query {')
    expect(text).not.toMatch(/^(type (Mutation|Subscription)|schema) /m)
    expect(text).not.toMatch(/tokenHash|worklist|compiled|heldKey|innerPad|migrations/i)
  })
})

describe('the schemas beside one another', () => {
  const rootFields = async (role: string): Promise<string[]> => {
    const text = await readFile(new URL(`../golden/schema.${role}.graphql`, import.meta.url), 'utf8')
    const query = /^type Query \{\n([\s\S]*?)^\}/m.exec(text)![1]!
    return [...query.matchAll(/^ {2}(\w+)[(:]/gm)].map((match) => match[1]!)
  }

  it('show people to officers alone', async () => {
    expect(await rootFields('officer')).toEqual(expect.arrayContaining(['contacts', 'supportNotes', 'rules']))
    expect(await rootFields('auditor')).toEqual(
      expect.arrayContaining(['rules', 'evidenceLines', 'apiTokens']),
    )
    expect(await rootFields('auditor')).not.toEqual(expect.arrayContaining(['contacts']))
    expect(await rootFields('analyst')).toEqual(['newReader', 'newReaders'])
  })
})
