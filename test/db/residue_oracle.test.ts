/** Whatever place an identifier is hidden in, it is found there, and nothing else is. */
import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { rowsOf } from '../helpers/engine.ts'
import { COLUMNS, type Identifier, identifier, OTHERS, SPELLINGS } from '../oracle/residue.ts'

let db: TestDatabase
let client: pg.Client
const quoted = (name: string): string => (/^[a-z_]+$/.test(name) ? name : `"${name}"`)
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    create extension if not exists citext; create extension if not exists hstore;
    create schema "Hid";
    grant usage on schema "Hid" to lethe_sweeper;
    create domain "Hid".base as text check (value <> ''); create domain "Hid".nick as "Hid".base;
    create type "Hid".part as (n int, what text);
    create table "Hid"."Every Place" (id int generated always as identity primary key,
      ${Object.entries(COLUMNS)
        .map(([name, { type }]) => `${quoted(name)} ${type}`)
        .join(', ')},
      copied text generated always as ("Plain" || ' (copied)') stored);
    grant select on "Hid"."Every Place" to lethe_sweeper;
    select lethe.set_controller('north', 'America/St_Johns', '1');
    select lethe.set_controller('south', 'Pacific/Apia', '2')`)
  client = await db.connect()
})
afterAll(() => db.drop())

async function open(controller: string, identifiers: Identifier[]): Promise<number> {
  const [request] = await rowsOf<{ id: number }>(
    client,
    `insert into lethe.requests (controller_id, kind, subject, due_on, state)
     select id, 'erasure', 'member', current_date, 'executed' from lethe.controllers where name = $1 returning id`,
    [controller],
  )
  await client.query(
    `insert into lethe_private.request_identifiers
     select r.id, i.n, i.what ->> 'kind', s.sealed, s.key_version
     from lethe.requests as r cross join jsonb_array_elements($2::jsonb) with ordinality as i (what, n)
     cross join lateral lethe_private.seal_text(i.what ->> 'value', r.controller_id) as s where r.id = $1`,
    [request!.id, JSON.stringify(identifiers)],
  )
  return request!.id
}

const plant = (column: string, text: string): Promise<unknown> =>
  client.query(`insert into "Hid"."Every Place" (${quoted(column)}) values (${COLUMNS[column]!.put})`, [text])

/** What the scan must say: rows by request and column. */
type Expected = Map<string, number>
const count = (expected: Expected, request: number, column: string): void => {
  for (const name of column === 'Plain' ? ['Plain', 'copied'] : [column]) {
    const key = `${request} "Hid"."Every Place".${quoted(name)}`
    expected.set(key, (expected.get(key) ?? 0) + 1)
  }
}

const one = fc.record({
  who: identifier,
  spelling: fc.nat(1000),
  others: fc.array(fc.tuple(fc.nat(1000), fc.constantFrom(...Object.keys(COLUMNS))), { maxLength: 3 }),
  column: fc.constantFrom(...Object.keys(COLUMNS)),
})

const pick = (of: Record<string, (value: string) => string>, at: number): ((value: string) => string) =>
  Object.values(of)[at % Object.keys(of).length]!

it('finds each identifier wherever and however it is written, for whom it belongs to, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(one, { minLength: 4, maxLength: 14, size: 'max' }),
      fc.array(one, { minLength: 1, maxLength: 6, size: 'max' }),
      async (first, second) => {
        await client.query('begin')
        try {
          const expected: Expected = new Map()
          const requests: number[] = []
          for (const [controller, hidden] of [
            ['north', first],
            ['south', second],
          ] as const) {
            const request = await open(
              controller,
              hidden.map(({ who }) => who),
            )
            requests.push(request)
            for (const { who, spelling, others, column } of hidden) {
              const text = pick(SPELLINGS[who.kind], spelling)(who.value)
              // In bytes case is folded in ASCII alone.
              const folded = column === 'bytes' && /[^\0-\x7f]/.test(text) && text !== text.toLowerCase()
              if (!folded) {
                await plant(column, text)
                count(expected, request, column)
              }
              for (const [at, place] of others) await plant(place, pick(OTHERS[who.kind], at)(who.value))
            }
          }
          const found = await rowsOf<{ request: number; object: string; rows: number }>(
            client,
            `select request, object, rows from lethe.scan_residue($1) where place = 'table' or finding ~ 'SQLSTATE'`,
            [requests],
          )
          expect(found.map((f) => `${f.request} ${f.object}: ${f.rows}`).sort()).toEqual(
            [...expected].map(([place, rows]) => `${place}: ${rows}`).sort(),
          )
        } finally {
          await client.query('rollback')
        }
      },
    ),
    { numRuns: 25, endOnFailure: true },
  )
})

it.each(
  Object.entries(SPELLINGS).flatMap(([kind, of]) => Object.keys(of).map((name) => [kind, name] as const)),
)('finds %s: %s', async (kind, name) => {
  const value = { email: "Luís.o'Neil@Example.org", phone: '+33 6 12 34 56 78', name: 'Amélie Dupont' }[kind]!
  await client.query('begin')
  try {
    const request = await open('north', [{ kind: kind as Identifier['kind'], value }])
    await plant('Plain', SPELLINGS[kind as Identifier['kind']][name]!(value))
    const found = await rowsOf(
      client,
      `select object, rows from lethe.scan_residue(array[$1::bigint]) where place = 'table' or finding ~ 'SQLSTATE'`,
      [request],
    )
    expect(found).toEqual([
      { object: '"Hid"."Every Place"."Plain"', rows: 1 },
      { object: '"Hid"."Every Place".copied', rows: 1 },
    ])
  } finally {
    await client.query('rollback')
  }
})
