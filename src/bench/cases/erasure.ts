/** People who are forgotten: one, many at once, and the plan of one in a large schema. */
import type pg from 'pg'
import { applyPolicy } from '../data.ts'
import { compare, median, timed } from '../measure.ts'
import type { Fill } from '../server.ts'
import type { Case, Context } from '../types.ts'

/** Ten tables below the people: six that refer to them, and four one level deeper. */
const CHILDREN = [
  ['orders', 'people'],
  ['visits', 'people'],
  ['letters', 'people'],
  ['phones', 'people'],
  ['places', 'people'],
  ['notes', 'people'],
  ['lines', 'orders'],
  ['parcels', 'orders'],
  ['pages', 'visits'],
  ['answers', 'letters'],
] as const
const ROWS_EACH = 5

/** A template with `bench.people` and ten tables of what is theirs. */
function fillPeople(people: number): Fill {
  return async (database) => {
    await database.query(`
      create schema bench;
      create table bench.people (id bigint primary key, name text, email text not null);
      insert into bench.people select n, 'Name ' || n, 'person' || n || '@mail.example' from generate_series(1, ${people}) as n`)
    for (const [table, parent] of CHILDREN) {
      await database.query(`
        create table bench.${table} (id bigint generated always as identity primary key, ${parent}_id bigint not null references bench.${parent}, text text);
        insert into bench.${table} (${parent}_id, text) select id, 'text ' || id from bench.${parent}${parent === 'people' ? `, generate_series(1, ${ROWS_EACH})` : ''};
        create index on bench.${table} (${parent}_id)`)
    }
    await applyPolicy(
      database,
      Object.fromEntries(
        ['people', ...CHILDREN.map(([table]) => table)].map((name) => [`bench.${name}`, {}]),
      ),
      {
        person: {
          table: 'bench.people',
          identifiers: ['email'],
          links: links(CHILDREN.map(([table]) => table)),
        },
      },
    )
  }
}

const links = (tables: readonly string[]): object =>
  Object.fromEntries(tables.map((table) => [`bench.${table}`, { kind: 'own' }]))

/** Opens, plans and approves. @returns the requests. */
async function approved(database: pg.Client, people: number[]): Promise<number[]> {
  const { rows } = await database.query<{ id: number }>(
    `with opened as (
       insert into lethe.requests (controller_id, kind, subject, due_on, roots)
       select (select id from lethe.controllers), 'erasure', 'person', current_date + 30, 1 from generate_series(1, $1)
       returning id
     ), roots as (
       insert into lethe_private.request_roots (request_id, n, table_id, key)
       select o.id, 1, s.table_id, k.key
       from (select id, row_number() over (order by id) as n from opened) as o
       join unnest($2::text[]) with ordinality as k (key, n) on k.n = o.n, lethe.subject_types as s
     )
     select id from opened order by id`,
    [people.length, people.map(String)],
  )
  const requests = rows.map(({ id }) => id)
  for (const id of requests) await database.query('select lethe.plan_request($1)', [id])
  await database.query(
    `update lethe.requests set state = 'approved', approved_at = now(), approved_by = 'bench'`,
  )
  return requests
}

/** As one would write it by hand: locked, children first, and looked at again. */
async function eraseByHand(database: pg.Client, person: number): Promise<void> {
  const theirs = (parent: string): string =>
    parent === 'people'
      ? 'people_id = $1'
      : `${parent}_id in (select id from bench.${parent} where people_id = $1)`
  await database.query('begin')
  await database.query('select from bench.people where id = $1 for update', [person])
  for (const [table, parent] of CHILDREN.toReversed())
    await database.query(`delete from bench.${table} where ${theirs(parent)}`, [person])
  await database.query('delete from bench.people where id = $1', [person])
  await database.query('select count(*) from bench.people where id = $1', [person])
  for (const [table, parent] of CHILDREN)
    await database.query(`select count(*) from bench.${table} where ${theirs(parent)}`, [person])
  await database.query('commit')
}

const PROBES = 15
const people = ({ size }: Context): number => size.orders / 50

