/** Opening requests, moving them, their deadlines and reminders; who may do what. */
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Club, createClub, MEMBERS, SECRET, ZONES } from '../../helpers/club.ts'
import { type Login, refusal } from '../../helpers/database.ts'
import { addDelay, formatDay, localDay, parseDay } from '../../oracle/calendar.ts'

let db: Club
let officer: Login
let agent: Login
let auditor: Login
let worker: Login
let southern: Login
beforeAll(async () => {
  db = await createClub()
  officer = await db.member(['lethe_officer'], ['north', 'south'])
  agent = await db.member(['lethe_agent'], ['north', 'south'])
  auditor = await db.member(['lethe_auditor'], ['north', 'south'])
  worker = await db.member(['lethe_worker'], [])
  southern = await db.member(['lethe_officer', 'lethe_agent'], ['south'])
})
afterAll(() => db.drop())
afterEach(() =>
  db.query(`truncate lethe.requests, lethe.recipients restart identity cascade`).then(() => undefined),
)

const ADA = `ADA@${SECRET}`
const BOB = `bob@${SECRET}`

interface Opening {
  kind?: string
  key?: string
  identifier?: string
  controller?: string
  at?: string
  by?: string
}

async function open(options: Opening = {}, login: Login = agent): Promise<number> {
  const {
    kind = 'erasure',
    key = null,
    identifier = key ? null : ADA,
    controller = 'north',
    at = null,
    by = null,
  } = options
  const [row] = await login.query<{ id: number }>(
    `select lethe.open_request($1, 'member', $2, $3, $4, coalesce($5::timestamptz, now()), identified_by => $6) as id`,
    [kind, key, identifier, controller, at, by],
  )
  return row!.id
}
const request = async (id: number): Promise<Record<string, unknown>> =>
  (await db.query('select *, due_on::text as due from lethe.requests where id = $1', [id]))[0]!
const roots = async (id: number): Promise<string[]> =>
  (
    await db.query<{ key: string }>(
      'select key from lethe_private.request_roots where request_id = $1 order by n',
      [id],
    )
  ).map(({ key }) => key)
/** As plan_request leaves it. */
const plan = (
  id: number,
  mark = 'seen',
  document: object = { format: 1, tables: [], refusals: [] },
): Promise<unknown> =>
  db.query(
    `update lethe.requests set state = 'planned', plan = $2, plan_mark = $3, planned_at = now() where id = $1`,
    [id, JSON.stringify(document), mark],
  )

