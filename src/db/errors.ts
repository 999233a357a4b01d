/**
 * Turns whatever a database, a driver or a network throws into one sentence, a hint and a code.
 *
 * Danger: PostgreSQL's DETAIL, CONTEXT and some messages quote rows ("Key (email)=(…) already
 * exists"), and a connection string holds a password. Neither may reach a terminal or a log. Only
 * Lethe's own errors are passed on whole: they are written to name objects, never people.
 */
import { LetheError, UNEXPECTED } from '../errors.ts'

/** The parts of a PostgreSQL error that are looked at. */
interface ServerError extends Error {
  code: string
  hint?: string
  detail?: string
  constraint?: string
  schema?: string
  table?: string
}

/** Classes of SQLSTATE whose messages name objects and settings, never values of rows. */
const SAFE_CLASSES = new Set(['0A', '25', '2B', '3D', '3F', '40', '42', '53', '54', '55', '57', '58'])

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
])

/**
 * @param thrown - anything.
 * @param databaseUrl - named in the sentence when the database cannot be reached, without its password.
 */
export function toLetheError(thrown: unknown, databaseUrl?: string): LetheError {
  const chain = causes(thrown)
  const known = chain.find((error) => error instanceof LetheError)
  if (known) return known
  const fromServer = chain.find(isServerError)
  if (fromServer) return translate(fromServer, databaseUrl)
  if (chain.some(isNetworkError)) return unreachable(databaseUrl, thrown)
  if (chain.some((error) => error.constructor.name === 'SchemaValidationError')) {
    return new LetheError('the database answered in a shape this version of Lethe does not know', {
      code: 'LE505',
      hint: 'run lethe init to bring the database to this version',
      cause: thrown,
    })
  }
  // Slonik drops the cause of a malformed value and quotes the value instead.
  if (chain.some((error) => error.constructor.name === 'InvalidInputError')) {
    return new LetheError('the database refused a value of the wrong form', { code: '22P02', cause: thrown })
  }
  return new LetheError(`unexpected: ${chain[0]?.message ?? String(thrown)}`, {
    code: UNEXPECTED,
    cause: thrown,
  })
}

/** Host, port and database of an address: what may be shown of it. */
export function describeDatabase(databaseUrl: string): string {
  if (!URL.canParse(databaseUrl)) return 'the given address'
  const url = new URL(databaseUrl)
  return `${url.hostname || 'localhost'}:${url.port || 5432}${decodeURIComponent(url.pathname)}`
}

function translate(error: ServerError, databaseUrl: string | undefined): LetheError {
  const { code, message } = error
  if (code.startsWith('LE'))
    return new LetheError(message, { code, hint: error.hint, detail: error.detail, cause: error })
  if (code === '42501') {
    return new LetheError(`this login may not do that: ${message}`, {
      code: 'LE502',
      hint: 'it takes a role that may: lethe_officer or lethe_agent to decide, lethe_worker to do a worker’s part; or who owns the table',
      cause: error,
    })
  }
  if (code === '25006') {
    return new LetheError('the database is read-only', {
      code: 'LE602',
      hint: 'connect to the primary; check default_transaction_read_only',
      cause: error,
    })
  }
  if (code === '28P01' || code === '28000') {
    return unreachable(databaseUrl, error, 'it refused the login', 'check user and password')
  }
  if (code === '3D000') return unreachable(databaseUrl, error, 'there is no such database', 'create it first')
  if (code.startsWith('08') || /^57P0[1-5]$/.test(code) || code === '53300') {
    return unreachable(databaseUrl, error)
  }
  if (/^(42P01|42883|3F000)$/.test(code) && /\blethe(_\w+)?\b/.test(message)) {
    return new LetheError('Lethe is not installed in this database, or an older version of it', {
      code: 'LE608',
      hint: 'run lethe init',
      cause: error,
    })
  }
  return new LetheError(`the database refused: ${safely(error)}`, { code, cause: error })
}

function safely(error: ServerError): string {
  if (SAFE_CLASSES.has(error.code.slice(0, 2))) return `${error.message} (SQLSTATE ${error.code})`
  const table = error.table ? ` on table ${error.schema}.${error.table}` : ''
  const constraint = error.constraint ? `, constraint ${error.constraint}` : ''
  return `SQLSTATE ${error.code}${table}${constraint}`
}

function unreachable(
  databaseUrl: string | undefined,
  cause: unknown,
  why?: string,
  hint?: string,
): LetheError {
  const where = databaseUrl ? ` at ${describeDatabase(databaseUrl)}` : ''
  return new LetheError(`cannot reach the database${where}${why ? `: ${why}` : ''}`, {
    code: 'LE603',
    hint: hint ?? 'is it running, and is the address (--database or DATABASE_URL) right?',
    cause,
  })
}

/** The error, its causes and, for an AggregateError, its parts. */
function causes(thrown: unknown, depth = 0): Error[] {
  if (!(thrown instanceof Error) || depth > 8) return []
  const parts = thrown instanceof AggregateError ? thrown.errors : []
  return [thrown, ...[thrown.cause, ...parts].flatMap((inner) => causes(inner, depth + 1))]
}

function isServerError(error: Error): error is ServerError {
  return (
    'code' in error &&
    typeof error.code === 'string' &&
    /^[0-9A-Z]{5}$/.test(error.code) &&
    'severity' in error
  )
}

function isNetworkError(error: Error): boolean {
  const code = 'code' in error ? String(error.code) : ''
  return (
    NETWORK_CODES.has(code) ||
    /connection terminated|timeout expired|connection timeout|backend.*terminated/i.test(error.message) ||
    /^(ConnectionError|BackendTerminated)/.test(error.constructor.name)
  )
}
