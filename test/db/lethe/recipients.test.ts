/** Who is told of a request: what a recipient is sent, how often, and that nobody else can read it. */
import { createHmac } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Club, createClub, MEMBERS, SECRET, ZONES } from '../../helpers/club.ts'
import { type Login, refusal } from '../../helpers/database.ts'
import { formatDay, localDay } from '../../oracle/calendar.ts'

let db: Club
let officer: Login
let agent: Login
let worker: Login
let southern: Login
beforeAll(async () => {
  db = await createClub()
  officer = await db.member(['lethe_officer'], ['north', 'south'])
  agent = await db.member(['lethe_agent'], ['north', 'south'])
  worker = await db.member(['lethe_worker'], [])
  southern = await db.member(['lethe_officer'], ['south'])
})
afterAll(() => db.drop())
afterEach(() =>
  db.query('truncate lethe.requests, lethe.recipients restart identity cascade').then(() => undefined),
)

const URL = 'https://mail.example.org/lethe'

const add = async (
  name: string,
  options: { url?: string; kinds?: string[]; controller?: string; secret?: string } = {},
  login = officer,
): Promise<string> => {
  const { url = URL, kinds = ['erasure', 'rectification'], controller = 'north', secret = null } = options
  const [row] = await login.query<{ secret: string }>(
    'select lethe.add_recipient($1, $2, $3, $4, $5) as secret',
    [name, url, kinds, controller, secret],
  )
  return row!.secret
}

/** A request that has been done in the database. */
async function executed(key = '1', kind = 'erasure', controller = 'north'): Promise<number> {
  const [row] = await agent.query<{ id: number }>(
    'select lethe.open_request($1, $2, $3, controller => $4) as id',
    [kind, 'member', key, controller],
  )
  await db.query(`update lethe.requests set state = 'approved' where id = $1`, [row!.id])
  await db.query('select lethe_private.move_request(r, $2) from lethe.requests as r where r.id = $1', [
    row!.id,
    kind === 'erasure' ? 'executed' : 'completed',
  ])
  return row!.id
}

interface Taken {
  url: string
  event_key: string
  body: string
  signature: string
  attempt: number
}
const take = async (notification: number): Promise<Taken | undefined> =>
  (
    await worker.query<Taken & Record<string, unknown>>('select * from lethe.take_notification($1)', [
      notification,
    ])
  )[0]
const note = async (notification: number, status: number | null, completed = false): Promise<string> =>
  (
    await worker.query<{ state: string }>('select lethe.note_notification($1, $2, $3) as state', [
      notification,
      status,
      completed,
    ])
  )[0]!.state
const notifications = (): Promise<Record<string, unknown>[]> =>
  db.query(
    `select n.id, p.name, n.state, n.request_id as request from lethe.notifications as n join lethe.recipients as p on p.id = n.recipient_id order by n.id`,
  )

const hmac = (secret: string, text: string): string => createHmac('sha256', secret).update(text).digest('hex')

describe('what a recipient is sent', () => {
  it('names nobody: identifiers are hashed with its own secret, in a form it can make itself, and all of it is signed', async () => {
    const secrets = {
      mail: await add('mail'),
      crm: await add('crm', { secret: 'a secret of their own making' }),
    }
    const id = await executed()
    for (const [n, name] of (['mail', 'crm'] as const).entries()) {
      const sent = (await take(n + 1))!
      const { event_key, body, signature, url } = sent
      expect(url).toBe(URL)
      const secret = secrets[name]
      expect(JSON.parse(body)).toEqual({
        event: 'erasure',
        event_key,
        request: id,
        controller: 'north',
        subject: 'member',
        answer_by: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
        identifiers: expect.arrayContaining([
          { column: 'e-Mail', hmac_sha256: hmac(secret, `ada@${SECRET}`) },
          { column: 'phone', hmac_sha256: hmac(secret, '+33647129035') },
        ]),
      })
      const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature)!
      expect(v1).toBe(hmac(secret, `${t}.${body}`))
      expect(Math.abs(Number(t) - Date.now() / 1000)).toBeLessThan(60)
      expect(JSON.stringify(sent)).not.toContain(SECRET)
      expect(body).not.toContain('647129035')
    }
  })

  it('writes an identifier as docs/recipients.md says', async () => {
    const forms: [string, string][] = [
      [' Ada@Example.ORG\n', 'ada@example.org'],
      ['+33 6 12 34 56 78', '+33612345678'],
      ['0033 6.12.34.56.78', '+33612345678'],
      ['(+33) 6 12-34-56-78', '+33612345678'],
      ['06 12 34 56 78', '0612345678'],
      ['(02) 1234/5678', '0212345678'],
      ['123456', '123456'],
      ['AB-1234567', 'ab-1234567'],
      ['+', '+'],
      ['', ''],
    ]
    for (const [given, form] of forms) {
      const [row] = await db.query('select lethe_private.recipient_form($1) as form', [given])
      expect({ given, form: row!.form }).toEqual({ given, form })
    }
  })

  it('writes it alike in a Turkish database, where the small letter of I is another', async () => {
    const name = `turkish_${process.pid}_${Date.now()}`
    await db.query(
      `create database ${name} template template0 encoding 'UTF8' locale_provider icu icu_locale 'tr-TR' locale 'C'`,
    )
    try {
      const { pathname } = new globalThis.URL(db.url)
      const turkish = new Client(db.url.replace(pathname, `/${name}`))
      await turkish.connect()
      try {
        const definition = await db.query<{ text: string }>(
          `select pg_get_functiondef('lethe_private.recipient_form(text)'::regprocedure) as text`,
        )
        await turkish.query(`create schema lethe_private; ${definition[0]!.text}`)
        const { rows } = await turkish.query(
          `select lower('I') as lower, lethe_private.recipient_form('INFO@Ç.example') as form`,
        )
        expect(rows).toEqual([{ lower: 'ı', form: 'info@ç.example' }])
      } finally {
        await turkish.end()
      }
    } finally {
      await db.query(`drop database ${name}`)
    }
  })

  it('is hashed and signed as RFC 2104 says, whatever the length of the secret', async () => {
    for (const secret of ['x'.repeat(24), 'é'.repeat(32), 'x'.repeat(64)])
      for (const text of ['', 'a\\b', 'ada@example.org', 'Ünïcode'])
        expect(
          await db.query(
            `select encode(lethe_private.hmac_text($1, convert_to($2, 'UTF8')), 'hex') as hash`,
            [text, secret],
          ),
        ).toEqual([{ hash: hmac(secret, text) }])
  })

  it('asks for an answer by a day that has not passed where the controller is', async () => {
    await add('mail')
    await executed()
    await db.query(`update lethe.requests set due_on = '2020-01-01'`)
    expect(JSON.parse((await take(1))!.body).answer_by).toBe(formatDay(localDay(Date.now(), ZONES.north)))
  })
})