describe('open_request', () => {
  it('finds every account that bears an address, in whatever case, and seals what identifies them', async () => {
    const id = await open()
    expect(await roots(id)).toEqual(['1', '2'])
    expect(await request(id)).toMatchObject({ roots: 2, state: 'received', kind: 'erasure' })
    const kept = await db.query('select identifier from lethe_private.identifiers_of(array[$1::bigint])', [
      id,
    ])
    expect(kept.map(({ identifier }) => identifier).sort()).toEqual(
      [MEMBERS[0].mail, MEMBERS[0].phone, MEMBERS[1].mail].sort(),
    )
    expect(await roots(await open({ key: '3' }))).toEqual(['3'])
  })

  it('by a column that is named looks in no other', async () => {
    expect(await refusal(open({ identifier: MEMBERS[2].phone, by: 'e-Mail' }))).toMatchObject({
      code: 'LE412',
    })
    expect(await refusal(open({ identifier: MEMBERS[2].phone, by: 'owner' }))).toMatchObject({
      code: 'LE412',
    })
    expect(await roots(await open({ identifier: MEMBERS[2].phone, by: 'phone' }))).toEqual(['3'])
  })

  it.each([
    ['+33 6 47 12 90 35', ['1']],
    ['+33647129035', ['1']],
    ['0033 6.47.12.90.35', ['1']],
    ['(+33) 6-47-12-90-35', ['1']],
    ['06 99 88 77 66', ['3']],
    ['0699887766', ['3']],
  ])('finds the telephone number %s, however it is spaced', async (identifier, found) => {
    expect(await roots(await open({ identifier, by: 'phone' }))).toEqual(found)
  })

  it.each(['0647129035', '+33 6 47 12 90 3', '647129035', '+336471290355', '6.99.88.77.66'])(
    'does not take %s for a number that is longer, shorter, or perhaps of another country',
    async (identifier) => {
      expect(await refusal(open({ identifier }))).toMatchObject({ code: 'LE412' })
    },
  )

  it('finds a number that was stored in another way than it is asked for', async () => {
    for (const stored of [
      '0033647129035',
      '+33 (0)6 47 12 90 35',
      '+33\u00a06\u00a047\u00a012\u00a090\u00a035',
      '+33-647-129-035',
    ]) {
      await db.query('update club."Members" set phone = $1 where id = 2', [stored])
      const id = await open({ identifier: '+33 6 47 12 90 35', by: 'phone' })
      expect({ stored, roots: await roots(id) }).toEqual({ stored, roots: ['1', '2'] })
      await db.query('delete from lethe.requests')
    }
    await db.query('update club."Members" set phone = null where id = 2')
  })

  it('keeps no identifiers for what is only shown to the person', async () => {
    for (const kind of ['access', 'portability']) await open({ kind })
    expect(await db.query('select from lethe_private.request_identifiers')).toEqual([])
  })

  it('reaches rows of one controller alone', async () => {
    const id = await open({ identifier: MEMBERS[3].phone, controller: 'south' })
    expect(await roots(id)).toEqual(['4'])
    expect(await roots(await open({ identifier: MEMBERS[3].phone }))).toEqual(['3'])
  })

  it('refuses what it cannot answer, and never repeats what was looked for', async () => {
    const refused: [Opening, string][] = [
      [{ identifier: `nobody@${SECRET}` }, 'LE412'],
      [{ key: `nobody@${SECRET}` }, 'LE412'],
      [{ kind: 'oblivion' }, 'LE106'],
      [{ key: '1', identifier: ADA }, 'LE412'],
      [{ at: '2999-01-01' }, 'LE413'],
      [{ at: '-infinity' }, 'LE413'],
      [{ controller: 'west' }, 'LE101'],
    ]
    for (const [options, code] of refused) {
      const error = await refusal(open(options))
      expect({ options, code: error.code }).toEqual({ options, code })
      expect(JSON.stringify(error)).not.toContain(SECRET)
    }
    expect(await refusal(agent.query(`select lethe.open_request('erasure', 'nobody', '1')`))).toMatchObject({
      code: 'LE109',
    })
    expect(await refusal(agent.query(`select lethe.open_request('erasure', 'member', '1')`))).toMatchObject({
      code: 'LE412',
    })
    expect(await db.query('select from lethe.requests')).toEqual([])
    await open({ at: new Date().toISOString() })
  })

  it('refuses, with its id, a second one of the same kind for the same rows, until the first has ended', async () => {
    const first = await open({ key: '2' })
    // About one account of two: the other would never be answered.
    const both = await open()
    for (const options of [{}, { key: '1' }, { identifier: MEMBERS[0].phone }]) {
      const error = await refusal(open(options))
      expect(error).toMatchObject({ code: 'LE414', message: expect.stringContaining(`request ${both} `) })
    }
    expect((await refusal(open({ key: '2' }))).message).toContain(`request ${first} `)
    await open({ kind: 'access' })
    for (const id of [first, both])
      await agent.query('select lethe.withdraw_request($1, $2)', [id, 'the person wrote'])
    expect(await open()).toBeGreaterThan(both)
  })

  it('opens one of two that come at the same moment', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => open()))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'LE414' })
  })

  it('is for officers and agents of the controller', async () => {
    for (const login of [auditor, worker, southern])
      expect(await refusal(open({}, login))).toMatchObject({ code: expect.stringMatching(/LE502|42501/) })
    await open({ identifier: `cyd@${SECRET}`, controller: 'south' }, southern)
    await open({}, officer)
  })
})

