/** Restriction (GDPR Art. 18): stored and not used. Where a table opted in, hidden from reading and refused to writers. */
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Login, refusal } from '../helpers/database.ts'
import { addCycleRunner, grantMissing, runCycle } from '../helpers/engine.ts'
import { approvedErasure, execute } from '../helpers/executions.ts'
import { createOwnDatabase, type OwnDatabase } from '../helpers/own-database.ts'
import { APP, approved, HOST, makeCircle, runRights } from '../helpers/rights.ts'

// Not the shared server: hiding takes BYPASSRLS for lethe_sweeper, and its role is the whole server's.
let db: OwnDatabase
let agent: Login
beforeAll(async () => {
  db = await createOwnDatabase()
  await addCycleRunner(db)
  await db.query(
    `select lethe.set_controller('north', 'America/St_Johns', 'n'), lethe.set_controller('south', 'Pacific/Apia', 's')`,
  )
  agent = await db.asRole('lethe_agent')
  await db.query(`select lethe.add_member($1, 'north')`, [new URL(agent.url).username])
})
afterAll(() => db.drop())
beforeEach(() => makeCircle(db))

const TABLES = ['c.People', 'c.orders', 'c.lines', 'c.messages']

async function restrict(key: string, controller = 'north'): Promise<number> {
  const id = await approved(db, 'restriction', key, controller)
  await db.query('select lethe.execute_request($1)', [id])
  return id
}

async function optIn(...tables: string[]): Promise<void> {
  for (const table of tables) {
    const [row] = await db.query<{ sql: string }>('select lethe.restriction_sql($1) as sql', [table])
    await db.query(row!.sql)
  }
}

const as = (role: string, statement: string): Promise<Record<string, unknown>[]> =>
  db.query(`begin; set local role ${role}; ${statement}`).finally(() => db.query('rollback'))

/** Runs as a role, in a transaction of its own that is kept. */
async function doAs(role: string, statement: string): Promise<number | null> {
  const client = await db.connect()
  try {
    await client.query(`set role ${role}`)
    return (await client.query(statement)).rowCount
  } finally {
    await client.end()
  }
}

const READ = `
  select array(select id from c."People" order by id) as people,
    array(select distinct id from c.orders order by id) as orders,
    array(select distinct order_id from c.lines order by order_id) as lines,
    array(select get_byte(id, 0) from c.messages order by id) as messages`

async function seen(role: string): Promise<Record<string, number[]>> {
  const client = await db.connect()
  try {
    await client.query(`set role ${role}`)
    const { rows } = await client.query(READ)
    return rows[0] as Record<string, number[]>
  } finally {
    await client.end()
  }
}

/** What a question finds after a cycle of north's, which is undone. */
async function afterCycle(question: string): Promise<unknown[]> {
  const client = await db.connect()
  try {
    await client.query('begin')
    expect(await runCycle(client, 'north')).toBe('complete')
    return (await client.query(question)).rows
  } finally {
    await client.query('rollback')
    await client.end()
  }
}

const without = (from: number[], ...gone: number[]): number[] => from.filter((n) => !gone.includes(n))

