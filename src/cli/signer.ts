/** What signs documents that are handed out: the key that LETHE_SIGNING_KEY names. */
import type { KeyObject } from 'node:crypto'
import { openSigningKey } from '../evidence/keys.ts'

/**
 * Made at its first use, which is said on stderr; undefined where none is named.
 *
 * @throws LetheError LE804.
 */
export async function signerOfEnvironment(): Promise<KeyObject | undefined> {
  const path = process.env.LETHE_SIGNING_KEY
  if (!path) return undefined
  const { key, isNew } = await openSigningKey(path)
  if (isNew) process.stderr.write(`made the signing key ${path}; hand out its public part, ${path}.pub\n`)
  return key
}
