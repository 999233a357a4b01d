import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../src/install/init.ts'
import { applyPolicy, rowsOf } from '../helpers/engine.ts'
import { withMigrationsUnderTest } from '../helpers/migrations.ts'
import { type OwnServer, startOwnServer } from '../helpers/own-server.ts'
import {
  differing,
  disagreement,
  expectedShop,
  loadShop,
  randomNumbers,
  readShop,
  type Seen,
  SHOP,
  SHOP_POLICY,
  SHOP_SQL,
  shopControllers,
  shopRows,
} from '../helpers/shop.ts'
import { formatDay, localDay, parseDay } from '../oracle/calendar.ts'
import { afterCycle, type Row, type State } from '../oracle/model.ts'

const ROUNDS = 26

/** Beside the shop, a table whose partitions are dropped whole: of ten, six are over and due, one of those is held in part. */
const LOGS_SQL = `
  create role logs_owner;
  create schema logs;
  create table logs.entries (id int, at date not null, line text, primary key (id, at)) partition by range (at);
  do $$ begin
    for n in 1 .. 10 loop
      execute format('create table logs.entries_%s partition of logs.entries for values from (%L) to (%L)', n,
        current_date - n * 400 + 40, current_date - (n - 1) * 400 + 40);
    end loop;
  end $$;
  insert into logs.entries select n, current_date + 30 - n % 3990, 'line ' || n from generate_series(1, 4000) as n;
  alter table logs.entries owner to logs_owner;
  do $$ begin for n in 1 .. 10 loop execute format('alter table logs.entries_%s owner to logs_owner', n); end loop; end $$;
  alter schema logs owner to logs_owner;
  grant logs_owner to lethe_dropper;
  grant usage on schema logs to lethe_sweeper;
  grant select, delete on all tables in schema logs to lethe_sweeper;`

const POLICY = {
  ...SHOP_POLICY,
  tables: {
    ...SHOP_POLICY.tables,
    'logs.entries': {
      controller: { constant: 'north' },
      since: 'at',
      partitions: 'drop',
      purge: { after: 'P4Y' },
    },
  },
}

/** What is left of the log: which partitions, and how many rows in each. */
const readLogs = (client: pg.Client): Promise<unknown[]> =>
  rowsOf(
    client,
    `select c.relname::text as name, (select count(*)::int from logs.entries as e where e.tableoid = c.oid) as rows
     from pg_class as c join pg_inherits as i on i.inhrelid = c.oid where i.inhparent = 'logs.entries'::regclass order by 1`,
  )
const CUSTOMERS = 400

let server: OwnServer
let rows: State
let expected: Seen
let logs: unknown[]
/** Figures and number of batches of a run that nobody disturbs. */
let undisturbed: { figures: unknown; batches: number }

beforeAll(async () => {
  server = await startOwnServer({ durable: true })
  const databaseUrl = await server.makeDatabase('base', { installer: 'installer' })
  await withMigrationsUnderTest((migrationsFolder) => init({ databaseUrl, migrationsFolder }))
  rows = ownWorlds(shopRows(5, CUSTOMERS, formatDay(localDay(Date.now(), 'UTC'))))
  await withClient('base', async (client) => {
    await client.query(SHOP_SQL)
    await client.query(LOGS_SQL)
    await applyPolicy(client, POLICY)
    await client.query(`
      insert into lethe.holds (reason) values ('a case');
      insert into lethe_private.held_keys (hold_id, table_id, key)
      select (select max(id) from lethe.holds), (select id from lethe.managed_tables where table_name = 'entries'), jsonb_build_array(e.id, e.at)::text
      from logs.entries as e where e.tableoid = 'logs.entries_8'::regclass limit 3`)
    await client.query('update lethe.settings set batch_rows = 8')
    await loadShop(client, rows)
  })
  await server.query('create database undisturbed template base')
  await withClient('undisturbed', async (client) => {
    await client.query('call lethe.run_cycle()')
    undisturbed = { batches: await batches(client), figures: await figures(client) }
    expected = await oracle(client)
    expect(disagreement(expected, await readShop(client))).toEqual({})
    logs = await readLogs(client)
    expect(logs).toHaveLength(5)
    expect(logs).toContainEqual({ name: 'entries_8', rows: 3 })
  })
})
afterAll(() => server?.destroy())

/** The same rows without references from one controller to the other, so that each one's cycle stands alone. */
function ownWorlds(state: State): State {
  const byId = (name: string): Map<unknown, Row> => new Map(state[name]!.map((row) => [row.id, row]))
  const lines = new Map(state['shop.lines']!.map((row) => [`${row.order_id} ${row.n}`, row]))
  const customers = byId('shop.customers')
  for (const name of ['shop.orders', 'shop.tickets'])
    for (const row of state[name]!) row.owner = customers.get(row.customer_id)?.owner ?? row.owner
  const orders = byId('shop.orders')
  for (const name of ['shop.lines', 'shop.parcels'])
    for (const row of state[name]!) row.owner = orders.get(row.order_id)!.owner
  for (const row of state['shop.gifts']!) row.owner = lines.get(`${row.order_id} ${row.n}`)!.owner
  const loose: [string, string, string][] = [
    ['shop.customers', 'referrer_id', 'shop.customers'],
    ['shop.teams', 'lead_id', 'shop.members'],
    ['shop.members', 'team_id', 'shop.teams'],
  ]
  for (const [name, column, to] of loose) {
    const parents = byId(to)
    for (const row of state[name]!) if (parents.get(row[column])?.owner !== row.owner) row[column] = null
  }
  return state
}

