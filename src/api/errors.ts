/**
 * What of an error reaches whoever asked: Lethe's own sentences, and what GraphQL says about the request itself.
 * Everything else is masked: a message of PostgreSQL can quote a row.
 */
import { randomUUID } from 'node:crypto'
import { isSafeError } from 'postgraphile/grafast'
import { GraphQLError } from 'postgraphile/graphql'
import type { Log } from '../cli/log.ts'

/** The parts of a PostgreSQL error that are looked at. */
interface Thrown {
  code?: unknown
  message?: string
  hint?: string
}

/** What PostgreSQL answers when statement_timeout has passed. */
const TIMED_OUT = '57014'

/** @returns the function that grafserv puts every error of an answer through. */
export function makeMaskError(logger: Log, timeoutSeconds: number): (error: GraphQLError) => GraphQLError {
  return (error) => {
    const thrown = error.originalError as (Thrown & Error) | undefined
    if (!thrown || thrown instanceof GraphQLError) return error
    const shown = (message: string, extensions: Record<string, unknown>): GraphQLError =>
      new GraphQLError(message, { nodes: error.nodes, path: error.path, extensions })
    if (isSafeError(thrown)) return shown(thrown.message, { ...thrown.extensions })
    const code = typeof thrown.code === 'string' ? thrown.code : 'unexpected'
    if (/^LE\d{3}$/.test(code)) return shown(thrown.message, { code, hint: thrown.hint })
    if (code === TIMED_OUT) {
      return shown(`the request took longer than ${timeoutSeconds} seconds`, {
        code: 'LE704',
        hint: 'ask for fewer rows, or filter by an indexed field',
      })
    }
    const id = randomUUID()
    logger.error('a request failed', { id, sqlstate: code })
    return shown('something went wrong; the server has logged it', { code: 'unexpected', id })
  }
}
