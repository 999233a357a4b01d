import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Ledger } from '../../../src/ledger/ledger.ts'
import { lethe, type Outcome } from '../../helpers/cli.ts'
import {
  type Copy,
  contents,
  createRestorable,
  forget,
  members,
  type Restorable,
} from '../../helpers/restorable.ts'
import { PASSWORD, redirect } from '../../helpers/server.ts'

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

let club: Restorable

beforeAll(async () => {
  club = await createRestorable()
})
afterAll(() => club?.drop())

const run = (args: string[], { url }: Copy): Promise<Outcome> =>
  lethe([...args, '--json'], { databaseUrl: url, env: club.env })

/** All that the ledger has written down. */
async function written({ folder }: Ledger): Promise<string> {
  const names = await readdir(folder)
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('')
}

describe('fifty people forgotten after the backup was made', () => {
  let backup: Copy
  /** As the live database was when it was lost. */
  let lost: unknown[]

  beforeAll(async () => {
    expect((await run(['ledger', 'status'], club)).rows()).toMatchObject([{ gate: 'open', missing: 0 }])
    backup = await club.copy()
    await forget(club, club.ledger, range(1, 40))
    await forget(club, club.ledger, range(61, 70), 'south')
    lost = await contents(club)
  })

  it('are forgotten again, and who has come since is asked about', async () => {
    const restored = await club.copy(backup)
    expect(await members(restored)).toHaveLength(80)
    // Two imported again under new keys, and one who has registered again.
    await restored.query(`
      insert into club."Members" (id, owner, "e-Mail", phone) values
        (901, 1, ' person.3@EXAMPLE.org', null),
        (902, 1, 'somebody@else.example', '0033 6 10 00 00 07'),
        (903, 2, 'Person.61@example.org', null)`)

    const login = `${restored.name}_api`
    await restored.query(`create role ${login} login password '${PASSWORD}' in role lethe_api`)
    const serving = { ...restored, url: redirect(restored.url, { login }) }
    for (const [command, as] of [
      [['run'], restored],
      [['work'], restored],
      [['serve', '--port', '5999'], serving],
    ] as const) {
      const { code, stderr } = await run([...command], as)
      expect([command, code, stderr]).toEqual([command, 2, expect.stringContaining('"LE451"')])
    }
    await restored.query(`drop role ${login}`)
    expect(await members(restored)).toHaveLength(83)

    const first = await run(['replay'], restored)
    expect(first.rows()).toMatchObject([
      { state: 'undecided', entries: 50, erased: 50, delayed: 0, undecided: [{}, {}, {}] },
    ])
    expect(first.code).toBe(1)
    // Nobody is named in what may end in a log.
    expect(first.stdout + first.stderr).not.toMatch(/person|example|90[123]/i)
    expect(await members(restored)).toEqual([...range(41, 60), ...range(71, 80), 901, 902, 903])

    // The gate stays closed, however often.
    expect((await run(['run'], restored)).code).toBe(2)
    expect((await run(['replay'], restored)).rows()).toMatchObject([{ state: 'undecided', erased: 0 }])

    const listed = await run(['replay', '--list'], restored)
    const findings = listed.rows() as { id: number; key: string }[]
    expect(findings).toMatchObject([
      { key: '901', how: 'has an identifier of who was forgotten', controller: 'north', decision: null },
      { key: '902', controller: 'north' },
      { key: '903', controller: 'south' },
    ])
    const idOf = (key: string): number => findings.find((finding) => finding.key === key)!.id
    const decisions = [`${idOf('901')}=erase`, `${idOf('902')}=erase`, `${idOf('903')}=keep`]
    const half = await run(['replay', '--decide', decisions[0]!], restored)
    expect(half.rows()).toMatchObject([{ state: 'undecided', erased: 1 }])
    expect(half.code).toBe(1)

    const done = await run(['replay', '--decide', decisions[1]!, '--decide', decisions[2]!], restored)
    expect(done.rows()).toMatchObject([
      { state: 'open', erased: 1, undecided: [], cycles: [{ state: 'complete' }, { state: 'complete' }] },
    ])
    expect(done.code).toBe(0)
    // The same as in the database that was lost, but for the one who is kept.
    await restored.query('delete from club."Members" where id = 903')
    expect(await contents(restored)).toEqual(lost)

    expect((await run(['run'], restored)).code).toBe(0)
    expect((await run(['replay'], restored)).rows()).toMatchObject([{ state: 'open', entries: 0, erased: 0 }])
    // What was decided stays written down, without who it was about.
    expect(await restored.query('select how, decision from lethe.replay_findings order by id')).toEqual([
      { how: 'identifier', decision: 'erase' },
      { how: 'identifier', decision: 'erase' },
      { how: 'identifier', decision: 'keep' },
    ])
    expect(await restored.query('select from lethe_private.replay_finding_keys')).toEqual([])
    expect(await restored.query('select from lethe_private.replay_matches')).toEqual([])
  })

  it('are told apart by nobody who reads the ledger', async () => {
    const text = await written(club.ledger)
    expect(text).toContain('erasure intent')
    expect(text).not.toMatch(/person\.|example\.org|10000/i)
  })

  it('are forgotten again although the replay is killed again and again', async () => {
    const restored = await club.copy(backup)
    let killed = 0
    for (let wait = 2_000; ; wait *= 1.6) {
      const stop = AbortSignal.timeout(Math.round(wait))
      const { code } = await lethe(['replay', '--json'], {
        databaseUrl: restored.url,
        env: club.env,
        signal: stop,
        stopWith: 'SIGKILL',
      })
      if (code === 0) break
      expect(code).toBeNull()
      killed += 1
      // Closed at every moment before the end.
      if (killed % 3 === 1) expect((await run(['run'], restored)).code).toBe(2)
    }
    expect(killed).toBeGreaterThan(0)
    expect(await contents(restored)).toEqual(lost)
    expect((await run(['ledger', 'status'], restored)).rows()).toMatchObject([{ gate: 'open', missing: 0 }])
  })
})
