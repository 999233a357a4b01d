import { spawn } from 'node:child_process'
import { createHmac, hkdfSync } from 'node:crypto'
import { once } from 'node:events'
import { readFile, rename } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { executeLedgered, executeManyLedgered, isRolledBack } from '../../../src/ledger/execute.ts'
import { openIntents, settle } from '../../../src/ledger/gate.ts'
import type { Ledger } from '../../../src/ledger/ledger.ts'
import { replay } from '../../../src/ledger/replay.ts'
import { withSession } from '../../../src/ledger/session.ts'
import { lethe } from '../../helpers/cli.ts'
import { refusal } from '../../helpers/database.ts'
import {
  approved,
  type Copy,
  connected,
  contents,
  createRestorable,
  members,
  type Restorable,
} from '../../helpers/restorable.ts'

const child = fileURLToPath(new URL('../../helpers/ledger-crash.ts', import.meta.url))

let club: Restorable

beforeAll(async () => {
  club = await createRestorable({ north: 6, south: 2 })
  // Slow enough to be killed within.
  await club.query(`
    create function club.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.8); return old; end $$;
    create trigger dawdle before delete on club."Members" for each row when (old.id = 3) execute function club.dawdle()`)
})
afterAll(() => club?.drop())

/** A database with a ledger of its own, as it is before anything is asked for. */
async function fresh(): Promise<{ live: Copy; backup: Copy; ledger: Ledger }> {
  const ledger = await club.newLedger()
  const live = await club.copy()
  await withSession(live.url, (db) => settle(db, ledger))
  return { live, backup: await club.copy(live), ledger }
}

