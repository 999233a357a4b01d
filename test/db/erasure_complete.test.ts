/** What a law has kept goes on its day, without anybody remembering it: by each of the drivers of a cycle. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCycle } from '../../src/cycle.ts'
import startCycles from '../../tasks/cycle__start.ts'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { applyPolicy, grantMissing, rowsOf } from '../helpers/engine.ts'
import {
  approvedErasure,
  certify,
  changed,
  execute,
  readTables,
  requestState,
} from '../helpers/executions.ts'
import { MUSIC_KEPT, MUSIC_SQL, MUSIC_TABLES, musicPolicy } from '../helpers/music.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(MUSIC_SQL)
  await applyPolicy(db, musicPolicy(MUSIC_KEPT))
})
afterAll(() => db.drop())

/** Executes and certifies: afterwards it is blocked. */
async function blocked(customer: number, controller: string): Promise<number> {
  const request = await approvedErasure(db, 'customer', controller, String(customer))
  expect(await execute(db, request)).toBe('executed')
  expect(await certify(db, request)).toBe('blocked')
  return request
}

/** The day comes: the clocks are moved, since today cannot be. */
async function termEnds(request: number, customer: number, years = 11): Promise<void> {
  await db.query(`
    update music.invoices set invoiced_on = invoiced_on - interval '${years} years' where customer_id = ${customer};
    update lethe.requests set completes_on = completes_on - interval '${years} years' where id = ${request}`)
}

const certificates = (request: number): Promise<unknown[]> =>
  rowsOf(
    db,
    `select number, (select sum((e ->> 'rows')::int)::int from jsonb_array_elements(document -> 'erased') as e where e ->> 'table' = 'music.invoices') as invoices,
       jsonb_array_length(document -> 'retained') > 0 as retains
     from lethe.certificates where request_id = $1 order by number`,
    [request],
  )

const DRIVERS: [name: string, controller: string, customer: number, run: () => Promise<unknown>][] = [
  ['call lethe.run_cycle()', 'south', 1, () => db.query(`call lethe.run_cycle('south')`)],
  ['lethe run', 'north', 2, () => runCycle({ databaseUrl: db.url, controller: 'north' })],
]

// Before any cycle of the day has ended.
describe('a blocked erasure, while a worker drives the cycle', () => {
  it('is handed to the worker by the task that starts cycles, once its day has come, by its id alone', async () => {
    const request = await blocked(8, 'north')
    const jobs: unknown[] = []
    const start = async (): Promise<void> => {
      jobs.length = 0
      await startCycles({}, {
        query: async (text: string, values?: unknown[]) => ({
          rows: text.includes('lethe_jobs') ? [] : await rowsOf(db, text, values),
        }),
        job: { id: 0 },
        addJob: async (task: string, payload: unknown) => jobs.push({ task, payload }),
        logger: { info: () => undefined, error: () => undefined },
      } as never)
    }
    await start()
    expect(jobs).not.toContainEqual({ task: 'request__execute', payload: { request } })
    await termEnds(request, 8)
    await start()
    expect(jobs).toContainEqual({ task: 'request__execute', payload: { request } })
    await db.query(`call lethe.run_cycle('north')`)
    expect((await requestState(db, request)).state).toBe('completed')
  })
})