describe('the last day', () => {
  const moment = fc.integer({ min: Date.UTC(1999, 11, 1), max: Date.now() })
  const zone = fc.constantFrom('UTC', 'Asia/Tokyo', 'America/Los_Angeles')
  const oracle = (instant: number, zone: string): string => {
    const day = localDay(instant, zone)
    return formatDay(Math.min(day + 30, addDelay(day, { months: 1, days: 0 })))
  }

  it('is 30 days after receipt, and never later than one calendar month', async () => {
    const days = Array.from({ length: 366 * 4 }, (_, n) => parseDay('2023-01-01') + n)
    const rows = await db.query<{ due: string }>(
      `select lethe_private.answer_due(d::date)::text as due from unnest($1::text[]) with ordinality as x (d, n) order by n`,
      [days.map(formatDay)],
    )
    expect(rows.map(({ due }) => due)).toEqual(
      days.map((day) => formatDay(Math.min(day + 30, addDelay(day, { months: 1, days: 0 })))),
    )
    const [known] = await db.query(`
      select lethe_private.answer_due('2026-01-31')::text as january, lethe_private.answer_due('2028-01-31')::text as leap,
        lethe_private.answer_due('2026-06-29')::text as june, lethe_private.answer_due('2026-07-01')::text as july`)
    expect(known).toEqual({
      january: '2026-02-28',
      leap: '2028-02-29',
      june: '2026-07-29',
      july: '2026-07-31',
    })
  })

  it('is counted where the controller is, whatever the zone of the session', async () => {
    const session = await agent.connect()
    await fc.assert(
      fc.asyncProperty(
        moment,
        fc.constantFrom('north', 'south'),
        zone,
        async (instant, controller, sessionZone) => {
          await session.query(`set timezone = '${sessionZone}'`)
          const {
            rows: [row],
          } = await session.query<{ id: number }>(
            `select lethe.open_request('erasure', 'member', $1, controller => $2, received_at => $3) as id`,
            [controller === 'north' ? '1' : '4', controller, new Date(instant).toISOString()],
          )
          const { due } = await request(row!.id)
          await db.query('truncate lethe.requests cascade')
          expect(due).toBe(oracle(instant, ZONES[controller as 'north']))
        },
      ),
      {
        numRuns: 60,
        examples: [
          [Date.UTC(2026, 0, 31, 10, 30), 'south', 'UTC'],
          [Date.UTC(2026, 2, 1, 2), 'north', 'Asia/Tokyo'],
        ],
      },
    )
  })

  it('of a letter that came on a day counts from that day', async () => {
    const [row] = await agent.query<{ id: number }>(
      `select lethe.open_request('access', 'member', '4', controller => 'south', received_on => '2026-01-31') as id`,
    )
    expect(await request(row!.id)).toMatchObject({ due: '2026-02-28' })
  })
})

describe('a pause', () => {
  it('moves the last day by as many local days, never back, and has the plan made anew', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 3 }),
        async (pauses) => {
          const id = await open()
          const { due } = await request(id)
          let moved = 0
          for (const hours of pauses.map((days) => days * 24)) {
            await plan(id)
            await agent.query('select lethe.pause_request($1, $2)', [id, 'a copy of the card was asked for'])
            await db.query(
              `update lethe.requests set paused_at = paused_at - make_interval(hours => $2) where id = $1`,
              [id, hours],
            )
            const [before] = await db.query<{ at: number }>(
              'select extract(epoch from paused_at)::float8 * 1000 as at from lethe.requests where id = $1',
              [id],
            )
            await agent.query('select lethe.resume_request($1)', [id])
            moved += localDay(Date.now(), ZONES.north) - localDay(before!.at, ZONES.north)
            expect(await request(id)).toMatchObject({
              due: formatDay(parseDay(due as string) + moved),
              paused_days: moved,
              paused_at: null,
              state: 'received',
              plan: null,
              plan_mark: null,
            })
          }
          await db.query('truncate lethe.requests cascade')
        },
      ),
      { numRuns: 15 },
    )
  })

  it('takes no day off what is left, and needs a reason', async () => {
    const id = await open()
    expect(await refusal(agent.query('select lethe.pause_request($1, $2)', [id, ' ']))).toMatchObject({
      code: 'LE417',
    })
    await agent.query('select lethe.pause_request($1, $2)', [id, 'identity'])
    const left = async (): Promise<number> =>
      (await agent.query<{ days_left: number }>('select days_left from lethe.list_requests()'))[0]!.days_left
    const before = await left()
    await db.query(
      `update lethe.requests set paused_at = paused_at - interval '20 days', due_on = due_on - 20, received_at = received_at - interval '20 days'`,
    )
    expect(await left()).toBe(before)
    expect(await worker.query('select from lethe.requests_to_remind()')).toEqual([])
  })
})

