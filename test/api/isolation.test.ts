/**
 * One controller never sees another's: every root field of every role is read whole as north and as south, by a
 * server whose login may do nothing by itself, and by one that is an operator.
 *
 * What belongs to whom is not asked of Lethe: the superuser reads the tables and says so.
 */
import { readFile } from 'node:fs/promises'
import { buildSchema, type GraphQLObjectType, getNamedType, isLeafType } from 'postgraphile/graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiServer, startServer } from '../../src/api/server.ts'
import { ask, issueToken, readableLog } from '../helpers/api.ts'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, runCycle } from '../helpers/engine.ts'

/** Nothing but south's has this in it; see `plant`. */
const SOUTH = 'belongs-to-south'
const NORTH = 'belongs-to-north'

let db: TestDatabase
const servers: Record<string, ApiServer> = {}
const tokens: Record<string, string> = {}

beforeAll(async () => {
  db = await createDatabase({ template: 'audience' })
  await addCycleRunner(db)
  await plant()
  for (const name of ['north', 'south']) {
    expect(await runCycle(db, name)).toBe('complete')
    for (const role of ['officer', 'auditor', 'analyst'])
      tokens[`${role} of ${name}`] = await issueToken(db, role, name)
  }
  tokens['officer of all'] = await issueToken(db, 'officer', null)
  const { logger } = readableLog()
  const logins = { 'a login with lethe_api alone': await db.asRole('lethe_api'), 'an operator': db }
  for (const [name, { url }] of Object.entries(logins))
    servers[name] = await startServer({ databaseUrl: url, port: 0, logger })
})
afterAll(async () => {
  for (const server of Object.values(servers)) await server.stop()
  await db.drop()
})

/** Puts a mark into whatever text of each publisher a person could meet, and makes a table of south's alone. */
async function plant(): Promise<void> {
  await db.query(`
    update audience.publishers set name = case id when 1 then '${NORTH}' else '${SOUTH}' end;
    update audience.titles set name = case publisher_id when 1 then '${NORTH} ' else '${SOUTH} ' end || id;
    update audience.contacts set given_name = case publisher_id when 1 then '${NORTH}' else '${SOUTH}' end, last_activity_at = now();
    update audience.addresses set city = case publisher_id when 1 then '${NORTH}' else '${SOUTH}' end, last_used_at = now();
    -- All in one month, so that statistics have groups to show, whatever the day.
    update audience.subscriptions set starts_on = least(starts_on, date '2020-01-15');
    update audience.subscriptions set gift_message = case publisher_id when 1 then '${NORTH}' else '${SOUTH}' end;
    update audience.invoice_lines set description = case publisher_id when 1 then '${NORTH}' else '${SOUTH}' end;
    update audience.support_notes set body = case publisher_id when 1 then '${NORTH}' else '${SOUTH}' end;
    update audience.newsletter_events set user_agent = case publisher_id when 1 then '${NORTH}' else '${SOUTH}' end;
    update audience.consents set wording = case publisher_id when 1 then '${NORTH}' else '${SOUTH}' end;
    update lethe.controllers set title = 'belongs-to-' || name;
    create schema other;
    create table other."${SOUTH}" (id int primary key, "${SOUTH} column" text, seen_on date);
    select lethe.manage_table('other."${SOUTH}"', controller => 'south');
    select lethe.set_rule('other."${SOUTH}"', 'anonymize', 'P1Y', '${SOUTH} column', since => '{seen_on}', method => 'suppress');
    select lethe.set_rule('audience.contacts', 'anonymize', 'P9Y', 'phone', since => '{last_activity_at}', method => 'suppress',
      purpose => '${SOUTH}', controller => 'south');
    insert into lethe.holds (controller_id, reason) select id, 'belongs-to-' || name from lethe.controllers;
    grant usage on schema other to lethe_sweeper;
    grant select, update on other."${SOUTH}" to lethe_sweeper;
    select lethe.add_member(r.rolname, 'south') from pg_roles as r where r.rolname = 'lethe_test_installer'`)
}

