/** One server over one database: who is let in, what is refused, what an error says, and how it ends. */
import pg from 'pg'
import { getIntrospectionQuery } from 'postgraphile/graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ANSWER_ROWS_MAX, DEPTH_MAX, PAGE_ROWS_MAX, SELECTIONS_MAX } from '../../src/api/limits.ts'
import { type ApiServer, startServer } from '../../src/api/server.ts'
import { ask, issueToken, readableLog } from '../helpers/api.ts'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'

const SECRET = 'private-person.example'

let db: TestDatabase
let databaseUrl: string
let server: ApiServer
let token: string
const log = readableLog()

beforeAll(async () => {
  db = await createDatabase({ template: 'audience' })
  // What a host's own views may do.
  await db.query(`
    create function audience_api.trap(code text) returns text language plpgsql as $$
    begin
      raise exception using errcode = code, message = 'said of ${SECRET}', detail = '${SECRET}', hint = 'do this';
    end $$;
    create view audience_api.le_errors as select audience_api.trap('LE101') as text;
    create view audience_api.other_errors as select audience_api.trap('P0001') as text;
    create view audience_api.slow_rows as select 'done' as text, pg_sleep(2)::text as slept;
    create view audience_api.very_slow_rows as select 'done' as text, pg_sleep(60)::text as slept;
    create view audience_api.facts as select current_user::text as role, session_user::text as login,
      current_setting('transaction_read_only') as read_only, current_setting('statement_timeout') as timeout;
    grant select on all tables in schema audience_api to lethe_officer;
    grant execute on function audience_api.trap(text) to lethe_officer`)
  databaseUrl = (await db.asRole('lethe_api')).url
  token = await issueToken(db, 'officer', 'north')
  server = await startServer({ databaseUrl, port: 0, logger: log.logger, timeoutSeconds: 3 })
})
afterAll(async () => {
  await server.stop()
  await db.drop()
})

const query = (text: string, variables?: object) => ask(server.url, token, text, variables)

describe('tokens', () => {
  const controllers = '{ controllers { nodes { name } } }'
  const unauthorised = {
    status: 401,
    data: undefined,
    errors: [
      expect.objectContaining({
        message: 'a valid token is needed',
        extensions: expect.objectContaining({ code: 'LE703' }),
      }),
    ],
  }

  it('without one, or with one that nobody issued, the answer is 401 and the same', async () => {
    for (const wrong of [
      undefined,
      'lethe_',
      'nonsense',
      `lethe_${'0'.repeat(64)}`,
      `${token}0`,
      token.toUpperCase(),
      token.slice(0, -1),
    ])
      expect(await ask(server.url, wrong, controllers), wrong).toMatchObject(unauthorised)
    expect((await ask(server.url, undefined, controllers)).headers.get('www-authenticate')).toBe('Bearer')
    expect((await query(controllers)).data.controllers.nodes).toEqual([{ name: 'north' }])
  })

  it('an expired or revoked one is refused at once', async () => {
    const expired = await issueToken(db, 'officer', 'north')
    const revoked = await issueToken(db, 'officer', 'north')
    for (const good of [expired, revoked]) expect((await ask(server.url, good, controllers)).status).toBe(200)
    await db.query(`
      update lethe_private.api_tokens set issued_at = now() - interval '2 days', expires_at = now() - interval '1 second'
      where id = (select max(id) - 1 from lethe_private.api_tokens)`)
    await db.installer.query('select lethe.revoke_token((select max(id) from lethe.api_tokens))')
    for (const bad of [expired, revoked])
      expect(await ask(server.url, bad, controllers)).toMatchObject(unauthorised)
  })

  it('are noted as used, to the minute, and never as used by another', async () => {
    const fresh = await issueToken(db, 'auditor', 'north')
    const used = () =>
      db.query<{ used: string | null }>(
        'select last_used_at::text as used from lethe_private.api_tokens order by id desc limit 1',
      )
    expect((await used())[0]!.used).toBeNull()
    await ask(server.url, fresh, controllers)
    const [first] = await used()
    expect(first!.used).not.toBeNull()
    await ask(server.url, fresh, controllers)
    expect(await used()).toEqual([first])
  })
})