describe('a restriction', () => {
  it('is a hold of its own kind, and reaches what a hold on the person reaches', async () => {
    const id = await restrict('1')
    expect(await db.query(`select kind, subject, rows_named from lethe.list_holds()`)).toEqual([
      { kind: 'restriction', subject: 'person', rows_named: 1 },
    ])
    expect(await db.query('select state from lethe.requests where id = $1', [id])).toEqual([
      { state: 'completed' },
    ])
    expect(
      await agent.query('select * from lethe.restricted_rows($1) order by table_name collate "C"', [id]),
    ).toEqual([
      { table_name: 'c.People', live: 1, archived: 0 },
      { table_name: 'c.lines', live: 2, archived: 0 },
      { table_name: 'c.messages', live: 1, archived: 0 },
      { table_name: 'c.orders', live: 2, archived: 0 },
    ])
  })

  it('keeps what is due from the cycle, and lets it go in the first cycle after it is lifted', async () => {
    const due = `select person_id::int from c.orders where owner = 'n' and at < current_date - 400 and person_id < 3`
    const before = await db.query(due)
    expect(before.filter((row) => row.person_id === 1)).not.toEqual([])
    expect(before.filter((row) => row.person_id === 2)).not.toEqual([])
    const id = await restrict('1')
    const [rule] = await db.query<{ held: number }>(
      `select held from lethe.forecast('north') where table_name = 'c.orders' and rule = 'purge'`,
    )
    expect(rule!.held).toBe(2)
    expect(await afterCycle(due)).toEqual(before.filter((row) => row.person_id === 1))
    await agent.query(`select lethe.note_told($1, 'a letter')`, [id])
    await agent.query(`select lethe.lift_restriction($1, 'the data are right')`, [id])
    expect(await afterCycle(due)).toEqual([])
  })

  it('is not released as a legal hold is, nor lifted before the person was told', async () => {
    const id = await restrict('1')
    const [hold] = await db.query<{ id: number }>('select id from lethe.list_holds()')
    expect(await refusal(db.query(`select lethe.release_hold($1, 'closed')`, [hold!.id]))).toMatchObject({
      code: 'LE462',
      hint: expect.stringContaining(`lethe.lift_restriction(${id}, reason)`),
    })
    expect(await refusal(agent.query(`select lethe.lift_restriction($1, 'right')`, [id]))).toMatchObject({
      code: 'LE462',
      message: `the person of request ${id} has not been told that the restriction ends`,
    })
    expect(await refusal(agent.query(`select lethe.note_told($1, ' ')`, [id]))).toMatchObject({
      code: 'LE462',
    })
    await agent.query(`select lethe.note_told($1, 'a letter')`, [id])
    expect(await refusal(agent.query(`select lethe.lift_restriction($1, '')`, [id]))).toMatchObject({
      code: 'LE462',
    })
    await agent.query(`select lethe.lift_restriction($1, 'right')`, [id])
    expect(
      await db.query('select event from lethe.request_events where request_id = $1 order by id', [id]),
    ).toEqual([{ event: 'moved' }, { event: 'told' }, { event: 'restriction lifted' }])
    expect(await refusal(agent.query(`select lethe.lift_restriction($1, 'again')`, [id]))).toMatchObject({
      code: 'LE462',
    })
  })

  it('is another controller’s nowhere to be seen', async () => {
    const id = await restrict('8', 'south')
    expect(await refusal(agent.query('select * from lethe.restricted_rows($1)', [id]))).toMatchObject({
      code: 'LE114',
    })
    expect(await refusal(agent.query(`select lethe.note_told($1, 'x')`, [id]))).toMatchObject({
      code: 'LE114',
    })
    expect(await db.query('select * from lethe.restricted_rows($1)', [id])).toHaveLength(4)
  })
})

