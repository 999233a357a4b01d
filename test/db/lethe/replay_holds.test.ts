import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { executeLedgered } from '../../../src/ledger/execute.ts'
import { settle } from '../../../src/ledger/gate.ts'
import { shipHolds } from '../../../src/ledger/holds.ts'
import { rotateLedgerKey } from '../../../src/ledger/keys.ts'
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts'
import { replay } from '../../../src/ledger/replay.ts'
import { withSession } from '../../../src/ledger/session.ts'
import { refusal } from '../../helpers/database.ts'
import {
  approved,
  type Copy,
  connected,
  contents,
  createRestorable,
  forget,
  members,
  type Restorable,
} from '../../helpers/restorable.ts'

let club: Restorable

beforeAll(async () => {
  club = await createRestorable({ north: 60, south: 10 })
  // These have been archived: whole, and by a value.
  await club.query(`
    update club."Members" set at = current_date - 2200 where id in (50, 51);
    update club."Members" set at = current_date - 1200 where id in (52, 53)`)
  await club.query('call lethe.run_cycle()')
  expect(await members(club)).not.toContain(50)
  const [values] = await club.query<{ count: string }>(
    `select count(*) from lethe_private.mirrors where kind = 'values'`,
  )
  expect(Number(values!.count)).toBe(1)
})
afterAll(() => club?.drop())

const settled = (copy: Copy, ledger: Ledger) => withSession(copy.url, (db) => settle(db, ledger))
const ship = (copy: Copy, ledger: Ledger) => withSession(copy.url, (db) => shipHolds(db, ledger))

/** Holds in force, and whom they name: without their numbers, which a restored database gives anew. */
const inForce = (copy: Copy): Promise<unknown[]> =>
  copy.query(`
    select c.name as controller, h.kind, h.table_name, h.request_id is not null as is_restriction, w."when", h.ends_on::text,
      case when h.request_id is null then h.reason end as reason,
      (select array_agg(k.key order by k.key) from lethe_private.held_keys as k where k.hold_id = h.id) as keys
    from lethe.holds as h
    join lethe.controllers as c on c.id = h.controller_id
    left join lethe_private.held_conditions as w on w.hold_id = h.id
    where h.id in (select f from lethe_private.holds_in_force() as f)
    order by h.kind, h.reason, keys`)

describe('holds and restrictions', () => {
  let ledger: Ledger
  let live: Copy
  let restored: Copy

  beforeAll(async () => {
    ledger = await club.newLedger()
    live = await club.copy()
    await settled(live, ledger)
    await connected(live, async (session) => {
      await session.query(
        `select lethe.hold_table('audit of Ada Example', 'club.Members', controller => 'south')`,
      )
      await session.query(`select lethe.hold_person('case 19', 'member', key => '19', controller => 'north')`)
    })
    await ship(live, ledger)
    // In the backup, and not in the ledger yet.
    await live.query(`select lethe.hold_person('case 10', 'member', key => '10', controller => 'north')`)
    const backup = await club.copy(live)

    await connected(live, async (session) => {
      await session.query(
        `select lethe.release_hold(h.id, 'closed') from lethe.holds as h where h.reason ~ 'audit'`,
      )
      await session.query(
        `select lethe.hold_rows('case 11', 'club.notes', 'body = ''a word of Ada''', current_date + 90, 'north')`,
      )
      await session.query(
        `select lethe.hold_person('case 12', 'member', identifier => 'person.12@example.org', controller => 'north')`,
      )
      await executeLedgered(session, await approved(session, 13, { kind: 'restriction' }), { ledger })
      const brief = await approved(session, 14, { kind: 'restriction' })
      await executeLedgered(session, brief, { ledger })
      await session.query('select lethe.note_told($1, $2)', [brief, 'a letter'])
      await session.query('select lethe.lift_restriction($1, $2)', [brief, 'it was checked'])
      // Once nothing holds it any more it is forgotten.
      await session.query(
        `select lethe.release_hold(h.id, 'closed') from lethe.holds as h where h.reason = 'case 19'`,
      )
    })
    await forget(live, ledger, [19])
    restored = await club.copy(backup)
  })

  it('are in force again as they were, and what was released is', async () => {
    const expected = await inForce(live)
    expect(expected).toHaveLength(4)
    expect(await inForce(restored)).not.toEqual(expected)
    const result = await replay({ databaseUrl: restored.url, ledger })
    expect(result).toMatchObject({ state: 'open', placed: 3, released: 2, erased: 1, delayed: 0 })
    expect(await inForce(restored)).toEqual(expected)
    expect(await members(restored)).toEqual(await members(live))
    // Nothing is written twice, nor again.
    const { length } = await ledger.since(0)
    expect(await ship(restored, ledger)).toBe(0)
    expect(await replay({ databaseUrl: restored.url, ledger })).toMatchObject({
      state: 'open',
      entries: 0,
      placed: 0,
    })
    expect((await ledger.since(0)).length).toBe(length)
  })

  it('are released in the restored database, too, and that is written down', async () => {
    await restored.query(
      `select lethe.release_hold(h.id, 'over') from lethe.holds as h where h.reason = 'case 12' and h.released_at is null`,
    )
    expect(await ship(restored, ledger)).toBe(1)
    expect((await ledger.last())!.event).toBe('hold released')
  })

  it('stand in the ledger without what they are about', async () => {
    const names = await readdir(ledger.folder)
    const text = (await Promise.all(names.map((name) => readFile(join(ledger.folder, name), 'utf8')))).join(
      '',
    )
    expect(text).toMatch(/"event":"restriction lifted"/)
    expect(text).not.toMatch(/Ada Example|word of Ada|case 1|example\.org|a letter|was checked/)
  })
})

