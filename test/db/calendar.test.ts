import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, grantMissing, rowsOf, runCycle } from '../helpers/engine.ts'
import {
  addDelay,
  type Day,
  type Delay,
  dayOf,
  formatDay,
  formatDelay,
  instantOf,
  localDay,
  parseDay,
} from '../oracle/calendar.ts'
import { isDue, type Row, type Table, type Term } from '../oracle/model.ts'

const ZONES = [
  'Europe/Paris',
  'America/St_Johns',
  'Pacific/Apia',
  'America/Sao_Paulo',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
  'Asia/Kathmandu',
  'Africa/Casablanca',
  'Australia/Lord_Howe',
  'UTC',
]

/** Days on which some of these zones changed their clocks, or left a day out, and the ends of months. */
const SPECIAL_DAYS = [
  '2011-12-29',
  '2011-12-30',
  '2011-12-31',
  '2017-10-15',
  '2018-02-18',
  '2018-11-04',
  '2019-03-31',
  '2019-10-27',
  '2020-02-29',
  '2021-03-14',
  '2021-11-07',
  '2024-02-29',
  '2024-03-31',
  '2023-01-31',
  '2023-02-28',
  '2022-12-31',
]

const delay: fc.Arbitrary<Delay> = fc
  .record({
    months: fc.oneof(fc.integer({ min: 0, max: 14 }), fc.integer({ min: 0, max: 130 })),
    days: fc.integer({ min: 0, max: 45 }),
  })
  .filter(({ months, days }) => months + days > 0)

const day: fc.Arbitrary<Day> = fc.oneof(
  fc.constantFrom(...SPECIAL_DAYS).map(parseDay),
  fc.integer({ min: dayOf(2010, 1, 1), max: dayOf(2026, 6, 30) }),
)

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
})
afterAll(() => db.drop())

describe('last_due_day', () => {
  it('is the last day whose period has ended, for any day and delay', async () => {
    const cases = fc.sample(fc.tuple(day, delay), { seed: 20, numRuns: 3000 })
    const rows = await db.query<{ last: string }>(
      `select lethe_private.last_due_day(t, a)::text as last
       from unnest($1::date[], $2::interval[]) with ordinality as x (t, a, n) order by n`,
      [cases.map(([today]) => formatDay(today)), cases.map(([, after]) => formatDelay(after))],
    )
    cases.forEach(([today, after], i) => {
      let last = today
      while (addDelay(last, after) >= today) last--
      expect({ today: formatDay(today), after, last: rows[i]!.last }).toEqual({
        today: formatDay(today),
        after,
        last: formatDay(last),
      })
      // No later day is due either: due days have no gap.
      for (let later = last + 1; later < last + 40; later++)
        expect(addDelay(later, after)).toBeGreaterThanOrEqual(today)
    })
  })

  it('adds delays as PostgreSQL adds them', async () => {
    const cases = fc.sample(fc.tuple(day, delay), { seed: 21, numRuns: 2000 })
    const rows = await db.query<{ sum: string }>(
      'select ((t + a)::date)::text as sum from unnest($1::date[], $2::interval[]) with ordinality as x (t, a, n) order by n',
      [cases.map(([today]) => formatDay(today)), cases.map(([, after]) => formatDelay(after))],
    )
    cases.forEach(([today, after], i) => {
      expect(rows[i]!.sum).toBe(formatDay(addDelay(today, after)))
    })
  })
})

describe('today', () => {
  /**
   * Offsets that no release of the time zone database disputes: PostgreSQL and JavaScript each bring their own,
   * and a country that changes its rules is years ahead in one of them.
   */
  const SETTLED = ['Etc/GMT+12', 'Pacific/Pago_Pago', 'UTC', 'Asia/Kathmandu', 'Pacific/Kiritimati']

  it("is the day the controller's own wall calendar shows", async () => {
    const rows = await db.query<{ zone: string; today: string; now: string }>(
      `select z as zone, lethe_private.today(z)::text as today, extract(epoch from now())::text as now from unnest($1::text[]) as z`,
      [SETTLED],
    )
    expect(rows).toHaveLength(SETTLED.length)
    for (const row of rows) expect(row.today).toBe(formatDay(localDay(Number(row.now) * 1000, row.zone)))
  })
})

