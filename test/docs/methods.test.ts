import { readdir, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { METHOD_PAGES, methodPages } from '../../src/docs/methods.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

let db: TestDatabase
let pages: Map<string, string>
beforeAll(async () => {
  db = await createDatabase()
  pages = await methodPages(await db.connect())
})
afterAll(() => db.drop())

describe('docs/methods', () => {
  it('has a page for each method, an index, and nothing else', async () => {
    expect((await readdir(METHOD_PAGES)).sort()).toEqual([...pages.keys()].sort())
  })

  it('says what the database says; npm run docs writes it anew', async () => {
    for (const [name, text] of pages)
      expect(await readFile(`${METHOD_PAGES}/${name}`, 'utf8'), name).toBe(text)
  })

  it('is where docs/policy.md points', async () => {
    expect(await readFile('docs/policy.md', 'utf8')).toContain('(methods/README.md)')
  })
})