describe('where a table opted in', () => {
  it('needs an engine that passes row security, and says so first', async () => {
    await db.query('alter role lethe_sweeper nobypassrls')
    const [before] = await db.query<{ sql: string }>(`select lethe.restriction_sql('c.lines') as sql`)
    const [first, ...rest] = before!.sql.split(/^(?=drop policy)/m)
    expect(first).toMatch(/^alter role lethe_sweeper bypassrls;$/m)
    await db.query(rest.join(''))
    const held = `select lethe.hold_person('case', 'person', key => '1', controller => 'north')`
    expect(await refusal(db.query(held))).toMatchObject({ code: 'LE501' })
    expect(await db.query(`select remedy from lethe.missing_rights()`)).toEqual([
      { remedy: 'alter role lethe_sweeper bypassrls' },
    ])
    await db.query(first!)
    await db.query(held)
    const [after] = await db.query<{ sql: string }>(`select lethe.restriction_sql('c.lines') as sql`)
    expect(after!.sql).not.toContain('alter role')
  })

  it('hides a restricted person’s rows, through links too, and nobody else’s', async () => {
    await optIn(...TABLES)
    const all = await seen(APP)
    expect(all.people).toHaveLength(9)
    await restrict('1')
    expect(await seen(APP)).toEqual({
      people: without(all.people!, 1),
      orders: without(all.orders!, 9, 18),
      lines: without(all.lines!, 9, 18),
      messages: [2, 3],
    })
    expect(await as(APP, `select count(*) from c.orders_new where id in (9, 18)`)).toEqual([{ count: 0 }])
    expect((await seen(HOST)).people).toHaveLength(9)
    expect((await seen('lethe_sweeper')).orders).toEqual(all.orders)
  })

  it('leaves another controller’s rows in sight, though they refer to the person', async () => {
    await optIn(...TABLES)
    const all = await seen(APP)
    const own = {
      people: without(all.people!, 8),
      orders: without(all.orders!, 16),
      lines: without(all.lines!, 16),
    }
    // Order 7 is north's and of person 8, who is south's.
    await restrict('8', 'south')
    expect(await seen(APP)).toMatchObject(own)
  })

  it('hides exactly what belongs to the people restricted, whoever they are', async () => {
    await optIn(...TABLES)
    type Rows = Record<
      'people' | 'orders' | 'lines' | 'messages',
      { id: number; owner: string; of: number[] }[]
    >
    const [{ all }] = (await db.query(`
      select jsonb_build_object(
        'people', (select jsonb_agg(jsonb_build_object('id', id, 'owner', owner, 'of', jsonb_build_array(id))) from c."People"),
        'orders', (select jsonb_agg(jsonb_build_object('id', id, 'owner', owner, 'of', jsonb_build_array(person_id))) from c.orders),
        'lines', (select jsonb_agg(jsonb_build_object('id', order_id, 'owner', l.owner, 'of', jsonb_build_array(person_id))) from c.lines as l join c.orders as o on o.id = l.order_id),
        'messages', (select jsonb_agg(jsonb_build_object('id', get_byte(id, 0), 'owner', owner, 'of', jsonb_build_array(sender, receiver))) from c.messages)) as all`)) as [
      { all: Rows },
    ]
    const ownerOf = (person: number): string => (person < 7 ? 'n' : 's')
    const visible = (rows: Rows['people'], restricted: number[]): number[] =>
      rows
        .filter(
          ({ owner, of }) => !of.some((person) => restricted.includes(person) && ownerOf(person) === owner),
        )
        .map(({ id }) => id)
        .sort((a, b) => a - b)
    const client = await db.connect()
    await fc.assert(
      fc.asyncProperty(fc.subarray([1, 2, 3, 4, 5, 6, 7, 8, 9]), async (restricted) => {
        await client.query('begin')
        try {
          for (const person of restricted) {
            const id = await approved(client, 'restriction', String(person), person < 7 ? 'north' : 'south')
            await client.query('select lethe.execute_request($1)', [id])
          }
          await client.query(`set local role ${APP}`)
          const { rows } = await client.query(READ)
          expect(rows[0]).toEqual({
            people: visible(all.people, restricted),
            orders: visible(all.orders, restricted),
            lines: visible(all.lines, restricted),
            messages: visible(all.messages, restricted),
          })
        } finally {
          await client.query('rollback')
        }
      }),
      { numRuns: 12 },
    )
    await client.end()
  })

  it('leaves the engine its plain statements, and its purges by partition', async () => {
    const asked = `
      select lethe_private.is_watched('c."People"'::regclass) as watched, lethe_private.has_delete_trigger('c.orders_old'::regclass) as triggered`
    await optIn(...TABLES)
    expect(await db.query(asked)).toEqual([{ watched: false, triggered: false }])
    await db.query(`
      create function c.other() returns trigger language plpgsql as $$ begin return new; end $$;
      create trigger other before update or delete on c."People" for each row execute function c.other();
      create trigger other before delete on c.orders for each row execute function c.other()`)
    expect(await db.query(asked)).toEqual([{ watched: true, triggered: true }])
  })

  it('tells nobody anything by the questions that it has to let everybody ask', async () => {
    await optIn(...TABLES)
    await restrict('1')
    const table = `(select id from lethe.managed_tables where table_name = 'lines')`
    const [{ id }] = (await db.query(`select ${table} as id`)) as [{ id: number }]
    const error = await refusal(
      as(APP, `select lethe.is_restricted_row(${id}, '{"id": "p1@example.org", "order_id": 9}')`),
    )
    expect(error).toMatchObject({
      code: 'LE461',
      message: 'whether a row of c.lines is restricted cannot be told (SQLSTATE 22P02)',
    })
    expect(
      await as(
        APP,
        `select lethe.is_restricted_row(${id}, '{}') as row, lethe.is_restricted_row(0, '{}') as table`,
      ),
    ).toEqual([{ row: false, table: false }])
    for (const statement of [
      'select * from lethe_private.restricted_keys',
      'select * from lethe_private.held_keys',
      `select lethe.restricted_rows(1)`,
    ])
      expect(await refusal(as(APP, statement))).toMatchObject({ code: '42501' })
  })

  it('asks keys whose text depends on settings of the session in the engine’s own way', async () => {
    await optIn('c.messages')
    await restrict('1')
    await db.query(
      `update lethe_private.held_keys set key = '\\x03', table_id = (select id from lethe.managed_tables where table_name = 'messages')`,
    )
    expect(
      await as(
        APP,
        `set local bytea_output = escape; select get_byte(id, 0) as n from c.messages order by 1`,
      ),
    ).toEqual([{ n: 1 }, { n: 2 }])
  })

  it.each([
    `update c."People" set "Nick" = 'x' where id = 1`,
    `update c."People" set worth = 0`,
    `delete from c.lines where order_id = 9`,
    `delete from c.orders where person_id = 1`,
    `update c.orders_new set address = 'x' where id = 9`,
    `update c.messages set body = null where sender = 1`,
    `insert into c."People" (id, owner) values (1, 'n') on conflict (id) do update set "Nick" = 'x'`,
    `merge into c."People" as p using (values (1)) as v (id) on p.id = v.id when matched then update set "Nick" = 'x'`,
    `merge into c.lines as l using (values (9)) as v (id) on l.order_id = v.id when matched then delete`,
    `set session_replication_role = replica; update c."People" set "Nick" = 'x' where id = 1`,
  ])('refuses loudly, to who passes row security: %s', async (statement) => {
    await optIn(...TABLES)
    const id = await restrict('1')
    expect(await refusal(db.query(statement))).toMatchObject({
      code: 'LE461',
      message: expect.stringMatching(
        /^(a change|DELETE) of a row of c\..* is refused: the data of this person are restricted$/,
      ),
    })
    await db.query(`select lethe.note_told($1, 'x'), lethe.lift_restriction($1, 'x')`, [id])
    await db.query(
      `begin; ${statement.replace('delete from c.orders where', 'delete from c.lines where order_id in (9, 18); delete from c.orders where')}; rollback`,
    )
  })

  it.each([
    [`truncate c.lines`, 'c.lines'],
    [`truncate c.messages`, 'c.messages'],
    [`truncate c.orders, c.lines`, 'c.orders'],
    [`truncate c.orders_new, c.lines`, 'c.orders_new'],
    [`truncate c."People" cascade`, 'c."People"'],
    [`set session_replication_role = replica; truncate c.messages`, 'c.messages'],
  ])('refuses to everybody a TRUNCATE that would take restricted rows: %s', async (statement, table) => {
    await optIn(...TABLES)
    const id = await restrict('1')
    expect(await refusal(db.query(statement))).toMatchObject({
      code: 'LE461',
      message: `TRUNCATE of ${table} is refused: there are rows of people whose data are restricted`,
    })
    await db.query(`select lethe.note_told($1, 'x'), lethe.lift_restriction($1, 'x')`, [id])
    await db.query(`begin; ${statement}; rollback`)
  })

  it('lets a TRUNCATE through that takes no restricted row', async () => {
    await optIn(...TABLES)
    // Has orders, and no messages.
    await restrict('6')
    expect(await refusal(db.query('truncate c.lines'))).toMatchObject({ code: 'LE461' })
    await db.query('truncate c.messages')
    expect(await db.query('select from c.messages')).toEqual([])
  })

  it('refuses the application’s write that need not read, and lets one that must find nothing', async () => {
    await optIn(...TABLES)
    await restrict('1')
    expect(await refusal(doAs(APP, `update c."People" set "Nick" = 'x'`))).toMatchObject({ code: 'LE461' })
    expect(await doAs(APP, `update c."People" set "Nick" = 'x' where id = 1`)).toBe(0)
    expect(await doAs(APP, `update c."People" set "Nick" = 'x' where id = 2`)).toBe(1)
    expect(await refusal(doAs(APP, `insert into c."People" (id, owner) values (1, 'n')`))).toMatchObject({
      code: '23505',
    })
    expect(await doAs(APP, `insert into c.orders values (99, '2024-01-01', 'n', 1, 'x')`)).toBe(1)
    expect((await seen(APP)).orders).not.toContain(99)
  })

  it('hides what an erasure left because a law keeps it, and lets the engine take it away', async () => {
    await optIn(...TABLES)
    const id = await approved(db, 'erasure', '3')
    expect((await seen(APP)).people).toContain(3)
    await db.query(`update lethe.requests set state = 'blocked' where id = $1`, [id])
    expect((await seen(APP)).people).not.toContain(3)
    expect((await seen(APP)).lines).not.toContain(2)
    expect(await refusal(db.query(`update c."People" set "Nick" = 'x' where id = 3`))).toMatchObject({
      code: 'LE461',
    })
    expect(await afterCycle('select id from c.orders where person_id = 3')).toEqual([])
    await db.query(`update lethe.requests set state = 'completed' where id = $1`, [id])
    expect((await seen(APP)).people).toContain(3)
  })

  it('hides what a law keeps of somebody whose own row is gone, with what belongs to it', async () => {
    await db.query(`
      set role ${HOST};
      create table c.bills (id int primary key, owner varchar(5) not null, email text, at date not null);
      create index on c.bills (email);
      create table c.entries (id int primary key, owner varchar(5) not null, bill_id int references c.bills);
      create index on c.entries (bill_id);
      insert into c.bills select id, owner, email, '2024-01-01' from c."People";
      insert into c.entries select id, owner, id from c.bills;
      grant select, insert, update, delete on c.bills, c.entries to ${APP};
      reset role;
      select lethe.manage_table(t, controller_column => 'owner') from unnest(array['c.bills', 'c.entries']) as t;
      select lethe.set_link('c.bills', 'c.People', '{email}', '{email}', subject => 'person', kind => 'own',
        on_erasure => '{"retain": "P90Y", "since": "at", "basis": "a law"}');
      select lethe.set_link('c.entries', subject => 'person', kind => 'own', on_purge => 'with parent')`)
    await grantMissing(db)
    await optIn(...TABLES, 'c.bills', 'c.entries')
    const read = async (): Promise<Record<string, unknown>[]> =>
      as(
        APP,
        'select array(select id from c.bills order by id) as bills, array(select id from c.entries order by id) as entries',
      )
    const all = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    expect(await read()).toEqual([{ bills: all, entries: all }])
    const request = await approvedErasure(db, 'person', 'north', '6')
    expect(await execute(db, request)).toBe('executed')
    expect(await db.query('select from c."People" where id = 6')).toEqual([])
    const hidden = [{ bills: without(all, 6), entries: without(all, 6) }]
    expect(await read()).toEqual(hidden)
    await db.query(`update lethe.requests set state = 'blocked' where id = $1`, [request])
    expect(await read()).toEqual(hidden)
    for (const statement of [
      `update c.bills set email = 'p1@example.org' where id = 6`,
      'delete from c.entries where bill_id = 6',
    ])
      expect(await refusal(db.query(statement))).toMatchObject({ code: 'LE461' })
    await db.query('update lethe_private.kept_rows set until = current_date - 3')
    expect(await execute(db, request)).toBe('executed')
    expect(
      await db.query('select id from c.bills where id = 6 union all select id from c.entries where id = 6'),
    ).toEqual([])
  })

  it('says who passes, and adds a policy that permits only where there was no row security', async () => {
    const [text] = await db.query<{ sql: string }>(`select lethe.restriction_sql('c.lines') as sql`)
    expect(text!.sql).toContain(`the owner ${HOST}`)
    expect(text!.sql).toContain(
      'create policy lethe_everybody on c.lines for all to public using (true) with check (true)',
    )
    await db.query(`
      set role ${HOST}; alter table c.notes enable row level security; create policy mine on c.notes to ${APP} using (id = 2);
      create policy asleep on c.messages using (false); create view c.words as select body from c.notes; reset role`)
    const [own] = await db.query<{ sql: string }>(`select lethe.restriction_sql('c.notes') as sql`)
    expect(own!.sql).not.toContain('lethe_everybody')
    expect(own!.sql).toContain('whoever reads the views c.words')
    await db.query(own!.sql)
    expect(await as(APP, 'select id from c.notes')).toEqual([{ id: 2 }])
    expect(await refusal(db.query(`select lethe.restriction_sql('c.messages')`))).toMatchObject({
      code: 'LE467',
    })
    await db.query('drop policy asleep on c.messages')
    await optIn('c.messages')
  })

  it('quotes names of the host, and lets none of them begin a line', async () => {
    const name = `Odd "name"\n; drop table c.notes; --`
    const quoted = `"${name.replaceAll('"', '""')}"`
    await db.query(`
      set role ${HOST}; create table c.${quoted} (${quoted} int primary key, person_id int references c."People"); create index on c.${quoted} (person_id);
      create view c."v\ndrop table c.notes; --" as select from c.${quoted}; reset role`)
    await db.query(`select lethe.manage_table($1, controller => 'north')`, [`c.${name}`])
    await db.query(`select lethe.set_link($1, subject => 'person', kind => 'own')`, [`c.${name}`])
    await db.query(
      `grant select on c.${quoted} to lethe_sweeper, ${APP}; insert into c.${quoted} values (1, 1), (2, 2)`,
    )
    await optIn(`c.${name}`)
    await restrict('1')
    expect(await as(APP, `select person_id from c.${quoted}`)).toEqual([{ person_id: 2 }])
    expect(await refusal(db.query(`delete from c.${quoted}`))).toMatchObject({ code: 'LE461' })
    expect(await db.query('select count(*) from c.notes')).toEqual([{ count: 2 }])
    const [off] = await db.query<{ sql: string }>('select lethe.unrestriction_sql($1) as sql', [`c.${name}`])
    await db.query(off!.sql)
    expect(await as(APP, `select count(*) from c.${quoted}`)).toEqual([{ count: 2 }])
  })

  it('asks of a row, where a column has the name of its table', async () => {
    await db.query(`alter table c.lines add column lines text default 'a name'`)
    await optIn('c.lines')
    await restrict('1')
    expect((await seen(APP)).lines).not.toContain(9)
    expect((await seen(APP)).lines).toContain(1)
  })

  it('can be taken off again, and leaves no trace', async () => {
    const shape = (): Promise<unknown> =>
      db.query(`
        select (select count(*) from pg_policy as p join pg_class as c on c.oid = p.polrelid where c.relnamespace = 'c'::regnamespace) as policies,
          (select count(*) from pg_trigger as t join pg_class as c on c.oid = t.tgrelid where c.relnamespace = 'c'::regnamespace and not tgisinternal) as triggers,
          (select count(*) from pg_class where relnamespace = 'c'::regnamespace and relrowsecurity) as secured`)
    const before = await shape()
    await optIn(...TABLES)
    await optIn(...TABLES)
    expect(await shape()).not.toEqual(before)
    for (const table of TABLES) {
      const [row] = await db.query<{ sql: string }>('select lethe.unrestriction_sql($1) as sql', [table])
      await db.query(row!.sql)
    }
    expect(await shape()).toEqual(before)
    expect(await db.query(`select lethe.unrestriction_sql('c.lines') as sql`)).toEqual([{ sql: null }])
  })
})