describe('an extension', () => {
  it('gives two months, once, never beyond three months from receipt, and not after the last day', async () => {
    const now = Date.now()
    const today = localDay(now, ZONES.north)
    let extensions = 0
    for (const received of [0, 1, 15, 27, 28, 29, 30, 31, 32, 60].map((back) => today - back)) {
      // In the evening there; today, no later than now.
      const at = Math.min((received + 1) * 86_400_000 - 3_600_000, now)
      const id = await open({ at: new Date(at).toISOString() })
      const due = Math.min(received + 30, addDelay(received, { months: 1, days: 0 }))
      expect(await request(id)).toMatchObject({ due: formatDay(due) })
      const extend = (): Promise<unknown> =>
        officer.query('select lethe.extend_request($1, $2)', [id, 'many systems'])
      if (due < today) {
        expect(await refusal(extend())).toMatchObject({
          code: 'LE416',
          message: expect.stringContaining('was due on'),
        })
      } else {
        await extend()
        extensions += 1
        const limit = addDelay(received, { months: 3, days: 0 })
        expect(await request(id)).toMatchObject({
          due: formatDay(Math.min(addDelay(due, { months: 2, days: 0 }), limit)),
        })
        expect(await refusal(extend())).toMatchObject({ code: 'LE416' })
      }
      await db.query('truncate lethe.requests cascade')
    }
    expect(extensions).toBeGreaterThan(4)
  })

  it('is for an officer, with a reason, of what is still to be answered', async () => {
    const id = await open()
    const extend = (login: Login, reason: string | null): Promise<unknown> =>
      login.query('select lethe.extend_request($1, $2)', [id, reason])
    expect(await refusal(extend(agent, 'many systems'))).toMatchObject({ code: '42501' })
    expect(await refusal(extend(officer, null))).toMatchObject({ code: 'LE417' })
    await db.query(`update lethe.requests set state = 'executed'`)
    expect(await refusal(extend(officer, 'many systems'))).toMatchObject({ code: 'LE416' })
    await db.query(`update lethe.requests set state = 'received'`)
    await extend(officer, 'many systems')
  })
})

describe('an approval', () => {
  const approve = (id: number, mark: string | null = null, login: Login = officer): Promise<unknown> =>
    login.query('select lethe.approve_request($1, $2)', [id, mark])

  it('of an erasure takes the plan that was seen, without refusals, and an officer', async () => {
    const id = await open()
    expect(await refusal(approve(id))).toMatchObject({ code: 'LE415' })
    await plan(id, 'now', { format: 1, tables: [], refusals: [{ code: 'LE421', sentence: 'no' }] })
    expect(await refusal(approve(id))).toMatchObject({
      code: 'LE415',
      message: expect.stringContaining('1 refusals'),
    })
    await plan(id, 'now')
    expect(await refusal(approve(id, 'before'))).toMatchObject({ code: 'LE415' })
    expect(await refusal(approve(id, 'now', agent))).toMatchObject({ code: 'LE502' })
    expect(await request(id)).toMatchObject({ state: 'planned', approved_by: null })
    await approve(id, 'now')
    expect(await request(id)).toMatchObject({ state: 'approved', approved_by: expect.any(String) })
    expect(await refusal(approve(id))).toMatchObject({ code: 'LE411' })
  })

  it('of another kind needs no plan, and an agent will do', async () => {
    const id = await open({ kind: 'access' })
    await approve(id, null, agent)
    expect(await request(id)).toMatchObject({ state: 'approved' })
  })
})

describe('the end', () => {
  it('of a request that is refused or withdrawn leaves nothing that says who asked', async () => {
    for (const [call, login] of [
      ['refuse_request', officer],
      ['withdraw_request', agent],
    ] as const) {
      const id = await open()
      await db.query(
        `insert into lethe_private.packages (request_id, token_hash, content, media_type, expires_at) values ($1, $2, 'x', 'text/html', now())`,
        [id, Buffer.from(call)],
      )
      expect(await refusal(login.query(`select lethe.${call}($1, $2)`, [id, '\n']))).toMatchObject({
        code: 'LE417',
      })
      expect(await roots(id)).toHaveLength(2)
      await login.query(`select lethe.${call}($1, $2)`, [id, ' claim 2026/31 '])
      expect(await roots(id)).toEqual([])
      expect(await db.query('select from lethe_private.request_identifiers')).toEqual([])
      expect(await db.query('select from lethe_private.packages')).toEqual([])
      const [{ report }] = (await auditor.query<{ report: { ended_at: string; events: object[] } }>(
        'select lethe.request_report($1) as report',
        [id],
      )) as [{ report: { ended_at: string; events: object[] } }]
      expect(report.ended_at).toEqual(expect.any(String))
      expect(report.events.at(-1)).toMatchObject({ from: 'received', reason: 'claim 2026/31' })
    }
    expect(
      await refusal(agent.query('select lethe.refuse_request($1, $2)', [await open(), 'x'])),
    ).toMatchObject({ code: '42501' })
  })
})