describe('a notification', () => {
  it('is made for each recipient of the controller and the kind, once, whatever moves the request again', async () => {
    await add('mail')
    await add('crm', { kinds: ['rectification'] })
    await add('southern', { controller: 'south' })
    const id = await executed()
    expect(await notifications()).toEqual([{ id: 1, name: 'mail', state: 'waiting', request: id }])
    await db.query(`update lethe.requests set state = 'blocked'`)
    await db.query(`select lethe_private.move_request(r, 'executed') from lethe.requests as r`)
    expect(await notifications()).toHaveLength(1)
    const rectified = await executed('3', 'rectification')
    expect((await notifications()).filter(({ request }) => request === rectified)).toMatchObject([
      { name: 'mail' },
      { name: 'crm' },
    ])
    await executed('3', 'access')
    expect(await notifications()).toHaveLength(3)
  })

  it('about a person of whom no identifier is known is given up at once: nobody could recognise anybody', async () => {
    await add('mail')
    await db.query(`update club."Members" set "e-Mail" = ' ', phone = null where id = 3`)
    const id = await executed('3')
    await db.query(`update club."Members" set "e-Mail" = $1, phone = $2 where id = 3`, [
      MEMBERS[2].mail,
      MEMBERS[2].phone,
    ])
    expect(await notifications()).toEqual([{ id: 1, name: 'mail', state: 'dead', request: id }])
    expect(await take(1)).toBeUndefined()
  })

  it('is sent again until it is answered, fifteen times at the most, with the same key and a new signature', async () => {
    await add('mail')
    const id = await executed()
    const keys = new Set<string>()
    for (let attempt = 1; attempt <= 15; attempt += 1) {
      const sent = (await take(1))!
      expect(sent.attempt).toBe(attempt)
      keys.add(sent.event_key)
      expect(await note(1, attempt % 2 ? 503 : null)).toBe(attempt < 15 ? 'waiting' : 'dead')
    }
    expect(keys.size).toBe(1)
    expect(await take(1)).toBeUndefined()
    expect(await db.query('select from lethe_private.notification_hashes')).toEqual([])
    const [row] = await officer.query<{ report: { notifications: object[] } }>(
      'select lethe.request_report($1) as report',
      [id],
    )
    expect(row!.report.notifications).toMatchObject([
      { recipient: 'mail', state: 'dead', attempts: 15, status: 503 },
    ])
    expect(await agent.query('select name, dead from lethe.list_recipients()')).toEqual([
      { name: 'mail', dead: 1 },
    ])
  })

  it('whose worker was always killed before it could note the answer is given up as well', async () => {
    await add('mail')
    await executed()
    for (let attempt = 1; attempt <= 15; attempt += 1) expect(await take(1)).toMatchObject({ attempt })
    expect(await take(1)).toBeUndefined()
    expect(await notifications()).toMatchObject([{ state: 'dead' }])
  })

  it('that is answered is sent no more, and its hashes are forgotten', async () => {
    await add('mail')
    await executed()
    await take(1)
    expect(await note(1, 302)).toBe('waiting')
    expect(await db.query('select from lethe_private.notification_hashes')).toHaveLength(1)
    await take(1)
    expect(await note(1, 202)).toBe('received')
    expect(await db.query('select from lethe_private.notification_hashes')).toEqual([])
    expect(await take(1)).toBeUndefined()
    // What comes late changes nothing.
    expect(await note(1, 500)).toBe('received')
  })

  it('is completed by the answer, or later by whoever acts for the controller', async () => {
    await add('mail')
    await add('crm')
    await executed()
    const key = (await take(1))!.event_key
    await take(2)
    expect(await note(2, 200, true)).toBe('completed')
    expect(await note(1, 200)).toBe('received')
    const answer = (login: Login, state: string | null, event = key): Promise<unknown> =>
      login.query('select lethe.answer_notification($1, $2)', [event, state])
    expect(await refusal(answer(southern, 'completed'))).toMatchObject({ code: 'LE115' })
    expect(await refusal(answer(worker, 'completed'))).toMatchObject({ code: '42501' })
    for (const state of ['dead', 'waiting', null])
      expect(await refusal(answer(agent, state))).toMatchObject({ code: 'LE419' })
    await answer(agent, 'completed')
    expect(await notifications()).toMatchObject([{ state: 'completed' }, { state: 'completed' }])
    expect(await refusal(answer(agent, 'received'))).toMatchObject({ code: 'LE419' })
    await answer(agent, 'completed')
  })
})

