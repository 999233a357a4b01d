/** Purposes, overrides, minima and holds together: what a cycle changes is what the oracle says, to the day. */
import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, rowsOf, runCycle } from '../helpers/engine.ts'
import {
  columnMinima,
  controllersOn,
  minima,
  PEOPLE_SQL,
  peoplePolicy,
  peopleTable,
  rows,
  TODAY,
  terms,
  type WrittenTerm,
} from '../helpers/purposes.ts'
import { holdRows } from '../helpers/shop.ts'
import { addDelay, formatDay, parseDay } from '../oracle/calendar.ts'
import {
  afterCycle,
  type Controller,
  effectiveTerms,
  isDue,
  latest,
  MASKED,
  minimaFor,
  minimaOf,
  type Row,
  type State,
  type Table,
  type Term,
} from '../oracle/model.ts'

// A counterexample is shrunk by running cycles: what is found first says enough.
fc.configureGlobal({ endOnFailure: true })

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(PEOPLE_SQL)
})
afterAll(() => db.drop())

const DAYS = [TODAY, '2025-04-10', '2026-10-01']

/** On one connection, whose caches warm up once. */
let session: pg.Client
beforeAll(async () => {
  session = await db.connect()
})

async function inTransaction(work: (client: pg.Client) => Promise<void>): Promise<void> {
  await session.query('begin')
  try {
    await work(session)
  } finally {
    await session.query('rollback')
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
      term.when ? term.when(one) === true && !usable(term) : latest(table, term, one, controller) === 'never',
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
    const scenario = fc.record({ v: terms, w: terms, minima, vMinima: columnMinima, rows: rows(50, 80) })
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
      { seed: 41, numRuns: 30 },
    )
    expect(taken).toBeGreaterThan(18)
  })

  it('bind rows in the archive too, by their original clocks, and no hold is passed by', async () => {
    const scenario = fc.record({
      v: terms,
      w: terms,
      minima,
      vMinima: columnMinima,
      archive: terms,
      // One of all controllers, so that nothing is archived for ever.
      purge: fc
        .tuple(terms, terms)
        .map(([some, [first]]) => [
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
      { seed: 42, numRuns: 14 },
    )
    expect(taken).toBeGreaterThan(6)
    expect(archivedRows).toBeGreaterThan(100)
  })
})

interface Explained {
  place: string
  rule: string
  decides: string | null
  due_on: string | null
  due: boolean
  done: boolean
  sentence: string
}

const explain = (client: pg.Client, id: unknown, day: string): Promise<Explained[]> =>
  rowsOf<Explained>(
    client,
    'select place, rule, decides, due_on::text, due, done, sentence from lethe.explain_row($1, $2, $3)',
    ['host.people', String(id), day],
  )

describe('lethe.explain_row', () => {
  const scenario = fc.record({
    v: terms,
    w: terms,
    minima,
    vMinima: columnMinima,
    archive: terms,
    purge: fc
      .tuple(terms, terms)
      .map(([some, [first]]) => [
        { ...first!, purpose: 'at last', controller: undefined, when: undefined, sql: undefined },
        ...some,
      ]),
    rows: rows(5, 7),
  })

  it('says of each rule what the oracle says, on any day', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ rows: list, ...people }) => {
        const table = peopleTable(people)
        await inTransaction(async (client) => {
          if (!(await accepts(client, peoplePolicy(people)))) return
          await load(client, list)
          for (const one of list) {
            const name = table.controllerOf(one)
            const on = (day: number): Controller => ({
              ...controllersOn(TODAY).find((controller) => controller.name === name)!,
              today: day,
            })
            const today = parseDay(TODAY)
            const due = (rule: string, day: number): boolean =>
              rule === 'v: purge'
                ? isDue(table, people.v, one, on(day), minimaOf(table, 'v'))
                : rule === 'w: anonymize'
                  ? isDue(table, people.w, one, on(day), minimaOf(table, 'w'))
                  : rule === 'purge'
                    ? isDue(table, people.purge, one, on(day), minimaOf(table))
                    : isDue(table, people.archive, one, on(day))
            for (const said of await explain(client, one.id, TODAY)) {
              const { rule, due_on: dueOn } = said
              expect(said.due, said.sentence).toBe(
                due(rule, today) && !(rule === 'archive' && due('purge', today)),
              )
              expect(said.done).toBe(rule === 'v: purge' && one.v === null)
              expect([due(rule, today + 4_000_000), said.sentence]).toEqual([dueOn !== null, said.sentence])
              if (dueOn === null) continue
              // On a day before, a sentinel of the past may have been one to come.
              expect(parseDay(dueOn) <= today, said.sentence).toBe(due(rule, today))
              if (parseDay(dueOn) <= today) continue
              expect([due(rule, parseDay(dueOn) - 1), due(rule, parseDay(dueOn)), said.sentence]).toEqual([
                false,
                true,
                said.sentence,
              ])
            }
          }
        })
      }),
      { seed: 43, numRuns: 6 },
    )
  })

  it('names the day on which a cycle changes the row, and not the day before, live or in the archive', async () => {
    let changes = 0
    let archived = 0
    await fc.assert(
      fc.asyncProperty(scenario, async ({ rows: list, ...people }) => {
        const table = peopleTable(people)
        await inTransaction(async (client) => {
          if (!(await accepts(client, peoplePolicy(people)))) return
          const one = list[0]!
          const controller = table.controllerOf(one)
          await load(client, [one])
          await runCycle(client, controller, TODAY)
          for (let day = TODAY; ; ) {
            const before = await contents(client)
            if (before.length === 0) break
            const next = (await explain(client, one.id, day))
              .filter(({ due_on: dueOn, done }) => !done && dueOn !== null && dueOn > day)
              .sort((a, b) => a.due_on!.localeCompare(b.due_on!))[0]
            if (!next) break
            await runCycle(client, controller, formatDay(parseDay(next.due_on!) - 1))
            expect(await contents(client), next.sentence).toEqual(before)
            await runCycle(client, controller, next.due_on!)
            expect(await contents(client), next.sentence).not.toEqual(before)
            changes++
            if (next.place === 'archive') archived++
            day = next.due_on!
          }
        })
      }),
      { seed: 44, numRuns: 16 },
    )
    expect(changes).toBeGreaterThan(8)
    expect(archived).toBeGreaterThan(0)
  })
})

