/** An erasure that is interrupted at a known point: all of it is there afterwards, or nothing, and the next cycle ends it. */
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { init } from '../../src/install/init.ts'
import { applyPolicy, rowsOf } from '../helpers/engine.ts'
import { approvedErasure, changed, readTables } from '../helpers/executions.ts'
import { withMigrationsUnderTest } from '../helpers/migrations.ts'
import { MUSIC_KEPT, MUSIC_SQL, MUSIC_TABLES, musicPolicy } from '../helpers/music.ts'
import { type OwnServer, startOwnServer } from '../helpers/own-server.ts'

/** Where a session stands still, if it asked for that: what it has done by then, and what must be left of it. */
const POINTS: [name: string, table: string, moment: string, done: boolean][] = [
  ['references are being cut', 'music.tickets', 'before update', false],
  ['rows are losing their person', 'music.customers', 'before update', false],
  ['rows are being deleted', 'music."Letters"', 'after delete', false],
  ['what was done is written down', 'lethe.request_events', 'before insert', false],
  ['the certificate is written', 'lethe.certificates', 'before insert', true],
]

const CRASHES: [name: string, crash: (backend: number) => Promise<void>][] = [
  [
    'its backend is killed with -9',
    async (backend) => {
      process.kill(backend, 'SIGKILL')
    },
  ],
  [
    'the server is stopped in immediate mode',
    async () => {
      await server.stop('immediate')
      await server.start()
    },
  ],
]

let server: OwnServer
let before: Record<string, unknown>
let after: Record<string, unknown>

beforeAll(async () => {
  server = await startOwnServer({ durable: true })
  const databaseUrl = await server.makeDatabase('base', { installer: 'installer' })
  await withMigrationsUnderTest((migrationsFolder) => init({ databaseUrl, migrationsFolder }))
  await withClient('base', async (client) => {
    await client.query(MUSIC_SQL)
    await applyPolicy(client, musicPolicy(MUSIC_KEPT))
    await client.query(`
      create function music.stand_still() returns trigger language plpgsql as $$
      begin
        if current_setting('music.stand_still', true) = tg_argv[0] then perform pg_advisory_xact_lock_shared(4711); end if;
        return coalesce(new, old);
      end $$`)
    for (const [name, table, moment] of POINTS)
      await client.query(
        `create trigger stand_still ${moment} on ${table} for each row execute function music.stand_still('${name}')`,
      )
    await approvedErasure(client, 'customer', 'south', '7')
    before = await readTables(client, MUSIC_TABLES)
  })
  await server.query('create database undisturbed template base')
  await withClient('undisturbed', async (client) => {
    await client.query(`call lethe.run_cycle('south')`)
    after = await readTables(client, MUSIC_TABLES)
    expect(await states(client)).toEqual([{ state: 'blocked', certificates: 1, kept: true }])
    expect(changed(before, after).length).toBeGreaterThan(5)
  })
})
afterAll(() => server?.destroy())

const states = (client: pg.Client): Promise<unknown[]> =>
  rowsOf(
    client,
    `select state, (select count(*)::int from lethe.certificates) as certificates, exists (select from lethe_private.kept_rows) as kept from lethe.requests`,
  )

/** As soon as the server takes connections again. */
async function withClient<T>(database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const client = new pg.Client(server.url(database))
    client.on('error', () => undefined)
    try {
      await client.connect()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((wake) => setTimeout(wake, 50))
      continue
    }
    try {
      return await work(client)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}

/** Goes on until the cycle is complete: what crashed may still be given up for a moment. */
async function runToTheEnd(database: string): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    try {
      await withClient(database, (client) => client.query(`call lethe.run_cycle('south')`))
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((wake) => setTimeout(wake, 50))
    }
  }
}

/** A session that stands still at the point. @returns its backend, and when another session was cut by a crash. */
async function standStill(database: string, point: string): Promise<{ backend: number; cut: Promise<void> }> {
  const gate = new pg.Client(server.url(database))
  const session = new pg.Client(server.url(database))
  for (const client of [gate, session]) client.on('error', () => undefined)
  const cut = new Promise<void>((resolve) => gate.once('end', () => resolve()))
  await gate.connect()
  await gate.query('select pg_advisory_lock(4711)')
  await session.connect()
  const [{ backend }] = (await rowsOf(session, 'select pg_backend_pid() as backend')) as [{ backend: number }]
  await session.query(`set music.stand_still = '${point}'`)
  session.query(`call lethe.run_cycle('south')`).catch(() => undefined)
  for (;;) {
    const waiting = await rowsOf(
      gate,
      `select from pg_locks where locktype = 'advisory' and not granted and pid = ${backend}`,
    )
    if (waiting.length > 0) return { backend, cut }
    await new Promise((wake) => setTimeout(wake, 10))
  }
}

let round = 0
it.each(
  POINTS.flatMap(([point, , , done], n) => [[point, CRASHES[n % 2]![0], CRASHES[n % 2]![1], done] as const]),
)('while %s, and %s, is done as a whole or not at all, and once', async (point, _, crash, done) => {
  const database = `round_${++round}`
  await server.query(`create database ${database} template base`)
  const { backend, cut } = await standStill(database, point)
  await crash(backend)
  // Until the postmaster has noticed, the server takes connections that it will cut.
  await cut
  await withClient(database, async (client) => {
    expect(
      changed(done ? after : before, await readTables(client, MUSIC_TABLES)).filter(
        (key) => !/customers\/7$/.test(key) || !done,
      ),
    ).toEqual([])
    expect(await states(client)).toEqual([
      { state: done ? 'executed' : 'approved', certificates: 0, kept: done },
    ])
  })
  await runToTheEnd(database)
  await withClient(database, async (client) => {
    expect(Object.keys(await readTables(client, MUSIC_TABLES)).sort()).toEqual(Object.keys(after).sort())
    expect(await states(client)).toEqual([{ state: 'blocked', certificates: 1, kept: true }])
    expect(await rowsOf(client, `select from lethe.request_events where to_state = 'executed'`)).toHaveLength(
      1,
    )
  })
  await server.query(`drop database ${database} with (force)`)
})