async function withClient<T>(database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(server.url(database))
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** The final state by the oracle, for the days on which the cycles ran. */
async function oracle(client: pg.Client): Promise<Seen> {
  let state = rows
  for (const controller of shopControllers('2000-01-01')) {
    const [cycle] = await rowsOf<{ day: string }>(
      client,
      `
      select min(local_date)::text as day from lethe.cycles where controller_id = (select id from lethe.controllers where name = $1)`,
      [controller.name],
    )
    state = afterCycle(SHOP, state, { ...controller, today: parseDay(cycle!.day) })
  }
  return expectedShop(client, rows, state)
}

/** Rows per table, phase and rule, as the batches have them; batches and evidence must agree. */
async function figures(client: pg.Client): Promise<unknown> {
  const [sums] = await rowsOf<{ agree: boolean }>(
    client,
    `
    select (select sum(e.done) from lethe.evidence as e)
      = (select sum(v.value::bigint) from lethe.evidence_batches as b cross join jsonb_each_text(b.counts - array['children', 'partition', 'how']) as v)
      + (select sum((c ->> 'rows')::bigint) from lethe.evidence_batches as b cross join jsonb_array_elements(b.counts -> 'children') as c) as agree`,
  )
  expect(sums!.agree).toBe(true)
  return rowsOf(
    client,
    `
    select t.table_name, b.phase, sum(b.rows_done)::int as rows
    from lethe.evidence_batches as b join lethe.cycle_tables as t using (cycle_id, table_id) group by 1, 2
    union all
    select c ->> 'table', c ->> 'rule', sum((c ->> 'rows')::int)::int
    from lethe.evidence_batches as b cross join jsonb_array_elements(b.counts -> 'children') as c group by 1, 2 having sum((c ->> 'rows')::int) > 0
    order by 1, 2`,
  )
}

const batches = async (client: pg.Client): Promise<number> =>
  (await rowsOf<{ n: number }>(client, 'select count(*)::int as n from lethe.evidence_batches'))[0]!.n

/** Returns when so many batches are committed, and somewhat later, or when the client has ended. */
async function waitForBatches(database: string, count: number, child: ChildProcess): Promise<void> {
  await withClient(database, async (client) => {
    while (child.exitCode === null && (await batches(client)) < count) await sleep(1)
  })
  await sleep(count % 7)
}

const sleep = (milliseconds: number): Promise<unknown> =>
  new Promise((wake) => setTimeout(wake, milliseconds))

async function startClient(database: string): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../helpers/cycle-client.ts', import.meta.url)), server.url(database)],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  await once(child.stdout!, 'data')
  return child
}

/** Goes on until a cycle of every controller is complete. The backend of a killed client may still be at work for a moment. */
async function runToTheEnd(database: string): Promise<void> {
  const deadline = Date.now() + 15_000
  for (;;) {
    const failure = await withClient(database, (client) =>
      client.query('call lethe.run_cycle()').then(
        () => undefined,
        (error: { code: string }) => error,
      ),
    )
    if (!failure) return
    if (failure.code !== 'LE401' || Date.now() > deadline) throw failure
    await sleep(20)
  }
}

const CRASHES: [name: string, crash: (child: ChildProcess) => Promise<void>][] = [
  [
    'the client is killed with -9',
    async (child) => {
      child.kill('SIGKILL')
    },
  ],
  [
    'the server is stopped in immediate mode',
    async () => {
      await server.stop('immediate')
      await server.start()
    },
  ],
  [
    'the postmaster is killed with -9',
    async () => {
      await server.kill()
      await server.start()
    },
  ],
]

/** Mostly the first two by turns; the last one costs seconds each time. */
const crashOf = (round: number): (typeof CRASHES)[number] => CRASHES[round % 9 === 8 ? 2 : round % 2]!

describe('a cycle that is interrupted', () => {
  const below = randomNumbers(17)
  const interrupted = { batches: 0, rounds: 0 }

  it.each(Array.from({ length: ROUNDS }, (_, round) => [round, crashOf(round)[0]] as const))(
    'ends in the same state all the same (round %i: %s)',
    async (round) => {
      const database = `round_${round}`
      await server.query(`create database ${database} template base`)
      const child = await startClient(database)
      const exited = once(child, 'exit')
      await waitForBatches(database, below(Math.round(undisturbed.batches * 0.9)), child)
      await crashOf(round)[1](child)
      child.kill('SIGKILL')
      await exited

      const [caught] = await server.query<{ state: string | null; batches: number }>(
        `select (select count(*)::int from lethe.evidence_batches) as batches, (select string_agg(state, ',') from lethe.cycles) as state`,
        database,
      )
      if (caught!.state === null || caught!.state.includes('open')) interrupted.rounds++
      interrupted.batches += caught!.batches

      await runToTheEnd(database)
      await withClient(database, async (client) => {
        expect(disagreement(expected, await readShop(client))).toEqual({})
        expect(await readLogs(client)).toEqual(logs)
        expect(await figures(client)).toEqual(undisturbed.figures)
        expect(await rowsOf(client, `select from lethe.cycles where state <> 'complete'`)).toEqual([])
        expect(await rowsOf(client, 'select from lethe_private.worklist')).toEqual([])
      })
      await server.query(`drop database ${database} with (force)`)
    },
  )

  it('was really interrupted, and in the midst of its batches', () => {
    expect(interrupted.rounds).toBeGreaterThan(ROUNDS / 2)
    expect(interrupted.batches).toBeGreaterThan(ROUNDS)
    expect(
      differing(
        Object.fromEntries(
          Object.entries(rows).flatMap(([name, list]) => list.map((row) => [`${name}/${row.id}`, {}])),
        ),
        expected,
      ).length,
    ).toBeGreaterThan(CUSTOMERS)
  })
})
