import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, rowsOf, runCycle } from '../helpers/engine.ts'
import { formatDay, formatDelay, parseDay } from '../oracle/calendar.ts'
import {
  afterCycle,
  type Controller,
  effectiveTerms,
  isDue,
  latest,
  MASKED,
  type Row,
  type Table,
  type Term,
} from '../oracle/model.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(`
    create schema host;
    create table host.people (id int primary key, owner int not null, status text, score int, flag boolean,
      seen date, bought timestamp, logged timestamptz, v text, w text);
    create index on host.people (seen);`)
})
afterAll(() => db.drop())

const TODAY = '2024-02-29'
const SENTINELS = ['1900-01-01', '2023-02-28', '9999-12-31']

/** Predicates as SQL and as the oracle reads them, unknowns included. */
const CONDITIONS: [sql: string, when: (row: Row) => boolean | null][] = [
  [`status = 'open'`, (row) => (row.status === null ? null : row.status === 'open')],
  [`status is distinct from 'open'`, (row) => row.status !== 'open'],
  [`flag`, (row) => row.flag as boolean | null],
  [`not flag`, (row) => (row.flag === null ? null : !row.flag)],
  [
    `score between 1 and 2 or flag`,
    (row) => {
      const between = row.score === null ? null : (row.score as number) >= 1 && (row.score as number) <= 2
      if (between === true || row.flag === true) return true
      return between === null || row.flag === null ? null : false
    },
  ],
]

const term = (purposes: (string | undefined)[]): fc.Arbitrary<Term & { sql?: string }> =>
  fc
    .record({
      purpose: fc.constantFrom(...purposes),
      controller: fc.constantFrom(undefined, undefined, 'north', 'south'),
      after: fc.constantFrom(
        { months: 12, days: 0 },
        { months: 0, days: 30 },
        { months: 1, days: 0 },
        { months: 13, days: 2 },
        { months: 24, days: 0 },
      ),
      since: fc.subarray(['seen', 'bought', 'logged'], { minLength: 1 }),
      condition: fc.option(fc.constantFrom(...CONDITIONS), { freq: 1, nil: undefined }),
    })
    .map(({ condition, ...rest }) => ({ ...rest, when: condition?.[1], sql: condition?.[0] }))

/** No two terms of the same purpose and controller. */
const terms = fc.uniqueArray(term([undefined, 'marketing', 'billing']), {
  minLength: 1,
  maxLength: 6,
  selector: ({ purpose, controller }) => `${purpose} ${controller}`,
})

const clock = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(null, 'infinity', '-infinity', ...SENTINELS) },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(
        0,
        27,
        28,
        29,
        30,
        31,
        32,
        60,
        364,
        365,
        366,
        367,
        396,
        397,
        398,
        400,
        729,
        730,
        731,
        732,
        3000,
      )
      .map((back) => formatDay(parseDay(TODAY) - back)),
  },
)
const at = (zone: string): fc.Arbitrary<string | null> =>
  fc
    .tuple(clock, fc.constantFrom('00:00:00', '03:29:59', '23:59:59'))
    .map(([day, time]) =>
      day === null || day.endsWith('infinity') ? day : zone ? `${day}T${time}Z` : `${day} ${time}`,
    )

const row: fc.Arbitrary<Row> = fc.record({
  owner: fc.constantFrom(1, 2),
  status: fc.constantFrom('open', 'closed', null),
  score: fc.constantFrom(0, 1, 2, 3, null),
  flag: fc.constantFrom(true, false, null),
  seen: clock,
  bought: at(''),
  logged: at('Z'),
  v: fc.constantFrom('v', 'v', 'v', null),
  w: fc.constant('w'),
})

const asPolicy = (list: (Term & { sql?: string })[], controller?: string): unknown =>
  list
    .filter((one) => one.controller === controller)
    .map(({ purpose, after, since, sql }) => ({ purpose, after: formatDelay(after), since, when: sql }))

function policy(v: Term[], w: Term[]): unknown {
  const columns = (controller?: string): unknown => ({
    v: { purge: asPolicy(v, controller) },
    w: { purge: asPolicy(w, controller) },
  })
  const override = (controller: string): unknown => ({ 'host.people': { columns: columns(controller) } })
  return {
    version: 1,
    controllers: {
      north: { time_zone: 'America/St_Johns', reference: '1' },
      south: { time_zone: 'Pacific/Auckland', reference: '2' },
    },
    tables: {
      'host.people': {
        controller: { column: 'owner' },
        time_zone: 'Asia/Tokyo',
        sentinels: SENTINELS,
        columns: columns(),
      },
    },
    overrides: { north: override('north'), south: override('south') },
  }
}

const CONTROLLERS: Controller[] = [
  { name: 'north', zone: 'America/St_Johns', today: parseDay(TODAY) },
  { name: 'south', zone: 'Pacific/Auckland', today: parseDay(TODAY) },
]

const model = (v: Term[], w: Term[]): Table => ({
  name: 'host.people',
  key: 'id',
  controllerOf: (one) => (one.owner === 1 ? 'north' : 'south'),
  zone: 'Asia/Tokyo',
  sentinels: SENTINELS,
  clocks: { seen: 'date', bought: 'timestamp', logged: 'timestamptz' },
  masks: { v, w },
})

/** No term that applies, or could apply, to the row has a clock that shows a day. */
function isUnclocked(table: Table, list: Term[], one: Row, controller: Controller): boolean {
  const inForce = effectiveTerms(list, controller.name)
  const usable = (term: Term): boolean => typeof latest(table, term, one, controller) === 'number'
  const applying = inForce.filter((term) => (term.when ? term.when(one) === true : usable(term)))
  if (applying.some(usable)) return false
  return inForce.some((term) => (term.when ? term.when(one) === true : !usable(term)))
}

async function inTransaction(work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = await db.connect()
  await client.query('begin')
  try {
    await work(client)
  } finally {
    await client.query('rollback')
    await client.end()
  }
}

const load = (client: pg.Client, rows: Row[]): Promise<unknown> =>
  client.query('insert into host.people select * from jsonb_populate_recordset(null::host.people, $1)', [
    JSON.stringify(rows),
  ])

describe('terms', () => {
  it("decide together: the last one that applies, a controller's own before the default, unknown as no", async () => {
    const scenario = fc.record({ v: terms, w: terms, rows: fc.array(row, { minLength: 60, maxLength: 90 }) })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ v, w, rows: bare }) => {
        const rows: Row[] = bare.map((one, i) => ({ ...one, id: i + 1 }))
        const table = model(v, w)
        await inTransaction(async (client) => {
          await applyPolicy(client, policy(v, w))
          await load(client, rows)
          let state = { 'host.people': rows as Row[] }
          for (const controller of CONTROLLERS) {
            const own = rows.filter((one) => table.controllerOf(one) === controller.name)
            const planned = await rowsOf(
              client,
              `select rule, due, held, kept_by_child, unclocked from lethe.plan($1, $2) where rule <> 'rows' order by rule`,
              [TODAY, controller.name],
            )
            const expected = (['v', 'w'] as const)
              .filter((column) => effectiveTerms(table.masks![column]!, controller.name).length > 0)
              .map((column) => ({
                rule: `${column}: purge`,
                due: own.filter(
                  (one) => one[column] !== null && isDue(table, table.masks![column]!, one, controller),
                ).length,
                held: 0,
                kept_by_child: 0,
                unclocked: own.filter(
                  (one) => one[column] !== null && isUnclocked(table, table.masks![column]!, one, controller),
                ).length,
              }))
            expect(planned).toEqual(expected)
            expect(await runCycle(client, controller.name, TODAY)).toBe('complete')
            state = afterCycle([table], state, controller) as typeof state
          }
          const found = await rowsOf<{ v: unknown; w: unknown }>(
            client,
            'select v, w from host.people order by id',
          )
          expect(found).toEqual(
            state['host.people'].map((one) => ({
              v: one.v === MASKED ? null : one.v,
              w: one.w === MASKED ? null : one.w,
            })),
          )
        })
      }),
      { seed: 40, numRuns: 60 },
    )
  })

  it('that are shortened, lengthened or resumed are obeyed by the next cycle', async () => {
    const endingAfter = (days: number): unknown =>
      policy(
        [{ after: { months: 0, days }, since: ['seen'] }],
        [{ after: { months: 0, days: 5000 }, since: ['seen'] }],
      )
    await inTransaction(async (client) => {
      const left = async (): Promise<number> =>
        (await rowsOf<{ n: number }>(client, 'select count(v)::int as n from host.people'))[0]!.n
      await load(
        client,
        Array.from({ length: 100 }, (_, i) => ({
          id: i + 1,
          owner: 1,
          seen: formatDay(parseDay(TODAY) - i),
          v: 'v',
          w: 'w',
        })),
      )
      await applyPolicy(client, endingAfter(60))
      await runCycle(client, 'north', TODAY)
      expect(await left()).toBe(61)
      await applyPolicy(client, endingAfter(30))
      await runCycle(client, 'north', TODAY)
      expect(await left()).toBe(31)
      await applyPolicy(client, endingAfter(90))
      await client.query(`update host.people set v = 'refilled'`)
      await runCycle(client, 'north', TODAY)
      expect(await left()).toBe(91)
    })
  })

  it('of one controller never touch a row of the other, nor one that belongs to nobody', async () => {
    await inTransaction(async (client) => {
      await applyPolicy(
        client,
        policy(
          [{ after: { months: 1, days: 0 }, since: ['seen'], controller: 'south' }],
          [{ after: { months: 1, days: 0 }, since: ['seen'], controller: 'south' }],
        ),
      )
      await load(
        client,
        [1, 2, 3].map((owner) => ({ id: owner, owner, seen: '2001-01-01', v: 'v', w: 'w' })),
      )
      for (const { name } of CONTROLLERS) await runCycle(client, name, TODAY)
      expect(await rowsOf(client, 'select owner, v from host.people order by id')).toEqual([
        { owner: 1, v: 'v' },
        { owner: 2, v: null },
        { owner: 3, v: 'v' },
      ])
    })
  })

  it('with clocks at the far ends of time do no harm', async () => {
    await inTransaction(async (client) => {
      await applyPolicy(
        client,
        policy(
          [{ after: { months: 1, days: 0 }, since: ['logged'] }],
          [{ after: { months: 1, days: 0 }, since: ['seen', 'bought', 'logged'] }],
        ),
      )
      await client.query(`
        insert into host.people (id, owner, logged, bought, seen, v, w) values
          (1, 1, '294276-12-31 23:59:59+00', '294276-12-31 23:59:59', '5874897-12-31', 'v', 'w'),
          (2, 1, '4714-11-24 00:00:00+00 BC', '4714-11-24 00:00:00 BC', '4714-11-24 BC', 'v', 'w'),
          (3, 2, '294276-12-31 23:59:59+00', null, null, 'v', 'w'),
          (4, 2, '4714-11-24 00:00:00+00 BC', null, null, 'v', 'w'),
          (5, 2, '0001-01-01 BC', '0001-01-01 BC', '0001-01-01 BC', 'v', 'w')`)
      for (const { name } of CONTROLLERS) expect(await runCycle(client, name, TODAY)).toBe('complete')
      expect(await rowsOf(client, 'select id from host.people where v is null or w is null')).toEqual([
        { id: 5 },
      ])
    })
  })
})