describe('a request', () => {
  it('runs as the role of its token, reads only, and for a limited time', async () => {
    const { data } = await query('{ facts { nodes { role login readOnly timeout } } }')
    expect(data.facts.nodes).toEqual([
      { role: 'lethe_officer', login: new URL(databaseUrl).username, readOnly: 'on', timeout: '3s' },
    ])
  })

  it('cannot write: there is no mutation, and the transaction would refuse it', async () => {
    const { errors } = await query('mutation { createContact(input: {}) { clientMutationId } }')
    expect(errors[0]).toMatchObject({ message: 'the API has no mutation', extensions: { code: 'LE704' } })
    const { data } = await query('{ __schema { mutationType { name } subscriptionType { name } } }')
    expect(data.__schema).toEqual({ mutationType: null, subscriptionType: null })
    const client = new pg.Client(databaseUrl)
    await client.connect()
    await client.query(
      `begin; select set_config('role', 'lethe_officer', true), set_config('transaction_read_only', 'on', true)`,
    )
    expect((await refusal(client.query(`set transaction read write; select`))).code).toBe('25001')
    await client.end()
  })

  it('describes its schema', async () => {
    const { data, errors } = await query(getIntrospectionQuery())
    expect(errors).toEqual([])
    expect(data.__schema.queryType.name).toBe('Query')
  })

  it('is taken by POST alone, as JSON, up to a size', async () => {
    const get = await fetch(
      `${server.url}/graphql?query=${encodeURIComponent('{ controllers { totalCount } }')}`,
      {
        headers: { authorization: `Bearer ${token}` },
      },
    )
    expect(get.status).toBe(405)
    expect(get.headers.get('allow')).toBe('POST')
    const post = (headers: Record<string, string>, body: string) =>
      fetch(`${server.url}/graphql`, {
        method: 'POST',
        body,
        headers: { authorization: `Bearer ${token}`, ...headers },
      })
    expect(
      (await post({ 'content-type': 'application/x-www-form-urlencoded' }, 'query={__typename}')).status,
    ).toBe(415)
    expect((await post({ 'content-type': 'application/json' }, '{')).status).toBe(400)
    const large = JSON.stringify({ query: `{ __typename } #${'x'.repeat(100_001)}` })
    expect((await post({ 'content-type': 'application/json' }, large)).status).toBe(413)
    for (const path of ['/', '/graphql/', '/ruru-static/x', '/other'])
      expect((await fetch(`${server.url}${path}`)).status, path).toBe(404)
  })
})