describe('what a replay does not decide', () => {
  let ledger: Ledger
  let live: Copy
  let restored: Copy

  beforeAll(async () => {
    const first = await club.newLedger()
    live = await club.copy()
    await settled(live, first)
    // Forgotten, and come back, before the backup was made.
    await forget(live, first, [40])
    await live.query(
      `insert into club."Members" (id, owner, "e-Mail") values (940, 1, 'PERSON.40@example.org')`,
    )
    restored = await club.copy(live)
    await rotateLedgerKey(first.keys.path)
    ledger = await openLedger({ folder: first.folder, keyFile: first.keys.path, term: 'P1Y' })
    // Among them archived ones, and one that is masked.
    await forget(live, ledger, [30, 31, 32, 50, 52])
    await forget(live, ledger, [61], 'south')
  })

  it('is asked about, and what fails is tried again', async () => {
    await restored.query(`
      update club."Members" set "e-Mail" = 'new@holder.example', phone = '+44 20 1234 5678' where id = 30;
      insert into club."Members" (id, owner, "e-Mail") values (961, 2, 'person.61@example.org'), (962, 1, 'person.61@example.org');
      create function club.refuse() returns trigger language plpgsql as $$ begin raise exception 'no: %', old."e-Mail"; end $$;
      create trigger refuse before delete on club."Members" for each row when (old.id = 31) execute function club.refuse()`)
    const first = await replay({ databaseUrl: restored.url, ledger })
    expect(first).toMatchObject({ state: 'undecided', entries: 6, erased: 4 })
    const found = first.findings.map(({ key, how, controller, failure }) => ({
      key,
      how,
      controller,
      failure,
    }))
    expect(found.sort((a, b) => Number(a.key) - Number(b.key))).toEqual([
      { key: '30', how: 'key', controller: 'north', failure: null },
      { key: '31', how: 'failed', controller: 'north', failure: { sqlstate: expect.any(String) } },
      { key: '940', how: 'identifier', controller: 'north', failure: null },
      { key: '961', how: 'identifier', controller: 'south', failure: null },
    ])
    // One controller's forgotten people are nobody to another: 962 is north's.
    expect(await members(restored)).toEqual(expect.arrayContaining([30, 31, 940, 961, 962]))

    await restored.query('drop trigger refuse on club."Members"')
    const second = await replay({ databaseUrl: restored.url, ledger })
    expect(second).toMatchObject({ state: 'undecided', entries: 1, erased: 1 })
    expect(second.findings.map(({ key }) => key).sort()).toEqual(['30', '940', '961'])

    const idOf = (key: string): number => second.findings.find((finding) => finding.key === key)!.id
    const north = await restored.query<{ me: string }>(
      `create role ${restored.name}_north login; grant lethe_officer to ${restored.name}_north;
       select lethe.add_member('${restored.name}_north', 'north'); select '${restored.name}_north' as me`,
    )
    const url = new URL(restored.url)
    url.username = north[0]!.me
    await connected({ ...restored, url: url.href }, async (officer) => {
      const { rows } = await officer.query('select key from lethe.list_replay_findings() order by key')
      expect(rows).toEqual([{ key: '30' }, { key: '940' }])
      const decide = (key: string, decision: string) =>
        officer.query('select lethe.decide_replay_finding($1, $2)', [idOf(key), decision])
      expect(await refusal(decide('961', 'keep'))).toMatchObject({ code: 'LE457' })
      expect(await refusal(decide('940', 'perhaps'))).toMatchObject({ code: 'LE457' })
      await decide('940', 'keep')
      await decide('30', 'keep')
      expect(await refusal(officer.query('select lethe.finish_replay(1, null)'))).toMatchObject({
        code: '42501',
      })
    })
    await restored.query('select lethe.decide_replay_finding($1, $2)', [idOf('961'), 'erase'])
    const last = await replay({ databaseUrl: restored.url, ledger })
    expect(last).toMatchObject({ state: 'open', erased: 1 })
    expect(await members(restored)).toEqual(expect.arrayContaining([30, 940, 962]))
    expect(await members(restored)).not.toEqual(expect.arrayContaining([961]))
    await connected(restored, (owner) =>
      owner.query(`drop owned by ${north[0]!.me}; drop role ${north[0]!.me}`),
    ).catch(() => restored.query(`drop owned by ${north[0]!.me}; drop role ${north[0]!.me}`))
    // Live and archived, nothing is left of who was forgotten.
    const mirrors = await restored.query<{ name: string }>('select name from lethe_private.mirrors')
    for (const { name } of mirrors) {
      const keys = await restored.query<{ key: string }>(
        `select "lethe$key" as key from lethe_archive.${name}`,
      )
      expect(keys.map(({ key }) => key)).not.toEqual(expect.arrayContaining(['50']))
      if (name.includes('values')) expect(keys.map(({ key }) => key)).not.toContain('52')
    }
  })
})