describe('a cycle', () => {
  const table: Table = {
    name: 'host.clocks',
    key: 'id',
    controllerOf: (row) => (row.owner === 1 ? 'north' : 'south'),
    clocks: { d: 'date', t: 'timestamp', tz: 'timestamptz' },
  }
  const RULES: Record<string, string[]> = {
    by_date: ['d'],
    by_timestamp: ['t'],
    by_timestamptz: ['tz'],
    by_latest: ['d', 't', 'tz'],
  }

  beforeAll(async () => {
    await db.query(`
      create schema host;
      create table host.clocks (id int primary key, owner int not null, d date, t timestamp, tz timestamptz,
        by_date text default 'x', by_timestamp text default 'x', by_timestamptz text default 'x', by_latest text default 'x');
      create index on host.clocks (tz);
      select lethe.set_controller('north', 'Europe/Paris', '1');
      select lethe.set_controller('south', 'America/Sao_Paulo', '2');
      select lethe.manage_table('host.clocks', controller_column => 'owner');`)
  })

  /** Clocks on the days around the last due one, at the first and last second, at noon, and around any change of the clocks. */
  function clocksAround(
    today: Day,
    after: Delay,
    zones: { north: string; south: string },
    tableZone: string | undefined,
  ): Row[] {
    let last = today
    while (addDelay(last, after) >= today) last--
    const rows: Row[] = []
    for (const owner of [1, 2]) {
      const zone = owner === 1 ? zones.north : zones.south
      for (let offset = -2; offset <= 3; offset++) {
        for (const second of [0, 1, 3600, 7199, 43_200, 82_800, 86_399, 86_399.999]) {
          const wall = (last + offset) * 86_400_000 + second * 1000
          const instant = instantOf(wall, zone)
          const tableWall = new Date(wall + ((rows.length % 5) - 2) * 7 * 3_600_000)
          rows.push({
            id: rows.length + 1,
            owner,
            d: formatDay(last + offset),
            t: tableWall.toISOString().slice(0, 23).replace('T', ' '),
            tz: new Date(instant).toISOString(),
          })
        }
      }
      for (const odd of [null, 'infinity', '-infinity']) {
        rows.push({ id: rows.length + 1, owner, d: odd, t: odd, tz: odd })
        rows.push({ id: rows.length + 1, owner, d: formatDay(last), t: odd, tz: odd })
        rows.push({
          id: rows.length + 1,
          owner,
          d: odd,
          t: odd,
          tz: new Date(instantOf(last * 86_400_000, zone)).toISOString(),
        })
      }
    }
    void tableZone
    return rows
  }

  const zone = fc.constantFrom(...ZONES)
  const scenario = fc.record({
    today: day,
    after: delay,
    north: zone,
    south: zone,
    tableZone: fc.option(zone, { nil: undefined }),
    sentinel: fc.boolean(),
  })

  it("takes exactly the values whose local day and delay lie before the controller's day, in any zone and for any clock", async () => {
    const client = await db.connect()
    await fc.assert(
      fc.asyncProperty(scenario, async ({ today, after, north, south, tableZone, sentinel }) => {
        const rows = clocksAround(today, after, { north, south }, tableZone)
        const model: Table = {
          ...table,
          zone: tableZone,
          sentinels: sentinel ? [rows[20]!.d as string, '9999-12-31'] : [],
        }
        await client.query('begin')
        try {
          await client.query(`
          select lethe.set_controller('north', '${north}', '1');
          select lethe.set_controller('south', '${south}', '2');`)
          await client.query(
            'select lethe.manage_table($1, controller_column => $2, time_zone => $3, sentinels => $4)',
            ['host.clocks', 'owner', tableZone ?? null, model.sentinels],
          )
          for (const [column, since] of Object.entries(RULES)) {
            await client.query('select lethe.set_rule($1, $2, $3, $4, $5)', [
              'host.clocks',
              'purge',
              formatDelay(after),
              column,
              since,
            ])
          }
          await grantMissing(client)
          await client.query(
            'insert into host.clocks (id, owner, d, t, tz) select id, owner, d, t, tz from jsonb_populate_recordset(null::host.clocks, $1)',
            [JSON.stringify(rows)],
          )
          for (const name of ['north', 'south'])
            expect(await runCycle(client, name, formatDay(today))).toBe('complete')
          const after_ = await rowsOf<Row>(
            client,
            'select id, by_date, by_timestamp, by_timestamptz, by_latest from host.clocks order by id',
          )
          const expected = rows.map((row) => {
            const name = model.controllerOf(row)
            const controller = { name, zone: name === 'north' ? north : south, today }
            return {
              id: row.id,
              ...Object.fromEntries(
                Object.entries(RULES).map(([column, since]) => {
                  const term: Term = { after, since }
                  return [column, isDue(model, [term], row, controller) ? null : 'x']
                }),
              ),
            }
          })
          expect(after_).toEqual(expected)
        } finally {
          await client.query('rollback')
        }
      }),
      { seed: 22, numRuns: 60 },
    )
  })

  it("reads the clock of a timestamp without zone in the table's zone, and the day in the controller's", async () => {
    // 23:30 in Auckland on 1 March is still the morning of 1 March in Paris; 08:00 of 2 March there is 20:00 of 1 March here.
    const model: Table = { ...table, zone: 'Pacific/Auckland' }
    const term: Term = { after: { months: 0, days: 1 }, since: ['t'] }
    const controller = { name: 'north', zone: 'Europe/Paris', today: parseDay('2021-03-03') }
    expect(isDue(model, [term], { t: '2021-03-02 08:00:00' }, controller)).toBe(true)
    expect(isDue(model, [term], { t: '2021-03-02 13:00:00' }, controller)).toBe(false)
  })

  it('does the same whatever DateStyle and time zone the sessions have that start and sweep it', async () => {
    await db.query(`
      create table host.styles (id int primary key, d date, tz timestamptz, t timestamp, v text, w text, x text);
      insert into host.styles select i, date '2026-01-01' + i, (date '2026-01-01' + i)::timestamptz, (date '2026-01-01' + i)::timestamp, 'v', 'w', 'x'
        from generate_series(0, 300) as i;
      select lethe.manage_table('host.styles', controller => 'north', sentinels => '{2026-02-03}');
      select lethe.set_rule('host.styles', 'purge', 'P1M', 'v', '{d}');
      select lethe.set_rule('host.styles', 'purge', 'P1M', 'x', '{t}');`)
    const strange = await db.connect()
    await strange.query(`set datestyle = 'SQL, DMY'; set timezone = 'Pacific/Kiritimati'`)
    await strange.query(
      `select lethe.set_rule('host.styles', 'purge', 'P1M', 'w', '{tz}', "when" => 'd <> date ''2026-03-05'' and d < date ''2026-11-01''')`,
    )
    await expect(
      refusal(
        strange.query(
          `select lethe.set_rule('host.styles', 'purge', 'P1M', 'w', '{tz}', "when" => 'd <> date ''31/03/2026''')`,
        ),
      ),
    ).resolves.toMatchObject({ code: 'LE303' })
    await grantMissing(db)
    await strange.query(`select lethe.start_cycle('north', date '12/06/2026')`)
    const plain = await db.connect()
    await plain.query(`set datestyle = 'ISO, MDY'; set timezone = 'America/St_Johns'`)
    expect(await runCycle(plain, 'north')).toBe('complete')
    const [found] = await db.query(`
      select max(d) filter (where v is null)::text as v, count(*) filter (where v is null) as v_rows,
        max(d) filter (where x is null)::text as x, count(*) filter (where w is null and d < '2026-05-10') as w_rows from host.styles`)
    expect(found).toEqual({ v: '2026-05-11', v_rows: 130, x: '2026-05-11', w_rows: 127 })
  })
})
