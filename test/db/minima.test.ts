/** Purposes, overrides, minima and holds together: what a cycle changes is what the oracle says, to the day. */
import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, rowsOf, runCycle } from '../helpers/engine.ts'
import {
  controllersOn,
  minima,
  PEOPLE_SQL,

  peoplePolicy,
  peopleTable,
  rows,
  TODAY,
  terms,
} from '../helpers/purposes.ts'
import { holdRows } from '../helpers/shop.ts'
import {
  afterCycle,
  type Controller,
  effectiveTerms,
  isDue,
  latest,
  MASKED,
  minimaOf,
  type Row,
  type State,
  type Table,
  type Term,
} from '../oracle/model.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(PEOPLE_SQL)
})
afterAll(() => db.drop())

const DAYS = [TODAY, '2025-04-10', '2026-10-01']

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

const load = (client: pg.Client, list: Row[]): Promise<unknown> =>
  client.query('insert into host.people select * from jsonb_populate_recordset(null::host.people, $1)', [
    JSON.stringify(list),
  ])

/** True when the policy was taken; a random one may hold a rule that can never be due, which is refused. */
async function accepts(client: pg.Client, policy: unknown): Promise<boolean> {
  await client.query('savepoint policy')
  try {
    await applyPolicy(client, policy)
    return true
  } catch (error) {
    if (!['LE316', 'LE317'].includes((error as { code: string }).code)) throw error
    await client.query('rollback to savepoint policy')
    return false
  }
}

/** Live and archived rows: id, v and w. */
async function contents(client: pg.Client): Promise<unknown[]> {
  const live = await rowsOf(client, `select 'live' as place, id, v, w from host.people order by id`)
  const mirrors = await rowsOf<{ name: string }>(client, `select name from lethe_private.mirrors order by id`)
  const archived = await Promise.all(
    mirrors.map(({ name }) =>
      rowsOf<{ id: number }>(client, `select 'archive' as place, id, v, w from lethe_archive.${name}`),
    ),
  )
  return [...live, ...archived.flat().sort((a, b) => a.id - b.id)]
}

const shown = (value: unknown, masked: unknown): unknown => (value === MASKED ? masked : value)

const expected = (state: State): unknown[] =>
  ['host.people', 'archive:host.people'].flatMap((list) =>
    (state[list] ?? [])
      .map(({ id, v, w }) => ({
        place: list.startsWith('archive') ? 'archive' : 'live',
        id: id as number,
        v: shown(v, null),
        w: shown(w, '-'),
      }))
      .sort((a, b) => a.id - b.id),
  )

/** Nothing that shows a day can make it due: no term that applies, or a minimum that applies and never ends. */
function isUnclocked(table: Table, list: Term[], bound: Term[], one: Row, controller: Controller): boolean {
  const inForce = effectiveTerms(list, controller.name)
  const usable = (term: Term): boolean => typeof latest(table, term, one, controller) === 'number'
  const endless = bound
    .filter((term) => term.controller === undefined || term.controller === controller.name)
    .some((term) =>
      term.when
        ? term.when(one) === true && !usable(term)
        : latest(table, term, one, controller) === 'never',
    )
  if (endless) return true
  const applying = inForce.filter((term) => (term.when ? term.when(one) === true : usable(term)))
  if (applying.some(usable)) return false
  return inForce.some((term) => (term.when ? term.when(one) === true : !usable(term)))
}

function expectedPlan(table: Table, list: Row[], controller: Controller): unknown[] {
  const own = list.filter((one) => table.controllerOf(one) === controller.name)
  return (['v', 'w'] as const)
    .filter((column) => effectiveTerms(table.masks![column]!, controller.name).length > 0)
    .map((column) => ({
      rule: column === 'v' ? 'v: purge' : 'w: anonymize',
      due: own.filter(
        (one) =>
          one[column] !== null &&
          isDue(table, table.masks![column]!, one, controller, minimaOf(table, column)),
      ).length,
      unclocked: own.filter(
        (one) =>
          one[column] !== null &&
          isUnclocked(table, table.masks![column]!, minimaOf(table, column), one, controller),
      ).length,
    }))
}

describe('purposes and minima', () => {
  it('change exactly the values whose last purpose has expired and which no law keeps', async () => {
    const scenario = fc.record({ v: terms, w: terms, minima, vMinima: minima, rows: rows(50, 80) })
    let taken = 0
    await fc.assert(
      fc.asyncProperty(scenario, async ({ rows: list, ...people }) => {
        const table = peopleTable(people)
        await inTransaction(async (client) => {
          if (!(await accepts(client, peoplePolicy(people)))) return
          taken++
          await load(client, list)
          let state: State = { 'host.people': list }
          for (const day of DAYS.slice(0, 2)) {
            for (const controller of controllersOn(day)) {
              if (day === TODAY)
                expect(
                  await rowsOf(
                    client,
                    `select rule, due, unclocked from lethe.plan($1, $2) where rule <> 'rows' order by rule`,
                    [day, controller.name],
                  ),
                ).toEqual(expectedPlan(table, list, controller))
              expect(await runCycle(client, controller.name, day)).toBe('complete')
              state = afterCycle([table], state, controller)
            }
            expect(await contents(client)).toEqual(expected(state))
          }
        })
      }),
      { seed: 41, numRuns: 40 },
    )
    expect(taken).toBeGreaterThan(25)
  })

  it('bind rows in the archive too, by their original clocks, and no hold is passed by', async () => {
    const scenario = fc.record({
      v: terms,
      w: terms,
      minima,
      vMinima: minima,
      archive: terms,
      // One of all controllers, so that nothing is archived for ever.
      purge: fc.tuple(terms, terms).map(([some, [first]]) => [
        { ...first!, purpose: 'at last', controller: undefined, when: undefined, sql: undefined },
        ...some,
      ]),
      held: fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 8 }),
      rows: rows(40, 60),
    })
    let taken = 0
    let archivedRows = 0
    await fc.assert(
      fc.asyncProperty(scenario, async ({ rows: list, held: ids, ...people }) => {
        const table = peopleTable(people)
        const held = new Set(ids.map((id) => `host.people/${id}`))
        await inTransaction(async (client) => {
          if (!(await accepts(client, peoplePolicy(people)))) return
          taken++
          await load(client, list)
          await holdRows(client, held)
          let state: State = { 'host.people': list }
          for (const day of DAYS) {
            for (const controller of controllersOn(day)) {
              expect(await runCycle(client, controller.name, day)).toBe('complete')
              state = afterCycle([table], state, controller, held)
            }
            expect(await contents(client)).toEqual(expected(state))
            archivedRows += state['archive:host.people']!.length
          }
        })
      }),
      { seed: 42, numRuns: 25 },
    )
    expect(taken).toBeGreaterThan(12)
    expect(archivedRows).toBeGreaterThan(100)
  })
})

