/**
 * A database on a server of a test file's own, for what would show in other files' databases: a role of
 * Lethe's belongs to the whole server.
 */
import pg from 'pg'
import { init } from '../../src/install/init.ts'
import type { Login } from './database.ts'
import { withMigrationsUnderTest } from './migrations.ts'
import { startOwnServer } from './own-server.ts'

/** As much of a `TestDatabase` as these tests use. */
export interface OwnDatabase extends Login {
  /** A fresh login that is a member of the given roles. */
  asRole(...roles: string[]): Promise<Login>
  drop(): Promise<void>
}

const { INT8, NUMERIC, DATE, TIMESTAMP, TIMESTAMPTZ } = pg.types.builtins
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: unknown) {
    if (oid === INT8 || oid === NUMERIC) return (text: string) => Number(text)
    if (oid === DATE || oid === TIMESTAMP || oid === TIMESTAMPTZ) return (text: string) => text
    return pg.types.getTypeParser(oid, format as 'text')
  },
}

/** Lethe, installed on a server that nobody else uses. Drop it in `afterAll`. */
export async function createOwnDatabase(): Promise<OwnDatabase> {
  const server = await startOwnServer()
  const databaseUrl = await server.makeDatabase('own', { installer: 'lethe_test_installer' })
  await withMigrationsUnderTest((migrationsFolder) => init({ databaseUrl, migrationsFolder }))
  const opened: { end(): Promise<void> }[] = []
  let logins = 0
  const login = (url: string): Login => {
    let pool: pg.Pool | undefined
    return {
      url,
      async query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]> {
        if (!pool) {
          pool = new pg.Pool({ connectionString: url, max: 4, types })
          pool.on('error', () => undefined)
          opened.push(pool)
        }
        const result: pg.QueryResult<Row> | pg.QueryResult<Row>[] = await pool.query<Row>(text, values)
        return (Array.isArray(result) ? result.at(-1)! : result).rows
      },
      async connect() {
        const client = new pg.Client({ connectionString: url, types })
        client.on('error', () => undefined)
        await client.connect()
        opened.push(client)
        return client
      },
    }
  }
  return {
    ...login(server.url('own')),
    async asRole(...roles) {
      const name = `own_${logins++}`
      await server.query(`create role ${name} login`)
      for (const role of roles) await server.query(`grant ${role} to ${name}`)
      return login(server.url('own', name))
    },
    async drop() {
      await Promise.allSettled(opened.map((connection) => connection.end()))
      await server.destroy()
    },
  }
}
