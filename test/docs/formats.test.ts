import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FORMATS_PAGE, formatTable, withTable } from '../../src/docs/formats.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db.drop())

describe('docs/formats.md', () => {
  it('lists the formats of the database and no other; npm run docs writes it anew', async () => {
    const page = await readFile(FORMATS_PAGE, 'utf8')
    const table = await formatTable(await db.connect())
    expect(table.split('\n')).toHaveLength(2 + (await db.query('select from lethe.formats')).length)
    expect(withTable(page, table)).toBe(page)
  })

  it('explains every finding of lethe.format_findings', async () => {
    const page = await readFile(FORMATS_PAGE, 'utf8')
    const source = await readFile('sql/lethe/format_findings.sql', 'utf8')
    const words = new Set(source.match(/(?<=')format_[a-z_]+(?=')/g))
    expect(words.size).toBe(9)
    for (const word of words) expect(page).toContain(`\`${word}\``)
  })

  it('is where docs/policy.md points', async () => {
    expect(await readFile('docs/policy.md', 'utf8')).toContain('(formats.md)')
  })
})
