import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lethe, type Outcome, type RunOptions } from '../helpers/cli.ts'
import { type Club, createClub, MEMBERS, SECRET, ZONES } from '../helpers/club.ts'
import type { Login } from '../helpers/database.ts'
import { type Receiver, startReceiver } from '../helpers/receiver.ts'
import { addDelay, formatDay, localDay } from '../oracle/calendar.ts'

let db: Club
let officer: Login
let receiver: Receiver
beforeAll(async () => {
  db = await createClub()
  officer = await db.member(['lethe_officer'], ['north', 'south'])
  receiver = await startReceiver()
})
afterAll(async () => {
  await receiver.close()
  await db.drop()
})

const everything: string[] = []
async function request(args: string[], options: RunOptions = {}): Promise<Outcome> {
  const outcome = await lethe(['request', ...args], { databaseUrl: officer.url, ...options })
  everything.push(outcome.stdout, outcome.stderr)
  return outcome
}
const recipient = (...args: string[]): Promise<Outcome> =>
  lethe(['recipient', ...args], { databaseUrl: officer.url })
const open = (by: string, ...more: string[]): string[] => [
  'open',
  '--kind',
  'erasure',
  '--subject',
  'member',
  '--by',
  by,
  '--controller',
  'north',
  ...more,
]

/** Signed by a key that is made at first use, and checked by who has its public part and no database. */
async function verifiesOffline(id: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lethe-certificate-'))
  try {
    const key = join(folder, 'signing.pem')
    for (const json of [[], ['--json']]) {
      const { stdout } = await request(['certificate', id, ...json], { env: { LETHE_SIGNING_KEY: key } })
      const file = join(folder, 'certificate')
      const verify = ['verify', '--receipt', file, '--public-key', `${key}.pub`]
      await writeFile(file, stdout)
      expect(await lethe(verify)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('made by the key'),
      })
      await writeFile(file, stdout.replace('north', 'south'))
      expect(await lethe(verify)).toMatchObject({ code: 1 })
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

describe('lethe request', () => {
  it('takes an erasure from its receipt to its certificate, and names nobody on the way', async () => {
    const added = await recipient('add', 'mail', receiver.url, '--controller', 'north')
    expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(/^whsec_.{44}\n$/) })

    const opened = await request(open('e-Mail=-'), { input: `ada@${SECRET}\n` })
    expect(opened).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\n$/) })
    const id = opened.stdout.trim()
    expect(opened.stderr).toContain('2 × member; due on')

    // Nothing is done that nobody has decided.
    const early = await request(['execute', id])
    expect(early).toMatchObject({ code: 1, stderr: expect.stringContaining('an officer decides') })
    const planned = await request(['plan', id, '--json'])
    expect(planned.code).toBe(0)
    const [{ plan, plan_mark }] = planned.rows() as [
      { plan: { tables: { table: string; rows: number }[] }; plan_mark: string },
    ]
    expect(plan.tables.find(({ table }) => table.includes('Members'))).toMatchObject({ rows: 2 })
    expect(await request(['approve', id, '--plan', 'another'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('LE415'),
    })
    expect(await request(['approve', id, '--plan', plan_mark])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is approved'),
    })
    expect((await request(['list', '--json'])).rows()).toMatchObject([
      { id: Number(id), state: 'approved', kind: 'erasure', days_left: expect.any(Number) },
    ])

    const done = await request(['execute', id, '--json'])
    expect(done.code).toBe(0)
    expect(done.rows()).toMatchObject([
      {
        state: 'completed',
        notifications: [{ recipient: 'mail', state: 'received' }],
        certificates: [{ number: 1 }],
      },
    ])
    expect(receiver.received).toHaveLength(1)
    expect(await db.query('select id from club."Members" order by id')).toEqual([{ id: 3 }, { id: 4 }])

    const certificate = await request(['certificate', id])
    expect(certificate).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^# Certificate 1 of request \d+ of north\n.*This certificate is not signed\.\n$/s,
      ),
    })
    expect((await request(['certificate', id, '--json'])).rows()).toMatchObject([
      { certificate: { format: 1, request: Number(id), kind: 'erasure' }, signature: null },
    ])
    expect(await request(['certificate', id, '--number', '2'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('LE438'),
    })
    await verifiesOffline(id)
    expect((await request(['findings', id])).stdout).toContain('nothing was found')
    expect((await request(['show', id])).stdout).toMatch(/approved → executed/)
    for (const { mail, phone } of MEMBERS.slice(0, 2)) {
      expect(everything.join('\n').toLowerCase()).not.toContain(mail.toLowerCase())
      if (phone) expect(everything.join('\n')).not.toContain(phone)
    }
  })

  it('lists what has ended, and what recipients said', async () => {
    expect((await request(['list'])).stdout).toContain('Nobody is waiting')
    expect((await request(['list', '--all', '--json'])).rows()).toMatchObject([
      { state: 'completed', recipients: '1 received' },
    ])
    const { key } = receiver.received[0]!
    expect(await recipient('answer', key)).toMatchObject({ code: 0 })
    expect((await recipient('list', '--json')).rows()).toMatchObject([
      { name: 'mail', completed: 1, received: 0 },
    ])
    expect(await recipient('answer', 'not-a-key')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('LE607'),
    })
    await db.query(`update lethe.notifications set state = 'dead'`)
    expect(await recipient('list')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('given up: mail'),
    })
    expect(await recipient('remove', 'mail', '--controller', 'north')).toMatchObject({ code: 0 })
    expect((await recipient('list')).stdout).toContain('Nobody is told')
  })

  it('moves the last day, stops the clock, refuses and withdraws', async () => {
    const today = localDay(Date.now(), ZONES.north)
    const received = today - 10
    const due = Math.min(received + 30, addDelay(received, { months: 1, days: 0 }))
    const id = (await request(open('key=3', '--received', formatDay(received)))).stdout.trim()
    const shown = async (): Promise<Record<string, unknown>> =>
      (await request(['show', id, '--json'])).rows()[0]!
    expect(await shown()).toMatchObject({
      due_on: formatDay(due),
      state: 'received',
      received_on: formatDay(received),
    })
    expect(await request(['extend', id, '--reason', 'many systems'])).toMatchObject({ code: 0 })
    expect(await shown()).toMatchObject({ due_on: formatDay(addDelay(due, { months: 2, days: 0 })) })
    expect(await request(['extend', id, '--reason', 'more'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('LE416'),
    })
    expect(await request(['pause', id, '--reason', 'who is it'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is paused'),
    })
    expect(await request(['resume', id])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is received'),
    })
    expect(await request(['reject', id, '--ground', 'Art. 17(3)(e)'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is refused'),
    })
    expect(await request(['withdraw', id, '--reason', 'x'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('LE411'),
    })
    expect(await request(['certificate', id])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('LE438'),
    })
  })

  it('says with exit code 1 that one is overdue', async () => {
    const id = (await request(open(`e-Mail=bob@${SECRET}`, '--received', '2020-02-29'))).stdout.trim()
    expect(await request([])).toMatchObject({ code: 1, stdout: expect.stringContaining('2020-03-29') })
    // Never a cycle has run here, which is a finding, too.
    expect((await lethe(['status'], { databaseUrl: officer.url })).stderr).toContain(
      `requests are overdue: ${id};`,
    )
    expect(await request(['withdraw', id, '--reason', 'a letter came'])).toMatchObject({ code: 0 })
    expect((await lethe(['status'], { databaseUrl: officer.url })).stderr).not.toContain('overdue')
    expect(await request([])).toMatchObject({ code: 0 })
  })

  it('has an agent answer an access in order, and what came too early has not failed', async () => {
    const { url: databaseUrl } = await db.member(['lethe_agent'], ['north'])
    const request = (args: string[]): Promise<Outcome> => lethe(['request', ...args], { databaseUrl })
    const id = (await request(['open', '--kind', 'access', ...open('key=3').slice(3)])).stdout.trim()
    // Each hint is what is typed next.
    expect(await request(['package', id])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`lethe request approve ${id}`),
    })
    expect(await request(['approve', id])).toMatchObject({ code: 0 })
    expect(await request(['execute', id])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`lethe request package ${id};`),
    })
    expect((await request(['show', id, '--json'])).rows()).toMatchObject([
      { failure: null, state: 'approved' },
    ])
    expect(await request(['package', id])).toMatchObject({ code: 0 })
    expect(await request(['execute', id])).toMatchObject({ code: 0 })
    expect(await request(['certificate', id])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('only erasures have one'),
    })
  })

  it('forgets at the end what had failed before', async () => {
    const id = (await request(['open', '--kind', 'restriction', ...open('key=3').slice(3)])).stdout.trim()
    await request(['approve', id])
    await db.query(`select lethe.record_failure($1, '55P03', 'club.notes')`, [id])
    expect((await request(['show', id])).stderr).toContain('the last attempt failed')
    expect(await request(['execute', id, '--json'])).toMatchObject({ code: 0 })
    expect((await request(['show', id, '--json'])).rows()).toMatchObject([
      { failure: null, state: 'completed' },
    ])
  })

  it('refuses with 2, a sentence and a remedy, and repeats no value', async () => {
    const refused: [string[], string][] = [
      [open(`e-Mail=nobody@${SECRET}`), 'LE412'],
      [open('e-Mail'), 'LE607'],
      [open('key=1', '--received', '2026-02-30'), 'LE607'],
      [['open', '--kind', 'oblivion', '--subject', 'member', '--by', 'key=3'], 'LE106'],
      [['show', '99999'], 'LE114'],
      [['reject', '1'], 'LE607'],
      [['show', `ada@${SECRET}`], 'LE607'],
      [['open', `--email=ada@${SECRET}`], 'LE607'],
      [['open', `ada@${SECRET}`], 'LE607'],
      [open(`ada@${SECRET}`), 'LE607'],
    ]
    for (const [args, code] of refused) {
      const outcome = await lethe(['request', ...args], { databaseUrl: officer.url })
      expect({ args, code: outcome.code, stderr: outcome.stderr }).toEqual({
        args,
        code: 2,
        stderr: expect.stringContaining(code),
      })
      expect(outcome.stderr).not.toContain(SECRET)
    }
    expect(await request(open('e-Mail=-'), { input: ' ' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('LE607'),
    })
  })
})
