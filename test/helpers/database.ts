/**
 * A database for one test file, cloned in a fraction of a second from a template that has Lethe
 * installed by a login that is no superuser.
 *
 * ```ts
 * const db = await createDatabase()
 * afterAll(() => db.drop())
 * const rows = await db.query<{ n: number }>('select 1 as n')
 * const officer = await db.asRole('lethe_officer')
 * await expect(refusal(officer.query('select …'))).resolves.toMatchObject({ code: 'LE502' })
 * ```
 *
 * A pool of one's own needs a listener for `error`: its `end()` returns before its connections have left,
 * and `drop()` ends them.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { INSTALLER, PASSWORD, redirect, TEMPLATE_AUDIENCE, TEMPLATE_LETHE } from './server.ts'

/** What a database starts from: Lethe installed, Lethe and a small audience, or nothing at all. */
export type Template = 'lethe' | 'audience' | 'empty'

/** A login and its connections. int8 and numeric arrive as numbers, dates and times as text. */
export interface Login {
  /** Connection string. */
  url: string
  /** Any number of statements without values, or one with. @returns the rows of the last one. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
  /** A connection of one's own, for transactions and settings; ended with the database. */
  connect(): Promise<pg.Client>
}

/** A database of one's own; its own `query` is the superuser's. */
export interface TestDatabase extends Login {
  name: string
  /** No superuser; CREATEROLE, CREATE on this database; member of lethe_owner. */
  installer: Login
  /** A fresh login that is a member of the given roles, of none when none is given. */
  asRole(...roles: string[]): Promise<Login>
  drop(): Promise<void>
}

const TEMPLATES: Record<Template, string> = {
  lethe: TEMPLATE_LETHE,
  audience: TEMPLATE_AUDIENCE,
  empty: 'template1',
}

const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: unknown) {
    const { INT8, NUMERIC, DATE, TIMESTAMP, TIMESTAMPTZ } = pg.types.builtins
    if (oid === INT8 || oid === NUMERIC) return (text: string) => Number(text)
    if (oid === DATE || oid === TIMESTAMP || oid === TIMESTAMPTZ) return (text: string) => text
    return pg.types.getTypeParser(oid, format as 'text')
  },
}

/** Major version of the server under test. */
export function serverVersion(): number {
  return inject('server').version
}

/** Clones a template. Drop it in `afterAll`. */
export async function createDatabase({
  template = 'lethe',
}: {
  template?: Template
} = {}): Promise<TestDatabase> {
  const { adminUrl } = inject('server')
  const name = `lethe_test_${randomBytes(6).toString('hex')}`
  const admin = new pg.Pool({ connectionString: adminUrl, max: 1 })
  admin.on('error', () => undefined)
  await admin.query(`create database ${name} template ${TEMPLATES[template]}`)
  // A clone does not take over the rights on its template.
  await admin.query(`grant create on database ${name} to ${INSTALLER}`)

  const opened: { end(): Promise<void> }[] = []
  const logins: string[] = []
  const login = (url: string): Login => makeLogin(url, opened)
  const superuser = login(redirect(adminUrl, { database: name }))
  return {
    ...superuser,
    name,
    installer: login(redirect(adminUrl, { database: name, login: INSTALLER })),
    async asRole(...roles) {
      const newLogin = `${name}_${logins.length}`
      logins.push(newLogin)
      await admin.query(`create role ${newLogin} login password '${PASSWORD}'`)
      for (const role of roles) await admin.query(`grant ${role} to ${newLogin}`)
      return login(redirect(adminUrl, { database: name, login: newLogin }))
    },
    async drop() {
      await Promise.allSettled(opened.map((connection) => connection.end()))
      await admin.query(`drop database if exists ${name} with (force)`)
      for (const role of logins) await admin.query(`drop role ${role}`)
      await admin.end()
    },
  }
}

function makeLogin(url: string, opened: { end(): Promise<void> }[]): Login {
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

/** What a refused statement said. */
export interface Refusal {
  code: string
  message: string
  hint?: string
  detail?: string
}

/** The error of a promise that must be rejected; a promise that is kept fails the test. */
export async function refusal(promise: Promise<unknown>): Promise<Refusal> {
  try {
    await promise
  } catch (error) {
    return error as Refusal
  }
  throw new Error('expected a refusal, but it was done')
}