/** Every list at the root with all its plain columns, as one query each. */
async function queries(role: string): Promise<[field: string, query: (after: string | null) => string][]> {
  const text = await readFile(new URL(`../golden/schema.${role}.graphql`, import.meta.url), 'utf8')
  const lists = Object.values(buildSchema(text).getQueryType()!.getFields()).filter((field) =>
    field.args.some(({ name }) => name === 'first'),
  )
  expect(lists.length).toBeGreaterThan(0)
  return lists.map(({ name, type }) => {
    const row = getNamedType((type as GraphQLObjectType).getFields().nodes!.type) as GraphQLObjectType
    const columns = Object.values(row.getFields()).filter((column) => isLeafType(getNamedType(column.type)))
    return [
      name,
      (after) =>
        `{ ${name}(first: 100, after: ${JSON.stringify(after)}) { totalCount pageInfo { hasNextPage endCursor }
           nodes { ${columns.map((column) => column.name).join(' ')} } } }`,
    ]
  })
}

/** All rows of all lists, as text. */
async function everything(server: ApiServer, role: string, token: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const [field, query] of await queries(role)) {
    const rows: string[] = []
    let after: string | null = null
    do {
      const { data, errors } = await ask(server.url, token, query(after))
      expect(errors, field).toEqual([])
      const { nodes, pageInfo, totalCount } = data[field]
      rows.push(...nodes.map((node: object) => JSON.stringify(node)))
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null
      if (!after) expect(rows.length, field).toBe(totalCount)
    } while (after)
    found.set(field, rows)
  }
  return found
}

describe.each(['a login with lethe_api alone', 'an operator'])('served by %s', (login) => {
  it.each([
    ['officer', 'north', SOUTH],
    ['officer', 'south', NORTH],
    ['auditor', 'north', SOUTH],
    ['auditor', 'south', NORTH],
    ['analyst', 'north', SOUTH],
    ['analyst', 'south', NORTH],
  ])('the %s of %s meets nothing that %s', async (role, name, theirs) => {
    const found = await everything(servers[login]!, role, tokens[`${role} of ${name}`]!)
    for (const [field, rows] of found)
      expect(
        rows.filter((row) => row.includes(theirs)),
        field,
      ).toEqual([])
    // That the marks are there to be met:
    const own = name === 'north' ? NORTH : SOUTH
    expect([...found.values()].flat().filter((row) => row.includes(own)).length).toBeGreaterThan(0)

    const [other] = await db.query<{ id: number; publisher: number }>(
      'select id, reference::int as publisher from lethe.controllers where name <> $1',
      [name],
    )
    for (const [field, rows] of found) {
      for (const row of rows) {
        const { controllerId, publisherId } = JSON.parse(row)
        expect(controllerId, field).not.toBe(other!.id)
        expect(publisherId, field).not.toBe(other!.publisher)
      }
    }
  })

  it('an officer sees the readers of their publisher whole, and with a token for all those of both', async () => {
    const tables = ['contacts', 'addresses', 'invoices', 'deliveries', 'newsletter_events', 'consents']
    const query = `{ ${tables.map((table) => `${camel(table)}(first: 0) { totalCount }`).join(' ')} }`
    for (const [token, publishers] of [
      ['officer of north', [1]],
      ['officer of all', [1, 2]],
    ] as const) {
      const { data } = await ask(servers[login]!.url, tokens[token], query)
      for (const table of tables) {
        const [{ n }] = (await db.query<{ n: number }>(
          `select count(*) as n from audience.${table} where publisher_id = any ($1)`,
          [publishers],
        )) as [{ n: number }]
        expect(n).toBeGreaterThan(0)
        expect(data[camel(table)].totalCount, table).toBe(n)
      }
    }
  })

  it('a row of the other controller cannot be had by its key', async () => {
    const [contact] = await db.query<{ id: number }>(
      'select min(id) as id from audience.contacts where publisher_id = 2',
    )
    const [cycle] = await db.query<{ id: number }>(
      `select min(c.id) as id from lethe.cycles as c join lethe.controllers as o on o.id = c.controller_id where o.name = 'south'`,
    )
    const query = `{ contact(id: "${contact!.id}") { id } cycle(id: "${cycle!.id}") { id } controllerByName(name: "south") { id } }`
    const { url } = servers[login]!
    expect((await ask(url, tokens['officer of north'], query)).data).toEqual({
      contact: null,
      cycle: null,
      controllerByName: null,
    })
    expect((await ask(url, tokens['officer of south'], query)).data.contact).toEqual({
      id: String(contact!.id),
    })
  })

  it('nor reached through a relation, or by filtering', async () => {
    const { data, errors } = await ask(
      servers[login]!.url,
      tokens['officer of north'],
      `{ contacts(filter: { publisherId: { in: [1, 2] } }, first: 5) { nodes { publisher { id contacts(filter: { publisherId: { equalTo: 2 } }) { totalCount } } } }
         publishers(filter: { id: { equalTo: 2 } }) { totalCount } }`,
    )
    expect(errors).toEqual([])
    expect(data.publishers.totalCount).toBe(0)
    for (const { publisher } of data.contacts.nodes)
      expect(publisher).toEqual({ id: 1, contacts: { totalCount: 0 } })
  })
})