describe('the moves', () => {
  /** Written down again from docs and law, not from the code. */
  const NEXT: Record<string, Record<string, string[]>> = {
    approve: { received: ['access'], planned: ['erasure'] },
    refuse: Object.fromEntries(
      ['received', 'paused', 'planned', 'approved', 'delayed'].map((state) => [state, ['erasure', 'access']]),
    ),
    withdraw: Object.fromEntries(
      ['received', 'paused', 'planned', 'approved', 'delayed'].map((state) => [state, ['erasure', 'access']]),
    ),
    pause: { received: ['erasure', 'access'], planned: ['erasure', 'access'] },
    resume: { paused: ['erasure', 'access'] },
  }
  const BECOMES: Record<string, string> = {
    approve: 'approved',
    refuse: 'refused',
    withdraw: 'withdrawn',
    pause: 'paused',
    resume: 'received',
  }
  const FOR_AGENTS = new Set([
    'access approve',
    'access withdraw',
    'access pause',
    'access resume',
    'erasure withdraw',
    'erasure pause',
    'erasure resume',
  ])

  it('are those of the law, from every state, for every role', async () => {
    const states = (await db.query<{ name: string }>('select name from lethe.request_states')).map(
      ({ name }) => name,
    )
    const ids = { erasure: await open(), access: await open({ kind: 'access' }) }
    const sessions = [
      ['officer', await officer.connect()],
      ['agent', await agent.connect()],
    ] as const
    let allowed = 0
    for (const [kind, id] of Object.entries(ids)) {
      for (const state of states) {
        for (const [verb, from] of Object.entries(NEXT)) {
          for (const [role, client] of sessions) {
            await db.query(
              `update lethe.requests set state = $2, ended_at = null, paused_at = case $2 when 'paused' then now() end,
                 plan = '{"refusals": []}', plan_mark = 'm', planned_at = now(), approved_by = null, approved_at = null where id = $1`,
              [id, state],
            )
            const reason = verb === 'approve' ? ', null' : verb === 'resume' ? '' : `, 'a reason'`
            await client.query('begin')
            const outcome = await client.query(`select lethe.${verb}_request($1${reason})`, [id]).then(
              async () =>
                (
                  await client.query<{ state: string }>('select state from lethe.requests where id = $1', [
                    id,
                  ])
                ).rows[0]!.state,
              (error: { code: string }) => error.code,
            )
            await client.query('rollback')
            const isMove = from[state]?.includes(kind) ?? false
            const may = role === 'officer' || FOR_AGENTS.has(`${kind} ${verb}`)
            const expected =
              role === 'agent' && verb === 'refuse'
                ? '42501'
                : !isMove
                  ? 'LE411'
                  : may
                    ? BECOMES[verb]
                    : 'LE502'
            expect({ kind, state, verb, role, outcome }).toEqual({
              kind,
              state,
              verb,
              role,
              outcome: expected,
            })
            if (isMove && may) allowed += 1
          }
        }
      }
    }
    expect(allowed).toBeGreaterThan(30)
  })
})

describe('what is shown', () => {
  it('is of the controllers one acts for, in order of urgency, and says nothing of who the person is', async () => {
    const first = await open({ at: '2026-01-01' })
    const second = await open({ identifier: BOB })
    const third = await open({ identifier: `cyd@${SECRET}`, controller: 'south', at: '2020-01-01' })
    const listed = async (login: Login, all = false): Promise<number[]> =>
      (await login.query<{ id: number }>('select id from lethe.list_requests($1)', [all])).map(({ id }) => id)
    expect(await listed(auditor)).toEqual([third, first, second])
    expect(await listed(southern)).toEqual([third])
    await officer.query('select lethe.refuse_request($1, $2)', [first, 'Art. 17(3)'])
    expect(await listed(agent)).toEqual([third, second])
    expect(await listed(agent, true)).toEqual([third, second, first])
    expect(await refusal(southern.query('select lethe.request_report($1)', [second]))).toMatchObject({
      code: 'LE114',
    })
    for (const call of [
      'approve_request($1)',
      `withdraw_request($1, 'x')`,
      `pause_request($1, 'x')`,
      `refuse_request($1, 'x')`,
    ])
      expect(await refusal(southern.query(`select lethe.${call}`, [second]))).toMatchObject({ code: 'LE114' })
    const everything = JSON.stringify([
      await auditor.query('select lethe.request_report($1)', [second]),
      await auditor.query('select * from lethe.list_requests(true)'),
      await auditor.query('select * from lethe.requests'),
      await auditor.query('select * from lethe.request_events'),
    ])
    expect(everything).toContain('erasure')
    for (const { mail, phone } of MEMBERS) {
      expect(everything.toLowerCase()).not.toContain(mail.toLowerCase())
      if (phone) expect(everything).not.toContain(phone)
    }
  })
})