describe('limits', () => {
  const code = async (text: string, variables?: object) =>
    (await query(text, variables)).errors[0]?.extensions?.code

  it(`a list gives 50 rows unless told, ${PAGE_ROWS_MAX} at the most, and never all of them`, async () => {
    expect((await query('{ contacts { nodes { id } } }')).data.contacts.nodes).toHaveLength(50)
    expect((await query('{ contacts(first: 100) { nodes { id } } }')).data.contacts.nodes).toHaveLength(100)
    expect(await code('{ contacts(first: 101) { nodes { id } } }')).toBe('LE704')
    expect(await code('{ contacts(first: -1) { nodes { id } } }')).toBe('LE704')
    expect(await code('query ($n: Int!) { contacts(first: $n) { nodes { id } } }', { n: 1000 })).toBe('LE704')
    expect(
      (await query('query ($n: Int) { contacts(first: $n) { nodes { id } } }')).data.contacts.nodes,
    ).toHaveLength(50)
    for (const text of ['{ contacts(first: null) { totalCount } }', '{ contacts(last: 5) { totalCount } }'])
      expect((await query(text)).data, text).toBeUndefined()
    expect(
      (await query('query ($n: Int) { contacts(first: $n) { nodes { id } } }', { n: null })).errors,
    ).not.toEqual([])
  })

  it(`an answer has ${ANSWER_ROWS_MAX} rows at the most, however the lists are nested or named`, async () => {
    const nested = (first: number) =>
      `{ contacts(first: 100) { nodes { invoices(first: ${first}) { nodes { id } } } } }`
    expect(await code(nested(99))).toBeUndefined()
    expect(await code(nested(100))).toBe('LE704')
    const aliases = (n: number) =>
      `{ ${Array.from({ length: n }, (_, i) => `a${i}: contacts(first: 100) { nodes { id } }`).join(' ')} }`
    expect(await code(aliases(100))).toBeUndefined()
    expect(await code(aliases(101))).toBe('LE704')
    expect(
      await code(
        'fragment f on Contact { invoices(first: 100) { nodes { id } } } { contacts(first: 100) { nodes { ...f } } }',
      ),
    ).toBe('LE704')
    expect(
      await code(
        '{ contacts(first: 100) { edges { node { ... on Contact { invoices(first: 100) { nodes { id } } } } } } }',
      ),
    ).toBe('LE704')
  })

  it(`fields nest ${DEPTH_MAX} deep at the most, and are ${SELECTIONS_MAX} at the most`, async () => {
    const deep = (levels: number): string => (levels === 1 ? '{ id }' : `{ referrer ${deep(levels - 1)} }`)
    expect(await code(`{ contact(id: "1") ${deep(DEPTH_MAX - 1)} }`)).toBeUndefined()
    expect(await code(`{ contact(id: "1") ${deep(DEPTH_MAX)} }`)).toBe('LE704')
    const wide = (n: number) => `{ ${Array.from({ length: n }, (_, i) => `a${i}: __typename`).join(' ')} }`
    expect(await code(wide(SELECTIONS_MAX))).toBeUndefined()
    expect(await code(wide(SELECTIONS_MAX + 1))).toBe('LE704')
    const schemas = (n: number) =>
      `{ ${Array.from({ length: n }, (_, i) => `a${i}: __schema { queryType { name } }`).join(' ')} }`
    expect(await code(schemas(11))).toBe('LE704')
    // Twice each, forty fragments long: 2^40 fields, found out before it is walked.
    const bomb = Array.from(
      { length: 40 },
      (_, i) =>
        `fragment f${i} on Query { ${i < 39 ? `...f${i + 1} ... { ...f${i + 1} }` : 'a: __typename'} }`,
    )
    expect(await code(`{ ...f0 } ${bomb.join(' ')}`)).toBe('LE704')
  })

  it('a statement that takes too long ends with a sentence', async () => {
    const { errors } = await query('{ verySlowRows { nodes { text slept } } }')
    expect(errors[0]).toMatchObject({
      message: 'the request took longer than 3 seconds',
      extensions: { code: 'LE704' },
    })
  })
})

describe('errors', () => {
  it('of Lethe come with their code, sentence and hint', async () => {
    const { errors, status } = await query('{ leErrors { nodes { text } } }')
    expect(status).toBe(200)
    expect(errors[0]).toMatchObject({
      message: `said of ${SECRET}`,
      extensions: { code: 'LE101', hint: 'do this' },
    })
  })

  it('of anything else say nothing, and the log has the SQLSTATE under the same id', async () => {
    log.lines.length = 0
    const { errors } = await query('{ otherErrors { nodes { text } } }')
    expect(errors[0]!.message).toBe('something went wrong; the server has logged it')
    expect(JSON.stringify(errors)).not.toContain(SECRET)
    const logged = log.lines.find((line) => line.includes(errors[0]!.extensions!.id!))
    expect(JSON.parse(logged!)).toMatchObject({ level: 'error', sqlstate: 'P0001' })
    expect(log.lines.join('\n')).not.toContain(SECRET)
  })
})