const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

describe('with SQL access', () => {
  /** What functions give that a caller of a role may run, bound as the server binds a request. */
  async function asRequest(login: TestDatabase, role: string, token: string, sql: string): Promise<object[]> {
    const client = await login.connect()
    try {
      await client.query('begin')
      await client.query(
        `select set_config('role', $1, true), set_config('lethe.request', encode(sha256($2::bytea), 'hex'), true)`,
        [`lethe_${role}`, token],
      )
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }

  it('functions called in a request give what is the controller’s, although the login is a superuser', async () => {
    const token = tokens['officer of north']!
    for (const call of [
      'lethe.plan()',
      `lethe.preview('audience.contacts')`,
      `lethe.already_masked('audience.contacts')`,
    ]) {
      const rows = await asRequest(db, 'officer', token, `select distinct controller from ${call}`)
      expect(rows, call).toEqual([{ controller: 'north' }])
    }
    await expect(
      asRequest(
        db,
        'officer',
        token,
        `select lethe.set_rule('audience.contacts', 'anonymize', 'P1Y', 'phone', since => '{last_activity_at}', method => 'suppress', controller => 'south')`,
      ),
    ).rejects.toMatchObject({ code: 'LE502' })
  })

  it('setting lethe.request gives nothing to a login that may not serve, and narrows what one may do', async () => {
    const officer = await db.asRole('lethe_officer')
    await db.query(`select lethe.add_member($1, 'south')`, [new URL(officer.url).username])
    const names = 'select name from lethe.controllers'
    const hash = `encode(sha256('${tokens['officer of north']}'::bytea), 'hex')`
    const client = await officer.connect()
    expect((await client.query(names)).rows).toEqual([{ name: 'south' }])
    for (const value of [hash, `'1'`, `'none'`]) {
      await client.query(
        `select set_config('lethe.request', ${value}, false), set_config('role', 'lethe_officer', false)`,
      )
      expect((await client.query(names)).rows).toEqual([])
    }
  })

  it('a token binds its own role alone', async () => {
    const server = await db.asRole('lethe_api')
    const client = await server.connect()
    await client.query(
      `set lethe.request = '${await hashOf(tokens['auditor of north']!)}'; set role lethe_officer`,
    )
    expect((await client.query('select from lethe.controllers')).rowCount).toBe(0)
    expect((await refusal(client.query(`select lethe.issue_token('officer', 'north')`))).code).toBe('LE502')
    await client.query('set role lethe_auditor')
    expect((await client.query('select from lethe.controllers')).rowCount).toBe(1)
  })

  it('the server’s login reads nothing until it becomes a role, and becomes no other', async () => {
    const server = await db.asRole('lethe_api')
    for (const table of [
      'lethe.controllers',
      'lethe.api_tokens',
      'audience_api.contacts',
      'lethe_stats.new_readers',
      'lethe_private.api_tokens',
    ])
      expect((await refusal(server.query(`select from ${table}`))).code, table).toBe('42501')
    for (const role of ['lethe_owner', 'lethe_worker', 'lethe_sweeper', 'lethe_agent'])
      expect((await refusal(server.query(`set role ${role}`))).code, role).toBe('42501')
    const client = await server.connect()
    await client.query('set role lethe_officer')
    expect((await client.query('select from lethe.controllers')).rowCount).toBe(0)
    expect((await client.query('select from audience_api.contacts')).rowCount).toBe(0)
    for (const table of ['audience.contacts', 'lethe_private.api_tokens', 'lethe_stats.new_readers'])
      expect((await refusal(client.query(`select from ${table}`))).code, table).toBe('42501')
  })

  async function hashOf(token: string): Promise<string> {
    const [row] = await db.query<{ hash: string }>(`select encode(sha256($1::bytea), 'hex') as hash`, [token])
    return row!.hash
  }
})