describe('a blocked erasure', () => {
  it.each(DRIVERS)(
    'is left alone before its day and completed on it by %s',
    async (_, controller, customer, run) => {
      const request = await blocked(customer, controller)
      const before = await readTables(db, MUSIC_TABLES)
      await run()
      expect(changed(before, await readTables(db, MUSIC_TABLES))).toEqual([])
      expect((await requestState(db, request)).state).toBe('blocked')

      await termEnds(request, customer)
      await run()
      expect(await requestState(db, request)).toMatchObject({ state: 'completed', failure: null })
      const after = await readTables(db, MUSIC_TABLES)
      const gone = changed(before, after)
      expect(gone.filter((key) => key in after)).toEqual([])
      expect(gone.filter((key) => /customers|invoices/.test(key)).sort()).toEqual(
        Object.entries(before)
          .filter(
            ([key, row]) =>
              key === `music.customers/${customer}` ||
              (key.startsWith('music.invoices') && (row as { customer_id: number }).customer_id === customer),
          )
          .map(([key]) => key)
          .sort(),
      )
      expect(await certificates(request)).toEqual([
        { number: 1, invoices: expect.any(Number), retains: true },
        {
          number: 2,
          invoices: gone.filter((key) => key.startsWith('music.invoices')).length,
          retains: false,
        },
      ])
      expect(
        await rowsOf(
          db,
          `select from lethe_private.request_roots where request_id = ${request} union all select from lethe_private.kept_rows where request_id = ${request}`,
        ),
      ).toEqual([])
    },
  )

  it('takes one part on its day and waits with the others for theirs', async () => {
    const request = await blocked(3, 'south')
    const [{ first }] = (await rowsOf(
      db,
      `select min(invoiced_on)::text as first from music.invoices where customer_id = 3`,
    )) as [{ first: string }]
    await db.query(`
      update music.invoices set invoiced_on = invoiced_on - interval '11 years' where customer_id = 3 and invoiced_on = '${first}';
      update lethe.requests set completes_on = current_date - 1 where id = ${request}`)
    await db.query(`call lethe.run_cycle('south')`)
    expect((await requestState(db, request)).state).toBe('blocked')
    expect(
      await rowsOf(db, `select from music.invoices where customer_id = 3 and invoiced_on < '${first}'`),
    ).toEqual([])
    expect((await rowsOf(db, `select from music.customers where id = 3`)).length).toBe(1)
  })

  it('does not take what came since without anybody having approved it; the cycle says so and is incomplete', async () => {
    const request = await blocked(4, 'north')
    await db.query(`insert into music.invoices values (9004, 1, 4, current_date - 4000, 'a refund')`)
    await termEnds(request, 4)
    await expect(refusal(db.query(`call lethe.run_cycle('north')`))).resolves.toMatchObject({ code: 'LE404' })
    expect(await requestState(db, request)).toMatchObject({
      state: 'blocked',
      failure: { sqlstate: 'LE439', table: 'music.invoices: 1' },
    })
    expect(await rowsOf(db, `select from music.invoices where id = 9004`)).toHaveLength(1)
    const [cycle] = (await runCycle({ databaseUrl: db.url, controller: 'north' })) as unknown as [
      { state: string; faults: unknown[] },
    ]
    expect(cycle).toMatchObject({
      state: 'incomplete',
      faults: [{ table: `request ${request}`, state: 'failed', sqlstate: 'LE439' }],
    })
    await db.query('delete from music.invoices where id = 9004')
    await db.query(`call lethe.run_cycle('north')`)
    expect(await requestState(db, request)).toMatchObject({ state: 'completed', failure: null })
  })

  it('leaves what came since to a new request for the person, and is completed after it', async () => {
    const request = await blocked(10, 'north')
    await db.query(`insert into music.invoices values (9010, 1, 10, current_date - 4000, 'a refund')`)
    await termEnds(request, 10)
    expect(await refusal(execute(db, request))).toMatchObject({
      code: 'LE439',
      hint: expect.stringContaining('open a new request'),
    })
    const [second] = await rowsOf<{ id: string }>(
      db,
      `select lethe.open_request('erasure', 'customer', key => '10', controller => 'north') as id`,
    )
    await db.query(`select lethe.plan_request(${second!.id})`)
    await db.query(`select lethe.approve_request(${second!.id})`)
    expect(await execute(db, Number(second!.id))).toBe('executed')
    expect(await certify(db, Number(second!.id))).toBe('completed')
    await db.query(`call lethe.run_cycle('north')`)
    expect(await requestState(db, request)).toMatchObject({ state: 'completed', failure: null })
    expect(await rowsOf(db, 'select from music.invoices where customer_id = 10')).toEqual([])
    expect(await rowsOf(db, 'select from music.customers where id = 10')).toEqual([])
  })

  it('that a trigger keeps from being completed is tried again by each cycle, nothing half done', async () => {
    const request = await blocked(5, 'south')
    await termEnds(request, 5)
    await db.query(`
      create function music.no() returns trigger language plpgsql as $$ begin raise exception 'never: %', old; end $$;
      create trigger no before delete on music.customers for each row execute function music.no()`)
    const before = await readTables(db, MUSIC_TABLES)
    await expect(refusal(db.query(`call lethe.run_cycle('south')`))).resolves.toMatchObject({ code: 'LE404' })
    expect(changed(before, await readTables(db, MUSIC_TABLES))).toEqual([])
    expect((await requestState(db, request)).failure).toEqual({ sqlstate: 'LE433', cause: 'P0001' })
    await db.query('drop trigger no on music.customers')
    await db.query(`call lethe.run_cycle('south')`)
    expect((await requestState(db, request)).state).toBe('completed')
  })
})