describe('a recipient', () => {
  it('is registered by an officer of the controller, once by a name', async () => {
    expect(await refusal(add('mail', {}, southern))).toMatchObject({ code: 'LE502' })
    expect(await refusal(add('mail', {}, agent))).toMatchObject({ code: '42501' })
    expect(await add('mail')).toMatch(/^whsec_.{44}$/)
    expect(await refusal(add('mail'))).toMatchObject({ code: 'LE418' })
    await add('mail', { controller: 'south' }, southern)
    expect(await refusal(officer.query(`select lethe.add_recipient('other', '${URL}')`))).toMatchObject({
      code: 'LE418',
    })
    expect(await southern.query('select controller, name from lethe.list_recipients()')).toEqual([
      { controller: 'south', name: 'mail' },
    ])
  })

  it('is told over a connection that nobody reads, at an address without a password', async () => {
    const refused = [
      'http://mail.example.org/',
      'http://127.0.0.1.example.org/',
      'http://localhost@example.org/',
      'https://user:word@example.org/',
      'https://',
      'https://example.org/#part',
      'https://example.org/a b',
      'ftp://example.org',
      'file:///etc/passwd',
      '',
      'https:\\\\example.org',
    ]
    for (const url of refused)
      expect({ url, code: (await refusal(add('mail', { url }))).code }).toEqual({ url, code: 'LE418' })
    for (const [n, url] of [
      'https://example.org',
      'https://example.org:8443/a?b=c',
      'http://localhost:8080/x',
      'http://[::1]/',
      'HTTPS://example.org/',
    ].entries())
      await add(`mail-${n}`, { url })
    for (const name of ['', 'A b', 'x'.repeat(70)])
      expect(await refusal(add(name))).toMatchObject({ code: 'LE418' })
    for (const kinds of [[], ['access'], ['erasure', 'all']])
      expect(await refusal(add('other', { kinds }))).toMatchObject({ code: 'LE418' })
    for (const secret of ['short', 'x'.repeat(65)])
      expect(await refusal(add('other', { secret }))).toMatchObject({ code: 'LE418' })
  })

  it('that is removed is told nothing any more, and its name is free', async () => {
    await add('mail')
    await executed()
    const remove = (login: Login): Promise<unknown> =>
      login.query(`select lethe.remove_recipient('mail', 'north')`)
    expect(await refusal(remove(southern))).toMatchObject({ code: 'LE502' })
    await remove(officer)
    expect(await refusal(remove(officer))).toMatchObject({ code: 'LE115' })
    expect(await take(1)).toBeUndefined()
    expect(await notifications()).toMatchObject([{ state: 'dead' }])
    for (const table of ['recipient_secrets', 'notification_hashes'])
      expect(await db.query(`select from lethe_private.${table}`)).toEqual([])
    await executed('3')
    expect(await notifications()).toHaveLength(1)
    await add('mail')
  })

  it('keeps its secret: no role reads it, and only who may send gets anything signed', async () => {
    await add('mail')
    await executed()
    for (const login of [officer, agent, worker]) {
      expect(await refusal(login.query('select * from lethe_private.recipient_secrets'))).toMatchObject({
        code: '42501',
      })
      expect(await refusal(login.query('select * from lethe_private.notification_hashes'))).toMatchObject({
        code: '42501',
      })
    }
    expect(await refusal(agent.query('select * from lethe.take_notification(1)'))).toMatchObject({
      code: '42501',
    })
    expect(await refusal(southern.query('select * from lethe.take_notification(1)'))).toMatchObject({
      code: 'LE115',
    })
    expect(await refusal(southern.query('select lethe.note_notification(1, 200)'))).toMatchObject({
      code: 'LE115',
    })
    expect(await take(1)).toMatchObject({ attempt: 1 })
    for (const { mail } of MEMBERS)
      expect(
        JSON.stringify(
          await db.query('select * from lethe.notifications, lethe_private.notification_hashes'),
        ).toLowerCase(),
      ).not.toContain(mail.toLowerCase())
  })
})
