import pg from 'pg'
import { sql } from 'slonik'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPool } from '../../src/db/client.ts'
import { toLetheError } from '../../src/db/errors.ts'
import type { LetheError } from '../../src/errors.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

const SECRET = 'ada@example.org'
const SETUP = `
  create schema shop;
  create table shop.customers (id int primary key, email text unique not null, age int check (age > 0));
  insert into shop.customers values (1, '${SECRET}', 40);
  create function shop.complain() returns void language plpgsql as $$
  begin
    raise exception 'bad value ${SECRET}' using detail = 'row of ${SECRET}', hint = 'ask ${SECRET}';
  end $$;
  create function shop.refuse() returns void language plpgsql as $$
  begin
    raise exception 'table "shop.x" is not known' using errcode = 'LE102', detail = 'at /tables/shop.x', hint = 'see lethe.managed_tables';
  end $$;`

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase({ template: 'empty' })
  await db.query(SETUP)
})
afterAll(() => db.drop())

/** The same statement through both drivers: they wrap errors differently. */
async function errorsOf(text: string, url = db.url): Promise<LetheError[]> {
  const client = new pg.Client(url)
  await client.connect()
  const pool = await openPool(url)
  try {
    const thrown = await Promise.allSettled([
      client.query(text),
      pool.query({ ...sql.unsafe`select`, sql: text }),
    ])
    return thrown.map((result) => toLetheError(result.status === 'rejected' ? result.reason : undefined, url))
  } finally {
    await client.end()
    await pool.end()
  }
}

describe('an error of the database', () => {
  it.each([
    [
      `insert into shop.customers values (2, '${SECRET}', 1)`,
      '23505',
      /table shop\.customers, constraint customers_email_key/,
    ],
    [`insert into shop.customers values (2, 'x', -1)`, '23514', /constraint customers_age_check/],
    [`insert into shop.customers values (1, null, 1)`, '23502', /table shop\.customers/],
    [`select '${SECRET}'::int`, '22P02', /refused/],
    [`select shop.complain()`, 'P0001', /SQLSTATE P0001/],
    [`select email::int from shop.customers`, '22P02', /refused/],
  ])('never shows a value of a row: %s', async (text, code, sentence) => {
    for (const error of await errorsOf(text)) {
      expect(error).toMatchObject({ code })
      expect(error.message).toMatch(sentence)
      expect(`${error.message} ${error.hint} ${error.detail}`).not.toContain(SECRET)
      expect(error.message).not.toContain('\n')
    }
  })

  it('of Lethe itself is passed on whole', async () => {
    for (const error of await errorsOf('select shop.refuse()')) {
      expect(error).toMatchObject({
        code: 'LE102',
        message: 'table "shop.x" is not known',
        hint: 'see lethe.managed_tables',
        detail: 'at /tables/shop.x',
      })
    }
  })

  it('about a missing right becomes LE502 and names the object', async () => {
    const login = await db.asRole()
    for (const error of await errorsOf('select * from shop.customers', login.url)) {
      expect(error).toMatchObject({
        code: 'LE502',
        message: 'this login may not do that: permission denied for schema shop',
      })
    }
  })

  it('about Lethe’s own objects says that Lethe is not installed (LE608)', async () => {
    for (const text of ['select * from lethe.cycles', 'select lethe.plan()']) {
      for (const error of await errorsOf(text))
        expect(error).toMatchObject({ code: 'LE608', hint: 'run lethe init' })
    }
  })

  it('about a read-only transaction becomes LE602', async () => {
    const [error] = await errorsOf('begin read only; delete from shop.customers')
    expect(error).toMatchObject({ code: 'LE602' })
  })

  it.each([
    [
      (url: URL) => {
        url.pathname = '/nowhere'
      },
      'there is no such database',
    ],
    [
      (url: URL) => {
        url.username = 'nobody_at_all'
        url.password = 'hush'
      },
      'it refused the login',
    ],
    [
      (url: URL) => {
        url.port = '9'
      },
      'cannot reach the database',
    ],
  ])('about the connection becomes LE603 (%#)', async (change, sentence) => {
    const url = new URL(db.url)
    change(url)
    for (const connect of [
      () => new pg.Client(url.href).connect(),
      async () => (await openPool(url.href)).query(sql.unsafe`select 1`),
    ]) {
      const error = toLetheError(
        await connect().then(
          () => undefined,
          (thrown) => thrown,
        ),
        url.href,
      )
      expect(error).toMatchObject({ code: 'LE603', message: expect.stringContaining(sentence) })
      expect(error.message).not.toContain('hush')
    }
  })
})