describe('a hold', () => {
  it('delays an erasure, which goes on by itself when it is released', async () => {
    const request = await approvedErasure(db, 'customer', 'north', '6')
    const [{ hold }] = (await rowsOf(
      db,
      `select lethe.hold_person('a case', 'customer', key => '6', controller => 'north') as hold`,
    )) as [{ hold: number }]
    const before = await readTables(db, MUSIC_TABLES)
    expect(await execute(db, request)).toBe('delayed')
    await db.query(`call lethe.run_cycle('north')`)
    expect(await requestState(db, request)).toMatchObject({ state: 'delayed', delayed_by: [hold] })
    expect(changed(before, await readTables(db, MUSIC_TABLES))).toEqual([])
    await db.query(`select lethe.release_hold(${hold}, 'over')`)
    await db.query(`call lethe.run_cycle('north')`)
    expect((await requestState(db, request)).state).toBe('blocked')
    expect(JSON.stringify(await readTables(db, MUSIC_TABLES))).not.toContain('c6@example.org')
  })
})

describe('many erasures', () => {
  it('are done in one call, each with figures of its own', async () => {
    const requests: number[] = []
    for (const customer of [30, 32, 34, 36])
      requests.push(await approvedErasure(db, 'customer', 'north', String(customer)))
    requests.push(await approvedErasure(db, 'customer', 'south', '31'))
    const states = await rowsOf(db, 'select * from lethe.execute_requests($1)', [requests])
    expect(states).toEqual(
      requests.map((request) => ({
        request: expect.toSatisfy((id) => Number(id) === request),
        state: 'executed',
      })),
    )
    expect(JSON.stringify(await readTables(db, MUSIC_TABLES))).not.toMatch(/c3[01246]@example\.org/)
    for (const request of requests) {
      const { outcome } = await requestState(db, request)
      expect(outcome.erased.find(({ table }) => table === 'music.Letters')).toMatchObject({ rows: 2 })
      expect(outcome.anonymized).toMatchObject([{ table: 'music.customers', rows: 1 }])
      expect(await certify(db, request)).toBe('blocked')
    }
  })

  it('do not keep one another: one that fails is written down, and the others are done', async () => {
    await db.query(`
      create function music.not_him() returns trigger language plpgsql as $$ begin if old.id = 42 then raise exception 'never'; end if; return new; end $$;
      create trigger not_him before update on music.customers for each row execute function music.not_him()`)
    const requests = [
      await approvedErasure(db, 'customer', 'north', '40'),
      await approvedErasure(db, 'customer', 'north', '42'),
      await approvedErasure(db, 'customer', 'north', '44'),
    ]
    const states = await rowsOf<{ state: string }>(db, 'select * from lethe.execute_requests($1)', [requests])
    expect(states.map(({ state }) => state)).toEqual(['executed', 'failed', 'executed'])
    expect(await requestState(db, requests[1]!)).toMatchObject({
      state: 'approved',
      failure: { sqlstate: 'LE433', cause: 'P0001' },
    })
    const after = await readTables(db, MUSIC_TABLES)
    expect(after['music.customers/42']).toMatchObject({ email: 'c42@example.org' })
    expect(JSON.stringify(after)).not.toMatch(/c4[04]@example\.org/)
    await db.query('drop trigger not_him on music.customers')
    expect(await execute(db, requests[1]!)).toBe('executed')
  })

  it('of one person, who was asked for twice, are done once', async () => {
    const first = await approvedErasure(db, 'customer', 'north', '46')
    const second = await approvedErasure(db, 'customer', 'north', '46')
    const states = await rowsOf<{ state: string }>(db, 'select * from lethe.execute_requests($1)', [
      [first, second],
    ])
    expect(states.map(({ state }) => state)).toEqual(['executed', 'planned'])
  })
})

