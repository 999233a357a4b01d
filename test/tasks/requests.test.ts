/** Requests driven by workers: everything that nobody decides, once, whatever becomes of worker and jobs. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { send } from '../../src/webhook.ts'
import { startWorker, type Worker } from '../../src/worker.ts'
import { type Club, createClub, MEMBERS, SECRET, ZONES } from '../helpers/club.ts'
import type { Login } from '../helpers/database.ts'
import { type Receiver, startReceiver } from '../helpers/receiver.ts'
import { formatDay, localDay } from '../oracle/calendar.ts'
import { memoryLog, until } from './library.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

let db: Club
let officer: Login
let url: string
let receiver: Receiver
let workers: Worker[]
let children: ChildProcess[]
const log = memoryLog()

beforeEach(async () => {
  db = await createClub()
  officer = await db.member(['lethe_officer'], ['north', 'south'])
  url = (await db.asRole('lethe_worker')).url
  receiver = await startReceiver()
  workers = []
  children = []
  log.lines.length = 0
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await Promise.allSettled(workers.map((worker) => worker.stop()))
  for (const child of children) child.kill('SIGKILL')
  await receiver.close()
  await db.drop()
})

async function work(): Promise<void> {
  workers.push(await startWorker({ databaseUrl: url, logger: log.logger }))
}
/** A worker that can be killed. */
function workApart(): ChildProcess {
  const child = spawn(process.execPath, [main, 'work'], {
    env: { ...process.env, DATABASE_URL: url, LOG_LEVEL: 'debug', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => log.lines.push(text))
  children.push(child)
  return child
}
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
const look = (): Promise<unknown> =>
  db.query(`select lethe_jobs.add_job('request__look', '{}', job_key => 'request__look')`)
const tell = (name = 'mail', to = receiver.url): Promise<unknown> =>
  officer.query(`select lethe.add_recipient($1, $2, controller => 'north')`, [name, to])
async function open(key = '1', kind = 'erasure'): Promise<number> {
  const [row] = await officer.query<{ id: number }>(
    `select lethe.open_request($1, 'member', $2, controller => 'north') as id`,
    [kind, key],
  )
  return row!.id
}
const state = async (id: number): Promise<string> =>
  (await db.query<{ state: string }>('select state from lethe.requests where id = $1', [id]))[0]!.state
const becomes = (id: number, wanted: string): Promise<void> => until(async () => (await state(id)) === wanted)
async function approved(key = '1'): Promise<number> {
  const id = await open(key)
  await officer.query('select lethe.plan_request($1)', [id])
  await officer.query('select lethe.approve_request($1)', [id])
  return id
}
const told = (): Promise<{ state: string; attempts: number }[]> =>
  db.query('select state, attempts from lethe.notifications order by id')
/** What happened to a request, as its events tell. */
const moves = async (id: number): Promise<string[]> =>
  (
    await db.query<{ to_state: string }>(
      `select to_state from lethe.request_events where request_id = $1 and event = 'moved' order by id`,
      [id],
    )
  ).map(({ to_state }) => to_state)

/** Done once: no step twice, one certificate, one notification, and the recipient saw one event. */
async function expectOneEffect(id: number, notifications = 1): Promise<void> {
  expect(await moves(id)).toEqual(['planned', 'approved', 'executed', 'completed'])
  expect(await db.query('select from lethe.certificates where request_id = $1', [id])).toHaveLength(1)
  expect(await told()).toHaveLength(notifications)
  expect(new Set(receiver.received.map(({ key }) => key)).size).toBe(notifications)
  expect(await db.query(`select from club."Members" where id = 1`)).toEqual([])
  expect(await db.query(`select id from club."Members" order by id`)).toEqual([
    { id: 2 },
    { id: 3 },
    { id: 4 },
  ])
  expect(await db.query('select distinct member_id from club.notes order by 1')).toEqual([
    { member_id: 2 },
    { member_id: 3 },
    { member_id: 4 },
  ])
}

describe('a worker', () => {
  it('plans, and after an officer has agreed executes, looks again, certifies, anchors and tells the recipient', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lethe-anchor-'))
    vi.stubEnv('LETHE_ANCHOR', folder)
    await tell()
    const id = await open()
    await work()
    await becomes(id, 'planned')
    await officer.query('select lethe.approve_request($1)', [id])
    await look()
    await becomes(id, 'completed')
    await until(async () => (await told())[0]?.state === 'received')
    await expectOneEffect(id)
    expect(await db.query('select from lethe_private.request_roots')).toEqual([])
    await until(async () => (await readdir(folder)).length > 0)
    const [head] = await db.query<{ hash: string }>(
      `select s.hash from lethe.seals as s join lethe.sealed_rows as r on (r.controller_id, r.number) = (s.controller_id, s.number)
       where r.relation = 'lethe.certificates'`,
    )
    const anchored = await Promise.all(
      (await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')),
    )
    expect(anchored.join()).toContain(head!.hash)
    await rm(folder, { recursive: true })
    expect(log.lines.join('\n')).toContain(`request ${id} is completed`)
  })

  it('has ids in its jobs and nothing else, and logs nobody, also when the database refuses', async () => {
    await db.query(`
      create table public.seen (payload text, error text);
      create function public.see() returns trigger language plpgsql security definer as $$
        begin insert into public.seen values (new.payload::text, new.last_error); return new; end $$;
      create trigger see before insert or update on lethe_jobs._private_jobs for each row execute function public.see();
      create function club.refuse() returns trigger language plpgsql as $$
        begin raise exception 'no: % is a member', old."e-Mail"; end $$;
      create trigger refuse before delete on club."Members" for each row execute function club.refuse()`)
    await tell()
    const id = await approved()
    await work()
    await until(
      async () => (await db.query('select from lethe.requests where failure is not null')).length === 1,
    )
    expect(await state(id)).toBe('approved')
    await db.query('drop trigger refuse on club."Members"')
    await until(
      async () =>
        (
          await db.query(
            `update lethe_jobs._private_jobs set run_at = now() where locked_at is null returning id`,
          )
        ).length >= 0 && (await state(id)) === 'completed',
    )
    await until(async () => (await told())[0]?.state === 'received')
    const seen = await db.query<{ payload: string; error: string | null }>(
      'select distinct payload, error from public.seen',
    )
    expect(seen.some(({ error }) => error !== null)).toBe(true)
    for (const { payload } of seen)
      for (const [key, value] of Object.entries(JSON.parse(payload))) {
        expect(['request', 'notification', 'cycle', 'table', '_cron']).toContain(key)
        if (key !== '_cron') expect(value).toBeTypeOf('number')
      }
    const everything = JSON.stringify([
      seen,
      log.lines,
      receiver.received,
      await db.query('select * from lethe.requests'),
      await db.query('select * from lethe.request_events'),
      await db.query('select * from lethe.certificates'),
    ]).toLowerCase()
    for (const { mail, phone } of MEMBERS) {
      expect(everything).not.toContain(mail.toLowerCase())
      if (phone) expect(everything).not.toContain(phone)
    }
    expect(everything).not.toContain(SECRET)
  })

  it('goes on after every job was lost between any two steps', async () => {
    await tell()
    const id = await approved()
    await work()
    for (let n = 0; n < 40 && (await told())[0]?.state !== 'received'; n += 1) {
      await db.query(`delete from lethe_jobs._private_jobs where locked_at is null and key ~ ':'`)
      await look()
      await new Promise((wake) => setTimeout(wake, 100))
    }
    await becomes(id, 'completed')
    await until(async () => (await told())[0]?.state === 'received')
    await expectOneEffect(id)
  })

  it('beside another, and beside an impatient operator, does everything once', async () => {
    await tell()
    const id = await approved()
    await Promise.all([work(), work()])
    for (let n = 0; n < 10; n += 1) {
      await db.query(`
        select lethe_jobs.add_job('request__execute', json_build_object('request', ${id}));
        select lethe_jobs.add_job('request__verify', json_build_object('request', ${id}))`)
      await look()
    }
    await becomes(id, 'completed')
    await until(async () => (await told())[0]?.state === 'received')
    await until(
      async () => (await db.query(`select from lethe_jobs.jobs where task_identifier ~ '^re'`)).length === 0,
    )
    await expectOneEffect(id)
  })
})

describe('a worker that is killed with -9', () => {
  it('in the middle of any step, or between two, leaves all of it or none, and nothing twice', async () => {
    await tell()
    const id = await approved()
    // Where a step waits: as it erases, as it makes notifications, as it certifies, as it takes what to send.
    const places = [
      'club.notes',
      'lethe.notifications',
      'lethe.certificates',
      'lethe_private.recipient_secrets',
    ]
    const waiting = (): Promise<object[]> =>
      db.query(
        `select from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'lethe\\.' and pid <> pg_backend_pid()`,
      )
    let met = 0
    for (const place of places) {
      const other = await db.connect()
      await other.query(`begin; lock table ${place} in access exclusive mode`)
      const child = workApart()
      await until(async () => (await waiting()).length > 0)
      met += 1
      await kill(child)
      await other.query('rollback')
      // PostgreSQL may go on with what a client that is gone had begun.
      await until(async () => (await waiting()).length === 0)
      // At one moment: it may still be at it.
      const [seen] = await db.query<{ state: string; there: boolean }>(
        `select r.state, exists (select from club."Members" where id = 1) as there from lethe.requests as r where r.id = $1`,
        [id],
      )
      expect(seen!.there).toBe(seen!.state === 'approved')
    }
    expect(met).toBe(places.length)
    await work()
    await becomes(id, 'completed')
    await until(async () => (await told())[0]?.state === 'received')
    await expectOneEffect(id)
  })

  it('after sending and before noting it sends again, with the same key', async () => {
    await tell()
    const id = await approved()
    const child = workApart()
    let killed: Promise<void> | undefined
    receiver.answer = (_received, response) => {
      // It never hears this answer.
      killed ??= kill(child)
      void killed.then(() => response.writeHead(204).end())
    }
    await until(() => receiver.received.length > 0)
    await killed
    expect((await told())[0]).toMatchObject({ state: 'waiting', attempts: 1 })
    await work()
    await until(async () => (await told())[0]?.state === 'received', 40)
    expect(receiver.received.length).toBe(2)
    expect(receiver.received[0]!.body).toBe(receiver.received[1]!.body)
    await becomes(id, 'completed')
    await expectOneEffect(id)
  })
})

describe('a recipient', () => {
  it('that fails is told again later, and that says it has completed is believed', async () => {
    await tell()
    await tell('crm')
    receiver.answer = (_received, response) => {
      if (receiver.received.length <= 2) response.writeHead(500).end('an error with ever so many words')
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{"status": "completed"}')
    }
    const id = await approved()
    await work()
    await until(
      async () => (await told()).every(({ state: is }) => is === 'completed') && (await told()).length === 2,
    )
    expect((await told()).map(({ attempts }) => attempts)).toEqual([2, 2])
    await becomes(id, 'completed')
    await expectOneEffect(id, 2)
    expect(log.lines.join('\n')).toMatch(/notification \d+: HTTP 500, attempt 1 of 15/)
    expect(log.lines.join('\n')).not.toContain('ever so many words')
  })

  it('that fails fifteen times is given up, as an error in the log', async () => {
    await tell()
    receiver.answer = (_received, response) => void response.writeHead(410).end()
    const id = await approved()
    await officer.query('select lethe.execute_request($1)', [id])
    await db.query('update lethe.notifications set attempts = 14')
    await work()
    await until(async () => (await told())[0]?.state === 'dead')
    await until(() =>
      log.lines.some(
        (line) => line.startsWith('error') && line.includes('given up after 15 attempts (HTTP 410)'),
      ),
    )
    await look()
    await until(
      async () => (await db.query(`select from lethe_jobs.jobs where task_identifier ~ '^re'`)).length === 0,
    )
    expect(receiver.received).toHaveLength(1)
  })

  it('is waited for so long, followed nowhere, and read no further than 64 kB', async () => {
    const delivery = { url: receiver.url, eventKey: 'k', body: '{}', signature: 't=1,v1=00', attempt: 1 }
    const answered = async (answer: Receiver['answer']): Promise<unknown> => {
      receiver.answer = answer
      return send(delivery, 400)
    }
    expect(
      await answered(
        (_, response) => void response.writeHead(302, { location: `${receiver.url}/elsewhere` }).end(),
      ),
    ).toEqual({
      status: 302,
      completed: false,
    })
    expect(await answered(() => undefined)).toEqual({ status: null, completed: false })
    expect(await answered((_, response) => response.socket!.destroy() && undefined)).toEqual({
      status: null,
      completed: false,
    })
    const says = (text: string) => answered((_, response) => void response.writeHead(200).end(text))
    expect(await says('{"status":"completed"}')).toEqual({ status: 200, completed: true })
    expect(await says(`{"status":"completed"${' '.repeat(70_000)}}`)).toEqual({
      status: 200,
      completed: false,
    })
    for (const text of ['', 'completed', 'null', '{"status":"received"}', '[]'])
      expect(await says(text)).toEqual({ status: 200, completed: false })
    expect(receiver.received).toHaveLength(10)
    expect(receiver.received[0]!.headers).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': 'k',
    })
    expect(await send({ ...delivery, url: 'http://127.0.0.1:1/' })).toEqual({
      status: null,
      completed: false,
    })
  })
})

