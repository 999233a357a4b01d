/** The queries of docs/api.md, run as they stand. `LETHE_UPDATE_GOLDEN=1` writes their answers anew. */
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiServer, startServer } from '../../src/api/server.ts'
import { ask, issueToken, readableLog } from '../helpers/api.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

const page = new URL('../../docs/api.md', import.meta.url)
const EXAMPLE = /```graphql\n# (\w+)\n([\s\S]*?)```\n\n```json\n([\s\S]*?)```/g

const text = await readFile(page, 'utf8')
const examples = [...text.matchAll(EXAMPLE)].map(([, role, query, answer]) => ({
  role: role!,
  query: query!,
  answer: answer!,
}))

let db: TestDatabase
let server: ApiServer
beforeAll(async () => {
  db = await createDatabase({ template: 'audience' })
  // All in one month, so that there is a group to show, whatever the day.
  await db.query(`update audience.subscriptions set starts_on = least(starts_on, date '2020-01-15')`)
  const databaseUrl = (await db.asRole('lethe_api')).url
  server = await startServer({ databaseUrl, port: 0, logger: readableLog().logger })
})
afterAll(async () => {
  await server.stop()
  await db.drop()
})

/** Ages are counted from the day of the run, so figures move; what they are called does not. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shape)
  if (value instanceof Object)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]))
  return value === null ? null : typeof value
}

describe('docs/api.md', () => {
  it('has three queries', () =>
    expect(examples.map(({ role }) => role)).toEqual(['auditor', 'officer', 'analyst']))

  it.each(examples)('the query of the $role gives what it says', async ({ role, query, answer }) => {
    const { data, errors } = await ask(server.url, await issueToken(db, role, 'north'), query)
    expect(errors).toEqual([])
    if (process.env.LETHE_UPDATE_GOLDEN) {
      const written = await readFile(page, 'utf8')
      await writeFile(
        page,
        written.replace(
          `${query}\`\`\`\n\n\`\`\`json\n${answer}`,
          () => `${query}\`\`\`\n\n\`\`\`json\n${JSON.stringify({ data }, null, 2)}\n`,
        ),
      )
      return
    }
    const said = JSON.parse(answer)
    if (role === 'analyst') expect(shape({ data })).toEqual(shape(said))
    else expect({ data }).toEqual(said)
  })
})
