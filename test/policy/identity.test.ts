/** Export, then apply: nothing changes, whatever the policy. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parsePolicy } from '../../src/policy/read.ts'
import { toYaml } from '../../src/policy/write.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { rowsOf } from '../helpers/engine.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    create schema "Odd";
    create table "Odd"."Pe.ople" (id int primary key, owner int not null, "E-mail" text, phone text, note text, seen date, "At" timestamp);
    create table "Odd".orders (id int primary key, owner int not null, person int references "Odd"."Pe.ople", placed timestamptz, text text);
    create table "Odd".lines (id int primary key, owner int not null, order_id int references "Odd".orders on delete cascade, seller int references "Odd"."Pe.ople");
    create table "Odd".events (id int, owner int not null, at date, who text, primary key (id, at)) partition by range (at);
    create index on "Odd".orders (person); create index on "Odd".lines (order_id); create index on "Odd".lines (seller)`)
})
afterAll(() => db.drop())

const delay = (years: number): fc.Arbitrary<string> =>
  fc.constantFrom(`P${years}Y`, `P${years * 12 + 5}M`, `P${years}Y3D`, `P${years * 52}W`)
const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const when = some(fc.constantFrom('id > 7', 'note ~ \'^a: "b" #c\'', "note <> 'it''s'"))
const since = fc.constantFrom<unknown>('seen', 'At', ['seen', 'At'], ['At', 'max(Odd.orders.placed)'])

/** One term, or several of different purposes. */
const terms = (years: number, using?: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => {
  const term = (purpose: fc.Arbitrary<string | undefined>): fc.Arbitrary<unknown> =>
    fc.record({ purpose, after: delay(years), since, when, ...(using ? { using } : {}) })
  return fc.oneof(
    term(some(fc.constantFrom('sales', 'a: b'))),
    fc.tuple(term(fc.constant(undefined)), term(fc.constant('sales')), term(fc.constant('tax # 7'))),
  )
}
const constant = fc.constantFrom('suppress', { method: 'constant', value: "- 'x'" })

const policies = fc
  .record({
    category: some(fc.constantFrom('contact', 'content')),
    purposes: some(fc.constantFrom(['sales'], ['sales', 'tax'])),
    email: some(constant.chain((using) => terms(2, fc.constant(using)))),
    phone: some(terms(3)),
    purge: some(terms(9)),
    orders: some(fc.record({ after: delay(8), since: fc.constant('placed') })),
    sentinels: some(fc.constant(['9999-12-31', '1900-01-01'])),
    zone: some(fc.constant('Asia/Tokyo')),
    withParent: fc.boolean(),
    unlink: fc.boolean(),
    partitions: some(fc.constantFrom('drop', 'detach')),
    override: some(delay(4)),
    subject: fc.boolean(),
  })
  .map((p) => ({
    version: 1,
    controllers: {
      north: { time_zone: 'America/St_Johns', reference: '1', title: 'No: "north"' },
      south: { time_zone: 'Pacific/Apia', reference: '2' },
    },
    subjects: p.subject
      ? {
          person: {
            table: 'Odd.Pe.ople',
            identifiers: ['E-mail', 'phone'],
            links: {
              'Odd.orders': {
                kind: 'own',
                on_erasure: { retain: 'P10Y', since: 'placed', basis: 'a law: §1' },
              },
            },
          },
        }
      : undefined,
    tables: {
      'Odd.Pe.ople': {
        controller: { column: 'owner' },
        time_zone: p.zone,
        sentinels: p.sentinels,
        columns: {
          'E-mail': { category: p.category, purposes: p.purposes, anonymize: p.email },
          phone: { purge: p.phone },
          note: {},
        },
        purge: p.purge,
      },
      'Odd.orders': { controller: { column: 'owner' }, purge: p.orders },
      'Odd.lines': {
        controller: { column: 'owner' },
        with: p.withParent ? ['order_id'] : undefined,
        unlink: p.unlink ? ['seller'] : undefined,
      },
      'Odd.events': {
        controller: { constant: 'north' },
        partitions: p.partitions,
        purge: { after: 'P5Y', since: 'at' },
      },
    },
    overrides: p.override
      ? { south: { 'Odd.Pe.ople': { columns: { phone: { purge: { after: p.override, since: 'seen' } } } } } }
      : undefined,
  }))

it('changes nothing, for any policy, through YAML too, and the diff says so', async () => {
  await fc.assert(
    fc.asyncProperty(policies, async (policy) => {
      const client = await db.connect()
      await client.query('begin')
      await client.query('select lethe.apply_policy($1)', [JSON.stringify(policy)])
      const [before] = await rowsOf<{ document: Record<string, unknown> }>(
        client,
        'select lethe.export_policy() as document',
      )
      const read = parsePolicy(toYaml(before!.document), 'exported.yaml').policy
      expect(await rowsOf(client, 'select * from lethe.apply_policy($1)', [JSON.stringify(read)])).toEqual([])
      const [after] = await rowsOf<{ document: unknown; diff: unknown }>(
        client,
        'select lethe.export_policy() as document, lethe_private.policy_diff($1, lethe.export_policy()) as diff',
        [JSON.stringify(before!.document)],
      )
      expect(after).toEqual({ document: before!.document, diff: [] })
      await client.query('rollback')
      await client.end()
    }),
    { numRuns: 25 },
  )
})
