/**
 * What `lethe check` reports: the findings of `lethe.check()`, and, where a policy file is given, where it
 * differs from the policy in force. The database finds; this asks, bounds the time, and says where in the file
 * a finding belongs.
 */
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import type { PolicyFile } from '../policy/read.ts'
import { findDrift } from './drift.ts'
import { placeOf } from './place.ts'

const severity = z.enum(['error', 'warning', 'note'])

const findingRow = z.object({
  code: z.string(),
  severity,
  object: z.string(),
  sentence: z.string(),
  remedy: z.string(),
})

/** One thing found: an `error` fails the check, a `warning` wants a look, a `note` names a limit. */
export type Finding = z.infer<typeof findingRow> & {
  /** Where in the policy file it belongs, from 1; only where a file was given. */
  line?: number
  column?: number
}

/** The code of what could not be looked at. */
export const NOT_LOOKED_AT = 'not-looked-at'

/** What {@link findAll} is told. */
export interface CheckOptions {
  /** Also say where this file and the policy in force differ. */
  file?: PolicyFile
  /** Count in the data as well. */
  readData: boolean
}

/**
 * Everything there is to find, errors first.
 *
 * @throws LetheError LE502 (no right to look), LE608 (not installed), LE622 (no policy)
 */
export async function findAll(pool: DatabasePool, { file, readData }: CheckOptions): Promise<Finding[]> {
  const found = await pool.transaction(async (transaction) => {
    // What the time does not suffice for is reported as not looked at.
    await transaction.query(sql.type(z.object({}))`set local statement_timeout = '5min'`)
    return transaction.any(
      sql.type(findingRow)`select code, severity, object, sentence, remedy from lethe.check(${readData})`,
    )
  })
  if (!file) return [...found]
  const drift = await findDrift(pool, file)
  return [...drift, ...found].sort(bySeverity).map((finding) => {
    return { ...finding, ...placeOf(finding, file) }
  })
}

function bySeverity(a: Finding, b: Finding): number {
  return severity.options.indexOf(a.severity) - severity.options.indexOf(b.severity)
}