describe('a deadline', () => {
  it('is a warning once and an error once, with ids and dates alone', async () => {
    const [soon, late] = [await open('1', 'access'), await open('3', 'access')]
    const day = (days: number): string => formatDay(localDay(Date.now(), ZONES.north) + days)
    await db.query(
      `update lethe.requests set due_on = case id when ${soon} then $1::date else $2::date end`,
      [day(5), day(-2)],
    )
    await Promise.all([work(), work()])
    const remind = (): Promise<unknown> =>
      db.query(`select lethe_jobs.add_job('request__remind', '{}', job_key => 'request__remind')`)
    const said = (): string[] => log.lines.filter((line) => /request \d+ \(access/.test(line))
    await until(() => said().length === 2)
    for (let n = 0; n < 3; n += 1) {
      await remind()
      await until(
        async () =>
          (await db.query(`select from lethe_jobs.jobs where task_identifier = 'request__remind'`)).length ===
          0,
      )
    }
    expect(
      said()
        .map((line) => line.replace(/\[.*?\] /, ''))
        .sort(),
    ).toEqual([
      expect.stringMatching(`^error .*request ${late} \\(access, north\\) was due on ${day(-2)}, 2 days ago`),
      expect.stringMatching(`^warn .*request ${soon} \\(access, north\\) is due on ${day(5)}, in 5 days`),
    ])
  })
})
