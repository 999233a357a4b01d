/** Drafts that change what a law has kept, what a column holds and what is waived: shown line by line, counted to the row. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeChanges } from '../../../src/policy/describe.ts'
import type { Change } from '../../../src/policy/drafts.ts'
import { createDatabase, type TestDatabase } from '../../helpers/database.ts'
import { type LoosePolicy, propose } from '../../helpers/drafts.ts'
import { applyPolicy, rowsOf } from '../../helpers/engine.ts'

/** Rows 1 to 100, one a year old, the next two years, up to ten and again; odd ones are north's, even ones south's. */
const SQL = `
  create schema shop;
  create table shop.invoices (id int primary key, owner int not null, issued date, booked date, kind text, payer text, note text);
  insert into shop.invoices (id, owner, issued, kind, payer, note)
  select i, 1 + (i + 1) % 2, current_date - interval '5 days' - (1 + (i / 2) % 10) * interval '1 year', case when i % 4 < 2 then 'proforma' else 'invoice' end, 'someone ' || i, 'note'
  from generate_series(1, 100) as i;
  update shop.invoices set booked = issued;
  create view shop.payers as select payer from shop.invoices;
  grant usage on schema shop to lethe_sweeper;
  grant select, update, delete on shop.invoices to lethe_sweeper`

const policy = (change: (one: LoosePolicy, table: LoosePolicy) => void = () => {}): LoosePolicy => {
  const one: LoosePolicy = {
    version: 1,
    controllers: {
      north: { time_zone: 'America/St_Johns', reference: '1' },
      south: { time_zone: 'Pacific/Apia', reference: '2' },
    },
    tables: {
      'shop.invoices': {
        controller: { column: 'owner' },
        since: 'issued',
        columns: { payer: { category: 'contact', purge: { after: 'P2Y' } } },
        purge: { after: 'P3Y' },
      },
    },
  }
  change(one, one.tables['shop.invoices'])
  return one
}
const kept = (after: string, when?: string): LoosePolicy =>
  policy((_, table) => {
    table.minimum = { after, when, since: 'booked', basis: 'tax law' }
  })
const payerKept = policy((_, table) => {
  table.columns.payer.minimum = { after: 'P30M', since: 'booked', basis: 'labour law' }
})
const keptInNorth = policy((one, table) => {
  table.minimum = { after: 'P5Y', since: 'booked', basis: 'tax law' }
  one.overrides = {
    north: { 'shop.invoices': { minimum: { after: 'P8Y', since: 'booked', basis: 'tax law' } } },
  }
})

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(SQL)
})
afterAll(() => db.drop())

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

/** Between so many and so many years old. */
const aged = (from: number, to: number): string =>
  `issued + interval '${from} years' < current_date and issued + interval '${to} years' >= current_date`

describe('a draft that changes nothing but a minimum', () => {
  const HOLD = `
    select lethe.hold_rows('an audit', 'shop.invoices', 'id <= 30', controller => 'north');
    select lethe.hold_table('an audit', 'shop.invoices', controller => 'south')`

  it.each([
    ['takes it out', kept('P8Y'), policy(), aged(3, 8), aged(2, 3), 'false'],
    ['makes it shorter', kept('P8Y'), kept('P5Y'), aged(5, 8), 'false', 'false'],
    ['makes it longer', kept('P8Y'), kept('P9Y'), 'false', 'false', aged(8, 9)],
    ['adds it', policy(), kept('P5Y'), 'false', 'false', aged(3, 5)],
    [
      'lets it apply here and there',
      kept('P8Y'),
      kept('P8Y', "kind = 'invoice'"),
      `kind = 'proforma' and ${aged(3, 8)}`,
      `kind = 'proforma' and ${aged(2, 3)}`,
      'false',
    ],
    ['takes that of a column out', payerKept, policy(), 'false', aged(2, 2.5), 'false'],
    [
      'takes out that of one controller',
      keptInNorth,
      kept('P5Y'),
      `owner = 1 and ${aged(5, 8)}`,
      'false',
      'false',
    ],
  ])(
    'and %s shows what becomes due at once, held rows left out',
    async (_title, before, after, rows, payers, no_longer) => {
      await inTransaction(async (client) => {
        await applyPolicy(client, before)
        for (const hold of ['', HOLD]) {
          if (hold) await client.query(hold)
          const { rows_at_once, blast_radius } = await propose(client, after)
          const [counted] = await rowsOf<{ rows: number; payers: number; longer: number }>(
            client,
            `select count(*) filter (where ${rows})::int as rows, count(*) filter (where ${payers})::int as payers,
             count(*) filter (where ${no_longer})::int as longer
           from shop.invoices where ${hold ? 'owner = 1 and id > 30' : 'true'}`,
          )
          const sum = (rule: string, key: 'at_once' | 'no_longer'): number =>
            blast_radius.filter((line) => line.rule === rule).reduce((n, line) => n + line[key]!, 0)
          expect([
            sum('purge', 'at_once'),
            sum('payer: purge', 'at_once'),
            sum('purge', 'no_longer'),
          ]).toEqual([counted!.rows, counted!.payers, counted!.longer])
          expect(rows_at_once).toBe(counted!.rows + counted!.payers)
          expect(counted!.rows + counted!.payers + counted!.longer).toBeGreaterThan(0)
        }
      })
    },
  )

  it('is listed for the controllers that it concerns, and tried on rows that the law lets go', () =>
    inTransaction(async (client) => {
      await applyPolicy(client, keptInNorth)
      const { blast_radius, tried, state } = await propose(client, kept('P5Y'))
      expect(state).toBe('rehearsed')
      expect(new Set(blast_radius.map(({ controller }) => controller))).toEqual(new Set(['north']))
      expect(tried.map(({ controller, rule, rows }) => [controller, rule, rows > 0])).toEqual([
        ['north', 'purge', true],
        ['north', 'payer: purge', true],
      ])
    }))

  it('on a table without a rule counts and tries nothing, and breaks nothing', () =>
    inTransaction(async (client) => {
      const bare = policy((_, table) => {
        delete table.purge
        delete table.columns.payer.purge
        table.minimum = { after: 'P8Y', since: 'booked', basis: 'tax law' }
      })
      const { state, blast_radius, tried } = await propose(client, bare)
      expect([state, blast_radius, tried]).toEqual(['rehearsed', [], []])
      await applyPolicy(client, bare)
      expect(await rowsOf(client, 'select * from lethe.forecast()')).toEqual([])
      expect(await rowsOf(client, 'select * from lethe.plan()')).toEqual([])
    }))
})

