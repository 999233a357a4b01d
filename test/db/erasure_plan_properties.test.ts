/** Random schemas and rows against the oracle; and a plan in a schema of hundreds of tables. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { rowsOf, type Session } from '../helpers/engine.ts'
import { openErasure, type Plan, refusalsOf } from '../helpers/erasure.ts'
import { randomNumbers } from '../helpers/shop.ts'
import { formatDay, parseDay } from '../oracle/calendar.ts'
import {
  decisionsOf,
  type ErasureRow,
  type Key,
  type Link,
  refusalsExpected,
  type Schema,
} from '../oracle/erasure.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    select lethe.set_controller('north', 'America/St_Johns', '1');
    select lethe.set_controller('south', 'Pacific/Apia', '2');`)
})
afterAll(() => db.drop())

function randomSchema(below: (n: number) => number): Schema {
  const chance = (percent: number): boolean => below(100) < percent
  const tables = Array.from({ length: 2 + below(4) }, (_, i) => ({
    name: `wood.${'abcde'[i]}`,
    columns: Array.from({ length: 1 + below(3) }, (__, c) => ({ name: `c${c}`, notNull: chance(30) })),
  }))
  const keys: Key[] = []
  const links: Link[] = []
  for (const table of tables)
    for (const { name: column } of table.columns) {
      const parent = tables[below(tables.length)]!.name
      const isKey = chance(70)
      if (isKey) keys.push({ child: table.name, column, parent })
      if (chance(15)) continue
      const reversed = isKey && parent !== table.name && chance(15)
      const kind = reversed
        ? 'share'
        : (['own', 'own', 'own', 'share', 'share', 'mention', 'ignore'] as const)[below(7)]!
      const retain = kind === 'own' && chance(50) ? { months: 12 * (1 + below(3)), days: 0 } : undefined
      const withParent = kind === 'own' && parent !== table.name && chance(40)
      const link = { kind, withParent, ...(retain && { retain }) }
      links.push(
        reversed
          ? { child: parent, column: 'id', parent: table.name, toColumn: column, ...link }
          : { child: table.name, column, parent, toColumn: 'id', ...link },
      )
    }
  // One link a pair of tables and column.
  const seen = new Set<string>()
  return {
    tables,
    keys,
    links: links.filter(({ child, column, parent }) => {
      const name = `${child} ${column} ${parent}`
      return !seen.has(name) && seen.add(name)
    }),
  }
}

function randomRows(
  { tables, keys, links }: Schema,
  below: (n: number) => number,
  today: string,
): ErasureRow[] {
  const counts = new Map(tables.map(({ name }) => [name, 1 + below(6)]))
  return tables.flatMap(({ name, columns }) =>
    Array.from({ length: counts.get(name)! }, (_, i) => ({
      table: name,
      id: i + 1,
      owner: below(100) < 94 ? 1 : 2,
      at: below(8) === 0 ? null : parseDay(today) - Math.round(365.25 * below(5)) + below(3) - 1,
      values: Object.fromEntries(
        columns.map((column) => {
          const parent =
            keys.find((key) => key.child === name && key.column === column.name)?.parent ??
            links.find((link) => link.child === name && link.column === column.name)?.parent ??
            name
          return [column.name, !column.notNull && below(100) < 35 ? null : 1 + below(counts.get(parent)!)]
        }),
      ),
    })),
  )
}

async function build(session: Session, { tables, keys, links }: Schema): Promise<void> {
  await session.query(`create schema wood;
    ${tables
      .map(
        ({ name, columns }) =>
          `create table ${name} (id int primary key, owner int not null, at date, ${columns
            .map((column) => `${column.name} int${column.notNull ? ' not null' : ''}`)
            .join(', ')});`,
      )
      .join('\n')}
    ${keys
      .map((key) => `alter table ${key.child} add foreign key (${key.column}) references ${key.parent};`)
      .join('\n')}
    grant usage on schema wood to lethe_sweeper;
    grant select, update, delete on all tables in schema wood to lethe_sweeper;
    insert into lethe.managed_tables (schema_name, table_name, controller_column, key_columns)
    select 'wood', tablename, 'owner', '{id}' from pg_tables where schemaname = 'wood' order by 2;
    insert into lethe.subject_types (name, table_id) select 'walker', min(id) from lethe.managed_tables where schema_name = 'wood';`)
  await session.query(
    `insert into lethe.links (subject_type_id, table_id, columns, to_table_id, to_columns, kind, on_purge, on_erasure)
     select (select id from lethe.subject_types where name = 'walker'), c.id, array[l."column"], p.id, array[l."toColumn"], l.kind,
       case when l."withParent" then 'with parent' else 'keep' end,
       case when l.retain is not null then jsonb_build_object('retain', format('P%sM', l.retain ->> 'months'), 'since', 'at', 'basis', 'a law') end
     from jsonb_to_recordset($1) as l (child text, "column" text, parent text, "toColumn" text, kind text, "withParent" boolean, retain jsonb)
     join lethe.managed_tables as c on 'wood.' || c.table_name = l.child and c.schema_name = 'wood'
     join lethe.managed_tables as p on 'wood.' || p.table_name = l.parent and p.schema_name = 'wood'`,
    [JSON.stringify(links)],
  )
}

async function load(session: Session, schema: Schema, rows: ErasureRow[]): Promise<void> {
  await session.query('set local session_replication_role = replica')
  for (const { name } of schema.tables) {
    const mine = rows
      .filter((row) => row.table === name)
      .map(({ id, owner, at, values }) => ({ id, owner, at: at === null ? null : formatDay(at), ...values }))
    await session.query(`delete from ${name}`)
    await session.query(`insert into ${name} select * from jsonb_populate_recordset(null::${name}, $1)`, [
      JSON.stringify(mine),
    ])
  }
  await session.query('set local session_replication_role = origin')
}

it('whatever the schema and the rows, each row reached is decided as the oracle decides, and what is in the way is refused', async () => {
  const seen: Record<string, number> = {}
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const below = randomNumbers(seed)
      const schema = randomSchema(below)
      const client = await db.connect()
      await client.query('begin')
      try {
        await build(client, schema)
        const [{ today }] = (await rowsOf<{ today: string }>(
          client,
          `select lethe_private.today('America/St_Johns')::text as today`,
        )) as [{ today: string }]
        for (let n = 0; n < 4; n++) {
          const rows = randomRows(schema, below, today)
          await load(client, schema, rows)
          const table = schema.tables[0]!.name
          const ids = rows
            .filter((row) => row.table === table && row.owner === 1 && below(3) > 0)
            .map(({ id }) => id)
          const expected = decisionsOf(schema, rows, { table, ids, owner: 1 }, parseDay(today))
          const found = await rowsOf<{ name: string; decided: unknown; decision: string }>(
            client,
            `select 'wood.' || t.table_name || '/' || d.key as name, d.decision,
               jsonb_build_object('kind', d.kind, 'decision', d.decision, 'cut', coalesce(d.cut, '{}'), 'until', d.until) as decided
             from lethe.subject_types as s, lethe.controllers as c,
               unnest(lethe_private.decide(lethe_private.reach(s, c, $1, true), s, c, $2::date)) as d
             join lethe.managed_tables as t on t.id = d.table_id
             where s.name = 'walker' and c.name = 'north'`,
            [ids.map(String), today],
          )
          const readable = Object.fromEntries(
            [...expected].map(([name, { until, ...rest }]) => [
              name,
              { ...rest, until: until === null ? null : formatDay(until) },
            ]),
          )
          expect(Object.fromEntries(found.map(({ name, decided }) => [name, decided]))).toEqual(readable)
          for (const { decision } of found) seen[decision] = (seen[decision] ?? 0) + 1
          if (n > 1) continue
          const id = await openErasure(client, 'walker', ids.map(String))
          const [{ plan }] = (await rowsOf<{ plan: Plan }>(client, 'select lethe.plan_request($1) as plan', [
            id,
          ])) as [{ plan: Plan }]
          const refused = refusalsExpected(schema, rows, expected)
          expect(refusalsOf(plan).filter((line) => /^LE42[23]/.test(line))).toEqual(refused)
          seen.refused = (seen.refused ?? 0) + refused.length
        }
      } finally {
        await client.query('rollback')
        await client.end()
      }
    }),
    { seed: 5, numRuns: 25, endOnFailure: true },
  )
  // Nothing of this is worth much if it hardly happens.
  for (const decision of ['purge', 'anonymize', 'cut', 'retain', 'stay', 'refused'])
    expect([decision, seen[decision] ?? 0]).toEqual([decision, expect.toSatisfy((n: number) => n > 10)])
}, 240_000)

/** A schema of `tables` tables with 1.8 times as many foreign keys; the person has rows in the first `touched`. */
async function statementsOf(
  session: Session,
  tables: number,
  touched: number,
): Promise<{ statements: number; rows: number }> {
  const below = randomNumbers(11)
  const links: string[] = []
  const columns = Array.from({ length: tables }, (): string[] => [])
  for (let i = 1; i < tables; i++) {
    columns[i]!.push(`up int references big.t${i < touched ? below(i) : i - 1}`)
    links.push(`(${i}, 'up', ${i < touched ? columns[i]!.at(-1)!.match(/t(\d+)/)![1] : i - 1}, 'own')`)
    if (i % 5 === 0) continue
    const other = below(i)
    columns[i]!.push(`also int references big.t${other}`)
    links.push(`(${i}, 'also', ${other}, 'mention')`)
  }
  await session.query(`create schema big;
    ${columns.map((more, i) => `create table big.t${i} (${['id int primary key', ...more].join(', ')});`).join('\n')}
    insert into big.t0 values (1);
    ${columns
      .slice(1, touched)
      .map((_, i) => `insert into big.t${i + 1} (id, up) values (1, 1), (2, 1);`)
      .join('\n')}
    grant usage on schema big to lethe_sweeper;
    grant select, update, delete on all tables in schema big to lethe_sweeper;
    insert into lethe.managed_tables (schema_name, table_name, controller_id, key_columns)
    select 'big', tablename, (select id from lethe.controllers where name = 'north'), '{id}' from pg_tables where schemaname = 'big';
    insert into lethe.subject_types (name, table_id) select 'giant', id from lethe.managed_tables where schema_name = 'big' and table_name = 't0';
    insert into lethe.links (subject_type_id, table_id, columns, to_table_id, to_columns, kind)
    select s.id, c.id, array[l.name], p.id, '{id}', l.kind
    from (values ${links.join(', ')}) as l (child, name, parent, kind)
    join lethe.subject_types as s on s.name = 'giant'
    join lethe.managed_tables as c on c.schema_name = 'big' and c.table_name = 't' || l.child
    join lethe.managed_tables as p on p.schema_name = 'big' and p.table_name = 't' || l.parent;
    set local track_functions = 'pl';`)
  const id = await openErasure(session, 'giant', ['1'])
  const calls = async (): Promise<number> =>
    (
      await rowsOf<{ calls: number }>(
        session,
        `select coalesce(sum(calls), 0)::int as calls from pg_stat_xact_user_functions where funcname = 'as_sweeper'`,
      )
    )[0]!.calls
  const before = await calls()
  const [{ plan }] = (await rowsOf<{ plan: Plan }>(session, 'select lethe.plan_request($1) as plan', [
    id,
  ])) as [{ plan: Plan }]
  expect(plan.refusals).toEqual([])
  return { statements: (await calls()) - before, rows: plan.totals.rows! }
}

it('a plan asks as much as the person touches, however many tables there are', async () => {
  const asked: Record<string, { statements: number; rows: number }> = {}
  for (const [tables, touched] of [
    [250, 60],
    [500, 60],
    [500, 120],
  ] as const) {
    const client = await db.connect()
    await client.query('begin')
    try {
      asked[`${touched} of ${tables}`] = await statementsOf(client, tables, touched)
    } finally {
      await client.query('rollback')
      await client.end()
    }
  }
  const [few, more, twice] = Object.values(asked) as [Count, Count, Count]
  expect(few.rows).toBe(119)
  expect(more.rows).toBe(119)
  expect(twice.rows).toBe(239)
  // Untouched tables cost nothing but what refers to touched ones; twice as many touched, about twice the statements.
  expect(more.statements).toBeLessThan(few.statements * 1.5)
  expect(twice.statements).toBeLessThan(more.statements * 2.2)
}, 240_000)

type Count = { statements: number; rows: number }
