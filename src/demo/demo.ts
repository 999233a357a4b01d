/**
 * The demo as a whole: schema `audience`, its readers, what the API shows of them, and the policy that is in
 * force over them.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import { openClient, openPool } from '../db/client.ts'
import { toLetheError } from '../db/errors.ts'
import { LetheError } from '../errors.ts'
import { type ApplyResult, applyPolicy, readPolicy } from '../policy/apply.ts'
import { type SeedOptions, type SeedResult, seed } from './seed.ts'

/** The demo's policy file. */
export const POLICY_FILE = fileURLToPath(new URL('../../sql/audience/policy.yaml', import.meta.url))

/** What the API shows of the demo: to officers the readers, to analysts figures. In this order. */
const API_FILES = ['api.sql', 'statistics.sql'].map(
  (name) => new URL(`../../sql/audience/${name}`, import.meta.url),
)

/** What {@link seedDemo} did. */
export interface DemoResult {
  rows: SeedResult
  policy: ApplyResult
}

/**
 * Seeds the demo and puts its policy in force, with the grants it needs: whoever makes the schema owns it.
 *
 * @throws LetheError LE608 when Lethe is not installed, LE606 when there is a policy or a schema audience
 */
export async function seedDemo(options: SeedOptions): Promise<DemoResult> {
  const { databaseUrl } = options
  try {
    await assertRoom(databaseUrl)
    const rows = await seed(options)
    try {
      await makeApi(databaseUrl)
      return { rows, policy: await applyDemoPolicy(databaseUrl) }
    } catch (thrown) {
      // All or nothing: what was made a moment ago goes again, so that the command can be repeated.
      await withClient(databaseUrl, (client) =>
        client.query('drop schema if exists audience, audience_api cascade'),
      )
      throw thrown
    }
  } catch (thrown) {
    throw toLetheError(thrown, databaseUrl)
  }
}

/** All or nothing: one text of many statements is one transaction. */
async function makeApi(databaseUrl: string): Promise<void> {
  const texts = await Promise.all(API_FILES.map((file) => readFile(file, 'utf8')))
  await withClient(databaseUrl, (client) => client.query(texts.join('\n')))
}

async function applyDemoPolicy(databaseUrl: string): Promise<ApplyResult> {
  const pool = await openPool(databaseUrl)
  try {
    return await applyPolicy(pool, await readPolicy(POLICY_FILE), { reason: 'the demo', grant: true })
  } finally {
    await pool.end()
  }
}

/** The demo's policy replaces the one in force, so there must be none. */
async function assertRoom(databaseUrl: string): Promise<void> {
  const managed = await withClient(databaseUrl, async (client) => {
    return (await client.query('select from lethe.managed_tables limit 1')).rowCount
  })
  if (managed === 0) return
  throw new LetheError('the database already has a policy, which the demo would replace', {
    code: 'LE606',
    hint: 'seed the demo into a database of its own',
  })
}

async function withClient<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await openClient(databaseUrl)
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
