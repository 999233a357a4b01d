import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { applyPolicy, rowsOf } from '../helpers/engine.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    create schema live;
    create table live.readers (id int primary key, email text, gone boolean not null default false);
    create table live.visits (id bigint generated always as identity primary key, reader_id int not null references live.readers on delete cascade, at timestamptz);
    create index on live.visits (reader_id, at);`)
  await applyPolicy(db, {
    version: 1,
    controllers: { north: { time_zone: 'Europe/Paris' } },
    tables: {
      'live.readers': {
        since: 'max(visits.at)',
        columns: { email: { purge: { after: 'P1Y', when: 'not gone' } } },
        purge: { after: 'P1Y', when: 'gone' },
      },
      'live.visits': { with: 'parent' },
    },
  })
})
afterAll(() => db.drop())

beforeEach(() =>
  db.query(`
  update lethe.cycles set state = 'incomplete', finished_at = now() where state = 'open';
  truncate live.readers, live.visits;
  update lethe.settings set batch_rows = 50, lock_timeout = '5 seconds';
  insert into live.readers (id, email) select i, 'reader.' || i || '@example.org' from generate_series(1, 200) as i;
  insert into live.visits (reader_id, at) select i, now() - interval '2 years' from generate_series(1, 200) as i;`),
)

/** A cycle that has searched the given phase and is about to take its first batch. */
async function discovered(phase: string): Promise<(client?: pg.Client) => Promise<string>> {
  if (phase === 'purge') await db.query('update live.readers set gone = true')
  const [row] = await db.query<{ cycle: number; table_id: number }>(`
    select s.cycle, m.id as table_id from lethe.start_cycle('north') as s (cycle), lethe.managed_tables as m where m.table_name = 'readers'`)
  const step = async (client?: pg.Client): Promise<string> =>
    (
      await rowsOf<{ state: string }>(client ?? db, 'select (lethe.sweep_step($1, $2)).state', [
        row!.cycle,
        row!.table_id,
      ])
    )[0]!.state
  expect(await step()).toBe('discovered')
  if (phase === 'columns') expect(await step()).toBe('discovered')
  return step
}

async function toTheEnd(step: () => Promise<string>): Promise<void> {
  for (let i = 0; i < 100; i++) if (['done', 'failed'].includes(await step())) return
  throw new Error('the table is never done')
}

/** Until somebody waits for a lock. */
async function untilWaiting(): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const [row] = await db.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    if (row!.n > 0) return
    await new Promise((wake) => setTimeout(wake, 20))
  }
  await db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`,
  )
  throw new Error('nobody waits')
}

const reader = async (id: number) =>
  (await db.query<{ email: string | null }>('select email from live.readers where id = $1', [id]))[0]

describe.each(['columns', 'purge'])('an event that comes while a batch is swept (%s)', (phase) => {
  it('and is not committed yet is waited for, and its reader left alone', async () => {
    const step = await discovered(phase)
    const app = await db.connect()
    await app.query('begin')
    await app.query('insert into live.visits (reader_id, at) values (7, now())')
    const waiting = step()
    await untilWaiting()
    await app.query('commit')
    expect(await waiting).toBe('swept')
    await toTheEnd(step)
    expect(await reader(7)).toEqual({ email: 'reader.7@example.org' })
    expect((await reader(8))?.email ?? null).toBeNull()
  })

  it('and was committed since the search is seen, and its reader left alone', async () => {
    const step = await discovered(phase)
    await db.query('insert into live.visits (reader_id, at) values (7, now())')
    await toTheEnd(step)
    expect(await reader(7)).toEqual({ email: 'reader.7@example.org' })
    expect((await reader(8))?.email ?? null).toBeNull()
  })

  it('after the batch has looked waits for it, and comes after it', async () => {
    const step = await discovered(phase)
    const sweeper = await db.connect()
    await sweeper.query('begin')
    expect(await step(sweeper)).toBe('swept')
    const app = await db.connect()
    const insert = app.query('insert into live.visits (reader_id, at) values (7, now())').then(
      () => 'done',
      (error: { code: string }) => error.code,
    )
    await untilWaiting()
    await sweeper.query('commit')
    // The reader was masked before the event came; or is gone, and the event with it.
    expect(await insert).toBe(phase === 'columns' ? 'done' : '23503')
    await toTheEnd(step)
    expect(await reader(7)).toEqual(phase === 'columns' ? { email: null } : undefined)
  })
})
