import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

let db: TestDatabase
let databaseUrl: string
beforeAll(async () => {
  db = await createDatabase()
  databaseUrl = db.installer.url
  await db.installer.query(`select lethe.set_controller('north', 'Europe/Paris')`)
})
afterAll(() => db.drop())

describe('lethe token', () => {
  it('prints a new token alone on stdout, lists it without showing it, and revokes it', async () => {
    expect((await lethe(['token', 'list'], { databaseUrl })).stdout).toContain('There is no token')
    const issued = await lethe(
      [
        'token',
        'issue',
        '--role',
        'officer',
        '--controller',
        'north',
        '--expires',
        'P30D',
        '--name',
        'web site',
      ],
      { databaseUrl },
    )
    expect(issued.code).toBe(0)
    expect(issued.stdout).toMatch(/^lethe_[0-9a-f]{64}\n$/)
    expect(issued.stderr).toContain('it is shown this once. It acts as officer for north')

    const listed = await lethe(['token', 'list'], { databaseUrl })
    expect(listed.stdout).toMatch(/1 +web site +officer +north +\S+ +lethe_test_installer .* good/)
    expect(listed.stdout).not.toContain(issued.stdout.trim().slice(6))

    expect(await lethe(['token', 'revoke', '1'], { databaseUrl })).toMatchObject({
      code: 0,
      stdout: '✓ token 1 is revoked\n',
    })
    expect((await lethe(['--json', 'token', 'list'], { databaseUrl })).rows()).toMatchObject([
      { id: 1, name: 'web site', state: 'revoked' },
    ])
  })

  it('speaks JSON', async () => {
    const [row] = (
      await lethe(['--json', 'token', 'issue', '--role', 'auditor', '--all'], { databaseUrl })
    ).rows()
    expect(row).toEqual({
      token: expect.stringMatching(/^lethe_/),
      role: 'auditor',
      controller: null,
      expires: 'P90D',
    })
  })

  it('refuses what makes no sense, with a code', async () => {
    for (const [args, code] of [
      [['issue', '--role', 'officer'], 'LE607'],
      [['issue', '--role', 'officer', '--controller', 'north', '--all'], 'LE607'],
      [['issue', '--controller', 'north'], 'LE607'],
      [['issue', '--role', 'owner', '--controller', 'north'], 'LE106'],
      [['issue', '--role', 'officer', '--controller', 'north', '--expires', 'P2Y'], 'LE701'],
      [['issue', '--role', 'officer', '--controller', 'nowhere'], 'LE101'],
      [['revoke', '4711'], 'LE702'],
      [['revoke', 'all'], 'LE607'],
    ] as const) {
      const outcome = await lethe(['token', ...args], { databaseUrl })
      expect([outcome.code, outcome.stdout, outcome.stderr], args.join(' ')).toEqual([
        2,
        '',
        expect.stringContaining(`[${code}]`),
      ])
    }
  })
})