describe('findings', () => {
  const findings = (): Promise<unknown[]> =>
    db.query('select finding, object from lethe.restriction_findings()')

  it('names a table with restricted rows that are not hidden, until it opts in', async () => {
    expect(await findings()).toEqual([])
    await restrict('1')
    expect(await findings()).toEqual(
      ['c.lines', 'c.messages', 'c.orders', 'c.People'].map((object) => ({
        finding: 'not hidden',
        object,
      })),
    )
    await optIn(...TABLES)
    expect(await findings()).toEqual([])
  })

  it.each([
    [
      'a new partition',
      `set role ${HOST}; create table c.orders_next partition of c.orders for values from ('2100-01-01') to ('2101-01-01'); reset role`,
      'c.orders_next',
      'c.orders',
    ],
    [
      'a trigger that is disabled',
      `alter table c.lines disable trigger lethe_restriction`,
      'c.lines',
      'c.lines',
    ],
    [
      'a trigger on TRUNCATE that is disabled',
      `alter table c.orders_old disable trigger lethe_restriction_truncate`,
      'c.orders_old',
      'c.orders',
    ],
    ['row security that is disabled', `alter table c.lines disable row level security`, 'c.lines', 'c.lines'],
    [
      'a link that came later',
      `select lethe.set_link('c.orders', subject => 'person', kind => 'mention')`,
      'c.orders',
      'c.orders',
    ],
  ])('names %s', async (_what, breaking, object, table) => {
    await optIn(...TABLES)
    expect(await findings()).toEqual([])
    await db.query(breaking)
    expect(await findings()).toContainEqual({ finding: 'restriction outdated', object })
    await optIn(table)
    expect(await findings()).not.toContainEqual({ finding: 'restriction outdated', object })
  })
})

