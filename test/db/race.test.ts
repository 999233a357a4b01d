import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, rowsOf, runCycle } from '../helpers/engine.ts'
import { randomNumbers } from '../helpers/shop.ts'
import { looksMasked } from '../oracle/masks.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(`
    create schema live;
    create table live.customers (id int primary key, owner int not null, email text not null unique, note text, last_at timestamptz);
    create index on live.customers (last_at);
    create table live.orders (id bigint generated always as identity primary key, customer_id int not null references live.customers on delete cascade, at timestamptz);
    create index on live.orders (customer_id);
    create table live.baskets (id bigint generated always as identity primary key, customer_id int not null references live.customers on delete cascade);
    create index on live.baskets (customer_id);
    create table live.items (id bigint generated always as identity primary key, basket_id bigint not null references live.baskets on delete cascade);
    create index on live.items (basket_id);`)
  const rule = {
    controller: { column: 'owner' },
    since: 'last_at',
    columns: { email: { anonymize: { after: 'P1Y', using: 'pseudonym_email' } } },
    purge: { after: 'P5Y' },
  }
  await applyPolicy(db, {
    version: 1,
    controllers: {
      north: { time_zone: 'Europe/Paris', reference: '1' },
      south: { time_zone: 'Asia/Kolkata', reference: '2' },
    },
    tables: { 'live.customers': rule, 'live.baskets': { controller: { constant: 'north' }, with: 'parent' } },
  })
})
afterAll(() => db.drop())

beforeEach(() =>
  db.query(`
  update lethe.cycles set state = 'incomplete', finished_at = now() where state = 'open';
  truncate live.customers, live.orders, live.baskets, live.items;
  update lethe.settings set batch_rows = 50, lock_timeout = '2 seconds';
  insert into live.customers (id, owner, email, note, last_at)
  select i, 1 + i % 2, 'person.' || i || '@example.org', 'first',
    case i % 4 when 0 then now() when 1 then now() - interval '2 years' when 2 then now() - interval '6 years' else now() - interval '7 years' end
  from generate_series(1, 2000) as i`),
)

/** An open cycle of the controller, searched and about to take its first batch. */
async function discovered(
  controller: string,
): Promise<{ cycle: number; table: number; step(client?: pg.Client): Promise<string> }> {
  const [row] = await db.query<{ cycle: number; table_id: number }>(`
    select s.cycle, m.id as table_id from lethe.start_cycle('${controller}') as s (cycle), lethe.managed_tables as m where m.table_name = 'customers'`)
  const step = async (client?: pg.Client): Promise<string> =>
    (
      await rowsOf<{ state: string }>(client ?? db, 'select (lethe.sweep_step($1, $2)).state', [
        row!.cycle,
        row!.table_id,
      ])
    )[0]!.state
  expect(await step()).toBe('discovered')
  return { cycle: row!.cycle, table: row!.table_id, step }
}

/** Steps until the table is done. */
async function toTheEnd(step: () => Promise<string>): Promise<void> {
  for (let i = 0; i < 500; i++) if (['done', 'failed'].includes(await step())) return
  throw new Error('the table is never done')
}

const customer = async (id: number) =>
  (
    await db.query<{ email: string; note: string }>('select email, note from live.customers where id = $1', [
      id,
    ])
  )[0]

describe('between the search and the batch', () => {
  it('a row whose clock has moved is left alone, whatever it was due for', async () => {
    const { step } = await discovered('north')
    await db.query('update live.customers set last_at = now()')
    await toTheEnd(step)
    expect(
      await db.query(
        `select count(*), count(*) filter (where email ~ 'invalid') as masked from live.customers`,
      ),
    ).toEqual([{ count: 2000, masked: 0 }])
  })

  it.each([
    ['purge', 2],
    ['columns', 4],
  ])('a row that is being reactivated is waited for and left alone (%s)', async (phase, id) => {
    if (phase === 'columns') await db.query(`update live.customers set last_at = now() - interval '2 years'`)
    const { step } = await discovered('north')
    if (phase === 'columns') expect(await step()).toBe('discovered')
    const app = await db.connect()
    await app.query('begin')
    await app.query(
      `update live.customers set last_at = now(), note = 'back', email = 'back@example.org' where id = $1`,
      [id],
    )
    const waiting = step()
    await new Promise((wake) => setTimeout(wake, 300))
    await app.query('commit')
    expect(await waiting).toBe('swept')
    await toTheEnd(step)
    expect(await customer(id)).toEqual({ email: 'back@example.org', note: 'back' })
  })

  it('a lock that is held for long is not waited for: the batch comes back later, and nothing else is lost', async () => {
    await db.query(`update lethe.settings set lock_timeout = '100 milliseconds', attempts_max = 3`)
    const { step } = await discovered('north')
    const app = await db.connect()
    await app.query('begin')
    await app.query(`update live.customers set note = 'locked' where id = 2`)
    const states: string[] = []
    for (let i = 0; i < 12; i++) states.push(await step())
    expect(states).toContain('retry')
    expect(states).toContain('swept')
    expect(states).not.toContain('failed')
    await app.query('commit')
    await toTheEnd(step)
    expect(await customer(2)).toBeUndefined()
  })

  it('a change that is not committed yet is not lost: the row is masked with it, not without it', async () => {
    await db.query(`update live.customers set last_at = now() - interval '2 years'`)
    const { step } = await discovered('north')
    expect(await step()).toBe('discovered')
    const app = await db.connect()
    await app.query('begin')
    await app.query(
      `update live.customers set note = 'written meanwhile', email = 'changed@example.org' where id = 2`,
    )
    const waiting = step()
    await new Promise((wake) => setTimeout(wake, 200))
    await app.query('commit')
    await waiting
    await toTheEnd(step)
    const row = await customer(2)
    expect(row!.note).toBe('written meanwhile')
    expect(looksMasked(row!.email)).toBe(true)
  })
})

describe('a child that appears while its parent is being purged', () => {
  it('keeps it, though the foreign key would cascade', async () => {
    const { step } = await discovered('north')
    const app = await db.connect()
    await app.query('begin')
    await app.query('insert into live.orders (customer_id, at) values (2, now())')
    const waiting = step()
    await new Promise((wake) => setTimeout(wake, 200))
    await app.query('commit')
    await waiting
    await toTheEnd(step)
    expect(await db.query('select customer_id from live.orders')).toEqual([{ customer_id: 2 }])
    expect(await customer(2)).toBeDefined()
  })

  it("keeps it also as a child's child, below a row that would go with it", async () => {
    const [basket] = await db.query<{ id: number }>(
      'insert into live.baskets (customer_id) values (2) returning id',
    )
    await db.query(
      'insert into live.baskets (customer_id) select id from live.customers where id > 2 and id % 3 = 0',
    )
    const { step } = await discovered('north')
    const app = await db.connect()
    await app.query('begin')
    await app.query('insert into live.items (basket_id) values ($1)', [basket!.id])
    const waiting = step()
    await new Promise((wake) => setTimeout(wake, 200))
    await app.query('commit')
    await waiting
    await toTheEnd(step)
    expect(await db.query('select count(*) from live.items')).toEqual([{ count: 1 }])
    expect(await customer(2)).toBeDefined()
  })
})

describe('an application at work', () => {
  /** What one client did to its own rows, so that it can be looked for afterwards. */
  interface Log {
    reactivated: Map<number, string>
    noted: Map<number, string>
    deleted: Set<number>
    inserted: Map<number, string>
    late: Set<number>
    orders: Map<number, number>
  }

  async function application(n: number, until: number): Promise<Log> {
    const log: Log = {
      reactivated: new Map(),
      noted: new Map(),
      deleted: new Set(),
      inserted: new Map(),
      late: new Set(),
      orders: new Map(),
    }
    const below = randomNumbers(n)
    const client = await db.connect()
    for (let turn = 0; Date.now() < until; turn++) {
      const id = n + 3 * below(666)
      const tag = `app ${n} ${turn}`
      const email = `app.${n}.${turn}@example.org`
      const found = async (text: string, ...values: unknown[]): Promise<boolean> =>
        (await client.query(text, values)).rowCount === 1
      switch (below(6)) {
        case 0:
          if (await found(`update live.customers set last_at = now(), email = $2 where id = $1`, id, email))
            log.reactivated.set(id, email)
          break
        case 1:
          if (await found('update live.customers set note = $2 where id = $1', id, tag))
            log.noted.set(id, tag)
          break
        case 2:
          if (turn % 4 === 0 && (await found('delete from live.customers where id = $1', id)))
            log.deleted.add(id)
          break
        case 3: {
          const fresh = 10_000 * n + turn
          await client.query('insert into live.customers values ($1, 1, $2, $3, now())', [fresh, email, tag])
          log.inserted.set(fresh, email)
          break
        }
        case 4: {
          const late = 10_000 * n + turn
          await client.query(
            `insert into live.customers values ($1, 2, $2, $3, now() - interval '3 years')`,
            [late, email, tag],
          )
          log.late.add(late)
          break
        }
        default: {
          const order = await client
            .query('insert into live.orders (customer_id, at) values ($1, now()) returning id', [id])
            .catch((error: { code: string }) => {
              if (error.code !== '23503') throw error
            })
          if (order) log.orders.set(Number(order.rows[0].id), id)
        }
      }
      if (turn % 3 === 0) await new Promise((wake) => setTimeout(wake, 2))
    }
    await client.end()
    return log
  }

  it('loses no update, no active row and no child to cycles that run all the time', async () => {
    const until = Date.now() + 5_000
    let cycles = 0
    const sweeping = Promise.all(
      ['north', 'south'].map(async (name) => {
        const client = await db.connect()
        while (Date.now() < until) {
          await client.query(`call lethe.run_cycle('${name}')`).catch((error: { code: string }) => {
            if (error.code !== 'LE404') throw error
          })
          cycles++
        }
        await client.end()
      }),
    )
    const logs = await Promise.all([1, 2, 3].map((n) => application(n, until)))
    await sweeping
    expect(cycles).toBeGreaterThan(3)
    expect(await runCycle(db, 'north')).toBe('complete')
    expect(await runCycle(db, 'south')).toBe('complete')

    const rows = new Map(
      (
        await db.query<{ id: number; email: string; note: string }>(
          'select id, email, note from live.customers',
        )
      ).map((row) => [row.id, row]),
    )
    for (const log of logs) {
      for (const [id, email] of log.reactivated)
        if (!log.deleted.has(id)) expect(rows.get(id)?.email, `reactivated ${id}`).toBe(email)
      for (const [id, tag] of log.noted) if (rows.has(id)) expect(rows.get(id)!.note, `noted ${id}`).toBe(tag)
      for (const [id, tag] of log.noted)
        if (log.reactivated.has(id) && !log.deleted.has(id))
          expect(rows.get(id)?.note, `noted and active ${id}`).toBe(tag)
      for (const [id, email] of log.inserted) expect(rows.get(id)?.email, `inserted ${id}`).toBe(email)
      for (const id of log.late) expect(looksMasked(rows.get(id)?.email), `late ${id}`).toBe(true)
      expect(
        log.reactivated.size +
          log.noted.size +
          log.deleted.size +
          log.inserted.size +
          log.late.size +
          log.orders.size,
      ).toBeGreaterThan(100)
    }
    // Orders go with a customer whom the application itself deletes; nobody else takes them.
    const deleted = new Set(logs.flatMap((log) => [...log.deleted]))
    const orders = new Set(
      (await db.query<{ id: number }>('select id from live.orders')).map((row) => row.id),
    )
    const gone = logs
      .flatMap((log) => [...log.orders])
      .filter(([id, owner]) => !orders.has(id) && !deleted.has(owner))
    expect(gone).toEqual([])
    const [orphans] = await db.query<{ n: number }>(
      `select count(*)::int as n from live.orders as o where not exists (select from live.customers as c where c.id = o.customer_id)`,
    )
    expect(orphans!.n).toBe(0)
    // Everybody due is gone or masked; nobody else is.
    const [state] = await db.query(`
      select count(*) filter (where last_at < now() - interval '13 months' and email !~ '@anonymized') as left_over,
        count(*) filter (where last_at > now() - interval '11 months' and email ~ '@anonymized') as early,
        count(*) filter (where last_at < now() - interval '61 months' and not exists (select from live.orders as o where o.customer_id = c.id)) as unpurged
      from live.customers as c`)
    expect(state).toEqual({ left_over: 0, early: 0, unpurged: 0 })
  })
})
