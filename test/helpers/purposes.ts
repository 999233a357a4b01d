/**
 * Random policies of purposes, overrides and minima over one table of people, with the rows that decide between them, for
 * the engine and for the oracle alike. Two controllers in two time zones share the table.
 */
import fc from 'fast-check'
import { formatDay, formatDelay, parseDay } from '../oracle/calendar.ts'
import type { Controller, Row, Table, Term } from '../oracle/model.ts'

export const TODAY = '2024-02-29'
export const SENTINELS = ['1900-01-01', '2023-02-28', '9999-12-31']

export const PEOPLE_SQL = `
  create schema host;
  create table host.people (id int primary key, owner int not null, status text, score int, flag boolean,
    seen date, bought timestamp, logged timestamptz, v text, w text);
  create index on host.people (seen);`

/** Predicates as SQL and as the oracle reads them, unknowns included. */
export const CONDITIONS: [sql: string, when: (row: Row) => boolean | null][] = [
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

/** A term and its condition as SQL. */
export type WrittenTerm = Term & { sql?: string }

const DELAYS = [
  { months: 12, days: 0 },
  { months: 0, days: 30 },
  { months: 1, days: 0 },
  { months: 13, days: 2 },
  { months: 24, days: 0 },
]

export const term = (purposes: (string | undefined)[]): fc.Arbitrary<WrittenTerm> =>
  fc
    .record({
      purpose: fc.constantFrom(...purposes),
      controller: fc.constantFrom(undefined, undefined, 'north', 'south'),
      after: fc.constantFrom(...DELAYS),
      since: fc.subarray(['seen', 'bought', 'logged'], { minLength: 1 }),
      condition: fc.option(fc.constantFrom(...CONDITIONS), { freq: 1, nil: undefined }),
    })
    .map(({ condition, ...rest }) => ({ ...rest, when: condition?.[1], sql: condition?.[0] }))

/** No two terms of the same purpose and controller. */
const distinct = (one: fc.Arbitrary<WrittenTerm>, minLength: number, maxLength: number) =>
  fc.uniqueArray(one, {
    minLength,
    maxLength,
    selector: ({ purpose, controller }) => `${purpose} ${controller}`,
  })

/** Up to four purposes, and what controllers have in their place. */
export const terms = distinct(term([undefined, 'marketing', 'billing', 'support']), 1, 6)
export const minima = distinct(term(['tax law', 'trade law']), 0, 3)
export const columnMinima = distinct(term(['labour law', 'health law']), 0, 3)

const clock = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(null, 'infinity', '-infinity', ...SENTINELS) },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(
        0,
        1,
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

export const row: fc.Arbitrary<Row> = fc.record({
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

export const rows = (minLength: number, maxLength: number): fc.Arbitrary<Row[]> =>
  fc.array(row, { minLength, maxLength }).map((list) => list.map((one, i) => ({ ...one, id: i + 1 })))

/** All that is said about the table. */
export interface People {
  v: WrittenTerm[]
  w: WrittenTerm[]
  archive?: WrittenTerm[]
  purge?: WrittenTerm[]
  minima: WrittenTerm[]
  vMinima: WrittenTerm[]
}

const asTerms = (
  list: WrittenTerm[] | undefined,
  controller: string | undefined,
  using?: unknown,
): unknown => {
  const own = (list ?? []).filter((one) => one.controller === controller)
  return own.length === 0
    ? undefined
    : own.map(({ purpose, after, since, sql }) => ({
        purpose,
        after: formatDelay(after),
        since,
        when: sql,
        using,
      }))
}

const asMinima = (list: WrittenTerm[], controller: string | undefined): unknown => {
  const own = list.filter((one) => one.controller === controller)
  return own.length === 0
    ? undefined
    : own.map(({ purpose, after, since, sql }) => ({
        basis: purpose,
        after: formatDelay(after),
        since,
        when: sql,
      }))
}

/** As a policy document writes it. */
export function peoplePolicy(people: People): unknown {
  const rules = (controller?: string): Record<string, unknown> => ({
    columns: {
      v: { purge: asTerms(people.v, controller), minimum: asMinima(people.vMinima, controller) },
      w: { anonymize: asTerms(people.w, controller, { method: 'constant', value: '-' }) },
    },
    archive: asTerms(people.archive, controller),
    purge: asTerms(people.purge, controller),
    minimum: asMinima(people.minima, controller),
  })
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
        ...rules(),
      },
    },
    overrides: { north: { 'host.people': rules('north') }, south: { 'host.people': rules('south') } },
  }
}

/** As the oracle sees it. */
export const peopleTable = ({ v, w, archive, purge, minima: all, vMinima }: People): Table => ({
  name: 'host.people',
  key: 'id',
  controllerOf: (one) => (one.owner === 1 ? 'north' : 'south'),
  zone: 'Asia/Tokyo',
  sentinels: SENTINELS,
  clocks: { seen: 'date', bought: 'timestamp', logged: 'timestamptz' },
  masks: { v, w },
  archive,
  purge,
  minima: all,
  columnMinima: { v: vMinima },
})

export const controllersOn = (day: string): Controller[] => [
  { name: 'north', zone: 'America/St_Johns', today: parseDay(day) },
  { name: 'south', zone: 'Pacific/Auckland', today: parseDay(day) },
]