describe('lethe request hide, restricted, told and lift', () => {
  it('go through a restriction from end to end', async () => {
    const id = await approved(db, 'restriction', '1')
    await db.query('select lethe.execute_request($1)', [id])
    expect((await runRights(db, 'hide')).code).toBe(1)
    for (const table of ['c.People', 'c.orders', 'c.lines', 'c.messages']) {
      expect((await runRights(db, 'hide', table)).printed).toEqual([
        { sql: expect.stringContaining('lethe_restriction'), run: false },
      ])
      expect((await runRights(db, 'hide', table, '--create')).printed).toMatchObject([{ run: true }])
    }
    expect((await runRights(db, 'hide')).code).toBe(0)
    expect((await runRights(agent, 'restricted', String(id))).printed).toMatchObject([
      { id, tables: expect.arrayContaining([{ table: 'c.orders', live: 2, archived: 0 }]) },
    ])
    const count = `begin; set local role ${APP}; select count(*) from c."People"`
    expect(await db.query(count)).toEqual([{ count: 8 }])
    expect(await refusal(runRights(agent, 'lift', String(id), '--reason', 'right'))).toMatchObject({
      code: 'LE462',
    })
    await runRights(agent, 'told', String(id), '--how', 'a letter')
    await runRights(agent, 'lift', String(id), '--reason', 'right')
    expect(await db.query(count)).toEqual([{ count: 9 }])
    await runRights(db, 'hide', 'c.lines', '--drop', '--create')
    expect(
      await db.query(`set role ${HOST}; select count(*) from pg_policy where polrelid = 'c.lines'::regclass`),
    ).toEqual([{ count: 0 }])
  })
})
