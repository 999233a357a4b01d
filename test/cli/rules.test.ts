import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wrap } from '../../src/cli/commands/rules.ts'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { makeLibrary, SECRET } from '../tasks/library.ts'

describe('lethe rules', () => {
  let db: TestDatabase
  let databaseUrl: string

  beforeAll(async () => {
    db = await createDatabase()
    await makeLibrary(db)
    await db.query(
      `select lethe.set_minimum('library.readers', 'P10Y', '{seen_at}', 'a law', "column" => 'email', controller => 'south')`,
    )
    databaseUrl = db.url
  })
  afterAll(() => db.drop())

  it('tells a person in sentences, by controller and table', async () => {
    const { code, stdout, stderr } = await lethe(['rules', 'library.readers'], { databaseUrl })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const [north, south] = stdout.split('\n\n')
    expect(north).toContain(
      'north · library.readers\n  email of library.readers is anonymized (pseudonym_email) three years after seen_at.\n',
    )
    expect(south!.replace(/\s+/g, ' ')).toContain(
      'email of library.readers is anonymized (pseudonym_email) three years after seen_at; never before ten years after seen_at (a law).',
    )
  })

  it('gives a program the parts as well', async () => {
    const { rows } = await lethe(['rules', 'library.readers', '--controller', 'south', '--json'], {
      databaseUrl,
    })
    expect(rows()).toContainEqual(
      expect.objectContaining({
        controller: 'south',
        table: 'library.readers',
        column: 'email',
        action: 'anonymize',
        minima: [expect.objectContaining({ basis: 'a law', after: 'P10Y', lengthens: 'always' })],
      }),
    )
  })

  it('explains one row, naming days and nobody', async () => {
    const people = await lethe(['rules', 'library.readers', '--key', '3', '--as-of', '2026-01-01'], {
      databaseUrl,
    })
    expect(people.code, people.stderr).toBe(0)
    expect(people.stdout).toMatch(
      /^south · library\.readers · live\n {2}anonymize email: .* ended on \d{4}-\d\d-\d\d/,
    )
    expect(people.stdout).not.toContain(SECRET)
    const programs = await lethe(['rules', 'library.readers', '--key', '3', '--json'], { databaseUrl })
    expect(programs.rows()[0]).toMatchObject({ rule: 'email: anonymize', decides: 'a law', due: false })
  })

  it('refuses a row that is not there (LE318), a table that is not managed (LE102), and a key without a table (LE607)', async () => {
    for (const [args, code] of [
      [['library.readers', '--key', '1000000'], 'LE318'],
      [['library.nothing'], 'LE102'],
      [['--key', '1'], 'LE607'],
      [['library.readers', '--as-of', '2026-01-01'], 'LE607'],
      [['library.readers', '--key', '1', '--as-of', 'tomorrow'], 'LE607'],
    ] as const) {
      const outcome = await lethe(['rules', ...args], { databaseUrl })
      expect(outcome).toMatchObject({ code: 2, stdout: '' })
      expect(outcome.stderr).toContain(`[${code}]`)
    }
  })

  it('wraps a sentence at the width of the terminal, and loses no word', () => {
    const sentence = 'a row of x is purged three years after y, whichever of those that apply ends last.'
    const lines = wrap(sentence, 30).split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(30)
    expect(lines.map((line) => line.trim()).join(' ')).toBe(sentence)
    expect(lines.slice(1).every((line) => line.startsWith('    '))).toBe(true)
  })
})
