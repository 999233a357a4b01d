/**
 * How TypeScript meets the database: one Slonik pool, whose rows are checked by zod and whose types
 * are decided here, once.
 *
 * | PostgreSQL    | TypeScript                                             |
 * |---------------|--------------------------------------------------------|
 * | int8, numeric | number; beyond 2^53 an error rather than a wrong digit |
 * | date          | string, `2026-11-23`                                   |
 * | timestamp     | string as PostgreSQL prints it                         |
 * | timestamptz   | string, ISO 8601 in UTC; `infinity` stays as it is     |
 * | interval      | number of seconds                                      |
 *
 * Notices are dropped: a host's trigger may put people's data into them.
 */
import pg from 'pg'
import {
  createIntervalTypeParser,
  createPool,
  type DatabasePool,
  type Interceptor,
  type QueryResultRow,
  SchemaValidationError,
} from 'slonik'

const exactNumber = (text: string): number => {
  const value = Number(text)
  if (/^-?\d+$/.test(text) && !Number.isSafeInteger(value)) throw new RangeError('an integer beyond 2^53')
  return value
}

const asIs = (text: string): string => text

const utc = (text: string): string => {
  const time = new Date(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'))
  return Number.isNaN(time.getTime()) ? text : time.toISOString()
}

const typeParsers = [
  { name: 'int8', parse: exactNumber },
  { name: 'numeric', parse: exactNumber },
  { name: 'date', parse: asIs },
  { name: 'timestamp', parse: asIs },
  { name: 'timestamptz', parse: utc },
  createIntervalTypeParser(),
]

/** Slonik ignores the type given to `sql.type` unless somebody looks. */
const validateRows: Interceptor = {
  name: 'validate-rows',
  transformRowAsync: async ({ resultParser }, query, row) => {
    if (!resultParser) return row
    const result = await resultParser['~standard'].validate(row)
    if (result.issues) throw new SchemaValidationError(query, row, result.issues)
    return result.value as QueryResultRow
  },
}

/** Options of {@link openPool}. */
export interface PoolOptions {
  /** Connections at the most; default 4. */
  connectionsMax?: number
}

/**
 * Opens a pool. Statements may take as long as they need: a sweep of a large table is no mistake.
 * Nothing is retried behind the caller's back, because a step that is repeated must be decided on.
 */
export async function openPool(
  databaseUrl: string,
  { connectionsMax = 4 }: PoolOptions = {},
): Promise<DatabasePool> {
  const verifies = /[?&]sslmode=verify-(ca|full)/.test(databaseUrl)
  const pool = await createPool(named(databaseUrl), {
    connectionRetryLimit: 0,
    connectionTimeout: 10_000,
    gracefulTerminationTimeout: 2_000,
    idleInTransactionSessionTimeout: 'DISABLE_TIMEOUT',
    interceptors: [validateRows],
    maxPoolSize: connectionsMax,
    queryRetryLimit: 0,
    statementTimeout: 'DISABLE_TIMEOUT',
    transactionRetryLimit: 0,
    typeParsers,
    ...(verifies ? { ssl: { rejectUnauthorized: true } } : {}),
  })
  // A connection that breaks while idle must not end the process; the next query reports it.
  pool.on('error', () => undefined)
  return pool
}

/** A single plain connection, for installing: migrations are many statements in one text. */
export async function openClient(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: named(databaseUrl), connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** The same address, with `application_name=lethe` unless it has one. */
export function named(databaseUrl: string): string {
  if (!URL.canParse(databaseUrl) || /[?&]application_name=/.test(databaseUrl)) return databaseUrl
  return `${databaseUrl}${databaseUrl.includes('?') ? '&' : '?'}application_name=lethe`
}
