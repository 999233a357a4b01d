/**
 * Where a policy file and the policy in force differ. Both are compared as `lethe.export_policy` writes them, so
 * that no way of writing the same thing counts: the file is applied, exported, and taken back.
 */
import { type DatabasePool, sql } from 'slonik'
import { z } from 'zod'
import { toLetheError } from '../db/errors.ts'
import type { LetheError } from '../errors.ts'
import type { PolicyFile } from '../policy/read.ts'
import type { Finding } from './findings.ts'

const exported = z.object({ policy: z.record(z.string(), z.unknown()) })
const nothing = z.object({})
const TEXT_CHARS_MAX = 120

/** One place where two documents differ: a JSON pointer, and what stands there on either side. */
export interface Difference {
  pointer: string
  inForce: unknown
  inFile: unknown
}

/** Thrown to have a transaction rolled back that has served its purpose. */
class TakeBack extends Error {}

export async function findDrift(pool: DatabasePool, file: PolicyFile): Promise<Finding[]> {
  const documents: Record<string, unknown>[] = []
  try {
    await pool.transaction(async (transaction) => {
      const look = async (): Promise<void> => {
        const { policy } = await transaction.one(sql.type(exported)`select lethe.export_policy() as policy`)
        documents.push(policy)
      }
      await transaction.query(sql.type(nothing)`set local lock_timeout = '5s'`)
      await look()
      await transaction.query(
        sql.type(
          nothing,
        )`select from lethe.apply_policy(${JSON.stringify(file.policy)}::jsonb, 'lethe check')`,
      )
      await look()
      throw new TakeBack()
    })
  } catch (thrown) {
    if (!(thrown instanceof TakeBack)) return [cannotApply(file.explain(toLetheError(thrown)))]
  }
  return differences(documents[0], documents[1]).map(asFinding)
}

/** What differs, as far up as one side has nothing there. */
export function differences(inForce: unknown, inFile: unknown, pointer = ''): Difference[] {
  if (!isMapping(inForce) || !isMapping(inFile)) {
    return same(inForce, inFile) ? [] : [{ pointer, inForce, inFile }]
  }
  const keys = [...new Set([...Object.keys(inForce), ...Object.keys(inFile)])].sort()
  return keys.flatMap((key) =>
    differences(inForce[key], inFile[key], `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
  )
}

function asFinding({ pointer, inForce, inFile }: Difference): Finding {
  const sentence =
    inFile === undefined
      ? `${pointer} is in force (${shown(inForce)}), and not in the file`
      : inForce === undefined
        ? `${pointer} is in the file (${shown(inFile)}), and not in force`
        : `${pointer} is ${shown(inForce)} in force, and ${shown(inFile)} in the file`
  return {
    code: 'policy-drift',
    severity: 'error',
    object: pointer,
    sentence,
    remedy: 'put the file in force: lethe policy apply; or write down what is: lethe policy export',
  }
}

/** A refusal means that the file says what cannot be in force; lacking a right or a lock, that nobody knows. */
function cannotApply(error: LetheError): Finding {
  const refused = /^LE[123]/.test(error.code)
  return {
    code: refused ? 'policy-drift' : 'not-looked-at',
    severity: 'error',
    object: /^at (\/\S*)/.exec(error.detail ?? '')?.[1] ?? 'policy file',
    sentence: refused
      ? `the policy file cannot be put in force: ${error.message}`
      : `whether the policy file is in force could not be looked at: ${error.message}`,
    remedy: error.hint ?? 'lethe policy apply says more',
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isMapping(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  )
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}…` : text
}
