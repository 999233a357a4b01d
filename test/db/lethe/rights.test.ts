/** Access, portability, rectification and objection (GDPR Art. 15, 16, 20, 21) over one circle of people. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../../helpers/database.ts'
import { addCycleRunner, grantMissing, runCycle } from '../../helpers/engine.ts'
import { APP, approved, HOST, makeCircle } from '../../helpers/rights.ts'

interface Column {
  name: string
  category: string
  purposes: string[]
  legal_basis: string
  source: string
  rules: string[]
}
interface Table {
  table: string
  kind: string
  place: string
  key: string[]
  rules: string[]
  columns: Column[]
  rows: {
    values: Record<string, unknown>
    until: { row: string | null; columns: Record<string, string> }
  }[]
}
interface Data {
  controller: Record<string, unknown>
  subject: string
  kind: string
  generated_at: string
  tables: Table[]
  recipients: { name: string; since: string }[]
  rights: string[]
  source: string
}

let db: TestDatabase
let agent: Login
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(
    `select lethe.set_controller('north', 'America/St_Johns', 'n'), lethe.set_controller('south', 'Pacific/Apia', 's')`,
  )
  agent = await db.asRole('lethe_agent')
  await db.query(`select lethe.add_member($1, 'north')`, [new URL(agent.url).username])
})
afterAll(() => db.drop())
beforeEach(() => makeCircle(db))

async function read(id: number, portable = false, login: Login = agent): Promise<Data> {
  const [row] = await login.query<{ data: Data }>('select lethe.personal_data($1, $2) as data', [
    id,
    portable,
  ])
  return row!.data
}
const table = (data: Data, name: string, place = 'live'): Table =>
  data.tables.find((one) => one.table === name && one.place === place)!
const values = (data: Data, name: string, place?: string): Record<string, unknown>[] =>
  table(data, name, place).rows.map((row) => row.values)
const events = async (id: number): Promise<unknown[]> =>
  (
    await db.query('select event, reason from lethe.request_events where request_id = $1 order by id', [id])
  ).map((row) => `${row.event}: ${row.reason}`)

describe('access', () => {
  it('shows each table that has something of the person, and nothing of anybody else', async () => {
    const data = await read(await approved(db, 'access', '2'))
    expect(data).toMatchObject({
      subject: 'person',
      kind: 'access',
      controller: { name: 'north', time_zone: 'America/St_Johns' },
    })
    expect(data.tables.map((one) => `${one.kind} ${one.table} ${one.rows.length}`)).toEqual([
      'root c.People 1',
      'own c.lines 2',
      'own c.orders 2',
      'share c.messages 2',
    ])
    expect(JSON.stringify(data)).not.toMatch(/p[13-9]@example|Nick[13-9]/)
    expect(values(data, 'c.orders').map((row) => row.id)).toEqual([1, 10])
  })

  it('shows a reference to another person as ***, in rows of one’s own, too', async () => {
    const data = await read(await approved(db, 'access', '2'))
    expect(values(data, 'c.People')[0]).toMatchObject({ id: 2, email: 'p2@example.org', invited_by: '***' })
    expect(values(data, 'c.messages')).toEqual([
      expect.objectContaining({ sender: '***', receiver: 2, body: 'from 1 to 2' }),
      expect.objectContaining({ sender: 2, receiver: '***', body: 'from 2 to 3' }),
    ])
    expect(values(await read(await approved(db, 'access', '1')), 'c.People')[0]).toMatchObject({
      invited_by: null,
    })
  })

  it('shows of what only mentions a person that it does, and when', async () => {
    const data = await read(await approved(db, 'access', '1'))
    expect(table(data, 'c.notes').kind).toBe('mention')
    expect(values(data, 'c.notes')).toEqual([
      { id: 1, owner: '***', person_id: 1, author: '***', body: '***', at: '2024-05-05' },
    ])
  })

  it('loses no digit, no byte and no zone', async () => {
    const client = await agent.connect()
    await client.query(`set timezone = 'Asia/Tokyo'; set bytea_output = escape; set datestyle = 'SQL, DMY'`)
    const id = await approved(db, 'access', '2')
    const { rows } = await client.query('select lethe.personal_data($1) as data', [id])
    const data = rows[0]!.data as Data
    expect(values(data, 'c.People')[0]).toMatchObject({
      worth: '12345678901234567890.1234',
      big: '9007199254740993',
      photo: 'AP8=',
      born: '1990-02-28',
      seen: '2024-07-01T12:00:00+00:00',
      shout: 'NICK2',
    })
    expect(values(data, 'c.messages').map((row) => row.id)).toEqual(['AQ==', 'Ag=='])
    expect(data.generated_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  })

  it('says purposes, basis and until when, from the policy as it is now; and what is not recorded', async () => {
    await db.query(`select lethe.set_rule('c.People', 'purge', 'P10Y', since => '{seen}')`)
    const data = await read(await approved(db, 'access', '2'))
    const [person] = table(data, 'c.People').rows
    // The first day on which it is due: its last day, and one more.
    expect(person!.until).toEqual({ row: '2034-07-02', columns: { email: '2027-07-02' } })
    const column = (name: string): Column => table(data, 'c.People').columns.find((one) => one.name === name)!
    expect(column('email')).toEqual({
      name: 'email',
      category: 'contact',
      purposes: ['newsletter'],
      legal_basis: 'consent',
      source: 'not recorded',
      rules: [expect.stringContaining('email of c.People is anonymized')],
    })
    expect(column('photo')).toMatchObject({
      category: 'not recorded',
      purposes: [],
      legal_basis: 'not recorded',
      rules: [],
    })
    expect(table(data, 'c.People').rules[0]).toContain('a row of c.People is purged')
    // Rows that leave with another have no day of their own, and say with which.
    expect(table(data, 'c.People').rules.at(-1)).toBe(
      'a row of c.People stays as long as a row of c.messages, c.notes, c.orders or c.People refers to it.',
    )
    expect(table(data, 'c.lines').rules).toEqual([
      'a row of c.lines leaves together with its row of c.orders.',
    ])
    expect(data.source).toBe('not recorded')
    await db.query(`select lethe.drop_rule('c.People', 'purge')`)
    expect((await read(await approved(db, 'access', '2'))).tables[0]!.rows[0]!.until.row).toBeNull()
  })

  it('names the recipients of the controller, those that were removed, too, and not another’s', async () => {
    await db.query(`
      delete from lethe.recipients;
      insert into lethe.recipients (controller_id, name, url, added_at, removed_at)
      select id, 'mailer ' || name, 'https://example.org', timestamptz '2024-02-03 12:00Z', null::timestamptz from lethe.controllers where name in ('north', 'south')
      union all select id, 'gone', 'https://example.org', timestamptz '2024-02-03 12:00Z', '2025-02-03 12:00Z' from lethe.controllers where name = 'north'
      union all select id, 'mailer north', 'https://example.org', timestamptz '2023-02-03 12:00Z', '2024-02-03 12:00Z' from lethe.controllers where name = 'north'`)
    expect((await read(await approved(db, 'access', '2'))).recipients).toEqual([
      { name: 'gone', since: '2024-02-03', until: '2025-02-03' },
      { name: 'mailer north', since: '2023-02-03', until: null },
    ])
  })

  it.each(['access', 'erasure'])(
    'reaches rows whose columns are called as the engine calls rows (%s)',
    async (kind) => {
      await db.query(`
      alter table c.lines add column f float8 default 'NaN', add column c text default 'x', add column p int default 7,
        add column m text, add column r text, add column k text default '{}', add column x date default 'infinity'`)
      const id = await approved(db, kind, '2')
      if (kind === 'access')
        expect(values(await read(id), 'c.lines').map(({ f, c, p, x }) => ({ f, c, p, x }))).toEqual(
          Array(2).fill({ f: 'NaN', c: 'x', p: 7, x: 'infinity' }),
        )
      else
        expect(
          await db.query(
            `select count(*) from lethe.requests as q cross join lateral unnest(lethe_private.plan_rows(q, false)) as r
           where q.id = $1 and r.table_id = (select id from lethe.managed_tables where table_name = 'lines') and r.facts ? 'id'`,
            [id],
          ),
        ).toEqual([{ count: 2 }])
    },
  )

  it('shows what is in the archive, rows and values', async () => {
    await db.query(`
      select lethe.set_rule('c.orders', 'purge', 'P90Y', since => '{at}'), lethe.set_rule('c.orders', 'archive', 'P6M', since => '{at}');
      select lethe.set_rule('c.People', 'purge', 'P50Y', 'Nick', since => '{seen}'), lethe.set_rule('c.People', 'archive', 'P1M', 'Nick', since => '{seen}', method => 'suppress')`)
    await grantMissing(db)
    const client = await db.connect()
    await client.query('begin')
    expect(await runCycle(client, 'north')).toBe('complete')
    const id = await approved(client, 'access', '2')
    const { rows } = await client.query('select lethe.personal_data($1) as data', [id])
    const data = rows[0]!.data as Data
    await client.query('rollback')
    expect(values(data, 'c.People')[0]).toMatchObject({ Nick: null })
    expect(values(data, 'c.People', 'archived values')).toEqual([{ id: 2, Nick: 'Nick2' }])
    expect(values(data, 'c.orders', 'archive').map((row) => [row.id, row.person_id, row.address])).toEqual(
      expect.arrayContaining([[1, 2, 'Road 1']]),
    )
    expect(values(data, 'c.lines', 'archive').map((row) => row.label)).toContain('label 1')
  })

  it('is given for an approved request alone, and to who acts for its controller', async () => {
    const id = await approved(db, 'access', '2')
    await db.query(`update lethe.requests set state = 'received' where id = $1`, [id])
    expect(await refusal(read(id))).toMatchObject({ code: 'LE463' })
    await db.query(`update lethe.requests set state = 'approved' where id = $1`, [id])
    await read(id)
    expect(await events(id)).toEqual(['data read: everything'])
    expect(await refusal(read(await approved(db, 'erasure', '2')))).toMatchObject({ code: 'LE463' })
    const theirs = await approved(db, 'access', '8', 'south')
    expect(await refusal(read(theirs))).toMatchObject({ code: 'LE114' })
    await read(theirs, false, db)
    expect(await refusal(read(id, false, await db.asRole('lethe_auditor')))).toMatchObject({ code: '42501' })
    await db.query('delete from lethe_private.request_roots where request_id = $1', [id])
    expect(await refusal(read(id))).toMatchObject({ code: 'LE460' })
  })

  it('needs a right on every column, and says so', async () => {
    await db.query(`
      revoke select on c."People" from lethe_sweeper;
      grant select (id, owner, email, "Nick", worth, big, shout, born, seen, invited_by) on c."People" to lethe_sweeper`)
    const id = await approved(db, 'access', '2')
    const error = await refusal(read(id))
    expect(error).toMatchObject({ code: 'LE501', hint: 'grant select on c."People" to lethe_sweeper' })
    await db.query(error.hint!)
    await read(id)
  })

  it('asks for both roots of a person with two accounts', async () => {
    const id = await approved(db, 'access', '4')
    await db.query(
      `insert into lethe_private.request_roots select request_id, 2, table_id, '5' from lethe_private.request_roots where request_id = $1`,
      [id],
    )
    const data = await read(id)
    expect(values(data, 'c.People').map((row) => row.id)).toEqual([4, 5])
    expect(values(data, 'c.messages')).toEqual([expect.objectContaining({ sender: 4, receiver: 5 })])
  })

  it('is not ended before it was answered', async () => {
    const id = await approved(db, 'access', '2')
    expect(await refusal(db.query('select lethe.execute_request($1)', [id]))).toMatchObject({
      code: 'LE463',
      hint: expect.stringContaining(`lethe request package ${id};`),
    })
    await agent.query(`select lethe.note_told($1, 'printed and sent')`, [id])
    expect(await db.query('select lethe.execute_request($1) as state', [id])).toEqual([
      { state: 'completed' },
    ])
  })
})

describe('portability', () => {
  it('gives what the person provided on consent or for a contract, with the keys that put it together', async () => {
    const data = await read(await approved(db, 'portability', '2'), true)
    expect(data.tables.map((one) => `${one.kind} ${one.table}`)).toEqual([
      'root c.People',
      'own c.orders',
      'share c.messages',
    ])
    // Nick rests on legitimate interest, seen is technical, the rest is not classified.
    expect(Object.keys(values(data, 'c.People')[0]!).sort()).toEqual(['born', 'email', 'id'])
    expect(Object.keys(values(data, 'c.orders')[0]!).sort()).toEqual(['address', 'at', 'id', 'person_id'])
    expect(table(data, 'c.People').columns.find((one) => one.name === 'born')!.legal_basis).toBe(
      'not recorded',
    )
  })
})

describe('rectification', () => {
  const rectify = (
    id: number,
    name: string,
    key: string,
    changes: unknown,
    login: Login = agent,
  ): Promise<unknown> =>
    login.query('select lethe.rectify($1, $2, $3, $4)', [id, name, key, JSON.stringify(changes)])

  it.each([
    [
      'the person',
      'c.People',
      '2',
      { Nick: 'Deux', worth: '0.5', born: null },
      `select "Nick", worth::text, born from c."People" where id = 2`,
      { Nick: 'Deux', worth: '0.5000', born: null },
    ],
    [
      'a row of its own, by a composite key, in a partition',
      'c.orders',
      '[1, "2018-05-01"]',
      { address: 'Street 1' },
      `select address from c.orders where id = 1`,
      { address: 'Street 1' },
    ],
    [
      'a row that it shares',
      'c.messages',
      '\\x02',
      { body: 'corrected' },
      `select body from c.messages where id = '\\x02'`,
      { body: 'corrected' },
    ],
  ])('corrects %s', async (_what, name, key, changes, question, expected) => {
    const id = await approved(db, 'rectification', '2')
    await db.query('grant update on all tables in schema c to lethe_sweeper')
    await rectify(id, name, key, changes)
    expect(await db.query(question)).toEqual([expected])
    expect(await events(id)).toEqual([`rectified: ${name}: ${Object.keys(changes).sort().join(', ')}`])
    expect(await db.query('select lethe.execute_request($1) as state', [id])).toEqual([
      { state: 'completed' },
    ])
  })

  it.each([
    ['somebody else’s row', 'c.People', '3', { Nick: 'x' }, 'LE465'],
    ['a row that only mentions the person', 'c.notes', '1', { body: 'x' }, 'LE465'],
    ['a key', 'c.People', '1', { id: 5 }, 'LE465'],
    ['a reference', 'c.People', '1', { invited_by: 5 }, 'LE465'],
    ['whose row it is', 'c.People', '1', { owner: 's' }, 'LE465'],
    ['a generated column', 'c.People', '1', { shout: 'x' }, 'LE465'],
    ['no column', 'c.People', '1', {}, 'LE465'],
    ['a column that is not there', 'c.People', '1', { nick: 'x' }, 'LE103'],
    ['a value too long', 'c.People', '1', { Nick: 'much too long' }, 'LE466'],
    ['a value of another type', 'c.People', '1', { born: 'yesterday or so' }, 'LE466'],
    ['a value that is taken', 'c.People', '1', { email: 'p2@example.org' }, 'LE466'],
  ])('refuses %s, and quotes no value', async (_what, name, key, changes, code) => {
    const id = await approved(db, 'rectification', '1')
    const before = await db.query('select * from c."People" order by id')
    const error = await refusal(rectify(id, name, key, changes))
    expect(error.code).toBe(code)
    expect(`${error.message} ${error.hint} ${error.detail}`).not.toMatch(/much too long|yesterday|p2@example/)
    expect(await db.query('select * from c."People" order by id')).toEqual(before)
    expect(await events(id)).toEqual([])
    await rectify(id, 'c.People', '1', { Nick: 'Un' })
  })

  it('asks for the right on the columns by name', async () => {
    const id = await approved(db, 'rectification', '1')
    const error = await refusal(rectify(id, 'c.People', '1', { worth: 1, born: null }))
    expect(error).toMatchObject({ code: 'LE501', message: 'lethe_sweeper may not correct c.People' })
    await db.query(error.hint!.replace(/, for as long as it takes$/, ''))
    await rectify(id, 'c.People', '1', { worth: 1, born: null })
  })

  it('is refused by name where a trigger writes elsewhere, or takes it back', async () => {
    const id = await approved(db, 'rectification', '1')
    await db.query(`
      create table c.history (was text);
      create function c.keep() returns trigger language plpgsql security definer as $$ begin insert into c.history values (old."Nick"); return null; end $$;
      create trigger keep after update on c."People" for each row execute function c.keep()`)
    expect(await refusal(rectify(id, 'c.People', '1', { Nick: 'x' }))).toMatchObject({
      code: 'LE466',
      message: 'the correction of c.People would also write to c.history',
    })
    expect(await db.query('select count(*) from c.history')).toEqual([{ count: 0 }])
    await db.query(`
      drop trigger keep on c."People";
      create function c.undo() returns trigger language plpgsql as $$ begin new."Nick" := old."Nick"; return new; end $$;
      create trigger undo before update on c."People" for each row execute function c.undo()`)
    expect(await refusal(rectify(id, 'c.People', '1', { Nick: 'x' }))).toMatchObject({
      code: 'LE466',
      message: 'the row of c.People did not keep the correction',
    })
    await db.query(`drop trigger undo on c."People"`)
    await rectify(id, 'c.People', '1', { Nick: 'x' })
  })

  it('waits for a legal hold to be released, and not for a restriction', async () => {
    const id = await approved(db, 'rectification', '1')
    const [hold] = await db.query<{ id: number }>(
      `select lethe.hold_person('case', 'person', key => '1', controller => 'north') as id`,
    )
    expect(await refusal(rectify(id, 'c.People', '1', { Nick: 'x' }))).toMatchObject({ code: 'LE465' })
    await db.query(`select lethe.release_hold($1, 'closed')`, [hold!.id])
    await db.query('select lethe.execute_request($1)', [await approved(db, 'restriction', '1')])
    await rectify(id, 'c.People', '1', { Nick: 'x' })
  })

  it('is one request’s, of one controller, and is not ended before something was corrected', async () => {
    const id = await approved(db, 'rectification', '1')
    expect(await refusal(db.query('select lethe.execute_request($1)', [id]))).toMatchObject({ code: 'LE465' })
    expect(
      await refusal(rectify(await approved(db, 'access', '1'), 'c.People', '1', { Nick: 'x' })),
    ).toMatchObject({ code: 'LE465' })
    expect(
      await refusal(
        rectify(await approved(db, 'rectification', '8', 'south'), 'c.People', '8', { Nick: 'x' }),
      ),
    ).toMatchObject({ code: 'LE114' })
    expect(
      await refusal(rectify(id, 'c.People', '1', { Nick: 'x' }, await db.asRole('lethe_worker'))),
    ).toMatchObject({ code: '42501' })
  })
})

describe('objection', () => {
  const object = async (key: string, controller = 'north'): Promise<unknown[]> => {
    const id = await approved(db, 'objection', key, controller)
    await db.query('select lethe.execute_request($1)', [id])
    return (await events(id)).slice(0, 1)
  }

  it('ends what rests on legitimate interest alone, of the person’s own rows', async () => {
    expect(await object('2')).toEqual(['purposes ended: c.People: Nick ended (1); c.lines: label ended (2)'])
    expect(await db.query(`select "Nick", email from c."People" where id in (2, 3) order by id`)).toEqual([
      { Nick: null, email: 'p2@example.org' },
      { Nick: 'Nick3', email: 'p3@example.org' },
    ])
    // The address rests on a contract as well.
    expect(
      await db.query(
        `select o.address, l.label from c.orders as o join c.lines as l on l.order_id = o.id where person_id = 2 order by o.id`,
      ),
    ).toEqual([
      { address: 'Road 1', label: null },
      { address: 'Road 10', label: null },
    ])
    expect(await db.query(`select count(*) from c.lines where label is null`)).toEqual([{ count: 2 }])
  })

  it('anonymizes by the method of the rule', async () => {
    await db.query(
      `select lethe.set_rule('c.People', 'anonymize', 'P20Y', 'Nick', since => '{seen}', method => 'partial', parameters => '{"keep_start": 1, "keep_end": 0}')`,
    )
    await grantMissing(db)
    await object('2')
    const [row] = await db.query<{ Nick: string }>(`select "Nick" from c."People" where id = 2`)
    expect(row!.Nick).toMatch(/^N[^i]*$/)
  })

  it('leaves what a law keeps, with its day, and what is held', async () => {
    await db.query(`
      select lethe.set_rule('c.People', 'anonymize', 'P1Y', 'Nick', since => '{seen}', method => 'suppress');
      select lethe.set_minimum('c.People', 'P50Y', '{seen}', 'Code de commerce L123-22', "column" => 'Nick');
      select lethe.hold_person('case', 'person', key => '1', controller => 'north')`)
    await grantMissing(db)
    expect(await object('2')).toEqual([
      'purposes ended: c.People: Nick kept by law until 2074-07-02 (1); c.lines: label ended (2)',
    ])
    expect(await object('1')).toEqual([
      'purposes ended: c.People: Nick kept by a hold or a law, until no known day (1); c.lines: label kept by a hold or a law, until no known day (2)',
    ])
    expect(await db.query(`select "Nick" from c."People" where id in (1, 2) order by id`)).toEqual([
      { Nick: 'Nick1' },
      { Nick: 'Nick2' },
    ])
    expect(await db.query('select count(*) from c.lines where label is null')).toEqual([{ count: 2 }])
  })

  it('empties what was archived of it', async () => {
    await db.query(
      `select lethe.set_rule('c.People', 'purge', 'P50Y', 'Nick', since => '{seen}'), lethe.set_rule('c.People', 'archive', 'P1M', 'Nick', since => '{seen}', method => 'suppress')`,
    )
    await grantMissing(db)
    const client = await db.connect()
    await client.query('begin')
    expect(await runCycle(client, 'north')).toBe('complete')
    const id = await approved(client, 'objection', '2')
    await client.query('select lethe.execute_request($1)', [id])
    const { rows } = await client.query(
      `select m.name from lethe_private.mirrors as m join lethe.managed_tables as t on t.id = m.table_id where t.table_name = 'People' and kind = 'values' order by m.id desc limit 1`,
    )
    const kept = await client.query(
      `select id from lethe_archive.${(rows[0] as { name: string }).name} where "Nick" is not null order by id`,
    )
    await client.query('rollback')
    expect(kept.rows.map((row) => row.id)).toEqual([1, 3, 4, 5, 6])
  })
})

describe('a package', () => {
  const store = (id: number, days: number, login: Login = agent, bytes = 32): Promise<unknown> =>
    login.query(
      `select lethe.store_package($1, $2, '\\x00', 'application/gzip', now() + make_interval(days => $3))`,
      [id, Buffer.alloc(bytes, id), days],
    )

  it('is fetched by the hash of its token until it expires, and purged then', async () => {
    const id = await approved(db, 'access', '2')
    await store(id, 7)
    const fetched = `select request, media_type from lethe.fetch_package($1)`
    expect(await agent.query(fetched, [Buffer.alloc(32, id)])).toEqual([
      { request: id, media_type: 'application/gzip' },
    ])
    await db.query(`update lethe_private.packages set expires_at = now() where request_id = $1`, [id])
    expect(await refusal(agent.query(fetched, [Buffer.alloc(32, id)]))).toMatchObject({ code: 'LE464' })
    await db.query('select lethe_private.purge_packages()')
    expect(await db.query('select count(*) from lethe_private.packages')).toEqual([{ count: 0 }])
    expect(await db.query('select lethe.execute_request($1) as state', [id])).toEqual([
      { state: 'completed' },
    ])
  })

  it('is refused for another kind, a bad hash or a link without end', async () => {
    const id = await approved(db, 'access', '2')
    expect(await refusal(store(await approved(db, 'erasure', '2'), 7))).toMatchObject({ code: 'LE463' })
    expect(await refusal(store(id, 91))).toMatchObject({ code: 'LE463' })
    expect(await refusal(store(id, -1))).toMatchObject({ code: 'LE463' })
    expect(await refusal(store(id, 7, agent, 31))).toMatchObject({ code: 'LE463' })
    expect(await refusal(store(await approved(db, 'access', '8', 'south'), 7))).toMatchObject({
      code: 'LE114',
    })
    await store(id, 7)
    expect(await refusal(db.query(`set role ${APP}; select * from lethe_private.packages`))).toMatchObject({
      code: '42501',
    })
    expect(await refusal(db.query(`set role ${HOST}; select * from lethe_private.packages`))).toMatchObject({
      code: '42501',
    })
  })
})
