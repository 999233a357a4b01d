import { describe, expect, it } from 'vitest'
import { lethe } from '../helpers/cli.ts'

const NOWHERE = 'postgres://me:hush@127.0.0.1:9/shop'

describe('lethe', () => {
  it('lists its commands, and exits 0, when asked for nothing', async () => {
    const { code, stdout } = await lethe([])
    expect(code).toBe(0)
    for (const name of [
      'up',
      'init',
      'remove',
      'seed',
      'policy',
      'check',
      'plan',
      'run',
      'status',
      'doctor',
      'work',
    ]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'))
    }
  })

  it.each([
    [['forget'], "unknown command 'forget'"],
    [['init', '--hard'], "unknown option '--hard'"],
    [['init', 'here'], 'too many arguments'],
    [['remove', '--archive', 'maybe'], "argument 'maybe' is invalid"],
    [['up', '--contacts', 'many'], '--contacts cannot be "many"'],
    [['init', '--database', 'shop'], 'the address of the database is not one'],
    [['init', '--database', 'mysql://h/shop'], 'the address of the database is not one'],
  ])('says what is wrong with %j in one sentence, and exits 2', async (args, sentence) => {
    const { code, stdout, stderr } = await lethe(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(sentence)
    expect(stderr).toMatch(/^error: [^\n]* \[LE607\]\nhint: [^\n]+\n$/)
  })

  it('asks for a database when there is none, and exits 2', async () => {
    const { code, stderr } = await lethe(['status'], { env: { LETHE_DATA: '/nowhere/at/all' } })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: no database was named \[LE607\]\nhint: /)
  })

  it.each(['init', 'doctor', 'remove', 'status', 'run', 'plan', 'work'])(
    '%s says that the database is down, without the password, and exits 2',
    async (command) => {
      const { code, stdout, stderr } = await lethe([command], { databaseUrl: NOWHERE })
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(
        /^error: cannot reach the database at 127\.0\.0\.1:9\/shop \[LE603\]\nhint: [^\n]+\n$/,
      )
    },
  )

  it('puts an error as JSON on stderr with --json', async () => {
    const { code, stdout, stderr } = await lethe(['init', '--json'], { databaseUrl: NOWHERE })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'LE603',
        message: 'cannot reach the database at 127.0.0.1:9/shop',
        hint: expect.any(String),
      },
    })
  })
})