/** The middle one of several, in a session that has done some before. */
async function middle(persons: number[], work: (person: number) => Promise<unknown>): Promise<number> {
  const seconds: number[] = []
  for (const person of persons) seconds.push(await timed(() => work(person)))
  return median(seconds.slice(3))
}

const persons = Array.from({ length: PROBES + 3 }, (_, n) => n * 7 + 1)

/** One person, 11 tables, 71 rows. */
export const eraseOne: Case = {
  name: 'erase-one',
  title: 'erase one subject over 11 tables, p50 | lock, 11 DELETEs, 11 counts',
  includes: 'plan worked out again, locks, delete, side effects, reading again, evidence; one transaction',
  unit: 'ratio',
  target: 1.4,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('people', fillPeople(people(context))),
      sameTable: 'bench.lines',
      ours: async (database) => {
        const requests = await approved(database, persons)
        return middle(requests, (request) => database.query('select lethe.execute_request($1)', [request]))
      },
      baseline: (database) => middle(persons, (person) => eraseByHand(database, person)),
    }),
}

/** Many people in one call. */
export const eraseMany: Case = {
  name: 'erase-many',
  title: 'erase many subjects in one call | one by one',
  includes: 'the same for all of them, set by set, with figures for each',
  unit: 'ratio',
  target: 0.5,
  run: async (context) => {
    const many = Array.from({ length: Math.min(1000, people(context) / 2) }, (_, n) => n + 1)
    return compare(context, {
      template: await context.server.template('people_asking', async (database) => {
        await fillPeople(people(context))(database)
        await approved(database, many)
      }),
      sameTable: 'bench.lines',
      ours: (database) =>
        timed(() =>
          database.query('select * from lethe.execute_requests((select array_agg(id) from lethe.requests))'),
        ),
      baseline: async (database) => {
        const { rows } = await database.query<{ id: number }>('select id from lethe.requests order by id')
        return timed(async () => {
          for (const { id } of rows) await database.query('select lethe.execute_request($1)', [id])
        })
      },
    })
  },
}

/** A tree of tables, each with a second foreign key across: one row of the person in each. */
function fillSchema(tables: number): Fill {
  return async (database) => {
    await database.query(
      'create schema bench; create table bench.t1 (id int primary key, email text); insert into bench.t1 values (1)',
    )
    for (let n = 2; n <= tables; n++) {
      await database.query(`
        create table bench.t${n} (id int primary key, a int not null references bench.t${n >> 1}, b int references bench.t${Math.max(1, Math.floor(n / 3))});
        create index on bench.t${n} (a); create index on bench.t${n} (b);
        insert into bench.t${n} values (1, 1, 1)`)
    }
    const names = Array.from({ length: tables }, (_, n) => `t${n + 1}`)
    await applyPolicy(database, Object.fromEntries(names.map((name) => [`bench.${name}`, {}])), {
      person: {
        table: 'bench.t1',
        identifiers: ['email'],
        links: Object.fromEntries(
          names
            .slice(1)
            .map((name, i) => [
              `bench.${name}`,
              { kind: 'own', to: `bench.t${(i + 2) >> 1}`, columns: { a: 'id' } },
            ]),
        ),
      },
    })
  }
}

/** Twice the tables, twice the keys. */
export const planLarge: Case = {
  name: 'plan-large-schema',
  title: 'plan of an erasure in a schema of 500 tables | of 250',
  includes: 'links, foreign keys, decisions and refusals; one row in each table',
  unit: 'ratio',
  target: 2.2,
  run: async ({ server, size, repetitions }) => {
    const tables = size.orders >= 500_000 ? 500 : 60
    const seconds = async (count: number): Promise<number> => {
      const template = await server.template(`schema_${count}`, fillSchema(count))
      return server.onClone(template, async (database) => {
        const [request] = await approved(database, [1])
        const taken: number[] = []
        for (let n = 0; n < repetitions; n++)
          taken.push(
            await timed(() =>
              database.query(
                `update lethe.requests set state = 'received', approved_at = null, approved_by = null; select lethe.plan_request(${request})`,
              ),
            ),
          )
        return median(taken)
      })
    }
    return { seconds: await seconds(tables), baselineSeconds: await seconds(tables / 2) }
  },
}