describe('a person of whom everything is in the archive', () => {
  let archived: TestDatabase
  beforeAll(async () => {
    archived = await createDatabase()
    await archived.query(MUSIC_SQL)
    const policy = musicPolicy(MUSIC_KEPT) as { tables: Record<string, object> }
    Object.assign(policy.tables['music.invoices']!, {
      archive: { after: 'P1Y', since: 'invoiced_on' },
      purge: { after: 'P50Y', since: 'invoiced_on' },
    })
    await applyPolicy(archived, policy)
    await grantMissing(archived)
    await archived.query(
      `update music.invoices set invoiced_on = current_date - 1000 where customer_id in (1, 3)`,
    )
    await archived.query(`call lethe.run_cycle('south')`)
  })
  afterAll(() => archived?.drop())

  const mirrored = async (table: string): Promise<number> => {
    const mirrors = await rowsOf<{ name: string }>(
      archived,
      `select m.name from lethe_private.mirrors as m join lethe.managed_tables as t on t.id = m.table_id where t.table_name = '${table}'`,
    )
    let rows = 0
    for (const { name } of mirrors) {
      const [found] = await rowsOf<{ n: number }>(
        archived,
        `select count(*)::int as n from lethe_archive.${name}`,
      )
      rows += found!.n
    }
    return rows
  }

  it('is forgotten there as well: what is kept stays, and goes on its day though no live row leads to it any more', async () => {
    const all = { invoices: await mirrored('invoices'), lines: await mirrored('lines') }
    const [{ lines }] = (await rowsOf(
      archived,
      `select count(*)::int as lines from lethe_archive.${(await rowsOf<{ name: string }>(archived, `select m.name from lethe_private.mirrors as m join lethe.managed_tables as t on t.id = m.table_id where t.table_name = 'lines'`))[0]!.name} as l where l.invoice_id in (select id from generate_series(0, 420, 60) as id)`,
    )) as [{ lines: number }]
    const request = await approvedErasure(archived, 'customer', 'south', '1')
    expect(await execute(archived, request)).toBe('executed')
    expect(await rowsOf(archived, 'select from music.customers where id = 1')).toEqual([])
    expect((await requestState(archived, request)).outcome.retained).toEqual([
      expect.objectContaining({ table: 'music.invoices', place: 'archive', rows: 7 }),
      expect.objectContaining({ table: 'music.lines', place: 'archive', rows: lines }),
    ])
    expect(await certify(archived, request)).toBe('blocked')
    expect(await mirrored('invoices')).toBe(all.invoices)
    await archived.query(
      `update lethe_private.kept_rows set until = current_date - 3; update lethe.requests set completes_on = current_date - 2`,
    )
    await archived.query(`call lethe.run_cycle('south')`)
    expect((await requestState(archived, request)).state).toBe('completed')
    expect(await mirrored('invoices')).toBe(all.invoices - 7)
    expect(await mirrored('lines')).toBe(all.lines - lines)
  })

  it('leaves the archived rows of others as they were', async () => {
    const all = await mirrored('invoices')
    const request = await approvedErasure(archived, 'customer', 'south', '3')
    expect(await execute(archived, request)).toBe('executed')
    expect(await mirrored('invoices')).toBe(all)
  })
})