describe('health', () => {
  const get = async (path: string) => {
    const response = await fetch(`${server.url}${path}`)
    return [response.status, (await response.text()).trim()]
  }

  it('is up, and ready while the migrations are current', async () => {
    expect(await get('/healthz')).toEqual([200, 'ok'])
    expect(await get('/readyz')).toEqual([200, 'ok'])
    await db.query(`update lethe_private.migrations set filename = 'x' || filename`)
    expect(await get('/readyz')).toEqual([503, 'the database lacks migrations: lethe init'])
    expect(await get('/healthz')).toEqual([200, 'ok'])
    await db.query('update lethe_private.migrations set filename = substr(filename, 2)')
  })

  it('is not ready while the database takes nobody in, answers 503, and recovers by itself', async () => {
    const login = new URL(databaseUrl).username
    await db.query(
      `alter role ${login} nologin; select pg_terminate_backend(pid) from pg_stat_activity where usename = '${login}'`,
    )
    try {
      await expect.poll(() => get('/readyz')).toEqual([503, 'the database does not answer'])
      const { status, errors } = await query('{ controllers { totalCount } }')
      expect([status, errors[0]!.message]).toEqual([503, 'the database does not answer'])
    } finally {
      await db.query(`alter role ${login} login`)
    }
    await expect.poll(() => get('/readyz')).toEqual([200, 'ok'])
    expect((await query('{ controllers { totalCount } }')).data).toEqual({ controllers: { totalCount: 1 } })
  })
})

describe('starting and stopping', () => {
  const start = (url: string, port = 0) =>
    startServer({ databaseUrl: url, port, logger: readableLog().logger })

  it('answers the requests at hand, takes no new ones, and leaves no connection', async () => {
    const own = await db.asRole('lethe_api')
    const second = await start(own.url)
    const slow = ask(second.url, token, '{ slowRows { nodes { text slept } } }')
    const login = new URL(own.url).username
    const asleep = () =>
      db.query(`select from pg_stat_activity where wait_event = 'PgSleep' and usename = $1`, [login])
    await expect.poll(asleep, { timeout: 20_000, interval: 20 }).toHaveLength(1)
    const stopped = second.stop()
    await expect(ask(second.url, token, '{ controllers { totalCount } }')).rejects.toThrow('fetch failed')
    expect((await slow).data.slowRows.nodes[0].text).toBe('done')
    await stopped
    // A backend takes a moment to leave after its client has.
    await expect
      .poll(() => db.query('select from pg_stat_activity where usename = $1', [login]), { timeout: 20_000 })
      .toEqual([])
  })

  it('refuses a login without lethe_api, a database without Lethe, and a port that is taken', async () => {
    const nobody = await db.asRole('lethe_officer')
    const login = new URL(nobody.url).username
    expect(await refusal(start(nobody.url))).toMatchObject({
      code: 'LE502',
      hint: `grant lethe_api to ${login}`,
    })
    const empty = await createDatabase({ template: 'empty' })
    expect(await refusal(start(empty.url))).toMatchObject({ code: 'LE608' })
    await empty.drop()
    expect(await refusal(start(databaseUrl, Number(new URL(server.url).port)))).toMatchObject({
      code: 'LE705',
    })
    expect(await refusal(start('postgres://nobody@127.0.0.1:1/x'))).toMatchObject({ code: 'LE603' })
  })

  it('says so when its login may do more than it needs', async () => {
    const { lines, logger } = readableLog()
    await (await startServer({ databaseUrl: db.url, port: 0, logger })).stop()
    expect(lines.join()).toMatch(/may do more than the API needs/)
  })

  it('has nothing for analysts where there are no statistics', async () => {
    const bare = await createDatabase()
    await bare.installer.query(`select lethe.set_controller('north', 'Europe/Paris')`)
    const analyst = await issueToken(bare, 'analyst', 'north')
    const third = await start((await bare.asRole('lethe_api')).url)
    const { status, errors } = await ask(third.url, analyst, '{ __typename }')
    expect([status, errors[0]!.message]).toEqual([404, 'there are no statistics in this database'])
    const auditor = await issueToken(bare, 'auditor', 'north')
    expect(
      (await ask(third.url, auditor, '{ controllers { totalCount } }')).data.controllers.totalCount,
    ).toBe(1)
    await third.stop()
    await bare.drop()
  })
})