async function killedAt(
  point: string,
  live: Copy,
  ledger: Ledger,
  request: number | number[],
): Promise<void> {
  const process_ = spawn(
    process.execPath,
    [child, live.url, ledger.folder, ledger.keys.path, String(request), point],
    { stdio: 'inherit' },
  )
  const [, signal] = await once(process_, 'exit')
  expect([point, signal]).toEqual([point, 'SIGKILL'])
  // The server has noticed.
  for (;;) {
    const busy = await live.query(
      `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
    )
    if (busy.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const stateOf = async (copy: Copy, request: number): Promise<string> =>
  (await copy.query<{ state: string }>('select state from lethe.requests where id = $1', [request]))[0]!.state

describe.each([
  { point: 'before erasure intent', announced: 0 },
  { point: 'after erasure intent', announced: 1 },
  { point: 'within', announced: 1 },
  { point: 'before erasure completed', announced: 1 },
  { point: 'after erasure completed', announced: 1 },
])('a worker killed $point', ({ point, announced }) => {
  let live: Copy
  let ledger: Ledger
  let request: number
  /** The backup, and the ledger as it was when the worker was gone. */
  let restored: Copy
  let left: Ledger

  beforeAll(async () => {
    const made = await fresh()
    live = made.live
    ledger = made.ledger
    request = await connected(live, (session) => approved(session, 3))
    await killedAt(point, live, ledger, request)
    restored = made.backup
    left = await club.copyLedger(ledger)
  })

  it('has forgotten the person whole, or not at all, and goes on from there', async () => {
    await withSession(live.url, async (db) => {
      if ((await stateOf(live, request)) === 'approved') await executeLedgered(db, request, { ledger })
      const { missing, lost, unended } = await settle(db, ledger)
      expect({ missing, lost, unended }).toEqual({ missing: [], lost: [], unended: [] })
    })
    expect(await stateOf(live, request)).toBe('executed')
    expect(await members(live)).toEqual([1, 2, 4, 5, 6, 7, 8])
    const entries = await ledger.since(0)
    expect(openIntents(entries)).toEqual([])
    expect(entries.filter(({ event }) => event === 'erasure completed')).toHaveLength(1)
  })

  it('is made up for by a replay, if it had announced anything', async () => {
    expect((await members(restored)).length).toBe(8)
    const result = await replay({ databaseUrl: restored.url, ledger: left })
    expect(result).toMatchObject({ state: 'open', entries: announced, erased: announced, findings: [] })
    expect(openIntents(await left.since(0))).toEqual([])
    if (announced === 0) expect((await members(restored)).length).toBe(8)
    else expect(await contents(restored)).toEqual(await contents(live))
  })
})

describe.each([
  { point: 'before erasure intent 1', announced: 0 },
  { point: 'after erasure intent 2', announced: 2 },
  { point: 'after erasure intent 3', announced: 3 },
  { point: 'within', announced: 3 },
  { point: 'before erasure completed 1', announced: 3 },
  { point: 'after erasure completed 2', announced: 3 },
  { point: 'after erasure completed 3', announced: 3 },
])('one that executes three at once, killed $point', ({ point, announced }) => {
  const keys = [1, 3, 5]
  let live: Copy
  let ledger: Ledger
  let requests: number[]
  let restored: Copy
  let left: Ledger

  beforeAll(async () => {
    const made = await fresh()
    live = made.live
    ledger = made.ledger
    requests = await connected(live, async (session) => {
      await session.query('select lethe.require_ledger()')
      const opened: number[] = []
      for (const key of keys) opened.push(await approved(session, key))
      return opened
    })
    await killedAt(point, live, ledger, requests)
    restored = made.backup
    left = await club.copyLedger(ledger)
  })

  it('has forgotten all of them or none, and goes on from there', async () => {
    const states = new Set(await Promise.all(requests.map((request) => stateOf(live, request))))
    expect(states.size).toBe(1)
    await withSession(live.url, async (db) => {
      if (states.has('approved'))
        expect([...(await executeManyLedgered(db, requests, ledger)).values()]).toEqual(
          keys.map(() => 'executed'),
        )
      const { missing, lost, unended } = await settle(db, ledger)
      expect({ missing, lost, unended }).toEqual({ missing: [], lost: [], unended: [] })
    })
    expect(await members(live)).toEqual([2, 4, 6, 7, 8])
    const entries = await ledger.since(0)
    expect(openIntents(entries)).toEqual([])
    expect(
      entries.filter(({ event }) => event === 'erasure completed').map(({ request }) => request),
    ).toEqual(requests)
    // Each erasure names the entry that announced it.
    const named = await live.query<{ id: number; entry: number }>(
      `select id::int, (outcome ->> 'ledger')::int as entry from lethe.requests where kind = 'erasure' order by id`,
    )
    expect(named.map(({ id }) => id)).toEqual(requests)
    for (const { id, entry } of named)
      expect(entries.find(({ number }) => number === entry)).toMatchObject({
        event: 'erasure intent',
        request: id,
      })
  })

  it('is made up for by a replay, as far as it had announced anything', async () => {
    const result = await replay({ databaseUrl: restored.url, ledger: left })
    expect(result).toMatchObject({ state: 'open', entries: announced, erased: announced, findings: [] })
    expect(openIntents(await left.since(0))).toEqual([])
    const gone = keys.slice(0, announced)
    expect(await members(restored)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].filter((key) => !gone.includes(key)))
  })
})

it('many with the ledger: who fails is abandoned, and leaves the others alone', async () => {
  const { live, ledger } = await fresh()
  await live.query(`
    create function club.refuse() returns trigger language plpgsql as $$ begin raise exception 'no: %', old."e-Mail"; end $$;
    create trigger refuse before delete on club."Members" for each row when (old.id = 4) execute function club.refuse()`)
  await connected(live, async (session) => {
    await session.query('select lethe.require_ledger()')
    const requests = [await approved(session, 2), await approved(session, 4), await approved(session, 6)]
    const south = await approved(session, 7, { controller: 'south' })
    const restriction = await approved(session, 5, { kind: 'restriction' })
    const all = [south, restriction, ...requests]
    expect(await executeManyLedgered(session, all, ledger)).toEqual(
      new Map([
        [requests[0], 'executed'],
        [requests[1], 'failed'],
        [requests[2], 'executed'],
        [south, 'executed'],
        [restriction, 'completed'],
      ]),
    )
    expect(await members(live)).toEqual([1, 3, 4, 5, 8])
    const entries = await ledger.since(0)
    const ends = (event: string) =>
      entries
        .filter((entry) => entry.event === event)
        .map(({ request }) => request)
        .sort()
    expect(ends('erasure abandoned')).toEqual([requests[1]])
    expect(ends('erasure completed')).toEqual([requests[0], requests[2], south].sort())
    expect(ends('restriction')).toEqual([restriction])
    expect((await settle(session, ledger)).missing).toEqual([])
    // What failed is in nobody's way, and those that are done are not done twice.
    await live.query('drop trigger refuse on club."Members"')
    const again = await lethe(['request', 'execute', ...all.map(String), '--json'], {
      databaseUrl: live.url,
      env: { LETHE_LEDGER: ledger.folder, LETHE_LEDGER_KEYS: ledger.keys.path },
    })
    expect(again.rows()).toEqual(
      all.map((id) => ({
        id,
        kind: id === restriction ? 'restriction' : 'erasure',
        state: 'completed',
        failed: null,
        untold: 0,
      })),
    )
    expect(again.code).toBe(0)
  })
  expect(await members(live)).toEqual([1, 3, 5, 8])
  expect(openIntents(await ledger.since(0))).toEqual([])
})

it('takes a broken connection for no answer of the server', () => {
  const thrown = (code: string, severity?: string): Error => Object.assign(new Error('x'), { code, severity })
  expect(isRolledBack(thrown('40001', 'ERROR'))).toBe(true)
  expect(isRolledBack(thrown('LE435', 'ERROR'))).toBe(true)
  expect(isRolledBack(thrown('57P01', 'FATAL'))).toBe(false)
  expect(isRolledBack(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))).toBe(false)
})

it('does again an erasure of which nobody knows whether it was committed', async () => {
  const { live, backup, ledger } = await fresh()
  const request = await connected(live, (session) => approved(session, 3))
  await killedAt('after erasure intent', live, ledger, request)
  const restored = await club.copy(backup)
  const closed = await refusal(
    connected(restored, (session) => executeLedgered(session, request, { ledger })),
  )
  expect(closed.code).toBe('LE114')
  const { lost } = await withSession(restored.url, (db) => settle(db, ledger))
  expect(lost).toMatchObject([{ event: 'erasure intent', request }])
  expect(await replay({ databaseUrl: restored.url, ledger })).toMatchObject({ state: 'open', erased: 1 })
  expect(await members(restored)).toEqual([1, 2, 4, 5, 6, 7, 8])
})

it('misses nobody when transactions commit in another order than their intents were written', async () => {
  const { live, ledger } = await fresh()
  await connected(live, async (one) => {
    const first = await approved(one, 1)
    const second = await approved(one, 2)
    const subject = { event: 'erasure intent', controller: 'north', subject: 'member' } as const
    const intents = []
    for (const request of [first, second]) {
      const [row] = (
        await one.query('select lethe.ledger_subject($1, $2) as it', [request, ledger.keys.newest.pads])
      ).rows
      const { roots, identifiers, received_at } = row.it
      intents.push(await ledger.append({ ...subject, request, received_at, data: { roots, identifiers } }))
    }
    // The one whose intent came later commits first, and the first one's worker is still at it.
    await one.query('select lethe.lock_ledgered($1)', [first])
    await one.query('select lethe.execute_request($1, $2, $3)', [
      second,
      intents[1]!.number,
      intents[1]!.hash,
    ])
    await withSession(live.url, (db) => settle(db, ledger))
    expect((await one.query('select last_number::int from lethe.ledger_state()')).rows[0]).toEqual({
      last_number: intents[0]!.number - 1,
    })
  })
  const between = await club.copy(live)
  await connected(live, async (one) => {
    const [intent] = openIntents(await ledger.since(0))
    await one.query('select lethe.execute_request($1, $2, $3)', [
      intent!.request,
      intent!.number,
      intent!.hash,
    ])
  })
  await withSession(live.url, (db) => settle(db, ledger))
  expect(openIntents(await ledger.since(0))).toEqual([])
  expect(await members(between)).toContain(1)
  const result = await replay({ databaseUrl: between.url, ledger })
  expect(result).toMatchObject({ state: 'open', entries: 1, erased: 1 })
  expect(await contents(between)).toEqual(await contents(live))
})

it('erases nothing that it cannot write down, and does once it can', async () => {
  const { live, ledger } = await fresh()
  await connected(live, async (session) => {
    const request = await approved(session, 4)
    await rename(ledger.folder, `${ledger.folder}.gone`)
    expect(await refusal(executeLedgered(session, request, { ledger }))).toMatchObject({ code: 'LE456' })
    expect(await stateOf(live, request)).toBe('approved')
    expect(await members(live)).toContain(4)
    await rename(`${ledger.folder}.gone`, ledger.folder)
    expect(await executeLedgered(session, request, { ledger })).toBe('executed')
  })
  expect(await members(live)).not.toContain(4)
})

it('abandons an intent whose erasure the database refuses', async () => {
  const { live, ledger } = await fresh()
  await live.query(`
    create function club.refuse() returns trigger language plpgsql as $$ begin raise exception 'no: %', old."e-Mail"; end $$;
    create trigger refuse before delete on club."Members" for each row execute function club.refuse()`)
  await connected(live, async (session) => {
    const request = await approved(session, 5)
    await expect(executeLedgered(session, request, { ledger })).rejects.toBeDefined()
    expect((await ledger.since(0)).map(({ event }) => event)).toEqual([
      'opened',
      'erasure intent',
      'erasure abandoned',
    ])
    await live.query('drop trigger refuse on club."Members"')
    expect(await executeLedgered(session, request, { ledger })).toBe('executed')
  })
  // A backup from before needs the second one alone.
  expect((await ledger.since(0)).map(({ event }) => event).slice(3)).toEqual([
    'erasure intent',
    'erasure completed',
  ])
})

it('refuses an erasure without an entry once a ledger is required', async () => {
  const { live, ledger } = await fresh()
  await connected(live, async (session) => {
    const request = await approved(session, 6)
    await session.query('select lethe.require_ledger()')
    expect(await refusal(session.query('select lethe.execute_request($1)', [request]))).toMatchObject({
      code: 'LE454',
    })
    const { rows } = await session.query('select state from lethe.execute_requests(array[$1]::bigint[])', [
      request,
    ])
    expect(rows).toEqual([{ state: 'failed' }])
    expect(await members(live)).toContain(6)
    expect(await executeLedgered(session, request, { ledger })).toBe('executed')
  })
  const officer = await refusal(
    connected(live, async (session) => {
      await session.query('set role lethe_officer')
      await session.query('select lethe.settle_ledger(99, null)')
    }),
  )
  expect(officer.code).toBe('42501')
})

it('is written by a worker that may do nothing else', async () => {
  const { live, ledger } = await fresh()
  const request = await connected(live, (session) => approved(session, 6))
  await connected(live, async (session) => {
    await session.query('set role lethe_worker')
    expect(await executeLedgered(session, request, { ledger })).toBe('executed')
  })
  expect(await members(live)).not.toContain(6)
  // As docs/ledger.md says, so that it can be recomputed without Lethe.
  const { keys } = JSON.parse(await readFile(ledger.keys.path, 'utf8'))
  const key = Buffer.from(hkdfSync('sha256', Buffer.from(keys[0].key, 'hex'), '', 'lethe ledger hash', 32))
  const hmac = (text: string): string => createHmac('sha256', key).update(text).digest('hex')
  const intent = (await ledger.since(0)).find(({ event }) => event === 'erasure intent')
  expect(intent!.data).toEqual({
    roots: [hmac('root "club" "Members" 6')],
    identifiers: [
      hmac('identifier "member" person.6@example.org'),
      hmac('identifier "member" tel:610000006'),
    ].sort(),
  })
})