describe('what a draft changes', () => {
  /** One line each, blanks put together. */
  const described = async (client: pg.Client, draft: LoosePolicy): Promise<string[]> =>
    describeChanges((await propose(client, draft)).changes as unknown as Change[])
      .split('\n')
      .map((line) => line.trim().replace(/ +/g, ' '))
      .filter(Boolean)

  it('is said of a minimum once, law by law', () =>
    inTransaction(async (client) => {
      const laws = (tax: string, trade: string | undefined, payer: string): LoosePolicy =>
        policy((one, table) => {
          table.minimum = [
            { after: tax, since: 'booked', basis: 'tax law' },
            ...(trade
              ? [{ after: trade, since: 'booked', basis: 'trade law', when: "kind = 'invoice'" }]
              : []),
          ]
          table.columns.payer.minimum = { after: payer, since: 'booked', basis: 'labour law' }
          one.overrides = {
            north: { 'shop.invoices': { minimum: { after: 'P9Y', since: 'booked', basis: 'tax law' } } },
          }
        })
      await applyPolicy(client, laws('P8Y', 'P6Y', 'P30M'))
      expect(await described(client, laws('P7Y', undefined, 'P2Y9M'))).toEqual([
        'shop.invoices',
        '~ minimum (tax law) after P8Y → P7Y',
        "- minimum (trade law) when kind = 'invoice', after P6Y, since booked",
        '~ payer: minimum (labour law) after P2Y6M → P2Y9M',
      ])
      expect(await described(client, kept('P8Y'))).toEqual([
        'shop.invoices',
        "- minimum (trade law) when kind = 'invoice', after P6Y, since booked",
        '- minimum (tax law, for north) after P9Y, since booked',
        '- payer: minimum (labour law) after P2Y6M, since booked',
      ])
    }))

  it('is said of formats, claims, views and waivers, one by one', () =>
    inTransaction(async (client) => {
      const said = (format: unknown, claim: string | undefined, shows: string, until: string): LoosePolicy =>
        policy((one, table) => {
          table.columns.payer.format = format
          table.columns.note = { claim }
          one.views = { 'shop.payers': { shows } }
          one.waivers = [
            { finding: 'unkept-format', object: 'shop.invoices.payer', until, reason: 'being cleaned' },
            { finding: 'unkept-format', object: 'shop.invoices.note', until: '2031-01-01', reason: 'old' },
          ]
        })
      const [format] = await rowsOf<{ name: string }>(
        client,
        `select name from lethe.formats order by name limit 1`,
      )
      await applyPolicy(client, said(undefined, undefined, 'people', '2030-01-01'))
      expect(await described(client, said(format!.name, 'anonymous', 'people', '2030-06-30'))).toEqual([
        'controllers, subjects, waivers',
        '~ waiver of unkept-format on shop.invoices.payer until 2030-01-01 → 2030-06-30',
        'shop.invoices',
        '~ column note claim none → anonymous',
        `~ column payer format none → ${format!.name}`,
      ])
    }))
})

it('the policy of a day shows minima, a controller’s own beside that of all', () =>
  inTransaction(async (client) => {
    await applyPolicy(client, keptInNorth)
    expect(
      await rowsOf(
        client,
        `select controller, column_name, purpose as basis, after, since, overrides from lethe.policy_on() where action = 'minimum'`,
      ),
    ).toEqual([
      {
        controller: 'north',
        column_name: null,
        basis: 'tax law',
        after: 'P5Y',
        since: ['booked'],
        overrides: false,
      },
      {
        controller: 'north',
        column_name: null,
        basis: 'tax law',
        after: 'P8Y',
        since: ['booked'],
        overrides: true,
      },
      {
        controller: 'south',
        column_name: null,
        basis: 'tax law',
        after: 'P5Y',
        since: ['booked'],
        overrides: false,
      },
    ])
  }))
