/**
 * `lethe discover`: looks at a database and proposes a policy for it. Reads the catalogue and a few rows as the user who
 * is connected, in transactions that cannot write; asks Lethe, where it is installed, whether it would accept the
 * proposal, in one that is rolled back. Changes nothing, and no value that it looks at leaves the database.
 */
import type { Client } from 'pg'
import { z } from 'zod'
import { openClient } from '../db/client.ts'
import { toLetheError } from '../db/errors.ts'
import { LetheError } from '../errors.ts'
import { type Catalogue, readCatalogue } from './catalogue.ts'
import { findCopies } from './copies.ts'
import type { Document } from './proposal.ts'
import { type Proposed, propose, survey } from './propose.ts'
import { findUndeclared } from './references.ts'
import { sampleTable, type TableSample } from './sample.ts'
import { tryOut } from './trial.ts'

export const ROWS_DEFAULT = 1_000

/** What {@link discover} is told. */
export interface DiscoverOptions {
  databaseUrl: string
  /** Only these schemas; default all of the host's. */
  schemas?: string[]
  /** Rows of each table to look at, at the most; 0: names alone. */
  rows?: number
  onProgress?: (what: string, done: number, total: number) => void
}

/** @throws LetheError LE603 (unreachable), LE623 (nothing to look at), LE624 (no proposal that is accepted). */
export async function discover(options: DiscoverOptions): Promise<Proposed> {
  const { databaseUrl, schemas, rows = ROWS_DEFAULT, onProgress = () => undefined } = options
  let client: Client | undefined
  try {
    client = await openClient(databaseUrl)
    onProgress('reading the catalogue', 0, 0)
    const catalogue = await readCatalogue(client, schemas ?? null)
    const policy = await policyInForce(client)
    const samples = new Map<string, TableSample>()
    for (const [n, table] of catalogue.tables.entries()) {
      onProgress('looking at tables', n, catalogue.tables.length)
      samples.set(table.title, await sampleTable(client, table, rows))
    }
    onProgress('looking for references', 0, 0)
    const undeclared = await findUndeclared(client, catalogue, rows > 0)
    const known = survey(catalogue, undeclared, samples)
    if (rows > 0) await findCopies(client, known)
    const proposed = propose(known, policy.existing)
    proposed.proposal.head.push(...headOf(catalogue, rows))
    if (policy.mayTry) {
      const answer = await tryOut(client, proposed.proposal, (done, total) =>
        onProgress('asking Lethe', done, total),
      )
      proposed.proposal.head.push(answer)
    } else {
      proposed.proposal.head.push(`Lethe was not asked whether it accepts this: ${policy.whyNot}.`)
    }
    return proposed
  } catch (thrown) {
    throw toLetheError(thrown, databaseUrl)
  } finally {
    await client?.end()
  }
}

function headOf({ tables, skipped }: Catalogue, rows: number): string[] {
  const looked = rows > 0 ? `and at most ${rows.toLocaleString('en-US')} rows of each` : 'and no rows'
  return [
    `Looked at: ${tables.length} tables, ${looked}. Values were counted by the database; none is kept or shown.`,
    ...skipped,
  ]
}

const policyRow = z.object({ policy: z.record(z.string(), z.unknown()) })

interface InForce {
  existing: Document
  mayTry: boolean
  whyNot: string
}

/** The policy in force, for those who may see it. */
async function policyInForce(client: Client): Promise<InForce> {
  const nothing = { existing: {}, mayTry: false }
  const { rows } = await client.query(`select to_regproc('lethe.export_policy') is not null as installed`)
  if (!z.object({ installed: z.boolean() }).parse(rows[0]).installed)
    return { ...nothing, whyNot: 'it is not installed here yet (lethe init)' }
  try {
    const result = await client.query('select lethe.export_policy() as policy')
    const { policy } = policyRow.parse(result.rows[0])
    const isEmpty = Object.keys((policy.controllers ?? {}) as Document).length === 0
    return { existing: isEmpty ? {} : policy, mayTry: true, whyNot: '' }
  } catch (thrown) {
    const error = toLetheError(thrown)
    if (!(error instanceof LetheError) || error.code !== 'LE502') throw error
    return { ...nothing, whyNot: 'this login may not change the policy, nor see the one in force' }
  }
}
