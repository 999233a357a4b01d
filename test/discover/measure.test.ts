/** The figures of docs/discover.md, measured again. Chinook's cannot be here: its data is not ours to keep. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seed } from '../../src/demo/seed.ts'
import { discover } from '../../src/discover/discover.ts'
import type { Findings } from '../../src/discover/propose.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { measure, missed, readTruth, type Truth, toMarkdown } from './measure.ts'

let db: TestDatabase
let truth: Truth
let withRows: Findings
let byName: Findings

beforeAll(async () => {
  db = await createDatabase()
  await seed({ databaseUrl: db.installer.url, contacts: 400 })
  truth = await readTruth('test/discover/truth/audience.yaml')
  withRows = (await discover({ databaseUrl: db.installer.url })).findings
  byName = (await discover({ databaseUrl: db.installer.url, rows: 0 })).findings
})
afterAll(() => db?.drop())

describe('what discover proposes for audience', () => {
  it('overlooks no personal column: each is proposed as one, and none left open', () => {
    const [personal] = measure(withRows, truth)
    expect(personal).toMatchObject({ what: 'columns: personal or not', open: 0 })
    expect(personal!.right).toBe(personal!.truth)
    expect(personal!.truth).toBeGreaterThan(30)
    expect(missed(withRows, truth)).toEqual([])
  })

  it('calls no personal column harmless even by names alone', () => {
    expect(missed(byName, truth)).toEqual([])
  })

  it('does as the documentation says, figure by figure', () => {
    const page = readFileSync('docs/discover.md', 'utf8')
    const rows = page.split('\n').filter((line) => line.startsWith('| audience'))
    expect(rows).toEqual([
      ...toMarkdown('audience', measure(withRows, truth)),
      ...toMarkdown('audience, names alone', measure(byName, truth)),
    ])
  })

  it('would be measured as wrong where it were wrong', () => {
    const wrong = structuredClone(truth)
    wrong.columns['audience.titles']!.name = 'direct identifier'
    wrong.links.contact!['audience.invoices'] = 'mention'
    const [personal, , , links] = measure(withRows, wrong)
    expect(personal!.right).toBe(personal!.truth - 1)
    expect(links!.right).toBe(links!.truth - 1)
    expect(missed(withRows, wrong)).toEqual(['audience.titles.name'])
  })
})
