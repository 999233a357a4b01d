/** What `lethe doctor` looks at: the rights that `init` needs and those that the sweeper needs. */
import type { Client } from 'pg'
import { openClient } from '../db/client.ts'
import { toLetheError } from '../db/errors.ts'
import { assertServer } from './init.ts'
import { type MissingRight, missingForInit } from './rights.ts'

/** The state of a database. */
export interface Examination {
  installed: boolean
  missing: MissingRight[]
}

/** @throws LetheError LE601 (too old), LE602 (read-only), LE603 (unreachable). */
export async function examine(databaseUrl: string): Promise<Examination> {
  let client: Client | undefined
  try {
    client = await openClient(databaseUrl)
    await assertServer(client)
    const { rows } = await client.query<{ installed: boolean }>(
      `select to_regprocedure('lethe.missing_rights()') is not null as installed`,
    )
    const installed = rows[0]!.installed
    // Whoever only works with an installed Lethe need not be able to install it.
    const missing = installed
      ? (await client.query<MissingRight>('select object, need, remedy from lethe.missing_rights()')).rows
      : await missingForInit(client)
    return {
      installed,
      missing: missing.map(({ remedy, ...right }) => ({ ...right, remedy: remedy.replace(/;\s*$/, '') })),
    }
  } catch (error) {
    throw toLetheError(error, databaseUrl)
  } finally {
    await client?.end()
  }
}
