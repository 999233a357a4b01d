/** After a cycle: its seal is carried outside the database, where `LETHE_ANCHOR` names a file or folder. */
import { toLetheError } from '../db/errors.ts'
import type { Output } from './output.ts'

/** @returns false when it could not be done; the sentence has been said. */
export async function anchorAfterCycle(databaseUrl: string, out: Output): Promise<boolean> {
  const path = process.env.LETHE_ANCHOR
  if (!path) return true
  const { anchorEvidence } = await import('../evidence/anchor.ts')
  try {
    const heads = await anchorEvidence(databaseUrl, path)
    for (const { controller, number, hash } of heads) {
      out.line(`seal ${number} of ${controller} is anchored in ${path}`)
      out.object({ controller, seal: number, hash, anchor: path })
    }
    return true
  } catch (error) {
    const { message, code } = toLetheError(error, databaseUrl)
    process.stderr.write(
      `${out.json ? JSON.stringify({ error: { code, message } }) : `! ${message} [${code}]`}\n`,
    )
    return false
  }
}
