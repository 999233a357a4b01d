/** What `lethe doctor` looks at: missing rights, and rows that belong to no controller. */
import type { Client } from 'pg'
import { openClient } from '../db/client.ts'
import { toLetheError } from '../db/errors.ts'
import { assertServer } from './init.ts'
import { type MissingRight, missingForInit } from './rights.ts'

/** The state of a database. */
export interface Examination {
  installed: boolean
  missing: MissingRight[]
  /** Rows that no controller's cycle reaches; asked only where no right is missing. */
  ownerless: { table_name: string; ownerless_rows: number }[]
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
    const ownerless =
      installed && missing.length === 0
        ? (
            await client.query<{ table_name: string; ownerless_rows: number }>(
              'select table_name, ownerless_rows::float8 from lethe.ownerless_rows()',
            )
          ).rows
        : []
    return {
      installed,
      ownerless,
      missing: missing.map(({ remedy, ...right }) => ({ ...right, remedy: remedy.replace(/;\s*$/, '') })),
    }
  } catch (error) {
    throw toLetheError(error, databaseUrl)
  } finally {
    await client?.end()
  }
}
