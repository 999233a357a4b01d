/** Restored databases that went on living before anybody replayed: what a replay must not take for the person. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { settle } from '../../../src/ledger/gate.ts'
import type { Ledger } from '../../../src/ledger/ledger.ts'
import { replay } from '../../../src/ledger/replay.ts'
import { withSession } from '../../../src/ledger/session.ts'
import {
  approved,
  type Copy,
  connected,
  createRestorable,
  forget,
  members,
  type Restorable,
} from '../../helpers/restorable.ts'

let club: Restorable

beforeAll(async () => {
  club = await createRestorable({ north: 8, south: 4 })
  await club.query(`update club."Members" set "e-Mail" = null, phone = null where id in (7, 8)`)
})
afterAll(() => club?.drop())

async function fresh(): Promise<{ live: Copy; ledger: Ledger }> {
  const ledger = await club.newLedger()
  const live = await club.copy()
  await withSession(live.url, (db) => settle(db, ledger))
  return { live, ledger }
}

const decide = (copy: Copy, key: string, decision: string): Promise<unknown> =>
  copy.query(`select lethe.decide_replay_finding(id, $2) from lethe.list_replay_findings() where key = $1`, [
    key,
    decision,
  ])

describe('a key alone', () => {
  it('takes nobody: sequences went back, and who has it now may have come since', async () => {
    const { live, ledger } = await fresh()
    const backup = await club.copy(live)
    // They came after the backup, and had their keys from a sequence.
    await live.query(`insert into club."Members" (id, owner, "e-Mail") values
      (500, 1, null), (501, 1, null), (502, 1, 'person.502@example.org'), (503, 1, 'person.503@example.org')`)
    await forget(live, ledger, [500, 501, 502, 503, 7, 1])

    const restored = await club.copy(backup)
    await restored.query(`insert into club."Members" (id, owner, "e-Mail") values
      (500, 1, null), (501, 1, 'new.501@example.org'), (502, 1, null)`)
    const first = await replay({ databaseUrl: restored.url, ledger })
    expect(first).toMatchObject({ state: 'undecided', entries: 6, erased: 1, nobody: 1 })
    expect(first.findings.map(({ key, how }) => [key, how]).sort()).toEqual([
      ['500', 'key'],
      ['501', 'key'],
      ['502', 'key'],
      ['7', 'key'],
    ])
    expect(await members(restored)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 500, 501, 502])

    for (const key of ['500', '501', '502']) await decide(restored, key, 'keep')
    await decide(restored, '7', 'erase')
    expect(await replay({ databaseUrl: restored.url, ledger })).toMatchObject({ state: 'open', erased: 1 })
    expect(await members(restored)).toEqual([2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 500, 501, 502])
  })

  it('that was decided goes on with the request that the backup had, also one about two records', async () => {
    const { live, ledger } = await fresh()
    await connected(live, async (session) => {
      const request = await approved(session, 7)
      await session.query(
        `insert into lethe_private.request_roots (request_id, n, table_id, key)
         select request_id, 2, table_id, '8' from lethe_private.request_roots where request_id = ${request}`,
      )
      await session.query('select lethe.plan_request($1)', [request])
      await session.query('select lethe.approve_request($1)', [request])
    })
    const backup = await club.copy(live)
    const [{ id: request }] = (await live.query('select id::int from lethe.requests')) as [{ id: number }]
    await connected(live, async (session) => {
      const { executeLedgered } = await import('../../../src/ledger/execute.ts')
      expect(await executeLedgered(session, request, { ledger })).toBe('executed')
    })
    const restored = await club.copy(backup)
    const first = await replay({ databaseUrl: restored.url, ledger })
    expect(first).toMatchObject({ state: 'undecided', entries: 1, erased: 0 })
    expect(first.findings.map(({ key }) => key).sort()).toEqual(['7', '8'])
    await decide(restored, '7', 'erase')
    await decide(restored, '8', 'erase')
    expect(await replay({ databaseUrl: restored.url, ledger })).toMatchObject({ state: 'open' })
    expect(await restored.query('select id::int, state from lethe.requests')).toEqual([
      { id: request, state: 'completed' },
    ])
    expect(await members(restored)).toEqual(await members(live))
  })
})

describe('what the backup had under way', () => {
  it('is gone on with, and keeps the gate closed no longer', async () => {
    const { live, ledger } = await fresh()
    const [waiting, held] = await connected(live, async (session) => {
      const one = await approved(session, 2)
      await session.query(`select lethe.hold_person('case 3', 'member', key => '3', controller => 'north')`)
      const other = await approved(session, 3)
      await session.query('select lethe.execute_request($1)', [other])
      return [one, other]
    })
    const backup = await club.copy(live)
    await forget(live, ledger, [1])
    await forget(live, ledger, [9], 'south')

    const restored = await club.copy(backup)
    expect(await replay({ databaseUrl: restored.url, ledger })).toMatchObject({
      state: 'open',
      erased: 2,
      cycles: [{ state: 'complete' }, { state: 'complete' }],
    })
    expect(await members(restored)).toEqual([3, 4, 5, 6, 7, 8, 10, 11, 12])
    expect(
      await restored.query(
        `select id::int, state from lethe.requests where id in (${waiting}, ${held}) order by id`,
      ),
    ).toEqual([
      { id: waiting, state: 'completed' },
      { id: held, state: 'delayed' },
    ])
    // It has an entry like any other: the next backup that is put back knows of it.
    const entries = await ledger.since(0)
    const [{ entry }] = (await restored.query(
      `select (outcome ->> 'ledger')::int as entry from lethe.requests where id = ${waiting}`,
    )) as [{ entry: number }]
    expect(entries.find(({ number }) => number === entry)).toMatchObject({ event: 'erasure intent' })
    expect(entries.find(({ of }) => of === entry)).toMatchObject({ event: 'erasure completed' })

    // Put back a second time, and once more what the first replay did is done.
    const again = await club.copy(backup)
    expect(await replay({ databaseUrl: again.url, ledger })).toMatchObject({ state: 'open' })
    expect(await members(again)).toEqual(await members(restored))
  })
})

it('of those forgotten before the backup a kind of person may be gone from the policy', async () => {
  const { live, ledger } = await fresh()
  const old = await ledger.append({
    event: 'erasure intent',
    controller: 'north',
    request: 4711,
    received_at: '2026-01-01T00:00:00.000000Z',
    subject: 'subscriber',
    data: { roots: ['ab'.repeat(32)], identifiers: [] },
  })
  await ledger.append({ event: 'erasure completed', of: old.number, request: 4711 })
  await live.query('select lethe.know_entry($1, $2)', [old.number, old.hash])
  await withSession(live.url, (db) => settle(db, ledger))
  const backup = await club.copy(live)
  await forget(live, ledger, [4])
  const restored = await club.copy(backup)
  expect(await replay({ databaseUrl: restored.url, ledger })).toMatchObject({
    state: 'open',
    erased: 1,
    unlooked: ['subscriber of north'],
  })
  // One that is to be done again is not passed over.
  const lost = await ledger.append({
    event: 'erasure intent',
    controller: 'north',
    request: 4712,
    received_at: '2026-01-01T00:00:00.000000Z',
    subject: 'subscriber',
    data: { roots: ['ab'.repeat(32)], identifiers: [] },
  })
  await ledger.append({ event: 'erasure completed', of: lost.number, request: 4712 })
  await expect(replay({ databaseUrl: restored.url, ledger })).rejects.toMatchObject({ code: 'LE109' })
})

it('two replays at once do the work once', async () => {
  const { live, ledger } = await fresh()
  const backup = await club.copy(live)
  await forget(live, ledger, [1, 2, 3])
  await forget(live, ledger, [9, 10], 'south')
  const restored = await club.copy(backup)
  await restored.query(
    `insert into club."Members" (id, owner, "e-Mail") values (900, 1, 'person.1@example.org')`,
  )
  const results = await Promise.all([
    replay({ databaseUrl: restored.url, ledger }),
    replay({ databaseUrl: restored.url, ledger }),
  ])
  expect(results.map(({ erased }) => erased).sort()).toEqual([0, 5])
  expect(results.map(({ state }) => state)).toEqual(['undecided', 'undecided'])
  expect(await restored.query('select from lethe.replay_findings')).toHaveLength(1)
  await decide(restored, '900', 'erase')
  const ends = await Promise.all([
    replay({ databaseUrl: restored.url, ledger }),
    replay({ databaseUrl: restored.url, ledger }),
  ])
  expect(ends.map(({ state }) => state)).toEqual(['open', 'open'])
  expect(await members(restored)).toEqual(await members(live))
})
