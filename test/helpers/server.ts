/** Which PostgreSQL the tests run on, and what all of them share: see `global-setup.ts`. */

/** Connection strings and names that the global setup hands to every test file. */
export interface TestServer {
  /** Superuser, database `postgres`. */
  adminUrl: string
  /** Major version. */
  version: number
}

/** Database with Lethe installed and nothing else. */
export const TEMPLATE_LETHE = 'lethe_test_template'
/** The same with a small `audience`. */
export const TEMPLATE_AUDIENCE = 'lethe_test_template_audience'
/** A login like a host's: no superuser, CREATEROLE, CREATE on its database. It installs Lethe. */
export const INSTALLER = 'lethe_test_installer'
/** Password of every login that tests make. The server trusts the loopback interface or is the caller's own. */
export const PASSWORD = 'only-for-tests'

/** Folder of an installed PostgreSQL to test on instead of the embedded one. */
export const binDirFromEnvironment = process.env.LETHE_TEST_PG_BIN || undefined

/** `url` with another database, login and password. */
export function redirect(url: string, { database, login }: { database?: string; login?: string }): string {
  const result = new URL(url)
  if (database !== undefined) result.pathname = `/${encodeURIComponent(database)}`
  if (login !== undefined) {
    result.username = login
    result.password = PASSWORD
  }
  return result.href
}

declare module 'vitest' {
  export interface ProvidedContext {
    server: TestServer
  }
}