describe('what was kept and is somebody else’s on its day', () => {
  let moved: TestDatabase
  // No foreign keys, so that nothing stays of the person but what a law keeps. Papers have a key that can be given again.
  beforeAll(async () => {
    moved = await createDatabase()
    await moved.query(`
      create schema m;
      create table m.people (id int primary key, owner int not null, name text);
      create table m.bills (id int primary key, owner int not null, person_id int, on_day date not null);
      create index on m.bills (person_id);
      create table m.lines (id int primary key, owner int not null, bill_id int);
      create index on m.lines (bill_id);
      create table m.papers (no text primary key, owner int not null, person_id int, on_day date not null);
      create index on m.papers (person_id);
      insert into m.people select i, 1, 'First ' || i from generate_series(1, 30) as i;
      insert into m.bills select i, 1, i, current_date - 800 from generate_series(1, 30) as i;
      insert into m.bills select 100 + i, 1, i, current_date - 100 from generate_series(1, 30) as i;
      insert into m.lines select i, 1, i from generate_series(1, 30) as i;
      insert into m.papers select 'no ' || i, 1, i, current_date - 800 from generate_series(1, 30) as i`)
    const kept = { on_erasure: { retain: 'P10Y', since: 'on_day', basis: 'a law' } }
    const to = { to: 'm.people', columns: { person_id: 'id' } }
    await applyPolicy(moved, {
      version: 1,
      controllers: { north: { time_zone: 'America/St_Johns', reference: '1' } },
      subjects: {
        person: {
          table: 'm.people',
          identifiers: [],
          links: {
            'm.bills': { kind: 'own', ...to, ...kept },
            'm.lines': { kind: 'own', with: 'parent', to: 'm.bills', columns: { bill_id: 'id' } },
            'm.papers': { kind: 'own', ...to, ...kept },
          },
        },
      },
      tables: {
        'm.people': { controller: { column: 'owner' }, columns: { name: { category: 'direct identifier' } } },
        'm.bills': { controller: { column: 'owner' } },
        'm.lines': { controller: { column: 'owner' } },
        'm.papers': {
          controller: { column: 'owner' },
          archive: { after: 'P5Y', since: 'on_day' },
          purge: { after: 'P50Y', since: 'on_day' },
        },
      },
    })
    await grantMissing(moved)
  })
  afterAll(() => moved?.drop())

  const gone = async (person: number): Promise<number> => {
    const request = await approvedErasure(moved, 'person', 'north', String(person))
    expect(await execute(moved, request)).toBe('executed')
    expect(await certify(moved, request)).toBe('blocked')
    expect(await rowsOf(moved, `select from m.people where id = ${person}`)).toEqual([])
    return request
  }
  /** The day comes for what is older than two years. */
  const dayComes = (request: number): Promise<unknown> =>
    moved.query(`
      update lethe_private.kept_rows set until = current_date - 3 where request_id = ${request} and until < current_date + 3200;
      update lethe.requests set completes_on = current_date - 2 where id = ${request}`)
  const complete = (request: number): Promise<unknown> =>
    moved.query(`select lethe.execute_request(${request}), lethe.verify_request(${request})`)
  /** One in which no request has its day: those refused above would make it incomplete. */
  const cycle = (): Promise<unknown> =>
    moved
      .query('update lethe.requests set completes_on = current_date + 9')
      .then(() => moved.query(`call lethe.run_cycle('north')`))
  const all = (): Promise<Record<string, unknown>> =>
    readTables(moved, { 'm.people': 'id', 'm.bills': 'id', 'm.lines': 'id', 'm.papers': 'no' })

  const refuses = async (request: number, table: string): Promise<void> => {
    const before = await all()
    await dayComes(request)
    expect(await refusal(complete(request))).toMatchObject({
      code: 'LE439',
      message: `rows that request ${request} had kept belong to somebody else now (${table}), and nobody has approved that they go`,
      hint: expect.stringContaining('set it to null'),
    })
    expect(changed(before, await all())).toEqual([])
  }

  it('goes as it was, and leaves what has its day later', async () => {
    const request = await gone(1)
    await dayComes(request)
    const before = await all()
    await complete(request)
    expect(changed(before, await all())).toEqual(['m.bills/1', 'm.lines/1', 'm.papers/no 1'])
    expect((await requestState(moved, request)).state).toBe('blocked')
    await moved.query(
      `update lethe_private.kept_rows set until = current_date - 3 where request_id = ${request}`,
    )
    await complete(request)
    expect(changed(before, await all())).toEqual(['m.bills/1', 'm.bills/101', 'm.lines/1', 'm.papers/no 1'])
    expect((await requestState(moved, request)).state).toBe('completed')
  })

  it('stays when its reference was corrected, until that is null', async () => {
    const request = await gone(2)
    await moved.query('update m.bills set person_id = 20 where id = 2')
    await refuses(request, 'm.bills: 1')
    await moved.query('update m.bills set person_id = null where id = 2')
    const before = await all()
    await complete(request)
    expect(changed(before, await all())).toEqual(['m.bills/2', 'm.lines/2', 'm.papers/no 2'])
  })

  it('stays when its parent is somebody else’s, or it was moved to one that is', async () => {
    const request = await gone(3)
    await moved.query('update m.lines set bill_id = 20 where id = 3')
    await refuses(request, 'm.lines: 1')
    await moved.query(
      'update m.lines set bill_id = 3 where id = 3; update m.bills set person_id = 21 where id = 3',
    )
    await refuses(request, 'm.bills: 1')
  })

  it('stays when its key was given to somebody else', async () => {
    const request = await gone(4)
    await moved.query(`
      delete from m.papers where no = 'no 4'; insert into m.papers values ('no 4', 1, 22, current_date)`)
    await refuses(request, 'm.papers: 1')
  })

  it('keeps nothing else waiting before its own day', async () => {
    const request = await gone(5)
    await moved.query('update m.bills set person_id = 23 where id = 105')
    await dayComes(request)
    const before = await all()
    await complete(request)
    expect(changed(before, await all())).toEqual(['m.bills/5', 'm.lines/5', 'm.papers/no 5'])
    expect((await requestState(moved, request)).state).toBe('blocked')
    await moved.query(
      `update lethe_private.kept_rows set until = current_date - 3 where request_id = ${request}`,
    )
    expect(await refusal(complete(request))).toMatchObject({ code: 'LE439' })
    expect(await rowsOf(moved, 'select person_id from m.bills where id = 105')).toEqual([{ person_id: 23 }])
  })

  it('remembers of kept rows their keys and what links them, and nothing of what else they hold', async () => {
    const request = await gone(6)
    expect(
      await rowsOf(
        moved,
        `select facts from lethe_private.kept_rows where request_id = ${request} order by facts::text collate "C"`,
      ),
    ).toEqual([
      { facts: { id: 106, person_id: 6 } },
      { facts: { id: 6, bill_id: 6 } },
      { facts: { id: 6, person_id: 6 } },
      { facts: { no: 'no 6', person_id: 6 } },
    ])
  })

  it('is left to them by an officer who strikes it, with what hangs on it, and nothing else', async () => {
    const request = await gone(9)
    await moved.query('update m.bills set person_id = 20 where id in (9, 109)')
    await refuses(request, 'm.bills: 1')
    const strike = `select "table", key from lethe.strike_kept_rows(${request}, 'it is of the sister company')`
    const struck = [
      { table: 'm.bills', key: '109' },
      { table: 'm.bills', key: '9' },
      { table: 'm.lines', key: '9' },
    ]
    // Whoever wants to look first.
    await moved.query('begin')
    expect(await rowsOf(moved, strike)).toEqual(struck)
    await moved.query('rollback')
    expect(await refusal(complete(request))).toMatchObject({ code: 'LE439' })

    expect(await refusal(moved.query(`select lethe.strike_kept_rows(${request}, ' ')`))).toMatchObject({
      code: 'LE417',
    })
    const worker = await moved.asRole('lethe_worker')
    expect((await refusal(worker.query(strike))).code).toBe('42501')
    const before = await all()
    expect(await rowsOf(moved, strike)).toEqual(struck)
    expect(await rowsOf(moved, strike)).toEqual([])
    await complete(request)
    expect(changed(before, await all())).toEqual(['m.papers/no 9'])
    expect((await requestState(moved, request)).state).toBe('completed')
    const [certificate] = await rowsOf<{ findings: unknown[] }>(
      moved,
      `select document -> 'findings' as findings from lethe.certificates where request_id = ${request} order by number desc limit 1`,
    )
    const finding = {
      place: 'table',
      finding: 'was kept by law, and is somebody else’s now'.replace('’', "'"),
    }
    expect(certificate!.findings).toEqual(
      expect.arrayContaining([
        { ...finding, object: 'm.bills', rows: 2, decision: 'keep' },
        { ...finding, object: 'm.lines', rows: 1, decision: 'keep' },
      ]),
    )
    expect((await refusal(moved.query(strike))).code).toBe('LE431')
  })

  it('is not struck while it is the person’s, nor what hangs on that', async () => {
    const request = await gone(10)
    await moved.query('update m.lines set bill_id = 110 where id = 10')
    const strike = `select "table", key from lethe.strike_kept_rows(${request}, 'a mistake')`
    // The line was moved to another bill of the same person, which is kept as well.
    expect(await rowsOf(moved, strike)).toEqual([])
    await refuses(request, 'm.lines: 1')
    expect(await rowsOf(moved, strike)).toEqual([])
    await moved.query('update m.lines set bill_id = null where id = 10')
    const before = await all()
    await complete(request)
    expect(changed(before, await all())).toEqual(['m.bills/10', 'm.lines/10', 'm.papers/no 10'])
  })

  it('is told from another archived row that bears its key, and from a live one', async () => {
    const archive = async (): Promise<{ person_id: number }[]> => {
      const [mirror] = await rowsOf<{ name: string }>(
        moved,
        `select m.name from lethe_private.mirrors as m join lethe.managed_tables as t on t.id = m.table_id where t.table_name = 'papers'`,
      )
      return rowsOf(moved, `select person_id from lethe_archive.${mirror!.name} where no = 'no 7' order by 1`)
    }
    const request = await gone(7)
    await moved.query(`update m.papers set on_day = current_date - 2000 where no = 'no 7'`)
    await cycle()
    await moved.query(`insert into m.papers values ('no 7', 1, 24, current_date - 2000)`)
    await cycle()
    await moved.query(`insert into m.papers values ('no 7', 1, 25, current_date)`)
    expect(await archive()).toEqual([{ person_id: 7 }, { person_id: 24 }])
    await dayComes(request)
    const before = await all()
    await complete(request)
    expect(await archive()).toEqual([{ person_id: 24 }])
    expect(changed(before, await all())).toEqual(['m.bills/7', 'm.lines/7'])
  })

  it('stays in the archive, too, when only somebody else’s bears its key there', async () => {
    const request = await gone(8)
    await moved.query(`update m.papers set person_id = 26, on_day = current_date - 2000 where no = 'no 8'`)
    await cycle()
    expect(await rowsOf(moved, `select from m.papers where no = 'no 8'`)).toEqual([])
    await refuses(request, 'm.papers: 1')
  })
})