describe('what is to be done next', () => {
  const work = async (login: Login = worker): Promise<string[]> =>
    (await login.query<{ request: number; step: string }>('select * from lethe.request_work()')).map(
      ({ request: id, step }) => `${step} ${id}`,
    )

  it('is read from the states, and nothing that a person decides', async () => {
    const id = await open()
    const other = await open({ kind: 'restriction' })
    for (const kind of ['access', 'portability', 'rectification'])
      await agent.query('select lethe.approve_request($1)', [await open({ kind })])
    const set = (state: string, more = ''): Promise<unknown> =>
      db.query(`update lethe.requests set state = '${state}' ${more} where id = ${id}`)
    expect(await work()).toEqual([`plan ${id}`])
    await agent.query('select lethe.approve_request($1)', [other])
    expect(await work()).toEqual([`plan ${id}`, `execute ${other}`])
    expect(await work(agent)).toEqual(await work())
    await agent.query(`select lethe.withdraw_request($1, 'x')`, [other])
    for (const state of ['planned', 'paused', 'refused', 'completed']) {
      await set(state)
      expect({ state, work: await work() }).toEqual({ state, work: [] })
    }
    await set('approved')
    expect(await work()).toEqual([`execute ${id}`])
    expect(await work(southern)).toEqual([])
    // To whom nothing is offered that would be refused.
    expect(await work(agent)).toEqual([])
    expect(await refusal(agent.query('select lethe.execute_request($1)', [id]))).toMatchObject({
      code: 'LE502',
    })
    await set('executed')
    expect(await work(officer)).toEqual([`verify ${id}`])
    await set('blocked', `, completes_on = (now() at time zone '${ZONES.north}')::date + 1`)
    expect(await work()).toEqual([])
    await set('blocked', `, completes_on = (now() at time zone '${ZONES.north}')::date`)
    expect(await work()).toEqual([`execute ${id}`])
  })

  it('waits for the hold that delays it, and not for another', async () => {
    const id = await open()
    const hold = async (): Promise<number> =>
      (
        await officer.query<{ id: number }>(
          `select lethe.hold_person('case', 'member', '3', controller => 'north') as id`,
        )
      )[0]!.id
    const [first, other] = [await hold(), await hold()]
    await plan(id)
    await db.query(`update lethe.requests set state = 'delayed', delayed_by = array[$1::int]`, [first])
    expect(await work()).toEqual([])
    await officer.query('select lethe.release_hold($1, $2)', [first, 'closed'])
    expect(await work()).toEqual([`execute ${id}`])
    await officer.query('select lethe.release_hold($1, $2)', [other, 'closed'])
  })
})

describe('reminders', () => {
  it('come once ten days before the last one, once more three days before it, and again after an extension', async () => {
    const id = await open()
    const today = localDay(Date.now(), ZONES.north)
    const due = (days: number): Promise<unknown> =>
      db.query('update lethe.requests set due_on = $1', [formatDay(today + days)])
    const take = async (): Promise<string[]> => {
      const levels: string[] = []
      for (const { level } of await worker.query<{ level: string }>(
        'select level from lethe.requests_to_remind()',
      ))
        if (
          (
            await worker.query<{ noted: boolean }>('select lethe.note_reminder($1, $2) as noted', [id, level])
          )[0]!.noted
        )
          levels.push(level)
      return levels
    }
    const seen: Record<number, string[]> = {}
    for (const days of [11, 10, 9, 4, 3, 2, 0, -1, -30]) {
      await due(days)
      seen[days] = [...(await take()), ...(await take())]
    }
    expect(seen).toEqual({
      11: [],
      10: ['reminder'],
      9: [],
      4: [],
      3: ['escalation'],
      2: [],
      0: [],
      '-1': [],
      '-30': [],
    })
    await due(1)
    await officer.query('select lethe.extend_request($1, $2)', [id, 'many systems'])
    expect(await take()).toEqual([])
    await due(-2)
    expect(await take()).toEqual(['escalation'])
    await db.query(`update lethe.requests set escalated_at = null, state = 'completed'`)
    expect(await take()).toEqual([])
  })
})
