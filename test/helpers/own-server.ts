/**
 * A server of a test file's own, for what a shared one cannot show: roles that do not exist yet,
 * crashes, restarts. Same version as the shared one.
 */
import pg from 'pg'
import { startThrowaway, type Throwaway, type ThrowawayOptions } from '../../src/throwaway.ts'
import { binDirFromEnvironment } from './server.ts'

/** A throwaway server and short ways to its databases. */
export interface OwnServer extends Throwaway {
  /** One or more statements as superuser. @returns the rows of the last one. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, database?: string): Promise<Row[]>
  /** A new database; the login, if named, is made and may create schemas and roles. @returns its connection string. */
  makeDatabase(name: string, options?: { installer?: string }): Promise<string>
}

export async function startOwnServer(options: ThrowawayOptions = {}): Promise<OwnServer> {
  const server = await startThrowaway({ binDir: binDirFromEnvironment, ...options })
  const query: OwnServer['query'] = async <Row extends pg.QueryResultRow>(
    text: string,
    database = 'postgres',
  ) => {
    const client = new pg.Client(server.url(database))
    await client.connect()
    try {
      const result: pg.QueryResult<Row> | pg.QueryResult<Row>[] = await client.query<Row>(text)
      return (Array.isArray(result) ? result.at(-1)! : result).rows
    } finally {
      await client.end()
    }
  }
  return {
    ...server,
    query,
    async makeDatabase(name, { installer } = {}) {
      await query(`create database ${name}`)
      if (!installer) return server.url(name)
      const [known] = await query(`select from pg_roles where rolname = '${installer}'`)
      if (!known) await query(`create role ${installer} login createrole`)
      await query(`grant create on database ${name} to ${installer}`)
      return server.url(name, installer)
    },
  }
}