interface Effective {
  controller: string
  column_name: string | null
  action: string
  terms: { purpose: string | null; own: boolean }[]
  decides: string
  replaced: { purpose: string | null }[]
  minima: { basis: string; own: boolean; lengthens: string }[]
  sentence: string
}

describe('lethe.effective_rules', () => {
  const named = (list: { purpose?: string | null; controller?: string }[]): string[] =>
    list.map(({ purpose, controller }) => `${purpose ?? ''} ${controller !== undefined}`).sort()

  it('lists the terms in force, what they replace, and claims no more of them than is true of every row', async () => {
    const plainly = (list: WrittenTerm[]): WrittenTerm[] =>
      list.map((term) => ({ ...term, since: ['seen'], when: undefined, sql: undefined }))
    const scenario = fc
      .record({
        // Half of them on one clock, where more can be told beforehand.
        plain: fc.boolean(),
        v: terms,
        w: terms,
        minima,
        vMinima: columnMinima,
        rows: rows(60, 80),
      })
      .map(({ plain, ...one }) =>
        plain ? { ...one, v: plainly(one.v), vMinima: plainly(one.vMinima) } : one,
      )
    const claims: Record<string, number> = {}
    await fc.assert(
      fc.asyncProperty(scenario, async ({ rows: list, ...people }) => {
        const table = peopleTable(people)
        await inTransaction(async (client) => {
          if (!(await accepts(client, peoplePolicy(people)))) return
          const lines = await rowsOf<Effective>(client, 'select * from lethe.effective_rules($1)', [
            'host.people',
          ])
          for (const line of lines) {
            const column = line.column_name as 'v' | 'w'
            const controller = controllersOn(TODAY).find(({ name }) => name === line.controller)!
            const inForce = effectiveTerms(people[column], line.controller)
            const bound = minimaFor(minimaOf(table, column), line.controller)
            expect(
              named(line.terms.map((term) => ({ ...term, controller: term.own ? '' : undefined }))),
            ).toEqual(named(inForce))
            expect(line.replaced.map(({ purpose }) => purpose ?? '').sort()).toEqual(
              people[column]
                .filter((term) => term.controller === undefined && !inForce.includes(term))
                .map(({ purpose }) => purpose ?? '')
                .sort(),
            )
            expect(line.minima).toHaveLength(bound.length)
            for (const one of list.filter((candidate) => table.controllerOf(candidate) === line.controller)) {
              const ends = (term: Term): number => {
                const day = latest(table, term, one, controller)
                return typeof day === 'number' ? addDelay(day, term.after) : Number.POSITIVE_INFINITY
              }
              const applying = inForce.filter((term) =>
                term.when ? term.when(one) === true : Number.isFinite(ends(term)),
              )
              if (applying.length === 0) continue
              const last = Math.max(...applying.map(ends))
              const decisive = inForce.find(
                ({ purpose }) => (purpose ?? 'the term without a purpose') === line.decides,
              )
              if (decisive) expect(ends(decisive), line.sentence).toBe(last)
              claims[decisive ? 'decides' : 'last'] = (claims[decisive ? 'decides' : 'last'] ?? 0) + 1
              for (const { basis, own, lengthens } of line.minima) {
                claims[lengthens] = (claims[lengthens] ?? 0) + 1
                const minimum = bound.find(
                  (term) => term.purpose === basis && (term.controller !== undefined) === own,
                )!
                if (lengthens === 'always') expect(ends(minimum), line.sentence).toBeGreaterThanOrEqual(last)
                if (lengthens !== 'never' || minimum.when) continue
                const others = bound.filter((term) => term !== minimum).map(ends)
                if (Number.isFinite(ends(minimum)))
                  expect(ends(minimum), line.sentence).toBeLessThanOrEqual(Math.max(last, ...others))
              }
            }
          }
          expect(lines.map((line) => `${line.controller} ${line.column_name}`).sort()).toEqual(
            ['north', 'south']
              .flatMap((name) =>
                (['v', 'w'] as const)
                  .filter((column) => effectiveTerms(people[column], name).length > 0)
                  .map((column) => `${name} ${column}`),
              )
              .sort(),
          )
        })
      }),
      { seed: 45, numRuns: 24 },
    )
    for (const claim of ['decides', 'last', 'always', 'never', 'where it ends later'])
      expect([claim, (claims[claim] ?? 0) > 20]).toEqual([claim, true])
  })
})
