/**
 * Takes a policy file to the database and back. The database decides; this reads the file, says where in
 * it a refusal belongs, and, only when told to, grants Lethe what the policy needs on the host's tables.
 */
import { readFile } from 'node:fs/promises'
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { toLetheError } from '../db/errors.ts'
import { LetheError } from '../errors.ts'
import { type PolicyFile, parsePolicy } from './read.ts'
import { toYaml } from './write.ts'

const changeRow = z.object({ change: z.string(), object: z.string() })
const missingRow = z.object({ object: z.string(), need: z.string(), remedy: z.string() })
const policyRow = z.object({ policy: z.record(z.string(), z.unknown()) })

/** One thing the policy changed: `added` `rule …`. */
export type PolicyChange = z.infer<typeof changeRow>

/** A right that the policy needs and Lethe lacks, and the statement that grants it. */
export type MissingRight = z.infer<typeof missingRow>

/** What {@link applyPolicy} is told. */
export interface ApplyOptions {
  /** Kept with every change. */
  reason?: string
  /** Run the statements that grant what is missing, as the user who is connected. */
  grant?: boolean
}

/** What {@link applyPolicy} did. */
export interface ApplyResult {
  changes: PolicyChange[]
  /** Statements that were run. */
  granted: string[]
  /** Rights that are missing still. */
  missing: MissingRight[]
}

/** Reads a policy file. LE605 when there is none. */
export async function readPolicy(filename: string): Promise<PolicyFile> {
  let text: string
  try {
    text = await readFile(filename, 'utf8')
  } catch (cause) {
    throw new LetheError(`cannot read ${filename}: ${(cause as NodeJS.ErrnoException).code ?? 'unknown'}`, {
      code: 'LE605',
      hint: 'name a policy file; lethe policy export writes one',
      cause,
    })
  }
  return parsePolicy(text, filename)
}

/**
 * Makes the policy in force what the file says, at once and without a rehearsal: all of it or, at any refusal,
 * nothing. The operator's direct door; `lethe policy apply` goes through a draft ({@link file://./drafts.ts}).
 *
 * @throws LetheError with file, line and column in front where the refusal has a place in the file
 */
export async function applyPolicy(
  pool: DatabasePool,
  file: PolicyFile,
  options: ApplyOptions = {},
): Promise<ApplyResult> {
  const { reason = null, grant = false } = options
  const granted: string[] = []
  const apply = () =>
    pool.any(sql.type(changeRow)`
      select change, object
      from lethe.apply_policy(${JSON.stringify(file.policy)}::jsonb, ${reason})`)

  let changes: readonly PolicyChange[]
  try {
    changes = await withGrants(pool, grant, granted, apply)
  } catch (thrown) {
    throw file.explain(toLetheError(thrown))
  }

  const missing = await missingRights(pool)
  if (!grant) return { changes: [...changes], granted, missing }
  await grantAll(pool, missing, granted)
  return { changes: [...changes], granted, missing: await missingRights(pool) }
}

/** Does some work and, where it lacks a grant that `grant` allows us to give, gives it and does it again. */
export async function withGrants<T>(
  pool: DatabasePool,
  grant: boolean,
  granted: string[],
  work: () => Promise<T>,
): Promise<T> {
  return work().catch(async (thrown) => {
    // A predicate over a host's own type cannot even be read without USAGE on that type's schema.
    const remedies = grant ? grantsOf(toLetheError(thrown)) : []
    if (remedies.length === 0) throw thrown
    for (const remedy of remedies) granted.push(await run(pool, remedy))
    return work()
  })
}

/** Runs the remedies, as the user who is connected, and notes them in `granted`. */
export async function grantAll(
  pool: DatabasePool,
  missing: { remedy: string }[],
  granted: string[],
): Promise<void> {
  for (const { remedy } of missing) granted.push(await run(pool, remedy))
}

/** What the policy in force needs and Lethe lacks. */
export async function missingRights(pool: DatabasePool): Promise<MissingRight[]> {
  return [...(await pool.any(sql.type(missingRow)`select object, need, remedy from lethe.missing_rights()`))]
}

/** The policy in force, as YAML. */
export async function exportPolicy(
  pool: DatabasePool,
): Promise<{ policy: Record<string, unknown>; yaml: string }> {
  const { policy } = await pool.one(sql.type(policyRow)`select lethe.export_policy() as policy`)
  return { policy, yaml: toYaml(policy) }
}

/** The statements of a hint, when it is nothing but grants to a role of Lethe. */
function grantsOf({ code, hint = '' }: LetheError): string[] {
  const statements = hint.split('; ')
  return code === 'LE303' &&
    statements.every((statement) => /^grant usage on schema .+ to lethe_owner$/.test(statement))
    ? statements
    : []
}

async function run(pool: DatabasePool, remedy: string): Promise<string> {
  try {
    // A whole statement, written by lethe.missing_rights(): there is nothing to bind, and no literal to write.
    await pool.query(sql.unsafe(Object.assign([remedy], { raw: Object.freeze([remedy]) })))
  } catch (thrown) {
    const { message, hint } = toLetheError(thrown)
    throw new LetheError(`could not run ${JSON.stringify(remedy)}: ${message}`, {
      code: 'LE501',
      hint: hint ?? 'run it as the owner of the object, then apply again',
      cause: thrown,
    })
  }
  return remedy
}