describe('which ledger a database has', () => {
  it('is not one of another, unless the backup is older than the ledger', async () => {
    const ledger = await club.newLedger()
    const backup = await club.copy()
    const live = await club.copy()
    await settled(live, ledger)
    await forget(live, ledger, [1])
    expect(await settled(backup, ledger).catch(({ code }) => code)).toBe('LE452')
    expect(await replay({ databaseUrl: backup.url, ledger }).catch(({ code }) => code)).toBe('LE452')
    expect(await members(backup)).toContain(1)
    expect(await replay({ databaseUrl: backup.url, ledger, adopt: true })).toMatchObject({
      state: 'open',
      erased: 1,
    })
    expect(await contents(backup)).toEqual(await contents(live))
    // A database that has one takes no other, be it empty.
    expect(await settled(live, await club.newLedger()).catch(({ code }) => code)).toBe('LE452')
    expect(await settled(live, ledger)).toMatchObject({ state: { replaying: false } })
  })

  it('may point to nobody any more: what is over its term is counted, and not done', async () => {
    const ledger = await club.newLedger()
    const live = await club.copy()
    await settled(live, ledger)
    const backup = await club.copy(live)
    await forget(live, ledger, [2])
    vi.useFakeTimers({ now: Date.now() + 370 * 86_400_000, toFake: ['Date'] })
    try {
      expect(await ledger.prune()).toBe(1)
      expect(await replay({ databaseUrl: backup.url, ledger })).toMatchObject({
        state: 'open',
        expired: 1,
        erased: 0,
      })
    } finally {
      vi.useRealTimers()
    }
    expect(await members(backup)).toContain(2)
  })
})
