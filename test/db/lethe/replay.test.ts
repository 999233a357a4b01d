import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { replay } from '../../../src/ledger/replay.ts'
import { lethe } from '../../helpers/cli.ts'
import {
  type Copy,
  contents,
  createRestorable,
  forget,
  members,
  type Restorable,
} from '../../helpers/restorable.ts'

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('a backup that is put back', () => {
  let club: Restorable
  let backup: Copy
  /** As the live database was when it was lost. */
  let lost: unknown[]

  beforeAll(async () => {
    club = await createRestorable()
    await lethe(['ledger', 'status'], { databaseUrl: club.url, env: club.env })
    backup = await club.copy()
    // 40 of north's, 10 of south's.
    await forget(club, club.ledger, [...range(1, 40), ...range(61, 70)])
    lost = await contents(club)
  })
  afterAll(() => club?.drop())

  it('forgets again who was forgotten, and asks about who has come since', async () => {
    const restored = await club.copy(backup)
    expect((await members(restored)).length).toBe(80)
    await restored.query(`
      insert into club."Members" (id, owner, "e-Mail", phone) values
        (901, 1, 'person.3@EXAMPLE.org ', null),
        (902, 1, 'somebody@else.example', '0033 6 10 00 00 07'),
        (903, 2, 'Person.61@example.org', null)`)

    for (const command of [['run'], ['work'], ['serve', '--port', '5999']]) {
      const { code, stderr } = await lethe(command, { databaseUrl: restored.url, env: club.env })
      expect([command, code, stderr]).toEqual([command, 2, expect.stringContaining('[LE451]')])
    }

    const first = await lethe(['replay', '--json'], { databaseUrl: restored.url, env: club.env })
    expect(first.stderr).toBe('')
    expect(first.rows()).toMatchObject([
      { state: 'undecided', entries: 50, erased: 50, undecided: [{}, {}, {}] },
    ])
    expect(first.stdout + first.stderr).not.toMatch(/example|90[123]/)
    expect(first.code).toBe(1)
    expect(await members(restored)).toEqual([...range(41, 60), ...range(71, 80), 901, 902, 903])
  })
})
